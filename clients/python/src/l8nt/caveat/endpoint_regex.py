"""Endpoint patterns as one regular expression over the text of an access.
spec/9-public-key.md §3.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from .endpoint import EndpointPattern
from .target import Target

_SPECIAL: Final = re.compile(r"[\\.+*?()|\[\]{}^$]")
_ANY_METHOD: Final = "[A-Z][A-Z-]*"
_ANY_HOST: Final = r"(?:[^/:\[\]]+|\[[^/\[\]]+\])"
_ANY_PORT: Final = "[0-9]+"


def access_text(target: Target) -> str:
    """What the regular expressions of endpoints are matched with: the port is always written."""
    scheme, host, port = target.origin
    return f"{target.method} {scheme}://{host}:{port}{target.path}"


def endpoints_regex(patterns: Iterable[EndpointPattern]) -> str:
    """Anchored at both ends. The syntax is common to RE2, the ``regex`` crate and ECMAScript."""
    return f"^(?:{'|'.join(map(_one, patterns))})$"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\g<0>", text)


def _one(pattern: EndpointPattern) -> str:
    is_open = pattern.segments[-1:] == ("**",)
    fixed = pattern.segments[:-1] if is_open else pattern.segments
    path = "".join(f"/{'[^/]+' if part == '*' else _escaped(part)}" for part in fixed)
    methods = _ANY_METHOD if pattern.methods is None else _methods(pattern.methods)
    port = _ANY_PORT if pattern.port is None else pattern.port
    end = "/.*" if is_open else ""
    return f"{methods} {pattern.scheme}://{_host(pattern.host)}:{port}{path}{end}"


def _methods(methods: tuple[str, ...]) -> str:
    """GET covers HEAD too."""
    names = dict.fromkeys((*methods, *(["HEAD"] if "GET" in methods else ())))
    return "|".join(names) if len(names) == 1 else f"(?:{'|'.join(names)})"


def _host(host: str) -> str:
    if host == "*":
        return _ANY_HOST
    return rf"[^/:\[\]]*{_escaped(host[1:])}" if host.startswith("*.") else _escaped(host)
