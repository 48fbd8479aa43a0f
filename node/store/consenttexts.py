"""Consent texts in SQL: every version a body worded, and recordings of them.

Enters: texts as values. Leaves: the same. Must never happen: a version that a consent names
is changed or lost; a recording of other words than those on the page. Implements
``node.cases.ports.ConsentTextRepository``.
"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from node.cases.consenttext import (
    TONGUES,
    block_ids,
    encode_text,
    parse_text,
    shipped_text,
)
from node.cases.ports import KeptText, Recording
from node.ids import AccountId
from node.store.texttables import consent_text, recording
from node.store.work import Work

_ONE: Final = consent_text.c.digest == bindparam("by")
_GET: Final = select(consent_text).where(_ONE)
_ALL: Final = select(consent_text).order_by(consent_text.c.put_at)
_ADD: Final = insert(consent_text)
_CHANGE: Final = update(consent_text).where(_ONE)
_PLACE: Final = (
    recording.c.language == bindparam("in"),
    recording.c.block == bindparam("at"),
)
_SOUND: Final = select(recording).where(*_PLACE)
_SOUNDS: Final = select(recording.c.language, recording.c.block, recording.c.of)
_RECORD: Final = insert(recording)
_SILENCE: Final = delete(recording).where(*_PLACE)


class SqlConsentTexts:
    """Consent texts inside one unit of work."""

    def __init__(self, work: Work) -> None:
        """Serve one unit."""
        self._work = work

    def current(self) -> Mapping[str, KeptText]:
        """The text of every language that counts now; the shipped one where none is kept."""
        found = {tag: KeptText(shipped_text(tag)) for tag in TONGUES}
        for row in self._work.rows(_ALL):
            found[row.language] = _from_row(row)
        return found

    def version(self, digest: str) -> KeptText | None:
        """One version, old ones and shipped ones too."""
        row = self._work.row(_GET, {"by": digest})
        if row is not None:
            return _from_row(row)
        shipped = (shipped_text(tag) for tag in TONGUES)
        return next((KeptText(text) for text in shipped if text.digest == digest), None)

    def put(self, kept: KeptText) -> None:
        """Keep a version; worded again or verified, it is the same row."""
        row = {
            "language": kept.text.language,
            "body": encode_text(kept.text),
            "put_at": kept.put_at,
            "put_by": kept.put_by,
            "verified_by": kept.verified_by,
        }
        place = kept.text.digest
        if self._work.change(_CHANGE, row | {"by": place}) == 0:
            self._work.change(_ADD, row | {"digest": place})

    def recordings(self) -> Mapping[tuple[str, str], str]:
        """Of which words there are recordings: digests by language and block."""
        return {(row[0], row[1]): row[2] for row in self._work.rows(_SOUNDS)}

    def recording(self, language: str, block: str) -> Recording | None:
        """The recording of one block."""
        row = self._work.row(_SOUND, {"in": language, "at": block})
        if row is None:
            return None
        return Recording(row.language, row.block, row.of, row.media_type, row.sound)

    def record(self, made: Recording) -> None:
        """Keep a recording instead of the one before."""
        self._work.change(_SILENCE, {"in": made.language, "at": made.block})
        self._work.change(
            _RECORD,
            {
                "language": made.language,
                "block": made.block,
                "of": made.of,
                "media_type": made.media_type,
                "sound": made.sound,
            },
        )


def _from_row(row: Row[*tuple[Any, ...]]) -> KeptText:
    return KeptText(
        text=parse_text(row.body, ids=block_ids()),
        put_at=row.put_at,
        put_by=AccountId(row.put_by),
        verified_by=AccountId(row.verified_by) if row.verified_by else None,
    )
