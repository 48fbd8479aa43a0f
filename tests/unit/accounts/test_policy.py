"""The permission table: every action by role by relation, and nobody is their own second."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.accounts.model import Account, Role, Scope
from node.accounts.policy import (
    OPERATOR,
    TABLE,
    Action,
    Actor,
    Cell,
    Relation,
    actor_of,
    allowed,
    needs_second,
    require,
)
from node.errors import ForbiddenError
from node.ids import AccountId

ONE = AccountId("01" * 16)
TWO = AccountId("02" * 16)
MARKS = {
    "●": Cell.ANY,
    "◐": Cell.OWN,
    "②": Cell.ANY_TWO,
    "②◐": Cell.OWN_TWO,
    "-": Cell.NO,
}

# Chapter 6 of the field document, as it is printed there: CW AP AD AU OP, then the token;
# witness.* and quorum.* come from exchange-log 5.3; notice.* and return.* from ADR 0042
# statute.list from ADR 0058, case.erase_due from I8.
CHAPTER_6 = """
case.find, list.import, list.undo, break_glass | ● - - - -
case.read, case.print | ◐ ◐ - - -
case.read_sensitive | ◐ - - - -
case.create, case.edit, contact.record, plan.agree, consent.record | ◐ - - - -
rights.export, rights.correct, case.restrict, case.erase_due | ◐ - - - -
protection.set | ◐ - - - -
protection.lift | ②◐ - - - -
consent.withdraw | ● ● - - -
statute.record, case.erase_early | ②◐ - - - -
relocation.record | ◐ - - - - relocations:write
transfer.prepare, transfer.send | ◐ - - - -
transfer.second | ● ● - - -
transfer.call_back, legal_hold.set | ◐ ● - - -
notice.answer, return.ask, return.answer | ◐ ● - - -
offer.read, preview.open, transfer.approve, transfer.refuse | - ● - - -
match.decide, merge, merge.undo | ◐ ◐ - - -
case.assign, deputy.set | ◐ ● ● - -
report.totals | ● ● ● ● - reports:read
report.drill_down | ◐ - - - -
log.read, evidence.export | ◐ ● - ● -
log.verify | ◐ ● - ● ●
log.reveal | - ② - ② -
log.erase | - ② ② - -
witness.read | - ● ● ● ●
quorum.ask | - - ● - ●
quorum.confirm | - ● - - -
access_log.read | - - - ● -
account.invite | - - ● - ●
account.disable | - - ● - -
account.roles | - - ② - -
report.define | - - ● - -
text.verify, statute.list | - - ② - -
settings.change, peer.suspend | - - ● - ●
peer.keys | - - ② - ●
status.read | - - ● - ● metrics:read
maintenance | - - - - ●
"""


def printed() -> dict[str, tuple[list[Cell], Scope | None]]:
    table = {}
    for line in CHAPTER_6.strip().splitlines():
        actions, _, marks = line.partition(" | ")
        cells = marks.split()
        scope = Scope(cells[5]) if len(cells) > 5 else None
        for action in actions.split(", "):
            table[action] = ([MARKS[mark] for mark in cells[:5]], scope)
    return table


def someone(*roles: Role, account: AccountId = ONE) -> Actor:
    return Actor(account, frozenset(roles))


@pytest.mark.spec("DO-39", "SR-B8")
def test_every_cell_answers_as_the_field_document_prints_it():
    table = printed()
    assert set(table) == set(Action) == set(TABLE)
    for action, (cells, _) in table.items():
        for role, cell in zip(Role, cells[:4], strict=True):
            alone = {
                relation: allowed(someone(role), action, relation=relation)
                for relation in Relation
            }
            assert alone == {
                Relation.OWN: cell in {Cell.ANY, Cell.OWN},
                Relation.ANY: cell is Cell.ANY,
            }, (action, role)
            assert {
                relation: needs_second(someone(role), action, relation=relation)
                for relation in Relation
            } == {
                Relation.OWN: cell in {Cell.ANY_TWO, Cell.OWN_TWO},
                Relation.ANY: cell is Cell.ANY_TWO,
            }, (action, role)


@pytest.mark.spec("DO-39", "SR-B11")
def test_the_operator_and_each_token_reach_their_own_lines_only():
    for action, (cells, scope) in printed().items():
        assert allowed(OPERATOR, action) == (cells[4] is Cell.ANY), action
        for held in Scope:
            assert allowed(Actor(scopes=frozenset({held})), action) == (
                held is scope
            ), (
                action,
                held,
            )


@pytest.mark.parametrize("relation", Relation)
def test_nobody_may_do_anything(relation):
    for action in Action:
        assert not allowed(Actor(), action, relation=relation)
        assert not allowed(Actor(ONE), action, relation=relation)
        assert not allowed(Actor(roles=frozenset(Role)), action, relation=relation)


@given(st.text(max_size=30).filter(lambda text: text not in set(Action)))
def test_an_action_without_a_line_is_refused_to_everybody(action):
    everybody = Actor(ONE, frozenset(Role), frozenset(Scope))
    second = Actor(TWO, frozenset(Role))
    assert not allowed(everybody, action, relation=Relation.OWN, second=second)
    assert not allowed(OPERATOR, action)
    assert not needs_second(everybody, action, relation=Relation.OWN)
    with pytest.raises(ForbiddenError) as caught:
        require(everybody, action, relation=Relation.OWN)
    assert caught.value.action == action


@pytest.mark.parametrize("action", [a for a in Action if TABLE[a].seconds])
def test_nobody_is_their_own_second(action):
    for role in Role:
        both = someone(Role.CASEWORKER, Role.APPROVER, role)
        assert not allowed(both, action, relation=Relation.OWN, second=both)
        assert not allowed(
            someone(role), action, relation=Relation.OWN, second=OPERATOR
        )


@pytest.mark.parametrize(
    ("action", "first", "second"),
    [
        (Action.PROTECTION_LIFT, Role.CASEWORKER, Role.CASEWORKER),
        (Action.STATUTE_RECORD, Role.CASEWORKER, Role.APPROVER),
        (Action.CASE_ERASE_EARLY, Role.CASEWORKER, Role.APPROVER),
        (Action.LOG_REVEAL, Role.APPROVER, Role.AUDITOR),
        (Action.LOG_REVEAL, Role.AUDITOR, Role.APPROVER),
        (Action.TEXT_VERIFY, Role.ADMINISTRATOR, Role.ADMINISTRATOR),
        (Action.PEER_KEYS, Role.ADMINISTRATOR, Role.ADMINISTRATOR),
    ],
)
def test_two_hands_of_the_named_roles_may_what_neither_may_alone(action, first, second):
    for other in Role:
        assert allowed(
            someone(first),
            action,
            relation=Relation.OWN,
            second=someone(other, account=TWO),
        ) == (other is second)


@pytest.mark.spec("DO-39", "SR-B7")
def test_roles_and_ways_in_need_an_administrator_and_another_one_or_an_approver():
    for other in Role:
        assert allowed(
            someone(Role.ADMINISTRATOR),
            Action.ACCOUNT_ROLES,
            second=someone(other, account=TWO),
        ) == (other in {Role.ADMINISTRATOR, Role.APPROVER})
        assert not allowed(
            someone(Role.APPROVER),
            Action.ACCOUNT_ROLES,
            second=someone(other, account=TWO),
        )


def test_a_second_hand_never_widens_the_caseload():
    helper = someone(Role.APPROVER, account=TWO)
    assert not allowed(someone(Role.CASEWORKER), Action.STATUTE_RECORD, second=helper)
    assert not allowed(someone(Role.CASEWORKER), Action.CASE_READ, second=helper)


def test_a_second_hand_lends_no_right_to_who_has_none():
    helper = someone(Role.APPROVER, account=TWO)
    for role in (Role.ADMINISTRATOR, Role.AUDITOR):
        assert not allowed(
            someone(role), Action.STATUTE_RECORD, relation=Relation.OWN, second=helper
        )


@pytest.mark.spec("SR-B8", "DO-40")
def test_administrators_and_auditors_and_the_operator_see_no_case():
    content = [
        a for a in Action if a.startswith(("case.read", "case.print", "case.find"))
    ]
    content += [Action.OFFER_READ, Action.PREVIEW_OPEN, Action.REPORT_DRILL_DOWN]
    for action in content:
        for actor in (someone(Role.ADMINISTRATOR), someone(Role.AUDITOR), OPERATOR):
            assert not allowed(actor, action, relation=Relation.OWN)


def test_two_roles_in_one_hand_reach_what_either_reaches():
    both = someone(Role.CASEWORKER, Role.APPROVER)
    assert allowed(both, Action.CASE_FIND)
    assert allowed(both, Action.TRANSFER_APPROVE)
    assert not allowed(both, Action.ACCOUNT_INVITE)


def test_an_account_outside_its_days_is_nobody():
    account = Account(
        ONE,
        "anna",
        "Anna",
        frozenset({Role.APPROVER}),
        date(2021, 1, 1),
        date(2021, 6, 30),
    )
    assert allowed(actor_of(account, on=date(2021, 6, 30)), Action.OFFER_READ)
    assert not allowed(actor_of(account, on=date(2021, 7, 1)), Action.OFFER_READ)


def test_require_is_silent_where_the_table_says_yes():
    require(someone(Role.APPROVER), Action.OFFER_READ)
