"""Sealed exports at a real node without a peer: what people decide, and what is refused."""

import re
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio

from node.cases.model import Baton
from node.casework import exports, relocations, sealing
from node.casework.exports import Claim, WrongCode
from node.crypto.passphrase import CODE_ALPHABET
from node.errors import ForbiddenError, InputError, NotFoundError, TransitionError
from node.exchangelog.kinds import EntryType
from node.ids import Ags, CaseId
from node.report.sheet import Kind
from node.store.sourceeraser import SourceEraser
from node.sync.exportports import Address
from node.sync.override import ask_override, confirm_override
from node.sync.transfer import Outbound, Why
from tests.support import desk
from tests.support.exporting import TOWN, archive_of, code_in, confirm, town
from tests.support.office import LEADER
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    SECOND,
    give_consent,
    open_case,
)
from tests.support.papers import HAS_PANGO, text_of

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with town(tmp_path_factory.mktemp("wehr")) as there:
        yield there


def do(wehr, use_case, transfer, *args, by=CLERK, **more):
    return wehr.node.store.write_sync(
        use_case, wehr.node.office, transfer, *args, by=by, **more
    )


def case_of(wehr, transfer):
    case = wehr.outbound(transfer).members[0].case
    return wehr.node.store.read_sync(lambda uow: uow.cases.file(case))


def words_kept(wehr, transfer):
    return wehr.node.store.read_sync(lambda uow: uow.secrets.share_b(transfer))


def consent_of(wehr, transfer):
    return wehr.outbound(transfer).members[0].basis


def logged(wehr, transfer):
    """The types of all entries about a transfer, in order."""
    lines = wehr.node.store.read_sync(lambda uow: uow.log_view.lines(0))
    return [line.type for line in lines if line.transfer == transfer]


def code_of(wehr, transfer):
    return code_in(wehr.file(transfer), wehr.seal.words)


def wrong_of(code):
    first = next(c for c in CODE_ALPHABET if c != code[0])
    return first + code[1:]


async def told(wehr):
    transfer = await wehr.sealed()
    wehr.tell(transfer)
    return transfer


# -- The way that is meant ---------------------------------------------------------------


@pytest.mark.spec("FR-27", "DO-28")
async def test_a_move_to_a_place_without_a_node_is_kept_and_nothing_is_routed(wehr):
    case = open_case(wehr.node)
    give_consent(wehr.node, case)
    transfer = wehr.held(case)
    await sealing.release_any(wehr.node.courier, transfer, wehr.seal)
    after = wehr.outbound(transfer)
    assert (after.state, after.recipient) == (Outbound.HELD, None)
    assert case_of(wehr, transfer).baton is Baton.ACTIVE


async def test_a_case_goes_as_a_file_and_is_handed_over_by_the_code(wehr):
    transfer = await wehr.sealed()
    assert case_of(wehr, transfer).baton is Baton.FROZEN
    assert wehr.tell(transfer).state is Outbound.TOLD
    assert case_of(wehr, transfer).baton is Baton.GRANTED
    after = do(wehr, exports.acknowledge, transfer, code=code_of(wehr, transfer))
    assert after.state is Outbound.CLOSED
    assert case_of(wehr, transfer).baton is Baton.HANDED_OVER


async def test_two_persons_and_a_letter_start_the_time_until_our_copy_goes(wehr):
    transfer = await told(wehr)
    do(wehr, exports.acknowledge, transfer, code=code_of(wehr, transfer))
    do(wehr, exports.claim, transfer, Claim.FILED)
    after = do(wehr, exports.confirm_claim, transfer, Claim.FILED, by=APPROVER)
    assert after.state is Outbound.DURABLE


async def test_the_file_holds_the_case_and_a_letter_for_people(wehr):
    transfer = await wehr.sealed()
    archive = archive_of(wehr.file(transfer), wehr.seal.words)
    letter = archive.read("brief.html").decode()
    assert {"brief.html", "quittung.txt", "case.json"} <= set(archive.namelist())
    assert "Demo-Ulme" in letter
    assert "Bewerbung besprochen" not in letter


@pytest.mark.spec("SC-67", "SC-68")
@pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")
@pytest.mark.parametrize(
    ("name", "letter"), [("Demo-Ulme", "brief.pdf"), ("Demo-漢", "brief.html")]
)
async def test_the_letter_is_printed_and_a_letter_that_cannot_be_holds_nothing_up(
    wehr, name, letter
):
    case = open_case(wehr.node, name)
    give_consent(wehr.node, case)
    transfer = wehr.held(case)
    wehr.node.store.write_sync(exports.address, transfer, TOWN, by=CLERK)
    scope = {CaseId(case): (frozenset({"K01"}), frozenset())}
    wehr.node.store.write_sync(
        relocations.confirm, transfer, relocations.Confirmation(scope), by=CLERK
    )
    press = wehr.node.press
    await sealing.release_any(
        wehr.node.courier,
        transfer,
        wehr.seal,
        partial(press.print_now, Kind.LETTER, "de"),
    )
    archive = archive_of(wehr.file(transfer), wehr.seal.words)
    assert {n for n in archive.namelist() if n.startswith("brief")} == {letter}
    raw = archive.read(letter)
    said = text_of(raw) if letter.endswith("pdf") else raw.decode()
    assert name in said
    assert "Bitte tun Sie jetzt dreierlei" in said


