"""``staffelstab account``: the first way in, tokens for programs, who works here.

Enters: what an operator types. Leaves: a link or a token, shown once. Must never happen: a
password on a command line (SR-D3); a default account (SR-B6).
"""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    help="Zugänge: die erste Verwaltung, Programme.", no_args_is_help=True
)

DEFAULT_FOLDER = Path("node-data")
MOST_DAYS = 400
Folder = Annotated[Path, typer.Option("--data", help="Datenordner des Knotens.")]


@app.command("setup")
def setup_command(
    login: Annotated[str, typer.Option(help="Benutzername.", prompt="Benutzername")],
    name: Annotated[str, typer.Option(help="Vor- und Nachname.", prompt="Name")],
    data: Folder = DEFAULT_FOLDER,
) -> None:
    """Einen Link für die erste Verwaltung ausgeben: er gilt 15 Minuten, einmal."""
    from node.accounts.model import Bearer, Role
    from node.accounts.policy import OPERATOR
    from node.casework.staff import Invitation, Newcomer, invite_first
    from node.cli.opened import open_store
    from node.ids import AccountId

    with open_store(data) as node:
        draw = node.means.randomness
        link = Bearer.of(draw(32))
        node.store.write_sync(
            invite_first,
            Newcomer(login, name, frozenset({Role.ADMINISTRATOR})),
            Invitation(AccountId.of(draw(16)), link, node.means.clock.now()),
            by=OPERATOR,
        )
        typer.echo(
            "Innerhalb von 15 Minuten öffnen und einen Passkey oder ein Passwort einrichten:"
        )
        typer.echo(f"  {node.settings.web_url}/setup/{link}")


@app.command("token")
def token_command(
    scope: Annotated[list[str], typer.Option(help="Etwa relocations:write.")],
    label: Annotated[str, typer.Option(help="Welches Programm, etwa Meldewesen.")],
    days: Annotated[int, typer.Option(min=1, max=MOST_DAYS, help="Gültig so lange.")],
    data: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Ein Zugangswort für ein Programm ausgeben: es wird nur dieses Mal gezeigt."""
    from node.accounts.model import Bearer, Scope
    from node.accounts.policy import OPERATOR
    from node.accounts.programs import OF_A_CASELOAD
    from node.casework.staff import TokenWish, issue_token
    from node.cli.opened import open_store
    from node.errors import InputError

    # Whoever runs the server sees no case: those scopes are allowed on a page (ADR 0055).
    possible = {str(one): one for one in Scope if one not in OF_A_CASELOAD}
    if not possible.keys() >= set(scope):
        raise InputError("scope", "one of " + ", ".join(possible))
    scopes = frozenset(possible[text] for text in scope)
    with open_store(data) as node:
        token = Bearer.of(node.means.randomness(32))
        until = node.means.clock.now() + timedelta(days=days)
        node.store.write_sync(
            issue_token, TokenWish(label, scopes, until), token.digest, by=OPERATOR
        )
    if as_json:
        typer.echo(json.dumps({"token": token, "valid_until": until.isoformat()}))
        return
    typer.echo(f"Zugangswort für {label}, gültig bis {until:%d.%m.%Y}:")
    typer.echo(f"  {token}")
    typer.echo("Es wird nicht noch einmal gezeigt.")


@app.command("list")
def list_command(
    data: Folder = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Benutzer mit ihren Rollen, und die Zugänge für Programme."""
    from node.cases.days import local_day
    from node.casework.staff import staff
    from node.cli.opened import open_store

    with open_store(data) as node:
        now = node.means.clock.now()
        people = node.store.read_sync(staff)
        tokens = node.store.read_sync(lambda uow: uow.accounts.tokens())
    rows = [
        {
            "login": account.login,
            "name": account.name,
            "roles": sorted(account.roles),
            "active": account.is_active(local_day(now)),
            "set_up": has_password,
        }
        for account, has_password in people
    ]
    programs = [
        {
            "label": token.label,
            "scopes": sorted(token.scopes),
            "valid_until": token.valid_until.isoformat(),
            "valid": token.is_valid(now),
        }
        for token in tokens
    ]
    if as_json:
        found = {"accounts": rows, "tokens": programs}
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    for account, has_password in people:
        state = "aktiv" if account.is_active(local_day(now)) else "beendet"
        if not has_password:
            state += ", ohne Zugangsweg"
        roles = ", ".join(sorted(account.roles))
        typer.echo(f"{account.login:20} {account.name:30} {roles}  ({state})")
    for token in tokens:
        state = "gültig" if token.is_valid(now) else "abgelaufen"
        scopes = ", ".join(sorted(token.scopes))
        typer.echo(
            f"[Programm] {token.label}: {scopes}, {state} bis {token.valid_until:%d.%m.%Y}"
        )
