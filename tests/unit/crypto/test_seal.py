"""The container: what one end seals the other opens, and nothing else opens."""

import hashlib
import tracemalloc
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.crypto import hpke
from node.crypto.keys import OpeningKey
from node.crypto.seal import (
    MAX_PRELUDE_BYTES,
    PacketHeader,
    begin_seal,
    container_length,
    open_comment,
    open_preview,
    open_share_a,
    open_share_b,
    open_stream,
    padme,
    read_prelude,
    seal_comment,
    seal_stream,
    wrap_share_b,
)
from node.crypto.shares import draw_shares, packet_key, preview_key
from node.crypto.stream import pull_stream, push_stream
from node.errors import MalformedMessageError, PacketUnreadableError, UsageError
from node.ids import MemberId, TransferId
from node.strictjson import encode
from tests.support.two_keys import PLAINTEXT_BYTES, collide

KEY = OpeningKey.from_raw(bytes(range(32)))
STRANGER = OpeningKey.from_raw(bytes(32))
PREVIEW = b'{"name":"Ahmadi"}'
REFUSED = (PacketUnreadableError, MalformedMessageError)


def header(pad):
    return PacketHeader(
        transfer=TransferId("ab" * 16),
        to=MemberId("08337116-stadt-wehr"),
        kid="k7",
        exp=1_770_112_805,
        pad=pad,
    )


def fresh(seed=b""):
    counter = count()
    return lambda size: hashlib.shake_256(seed + bytes([next(counter)])).digest(size)


def sealed(plaintext, preview=None, seed=b""):
    prelude = begin_seal(
        KEY.public, header(len(plaintext)), preview, randomness=fresh(seed)
    )
    return prelude, b"".join(seal_stream(prelude, [plaintext]))


def opened(container, share_b, key=KEY):
    """All that a recipient does with the bytes, up to the plaintext."""
    prelude = read_prelude(container[:MAX_PRELUDE_BYTES])
    share_a = open_share_a(prelude, key)
    rest = container[prelude.prelude_length :]
    return b"".join(open_stream(prelude, share_a, share_b, lambda: iter([rest]))())


@pytest.mark.parametrize("size", [1, 2, 65535, 65536, 65537, 131072, 150000])
@pytest.mark.spec("HO-55")
def test_a_packet_of_any_size_opens(size):
    plaintext = bytes(i * 7 & 255 for i in range(size))
    prelude, container = sealed(plaintext, PREVIEW)
    read = read_prelude(container)
    assert len(container) == read.length == container_length(len(prelude.raw), size)
    assert (read.hh, read.ph) == (prelude.hh, prelude.ph)
    assert read.header == header(size)
    assert opened(container, prelude.share_b) == plaintext
    read.check_length(len(container))
    with pytest.raises(MalformedMessageError):
        read.check_length(len(container) + 1)


def test_portions_of_any_size_are_taken():
    prelude, container = sealed(bytes(100_000))
    read = read_prelude(container)
    share_a = open_share_a(read, KEY)
    for portion in (1000, 65553, 10**6):

        def stream(portion=portion):
            for at in range(read.prelude_length, len(container), portion):
                yield container[at : at + portion]

        open_it = open_stream(read, share_a, prelude.share_b, stream)
        assert b"".join(open_it()) == bytes(100_000)
        assert b"".join(open_it()) == bytes(100_000)


