"""Every figure by a few facts made by hand: what counts, and what does not."""

from datetime import UTC, date, datetime

import pytest

from node.ids import AccountId
from node.report.definition import SPLITS, definition, definitions
from node.report.facts import COUNTED, RESPONSIBILITY, Fact, Facts, Handed
from node.report.figures import Frame, months_before
from node.report.tables import TOTAL, ask_of, kinds_of, thaw
from node.report.workfigures import FIGURES, measured
from tests.support.plaincount import table_of

FRAME = Frame(date(2020, 4, 1), date(2021, 3, 15))
ONE, TWO = AccountId("1" * 32), AccountId("2" * 32)
AT = datetime(2020, 5, 1, tzinfo=UTC)


def fact(
    kind, /, person="a", entry="e", on="2020-05-01", worker=ONE, own=True, **codes
):
    day = date.fromisoformat(on) if on else None
    return Fact(kind, person, entry, day, codes, worker, AT, is_own=own)


def ours(person="a", on="2019-01-01", until="", worker=ONE):
    return fact(RESPONSIBILITY, person, f"{person}/{on}", on, worker, until=until)


def care(person="a", state="cared_for", on="2019-01-02"):
    return fact("care_status", person, f"c{person}{on}", on, care_status=state)


def talk(person="a", entry="t1", on="2020-06-01", **codes):
    own = codes.pop("own", True)
    worker = codes.pop("worker", ONE)
    codes = {"kind": "talk", "form": "office", **codes}
    return fact("contact", person, entry, on, worker, own, **codes)


def count(name, *facts, frame=FRAME, **more):
    figure, _ = FIGURES[name]
    return list(figure(Facts(tuple(facts), **more), frame))


def keys(name, *facts, **more):
    return sorted(thing.key for thing in count(name, *facts, **more))


# ---- People ----------------------------------------------------------------------------


@pytest.mark.spec("FR-3", "DO-5")
@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [
        ("2021-03-15", "", True),
        ("2021-03-16", "", False),
        ("2019-01-01", "2021-03-15", True),
        ("2019-01-01", "2021-03-14", False),
    ],
)
def test_both_ends_of_a_time_of_responsibility_count(first, last, counts):
    assert bool(keys("responsible", ours(on=first, until=last))) is counts


def test_a_person_who_came_back_is_one_person():
    found = keys("responsible", ours(until="2020-01-01"), ours(on="2020-06-01"))
    assert found == ["a"]
    assert len(count("arrivals", ours(until="2020-01-01"), ours(on="2020-06-01"))) == 1


@pytest.mark.spec("DO-2", "FR-5")
def test_neither_a_status_without_contact_nor_a_contact_without_status_is_care():
    people = [ours(p) for p in "abcd"]
    states = [care("a"), care("b"), care("c", "declined")]
    talks = [talk("a"), talk("c"), talk("d")]
    assert keys("cared_for", *people, *states, *talks) == ["a"]
    reasons = {
        thing.key: thing.splits["reason"]
        for thing in count("not_cared_for", *people, *states, *talks)
    }
    assert reasons == {"b": "no_contact", "c": "declined", "d": "unknown"}


@pytest.mark.spec("FR-5")
@pytest.mark.parametrize(
    ("on", "counts"),
    [("2020-03-15", False), ("2020-03-16", True), ("2021-03-15", True)],
)
def test_the_window_begins_on_the_day_after(on, counts):
    assert bool(keys("cared_for", ours(), care(), talk(on=on))) is counts


@pytest.mark.spec("FR-5", "FR-8")
@pytest.mark.parametrize(
    "codes", [{"kind": "coordination"}, {"kind": "attempt"}, {"own": False}]
)
def test_only_an_own_talk_or_contact_is_care(codes):
    assert keys("cared_for", ours(), care(), talk(**codes)) == []
    assert keys("cared_for", ours(), care(), talk(kind="contact")) == ["a"]


@pytest.mark.spec("FR-4")
def test_the_state_of_care_is_the_last_one_that_had_begun():
    later = care(state="declined", on="2021-03-16")
    assert keys("cared_for", ours(), care(), later, talk()) == ["a"]
    on_the_day = care(state="declined", on="2021-03-15")
    assert keys("cared_for", ours(), care(), on_the_day, talk()) == []


def test_the_window_before_a_leap_day_begins_at_the_end_of_february():
    assert months_before(date(2020, 2, 29), 12) == date(2019, 2, 28)
    assert months_before(date(2021, 3, 31), 1) == date(2021, 2, 28)
    assert months_before(date(2021, 1, 5), 36) == date(2018, 1, 5)


@pytest.mark.spec("FR-1")
@pytest.mark.parametrize(
    ("start", "soon", "over"),
    [
        ("2018-06-14", 1, 0),
        ("2018-06-15", 0, 0),
        ("2018-03-16", 1, 0),
        ("2018-03-15", 0, 1),
    ],
)
def test_the_clock_warns_90_days_before_and_is_over_a_day_after(start, soon, over):
    person = fact("person", on="", counselling_start=start)
    assert len(count("limit_soon", ours(), person)) == soon
    assert len(count("over_limit", ours(), person)) == over


