"""Figures about work: talks and other entries, plans, goals, handovers.

Enters: facts and a frame. Leaves: what is counted, one ``Counted`` per thing. Must never
happen: a talk with several persons counted more than once (FR-7); an entry, plan or goal
that came from another office counted as own work (FR-8). Implements the field document,
chapter 5 (plans_created to days_to_grant); FR-6, FR-9.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from statistics import median
from typing import Final

from node.report import figures
from node.report.facts import RESPONSIBILITY, Fact, Facts, Handed
from node.report.figures import (
    UNKNOWN,
    Counted,
    Frame,
    by_worker,
    known_code,
    months_before,
)

DURATIONS: Final = ("15", "30", "60", "longer")
"""Classes of minutes: up to 15, 30, 60, longer than an hour."""

SETTLED: Final = frozenset({"reached", "partly_reached", "given_up", "not_reached"})
"""Goals with a result; postponed and adapted ones have none yet (FR-9)."""

_REVIEWED_MONTHS: Final = 6


# -- Talks and other entries -------------------------------------------------------------


def _entries(facts: Facts, frame: Frame, kind: str) -> Iterator[Counted]:
    """Own entries of a kind in the period, each once however many persons it has."""
    copies: dict[str, list[Fact]] = {}
    since, until = frame.first, frame.last
    for fact in facts.of("contact"):
        # The day first, without a call: most entries are of other days.
        if fact.on is None or not since <= fact.on <= until:
            continue
        if fact.is_own and fact.text("kind") == kind:
            copies.setdefault(fact.entry, []).append(fact)
    for entry, listed in copies.items():
        first = listed[0]
        # The copy of an erased case that lives on in another one counts there.
        if first.codes.get("shared"):
            continue
        persons = tuple(sorted(fact.person for fact in listed))
        yield Counted(entry, by_worker(first), persons, _splits(first))


def _splits(fact: Fact) -> Mapping[str, str]:
    return {
        "form": known_code("contact_form", fact.text("form")),
        "topic": known_code("area", fact.text("topics").partition(".")[0]),
        "duration": _duration(fact.codes.get("minutes")),
        "interpreter": known_code("interpreter", fact.text("interpreter")),
        "service": known_code("service", fact.text("referred_to")),
        "outcome": known_code("outcome", fact.text("outcome")),
        "month": fact.on.isoformat()[:7] if fact.on else UNKNOWN,
    }


def _duration(minutes: object) -> str:
    if not isinstance(minutes, int):
        return UNKNOWN
    return next((name for name in DURATIONS[:3] if minutes <= int(name)), DURATIONS[3])


def talks(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Own talks in the period."""
    return _entries(facts, frame, "talk")


