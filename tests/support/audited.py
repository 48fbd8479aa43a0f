"""Two towns after one handover went all the way, with an auditor before each."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from typer.testing import CliRunner, Result

from node.accounts.code import AuditorCode
from node.accounts.policy import Actor
from node.bootstrap import Node, build_node, own_hands
from node.cases.consent import GivenBy
from node.cases.relocation import Source
from node.casework.auditorcode import issue_code
from node.casework.consents import Answer, record_consent
from node.casework.relocations import Move, record_relocation
from node.cli.log import app
from node.config import load_settings
from node.ids import CaseId, TransferId
from node.sync import decision
from node.sync.transfer import Inbound
from node.trust.places import shipped_places
from tests.support.browser_by_hand import Browser, Page
from tests.support.office import AUDITOR, add_more, before
from tests.support.pair import (
    AGS,
    APPROVER,
    CLERK,
    SAECKINGEN,
    USUAL,
    WEHR,
    add_staff,
    found_pair,
    open_case,
    running,
    until,
)

_TAGS = re.compile(r"<[^>]+>")
VOCABULARY = ("Demo-Ulme", "Amina", "Bewerbung", "1990", "04.05.1990", "Demo c")


@dataclass
class AuditedTown:
    """One node with its listener for people, and commands beside it."""

    node: Node
    client: TestClient[web.Request, web.Application]

    @property
    def folder(self) -> Path:
        """Its data folder."""
        return self.node.settings.folder

    async def enter(self, actor: Actor = AUDITOR) -> Browser:
        """A browser, signed in by the demo's button."""
        browser = Browser(self.client)
        door = await browser.get("/login")
        await browser.post("/login/demo", door.form_token, account=str(actor.account))
        return browser

    async def code(self, actor: Actor = AUDITOR) -> str:
        """A fresh one-time code."""
        code = AuditorCode.of(secrets.token_bytes(10))
        now = self.node.office.clock.now()
        await self.node.run.write(issue_code, code, now, by=actor)
        return str(code)

    async def command(self, *words: str, coded: bool = True) -> Result:
        """Run ``log ...`` beside the node, in a thread of its own."""
        told = [*words, "--data", str(self.folder)]
        if coded:
            told += ["--code", await self.code()]
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, told))

    async def told(self, *words: str, coded: bool = True) -> Any:
        """What a command says with ``--json``."""
        result = await self.command(*words, "--json", coded=coded)
        assert result.stdout, result.output
        return json.loads(result.stdout)


@dataclass
class Audited:
    """Both towns and the transfer between them."""

    wehr: AuditedTown
    saeckingen: AuditedTown
    transfer: TransferId
    case: CaseId


def words(page: Page) -> str:
    """A page as its reader sees it."""
    return re.sub(r"\s+", " ", _TAGS.sub(" ", page.text))


@asynccontextmanager
async def audited(folder: Path) -> AsyncIterator[Audited]:
    """Both nodes, listening, after one handover; quiet but for what a test does."""
    hands = own_hands()
    folders = found_pair(folder, hands)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as saeckingen,
        before(wehr) as of_wehr,
        before(saeckingen) as of_saeckingen,
        running(wehr),
        running(saeckingen),
    ):
        for node in (wehr, saeckingen):
            add_staff(node)
            node.store.write_sync(add_more)
        case = open_case(wehr, "Demo-Ulme")
        transfer = hand_over(wehr, case)
        await until(lambda: state(saeckingen, transfer) is Inbound.WAITING)
        saeckingen.store.write_sync(
            decision.approve, saeckingen.office, transfer, by=APPROVER
        )
        await until(lambda: state(saeckingen, transfer) is Inbound.CLOSED)
        for node in (wehr, saeckingen):
            node.publisher.publish()
        yield Audited(
            AuditedTown(wehr, of_wehr),
            AuditedTown(saeckingen, of_saeckingen),
            transfer,
            case,
        )


def hand_over(node: Node, case: CaseId) -> TransferId:
    """A consent for whoever is responsible there, then the move."""
    today = node.office.clock.now().date()
    answer = Answer(
        case=case,
        epoch=1,
        given_by=GivenBy.SELF,
        recipients=("class:responsible_at_new_place",),
        categories=USUAL,
        valid_until=today + timedelta(days=364),
        language="de",
        form="paper",
        text_version="1",
        evidence={"note": "Unterschrift liegt vor"},
    )
    node.store.write_sync(record_consent, node.office, answer, by=CLERK)
    moved = node.store.write_sync(
        record_relocation,
        node.office,
        Move((case,), AGS[SAECKINGEN], date(2026, 12, 1), Source.FORM),
        by=CLERK,
        places=shipped_places(),
    )
    assert moved.transfer is not None
    return moved.transfer


def state(node: Node, transfer: TransferId) -> Inbound | None:
    """Where the transfer is at its recipient."""
    found = node.store.read_sync(lambda uow: uow.inbound.find(transfer))
    return found.state if found else None
