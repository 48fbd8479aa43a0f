"""The data dictionary: per kind of record, what each field is and where it may go.

Enters: a record, or its kind and values. Leaves: its fields apart by transfer category,
or apart by how they are kept at rest. One table answers both, so that leaving a field out
of a packet can be shown for every field there is. Must never happen: a field that this
table does not know leaves the node, or lies in a clear column; what a peer sent and we do
not know is kept under ``foreign``, together with the category it came in, and travels on
in that category only (FR-26, HO-64). Implements the field document, chapter 3; FR-18,
FR-20, SR-K1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from node.cases.model import Record
from node.ids import CaseId
from node.strictjson import Json, JsonObject

NEVER: Final = "X"
"""Category of fields that never leave this node."""

FOREIGN: Final = "foreign"
"""The field that keeps what a peer sent and this release does not know, by category."""

HEALTH_AREA: Final = "06"
"""Content of this life area is health: it travels as K09, never as K10."""

PLAN: Final = "K10"
HEALTH: Final = "K09"
PROTECTION: Final = "K14"

CONTACT_DATA: Final = frozenset({"phones", "emails", "messengers"})
"""Fields of ``person`` by which somebody can be reached (FR-16)."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one field is.

    ``category`` is K01 to K16, ``X`` (never leaves) or None (has no place in a packet).
    ``clear`` says that it stands in a clear column, else under the case key. ``codes`` is
    the list its codes come from. ``names_cases`` says that it names other cases;
    ``shared`` that its text may speak of everybody its record names (FR-15).
    """

    category: str | None
    clear: bool
    codes: str | None = None
    names_cases: bool = False
    shared: bool = False

    @property
    def protection(self) -> str:
        """``C`` clear, ``E`` sealed; followed by ``X`` if it never leaves the node."""
        return ("C" if self.clear else "E") + (NEVER if self.category == NEVER else "")


# Category, protection, fields. ``field:list`` names the code list of a field, ``field*``
# says that it names other cases, ``field+`` that its text may speak of them.
_TABLE: Final[Mapping[str, tuple[tuple[str | None, str, str], ...]]] = {
    "person": (
        ("K01", "E", "family_name given_names birth_name name_in_document aliases"),
        ("K01", "E", "name_other_script birth_date birth_date_fictitious birth_place"),
        ("K01", "C", "birth_country:country citizenships:country gender:gender"),
        ("K01", "E", "phones emails messengers"),
        ("K01", "C", "preferred_channel:contact_form messenger_allowed"),
        ("K01", "C", "counselling_start counselling_max_end clock_interruptions"),
        ("K01", "C", "clock_extension:extension clock_extension_on"),
        ("K01", "E", "clock_extension_reason"),
        ("K01", "C", "former_ids"),
        ("K02", "C", "marital_status:marital needs_unit custody:custody"),
        ("K02", "E", "guardians*"),
        ("K03", "C", "origin_country:country arrival_germany arrival_town"),
        ("K03", "E", "last_place_origin"),
        ("K04", "C", "literacy:literacy interpreter_needed"),
        ("K09", "E", "health_note accessibility:accessibility"),
        (NEVER, "C", "birth_year caseworker deputies legal_hold"),
        (NEVER, "E", "case_number azr_number"),
    ),
    "care_status": (
        ("K11", "C", "care_status:care_status valid_from"),
        ("K10", "C", "closure_reason:closure closed_on"),
    ),
    "responsibility": (
        (NEVER, "C", "responsibility_basis:resp_basis valid_from valid_until"),
    ),
    "household_member": (
        ("K02", "C", "household split_from member* role:hh_role"),
        ("K02", "C", "valid_from valid_until"),
    ),
    "residence": (
        ("K03", "C", "residence:residence work_permission:work_permission"),
        ("K03", "C", "asylum_step:asylum_step valid_from valid_until"),
        ("K03", "E", "authority"),
        (NEVER, "E", "document_no"),
    ),
    "residence_condition": (
        ("K03", "C", "condition:res_condition ags land valid_from valid_until"),
        ("K03", "C", "lifted_by"),
    ),
    "language": (
        ("K04", "C", "language:language lang_kind:lang_kind level:cefr skill"),
        ("K04", "C", "evidence:lang_evidence assessed_on"),
    ),
    "course": (
        ("K04", "C", "course:course valid_from valid_until hours"),
        ("K04", "C", "status:course_status break_off_reason level:cefr"),
        ("K04", "E", "provider"),
    ),
    "education": (
        ("K05", "C", "years isced country:country recognition:recognition"),
        ("K05", "C", "completed_on"),
        ("K05", "E", "title body"),
    ),
    "employment": (
        ("K06", "C", "employment:employment occupation hours livelihood:livelihood"),
        ("K06", "C", "valid_from valid_until"),
        ("K06", "E", "employer occupation_text"),
    ),
    "childcare_school": (
        ("K08", "C", "childcare:childcare valid_from valid_until"),
        ("K08", "E", "facility"),
    ),
    "accommodation": (
        ("K07", "C", "housing:housing move_in move_out ags ars rooms persons"),
        ("K07", "E", "street number extra care_of postcode town rent notice_until"),
    ),
    "plan": (
        (PLAN, "C", "plan plan_version status:plan_status start review_due ended_on"),
        (PLAN, "C", "end_reason:closure agreed_on agreed_form:consent_form"),
        (PLAN, "C", "agreed_language:language agreed_interpreter:interpreter document"),
        (PLAN, "E", "situation strengths wishes"),
    ),
    "assessment": (
        (PLAN, "C", "area:area need own_estimate assessed_on"),
        (PLAN, "E", "text"),
    ),
    "goal": (
        (PLAN, "C", "plan area:area horizon:horizon importance target_date"),
        (PLAN, "C", "status:goal_status reason:goal_reason reached_on"),
        (PLAN, "E", "text sign"),
    ),
    "measure": (
        (PLAN, "C", "goal area:area measure_kind:measure_kind bearer:bearer due"),
        (PLAN, "C", "status:measure_status done_on"),
        (PLAN, "E", "text provider"),
    ),
    "review": (
        (PLAN, "C", "plan reviewed_on results next_due"),
        (PLAN, "E", "participants"),
    ),
    "contact": (
        ("K11", "C", "date time minutes persons* form:contact_form kind:contact_kind"),
        ("K11", "C", "initiated_by:initiated_by topics:topic language:language"),
        ("K11", "C", "interpreter:interpreter outcome:outcome referred_to:service"),
        ("K11", "E", "service_name"),
        (PLAN, "C", "touched"),
        ("K12", "E", "note+"),
        ("K15", "E", "others_present+"),
        (NEVER, "C", "caseworker counted"),
    ),
    "follow_up": (
        ("K16", "C", "due priority:priority source:source done_on hand_over"),
        ("K16", "E", "text"),
        (NEVER, "C", "assignee"),
    ),
    "handover_note": (("K16", "E", "text"),),
    "side_note": (("K12", "C", "date"), ("K12", "E", "text+")),
    "correction": (
        ("K01", "C", "date decision:correction_decision decided_on"),
        ("K01", "E", "text+ decision_reason+"),
    ),
    "document": (
        ("K13", "C", "doc_kind:doc_kind issued_on valid_until media_type bytes"),
        ("K13", "C", "concerns*"),
        ("K13", "E", "restricted_kind:doc_kind title file_name issuer sha256"),
        ("K13", "E", "original_seen translation_of"),
        (NEVER, "C", "transfer_default"),
        (None, "C", "digest"),
    ),
    "protection": (
        (PROTECTION, "E", "protection:protection concerns* concerns_text+"),
        (PROTECTION, "E", "valid_from valid_until reason+"),
        (NEVER, "E", "lift_asked_by lift_asked_at lift_reason lift_second"),
    ),
    "erasure_wish": (
        (NEVER, "C", "ground:erasure_ground asked_at"),
        (NEVER, "E", "asked_by reason+ seen"),
    ),
    "statute_use": (
        (NEVER, "C", "statute recipients categories documents valid_until"),
        (NEVER, "C", "secrecy_release asked_at agreed_at consent"),
        (NEVER, "E", "asked_by agreed_by reason+"),
    ),
    "restriction": (
        (NEVER, "C", "restricted_on lifted_on"),
        (NEVER, "E", "reason+ lift_reason+"),
    ),
    "hold": (
        (NEVER, "C", "ground:hold_ground set_on until lifted_on"),
        (NEVER, "E", "reason+ lift_reason+"),
    ),
    "third_person": (("K15", "E", "name function organisation phone"),),
    "consent_evidence": (
        (None, "C", "consent digest"),
        (None, "E", "evidence salt"),
    ),
}


# In every kind: an entry made by mistake is marked, keeps its place and never travels.
_COMMON: Final = ((NEVER, "C", "voided_on"), (NEVER, "E", "void_reason"))


def _fields(rows: Iterable[tuple[str | None, str, str]]) -> Iterator[tuple[str, Field]]:
    for category, protection, listed in rows:
        for item in listed.split():
            marked, _, codes = item.partition(":")
            name = marked.rstrip("*+")
            yield (
                name,
                Field(
                    category,
                    protection == "C",
                    codes or None,
                    names_cases=marked.endswith("*"),
                    shared=marked.endswith("+"),
                ),
            )


DICTIONARY: Final[Mapping[str, Mapping[str, Field]]] = MappingProxyType(
    {
        kind: MappingProxyType(dict(_fields((*rows, *_COMMON))))
        for kind, rows in _TABLE.items()
    }
)
"""Kind of record -> name of field -> what it is."""

# Lists whose entries point at goals and measures: each entry goes where its goal goes.
_POINTERS: Final = frozenset({("contact", "touched"), ("review", "results")})


def field_of(kind: str, name: str) -> Field | None:
    """What the dictionary says of a field; None if it does not know it."""
    return DICTIONARY.get(kind, {}).get(name)


def split_protection(record: Record) -> tuple[JsonObject, JsonObject]:
    """The record's values as (clear columns, sealed values).

    Unknown kinds and unknown fields are sealed, and so is every field of an assessment
    in the area of health.
    """
    clear: JsonObject = {}
    sealed: JsonObject = {}
    hidden = record.kind == "assessment" and _is_health_area(record.values.get("area"))
    for name, value in record.values.items():
        known = field_of(record.kind, name)
        target = clear if known and known.clear and not hidden else sealed
        target[name] = value
    return clear, sealed


def health_records(records: Iterable[Record]) -> frozenset[str]:
    """Ids of the goals in the area of health, and of the measures under them."""
    listed = tuple(records)
    goals = frozenset(
        r.id
        for r in listed
        if r.kind == "goal" and _is_health_area(r.values.get("area"))
    )
    measures = {
        r.id for r in listed if r.kind == "measure" and _is_health(r.values, goals)
    }
    return goals | measures


def category_of(
    kind: str,
    name: str,
    values: Mapping[str, Json],
    *,
    health: frozenset[str] = frozenset(),
) -> str | None:
    """The category in which a field travels; ``X`` never, None has no place in a packet.

    Args:
        kind: The kind of record.
        name: The field.
        values: The record's values: plan content in the area of health is K09.
        health: What ``health_records`` found in the case: measures have no area of
            their own, their goal has.
    """
    known = field_of(kind, name)
    if known is None:
        return None
    if known.category == PLAN and _is_health(values, health):
        return HEALTH
    return known.category


def partition(
    kind: str, values: Mapping[str, Json], health: frozenset[str]
) -> dict[str, JsonObject]:
    """The known fields that may travel at all, apart by category.

    Lists whose entries point at goals are divided, so that an entry about a goal in the
    area of health goes with K09. What is unknown, or never leaves, is in no category.
    """
    apart: dict[str, JsonObject] = {}
    for name, value in values.items():
        category = category_of(kind, name, values, health=health)
        if category is None or category == NEVER:
            continue
        for where, share in _shares(kind, name, value, category, health):
            apart.setdefault(where, {})[name] = share
    return apart


def needed_for_document(values: Mapping[str, Json]) -> frozenset[str]:
    """The categories that must be permitted beside K13 for this document (K13's note).

    ``doc_kind`` says ``restricted`` in the clear column; the true kind is sealed. A
    restricted document whose true kind we do not know needs both.
    """
    kind = values.get("doc_kind")
    if kind == "restricted":
        kind = values.get("restricted_kind")
        if kind not in ("health", "protection"):
            return frozenset({HEALTH, PROTECTION})
    return frozenset(
        category
        for category, name in ((HEALTH, "health"), (PROTECTION, "protection"))
        if kind == name
    )


def named_cases(kind: str, values: Mapping[str, Json]) -> frozenset[str]:
    """Every case that the record's fields name."""
    return frozenset(
        case
        for name, known in DICTIONARY.get(kind, {}).items()
        if known.names_cases
        for case in _cases_in(values.get(name))
    )


def without_cases(value: Json, absent: frozenset[str]) -> Json:
    """A field that names cases, without those that do not come along.

    A list loses its entries about them; a single name becomes None.
    """
    if isinstance(value, list):
        return [item for item in value if not absent & set(_cases_in(item))]
    return None if absent & set(_cases_in(value)) else value


def _shares(
    kind: str, name: str, value: Json, category: str, health: frozenset[str]
) -> Iterator[tuple[str, Json]]:
    if (kind, name) not in _POINTERS or not isinstance(value, list):
        yield category, value
        return
    about_health = [item for item in value if _is_one_of(item, health)]
    others = [item for item in value if not _is_one_of(item, health)]
    if others or not about_health:
        yield category, others
    if about_health:
        yield HEALTH, about_health


def _is_health(values: Mapping[str, Json], health: frozenset[str]) -> bool:
    return _is_health_area(values.get("area")) or _is_one_of(values.get("goal"), health)


def _is_health_area(area: Json) -> bool:
    return isinstance(area, str) and area.partition(".")[0] == HEALTH_AREA


def _is_one_of(value: Json, ids: frozenset[str]) -> bool:
    """Whether a reference, or an entry with references in it, points at one of these."""
    if isinstance(value, Mapping):
        return any(_is_one_of(item, ids) for item in value.values())
    return isinstance(value, str) and value in ids


def _cases_in(value: Json) -> Iterator[str]:
    """The case ids in a field: alone, in a list, or as ``case`` of an entry."""
    if isinstance(value, str) and CaseId.pattern.fullmatch(value):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _cases_in(item)
    elif isinstance(value, Mapping):
        yield from _cases_in(value.get("case"))
