"""What must hold at two nodes after every step, checked from outside.

This room imports nothing of the product (nor does ``seen``): it reads the tables with SQL
of its own, computes the tree of the log by itself and knows the rules from the
specification. Enters: the data folders of all nodes, the texts of a person that must never
lie anywhere in the clear. Leaves: one sentence for each rule that is broken. Spec: I1, I2,
I4, I5, I8, I9, I15; HO-5, HO-15, HO-42, P1, P2.
"""

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support.seen import Seen, look, spilled

HELD_BEFORE_GRANT: Final = {"queued", "delivered", "asked"}
KEPT_AFTER_GRANT: Final = {"granted", "closed", "durable"}
OPEN_AT_RECIPIENT: Final = {"waiting", "approved", "opening"}
HERE: Final = {"imported", "closed", "durable"}
BEGUN: Final = "erasing"
RETENTION_US: Final = 90 * 86_400 * 1_000_000

BATONS: Final = {
    "queued": "frozen",
    "delivered": "frozen",
    "asked": "frozen",
    "granted": "granted",
}
"""The state of each case of a transfer that holds it."""

PAIRS: Final[Mapping[str, set[str]]] = {
    "held": {"absent"},
    "cancelled": {"absent"},
    "queued": {"absent", "announced", "waiting", "approved", "rejected", "expired"},
    "delivered": {"waiting", "approved", "rejected", "expired"},
    "asked": {"approved", "rejected", "expired"},
    "granted": {"approved", "opening", "imported", "rejected", "expired"},
    "closed": {"imported", "closed", "durable"},
    "durable": {"closed", "durable"},
    "erased": {"durable"},
    "recalling": {
        "absent",
        "announced",
        "waiting",
        "approved",
        "rejected",
        "expired",
        "recalled",
    },
    "recalled": {
        "absent",
        "announced",
        "waiting",
        "approved",
        "rejected",
        "expired",
        "recalled",
    },
    "rejected": {"rejected"},
}
"""Which states at R are possible at all beside a state at S, no message being final."""

SENT_LOG: Final = {
    "held": "",
    "cancelled": "",
    "queued": "sent",
    "delivered": "sent delivered",
    "asked": "sent delivered",
    "granted": "sent delivered granted",
    "closed": "sent delivered granted completed",
    "durable": "sent delivered granted completed secured( erasing)?",
    "erased": "sent delivered granted completed secured erasing erased",
    "recalling": "sent( delivered)?( recalled| denied)",
    "recalled": "sent( delivered)?( granted)?( recalled| denied)",
    "rejected": "sent( delivered)?( granted)? recalled",
}
RECEIVED_LOG: Final = {
    "announced": "",
    "waiting": "received",
    "approved": "received approved",
    "opening": "received approved",
    "imported": "received approved imported",
    "closed": "received approved imported",
    "durable": "received approved imported backed_up",
    "rejected": "rejected|(received( approved)? )?refused",
    "expired": "(received( approved)? )?dropped",
    "recalled": "(received( approved)? )?dropped",
}
"""The entries of one transfer, in order, in each of its states (handover 4.4)."""


@dataclass
class Findings:
    """What is broken, one sentence each."""

    found: list[str] = field(default_factory=list)

    def expect(self, holds: object, sentence: str) -> None:
        """Note the sentence unless it holds."""
        if not holds:
            self.found.append(sentence)


def check(
    folders: Iterable[Path],
    *,
    canaries: Sequence[str] = (),
    entries: Mapping[str, Mapping[str, Sequence[str]]] | None = None,
    swept: bool = False,
) -> list[str]:
    """Every invariant over all nodes; an empty list is good.

    Args:
        folders: The data folders.
        canaries: Texts of the persons: they may lie in no file in the clear (I9).
        entries: Per member and transfer the types of its log entries in order, opened by
            somebody who has the keys, without ``transfer.`` and ``source.``.
        swept: Nothing is under way and the nodes have tidied up: no file without a row.
    """
    findings = Findings()
    # A canary must be looked for before the databases are opened, which tidies them.
    folders = list(folders)
    for folder in folders:
        for place in spilled(folder, canaries):
            findings.expect(False, f"I9: a canary lies in {place}")
    nodes = [look(folder) for folder in folders]
    for node in nodes:
        _one_node(node, findings, swept=swept)
        _log(node, findings)
        if entries is not None:
            _entries(node, entries.get(node.member, {}), findings)
    by_member = {node.member: node for node in nodes}
    for node in nodes:
        _transfers(node, by_member, findings)
        _chains(node, by_member, findings)
    _homes(nodes, findings)
    return findings.found


# -- One node ----------------------------------------------------------------------------


