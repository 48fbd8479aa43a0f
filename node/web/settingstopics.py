"""The topics under "Settings", in the order of their index; a topic is one line here.

Enters: the addresses this node serves. Leaves: what the index shows. Implements S15.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from node.web.language import msgid


@dataclass(frozen=True, slots=True)
class TopicLink:
    """One topic: its address, its name, and what is decided there."""

    path: str
    label: str
    about: str


TOPICS: Final = (
    TopicLink(
        "/settings/contact",
        msgid("Office and contact"),
        msgid("Who helps colleagues, shown at the foot of every page."),
    ),
    TopicLink(
        "/settings/delivery",
        msgid("Handing over"),
        msgid("Whether a handover that is covered goes by itself."),
    ),
    TopicLink(
        "/settings/retention",
        msgid("How long data is kept"),
        msgid("When copies after a handover and closed cases are deleted."),
    ),
    TopicLink(
        "/settings/consent-texts",
        msgid("Wordings of consents"),
        msgid("In which languages people may sign, and who checked the wording."),
    ),
    TopicLink(
        "/settings/statutes",
        msgid("Legal bases"),
        msgid("Paragraphs by which a handover may go without a consent."),
    ),
    TopicLink(
        "/settings/proof",
        msgid("Pattern of the state's proof"),
        msgid("The funding period, and which number goes into which cell."),
    ),
    TopicLink(
        "/settings/programs",
        msgid("Access for programs"),
        msgid("Which other software of the town may ask or record something."),
    ),
)


def topics_for(known: AbstractSet[str]) -> list[TopicLink]:
    """The topics whose page exists here."""
    return [topic for topic in TOPICS if topic.path in known]
