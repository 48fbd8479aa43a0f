"""How the node stands, for a program that watches it: alive, and what is wrong by code.

Enters: a question from this machine. Leaves: JSON without a name, a person or a number that
tells who is concerned. Must never happen: a listener that anybody else can reach; an answer
"ready" from a node whose store does not answer. Implements SR-F1 (a third, local port),
EL-16 and screens S16 (machines).
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus

from aiohttp import web

from node.casework.health import Check, Finding, Level
from node.errors import NodeError

Look = Callable[[], Awaitable[Sequence[Finding]]]
"""Every check, in one reading unit."""


def make_health_app(look: Look) -> web.Application:
    """The application of the local port."""

    async def live(_request: web.Request) -> web.Response:
        return _answer(HTTPStatus.OK, {"alive": True})

    async def ready(_request: web.Request) -> web.Response:
        try:
            found = await look()
        except NodeError:
            found = [Finding(Check.DATABASE, Level.FAULT)]
        wrong = [item for item in found if item.level is not Level.OK]
        faulty = any(item.level is Level.FAULT for item in wrong)
        status = HTTPStatus.SERVICE_UNAVAILABLE if faulty else HTTPStatus.OK
        named = sorted({(str(item.check), str(item.level)) for item in wrong})
        checks = [{"check": check, "level": level} for check, level in named]
        return _answer(status, {"ready": not faulty, "checks": checks})

    app = web.Application(client_max_size=0)
    app.router.add_get("/health/live", live)
    app.router.add_get("/health/ready", ready)
    return app


def _answer(status: HTTPStatus, told: dict[str, object]) -> web.Response:
    return web.Response(
        status=status,
        text=json.dumps(told) + "\n",
        content_type="application/json",
        headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
    )
