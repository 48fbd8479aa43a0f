"""Two towns after one handover went all the way, with an auditor before each."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestClient
from typer.testing import CliRunner, Result

from node.accounts.code import AuditorCode
from node.accounts.policy import Actor
from node.bootstrap import Node
from node.casework.auditorcode import issue_code
from node.cli.log import app
from node.ids import CaseId, TransferId
from node.sync import decision
from node.sync.transfer import Inbound
from tests.support.browser_by_hand import Browser, signed_in
from tests.support.handed import agree, set_off
from tests.support.office import AUDITOR, add_more, before
from tests.support.pair import (
    APPROVER,
    SAECKINGEN,
    open_case,
    running,
    until,
)
from tests.support.towns import two_nodes

VOCABULARY = ("Demo-Ulme", "Amina", "Bewerbung", "1990", "04.05.1990", "Demo c")


def said_in(text: str, *names: str) -> list[str]:
    """Which words of the case stand there, and which of these.

    As words of their own: a random token may well hold the digits of a year.
    """
    return [
        name
        for name in (*VOCABULARY, *names)
        if re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text)
    ]


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
        return await signed_in(self.client, actor)

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


@asynccontextmanager
async def audited(folder: Path) -> AsyncIterator[Audited]:
    """Both nodes, listening, after one handover; quiet but for what a test does."""
    async with (
        two_nodes(folder, runs=False) as (wehr, saeckingen),
        before(wehr) as of_wehr,
        before(saeckingen) as of_saeckingen,
        running(wehr),
        running(saeckingen),
    ):
        for node in (wehr, saeckingen):
            node.store.write_sync(add_more)
        case = open_case(wehr, "Demo-Ulme")
        agree(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)
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


def state(node: Node, transfer: TransferId) -> Inbound | None:
    """Where the transfer is at its recipient."""
    found = node.store.read_sync(lambda uow: uow.inbound.find(transfer))
    return found.state if found else None
