"""Offers that have arrived sealed at an office, with valid defaults."""

import secrets
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from node.bootstrap import Node
from node.ids import Ags, TransferId
from node.store.unit import SqlUnitOfWork
from node.sync.offer import (
    OFFER,
    BasisLine,
    Counts,
    NotIncluded,
    OfferBody,
    PacketName,
    TaggedCase,
)
from node.sync.transfer import Inbound, InboundTransfer
from node.sync.words import Band, Basis, DocumentKind, Kind, Purpose, Reason
from tests.support.pair import AGS, SAECKINGEN, WEHR

SEALED = b"sealed bytes that nobody here can read"


def offer_of_two(node: Node, **changes: Any) -> OfferBody:
    """Wehr hands a mother and a child over to Bad Säckingen."""
    now = node.office.clock.now().replace(microsecond=0)
    offer = OfferBody(
        kind=Kind.MOVE,
        reason=Reason.MOVE,
        purpose=Purpose.RELOCATION,
        exp=now + timedelta(days=14),
        cases=(TaggedCase(b"\x01" * 16, 1), TaggedCase(b"\x02" * 16, 1)),
        persons=2,
        bands=(Band.TO_5, Band.TO_49),
        not_included=NotIncluded(1, 0),
        move_on=date(2026, 12, 1),
        ags=Ags(AGS[SAECKINGEN]),
        categories=Counts(
            {"K01": 2, "K04": 3, "K11": 31}, {DocumentKind.LANGUAGE_CERTIFICATE: 1}
        ),
        bases=tuple(
            BasisLine(bytes([n]) * 32, Basis.CONSENT, now + timedelta(days=180))
            for n in (1, 2)
        ),
        named=False,
        interpreters=("prs",),
        pkt=PacketName(bytes(32), 3_400_000),
        kid="k1",
        kem=bytes(32),
        suite=1,
        schema="case/1",
    )
    return replace(offer, **changes)


def put_offer(
    node: Node,
    offer: OfferBody | None = None,
    *,
    has_bytes: bool = True,
    **changes: Any,
) -> TransferId:
    """An offer as it lies here after its sealed bytes have come."""
    offer = offer or offer_of_two(node)
    now = node.office.clock.now()
    number = TransferId.of(secrets.token_bytes(16))
    key = secrets.token_bytes(32)
    transfer = InboundTransfer(
        id=number,
        state=Inbound.WAITING,
        sender=WEHR,
        offer=OFFER.write(offer),
        offer_digest=secrets.token_bytes(32),
        offered_at=now,
        expires_at=offer.exp,
        facts={Inbound.ANNOUNCED: now, Inbound.WAITING: now},
    )
    part = node.courier.files.keep_sealed(key, number, 0, iter([SEALED]))

    def put(uow: SqlUnitOfWork) -> None:
        with uow:
            uow.inbound.add(replace(transfer, **changes))
            if has_bytes:
                uow.secrets.keep_received(number, key=key, parts=[part])
            uow.commit()

    node.store.write_sync(put)
    return number
