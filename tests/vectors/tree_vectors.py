"""Vectors of the tree and of commitments."""

from node.crypto import commit
from node.crypto.base64url import b64u
from node.crypto.merkle import (
    MemoryTree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
)
from tests.vectors.drawn import seeded
from tests.vectors.text_vectors import ORIGIN, Cases

# The leaves that implementations of RFC 6962 test with.
LEAVES = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
]


def tree():
    """The file ``merkle.json``."""
    cases = Cases("Merkle tree: RFC 6962, 2.1; RFC 9162, 2.1.3, 2.1.4; exchange log 4")
    hashes = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]
    whole = MemoryTree(hashes)
    roots = [root_of(size, whole).hex() for size in range(9)]
    for size in range(9):
        given, expect = {"leaves": LEAVES[:size]}, {"root": roots[size]}
        cases.add(f"root of {size}", "root", given, expect)

    def inclusion(index, size):
        path = [item.hex() for item in inclusion_proof(index, size, whole)]
        base = {"index": index, "size": size, "leaf": hashes[index].hex()}
        return base | {"root": roots[size], "proof": path}

    def consistency(m, n):
        path = [item.hex() for item in consistency_proof(m, n, whole)]
        return {"from": m, "to": n, "old": roots[m], "new": roots[n], "proof": path}

    for index, size in ((0, 1), (0, 8), (5, 8), (2, 3), (1, 5), (6, 7)):
        name = f"leaf {index} of {size}"
        cases.add(name, "inclusion", inclusion(index, size), {})
    for m, n in ((1, 1), (1, 8), (6, 8), (2, 5), (4, 7), (3, 7)):
        cases.add(f"{m} to {n}", "consistency", consistency(m, n), {})
    good = inclusion(5, 8)
    path = good["proof"]
    for name, change in {
        "other index": {"index": 4},
        "index beyond": {"index": 8},
        "index negative": {"index": -1},
        "size 0": {"size": 0},
        "other size": {"size": 5},
        "other leaf": {"leaf": hashes[4].hex()},
        "other root": {"root": roots[7]},
        "cut": {"proof": path[:-1]},
        "too long": {"proof": [*path, roots[1]]},
        "wrong order": {"proof": path[::-1]},
        "short hash": {"proof": [path[0][:-2], *path[1:]]},
        "empty": {"proof": []},
        "one bit": {"proof": ["00" + path[0][2:], *path[1:]]},
    }.items():
        cases.refuse(f"inclusion: {name}", "inclusion", good | change, "bad-syntax")
    good = consistency(3, 7)
    path = good["proof"]
    for name, change in {
        "from 0": {"from": 0, "old": roots[0], "proof": []},
        "backwards": {"from": 7, "to": 3, "old": roots[7], "new": roots[3]},
        "other former size": {"from": 2},
        "other size": {"to": 9},
        "other former root": {"old": roots[2]},
        "other root": {"new": roots[8]},
        "cut": {"proof": path[:-1]},
        "too long": {"proof": [*path, roots[1]]},
        "wrong order": {"proof": path[::-1]},
        "empty": {"proof": []},
        "one bit": {"proof": [*path[:-1], "00" + path[-1][2:]]},
        "equal sizes, other roots": {"from": 7, "proof": []},
        "equal sizes with a proof": {"from": 7, "old": roots[7], "proof": [roots[1]]},
    }.items():
        cases.refuse(f"consistency: {name}", "consistency", good | change, "bad-syntax")
    return cases.file()


def commitments():
    """The file ``commit.json``."""
    cases = Cases("Blinded commitments: exchange log 3.1, 3.4")
    key, entry_id = commit.GroupKey(bytes(range(32))), b"\x12" * 16
    entry = b'{"type":"log.opened","v":1}'
    c = commit.commitment(key, entry_id, entry)
    sealed = commit.seal_body(
        key, entry_id, entry, origin=ORIGIN, randomness=lambda n: seeded("body", n)
    )
    shown = commit.opening(commit.salt(key, entry_id), entry)
    base = {"key": key.raw.hex(), "id": entry_id.hex(), "origin": ORIGIN}
    chain = commit.GroupKey(bytes(range(0x20, 0x40)))
    document = b"example consent document"
    cases.add(
        "entry",
        "commit",
        base | {"entry": entry.decode(), "nonce": sealed[:24].hex()},
        {
            "salt": commit.salt(key, entry_id).hex(),
            "c": c.hex(),
            "leaf_hash": leaf_hash(commit.leaf_input(c)).hex(),
            "sealed": b64u(sealed),
            "opening": b64u(shown),
        },
    )
    given = base | {"account": "account-7"}
    actor = {
        role: commit.blind_actor(key, entry_id, role, "account-7").hex()
        for role in ("actor", "second")
    }
    cases.add("actor and second", "actor", given, actor)
    given = {"key": chain.raw.hex(), "consent": document.decode()}
    blind = {"consent": commit.blind_consent(chain, document).hex()}
    cases.add("consent", "consent", given, blind)
    given = base | {"sealed": b64u(sealed)}
    cases.add("body", "body", given, {"entry": entry.decode()})
    for name, change in {
        "other group": {"key": chain.raw.hex()},
        "other id": {"id": bytes(16).hex()},
        "other log": {"origin": "wehr.example/log/2"},
        "cut": {"sealed": b64u(sealed[:-1])},
        "too short": {"sealed": b64u(sealed[:39])},
        "empty": {"sealed": ""},
        "changed": {"sealed": b64u(sealed[:-1] + bytes([sealed[-1] ^ 1]))},
    }.items():
        cases.refuse(f"body: {name}", "body", given | change, "seal")
    given = {"c": c.hex(), "opening": b64u(shown)}
    cases.add("opening", "opening", given, {"entry": entry.decode()})
    for name, change in {
        "other commitment": {"c": bytes(32).hex()},
        "other version": {"opening": b64u(b"\2" + shown[1:])},
        "other salt": {"opening": b64u(shown[:1] + bytes(32) + shown[33:])},
        "other entry": {"opening": b64u(shown + b" ")},
        "cut": {"opening": b64u(shown[:20])},
        "empty": {"opening": ""},
    }.items():
        cases.refuse(f"opening: {name}", "opening", given | change, "bad-syntax")
    return cases.file()
