"""Two real nodes as each other's witnesses: what travels beside their statements."""

import pytest

from node.crypto.checkpoint import ED25519, NoteKey, open_checkpoint, verify_cosignature
from node.sync import decision, witnessing
from node.sync.delivery import next_batch
from node.sync.transfer import Outbound
from tests.support.handed import outbound, set_off, until_waiting
from tests.support.pair import (
    APPROVER,
    SAECKINGEN,
    WEHR,
    give_consent,
    open_case,
    running,
    until,
)
from tests.support.towns import two_nodes


@pytest.mark.spec("LR-19", "WIT-17")
async def test_an_answer_shows_the_reader_its_own_newest_head_cosigned(tmp_path):
    async with two_nodes(tmp_path, runs=False) as (wehr, saeckingen):
        async with running(saeckingen):
            async with running(wehr):
                case = open_case(wehr)
                give_consent(wehr, case)
                transfer = set_off(wehr, case, SAECKINGEN)
                await until_waiting(saeckingen, transfer)
            # Wehr is away: what Säckingen says next stays in its outbox.
            directory = saeckingen.office.directory()
            seen = saeckingen.store.read_sync(
                lambda uow: uow.heads.seen(directory.log_key(WEHR).name)
            )
            saeckingen.store.write_sync(
                decision.approve, saeckingen.office, transfer, by=APPROVER
            )
            saeckingen.publisher.publish()
        batch = saeckingen.store.read_sync(next_batch, saeckingen.office, WEHR)
        note = batch.envelopes[-1].att["seen_note"]
        log_key = NoteKey(
            wehr.office.log_origin, wehr.office.keyring.log.public, ED25519
        )
        assert open_checkpoint(note, log_key).size == seen.size
        assert verify_cosignature(note, directory.witness_key(SAECKINGEN)) is not None


@pytest.mark.spec("LR-17")
@pytest.mark.spec("LR-23")
async def test_the_heartbeat_renews_a_cosignature_and_writes_no_entry(tmp_path):
    async with two_nodes(tmp_path, runs=False) as (wehr, saeckingen):
        async with running(saeckingen):
            async with running(wehr):
                case = open_case(wehr)
                give_consent(wehr, case)
                transfer = set_off(wehr, case, SAECKINGEN)

                # Each of both wrote its entry then; one that is written later would be taken
                # for one of the heartbeat's.
                await until_waiting(saeckingen, transfer)
                await until(
                    lambda: outbound(wehr, transfer).state is Outbound.DELIVERED
                )

            def sizes():
                return [
                    node.store.read_sync(lambda uow: uow.log_view.overview().size)
                    for node in (wehr, saeckingen)
                ]

            def cosigned():
                (item,) = wehr.store.read_sync(lambda uow: uow.heads.cosigned())
                return item

            wehr.publisher.publish()
            await witnessing.ask_others(wehr.courier)
            before, first = sizes(), cosigned()
            assert first.size == before[0]
            await witnessing.ask_others(wehr.courier)
            assert sizes() == before
            assert cosigned().size == first.size
            assert cosigned().last_at > first.last_at
        # Nobody is there: the heartbeat is harmless.
        await witnessing.ask_others(wehr.courier)
