"""Content-Digest of long bodies beside the event loop, which answers others meanwhile.

Enters: a body. Leaves: the field's value, or whether it is right. Must never happen: a loop
that stands still for megabytes (performance 4, 7).
"""

import asyncio
from collections.abc import Mapping
from typing import Final

from node.federation.auth import check_content_digest, content_digest
from node.sync.limits import KIB

_SHORT_BYTES: Final = 64 * KIB
"""Hashed at once: a hop to a thread takes about as long."""


async def digest_of(body: bytes) -> str:
    """The value of Content-Digest."""
    if len(body) <= _SHORT_BYTES:
        return content_digest(body)
    return await asyncio.to_thread(content_digest, body)


async def is_digested(headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the body is the one that the digest field speaks of."""
    if len(body) <= _SHORT_BYTES:
        return check_content_digest(headers, body)
    return await asyncio.to_thread(check_content_digest, headers, body)
