"""An answer that a person gave on the device, with its evidence, in one transaction.

Enters: what was answered, which text was signed and shown, the signature or the record of a
witness. Leaves: the consent, and the evidence as a sealed document of the case whose digest
the consent names. Must never happen: a yes under a text that nobody verified (SC-38); a
consent without its evidence; a second consent of one round. A no needs neither text nor
signature: it takes no more steps than a yes. Implements flow C, FR-23, SC-40, SC-41.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from node.accounts.policy import Actor
from node.cases.consent import Consent
from node.cases.consenttext import TextState
from node.casework.cases import editable_case, new_record
from node.casework.consents import Answer, keep_answer
from node.casework.consenttexts import current_texts
from node.errors import ConflictError, InputError
from node.ids import ConsentId, RecordId
from node.strictjson import Json
from node.sync.office import Office
from node.sync.ports import UnitOfWork

PNG: Final = b"\x89PNG\r\n\x1a\n"
PNG_END: Final = b"IEND\xaeB`\x82"
SIGNATURE_BYTES: Final = 120_000


@dataclass(frozen=True, slots=True)
class Proof:
    """The evidence as a file: a signature's picture, a witness's record, a scan."""

    content: bytes
    media_type: str
    title: str
    file_name: str


def record_signed(
    uow: UnitOfWork,
    office: Office,
    answer: Answer,
    *,
    language: str,
    proof: Proof | None,
    by: Actor,
) -> Consent:
    """Record what was answered on the device; ``answer.text_version`` is what was signed.

    Args:
        uow: The transaction.
        office: Clock and chance.
        answer: With the id that was drawn when the device was handed over.
        language: The language of the text that was signed.
        proof: None for a no, and for paper that is scanned later.
        by: Who handed the device over.

    Raises:
        InputError: ``text``: it is not verified, or another wording counts meanwhile.
        ConflictError: This round was recorded before.
        StaleEpochError: The case is not editable here any more.
    """
    with uow:
        if answer.id is not None and _is_known(uow, answer):
            raise ConflictError("recorded before")
        texts = current_texts(uow)
        if answer.categories and (
            texts.state(language) is not TextState.VERIFIED
            or texts.of(language).version != answer.text_version
        ):
            raise InputError("text", "not_verified")
        evidence: Mapping[str, Json] = answer.evidence
        if proof is not None:
            document, digest = _keep(uow, office, answer, proof, by=by)
            evidence = {**evidence, "document": str(document), "sha256": digest}
        consent = keep_answer(uow, office, replace(answer, evidence=evidence), by=by)
        uow.commit()
    return consent


def add_scan(
    uow: UnitOfWork, office: Office, consent_id: ConsentId, proof: Proof, *, by: Actor
) -> RecordId:
    """Keep the scan of a signed paper beside its consent (flow C, on paper).

    Raises:
        StaleEpochError: The case is not editable here any more.
    """
    with uow:
        consent = uow.consents.get(consent_id)
        epoch = uow.cases.file(consent.case).epoch
        answer = Answer(
            case=consent.case,
            epoch=epoch,
            given_by=consent.given_by,
            recipients=(),
            categories=frozenset(),
            valid_until=None,
            language=consent.language,
            form=consent.form,
            text_version=consent.text_version,
            evidence={},
            id=consent_id,
        )
        document, _ = _keep(uow, office, answer, proof, by=by)
        uow.commit()
    return document


def _is_known(uow: UnitOfWork, answer: Answer) -> bool:
    return any(c.id == answer.id for c in uow.consents.of_case(answer.case))


def _keep(
    uow: UnitOfWork, office: Office, answer: Answer, proof: Proof, *, by: Actor
) -> tuple[RecordId, str]:
    """Seal the evidence as a document of kind consent; gives its record and SHA-256."""
    editable_case(uow, by, answer.case, epoch=answer.epoch, action="consent.record")
    digest, length = uow.cases.seal_document(
        answer.case, answer.epoch, iter([proof.content])
    )
    found = hashlib.sha256(proof.content).hexdigest()
    values: dict[str, Json] = {
        "doc_kind": "consent",
        "title": proof.title,
        "file_name": proof.file_name,
        "media_type": proof.media_type,
        "sha256": found,
        "consent": str(answer.id),
        "digest": digest.hex(),
        "bytes": length,
    }
    made = new_record(office, answer.case, "document", values, by=by.account)
    uow.cases.put([made])
    return made.id, found
