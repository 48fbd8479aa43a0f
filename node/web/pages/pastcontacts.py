"""S6, afterwards: an entry is put right, or taken out with a reason.

Enters: an entry of our own. Leaves: the entry as it should have been, at every person it
was with (FR-7). Must never happen: an imported entry changed here (FR-8); a colleague's
version overwritten unseen. Implements DO-3 (voiding), screens S6.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web

from node.cases.model import Baton, Record
from node.casework import contacts
from node.casework.contacts import Seen, own_copies
from node.errors import ConflictError, StaleEpochError
from node.ids import CaseId, RecordId
from node.report.casepage import day_of
from node.web.casework import actor, opened_case, people_of, stale, today
from node.web.contactform import choices, errors_of, filled, remarks, values_of
from node.web.forms import Form
from node.web.frame import (
    Route,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.pages.cases import CASEWORKERS
from node.web.pages.contacts import epoch_now, sent_epoch
from node.web.typed import ids

_VERSION = "_version_"


def routes() -> list[Route]:
    """The addresses of an entry; those of new ones come first, they would fit as well."""
    return [
        Route("GET", "/contacts/{contact}", _show, roles=CASEWORKERS),
        Route("POST", "/contacts/{contact}", _change, roles=CASEWORKERS),
        Route("POST", "/contacts/{contact}/void", _void, roles=CASEWORKERS),
    ]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry with the copies that may be changed and the case it was opened from."""

    record: Record
    copies: Sequence[Record]
    epochs: Mapping[CaseId, int]
    names: Sequence[str]


async def _show(request: web.Request) -> web.Response:
    entry = await _opened(request, request.query.get("case", ""))
    return await _page(request, entry, Form(filled(entry.record)))


async def _opened(request: web.Request, wanted: str) -> _Entry:
    """The entry as one of its cases shows it; that case is opened and noted as read."""
    contact = path_id(request, "contact", RecordId)
    copies: Sequence[Record] = await parts_of(request).run.read(
        own_copies, contact, actor(request)
    )
    record = next((c for c in copies if c.case == wanted), copies[0])
    await opened_case(request, record.case)
    people, epochs, names = await people_of(request), {}, []
    for copy in copies:
        person = people.find(copy.case)
        if person is None or person.baton is not Baton.ACTIVE:
            continue
        names.append(person.name)
        epochs[copy.case] = await epoch_now(request, copy.case)
    return _Entry(record, [c for c in copies if c.case in epochs], epochs, names)


async def _page(
    request: web.Request, entry: _Entry, form: Form, *, status: int = 200
) -> web.Response:
    words, on = words_of(request), today(request)
    kept = {"_case": str(entry.record.case)}
    for copy in entry.copies:
        kept[f"_epoch_{copy.case}"] = str(entry.epochs[copy.case])
        # What the page was made for, also after a mistake in a field.
        kept[_VERSION + copy.case] = form.text(_VERSION + copy.case) or str(
            copy.version
        )
    main = next(iter(filled(entry.record)["topic"]), "")
    return await page(
        request,
        "contact_change.html",
        status=status,
        form=form,
        entry=entry,
        kept=kept,
        voided_on=day_of(entry.record, "voided_on"),
        given=choices(words, on, main=main),
    )


async def _change(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    entry = await _opened(request, form.text("_case"))
    errors = errors_of(form, words, [], today(request))
    if errors:
        return await _page(request, entry, form.with_errors(errors), status=422)
    values = values_of(form)
    try:
        await parts.run.write(
            contacts.change_contact,
            parts.office,
            _seen(form, entry.record.id),
            values,
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, entry.record.case)
    said = remarks(values, words, today(request))
    saved = ". ".join([words.gettext("The entry was changed"), *said])
    return await see_other(request, f"/cases/{entry.record.case}", saved=saved)


async def _void(request: web.Request) -> web.Response:
    form, words, parts = form_of(request), words_of(request), parts_of(request)
    entry = await _opened(request, form.text("_case"))
    if not form.text("void_reason").strip():
        missing = words.gettext("Please add: why the entry does not count.")
        again = Form({**filled(entry.record), **form.values})
        return await _page(
            request, entry, again.with_errors({"void_reason": missing}), status=422
        )
    try:
        await parts.run.write(
            contacts.void_contact,
            parts.office,
            _seen(form, entry.record.id),
            form.text("void_reason"),
            by=actor(request),
        )
    except StaleEpochError:
        return await stale(request, entry.record.case)
    saved = words.gettext("The entry no longer counts.")
    return await see_other(request, f"/cases/{entry.record.case}", saved=saved)


def _seen(form: Form, contact: RecordId) -> Seen:
    cases = ids((n.removeprefix(_VERSION) for n in form.values), CaseId)
    copies = {
        case: (sent_epoch(form, case), int(text))
        for case in cases
        if (text := form.text(_VERSION + case)).isascii()
        and text.isdigit()
        and len(text) < 9
    }
    if not copies:
        raise ConflictError("contact")
    return Seen(contact, copies)
