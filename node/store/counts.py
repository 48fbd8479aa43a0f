"""What is kept of reports, in SQL: settings, snapshots, the funder's template.

Enters: values of ``node.report.snapshot``. Leaves: the same. Must never happen: a snapshot
that is written a second time. Implements ``Reports``.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

# SQLite speaks the same ON CONFLICT.
from sqlalchemy.dialects.postgresql import insert as upsert

from node.cases.expiry import Funding, succeeds
from node.errors import NotFoundError
from node.ids import AccountId, Hex128
from node.report.snapshot import ReportSettings, Snapshot, Template
from node.store.counttables import (
    funding_past,
    proof_template,
    report_settings,
    report_snapshot,
)
from node.store.work import Work

_SETTINGS: Final = select(report_settings)
_NO_SETTINGS: Final = delete(report_settings)
_SET: Final = insert(report_settings)
_SUCCEEDED: Final = upsert(funding_past).on_conflict_do_nothing()
_ADD: Final = insert(report_snapshot)
_GET: Final = select(report_snapshot).where(report_snapshot.c.id == bindparam("of"))
_OF: Final = (
    select(report_snapshot)
    .where(report_snapshot.c.definition == bindparam("of"))
    .order_by(report_snapshot.c.known_at.desc(), report_snapshot.c.id)
)
_TEMPLATE: Final = select(proof_template).order_by(
    proof_template.c.uploaded_at.desc(), proof_template.c.digest
)
_ADD_TEMPLATE: Final = insert(proof_template)
_MAP: Final = update(proof_template).where(
    proof_template.c.digest == bindparam("of"),
    proof_template.c.version == bindparam("seen"),
)


class SqlReports:
    """Reports inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def settings(self) -> ReportSettings | None:
        """The settings, None as long as nobody made any."""
        row = self._work.row(_SETTINGS)
        return (
            None
            if row is None
            else ReportSettings(row.first, row.last, row.window_months)
        )

    def set_settings(
        self, settings: ReportSettings, *, by: AccountId, at: datetime
    ) -> None:
        """Write them anew; a period that ran out is remembered, for the tally ends by it."""
        row = self._work.row(_SETTINGS)
        if row is not None:
            former = Funding(row.first, row.last, row.changed_at)
            if succeeds(former, settings.first, at):
                self._work.change(
                    _SUCCEEDED,
                    {"first": row.first, "last": row.last, "set_at": row.changed_at},
                )
        self._work.change(_NO_SETTINGS)
        self._work.change(
            _SET,
            {
                "id": 1,
                "first": settings.first,
                "last": settings.last,
                "window_months": settings.window_months,
                "changed_by": by,
                "changed_at": at,
            },
        )

    def add(self, snapshot: Snapshot) -> None:
        """Keep a snapshot. ConflictError if it is there."""
        self._work.change(
            _ADD,
            {
                "id": snapshot.id,
                "definition": snapshot.definition,
                "definition_digest": snapshot.definition_digest,
                "first": snapshot.first,
                "last": snapshot.last,
                "caseworker": snapshot.caseworker,
                "known_at": snapshot.known_at,
                "software": snapshot.software,
                "content": snapshot.content.decode(),
                "digest": snapshot.digest,
                "made_by": snapshot.made_by,
            },
        )

    def get(self, snapshot: Hex128) -> Snapshot:
        """One snapshot.

        Raises:
            NotFoundError: There is none of this number.
        """
        row = self._work.row(_GET, {"of": snapshot})
        if row is None:
            raise NotFoundError("snapshot")
        return _snapshot(row)

    def of(self, definition: str) -> Sequence[Snapshot]:
        """The snapshots of a report, newest first."""
        return [_snapshot(row) for row in self._work.rows(_OF, {"of": definition})]

    def template(self) -> Template | None:
        """The template in use: the one uploaded last."""
        row = self._work.row(_TEMPLATE)
        if row is None:
            return None
        return Template(
            digest=row.digest,
            name=row.name,
            content=row.content,
            cells=row.cells,
            uploaded_by=AccountId(row.uploaded_by),
            uploaded_at=row.uploaded_at,
            version=row.version,
        )

    def put_template(self, template: Template) -> None:
        """Take a new template, or write where numbers go. ConflictError if it moved."""
        columns = {
            "cells": dict(template.cells),
            "uploaded_by": template.uploaded_by,
            "uploaded_at": template.uploaded_at,
        }
        if template.version > 1:
            place = {"of": template.digest, "seen": template.version - 1}
            self._work.move(_MAP, columns | place | {"version": template.version})
            return
        place = {
            "digest": template.digest,
            "name": template.name,
            "content": template.content,
            "version": 1,
        }
        self._work.change(_ADD_TEMPLATE, columns | place)


def _snapshot(row: Row[*tuple[Any, ...]]) -> Snapshot:
    return Snapshot(
        id=Hex128(row.id),
        definition=row.definition,
        definition_digest=row.definition_digest,
        first=row.first,
        last=row.last,
        caseworker=AccountId(row.caseworker) if row.caseworker else None,
        known_at=row.known_at,
        software=row.software,
        content=row.content.encode(),
        digest=row.digest,
        made_by=AccountId(row.made_by),
    )
