"""``staffelstab directory``: what registrars and the operator of a directory type.

Enters: folders, files, options. Leaves: a published directory, and sentences or JSON.
Must never happen: a private key printed; a body admitted without the twelve words shown.
Implements handover 11.4 (admission, rotation of sheets, stolen key).
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from node.clock import SystemClock
from node.errors import InputError, NodeError

app = typer.Typer(
    help="Verzeichnis gründen, Kommunen aufnehmen, veröffentlichen.",
    no_args_is_help=True,
)

Folder = Annotated[Path, typer.Argument(help="Ordner, der veröffentlicht wird.")]
Keys = Annotated[
    list[Path] | None,
    typer.Option(
        "--keys",
        help="Schlüsselordner, mehrfach möglich. Ohne Angabe: ORDNER-keys daneben.",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")]


@app.command("init")
def init_command(
    folder: Folder,
    kreis: Annotated[str, typer.Option(help="Landkreis, fünf Ziffern.")],
    land: Annotated[str, typer.Option(help="Land, zwei Ziffern.")],
    keys: Annotated[Path | None, typer.Option(help="Neuer Schlüsselordner.")] = None,
    quorum: Annotated[
        list[str] | None,
        typer.Option(
            help="ROLLE=SCHWELLE/SCHLÜSSEL, etwa root=2/3, mehrfach möglich. "
            "Rollen: root, targets, revoker, land, kreis."
        ),
    ] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="Ein Schlüssel je Rolle, nur zur Vorführung.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ein Verzeichnis gründen: Schlüssel, Rollen, erste Veröffentlichung."""
    from node.federation.founding import PROPOSED, Plan, Quorum, init
    from node.trust.fingerprint import words_of

    with told():
        quorums = {} if demo else dict(PROPOSED)
        for role, (threshold, count) in map(quorum_of, quorum or ()):
            quorums[role] = Quorum(threshold, count)
        private = keys or _beside(folder)
        root = init(
            folder,
            private,
            plan=Plan(land, kreis, demo, quorums),
            at=SystemClock().now(),
            randomness=secrets.token_bytes,
        )
    words = words_of(root)
    if as_json:
        print_json({"root": str(folder / "root.json"), "fingerprint": words})
        return
    typer.echo(f"Verzeichnis gegründet: {folder}")
    typer.echo(f"Wurzel für alle Knoten: {folder / 'root.json'}")
    typer.echo(f"Fingerabdruck der Wurzel: {words}")
    typer.echo(f"Schlüssel: {private}")
    if not demo:
        typer.echo(
            "Die Schlüssel der Rollen root, targets, revoker, Land und Kreis jetzt auf "
            "ihre Inhaber verteilen und hier löschen."
        )


