"""A web application on a stage: invented people, sessions in memory, a clock by hand."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast

from aiohttp import web

from node.accounts.model import Role
from node.accounts.session import KeptForm, StoredSession
from node.errors import UnknownNodeError
from node.failpoints import NoFailpoints
from node.ids import AccountId
from node.sync.office import Office
from node.sync.ports import PacketFiles
from node.trust.directory import Directory
from node.web.app import make_web_app
from node.web.frame import AccountView, Attempt, Outlook, Parts, Route, WebSettings
from node.web.language import Words
from node.web.pages import login
from node.web.session import SessionStorage
from tests.support.town import make_town

T = TypeVar("T")

ORIGIN = "http://wehr.localhost:8401"
START = datetime(2026, 12, 3, 13, 5, tzinfo=UTC)

ANNA = AccountView(
    AccountId.of(b"a" * 16), "Anna Beispiel", frozenset({Role.CASEWORKER})
)
BERT = AccountView(AccountId.of(b"b" * 16), "Bert Muster", frozenset({Role.APPROVER}))
CARO = AccountView(
    AccountId.of(b"c" * 16), "Caro Probe", frozenset({Role.ADMINISTRATOR})
)
DORA = AccountView(
    AccountId.of(b"d" * 16), "Dora Stichprobe", frozenset({Role.AUDITOR})
)


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.instant = START

    def now(self) -> datetime:
        return self.instant

    def move(self, period: timedelta) -> None:
        self.instant += period


@dataclass
class SessionsInMemory:
    """Sessions as the store keeps them, without a database."""

    rows: dict[bytes, StoredSession] = field(default_factory=dict)
    forms: dict[bytes, KeptForm] = field(default_factory=dict)

    async def load(self, token_hash: bytes) -> StoredSession | None:
        return self.rows.get(token_hash)

    async def add(self, session: StoredSession) -> None:
        assert session.token_hash not in self.rows
        self.rows[session.token_hash] = session

    async def update(self, session: StoredSession) -> None:
        row = self.rows.get(session.token_hash)
        if row is not None:
            self.rows[session.token_hash] = replace(
                row, seen_at=session.seen_at, sealed_values=session.sealed_values
            )

    async def delete(self, token_hash: bytes) -> None:
        self.rows.pop(token_hash, None)

    async def of(self, account: AccountId) -> list[StoredSession]:
        return [row for row in self.rows.values() if row.account == account]

    async def keep(self, kept: KeptForm) -> None:
        self.forms[kept.token_hash] = kept

    async def kept(self, token_hash: bytes) -> KeptForm | None:
        return self.forms.get(token_hash)

    async def drop(self, token_hash: bytes) -> None:
        self.forms.pop(token_hash, None)


@dataclass
class InventedPeople:
    """Accounts whose password is their name; ``shown`` have a button in the demo."""

    people: list[AccountView] = field(default_factory=lambda: [ANNA, BERT, CARO, DORA])
    shown: bool = True

    async def check_password(self, name: str, password: str, address: str) -> Attempt:
        for person in self.people:
            if person.name == name == password:
                return Attempt(person)
        return Attempt()

    async def check_code(self, account: AccountId, code: str, address: str) -> Attempt:
        return Attempt()

    async def check_passkey(
        self, answer: str, challenge: bytes, only: AccountId | None = None
    ) -> Attempt:
        return Attempt()

    async def find(self, account: AccountId) -> AccountView | None:
        for person in self.people:
            if person.id == account:
                return person
        return None

    async def confirm(self, account: AccountId, password: str) -> bool:
        """The password is the name, as at the door."""
        found = await self.find(account)
        return found is not None and found.name == password

    async def demo_accounts(self) -> list[AccountView]:
        return self.people if self.shown else []


@dataclass
class Stage:
    """The application and everything around it that a test may move."""

    app: web.Application
    clock: HandClock
    sessions: SessionsInMemory
    people: InventedPeople


class NoStore:
    """The shell asks no store; a page that does belongs before a real node."""

    async def read(self, use_case: Callable[..., T], *args: Any) -> T:
        raise AssertionError("no store on this stage")

    async def write(self, use_case: Callable[..., T], *args: Any) -> T:
        raise AssertionError("no store on this stage")

    async def file(self, job: Callable[..., T], *args: Any) -> T:
        raise AssertionError("no files on this stage")


def _no_directory() -> Directory:
    raise UnknownNodeError("no directory on this stage")


async def _outlook(account: AccountView, words: Words) -> Outlook:
    return Outlook({"/inbox": 2, "/outbox": 1})


def make_stage(
    routes: list[Route] | None = None, *, demo: bool = True, origin: str = ORIGIN
) -> Stage:
    clock, sessions, people = (
        HandClock(),
        SessionsInMemory(),
        InventedPeople(shown=demo),
    )
    settings = WebSettings(
        body="Stadt Wehr",
        origin=origin,
        version="0.1.0",
        demo=demo,
        help_contact="Frau Beispiel, Telefon 07762 808-0",
    )
    parts = Parts(
        settings=settings,
        clock=clock,
        randomness=secrets.token_bytes,
        accounts=people,
        sessions=SessionStorage(sessions, clock, secrets.token_bytes),
        run=NoStore(),
        office=Office(
            keys=lambda: make_town().keyring,
            clock=clock,
            randomness=secrets.token_bytes,
            directory=_no_directory,
            failpoints=NoFailpoints(),
            log_origin="wehr.example/log/1",
            witness_name="wehr.example/witness/1",
        ),
        # The shell opens no file: a page that does stands on no stage but a real node.
        files=cast("PacketFiles", None),
        places={},
        outlook=_outlook,
    )
    app = make_web_app(parts, [*login.routes(), *(routes or [])])
    return Stage(app, clock, sessions, people)
