"""The town's own list: tried without a trace, then taken in as it was tried.

Enters: a list that was read, what a person decided, and for taking in the digest of the
trial. Leaves: an ``ImportPlan``; taking in also leaves cases and records, in one
transaction, and a note of each, so that it can be taken back. Must never happen: an import
nobody has seen as a trial; a trial that writes; an entry of a list that counts as our own
work unless somebody said so. Implements chapter 7 of the field document (Dry run, Apply),
FR-8, DO-42.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Protocol

from node.accounts.policy import Actor, require
from node.cases.days import local_day
from node.cases.folding import fold, name_likeness
from node.cases.importports import Imports, Taken
from node.cases.model import Baton, CaseContent, CaseFile, Origin, PartialDate, Record
from node.cases.townchoices import Choices
from node.cases.townlist import TownList
from node.cases.townplan import Change, ImportPlan, Known, name_key, plan_import
from node.cases.townrow import Newcomer, Notice, place_key
from node.cases.towntalks import plan_talks
from node.crypto.keys import Randomness
from node.errors import ConflictError
from node.ids import AccountId, Ags, CaseId, MemberId, RecordId, uuid7
from node.report.readings import PersonRow, ReadingUnit
from node.strictjson import JsonObject
from node.trust.places import shipped_places

_LIKE: Final = 0.9
Progress = Callable[[int, int], None]
"""Told how many rows of how many are written."""


class ImportUnit(ReadingUnit, Protocol):
    """A unit of work that can take lists in."""

    imports: Imports


@dataclass(frozen=True, slots=True)
class ListWish:
    """A list, and what a person decided about it."""

    listed: TownList
    choices: Choices


def own_places(member: MemberId) -> Mapping[str, Ags]:
    """Place names of the own Kreis that mean one place only."""
    own = [(a, name) for a, name in shipped_places().items() if a[:5] == member[:5]]
    names = Counter(place_key(name) for _, name in own)
    return {place_key(name): ags for ags, name in own if names[place_key(name)] == 1}


def try_list(uow: ReadingUnit, wish: ListWish, *, today: date, by: Actor) -> ImportPlan:
    """What would become of the list today; reads everybody's names, writes nothing."""
    require(by, "list.import")
    known = [_known(row, by) for row in _people(uow, by)]
    if wish.listed.is_of_talks:
        past = {
            person.case: uow.cases.content(person.case).of("contact")
            for person in _named(wish.listed, known)
        }
        return plan_talks(wish.listed, known, past, today=today, choices=wish.choices)
    plan = plan_import(wish.listed, known, today=today, choices=wish.choices)
    return _with_likely(_with_changes(uow, plan, known), known)


def _people(uow: ReadingUnit, by: Actor) -> Sequence[PersonRow]:
    """Everybody whom this person may find; a threatened one is nobody to others (FR-16)."""
    people = uow.readings.people(list(uow.readings.versions()))
    return [p for p in people if not p.threatened or p.caseworker == by.account]


def _known(row: PersonRow, by: Actor) -> Known:
    return Known(
        row.case,
        row.family_name,
        row.given_names,
        row.birth,
        row.household,
        case_number=row.case_number,
        is_own=row.baton is Baton.ACTIVE and row.caseworker == by.account,
    )


def _named(listed: TownList, known: Sequence[Known]) -> Iterator[Known]:
    """Own people whose family name or number the list holds somewhere: theirs are opened."""
    words: set[str] = set()
    for row in listed.rows:
        for field in ("family_name", "given_names", "full_name", "case_number"):
            words.update(fold(row.text(field)))
    for person in known:
        names = f"{person.family_name} {person.given_names} {person.case_number}"
        if person.is_own and words & {*fold(names)}:
            yield person


