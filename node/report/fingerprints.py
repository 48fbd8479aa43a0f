"""The fingerprints of public keys, as an auditor's own list has them (LR-34).

Enters: the directory. Leaves: names with fingerprints. Must never happen: a key in the
list that the directory never vouched for.
"""

import hashlib
from collections.abc import Iterator

from node.trust.directory import Directory


def fingerprints(directory: Directory) -> Iterator[tuple[str, str]]:
    """Statement keys by member, log and witness keys by their own name.

    A fingerprint is SHA-256 in hexadecimal: of the 32 bytes of a statement key, of the
    text of a log's or witness's vkey.
    """
    for kid, listed in sorted(directory.holdings.signers.items()):
        yield str(kid.member), hashlib.sha256(listed.key.raw).hexdigest()
    for member in directory.members():
        for note in (*member.log.keys, *member.witness.keys):
            text = str(note.key)
            yield note.key.name, hashlib.sha256(text.encode()).hexdigest()
