"""Chains: the next place, and whether a statement fits it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.errors import UsageError
from node.sync.chain import (
    START,
    Conflict,
    Fork,
    Gap,
    Link,
    Position,
    Repeat,
    Take,
    judge,
    next_link,
)

A, B, C = (bytes([n]) * 32 for n in (1, 2, 3))
LAST = Position(2, 5, A)


@pytest.mark.spec("HO-42")
def test_the_first_statement_of_all_starts_at_one():
    assert next_link(None, 1) == Link(1, 1, START)


@pytest.mark.spec("HO-42")
def test_each_statement_names_the_one_before():
    assert next_link(LAST, 2) == Link(2, 6, A)


@pytest.mark.spec("HO-42", "HO-50")
def test_a_new_incarnation_names_what_the_audience_holds():
    assert next_link(LAST, 3, held=B) == Link(3, 1, B)
    assert next_link(LAST, 3) == Link(3, 1, START)


def test_an_incarnation_never_goes_back():
    with pytest.raises(UsageError):
        next_link(LAST, 1)


@pytest.mark.spec("HO-44", "HO-50", "HO-20", "MSG-11", "MSG-12")
@pytest.mark.parametrize(
    ("last", "link", "known", "judgement"),
    [
        (LAST, Link(2, 6, A), None, Take()),
        (None, Link(1, 1, START), None, Take()),
        (None, Link(4, 1, START), None, Take()),
        (LAST, Link(3, 1, A), None, Take()),
        (LAST, Link(7, 1, A), None, Take()),
        (LAST, Link(2, 6, A), C, Repeat()),
        (LAST, Link(2, 3, B), C, Repeat()),
        (LAST, Link(1, 9, B), C, Repeat()),
        (LAST, Link(2, 5, B), B, Conflict()),
        (LAST, Link(2, 7, A), None, Gap(2, 6)),
        (LAST, Link(2, 900, B), None, Gap(2, 6)),
        (LAST, Link(3, 2, A), None, Gap(3, 1)),
        (None, Link(1, 2, START), None, Gap(1, 1)),
        (LAST, Link(2, 6, B), None, Fork()),
        (LAST, Link(2, 5, A), None, Fork()),
        (LAST, Link(2, 1, START), None, Fork()),
        (LAST, Link(3, 1, B), None, Fork()),
        (LAST, Link(3, 1, START), None, Fork()),
        (LAST, Link(1, 6, A), None, Fork()),
        (None, Link(1, 1, B), None, Fork()),
    ],
)
def test_a_statement_is_judged_by_its_place(last, link, known, judgement):
    assert judge(last, link, digest=C, known=known) == judgement


@given(st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=12))
def test_a_chain_as_it_was_made_is_taken_link_by_link(digests):
    made = taken = None
    for digest in digests:
        link = next_link(made, 1)
        assert judge(taken, link, digest=digest, known=None) == Take()
        assert judge(taken, link, digest=digest, known=digest) == Repeat()
        made = taken = Position(link.inc, link.seq, digest)
