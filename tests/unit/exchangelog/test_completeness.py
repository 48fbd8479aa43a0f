"""Nothing is missing in a range: every index opened or lawfully erased, or it is named."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.exchangelog.finding import Verdict
from node.exchangelog.kinds import EntryType
from node.ids import TransferId
from tests.support.exchangelog import MemoryLog, facts, opened, recorded, sent
from tests.support.logexport import export

B = MemoryLog("bad-saeckingen.example", 2)
ENTRIES = 24


def build(ranges):
    """Transfers side by side, then an erasure that names these ranges."""
    log = MemoryLog()
    opened(log)
    consent = recorded(log)
    sent(log, B, consent)
    dice = 0
    while len(log.written) < ENTRIES:
        dice = (dice * 5 + 3) % 7
        transfer = TransferId(f"{dice:032x}")
        log.append_transfer(EntryType.TRANSFER_DENIED, facts(B, transfer=transfer))
    if ranges:
        more = {"basis": "order", "order_ref": "AZ-1", "ranges": ranges}
        log.append(EntryType.LOG_ERASURE, more, "permanent:2026-02")
    log.sign()
    return log


def apart(picked):
    """Indexes as half-open ranges, ascending and apart."""
    found = []
    for index in sorted(picked):
        if found and found[-1][1] == index:
            found[-1][1] = index + 1
        else:
            found.append([index, index + 1])
    return found


indexes = st.sets(st.integers(1, ENTRIES - 1), max_size=ENTRIES)


@pytest.mark.spec("EL-9", "LR-41")
@settings(max_examples=150, deadline=None)
@given(gone=indexes, named=indexes)
def test_every_gap_is_found_and_only_a_named_one_is_lawful(gone, named):
    log = build(apart(named))
    rows = export(log, B, cosigned=(len(log.written),))
    rows.bodies = [row for row in rows.bodies if row.index not in gone]
    report = rows.report()
    missing = gone - named
    starts = {index for index in missing if index - 1 not in missing}
    assert {f.index for f in report.findings if f.code == "missing"} == starts
    lawful = {index for index in gone & named if index - 1 not in gone & named}
    assert {f.index for f in report.findings if f.code == "erased_lawful"} == lawful
    assert report.checked.erased == len(gone & named)
    opened_ = len(log.written) - len(gone)
    assert report.checked.opened == opened_
    # Erasing takes whole groups: a hole inside a chain is a gap of its own.
    holes = any(f.code == "chain_gap" for f in report.findings)
    wanted = Verdict.INCOMPLETE if missing or holes else Verdict.VERIFIED
    assert report.verdict is wanted


@pytest.mark.spec("EL-9")
@pytest.mark.parametrize("member", range(2, 9))
def test_a_whole_chain_that_was_erased_on_a_ground_leaves_nothing_open(member):
    plain = build([])
    group = plain.written[member].group
    gone = {item.index for item in plain.written if item.group == group}
    log = build(apart(gone))
    rows = export(log, B, cosigned=(len(log.written),))
    rows.bodies = [row for row in rows.bodies if row.index not in gone]
    assert rows.report().verdict is Verdict.VERIFIED


@pytest.mark.spec("EL-9")
@settings(max_examples=60, deadline=None)
@given(left_out=st.integers(3, ENTRIES - 1))
def test_an_entry_that_skips_the_one_before_it_is_found(left_out):
    log = build([])
    group = log.written[left_out].group
    chain = [item for item in log.written if item.group == group]
    made = chain[-1].entry
    before = chain[-2].c.hex() if len(chain) > 1 else None
    log.put(replace(made, id="77" * 16, prev=before), group)
    log.sign()
    codes = export(log, B).codes()
    assert codes == [("chain_gap", ENTRIES)]
