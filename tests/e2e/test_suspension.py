"""A suspended office between two real nodes: no key leaves, no offer is taken, ends end."""

import pytest

from node.casework.suspending import resume, suspend
from node.sync import decision
from node.sync.sender import grant
from node.sync.transfer import Inbound, Outbound
from tests.support.handed import agree, eventually, inbound, outbound, set_off
from tests.support.office import LEADER, add_more
from tests.support.pair import APPROVER, SAECKINGEN, WEHR, open_case, until
from tests.support.towns import two_nodes


def stop(node, peer):
    node.store.write_sync(suspend, node.office, peer, reason="Verdacht", by=LEADER)


@pytest.mark.spec("I3")
async def test_no_key_leaves_while_the_other_end_is_suspended(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        wehr.store.write_sync(add_more)
        case = open_case(wehr)
        agree(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)
        await eventually(
            lambda: (
                (found := inbound(saeckingen, transfer))
                and found.state is Inbound.WAITING
            )
        )
        stop(wehr, SAECKINGEN)
        saeckingen.store.write_sync(
            decision.approve, saeckingen.office, transfer, by=APPROVER
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.ASKED)
        wehr.store.write_sync(grant, wehr.office, transfer)
        assert outbound(wehr, transfer).state is Outbound.ASKED
        wehr.store.write_sync(resume, wehr.office, SAECKINGEN, by=LEADER)
        wehr.store.write_sync(grant, wehr.office, transfer)
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)


async def test_an_offer_of_a_suspended_office_is_refused_by_rule(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        saeckingen.store.write_sync(add_more)
        stop(saeckingen, WEHR)
        case = open_case(wehr)
        agree(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)
        await until(lambda: outbound(wehr, transfer).state is Outbound.REJECTED)
        assert inbound(saeckingen, transfer).state is Inbound.REJECTED
