"""A legal hold on the page "Rechte", before a real node with a clock that moves."""

import re
from dataclasses import replace
from datetime import date, timedelta
from html import unescape

import pytest

from node.cases.model import Baton
from node.casework import earlyerasure
from node.casework.holding import hold_of, last_day, lift_hold, look_hold, set_hold
from node.errors import (
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
    RestrictedError,
)
from tests.support.acts import write
from tests.support.caseoffice import send
from tests.support.office import AUDITOR, LEADER, STRANGER
from tests.support.pair import APPROVER, CLERK, open_case
from tests.support.twins import content_of

pytestmark = pytest.mark.asyncio(loop_scope="module")
COLLEAGUES = [(STRANGER, "Demo-Fremd")]
TAGS = re.compile(r"<[^>]+>")


def said(page):
    return re.sub(r"\s+", " ", unescape(TAGS.sub(" ", page.text)))


def today(node):
    return node.office.clock.now().date()


def hold(node, case, *, by=CLERK, until=None, **more):
    values = {"ground": "court", "reason": "AZ 5 K 12/26"} | more
    node.store.write_sync(
        set_hold,
        node.office,
        case,
        until=until or today(node) + timedelta(days=30),
        by=by,
        **values,
    )


def held(node, case, by=CLERK):
    return node.store.read_sync(look_hold, node.office, case, by=by)


def lift(node, case, reason="Urteil ist rechtskräftig", by=CLERK):
    node.store.write_sync(lift_hold, node.office, case, reason=reason, by=by)


async def test_a_hold_is_set_seen_on_the_case_and_lifted(office, node):
    case = open_case(node, "Demo-Halt")
    clerk = await office.enter(CLERK)
    assert "Löschsperre" in said(await clerk.get(f"/cases/{case}/rights"))
    here = f"/cases/{case}/rights/hold"
    page = await clerk.get(here)
    last = today(node) + timedelta(days=60)
    answer = await clerk.post(
        here,
        page.form_token,
        ground="court",
        reason="AZ 5 K 12/26",
        until=f"{last:%d.%m.%Y}",
    )
    assert (answer.status, answer.location) == (303, here)
    shown = said(await clerk.get(here))
    assert "AZ 5 K 12/26" in shown
    assert "Gericht oder Staatsanwaltschaft verlangt es" in shown
    assert "Gesetzt von" in shown
    for page in ("", "/plan", "/consents", "/rights"):
        text = said(await clerk.get(f"/cases/{case}{page}"))
        assert "darf nichts gelöscht werden" in text
        # The reason is the procedure's and stands on its own page alone.
        assert "AZ 5 K 12/26" not in text
    page = await clerk.get(here)
    answer = await clerk.post(f"{here}/lift", page.form_token, reason="Urteil")
    assert (answer.status, answer.location) == (303, f"/cases/{case}/rights")
    assert "darf nichts" not in said(await clerk.get(f"/cases/{case}"))


async def test_the_page_says_what_is_missing_and_keeps_what_was_typed(office, node):
    case = open_case(node, "Demo-Fehlt")
    clerk = await office.enter(CLERK)
    here = f"/cases/{case}/rights/hold"
    far = f"31.12.{today(node).year + 4}"
    for changes, sentence in (
        ({"ground": ""}, "Bitte wählen Sie das Verfahren aus."),
        ({"ground": "because"}, "Bitte wählen Sie das Verfahren aus."),
        ({"reason": "  "}, "Bitte schreiben Sie, warum."),
        ({"until": ""}, "Bitte schreiben Sie den letzten Tag"),
        ({"until": "12/03/2026"}, "Bitte schreiben Sie den letzten Tag"),
        ({"until": "03.12.2020"}, "Dieser Tag ist vorbei."),
        ({"until": far}, f"bis höchstens 31.12.{today(node).year + 3}"),
    ):
        page = await clerk.get(here)
        typed = {"ground": "audit", "reason": "Bleibt stehen", "until": far} | changes
        answer = await clerk.post(here, page.form_token, **typed)
        assert answer.status == 422
        assert sentence in said(answer), changes
        assert typed["reason"].strip() in answer.text
    assert held(node, case).record is None


async def test_the_last_day_counts_and_the_day_after_does_not(office, node):
    case = open_case(node, "Demo-Ende")
    hold(node, case, until=today(node) + timedelta(days=1))
    office.clock.offset = timedelta(days=1)
    assert held(node, case).record is not None
    office.clock.offset = timedelta(days=2)
    assert held(node, case).record is None
    with pytest.raises(ConflictError):
        lift(node, case)
    hold(node, case)
    assert held(node, case).record is not None


