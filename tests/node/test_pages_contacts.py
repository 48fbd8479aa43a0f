"""S6 before a real node: one entry, nothing lost, and what may be put right later."""

import re
import secrets
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.model import Baton, Origin, Record
from node.casework import cases
from node.ids import AccountId, RecordId
from node.store.contactstables import draft as draft_table
from node.store.sweeper import Sweeper
from tests.support.browser_by_hand import words
from tests.support.office import LEADER, open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, open_case

pytestmark = pytest.mark.asyncio(loop_scope="module")
OTHER = Actor(AccountId("d" * 32), frozenset({Role.CASEWORKER}))
HIDDEN = re.compile(r'<input type="hidden" name="(_[^"]+)" value="([^"]*)">')


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        office.hire(OTHER, "Demo Andere")
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def browser(opened):
    return await opened.enter(CLERK)


def person(office, name="Demo-Esche", household=None, by=CLERK):
    values = {"family_name": name, "given_names": "Lina", "birth_date": "1991-02-03"}
    return office.node.store.write_sync(
        cases.open_case, office.node.office, values, by=by, household=household
    )


def family(office, count=3):
    household = RecordId(secrets.token_hex(16))
    return [person(office, f"Demo-Erle-{n}", household) for n in range(count)]


def content(office, case):
    return office.node.store.read_sync(lambda uow: uow.cases.content(case))


def contacts(office, case):
    return content(office, case).of("contact")


def today(office):
    return local_day(office.clock.now())


async def send(browser, path, fields):
    """A form with fields that may come several times."""
    return await browser.send(
        "POST",
        path,
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=urlencode(fields, doseq=True).encode(),
    )


async def form_for(browser, case):
    """The hidden fields of the form, and what a caseworker would fill in."""
    page = await browser.get(f"/contacts/new?case={case}")
    main = page.text[page.text.index('action="/contacts/new"') :]
    fields = dict(HIDDEN.findall(main))
    return fields | {
        "form": "office",
        "topic": "04",
        "minutes": "30",
        "kind": "auto",
        "follow_up": "none",
        "date": re.search(r'name="date" type="text" value="([^"]+)"', main)[1],
        "interpreter": "none",
        "note": "",
    }


async def record(browser, case, **fields):
    return await send(browser, "/contacts/new", await form_for(browser, case) | fields)


def goals_of(office, case, count=1):
    """A plan in force with open goals."""
    make, by = office.node.office, CLERK.account
    values = {"status": "in_force", "start": "2026-01-01"}
    plan = cases.new_record(make, case, "plan", values, by=by)
    values = {"plan": str(plan.id), "area": "04", "text": "Arbeit", "status": "open"}
    goals = [cases.new_record(make, case, "goal", values, by=by) for _ in range(count)]
    for item in (plan, *goals):
        office.node.store.write_sync(cases.save_record, make, item, epoch=1, by=CLERK)
    return [goal.id for goal in goals]


# ---- Recording -------------------------------------------------------------------------


@pytest.mark.spec("SC-28")
async def test_a_household_talk_is_one_entry_on_each_timeline(office, browser):
    first, *others = family(office)
    answer = await record(browser, first, along="all")
    assert answer.status == 303
    found = [contacts(office, case) for case in (first, *others)]
    assert [len(entries) for entries in found] == [1, 1, 1]
    assert len({entries[0].id for entries in found}) == 1
    for case in others:
        page = await browser.get(f"/cases/{case}")
        assert "im Büro" in words(page)
        assert "Demo-Erle-0" in words(page)


@pytest.mark.spec("DO-3")
async def test_a_talk_with_four_counts_once_and_voiding_takes_it_back(office, browser):
    household = family(office, 4)
    start = month(office)
    await record(browser, household[0], along="all")
    assert month(office).talks == start.talks + 1
    entry = contacts(office, household[0])[0].id
    answer = await void(browser, entry, household[0], "doppelt erfasst")
    assert answer.status == 303
    assert month(office).talks == start.talks
    for case in household:
        assert contacts(office, case)[0].values["void_reason"] == "doppelt erfasst"
        assert "im Büro" not in words(await browser.get(f"/cases/{case}"))


