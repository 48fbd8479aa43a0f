"""``staffelstab directory`` and ``staffelstab keys`` at a member: join, look, refresh, rotate.

Enters: a data folder, what the registrar sent. Leaves: the directory joined and refreshed,
sentences that say how this node stands in it and what to do. Must never happen: a root
taken whose words were not compared; a private key printed. Implements handover 11.3, 11.4.

Exit codes of ``doctor``: 0 all is well, 1 somebody else's hand in it, 2 something is to be
done or does not work, 4 the directory is out of date.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from node.cli.directory import Json, print_json, read_file, told
from node.errors import ConfigError, InputError, NodeError

if TYPE_CHECKING:
    from node.directoryjob import DirectoryJob, Library
    from node.keyroom import KeyRoom
    from node.sync.office import Office
    from node.trust.standing import Standing

keys_app = typer.Typer(help="Schlüssel dieses Knotens.", no_args_is_help=True)
Data = Annotated[
    Path, typer.Option("--data", help="Datenordner des Knotens.", show_default=True)
]
DEFAULT: Final = Path("node-data")
From = Annotated[
    str, typer.Option("--from", help="Ordner oder Adresse statt der Einstellung.")
]

# In words, and what to do where it is not right.
_SENTENCES: Final[dict[str, tuple[str, str]]] = {
    "fresh": (
        "Das Verzeichnis ist vom {at}.",
        "Leitung zum Verzeichnis prüfen, dann `staffelstab directory refresh`.",
    ),
    "faults": (
        "Dateien des Verzeichnisses, die abgelehnt wurden: {count}.",
        "`staffelstab directory show` nennt sie. Die Registerstelle anrufen.",
    ),
    "listed": (
        "Diese Kommune ist eingetragen, Stand {count}.",
        "Noch nicht aufgenommen: admission.json an die Registerstelle geben.",
    ),
    "places": (
        "Orte, die zu dieser Kommune führen: {count}.",
        "Für einen Ort ist der Weg unklar: die Registerstelle anrufen.",
    ),
    "retired": (
        "Eigene Schlüssel stehen auf der Sperrliste: {count}.",
        "Nichts senden. Die Registerstelle anrufen; Wiederaufnahme nötig.",
    ),
    "sign_key": (
        "Der Unterschriftsschlüssel gilt bis {at}.",
        "`staffelstab keys rotate` und die Datei an die Registerstelle geben.",
    ),
    "sheet_key": (
        "Der Blattschlüssel gilt bis {at}.",
        "`staffelstab keys rotate --use sheet`, Datei an die Registerstelle geben.",
    ),
    "note_keys": (
        "Protokoll- und Zeugenschlüssel stimmen mit dem Verzeichnis überein.",
        "Andere prüfen unser Protokoll mit einem anderen Schlüssel: nachfragen.",
    ),
    "own_sheet": (
        "Unser Schlüsselblatt ist eingetragen, Nummer {count}.",
        "outgoing/keysheet.jws an den Betreiber des Verzeichnisses geben.",
    ),
    "foreign_sheet": (
        "",
        "Ein Schlüssel im Verzeichnis ist nicht von uns: sofort die Registerstelle anrufen.",
    ),
    "sealing_key": (
        "An uns kann versiegelt werden, bis {at}.",
        "Niemand kann uns bald etwas senden: neues Schlüsselblatt eintragen lassen.",
    ),
}
_MARKS: Final = {"ok": "gut   ", "due": "zu tun", "fault": "Fehler", "alarm": "ALARM "}


def hang(app: typer.Typer) -> None:
    """Hang the member's commands up beside the registrar's."""
    app.command("join")(join_command)
    app.command("refresh")(refresh_command)
    app.command("doctor")(doctor_command)
    app.command("export")(export_command)


@dataclass(frozen=True, slots=True)
class _Membership:
    """A node's directory opened for one command."""

    office: "Office"
    library: "Library"
    job: "DirectoryJob"
    room: "KeyRoom"
    source: str


