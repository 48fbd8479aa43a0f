"""The five staged stories of the demo, walked over HTTP between two real processes."""

import json
import subprocess
import sys

import pytest

STEPS = 20


@pytest.mark.timeout(600)
def test_every_step_of_the_five_stories_is_true_for_who_looks_at_the_pages(tmp_path):
    walked = subprocess.run(
        [
            *(sys.executable, "-m", "node", "demo", "--check", "--json"),
            *("--data", str(tmp_path)),
        ],
        capture_output=True,
        check=False,
        text=True,
    )

    steps = [json.loads(line) for line in walked.stdout.splitlines()]
    assert walked.returncode == 0, walked.stderr
    assert len(steps) >= STEPS
    assert {step["story"] for step in steps} == {1, 2, 3, 4, 5}
    assert all(step["ok"] for step in steps)
