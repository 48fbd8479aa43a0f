"""What an error says to a person, by its code.

Enters: the code of an error. Leaves: the message id of a sentence, or none where the page of
errors has one of its own. Must never happen: an error of the product that reaches a page
without words; a sentence that says more than is certain. Implements SR-B12 and SC-69.
"""

from collections.abc import Mapping
from typing import Final

from node.web.language import msgid

_SET_UP: Final = msgid(
    "This server is not set up correctly. Nothing was saved. Please tell whoever runs it."
)
_WRONG_THERE: Final = msgid(
    "The other office sent something that cannot be right. Nothing was changed here. The"
    " administration has to look at it."
)
_NOT_LISTED: Final = msgid(
    "The directory does not name this office or its key. Nothing was sent. Please ask the"
    " administration."
)
_NOT_BELIEVED: Final = msgid(
    "The directory of offices cannot be believed just now. The former one stays in force."
)
_AWAY: Final = msgid(
    "The other office cannot be reached just now. It goes on by itself; you need to do"
    " nothing."
)

# ``usage`` and ``internal`` are our own faults: the page says so in its own words.
SENTENCES: Final[Mapping[str, str]] = {
    "transition": msgid(
        "This step is not possible any more. Nothing was saved. Please open the page"
        " again."
    ),
    "input": msgid(
        "Something in the form cannot be taken as it is. Nothing was saved."
    ),
    "config": _SET_UP,
    "schema": _SET_UP,
    "restricted": msgid(
        "This case is locked and can be opened only to answer the person."
    ),
    "erased": msgid("This content was deleted and cannot be read any more."),
    "store": msgid(
        "The database did not take it. Nothing was saved. Please try again in a few"
        " minutes."
    ),
    "printer": msgid(
        "PDFs cannot be made just now. Everything else works. Please tell whoever runs"
        " this server."
    ),
    "unprintable": msgid(
        "The text holds a character that cannot be printed. Please replace it."
    ),
    "outcome-unknown": msgid(
        "It is not certain whether this was saved. Please look before you enter it again."
    ),
    "peer": _WRONG_THERE,
    "bad-syntax": msgid(
        "Something arrived in a form that cannot be read. Nothing was changed."
    ),
    "bad-signature": _WRONG_THERE,
    "bad-receipt": _WRONG_THERE,
    "history-conflict": _WRONG_THERE,
    "unreadable": msgid("This content cannot be opened here."),
    "trust": _NOT_LISTED,
    "unknown-node": _NOT_LISTED,
    "unknown-key": _NOT_LISTED,
    "not-a-peer": msgid("This office or its key was retired. Nothing was sent."),
    "directory-expired": msgid(
        "The directory of offices is out of date. Until it is renewed nothing new is"
        " sent; everything else goes on."
    ),
    "directory-file": _NOT_BELIEVED,
    "rollback": _NOT_BELIEVED,
    "delivery": _AWAY,
    "unreachable": _AWAY,
    "rejected": _AWAY,
    "log": msgid(
        "The exchange log does not add up. Nothing was saved. Please stop here and tell"
        " whoever runs this server."
    ),
    "reading-only": msgid(
        "This office can only be read just now: after a restore other offices may know"
        " more than it does. Nothing was saved. The administration knows what to do."
    ),
    "first-word": _AWAY,
    "at-relay": _AWAY,
    "backup": msgid(
        "A backup is damaged or not ours. Please tell whoever runs this server."
    ),
    "seal": msgid("A stored value is damaged. Please tell whoever runs this server."),
}
