"""What is kept to count from is never seen: every report is as if counted anew."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import pytest

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.days import local_day
from node.cases.importports import Batch, BatchState, Taken
from node.cases.model import Baton, Origin
from node.cases.tally import tally_of
from node.casework import reporting
from node.casework.reporting import Wish
from node.errors import ConflictError
from node.ids import CaseId, RecordId
from node.report.definition import LAND, definitions
from node.report.facts import COUNTED, RESPONSIBILITY, Fact, Facts
from node.report.figures import Frame
from node.report.ledger import Ledger
from node.report.tables import TOTAL, Table, asks_of
from node.store.engine import Engines
from node.store.runner import Store
from node.store.unit import SqlUnitOfWork
from node.store.work import Means
from node.sync.transfer import Inbound, Outbound
from tests.support.acts import write
from tests.support.build import ANNA, AT, BERND, case_file, record
from tests.support.databases import Wakes
from tests.support.people import case_id, record_id
from tests.support.plaincount import facts_at, recount
from tests.support.transfers import inbound, outbound

CLERK = Actor(ANNA, frozenset({Role.CASEWORKER}))
WORKERS = (ANNA, BERND, None)
SPELLINGS = {
    "contact": {
        "kind": ("talk", "talk", "contact", "attempt", "coordination"),
        "form": ("office", "phone", "zz"),
        "minutes": (5, 45, 90),
        "topics": (["04.1", "05"], [], ["11"]),
        "referred_to": ("", "job_centre"),
        "caseworker": ("", str(ANNA), str(BERND)),
        "counted": (False, True),
        "voided_on": ("", "", "", "2026-03-01"),
    },
    "plan": {
        "plan": ("p1", "p2"),
        "plan_version": (1, 2),
        "status": ("draft", "in_force", "ended", "superseded"),
        "ended_on": ("", "2026-03-01"),
    },
    "goal": {"area": ("04.1", "06"), "status": ("open", "reached", "given_up")},
    "review": {},
    "care_status": {
        "care_status": ("cared_for", "declined"),
        "closure_reason": ("", "moved"),
    },
    "language": {
        "language": ("de", "ti"),
        "lang_kind": ("mother_tongue", "foreign"),
        "level": ("", "A1", "B2"),
    },
    "person": {"counselling_start": ("2023-03-01", "2025-01-01")},
}
DATED = {
    "contact": "date",
    "plan": "agreed_on",
    "goal": "target_date",
    "review": "reviewed_on",
    "language": "assessed_on",
}


class Office:
    """Acts on some cases, drawn by a seed."""

    def __init__(self, store: Store, means: Means, seed: int) -> None:
        self.store, self.clock, self.chance = store, means.clock, Random(seed)
        self.number = 0
        self.instants = [means.clock.now()]

    def act(self) -> None:
        """Something happens, some time later."""
        acts = (
            *(self.open, self.put, self.put, self.put, self.put, self.revise),
            *(self.revise, self.change, self.change, self.remove, self.erase),
            *(self.bring_list, self.send, self.receive, self.fail, self.come_back),
        )
        self.clock.at += timedelta(minutes=self.chance.choice((0, 3, 600, 30_000)))
        if self.chance.random() < 0.2:
            self.instants.append(self.clock.now())
        self.chance.choice(acts)()

    def _next(self) -> int:
        self.number += 1
        return self.number

    def _day(self) -> str:
        return (
            date(2026, 1, 5) + timedelta(days=self.chance.randrange(150))
        ).isoformat()

    def _cases(self, *batons: Baton) -> list[CaseId]:
        wanted = batons or tuple(b for b in Baton if b is not Baton.SHREDDED)
        files = self.store.read_sync(lambda uow: uow.cases.all_files())
        return [file.id for file in files if file.baton in wanted]

    def _some(self) -> list[CaseId]:
        cases = self._cases()
        return self.chance.sample(cases, min(len(cases), self.chance.choice((1, 1, 3))))

    def _values(self, kind: str) -> dict[str, object]:
        values = {n: self.chance.choice(v) for n, v in SPELLINGS[kind].items()}
        values[DATED.get(kind, "valid_from")] = self._day()
        return {name: value for name, value in values.items() if value != ""}

    def _record(self, case: CaseId, number: RecordId, kind: str):
        return replace(
            record(kind=kind, values=self._values(kind)),
            case=case,
            id=number,
            recorded_at=self.clock.now(),
            recorded_by=self.chance.choice(WORKERS),
            origin=self.chance.choice((Origin.OWN, Origin.OWN, *Origin)),
        )

    def _file(self, **more: object):
        return case_file(
            self._next(),
            caseworker=self.chance.choice(WORKERS),
            responsible_from=self.chance.choice(
                (None, date.fromisoformat(self._day()))
            ),
            **more,
        )

    def open(self) -> None:
        file = self._file()
        write(self.store, lambda uow: uow.cases.open_new(file))

    def put(self) -> None:
        number, kind = record_id(self._next()), self.chance.choice([*SPELLINGS])
        made = self._record(case_id(1), number, kind)
        copies = [replace(made, case=case) for case in self._some()]
        write(self.store, lambda uow: uow.cases.put(copies))

    def revise(self) -> None:
        """One of the copies that an entry has, or all of them."""
        if not (cases := self._some()):
            return
        records = self.store.read_sync(lambda uow: uow.cases.content(cases[0])).records
        if not records:
            return
        old = self.chance.choice(records)
        new = replace(self._record(old.case, old.id, old.kind), origin=old.origin)
        others = [
            case
            for case in self._cases()
            if self.chance.random() < 0.5
            and old.id
            in {
                r.id
                for r in self.store.read_sync(
                    lambda u, c=case: u.cases.content(c)
                ).records
            }
        ]
        copies = [replace(new, case=case) for case in {old.case, *others}]
        write(self.store, lambda uow: uow.cases.put(copies))

    def change(self) -> None:
        for case in self._some():
            file = self.store.read_sync(lambda uow, c=case: uow.cases.file(c))
            drawn = self._file()
            after = replace(
                file,
                caseworker=drawn.caseworker,
                responsible_from=self.chance.choice(
                    (file.responsible_from, drawn.responsible_from)
                ),
                responsible_until=self.chance.choice((None, date(2026, 3, 31))),
                baton=self.chance.choice((Baton.ACTIVE, Baton.HANDED_OVER)),
            )
            write(self.store, lambda uow, f=file, a=after: uow.cases.replace(f, a))

    def remove(self) -> None:
        for case in self._some():
            found = self.store.read_sync(
                lambda uow, c=case: uow.cases.content(c)
            ).records
            gone = self.chance.sample(found, min(len(found), 2))
            write(self.store, lambda uow, c=case, g=gone: uow.cases.remove(c, g))

    def erase(self) -> None:
        for case in self._some()[:1]:
            erase(self.store, case, keeps=self.chance.random() < 0.8)

    def come_back(self) -> None:
        for case in self._cases(Baton.SHREDDED, Baton.HANDED_OVER)[:1]:
            file = self.store.read_sync(lambda uow, c=case: uow.cases.file(c))
            again = replace(self._file(), id=case, epoch=file.epoch + 1)
            write(self.store, lambda uow, a=again: uow.cases.reopen(a))

    def bring_list(self) -> None:
        """A list opens a case and writes into others; then it is taken back, or not."""
        batch, file = record_id(1000 + self._next()), self._file()
        old = self._some()
        made = self._record(file.id, record_id(self._next()), "contact")
        listed = replace(made, origin=Origin.LIST)

        def bring(uow: SqlUnitOfWork) -> None:
            uow.imports.add(
                Batch(
                    batch, ANNA, BatchState.OPEN, AT, AT + timedelta(9), bytes(32), b""
                ),
                b"rows",
            )
            before = {case: uow.cases.file(case).version for case in old}
            uow.cases.open_new(file)
            uow.cases.put(replace(listed, case=case) for case in (file.id, *old))
            taken = [
                Taken(
                    case,
                    before.get(case, 0),
                    uow.cases.file(case).version,
                    ((listed.id, 1),),
                )
                for case in (file.id, *old)
            ]
            uow.imports.note(batch, taken)

        write(self.store, bring)
        check(self)
        if self.chance.random() < 0.7:
            write(self.store, lambda uow: uow.imports.take_back(batch))

    def send(self) -> None:
        number, now = 100 + self._next(), self.clock.now()
        facts = {Outbound.QUEUED: now - timedelta(days=9), Outbound.CLOSED: now}
        if self.chance.random() < 0.5:
            facts = {Outbound.REJECTED: now}
        sent = outbound(number, facts=facts, created_by=ANNA)
        write(self.store, lambda uow: uow.outbound.add(sent))

    def receive(self) -> None:
        number = 200 + self._next()
        came = inbound(number, facts={Inbound.IMPORTED: self.clock.now()})
        write(self.store, lambda uow: uow.inbound.add(came))

    def fail(self) -> None:
        """A unit counts, writes and counts again, and is undone."""
        wish, made = Wish(LAND, date(2026, 1, 1), date(2026, 6, 30)), self._file()

        def unit(uow: SqlUnitOfWork) -> None:
            with uow:
                for case in self._some_in(uow):
                    uow.cases.touch(case)
                    uow.cases.put(
                        [self._record(case, record_id(self._next()), "contact")]
                    )
                uow.cases.open_new(made)
                reporting.run(uow, wish, self.clock.now(), by=CLERK)
                raise ConflictError("undone")

        with pytest.raises(ConflictError):
            self.store.write_sync(unit)

    def _some_in(self, uow: SqlUnitOfWork) -> list[CaseId]:
        return [f.id for f in uow.cases.all_files() if f.baton is not Baton.SHREDDED][
            :2
        ]


def erase(store: Store, case: CaseId, *, keeps: bool = True) -> None:
    def act(uow: SqlUnitOfWork) -> None:
        file = uow.cases.file(case)
        if keeps:
            uow.tally.add(tally_of(uow.tally.history(case)), date(2026, 6, 1))
        uow.cases.replace(file, replace(file, baton=Baton.SHREDDED, transfer=None))

    write(store, act)


def wishes(office: Office) -> Iterator[Wish]:
    today = local_day(office.clock.now())
    frames = (
        (date(2026, 1, 1), date(2026, 3, 31)),
        (date(2026, 2, 1), max(today, AT.date())),
    )
    for report in definitions():
        yield Wish(report.id, *frames[0])
        yield Wish(report.id, *frames[1], window_months=2)
        yield Wish(report.id, *frames[1], caseworker=BERND)
        yield Wish(
            report.id, *frames[1], known_at=office.chance.choice(office.instants)
        )


def check(office: Office) -> None:
    now = office.clock.now()
    for wish in wishes(office):

        def both(uow: SqlUnitOfWork, wish: Wish = wish) -> None:
            table = reporting.run(uow, wish, now, by=CLERK)
            assert table == recount(uow, wish, now)
            drill(uow, wish, now, table, office.chance)
            if wish.known_at is not None:
                later(uow, wish.frame, wish.known_at)

        office.store.read_sync(both)


def drill(uow: SqlUnitOfWork, wish: Wish, now, table: Table, chance: Random) -> None:
    """Behind a number are so many things."""
    counts = [column for column in table.columns if column.is_count]
    cell = (chance.choice(table.rows), chance.choice(counts).id)
    own = frozenset(file.id for file in uow.cases.all_files())
    drilled = reporting.drill(uow, wish, cell, own, now, by=CLERK)
    assert drilled.total == table.number(*cell)


def later(uow: SqlUnitOfWork, frame: Frame, at) -> None:
    """So many entries were recorded since."""
    kinds = {"contact", "plan", "review"}

    def entries(known_at):
        return {
            fact.entry
            for fact in facts_at(uow, known_at)
            if fact.kind in kinds and fact.is_own and frame.holds(fact.on)
        }

    with uow.counting.book() as book:
        assert book.later(kinds, frame, at) == len(entries(None) - entries(at))


@pytest.mark.spec("DO-1", "DO-38")
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happened_every_report_is_as_if_it_were_counted_anew(
    store: Store, means: Means, seed: int
) -> None:
    office = Office(store, means, seed)
    for _ in range(3):
        office.open()
    for _ in range(30):
        office.act()
        check(office)


# ---- One by one ------------------------------------------------------------------------

TALK = {"date": "2026-02-03", "kind": "talk", "form": "office"}
WISH = Wish("gespraeche", date(2026, 1, 1), date(2026, 6, 30))


@pytest.fixture
def other(engines: Engines, means: Means, wakes: Wakes) -> Iterator[Store]:
    """Another process with a memory of its own on the same database."""
    store = Store(engines, replace(means, ledger=Ledger()), listener=wakes)
    yield store
    store.close()


def talks(uow: SqlUnitOfWork) -> int:
    return reporting.run(uow, WISH, AT, by=CLERK).number(TOTAL, "form")


def opened(uow: SqlUnitOfWork, number: int = 1) -> None:
    file = case_file(number, responsible_from=date(2026, 1, 5))
    uow.cases.open_new(file)


def talk(number: int, case: int = 1, **values: object):
    return record(number, case, values={**TALK, **values})


def remembered(means: Means) -> str:
    """All that the memory holds, spelled out."""
    return repr(vars(means.ledger._book))


def test_what_a_unit_saw_that_was_undone_is_not_counted(store: Store) -> None:
    write(store, opened)
    assert store.read_sync(talks) == 0

    def undone(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.cases.put([talk(1), talk(2)])
            assert talks(uow) == 2
            raise ConflictError("undone")

    with pytest.raises(ConflictError):
        store.write_sync(undone)
    # The version of the case is now what it was in the unit that was undone.
    write(store, lambda uow: uow.cases.put([talk(3)]))
    assert store.read_sync(talks) == 1


def test_another_process_sees_what_this_one_wrote(store: Store, other: Store) -> None:
    write(store, opened)
    for number in (1, 2):
        write(store, lambda uow, n=number: uow.cases.put([talk(n)]))
        assert other.read_sync(talks) == store.read_sync(talks) == number
    write(other, lambda uow: uow.cases.put([talk(2, voided_on="2026-02-04")]))
    assert other.read_sync(talks) == store.read_sync(talks) == 1
    erase(store, case_id(1), keeps=False)
    assert other.read_sync(talks) == store.read_sync(talks) == 0


def test_a_case_in_the_place_of_one_that_went_is_another(
    store: Store, other: Store, means: Means
) -> None:
    number = record_id(900)
    batch = Batch(number, ANNA, BatchState.OPEN, AT, AT + timedelta(9), bytes(32), b"")

    def bring(uow: SqlUnitOfWork) -> None:
        uow.imports.add(batch, b"rows")
        opened(uow)
        uow.cases.put([talk(1), talk(2)])
        uow.imports.note(number, [Taken(case_id(1), 0, 2, ())])

    write(store, bring)
    assert other.read_sync(talks) == 2
    write(store, lambda uow: uow.imports.take_back(number))
    means.clock.at += timedelta(seconds=1)
    write(store, opened)
    write(store, lambda uow: uow.cases.put([talk(3)]))
    assert other.read_sync(talks) == 1


@pytest.mark.spec("DO-33")
@pytest.mark.parametrize("keeps", [True, False])
def test_an_erased_case_leaves_the_memory_before_anybody_asks(
    store: Store, means: Means, *, keeps: bool
) -> None:
    for number in (1, 2):
        write(store, lambda uow, n=number: opened(uow, n))
    write(store, lambda uow: uow.cases.put([talk(1), talk(1, 2), talk(2)]))
    assert store.read_sync(talks) == 2
    assert case_id(1) in remembered(means)
    erase(store, case_id(1), keeps=keeps)
    for text in (case_id(1), record_id(2)):
        assert text not in remembered(means)
    assert case_id(2) in remembered(means)
    assert store.read_sync(talks) == (2 if keeps else 1)


def test_a_case_that_a_list_opened_leaves_the_memory_with_it(
    store: Store, means: Means
) -> None:
    number = record_id(900)
    batch = Batch(number, ANNA, BatchState.OPEN, AT, AT + timedelta(9), bytes(32), b"")

    def bring(uow: SqlUnitOfWork) -> None:
        uow.imports.add(batch, b"rows")
        opened(uow)
        uow.imports.note(number, [Taken(case_id(1), 0, 1, ())])

    write(store, bring)
    store.read_sync(talks)
    assert case_id(1) in remembered(means)
    write(store, lambda uow: uow.imports.take_back(number))
    assert case_id(1) not in remembered(means)


def test_a_look_that_began_before_an_erasure_leaves_nothing_behind(
    store: Store, means: Means
) -> None:
    write(store, opened)
    write(store, lambda uow: uow.cases.put([talk(1)]))

    def slow(uow: SqlUnitOfWork) -> int:
        uow.reports.settings()
        erase(store, case_id(1), keeps=False)
        return talks(uow)

    assert store.read_sync(slow) == 1
    assert case_id(1) not in remembered(means)
    assert store.read_sync(talks) == 0


def test_an_erasure_that_was_undone_forgets_nobody(store: Store) -> None:
    write(store, opened)
    write(store, lambda uow: uow.cases.put([talk(1)]))
    assert store.read_sync(talks) == 1

    def undone(uow: SqlUnitOfWork) -> None:
        with uow:
            file = uow.cases.file(case_id(1))
            after = replace(file, baton=Baton.SHREDDED, transfer=None)
            uow.cases.replace(file, after)
            raise ConflictError("undone")

    with pytest.raises(ConflictError):
        store.write_sync(undone)
    assert store.read_sync(talks) == 1


def test_a_memory_that_broke_half_way_begins_anew(
    store: Store, means: Means, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, opened)
    write(store, lambda uow: uow.cases.put([talk(1)]))
    assert store.read_sync(talks) == 1
    write(store, lambda uow: uow.cases.put([talk(2)]))
    with monkeypatch.context() as patch:
        patch.setattr(means.ledger._book, "_disown", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store.read_sync(talks)
    assert store.read_sync(talks) == 2


def test_who_reads_while_others_write_sees_one_state(store: Store) -> None:
    write(store, opened)

    def look(_: int) -> None:
        def both(uow: SqlUnitOfWork) -> None:
            assert reporting.run(uow, WISH, AT, by=CLERK) == recount(uow, WISH, AT)

        for _ in range(10):
            store.read_sync(both)

    def record_some(_: int) -> None:
        for number in range(20):
            write(store, lambda uow, n=number: uow.cases.put([talk(n + 1)]))

    with ThreadPoolExecutor(4) as threads:
        jobs = [threads.submit(job, 0) for job in (look, look, record_some, look)]
        for job in jobs:
            job.result()
    assert store.read_sync(talks) == 20


def test_questions_that_are_kept_are_few(store: Store, means: Means) -> None:
    write(store, opened)
    for day in range(1, 29):
        for name in ("gespraeche", "ziele"):
            wish = Wish(name, date(2026, 1, day), date(2026, 6, 30))
            store.read_sync(reporting.run, wish, AT, by=CLERK)
    assert len(means.ledger._book._sums) == 32


def test_figures_ask_for_no_code_that_is_not_kept() -> None:
    asked: dict[str, set[str]] = {kind: set() for kind in COUNTED}

    class Spy(dict[str, object]):
        def __init__(self, kind: str, values: dict[str, object]) -> None:
            super().__init__(values)
            self.kind = kind

        def get(self, name: str, other: object = None) -> object:
            asked[self.kind].add(name)
            return super().get(name, other)

    chance = Random(1)
    for _ in range(300):
        listed = [
            Fact(kind, "p", f"{kind}/{n}", date(2026, 2, 3), Spy(kind, drawn), ANNA, AT)
            for kind in COUNTED
            for n in range(2)
            for drawn in [{k: chance.choice(v) for k, v in SPELLINGS[kind].items()}]
        ]
        ours = Fact(RESPONSIBILITY, "p", "p/1", date(2026, 1, 1), {}, ANNA, AT)
        goals = tuple(fact for fact in listed if fact.kind == "goal")
        facts = Facts((ours, *listed), goals)
        for report in definitions():
            for ask in asks_of(report, Frame(date(2026, 1, 1), date(2026, 6, 30))):
                list(ask.things(facts))
    assert asked == {kind: set(names) for kind, names in COUNTED.items()}
