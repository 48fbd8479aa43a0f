"""``staffelstab log erase``, ``holds``, ``hold``, ``erasures``: what stays and what goes.

Enters: a transfer or a person's case number, a reason, the names of two people. Leaves:
sentences or JSON; exit code 0, 2 if it could not be told, 3 for wrong use, 4 if a person
must look. Must never happen: an opened entry shown; one person who erases alone; old
backups made useless without saying so first. Implements exchange-log 8 (``erase``,
``holds``, ``erasures``) and LR-38.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from node.errors import ConfigError, InputError, NodeError, StoreError, UsageError

if TYPE_CHECKING:
    from node.accounts.policy import Actor
    from node.casework.keeping import Kept
    from node.cli.opened import Opened
    from node.exchangelog.entry import GroupName
    from node.report.keepview import Erasure, Hold, KeepingUnit
    from node.store.weekturn import Turned

hold_app = typer.Typer(help="Sperren gegen das Löschen.", no_args_is_help=True)

Data = Annotated[Path, typer.Option("--data", help="Datenordner des Knotens.")]
Json = Annotated[bool, typer.Option("--json", help="Ausgabe als JSON.")]
Transfer = Annotated[str, typer.Argument(help="Nummer der Übergabe, 32 Zeichen.")]
Consents = Annotated[
    str, typer.Option(help="Statt einer Übergabe: Fallkennung, deren Einwilligungen.")
]
Reference = Annotated[str, typer.Option("--order", help="Aktenzeichen, ohne Leerraum.")]
By = Annotated[str, typer.Option("--by", help="Benutzername, wer es tut.")]
Second = Annotated[str, typer.Option(help="Benutzername der zweiten Person.")]
DEFAULT_FOLDER = Path("node-data")

_UNTOLD = 2
_WRONG_USE = 3
_STALE = 4
_STATES = {
    "intent": "wartet auf einen Zeugen, höchstens 24 Stunden",
    "registered": "wird gelöscht",
    "replayed": "nach einer Rücksicherung erneut gelöscht, Eintrag folgt",
    "destroyed": "Schlüssel vernichtet, Aufräumen folgt",
    "done": "gelöscht",
}
_USELESS = (
    "Danach ist KEINE ältere Inhaltssicherung mehr lesbar, auch nicht die von gestern. "
    "Es bleibt nur die Sicherung, die dieser Befehl selbst anlegt und prüft."
)


def hang_on(app: typer.Typer) -> None:
    """Add these commands to ``staffelstab log``."""
    app.command("erase")(erase_command)
    app.command("holds")(holds_command)
    app.command("erasures")(erasures_command)
    app.add_typer(hold_app, name="hold")


def erase_command(
    by: By,
    second: Second,
    transfer: Transfer = "",
    consents: Consents = "",
    basis: Annotated[str, typer.Option(help="order oder request.")] = "order",
    order: Reference = "",
    now: Annotated[
        bool, typer.Option("--now", help="Auch alle alten Sicherungen unlesbar machen.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Nicht nachfragen.")] = False,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Protokolleinträge auf Anordnung vor ihrer Zeit löschen: zwei Personen."""
    from node.cli.opened import open_store

    with _told(), open_store(data) as opened:
        if now and not (transfer or consents):
            turned = _erase_now(opened, by, second, yes=yes or as_json)
            _tell_turned(turned, as_json=as_json)
            return
        state = _erase_group(
            opened, _group(transfer, consents), (basis, order), (by, second)
        )
        if as_json:
            _print_json({"v": 1, "verb": "erase", "state": state})
        else:
            typer.echo(f"Löschung begonnen: {_STATES[state]}.")
            typer.echo(
                "Der laufende Knoten führt sie zu Ende: staffelstab log erasures"
            )
        if now:
            typer.echo("Ist sie fertig, dann: staffelstab log erase --now", err=True)


