"""Every town of a run on PostgreSQL: ``pytest -p tests.support.on_postgres tests/e2e``.

Tests found their towns on SQLite unless they say otherwise. Only PostgreSQL does at once
what comes at once, so the whole stories run on it as well (``make towns-postgres``). Tests
that look into a SQLite file stay out of such a run.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.bootstrap import Hands
from node.ids import MemberId
from tests.support import pair
from tests.support.databases import Postgres, postgres

__all__ = ["postgres"]
_found_on_files = pair.found_pair
_servers: list[Postgres] = []


def _found_on_postgres(
    folder: Path,
    hands: Hands,
    *,
    members: tuple[MemberId, ...] = (pair.WEHR, pair.SAECKINGEN),
    databases: tuple[str, ...] = (),
    **more: Any,
) -> dict[MemberId, Path]:
    if not any(databases):
        (server,) = _servers
        databases = tuple(server.url(server.empty()) for _ in members)
    return _found_on_files(folder, hands, members=members, databases=databases, **more)


# Before any test imports it by name.
pair.found_pair = _found_on_postgres


@pytest.fixture(scope="session", autouse=True)
def _towns_on_postgres(postgres: Postgres) -> Iterator[None]:
    _servers.append(postgres)
    yield
    _servers.clear()
