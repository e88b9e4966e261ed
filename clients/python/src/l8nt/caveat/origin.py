"""Origins of URLs, and the place where a service is reached from outside. spec/2-caveats.md §3."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from .._encoding import is_longer
from .path import read_path

__all__ = ["Base", "Origin", "Scheme", "format_origin", "read_base", "read_origin", "same_origin"]

Scheme = Literal["http", "https"]


class Origin(NamedTuple):
    """Scheme, host and port of a URL. Two origins are equal if all three are."""

    scheme: Scheme
    host: str
    """Lower case; IPv6 in brackets."""
    port: int


class Base(NamedTuple):
    """Where a service is reached from outside."""

    origin: Origin
    path: str
    """What a proxy in front of the service removes from each path: ``/api``, without a slash at its
    end. Empty if nothing is removed.
    """
    text: str
    """Both, as text without a slash at its end."""


# Only texts that the URL Standard and each HTTP library read alike: no user name, no backslash, no
# blank or control character, no triplet in the host. An HTTP library that corrects such a text
# would send the request to another place than the one that was judged.
_URL: Final = re.compile(
    r"(https?)://(\[[0-9a-f:.]+\]|[^\x00-\x20\x7f\\/?#@:\[\]<>^|%]+)(?::([0-9]*))?"
    r"(/[^\x00-\x20\x7f\\?#]*)?([?#][^\x00-\x20\x7f]*)?",
    re.ASCII | re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_MAX_URL_CHARACTERS: Final = 65_536
_MAX_BASE_PATH: Final = 256


class Parts(NamedTuple):
    """A URL, taken apart."""

    origin: Origin
    path: str
    """As it stands in the text; ``/`` if there is none."""
    rest: str
    """The query and the fragment, with ``?`` and ``#``."""


def split_url(url: str) -> Parts | None:
    """Take an absolute ``http`` or ``https`` URL apart; ``None`` for any other text."""
    match = None if is_longer(url, _MAX_URL_CHARACTERS) else _URL.fullmatch(url)
    if match is None:
        return None
    scheme: Scheme = "https" if match[1].lower() == "https" else "http"
    host = _host(match[2])
    port = _port(match[3] or "", scheme)
    if host is None or port is None:
        return None
    return Parts(Origin(scheme, host, port), match[4] or "/", match[5] or "")


def default_port(scheme: Scheme) -> int:
    """443 for ``https``, and 80 for ``http``."""
    return 443 if scheme == "https" else 80


def read_origin(url: str) -> Origin | None:
    """Read the origin of an absolute ``http`` or ``https`` URL.

    ``None`` for a URL with a user name or password in it, with a host that ends in a dot, for
    another scheme, and for a text that the URL Standard would have to correct.
    """
    parts = _split_kept(url)
    return None if parts is None else parts.origin


_split_kept = lru_cache(maxsize=512)(split_url)


def format_origin(origin: Origin) -> str:
    """Write an origin: ``https://api.example``, ``http://[::1]:8080``."""
    scheme, host, port = origin
    suffix = "" if port == default_port(scheme) else f":{port}"
    return f"{scheme}://{host}{suffix}"


def same_origin(one: Origin, other: Origin) -> bool:
    """Whether scheme, host and port are the same."""
    return one == other


def read_base(location: str) -> Base | None:
    """Read the base that a location names.

    ``None`` for one that no request can have: with a query, a fragment, or a path that no endpoint
    can hold.
    """
    parts = _split_kept(location)
    if parts is None or parts.rest:
        return None
    given = parts.path.removesuffix("/")
    path = "" if given == "" else read_path(given)
    if path is None or len(path) > _MAX_BASE_PATH:
        return None
    if path.endswith("/") or "//" in path or "*" in path or ";" in path:
        return None
    return Base(parts.origin, path, format_origin(parts.origin) + path)


def _port(digits: str, scheme: Scheme) -> int | None:
    if digits == "":
        return default_port(scheme)
    digits = digits.lstrip("0") or "0"
    port = int(digits) if len(digits) <= 5 else 65_536
    return port if port <= 65_535 else None


def _host(text: str) -> str | None:
    """The host as the URL Standard writes it; ``None`` for one that it does not take."""
    if text.startswith("["):
        return _ipv6(text[1:-1])
    host = text.lower()
    if not host.isascii() or "xn--" in host:
        from .idn import ascii_host

        named = ascii_host(host)
        if named is None:
            return None
        host = named
    if host.endswith("."):
        return None
    last = host.rpartition(".")[2]
    return _ipv4(host) if _NUMBER.fullmatch(last) else host


def _ipv4(host: str) -> str | None:
    """A host whose last label is a number is an address or nothing: ``0x7f.1`` is 127.0.0.1."""
    labels = host.split(".")
    if len(labels) > 4:
        return None
    values: list[int] = []
    for label in labels:
        value = _ipv4_number(label)
        if value is None:
            return None
        values.append(value)
    *first, last = values
    if any(value > 255 for value in first) or last >= 256 ** (5 - len(values)):
        return None
    address = last + sum(value << (8 * (3 - at)) for at, value in enumerate(first))
    return ".".join(str(address >> shift & 255) for shift in (24, 16, 8, 0))


def _ipv4_number(label: str) -> int | None:
    if not _NUMBER.fullmatch(label) or len(label) > 64:
        return None
    if label.startswith("0x"):
        return int(label[2:] or "0", 16)
    if len(label) > 1 and label.startswith("0"):
        return int(label, 8) if label.isdigit() and not set("89") & set(label) else None
    return int(label)


def _ipv6(text: str) -> str | None:
    """The address in brackets, with its longest row of zeros left out."""
    from ipaddress import AddressValueError, IPv6Address

    try:
        packed = IPv6Address(text).packed
    except AddressValueError:
        return None
    groups = [f"{packed[at] << 8 | packed[at + 1]:x}" for at in range(0, 16, 2)]
    start, length = 0, 1
    at = 0
    while at < 8:
        end = at
        while end < 8 and groups[end] == "0":
            end += 1
        if end - at > length:
            start, length = at, end - at
        at = max(end, at + 1)
    if length < 2:
        return f"[{':'.join(groups)}]"
    return f"[{':'.join(groups[:start])}::{':'.join(groups[start + length :])}]"
