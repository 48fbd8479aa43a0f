"""Our own log: appended with its effect, sequenced by the commit, provable for ever."""

import hashlib
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    cosign,
    sign_checkpoint,
    verify_cosignature,
)
from node.crypto.commit import (
    GroupKey,
    blind_actor,
    blind_consent,
    check_opening,
    leaf_input,
)
from node.crypto.keys import SigningKey
from node.crypto.merkle import (
    EMPTY_ROOT,
    Frontier,
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from node.errors import (
    ConflictError,
    ErasedError,
    LogError,
    NotFoundError,
    SealError,
    UsageError,
)
from node.exchangelog.entry import parse_entry
from node.ids import TransferId
from node.store.groupkeys import group_key_place
from node.store.logtables import log_head
from node.store.logtree import WIDTH, LogTree
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.weekkeys import unwrap
from node.store.work import Means
from node.sync.rows import EntryDraft
from tests.support.acts import rows, tamper, write
from tests.support.build import ANNA, AT, BERND
from tests.support.erasures import plant_erased
from tests.support.people import case_id

TRANSFER = TransferId("ab" * 16)
ORIGIN = "wehr.example/log/1"
PEER_ORIGIN = "bad-saeckingen.example/log/1"
WITNESS = SigningKey.from_seed(b"\x41" * 32)
WITNESS_NAME = "bad-saeckingen.example/witness/1"


def draft(number: int = 1, at: datetime = AT) -> EntryDraft:
    """A short entry without a person."""
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    return EntryDraft(
        type="peer.changed",
        at=at,
        group="operation:2026-02",
        fields={"target": f"peer-{number}", "digest": digest},
    )


def granted(group: str = f"transfer:{TRANSFER}") -> EntryDraft:
    """An entry of a transfer, by one person and a second one."""
    return EntryDraft(
        type="transfer.denied",
        at=AT,
        group=group,
        fields={
            "transfer": TRANSFER,
            "attempt": 1,
            "peer": "08337096-stadt-bad-saeckingen",
            "epoch": 1,
            "packet": None,
            "statement": None,
            "peer_cp": None,
            "outcome": "withdrawn",
        },
        role="caseworker",
        actor=ANNA,
        second=BERND,
        prev=b"\x09" * 32,
    )


def append(store: Store, *drafts: EntryDraft) -> list[bytes]:
    return write(store, lambda uow: [uow.log.append(item) for item in drafts])


def many(store: Store, count: int) -> None:
    append(store, *(draft(n) for n in range(count)))


def inputs(store: Store) -> list[bytes]:
    return [
        bytes(row[0]) for row in rows(store, "SELECT input FROM log_leaf ORDER BY idx")
    ]


def memory_tree(store: Store) -> MemoryTree:
    return MemoryTree([leaf_hash(item) for item in inputs(store)])


def counts(store: Store) -> tuple[int, int, int]:
    (size,) = rows(store, "SELECT size FROM log_head")
    ((leaves,),) = rows(store, "SELECT count(*) FROM log_leaf")
    ((bodies,),) = rows(store, "SELECT count(*) FROM log_body")
    return int(size[0]), int(leaves), int(bodies)


@pytest.fixture(autouse=True)
def begun(store: Store) -> None:
    write(store, lambda uow: uow.start_log(AT))


def test_a_log_begins_with_its_own_opening(store: Store) -> None:
    assert counts(store) == (1, 1, 1)
    (leaf,) = inputs(store)
    shown = store.read_sync(lambda uow: uow.log.opening(leaf[1:]))
    assert shown is not None
    entry = parse_entry(check_opening(leaf[1:], shown))
    assert (entry.type, entry.log, entry.at) == ("log.opened", ORIGIN, AT)
    key = NoteKey(ORIGIN, SigningKey.from_seed(b"\x13" * 32).public, ED25519)
    assert entry.more == {"vkey": str(key), "continues": None, "inc": 1}


def test_a_log_begins_once(store: Store) -> None:
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.start_log(AT))
    assert counts(store) == (1, 1, 1)


