"""``staffelstab recover`` and ``log override first-word``: two persons lead a node out.

Enters: a data folder, two accounts, whom to do without. Leaves: findings as sentences or
JSON, and an exit code: 0 done, 2 something stands against it, 3 wrong use. Must never
happen: a recovery beside a running node; one person alone. Implements exchange-log 5.4, 8.
"""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.told import told
from node.errors import ConfigError

if TYPE_CHECKING:
    from node.cli.opened import Opened
    from node.crypto.checkpoint import NoteKey
    from node.exchangelog.finding import Report
    from node.ids import AccountId
    from node.recovering import Findings
    from node.store.unit import SqlUnitOfWork

Data = Annotated[Path, typer.Option("--data", help="Datenordner des Knotens.")]
Json = Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")]
By = Annotated[str, typer.Option("--by", help="Benutzername der ersten Person.")]
Second = Annotated[
    str, typer.Option("--second", help="Benutzername der zweiten Person.")
]
DEFAULT_FOLDER = Path("node-data")

_AGAINST = 2
_LEASE = timedelta(hours=1)


def recover_command(
    by: By,
    second: Second,
    new_log: Annotated[
        bool, typer.Option("--new-log", help="Ein neues Protokoll beginnen.")
    ] = False,
    waive: Annotated[
        list[str] | None,
        typer.Option(help="Kennung einer Stelle, auf die verzichtet wird; mehrfach."),
    ] = None,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Einen wiederhergestellten Knoten zu zweit wieder in Gang bringen; er ist angehalten."""
    from node.cli.opened import open_store
    from node.ids import MemberId
    from node.recovering import Wish, recover
    from node.telemetry import configure_logging

    # What the log says belongs beside the answer, not into it.
    configure_logging()
    with told(), open_store(data) as opened:
        wish = Wish(
            by=_account(opened, by),
            second=_account(opened, second),
            new_log=new_log,
            waived=frozenset(map(MemberId, waive or ())),
        )
        with _alone(opened):
            found = asyncio.run(recover(opened.settings, wish))
    if as_json:
        typer.echo(json.dumps(_as_json(found), ensure_ascii=False, indent=2))
    else:
        _tell(found)
    raise typer.Exit(0 if found.is_done else _AGAINST)


def first_word_command(by: By, second: Second, data: Data = DEFAULT_FOLDER) -> None:
    """Zu zweit erklären: Dieser Knoten wurde nicht zurückgesetzt. Gilt bis zum Neustart."""
    from node.cli.opened import office_of, open_store
    from node.sync.firstword import declare

    with told(), open_store(data) as opened:
        opened.store.write_sync(
            declare,
            office_of(opened),
            by=_account(opened, by),
            second=_account(opened, second),
        )
    typer.echo("Erklärt. Der Knoten unterschreibt und sendet wieder.")


def check_former(uow: "SqlUnitOfWork", log_key: "NoteKey") -> "tuple[Report, ...]":
    """Our logs that ended, each checked under its own name with the same key (LR-26)."""
    from node.crypto.checkpoint import NoteKey
    from node.exchangelog.audit import check_export

    directory = uow.directory.load()
    witnesses = tuple(
        listed.key
        for member in (() if directory is None else directory.members())
        if member.log.newest.key != log_key.key
        for listed in member.witness.keys
    )
    return tuple(
        check_export(
            uow.past.export(
                NoteKey(origin, log_key.key, log_key.type), witnesses=witnesses
            )
        )
        for origin in uow.past.origins()
    )


def _account(opened: "Opened", login: str) -> "AccountId":
    """An account that may work here today."""
    today = opened.means.clock.now().date()

    def find(uow: "SqlUnitOfWork") -> "AccountId":
        account = uow.accounts.by_login(login)
        if account is None or not account.is_active(today):
            raise ConfigError("no such account, or not active")
        return account.id

    return opened.store.read_sync(find)


@contextmanager
def _alone(opened: "Opened") -> Iterator[None]:
    """Hold the leader's lease, so that no process of this node runs beside us.

    Raises:
        ConfigError: One is running.
    """
    now = opened.means.clock.now()
    if not opened.store.write_sync(_lease, now, now + _LEASE):
        raise ConfigError(
            "the node is running, or was until a moment ago: stop it first"
        )
    try:
        yield
    finally:
        now = opened.means.clock.now()
        opened.store.write_sync(_lease, now, now)


def _lease(uow: "SqlUnitOfWork", at: datetime, until: datetime) -> bool:
    with uow:
        taken = uow.leases.take("worker", "recover", at=at, until=until)
        uow.commit()
    return taken


def _as_json(found: "Findings") -> dict[str, object]:
    ahead = found.ahead
    return {
        "v": 1,
        "verb": "recover",
        "done": found.is_done,
        "asked": found.asked,
        "silent": dict(found.silent),
        "ahead": ahead and {"origin": ahead.origin, "size": ahead.size},
        "damage": found.damage,
        "forgotten": found.forgotten,
        "origin": found.origin or None,
        "incarnation": found.incarnation or None,
        "witness": found.witness or None,
    }


def _tell(found: "Findings") -> None:
    typer.echo(f"Gefragt und geantwortet: {found.asked} Stellen")
    for member, code in sorted(found.silent.items()):
        typer.echo(f"Keine Antwort: {member} ({code})")
    if found.forgotten:
        typer.echo(f"Hier vergessene Erklärungen: {found.forgotten}")
    if found.ahead is not None:
        typer.echo(
            f"Andere kennen {found.ahead.origin} bis {found.ahead.size}, dieser Knoten"
            " nicht."
        )
    if found.damage is not None:
        typer.echo(f"Das Protokoll hier ist beschädigt: {found.damage}")
    if found.is_done:
        typer.echo(
            f"In Gang gebracht: Protokoll {found.origin}, Zählung {found.incarnation},"
            f" Zeuge {found.witness}."
        )
        typer.echo("Jetzt den Knoten starten. Er wartet auf eine erste Antwort.")
    elif found.silent:
        typer.echo("Später noch einmal, oder auf sie verzichten: --waive KENNUNG")
    else:
        typer.echo("Dieses Protokoll kann nicht weitergehen. Ein neues: --new-log")
