"""How long story 1 takes by the keystroke model, waiting left out."""

from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.chromium import NEEDED, launched
from tests.support.story_one import Look, two_towns, walk

KEY_S, POINT_S, DECISION_S = 0.28, 1.1, 1.35
# Runs before every page: adds up what hands do. A field that is filled at once counts
# each of its letters.
COUNTING = """
const add = (name, by) => localStorage.setItem(name, +localStorage.getItem(name) + by);
addEventListener('click', (e) => e.isTrusted && e.detail && add('clicks', 1), true);
addEventListener('input', (e) => add('letters', e.target.value.length), true);
addEventListener('keydown', () => add('letters', 1), true);
"""
DONE = "['clicks', 'letters'].map(name => +localStorage.getItem(name))"

pytestmark = NEEDED


@dataclass
class Counted:
    """A browser whose pages count."""

    browser: Any

    async def new_context(self, **look):
        context = await self.browser.new_context(**look)
        await context.add_init_script(COUNTING)
        return context


@pytest.mark.slow
@pytest.mark.spec("SC-73")
async def test_a_move_takes_at_most_five_minutes_and_a_decision_three(tmp_path):
    seconds = {}

    async def stop(name, page):
        clicks, letters = await page.evaluate(DONE)
        # Before each click somebody looks, decides and points.
        seconds[name] = clicks * (KEY_S + POINT_S + DECISION_S) + letters * KEY_S

    async with two_towns(tmp_path / "towns") as towns, launched() as browser:
        await walk(Counted(browser), towns, stop, Look())
    assert 0 < seconds["moved"] <= 5 * 60
    assert 0 < seconds["opened"] <= 3 * 60
