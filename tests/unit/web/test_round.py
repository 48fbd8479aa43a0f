"""A round of asking, step by step: what is asked, what counts, where one may look."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from node import strictjson
from node.cases.consent import GivenBy
from node.cases.model import SENSITIVE
from node.ids import CaseId, ConsentId, RecordId
from node.web.round import (
    LOCK_AFTER,
    AskedDocument,
    Round,
    decode_round,
    encode_round,
)

NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)
PLAIN = AskedDocument(RecordId("d" * 32), "Zeugnis", frozenset())
HEALTH = AskedDocument(RecordId("e" * 32), "Befund", frozenset({"K09"}))


def a_round(**fields: Any) -> Round:
    usual: dict[str, Any] = {
        "consent": ConsentId("1" * 32),
        "case": CaseId("2" * 32),
        "epoch": 1,
        "given_by": GivenBy.SELF,
        "guardians": (),
        "recipient": "class:responsible_at_new_place",
        "body": "",
        "valid_until": date(2027, 1, 1),
        "categories": ("K01", "K09", "K11", "K12", "K13"),
        "documents": (PLAIN, HEALTH),
        "german": "a" * 64,
        "touched_at": NOW,
    }
    return Round(**usual | fields)


def walked(one: Round, said: dict[str, str]) -> Round:
    for _ in range(50):
        if one.step == "check":
            return one
        one = one.answered(said[one.step]) if one.step in said else one
        one = one.onward()
    raise AssertionError("it never ends")


@pytest.mark.spec("SC-37")
def test_sensitive_questions_come_after_the_everyday_ones_each_alone():
    asked = [q for q in a_round().questions if q in a_round().categories]
    assert asked == ["K01", "K11", "K09", "K12"]
    assert {"K09", "K12"} <= SENSITIVE


@pytest.mark.spec("SC-37")
@pytest.mark.parametrize("said", ["", "none", "YES", "maybe"])
def test_anything_but_a_yes_grants_nothing(said):
    one = walked(a_round(), {"K01": "yes", "K11": said, "contact_back": said})
    assert one.granted == {"K01"}
    assert not one.said_yes("contact_back")


@pytest.mark.spec("SC-37")
def test_an_answer_taken_back_is_no_answer():
    one = walked(a_round(), {"K01": "yes", "K11": "yes"})
    again = one.at("K11").answered("none")
    assert again.granted == {"K01"}


def test_a_document_about_health_is_offered_only_after_a_yes_to_health():
    refused = walked(a_round(), {"K01": "yes", "K09": "no"})
    assert refused.document("doc-1") == PLAIN
    assert refused.document("doc-2") is None
    allowed = walked(a_round(), {"K01": "yes", "K09": "yes", "doc-2": "yes"})
    assert allowed.granted_documents == {HEALTH.id}
    assert "K13" in allowed.granted


def test_a_yes_to_a_document_ends_with_the_yes_to_its_category():
    one = walked(a_round(), {"K01": "yes", "K09": "yes", "doc-2": "yes"})
    assert one.at("K09").answered("no").granted_documents == frozenset()


@pytest.mark.spec("SC-36")
def test_a_no_to_the_minimum_is_a_no_to_everything():
    one = walked(a_round(), {"K01": "no"})
    assert one.steps[-2:] == ["K01", "check"]
    assert one.granted == frozenset()
    assert not one.reaches("sign")
    everything = walked(a_round(), dict.fromkeys(a_round().questions, "yes"))
    changed = everything.at("K01").answered("no")
    assert (changed.granted, changed.granted_documents) == (frozenset(), frozenset())


@pytest.mark.spec("SC-34")
def test_only_reached_steps_can_be_looked_at():
    one = a_round()
    assert [s for s in one.steps if one.reaches(s)] == ["language"]
    assert not one.reaches("thanks")
    on = one.onward().onward()
    assert [s for s in on.steps if on.reaches(s)] == ["language", "about", "scope"]


def test_from_the_check_page_one_comes_back_to_it():
    one = walked(a_round(), {"K01": "yes"})
    for step in ("language", "K11", "announce_by_name"):
        assert one.at(step).onward().step == "check"
    assert one.onward().step == "sign"


def test_the_release_from_secrecy_is_asked_where_somebody_is_bound():
    assert "secrecy_release" not in a_round().questions
    assert a_round(is_secrecy_bound=True).questions[-1] == "secrecy_release"


def test_the_evidence_lists_what_was_asked_and_documents_by_their_id():
    one = walked(a_round(), {"K01": "yes"})
    assert PLAIN.id in one.asked
    assert HEALTH.id not in one.asked
    assert "about" not in one.asked


def test_after_half_an_hour_only_staff_go_on():
    assert not a_round().is_locked(NOW + LOCK_AFTER - timedelta(seconds=1))
    assert a_round().is_locked(NOW + LOCK_AFTER)


def test_a_round_survives_the_session_unchanged():
    one = a_round(
        answers={"K01": "yes"}, form="screen", signature="x", is_recorded=True
    )
    assert decode_round(strictjson.parse(strictjson.encode(encode_round(one)))) == one
