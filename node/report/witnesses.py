"""Who cosigns our log, by which rule, what waits for it, and what was kept as evidence.

Enters: a reading unit and the directory. Leaves: one value that page and command show.
Must never happen: the own cosignature shown as a witness; a name of a person.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from node.crypto.checkpoint import NoteKey
from node.exchangelog.policy import Policy, parse_policy
from node.ids import MemberId
from node.report.logview import LogViewUnit
from node.sync.limits import OVERRIDE_AFTER
from node.sync.rows import Evidence, QuorumWait
from node.trust.directory import Directory


def witness_keys(directory: Directory | None, origin: str) -> tuple[NoteKey, ...]:
    """Every key under which another town ever cosigned the log of this origin."""
    return tuple(
        listed.key
        for member in (() if directory is None else directory.members())
        if member.log.name != origin
        for listed in member.witness.keys
    )


@dataclass(frozen=True, slots=True)
class WitnessLine:
    """One witness: how far it has cosigned us, 0 if never, and whether our rule names it."""

    name: str
    key: str
    size: int
    last_at: datetime | None
    is_named: bool


@dataclass(frozen=True, slots=True)
class WaitLine:
    """One container that waits, and since when it may be sent by two people."""

    waits: QuorumWait
    recipient: MemberId | None
    override_from: datetime


@dataclass(frozen=True, slots=True)
class Sight:
    """Everything about witnesses.

    ``prefix`` and ``policy`` are empty where the built-in pair policy holds. ``size`` is
    that of our newest signed head.
    """

    prefix: str
    policy: Policy | None
    size: int
    witnesses: tuple[WitnessLine, ...]
    waiting: tuple[WaitLine, ...]
    evidence: Sequence[Evidence]


def sight_of(
    uow: LogViewUnit,
    directory: Directory | None,
    *,
    member: MemberId,
    own: str,
    at: datetime,
) -> Sight:
    """Read it in one unit.

    Args:
        uow: A reading unit.
        directory: The one in force, None before the first refresh.
        member: Ourselves.
        own: Name of our own witness, which never counts.
        at: Now.
    """
    prefix, body = directory.policy_for(member.scope, at) if directory else ("", b"")
    policy = parse_policy(body) if body else None
    named = {key.name: str(key) for key in policy.keys} if policy else {}
    listed = {
        record.witness.name: str(record.witness.newest)
        for record in (directory.members() if directory else ())
    }
    seen = {item.name: item for item in uow.heads.cosigned()}
    names = sorted((named.keys() | seen.keys()) - {own})
    waiting = []
    for waits in uow.quorums.all_waiting():
        found = uow.outbound.find(waits.transfer)
        waiting.append(
            WaitLine(
                waits,
                found.recipient if found else None,
                waits.since + OVERRIDE_AFTER,
            )
        )
    return Sight(
        prefix=prefix,
        policy=policy,
        size=uow.log_view.overview().signed_size,
        witnesses=tuple(
            WitnessLine(
                name,
                named.get(name) or listed.get(name, ""),
                seen[name].size if name in seen else 0,
                seen[name].last_at if name in seen else None,
                name in named,
            )
            for name in names
        ),
        waiting=tuple(waiting),
        evidence=uow.heads.evidence(),
    )
