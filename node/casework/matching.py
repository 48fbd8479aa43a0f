"""Who may be here twice: finding candidates, and what a person says about them.

Enters: cases that changed; a decision. Leaves: pairs that wait for somebody. Must never
happen: two cases united by this room; an import that waits for it; a pair proposed again
that somebody called two persons, before a name or a birth date changes. Implements the
field document, chapter 8; DO-31, DO-44, SC-55.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from node.accounts.model import Reading, Role
from node.accounts.policy import Actor, Relation, allowed, require
from node.cases.days import local_day
from node.cases.matching import Pair, find_pairs
from node.cases.matchports import Decision, KnownPair
from node.cases.model import Baton, CaseFile
from node.errors import InputError, NotFoundError
from node.ids import CaseId, TransferId
from node.report.identities import Changed, Everybody, Identities, changed
from node.report.readings import ReadingUnit
from node.sync.office import Office
from node.sync.ports import UnitOfWork

log = structlog.get_logger("matching")
IN_HAND: Final = timedelta(days=30)
"""How long after the import an approver still has a transfer in hand."""


class Runs(Protocol):
    """The store, as a thread uses it."""

    def read_sync(self, use_case: Callable[..., Any], *args: Any) -> Any:
        """Run a query."""
        ...

    def write_sync(self, use_case: Callable[..., Any], *args: Any) -> Any:
        """Run a unit of work, durable on return."""
        ...


class Matcher:
    """Compares what changed since the last time; slow at first, so it belongs into a thread."""

    def __init__(self, store: Runs, office: Office, known: Identities) -> None:
        """Prepare; nothing is read yet."""
        self._store = store
        self._office = office
        self._known = known
        self._compared: Everybody = {}

    def __call__(self) -> None:
        """Everybody who changed against everybody."""
        known = self._store.read_sync(everybody, self._known)
        since = changed(self._compared, known)
        if since.others or since.gone:
            pairs = pairs_with(since.others, known)
            self._store.write_sync(note_pairs, self._office, since, pairs)
            log.info("cases compared", count=len(since.others))
        self._compared = known


def everybody(uow: UnitOfWork, known: Identities) -> Everybody:
    """Everybody who is compared, as this unit sees them."""
    return known.refresh(uow.matches)


def pairs_with(cases: Collection[CaseId], known: Everybody) -> Mapping[Pair, bytes]:
    """The pairs these cases are part of, each with what a decision about it rests on."""
    found = find_pairs(known.values(), cases)
    return {pair: rests_on(pair, known) for pair in found}


def rests_on(pair: Pair, known: Everybody) -> bytes:
    """What a decision about a pair rests on, as a digest."""
    parts = (known[case].digest for case in pair.key)
    return hashlib.sha256(b"".join(parts)).digest()


def note_pairs(
    uow: UnitOfWork,
    office: Office,
    since: Changed,
    pairs: Mapping[Pair, bytes],
) -> int:
    """Keep what was found, forget what is none any more; gives how many pairs are new.

    What somebody decided stays while both names and birth dates stay.
    """
    now = office.clock.now()
    new = 0
    with uow:
        keys = {pair.key for pair in pairs}
        for case in since.others | since.gone:
            over = [k for k in uow.matches.pairs(case) if k.pair.key not in keys]
            if case in since.gone:
                over = [k for k in over if k.is_open]
            uow.matches.drop_pairs(known.pair for known in over)
        for pair, digest in pairs.items():
            known = uow.matches.pair(*pair.key)
            if known is None or known.digest != digest:
                uow.matches.put_pair(KnownPair(pair, digest, now))
                new += 1
            elif known.pair != pair:
                uow.matches.put_pair(replace(known, pair=pair))
        uow.commit()
    return new


# -- Who may ------------------------------------------------------------------------------


def is_in_hand(file: CaseFile, on: date) -> bool:
    """Whether the transfer that brought a case is still in an approver's hand."""
    began = file.responsible_from
    return file.came_from is not None and began is not None and on < began + IN_HAND


def may_open_both(by: Actor, files: Sequence[CaseFile], on: date) -> bool:
    """Whether this person may see both cases side by side, and unite them.

    A caseworker must hold both, or hold one while nobody holds the other; an approver has
    one of them in hand.
    """
    own = [file.caseworker is None or by.owns(file.caseworker) for file in files]
    is_own = all(own) and any(by.owns(file.caseworker) for file in files)
    if Role.CASEWORKER in by.roles and is_own and by.account is not None:
        return True
    return Role.APPROVER in by.roles and any(is_in_hand(file, on) for file in files)


