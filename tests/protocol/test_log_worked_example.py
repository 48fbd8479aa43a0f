"""The worked example of the exchange-log document, byte for byte (3.4)."""

import hashlib
from base64 import b64decode
from datetime import UTC, datetime

import pytest

from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    add_lines,
    cosign,
    sign_checkpoint,
)
from node.crypto.commit import (
    GroupKey,
    blind_actor,
    blind_consent,
    commitment,
    leaf_input,
    opening,
    salt,
)
from node.crypto.keys import SigningKey
from node.crypto.merkle import leaf_hash
from node.exchangelog.attachment import Attachment, EntryProof
from node.exchangelog.entry import (
    Act,
    encode_entry,
    parse_entry,
)
from node.exchangelog.kinds import ActorRole, EntryType
from node.exchangelog.policy import cosigners, met
from node.exchangelog.proof import (
    NAMED_BY,
    Expected,
    Heads,
    Knowledge,
    LogClaims,
    OwnLog,
    Proven,
    Unproven,
    check,
)
from node.exchangelog.witness import Extension, WitnessMemory
from node.ids import TransferId
from tests.support.exchangelog import TransferFacts, transfer_entry

SPELLED = (
    b'{"actor":"59e8742441b75554d61718a2c0ab680860bf0a190e7168aadc99a7ab3fad9c0a",'
    b'"at":"2026-02-03T10:00:00.000Z","attempt":1,"basis":"consent","bytes":200704,'
    b'"class":"transfer","consents":[{"at":"ea09907023ee0e6d849c286c0037f4f9532d3e39c'
    b'28c04c2c8f56cdc7b28c89c","c":"9b56138f5f4e3e36a011f89dd4a6c78eb5a5e121de2608d36'
    b'9fde923dcc62273","head":"ea09907023ee0e6d849c286c0037f4f9532d3e39c28c04c2c8f56c'
    b'dc7b28c89c"}],"epoch":1,"expires":"2026-02-17","id":"12121212121212121212121212'
    b'121212","log":"wehr.example/log/1","outcome":null,"packet":"5b9d82e7570dd9ef550'
    b'37c7f67cd034afc4a6a047eedfa86dcde9848d2d9885b","peer":"bad-saeckingen.example",'
    b'"peer_cp":null,"persons":1,"prev":null,"register":"V-07","role":"caseworker",'
    b'"scope":["K01","K04","K10"],"second":null,"statement":null,"transfer":"abababab'
    b'abababababababababababab","type":"transfer.sent","v":1}'
)
RECORDED = bytes.fromhex(
    "ea09907023ee0e6d849c286c0037f4f9532d3e39c28c04c2c8f56cdc7b28c89c"
)
FIRST_LEAF = bytes.fromhex(
    "b5befee63ce1ebb9b98f6f632339d9eaad8e44fdff4d34941cb750d850341ea2"
)
INCLUSION = b64decode("quEzI4qo85yNfGEZNrYpj9qMVB/LGAw/LeH6OXS45do=")
CONSISTENCY = b64decode("eB2s2q8No4SoadkOOIg5ZGGfOgpbJIkdPcZUsxXapf0=")
NOTE = """\
wehr.example/log/1
3
2Xc7HFoNMtjLeW8f3UAPoYrScZQ/PIgH2bbb5PeiFsQ=

— wehr.example/log/1 dQM/0tilfQY00Te0cGPVAQph6PBnzBarOvjVY1GDtuv3\
fs8NLCd2I8EmNjl+p/EZ+skVGYUrzNJRIE8me+o2ZkAZOAI=
— bad-saeckingen.example/witness/1 pZZJCgAAAABpgcclyAEmY73xEznGfqSun4eM6w5orBhE\
Cy1HRiJrldXwQiGX9EsOkleh8UUrRNb5BMXvCiHpqWhvJ9ooH1i3ZzgKDQ==
"""
LOG_VKEY = "wehr.example/log/1+75033fd2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
WITNESS_VKEY = (
    "bad-saeckingen.example/witness/1+a596490a+"
    "BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"
)
ORIGIN = "wehr.example/log/1"
ENTRY_ID = bytes([0x12]) * 16
KEY = GroupKey(bytes(range(32)))
CONSENT_KEY = GroupKey(bytes(range(0x20, 0x40)))
TRANSFER = TransferId("ab" * 16)
PACKET = hashlib.sha256(b"example packet").digest()


