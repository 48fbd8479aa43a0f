"""The deny list: keys and members that are retired, for ever.

Enters: the bytes of ``revocations.json``, signed by the revoker. Leaves: frozen
``Revocations``. Must never happen here: an entry that vanishes, a key that becomes valid
again (HO-106). Implements handover 11.2 and 11.4 (stolen key).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self

from node import strictjson
from node.crypto.jws import b64u, unb64u
from node.errors import MalformedMessageError, RollbackError
from node.ids import MemberId
from node.trust.fields import Fields, unix_seconds

MAX_REVOCATIONS_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RetiredKey:
    """A key nobody may use any more.

    Attributes:
        member: Its owner.
        kid: Its name there; log and witness keys have none and carry their purpose.
        pk: The raw public key: 32 bytes, or SHA-256 of a sealing key.
        since: When it was retired.
    """

    member: MemberId
    kid: str
    pk: bytes
    since: datetime


@dataclass(frozen=True, slots=True)
class RetiredMember:
    """A body whose keys are all refused; ``why`` is a code."""

    id: MemberId
    since: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Revocations:
    """The whole list."""

    serial: int = 0
    keys: tuple[RetiredKey, ...] = ()
    members: tuple[RetiredMember, ...] = ()

    def check_successor(self, new: "Revocations") -> None:
        """Check that a newer list only adds.

        Raises:
            RollbackError: The serial falls, an entry vanished or changed.
        """
        same = self.serial == new.serial and self != new
        if same or new.serial < self.serial:
            raise RollbackError("revocations: serial")
        if not set(self.keys) <= set(new.keys) or not set(self.members) <= set(
            new.members
        ):
            raise RollbackError("revocations: entry vanished")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the list.

        Raises:
            MalformedMessageError: The schema is broken.
        """
        if len(data) > MAX_REVOCATIONS_BYTES:
            raise MalformedMessageError("revocations: too long")
        fields = Fields(strictjson.parse(data, depth=4, members=100_000), "revocations")
        fields.version()
        result = cls(
            fields.number("serial", least=1),
            tuple(_parse_key(entry) for entry in fields.inners("keys", most=20_000)),
            tuple(
                _parse_member(entry) for entry in fields.inners("members", most=20_000)
            ),
        )
        fields.end()
        return result

    def encode(self) -> bytes:
        """The list as it is published."""
        return strictjson.encode(
            {
                "v": 1,
                "serial": self.serial,
                "keys": [
                    {
                        "member": entry.member,
                        "kid": entry.kid,
                        "pk": b64u(entry.pk),
                        "from": unix_seconds(entry.since),
                    }
                    for entry in self.keys
                ],
                "members": [
                    {
                        "id": entry.id,
                        "from": unix_seconds(entry.since),
                        "why": entry.why,
                    }
                    for entry in self.members
                ],
            }
        )


def _parse_key(fields: Fields) -> RetiredKey:
    key = RetiredKey(
        MemberId(fields.text("member")),
        fields.kid("kid"),
        unb64u(fields.text("pk")),
        fields.unix_instant("from"),
    )
    fields.end()
    if len(key.pk) != 32:
        raise MalformedMessageError("revocations.keys.pk")
    return key


def _parse_member(fields: Fields) -> RetiredMember:
    member = RetiredMember(
        MemberId(fields.text("id")),
        fields.unix_instant("from"),
        fields.text("why", most=64),
    )
    fields.end()
    return member
