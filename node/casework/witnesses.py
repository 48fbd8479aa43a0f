"""Looking at the witnesses: for auditors, approvers and administrators.

Enters: who looks. Leaves: the sight. Must never happen: somebody looking whom the table
does not let. Implements the page Zeugen of exchange-log 8.
"""

from node.accounts.policy import Actor, require
from node.report.logview import LogViewUnit
from node.report.witnesses import Sight, sight_of
from node.sync.office import Office


def look_at_witnesses(uow: LogViewUnit, office: Office, by: Actor) -> Sight:
    """Everything about witnesses, in one reading unit."""
    require(by, "witness.read")
    return sight_of(
        uow,
        office.directory(),
        member=office.member,
        own=office.witness_name,
        at=office.clock.now(),
    )
