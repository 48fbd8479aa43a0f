"""``staffelstab backup``: make, verify, list, restore; and new recovery keys.

Enters: a data folder, files, a recovery sheet. Leaves: sentences or JSON, and an exit code:
0 verified, 1 damaged, 2 cannot tell, 3 wrong use, 4 no verified backup of the last 26 hours.
Must never happen: a recovery key that is shown twice or kept; a restore over something.
Implements SR-R1, SR-R2 for whoever runs a node.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import BackupError, ConfigError, NodeError, StoreError, UsageError

if TYPE_CHECKING:
    from node.cli.opened import Opened
    from node.report.backups import BackupRow
    from node.store.backupduty import BackupDuty
    from node.store.backupverify import Verified
    from node.store.unit import SqlUnitOfWork

app = typer.Typer(help="Sichern, prüfen, wiederherstellen.", no_args_is_help=True)
keys_app = typer.Typer(help="Rettungsschlüssel.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

Data = Annotated[Path, typer.Option("--data", help="Datenordner des Knotens.")]
Json = Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")]
DEFAULT_FOLDER = Path("node-data")

_UNTOLD = 2
_WRONG_USE = 3
_STALE = 4


@app.command("create")
def create_command(
    to: Annotated[
        Path | None,
        typer.Option(help="Anderer Ort: darin entstehen die Ordner content und keys."),
    ] = None,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Inhalt und Schlüssel sichern und beides gleich prüfen."""
    from node.cli.opened import open_store

    with _told(), open_store(data) as opened:
        duty = duty_beside(opened, to)
        verified = duty.verify(duty.backups.create())
        duty.backups.prune()
    _tell_verified(verified, as_json=as_json)


@app.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(help="Sicherung: content-… oder keys-….")],
    keys: Annotated[
        Path | None,
        typer.Option(help="Schlüsselsicherung dazu; sonst die desselben Satzes."),
    ] = None,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Eine Sicherung in einen leeren Ort einspielen und alles darin nachrechnen."""
    from node.cli.opened import open_store
    from node.report.backups import Kind
    from node.store.backupfile import open_file
    from node.store.backupverify import verify_keys, verify_set

    with _told(), open_store(data) as opened:
        duty = duty_beside(opened, None)
        own = duty.backups.vault.own
        found = open_file(file, own.opening, own.sign.public)
        if found.header.kind is Kind.KEYS:
            verify_keys(file, own)
            _say(as_json, {"set": found.header.set, "kind": "keys", "verified": True})
            return
        set_ = found.header.set
        rows = {(row.set, row.kind): row for row in opened.store.read_sync(_rows)}
        ours = rows.get((set_, Kind.CONTENT))
        if keys is None and ours is not None and ours.digest == found.digest:
            verified = duty.verify(set_)
        else:
            mate = rows.get((set_, Kind.KEYS))
            path = keys or (Path(mate.path) if mate else None)
            if path is None:
                raise ConfigError("no key backup of this set; name one with --keys")
            verified = verify_set(file, path, own, opened.means, folder=data)
    _tell_verified(verified, as_json=as_json)


@app.command("list")
def list_command(data: Data = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Welche Sicherungen es gibt und welche geprüft sind."""
    from node.cli.opened import open_store
    from node.clock import SystemClock
    from node.report.backups import is_overdue, last_verified

    with _told(), open_store(data) as opened:
        rows = [r for r in opened.store.read_sync(_rows) if r.destroyed_at is None]
    overdue = is_overdue(last_verified(rows), SystemClock().now())
    if as_json:
        _print_json({"v": 1, "overdue": overdue, "files": [_row_json(r) for r in rows]})
    else:
        for row in rows:
            state = "geprüft" if row.verified_at else "ungeprüft"
            typer.echo(f"{row.taken_at:%d.%m.%Y %H:%M} UTC  {state:9}  {row.path}")
        if overdue:
            text = "Achtung: Seit mehr als 26 Stunden gibt es keine geprüfte Sicherung."
            typer.secho(text, fg=typer.colors.RED)
    raise typer.Exit(_STALE if overdue else 0)


