"""``staffelstab directory``: what registrars type after the admission.

Enters: a published folder, key folders of the holders who are here, files of members.
Leaves: a change published, or waiting for the next holder; sentences or JSON. Must never
happen: a holder signing what was not shown; a private key printed. Implements handover 11.1
(thresholds, delegations) and 11.4.
"""

import secrets
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.directory import (
    Folder,
    Json,
    Keys,
    key_folders,
    print_json,
    quorum_of,
    read_file,
    told,
)
from node.clock import SystemClock
from node.errors import InputError

if TYPE_CHECKING:
    from node.federation.delegations import Tools
    from node.federation.rounds import Waiting

Rounds = Annotated[
    bool,
    typer.Option(
        "--rounds", help="Fehlende Unterschriften später sammeln: directory sign."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Nicht fragen.")]
Request = Annotated[Path, typer.Argument(help="Datei der Kommune.")]
_SIGNS = {"+": "neu", "~": "geändert", "-": "entfernt"}


def hang(app: typer.Typer) -> None:
    """Hang these commands up beside the others."""
    for name, command in (
        ("delegate", delegate_command),
        ("rotate", rotate_command),
        ("recover", recover_command),
        ("move", move_command),
        ("close", close_command),
        ("drop", drop_command),
        ("renew", renew_command),
        ("pending", pending_command),
        ("sign", sign_command),
        ("discard", discard_command),
    ):
        app.command(name)(command)


def delegate_command(
    folder: Folder,
    keys: Keys = None,
    kreis: Annotated[str, typer.Option(help="Landkreis, fünf Ziffern.")] = "",
    land: Annotated[str, typer.Option(help="Land, zwei Ziffern.")] = "",
    new_keys: Annotated[
        Path | None, typer.Option(help="Neuer, leerer Ordner für die Schlüssel.")
    ] = None,
    quorum: Annotated[str, typer.Option(help="SCHWELLE/SCHLÜSSEL, etwa 2/3.")] = "",
    rounds: Rounds = False,
) -> None:
    """Einem Land oder Landkreis eigene Schlüssel geben; Zuständigkeit folgt dem AGS."""
    from node.federation.delegations import delegate
    from node.federation.founding import Quorum

    with told():
        prefix = kreis or land
        if bool(kreis) == bool(land):
            raise InputError("prefix", "kreis-or-land")
        wanted = None
        if quorum:
            _, (threshold, count) = quorum_of(f"role={quorum}")
            wanted = Quorum(threshold, count)
        resolved = folder.resolve()
        made_in = new_keys or resolved.with_name(f"{resolved.name}-keys-{prefix}")
        done = delegate(
            _tools(folder, keys, rounds=rounds),
            prefix,
            new_keys=made_in,
            randomness=secrets.token_bytes,
            quorum=wanted,
        )
    typer.echo(f"Schlüssel für {prefix}: {made_in}. Jetzt an ihre Inhaber verteilen.")
    _say(done)


def rotate_command(
    folder: Folder,
    request: Request,
    keys: Keys = None,
    rounds: Rounds = False,
    yes: Yes = False,
) -> None:
    """Einen neuen Schlüssel einer Kommune eintragen; der alte gilt noch 90 Tage."""
    from node.federation.changes import rotate
    from node.trust.rotation import RotationRequest

    with told():
        asked = RotationRequest.parse(read_file(request))
        typer.echo(f"Neuer Schlüssel „{asked.use}“ für {asked.id}")
        typer.echo(f"Fingerabdruck: {asked.fingerprint}")
        _ask("Mit der Kommune verglichen?", yes=yes)
        record, done = rotate(_tools(folder, keys, rounds=rounds), asked)
    typer.echo(f"Eintrag {record.serial} von {record.name}.")
    _say(done)


def recover_command(
    folder: Folder,
    request: Request,
    keys: Keys = None,
    rounds: Rounds = False,
    yes: Yes = False,
) -> None:
    """Eine Kommune mit neuen Schlüsseln wieder aufnehmen (Schlüssel verloren)."""
    from node.federation.changes import recover
    from node.trust.admission import AdmissionRequest

    with told():
        asked = AdmissionRequest.parse(read_file(request))
        typer.echo(f"Wiederaufnahme von: {asked.name} ({asked.id})")
        typer.echo(f"Fingerabdruck: {asked.fingerprint}")
        typer.echo("Alle früheren Schlüssel gelten dann nicht mehr.")
        _ask("Nummer aus der amtlichen Liste angerufen, Wörter verglichen?", yes=yes)
        record, done = recover(_tools(folder, keys, rounds=rounds), asked)
    typer.echo(
        f"Eintrag {record.serial}. Andere versiegeln erst nach 72 Stunden an sie."
    )
    _say(done)


def move_command(
    folder: Folder,
    ags: Annotated[str, typer.Argument(help="AGS des Ortes.")],
    to: Annotated[str, typer.Option(help="Kennung der neuen Stelle.")],
    on: Annotated[str, typer.Option(help="Erster Tag, JJJJ-MM-TT.")],
    keys: Keys = None,
    rounds: Rounds = False,
) -> None:
    """Einen Ort ab einem Tag einer anderen Stelle zuordnen."""
    from node.federation.changes import move
    from node.ids import Ags, MemberId

    with told():
        (old, new), done = move(
            _tools(folder, keys, rounds=rounds), Ags(ags), to=MemberId(to), on=_day(on)
        )
    typer.echo(f"{ags}: bis zum Vortag {old.name}, ab {on} {new.name}.")
    _say(done)


def close_command(
    folder: Folder,
    member: Annotated[str, typer.Argument(help="Kennung der Kommune.")],
    on: Annotated[str, typer.Option(help="Erster Tag danach, JJJJ-MM-TT.")],
    successor: Annotated[str, typer.Option(help="Kennung der Nachfolgerin.")] = "",
    keys: Keys = None,
    rounds: Rounds = False,
) -> None:
    """Eine Kommune schließen; was an sie geht, geht an ihre Nachfolgerin."""
    from node.federation.changes import close
    from node.ids import MemberId

    with told():
        record, done = close(
            _tools(folder, keys, rounds=rounds),
            MemberId(member),
            on=_day(on),
            successor=MemberId(successor) if successor else None,
        )
    typer.echo(f"{record.name} endet am {on}.")
    _say(done)


def drop_command(
    folder: Folder,
    member: Annotated[str, typer.Argument(help="Kennung der Kommune.")],
    keys: Keys = None,
    rounds: Rounds = False,
) -> None:
    """Gesperrte Schlüssel einer Kommune aus ihrem Eintrag nehmen."""
    from node.federation.changes import drop_retired
    from node.ids import MemberId

    with told():
        record, done = drop_retired(
            _tools(folder, keys, rounds=rounds), MemberId(member)
        )
    typer.echo(f"Eintrag {record.serial} von {record.name}.")
    _say(done)


def renew_command(
    folder: Folder,
    role: Annotated[str, typer.Argument(help="root, targets, revoker, 08, 08337 …")],
    keys: Keys = None,
    rounds: Rounds = False,
) -> None:
    """Eine Rolle vor ihrem Ende unverändert neu unterschreiben."""
    from node.federation.delegations import renew

    with told():
        done = renew(_tools(folder, keys, rounds=rounds), role)
    _say(done)


def pending_command(folder: Folder, as_json: Json = False) -> None:
    """Was auf Unterschriften wartet, und was es ändert."""
    from node.federation.rounds import waiting

    with told():
        found = waiting(folder)
    if as_json:
        print_json(
            [
                {
                    "role": one.role,
                    "version": one.version,
                    "signatures": one.signatures,
                    "threshold": one.threshold,
                    "expires_at": one.expires_at.isoformat(),
                    "changes": list(one.changes),
                }
                for one in found
            ]
        )
        return
    if not found:
        typer.echo("Nichts wartet auf Unterschriften.")
    for one in found:
        _show(one)


def sign_command(folder: Folder, keys: Keys = None, yes: Yes = False) -> None:
    """Mit dem eigenen Schlüssel unterschreiben, was wartet."""
    from node.federation.rounds import Outcome, sign_drafts, waiting

    with told():
        for one in waiting(folder):
            _show(one)
        _ask("Alles gelesen? Jetzt unterschreiben?", yes=yes)
        outcome = sign_drafts(folder, key_folders(folder, keys), at=SystemClock().now())
        left = waiting(folder)
    match outcome:
        case Outcome.PUBLISHED:
            typer.echo("Unterschrieben und veröffentlicht.")
        case Outcome.COMPLETE:
            typer.echo("Vollständig. Sichtbar mit dem nächsten `directory publish`.")
        case _:
            typer.echo("Unterschrieben. Es fehlen noch:")
            for one in left:
                if one.signatures < one.threshold:
                    missing = one.threshold - one.signatures
                    typer.echo(f"  {one.role}: {missing} Unterschrift(en)")


def discard_command(folder: Folder, yes: Yes = False) -> None:
    """Verwerfen, was auf Unterschriften wartet."""
    from node.federation.rounds import discard

    with told():
        _ask("Alle wartenden Entwürfe verwerfen?", yes=yes)
        roles = discard(folder)
    typer.echo(f"Verworfen: {', '.join(roles) or 'nichts'}")


def _tools(folder: Path, keys: list[Path] | None, *, rounds: bool) -> "Tools":
    from node.federation.delegations import Tools

    return Tools(folder, key_folders(folder, keys), SystemClock().now(), rounds)


def _show(one: "Waiting") -> None:
    typer.echo(
        f"{one.role} Stand {one.version}: {one.signatures} von {one.threshold} "
        f"Unterschriften, gilt bis {one.expires_at:%d.%m.%Y}"
    )
    for change in one.changes:
        typer.echo(f"  {_SIGNS[change[0]]}: {change[2:]}")


def _ask(question: str, *, yes: bool) -> None:
    if not yes:
        typer.confirm(question, abort=True, err=True)


def _say(done: bool) -> None:
    typer.echo(
        "Veröffentlicht."
        if done
        else "Wartet auf weitere Unterschriften: `directory sign`, je Schlüssel."
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InputError("on", "form") from None
