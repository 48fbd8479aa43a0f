"""Legal bases in tests: a paragraph in force, a wish of the clerk, a word of the approver."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from node.accounts.policy import Actor
from node.bootstrap import Node
from node.cases.consent import Consent
from node.cases.townsettings import Statute
from node.casework.settings import agree_to_statute, ask_statute
from node.casework.statutes import Use, Wanted, ask_use, decide_use, open_use
from node.ids import CaseId, Hex128, RecordId
from tests.support.pair import APPROVER, CLERK, SAECKINGEN, open_case

CODE: Final = "SGB-VIII-86c"
TITLE: Final = "§ 86c Achtes Buch Sozialgesetzbuch"
SCOPE: Final = frozenset({"K01", "K02", "K10"})
NONE: Final = frozenset[RecordId]()


def put_in_force(
    node: Node, leaders: tuple[Actor, Actor], code: str = CODE, title: str = TITLE
) -> Hex128:
    """Two administrators put a paragraph in force."""
    first, other = leaders
    assert first.account is not None
    now = node.office.clock.now()
    number = Hex128.of(node.office.randomness(16))
    made = Statute(number, code, title, first.account, now)
    node.store.write_sync(ask_statute, made, by=first)
    node.store.write_sync(agree_to_statute, number, at=now, by=other)
    node.store.read_sync(node.read_town)
    return number


def wanted(node: Node, case: CaseId, **changes: Any) -> Wanted:
    """What is asked for, for the body at Bad Säckingen."""
    made = Wanted(
        case=case,
        epoch=1,
        statute=CODE,
        recipient=f"member:{SAECKINGEN}",
        categories=SCOPE,
        documents=NONE,
        valid_until=node.office.clock.now().date() + timedelta(days=30),
        reason="Die Zuständigkeit wechselt kraft Gesetzes",
    )
    return replace(made, **changes)


def ask(node: Node, case: CaseId, *, by: Actor = CLERK, **changes: Any) -> None:
    """The first person asks."""
    node.store.write_sync(ask_use, node.office, wanted(node, case, **changes), by=by)


def wish_of(node: Node, case: CaseId, by: Actor = APPROVER) -> Use:
    """What the second person sees."""
    found: Use = node.store.read_sync(open_use, node.office, case, by=by)
    return found


def decide(
    node: Node,
    case: CaseId,
    *,
    by: Actor = APPROVER,
    agrees: bool = True,
    seen: RecordId | None = None,
) -> Consent | None:
    """The second person's word."""
    seen = seen or wish_of(node, case).record.id
    made: Consent | None = node.store.write_sync(
        decide_use, node.office, case, agrees=agrees, seen=seen, by=by
    )
    return made


def in_use(
    node: Node, name: str = "Demo-Gesetz", **changes: Any
) -> tuple[CaseId, Consent]:
    """A case with a legal basis that two people agreed to."""
    case = open_case(node, name)
    ask(node, case, **changes)
    basis = decide(node, case)
    assert basis is not None
    return case, basis
