"""The command line of an operator: found, serve, keep, check.

Enters: what an operator types. Leaves: sentences, or JSON with ``--json``; an exit code.
Must never happen: a private key printed, a traceback shown, case content shown. Heavy
libraries are imported by the command that needs them, so that ``--help`` is quick.
"""

import asyncio
import sys
from logging import WARNING
from pathlib import Path
from typing import Annotated

import typer

from node.cli import (
    accounts,
    backup,
    carry,
    cases,
    conform,
    directory,
    log,
    membership,
    recover,
    registry,
    witnesses,
)
from node.errors import NodeError
from node.telemetry import configure_logging

app = typer.Typer(
    help="Staffelstab: Fälle zwischen Kommunen übergeben, mit Einwilligung und Nachweis.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(directory.app, name="directory")
registry.hang(directory.app)
membership.hang(directory.app)
app.add_typer(membership.keys_app, name="keys")
app.add_typer(log.app, name="log")
witnesses.hang_up(log.app)
witnesses.override_app.command("first-word")(recover.first_word_command)
app.add_typer(accounts.app, name="account")
app.add_typer(cases.app, name="case")
app.command("recover")(recover.recover_command)
app.add_typer(backup.app, name="backup")
app.add_typer(carry.app, name="carry")
app.command("conform")(conform.conform_command)

Folder = Annotated[
    Path, typer.Option("--data", help="Datenordner des Knotens.", show_default=True)
]
DEFAULT_FOLDER = Path("node-data")


def main() -> None:
    """Run one command; an expected error is one sentence and exit code 1."""
    # What a program reads stands on standard output alone; ``serve`` says more.
    configure_logging(json=False, level=WARNING)
    try:
        app()
    except NodeError as error:
        typer.echo(f"Fehler ({error.code}): {error}", err=True)
        sys.exit(1)


@app.command("init")
def init_command(
    name: Annotated[str, typer.Option(help="Name der Stelle, etwa „Stadt Wehr“.")],
    member: Annotated[str, typer.Option(help="Kennung, etwa 08337116-stadt-wehr.")],
    ags: Annotated[list[str], typer.Option(help="AGS, mehrfach möglich.")],
    web_url: Annotated[str, typer.Option(help="Adresse der Seiten, https://…")],
    peer_url: Annotated[str, typer.Option(help="Adresse für andere Knoten, https://…")],
    office: Annotated[str, typer.Option(help="Zuständiges Amt.")],
    phone: Annotated[str, typer.Option(help="Telefon des Amtes.")],
    mail: Annotated[str, typer.Option(help="E-Mail des Amtes.")],
    directory_url: Annotated[
        str, typer.Option("--directory", help="Verzeichnis.")
    ] = "",
    database: Annotated[str, typer.Option(help="Leer: SQLite im Datenordner.")] = "",
    relay: Annotated[
        list[str] | None,
        typer.Option(
            help="Adresse eines Postfachs, https://…; dann ohne offenen Port."
        ),
    ] = None,
    web_port: Annotated[int, typer.Option()] = 8080,
    peer_port: Annotated[int, typer.Option()] = 8443,
    recovery: Annotated[
        Path | None,
        typer.Option(help="Ordner für die zwei Rettungsblätter; sonst Bildschirm."),
    ] = None,
    data: Folder = DEFAULT_FOLDER,
) -> None:
    """Einen Knoten gründen: Schlüssel, Datenbank, Aufnahmeantrag."""
    from node.bootstrap import own_hands
    from node.founding import Paths, Town, found, new_recovery_keys
    from node.ids import Ags, MemberId
    from node.trust.admission import AdmissionRequest
    from node.trust.member import Contact

    hands = own_hands()
    request = found(
        Paths(data),
        Town(
            member=MemberId(member),
            name=name,
            ags=tuple(Ags(a) for a in ags),
            contact=Contact(office, phone, mail),
            web_url=web_url.rstrip("/"),
            peer_url=peer_url.rstrip("/"),
            web_port=web_port,
            peer_port=peer_port,
            directory=directory_url,
            relays=tuple(address.rstrip("/") for address in relay or ()),
            database=database,
        ),
        clock=hands.clock,
        randomness=hands.randomness,
    )
    paths = Paths(data)
    master = paths.master.read_bytes()
    sheets = new_recovery_keys(paths, master, hands.randomness)
    typer.echo(f"Knoten {member} gegründet in {data}.")
    backup.hand_out([sheet.lines() for sheet in sheets], recovery)
    typer.echo(f"Aufnahmeantrag: {data / 'admission.json'}")
    typer.echo("Zwölf Wörter für das Telefonat mit der Registerstelle:")
    typer.echo(f"  {AdmissionRequest.parse(request).fingerprint}")
    typer.echo("Danach root.json des Verzeichnisses in den Datenordner legen und")
    typer.echo(f"  staffelstab account setup --data {data}")


@app.command("serve")
def serve_command(data: Folder = DEFAULT_FOLDER) -> None:
    """Den Knoten betreiben, bis er mit SIGTERM oder Strg+C beendet wird."""
    from node.config import load_settings
    from node.serving import serve

    configure_logging()
    asyncio.run(serve(load_settings(data)))


@app.command("database")
def database_command(
    action: Annotated[str, typer.Argument(help="upgrade")],
    data: Folder = DEFAULT_FOLDER,
) -> None:
    """Das Schema der Datenbank auf den Stand dieses Programms bringen."""
    from node.config import load_settings
    from node.errors import ConfigError
    from node.store.engine import open_engine
    from node.store.migrate import upgrade

    if action != "upgrade":
        raise ConfigError("database: only `upgrade` is known")
    settings = load_settings(data)
    engines = open_engine(settings.database_url, durable=not settings.demo)
    try:
        upgrade(engines)
    finally:
        engines.close()
    typer.echo("Die Datenbank ist auf dem Stand dieses Programms.")


@app.command("demo")
def demo_command(
    check: Annotated[
        bool, typer.Option("--check", help="Die fünf Geschichten durchspielen, enden.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Eine JSON-Zeile je Schritt.")
    ] = False,
    data: Annotated[Path | None, typer.Option(help="Ordner; sonst ein neuer.")] = None,
    port: Annotated[int, typer.Option(help="Erster von vier Ports.")] = 8101,
    seed: Annotated[int, typer.Option(help="Samen der erfundenen Daten.")] = 1,
) -> None:
    """Zwei Städte mit erfundenen Personen: Wehr und Bad Säckingen."""
    from node.demo import show, stories

    if check:
        sys.exit(asyncio.run(stories.check(data, as_json=as_json, seed=seed)))
    asyncio.run(show.run(data, port=port, seed=seed))
