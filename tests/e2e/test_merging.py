"""A merged case between two real nodes: it travels with both histories, and can be checked."""

from dataclasses import replace

import pytest

from node.cases.model import Baton
from node.casework import matching
from node.casework.unmerging import take_apart
from node.errors import ErasedError, TransitionError
from node.sync.transfer import Outbound
from node.sync.words import Answer
from tests.e2e.test_aftermath import decide, noticed
from tests.support.browser_by_hand import words
from tests.support.handed import agree, hand_over, let_in, outbound, set_off
from tests.support.office import AUDITOR, MovingClock, OpenOffice, add_more, before
from tests.support.pair import (
    CLERK,
    SAECKINGEN,
    open_case,
    until,
)
from tests.support.towns import two_nodes
from tests.support.twins import add, compare_all, content_of, unite

pytestmark = pytest.mark.timeout(120)


def twin(node, **fields):
    """The same person once more, with another talk."""
    return open_case(node, "Demo-Ulme", **{"given_names": "Amine"} | fields)


@pytest.mark.spec("DO-44", "DO-7")
async def test_a_merged_case_travels_with_its_former_number_and_both_histories(
    tmp_path,
):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        one = open_case(wehr, counselling_start="2025-02-03")
        other = twin(wehr, counselling_start="2026-05-06")
        # The only yes was recorded in the second case.
        agree(wehr, other)
        merge = unite(wehr, one, other)
        transfer = set_off(wehr, merge.survivor, SAECKINGEN)
        await let_in(wehr, saeckingen, transfer)
        there = content_of(saeckingen, merge.survivor)
        assert there.person.values["former_ids"] == [merge.absorbed]
        assert there.person.text("counselling_start") == "2025-02-03"
        assert len(there.of("contact")) == 2

        with pytest.raises(TransitionError):
            wehr.store.write_sync(take_apart, wehr.office, merge.id, by=CLERK)
        compare_all(wehr)
        with pytest.raises(ErasedError):
            content_of(wehr, merge.absorbed)


@pytest.mark.spec("EL-8", "DO-44")
async def test_a_handover_on_a_consent_that_was_moved_by_a_merge_checks_out(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        wehr.store.write_sync(add_more)
        one, other = open_case(wehr), twin(wehr)
        agree(wehr, max(one, other))
        merge = unite(wehr, one, other)
        # The only consent is one that was moved.
        assert merge.absorbed == max(one, other)
        transfer = set_off(wehr, merge.survivor, SAECKINGEN)
        await let_in(wehr, saeckingen, transfer)
        for node in (wehr, saeckingen):
            node.publisher.publish()
        async with before(wehr) as client:
            auditor = await OpenOffice(wehr, client, MovingClock()).enter(AUDITOR)
            said = words(await auditor.get(f"/exchangelog/{transfer}"))
        assert "In Ordnung: Beim Senden galt die Einwilligung" in said
        assert (
            "In Ordnung: Beim Herausgeben des Schlüssels galt die Einwilligung" in said
        )


@pytest.mark.spec("DO-23", "FR-24")
async def test_what_came_with_an_absorbed_case_is_erased_where_it_lies_now(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        handed = await hand_over(wehr, saeckingen)
        # Here longer: back and forth, so that the case that came is the one that goes.
        own = twin(saeckingen)
        add(saeckingen, own, "follow_up", text="bleibt", due="2026-12-01")

        def older(uow):
            with uow:
                file = uow.cases.file(own)
                uow.cases.replace(file, replace(file, epoch=5))
                uow.commit()

        saeckingen.store.write_sync(older)
        merge = unite(saeckingen, own, handed.case)
        assert merge.absorbed == handed.case
        came = {r.id for r in content_of(saeckingen, own).of("contact")}
        assert len(came) == 2
        await noticed(wehr, saeckingen, handed)
        decide(saeckingen, handed, Answer.ERASED)
        left = content_of(saeckingen, own)
        assert len(left.of("contact")) == 1
        assert [r.text("text") for r in left.of("follow_up")] == ["bleibt"]
        assert left.file.baton is Baton.ACTIVE
        with pytest.raises(ErasedError):
            content_of(saeckingen, handed.case)
        with pytest.raises(TransitionError):
            saeckingen.store.write_sync(
                take_apart, saeckingen.office, merge.id, by=CLERK
            )


@pytest.mark.spec("SC-55")
async def test_an_opened_case_is_usable_at_once_while_its_match_is_open(tmp_path):
    async with two_nodes(tmp_path) as (wehr, saeckingen):
        known = open_case(saeckingen)
        handed = await hand_over(wehr, saeckingen)
        await until(
            lambda: saeckingen.store.read_sync(
                matching.pairs_of_transfer, handed.transfer
            )
        )
        (pair,) = saeckingen.store.read_sync(
            matching.pairs_of_transfer, handed.transfer
        )
        assert pair.pair.beside(handed.case) == known
        assert pair.is_open
        new = add(saeckingen, handed.case, "follow_up", text="Termin", due="2026-12-01")
        assert new.id in {
            r.id for r in content_of(saeckingen, handed.case).of("follow_up")
        }
        assert outbound(wehr, handed.transfer).state is Outbound.CLOSED
