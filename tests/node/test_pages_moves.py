"""S7 before a real node: what a move asks, what holds it back, and what leaves: nothing."""

import asyncio
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from yarl import URL

from node.casework import consents
from node.ids import ConsentId, TransferId
from node.sync.release import release
from node.sync.transfer import Outbound
from tests.support.browser_by_hand import words
from tests.support.caseoffice import fields, person, put, send
from tests.support.handed import agree, outbound, set_off
from tests.support.office import open_office
from tests.support.pair import CLERK, SAECKINGEN, USUAL, running, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
SENDS = "Weiter: alles prüfen"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def wehr(tmp_path_factory):
    async with open_office(tmp_path_factory.mktemp("moves")) as office:
        yield office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clerk(wehr):
    return await wehr.enter(CLERK)


def bind_to_secrecy(office, *, bound):
    def change(uow):
        with uow:
            account = uow.accounts.get(CLERK.account)
            uow.accounts.replace(replace(account, secrecy_bound=bound))
            uow.commit()

    office.node.store.write_sync(change)


async def held(office, case):
    """A move is recorded, and the worker has looked at it once."""
    transfer = set_off(office.node, case, SAECKINGEN)
    await release(office.node.courier, transfer)
    return transfer


# -- Why it is held back -----------------------------------------------------------------


def adult(office):
    return person(office, "Demo-Grund", birth_date="1990-05-04")


def without_the_minimum(office):
    case = adult(office)
    agree(office.node, case, categories=frozenset({"K11"}))
    return case


def for_another_body(office):
    case = adult(office)
    agree(office.node, case, "member:08337126-stadt-waldshut-tiengen")
    return case


def who_said_no(office):
    case = adult(office)
    agree(office.node, case, categories=frozenset())
    return case


def expired(office):
    before, office.clock.offset = office.clock.offset, timedelta(days=-400)
    try:
        case = adult(office)
        agree(office.node, case)
    finally:
        office.clock.offset = before
    return case


def withdrawn(office):
    case = adult(office)
    consent = ConsentId(agree(office.node, case))
    office.node.store.write_sync(
        consents.withdraw_consent, office.node.office, consent, how="spoken", by=CLERK
    )
    return case


def a_child_for_whom_one_of_two_signed(office):
    case = person(office, "Demo-Kind", birth_date="2018-05-04", custody="joint")
    agree(office.node, case)
    return case


NO_BASIS = (
    "Es fehlt eine Einwilligung, die das abdeckt. Bitte fragen Sie die Person und"
)
REASONS = [
    (adult, NO_BASIS),
    (without_the_minimum, NO_BASIS),
    (
        for_another_body,
        (
            "Die Einwilligung nennt eine andere Stelle. Bitte fragen Sie die Person nach"
            " dieser Stelle."
        ),
    ),
    (
        who_said_no,
        "Die Person hat nein gesagt. Die Person bleibt bei dieser Übergabe außen vor.",
    ),
    (
        expired,
        "Die Einwilligung ist abgelaufen. Bitte fragen Sie die Person erneut und",
    ),
    (
        withdrawn,
        "Die Einwilligung wurde widerrufen. Es kann nichts versandt werden.",
    ),
    (
        a_child_for_whom_one_of_two_signed,
        (
            "Es fehlt die Zustimmung der Sorgeberechtigten. Bitte halten Sie die Antwort"
            " aller Sorgeberechtigten fest."
        ),
    ),
]


@pytest.mark.spec("SC-32")
@pytest.mark.parametrize(
    ("case_of", "told"), REASONS, ids=[r[0].__name__ for r in REASONS]
)
async def test_what_withholds_has_a_sentence_and_a_cure_and_nothing_can_be_sent(
    wehr, clerk, case_of, told
):
    case = case_of(wehr)
    transfer = await held(wehr, case)
    page = await clerk.get(f"/relocations/{transfer}")
    assert told in words(page)
    assert SENDS not in words(page)
    assert "Es kann noch nichts versandt werden." in words(page)
    # Whoever sends the form all the same sends nobody.
    forced = {"member": case, f"cat_{case}": "K11", "_sure": "yes"}
    answer = await clerk.post(f"/relocations/{transfer}", page.form_token, **forced)
    assert answer.status == 422
    after = outbound(wehr.node, transfer)
    assert (after.state, after.policy) == (Outbound.HELD, "auto")


