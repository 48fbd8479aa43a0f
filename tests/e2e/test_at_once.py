"""The same statement in two requests at once: taken once, and nobody is called a liar."""

import time
from threading import Thread

import pytest

from node.sync import decision, reception
from node.sync.transfer import Outbound
from node.sync.words import StatementType
from tests.support.databases import DIALECTS, postgres
from tests.support.handed import outbound, set_off, until_waiting
from tests.support.pair import (
    APPROVER,
    SAECKINGEN,
    WEHR,
    give_consent,
    open_case,
    until,
)
from tests.support.towns import two_nodes

__all__ = ["postgres"]
LONG_ENOUGH_S = 0.7
"""For the second request to come as far as it can while the first one is not committed."""


@pytest.mark.spec("HO-20", "HO-44", "P2")
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_statement_that_comes_twice_at_once_is_no_fork(
    tmp_path, monkeypatch, request, dialect
):
    own = ""
    if dialect == "postgresql":
        server = request.getfixturevalue("postgres")
        own = server.url(server.empty())
    take, act = reception.take_opened, reception._act
    lists, seconds, results = [], [], []

    def noted(uow, office, peer, opened):
        if office.member == WEHR:
            lists.append(opened)
        return take(uow, office, peer, opened)

    def slow(uow, office, statement):
        is_asked = statement.claims.t is StatementType.OPEN_REQUEST
        if office.member == WEHR and is_asked and not seconds:
            seconds.append(Thread(target=again, args=(lists[-1],)))
            seconds[0].start()
            time.sleep(LONG_ENOUGH_S)
        return act(uow, office, statement)

    async with two_nodes(tmp_path, databases=(own, "")) as (wehr, saeckingen):

        def again(opened):
            def unit(uow):
                with uow:
                    results.append(take(uow, wehr.office, SAECKINGEN, opened))
                    uow.commit()

            wehr.store.write_sync(unit)

        monkeypatch.setattr(reception, "take_opened", noted)
        monkeypatch.setattr(reception, "_act", slow)
        case = open_case(wehr)
        give_consent(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)
        await until_waiting(saeckingen, transfer)
        saeckingen.store.write_sync(
            decision.approve, saeckingen.office, transfer, by=APPROVER
        )
        await until(lambda: bool(results))
        assert set(results[0].values()) == {"taken"}
        assert not wehr.store.read_sync(lambda uow: uow.chains.quarantined(SAECKINGEN))
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)
