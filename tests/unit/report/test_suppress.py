"""Small numbers stay hidden, and nobody can compute one that does (DO-37)."""

from collections import defaultdict
from datetime import UTC, date, datetime
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.ids import AccountId
from node.report.definition import Audience, definition, read_definition
from node.report.facts import RESPONSIBILITY, Fact, Facts, Handed
from node.report.figures import Frame
from node.report.suppress import Edge, Mark, hidden_cells, protect, rows_for
from node.report.tables import TOTAL
from tests.support.plaincount import table_of

AT = datetime(2020, 5, 1, tzinfo=UTC)
FRAME = Frame(date(2020, 4, 1), date(2021, 3, 15))


def square(numbers, exact=()):
    """A table with row sums, column sums and a grand total, as a circulation."""
    rows, columns = len(numbers), len(numbers[0])
    edges = []
    for r, line in enumerate(numbers):
        for c, value in enumerate(line):
            edges.append(Edge((r, c), f"r{r}", f"c{c}", value))
        edges.append(Edge((r, "sum"), "all", f"r{r}", sum(line), "rows" in exact))
    for c in range(columns):
        down = sum(numbers[r][c] for r in range(rows))
        edges.append(Edge(("sum", c), f"c{c}", "foot", down))
    whole = sum(map(sum, numbers))
    edges.append(Edge(("sum", "sum"), "foot", "all", whole, "whole" in exact))
    return edges


def can_be_other(edge, edges, marks):
    """Whether what is shown leaves room for another number there: by trying all.

    Written apart from the program: assignments are tried, sums of nodes are compared.
    """
    hidden = [e for e in edges if e.cell in marks]
    largest = max(e.value for e in edges)

    least = 5 if Mark.SMALL in {marks[e.cell] for e in hidden} else 0

    def choices(e):
        is_small = marks[e.cell] is Mark.SMALL
        found = range(1, 5) if is_small else range(least, largest + 9)
        return sorted(found, key=lambda value: (abs(value - e.value), value))

    nodes = defaultdict(list)
    for e in hidden:
        nodes[e.tail].append((e, -1))
        nodes[e.head].append((e, 1))
    balance = defaultdict(int)
    for e in edges:
        if e.cell not in marks:
            balance[e.tail] -= e.value
            balance[e.head] += e.value
    order = [edge, *(e for e in hidden if e is not edge)]
    chosen = {}

    def fits(node):
        known = sum(chosen[e.cell] * way for e, way in nodes[node] if e.cell in chosen)
        waiting = [(e, way) for e, way in nodes[node] if e.cell not in chosen]
        rest = balance[node] + known
        low = sum(min(w * min(choices(e)), w * max(choices(e))) for e, w in waiting)
        high = sum(max(w * min(choices(e)), w * max(choices(e))) for e, w in waiting)
        return low <= -rest <= high

    def go(at):
        if at == len(order):
            return True
        e = order[at]
        for value in choices(e):
            if at == 0 and value == e.value:
                continue
            chosen[e.cell] = value
            if fits(e.tail) and fits(e.head) and go(at + 1):
                return True
            del chosen[e.cell]
        return False

    return go(0)


numbers = st.integers(1, 3).flatmap(
    lambda columns: st.lists(
        st.lists(st.integers(0, 8), min_size=columns, max_size=columns),
        min_size=1,
        max_size=3,
    )
)


@pytest.mark.spec("DO-37", "SC-61")
@settings(max_examples=250, deadline=None)
@given(numbers)
def test_no_hidden_cell_can_be_computed_from_those_that_are_shown(table):
    edges = square(table)
    marks = protect([edges])
    for edge in edges:
        if 0 < edge.value < 5:
            assert edge.cell in marks
        if edge.cell in marks:
            assert can_be_other(edge, edges, marks), (table, edge.cell, marks)


@pytest.mark.spec("DO-37")
@settings(max_examples=100, deadline=None)
@given(numbers)
def test_totals_that_are_always_shown_give_no_part_away_either(table):
    edges = square(table, exact=("rows", "whole"))
    marks = protect([edges])
    assert not any(edge.is_exact for edge in edges if edge.cell in marks)
    for edge in edges:
        # A total of nothing says that its parts are nothing: a 0 is no secret. Where all
        # that may be hidden is hidden, the total alone speaks.
        is_all = all(e.is_exact or e.cell in marks for e in edges)
        if edge.cell in marks and edge.value and not is_all:
            assert can_be_other(edge, edges, marks), (table, edge.cell, marks)


@pytest.mark.parametrize(
    ("parts", "hidden"),
    [
        ([3, 60, 40], {0, 2}),
        ([3, 0, 40], {0, 2}),
        ([3, 0, 0], {0, 1}),
        ([5, 6, 7], set()),
        ([0, 0, 9], set()),
        ([2, 3, 50], {0, 1}),
        # 2 = 1 + 1: both could be computed, so a third goes along.
        ([1, 1, 50], {0, 1, 2}),
        ([4, 4, 50], {0, 1, 2}),
    ],
)
def test_the_smallest_company_that_helps_is_hidden(parts, hidden):
    total = sum(parts)
    edges = [Edge(("r", n), "a", "b", value) for n, value in enumerate(parts)]
    marks = protect([[*edges, Edge(("r", "sum"), "b", "a", total, is_exact=True)]])
    assert {cell for _, cell in marks} == hidden


