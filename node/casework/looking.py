"""Looks into the exchange log are themselves on record, and the log ties them down.

Enters: who looked at what. Leaves: rows of the read log, and at the end of a session one
entry ``audit.viewed`` with their number and digest; what was uncovered for whom. Must never
happen: entries shown without a row; a row removed later without a trace; a case number
shown for the asking of one person. Implements exchange-log 3.3 (``audit.*``), LR-2, SR-D5,
``log.reveal``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from node.accounts.looking import (
    AREA,
    NOTHING,
    READING_LIFE,
    SESSION_END,
    LookSession,
    digest_of,
    pseudonym,
)
from node.accounts.model import Reading, Role
from node.accounts.policy import Actor, allowed, require
from node.accounts.ports import Reveals
from node.accounts.reveal import MOST_REASON, REVEAL_LIFE, RevealWish
from node.casework.auditing import role_of
from node.crypto.commit import check_opening
from node.errors import (
    ConflictError,
    ErasedError,
    InputError,
    MalformedMessageError,
    NotFoundError,
    SealError,
)
from node.exchangelog.entry import GroupName, parse_entry
from node.exchangelog.kinds import ActorRole, EntryClass, EntryType
from node.ids import AccountId, CaseId, Hex128, TransferId
from node.report.logaudit import LogAuditUnit
from node.sync.office import Office
from node.sync.rows import EntryDraft, Wake

_OF_TRANSFERS: Final = frozenset({"preview.open"})
"""Actions whose row names a transfer instead of a case."""


class LookUnit(LogAuditUnit, Protocol):
    """A unit of work that knows who looked."""

    @property
    def reveals(self) -> Reveals:
        """Wishes to uncover."""
        ...


@dataclass(frozen=True, slots=True)
class Line:
    """One line of who looked, by pseudonyms.

    ``tied`` says whether the log vouches for it: None while its session goes on, or where
    the log vouches for nothing (a case that was read).
    """

    id: str
    at: datetime
    who: str
    role: str
    what: str
    action: str
    transfer: TransferId | None
    tied: bool | None


# -- Looks -------------------------------------------------------------------------------


def note_look(
    uow: LookUnit,
    office: Office,
    action: str,
    subject: TransferId | None = None,
    *,
    by: Actor,
    is_whole: bool = False,
) -> None:
    """Write down that somebody looked.

    Args:
        uow: The transaction.
        office: Clock.
        action: What was shown, like ``list``.
        subject: The transfer, None where it was the log as a whole.
        by: Who looked.
        is_whole: The session is over with this look: a check, a command.
    """
    require(by, "log.read")
    assert by.account is not None
    now = office.clock.now()
    with uow:
        uow.read_log.add(
            Reading(by.account, subject or NOTHING, now, f"{AREA}{action}")
        )
        if is_whole:
            _tie(uow, by.account, role_of(by.roles), now)
        uow.commit()


def ended(uow: LookUnit, office: Office) -> bool:
    """Whether a session of looks is over and in no entry yet."""
    last = office.clock.now() - SESSION_END
    return any(
        open_[-1].at <= last
        for account in uow.read_log.lookers()
        if (open_ := _untied(uow, account))
    )


def tie_ended(uow: LookUnit, office: Office) -> int:
    """Put every session that ended into the log; gives their number."""
    now, tied = office.clock.now(), 0
    with uow:
        for account in uow.read_log.lookers():
            open_ = _untied(uow, account)
            if open_ and open_[-1].at + SESSION_END <= now:
                roles = uow.accounts.get(account).roles
                _tie(uow, account, role_of(roles), now)
                tied += 1
        uow.commit()
    return tied


def _untied(uow: LookUnit, account: AccountId) -> Sequence[Reading]:
    ends = [s.last_at for s in uow.read_log.sessions() if s.account == account]
    return uow.read_log.looks_of(account, max(ends, default=None))


def _tie(uow: LookUnit, account: AccountId, role: ActorRole, now: datetime) -> None:
    """One entry for all looks since the last one, in the transaction of the last look."""
    rows = _untied(uow, account)
    entry = uow.log.append(
        EntryDraft(
            type=EntryType.AUDIT_VIEWED,
            at=now,
            group=GroupName.of_month(EntryClass.AUDIT, now),
            fields={"count": len(rows), "digest": digest_of(rows)},
            role=role,
            actor=account,
        )
    )
    uow.read_log.add_session(LookSession(entry, account, rows[0].at, rows[-1].at))
    uow.wake(Wake.PUBLISH, "")


# -- Who looked --------------------------------------------------------------------------


def looks(
    uow: LookUnit, office: Office, since: datetime, *, by: Actor
) -> Sequence[Line]:
    """Everything the read log holds from an instant on, newest first."""
    require(by, "access_log.read")
    key, now = office.keyring.tag_key, office.clock.now()
    roles = {account.id: account.roles for account in uow.accounts.all()}
    sessions = [
        (session, _holds(uow, session, now))
        for session in uow.read_log.sessions()
        if session.last_at >= since
    ]
    found = []
    for reading in reversed(uow.read_log.since(since)):
        is_look = reading.action.startswith(AREA)
        is_transfer = is_look or reading.action in _OF_TRANSFERS
        found.append(
            Line(
                id=reading.id,
                at=reading.at,
                who=pseudonym(key, "account", reading.account),
                role=min(roles.get(reading.account, frozenset()), default=""),
                what="" if is_transfer else pseudonym(key, "case", reading.case),
                action=reading.action,
                transfer=TransferId(reading.case)
                if is_transfer and reading.case != NOTHING
                else None,
                tied=_tied(reading, sessions) if is_look else None,
            )
        )
    return found


def broken_sessions(
    uow: LookUnit, office: Office, *, by: Actor
) -> Sequence[LookSession]:
    """Sessions whose rows are not those that their entry names: somebody removed some."""
    require(by, "access_log.read")
    now = office.clock.now()
    return [s for s in uow.read_log.sessions() if _holds(uow, s, now) is False]


def _tied(
    reading: Reading, sessions: Sequence[tuple[LookSession, bool | None]]
) -> bool | None:
    for session, holds in sessions:
        if session.account == reading.account and (
            session.first_at <= reading.at <= session.last_at
        ):
            return holds
    return None


def _holds(uow: LookUnit, session: LookSession, now: datetime) -> bool | None:
    """Whether the rows are those of the entry; None once either may be gone by its time."""
    if session.first_at <= now - READING_LIFE:
        return None
    try:
        shown = uow.log.opening(session.entry)
        if shown is None:
            return None
        entry = parse_entry(check_opening(session.entry, shown))
    except ErasedError:
        return None
    except (NotFoundError, SealError, MalformedMessageError):
        return False
    rows = [
        row
        for row in uow.read_log.looks_of(session.account, None)
        if session.first_at <= row.at <= session.last_at
    ]
    named = (entry.more["count"], entry.more["digest"])
    return named == (len(rows), digest_of(rows))


# -- Uncovering --------------------------------------------------------------------------


def ask_reveal(
    uow: LookUnit, office: Office, subject: str, reason: str, *, by: Actor
) -> Hex128:
    """Ask to see which cases a transfer, or a line of the read log, is about.

    Raises:
        InputError: No reason, or a very long one.
        NotFoundError: There is nothing of this name.
    """
    require(by, "log.read")
    assert by.account is not None
    if not reason.strip() or len(reason) > MOST_REASON:
        raise InputError("reason", "too_long" if reason.strip() else "missing")
    wish = RevealWish(
        Hex128.of(office.randomness(16)),
        subject,
        reason.strip(),
        by.account,
        office.clock.now(),
    )
    with uow:
        _cases(uow, subject)
        uow.reveals.add(wish)
        uow.commit()
    return wish.id


def confirm_reveal(
    uow: LookUnit, office: Office, wish_id: Hex128, *, by: Actor
) -> None:
    """The second person, of the other role, agrees: an entry, and it is shown.

    Raises:
        ForbiddenError: The same person, or the same role.
        ConflictError: Confirmed before, or the wish has lapsed.
    """
    now = office.clock.now()
    with uow:
        wish = uow.reveals.get(wish_id)
        first = uow.accounts.get(wish.asked_by)
        require(Actor(first.id, first.roles), "log.reveal", second=by)
        assert by.account is not None
        if not wish.is_waiting(now):
            raise ConflictError("the wish is over")
        uow.reveals.confirm(wish_id, by.account, now)
        uow.log.append(
            EntryDraft(
                type=EntryType.AUDIT_REVEALED,
                at=now,
                group=GroupName.of_month(EntryClass.AUDIT, now),
                fields={"target": wish.subject},
                role=role_of(first.roles),
                actor=first.id,
                second=by.account,
            )
        )
        uow.wake(Wake.PUBLISH, "")
        uow.commit()


def wishes(
    uow: LookUnit, office: Office, *, by: Actor
) -> Sequence[tuple[RevealWish, bool]]:
    """Those that wait or are shown now, newest first; what lapsed is gone.

    Returns:
        Each with whether this account is a second person for it.
    """
    require(by, "log.read")
    now = office.clock.now()
    roles = {account.id: account.roles for account in uow.accounts.all()}
    return [
        (wish, wish.is_waiting(now) and _may_agree(wish, roles, by))
        for wish in uow.reveals.since(now - 2 * REVEAL_LIFE)
        if wish.is_waiting(now) or wish.is_shown(now)
    ]


def _may_agree(
    wish: RevealWish, roles: Mapping[AccountId, frozenset[Role]], by: Actor
) -> bool:
    first = Actor(wish.asked_by, roles.get(wish.asked_by, frozenset()))
    return allowed(first, "log.reveal", second=by)


def revealed(
    uow: LookUnit, office: Office, wish_id: Hex128, *, by: Actor
) -> Sequence[CaseId]:
    """The case numbers of a confirmed wish.

    Raises:
        NotFoundError: Not confirmed, lapsed, or asked by and for other people.
    """
    require(by, "log.read")
    wish = uow.reveals.get(wish_id)
    is_party = by.account in {wish.asked_by, wish.confirmed_by}
    if not is_party or not wish.is_shown(office.clock.now()):
        raise NotFoundError("reveal")
    return _cases(uow, wish.subject)


def _cases(uow: LookUnit, subject: str) -> Sequence[CaseId]:
    """The cases behind a subject.

    Raises:
        NotFoundError: There are none here.
    """
    kind, _, name = subject.partition(":")
    if kind == "reading":
        line = uow.read_log.line(name)
        if line.action.startswith(AREA) or line.action in _OF_TRANSFERS:
            raise NotFoundError("case")
        return [CaseId(line.case)]
    found = uow.outbound.find(TransferId(name)) if kind == "transfer" else None
    if found is None:
        raise NotFoundError("transfer")
    return [member.case for member in found.members]
