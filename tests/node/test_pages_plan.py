"""S5 before a real node: a plan begun, agreed, moved, reviewed, compared, printed, ended."""

import json
from importlib.resources import files

import pytest
import pytest_asyncio

from node.cases.model import Origin
from node.cases.plan import goal_ideas
from node.casework.cases import Contact, record_contact
from node.errors import PrinterError
from node.ids import RecordId
from tests.support.browser_by_hand import words
from tests.support.caseoffice import content, give_away, of, person, put, send
from tests.support.office import open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN
from tests.support.papers import HAS_PANGO, fonts_of, text_of

needs_pango = pytest.mark.skipif(not HAS_PANGO, reason="no pango on this machine")

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("plan")) as office:
        yield office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(wehr):
    return await wehr.enter(CLERK)


def at(case):
    return f"/cases/{case}/plan"


def talk(office, case, day, topic="05.1", touched=None):
    office.node.store.write_sync(
        record_contact,
        office.node.office,
        Contact(
            cases=(case,),
            epochs={case: 1},
            values={"date": day, "form": "phone", "kind": "talk", "topics": [topic]},
            touched=touched or {},
        ),
        by=CLERK,
    )


async def begun(office, clerk, name, *ideas):
    """A draft with goals from the list; its first goal."""
    case = person(office, name)
    page = await clerk.get(at(case))
    for idea in ideas or ("04.1",):
        # Browsers send each tick by itself; one is enough here, the rest is added.
        if of(office, case, "plan"):
            form = await clerk.get(f"{at(case)}/goals?idea={idea}")
            await send(clerk, form, f"{at(case)}/goals")
        else:
            await send(clerk, page, f"{at(case)}/begin", idea=idea)
    return case, of(office, case, "goal")[0]


async def agreed(office, clerk, case, **changes):
    page = await clerk.get(f"{at(case)}/agree")
    return await send(clerk, page, f"{at(case)}/agree", **changes)


def plans(office, case):
    """The versions of the plan, oldest first."""
    return sorted(of(office, case, "plan"), key=lambda p: p.values["plan_version"])


async def move(clerk, case, goal, status, reason="", *, version=None):
    page = await clerk.get(at(case))
    return await clerk.post(
        at(case),
        page.form_token,
        goal=goal.id,
        _epoch="1",
        _version=str(version or goal.version),
        **{f"status-{goal.id}": status, f"reason-{goal.id}": reason},
    )


# -- Beginning ---------------------------------------------------------------------------


@pytest.mark.spec("FR-10", "DO-9")
async def test_without_a_plan_three_goals_are_proposed_and_none_is_chosen(wehr, clerk):
    case = person(wehr, "Demo-Ohne")
    for day in ("2026-02-01", "2026-02-02"):
        talk(wehr, case, day, "08.1")
    talk(wehr, case, "2026-02-03", "10.1")
    page = await clerk.get(at(case))
    first = {idea.area: idea.text for idea in reversed(goal_ideas())}
    text = words(page)
    assert text.index(first["08"]) < text.index(first["10"]) < text.index(first["01"])
    assert page.text.count('name="idea"') == 3
    assert "checked" not in page.text
    assert of(wehr, case, "goal") == ()


async def test_a_plan_is_begun_as_a_draft_and_says_so(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Entwurf")
    assert goal.text("text") == "Ich möchte eine feste Arbeit finden."
    page = words(await clerk.get(at(case)))
    assert "Noch nicht mit der Person vereinbart." in page
    assert "Woran merken wir es? Der Arbeitsvertrag ist unterschrieben." in page


async def test_a_plan_begun_twice_is_one(wehr, clerk):
    case = person(wehr, "Demo-Zweimal")
    page = await clerk.get(at(case))
    other = await clerk.get(at(case))
    for _ in range(2):
        assert (await send(clerk, page, f"{at(case)}/begin")).status == 303
    assert (await send(clerk, other, f"{at(case)}/begin")).status == 409
    assert (await clerk.get(f"{at(case)}/begin")).location == at(case)
    assert len(of(wehr, case, "plan")) == 1


async def test_a_goal_from_the_list_can_be_reworded_before_it_is_kept(wehr, clerk):
    case, _ = await begun(wehr, clerk, "Demo-Wort")
    page = await clerk.get(f"{at(case)}/goals?idea=05.1")
    assert "Ich möchte eine eigene Wohnung." in page.text
    for _ in range(2):
        await send(
            clerk, page, f"{at(case)}/goals", text="Ich möchte ein Zimmer für mich."
        )
    texts = [goal.text("text") for goal in of(wehr, case, "goal")]
    assert texts.count("Ich möchte ein Zimmer für mich.") == 1
    assert "Ich möchte eine eigene Wohnung." not in texts


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"area": "05", "text": ""}, "Bitte ausfüllen."),
        ({"area": "", "text": "Ein Ziel"}, "Bitte ausfüllen."),
        ({"area": "05", "text": "x" * 2001}, "Bitte kürzen"),
        ({"area": "05", "text": "Ein Ziel", "target_date": "bald"}, "03.12.2026"),
    ],
)
async def test_a_goal_that_lacks_something_is_not_kept(wehr, clerk, typed, sentence):
    case, _ = await begun(wehr, clerk, "Demo-Lücke")
    page = await clerk.get(f"{at(case)}/goals")
    answer = await send(clerk, page, f"{at(case)}/goals", **typed)
    assert answer.status == 422
    assert sentence in words(answer)
    assert len(of(wehr, case, "goal")) == 1


