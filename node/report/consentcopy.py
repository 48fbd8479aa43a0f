"""What stands on the paper of a consent: the sheet to sign, and the copy to take away.

Enters: an answer, the texts in which it was asked, who asked. Leaves: every sentence twice,
in the person's language and in German, in reading order; a page or a PDF only sets it.
Must never happen: a copy in one language alone (SC-40), an answer left out, another
person's data. Implements flow C, step 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from node.cases.consenttext import GERMAN, ConsentText, Tongue, pieces

Sentence = Sequence[tuple[str, bool]]
"""Parts of a sentence; those marked true were filled in and read from left to right."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One sentence in both languages; ``own`` is empty where German is the own one."""

    own: Sentence
    german: Sentence


@dataclass(frozen=True, slots=True)
class Said:
    """One question with its answer; ``title`` is the name of a document, if it is one."""

    question: Pair
    is_yes: bool
    title: str = ""


@dataclass(frozen=True, slots=True)
class ConsentCopy:
    """Everything a sheet says.

    ``number`` is the consent's, printed as text and as a code. ``draft`` is the mark of a
    translation that only helps reading, None where it was verified. ``signed_on`` is None
    on a sheet that is still to be signed; ``declined`` that nothing is passed on.
    """

    number: str
    tongue: Tongue
    version: str
    body: str
    contact: Sequence[str]
    person: str
    title: Pair
    draft: Pair | None
    about: Sequence[Pair]
    answers: Sequence[Said]
    yes: Pair
    no: Pair
    statement: Sequence[Pair]
    rights: Sequence[Pair]
    signed_on: date | None = None
    withdrawn_on: date | None = None
    interpreter: str = ""
    witness: str = ""
    form: str = ""
    declined: bool = False


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks: the body's name, and how it is reached."""

    body: str
    contact: Sequence[str]


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of one round: the own one, the German one, and whether own is a draft."""

    own: ConsentText
    german: ConsentText
    values: Mapping[str, str]
    is_draft: bool

    def pair(self, block: str) -> Pair:
        """One block in both languages."""
        own = self.own
        is_german = own.language == GERMAN
        return Pair(
            () if is_german else pieces(own.text(block), self.values),
            pieces(self.german.text(block), self.values),
        )


def gather_copy(
    words: Words,
    *,
    asker: Asker,
    number: str,
    person: str,
    given_by: str,
    to_body: bool,
    answers: Sequence[tuple[str, bool, str]],
) -> ConsentCopy:
    """The content of a sheet that is to be signed; ``signed_copy`` adds what came after.

    Args:
        words: The texts.
        asker: The body.
        number: The consent's number.
        person: Whom it is about.
        given_by: Code of list ``given_by``.
        to_body: Whether one body is named, not the one responsible at the new place.
        answers: Block of the question, whether yes, title of the document.
    """
    signed = words.german if words.is_draft else words.own
    declined = not any(is_yes for _, is_yes, _ in answers)
    to_whom = "scope.body" if to_body else "scope.new"
    about = ["about.move", "about.free", "about.no", "about.withdraw"]
    scope = [] if declined else [to_whom, "scope.for", "scope.until", "scope.sealed"]
    statement = ["check.none"] if declined else ["sign.text", f"sign.{given_by}"]
    return ConsentCopy(
        number=number,
        tongue=words.own.tongue,
        version=signed.version,
        body=asker.body,
        contact=asker.contact,
        person=person,
        title=words.pair("copy.title"),
        draft=words.pair("draft") if words.is_draft else None,
        about=[words.pair(block) for block in (*about, *scope)],
        answers=[
            Said(words.pair(block), is_yes, title) for block, is_yes, title in answers
        ],
        yes=words.pair("yes"),
        no=words.pair("no"),
        statement=[words.pair(block) for block in statement],
        rights=[
            words.pair(block)
            for block in (
                "copy.withdraw",
                "scope.rights",
                "scope.complaint",
                "copy.keep",
            )
        ],
        declined=declined,
    )
