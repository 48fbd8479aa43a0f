"""What a bundle's entries must say together: consent, order, cause, time, quorum.

The entries are made by hand, as if they had been proven: each test changes one thing.
"""

import hashlib
import json

import pytest

from node.exchangelog.kinds import KEYS
from node.exchangelog.proof import NAMED_BY
from node.exchangelog.standalone import verify

T, A, B = "ab" * 16, "wehr.example/log/1", "bad-saeckingen.example/log/1"


def c(name):
    return hashlib.sha256(name.encode()).hexdigest()


def recorded(**more):
    return {
        "type": "consent.recorded",
        "at": "2026-02-01T10:00:00.000Z",
        "consent": c("consent"),
        "scope": ["K01", "K04"],
        "recipients": ["class:responsible_at_new_place"],
        "valid_from": "2026-02-01",
        "valid_until": "2026-12-31",
        "prev": None,
        **more,
    }


def sent(**more):
    ground = {"c": c("consent"), "at": c("1"), "head": c("1")}
    return {
        "type": "transfer.sent",
        "at": "2026-02-03T10:00:00.000Z",
        "transfer": T,
        "peer": "08337096-stadt-bad-saeckingen",
        "persons": 1,
        "scope": ["K01"],
        "consents": [ground],
        "packet": c("packet"),
        "statement": None,
        "peer_cp": None,
        "prev": None,
        **more,
    }


def check_of(entries, others=(), *, whole=True):
    """A check whose proofs, openings and statements were good."""
    check = verify.Check({}, verify.Judge())
    check.manifest = {"kind": "transfer", "query": {"transfer": T}}
    for letter, origin, told in (("a", A, entries), ("b", B, others)):
        side = verify.Side(f"member-{letter}", origin, whole)
        for index, entry in told:
            side.entries[index] = (c(str(index)), entry)
            side.places[c(str(index))] = index
        check.sides[letter] = side
    return check


def codes(check):
    return {code for code, _ in check.findings}


@pytest.mark.spec("EL-8")
def test_a_consent_that_stood_is_no_finding():
    check = check_of([(1, recorded()), (2, sent())])
    check.check_consents()
    assert check.findings == []


WITHDRAWN = {"type": "consent.withdrawn", "consent": c("consent"), "prev": c("1")}
ANOTHER = {"type": "consent.withdrawn", "consent": c("another"), "prev": c("1")}


def ground(head="1", at="1"):
    return [{"c": c("consent"), "at": c(at), "head": c(head)}]


@pytest.mark.spec("EL-8")
@pytest.mark.parametrize(
    ("entries", "code"),
    [
        (
            [(1, recorded()), (2, WITHDRAWN), (3, sent(consents=ground("2")))],
            "consent_withdrawn_before",
        ),
        ([(1, recorded(valid_until="2026-02-02")), (2, sent())], "consent_expired"),
        ([(1, recorded(valid_from="2026-02-04")), (2, sent())], "consent_expired"),
        ([(1, recorded(scope=["K04"])), (2, sent())], "consent_scope"),
        (
            [(1, recorded(recipients=["member:08337116-stadt-wehr"])), (2, sent())],
            "consent_scope",
        ),
        ([(1, recorded(consent=c("another"))), (2, sent())], "consent_missing"),
        ([(1, recorded()), (0, sent())], "consent_missing"),
        ([(1, recorded()), (2, sent(persons=2))], "consent_missing"),
        ([(1, recorded()), (2, sent(consents=[]))], "consent_missing"),
        ([(2, sent())], "consent_unshown"),
        ([(1, recorded()), (3, sent(consents=ground("2")))], "consent_unshown"),
    ],
)
def test_a_consent_that_did_not_stand_is_named(entries, code):
    check = check_of(entries)
    check.check_consents()
    assert code in codes(check)


@pytest.mark.spec("EL-8")
def test_a_withdrawal_of_another_consent_in_the_same_chain_does_not_count():
    check = check_of([(1, recorded()), (2, ANOTHER), (3, sent(consents=ground("2")))])
    check.check_consents()
    assert check.findings == []


@pytest.mark.spec("EL-8")
def test_a_paragraph_needs_no_consent():
    check = check_of([(2, sent(consents=[{"statute": "SGB8-8a"}]))])
    check.check_consents()
    assert check.findings == []


