"""The copy of a consent on paper: the person's own language first, the German beside it.

Enters: what the copy says, the signature's picture. Leaves: a sheet for the press. Must never
happen: a sentence in one language alone where there are two; a date that a line from the
right turns round. Implements flow C, step 7; SC-40, SC-67.
"""

from base64 import b64encode
from collections.abc import Iterator

from node.report import consentcopy
from node.report.consentcopy import ConsentCopy, Said, Sentence
from node.report.sheet import (
    Block,
    Facts,
    Heading,
    Pair,
    Picture,
    Sheet,
    Stamp,
    Text,
    isolated,
)
from node.web.language import Words


def consent_sheet(copy: ConsentCopy, words: Words, signature: bytes) -> Sheet:
    """The copy as a sheet.

    Args:
        copy: What it says.
        words: The German ones.
        signature: The picture, empty where nobody signed by finger.
    """
    title = copy.title
    return Sheet(
        title=_plain(title.own or title.german),
        number=copy.number,
        blocks=tuple(_blocks(copy, words, signature)),
    )


def _blocks(copy: ConsentCopy, words: Words, signature: bytes) -> Iterator[Block]:
    tag = copy.tongue.tag
    if copy.title.own:
        yield Heading(_plain(copy.title.german))
    if copy.draft:
        yield Stamp(_own(copy, copy.draft.own), tag)
        yield Stamp(_plain(copy.draft.german))
    if copy.withdrawn_on:
        yield Stamp(
            words.gettext("Withdrawn on %(day)s")
            % {"day": words.day(copy.withdrawn_on)}
        )
    yield Facts(((words.gettext("Person"), copy.person),))
    for pair in copy.about:
        yield _pair(copy, pair)
    for said in copy.answers:
        yield _answer(copy, said)
    for pair in copy.statement:
        yield _pair(copy, pair)
    yield from _signed(copy, words, signature)
    for pair in copy.rights:
        yield _pair(copy, pair)
    yield Text("\n".join((copy.body, *copy.contact)))
    yield Text(
        words.gettext("Text signed: %(version)s") % {"version": copy.version},
        is_small=True,
    )


def _signed(copy: ConsentCopy, words: Words, signature: bytes) -> Iterator[Block]:
    """How it was signed, when, and who was there."""
    signed_on = words.day(copy.signed_on) if copy.signed_on else ""
    yield Facts(
        (
            (words.gettext("Form"), words.code(copy.form, "consent_form")),
            (words.gettext("Recorded on"), signed_on),
            (words.gettext("Interpreter"), copy.interpreter),
            (words.gettext("Witness"), copy.witness),
        )
    )
    if signature:
        yield Picture(
            b64encode(signature).decode(), words.gettext("Signature of the person")
        )


def _answer(copy: ConsentCopy, said: Said) -> Block:
    """Yes or no before its question; below it the document, if it is about one."""
    answer = copy.yes if said.is_yes else copy.no
    below: Sentence = (("\n", False), (said.title, True)) if said.title else ()
    between: Sentence = ((": ", False),)
    return _pair(
        copy,
        consentcopy.Pair(
            (*answer.own, *between, *said.question.own, *below) if answer.own else (),
            (*answer.german, *between, *said.question.german, *below),
        ),
    )


def _pair(copy: ConsentCopy, pair: consentcopy.Pair) -> Block:
    german = _plain(pair.german)
    if not pair.own:
        return Text(german)
    return Pair(_own(copy, pair.own), german, copy.tongue.tag)


def _plain(sentence: Sentence) -> str:
    return "".join(part for part, _ in sentence)


def _own(copy: ConsentCopy, sentence: Sentence) -> str:
    if copy.tongue.direction == "ltr":
        return _plain(sentence)
    return "".join(isolated(part) if filled else part for part, filled in sentence)