@contextmanager
def _opened(data: Path) -> Iterator[_Membership]:
    from node.bootstrap import own_hands
    from node.cli.opened import office_of, open_store
    from node.directoryjob import DirectoryJob, Library, Rumours, kept_directory
    from node.keycabinet import KeyCabinet
    from node.keyroom import KeyRoom

    hands = own_hands()
    with open_store(data) as opened:
        master = opened.paths.master.read_bytes()
        cabinet = KeyCabinet(opened.paths.keyring, master, hands.randomness)
        library = Library()
        kept = opened.store.read_sync(kept_directory)
        if kept is not None:
            library.swap(kept)
        url = opened.settings.peer_url
        office = replace(office_of(opened), keys=cabinet, directory=library)
        job = DirectoryJob(
            opened.settings,
            store=opened.store,
            library=library,
            office=office,
            rumours=Rumours(library, hands.clock),
        )
        room = KeyRoom(
            data, cabinet=cabinet, store=opened.store, office=office, url=url
        )
        yield _Membership(office, library, job, room, opened.settings.directory)


def join_command(
    root: Annotated[
        Path | None, typer.Argument(help="root.json von der Registerstelle.")
    ] = None,
    fingerprint: Annotated[
        str, typer.Option(help="Die zwölf Wörter der Wurzel, vom Telefon.")
    ] = "",
    source: From = "",
    data: Data = DEFAULT,
) -> None:
    """Dem Verzeichnis beitreten: Wörter vorlesen, Wurzel prüfen, zum ersten Mal holen."""
    from node.founding import Paths
    from node.trust.admission import AdmissionRequest
    from node.trust.fingerprint import words_of

    with told():
        paths = Paths(data)
        asked = AdmissionRequest.parse(read_file(paths.request))
        if root is None:
            typer.echo(f"1. {paths.request} an die Registerstelle senden.")
            typer.echo("2. Am Telefon unsere zwölf Wörter vorlesen:")
            typer.echo(f"   {asked.fingerprint}")
            typer.echo("3. Mit ihrer Datei und ihren zwölf Wörtern:")
            typer.echo('   staffelstab directory join root.json --fingerprint "…"')
            return
        content = read_file(root)
        words = words_of(content)
        if fingerprint:
            if fingerprint.split() != words.split():
                raise InputError("fingerprint", "differs")
        else:
            typer.echo(f"Fingerabdruck dieser Wurzel: {words}")
            typer.confirm("Am Telefon Wort für Wort verglichen?", abort=True, err=True)
        if paths.root.exists() and paths.root.read_bytes() != content:
            raise ConfigError("another root.json is here: it is never replaced")
        paths.root.write_bytes(content)
        with _opened(data) as here:
            directory = here.job.read_from(source or here.source)
            listed = directory.holdings.record(here.office.member)
    typer.echo(f"Verzeichnis geholt: {len(directory.members())} Kommunen.")
    typer.echo(
        f"Eingetragen als {listed.name}."
        if listed is not None
        else "Noch nicht eingetragen. Nach der Aufnahme: staffelstab directory refresh"
    )


def refresh_command(source: From = "", data: Data = DEFAULT) -> None:
    """Das Verzeichnis jetzt holen, auch aus einem Ordner, etwa von einem USB-Stick."""
    with told(), _opened(data) as here:
        directory = here.job.read_from(source or here.source)
        here.room.keep()
    typer.echo(
        f"Stand {directory.timestamp_version} vom "
        f"{directory.head.signed_at:%d.%m.%Y %H:%M} UTC, "
        f"{len(directory.members())} Kommunen."
    )


def doctor_command(as_json: Json = False, data: Data = DEFAULT) -> None:
    """Prüfen, wie dieser Knoten im Verzeichnis steht, und sagen, was zu tun ist."""
    from node.trust.standing import Item, Level, examine

    with told(), _opened(data) as here:
        known = here.library.known
        if known is None:
            raise ConfigError("no directory yet: staffelstab directory join")
        try:
            sheet = here.room.sheet()
        except NodeError:
            sheet = None
        found = examine(known, here.office.keyring, sheet, at=here.office.clock.now())
    if as_json:
        print_json([_as_json(one) for one in found])
    else:
        for one in found:
            typer.echo(f"{_MARKS[one.level]}  {_sentence(one)}")
    levels = {one.level for one in found}
    stale = any(o.item is Item.FRESH and o.level is not Level.OK for o in found)
    if Level.ALARM in levels:
        sys.exit(1)
    if stale:
        sys.exit(4)
    if levels - {Level.OK}:
        sys.exit(2)


