"""Pairs of cases and merges in SQL, and the identities that are compared, opened.

Enters: pairs, merges, snapshots. Leaves: the same. Must never happen: a name in a clear
column; a snapshot that outlives the key of the case that stayed. Implements
``node.cases.matchports.Matches``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    Row,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from node.cases.matching import Band, Ground, Identity, Pair
from node.cases.matchports import Decision, KnownPair, Merge
from node.cases.model import Baton, Record
from node.crypto.casekey import FieldContext, open_field, seal_field
from node.errors import NotFoundError
from node.ids import AccountId, CaseId, RecordId
from node.store.casekeys import CaseKeys
from node.store.casetables import case_file, record
from node.store.matchingtables import case_merge, match_pair
from node.store.records import opened
from node.store.work import Work

_AT_ONCE: Final = 500

_COMPARED: Final = (
    case_file.c.wrapped.is_not(None),
    case_file.c.restricted_on.is_(None),
    case_file.c.baton.in_([Baton.ACTIVE, Baton.FROZEN, Baton.GRANTED]),
)
_OF: Final[BindParameter[Any]] = bindparam("cases", expanding=True)
_VERSIONS: Final = select(case_file.c.id, case_file.c.version).where(*_COMPARED)
_FILES: Final = select(case_file).where(*_COMPARED, case_file.c.id.in_(_OF))
_PERSONS: Final = select(record).where(
    record.c.kind == "person", record.c.case_id.in_(_OF)
)
_IS_PAIR: Final = (
    match_pair.c.one == bindparam("low"),
    match_pair.c.other == bindparam("high"),
)
_PAIRS: Final = select(match_pair).order_by(
    match_pair.c.band.desc(), match_pair.c.one, match_pair.c.other
)
_PAIRS_OF: Final = _PAIRS.where(
    or_(match_pair.c.one == bindparam("case"), match_pair.c.other == bindparam("case"))
)
_PAIR: Final = select(match_pair).where(*_IS_PAIR)
_ADD_PAIR: Final = insert(match_pair)
_CHANGE_PAIR: Final = update(match_pair).where(*_IS_PAIR)
_DROP_PAIR: Final = delete(match_pair).where(*_IS_PAIR)
_DROP_PAIRS_OF: Final = delete(match_pair).where(
    or_(match_pair.c.one == bindparam("case"), match_pair.c.other == bindparam("case"))
)
_MERGES: Final = select(case_merge).order_by(
    case_merge.c.merged_at.desc(), case_merge.c.id
)
_MERGES_OF: Final = _MERGES.where(
    or_(
        case_merge.c.survivor == bindparam("case"),
        case_merge.c.absorbed == bindparam("case"),
    )
)
_IS_MERGE: Final = case_merge.c.id == bindparam("merge")
_MERGE: Final = select(case_merge).where(_IS_MERGE).with_for_update()
_ADD_MERGE: Final = insert(case_merge)
_CHANGE_MERGE: Final = update(case_merge).where(_IS_MERGE)
_FORGET: Final = (
    update(case_merge)
    .where(
        or_(
            case_merge.c.survivor == bindparam("case"),
            case_merge.c.absorbed == bindparam("case"),
        )
    )
    .values(sealed=None)
)
_ONE_NOW: Final = select(case_merge.c.absorbed, case_merge.c.survivor).where(
    case_merge.c.undone_at.is_(None)
)


class SqlMatches:
    """Pairs and merges inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = CaseKeys(work)

    def mark(self) -> tuple[object, ...]:
        """Another one after everything written to any case, by any process."""
        return self._keys.mark()

    def versions(self) -> Mapping[CaseId, int]:
        """The version of every case that may be compared: held here, not restricted."""
        return {CaseId(row.id): row.version for row in self._work.rows(_VERSIONS)}

    def identities(self, cases: Collection[CaseId]) -> Sequence[Identity]:
        """What is compared of these persons, opened; those that are gone are left out."""
        found: list[Identity] = []
        ids = list(cases)
        for start in range(0, len(ids), _AT_ONCE):
            some = {"cases": ids[start : start + _AT_ONCE]}
            files = {row.id: row for row in self._work.rows(_FILES, some)}
            for row in self._work.rows(_PERSONS, some):
                if row.case_id in files:
                    file = files[row.case_id]
                    found.append(_identity(file, opened(row, self._keys.of(file))))
        return found

    def pairs(self, case: CaseId | None = None) -> Sequence[KnownPair]:
        """Pairs of one case, or all; strong ones first."""
        if case is None:
            return [self._known(row) for row in self._work.rows(_PAIRS)]
        return [self._known(row) for row in self._work.rows(_PAIRS_OF, {"case": case})]

    def pair(self, one: CaseId, other: CaseId) -> KnownPair | None:
        """One pair, in whichever order, or None."""
        row = self._work.row(_PAIR, _place_of(one, other))
        return None if row is None else self._known(row)

    def put_pair(self, known: KnownPair) -> None:
        """Insert, or replace the one of the same cases."""
        pair = known.pair
        row = self._keys.row(pair.one)
        context = _pair_place(pair.one, pair.other, row.epoch)
        columns = {
            "band": pair.band,
            "grounds": list(pair.grounds),
            "epoch": row.epoch,
            "sealed": seal_field(
                self._keys.of(row), context, known.digest, self._work.randomness
            ),
            "found_at": known.found_at,
            "decision": known.decision,
            "decided_at": known.decided_at,
            "decided_by": known.decided_by,
        }
        place = _place_of(*pair.key)
        if self._work.change(_CHANGE_PAIR, columns | place) == 0:
            ids = {"one": pair.one, "other": pair.other}
            self._work.change(_ADD_PAIR, columns | ids)

    def drop_pairs(self, pairs: Iterable[Pair]) -> None:
        """Forget these."""
        for pair in pairs:
            self._work.change(_DROP_PAIR, _place_of(*pair.key))

    def merges(self, case: CaseId | None = None) -> Sequence[Merge]:
        """Merges that this case is part of, or all, newest first."""
        if case is None:
            return [_merge(row) for row in self._work.rows(_MERGES)]
        return [_merge(row) for row in self._work.rows(_MERGES_OF, {"case": case})]

    def merge(self, merge: RecordId) -> Merge:
        """One merge, locked.

        Raises:
            NotFoundError: No such merge.
        """
        return _merge(self._row(merge))

    def put_merge(self, merge: Merge, snapshot: bytes | None) -> None:
        """Insert or replace; the snapshot is sealed under the survivor's key."""
        sealed = None
        if snapshot is not None:
            key = self._keys.of(self._keys.row(merge.survivor))
            context = _merge_place(merge)
            sealed = seal_field(key, context, snapshot, self._work.randomness)
        columns = {
            "survivor": merge.survivor,
            "absorbed": merge.absorbed,
            "epoch": merge.epoch,
            "merged_at": merge.merged_at,
            "merged_by": merge.merged_by,
            "undo_until": merge.undo_until,
            "moved": list(merge.moved),
            "taken": list(merge.taken),
            "undone_at": merge.undone_at,
            "ended_at": merge.ended_at,
            "sealed": sealed,
        }
        if self._work.change(_CHANGE_MERGE, columns | {"merge": merge.id}) == 0:
            self._work.change(_ADD_MERGE, columns | {"id": merge.id})

    def snapshot(self, merge: Merge) -> bytes | None:
        """What an undo needs, or what waits to be assigned after one."""
        sealed = self._row(merge.id).sealed
        if sealed is None:
            return None
        key = self._keys.of(self._keys.row(merge.survivor))
        return open_field(key, _merge_place(merge), sealed)

    def _row(self, merge: RecordId) -> Row[*tuple[Any, ...]]:
        row = self._work.row(_MERGE, {"merge": merge})
        if row is None:
            raise NotFoundError("merge")
        return row

    def _known(self, row: Row[*tuple[Any, ...]]) -> KnownPair:
        one, other = CaseId(row.one), CaseId(row.other)
        key = self._keys.of(self._keys.row(one))
        grounds = tuple(Ground(ground) for ground in row.grounds)
        return KnownPair(
            pair=Pair(one, other, Band(row.band), grounds),
            digest=open_field(key, _pair_place(one, other, row.epoch), row.sealed),
            found_at=row.found_at,
            decision=Decision(row.decision),
            decided_at=row.decided_at,
            decided_by=AccountId(row.decided_by) if row.decided_by else None,
        )