def month(office):
    day = today(office)
    return office.node.store.read_sync(
        lambda uow: uow.readings.month(CLERK.account, day.replace(day=1), day)
    )


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("office", "talk"), ("drop_in", "talk"), ("home_visit", "talk"),
        ("accompaniment", "talk"), ("phone", "talk"), ("video", "talk"),
        ("group", "talk"), ("email", "contact"), ("messenger", "contact"),
        ("letter", "contact"), ("third_party", "coordination"), ("no_show", "attempt"),
    ],
)  # fmt: skip
@pytest.mark.spec("SC-28")
async def test_the_kind_follows_the_form(office, browser, form, kind):
    case = person(office)
    page = await browser.get(f"/contacts/new?case={case}")
    assert re.search(rf'value="{form}"[^>]*data-kind="{kind}"', page.text)
    await record(browser, case, form=form)
    assert contacts(office, case)[0].values["kind"] == kind


@pytest.mark.spec("SC-28")
async def test_a_message_can_be_called_a_talk(office, browser):
    case = person(office)
    await record(browser, case, form="messenger", kind="talk")
    assert contacts(office, case)[0].values["kind"] == "talk"


@pytest.mark.spec("DO-8")
async def test_a_contact_moves_two_goals_in_one_save(office, browser):
    case = person(office)
    one, two = goals_of(office, case, 2)
    fields = {
        f"goal-{one}": "reached",
        f"goal-{two}": "postponed",
        f"reason-{two}": "waiting_list",
    }
    assert (await record(browser, case, **fields)).status == 303
    [entry] = contacts(office, case)
    touched = {t["goal"]: t["status"] for t in entry.values["touched"]}
    assert touched == {str(one): "reached", str(two): "postponed"}
    goals = {goal.id: goal for goal in content(office, case).of("goal")}
    assert goals[one].text("status") == "reached"
    assert goals[two].text("reason") == "waiting_list"


@pytest.mark.spec("DO-8")
async def test_a_goal_is_not_postponed_without_a_reason(office, browser):
    case = person(office)
    [goal] = goals_of(office, case)
    answer = await record(
        browser, case, note="Kurs fällt aus", **{f"goal-{goal}": "postponed"}
    )
    assert answer.status == 422
    assert "warum das Ziel" in words(answer)
    assert "Kurs fällt aus" in answer.text
    assert contacts(office, case) == ()


@pytest.mark.parametrize(
    ("choice", "days"), [("week", 7), ("two_weeks", 14), ("month", 30)]
)
async def test_a_follow_up_is_a_record_of_the_case(office, browser, choice, days):
    case = person(office)
    await record(browser, case, follow_up=choice, follow_up_text="Bescheid da?")
    [task] = content(office, case).of("follow_up")
    due = (today(office) + timedelta(days=days)).isoformat()
    assert (task.text("due"), task.text("text")) == (due, "Bescheid da?")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("form", "", "wie Sie Kontakt hatten"),
        ("form", "telepathy", "wie Sie Kontakt hatten"),
        ("topic", "", "worum es ging"),
        ("minutes", "31", "wie lange"),
        ("minutes", "", "wie lange"),
        ("other_minutes", "7", "Fünferschritten"),
        ("other_minutes", "485", "Fünferschritten"),
        ("other_minutes", "-5", "Fünferschritten"),
        ("date", "31.02.2026", "den Tag"),
        ("date", "", "den Tag"),
        ("date", "01.01.2999", "den Tag"),
        ("note", "x" * 4001, "4.000 Zeichen"),
    ],
)
async def test_what_is_missing_is_said_and_nothing_typed_is_lost(
    office, browser, field, value, sentence
):
    case = person(office)
    kept = {"others_present": "Frau Beispiel", field: value}
    answer = await record(browser, case, **kept)
    assert answer.status == 422
    assert sentence in words(answer)
    assert "Frau Beispiel" in answer.text
    assert "<title>Fehler:" in answer.text
    assert contacts(office, case) == ()


