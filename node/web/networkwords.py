"""How a body and the directory stand, in words; and the sentences on top of every page.

Enters: states. Leaves: sentences. Implements screens S12 (states), SC-66.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Final

from node.accounts.model import Role
from node.casework.network import BodyState
from node.errors import UnknownNodeError
from node.sync.office import Office
from node.trust.directory import Freshness
from node.web.language import Words, msgid

# The word, its badge, and what it means for handovers.
STATES: Final[Mapping[BodyState, tuple[str, str, str]]] = {
    BodyState.STRUCK_OFF: (
        msgid("struck off"),
        "danger",
        msgid("The directory has struck it off. Nothing is exchanged with it."),
    ),
    BodyState.QUARANTINE: (
        msgid("in quarantine"),
        "danger",
        msgid("Its log has shown two histories. Handovers to and from there rest."),
    ),
    BodyState.SUSPENDED: (
        msgid("suspended by this office"),
        "danger",
        msgid(
            "Nothing new is exchanged, and no key leaves for there. What both offices"
            " agreed on before comes to its end."
        ),
    ),
    BodyState.CLOSED: (
        msgid("closed"),
        "warning",
        msgid("It takes no new handovers. Its successor answers for its places."),
    ),
    BodyState.NOT_SET_UP: (
        msgid("not set up yet"),
        "info",
        msgid("It is admitted, but its program does not run yet."),
    ),
    BodyState.READMITTED: (
        msgid("back with new keys"),
        "warning",
        msgid(
            "For 72 hours nothing is sent to it. Call it if you did not expect this."
        ),
    ),
    BodyState.FAILING: (
        msgid("cannot be reached"),
        "warning",
        msgid("Handovers to there wait. Nothing is lost; it is tried again by itself."),
    ),
    BodyState.TAKES_PART: (
        msgid("takes part"),
        "success",
        msgid("Handovers can go there and come from there."),
    ),
}
_EXPIRED: Final = msgid(
    "The directory has expired. New handovers rest. Receiving, opening and confirming"
    " go on."
)
_OLD: Final = msgid("The directory is older than 24 hours. Please look at the status.")
_MISSING: Final = msgid("There is no directory yet. New handovers rest.")
_HANDS_OVER: Final = frozenset({Role.CASEWORKER, Role.APPROVER, Role.ADMINISTRATOR})


def directory_age(office: Office, words: Words) -> tuple[str, str, str]:
    """Kind of message, title and sentence about the directory's age."""
    try:
        directory = office.directory()
    except UnknownNodeError:
        return "danger", words.gettext("No directory"), words.gettext(_MISSING)
    at = office.clock.now()
    age = words.gettext("Signed %(ago)s.") % {
        "ago": words.ago(directory.head.signed_at, at)
    }
    match directory.stale(at):
        case Freshness.EXPIRED:
            text = words.gettext(_EXPIRED)
            return "danger", words.gettext("Directory out of date"), f"{age} {text}"
        case Freshness.WARN:
            text = words.gettext("It still counts. Check the line to the directory.")
            return "warning", words.gettext("The directory is old"), f"{age} {text}"
        case Freshness.FRESH:
            return "info", "", words.gettext("The directory is fresh.") + f" {age}"


def directory_notices(
    office: Office, roles: AbstractSet[Role], at: datetime, words: Words
) -> list[str]:
    """What everybody who hands over must know of the directory now."""
    if not roles & _HANDS_OVER:
        return []
    try:
        freshness = office.directory().stale(at)
    except UnknownNodeError:
        return [words.gettext(_MISSING)]
    if freshness is Freshness.EXPIRED:
        return [words.gettext(_EXPIRED)]
    if freshness is Freshness.WARN and Role.ADMINISTRATOR in roles:
        return [words.gettext(_OLD)]
    return []
