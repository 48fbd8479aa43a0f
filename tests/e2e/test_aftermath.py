"""What happens after a handover, between two real nodes: FR-24, FR-28 to FR-30, HO-9."""

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.bootstrap import build_node, own_hands
from node.cases.addendum import CORRECTION
from node.cases.model import Baton
from node.casework import (
    cases,
    consents,
    earlyerasure,
    restricting,
    returning,
    sidenotes,
    withdrawals,
)
from node.casework.relocations import Confirmation, confirm
from node.casework.withdrawals import Decision, overdue
from node.config import load_settings
from node.errors import (
    ErasedError,
    InputError,
    NotFoundError,
    RestrictedError,
    StaleEpochError,
    TransitionError,
)
from node.ids import ConsentId
from node.sync import decision
from node.sync.transfer import Inbound, Outbound
from node.sync.words import Answer, Cause, Kind, Reason, RejectionCode
from tests.support.handed import (
    Handed,
    aftermath,
    agree,
    eventually,
    hand_over,
    inbound,
    let_in,
    outbound,
    set_off,
    tasks,
)
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    SECOND,
    USUAL,
    WALDSHUT,
    WEHR,
    add_staff,
    found_pair,
    open_case,
    running,
    until,
)
from tests.support.towns import two_nodes

COLLEAGUE = replace(CLERK, account=SECOND.account)


def baton(node, case):
    return node.store.read_sync(lambda uow: uow.cases.file(case)).baton


def content(node, case):
    return node.store.read_sync(lambda uow: uow.cases.content(case))


def withdraw(node, handed):
    return node.store.write_sync(
        consents.withdraw_consent,
        node.office,
        ConsentId(handed.consent),
        how="spoken",
        by=CLERK,
    )


async def noticed(wehr, saeckingen, handed):
    withdraw(wehr, handed)
    await eventually(
        lambda: aftermath(saeckingen, handed.transfer, is_ours=False).open_notices
    )


def decide(node, handed, answer, *, by=CLERK, paragraph=None):
    return node.store.write_sync(
        withdrawals.answer,
        node.office,
        handed.transfer,
        Decision(answer, paragraph),
        by=by,
    )


def answered(wehr, handed):
    found = aftermath(wehr, handed.transfer, is_ours=True)
    return () if found.open_notices else found.notices


async def the_answer(wehr, handed):
    (notice,) = await eventually(lambda: answered(wehr, handed))
    return notice.answers[-1].body


@pytest.mark.spec("DO-23", "FR-24")
async def test_a_withdrawal_after_the_import_ends_in_an_erased_case_and_both_know(
    tmp_path,
):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        handed = await hand_over(wehr, saeckingen)
        await noticed(wehr, saeckingen, handed)
        day = wehr.office.clock.now().date()
        for node, kind in (
            (wehr, "transfer.answer_due"),
            (saeckingen, "inbound.withdrawal"),
        ):
            due = tasks(node)[kind].due
            assert due - day in {timedelta(days=14), timedelta(days=15)}
            late = node.store.read_sync(
                lambda uow, on=due + timedelta(days=1): overdue(uow, on)
            )
            assert [one.transfer for one in late] == [handed.transfer]
            assert node.store.read_sync(lambda uow, on=due: overdue(uow, on)) == []
        decide(saeckingen, handed, Answer.ERASED)
        body = await the_answer(wehr, handed)
        assert (body.answer, body.passed_on) == (Answer.ERASED, False)
        assert baton(saeckingen, handed.case) is Baton.SHREDDED
        with pytest.raises(ErasedError):
            content(saeckingen, handed.case)
        assert "transfer.answer_due" not in tasks(wehr)
        assert "inbound.withdrawal" not in tasks(saeckingen)
        with pytest.raises(TransitionError):
            decide(saeckingen, handed, Answer.ERASED)


