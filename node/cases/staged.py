"""A document that lies sealed on the disk before the row that will name it.

Sealing a large file takes longer than a unit of work may; so it is sealed beside one, and
taken over by the next. Must never happen: a staged file named by a row of another case, key
or epoch. What nobody takes over has no row and is swept.
"""

from dataclasses import dataclass, field

from node.ids import CaseId


@dataclass(frozen=True, slots=True)
class StagedDocument:
    """Where a sealed file belongs, its digest on the disk, and its plain length.

    ``content`` is the digest of its plaintext, sealed for the same place.
    """

    case: CaseId
    epoch: int
    place: str
    digest: bytes
    length: int
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StagedKey:
    """The key that a case has, or will have once it is here."""

    case: CaseId
    raw: bytes = field(repr=False)
