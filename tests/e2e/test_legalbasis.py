"""A case that goes by law instead of consent, between two real nodes; then an objection."""

from dataclasses import replace

import pytest

from node.casework.consents import withdraw_consent
from node.casework.relocations import Confirmation, confirm, second
from node.ids import AccountId
from node.sync.words import Basis, Cause
from tests.support.bylaw import CODE, NONE, SCOPE, in_use, put_in_force
from tests.support.handed import (
    aftermath,
    eventually,
    inbound,
    let_in,
    outbound,
    set_off,
)
from tests.support.office import LEADER, add_more
from tests.support.pair import APPROVER, CLERK, SAECKINGEN
from tests.support.towns import two_nodes

OTHER_LEADER = replace(LEADER, account=AccountId("2ead" * 8))


def add_other(uow):
    with uow:
        one = uow.accounts.get(LEADER.account)
        uow.accounts.add(replace(one, id=OTHER_LEADER.account, login="zweite"))
        uow.commit()


@pytest.mark.spec("FR-21", "DO-32", "HO-28")
async def test_a_case_goes_by_law_and_an_objection_is_told_as_one(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        wehr.store.write_sync(add_more)
        wehr.store.write_sync(add_other)
        put_in_force(wehr, (LEADER, OTHER_LEADER))
        case, basis = in_use(wehr)
        transfer = set_off(wehr, case, SAECKINGEN)
        scope = Confirmation({case: (SCOPE, NONE)})
        wehr.store.write_sync(confirm, transfer, scope, by=CLERK)
        members = outbound(wehr, transfer).members
        wehr.store.write_sync(second, transfer, members=members, by=APPROVER)
        await let_in(wehr, saeckingen, transfer)
        (line,) = inbound(saeckingen, transfer).offer["bases"]
        assert (line["basis"], line["paragraph"], line["second"]) == (
            Basis.STATUTE,
            CODE,
            True,
        )

        ended = wehr.store.write_sync(
            withdraw_consent, wehr.office, basis.id, how="written", by=CLERK
        )
        assert [one.id for one in ended] == [transfer]
        found = await eventually(
            lambda: aftermath(saeckingen, transfer, is_ours=False).open_notices
        )
        assert [notice.body.cause for notice in found] == [Cause.OBJECTION]