async def test_what_was_not_ticked_is_not_in_the_file(wehr):
    case = open_case(wehr.node)
    give_consent(wehr.node, case)
    transfer = wehr.held(case)
    wehr.node.store.write_sync(exports.address, transfer, TOWN, by=CLERK)
    scope = {CaseId(case): (frozenset({"K01"}), frozenset())}
    wehr.node.store.write_sync(
        relocations.confirm, transfer, relocations.Confirmation(scope), by=CLERK
    )
    await sealing.release_any(wehr.node.courier, transfer, wehr.seal)
    archive = archive_of(wehr.file(transfer), wehr.seal.words)
    assert "Arbeitssuche" not in archive.read("brief.html").decode()
    assert sum(name.startswith("teile/") for name in archive.namelist()) == 2


# -- HO-115 ------------------------------------------------------------------------------


@pytest.mark.spec("HO-115")
async def test_the_words_stand_in_no_file_of_the_node(wehr):
    transfer = await told(wehr)
    words, code = wehr.seal.words, code_of(wehr, transfer)
    needles = (words, words.replace("-", " "), code, code.replace(" ", ""))
    found = [
        path
        for path in Path(wehr.folder).rglob("*")
        if path.is_file()
        for needle in needles
        if needle.encode() in path.read_bytes()
    ]
    assert words_kept(wehr, transfer) == words.encode()
    assert found == []


@pytest.mark.spec("HO-115")
async def test_the_words_are_shown_for_ten_minutes_and_to_who_told_them(wehr):
    transfer = await told(wehr)
    now = wehr.clock.now()

    def shown(at, by=CLERK):
        return wehr.node.store.read_sync(exports.shown_words, at, transfer, by=by)

    assert shown(now) == wehr.seal.words
    assert shown(now + timedelta(minutes=10, seconds=1)) is None
    with pytest.raises((NotFoundError, ForbiddenError)):
        shown(now, by=APPROVER)


@pytest.mark.spec("HO-115")
async def test_the_words_are_told_again_to_a_name_again(wehr):
    transfer = await told(wehr)
    assert wehr.tell(transfer, "Herr Zweiter").state is Outbound.TOLD
    kept = wehr.node.store.read_sync(lambda uow: uow.exports.get(transfer))
    assert kept.address.told == ("Frau Beispiel", "Herr Zweiter")


@pytest.mark.parametrize("name", ["", "   ", "x" * 121])
async def test_the_words_are_told_to_nobody_without_a_name(wehr, name):
    transfer = await wehr.sealed()
    with pytest.raises(InputError):
        wehr.tell(transfer, name)
    assert wehr.outbound(transfer).state is Outbound.EXPORTED


@pytest.mark.spec("TRF-41")
async def test_a_basis_that_is_gone_destroys_the_words_instead_of_telling_them(wehr):
    transfer = await wehr.sealed()
    wehr.clock.offset += timedelta(days=400)
    try:
        after = wehr.tell(transfer)
    finally:
        wehr.clock.offset -= timedelta(days=400)
    assert (after.state, after.why) == (Outbound.CANCELLED, Why.EXPIRED)
    assert words_kept(wehr, transfer) is None
    assert case_of(wehr, transfer).baton is Baton.ACTIVE


# -- The code ----------------------------------------------------------------------------


@pytest.mark.spec("TRF-42")
async def test_a_wrong_code_closes_nothing_and_five_cost_a_quarter_of_an_hour(wehr):
    transfer = await told(wehr)
    code = code_of(wehr, transfer)
    tries = [
        do(wehr, exports.acknowledge, transfer, code=wrong_of(code)) for _ in range(5)
    ]
    assert [isinstance(t, WrongCode) for t in tries] == [True] * 5
    assert [t.next_try_at is None for t in tries] == [True] * 4 + [False]
    # Even the right one is not looked at meanwhile.
    assert isinstance(do(wehr, exports.acknowledge, transfer, code=code), WrongCode)
    assert wehr.outbound(transfer).state is Outbound.TOLD
    wehr.clock.offset += timedelta(minutes=16)
    assert do(wehr, exports.acknowledge, transfer, code=code).state is Outbound.CLOSED


