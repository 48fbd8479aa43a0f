"""S12: who takes part, how the line stands, and what an old directory stops."""

from datetime import date, timedelta

import pytest

from node.cases.relocation import Source
from node.casework import sealing
from node.casework.relocations import Move, record_relocation
from node.sync.transfer import Outbound
from node.trust.directory import Freshness
from node.trust.places import shipped_places
from tests.support.browser_by_hand import words
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import (
    AGS,
    APPROVER,
    CLERK,
    SAECKINGEN,
    WEHR,
    give_consent,
    open_case,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
BODY = f"/directory/{SAECKINGEN}"


async def read(office, who, path):
    page = await (await office.enter(who)).get(path)
    assert page.status == 200, page.status
    return words(page)


def outbound(node, transfer):
    return node.store.read_sync(lambda uow: uow.outbound.get(transfer))


def change(office, act):
    def unit(uow):
        with uow:
            act(uow)
            uow.commit()

    office.node.store.write_sync(unit)


@pytest.mark.parametrize("who", [CLERK, APPROVER, LEADER, AUDITOR])
async def test_everybody_reads_who_takes_part_and_for_which_places(office, who):
    said = await read(office, who, "/directory")
    assert "Das Verzeichnis ist aktuell." in said
    assert "2 Stellen" in said
    assert "(diese Stelle)" in said
    assert "nimmt teil" in said
    about = await read(office, who, BODY)
    assert AGS[SAECKINGEN] in about
    assert ("Verbindung prüfen" in about) == (who is LEADER)


async def test_an_office_is_found_by_the_place_it_answers_for(office):
    assert "1 Stelle" in await read(office, CLERK, "/directory?q=SÄCKINGEN")
    said = await read(office, CLERK, "/directory?q=nirgendwo")
    assert "So heißt keine Stelle und kein Ort." in said
    for page in ("0", "99999999", "x", "-1", "1e3"):
        assert "2 Stellen" in await read(office, CLERK, f"/directory?page={page}")


@pytest.mark.parametrize("body", ["x", "08337116-nobody", "%00", "08337999-stadt-wehr"])
async def test_a_body_that_the_directory_does_not_know_is_absent(office, body):
    page = await (await office.enter(CLERK)).get(f"/directory/{body}")
    assert page.status == 404


async def test_checking_a_connection_says_whether_the_office_answered(office):
    # The other town of the pair is not started.
    browser = await office.enter(LEADER)
    page = await browser.get(BODY)
    answer = await browser.post(f"{BODY}/call", page.form_token)
    assert answer.status == 200
    assert "hat nicht geantwortet" in words(answer) or "Gerade nicht" in words(answer)


async def test_only_the_administration_calls_and_nobody_calls_themselves(office):
    for who, body, expected in (
        (CLERK, SAECKINGEN, 403),
        (AUDITOR, SAECKINGEN, 403),
        (LEADER, WEHR, 404),
    ):
        browser = await office.enter(who)
        token = (await browser.get("/accounts/me")).form_token
        answer = await browser.post(f"/directory/{body}/call", token)
        assert answer.status == expected


@pytest.mark.spec("SC-66")
async def test_an_office_in_quarantine_shows_on_its_pages(tmp_path):
    async with open_office(tmp_path) as office:
        change(office, lambda uow: uow.chains.quarantine(SAECKINGEN, "fork", "proof"))
        assert "in Quarantäne" in await read(office, CLERK, "/directory")
        said = await read(office, CLERK, BODY)
        assert "Übergaben dorthin und von dort ruhen." in said


@pytest.mark.spec("SC-66")
async def test_an_old_directory_is_told_and_an_expired_one_seals_nothing_new(tmp_path):
    async with open_office(tmp_path) as office:
        node = office.node
        case = open_case(node)
        give_consent(node, case)
        office.clock.offset = timedelta(days=2)
        assert node.office.directory().stale(office.clock.now()) is Freshness.WARN
        assert "Das Verzeichnis ist alt" in await read(office, CLERK, "/directory")
        assert "älter als 24 Stunden" in await read(office, LEADER, "/status")
        assert "älter als 24 Stunden" not in await read(office, CLERK, "/work")

        office.clock.offset = timedelta(days=90)
        banner = "Das Verzeichnis ist abgelaufen. Neue Übergaben ruhen."
        for who, path in ((CLERK, "/work"), (APPROVER, "/inbox"), (LEADER, "/status")):
            assert banner in await read(office, who, path)
        assert banner not in await read(office, AUDITOR, "/exchangelog")
        assert "Verzeichnis veraltet" in await read(office, CLERK, BODY)
        move = Move((case,), AGS[SAECKINGEN], date(2027, 3, 1), Source.FORM, "auto")
        made = node.store.write_sync(
            record_relocation,
            node.office,
            move,
            by=CLERK,
            places=shipped_places(),
        )
        await sealing.release_any(node.courier, made.transfer)
        held = outbound(node, made.transfer)
        assert held.state is Outbound.HELD
        assert held.withheld == ((case, "directory-expired"),)
        # Nothing but the directory's age stood in the way.
        office.clock.offset = timedelta()
        await sealing.release_any(node.courier, made.transfer)
        assert outbound(node, made.transfer).state is not Outbound.HELD
