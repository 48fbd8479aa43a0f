"""The API before a machine that reads its document and tries everything it allows."""

import pytest

from tests.support.apifuzz import HastyClock, fuzz
from tests.support.office import open_office


@pytest.mark.slow
@pytest.mark.spec("AS-30", "SR-B12", "SR-P1")
async def test_schemathesis_finds_nothing(tmp_path):
    async with open_office(tmp_path, clock=HastyClock()) as office:
        for run in await fuzz(office, examples=15, seed=1):
            assert run.code == 0, f"{run.name}\n{run.said}"