async def test_the_code_of_another_export_is_a_wrong_one(wehr):
    first = await told(wehr)
    code = code_of(wehr, first)
    second = await told(wehr)
    assert isinstance(do(wehr, exports.acknowledge, second, code=code), WrongCode)


@pytest.mark.spec("TRF-42")
async def test_a_code_before_the_words_were_told_is_not_looked_at(wehr):
    transfer = await wehr.sealed()
    with pytest.raises(TransitionError):
        do(wehr, exports.acknowledge, transfer, code=code_of(wehr, transfer))


async def test_a_code_is_taken_as_it_is_read_out(wehr):
    transfer = await told(wehr)
    code = code_of(wehr, transfer).lower().replace(" ", "-")
    assert do(wehr, exports.acknowledge, transfer, code=code).state is Outbound.CLOSED


# -- Two persons -------------------------------------------------------------------------


@pytest.mark.spec("TRF-43")
async def test_a_case_that_was_never_opened_comes_back_two_epochs_later(wehr):
    transfer = await told(wehr)
    do(wehr, exports.claim, transfer, Claim.NOT_OPENED)
    after = do(wehr, exports.confirm_claim, transfer, Claim.NOT_OPENED, by=APPROVER)
    assert after.state is Outbound.REJECTED
    file = case_of(wehr, transfer)
    assert (file.baton, file.epoch) == (Baton.ACTIVE, 3)
    assert words_kept(wehr, transfer) is None


@pytest.mark.spec("TRF-43")
async def test_one_hand_alone_confirms_nothing(wehr):
    transfer = await told(wehr)
    do(wehr, exports.claim, transfer, Claim.NOT_OPENED)
    with pytest.raises(ForbiddenError):
        do(wehr, exports.confirm_claim, transfer, Claim.NOT_OPENED, by=CLERK)
    assert wehr.outbound(transfer).state is Outbound.TOLD


@pytest.mark.spec("TRF-43")
async def test_a_confirmation_without_a_claim_or_of_another_one_is_refused(wehr):
    transfer = await told(wehr)
    for claimed in (None, Claim.NOT_OPENED):
        if claimed:
            do(wehr, exports.claim, transfer, claimed)
        with pytest.raises(TransitionError):
            do(wehr, exports.confirm_claim, transfer, Claim.FILED, by=APPROVER)
    assert wehr.outbound(transfer).state is Outbound.TOLD


# -- Withdrawal at every state (5.1) -----------------------------------------------------


async def test_a_withdrawal_before_the_file_cancels(wehr):
    case = open_case(wehr.node)
    consent = give_consent(wehr.node, case)
    transfer = wehr.held(case)
    wehr.node.store.write_sync(exports.address, transfer, TOWN, by=CLERK)
    confirm(wehr.node, transfer)
    desk.withdraw(wehr.node, consent)
    await sealing.release_any(wehr.node.courier, transfer, wehr.seal)
    assert wehr.outbound(transfer).state is Outbound.HELD
    assert words_kept(wehr, transfer) is None


@pytest.mark.spec("FR-24")
async def test_a_withdrawal_of_an_exported_case_destroys_the_words(wehr):
    transfer = await wehr.sealed()
    assert desk.withdraw(wehr.node, consent_of(wehr, transfer)) == "cancelled"
    assert words_kept(wehr, transfer) is None
    assert case_of(wehr, transfer).baton is Baton.ACTIVE
    with pytest.raises(TransitionError):
        wehr.file(transfer)
    with pytest.raises(TransitionError):
        wehr.tell(transfer)


@pytest.mark.spec("TRF-44", "TRF-41")
async def test_a_withdrawal_after_the_words_is_a_letter_and_an_answer(wehr):
    transfer = await told(wehr)
    assert desk.withdraw(wehr.node, consent_of(wehr, transfer)) == "told"
    with pytest.raises(TransitionError):
        wehr.tell(transfer)
    with pytest.raises(InputError):
        do(wehr, exports.answered, transfer, "perhaps")
    after = do(wehr, exports.answered, transfer, "erased")
    assert exports.ANSWERED in after.facts
    assert logged(wehr, transfer)[-2:] == ["notice.sent", "notice.answered"]


@pytest.mark.spec("TRF-44")
async def test_a_withdrawal_after_the_handover_is_a_letter_too(wehr):
    transfer = await told(wehr)
    do(wehr, exports.acknowledge, transfer, code=code_of(wehr, transfer))
    assert desk.withdraw(wehr.node, consent_of(wehr, transfer)) == "closed"
    assert do(wehr, exports.answered, transfer, "kept").state is Outbound.CLOSED


async def test_an_answer_without_a_withdrawal_is_refused(wehr):
    transfer = await told(wehr)
    with pytest.raises(TransitionError):
        do(wehr, exports.answered, transfer, "erased")


