"""How many of the persons one answers for are cared for.

Enters: persons with their care status, who had a talk or contact in the window. Leaves: two
counts. Must never happen: plans counted as care; a status or a contact alone (FR-5).
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date

from node.ids import CaseId
from node.report.figures import why_not
from node.report.readings import PersonRow


@dataclass(frozen=True, slots=True)
class CareRate:
    """Cared for of responsible, at one day (FR-5)."""

    cared_for: int
    responsible: int

    @property
    def share(self) -> float:
        """Between 0 and 1; 0 where nobody is answered for."""
        return self.cared_for / self.responsible if self.responsible else 0.0


def care_rate(
    persons: Iterable[PersonRow], counted: AbstractSet[CaseId], on: date
) -> CareRate:
    """The care rate of these persons at a day.

    Args:
        persons: The caseload, with the status that holds on that day.
        counted: Who had an own talk or contact in the window that ends on that day.
        on: The day.
    """
    responsible = [person for person in persons if person.is_ours(on)]
    return CareRate(
        cared_for=sum(
            not why_not(person.care_status, has_contact=person.case in counted)
            for person in responsible
        ),
        responsible=len(responsible),
    )
