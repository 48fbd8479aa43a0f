"""One real office with its pages and its API before a client: store, keys and directory.

The other town of the pair stands in the directory and is never started, unless a test does.
"""

import json
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from node.accounts.model import Account, Bearer, Role, Scope
from node.accounts.policy import OPERATOR, Actor
from node.accounts.programs import Grant
from node.bootstrap import Hands, Node, build_node, own_hands, web_app
from node.casework.programs import allow_program, fetch_token
from node.casework.staff import TokenWish, issue_token
from node.config import load_settings
from node.failpoints import NoFailpoints
from node.ids import AccountId, Hex128, MemberId
from tests.support.browser_by_hand import Browser, Page, signed_in
from tests.support.pair import SAECKINGEN, WEHR, add_staff, found_pair

LEADER_ID, AUDITOR_ID = AccountId("1ead" * 8), AccountId("a0d1" * 8)
LEADER = Actor(LEADER_ID, frozenset({Role.ADMINISTRATOR}))
AUDITOR = Actor(AUDITOR_ID, frozenset({Role.AUDITOR}))
STRANGER = Actor(AccountId("5" * 32), frozenset({Role.CASEWORKER}))
"""A colleague without a case of those that a test opens; hired by who needs one."""
BOTH = Actor(AccountId("ca" * 16), frozenset({Role.CASEWORKER, Role.APPROVER}))


@dataclass
class MovingClock:
    """The present, moved by hand."""

    offset: timedelta = field(default_factory=timedelta)

    def now(self) -> datetime:
        """Now, or later."""
        return datetime.now(UTC) + self.offset


@dataclass
class OpenOffice:
    """A node behind its listener for people."""

    node: Node
    client: TestClient[web.Request, web.Application]
    clock: MovingClock

    async def enter(self, actor: Actor) -> Browser:
        """A browser of its own, signed in by the demo's button."""
        return await signed_in(self.client, actor)

    def hire(self, actor: Actor, name: str, login: str = "kollegin") -> None:
        """One more account, at work for years already."""
        assert actor.account is not None
        account = Account(actor.account, login, name, actor.roles, date(2020, 1, 1))

        def add(uow: Any) -> None:
            with uow:
                uow.accounts.add(account)
                uow.commit()

        self.node.store.write_sync(add)

    def hear(self, off: timedelta = timedelta()) -> None:
        """The other town says what time it is (SR-K7)."""

        def clock(uow: Any) -> None:
            now = self.clock.now()
            with uow:
                uow.heads.hear_clock(SAECKINGEN, said_at=now + off, at=now)
                uow.commit()

        self.node.store.write_sync(clock)

    def token(self, *scopes: Scope, days: int = 1) -> str:
        """A fresh API token, its digest stored."""
        token = Bearer.of(secrets.token_bytes(32))
        until = self.clock.now() + timedelta(days=days)
        wish = TokenWish("Meldewesen", frozenset(scopes), until)
        self.node.store.write_sync(issue_token, wish, token.digest, by=OPERATOR)
        return token

    def token_for(self, caseworker: Actor, *scopes: Scope, days: int = 1) -> str:
        """A token of one caseload: allowed by the leader, fetched by the caseworker."""
        assert caseworker.account is not None
        now = self.clock.now()
        grant = Grant(
            Hex128.of(secrets.token_bytes(16)),
            "Kalender",
            frozenset(scopes),
            caseworker.account,
            LEADER_ID,
            now,
            now + timedelta(days=days),
        )
        token = Bearer.of(secrets.token_bytes(32))
        self.node.store.write_sync(allow_program, grant, by=LEADER)
        self.node.store.write_sync(
            fetch_token, grant.id, token.digest, at=now, by=caseworker
        )
        return token

    async def call(
        self,
        method: str,
        path: str | URL,
        *,
        token: str = "",
        body: object = None,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Page:
        """One call of a program; a body is sent as JSON with a fresh key."""
        sent: dict[str, str] = {}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        content = raw
        if body is not None:
            content = json.dumps(body).encode()
        if content is not None:
            sent["Content-Type"] = "application/json"
            sent["Idempotency-Key"] = secrets.token_hex(8)
        sent |= headers or {}
        async with self.client.request(
            method, path, headers=sent, data=content, allow_redirects=False
        ) as response:
            return Page(response, await response.read())


@asynccontextmanager
async def open_office(
    folder: Path,
    member: MemberId = WEHR,
    *,
    folders: Mapping[MemberId, Path] | None = None,
    clock: MovingClock | None = None,
) -> AsyncIterator[OpenOffice]:
    """Found both towns, open one of them with staff of every role."""
    clock = clock or MovingClock()
    found = folders or found_pair(folder, own_hands())
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    async with build_node(load_settings(found[member]), hands) as node:
        add_staff(node)
        node.store.write_sync(add_more)
        async with before(node) as client:
            yield OpenOffice(node, client, clock)


@asynccontextmanager
async def before(
    node: Node,
) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A client before the node's listener for people."""
    server = TestServer(web_app(node), host="127.0.0.1")
    async with TestClient(server, cookie_jar=DummyCookieJar()) as client:
        yield client


def add_more(uow: Any) -> None:
    """An administrator and an auditor."""
    with uow:
        for number, name, role in (
            (LEADER_ID, "Demo-Leitung", Role.ADMINISTRATOR),
            (AUDITOR_ID, "Demo-Prüfung", Role.AUDITOR),
        ):
            uow.accounts.add(
                Account(
                    id=number,
                    login=name,
                    name=name,
                    roles=frozenset({role}),
                    active_from=date(2020, 1, 1),
                )
            )
        uow.commit()
