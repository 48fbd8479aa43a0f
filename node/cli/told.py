"""How a command of the log ends when something fails: one line, and the right exit code.

Enters: errors. Leaves: 2 cannot tell, 3 wrong use, 4 unreachable. Must never happen: a log
that could not be read exiting with 1, which means tampering proved. Serves
``staffelstab log``.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from node.errors import (
    ConflictError,
    DeliveryError,
    MalformedMessageError,
    NodeError,
    StoreError,
    UsageError,
)

UNTOLD: Final = 2
WRONG_USE: Final = 3
STALE: Final = 4


@contextmanager
def told() -> Iterator[None]:
    """Tell an error in one line."""
    try:
        yield
    except NodeError as error:
        typer.secho(f"Fehler ({error.code}): {error}", err=True, fg=typer.colors.RED)
        status = UNTOLD
        if isinstance(error, StoreError | DeliveryError | ConflictError):
            status = STALE
        elif isinstance(error, UsageError | MalformedMessageError):
            status = WRONG_USE
        raise typer.Exit(status) from error
