"""Notes, checkpoints, cosignatures: the published example, and strict readers."""

import hashlib
import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.crypto import commit
from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    open_checkpoint,
    peek_origin,
    sign_checkpoint,
    signature_lines,
    verify_cosignature,
    vkey,
)
from node.crypto.keys import SigningKey
from node.crypto.merkle import (
    EMPTY_ROOT,
    Frontier,
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
)
from node.errors import MalformedMessageError, SignatureError

LOG = SigningKey.from_seed(b"\1" * 32)
WITNESS = SigningKey.from_seed(b"\2" * 32)
ORIGIN = "wehr.example/log/1"
COSIGNER = "bad-saeckingen.example/witness/1"
LOG_KEY = NoteKey(ORIGIN, LOG.public, ED25519)
WITNESS_KEY = NoteKey(COSIGNER, WITNESS.public, COSIGNATURE)
ROOT = bytes.fromhex("d9773b1c5a0d32d8cb796f1fdd400fa18ad271943f3c8807d9b6dbe4f7a216c4")
HEAD = Checkpoint(ORIGIN, 3, ROOT)
COSIGNED_AT = 1770112805  # 2026-02-03 10:00:05 UTC

# The worked example of the exchange log, 3.4.
EXAMPLE_NOTE = """\
wehr.example/log/1
3
2Xc7HFoNMtjLeW8f3UAPoYrScZQ/PIgH2bbb5PeiFsQ=

\u2014 wehr.example/log/1 dQM/0tilfQY00Te0cGPVAQph6PBnzBarOvjVY1GDtuv3fs8NLCd2I8EmNjl+\
p/EZ+skVGYUrzNJRIE8me+o2ZkAZOAI=
\u2014 bad-saeckingen.example/witness/1 pZZJCgAAAABpgcclyAEmY73xEznGfqSun4eM6w5orBhECy1\
HRiJrldXwQiGX9EsOkleh8UUrRNb5BMXvCiHpqWhvJ9ooH1i3ZzgKDQ==
"""