def _with_changes(
    uow: ReadingUnit, plan: ImportPlan, known: Sequence[Known]
) -> ImportPlan:
    """What the list knows more of people of the own caseload, who are surely meant."""
    births = {person.case: person for person in known if person.is_own}
    changes = []
    for duplicate in plan.duplicates:
        newcomer = (plan.met or {}).get(duplicate.line)
        person = births.get(duplicate.of_case) if duplicate.of_case else None
        if newcomer is None or person is None:
            continue
        born = newcomer.person.get("birth_date", "")
        if len(born) == len("2000-12-31") and born == person.birth:
            change = _change(newcomer, uow.cases.content(person.case))
            if change is not None:
                changes.append(change)
    lines = {change.line for change in changes}
    rest = tuple(d for d in plan.duplicates if d.line not in lines)
    return replace(plan, changes=tuple(changes), duplicates=rest)


def _change(newcomer: Newcomer, content: CaseContent) -> Change | None:
    """What would be added; nothing that stands in the case is written over."""
    has = content.person.values if content.person else {}
    person = {
        name: value
        for name, value in newcomer.person.items()
        if not has.get(name) and not name.startswith(("counselling", "birth_date"))
    }
    records = tuple(
        (kind, values)
        for kind, values in newcomer.records
        if "unknown" not in values.values() and not _stands(values, content.of(kind))
    )
    if not person and not records:
        return None
    return Change(newcomer.line, content.file.id, person, records)


def _stands(values: JsonObject, records: Sequence[Record]) -> bool:
    """Whether a record says all of this already."""
    return any(
        all(record.values.get(name) == value for name, value in values.items())
        for record in records
    )


def _with_likely(plan: ImportPlan, known: Sequence[Known]) -> ImportPlan:
    """Newcomers who may be known here by another spelling or a swapped day and month."""
    born: dict[str, list[Known]] = {}
    for person in known:
        born.setdefault(person.birth, []).append(person)
    notices = [
        Notice(newcomer.line, "", "maybe_known")
        for newcomer in plan.new
        if any(
            name_likeness(
                name_key(*_names(newcomer)),
                name_key(person.family_name, person.given_names),
            )
            >= _LIKE
            for birth in _spellings(newcomer.person.get("birth_date", ""))
            for person in born.get(birth, ())
        )
    ]
    return replace(plan, notices=(*plan.notices, *notices))


def _names(newcomer: Newcomer) -> tuple[str, str]:
    person = newcomer.person
    return person.get("family_name", ""), person.get("given_names", "")


def _spellings(birth: str) -> set[str]:
    """A birth date, and the same with day and month swapped."""
    if len(birth) != len("2000-12-31"):
        return set()
    year, month, day = birth.split("-")
    return {birth, f"{year}-{day}-{month}"}


# ---- Taking in -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hand:
    """Who takes a list in, when, and whether its talks were held by this office."""

    at: datetime
    randomness: Randomness
    by: Actor
    is_held: bool = False


def take_in(
    uow: ImportUnit,
    wish: ListWish,
    digest: str,
    batch: RecordId,
    hand: Hand,
    progress: Progress | None = None,
) -> ImportPlan:
    """Write what the trial showed, inside the caller's transaction.

    Args:
        uow: The transaction, entered.
        wish: As for the trial.
        digest: ``ImportPlan.digest`` of the trial.
        batch: Under which number what is written can be taken back.
        hand: Who, when.
        progress: Told after each row.

    Raises:
        ConflictError: The list, the decisions or the people known here are not those of
            the trial; try again and look again.
    """
    plan = try_list(uow, wish, today=local_day(hand.at), by=hand.by)
    if plan.digest != digest:
        raise ConflictError("not the list that was tried")
    writer = _Writer(uow, plan, hand, progress)
    taken = [*writer.open_all(), *writer.add_all()]
    versions = uow.readings.versions()
    uow.imports.note(
        batch, [replace(one, after=versions.get(one.case, one.after)) for one in taken]
    )
    return plan