def one_now(work: Work) -> dict[str, str]:
    """What absorbed cases are called now: the id of the case that stayed."""
    names = {row.absorbed: row.survivor for row in work.rows(_ONE_NOW)}
    for absorbed, survivor in list(names.items()):
        last = survivor
        while last in names:
            last = names[last]
        names[absorbed] = last
    return names


def forget_matches(work: Work, case: CaseId) -> None:
    """The case was shredded: no pair names it, no snapshot holds anything of it."""
    work.change(_DROP_PAIRS_OF, {"case": case})
    work.change(_FORGET, {"case": case})


def _place_of(one: CaseId, other: CaseId) -> dict[str, str]:
    low, high = sorted((one, other))
    return {"low": low, "high": high}


def _pair_place(one: str, other: str, epoch: int) -> FieldContext:
    return FieldContext("match_pair", "sealed", other, one, epoch)


def _merge_place(merge: Merge) -> FieldContext:
    return FieldContext("case_merge", "sealed", merge.id, merge.survivor, merge.epoch)


def _merge(row: Row[*tuple[Any, ...]]) -> Merge:
    return Merge(
        id=RecordId(row.id),
        survivor=CaseId(row.survivor),
        absorbed=CaseId(row.absorbed),
        epoch=row.epoch,
        merged_at=row.merged_at,
        merged_by=AccountId(row.merged_by) if row.merged_by else None,
        undo_until=row.undo_until,
        moved=tuple(RecordId(record) for record in row.moved),
        taken=tuple(row.taken),
        undone_at=row.undone_at,
        ended_at=row.ended_at,
    )


def _identity(file: Row[*tuple[Any, ...]], person: Record) -> Identity:
    values = person.values
    called = f"{person.text('given_names')} {person.text('family_name')}".strip()
    birth_name = person.text("birth_name")
    others = [f"{person.text('given_names')} {birth_name}"] if birth_name else []
    for name in ("name_in_document", "aliases", "name_other_script"):
        others += _texts(values.get(name))
    return Identity(
        case=CaseId(file.id),
        names=tuple(name for name in (called, *others) if name),
        birth=person.text("birth_date"),
        fictitious=values.get("birth_date_fictitious") is True,
        phones=frozenset(_texts(values.get("phones"))),
        household=RecordId(file.household) if file.household else None,
        former=frozenset(_texts(values.get("former_ids"))),
    )


def _texts(value: object) -> Iterator[str]:
    """A text, a list of texts, or entries with a text."""
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, str):
            yield item
        elif isinstance(item, Mapping) and isinstance(item.get("text"), str):
            yield item["text"]
