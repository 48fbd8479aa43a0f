"""A container that its offer did not announce in every word is not kept as that one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from node.crypto.container import PacketHeader
from node.crypto.keys import OpeningKey
from node.crypto.seal import begin_seal, read_prelude
from node.ids import MemberId, TransferId
from node.sync.deposit import fits_offer
from node.sync.offer import PacketName
from node.sync.words import StatementType
from tests.support.statements import claims_of

T = TransferId("0" * 31 + "1")
KEY = OpeningKey(bytes(32))
OFFER = claims_of(StatementType.OFFER).b


def made(*, offer=OFFER, **changes):
    """The start of a container and the offer of it."""
    header = PacketHeader(
        transfer=T,
        to=MemberId("08337096-stadt-bad-saeckingen"),
        kid=offer.kid,
        exp=int(offer.exp.timestamp()),
        pad=64,
    )
    preview = b"{}" if offer.named else None
    prelude = begin_seal(
        KEY.public, replace(header, **changes), preview, randomness=bytes
    )
    length = read_prelude(prelude.raw).length
    return replace(offer, pkt=PacketName(bytes(32), length)), prelude.raw


def test_what_was_announced_fits():
    offer, start = made()
    assert fits_offer(T, offer, start)


@pytest.mark.spec("SEAL-4")
@pytest.mark.parametrize(
    "changes",
    [
        {"kid": "another"},
        {"exp": int((OFFER.exp + timedelta(seconds=1)).timestamp())},
        {"transfer": TransferId("0" * 31 + "2")},
    ],
)
def test_a_header_that_says_something_else_does_not_fit(changes):
    offer, start = made(**changes)
    assert not fits_offer(T, offer, start)


@pytest.mark.spec("SEAL-4")
def test_another_length_or_preview_does_not_fit():
    offer, start = made()
    longer = PacketName(bytes(32), offer.pkt.len + 1)
    assert not fits_offer(T, replace(offer, pkt=longer), start)
    assert not fits_offer(T, replace(offer, named=not offer.named), start)


@pytest.mark.spec("SEAL-4")
def test_noise_does_not_fit():
    offer, start = made()
    assert not fits_offer(T, offer, start[:40])
    assert not fits_offer(T, offer, bytes(len(start)))
