"""From a round of asking to what is recorded: the answer, the text, the evidence.

Enters: a round, the texts that count, what the staff add. Leaves: an ``Answer`` that names
the text that was signed and the digest of everything that was shown. Must never happen: a
draft named as the signed text (SC-38). Implements flow C, last step.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from node.cases.consenttext import (
    GERMAN,
    ConsentText,
    pieces,
    shown_bytes,
)
from node.casework.consents import Answer
from node.casework.consenttexts import Texts
from node.strictjson import Json
from node.web.round import Round


@dataclass(frozen=True, slots=True)
class Spoken:
    """A round with the texts it is asked in."""

    round: Round
    texts: Texts

    @property
    def german(self) -> ConsentText:
        """The German text, shown beside every other."""
        return self.texts.german

    @property
    def own(self) -> ConsentText:
        """The text in the chosen language; German until one is chosen."""
        return self.texts.of(self.round.language or GERMAN)

    @property
    def both(self) -> tuple[ConsentText, ...]:
        """What is on the page: own first, the German beside it."""
        own = self.own
        return (own,) if own.language == GERMAN else (own, self.german)

    @property
    def is_draft(self) -> bool:
        """Whether the own text is a reading aid only."""
        return self.signed.language != self.own.language

    @property
    def signed(self) -> ConsentText:
        """The text that is signed: the own one if somebody vouched for it."""
        return self.texts.signed(self.own.language)

    def words(self, text: ConsentText, block: str) -> list[tuple[str, bool]]:
        """The words of one block; what is filled in stands apart."""
        return pieces(text.text(block), self.round.values)

    def is_spoken(self, block: str) -> bool:
        """Whether there is a recording of just these words (SC-39)."""
        return self.texts.is_spoken(self.own, block)

    @property
    def has_recordings(self) -> bool:
        """Whether anything can be heard in this language."""
        return any(self.is_spoken(block.id) for block in self.own.blocks)

    def answer(self, evidence: Mapping[str, str]) -> Answer:
        """What is recorded of this round; without a granted category it is a no."""
        one = self.round
        granted = one.granted
        is_yes = bool(granted)
        shown = shown_bytes(self.both, one.asked, one.values)
        proof: dict[str, Json] = {
            "shown": hashlib.sha256(shown).hexdigest(),
            "asked": list(one.asked),
            "german": self.german.version,
            **({"reading_aid": self.own.version} if self.is_draft else {}),
            **{name: text for name, text in evidence.items() if text},
        }
        return Answer(
            id=one.consent,
            case=one.case,
            epoch=one.epoch,
            given_by=one.given_by,
            guardians=one.guardians,
            recipients=(one.recipient,) if is_yes else (),
            categories=granted,
            documents=one.granted_documents,
            valid_until=one.valid_until if is_yes else None,
            language=self.own.language,
            form=one.form or "screen",
            text_version=self.signed.version,
            evidence=proof,
            announce_by_name=is_yes and one.said_yes("announce_by_name"),
            secrecy_release=is_yes and one.said_yes("secrecy_release"),
            contact_back=is_yes and one.said_yes("contact_back"),
            may_tell_old_office=is_yes and one.said_yes("may_tell_old_office"),
        )
