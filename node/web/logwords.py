"""The exchange log in sentences: what happened, and what a check has found.

Enters: lines, entries, answers and findings. Leaves: words. Must never happen here: a name
of a person, which no entry holds; a hash outside "technical details". Implements screens
S11 and flow G.
"""

from collections.abc import Mapping

from node.exchangelog.finding import Code, Finding, Report, Verdict
from node.exchangelog.kinds import EntryType
from node.report.eight import Answer, Judged, Question
from node.web.language import Words, msgid

_T = EntryType

_SENTENCES: Mapping[EntryType, str] = {
    _T.TRANSFER_WITHHELD: msgid("Handover %(number)s to %(office)s was held back."),
    _T.TRANSFER_SENT: msgid(
        "Handover %(number)s with %(persons)s persons was sealed for %(office)s."
    ),
    _T.TRANSFER_GRANTED: msgid(
        "The key of handover %(number)s was handed to %(office)s; the consent was checked"
        " again."
    ),
    _T.TRANSFER_DENIED: msgid(
        "The key of handover %(number)s was not handed to %(office)s."
    ),
    _T.TRANSFER_RECALLED: msgid("Handover %(number)s to %(office)s ended unopened."),
    _T.TRANSFER_DELIVERED: msgid("Handover %(number)s lies sealed at %(office)s."),
    _T.TRANSFER_COMPLETED: msgid("Handover %(number)s was taken over by %(office)s."),
    _T.TRANSFER_SECURED: msgid("Handover %(number)s is secured at %(office)s."),
    _T.SOURCE_ERASING: msgid("Erasing the copy of handover %(number)s has begun."),
    _T.SOURCE_ERASED: msgid("The copy of handover %(number)s was erased."),
    _T.TRANSFER_RECEIVED: msgid("Handover %(number)s arrived sealed from %(office)s."),
    _T.TRANSFER_REJECTED: msgid(
        "Handover %(number)s from %(office)s was refused by a rule."
    ),
    _T.TRANSFER_APPROVED: msgid("Handover %(number)s from %(office)s was approved."),
    _T.TRANSFER_REFUSED: msgid("Handover %(number)s from %(office)s was refused."),
    _T.TRANSFER_IMPORTED: msgid(
        "Handover %(number)s with %(persons)s persons from %(office)s was opened."
    ),
    _T.TRANSFER_BACKED_UP: msgid("Handover %(number)s is in a verified backup."),
    _T.TRANSFER_DROPPED: msgid("Handover %(number)s from %(office)s ended unopened."),
    _T.NOTICE_SENT: msgid(
        "%(office)s was told of a withdrawal after handover %(number)s."
    ),
    _T.NOTICE_TAKEN: msgid(
        "%(office)s told of a withdrawal after handover %(number)s."
    ),
    _T.NOTICE_ANSWERED: msgid("The withdrawal after handover %(number)s was answered."),
    _T.EXPORT_SEALED: msgid("Handover %(number)s was sealed into a file."),
    _T.EXPORT_TOLD: msgid("The password of handover %(number)s was told."),
    _T.EXPORT_ACKNOWLEDGED: msgid("The file of handover %(number)s was acknowledged."),
    _T.CONSENT_RECORDED: msgid("A consent was recorded."),
    _T.CONSENT_WITHDRAWN: msgid("A consent was withdrawn."),
    _T.CONSENT_REPLACED: msgid("A consent was replaced by a newer one."),
    _T.AUDIT_VIEWED: msgid("Somebody checked entries of this log."),
    _T.AUDIT_REVEALED: msgid("A case number was revealed."),
    _T.AUDIT_EXPORTED: msgid("Evidence was taken out of this log."),
    _T.HOLD_SET: msgid("A hold on erasing was set."),
    _T.HOLD_RELEASED: msgid("A hold on erasing was lifted."),
    _T.LOG_ERASURE: msgid("An erasure of old entries was ordered."),
    _T.LOG_ERASED: msgid("Old entries were erased."),
    _T.LOG_OPENED: msgid("This log was begun."),
    _T.LOG_RECOVERED: msgid("This log goes on after a restore."),
    _T.KEY_ADDED: msgid("A key was added."),
    _T.KEY_RETIRED: msgid("A key was retired."),
    _T.PEER_CHANGED: msgid("The record of another office changed."),
    _T.POLICY_CHANGED: msgid("A rule of the log changed."),
    _T.WITNESS_RESUMED: msgid("A witness goes on after a break."),
    _T.WITNESS_CONFLICT: msgid("Another log showed two histories."),
    _T.OPERATOR_OVERRIDE: msgid("An operator overrode a rule of the log."),
}

