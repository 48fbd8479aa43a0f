"""A tour of every page: as each role, along the links, as far as links lead.

A new page needs no entry here; it is found, or the test that counts routes names it. One
page of each address pattern is visited per role, with the first opaque id that a link shows.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from playwright.async_api import Browser, Page
from playwright.async_api import Error as PlaywrightError

from node.web.frame import Route
from node.web.pages.everything import all_routes
from tests.support.story_one import Look, enter

ROLES = ("Fachkraft", "Freigabe", "Verwaltung", "Prüfung")
LINKS = """() => [...document.querySelectorAll('a[href^="/"]:not([download])')]
  .map(link => link.getAttribute('href'))"""


@dataclass(frozen=True)
class Sight:
    """One page of the tour: which pattern, whose, and the page itself."""

    pattern: str
    role: str
    page: Page


def patterns(routes: list[Route] | None = None) -> dict[str, re.Pattern[str]]:
    """What a browser can open, by the pattern of its address; fixed addresses first."""
    found = [route.path for route in routes or all_routes() if route.method == "GET"]
    return {path: _regex(path) for path in sorted(found, key=lambda p: p.count("{"))}


def _regex(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[^}]*\}", path)
    return re.compile("[^/]+".join(re.escape(part) for part in parts))


def view_of(address: str) -> str:
    """Lists have views of their own, like ``?only=closed``."""
    query = address.partition("?")[2]
    return query if query.startswith("only=") else ""


def pattern_of(address: str, known: dict[str, re.Pattern[str]]) -> str | None:
    """Which route answers an address."""
    path = address.partition("?")[0]
    return next((name for name, regex in known.items() if regex.fullmatch(path)), None)


async def tour(
    browser: Browser, origin: str, look: Look, role: str, *, opened: set[str]
) -> AsyncIterator[Sight]:
    """Every page one role comes to by links, each pattern once; notes what it opened."""
    known = patterns()
    page = await enter(browser, origin, role, look)
    waiting = [page.url.removeprefix(origin)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        address = waiting.pop(0)
        pattern = pattern_of(address, known)
        if pattern is None or (pattern, view_of(address)) in seen:
            continue
        seen.add((pattern, view_of(address)))
        opened.add(pattern)
        try:
            await page.goto(origin + address)
        except PlaywrightError as error:
            if "Download is starting" not in error.message:
                raise
            continue
        yield Sight(pattern, role, page)
        waiting.extend(await page.evaluate(LINKS))
    await page.context.close()
