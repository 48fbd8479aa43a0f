"""Eight questions about one transfer, and what the log answers to each.

Enters: the dossier of a transfer, the report over the whole log, the keys of the
directory. Leaves: eight answers and a verdict. Must never happen: a yes to something that
was not looked at; an answer that names a person. Implements flow G, step 2; exchange-log 8
(the eight sentences); SC-56.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum, unique
from typing import Final

from node.errors import MalformedMessageError, SignatureError
from node.exchangelog.entry import Entry
from node.exchangelog.finding import Code, Report, Verdict, Weight
from node.exchangelog.kinds import EntryType
from node.ids import MemberId
from node.report.logview import Dossier, OwnEntry, TheirEntry
from node.sync.message import open_statement, statement_kid
from node.trust.directory import Directory

_T = EntryType
_SIGNATURES: Final = frozenset({Code.CHECKPOINT_SIGNATURE_BAD, Code.COSIGNATURE_BAD})


@unique
class Question(StrEnum):
    """What is asked, in the order of the page."""

    STEPS = "steps"
    INCLUDED = "included"
    CONTINUED = "continued"
    OUR_SIGNATURES = "our_signatures"
    THEIR_SIGNATURES = "their_signatures"
    BOTH_SIDES = "both_sides"
    WITNESSES = "witnesses"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Answer:
    """``ok`` is None where nothing can be said; ``why`` is then, or for a no, a code.

    ``counted`` is (n, m) where the sentence has numbers.
    """

    question: Question
    ok: bool | None
    why: str = ""
    counted: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Judged:
    """All eight answers and what follows from them."""

    answers: tuple[Answer, ...]

    @property
    def bad(self) -> int:
        """How many are a no."""
        return sum(answer.ok is False for answer in self.answers)

    @property
    def verdict(self) -> Verdict:
        """One no is tampering, one gap is incomplete."""
        if self.bad:
            return Verdict.TAMPERED
        if any(answer.ok is None for answer in self.answers):
            return Verdict.INCOMPLETE
        return Verdict.VERIFIED


@dataclass(frozen=True, slots=True)
class Ours:
    """Who we are, and which cosignature is our own and counts for nothing."""

    member: MemberId
    witness_name: str


def judge(
    dossier: Dossier, report: Report, directory: Directory, *, ours: Ours
) -> Judged:
    """Ask all eight.

    Args:
        dossier: The transfer, every proof tried.
        report: The check of the whole log, made in the same unit.
        directory: For the keys that statements were signed with.
        ours: This node.
    """
    return Judged(
        (
            _steps(dossier),
            _included(dossier, report),
            _continued(report),
            _our_signatures(dossier, report, directory, ours=ours),
            _their_signatures(dossier, directory),
            _both_sides(dossier, ours=ours),
            _witnesses(dossier, directory, ours=ours),
            _consent(dossier),
        )
    )


def _steps(dossier: Dossier) -> Answer:
    """Each own entry names the one before it, and time does not run back."""
    question, before, latest = Question.STEPS, None, None
    for item in dossier.own:
        if item.entry is None:
            return Answer(question, ok=None, why="erased")
        if item.entry.prev != before:
            return Answer(question, ok=False, why="gap")
        if latest is not None and item.entry.at < latest:
            return Answer(question, ok=False, why="order")
        before, latest = item.c.hex(), item.entry.at
    return Answer(question, ok=True, counted=(len(dossier.own), len(dossier.own)))


def _included(dossier: Dossier, report: Report) -> Answer:
    """Each own entry stands under our newest signature, its body unchanged."""
    question, ours = Question.INCLUDED, {item.index for item in dossier.own}
    proofs = [item.is_included for item in dossier.own]
    changed = any(
        finding.code is Code.BODY_CHANGED and finding.index in ours
        for finding in report.findings
    )
    if changed or False in proofs:
        return Answer(question, ok=False, why="changed")
    if None in proofs:
        return Answer(question, ok=None, why="unsigned")
    return Answer(question, ok=True, counted=(len(proofs), len(proofs)))


def _continued(report: Report) -> Answer:
    question = Question.CONTINUED
    weights = {f.code.weight for f in report.findings if f.code not in _SIGNATURES}
    if Weight.PROOF in weights:
        return Answer(question, ok=False, why="changed")
    if Weight.GAP in weights:
        return Answer(question, ok=None, why="missing")
    return Answer(question, ok=True, counted=(report.size, report.size))


def _our_signatures(
    dossier: Dossier, report: Report, directory: Directory, *, ours: Ours
) -> Answer:
    question = Question.OUR_SIGNATURES
    if any(finding.code in _SIGNATURES for finding in report.findings):
        return Answer(question, ok=False, why="checkpoint")
    if dossier.gone_on is not None:
        return Answer(question, ok=None, why="erased")
    good, total = _signed_by(dossier.said, ours.member, directory)
    if good < total:
        return Answer(question, ok=False, why="statement")
    if report.checked.checkpoints == 0:
        return Answer(question, ok=None, why="unsigned")
    return Answer(question, ok=True, counted=(good, total))


def _their_signatures(dossier: Dossier, directory: Directory) -> Answer:
    question, peer = Question.THEIR_SIGNATURES, dossier.peer
    if dossier.gone_on is not None:
        return Answer(question, ok=None, why="erased")
    if peer is None or not dossier.heard:
        return Answer(question, ok=None, why="silent")
    good, total = _signed_by(dossier.heard, peer, directory)
    ok = good == total
    return Answer(question, ok=ok, why="" if ok else "statement", counted=(good, total))


def _signed_by(
    statements: Iterable[str], issuer: MemberId, directory: Directory
) -> tuple[int, int]:
    """How many statements the issuer signed with a key that was valid then."""
    good = total = 0
    for jws in statements:
        total += 1
        try:
            kid = statement_kid(jws)
            listed = directory.holdings.signers.get(kid)
            if listed is None:
                continue
            claims = open_statement(jws, listed.key).claims
        except (MalformedMessageError, SignatureError):
            continue
        good += claims.iss == issuer and listed.is_valid(claims.iat)
    return good, total


def _both_sides(dossier: Dossier, *, ours: Ours) -> Answer:
    """What they showed is proven, is about this transfer, and says what ours say."""
    question = Question.BOTH_SIDES
    if not dossier.theirs:
        return Answer(question, ok=None, why="silent")
    if any(item.proven_at is None for item in dossier.theirs):
        return Answer(question, ok=False, why="unproven")
    shown = [item.entry for item in dossier.theirs if item.entry is not None]
    if len(shown) < len(dossier.theirs):
        return Answer(question, ok=None, why="erased")
    for entry in shown:
        about = (entry.more.get("transfer"), entry.more.get("peer"))
        if about != (str(dossier.transfer), str(ours.member)):
            return Answer(question, ok=False, why="other")
    own = [item.entry for item in dossier.own if item.entry is not None]
    if not _agree([*own, *shown]):
        return Answer(question, ok=False, why="differ")
    return Answer(question, ok=True, counted=(len(shown), len(shown)))


def _agree(entries: Sequence[Entry]) -> bool:
    """One container, one scope from sent to received, no more taken than approved."""
    packets = {e.more["packet"] for e in entries if e.more.get("packet")}
    scopes = {e.type: set(e.more["scope"]) for e in entries if "scope" in e.more}
    sent, received = scopes.get(_T.TRANSFER_SENT), scopes.get(_T.TRANSFER_RECEIVED)
    approved = scopes.get(_T.TRANSFER_APPROVED)
    imported = scopes.get(_T.TRANSFER_IMPORTED)
    return (
        len(packets) <= 1
        and (sent is None or received is None or received <= sent)
        and (sent is None or approved is None or approved <= sent)
        and (approved is None or imported is None or imported <= approved)
    )


def _witnesses(dossier: Dossier, directory: Directory, *, ours: Ours) -> Answer:
    """Which other towns have cosigned a head of ours above these entries."""
    question = Question.WITNESSES
    total = sum(member.id != ours.member for member in directory.members())
    others = [w for w in dossier.witnesses if w.name != ours.witness_name]
    last = max(item.index for item in dossier.own)
    seen = sum(witness.size > last for witness in others)
    if not seen:
        return Answer(question, ok=None, why="unseen", counted=(0, total))
    return Answer(question, ok=True, counted=(seen, total))


def _consent(dossier: Dossier) -> Answer:
    """A basis stood when it was sent, and the same one when the key was handed over."""
    question = Question.CONSENT
    everything: tuple[OwnEntry | TheirEntry, ...] = (*dossier.theirs, *dossier.own)
    entries = {
        item.entry.type: (item.index, item.entry)
        for item in everything
        if item.entry is not None and item.index is not None
    }
    if _T.TRANSFER_SENT not in entries:
        return Answer(question, ok=None, why="unshown")
    place, sent = entries[_T.TRANSFER_SENT]
    grounds = _grounds(sent)
    if not grounds or len(grounds) < sent.more["persons"]:
        return Answer(question, ok=False, why="none")
    here = dict(dossier.grounds)
    if any(here.get(name, -1) >= place for name in _named(sent)):
        return Answer(question, ok=False, why="late")
    counted = (len(grounds), sent.more["persons"])
    if _T.TRANSFER_GRANTED not in entries:
        return Answer(question, ok=True, why="sent_only", counted=counted)
    if not grounds <= _grounds(entries[_T.TRANSFER_GRANTED][1]):
        return Answer(question, ok=False, why="gone")
    return Answer(question, ok=True, counted=counted)


def _grounds(entry: Entry) -> frozenset[str]:
    """What an entry rests on: blinded consents, or paragraphs."""
    return frozenset(
        ground.get("c") or f"statute:{number}:{ground['statute']}"
        for number, ground in enumerate(entry.more["consents"])
    )


def _named(entry: Entry) -> frozenset[str]:
    """The consent entries that an entry names: recorded at, and the newest then."""
    return frozenset(
        ground[name]
        for ground in entry.more["consents"]
        for name in ("at", "head")
        if name in ground
    )
