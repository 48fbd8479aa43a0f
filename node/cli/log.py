"""``staffelstab log``: is the exchange log sound, and how far is it witnessed?

Enters: a data folder, perhaps a checkpoint that somebody else remembers. Leaves: a verdict
as sentences or JSON, and an exit code: 0 verified, 1 tampering proved, 2 cannot tell, 3
wrong use, 4 stale or unreachable. Must never happen: an opened entry shown; a sound verdict
on a log that was not read. Implements exchange-log 8 (``status``, ``verify``).
"""

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli import auditing, evidence, keeping, recover
from node.cli.told import STALE, told
from node.errors import InputError, LogError, PeerError

if TYPE_CHECKING:
    from node.cli.opened import Opened
    from node.crypto.checkpoint import Checkpoint, NoteKey
    from node.exchangelog.finding import Report
    from node.store.logrows import Standing
    from node.store.mark import Mark
    from node.store.unit import SqlUnitOfWork

app = typer.Typer(help="Austauschprotokoll prüfen.", no_args_is_help=True)
app.add_typer(auditing.app)
app.add_typer(evidence.app)
keeping.hang_on(app)

Data = Annotated[Path, typer.Option("--data", help="Datenordner des Knotens.")]
Json = Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")]
DEFAULT_FOLDER = Path("node-data")

_WORDS = {
    "verified": "Das Protokoll ist in Ordnung.",
    "tampered": "Das Protokoll wurde verändert.",
    "incomplete": "Im Protokoll fehlt etwas, eine Veränderung ist nicht bewiesen.",
}


