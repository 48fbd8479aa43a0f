"""A household moves as one transfer, and what was previewed is what arrives: FR-11, SC-31."""

import re
from html import unescape
from urllib.parse import urlencode

import pytest

from node.cases.codes import label
from node.cases.dictionary import category_of
from node.cases.model import Origin
from node.casework.records import Place, add_record
from node.ids import RecordId
from node.sync.transfer import Inbound, Outbound
from tests.support.browser_by_hand import signed_in, words
from tests.support.handed import agree, inbound, let_in, outbound, set_off, share_home
from tests.support.pair import (
    APPROVER,
    CLERK,
    SAECKINGEN,
    SECOND,
    USUAL,
    open_case,
    until,
)
from tests.support.seen import spilled
from tests.support.towns import two_desks

STAYS = "Demo-Bleibt"


def content(node, case):
    return node.store.read_sync(lambda uow: uow.cases.content(case))


def add(node, case, number, kind, values):
    place = Place(case, RecordId(number * 32), 1)
    node.store.write_sync(add_record, node.office, place, kind, values, by=CLERK)


@pytest.mark.spec("FR-11", "DO-15")
async def test_a_household_is_one_transfer_and_who_said_no_stays_as_a_number(tmp_path):
    async with two_desks(tmp_path) as (wehr, saeckingen, here, there):
        mother, child = open_case(wehr), open_case(wehr, "Demo-Linde")
        stays = open_case(wehr, STAYS, birth_date="1971-09-23")
        share_home(wehr, mother, child, stays)
        for case in (mother, child):
            agree(wehr, case)
        agree(wehr, stays, categories=frozenset())
        transfer = set_off(wehr, mother, SAECKINGEN, child, stays)
        await until(lambda: inbound(saeckingen, transfer) is not None)
        await until(lambda: inbound(saeckingen, transfer).state is Inbound.WAITING)
        approver = await signed_in(there, APPROVER)
        offered = await approver.get(f"/inbox/{transfer}")
        assert "Nicht dabei 1 Erwachsene/r" in words(offered)
        # One decision for all: nobody can be ticked out, only kinds of content.
        assert 'name="member"' not in offered.text
        await approver.post(
            f"/inbox/{transfer}/approve", offered.form_token, take="K02"
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)
        await until(lambda: inbound(saeckingen, transfer).state is Inbound.CLOSED)
        for case in (mother, child):
            arrived = content(saeckingen, case)
            assert arrived.person.text("family_name")
            # Contacts and goals were offered and left out: not a row of them is here.
            assert arrived.of("contact") == arrived.of("goal") == ()
        assert saeckingen.store.read_sync(lambda u: u.cases.find_file(stays)) is None
        assert spilled(saeckingen.settings.folder, (STAYS, "1971-09-23")) == []
        clerk = await signed_in(here, CLERK)
        assert "Nicht dabei 1 Erwachsene/r" in words(
            await clerk.get(f"/outbox/{transfer}")
        )


@pytest.mark.spec("FR-11")
async def test_a_refusal_is_for_the_whole_household(tmp_path):
    async with two_desks(tmp_path) as (wehr, saeckingen, _, there):
        family = [open_case(wehr), open_case(wehr, "Demo-Linde")]
        share_home(wehr, *family)
        for case in family:
            agree(wehr, case)
        transfer = set_off(wehr, family[0], SAECKINGEN, family[1])
        await until(lambda: inbound(saeckingen, transfer) is not None)
        await until(lambda: inbound(saeckingen, transfer).state is Inbound.WAITING)
        approver = await signed_in(there, APPROVER)
        offered = await approver.get(f"/inbox/{transfer}")
        await approver.post(
            f"/inbox/{transfer}/refuse", offered.form_token, code="capacity"
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.REJECTED)
        for case in family:
            found = saeckingen.store.read_sync(lambda u, c=case: u.cases.find_file(c))
            assert found is None


def expected(at_home, ticked):
    """Field by field what may travel of a case if these categories do."""
    found = {}
    for record in at_home.records:
        going = {
            name: value
            for name, value in record.values.items()
            if category_of(record.kind, name, record.values) in ticked
        }
        if going:
            found[record.id] = (record.kind, going)
    return found


@pytest.mark.spec("SC-31")
async def test_the_preview_names_what_the_recipient_holds_field_by_field(tmp_path):
    async with two_desks(tmp_path) as (wehr, saeckingen, here, _):
        case = open_case(wehr)
        add(wehr, case, "1", "language", {"language": "prs", "level": "A2"})
        add(wehr, case, "2", "education", {"title": "Abitur"})
        add(wehr, case, "3", "accommodation", {"housing": "private", "street": "Weg"})
        add(wehr, case, "4", "protection", {"protection": "no_announcement"})
        agree(wehr, case, categories=USUAL | {"K12"})
        transfer = set_off(wehr, case, SAECKINGEN)
        await until(lambda: outbound(wehr, transfer).withheld)
        clerk = await signed_in(here, CLERK)
        at, ticked = f"/relocations/{transfer}", {"K01", "K04", "K11"}
        page = await clerk.get(at)
        ticks = [("member", case), *((f"cat_{case}", code) for code in sorted(ticked))]
        check = await post(clerk, at, page.form_token, ticks)
        named = re.search(r"Inhalt</dt>\s*<dd[^>]*>([^<]*)</dd>", check.text)[1]
        labels = {label("category", code, "de") for code in ticked}
        assert set(unescape(named).strip().split(", ")) == labels
        await post(clerk, at, page.form_token, [*ticks, ("_sure", "yes")])
        # The flag asks for a second pair of eyes.
        second = await signed_in(here, SECOND)
        seen = await second.get(at)
        assert all(name in words(seen) for name in labels)
        proven = [(n, v) for n, v in hidden(seen) if n != "_token"]
        await post(second, f"{at}/second", seen.form_token, proven)
        at_home = expected(content(wehr, case), ticked)
        await let_in(wehr, saeckingen, transfer)
        arrived = {
            record.id: (record.kind, dict(record.values))
            for record in content(saeckingen, case).records
            if record.origin is Origin.TRANSFER and record.kind != "consent_evidence"
        }
        assert arrived == at_home
        assert {kind for kind, _ in arrived.values()} == {
            "person", "language", "contact"
        }  # fmt: skip


async def post(browser, path, token, pairs):
    """A form with several values of one name."""
    return await browser.send(
        "POST",
        path,
        headers={
            "Sec-Fetch-Site": "same-origin",
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body=urlencode([("_token", token), *pairs]).encode(),
    )


def hidden(page):
    """The hidden fields of the page's own form."""
    form = page.text.partition("<main")[2]
    tags = re.findall(r'<input type="hidden"[^>]*>', form)
    return [
        (re.search(r'name="([^"]+)"', t)[1], re.search(r'value="([^"]*)"', t)[1])
        for t in tags
    ]
