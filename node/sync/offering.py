"""The offer: what the recipient may know before anything is opened (HO-60).

Enters: a draft and its sealed container. Leaves: the body of the statement. Must never
happen: a name in it, or a number from which one follows. Implements handover 7.5.
"""

from dataclasses import dataclass

from node.cases.extract import count_documents, count_records, interpreter_languages
from node.sync.drafting import PURPOSE, Draft
from node.sync.offer import (
    Counts,
    NotIncluded,
    OfferBody,
    PacketName,
    TaggedCase,
    case_tag,
)
from node.sync.office import Office
from node.sync.rows import StoredFile
from node.sync.words import DocumentKind, Purpose
from node.sync.words import Reason as MoveReason


@dataclass(frozen=True, slots=True)
class Sealed:
    """A container on disk, and the half of its key that stays here."""

    file: StoredFile
    header_hash: bytes
    share_b: bytes


def make_offer(office: Office, drafted: Draft, sealed: Sealed) -> OfferBody:
    """What the recipient may know before anything is opened (HO-60)."""
    transfer = drafted.transfer
    assert drafted.kem is not None
    tag_key = office.keyring.tag_key
    cases = sorted(
        (
            TaggedCase(case_tag(tag_key, transfer.id, m.case, epoch=m.epoch), m.epoch)
            for m in drafted.scope
        ),
        key=lambda case: case.tag,
    )
    adults, minors = drafted.not_included
    return OfferBody(
        kind=transfer.kind,
        reason=MoveReason(transfer.reason),
        purpose=Purpose(PURPOSE),
        exp=drafted.expires_at,
        cases=tuple(cases),
        persons=len(cases),
        bands=drafted.bands,
        not_included=NotIncluded(adults, minors),
        move_on=transfer.move_on,
        ags=transfer.ags,
        categories=Counts(
            count_records(drafted.extracts),
            {
                DocumentKind(kind): count
                for kind, count in count_documents(drafted.extracts).items()
            },
        ),
        bases=drafted.grounds,
        named=drafted.preview is not None,
        interpreters=interpreter_languages(drafted.extracts),
        pkt=PacketName(sealed.file.name, sealed.file.length),
        kid=drafted.kem.kid,
        kem=drafted.kem.key.thumbprint,
        suite=1,
        schema="case/1",
        replaces=transfer.replaces,
    )
