"""A witness answers to the letter of the standard and never goes back."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto.checkpoint import cosign
from node.crypto.merkle import consistency_proof
from node.errors import MalformedMessageError, SignatureError, UsageError
from node.exchangelog.policy import cosigners, met
from node.exchangelog.witness import (
    Accepted,
    AddCheckpoint,
    Declined,
    Extension,
    Relation,
    WitnessMemory,
    ask,
    decide,
    encode_add_checkpoint,
    parse_add_checkpoint,
    read_cosignatures,
    read_size,
    relate,
)
from tests.support.exchangelog import START, MemoryLog, digest, recorded

SIZES = 12
EXAMPLE = b"""\
old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\xe2\x80\x94 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeO\
oRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\xe2\x80\x94 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNq\
lcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
"""


def _log(seed=1, start=START):
    log = MemoryLog(seed=seed, now=start)
    for _ in range(SIZES):
        recorded(log)
    return log


LOG = _log()
OTHER = _log(seed=7)
FORK = _log(start=START + timedelta(days=1))  # same key, another history


def memory(size, log=LOG):
    head = log.head(size)
    return WitnessMemory(head.origin, size, head.root, log.sign(size).note)


def request(old, size, path=None, log=LOG):
    if path is None:
        path = consistency_proof(old, size, log.tree) if 0 < old < size else ()
    return AddCheckpoint(old, path, log.sign(size).note)


def test_the_published_example_is_read_and_written_back():
    found = parse_add_checkpoint(EXAMPLE)
    assert found.old_size == 20852014
    assert len(found.path) == 4
    assert found.origin == "example.com/behind-the-sofa"
    assert encode_add_checkpoint(found) == EXAMPLE


@given(st.integers(0, SIZES), st.integers(0, SIZES), st.integers(0, SIZES))
@settings(max_examples=150, deadline=None)
@pytest.mark.spec("EL-11", "LR-15")
def test_a_witness_accepts_exactly_what_continues_its_memory(known, old, size):
    remembered = memory(known) if known else None
    answer = decide(request(old, size), LOG.log_key, remembered)
    if old > size:
        assert answer == Declined(400)
    elif old != known:
        assert answer == Declined(409, size=known)
    else:
        head = LOG.head(size)
        note = LOG.sign(size).note
        assert answer == Accepted(WitnessMemory(LOG.origin, size, head.root, note))


@pytest.mark.spec("LR-15")
def test_an_origin_nobody_lists_is_404():
    assert decide(request(0, 3), None, None) == Declined(404)


@pytest.mark.spec("LR-15")
def test_a_foreign_signature_is_403():
    assert decide(request(0, 3), OTHER.log_key, None) == Declined(403)


def test_a_note_of_another_origin_than_its_key_is_400():
    key = MemoryLog("other.example").log_key
    assert decide(request(0, 3), key, None) == Declined(400)


def test_an_old_size_above_the_checkpoint_is_400_even_if_we_remember_it():
    assert decide(request(5, 3), LOG.log_key, memory(5)) == Declined(400)


@pytest.mark.spec("LR-18")
def test_another_root_at_the_remembered_size_is_409_and_kept_as_evidence():
    forged = replace(memory(3), root=digest("other"))
    answer = decide(request(3, 3), LOG.log_key, forged)
    assert answer == Declined(409, contradicts=True)
    assert answer.size is None


@pytest.mark.parametrize(
    ("old", "size", "path"),
    [
        (3, 7, ()),
        (3, 7, (bytes(32),)),
        (0, 7, (bytes(32),)),
        (7, 7, (bytes(32),)),
        (3, 7, consistency_proof(3, 8, LOG.tree)),
        (3, 7, (*consistency_proof(3, 7, LOG.tree), bytes(32))),
    ],
)
def test_a_proof_that_shows_nothing_is_422(old, size, path):
    remembered = memory(old) if old else None
    answer = decide(request(old, size, path), LOG.log_key, remembered)
    assert answer == Declined(422)


@pytest.mark.spec("EL-11")
def test_another_history_under_the_same_key_never_gets_a_cosignature():
    for size in range(3, SIZES + 1):
        for claimed in (None, consistency_proof(3, size, LOG.tree)):
            answer = decide(request(3, size, claimed, FORK), LOG.log_key, memory(3))
            assert isinstance(answer, Declined)


@given(st.lists(st.tuples(st.integers(0, SIZES), st.booleans()), max_size=20))
@settings(max_examples=80, deadline=None)
@pytest.mark.spec("EL-11", "LR-16")
def test_whatever_is_asked_the_memory_never_goes_back(asked):
    remembered = first = None
    for size, honest in asked:
        log = LOG if honest else FORK
        old = remembered.size if remembered else 0
        path = consistency_proof(old, size, log.tree) if 0 < old < size else ()
        answer = decide(request(old, size, path, log), LOG.log_key, remembered)
        if isinstance(answer, Accepted):
            if size and first is None:
                first = log  # any history may be the first; then it is the only one
            assert answer.memory.size >= old
            assert size == 0 or answer.memory.root == first.head(size).root
            remembered = answer.memory


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 0\n",
        b"old 0\n\n",
        EXAMPLE.replace(b"old 20852014", b"old 020852014"),
        EXAMPLE.replace(b"old 20852014", b"old -1"),
        EXAMPLE.replace(b"old 20852014", b"old  20852014"),
        EXAMPLE.replace(b"old 20852014", b"old 9223372036854775808"),
        EXAMPLE.replace(b"old 20852014", b"new 20852014"),
        EXAMPLE.replace(b"old 20852014\n", b"old 20852014\r\n"),
        EXAMPLE.replace(b"PlRN", b"PlR"),
        EXAMPLE.replace(b"pkaw=", b"pkax="),
        EXAMPLE.replace(b"20852163", b"020852163"),
        EXAMPLE.replace(b"\xe2\x80\x94", b"-"),
        EXAMPLE + b"\xff",
        EXAMPLE[:-1],
        b"old 1\n"
        + b"PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n" * 64
        + EXAMPLE[192:],
        EXAMPLE + b"\xe2\x80\x94 " + b"x" * 65536,
    ],
)
@pytest.mark.spec("EL-17")
def test_a_malformed_request_is_refused(body):
    with pytest.raises(MalformedMessageError):
        parse_add_checkpoint(body)


@given(st.binary(max_size=300))
@pytest.mark.spec("EL-17")
def test_random_bytes_raise_our_own_error_only(body):
    with pytest.raises(MalformedMessageError):
        parse_add_checkpoint(body)
    with pytest.raises(MalformedMessageError):
        parse_add_checkpoint(b"old 0\n\n" + body)


@pytest.mark.parametrize("old", range(SIZES + 1))
def test_what_we_ask_is_what_a_witness_accepts(old):
    signed = LOG.sign(SIZES)
    asked = parse_add_checkpoint(encode_add_checkpoint(ask(signed, old, LOG.tree)))
    answer = decide(asked, LOG.log_key, memory(old) if old else None)
    assert isinstance(answer, Accepted)


def test_a_witness_that_remembers_more_than_we_have_is_not_asked():
    with pytest.raises(UsageError):
        ask(LOG.sign(3), 4, LOG.tree)


class TestAnswer:
    signed = LOG.sign(5)
    a = MemoryLog("a.example", 20)
    b = MemoryLog("b.example", 21)

    def line(self, witness, note=None):
        name = witness.witness_key.name
        return cosign(note or self.signed.note, name, witness.witnessing, 1_770_112_805)

    def read(self, text):
        keys = [self.a.witness_key, self.b.witness_key]
        return read_cosignatures(text.encode(), self.signed.note, keys)

    def test_lines_of_known_witnesses_move_to_our_note(self):
        note = self.read(self.line(self.a) + self.line(self.b))
        assert cosigners(note, [self.a.witness_key, self.b.witness_key]) == {
            self.a.witness_key,
            self.b.witness_key,
        }

    @pytest.mark.spec("LR-22")
    def test_lines_of_unknown_witnesses_are_ignored(self):
        assert self.read(self.line(OTHER)) == self.signed.note
        assert cosigners(
            self.read(self.line(OTHER) + self.line(self.a)),
            [
                self.a.witness_key,
                OTHER.witness_key,
            ],
        ) == {self.a.witness_key}

    @pytest.mark.spec("EL-12")
    def test_a_known_witness_with_a_bad_signature_spoils_the_answer(self):
        with pytest.raises(SignatureError):
            self.read(self.line(self.a, LOG.sign(6).note))

    @pytest.mark.parametrize(
        "text", ["", "\n", "hello", "hello\n", "— a b\n", "x" * 16385]
    )
    @pytest.mark.spec("EL-12", "EL-17")
    def test_something_else_than_lines_is_refused(self, text):
        with pytest.raises(MalformedMessageError):
            self.read(text)

    def test_bytes_that_are_no_text_are_refused(self):
        with pytest.raises(MalformedMessageError):
            read_cosignatures(b"\xff\n", self.signed.note, [])

    def test_the_size_of_a_409_is_read(self):
        assert read_size(b"5\n", 7) == 5
        assert read_size(b"0\n", 7) == 0

    @pytest.mark.spec("LR-19", "LR-22")
    def test_a_size_above_our_own_log_is_ignored(self):
        assert read_size(b"8\n", 7) is None

    @pytest.mark.parametrize(
        "text", [b"", b"5", b"05\n", b"-1\n", b"5\n\n", b"\xff\n", b"x"]
    )
    def test_something_else_than_a_size_is_refused(self, text):
        with pytest.raises(MalformedMessageError):
            read_size(text, 7)


class TestRelation:
    def test_the_first_head_is_taken(self):
        assert relate(None, LOG.head(3), None, lambda _: None) is Relation.EXTENDS

    def test_from_an_empty_memory_everything_goes_on(self):
        assert relate(memory(0), LOG.head(3), None, lambda _: None) is Relation.EXTENDS

    def test_a_proof_from_another_size_shows_nothing(self):
        path = consistency_proof(2, 5, LOG.tree)
        shown = relate(memory(3), LOG.head(5), Extension(2, path), lambda _: None)
        assert shown is Relation.UNSHOWN

    def test_even_the_first_head_must_agree_with_what_we_once_cosigned(self):
        past = {3: digest("other")}.get
        assert relate(None, LOG.head(3), None, past) is Relation.CONTRADICTS


class TestPolicy:
    recipient = MemoryLog("b.example", 21).witness_key
    own = MemoryLog("a.example", 20).witness_key
    third = MemoryLog("c.example", 22).witness_key
    head = LOG.head(5)

    @pytest.mark.parametrize(
        ("cosigned", "index", "expected"),
        [
            ("recipient", 4, True),
            ("recipient", 0, True),
            ("recipient", 5, False),
            ("recipient", -1, False),
            ("third", 4, False),
            ("own", 4, False),
            ("", 4, False),
            ("recipient third", 4, True),
        ],
    )
    @pytest.mark.spec("LR-20", "LR-21")
    def test_the_recipient_alone_decides(self, cosigned, index, expected):
        keys = frozenset(getattr(self, name) for name in cosigned.split())
        found = met(
            self.head, keys, recipient=self.recipient, own=self.own, index=index
        )
        assert found is expected

    @pytest.mark.spec("LR-21")
    def test_the_own_cosignature_does_not_count_under_another_name(self):
        renamed = replace(self.own, name="b.example/witness/2")
        keys = frozenset([renamed])
        assert not met(self.head, keys, recipient=renamed, own=self.own, index=1)

    def test_a_forged_cosignature_is_none(self):
        b = MemoryLog("b.example", 21)
        line = cosign(LOG.sign(6).note, self.recipient.name, b.witnessing, 5)
        assert cosigners(LOG.sign(5).note + line, [self.recipient]) == frozenset()
        assert cosigners("hello", [self.recipient]) == frozenset()
