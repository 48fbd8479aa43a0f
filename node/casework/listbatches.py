"""Lists that wait: put down, decided about step by step, taken in, taken back.

Enters: sheets that were read, a caseworker's answers. Leaves: one batch per list, its rows
and answers sealed. Must never happen: somebody else's list opened (SR-B9); half a list
taken in; a case that somebody has edited since gone with the list. Implements S17, SC-64
and the 30 days of the field document (retention, undo).
"""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from typing import Final

from node.accounts.policy import Actor, require
from node.cases.days import local_day
from node.cases.importports import Batch, BatchState, Standing, Taken
from node.cases.listfields import proposed_fields
from node.cases.listsheet import Book, Sheet
from node.cases.townchoices import Choices, Offer
from node.cases.townlist import TownList, read_sheet
from node.cases.townplan import ImportPlan
from node.casework.cases import new_id
from node.casework.lists import (
    Hand,
    ImportUnit,
    ListWish,
    Progress,
    own_places,
    take_in,
    try_list,
)
from node.errors import ConflictError, InputError, NotFoundError
from node.ids import CaseId, RecordId, uuid7
from node.sync.office import Office
from node.trust.places import shipped_places

KEPT: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a caseworker decided about one list; ``None`` and empty is not yet.

    ``fields`` maps the place of a column to its field, ``values`` a question's field and
    folded text to a code. ``has_fields`` and ``has_values`` say that the caseworker has
    looked at both; ``is_remembered`` says that an earlier list decided it;
    ``counts`` what taking in has done.
    """

    name: str = ""
    sheet: int = 0
    fields: Mapping[int, str] | None = None
    is_remembered: bool = False
    values: Mapping[tuple[str, str], str] = field(default_factory=dict)
    accepted: frozenset[Offer] = frozenset()
    has_fields: bool = False
    has_values: bool = False
    is_held: bool = False
    counts: Mapping[str, int] = field(default_factory=dict)

    def encode(self) -> bytes:
        """As one text."""
        says = asdict(self) | {
            "fields": None if self.fields is None else [*self.fields.items()],
            "values": [[*key, code] for key, code in self.values.items()],
            "accepted": sorted(self.accepted),
            "counts": dict(self.counts),
        }
        return json.dumps(says).encode()

    @classmethod
    def parse(cls, text: bytes) -> "Answers":
        """The inverse of ``encode``."""
        says = json.loads(text)
        fields = says.pop("fields")
        return cls(
            **says
            | {
                "fields": None if fields is None else dict(fields),
                "values": {(f, text): code for f, text, code in says["values"]},
                "accepted": frozenset(Offer(name) for name in says["accepted"]),
            }
        )


@dataclass(frozen=True, slots=True)
class WaitingList:
    """A list as its pages show it. ``problem`` says why no table was found in the sheet."""

    batch: Batch
    answers: Answers
    book: Book
    listed: TownList | None
    problem: str = ""

    @property
    def sheet(self) -> Sheet:
        """The sheet that was chosen."""
        return self.book.sheets[self.answers.sheet]


def put_down(
    uow: ImportUnit, office: Office, book: Book, name: str, *, by: Actor
) -> RecordId:
    """Keep a list that was read, sealed, for 30 days; gives its number."""
    require(by, "list.import")
    if by.account is None:
        raise NotFoundError("account")
    now = office.clock.now()
    with uow:
        answers = _begun(uow, book, Answers(name, first_table(book)))
        batch = Batch(
            id=RecordId(new_id(office, now)),
            account=by.account,
            state=BatchState.OPEN,
            created_at=now,
            erase_at=now + KEPT,
            digest=book.digest,
            answers=answers.encode(),
        )
        uow.imports.add(batch, zlib.compress(book.encode()))
        uow.commit()
    return batch.id


def own_lists(uow: ImportUnit, *, by: Actor) -> Sequence[tuple[Batch, Answers]]:
    """The caller's lists, newest first."""
    require(by, "list.import")
    if by.account is None:
        return ()
    return [(b, Answers.parse(b.answers)) for b in uow.imports.of(by.account)]


def look(uow: ImportUnit, number: RecordId, *, by: Actor) -> WaitingList:
    """One of the caller's lists.

    Raises:
        NotFoundError: None, or somebody else's: both look the same.
    """
    batch = _own(uow, number, by)
    return _waiting(uow, batch, Answers.parse(batch.answers))


