"""``staffelstab case``: the town's own list, tried and taken in.

Enters: a file, the login of the caseworker who takes the people over. Leaves: what
would become of the list, by lines, columns and reasons; with the trial's number the people
are taken in. Must never happen: a name or a cell of the list on the screen, for an operator
sees no case content (chapter 6 of the field document); an import without its trial.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from node.cases.townplan import ImportPlan

app = typer.Typer(help="Fälle: die eigene Liste der Stelle.", no_args_is_help=True)

DEFAULT_FOLDER = Path("node-data")
SHOWN_LINES: Final = 50


@app.command("import")
def import_command(
    file: Annotated[
        Path, typer.Argument(help="Excel-, ODS- oder CSV-Datei der Stelle.")
    ],
    worker: Annotated[
        str, typer.Option("--for", help="Benutzername der Fachkraft, die übernimmt.")
    ],
    apply: Annotated[
        str, typer.Option(help="Nummer des Probelaufs: übernimmt genau diesen.")
    ] = "",
    accept: Annotated[
        list[str] | None, typer.Option(help="Angebotene Reparatur, mehrfach möglich.")
    ] = None,
    data: Annotated[
        Path, typer.Option("--data", help="Datenordner des Knotens.")
    ] = DEFAULT_FOLDER,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Eine Liste probeweise lesen; mit --apply und der Nummer davon übernehmen."""
    from functools import partial

    from node.accounts.policy import actor_of
    from node.cases.days import local_day
    from node.cases.townchoices import Choices, Offer
    from node.cases.townlist import read_sheet
    from node.casework.listbatches import first_table, import_at_once
    from node.casework.lists import Hand, ListWish, own_places, try_list
    from node.cli.opened import open_store
    from node.errors import InputError
    from node.trust.places import shipped_places
    from node.web.listreader import read_apart

    try:
        accepted = frozenset(Offer(name) for name in accept or ())
    except ValueError:
        raise InputError("accept", "one of " + ", ".join(Offer)) from None
    try:
        book = read_apart(_bytes_of(file))
        listed = read_sheet(book.sheets[first_table(book)], book.digest)
    except InputError as error:
        reason = _sentence(error.reason)
        typer.echo(f"Die Datei kann nicht gelesen werden. {reason}", err=True)
        raise typer.Exit(1) from None
    with open_store(data) as node:
        now = node.means.clock.now()
        account = node.store.read_sync(lambda uow: uow.accounts.by_login(worker))
        if account is None:
            raise InputError("for", "unknown")
        by = actor_of(account, on=local_day(now))
        choices = Choices(
            accepted=accepted,
            places=own_places(node.keyring.member),
            known_ags={str(ags): name for ags, name in shipped_places().items()},
        )
        wish = ListWish(listed, choices)
        if apply:
            hand = Hand(now, node.means.randomness, by)
            plan = node.store.write_sync(
                import_at_once, book, file.name, wish, apply, hand
            )
        else:
            plan = node.store.read_sync(
                partial(try_list, today=local_day(now), by=by), wish
            )
    _show(plan, is_applied=bool(apply), as_json=as_json)


def _sentence(code: str) -> str:
    """What an office reads for a reason, in German."""
    from node.web.language import Language, Words
    from node.web.listwords import reason_of

    return reason_of(code, Words(Language.GERMAN))


def _bytes_of(file: Path) -> bytes:
    from node.cases.listsheet import MAX_BYTES
    from node.errors import InputError

    try:
        with file.open("rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError:
        raise InputError("file", "not_readable") from None


def _show(plan: "ImportPlan", *, is_applied: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(plan, is_applied=is_applied), indent=2))
        return
    typer.echo(
        f"{len(plan.new)} neu, {len(plan.changes)} geändert, {len(plan.talks)} Gespräche, "
        f"{len(plan.duplicates)} doppelt, {plan.failed} Zeilen mit Fehlern, "
        f"{len(plan.skipped)} übersprungen."
    )
    if plan.unknown:
        typer.echo("Unbekannte Spalten, nicht übernommen: " + ", ".join(plan.unknown))
    _lines("Fehler", ((e.line, e.column, e.code) for e in plan.errors))
    _lines("Hinweise", ((n.line, n.column, n.code) for n in plan.notices))
    for offer in sorted({offer for _, offer, _ in plan.offers}):
        typer.echo(f"Angebot, mit --accept {offer}: {_sentence(f'offer_{offer}')}")
    _lines("Übersprungen", ((s.line, "", s.code) for s in plan.skipped))
    if is_applied:
        typer.echo("Übernommen.")
    else:
        typer.echo(f"Nichts geschrieben. Übernehmen mit: --apply {plan.digest}")


def _lines(title: str, found: Iterable[tuple[int, str, str]]) -> None:
    rows = sorted(found)
    if not rows:
        return
    typer.echo(f"{title}:")
    for line, column, code in rows[:SHOWN_LINES]:
        place = f"Zeile {line}" + (f", Spalte „{column}“" if column else "")
        typer.echo(f"  {place}: {_sentence(code)}")
    if len(rows) > SHOWN_LINES:
        typer.echo(f"  … und {len(rows) - SHOWN_LINES} weitere (alle mit --json)")


def _as_json(plan: "ImportPlan", *, is_applied: bool) -> dict[str, Any]:
    """Everything by line and code; no cell of the list."""
    return {
        "applied": is_applied,
        "digest": plan.digest,
        "changed": [change.line for change in plan.changes],
        "talks": [talk.line for talk in plan.talks],
        "new": [newcomer.line for newcomer in plan.new],
        "duplicates": [
            {"line": d.line, "of_line": d.of_line, "known": d.of_case is not None}
            for d in plan.duplicates
        ],
        "errors": [
            {"line": e.line, "column": e.column, "code": e.code} for e in plan.errors
        ],
        "notices": [
            {"line": n.line, "column": n.column, "code": n.code} for n in plan.notices
        ],
        "offers": [
            {"line": line, "column": column, "offer": str(offer)}
            for line, offer, column in plan.offers
        ],
        "skipped": [{"line": s.line, "code": s.code} for s in plan.skipped],
        "unknown_columns": list(plan.unknown),
    }
