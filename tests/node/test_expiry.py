"""What ends by itself after its years, in one office and between two, with a moved clock."""

import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from node.accounts.emergency import Emergency
from node.accounts.model import Reading
from node.bootstrap import Hands, Node, build_node, own_hands
from node.cases.days import local_day
from node.cases.model import Baton
from node.casework import archiving, expiring
from node.casework.auditing import check_log, check_transfer
from node.casework.comparing import compare
from node.casework.consents import withdraw_consent
from node.casework.expiring import Expiry
from node.casework.keeping import Reason as HoldReason
from node.casework.keeping import release_hold, set_hold
from node.config import load_settings
from node.crypto.backupbox import backup_keys
from node.errors import UsageError
from node.exchangelog.entry import GroupName
from node.exchangelog.finding import Verdict
from node.exchangelog.keeping import HoldBasis
from node.failpoints import NoFailpoints
from node.federation.shared import shared_page
from node.founding import Paths, new_recovery_keys
from node.ids import CaseId, Hex128, TransferId
from node.report.eight import Question
from node.report.snapshot import ReportSettings
from node.store.backup import Backups, Vault
from node.store.backupduty import BackupDuty
from node.sync import onward, reception, recipient
from node.sync.message import Envelope
from node.sync.transfer import Inbound, Outbound
from tests.support.acts import rows
from tests.support.browser_by_hand import signed_in, words
from tests.support.caseoffice import person
from tests.support.databases import DIALECTS, postgres
from tests.support.desk import erase, relocate
from tests.support.handed import hand_over, inbound, outbound
from tests.support.office import (
    AUDITOR,
    LEADER,
    MovingClock,
    OpenOffice,
    add_more,
    before,
    open_office,
)
from tests.support.pair import (
    AGS,
    APPROVER,
    CLERK,
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
    running,
    until,
)
from tests.support.twins import add, content_of

__all__ = ["postgres"]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.spec("DO-33", "HO-47"),
]
LONG_AGO = timedelta(days=6 * 365)


def hear(
    node: Node, peer: Any, clock: MovingClock, off: timedelta = timedelta()
) -> None:
    """Another office says what time it is (SR-K7)."""

    def act(uow: Any) -> None:
        with uow:
            now = clock.now()
            uow.heads.hear_clock(peer, said_at=now + off, at=now)
            uow.commit()

    node.store.write_sync(act)


def expire(node: Node) -> None:
    """The duty of the day, as after a start."""
    Expiry(node.store, node.office)()


def do(node: Node, act: Any) -> Any:
    def unit(uow: Any) -> Any:
        with uow:
            found = act(uow)
            uow.commit()
            return found

    return node.store.write_sync(unit)


# ---- One office ------------------------------------------------------------------------


@pytest.fixture(scope="module", params=DIALECTS)
def databases(request):
    """Two databases of this dialect; empty is a file of the office's own."""
    if request.param == "sqlite":
        yield "", ""
        return
    server = request.getfixturevalue("postgres")
    names = server.empty(), server.empty()
    yield tuple(server.url(name) for name in names)
    for name in names:
        server.drop(name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory, databases):
    folder = tmp_path_factory.mktemp("office")
    folders = found_pair(folder, own_hands(), databases=(databases[0], ""))
    async with open_office(folder, folders=folders) as office:
        yield office


@pytest.fixture
def office(opened: OpenOffice) -> OpenOffice:
    opened.clock.offset = timedelta()
    hear(opened.node, SAECKINGEN, opened.clock)
    return opened


def long_ago(office: OpenOffice, name: str, ago: timedelta = LONG_AGO, **person: Any):
    """Somebody who agreed a while ago, and about whom nothing was written since."""
    office.clock.offset = -ago
    case = open_case(office.node, name, **person)
    for talk in content_of(office.node, case).of("contact"):
        day = office.clock.now().date().isoformat()
        dated = replace(talk, values={**talk.values, "date": day})
        do(office.node, lambda uow, one=dated: uow.cases.put([one]))
    consent = give_consent(office.node, case)
    office.clock.offset = timedelta()
    return case, consent


def consents(node: Node, case: CaseId) -> Any:
    return node.store.read_sync(lambda uow: uow.consents.of_case(case))


