"""Somebody is found among everybody in memory, the likeliest first."""

import pytest

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.model import Baton
from node.ids import AccountId, CaseId
from node.report.people import People
from node.report.readings import PersonRow

ME = AccountId("a" * 32)
CLERK = Actor(account=ME, roles=frozenset({Role.CASEWORKER}))


def person(number: int, family: str, given: str, **more) -> PersonRow:
    values = {"caseworker": ME, "household": None, "baton": Baton.ACTIVE, **more}
    return PersonRow(
        case=CaseId(f"{number:032x}"),
        version=1,
        responsible_from=None,
        responsible_until=None,
        family_name=family,
        given_names=given,
        **values,
    )


class Rows:
    """Readings of these persons."""

    def __init__(self, *rows: PersonRow) -> None:
        self._rows = {row.case: row for row in rows}

    def mark(self) -> int:
        return len(self._rows)

    def versions(self):
        return {case: row.version for case, row in self._rows.items()}

    def people(self, cases):
        return [self._rows[case] for case in cases]


@pytest.fixture
def people() -> People:
    people = People()
    people.refresh(
        Rows(
            person(1, "Demo-Zeder", "Olena", birth="1990-02-03"),
            person(2, "Demo-Ahorn", "Mehmet", case_number="IM 17"),
            person(3, "Demo-Ahorn", "Aya", birth="1990-02-03"),
            person(4, "Äcker", "Bo"),
        )
    )
    return people


def found(people: People, text: str) -> list[str]:
    return [hit.person.given_names for hit in people.search(text, CLERK)]


@pytest.mark.spec("SC-23")
@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("ahorn", ["Aya", "Mehmet"]),
        ("aho may", []),
        ("aho aya", ["Aya"]),
        ("mohammed", ["Mehmet"]),
        ("03.02.1990", ["Aya", "Olena"]),
        ("03.02.1990 olena", ["Olena"]),
        ("im 17", ["Mehmet"]),
        ("bo", ["Bo"]),
        ("xq", []),
        ("-", []),
    ],
)
def test_what_was_typed_finds_whoever_has_all_of_it(people, text, names):
    assert found(people, text) == names


@pytest.mark.spec("SC-23")
def test_near_spellings_come_only_if_nobody_is_written_so(people):
    assert found(people, "zemer olenna") == ["Olena"]
    [hit] = people.search("zemer", CLERK)
    assert hit.is_near
    [hit] = people.search("zeder", CLERK)
    assert not hit.is_near


def test_a_list_is_sorted_by_family_name_as_it_is_folded_then_by_given_names(people):
    listed = people.by_name(people.all())
    assert [row.given_names for row in listed] == ["Bo", "Aya", "Mehmet", "Olena"]


def test_a_row_that_is_older_than_the_list_is_sorted_by_its_own_name(people):
    other = person(1, "Aal", "Ilja")
    assert people.by_name([*people.all(), other])[0] is other
