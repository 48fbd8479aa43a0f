"""When a person may be asked, and what may be saved as an answer."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from node.cases.asking import Status, check_end, may_ask, status_of
from node.errors import InputError
from tests.support.people import NOON, consent

JANUARY, DECEMBER = date(2026, 1, 1), date(2026, 12, 31)


@pytest.mark.spec("DO-14")
class TestTheEnd:
    @pytest.mark.parametrize(
        ("valid_until", "reason"),
        [
            (None, "missing"),
            (date(2025, 12, 31), "before_start"),
            (date(2027, 1, 1), "after_counselling_end"),
        ],
    )
    def test_is_refused(self, valid_until: date | None, reason: str) -> None:
        with pytest.raises(InputError) as refused:
            check_end(JANUARY, valid_until, DECEMBER)
        assert (refused.value.field, refused.value.reason) == ("valid_until", reason)

    @pytest.mark.parametrize("valid_until", [JANUARY, DECEMBER])
    def test_is_taken(self, valid_until: date) -> None:
        assert check_end(JANUARY, valid_until, DECEMBER) == valid_until


@pytest.mark.spec("DO-14")
def test_a_no_is_not_asked_about_for_90_days() -> None:
    no = consent(declined_on=JANUARY)
    assert not may_ask([consent(), no], JANUARY + timedelta(days=89))
    assert may_ask([consent(), no], JANUARY + timedelta(days=90))
    assert may_ask([], JANUARY)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({}, Status.ACTIVE),
        ({"valid_from": date(2026, 4, 2)}, Status.DRAFT),
        ({"valid_until": date(2026, 3, 31)}, Status.EXPIRED),
        ({"declined_on": JANUARY}, Status.DECLINED),
        ({"withdrawn_at": NOON}, Status.WITHDRAWN),
        ({"replaced_by": consent().id}, Status.REPLACED),
        ({"replaced_by": consent().id, "withdrawn_at": NOON}, Status.WITHDRAWN),
    ],
)
def test_the_status_is_computed(changes: dict[str, object], status: Status) -> None:
    assert status_of(replace(consent(), **changes), NOON) is status  # type: ignore[arg-type]


def test_the_status_ends_at_midnight_in_berlin() -> None:
    midnight = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert status_of(consent(), midnight) is Status.EXPIRED
    assert status_of(consent(), midnight - timedelta(seconds=1)) is Status.ACTIVE
