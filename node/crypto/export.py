"""Files sealed to one reader outside: the age format.

Enters: bytes and the reader's public age key. Leaves: an age file that this key alone
opens. Must never happen: a file sealed to nobody; a passphrase, which would have to be told.
Implements exchange-log 8 (``bundle --age``). Source: C2SP age, X25519 recipients.
"""

import pyrage

from node.errors import UsageError


def seal_for(content: bytes, recipient: str) -> bytes:
    """Seal a file to one reader.

    Args:
        content: The file.
        recipient: ``age1…``, the reader's public key.

    Raises:
        UsageError: That is no age recipient.
    """
    try:
        reader = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError as error:
        raise UsageError("no age recipient") from error
    sealed: bytes = pyrage.encrypt(content, [reader])
    return sealed