@app.command("admit")
def admit_command(
    folder: Folder,
    request: Annotated[Path, typer.Argument(help="Antrag des Knotens (JSON).")],
    keys: Keys = None,
    places: Annotated[
        Path | None,
        typer.Option(
            help="Amtliche Liste (CSV mit ags,name) statt der mitgelieferten."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Die zwölf Wörter sind schon verglichen.")
    ] = False,
    rounds: Annotated[
        bool,
        typer.Option(
            "--rounds", help="Fehlende Unterschriften später sammeln: directory sign."
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Eine Kommune aufnehmen, nachdem die zwölf Wörter am Telefon verglichen sind."""
    from node.federation.registrar import admit
    from node.trust.admission import AdmissionRequest
    from node.trust.places import parse_places, shipped_places

    with told():
        asked = AdmissionRequest.parse(read_file(request))
        official = (
            shipped_places()
            if places is None
            else parse_places(read_file(places).decode())
        )
        named = {
            ags: official.get(ags, "nicht in der amtlichen Liste") for ags in asked.ags
        }
        if not as_json:
            typer.echo(f"Antrag von: {asked.name} ({asked.id})")
            for ags, name in named.items():
                typer.echo(f"Zuständig für: {ags} {name}")
            typer.echo(f"Fingerabdruck: {asked.fingerprint}")
        if not yes:
            typer.confirm(
                "Nummer aus der amtlichen Liste angerufen, Wörter und AGS verglichen?",
                abort=True,
                err=True,
            )
        record = admit(
            folder,
            key_folders(folder, keys),
            request=asked,
            places=official,
            at=SystemClock().now(),
            rounds=rounds,
        )
    if as_json:
        print_json(
            {"id": record.id, "ags": list(named), "fingerprint": asked.fingerprint}
        )
    else:
        typer.echo(f"Aufgenommen: {record.name}")


@app.command("publish")
def publish_command(
    folder: Folder,
    keys: Keys = None,
    sheet: Annotated[
        list[Path] | None,
        typer.Option(help="Neues Schlüsselblatt einer Kommune, mehrfach möglich."),
    ] = None,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Neue Blätter bei den Kommunen holen.")
    ] = False,
    network: Annotated[
        list[str] | None,
        typer.Option(help="Privates Netz, in dem Kommunen stehen dürfen."),
    ] = None,
) -> None:
    """Stand und Zeitstempel neu unterschreiben, neue Schlüsselblätter eintragen."""
    from node.federation.registrar import publish

    with told():
        sheets = [read_file(path).decode("ascii", "replace") for path in sheet or ()]
        if fetch:
            sheets += _fetched(folder, network or [])
        publish(
            folder, key_folders(folder, keys), at=SystemClock().now(), sheets=sheets
        )
    typer.echo("Veröffentlicht.")
    if fetch:
        typer.echo(f"Neue Schlüsselblätter: {len(sheets)}")


@app.command("policy")
def policy_command(
    folder: Folder,
    prefix: Annotated[str, typer.Argument(help="AGS-Anfang, zwei bis acht Ziffern.")],
    file: Annotated[
        Path | None, typer.Argument(help="Zeugenregel (C2SP tlog-policy).")
    ] = None,
    keys: Keys = None,
    withdraw: Annotated[
        bool, typer.Option("--withdraw", help="Die Regel zurücknehmen.")
    ] = False,
) -> None:
    """Die Zeugenregel für einen Bezirk veröffentlichen oder zurücknehmen."""
    from node.federation.registrar import set_policy

    with told():
        if (file is None) != withdraw:
            raise InputError("file", "file-or-withdraw")
        policy = set_policy(
            folder,
            key_folders(folder, keys),
            prefix=prefix,
            content=read_file(file) if file else b"",
            at=SystemClock().now(),
        )
    if policy is None:
        typer.echo(f"Zeugenregel für {prefix} zurückgenommen.")
        return
    typer.echo(
        f"Zeugenregel für {prefix} veröffentlicht: {len(policy.witnesses)} Zeugen"
    )
    typer.echo(f"Nötig sind mindestens {policy.lacking(())} Gegenzeichnungen.")


@app.command("retire")
def retire_command(
    folder: Folder,
    member: Annotated[str, typer.Argument(help="Kennung der Kommune.")],
    why: Annotated[str, typer.Option(help="Grund, etwa stolen.")],
    key: Annotated[
        str | None,
        typer.Option(
            help="Name des Schlüssels, etwa s1, k1, log, witness. "
            "Ohne Angabe wird die ganze Kommune gesperrt."
        ),
    ] = None,
    keys: Keys = None,
    rounds: Annotated[
        bool,
        typer.Option(
            "--rounds", help="Fehlende Unterschriften später sammeln: directory sign."
        ),
    ] = False,
) -> None:
    """Einen Schlüssel oder eine Kommune für immer ausmustern."""
    from node.federation.registrar import Retirement, retire
    from node.ids import MemberId

    with told():
        done = retire(
            folder,
            key_folders(folder, keys),
            target=Retirement(MemberId(member), key, why),
            at=SystemClock().now(),
            rounds=rounds,
        )
    typer.echo(
        "Ausgemustert." if done else "Wartet auf Unterschriften: `directory sign`."
    )


@app.command("show")
def show_command(
    folder: Annotated[
        Path | None,
        typer.Argument(help="Veröffentlichter Ordner; ohne ihn das Bild des Knotens."),
    ] = None,
    data: Annotated[Path, typer.Option("--data", help="Datenordner.")] = Path(
        "node-data"
    ),
    as_json: Json = False,
) -> None:
    """Rollen mit Stand, Schwelle und Ende, und die Kommunen."""
    from node.federation.registrar import show

    with told():
        # What a node has verified lies in the layout of a published directory.
        roles, members = show(folder or data / "directory")
    if as_json:
        print_json(
            {
                "roles": [
                    {
                        "role": role.role,
                        "version": role.version,
                        "threshold": role.threshold,
                        "keys": role.keys,
                        "expires_at": role.expires_at.isoformat(),
                    }
                    for role in roles
                ],
                "members": [
                    {
                        "id": member.id,
                        "name": member.name,
                        "serial": member.serial,
                        "ags": [place.ags for place in member.serves],
                        "witness": str(member.witness.newest),
                    }
                    for member in members
                ],
            }
        )
        return
    for role in roles:
        typer.echo(
            f"{role.role:12} Stand {role.version:4}  {role.threshold} von {role.keys}"
            f"  bis {role.expires_at:%d.%m.%Y}"
        )
    for member in members:
        places = ", ".join(place.ags for place in member.serves)
        typer.echo(f"{member.id}  {member.name}  {places}")
        typer.echo(f"    Zeuge {member.witness.newest}")


def _fetched(folder: Path, networks: list[str]) -> list[str]:
    """New sheets from the members; who did not answer is told and holds up nobody."""
    from ipaddress import ip_network

    from node.federation.sheetfetch import fetch_sheets

    try:
        allowed = tuple(ip_network(text) for text in networks)
    except ValueError:
        raise InputError("network", "form") from None
    asked = fetch_sheets(folder, allowed=allowed)
    for one in asked:
        if one.code is not None:
            typer.echo(f"Nicht geholt ({one.code}): {one.member}", err=True)
    return [one.sheet for one in asked if one.sheet is not None]


@contextmanager
def told() -> Iterator[None]:
    """Tell an error in one line and leave with 1, instead of a traceback."""
    try:
        yield
    except NodeError as error:
        typer.secho(f"Fehler ({error.code}): {error}", err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from error


def _beside(folder: Path) -> Path:
    """The key folder next to a published folder."""
    resolved = folder.resolve()
    return resolved.with_name(f"{resolved.name}-keys")


def key_folders(folder: Path, keys: list[Path] | None) -> list[Path]:
    """The folders that were named, or the one beside what is published."""
    return keys or [_beside(folder)]


def read_file(path: Path) -> bytes:
    """The bytes of a file; an error names it and nothing else."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(path.name, "unreadable") from error


def quorum_of(text: str) -> tuple[str, tuple[int, int]]:
    """Read ``root=2/3``."""
    role, _, rest = text.partition("=")
    threshold, _, count = rest.partition("/")
    if not (role and threshold.isdecimal() and count.isdecimal()):
        raise InputError("quorum", "form")
    return role, (int(threshold), int(count))


def print_json(value: object) -> None:
    """JSON for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