def test_a_log_of_another_name_takes_no_entry(store: Store) -> None:
    tamper(store, "UPDATE log_head SET origin = 'other.example/log/1'")
    with pytest.raises(LogError, match="never begun"):
        append(store, draft())


@pytest.mark.spec("LR-4", "LR-7")
def test_a_commitment_is_known_at_once_and_found_after_the_commit(
    store: Store,
) -> None:
    def act(uow: SqlUnitOfWork) -> tuple[bytes, int | None]:
        c = uow.log.append(draft())
        return c, uow.log.index_of(c)

    c, before = write(store, act)
    assert (len(c), before) == (32, None)
    assert store.read_sync(lambda uow: uow.log.index_of(c)) == 1
    assert store.read_sync(lambda uow: uow.log.index_of(bytes(32))) is None


@pytest.mark.spec("LR-7", "EL-13")
def test_entries_of_one_unit_stand_in_the_order_they_were_appended(
    store: Store,
) -> None:
    found = append(store, draft(1), draft(2), draft(3))
    assert inputs(store)[1:] == [leaf_input(c) for c in found]


@pytest.mark.spec("LR-7", "I5", "LR-6")
def test_a_unit_that_is_undone_leaves_no_entry_and_no_gap(store: Store) -> None:
    def undone(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.log.append(draft(1))
            raise ConflictError("somebody else")

    def never_committed(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.log.append(draft(2))

    with pytest.raises(ConflictError):
        store.write_sync(undone)
    store.write_sync(never_committed)
    (c,) = append(store, draft(3))
    assert store.read_sync(lambda uow: uow.log.index_of(c)) == 1
    assert counts(store) == (2, 2, 2)
    indexes = [row[0] for row in rows(store, "SELECT idx FROM log_leaf ORDER BY idx")]
    assert indexes == [0, 1]


@pytest.mark.spec("LR-7")
async def test_a_poison_unit_between_others_leaves_no_gap(store: Store) -> None:
    import asyncio

    def good(uow: SqlUnitOfWork, number: int) -> bytes:
        with uow:
            c = uow.log.append(draft(number))
            uow.commit()
            return c

    def poison(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.log.append(draft(99))
            uow.tasks.add("a", at=AT)
            raise ConflictError("poison")

    results = await asyncio.gather(
        *(store.write(good, n) for n in range(10)),
        store.write(poison),
        *(store.write(good, n) for n in range(10, 20)),
        return_exceptions=True,
    )
    assert [r for r in results if isinstance(r, ConflictError)] == [results[10]]
    assert counts(store) == (21, 21, 21)
    kept = {leaf_input(r) for r in results if isinstance(r, bytes)}
    assert set(inputs(store)[1:]) == kept


@pytest.mark.spec("LR-7")
def test_units_at_once_take_places_side_by_side(store: Store) -> None:
    def worker(start: int) -> None:
        for n in range(start, start + 10):
            append(store, draft(n), granted())

    threads = [threading.Thread(target=worker, args=(n,)) for n in (0, 100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(store) == (81, 81, 81)
    tree = memory_tree(store)
    ((frontier,),) = rows(store, "SELECT frontier FROM log_head")
    found = store.read_sync(lambda uow: uow.log.contains(81, root_of(81, tree)))
    assert found
    assert len(frontier) == 8 + 32 * (81).bit_count()


@pytest.mark.spec("LR-33")
def test_an_entry_that_breaks_its_rules_stops_its_effect(store: Store) -> None:
    bad = [
        EntryDraft("no.such", AT, "operation:2026-02", {}),
        EntryDraft("peer.changed", AT, "operation:2026-02", {"target": "x"}),
        EntryDraft("peer.changed", AT, "somebody", dict(draft().fields)),
        EntryDraft(
            "peer.changed",
            AT,
            "operation:2026-02",
            {"target": "Frau Beispiel", "digest": "00" * 32},
        ),
    ]
    for item in bad:

        def act(uow: SqlUnitOfWork, item: EntryDraft = item) -> None:
            uow.tasks.add("a", at=AT)
            uow.log.append(item)

        with pytest.raises(UsageError):
            write(store, act)
    assert counts(store) == (1, 1, 1)
    assert rows(store, "SELECT count(*) FROM task") == [(0,)]


class TestOpenings:
    def test_an_opening_shows_the_entry_as_it_was_committed(self, store: Store) -> None:
        (c,) = append(store, granted())
        shown = store.read_sync(lambda uow: uow.log.opening(c))
        assert shown is not None
        entry = parse_entry(check_opening(c, shown))
        assert entry.more["transfer"] == TRANSFER
        assert (entry.role, entry.prev) == ("caseworker", "09" * 32)

    @pytest.mark.spec("LR-2")
    def test_persons_are_blinded_and_two_entries_of_one_person_differ(
        self, store: Store
    ) -> None:
        both = append(store, granted(), granted())
        shown = [store.read_sync(lambda uow, c=c: uow.log.opening(c)) for c in both]
        entries = [
            parse_entry(check_opening(c, o))
            for c, o in zip(both, shown, strict=True)
            if o is not None
        ]
        assert ANNA not in repr(shown)
        assert len({e.actor for e in entries} | {e.second for e in entries}) == 4
        key = self.key_of(store, both[0])
        for entry in entries:
            raw = bytes.fromhex(entry.id)
            assert entry.actor == blind_actor(key, raw, "actor", ANNA).hex()
            assert entry.second == blind_actor(key, raw, "second", BERND).hex()

    def key_of(self, store: Store, c: bytes) -> GroupKey:
        ((tag, wrapped),) = rows(
            store,
            """SELECT log_key.key_id, wrapped FROM log_key
            JOIN log_body ON log_body.key_id = log_key.key_id
            JOIN log_leaf ON log_leaf.idx = log_body.idx WHERE input = :input""",
            input=leaf_input(c),
        )
        place = group_key_place(tag)
        return store.read_sync(lambda uow: GroupKey(unwrap(uow._work, wrapped, place)))

    @pytest.mark.spec("EL-3", "LR-1")
    def test_equal_events_leave_unequal_leaves_and_no_word_in_any_table(
        self, store: Store
    ) -> None:
        one, two = append(store, granted(), granted())
        assert one != two
        tables = ("log_head", "log_leaf", "log_body", "log_key", "log_tile")
        found = repr([rows(store, f"SELECT * FROM {name}") for name in tables])
        for word in ("denied", "saeckingen", TRANSFER, ANNA, "2026-02", "caseworker"):
            assert word not in found

    def test_an_unknown_commitment_is_not_found(self, store: Store) -> None:
        with pytest.raises(NotFoundError):
            store.read_sync(lambda uow: uow.log.opening(bytes(32)))

    @pytest.mark.spec("EL-4", "LR-37")
    def test_an_erased_entry_has_no_opening_and_keeps_its_leaf(
        self, store: Store
    ) -> None:
        (c,) = append(store, granted())
        index = store.read_sync(lambda uow: uow.log.index_of(c))
        assert index is not None
        plant_erased(store, index)
        ((tag,),) = rows(store, "SELECT key_id FROM log_body WHERE idx = :i", i=index)
        tamper(store, "DELETE FROM log_body WHERE idx = :idx", idx=index)
        tamper(store, "DELETE FROM log_key WHERE key_id = :tag", tag=tag)
        assert store.read_sync(lambda uow: uow.log.opening(c)) is None
        assert store.read_sync(lambda uow: uow.log.index_of(c)) == index

    @pytest.mark.spec("LR-3")
    def test_the_entries_of_a_group_share_a_key_and_groups_do_not(
        self, store: Store
    ) -> None:
        append(store, granted(), draft(), granted(), draft())
        append(store, granted(), granted(f"transfer:{'cd' * 16}"))
        found = rows(store, "SELECT key_id FROM log_body ORDER BY idx")
        tags = [row[0] for row in found[1:]]
        assert tags[0] == tags[2] == tags[4]
        assert tags[1] == tags[3]
        assert len(set(tags)) == 3

    @pytest.mark.spec("SR-K5", "LR-3")
    def test_group_keys_move_to_the_new_week(self, store: Store, means: Means) -> None:
        (c,) = append(store, granted())
        means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
        stale = store.read_sync(lambda uow: uow.upkeep.stale())
        assert {value.table for value in stale} == {"log_key"}
        write(store, lambda uow: uow.upkeep.rewrap(stale))
        del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
        assert store.read_sync(lambda uow: uow.log.opening(c)) is not None

    def test_a_group_whose_week_key_is_gone_says_so(
        self, store: Store, means: Means
    ) -> None:
        (c,) = append(store, granted())
        means.week_keys.make("2026-W08")  # type: ignore[attr-defined]
        del means.week_keys.keys["2026-W07"]  # type: ignore[attr-defined]
        with pytest.raises(ErasedError):
            store.read_sync(lambda uow: uow.log.opening(c))

    @pytest.mark.parametrize("column", ["sealed", "event_id"])
    def test_a_body_in_the_row_of_another_does_not_open(
        self, store: Store, dialect: str, column: str
    ) -> None:
        one, _ = append(store, granted(), granted())
        on = " ON log_body" if dialect == "postgresql" else ""
        tamper(store, f"DROP TRIGGER log_body_no_update{on}")
        if column == "event_id":
            tamper(
                store,
                "UPDATE log_body SET event_id = :new WHERE idx = 1",
                new=bytes(16),
            )
        else:
            tamper(
                store,
                """UPDATE log_body SET sealed =
                (SELECT sealed FROM log_body WHERE idx = 2) WHERE idx = 1""",
            )
        with pytest.raises(SealError):
            store.read_sync(lambda uow: uow.log.opening(one))

    def test_a_consent_is_blinded_under_the_key_of_its_chain(
        self, store: Store
    ) -> None:
        def act(uow: SqlUnitOfWork) -> list[str]:
            cases = (case_id(1), case_id(1), case_id(2))
            return [uow.log.blind_consent(case, b"document") for case in cases]

        first, again, other = write(store, act)
        assert first == again != other
        later = write(store, lambda uow: uow.log.blind_consent(case_id(1), b"document"))
        assert later == first
        ((tag, wrapped),) = rows(
            store,
            "SELECT key_id, wrapped FROM log_key WHERE key_id = :tag",
            tag=store.read_sync(
                lambda uow: uow._log._keys.tag(f"consent:{case_id(1)}")
            ),
        )
        key = store.read_sync(
            lambda uow: GroupKey(unwrap(uow._work, wrapped, group_key_place(tag)))
        )
        assert first == blind_consent(key, b"document").hex()


class TestTree:
    SIZES = (1, 2, 3, 255, 256, 257, 511, 512, 513, 700)

    @pytest.mark.spec("EL-9")
    def test_every_proof_from_the_tables_verifies(self, store: Store) -> None:
        many(store, 699)
        tree = memory_tree(store)
        leaves = [leaf_hash(item) for item in inputs(store)]

        def proofs(uow: SqlUnitOfWork) -> None:
            reader = uow.log.tree()
            for size in self.SIZES:
                root = root_of(size, tree)
                assert uow.log.contains(size, root)
                for index in {0, size // 2, size - 1, min(255, size - 1)}:
                    proof = inclusion_proof(index, size, reader)
                    verify_inclusion(index, size, leaves[index], proof, root)
                for old in self.SIZES:
                    if old <= size:
                        path = consistency_proof(old, size, reader)
                        verify_consistency(old, size, root_of(old, tree), root, path)

        store.read_sync(proofs)

    def test_tiles_of_two_levels_carry_proofs(self, store: Store) -> None:
        count = WIDTH * WIDTH + 300
        made = [leaf_input(n.to_bytes(32, "big")) for n in range(1, count)]

        def act(uow: SqlUnitOfWork) -> None:
            tree = LogTree(uow._work)
            frontier = Frontier().append(leaf_hash(inputs(store)[0]))
            # Portions of any size, also across several tiles at once.
            for start, end in ((0, 7), (7, 1000), (1000, WIDTH * WIDTH), (65536, None)):
                frontier = tree.extend(frontier, made[start:end])
            place = {"size": frontier.size, "frontier": frontier.encode()}
            uow._work.change(update(log_head), place)

        write(store, act)
        query = "SELECT level, count(*) FROM log_tile GROUP BY level ORDER BY level"
        assert rows(store, query) == [(0, WIDTH + 1), (1, 1)]
        tree = memory_tree(store)
        root = root_of(count, tree)
        assert store.read_sync(lambda uow: uow.log.contains(count, root))

        def proofs(uow: SqlUnitOfWork) -> list[Sequence[bytes]]:
            reader = uow.log.tree()
            return [inclusion_proof(n, count, reader) for n in (70, 65_535, 65_800)]

        expected = [inclusion_proof(n, count, tree) for n in (70, 65_535, 65_800)]
        assert store.read_sync(proofs) == expected

    def test_a_root_our_log_never_had_is_denied(self, store: Store) -> None:
        many(store, 9)
        tree = memory_tree(store)

        def answers(uow: SqlUnitOfWork) -> list[bool]:
            return [
                uow.log.contains(10, root_of(10, tree)),
                uow.log.contains(0, EMPTY_ROOT),
                uow.log.contains(10, root_of(9, tree)),
                uow.log.contains(10, bytes(32)),
                uow.log.contains(11, bytes(32)),
                uow.log.contains(-1, bytes(32)),
            ]

        assert store.read_sync(answers) == [True, True, False, False, False, False]

    def test_a_proof_beyond_the_tree_is_refused(self, store: Store) -> None:
        many(store, 9)
        for index, size in ((3, 20), (3, 11), (300, 400)):
            with pytest.raises(UsageError):
                store.read_sync(
                    lambda uow, i=index, s=size: inclusion_proof(i, s, uow.log.tree())
                )

    @pytest.mark.spec("LR-12")
    def test_a_missing_tile_is_an_error_and_not_a_wrong_proof(
        self, store: Store, dialect: str
    ) -> None:
        many(store, 599)
        on = " ON log_tile" if dialect == "postgresql" else ""
        tamper(store, f"DROP TRIGGER log_tile_no_delete{on}")
        tamper(store, "DELETE FROM log_tile WHERE n = 1")
        with pytest.raises(LogError):
            store.read_sync(lambda uow: inclusion_proof(300, 600, uow.log.tree()))

    @pytest.mark.spec("LR-12")
    def test_a_missing_leaf_is_an_error_and_not_a_wrong_root(
        self, store: Store
    ) -> None:
        many(store, 9)
        tamper(store, "UPDATE log_head SET size = size + 5")
        with pytest.raises(LogError):
            store.read_sync(lambda uow: root_of(15, uow.log.tree()))

    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(
        st.lists(st.tuples(st.integers(0, 300), st.booleans()), min_size=1, max_size=6)
    )
    def test_any_run_of_commits_and_undone_units_agrees_with_a_list(
        self, store: Store, runs: list[tuple[int, bool]]
    ) -> None:
        expected = inputs(store)
        for count, is_kept in runs:

            def act(
                uow: SqlUnitOfWork, count: int = count, is_kept: bool = is_kept
            ) -> list[bytes]:
                with uow:
                    made = [uow.log.append(draft(n)) for n in range(count)]
                    if is_kept:
                        uow.commit()
                    return made

            made = store.write_sync(act)
            if is_kept:
                expected += [leaf_input(c) for c in made]
        assert inputs(store) == expected
        tree = MemoryTree([leaf_hash(item) for item in expected])
        size = len(expected)
        assert store.read_sync(lambda uow: uow.log.contains(size, root_of(size, tree)))
        full = size // WIDTH
        assert rows(store, "SELECT count(*) FROM log_tile WHERE level = 0") == [(full,)]


@pytest.mark.spec("LR-37")
class TestGuards:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE log_leaf SET idx = idx + 1000",
            "DELETE FROM log_leaf",
            "UPDATE log_tile SET n = n + 1",
            "DELETE FROM log_tile",
            "UPDATE log_checkpoint SET note = 'x'",
            "DELETE FROM log_checkpoint",
            "UPDATE log_body SET sealed = event_id",
            "DELETE FROM log_body",
            "DELETE FROM log_head",
            "UPDATE log_key SET retention = 'audit'",
            "UPDATE log_cosig SET first_line = 'x'",
            "DELETE FROM log_cosig",
            "UPDATE log_erased SET idx = 2",
            "DELETE FROM log_erased",
        ],
    )
    def test_the_tables_refuse_what_no_code_path_does(
        self, store: Store, statement: str
    ) -> None:
        self.fill(store)
        before = self.dump(store)
        with pytest.raises(DBAPIError, match="refuses"):
            tamper(store, statement)
        assert self.dump(store) == before

    def test_a_key_stays_while_a_body_needs_it(self, store: Store) -> None:
        self.fill(store)
        with pytest.raises(DBAPIError):
            tamper(store, "DELETE FROM log_key")

    @pytest.mark.parametrize(
        "dialect",
        [pytest.param("postgresql", marks=pytest.mark.postgres)],
        indirect=True,
    )
    def test_no_table_can_be_truncated(self, store: Store) -> None:
        self.fill(store)
        for table in ("log_leaf", "log_tile", "log_checkpoint", "witness_past"):
            with pytest.raises(DBAPIError, match="refuses"):
                tamper(store, f"TRUNCATE {table} CASCADE")

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO log_leaf (idx, input) VALUES (9000, :short)",
            """INSERT INTO log_head (id, origin, size, frontier, incarnation)
            VALUES (2, 'x/log/1', 0, :short, 1)""",
            "INSERT INTO log_tile (level, n, data, root) VALUES (0, 9, :short, :short)",
        ],
    )
    def test_rows_of_another_shape_are_refused(
        self, store: Store, statement: str
    ) -> None:
        with pytest.raises(DBAPIError):
            tamper(store, statement, short=b"short")

    def fill(self, store: Store) -> None:
        many(store, 300)
        head = Checkpoint(ORIGIN, 301, root_of(301, memory_tree(store)))
        note = sign_checkpoint(head, SigningKey.from_seed(b"\x13" * 32))
        line = cosign(note, WITNESS_NAME, WITNESS, 1_770_000_000)

        def act(uow: SqlUnitOfWork) -> None:
            uow.log_rows.add_checkpoint(head, note, AT)
            uow.log.add_cosignatures(301, {WITNESS_NAME: line}, AT)

        write(store, act)
        plant_erased(store, 300)

    def dump(self, store: Store) -> list[Sequence[tuple[object, ...]]]:
        tables = ("log_leaf", "log_tile", "log_checkpoint", "log_body", "log_head")
        more = ("log_key", "log_cosig", "log_erased")
        return [rows(store, f"SELECT * FROM {t} ORDER BY 1") for t in (*tables, *more)]


class TestCosignatures:
    def sign(self, store: Store, size: int) -> str:
        head = Checkpoint(ORIGIN, size, root_of(size, memory_tree(store)))
        note = sign_checkpoint(head, SigningKey.from_seed(b"\x13" * 32))
        write(store, lambda uow: uow.log_rows.add_checkpoint(head, note, AT))
        return note

    def test_before_the_first_checkpoint_there_is_no_head(self, store: Store) -> None:
        assert store.read_sync(lambda uow: uow.log.newest()) is None
        assert store.read_sync(lambda uow: uow.log.cosigned_size(WITNESS_NAME)) == 0

    def test_the_newest_head_carries_its_cosignatures(self, store: Store) -> None:
        self.sign(store, 1)
        many(store, 4)
        note = self.sign(store, 5)
        line = cosign(note, WITNESS_NAME, WITNESS, 1_770_000_000)
        write(
            store,
            lambda uow: uow.log.add_cosignatures(5, {WITNESS_NAME: line}, AT),
        )
        head = store.read_sync(lambda uow: uow.log.newest())
        assert head is not None
        assert (head.origin, head.size) == (ORIGIN, 5)
        key = NoteKey(WITNESS_NAME, WITNESS.public, COSIGNATURE)
        assert verify_cosignature(head.note, key) == 1_770_000_000
        assert store.read_sync(lambda uow: uow.log.cosigned_size(WITNESS_NAME)) == 5

    @pytest.mark.spec("LR-29")
    def test_the_first_cosignature_stays_beside_the_newest(self, store: Store) -> None:
        note = self.sign(store, 1)
        lines = [
            cosign(note, WITNESS_NAME, WITNESS, 1_770_000_000 + n) for n in range(3)
        ]
        for n, line in enumerate(lines):
            at = AT + timedelta(seconds=n)
            write(
                store,
                lambda uow, x=line, at=at: uow.log.add_cosignatures(
                    1, {WITNESS_NAME: x}, at
                ),
            )
        found = rows(store, "SELECT first_line, last_line FROM log_cosig")
        assert found == [(lines[0], lines[2])]
        head = store.read_sync(lambda uow: uow.log.newest())
        assert head is not None
        assert lines[2] in head.note
        assert lines[0] not in head.note

    def test_a_cosignature_of_a_size_we_never_signed_is_refused(
        self, store: Store
    ) -> None:
        note = self.sign(store, 1)
        line = cosign(note, WITNESS_NAME, WITNESS, 1)
        with pytest.raises(ConflictError):
            write(
                store,
                lambda uow: uow.log.add_cosignatures(7, {WITNESS_NAME: line}, AT),
            )


class TestPeerEntries:
    C = b"\x71" * 32

    def keep(self, store: Store, opening: bytes | None, proof: str = "p") -> None:
        write(
            store,
            lambda uow: uow.log.keep_peer_entry(
                PEER_ORIGIN,
                self.C,
                index=7,
                opening=opening,
                proof=proof,
                group=f"transfer:{TRANSFER}",
            ),
        )

    @pytest.mark.spec("EVD-6")
    def test_the_other_sides_entry_is_kept_and_lies_sealed(self, store: Store) -> None:
        self.keep(store, b"\x01" + bytes(32) + b'{"canary":1}')
        found = store.read_sync(
            lambda uow: uow.log_rows.peer_entry(PEER_ORIGIN, self.C)
        )
        assert found is not None
        assert found.opening == b"\x01" + bytes(32) + b'{"canary":1}'
        assert (found.index, found.proof) == (7, "p")
        assert "canary" not in repr(rows(store, "SELECT * FROM peer_entry"))

    def test_a_newer_proof_replaces_and_an_opening_stays(self, store: Store) -> None:
        self.keep(store, b'{"canary":1}')
        self.keep(store, None, proof="newer")
        found = store.read_sync(
            lambda uow: uow.log_rows.peer_entry(PEER_ORIGIN, self.C)
        )
        assert found is not None
        assert (found.opening, found.proof) == (b'{"canary":1}', "newer")

    def test_it_goes_with_the_key_of_its_group(self, store: Store) -> None:
        self.keep(store, b'{"canary":1}')
        tamper(store, "DELETE FROM peer_entry")
        found = store.read_sync(
            lambda uow: uow.log_rows.peer_entry(PEER_ORIGIN, self.C)
        )
        assert found is None

    def test_it_does_not_open_under_another_origin(self, store: Store) -> None:
        self.keep(store, b'{"canary":1}')
        tamper(store, "UPDATE peer_entry SET origin = 'other.example/log/1'")
        with pytest.raises(SealError):
            store.read_sync(
                lambda uow: uow.log_rows.peer_entry("other.example/log/1", self.C)
            )
