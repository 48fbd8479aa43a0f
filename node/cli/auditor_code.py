"""Under whose account a command shows opened entries: ``auditor_of``.

Enters: an opened node, the code from the page ``/exchangelog/code``. Leaves: the actor that
use cases ask the permission table about. Must never happen: entries opened by the operator
alone; a code that works twice. Implements exchange-log 8 (verbs marked with an account).
"""

from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import ForbiddenError, MalformedMessageError

if TYPE_CHECKING:
    from node.accounts.policy import Actor
    from node.cli.opened import Opened

Code = Annotated[
    str,
    typer.Option(
        "--code",
        help="Einmalcode von der Seite „Protokoll“, Befehlszeile (10 Minuten gültig).",
        prompt="Einmalcode von der Seite „Protokoll“",
    ),
]


def auditor_of(opened: "Opened", code: str) -> "Actor":
    """Redeem a code from the page; it works once, for ten minutes.

    Raises:
        ForbiddenError: Not a code, unknown, used, over, or its account may not read the
            log: all look the same.
    """
    from node.accounts.code import AuditorCode
    from node.casework.auditorcode import redeem_code

    try:
        typed = AuditorCode.typed(code)
    except MalformedMessageError:
        raise ForbiddenError("log.read") from None
    now = opened.means.clock.now()
    return opened.store.write_sync(redeem_code, typed, now)
