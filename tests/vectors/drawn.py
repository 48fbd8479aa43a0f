"""What no seed determines: HPKE encapsulations, drawn once and kept (HO-119)."""

import hashlib
import json
from pathlib import Path

from node.crypto.base64url import b64u, unb64u
from node.crypto.hpke import wrap
from node.crypto.keys import OpeningKey

FOLDER = Path(__file__).parent
_STORE = FOLDER / "encapsulations.json"


def seeded(label, size):
    """Bytes that a label determines."""
    return hashlib.shake_256(b"staffelstab/1 vector " + label.encode()).digest(size)


class Encapsulations:
    """Sealed secrets by recipient, context and secret."""

    def __init__(self):
        text = _STORE.read_text() if _STORE.exists() else "{}"
        self._known = json.loads(text)
        self._used = {}

    def wrap(self, to: OpeningKey, info: bytes, secret: bytes) -> bytes:
        """The kept bytes, or new ones the first time."""
        parts = (to.raw, info, secret)
        name = hashlib.sha256(b"".join(hashlib.sha256(p).digest() for p in parts))
        name = name.hexdigest()
        if name not in self._known:
            self._known[name] = b64u(wrap(to.public, info, secret))
        self._used[name] = self._known[name]
        return unb64u(self._known[name])

    def files(self):
        """The store's own file, without what no vector uses any more."""
        return {_STORE.name: dict(sorted(self._used.items()))}
