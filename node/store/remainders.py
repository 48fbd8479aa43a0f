"""What is left of persons and transfers after their years, in SQL: found, and taken away.

Enters: instants, transfers, persons. Leaves: what may be over, whole records gone, and of a
transfer the number alone with what reports count. Must never happen: a number forgotten,
so that an old offer is taken as a new one; a place in a peer's chain forgotten (P2, HO-20);
share B gone without its line (HO-19). Implements ``node.cases.expiry.Remainders``.
"""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union,
    update,
)

from node.cases.days import local_day
from node.cases.expiry import Counted, Funding
from node.cases.model import Baton
from node.cases.retention import NO_ACTIVITY
from node.ids import CaseId, TransferId
from node.report.facts import RESPONSIBILITY
from node.store.access import SqlReadLog
from node.store.accountstables import emergency
from node.store.backuptables import tally
from node.store.casetables import (
    case_file,
    consent,
    record,
    relocation,
    relocation_case,
    task,
)
from node.store.columns import encode_instants, parse_instants
from node.store.counttables import funding_past, report_settings
from node.store.erasuretables import transfer_past
from node.store.exporttables import export
from node.store.outbox import SqlOutbox
from node.store.relaytables import mail_post
from node.store.secrets import SqlTransferSecrets
from node.store.stafftables import reveal
from node.store.tables import (
    inbound_case,
    inbound_transfer,
    outbound_member,
    outbound_secret,
    outbound_transfer,
    statement,
    taken,
)
from node.store.uploads import SqlUploads
from node.store.witnesstables import quorum_shown
from node.store.work import Work
from node.sync.transfer import Inbound, Outbound
from node.sync.words import Kind

_SENT, _GOT, _PAST = outbound_transfer.c, inbound_transfer.c, transfer_past.c
_THIS: Final[BindParameter[Any]] = bindparam("id_")
_OF: Final[BindParameter[Any]] = bindparam("case")


def _is_busy(case: ColumnElement[Any]) -> ColumnElement[bool]:
    """Somebody has worked with the case since; no content is opened for that."""
    return exists().where(
        record.c.case_id == case,
        record.c.kind.not_in(NO_ACTIVITY),
        record.c.recorded_at >= bindparam("since", type_=record.c.recorded_at.type),
    )


def _quiet_since(
    of: ColumnElement[Any],
    at: ColumnElement[Any],
    held_by: ColumnElement[Any],
    case: ColumnElement[Any],
) -> Select[Any]:
    """Transfers from before a day with whose cases nobody has worked from then on."""
    return (
        select(of)
        .where(
            at < bindparam("since", type_=at.type),
            ~exists().where(held_by == of, _is_busy(case)),
        )
        .order_by(at, of)
    )


_SENT_BEFORE: Final = _quiet_since(
    _SENT.id, _SENT.created_at, outbound_member.c.transfer, outbound_member.c.case_id
)
_GOT_BEFORE: Final = _quiet_since(
    _GOT.id, _GOT.offered_at, inbound_case.c.transfer, inbound_case.c.case_id
)
_PEOPLE: Final = union(
    select(consent.c.case_id),
    select(relocation_case.c.case_id),
    select(case_file.c.id).where(
        case_file.c.baton == Baton.SHREDDED,
        or_(case_file.c.handed_to.is_not(None), case_file.c.came_from.is_not(None)),
    ),
).subquery()
_QUIET: Final = (
    select(_PEOPLE.c.case_id)
    .where(
        ~_is_busy(_PEOPLE.c.case_id),
        ~exists().where(
            consent.c.case_id == _PEOPLE.c.case_id,
            consent.c.recorded_at
            >= bindparam("since", type_=consent.c.recorded_at.type),
        ),
    )
    .order_by(_PEOPLE.c.case_id)
)
_SAID: Final = select(func.max(statement.c.acknowledged_at)).where(
    statement.c.transfer == _THIS
)
_HEARD: Final = select(func.max(taken.c.taken_at)).where(taken.c.transfer == _THIS)
_WAITS: Final = select(statement.c.jti).where(
    statement.c.transfer == _THIS,
    statement.c.acknowledged_at.is_(None),
    statement.c.parked_at.is_(None),
)
_MOVES: Final = (
    select(relocation.c.recorded_at)
    .join(relocation_case, relocation_case.c.relocation == relocation.c.id)
    .where(relocation_case.c.case_id == _OF)
)

