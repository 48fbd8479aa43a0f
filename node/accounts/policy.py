"""Who may do what: one table, deny by default.

Enters: who asks, the action, how they stand to the thing. Leaves: yes, or
``ForbiddenError``. Must never happen here: an action without a line is allowed, or a person
is their own second. Use cases ask ``require``; pages ask ``allowed`` to hide a button, and
that is all a page decides. Implements chapter 6 of the field document, SR-B7, SR-B8, DO-39.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum, unique
from typing import Final, Protocol

from node.accounts.emergency import READABLE
from node.accounts.model import Account, Role, Scope
from node.errors import ForbiddenError
from node.ids import AccountId, CaseId


@unique
class Action(StrEnum):
    """Everything the table knows; what is missing here is refused."""

    CASE_FIND = "case.find"
    CASE_READ = "case.read"
    CASE_READ_SENSITIVE = "case.read_sensitive"
    CASE_PRINT = "case.print"
    CASE_CREATE = "case.create"
    CASE_EDIT = "case.edit"
    CASE_ASSIGN = "case.assign"
    CASE_ERASE_EARLY = "case.erase_early"
    CASE_ERASE_DUE = "case.erase_due"
    CASE_RESTRICT = "case.restrict"
    BREAK_GLASS = "break_glass"
    LIST_IMPORT = "list.import"
    LIST_UNDO = "list.undo"
    CONTACT_RECORD = "contact.record"
    PLAN_AGREE = "plan.agree"
    CONSENT_RECORD = "consent.record"
    CONSENT_WITHDRAW = "consent.withdraw"
    RIGHTS_EXPORT = "rights.export"
    RIGHTS_CORRECT = "rights.correct"
    PROTECTION_SET = "protection.set"
    PROTECTION_LIFT = "protection.lift"
    STATUTE_RECORD = "statute.record"
    STATUTE_LIST = "statute.list"
    RELOCATION_RECORD = "relocation.record"
    TRANSFER_PREPARE = "transfer.prepare"
    TRANSFER_SEND = "transfer.send"
    TRANSFER_SECOND = "transfer.second"
    TRANSFER_CALL_BACK = "transfer.call_back"
    LEGAL_HOLD_SET = "legal_hold.set"
    NOTICE_ANSWER = "notice.answer"
    RETURN_ASK = "return.ask"
    RETURN_ANSWER = "return.answer"
    OFFER_READ = "offer.read"
    PREVIEW_OPEN = "preview.open"
    TRANSFER_APPROVE = "transfer.approve"
    TRANSFER_REFUSE = "transfer.refuse"
    MATCH_DECIDE = "match.decide"
    MERGE = "merge"
    MERGE_UNDO = "merge.undo"
    DEPUTY_SET = "deputy.set"
    REPORT_TOTALS = "report.totals"
    REPORT_DRILL_DOWN = "report.drill_down"
    LOG_READ = "log.read"
    LOG_VERIFY = "log.verify"
    LOG_REVEAL = "log.reveal"
    LOG_ERASE = "log.erase"
    EVIDENCE_EXPORT = "evidence.export"
    WITNESS_READ = "witness.read"
    QUORUM_ASK = "quorum.ask"
    QUORUM_CONFIRM = "quorum.confirm"
    ACCESS_LOG_READ = "access_log.read"
    ACCOUNT_INVITE = "account.invite"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_ROLES = "account.roles"
    REPORT_DEFINE = "report.define"
    TEXT_VERIFY = "text.verify"
    SETTINGS_CHANGE = "settings.change"
    PEER_SUSPEND = "peer.suspend"
    PEER_KEYS = "peer.keys"
    STATUS_READ = "status.read"
    MAINTENANCE = "maintenance"


@unique
class Relation(StrEnum):
    """How the one who asks stands to the thing.

    ``OWN`` is the own caseload, an active deputyship, an own transfer, or for an approver
    a transfer in hand until its match is settled; who calls proves it. ``ANY`` is the rest.
    """

    OWN = "own"
    ANY = "any"


class Held(Protocol):
    """A case, as far as it matters whose it is."""

    @property
    def id(self) -> CaseId:
        """Its number."""
        ...

    @property
    def caseworker(self) -> AccountId | None:
        """Whose it is."""
        ...


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: a person with roles, a program with scopes, or the operator.

    ``account`` is None for the last two. Both lists empty and ``is_operator`` false: nobody.
    ``stands_in_for`` are the colleagues whose caseload is in their hands today,
    ``emergencies`` the cases that an emergency access opens to them now, and
    ``protection_open`` those of them whose protection a second person opened.
    """

    account: AccountId | None = None
    roles: frozenset[Role] = frozenset()
    scopes: frozenset[Scope] = frozenset()
    is_operator: bool = False
    stands_in_for: frozenset[AccountId] = frozenset()
    emergencies: frozenset[CaseId] = frozenset()
    protection_open: frozenset[CaseId] = frozenset()

    @property
    def caseloads(self) -> frozenset[AccountId]:
        """Whose caseloads are in their hands today: the own one and those they stand in for."""
        own = frozenset() if self.account is None else {self.account}
        return self.stands_in_for | own

    def owns(self, caseworker: AccountId | None) -> bool:
        """Whether a case of this caseworker is theirs, or in their hands today."""
        return self.account is not None and (
            caseworker == self.account or caseworker in self.stands_in_for
        )

    def reaches(self, file: "Held", action: str) -> bool:
        """Whether a case is theirs, or open to them for this in an emergency."""
        return self.owns(file.caseworker) or (
            file.id in self.emergencies and action in READABLE
        )

    def sees_protection(self, file: "Held") -> bool:
        """Whether what protects a person (K14) is shown to them."""
        return self.owns(file.caseworker) or file.id in self.protection_open