def _has_one(by: Actor, files: Sequence[CaseFile], on: date) -> bool:
    is_own = any(by.owns(file.caseworker) for file in files)
    if Role.CASEWORKER in by.roles and is_own and by.account is not None:
        return True
    return Role.APPROVER in by.roles and any(is_in_hand(file, on) for file in files)


def require_pair(
    uow: UnitOfWork,
    by: Actor,
    cases: Sequence[CaseId],
    action: str,
    *,
    on: date,
    whole: bool = True,
) -> tuple[CaseFile, CaseFile]:
    """The files of two cases, if this person may do this with them.

    Args:
        uow: A unit of work.
        by: Who asks.
        cases: Two of them.
        action: A line of the permission table.
        on: Today.
        whole: Both are opened; without it one of them must be in the person's hand.

    Raises:
        ForbiddenError: Nobody with these roles may.
        NotFoundError: No such cases, or in other hands: both look the same (SR-B9).
    """
    require(by, action, relation=Relation.OWN)
    one, other = (uow.cases.file(case) for case in cases)
    check = may_open_both if whole else _has_one
    relation = Relation.OWN if check(by, (one, other), on) else Relation.ANY
    is_restricted = one.restricted_on is not None or other.restricted_on is not None
    if not allowed(by, action, relation=relation) or is_restricted:
        raise NotFoundError("case")
    return one, other


def note_looks(
    uow: ReadingUnit, cases: Iterable[CaseId], *, by: Actor, at: datetime
) -> None:
    """Write down who compared these cases (SR-D5)."""
    with uow:
        for case in cases:
            if by.account is not None:
                uow.read_log.add(Reading(by.account, case, at, "match.decide"))
        uow.commit()


# -- What a person says -------------------------------------------------------------------


def decide(
    uow: UnitOfWork,
    office: Office,
    cases: tuple[CaseId, CaseId],
    decision: Decision,
    *,
    by: Actor,
) -> None:
    """Say that two cases are two persons, or that somebody decides later.

    Raises:
        NotFoundError: No such pair, or in other hands.
        InputError: That they are one is said by uniting them.
    """
    now = office.clock.now()
    with uow:
        require_pair(uow, by, cases, "match.decide", on=local_day(now), whole=False)
        known = uow.matches.pair(*cases)
        if known is None or not known.is_open:
            raise NotFoundError("pair")
        if decision not in {Decision.NOT_SAME, Decision.LATER}:
            raise InputError("decision", "missing")
        uow.matches.put_pair(
            replace(known, decision=decision, decided_at=now, decided_by=by.account)
        )
        uow.commit()


def open_pairs(
    uow: UnitOfWork, cases: Collection[CaseId], *, at: datetime | None = None
) -> Sequence[KnownPair]:
    """Pairs with one of these cases that wait for somebody, both still worked on here.

    Args:
        uow: A reading unit.
        cases: Whose pairs.
        at: Only those that are due at this instant.
    """
    found = {
        known.pair.key: known
        for case in cases
        for known in uow.matches.pairs(case)
        if known.is_open and (at is None or known.is_due(at))
    }
    return [known for known in found.values() if _are_here(uow, known.pair)]


def pairs_of_caseload(
    uow: UnitOfWork, by: Actor, *, at: datetime
) -> Sequence[KnownPair]:
    """What stands on the worklist of a caseworker as "to compare"."""
    return [
        known
        for known in uow.matches.pairs()
        if known.is_due(at)
        and _are_here(uow, known.pair)
        and any(by.owns(uow.cases.file(c).caseworker) for c in known.pair.key)
    ]


def pairs_of_transfer(uow: UnitOfWork, transfer: TransferId) -> Sequence[KnownPair]:
    """The open pairs of the cases that a transfer brought."""
    return open_pairs(uow, [case for case, _ in uow.inbound.cases(transfer)])


def _are_here(uow: UnitOfWork, pair: Pair) -> bool:
    return all(
        (file := uow.cases.find_file(case)) is not None
        and file.baton is Baton.ACTIVE
        and file.restricted_on is None
        for case in pair.key
    )
