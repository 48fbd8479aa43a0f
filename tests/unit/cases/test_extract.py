"""What is permitted travels; nothing else does."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from node.cases.consent import Wish
from node.cases.dictionary import DICTIONARY, FOREIGN, NEVER
from node.cases.extract import (
    Extract,
    Paper,
    age_band,
    birth_of,
    count_documents,
    count_records,
    interpreter_languages,
    is_minor,
    member_of,
    offered_kind,
    select,
)
from node.cases.model import CATEGORIES, Origin, PartialDate, Record
from node.errors import UsageError
from node.strictjson import encode
from tests.support.casefiles import (
    EVERYTHING,
    content,
    permit_for,
    person,
    record,
)
from tests.support.people import ADA, BEN, CEM, SAECKINGEN, WEHR, consent, record_id

DIGEST = hashlib.sha256(b"sealed").hexdigest()


def extract(
    *records: Record, categories: Any = EVERYTHING, documents: Any = (), **changes: Any
) -> Extract:
    permit = permit_for(categories=categories, documents=documents, **changes)
    return select(content(*records), permit, home=WEHR)


def values(found: Extract, category: str, kind: str) -> dict[str, Any]:
    """The values of the only record of a kind in a part; empty if there is none."""
    one = [r["values"] for r in found.parts.get(category, ()) if r["kind"] == kind]
    assert len(one) <= 1
    return one[0] if one else {}


def canary(kind: str, name: str) -> str:
    return f"canary-{kind}-{name}-end"


def canaries() -> list[Record]:
    """A record of every kind with a canary in every field that is no switch."""
    switches = {
        "follow_up": {"hand_over": True},
        "document": {"doc_kind": "school", "digest": DIGEST, "concerns": [ADA]},
        "household_member": {"member": ADA},
        "protection": {"concerns": ADA},
        "contact": {"persons": [ADA]},
    }
    made = []
    for number, (kind, fields) in enumerate(DICTIONARY.items()):
        filled = {name: canary(kind, name) for name in fields}
        filled |= switches.get(kind, {})
        del filled["voided_on"], filled["void_reason"]
        made.append(record(kind, number, **filled))
    return made


CANARIES = canaries()


@pytest.mark.spec("DO-13", "DO-21", "HO-27", "FR-18")
@pytest.mark.parametrize("category", CATEGORIES)
def test_a_field_travels_in_its_category_and_in_no_other(category: str) -> None:
    documents = [r.id for r in CANARIES if r.kind == "document"]
    found = extract(
        *CANARIES,
        categories={category},
        documents=documents if category == "K13" else (),
    )
    travelled = encode(dict(found.parts)).decode()
    for one in CANARIES:
        for name, known in DICTIONARY[one.kind].items():
            if canary(one.kind, name) not in one.values.values():
                continue
            expected = known.category in {"K01", category}
            present = canary(one.kind, name) in travelled
            assert present == expected, (one.kind, name, known.category)
    assert set(found.parts) <= {"K01", category}


@pytest.mark.spec("FR-18", "DO-31")
def test_with_everything_permitted_what_never_leaves_still_stays() -> None:
    documents = [r.id for r in CANARIES if r.kind == "document"]
    travelled = encode(dict(extract(*CANARIES, documents=documents).parts)).decode()
    for one in CANARIES:
        for name, known in DICTIONARY[one.kind].items():
            if known.category in (NEVER, None):
                assert canary(one.kind, name) not in travelled
    assert DIGEST not in travelled


class TestTheFrame:
    def test_says_what_it_is_where_and_when_it_was_made(self) -> None:
        found = extract(record("language", 7, language="ti"))
        assert found.parts["K04"] == (
            {
                "id": record_id(7),
                "kind": "language",
                "node": WEHR,
                "recorded_at": "2026-02-03T04:05:06.000789Z",
                "values": {"language": "ti"},
            },
        )
        assert (found.case, found.epoch, found.role) == (ADA, 1, None)

    def test_keeps_the_node_that_made_it(self) -> None:
        imported = replace(
            record("language", language="ti"),
            origin=Origin.TRANSFER,
            origin_node=SAECKINGEN,
        )
        assert extract(imported).parts["K04"][0]["node"] == SAECKINGEN

    def test_has_the_role_of_the_present_household_if_k02_travels(self) -> None:
        former = record("household_member", 1, role="child", valid_until="2025-01-01")
        present = record("household_member", 2, role="head")
        assert extract(former, present).role == "head"
        assert extract(former).role is None
        assert extract(former, present, categories={"K04"}).role is None

    def test_leaves_out_records_that_say_nothing_in_a_category(self) -> None:
        found = extract(record("contact", date="2026-01-01", note="", touched=[]))
        assert set(found.parts) == {"K01", "K11"}

    def test_leaves_out_what_was_entered_by_mistake(self) -> None:
        found = extract(
            record("contact", 1, date="2026-01-01", void_reason="wrong person"),
            record("contact", 2, date="2026-01-01", voided_on="2026-01-02"),
        )
        assert set(found.parts) == {"K01"}

    def test_of_a_case_without_a_person_is_refused(self) -> None:
        case = content()
        with pytest.raises(UsageError):
            select(replace(case, records=()), permit_for(), home=WEHR)

    def test_of_a_case_that_is_not_permitted_is_refused(self) -> None:
        with pytest.raises(KeyError):
            select(content(case=BEN), permit_for(ADA), home=WEHR)

    def test_comes_with_the_evidence_of_its_grounds(self) -> None:
        [evidence] = extract().evidence
        ground = consent(categories=EVERYTHING)
        assert (evidence.consent, evidence.record) == (ground.id, ground.evidence)
        expected = hashlib.sha256(ground.salt + ground.evidence).digest()
        assert evidence.commitment == expected


@pytest.mark.spec("DO-16", "FR-15")
class TestContentAboutSeveral:
    NOTE = record(
        "contact",
        persons=[ADA, BEN, CEM],
        date="2026-01-05",
        form="office",
        minutes=45,
        note="about both",
        others_present="a neighbour",
        service_name="Jobcenter",
    )

    @pytest.mark.spec("PKT-16")
    def test_arrives_without_text_and_without_the_other_if_one_stays(self) -> None:
        found = select(content(self.NOTE), permit_for(ADA, BEN), home=WEHR)
        assert values(found, "K11", "contact") == {
            "persons": [ADA, BEN],
            "date": "2026-01-05",
            "form": "office",
            "minutes": 45,
            "service_name": "Jobcenter",
        }
        assert "K12" not in found.parts
        assert "K15" not in found.parts
        assert CEM not in encode(dict(found.parts)).decode()

    def test_arrives_whole_if_all_travel_with_that_category(self) -> None:
        found = select(content(self.NOTE), permit_for(ADA, BEN, CEM), home=WEHR)
        assert values(found, "K12", "contact") == {"note": "about both"}
        assert values(found, "K15", "contact") == {"others_present": "a neighbour"}

    def test_is_asked_category_by_category(self) -> None:
        less = {CEM: Wish(frozenset({"K01", "K11"}))}
        permit = permit_for(ADA, BEN, CEM, wishes=less)
        found = select(content(self.NOTE), permit, home=WEHR)
        assert values(found, "K11", "contact")["persons"] == [ADA, BEN, CEM]
        assert "K12" not in found.parts

    def test_takes_what_we_do_not_know_with_it(self) -> None:
        foreign = {FOREIGN: {"K11": {"values": {"shoe": "about both"}, "beside": {}}}}
        note = replace(self.NOTE, values={**self.NOTE.values, **foreign})
        alone = select(content(note), permit_for(ADA), home=WEHR)
        assert "shoe" not in values(alone, "K11", "contact")
        together = select(content(note), permit_for(ADA, BEN, CEM), home=WEHR)
        assert values(together, "K11", "contact")["shoe"] == "about both"

    def test_a_document_stays_unless_all_it_concerns_travel(self) -> None:
        paper = record("document", 4, doc_kind="custody_civil", concerns=[ADA, BEN])
        ticked = [paper.id]
        alone = select(content(paper), permit_for(ADA, documents=ticked), home=WEHR)
        assert "K13" not in alone.parts
        both = permit_for(ADA, BEN, documents=ticked)
        assert "K13" in select(content(paper), both, home=WEHR).parts

    def test_a_household_does_not_mention_who_stayed(self) -> None:
        rows = (
            record("household_member", 1, member=ADA, role="head"),
            record("household_member", 2, member=BEN, role="child"),
        )
        alone = select(content(*rows), permit_for(ADA), home=WEHR)
        assert [r["id"] for r in alone.parts["K02"]] == [record_id(1)]
        assert BEN not in encode(dict(alone.parts)).decode()

    def test_guardians_who_stay_are_not_named_but_outside_ones_are(self) -> None:
        guardians = [{"case": BEN}, {"name": "Demo-Amt", "body": "Jugendamt"}]
        found = select(content(person(guardians=guardians)), permit_for(), home=WEHR)
        assert values(found, "K02", "person") == {"guardians": guardians[1:]}
        assert values(found, "K01", "person")["family_name"] == "Demo-1"

    def test_a_flag_about_somebody_who_stays_keeps_its_code_only(self) -> None:
        flag = record(
            "protection", protection="address_blocked", concerns=BEN, reason="said so"
        )
        found = select(content(flag), permit_for(ADA), home=WEHR)
        assert values(found, "K14", "protection") == {
            "protection": "address_blocked",
            "concerns": None,
        }


class TestWhatIsMarkedSingly:
    @pytest.mark.spec("HO-31")
    def test_a_document_travels_only_if_ticked(self) -> None:
        papers = [
            record("document", n, doc_kind="school", digest=DIGEST) for n in (1, 2)
        ]
        found = extract(*papers, documents=[papers[0].id])
        assert [r["id"] for r in found.parts["K13"]] == [record_id(1)]
        name = bytes.fromhex(DIGEST)
        unknown = "application/octet-stream"
        assert found.papers == (Paper(papers[0].id, name, unknown),)

    @pytest.mark.spec("DO-48")
    @pytest.mark.parametrize(
        ("restricted_kind", "needed"), [("health", "K09"), ("protection", "K14")]
    )
    def test_a_restricted_document_needs_its_category_too(
        self, restricted_kind: str, needed: str
    ) -> None:
        paper = record(
            "document", doc_kind="restricted", restricted_kind=restricted_kind
        )
        without = extract(paper, categories={"K13"}, documents=[paper.id])
        assert "K13" not in without.parts
        both = extract(paper, categories={"K13", needed}, documents=[paper.id])
        assert "K13" in both.parts

    def test_a_document_without_file_is_a_record_only(self) -> None:
        paper = record("document", doc_kind="school", digest="no digest")
        found = extract(paper, documents=[paper.id])
        assert "K13" in found.parts
        assert not found.papers

    def test_a_follow_up_travels_only_if_marked(self) -> None:
        found = extract(
            record("follow_up", 1, text="stays", hand_over=False),
            record("follow_up", 2, text="stays too"),
            record("follow_up", 3, text="stays as well", hand_over="yes"),
            record("follow_up", 4, text="goes", hand_over=True),
        )
        assert [r["id"] for r in found.parts["K16"]] == [record_id(4)]

    @pytest.mark.spec("FR-16")
    def test_phones_stay_where_a_flag_stays(self) -> None:
        someone = person(phones=["+49 30 23125 000"], emails=["a@b.example"])
        permit = permit_for()
        silent = replace(
            permit, cases=tuple(replace(c, contact_data=False) for c in permit.cases)
        )
        found = select(content(someone), silent, home=WEHR)
        assert not values(found, "K01", "person").keys() & {"phones", "emails"}
        found = select(content(someone), permit, home=WEHR)
        assert values(found, "K01", "person").keys() >= {"phones", "emails"}


class TestWhatWeDoNotKnow:
    @pytest.mark.spec("HO-64")
    def test_travels_on_in_the_category_it_came_in(self) -> None:
        foreign = {
            "K10": {"values": {"shoe": 42}, "beside": {"mood": "good"}},
            "K12": {"values": {"hat": 7}, "beside": {}},
        }
        goal = record("goal", area="04", **{FOREIGN: foreign})
        found = extract(goal, categories={"K10"})
        assert values(found, "K10", "goal") == {"area": "04", "shoe": 42}
        assert found.parts["K10"][0]["mood"] == "good"
        assert "K12" not in found.parts

    def test_of_an_unknown_kind_travels_alike(self) -> None:
        foreign = {"K05": {"values": {"text": "x"}, "beside": {}}}
        found = extract(record("zz-test", **{FOREIGN: foreign}))
        assert found.parts["K05"][0]["kind"] == "zz-test"
        assert found.parts["K05"][0]["values"] == {"text": "x"}

    def test_of_our_own_making_never_travels(self) -> None:
        found = extract(
            record("goal", area="04", shoe=42), record("zz-test", 2, text="x")
        )
        assert "shoe" not in encode(dict(found.parts)).decode()
        assert "zz-test" not in encode(dict(found.parts)).decode()

    def test_and_have_learned_since_needs_its_own_category(self) -> None:
        smuggled = {"note": "n", "azr_number": "1", "caseworker": "w"}
        foreign = {"K11": {"values": smuggled, "beside": {}}}
        contact = record("contact", **{FOREIGN: foreign})
        found = extract(contact, categories={"K11"})
        assert "note" not in values(found, "K11", "contact")
        assert "caseworker" not in values(found, "K11", "contact")


class TestTheOffer:
    RECORDS = (
        record("contact", 1, date="2026-01-01"),
        record("contact", 2, date="2026-01-02", note="n"),
        record("document", 3, doc_kind="school"),
        record("document", 4, doc_kind="restricted", restricted_kind="health"),
        record("document", 5, doc_kind="zz-test"),
    )
    PAPERS = tuple(r.id for r in RECORDS if r.kind == "document")

    @pytest.mark.spec("HO-60")
    def test_counts_records_by_category_and_documents_by_kind(self) -> None:
        found = extract(*self.RECORDS, documents=self.PAPERS)
        assert count_records([found, found]) == {"K01": 2, "K11": 4, "K12": 2}
        kinds = count_documents([found])
        assert kinds == {"other": 1, "restricted": 1, "school": 1}
        assert count_records([]) == {}

    def test_never_names_a_restricted_kind(self) -> None:
        for kind in ("health", "protection", "restricted"):
            assert offered_kind({"doc_kind": kind}) == "restricted"
        assert offered_kind({"doc_kind": ["school"]}) == "other"

    def test_names_the_languages_of_those_who_need_an_interpreter(self) -> None:
        mother = record("language", 1, language="prs", lang_kind="mother_tongue")
        other = record("language", 2, language="de", lang_kind="spoken")
        strange = record("language", 3, language="Klingon!", lang_kind="mother_tongue")
        needs = person(interpreter_needed=True)
        tongue = extract(needs, mother, other, strange)
        assert interpreter_languages([tongue]) == ("prs",)
        assert interpreter_languages([extract(needs, other)]) == ("de",)
        assert interpreter_languages([extract(mother)]) == ()
        unpermitted = extract(needs, mother, categories={"K07"})
        assert interpreter_languages([unpermitted]) == ()

    @pytest.mark.parametrize(
        ("born", "band"),
        [
            ("2026-01-01", "0-5"),
            ("2020-04-02", "0-5"),
            ("2020-04-01", "6-15"),
            ("2010-04-02", "6-15"),
            ("2010-04-01", "16-17"),
            ("2008-04-01", "18-26"),
            ("1999-04-01", "27-49"),
            ("1976-04-01", "50-64"),
            ("1961-04-01", "65+"),
            ("2008", "16-17"),
        ],
    )
    def test_has_age_bands(self, born: str, band: str) -> None:
        on = date(2026, 4, 1)
        assert age_band(PartialDate(born), on) == band
        assert is_minor(PartialDate(born), on) == (band in ("0-5", "6-15", "16-17"))

    def test_has_a_band_for_an_unknown_birth_date(self) -> None:
        assert age_band(None, date(2026, 4, 1)) == "unknown"
        assert not is_minor(None, date(2026, 4, 1))


class TestWhomTheGateIsAskedAbout:
    def test_takes_birth_custody_and_guardians_from_the_person(self) -> None:
        guardians = [{"case": CEM}, {"name": "Demo"}, {"case": BEN}]
        child = person(birth_date="2015-03", custody="joint", guardians=guardians)
        member = member_of(content(child), (consent(),), secrecy_bound=True)
        assert member.case == ADA
        assert member.birth == PartialDate("2015-03")
        assert member.custody == "joint"
        assert member.guardians == (BEN, CEM)
        assert member.secrecy_bound
        assert member.consents == (consent(),)

    def test_knows_no_birth_date_where_none_can_be_read(self) -> None:
        assert birth_of(None) is None
        assert birth_of(person(birth_date="1.1.1990")) is None
        nobody = replace(content(), records=())
        member = member_of(nobody, ())
        assert (member.birth, member.custody, member.guardians) == (None, None, ())

    def test_takes_every_flag_that_was_not_voided(self) -> None:
        flags = (
            record("protection", 1, protection="address_blocked", concerns=BEN),
            record(
                "protection", 2, protection="no_joint_transfer", concerns=[BEN, CEM]
            ),
            record("protection", 3, protection="threatened", concerns_text="him"),
            record("protection", 4),
            record("protection", 5, protection="other", void_reason="mistake"),
        )
        assert member_of(content(*flags), ()).protection == (
            ("address_blocked", BEN),
            ("no_joint_transfer", BEN),
            ("no_joint_transfer", CEM),
            ("threatened", None),
            ("other", None),
        )

    @pytest.mark.parametrize(
        ("begins", "ends", "counts"),
        [
            ("2026-04-01", "2026-04-01", True),
            ("2026-04-02", "", False),
            ("", "2026-03-31", False),
            ("", "", True),
            ("soon", "never", True),
        ],
    )
    def test_asks_flags_for_a_day(
        self, begins: str, ends: str, *, counts: bool
    ) -> None:
        flag = record("protection", valid_from=begins, valid_until=ends)
        member = member_of(content(flag), (), on=date(2026, 4, 1))
        assert bool(member.protection) == counts
