"""The documents of cases: sealed files on disk, named by rows.

Enters: the stream of a document. Leaves: its digest, later the stream again, verified
chunk by chunk. Must never happen: plaintext on disk; a file that opens in the place of
another; a row whose file is not durable. Implements SR-K1, SR-U1 (no plaintext file), P1.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select

from node.cases.staged import StagedDocument, StagedKey
from node.crypto.casekey import (
    CaseKey,
    FieldContext,
    open_field,
    open_file,
    seal_field,
    seal_file,
)
from node.errors import NotFoundError
from node.ids import CaseId
from node.store.casekeys import CaseKeys
from node.store.casetables import document_file
from node.store.work import Work

_OF_CASE: Final = document_file.c.case_id == bindparam("case")

_ADD: Final = insert(document_file)
_GET: Final = select(document_file).where(
    _OF_CASE, document_file.c.digest == bindparam("digest")
)
_ALL: Final = select(document_file.c.digest).where(_OF_CASE)
_DROP: Final = delete(document_file).where(_OF_CASE)
_DROP_ONE: Final = _DROP.where(document_file.c.digest == bindparam("digest"))


class SqlDocuments:
    """Documents inside one unit of work."""

    def __init__(self, work: Work, keys: CaseKeys) -> None:
        """Serve one unit."""
        self._work = work
        self._keys = keys

    def seal(
        self, case: CaseId, epoch: int, chunks: Iterable[bytes]
    ) -> tuple[bytes, int]:
        """Seal a file under the case key, synced to disk.

        Returns:
            SHA-256 of the sealed bytes, which names the file; the plaintext's length.

        Raises:
            NotFoundError: No such case.
            ErasedError: Its key is gone.
            StoreError: The disk did not take it.
        """
        key = self._keys.of(self._keys.row(case))
        return self.adopt(self.stage(StagedKey(case, key.raw), epoch, chunks))

    def stage(
        self, key: StagedKey, epoch: int, chunks: Iterable[bytes]
    ) -> StagedDocument:
        """Seal a file under a case key, synced to disk; no row names it yet.

        Raises:
            StoreError: The disk did not take it.
        """
        # A place of its own for each file: two files of one case cannot change names.
        place = self._work.randomness(16).hex()
        counted = _Counted(chunks)
        context = _context(place, key.case, epoch)
        stored = self._work.documents.keep(
            seal_file(CaseKey(key.raw), context, counted)
        )
        content = seal_field(
            CaseKey(key.raw),
            _content(context),
            counted.digest.digest(),
            self._work.randomness,
        )
        return StagedDocument(
            key.case, epoch, place, stored.name, counted.length, content
        )

    def adopt(self, staged: StagedDocument) -> tuple[bytes, int]:
        """Name a staged file; gives its digest and the plaintext's length."""
        self._work.change(
            _ADD,
            {
                "case_id": staged.case,
                "digest": staged.digest,
                "length": staged.length,
                "place": staged.place,
                "epoch": staged.epoch,
                "content": staged.content,
            },
        )
        return staged.digest, staged.length

    def open(self, case: CaseId, digest: bytes) -> Iterator[bytes]:
        """The plaintext, in portions of 64 KiB.

        The key is taken now; the file may be read after the unit is over.

        Raises:
            NotFoundError: No such case or document; while reading, no such file.
            ErasedError: The key of the case is gone.
            SealError: While reading: damaged, cut, or another file under this name.
        """
        key = self._keys.of(self._keys.row(case))
        row = self._row(case, digest)
        # Each place has one file and a key of its own: no other file opens there, so its
        # name needs no second look.
        sealed = self._work.documents.read(digest)
        return open_file(key, _context(row.place, case, row.epoch), sealed)

    def measure(self, case: CaseId, digest: bytes) -> tuple[int, bytes]:
        """Length and SHA-256 of the plaintext, as they were when it was sealed.

        Raises:
            NotFoundError: No such case or document.
            ErasedError: The key of the case is gone.
            SealError: The row was changed.
        """
        key = self._keys.of(self._keys.row(case))
        row = self._row(case, digest)
        context = _content(_context(row.place, case, row.epoch))
        return row.length, open_field(key, context, row.content)

    def _row(self, case: CaseId, digest: bytes) -> Row[Any]:
        row = self._work.row(_GET, {"case": case, "digest": digest})
        if row is None:
            raise NotFoundError("document")
        return row

    def drop_one(self, case: CaseId, digest: bytes) -> None:
        """One file goes: its row now, the file after the commit."""
        if self._work.change(_DROP_ONE, {"case": case, "digest": digest}):
            self._work.after_commit(partial(self._work.documents.remove, digest))

    def drop(self, case: CaseId) -> None:
        """The case was shredded: rows go now, files after the commit."""
        for row in self._work.rows(_ALL, {"case": case}):
            self._work.after_commit(partial(self._work.documents.remove, row.digest))
        self._work.change(_DROP, {"case": case})


class _Counted:
    """Chunks that pass by: how many bytes they were, and their digest."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self.length = 0
        self.digest = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self.length += len(chunk)
            self.digest.update(chunk)
            yield chunk


def _context(place: str, case: str, epoch: int) -> FieldContext:
    return FieldContext("document_file", "file", place, case, epoch)


def _content(file: FieldContext) -> FieldContext:
    """Where the digest of a file's plaintext belongs."""
    return replace(file, column="content")
