"""``staffelstab log watch``: one monitoring cycle, from outside and from inside.

Enters: a data folder, what the last cycle remembered. Leaves: sentences or JSON, an exit
code as ``log verify`` has it. Must never happen: a state saved before people were told, so
that a crash would swallow an alarm (EL-16); an empty log or a new origin taken for a fault.
Implements exchange-log 8 (``watch``).

Alarms by mail are not built: run it from a timer that mails what it prints.
"""

import asyncio
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from node.cli.log import DEFAULT_FOLDER, Data, Json, print_json
from node.cli.told import told

if TYPE_CHECKING:
    from node.cli.opened import Opened
    from node.crypto.checkpoint import Checkpoint
    from node.exchangelog.alarms import Raised
    from node.federation.monitor import Observed, Target
    from node.store.unit import SqlUnitOfWork

_TAMPERED = 1
_STALE = 4
ALARMS: Mapping[str, str] = {
    "conflict": "Ein Protokoll hat zwei Geschichten gezeigt: {about}",
    "quarantine": "Mit dieser Stelle wird nichts ausgetauscht: {about}",
    "no_mark": "Der Merkstein fehlt oder ist unlesbar: nichts wird unterschrieben.",
    "behind_mark": "Das Protokoll ist kleiner als sein Merkstein: alte Datenbank?",
    "mark_behind": "Der Merkstein ist älter als die letzte Unterschrift.",
    "unsigned": "Es gibt Einträge, die noch nicht unterschrieben sind.",
    "packet_waiting_4h": "Übergaben warten seit mehr als 4 Stunden auf Zeugen: {count}",
    "not_witnessed_24h": "Seit mehr als 24 Stunden hat kein Zeuge gegengezeichnet.",
    "witness_silent_48h": "Ein Zeuge schweigt seit mehr als 48 Stunden: {about}",
    "clock_off_60s": "Die Uhr weicht um mehr als 60 Sekunden ab von: {about}",
    "key_ends_30d": "Ein Schlüssel endet in weniger als 30 Tagen.",
}
_OBSERVED: Mapping[str, str] = {
    "first": "zum ersten Mal gesehen",
    "same": "unverändert",
    "grew": "nur fortgeschrieben",
    "older": "KLEINER als zuletzt gesehen: alte Datenbank?",
    "unshown": "NICHT als Fortschreibung nachgewiesen",
    "fork": "ZWEI GESCHICHTEN",
    "empty": "noch leer",
    "unreachable": "nicht erreichbar",
    "signature": "Unterschrift FALSCH",
}
_WRONG = frozenset({"older", "unshown", "fork", "signature"})


def watch_command(data: Data = DEFAULT_FOLDER, as_json: Json = False) -> None:
    """Einmal nachsehen: eigenes und fremde Protokolle holen, prüfen, melden."""
    from node.cli.opened import open_store

    with told(), open_store(data) as opened:
        place = opened.paths.folder / "state" / "watch.json"
        known = _remembered(place)
        targets, raised = opened.store.read_sync(_gather, opened)
        observed = asyncio.run(_look(opened, targets, known))
        wrong = [item for item in observed if _word(item) in _WRONG or item.forks]
        # People are told first. Crash here: the next cycle tells them again.
        if as_json:
            print_json(_watch_json(observed, raised))
        else:
            _tell_watch(observed, raised)
        sys.stdout.flush()
        opened.store.write_sync(_settle, observed)
        fine = {
            item.head.origin: item.head
            for item in observed
            if item.seen is not None and item.seen.is_fine and item.head is not None
        }
        _save(place, {**known, **fine})
    forked = any(_word(item) == "fork" or item.forks for item in observed)
    if forked or any(item.alarm == "conflict" for item in raised):
        raise typer.Exit(_TAMPERED)
    raise typer.Exit(_STALE if wrong or raised else 0)