def step(kind, **more):
    more = {"prev": None, "statement": None, "peer_cp": None} | more
    return {"type": kind, "transfer": T, "at": "2026-02-03T10:00:00.000Z", **more}


@pytest.mark.spec("EL-7")
@pytest.mark.parametrize(
    ("ours", "theirs", "code"),
    [
        ([(4, sent()), (3, step("transfer.granted"))], [], "order_violated"),
        (
            [(1, sent())],
            [(4, step("transfer.imported")), (9, step("transfer.approved"))],
            "order_violated",
        ),
        ([(1, sent()), (2, sent(prev=c("1")))], [], "duplicate"),
        (
            [(1, sent())],
            [(1, step("transfer.received", packet=c("x")))],
            "packet_differs",
        ),
        (
            [(1, sent())],
            [(1, step("transfer.received", packet=c("packet"), scope=["K01", "K09"]))],
            "packet_differs",
        ),
        ([(1, sent(prev=c("0")))], [], "chain_gap"),
        ([(1, sent()), (2, step("transfer.delivered", prev=c("9")))], [], "chain_gap"),
        ([(1, sent(statement=c("statement")))], [], "receipt_missing"),
        ([(1, sent())], [], "receipt_missing"),
    ],
)
def test_what_both_sides_say_must_fit(ours, theirs, code):
    check = check_of(ours, theirs)
    check.check_sides()
    assert code in codes(check)


def said(check, digest, kind, iss="member-a", entry=None, **more):
    found = {"t": kind, "iss": iss, "tr": T, "entry": entry, "cp": None, "seen": None}
    found |= {"inc": 1, "seq": 1, "prev": "", **more}
    check.statements.append((f"{kind}.jws", found, hashlib.sha256(digest)))


@pytest.mark.spec("EL-7")
def test_a_grant_rests_on_an_open_request_and_on_nothing_else():
    cause = hashlib.sha256(b"q").hexdigest()
    entries = [(1, sent()), (2, step("transfer.granted", prev=c("1"), statement=cause))]
    for kind, expected in (("open-request", False), ("stored", True)):
        check = check_of(entries)
        said(check, b"o", "offer", entry=c("1"))
        said(check, b"g", "grant", entry=c("2"))
        said(check, b"q", kind, iss="member-b")
        check.check_sides()
        assert ("order_violated" in codes(check)) is expected


@pytest.mark.spec("LR-30")
def test_a_statement_without_its_entry_is_unproven_but_for_the_delivery_receipt():
    for kind, expected in (("imported", True), ("stored", False)):
        check = check_of([(1, sent())])
        said(check, b"x", kind, iss="member-b", entry=c("unknown"))
        check.check_named("x", check.statements[0][1])
        assert ("unproven_statement" in codes(check)) is expected


def test_a_statement_that_names_another_act_is_bad():
    check = check_of([(1, sent())])
    said(check, b"x", "grant", entry=c("1"))
    check.check_named("x", check.statements[0][1])
    assert codes(check) == {"statement_bad"}


@pytest.mark.spec("EVD-12")
def test_a_statement_under_another_log_than_its_issuers_is_bad():
    check = check_of([(1, sent())])
    head = {"log": B, "size": 3, "root": 43 * "A" + "="}
    said(check, b"x", "offer", entry=c("1"), cp=head)
    check.check_named("x", check.statements[0][1])
    assert codes(check) == {"statement_bad"}


@pytest.mark.spec("LR-18")
def test_a_head_that_somebody_names_must_be_the_one_we_have():
    check = check_of([(1, sent())])
    check.sides["a"].roots = {3: bytes(32)}
    check.check_head("x", (A, 3, bytes(32)))
    check.check_head("x", (A, 4, b"\1" * 32))
    assert check.findings == []
    check.check_head("x", (A, 3, b"\1" * 32))
    assert codes(check) == {"fork"}


