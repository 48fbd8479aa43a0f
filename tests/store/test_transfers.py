"""Transfers as rows: compare-and-set, one holder per case, nothing readable at rest."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.errors import ConflictError, NotFoundError, UsageError
from node.ids import AccountId, CaseId, MemberId
from node.store.engine import Engines
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync.ports import UnitOfWork
from node.sync.transfer import (
    HOLDING,
    Inbound,
    InboundTransfer,
    InEvent,
    Outbound,
    OutboundTransfer,
    OutEvent,
    Refusal,
    Why,
)
from tests.support.transfers import (
    NOON,
    SAECKINGEN,
    WEHR,
    digest,
    hex128,
    inbound,
    member_scope,
    outbound,
    transfer_id,
)

FULL_OUT = outbound(
    state=Outbound.ASKED,
    members=(member_scope(1), member_scope(2, documents=frozenset(), epoch=9)),
    policy="confirm",
    not_included=(1, 2),
    why=Why.BASIS_GONE,
    expires_at=NOON + timedelta(days=14),
    packet_digest=digest("packet"),
    packet_bytes=64 * 1024 * 1024,
    header_hash=digest("header"),
    kem_kid="k1",
    offer_digest=digest("offer"),
    open_request_digest=digest("request"),
    last_entry=digest("entry"),
    refusal=Refusal("refuse", "wrong-place", "Bitte an das Jobcenter"),
    withheld=((CaseId(hex128(9)), "no_basis"),),
    facts={"held": NOON, "queued": NOON + timedelta(microseconds=1)},
)
FULL_IN = inbound(
    state=Inbound.REJECTED,
    offer={"kind": "move", "text": "ä\u2028", "cases": [{"e": 2**53 - 1}], "x": None},
    packet_digest=digest("packet"),
    packet_bytes=5,
    take=frozenset({"K01"}),
    decided_by=AccountId(hex128(3)),
    second_by=AccountId(hex128(4)),
    refusal=Refusal("refuse", "not-for-us", ""),
    last_entry=digest("a"),
    peer_entry=digest("b"),
)


def _add(uow: UnitOfWork, *transfers: OutboundTransfer | InboundTransfer) -> None:
    with uow:
        for transfer in transfers:
            if isinstance(transfer, OutboundTransfer):
                uow.outbound.add(transfer)
            else:
                uow.inbound.add(transfer)
        uow.commit()


def _replace_out(
    uow: UnitOfWork, before: OutboundTransfer, after: OutboundTransfer
) -> OutboundTransfer:
    with uow:
        uow.outbound.replace(before, after)
        uow.commit()
        return uow.outbound.get(before.id)


def _replace_in(
    uow: UnitOfWork, before: InboundTransfer, after: InboundTransfer
) -> InboundTransfer:
    with uow:
        uow.inbound.replace(before, after)
        uow.commit()
        return uow.inbound.get(before.id)


class TestOutbound:
    @pytest.mark.parametrize(
        "transfer",
        [outbound(), FULL_OUT, outbound(recipient=None, created_by=None, members=())],
        ids=["held", "full", "bare"],
    )
    def test_what_was_added_comes_back(
        self, store: Store, transfer: OutboundTransfer
    ) -> None:
        store.write_sync(_add, transfer)
        assert store.read_sync(lambda uow: uow.outbound.get(transfer.id)) == transfer

    def test_an_absent_one_is_none_or_not_found(self, store: Store) -> None:
        assert store.read_sync(lambda uow: uow.outbound.find(transfer_id())) is None
        with pytest.raises(NotFoundError):
            store.read_sync(lambda uow: uow.outbound.get(transfer_id()))

    def test_a_number_is_used_once(self, store: Store) -> None:
        store.write_sync(_add, outbound(1))
        with pytest.raises(ConflictError):
            store.write_sync(_add, outbound(1, members=(member_scope(2),)))

    def test_every_column_can_change_and_the_version_rises(self, store: Store) -> None:
        before = outbound()
        store.write_sync(_add, before)
        found = store.write_sync(_replace_out, before, FULL_OUT)
        assert found == replace(FULL_OUT, version=2)

    def test_a_transfer_may_replace_a_former_one(self, store: Store) -> None:
        former = outbound(1, state=Outbound.RECALLED)
        store.write_sync(_add, former)
        store.write_sync(_add, outbound(2, replaces=former.id))
        found = store.read_sync(lambda uow: uow.outbound.get(transfer_id(2)))
        assert found.replaces == former.id

    def test_no_transfer_replaces_one_that_never_was(self, store: Store) -> None:
        with pytest.raises(ConflictError):
            store.write_sync(_add, outbound(2, replaces=transfer_id(1)))

    @pytest.mark.spec("P2")
    def test_a_change_over_a_moved_transfer_is_refused(self, store: Store) -> None:
        before = outbound()
        store.write_sync(_add, before)
        store.write_sync(_replace_out, before, replace(before, policy="confirm"))
        with pytest.raises(ConflictError):
            store.write_sync(_replace_out, before, replace(before, policy="auto"))
        found = store.read_sync(lambda uow: uow.outbound.get(before.id))
        assert (found.policy, found.version) == ("confirm", 2)

    def test_a_transfer_that_is_not_there_cannot_change(self, store: Store) -> None:
        with pytest.raises(ConflictError):
            store.write_sync(_replace_out, outbound(), outbound())

    @pytest.mark.spec("HO-5", "P2")
    @pytest.mark.parametrize("state", sorted(Outbound))
    def test_at_most_one_transfer_holds_a_case(
        self, store: Store, state: Outbound
    ) -> None:
        case = member_scope(1)
        store.write_sync(_add, outbound(1, state=Outbound.QUEUED, members=(case,)))
        second = outbound(2, state=state, members=(case, member_scope(2)))
        if state in HOLDING:
            with pytest.raises(ConflictError, match=r"holding|case_id"):
                store.write_sync(_add, second)
        else:
            store.write_sync(_add, second)

    @pytest.mark.spec("HO-5")
    def test_a_held_transfer_cannot_be_queued_while_another_holds_the_case(
        self, store: Store
    ) -> None:
        case = member_scope(1)
        holder = outbound(1, state=Outbound.GRANTED, members=(case,))
        second = outbound(2, members=(case,))
        store.write_sync(_add, holder, second)
        queued = second.on(OutEvent.PERMITTED, at=NOON).after
        with pytest.raises(ConflictError):
            store.write_sync(_replace_out, second, queued)

    @pytest.mark.spec("HO-5")
    def test_a_recalling_transfer_lets_a_new_one_start_at_once(
        self, store: Store
    ) -> None:
        case = member_scope(1)
        first = outbound(1, state=Outbound.QUEUED, members=(case,))
        second = outbound(2, members=(case,))
        store.write_sync(_add, first, second)
        recalled = first.on(OutEvent.STOPPED, at=NOON, why=Why.CALLED_BACK).after
        store.write_sync(_replace_out, first, recalled)
        queued = second.on(OutEvent.PERMITTED, at=NOON).after
        found = store.write_sync(_replace_out, second, queued)
        assert found.state is Outbound.QUEUED

    @pytest.mark.spec("HO-5")
    def test_a_member_added_to_a_holding_transfer_is_held_too(
        self, store: Store
    ) -> None:
        first = outbound(1, state=Outbound.QUEUED, members=(member_scope(1),))
        store.write_sync(_add, first)
        both = replace(first, members=(member_scope(1), member_scope(2)))
        store.write_sync(_replace_out, first, both)
        with pytest.raises(ConflictError):
            store.write_sync(
                _add, outbound(2, state=Outbound.ASKED, members=(member_scope(2),))
            )

    def test_transfers_are_found_by_state_oldest_first(self, store: Store) -> None:
        store.write_sync(
            _add,
            outbound(3),
            outbound(1),
            outbound(2, state=Outbound.QUEUED),
            outbound(4, state=Outbound.ERASED),
        )
        states = (Outbound.HELD, Outbound.QUEUED)
        found = store.read_sync(lambda uow: uow.outbound.in_states(states))
        assert found == [transfer_id(n) for n in (1, 2, 3)]
        assert store.read_sync(lambda uow: uow.outbound.in_states(())) == []

    def test_transfers_are_found_by_the_consent_they_rest_on(
        self, store: Store
    ) -> None:
        basis = member_scope(1).basis
        twice = (member_scope(1), member_scope(3, basis=basis))
        store.write_sync(_add, outbound(2, members=twice), outbound(1), outbound(5))
        found = store.read_sync(lambda uow: uow.outbound.resting_on(basis))
        assert found == [transfer_id(1), transfer_id(2)]
        assert store.read_sync(lambda uow: uow.outbound.resting_on("statute:§")) == []

    def test_transfers_are_found_by_their_case(self, store: Store) -> None:
        both = outbound(2, members=(member_scope(2), member_scope(1)))
        store.write_sync(_add, both, outbound(1), outbound(3))
        case = member_scope(1).case
        found = store.read_sync(lambda uow: uow.outbound.of_case(case))
        assert found == [outbound(1), both]
        assert store.read_sync(lambda uow: uow.outbound.of_case(hex128(1))) == []


class TestInbound:
    @pytest.mark.parametrize("transfer", [inbound(), FULL_IN], ids=["new", "full"])
    def test_what_was_added_comes_back(
        self, store: Store, transfer: InboundTransfer
    ) -> None:
        store.write_sync(_add, transfer)
        assert store.read_sync(lambda uow: uow.inbound.get(transfer.id)) == transfer

    def test_an_absent_one_is_none_or_not_found(self, store: Store) -> None:
        assert store.read_sync(lambda uow: uow.inbound.find(transfer_id())) is None
        with pytest.raises(NotFoundError):
            store.read_sync(lambda uow: uow.inbound.get(transfer_id()))

    @pytest.mark.spec("P2")
    @pytest.mark.parametrize("sender", [WEHR, SAECKINGEN])
    def test_a_number_is_used_once_whoever_sends_it(
        self, store: Store, sender: MemberId
    ) -> None:
        store.write_sync(_add, inbound())
        with pytest.raises(ConflictError):
            store.write_sync(_add, inbound(sender=sender))

    def test_every_column_can_change_but_sender_and_offer(self, store: Store) -> None:
        before = inbound()
        store.write_sync(_add, before)
        found = store.write_sync(_replace_in, before, FULL_IN)
        assert found == replace(FULL_IN, version=2, offer=before.offer)

    @pytest.mark.spec("P2")
    def test_a_change_over_a_moved_transfer_is_refused(self, store: Store) -> None:
        before = inbound()
        store.write_sync(_add, before)
        after = before.on(InEvent.PACKET, at=NOON).after
        store.write_sync(_replace_in, before, after)
        with pytest.raises(ConflictError):
            store.write_sync(_replace_in, before, after)

    def test_transfers_are_found_by_state_oldest_first(self, store: Store) -> None:
        store.write_sync(
            _add, inbound(2), inbound(1), inbound(3, state=Inbound.DURABLE)
        )
        found = store.read_sync(lambda uow: uow.inbound.in_states({Inbound.ANNOUNCED}))
        assert found == [transfer_id(1), transfer_id(2)]

    def test_the_open_transfers_of_a_peer_are_counted(self, store: Store) -> None:
        rows = [inbound(n, state=state) for n, state in enumerate(Inbound)]
        store.write_sync(_add, *rows, inbound(99, sender=SAECKINGEN))
        assert store.read_sync(lambda uow: uow.inbound.open_from(WEHR)) == 4
        assert store.read_sync(lambda uow: uow.inbound.open_from(SAECKINGEN)) == 1


@pytest.mark.spec("SR-K1")
@pytest.mark.parametrize(
    "transfer", [FULL_OUT, replace(FULL_IN, refusal=FULL_OUT.refusal)]
)
def test_a_comment_of_a_person_is_not_readable_in_the_database(
    store: Store, engines: Engines, transfer: OutboundTransfer | InboundTransfer
) -> None:
    store.write_sync(_add, transfer)
    with engines.reader.connect() as connection:
        for table in ("outbound_transfer", "inbound_transfer"):
            rows = connection.exec_driver_sql(f"SELECT * FROM {table}").all()
            assert b"Jobcenter" not in b"".join(
                cell if isinstance(cell, bytes) else str(cell).encode()
                for row in rows
                for cell in row
            )


def test_a_comment_whose_week_key_is_erased_is_erased(
    store: Store, means: Means
) -> None:
    store.write_sync(_add, FULL_OUT)
    means.week_keys.make("2026-W08")
    del means.week_keys.keys["2026-W07"]
    found = store.read_sync(lambda uow: uow.outbound.get(FULL_OUT.id))
    assert found.refusal == Refusal("refuse", "wrong-place", None)


def test_a_comment_survives_a_later_change_untouched(store: Store) -> None:
    store.write_sync(_add, FULL_OUT)
    found = store.write_sync(_replace_out, FULL_OUT, replace(FULL_OUT, policy="auto"))
    assert found.refusal == FULL_OUT.refusal


def test_a_comment_moved_to_another_transfer_does_not_open(
    store: Store, engines: Engines
) -> None:
    store.write_sync(_add, FULL_OUT, outbound(2, refusal=Refusal("reject", "late")))
    with engines.writer.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE outbound_transfer SET refused_comment = (SELECT refused_comment"
            " FROM outbound_transfer WHERE refused_comment IS NOT NULL)"
        )
    with pytest.raises(Exception, match="does not open"):
        store.read_sync(lambda uow: uow.outbound.get(transfer_id(2)))


@pytest.mark.parametrize(
    "column",
    ["state", "why", "packet_digest", "header_hash", "offer_digest", "last_entry"],
)
def test_the_database_itself_refuses_nonsense(
    engines: Engines, store: Store, column: str
) -> None:
    store.write_sync(_add, outbound())
    value = "'nonsense'" if column in {"state", "why"} else "''"
    with (
        pytest.raises(Exception, match=rf"(?i)check.*{column}"),
        engines.writer.begin() as connection,
    ):
        connection.exec_driver_sql(f"UPDATE outbound_transfer SET {column} = {value}")


def test_a_naive_instant_is_refused(store: Store) -> None:
    with pytest.raises(UsageError):
        store.write_sync(_add, outbound(created_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    at=st.datetimes(
        timezones=st.just(UTC),
    ),
    text=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40),
    categories=st.frozensets(st.text(max_size=5).filter(lambda t: t.isprintable())),
)
def test_any_instant_and_any_text_comes_back(
    store: Store, at: datetime, text: str, categories: frozenset[str]
) -> None:
    transfer = outbound(
        created_at=at,
        facts={"held": at},
        refusal=Refusal("refuse", "code", text),
        members=(member_scope(1, categories=categories),),
    )

    def there_and_back(uow: SqlUnitOfWork) -> OutboundTransfer:
        with uow:
            uow.outbound.add(transfer)
            return uow.outbound.get(transfer.id)

    assert store.write_sync(there_and_back) == transfer