def holds_command(data: Data = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Alle Sperren; eine offene ohne Überprüfung seit zwölf Monaten ist ein Alarm."""
    from node.cli.opened import open_store

    with _told(), open_store(data) as opened:
        kept = _kept(opened)
    if as_json:
        alarms = ["hold_unreviewed"] * bool(kept.unreviewed)
        found = [_hold_json(hold) for hold in kept.holds]
        _print_json({"v": 1, "verb": "holds", "holds": found, "alarms": alarms})
    else:
        for hold in kept.holds:
            typer.echo(_hold_line(hold))
        if not kept.holds:
            typer.echo("Keine Sperren.")
        for hold in kept.unreviewed:
            _alarm(f"Sperre {hold.id.hex()} seit über zwölf Monaten nicht überprüft.")
    raise typer.Exit(_STALE if kept.unreviewed else 0)


def erasures_command(data: Data = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Was gelöscht wurde und warum, was noch wartet, und wie die Wochenschlüssel stehen."""
    from node.cli.opened import open_store

    with _told(), open_store(data) as opened:
        kept, weeks = _kept(opened), _weeks(opened)
    alarms = ["erasure_overdue"] * bool(kept.overdue)
    alarms += ["week_key_late"] * weeks.is_late
    if as_json:
        _print_json(
            {
                "v": 1,
                "verb": "erasures",
                "erasures": [_erasure_json(erasure) for erasure in kept.erasures],
                "orders": len(kept.orders),
                "week_key": {"in_use": weeks.in_use, "waiting": weeks.waiting},
                "alarms": alarms,
            }
        )
    else:
        for erasure in kept.erasures:
            typer.echo(_erasure_line(erasure))
        typer.echo(f"Angeordnet, noch nicht bestätigt: {len(kept.orders)}")
        typer.echo(f"Wochenschlüssel in Gebrauch: {weeks.in_use}")
        if kept.overdue:
            _alarm("Eine Löschung ist seit über sieben Tagen überfällig.")
        if weeks.is_late:
            _alarm(
                f"Keine Schlüsselsicherung enthält {weeks.waiting}: alte Sicherungen "
                "bleiben länger lesbar, als sie dürfen."
            )
    raise typer.Exit(_STALE if alarms else 0)


@hold_app.command("set")
def set_command(
    by: By,
    basis: Annotated[str, typer.Option(help="court, complaint, audit oder claim.")],
    transfer: Transfer = "",
    consents: Consents = "",
    order: Reference = "",
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Einträge gegen das Löschen sperren."""
    from node.casework.keeping import Reason, set_hold
    from node.cli.opened import office_of, open_store

    with _told(), open_store(data) as opened:
        hold = opened.store.write_sync(
            set_hold,
            office_of(opened),
            _group(transfer, consents),
            Reason(basis, order or None),
            by=_actor(opened, "by", by),
        )
    if as_json:
        _print_json({"v": 1, "verb": "hold-set", "id": hold.hex()})
    else:
        typer.echo(f"Gesperrt. Kennung der Sperre: {hold.hex()}")


@hold_app.command("release")
def release_command(
    hold: Annotated[str, typer.Argument(help="Kennung der Sperre.")],
    by: By,
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Eine Sperre aufheben: die Einträge werden gelöscht, sobald ihre Zeit um ist."""
    from node.casework.keeping import release_hold
    from node.cli.opened import office_of, open_store

    with _told(), open_store(data) as opened:
        try:
            key = bytes.fromhex(hold)
        except ValueError:
            raise InputError("hold", "form") from None
        actor = _actor(opened, "by", by)
        opened.store.write_sync(release_hold, office_of(opened), key, by=actor)
    if as_json:
        _print_json({"v": 1, "verb": "hold-release", "id": hold})
    else:
        typer.echo("Die Sperre ist aufgehoben.")


def _erase_group(
    opened: "Opened",
    group: "GroupName",
    reason: tuple[str, str],
    people: tuple[str, str],
) -> str:
    """Begin, and go as far as it goes at once; gives the state."""
    from node.casework.eraser import Eraser
    from node.casework.keeping import Reason, erase_early
    from node.cli.opened import office_of
    from node.exchangelog.keeping import Terms

    office = office_of(opened)
    erasure = opened.store.write_sync(
        erase_early,
        office,
        group,
        Reason(*reason),
        first=_actor(opened, "by", people[0]),
        second=_actor(opened, "second", people[1]),
    )
    terms = Terms(*opened.settings.log_years)
    waiting = Eraser(opened.store, office, terms).advance()
    return next((str(found.state) for found in waiting if found.id == erasure), "done")


def _erase_now(opened: "Opened", by: str, second: str, *, yes: bool) -> "Turned":
    from node.accounts.policy import require
    from node.cli.backup import duty_beside
    from node.failpoints import NoFailpoints
    from node.store.backupduty import backups_of
    from node.store.weekturn import turn_of

    require(
        _actor(opened, "by", by), "log.erase", second=_actor(opened, "second", second)
    )
    typer.secho(_USELESS, err=True, fg=typer.colors.RED)
    if not yes and not typer.confirm("Fortfahren?", err=True):
        raise ConfigError("nothing was done")
    backups = backups_of(duty_beside(opened, None))
    return turn_of(opened.store, opened.means, NoFailpoints(), backups).at_once()


def _group(transfer: str, consents: str) -> "GroupName":
    from node.errors import MalformedMessageError
    from node.exchangelog.entry import GroupName
    from node.ids import CaseId, TransferId

    if bool(transfer) == bool(consents):
        raise InputError("transfer", "a transfer, or a case with --consents")
    try:
        if transfer:
            return GroupName.of_transfer(TransferId(transfer))
        return GroupName.of_consents(CaseId(consents))
    except MalformedMessageError:
        raise InputError("transfer" if transfer else "consents", "form") from None


def _actor(opened: "Opened", field: str, login: str) -> "Actor":
    from node.accounts.policy import actor_of
    from node.cases.days import local_day

    account = opened.store.read_sync(lambda uow: uow.accounts.by_login(login))
    if account is None:
        raise InputError(field, "unknown")
    return actor_of(account, on=local_day(opened.means.clock.now()))


def _kept(opened: "Opened") -> "Kept":
    from node.casework.keeping import kept

    def read(uow: "KeepingUnit") -> "Kept":
        return kept(uow, opened.means.clock.now())

    return opened.store.read_sync(read)


def _weeks(opened: "Opened") -> "Turned":
    from node.failpoints import NoFailpoints
    from node.store.weekturn import turn_of

    return turn_of(opened.store, opened.means, NoFailpoints()).state()


def _hold_json(hold: "Hold") -> dict[str, object]:
    return {
        "id": hold.id.hex(),
        "basis": str(hold.basis),
        "order": hold.reference,
        "transfer": hold.transfer,
        "index": hold.index,
        "open": hold.is_open,
        "set_at": hold.set_at and hold.set_at.isoformat(),
        "released_at": hold.released_at and hold.released_at.isoformat(),
    }


def _hold_line(hold: "Hold") -> str:
    about = hold.transfer.short if hold.transfer else "Einwilligungen einer Person"
    since = f"{hold.set_at:%d.%m.%Y}" if hold.set_at else "lange"
    state = "offen" if hold.is_open else "aufgehoben"
    return f"{hold.id.hex()}  {about}  {hold.basis}, seit {since}, {state}"


def _erasure_json(erasure: "Erasure") -> dict[str, object]:
    return {
        "id": erasure.id.hex(),
        "basis": str(erasure.basis),
        "order": erasure.reference,
        "state": str(erasure.state),
        "index": erasure.index,
        "entries": erasure.entries,
        "two_people": erasure.second is not None,
        "begun_at": erasure.begun_at and erasure.begun_at.isoformat(),
        "done_at": erasure.done_at and erasure.done_at.isoformat(),
    }


def _erasure_line(erasure: "Erasure") -> str:
    when = f"{erasure.begun_at:%d.%m.%Y}" if erasure.begun_at else "-"
    place = "-" if erasure.index is None else f"Eintrag {erasure.index}"
    why = f"{erasure.basis} {erasure.reference or ''}".strip()
    return (
        f"{when}  {place}  {why}  {erasure.entries} Einträge, {_STATES[erasure.state]}"
    )


def _tell_turned(turned: "Turned", *, as_json: bool) -> None:
    if as_json:
        _print_json(
            {
                "v": 1,
                "verb": "erase-now",
                "week_key": turned.in_use,
                "rewrapped": turned.rewrapped,
                "destroyed": list(turned.erased),
            }
        )
        return
    typer.echo(f"Neuer Wochenschlüssel: {turned.in_use}; umgehüllt: {turned.rewrapped}")
    typer.echo(f"Vernichtete Wochenschlüssel: {', '.join(turned.erased) or 'keine'}")


def _alarm(sentence: str) -> None:
    typer.secho(f"Achtung: {sentence}", fg=typer.colors.RED)


@contextmanager
def _told() -> Iterator[None]:
    """Tell an error in one line, with the exit code that says who must act."""
    try:
        yield
    except NodeError as error:
        typer.secho(f"Fehler ({error.code}): {error}", err=True, fg=typer.colors.RED)
        status = _UNTOLD
        if isinstance(error, UsageError):
            status = _STALE if isinstance(error, StoreError) else _WRONG_USE
        raise typer.Exit(status) from error


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