# What of a transfer goes, in the order of the foreign keys.
_JTIS: Final = select(statement.c.jti).where(statement.c.transfer == _THIS)
_SAME: Final = (
    delete(mail_post).where(or_(mail_post.c.key == _THIS, mail_post.c.key.in_(_JTIS))),
    delete(statement).where(statement.c.transfer == _THIS),
    update(taken).where(taken.c.transfer == _THIS).values(jws=None, transfer=None),
    delete(task).where(task.c.transfer == _THIS),
    update(relocation).where(relocation.c.transfer == _THIS).values(transfer=None),
)
_SENT_GOES: Final = (
    *_SAME,
    delete(export).where(export.c.transfer == _THIS),
    delete(outbound_secret).where(outbound_secret.c.transfer == _THIS),
    delete(outbound_member).where(outbound_member.c.transfer == _THIS),
    update(outbound_transfer).where(_SENT.replaces == _THIS).values(replaces=None),
    delete(outbound_transfer).where(_SENT.id == _THIS),
)
_GOT_GOES: Final = (
    *_SAME,
    delete(quorum_shown).where(quorum_shown.c.transfer == _THIS),
    delete(inbound_case).where(inbound_case.c.transfer == _THIS),
    delete(inbound_transfer).where(_GOT.id == _THIS),
)
_PERSON_GOES: Final = (
    delete(consent).where(consent.c.case_id == _OF),
    delete(relocation_case).where(relocation_case.c.case_id == _OF),
    delete(relocation).where(
        relocation.c.id.not_in(select(relocation_case.c.relocation))
    ),
    delete(task).where(task.c.case_id == _OF, task.c.settled_at.is_not(None)),
    update(case_file)
    .where(case_file.c.id == _OF, case_file.c.baton == Baton.SHREDDED)
    .values(handed_to=None, came_from=None),
)
_GET_SENT: Final = select(outbound_transfer).where(_SENT.id == _THIS)
_GET_GOT: Final = select(inbound_transfer).where(_GOT.id == _THIS)
_MEMBERS: Final = select(func.count()).where(outbound_member.c.transfer == _THIS)
_CAME: Final = select(func.count()).where(inbound_case.c.transfer == _THIS)
_REMEMBER: Final = insert(transfer_past)

_SET_PERIOD: Final = select(
    report_settings.c.first, report_settings.c.last, report_settings.c.changed_at
)
_FORMER: Final = select(
    funding_past.c.first, funding_past.c.last, funding_past.c.set_at
)
_LATE: Final = select(tally.c.person).where(
    tally.c.on_date > bindparam("until", type_=tally.c.on_date.type)
)
_LINES: Final = (
    select(
        tally.c.person,
        tally.c.kind,
        tally.c.on_date,
        tally.c.made_on,
        tally.c.codes,
        tally.c.known_until,
    )
    .where(tally.c.person.not_in(_LATE))
    .order_by(tally.c.person, tally.c.n)
)
_COUNTED: Final = (
    select(_PAST.id, _PAST.last_on)
    .where(_PAST.last_on <= bindparam("until", type_=_PAST.last_on.type))
    .order_by(_PAST.id)
)
_DROP_LINES: Final = delete(tally).where(tally.c.person == _THIS)
_UNCOUNT: Final = (
    update(transfer_past)
    .where(_PAST.id == _THIS)
    .values(
        persons=0,
        worker=None,
        offered_at=None,
        refused_code=None,
        facts="{}",
        last_on=None,
    )
)
_LOOKS: Final[tuple[tuple[Any, ColumnElement[Any]], ...]] = (
    (reveal, reveal.c.asked_at),
    (emergency, emergency.c.opened_at),
)
_DROP_LOOKS: Final = tuple(
    delete(table).where(at < bindparam("since", type_=at.type)) for table, at in _LOOKS
)