@pytest.mark.spec("SC-32")
async def test_where_consent_stands_there_is_no_reason_and_a_way_to_send(wehr, clerk):
    case = adult(wehr)
    agree(wehr.node, case, categories=USUAL | {"K09"})
    transfer = set_off(wehr.node, case, SAECKINGEN)
    hold_with_protection(wehr, case)
    await release(wehr.node.courier, transfer)
    page = await clerk.get(f"/relocations/{transfer}")
    assert SENDS in words(page)
    assert "nicht abgedeckt" not in words(page)


def hold_with_protection(office, case):
    """A flag keeps it from going by itself; somebody decides (FR-16)."""
    put(office, case, "protection", {"protection": "no_announcement"})


@pytest.mark.spec("FR-22", "SC-32")
async def test_a_caseworker_bound_to_secrecy_sends_nothing_without_the_release(
    wehr, clerk
):
    case = adult(wehr)
    agree(wehr.node, case)
    bind_to_secrecy(wehr, bound=True)
    try:
        transfer = await held(wehr, case)
        assert outbound(wehr.node, transfer).state is Outbound.HELD
        page = words(await clerk.get(f"/relocations/{transfer}"))
        assert (
            "Es fehlt die Entbindung von der Schweigepflicht. Bitte fragen Sie" in page
        )
        assert SENDS not in page
        agree(wehr.node, case, secrecy_release=True)
        await release(wehr.node.courier, transfer)
        assert outbound(wehr.node, transfer).state is Outbound.QUEUED
    finally:
        bind_to_secrecy(wehr, bound=False)


# -- What is ticked ----------------------------------------------------------------------


def boxes(page, group):
    """The values of a group of ticks, and those ticked."""
    tags = re.findall(r"<input[^>]*>", page.text)
    mine = [t for t in tags if f'name="{group}"' in t and 'type="checkbox"' in t]
    value = re.compile(r'value="([^"]+)"')
    return (
        {value.search(t)[1] for t in mine},
        {value.search(t)[1] for t in mine if " checked" in t},
    )


@pytest.mark.spec("SC-31")
async def test_what_is_sensitive_stands_apart_and_unticked_though_consented(
    wehr, clerk
):
    case = adult(wehr)
    agree(wehr.node, case, categories=USUAL | {"K09", "K12"})
    hold_with_protection(wehr, case)
    transfer = await held(wehr, case)
    page = await clerk.get(f"/relocations/{transfer}")
    offered, ticked = boxes(page, f"cat_{case}")
    assert offered == USUAL | {"K09", "K12"}
    assert ticked == USUAL
    everyday, _, apart = page.text.partition("Besonders geschützt")
    assert not re.findall(r'value="(?:K09|K12)"', everyday)
    assert set(re.findall(r'value="(K\d\d)"', apart)) == {"K09", "K12"}
    # Nor is it announced as going along where nobody ticked it.
    ticks = {"member": case, f"cat_{case}": "K11"}
    check = words(
        await clerk.post(f"/relocations/{transfer}", page.form_token, **ticks)
    )
    assert "Gesundheit" not in check
    assert wehr.node.store.read_sync(lambda u: u.outbox.of_transfer(transfer)) == []


# -- Left and reopened -------------------------------------------------------------------