def export_command(
    target: Annotated[
        Path, typer.Argument(help="Leerer Ordner, etwa auf einem Stick.")
    ],
    data: Data = DEFAULT,
) -> None:
    """Das geprüfte Verzeichnis zum Mitnehmen ablegen; es ist nichts Geheimes."""
    from node.founding import Paths

    with told():
        paths = Paths(data)
        mirror = paths.directory
        if not (mirror / "metadata" / "timestamp.json").exists():
            raise ConfigError("nothing was fetched yet: staffelstab directory refresh")
        if target.exists() and any(target.iterdir()):
            raise ConfigError(f"{target.name} is not empty")
        for part in ("targets", "metadata"):
            shutil.copytree(mirror / part, target / part)
        shutil.copy(paths.root, target / "root.json")
    typer.echo(
        f"Abgelegt in {target}. Dort: staffelstab directory refresh --from ORDNER"
    )


@keys_app.command("rotate")
def rotate_command(
    use: Annotated[str, typer.Option(help="sig oder sheet.")] = "sig",
    data: Data = DEFAULT,
) -> None:
    """Den nächsten Schlüssel machen und seinen Eintrag beantragen."""
    from node.trust.member import Purpose
    from node.trust.rotation import RotationRequest

    with told(), _opened(data) as here:
        if use not in set(Purpose):
            raise InputError("use", "unknown")
        path = here.room.prepare(Purpose(use))
        words = RotationRequest.parse(path.read_bytes()).fingerprint
    typer.echo(f"Antrag: {path}")
    typer.echo(f"Zwölf Wörter dazu: {words}")
    typer.echo("Der Knoten benutzt den Schlüssel, sobald er einen Tag eingetragen ist.")


@keys_app.command("show")
def show_command(as_json: Json = False, data: Data = DEFAULT) -> None:
    """Die Schlüssel dieses Knotens mit ihrem Ende; nichts Geheimes."""
    with told(), _opened(data) as here:
        ring = here.office.keyring
        sheet = here.room.sheet()
    living = [
        {
            "kid": entry.kid,
            "from": entry.nbf.isoformat(),
            "seal_until": entry.seal_until.isoformat(),
            "open_until": entry.open_until.isoformat(),
            "here": entry.kid in ring.openings,
        }
        for entry in sheet.kem
    ]
    waiting = {use: kid for use, (kid, _) in ring.pending.items()}
    if as_json:
        print_json(
            {
                "sig": ring.sign_kid,
                "sheet": ring.sheet_kid,
                "waiting": waiting,
                "serial": sheet.serial,
                "kem": living,
            }
        )
        return
    typer.echo(f"Unterschrift: {ring.sign_kid}  Blatt: {ring.sheet_kid}")
    for use, kid in waiting.items():
        typer.echo(f"Wartet auf den Eintrag: {kid} ({use})")
    for entry in sheet.kem:
        typer.echo(
            f"{entry.kid}: versiegeln {entry.nbf:%d.%m.%Y} bis "
            f"{entry.seal_until:%d.%m.%Y}, öffnen bis {entry.open_until:%d.%m.%Y}"
        )


def _as_json(one: "Standing") -> dict[str, object]:
    return {
        "check": one.item,
        "level": one.level,
        "text": _sentence(one),
        "at": one.at.isoformat() if one.at else None,
        "count": one.count,
    }


def _sentence(one: "Standing") -> str:
    fine, todo = _SENTENCES[one.item]
    at = f"{one.at:%d.%m.%Y %H:%M} UTC" if one.at else "unbekannt"
    said = fine.format(at=at, count=one.count)
    is_absent = one.item == "listed" and one.level != "ok"
    if one.level == "ok":
        return said
    return todo if is_absent or not said else f"{said} {todo}"
