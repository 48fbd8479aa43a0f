"""The words of consent: one person words them, another vouches for them.

Enters: a text in one language, or the name of who checked it. Leaves: the version that
counts from now on. Must never happen: a text verified by the account that worded it, by
nobody with a name, or a translation whose German nobody verified (SC-38, ``text.verify``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from node.accounts.policy import Actor, actor_of, require
from node.cases.consenttext import (
    GERMAN,
    ConsentText,
    TextState,
    block_ids,
    encode_text,
    outdated,
    parse_text,
    state_of,
)
from node.cases.days import local_day
from node.cases.ports import KeptText, Recording
from node.errors import ConflictError, InputError
from node.sync.office import Office
from node.sync.ports import UnitOfWork

RECORDING_BYTES = 2_000_000


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts that count now, each with its state."""

    kept: Mapping[str, KeptText]
    recordings: Mapping[tuple[str, str], str]

    @property
    def german(self) -> ConsentText:
        """The text that is signed where no translation is verified."""
        return self.kept[GERMAN].text

    def of(self, language: str) -> ConsentText:
        """The text of one language. KeyError if we do not ask in it."""
        return self.kept[language].text

    def state(self, language: str) -> TextState:
        """Whether the text of a language may be signed."""
        return state_of(self.of(language), self.german)

    def signed(self, language: str) -> ConsentText:
        """The text that is signed in a language: its own if somebody vouched for it."""
        own = self.kept.get(language)
        is_good = own is not None and self.state(language) is TextState.VERIFIED
        return own.text if own and is_good else self.german

    def is_spoken(self, text: ConsentText, block: str) -> bool:
        """Whether there is a recording of just these words."""
        made = self.recordings.get((text.language, block))
        return made == text.block(block).digest


def current_texts(uow: UnitOfWork) -> Texts:
    """All texts as they count now."""
    return Texts(uow.consent_texts.current(), uow.consent_texts.recordings())


def word_text(uow: UnitOfWork, office: Office, text: ConsentText, *, by: Actor) -> None:
    """Keep a new wording; it is a draft until somebody else vouches for it.

    Raises:
        MalformedMessageError: A block is missing, empty or too long, or a value is
            filled in elsewhere than in the model.
        InputError: Nobody is named as its author.
    """
    require(by, "settings.change")
    if not text.author.strip():
        raise InputError("author", "missing")
    draft = replace(text, verifier="", verified_on=None)
    checked = parse_text(encode_text(draft), ids=block_ids())
    with uow:
        uow.consent_texts.put(KeptText(checked, office.clock.now(), by.account))
        uow.commit()


def verify_text(
    uow: UnitOfWork,
    office: Office,
    seen: ConsentText,
    *,
    verifier: str,
    by: Actor,
) -> None:
    """Mark a text as verified: the second account, and the person who checked it by name.

    Raises:
        ConflictError: Another wording counts than the one that was seen.
        ForbiddenError: The account that worded it cannot vouch for it.
        InputError: Nobody is named; nobody worded it here yet; its German is no verified
            text, or is not the one it translates.
    """
    if not verifier.strip():
        raise InputError("verifier", "missing")
    now = office.clock.now()
    with uow:
        current = uow.consent_texts.current()
        kept, german = current[seen.language], current[GERMAN].text
        if kept.text.digest != seen.digest:
            raise ConflictError("another wording counts now")
        if kept.put_by is None:
            raise InputError("text", "not_worded")
        first = actor_of(uow.accounts.get(kept.put_by), on=local_day(now))
        require(by, "text.verify", second=first)
        if seen.language != GERMAN and (
            not german.verifier or outdated(kept.text, german)
        ):
            raise InputError("text", "german_first")
        good = kept.text.verified_by(verifier.strip(), local_day(now))
        uow.consent_texts.put(replace(kept, text=good, verified_by=by.account))
        uow.commit()


def keep_recording(uow: UnitOfWork, made: Recording, *, by: Actor) -> None:
    """Keep a spoken block; it is heard only while the words are these.

    Raises:
        InputError: The words are others meanwhile, or it is too long.
    """
    require(by, "settings.change")
    if len(made.sound) > RECORDING_BYTES:
        raise InputError("sound", "too_large")
    with uow:
        text = uow.consent_texts.current()[made.language].text
        if text.block(made.block).digest != made.of:
            raise InputError("sound", "other_words")
        uow.consent_texts.record(made)
        uow.commit()