class _Writer:
    """Makes case files and records of one import; one household per name in the list."""

    def __init__(
        self, uow: ImportUnit, plan: ImportPlan, hand: Hand, progress: Progress | None
    ) -> None:
        self._uow = uow
        self._plan = plan
        self._hand = hand
        self._progress = progress
        self._done = 0
        self._homes = dict(plan.joins)

    def open_all(self) -> Iterator[Taken]:
        """Open a case for each newcomer."""
        for newcomer in self._plan.new:
            file = self._file_of(newcomer)
            assert file.household is not None
            self._uow.cases.open_new(file)
            self._uow.cases.put(
                self._record(file.id, kind, values)
                for kind, values in self._contents(newcomer, file.id, file.household)
            )
            self._uow.cases.set_birth_year(file.id, _birth_year(newcomer))
            yield Taken(file.id, before=0, after=file.version)
            self._tell()

    def add_all(self) -> Iterator[Taken]:
        """Write talks and additions into the cases of people known here."""
        written: dict[CaseId, list[Record]] = {}
        for change in self._plan.changes:
            written.setdefault(change.case, []).extend(self._changed(change))
        for talk in self._plan.talks:
            values = talk.values | ({"counted": True} if self._hand.is_held else {})
            record = self._record(talk.case, "contact", values)
            written.setdefault(talk.case, []).append(record)
        for case, records in written.items():
            before = self._uow.cases.file(case)
            before.require_editable(before.epoch)
            self._uow.cases.put(records)
            marks = tuple((record.id, record.version) for record in records)
            yield Taken(case, before.version, before.version, marks)
            self._tell(len(records))

    def _changed(self, change: Change) -> Iterator[Record]:
        """The person's record with what it lacked, and new records beside the old ones."""
        if change.person:
            person = self._uow.cases.content(change.case).person
            if person is None:
                raise ConflictError("case without a person")
            yield replace(
                person,
                values={**person.values, **change.person},
                recorded_at=self._hand.at,
                recorded_by=self._hand.by.account,
                version=person.version + 1,
            )
        for kind, values in change.records:
            yield self._record(change.case, kind, values)

    def _tell(self, count: int = 1) -> None:
        plan = self._plan
        self._done += count
        total = len(plan.new) + len(plan.changes) + len(plan.talks)
        if self._progress is not None:
            self._progress(min(self._done, total), total)

    def _file_of(self, newcomer: Newcomer) -> CaseFile:
        return CaseFile(
            id=CaseId(self._new_id()),
            epoch=1,
            baton=Baton.ACTIVE,
            version=1,
            opened_on=local_day(self._hand.at),
            household=self._household(newcomer.home),
            caseworker=self._worker,
            responsible_from=newcomer.start,
        )

    @property
    def _worker(self) -> AccountId | None:
        return self._hand.by.account

    def _record(self, case: CaseId, kind: str, values: JsonObject) -> Record:
        return Record(
            case=case,
            id=RecordId(self._new_id()),
            kind=kind,
            values=values,
            recorded_at=self._hand.at,
            origin=Origin.LIST,
            recorded_by=self._worker,
        )

    def _contents(
        self, newcomer: Newcomer, case: CaseId, household: RecordId
    ) -> Iterator[tuple[str, JsonObject]]:
        since = newcomer.start.isoformat()
        yield "person", newcomer.person
        yield (
            "household_member",
            {
                "household": str(household),
                "member": str(case),
                "valid_from": since,
                **({"role": newcomer.role} if newcomer.role else {}),
            },
        )
        yield "care_status", {"care_status": "in_responsibility", "valid_from": since}
        yield from newcomer.records
        for title, text in newcomer.left_over:
            yield (
                "follow_up",
                {
                    "due": local_day(self._hand.at).isoformat(),
                    "priority": "normal",
                    "source": "system",
                    "text": f"Aus der Liste zu klären: {title}: {text}",
                    **({"assignee": str(self._worker)} if self._worker else {}),
                },
            )

    def _household(self, home: str) -> RecordId:
        if not home:
            return RecordId(self._new_id())
        if home not in self._homes:
            self._homes[home] = RecordId(self._new_id())
        return self._homes[home]

    def _new_id(self) -> str:
        return uuid7(int(self._hand.at.timestamp() * 1000), self._hand.randomness(10))


def _birth_year(newcomer: Newcomer) -> int | None:
    text = newcomer.person.get("birth_date")
    return PartialDate(text).first.year if text else None
