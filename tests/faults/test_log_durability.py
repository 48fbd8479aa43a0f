"""What the log acknowledged is there after a kill, in an unbroken row (EL-13)."""

import os
import random

import pytest

from tests.support.logkills import Trial, run

KILLS = int(os.environ.get("LOG_KILLS", "25"))


@pytest.mark.spec("EL-13", "LR-7")
def test_every_acknowledged_entry_survives_a_kill_in_an_unbroken_row(tmp_path):
    trial = run(tmp_path, KILLS, seed=1)
    assert trial.kills == KILLS
    assert trial.acknowledged > KILLS
    assert trial.mark.frontier.size >= trial.acknowledged + 1


def test_the_trial_would_notice_a_lost_entry(tmp_path):
    trial = Trial(tmp_path / "log", random.Random(1))
    trial.begin()
    with pytest.raises(AssertionError, match="lost"):
        trial._check([bytes(8) + b"\x99" * 32])
