"""The town's own software talks to us: one application below ``/api``.

Enters: requests with a bearer token, JSON only. Leaves: JSON, or a problem document. Must
never happen here: a cookie, a form, a page, or an address that is not in the list of
operations. Implements SR-B11.
"""

from typing import Final

from aiohttp import web

from node import strictjson
from node.accounts.model import Scope
from node.api.gate import DESK, Desk, gate, problems
from node.api.openapi import document
from node.api.operations import OPERATIONS

DOCUMENT: Final = "/v1/openapi.json"


def make_api_app(desk: Desk) -> web.Application:
    """The application, to be mounted at ``/api``."""
    scopes: dict[tuple[str, str], Scope | None] = {("GET", "/api" + DOCUMENT): None}
    for operation in OPERATIONS:
        scopes[operation.method, "/api" + operation.path] = operation.scope
    app = web.Application(middlewares=[problems, gate(scopes)])
    app[DESK] = desk
    app.router.add_route("GET", DOCUMENT, _document)
    for operation in OPERATIONS:
        app.router.add_route(operation.method, operation.path, operation.handler)
    return app


async def _document(_: web.Request) -> web.Response:
    """What this API takes and answers; it holds no data and needs no token."""
    return web.Response(
        body=strictjson.encode(document(OPERATIONS)), content_type="application/json"
    )