@pytest.mark.spec("LR-29")
@pytest.mark.parametrize(
    ("below", "above", "outside"),
    [
        ("09:59:00", "10:01:00", False),
        ("10:04:59", "10:05:00", False),
        ("10:05:01", "10:09:00", True),
        ("09:00:00", "09:54:59", True),
        ("09:00:00", "09:55:00", False),
    ],
)
def test_a_time_five_minutes_outside_foreign_signatures_is_noted(below, above, outside):
    check = check_of([(3, sent())])
    at = [verify.seconds(f"2026-02-03T{time}.000Z") for time in (below, above)]
    check.sides["a"].cosigned = {3: {("w", at[0])}, 4: {("w", at[1])}}
    check.check_times()
    assert ("time_outside" in codes(check)) is outside


POLICY = """# two of three
witness x1 wehr.example/witness/1+3d6f9d37+BA==
group g 2 x1
quorum g
"""
KEY = "bad-saeckingen.example/witness/1+a596490a+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
LOG = "wehr.example/log/1+75033fd2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"


def test_a_policy_is_read_as_the_public_form_says():
    text = f"log {LOG} https://x\n\twitness a {KEY}\ngroup g any a\nquorum g\n"
    keys, groups, quorum = verify.read_policy(text.encode())
    assert (set(keys), groups, quorum) == ({"a"}, {"g": (1, ["a"])}, "g")
    assert verify.quorum_met("g", {"a"}, groups)
    assert not verify.quorum_met("g", set(), groups)
    assert verify.quorum_met("none", set(), groups)


@pytest.mark.spec("EL-17")
@pytest.mark.parametrize(
    "text",
    [
        POLICY,
        f"witness a {KEY}\n",
        f"witness a {KEY}\nquorum b\n",
        f"witness a {KEY}\nquorum a\nquorum a\n",
        f"witness a {KEY}\nwitness b {KEY}\nquorum a\n",
        f"witness a {KEY}\ngroup g 2 a\nquorum g\n",
        f"witness a {KEY}\ngroup g 0 a\nquorum g\n",
        f"witness a {KEY}\ngroup g x a\nquorum g\n",
        f"witness a {KEY}\ngroup g any a a\nquorum g\n",
        f"witness a {KEY}\ngroup g any a\ngroup h any a\nquorum g\n",
        f"group g any a\nwitness a {KEY}\nquorum g\n",
        f"log {LOG[:-1]}\nquorum none\n",
        "quorum none\nstrange\n",
        "quorum none\x00\n",
    ],
)
def test_another_policy_is_refused(text):
    with pytest.raises(verify.WrongError):
        verify.read_policy(text.encode())


def test_a_list_of_keys_may_come_from_any_editor():
    line = f"wehr.example/log/1 {'AB' * 32}"
    for text in (line, f"\ufeff# own\r\n\r\n  {line}\r\n"):
        found = verify.read_trust(text.encode())
        assert found == {("wehr.example/log/1", "ab" * 32)}


@pytest.mark.parametrize(
    "text",
    ["a\n", "a b\n", f"a {'0' * 63}\n", f"a {'g' * 64}\n", f"a {'0' * 64} c\n", "\0"],
)
def test_another_list_of_keys_is_refused(text):
    with pytest.raises(verify.WrongError):
        verify.read_trust(text.encode())


@pytest.mark.spec("LR-5", "EL-17")
@pytest.mark.parametrize(
    "text",
    [
        b"{}",
        b"[]",
        b'{"a":1,"a":1}',
        b'{"a":1.0}',
        b'{"a":NaN}',
        b'{"a":9007199254740992}',
        b'{"a":-0}',
        b"\xff",
        b"[" * 100_000,
        b'{"a":"\x00"}',
    ],
)
def test_what_is_no_entry_is_refused(text):
    with pytest.raises(verify.WrongError):
        verify.Judge().entry(text)


def test_the_tables_of_the_small_verifier_are_those_of_the_node():
    assert {kind: tuple(keys.split()) for kind, keys in verify._KEYS.items()} == {
        str(kind): keys for kind, keys in KEYS.items()
    }
    named = {t: {str(kind) for kind in kinds} for t, kinds in NAMED_BY.items()}
    assert {t: set(kinds) for t, kinds in verify.NAMED_BY.items()} == named
    weights = {weight for weight, _, _ in verify.CODES.values()}
    assert weights == {"proof", "gap", "note"}
    assert json.dumps(verify.EXIT)
