"""Endpoint patterns: which methods, at which origin, under which path. spec/2-caveats.md §3."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from .origin import Origin, Scheme, default_port, format_origin
from .path import read_path
from .target import Target

__all__ = ["EndpointPattern", "matches_endpoint", "read_endpoint"]


class EndpointPattern(NamedTuple):
    """One entry of the condition ``endpoints``."""

    methods: tuple[str, ...] | None
    """As they stand in the entry, each once; ``None`` for any method."""
    scheme: Scheme
    host: str
    """A name, ``*.name`` for the names below it, or ``*`` for any."""
    port: int | None
    """``None`` for any port."""
    segments: tuple[str, ...]
    text: str
    """Canonical."""


_ENTRY: Final = re.compile(
    r"(\*|[A-Z][A-Z-]{0,31}(?:\|[A-Z][A-Z-]{0,31})*) (https?)://"
    r"(\[[0-9a-f:.]+\]|[a-z0-9*._-]+)(?::([1-9][0-9]{0,4}|\*))?(/[^\s?#;]*)"
)
_LABEL: Final = "[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?"
_HOST: Final = re.compile(rf"\*|(?:\*\.)?{_LABEL}(?:\.{_LABEL})*|\[[0-9a-f:.]+\]")


@lru_cache(maxsize=4096)
def read_endpoint(entry: str) -> EndpointPattern | None:
    """Read one entry such as ``GET|POST https://api.example/orders/*``; ``None`` for anything else.

    A host is in lower case, ``*`` or ``*.name``; a port may be ``*``; a segment ``*`` is any one
    segment, and the last may be ``**``, which is one or more.
    """
    match = _ENTRY.fullmatch(entry)
    if match is None:
        return None
    method_list, host, port_text = match[1], match[3], match[4]
    scheme: Scheme = "https" if match[2] == "https" else "http"
    standard = default_port(scheme)
    port = standard if port_text is None else None if port_text == "*" else int(port_text)
    if not _HOST.fullmatch(host) or (port is not None and port > 65_535):
        return None
    path = read_path(match[5])
    if path is None:
        return None
    segments = tuple(path[1:].split("/"))
    if "*" in path and not _has_whole_stars(segments):
        return None
    methods = None if method_list == "*" else tuple(dict.fromkeys(method_list.split("|")))
    suffix = ":*" if port is None else "" if port == standard else f":{port}"
    text = f"{method_list} {scheme}://{host}{suffix}{path}"
    return EndpointPattern(methods, scheme, host, port, segments, text)


def _has_whole_stars(segments: Sequence[str]) -> bool:
    """A star is a segment of its own, and ``**`` the last: ``/a*`` and ``/**/b`` would each have a
    second reading.
    """
    last = len(segments) - 1
    return all(
        "*" not in segment or segment == "*" or (segment == "**" and at == last)
        for at, segment in enumerate(segments)
    )


def read_endpoints(value: str) -> tuple[EndpointPattern, ...] | None:
    """Read a whole ``endpoints`` value. An empty list is a list: it allows nothing."""
    if value == "":
        return ()
    patterns: list[EndpointPattern] = []
    for entry in value.split(";"):
        pattern = read_endpoint(entry)
        if pattern is None:
            return None
        patterns.append(pattern)
    return tuple(patterns)


def matches_endpoint(pattern: EndpointPattern, target: Target) -> bool:
    """Whether the pattern covers method, origin and path of a request."""
    return (
        _matches_method(pattern.methods, target.method)
        and matches_origin(pattern, target.origin)
        and _matches_path(pattern.segments, target.segments)
    )


def _matches_method(methods: tuple[str, ...] | None, method: str) -> bool:
    """HEAD is GET without the content (RFC 9110 §9.3.2): a credential that allows GET allows
    less.
    """
    return methods is None or method in methods or (method == "HEAD" and "GET" in methods)


def matches_origin(pattern: EndpointPattern, origin: Origin) -> bool:
    """Whether the pattern covers requests at this origin."""
    if pattern.scheme != origin.scheme or (
        pattern.port is not None and pattern.port != origin.port
    ):
        return False
    host = pattern.host
    if host.startswith("*"):
        return host == "*" or origin.host.endswith(host[1:])
    return host == origin.host


def _matches_path(pattern: Sequence[str], path: Sequence[str]) -> bool:
    """``*`` matches one segment that is not empty; a final ``**`` one or more, even empty ones."""
    is_open = pattern[-1] == "**"
    fixed = len(pattern) - 1 if is_open else len(pattern)
    if len(path) <= fixed if is_open else len(path) != fixed:
        return False
    return all(
        path[at] != "" if pattern[at] == "*" else pattern[at] == path[at] for at in range(fixed)
    )


def is_one_endpoint(pattern: EndpointPattern) -> bool:
    """Whether the pattern matches one method at one path; with GET also HEAD."""
    methods = pattern.methods
    return methods is not None and len(methods) == 1 and not {"*", "**"} & set(pattern.segments)


def covers_endpoint(outer: EndpointPattern, inner: EndpointPattern) -> bool:
    """Whether ``outer`` matches everything that ``inner`` matches."""
    return (
        _covers_methods(outer, inner)
        and outer.scheme == inner.scheme
        and (outer.port is None or outer.port == inner.port)
        and _covers_host(outer.host, inner.host)
        and _covers_path(outer.segments, inner.segments)
    )


def endpoints_meet(one: EndpointPattern, other: EndpointPattern) -> bool:
    """Whether one request may match both patterns, as far as their origins tell. Methods and paths
    are not compared.
    """
    return (
        one.scheme == other.scheme
        and (one.port is None or other.port is None or one.port == other.port)
        and (_covers_host(one.host, other.host) or _covers_host(other.host, one.host))
    )


def endpoint_at(pattern: EndpointPattern, origin: Origin) -> str | None:
    """The pattern with ``origin`` written out; ``None`` if it matches nothing at that origin."""
    if not matches_origin(pattern, origin):
        return None
    methods = "*" if pattern.methods is None else "|".join(pattern.methods)
    return f"{methods} {format_origin(origin)}/{'/'.join(pattern.segments)}"


def _covers_methods(outer: EndpointPattern, inner: EndpointPattern) -> bool:
    if outer.methods is None:
        return True
    if inner.methods is None:
        return False
    covered = {*outer.methods, *(("HEAD",) if "GET" in outer.methods else ())}
    return covered.issuperset(inner.methods)


def _covers_host(outer: str, inner: str) -> bool:
    if outer in ("*", inner):
        return True
    return outer.startswith("*.") and inner != "*" and inner.endswith(outer[1:])


def _covers_path(outer: Sequence[str], inner: Sequence[str]) -> bool:
    is_open = outer[-1] == "**"
    fixed = len(outer) - 1 if is_open else len(outer)
    if is_open:
        if len(inner) <= fixed:
            return False
    elif inner[-1] == "**" or len(inner) != fixed:
        return False
    return all(
        inner[at] not in ("", "**") if outer[at] == "*" else outer[at] == inner[at]
        for at in range(fixed)
    )
