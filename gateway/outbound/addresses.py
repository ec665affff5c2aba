"""Which network addresses a URL of a stranger may lead to: public ones, and nothing of this machine, its network or its cloud."""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

#: What ``is_global`` lets pass or has changed its mind about over the years, and what clouds put on public addresses.
_NEVER_V4 = tuple(
    IPv4Network(net)
    for net in (
        "0.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT; Alibaba's metadata
        "168.63.129.16/32",  # Azure's wire server
        "169.254.0.0/16",  # link-local; metadata of most clouds
        "192.0.0.0/24",  # Oracle's metadata
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
_NEVER_V6 = tuple(
    IPv6Network(net)
    for net in (
        "::/96",  # IPv4-compatible, long given up
        "64:ff9b:1::/48",
        "100::/64",
        "2001::/23",  # Teredo and other special purposes
        "2001:db8::/32",
        "fc00::/7",
        "fe80::/10",
        "fec0::/10",
        "ff00::/8",
    )
)
#: Of the above, what no operator means by "private addresses are fine".
_METADATA_V4 = tuple(
    IPv4Network(net) for net in ("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32")
)
_AWS_V6 = IPv6Network("fd00:ec2::254/128")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")


def is_public(address: Address) -> bool:
    """Whether *address* is on the open internet. IPv6 that carries an IPv4 address is judged by that as well."""
    if isinstance(address, IPv4Address):
        return address.is_global and not any(address in net for net in _NEVER_V4)
    inner = carried_ipv4(address)
    if inner is not None:
        return is_public(inner)
    return address.is_global and not any(address in net for net in _NEVER_V6)


def is_metadata(address: Address) -> bool:
    """Whether *address* is one at which clouds tell machines their secrets, or of the link alone: nobody's service."""
    if isinstance(address, IPv6Address):
        inner = carried_ipv4(address)
        return is_metadata(inner) if inner is not None else address.is_link_local or address in _AWS_V6
    return any(address in net for net in _METADATA_V4)


def carried_ipv4(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that traffic to *address* ends at, None when it is plain IPv6."""
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return None


def read_address(text: str) -> Address:
    """Read an address as ``getaddrinfo`` gives it, scope id and all."""
    return ipaddress.ip_address(text.partition("%")[0])
