"""The schema: the migrations make what the tables say, and strangers stay outside."""

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from node.errors import ConfigError, SchemaError
from node.store.engine import Engines, open_engine
from node.store.migrate import SCHEMA, check_schema, upgrade
from node.store.tables import metadata


@pytest.mark.spec("P2")
def test_the_migrations_make_exactly_what_the_tables_say(engines: Engines) -> None:
    with engines.reader.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_migrated_database_is_known(engines: Engines) -> None:
    check_schema(engines)


def test_upgrading_twice_changes_nothing(engines: Engines) -> None:
    upgrade(engines)
    check_schema(engines)


def test_the_number_of_the_schema_is_the_number_of_migrations() -> None:
    folder = Path(__file__).parents[2] / "node/store/migrations/versions"
    assert len(list(folder.glob("v*.py"))) == SCHEMA


def test_an_empty_database_is_refused_and_the_message_says_what_to_run(
    tmp_path: Path,
) -> None:
    engines = open_engine(f"sqlite:///{tmp_path / 'new.db'}")
    with pytest.raises(SchemaError, match="database upgrade"):
        check_schema(engines)
    engines.close()


def _say(engines: Engines, statement: str) -> None:
    with engines.writer.begin() as connection:
        connection.execute(text(statement))


def test_an_older_schema_is_refused(engines: Engines) -> None:
    _say(engines, "UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(SchemaError, match="database upgrade"):
        check_schema(engines)


def test_a_newer_schema_is_refused_when_it_says_so(engines: Engines) -> None:
    _say(engines, "UPDATE alembic_version SET version_num = '9999'")
    _say(engines, "UPDATE node_state SET oldest_schema = 9999")
    with pytest.raises(SchemaError, match="9999"):
        check_schema(engines)


def test_a_newer_schema_that_still_admits_us_is_opened(engines: Engines) -> None:
    _say(engines, "UPDATE alembic_version SET version_num = '9999'")
    check_schema(engines)


def test_a_newer_schema_is_never_upgraded(engines: Engines) -> None:
    _say(engines, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaError, match="newer"):
        upgrade(engines)


def test_a_foreign_database_is_refused(engines: Engines) -> None:
    _say(engines, "UPDATE alembic_version SET version_num = 'a1b2c3'")
    with pytest.raises(SchemaError, match="no database of ours"):
        check_schema(engines)


def test_the_node_starts_with_incarnation_one(engines: Engines) -> None:
    with engines.reader.connect() as connection:
        rows = connection.execute(text("SELECT id, incarnation FROM node_state"))
        assert rows.all() == [(1, 1)]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "no url",
        "mysql://host/node",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        open_engine(url)
