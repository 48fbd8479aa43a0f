"""What both ends said about a transfer after its key had left.

Enters: the statements of sender and recipient, verified when they were taken. Leaves:
notices of withdrawal with their answers, requests to return, first contact, where the case
went. Must never happen: an answer that counts for a notice its author had not yet read.
Implements HO-21, FR-24, FR-29, FR-30; rooms for pages and tasks read it, nothing writes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from node.crypto.base64url import unb64u
from node.sync.bodies import (
    FirstContactBody,
    Memory,
    PassedOnBody,
    ReturnAnswerBody,
    ReturnRequestBody,
    WithdrawalAnswerBody,
    WithdrawalBody,
)
from node.sync.message import Claims, parse_claims


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of the data of one notice, as its holder said."""

    body: WithdrawalAnswerBody
    at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One withdrawal after the grant; ``answers`` are those about it, oldest first."""

    body: WithdrawalBody
    at: datetime
    answers: tuple[Answered, ...]

    @property
    def open_tags(self) -> frozenset[bytes]:
        """The cases that nobody has answered for."""
        said = {tag for answer in self.answers for tag in answer.body.tags}
        return frozenset(self.body.tags) - said


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to hand the case back; ``declined`` is the answer, if it is a no."""

    body: ReturnRequestBody
    at: datetime
    declined: ReturnAnswerBody | None
    declined_at: datetime | None


@dataclass(frozen=True, slots=True)
class Aftermath:
    """Everything of one transfer that came after the key."""

    notices: tuple[Notice, ...] = ()
    asked: tuple[Asked, ...] = ()
    first_contact: FirstContactBody | None = None
    passed_on: PassedOnBody | None = None

    @property
    def open_notices(self) -> tuple[Notice, ...]:
        """Notices that still wait for an answer about some case."""
        return tuple(notice for notice in self.notices if notice.open_tags)

    @property
    def open_request(self) -> Asked | None:
        """The newest request, unless it was declined."""
        newest = self.asked[-1] if self.asked else None
        return newest if newest is not None and newest.declined is None else None


def aftermath_of(of_sender: Iterable[str], of_recipient: Iterable[str]) -> Aftermath:
    """Read the statements of both ends, each in the order of its chain.

    Args:
        of_sender: JWS of the sender's statements about one transfer.
        of_recipient: JWS of the recipient's; each was verified when it came or went.
    """
    sent = [_claims(jws) for jws in of_sender]
    heard = [_claims(jws) for jws in of_recipient]
    first = [c.b for c in heard if isinstance(c.b, FirstContactBody)]
    onward = [c.b for c in heard if isinstance(c.b, PassedOnBody)]
    return Aftermath(
        notices=tuple(_notices(sent, heard)),
        asked=tuple(_requests(sent, heard)),
        first_contact=first[0] if first else None,
        passed_on=onward[-1] if onward else None,
    )


def _claims(jws: str) -> Claims:
    return parse_claims(unb64u(jws.split(".")[1]))


def _notices(sent: Sequence[Claims], heard: Sequence[Claims]) -> Iterable[Notice]:
    for claims in sent:
        if isinstance(claims.b, WithdrawalBody):
            about = set(claims.b.tags)
            answers = tuple(
                Answered(answer.b, answer.iat)
                for answer in heard
                if isinstance(answer.b, WithdrawalAnswerBody)
                and about & set(answer.b.tags)
                and _had_read(answer.got, claims)
            )
            yield Notice(claims.b, claims.iat, answers)


def _requests(sent: Sequence[Claims], heard: Sequence[Claims]) -> Iterable[Asked]:
    for claims in sent:
        if isinstance(claims.b, ReturnRequestBody):
            no = next((a for a in heard if _declines(a, claims)), None)
            body = no.b if no is not None else None
            assert body is None or isinstance(body, ReturnAnswerBody)
            yield Asked(claims.b, claims.iat, body, no.iat if no else None)


def _declines(answer: Claims, request: Claims) -> bool:
    return isinstance(answer.b, ReturnAnswerBody) and _had_read(answer.got, request)


def _had_read(got: Memory | None, said: Claims) -> bool:
    """Whether who answered had taken this statement by then (claim ``got``).

    A newer incarnation goes on from what the audience held, so it counts as later.
    """
    link = said.link
    if got is None or link is None:
        return False
    return (got.inc, got.seq) >= (link.inc, link.seq)
