"""``staffelstab log`` for auditors: list, show, trace, compare, prove, draw a sample.

Enters: a data folder, a one-time code of the page for whatever shows entries. Leaves:
sentences, JSON or CSV, and an exit code: 0 in order, 1 a contradiction is proved, 2 cannot
tell, 3 wrong use, 4 unreachable. Must never happen: an entry opened without an account, or
without ``audit.viewed`` behind it; a name or a note. Implements exchange-log 8, EL-18.
"""

import json
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.auditor_code import Code, auditor_of
from node.cli.told import told
from node.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from node.accounts.policy import Actor
    from node.cli.opened import Opened
    from node.ids import TransferId
    from node.report.logview import LogLine
    from node.sync.office import Office

app = typer.Typer()

Data = Annotated[Path, typer.Option("--data", help="Datenordner des Knotens.")]
Json = Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")]
Csv = Annotated[bool, typer.Option("--csv", help="Ausgabe als CSV.")]
Which = Annotated[str, typer.Argument(help="Nummer der Übergabe, kurz oder lang.")]
DEFAULT_FOLDER = Path("node-data")
_SHORTEST = 4
_LINE_KEYS = ("index", "at", "type", "role", "peer", "transfer", "outcome", "persons")


@app.command("list")
def list_command(
    code: Code,
    peer: Annotated[str, typer.Option(help="Kennung der Gegenstelle.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Art, etwa transfer.")] = "",
    since: Annotated[str, typer.Option("--from", help="Erster Tag, 2026-01-31.")] = "",
    until: Annotated[str, typer.Option("--to", help="Letzter Tag.")] = "",
    data: Data = DEFAULT_FOLDER,
    as_csv: Csv = False,
    as_json: Json = False,
) -> None:
    """Ereignisse eines Zeitraums, nach Stelle und Art (Aufgaben 1, 2 und 7)."""
    from node.cli import auditing_words as words
    from node.cli.opened import office_of, open_store
    from node.report.csvtable import csv_bytes

    with told(), open_store(data) as opened:
        office = office_of(opened)
        bounds = _day(since, "from", end=False), _day(until, "to", end=True)
        by = auditor_of(opened, code)
        found = [
            line
            for line in _lines(opened, by)
            if _fits(line, peer=peer, kind=kind, bounds=bounds)
        ]
        _note(opened, office, "list", None, by)
        if as_csv:
            rows = [words.line_json(line).values() for line in found]
            sys.stdout.buffer.write(csv_bytes(_LINE_KEYS, [list(row) for row in rows]))
        elif as_json:
            _print_json(
                {"verb": "list", "entries": [words.line_json(x) for x in found]}
            )
        else:
            for line in found:
                typer.echo(words.line_sentence(line, office))
            typer.echo(f"{len(found)} Einträge.")