# ---- Reports ---------------------------------------------------------------------------

LANGUAGES = {"ar": 58, "kmr": 24, "fr": 3, "tr": 5}
WORKERS = (AccountId("1" * 32), AccountId("2" * 32))


def people(spoken=LANGUAGES, workers=WORKERS[:1], declined=12):
    facts = []
    listed = chain.from_iterable([tag] * count for tag, count in spoken.items())
    for number, tag in enumerate(listed):
        name, worker = f"p{number}", workers[number % len(workers)]
        facts += [
            fact(RESPONSIBILITY, name, worker, "2019-01-01"),
            fact("language", name, worker, "", language=tag, lang_kind="mother_tongue"),
            fact(
                "care_status",
                name,
                worker,
                "2019-01-01",
                care_status="declined" if number < declined else "cared_for",
            ),
            fact("contact", name, worker, "2021-01-01", kind="talk", form="office"),
        ]
    return Facts(tuple(facts))


def fact(of, person, worker, on, **codes):
    day = date.fromisoformat(on) if on else None
    return Fact(of, person, f"{of}/{person}", day, codes, worker, AT)


@pytest.mark.spec("DO-37")
def test_three_who_speak_french_are_seen_inside_and_by_nobody_else():
    table = table_of(definition("betreuung"), people(), FRAME)
    assert hidden_cells(table, Audience.INTERNAL) == {}
    assert table.number(TOTAL, "sprachen.fr") == 3
    for audience in (Audience.COUNCIL, Audience.LAND, Audience.PUBLIC):
        marks = hidden_cells(table, audience)
        assert marks[TOTAL, "sprachen.fr"] is Mark.SMALL
        assert marks[TOTAL, "sprachen.tr"] is Mark.WITH_IT
        assert (TOTAL, "sprachen.ar") not in marks
        assert (TOTAL, "zustaendig") not in marks


@pytest.mark.spec("DO-37")
def test_a_few_who_are_not_cared_for_hide_the_number_of_those_who_are():
    table = table_of(definition("betreuung"), people(declined=3), FRAME)
    marks = hidden_cells(table, Audience.COUNCIL)
    # 90 responsible minus 87 cared for would be the three.
    for name in ("nicht-betreut", "nicht-betreut.declined"):
        assert marks[TOTAL, name] is Mark.SMALL
    assert (TOTAL, "betreut") in marks or (TOTAL, "zustaendig") in marks
    assert (TOTAL, "quote") in marks


def test_the_land_gets_undivided_totals_however_small_they_are():
    few = people({"ar": 4}, declined=1)
    table = table_of(definition("auswertung-zeitraum"), few, FRAME)
    land = hidden_cells(table, Audience.LAND)
    for name in ("zustaendig", "betreut", "quote", "gespraeche"):
        assert (TOTAL, name) not in land
    assert (TOTAL, "gespraeche.office") in land
    council = hidden_cells(table, Audience.COUNCIL)
    for name in ("zustaendig", "betreut", "quote", "gespraeche"):
        assert (TOTAL, name) in council


@pytest.mark.spec("DO-37")
def test_only_the_office_and_the_land_see_rows_by_caseworker():
    facts = people(workers=WORKERS)
    for name, audience, count in (
        ("betreuung", Audience.INTERNAL, 3),
        ("betreuung", Audience.COUNCIL, 1),
        ("betreuung", Audience.LAND, 1),
        ("auswertung-zeitraum", Audience.LAND, 3),
        ("auswertung-zeitraum", Audience.PUBLIC, 1),
    ):
        table = table_of(definition(name), facts, FRAME)
        assert len(rows_for(table, audience).rows) == count


def test_numbers_that_are_the_same_are_hidden_together():
    table = table_of(definition("gespraeche"), people({"ar": 3}), FRAME)
    marks = hidden_cells(table, Audience.COUNCIL)
    for name in ("form", "thema", "dauer"):
        assert (TOTAL, name) in marks
        assert any(key[1].startswith(f"{name}.") for key in marks)


def test_the_days_of_handovers_are_not_shown_outside():
    day = date(2020, 6, 1)
    handed = Handed("h", True, 1, None, day, day, day, None)
    table = table_of(definition("uebergaben"), Facts((), handed=(handed,)), FRAME)
    marks = hidden_cells(table, Audience.COUNCIL)
    assert marks[TOTAL, "tage-mitte"] is Mark.WITH_IT
    assert hidden_cells(table, Audience.INTERNAL) == {}


def test_how_small_is_small_stands_in_the_definition():
    text = b"""\
id: klein
version: 1
title: {de: Klein, en: Small}
about: {de: Klein, en: Small}
audience: council
period: required
rows: total
columns:
  - {id: zustaendig, label: {de: Z, en: R}, indicator: responsible}
suppress: {below: 3}
"""
    table = table_of(read_definition(text), people({"ar": 3}), FRAME)
    assert hidden_cells(table, Audience.COUNCIL) == {}
