"""S4, Haushalt: who lives together, in a table and in one sentence per relation.

Enters: a case, who joins or leaves, from which day. Leaves: the household as it stands.
Must never happen: the address of a person with a blocked address on a page of somebody else
in the household (FR-16, DO-19); a case of a colleague opened or moved along. Implements the
field document, 3.3; FR-12, FR-13.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from aiohttp import web

from node.cases.codes import code_list
from node.cases.days import birthday
from node.cases.dictionary import named_cases
from node.cases.extract import is_in_force
from node.cases.model import Baton, PartialDate, Record
from node.casework.households import Together, join, split_off
from node.errors import InputError, StaleEpochError
from node.ids import CaseId
from node.report.casepage import day_of, standing
from node.report.readings import PersonRow
from node.web.caseframe import ADULT, age, case_id, case_page, is_minor
from node.web.casework import (
    OpenCase,
    actor,
    household_of,
    opened_case,
    people_of,
    stale,
    today,
)
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Words, msgid
from node.web.pages.cases import CASEWORKERS, found, remember_search, searched
from node.web.typed import ids, shown_day, typed_day

_SOON_OF_AGE: Final = timedelta(days=60)
_RELATIONS: Final[Mapping[str, str]] = {
    "partner": msgid("%(who)s is the partner of %(head)s."),
    "child": msgid("%(who)s is a child of %(head)s."),
    "parent": msgid("%(who)s is a parent of %(head)s."),
    "sibling": msgid("%(who)s and %(head)s are siblings."),
    "relative": msgid("%(who)s is related to %(head)s."),
    "unrelated": msgid("%(who)s and %(head)s are not related."),
}
_APART: Final[Mapping[str, str]] = {
    "no_joint_transfer": msgid(
        "%(who)s and %(other)s must not be handed over together."
    ),
    "no_contact_with": msgid("%(who)s must have no contact with %(other)s."),
}


def routes() -> list[Route]:
    """The addresses of the household."""
    at = "/cases/{case}/household"
    return [
        Route("GET", at, _show, roles=CASEWORKERS),
        Route("GET", f"{at}/join", _ask_join, roles=CASEWORKERS),
        Route("POST", f"{at}/search", _search, roles=CASEWORKERS),
        Route("POST", f"{at}/join", _join, roles=CASEWORKERS),
        Route("GET", f"{at}/split", _ask_split, roles=CASEWORKERS),
        Route("POST", f"{at}/split", _split, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class Member:
    """One person of the household; ``case`` is None where it is a colleague's."""

    person: PersonRow
    case: OpenCase | None
    age: str
    address: str
    is_blocked: bool


async def _members(request: web.Request, case: OpenCase) -> list[Member]:
    """Everybody of the household; the page's own person first."""
    words, on, me = words_of(request), today(request), account_of(request).actor
    found_members = []
    for person in (case.person, *await household_of(request, case.person)):
        is_own = me.owns(person.caseworker) and person.is_here
        opened = case if person.case == case.file.id else None
        if opened is None and is_own:
            opened = await opened_case(request, person.case)
        is_blocked = person.address_blocked and person.case != case.file.id
        found_members.append(
            Member(
                person=person,
                case=opened,
                age=age(person, on, words),
                address=_address(opened, on) if opened and not is_blocked else "",
                is_blocked=is_blocked,
            )
        )
    return found_members


def _address(case: OpenCase, on: date) -> str:
    """Where the person lives now, in one line."""
    homes = [
        home
        for home in standing(case.content.of("accommodation"))
        if (left := day_of(home, "move_out")) is None or left >= on
    ]
    if not homes:
        return ""
    home = max(homes, key=lambda h: (h.text("move_in"), h.recorded_at))
    street = f"{home.text('street')} {home.text('number')}".strip()
    town = f"{home.text('postcode')} {home.text('town')}".strip()
    return ", ".join(part for part in (street, town) if part)