# -- Before the file ---------------------------------------------------------------------


@pytest.mark.spec("HO-118")
async def test_paper_is_noted_and_moves_nothing(wehr):
    case = open_case(wehr.node)
    transfer = wehr.held(case)
    after = do(wehr, exports.on_paper, transfer)
    assert after.state is Outbound.CANCELLED
    assert exports.PAPER in after.facts
    assert case_of(wehr, transfer).baton is Baton.ACTIVE
    with pytest.raises(TransitionError):
        do(wehr, exports.on_paper, transfer)


@pytest.mark.parametrize(
    "to",
    [
        Address("", ("x",), TOWN.ags),
        Address("Stadt", (), TOWN.ags),
        Address("Stadt", ("x" * 121,), TOWN.ags),
        Address("Stadt", ("x",) * 5, TOWN.ags),
    ],
)
async def test_an_address_that_is_none_is_refused(wehr, to):
    transfer = wehr.held(open_case(wehr.node))
    with pytest.raises(InputError):
        wehr.node.store.write_sync(exports.address, transfer, to, by=CLERK)


@pytest.mark.spec("HO-30")
async def test_an_office_of_another_district_is_not_who_the_person_agreed_to(wehr):
    case = open_case(wehr.node)
    give_consent(wehr.node, case)
    transfer = wehr.held(case)
    await wehr.seal_it(transfer, Address("Stadt Stuttgart", ("x",), Ags("08111000")))
    after = wehr.outbound(transfer)
    assert after.state is Outbound.HELD
    assert [code for _, code in after.withheld] == ["other_recipient"]


async def test_a_colleagues_export_looks_absent(wehr):
    transfer = await wehr.sealed()
    with pytest.raises((NotFoundError, ForbiddenError)):
        do(wehr, exports.tell, transfer, name="x", by=SECOND)
    with pytest.raises((NotFoundError, ForbiddenError)):
        wehr.node.store.read_sync(
            exports.sealed_file, wehr.node.office, transfer, by=SECOND
        )


async def test_a_change_after_the_address_is_sent_to_nobody_else(wehr):
    case = open_case(wehr.node)
    give_consent(wehr.node, case)
    transfer = wehr.held(case)
    await wehr.seal_it(transfer)
    with pytest.raises(TransitionError):
        wehr.node.store.write_sync(exports.address, transfer, TOWN, by=CLERK)


# -- Witnesses (LR-32) -------------------------------------------------------------------


@pytest.mark.spec("LR-32")
async def test_who_has_met_a_member_waits_for_a_cosignature_or_two_persons(tmp_path):
    async with town(tmp_path) as there:
        there.node.store.write_sync(_meet, there.clock.now())
        transfer = await there.sealed()
        with pytest.raises(TransitionError, match="witness"):
            there.file(transfer)
        with pytest.raises(TransitionError, match="witness"):
            there.tell(transfer)
        write = there.node.store.write_sync
        there.clock.offset += timedelta(hours=5)
        write(ask_override, there.clock.now(), transfer, code="urgent", by=LEADER)
        write(confirm_override, there.node.office, transfer, by=APPROVER)
        assert there.file(transfer)
        assert there.tell(transfer).state is Outbound.TOLD


def _meet(uow, at):
    with uow:
        uow.outbox.succeeded(SAECKINGEN, at)
        uow.commit()


# -- Log, end, another transfer ----------------------------------------------------------


@pytest.mark.spec("LR-6")
async def test_every_act_stands_in_the_log_without_a_name(wehr):
    transfer = await told(wehr)
    do(wehr, exports.acknowledge, transfer, code=code_of(wehr, transfer))
    assert logged(wehr, transfer) == [
        EntryType.EXPORT_SEALED,
        EntryType.EXPORT_TOLD,
        EntryType.EXPORT_ACKNOWLEDGED,
    ]


async def test_our_copy_goes_after_its_time(wehr):
    transfer = await told(wehr)
    do(wehr, exports.acknowledge, transfer, code=code_of(wehr, transfer))
    do(wehr, exports.claim, transfer, Claim.FILED)
    do(wehr, exports.confirm_claim, transfer, Claim.FILED, by=APPROVER)
    SourceEraser(wehr.node.store, wehr.node.office)()
    assert wehr.outbound(transfer).state is Outbound.DURABLE


async def test_who_called_it_back_has_the_case_and_no_words(wehr):
    transfer = await wehr.sealed()
    assert re.fullmatch(r"[a-z]+(-[a-z]+){5}", wehr.seal.words)
    assert desk.call_back(wehr.node, transfer) == "cancelled"
    assert words_kept(wehr, transfer) is None
    assert case_of(wehr, transfer).baton is Baton.ACTIVE
    assert logged(wehr, transfer)[-1] == EntryType.TRANSFER_RECALLED
