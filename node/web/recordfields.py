"""Which details of a case can be entered, on which sheet, in which order and how.

Enters: nothing. Leaves: ``SHEETS``, one table: a sheet shows some fields of one kind of
record. What a field is, which codes it has and where it may go stands in
``cases.dictionary``; here stands how it is asked. Must never happen: a field that the
dictionary does not know. Implements screens S4 (details), the field document, 3.2 to 3.4.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum, unique
from types import MappingProxyType
from typing import Final

from node.cases.dictionary import DICTIONARY
from node.web.language import msgid


@unique
class Look(StrEnum):
    """How a field is asked."""

    TEXT = "text"
    LONG = "long"
    DAY = "day"
    PARTIAL = "partial"
    NUMBER = "number"
    YES = "yes"
    CODE = "code"
    CODES = "codes"
    LINES = "lines"
    PLACE = "place"
    SCALE = "scale"
    SCRIPTS = "scripts"
    MESSENGERS = "messengers"
    PAUSES = "pauses"
    GUARDIANS = "guardians"
    MEMBERS = "members"


@dataclass(frozen=True, slots=True)
class Slot:
    """One field of a sheet; ``codes`` is its list, ``needed`` that it must be filled."""

    name: str
    look: Look
    codes: str = ""
    needed: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """Some fields of one kind of record, as one form.

    ``category`` is the heading under which the page of details shows it; ``is_single``
    that a case has one such record (the person's).
    """

    id: str
    kind: str
    category: str
    title: str
    slots: tuple[Slot, ...]

    @property
    def is_single(self) -> bool:
        """Whether there is one such record in each case."""
        return self.kind == "person"


# Sheet, kind, category, title, fields. ``/look`` says how a field is asked where neither
# its codes nor plain text do; ``!`` that it must be filled.
_TABLE: Final = (
    (
        *("name", "person", "K01", msgid("Name and birth")),
        (
            "family_name given_names birth_name name_in_document aliases/lines"
            " name_other_script/scripts birth_date/partial birth_date_fictitious/yes"
            " birth_place birth_country citizenships/codes gender case_number"
        ),
    ),
    (
        *("reach", "person", "K01", msgid("How to reach the person")),
        (
            "phones/lines emails/lines messengers/messengers preferred_channel"
            " messenger_allowed/yes"
        ),
    ),
    (
        *("clock", "person", "K01", msgid("Counselling clock")),
        (
            "counselling_start/day! clock_interruptions/pauses clock_extension"
            " clock_extension_on/day clock_extension_reason/long"
        ),
    ),
    (
        *("care", "care_status", "K01", msgid("Care")),
        "care_status! valid_from/day! closure_reason closed_on/day",
    ),
    (
        *("family", "person", "K02", msgid("Family and custody")),
        "marital_status needs_unit/yes custody guardians/guardians",
    ),
    (
        *("role", "household_member", "K02", msgid("Role in the household")),
        "role! valid_from/day valid_until/day",
    ),
    (
        *("arrival", "person", "K03", msgid("Arrival")),
        "origin_country arrival_germany/partial arrival_town/partial last_place_origin",
    ),
    (
        *("residence", "residence", "K03", msgid("Residence title")),
        (
            "residence! valid_from/day valid_until/day work_permission asylum_step"
            " authority document_no"
        ),
    ),
    (
        *("condition", "residence_condition", "K03", msgid("Residence condition")),
        "condition! ags/place land valid_from/day valid_until/day lifted_by",
    ),
    (
        *("literacy", "person", "K04", msgid("Understanding")),
        "interpreter_needed/yes literacy",
    ),
    (
        *("language", "language", "K04", msgid("Language and level")),
        "language! lang_kind level evidence assessed_on/partial",
    ),
    (
        *("course", "course", "K04", msgid("Course")),
        (
            "course! status valid_from/partial valid_until/partial hours/number level"
            " break_off_reason provider"
        ),
    ),
    (
        *("education", "education", "K05", msgid("School or qualification")),
        "title! body country years/number completed_on/partial recognition",
    ),
    (
        *("employment", "employment", "K06", msgid("Work and livelihood")),
        (
            "employment livelihood occupation_text employer hours/number"
            " valid_from/partial valid_until/partial"
        ),
    ),
    (
        *("home", "accommodation", "K07", msgid("Accommodation")),
        (
            "housing! street number extra care_of postcode town ags/place"
            " move_in/day move_out/day rooms/number persons/number rent notice_until/day"
        ),
    ),
    (
        *("childcare", "childcare_school", "K08", msgid("Care or school of the child")),
        "childcare! facility valid_from/partial valid_until/partial",
    ),
    (
        *("health", "person", "K09", msgid("Health: what is needed for help")),
        "health_note/long accessibility/codes",
    ),
    (
        *("protection", "protection", "K14", msgid("Protection flag")),
        "protection! concerns/members concerns_text valid_from/day reason/long",
    ),
    (
        *("third", "third_person", "K15", msgid("Other named person")),
        "name! function organisation phone",
    ),
    (
        *("goal", "goal", "K10", msgid("Goal")),
        (
            "area! text/long! sign/long target_date/day horizon importance/scale"
            " status! reason"
        ),
    ),
    (
        *("measure", "measure", "K10", msgid("Measure")),
        "text/long! bearer measure_kind provider due/day status done_on/day",
    ),
    (
        *("assessment", "assessment", "K10", msgid("Assessment")),
        "area! need/scale own_estimate/scale text/long assessed_on/day",
    ),
    (
        *("situation", "plan", "K10", msgid("Situation, strengths, wishes")),
        "situation/long strengths/long wishes/long",
    ),
)

HISTORIES: Final = frozenset(
    {"care", "residence", "condition", "language", "course", "education"}
    | {"employment", "home", "childcare", "protection", "third"}
)
"""Sheets of which a case has any number, that the page of details adds."""


def _slots(kind: str, listed: str) -> Iterator[Slot]:
    for item in listed.split():
        name, _, look = item.rstrip("!").partition("/")
        known = DICTIONARY[kind][name]
        usual = Look.CODE if known.codes else Look.TEXT
        yield Slot(
            name,
            Look(look) if look else usual,
            known.codes or "",
            needed=item.endswith("!"),
        )


SHEETS: Final[Mapping[str, Sheet]] = MappingProxyType(
    {
        name: Sheet(name, kind, category, title, tuple(_slots(kind, listed)))
        for name, kind, category, title, listed in _TABLE
    }
)
"""Sheet -> how it is asked."""

DETAILS: Final = tuple(sheet for sheet in SHEETS.values() if sheet.category != "K10")
"""The sheets that the page of details shows; those of the plan stand with the plan."""
