"""Erasing groups of log entries in a real database: lawful, whole, resumable, physical."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.exc import DBAPIError

from node.casework import erasing
from node.casework.erasing import Plan, begin_all
from node.errors import ConflictError, InputError, NotFoundError
from node.exchangelog.finding import Verdict
from node.exchangelog.keeping import Basis, HoldBasis, State, rule_of
from node.exchangelog.kinds import EntryClass
from node.failpoints import Point
from node.store.register import Destroyed
from node.store.runner import Store
from node.store.work import Means
from tests.support.acts import rows, tamper, write
from tests.support.erasures import (
    DAY,
    OWN,
    BrokenError,
    FailAt,
    Keeper,
    keeper,
    number,
    plant_erased,
)
from tests.support.transfers import inbound, transfer_id

ONE, TWO = number(1), number(2)
STEPS = (
    Point.ERASE_REGISTERED,
    Point.ERASE_KEY_DESTROYED,
    Point.ERASE_TIDIED,
    Point.ERASE_BEFORE_DONE,
)


@pytest.fixture
def node(store: Store, means: Means, tmp_path: Path) -> Keeper:
    """Entries 1 to 3 and 7 to 9 about one transfer, 4 to 6 about another."""
    made = keeper(store, means, tmp_path)
    made.deny(ONE)
    made.deny(TWO)
    made.deny(ONE, 3)
    made.witness()
    return made


def states(node: Keeper) -> list[str]:
    return [row[0] for row in rows(node.store, "SELECT state FROM log_erasure")]


def count(node: Keeper, table: str) -> int:
    return int(rows(node.store, f"SELECT count(*) FROM {table}")[0][0])


def chained(node: Keeper) -> list[tuple[str, int]]:
    """Findings without the chain gap that the fixture's second run of entries makes."""
    return [found for found in node.codes() if found[0] != "chain_gap"]


@pytest.mark.spec("EL-4", "LR-41")
def test_an_erased_group_opens_no_more_and_the_log_is_verified(node: Keeper) -> None:
    (c, *_) = node.deny(number(3))
    node.witness()
    node.erase(number(3))
    report = node.report()
    assert ("erased_lawful", 10) in chained(node)
    assert report.checked.erased == 3
    assert node.store.read_sync(lambda uow: uow.log.opening(c)) is None
    assert states(node) == ["done"]
    assert count(node, "log_erasing") == 0


@pytest.mark.spec("LR-41")
def test_two_groups_that_interleave_are_erased_each_for_itself(node: Keeper) -> None:
    node.erase(TWO)
    assert ("erased_lawful", 4) in chained(node)
    assert node.report().checked.erased == 3
    node.erase(ONE)
    assert node.codes() == [("erased_lawful", 1)]
    assert node.report().verdict is Verdict.VERIFIED
    assert node.report().checked.erased == 9


@pytest.mark.spec("LR-41", "LOG-45")
def test_a_row_of_log_erased_proves_nothing(node: Keeper) -> None:
    plant_erased(node.store, 2)
    tamper(node.store, "DELETE FROM log_body WHERE idx = 2")
    assert ("erased_without_ground", 2) in node.codes()
    assert node.report().verdict is Verdict.INCOMPLETE


