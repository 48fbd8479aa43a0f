"""Everything the first release has.

Until that release this file follows ``tables.py``; from then on it stands still, and each
change of a table is a migration of its own.
"""

from datetime import UTC, datetime

from alembic import op
from sqlalchemy import insert

from node.exchangelog.standing import Standing
from node.store import (  # noqa: F401 - more tables
    accountstables,
    apitables,
    backuptables,
    casetables,
    contactstables,
    counttables,
    erasuretables,
    exporttables,
    importtables,
    keeptables,
    logtables,
    matchingtables,
    pasttables,
    relaytables,
    stafftables,
    texttables,
    witnesstables,
)
from node.store.tables import metadata, node_standing, node_state

revision = "0001"
down_revision = None


def upgrade() -> None:
    connection = op.get_bind()
    metadata.create_all(connection, checkfirst=False)
    connection.execute(insert(node_state).values(id=1, incarnation=1, oldest_schema=1))
    # A fresh database has met nobody; each start of a node judges for itself.
    connection.execute(
        insert(node_standing).values(
            id=1,
            standing=Standing.SPEAKING,
            declared=False,
            since=datetime.fromtimestamp(0, UTC),
        )
    )
