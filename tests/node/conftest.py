"""One open office for all tests of a module; each begins at the present."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.support.office import OpenOffice, open_office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OpenOffice]:
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        yield office


@pytest.fixture
def office(opened: OpenOffice) -> OpenOffice:
    opened.clock.offset = timedelta()
    return opened
