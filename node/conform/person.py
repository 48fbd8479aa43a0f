"""An invented person moves: case, consent, relocation, container, signed offer.

Enters: the bench, a place of the member under test. Leaves: what is ready to be sent. Must
never happen: an invented person mistaken for a real one, so all are called ``Demo-Probe``.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from node.accounts.model import Role
from node.accounts.policy import Actor
from node.cases.consent import GivenBy
from node.cases.model import CATEGORIES, SENSITIVE
from node.cases.relocation import Source
from node.casework import consents
from node.casework.cases import open_case
from node.casework.relocations import Move, record_relocation
from node.conform.bench import Bench
from node.ids import AccountId, Ags, MessageId, TransferId
from node.strictjson import JsonObject
from node.sync import release
from node.sync.message import Envelope
from node.sync.ports import UnitOfWork
from node.sync.transfer import Outbound, OutboundTransfer
from node.sync.words import StatementType
from node.trust.places import shipped_places

TESTER: Final = Actor(AccountId("0" * 31 + "7"), frozenset({Role.CASEWORKER}))
_USUAL: Final = frozenset(CATEGORIES) - SENSITIVE - {"K13"}


@dataclass(frozen=True, slots=True)
class Sent:
    """One prepared transfer: its offer with its proof, and its container.

    ``before`` stands before the offer in our chain, and may not have been sent yet.
    """

    transfer: TransferId
    jti: MessageId
    before: tuple[Envelope, ...]
    offer: Envelope
    container: bytes


def place_of(bench: Bench) -> Ags | None:
    """A place that the member under test answers for today."""
    today = bench.node.office.clock.now().date()
    directory = bench.node.office.directory()
    member = next(m for m in directory.members() if m.id == bench.peer)
    for served in member.serves:
        if directory.route(served.ags, today) == bench.peer:
            return served.ags
    return None


async def prepare(bench: Bench, ags: Ags) -> Sent | None:
    """Case, consent, relocation, container, signed offer; nothing is sent."""
    node = bench.node
    office = node.office
    today = office.clock.now().date()
    person: JsonObject = {
        "family_name": "Demo-Probe",
        "given_names": "Konform",
        "birth_date": "1990-01-01",
    }
    case = node.store.write_sync(open_case, office, person, by=TESTER)
    answer = consents.Answer(
        case=case,
        epoch=1,
        given_by=GivenBy.SELF,
        recipients=("class:responsible_at_new_place",),
        categories=_USUAL,
        valid_until=today + timedelta(days=90),
        language="de",
        form="paper",
        text_version="1",
        evidence={"note": "erfunden"},
    )
    node.store.write_sync(consents.record_consent, office, answer, by=TESTER)
    move = Move((case,), ags, today + timedelta(days=1), Source.FORM)
    relocation = node.store.write_sync(
        record_relocation, office, move, by=TESTER, places=shipped_places()
    )
    transfer = relocation.transfer
    if transfer is not None:
        await release.release(node.courier, transfer)
    found = outbound(bench, transfer) if transfer else None
    if transfer is None or found is None or found.state is not Outbound.QUEUED:
        why = ", ".join(code for _, code in found.withheld) if found else "kein Weg"
        bench.report.skip("HO-46", "Übergabe", f"nichts zu senden: {why}")
        return None
    jti = node.store.read_sync(_offer_of, transfer)
    *before, offer = await bench.queued(jti)
    assert found.packet_digest is not None
    container = b"".join(node.courier.files.read(found.packet_digest))
    return Sent(transfer, jti, tuple(before), offer, container)


def outbound(bench: Bench, transfer: TransferId) -> OutboundTransfer | None:
    """How a transfer stands here."""
    return bench.node.store.read_sync(_find, transfer)


def _find(uow: UnitOfWork, transfer: TransferId) -> OutboundTransfer | None:
    with uow:
        return uow.outbound.find(transfer)


def _offer_of(uow: UnitOfWork, transfer: TransferId) -> MessageId:
    with uow:
        said = uow.outbox.of_transfer(transfer)
    return next(row.jti for row in said if row.type == StatementType.OFFER)