def third():
    consent = blind_consent(CONSENT_KEY, b"example consent document")
    act = Act(
        ENTRY_ID.hex(),
        datetime(2026, 2, 3, 10, tzinfo=UTC),
        ORIGIN,
        ActorRole.CASEWORKER,
        blind_actor(KEY, ENTRY_ID, "actor", "account-7").hex(),
    )
    facts = TransferFacts(TRANSFER, "bad-saeckingen.example", 1, PACKET)
    ground = {"c": consent.hex(), "at": RECORDED.hex(), "head": RECORDED.hex()}
    more = {
        "persons": 1,
        "scope": ["K01", "K04", "K10"],
        "bytes": 200704,
        "expires": "2026-02-17",
        "basis": "consent",
        "register": "V-07",
        "consents": [ground],
    }
    return transfer_entry(EntryType.TRANSFER_SENT, act, facts, more)


@pytest.mark.spec("LR-5")
def test_the_third_entry_comes_out_byte_for_byte():
    assert len(SPELLED) == 838
    assert encode_entry(third()) == SPELLED
    assert parse_entry(SPELLED) == third()


@pytest.mark.spec("LR-1")
def test_its_leaf_shows_a_commitment_only():
    c = commitment(KEY, ENTRY_ID, SPELLED)
    assert leaf_input(c).hex() == (
        "01c885c44e033bfeea6c8de2cf8a18383f9f095968a781638de5502f6562c70127"
    )
    assert leaf_hash(leaf_input(c)).hex() == (
        "781dacdaaf0da384a869d90e38883964619f3a0a5b24891d3dc654b315daa5fd"
    )


def test_its_checkpoint_and_cosignature_come_out_byte_for_byte():
    root = b64decode("2Xc7HFoNMtjLeW8f3UAPoYrScZQ/PIgH2bbb5PeiFsQ=")
    note = sign_checkpoint(
        Checkpoint(ORIGIN, 3, root), SigningKey.from_seed(b"\x01" * 32)
    )
    time_s = int(datetime(2026, 2, 3, 10, 0, 5, tzinfo=UTC).timestamp())
    witness = SigningKey.from_seed(b"\x02" * 32)
    line = cosign(note, "bad-saeckingen.example/witness/1", witness, time_s)
    assert add_lines(note, [line]) == NOTE
    key = SigningKey.from_seed(b"\x01" * 32).public
    assert str(NoteKey(ORIGIN, key, ED25519)) == LOG_VKEY
    name = "bad-saeckingen.example/witness/1"
    assert str(NoteKey(name, witness.public, COSIGNATURE)) == WITNESS_VKEY


def gate(entries):
    c = commitment(KEY, ENTRY_ID, SPELLED)
    # B saw the log at size 2, as the document's consistency proof has it.
    second = Checkpoint(ORIGIN, 2, INCLUSION)
    memory = WitnessMemory(ORIGIN, 2, INCLUSION, "")
    head = Checkpoint(
        ORIGIN, 3, b64decode("2Xc7HFoNMtjLeW8f3UAPoYrScZQ/PIgH2bbb5PeiFsQ=")
    )
    own_key = NoteKey(
        "b.example/log/1", SigningKey.from_seed(bytes(32)).public, ED25519
    )
    return check(
        LogClaims(c, second, None),
        Attachment(
            NOTE,
            entries(c),
            history=Extension(2, (CONSISTENCY,)),
            since=Extension(2, (CONSISTENCY,)),
        ),
        Heads(NoteKey.parse(LOG_VKEY)),
        knowledge=Knowledge(memory, lambda _: None, OwnLog(own_key, lambda _: False)),
        expected=Expected(
            NAMED_BY["offer"], TRANSFER, "bad-saeckingen.example", 1, PACKET
        ),
    ), head


@pytest.mark.spec("LR-20", "LR-31")
def test_the_gate_takes_the_example_and_its_floor_is_met():
    shown = opening(salt(KEY, ENTRY_ID), SPELLED)
    recorded = EntryProof(1, _recorded_path(), RECORDED)
    verdict, head = gate(lambda c: (EntryProof(2, (INCLUSION,), c, shown), recorded))
    assert isinstance(verdict, Proven)
    assert verdict.memory.size == 3
    witness = NoteKey.parse(WITNESS_VKEY)
    own = NoteKey("wehr.example/witness/1", witness.key, COSIGNATURE)
    known = cosigners(NOTE, [witness])
    other = NoteKey(own.name, SigningKey.from_seed(b"\x03" * 32).public, COSIGNATURE)
    assert met(head, known, recipient=witness, own=other, index=2)
    assert not met(head, known, recipient=witness, own=own, index=2)


def test_the_gate_refuses_the_example_with_another_path():
    shown = opening(salt(KEY, ENTRY_ID), SPELLED)
    verdict, _ = gate(lambda c: (EntryProof(2, (CONSISTENCY,), c, shown),))
    assert isinstance(verdict, Unproven)


def _recorded_path():
    leaves = [
        FIRST_LEAF,
        leaf_hash(leaf_input(commitment(KEY, ENTRY_ID, SPELLED))),
    ]
    return tuple(leaves)