# -- Goals -------------------------------------------------------------------------------


@pytest.mark.spec("SC-25", "FR-9", "DO-8")
@pytest.mark.parametrize("status", ["postponed", "adapted"])
async def test_a_goal_put_off_needs_its_reason_in_place(wehr, clerk, status):
    case, goal = await begun(wehr, clerk, "Demo-Aufschub")
    refused = await move(clerk, case, goal, status)
    assert refused.status == 422
    assert "warum das Ziel verschoben oder angepasst wird" in words(refused)
    assert f'id="f-reason-{goal.id}"' in refused.text
    assert of(wehr, case, "goal")[0] == goal
    done = await move(clerk, case, goal, status, "waiting_list")
    assert done.status == 303
    after = of(wehr, case, "goal")[0]
    assert (after.text("status"), after.text("reason")) == (status, "waiting_list")
    history = words(await clerk.get(f"/cases/{case}/records/{goal.id}"))
    assert "offen" in history


@pytest.mark.spec("SC-25")
async def test_the_last_three_contacts_stand_under_the_goal_they_touched(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Drei")
    for day in ("2026-01-05", "2026-01-06", "2026-01-07", "2026-01-08"):
        talk(wehr, case, day, touched={goal.id: ("in_progress", None)})
    text = words(await clerk.get(at(case)))
    assert "08.01.2026" in text
    assert "06.01.2026" in text
    assert "05.01.2026" not in text


@pytest.mark.spec("SC-11")
async def test_a_goal_moved_in_two_tabs_shows_both_versions(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Zwei-Tabs")
    await move(clerk, case, goal, "in_progress")
    answer = await move(clerk, case, goal, "given_up", version=1)
    assert answer.status == 409
    text = words(answer)
    assert "Jemand war schneller" in text
    assert "in Arbeit" in text
    assert "aufgegeben" in text
    assert of(wehr, case, "goal")[0].text("status") == "in_progress"
    path = f"/cases/{case}/details/goal/{goal.id}"
    done = await send(clerk, answer, path)
    assert done.location == at(case)
    assert of(wehr, case, "goal")[0].text("status") == "given_up"
    assert "in Arbeit" in words(await clerk.get(f"/cases/{case}/records/{goal.id}"))


@pytest.mark.spec("SC-12", "HO-4")
async def test_a_goal_moved_after_the_handover_changes_nothing(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Weg")
    page = await clerk.get(f"{at(case)}/goals")
    give_away(wehr, case)
    before = content(wehr, case)
    assert (await move(clerk, case, goal, "reached")).status == 409
    typed = "Ich möchte schwimmen lernen und ins Bad gehen."
    answer = await send(clerk, page, f"{at(case)}/goals", area="07", text=typed)
    assert answer.status == 409
    assert typed in answer.text
    assert content(wehr, case) == before


async def test_a_goal_of_another_case_is_not_moved(wehr, clerk):
    case, _ = await begun(wehr, clerk, "Demo-Mein")
    _, other = await begun(wehr, clerk, "Demo-Dein")
    assert (await move(clerk, case, other, "reached")).status == 404


async def test_a_status_that_is_none_is_not_taken(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Stand")
    assert (await move(clerk, case, goal, "zz-test")).status == 404


async def test_a_goal_reached_on_its_sheet_keeps_the_day(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Blatt")
    path = f"/cases/{case}/details/goal/{goal.id}"
    page = await clerk.get(path)
    refused = await send(clerk, page, path, status="postponed", reason="")
    assert refused.status == 422
    await send(clerk, page, path, status="reached")
    day = wehr.clock.now().date().isoformat()
    assert of(wehr, case, "goal")[0].text("reached_on") == day


async def test_a_measure_stands_below_its_goal_until_it_is_done(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Tun")
    path = f"/cases/{case}/details/measure"
    page = await clerk.get(f"{path}?goal={goal.id}")
    typed = {"text": "Lebenslauf schreiben", "bearer": "person", "due": "01.03.2026"}
    await send(clerk, page, path, **typed)
    measure = of(wehr, case, "measure")[0]
    assert measure.text("goal") == goal.id
    page = await clerk.get(at(case))
    assert "Wer: die Person selbst" in words(page)
    done = await clerk.post(
        f"{at(case)}/measures",
        page.form_token,
        measure=measure.id,
        _epoch="1",
        _version="1",
    )
    assert done.status == 303
    assert of(wehr, case, "measure")[0].text("status") == "done"
    assert "erledigt" in words(await clerk.get(at(case)))


@pytest.mark.parametrize("goal", ["", "f" * 32])
async def test_a_measure_without_a_goal_of_this_case_is_not_kept(wehr, clerk, goal):
    case, _ = await begun(wehr, clerk, "Demo-Lose")
    path = f"/cases/{case}/details/measure"
    page = await clerk.get(f"{path}?goal={goal}")
    answer = await send(clerk, page, path, text="Etwas tun")
    assert answer.status == 404
    assert of(wehr, case, "measure") == ()


async def test_an_assessment_stands_by_its_life_area(wehr, clerk):
    case, _ = await begun(wehr, clerk, "Demo-Bild")
    path = f"/cases/{case}/details/assessment"
    page = await clerk.get(path)
    await send(clerk, page, path, area="05", need="3", text="Zimmer zu klein")
    text = words(await clerk.get(at(case)))
    assert "Bedarf: viel" in text
    assert "Zimmer zu klein" in text


# -- Agreeing ----------------------------------------------------------------------------


@pytest.mark.spec("FR-10")
async def test_agreeing_makes_a_version_and_supersedes_the_one_before(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Fassung")
    first = await agreed(wehr, clerk, case)
    assert first.status == 303, words(first)
    form = await clerk.get(f"{at(case)}/goals?idea=05.1")
    await send(clerk, form, f"{at(case)}/goals")
    path = f"/cases/{case}/details/goal/{goal.id}"
    page = await clerk.get(path)
    await send(clerk, page, path, text="Ich möchte eine Arbeit in der Küche.")
    shown = words(await clerk.get(at(case)))
    assert "Seit der Vereinbarung geändert" in shown
    assert "Neu: „Ich möchte eine eigene Wohnung.“" in shown
    await agreed(wehr, clerk, case)
    old, new = plans(wehr, case)
    assert (old.text("status"), new.text("status")) == ("superseded", "in_force")
    assert (old.values["plan_version"], new.values["plan_version"]) == (1, 2)
    assert new.text("plan") == old.text("plan") == old.id
    assert {g.text("plan") for g in of(wehr, case, "goal")} == {str(old.id)}
    assert "Seit der Vereinbarung" not in words(await clerk.get(at(case)))


@pytest.mark.spec("FR-10")
async def test_a_version_reads_as_it_was_agreed_and_tells_the_differences(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Worte", "04.1", "05.1")
    await agreed(wehr, clerk, case)
    path = f"/cases/{case}/details/goal/{goal.id}"
    page = await clerk.get(path)
    await send(
        clerk,
        page,
        path,
        text="Ich möchte eine Arbeit in der Küche.",
        target_date="01.09.2027",
    )
    await move(clerk, case, of(wehr, case, "goal")[0], "in_progress")
    await agreed(wehr, clerk, case)
    await move(clerk, case, of(wehr, case, "goal")[0], "reached")
    first = words(await clerk.get(f"{at(case)}/versions/1"))
    assert "Ich möchte eine feste Arbeit finden." in first
    assert "Küche" not in first
    second = words(await clerk.get(f"{at(case)}/versions/2"))
    assert "Was anders ist als in Fassung 1" in second
    assert "Aus „Ich möchte eine feste Arbeit finden.“ wurde" in second
    assert "gewünscht bis 01.09.2027, vorher keine Angabe" in second
    assert "in Arbeit, vorher offen" in second
    assert "erreicht" not in second
    assert (await clerk.get(f"{at(case)}/versions/3")).status == 404


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"agreed_on": ""}, "heute oder früher"),
        ({"agreed_on": "01.01.2150"}, "heute oder früher"),
        ({"review_due": "01.01.2020"}, "einen späteren Tag"),
        ({"form": "gedacht"}, "aus der Liste"),
    ],
)
async def test_an_agreement_that_cannot_be_is_not_kept(wehr, clerk, changes, sentence):
    case, _ = await begun(wehr, clerk, "Demo-Nein")
    answer = await agreed(wehr, clerk, case, **changes)
    assert answer.status == 422
    assert sentence in words(answer)
    assert of(wehr, case, "plan")[0].text("status") == "draft"


async def test_a_plan_without_a_goal_is_not_agreed(wehr, clerk):
    case = person(wehr, "Demo-Leer")
    page = await clerk.get(at(case))
    await send(clerk, page, f"{at(case)}/begin")
    answer = await agreed(wehr, clerk, case)
    assert answer.status == 422
    assert "noch kein Ziel" in words(answer)


@pytest.mark.spec("SC-11")
async def test_a_plan_agreed_in_two_tabs_is_agreed_once(wehr, clerk):
    case, _ = await begun(wehr, clerk, "Demo-Einmal")
    page = await clerk.get(f"{at(case)}/agree")
    assert (await send(clerk, page, f"{at(case)}/agree")).status == 303
    assert (await send(clerk, page, f"{at(case)}/agree")).status == 409
    assert [p.values["plan_version"] for p in of(wehr, case, "plan")] == [1]


@pytest.mark.spec("FR-10")
async def test_an_imported_plan_goes_on_with_its_ids_and_shows_where_it_began(
    wehr, clerk
):
    case = person(wehr, "Demo-Zuzug")
    came = {"origin": Origin.TRANSFER, "origin_node": SAECKINGEN}
    number = RecordId("e" * 32)
    plan = {
        "plan": str(number),
        "plan_version": 1,
        "status": "in_force",
        "agreed_on": "2025-01-01",
    }
    put(wehr, case, "plan", plan, id=number, **came)
    values = {"plan": str(number), "area": "04", "text": "Arbeit", "status": "open"}
    goal = put(wehr, case, "goal", values, **came)
    text = words(await clerk.get(at(case)))
    assert "begonnen in Bad-Saeckingen" in text
    await agreed(wehr, clerk, case)
    _, new = plans(wehr, case)
    assert (new.text("plan"), new.values["plan_version"]) == (str(number), 2)
    assert [g.id for g in of(wehr, case, "goal")] == [goal]
    told = words(await clerk.get(f"{at(case)}/versions/2"))
    assert "bei einer anderen Stelle vereinbart" in told


# -- Reviewing, ending, printing ---------------------------------------------------------


async def test_a_review_moves_goals_and_names_the_next_day(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Blick")
    await agreed(wehr, clerk, case)
    path = f"{at(case)}/review"
    page = await clerk.get(path)
    refused = await send(clerk, page, path, **{f"status-{goal.id}": "adapted"})
    assert refused.status == 422
    assert of(wehr, case, "review") == ()
    done = await send(
        clerk,
        page,
        path,
        next_due="01.09.2127",
        participants="Frau Beispiel",
        **{f"status-{goal.id}": "partly_reached"},
    )
    assert done.status == 303
    kept = of(wehr, case, "review")[0]
    assert kept.values["results"] == [
        {"goal": str(goal.id), "status": "partly_reached"}
    ]
    assert of(wehr, case, "plan")[0].text("review_due") == "2127-09-01"
    assert of(wehr, case, "goal")[0].text("status") == "partly_reached"
    assert "Frau Beispiel" in words(await clerk.get(at(case)))


@pytest.mark.spec("SC-11")
async def test_a_review_moves_no_goal_that_somebody_moved_meanwhile(wehr, clerk):
    case, goal = await begun(wehr, clerk, "Demo-Zugleich")
    path = f"{at(case)}/review"
    page = await clerk.get(path)
    await move(clerk, case, goal, "reached")
    both = await send(clerk, page, path, **{f"status-{goal.id}": "given_up"})
    assert both.status == 409
    assert of(wehr, case, "review") == ()
    untouched = await send(clerk, page, path)
    assert untouched.status == 303
    assert of(wehr, case, "goal")[0].text("status") == "reached"
    results = of(wehr, case, "review")[0].values["results"]
    assert results == [{"goal": str(goal.id), "status": "reached"}]


async def test_a_plan_ends_with_a_reason_and_another_can_begin(wehr, clerk):
    case, _ = await begun(wehr, clerk, "Demo-Ende")
    page = await clerk.get(at(case))
    plan = of(wehr, case, "plan")[0]
    form = {"_epoch": "1", "_version": "1", "_plan": str(plan.id)}
    refused = await clerk.post(f"{at(case)}/end", page.form_token, **form)
    assert refused.status == 422
    assert "warum der Plan endet" in words(refused)
    await clerk.post(
        f"{at(case)}/end", page.form_token, **form, end_reason="goals_reached"
    )
    assert of(wehr, case, "plan")[0].text("status") == "ended"
    text = words(await clerk.get(at(case)))
    assert "Es gibt keinen Plan." in text
    assert "Ein früherer Plan endete am" in text


@pytest.mark.parametrize("language", ["fa", "ar", "uk", "tr"])
async def test_the_paper_says_everything_in_german_and_in_the_own_language(
    wehr, clerk, language
):
    case, _ = await begun(wehr, clerk, "Demo-Papier")
    await agreed(wehr, clerk, case, language=language)
    page = await clerk.get(f"{at(case)}/print")
    text = words(page)
    assert "Vereinbarung zum Integrationsplan" in text
    assert "Ich möchte eine feste Arbeit finden." in text
    assert "Es gilt der deutsche Text." in text
    assert (
        f'lang="{language}" dir="{"rtl" if language in {"fa", "ar"} else "ltr"}"'
        in (page.text)
    )
    assert "Entwurf" not in text


async def test_a_draft_is_printed_as_a_draft_and_a_language_without_texts_in_german(
    wehr, clerk
):
    case, _ = await begun(wehr, clerk, "Demo-Vorab")
    assert "Entwurf, noch nicht vereinbart" in words(
        await clerk.get(f"{at(case)}/print")
    )
    await agreed(wehr, clerk, case, language="ti")
    text = words(await clerk.get(f"{at(case)}/print"))
    assert "Entwurf" not in text
    assert "Lesehilfe" not in text


@needs_pango
@pytest.mark.spec("FR-10", "SC-67")
@pytest.mark.parametrize("language", ["ar", "uk", "de"])
async def test_the_agreement_is_a_pdf_that_says_what_the_page_says(
    wehr, clerk, language
):
    case, _ = await begun(wehr, clerk, "Demo-Papier")
    await agreed(wehr, clerk, case, language=language)
    assert (
        f'href="{at(case)}/agreement.pdf"'
        in (await clerk.get(f"{at(case)}/print")).text
    )
    answer = await clerk.get(f"{at(case)}/agreement.pdf")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/pdf")
    assert "Papier" not in answer.headers["Content-Disposition"]
    pdf = answer.body
    text = text_of(pdf)
    for part in (
        *("Vereinbarung zum Integrationsplan", "Vereinbart am", "Demo-Papier"),
        *("1. Ich möchte eine feste Arbeit finden.", "Unterschrift der Person"),
    ):
        assert part in text, part
    assert "Entwurf" not in text
    assert ("Es gilt der deutsche Text." in text) == (language != "de")
    if language == "uk":
        assert "Чернетка" not in text
        assert agreement_texts("uk")["voluntary"] in text
    assert ("Noto-Naskh-Arabic" in fonts_of(pdf)) == (language == "ar")


def agreement_texts(language):
    listed = files("node.report").joinpath(f"agreementtexts/{language}.json")
    return json.loads(listed.read_bytes())["texts"]


@needs_pango
@pytest.mark.spec("FR-10")
async def test_the_pdf_of_a_draft_is_marked_as_one(wehr, clerk):
    case, _ = await begun(wehr, clerk, "Demo-Vorab")
    text = text_of((await clerk.get(f"{at(case)}/agreement.pdf")).body)
    assert "Entwurf, noch nicht vereinbart" in text
    assert "Vereinbart am" not in text


async def test_without_a_plan_there_is_no_pdf_and_without_a_right_neither(wehr, clerk):
    case = person(wehr, "Demo-Ohne")
    assert (await clerk.get(f"{at(case)}/agreement.pdf")).status == 404
    case, _ = await begun(wehr, clerk, "Demo-Anders")
    approver = await wehr.enter(APPROVER)
    assert (await approver.get(f"{at(case)}/agreement.pdf")).status == 403


@pytest.mark.spec("SC-68")
async def test_without_a_press_the_agreement_is_still_a_page(wehr, clerk, monkeypatch):
    async def fail(*_):
        raise PrinterError("no press")

    case, _ = await begun(wehr, clerk, "Demo-Presse")
    monkeypatch.setattr(type(wehr.node.press), "render", fail)
    answer = await clerk.get(f"{at(case)}/agreement.pdf")
    assert answer.status == 503
    assert "PDFs können gerade nicht erstellt werden." in words(answer)
    assert (await clerk.get(f"{at(case)}/print")).status == 200
