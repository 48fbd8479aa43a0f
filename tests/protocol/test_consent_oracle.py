"""The gate against a second opinion: another program for the same rules, by brute force.

The oracle asks category by category and document by document, reads the statements as a
list of spoken words, knows summer time by its own arithmetic and compares birthdays as
texts. It shares no decision with the gate, only the values both are asked about.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.cases.consent import (
    RESPONSIBLE_AT_NEW_PLACE,
    Basis,
    Consent,
    GivenBy,
    Member,
    Permit,
    Recipient,
    Wish,
    gate,
)
from node.cases.model import PartialDate
from node.ids import AccountId, Ags, CaseId, RecordId
from tests.support.people import (
    SAECKINGEN,
    SECOND,
    WEHR,
    WORKER,
    case_id,
    consent,
    record_id,
)

ALL = [f"K{n:02d}" for n in range(1, 17)]
STATUTES = frozenset({"p1"})
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Question:
    members: tuple[Member, ...]
    wishes: dict[CaseId, Wish]
    recipient: Recipient
    at: datetime
    second: AccountId | None
    prepared_by: AccountId | None


# -- The oracle --------------------------------------------------------------------------


def last_sunday(year: int, month: int) -> int:
    return max(d for d in range(25, 32) if date(year, month, d).isoweekday() == 7)


def wall_clock(at: datetime) -> str:
    """Berlin time as text: an hour ahead of UTC, two from late March to late October."""
    summer = datetime(at.year, 3, last_sunday(at.year, 3), 1, tzinfo=UTC)
    winter = datetime(at.year, 10, last_sunday(at.year, 10), 1, tzinfo=UTC)
    ahead = 2 if summer <= at < winter else 1
    return (at + ahead * HOUR).strftime("%Y-%m-%d")


def age(born: str, today: str) -> int:
    """Full years; texts compare like dates, and 29 February comes after the 28th."""
    years = int(today[:4]) - int(born[:4])
    return years if today[4:] >= born[4:] else years - 1


def possible_ages(member: Member, today: str) -> tuple[int, int]:
    """The youngest and the oldest that the person can be."""
    if member.birth is None:
        return -1000, 1000
    text = member.birth.text
    first, last = text, text
    if len(text) == 4:
        first, last = text + "-01-01", text + "-12-31"
    if len(text) == 7:
        first, last = text + "-01", text + "-" + days_in(text)
    return age(last, today), age(first, today)


def days_in(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    lengths = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    return str(lengths[number - 1])


def concerns(said: Consent, recipient: Recipient) -> bool:
    if said.declined_on and not said.recipients:
        return True
    for name in said.recipients:
        kind, _, rest = name.partition(":")
        if kind == "member" and rest == recipient.member:
            return True
        if not recipient.responsible:
            continue
        if kind == "class" and rest == "responsible_at_new_place":
            return True
        district = str(recipient.member).split("-")[0]
        places = {str(recipient.ags)[: len(rest)], district[: len(rest)]}
        if kind == "ags" and len(rest) in (2, 3, 5, 8) and places == {rest}:
            return True
    return False


def last_word(spoken: list[Consent]) -> tuple[str, Consent] | None:
    """Lay all words on one line, a withdrawal behind what was said until then."""
    words: list[tuple[float, str, Consent]] = []
    for place, said in enumerate(spoken):
        if said.withdrawn_at:
            heard = [
                n for n, s in enumerate(spoken) if s.recorded_at <= said.withdrawn_at
            ]
            words.append((max([place, *heard]) + 0.5, "withdrawn", said))
        elif said.replaced_by:
            continue
        else:
            words.append((place, "no" if said.declined_on else "yes", said))
    if not words:
        return None
    _, word, said = max(words, key=lambda w: w[0])
    return word, said


def runs(said: Consent, today: str) -> bool:
    return said.valid_from.isoformat() <= today <= said.valid_until.isoformat()


def rightly_signed(said: Consent, member: Member) -> bool:
    strangers = [g for g in said.guardians if g not in member.guardians]
    absent = [g for g in member.guardians if g not in said.guardians]
    if strangers:
        return False
    table = {
        ("joint", "both_guardians"): not absent,
        ("joint", "authorised_guardian"): True,
        ("sole", "both_guardians"): not absent,
        ("sole", "guardian"): not member.guardians or bool(said.guardians),
        ("guardian", "appointed_guardian"): True,
    }
    return table.get((member.custody or "", str(said.given_by)), False)


def grounds(member: Member, q: Question) -> list[Consent] | None:
    """The statements that must all say yes, or None if somebody's word is missing."""
    today = wall_clock(q.at)
    spoken = [
        c
        for c in member.consents
        if c.case == member.case
        and c.purpose == "relocation"
        and concerns(c, q.recipient)
    ]
    final = last_word(spoken)
    if final is None:
        return None
    if final[1].basis == "statute":
        word, said = final
        good = (
            word == "yes"
            and runs(said, today)
            and said.statute in STATUTES
            and said.second is not None
            and said.second != said.recorded_by
        )
        return [said] if good else None
    consents = [c for c in spoken if c.basis == "consent"]
    own = last_word([c for c in consents if c.given_by == "self"])
    others = last_word([c for c in consents if c.given_by != "self"])
    youngest, oldest = possible_ages(member, today)
    theirs_needed, own_needed = youngest < 18, oldest >= 18
    obstacles = [
        own and oldest >= 16 and own[0] != "yes",
        theirs_needed and not speaks_for(others, today),
        theirs_needed and others and not rightly_signed(others[1], member),
        own_needed and not speaks_for(own, today),
    ]
    if any(obstacles):
        return None
    return [
        said[1]
        for said, is_needed in ((others, theirs_needed), (own, own_needed))
        if said and is_needed
    ]


