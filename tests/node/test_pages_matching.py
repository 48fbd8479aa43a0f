"""Flow F before a real node: candidates, the table, check, merge, undo, edits since."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.differences import Choice
from node.cases.model import Baton
from node.casework import matching
from node.ids import AccountId
from tests.support.browser_by_hand import words
from tests.support.desk import relocate
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import AGS, APPROVER, CLERK, SAECKINGEN, open_case
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
OTHER = Actor(AccountId("d" * 32), frozenset({Role.CASEWORKER}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.hire(OTHER, "Dora Nachbar")
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def clerk(office):
    return await office.enter(CLERK)


@pytest.fixture
def node(office):
    office.clock.offset = timedelta()
    return office.node


@pytest.fixture
def twins(node):
    found = open_twins(node)
    compare_all(node)
    node.store.write_sync(drop_pairs_with_others, found)
    return found


def drop_pairs_with_others(uow, twins):
    """The twins of other tests in this office are called the same."""
    with uow:
        for case in twins:
            known = (k.pair for k in uow.matches.pairs(case))
            uow.matches.drop_pairs([p for p in known if set(p.key) != set(twins)])
        uow.commit()


def chosen(node, twins, default=Choice.THERE, **more):
    return {k: str(v) for k, v in choices_of(node, *twins, default, **more).items()}


async def decide(browser, one, other, answer):
    page = await browser.get(f"/cases/{one}/match")
    fields = {f"decision_{other}": answer} if answer else {}
    return await browser.post(
        f"/cases/{one}/match", page.form_token, _other=str(other), **fields
    )


async def merged(browser, node, twins):
    """Through the pages: table, check, merge; gives the page after it."""
    one, other = twins
    fields = chosen(node, twins)
    address = f"/cases/{one}/match/{other}"
    table = await browser.get(address)
    check = await browser.post(address, table.form_token, **fields)
    assert check.status == 200, words(check)
    done = await browser.post(f"{address}/merge", check.form_token, **fields)
    assert done.status == 303, words(done)
    return await browser.get(done.location)


# ---- Candidates ------------------------------------------------------------------------


@pytest.mark.spec("SC-54")
async def test_a_candidate_has_its_reasons_in_words_and_nothing_is_preselected(
    clerk, twins
):
    page = await clerk.get(f"/cases/{twins[0]}/match")
    said = words(page)
    assert (
        "stark Name gleich bis auf die Schreibweise; Tag und Monat vertauscht." in said
    )
    assert " checked" not in page.text
    assert "%" not in said.split("Abgleich", 1)[1]


@pytest.mark.spec("SC-54")
async def test_without_an_answer_it_is_asked_for(clerk, twins):
    page = await decide(clerk, *twins, "")
    assert page.status == 422
    assert "Bitte wählen Sie eine Antwort." in words(page)


@pytest.mark.spec("SC-22")
async def test_the_worklist_names_what_is_to_be_compared_until_it_is_decided(
    clerk, twins
):
    href = f"/cases/{twins[0]}/match", f"/cases/{twins[1]}/match"
    listed = await clerk.get("/work?only=matches")
    assert "Vielleicht zweimal angelegt (stark)" in words(listed)
    assert any(one in listed.text for one in href)
    assert (await decide(clerk, *twins, "not_same")).status == 303
    listed = await clerk.get("/work")
    assert not any(one in listed.text for one in href)
    again = await clerk.get(f"/cases/{twins[0]}/match")
    assert str(twins[1]) not in again.text


async def test_of_a_colleagues_case_name_year_and_caseworker_are_shown_and_no_table(
    office, node, clerk, twins
):
    def give_away(uow):
        with uow:
            file = uow.cases.file(twins[1])
            uow.cases.replace(file, replace(file, caseworker=OTHER.account))
            uow.commit()

    node.store.write_sync(give_away)
    page = await clerk.get(f"/cases/{twins[0]}/match")
    said = words(page)
    assert "Dora Nachbar" in said
    assert "Muhamad" in said
    assert f'id="f-decision_{twins[1]}-not_same"' in page.text
    assert f'id="f-decision_{twins[1]}-same"' not in page.text
    table = await clerk.get(f"/cases/{twins[0]}/match/{twins[1]}")
    assert table.status == 404
    assert "5550122" not in page.text


async def test_a_colleagues_person_under_threat_is_no_candidate_for_others(
    node, clerk, twins
):
    add(node, twins[1], "protection", protection="threatened")

    def give_away(uow):
        with uow:
            file = uow.cases.file(twins[1])
            uow.cases.replace(file, replace(file, caseworker=OTHER.account))
            uow.commit()

    node.store.write_sync(give_away)
    page = await clerk.get(f"/cases/{twins[0]}/match")
    assert str(twins[1]) not in page.text


@pytest.mark.parametrize("actor", [LEADER, AUDITOR])
@pytest.mark.spec("SR-B8", "DO-39")
async def test_other_roles_compare_nothing(office, twins, actor):
    other = await office.enter(actor)
    one, two = twins
    for path in (f"/cases/{one}/match", f"/cases/{one}/match/{two}"):
        assert (await other.get(path)).status == 403


@pytest.mark.spec("SR-B9")
async def test_cases_that_are_not_ones_own_look_absent(office, twins):
    one, two = twins
    for actor in (OTHER, APPROVER):
        browser = await office.enter(actor)
        for path in (f"/cases/{one}/match", f"/cases/{one}/match/{two}"):
            assert (await browser.get(path)).status == 404
        answer = await decide_blind(browser, one, two)
        assert answer.status == 404


async def decide_blind(browser, one, two):
    home = await browser.get("/work")
    token = (
        home.form_token
        if home.status == 200
        else (await browser.get("/inbox")).form_token
    )
    return await browser.post(
        f"/cases/{one}/match", token, _other=str(two), **{f"decision_{two}": "not_same"}
    )


async def test_looking_at_candidates_is_written_down(node, clerk, twins):
    await clerk.get(f"/cases/{twins[0]}/match/{twins[1]}")
    for case in twins:
        lines = node.store.read_sync(lambda u, c=case: u.read_log.of_case(c))
        assert "match.decide" in {line.action for line in lines}


# ---- The table -------------------------------------------------------------------------


@pytest.mark.spec("SC-54")
async def test_the_table_shows_only_what_differs_with_words_and_the_rest_folded(
    clerk, twins
):
    page = await clerk.get(f"/cases/{twins[0]}/match/{twins[1]}")
    said = words(page)
    table, _, folded = said.partition("gleiche Angabe")
    for text in ("Vornamen", "07.03.1994", "03.07.1994", "geändert", "neu"):
        assert text in table
    assert "Familienname" not in table
    assert "Familienname" in folded
    assert " checked" not in page.text
    for word in ("hier", "beide", "1 Kontakt", "1 Dokument", "1 Einwilligung"):
        assert word in said


@pytest.mark.spec("SC-54")
async def test_a_missing_choice_is_named_and_the_others_are_kept(node, clerk, twins):
    fields = chosen(node, twins)
    del fields["birth_date"]
    address = f"/cases/{twins[0]}/match/{twins[1]}"
    table = await clerk.get(address)
    page = await clerk.post(address, table.form_token, **fields)
    assert page.status == 422
    assert "Bitte wählen Sie: Geburtsdatum" in words(page)
    assert page.text.count(" checked") == len(fields)


async def test_a_choice_that_does_not_exist_is_no_choice(node, clerk, twins):
    fields = chosen(node, twins) | {"birth_date": "both"}
    address = f"/cases/{twins[0]}/match/{twins[1]}"
    table = await clerk.get(address)
    assert (await clerk.post(address, table.form_token, **fields)).status == 422
    answer = await clerk.post(f"{address}/merge", table.form_token, **fields)
    assert answer.status == 422
    assert content_of(node, twins[1]).file.baton is Baton.ACTIVE


@pytest.mark.spec("SC-54")
async def test_the_check_page_says_the_result_and_the_line_after_it_until_when(
    office, node, clerk, twins
):
    address = f"/cases/{twins[0]}/match/{twins[1]}"
    table = await clerk.get(address)
    check = await clerk.post(address, table.form_token, **chosen(node, twins))
    until = node.office.clock.now().date() + timedelta(days=30)
    for text in (
        "Muhamad",
        "03.07.1994",
        f"bis {until:%d.%m.%Y}",
        "Fälle zusammenführen",
    ):
        assert text in words(check)
    assert content_of(node, twins[1]).file.baton is Baton.ACTIVE
    done = await merged(clerk, node, twins)
    assert f"Rückgängig bis {until:%d.%m.%Y}" in words(done)
    assert "saved" in done.text


@pytest.mark.spec("SC-54")
async def test_through_the_pages_the_result_is_as_chosen_and_undo_restores_both(
    node, clerk, twins
):
    before = {case: state_of(node, case) for case in twins}
    done = await merged(clerk, node, twins)
    survivor = next(c for c in twins if content_of(node, c).file.baton is Baton.ACTIVE)
    assert content_of(node, survivor).person.text("given_names") == "Muhamad"
    address = re.search(r'href="(/cases/[0-9a-f]+/unmerge/[0-9a-f]+)"', done.text)[1]
    asked = await clerk.get(address)
    assert "Seitdem wurde nichts bearbeitet." in words(asked)
    undone = await clerk.post(address, asked.form_token)
    assert undone.status == 303
    assert {case: state_of(node, case) for case in twins} == before


@pytest.mark.spec("SC-54", "DO-44")
async def test_the_undo_lists_what_was_edited_and_each_entry_finds_its_case(
    node, clerk, twins
):
    merge = unite(node, *twins)
    new = add(
        node, merge.survivor, "follow_up", text="Anruf beim Amt", due="2026-12-01"
    )
    address = f"/cases/{merge.survivor}/unmerge/{merge.id}"
    asked = await clerk.get(address)
    assert "Wiedervorlage 01.12.2026 Anruf beim Amt (neu)" in words(asked)
    undone = await clerk.post(address, asked.form_token)
    page = await clerk.get(undone.location)
    assert "Beide Fälle sind wieder wie vorher." in words(page)
    assert " checked" not in page.text
    empty = await clerk.post(undone.location, page.form_token)
    assert empty.status == 422
    field = f"to_{new.id}"
    done = await clerk.post(
        undone.location, page.form_token, **{field: str(merge.absorbed)}
    )
    assert done.status == 303
    assert new.id in {r.id for r in content_of(node, merge.absorbed).of("follow_up")}
    assert (await clerk.get(undone.location)).status == 404


async def test_during_a_handover_the_table_says_so_and_has_no_form(node, clerk, twins):
    address = f"/cases/{twins[0]}/match/{twins[1]}"
    table = await clerk.get(address)
    fields = chosen(node, twins)
    relocate(node, AGS[SAECKINGEN], twins[0])
    answer = await clerk.post(f"{address}/merge", table.form_token, **fields)
    assert answer.status in {404, 409}
    assert content_of(node, twins[1]).file.baton is Baton.ACTIVE


async def test_the_absorbed_case_says_where_it_went_and_can_only_be_read(
    node, clerk, twins
):
    merge = unite(node, *twins)
    page = await clerk.get(f"/cases/{merge.absorbed}")
    assert "Mit einem anderen Fall zusammengeführt" in words(page)
    assert f"/contacts/new?case={merge.absorbed}" not in page.text
    found = await clerk.get("/cases?of=all")
    assert str(merge.absorbed) not in found.text
    assert str(merge.absorbed) not in (await clerk.get("/cases?of=gone")).text


async def test_after_thirty_days_no_undo_is_offered(office, node, clerk, twins):
    merge = unite(node, *twins)
    office.clock.offset = timedelta(days=31)
    again = await office.enter(CLERK)
    address = f"/cases/{merge.survivor}/unmerge/{merge.id}"
    assert (await again.get(address)).status == 404
    assert "unmerge" not in (await again.get(f"/cases/{merge.survivor}/match")).text


# ---- A new case ------------------------------------------------------------------------


async def create(browser, page, **fields):
    once = re.search(r'name="_once" value="([0-9a-f]+)"', page.text)[1]
    return await browser.post("/cases/new", page.form_token, _once=once, **fields)


@pytest.mark.spec("DO-44")
async def test_a_new_person_is_compared_before_the_second_group_of_fields(node, clerk):
    known = open_case(
        node, "Demo-Sanddorn", given_names="Yusuf", birth_date="1984-05-06"
    )
    first = await clerk.get("/cases/new")
    assert 'name="gender"' not in first.text
    typed = {
        "given_names": "Josef",
        "family_name": "Demo-Sanddorn",
        "birth_date": "06.05.1984",
    }
    second = await create(clerk, first, _first="yes", **typed)
    assert second.status == 200
    assert second.text.index(f"/cases/{known}") < second.text.index('name="gender"')
    again = await create(clerk, second, **typed)
    assert again.status == 200
    opened = await create(clerk, second, sure="yes", **typed)
    assert opened.status == 303
    pairs = node.store.read_sync(matching.open_pairs, [known])
    assert [str(k.pair.beside(known)) for k in pairs] == [opened.location.split("/")[2]]


async def test_somebody_new_is_asked_for_the_rest_without_a_warning(clerk):
    first = await clerk.get("/cases/new")
    typed = {"given_names": "Oksana", "family_name": "Demo-Wacholder"}
    second = await create(clerk, first, _first="yes", **typed)
    assert 'name="gender"' in second.text
    assert "Ist es eine dieser Personen" not in words(second)
    opened = await create(clerk, second, **typed)
    assert opened.status == 303


async def test_a_phone_number_in_the_first_group_finds_its_owner(node, clerk):
    known = open_case(
        node,
        "Demo-Schlehe",
        given_names="Selam",
        birth_date="1991-02-03",
        phones=["+49 170 5550177"],
    )
    first = await clerk.get("/cases/new")
    second = await create(
        clerk,
        first,
        _first="yes",
        given_names="Salam",
        family_name="Demo-Schlehe",
        phone="0170 5550177",
    )
    assert f"/cases/{known}" in second.text


async def test_an_edit_of_the_other_case_meanwhile_asks_again(node, clerk, twins):
    fields = chosen(node, twins)
    address = f"/cases/{twins[0]}/match/{twins[1]}"
    table = await clerk.get(address)
    person = content_of(node, twins[1]).person
    save(node, replace(person, values={**person.values, "birth_place": "Homs"}))
    answer = await clerk.post(f"{address}/merge", table.form_token, **fields)
    assert answer.status == 422
    assert "Bitte wählen Sie: Geburtsort" in words(answer)
