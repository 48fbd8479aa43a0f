"""What a mail says: a subject, one sentence, and where its link leads.

Leaves: texts that are the same for everybody. Must never happen: a placeholder in one of
them, so that nothing of a person or a handover can ever stand in a mail (DO-47). Implements
screens chapter 2 (mails); an alarm leads to the status, where its reader may go.
"""

from collections.abc import Mapping
from typing import Final

from node.accounts.notices import NoticeKind
from node.web.language import msgid

# Subject, sentence, where the link leads.
TEXTS: Final[Mapping[NoticeKind, tuple[str, str, str]]] = {
    NoticeKind.WORKLIST: (
        msgid("Your worklist"),
        msgid("Something in your worklist is due today or overdue."),
        "/work",
    ),
    NoticeKind.OFFERS: (
        msgid("Incoming: to be decided"),
        msgid("At least one offer waits for a decision of your office."),
        "/inbox",
    ),
    NoticeKind.DECISION: (
        msgid("Incoming: a time limit ends"),
        msgid("A decision of your office is due within 24 hours."),
        "/inbox",
    ),
    NoticeKind.ALARM: (
        msgid("The status needs you"),
        msgid("The status of your office shows something that needs you."),
        "/status",
    ),
}