_ROLES: Mapping[str, str] = {
    "caseworker": msgid("Caseworker"),
    "approver": msgid("Approver"),
    "administrator": msgid("Administrator"),
    "auditor": msgid("Auditor"),
    "operator": msgid("Operator"),
    "system": msgid("the program"),
}

AREAS: Mapping[str, str] = {
    "transfer": msgid("Handovers"),
    "consent": msgid("Consents"),
    "notice": msgid("Withdrawals after a handover"),
    "audit": msgid("Looks into the log"),
    "log": msgid("The log itself"),
}

OUTCOMES: Mapping[str, tuple[str, frozenset[EntryType]]] = {
    "taken": (
        msgid("taken over"),
        frozenset((_T.TRANSFER_COMPLETED, _T.TRANSFER_IMPORTED)),
    ),
    "refused": (
        msgid("refused"),
        frozenset((_T.TRANSFER_REFUSED, _T.TRANSFER_REJECTED, _T.TRANSFER_DENIED)),
    ),
    "ended": (
        msgid("ended unopened"),
        frozenset((_T.TRANSFER_RECALLED, _T.TRANSFER_DROPPED)),
    ),
    "withheld": (msgid("held back"), frozenset((_T.TRANSFER_WITHHELD,))),
}
"""What a handover came to: words, and the entries that say so."""

_ASKED: Mapping[Question, str] = {
    Question.STEPS: msgid("All steps are there and in order."),
    Question.INCLUDED: msgid("Each entry stands unchanged in our log."),
    Question.CONTINUED: msgid("Our log was only ever continued."),
    Question.OUR_SIGNATURES: msgid("Our signatures are valid."),
    Question.THEIR_SIGNATURES: msgid(
        "What %(office)s signed is valid under the keys of that day."
    ),
    Question.BOTH_SIDES: msgid("Both sides say the same."),
    Question.WITNESSES: msgid("Witnesses have seen these states: %(n)s of %(m)s."),
    Question.CONSENT: msgid(
        "The consent was valid and covered what was sent, at sending and when the key was"
        " given."
    ),
}

_WORDS_GONE = msgid(
    "The signed statements were erased with the record of the handover, after its years."
)
_WHY: Mapping[tuple[Question, str], str] = {
    (Question.STEPS, "erased"): msgid("A part was lawfully erased after its time."),
    (Question.STEPS, "gap"): msgid("An entry does not name the one before it."),
    (Question.STEPS, "order"): msgid("An entry is older than the one before it."),
    (Question.INCLUDED, "changed"): msgid("An entry is not what was signed."),
    (Question.INCLUDED, "unsigned"): msgid("The newest entry is not signed yet."),
    (Question.CONTINUED, "changed"): msgid("The whole check found a change."),
    (Question.CONTINUED, "missing"): msgid("The whole check found something missing."),
    (Question.OUR_SIGNATURES, "checkpoint"): msgid("A signed state does not hold."),
    (Question.OUR_SIGNATURES, "statement"): msgid(
        "One of our statements does not hold."
    ),
    (Question.OUR_SIGNATURES, "unsigned"): msgid("Nothing is signed yet."),
    (Question.OUR_SIGNATURES, "erased"): _WORDS_GONE,
    (Question.THEIR_SIGNATURES, "erased"): _WORDS_GONE,
    (Question.THEIR_SIGNATURES, "silent"): msgid(
        "The other side has signed nothing yet."
    ),
    (Question.THEIR_SIGNATURES, "statement"): msgid(
        "One of their statements does not hold, or its key is not known here."
    ),
    (Question.BOTH_SIDES, "silent"): msgid("The other side has shown no entry yet."),
    (Question.BOTH_SIDES, "unproven"): msgid(
        "A proof of the other side does not hold."
    ),
    (Question.BOTH_SIDES, "erased"): msgid("An entry of the other side was erased."),
    (Question.BOTH_SIDES, "other"): msgid("An entry is about something else."),
    (Question.BOTH_SIDES, "differ"): msgid("The entries of both sides contradict."),
    (Question.WITNESSES, "unseen"): msgid("No witness has cosigned so far yet."),
    (Question.CONSENT, "unshown"): msgid("The entry of the sending is not here yet."),
    (Question.CONSENT, "none"): msgid("The entry of the sending names too few bases."),
    (Question.CONSENT, "late"): msgid("A consent was recorded after the sending."),
    (Question.CONSENT, "gone"): msgid("A basis of the sending was gone at the key."),
    (Question.CONSENT, "sent_only"): msgid("The key was not handed over yet."),
}

