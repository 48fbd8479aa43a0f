"""An override counts only as the sender's own proven entry about this transfer."""

from dataclasses import replace

import pytest

from node.errors import MalformedMessageError
from node.exchangelog.attachment import (
    Attachment,
    attachment_from_json,
    attachment_json,
    make_attachment,
)
from node.exchangelog.entry import entry
from node.exchangelog.kinds import EntryType
from node.exchangelog.override import override_in
from node.ids import TransferId
from tests.support.exchangelog import (
    TRANSFER,
    MemoryLog,
    Written,
    digest,
    opened,
    recorded,
    sent,
)

OTHER = TransferId("cd" * 16)
SECOND = digest("second").hex()


def overridden(log: MemoryLog, second: str | None = SECOND, **changes: object):
    more = {
        "what": "quorum",
        "transfer": str(TRANSFER),
        "missing": ["away.example/witness"],
        "outcome": "urgent",
    } | changes
    act = replace(log.act(), second=second)
    made = entry(EntryType.OPERATOR_OVERRIDE, act, more)
    return log.put(made, "operation:2026-02")


def shown(log: MemoryLog, first: Written, last: Written, *, size=None) -> Attachment:
    return make_attachment(
        log.sign(size),
        log.tree,
        entries=[first.placed(shown=True), last.placed(shown=True)],
        cp_size=0,
        since_size=0,
    )


@pytest.fixture
def log() -> MemoryLog:
    log = MemoryLog()
    opened(log)
    return log


@pytest.mark.spec("LR-24")
def test_a_proven_override_of_this_transfer_counts(log):
    first = sent(log, MemoryLog("b.example", 2))
    made = shown(log, first, overridden(log))
    again = attachment_from_json(attachment_json(made))
    found = override_in(again, log.head(), TRANSFER)
    assert found is not None
    assert found.more["missing"] == ["away.example/witness"]


@pytest.mark.spec("LR-24")
@pytest.mark.parametrize(
    "changes",
    [
        {"transfer": str(OTHER)},
        {"second": None},
        {"what": "first_word", "transfer": None},
    ],
    ids=["another transfer", "one hand", "another exception"],
)
def test_an_override_of_something_else_does_not_count(log, changes):
    first = sent(log, MemoryLog("b.example", 2))
    made = shown(log, first, overridden(log, **changes))
    assert override_in(made, log.head(), TRANSFER) is None


def test_an_override_of_another_log_does_not_count(log):
    other = MemoryLog("other.example", 3)
    opened(other)
    first = sent(log, other)
    theirs = overridden(other)
    mine = shown(log, first, overridden(log))
    foreign = shown(other, sent(other, log), theirs)
    mixed = replace(mine, entries=(mine.entries[0], foreign.entries[1]))
    assert override_in(mixed, log.head(), TRANSFER) is None
    assert override_in(foreign, log.head(), TRANSFER) is None


def test_a_changed_proof_or_opening_does_not_count(log):
    first = sent(log, MemoryLog("b.example", 2))
    made = shown(log, first, overridden(log))
    last = made.entries[1]
    spelled = last.opening
    wrong = [
        replace(last, index=last.index + 1),
        replace(last, path=()),
        replace(last, path=(bytes(32), *last.path[1:])),
        replace(last, c=bytes(32)),
        replace(last, opening=None),
        replace(last, opening=b""),
        replace(last, opening=spelled.replace(b"urgent", b"boring")),
    ]
    for item in wrong:
        changed = replace(made, entries=(made.entries[0], item))
        assert override_in(changed, log.head(), TRANSFER) is None


def test_a_consent_in_the_last_place_is_no_override(log):
    consent = recorded(log)
    first = sent(log, MemoryLog("b.example", 2), consent)
    assert override_in(shown(log, first, consent), log.head(), TRANSFER) is None


def test_the_statements_own_entry_is_no_override(log):
    own = overridden(log)
    made = make_attachment(
        log.sign(),
        log.tree,
        entries=[own.placed(shown=True)],
        cp_size=0,
        since_size=0,
    )
    assert override_in(made, log.head(), TRANSFER) is None


@pytest.mark.spec("EL-17")
def test_only_the_first_and_the_last_entry_may_be_opened(log):
    consent = recorded(log)
    first = sent(log, MemoryLog("b.example", 2), consent)
    last = overridden(log)
    made = make_attachment(
        log.sign(),
        log.tree,
        entries=[item.placed(shown=True) for item in (first, consent, last)],
        cp_size=0,
        since_size=0,
    )
    with pytest.raises(MalformedMessageError):
        attachment_from_json(attachment_json(made))
