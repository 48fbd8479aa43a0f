"""LR-35: the built-in Ed25519 judges exactly as PyNaCl does, odd signatures included."""

import hashlib
import random

import pytest
from nacl import bindings
from nacl.exceptions import CryptoError

from node.exchangelog.standalone import verify

P, L, BASE, ZERO = verify.P, verify.L, verify.BASE, verify.ZERO


def pynacl(key, message, signature):
    try:
        bindings.crypto_sign_open(signature + message, key)
    except (CryptoError, ValueError, TypeError):
        return False
    return True


def times(number, point):
    found = ZERO
    while number:
        if number & 1:
            found = verify.add_points(found, point)
        point, number = verify.double_point(point), number >> 1
    return found


def spelled(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def torsion(chance):
    """A point of order 8."""
    while True:
        point = verify.decode_point(chance.randbytes(32))
        if point is not None:
            small = times(L, point)
            if not verify.is_zero(times(4, small)):
                return small


def digest(r, key, message):
    found = hashlib.sha512(r + key + message).digest()
    return int.from_bytes(found, "little") % L


def edge_signatures(seed):
    """Good ones, and each kind of odd one, with and without parts of small order."""
    chance = random.Random(seed)
    small = torsion(chance)
    odd_points = [
        (y | sign << 255).to_bytes(32, "little")
        for y in (0, 1, 2, P - 1, P, P + 1, P + 18, 2**255 - 1)
        for sign in (0, 1)
    ] + [spelled(times(k, small)) for k in range(8)]
    for number in range(40):
        secret, nonce = chance.randrange(1, L), chance.randrange(1, L)
        message = chance.randbytes(number)
        for k in range(4):
            a = verify.add_points(times(secret, BASE), times(k, small))
            for j in range(4):
                r = verify.add_points(times(nonce, BASE), times(j, small))
                key, rr = spelled(a), spelled(r)
                s = (nonce + digest(rr, key, message) * secret) % L
                for t in (s, s + L, s ^ 1) if k == j else (s,):
                    yield key, message, rr + t.to_bytes(32, "little")
    for point in odd_points:
        for other in (*odd_points, spelled(BASE)):
            s = chance.choice((0, 1, L - 1, L))
            yield point, b"x", other + s.to_bytes(32, "little")


@pytest.mark.spec("LR-35", "SR-P3")
def test_both_agree_on_a_thousand_edge_signatures():
    count = good = 0
    for key, message, signature in edge_signatures(20261130):
        expected = pynacl(key, message, signature)
        assert verify.verify_ed25519(key, message, signature) is expected
        count, good = count + 1, good + expected
    assert count >= 1000
    assert 40 <= good < count / 2


@pytest.mark.parametrize("cut", [(31, 64), (33, 64), (32, 63), (32, 65), (32, 0)])
def test_another_length_is_refused(cut):
    key, signature = (b"\1" * 40)[: cut[0]], (b"\2" * 70)[: cut[1]]
    assert verify.verify_ed25519(key, b"", signature) is False


def test_a_key_that_signs_well_here_signs_well_there():
    public, secret = bindings.crypto_sign_seed_keypair(b"\7" * 32)
    signature = bindings.crypto_sign(b"message", secret)[:64]
    assert verify.verify_ed25519(public, b"message", signature)
    assert not verify.verify_ed25519(public, b"messagf", signature)
