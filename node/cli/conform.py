"""``staffelstab conform URL``: plays the other side against any implementation.

Enters: the address of an implementation, the folder of a test member of the same directory.
Leaves: one line per check under its requirement, and an exit code: 0 all passed, 1 something
failed, 2 nothing failed and not all was run. Must never happen: a node in service used as
test member by mistake. Implements handover 14, item 5.
"""

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.told import told
from node.errors import ConfigError

if TYPE_CHECKING:
    from node.conform.report import Line, Report

_WORDS = {"ok": "erfüllt", "failed": "VERLETZT", "not-run": "nicht geprüft"}


def conform_command(
    url: Annotated[str, typer.Argument(help="Adresse der geprüften Stelle, https://…")],
    folder: Annotated[
        Path,
        typer.Option(help="Datenordner einer Prüfstelle desselben Verzeichnisses."),
    ],
    as_recipient: Annotated[
        bool,
        typer.Option(
            "--as-recipient/--as-sender",
            help="Empfangen statt senden: dort muss jemand hierher umziehen.",
        ),
    ] = False,
    wait: Annotated[
        float, typer.Option(help="So viele Sekunden auf Menschen dort warten.")
    ] = 0.0,
    last: Annotated[
        bool,
        typer.Option(
            "--last",
            help="Auch prüfen, was das Paar der beiden Stellen für immer trennt.",
        ),
    ] = False,
    test_member: Annotated[
        bool,
        typer.Option(
            "--test-member", help="Der Ordner gehört einer Prüfstelle, keinem Amt."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")] = False,
) -> None:
    """Eine andere Umsetzung prüfen: eine Zeile je Anforderung."""
    from node.config import load_settings
    from node.conform.run import check

    with told():
        settings = load_settings(folder)
        if not settings.demo and not test_member:
            raise ConfigError("not a demo node: name a test member with --test-member")
        report = asyncio.run(
            check(settings, url, wait_s=wait, last=last, as_recipient=as_recipient)
        )
    if as_json:
        typer.echo(json.dumps(_as_json(url, report), ensure_ascii=False, indent=1))
    else:
        _tell(report)
    raise typer.Exit(report.exit_code)


def _as_json(url: str, report: "Report") -> dict[str, object]:
    from node.conform.report import Outcome

    counts = {str(outcome): report.count(outcome) for outcome in Outcome}
    lines = [line.as_json() for line in report.lines]
    return {"v": 1, "verb": "conform", "url": url, "counts": counts, "checks": lines}


def _tell(report: "Report") -> None:
    from node.conform.report import Outcome

    for line in sorted(report.lines, key=_place):
        seen = f": {line.seen}" if line.seen else ""
        typer.echo(f"{line.number:<7} {_WORDS[line.outcome]:<13} {line.what}{seen}")
    counted = ", ".join(
        f"{report.count(outcome)} {_WORDS[outcome]}" for outcome in Outcome
    )
    typer.echo(f"{len(report.lines)} Prüfungen: {counted}.")


def _place(line: "Line") -> tuple[str, int]:
    """All checks of one requirement stand together, in the order of the numbers."""
    letters = line.number.rstrip("0123456789")
    return letters, int(line.number.removeprefix(letters))
