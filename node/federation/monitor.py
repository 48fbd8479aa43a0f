"""Fetching the heads that logs publish, and proofs that they go on: one monitoring cycle.

Enters: addresses, log keys, what was remembered. Leaves: how each log stands, and what to
remember next. Must never happen: a head remembered that was not shown to go on; an answer
read without a bound; anything written here, since people are told first (EL-16).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp

from node import strictjson
from node.crypto.base64url import unb64u
from node.crypto.checkpoint import Checkpoint, NoteKey, open_checkpoint
from node.errors import MalformedMessageError, SignatureError, UnreachableError
from node.exchangelog.monitor import Seen, judge_head
from node.exchangelog.witness import ANSWER_BYTES, MAX_PROOF_LINES, Extension
from node.federation.caller import CheckedResolver

TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Target:
    """A log to look at: a name for people, its address, its key, heads heard elsewhere."""

    name: str
    url: str
    key: NoteKey
    heard: tuple[Checkpoint, ...] = ()


@dataclass(frozen=True, slots=True)
class Observed:
    """How one log stands.

    ``seen`` is None where nothing could be judged; ``problem`` then says why:
    ``unreachable``, ``empty`` (normal), ``signature``. ``forks`` are heads heard elsewhere
    that do not lie on what is published, ``lies_on`` those that do.
    """

    target: Target
    seen: Seen | None
    head: Checkpoint | None = None
    problem: str = ""
    forks: tuple[Checkpoint, ...] = ()
    lies_on: tuple[Checkpoint, ...] = ()


async def look(
    targets: Sequence[Target],
    known: Mapping[str, Checkpoint],
    *,
    networks: Sequence[str],
    demo: bool,
) -> list[Observed]:
    """Fetch and verify every log once, side by side."""
    connector = aiohttp.TCPConnector(resolver=CheckedResolver(networks, loopback=demo))
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
    ) as session:
        fetch = _Fetch(session, demo=demo)
        return list(
            await asyncio.gather(
                *(_look_at(fetch, item, known.get(item.key.name)) for item in targets)
            )
        )


async def _look_at(
    fetch: "_Fetch", target: Target, known: Checkpoint | None
) -> Observed:
    try:
        note = await fetch.text(target.url, "/log/checkpoint")
        if note is None:
            return Observed(target, None, problem="empty")
        head = open_checkpoint(note, target.key)
        proof = await fetch.proof(target.url, known, head) if known else None
        seen = judge_head(known, head, proof)
        forks, lies_on = [], []
        for heard in target.heard:
            path = await fetch.proof(target.url, heard, head)
            match judge_head(heard, head, path):
                case Seen.FORK:
                    forks.append(heard)
                case Seen.SAME | Seen.GREW:
                    lies_on.append(heard)
    except UnreachableError:
        return Observed(target, None, problem="unreachable")
    except (MalformedMessageError, SignatureError):
        return Observed(target, None, problem="signature")
    return Observed(target, seen, head, forks=tuple(forks), lies_on=tuple(lies_on))


class _Fetch:
    """Bounded reads from the public routes of a node."""

    def __init__(self, session: aiohttp.ClientSession, *, demo: bool) -> None:
        self._session = session
        self._demo = demo

    async def text(self, base: str, path: str) -> str | None:
        """A text, None if there is none there."""
        url = base.rstrip("/") + path
        if urlsplit(url).scheme != "https" and not self._demo:
            raise UnreachableError("address is not https")
        try:
            async with self._session.get(url, allow_redirects=False) as response:
                body = b""
                while len(body) <= ANSWER_BYTES:
                    piece = await response.content.read(ANSWER_BYTES + 1 - len(body))
                    if not piece:
                        break
                    body += piece
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise UnreachableError(type(error).__name__) from None
        if response.status == HTTPStatus.NOT_FOUND:
            return None
        if response.status != HTTPStatus.OK or len(body) > ANSWER_BYTES:
            raise UnreachableError("unexpected answer")
        try:
            return body.decode("utf-8")
        except UnicodeDecodeError:
            raise MalformedMessageError("text") from None

    async def proof(
        self, base: str, one: Checkpoint, other: Checkpoint
    ) -> Extension | None:
        """A consistency proof from the smaller to the larger of two heads."""
        old, new = sorted((one.size, other.size))
        if old in {0, new}:
            return Extension(old, ())
        text = await self.text(base, f"/log/consistency?from={old}&to={new}")
        if text is None:
            return None
        steps = strictjson.parse_object(text.encode()).get("path")
        if not isinstance(steps, list) or len(steps) > MAX_PROOF_LINES:
            raise MalformedMessageError("path")
        return Extension(old, tuple(unb64u(str(step)) for step in steps))
