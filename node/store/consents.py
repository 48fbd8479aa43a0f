"""Consents in SQL: what the gate compares in clear columns, the evidence sealed.

Enters: consents as values. Leaves: the same, locked against change. Must never happen: a
consent that changes while the gate decides (HO-33); evidence that is lost with the case
key, which it must outlive, or that opens in another row. Implements
``node.cases.ports.ConsentRepository`` and SR-K1: evidence has a key of its own, wrapped by
the week key.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select, update

from node.cases.standing import Basis, Consent, GivenBy
from node.crypto.casekey import CaseKey, FieldContext, open_field, seal_field
from node.errors import NotFoundError
from node.ids import AccountId, CaseId, ConsentId, RecordId
from node.store.casetables import case_file, consent, consent_chain
from node.store.weekkeys import unwrap, wrap
from node.store.work import Work

_ONE: Final = consent.c.id == bindparam("consent")
_CHAIN: Final = consent_chain.c.case_id == bindparam("case")

# HO-33: a withdrawal waits until the gate's transaction is over.
_OF_CASE: Final = (
    select(consent)
    .where(consent.c.case_id == bindparam("case"))
    .order_by(consent.c.recorded_at, consent.c.id)
    .with_for_update(read=True)
)
_GET: Final = select(consent).where(_ONE).with_for_update()
_KEYS: Final = select(consent.c.wrapped).where(_ONE).with_for_update()
_CASES: Final = (
    select(consent.c.case_id)
    .where(
        consent.c.entry.is_not(None),
        consent.c.withdrawn_at.is_(None),
        consent.c.valid_until >= bindparam("on_day"),
    )
    .distinct()
    .order_by(consent.c.case_id)
)
_ADD: Final = insert(consent)
_CHANGE: Final = update(consent).where(_ONE)
_LAST: Final = select(consent_chain.c.entry).where(_CHAIN)
_ADD_LAST: Final = insert(consent_chain)
_CHANGE_LAST: Final = update(consent_chain).where(_CHAIN)
_TOUCH: Final = (
    update(case_file)
    .where(case_file.c.id == bindparam("case"))
    .values(version=case_file.c.version + 1)
)


class SqlConsents:
    """Consents inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def of_case(self, case: CaseId) -> Sequence[Consent]:
        """All consents of one case, oldest first, locked against change.

        Raises:
            ErasedError: The evidence of one was destroyed.
        """
        return [
            self._from_row(row) for row in self._work.rows(_OF_CASE, {"case": case})
        ]

    def get(self, consent: ConsentId) -> Consent:
        """One consent, locked.

        Raises:
            NotFoundError: No such consent.
            ErasedError: Its evidence was destroyed.
        """
        row = self._work.row(_GET, {"consent": consent})
        if row is None:
            raise NotFoundError("consent")
        return self._from_row(row)

    def put(self, consent: Consent) -> None:
        """Insert, or replace the one with the same id; the case file's version rises.

        Raises:
            NotFoundError: No such case.
            ErasedError: The evidence was destroyed.
        """
        if self._work.change(_TOUCH, {"case": consent.case}) != 1:
            raise NotFoundError("case")
        row = self._work.row(_KEYS, {"consent": consent.id})
        if row is None:
            key = CaseKey.generate(self._work.randomness)
            wrapped = wrap(self._work, key.raw, evidence_key_place(consent.id))
            place = {"id": consent.id, "wrapped": wrapped}
            self._work.change(_ADD, self._to_row(consent, key) | place)
        else:
            key = CaseKey(
                unwrap(self._work, row.wrapped, evidence_key_place(consent.id))
            )
            self._work.move(
                _CHANGE, self._to_row(consent, key) | {"consent": consent.id}
            )

    def cases_with(self, on: date) -> Sequence[CaseId]:
        """Cases with a consent that was logged and still stands on a day."""
        return [CaseId(row[0]) for row in self._work.rows(_CASES, {"on_day": on})]

    def last_entry(self, case: CaseId) -> bytes | None:
        """Commitment of the newest log entry of this case's consent chain."""
        row = self._work.row(_LAST, {"case": case})
        return None if row is None else row.entry

    def set_last_entry(self, case: CaseId, entry: bytes) -> None:
        """Remember the newest entry of the consent chain."""
        if self._work.change(_CHANGE_LAST, {"case": case, "entry": entry}) == 0:
            self._work.change(_ADD_LAST, {"case_id": case, "entry": entry})

    def _to_row(self, item: Consent, key: CaseKey) -> dict[str, Any]:
        # The salt is sealed with the evidence: with it, offers could be linked to persons.
        plain = bytes([len(item.salt)]) + item.salt + item.evidence
        place = _place(item.id, item.case)
        return {
            "case_id": item.case,
            "given_by": item.given_by,
            "guardians": list(item.guardians),
            "basis": item.basis,
            "statute": item.statute,
            "purpose": item.purpose,
            "recipients": list(item.recipients),
            "categories": sorted(item.categories),
            "documents": sorted(item.documents),
            "valid_from": item.valid_from,
            "valid_until": item.valid_until,
            "recorded_at": item.recorded_at,
            "recorded_by": item.recorded_by,
            "second": item.second,
            "language": item.language,
            "form": item.form,
            "text_version": item.text_version,
            "digest": item.digest,
            "announce_by_name": item.announce_by_name,
            "secrecy_release": item.secrecy_release,
            "contact_back": item.contact_back,
            "may_tell_old_office": item.may_tell_old_office,
            "declined_on": item.declined_on,
            "withdrawn_at": item.withdrawn_at,
            "withdrawn_how": item.withdrawn_how,
            "withdrawn_by": item.withdrawn_by,
            "received_by": item.received_by,
            "replaced_by": item.replaced_by,
            "entry": item.entry,
            "sealed": seal_field(key, place, plain, self._work.randomness),
        }

    def _from_row(self, row: Row[*tuple[Any, ...]]) -> Consent:
        key = CaseKey(unwrap(self._work, row.wrapped, evidence_key_place(row.id)))
        plain = open_field(key, _place(row.id, row.case_id), row.sealed)
        salt_end = 1 + plain[0]
        return Consent(
            id=ConsentId(row.id),
            case=CaseId(row.case_id),
            given_by=GivenBy(row.given_by),
            guardians=tuple(CaseId(case) for case in row.guardians),
            basis=Basis(row.basis),
            purpose=row.purpose,
            recipients=tuple(row.recipients),
            categories=frozenset(row.categories),
            documents=frozenset(RecordId(document) for document in row.documents),
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            recorded_at=row.recorded_at,
            recorded_by=AccountId(row.recorded_by) if row.recorded_by else None,
            language=row.language,
            form=row.form,
            text_version=row.text_version,
            evidence=plain[salt_end:],
            digest=row.digest,
            salt=plain[1:salt_end],
            statute=row.statute,
            second=AccountId(row.second) if row.second else None,
            announce_by_name=row.announce_by_name,
            secrecy_release=row.secrecy_release,
            contact_back=row.contact_back,
            may_tell_old_office=row.may_tell_old_office,
            declined_on=row.declined_on,
            withdrawn_at=row.withdrawn_at,
            withdrawn_how=row.withdrawn_how,
            withdrawn_by=row.withdrawn_by,
            received_by=AccountId(row.received_by) if row.received_by else None,
            replaced_by=ConsentId(row.replaced_by) if row.replaced_by else None,
            entry=row.entry,
        )


def evidence_key_place(consent_id: str) -> bytes:
    """Where an evidence key opens: in the row of its consent."""
    return b"consent\0wrapped\0" + consent_id.encode("ascii")


def _place(consent_id: str, case: str) -> FieldContext:
    return FieldContext("consent", "sealed", consent_id, case, 0)