async def test_consents_go_with_their_evidence_once_the_years_are_over(office, node):
    case, consent = long_ago(office, "Demo-Vorbei")
    place = {"of": consent}
    assert rows(node.store, "SELECT id FROM consent WHERE id = :of", **place)
    entries = len(rows(node.store, "SELECT idx FROM log_body"))
    expire(node)
    assert consents(node, case) == []
    assert not rows(node.store, "SELECT id FROM consent WHERE id = :of", **place)
    # The log names nobody and stays; the chain of the person can go on from it.
    assert len(rows(node.store, "SELECT idx FROM log_body")) == entries
    assert rows(node.store, "SELECT * FROM consent_chain WHERE case_id = :of", of=case)
    assert check(node).verdict is Verdict.VERIFIED


def check(node: Node) -> Any:
    return node.store.read_sync(check_log, node.office, None, AUDITOR)


@pytest.mark.parametrize("off", [timedelta(hours=1), -timedelta(minutes=6)])
async def test_nothing_goes_while_no_other_office_confirms_the_clock(office, node, off):
    case, _ = long_ago(office, "Demo-Uhr")
    hear(node, SAECKINGEN, office.clock, off)
    expire(node)
    office.clock.offset = timedelta(hours=25)
    expire(node)
    assert len(consents(node, case)) == 1


async def test_without_a_confirmed_clock_the_day_is_tried_again(office, node):
    case, _ = long_ago(office, "Demo-Nochmal")
    duty = Expiry(node.store, node.office)
    office.clock.offset = timedelta(hours=25)
    duty()
    assert consents(node, case)
    hear(node, SAECKINGEN, office.clock)
    duty()
    assert not consents(node, case)


async def test_a_consent_of_these_years_stays(office, node):
    case, _ = long_ago(office, "Demo-Jung", timedelta(days=3 * 365))
    expire(node)
    assert len(consents(node, case)) == 1


async def test_the_years_are_those_that_the_town_has_set(office, node, monkeypatch):
    case, _ = long_ago(office, "Demo-Jahre")
    town = replace(node.office.town(), record_years=9)
    longer = replace(node.office, town=lambda: town)
    Expiry(node.store, longer)()
    assert len(consents(node, case)) == 1
    expire(node)
    assert consents(node, case) == []


async def test_no_consent_goes_while_another_of_the_person_is_in_force(office, node):
    """Else a refusal would end before the yes that it took back (FR-20)."""
    case, consent = long_ago(office, "Demo-Gilt")
    forever = replace(
        consents(node, case)[0],
        id=type(consents(node, case)[0].id)("7" * 32),
        valid_until=date(2099, 12, 31),
    )
    do(node, lambda uow: uow.consents.put(forever))
    office.clock.offset = -LONG_AGO + timedelta(days=1)
    node.store.write_sync(
        withdraw_consent,
        node.office,
        type(forever.id)(consent),
        how="oral",
        said_by="self",
        by=CLERK,
    )
    office.clock.offset = timedelta()
    expire(node)
    assert len(consents(node, case)) == 2


async def test_somebody_with_whom_work_goes_on_keeps_everything(office, node):
    case, _ = long_ago(office, "Demo-Arbeit")
    add(node, case, "note", text="heute")
    expire(node)
    assert len(consents(node, case)) == 1


@pytest.mark.parametrize("last", [0, 1])
async def test_a_legal_hold_keeps_everything_until_its_last_day(office, node, last):
    until_day = (office.clock.now() + timedelta(days=last)).date().isoformat()
    case, _ = long_ago(office, f"Demo-Halt{last}", legal_hold=until_day)
    expire(node)
    assert len(consents(node, case)) == 1
    office.clock.offset = timedelta(days=last + 1)
    hear(node, SAECKINGEN, office.clock)
    expire(node)
    assert consents(node, case) == []


async def test_a_locked_case_keeps_everything(office, node):
    case, _ = long_ago(office, "Demo-Sperre")
    file = node.store.read_sync(lambda uow: uow.cases.file(case))
    locked = replace(file, restricted_on=file.opened_on)
    do(node, lambda uow: uow.cases.replace(file, locked))
    expire(node)
    assert len(consents(node, case)) == 1


