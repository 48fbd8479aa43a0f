"""Keys whose private parts stand in the repository, in test vectors: nobody may use them.

Enters: nothing. Leaves: what ``holdings`` knows such a key by: the raw Ed25519 key, or
SHA-256 of a sealing key. Must never happen: a node that starts or is listed with one of
them. Implements SR-S5. The list equals ``tests/vectors/keys.json``; a test compares.
"""

from typing import Final

from node.crypto.base64url import unb64u
from node.crypto.keys import Keyring
from node.errors import ConfigError

_SPELLED: Final = (
    "0fda5Y1jEOXkBmgerrpYMJFpiYByPjGgz-tmvHdjTf4",
    "H8LfocX24cmnGk6JSQoshqmCzfUYD7IpOTV75a5CMuE",
    "gTl3Dqh9F19Wo1Rmw0x-zMuNipG07jeiXfYPW4_Js5Q",
    "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w",
    "qXLVLnVQ3scVnMKtQkTmddy8BUna2HEFxlKw0VFy2Hc",
    "r0a8fQyxXV2Hc0Z5djuX0Z4AYTY40wdAdIUypYcBIqE",
)
PUBLISHED_KEYS: Final = frozenset(map(unb64u, _SPELLED))


def check_unpublished(ring: Keyring) -> None:
    """Refuse to start with a key that everybody has.

    Raises:
        ConfigError: One of the keys stands in the repository.
    """
    public = {
        ring.sign.public.raw,
        ring.sheet.public.raw,
        ring.log.public.raw,
        ring.witness.public.raw,
        *(key.public.thumbprint for key in ring.openings.values()),
    }
    if public & PUBLISHED_KEYS:
        raise ConfigError("a key of this node stands in the repository: found it anew")