@app.command("status")
def status_command(data: Data = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Größe, Unterschrift, Zeugen und Merkstein; prüft nichts nach."""
    from node.cli.opened import open_store
    from node.clock import SystemClock
    from node.store.mark import read_mark
    from node.sync import firstword

    with told(), open_store(data) as opened:
        standing = opened.store.read_sync(_standing)
        try:
            mark = read_mark(opened.paths.mark)
        except LogError:
            mark = None
        own = _own_witness(opened)
        alarms = find_alarms(standing, mark, own=own, at=SystemClock().now())
        alarms = (
            *_SPEECH[opened.store.read_sync(firstword.standing).standing],
            *alarms,
        )
    if as_json:
        _print_json(_standing_json(standing, mark, own=own, alarms=alarms))
    else:
        _tell_standing(standing, mark, own=own, alarms=alarms)
    raise typer.Exit(STALE if alarms else 0)


@app.command("verify")
def verify_command(
    data: Data = DEFAULT_FOLDER,
    against: Annotated[
        list[Path] | None,
        typer.Option(
            help="Prüfpunkt oder Beweispaket von außen (Datei), mehrfach möglich."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Das ganze Protokoll aus den Rohdaten nachrechnen und mit Zeugen vergleichen."""
    from node.cli.opened import open_store
    from node.crypto.checkpoint import ED25519, NoteKey
    from node.store.mark import read_mark

    with told(), open_store(data) as opened:
        log_key = NoteKey(opened.means.log_origin, opened.keyring.log.public, ED25519)
        outside = tuple(h for path in against or () for h in _outside(path, log_key))
        mark = read_mark(opened.paths.mark)
        if mark is None:
            raise LogError("there is no mark: this log was restored")
        report = opened.store.read_sync(_check, log_key, (mark.head, *outside))
        former = opened.store.read_sync(recover.check_former, log_key)
    if as_json:
        ended = {"former": [each.as_json() for each in former]} if former else {}
        _print_json(report.as_json() | ended)
    else:
        for each in (*former, report):
            _tell_report(each)
    codes = {each.verdict.exit_status for each in (*former, report)} - {0}
    # Proved tampering says more than a gap.
    raise typer.Exit(min(codes, default=0))


def find_alarms(
    standing: "Standing", mark: "Mark | None", *, own: str, at: datetime
) -> tuple[str, ...]:
    """What a person must look at (exchange-log 8, alarms).

    Args:
        standing: From the store.
        mark: The signer's memory, None if there is none that can be read.
        own: Name of the own witness, which never counts.
        at: Now.
    """
    from node.exchangelog.alarms import Facts, WitnessFact
    from node.exchangelog.alarms import find_alarms as find

    facts = Facts(
        size=standing.size,
        signed_size=standing.signed_size,
        signed_at=standing.signed_at,
        mark=None if mark is None else mark.head.size,
        mark_asked=True,
        witnesses=tuple(
            WitnessFact(seen.name, seen.last_at)
            for seen in standing.witnessed
            if seen.name != own
        ),
    )
    return tuple(str(raised.alarm) for raised in find(facts, at))


def _standing(uow: "SqlUnitOfWork") -> "Standing":
    return uow.log_rows.standing()


def _check(
    uow: "SqlUnitOfWork", log_key: "NoteKey", heads: "tuple[Checkpoint, ...]"
) -> "Report":
    """The whole check inside one unit, so that it sees one state of the database."""
    from node.exchangelog.audit import check_export
    from node.report.witnesses import witness_keys

    mark, *outside = heads
    return check_export(
        uow.log_rows.export(
            log_key,
            witnesses=witness_keys(uow.directory.load(), log_key.name),
            mark=mark,
            outside=tuple(outside),
        )
    )


def _outside(path: Path, log_key: "NoteKey") -> "list[Checkpoint]":
    """Checkpoints of ours that somebody else kept: a note, or an evidence bundle."""
    from node.crypto.checkpoint import open_checkpoint
    from node.exchangelog.bundle import checkpoints_of

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError(path.name, "unreadable") from error
    try:
        if raw.startswith(b"PK"):
            return checkpoints_of(raw, log_key)
        return [open_checkpoint(raw.decode("utf-8"), log_key)]
    except UnicodeDecodeError as error:
        raise InputError(path.name, "unreadable") from error
    except PeerError as error:
        raise InputError(path.name, "no checkpoint of this log") from error


def _own_witness(opened: "Opened") -> str:
    return opened.names.witness_name


def _standing_json(
    standing: "Standing", mark: "Mark | None", *, own: str, alarms: tuple[str, ...]
) -> dict[str, object]:
    return {
        "v": 1,
        "verb": "status",
        "origin": standing.origin,
        "size": standing.size,
        "signed_size": standing.signed_size,
        "signed_at": standing.signed_at and standing.signed_at.isoformat(),
        "mark_size": mark and mark.head.size,
        "witnesses": [
            {"name": w.name, "size": w.size, "last_at": w.last_at.isoformat()}
            for w in standing.witnessed
            if w.name != own
        ],
        "alarms": list(alarms),
    }


_SPEECH = {"speaking": (), "waiting": ("first_word",), "quarantine": ("reading_only",)}
_ALARMS = {
    "first_word": "Wartet auf die erste Antwort einer anderen Stelle.",
    "reading_only": (
        "Nur Lesen: Andere wissen vielleicht mehr von diesem Protokoll als dieser Knoten."
        " Anhalten und zu zweit `staffelstab recover` aufrufen."
    ),
    "no_mark": "Der Merkstein fehlt oder ist unlesbar: nichts wird unterschrieben.",
    "behind_mark": "Das Protokoll ist kleiner als sein Merkstein: alte Datenbank?",
    "mark_behind": "Der Merkstein ist älter als die letzte Unterschrift.",
    "unsigned": "Es gibt Einträge, die noch nicht unterschrieben sind.",
    "not_witnessed_24h": "Seit mehr als 24 Stunden hat kein Zeuge gegengezeichnet.",
    "witness_silent_48h": "Ein Zeuge schweigt seit mehr als 48 Stunden.",
}


def _tell_standing(
    standing: "Standing", mark: "Mark | None", *, own: str, alarms: tuple[str, ...]
) -> None:
    typer.echo(f"Protokoll {standing.origin}")
    typer.echo(f"Einträge: {standing.size}")
    if standing.signed_at is None:
        typer.echo("Unterschrieben: noch nie")
    else:
        when = f"{standing.signed_at:%d.%m.%Y %H:%M} UTC"
        typer.echo(f"Unterschrieben: bis {standing.signed_size}, am {when}")
    typer.echo(f"Merkstein: {'fehlt' if mark is None else mark.head.size}")
    for seen in standing.witnessed:
        if seen.name != own:
            when = f"{seen.last_at:%d.%m.%Y %H:%M} UTC"
            typer.echo(f"Zeuge {seen.name}: bis {seen.size}, zuletzt {when}")
    for alarm in alarms:
        typer.secho(f"Achtung: {_ALARMS[alarm]}", fg=typer.colors.RED)


def _tell_report(report: "Report") -> None:
    checked = report.checked
    typer.echo(f"Protokoll {report.origin}: {report.size} Einträge")
    typer.echo(
        f"Geöffnet {checked.opened}, rechtmäßig gelöscht {checked.erased}, "
        f"Prüfpunkte {checked.checkpoints}, Gegenzeichnungen {checked.cosignatures}"
    )
    typer.echo(f"Bezeugt bis {report.witnessed_size}")
    for finding in report.findings:
        typer.echo(f"{finding.code.weight:6} {finding.index:8} {finding.code}")
        typer.echo(f"       {finding.text}")
    typer.echo(_WORDS[report.verdict])


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


# For the commands of the neighbouring rooms, which speak alike.
print_json = _print_json
