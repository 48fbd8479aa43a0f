"""Whatever is done to the rows of a log is found, named, and placed; a clean log is clean."""

import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto.checkpoint import Checkpoint, cosign, sign_checkpoint
from node.crypto.merkle import Frontier, leaf_hash
from node.errors import SealError
from node.exchangelog.export import CheckpointRow, HeadRow, LeafRow
from node.exchangelog.finding import Code, Verdict, Weight
from node.exchangelog.kinds import EntryType
from tests.support.exchangelog import (
    START,
    MemoryLog,
    digest,
    facts,
    opened,
    received,
    recorded,
    sent,
)
from tests.support.logexport import export


def replace(row, **changes):
    """``dataclasses.replace``, for tuples with names as well."""
    if isinstance(row, tuple):
        return row._replace(**changes)
    return dataclasses.replace(row, **changes)


B = MemoryLog("bad-saeckingen.example", 2)
SIZE = 12
SIGNED = (1, 3, 6, 10)
COSIGNED = (3, 10)


def build(*, start=START, size=SIZE, signed=SIGNED, edit=lambda log: None):
    """opened, recorded, sent, then denials of the same transfer."""
    log = MemoryLog(now=start)
    opened(log)
    edit(log)
    if 1 in signed:
        log.sign()
    consent = recorded(log)
    sent(log, B, consent)
    while len(log.written) < size:
        if len(log.written) in signed:
            log.sign()
        log.append_transfer(EntryType.TRANSFER_DENIED, facts(B))
    if size in signed:
        log.sign()
    return log


LOG = build()
BIG = build(size=300, signed=(10, 256, 290))


def clean(log=LOG, cosigned=COSIGNED):
    return export(log, B, cosigned=cosigned)


def first(rows):
    """The gravest, earliest finding."""
    found = rows.report().findings
    return (str(found[0].code), found[0].index) if found else None


# -- Clean logs --------------------------------------------------------------------------


@pytest.mark.spec("EL-1", "EL-9")
def test_a_clean_log_is_verified_without_a_word():
    report = clean().report()
    assert report.findings == ()
    assert report.verdict is Verdict.VERIFIED
    assert report.verdict.exit_status == 0
    assert report.root == LOG.head().root
    assert report.size == SIZE
    assert report.witnessed_size == 10
    assert (report.checked.opened, report.checked.checkpoints) == (SIZE, 4)
    assert report.checked.cosignatures == 2


@given(
    st.integers(3, 40),
    st.frozensets(st.integers(1, 40)),
    st.frozensets(st.integers(1, 40)),
)
@settings(max_examples=40, deadline=None)
@pytest.mark.spec("EL-1")
def test_no_clean_log_is_ever_accused(size, signed, cosigned):
    log = build(size=size, signed=signed)
    cosigned = tuple(s for s in sorted(cosigned) if s in log.heads)
    rows = export(log, B, cosigned=cosigned)
    rows.mark = log.head()
    rows.outside = tuple(log.heads[s].head for s in cosigned)
    assert rows.report().findings == ()


def test_an_empty_log_is_clean():
    log = MemoryLog()
    log.sign(0)
    rows = export(log)
    rows.mark = log.head()
    report = rows.report()
    assert report.verdict is Verdict.VERIFIED
    assert report.size == 0


def test_a_log_with_tiles_is_clean():
    assert clean(BIG, (256,)).codes() == []


def test_without_keys_only_the_structure_is_checked():
    rows = clean()
    rows.opening = False
    rows.bodies.clear()
    report = rows.report()
    assert report.findings == ()
    assert report.checked.opened == 0


def test_the_report_has_the_published_form():
    rows = clean()
    rows.leaves[4] = replace(rows.leaves[4], input=b"\x01" + bytes(32))
    found = json.loads(json.dumps(rows.report().as_json()))
    assert list(found) == [
        "v", "verb", "verdict", "origin", "size", "root", "witnessed_size", "checked",
        "findings",
    ]  # fmt: skip
    assert found["verdict"] == "tampered"
    assert list(found["checked"]) == [
        "leaves", "opened", "erased", "checkpoints", "cosignatures",
    ]  # fmt: skip
    assert found["findings"][0] | {"text": ""} == {
        "code": "leaf_changed",
        "index": 4,
        "weight": "proof",
        "text": "",
    }


