"""Files to keep: handed over whole, or as they are read.

Enters: bytes, a name without a person. Leaves: a download, never shown inside a page
(SR-U2). Must never happen: an answer that began before the first bytes were there.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import quote

from aiohttp import web

from node.web.frame import parts_of
from node.web.guard import SANDBOX


def given(content: bytes, media_type: str, name: str) -> web.Response:
    """A file to keep."""
    return web.Response(body=content, headers=_headers(media_type, name))


async def streamed(
    request: web.Request,
    chunks: Iterator[bytes],
    media_type: str,
    name: str,
    length: int | None = None,
) -> web.StreamResponse:
    """A file to keep that does not fit into memory; ``length`` in bytes, if known."""
    run = parts_of(request).run
    response = web.StreamResponse(headers=_headers(media_type, name))
    response.content_length = length
    first = await run.file(_next, chunks)
    await response.prepare(request)
    while first:
        await response.write(first)
        first = await run.file(_next, chunks)
    await response.write_eof()
    return response


def _headers(media_type: str, name: str) -> Mapping[str, str]:
    spelled = quote(name, safe="")
    is_plain = spelled == name
    named = f'filename="{name}"' if is_plain else f"filename*=UTF-8''{spelled}"
    return {
        "Content-Type": media_type,
        "Content-Disposition": f"attachment; {named}",
        "Content-Security-Policy": SANDBOX,
    }


def _next(chunks: Iterator[bytes]) -> bytes:
    return next(chunks, b"")
