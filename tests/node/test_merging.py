"""Two cases of one person united and taken apart, in a real store."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from node.accounts.policy import Actor
from node.cases.differences import Choice
from node.cases.matchports import Decision
from node.cases.model import Baton, Origin
from node.casework import cases, matching, unmerging
from node.casework.consents import withdraw_consent
from node.casework.matching import decide
from node.casework.unmerging import end_merges, take_apart
from node.errors import (
    ErasedError,
    InputError,
    NotFoundError,
    StaleEpochError,
    TransitionError,
)
from node.ids import AccountId, ConsentId, MemberId, RecordId
from tests.support.desk import keep_document, relocate
from tests.support.office import open_office
from tests.support.pair import AGS, APPROVER, CLERK, SAECKINGEN, give_consent, open_case
from tests.support.twins import (
    add,
    choices_of,
    compare_all,
    content_of,
    open_twins,
    save,
    state_of,
    unite,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")
STRANGER = Actor(AccountId("5" * 32), CLERK.roles)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture
def node(office):
    office.clock.offset = timedelta()
    return office.node


@pytest.fixture
def twins(node):
    return open_twins(node)


def pairs_of(node, case):
    return node.store.read_sync(matching.open_pairs, [case])


def undo(node, merge, by=CLERK):
    return node.store.write_sync(take_apart, node.office, merge.id, by=by)


def assign(node, merge, choices, by=CLERK):
    staged = node.store.read_sync(
        unmerging.stage_edits,
        merge.id,
        [record for record, case in choices.items() if case == merge.absorbed],
    )
    return node.store.write_sync(
        unmerging.assign_edits, node.office, merge.id, choices, staged, by=by
    )


def parked(node, case):
    on = node.office.clock.now().date()
    found = node.store.read_sync(unmerging.parked, case, by=CLERK, on=on)
    return [edit for _, edits in found for edit in edits]


# ---- Candidates ------------------------------------------------------------------------


@pytest.mark.spec("DO-44")
async def test_comparing_finds_the_pair_and_unites_nothing(node, twins):
    before = [state_of(node, case) for case in twins]
    compare_all(node)
    (known,) = [
        k for k in pairs_of(node, twins[0]) if k.pair.beside(twins[0]) == twins[1]
    ]
    assert [str(g) for g in known.pair.grounds] == ["name_spelling", "birth_swapped"]
    assert [state_of(node, case) for case in twins] == before


@pytest.mark.spec("DO-44")
async def test_not_the_same_is_not_proposed_again_until_a_name_or_birth_date_changes(
    node,
):
    one, other = open_twins(node, "Demo-Zeder")
    compare_all(node)
    node.store.write_sync(
        decide, node.office, (one, other), Decision.NOT_SAME, by=CLERK
    )
    person = content_of(node, one).person
    save(node, replace(person, values={**person.values, "gender": "m"}))
    # A fresh process knows nobody and compares everybody.
    compare_all(node)
    assert other not in {k.pair.beside(one) for k in pairs_of(node, one)}

    person = content_of(node, one).person
    save(node, replace(person, values={**person.values, "given_names": "Mohamed"}))
    compare_all(node)
    assert other in {k.pair.beside(one) for k in pairs_of(node, one)}


@pytest.mark.spec("DO-44")
async def test_a_case_created_later_is_compared_too(node):
    one = open_case(node, "Demo-Lärche", birth_date="1988-02-03")
    compare_all(node)
    other = open_case(node, "Demo-Laerche", birth_date="1988-02-03")
    compare_all(node)
    assert [k.pair.beside(one) for k in pairs_of(node, one)] == [other]


@pytest.mark.spec("DO-31")
async def test_one_number_of_the_foreigners_register_makes_no_pair_and_is_nowhere(node):
    number = "990311223344"
    one = open_case(node, "Demo-Kiefer", azr_number=number, given_names="Selam")
    other = open_case(
        node,
        "Demo-Espe",
        azr_number=number,
        given_names="Taras",
        birth_date="1971-12-30",
    )
    compare_all(node)
    assert pairs_of(node, one) == pairs_of(node, other) == []
    for identity in node.store.read_sync(lambda u: u.matches.identities([one, other])):
        assert number not in repr(identity)


async def test_a_strangers_decision_about_a_pair_is_refused(node, twins):
    compare_all(node)
    with pytest.raises(NotFoundError):
        node.store.write_sync(
            decide, node.office, twins, Decision.NOT_SAME, by=STRANGER
        )
    with pytest.raises(InputError):
        node.store.write_sync(decide, node.office, twins, Decision.SAME, by=CLERK)


async def test_later_leaves_the_worklist_for_a_week(node, twins):
    compare_all(node)
    node.store.write_sync(decide, node.office, twins, Decision.LATER, by=CLERK)

    def listed(days):
        at = node.office.clock.now() + timedelta(days=days)
        found = node.store.read_sync(matching.pairs_of_caseload, CLERK, at=at)
        return {known.pair.key for known in found}

    key = tuple(sorted(twins))
    assert key not in listed(6)
    assert key in listed(7)


# ---- Merge -----------------------------------------------------------------------------


@pytest.mark.spec("SC-54")
async def test_a_merge_holds_the_content_of_both(node, twins):
    one, other = twins
    before = [content_of(node, case) for case in twins]
    consents = [
        node.store.read_sync(lambda u, c=c: u.consents.of_case(c)) for c in twins
    ]
    merge = unite(
        node,
        one,
        other,
        choices_of(
            node, one, other, Choice.HERE, phones=Choice.BOTH, gender=Choice.THERE
        ),
    )
    after = content_of(node, merge.survivor)
    assert {merge.survivor, merge.absorbed} == set(twins)
    for kind in ("contact", "document"):
        both = {r.id for content in before for r in content.of(kind)}
        assert {r.id for r in after.of(kind)} == both
    assert len(after.of("language")) == 1
    kept = node.store.read_sync(lambda u: u.consents.of_case(merge.survivor))
    assert {c.id for c in kept} == {c.id for found in consents for c in found}
    person = after.person.values
    assert person["given_names"] == "Mohammed"
    assert person["gender"] == "m"
    assert person["phones"] == ["+49 170 5550111", "+49 170 5550122"]
    assert person["former_ids"] == [merge.absorbed]
    assert content_of(node, merge.absorbed).file.baton is Baton.ABSORBED
    papers = state_of(node, merge.survivor)[4]
    assert sorted(papers.values()) == [b"paper 0", b"paper 1"]


async def test_one_plan_is_in_force_and_the_other_superseded(node, twins):
    one, other = twins
    for choice, kept in ((Choice.THERE, other), (Choice.HERE, one)):
        plan = content_of(node, kept).of("plan")[0].id
        merge = unite(node, one, other, choices_of(node, one, other, plan=choice))
        plans = {
            p.id: p.text("status") for p in content_of(node, merge.survivor).of("plan")
        }
        assert sorted(plans.values()) == ["in_force", "superseded"]
        assert plans[plan] == "in_force"
        undo(node, merge)


@pytest.mark.spec("DO-7")
@pytest.mark.parametrize("here", [0, 1])
@pytest.mark.parametrize("choice", [Choice.HERE, Choice.THERE])
async def test_no_choice_lets_the_clock_start_later(node, twins, here, choice):
    one, other = twins[here], twins[1 - here]
    starts = [content_of(node, c).person.text("counselling_start") for c in twins]
    merge = unite(node, one, other, choices_of(node, one, other, choice))
    after = content_of(node, merge.survivor).person
    assert after.text("counselling_start") == min(starts)


async def test_own_stays_own_and_imported_stays_imported(node, twins):
    one, other = twins
    came = replace(
        cases.new_record(
            node.office,
            other,
            "contact",
            {"date": "2026-03-01", "kind": "talk"},
            by=None,
        ),
        origin=Origin.TRANSFER,
        origin_node=SAECKINGEN,
    )

    def put(uow):
        with uow:
            uow.cases.put([came])
            uow.commit()

    node.store.write_sync(put)
    merge = unite(node, one, other)
    found = {r.id: r for r in content_of(node, merge.survivor).of("contact")}
    assert found[came.id].origin is Origin.TRANSFER
    assert found[came.id].origin_node == SAECKINGEN
    assert {r.origin for r in found.values() if r.id != came.id} == {Origin.OWN}


async def test_the_longer_chain_survives_whichever_case_the_page_was_opened_from(node):
    one, other = open_twins(node, "Demo-Eibe")

    def came(uow):
        with uow:
            file = uow.cases.file(other)
            uow.cases.replace(
                file, replace(file, epoch=3, came_from=MemberId(str(SAECKINGEN)))
            )
            uow.commit()

    node.store.write_sync(came)
    merge = unite(node, one, other)
    assert (merge.survivor, merge.absorbed) == (other, one)
    undo(node, merge)
    assert unite(node, other, one).survivor == other


async def test_a_field_without_a_choice_is_asked_for_and_nothing_is_written(
    node, twins
):
    before = [state_of(node, case) for case in twins]
    choices = dict(choices_of(node, *twins))
    del choices["birth_date"]
    with pytest.raises(InputError):
        unite(node, *twins, choices)
    with pytest.raises(InputError):
        unite(node, *twins, {**choices, "birth_date": Choice.BOTH})
    assert [state_of(node, case) for case in twins] == before


@pytest.mark.parametrize("by", [STRANGER, APPROVER])
async def test_nobody_unites_cases_that_are_not_in_their_hands(node, twins, by):
    with pytest.raises(NotFoundError):
        unite(node, *twins, by=by)


async def test_a_case_on_a_colleagues_desk_is_not_united_from_here(node, twins):
    def give_away(uow):
        with uow:
            file = uow.cases.file(twins[1])
            uow.cases.replace(file, replace(file, caseworker=STRANGER.account))
            uow.commit()

    node.store.write_sync(give_away)
    with pytest.raises(NotFoundError):
        unite(node, *twins)


async def test_a_case_in_a_handover_is_not_united(node, twins):
    relocate(node, AGS[SAECKINGEN], twins[0])
    with pytest.raises(TransitionError):
        unite(node, *twins)


async def test_what_the_absorbed_case_was_called_means_the_other_one_now(node):
    one, other = open_twins(node, "Demo-Fichte")
    third = open_case(node, "Demo-Tanne")
    flag = add(
        node, third, "protection", protection="no_joint_transfer", concerns=[other]
    )
    merge = unite(node, one, other)

    def concerns():
        (found,) = content_of(node, third).of("protection")
        assert found.id == flag.id
        return found.values["concerns"]

    assert concerns() == [merge.survivor]
    undo(node, merge)
    assert concerns() == [other]


async def test_the_absorbed_case_is_found_nowhere_and_takes_no_writing(node, twins):
    merge = unite(node, *twins)
    assert merge.absorbed not in node.store.read_sync(lambda u: u.readings.versions())
    assert merge.absorbed not in node.store.read_sync(lambda u: u.matches.versions())
    with pytest.raises(StaleEpochError):
        add(node, merge.absorbed, "follow_up", text="x", due="2026-12-01")


async def test_a_consent_of_the_absorbed_case_can_be_withdrawn_for_the_person(
    node, twins
):
    merge = unite(node, *twins)
    (moved,) = [
        c
        for c in node.store.read_sync(lambda u: u.consents.of_case(merge.survivor))
        if str(merge.absorbed) in c.evidence.decode()
    ]
    node.store.write_sync(
        withdraw_consent, node.office, ConsentId(moved.id), how="spoken", by=CLERK
    )
    undo(node, merge)
    (back,) = node.store.read_sync(lambda u: u.consents.of_case(merge.absorbed))
    assert back.withdrawn_at is not None


# ---- Undo ------------------------------------------------------------------------------


def edit_five(node, merge):
    """Five edits of a merged case, of all sorts; their record ids."""
    content = content_of(node, merge.survivor)
    came = next(r for r in content.of("contact") if r.id in merge.moved)
    own = next(r for r in content.of("contact") if r.id not in merge.moved)
    person = content.person
    save(node, replace(person, values={**person.values, "birth_place": "Homs"}))
    save(node, replace(came, values={**came.values, "minutes": 45}))
    save(node, replace(own, values={**own.values, "minutes": 60}))
    new = add(node, merge.survivor, "follow_up", text="Anruf", due="2026-12-01")
    paper = keep_document(
        node, merge.survivor, [b"later"], {"title": "Neu", "doc_kind": "letter"}
    )
    return person.id, came.id, own.id, new.id, paper


@pytest.mark.spec("DO-44", "SC-54")
@pytest.mark.parametrize("default", list(Choice)[:2])
async def test_merge_five_edits_undo_gives_both_cases_as_before_and_lists_the_edits(
    node, twins, default
):
    before = {case: state_of(node, case) for case in twins}
    merge = unite(node, *twins, choices_of(node, *twins, default))
    edits = edit_five(node, merge)
    undo(node, merge)
    assert {case: state_of(node, case) for case in twins} == before
    assert {edit.record.id for edit in parked(node, twins[0])} == set(edits)


@pytest.mark.spec("DO-44")
async def test_each_edit_goes_to_the_case_it_was_assigned_to(node, twins):
    merge = unite(node, *twins)
    person, came, own, new, paper = edit_five(node, merge)
    undo(node, merge)
    there, here = merge.absorbed, merge.survivor
    assert assign(node, merge, {person: there, came: there, paper: there}) == 2
    assert assign(node, merge, {own: here, new: here}) == 0
    assert parked(node, here) == []
    absorbed, survivor = content_of(node, there), content_of(node, here)
    assert absorbed.person.text("birth_place") == "Homs"
    assert absorbed.person.text("given_names") != survivor.person.text("given_names")
    assert survivor.person.text("birth_place") != "Homs"
    minutes = {r.id: r.values.get("minutes") for r in absorbed.of("contact")}
    assert minutes[came] == 45
    assert {r.id: r.values.get("minutes") for r in survivor.of("contact")}[own] == 60
    assert new in {r.id for r in survivor.of("follow_up")}
    assert state_of(node, there)[4][paper] == b"later"
    assert paper not in state_of(node, here)[4]


async def test_a_new_document_that_stays_opens_where_it_was(node, twins):
    merge = unite(node, *twins)
    *_, paper = edit_five(node, merge)
    undo(node, merge)
    assign(node, merge, {paper: merge.survivor})
    assert state_of(node, merge.survivor)[4][paper] == b"later"


async def test_an_edit_is_assigned_to_one_of_the_two_cases_only(node, twins):
    third = open_case(node, "Demo-Weide")
    merge = unite(node, *twins)
    new = add(node, merge.survivor, "follow_up", text="Anruf", due="2026-12-01")
    undo(node, merge)
    with pytest.raises(InputError):
        assign(node, merge, {new.id: third})
    with pytest.raises(NotFoundError):
        assign(node, merge, {new.id: merge.absorbed}, by=STRANGER)
    assert len(parked(node, twins[0])) == 1


async def test_an_undo_after_thirty_days_is_refused_and_the_key_is_gone(
    office, node, twins
):
    merge = unite(node, *twins)
    office.clock.offset = timedelta(days=30)
    assert node.store.write_sync(end_merges, node.office) == 0
    office.clock.offset = timedelta(days=31)
    with pytest.raises(TransitionError):
        undo(node, merge)
    node.store.write_sync(end_merges, node.office)
    with pytest.raises(ErasedError):
        content_of(node, merge.absorbed)
    assert node.store.read_sync(lambda u: u.matches.snapshot(merge)) is None
    assert len(content_of(node, merge.survivor).of("contact")) == 2


async def test_an_undo_while_a_handover_runs_or_after_a_grant_is_refused(node, twins):
    merge = unite(node, *twins)

    def move(baton, epoch):
        def act(uow):
            with uow:
                file = uow.cases.file(merge.survivor)
                uow.cases.replace(file, replace(file, baton=baton, epoch=epoch))
                uow.commit()

        node.store.write_sync(act)

    move(Baton.FROZEN, 1)
    with pytest.raises(TransitionError):
        undo(node, merge)
    assert node.store.write_sync(end_merges, node.office) == 0
    # Granted and taken back: another epoch.
    move(Baton.ACTIVE, 3)
    with pytest.raises(TransitionError):
        undo(node, merge)
    assert node.store.write_sync(end_merges, node.office) == 1


async def test_merges_are_undone_in_reverse_order(node):
    one, other = open_twins(node, "Demo-Pappel")
    third = open_case(node, "Demo-Pappel", birth_date="1994-03-07")
    before = {case: state_of(node, case) for case in (one, other, third)}
    first = unite(node, one, other)
    second = unite(node, first.survivor, third)
    if second.survivor == first.survivor:
        with pytest.raises(TransitionError):
            undo(node, first)
    undo(node, second)
    undo(node, first)
    assert {case: state_of(node, case) for case in before} == before


async def test_a_strangers_undo_is_refused(node, twins):
    merge = unite(node, *twins)
    with pytest.raises(NotFoundError):
        undo(node, merge, by=STRANGER)


@pytest.mark.spec("DO-44")
@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_edited_an_undo_brings_both_back(node, seed):
    """A property, by random edits of a merged case."""
    draw = random.Random(seed)
    one, other = open_twins(node, f"Demo-Erle{seed}")
    before = {case: state_of(node, case) for case in (one, other)}
    default = draw.choice([Choice.HERE, Choice.THERE])
    merge = unite(node, one, other, choices_of(node, one, other, default))
    touched = set()
    for number in range(5):
        records = content_of(node, merge.survivor).records
        record = draw.choice(records)
        if draw.random() < 0.3:
            record = cases.new_record(
                node.office,
                merge.survivor,
                "side_note",
                {"text": "x"},
                by=CLERK.account,
            )
        save(
            node, replace(record, values={**record.values, "void_reason": f"{number}"})
        )
        touched.add(RecordId(record.id))
    undo(node, merge)
    assert {case: state_of(node, case) for case in (one, other)} == before
    assert {edit.record.id for edit in parked(node, one)} == touched


async def test_a_new_consent_of_the_merged_case_stays_where_it_was_given(node, twins):
    merge = unite(node, *twins)
    given = give_consent(node, merge.survivor)
    undo(node, merge)
    kept = node.store.read_sync(lambda u: u.consents.of_case(merge.survivor))
    assert given in {str(c.id) for c in kept}
    assert len(kept) == 2
