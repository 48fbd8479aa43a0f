"""The session of a request: which cookie, whose account, what is remembered between pages.

Enters: requests. Leaves: a token, an account id and a few texts. Must never happen here: a
session that lives on after it was ended, or a token anywhere but in the cookie. Nothing is
stored before somebody signs in; the form token of the sign-in page follows from the cookie
alone. Implements SR-B2; aiohttp-session carries the values, this room keeps them.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol

from aiohttp import web
from aiohttp_session import AbstractStorage, Session, get_session, new_session

from node import strictjson
from node.accounts.session import (
    KEPT,
    TOKEN_BYTES,
    KeptForm,
    SessionToken,
    StoredSession,
)
from node.clock import Clock
from node.crypto.keys import Randomness
from node.crypto.sessionbox import open_values, seal_values
from node.errors import MalformedMessageError
from node.ids import AccountId

COOKIE: Final = "__Host-sid"
TOUCH_AFTER: Final = timedelta(seconds=30)
WATCH: Final = "Staffelstab-Watch"
"""The header with which an open page says what it shows already (SC-17)."""
_ACCOUNT: Final = "account"
_SAVED: Final = "saved"
_UNDO: Final = "undo"
_HANDED_OVER: Final = "handed_over"
_STORED: Final = web.RequestKey("stored_session", StoredSession)
_ENDED: Final = web.RequestKey("ended_session", AccountId)
_BEGAN: Final = web.RequestKey("began_at", datetime)


@dataclass(frozen=True, slots=True)
class Undo:
    """The form of one button that takes back what was just saved."""

    address: str
    kept: Mapping[str, str]


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

    async def keep(self, kept: KeptForm) -> None:
        """Keep a form that came too late; an older one of the same token goes."""
        ...

    async def kept(self, token_hash: bytes) -> KeptForm | None:
        """The form of this token, over or not."""
        ...

    async def drop(self, token_hash: bytes) -> None:
        """Forget the form of this token; absent is fine."""
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
                request[_ENDED] = stored.account
            return Session(token, data=None, new=True)
        if now - stored.seen_at >= TOUCH_AFTER and not is_watching(request):
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
                began_at = request.get(_BEGAN, now)
                await self._store.add(
                    StoredSession(
                        token.stored_hash, account, began_at, now, sealed, now, away
                    )
                )
        if self.load_cookie(request) != token:
            self.save_cookie(response, token)

    async def forget(self, session: Session) -> None:
        """End a session in the store at once."""
        await self._store.delete(token_of(session).stored_hash)

    def is_fresh(self, request: web.Request) -> bool:
        """Whether the person showed less than five minutes ago who they are (SR-B7)."""
        stored = request.get(_STORED)
        return stored is not None and stored.is_fresh(self._clock.now())

    async def keep(self, token: SessionToken, account: AccountId, body: bytes) -> None:
        """Keep bytes for half an hour, sealed under a key that the cookie alone yields."""
        sealed = seal_values(body, token.kept_key, self._randomness)
        until = self._clock.now() + KEPT
        await self._store.keep(KeptForm(token.stored_hash, account, until, sealed))

    async def kept(self, token: SessionToken, account: AccountId) -> bytes | None:
        """What was kept under this token for this account; nobody else's, nothing old."""
        kept = await self._store.kept(token.stored_hash)
        if kept is None or kept.account != account or self._clock.now() >= kept.until:
            return None
        return open_values(kept.sealed, token.kept_key)

    async def drop(self, token: SessionToken) -> None:
        """Forget what was kept under this token."""
        await self._store.drop(token.stored_hash)


def is_watching(request: web.Request) -> bool:
    """Whether a page asks by itself if it changed: that is nobody being there (SR-B2)."""
    return WATCH in request.headers


def shows_already(request: web.Request, mark: str) -> bool:
    """Whether a watching page shows this already: then there is nothing to answer."""
    return request.headers.get(WATCH) == mark


def token_of(session: Session) -> SessionToken:
    """The token of a session that our storage made."""
    # The library types its identity as anything; the constructor checks it again.
    return SessionToken(str(session.identity))


def account_of(session: Session) -> AccountId | None:
    """Whose session it is."""
    account = session.get(_ACCOUNT)
    return AccountId(account) if account is not None else None


def ended_account(request: web.Request) -> AccountId | None:
    """Whose session it was that this request came too late for."""
    return request.get(_ENDED)


async def renew(request: web.Request, storage: SessionStorage) -> Session:
    """A new token for the same sign-in, because the person showed again who they are."""
    old = await get_session(request)
    values = {name: old[name] for name in old}
    stored = request.get(_STORED)
    await storage.forget(old)
    session = await new_session(request)
    session.update(values)
    if stored is not None:
        # The eight hours go on from where they began.
        request[_BEGAN] = stored.began_at
    return session


def is_handed_over(session: Session) -> bool:
    """Whether the device is in a client's hands (SC-34)."""
    return bool(session.get(_HANDED_OVER))


async def hand_over(request: web.Request, storage: SessionStorage) -> Session:
    """From the next request on nobody is signed in until the device is taken back.

    The new token also makes browsers forget the pages that they keep for going back.
    """
    session = await renew(request, storage)
    session[_HANDED_OVER] = True
    return session


async def take_back(request: web.Request, storage: SessionStorage) -> Session:
    """The staff's session again; what was answered goes along."""
    session = await renew(request, storage)
    del session[_HANDED_OVER]
    return session


async def sign_in(
    request: web.Request, storage: SessionStorage, account: AccountId
) -> bytes | None:
    """Begin a session under a new token; the token of the sign-in page is worth nothing.

    Returns:
        The form that this account sent too late, kept on under the new token.
    """
    old = await get_session(request)
    late = await storage.kept(token_of(old), account)
    await storage.forget(old)
    await storage.drop(token_of(old))
    session = await new_session(request)
    session[_ACCOUNT] = str(account)
    if late is not None:
        await storage.keep(token_of(session), account, late)
    return late


async def sign_out(request: web.Request, storage: SessionStorage) -> None:
    """End the session in the store before the answer leaves, and give a new token."""
    await storage.forget(await get_session(request))
    session = await new_session(request)
    session.changed()


async def remember_saved(
    request: web.Request, sentence: str, undo: Undo | None = None
) -> None:
    """Keep the green line for the next page of this session, and what takes it back."""
    session = await get_session(request)
    if account_of(session) is not None:
        session[_SAVED] = sentence
        session[_UNDO] = [undo.address, dict(undo.kept)] if undo else None


async def take_saved(request: web.Request) -> tuple[str, Undo | None]:
    """The green line to show now, once; empty if there is none, or nobody to read it."""
    if is_watching(request):
        return "", None
    session = await get_session(request)
    sentence = session.get(_SAVED, "")
    if not sentence:
        return "", None
    undo = session.get(_UNDO)
    del session[_SAVED]
    session[_UNDO] = None
    return str(sentence), Undo(*undo) if undo else None
