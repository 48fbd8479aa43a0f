"""S11, sub-page Löschungen und Sperren: what must stay, what went, and why.

Enters: a number of a handover with a reason, a second person's word. Leaves: holds and
erasures in sentences, orders that wait. Must never happen here: one person who erases
alone, an opened entry shown. Implements exchange log 9, task 8, SC-58.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor, allowed, needs_second
from node.casework import auditing, keeping
from node.casework.keeping import Kept, Reason
from node.errors import ConflictError, InputError, NotFoundError
from node.exchangelog.entry import GroupName
from node.exchangelog.keeping import ORDER_LIFE, Basis, HoldBasis, State, class_of_rule
from node.exchangelog.kinds import EntryClass
from node.ids import TransferId
from node.report.keepview import Erasure, Hold, Order
from node.report.logview import Overview, Sought
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    see_other,
    words_of,
)
from node.web.language import Words, msgid
from node.web.logframe import sub_pages

_HERE: Final = "/exchangelog/erasures"
# Two forms of the page ask for a number and a reason; their fields have names of their own.
_OF_ORDER: Final = "order_"
_READERS: Final = frozenset({Role.AUDITOR, Role.APPROVER, Role.ADMINISTRATOR})
_HOLDERS: Final = frozenset({Role.APPROVER})
_ERASERS: Final = frozenset({Role.APPROVER, Role.ADMINISTRATOR})
_HOLD_WORDS: Final[Mapping[HoldBasis, str]] = {
    HoldBasis.COURT: msgid("A court case is pending."),
    HoldBasis.COMPLAINT: msgid("A complaint is being looked into."),
    HoldBasis.AUDIT: msgid("An audit still needs these entries."),
    HoldBasis.CLAIM: msgid("A claim may still be raised."),
}
_WHY: Final[Mapping[Basis, str]] = {
    Basis.ORDER: msgid("Ordered by a court or an authority, reference %(reference)s."),
    Basis.REQUEST: msgid("Asked for by the person, reference %(reference)s."),
    Basis.RESTORED: msgid("Erased again, because a backup had brought it back."),
}
_TIME_OVER: Final[Mapping[EntryClass, str]] = {
    EntryClass.TRANSFER: msgid("The time for entries about handovers was over."),
    EntryClass.AUDIT: msgid("The time for entries about looks into the log was over."),
    EntryClass.OPERATION: msgid("The time for entries about the program was over."),
}
_STATES: Final[Mapping[State, tuple[str, str]]] = {
    State.INTENT: (msgid("waits for a witness"), "info"),
    State.REGISTERED: (msgid("being erased"), "info"),
    State.REPLAYED: (msgid("being erased"), "info"),
    State.DESTROYED: (msgid("being erased"), "info"),
    State.DONE: (msgid("erased"), "success"),
}
_WRONG: Final[Mapping[tuple[str, str], tuple[str, str]]] = {
    ("group", "held"): ("number", msgid("A hold keeps these entries.")),
    ("group", "too_late"): ("number", msgid("These entries are being erased already.")),
    ("group", "under_way"): ("number", msgid("This handover is still under way.")),
    ("basis", "unknown"): ("basis", msgid("Please choose a reason.")),
    ("reference", "missing"): ("reference", msgid("Please add: the reference")),
    ("reference", "form"): (
        "reference",
        msgid("Please write the reference without blanks and umlauts, like 5K12/26."),
    ),
}


def routes() -> list[Route]:
    """The addresses of this page."""
    return [
        Route("GET", _HERE, _show, roles=_READERS),
        Route("POST", f"{_HERE}/holds", _hold, roles=_HOLDERS),
        Route("POST", f"{_HERE}/holds/{{id}}/release", _release, roles=_HOLDERS),
        Route("POST", f"{_HERE}/orders", _order, roles=_HOLDERS, asks_proof=True),
        Route(
            "POST",
            f"{_HERE}/orders/{{id}}/confirm",
            _confirm,
            roles=_ERASERS,
            asks_proof=True,
        ),
        Route("POST", f"{_HERE}/orders/{{id}}/withdraw", _withdraw, roles=_ERASERS),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _page(request, Form(), Form())


async def _hold(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    try:
        group = GroupName.of_transfer(await _transfer(request, form))
        reason = Reason(form.text("basis"), form.text("reference").strip() or None)
        await parts.run.write(
            keeping.set_hold, parts.office, group, reason, by=_actor(request)
        )
    except (InputError, NotFoundError, ConflictError) as error:
        return await _page(request, _mended(form, error, words), Form())
    return await see_other(request, _HERE, saved=words.gettext("The hold is set."))


async def _release(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    await parts.run.write(
        keeping.release_hold, parts.office, _id(request), by=_actor(request)
    )
    return await see_other(request, _HERE, saved=words.gettext("The hold is lifted."))


async def _order(request: web.Request) -> web.Response:
    parts, words, form = parts_of(request), words_of(request), form_of(request)
    try:
        group = GroupName.of_transfer(await _transfer(request, form, _OF_ORDER))
        reason = Reason(form.text(f"{_OF_ORDER}basis"), form.text("reference"))
        await parts.run.write(
            keeping.order_erasure, parts.office, group, reason, by=_actor(request)
        )
    except (InputError, NotFoundError, ConflictError) as error:
        return await _page(request, Form(), _mended(form, error, words, _OF_ORDER))
    saved = words.gettext("A second person has to confirm it within 7 days.")
    return await see_other(request, _HERE, saved=saved)


async def _confirm(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    await parts.run.write(
        keeping.confirm_erasure, parts.office, _id(request), by=_actor(request)
    )
    saved = words.gettext("Erasing has begun. It waits for a witness, at most a day.")
    return await see_other(request, _HERE, saved=saved)


async def _withdraw(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    await parts.run.write(keeping.withdraw_order, _id(request), by=_actor(request))
    return await see_other(
        request, _HERE, saved=words.gettext("The order is taken back.")
    )


async def _page(request: web.Request, hold: Form, order: Form) -> web.Response:
    parts, words, actor = parts_of(request), words_of(request), _actor(request)
    kept: Kept = await parts.run.read(keeping.overview, parts.office, actor)
    return await page(
        request,
        "erasures.html",
        pages=sub_pages(request),
        status=422 if hold.errors or order.errors else 200,
        holds=[_hold_row(item, words) for item in kept.holds],
        orders=[_order_row(item, actor, words) for item in kept.orders],
        erasures=[_erasure_row(item, words) for item in kept.erasures],
        overdue=len(kept.overdue),
        unreviewed=len(kept.unreviewed),
        hold_form=hold,
        order_form=order,
        can_hold=allowed(actor, "legal_hold.set"),
        can_order=Role.APPROVER in actor.roles and needs_second(actor, "log.erase"),
        can_confirm=needs_second(actor, "log.erase"),
        hold_reasons=[(str(b), words.gettext(t)) for b, t in _HOLD_WORDS.items()],
        order_reasons=[
            (str(Basis.ORDER), words.gettext("A court or an authority orders it")),
            (str(Basis.REQUEST), words.gettext("The person asks for it")),
        ],
    )


def _hold_row(hold: Hold, words: Words) -> Mapping[str, object]:
    return {
        "key": hold.id.hex(),
        "about": hold.transfer.short if hold.transfer else "",
        "why": words.gettext(_HOLD_WORDS[hold.basis]),
        "reference": hold.reference or "",
        "set_at": hold.set_at,
        "is_open": hold.is_open,
        "released_at": hold.released_at,
        "index": hold.index,
    }


def _order_row(order: Order, actor: Actor, words: Words) -> Mapping[str, object]:
    kind, _, number = order.group.partition(":")
    return {
        "key": order.id.hex(),
        "about": TransferId(number).short if kind == "transfer" else "",
        "why": words.gettext(_WHY[order.basis]) % {"reference": order.reference},
        "until": order.ordered_at + ORDER_LIFE - timedelta(seconds=1),
        "is_own": order.ordered_by == actor.account,
    }


def _erasure_row(erasure: Erasure, words: Words) -> Mapping[str, object]:
    state, kind = _STATES[erasure.state]
    return {
        "begun_at": erasure.begun_at,
        "why": _why(erasure, words),
        "entries": erasure.entries,
        "state": words.gettext(state),
        "kind": kind,
        "index": erasure.index,
        "two": erasure.second is not None,
    }


def _why(erasure: Erasure, words: Words) -> str:
    """The ground in words."""
    if erasure.basis is Basis.RETENTION:
        over = class_of_rule(erasure.reference)
        return words.gettext(_TIME_OVER[over]) if over else str(erasure.basis)
    return words.gettext(_WHY[erasure.basis]) % {"reference": erasure.reference or ""}


async def _transfer(request: web.Request, form: Form, prefix: str = "") -> TransferId:
    """The handover somebody means by its short number.

    Raises:
        NotFoundError: Our log tells of none, or of several.
    """
    parts, actor = parts_of(request), _actor(request)
    state: Overview = await parts.run.read(auditing.overview, actor)
    start = parts.log_index.follow(state)
    if start < state.size:
        fresh = await parts.run.read(auditing.lines, start, actor)
        parts.log_index.extend(start, fresh)
    number = form.text(f"{prefix}number").strip()
    found = {line.transfer for line in parts.log_index.newest(Sought(number=number))}
    if not number or len(found) != 1 or None in found:
        raise NotFoundError("handover")
    (transfer,) = (one for one in found if one is not None)
    return transfer


def _mended(form: Form, error: Exception, words: Words, prefix: str = "") -> Form:
    """The form again, with a sentence at the field that has to be mended."""
    if isinstance(error, InputError):
        field, sentence = _WRONG[error.field, error.reason]
    elif isinstance(error, ConflictError):
        field, sentence = "number", msgid("This is there already.")
    else:
        field, sentence = "number", msgid("The log tells of no such handover.")
    place = field if field == "reference" else f"{prefix}{field}"
    return form.with_errors({place: words.gettext(sentence)})


def _id(request: web.Request) -> bytes:
    try:
        return bytes.fromhex(request.match_info["id"])
    except ValueError:
        raise NotFoundError("id") from None


def _actor(request: web.Request) -> Actor:
    return account_of(request).actor
