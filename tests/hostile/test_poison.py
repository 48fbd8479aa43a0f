"""One poison statement and one poison container among 100: 99 are delivered (P20)."""

import secrets
from datetime import timedelta

import pytest

from bench.town import add_case
from node.bootstrap import Hands, build_node
from node.config import load_settings
from node.failpoints import NoFailpoints
from node.ids import TransferId
from node.sync.bodies import ClosedBody
from node.sync.issue import issue
from node.sync.transfer import Inbound, Outbound
from node.sync.words import StatementType
from tests.support.handed import inbound, outbound, set_off
from tests.support.office import MovingClock
from tests.support.pair import (
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    running,
    until,
)

MANY = 100


def say_nonsense(uow, office, transfer):
    """A statement that is well formed and signed, about a transfer that never was."""
    with uow:
        issue(
            uow,
            office,
            to=SAECKINGEN,
            kind=StatementType.CLOSED,
            body=ClosedBody(imp=uow.outbox.of_transfer(transfer)[0].jti),
            transfer=TransferId("f" * 32),
            off=bytes(32),
            entry=None,
        )
        uow.commit()


@pytest.mark.spec("P20", "API-53")
@pytest.mark.spec("HO-45")
async def test_ninety_nine_of_a_hundred_are_delivered(tmp_path):
    clock = MovingClock()
    hands = Hands(clock, secrets.token_bytes, NoFailpoints())
    folders = found_pair(tmp_path, hands)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as there,
    ):
        add_staff(wehr)
        async with running(wehr):
            cases = [
                wehr.store.write_sync(add_case, wehr.office, number, 1)
                for number in range(MANY)
            ]
            transfers = [set_off(wehr, case, SAECKINGEN) for case in cases]
            await until(
                lambda: all(
                    outbound(wehr, t).state is Outbound.QUEUED for t in transfers
                ),
                60,
            )
            bad = transfers[40]
            wehr.store.write_sync(say_nonsense, wehr.office, transfers[20])
            digest = outbound(wehr, bad).packet_digest
            (path,) = folders[WEHR].rglob(digest.hex())
            path.write_bytes(path.read_bytes()[:-1] + b"x")
            clock.offset += timedelta(hours=2)
            async with running(there):
                wehr.worker.contact(SAECKINGEN)

                def arrived():
                    found = (inbound(there, t) for t in transfers)
                    return [f is not None and f.state is Inbound.WAITING for f in found]

                await until(lambda: sum(arrived()) == MANY - 1, 60)
                assert not arrived()[40]

                def still_out():
                    rows = wehr.store.read_sync(
                        lambda uow: uow.outbox.packets(SAECKINGEN, 200)
                    )
                    return [(r.transfer, r.code) for r in rows]

                # Stored there comes before its receipt is read here.
                await until(lambda: still_out() == [(bad, "bad-digest")])
                # The statement went by, refused; the chain behind it came through.
                await until(
                    lambda: (
                        wehr.store.read_sync(
                            lambda uow: uow.outbox.statements(SAECKINGEN, 9)
                        )
                        == []
                    )
                )
                assert outbound(wehr, transfers[20]).state is Outbound.DELIVERED