async def test_a_long_accompaniment_can_be_written_in_minutes(office, browser):
    case = person(office)
    await record(browser, case, form="accompaniment", other_minutes="180")
    assert contacts(office, case)[0].values["minutes"] == 180


async def test_a_day_long_past_and_a_child_interpreting_are_saved_and_said(
    office, browser
):
    case = person(office)
    day = today(office) - timedelta(days=9)
    answer = await record(
        browser, case, date=day.strftime("%d.%m.%Y"), interpreter="child"
    )
    page = await browser.get(answer.location)
    assert "Der Tag liegt 9 Tage zurück und wird so gezählt" in words(page)
    assert "Ein Kind hat gedolmetscht" in words(page)
    assert contacts(office, case)[0].text("date") == day.isoformat()


async def test_the_same_form_twice_is_one_entry(office, browser):
    case = person(office)
    fields = await form_for(browser, case)
    assert (await send(browser, "/contacts/new", fields)).status == 303
    assert (await send(browser, "/contacts/new", fields)).status == 303
    assert len(contacts(office, case)) == 1


async def test_save_and_next_leads_to_the_next_person_with_the_same_form(
    office, browser
):
    case = person(office)
    answer = await record(browser, case, form="phone", minutes="15", _then="next")
    assert answer.location == "/contacts/new"
    page = await browser.get(f"/contacts/new?case={case}")
    assert re.search(r'value="phone" checked', page.text)
    assert re.search(r'name="minutes" value="15" checked', page.text)


async def test_a_colleague_can_record_nothing_and_learns_nothing(office):
    case = person(office)
    other = await office.enter(OTHER)
    assert (await other.get(f"/contacts/new?case={case}")).status == 404
    token = (await other.get("/contacts/new")).form_token
    fields = {"_token": token, "_case": case, "form": "office"}
    assert (await send(other, "/contacts/new", fields)).status == 404
    assert (await send(other, "/contacts/draft", fields)).status == 404
    assert contacts(office, case) == ()


@pytest.mark.parametrize("actor", [APPROVER, LEADER])
async def test_other_roles_have_no_form(office, actor):
    other = await office.enter(actor)
    assert (await other.get("/contacts/new")).status == 403


# ---- Drafts ----------------------------------------------------------------------------


def rows(office):
    return office.node.store.read_sync(
        lambda uow: uow.cases._work.rows(draft_table.select())
    )


async def keep(browser, case, **fields):
    form = await form_for(browser, case) | fields
    return form, await send(browser, "/contacts/draft", form)


@pytest.mark.spec("SC-27")
async def test_a_draft_is_offered_again_and_unreadable_in_the_database(office, browser):
    case = person(office)
    _, answer = await keep(browser, case, note="Wohnung in der Hauptstraße", topic="05")
    assert answer.status == 204
    assert "Lina Demo-Esche" in words(await browser.get("/contacts/new"))
    page = await browser.get(f"/contacts/new?case={case}")
    assert "ist eingetragen" in words(page)
    assert "Wohnung in der Hauptstraße" in page.text
    assert re.search(r'name="topic" value="05" checked', page.text)
    kept = b"".join(bytes(row.sealed) for row in rows(office))
    assert kept
    assert b"Wohnung" not in kept
    assert b"topic" not in kept


@pytest.mark.spec("SC-27")
async def test_a_draft_goes_with_the_entry_that_came_of_it(office, browser):
    case = person(office)
    form, _ = await keep(browser, case, note="Entwurf")
    await send(browser, "/contacts/new", form)
    page = await browser.get(f"/contacts/new?case={case}")
    assert "ist eingetragen" not in words(page)
    assert "Entwurf</textarea>" not in page.text