async def test_a_hold_of_the_log_keeps_the_consents_until_it_is_released(office, node):
    case, _ = long_ago(office, "Demo-Gericht")
    group = GroupName.of_consents(case)
    hold = node.store.write_sync(
        set_hold,
        node.office,
        group,
        HoldReason(HoldBasis.COURT, "AZ-5K12/26"),
        by=APPROVER,
    )
    expire(node)
    assert len(consents(node, case)) == 1
    node.store.write_sync(release_hold, node.office, hold, by=APPROVER)
    expire(node)
    assert consents(node, case) == []


async def test_an_open_duty_to_answer_keeps_the_consents(office, node):
    case, _ = long_ago(office, "Demo-Frist")
    do(node, lambda uow: uow.tasks.add(onward.DUTY, at=office.clock.now(), case=case))
    expire(node)
    assert len(consents(node, case)) == 1


async def test_a_transfer_that_never_ended_and_its_consent_stay(office, node):
    case, _ = long_ago(office, "Demo-Unterwegs")
    office.clock.offset = -LONG_AGO
    transfer = relocate(node, AGS[SAECKINGEN], case)
    office.clock.offset = timedelta()
    assert outbound(node, TransferId(transfer)).state is Outbound.HELD
    expire(node)
    assert outbound(node, TransferId(transfer)).state is Outbound.HELD
    assert len(consents(node, case)) == 1


def ended(office: OpenOffice, name: str, state: Outbound = Outbound.CANCELLED, **more):
    """A transfer of long ago that came to its end, with the consent it rested on."""
    case, consent = long_ago(office, name)
    office.clock.offset = -LONG_AGO
    number = TransferId(relocate(office.node, AGS[SAECKINGEN], case))
    at = office.clock.now()
    office.clock.offset = timedelta()
    before = outbound(office.node, number)
    members = tuple(replace(m, basis=consent) for m in before.members)
    after = replace(
        before, state=state, members=members, facts={**before.facts, state: at}, **more
    )
    do(office.node, lambda uow: uow.outbound.replace(before, after))
    return case, number


def sent(node: Node, number: TransferId) -> Any:
    return node.store.read_sync(lambda uow: uow.outbound.find(number))


@pytest.mark.parametrize(
    "state",
    [
        *(Outbound.CANCELLED, Outbound.RECALLED, Outbound.REJECTED),
        *(Outbound.RECLAIMED, Outbound.ERASED),
    ],
)
async def test_a_transfer_at_its_end_goes_and_its_consent_after_it(office, node, state):
    case, number = ended(office, f"Demo-{state}", state)
    expire(node)
    assert sent(node, number) is None
    assert consents(node, case) == []
    assert not rows(
        node.store, "SELECT * FROM relocation_case WHERE case_id = :of", of=case
    )
    assert check(node).verdict is Verdict.VERIFIED


@pytest.mark.parametrize(
    "state",
    [
        *(Outbound.QUEUED, Outbound.DELIVERED, Outbound.ASKED, Outbound.GRANTED),
        *(Outbound.DURABLE, Outbound.RECALLING, Outbound.EXPORTED, Outbound.TOLD),
    ],
)
async def test_no_transfer_goes_before_its_end_nor_what_it_rests_on(
    office, node, state
):
    case, number = ended(office, f"Demo-{state}", state)
    expire(node)
    assert sent(node, number).state is state
    assert len(consents(node, case)) == 1
    left = sent(node, number)
    do(
        node,
        lambda uow: uow.outbound.replace(left, replace(left, state=Outbound.CANCELLED)),
    )


async def test_a_closed_transfer_stays_as_long_as_our_copy_rests_on_it(office, node):
    case, number = ended(office, "Demo-Ruht", Outbound.CLOSED)
    file = node.store.read_sync(lambda uow: uow.cases.file(case))
    resting = replace(file, baton=Baton.HANDED_OVER, transfer=number)
    do(node, lambda uow: uow.cases.replace(file, resting))
    expire(node)
    assert sent(node, number) is not None
    file = node.store.read_sync(lambda uow: uow.cases.file(case))
    gone = replace(file, baton=Baton.SHREDDED, transfer=None)
    do(node, lambda uow: uow.cases.replace(file, gone))
    expire(node)
    assert sent(node, number) is None
    assert consents(node, case) == []


async def test_the_newest_word_about_a_transfer_keeps_it(office, node):
    _, number = ended(office, "Demo-Wort", Outbound.ERASED)
    late = sent(node, number)
    facts = {**late.facts, "withdrawn": office.clock.now() - timedelta(days=400)}
    do(node, lambda uow: uow.outbound.replace(late, replace(late, facts=facts)))
    expire(node)
    assert sent(node, number) is not None


