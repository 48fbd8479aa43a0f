"""``staffelstab log witnesses``, ``policy`` and ``override``: who vouches for the log.

Enters: a data folder, a transfer and a reason. Leaves: sentences or JSON, an exit code as
``log verify`` has it. Must never happen: an override by one hand. Implements exchange-log
8; ``override`` has room for the other exception, of the first word.
"""

from typing import TYPE_CHECKING, Annotated

import typer

from node.cli.log import DEFAULT_FOLDER, Data, Json, print_json
from node.cli.told import told
from node.cli.watch import watch_command

if TYPE_CHECKING:
    from node.cli.opened import Opened
    from node.report.witnesses import Sight
    from node.store.unit import SqlUnitOfWork

override_app = typer.Typer(help="Ausnahmen, immer zu zweit.", no_args_is_help=True)


def hang_up(app: typer.Typer) -> None:
    """Put these commands beside the others of ``staffelstab log``."""
    app.command("watch")(watch_command)
    app.command("witnesses")(witnesses_command)
    app.command("policy")(policy_command)
    app.add_typer(override_app, name="override")


def witnesses_command(
    what: Annotated[
        str, typer.Argument(help="Leer, oder „evidence“ für die Beweisdateien.")
    ] = "",
    data: Data = DEFAULT_FOLDER,
    as_json: Json = False,
) -> None:
    """Wer unser Protokoll gegengezeichnet hat, was wartet, welche Beweise vorliegen."""
    from node.cli.opened import open_store
    from node.errors import InputError

    with told(), open_store(data) as opened:
        if what not in {"", "evidence"}:
            raise InputError("what", "evidence-or-nothing")
        sight = opened.store.read_sync(sight_in, opened)
    if what:
        _tell_evidence(sight, as_json=as_json)
        return
    if as_json:
        print_json(_sight_json(sight))
        return
    for witness in sight.witnesses:
        last = (
            f"zuletzt {witness.last_at:%d.%m.%Y %H:%M} UTC"
            if witness.last_at
            else "noch nie"
        )
        named = ", von der Zeugenregel genannt" if witness.is_named else ""
        typer.echo(
            f"{witness.name}: bis {witness.size} von {sight.size}, {last}{named}"
        )
        if witness.key:
            typer.echo(f"    {witness.key}")
    if not sight.witnesses:
        typer.echo("Noch niemand hat unser Protokoll gegengezeichnet.")
    for line in sight.waiting:
        waits = line.waits
        typer.echo(
            f"Übergabe {waits.transfer.short} wartet auf Zeugen ({waits.got} von "
            f"{waits.needed}) seit {waits.since:%d.%m.%Y %H:%M} UTC; es fehlen: "
            f"{', '.join(waits.missing)}"
        )


def policy_command(data: Data = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Welche Zeugenregel für uns gilt."""
    from node.cli.opened import open_store

    with told(), open_store(data) as opened:
        sight = opened.store.read_sync(sight_in, opened)
    policy = sight.policy
    if as_json:
        print_json(
            {
                "v": 1,
                "verb": "policy",
                "policy": f"policy/{sight.prefix}" if policy else "pair",
                "text": policy.text if policy else "",
            }
        )
    elif policy is None:
        typer.echo(
            "Es gilt die eingebaute Regel: die aufnehmende Stelle zeichnet gegen."
        )
    else:
        typer.echo(f"# policy/{sight.prefix}; die aufnehmende Stelle ist immer nötig")
        typer.echo(policy.text, nl=False)


@override_app.command("quorum")
def override_command(
    transfer: Annotated[str, typer.Argument(help="Nummer der Übergabe, 32 Zeichen.")],
    reason: Annotated[
        str, typer.Option(help="witness_ended, witness_broken oder urgent.")
    ],
    data: Data = DEFAULT_FOLDER,
) -> None:
    """Bitten, dass eine Übergabe ohne fehlende Zeugen geht; Freigabe bestätigt es."""
    from node.accounts.policy import OPERATOR
    from node.cli.opened import open_store
    from node.ids import TransferId
    from node.sync.override import ask_override

    with told(), open_store(data) as opened:
        opened.store.write_sync(
            ask_override,
            opened.means.clock.now(),
            TransferId(transfer),
            code=reason,
            by=OPERATOR,
        )
    typer.echo(
        "Erbeten. Eine Person mit der Rolle Freigabe bestätigt es unter „Zeugen“."
    )


# -- Reading -----------------------------------------------------------------------------


def sight_in(uow: "SqlUnitOfWork", opened: "Opened") -> "Sight":
    """What page and commands show of the witnesses."""
    from node.report.witnesses import sight_of

    return sight_of(
        uow,
        uow.directory.load(),
        member=opened.keyring.member,
        own=opened.names.witness_name,
        at=opened.means.clock.now(),
    )


# -- Telling -----------------------------------------------------------------------------


def _sight_json(sight: "Sight") -> dict[str, object]:
    return {
        "v": 1,
        "verb": "witnesses",
        "policy": f"policy/{sight.prefix}" if sight.policy else "pair",
        "size": sight.size,
        "witnesses": [
            {
                "name": w.name,
                "vkey": w.key,
                "size": w.size,
                "last_at": w.last_at and w.last_at.isoformat(),
                "named": w.is_named,
            }
            for w in sight.witnesses
        ],
        "waiting": [
            {
                "transfer": line.waits.transfer,
                "since": line.waits.since.isoformat(),
                "got": line.waits.got,
                "needed": line.waits.needed,
                "missing": list(line.waits.missing),
            }
            for line in sight.waiting
        ],
        "evidence": len(sight.evidence),
    }


def _tell_evidence(sight: "Sight", *, as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {
                    "origin": item.origin,
                    "reason": item.reason,
                    "seen_at": item.seen_at.isoformat(),
                    "known": item.known,
                    "offered": item.offered,
                }
                for item in sight.evidence
            ]
        )
        return
    if not sight.evidence:
        typer.echo("Keine Beweise: kein Protokoll hat zwei Geschichten gezeigt.")
    for item in sight.evidence:
        typer.echo(f"== {item.origin}, bemerkt am {item.seen_at:%d.%m.%Y %H:%M} UTC")
        typer.echo(item.known)
        typer.echo("-- dagegen")
        typer.echo(item.offered)