def speaks_for(said: tuple[str, Consent] | None, today: str) -> bool:
    return said is not None and said[0] == "yes" and runs(said[1], today)


def heard_besides(member: Member, q: Question) -> list[Consent]:
    """A youth of 16 need not say yes, but what is left unticked is a no."""
    youngest, oldest = possible_ages(member, wall_clock(q.at))
    own = last_word(
        [
            c
            for c in member.consents
            if c.case == member.case
            and c.purpose == "relocation"
            and concerns(c, q.recipient)
            and c.given_by == "self"
            and c.basis == "consent"
        ]
    )
    return [own[1]] if own and 16 <= oldest < 18 and youngest < 18 else []


def may_leave(
    member: Member, q: Question
) -> tuple[frozenset[str], frozenset[RecordId]] | None:
    """What of this person may leave in this transfer; None if nothing may."""
    needed = grounds(member, q)
    if not needed:
        return None
    heard = needed
    if needed[0].basis == "consent":
        heard = needed + heard_besides(member, q)
    covered = {k for k in ALL if all(k in c.categories for c in heard)}
    papers = {d for d in heard[0].documents if all(d in c.documents for c in heard)}
    wish = q.wishes.get(member.case, Wish())
    chosen = set(wish.categories or ())
    if wish.categories is None:
        chosen = covered - {"K09", "K12", "K14", "K15"}
        if member.protection:
            chosen -= {"K07"}
    taken = set(wish.documents or ())
    if wish.documents is None and "K13" in chosen:
        taken = papers
    names = [f"statute:{c.statute}" if c.basis == "statute" else c.id for c in needed]
    companions = [m.case for m in q.members if m.case != member.case]
    by_statute = any(c.basis == "statute" for c in needed)
    four_eyes = chosen & {"K09", "K14"} or member.protection or by_statute
    obstacles = [
        member.secrecy_bound and any(not c.secrecy_release for c in needed),
        "K01" not in chosen,
        chosen - covered,
        taken - papers,
        taken and "K13" not in chosen,
        wish.basis is not None and wish.basis != "+".join(names),
        any(
            flag == "no_joint_transfer"
            and companions
            and (person is None or person in companions)
            for flag, person in member.protection
        ),
        four_eyes and (q.second is None or q.second == q.prepared_by),
    ]
    return None if any(obstacles) else (frozenset(chosen), frozenset(taken))


