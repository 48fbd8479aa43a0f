"""The session of a request: which cookie, whose account, what is remembered between pages.

Enters: requests. Leaves: a token, an account id and a few texts. Must never happen here: a
session that lives on after it was ended, or a token anywhere but in the cookie. Nothing is
stored before somebody signs in; the form token of the sign-in page follows from the cookie
alone. Implements SR-B2; aiohttp-session carries the values, this room keeps them.
"""

from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

from aiohttp import web
from aiohttp_session import AbstractStorage, Session, get_session, new_session

from node import strictjson
from node.accounts.session import TOKEN_BYTES, SessionToken, StoredSession
from node.clock import Clock
from node.crypto.keys import Randomness
from node.crypto.sessionbox import open_values, seal_values
from node.errors import MalformedMessageError
from node.ids import AccountId

COOKIE: Final = "__Host-sid"
TOUCH_AFTER: Final = timedelta(seconds=30)
_ACCOUNT: Final = "account"
_SAVED: Final = "saved"
_HANDED_OVER: Final = "handed_over"
_STORED: Final = web.RequestKey("stored_session", StoredSession)


class SessionStore(Protocol):
    """Where sessions are kept; each call is one unit of work."""

    async def load(self, token_hash: bytes) -> StoredSession | None:
        """The session of this token hash, alive or not."""
        ...

    async def add(self, session: StoredSession) -> None:
        """Insert a session that has just begun."""
        ...

    async def update(self, session: StoredSession) -> None:
        """Replace ``seen_at`` and ``sealed_values`` of the session if it still exists.

        A session that was ended meanwhile stays ended.
        """
        ...

    async def delete(self, token_hash: bytes) -> None:
        """Forget the session; no error if it is absent."""
        ...

    async def of(self, account: AccountId) -> list[StoredSession]:
        """All sessions of an account, newest first, so that each can be ended."""
        ...


class SessionStorage(AbstractStorage):
    """Keeps sessions in the store and their token in a cookie of its own host."""

    def __init__(
        self, store: SessionStore, clock: Clock, randomness: Randomness
    ) -> None:
        """Fix the cookie's flags; ``__Host-`` makes browsers insist on most of them."""
        super().__init__(
            cookie_name=COOKIE, secure=True, httponly=True, samesite="Strict", path="/"
        )
        self._store = store
        self._clock = clock
        self._randomness = randomness

    async def new_session(self) -> Session:
        """A session that nobody has seen before; it reaches the browser when saved."""
        raw = self._randomness(TOKEN_BYTES)
        token = SessionToken(urlsafe_b64encode(raw).decode().rstrip("="))
        return Session(token, data=None, new=True)

    async def load_session(self, request: web.Request) -> Session:
        """The session of the request's cookie, or a new one."""
        try:
            token = SessionToken(self.load_cookie(request) or "")
        except MalformedMessageError:
            session = await self.new_session()
            # A request that comes from another site carries no Strict cookie although
            # the browser has one. Setting a new one would end the session it has.
            if request.headers.get("Sec-Fetch-Site") != "cross-site":
                session.changed()
            return session
        stored = await self._store.load(token.stored_hash)
        now = self._clock.now()
        if stored is None or not stored.is_alive(now):
            if stored is not None:
                await self._store.delete(stored.token_hash)
            return Session(token, data=None, new=True)
        if now - stored.seen_at >= TOUCH_AFTER:
            stored = replace(stored, seen_at=now)
            await self._store.update(stored)
        request[_STORED] = stored
        values = open_values(stored.sealed_values, token.value_key)
        remembered = strictjson.parse_object(values) if values is not None else {}
        return Session(
            token,
            data={
                "created": int(stored.began_at.timestamp()),
                "session": {**remembered, _ACCOUNT: str(stored.account)},
            },
            new=False,
        )

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        """Store what changed and hand the browser its token."""
        token = token_of(session)
        if session.empty:
            await self._store.delete(token.stored_hash)
        else:
            values = {name: session[name] for name in session if name != _ACCOUNT}
            sealed = seal_values(
                strictjson.encode(values), token.value_key, self._randomness
            )
            stored = request.get(_STORED)
            away = is_handed_over(session)
            if stored is not None and stored.token_hash == token.stored_hash:
                await self._store.update(
                    replace(stored, sealed_values=sealed, handed_over=away)
                )
            else:
                now = self._clock.now()
                account = AccountId(session[_ACCOUNT])
                await self._store.add(
                    StoredSession(token.stored_hash, account, now, now, sealed, away)
                )
        if self.load_cookie(request) != token:
            self.save_cookie(response, token)

    async def forget(self, session: Session) -> None:
        """End a session in the store at once."""
        await self._store.delete(token_of(session).stored_hash)


def token_of(session: Session) -> SessionToken:
    """The token of a session that our storage made."""
    # The library types its identity as anything; the constructor checks it again.
    return SessionToken(str(session.identity))


def account_of(session: Session) -> AccountId | None:
    """Whose session it is."""
    account = session.get(_ACCOUNT)
    return AccountId(account) if account is not None else None


def is_handed_over(session: Session) -> bool:
    """Whether the device is in a client's hands (SC-34)."""
    return bool(session.get(_HANDED_OVER))


async def hand_over(request: web.Request, storage: SessionStorage) -> Session:
    """From the next request on nobody is signed in until the device is taken back.

    The new token also makes browsers forget the pages that they keep for going back.
    """
    session = await _renew(request, storage)
    session[_HANDED_OVER] = True
    return session


async def take_back(request: web.Request, storage: SessionStorage) -> Session:
    """The staff's session again; what was answered goes along."""
    session = await _renew(request, storage)
    del session[_HANDED_OVER]
    return session


async def _renew(request: web.Request, storage: SessionStorage) -> Session:
    """The same session under a new token (SR-B2: who holds the device changes)."""
    before = await get_session(request)
    await storage.forget(before)
    session = await new_session(request)
    session.update({name: before[name] for name in before})
    return session


async def sign_in(
    request: web.Request, storage: SessionStorage, account: AccountId
) -> None:
    """Begin a session under a new token; the token of the sign-in page is worth nothing."""
    await storage.forget(await get_session(request))
    session = await new_session(request)
    session[_ACCOUNT] = str(account)


async def sign_out(request: web.Request, storage: SessionStorage) -> None:
    """End the session in the store before the answer leaves, and give a new token."""
    await storage.forget(await get_session(request))
    session = await new_session(request)
    session.changed()


async def remember_saved(request: web.Request, sentence: str) -> None:
    """Keep the green line for the next page of this session."""
    session = await get_session(request)
    if account_of(session) is not None:
        session[_SAVED] = sentence


async def take_saved(request: web.Request) -> str:
    """The green line to show now, once; empty if there is none."""
    session = await get_session(request)
    sentence = session.get(_SAVED, "")
    if sentence:
        del session[_SAVED]
    return str(sentence)
