from tests.support.databases import (
    database_url,
    dialect,
    engines,
    means,
    postgres,
    sqlite_template,
    store,
    wakes,
)

__all__ = [
    "database_url",
    "dialect",
    "engines",
    "means",
    "postgres",
    "sqlite_template",
    "store",
    "wakes",
]
