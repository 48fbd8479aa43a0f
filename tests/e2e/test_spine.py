"""A household moves from Wehr to Bad Säckingen, between two real nodes over HTTP."""

from datetime import date

from node.bootstrap import build_node, own_hands
from node.casework.relocations import Move, record_relocation
from node.cases.model import Baton
from node.cases.relocation import Source
from node.config import load_settings
from node.sync import recipient
from node.sync.transfer import Inbound, Outbound
from node.trust.places import shipped_places
from tests.support.pair import (
    AGS,
    APPROVER,
    CLERK,
    SAECKINGEN,
    WEHR,
    add_staff,
    found_pair,
    give_consent,
    open_case,
    running,
    until,
)


def relocate(node, case):
    return node.store.write_sync(
        record_relocation,
        node.office,
        Move((case,), AGS[SAECKINGEN], date(2026, 12, 1), Source.FORM),
        by=CLERK,
        places=shipped_places(),
    )


def outbound(node, transfer):
    return node.store.read_sync(lambda uow: uow.outbound.get(transfer))


def inbound(node, transfer):
    return node.store.read_sync(lambda uow: uow.inbound.find(transfer))


async def test_a_case_with_consent_moves_and_is_closed_at_both_ends(tmp_path):
    hands = own_hands()
    folders = found_pair(tmp_path, hands)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as saeckingen,
        running(wehr),
        running(saeckingen),
    ):
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
            recipient.approve, saeckingen.office, transfer, by=APPROVER
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)
        await until(lambda: state() is Inbound.CLOSED)
        there = saeckingen.store.read_sync(lambda uow: uow.cases.content(case))
        here = wehr.store.read_sync(lambda uow: uow.cases.file(case))
        assert (there.file.baton, there.file.epoch) == (Baton.ACTIVE, 2)
        assert here.baton is Baton.HANDED_OVER
        assert [c.text("form") for c in there.of("contact")] == ["office"]
        # The note is sensitive and was not consented to: it stayed.
        assert there.of("contact")[0].text("note") == ""