def test_german_has_improved_if_the_level_is_higher_at_the_end():
    levels = [
        fact("language", "a", "l1", "2019-05-01", language="de", level="A1"),
        fact("language", "a", "l2", "2020-09-01", language="de", level="B1"),
        fact("language", "b", "l3", "2019-05-01", language="de", level="A1"),
        fact("language", "b", "l4", "2021-04-01", language="de", level="B1"),
        fact("language", "c", "l5", "2020-09-01", language="de", level="B1"),
        fact("language", "d", "l6", "2020-09-01", language="fr", level="C1"),
    ]
    assert keys("level_changes", *(ours(p) for p in "abcd"), *levels) == ["a"]


def test_closures_are_counted_by_their_reason_and_only_own_ones():
    gone = {"closure_reason": "left_germany", "closed_on": "2020-12-01"}
    here = fact("care_status", "a", "x", "2020-12-02", **gone)
    came = fact("care_status", "b", "y", "2020-12-02", own=False, **gone)
    before = fact("care_status", "c", "z", "2019-12-02", closure_reason="other")
    found = count("closures", here, came, before)
    assert [thing.splits for thing in found] == [{"closure": "left_germany"}]


# ---- Work ------------------------------------------------------------------------------


@pytest.mark.spec("DO-3", "FR-7")
def test_a_talk_with_four_persons_is_one_talk_and_reaches_four():
    copies = [talk(p, "t9") for p in "abcd"]
    assert keys("talks", *copies) == ["t9"]
    assert keys("talk_persons", *copies) == ["a", "b", "c", "d"]
    assert keys("talk_persons", talk("a", "t1"), *copies) == ["a", "b", "c", "d"]


@pytest.mark.spec("DO-4", "FR-8")
def test_what_came_from_another_office_is_no_own_work():
    came = [talk(entry=f"t{n}", own=False) for n in range(30)]
    assert keys("talks", *came) == []
    assert keys("talk_persons", *came) == []
    plan = fact("plan", own=False, status="in_force", plan_version=1)
    assert keys("plans_created", plan) == []
    assert keys("goals", goals=(fact("goal", own=False, status="open"),)) == []


@pytest.mark.parametrize(
    ("on", "counts"), [("2020-03-31", 0), ("2020-04-01", 1), ("2021-03-16", 0)]
)
def test_only_days_of_the_period_count(on, counts):
    assert len(count("talks", talk(on=on))) == counts


@pytest.mark.parametrize(
    ("minutes", "duration"),
    [(15, "15"), (16, "30"), (60, "60"), (61, "longer"), (480, "longer"), (0, "15")],
)
def test_talks_are_sorted_by_how_long_they_took(minutes, duration):
    (found,) = count("talks", talk(minutes=minutes))
    assert found.splits["duration"] == duration


@pytest.mark.spec("DO-29", "FR-26")
def test_codes_that_nobody_knows_are_counted_as_unknown():
    strange = talk(form="zz-test", topics="zz-test", interpreter="zz-test")
    (found,) = count("talks", strange)
    splits = found.splits
    assert {splits[name] for name in ("form", "topic", "interpreter")} == {"unknown"}
    (goal,) = count("goals", goals=(fact("goal", status="zz-test", area="zz"),))
    assert goal.splits == {"status": "unknown", "area": "unknown"}
    state = care(state="zz-test")
    (person,) = count("not_cared_for", ours(), state)
    assert person.splits == {"reason": "unknown"}


@pytest.mark.spec("DO-33", "FR-7")
def test_the_copy_of_an_erased_case_does_not_count_beside_the_one_that_lives():
    gone = talk("~1", "~1/4", shared=True)
    assert keys("talks", talk("b", "t9"), gone) == ["t9"]
    assert keys("talk_persons", talk("b", "t9"), gone) == ["b", "~1"]
    assert keys("talks", talk("~2", "~2/3")) == ["~2/3"]


def test_the_main_topic_is_the_first_and_a_referral_names_its_service():
    (found,) = count("referrals", talk(topics="04.1", referred_to="job_centre"))
    assert (found.splits["topic"], found.splits["service"]) == ("04", "job_centre")
    assert count("referrals", talk()) == []


def plan(version, on, status="in_force", **codes):
    return fact(
        "plan",
        "a",
        f"p{version}",
        on,
        plan="p",
        plan_version=version,
        status=status,
        **codes,
    )


@pytest.mark.spec("FR-10")
def test_a_plan_agreed_anew_is_one_plan_and_one_update():
    versions = [
        plan(1, "2020-04-05", "superseded", ended_on="2020-10-01"),
        plan(2, "2020-10-01"),
    ]
    assert keys("plans_created", *versions) == ["a/p"]
    assert keys("plans_updated", *versions) == ["a/p/2"]
    assert keys("plans_in_force", ours(), *versions) == ["a/p"]
    assert keys("plans_in_force", *versions) == []