_FOUND: Mapping[Code, str] = {
    Code.LEAF_CHANGED: msgid("Entry %(index)s was changed."),
    Code.LEAF_MISSING: msgid("Entry %(index)s is missing."),
    Code.LEAF_EXTRA: msgid("From entry %(index)s on something was added."),
    Code.ORDER_CHANGED: msgid("From entry %(index)s on the order was changed."),
    Code.TAIL_CUT: msgid("The end after entry %(index)s was cut off."),
    Code.REWRITTEN: msgid("From entry %(index)s on the log was written anew."),
    Code.FORK: msgid("Two states were signed for size %(index)s."),
    Code.BODY_CHANGED: msgid("The content of entry %(index)s was changed."),
    Code.TILE_DIFFERS: msgid("A stored sum at entry %(index)s is wrong."),
    Code.CHECKPOINT_SIGNATURE_BAD: msgid("The signed state %(index)s does not hold."),
    Code.CHECKPOINT_NOT_EXTENDING: msgid(
        "The signed state %(index)s was not continued."
    ),
    Code.COSIGNATURE_BAD: msgid("A cosignature of state %(index)s does not hold."),
    Code.MISSING: msgid("The content of entry %(index)s is missing."),
    Code.ERASED_WITHOUT_GROUND: msgid("Entry %(index)s was erased without a ground."),
    Code.CHAIN_GAP: msgid("Entry %(index)s does not follow the one before it."),
    Code.ERASED_LAWFUL: msgid("From entry %(index)s on a part was lawfully erased."),
    Code.TIME_OUTSIDE: msgid(
        "The time of entry %(index)s does not fit its signatures."
    ),
}
_ELSE = msgid("Something is not in order at entry %(index)s.")

_VERDICTS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.VERIFIED: ("success", msgid("Sound.")),
    Verdict.TAMPERED: ("danger", msgid("Conspicuous.")),
    Verdict.INCOMPLETE: ("warning", msgid("Not completely checkable.")),
}


def sentence(
    kind: EntryType | None,
    words: Words,
    *,
    number: str = "",
    office: str = "",
    persons: int | None = None,
) -> str:
    """What an entry tells; None is one that was erased."""
    if kind is None:
        return words.gettext("This entry was erased after its time.")
    return words.gettext(_SENTENCES[kind]) % {
        "number": number,
        "office": office,
        "persons": "" if persons is None else words.number(persons),
    }


def role_word(role: str, words: Words) -> str:
    """In which role somebody acted."""
    return words.gettext(_ROLES[role]) if role in _ROLES else ""


def answers_of(judged: Judged, office: str, words: Words) -> list[Mapping[str, object]]:
    """The eight sentences for the page; ``ok`` is true, false or None."""
    return [_answer(answer, office, words) for answer in judged.answers]


def _answer(answer: Answer, office: str, words: Words) -> Mapping[str, object]:
    n, m = (words.number(count) for count in answer.counted)
    text = words.gettext(_ASKED[answer.question]) % {"office": office, "n": n, "m": m}
    why = _WHY.get((answer.question, answer.why))
    return {
        "ok": answer.ok,
        "text": text,
        "detail": words.gettext(why) if why else "",
    }


def verdict_of(judged: Judged, words: Words) -> tuple[str, str]:
    """The verdict about one transfer: kind of the alert, and its words."""
    kind, text = _VERDICTS[judged.verdict]
    if judged.verdict is Verdict.TAMPERED:
        found = words.gettext("Conspicuous: %(bad)s of %(all)s.")
        return kind, found % {"bad": judged.bad, "all": len(judged.answers)}
    return kind, words.gettext(text)


def verdict_words(verdict: Verdict, words: Words) -> tuple[str, str]:
    """A verdict: kind of the alert, and its word."""
    kind, text = _VERDICTS[verdict]
    return kind, words.gettext(text)


def verdict_of_log(report: Report, words: Words) -> tuple[str, str]:
    """The verdict about the whole log."""
    return verdict_words(report.verdict, words)


def finding_sentence(finding: Finding, words: Words) -> str:
    """One finding in words."""
    text = words.gettext(_FOUND.get(finding.code, _ELSE))
    return text % {"index": words.number(finding.index)}


def grouped(digest: bytes) -> str:
    """A checksum in groups of four, so that it can be read aloud."""
    text = digest.hex()
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))
