"""Texts that two people verified, and a device that goes from hand to hand."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from node.accounts.model import Account, Role
from node.accounts.policy import Actor
from node.bootstrap import Node
from node.cases.consenttext import GERMAN
from node.casework.consenttexts import current_texts, verify_text, word_text
from node.ids import AccountId, CaseId
from tests.support.browser_by_hand import Browser, Page
from tests.support.office import LEADER, OpenOffice

SECOND_ID = AccountId("1eae" * 8)
SECOND_LEADER = Actor(SECOND_ID, frozenset({Role.ADMINISTRATOR}))


def add_second_leader(uow: Any) -> None:
    """Another administrator: nobody vouches for their own wording."""
    with uow:
        uow.accounts.add(
            Account(
                id=SECOND_ID,
                login="Demo-Zweite",
                name="Demo-Zweite",
                roles=SECOND_LEADER.roles,
                active_from=date(2020, 1, 1),
            )
        )
        uow.commit()


def verify(node: Node, language: str = GERMAN) -> None:
    """One leader words the text as shipped, the other vouches for it."""
    texts = node.store.read_sync(current_texts)
    text = texts.of(language)
    if language != GERMAN:
        blocks = (replace(b, of=texts.german.block(b.id).digest) for b in text.blocks)
        text = replace(text, blocks=tuple(blocks))
    node.store.write_sync(word_text, node.office, text, by=LEADER)
    node.store.write_sync(
        verify_text,
        node.office,
        text,
        verifier="Demo-Prüferin",
        by=SECOND_LEADER,
    )


async def hand_over(browser: Browser, case: CaseId, **fields: str) -> Page:
    """Prepare the round and give the device away."""
    page = await browser.get(f"/consents/device?case={case}")
    form = {
        "_case": str(case),
        "given_by": "self",
        "recipient": "class:responsible_at_new_place",
        "valid_until": f"{date.today() + timedelta(days=90):%d.%m.%Y}",  # noqa: DTZ011
    }
    return await browser.post("/consents/device", page.form_token, **form | fields)


async def at(browser: Browser) -> str:
    """The step the device shows."""
    return (await browser.get("/kiosk")).location.removeprefix("/kiosk/")


async def tap(browser: Browser, **fields: str) -> str:
    """Answer the page that is shown; gives the next step."""
    step = await at(browser)
    page = await browser.get(f"/kiosk/{step}")
    answer = await browser.post(f"/kiosk/{step}", page.form_token, **fields)
    assert answer.status == 303, answer.text
    return await at(browser)


async def answer_all(
    browser: Browser, said: dict[str, str], *, language: str = "de"
) -> None:
    """Go through every page to the check page; what is not said is skipped."""
    step = await at(browser)
    while step != "check":
        if step == "language":
            fields = {"_language": language}
        elif step in {"about", "scope"}:
            fields = {}
        else:
            fields = {"_said": said.get(step, "none")}
        step = await tap(browser, **fields)


async def take_back(browser: Browser) -> Page:
    """The staff take the device back by the demo's button."""
    page = await browser.get("/kiosk/return")
    return await browser.post("/kiosk/return", page.form_token, _proof="demo")


def consents(office: OpenOffice, case: CaseId) -> list[Any]:
    """What is on record."""
    return list(office.node.store.read_sync(lambda uow: uow.consents.of_case(case)))
