"""What is left after the years, on both databases: gone are the words, the number stays."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from node.accounts.model import Reading
from node.cases.expiry import Counted
from node.cases.model import Baton
from node.cases.tally import TallyLine
from node.errors import StoreError
from node.ids import AccountId
from node.report.snapshot import ReportSettings
from node.store.runner import Store
from node.store.work import Means
from node.sync.rows import StoredFile
from node.sync.transfer import Inbound, Outbound, Refusal
from tests.support import people
from tests.support.acts import rows, write
from tests.support.build import AT, case_file, record
from tests.support.transfers import (
    NOON,
    SAECKINGEN,
    inbound,
    message_id,
    outbound,
    packet,
    position,
    statement,
    transfer_id,
)

pytestmark = pytest.mark.spec("DO-33", "HO-47")
LATER = NOON + timedelta(days=1500)
DONE = {
    "held": NOON,
    "queued": NOON,
    "granted": NOON + timedelta(days=3),
    "closed": NOON + timedelta(days=4),
    "durable": NOON + timedelta(days=5),
}
ABOUT_A_TRANSFER = (
    *("outbound_transfer", "outbound_member", "outbound_secret", "outbox_packet"),
    *("inbound_transfer", "inbound_case", "received_packet", "received_part"),
    *("statement", "task", "quorum_shown", "mail_post", "export", "upload"),
)


def say(seq: int = 1, **changes: Any) -> Any:
    return statement(seq, transfer=transfer_id(), **changes)


def take(uow: Any, seq: int = 1, jws: str = "canary words") -> None:
    uow.inbox.add(
        SAECKINGEN,
        message_id(seq),
        position=position(seq),
        type="imported",
        jws=jws,
        result="taken",
        transfer=transfer_id(),
        at=NOON + timedelta(days=seq),
    )


def sent(store: Store, **changes: Any) -> Any:
    transfer = outbound(**({"state": Outbound.ERASED, "facts": DONE} | changes))
    write(store, lambda uow: uow.outbound.add(transfer))
    return transfer


def received(store: Store, **changes: Any) -> Any:
    facts = {"announced": NOON, "imported": NOON + timedelta(days=2)}
    transfer = inbound(**({"state": Inbound.DURABLE, "facts": facts} | changes))
    write(store, lambda uow: uow.inbound.add(transfer))
    write(
        store,
        lambda uow: uow.inbound.keep_cases(transfer.id, [(people.case_id(1), None)]),
    )
    return transfer


def left(store: Store) -> dict[str, int]:
    found = {t: len(rows(store, f"SELECT * FROM {t}")) for t in ABOUT_A_TRANSFER}
    return {name: count for name, count in found.items() if count}


def test_a_transfer_we_sent_goes_with_everything_that_names_it(
    store: Store, means: Means
) -> None:
    sent(store)
    refusal = Refusal("person", "other", "canary comment")
    write(
        store,
        lambda uow: (
            uow.outbound.add(
                outbound(
                    2,
                    state=Outbound.REJECTED,
                    replaces=transfer_id(),
                    refusal=refusal,
                )
            ),
            uow.outbox.add_statement(say()),
            uow.outbox.acknowledge(SAECKINGEN, [message_id(1)], NOON),
            uow.outbox.add_packet(packet()),
            uow.tasks.add("x.y", at=AT, transfer=transfer_id()),
            uow.secrets.keep_share_b(
                transfer_id(), b"s" * 32, StoredFile(b"f" * 32, 10)
            ),
            take(uow),
        ),
    )
    write(store, lambda uow: uow.remainders.drop_sent(transfer_id()))
    assert left(store) == {"outbound_transfer": 1, "outbound_member": 1}
    assert (
        store.read_sync(lambda uow: uow.outbound.get(transfer_id(2))).replaces is None
    )
    # Share B had its line before it went (HO-19).
    assert [line.id for line in means.register.replay()] == [transfer_id()]
    write(store, lambda uow: uow.remainders.drop_sent(transfer_id(2)))
    assert left(store) == {}


def test_a_transfer_we_received_goes_and_its_number_stays(store: Store) -> None:
    received(store)
    write(store, take)
    assert not store.read_sync(lambda uow: uow.inbound.is_past(transfer_id()))
    write(store, lambda uow: uow.remainders.drop_received(transfer_id()))
    assert left(store) == {}
    assert store.read_sync(lambda uow: uow.inbound.find(transfer_id())) is None
    assert store.read_sync(lambda uow: uow.inbound.is_past(transfer_id()))
    assert not store.read_sync(lambda uow: uow.inbound.is_past(transfer_id(2)))


def test_a_second_erasure_of_the_same_changes_nothing(store: Store) -> None:
    received(store)
    for _ in range(2):
        write(store, lambda uow: uow.remainders.drop_received(transfer_id()))
        write(store, lambda uow: uow.remainders.drop_sent(transfer_id()))
    assert len(rows(store, "SELECT * FROM transfer_past")) == 1


@pytest.mark.spec("HO-20")
def test_a_repeated_statement_still_gets_the_stored_result(store: Store) -> None:
    sent(store)
    write(store, lambda uow: (take(uow, 1), take(uow, 2)))
    before = store.read_sync(lambda uow: uow.inbox.find(SAECKINGEN, message_id(1)))
    write(store, lambda uow: uow.remainders.drop_sent(transfer_id()))
    after = store.read_sync(lambda uow: uow.inbox.find(SAECKINGEN, message_id(1)))
    assert before == after
    assert after.result == "taken"
    assert rows(store, "SELECT jws, transfer FROM taken") == [(None, None)] * 2
    # What has no words any more is told to nobody.
    told = store.read_sync(lambda uow: uow.inbox.after(SAECKINGEN, 0, 0, limit=9))
    assert told == []


def test_what_was_said_about_others_stays(store: Store) -> None:
    sent(store)
    other = statement(2, transfer=transfer_id(2))
    write(
        store,
        lambda uow: (
            uow.outbox.add_statement(say()),
            uow.outbox.add_statement(other),
            uow.outbound.add(outbound(2)),
            uow.tasks.add("x.y", at=AT, transfer=transfer_id(2)),
        ),
    )
    write(store, lambda uow: uow.remainders.drop_sent(transfer_id()))
    found = left(store)
    assert found["statement"] == found["task"] == found["outbound_transfer"] == 1


def test_nothing_goes_where_the_register_takes_no_line(
    store: Store, means: Means, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent(store)
    write(
        store,
        lambda uow: uow.secrets.keep_share_b(
            transfer_id(), b"s" * 32, StoredFile(b"f" * 32, 10)
        ),
    )

    def full(*_: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(means.register, "append", full)
    with pytest.raises(StoreError):
        write(store, lambda uow: uow.remainders.drop_sent(transfer_id()))
    assert store.read_sync(lambda uow: uow.outbound.find(transfer_id())) is not None


# ---- What reports count ----------------------------------------------------------------


@pytest.mark.spec("DO-38")
def test_reports_count_the_same_handovers_before_and_after(store: Store) -> None:
    sent(store)
    refused = {**DONE, "rejected": NOON + timedelta(days=2)}
    sent(
        store,
        id=transfer_id(3),
        facts=refused,
        refusal=Refusal("person", "capacity"),
        members=(replace(outbound(3).members[0]), outbound(4).members[0]),
    )
    received(store, id=transfer_id(7))
    for at in (None, NOON + timedelta(days=1)):
        before = store.read_sync(lambda uow, at=at: uow.counting.handed(at))
        if at is None:
            whole = before
        else:
            early = before
    write(
        store,
        lambda uow: (
            uow.remainders.drop_sent(transfer_id()),
            uow.remainders.drop_sent(transfer_id(3)),
            uow.remainders.drop_received(transfer_id(7)),
        ),
    )
    assert store.read_sync(lambda uow: uow.counting.handed(None)) == whole
    assert (
        store.read_sync(lambda uow: uow.counting.handed(NOON + timedelta(days=1)))
        == early
    )
    assert len(whole) == 3


def test_no_case_no_reason_and_no_other_body_is_left_of_a_transfer(
    store: Store,
) -> None:
    sent(store)
    write(store, lambda uow: uow.remainders.drop_sent(transfer_id()))
    (row,) = rows(store, "SELECT * FROM transfer_past")
    text = str(row)
    for word in (str(SAECKINGEN), "08337096", str(outbound().members[0].case), "K01"):
        assert word not in text


def test_what_was_counted_goes_with_the_tally_and_the_number_stays(
    store: Store,
) -> None:
    received(store)
    write(store, lambda uow: uow.remainders.drop_received(transfer_id()))
    last = (NOON + timedelta(days=2)).date()
    assert store.read_sync(lambda uow: uow.remainders.counted(date(2026, 2, 11))) == []
    (found,) = store.read_sync(lambda uow: uow.remainders.counted(last))
    write(store, lambda uow: uow.remainders.drop_counted(found))
    assert store.read_sync(lambda uow: uow.counting.handed(None)) == []
    assert store.read_sync(lambda uow: uow.remainders.counted(last)) == []
    assert store.read_sync(lambda uow: uow.inbound.is_past(transfer_id()))


def line(kind: str, on: date | None, **changes: Any) -> TallyLine:
    values = {"codes": {}, "worker": None, "entry": 0, "known_at": AT}
    return TallyLine(kind=kind, on=on, **(values | changes))


def test_the_lines_of_a_person_go_together_after_the_last_of_their_days(
    store: Store,
) -> None:
    old, new = date(2024, 5, 1), date(2025, 5, 1)
    ours = line("responsibility", old, codes={"until": new.isoformat()}, entry=-1)
    write(store, lambda uow: uow.tally.add([ours, line("contact", old)], new))
    counted = lambda day: store.read_sync(lambda uow: uow.remainders.counted(day))  # noqa: E731
    assert counted(date(2025, 4, 30)) == []
    (found,) = counted(new)
    write(store, lambda uow: uow.remainders.drop_counted(found))
    assert rows(store, "SELECT * FROM tally") == []


@pytest.mark.parametrize(
    ("known_until", "last"), [(None, date(2026, 7, 1)), (AT, date(2024, 5, 1))]
)
def test_an_open_time_lasts_until_the_case_was_erased_unless_it_was_known_better(
    store: Store, known_until: datetime | None, last: date
) -> None:
    ours = line("responsibility", date(2024, 5, 1), known_until=known_until, entry=-1)
    talk = line("contact", date(2024, 5, 1))
    write(store, lambda uow: uow.tally.add([ours, talk], date(2026, 7, 1)))
    (found,) = store.read_sync(lambda uow: uow.remainders.counted(date(2030, 1, 1)))
    assert found.last == last


def test_lines_of_somebody_counted_later_stay(store: Store) -> None:
    write(
        store, lambda uow: uow.tally.add([line("contact", date(2024, 5, 1))], AT.date())
    )
    write(
        store, lambda uow: uow.tally.add([line("contact", date(2026, 1, 1))], AT.date())
    )
    found = store.read_sync(lambda uow: uow.remainders.counted(date(2025, 12, 31)))
    assert [one.last for one in found] == [date(2024, 5, 1)]
    write(store, lambda uow: uow.remainders.drop_counted(found[0]))
    write(store, lambda uow: uow.remainders.drop_counted(Counted("0" * 32, AT.date())))
    assert len(rows(store, "SELECT * FROM tally")) == 1


def test_a_period_that_ran_out_is_remembered_and_a_correction_is_not(
    store: Store,
) -> None:
    def keep(first: date, last: date, at: datetime) -> None:
        settings = ReportSettings(first, last)
        write(
            store,
            lambda uow: uow.reports.set_settings(
                settings, by=AccountId("a" * 32), at=at
            ),
        )

    keep(date(2023, 1, 1), date(2025, 6, 30), datetime(2023, 1, 1, tzinfo=UTC))
    keep(date(2023, 1, 1), date(2025, 12, 31), datetime(2026, 1, 5, tzinfo=UTC))
    keep(date(2026, 1, 1), date(2027, 12, 31), datetime(2026, 2, 1, tzinfo=UTC))
    found = store.read_sync(lambda uow: uow.remainders.fundings())
    assert {one.last for one in found} == {date(2025, 12, 31), date(2027, 12, 31)}


# ---- What may be over ------------------------------------------------------------------


def test_a_person_with_whom_somebody_works_is_not_even_looked_at(store: Store) -> None:
    case = people.case_id(1)
    write(store, lambda uow: uow.cases.open_new(case_file()))
    received(store, offered_at=NOON)
    sent(store, members=(replace(outbound().members[0], case=case),))
    write(store, lambda uow: uow.consents.put(people.consent(case)))
    look = lambda: store.read_sync(  # noqa: E731
        lambda uow: (
            uow.remainders.sent_before(LATER),
            uow.remainders.received_before(LATER),
            uow.remainders.quiet_before(LATER),
        )
    )
    assert look() == ([transfer_id()], [transfer_id()], [case])
    write(store, lambda uow: uow.cases.put([record(recorded_at=LATER)]))
    assert look() == ([], [], [])


def test_what_is_younger_than_the_years_is_not_looked_at(store: Store) -> None:
    write(store, lambda uow: uow.cases.open_new(case_file()))
    received(store)
    sent(store)
    write(store, lambda uow: uow.consents.put(people.consent(people.case_id(1))))
    for at in (AT - timedelta(days=60), datetime(2020, 1, 1, tzinfo=UTC)):
        found = store.read_sync(
            lambda uow, at=at: (
                uow.remainders.sent_before(at),
                uow.remainders.received_before(at),
                uow.remainders.quiet_before(at),
            )
        )
        assert found == ([], [], [])


def test_only_what_was_taken_counts_as_said_and_what_waits_is_seen(
    store: Store,
) -> None:
    sent(store)
    read = lambda: store.read_sync(  # noqa: E731
        lambda uow: (
            uow.remainders.last_said(transfer_id()),
            uow.remainders.is_waiting(transfer_id()),
        )
    )
    assert read() == (None, False)
    write(store, lambda uow: uow.outbox.add_statement(say()))
    assert read() == (None, True)
    write(store, lambda uow: uow.outbox.acknowledge(SAECKINGEN, [message_id(1)], LATER))
    assert read() == (LATER, False)
    write(store, lambda uow: take(uow, 9))
    assert read() == (LATER, False)


def test_the_consents_of_one_person_go_and_those_of_another_stay(store: Store) -> None:
    for number in (1, 2):
        write(store, lambda uow, n=number: uow.cases.open_new(case_file(n)))
        write(
            store,
            lambda uow, n=number: (
                uow.consents.put(people.consent(people.case_id(n), n)),
                uow.tasks.add("x.y", at=AT, case=people.case_id(n)),
                uow.tasks.settle("x.y", case=people.case_id(n)),
            ),
        )
    write(store, lambda uow: uow.tasks.add("open.one", at=AT, case=people.case_id(1)))
    write(store, lambda uow: uow.remainders.drop_person(people.case_id(1)))
    assert store.read_sync(lambda uow: uow.consents.of_case(people.case_id(1))) == []
    assert store.read_sync(lambda uow: uow.consents.of_case(people.case_id(2)))
    kept = rows(store, "SELECT kind, case_id FROM task ORDER BY kind")
    assert kept == [("open.one", people.case_id(1)), ("x.y", people.case_id(2))]


def test_of_an_erased_case_it_is_forgotten_where_it_came_from_and_went(
    store: Store,
) -> None:
    ends = {"handed_to": SAECKINGEN, "came_from": SAECKINGEN}
    for number, baton in ((1, Baton.SHREDDED), (2, Baton.ACTIVE)):
        file = case_file(number, **ends)
        write(store, lambda uow, one=file: uow.cases.open_new(one))
        gone = replace(file, baton=baton)
        write(store, lambda uow, one=file, to=gone: uow.cases.replace(one, to))
    look = lambda: store.read_sync(lambda uow: uow.remainders.quiet_before(LATER))  # noqa: E731
    assert look() == [people.case_id(1)]
    for number in (1, 2):
        case = people.case_id(number)
        write(store, lambda uow, one=case: uow.remainders.drop_person(one))
    query = "SELECT id, handed_to, came_from FROM case_file ORDER BY id"
    assert rows(store, query) == [
        (people.case_id(1), None, None),
        (people.case_id(2), SAECKINGEN, SAECKINGEN),
    ]
    assert look() == []


# ---- Who looked ------------------------------------------------------------------------


@pytest.mark.spec("SR-D5")
def test_looks_and_their_reasons_go_after_two_years_and_not_before(
    store: Store,
) -> None:
    for days in (0, 1, 2):
        reading = Reading(
            AccountId("a" * 32),
            people.case_id(1),
            AT + timedelta(days=days),
            "emergency",
            reason="canary reason",
        )
        write(store, lambda uow, one=reading: uow.read_log.add(one))
    drop = lambda at: write(store, lambda uow: uow.remainders.drop_looks(at))  # noqa: E731
    assert drop(AT) == 0
    assert drop(AT + timedelta(days=1, seconds=1)) == 2
    kept = store.read_sync(lambda uow: uow.read_log.of_case(people.case_id(1)))
    assert [one.at for one in kept] == [AT + timedelta(days=2)]