@pytest.mark.spec("SC-30")
async def test_an_address_elsewhere_is_not_asked_again(wehr, clerk):
    case = adult(wehr)
    path = f"/cases/{case}/details/home"
    typed = {"housing": "private", "ags": "Bad Säckingen", "move_in": "15.12.2026"}
    answer = await send(clerk, await clerk.get(path), path, **typed)
    page = await clerk.get(answer.location)
    assert fields(page)["place"].startswith("Bad Säckingen")
    assert fields(page)["move_on"] == "15.12.2026"
    assert fields(page)["members"] == case
    check = await send(clerk, page, "/relocations/new")
    assert "Zuständig ab 15.12.2026: Bad-Saeckingen" in words(check)


@pytest.mark.spec("SC-30")
@pytest.mark.parametrize(
    "home",
    [{}, {"ags": "08337116"}, {"ags": "08337096", "move_out": "2026-01-01"}],
    ids=["none", "here", "moved out"],
)
async def test_a_place_that_is_no_move_is_not_proposed(wehr, clerk, home):
    case = adult(wehr)
    put(wehr, case, "accommodation", {"housing": "private", **home})
    page = await clerk.get(f"/relocations/new?case={case}")
    assert (fields(page)["place"], fields(page)["move_on"]) == ("", "")


@pytest.mark.spec("SC-30")
async def test_the_way_back_from_the_check_page_keeps_what_was_typed(wehr, clerk):
    case = adult(wehr)
    page = await clerk.get(f"/relocations/new?case={case}")
    typed = {"place": "Bad Säckingen", "move_on": "15.12.2026"}
    check = await send(clerk, page, "/relocations/new", **typed)
    kept = {k: v for k, v in fields(check).items() if k not in {"_sure", "_back"}}
    back = await clerk.post("/relocations/new", check.form_token, **kept, _back="yes")
    assert fields(back)["place"].startswith("Bad Säckingen")
    assert fields(back)["move_on"] == "15.12.2026"
    assert fields(back)["members"] == case


@pytest.mark.spec("SC-30")
async def test_a_recorded_move_that_was_left_opens_where_it_stood(wehr, clerk):
    case = adult(wehr)
    agree(wehr.node, case, categories=USUAL | {"K09"})
    hold_with_protection(wehr, case)
    transfer = await held(wehr, case)
    at = f"/relocations/{transfer}"
    first = await clerk.get(at)
    # Somebody else signs in at this desk; the wizard was left on its second page.
    again = await wehr.enter(CLERK)
    assert (await again.get(f"/relocations/new?case={case}")).location == at
    opened = await again.get(at)
    assert fields(opened) == fields(first)
    assert boxes(opened, f"cat_{case}") == boxes(first, f"cat_{case}")
    # It was ticked and waits for a second person: the ticks stand as they were made.
    ticks = {"member": case, f"cat_{case}": "K09"}
    check = await again.post(at, opened.form_token, **ticks)
    await again.post(at, check.form_token, **ticks, _sure="yes")
    _, ticked = boxes(await clerk.get(at), f"cat_{case}")
    assert ticked == {"K01", "K09"}


# -- Sent once ---------------------------------------------------------------------------


@pytest.mark.spec("SC-15")
async def test_a_move_recorded_with_a_double_click_and_again_after_going_back_is_one(
    wehr, clerk
):
    case = adult(wehr)
    page = await clerk.get(f"/relocations/new?case={case}")
    typed = {"place": "Bad Säckingen", "move_on": "15.12.2026"}
    check = await send(clerk, page, "/relocations/new", **typed)
    sure = {k: v for k, v in fields(check).items() if k not in {"_sure", "_back"}}
    sure["_sure"] = "yes"
    clicks = await asyncio.gather(
        *(clerk.post("/relocations/new", check.form_token, **sure) for _ in range(2))
    )
    late = await clerk.post("/relocations/new", check.form_token, **sure)
    assert {answer.status for answer in (*clicks, late)} == {303}
    moves = wehr.node.store.read_sync(lambda u: u.outbound.of_case(str(case)))
    assert len(moves) == 1


