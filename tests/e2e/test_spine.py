"""A household moves from Wehr to Bad Säckingen, between two real nodes over HTTP."""

import secrets

import pytest

from node.cases.model import Baton
from node.sync import decision
from node.sync.transfer import Inbound, Outbound
from tests.support.databases import DIALECTS, postgres
from tests.support.desk import keep_document
from tests.support.handed import inbound, outbound, set_off, until_waiting
from tests.support.pair import (
    APPROVER,
    SAECKINGEN,
    USUAL,
    give_consent,
    open_case,
    until,
)
from tests.support.towns import two_nodes

__all__ = ["postgres"]


@pytest.fixture(params=DIALECTS)
def databases(request):
    """The databases of both towns; empty is a file of the town's own."""
    if request.param == "sqlite":
        return "", ""
    server = request.getfixturevalue("postgres")
    return server.url(server.empty()), server.url(server.empty())


@pytest.mark.spec("HO-37")
async def test_a_case_with_consent_moves_and_is_closed_at_both_ends(
    tmp_path, databases
):
    async with two_nodes(tmp_path, databases=databases) as (wehr, saeckingen):
        case = open_case(wehr)
        give_consent(wehr, case)
        transfer = set_off(wehr, case, SAECKINGEN)

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
    content = secrets.token_bytes(9 * 1024 * 1024 + 5)
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        case = open_case(wehr)
        values = {"doc_kind": "school", "media_type": "application/pdf", "title": "Z"}
        document = keep_document(wehr, case, [content], values)
        give_consent(wehr, case, USUAL | {"K13"}, documents=frozenset({document}))
        transfer = set_off(wehr, case, SAECKINGEN)
        await until_waiting(saeckingen, transfer)
        saeckingen.store.write_sync(
            decision.approve, saeckingen.office, transfer, by=APPROVER
        )
        await until(lambda: outbound(wehr, transfer).state is Outbound.CLOSED)

        def read(uow):
            (record,) = uow.cases.content(case).of("document")
            digest = bytes.fromhex(record.text("digest"))
            return b"".join(uow.cases.open_document(case, digest))

        assert saeckingen.store.read_sync(read) == content
