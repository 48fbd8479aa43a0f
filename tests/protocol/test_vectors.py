"""Every published vector succeeds with its values or fails with its one code."""

import hashlib
import hmac
import json
from base64 import b64decode

import pytest

from node.crypto import commit
from node.crypto.base64url import b64u, unb64u
from node.crypto.checkpoint import (
    Checkpoint,
    NoteKey,
    open_checkpoint,
    sign_checkpoint,
    verify_cosignature,
)
from node.crypto.container import encode_fixed, encode_prelude
from node.crypto.jws import open_jws, peek_kid
from node.crypto.keys import OpeningKey, SealingKey, SigningKey, VerifyKey
from node.crypto.merkle import (
    Frontier,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from node.crypto.seal import (
    PacketHeader,
    SealedPrelude,
    open_preview,
    open_share_a,
    open_share_b,
    open_stream,
    read_prelude,
    seal_stream,
)
from node.crypto.shares import packet_key, preview_key
from node.crypto.sign import verify
from node.errors import NodeError
from node.ids import CaseId, TransferId
from node.sync.chain import Conflict, Fork, Gap, Link, Position, Repeat, judge
from node.sync.message import parse_claims
from node.sync.offer import case_tag
from node.trust.publishedkeys import PUBLISHED_KEYS
from tests.vectors.drawn import FOLDER
from tests.vectors.make_vectors import build
from tests.vectors.packet_recipes import plaintext_of, push

NAMES = ("packet", "sign", "jws", "statement", "note", "merkle", "commit")
FILES = {name: json.loads((FOLDER / f"{name}.json").read_text()) for name in NAMES}
BASES = FILES["packet"]["bases"]
CASES = [
    pytest.param(case, id=f"{name}: {case['name']}")
    for name, file in FILES.items()
    for case in file["cases"]
]
_made = {}


def hexed(given, *names):
    return [bytes.fromhex(given[name]) for name in names]


def container(name):
    """The bytes of a base, made from its recipe as a stranger would."""
    if name not in _made:
        recipe = BASES[name]
        header = recipe["header"].encode()
        fixed = b"STFP\x01" + len(header).to_bytes(4, "big") + header
        hh, ph, commitment = hexed(recipe, "hh", "ph", "commitment")
        shown = b""
        if recipe["preview"]:
            shown = _preview(recipe)
        prelude = encode_prelude(
            fixed, commitment=commitment, wrap=unb64u(recipe["wrap"]), preview=shown
        )
        assert hashlib.sha256(fixed).digest() == hh
        assert hashlib.sha256(prelude).digest() == ph
        if recipe["chunks"] == "given":
            whole = unb64u(recipe["container"])
        else:
            bound = {"ph": ph, "hh": hh, "none": b""}[recipe["stream_associated"]]
            key, header = hexed(recipe, "key", "stream_header")
            whole = prelude + push(key, header, bound, recipe["chunks"])
        _made[name] = whole
    return _made[name]


def _preview(recipe):
    from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt

    text = recipe["preview"]["text"].encode()
    nonce = bytes.fromhex(recipe["preview"]["nonce"])
    key, cp, hh = hexed(recipe, "preview_key", "preview_commitment", "hh")
    return cp + nonce + encrypt(text + bytes(-len(text) % 1024), hh, nonce, key)


def do_open(given):
    base = container(given["base"])
    whole = b"".join(
        bytes.fromhex(piece) if isinstance(piece, str) else base[piece[0] : piece[1]]
        for piece in given["pieces"]
    )
    prelude = read_prelude(whole)
    prelude.check_length(len(whole))
    key = OpeningKey.from_raw(unb64u(given["key"]))
    share_a, share_b = open_share_a(prelude, key), bytes.fromhex(given["share_b"])
    if "share_a" in given:
        share_a = bytes.fromhex(given["share_a"])
    if "grant" in given:
        dig = hashlib.sha256(whole).digest()
        share_b = open_share_b(key, prelude.hh, dig, unb64u(given["grant"]))
    rest = whole[prelude.prelude_length :]
    chunks = open_stream(prelude, share_a, share_b, lambda: iter([rest]))
    text = b"".join(chunks())
    return {"sha256": hashlib.sha256(text).hexdigest(), "length": len(text)}


def do_preview(given):
    prelude = read_prelude(container(given["base"]))
    return {"text": open_preview(prelude, bytes.fromhex(given["share_a"])).decode()}


def do_header(given):
    header = PacketHeader.parse(given["text"].encode())
    return {"pad": header.pad, "exp": header.exp, "kid": header.kid}


def do_verify(given):
    verify(
        VerifyKey.parse(given["key"]), unb64u(given["message"]), unb64u(given["sig"])
    )
    return {}


def do_enrol(given):
    VerifyKey.parse(given["key"]).check_enrolment()
    return {}


def do_jws(given):
    payload = open_jws(given["jws"], given["typ"], VerifyKey.parse(given["key"]))
    return {"payload": b64u(payload), "kid": peek_kid(given["jws"])}


def do_claims(given):
    return {"t": parse_claims(given["payload"].encode()).t}


def do_place(given):
    last, link, known = given["last"], given["link"], given["known"]
    found = judge(
        last and Position(last["inc"], last["seq"], unb64u(last["h"])),
        Link(link["inc"], link["seq"], unb64u(link["prev"])),
        digest=unb64u(given["h"]),
        known=known and unb64u(known),
    )
    refused = {Conflict: "id-conflict", Gap: "chain-gap", Fork: "history-conflict"}
    if type(found) in refused:
        return {"error": refused[type(found)]}
    return {"repeat": True} if found == Repeat() else {}


def do_tag(given):
    key, transfer = bytes.fromhex(given["key"]), TransferId(given["tr"])
    tag = case_tag(key, transfer, CaseId(given["case"]), epoch=given["e"])
    return {"tag": b64u(tag)}


def do_checkpoint(given):
    head = open_checkpoint(given["note"], NoteKey.parse(given["log"]))
    return {"size": head.size, "root": head.body().split("\n")[2]}


def do_sign_note(given):
    key = SigningKey.from_seed(bytes.fromhex(given["seed"]))
    return {"note": sign_checkpoint(Checkpoint.parse_body(given["body"]), key)}


def do_cosignature(given):
    key = NoteKey.parse(given["witness"])
    return {"time": verify_cosignature(given["note"], key)}


def do_vkey(given):
    key = NoteKey.parse(given["vkey"])
    return {"name": key.name, "type": key.type}


def do_root(given):
    leaves = [leaf_hash(bytes.fromhex(leaf)) for leaf in given["leaves"]]
    return {"root": Frontier().extend(leaves).root().hex()}


def do_inclusion(given):
    leaf, root = hexed(given, "leaf", "root")
    proof = [bytes.fromhex(item) for item in given["proof"]]
    verify_inclusion(given["index"], given["size"], leaf, proof, root)
    return {}


def do_consistency(given):
    old, new = hexed(given, "old", "new")
    proof = [bytes.fromhex(item) for item in given["proof"]]
    verify_consistency(given["from"], given["to"], old, new, proof)
    return {}


def do_commit(given):
    raw, entry_id, nonce = hexed(given, "key", "id", "nonce")
    key, entry = commit.GroupKey(raw), given["entry"].encode()
    c = commit.commitment(key, entry_id, entry)
    sealed = commit.seal_body(
        key, entry_id, entry, origin=given["origin"], randomness=lambda _: nonce
    )
    salt = commit.salt(key, entry_id)
    return {
        "salt": salt.hex(),
        "c": c.hex(),
        "leaf_hash": leaf_hash(commit.leaf_input(c)).hex(),
        "sealed": b64u(sealed),
        "opening": b64u(commit.opening(salt, entry)),
    }


def do_actor(given):
    raw, entry_id = hexed(given, "key", "id")
    return {
        role: commit.blind_actor(
            commit.GroupKey(raw), entry_id, role, given["account"]
        ).hex()
        for role in ("actor", "second")
    }


def do_consent(given):
    key = commit.GroupKey(bytes.fromhex(given["key"]))
    return {"consent": commit.blind_consent(key, given["consent"].encode()).hex()}


def do_body(given):
    raw, entry_id = hexed(given, "key", "id")
    sealed = unb64u(given["sealed"])
    entry = commit.open_body(
        commit.GroupKey(raw), entry_id, sealed, origin=given["origin"]
    )
    return {"entry": entry.decode()}


def do_opening(given):
    c, shown = bytes.fromhex(given["c"]), unb64u(given["opening"])
    return {"entry": commit.check_opening(c, shown).decode()}


DO = {
    name.removeprefix("do_").replace("_", "-"): function
    for name, function in list(globals().items())
    if name.startswith("do_")
}


@pytest.mark.spec(
    "HO-119",
    "SEAL-2",
    "SEAL-3",
    "SEAL-6",
    "SEAL-7",
    "SEAL-8",
    "SEAL-9",
    "SEAL-10",
    "HO-40",
)
@pytest.mark.parametrize("case", CASES)
def test_a_vector_has_its_outcome(case):
    try:
        outcome = DO[case["do"]](case["in"])
    except NodeError as error:
        outcome = {"error": error.code}
    assert outcome == case["expect"]


@pytest.mark.spec("HO-119")
@pytest.mark.parametrize("name", BASES)
def test_a_recipe_gives_its_bytes_and_its_keys(name):
    recipe, whole = BASES[name], container(name)
    assert len(whole) == recipe["length"]
    assert hashlib.sha256(whole).hexdigest() == recipe["sha256"]
    assert unb64u(recipe.get("container", b64u(whole))) == whole
    a, b, hh = hexed(recipe, "share_a", "share_b", "hh")
    assert packet_key(a, b, hh) == tuple(hexed(recipe, "key", "commitment"))
    expected = tuple(hexed(recipe, "preview_key", "preview_commitment"))
    assert preview_key(a, hh) == expected
    # HKDF once more, from its definition (RFC 5869, 2.2 and 2.3).
    prk = hmac.digest(hh, a + b, "sha256")
    assert hmac.digest(prk, b"staffelstab/1 packet\1", "sha256").hex() == recipe["key"]


@pytest.mark.spec("HO-119")
@pytest.mark.parametrize("name", ["small", "size 1", "size 65536", "size 65537"])
def test_sealing_makes_the_bytes_of_the_recipe(name):
    recipe, whole = BASES[name], container(name)
    start, header = recipe["prelude_length"], recipe["header"].encode()
    assert encode_fixed(PacketHeader.parse(header)) == whole[: 9 + len(header)]
    hh, ph, share_b, key, stream = hexed(
        recipe, "hh", "ph", "share_b", "key", "stream_header"
    )
    pad = json.loads(recipe["header"])["pad"]
    prelude = SealedPrelude(
        whole[:start], hh, ph, share_b, pad, key, lambda size: stream[:size]
    )
    assert b"".join(seal_stream(prelude, [plaintext_of(pad)])) == whole


def test_the_roots_are_those_that_rfc_6962_implementations_share():
    roots = [
        case["expect"]["root"]
        for case in FILES["merkle"]["cases"]
        if case["do"] == "root"
    ]
    assert roots == [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]


@pytest.mark.spec("HO-119")
def test_the_program_writes_exactly_the_published_files():
    for name, text in build().items():
        assert (FOLDER / name).read_text() == text, name


def test_two_thirds_of_the_vectors_are_refused():
    cases = [case for file in FILES.values() for case in file["cases"]]
    refused = [case for case in cases if "error" in case["expect"]]
    assert len(cases) >= 150
    assert len(refused) * 3 >= len(cases) * 2
    assert all(error["expect"].keys() == {"error"} for error in refused)
    for file in FILES.values():
        names = [case["name"] for case in file["cases"]]
        assert len(set(names)) == len(names)


@pytest.mark.spec("SR-S5")
def test_the_program_refuses_every_key_that_stands_here():
    listed = json.loads((FOLDER / "keys.json").read_text())
    spelled = [*listed["ed25519"], *listed["mlkem768_x25519_sha256"]]
    assert set(map(unb64u, spelled)) == PUBLISHED_KEYS


def test_every_key_of_the_vectors_is_on_the_list_of_test_keys():
    listed = json.loads((FOLDER / "keys.json").read_text())
    for case in FILES["note"]["cases"]:
        if case["expect"].keys() & {"size", "time"}:
            text = case["in"].get("log") or case["in"]["witness"]
            assert str(NoteKey.parse(text).key) in listed["ed25519"]
    for case in FILES["packet"]["cases"]:
        if case["do"] == "open":
            key = OpeningKey.from_raw(unb64u(case["in"]["key"])).public
            assert isinstance(key, SealingKey)
            assert b64u(key.thumbprint) in listed["mlkem768_x25519_sha256"]
    for case in FILES["jws"]["cases"]:
        assert case["in"]["key"] in listed["ed25519"]


def test_the_worked_example_is_a_vector():
    note = FILES["note"]["cases"][0]["in"]["note"]
    line = note.rstrip("\n").rsplit(" ", 1)[1]
    assert b64decode(line).hex().startswith("a596490a")
    assert "ZZJCgAAAABpgcclyAEmY73xEznGfqSun4eM6w5orBhECy1HRiJrldXwQiGX9EsO" in note
