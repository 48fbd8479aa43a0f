"""Which addresses this node may connect to.

Enters: host names and what the resolver answered. Leaves: addresses that were checked, or
one error. Must never happen: a connection to the machine itself, its neighbours on the
link or a metadata service because a name in a signed file resolves there; a connection
to another address than the one checked. Implements SR-F10.
"""

import socket
from collections.abc import Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from node.errors import UnreachableError

Network = IPv4Network | IPv6Network

_NAT64: Final = ip_network("64:ff9b::/96")


def check_address(text: str, *, allowed: tuple[Network, ...], loopback: bool) -> None:
    """Check one resolved address, and every address it carries inside.

    Args:
        text: The address as the resolver gave it.
        allowed: Private networks that may be reached (``allowed_networks``).
        loopback: Whether this is a demonstration on one machine.

    Raises:
        UnreachableError: Not a public address and not in an allowed network.
    """
    for address in _with_embedded(ip_address(text)):
        if loopback and address.is_loopback:
            continue
        listed = any(
            address.version == network.version and address in network
            for network in allowed
        )
        never = address.is_loopback or address.is_link_local or address.is_multicast
        if never or address.is_unspecified or not (address.is_global or listed):
            raise UnreachableError("address not allowed")


def resolve(
    host: str, port: int, *, allowed: tuple[Network, ...], loopback: bool
) -> list[str]:
    """Resolve a name and check every answer; the addresses to connect to, best first.

    Raises:
        UnreachableError: No such name, or one of its addresses is not allowed.
    """
    # RFC 6761: names below ``localhost`` are this machine, for every resolver.
    is_local = loopback and host.endswith(".localhost")
    try:
        answers = socket.getaddrinfo(
            "127.0.0.1" if is_local else host, port, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        # A label that is empty or too long fails in the encoding, before any question.
        raise UnreachableError("name not found") from error
    addresses = [str(answer[4][0]) for answer in answers]
    for address in addresses:
        check_address(address, allowed=allowed, loopback=loopback)
    return addresses


def _with_embedded(
    address: IPv4Address | IPv6Address,
) -> Iterator[IPv4Address | IPv6Address]:
    """The address itself, or the IPv4 address that an IPv6 form of it stands for."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is None and address.teredo is not None:
            inner = address.teredo[1]
        if inner is not None:
            yield inner
            return
    yield address
