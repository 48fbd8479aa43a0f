"""What tests of the case file share: forms sent as browsers do, cases looked at."""

import re
from dataclasses import replace
from html import unescape
from typing import Any

from node.cases.model import Baton, CaseContent, Record
from node.casework.cases import new_record, open_case
from node.ids import CaseId, RecordId
from node.strictjson import Json
from tests.support.browser_by_hand import Browser, Page
from tests.support.office import OpenOffice
from tests.support.pair import CLERK, SAECKINGEN


def fields(page: Page) -> dict[str, str]:
    """What a browser would send of the page's form, as it stands."""
    found = {}
    for tag in re.findall(r"<(?:input|textarea|select)[^>]*>", page.text):
        name = re.search(r'name="([^"]+)"', tag)
        if name is None or tag.startswith(("<textarea", "<select")):
            continue
        is_choice = re.search(r'type="(checkbox|radio)"', tag)
        if is_choice and " checked" not in tag:
            continue
        value = re.search(r'value="([^"]*)"', tag)
        found[name[1]] = unescape(value[1]) if value else ""
    for name, text in re.findall(
        r'<textarea[^>]*name="([^"]+)"[^>]*>\n?(.*?)</textarea>', page.text, re.DOTALL
    ):
        found[name] = unescape(text)
    for name, options in re.findall(
        r'<select[^>]*name="([^"]+)".*?>(.*?)</select>', page.text, re.DOTALL
    ):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = unescape(chosen[1]) if chosen else ""
    found.pop("_token", None)
    return found


async def send(browser: Browser, page: Page, path: str, **changes: str) -> Page:
    """Send the page's form with some fields changed."""
    return await browser.post(path, page.form_token, **{**fields(page), **changes})


def content(office: OpenOffice, case: str) -> CaseContent:
    """The whole case."""

    def read(uow: Any) -> CaseContent:
        found: CaseContent
        with uow:
            found = uow.cases.content(CaseId(case))
        return found

    return office.node.store.write_sync(read)


def put(
    office: OpenOffice,
    case: str,
    kind: str,
    values: dict[str, Json],
    **changes: Any,
) -> RecordId:
    """Write a record as an import or another hand would."""

    def write(uow: Any) -> RecordId:
        with uow:
            made = new_record(
                office.node.office, CaseId(case), kind, values, by=CLERK.account
            )
            changed = replace(made, **changes)
            uow.cases.put([changed])
            uow.commit()
        return changed.id

    return office.node.store.write_sync(write)


def person(office: OpenOffice, name: str, given: str = "Amina", **more: Json) -> CaseId:
    """A new case."""
    return office.node.store.write_sync(
        open_case,
        office.node.office,
        {"family_name": name, "given_names": given, **more},
        by=CLERK,
    )


def give_away(office: OpenOffice, case: CaseId) -> None:
    """The case went to another office while a page was open."""

    def move(uow: Any) -> None:
        with uow:
            file = uow.cases.file(case)
            gone = replace(file, baton=Baton.HANDED_OVER, handed_to=SAECKINGEN)
            uow.cases.replace(file, gone)
            uow.commit()

    office.node.store.write_sync(move)


def of(office: OpenOffice, case: str, kind: str) -> tuple[Record, ...]:
    """The records of one kind."""
    return content(office, case).of(kind)
