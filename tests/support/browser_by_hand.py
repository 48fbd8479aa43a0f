"""A browser as the guard sees one: cookies, fetch metadata and forms, over a real server."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html import unescape
from io import BytesIO
from urllib.parse import urlencode

from aiohttp import ClientResponse, DummyCookieJar, web
from aiohttp.test_utils import TestClient, TestServer

from node.accounts.policy import Actor
from node.web.frame import AccountView
from node.web.session import COOKIE
from tests.support.web_stage import Stage

_TAGS = re.compile(r"<[^>]+>")
_TOKEN = re.compile(r'name="_token" value="([0-9a-f]{64})"')


class Page:
    """One answer, read to its end."""

    def __init__(self, response: ClientResponse, body: bytes) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = body

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def location(self) -> str:
        return self.headers["Location"]

    @property
    def form_token(self) -> str:
        found = _TOKEN.search(self.text)
        assert found, "the page has no form"
        return found[1]


def words(page: Page | str) -> str:
    """What a person reads."""
    text = page if isinstance(page, str) else page.text
    return unescape(re.sub(r"\s+", " ", _TAGS.sub(" ", text))).strip()


class Browser:
    """Follows no redirect by itself, so that tests see each answer."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self._client = client
        self.cookie = ""

    async def send(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | list[tuple[str, str]] | None = None,
        body: bytes | None = None,
    ) -> Page:
        sent = list(
            (headers or {}).items() if isinstance(headers, dict) else headers or []
        )
        if self.cookie:
            sent.append(("Cookie", f"{COOKIE}={self.cookie}"))
        async with self._client.request(
            method,
            path,
            headers=sent,
            data=None if body is None else BytesIO(body),
            allow_redirects=False,
        ) as response:
            page = Page(response, await response.read())
            if COOKIE in response.cookies:
                self.cookie = response.cookies[COOKIE].value
        return page

    async def get(self, path: str, site: str = "same-origin") -> Page:
        return await self.send("GET", path, headers={"Sec-Fetch-Site": site})

    async def post(self, path: str, token: str, **fields: str) -> Page:
        return await self.send(
            "POST",
            path,
            headers={
                "Sec-Fetch-Site": "same-origin",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=urlencode({"_token": token, **fields}).encode(),
        )

    async def enter(self, person: AccountView, onward: str = "") -> Page:
        """Sign in as one of the invented people."""
        door = await self.get("/login")
        return await self.post(
            "/login",
            door.form_token,
            name=person.name,
            password=person.name,
            _next=onward,
        )


@asynccontextmanager
async def browsing(stage: Stage) -> AsyncIterator[Browser]:
    """A browser before the running application."""
    server = TestServer(stage.app, host="127.0.0.1")
    async with TestClient(server, cookie_jar=DummyCookieJar()) as client:
        yield Browser(client)


async def signed_in(
    client: TestClient[web.Request, web.Application], actor: Actor
) -> Browser:
    """A browser of its own, signed in by the demo's button."""
    browser = Browser(client)
    door = await browser.get("/login")
    answer = await browser.post(
        "/login/demo", door.form_token, account=str(actor.account)
    )
    assert answer.status == 303, answer.text
    return browser