def choose(
    uow: ImportUnit, number: RecordId, answers: Answers, *, version: int, by: Actor
) -> None:
    """Keep what was decided; what it is about is remembered for lists with these titles.

    Raises:
        ConflictError: It was decided elsewhere meanwhile, or taken in.
        InputError: Two columns for one field.
    """
    with uow:
        batch = _own(uow, number, by)
        if batch.state is not BatchState.OPEN or batch.version != version:
            raise ConflictError("list")
        if answers.sheet != Answers.parse(batch.answers).sheet:
            book = _read(uow, number)
            answers = _begun(uow, book, answers)
        waiting = _waiting(uow, batch, answers)
        if waiting.problem == "column_twice":
            raise InputError("file", "column_twice")
        uow.imports.replace(batch, replace(batch, answers=answers.encode()))
        if waiting.listed is not None:
            # A text that means nothing may be anything, even a name: it is forgotten.
            meant = {key: code for key, code in answers.values.items() if code}
            kept = Answers(fields=answers.fields, values=meant)
            uow.imports.remember(waiting.listed.fingerprint, kept.encode())
        uow.commit()


def try_batch(
    uow: ImportUnit, office: Office, number: RecordId, *, by: Actor
) -> tuple[WaitingList, ImportPlan]:
    """What would become of a list; writes nothing.

    Raises:
        NotFoundError: Not the caller's.
        InputError: No table was found in it.
    """
    waiting = look(uow, number, by=by)
    if waiting.listed is None:
        raise InputError("file", waiting.problem)
    today = local_day(office.clock.now())
    return waiting, try_list(uow, _wish(office, waiting), today=today, by=by)


def apply_batch(
    uow: ImportUnit,
    office: Office,
    number: RecordId,
    digest: str,
    *,
    by: Actor,
    is_held: bool = False,
    progress: Progress | None = None,
) -> ImportPlan:
    """Take a list in, all of it or nothing; it can be taken back for 30 days.

    Raises:
        ConflictError: Not what the trial showed, or taken in already.
    """
    now = office.clock.now()
    with uow:
        batch = _own(uow, number, by)
        waiting = _waiting(uow, batch, Answers.parse(batch.answers))
        if batch.state is not BatchState.OPEN or waiting.listed is None:
            raise ConflictError("list")
        hand = Hand(now, office.randomness, by, is_held=is_held)
        wish = _wish(office, waiting)
        plan = take_in(uow, wish, digest, number, hand, progress)
        answers = replace(waiting.answers, counts=_counts(plan), is_held=is_held)
        after = replace(
            batch,
            state=BatchState.APPLIED,
            applied_at=now,
            erase_at=now + KEPT,
            answers=answers.encode(),
        )
        uow.imports.replace(batch, after)
        uow.commit()
    return plan


def import_at_once(
    uow: ImportUnit, book: Book, name: str, wish: ListWish, digest: str, hand: Hand
) -> ImportPlan:
    """Put a list down and take it in, in one step, as the command line does.

    Raises:
        ConflictError: Not what the trial showed.
    """
    require(hand.by, "list.import")
    assert hand.by.account is not None
    answers = Answers(name, first_table(book), fields=wish.listed.fields)
    batch = Batch(
        id=RecordId(uuid7(int(hand.at.timestamp() * 1000), hand.randomness(10))),
        account=hand.by.account,
        state=BatchState.APPLIED,
        created_at=hand.at,
        erase_at=hand.at + KEPT,
        digest=book.digest,
        answers=answers.encode(),
        applied_at=hand.at,
    )
    with uow:
        uow.imports.add(batch, zlib.compress(book.encode()))
        plan = take_in(uow, wish, digest, batch.id, hand)
        answers = replace(answers, counts=_counts(plan))
        uow.imports.replace(batch, replace(batch, answers=answers.encode()))
        uow.commit()
    return plan


def _counts(plan: ImportPlan) -> dict[str, int]:
    return {
        "new": len(plan.new),
        "changed": len(plan.changes),
        "talks": len(plan.talks),
        "duplicates": len(plan.duplicates),
        "errors": plan.failed,
    }


