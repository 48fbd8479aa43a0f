"""S4 before a real node: details entered, changed in two tabs, made stale, never forgotten."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.model import Origin
from node.casework.households import household_for
from node.ids import AccountId, RecordId
from tests.support.browser_by_hand import words
from tests.support.caseoffice import content, fields, give_away, of, person, put, send
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN
from tests.support.pair import open_case as open_with_talk

pytestmark = pytest.mark.asyncio(loop_scope="module")
COLLEAGUE = Actor(AccountId("d" * 32), frozenset({Role.CASEWORKER}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("case")) as office:
        office.hire(COLLEAGUE, "Demo Kollegin")
        yield office


@pytest_asyncio.fixture(loop_scope="module")
async def clerk(wehr):
    return await wehr.enter(CLERK)


@pytest_asyncio.fixture(loop_scope="module")
async def colleague(wehr):
    return await wehr.enter(COLLEAGUE)


async def add(clerk, case, sheet, **typed):
    page = await clerk.get(f"/cases/{case}/details/{sheet}")
    return await send(clerk, page, f"/cases/{case}/details/{sheet}", **typed)


# -- The frame ---------------------------------------------------------------------------


@pytest.mark.spec("DO-6", "FR-1")
@pytest.mark.parametrize(("left", "warns"), [(90, True), (91, False)])
async def test_the_clock_is_told_in_days_and_warned_of_from_the_90th_on(
    wehr, left, warns
):
    case = person(wehr, "Demo-Uhr", counselling_start="2124-05-14")
    before, now = wehr.clock.offset, wehr.clock.now()
    then = datetime(2127, 5, 13, 10, tzinfo=UTC) - timedelta(days=left)
    wehr.clock.offset += then - now
    try:
        late = await wehr.enter(CLERK)
        text = words(await late.get(f"/cases/{case}"))
    finally:
        wehr.clock.offset = before
    assert f"noch {left} Tage, bis 13.05.2127" in text
    assert ("Die Beratungszeit endet am" in text) is warns


@pytest.mark.spec("FR-16")
async def test_protection_stands_first_among_the_warnings(wehr, clerk):
    case = person(wehr, "Demo-Schutz", counselling_start="2019-01-01")
    await add(clerk, case, "protection", protection="address_blocked")
    page = words(await clerk.get(f"/cases/{case}"))
    assert page.index("Adresse nicht nennen") < page.index("Die Beratungszeit ist")


@pytest.mark.spec("DO-9")
async def test_a_person_who_declined_has_every_page_and_no_warning(wehr, clerk):
    case = person(wehr, "Demo-Still")
    await add(clerk, case, "care", care_status="declined")
    for page in ("", "/plan", "/details", "/household", "/documents", "/transfers"):
        shown = await clerk.get(f"/cases/{case}{page}")
        assert shown.status == 200
        assert "identity__warning" not in shown.text


@pytest.mark.spec("SC-24", "DO-4")
async def test_an_imported_entry_says_where_it_came_from_and_a_strange_code_is_kept(
    wehr, clerk
):
    case = open_with_talk(wehr.node, "Demo-Gast")
    came = {"origin": Origin.TRANSFER, "origin_node": SAECKINGEN}
    put(
        wehr,
        case,
        "contact",
        {
            "date": "2026-03-03",
            "form": "zz-test",
            "kind": "talk",
            "topics": ["zz-test"],
        },
        **came,
    )
    put(wehr, case, "language", {"language": "zz-test"}, **came)
    history = words(await clerk.get(f"/cases/{case}"))
    assert "unbekannt: zz-test" in history
    assert "übernommen aus Bad-Saeckingen" in history
    assert "unbekannt: zz-test" in words(await clerk.get(f"/cases/{case}/details"))


# -- Entering ----------------------------------------------------------------------------

ENTRIES = [
    ("residence", {"residence": "AufenthG-25.2.1", "valid_until": "03.12.2027"}),
    ("condition", {"condition": "12a-3", "valid_from": "01.02.2026"}),
    ("language", {"language": "de", "level": "A2", "assessed_on": "03.2026"}),
    ("course", {"course": "integration_general", "hours": "600"}),
    ("education", {"title": "Abitur", "completed_on": "2015"}),
    ("employment", {"employment": "minijob", "employer": "Demo-Betrieb"}),
    ("home", {"housing": "private", "street": "Demoweg", "number": "3"}),
    ("third", {"name": "Frau Beispiel", "function": "Ehrenamt"}),
    ("care", {"care_status": "cared_for"}),
    ("protection", {"protection": "threatened", "reason": "Anzeige liegt vor"}),
]


@pytest.mark.parametrize(("sheet", "typed"), ENTRIES, ids=[e[0] for e in ENTRIES])
async def test_a_detail_that_was_typed_stands_on_the_page(wehr, clerk, sheet, typed):
    case = person(wehr, "Demo-Neu")
    answer = await add(clerk, case, sheet, **typed)
    assert answer.status == 303, words(answer)
    shown = words(await clerk.get(answer.location))
    stored = [r for r in content(wehr, case).records if r.kind != "person"]
    assert len(stored) == 1
    for text in typed.values():
        value = stored[0].values.values()
        kept = {str(v) for v in value}
        assert text in shown or text in kept or any(v in shown for v in kept)


async def test_a_form_sent_twice_enters_one_record(wehr, clerk):
    case = person(wehr, "Demo-Doppelt")
    page = await clerk.get(f"/cases/{case}/details/third")
    for _ in range(2):
        answer = await send(clerk, page, f"/cases/{case}/details/third", name="Frau X")
        assert answer.status == 303
    assert [r.version for r in of(wehr, case, "third_person")] == [1]


@pytest.mark.spec("SC-10")
@pytest.mark.parametrize(
    ("sheet", "typed", "sentence"),
    [
        ("residence", {"residence": ""}, "Bitte ausfüllen."),
        ("residence", {"residence": "erfunden"}, "Bitte aus der Liste wählen."),
        (
            "residence",
            {"residence": "DE", "valid_until": "31.02.2027"},
            "Bitte schreiben Sie den Tag wie 03.12.2026.",
        ),
        (
            "home",
            {"housing": "private", "move_in": "02.01.2026", "move_out": "01.01.2026"},
            "Das Ende liegt vor dem Beginn.",
        ),
        ("home", {"housing": "private", "rooms": "drei"}, "eine ganze Zahl"),
        ("home", {"housing": "private", "ags": "Atlantis"}, "Namen der Gemeinde"),
        ("education", {"title": "x" * 201}, "auf 200 Zeichen"),
        ("care", {"care_status": "closed"}, "warum abgeschlossen wurde"),
        ("employment", {}, "Bitte ausfüllen."),
    ],
)
async def test_what_cannot_be_stored_comes_back_with_its_sentence(
    wehr, clerk, sheet, typed, sentence
):
    case = person(wehr, "Demo-Fehler")
    before = content(wehr, case)
    answer = await add(clerk, case, sheet, **typed)
    assert answer.status == 422
    assert sentence in words(answer)
    assert "<title>Fehler:" in re.sub(r">\s+", ">", answer.text)
    for value in typed.values():
        assert value in answer.text
    assert content(wehr, case) == before


async def test_a_place_is_found_by_its_name_and_stored_by_its_number(wehr, clerk):
    case = person(wehr, "Demo-Ort")
    await add(clerk, case, "home", housing="private", ags="Bad Säckingen")
    assert of(wehr, case, "accommodation")[0].text("ags") == "08337096"
    assert "Bad Säckingen" in words(await clerk.get(f"/cases/{case}/details"))


@pytest.mark.spec("FR-25")
@pytest.mark.parametrize(
    ("place", "more", "is_move"),
    [
        ("08337096", {}, True),
        ("08337116", {}, False),
        ("08337096", {"move_out": "01.02.2020"}, False),
    ],
)
async def test_an_address_elsewhere_leads_to_the_page_of_a_move(
    wehr, clerk, place, more, is_move
):
    case = person(wehr, "Demo-Ziehtum")
    answer = await add(clerk, case, "home", housing="private", ags=place, **more)
    assert answer.location.startswith("/relocations/new") is is_move
    told = words(await clerk.get(answer.location))
    assert ("Ist das ein Wegzug?" in told) is is_move
    assert len(of(wehr, case, "accommodation")) == 1


@pytest.mark.spec("FR-1")
async def test_the_end_of_the_clock_is_computed_and_an_interruption_not_added(
    wehr, clerk
):
    case = person(wehr, "Demo-Pause")
    record = content(wehr, case).person
    path = f"/cases/{case}/details/clock/{record.id}"
    page = await clerk.get(path)
    answer = await send(
        clerk,
        page,
        path,
        counselling_start="14.05.2018",
        **{
            "clock_interruptions-0-from": "01.02.2019",
            "clock_interruptions-0-until": "01.08.2019",
            "clock_interruptions-0-code": "illness",
        },
    )
    assert answer.status == 303, words(answer)
    values = content(wehr, case).person.values
    assert values["counselling_max_end"] == "2021-05-13"
    assert values["clock_interruptions"] == [
        {"from": "2019-02-01", "until": "2019-08-01", "code": "illness"}
    ]
    page = await clerk.get(path)
    refused = await send(clerk, page, path, clock_extension="course_running")
    assert refused.status == 422
    why = {"clock_extension_reason": "Der Kurs endet erst im Juli"}
    await send(clerk, page, path, clock_extension="course_running", **why)
    values = content(wehr, case).person.values
    assert values["counselling_max_end"] == "2022-05-13"
    assert "Krankheit" in words(await clerk.get(f"/cases/{case}/details"))


@pytest.mark.spec("DO-30", "FR-19")
async def test_a_condition_entered_here_warns_of_a_move_and_blocks_nothing(wehr, clerk):
    case = person(wehr, "Demo-Auflage")
    await add(clerk, case, "condition", condition="12a-3", ags="Wehr, Stadt")
    assert of(wehr, case, "residence_condition")[0].text("ags") == "08337116"
    page = await clerk.get(f"/relocations/new?case={case}")
    assert page.status == 200
    assert "Wohnsitzauflage" in words(page)
    assert "_token" in page.text


@pytest.mark.parametrize("sheet", ["nichts", "goal", "person"])
async def test_a_sheet_that_is_none_answers_like_an_absent_page(wehr, clerk, sheet):
    case = person(wehr, "Demo-Blatt")
    page = await clerk.get(f"/cases/{case}/details/third")
    answer = await clerk.post(f"/cases/{case}/details/{sheet}", page.form_token)
    assert answer.status == 404


async def test_only_caseworkers_reach_details_household_and_plan(wehr, clerk):
    case = person(wehr, "Demo-Rolle")
    for actor in (APPROVER, LEADER, AUDITOR):
        browser = await wehr.enter(actor)
        for page in ("/details", "/details/home", "/household", "/plan", "/plan/print"):
            assert (await browser.get(f"/cases/{case}{page}")).status == 403


async def test_a_colleague_reaches_no_sheet_of_the_case(wehr, clerk, colleague):
    case = person(wehr, "Demo-Fremd")
    page = await clerk.get(f"/cases/{case}/details/third")
    assert (await colleague.get(f"/cases/{case}/details/third")).status == 404
    door = await colleague.get("/accounts/me")
    form = {**fields(page), "name": "Frau X"}
    answer = await colleague.post(
        f"/cases/{case}/details/third", door.form_token, **form
    )
    assert answer.status == 404
    assert of(wehr, case, "third_person") == ()


# -- What a peer sent --------------------------------------------------------------------


@pytest.mark.spec("DO-29", "FR-26")
async def test_history_that_breaks_our_rules_stays_while_another_field_is_changed(
    wehr, clerk
):
    case = person(wehr, "Demo-Alt")
    odd = {
        "residence": "zz-test",
        "valid_from": "irgendwann",
        "valid_until": "2019-01",
        "authority": "Amt",
        "zz-field": {"deep": [1]},
    }
    record = put(
        wehr, case, "residence", odd, origin=Origin.TRANSFER, origin_node=SAECKINGEN
    )
    path = f"/cases/{case}/details/residence/{record}"
    page = await clerk.get(path)
    assert "unbekannt: zz-test" in words(page)
    answer = await send(clerk, page, path, authority="Landratsamt")
    assert answer.status == 303, words(answer)
    stored = of(wehr, case, "residence")[0]
    assert stored.values == {**odd, "authority": "Landratsamt"}
    assert stored.origin is Origin.TRANSFER


@pytest.mark.spec("DO-29", "FR-26")
async def test_a_person_as_a_peer_knows_them_is_not_changed_by_a_new_phone(wehr, clerk):
    case = person(
        wehr,
        "Demo-Fern",
        citizenships=["SY", "zz-test"],
        guardians=["f" * 32, {"name": "Amt", "body": "Jugendamt"}],
        name_other_script=[{"lang": "zz-Zzzz", "text": "ሰላም"}],
        messengers=[{"service": "Signal", "handle": "demo"}],
        gender="zz-test",
    )
    before = dict(content(wehr, case).person.values)
    for sheet, typed in (
        ("reach", {"phones": "+4930123"}),
        ("name", {"birth_place": "Demo-Ort"}),
        ("family", {"marital_status": "single"}),
    ):
        record = content(wehr, case).person
        path = f"/cases/{case}/details/{sheet}/{record.id}"
        page = await clerk.get(path)
        answer = await send(clerk, page, path, **typed)
        assert answer.status == 303, words(answer)
    after = content(wehr, case).person.values
    assert {n: v for n, v in after.items() if n in before} == before
    assert after["phones"] == ["+4930123"]


# -- Two tabs, a stale tab ---------------------------------------------------------------


async def two_tabs(wehr, clerk, name):
    case = person(wehr, name, phones=["1"], emails=["a@post.example"])
    record = content(wehr, case).person
    path = f"/cases/{case}/details/reach/{record.id}"
    first, second = await clerk.get(path), await clerk.get(path)
    await send(clerk, first, path, phones="111")
    answer = await send(clerk, second, path, emails="b@post.example", phones="222")
    return case, record, path, answer


@pytest.mark.spec("SC-11")
async def test_the_second_tab_sees_both_versions_and_overwrites_nothing(wehr, clerk):
    case, _, _, answer = await two_tabs(wehr, clerk, "Demo-Tab")
    assert answer.status == 409
    text = words(answer)
    assert "Jemand war schneller" in text
    assert "111" in text
    assert "222" in text
    assert "Demo c" in text, "by whom"
    assert content(wehr, case).person.values["phones"] == ["111"]


@pytest.mark.spec("SC-11")
async def test_taking_mine_keeps_the_other_version_in_the_history(wehr, clerk):
    case, record, path, answer = await two_tabs(wehr, clerk, "Demo-Meine")
    done = await send(clerk, answer, path)
    assert done.status == 303, words(done)
    values = content(wehr, case).person.values
    assert values["phones"] == ["222"]
    assert values["emails"] == ["b@post.example"]
    assert "111" in words(await clerk.get(f"/cases/{case}/records/{record.id}"))


@pytest.mark.spec("SC-11")
async def test_what_the_second_tab_did_not_touch_stays_as_the_first_left_it(
    wehr, clerk
):
    case = person(wehr, "Demo-Beide", phones=["1"], emails=["a@post.example"])
    record = content(wehr, case).person
    path = f"/cases/{case}/details/reach/{record.id}"
    first, second = await clerk.get(path), await clerk.get(path)
    await send(clerk, first, path, phones="111")
    answer = await send(clerk, second, path, emails="b@post.example")
    assert answer.status == 409
    await send(clerk, answer, path)
    values = content(wehr, case).person.values
    assert values["phones"] == ["111"]
    assert values["emails"] == ["b@post.example"]


@pytest.mark.spec("SC-11")
async def test_keeping_the_other_is_a_link_that_changes_nothing(wehr, clerk):
    case, _, _, answer = await two_tabs(wehr, clerk, "Demo-Andere")
    assert f'href="/cases/{case}/details"' in answer.text
    assert "Andere behalten" in answer.text
    assert content(wehr, case).person.version == 2


@pytest.mark.spec("SC-11")
async def test_free_texts_of_two_tabs_can_be_kept_both(wehr, clerk):
    case = person(wehr, "Demo-Texte", health_note="alt")
    record = content(wehr, case).person
    path = f"/cases/{case}/details/health/{record.id}"
    first, second = await clerk.get(path), await clerk.get(path)
    await send(clerk, first, path, health_note="Rollstuhl")
    answer = await send(clerk, second, path, health_note="Aufzug nötig")
    assert "Beide Texte behalten" in answer.text
    united = {
        "_epoch": "1",
        "_version": "2",
        "health_note": "Rollstuhl\n\nAufzug nötig",
    }
    for name, text in united.items():
        assert f'name="{name}" value="{text}"' in answer.text
    done = await clerk.post(path, answer.form_token, **united)
    assert done.status == 303
    assert content(wehr, case).person.text("health_note") == united["health_note"]


@pytest.mark.spec("SC-12", "DO-11", "HO-4")
async def test_a_tab_from_before_the_handover_saves_nothing_and_keeps_the_text(
    wehr, clerk
):
    for sheet, typed, is_new in (
        ("third", {"name": "Frau Müller vom Verein", "function": "patin"}, True),
        ("reach", {"phones": "0776112", "emails": "a@post.example"}, False),
    ):
        case = person(wehr, "Demo-Spät")
        record = content(wehr, case).person
        path = f"/cases/{case}/details/{sheet}"
        path += "" if is_new else f"/{record.id}"
        page = await clerk.get(path)
        give_away(wehr, case)
        before = content(wehr, case)
        answer = await send(clerk, page, path, **typed)
        assert answer.status == 409
        assert "nicht gespeichert" in words(answer)
        for text in typed.values():
            assert text in answer.text
        assert content(wehr, case) == before


# -- Mistakes, earlier versions ----------------------------------------------------------


@pytest.mark.spec("DO-10", "FR-8")
async def test_a_mistake_needs_a_reason_and_stays_readable(wehr, clerk):
    case = person(wehr, "Demo-Irrtum")
    record = put(wehr, case, "third_person", {"name": "Frau Falsch"})
    path = f"/cases/{case}/details/third/{record}"
    page = await clerk.get(path)
    refused = await send(clerk, page, f"{path}/void", void_reason=" ")
    assert refused.status == 422
    assert "warum es ein Irrtum war" in words(refused)
    done = await send(clerk, page, f"{path}/void", void_reason="Verwechslung")
    assert "Frau Falsch" not in words(await clerk.get(done.location))
    history = words(await clerk.get(f"/cases/{case}/records/{record}"))
    assert "Frau Falsch" in history
    assert "Verwechslung" in history


@pytest.mark.spec("SC-11")
async def test_what_was_changed_meanwhile_is_no_mistake_unseen(wehr, clerk):
    case = person(wehr, "Demo-Irrweg")
    record = put(wehr, case, "third_person", {"name": "Frau Richtig"})
    path = f"/cases/{case}/details/third/{record}"
    page = await clerk.get(path)
    await send(clerk, page, path, phone="0776155")
    answer = await send(clerk, page, f"{path}/void", void_reason="Doch falsch gewesen")
    assert answer.status == 409
    assert "Doch falsch gewesen" in answer.text
    again = re.search(r'href="(/cases/[^"]+/void)"', answer.text)[1]
    assert (await clerk.get(again)).location == path
    assert not of(wehr, case, "third_person")[0].values.get("voided_on")


@pytest.mark.parametrize("sheet", ["name", "clock"])
async def test_the_person_cannot_be_marked_as_a_mistake(wehr, clerk, sheet):
    case = person(wehr, "Demo-Bleibt")
    record = content(wehr, case).person
    path = f"/cases/{case}/details/{sheet}/{record.id}"
    page = await clerk.get(path)
    answer = await send(clerk, page, f"{path}/void", void_reason="weg")
    assert answer.status == 404
    assert content(wehr, case).person == record


@pytest.mark.spec("DO-10")
async def test_a_note_edited_on_day_8_keeps_its_old_text_readable(wehr, clerk):
    case = open_with_talk(wehr.node, "Demo-Notiz")
    talk = of(wehr, case, "contact")[0]

    def edit(uow):
        with uow:
            later = replace(
                talk,
                values={**talk.values, "note": "neu gefasst"},
                recorded_at=talk.recorded_at + timedelta(days=8),
            )
            uow.cases.put([later])
            uow.commit()

    wehr.node.store.write_sync(edit)
    shown = words(await clerk.get(f"/cases/{case}/records/{talk.id}"))
    assert "Bewerbung besprochen" in shown
    assert "neu gefasst" in shown
    assert (
        f"/cases/{case}/records/{talk.id}" in (await clerk.get(f"/cases/{case}")).text
    )


# -- Protection --------------------------------------------------------------------------


async def flagged(wehr, clerk, name="Demo-Vermerk"):
    case = person(wehr, name)
    await add(clerk, case, "protection", protection="address_blocked", reason="Grund A")
    return case, of(wehr, case, "protection")[0].id


async def asked_to_lift(wehr, clerk):
    case, flag = await flagged(wehr, clerk)
    path = f"/cases/{case}/protection/{flag}"
    page = await clerk.get(path)
    done = await send(clerk, page, path, reason="Ist weggezogen")
    assert done.status == 303
    return case, path


@pytest.mark.spec("FR-16")
async def test_a_flag_ends_when_a_second_caseworker_agrees(wehr, clerk, colleague):
    case, path = await asked_to_lift(wehr, clerk)
    assert "Adresse nicht nennen" in words(await clerk.get(f"/cases/{case}"))
    page = await colleague.get(f"{path}/second")
    text = words(page)
    assert "Ist weggezogen" in text
    assert "Grund A" in text
    done = await send(colleague, page, f"{path}/second", answer="yes")
    assert done.status == 303
    assert "Adresse nicht nennen" not in words(await clerk.get(f"/cases/{case}"))


@pytest.mark.spec("FR-16", "SC-16")
async def test_a_colleague_finds_the_request_in_the_worklist_without_a_name(
    wehr, clerk, colleague
):
    _, path = await asked_to_lift(wehr, clerk)
    theirs = await colleague.get("/work?only=seconds")
    assert f'href="{path}/second"' in theirs.text
    assert "Demo-Vermerk" not in theirs.text
    assert f"{path}/second" not in (await clerk.get("/work")).text
    page = await colleague.get(f"{path}/second")
    await send(colleague, page, f"{path}/second", answer="no")
    assert f"{path}/second" not in (await colleague.get("/work")).text


@pytest.mark.spec("FR-16")
async def test_who_asked_cannot_be_the_second(wehr, clerk):
    case, path = await asked_to_lift(wehr, clerk)
    page = await clerk.get(f"{path}/second")
    assert "Eine andere Fachkraft muss entscheiden" in words(page)
    door = await clerk.get(f"/cases/{case}/details/third")
    form = {"_epoch": "1", "_version": "2", "answer": "yes"}
    answer = await clerk.post(f"{path}/second", door.form_token, **form)
    assert answer.status == 403
    assert "Adresse nicht nennen" in words(await clerk.get(f"/cases/{case}"))


@pytest.mark.spec("FR-16")
async def test_the_second_may_say_no_and_the_flag_stays(wehr, clerk, colleague):
    case, path = await asked_to_lift(wehr, clerk)
    page = await colleague.get(f"{path}/second")
    await send(colleague, page, f"{path}/second", answer="no")
    assert "Adresse nicht nennen" in words(await clerk.get(f"/cases/{case}"))
    assert (await colleague.get(f"{path}/second")).status == 404


@pytest.mark.spec("FR-16")
async def test_a_request_lapses_after_seven_days(wehr, clerk, colleague):
    _, path = await asked_to_lift(wehr, clerk)
    page = await colleague.get(f"{path}/second")
    before = wehr.clock.offset
    wehr.clock.offset += timedelta(days=7, minutes=1)
    try:
        late = await wehr.enter(COLLEAGUE)
        assert (await late.get(f"{path}/second")).status == 404
        door = await late.get("/accounts/me")
        answer = await late.post(
            f"{path}/second", door.form_token, **{**fields(page), "answer": "yes"}
        )
        assert answer.status == 404
    finally:
        wehr.clock.offset = before


@pytest.mark.spec("FR-16")
async def test_a_flag_is_neither_rewritten_nor_a_mistake(wehr, clerk):
    case, flag = await flagged(wehr, clerk)
    door = await clerk.get(f"/cases/{case}/details/third")
    path = f"/cases/{case}/details/protection/{flag}"
    for target in (path, f"{path}/void"):
        form = {"_epoch": "1", "_version": "1", "void_reason": "weg"}
        answer = await clerk.post(target, door.form_token, **form)
        assert answer.status == 404
    assert of(wehr, case, "protection")[0].version == 1


async def test_asking_to_lift_needs_a_reason(wehr, clerk):
    case, flag = await flagged(wehr, clerk)
    path = f"/cases/{case}/protection/{flag}"
    page = await clerk.get(path)
    answer = await send(clerk, page, path, reason="  ")
    assert answer.status == 422
    assert "warum der Schutzvermerk enden soll" in words(answer)


# -- The household -----------------------------------------------------------------------


def together(office, *people):
    """A household in one go."""
    first, *others = people
    household = office.node.store.write_sync(
        household_for, office.node.office, first, epoch=1, by=CLERK
    )

    def move_in(uow):
        with uow:
            for case in others:
                file = uow.cases.file(case)
                uow.cases.replace(file, replace(file, household=household))
            uow.commit()

    office.node.store.write_sync(move_in)
    for case in others:
        put(
            office,
            case,
            "household_member",
            {"household": str(household), "member": str(case), "role": "child"},
        )
    return household


@pytest.mark.spec("DO-19", "FR-16")
async def test_a_blocked_address_stands_on_no_page_of_another_member(wehr, clerk):
    open_door = person(wehr, "Demo-Offen", "Omar")
    hidden = person(wehr, "Demo-Geheim", "Hila")
    together(wehr, open_door, hidden)
    await add(
        clerk, open_door, "home", housing="private", street="Sichtweg", number="1"
    )
    await add(clerk, hidden, "home", housing="private", street="Geheimweg", number="2")
    await add(clerk, hidden, "protection", protection="address_blocked")
    for page in ("", "/details", "/household", "/plan", "/documents"):
        assert "Geheimweg" not in (await clerk.get(f"/cases/{open_door}{page}")).text
    shown = words(await clerk.get(f"/cases/{open_door}/household"))
    assert "Adresse wird nicht genannt" in shown
    assert "Hila" in shown
    theirs = words(await clerk.get(f"/cases/{hidden}/household"))
    assert "Sichtweg 1" in theirs
    assert "Geheimweg 2" in theirs


async def test_an_accommodation_is_typed_once_for_those_who_are_ticked(wehr, clerk):
    hana = person(wehr, "Demo-Umzug", "Hana")
    kian, samir = (person(wehr, "Demo-Umzug", name) for name in ("Kian", "Samir"))
    together(wehr, hana, kian, samir)
    path = f"/cases/{hana}/details/home"
    page = await clerk.get(path)
    assert "checked" not in page.text
    for _ in range(2):
        home = {"housing": "private", "street": "Neuweg", "along": str(kian)}
        assert (await send(clerk, page, path, **home)).status == 303
    for case, count in ((hana, 1), (kian, 1), (samir, 0)):
        assert len(of(wehr, case, "accommodation")) == count


@pytest.mark.spec("DO-19", "FR-16")
async def test_a_blocked_address_is_never_entered_for_the_household(wehr, clerk):
    hidden = person(wehr, "Demo-Flucht", "Hila")
    other = person(wehr, "Demo-Flucht", "Omar")
    together(wehr, hidden, other)
    await add(clerk, hidden, "protection", protection="address_blocked")
    path = f"/cases/{hidden}/details/home"
    page = await clerk.get(path)
    assert "Omar" not in page.text
    home = {"housing": "private", "street": "Geheimweg", "along": str(other)}
    assert (await send(clerk, page, path, **home)).status == 303
    assert of(wehr, other, "accommodation") == ()


@pytest.mark.spec("DO-19")
async def test_each_relation_is_one_sentence(wehr, clerk):
    head = person(wehr, "Demo-Haupt", "Hana")
    child = person(wehr, "Demo-Haupt", "Kian", birth_date="2015-04-01")
    together(wehr, head, child)
    await add(
        clerk, head, "protection", protection="no_joint_transfer", concerns=str(child)
    )
    text = words(await clerk.get(f"/cases/{head}/household"))
    assert "Kian Demo-Haupt ist ein Kind von Hana Demo-Haupt." in text
    assert "dürfen nicht gemeinsam übergeben werden" in text
    assert "Sorgerecht nicht eingetragen" in text


@pytest.mark.spec("FR-12")
async def test_custody_of_a_minor_is_entered_by_ticking_the_household(wehr, clerk):
    head = person(wehr, "Demo-Sorge", "Hana")
    child = person(wehr, "Demo-Sorge", "Kian", birth_date="2015-04-01")
    together(wehr, head, child)
    record = content(wehr, child).person
    path = f"/cases/{child}/details/family/{record.id}"
    page = await clerk.get(path)
    typed = {"custody": "sole", "guardians": str(head)}
    await send(clerk, page, path, **typed)
    assert content(wehr, child).person.values["guardians"] == [str(head)]
    text = words(await clerk.get(f"/cases/{head}/household"))
    assert "Kian Demo-Sorge: alleinige Sorge, Hana Demo-Sorge" in text


@pytest.mark.spec("FR-13")
async def test_sixty_days_before_the_18th_birthday_the_household_says_so(wehr, clerk):
    today = wehr.clock.now().date()
    head = person(wehr, "Demo-Bald", "Hana")
    for days, tells in ((60, True), (61, False)):
        day = today + timedelta(days=days)
        birth = day.replace(year=day.year - 18).isoformat()
        child = person(wehr, "Demo-Bald", "Kian", birth_date=birth)
        together(wehr, child)
        text = words(await clerk.get(f"/cases/{child}/household"))
        assert ("volljährig" in text) is tells
    assert head


async def test_who_lives_apart_has_a_household_that_points_back(wehr, clerk):
    stays = person(wehr, "Demo-Trennung", "Hana")
    goes = person(wehr, "Demo-Trennung", "Samir")
    old = together(wehr, stays, goes)
    path = f"/cases/{stays}/household/split"
    page = await clerk.get(path)
    everybody = await clerk.post(
        path,
        page.form_token,
        **{**fields(page), "since": "01.03.2026", "members": ""},
    )
    assert everybody.status == 422
    done = await send(clerk, page, path, since="01.03.2026", members=str(goes))
    assert done.status == 303, words(done)
    file = content(wehr, goes).file
    assert file.household not in (None, old)
    assert content(wehr, stays).file.household == old
    before, after = of(wehr, goes, "household_member")
    assert before.text("valid_until") == "2026-02-28"
    assert after.text("split_from") == old
    assert after.text("role") == "child"
    assert "Samir" not in words(await clerk.get(f"/cases/{stays}/household"))


async def test_somebody_of_the_own_caseload_joins_a_household(wehr, clerk):
    host = person(wehr, "Demo-Wirt", "Hana")
    guest = person(wehr, "Demo-Gastfreund", "Samira")
    path = f"/cases/{host}/household"
    page = await clerk.get(f"{path}/join")
    hits = await clerk.post(
        f"{path}/search", page.form_token, text="Samira Demo-Gastfreund"
    )
    assert "Samira" not in hits.location
    page = await clerk.get(hits.location)
    done = await send(
        clerk, page, f"{path}/join", case=str(guest), role="sibling", since="01.03.2026"
    )
    assert done.status == 303, words(done)
    assert content(wehr, host).file.household is not None
    assert content(wehr, guest).file.household == content(wehr, host).file.household
    assert "Samira" in words(await clerk.get(path))
    again = await send(
        clerk, page, f"{path}/join", case=str(guest), role="sibling", since="01.03.2026"
    )
    assert again.status in {409, 422}


async def test_a_new_person_beside_one_who_lives_alone_founds_the_household(
    wehr, clerk
):
    host = person(wehr, "Demo-Allein", "Hana")
    page = await clerk.get(f"/cases/new?with={host}")
    assert 'name="role"' in page.text
    typed = {"given_names": "Kian", "family_name": "Demo-Allein", "role": "child"}
    done = await send(clerk, page, "/cases/new", **typed, sure="yes")
    assert done.status == 303, words(done)
    child = done.location.rpartition("/")[2]
    member = of(wehr, child, "household_member")[0]
    assert member.text("role") == "child"
    assert member.text("household") == content(wehr, host).file.household
    assert of(wehr, host, "household_member")[0].text("role") == "head"
    text = words(await clerk.get(f"/cases/{host}/household"))
    assert "Kian Demo-Allein ist ein Kind von Hana Demo-Allein." in text


async def test_a_record_of_another_case_is_not_found_here(wehr, clerk):
    mine, other = person(wehr, "Demo-Eins"), person(wehr, "Demo-Zwei")
    record = put(wehr, other, "third_person", {"name": "Frau Anders"})
    assert isinstance(record, RecordId)
    for path in (f"details/third/{record}", f"records/{record}"):
        assert (await clerk.get(f"/cases/{mine}/{path}")).status == 404