async def test_a_hold_ends_at_the_latest_with_the_third_year_from_now():
    assert (
        last_day(date(2026, 1, 1)) == last_day(date(2026, 12, 31)) == date(2029, 12, 31)
    )


async def test_while_it_stands_the_person_record_says_so_and_afterwards_it_does_not(
    node,
):
    case = open_case(node, "Demo-Feld")
    until = today(node) + timedelta(days=30)
    before = content_of(node, case).person
    hold(node, case, until=until)
    marked = content_of(node, case).person
    assert marked.text("legal_hold") == until.isoformat()
    # It is no work with the person: the years of the case do not begin anew.
    assert marked.recorded_at == before.recorded_at
    lift(node, case)
    assert content_of(node, case).person.text("legal_hold") == ""
    (record,) = content_of(node, case).of("hold")
    assert record.text("lift_reason") == "Urteil ist rechtskräftig"
    assert record.text("lifted_on") == today(node).isoformat()
    assert hold_of(content_of(node, case), today(node)) is None


async def test_what_the_sheet_of_the_person_saves_leaves_the_hold_standing(
    office, node
):
    case = open_case(node, "Demo-Blatt")
    hold(node, case)
    clerk = await office.enter(CLERK)
    person = content_of(node, case).person
    path = f"/cases/{case}/details/name/{person.id}"
    page = await clerk.get(path)
    answer = await send(clerk, page, path, family_name="Demo-Neu")
    assert answer.status == 303
    assert content_of(node, case).person.text("family_name") == "Demo-Neu"
    assert content_of(node, case).person.text("legal_hold")


async def test_early_erasure_stops_as_long_as_it_stands(node):
    case = open_case(node, "Demo-Frueh")
    hold(node, case)
    seen = node.store.read_sync(earlyerasure.look, node.office, case, by=CLERK)
    assert seen.hindrance == "hold"
    lift(node, case)
    seen = node.store.read_sync(earlyerasure.look, node.office, case, by=CLERK)
    assert seen.hindrance == ""


async def test_a_second_hold_beside_one_that_stands_is_refused(node):
    case = open_case(node, "Demo-Zwei")
    hold(node, case)
    with pytest.raises(ConflictError):
        hold(node, case, ground="audit")
    assert len(content_of(node, case).of("hold")) == 1


@pytest.mark.parametrize("reason", ["", "   ", "x" * 20_001])
async def test_nothing_is_held_or_lifted_without_a_reason(node, reason):
    case = open_case(node, "Demo-Grund")
    with pytest.raises(InputError):
        hold(node, case, reason=reason)
    hold(node, case)
    with pytest.raises(InputError):
        lift(node, case, reason)
    assert held(node, case).record is not None


@pytest.mark.parametrize("by", [STRANGER, APPROVER])
async def test_only_whose_case_it_is_sees_or_sets_a_hold(node, by):
    case = open_case(node, "Demo-Meins")
    for act in (hold, held, lift):
        with pytest.raises(NotFoundError):
            act(node, case, by=by)


@pytest.mark.parametrize("by", [LEADER, AUDITOR])
async def test_roles_without_a_caseload_are_turned_away(node, by):
    case = open_case(node, "Demo-Rolle")
    for act in (hold, held, lift):
        with pytest.raises((ForbiddenError, NotFoundError)):
            act(node, case, by=by)


async def test_a_locked_case_needs_no_hold_and_a_shredded_one_has_none(node):
    case = open_case(node, "Demo-Zu")

    def change(**values):
        def act(uow):
            file = uow.cases.file(case)
            uow.cases.replace(file, replace(file, **values))

        write(node.store, act)

    change(restricted_on=today(node))
    with pytest.raises(RestrictedError):
        hold(node, case)
    change(restricted_on=None, baton=Baton.FROZEN)
    with pytest.raises(InputError):
        hold(node, case)
    change(baton=Baton.SHREDDED)
    with pytest.raises(NotFoundError):
        hold(node, case)


async def test_our_copy_of_a_case_that_was_handed_over_can_be_held(node):
    case = open_case(node, "Demo-Kopie")

    def act(uow):
        file = uow.cases.file(case)
        uow.cases.replace(file, replace(file, baton=Baton.HANDED_OVER))

    write(node.store, act)
    hold(node, case)
    assert content_of(node, case).person.text("legal_hold")
