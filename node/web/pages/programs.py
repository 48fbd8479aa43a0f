"""S15 Zugänge für Programme: who lets one in, who fetches its token, who ends it.

Enters: a name, what the program may do, for whom, until when. Leaves: a token, shown once
in answer to the form itself. Must never happen here: a token that opens a caseload shown to
the administrator, who sees no case (DO-40); a token shown a second time. Implements SR-B11.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from node.accounts.model import Account, Bearer, Role, Scope
from node.accounts.ports import StaffUnit
from node.accounts.programs import LONGEST, OF_A_CASELOAD, Grant
from node.cases.days import day_end, local_day
from node.casework.programs import (
    Access,
    accesses,
    allow_program,
    check_wish,
    end_access,
    fetch_token,
    own_accesses,
)
from node.casework.staff import TokenWish, issue_token
from node.errors import InputError, NotFoundError
from node.ids import AccountId, Hex128
from node.web.casework import actor, today
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
from node.web.pages.cases import CASEWORKERS
from node.web.pages.settings import ADMINISTRATORS
from node.web.typed import ids, shown_day, typed_day

_HERE: Final = "/settings/programs"
_OWN: Final = "/programs"
_MAY: Final[Mapping[Scope, tuple[str, str]]] = {
    Scope.RELOCATIONS_WRITE: (
        msgid("Tell of moves"),
        msgid("For the residents' register. It reads no case."),
    ),
    Scope.REPORTS_READ: (
        msgid("Read totals of reports"),
        msgid("Numbers only, small ones are left out."),
    ),
    Scope.METRICS_READ: (
        msgid("Read the status"),
        msgid("For a program that watches the server."),
    ),
    Scope.CASES_READ: (
        msgid("Read the cases of one caseworker"),
        msgid("Only this caseload, without protected persons. The caseworker agrees."),
    ),
    Scope.CONTACTS_WRITE: (
        msgid("Record contacts for one caseworker"),
        msgid("Only in this caseload. The caseworker agrees."),
    ),
}
_WRONG: Final[Mapping[tuple[str, str], str]] = {
    ("label", "missing"): msgid("Please add: the name of the program"),
    ("label", "too_long"): msgid("Please shorten the name to 100 letters."),
    ("valid_until", "bounds"): msgid(
        "Please write a day from today on, at most one year away."
    ),
    ("scopes", "missing"): msgid("Please tick what the program may do."),
    ("scopes", "mixed"): msgid(
        "One access is either for the whole office or for one caseworker."
    ),
    ("owner", "missing"): msgid("Please choose for which caseworker."),
}


def routes() -> list[Route]:
    """The addresses for administrators, and for caseworkers."""
    return [
        Route("GET", _HERE, _list, roles=ADMINISTRATORS),
        Route("GET", f"{_HERE}/new", _new, roles=ADMINISTRATORS),
        Route("POST", f"{_HERE}/new", _allow, roles=ADMINISTRATORS, asks_proof=True),
        Route("GET", f"{_HERE}/{{key}}/end", _ask_end, roles=ADMINISTRATORS),
        Route("POST", f"{_HERE}/{{key}}/end", _end, roles=ADMINISTRATORS),
        Route("GET", _OWN, _own_list, roles=CASEWORKERS),
        Route(
            "POST",
            f"{_OWN}/{{grant}}/fetch",
            _fetch,
            roles=CASEWORKERS,
            asks_proof=True,
        ),
        Route("GET", f"{_OWN}/{{key}}/end", _ask_end, roles=CASEWORKERS),
        Route("POST", f"{_OWN}/{{key}}/end", _end, roles=CASEWORKERS),
    ]


# ---- For administrators ----------------------------------------------------------------


async def _list(request: web.Request) -> web.Response:
    found = await parts_of(request).run.read(accesses, by=actor(request))
    return await page(request, "settings_programs.html", accesses=_rows(request, found))


async def _new(request: web.Request) -> web.Response:
    until = shown_day(today(request) + timedelta(days=180))
    return await _new_page(request, Form({"valid_until": (until,)}))


async def _allow(request: web.Request) -> web.Response:
    parts, form, words = parts_of(request), form_of(request), words_of(request)
    scopes = frozenset(Scope(s) for s in form.all("scopes") if s in set(Scope))
    try:
        until = _until(form)
        check_wish(form.text("label"), until, parts.clock.now())
        if not scopes:
            raise InputError("scopes", "missing")  # noqa: TRY301 - one way to say it
        if not scopes & OF_A_CASELOAD:
            return await _issue(request, TokenWish(form.text("label"), scopes, until))
        if scopes - OF_A_CASELOAD:
            raise InputError("scopes", "mixed")  # noqa: TRY301 - as above
        await parts.run.write(
            allow_program, _grant(request, form, scopes, until), by=actor(request)
        )
    except InputError as error:
        text = words.gettext(_WRONG[error.field, error.reason])
        return await _new_page(request, form.with_errors({error.field: text}))
    saved = words.gettext(
        "Allowed. The caseworker fetches the access under “Programs”."
    )
    return await see_other(request, _HERE, saved=saved)


async def _issue(request: web.Request, wish: TokenWish) -> web.Response:
    """Shown in answer to the form itself, so that its text is stored nowhere."""
    parts = parts_of(request)
    token = Bearer.of(parts.randomness(32))
    await parts.run.write(issue_token, wish, token.digest, by=actor(request))
    return await _token_page(request, wish.label, token, _HERE)


def _grant(
    request: web.Request, form: Form, scopes: frozenset[Scope], until: datetime
) -> Grant:
    parts = parts_of(request)
    owner = ids([form.text("owner")], AccountId)
    if not owner:
        raise InputError("owner", "missing")
    return Grant(
        id=Hex128.of(parts.randomness(16)),
        label=form.text("label").strip(),
        scopes=scopes,
        owner=owner[0],
        created_by=account_of(request).id,
        created_at=parts.clock.now(),
        valid_until=until,
    )


async def _new_page(request: web.Request, form: Form) -> web.Response:
    words = words_of(request)
    people: Sequence[Account] = await parts_of(request).run.read(_caseworkers)
    on = today(request)
    return await page(
        request,
        "settings_program_new.html",
        status=422 if form.errors else 200,
        form=form,
        scopes=[
            (str(scope), words.gettext(text), words.gettext(hint))
            for scope, (text, hint) in _MAY.items()
        ],
        owners=[(str(p.id), p.name) for p in people if p.is_active(on)],
        last=on + LONGEST,
    )


# ---- For caseworkers -------------------------------------------------------------------


async def _own_list(request: web.Request) -> web.Response:
    found = await parts_of(request).run.read(own_accesses, by=actor(request))
    return await page(request, "programs.html", accesses=_rows(request, found))


async def _fetch(request: web.Request) -> web.Response:
    parts = parts_of(request)
    token = Bearer.of(parts.randomness(32))
    grant: Grant = await parts.run.write(
        fetch_token,
        path_id(request, "grant", Hex128),
        token.digest,
        at=parts.clock.now(),
        by=actor(request),
    )
    return await _token_page(request, grant.label, token, _OWN)


# ---- For both --------------------------------------------------------------------------


async def _ask_end(request: web.Request) -> web.Response:
    words = words_of(request)
    one = await _one(request)
    return await page(
        request,
        "program_end.html",
        access=one,
        may=_may(one, words),
        back=_back(request),
        address=request.path,
    )


async def _end(request: web.Request) -> web.Response:
    key = request.match_info["key"]
    await parts_of(request).run.write(end_access, key, by=actor(request))
    saved = words_of(request).gettext("Ended. The program is out from now on.")
    return await see_other(request, _back(request), saved=saved)


async def _one(request: web.Request) -> Access:
    listed = own_accesses if _back(request) == _OWN else accesses
    found: Sequence[Access] = await parts_of(request).run.read(
        listed, by=actor(request)
    )
    for access in found:
        if access.key == request.match_info["key"]:
            return access
    raise NotFoundError("token")


def _back(request: web.Request) -> str:
    return _HERE if request.path.startswith(_HERE) else _OWN


async def _token_page(
    request: web.Request, label: str, token: Bearer, back: str
) -> web.Response:
    return await page(
        request, "program_token.html", label=label.strip(), token=token, back=back
    )


def _rows(
    request: web.Request, found: Sequence[Access]
) -> Sequence[Mapping[str, object]]:
    words, now = words_of(request), parts_of(request).clock.now()
    return [
        {
            "key": access.key,
            "label": access.label,
            "may": _may(access, words),
            "owner": access.owner,
            # The end is exclusive; people read the last day.
            "until": local_day(access.valid_until - timedelta(seconds=1)),
            "state": _state(access, now, words),
            "is_waiting": access.is_waiting,
        }
        for access in found
    ]


def _may(access: Access, words: Words) -> str:
    said = [words.gettext(text) for s, (text, _) in _MAY.items() if s in access.scopes]
    return "; ".join(said)


def _state(access: Access, now: datetime, words: Words) -> tuple[str, str]:
    if access.valid_until <= now:
        return words.gettext("over"), ""
    if access.is_waiting:
        return words.gettext("not fetched yet"), "info"
    return words.gettext("in use"), "success"


def _until(form: Form) -> datetime:
    """The end of the day that was typed.

    Raises:
        InputError: It is no day.
    """
    day = typed_day(form.text("valid_until"))
    if day is None or not 2000 < day.year < 3000:
        raise InputError("valid_until", "bounds")
    return day_end(day)


def _caseworkers(uow: StaffUnit) -> list[Account]:
    return [a for a in uow.accounts.all() if Role.CASEWORKER in a.roles]