def first_end(q: Question) -> str:
    """The last local day on which every ground still stands."""
    days: list[str] = []
    for member in q.members:
        needed = grounds(member, q) or []
        days += [c.valid_until.isoformat() for c in needed]
        if needed[0].basis == "statute" or needed[0].given_by == "self":
            continue
        day = q.at
        while True:
            youngest, oldest = possible_ages(member, wall_clock(day + 24 * HOUR))
            if oldest >= 18 if len(needed) == 1 else youngest >= 18:
                days.append(wall_clock(day))
                break
            day += 24 * HOUR
            if wall_clock(day) > min(days):
                break
    return min(days)


# -- Questions ---------------------------------------------------------------------------

DAYS = [
    date(2026, 3, 28),
    date(2026, 3, 29),
    date(2026, 3, 30),
    date(2026, 7, 1),
    date(2026, 10, 24),
    date(2026, 10, 25),
    date(2026, 12, 31),
]
BIRTHS = [
    "1990-05-17",
    "1990-05-17",
    "1990-05-17",
    "1999",
    "2008",
    *["2008-03", "2008"] * 2,
    "2008-02-29",
    "2008-03-29",
    "2008-10-26",
    "2010-03-29",
    "2010",
    "2015-01-01",
    "2006-02",
]


class Dice(Random):
    """Chance with a mood: some questions are nearly without trouble, some full of it."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.trouble = self.choice([0.1, 0.1, 0.5, 1.5])

    def goes_wrong(self, chance: float) -> bool:
        return self.random() < chance * self.trouble


NAMES = [
    f"member:{SAECKINGEN}",
    RESPONSIBLE_AT_NEW_PLACE,
    RESPONSIBLE_AT_NEW_PLACE + "x",
    f"member:{WEHR}",
    "ags:08337",
    "ags:08337096",
    "ags:",
    "ags:09",
]
GIVERS = {
    "joint": GivenBy.BOTH_GUARDIANS,
    "sole": GivenBy.GUARDIAN,
    "guardian": GivenBy.APPOINTED_GUARDIAN,
}


def spoken(dice: Dice, person: Member, number: int) -> Consent:
    ids = list(person.guardians)
    theirs = GIVERS.get(person.custody or "", GivenBy.BOTH_GUARDIANS)
    born = person.birth.text if person.birth else ""
    fitting = {"1": [GivenBy.SELF], "2": [theirs, theirs, GivenBy.SELF]}
    givers = fitting.get(born[:1], list(GivenBy))
    signed = dice.sample(ids, dice.randint(0, len(ids)))
    named = dice.sample(NAMES, dice.choice([1, 2, 3]))
    said = consent(
        case_id(9) if dice.goes_wrong(0.05) else person.case,
        number,
        given_by=dice.choice(list(GivenBy) if dice.goes_wrong(0.3) else givers),
        guardians=tuple(signed if dice.goes_wrong(0.5) else ids),
        purpose="statistics" if dice.goes_wrong(0.07) else "relocation",
        recipients=tuple(named if dice.goes_wrong(0.6) else named + NAMES[:2]),
        categories=frozenset(
            k
            for k in [*ALL, "K17", "k01"]
            if not dice.goes_wrong(0.05 if k == "K01" else 0.15)
        ),
        documents=frozenset(record_id(n) for n in range(4) if dice.random() < 0.7),
        valid_from=dice.choice(DAYS) if dice.goes_wrong(0.5) else date(2025, 1, 1),
        valid_until=dice.choice(DAYS) if dice.goes_wrong(0.5) else date(2027, 1, 1),
        recorded_at=datetime(2026, 1, 1, tzinfo=UTC) + dice.choice([number, 5]) * HOUR,
        secrecy_release=not dice.goes_wrong(0.4),
    )
    fate = dice.random() / dice.trouble
    if fate < 0.1:
        said = replace(said, declined_on=date(2026, 1, 1))
        if fate < 0.03:
            said = replace(said, recipients=())
    elif fate < 0.2:
        hours = dice.choice([0, 1, 2, 5, 9, 5000])
        said = replace(said, withdrawn_at=said.recorded_at + hours * HOUR)
    elif fate < 0.25:
        said = replace(said, replaced_by=said.id)
    elif fate < 0.35:
        said = replace(
            said,
            basis=Basis.STATUTE,
            statute=dice.choice(["p1", "p1", "p2", None]),
            second=dice.choice([SECOND, SECOND, WORKER, None]),
        )
    return said


def someone(dice: Dice, case: CaseId) -> Member:
    ids = [case_id(20), case_id(21)]
    flag = dice.choice(["no_joint_transfer", "address_blocked", "threatened"])
    person = Member(
        case,
        (),
        birth=None if dice.goes_wrong(0.05) else PartialDate(dice.choice(BIRTHS)),
        custody=dice.choice(
            ["joint"] * 4 + ["sole"] * 3 + ["guardian", "unclear", None]
        ),
        guardians=tuple(dice.choice([ids, ids, ids[:1], []])),
        protection=((flag, dice.choice([None, case_id(1), case_id(2)])),)
        if dice.goes_wrong(0.15)
        else (),
        secrecy_bound=dice.goes_wrong(0.3),
    )
    told = [spoken(dice, person, n) for n in range(dice.choice([1, 1, 2, 3, 3, 0]))]
    told.sort(key=lambda c: c.recorded_at)
    return replace(person, consents=tuple(told))


def wished(dice: Dice, member: Member) -> Wish:
    some = dice.choice(member.consents) if member.consents else None
    pool = sorted(some.categories) if some else ALL
    wish = Wish()
    if dice.random() < 0.6:
        chosen = {k for k in pool if dice.random() < 0.4}
        wish = replace(wish, categories=frozenset(chosen | {"K01"}))
    if dice.goes_wrong(0.2):
        papers = frozenset(record_id(n) for n in range(4) if dice.random() < 0.3)
        wish = replace(wish, documents=papers)
    if dice.goes_wrong(0.4) and some:
        wish = replace(wish, basis=dice.choice([str(some.id), "statute:p1"]))
    return wish


def question(seed: int) -> Question:
    dice = Dice(seed)
    members = tuple(
        someone(dice, case_id(n + 1)) for n in range(dice.choice([1, 1, 1, 2, 3]))
    )
    midnight = datetime.combine(dice.choice(DAYS), datetime.min.time(), UTC)
    at = midnight + dice.choice([-3, -2, -1, 0, 10, 21, 22, 23]) * HOUR
    at += timedelta(microseconds=dice.choice([-1, 0, 0, 1]))
    return Question(
        members,
        {m.case: wished(dice, m) for m in members if dice.random() < 0.5},
        Recipient(SAECKINGEN, Ags("08337096"), responsible=not dice.goes_wrong(0.2)),
        at,
        second=dice.choice([None, WORKER]) if dice.goes_wrong(0.4) else SECOND,
        prepared_by=dice.choice([None, WORKER]),
    )


def answer(q: Question) -> Permit | None:
    given = gate(
        q.members,
        q.wishes,
        q.recipient,
        purpose="relocation",
        at=q.at,
        second=q.second,
        prepared_by=q.prepared_by,
        statutes=STATUTES,
    )
    if isinstance(given, Permit):
        return given
    refused = [case for case, _ in given.reasons]
    assert refused == [m.case for m in q.members if may_leave(m, q) is None]
    return None


@pytest.mark.spec("DO-13", "HO-29", "FR-20")
@settings(max_examples=3000, deadline=None, derandomize=True)
@given(st.integers(0, 2**63))
def test_gate_and_oracle_agree(seed: int) -> None:
    q = question(seed)
    permit = answer(q)
    expected = [may_leave(m, q) for m in q.members]
    if permit is None:
        assert None in expected
        return
    assert [(c.categories, c.documents) for c in permit.cases] == expected
    assert wall_clock(permit.until - timedelta(microseconds=1)) == first_end(q)
    assert wall_clock(permit.until) > first_end(q)


def test_the_questions_have_both_answers() -> None:
    """An oracle that always hears no would prove nothing."""
    given = [answer(question(seed)) for seed in range(1500)]
    yes = [permit for permit in given if permit]
    assert len(yes) > 200
    assert len(given) - len(yes) > 200
    assert any(len(case.bases) == 2 for permit in yes for case in permit.cases)
    grounds_seen = {case.basis.basis for permit in yes for case in permit.cases}
    assert grounds_seen == set(Basis)
