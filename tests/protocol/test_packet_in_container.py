"""The whole way of the bytes: measured, sealed, carried, opened, read."""

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from node.crypto.container import PacketHeader, padme
from node.crypto.keys import OpeningKey
from node.crypto.seal import (
    begin_seal,
    open_preview,
    open_share_a,
    open_share_b,
    open_stream,
    read_prelude,
    seal_stream,
    wrap_share_b,
)
from node.errors import PacketUnreadableError
from node.ids import CaseId
from node.sync.manifest import preview_digest
from node.sync.unpack import read_documents, read_packet
from tests.support.casefiles import content, record
from tests.support.packets import (
    EXPIRES_AT,
    KEY,
    KID,
    TRANSFER,
    announced,
    extracts_of,
    key_at,
    offer_for,
    plan,
)
from tests.support.people import ADA, SAECKINGEN

SCAN = secrets.token_bytes(200_000)
NAME = hashlib.sha256(b"a sealed file").digest()
PREVIEW = b'{"persons":[{"family_name":"Demo-1"}]}'


def open_file(case: CaseId, digest: bytes) -> Iterator[bytes]:
    assert (case, digest) == (ADA, NAME)
    yield SCAN[:70_000]
    yield SCAN[70_000:]


@pytest.mark.spec("HO-55", "HO-57", "HO-63")
def test_a_packet_travels_in_its_container_and_fits_no_other() -> None:
    paper = record("document", 3, doc_kind="school", digest=NAME.hex())
    extracts = extracts_of(content(paper), documents=[paper.id])
    planned = plan(extracts, open_file, preview=preview_digest(PREVIEW))
    key = OpeningKey.generate()
    pad = padme(planned.measure(KID))
    header = PacketHeader(TRANSFER, SAECKINGEN, "k7", int(EXPIRES_AT.timestamp()), pad)

    def sealed() -> tuple[bytes, bytes]:
        start = begin_seal(key.public, header, PREVIEW, randomness=secrets.token_bytes)
        plaintext = planned.encode(start.ph, pad, key=KEY, kid=KID)
        whole = b"".join(seal_stream(start, plaintext))
        share = wrap_share_b(
            key.public, start.hh, hashlib.sha256(whole).digest(), start.share_b
        )
        return whole, share

    whole, share = sealed()
    prelude = read_prelude(whole)
    prelude.check_length(len(whole))
    share_a = open_share_a(prelude, key)
    share_b = open_share_b(key, prelude.hh, hashlib.sha256(whole).digest(), share)
    read = open_stream(
        prelude, share_a, share_b, lambda: iter((whole[prelude.prelude_length :],))
    )
    known = announced(
        offer_for(extracts),
        ph=prelude.ph,
        preview=preview_digest(open_preview(prelude, share_a)),
    )
    opened = read_packet(read(), known, key_at)
    [arrival] = opened.arrivals
    wanted = arrival.documents.values()
    [(_, found)] = [
        (part, b"".join(chunks))
        for part, chunks in read_documents(read(), opened.manifest, wanted)
    ]
    assert found == SCAN

    # The same plaintext behind another prelude, as a recipient might seal it again.
    other = read_prelude(sealed()[0])
    with pytest.raises(PacketUnreadableError) as refused:
        read_packet(read(), replace(known, ph=other.ph), key_at)
    assert refused.value.reason == "prelude"