@pytest.mark.spec("SC-27")
async def test_words_that_arrive_after_the_entry_are_no_draft(office, browser):
    case = person(office)
    form = await form_for(browser, case)
    await send(browser, "/contacts/new", form)
    assert (await send(browser, "/contacts/draft", form)).status == 204
    assert "ist eingetragen" not in words(
        await browser.get(f"/contacts/new?case={case}")
    )


@pytest.mark.spec("SC-27")
async def test_a_draft_is_kept_by_a_button_without_scripts(office, browser):
    case = person(office)
    answer = await record(browser, case, note="später", topic="", _then="draft")
    assert answer.location == "/contacts/new"
    assert "30 Tage" in words(await browser.get("/contacts/new"))
    assert "später</textarea>" in (await browser.get(f"/contacts/new?case={case}")).text
    assert contacts(office, case) == ()


@pytest.mark.spec("SC-27")
async def test_a_draft_can_be_thrown_away(office, browser):
    case = person(office)
    form, _ = await keep(browser, case, note="weg damit")
    drop = {"_token": form["_token"], "case": case}
    await send(browser, "/contacts/draft/drop", drop)
    page = await browser.get(f"/contacts/new?case={case}")
    assert "weg damit" not in page.text


@pytest.mark.spec("SC-27")
async def test_a_draft_is_over_after_30_days(office, browser):
    case = person(office)
    await keep(browser, case, note="alt")
    office.clock.offset = timedelta(days=30, seconds=1)
    late = await office.enter(CLERK)
    assert "alt</textarea>" not in (await late.get(f"/contacts/new?case={case}")).text
    assert rows(office)
    Sweeper(office.node.store, office.node.means, grace=True)()
    assert rows(office) == []


@pytest.mark.spec("SC-27")
async def test_a_draft_is_nobody_elses(office, browser):
    case = person(office)
    await keep(browser, case, note="nur meins")
    assert (
        office.node.store.read_sync(lambda uow: uow.diary.draft(OTHER.account, case))
        is None
    )


# ---- Afterwards ------------------------------------------------------------------------


async def entry_form(browser, entry, case):
    page = await browser.get(f"/contacts/{entry}?case={case}")
    assert page.status == 200, page.text
    main = page.text[page.text.index('id="content"') :]
    return page, dict(HIDDEN.findall(main))


async def change(browser, entry, case, **fields):
    _, kept = await entry_form(browser, entry, case)
    usual = {
        "form": "office", "topic": "04", "minutes": "30", "kind": "auto",
        "date": "02.11.2026", "interpreter": "none",
    }  # fmt: skip
    return await send(browser, f"/contacts/{entry}", kept | usual | fields)


async def void(browser, entry, case, reason):
    _, kept = await entry_form(browser, entry, case)
    return await send(
        browser, f"/contacts/{entry}/void", kept | {"void_reason": reason}
    )


async def test_an_entry_is_put_right_at_everybody_it_was_with(office, browser):
    first, *others = family(office)
    await record(browser, first, along=[str(case) for case in others])
    entry = contacts(office, first)[0].id
    page, _ = await entry_form(browser, entry, first)
    assert "Demo-Erle-2" in words(page)
    answer = await change(browser, entry, first, form="phone", note="am Telefon")
    assert answer.location == f"/cases/{first}"
    for case in (first, *others):
        [found] = contacts(office, case)
        assert (found.text("form"), found.text("note")) == ("phone", "am Telefon")
        assert found.version == 2
        assert len(found.values["persons"]) == 3


