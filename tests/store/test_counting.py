"""What reports count, from real rows: now, as known before, and after an erasure."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from node.cases.model import Baton, Origin
from node.cases.tally import tally_of
from node.errors import ConflictError, NotFoundError
from node.ids import Hex128
from node.report.facts import RESPONSIBILITY, Fact, in_force
from node.report.snapshot import ReportSettings, Snapshot, Template
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from tests.support.acts import rows, write
from tests.support.build import ANNA, AT, BERND, case_file, record
from tests.support.people import case_id, record_id
from tests.support.transfers import inbound, outbound

CASE = case_id(1)
ALL = ("contact", "plan", "care_status", RESPONSIBILITY)
TALK = {"date": "2026-02-03", "kind": "talk", "form": "office", "minutes": 40}


def talk(case: int = 1, number: int = 5, **values: object):
    return record(number=number, case=case, kind="contact", values={**TALK, **values})


def facts(store: Store, *kinds: str, at=None) -> list[Fact]:
    def read(uow: SqlUnitOfWork) -> list[Fact]:
        known = uow.counting.known(uow.counting.stamps().keys())
        return [fact for of_one in known.values() for fact in in_force(of_one, at)]

    found = [f for f in store.read_sync(read) if f.kind in (kinds or ALL)]
    return sorted(found, key=lambda fact: (fact.kind, fact.person, fact.entry))


def shape(found: list[Fact]) -> list[tuple[object, ...]]:
    """Facts without the names of persons and entries."""
    return sorted(
        (f.kind, f.on, f.worker, f.is_own, f.text("kind"), f.text("until"))
        for f in found
    )


def ours(store: Store, number: int = 1, **fields: object) -> None:
    file = case_file(
        number, responsible_from=date(2026, 1, 5), caseworker=ANNA, **fields
    )
    write(store, lambda uow: uow.cases.open_new(file))


def put(store: Store, *records: object) -> None:
    write(store, lambda uow: uow.cases.put(records))


def erase(store: Store, number: int = 1) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        file = uow.cases.file(case_id(number))
        uow.tally.add(tally_of(uow.tally.history(file.id)), date(2026, 6, 1))
        uow.cases.replace(file, replace(file, baton=Baton.SHREDDED, transfer=None))

    write(store, act)


@pytest.mark.spec("FR-8")
def test_facts_say_what_was_recorded_and_whose_work_it_is(store: Store) -> None:
    ours(store)
    put(store, talk(), replace(talk(number=6), origin=Origin.TRANSFER))
    found = facts(store, "contact")
    assert [(f.on, f.is_own, f.text("form")) for f in found] == [
        (date(2026, 2, 3), True, "office"),
        (date(2026, 2, 3), False, "office"),
    ]
    assert facts(store, "plan") == []
    assert facts(store, RESPONSIBILITY)[0].worker == ANNA


@pytest.mark.spec("FR-8")
def test_a_talk_of_a_list_counts_only_if_this_office_held_it(store: Store) -> None:
    ours(store)
    listed = replace(talk(), origin=Origin.LIST)
    held = replace(talk(number=6, counted=True), origin=Origin.LIST)
    put(store, listed, held)
    assert [f.entry for f in facts(store, "contact")] == [str(record_id(6))]


@pytest.mark.spec("DO-10")
def test_an_entry_is_seen_as_it_was_at_each_instant(store: Store, means: Means) -> None:
    ours(store)
    start = means.clock.now()
    put(store, replace(talk(), recorded_at=start))
    instants = [start]
    for values in ({"form": "phone"}, {"form": "phone", "voided_on": "2026-03-01"}):
        means.clock.at += timedelta(days=8)
        instants.append(means.clock.now())
        put(store, replace(talk(**values), recorded_at=means.clock.now()))

    def forms(at):
        return [fact.text("form") for fact in facts(store, "contact", at=at)]

    assert forms(start - timedelta(seconds=1)) == []
    assert [forms(at) for at in instants] == [["office"], ["phone"], []]
    assert forms(instants[1] - timedelta(seconds=1)) == ["office"]
    assert forms(None) == []


def test_a_new_hand_and_a_last_day_are_known_from_when_they_were_written(
    store: Store, means: Means
) -> None:
    ours(store)
    then = means.clock.now()
    means.clock.at += timedelta(hours=1)
    file = store.read_sync(lambda uow: uow.cases.file(CASE))
    after = replace(file, caseworker=BERND, responsible_until=date(2026, 3, 1))
    write(store, lambda uow: uow.cases.replace(file, after))
    (fact,) = facts(store, RESPONSIBILITY)
    assert (fact.worker, fact.text("until")) == (BERND, "2026-03-01")
    (before,) = facts(store, RESPONSIBILITY, at=then)
    assert (before.worker, before.text("until")) == (ANNA, "")
    assert facts(store, RESPONSIBILITY, at=then - timedelta(seconds=1)) == []


def test_what_reports_do_not_count_leaves_no_former_row(store: Store) -> None:
    ours(store)
    file = store.read_sync(lambda uow: uow.cases.file(CASE))
    write(store, lambda uow: uow.cases.replace(file, replace(file, baton=Baton.FROZEN)))
    assert rows(store, "SELECT * FROM case_past") == []


def test_a_person_who_comes_back_has_two_times(store: Store) -> None:
    ours(store, responsible_until=date(2026, 2, 1))
    file = store.read_sync(lambda uow: uow.cases.file(CASE))
    write(
        store,
        lambda uow: uow.cases.replace(
            file,
            replace(file, responsible_from=date(2026, 5, 1), responsible_until=None),
        ),
    )
    found = facts(store, RESPONSIBILITY)
    assert [(f.on, f.text("until")) for f in found] == [
        (date(2026, 1, 5), "2026-02-01"),
        (date(2026, 5, 1), ""),
    ]


@pytest.mark.spec("DO-33")
def test_an_erased_case_counts_as_it_did_before(store: Store) -> None:
    ours(store)
    ours(store, 2)
    plan = record(
        number=8,
        kind="plan",
        values={"agreed_on": "2026-01-20", "plan_version": 1, "status": "in_force"},
    )
    put(store, talk(), talk(2), talk(number=7, voided_on="2026-02-05"), plan)
    before = facts(store)
    erase(store)
    after = facts(store)
    assert shape(after) == shape(before)
    assert {f.person[0] == "~" for f in after} == {True, False}
    shared = [f for f in after if f.codes.get("shared")]
    assert [f.entry for f in after if f.kind == "contact" and f not in shared] == [
        str(record_id(5))
    ]
    assert len(shared) == 1
    erase(store, 2)
    last = [f for f in facts(store, "contact") if not f.codes.get("shared")]
    assert len(last) == 1
    for table in ("case_past", "record", "record_past"):
        assert rows(store, f"SELECT * FROM {table}") == []


@pytest.mark.spec("DO-38")
def test_an_erased_case_is_known_as_it_was_before_it_was_changed(
    store: Store, means: Means
) -> None:
    ours(store)
    put(store, replace(talk(), recorded_at=means.clock.now()))
    instants = [means.clock.now() - timedelta(days=1), means.clock.now()]
    means.clock.at += timedelta(hours=1)
    put(
        store,
        replace(talk(voided_on="2026-03-01"), recorded_at=means.clock.now()),
    )
    instants.append(means.clock.now())
    means.clock.at += timedelta(hours=1)
    file = store.read_sync(lambda uow: uow.cases.file(CASE))
    write(store, lambda uow: uow.cases.replace(file, replace(file, caseworker=BERND)))
    instants.append(means.clock.now())
    before = [shape(facts(store, at=at)) for at in instants]
    assert len({len(found) for found in before}) > 1
    means.clock.at += timedelta(hours=1)
    erase(store)
    assert [shape(facts(store, at=at)) for at in instants] == before


def test_a_line_of_the_tally_names_nobody(store: Store) -> None:
    ours(store)
    put(store, talk(note="Geheim", persons=[str(CASE)]))
    erase(store)
    written = repr(rows(store, "SELECT * FROM tally"))
    for text in (str(CASE), "Geheim", str(record_id(5))):
        assert text not in written


def test_handovers_are_told_by_their_days(store: Store) -> None:
    write(store, lambda uow: uow.outbound.add(outbound()))
    write(store, lambda uow: uow.inbound.add(inbound()))
    found = store.read_sync(lambda uow: uow.counting.handed(None))
    assert [h.is_outward for h in found] == [True, False]
    assert found[0].persons == len(outbound().members)
    assert store.read_sync(lambda uow: uow.counting.handed(AT)) is not None


# ---- What is kept ----------------------------------------------------------------------


def snapshot(number: int = 1) -> Snapshot:
    return Snapshot(
        id=Hex128(f"{number:032x}"),
        definition="ziele",
        definition_digest=bytes(32),
        first=date(2026, 1, 1),
        last=date(2026, 6, 30),
        caseworker=None,
        known_at=AT + timedelta(days=number),
        software="1",
        content=b'{"rows":[]}',
        digest=bytes([1] * 32),
        made_by=ANNA,
    )


def test_a_snapshot_comes_back_as_it_was_and_only_once(store: Store) -> None:
    for number in (1, 2):
        write(store, lambda uow, n=number: uow.reports.add(snapshot(n)))
    found = store.read_sync(lambda uow: uow.reports.of("ziele"))
    assert found == [snapshot(2), snapshot(1)]
    assert store.read_sync(lambda uow: uow.reports.of("betreuung")) == []
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.reports.add(snapshot(1)))
    with pytest.raises(NotFoundError):
        store.read_sync(lambda uow: uow.reports.get(Hex128("f" * 32)))


def test_settings_are_written_anew(store: Store) -> None:
    assert store.read_sync(lambda uow: uow.reports.settings()) is None
    for months in (12, 36):
        settings = ReportSettings(date(2026, 1, 1), date(2026, 12, 31), months)
        write(
            store,
            lambda uow, s=settings: uow.reports.set_settings(s, by=ANNA, at=AT),
        )
        assert store.read_sync(lambda uow: uow.reports.settings()) == settings


def test_the_template_uploaded_last_counts_and_its_cells_are_guarded(
    store: Store,
) -> None:
    assert store.read_sync(lambda uow: uow.reports.template()) is None
    old = Template(bytes(32), "alt.xlsx", b"a", {}, ANNA, AT)
    new = Template(bytes([2] * 32), "neu.xlsx", b"b", {}, ANNA, AT + timedelta(days=1))
    for one in (old, new):
        write(store, lambda uow, t=one: uow.reports.put_template(t))
    assert store.read_sync(lambda uow: uow.reports.template()) == new
    changed = replace(new, cells={"sheet": "X"}, version=2)
    write(store, lambda uow: uow.reports.put_template(changed))
    assert store.read_sync(lambda uow: uow.reports.template()) == changed
    with pytest.raises(ConflictError):
        write(store, lambda uow: uow.reports.put_template(changed))
