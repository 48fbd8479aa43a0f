"""A stolen or lost key stops what waits for it within one refresh, and cases stay ours."""

import asyncio
from datetime import timedelta

import pytest

from node.cases.model import Baton
from node.errors import KeyRetiredError
from node.federation.registrar import Retirement, publish, retire
from node.ids import KeyId
from node.sync.transfer import Inbound, Outbound, Why
from tests.e2e.test_key_years import send
from tests.support.desk import approve, relocate
from tests.support.pair import AGS, SAECKINGEN, WEHR, give_consent, open_case, until
from tests.support.years import inbound, outbound, two_over_years

DAY = timedelta(days=1)


def replacement(node, transfer):
    """The transfer that was prepared anew, if there is one."""

    def read(uow):
        held = [uow.outbound.get(t) for t in uow.outbound.in_states([Outbound.HELD])]
        return [t for t in held if t.replaces == transfer]

    return node.store.read_sync(read)


def take_away(years, member, kid):
    target = Retirement(member, kid, "stolen")
    retire(years.published, years.keys, target=target, at=years.now())


@pytest.mark.spec("HO-106", "DIR-13")
@pytest.mark.parametrize("kid", ["k1", "s1", None])
async def test_what_waits_at_the_other_side_is_stopped_before_the_grant(tmp_path, kid):
    async with two_over_years(tmp_path) as years:
        transfer = await send(years, 0)
        take_away(years, SAECKINGEN, kid)
        await asyncio.to_thread(years.wehr.refresh_directory)
        stopped = outbound(years.wehr, transfer)
        assert (stopped.state, stopped.why) == (Outbound.RECALLING, Why.KEY)
        (new,) = replacement(years.wehr, transfer)
        assert [m.case for m in new.members] == [m.case for m in stopped.members]
        file = years.wehr.store.read_sync(
            lambda uow: uow.cases.file(stopped.members[0].case)
        )
        assert file.baton is Baton.ACTIVE
        await asyncio.to_thread(years.wehr.refresh_directory)
        assert len(replacement(years.wehr, transfer)) == 1


async def test_the_prepared_transfer_says_why_it_waits_and_leaves_later(tmp_path):
    async with two_over_years(tmp_path) as years:
        transfer = await send(years, 0)
        take_away(years, SAECKINGEN, "k1")
        await asyncio.to_thread(years.wehr.refresh_directory)

        def reasons():
            (found,) = replacement(years.wehr, transfer)
            return {code for _, code in found.withheld}

        await until(lambda: reasons() == {"unknown-key"})
        (new,) = replacement(years.wehr, transfer)
        # The recipient makes a new key at once; a week later its sheet counts.
        await asyncio.to_thread(years.turn)
        await asyncio.to_thread(years.turn)
        assert set(years.saeckingen.office.keyring.openings) == {"k2"}
        await asyncio.to_thread(years.later, 7 * DAY)
        years.wehr.worker.notice("release", new.id)
        await until(lambda: outbound(years.wehr, new.id).state is Outbound.DELIVERED)
        assert outbound(years.wehr, new.id).kem_kid == "k2"


async def test_a_stolen_statement_key_is_refused_at_once_by_who_has_refreshed(tmp_path):
    async with two_over_years(tmp_path) as years:
        transfer = await send(years, 0)
        take_away(years, SAECKINGEN, "s1")
        await asyncio.to_thread(years.wehr.refresh_directory)
        with pytest.raises(KeyRetiredError):
            years.wehr.office.directory().sign_key(KeyId(f"{SAECKINGEN}#s1"))
        # The thief approves in the other town's name; nothing is granted.
        await asyncio.to_thread(approve, years.saeckingen, transfer)
        await asyncio.sleep(0.5)
        assert outbound(years.wehr, transfer).state is Outbound.RECALLING
        found = inbound(years.saeckingen, transfer)
        assert found.state in {Inbound.APPROVED, Inbound.WAITING, Inbound.RECALLED}


@pytest.mark.spec("DIR-14")
async def test_a_message_of_who_knows_more_makes_the_other_one_look(tmp_path):
    async with two_over_years(tmp_path) as years:
        await send(years, 0)
        asked = []
        rumours = years.saeckingen.office.newer.__self__
        rumours.wake = lambda: asked.append(1)
        await send(years, 1)
        assert asked == []
        publish(years.published, years.keys, at=years.now())
        await asyncio.to_thread(years.wehr.refresh_directory)
        await send(years, 2)
        assert asked


@pytest.mark.spec("HO-121", "DIR-10")
async def test_an_ended_directory_lets_everything_go_on_but_new_packets(tmp_path):
    async with two_over_years(tmp_path) as years:
        under_way = await send(years, 0)
        # Longer than a timestamp lives; nobody publishes, nobody can refresh.
        years.clock.offset += 8 * DAY
        case = await asyncio.to_thread(open_case, years.wehr, "Demo-Neu")
        await asyncio.to_thread(give_consent, years.wehr, case)
        late = await asyncio.to_thread(relocate, years.wehr, AGS[SAECKINGEN], case)

        def why():
            return {code for _, code in outbound(years.wehr, late).withheld}

        await until(lambda: why() == {"directory-expired"})
        assert outbound(years.wehr, late).state is Outbound.HELD
        # Taking, granting, opening, importing and receipts go on (11.3).
        await asyncio.to_thread(approve, years.saeckingen, under_way)
        await until(lambda: outbound(years.wehr, under_way).state is Outbound.CLOSED)
        # A fresh directory frees what waited.
        publish(years.published, years.keys, at=years.now())
        await asyncio.to_thread(years.refresh)
        years.wehr.worker.notice("release", late)
        await until(lambda: outbound(years.wehr, late).state is Outbound.DELIVERED)
        assert WEHR != SAECKINGEN
