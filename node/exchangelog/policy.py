"""When a packet may leave: a policy, who cosigned, and the floor below it.

Enters: a policy file in the public C2SP form, a note, whose packet it is. Leaves: whether
its quorum is met, and who is missing. Must never happen: a packet leaving before its
recipient cosigned the entry that sends it; the own cosignature counting. Implements LR-20,
LR-21, HO-46, exchange-log 5.2 and EL-17 for policies. Source: C2SP tlog-policy.

A district's policy adds its quorum to the floor, never instead of it. Without one the
built-in policy **pair** holds, which is the floor alone.
"""

import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from node.crypto.checkpoint import (
    COSIGNATURE,
    ED25519,
    Checkpoint,
    NoteKey,
    verify_cosignature,
)
from node.errors import MalformedMessageError, SignatureError

POLICY_BYTES: Final = 64 * 1024
MAX_LINES_OF_A_KIND: Final = 64
NONE: Final = "none"
_NEVER: Final = 1_000_000
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_SPACE: Final = re.compile(r"[ \t]+")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,3}", re.ASCII)


@dataclass(frozen=True, slots=True)
class PolicyWitness:
    """A witness that a policy names; ``url`` is its submission prefix, or empty."""

    name: str
    key: NoteKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Witnesses or earlier groups, of which ``least`` must have cosigned."""

    name: str
    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """A checked policy; ``text`` is the file as it was published."""

    text: str
    logs: tuple[NoteKey, ...]
    witnesses: tuple[PolicyWitness, ...]
    groups: tuple[Group, ...]
    quorum: str

    @property
    def digest(self) -> bytes:
        """SHA-256 of the file."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def keys(self) -> tuple[NoteKey, ...]:
        """The keys of all its witnesses."""
        return tuple(witness.key for witness in self.witnesses)

    def lacking(
        self, have: Collection[NoteKey], never: Collection[NoteKey] = ()
    ) -> int:
        """How many more cosignatures the quorum needs at least; 0 if it is met.

        Args:
            have: Who cosigned.
            never: Whose cosignature cannot count: the log's own.
        """
        signed = {key.key.raw for key in have}
        barred = {key.key.raw for key in never}
        lacks = {NONE: 0}
        for witness in self.witnesses:
            raw = witness.key.key.raw
            lacks[witness.name] = int(raw not in signed)
            if raw in barred:
                lacks[witness.name] = _NEVER
        for group in self.groups:
            cheapest = sorted(lacks[name] for name in group.members)
            lacks[group.name] = min(_NEVER, sum(cheapest[: group.least]))
        return lacks[self.quorum]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a checkpoint stands to a policy.

    ``floor`` says that the recipient cosigned. ``got`` of ``needed`` cosignatures are in,
    the shortest way to the quorum. ``missing`` are the witnesses that have not cosigned.
    """

    floor: bool
    got: int
    needed: int
    missing: tuple[str, ...] = ()

    @property
    def met(self) -> bool:
        """Whether a packet may leave."""
        return self.floor and self.got >= self.needed


def parse_policy(content: bytes) -> Policy:
    """Read a policy file strictly.

    Two things are narrower here than in C2SP: the octets are UTF-8, and of the key types
    only Ed25519 (logs) and the timestamped cosignature (witnesses) are known.

    Raises:
        MalformedMessageError: Not of this form; names the rule.
    """
    if len(content) > POLICY_BYTES:
        raise MalformedMessageError("policy: length")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedMessageError("policy: octets") from None
    if _FORBIDDEN.search(text) or not text.endswith("\n"):
        raise MalformedMessageError("policy: octets")
    reader = _Reader()
    for line in text[:-1].split("\n"):
        items = _SPACE.split(line.strip(" \t"))
        if items != [""] and not items[0].startswith("#"):
            reader.take(items)
    if reader.quorum is None:
        raise MalformedMessageError("policy: quorum")
    return Policy(
        text,
        tuple(reader.logs),
        tuple(reader.witnesses),
        tuple(reader.groups),
        reader.quorum,
    )


class _Reader:
    """The lines so far: a name must be defined before it is used, and only once."""

    def __init__(self) -> None:
        self.logs: list[NoteKey] = []
        self.witnesses: list[PolicyWitness] = []
        self.groups: list[Group] = []
        self.quorum: str | None = None
        self._names: set[str] = set()
        self._grouped: set[str] = set()
        self._raw: set[tuple[int, bytes]] = set()

    def take(self, items: list[str]) -> None:
        match items:
            case ["log", vkey] | ["log", vkey, _]:
                self._bound(self.logs)
                self.logs.append(self._key(vkey, ED25519))
            case ["witness", name, vkey] | ["witness", name, vkey, _]:
                self._bound(self.witnesses)
                url = items[3] if len(items) == 4 else ""
                self._define(name)
                key = self._key(vkey, COSIGNATURE)
                self.witnesses.append(PolicyWitness(name, key, url))
            case ["group", name, least, *members] if members:
                self._bound(self.groups)
                self.groups.append(self._group(name, least, members))
            case ["quorum", name] if self.quorum is None:
                if name != NONE and name not in self._names:
                    raise MalformedMessageError("policy: name")
                self.quorum = name
            case _:
                raise MalformedMessageError("policy: line")

    def _group(self, name: str, least: str, members: list[str]) -> Group:
        for member in members:
            if member not in self._names or member in self._grouped:
                raise MalformedMessageError("policy: member")
            self._grouped.add(member)
        self._define(name)
        words = {"any": 1, "all": len(members)}
        if least not in words and _NUMBER.fullmatch(least) is None:
            raise MalformedMessageError("policy: threshold")
        count = words[least] if least in words else int(least)
        if count > len(members):
            raise MalformedMessageError("policy: threshold")
        return Group(name, count, tuple(members))

    def _define(self, name: str) -> None:
        if name == NONE or name in self._names:
            raise MalformedMessageError("policy: name")
        self._names.add(name)

    def _key(self, vkey: str, kind: int) -> NoteKey:
        key = NoteKey.parse(vkey)
        if key.type != kind or (kind, key.key.raw) in self._raw:
            raise MalformedMessageError("policy: key")
        self._raw.add((kind, key.key.raw))
        return key

    @staticmethod
    def _bound(lines: Collection[object]) -> None:
        if len(lines) >= MAX_LINES_OF_A_KIND:
            raise MalformedMessageError("policy: lines")


def cosigners(note: str, witnesses: Iterable[NoteKey]) -> frozenset[NoteKey]:
    """Which of these witnesses cosigned a note, each line verified.

    A note that any of them spoiled with a bad signature has no cosigners: a known key
    with a bad signature refuses the note (C2SP signed-note).
    """
    try:
        return frozenset(
            key for key in witnesses if verify_cosignature(note, key) is not None
        )
    except (MalformedMessageError, SignatureError):
        return frozenset()


def judge(
    policy: Policy | None,
    cosigned_by: Collection[NoteKey],
    *,
    recipient: NoteKey,
    own: NoteKey,
) -> Standing:
    """Hold the cosigners of one checkpoint against a policy and the floor.

    Args:
        policy: The sender's; None for the built-in one, which is the floor alone.
        cosigned_by: From ``cosigners``.
        recipient: The witness key of the recipient; its cosignature cannot be waived.
        own: The sender's witness key, which never counts, even as a recipient's.
    """
    signed = {key.key.raw for key in cosigned_by}
    floor = recipient.key.raw in signed and recipient.key.raw != own.key.raw
    if policy is None:
        return Standing(floor, int(floor), 1)
    needed = policy.lacking((), (own,))
    lacking = policy.lacking(cosigned_by, (own,))
    missing = tuple(
        sorted(
            witness.key.name
            for witness in policy.witnesses
            if witness.key.key.raw not in signed | {own.key.raw}
        )
    )
    return Standing(floor, needed - lacking, needed, missing if lacking else ())


def met(
    head: Checkpoint,
    cosigned_by: Collection[NoteKey],
    *,
    recipient: NoteKey,
    own: NoteKey,
    index: int,
) -> bool:
    """Whether the packet whose ``transfer.sent`` stands at ``index`` may leave by pair.

    Args:
        head: The head of the sender's log that was cosigned.
        cosigned_by: From ``cosigners``.
        recipient: The witness key of the recipient; its cosignature cannot be waived.
        own: The sender's witness key, which never counts, even as a recipient's.
        index: Of the entry in the sender's log.
    """
    floor = judge(None, cosigned_by, recipient=recipient, own=own).met
    return floor and 0 <= index < head.size