@app.command("show")
def show_command(
    index: Annotated[int, typer.Argument(min=0, help="Nummer des Eintrags.")],
    code: Code,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Einen Eintrag zeigen, mit Prüfsumme und Nachweis."""
    from node.casework.comparing import entry_at
    from node.cli import auditing_words as words
    from node.cli.opened import office_of, open_store

    with told(), open_store(data) as opened:
        office = office_of(opened)
        by = auditor_of(opened, code)
        item = opened.store.read_sync(entry_at, office, index, by=by)
        _note(opened, office, "show", None, by)
        if as_json:
            _print_json({"verb": "show", **words.item_json(item)})
        else:
            for sentence in words.item_sentences(item, office):
                typer.echo(sentence)
    raise typer.Exit(0 if item.proven_at is not None else 2)


@app.command("trace")
def trace_command(
    transfer: Which, code: Code, data: Data = DEFAULT_FOLDER, as_json: Json = False
) -> None:
    """Eine Übergabe auf beiden Seiten verfolgen (Aufgabe 3)."""
    from node.casework.comparing import trace
    from node.cli import auditing_words as words
    from node.cli.opened import office_of, open_store

    with told(), open_store(data) as opened:
        office = office_of(opened)
        by = auditor_of(opened, code)
        number = _number(opened, transfer, by)
        shared, found = opened.store.read_sync(trace, office, number, by=by)
        _note(opened, office, "trace", number, by)
        if as_json:
            _print_json({"verb": "trace", **words.trace_json(shared, found)})
        else:
            for sentence in words.trace_sentences(shared, found, office):
                typer.echo(sentence)
    raise typer.Exit(words.status_of(found))


@app.command("consent")
def consent_command(
    transfer: Which, code: Code, data: Data = DEFAULT_FOLDER, as_json: Json = False
) -> None:
    """Galt die Einwilligung beim Senden und beim Öffnen? (Aufgabe 6)."""
    from node.casework.comparing import consent_of
    from node.cli import auditing_words as words
    from node.cli.opened import office_of, open_store

    with told(), open_store(data) as opened:
        office = office_of(opened)
        by = auditor_of(opened, code)
        number = _number(opened, transfer, by)
        _, standings = opened.store.read_sync(consent_of, office, number, by=by)
        _note(opened, office, "consent", number, by)
    if as_json:
        rows = [words.standing_json(each) for each in standings]
        _print_json({"verb": "consent", "transfer": str(number), "moments": rows})
    else:
        for sentence in words.standing_sentences(standings):
            typer.echo(sentence)
    raise typer.Exit(words.consent_status(standings))


@app.command("reconcile")
def reconcile_command(
    peer: Annotated[str, typer.Argument(help="Kennung der Gegenstelle.")],
    code: Code,
    ask: Annotated[
        bool, typer.Option("--ask", help="Die Gegenstelle nach ihrer Liste fragen.")
    ] = False,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
    as_csv: Csv = False,
) -> None:
    """Beide Protokolle vergleichen (Aufgabe 4)."""
    from node.casework.comparing import compare
    from node.cli import auditing_words as words
    from node.cli.asking import ask_peer
    from node.cli.opened import office_of, open_store
    from node.ids import MemberId
    from node.report.csvtable import csv_bytes

    with told(), open_store(data) as opened:
        office = office_of(opened)
        member = MemberId(peer)
        office.directory().member(member)
        by = auditor_of(opened, code)
        list_of_theirs = ask_peer(opened, office, member) if ask else None
        found = opened.store.read_sync(compare, office, member, list_of_theirs, by=by)
        _note(opened, office, "reconcile", None, by)
        if as_csv:
            sys.stdout.buffer.write(
                csv_bytes(words.CSV_HEAD, words.comparison_rows(found))
            )
        elif as_json:
            _print_json({"verb": "reconcile", **words.comparison_json(found)})
        else:
            for sentence in words.comparison_sentences(found, office):
                typer.echo(sentence)
    raise typer.Exit(words.status_of(found.differences))


@app.command("sample")
def sample_command(
    code: Code,
    count: Annotated[int, typer.Option("--n", min=1, help="Wie viele.")] = 10,
    seed: Annotated[str, typer.Option(help="Von Ihnen gewählt.")] = "",
    size: Annotated[
        int | None, typer.Option("--size", help="Stand einer früheren Stichprobe.")
    ] = None,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Eine Stichprobe, die sich wiederholen und nicht steuern lässt."""
    from node.casework.comparing import sample
    from node.cli.opened import office_of, open_store

    with told(), open_store(data) as opened:
        office = office_of(opened)
        by = auditor_of(opened, code)
        head, drawn = opened.store.read_sync(sample, office, count, seed, size, by=by)
        _note(opened, office, "sample", None, by)
    if as_json:
        rows = [{"transfer": str(d.transfer), "index": d.index} for d in drawn]
        stand = {"size": head.size, "root": head.root.hex(), "seed": seed}
        _print_json({"verb": "sample", **stand, "transfers": rows})
        return
    for each in drawn:
        typer.echo(f"{each.transfer.short}  {each.transfer}  ab Eintrag {each.index}")
    typer.echo(f"Wiederholen mit --seed „{seed}“ --size {head.size}.")


@app.command("prove")
def prove_command(
    index: Annotated[int, typer.Argument(min=0, help="Nummer des Eintrags.")],
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Den Nachweis eines Eintrags als .tlog-proof ausgeben; zeigt keinen Inhalt."""
    from node.casework.comparing import proof_of
    from node.cli.opened import open_store

    with told(), open_store(data) as opened:
        proof = opened.store.read_sync(proof_of, index)
    if as_json:
        path = [step.hex() for step in proof.path]
        found = {"index": proof.index, "path": path, "checkpoint": proof.note}
        _print_json({"verb": "prove", **found})
    else:
        typer.echo(proof.encode(), nl=False)


@app.command("consistency")
def consistency_command(
    old: Annotated[int, typer.Argument(min=1, help="Alter Stand.")],
    new: Annotated[int, typer.Argument(min=1, help="Neuer Stand.")],
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Nachweisen, dass der neue Stand den alten nur fortschreibt."""
    from node.casework.comparing import growth_of
    from node.cli.opened import open_store
    from node.exchangelog.tlogproof import encode_path

    with told(), open_store(data) as opened:
        path = opened.store.read_sync(growth_of, old, new)
    if as_json:
        found = {"from": old, "to": new, "path": [step.hex() for step in path]}
        _print_json({"verb": "consistency", **found})
    else:
        typer.echo(encode_path(path), nl=False)


# -- What they share ---------------------------------------------------------------------


def _lines(opened: "Opened", by: "Actor") -> "list[LogLine]":
    from node.casework.auditing import lines

    return list(opened.store.read_sync(lines, 0, by))


def _fits(
    line: "LogLine",
    *,
    peer: str,
    kind: str,
    bounds: tuple[datetime | None, datetime | None],
) -> bool:
    """Whether a line is one of those; an erased one only if nothing was asked for."""
    if line.type is None or line.at is None:
        return not (peer or kind or any(bounds))
    low, high = bounds
    return (
        (not peer or line.peer == peer)
        and line.type.startswith(kind)
        and (low is None or line.at >= low)
        and (high is None or line.at < high)
    )


def _day(text: str, field: str, *, end: bool) -> datetime | None:
    from datetime import date

    from node.cases.days import day_end, day_start

    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise InputError(field, "date") from None
    return day_end(day) if end else day_start(day)


def _number(opened: "Opened", text: str, by: "Actor") -> "TransferId":
    """The transfer of a short or long number.

    Raises:
        NotFoundError: None, or several.
    """
    from node.report.logview import is_numbered

    found = {
        line.transfer
        for line in _lines(opened, by)
        if line.transfer is not None and is_numbered(line.transfer, text)
    }
    if len(text.strip()) < _SHORTEST or len(found) != 1:
        raise NotFoundError("transfer")
    return found.pop()


def _note(
    opened: "Opened",
    office: "Office",
    verb: str,
    transfer: "TransferId | None",
    by: "Actor",
) -> None:
    """The look becomes an entry before anything is printed."""
    from node.casework.looking import note_look

    opened.store.write_sync(note_look, office, verb, transfer, by=by, is_whole=True)


def _print_json(value: dict[str, object]) -> None:
    typer.echo(json.dumps({"v": 1, **value}, ensure_ascii=False, indent=2))
