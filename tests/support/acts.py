"""One unit of work per act, and what somebody does behind the program's back."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import text

from node.store.runner import Store
from node.store.unit import SqlUnitOfWork

T = TypeVar("T")


def write(store: Store, act: Callable[[SqlUnitOfWork], T]) -> T:
    """Do an act in a unit of work that is committed."""

    def unit(uow: SqlUnitOfWork) -> T:
        with uow:
            result = act(uow)
            uow.commit()
            return result

    return store.write_sync(unit)


def rows(store: Store, query: str, **values: Any) -> Sequence[tuple[Any, ...]]:
    """What lies in the tables."""

    def unit(uow: SqlUnitOfWork) -> Sequence[tuple[Any, ...]]:
        found = uow._work._connection.execute(text(query), values)
        return [tuple(row) for row in found]

    return store.read_sync(unit)


def tamper(store: Store, statement: str, **values: Any) -> None:
    """Change the tables without a repository; foreign errors come as they are."""
    write(
        store,
        lambda uow: uow._work._connection.execute(text(statement), values).close(),
    )
