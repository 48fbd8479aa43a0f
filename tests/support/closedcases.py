"""Cases that were closed years ago, as an office that exists for so long has them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from node.cases.model import Record
from node.ids import CaseId
from tests.support.office import OpenOffice
from tests.support.pair import open_case
from tests.support.twins import add, content_of

LONG_AGO: Final = timedelta(days=5 * 365)


def closed(
    office: OpenOffice, name: str = "Demo-Zu", ago: timedelta = LONG_AGO, **person: Any
) -> CaseId:
    """A case that was closed a while ago, with something in it."""
    office.clock.offset = -ago
    case = open_case(office.node, name, **person)
    day = office.clock.now().date().isoformat()
    add(
        office.node,
        case,
        "care_status",
        care_status="closed",
        closure_reason="goals_reached",
        valid_from=day,
        closed_on=day,
    )
    # The one talk of the builder bears a day of its own: it counts as from back then.
    for talk in content_of(office.node, case).of("contact"):
        dated = replace(talk, values={**talk.values, "date": day})
        office.node.store.write_sync(_put, dated)
    office.clock.offset = timedelta()
    return case


def _put(uow: Any, *records: Record) -> None:
    with uow:
        uow.cases.put(records)
        uow.commit()
