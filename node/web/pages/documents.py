"""Documents of a case: taken in portions, given out as attachments.

Enters: one file of an allowed kind, with what it is. Leaves: the sealed file and its record;
on request its bytes. Must never happen: a plaintext file on a disk, a file shown inside a
page, a name that becomes a path. Implements SR-U1 to SR-U3, screens S4 (Dokumente).
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Final

from aiohttp import BodyPartReader, web

from node.cases.codes import code_list
from node.cases.staged import StagedDocument
from node.casework.cases import (
    Upload,
    forget_document,
    keep_document,
    open_document,
    receive_document,
)
from node.errors import ErasedError, NotFoundError, StaleEpochError
from node.ids import CaseId, RecordId
from node.report.casepage import origin_of, standing
from node.strictjson import Json
from node.sync.limits import MIB
from node.web.caseframe import case_id, case_page
from node.web.casework import OpenCase, actor, opened_case, stale
from node.web.download import streamed
from node.web.filekinds import DOWNLOAD_TYPES, SUFFIXES, KindWatch, clean_name
from node.web.forms import Form
from node.web.frame import Route, form_of, parts_of, path_id, see_other, words_of
from node.web.guard import FILE
from node.web.language import Words
from node.web.pages.casefile import bodies
from node.web.pages.cases import CASEWORKERS

_MEGABYTE: Final = 1_000_000
_PORTION: Final = 256 * 1024
_RESTRICTED: Final = frozenset({"health", "protection"})
_NOT_CHOSEN: Final = frozenset({"restricted"})


def routes() -> list[Route]:
    """The addresses of documents."""
    return [
        Route("GET", "/cases/{case}/documents", _list, roles=CASEWORKERS),
        Route(
            "POST",
            "/cases/{case}/documents",
            _take,
            roles=CASEWORKERS,
            takes_file=True,
        ),
        Route("GET", "/cases/{case}/documents/{document}", _give, roles=CASEWORKERS),
    ]


async def _list(request: web.Request) -> web.Response:
    case = await opened_case(request, case_id(request))
    return await _documents_page(request, case, Form())


async def _documents_page(
    request: web.Request, case: OpenCase, form: Form, *, status: int = 200
) -> web.Response:
    words = words_of(request)
    return await case_page(
        request,
        "case_documents.html",
        case,
        status=status,
        form=form,
        documents=[
            (
                record,
                record.text("restricted_kind") or record.text("doc_kind"),
                _size(record.values.get("bytes"), words),
                origin_of(record),
            )
            for record in reversed(standing(case.content.of("document")))
        ],
        kinds=[
            (code, words.code(code, "doc_kind"))
            for code in code_list("doc_kind").codes
            if code not in _NOT_CHOSEN
        ],
        bodies=bodies(request, case),
        accepted=", ".join(f".{suffix}" for suffix in SUFFIXES),
        most=_limit(parts_of(request).office.document_bytes, words),
    )


def _size(value: Json, words: Words) -> str:
    """How large a file is, in the larger unit that fits."""
    if not isinstance(value, int):
        return ""
    if value < _MEGABYTE:
        return f"{words.number(max(1, value // 1000))} KB"
    return f"{words.number(round(value / _MEGABYTE, 1))} MB"


def _limit(most: int, words: Words) -> str:
    """The largest file, in the units that the setting has."""
    return f"{words.number(most // MIB)} MB"


async def _take(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    number = case_id(request)
    case = await opened_case(request, number)
    part = request[FILE]
    name = clean_name(part.filename or "")
    errors: dict[str, str] = {}
    if form.text("doc_kind") not in code_list("doc_kind").codes:
        errors["doc_kind"] = words.gettext("Please choose what it is.")
    most = parts.office.document_bytes
    watch, digest = KindWatch(name), hashlib.sha256()
    staged = await _stage(request, part, most=most, watch=(watch.feed, digest.update))
    kind = None if staged is None else watch.kind
    if not name:
        errors["file"] = words.gettext("Please choose a file.")
    elif staged is None:
        errors["file"] = words.gettext("The file is larger than %(size)s.") % {
            "size": _limit(most, words)
        }
    elif kind is None:
        errors["file"] = words.gettext(
            "This kind of file is not taken. Allowed are PDF, JPEG, PNG, TIFF, DOCX,"
            " ODT and plain text, without macros."
        )
    if errors or staged is None or kind is None:
        if staged is not None:
            await parts.run.read(forget_document, staged)
        return await _documents_page(
            request, case, form.with_errors(errors), status=422
        )
    values = _values(form, name, kind, digest.hexdigest())
    upload = Upload(staged, values)
    try:
        await parts.run.write(keep_document, parts.office, upload, by=actor(request))
    except StaleEpochError:
        await parts.run.read(forget_document, staged)
        return await stale(request, number)
    saved = words.gettext("The document was saved.")
    return await see_other(request, f"/cases/{number}/documents", saved=saved)


async def _stage(
    request: web.Request,
    part: BodyPartReader,
    *,
    most: int,
    watch: tuple[Callable[[bytes], object], ...],
) -> StagedDocument | None:
    """Seal the file while it arrives; None if it is too large. Nothing is kept in memory."""
    parts, number = parts_of(request), case_id(request)
    incoming = await parts.run.read(
        receive_document, actor(request), number, form_of(request).number("_epoch")
    )
    length, staged = 0, None
    try:
        while portion := await part.read_chunk(_PORTION):
            length += len(portion)
            if length > most:
                return None
            for look in watch:
                look(bytes(portion))
            await parts.run.file(incoming.add, bytes(portion))
        staged = await parts.run.file(incoming.finish)
    finally:
        if staged is None:
            # Too large, the line was cut, or the disk is full: nothing stays of it.
            await asyncio.shield(parts.run.file(incoming.drop))
    return staged


def _values(form: Form, name: str, media_type: str, sha256: str) -> dict[str, Json]:
    kind = form.text("doc_kind")
    values: dict[str, Json] = {
        "doc_kind": "restricted" if kind in _RESTRICTED else kind,
        "restricted_kind": kind if kind in _RESTRICTED else "",
        "title": form.text("title").strip(),
        "file_name": name,
        "media_type": media_type,
        "sha256": sha256,
        "original_seen": form.text("original_seen") == "yes",
    }
    return {field: value for field, value in values.items() if value not in ("", False)}


async def _give(request: web.Request) -> web.StreamResponse:
    parts = parts_of(request)
    number: CaseId = case_id(request)
    await opened_case(request, number)
    try:
        record, chunks = await parts.run.read(
            open_document,
            actor(request),
            number,
            path_id(request, "document", RecordId),
        )
    except (ValueError, ErasedError):
        raise NotFoundError("document") from None
    name = clean_name(record.text("file_name")) or "document"
    media_type = record.text("media_type")
    if media_type not in DOWNLOAD_TYPES:
        media_type = "application/octet-stream"
    return await streamed(request, chunks, media_type, name)