@pytest.mark.spec("DO-23", "FR-24", "TRF-22", "TRF-24")
async def test_what_was_withdrawn_goes_and_own_work_stays_or_is_only_restricted(
    tmp_path,
):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        own = await hand_over(wehr, saeckingen, contact_back=True)
        saeckingen.store.write_sync(
            cases.record_contact,
            saeckingen.office,
            cases.Contact(
                cases=(own.case,),
                epochs={own.case: 2},
                values={"date": "2026-12-09", "kind": "talk", "form": "office"},
            ),
            by=CLERK,
        )
        # First contact: told once, because the person said yes.
        told = await eventually(
            lambda: aftermath(wehr, own.transfer, is_ours=True).first_contact
        )
        assert told.on == date(2026, 12, 9)
        await noticed(wehr, saeckingen, own)
        with pytest.raises(InputError):
            decide(saeckingen, own, Answer.KEPT)
        with pytest.raises(NotFoundError):
            decide(saeckingen, own, Answer.KEPT, by=COLLEAGUE)
        decide(saeckingen, own, Answer.ERASED)
        left = content(saeckingen, own.case)
        assert baton(saeckingen, own.case) is Baton.ACTIVE
        assert [c.text("date") for c in left.of("contact")] == ["2026-12-09"]
        assert left.of("goal") == left.of("consent_evidence") == ()
        assert (await the_answer(wehr, own)).answer is Answer.ERASED

        kept = await hand_over(wehr, saeckingen)
        await noticed(wehr, saeckingen, kept)
        decide(saeckingen, kept, Answer.KEPT, paragraph="SGB-X-67c", by=APPROVER)
        assert (await the_answer(wehr, kept)).paragraph == "SGB-X-67c"

        shut = await hand_over(wehr, saeckingen)
        await noticed(wehr, saeckingen, shut)
        decide(saeckingen, shut, Answer.RESTRICTED)
        assert (await the_answer(wehr, shut)).answer is Answer.RESTRICTED
        with pytest.raises(RestrictedError):
            saeckingen.store.read_sync(
                lambda uow: cases.own_case(uow, CLERK, shut.case, "case.read")
            )
        assert saeckingen.store.read_sync(
            lambda uow: cases.own_case(uow, CLERK, shut.case, "rights.export")
        ).restricted_on


def look(node, case):
    return node.store.read_sync(earlyerasure.look, node.office, case, by=CLERK)


def ask_erasure(node, case):
    node.store.write_sync(
        earlyerasure.ask_erasure,
        node.office,
        case,
        ground="withdrawn",
        reason="Die Person bittet darum",
        seen=look(node, case).seen,
        by=CLERK,
    )


def agree_to_erase(node, case):
    seen = look(node, case)
    node.store.write_sync(
        earlyerasure.decide_erasure,
        node.office,
        case,
        agrees=True,
        seen=seen.seen,
        version=seen.wish.record.version,
        by=APPROVER,
    )


def make_durable(node, transfer):
    def go(uow):
        with uow:
            found = uow.outbound.get(transfer)
            facts = {**found.facts, Outbound.DURABLE: node.office.clock.now()}
            after = replace(found, state=Outbound.DURABLE, facts=facts)
            uow.outbound.replace(found, after)
            uow.commit()

    node.store.write_sync(go)