class TestSteps:
    def test_it_waits_for_a_witness(self, node: Keeper) -> None:
        node.order(ONE)
        (waiting,) = node.eraser.advance()
        assert waiting.state is State.INTENT
        node.publish()
        node.cosign(name=OWN)
        assert node.eraser.advance()[0].state is State.INTENT
        node.cosign()
        assert node.eraser.advance() == ()

    def test_the_duty_to_erase_does_not_wait_for_ever(self, node: Keeper) -> None:
        node.order(ONE)
        node.pass_time(timedelta(hours=23, minutes=59))
        assert node.eraser.advance()[0].state is State.INTENT
        node.pass_time(timedelta(minutes=1))
        assert node.eraser.advance() == ()

    @pytest.mark.spec("SR-K6")
    def test_the_register_names_the_key_before_it_goes(self, node: Keeper) -> None:
        tag = node.tag(ONE)
        node.order(ONE)
        node.witness()
        failing = node.with_failpoints(FailAt(Point.ERASE_REGISTERED))
        with pytest.raises(BrokenError):
            failing.eraser.advance()
        (line,) = node.means.register.replay()
        assert (line.kind, line.id) == (Destroyed.LOG_KEY, tag.hex())
        assert count(node, "log_body") == 11
        assert states(node) == ["registered"]

    @pytest.mark.parametrize("point", STEPS)
    @pytest.mark.spec("LR-38", "LR-39")
    def test_it_goes_on_after_a_failure_at_any_step(
        self, node: Keeper, point: Point
    ) -> None:
        node.order(ONE)
        node.witness()
        with pytest.raises(BrokenError):
            node.with_failpoints(FailAt(point)).eraser.advance()
        node.store.write_sync(erasing.replay, node.office)
        assert node.eraser.advance() == ()
        node.witness()
        assert states(node) == ["done"]
        assert node.report().checked.erased == 6
        assert len(list(node.means.register.replay())) == 1
        kinds = [line.type for line in node.store.read_sync(_lines) if line.type]
        assert kinds.count("log.erasure") == kinds.count("log.erased") == 1

    def test_entries_that_came_after_the_intent_are_named_too(
        self, node: Keeper
    ) -> None:
        node.order(ONE)
        node.witness()
        node.deny(ONE, 1)
        (waiting,) = node.eraser.advance()
        assert waiting.state is State.INTENT
        node.witness()
        assert node.eraser.advance() == ()
        assert node.report().checked.erased == 7
        assert "erased_without_ground" not in dict(node.codes())

    def test_an_entry_between_register_and_destruction_is_named_with_it(
        self, node: Keeper
    ) -> None:
        node.order(ONE)
        node.witness()
        with pytest.raises(BrokenError):
            node.with_failpoints(FailAt(Point.ERASE_REGISTERED)).eraser.advance()
        node.deny(ONE, 1)
        assert node.eraser.advance() == ()
        assert node.report().checked.erased == 7
        assert "erased_without_ground" not in dict(node.codes())

    def test_a_group_goes_on_after_its_erasure_under_another_key(
        self, node: Keeper
    ) -> None:
        node.erase(ONE)
        node.deny(ONE, 1)
        node.witness()
        assert node.store.write_sync(erasing.replay, node.office) == 0
        assert node.report().checked.erased == 6
        node.erase(ONE)
        assert node.report().checked.erased == 7

    def test_nothing_to_erase_is_not_found(self, node: Keeper) -> None:
        with pytest.raises(NotFoundError):
            node.order(number(99))
        node.erase(ONE)
        with pytest.raises(NotFoundError):
            node.order(ONE)

    def test_two_erasures_do_not_share_a_group(self, node: Keeper) -> None:
        node.order(ONE)
        with pytest.raises(ConflictError):
            node.order(TWO, ONE)


def _lines(uow):
    return uow.log_view.lines(0)


def hold(node: Keeper, transfer=ONE) -> bytes:
    tag, key = node.tag(transfer), node.means.randomness(16)

    def act(uow) -> None:
        entry = uow.log.append(
            erasing.EntryDraft(
                type="hold.set",
                at=node.clock.now(),
                group=f"operation:{node.clock.now():%Y-%m}",
                fields={"basis": "court", "order_ref": None, "ranges": []},
            )
        )
        uow.keeping.add_hold(key, tag, HoldBasis.COURT, entry)

    write(node.store, act)
    return key


class TestHolds:
    @pytest.mark.spec("LR-37", "LOG-35")
    def test_a_held_group_cannot_be_erased(self, node: Keeper) -> None:
        hold(node)
        with pytest.raises(InputError, match="held"):
            node.order(ONE)

    @pytest.mark.spec("LR-37")
    def test_a_hold_stops_an_erasure_that_has_begun(self, node: Keeper) -> None:
        node.order(ONE)
        node.witness()
        hold(node)
        assert node.eraser.advance()[0].state is State.INTENT
        assert not list(node.means.register.replay())

    @pytest.mark.spec("LR-37")
    def test_the_database_refuses_to_delete_what_is_held(self, node: Keeper) -> None:
        hold(node)
        plant_erased(node.store, 1)
        for statement in (
            "DELETE FROM log_body WHERE idx = 1",
            "DELETE FROM log_key WHERE key_id = :tag",
        ):
            values = {"tag": node.tag(ONE)} if ":tag" in statement else {}
            with pytest.raises(DBAPIError, match=r"held|used"):
                tamper(node.store, statement, **values)

    @pytest.mark.spec("LR-37")
    @pytest.mark.parametrize(
        ("statement", "word"),
        [
            ("DELETE FROM log_hold", "kept"),
            ("UPDATE log_hold SET basis = 'claim'", "fixed"),
            ("UPDATE log_hold SET key_id = id", "fixed"),
            ("DELETE FROM log_erasure", "kept|FOREIGN|foreign"),
            ("UPDATE log_erasure SET basis = 'order'", "done|fixed"),
            ("UPDATE log_erasure SET state = 'intent', done = NULL", "done"),
        ],
    )
    def test_holds_and_erasures_only_move_on(
        self, node: Keeper, statement: str, word: str
    ) -> None:
        hold(node)
        node.erase(TWO)
        with pytest.raises(DBAPIError, match=word):
            tamper(node.store, statement)

    @pytest.mark.spec("LR-37")
    def test_a_released_hold_is_not_opened_again(self, node: Keeper) -> None:
        key = hold(node)
        write(node.store, lambda uow: uow.keeping.release(key, bytes(32)))
        with pytest.raises(ConflictError):
            write(node.store, lambda uow: uow.keeping.release(key, bytes(32)))
        with pytest.raises(DBAPIError, match="released"):
            tamper(node.store, "UPDATE log_hold SET released_entry = NULL")