def discard(uow: ImportUnit, number: RecordId, *, by: Actor) -> None:
    """The list goes at once; nothing of it was taken in, or it was taken back.

    Raises:
        ConflictError: It is taken in: taking it back needs what is known of it.
    """
    with uow:
        batch = _own(uow, number, by)
        if batch.state is BatchState.APPLIED:
            raise ConflictError("list")
        uow.imports.drop(number)
        uow.commit()


@dataclass(frozen=True, slots=True)
class Undoing:
    """What taking a list back does: cases that go or change, and cases that stay."""

    goes: tuple[Taken, ...]
    stays: tuple[tuple[CaseId, Standing], ...]


def look_at_undo(uow: ImportUnit, number: RecordId, *, by: Actor) -> Undoing:
    """What taking a list back would do now."""
    require(by, "list.undo")
    return _undoing(uow, _own(uow, number, by))


def undo_batch(
    uow: ImportUnit, office: Office, number: RecordId, *, by: Actor
) -> Undoing:
    """Take a list back; what was edited or transferred since stays.

    Raises:
        ConflictError: It is not taken in, or its 30 days are over.
    """
    require(by, "list.undo")
    now = office.clock.now()
    with uow:
        batch = _own(uow, number, by)
        if batch.state is not BatchState.APPLIED or batch.erase_at <= now:
            raise ConflictError("list")
        found = _undoing(uow, batch)
        uow.imports.take_back(number)
        after = replace(batch, state=BatchState.UNDONE, undone_at=now)
        uow.imports.replace(batch, after)
        uow.commit()
    return found


def _undoing(uow: ImportUnit, batch: Batch) -> Undoing:
    goes: list[Taken] = []
    stays: list[tuple[CaseId, Standing]] = []
    for taken, standing in uow.imports.taken(batch.id):
        if standing is not Standing.SAME:
            stays.append((taken.case, standing))
        # Of a case with many talks those that were not edited go.
        if standing is Standing.SAME or (
            standing is Standing.EDITED and taken.before > 0
        ):
            goes.append(taken)
    return Undoing(tuple(goes), tuple(stays))


def _own(uow: ImportUnit, number: RecordId, by: Actor) -> Batch:
    require(by, "list.import")
    batch = uow.imports.get(number)
    if by.account is None or batch.account != by.account:
        raise NotFoundError("import")
    return batch


def _waiting(uow: ImportUnit, batch: Batch, answers: Answers) -> WaitingList:
    book = _read(uow, batch.id)
    try:
        listed = read_sheet(book.sheets[answers.sheet], book.digest, answers.fields)
    except InputError as error:
        return WaitingList(batch, answers, book, None, error.reason)
    return WaitingList(batch, answers, book, listed)


def _wish(office: Office, waiting: WaitingList) -> ListWish:
    assert waiting.listed is not None
    choices = Choices(
        accepted=waiting.answers.accepted,
        values=waiting.answers.values,
        places=own_places(office.member),
        known_ags={str(ags): name for ags, name in shipped_places().items()},
    )
    return ListWish(waiting.listed, choices)


def first_table(book: Book) -> int:
    """The place of the first sheet that somebody can see and that has titles."""
    for place, sheet in enumerate(book.sheets):
        if not sheet.is_hidden and _titles(sheet):
            return place
    return 0


def _titles(sheet: Sheet) -> tuple[str, ...]:
    try:
        return read_sheet(sheet, b"", {}).titles
    except InputError:
        return ()


def _begun(uow: ImportUnit, book: Book, answers: Answers) -> Answers:
    """Begin with a sheet: what an earlier list decided, else what the titles say."""
    fresh = Answers(answers.name, answers.sheet)
    titles = _titles(book.sheets[answers.sheet])
    if not titles:
        return fresh
    empty = read_sheet(book.sheets[answers.sheet], book.digest, {})
    memory = uow.imports.memory(empty.fingerprint)
    if memory is None:
        return replace(fresh, fields=proposed_fields(titles))
    former = Answers.parse(memory)
    return replace(
        fresh, fields=former.fields, values=former.values, is_remembered=True
    )


def _read(uow: ImportUnit, number: RecordId) -> Book:
    return Book.parse(zlib.decompress(uow.imports.rows(number)))