OPERATOR: Final = Actor(is_operator=True)
"""The command line: it shows no case content."""


def actor_of(account: Account, *, on: date) -> Actor:
    """The account as one who asks; outside its days it may do nothing."""
    return Actor(account.id, account.roles if account.is_active(on) else frozenset())


@unique
class Cell(StrEnum):
    """What one column says about one action; the marks are those of the field document."""

    NO = "-"
    ANY = "●"
    OWN = "◐"
    ANY_TWO = "②"
    OWN_TWO = "②◐"

    @property
    def needs_two(self) -> bool:
        """Whether a second account must have confirmed."""
        return self in {Cell.ANY_TWO, Cell.OWN_TWO}

    def covers(self, relation: Relation) -> bool:
        """Whether the cell reaches a thing that stands so to the one who asks."""
        match self:
            case Cell.NO:
                return False
            case Cell.ANY | Cell.ANY_TWO:
                return True
            case Cell.OWN | Cell.OWN_TWO:
                return relation is Relation.OWN


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table; ``seconds`` lists the roles that may be the second hand.

    Where it lists two, the hands have different ones, unless they may be ``alike``.
    """

    caseworker: Cell
    approver: Cell
    administrator: Cell
    auditor: Cell
    operator: Cell = Cell.NO
    scope: Scope | None = None
    seconds: frozenset[Role] = frozenset()
    alike: bool = False

    def of(self, role: Role) -> Cell:
        """The cell of a role."""
        match role:
            case Role.CASEWORKER:
                return self.caseworker
            case Role.APPROVER:
                return self.approver
            case Role.ADMINISTRATOR:
                return self.administrator
            case Role.AUDITOR:
                return self.auditor


_A = Action
_N, _ANY, _OWN, _TWO, _OWN2 = Cell.NO, Cell.ANY, Cell.OWN, Cell.ANY_TWO, Cell.OWN_TWO
_CW = frozenset({Role.CASEWORKER})
_AP = frozenset({Role.APPROVER})
_AD = frozenset({Role.ADMINISTRATOR})
_LOG = frozenset({Role.APPROVER, Role.AUDITOR})

# fmt: off
TABLE: Final[Mapping[str, Line]] = {
    #                           CW     AP     AD     AU     OP    token, second hand
    _A.CASE_FIND:           Line(_ANY,  _N,    _N,    _N),
    _A.CASE_READ:           Line(_OWN,  _OWN,  _N,    _N),
    _A.CASE_READ_SENSITIVE: Line(_OWN,  _N,    _N,    _N),
    _A.CASE_PRINT:          Line(_OWN,  _OWN,  _N,    _N),
    _A.CASE_CREATE:         Line(_OWN,  _N,    _N,    _N),
    _A.CASE_EDIT:           Line(_OWN,  _N,    _N,    _N),
    _A.CASE_ASSIGN:         Line(_OWN,  _ANY,  _ANY,  _N),
    _A.CASE_ERASE_EARLY:    Line(_OWN2, _N,    _N,    _N,   seconds=_AP),
    # I8: a retention rule on a confirmed clock is the second hand.
    _A.CASE_ERASE_DUE:      Line(_OWN,  _N,    _N,    _N),
    _A.CASE_RESTRICT:       Line(_OWN,  _N,    _N,    _N),
    _A.BREAK_GLASS:         Line(_ANY,  _N,    _N,    _N),
    _A.LIST_IMPORT:         Line(_ANY,  _N,    _N,    _N),
    _A.LIST_UNDO:           Line(_ANY,  _N,    _N,    _N),
    _A.CONTACT_RECORD:      Line(_OWN,  _N,    _N,    _N),
    _A.PLAN_AGREE:          Line(_OWN,  _N,    _N,    _N),
    _A.CONSENT_RECORD:      Line(_OWN,  _N,    _N,    _N),
    _A.CONSENT_WITHDRAW:    Line(_ANY,  _ANY,  _N,    _N),
    _A.RIGHTS_EXPORT:       Line(_OWN,  _N,    _N,    _N),
    _A.RIGHTS_CORRECT:      Line(_OWN,  _N,    _N,    _N),
    _A.PROTECTION_SET:      Line(_OWN,  _N,    _N,    _N),
    _A.PROTECTION_LIFT:     Line(_OWN2, _N,    _N,    _N,   seconds=_CW),
    _A.STATUTE_RECORD:      Line(_OWN2, _N,    _N,    _N,   seconds=_AP),
    _A.RELOCATION_RECORD:   Line(_OWN,  _N,    _N,    _N,   scope=Scope.RELOCATIONS_WRITE),
    # FR-17 asks two hands for some transfers only: the gate says so, TRANSFER_SECOND is theirs.
    _A.TRANSFER_PREPARE:    Line(_OWN,  _N,    _N,    _N),
    _A.TRANSFER_SEND:       Line(_OWN,  _N,    _N,    _N),
    _A.TRANSFER_SECOND:     Line(_ANY,  _ANY,  _N,    _N),
    _A.TRANSFER_CALL_BACK:  Line(_OWN,  _ANY,  _N,    _N),
    _A.LEGAL_HOLD_SET:      Line(_OWN,  _ANY,  _N,    _N),
    # After the key has left: FR-24, FR-29.
    _A.NOTICE_ANSWER:       Line(_OWN,  _ANY,  _N,    _N),
    _A.RETURN_ASK:          Line(_OWN,  _ANY,  _N,    _N),
    _A.RETURN_ANSWER:       Line(_OWN,  _ANY,  _N,    _N),
    _A.OFFER_READ:          Line(_N,    _ANY,  _N,    _N),
    _A.PREVIEW_OPEN:        Line(_N,    _ANY,  _N,    _N),
    _A.TRANSFER_APPROVE:    Line(_N,    _ANY,  _N,    _N),
    _A.TRANSFER_REFUSE:     Line(_N,    _ANY,  _N,    _N),
    _A.MATCH_DECIDE:        Line(_OWN,  _OWN,  _N,    _N),
    _A.MERGE:               Line(_OWN,  _OWN,  _N,    _N),
    _A.MERGE_UNDO:          Line(_OWN,  _OWN,  _N,    _N),
    _A.DEPUTY_SET:          Line(_OWN,  _ANY,  _ANY,  _N),
    _A.REPORT_TOTALS:       Line(_ANY,  _ANY,  _ANY,  _ANY, scope=Scope.REPORTS_READ),
    _A.REPORT_DRILL_DOWN:   Line(_OWN,  _N,    _N,    _N),
    _A.LOG_READ:            Line(_OWN,  _ANY,  _N,    _ANY),
    _A.LOG_VERIFY:          Line(_OWN,  _ANY,  _N,    _ANY, _ANY),
    _A.LOG_REVEAL:          Line(_N,    _TWO,  _N,    _TWO, seconds=_LOG),
    # Before its time, on an order: the one who leads and the one who runs the node.
    _A.LOG_ERASE:           Line(_N,    _TWO,  _TWO,  _N,   seconds=_AP | _AD),
    _A.EVIDENCE_EXPORT:     Line(_OWN,  _ANY,  _N,    _ANY),
    _A.WITNESS_READ:        Line(_N,    _ANY,  _ANY,  _ANY, _ANY),
    # LR-24: who asks manages the node, who confirms answers for handovers; never one hand.
    _A.QUORUM_ASK:          Line(_N,    _N,    _ANY,  _N,   _ANY),
    _A.QUORUM_CONFIRM:      Line(_N,    _ANY,  _N,    _N),
    _A.ACCESS_LOG_READ:     Line(_N,    _N,    _N,    _ANY),
    _A.ACCOUNT_INVITE:      Line(_N,    _N,    _ANY,  _N,   _ANY),
    _A.ACCOUNT_DISABLE:     Line(_N,    _N,    _ANY,  _N),
    # Also an approver: with two administrators, one of them locked out, nobody else is left.
    _A.ACCOUNT_ROLES:       Line(_N,    _N,    _TWO,  _N,   seconds=_AD | _AP, alike=True),
    _A.REPORT_DEFINE:       Line(_N,    _N,    _ANY,  _N),
    _A.TEXT_VERIFY:         Line(_N,    _N,    _TWO,  _N,   seconds=_AD),
    # FR-21: the list that statute.record chooses from ships empty; two put a line on it.
    _A.STATUTE_LIST:        Line(_N,    _N,    _TWO,  _N,   seconds=_AD),
    _A.SETTINGS_CHANGE:     Line(_N,    _N,    _ANY,  _N,   _ANY),
    _A.PEER_SUSPEND:        Line(_N,    _N,    _ANY,  _N,   _ANY),
    _A.PEER_KEYS:           Line(_N,    _N,    _TWO,  _N,   _ANY, seconds=_AD),
    _A.STATUS_READ:         Line(_N,    _N,    _ANY,  _N,   _ANY, scope=Scope.METRICS_READ),
    _A.MAINTENANCE:         Line(_N,    _N,    _N,    _N,   _ANY),
}
# fmt: on


def allowed(
    actor: Actor,
    action: str,
    *,
    relation: Relation = Relation.ANY,
    second: Actor | None = None,
) -> bool:
    """Whether the table says yes.

    Args:
        actor: Who asks.
        action: A member of ``Action``; a text without a line is refused.
        relation: How the actor stands to the thing.
        second: The second hand, where one confirmed. It counts only as another account
            with a role that the line names; where the line names two, the hands have
            different ones, unless the line lets them be alike.
    """
    line = TABLE.get(action)
    if line is None:
        return False
    if actor.is_operator:
        return line.operator is Cell.ANY
    if line.scope is not None and line.scope in actor.scopes:
        return True
    return actor.account is not None and any(
        line.of(role).covers(relation)
        and (
            not line.of(role).needs_two or _is_second(line, actor, role, second=second)
        )
        for role in actor.roles
    )


def require(
    actor: Actor,
    action: str,
    *,
    relation: Relation = Relation.ANY,
    second: Actor | None = None,
) -> None:
    """Go on only if the table says yes; arguments as ``allowed``.

    Raises:
        ForbiddenError: It does not; names the action.
    """
    if not allowed(actor, action, relation=relation, second=second):
        raise ForbiddenError(action)


def needs_second(
    actor: Actor, action: str, *, relation: Relation = Relation.ANY
) -> bool:
    """Whether the table says yes only with a second hand: the page then asks for one."""
    line = TABLE.get(action)
    if line is None or allowed(actor, action, relation=relation):
        return False
    return any(
        line.of(role).needs_two and line.of(role).covers(relation)
        for role in actor.roles
    )


def roles_that_may(action: str) -> frozenset[Role]:
    """The roles with a cell for this action: what a refusal names."""
    line = TABLE.get(action)
    return frozenset(
        role for role in Role if line is not None and line.of(role) is not Cell.NO
    )


def _is_second(line: Line, actor: Actor, role: Role, *, second: Actor | None) -> bool:
    """Another account with a role that fits the one that asks."""
    if second is None or second.account is None or second.account == actor.account:
        return False
    # One role in the line: its holders watch each other. Two: one of each must meet.
    others = line.seconds if line.alike else line.seconds - {role}
    fitting = others or line.seconds
    return bool(fitting & second.roles)
