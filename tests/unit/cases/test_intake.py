"""How a case that arrives becomes a case here: what was taken, and nothing else."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from node.cases.dictionary import DICTIONARY, FOREIGN, NEVER
from node.cases.extract import Extract, select
from node.cases.intake import (
    Arrival,
    NewCase,
    NewCases,
    StaleEpoch,
    plan_intake,
    read_record,
    with_file,
)
from node.cases.model import Baton, CaseContent, CaseFile, Origin, Record
from node.errors import PacketUnreadableError, UsageError
from node.ids import CaseId, MemberId, RecordId
from node.strictjson import encode
from tests.support.casefiles import EVERYTHING, content, permit_for, person, record
from tests.support.people import ADA, BEN, SAECKINGEN, WEHR, WORKER, record_id

AT = datetime(2026, 4, 20, 22, 30, tzinfo=UTC)  # 21 April in Berlin
MURG = MemberId("08337-landkreis-waldshut")


def arrival_of(found: Extract, **changes: Any) -> Arrival:
    """As it would be read from a packet of this extract."""
    made = Arrival(
        case=found.case,
        epoch=found.epoch,
        parts={
            category: tuple(read_record(r) for r in part)
            for category, part in found.parts.items()
        },
        documents={paper.record: n for n, paper in enumerate(found.papers)},
        evidence=found.evidence,
    )
    return replace(made, **changes)


def sent(*records: Record, home: MemberId = WEHR, **permitted: Any) -> Arrival:
    found = select(content(*records), permit_for(**permitted), home=home)
    return arrival_of(found)


def raw(category: str, *items: dict[str, Any]) -> dict[str, Any]:
    frame = {"node": WEHR, "recorded_at": "2026-01-01T00:00:00Z"}
    return {category: tuple(read_record(frame | item) for item in items)}


def intake(
    *arrivals: Arrival,
    known: dict[CaseId, CaseContent] | None = None,
    taken: frozenset[str] | set[str] = EVERYTHING,
    sender: MemberId = WEHR,
) -> NewCases | StaleEpoch:
    return plan_intake(
        arrivals, known or {}, taken=frozenset(taken), at=AT, sender=sender
    )


def one(*arrivals: Arrival, **how: Any) -> NewCase:
    planned = intake(*arrivals, **how)
    assert isinstance(planned, NewCases)
    [case] = planned.cases
    return case


def kinds(case: NewCase) -> set[str]:
    return {record.kind for record in case.records}


def found(case: NewCase, kind: str) -> Record:
    [record] = [r for r in case.records if r.kind == kind]
    return record


class TestANewCase:
    def test_is_active_at_the_next_epoch_from_the_day_of_import(self) -> None:
        case = one(sent())
        assert case.before is None
        assert case.file == CaseFile(
            id=ADA,
            epoch=2,
            baton=Baton.ACTIVE,
            version=1,
            opened_on=date(2026, 4, 21),
            responsible_from=date(2026, 4, 21),
            came_from=WEHR,
        )

    @pytest.mark.spec("DO-4", "FR-8", "FR-10", "PKT-15")
    def test_keeps_ids_and_instants_and_names_where_records_were_made(self) -> None:
        goal = record("goal", 5, area="04", text="work")
        older = replace(
            record("contact", 6, date="2024-01-01", kind="talk"),
            origin=Origin.TRANSFER,
            origin_node=MURG,
        )
        case = one(sent(goal, older))
        arrived = found(case, "goal")
        assert arrived.id == goal.id
        assert arrived.values == goal.values
        assert arrived.recorded_at == goal.recorded_at
        assert (arrived.origin, arrived.origin_node) == (Origin.TRANSFER, WEHR)
        assert arrived.recorded_by is None
        contact = found(case, "contact")
        assert (contact.origin, contact.origin_node) == (Origin.TRANSFER, MURG)

    def test_puts_a_record_together_from_its_parts(self) -> None:
        goals = (
            record("goal", 1, area="06", text="sleep"),
            record("goal", 2, area="04", text="work"),
        )
        touched = [
            {"goal": record_id(1), "status": "reached"},
            {"goal": record_id(2), "status": "open"},
        ]
        contact = record(
            "contact", 3, date="2026-01-01", persons=[ADA], note="n", touched=touched
        )
        arrived = found(one(sent(*goals, contact)), "contact")
        assert arrived.values == contact.values
        without_health = one(sent(*goals, contact), taken=EVERYTHING - {"K09"})
        assert found(without_health, "contact").values["touched"] == touched[1:]
        assert found(without_health, "goal").values["text"] == "work"

    def test_belongs_to_the_household_that_travelled(self) -> None:
        home = record_id(70)
        rows = (
            record(
                "household_member", 1, household=record_id(71), valid_until="2025-01-01"
            ),
            record("household_member", 2, household=home, role="head"),
        )
        assert one(sent(*rows)).file.household == home
        assert one(sent(*rows), taken={"K01"}).file.household is None
        strange = record("household_member", 3, household="at home")
        assert one(sent(strange)).file.household is None

    @pytest.mark.parametrize(
        ("born", "year"), [("1990-05-17", 1990), ("1990", 1990), ("unknown", None)]
    )
    def test_knows_the_year_of_birth(self, born: str, year: int | None) -> None:
        assert one(sent(person(birth_date=born))).birth_year == year

    def test_keeps_the_evidence_it_was_let_go_on(self) -> None:
        arrival = sent()
        kept = found(one(arrival), "consent_evidence")
        [evidence] = arrival.evidence
        assert kept.id == evidence.consent
        assert kept.values["consent"] == evidence.consent
        assert kept.values["digest"] == hashlib.sha256(evidence.record).hexdigest()
        assert (kept.recorded_at, kept.origin_node) == (AT, WEHR)

    def test_says_which_part_holds_the_file_of_a_document(self) -> None:
        digest = hashlib.sha256(b"x").hexdigest()
        paper = record("document", 4, doc_kind="school", digest=digest)
        case = one(sent(paper, documents=[paper.id]))
        assert case.documents == {paper.id: 0}
        stored = with_file(found(case, "document"), b"\x01" * 32, 77)
        assert stored.values["digest"] == "01" * 32
        assert stored.values["bytes"] == 77


@pytest.mark.spec("DO-48", "HO-54")
class TestWhatWasNotTaken:
    EVERY = sent(
        record("contact", 1, date="2026-01-01", note="n", others_present="o"),
        record("goal", 2, area="04", text="t"),
        record("protection", 3, protection="threatened"),
    )

    def test_leaves_no_row_and_is_named(self) -> None:
        planned = intake(self.EVERY, taken=EVERYTHING - {"K11", "K12", "K14", "K15"})
        assert isinstance(planned, NewCases)
        assert kinds(planned.cases[0]) == {"person", "goal", "consent_evidence"}
        assert planned.taken == ("K01", "K10")
        assert planned.not_taken == ("K11", "K12", "K14", "K15")

    def test_leaves_no_field_either(self) -> None:
        case = one(self.EVERY, taken=EVERYTHING - {"K12"})
        assert "note" not in found(case, "contact").values
        assert found(case, "contact").values["others_present"] == "o"

    def test_names_what_this_release_does_not_know(self) -> None:
        planned = intake(
            replace(self.EVERY, unread=frozenset({"K17"})), taken=EVERYTHING | {"K17"}
        )
        assert isinstance(planned, NewCases)
        assert planned.not_taken == ("K17",)
        assert "K17" not in planned.taken

    @pytest.mark.spec("PKT-14")
    def test_takes_its_documents_with_it(self) -> None:
        digest = hashlib.sha256(b"x").hexdigest()
        health = record(
            "document",
            4,
            doc_kind="restricted",
            restricted_kind="health",
            digest=digest,
        )
        arrival = sent(health, documents=[health.id])
        for taken in (EVERYTHING - {"K13"}, EVERYTHING - {"K09"}):
            case = one(arrival, taken=taken)
            assert "document" not in kinds(case)
            assert not case.documents
        assert one(arrival).documents == {health.id: 0}

    def test_is_never_k01(self) -> None:
        with pytest.raises(UsageError):
            intake(self.EVERY, taken={"K10"})

    @pytest.mark.spec("PKT-9")
    def test_is_a_known_field_whose_own_category_was_not_taken(self) -> None:
        smuggled = {"id": record_id(1), "kind": "contact", "values": {"note": "n"}}
        arrival = sent()
        parts = {**arrival.parts, **raw("K11", smuggled)}
        hidden = replace(arrival, parts=parts)
        assert "contact" not in kinds(one(hidden, taken={"K01", "K11"}))
        assert found(one(hidden), "contact").values == {"note": "n"}

    @pytest.mark.parametrize(
        ("kind", "name"),
        [
            (kind, name)
            for kind, fields in DICTIONARY.items()
            for name, known in fields.items()
            if known.category in (NEVER, None)
        ],
    )
    def test_is_anything_a_peer_may_not_decide_about(
        self, kind: str, name: str
    ) -> None:
        arrival = sent()
        item = {"id": record_id(1), "kind": kind, "values": {name: "theirs"}}
        parts = {**arrival.parts, **raw("K11", item)}
        case = one(replace(arrival, parts=parts))
        assert all("theirs" not in r.values.values() for r in case.records)

    def test_a_misplaced_field_never_outweighs_the_one_in_its_place(self) -> None:
        arrival = sent(record("contact", 1, date="2026-01-01", note="true"))
        item = {"id": record_id(1), "kind": "contact", "values": {"note": "false"}}
        for category in ("K02", "K16"):
            parts = {**arrival.parts, **raw(category, item)}
            case = one(replace(arrival, parts=parts))
            assert found(case, "contact").values["note"] == "true"


@pytest.mark.spec("HO-8", "HO-7")
class TestStaleEpochs:
    def known(self, baton: Baton, epoch: int) -> dict[CaseId, CaseContent]:
        here = content(epoch=epoch)
        return {ADA: replace(here, file=replace(here.file, baton=baton))}

    @pytest.mark.parametrize("baton", [Baton.ACTIVE, Baton.FROZEN, Baton.GRANTED])
    def test_a_case_that_lives_here_is_not_imported(self, baton: Baton) -> None:
        planned = intake(sent(), known=self.known(baton, 0))
        assert planned == StaleEpoch((ADA,))

    @pytest.mark.parametrize("baton", [Baton.HANDED_OVER, Baton.SHREDDED, Baton.ABSENT])
    @pytest.mark.parametrize(
        ("epoch", "stale"), [(0, False), (1, False), (2, True), (3, True)]
    )
    def test_a_case_known_at_this_epoch_or_later_is_not_imported(
        self, baton: Baton, epoch: int, *, stale: bool
    ) -> None:
        planned = intake(sent(), known=self.known(baton, epoch))
        assert isinstance(planned, StaleEpoch) == stale

    def test_one_stale_case_stops_all(self) -> None:
        other = select(content(case=BEN), permit_for(BEN), home=WEHR)
        planned = intake(sent(), arrival_of(other), known=self.known(Baton.ACTIVE, 1))
        assert planned == StaleEpoch((ADA,))


@pytest.mark.spec("FR-29", "DO-25")
class TestAPersonWhoComesBack:
    """Made here, handed to the other office, edited there, and back again."""

    TALK = replace(
        record("contact", 1, date="2024-01-01", note="ours", caseworker="w", counted=1),
        recorded_by=WORKER,
    )
    START = person(counselling_start="2024-02-01", counselling_max_end="2027-01-31")

    def here(self, *records: Record, **file: Any) -> CaseContent:
        made = content(*(records or (self.START, self.TALK)))
        former: dict[str, Any] = {
            "baton": Baton.HANDED_OVER,
            "version": 9,
            "caseworker": WORKER,
            "responsible_from": date(2024, 2, 1),
            "responsible_until": date(2026, 1, 5),
        }
        return replace(made, file=replace(made.file, **former | file))

    def back(self, *edited: Record, **how: Any) -> NewCase:
        there = intake(sent(self.START, self.TALK))
        assert isinstance(there, NewCases)
        theirs = {r.id: r for r in there.cases[0].records} | {r.id: r for r in edited}
        content_there = CaseContent(there.cases[0].file, tuple(theirs.values()))
        returned = select(content_there, permit_for(), home=SAECKINGEN)
        known = how.pop("known", self.here())
        return one(arrival_of(returned), known={ADA: known}, sender=SAECKINGEN, **how)

    def test_is_reactivated_at_epoch_three_under_the_same_id(self) -> None:
        case = self.back()
        assert case.before == self.here().file
        assert (case.file.id, case.file.epoch) == (ADA, 3)
        assert case.file.baton is Baton.ACTIVE
        assert (case.file.version, case.file.caseworker) == (9, WORKER)
        assert case.file.came_from == SAECKINGEN
        assert case.file.responsible_until is None

    def test_own_records_stay_own_and_unchanged_ones_are_not_written(self) -> None:
        assert "contact" not in kinds(self.back())

    def test_an_own_record_edited_there_keeps_who_made_and_counts_it(self) -> None:
        edited = replace(
            self.TALK,
            values={"date": "2024-01-01", "note": "theirs"},
            origin=Origin.TRANSFER,
            origin_node=WEHR,
            recorded_by=None,
        )
        contact = found(self.back(edited), "contact")
        assert contact.values == {**self.TALK.values, "note": "theirs"}
        assert (contact.origin, contact.recorded_by) == (Origin.OWN, WORKER)

    def test_what_was_made_there_is_imported(self) -> None:
        theirs = record("contact", 50, date="2026-02-01")
        contact = found(self.back(theirs), "contact")
        assert (contact.origin, contact.origin_node) == (Origin.TRANSFER, SAECKINGEN)

    def test_a_peer_cannot_make_own_talks(self) -> None:
        invented = replace(
            record("contact", 51, date="2026-02-01", kind="talk"),
            origin=Origin.TRANSFER,
            origin_node=WEHR,
        )
        assert found(self.back(invented), "contact").origin is Origin.TRANSFER

    def test_after_shredding_old_talks_are_imported_ones(self) -> None:
        gone = replace(self.here(baton=Baton.SHREDDED), records=())
        case = self.back(known=gone)
        assert found(case, "contact").origin is Origin.TRANSFER
        assert "responsibility" not in kinds(case)

    @pytest.mark.spec("DO-7", "FR-2")
    def test_the_clock_never_starts_later(self) -> None:
        later = person(counselling_start="2025-06-01", counselling_max_end="2028-05-31")
        assert "person" not in kinds(self.back(later))
        earlier = person(
            counselling_start="2023-01-01", counselling_max_end="2025-12-31"
        )
        values = found(self.back(earlier), "person").values
        assert values["counselling_start"] == "2023-01-01"
        assert values["counselling_max_end"] == "2025-12-31"
        extended = person(
            counselling_start="2024-02-01", counselling_max_end="2028-01-31"
        )
        values = found(self.back(extended), "person").values
        assert values["counselling_max_end"] == "2028-01-31"

    @pytest.mark.spec("FR-3")
    def test_our_former_period_is_kept_once(self) -> None:
        period = found(self.back(), "responsibility")
        assert period.values == {
            "valid_from": "2024-02-01",
            "valid_until": "2026-01-05",
        }
        assert period.origin is Origin.OWN
        assert period.id == found(self.back(), "responsibility").id
        unfinished = self.here(responsible_until=None)
        assert "responsibility" not in kinds(self.back(known=unfinished))
        never = self.here(responsible_from=None)
        assert "responsibility" not in kinds(self.back(known=never))

    def test_the_household_stays_if_it_did_not_travel(self) -> None:
        home = RecordId(record_id(70))
        assert self.back(known=self.here(household=home)).file.household == home

    def test_what_both_do_not_know_is_united(self) -> None:
        mine = {FOREIGN: {"K10": {"values": {"hat": 1}, "beside": {}}}}
        theirs = {FOREIGN: {"K11": {"values": {"shoe": 2}, "beside": {}}}}
        here = self.here(self.START, record("goal", 8, **mine))
        goal = found(self.back(record("goal", 8, **theirs), known=here), "goal")
        assert goal.values[FOREIGN] == mine[FOREIGN] | theirs[FOREIGN]

    def test_an_id_that_names_another_kind_here_is_unreadable(self) -> None:
        here = self.here(self.START, record("goal", 1))
        with pytest.raises(PacketUnreadableError):
            self.back(known=here)


class TestContradictions:
    @pytest.mark.spec("PKT-8")
    def test_one_id_names_one_kind(self) -> None:
        arrival = sent(record("contact", 1, date="2026-01-01"))
        item = {"id": record_id(1), "kind": "goal", "values": {"text": "t"}}
        parts = {**arrival.parts, **raw("K10", item)}
        with pytest.raises(PacketUnreadableError) as refused:
            intake(replace(arrival, parts=parts))
        assert refused.value.reason == "record-kind"

    @pytest.mark.spec("PKT-8")
    def test_one_id_stands_in_a_part_once(self) -> None:
        item = {"id": record_id(1), "kind": "goal", "values": {"text": "t"}}
        arrival = sent()
        parts = {**arrival.parts, **raw("K10", item, item)}
        with pytest.raises(PacketUnreadableError) as refused:
            intake(replace(arrival, parts=parts))
        assert refused.value.reason == "record-twice"


CODED = [
    (kind, name, known.category)
    for kind, fields in DICTIONARY.items()
    for name, known in fields.items()
    if known.codes and known.category not in (NEVER, None)
]


@pytest.mark.spec("DO-29", "HO-64", "FR-26")
class TestWhatWeDoNotKnow:
    def twice(self, *records: Record, **permitted: Any) -> tuple[bytes, bytes]:
        """The parts as the first office sent them, and as the second sends them on."""
        first = select(content(*records), permit_for(**permitted), home=WEHR)
        case = one(arrival_of(first))
        here = CaseContent(case.file, case.records)
        second = select(here, permit_for(**permitted), home=SAECKINGEN)
        return encode(dict(first.parts)), encode(dict(second.parts))

    @pytest.mark.spec("OVR-2")
    @pytest.mark.parametrize(("kind", "name", "category"), CODED)
    def test_an_unknown_code_travels_on_byte_for_byte(
        self, kind: str, name: str, category: str
    ) -> None:
        extra = {"document": {"title": "t"}, "follow_up": {"hand_over": True}}
        values = {name: "zz-test", **extra.get(kind, {})}
        one_record = person(**values) if kind == "person" else record(kind, 3, **values)
        first, second = self.twice(one_record, documents=[one_record.id])
        assert first == second
        assert b'"zz-test"' in first
        assert category in EVERYTHING

    def test_unknown_fields_kinds_and_members_travel_on_byte_for_byte(self) -> None:
        foreign = {
            "K10": {"values": {"shoe": {"size": [42, None, True]}}, "beside": {"m": 1}},
            "K04": {"values": {"täg": "ü\u200d"}, "beside": {}},
        }
        records = (
            record("goal", 1, area="zz-test", **{FOREIGN: foreign}),
            record("zz-test", 2, **{FOREIGN: foreign}),
            record("contact", 3, date="not a date", minutes=-7, persons=[ADA, "?"]),
        )
        first, second = self.twice(*records)
        assert first == second
        assert first.count(b'"shoe"') == 2

    def test_a_whole_case_travels_on_byte_for_byte(self) -> None:
        """Every field of every kind, filled with what a stricter form would refuse."""
        records = [
            record(
                kind,
                number,
                **{n: f"odd {n}" for n in fields if not n.startswith("void")},
            )
            for number, (kind, fields) in enumerate(DICTIONARY.items())
        ]
        first, second = self.twice(*records)
        assert first == second

    def test_it_is_kept_where_pages_can_show_it(self) -> None:
        item = {"id": record_id(1), "kind": "goal", "mood": 1, "values": {"shoe": 42}}
        arrival = sent()
        parts = {**arrival.parts, **raw("K10", item)}
        goal = found(one(replace(arrival, parts=parts)), "goal")
        assert goal.values == {
            FOREIGN: {"K10": {"beside": {"mood": 1}, "values": {"shoe": 42}}}
        }
