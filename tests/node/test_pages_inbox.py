"""S10 before a real node: what the approver sees, decides, and what others do not see."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio

from node.casework import inbox
from node.errors import ForbiddenError
from node.sync.limits import COMMENT_BYTES
from node.sync.offer import BasisLine, Counts
from node.sync.transfer import Inbound, Refusal
from node.sync.words import Basis, By, RejectionCode
from tests.support.browser_by_hand import Browser, words
from tests.support.offers import offer_of_two, put_offer
from tests.support.office import AUDITOR, LEADER, open_office
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, SECOND, WEHR

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory):
    folder = tmp_path_factory.mktemp("office")
    async with open_office(folder, SAECKINGEN) as office:
        yield office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(office):
    return await office.enter(APPROVER)


def inbound(office, number):
    return office.node.store.read_sync(lambda uow: uow.inbound.get(number))


def sensitive(office):
    """An offer with health, which needs two approvers."""
    return offer_of_two(office.node, categories=Counts({"K01": 2, "K09": 1}, {}))


async def decide(browser, number, act, **fields):
    page = await browser.get(f"/inbox/{number}")
    return await browser.post(f"/inbox/{number}/{act}", page.form_token, **fields)


# ---- The list --------------------------------------------------------------------------


async def test_the_list_shows_the_soonest_end_first_and_no_name(office, browser):
    late = put_offer(office.node)
    soon = put_offer(
        office.node,
        offer_of_two(
            office.node,
            exp=office.clock.now().replace(microsecond=0) + timedelta(days=2),
        ),
    )
    page = await browser.get("/inbox")
    assert page.text.index(soon.short) < page.text.index(late.short)
    assert "2 Personen, Umzug zum 01.12.2026" in words(page)
    assert re.search(r"Eingang \(\d+\)", words(page))


@pytest.mark.parametrize(
    ("actor", "status"), [(CLERK, 403), (LEADER, 403), (AUDITOR, 403)]
)
@pytest.mark.spec("SR-B8")
async def test_other_roles_see_no_offer_and_decide_nothing(office, actor, status):
    number = put_offer(office.node)
    other = await office.enter(actor)
    page = await other.get(f"/inbox/{number}")
    assert (page.status, (await other.get("/inbox")).status) == (status, status)
    assert number.short not in page.text
    for act in ("approve", "refuse", "names"):
        answer = await other.post(f"/inbox/{number}/{act}", page.form_token)
        assert answer.status == status
    assert inbound(office, number).state is Inbound.WAITING


async def test_who_is_not_signed_in_is_led_to_the_door(office):
    page = await Browser(office.client).get("/inbox")
    assert (page.status, page.location) == (303, "/login?next=/inbox")


@pytest.mark.spec("SR-B9")
async def test_an_absent_offer_and_no_number_look_the_same(browser):
    absent = await browser.get("/inbox/" + "0" * 32)
    wrong = await browser.get("/inbox/x")
    assert (absent.status, wrong.status) == (404, 404)
    assert words(absent) == words(wrong)


# ---- One page, one decision ------------------------------------------------------------


@pytest.mark.spec("SC-46", "SC-48", "HO-60")
async def test_the_page_tells_in_order_what_may_be_known_before_opening(
    office, browser
):
    number = put_offer(office.node)
    page = await browser.get(f"/inbox/{number}")
    said = words(page)
    order = [
        "Versiegelt. Niemand hier kann den Inhalt lesen.",
        "Wehr übergibt 2 Personen wegen Umzugs zum 01.12.2026 nach Bad Säckingen",
        "Entscheiden bis",
        "Absender bekannt: Wehr, im Verzeichnis seit",
        "Einwilligung: von Wehr mit Unterschrift bestätigt, gilt bis",
        "Unverändert angekommen: 3,4 MB, vollständig.",
        "1 \u00d7 0 bis 5 Jahre, 1 \u00d7 27 bis 49 Jahre",
        "Dari",
        "1 Erwachsene/r",
        "1 \u00d7 Sprachzertifikat",
        "Kontaktliste",
        "Sind wir zuständig?",
        "Annehmen und Schlüssel anfordern",
        "Übergabe ablehnen",
    ]
    places = [said.index(text) for text in order]
    assert places == sorted(places)
    assert "Namen ansehen" not in said
    title = re.search(r"<title>(.*?)</title>", page.text)
    assert title
    assert title[1].startswith(f"Übergabe {number.short} ·")


@pytest.mark.spec("SC-49")
async def test_approving_with_ticks_requests_the_key_for_what_was_ticked(
    office, browser
):
    number = put_offer(office.node)
    answer = await decide(browser, number, "approve", take="K04")
    assert (answer.status, answer.location) == (303, f"/inbox/{number}")
    transfer = inbound(office, number)
    assert (transfer.state, transfer.take) == (Inbound.APPROVED, {"K01", "K04"})
    assert transfer.decided_by == APPROVER.account
    page = words(await browser.get(f"/inbox/{number}"))
    assert "Angenommen. Der Schlüssel ist angefordert." in page
    assert re.search(r"Schlüssel angefordert um \d\d:\d\d\.", page)
    assert "Annehmen und Schlüssel anfordern" not in page
    assert "Entschieden von Demo a" in page
    assert page.index("Angekommen, versiegelt") < page.index("Geöffnet (")


@pytest.mark.spec("SC-52")
async def test_with_nothing_ticked_only_the_person_comes(office, browser):
    number = put_offer(office.node)
    await decide(browser, number, "approve")
    assert inbound(office, number).take == {"K01"}


async def test_a_tick_for_what_is_not_offered_counts_for_nothing(office, browser):
    number = put_offer(office.node)
    await decide(browser, number, "approve", take="K14")
    assert inbound(office, number).take == {"K01"}


@pytest.mark.spec("SC-51", "FR-17")
async def test_health_needs_a_second_approver_who_is_another_person(office, browser):
    number = put_offer(office.node, sensitive(office))
    page = await browser.get(f"/inbox/{number}")
    assert "eine zweite Person muss auch freigeben" in words(page)
    await browser.post(f"/inbox/{number}/approve", page.form_token, take="K09")
    assert inbound(office, number).state is Inbound.WAITING
    mine = await browser.get(f"/inbox/{number}")
    assert "Angenommen von Ihnen, die zweite Freigabe fehlt." in words(mine)
    assert "/approve" not in mine.text
    again = await browser.post(f"/inbox/{number}/approve", mine.form_token)
    assert again.status == 422
    assert inbound(office, number).state is Inbound.WAITING
    second = await office.enter(SECOND)
    theirs = await second.get(f"/inbox/{number}")
    assert "Angenommen von Demo a, die zweite Freigabe fehlt." in words(theirs)
    assert "Gesundheit" in words(theirs)
    await second.post(f"/inbox/{number}/approve", theirs.form_token)
    transfer = inbound(office, number)
    assert (transfer.state, transfer.second_by) == (Inbound.APPROVED, SECOND.account)
    # The second person confirms what the first one chose.
    assert transfer.take == {"K01", "K09"}


@pytest.mark.spec("SC-51")
async def test_two_approvers_at_once_make_one_decision_and_the_other_sees_it(
    office, browser
):
    number = put_offer(office.node)
    second = await office.enter(SECOND)
    page, theirs = (
        await browser.get(f"/inbox/{number}"),
        await second.get(f"/inbox/{number}"),
    )
    await browser.post(f"/inbox/{number}/approve", page.form_token, take="K04")
    late = await second.post(f"/inbox/{number}/approve", theirs.form_token)
    assert late.status == 409
    assert "Ihre Entscheidung wurde nicht gespeichert" in words(late)
    assert "Schlüssel angefordert um" in words(late)
    assert inbound(office, number).take == {"K01", "K04"}


@pytest.mark.spec("SC-48")
@pytest.mark.parametrize("broken", ["consent", "no_consent", "bytes", "sender"])
async def test_a_failed_check_removes_approve_and_is_refused_when_posted(
    office, browser, broken
):
    offer = offer_of_two(office.node)
    yesterday = office.clock.now().replace(microsecond=0) - timedelta(days=1)
    match broken:
        case "consent":
            lines = (BasisLine(bytes(32), Basis.CONSENT, yesterday), offer.bases[1])
            number = put_offer(office.node, replace(offer, bases=lines))
        case "no_consent":
            number = put_offer(office.node, replace(offer, bases=()))
        case "bytes":
            number = put_offer(office.node, has_bytes=False)
        case _:
            number = put_offer(office.node, sender="08337999-unbekannt")
    page = await browser.get(f"/inbox/{number}")
    assert "Nicht in Ordnung" in words(page)
    assert "/approve" not in page.text
    assert "Übergabe ablehnen" in words(page)
    answer = await browser.post(f"/inbox/{number}/approve", page.form_token, take="K04")
    assert answer.status == 409
    assert inbound(office, number).state is Inbound.WAITING


async def test_a_statute_is_named_with_its_paragraph(office, browser):
    lines = (
        BasisLine(bytes(32), Basis.STATUTE, None, paragraph="TeilhabeG-7", second=True),
    )
    offer = replace(offer_of_two(office.node), bases=lines)
    page = words(await browser.get(f"/inbox/{put_offer(office.node, offer)}"))
    assert "gesetzliche Pflicht, bei Wehr von einer zweiten Person bestätigt" in page
    assert "TeilhabeG-7" in page


# ---- No --------------------------------------------------------------------------------


@pytest.mark.spec("SC-52", "HO-52")
async def test_refusing_ends_the_transfer_with_its_reason(office, browser):
    number = put_offer(office.node)
    answer = await decide(browser, number, "refuse", code="not_responsible", comment="")
    assert answer.status == 303
    transfer = inbound(office, number)
    assert transfer.state is Inbound.REJECTED
    assert transfer.refusal == Refusal(by="approver", code="not_responsible")
    page = words(await browser.get(f"/inbox/{number}"))
    assert "Abgelehnt. Der Inhalt bleibt für immer unlesbar." in page
    assert "nicht zuständig" in page
    assert "Annehmen" not in page


@pytest.mark.spec("SC-52")
@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "code"),
        ({"code": "because"}, "code"),
        ({"code": "unreadable"}, "code"),
        ({"code": "other_body"}, "body"),
        ({"code": "other_body", "body": "08337999-nirgends"}, "body"),
        ({"code": "other", "comment": "ü" * COMMENT_BYTES}, "comment"),
    ],
)
async def test_a_refusal_without_what_it_needs_is_invalid_and_keeps_the_text(
    office, browser, fields, field
):
    number = put_offer(office.node)
    answer = await decide(
        browser, number, "refuse", **{"comment": "bleibt hier", **fields}
    )
    assert answer.status == 422
    assert f'href="#f-{field}"' in answer.text
    assert fields.get("comment", "bleibt hier") in answer.text
    assert "<title>Fehler:" in answer.text
    assert inbound(office, number).state is Inbound.WAITING


@pytest.mark.spec("SC-52")
async def test_another_body_is_named_from_the_directory(office, browser):
    number = put_offer(office.node)
    page = await browser.get(f"/inbox/{number}")
    assert f'<option value="{WEHR}"' in page.text
    assert f'<option value="{SAECKINGEN}"' not in page.text
    answer = await decide(
        browser, number, "refuse", code="other_body", body=WEHR, comment="liegt dort"
    )
    assert answer.status == 303
    assert inbound(office, number).state is Inbound.REJECTED


@pytest.mark.spec("HO-17")
async def test_an_approval_can_be_taken_back_before_the_key_comes(office, browser):
    number = put_offer(office.node)
    await decide(browser, number, "approve")
    page = await browser.get(f"/inbox/{number}")
    assert "Annahme zurücknehmen" in words(page)
    await browser.post(f"/inbox/{number}/refuse", page.form_token, code="capacity")
    assert inbound(office, number).state is Inbound.REJECTED


async def test_what_has_ended_offers_no_decision(office, browser):
    number = put_offer(office.node)
    await decide(browser, number, "refuse", code="capacity")
    page = await browser.get(f"/inbox/{number}")
    late = await browser.post(f"/inbox/{number}/refuse", page.form_token, code="other")
    assert late.status == 409
    transfer = inbound(office, number)
    assert transfer.refusal == Refusal(by="approver", code="capacity")


# ---- How it ends otherwise -------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"state": Inbound.ANNOUNCED}, "Der versiegelte Inhalt ist noch unterwegs."),
        ({"state": Inbound.RECALLED}, "Wehr hat die Übergabe zurückgerufen, bevor sie"),
        ({"state": Inbound.EXPIRED}, "Niemand hat rechtzeitig entschieden."),
        (
            {
                "state": Inbound.REJECTED,
                "refusal": Refusal(By.RULE, RejectionCode.WITHDRAWN),
            },
            "Einwilligung widerrufen. Der Inhalt bleibt für immer unlesbar.",
        ),
        (
            {
                "state": Inbound.REJECTED,
                "refusal": Refusal(By.RULE, RejectionCode.UNREADABLE),
            },
            "Nicht lesbar. Sie wurde von selbst abgelehnt",
        ),
        (
            {
                "state": Inbound.REJECTED,
                "refusal": Refusal(By.RULE, RejectionCode.NO_BASIS),
            },
            "Durch eine Regel abgelehnt.",
        ),
        ({"state": Inbound.OPENING}, "Der Schlüssel ist da."),
        ({"state": Inbound.DURABLE}, "Geöffnet. Was übergeben wurde, ist jetzt hier"),
    ],
)
@pytest.mark.spec("SC-50", "SC-53")
async def test_each_state_has_its_sentence_and_none_offers_approve(
    office, browser, changes, sentence
):
    now = office.clock.now()
    number = put_offer(
        office.node,
        **{"facts": {Inbound.ANNOUNCED: now, changes["state"]: now}} | changes,
    )
    page = await browser.get(f"/inbox/{number}")
    assert sentence in words(page)
    assert "/approve" not in page.text
    assert (await browser.get("/inbox")).text.count(number.short) == 1


@pytest.mark.spec("SC-49")
async def test_while_the_sender_is_away_the_page_waits_in_words(office, browser):
    number = put_offer(office.node)
    await decide(browser, number, "approve")

    def fail(uow):
        with uow:
            now = office.clock.now()
            uow.outbox.failed(WEHR, at=now, next_at=now, code="unreachable")
            uow.commit()

    office.node.store.write_sync(fail)
    page = words(await browser.get(f"/inbox/{number}"))
    assert "Wehr ist gerade nicht erreichbar; es geht von selbst weiter." in page
    assert "Sie können die Seite verlassen." in page


# ---- Names -----------------------------------------------------------------------------


def looks(office, number):
    found = office.node.store.read_sync(
        lambda uow: uow.read_log.since(office.clock.now() - timedelta(hours=1))
    )
    return [(r.account, r.action) for r in found if r.case == str(number)]


@pytest.mark.spec("SC-46", "HO-61")
async def test_names_that_were_not_announced_are_not_there_and_nothing_is_recorded(
    office, browser
):
    number = put_offer(office.node)
    page = await browser.get(f"/inbox/{number}")
    answer = await browser.post(f"/inbox/{number}/names", page.form_token)
    assert answer.status == 404
    assert looks(office, number) == []


@pytest.mark.spec("SC-47", "SR-D5")
async def test_a_look_is_recorded_before_it_succeeds_or_fails(office, browser):
    offer = replace(offer_of_two(office.node), named=True)
    number = put_offer(office.node, offer)
    page = await browser.get(f"/inbox/{number}")
    assert "Namen ansehen" in words(page)
    answer = await browser.post(f"/inbox/{number}/names", page.form_token)
    # These bytes are no container of ours.
    assert "Die Ankündigung ist nicht lesbar." in words(answer)
    assert looks(office, number) == [(APPROVER.account, "preview.open")]


async def test_a_forged_form_decides_nothing(office, browser):
    number = put_offer(office.node)
    answer = await browser.post(f"/inbox/{number}/approve", "0" * 64, take="K04")
    assert answer.status == 403
    assert inbound(office, number).state is Inbound.WAITING


async def test_the_use_case_asks_the_table_itself(office):
    number = put_offer(office.node)
    read = office.node.store.read_sync
    for ask in (
        lambda: read(inbox.inbox, CLERK),
        lambda: read(inbox.offer_sight, number, AUDITOR),
        lambda: read(inbox.begin_look, number, LEADER, office.clock.now()),
    ):
        with pytest.raises(ForbiddenError):
            ask()