@app.command("restore")
def restore_command(
    content: Annotated[Path, typer.Argument(help="Inhaltssicherung.")],
    keys: Annotated[Path, typer.Argument(help="Schlüsselsicherung.")],
    recovery_key: Annotated[
        Path, typer.Option(help="Rettungsblatt als Textdatei, abgetippt genügt.")
    ],
    data: Annotated[Path, typer.Option("--data", help="Neuer, leerer Datenordner.")],
    database: Annotated[
        str, typer.Option(help="Leere Datenbank; sonst SQLite im Datenordner.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Einen Knoten aus beiden Sicherungen in einen leeren Ordner zurückholen."""
    from node.crypto.recoverykey import RecoverySheet
    from node.store.backupfile import open_file
    from node.store.backuprestore import restore

    with _told():
        try:
            sheet = RecoverySheet.parse(recovery_key.read_text("utf-8"))
        except (OSError, UnicodeDecodeError):
            raise ConfigError("the recovery sheet cannot be read") from None
        made = restore(
            open_file(content, sheet.opening, sheet.signer),
            open_file(keys, sheet.opening, sheet.signer),
            data,
            database=database,
        )
    if as_json:
        _print_json({"v": 1, "rows": sum(made.counts.values()), "data": str(data)})
        return
    typer.echo(f"Wiederhergestellt in {data}: {sum(made.counts.values())} Zeilen,")
    typer.echo(f"{len(made.packets) + len(made.documents)} versiegelte Dateien.")
    typer.echo(
        "Der Knoten weiß, dass er wiederhergestellt wurde: Er unterschreibt nichts,"
    )
    typer.echo("bis andere ihm gesagt haben, was sie von ihm wissen.")
    typer.echo("Den alten Datenordner nicht mehr starten.")


@keys_app.command("new")
def new_keys_command(
    to: Annotated[
        Path | None,
        typer.Option(help="Ordner für die zwei Blätter; sonst auf den Bildschirm."),
    ] = None,
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Zwei neue Rettungsschlüssel; die alten öffnen nur noch ältere Sicherungen."""
    from node.bootstrap import open_keyring, own_hands
    from node.config import load_settings
    from node.founding import Paths, new_recovery_keys

    with _told():
        paths = Paths(load_settings(data).folder)
        master, _ = open_keyring(paths)
        sheets = new_recovery_keys(paths, master, own_hands().randomness)
        hand_out([sheet.lines() for sheet in sheets], to)


def hand_out(sheets: list[tuple[str, str]], to: Path | None) -> None:
    """Show the sheets once, or write them where they can be printed from.

    Raises:
        ConfigError: A sheet lies there already, or the folder cannot be written.
    """
    for number, lines in enumerate(sheets, start=1):
        text = sheet_text(number, lines)
        if to is None:
            typer.echo(text)
            continue
        path = to / f"rettungsblatt-{number}.txt"
        try:
            to.mkdir(mode=0o700, parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                path.chmod(0o600)
                file.write(text)
        except OSError as error:
            raise ConfigError(f"sheet not written: errno {error.errno}") from None
        typer.echo(f"Rettungsblatt {number}: {path}")
    if to is not None:
        typer.echo("Drucken, in zwei Tresore legen, die Dateien löschen.")


def sheet_text(number: int, lines: tuple[str, str]) -> str:
    """One sheet of paper."""
    private, public = lines
    return "\n".join(
        (
            f"Staffelstab · Rettungsblatt {number} von 2",
            "",
            "Mit diesem Blatt und den beiden Sicherungen kann jeder alles lesen.",
            "In einen Tresor, getrennt vom anderen Blatt und von den Sicherungen.",
            "Der Knoten behält den geheimen Teil nicht und kann ihn nicht noch einmal zeigen.",
            "",
            "Geheim:",
            private,
            "Unterschrift der Sicherungen (nicht geheim):",
            public,
            "",
            "Zum Zurückholen beide Zeilen in eine Textdatei tippen und aufrufen:",
            "staffelstab backup restore INHALT SCHLÜSSEL --recovery-key DATEI --data NEU",
            "",
        )
    )


def duty_beside(opened: "Opened", to: Path | None) -> "BackupDuty":
    """The duty of this node, beside a running one."""
    from node.cli.opened import office_of
    from node.crypto.backupbox import backup_keys
    from node.founding import vault_of
    from node.store.backup import Backups, Vault
    from node.store.backupduty import BackupDuty

    master = opened.paths.master.read_bytes()
    vault = vault_of(opened.settings, master)
    if to is not None:
        place = to.absolute()
        base = vault or Vault(opened.paths.folder, to, to, backup_keys(master))
        vault = replace(base, content=place / "content", keys=place / "keys")
    if vault is None:
        raise ConfigError("set backup_folder and backup_keys_folder, or use --to")
    backups = Backups(opened.store, opened.means, vault)
    office = office_of(opened)
    hour = opened.settings.backup_hour
    return BackupDuty(backups, opened.store, opened.means, office, hour=hour)


def _rows(uow: "SqlUnitOfWork") -> "list[BackupRow]":
    return list(uow.backups.rows())


def _row_json(row: "BackupRow") -> dict[str, object]:
    return {
        "set": row.set,
        "kind": row.kind,
        "path": row.path,
        "taken_at": row.taken_at.isoformat(),
        "verified_at": row.verified_at and row.verified_at.isoformat(),
    }


def _tell_verified(verified: "Verified", *, as_json: bool) -> None:
    if as_json:
        _print_json(
            {
                "v": 1,
                "set": verified.set,
                "verified": True,
                "keys_opened": verified.keys_opened,
                "entries": verified.entries,
                "files": verified.files,
            }
        )
        return
    typer.echo(f"Satz {verified.set}: zurückgespielt und geprüft.")
    typer.echo(
        f"{verified.keys_opened} Schlüssel geöffnet, {verified.entries} Einträge "
        f"nachgerechnet, {verified.files} versiegelte Dateien vollständig."
    )
    typer.echo("Inhalt und Schlüssel an getrennten Orten aufbewahren.")


def _say(as_json: bool, found: dict[str, object]) -> None:
    if as_json:
        _print_json({"v": 1, **found})
    else:
        typer.echo(
            f"Schlüsselsicherung {found['set']}: vollständig, lässt sich öffnen."
        )


@contextmanager
def _told() -> Iterator[None]:
    """Tell an error in one line; only a damaged backup is exit code 1."""
    try:
        yield
    except NodeError as error:
        typer.secho(f"Fehler ({error.code}): {error}", err=True, fg=typer.colors.RED)
        status = _UNTOLD
        if isinstance(error, BackupError):
            status = 1
        elif isinstance(error, StoreError):
            status = _STALE
        elif isinstance(error, UsageError):
            status = _WRONG_USE
        raise typer.Exit(status) from error


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
