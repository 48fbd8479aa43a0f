"""S10, an older way in: a sealed file that came before this office had a node.

Enters: the file, its words, an approver, and a second one where the content asks for it.
Leaves: the cases, or one sentence that says why not. Must never happen: a file opened for
somebody without the right; one reason for a wrong word and another for a changed byte.
Implements HO-117, FR-17.
"""

from typing import Final

from aiohttp import BodyPartReader, web

from node.accounts.model import Role
from node.casework.sealedimport import File, Refused, open_file, take_in
from node.errors import InputError, PacketUnreadableError
from node.ids import AccountId
from node.sync.limits import MIB, PACKET_BYTES
from node.sync.sealedfile import SealedCases
from node.web.casework import actor, body_name
from node.web.forms import Form
from node.web.frame import Route, form_of, page, parts_of, see_other, words_of
from node.web.guard import FILE
from node.web.language import msgid

_APPROVERS: Final = frozenset({Role.APPROVER})
_PORTION: Final = 64 * 1024
_WRONG: Final = {
    Refused.NOT_FOR_US: msgid(
        "This file was sealed for another office, or the directory does not name us for"
        " the new place."
    ),
    Refused.STALE_EPOCH: msgid(
        "A newer handover of the same case is known here. Nothing was taken in. Please"
        " call the office that sent the file."
    ),
    Refused.SECOND_APPROVER: msgid(
        "The file holds health or protection: a second approver must sign in below."
    ),
}


def routes() -> list[Route]:
    """The address of taking a sealed file in."""
    return [
        Route("GET", "/inbox/sealed", _ask, roles=_APPROVERS),
        Route("POST", "/inbox/sealed", _take, roles=_APPROVERS, takes_file=True),
    ]


async def _ask(request: web.Request) -> web.Response:
    return await _page(request, Form())


async def _page(request: web.Request, form: Form, *, status: int = 200) -> web.Response:
    return await page(request, "sealed_import.html", status=status, form=form)


async def _take(request: web.Request) -> web.Response:
    form, parts, words = form_of(request), parts_of(request), words_of(request)
    content = await _read(request[FILE])
    wrong: dict[str, str] = {}
    if not content:
        wrong["file"] = words.gettext("Please choose a file of at most 64 megabytes.")
    if not form.text("words").strip():
        wrong["words"] = words.gettext("Please write the six words.")
    if wrong or content is None:
        return await _page(request, form.with_errors(wrong), status=422)
    file = File(content)
    try:
        opened = await parts.run.file(open_file, parts.office, file, form.text("words"))
    except InputError:
        said = words.gettext(
            "The file does not open. The words are other ones, or it was changed."
        )
        return await _page(request, form.with_errors({"words": said}), status=422)
    except PacketUnreadableError:
        said = words.gettext(
            "The file opened, and it is no handover of an office that takes part."
        )
        return await _page(request, form.with_errors({"file": said}), status=422)
    return await _decide(request, form, file, opened)


async def _decide(
    request: web.Request, form: Form, file: File, opened: SealedCases
) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    done = await parts.run.write(
        take_in,
        parts.office,
        file,
        opened,
        by=actor(request),
        second=await _second(request, form),
    )
    if isinstance(done, Refused):
        field = "second" if done is Refused.SECOND_APPROVER else "file"
        said = words.gettext(_WRONG[done])
        return await _page(request, form.with_errors({field: said}), status=422)
    if done.again:
        saved = words.gettext("This file was taken in before. Nothing has changed.")
        return await see_other(request, "/inbox", saved=saved)
    saved = words.ngettext(
        "%(num)s person was taken over from %(body)s.",
        "%(num)s persons were taken over from %(body)s.",
        len(done.cases),
    ) % {
        "num": len(done.cases),
        "body": body_name(parts, opened.manifest.iss),
    }
    return await see_other(request, "/inbox", saved=saved)


async def _second(request: web.Request, form: Form) -> AccountId | None:
    """The second approver, if somebody signed as one."""
    if not form.text("second").strip():
        return None
    parts = parts_of(request)
    accounts, address = parts.accounts, parts.address_of(request)
    attempt = await accounts.check_password(
        form.text("second"), form.text("second_password"), address
    )
    if attempt.account is not None and attempt.needs_code:
        code = form.text("second_code")
        attempt = await accounts.check_code(attempt.account.id, code, address)
    found = attempt.account
    return found.id if found and Role.APPROVER in found.roles else None


async def _read(part: BodyPartReader) -> bytes | None:
    """The file, in memory only; None if it is too large."""
    content = bytearray()
    while portion := await part.read_chunk(_PORTION):
        content += portion
        if len(content) > PACKET_BYTES + MIB:
            return None
    return bytes(content)