class TestRetention:
    @pytest.mark.spec("LR-41")
    def test_a_transfer_is_erased_after_three_full_years(self, node: Keeper) -> None:
        node.clock.at = node.clock.at.replace(year=2029, month=12, day=31, hour=22)
        node.witness()
        node.eraser()
        assert states(node) == []
        node.pass_time(timedelta(hours=3))
        node.cosign()
        node.eraser()
        node.witness()
        node.eraser()
        node.witness()
        assert states(node) == ["done"]
        assert node.codes() == [("erased_lawful", 1)]
        assert rows(node.store, "SELECT basis, order_ref FROM log_erasure") == [
            ("retention", rule_of(EntryClass.TRANSFER))
        ]

    @pytest.mark.spec("SR-K7", "LOG-34")
    @pytest.mark.parametrize(
        ("drift", "age"),
        [
            (timedelta(minutes=6), timedelta()),
            (-timedelta(minutes=6), timedelta()),
            (timedelta(), timedelta(hours=25)),
            (timedelta(), None),
        ],
    )
    def test_nothing_is_erased_by_date_on_an_unconfirmed_clock(
        self, node: Keeper, drift: timedelta, age: timedelta | None
    ) -> None:
        node.pass_time(1500 * DAY)
        if age is not None:
            node.publish()
            node.cosign(drift)
            node.pass_time(age)
        assert node.eraser.retain() is None
        assert states(node) == []

    @pytest.mark.spec("SR-K7")
    def test_the_own_cosignature_confirms_no_clock(self, node: Keeper) -> None:
        node.pass_time(1500 * DAY)
        node.publish()
        node.cosign(name=OWN)
        assert node.eraser.retain() is None

    def test_each_class_has_its_own_time(self, node: Keeper) -> None:
        node.view()
        node.witness()
        node.pass_time(731 * DAY)
        node.view()
        node.witness()
        assert node.eraser.retain() == 1
        assert rows(node.store, "SELECT order_ref FROM log_erasure") == [
            (rule_of(EntryClass.AUDIT),)
        ]

    def test_a_transfer_under_way_stays_beyond_its_time(self, node: Keeper) -> None:
        write(node.store, lambda uow: uow.inbound.add(inbound(1)))
        assert transfer_id(1) == ONE
        node.pass_time(1500 * DAY)
        node.witness()
        assert node.eraser.retain() == 1
        node.witness()
        node.eraser.advance()
        assert node.report().checked.erased == 3

    def test_what_is_held_stays_beyond_its_time(self, node: Keeper) -> None:
        hold(node)
        node.pass_time(1500 * DAY)
        node.witness()
        assert node.eraser.retain() == 1
        node.witness()
        node.eraser.advance()
        assert node.report().checked.erased == 3

    @pytest.mark.spec("LR-41", "LOG-31")
    def test_an_erasure_by_date_before_its_time_is_not_lawful(
        self, node: Keeper
    ) -> None:
        node.pass_time(200 * DAY)
        node.witness()
        tags = (node.tag(TWO),)
        for reference in (rule_of(EntryClass.TRANSFER), None):
            plan = Plan(Basis.RETENTION, reference, tags)
            if reference:
                node.store.write_sync(begin_all, node.office, plan)
        node.witness()
        node.eraser.advance()
        assert ("erased_without_ground", 4) in node.codes()


class TestReplay:
    @pytest.mark.spec("SR-K6", "EL-4", "LOG-36")
    def test_what_a_restore_brought_back_is_destroyed_before_the_node_opens(
        self, node: Keeper
    ) -> None:
        """As if the database were yesterday's: the line is there, the erasure is not."""
        tag = node.tag(ONE)
        _line_of(node, tag)
        assert node.store.write_sync(erasing.replay, node.office) == 1
        assert not rows(node.store, "SELECT 1 FROM log_key WHERE key_id = :t", t=tag)
        assert states(node) == ["replayed"]
        size = count(node, "log_leaf")
        assert size == 10
        assert ("erased_without_ground", 1) in node.codes()
        assert node.eraser.advance() == ()
        node.witness()
        assert states(node) == ["done"]
        assert "erased_without_ground" not in dict(node.codes())
        assert node.store.write_sync(erasing.replay, node.office) == 0

    @pytest.mark.spec("SR-K6")
    def test_a_hold_that_came_back_with_it_does_not_keep_it(self, node: Keeper) -> None:
        hold(node)
        _line_of(node, node.tag(ONE))
        assert node.store.write_sync(erasing.replay, node.office) == 1
        assert node.eraser.advance() == ()
        assert node.report().checked.erased == 6

    def test_another_key_of_the_same_group_stays(self, node: Keeper) -> None:
        node.erase(ONE)
        node.deny(ONE)
        assert node.store.write_sync(erasing.replay, node.office) == 0


def _line_of(node: Keeper, tag: bytes) -> None:
    """The register's line of a group that was destroyed after the backup."""
    erasure = node.means.randomness(16)

    def act(uow):
        with uow:
            begun = erasing.Begun(erasure, Basis.ORDER, "AZ", bytes(32))
            uow.keeping.begin(begun, [(tag, 0)])
            uow.keeping.register(erasure)

    node.store.write_sync(act)