@pytest.mark.spec("HO-65")
def test_sealing_and_opening_stay_far_below_16_mib():
    size = 20 * 2**20
    plain = (bytes(2**16) for _ in range(size // 2**16))
    tracemalloc.start()
    prelude = begin_seal(KEY.public, header(size), None, randomness=fresh())
    length = sum(len(part) for part in seal_stream(prelude, plain))
    assert length == container_length(len(prelude.raw), size)
    assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    tracemalloc.stop()


@pytest.mark.spec("HO-55", "SEAL-10")
@pytest.mark.parametrize("size", [9, 11])
def test_a_plaintext_of_another_length_is_not_sealed(size):
    prelude = begin_seal(KEY.public, header(10), None, randomness=fresh())
    with pytest.raises(UsageError):
        list(seal_stream(prelude, [bytes(size)]))


@pytest.mark.spec("HO-58")
def test_sealing_again_never_repeats_a_key_stream():
    prelude = begin_seal(KEY.public, header(10), None, randomness=fresh())
    first, second = (b"".join(seal_stream(prelude, [bytes(10)])) for _ in range(2))
    start = len(prelude.raw)
    assert first[:start] == second[:start]
    assert first[start:] != second[start:]


@pytest.mark.spec("HO-61", "SEAL-14")
def test_a_preview_opens_with_share_a_alone():
    _, container = sealed(b"x", PREVIEW)
    read = read_prelude(container)
    assert open_preview(read, open_share_a(read, KEY)) == PREVIEW


@pytest.mark.parametrize("size", [1, 1023, 1024, 1025, 8192])
def test_a_preview_hides_its_length_up_to_1024_bytes(size):
    prelude, container = sealed(b"x", b"a" * size)
    read = read_prelude(container)
    assert (len(read.preview) - 72) % 1024 == 0
    assert open_preview(read, open_share_a(read, KEY)) == b"a" * size
    assert len(prelude.raw) <= MAX_PRELUDE_BYTES


@pytest.mark.spec("SEAL-13")
@pytest.mark.parametrize("preview", [b"", b"a" * 8193, b"a\0"])
def test_a_preview_is_a_short_text(preview):
    with pytest.raises(UsageError):
        begin_seal(KEY.public, header(1), preview, randomness=fresh())


def test_a_packet_without_preview_has_none_to_open():
    _, container = sealed(b"x")
    with pytest.raises(UsageError):
        open_preview(read_prelude(container), bytes(32))


@pytest.mark.spec("HO-57")
def test_another_share_opens_nothing():
    prelude, container = sealed(b"text", PREVIEW)
    other, other_container = sealed(b"text", PREVIEW, seed=b"other")
    for share_b in (other.share_b, bytes(32)):
        with pytest.raises(PacketUnreadableError):
            opened(container, share_b)
    read = read_prelude(container)
    foreign = open_share_a(read_prelude(other_container), KEY)
    with pytest.raises(PacketUnreadableError):
        open_preview(read, foreign)
    with pytest.raises(PacketUnreadableError):
        open_stream(read, foreign, prelude.share_b, lambda: iter([b""]))
    with pytest.raises(UsageError):
        open_stream(read, foreign[:31], prelude.share_b + b"x", lambda: iter([b""]))


@pytest.mark.spec("HO-57", "SR-P4")
def test_a_stream_that_opens_under_two_keys_is_refused_before_it_is_read():
    prelude = begin_seal(KEY.public, header(PLAINTEXT_BYTES), None, randomness=fresh())
    read = read_prelude(prelude.raw)
    share_a = open_share_a(read, KEY)
    shares = {
        packet_key(share_a, bytes([i, j]) * 16, read.hh)[0]: bytes([i, j]) * 16
        for i in range(16)
        for j in range(256)
    }
    key = packet_key(share_a, prelude.share_b, read.hh)[0]
    other, stream = collide(key, shares, fresh()(24), read.ph)
    # The attack is real: both keys open these bytes, to different texts.
    first, second = (list(pull_stream(k, read.ph, [stream])) for k in (key, other))
    assert len(first[0]) == len(second[0]) == PLAINTEXT_BYTES
    assert first != second
    assert list(open_stream(read, share_a, prelude.share_b, lambda: iter([stream]))())

    def never():
        pytest.fail("the stream was read before the commitment was compared")

    with pytest.raises(PacketUnreadableError):
        open_stream(read, share_a, shares[other], never)


@pytest.mark.spec("HO-65", "SR-P4", "SEAL-1", "SEAL-2", "SEAL-8", "SEAL-9")
def test_no_bit_of_a_container_may_change_and_none_may_lack():
    prelude, container = sealed(b"plaintext", b"{}")
    for position in range(len(container)):
        changed = bytearray(container)
        changed[position] ^= 1 << position % 8
        # The preview is bound by ph as well, so nothing opens here either.
        with pytest.raises(REFUSED):
            opened(bytes(changed), prelude.share_b)
    for end in range(len(container)):
        with pytest.raises(REFUSED):
            opened(container[:end], prelude.share_b)
    with pytest.raises(REFUSED):
        opened(container + b"\0", prelude.share_b)


@pytest.mark.spec("SEAL-11")
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_plaintext_leaves_before_the_last_chunk_was_verified(data):
    prelude, container = sealed(bytes(70_000))
    start = len(prelude.raw)
    position = data.draw(st.integers(start, len(container) - 1))
    changed = bytearray(container)
    changed[position] ^= data.draw(st.integers(1, 255))
    read = read_prelude(container)
    share_a = open_share_a(read, KEY)
    # Already the call fails: there is nothing yet that plaintext could come from.
    with pytest.raises(PacketUnreadableError) as caught:
        open_stream(
            read, share_a, prelude.share_b, lambda: iter([bytes(changed[start:])])
        )
    assert str(caught.value) == "unreadable"


def test_a_file_that_changes_between_the_passes_fails():
    prelude, container = sealed(bytes(70_000))
    read = read_prelude(container)
    changed = bytearray(container)
    changed[-1] ^= 1
    versions = iter([container, bytes(changed)])
    read_it = open_stream(
        read,
        open_share_a(read, KEY),
        prelude.share_b,
        lambda: iter([next(versions)[read.prelude_length :]]),
    )
    with pytest.raises(PacketUnreadableError):
        list(read_it())


def test_a_stream_longer_than_its_header_is_not_read_to_its_end():
    prelude, container = sealed(b"short")
    read = read_prelude(container)
    share_a = open_share_a(read, KEY)
    key = packet_key(share_a, prelude.share_b, read.hh)[0]
    for plaintext in (b"", b"longer", bytes(200_000)):
        stream = list(push_stream(key, bytes(24), read.ph, [plaintext]))
        with pytest.raises(PacketUnreadableError):
            open_stream(read, share_a, prelude.share_b, lambda s=stream: iter(s))


@pytest.mark.spec("HO-111")
def test_only_the_recipient_opens_a_share():
    prelude, container = sealed(b"x")
    read = read_prelude(container)
    with pytest.raises(PacketUnreadableError):
        open_share_a(read, STRANGER)
    dig = hashlib.sha256(container).digest()
    grant = wrap_share_b(KEY.public, prelude.hh, dig, prelude.share_b)
    assert len(grant) == 1168
    assert open_share_b(KEY, prelude.hh, dig, grant) == prelude.share_b
    for key, hh, digest in [
        (STRANGER, prelude.hh, dig),
        (KEY, bytes(32), dig),
        (KEY, prelude.hh, bytes(32)),
        (KEY, dig, prelude.hh),
    ]:
        with pytest.raises(PacketUnreadableError):
            open_share_b(key, hh, digest, grant)
    # A share is not taken for the other, nor one of another length for a share.
    with pytest.raises(PacketUnreadableError):
        open_share_b(KEY, prelude.hh, dig, read.wrap)
    long = hpke.wrap(KEY.public, b"staffelstab/1 share-b\0" + bytes(64), bytes(33))
    with pytest.raises(PacketUnreadableError):
        open_share_b(KEY, bytes(32), bytes(32), long)


def test_a_comment_opens_for_its_offer_only():
    ct = seal_comment(KEY.public, bytes(32), "Zuständig ist der Landkreis".encode())
    assert open_comment(KEY, bytes(32), ct) == "Zuständig ist der Landkreis".encode()
    for key, off in [(STRANGER, bytes(32)), (KEY, b"\1" * 32)]:
        with pytest.raises(PacketUnreadableError):
            open_comment(key, off, ct)
    with pytest.raises(UsageError):
        seal_comment(KEY.public, bytes(32), bytes(2049))


def test_shares_are_two_draws_and_derive_as_the_rfc_says():
    import hmac

    share_a, share_b = draw_shares(fresh())
    assert share_a != share_b
    hh = bytes(range(32))
    for ikm, info, found in [
        (share_a + share_b, b"staffelstab/1 packet", packet_key(share_a, share_b, hh)),
        (share_a, b"staffelstab/1 preview", preview_key(share_a, hh)),
    ]:
        prk = hmac.digest(hh, ikm, "sha256")
        one = hmac.digest(prk, info + b"\1", "sha256")
        assert found == (one, hmac.digest(prk, one + info + b"\2", "sha256"))


@given(st.integers(1, 2**31))
def test_padme_hides_most_of_a_length(length):
    padded = padme(length)
    assert length <= padded <= length * 1.12
    assert padme(padded) == padded
    bits = max(length.bit_length() - 1, 0)
    assert padded % (1 << bits - bits.bit_length()) == 0


@pytest.mark.spec("SEAL-15")
@pytest.mark.parametrize(
    ("length", "padded"), [(0, 0), (1, 1), (9, 10), (1000, 1024), (65537, 67584)]
)
def test_padme_as_published(length, padded):
    assert padme(length) == padded


GOOD = {
    "v": 1,
    "id": "ab" * 16,
    "to": "08337116-stadt-wehr",
    "kid": "k7",
    "suite": 1,
    "exp": 1_770_112_805,
    "pad": 10,
}


@pytest.mark.spec("HO-114")
def test_a_member_named_in_opt_is_ignored():
    text = encode(GOOD | {"opt": ["later"], "later": {"any": 1}})
    assert PacketHeader.parse(text) == header(10)
    assert PacketHeader.parse(encode(GOOD | {"opt": []})) == header(10)
    assert PacketHeader.parse(header(10).encode()) == header(10)


@pytest.mark.spec("HO-55", "HO-56", "SEAL-3", "SEAL-6")
@pytest.mark.parametrize(
    "change",
    [
        *(
            {name: value}
            for name in ("v", "suite")
            for value in (0, 2, True, "1", None)
        ),
        *({"id": value} for value in ("AB" * 16, "ab" * 15, 1, None)),
        *({"to": value} for value in ("wehr", "", 8, None, "08337116-stadt-wehr#k7")),
        *({"kid": value} for value in ("", "K7", "k" * 21, "k 7", 7, None)),
        *({"exp": value} for value in (0, -1, "1", True, None)),
        *({"pad": value} for value in (0, -1, 2**31 + 1, "1", True, None)),
        {"later": 1},
        {"later": 1, "opt": ["other"]},
        {"opt": ["pad"]},
        {"opt": ["a", "a"]},
        {"opt": "later"},
        {"opt": [1]},
        {"opt": ["L"]},
        {"opt": None},
        *({name: ...} for name in GOOD),
    ],
)
def test_a_header_is_closed(change):
    text = encode({k: v for k, v in (GOOD | change).items() if v is not ...})
    with pytest.raises(MalformedMessageError):
        PacketHeader.parse(text)


def test_we_make_no_header_that_we_would_not_read():
    for change in ({"pad": 0}, {"kid": "K"}, {"exp": 0}):
        with pytest.raises(MalformedMessageError):
            replace(header(1), **change)


def test_nothing_secret_shows():
    prelude, container = sealed(b"x", PREVIEW)
    read = read_prelude(container)
    for text in (repr(prelude), repr(read)):
        for secret in (prelude.share_b, prelude.stream_key, open_share_a(read, KEY)):
            assert repr(secret)[2:-1] not in text


@given(st.binary(max_size=200))
def test_noise_is_no_prelude(noise):
    for text in (noise, b"STFP\x01" + noise):
        with pytest.raises(MalformedMessageError):
            read_prelude(text)


def test_no_bit_of_a_preview_may_change_under_its_right_commitment():
    _, container = sealed(b"x", PREVIEW)
    read = read_prelude(container)
    share_a = open_share_a(read, KEY)
    for position in range(0, len(read.preview), 13):
        changed = bytearray(read.preview)
        changed[position] ^= 8
        with pytest.raises(PacketUnreadableError):
            open_preview(replace(read, preview=bytes(changed)), share_a)