@pytest.mark.spec("FR-24", "DO-33", "I8")
async def test_an_early_erasure_and_a_lock_are_told_to_who_has_the_case_now(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        handed = await hand_over(wehr, saeckingen)
        wehr.store.write_sync(
            restricting.lock, wehr.office, handed.case, reason="strittig", by=CLERK
        )
        (notice,) = await eventually(
            lambda: aftermath(saeckingen, handed.transfer, is_ours=False).open_notices
        )
        assert notice.body.cause is Cause.RESTRICTION
        # The duty there hinders an erasure there, until it is answered.
        assert look(saeckingen, handed.case).hindrance == "duty"
        decide(saeckingen, handed, Answer.RESTRICTED)
        with pytest.raises(InputError):
            saeckingen.store.write_sync(
                restricting.lift_lock,
                saeckingen.office,
                handed.case,
                reason="geklärt",
                was_told=True,
                by=CLERK,
            )
        # Our copy goes only once the next holder has the case for certain.
        with pytest.raises(InputError):
            ask_erasure(wehr, handed.case)
        make_durable(wehr, handed.transfer)
        ask_erasure(wehr, handed.case)
        agree_to_erase(wehr, handed.case)
        assert baton(wehr, handed.case) is Baton.SHREDDED
        (notice,) = await eventually(
            lambda: aftermath(saeckingen, handed.transfer, is_ours=False).open_notices
        )
        assert notice.body.cause is Cause.ERASURE
        assert tasks(wehr)["transfer.answer_due"].transfer == handed.transfer
        decide(saeckingen, handed, Answer.ERASED)
        assert baton(saeckingen, handed.case) is Baton.SHREDDED
        found = await eventually(lambda: answered(wehr, handed))
        assert found[-1].answers[-1].body.answer is Answer.ERASED
        assert "transfer.answer_due" not in tasks(wehr)


@pytest.mark.spec("PKT-20", "FR-24")
async def test_a_withdrawal_of_one_of_two_concerns_that_case_and_no_other(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        both = [open_case(wehr, "Demo-Ulme"), open_case(wehr, "Demo-Linde")]
        given = [agree(wehr, case) for case in both]
        transfer = set_off(wehr, both[0], SAECKINGEN, both[1])
        await let_in(wehr, saeckingen, transfer)
        one = Handed(both[0], given[0], transfer)
        await noticed(wehr, saeckingen, one)
        duty = saeckingen.store.read_sync(
            lambda uow: withdrawals.duty(uow, transfer, by=APPROVER)
        )
        assert [concerned.case for concerned in duty.open] == [both[0]]
        decide(saeckingen, one, Answer.ERASED)
        assert (await the_answer(wehr, one)).answer is Answer.ERASED
        assert baton(saeckingen, both[0]) is Baton.SHREDDED
        assert content(saeckingen, both[1]).person.text("family_name") == "Demo-Linde"


def send_held(node, case, transfer, categories=USUAL):
    scope = {case: (frozenset(categories), frozenset())}
    node.store.write_sync(confirm, transfer, Confirmation(scope), by=CLERK)


@pytest.mark.spec("FR-29", "DO-25", "HO-21", "SC-44", "TRF-25")
async def test_a_request_is_declined_or_answered_by_an_ordinary_offer_the_other_way(
    tmp_path,
):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        handed = await hand_over(wehr, saeckingen)

        def ask():
            return wehr.store.write_sync(
                returning.ask_return, wehr.office, handed.transfer, by=CLERK
            )

        ask()
        with pytest.raises(TransitionError):
            ask()
        await until(lambda: "inbound.return_asked" in tasks(saeckingen))
        saeckingen.store.write_sync(
            returning.decline_return,
            saeckingen.office,
            handed.transfer,
            RejectionCode.ALREADY_HERE,
            by=APPROVER,
        )
        declined = await eventually(
            lambda: aftermath(wehr, handed.transfer, is_ours=True).asked[-1].declined
        )
        assert declined.code is RejectionCode.ALREADY_HERE
        assert baton(saeckingen, handed.case) is Baton.ACTIVE
        assert baton(wehr, handed.case) is Baton.HANDED_OVER

        ask()
        await until(lambda: "inbound.return_asked" in tasks(saeckingen))
        back = saeckingen.store.write_sync(
            returning.prepare_return, saeckingen.office, handed.transfer, by=CLERK
        )
        with pytest.raises(InputError):
            saeckingen.store.write_sync(
                returning.prepare_return, saeckingen.office, handed.transfer, by=CLERK
            )
        # One for "who is responsible there" is none either: nobody moves.
        agree(saeckingen, handed.case, epoch=2)
        send_held(saeckingen, handed.case, back)
        # The consent that brought the case here is none for the way back.
        await eventually(lambda: outbound(saeckingen, back).withheld)
        assert outbound(saeckingen, back).state is Outbound.HELD
        agree(saeckingen, handed.case, f"member:{WEHR}", epoch=2)
        send_held(saeckingen, handed.case, back)
        await let_in(saeckingen, wehr, back, caseworker=False)
        offer = inbound(wehr, back).offer
        assert (offer["kind"], offer["reason"]) == (Kind.RETURN, Reason.RECALL)
        here = content(wehr, handed.case)
        assert (here.file.baton, here.file.epoch) == (Baton.ACTIVE, 3)
        assert baton(saeckingen, handed.case) is Baton.HANDED_OVER
        # Nothing is counted twice: the own talk came back as the same record.
        assert [c.origin for c in here.of("contact")] == ["own"]
        assert aftermath(wehr, handed.transfer, is_ours=True).passed_on is None


@pytest.mark.spec("HO-9", "DO-35")
async def test_notes_kept_apart_and_corrections_follow_the_case_and_edit_nothing(
    tmp_path,
):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        handed = await hand_over(
            wehr, saeckingen, categories=USUAL | {"K12"}, announce_by_name=True
        )
        before = content(wehr, handed.case).person
        sent = [
            wehr.store.write_sync(
                sidenotes.send_after,
                wehr.office,
                handed.case,
                text,
                kind=kind,
                by=CLERK,
            )
            for kind, text in (
                (CORRECTION, "Geburtsort ist Aleppo"),
                ("side_note", "Rief noch einmal an"),
            )
        ]
        for addendum in sent:
            await let_in(wehr, saeckingen, addendum)
            assert inbound(saeckingen, addendum).offer["kind"] == Kind.ADDENDUM
        there = content(saeckingen, handed.case)
        assert [r.text("text") for r in there.of("correction")] == [
            "Geburtsort ist Aleppo"
        ]
        assert [r.text("text") for r in there.of("side_note")] == [
            "Rief noch einmal an"
        ]
        assert (there.file.baton, there.file.epoch) == (Baton.ACTIVE, 2)
        assert content(wehr, handed.case).person == before
        assert baton(wehr, handed.case) is Baton.HANDED_OVER
        assert {"added.correction", "added.side_note"} <= tasks(saeckingen).keys()
        with pytest.raises(StaleEpochError):
            saeckingen.store.write_sync(
                sidenotes.keep_apart, saeckingen.office, handed.case, "x", by=CLERK
            )


@asynccontextmanager
async def three_nodes(folder):
    hands = own_hands()
    members = (WEHR, SAECKINGEN, WALDSHUT)
    folders = found_pair(folder, hands, databases=("", "", ""), members=members)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as saeckingen,
        build_node(load_settings(folders[WALDSHUT]), hands) as waldshut,
        running(wehr),
        running(saeckingen),
        running(waldshut),
    ):
        for node in (wehr, saeckingen, waldshut):
            add_staff(node)
        yield wehr, saeckingen, waldshut


def forward(node, handed, to):
    return node.store.write_sync(
        returning.prepare_forwarding, node.office, handed.transfer, to, by=CLERK
    )


@pytest.mark.spec("FR-24", "FR-30", "TRF-21", "TRF-22", "TRF-23")
@pytest.mark.parametrize("may_tell", [False, True])
async def test_a_withdrawal_reaches_every_holder_and_the_first_learns_only_what_it_may(
    tmp_path, may_tell
):
    async with three_nodes(tmp_path) as (wehr, saeckingen, waldshut):
        handed = await hand_over(wehr, saeckingen)
        for nowhere in (WEHR, SAECKINGEN):
            with pytest.raises(InputError):
                forward(saeckingen, handed, nowhere)
        agree(
            saeckingen,
            handed.case,
            f"member:{WALDSHUT}",
            epoch=2,
            may_tell_old_office=may_tell,
        )
        on = forward(saeckingen, handed, WALDSHUT)
        send_held(saeckingen, handed.case, on)
        await let_in(saeckingen, waldshut, on)
        passed = await eventually(
            lambda: aftermath(wehr, handed.transfer, is_ours=True).passed_on
        )
        assert passed.to == (WALDSHUT if may_tell else None)
        with pytest.raises(TransitionError):
            wehr.store.write_sync(
                returning.ask_return, wehr.office, handed.transfer, by=CLERK
            )
        await noticed(wehr, saeckingen, handed)
        await eventually(lambda: aftermath(waldshut, on, is_ours=False).open_notices)
        # Our copy is still needed: the next office has no verified backup yet.
        with pytest.raises(InputError):
            decide(saeckingen, handed, Answer.ERASED)
        decide(saeckingen, handed, Answer.RESTRICTED)
        body = await the_answer(wehr, handed)
        assert (body.answer, body.passed_on) == (Answer.RESTRICTED, True)
        decide(waldshut, replace(handed, transfer=on), Answer.ERASED)
        await eventually(
            lambda: not aftermath(saeckingen, on, is_ours=True).open_notices
        )
        assert baton(waldshut, handed.case) is Baton.SHREDDED


@pytest.mark.spec("FR-28", "DO-24", "SC-45", "HO-52")
async def test_a_refusal_that_names_the_body_prepares_the_next_offer_and_sends_nothing(
    tmp_path,
):
    async with three_nodes(tmp_path) as (wehr, saeckingen, waldshut):
        case = open_case(wehr)
        agree(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)
        await eventually(
            lambda: (
                (found := inbound(saeckingen, transfer))
                and found.state is Inbound.WAITING
            )
        )
        no = decision.No(RejectionCode.OTHER_BODY, "Wohnt in Tiengen", body=WALDSHUT)
        saeckingen.store.write_sync(
            decision.refuse, saeckingen.office, transfer, by=APPROVER, no=no
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.REJECTED)
        refused = outbound(wehr, transfer).refusal
        assert (refused.code, refused.comment) == ("other_body", "Wohnt in Tiengen")
        here = content(wehr, case).file
        assert (here.baton, here.epoch) == (Baton.ACTIVE, 1)
        (_, prepared) = wehr.store.read_sync(lambda uow: uow.outbound.of_case(case))
        assert (prepared.state, prepared.replaces, prepared.recipient) == (
            Outbound.HELD,
            transfer,
            WALDSHUT,
        )
        assert inbound(waldshut, prepared.id) is None
        # One decision more, and the gate says yes again: the class covers who is there.
        send_held(wehr, case, prepared.id)
        await let_in(wehr, waldshut, prepared.id)
        assert baton(wehr, case) is Baton.HANDED_OVER
