"""What people do at a node in these tests, in texts, so that it can cross a pipe.

Each act is one use case of the product by the right person; each gives a text.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.bootstrap import Node
from node.cases.relocation import Source
from node.casework import cases as casework
from node.casework.consents import withdraw_consent
from node.casework.relocations import Move, Repeat, record_relocation
from node.founding import Paths, vault_of
from node.ids import AccountId, Ags, CaseId, ConsentId, RecordId, TransferId
from node.store.backupduty import duty_of
from node.store.sourceeraser import SourceEraser
from node.strictjson import Json
from node.sync import decision, sender
from node.sync.logbook import Who
from node.sync.words import RejectionCode
from node.trust.places import shipped_places

CLERK: Final = Actor(AccountId("c" * 32), frozenset({Role.CASEWORKER}))
APPROVER: Final = Actor(AccountId("a" * 32), frozenset({Role.APPROVER}))
SECOND: Final = Actor(AccountId("b" * 32), frozenset({Role.APPROVER}))


def relocate(node: Node, ags: str, *cases: str) -> str:
    """The persons move to that place; the same request again is the same relocation."""
    request = " ".join((ags, *cases))
    move = Move(
        tuple(CaseId(case) for case in cases),
        Ags(ags),
        node.office.clock.now().date() + timedelta(days=9),
        Source.FORM,
        repeat=Repeat("test", request[:64], request.encode()),
    )
    found = node.store.write_sync(
        record_relocation, node.office, move, by=CLERK, places=shipped_places()
    )
    return str(found.transfer)


def keep_document(
    node: Node,
    case: CaseId,
    portions: Iterable[bytes],
    values: Mapping[str, Json],
    *,
    epoch: int = 1,
) -> RecordId:
    """A document arrives and is kept."""
    incoming = node.store.read_sync(casework.receive_document, CLERK, case, epoch)
    for portion in portions:
        incoming.add(portion)
    upload = casework.Upload(incoming.finish(), values)
    return node.store.write_sync(casework.keep_document, node.office, upload, by=CLERK)


def approve(node: Node, transfer: str) -> str:
    """The approver says yes."""
    after = node.store.write_sync(
        decision.approve, node.office, TransferId(transfer), by=APPROVER
    )
    return str(after.state)


def refuse(node: Node, transfer: str, comment: str = "") -> str:
    """The approver says no: no room."""
    after = node.store.write_sync(
        decision.refuse,
        node.office,
        TransferId(transfer),
        by=APPROVER,
        no=decision.No(RejectionCode.CAPACITY, comment),
    )
    return str(after.state)


def withdraw(node: Node, consent: str) -> str:
    """The person takes a consent back."""
    ended = node.store.write_sync(
        withdraw_consent, node.office, ConsentId(consent), how="oral", by=CLERK
    )
    return " ".join(str(transfer.state) for transfer in ended)


def call_back(node: Node, transfer: str) -> str:
    """The caseworker calls a transfer back."""
    after = node.store.write_sync(
        sender.call_back,
        node.office,
        TransferId(transfer),
        who=Who("caseworker", CLERK.account),
    )
    return str(after.state)


def back_up(node: Node) -> str:
    """The backup of the day, whatever the hour."""
    settings = node.settings
    master = Paths(settings.folder).master.read_bytes()
    duty = duty_of(
        vault_of(settings, master), node.store, node.means, node.office, hour=0
    )
    assert duty is not None
    return duty.verify(duty.backups.create()).set


def erase(node: Node) -> str:
    """What the retention worker does once an hour."""
    SourceEraser(node.store, node.office)()
    return ""


ACTS: Final[dict[str, Callable[..., str]]] = {
    act.__name__: act
    for act in (relocate, approve, refuse, withdraw, call_back, back_up, erase)
}
