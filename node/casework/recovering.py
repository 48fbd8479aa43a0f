"""Recovery as one use case: the log, the chains, the register, the consents.

Enters: a plan that two persons confirmed, and what the deletion register says outlived its
destruction. Leaves: a node that waits for the first word again. Must never happen: half of
it. Implements exchange-log 5.4, handover 4.5, HO-19.
"""

from collections.abc import Iterable
from dataclasses import replace

from node.cases.days import local_day
from node.casework.consents import log_recorded
from node.ids import TransferId
from node.sync import recovery, sender
from node.sync.office import Office
from node.sync.ports import UnitOfWork


def recover(
    uow: UnitOfWork,
    office: Office,
    plan: recovery.Plan,
    outlived: Iterable[TransferId],
) -> None:
    """Carry a plan out, whole or not at all.

    Args:
        uow: The transaction.
        office: Keys, clock, chance, directory.
        plan: What to do.
        outlived: Transfers whose share B is here although the register says it is gone.
    """
    with uow:
        recovery.recover(uow, office, plan, begun=lambda: _record_anew(uow, office))
        sender.stop_outlived(uow, office, outlived)
        # Crash here: nothing holds, and ``recover`` begins again.
        uow.commit()


def _record_anew(uow: UnitOfWork, office: Office) -> None:
    """Consents that stand get an entry in the new log: offers are proven by it (6.1)."""
    today = local_day(office.clock.now())
    for case in uow.consents.cases_with(today):
        for consent in uow.consents.of_case(case):
            stands = consent.withdrawn_at is None and consent.valid_until >= today
            if consent.entry is not None and stands:
                entry = log_recorded(uow, office, consent, by=consent.recorded_by)
                uow.consents.put(replace(consent, entry=entry))