@pytest.mark.spec("LR-5")
def test_the_worked_example_of_the_specification_comes_out():
    month = commit.GroupKey(bytes(range(0x40, 0x60)))
    chain = commit.GroupKey(bytes(range(0x20, 0x40)))
    transfer = commit.GroupKey(bytes(range(0x20)))
    entry_id = b"\x12" * 16
    consent = commit.blind_consent(chain, b"example consent document")
    assert (
        consent.hex()
        == "9b56138f5f4e3e36a011f89dd4a6c78eb5a5e121de2608d369fde923dcc62273"
    )
    actor = commit.blind_actor(transfer, entry_id, "actor", "account-7")
    assert (
        actor.hex()
        == "59e8742441b75554d61718a2c0ab680860bf0a190e7168aadc99a7ab3fad9c0a"
    )
    recorded = bytes.fromhex(
        "ea09907023ee0e6d849c286c0037f4f9532d3e39c28c04c2c8f56cdc7b28c89c"
    )
    entry = json.dumps(
        {
            "actor": actor.hex(),
            "at": "2026-02-03T10:00:00.000Z",
            "attempt": 1,
            "basis": "consent",
            "bytes": 200704,
            "class": "transfer",
            "consents": [
                {"at": recorded.hex(), "c": consent.hex(), "head": recorded.hex()}
            ],
            "epoch": 1,
            "expires": "2026-02-17",
            "id": entry_id.hex(),
            "log": ORIGIN,
            "outcome": None,
            "packet": hashlib.sha256(b"example packet").hexdigest(),
            "peer": "bad-saeckingen.example",
            "peer_cp": None,
            "persons": 1,
            "prev": None,
            "register": "V-07",
            "role": "caseworker",
            "scope": ["K01", "K04", "K10"],
            "second": None,
            "statement": None,
            "transfer": "ab" * 16,
            "type": "transfer.sent",
            "v": 1,
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()
    assert len(entry) == 838
    assert (
        commit.salt(transfer, entry_id).hex()
        == "fca0f55afd6604bc634e8c07514ae00b4a9bcfb46c0886c664c131f0c74d9e36"
    )
    c = commit.commitment(transfer, entry_id, entry)
    assert (
        commit.leaf_input(c).hex()
        == "01c885c44e033bfeea6c8de2cf8a18383f9f095968a781638de5502f6562c70127"
    )
    leaves = [
        bytes.fromhex(
            "b5befee63ce1ebb9b98f6f632339d9eaad8e44fdff4d34941cb750d850341ea2"
        ),
        leaf_hash(commit.leaf_input(recorded)),
        leaf_hash(commit.leaf_input(c)),
    ]
    assert [leaf.hex() for leaf in leaves[1:]] == [
        "93ac4128d6dd9f1582071393fd0b2b2c47e69ac9f48f9863d6a8102a0379a2ea",
        "781dacdaaf0da384a869d90e38883964619f3a0a5b24891d3dc654b315daa5fd",
    ]
    assert Frontier().extend(leaves).root() == ROOT
    tree = MemoryTree(leaves)
    assert [b64encode(h).decode() for h in inclusion_proof(2, 3, tree)] == [
        "quEzI4qo85yNfGEZNrYpj9qMVB/LGAw/LeH6OXS45do="
    ]
    assert [b64encode(h).decode() for h in consistency_proof(2, 3, tree)] == [
        "eB2s2q8No4SoadkOOIg5ZGGfOgpbJIkdPcZUsxXapf0="
    ]
    assert month != chain


@pytest.mark.spec("LR-5")
def test_the_body_key_of_the_worked_example_opens_its_body():
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt

    body_key = bytes.fromhex(
        "40ff017d4b5df67dbe990af0a804017c2b067b56c9f008bbc9c2b2355bb66a10"
    )
    sealed = commit.seal_body(
        commit.GroupKey(bytes(range(32))),
        b"\x12" * 16,
        b"{}",
        origin=ORIGIN,
        randomness=bytes,
    )
    place = ORIGIN.encode() + b"\0" + b"\x12" * 16
    assert decrypt(sealed[24:], place, sealed[:24], body_key) == b"{}" + bytes(510)


def test_the_vkeys_of_the_worked_example_come_out():
    log = "wehr.example/log/1+75033fd2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
    witness = (
        "bad-saeckingen.example/witness/1+a596490a"
        "+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
    )
    assert str(LOG_KEY) == vkey(ORIGIN, LOG.public, ED25519) == log
    assert str(WITNESS_KEY) == vkey(COSIGNER, WITNESS.public, COSIGNATURE) == witness
    assert NoteKey.parse(log) == LOG_KEY
    assert NoteKey.parse(witness) == WITNESS_KEY


def test_the_cosigned_checkpoint_of_the_worked_example_comes_out():
    note = sign_checkpoint(HEAD, LOG)
    line = cosign(note, COSIGNER, WITNESS, COSIGNED_AT)
    assert add_lines(note, [line]) == EXAMPLE_NOTE
    assert open_checkpoint(EXAMPLE_NOTE, LOG_KEY) == HEAD
    assert verify_cosignature(EXAMPLE_NOTE, WITNESS_KEY) == COSIGNED_AT
    assert peek_origin(EXAMPLE_NOTE) == ORIGIN


def test_a_note_without_the_witness_has_no_time():
    assert verify_cosignature(sign_checkpoint(HEAD, LOG), WITNESS_KEY) is None


def test_the_same_line_is_added_once():
    lines = signature_lines(EXAMPLE_NOTE)
    assert len(lines) == 2
    assert add_lines(EXAMPLE_NOTE, [*lines, lines[1]]) == EXAMPLE_NOTE


@pytest.mark.spec("LOG-6")
def test_sixteen_unknown_lines_are_ignored():
    others = [
        cosign(EXAMPLE_NOTE, f"w{i}.example/witness/1", SigningKey(bytes([i]) * 32), i)
        for i in range(16)
    ]
    note = add_lines(EXAMPLE_NOTE, others)
    assert len(signature_lines(note)) == 18
    assert open_checkpoint(note, LOG_KEY) == HEAD


def test_the_empty_log_has_a_head():
    head = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert open_checkpoint(sign_checkpoint(head, LOG), LOG_KEY) == head
    with pytest.raises(MalformedMessageError):
        Checkpoint(ORIGIN, 0, ROOT)


def signed(body):
    """A note whose signature fits, over any text."""
    from node.crypto.sign import sign

    raw = LOG_KEY.id + sign(LOG, body.encode())
    return f"{body}\n\u2014 {ORIGIN} {b64encode(raw).decode()}\n"


GOOD_ROOT = b64encode(ROOT).decode()


@pytest.mark.spec("LOG-3", "LOG-4")
@pytest.mark.parametrize(
    "body",
    [
        f"{ORIGIN}\n3\n{GOOD_ROOT}\nextension\n",
        f"{ORIGIN}\n3\n",
        f"{ORIGIN}\n03\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n+3\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n-3\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n3 \n{GOOD_ROOT}\n",
        f"{ORIGIN}\n\u0663\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n9223372036854775808\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n99999999999999999999\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n0\n{GOOD_ROOT}\n",
        f"{ORIGIN}\n3\n{GOOD_ROOT[:-1]}\n",
        f"{ORIGIN}\n3\n{GOOD_ROOT[:-2]}R=\n",
        f"{ORIGIN}\n3\n {GOOD_ROOT}\n",
        f"{ORIGIN}\n3\n{b64encode(ROOT[:31]).decode()}\n",
        f"{ORIGIN}\n3\n{b64encode(ROOT + ROOT[:1]).decode()}\n",
        f"{ORIGIN}\n3\n{GOOD_ROOT.replace('/', '_')}\n",
        f"Wehr.example/log/1\n3\n{GOOD_ROOT}\n",
        f"wehr example\n3\n{GOOD_ROOT}\n",
        f"wehr+example\n3\n{GOOD_ROOT}\n",
        f"\n3\n{GOOD_ROOT}\n",
        f"{'a' * 256}\n3\n{GOOD_ROOT}\n",
        f"m\u00fcllheim\n3\n{GOOD_ROOT}\n",
    ],
)
def test_a_checkpoint_has_one_spelling(body):
    with pytest.raises(MalformedMessageError):
        open_checkpoint(signed(body), LOG_KEY)


@pytest.mark.spec("LOG-3")
@pytest.mark.parametrize(
    "change",
    [
        lambda n: "",
        lambda n: n[:-1],
        lambda n: n + "\n",
        lambda n: n + "x\n",
        lambda n: n.replace("\n\n", "\n"),
        lambda n: n.replace("\n\n", "\n\r\n"),
        lambda n: n.replace("\u2014", "-"),
        lambda n: n.replace("\u2014 wehr", "\u2014  wehr"),
        lambda n: n.replace("\u2014 wehr", "\u2014wehr"),
        lambda n: n.replace("\u2014 wehr.example/log/1 ", "\u2014 wehr+log "),
        lambda n: n.replace("\u2014 wehr.example/log/1 ", "\u2014 "),
        lambda n: n.replace("OAI=", "OAI"),
        lambda n: n.replace("OAI=", "OAJ="),
        lambda n: n.replace("OAI=", "OAI= "),
        lambda n: n.replace("dQM/", "dQM_"),
        lambda n: n + "\u2014 x.example AAAA\n",
        lambda n: n + "\u2014 x.example !\n",
        lambda n: n + "\u2014 x.example AAAAAAAA\n" * 99,
        lambda n: n + f"\u2014 x.example {'AAAA' * 20000}\n",
        lambda n: n + "\u2014 \ud800 AAAAAAAA\n",
        lambda n: n.replace("\n3\n", "\n3\t\n"),
        lambda n: "\x00" + n,
        lambda n: n.partition("\n\n")[0] + "\n\n",
    ],
)
def test_a_note_has_one_form(change):
    with pytest.raises(MalformedMessageError):
        open_checkpoint(change(EXAMPLE_NOTE), LOG_KEY)


def test_a_foreign_or_wrong_signature_is_refused():
    other = SigningKey.from_seed(bytes(32))
    stranger = NoteKey(ORIGIN, other.public, ED25519)
    with pytest.raises(SignatureError):
        open_checkpoint(EXAMPLE_NOTE, stranger)
    with pytest.raises(SignatureError):
        open_checkpoint(EXAMPLE_NOTE.replace("\n3\n", "\n4\n"), LOG_KEY)
    with pytest.raises(SignatureError):
        verify_cosignature(EXAMPLE_NOTE.replace("\n3\n", "\n4\n"), WITNESS_KEY)
    with pytest.raises(MalformedMessageError):
        open_checkpoint(
            EXAMPLE_NOTE, NoteKey("wehr.example/log/2", LOG.public, ED25519)
        )


@pytest.mark.spec("LOG-6")
def test_a_known_key_with_a_bad_signature_refuses_the_note():
    body, lines = HEAD.body(), signature_lines(EXAMPLE_NOTE)
    raw = bytearray(b64decode(lines[0].split(" ")[2]))
    raw[-1] ^= 1
    bad = f"\u2014 {ORIGIN} {b64encode(raw).decode()}\n"
    with pytest.raises(SignatureError):
        open_checkpoint(f"{body}\n{bad}{lines[0]}", LOG_KEY)


@given(st.integers(0, 575))
def test_no_bit_of_a_cosignature_may_change(bit):
    line = signature_lines(EXAMPLE_NOTE)[1]
    raw = bytearray(b64decode(line.split(" ")[2]))
    raw[4 + bit // 8] ^= 1 << bit % 8
    bad = f"\u2014 {COSIGNER} {b64encode(raw).decode()}\n"
    with pytest.raises(SignatureError):
        verify_cosignature(sign_checkpoint(HEAD, LOG) + bad, WITNESS_KEY)


@pytest.mark.spec("LOG-7")
def test_a_cosignature_has_one_length():
    for raw in (bytes(64), bytes(73), bytes(71), bytes(1)):
        line = f"\u2014 {COSIGNER} {b64encode(WITNESS_KEY.id + raw).decode()}\n"
        with pytest.raises(MalformedMessageError):
            verify_cosignature(sign_checkpoint(HEAD, LOG) + line, WITNESS_KEY)


@pytest.mark.spec("LOG-5", "LOG-7")
def test_a_key_of_one_kind_does_not_serve_as_the_other():
    with pytest.raises(MalformedMessageError):
        verify_cosignature(EXAMPLE_NOTE, LOG_KEY)
    with pytest.raises(MalformedMessageError):
        open_checkpoint(EXAMPLE_NOTE, NoteKey(ORIGIN, LOG.public, COSIGNATURE))
    with pytest.raises(MalformedMessageError):
        NoteKey(ORIGIN, LOG.public, 6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        "wehr.example/log/1+75033fd3+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "wehr.example/log/2+75033fd2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "wehr.example/log/1+75033FD2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "wehr.example/log/1+75033fd2+AoqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
        "wehr.example/log/1+75033fd2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D28",
        "wehr.example/log/1+75033fd2+",
        "wehr example+75033fd2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
    ],
)
def test_a_vkey_has_one_spelling(text):
    with pytest.raises(MalformedMessageError):
        NoteKey.parse(text)


def test_a_witness_cosigns_checkpoints_only():
    with pytest.raises(MalformedMessageError):
        cosign(signed("anything\n"), COSIGNER, WITNESS, COSIGNED_AT)
    with pytest.raises(MalformedMessageError):
        add_lines(EXAMPLE_NOTE, ["no line\n"])
