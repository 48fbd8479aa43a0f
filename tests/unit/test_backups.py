"""When a backup is due or late, whom the clock believes, and what is left to count."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from node.cases.model import Origin, Record
from node.cases.tally import History, Period, Version, tally_of
from node.errors import BackupError
from node.ids import AccountId, CaseId, RecordId
from node.report.backups import (
    BackupRow,
    Kind,
    is_due,
    is_overdue,
    last_verified,
)
from node.store.archive import Member, read_archive, whole, write_archive
from node.sync.schedule import SignedTime, clock_confirmed

NOW = datetime(2026, 7, 14, 12, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


# -- Backups -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("taken_at", "now", "due"),
    [
        (None, NOW, True),
        # 2 o'clock in Berlin is midnight in UTC in summer.
        (datetime(2026, 7, 13, 23, 59, tzinfo=UTC), NOW, True),
        (datetime(2026, 7, 14, 0, 0, tzinfo=UTC), NOW, False),
        (datetime(2026, 7, 13, 0, 30, tzinfo=UTC), NOW - 13 * HOUR, False),
        (
            datetime(2026, 1, 14, 0, 59, tzinfo=UTC),
            datetime(2026, 1, 14, 12, tzinfo=UTC),
            True,
        ),
    ],
)
def test_the_backup_of_the_day_is_due_from_its_hour_on(taken_at, now, due):
    assert is_due(taken_at, now, hour=2) is due


def row(hours, *, kind=Kind.CONTENT, verified=True):
    at = NOW - hours * HOUR
    return BackupRow("s", kind, "/x", bytes(32), (), at, at if verified else None)


def test_only_verified_content_counts():
    rows = [row(1, verified=False), row(2, kind=Kind.KEYS), row(27)]
    assert last_verified(rows) == NOW - 27 * HOUR
    assert is_overdue(last_verified(rows), NOW)
    assert not is_overdue(last_verified([*rows, row(26)]), NOW)
    assert is_overdue(last_verified([]), NOW)


# -- Archives ----------------------------------------------------------------------------


def content_of(member):
    return member.read(100)


def archive(*names):
    members = [whole(name, name.encode() * 3) for name in names]
    return b"".join(write_archive(members))


def test_an_archive_gives_its_members_whichever_way_it_is_cut():
    raw = archive("db/x", "files/packets/00ff", "node.toml")
    for size in (1, 2, 7, len(raw)):
        portions = [raw[at : at + size] for at in range(0, len(raw), size)]
        found = [(m.name, m.read(99)) for m in read_archive(portions)]
        assert found == [
            (name, name.encode() * 3)
            for name in ("db/x", "files/packets/00ff", "node.toml")
        ]


def test_a_member_that_nobody_reads_is_passed_over():
    assert [m.name for m in read_archive([archive("a", "b", "c")])] == ["a", "b", "c"]


def test_every_archive_that_was_cut_is_refused():
    raw = archive("a", "b")
    for length in range(len(raw)):
        with pytest.raises(BackupError):
            list(map(content_of, read_archive([raw[:length]])))


def test_an_archive_that_goes_on_is_refused():
    with pytest.raises(BackupError, match="goes on"):
        list(read_archive([archive("a") + b"x"]))


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../x", "a/../b", "a//b", "a/", ".ssh", "a/.b", "a\\b", "ä", "a b"],
)
def test_a_name_that_leads_elsewhere_is_refused(name):
    raw = name.encode("utf-8")
    text = len(raw).to_bytes(2, "big") + raw + bytes(4) + bytes(2)
    with pytest.raises(BackupError, match="name"):
        list(read_archive([text]))


def test_a_small_member_that_is_long_is_refused():
    raw = b"".join(write_archive([Member("a", iter([b"x" * 60] * 2))]))
    with pytest.raises(BackupError, match="too long"):
        list(map(content_of, read_archive([raw])))


# -- The clock ---------------------------------------------------------------------------


def heard(source, *, ago=HOUR, off=timedelta()):
    return SignedTime(source, NOW - ago + off, NOW - ago)


@pytest.mark.spec("SR-K7")
@pytest.mark.parametrize(
    ("times", "confirmed"),
    [
        ([], False),
        ([heard("a")], True),
        ([heard("a", off=5 * MINUTE)], True),
        ([heard("a", off=-5 * MINUTE)], True),
        ([heard("a", off=5 * MINUTE + timedelta(seconds=1))], False),
        ([heard("a", ago=24 * HOUR)], True),
        ([heard("a", ago=24 * HOUR + timedelta(seconds=1))], False),
        # A clock that was set back: what was heard lies in its future.
        ([heard("a", ago=-HOUR)], False),
        ([heard("a"), heard("b", off=9 * MINUTE)], True),
        ([heard("a"), heard("b", off=9 * MINUTE), heard("c", off=-9 * MINUTE)], False),
        # The newest word of each counts.
        ([heard("a", ago=2 * HOUR), heard("a", off=9 * MINUTE)], False),
        ([heard("a"), heard("a", ago=2 * HOUR, off=9 * MINUTE)], True),
    ],
)
def test_the_clock_is_confirmed_by_what_others_signed_lately(times, confirmed):
    assert clock_confirmed(times, NOW) is confirmed


# -- The tally ---------------------------------------------------------------------------

CASE = CaseId("1" * 32)
WORKER = AccountId("c" * 32)


def record(of, number=1, origin=Origin.OWN, **values):
    return Record(
        CASE,
        RecordId(f"{number:032x}"),
        of,
        values,
        NOW,
        origin=origin,
        recorded_by=WORKER,
    )


def content(*records):
    ours = Period(date(2026, 1, 2), date(2026, 7, 1), WORKER, NOW)
    return History(tuple(Version(record) for record in records), (ours,))


SECRETS = {
    "note": "Geheim",
    "others_present": "Frau Geheim",
    "language": "ti",
    "service_name": "Geheim e. V.",
    "persons": ["2" * 32],
    "text": "Geheim",
}


def test_a_tally_keeps_codes_and_days_and_nothing_a_person_wrote():
    talk = record("contact", date="2026-03-04", kind="talk", minutes=44, **SECRETS)
    goal = record("goal", 2, area="04", status="open", target_date="2026-09", **SECRETS)
    person = record("person", 3, family_name="Geheim", birth_date="1990-05-04")
    lines = tally_of(content(talk, goal, person))
    assert [line.kind for line in lines] == ["responsibility", "contact", "goal"]
    assert lines[1].on == date(2026, 3, 4)
    assert lines[0].codes == {"until": "2026-07-01"}
    assert lines[1].codes == {"kind": "talk", "minutes": 60}
    assert lines[2].on is None
    assert "Geheim" not in repr(lines)
    assert CASE not in repr(lines)


def test_a_tally_counts_neither_what_was_voided_nor_what_came_from_elsewhere():
    foreign = record("contact", 2, Origin.TRANSFER, date="2026-03-04", kind="talk")
    assert [line.kind for line in tally_of(content(foreign))] == ["responsibility"]


def test_a_tally_keeps_since_when_until_when_each_version_was_known():
    talk = record("contact", date="2026-03-04", kind="talk")
    voided = record("contact", date="2026-03-04", kind="talk", voided_on="2026-03-05")
    later = replace(voided, recorded_at=NOW + HOUR)
    history = History((Version(talk, NOW + HOUR), Version(later)), ())
    first, second = tally_of(history)
    assert first.entry == second.entry
    assert (first.known_at, first.known_until) == (NOW, NOW + HOUR)
    assert (second.known_at, second.known_until) == (NOW + HOUR, None)
    assert ("voided_on" in first.codes, "voided_on" in second.codes) == (False, True)


@pytest.mark.spec("FR-7")
def test_an_entry_that_lives_on_in_another_case_is_marked_as_shared():
    talks = [record("contact", n, date="2026-03-04", kind="talk") for n in (1, 2)]
    history = History(
        tuple(Version(talk) for talk in talks), (), frozenset({talks[0].id})
    )
    assert [line.codes.get("shared") for line in tally_of(history)] == [True, None]


def test_of_care_that_came_from_elsewhere_the_state_alone_is_kept():
    state = record(
        "care_status",
        1,
        Origin.TRANSFER,
        valid_from="2026-01-02",
        care_status="cared_for",
        closure_reason="other",
    )
    (_, line) = tally_of(content(state))
    assert line.codes == {"care_status": "cared_for"}


def test_a_goal_in_the_area_of_health_is_counted_without_its_area():
    goals = [record("goal", n, area=f"{n:02}", status="open") for n in range(1, 16)]
    from node.cases.dictionary import health_records

    hidden = health_records(goals)
    assert hidden, "no area of health in the list"
    lines = tally_of(content(*goals))[1:]
    assert sum("area" not in line.codes for line in lines) == len(hidden)
