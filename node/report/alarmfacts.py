"""The facts that alarms are judged by, read in one unit.

Enters: a reading unit, the directory, our own witness name. Leaves: ``Facts``. Must never
happen: the own cosignature among the witnesses. Serves the status page and the commands.
"""

from collections.abc import Collection
from datetime import UTC, datetime

from node.crypto.checkpoint import cosigned_at_s
from node.exchangelog.alarms import Facts, WitnessFact
from node.ids import MemberId
from node.report.logview import LogViewUnit
from node.sync.transfer import Outbound


def facts_of(
    uow: LogViewUnit,
    *,
    own: str,
    named: Collection[str] = (),
    peers: Collection[MemberId] = (),
) -> Facts:
    """How everything stands; mark and keys are the caller's to add.

    Args:
        uow: A reading unit.
        own: Name of our own witness, which never counts.
        named: Names of the witnesses of our policy, also those that never answered.
        peers: Members whose relation may be in quarantine.
    """
    state = uow.log_view.overview()
    seen = {
        item.name: WitnessFact(
            item.name,
            item.last_at,
            datetime.fromtimestamp(cosigned_at_s(item.line), UTC),
        )
        for item in uow.heads.cosigned()
        if item.name != own
    }
    for name in named:
        if name != own:
            seen.setdefault(name, WitnessFact(name, None))
    return Facts(
        size=state.size,
        signed_size=state.signed_size,
        signed_at=state.signed_at,
        witnesses=tuple(seen[name] for name in sorted(seen)),
        waiting=tuple(
            item.since for item in uow.quorums.all_waiting() if item.override is None
        ),
        conflicts=tuple(sorted({item.origin for item in uow.heads.evidence()})),
        quarantined=tuple(str(p) for p in peers if uow.chains.quarantined(p)),
        granted=tuple(
            uow.outbound.get(transfer).facts[Outbound.GRANTED]
            for transfer in uow.outbound.in_states([Outbound.GRANTED])
        ),
        erasing=tuple(
            item.begun_at for item in uow.keeping.running() if item.begun_at is not None
        ),
        held=tuple(
            hold.set_at
            for hold in uow.keeping.holds()
            if hold.is_open and hold.set_at is not None
        ),
    )
