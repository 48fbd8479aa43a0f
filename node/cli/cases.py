"""``staffelstab case``: the town's own list, tried and taken in.

Enters: a CSV file, the login of the caseworker who takes the people over. Leaves: what
would become of the list, by lines, columns and reasons; with the trial's number the people
are taken in. Must never happen: a name or a cell of the list on the screen, for an operator
sees no case content (chapter 6 of the field document); an import without its trial.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

if TYPE_CHECKING:
    from node.cases.townplan import ImportPlan
    from node.ids import Ags

app = typer.Typer(help="Fälle: die eigene Liste der Stelle.", no_args_is_help=True)

DEFAULT_FOLDER = Path("node-data")
SHOWN_LINES: Final = 50

SENTENCES: Final[Mapping[str, str]] = {
    "birth_date_fictitious": "1. Januar: als angenommenes Geburtsdatum vermerkt.",
    "clock_is_over": "Die Beratungszeit ist schon abgelaufen.",
    "control_character": "Enthält unsichtbare oder verlorene Zeichen.",
    "date_incomplete": "Hier wird ein Datum auf den Tag genau gebraucht.",
    "encoding": "Die Zeichen der Zeile sind nicht lesbar.",
    "in_future": "Das Datum liegt in der Zukunft.",
    "mixed_encoding": "Die Zeile ist anders kodiert als der Rest der Datei.",
    "name_missing": "Weder Nachname noch Vorname.",
    "name_not_split": "Nachname und Vorname lassen sich nicht sicher trennen.",
    "no_such_day": "Diesen Tag gibt es nicht.",
    "not_a_date": "Kein Datum, das wir kennen.",
    "not_a_phone": "Keine Telefonnummer.",
    "not_a_postcode": "Keine Postleitzahl.",
    "not_an_email": "Keine E-Mail-Adresse.",
    "not_readable": "Sie ist nicht da, oder wir dürfen sie nicht lesen.",
    "number_damaged": "Die Nummer wurde von einer Tabelle gerundet und ist verloren.",
    "offer_birth_name": "Enthält einen Geburtsnamen. Mit --accept birth_name trennen.",
    "offer_encoding": "Doppelt kodierte Zeichen. Mit --accept encoding reparieren.",
    "offer_split_name": "Ein Feld für zwei Namen. Mit --accept split_name trennen.",
    "place_unknown": "Ort ohne eindeutigen Gemeindeschlüssel: bleibt als Text.",
    "quoting": "Anführungszeichen an falscher Stelle.",
    "too_long": "Mehr als 200 Zeichen.",
    "too_many_cells": "Mehr Felder als Spalten.",
    "too_old": "Ein Jahr vor 1900.",
    "value_unknown": "Steht in keiner Liste: bleibt als Text in einer Wiedervorlage.",
    "zero_restored": "Die führende Null wurde ergänzt.",
    "small_letters": "Namen in Großbuchstaben. Mit --accept small_letters umschreiben.",
    "blank": "leer",
    "header": "Überschriften",
    "sum": "Summe",
    "title": "Titel",
    "column_twice": "Zwei Spalten wollen dasselbe Feld sein.",
    "empty": "Die Datei ist leer.",
    "no_header": "Keine Zeile mit Überschriften, die wir kennen.",
    "quote_not_closed": "Ein Anführungszeichen wird nirgends geschlossen.",
    "too_large": "Mehr als 20 MiB.",
    "too_many_columns": "Mehr als 200 Spalten.",
    "too_many_rows": "Mehr als 20.000 Zeilen.",
}
"""Reason code -> what an office reads."""


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(help="CSV-Datei der Stelle.")],
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
    from node.cases.townlist import read_list
    from node.cases.townrow import Offer
    from node.casework.lists import ListWish, import_list, try_list
    from node.cli.opened import open_store
    from node.errors import InputError

    try:
        accepted = frozenset(Offer(name) for name in accept or ())
    except ValueError:
        raise InputError("accept", "one of " + ", ".join(Offer)) from None
    try:
        listed = read_list(_bytes_of(file))
    except InputError as error:
        reason = SENTENCES.get(error.reason, error.reason)
        typer.echo(f"Die Datei kann nicht gelesen werden. {reason}", err=True)
        raise typer.Exit(1) from None
    with open_store(data) as node:
        now = node.means.clock.now()
        account = node.store.read_sync(lambda uow: uow.accounts.by_login(worker))
        if account is None:
            raise InputError("for", "unknown")
        by = actor_of(account, on=local_day(now))
        wish = ListWish(listed, accepted, _places(str(node.keyring.member)))
        if apply:
            take = partial(
                import_list,
                digest=apply,
                at=now,
                randomness=node.means.randomness,
                by=by,
            )
            plan = node.store.write_sync(take, wish)
        else:
            plan = node.store.read_sync(
                partial(try_list, today=local_day(now), by=by), wish
            )
    _show(plan, is_applied=bool(apply), as_json=as_json)


def _bytes_of(file: Path) -> bytes:
    from node.cases.townlist import MAX_BYTES
    from node.errors import InputError

    try:
        with file.open("rb") as source:
            return source.read(MAX_BYTES + 1)
    except OSError:
        raise InputError("file", "not_readable") from None


def _places(member: str) -> "Mapping[str, Ags]":
    """Place names of the own Kreis that mean one place only."""
    from node.cases.townrow import place_key
    from node.trust.places import shipped_places

    own = [(a, name) for a, name in shipped_places().items() if a[:5] == member[:5]]
    names = Counter(place_key(name) for _, name in own)
    return {place_key(name): ags for ags, name in own if names[place_key(name)] == 1}


def _show(plan: "ImportPlan", *, is_applied: bool, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_as_json(plan, is_applied=is_applied), indent=2))
        return
    typer.echo(
        f"{len(plan.new)} neu, {len(plan.duplicates)} doppelt, "
        f"{len({e.line for e in plan.errors})} Zeilen mit Fehlern, "
        f"{len(plan.skipped)} übersprungen."
    )
    if plan.unknown:
        typer.echo("Unbekannte Spalten, nicht übernommen: " + ", ".join(plan.unknown))
    _lines("Fehler", ((e.line, e.column, e.code) for e in plan.errors))
    _lines("Hinweise", ((n.line, n.column, n.code) for n in plan.notices))
    _lines(
        "Angebote",
        (
            (line, column, str(offer))
            for line, offer, column in plan.offers
            if f"offer_{offer}" not in SENTENCES
        ),
    )
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
        typer.echo(f"  {place}: {SENTENCES.get(code, code)}")
    if len(rows) > SHOWN_LINES:
        typer.echo(f"  … und {len(rows) - SHOWN_LINES} weitere (alle mit --json)")


def _as_json(plan: "ImportPlan", *, is_applied: bool) -> dict[str, Any]:
    """Everything by line and code; no cell of the list."""
    return {
        "applied": is_applied,
        "digest": plan.digest,
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