async def _show(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    words, on = words_of(request), today(request)
    members = await _members(request, case)
    return await case_page(
        request,
        "case_household.html",
        case,
        members=members,
        me=account_of(request).actor,
        relations=[*_relations(members, words), *_kept_apart(members, words, on)],
        children=list(_children(members, words, on)),
        split_from=_split_from(case),
    )


def _split_from(case: OpenCase) -> date | None:
    """Since when this household is one of its own, if it was a part of another."""
    for record in reversed(standing(case.content.of("household_member"))):
        if record.text("split_from") and not record.values.get("valid_until"):
            return day_of(record, "valid_from")
    return None


def _relations(members: Sequence[Member], words: Words) -> Iterator[str]:
    head = next((m.person for m in members if m.person.household_role == "head"), None)
    for person in (member.person for member in members):
        sentence = _RELATIONS.get(person.household_role)
        if head is not None and sentence and person.case != head.case:
            yield (words.gettext(sentence) % {"who": person.name, "head": head.name})


def _kept_apart(members: Sequence[Member], words: Words, on: date) -> Iterator[str]:
    names = {str(m.person.case): m.person.name for m in members}
    for member in members:
        flags = member.case.content.of("protection") if member.case else ()
        for flag in standing(flags):
            sentence = _APART.get(flag.text("protection"))
            if sentence is None or not is_in_force(flag, on):
                continue
            for other in sorted(named_cases("protection", flag.values) & names.keys()):
                named = {"who": member.person.name, "other": names[other]}
                yield words.gettext(sentence) % named


@dataclass(frozen=True, slots=True)
class Child:
    """A minor: who has custody, in words, and where that is entered."""

    sentence: str
    of_age: str
    change: str


def _children(members: Sequence[Member], words: Words, on: date) -> Iterator[Child]:
    names = {str(m.person.case): m.person.name for m in members}
    for member in members:
        case = member.case
        record = case.content.person if case else None
        if case is None or record is None or not is_minor(case, on):
            continue
        custody = record.text("custody")
        who = ", ".join(_guardians(record, names, words))
        yield Child(
            sentence=words.gettext("%(child)s: %(custody)s, %(who)s")
            % {
                "child": member.person.name,
                "custody": words.code(custody, "custody")
                if custody
                else words.gettext("custody not entered"),
                "who": who or words.gettext("nobody named"),
            },
            of_age=_of_age(member.person, words, on),
            change=f"/cases/{case.file.id}/details/family/{record.id}",
        )


def _guardians(record: Record, names: Mapping[str, str], words: Words) -> Iterator[str]:
    listed = record.values.get("guardians")
    for item in listed if isinstance(listed, list) else []:
        if isinstance(item, str):
            stranger = words.gettext("a person whose case is not here")
            yield names.get(item, stranger)
        elif isinstance(item, Mapping):
            yield ", ".join(str(item[n]) for n in ("name", "body") if item.get(n))


def _of_age(person: PersonRow, words: Words, on: date) -> str:
    """From 60 days before the 18th birthday on: whose consent is needed then (FR-13)."""
    day = birthday(PartialDate(person.birth).first, ADULT)
    if day - on > _SOON_OF_AGE:
        return ""
    sentence = words.gettext(
        "Of age on %(day)s at the earliest: the consents of those with custody end then."
    )
    return sentence % {"day": words.day(day)}


# -- Joining -----------------------------------------------------------------------------


async def _search(request: web.Request) -> web.Response:
    return await remember_search(request, f"/cases/{case_id(request)}/household/join")


async def _ask_join(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    if case.file.baton is not Baton.ACTIVE:
        return await see_other(request, f"/cases/{case.file.id}/household")
    frame = {"since": (shown_day(today(request)),)}
    return await _join_page(request, case, Form(frame))


async def _join_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    words, me = words_of(request), account_of(request).actor
    typed = await searched(request)
    people = await people_of(request)
    hits = [hit.person for hit in people.search(typed, me)] if typed else []
    chosen = ids([form.text("case")], CaseId)
    hits += people.among([c for c in chosen if c not in {p.case for p in hits}])
    return await case_page(
        request,
        "household_join.html",
        case,
        status=status,
        form=form,
        searched=typed,
        rows=[
            row
            for row in await found(request, hits)
            if row.is_own
            and row.person.baton is Baton.ACTIVE
            and row.person.case != case.file.id
        ],
        roles=[(c, words.code(c, "hh_role")) for c in code_list("hh_role").codes],
    )


async def _join(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await opened_case(request, case_id(request))
    chosen, since = ids([form.text("case")], CaseId), typed_day(form.text("since"))
    errors = {}
    if not chosen:
        errors["case"] = words.gettext("Please choose who joins.")
    if since is None:
        errors["since"] = words.gettext("Please write the day like 03.12.2026.")
    if form.text("role") not in code_list("hh_role").codes:
        errors["role"] = words.gettext("Please choose from the list.")
    if errors or since is None:
        return await _join_page(request, case, form.with_errors(errors), status=422)
    other = await opened_case(request, chosen[0])
    together = Together(
        case=other.file.id,
        joins=case.file.id,
        role=form.text("role"),
        epochs={
            case.file.id: form.number("_epoch"),
            other.file.id: other.file.epoch,
        },
        since=since,
    )
    try:
        await parts.run.write(join, parts.office, together, by=actor(request))
    except StaleEpochError:
        return await stale(request, case.file.id)
    except InputError:
        wrong = {"case": words.gettext("They live together already.")}
        return await _join_page(request, case, form.with_errors(wrong), status=422)
    saved = words.gettext("The household was changed.")
    return await see_other(request, f"/cases/{case.file.id}/household", saved=saved)


# -- Leaving -----------------------------------------------------------------------------


async def _ask_split(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    if case.file.baton is not Baton.ACTIVE or case.file.household is None:
        return await see_other(request, f"/cases/{case.file.id}/household")
    return await _split_page(
        request, case, Form({"since": (shown_day(today(request)),)})
    )


async def _split_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    members = await _members(request, case)
    able = [m for m in members if m.case and m.case.file.baton is Baton.ACTIVE]
    return await case_page(
        request,
        "household_split.html",
        case,
        status=status,
        form=form,
        members=[(str(m.person.case), m.person.name) for m in able],
        others=[m.person.name for m in members if m not in able],
        epochs={f"_epoch_{m.person.case}": m.case.file.epoch for m in able if m.case},
    )


async def _split(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    case = await opened_case(request, case_id(request))
    leaving, since = ids(form.all("members"), CaseId), typed_day(form.text("since"))
    errors = {}
    if not leaving:
        errors["members"] = words.gettext("Please choose who lives apart now.")
    if since is None:
        errors["since"] = words.gettext("Please write the day like 03.12.2026.")
    if errors or since is None:
        return await _split_page(request, case, form.with_errors(errors), status=422)
    epochs = {one: form.number(f"_epoch_{one}") for one in leaving}
    try:
        await parts.run.write(
            split_off, parts.office, epochs, since=since, by=actor(request)
        )
    except StaleEpochError:
        return await stale(request, case.file.id)
    except InputError:
        wrong = {
            "members": words.gettext("Somebody must stay. Please untick one person.")
        }
        return await _split_page(request, case, form.with_errors(wrong), status=422)
    saved = words.gettext("The household was changed.")
    return await see_other(request, f"/cases/{case.file.id}/household", saved=saved)
