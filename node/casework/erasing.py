"""Erasing groups of log entries: one step per transaction, each resumable.

Enters: groups and a ground. Leaves: ``log.erasure`` in the tree, a line in the deletion
register, no key any more, ``log.erased``. Must never happen: a key that goes before its
erasure is named in the tree and its line is synced; a held group that goes. Implements
exchange log 9.2, LR-40, LR-41, EL-4; ``eraser`` takes the steps one after the other.

    intent ----> registered ----> destroyed ----> (tidied) ----> done
                 replayed -----------^

``replayed`` is what a restore brought back: destroyed before the node opens, and named in
the tree as soon as the log may be written again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from node.errors import ConflictError, InputError, NotFoundError
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import (
    Basis,
    State,
    may_register,
    portions,
    ranges_of,
)
from node.exchangelog.kinds import EntryClass, EntryType
from node.report.keepview import Begun, KeepingUnit, Running
from node.sync.logbook import SYSTEM, Who
from node.sync.office import Office
from node.sync.rows import EntryDraft, Wake


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be erased, on what ground, and who stands behind it."""

    basis: Basis
    reference: str | None
    groups: tuple[bytes, ...]
    who: Who = SYSTEM


def begin(uow: KeepingUnit, office: Office, plan: Plan) -> bytes:
    """Steps 1 and 2, inside the caller's unit: no hold is open, the intent is named.

    Returns:
        The erasure's id.

    Raises:
        NotFoundError: A group has no entry that could be erased.
        InputError: A hold is open on one.
        ConflictError: Another erasure has one already.
    """
    named: dict[bytes, Sequence[int]] = {}
    for tag in sorted(plan.groups):
        indexes = uow.keeping.indexes(tag) if uow.keeping.lock(tag) else ()
        if not indexes:
            raise NotFoundError("no entries of this group")
        if uow.keeping.is_held(tag):
            raise InputError("group", "held")
        if uow.keeping.erasure_of(tag) is not None:
            raise ConflictError("it is being erased already")
        named[tag] = indexes
    every = [index for indexes in named.values() for index in indexes]
    ground = Ground(plan.basis, plan.reference, plan.who.role)
    intent = name_ranges(uow, office, EntryType.LOG_ERASURE, every, ground)
    erasure = office.randomness(16)
    uow.keeping.begin(
        Begun(
            erasure,
            plan.basis,
            plan.reference,
            intent,
            plan.who.account,
            plan.who.second,
        ),
        [(tag, indexes[-1] + 1) for tag, indexes in named.items()],
    )
    uow.wake(Wake.PUBLISH, "")
    return erasure


def begin_all(uow: KeepingUnit, office: Office, plan: Plan) -> bytes:
    """``begin`` in a transaction of its own."""
    with uow:
        erasure = begin(uow, office, plan)
        uow.commit()
    return erasure


@dataclass(frozen=True, slots=True)
class Ground:
    """What an entry about a hold or an erasure says besides its ranges."""

    basis: str
    reference: str | None
    role: str = "system"


def name_ranges(
    uow: KeepingUnit,
    office: Office,
    kind: EntryType,
    indexes: Iterable[int],
    ground: Ground,
    *,
    who: Who = SYSTEM,
) -> bytes:
    """Append as many entries as it takes to name all indexes; gives the last one's C.

    ``who`` stands only in entries that may be erased themselves.
    """
    at = office.clock.now()
    last = b""
    for ranges in portions(ranges_of(indexes)) or [()]:
        last = uow.log.append(
            EntryDraft(
                type=kind,
                at=at,
                group=GroupName.of_month(kind.retention, at),
                fields={
                    "basis": str(ground.basis),
                    "order_ref": ground.reference,
                    "ranges": [list(span) for span in ranges],
                },
                role=ground.role,
                actor=who.account,
                second=who.second,
                prev=last or None,
            )
        )
    return last


# ---- Steps -----------------------------------------------------------------------------


def register(uow: KeepingUnit, office: Office, erasure: bytes) -> bool:
    """Steps 3 and 4: once a witness has seen the intent, the keys are called destroyed.

    Returns:
        False while it has to wait: for a witness, or because of a hold.
    """
    with uow:
        found = uow.keeping.locked(erasure)
        tags = _locked(uow, erasure)
        if any(uow.keeping.is_held(tag) for tag in tags):
            return False
        if _name_rest(uow, office, found):
            uow.wake(Wake.PUBLISH, "")
            uow.commit()
            return False
        assert found.begun_at is not None
        assert found.intent is not None
        if not may_register(
            begun_at=found.begun_at,
            now=office.clock.now(),
            is_witnessed=uow.keeping.is_witnessed(found.intent, office.witness_name),
        ):
            return False
        uow.keeping.register(erasure)
        # Crash here: the next start finds the lines and destroys the keys before it opens.
        uow.keeping.move(erasure, State.INTENT, State.REGISTERED)
        uow.commit()
    return True