async def test_one_of_a_household_keeps_the_transfer_of_all(office, node):
    case, number = ended(office, "Demo-Familie")
    other = open_case(node, "Demo-Kind")
    before = sent(node, number)
    both = (*before.members, replace(before.members[0], case=other))
    do(node, lambda uow: uow.outbound.replace(before, replace(before, members=both)))
    expire(node)
    assert sent(node, number) is not None
    assert len(consents(node, case)) == 1


async def test_a_hold_of_the_log_keeps_the_record_of_its_transfer(office, node):
    case, number = ended(office, "Demo-Klage")

    def hold(uow: Any) -> None:
        tag = uow.keeping.tag(GroupName.of_transfer(number))
        uow.keeping.add_hold(b"h" * 16, tag, HoldBasis.CLAIM, b"e" * 32)

    do(node, hold)
    expire(node)
    assert sent(node, number) is not None
    assert len(consents(node, case)) == 1


async def test_what_somebody_did_meanwhile_is_seen_when_it_is_erased(office, node):
    """The list of what is due is old by then; each transaction decides anew."""
    case, number = ended(office, "Demo-Inzwischen")
    due = node.store.read_sync(expiring.find_due, node.office)
    assert number in due.sent
    assert case in due.persons
    add(node, case, "note", text="heute")
    assert not node.store.write_sync(expiring.end_sent, node.office, number)
    assert not node.store.write_sync(expiring.end_person, node.office, case)
    assert sent(node, number) is not None


async def test_a_reader_in_the_way_is_met_again_and_the_bytes_go_later(
    office, node, monkeypatch
):
    long_ago(office, "Demo-Leser")
    answers = iter([False, True])
    asked = []

    def purge() -> bool:
        asked.append(1)
        return next(answers)

    duty = Expiry(node.store, node.office)
    monkeypatch.setattr(node.store, "purge", purge)
    for _ in range(3):
        duty()
    assert len(asked) == 2


# ---- Looks and the tally ---------------------------------------------------------------


@pytest.mark.spec("SR-D5")
async def test_looks_and_emergency_access_end_after_two_years(office, node):
    case, now = "5" * 32, office.clock.now()
    for days in (729, 731):
        at = now - timedelta(days=days)
        reading = Reading(CLERK.account, CaseId(case), at, "emergency", reason="Grund")
        access = Emergency(
            id=Hex128.of(secrets.token_bytes(16)),
            account=CLERK.account,
            case=CaseId(case),
            opened_at=at,
        )
        do(
            node,
            lambda uow, one=reading, other=access: (
                uow.read_log.add(one),
                uow.emergencies.add(other),
            ),
        )
    expire(node)
    left = node.store.read_sync(lambda uow: uow.read_log.of_case(CaseId(case)))
    assert [one.at for one in left] == [now - timedelta(days=729)]
    query = "SELECT count(*) FROM emergency WHERE case_id = :of"
    assert rows(node.store, query, of=case) == [(1,)]


async def test_counted_lines_end_after_the_funding_period_and_snapshots_stay(
    office, node
):
    office.clock.offset = -timedelta(days=12 * 365)
    year = office.clock.now().year
    case = person(office, "Demo-Zahl")
    status = {"care_status": "closed", "closure_reason": "other"}
    add(node, case, "care_status", valid_from=f"{year}-11-02", **status)
    period = ReportSettings(date(year, 1, 1), date(year + 1, 12, 31))
    at = office.clock.now()
    do(node, lambda uow: uow.reports.set_settings(period, by=LEADER.account, at=at))
    do(node, lambda uow: archiving.erase_here(uow, node.office, case))
    lines = "SELECT count(*) FROM tally"
    assert rows(node.store, lines) != [(0,)]
    office.clock.offset = timedelta(days=(5 - 12) * 365)
    hear(node, SAECKINGEN, office.clock)
    expire(node)
    assert rows(node.store, lines) != [(0,)]
    office.clock.offset = timedelta()
    hear(node, SAECKINGEN, office.clock)
    expire(node)
    assert rows(node.store, lines) == [(0,)]


# ---- Two offices -----------------------------------------------------------------------


