"""A command asks another node: one signed call after the other, no listener.

Enters: an opened node, a peer. Leaves: the peer's list of shared transfers, every proof
tried. Must never happen: an unsigned answer believed; a connection that outlives the
command. Serves ``log reconcile --ask``.
"""

import asyncio

from node.casework.comparing import memory_of
from node.cli.opened import Opened
from node.errors import MalformedMessageError, RejectedError
from node.federation.shared import ask
from node.ids import MemberId
from node.mailroom import open_mailroom
from node.report.logaudit import PeerList
from node.store.threads import ThreadRunner
from node.sync.office import Office


def ask_peer(opened: Opened, office: Office, peer: MemberId) -> PeerList:
    """Fetch what a peer's log says of the transfers it shares with us.

    Raises:
        DeliveryError: It cannot be reached, did not sign its answer, or its answer is not
            a list of this form.
    """
    try:
        return asyncio.run(_ask(opened, office, peer))
    except MalformedMessageError as error:
        raise RejectedError("shared-list", can_retry=False) from error


async def _ask(opened: Opened, office: Office, peer: MemberId) -> PeerList:
    run = ThreadRunner(opened.store)
    room = open_mailroom(opened.settings, office, run, office.clock.now())
    try:
        memory = opened.store.read_sync(memory_of, office, peer)
        return await ask(room.direct.shared_log, office, peer, memory)
    finally:
        await room.caller.close()
