"""The device in a client's hands: one door in, one door out, nothing beside them.

Enters: every request of a session that was handed over. Leaves: the kiosk's own pages, and
for every other address the way back to them. Must never happen: a page of the staff, or a
name of another person, in any answer while the device is away; so nobody counts as signed
in, and only routes marked as the kiosk's are answered. Implements flow C, SC-34.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from aiohttp_session import get_session

from node.accounts.policy import Actor
from node.errors import NotFoundError
from node.web.frame import AccountView, Route, parts_of, see_other
from node.web.round import Round, decode_round, encode_round
from node.web.session import hand_over, take_back
from node.web.static_files import PREFIX as STATIC_PREFIX

HOLDER: Final = web.RequestKey("holder", AccountView)
"""Who handed the device over; set only while it is away."""

DOOR: Final = "/kiosk"
_ROUND: Final = "round"


def stay_in_kiosk(table: Mapping[tuple[str, str], Route]) -> Middleware:
    """Lead every other address back while the device is away, and keep the kiosk shut else.

    It stands before the forgery guard: a form of another page is not even read.
    """

    @web.middleware
    async def stay(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(STATIC_PREFIX):
            return await handler(request)
        resource = request.match_info.route.resource
        address = resource.canonical if resource else ""
        method = "POST" if request.method == "POST" else "GET"
        route = table.get((method, address))
        is_kiosk = route is not None and route.is_kiosk
        if HOLDER in request and not is_kiosk:
            return await see_other(request, DOOR)
        if HOLDER not in request and is_kiosk:
            return await see_other(request, "/")
        return await handler(request)

    return stay


def holder(request: web.Request) -> Actor:
    """The caseworker in whose name the device asks."""
    return Actor(request[HOLDER].id, request[HOLDER].roles)


async def find_round(request: web.Request) -> Round | None:
    """The round of this session, if there is one."""
    kept = (await get_session(request)).get(_ROUND)
    return decode_round(kept) if kept is not None else None


async def round_of(request: web.Request) -> Round:
    """The round of this session.

    Raises:
        NotFoundError: There is none.
    """
    found = await find_round(request)
    if found is None:
        raise NotFoundError("round")
    return found


async def keep_round(request: web.Request, one: Round) -> Round:
    """Keep the round as it stands; the device was touched just now."""
    touched = replace(one, touched_at=parts_of(request).clock.now())
    (await get_session(request))[_ROUND] = encode_round(touched)
    return touched


async def drop_round(request: web.Request) -> None:
    """Forget what was answered: it was recorded, or nobody wants it."""
    (await get_session(request)).pop(_ROUND, None)


async def give_away(request: web.Request, one: Round) -> web.Response:
    """The device goes to the client."""
    await keep_round(request, one)
    await hand_over(request, parts_of(request).sessions)
    response = await see_other(request, DOOR)
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


async def come_back(request: web.Request) -> None:
    """The device is the staff's again; the round goes along."""
    await take_back(request, parts_of(request).sessions)
