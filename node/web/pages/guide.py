"""The users' guide inside the program: everybody may read it, also before signing in.

Enters: the name of a chapter. Leaves: its text. Must never happen here: anything of this
node's cases. Implements "Hilfe", "Barrierefreiheit" and "Datenschutz" of screens chapter 2.
"""

from aiohttp import web

from node.errors import NotFoundError
from node.web.frame import Route, page
from node.web.handbook import HELP, chapters, served


async def _read(request: web.Request) -> web.Response:
    name = request.match_info.get("chapter", "")
    chapter = chapters().get(name)
    if chapter is None:
        raise NotFoundError("chapter")
    return await page(
        request,
        "guide.html",
        chapter=chapter,
        served=served,
        start=HELP if name else "",
        start_title=chapters()[""].title,
    )


def routes() -> list[Route]:
    """The first page and one per chapter."""
    return [
        Route("GET", HELP, _read, is_public=True),
        Route("GET", HELP + "/{chapter}", _read, is_public=True),
    ]