# -- Each byte ---------------------------------------------------------------------------

EXPECTED = {
    ("leaves", "input"): {"leaf_changed"},
    ("bodies", "event_id"): {"body_changed"},
    ("bodies", "key_id"): {"missing"},
    ("bodies", "sealed"): {"body_changed"},
    ("checkpoints", "root"): {"checkpoint_signature_bad"},
    ("checkpoints", "note"): {"checkpoint_signature_bad"},
    ("cosignatures", "name"): {"cosignature_bad"},
    ("cosignatures", "key_id"): {"cosignature_bad"},
    ("cosignatures", "first_line"): {"cosignature_bad"},
    ("cosignatures", "last_line"): {"cosignature_bad"},
}


def flip(value, place):
    if isinstance(value, str):
        changed = chr(ord(value[place]) ^ 1)
        return value[:place] + changed + value[place + 1 :]
    changed = bytearray(value)
    changed[place] ^= 1
    return bytes(changed)


@pytest.mark.parametrize(("table", "column"), EXPECTED)
@pytest.mark.spec("EL-1")
def test_each_changed_byte_of_each_column_is_found_at_its_index(table, column):
    rows = clean()
    stored = getattr(rows, table)
    for number in (0, 1, len(stored) - 1):
        row = stored[number]
        value = getattr(row, column)
        index = getattr(row, "index", None)
        step = max(1, len(value) // 40)
        for place in range(0, len(value), step):
            stored[number] = replace(row, **{column: flip(value, place)})
            code, at = first(rows)
            assert code in EXPECTED[table, column], (number, place)
            assert at == (row.size if index is None else index)
        stored[number] = row
    assert rows.codes() == []


@pytest.mark.parametrize("table", ["checkpoints", "cosignatures"])
@pytest.mark.parametrize("size", [2, 4, 11, 99])
def test_a_head_moved_to_another_size_is_found(table, size):
    rows = clean()
    stored = getattr(rows, table)
    stored[1] = replace(stored[1], size=size)
    stored.sort(key=lambda row: row.size)
    bad = {"checkpoints": "checkpoint_signature_bad", "cosignatures": "cosignature_bad"}
    assert bad[table] in {code for code, _ in rows.codes()}


def test_each_changed_byte_of_the_sequencers_row_is_found():
    rows = clean()
    row = rows.head
    for place in range(8, len(row.frontier)):
        rows.head = replace(row, frontier=flip(row.frontier, place))
        assert first(rows) == ("tile_differs", SIZE)
    for place in range(8):
        rows.head = replace(row, frontier=flip(row.frontier, place))
        assert first(rows) == ("tile_differs", SIZE)
    rows.head = replace(row, origin="wehr.example/log/2")
    assert first(rows) == ("checkpoint_signature_bad", SIZE)


def test_each_changed_byte_of_a_tile_is_found_at_its_leaf():
    rows = clean(BIG, (256,))
    tile = rows.tiles[0, 0]
    for place in range(5, 8192, 797):
        rows.tiles[0, 0] = replace(tile, data=flip(tile.data, place))
        assert first(rows) == ("tile_differs", place // 32)
    rows.tiles[0, 0] = replace(tile, root=flip(tile.root, 7))
    assert first(rows) == ("tile_differs", 0)
    rows.tiles[0, 0] = replace(tile, data=tile.data[:-1])
    assert first(rows) == ("tile_differs", 0)
    del rows.tiles[0, 0]
    assert first(rows) == ("tile_differs", 0)


# -- Leaves ------------------------------------------------------------------------------


@pytest.mark.parametrize("index", range(SIZE))
@pytest.mark.spec("EL-1")
def test_a_deleted_leaf_is_missing_at_its_index(index):
    rows = clean()
    del rows.leaves[index]
    expected = "tail_cut" if index == SIZE - 1 else "leaf_missing"
    assert first(rows) == (expected, index)


def renumber(items):
    return [replace(item, index=index) for index, item in enumerate(items)]


@pytest.mark.parametrize("index", range(SIZE - 1))
@pytest.mark.spec("EL-1")
def test_a_deleted_leaf_is_missing_even_after_renumbering(index):
    rows = clean()
    rows.leaves = renumber(rows.leaves[:index] + rows.leaves[index + 1 :])
    assert first(rows) == ("leaf_missing", index)


@pytest.mark.parametrize("index", range(SIZE))
@pytest.mark.spec("EL-1")
def test_an_inserted_leaf_is_extra_at_its_index(index):
    rows = clean()
    new = LeafRow(0, b"\x01" + bytes(32))
    rows.leaves = renumber([*rows.leaves[:index], new, *rows.leaves[index:]])
    expected = "leaf_extra"
    assert first(rows) == (expected, index)


def test_a_doubled_leaf_row_is_extra():
    rows = clean()
    rows.leaves.insert(5, rows.leaves[4])
    assert first(rows) == ("leaf_extra", 4)


def test_a_leaf_appended_after_the_end_is_extra():
    rows = clean()
    rows.leaves.append(LeafRow(SIZE, b"\x01" + bytes(32)))
    assert first(rows) == ("leaf_extra", SIZE)


@given(st.integers(0, SIZE - 1), st.integers(0, SIZE - 1))
@settings(max_examples=60, deadline=None)
@pytest.mark.spec("EL-1")
def test_two_swapped_leaves_are_out_of_order_at_the_first(one, other):
    if one == other:
        return
    rows = clean()
    swap(rows.leaves, one, other, "input")
    assert first(rows) == ("order_changed", min(one, other))


@pytest.mark.parametrize(("one", "other"), [(0, 1), (3, 5), (6, 9), (10, 11)])
@pytest.mark.spec("EL-1")
def test_leaves_swapped_with_their_bodies_are_found_by_the_signed_heads(one, other):
    rows = clean()
    swap(rows.leaves, one, other, "input")
    for column in ("event_id", "key_id", "sealed"):
        swap(rows.bodies, one, other, column)
    code, index = first(rows)
    assert code in {"order_changed", "rewritten"}
    assert index <= one
    if one >= 3:
        assert (code, index) == ("order_changed", one)


def swap(stored, one, other, column):
    a, b = getattr(stored[one], column), getattr(stored[other], column)
    stored[one] = replace(stored[one], **{column: b})
    stored[other] = replace(stored[other], **{column: a})


@pytest.mark.parametrize("size", range(SIZE))
@pytest.mark.spec("EL-1")
def test_a_cut_tail_is_found_where_it_was_cut(size):
    rows = clean()
    del rows.leaves[size:]
    del rows.bodies[size:]
    assert first(rows) == ("tail_cut", size)


@pytest.mark.parametrize("vouched", ["mark", "outside"])
@pytest.mark.spec("EL-1", "EL-5")
def test_yesterdays_database_is_found_by_the_mark_or_by_others(vouched):
    old = build(size=8)
    rows = export(old, B, cosigned=(3,))
    head = LOG.head()
    if vouched == "mark":
        rows.mark = head
    else:
        rows.outside = (head,)
    assert first(rows) == ("tail_cut", 8)
    assert rows.report().verdict is Verdict.TAMPERED


def test_yesterdays_database_alone_cannot_be_told_from_a_young_log():
    assert export(build(size=8), B, cosigned=(3,)).codes() == []


@pytest.mark.parametrize("index", [0, 5, 255, 256, 280, 299])
def test_a_changed_leaf_without_body_is_found_by_tile_or_head(index):
    rows = clean(BIG, (256,))
    rows.opening = False
    rows.leaves[index] = replace(rows.leaves[index], input=b"\x01" + bytes(32))
    code, at = first(rows)
    if index < 256:
        assert (code, at) == ("leaf_changed", index)
    else:
        bracket = {256: 256, 280: 256, 299: 290}[index]
        assert (code, at) == ("rewritten", bracket)


def test_a_leaf_changed_together_with_its_body_is_found_by_its_tile():
    other = build(
        size=300, signed=(), edit=lambda log: setattr(log, "now", START + timedelta(1))
    )
    rows, foreign = clean(BIG, (256,)), clean(other, ())
    rows.leaves[77] = foreign.leaves[77]
    rows.bodies[77] = foreign.bodies[77]
    assert first(rows) == ("leaf_changed", 77)


# -- Rewriting ---------------------------------------------------------------------------


def rewritten(k):
    """Another history from k on, signed again with the real log key."""
    fork = MemoryLog()
    for item in LOG.written[:k]:
        fork.now = item.entry.at
        fork.put(item.entry, item.group)
    while len(fork.written) < SIZE:
        fork.now += timedelta(seconds=7)
        fork.append_transfer(EntryType.TRANSFER_DENIED, facts(B))
    for size in LOG.heads:
        fork.sign(size)
    return fork


@pytest.mark.parametrize(
    ("k", "low"), [(1, 0), (3, 3), (4, 3), (9, 3), (10, 10), (11, 10)]
)
@pytest.mark.spec("EL-1")
def test_a_rewrite_signed_again_is_bracketed_by_the_heads_others_remember(k, low):
    rows = export(rewritten(k))
    rows.outside = tuple(LOG.head(size) for size in (*COSIGNED, SIZE))
    assert ("rewritten", low) in rows.codes()
    assert rows.report().verdict is Verdict.TAMPERED


@pytest.mark.spec("EL-1")
def test_a_rewrite_that_keeps_the_old_cosignatures_is_found_by_them():
    rows = export(rewritten(4))
    rows.cosignatures = clean().cosignatures
    rows.witnesses = (B.witness_key,)
    assert first(rows) == ("cosignature_bad", 10)


@pytest.mark.spec("EL-1")
def test_a_rewrite_is_found_by_the_mark():
    rows = export(rewritten(4))
    rows.mark = LOG.head()
    assert rows.report().verdict is Verdict.TAMPERED


def test_two_signed_heads_of_one_size_are_a_fork():
    rows = export(rewritten(4))
    rows.outside = (LOG.head(10),)
    assert ("fork", 10) in rows.codes()


def test_a_rewrite_without_new_signatures_is_bracketed_by_the_signed_sizes():
    rows, fork = clean(), export(rewritten(7))
    rows.leaves, rows.bodies, rows.head = fork.leaves, fork.bodies, fork.head
    code, index = first(rows)
    assert (code, index) == ("rewritten", 6)
    assert "6" in rows.report().findings[0].text
    assert "10" in rows.report().findings[0].text


def test_a_rewritten_unsigned_tail_is_found_by_the_sequencers_row():
    rows, fork = clean(), export(rewritten(11))
    rows.leaves, rows.bodies = fork.leaves, fork.bodies
    rows.bodies.pop()
    assert first(rows)[0] == "rewritten"
    assert first(rows)[1] == 10


def test_a_rewrite_of_a_long_span_is_bracketed():
    rows = clean(BIG, ())
    other = build(size=300, signed=(), start=START + timedelta(days=1))
    foreign = export(other)
    rows.leaves[20:], rows.bodies[20:] = foreign.leaves[20:], foreign.bodies[20:]
    rows.keys |= foreign.keys
    rows.tiles.clear()
    assert ("rewritten", 10) in rows.codes()


def test_an_entry_taken_out_with_all_its_traces_is_bracketed():
    rows = clean()
    close_the_gap(rows, 4)
    assert first(rows) == ("leaf_missing", 3)


def test_a_leaf_put_in_where_nothing_is_opened_is_bracketed():
    rows = clean()
    rows.opening = False
    insert_leaf(rows, 4)
    assert first(rows) == ("leaf_extra", 3)


def test_an_unsigned_leaf_that_only_its_body_contradicts_is_named():
    rows = clean()
    change_leaf(rows, 11)
    rows.head = replace(rows.head, frontier=b"")
    assert ("leaf_changed", 11) in rows.codes()
    assert ("tile_differs", SIZE) in rows.codes()


def test_a_sequencers_row_older_than_the_signed_heads_is_found():
    log = build(size=10)
    rows = clean(log)
    rows.head = export(build(size=8)).head
    assert first(rows) == ("tile_differs", 8)


def test_a_sequencers_row_that_a_signed_head_of_its_size_contradicts_is_found():
    log = build(size=10)
    rows = clean(log)
    other = Frontier().extend(leaf_hash(bytes([i])) for i in range(10))
    rows.head = replace(rows.head, frontier=other.encode())
    assert first(rows) == ("tile_differs", 10)


def test_differing_heads_without_end_do_not_fill_the_memory():
    rows = clean()
    false = Checkpoint(LOG.origin, 6, bytes(32))
    note = sign_checkpoint(false, LOG.signing)
    rows.checkpoints[2:2] = [CheckpointRow(6, false.root, note)] * 1100
    found = [f for f in rows.report().findings if f.code is not Code.FORK]
    assert len(found) == 100


# -- Heads -------------------------------------------------------------------------------


def test_a_head_that_a_later_one_does_not_continue_is_found():
    rows = clean()
    false = Checkpoint(LOG.origin, 6, bytes(32))
    note = sign_checkpoint(false, LOG.signing)
    rows.checkpoints[2] = CheckpointRow(6, false.root, note)
    assert first(rows) == ("checkpoint_not_extending", 6)


def test_another_towns_checkpoint_is_found():
    rows = clean()
    other = MemoryLog("loerrach.example", 5)
    note = sign_checkpoint(Checkpoint(other.origin, 6, LOG.head(6).root), other.signing)
    rows.checkpoints[2] = replace(rows.checkpoints[2], note=note)
    assert first(rows) == ("checkpoint_signature_bad", 6)


def test_a_cosignature_without_checkpoint_is_found():
    rows = clean()
    del rows.checkpoints[3]
    assert ("cosignature_bad", 10) in rows.codes()


def test_a_forged_cosignature_is_found():
    rows = clean()
    row = rows.cosignatures[0]
    line = cosign(LOG.heads[3].note, row.name, LOG.witnessing, 1_770_112_805)
    for forged in (line, "hello", "", row.first_line[:-1], f"— {row.name} %%%\n"):
        rows.cosignatures[0] = replace(row, first_line=forged)
        assert first(rows) == ("cosignature_bad", 3)


@pytest.mark.spec("LR-21")
def test_a_witness_we_do_not_know_is_neither_counted_nor_blamed():
    rows = clean()
    rows.witnesses = ()
    report = rows.report()
    assert report.findings == ()
    assert report.witnessed_size == 0
    assert report.checked.cosignatures == 0


# -- Contents ----------------------------------------------------------------------------


@pytest.mark.spec("EL-9", "LR-41")
def test_a_deleted_body_is_a_gap_and_not_a_proof():
    rows = clean()
    del rows.bodies[5]
    report = rows.report()
    assert first(rows) == ("missing", 5)
    assert report.verdict is Verdict.INCOMPLETE
    assert report.verdict.exit_status == 2


def test_two_swapped_bodies_are_changed_bodies():
    rows = clean()
    for column in ("event_id", "key_id", "sealed"):
        swap(rows.bodies, 4, 7, column)
    assert [pair for pair in rows.codes() if pair[0] == "body_changed"] == [
        ("body_changed", 4),
        ("body_changed", 7),
    ]


def test_two_swapped_keys_are_changed_bodies():
    rows = clean()
    swap(rows.bodies, 1, 2, "key_id")
    assert first(rows) == ("body_changed", 1)


def test_a_broken_wrapping_is_a_changed_body():
    def broken(_):
        raise SealError("wrapping")

    rows = clean()
    rows.keys = type("Keys", (), {"get": staticmethod(broken)})()
    assert first(rows) == ("body_changed", 0)


def erasing(log):
    """A log whose first transfer was erased on a ground."""
    more = {"basis": "order", "order_ref": "AZ-7", "ranges": [[2, 5]]}
    log.append(EntryType.LOG_ERASURE, more, "permanent:2026-02")
    log.sign()


@pytest.mark.spec("EL-4", "LR-41")
def test_an_erasure_named_in_the_tree_is_lawful():
    log = build(size=8)
    erasing(log)
    rows = clean(log, (3,))
    rows.bodies = [row for row in rows.bodies if row.index not in {2, 3, 4}]
    rows.erased = [2, 3, 4]
    assert rows.codes() == [("erased_lawful", 2)]
    report = rows.report()
    assert report.verdict is Verdict.VERIFIED
    assert report.checked.erased == 3
    assert report.checked.opened == len(log.written) - 3


@pytest.mark.spec("LR-41")
def test_a_row_of_log_erased_alone_explains_nothing():
    rows = clean()
    del rows.bodies[11]
    rows.erased = [11]
    assert first(rows) == ("erased_without_ground", 11)
    assert rows.report().verdict is Verdict.INCOMPLETE


@pytest.mark.spec("LR-41")
def test_an_erasure_explains_its_range_and_nothing_beside_it():
    log = build(size=8)
    erasing(log)
    rows = clean(log, (3,))
    rows.bodies = [row for row in rows.bodies if row.index not in range(1, 7)]
    rows.erased = [1, 2, 3, 4, 5]
    codes = rows.codes()
    assert ("erased_without_ground", 1) in codes
    assert ("erased_lawful", 2) in codes
    assert ("erased_without_ground", 5) in codes
    assert ("missing", 6) in codes


@pytest.mark.spec("EL-9")
def test_an_entry_left_out_of_its_chain_is_a_gap():
    log = build(size=6)
    group = log.written[-1].group
    made = log.written[-1].entry
    log.put(replace(made, id="77" * 16, prev=log.written[2].c.hex()), group)
    assert first(clean(log, (3,))) == ("chain_gap", 6)


@pytest.mark.spec("EL-8", "LR-29")
def test_an_entry_dated_outside_its_bracket_is_noted():
    log = build(size=8)
    log.now = START + timedelta(hours=1)
    log.append_transfer(EntryType.TRANSFER_DENIED, facts(B))
    log.now = START + timedelta(minutes=1)
    log.append_transfer(EntryType.TRANSFER_DENIED, facts(B))
    log.sign()
    rows = clean(log, (3, 10))
    assert rows.codes() == [("time_outside", 8)]
    back = build(size=8)
    back.now = START - timedelta(hours=1)
    back.append_transfer(EntryType.TRANSFER_DENIED, facts(B))
    assert clean(back, (3,)).codes() == [("time_outside", 8)]
    assert clean(back, (3,)).report().verdict is Verdict.VERIFIED


def test_a_committed_text_that_is_no_entry_is_a_gap():
    from node.crypto.commit import commitment, leaf_input, seal_body

    rows = clean(build(size=4, signed=()), ())
    body = rows.bodies[3]
    key = rows.keys[body.key_id]
    text = b'{"v":1}'
    sealed = seal_body(key, body.event_id, text, origin=LOG.origin, randomness=bytes)
    rows.bodies[3] = replace(body, sealed=sealed)
    c = commitment(key, body.event_id, text)
    rows.leaves[3] = replace(rows.leaves[3], input=leaf_input(c))
    frontier = Frontier().extend(leaf_hash(row.input) for row in rows.leaves)
    rows.head = HeadRow(LOG.origin, 4, frontier.encode())
    assert first(rows) == ("missing", 3)


def test_received_and_sent_of_two_transfers_are_chains_of_their_own():
    log = build(size=5)
    received(log, B)
    assert clean(log, (3,)).codes() == []


# -- Any attack --------------------------------------------------------------------------


def delete_leaf(rows, n):
    del rows.leaves[n]


def delete_leaf_and_body(rows, n):
    del rows.leaves[n], rows.bodies[n]


def close_the_gap(rows, n):
    delete_leaf_and_body(rows, n)
    rows.leaves, rows.bodies = renumber(rows.leaves), renumber(rows.bodies)


def insert_leaf(rows, n):
    rows.leaves.insert(n, LeafRow(n, b"\x01" + digest("new")))
    rows.leaves = renumber(rows.leaves)


def change_leaf(rows, n):
    rows.leaves[n] = replace(rows.leaves[n], input=flip(rows.leaves[n].input, n % 33))


def change_body(rows, n):
    rows.bodies[n] = replace(rows.bodies[n], sealed=flip(rows.bodies[n].sealed, n))


def delete_body(rows, n):
    del rows.bodies[n]


def double_leaf(rows, n):
    rows.leaves.insert(n, rows.leaves[n])


def swap_leaves(rows, n):
    swap(rows.leaves, n, (n + 5) % len(rows.leaves), "input")


def swap_bodies(rows, n):
    for column in ("event_id", "sealed"):
        swap(rows.bodies, n, (n + 5) % len(rows.bodies), column)


def cut(rows, n):
    del rows.leaves[n:], rows.bodies[n:]


ATTACKS = {
    delete_leaf: {"leaf_missing", "tail_cut"},
    delete_leaf_and_body: {"leaf_missing", "tail_cut"},
    close_the_gap: {"leaf_missing", "tail_cut"},
    insert_leaf: {"leaf_extra"},
    change_leaf: {"leaf_changed"},
    change_body: {"body_changed"},
    delete_body: {"missing"},
    double_leaf: {"leaf_extra"},
    swap_leaves: {"order_changed"},
    swap_bodies: {"body_changed"},
    cut: {"tail_cut"},
}


@given(st.data(), st.sampled_from(list(ATTACKS)), st.booleans())
@settings(max_examples=70, deadline=None)
@pytest.mark.spec("EL-1")
def test_any_attack_on_any_row_is_named_and_placed(data, attack, with_mark):
    log = data.draw(st.sampled_from([LOG, BIG]))
    cosigned = data.draw(st.sampled_from([(), (10,)]))
    n = data.draw(st.integers(0, len(log.written) - 1))
    rows = clean(log, cosigned)
    if with_mark:
        rows.mark = log.head()
    attack(rows, n)
    code, index = first(rows)
    if attack is close_the_gap and n % 256 == 255:
        # The tile still has the lost leaf as its last, and another one stands there now.
        assert (code, index) == ("leaf_changed", n)
        return
    assert code in ATTACKS[attack]
    if attack is close_the_gap:  # body and leaf went together: a tile or a bracket
        assert index <= n or code == "tail_cut"
    elif attack in (swap_leaves, swap_bodies):
        assert index == min(n, (n + 5) % len(log.written))
    else:
        assert index == n


# -- Bounds ------------------------------------------------------------------------------


def test_a_ruined_log_yields_at_most_a_hundred_findings_of_a_kind():
    rows = clean(BIG, (256,))
    rows.bodies = [replace(row, sealed=bytes(100)) for row in rows.bodies]
    report = rows.report()
    assert len([f for f in report.findings if f.code is Code.BODY_CHANGED]) == 100
    assert report.findings[0].index == 0


def test_every_code_has_one_weight():
    assert {code.weight for code in Code} == set(Weight)
    assert Code.LEAF_CHANGED.weight is Weight.PROOF
    assert Code.MISSING.weight is Weight.GAP
    assert Code.ERASED_LAWFUL.weight is Weight.NOTE


# -- Rows that belong to nothing ---------------------------------------------------------


@pytest.mark.spec("EL-1", "LOG-42")
def test_a_body_without_a_leaf_is_found():
    rows = clean()
    rows.bodies.append(replace(rows.bodies[4], index=SIZE + 3))
    assert rows.codes() == [("body_changed", SIZE + 3)]


@pytest.mark.spec("EL-1", "LOG-42")
@pytest.mark.parametrize("place", [(0, 1), (0, -1), (1, 0), (9, 0), (-1, 0)])
def test_a_tile_where_the_leaves_fill_none_is_found(place):
    rows = clean(BIG, (256,))
    rows.tiles[place] = rows.tiles[0, 0]
    assert rows.codes() == [("tile_differs", 300)]


@pytest.mark.spec("LR-41", "LOG-42")
@pytest.mark.parametrize("index", [4, SIZE - 1, SIZE + 7])
def test_a_note_of_an_erasure_whose_body_is_there_is_found(index):
    rows = clean()
    rows.erased = [index]
    assert rows.codes() == [("erased_without_ground", index)]


@pytest.mark.spec("EL-1", "LOG-43")
def test_a_checkpoint_that_others_remember_and_the_log_lost_is_missing():
    rows = clean()
    rows.outside = (LOG.heads[10].head,)
    assert rows.codes() == []
    rows.checkpoints = [row for row in rows.checkpoints if row.size != 10]
    rows.cosignatures = [row for row in rows.cosignatures if row.size != 10]
    assert rows.codes() == [("missing", 10)]


@pytest.mark.spec("EL-1", "LOG-40")
def test_a_mark_rewritten_with_the_log_does_not_move_the_bracket():
    other = build(edit=lambda log: recorded(log, "consent:" + "ee" * 16))
    rows = export(other, B, cosigned=())
    rows.mark, rows.outside = other.head(6), (LOG.heads[10].head,)
    found = next(f for f in rows.report().findings if f.code is Code.REWRITTEN)
    assert found.index == 0
    assert "witnessed sizes 0," in found.text
