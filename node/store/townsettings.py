"""The town's own settings in SQL: topics and statutes.

Enters: values as texts, statutes. Leaves: the same. Must never happen: a change over one
that somebody else made meanwhile. Implements ``node.cases.townsettings.Town``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select, update

from node.cases.townsettings import Kept, Statute, Topic
from node.errors import ConflictError, NotFoundError
from node.ids import AccountId, Hex128
from node.store.apitables import statute, town_setting
from node.store.work import Work

_TOPICS: Final = select(town_setting)
_ADD_TOPIC: Final = insert(town_setting)
_CHANGE_TOPIC: Final = update(town_setting).where(
    town_setting.c.topic == bindparam("of"), town_setting.c.version == bindparam("seen")
)
_STATUTES: Final = select(statute).order_by(statute.c.asked_at.desc(), statute.c.id)
_STATUTE: Final = select(statute).where(statute.c.id == bindparam("of"))
_ADD_STATUTE: Final = insert(statute)
_CHANGE_STATUTE: Final = update(statute).where(
    statute.c.id == bindparam("of"),
    statute.c.agreed_at.is_not_distinct_from(
        bindparam("seen_agreed", type_=statute.c.agreed_at.type)
    ),
    statute.c.ended_at.is_(None),
)


class SqlTown:
    """The town's settings inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def topics(self) -> Mapping[Topic, Kept]:
        """Every topic that was ever changed."""
        return {
            Topic(row.topic): Kept(
                dict(row.fields),
                row.version,
                AccountId(row.changed_by) if row.changed_by else None,
                row.changed_at,
            )
            for row in self._work.rows(_TOPICS)
        }

    def keep(self, topic: Topic, kept: Kept) -> None:
        """Write a topic; ``kept.version`` is the one that was seen.

        Raises:
            ConflictError: Somebody changed it meanwhile.
        """
        row = {
            "fields": dict(kept.values),
            "version": kept.version + 1,
            "changed_by": kept.changed_by,
            "changed_at": kept.changed_at,
        }
        if kept.version == 0:
            self._work.change(_ADD_TOPIC, row | {"topic": topic})
        else:
            self._work.move(_CHANGE_TOPIC, row | {"of": topic, "seen": kept.version})

    def statutes(self) -> Sequence[Statute]:
        """All of them, also those that ended, newest first."""
        return [_to_statute(row) for row in self._work.rows(_STATUTES)]

    def statute(self, statute: Hex128) -> Statute:
        """One of them.

        Raises:
            NotFoundError: Absent.
        """
        row = self._work.row(_STATUTE, {"of": statute})
        if row is None:
            raise NotFoundError("statute")
        return _to_statute(row)

    def add_statute(self, statute: Statute) -> None:
        """One that waits.

        Raises:
            ConflictError: Its code waits or is in force already.
        """
        at = statute.asked_at
        if any(
            other.code == statute.code and (other.is_in_force or other.is_waiting(at))
            for other in self.statutes()
        ):
            raise ConflictError("statute")
        self._work.change(_ADD_STATUTE, _of_statute(statute) | {"id": statute.id})

    def replace_statute(self, before: Statute, after: Statute) -> None:
        """Compare and set.

        Raises:
            ConflictError: It moved.
        """
        place = {"of": before.id, "seen_agreed": before.agreed_at}
        self._work.move(_CHANGE_STATUTE, _of_statute(after) | place)


def _of_statute(item: Statute) -> dict[str, Any]:
    return {
        "code": item.code,
        "title": item.title,
        "asked_by": item.asked_by,
        "asked_at": item.asked_at,
        "agreed_by": item.agreed_by,
        "agreed_at": item.agreed_at,
        "ended_at": item.ended_at,
    }


def _to_statute(row: Row[*tuple[Any, ...]]) -> Statute:
    return Statute(
        id=Hex128(row.id),
        code=row.code,
        title=row.title,
        asked_by=AccountId(row.asked_by),
        asked_at=row.asked_at,
        agreed_by=AccountId(row.agreed_by) if row.agreed_by else None,
        agreed_at=row.agreed_at,
        ended_at=row.ended_at,
    )
