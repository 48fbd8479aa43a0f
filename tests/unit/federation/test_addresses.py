from ipaddress import ip_network

import pytest

from node.errors import UnreachableError
from node.federation.addresses import check_address, resolve

TOWN_HALLS = (ip_network("10.20.0.0/16"), ip_network("fd12:3456::/32"))


@pytest.mark.parametrize(
    "address",
    ["192.0.0.9", "93.184.215.14", "2606:2800:21f::1", "::ffff:93.184.215.14"],
)
@pytest.mark.spec("SR-F10")
def test_public_addresses_are_allowed(address: str) -> None:
    check_address(address, allowed=(), loopback=False)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "::1",
        "0.0.0.0",
        "::",
        "10.20.3.4",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "169.254.169.254",
        "fe80::1",
        "224.0.0.1",
        "ff02::1",
        "fd12:3456::1",
        "fd00:ec2::254",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "2002:7f00:1::",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2001:0:5ef5:79fd:0:0:80ff:fffe",
    ],
)
@pytest.mark.spec("SR-F10")
def test_everything_else_is_refused(address: str) -> None:
    with pytest.raises(UnreachableError):
        check_address(address, allowed=(), loopback=False)


@pytest.mark.parametrize("address", ["10.20.3.4", "fd12:3456::1", "::ffff:10.20.3.4"])
def test_a_listed_private_network_is_allowed(address: str) -> None:
    check_address(address, allowed=TOWN_HALLS, loopback=False)


@pytest.mark.parametrize(
    "address", ["10.21.0.1", "127.0.0.1", "169.254.169.254", "::1"]
)
def test_a_listed_network_opens_nothing_else(address: str) -> None:
    with pytest.raises(UnreachableError):
        check_address(address, allowed=TOWN_HALLS, loopback=False)


@pytest.mark.parametrize("network", ["127.0.0.0/8", "169.254.0.0/16", "0.0.0.0/0"])
def test_listing_a_forbidden_network_does_not_open_it(network: str) -> None:
    allowed = (ip_network(network),)
    for address in ("127.0.0.1", "169.254.169.254"):
        with pytest.raises(UnreachableError):
            check_address(address, allowed=allowed, loopback=False)


def test_a_demo_reaches_loopback_and_nothing_more() -> None:
    check_address("127.0.0.1", allowed=(), loopback=True)
    check_address("::1", allowed=(), loopback=True)
    with pytest.raises(UnreachableError):
        check_address("10.0.0.1", allowed=(), loopback=True)


def test_a_name_is_resolved_to_checked_addresses() -> None:
    assert resolve("127.0.0.1", 80, allowed=(), loopback=True) == ["127.0.0.1"]
    with pytest.raises(UnreachableError, match="not allowed"):
        resolve("127.0.0.1", 80, allowed=(), loopback=False)


@pytest.mark.parametrize("name", ["rathaus..example", "a" * 64 + ".example"])
def test_a_name_that_cannot_exist_is_unreachable(name: str) -> None:
    with pytest.raises(UnreachableError, match="name"):
        resolve(name, 443, allowed=(), loopback=False)