async def test_two_who_change_the_same_entry_are_told(office, browser):
    case = open_case(office.node)
    entry = contacts(office, case)[0].id
    _, kept = await entry_form(browser, entry, case)
    await change(browser, entry, case, note="zuerst")
    late = kept | {
        "form": "office", "topic": "04", "minutes": "30", "date": "02.11.2026",
        "note": "zu spät, aber nicht verloren",
    }  # fmt: skip
    answer = await send(browser, f"/contacts/{entry}", late)
    assert answer.status == 409
    assert "zu spät, aber nicht verloren" in answer.text
    assert contacts(office, case)[0].text("note") == "zuerst"


@pytest.mark.parametrize("reason", ["", "   "])
@pytest.mark.spec("DO-3")
async def test_nothing_is_voided_without_a_reason(office, browser, reason):
    case = open_case(office.node)
    entry = contacts(office, case)[0].id
    answer = await void(browser, entry, case, reason)
    assert answer.status == 422
    assert "warum der Eintrag nicht zählt" in words(answer)
    assert "voided_on" not in contacts(office, case)[0].values


async def test_a_void_entry_says_since_when_and_cannot_be_changed(office, browser):
    case = open_case(office.node)
    entry = contacts(office, case)[0].id
    _, kept = await entry_form(browser, entry, case)
    await void(browser, entry, case, "falsche Person")
    page, _ = await entry_form(browser, entry, case)
    assert "zählt seit dem" in words(page)
    assert "falsche Person" in words(page)
    answer = await send(
        browser, f"/contacts/{entry}/void", kept | {"void_reason": "noch einmal"}
    )
    assert answer.status == 409


async def test_an_imported_entry_is_not_changed_here(office, browser):
    case = person(office)
    imported = Record(
        case=case,
        id=RecordId(secrets.token_hex(16)),
        kind="contact",
        values={"date": "2026-05-01", "form": "office", "kind": "talk", "minutes": 30},
        recorded_at=office.clock.now(),
        origin=Origin.TRANSFER,
        origin_node=SAECKINGEN,
    )
    office.node.store.write_sync(_put, imported)
    assert (await browser.get(f"/contacts/{imported.id}")).status == 404
    assert f"/contacts/{imported.id}" not in (await browser.get(f"/cases/{case}")).text


def _put(uow, record):
    with uow:
        uow.cases.put([record])
        uow.commit()


@pytest.mark.spec("SR-B9")
async def test_a_colleagues_entry_and_one_that_never_was_look_the_same(office):
    case = open_case(office.node)
    entry = contacts(office, case)[0].id
    other = await office.enter(OTHER)
    token = (await other.get("/contacts/new")).form_token
    for number in (entry, "0" * 32):
        assert (await other.get(f"/contacts/{number}?case={case}")).status == 404
        fields = {"_token": token, "_case": case, "void_reason": "x"}
        answer = await send(other, f"/contacts/{number}/void", fields)
        assert answer.status == 404
    assert "voided_on" not in contacts(office, case)[0].values


# ---- When the program fails ------------------------------------------------------------


@pytest.mark.spec("SC-14")
async def test_a_failure_gives_code_and_number_and_the_typed_text_and_no_detail(
    office, browser, monkeypatch
):
    def broken(*_args, **_kwargs):
        raise RuntimeError("the inner detail")

    case = person(office)
    monkeypatch.setattr("node.web.pages.contacts.record_contact", broken)
    answer = await record(browser, case, note="Bleibt lesbar")
    assert answer.status == 500
    assert "Bleibt lesbar" in answer.text
    assert re.search(r"[0-9a-f]{8,}", words(answer))
    assert "the inner detail" not in answer.text
    assert contacts(office, case) == ()


@pytest.mark.spec("SC-27")
async def test_a_draft_of_a_case_that_was_erased_is_gone(office, browser):
    case = person(office)
    await keep(browser, case, note="vorbei")
    office.node.store.write_sync(_shred, case)
    assert [row for row in rows(office) if row.case_id == case] == []


def _shred(uow, case):
    with uow:
        file = uow.cases.file(case)
        gone = replace(file, baton=Baton.SHREDDED)
        uow.cases.replace(file, gone)
        uow.commit()
