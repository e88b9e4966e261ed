"""Which IP addresses are public, by the special-purpose registries of IANA. [case 78]"""

from __future__ import annotations

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
)

# https://www.iana.org/assignments/iana-ipv4-special-registry, multicast, and reserved. Rows that
# the registry calls globally reachable are here too: they are anycast addresses of DNS and of
# multicast relays, which the nearest network answers, and no service is at one.
_SPECIAL_V4 = tuple(
    map(
        IPv4Network,
        (
            "0.0.0.0/8",
            "10.0.0.0/8",
            "100.64.0.0/10",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.88.99.0/24",
            "192.168.0.0/16",
            "192.175.48.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "224.0.0.0/3",
        ),
    )
)
# All global unicast addresses; whatever is outside is not public.
_GLOBAL_V6 = IPv6Network("2000::/3")
# https://www.iana.org/assignments/iana-ipv6-special-registry, as far as it is inside.
_SPECIAL_V6 = tuple(
    map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20"))
)
# Networks of an organisation's own: RFC 1918, RFC 6598 and RFC 4193.
_PRIVATE_V4 = tuple(
    map(IPv4Network, ("10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.168.0.0/16"))
)
_PRIVATE_V6 = IPv6Network("fc00::/7")
# By which NAT64 reaches IPv4 (RFC 6052). Addresses of DNS64 are in it.
_TRANSLATED = IPv6Network("64:ff9b::/96")


def is_public(address: str, *, allow_private: bool = False) -> bool:
    """Whether an address, as a resolver writes it, is public. An IPv4 address inside an IPv6
    address is judged by itself if the network translates it (NAT64), and refused in every other
    form.

    ``allow_private``: whether private networks pass too; loopback and link-local addresses do not.
    """
    # A zone names an interface of this machine.
    if "%" in address:
        return False
    try:
        read = ip_address(address)
    except ValueError:
        return False
    if isinstance(read, IPv6Address) and read.ipv4_mapped is not None:
        read = read.ipv4_mapped
    if isinstance(read, IPv4Address):
        return _is_public_v4(read, allow_private)
    if read in _TRANSLATED:
        return _is_public_v4(IPv4Address(int(read) & 0xFFFF_FFFF), allow_private)
    if _is_isatap(read):
        return False
    if allow_private and read in _PRIVATE_V6:
        return True
    return read in _GLOBAL_V6 and not any(read in network for network in _SPECIAL_V6)


def _is_public_v4(address: IPv4Address, allow_private: bool) -> bool:
    if allow_private and any(address in network for network in _PRIVATE_V4):
        return True
    return not any(address in network for network in _SPECIAL_V4)


def _is_isatap(address: IPv6Address) -> bool:
    """With an interface identifier of ISATAP (RFC 5214 §6.1), which holds an IPv4 address."""
    groups = int(address) >> 32 & 0xFFFF_FFFF
    return groups & ~0x0300_0000 == 0x5EFE


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine: 127.0.0.0/8 or ::1."""
    try:
        read = ip_address(address)
    except ValueError:
        return False
    if isinstance(read, IPv6Address) and read.ipv4_mapped is not None:
        read = read.ipv4_mapped
    return read.is_loopback
