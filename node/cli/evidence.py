"""``staffelstab log bundle``, ``check``, ``fingerprints``: evidence for a stranger.

Enters: a transfer or a range and who asks; a bundle and an own list of keys. Leaves: a
file, a verdict as sentences or JSON, and an exit code as ``log`` has them. Must never
happen: a bundle without its line in the log; a file overwritten. Implements exchange-log 7
and 8 (``bundle``, ``check``), LR-34.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.auditor_code import Code, auditor_of
from node.cli.told import told
from node.errors import ConflictError, InputError, UsageError

if TYPE_CHECKING:
    from node.ids import TransferId
    from node.report.bundlecheck import Trusted
    from node.store.unit import SqlUnitOfWork
    from node.trust.directory import Directory

app = typer.Typer()

Data = Annotated[Path, typer.Option("--data", help="Datenordner des Knotens.")]
Json = Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")]
DEFAULT_FOLDER = Path("node-data")


@app.command("bundle")
def bundle_command(
    code: Code,
    transfer: Annotated[
        str, typer.Argument(help="Nummer der Übergabe, 32 Zeichen.")
    ] = "",
    between: Annotated[
        tuple[int, int] | None, typer.Option("--range", help="Einträge A bis vor B.")
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="Datei; sonst im Ordner hier.")
    ] = None,
    age: Annotated[str, typer.Option(help="Für diesen age-Schlüssel versiegeln.")] = "",
    other: Annotated[
        Path | None, typer.Option("--with", help="Beweispaket der Gegenstelle.")
    ] = None,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Ein Beweispaket herstellen; das wird im Protokoll vermerkt."""
    from node.casework.exporting import make_bundle, note_export
    from node.cli.opened import office_of, open_store
    from node.crypto.export import seal_for

    with told():
        query = _query(transfer, between)
        if to is not None and to.exists():
            raise InputError(to.name, "exists")
        theirs = None if other is None else _read(other)
        with open_store(data) as opened:
            by = auditor_of(opened, code)
            office = office_of(opened)
            made = opened.store.read_sync(make_bundle, office, query, by, theirs)
            content = seal_for(made.raw, age) if age else made.raw
            opened.store.write_sync(note_export, office, made.digest, by)
        target = to or Path(
            f"{made.digest.hex()[:16]}.nachweis.zip{'.age' * bool(age)}"
        )
        _write(target, content)
    if as_json:
        made_of = {"file": str(target), "bytes": len(content)}
        found = {"v": 1, "verb": "bundle", "bundle": made.digest.hex()}
        _print_json(found | made_of)
    else:
        typer.echo(f"Beweispaket {target}, {len(content)} Byte")
        typer.echo(f"Kennung {made.digest.hex()}")


@app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(help="Beweispaket.")],
    trust: Annotated[
        Path | None, typer.Option(help="Eigene Liste: Name und Fingerabdruck je Zeile.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Ein Beweispaket prüfen; dafür braucht es weder Knoten noch Zugang."""
    from node.exchangelog.standalone import verify
    from node.report.bundlecheck import check_bundle

    with told():
        check = check_bundle(_read(file), None if trust is None else _trusted(trust))
    report = check.as_json()
    if as_json:
        _print_json(report)
    else:
        verify.print_report(report, "de")
    raise typer.Exit(verify.EXIT[report["verdict"]])


@app.command("fingerprints")
def fingerprints_command(data: Data = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Die Fingerabdrücke aller Schlüssel im Verzeichnis, als Liste für --trust."""
    from node.cli.opened import open_store
    from node.report.fingerprints import fingerprints

    with told(), open_store(data) as opened:
        directory = opened.store.read_sync(_directory)
    rows = list(fingerprints(directory))
    if as_json:
        keys = [{"name": name, "fingerprint": found} for name, found in rows]
        _print_json({"v": 1, "verb": "fingerprints", "keys": keys})
    else:
        for name, found in rows:
            typer.echo(f"{name} {found}")


def _directory(uow: "SqlUnitOfWork") -> "Directory":
    found = uow.directory.load()
    if found is None:
        raise ConflictError("the directory was never fetched")
    return found


def _query(transfer: str, between: tuple[int, int] | None) -> "TransferId | range":
    from node.ids import TransferId

    if bool(transfer) == (between is not None):
        raise UsageError("name a transfer or a range")
    return TransferId(transfer) if between is None else range(*between)


def _read(path: Path) -> bytes:
    from node.exchangelog.standalone import verify

    try:
        with path.open("rb") as file:
            return file.read(verify.MAX_BUNDLE + 1)
    except OSError as error:
        raise InputError(path.name, "unreadable") from error


def _write(path: Path, content: bytes) -> None:
    """Write a new file; an old one of that name stays."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as error:
        raise InputError(path.name, "unwritable") from error


def _trusted(path: Path) -> "Trusted":
    from node.exchangelog.standalone import verify

    try:
        return frozenset(verify.read_trust(_read(path)))
    except verify.WrongError as error:
        raise InputError(path.name, "no list of keys") from error


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
