"""A receipt counts for the container and the offer it names, and by the party it is from."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from node.errors import ReceiptError
from node.ids import MemberId
from node.sync import reception, sender
from node.sync.offer import PacketName
from node.sync.words import StatementType
from tests.support.statements import claims_of

RECEIPTS = [StatementType.STORED, StatementType.IMPORTED]


def sent(body):
    """What S remembers of its container."""
    return SimpleNamespace(packet_digest=body.pkt.dig, packet_bytes=body.pkt.len)


@pytest.mark.parametrize("kind", RECEIPTS)
def test_a_receipt_for_the_container_that_was_sent_counts(kind):
    claims = claims_of(kind)
    sender._check_packet(sent(claims.b), SimpleNamespace(claims=claims))


@pytest.mark.spec("RCP-1")
@pytest.mark.parametrize("kind", RECEIPTS)
def test_a_receipt_for_another_container_does_not_count(kind):
    claims = claims_of(kind)
    other = PacketName(bytes(32), claims.b.pkt.len)
    named = replace(claims, b=replace(claims.b, pkt=other))
    with pytest.raises(ReceiptError):
        sender._check_packet(sent(claims.b), SimpleNamespace(claims=named))


@pytest.mark.spec("RCP-2")
def test_only_the_other_party_speaks_of_this_offer():
    claims = claims_of(StatementType.IMPORTED)
    stranger = MemberId("08337999-stadt-anderswo")
    assert reception._is_party(claims, claims.iss, claims.off)
    assert not reception._is_party(claims, stranger, claims.off)
    assert not reception._is_party(claims, claims.iss, bytes(32))
    assert not reception._is_party(claims, None, claims.off)
