"""The papers of a consent on record: the copy to take away, the scan of what was signed.

Enters: a consent of the own caseload. Leaves: a sheet in both languages to print, or as
PDF; a scan, sealed beside the consent. Must never happen: a copy of somebody else's consent.
Implements flow C, step 7, flow J (a copy is printed), SC-40.
"""

from typing import Final

from aiohttp import web

from node.cases.consent import Basis, Consent
from node.casework.signing import Proof, add_scan
from node.errors import NotFoundError, StaleEpochError
from node.ids import ConsentId
from node.report.sheet import Kind
from node.sync.limits import DOCUMENT_BYTES
from node.web.casework import actor, opened_case, stale
from node.web.consentpaper import consent_sheet
from node.web.consentsheet import sheet_of, sheet_page, signature_of
from node.web.filekinds import KindWatch, clean_name
from node.web.frame import Route, parts_of, path_id, see_other, words_of
from node.web.guard import FILE
from node.web.pages.cases import CASEWORKERS
from node.web.pages.consentcards import consent_of, consent_page
from node.web.printing import german, printed

_PORTION: Final = 64 * 1024


def routes() -> list[Route]:
    """The addresses of papers."""
    return [
        Route("GET", "/consents/{consent}/copy", _copy, roles=CASEWORKERS),
        Route("GET", "/consents/{consent}/copy.pdf", _pdf, roles=CASEWORKERS),
        Route(
            "POST",
            "/consents/{consent}/scan",
            _scan,
            roles=CASEWORKERS,
            takes_file=True,
        ),
    ]


async def _signed(request: web.Request) -> Consent:
    """The consent in the address; a legal basis was signed by nobody."""
    consent = await consent_of(request)
    if consent.basis is Basis.STATUTE:
        raise NotFoundError("consent")
    return consent


async def _copy(request: web.Request) -> web.Response:
    consent = await _signed(request)
    case = await opened_case(request, consent.case)
    return sheet_page(
        request,
        await sheet_of(request, case, consent),
        pdf=f"/consents/{consent.id}/copy.pdf",
    )


async def _pdf(request: web.Request) -> web.Response:
    consent = await _signed(request)
    case = await opened_case(request, consent.case)
    copy = await sheet_of(request, case, consent)
    signature = await signature_of(request, consent)
    return await printed(
        request,
        Kind.CONSENT,
        consent_sheet(copy, german(request), signature),
        name=f"einwilligung-{consent.id.short}.pdf",
        back=f"/consents/{consent.id}",
        language=copy.tongue.tag,
    )


async def _scan(request: web.Request) -> web.Response:
    words, parts = words_of(request), parts_of(request)
    consent = await _signed(request)
    await opened_case(request, consent.case)
    part = request[FILE]
    name = clean_name(part.filename or "")
    content = b""
    while chunk := await part.read_chunk(_PORTION):
        content += chunk
        if len(content) > DOCUMENT_BYTES:
            break
    watch = KindWatch(name)
    watch.feed(content)
    kind = watch.kind if name else None
    if kind is None or len(content) > DOCUMENT_BYTES:
        wrong = words.gettext(
            "Please choose the scan: a PDF, JPEG, PNG or TIFF of at most 25 megabytes."
        )
        return await consent_page(request, consent, errors={"file": wrong})
    proof = Proof(content, kind, words.gettext("Scan of the signed consent"), name)
    number = path_id(request, "consent", ConsentId)
    try:
        await parts.run.write(add_scan, parts.office, number, proof, by=actor(request))
    except StaleEpochError:
        return await stale(request, consent.case)
    saved = words.gettext("The scan was saved.")
    return await see_other(request, f"/consents/{number}", saved=saved)
