"""Zeugen: who cosigns our log, what waits for them, and the override of two people.

Enters: a look; an administrator's reason, an approver's confirmation. Leaves: the page, and
at the end an entry in the log. Must never happen here: one person doing both; an override
offered before four hours. Implements LR-24, exchange-log 8 (``/exchangelog/witnesses``).
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from node.accounts.model import Role
from node.accounts.policy import Actor, allowed
from node.casework.witnesses import look_at_witnesses
from node.errors import ConflictError, ForbiddenError, InputError, TransitionError
from node.ids import TransferId
from node.report.witnesses import Sight, WaitLine
from node.sync import override
from node.web.casework import body_name
from node.web.forms import Form
from node.web.frame import (
    Route,
    account_of,
    form_of,
    page,
    parts_of,
    path_id,
    see_other,
    words_of,
)
from node.web.language import Words, msgid
from node.web.logframe import sub_pages

_READERS: Final = frozenset({Role.AUDITOR, Role.APPROVER, Role.ADMINISTRATOR})
_ASKERS: Final = frozenset({Role.ADMINISTRATOR})
_CONFIRMERS: Final = frozenset({Role.APPROVER})
_HERE: Final = "/exchangelog/witnesses"
_REASONS: Final[Mapping[str, str]] = {
    "witness_ended": msgid("A witness has ended its service"),
    "witness_broken": msgid("A witness is out of order for long"),
    "urgent": msgid("The person cannot wait"),
}


def routes() -> list[Route]:
    """The addresses of the witnesses; they come before those of single transfers."""
    return [
        Route("GET", _HERE, _show, roles=_READERS),
        Route("POST", _HERE + "/{transfer}/ask", _ask, roles=_ASKERS, asks_proof=True),
        Route(
            "POST",
            _HERE + "/{transfer}/confirm",
            _confirm,
            roles=_CONFIRMERS,
            asks_proof=True,
        ),
    ]


async def _show(request: web.Request) -> web.Response:
    return await _witness_page(request)


async def _ask(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    transfer = path_id(request, "transfer", TransferId)
    try:
        await parts.run.write(
            override.ask_override,
            parts.clock.now(),
            transfer,
            code=form_of(request).text("code"),
            by=_actor(request),
        )
    except InputError:
        problem = words.gettext("Please choose a reason.")
        return await _witness_page(request, status=422, problem=problem)
    except (TransitionError, ConflictError):
        return await _too_late(request)
    saved = words.gettext("Asked. A second person must confirm it now.")
    return await see_other(request, _HERE, saved=saved)


async def _confirm(request: web.Request) -> web.Response:
    parts, words = parts_of(request), words_of(request)
    transfer = path_id(request, "transfer", TransferId)
    try:
        await parts.run.write(
            override.confirm_override, parts.office, transfer, by=_actor(request)
        )
    except ForbiddenError:
        problem = words.gettext("Another person than the one who asked must confirm.")
        return await _witness_page(request, status=403, problem=problem)
    except (TransitionError, ConflictError):
        return await _too_late(request)
    saved = words.gettext("Confirmed. It leaves as soon as the recipient has cosigned.")
    return await see_other(request, _HERE, saved=saved)


async def _too_late(request: web.Request) -> web.Response:
    words = words_of(request)
    problem = words.gettext("It does not wait any more, or not long enough yet.")
    return await _witness_page(request, status=409, problem=problem)


async def _witness_page(
    request: web.Request, *, status: int = 200, problem: str = ""
) -> web.Response:
    parts, words, actor = parts_of(request), words_of(request), _actor(request)
    sight: Sight = await parts.run.read(look_at_witnesses, parts.office, actor)
    policy = sight.policy
    own = parts.office.witness_name
    members = {m.witness.name: m.name for m in parts.office.directory().members()}
    now = parts.clock.now()
    return await page(
        request,
        "witnesses.html",
        pages=sub_pages(request),
        status=status,
        problem=problem,
        sight=sight,
        needed=policy.lacking((), [k for k in policy.keys if k.name == own])
        if policy
        else 1,
        names=members,
        waiting=[
            {
                "line": line,
                "body": body_name(parts, line.recipient) if line.recipient else "",
                "missing": [members.get(n, n) for n in line.waits.missing],
                "is_late": line.override_from <= now,
                "reason": _reason(line, words),
                "can_confirm": _can_confirm(line, actor),
            }
            for line in sight.waiting
        ],
        reasons=[(code, words.gettext(text)) for code, text in _REASONS.items()],
        can_ask=allowed(actor, "quorum.ask"),
        form=Form(),
    )


def _reason(line: WaitLine, words: Words) -> str:
    asked = line.waits.asked
    return words.gettext(_REASONS[asked.code]) if asked else ""


def _can_confirm(line: WaitLine, actor: Actor) -> bool:
    asked = line.waits.asked
    other = asked is not None and asked.account != actor.account
    return other and line.waits.override is None and allowed(actor, "quorum.confirm")


def _actor(request: web.Request) -> Actor:
    return account_of(request).actor