def destroy(uow: KeepingUnit, office: Office, erasure: bytes) -> int:
    """Step 5: bodies, foreign entries and keys go together; gives the number of entries."""
    with uow:
        count = _destroy(uow, office, uow.keeping.locked(erasure))
        uow.commit()
    return count


def name_replayed(uow: KeepingUnit, office: Office, erasure: bytes) -> None:
    """What was destroyed before the log could be written is named in the tree now."""
    with uow:
        found = uow.keeping.locked(erasure)
        ground = Ground(found.basis, found.reference)
        indexes = uow.keeping.erased_by(erasure)
        intent = name_ranges(uow, office, EntryType.LOG_ERASURE, indexes, ground)
        uow.keeping.renamed(erasure, intent, 0)
        uow.keeping.move(erasure, State.REPLAYED, State.DESTROYED)
        uow.wake(Wake.PUBLISH, "")
        uow.commit()


def close(uow: KeepingUnit, office: Office, erasure: bytes) -> None:
    """Step 7: the last entry; it names no range, ``prev`` leads to the intent."""
    at = office.clock.now()
    with uow:
        found = uow.keeping.locked(erasure)
        done = uow.log.append(
            EntryDraft(
                type=EntryType.LOG_ERASED,
                at=at,
                group=GroupName.of_month(EntryClass.PERMANENT, at),
                fields={
                    "basis": str(found.basis),
                    "order_ref": found.reference,
                    "ranges": [],
                },
                prev=found.intent,
            )
        )
        uow.keeping.move(erasure, State.DESTROYED, State.DONE, done)
        uow.wake(Wake.PUBLISH, "")
        uow.commit()


def replay(uow: KeepingUnit, office: Office) -> int:
    """SR-K6: before the node opens, what the register calls destroyed is destroyed.

    Either a crash came between the register's line and the commit, or a restore brought the
    keys back. Nothing is written into the log here: it may be older than its mark.

    Returns:
        How many groups there were.
    """
    with uow:
        outlived = [tag for tag in uow.keeping.outlived() if uow.keeping.lock(tag)]
        begun = {e.id: e for tag in outlived if (e := uow.keeping.erasure_of(tag))}
        for found in begun.values():
            if found.state is State.INTENT:
                uow.keeping.register(found.id)
                uow.keeping.move(found.id, State.INTENT, State.REGISTERED)
            _destroy(uow, office, found)
        rest = [tag for tag in outlived if uow.keeping.lock(tag)]
        if rest:
            erasure = office.randomness(16)
            for tag in rest:
                _release(uow, office, tag)
            restored = Begun(erasure, Basis.RESTORED, None, None)
            uow.keeping.begin(restored, [(tag, 0) for tag in rest])
            uow.keeping.destroy(erasure)
        uow.commit()
    return len(outlived)


def _destroy(uow: KeepingUnit, office: Office, found: Running) -> int:
    _locked(uow, found.id)
    _name_rest(uow, office, found)
    count = uow.keeping.destroy(found.id)
    uow.keeping.move(found.id, State.REGISTERED, State.DESTROYED)
    return count


def _locked(uow: KeepingUnit, erasure: bytes) -> list[bytes]:
    """The tags of an erasure's groups; nobody adds an entry to them from now on."""
    tags = [tag for tag, _ in uow.keeping.groups_of(erasure)]
    return [tag for tag in tags if uow.keeping.lock(tag)]


def _name_rest(uow: KeepingUnit, office: Office, found: Running) -> bool:
    """Name entries that came since the intent; False if there are none."""
    rest = [
        index
        for tag, named_to in uow.keeping.groups_of(found.id)
        for index in uow.keeping.indexes(tag, named_to)
    ]
    if rest:
        ground = Ground(found.basis, found.reference)
        intent = name_ranges(uow, office, EntryType.LOG_ERASURE, rest, ground)
        uow.keeping.renamed(found.id, intent, max(rest) + 1)
    return bool(rest)


def _release(uow: KeepingUnit, office: Office, tag: bytes) -> None:
    """A hold from before the restore: it had ended before the key was destroyed."""
    for hold, _ in uow.keeping.open_holds(tag):
        ground = Ground(Basis.RESTORED, None)
        places = uow.keeping.indexes(tag)
        entry = name_ranges(uow, office, EntryType.HOLD_RELEASED, places, ground)
        uow.keeping.release(hold, entry)
