"""What was said after the key: an answer counts for what its author had read."""

from dataclasses import replace

import pytest

from node.sync.aftermath import aftermath_of
from node.sync.bodies import (
    Memory,
    ReturnAnswerBody,
    ReturnRequestBody,
    WithdrawalAnswerBody,
)
from node.sync.message import sign_statement
from node.sync.words import (
    Answer,
    Reason,
    RejectionCode,
    ReturnAnswer,
    StatementType,
)
from tests.support import statements
from tests.support.statements import KEY, KID, claims_of, digest

WITHDRAWAL = statements.BODIES[StatementType.WITHDRAWAL]


def said(kind, body, *, seq, got=None):
    read = Memory(1, got, digest("theirs")) if got is not None else None
    claims = replace(claims_of(kind), b=body, seq=seq, got=read)
    return sign_statement(claims, KEY, KID).jws


def notice(seq, tags=WITHDRAWAL.tags):
    body = replace(WITHDRAWAL, tags=tags)
    return said(StatementType.WITHDRAWAL, body, seq=seq)


def answer(got, tags=WITHDRAWAL.tags, *, seq=1):
    body = WithdrawalAnswerBody(tags=tags, answer=Answer.ERASED, passed_on=False)
    return said(StatementType.WITHDRAWAL_ANSWER, body, seq=seq, got=got)


@pytest.mark.spec("TRF-20")
@pytest.mark.parametrize(
    ("got", "waiting"), [(None, 2), (3, 2), (4, 1), (6, 1), (7, 0), (99, 0)]
)
def test_an_answer_counts_for_the_notices_its_author_had_taken(got, waiting):
    found = aftermath_of([notice(4), notice(7)], [answer(got)])
    assert len(found.open_notices) == waiting


@pytest.mark.spec("TRF-20")
def test_a_notice_is_open_until_each_of_its_cases_is_answered():
    tags = tuple(sorted([digest("a")[:16], digest("b")[:16]]))
    one = aftermath_of([notice(4, tags)], [answer(4, tags[:1])])
    assert one.open_notices[0].open_tags == {tags[1]}
    both = [answer(4, tags[:1]), answer(4, tags[1:], seq=2)]
    assert aftermath_of([notice(4, tags)], both).open_notices == ()


def test_an_answer_about_another_case_is_none():
    other = (digest("another")[:16],)
    assert aftermath_of([notice(4)], [answer(9, other)]).open_notices


@pytest.mark.spec("TRF-20", "HO-21")
@pytest.mark.parametrize(("got", "is_open"), [(4, True), (5, False)])
def test_a_no_ends_the_request_that_was_read_before_it(got, is_open):
    request = said(
        StatementType.RETURN_REQUEST, ReturnRequestBody(Reason.RETURN), seq=5
    )
    body = ReturnAnswerBody(ReturnAnswer.DECLINED, RejectionCode.CAPACITY)
    no = said(StatementType.RETURN_ANSWER, body, seq=1, got=got)
    assert (aftermath_of([request], [no]).open_request is not None) is is_open


def test_nothing_was_said_and_nothing_is_open():
    found = aftermath_of([], [])
    assert (found.notices, found.open_request, found.passed_on) == ((), None, None)
