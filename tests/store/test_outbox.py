"""Chains, outbox, inbox, leases: order, once only, nothing lost."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from node.errors import ConflictError
from node.ids import MemberId
from node.store.engine import Engines
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.sync.chain import Position
from node.sync.limits import PUT_BYTES
from node.sync.ports import UnitOfWork
from node.sync.rows import Due, StatementRow, TakenRow
from tests.support.transfers import (
    NOON,
    SAECKINGEN,
    WEHR,
    message_id,
    outbound,
    packet,
    position,
    statement,
    transfer_id,
)

HUGE = 2**53 - 1


def _do(store: Store, *acts: Callable[[SqlUnitOfWork], object]) -> list[object]:
    """All acts in one unit of work."""

    def unit(uow: SqlUnitOfWork) -> list[object]:
        with uow:
            results = [act(uow) for act in acts]
            uow.commit()
        return results

    return store.write_sync(unit)


def _say(store: Store, *rows: StatementRow) -> None:
    _do(store, *(lambda uow, row=row: uow.outbox.add_statement(row) for row in rows))


def _waiting(store: Store, peer: MemberId = SAECKINGEN) -> list[tuple[int, int]]:
    rows = store.read_sync(lambda uow: uow.outbox.statements(peer, 100))
    return [(row.inc, row.seq) for row in rows]


class TestChains:
    def test_a_pair_that_never_spoke_has_no_position(self, store: Store) -> None:
        ends = [
            lambda uow: uow.chains.last_out(WEHR),
            lambda uow: uow.chains.last_in(WEHR),
        ]
        assert _do(store, *ends) == [None, None]
        assert [store.read_sync(end) for end in ends] == [None, None]

    def test_both_ends_of_a_pair_move_apart(self, store: Store) -> None:
        _do(
            store,
            lambda uow: uow.chains.advance_out(WEHR, position(1)),
            lambda uow: uow.chains.advance_in(WEHR, position(7, inc=2)),
            lambda uow: uow.chains.advance_out(WEHR, position(2)),
        )
        assert store.read_sync(lambda uow: uow.chains.last_out(WEHR)) == position(2)
        assert store.read_sync(lambda uow: uow.chains.last_in(WEHR)) == position(
            7, inc=2
        )
        assert store.read_sync(lambda uow: uow.chains.last_out(SAECKINGEN)) is None

    @pytest.mark.spec("P13", "HO-43")
    @pytest.mark.parametrize(
        "back", [position(5, inc=2), position(4, inc=2), position(9, inc=1)]
    )
    def test_no_chain_goes_back(self, store: Store, back: Position) -> None:
        _do(store, lambda uow: uow.chains.advance_out(WEHR, position(5, inc=2)))
        _do(store, lambda uow: uow.chains.advance_in(WEHR, position(5, inc=2)))
        for advance in ("advance_out", "advance_in"):
            with pytest.raises(ConflictError):
                _do(store, lambda uow, a=advance: getattr(uow.chains, a)(WEHR, back))

    def test_a_new_incarnation_starts_afresh(self, store: Store) -> None:
        _do(store, lambda uow: uow.chains.advance_in(WEHR, position(5)))
        _do(store, lambda uow: uow.chains.advance_in(WEHR, position(1, inc=2)))
        assert store.read_sync(lambda uow: uow.chains.last_in(WEHR)) == position(
            1, inc=2
        )

    def test_a_peer_may_name_the_largest_number(self, store: Store) -> None:
        _do(store, lambda uow: uow.chains.advance_in(WEHR, position(HUGE, inc=HUGE)))
        last = store.read_sync(lambda uow: uow.chains.last_in(WEHR))
        assert last == position(HUGE, inc=HUGE)

    @pytest.mark.spec("P13")
    def test_the_first_proof_of_two_histories_is_kept(
        self, store: Store, engines: Engines
    ) -> None:
        _do(store, lambda uow: uow.chains.advance_out(WEHR, position(1)))
        for proof in ("first", "second"):
            _do(store, lambda uow, p=proof: uow.chains.quarantine(WEHR, "fork", p))
        assert store.read_sync(lambda uow: uow.chains.quarantined(WEHR))
        assert store.read_sync(lambda uow: uow.chains.last_out(WEHR)) == position(1)
        with engines.reader.connect() as connection:
            rows = connection.exec_driver_sql(
                "SELECT quarantine_proof FROM chain"
            ).all()
        assert rows == [("first",)]

    def test_only_the_pair_is_in_quarantine(self, store: Store) -> None:
        _do(store, lambda uow: uow.chains.quarantine(WEHR, "fork", "proof"))
        assert not store.read_sync(lambda uow: uow.chains.quarantined(SAECKINGEN))

    @pytest.mark.spec("HO-25")
    def test_the_incarnation_rises_with_recovery(self, store: Store) -> None:
        assert store.read_sync(lambda uow: uow.chains.incarnation()) == 1
        _do(store, lambda uow: uow.upkeep.raise_incarnation())
        assert store.read_sync(lambda uow: uow.chains.incarnation()) == 2


class TestStatements:
    def test_they_wait_in_chain_order_whatever_the_order_of_insertion(
        self, store: Store
    ) -> None:
        _say(store, statement(2), statement(1, inc=2, jti=message_id(9)), statement(1))
        assert _waiting(store) == [(1, 1), (1, 2), (2, 1)]

    def test_what_was_said_comes_back_as_it_was(self, store: Store) -> None:
        bare = replace(statement(2), entry=None, cp_size=HUGE, seq=HUGE)
        full = statement(1, transfer=transfer_id(), cp_size=4)
        _say(store, full, bare)
        assert store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 9)) == [
            full,
            bare,
        ]

    def test_no_more_than_asked_for(self, store: Store) -> None:
        _say(store, *(statement(n) for n in range(1, 6)))
        rows = store.read_sync(lambda uow: uow.outbox.statements(SAECKINGEN, 2))
        assert [row.seq for row in rows] == [1, 2]

    @pytest.mark.spec("P2", "HO-43")
    @pytest.mark.parametrize(
        "second", [statement(1, jti=message_id(2)), statement(2, jti=message_id(1))]
    )
    def test_a_place_and_a_number_are_used_once(
        self, store: Store, second: StatementRow
    ) -> None:
        _say(store, statement(1))
        with pytest.raises(ConflictError):
            _say(store, second)
        _say(store, replace(second, peer=WEHR))

    @pytest.mark.spec("HO-47")
    def test_an_acknowledged_one_leaves_the_queue_and_is_kept(
        self, store: Store
    ) -> None:
        _say(store, *(statement(n) for n in (1, 2, 3)))
        ids = (message_id(1), message_id(3), message_id(77))
        _do(store, lambda uow: uow.outbox.acknowledge(SAECKINGEN, ids, NOON))
        assert _waiting(store) == [(1, 2)]
        find = lambda uow: uow.outbox.statement(SAECKINGEN, message_id(3))  # noqa: E731
        assert store.read_sync(find) == statement(3)

    def test_acknowledging_nothing_changes_nothing(self, store: Store) -> None:
        _say(store, statement(1))
        _do(store, lambda uow: uow.outbox.acknowledge(SAECKINGEN, (), NOON))
        assert _waiting(store) == [(1, 1)]

    def test_a_peer_cannot_acknowledge_what_another_was_told(
        self, store: Store
    ) -> None:
        _say(store, statement(1))
        _do(
            store,
            lambda uow: uow.outbox.acknowledge(WEHR, [message_id(1)], NOON),
            lambda uow: uow.outbox.acknowledge_through(WEHR, 1, 5, NOON),
        )
        assert _waiting(store) == [(1, 1)]

    @pytest.mark.spec("HO-47")
    @pytest.mark.parametrize(
        ("inc", "seq", "left"),
        [
            (0, 9, [(1, 1), (1, 2), (2, 1), (2, 2)]),
            (1, 1, [(1, 2), (2, 1), (2, 2)]),
            (1, 9, [(2, 1), (2, 2)]),
            (2, 1, [(2, 2)]),
            (3, 0, []),
        ],
    )
    def test_got_acknowledges_a_prefix(
        self, store: Store, inc: int, seq: int, left: list[tuple[int, int]]
    ) -> None:
        places = [(1, 1), (1, 2), (2, 1), (2, 2)]
        _say(
            store,
            *(
                statement(seq, inc=inc, jti=message_id(10 * inc + seq))
                for inc, seq in places
            ),
        )
        _do(
            store,
            lambda uow: uow.outbox.acknowledge_through(SAECKINGEN, inc, seq, NOON),
        )
        assert _waiting(store) == left

    def test_those_of_a_transfer_are_found_in_chain_order(self, store: Store) -> None:
        rows = [statement(n, transfer=transfer_id(n % 2)) for n in (4, 2, 1)]
        _say(store, *rows)
        _do(store, lambda uow: uow.outbox.acknowledge_through(SAECKINGEN, 1, 2, NOON))
        found = store.read_sync(lambda uow: uow.outbox.of_transfer(transfer_id(0)))
        assert [row.seq for row in found] == [2, 4]

    def test_an_unknown_one_is_none(self, store: Store) -> None:
        find = lambda uow: uow.outbox.statement(SAECKINGEN, message_id(3))  # noqa: E731
        assert store.read_sync(find) is None


class TestPackets:
    @pytest.fixture(autouse=True)
    def _transfers(self, store: Store) -> None:
        add = [lambda uow, n=n: uow.outbound.add(outbound(n)) for n in range(1, 5)]
        _do(store, *add)

    def _offer(self, store: Store, number: int) -> None:
        _say(store, statement(number, type="offer", transfer=transfer_id(number)))

    @pytest.mark.spec("HO-46")
    def test_one_waits_for_its_offer_to_be_taken(self, store: Store) -> None:
        self._offer(store, 1)
        _do(store, lambda uow: uow.outbox.add_packet(packet(1)))
        packets = lambda uow: uow.outbox.packets(SAECKINGEN, 9)  # noqa: E731
        assert store.read_sync(packets) == []
        _do(store, lambda uow: uow.outbox.acknowledge_through(SAECKINGEN, 1, 1, NOON))
        assert store.read_sync(packets) == [packet(1)]
        assert store.read_sync(lambda uow: uow.outbox.packets(WEHR, 9)) == []

    def test_no_other_statement_about_the_transfer_stands_for_the_offer(
        self, store: Store
    ) -> None:
        _say(store, statement(1, type="recall", transfer=transfer_id(1)))
        _do(
            store,
            lambda uow: uow.outbox.add_packet(packet(1)),
            lambda uow: uow.outbox.acknowledge_through(SAECKINGEN, 1, 1, NOON),
        )
        assert store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 9)) == []

    @pytest.mark.spec("HO-81")
    def test_small_ones_go_first_and_older_ones_before_younger(
        self, store: Store
    ) -> None:
        large = PUT_BYTES + 1
        rows = [
            packet(1, length=large),
            packet(2, length=PUT_BYTES),
            packet(3),
            packet(4),
        ]
        for number in range(1, 5):
            self._offer(store, number)
        _do(
            store,
            *(lambda uow, row=row: uow.outbox.add_packet(row) for row in rows),
            lambda uow: uow.outbox.acknowledge_through(SAECKINGEN, 1, 9, NOON),
        )
        found = store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 3))
        assert [int(row.transfer, 16) for row in found] == [2, 3, 4]
        found = store.read_sync(lambda uow: uow.outbox.packets(SAECKINGEN, 9))
        assert int(found[-1].transfer, 16) == 1

    def test_one_is_queued_once_and_dropped_once(self, store: Store) -> None:
        self._offer(store, 1)
        _do(
            store,
            lambda uow: uow.outbox.add_packet(packet(1)),
            lambda uow: uow.outbox.add_packet(packet(1)),
            lambda uow: uow.outbox.acknowledge_through(SAECKINGEN, 1, 1, NOON),
        )
        packets = lambda uow: len(uow.outbox.packets(SAECKINGEN, 9))  # noqa: E731
        drop = lambda uow: uow.outbox.drop_packet(transfer_id(1))  # noqa: E731
        assert store.read_sync(packets) == 1
        _do(store, drop, drop)
        assert store.read_sync(packets) == 0
        _do(store, lambda uow: uow.outbox.add_packet(packet(1)))
        assert store.read_sync(packets) == 1


class TestQueues:
    def test_peers_with_something_waiting_are_named_once(self, store: Store) -> None:
        _do(store, lambda uow: uow.outbound.add(outbound(1)))
        waiting = lambda uow: uow.outbox.waiting_peers()  # noqa: E731
        assert store.read_sync(waiting) == []
        _say(store, statement(1), statement(2))
        _do(store, lambda uow: uow.outbox.add_packet(packet(1, peer=WEHR)))
        assert store.read_sync(waiting) == sorted([SAECKINGEN, WEHR])
        _do(store, lambda uow: uow.outbox.acknowledge_through(SAECKINGEN, 1, 9, NOON))
        assert store.read_sync(waiting) == [WEHR]

    def test_a_new_queue_has_never_failed(self, store: Store) -> None:
        due = store.read_sync(lambda uow: uow.outbox.due(WEHR))
        assert due == Due(WEHR, 0, None, None, None, None)

    def test_failures_are_counted_from_the_first_and_end_with_a_success(
        self, store: Store
    ) -> None:
        later = NOON + timedelta(minutes=1)
        for at in (NOON, later):
            _do(
                store,
                lambda uow, at=at: uow.outbox.failed(
                    WEHR, at=at, next_at=at + timedelta(hours=1), code="unreachable"
                ),
            )
        assert store.read_sync(lambda uow: uow.outbox.due(WEHR)) == Due(
            peer=WEHR,
            failures=2,
            next_attempt_at=later + timedelta(hours=1),
            failing_since=NOON,
            last_success_at=None,
            code="unreachable",
        )
        _do(store, lambda uow: uow.outbox.succeeded(WEHR, later))
        due = store.read_sync(lambda uow: uow.outbox.due(WEHR))
        assert due == Due(WEHR, 0, None, None, later, None)
        _do(
            store,
            lambda uow: uow.outbox.failed(WEHR, at=later, next_at=later, code="busy"),
        )
        due = store.read_sync(lambda uow: uow.outbox.due(WEHR))
        assert due == Due(WEHR, 1, later, later, later, "busy")


class TestInbox:
    def _take(
        self, store: Store, jti: int = 1, seq: int = 1, **changes: object
    ) -> None:
        columns = {
            "position": position(seq),
            "type": "offer",
            "jws": f"jws-{seq}",
            "result": "taken",
            "transfer": transfer_id(1),
            "at": NOON,
        } | changes
        issuer = columns.pop("issuer", WEHR)
        _do(store, lambda uow: uow.inbox.add(issuer, message_id(jti), **columns))

    @pytest.mark.spec("HO-20")
    def test_the_stored_result_is_found_again(self, store: Store) -> None:
        self._take(store, result="refused")
        row = store.read_sync(lambda uow: uow.inbox.find(WEHR, message_id(1)))
        assert row == TakenRow(message_id(1), position(1).digest, "refused")

    def test_it_is_found_for_its_issuer_only(self, store: Store) -> None:
        self._take(store)
        for issuer, jti in ((SAECKINGEN, 1), (WEHR, 2)):
            find = lambda uow, i=issuer, j=jti: uow.inbox.find(i, message_id(j))  # noqa: E731
            assert store.read_sync(find) is None

    @pytest.mark.spec("P2", "HO-44")
    @pytest.mark.parametrize(("jti", "seq"), [(1, 2), (2, 1)])
    def test_a_number_and_a_place_are_taken_once(
        self, store: Store, jti: int, seq: int
    ) -> None:
        self._take(store)
        with pytest.raises(ConflictError):
            self._take(store, jti, seq)
        self._take(store, jti, seq, issuer=SAECKINGEN)

    def test_those_of_a_transfer_are_given_in_chain_order(self, store: Store) -> None:
        for seq in (3, 1, 2):
            self._take(store, seq, seq, transfer=transfer_id(1 if seq != 2 else 2))
        found = store.read_sync(lambda uow: uow.inbox.of_transfer(transfer_id(1)))
        assert found == ["jws-1", "jws-3"]


class TestLeases:
    @pytest.mark.spec("HO-80")
    def test_one_holder_at_a_time(self, store: Store) -> None:
        def take(holder: str, at_s: int, for_s: int = 30, name: str = "peer") -> object:
            at = NOON + timedelta(seconds=at_s)
            until = at + timedelta(seconds=for_s)
            return _do(
                store, lambda uow: uow.leases.take(name, holder, at=at, until=until)
            )[0]

        assert take("a", 0)
        assert not take("b", 29)
        assert take("b", 29, name="other")
        assert take("a", 29)
        assert not take("b", 58)
        assert take("b", 59)
        assert not take("a", 60)


class Model(RuleBasedStateMachine):
    """The chains and the outbox of two peers against a dictionary."""

    store: Store

    @initialize()
    def begin(self) -> None:
        def clear(uow: SqlUnitOfWork) -> None:
            with uow:
                connection = uow._work._connection
                for table in ("chain", "statement", "peer_queue"):
                    connection.exec_driver_sql(f"DELETE FROM {table}")
                uow.commit()

        self.store.write_sync(clear)
        self.said: dict[MemberId, list[StatementRow]] = {WEHR: [], SAECKINGEN: []}
        self.waiting: dict[MemberId, set[int]] = {WEHR: set(), SAECKINGEN: set()}
        self.failures = {WEHR: 0, SAECKINGEN: 0}

    peers = st.sampled_from([WEHR, SAECKINGEN])

    @rule(peer=peers, how_many=st.integers(1, 4), commits=st.booleans())
    def say(self, peer: MemberId, how_many: int, commits: bool) -> None:
        rows: list[StatementRow] = []

        def speak(uow: UnitOfWork) -> None:
            rows.clear()
            with uow:
                for _ in range(how_many):
                    last = uow.chains.last_out(peer)
                    seq = last.seq + 1 if last else 1
                    uow.chains.advance_out(peer, position(seq))
                    rows.append(statement(seq, peer=peer))
                    uow.outbox.add_statement(rows[-1])
                if commits:
                    uow.commit()

        self.store.write_sync(speak)
        if commits:
            self.said[peer] += rows
            self.waiting[peer] |= {row.seq for row in rows}

    @rule(peer=peers, seqs=st.sets(st.integers(1, 12)))
    def acknowledge(self, peer: MemberId, seqs: set[int]) -> None:
        ids = [message_id(seq) for seq in seqs]
        _do(self.store, lambda uow: uow.outbox.acknowledge(peer, ids, NOON))
        self.waiting[peer] -= seqs
        self.failures[peer] = 0
        _do(self.store, lambda uow: uow.outbox.succeeded(peer, NOON))

    @rule(peer=peers, seq=st.integers(0, 12))
    def acknowledge_through(self, peer: MemberId, seq: int) -> None:
        _do(self.store, lambda uow: uow.outbox.acknowledge_through(peer, 1, seq, NOON))
        self.waiting[peer] -= set(range(seq + 1))

    @rule(peer=peers)
    def fail(self, peer: MemberId) -> None:
        _do(
            self.store,
            lambda uow: uow.outbox.failed(peer, at=NOON, next_at=NOON, code="x"),
        )
        self.failures[peer] += 1

    @precondition(lambda self: any(self.said.values()))
    @rule(peer=peers)
    def fork(self, peer: MemberId) -> None:
        if self.said[peer]:
            with pytest.raises(ConflictError):
                _do(self.store, lambda uow: uow.chains.advance_out(peer, position(1)))

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "said"):
            return

        def look(uow: SqlUnitOfWork) -> None:
            busy = {peer for peer, left in self.waiting.items() if left}
            assert set(uow.outbox.waiting_peers()) == busy
            for peer, rows in self.said.items():
                last = uow.chains.last_out(peer)
                assert (last.seq if last else 0) == len(rows)
                left = [row for row in rows if row.seq in self.waiting[peer]]
                assert uow.outbox.statements(peer, 100) == left
                assert uow.outbox.due(peer).failures == self.failures[peer]

        self.store.read_sync(look)


@pytest.mark.spec("HO-43", "HO-47")
def test_chains_and_outbox_behave_like_a_dictionary(store: Store) -> None:
    Model.store = store
    run_state_machine_as_test(
        Model,
        settings=settings(
            max_examples=12,
            stateful_step_count=12,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
