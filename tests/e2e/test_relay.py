"""A household moves between two towns that nobody can call, through their mailboxes."""

from contextlib import AsyncExitStack

from node.bootstrap import build_node, own_hands
from node.cases.model import Baton
from node.config import load_settings
from node.sync import decision
from node.sync.transfer import Inbound, Outbound
from tests.e2e.test_spine import inbound, outbound, relocate
from tests.support.mailtowns import RELAY, found_mailed
from tests.support.pair import (
    APPROVER,
    SAECKINGEN,
    WEHR,
    add_staff,
    give_consent,
    open_case,
    running,
    until,
)


async def test_a_case_moves_through_a_relay_and_is_closed_at_both_ends(tmp_path):
    hands = own_hands()
    mailed = found_mailed(
        tmp_path, hands, mailboxes={WEHR: (RELAY,), SAECKINGEN: (RELAY,)}
    )
    async with AsyncExitStack() as stack:
        nodes = {}
        for member, folder in mailed.folders.items():
            node = await stack.enter_async_context(
                build_node(load_settings(folder), hands)
            )
            nodes[member] = await stack.enter_async_context(running(node))
        wehr, saeckingen = nodes[WEHR], nodes[SAECKINGEN]
        for node in (wehr, saeckingen):
            add_staff(node)
        case = open_case(wehr)
        give_consent(wehr, case)
        transfer = relocate(wehr, case).transfer

        def state():
            found = inbound(saeckingen, transfer)
            return found.state if found else None

        await until(lambda: state() is Inbound.WAITING)
        await until(lambda: outbound(wehr, transfer).state is Outbound.DELIVERED)
        saeckingen.store.write_sync(
            decision.approve, saeckingen.office, transfer, by=APPROVER
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)
        await until(lambda: state() is Inbound.CLOSED)
        here = wehr.store.read_sync(lambda uow: uow.cases.file(case))
        assert here.baton is Baton.HANDED_OVER