def talk_persons(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Different persons in own talks of the period."""
    seen: set[tuple[str, str]] = set()
    for fact in facts.of("contact"):
        if not frame.holds(fact.on) or fact.text("kind") != "talk" or not fact.is_own:
            continue
        if (fact.person, by_worker(fact)) not in seen:
            seen.add((fact.person, by_worker(fact)))
            yield Counted(fact.person, by_worker(fact), (fact.person,))


def contacts(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Own entries of kind contact."""
    return _entries(facts, frame, "contact")


def coordination(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Own entries of kind coordination."""
    return _entries(facts, frame, "coordination")


def attempts(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Own entries of kind attempt."""
    return _entries(facts, frame, "attempt")


def referrals(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Own talks and contacts in which somebody was referred to a service."""
    referred = {fact.entry for fact in facts.of("contact") if fact.text("referred_to")}
    # Seldom is anybody referred.
    for kind in ("talk", "contact") if referred else ():
        for counted in _entries(facts, frame, kind):
            if counted.key in referred:
                yield counted


# -- Plans and goals ---------------------------------------------------------------------


def _plan_name(fact: Fact) -> str:
    return f"{fact.person}/{fact.text('plan') or fact.entry}"


def _plan_number(fact: Fact) -> int:
    number = fact.codes.get("plan_version")
    return number if isinstance(number, int) else 1


def _agreed(fact: Fact, frame: Frame) -> bool:
    is_agreed = fact.text("status") != "draft"
    return fact.is_own and is_agreed and frame.holds(fact.on)


def plans_created(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """First versions agreed in the period, one per plan."""
    found = {
        _plan_name(fact): fact
        for fact in facts.of("plan")
        if _plan_number(fact) == 1 and _agreed(fact, frame)
    }
    for name, fact in found.items():
        yield Counted(name, by_worker(fact), (fact.person,))


def plans_updated(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Later versions agreed in the period, one per version."""
    found = {
        f"{_plan_name(fact)}/{_plan_number(fact)}": fact
        for fact in facts.of("plan")
        if _plan_number(fact) > 1 and _agreed(fact, frame)
    }
    for name, fact in found.items():
        yield Counted(name, by_worker(fact), (fact.person,))


def plans_in_force(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Plans that were in force on the key date, of persons who were ours."""
    plans: dict[str, list[Fact]] = {}
    for fact in facts.of("plan"):
        if fact.text("status") not in {"draft", "agreed"} and fact.on is not None:
            plans.setdefault(_plan_name(fact), []).append(fact)
    ours = {
        fact.person: fact for fact in figures.responsible_facts(facts, frame.key_date)
    }
    for name, versions in plans.items():
        person = versions[0].person
        if person in ours and _is_in_force(versions, frame.key_date):
            yield Counted(name, by_worker(ours[person]), (person,))


def _is_in_force(versions: list[Fact], on: date) -> bool:
    """Agreed by then, and the newest version has not ended by then."""
    newest = max(versions, key=lambda fact: (_plan_number(fact), fact.known_at))
    begun = min(fact.on for fact in versions if fact.on is not None)
    ended = newest.day("ended_on")
    if newest.text("status") in {"ended", "superseded"} and ended is None:
        return False
    return begun <= on and (ended is None or on < ended)


def plans_reviewed(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Plans in force whose person had a review in the six months before the key date."""
    since = months_before(frame.key_date, _REVIEWED_MONTHS)
    for counted in plans_in_force(facts, frame):
        if any(
            fact.on is not None and since < fact.on <= frame.key_date
            for person in counted.persons
            for fact in facts.of_person("review", person)
        ):
            yield counted


def goals(facts: Facts, frame: Frame) -> Iterator[Counted]:  # noqa: ARG001 - as they all are
    """Own goals as they stood at the end of the key date."""
    for fact in facts.goals:
        if fact.is_own:
            yield Counted(
                fact.entry,
                by_worker(fact),
                (fact.person,),
                {
                    "status": known_code("goal_status", fact.text("status")),
                    "area": known_code("area", fact.text("area").partition(".")[0]),
                },
            )


def goals_reached(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Goals that were reached."""
    return (g for g in goals(facts, frame) if g.splits["status"] == "reached")


def goals_settled(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Goals with a result."""
    return (g for g in goals(facts, frame) if g.splits["status"] in SETTLED)


# -- Handovers ---------------------------------------------------------------------------


def _handed(facts: Facts, frame: Frame, *, is_outward: bool) -> Iterator[Handed]:
    for handed in facts.handed:
        if handed.is_outward is is_outward and frame.holds(handed.imported_on):
            yield handed


def _whose(handed: Handed) -> str:
    return str(handed.worker) if handed.worker else ""


def transfers_out(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Handovers to others that were taken over in the period."""
    for handed in _handed(facts, frame, is_outward=True):
        yield Counted(handed.number, _whose(handed), ())


def transfers_in(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Handovers from others that were taken over in the period."""
    for handed in _handed(facts, frame, is_outward=False):
        yield Counted(handed.number, _whose(handed), ())


def transfers_out_persons(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Persons in them."""
    return _heads(_handed(facts, frame, is_outward=True))


def transfers_in_persons(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Persons in them."""
    return _heads(_handed(facts, frame, is_outward=False))


def _heads(listed: Iterator[Handed]) -> Iterator[Counted]:
    for handed in listed:
        for number in range(handed.persons):
            yield Counted(f"{handed.number}/{number}", _whose(handed), ())


def refused(facts: Facts, frame: Frame) -> Iterator[Counted]:
    """Handovers that were refused in the period, at either end."""
    for handed in facts.handed:
        if frame.holds(handed.refused_on):
            code = known_code("refusal", handed.refusal)
            yield Counted(handed.number, _whose(handed), (), {"refusal": code})


def days_to_grant(facts: Facts, frame: Frame) -> list[int]:
    """Days from offer to opening, of handovers that were opened in the period."""
    return [
        (handed.granted_on - handed.offered_on).days
        for handed in facts.handed
        if handed.granted_on is not None
        and handed.offered_on is not None
        and frame.holds(handed.granted_on)
    ]


def measured(days: Sequence[int], measure: str) -> int | None:
    """The median, half days rounded up, or the maximum; None of nothing."""
    if not days:
        return None
    return max(days) if measure == "maximum" else int(median(days) + 0.5)


Figure = Callable[[Facts, Frame], Iterator[Counted]]

FIGURES: Final[Mapping[str, tuple[Figure, frozenset[str]]]] = {
    name: (figure, frozenset(kinds.split()))
    for name, figure, kinds in (
        ("responsible", figures.responsible, f"{RESPONSIBILITY} language"),
        ("cared_for", figures.cared_for, f"{RESPONSIBILITY} care_status contact"),
        (
            "not_cared_for",
            figures.not_cared_for,
            f"{RESPONSIBILITY} care_status contact",
        ),
        ("arrivals", figures.arrivals, RESPONSIBILITY),
        ("departures", figures.departures, RESPONSIBILITY),
        ("closures", figures.closures, "care_status"),
        ("level_changes", figures.level_changes, f"{RESPONSIBILITY} language"),
        ("limit_soon", figures.limit_soon, f"{RESPONSIBILITY} person"),
        ("over_limit", figures.over_limit, f"{RESPONSIBILITY} person"),
        ("plans_created", plans_created, "plan"),
        ("plans_updated", plans_updated, "plan"),
        ("plans_in_force", plans_in_force, f"{RESPONSIBILITY} plan"),
        ("plans_reviewed", plans_reviewed, f"{RESPONSIBILITY} plan review"),
        ("talks", talks, "contact"),
        ("talk_persons", talk_persons, "contact"),
        ("contacts", contacts, "contact"),
        ("coordination", coordination, "contact"),
        ("attempts", attempts, "contact"),
        ("referrals", referrals, "contact"),
        ("goals", goals, "goal"),
        ("goals_reached", goals_reached, "goal"),
        ("goals_settled", goals_settled, "goal"),
        ("transfers_out", transfers_out, ""),
        ("transfers_out_persons", transfers_out_persons, ""),
        ("transfers_in", transfers_in, ""),
        ("transfers_in_persons", transfers_in_persons, ""),
        ("refused", refused, ""),
    )
}
"""Every indicator that counts things, with the kinds of facts it needs."""

BY_ENTRY: Final = frozenset(
    {"closures", "talks", "contacts", "coordination", "attempts", "referrals"}
    | {"goals", "goals_reached", "goals_settled"}
)
"""What is counted of an entry depends on the copies of this entry alone."""

OF_HANDOVERS: Final = frozenset(
    {"transfers_out", "transfers_out_persons", "transfers_in", "transfers_in_persons"}
    | {"refused", "days_to_grant"}
)
"""What counts handovers, which are no facts about a person."""

BY_PERSON: Final = FIGURES.keys() - BY_ENTRY - OF_HANDOVERS
"""What is counted of a person depends on the facts about this person alone."""
