"""Bodies: what a statement may say, and what it may not."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node import strictjson
from node.errors import MalformedMessageError
from node.ids import Ags, CaseId, TransferId
from node.sync.bodies import (
    DurableBody,
    RejectedBody,
    SealedComment,
    WithdrawalAnswerBody,
)
from node.sync.message import parse_claims, sign_statement
from node.sync.offer import (
    OFFER,
    BasisLine,
    Counts,
    NotIncluded,
    TaggedCase,
    case_tag,
)
from node.sync.words import (
    OF_PEOPLE,
    OF_RULES,
    Answer,
    Band,
    Basis,
    By,
    DocumentKind,
    RejectionCode,
    StatementType,
)
from tests.support import statements
from tests.support.statements import (
    CASES,
    KEY,
    KID,
    LATER,
    NOW,
    SAECKINGEN,
    TAGS,
    TRANSFER,
    claims_of,
    digest,
    payload_of,
)


def refuses(of: StatementType, **members: object) -> bool:
    payload = payload_of(of)
    body = payload["b"] | members
    try:
        parse_claims(strictjson.encode(payload | {"b": body}))
    except MalformedMessageError:
        return True
    return False


# -- The offer ---------------------------------------------------------------------------


@st.composite
def offers(draw):
    size = draw(st.integers(1, 20))
    tags = draw(
        st.lists(
            st.binary(min_size=16, max_size=16),
            min_size=size,
            max_size=size,
            unique=True,
        )
    )
    return replace(
        statements.OFFER,
        cases=tuple(TaggedCase(t, draw(st.integers(1, 99))) for t in tags),
        persons=size,
        bands=tuple(draw(st.sampled_from(Band)) for _ in tags),
        categories=Counts(
            draw(
                st.dictionaries(
                    st.sampled_from([f"K{n:02d}" for n in range(1, 13)]),
                    st.integers(0, 10_000),
                    min_size=1,
                )
            ),
            draw(st.dictionaries(st.sampled_from(DocumentKind), st.integers(1, 99))),
        ),
        bases=tuple(
            BasisLine(c, Basis.CONSENT, LATER)
            for c in draw(st.sets(st.binary(min_size=32, max_size=32), max_size=40))
        ),
        not_included=NotIncluded(draw(st.integers(0, 99)), draw(st.integers(0, 99))),
    )


@settings(max_examples=25)
@given(offers())
def test_an_offer_has_one_spelling_and_reads_back(offer):
    written = OFFER.write(offer)
    read = OFFER.read(written, "b")
    assert OFFER.write(read) == written
    assert set(read.cases) == set(offer.cases)
    assert sorted(read.bands) == sorted(offer.bands)
    assert read.categories == offer.categories


def test_the_largest_offer_fits_into_a_statement():
    offer = replace(
        statements.OFFER,
        cases=tuple(TaggedCase(bytes([n]) * 16, 2**53 - 1) for n in range(20)),
        persons=20,
        bands=20 * (Band.UNKNOWN,),
        categories=Counts(
            {f"K{n:02d}": 2**53 - 1 for n in range(1, 13)},
            dict.fromkeys(DocumentKind, 2**53 - 1),
        ),
        bases=tuple(
            BasisLine(digest(str(n)), Basis.STATUTE, LATER, 40 * "p", second=True)
            for n in range(40)
        ),
        interpreters=tuple(f"aa-Latn-{n}" for n in range(100, 120)),
        replaces=TRANSFER,
    )
    sign_statement(claims_of(StatementType.OFFER, b=offer), KEY, KID)


@pytest.mark.spec("HO-60", "MSG-15")
@pytest.mark.parametrize(
    "members",
    [
        {"name": "Aylin"},
        {"note": ""},
        {"birth_date": "1990-01-01"},
        {"reason": "because she married"},
        {"purpose": "advertising"},
        {"kind": "gift"},
        {"interpreters": ["Kurdish, she says"]},
        {"interpreters": ["x-private"]},
        {"interpreters": ["ti", "fa-AF"]},
        {"categories": {"Aylin": 1}},
        {"categories": {"K13": {"diagnosis": 1}}},
        {"categories": {"K13": 3}},
        {"categories": {"K01": {"school": 1}}},
        {"categories": {"K13": {}}},
        {"categories": {}},
        {"bands": ["27-49", "6-15"]},
        {"bands": ["27-49"]},
        {"bands": ["6-15", "37"]},
        {"persons": 3},
        {"cases": []},
        {"ags": "8337096"},
        {"move_on": "2026-02-30"},
        {"move_on": "20260501"},
        {"exp": "2026-05-04"},
        {"schema": "case/0"},
        {"schema": "case"},
        {"suite": 0},
        {"kid": "K7"},
        {"kem": "A"},
        {"named": 1},
        {"replaces": None},
        {"replaces": "x"},
        {"not_included": {"adults": 1}},
        {"not_included": {"adults": 1, "minors": 0, "pets": 1}},
        {"pkt": {"dig": "A" * 43, "len": 0}},
    ],
    ids=repr,
)
def test_an_offer_has_no_room_for_anything_else(members):
    assert refuses(StatementType.OFFER, **members)


def test_an_offer_may_name_the_transfer_it_replaces():
    assert not refuses(StatementType.OFFER, replaces=str(TRANSFER))


def test_two_cases_may_not_share_a_tag():
    case = payload_of(StatementType.OFFER)["b"]["cases"][0]
    assert refuses(StatementType.OFFER, cases=[case, case])


@pytest.mark.spec("MSG-7")
def test_cases_and_bases_are_sorted():
    body = payload_of(StatementType.OFFER)["b"]
    assert refuses(StatementType.OFFER, cases=body["cases"][::-1])
    assert refuses(StatementType.OFFER, bases=body["bases"][::-1])


def test_an_offer_without_a_basis_is_read_so_that_a_rule_can_answer_it():
    assert not refuses(StatementType.OFFER, bases=[])


@pytest.mark.spec("MSG-16")
@pytest.mark.parametrize(
    ("basis", "until", "paragraph", "second"),
    [
        (Basis.CONSENT, None, None, None),
        (Basis.CONSENT, LATER, "p-1", None),
        (Basis.CONSENT, LATER, None, True),
        (Basis.STATUTE, LATER, None, True),
        (Basis.STATUTE, LATER, "p-1", None),
    ],
)
def test_a_basis_says_neither_less_nor_more_than_its_kind(
    basis, until, paragraph, second
):
    with pytest.raises(MalformedMessageError):
        BasisLine(digest("c"), basis, until, paragraph, second)


@pytest.mark.spec("HO-23")
def test_a_case_tag_is_known_for_known_input():
    key = bytes(range(32))
    tag = case_tag(key, TRANSFER, CASES[0], epoch=3)
    # openssl dgst -sha256 -mac HMAC over T, case id and the epoch as eight bytes.
    assert tag.hex() == "0cf82d4359c0240f14461d1d8a4ed05a"


@pytest.mark.spec("HO-23")
def test_a_case_tag_changes_with_each_of_its_parts():
    key = bytes(32)
    same = case_tag(key, TRANSFER, CASES[0], epoch=1)
    others = {
        case_tag(bytes(31) + b"\1", TRANSFER, CASES[0], epoch=1),
        case_tag(key, TransferId(32 * "0"), CASES[0], epoch=1),
        case_tag(key, TRANSFER, CaseId(32 * "0"), epoch=1),
        case_tag(key, TRANSFER, CASES[0], epoch=2),
    }
    assert len(same) == 16
    assert len({same, *others}) == 5


# -- The others --------------------------------------------------------------------------


@pytest.mark.spec("HO-52")
@pytest.mark.parametrize("code", RejectionCode)
@pytest.mark.parametrize("by", By)
def test_people_and_rules_have_their_own_codes(by, code):
    listed = OF_PEOPLE if by is By.APPROVER else OF_RULES
    ags = Ags("08337076") if code is RejectionCode.OTHER_BODY else None
    if code in listed:
        assert RejectedBody(by, code, ags=ags).code is code
    else:
        with pytest.raises(MalformedMessageError):
            RejectedBody(by, code, ags=ags)


@pytest.mark.spec("MSG-13")
def test_only_other_body_names_another_body_and_names_one():
    other, full = RejectionCode.OTHER_BODY, RejectionCode.CAPACITY
    ags = Ags("08337076")
    assert RejectedBody(By.APPROVER, other, body=SAECKINGEN).body == SAECKINGEN
    for code, body, place in (
        (other, None, None),
        (other, SAECKINGEN, ags),
        (full, SAECKINGEN, None),
        (full, None, ags),
    ):
        with pytest.raises(MalformedMessageError):
            RejectedBody(By.APPROVER, code, body=body, ags=place)


@pytest.mark.spec("HO-53")
def test_a_rule_has_no_comment():
    comment = SealedComment("k3", bytes(1200))
    with pytest.raises(MalformedMessageError):
        RejectedBody(By.RULE, RejectionCode.POLICY, comment=comment)


@pytest.mark.parametrize(
    "comment",
    [
        "she is known to us",
        {"kid": "k3"},
        {"kid": "k3", "ct": "hello"},
        {"kid": "k3", "ct": "A" * 4248},
        {"kid": "k3", "ct": "A" * 1512},
    ],
    ids=["text", "no ct", "clear", "too long", "empty"],
)
def test_a_comment_is_sealed_and_bounded(comment):
    assert refuses(StatementType.REJECTED, comment=comment)


def test_keeping_needs_a_paragraph_and_nothing_else_has_one():
    for answer, paragraph in ((Answer.KEPT, None), (Answer.ERASED, "p-1")):
        with pytest.raises(MalformedMessageError):
            WithdrawalAnswerBody(TAGS, answer, passed_on=False, paragraph=paragraph)


@pytest.mark.spec("MSG-14")
def test_a_backup_is_verified_after_it_was_taken():
    with pytest.raises(MalformedMessageError):
        DurableBody("set", LATER, NOW)
    assert DurableBody("set", NOW, NOW + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        (StatementType.GRANT, {"share": "A" * 1556}),
        (StatementType.GRANT, {"share": "A" * 1559}),
        (StatementType.GRANT, {"kid": "08337116-stadt-wehr#k7"}),
        (StatementType.OPEN_REQUEST, {"take": []}),
        (StatementType.OPEN_REQUEST, {"take": ["K11", "K01"]}),
        (StatementType.OPEN_REQUEST, {"take": ["K01", "K01"]}),
        (StatementType.OPEN_REQUEST, {"take": ["K1"]}),
        (StatementType.OPEN_REQUEST, {"hands": 0}),
        (StatementType.OPEN_REQUEST, {"hands": 3}),
        (StatementType.IMPORTED, {"cases": 0}),
        (StatementType.IMPORTED, {"cases": 21}),
        (StatementType.CLOSED, {"imp": "x"}),
        (StatementType.DURABLE, {"set": "/srv/backup of monday"}),
        (StatementType.RECALL, {"why": "moved away"}),
        (StatementType.RECALLED, {"why": "moot"}),
        (StatementType.WITHDRAWAL, {"tags": []}),
        (StatementType.WITHDRAWAL, {"scope": []}),
        (StatementType.WITHDRAWAL, {"cause": "angry"}),
        (StatementType.WITHDRAWAL_ANSWER, {"paragraph": "we like it here"}),
        (StatementType.RETURN_ANSWER, {"code": "policy"}),
        (StatementType.RETURN_ANSWER, {"answer": "accepted"}),
        (StatementType.FIRST_CONTACT, {"on": "2026-05"}),
        (StatementType.HELLO, {"card": 4097 * "a"}),
        (StatementType.HELLO, {"note": "tab\there"}),
        (StatementType.HELLO, {"memory": {"inc": 1, "seq": 0, "h": 43 * "A"}}),
        (StatementType.ACK, {"results": {"x": "taken"}}),
        (StatementType.ACK, {"results": {22 * "A": "Free text."}}),
    ],
    ids=repr,
)
def test_a_member_of_another_form_is_refused(kind, members):
    assert refuses(kind, **members)


@pytest.mark.spec("MSG-17")
@pytest.mark.parametrize("kind", ["health", "protection", "zz-test"])
def test_no_offer_tells_which_document_is_about_health(kind):
    assert refuses(StatementType.OFFER, categories={"K01": 1, "K13": {kind: 1}})
    assert not refuses(
        StatementType.OFFER, categories={"K01": 1, "K13": {"restricted": 1, "other": 1}}
    )
