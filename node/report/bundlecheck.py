"""The check of an evidence bundle with the node's own readers and verifiers.

Enters: the bytes of a bundle, perhaps a list of trusted keys. Leaves: the same report as
the small verifier inside the bundle gives. Must never happen: two orders of checks that
drift apart, so the order is the small verifier's and only what judges bytes is ours.
Implements exchange-log 8 (``log check``); SR-P3, SR-P5.
"""

from collections.abc import Sequence

from node import strictjson
from node.crypto.keys import VerifyKey
from node.crypto.merkle import leaf_hash, verify_consistency, verify_inclusion
from node.crypto.sign import verify as verify_signature
from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.bundle import read_files
from node.exchangelog.entry import parse_entry
from node.exchangelog.standalone import verify
from node.strictjson import JsonObject
from node.sync.message import parse_claims

Trusted = frozenset[tuple[str, str]]
"""Names with fingerprints, from the auditor's own list."""


class NodeJudge(verify.Judge):
    """PyNaCl, our tree, our strict readers."""

    def archive(self, raw: bytes) -> dict[str, bytes]:
        """The files by name."""
        try:
            return read_files(raw)
        except MalformedMessageError as error:
            raise verify.WrongError("zip") from error

    def signed(self, key: bytes, message: bytes, signature: bytes) -> bool:
        """Whether the signature fits."""
        try:
            verify_signature(VerifyKey(key), message, signature)
        except (SignatureError, MalformedMessageError):
            return False
        return True

    def included(
        self, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes
    ) -> bool:
        """Whether the leaf stands there."""
        try:
            verify_inclusion(index, size, leaf_hash(leaf), path, root)
        except MalformedMessageError:
            return False
        return True

    def continues(
        self, m: int, n: int, root_m: bytes, root_n: bytes, path: Sequence[bytes]
    ) -> bool:
        """Whether one tree begins with the other."""
        try:
            verify_consistency(m, n, root_m, root_n, path)
        except MalformedMessageError:
            return False
        return m > 0

    def entry(self, raw: bytes) -> JsonObject:
        """An entry as an object, held against the form of its type."""
        try:
            parse_entry(raw)
        except MalformedMessageError as error:
            raise verify.WrongError("entry") from error
        return strictjson.parse_object(raw, members=2000)

    def claims(self, payload: bytes) -> JsonObject:
        """The claims of a statement as an object, held against its schema."""
        try:
            parse_claims(payload)
        except MalformedMessageError as error:
            raise verify.WrongError("statement") from error
        return strictjson.parse_object(payload)


def check_bundle(raw: bytes, trusted: Trusted | None = None) -> verify.Check:
    """Check a bundle with the node's own means."""
    return verify.check_bundle(raw, trusted, NodeJudge())


def check_files(files: dict[str, bytes]) -> verify.Check:
    """The same over files that are not packed yet."""
    return verify.Check(files, NodeJudge()).run()