def _gather(
    uow: "SqlUnitOfWork", opened: "Opened"
) -> "tuple[list[Target], tuple[Raised, ...]]":
    """Which logs to look at, and the alarms that our own store knows of."""
    from dataclasses import replace

    from node.crypto.checkpoint import ED25519, Checkpoint, NoteKey
    from node.errors import LogError, TrustError
    from node.exchangelog.alarms import find_alarms
    from node.exchangelog.policy import parse_policy
    from node.federation.monitor import Target
    from node.report.alarmfacts import facts_of
    from node.store.mark import read_mark

    member, url = opened.keyring.member, opened.settings.peer_url
    directory, clock = uow.directory.load(), opened.means.clock
    _, rule = (
        directory.policy_for(member.scope, clock.now()) if directory else ("", b"")
    )
    policy = parse_policy(rule) if rule else None
    own = NoteKey(opened.names.log_origin, opened.keyring.log.public, ED25519)
    targets = [Target("dieser Knoten", url, own)]
    peers = [m for m in directory.members() if m.id != member] if directory else []
    for peer in peers:
        assert directory is not None
        try:
            key, sheet = directory.log_key(peer.id), directory.sheet(peer.id)
        except TrustError:
            continue
        heard = tuple(
            Checkpoint(h.origin, h.size, h.root) for h in uow.quorums.heard_of(key.name)
        )
        targets.append(Target(peer.name, sheet.url, key, heard))
    try:
        mark = read_mark(opened.paths.mark)
    except LogError:
        mark = None
    facts = facts_of(
        uow,
        own=opened.names.witness_name,
        named=[key.name for key in policy.keys] if policy else (),
        peers=[peer.id for peer in peers],
    )
    facts = replace(facts, mark=mark.head.size if mark else None, mark_asked=True)
    return targets, find_alarms(facts, clock.now())


async def _look(
    opened: "Opened", targets: "list[Target]", known: "Mapping[str, Checkpoint]"
) -> "list[Observed]":
    from node.federation.monitor import look

    settings = opened.settings
    return await look(
        targets, known, networks=settings.allowed_networks, demo=settings.demo
    )


def _settle(uow: "SqlUnitOfWork", observed: "list[Observed]") -> None:
    """Heads heard elsewhere that lie on the published log need no more comparing."""
    with uow:
        for item in observed:
            for head in item.lies_on:
                uow.quorums.settle(head.origin, head.size)
        uow.commit()


# -- The memory between cycles -----------------------------------------------------------


def _remembered(place: Path) -> "dict[str, Checkpoint]":
    from node import strictjson
    from node.crypto.checkpoint import Checkpoint
    from node.errors import LogError, MalformedMessageError

    try:
        heads = strictjson.parse_object(place.read_bytes(), members=4000)["heads"]
        return {
            origin: Checkpoint(origin, int(head["size"]), bytes.fromhex(head["root"]))
            for origin, head in heads.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, MalformedMessageError, KeyError, TypeError, ValueError) as error:
        raise LogError("state/watch.json cannot be read") from error


def _save(place: Path, heads: "Mapping[str, Checkpoint]") -> None:
    from node import strictjson
    from node.federation.wholefile import write_whole

    rows = {o: {"size": h.size, "root": h.root.hex()} for o, h in heads.items()}
    write_whole(place, strictjson.encode({"v": 1, "heads": rows}))


# -- Telling -----------------------------------------------------------------------------


def _word(item: "Observed") -> str:
    return str(item.seen) if item.seen is not None else item.problem


def _tell_watch(observed: "list[Observed]", raised: "tuple[Raised, ...]") -> None:
    for item in observed:
        size = f", {item.head.size} Einträge" if item.head else ""
        word = _word(item)
        typer.secho(
            f"{item.target.name}: {_OBSERVED[word]}{size}",
            fg=typer.colors.RED if word in _WRONG else None,
        )
        for head in item.forks:
            typer.secho(
                f"{item.target.name}: eine andere Stelle sah bei {head.size} Einträgen "
                "eine andere Wurzel: ZWEI GESCHICHTEN",
                fg=typer.colors.RED,
            )
    for alarm in raised:
        text = ALARMS[alarm.alarm].format(about=alarm.about, count=alarm.count)
        typer.secho(f"Achtung: {text}", fg=typer.colors.RED)
    if not raised and all(_word(item) not in _WRONG for item in observed):
        typer.echo("Kein Alarm.")


def _watch_json(
    observed: "list[Observed]", raised: "tuple[Raised, ...]"
) -> dict[str, object]:
    return {
        "v": 1,
        "verb": "watch",
        "logs": [
            {
                "origin": item.target.key.name,
                "seen": _word(item),
                "size": item.head.size if item.head else None,
                "forks": [head.size for head in item.forks],
            }
            for item in observed
        ],
        "alarms": [
            {
                "code": str(item.alarm),
                "about": item.about,
                "since": item.since and item.since.isoformat(),
                "count": item.count,
            }
            for item in raised
        ],
    }