@dataclass
class Past:
    """A handover of years ago, whose record has gone at both ends."""

    wehr: Node
    saeckingen: Node
    clock: MovingClock
    case: CaseId
    transfer: TransferId
    said: list[str]
    heard: list[str]
    before: dict[str, int]


def words_of(node: Node, transfer: TransferId) -> tuple[list[str], list[str]]:
    return node.store.read_sync(
        lambda uow: (
            [row.jws for row in uow.outbox.of_transfer(transfer)],
            list(uow.inbox.of_transfer(transfer)),
        )
    )


def secure(node: Node, folder: Path) -> None:
    """A backup of everything, verified: from now on the case is durable there."""
    paths = Paths(node.settings.folder)
    master = paths.master.read_bytes()
    new_recovery_keys(paths, master, secrets.token_bytes)
    kept = backup_keys(master)
    vault = Vault(node.settings.folder, folder / "content", folder / "keys", kept)
    backups = Backups(node.store, node.means, vault)
    BackupDuty(backups, node.store, node.means, node.office, hour=0).verify(
        backups.create()
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def past(tmp_path_factory, databases):
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    folder = tmp_path_factory.mktemp("pair")
    folders = found_pair(folder, hands, databases=("", databases[1]))
    async with AsyncExitStack() as stack:
        wehr, saeckingen = [
            await stack.enter_async_context(
                build_node(load_settings(folders[m]), hands)
            )
            for m in (WEHR, SAECKINGEN)
        ]
        for node in (wehr, saeckingen):
            add_staff(node)
        async with running(wehr), running(saeckingen):
            handed = await hand_over(wehr, saeckingen)
            secure(saeckingen, folder / "backups")
            await until(
                lambda: outbound(wehr, handed.transfer).state is Outbound.DURABLE
            )
            # The last receipt is taken there before its sender knows that it was.
            await until(
                lambda: (
                    not any(
                        node.store.read_sync(
                            lambda uow: uow.remainders.is_waiting(handed.transfer)
                        )
                        for node in (wehr, saeckingen)
                    )
                )
            )
        said, heard = words_of(wehr, handed.transfer)
        clock.offset = timedelta(days=91)
        hear(wehr, SAECKINGEN, clock)
        erase(wehr)
        assert outbound(wehr, handed.transfer).state is Outbound.ERASED
        for node, peer in ((wehr, SAECKINGEN), (saeckingen, WEHR)):
            hear(node, peer, clock)
            expire(node)
        assert outbound(wehr, handed.transfer).state is Outbound.ERASED
        assert inbound(saeckingen, handed.transfer).state is Inbound.DURABLE
        before = {
            "taken": len(rows(wehr.store, "SELECT jti FROM taken")),
            "peer_entry": len(rows(saeckingen.store, "SELECT c FROM peer_entry")),
        }
        clock.offset = timedelta(days=5 * 365)
        for node, peer in ((wehr, SAECKINGEN), (saeckingen, WEHR)):
            hear(node, peer, clock)
            expire(node)
        yield Past(
            wehr, saeckingen, clock, handed.case, handed.transfer, said, heard, before
        )


async def test_both_records_have_gone_and_no_word_is_left(past):
    assert sent(past.wehr, past.transfer) is None
    assert inbound(past.saeckingen, past.transfer) is None
    assert consents(past.wehr, past.case) == []
    for node in (past.wehr, past.saeckingen):
        assert words_of(node, past.transfer) == ([], [])
        for table, column in (
            ("taken", "jws"),
            ("statement", "jws"),
            ("inbound_transfer", "offer"),
        ):
            found = rows(node.store, f"SELECT {column} FROM {table}")
            assert not [text for (text,) in found if text], table


@pytest.mark.spec("EL-7")
async def test_the_log_and_the_other_towns_check_find_nothing_missing(past):
    pairs = (
        (past.wehr, SAECKINGEN, past.saeckingen),
        (past.saeckingen, WEHR, past.wehr),
    )
    for node, peer, other in pairs:
        report = check(node)
        assert (report.verdict, report.findings) == (Verdict.VERIFIED, ())
        found = node.store.read_sync(compare, node.office, peer, by=AUDITOR)
        assert found.transfers == 1
        assert {one.found.verdict for one in found.differences} == {Verdict.VERIFIED}
        page = other.store.read_sync(
            lambda uow, of=node: shared_page(
                uow, of.office.member, TransferId("0" * 32), 0
            )
        )
        assert [row["transfer"] for row in page["transfers"]] == [past.transfer]


async def test_the_eight_answers_say_that_the_statements_went_lawfully(past):
    checked = past.wehr.store.read_sync(
        check_transfer, past.wehr.office, past.transfer, None, AUDITOR
    )
    answers = {one.question: one for one in checked.judged.answers}
    assert checked.judged.bad == 0
    for question in (Question.OUR_SIGNATURES, Question.THEIR_SIGNATURES):
        assert (answers[question].ok, answers[question].why) == (None, "erased")
    assert answers[Question.STEPS].ok
    assert answers[Question.BOTH_SIDES].ok
    assert answers[Question.CONSENT].ok


async def test_the_pages_say_since_when_the_record_is_gone_and_what_still_proves_it(
    past,
):
    past.wehr.store.write_sync(add_more)
    day = f"{local_day(past.clock.now()):%d.%m.%Y}"
    here = f"/exchangelog/{past.transfer}"
    async with before(past.wehr) as client:
        auditor = await signed_in(client, AUDITOR)
        page = await auditor.get(here)
        explained = await auditor.get(f"{here}/evidence")
        for shown in (page, explained):
            assert shown.status == 200
            assert f"Die Akte dieser Übergabe wurde am {day} gelöscht" in (words(shown))
            assert "Die Aufbewahrungsfrist war abgelaufen." in words(shown)
            assert "die Einträge beider Stellen im Austauschprotokoll" in words(shown)
        assert "Beweispaket herunterladen" not in words(page)
        assert 'method="post"' not in explained.text.partition("<main")[2]
        tried = await auditor.post(f"{here}/evidence", page.form_token)
        assert tried.status == 410
        assert f"am {day} gelöscht" in words(tried)
        assert past.case not in page.text + explained.text


@pytest.mark.spec("HO-20", "P2")
async def test_a_late_repetition_gets_the_stored_answer_and_makes_nothing_new(past):
    for node, peer, said in (
        (past.wehr, SAECKINGEN, past.heard),
        (past.saeckingen, WEHR, past.said),
    ):
        for jws in said:
            answer = node.store.write_sync(
                reception.take_list, node.office, peer, [Envelope(jws, None)]
            )
            assert set(answer.results.values()) == {"taken"}
    assert sent(past.wehr, past.transfer) is None
    assert inbound(past.saeckingen, past.transfer) is None
    taken = rows(past.wehr.store, "SELECT jti FROM taken")
    assert len(taken) == past.before["taken"]
    entries = rows(past.saeckingen.store, "SELECT c FROM peer_entry")
    assert len(entries) == past.before["peer_entry"]


@pytest.mark.spec("P2")
async def test_an_offer_of_the_same_number_is_never_a_new_one(past):
    office = past.saeckingen.office
    offer, _ = reception.open_list(office, WEHR, [Envelope(past.said[0], None)])[0]
    with pytest.raises(UsageError):
        past.saeckingen.store.write_sync(
            lambda uow: _within(uow, recipient.take_offer, office, offer)
        )
    assert inbound(past.saeckingen, past.transfer) is None


def _within(uow: Any, act: Any, *args: Any) -> Any:
    with uow:
        found = act(uow, *args)
        uow.commit()
    return found


@pytest.mark.spec("HO-43")
async def test_both_chains_go_on_where_they_stood(past):
    ends = [
        (
            past.wehr.store.read_sync(lambda uow: uow.chains.last_out(SAECKINGEN)),
            past.saeckingen.store.read_sync(lambda uow: uow.chains.last_in(WEHR)),
        ),
        (
            past.saeckingen.store.read_sync(lambda uow: uow.chains.last_out(WEHR)),
            past.wehr.store.read_sync(lambda uow: uow.chains.last_in(SAECKINGEN)),
        ),
    ]
    for out, taken in ends:
        assert out is not None
        assert out == taken


async def test_reports_still_count_the_handover_at_both_ends(past):
    for node in (past.wehr, past.saeckingen):
        (found,) = node.store.read_sync(lambda uow: uow.counting.handed(None))
        assert (found.number, found.persons) == (past.transfer, 1)
        assert found.imported_on is not None