def _one_node(node: Seen, findings: Findings, *, swept: bool) -> None:
    secrets = node.by("outbound_secret", "transfer")
    packets = node.by("outbox_packet", "transfer")
    cases = node.by("case_file", "id")
    members = defaultdict(list)
    for row in node.rows("outbound_member"):
        members[row["transfer"]].append(row)
    for transfer in node.rows("outbound_transfer"):
        name, state = f"{node.member} sends {transfer['id'][:6]}", transfer["state"]
        secret = secrets.get(transfer["id"])
        kept = secret is not None and secret["share_b"] is not None
        if state == "durable" and BEGUN in json.loads(transfer["facts"]):
            # P10 is under way: share B goes in the step after the intent.
            pass
        elif state in HELD_BEFORE_GRANT | KEPT_AFTER_GRANT:
            findings.expect(kept, f"HO-15: {name}: {state} without share B")
        elif state == "held":
            findings.expect(secret is None, f"P1: {name}: held with share B")
        else:
            findings.expect(not kept, f"HO-15: {name}: share B outlived {state}")
        queued = transfer["id"] in packets
        findings.expect(
            queued == (state == "queued"),
            f"HO-78: {name}: {state}, packet row {'there' if queued else 'missing'}",
        )
        holds = state in BATONS
        for member in members[transfer["id"]]:
            findings.expect(
                bool(member["holding"]) == holds, f"HO-5: {name}: {state}, holding"
            )
            if holds:
                case = cases[member["case_id"]]
                findings.expect(
                    (case["baton"], case["transfer"])
                    == (BATONS[state], transfer["id"]),
                    f"I2: {name}: {state}, but its case is {case['baton']}",
                )
    _received(node, findings)
    _erasures(node, members, findings)
    for case in cases.values():
        alone = case["baton"] in {"active", "shredded"}
        findings.expect(
            alone == (case["transfer"] is None),
            f"I2: {node.member}: a case {case['baton']} names a transfer or none",
        )
    _files(node, findings, swept=swept)


def _erasures(
    node: Seen,
    members: Mapping[str, Sequence[Mapping[str, Any]]],
    findings: Findings,
) -> None:
    """I8: content goes only by a transfer that is durable, and after its time.

    And DO-33: of a case whose key is gone there is nothing left to read.
    """
    may_go: set[str] = set()
    for transfer in node.rows("outbound_transfer"):
        facts = json.loads(transfer["facts"])
        begun = facts.get(BEGUN)
        if begun is None:
            findings.expect(
                transfer["state"] != "erased",
                f"P10: {node.member}: erased without an intent",
            )
            continue
        findings.expect(
            "durable" in facts and begun - facts["durable"] >= RETENTION_US,
            f"I8: {node.member}: erasing before its time",
        )
        may_go |= {row["case_id"] for row in members[transfer["id"]]}
    filled = {row["case_id"] for row in node.rows("record")}
    filled |= {row["case_id"] for row in node.rows("document_file")}
    for case in node.rows("case_file"):
        if case["baton"] == "shredded":
            name = f"case {case['id'][:6]}"
            findings.expect(case["id"] in may_go, f"I8: {name} went too early")
            findings.expect(case["wrapped"] is None, f"I8: {name} has its key")
            findings.expect(case["id"] not in filled, f"DO-33: {name} left rows")


def _received(node: Seen, findings: Findings) -> None:
    received = node.by("received_packet", "transfer")
    for transfer in node.rows("inbound_transfer"):
        name, state = f"{node.member} receives {transfer['id'][:6]}", transfer["state"]
        there = transfer["id"] in received
        findings.expect(
            there == (state in OPEN_AT_RECIPIENT),
            f"HO-16: {name}: {state}, container {'there' if there else 'missing'}",
        )
        if there:
            granted = received[transfer["id"]]["grant"] is not None
            findings.expect(
                granted == (state == "opening"),
                f"I4: {name}: {state}, grant {'there' if granted else 'missing'}",
            )


def _files(node: Seen, findings: Findings, *, swept: bool) -> None:
    """P1: never a row without its file; after a sweep never a file without its row."""
    named = {
        "packets": {
            bytes(row["file"])
            for table in ("outbound_secret", "received_part")
            for row in node.rows(table)
            if row["file"] is not None
        },
        "documents": {bytes(row["digest"]) for row in node.rows("document_file")},
    }
    for kind, names in named.items():
        folder = node.folder / "files" / kind
        there = {
            bytes.fromhex(path.name)
            for path in folder.glob("*/*")
            if path.parent.name != "unfinished"
        }
        for name in names - there:
            findings.expect(
                False, f"P1: {node.member}: {kind} {name.hex()[:8]} is lost"
            )
        if swept:
            for name in there - names:
                sentence = f"P1: {node.member}: {kind} {name.hex()[:8]} has no row"
                findings.expect(False, sentence)
            rest = list((folder / "unfinished").glob("*"))
            findings.expect(not rest, f"P1: {node.member}: {kind} left unfinished")