class SqlRemainders:
    """What is left, inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def sent_before(self, at: datetime) -> Sequence[TransferId]:
        """Transfers we sent, begun before an instant, whose persons were quiet since."""
        rows = self._work.rows(_SENT_BEFORE, {"since": at})
        return [TransferId(row.id) for row in rows]

    def received_before(self, at: datetime) -> Sequence[TransferId]:
        """The same of transfers that we received."""
        rows = self._work.rows(_GOT_BEFORE, {"since": at})
        return [TransferId(row.id) for row in rows]

    def quiet_before(self, at: datetime) -> Sequence[CaseId]:
        """Persons with traces of consents or moves, about whom nothing was written since."""
        return [CaseId(row[0]) for row in self._work.rows(_QUIET, {"since": at})]

    def last_said(self, transfer: TransferId) -> datetime | None:
        """When a statement about it was last taken, by us or by the other side."""
        rows = [self._work.row(query, {"id_": transfer}) for query in (_SAID, _HEARD)]
        times = [row[0] for row in rows if row is not None and row[0] is not None]
        return max(times, default=None)

    def is_waiting(self, transfer: TransferId) -> bool:
        """Whether a statement about it still wants to go out."""
        return self._work.row(_WAITS, {"id_": transfer}) is not None

    def moves(self, case: CaseId) -> Sequence[datetime]:
        """When relocations of this person were recorded."""
        return [row.recorded_at for row in self._work.rows(_MOVES, {"case": case})]

    def drop_sent(self, transfer: TransferId) -> None:
        """A transfer we sent goes, with all that was said about it.

        Raises:
            StoreError: The register did not take the line of share B; nothing goes.
        """
        row = self._work.row(_GET_SENT, {"id_": transfer})
        if row is None:
            return
        persons = 0 if row.kind == Kind.ADDENDUM else self._count(_MEMBERS, transfer)
        facts = _of(
            row.facts,
            (Outbound.QUEUED, Outbound.GRANTED, Outbound.CLOSED, Outbound.REJECTED),
        )
        self._remember(row, facts, persons=persons, worker=row.created_by, offered=None)
        SqlTransferSecrets(self._work).destroy_share_b(transfer)
        SqlOutbox(self._work).drop_packet(transfer)
        self._run(_SENT_GOES, transfer)

    def drop_received(self, transfer: TransferId) -> None:
        """A transfer we received goes; its number stays, so that it never comes again."""
        row = self._work.row(_GET_GOT, {"id_": transfer})
        if row is None:
            return
        facts = _of(row.facts, (Inbound.IMPORTED, Inbound.REJECTED))
        persons = self._count(_CAME, transfer)
        self._remember(
            row, facts, persons=persons, worker=row.decided_by, offered=row.offered_at
        )
        SqlTransferSecrets(self._work).shred(transfer)
        SqlUploads(self._work).drop(transfer)
        self._run(_GOT_GOES, transfer)

    def drop_person(self, case: CaseId) -> None:
        """The consents of a person go, with evidence, relocations and settled tasks.

        Of a case that is erased it is forgotten where it came from and went.
        """
        for goes in _PERSON_GOES:
            self._work.change(goes, {"case": case})

    def fundings(self) -> Sequence[Funding]:
        """The period of funding that is set, and those that it has succeeded."""
        rows = [*self._work.rows(_SET_PERIOD), *self._work.rows(_FORMER)]
        return [Funding(*row) for row in rows]

    def counted(self, until: date) -> Sequence[Counted]:
        """Nameless remainders with nothing counted after a day."""
        lines = self._work.stream(_LINES, {"until": until})
        persons = (
            Counted(person, max(_last_day(row) for row in rows))
            for person, rows in groupby(lines, lambda row: row.person)
        )
        found = [one for one in persons if one.last <= until]
        past = self._work.rows(_COUNTED, {"until": until})
        return [*found, *(Counted(row.id, row.last_on) for row in past)]

    def drop_counted(self, remainder: Counted) -> None:
        """What reports counted of it goes; of a transfer the number stays."""
        for goes in (_DROP_LINES, _UNCOUNT):
            self._work.change(goes, {"id_": remainder.key})

    def drop_looks(self, before: datetime) -> int:
        """Who looked, emergency access and reasons from before an instant go."""
        gone = SqlReadLog(self._work).remove_before(before)
        others = (self._work.change(goes, {"since": before}) for goes in _DROP_LOOKS)
        return gone + sum(others)

    def _count(self, query: Select[Any], transfer: TransferId) -> int:
        row = self._work.row(query, {"id_": transfer})
        return 0 if row is None else int(row[0])

    def _run(self, goes: Sequence[Any], transfer: TransferId) -> None:
        for each in goes:
            self._work.change(each, {"id_": transfer})

    def _remember(
        self,
        row: Row[*tuple[Any, ...]],
        facts: dict[str, datetime],
        *,
        persons: int,
        worker: str | None,
        offered: datetime | None,
    ) -> None:
        """The number for ever, and what reports count until the tally goes."""
        is_outward = offered is None
        days = [local_day(at) for at in (*facts.values(), offered) if at is not None]
        # An addendum, or what never left, was counted nowhere.
        is_counted = bool(days) and (persons > 0 or not is_outward)
        self._work.change(
            _REMEMBER,
            {
                "id": row.id,
                "outward": is_outward,
                "persons": persons,
                "worker": worker if is_counted else None,
                "offered_at": offered,
                "refused_code": row.refused_code if is_counted else None,
                "facts": encode_instants(facts if is_counted else {}),
                "last_on": max(days) if is_counted else None,
                "gone_on": local_day(self._work.now()),
            },
        )


def _of(facts: str, states: Sequence[str]) -> dict[str, datetime]:
    """When these states were entered; nothing else of a transfer is counted."""
    return {name: at for name, at in parse_instants(facts).items() if name in states}


def _last_day(row: Row[*tuple[Any, ...]]) -> date:
    """The last day on which a line of the tally counts."""
    days = [row.on_date] if row.on_date else []
    if row.kind == RESPONSIBILITY:
        until = row.codes.get("until")
        if until:
            days.append(date.fromisoformat(until))
        elif row.known_until is None:
            days.append(row.made_on)
    return max(days, default=date.min if row.known_until else row.made_on)
