"""When our copy may go: by the town's own period, never before that of the protocol."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from node.cases.townsettings import TownSettings
from node.sync.sourceend import _is_due
from node.sync.transfer import Outbound

THEN = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.spec("DO-33")
@pytest.mark.parametrize(
    ("days", "age", "due"),
    [
        (90, 89, False),
        (90, 90, True),
        (200, 199, False),
        (200, 200, True),
        (1, 89, False),
    ],
)
def test_the_copy_goes_after_the_days_that_the_town_has_set(days, age, due):
    transfer = SimpleNamespace(
        state=Outbound.DURABLE, facts={Outbound.CLOSED: THEN, Outbound.DURABLE: THEN}
    )
    office = SimpleNamespace(town=lambda: TownSettings(handed_over_days=days))
    assert _is_due(transfer, office, THEN + timedelta(days=age)) is due
