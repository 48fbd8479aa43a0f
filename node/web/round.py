"""One round of asking: what the device is handed over for, and what was answered so far.

Enters: what the caseworker prepared, then answers one by one. Leaves: the next question,
and in the end what is recorded. Must never happen: an answer that nobody gave read as yes;
a step that was not reached; a question about a category without content (SC-37). A round
lives in the session, sealed under a key that only the browser's cookie yields, until it is
recorded or dropped. Implements flow C.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Final

from node.cases.consent import DOCUMENTS, GivenBy
from node.cases.model import SENSITIVE
from node.cases.standing import MINIMUM
from node.ids import CaseId, ConsentId, RecordId
from node.strictjson import Json

PAUSE_AFTER: Final = timedelta(minutes=10)
LOCK_AFTER: Final = timedelta(minutes=30)
YES, NO = "yes", "no"
LANGUAGE, CHECK, SIGN, THANKS = "language", "check", "sign", "thanks"
_BEFORE: Final = (LANGUAGE, "about", "scope")
_APART: Final = ("announce_by_name", "may_tell_old_office", "contact_back")
SECRECY: Final = "secrecy_release"


@dataclass(frozen=True, slots=True)
class AskedDocument:
    """A document that can be passed on; ``needs`` are categories that must go along."""

    id: RecordId
    title: str
    needs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Round:
    """A device in a client's hands.

    ``answers`` maps steps to yes or no. ``form`` says how it was signed once it was;
    ``signature`` is the picture in base64. A no is recorded at once: ``is_recorded``.
    ``furthest`` is the last step reached.
    """

    consent: ConsentId
    case: CaseId
    epoch: int
    given_by: GivenBy
    guardians: tuple[CaseId, ...]
    recipient: str
    body: str
    valid_until: date
    categories: tuple[str, ...]
    documents: tuple[AskedDocument, ...]
    german: str
    touched_at: datetime
    is_secrecy_bound: bool = False
    transfer: str = ""
    language: str = ""
    step: str = LANGUAGE
    furthest: str = LANGUAGE
    answers: Mapping[str, str] = field(default_factory=dict)
    form: str = ""
    signature: str = ""
    is_recorded: bool = False

    @property
    def questions(self) -> list[str]:
        """The steps that ask: everyday, then sensitive, then documents singly."""
        asked = [c for c in self.categories if c not in SENSITIVE and c != DOCUMENTS]
        asked += [c for c in self.categories if c in SENSITIVE]
        asked += [f"doc-{n}" for n, _ in self._offered()]
        asked += _APART
        return [*asked, SECRECY] if self.is_secrecy_bound else asked

    def _offered(self) -> list[tuple[int, AskedDocument]]:
        """Documents whose other categories were not refused."""
        return [
            (number, document)
            for number, document in enumerate(self.documents, 1)
            if all(self.answers.get(need) == YES for need in document.needs)
        ]

    @property
    def steps(self) -> list[str]:
        """Every page in its order; without the minimum nothing else is asked."""
        if self.answers.get(MINIMUM) == NO:
            return [*_BEFORE, MINIMUM, CHECK]
        end = [CHECK, SIGN] if self.is_yes else [CHECK]
        return [*_BEFORE, *self.questions, *end]

    @property
    def is_yes(self) -> bool:
        """Whether anything may be passed on."""
        return self.answers.get(MINIMUM) == YES

    @property
    def is_over(self) -> bool:
        """Whether it was signed; then nothing changes any more."""
        return bool(self.form)

    def document(self, step: str) -> AskedDocument | None:
        """The document that a step asks about."""
        return {f"doc-{n}": d for n, d in self._offered()}.get(step)

    def reaches(self, step: str) -> bool:
        """Whether somebody may look at a step: it was reached before."""
        steps = self.steps
        if step not in steps:
            return False
        furthest = self.furthest if self.furthest in steps else self.step
        return steps.index(step) <= (steps.index(furthest) if furthest in steps else 0)

    def at(self, step: str) -> "Round":
        """The round, looking at a step it reached."""
        return replace(self, step=step)

    def before(self) -> str:
        """The step one goes back to; empty at the first."""
        place = self.steps.index(self.step)
        return self.steps[place - 1] if place else ""

    def onward(self) -> "Round":
        """One step on; back to the check page for somebody who came from there."""
        steps = self.steps
        if self.furthest in {CHECK, SIGN} and self.step not in {CHECK, SIGN}:
            return replace(self, step=CHECK, furthest=CHECK)
        place = min(steps.index(self.step) + 1, len(steps) - 1)
        reached = self.furthest
        if reached not in steps or steps.index(reached) < place:
            reached = steps[place]
        return replace(self, step=steps[place], furthest=reached)

    def answered(self, said: str) -> "Round":
        """The answer to the step one is at; anything but yes or no is none."""
        answers = {
            name: value for name, value in self.answers.items() if name != self.step
        }
        if said in {YES, NO}:
            answers[self.step] = said
        return replace(self, answers=answers)

    def said_yes(self, step: str) -> bool:
        """Whether a step that is asked was answered with yes; no answer is no."""
        return step in self.steps and self.answers.get(step) == YES

    @property
    def granted(self) -> frozenset[str]:
        """The categories that may be passed on."""
        if not self.is_yes:
            return frozenset()
        granted = {c for c in self.categories if self.said_yes(c)}
        return frozenset(granted | ({DOCUMENTS} if self.granted_documents else set()))

    @property
    def granted_documents(self) -> frozenset[RecordId]:
        """The documents that may be passed on."""
        return frozenset(d.id for n, d in self._offered() if self.said_yes(f"doc-{n}"))

    @property
    def asked(self) -> tuple[str, ...]:
        """What was asked, as evidence: categories, documents, the rest."""
        return tuple(
            str(document.id) if (document := self.document(step)) else step
            for step in self.steps
            if step in self.questions
        )

    @property
    def values(self) -> Mapping[str, str]:
        """What is filled into the texts; dates look the same in every language."""
        return {"body": self.body, "date": f"{self.valid_until:%d.%m.%Y}"}

    def is_locked(self, now: datetime) -> bool:
        """Whether only staff may go on."""
        return now - self.touched_at >= LOCK_AFTER


def encode_round(one: Round) -> Json:
    """What the session remembers of a round."""
    return {
        "consent": one.consent,
        "case": one.case,
        "epoch": one.epoch,
        "given_by": str(one.given_by),
        "guardians": list(one.guardians),
        "recipient": one.recipient,
        "body": one.body,
        "valid_until": one.valid_until.isoformat(),
        "categories": list(one.categories),
        "documents": [[d.id, d.title, sorted(d.needs)] for d in one.documents],
        "german": one.german,
        "touched_at": one.touched_at.isoformat(),
        "is_secrecy_bound": one.is_secrecy_bound,
        "transfer": one.transfer,
        "language": one.language,
        "step": one.step,
        "furthest": one.furthest,
        "answers": dict(one.answers),
        "form": one.form,
        "signature": one.signature,
        "is_recorded": one.is_recorded,
    }


def decode_round(kept: Json) -> Round:
    """The inverse of ``encode_round``; the session's seal vouches for its form."""
    documents: Sequence[Json] = kept["documents"]
    return Round(
        consent=ConsentId(kept["consent"]),
        case=CaseId(kept["case"]),
        epoch=kept["epoch"],
        given_by=GivenBy(kept["given_by"]),
        guardians=tuple(CaseId(case) for case in kept["guardians"]),
        recipient=kept["recipient"],
        body=kept["body"],
        valid_until=date.fromisoformat(kept["valid_until"]),
        categories=tuple(kept["categories"]),
        documents=tuple(
            AskedDocument(RecordId(d[0]), d[1], frozenset(d[2])) for d in documents
        ),
        german=kept["german"],
        touched_at=datetime.fromisoformat(kept["touched_at"]),
        is_secrecy_bound=kept["is_secrecy_bound"],
        transfer=kept["transfer"],
        language=kept["language"],
        step=kept["step"],
        furthest=kept["furthest"],
        answers=kept["answers"],
        form=kept["form"],
        signature=kept["signature"],
        is_recorded=kept["is_recorded"],
    )