@pytest.mark.parametrize(
    ("on", "status", "ended", "counts"),
    [
        ("2021-03-15", "in_force", "", 1),
        ("2021-03-16", "in_force", "", 0),
        ("2020-05-01", "ended", "2021-03-15", 0),
        ("2020-05-01", "ended", "2021-03-16", 1),
        ("2020-05-01", "draft", "", 0),
        ("2020-05-01", "superseded", "", 0),
    ],
)
def test_a_plan_is_in_force_from_its_day_until_the_day_it_ends(
    on, status, ended, counts
):
    codes = {"ended_on": ended} if ended else {}
    assert len(count("plans_in_force", ours(), plan(1, on, status, **codes))) == counts


def test_a_draft_is_no_plan():
    assert count("plans_created", plan(1, "2020-05-01", "draft")) == []


def test_a_plan_counts_as_reviewed_for_six_months():
    recent = fact("review", on="2020-09-16")
    old = fact("review", on="2020-09-15")
    assert len(count("plans_reviewed", ours(), plan(1, "2020-05-01"), recent)) == 1
    assert len(count("plans_reviewed", ours(), plan(1, "2020-05-01"), old)) == 0


@pytest.mark.spec("FR-9", "DO-8")
def test_postponed_and_adapted_goals_stay_out_of_the_attainment():
    states = ("reached", "postponed", "adapted", "not_reached", "open")
    goals = tuple(fact("goal", entry=s, status=s) for s in states)
    assert keys("goals_settled", goals=goals) == ["not_reached", "reached"]
    assert keys("goals_reached", goals=goals) == ["reached"]


def handed(number="h", is_outward=True, persons=3, refusal="", **days):
    of = {n: date.fromisoformat(v) for n, v in days.items()}
    return Handed(
        number,
        is_outward,
        persons,
        ONE,
        of.get("offered"),
        of.get("granted"),
        of.get("imported"),
        of.get("refused"),
        refusal,
    )


def test_handovers_are_counted_by_the_day_they_were_taken_over():
    done = handed(offered="2020-05-01", granted="2020-05-04", imported="2020-05-04")
    under_way = handed("u", offered="2020-06-01")
    no = handed("n", refused="2020-07-01", refusal="not_responsible")
    here = handed("i", is_outward=False, persons=2, imported="2020-08-01")
    listed = (done, under_way, no, here)
    assert keys("transfers_out", handed=listed) == ["h"]
    assert len(count("transfers_out_persons", handed=listed)) == 3
    assert len(count("transfers_in_persons", handed=listed)) == 2
    (refusal,) = count("refused", handed=listed)
    assert refusal.splits == {"refusal": "not_responsible"}


@pytest.mark.parametrize(
    ("days", "median", "maximum"),
    [([], None, None), ([3], 3, 3), ([1, 2], 2, 2), ([1, 9, 2], 2, 9)],
)
def test_days_are_measured_in_the_middle_and_at_most(days, median, maximum):
    assert measured(days, "median") == median
    assert measured(days, "maximum") == maximum


# ---- Tables ----------------------------------------------------------------------------


def test_every_indicator_of_a_definition_is_counted():
    assert set(SPLITS) == {*FIGURES, "days_to_grant"}
    for report in definitions():
        table = table_of(report, Facts(()), FRAME)
        assert table.rows[-1] == TOTAL
        assert kinds_of(report) <= {*COUNTED, RESPONSIBILITY}


def test_rows_are_caseworkers_and_a_person_reached_by_both_is_one():
    facts = Facts((talk("a", "t1"), talk("a", "t2", worker=TWO)))
    table = table_of(definition("gespraeche"), facts, FRAME)
    assert table.rows == (str(ONE), str(TWO), TOTAL)
    assert [table.number(row, "form") for row in table.rows] == [1, 1, 2]
    assert [table.number(row, "personen") for row in table.rows] == [1, 1, 1]
    assert table.number(TOTAL, "form.office") == 2
    alone = table_of(definition("gespraeche"), facts, FRAME, TWO)
    assert alone.number(TOTAL, "form") == 1


@pytest.mark.spec("DO-9")
def test_nobody_at_all_gives_a_report_without_rates():
    table = table_of(definition("auswertung-zeitraum"), Facts(()), FRAME)
    assert table.at(TOTAL, "zustaendig") == 0
    assert table.at(TOTAL, "quote") is None


def test_a_table_thawed_is_the_table_frozen():
    facts = Facts((ours(), care(), talk()))
    for report in definitions():
        table = table_of(report, facts, FRAME)
        again = thaw(report, table.encode())
        assert again == table
        assert again.digest == table.digest


def test_a_column_may_have_a_window_of_its_own():
    rule = definition("betreuung").column("betreut")
    old = talk(on="2019-01-01")
    assert list(ask_of(rule, FRAME).things(Facts((ours(), care(), old)))) == []
    wide = Frame(FRAME.first, FRAME.last, 36)
    assert len(list(ask_of(rule, wide).things(Facts((ours(), care(), old))))) == 1