# -- The log, with a tree of our own -----------------------------------------------------


def _root(leaves: Sequence[bytes]) -> bytes:
    """RFC 9162, 2.1.1, as it stands there."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(
        b"\1" + _root(leaves[:split]) + _root(leaves[split:])
    ).digest()


def _log(node: Seen, findings: Findings) -> None:
    """I5: one leaf after the other, a body for each, and every head signed is its root."""
    leaves = sorted(node.rows("log_leaf"), key=lambda row: row["idx"])
    inputs = [bytes(row["input"]) for row in leaves]
    size = node.rows("log_head")[0]["size"]
    numbers = [row["idx"] for row in leaves]
    findings.expect(
        numbers == list(range(size)), f"I5: {node.member}: the log has gaps"
    )
    bodies = {row["idx"] for row in node.rows("log_body")}
    findings.expect(bodies == set(numbers), f"I5: {node.member}: entry without a body")
    for head in node.rows("log_checkpoint"):
        findings.expect(
            head["size"] <= size
            and _root(inputs[: head["size"]]) == bytes(head["root"]),
            f"I5: {node.member}: the head of size {head['size']} is not of this log",
        )


def _entries(
    node: Seen, entries: Mapping[str, Sequence[str]], findings: Findings
) -> None:
    for table, expected in (
        ("outbound_transfer", SENT_LOG),
        ("inbound_transfer", RECEIVED_LOG),
    ):
        for transfer in node.rows(table):
            found = " ".join(
                kind
                for kind in entries.get(transfer["id"], ())
                if not kind.startswith("notice.")
            )
            findings.expect(
                re.fullmatch(expected[transfer["state"]], found),
                f"I5: {node.member}: {transfer['state']} with entries: {found}",
            )


# -- Both ends ---------------------------------------------------------------------------


def _transfers(node: Seen, nodes: Mapping[str, Seen], findings: Findings) -> None:
    for transfer in node.rows("outbound_transfer"):
        peer = nodes.get(transfer["recipient"])
        if peer is None:
            continue
        theirs = peer.by("inbound_transfer", "id").get(transfer["id"])
        there = theirs["state"] if theirs else "absent"
        findings.expect(
            there in PAIRS[transfer["state"]],
            f"I2: {transfer['state']} at {node.member}, {there} at {peer.member}",
        )


def _chains(node: Seen, nodes: Mapping[str, Seen], findings: Findings) -> None:
    """HO-42: numbers without gaps; what was taken is what was said; nothing acked early."""
    said = defaultdict(list)
    for row in node.rows("statement"):
        said[row["peer"]].append(row)
    for member, rows in said.items():
        rows.sort(key=lambda row: (row["inc"], row["seq"]))
        numbers = [row["seq"] for row in rows]
        findings.expect(
            numbers == list(range(1, len(rows) + 1)),
            f"HO-42: {node.member} to {member}: numbers {numbers}",
        )
        peer = nodes.get(member)
        if peer is None:
            continue
        taken = {
            (row["inc"], row["seq"]): row
            for row in peer.rows("taken")
            if row["issuer"] == node.member
        }
        for row in rows:
            found = taken.pop((row["inc"], row["seq"]), None)
            digest = hashlib.sha256(row["jws"].encode("ascii")).digest()
            findings.expect(
                found is None or bytes(found["digest"]) == digest,
                f"I15: {member} took another statement than {node.member} made",
            )
            findings.expect(
                found is None or found["result"] == "taken",
                f"HO-45: {member} refused {row['type']} of {node.member}",
            )
            findings.expect(
                found is not None or row["acknowledged_at"] is None,
                f"HO-47: {row['type']} counts as taken, but {member} has it not",
            )
        findings.expect(not taken, f"I15: {member} took what {node.member} never said")


def _homes(nodes: Sequence[Seen], findings: Findings) -> None:
    """I1 and I2 over all cases known anywhere."""
    homes: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    readable: dict[str, bool] = defaultdict(bool)
    for node in nodes:
        filled = {row["case_id"] for row in node.rows("record")}
        for case in node.rows("case_file"):
            homes[case["id"]].append((case["epoch"], case["baton"], node.member))
            if case["wrapped"] is not None and case["id"] in filled:
                readable[case["id"]] = True
    for person, places in homes.items():
        name = f"case {person[:6]}"
        findings.expect(readable[person], f"I1: {name} is lost")
        highest = max(epoch for epoch, _, _ in places)
        active = [(epoch, who) for epoch, baton, who in places if baton == "active"]
        findings.expect(len(active) <= 1, f"I2: {name} is active at two nodes")
        findings.expect(
            all(epoch == highest for epoch, _ in active),
            f"I2: {name} is active below the highest epoch",
        )
