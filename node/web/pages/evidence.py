"""S11 Beweispaket: what it contains, how to check it elsewhere, and the file itself.

Enters: a transfer's number. Leaves: a page, or the bundle as a download. Must never happen
here: a bundle handed out before its line in the log is durable; a name or a case number in
the file's name; a button where no bundle can be made any more. Implements flow G step 3, SC-57.
"""

from datetime import datetime
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.casework import auditing, exporting
from node.errors import ConflictError
from node.ids import TransferId
from node.report.logview import Dossier
from node.web.download import given
from node.web.frame import Route, account_of, page, parts_of, path_id

_READERS: Final = frozenset({Role.AUDITOR, Role.APPROVER})


def routes() -> list[Route]:
    """The address of the evidence of one transfer."""
    address = "/exchangelog/{transfer}/evidence"
    return [
        Route("GET", address, _explain, roles=_READERS),
        Route("POST", address, _give, roles=_READERS, asks_proof=True),
    ]


async def _explain(request: web.Request) -> web.Response:
    return await _page(request, await _dossier(request))


async def _dossier(request: web.Request) -> Dossier:
    parts, number = parts_of(request), path_id(request, "transfer", TransferId)
    found: Dossier = await parts.run.read(
        auditing.dossier, parts.office, number, _actor(request)
    )
    return found


async def _give(request: web.Request) -> web.Response:
    """Make it, write down that it was made, then hand it out."""
    parts, by = parts_of(request), _actor(request)
    number = path_id(request, "transfer", TransferId)
    found = await _dossier(request)
    if found.gone_on is not None:
        return await _page(request, found, status=410)
    try:
        made = await parts.run.read(exporting.make_bundle, parts.office, number, by)
    except ConflictError:
        return await _page(request, found, waits=True, status=409)
    await parts.run.write(exporting.note_export, parts.office, made.digest, by)
    # Crash here: the log says that a bundle was made, and nobody has it. It is made anew.
    name = _file_name(number, parts.clock.now())
    return given(made.raw, "application/zip", name)


async def _page(
    request: web.Request, found: Dossier, *, waits: bool = False, status: int = 200
) -> web.Response:
    return await page(
        request,
        "exchangelog_evidence.html",
        status=status,
        dossier=found,
        transfer=found.transfer,
        number=found.transfer.short,
        waits=waits,
    )


def _file_name(transfer: TransferId, at: datetime) -> str:
    return f"{transfer.short}-{at:%Y-%m-%d}.nachweis.zip"


def _actor(request: web.Request) -> Actor:
    return account_of(request).actor
