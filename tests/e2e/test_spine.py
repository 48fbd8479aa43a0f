"""A household moves from Wehr to Bad Säckingen, between two real nodes over HTTP."""

from datetime import date

import pytest

from node.bootstrap import build_node, own_hands
from node.cases.model import Baton
from node.cases.relocation import Source
from node.casework.relocations import Move, record_relocation
from node.config import load_settings
from node.sync import decision
from node.sync.transfer import Inbound, Outbound
from node.trust.places import shipped_places
from tests.support.desk import keep_document
from tests.support.pair import (
    AGS,
    APPROVER,
    CLERK,
    SAECKINGEN,
    USUAL,
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
            decision.approve, saeckingen.office, transfer, by=APPROVER
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


@pytest.mark.spec("HO-88")
async def test_a_document_above_one_mebibyte_arrives_in_parts(tmp_path):
    hands = own_hands()
    folders = found_pair(tmp_path, hands)
    content = hands.randomness(9 * 1024 * 1024 + 5)
    async with (
        build_node(load_settings(folders[WEHR]), hands) as wehr,
        build_node(load_settings(folders[SAECKINGEN]), hands) as saeckingen,
        running(wehr),
        running(saeckingen),
    ):
        for node in (wehr, saeckingen):
            add_staff(node)
        case = open_case(wehr)
        values = {"doc_kind": "school", "media_type": "application/pdf", "title": "Z"}
        document = keep_document(wehr, case, [content], values)
        give_consent(wehr, case, USUAL | {"K13"}, documents=frozenset({document}))
        transfer = relocate(wehr, case).transfer
        await until(
            lambda: (
                (found := inbound(saeckingen, transfer)) is not None
                and found.state is Inbound.WAITING
            )
        )
        saeckingen.store.write_sync(
            decision.approve, saeckingen.office, transfer, by=APPROVER
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)

        def read(uow):
            (record,) = uow.cases.content(case).of("document")
            digest = bytes.fromhex(record.text("digest"))
            return b"".join(uow.cases.open_document(case, digest))

        assert saeckingen.store.read_sync(read) == content
