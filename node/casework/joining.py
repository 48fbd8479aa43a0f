"""Joining the other side's own bundle to ours: both logs, each as its own node shows it.

Enters: our evidence of a transfer, the bytes of the other side's bundle. Leaves: evidence
in which the other side is whole. Must never happen: a bundle taken over that is not sound,
about another transfer, or by anybody but the other side. Implements exchange-log 7.1
(``bundle --with``).
"""

from collections.abc import Mapping
from dataclasses import replace

from node.crypto.checkpoint import NoteKey
from node.crypto.commit import opening
from node.crypto.keys import VerifyKey
from node.errors import InputError, MalformedMessageError
from node.exchangelog.bundle import (
    Evidence,
    Shown,
    SideEvidence,
    SideKeys,
    Step,
    read_files,
)
from node.exchangelog.standalone import verify
from node.exchangelog.tlogproof import TlogProof
from node.ids import KeyId, MemberId
from node.report.bundlecheck import check_files
from node.strictjson import parse_object

_FIELD = "with"


def join(evidence: Evidence, other: bytes) -> Evidence:
    """Put the other node's own side in place of what it showed us.

    Raises:
        InputError: Not a sound bundle of the other side about the same transfer.
    """
    try:
        files = read_files(other)
    except MalformedMessageError as error:
        raise InputError(_FIELD, "no-bundle") from error
    check = check_files(files)
    if check.verdict not in {"verified", "unconfirmed"}:
        raise InputError(_FIELD, "not-sound")
    b = evidence.b
    assert b is not None
    letter, theirs = (
        ("b", b) if evidence.a.keys.member == evidence.by else ("a", evidence.a)
    )
    manifest = parse_object(files["manifest.json"], members=10_000)
    side = manifest["sides"].get(letter)
    if (
        manifest["query"] != {"transfer": str(evidence.query)}
        or manifest["by"] != theirs.keys.member
        or side is None
        or side["origin"] != theirs.keys.origin
    ):
        raise InputError(_FIELD, "other-transfer")
    whole = _side(letter, files)
    known = {str(key) for key in theirs.keys.log}
    if not known & {str(key) for key in whole.keys.log}:
        raise InputError(_FIELD, "other-keys")
    joined = replace(
        whole,
        notes=tuple({*whole.notes, *_only_ours(theirs.notes, whole)}),
        steps=tuple({step.encode(): step for step in whole.steps}.values()),
    )
    if letter == "a":
        return replace(evidence, a=joined)
    return replace(evidence, b=joined)


def _only_ours(notes: tuple[str, ...], whole: SideEvidence) -> list[str]:
    """Our cosigned notes of sizes the other side shows as well."""
    sizes = {_size(note) for note in whole.notes}
    return [note for note in notes if _size(note) not in sizes]


def _size(note: str) -> int:
    return TlogProof(0, (), note).head().size


def _side(letter: str, files: Mapping[str, bytes]) -> SideEvidence:
    """One side of a bundle that was checked."""
    found = parse_object(files[f"keys/{letter}.json"])
    card = files.get(f"keys/{letter}-card.jws")
    keys = SideKeys(
        member=MemberId(found["member"]),
        origin=parse_object(files["manifest.json"], members=10_000)["sides"][letter][
            "origin"
        ],
        log=tuple(map(NoteKey.parse, found["log"])),
        witness=tuple(map(NoteKey.parse, found["witness"])),
        sign={KeyId(kid): VerifyKey.parse(raw) for kid, raw in found["sign"].items()},
        card=None if card is None else card.decode("ascii"),
    )
    notes, shown, steps = [], [], []
    for name, content in files.items():
        if name.startswith(f"{letter}/checkpoints/"):
            notes.append(content.decode())
        elif name.startswith(f"{letter}/consistency/"):
            steps.append(Step(*_step(content)))
        elif name.startswith(f"{letter}/proofs/"):
            shown.append(_shown(letter, content, files))
    return SideEvidence(keys, True, tuple(notes), tuple(shown), tuple(steps))


def _step(
    content: bytes,
) -> tuple[tuple[int, bytes], tuple[int, bytes], tuple[bytes, ...]]:
    former, latter, path = verify.read_step(content)
    return former, latter, tuple(path)


def _shown(letter: str, content: bytes, files: Mapping[str, bytes]) -> Shown:
    proof = TlogProof.parse(content.decode())
    stem = f"{letter}/entries/{proof.index}"
    told = files.get(stem + ".json")
    salt = files.get(stem + ".salt", b"")
    c = files[stem + ".leaf"][1:]
    return Shown(c, None if told is None else opening(salt, told), proof)