@pytest.mark.spec("SC-15")
async def test_an_answer_to_a_form_is_never_a_page_that_a_reload_would_send_again(
    wehr, clerk
):
    case = adult(wehr)
    agree(wehr.node, case, categories=USUAL | {"K09"})
    hold_with_protection(wehr, case)
    transfer = await held(wehr, case)
    at = f"/relocations/{transfer}"
    page = await clerk.get(at)
    ticks = {"member": case, f"cat_{case}": "K11", "_sure": "yes"}
    answers = [await clerk.post(at, page.form_token, **ticks) for _ in range(2)]
    assert {(a.status, a.location) for a in answers} == {(303, at)}
    for again in ("second", "discard", "discard"):
        answer = await clerk.post(f"{at}/{again}", page.form_token)
        assert answer.status in {303, 403, 404, 409}, again
    assert outbound(wehr.node, transfer).state is Outbound.CANCELLED


@pytest.mark.spec("SC-15")
async def test_no_page_of_a_person_may_be_kept_by_a_browser_and_none_opens_after_logout(
    wehr,
):
    case = adult(wehr)
    browser = await wehr.enter(CLERK)
    shown = await browser.get(f"/cases/{case}")
    assert shown.headers["Cache-Control"] == "no-store"
    old = browser.cookie
    await browser.post("/logout", shown.form_token)
    for cookie in (browser.cookie, old):
        browser.cookie = cookie
        answer = await browser.get(f"/cases/{case}")
        assert answer.status in {303, 401}
        assert "Demo-Grund" not in answer.text


# -- An address elsewhere ----------------------------------------------------------------


@asynccontextmanager
async def in_their_place(node):
    """Somebody in Bad Säckingen's place who keeps every byte that arrives."""
    heard = bytearray()

    async def hear(reader, writer):
        while part := await reader.read(4096):
            heard.extend(part)
        writer.close()

    port = URL(node.office.directory().sheet(SAECKINGEN).url).port
    async with await asyncio.start_server(hear, "127.0.0.1", port):
        yield heard


@pytest.mark.spec("DO-26", "FR-25")
async def test_an_address_elsewhere_proposes_a_move_and_sends_not_one_byte(wehr, clerk):
    case = adult(wehr)
    path = f"/cases/{case}/details/home"
    page = await clerk.get(path)
    typed = {"housing": "private", "ags": "Bad Säckingen", "move_in": "15.12.2026"}
    answer = await send(clerk, page, path, **typed)
    proposed = await clerk.get(answer.location)
    assert "Ist das ein Wegzug?" in words(proposed)
    check = await send(clerk, proposed, "/relocations/new")
    assert "Zuständig ab 15.12.2026: Bad-Saeckingen" in words(check)
    day = {"_sure": "yes", **{k: v for k, v in fields(check).items() if k[0] != "_"}}
    async with in_their_place(wehr.node) as heard, running(wehr.node):
        await asyncio.sleep(0.5)
        greeted = len(heard)
        done = await clerk.post("/relocations/new", check.form_token, _case=case, **day)
        transfer = TransferId(done.location.rpartition("/")[2])
        await until(lambda: outbound(wehr.node, transfer).withheld)
        await asyncio.sleep(1)
        assert len(heard) == greeted
    after = outbound(wehr.node, transfer)
    assert (after.state, after.recipient) == (Outbound.HELD, SAECKINGEN)
    assert after.withheld == ((case, "no_basis"),)
    open_tasks = wehr.node.store.read_sync(lambda uow: uow.readings.tasks())
    assert [t.kind for t in open_tasks if t.transfer == transfer] == ["transfer.held"]


@pytest.mark.spec("DO-26", "FR-25")
async def test_with_consent_the_same_bytes_leave_at_once(tmp_path):
    # A town of its own: what others left in the outbox would go first, unanswered.
    async with open_office(tmp_path) as town:
        case = adult(town)
        agree(town.node, case)
        async with in_their_place(town.node) as heard, running(town.node):
            await asyncio.sleep(0.5)
            greeted = len(heard)
            set_off(town.node, case, SAECKINGEN)
            await until(lambda: len(heard) > greeted)
