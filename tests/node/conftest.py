"""One open office for all tests of a module; each begins at the present.

A module says in ``COLLEAGUES`` who works there besides the staff that every office has.
"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from node.bootstrap import Node
from tests.support.office import OpenOffice, open_office


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> AsyncIterator[OpenOffice]:
    async with open_office(tmp_path_factory.mktemp("office")) as office:
        for actor, name in getattr(request.module, "COLLEAGUES", ()):
            office.hire(actor, name, name)
        yield office


@pytest.fixture
def office(opened: OpenOffice) -> OpenOffice:
    opened.clock.offset = timedelta()
    return opened


@pytest.fixture
def node(office: OpenOffice) -> Node:
    return office.node
