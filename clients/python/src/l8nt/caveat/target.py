"""Method, origin and path of one request, judged as the very bytes that go on the wire.
spec/2-caveats.md §3.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from .._encoding import is_longer
from .origin import Origin, split_url
from .path import MAX_TARGET_CHARACTERS, read_path

__all__ = ["Target", "target_at", "target_of_url"]


class Target(NamedTuple):
    """One request, in the form that endpoints are compared with."""

    method: str
    origin: Origin
    path: str
    """The raw path without the query, percent-triplets of unreserved characters decoded, the others
    in upper case.
    """
    segments: tuple[str, ...]


_METHOD: Final = re.compile(r"[A-Z][A-Z-]{0,31}")
# CONNECT has no path, TRACE echoes the credential, and a browser's fetch sends neither.
_REFUSED_METHODS: Final = frozenset(("CONNECT", "TRACE", "TRACK"))
_PATH_END: Final = re.compile(r"[?#]")
_LEFT_BY_URLS: Final = str.maketrans({char: f"%{ord(char):X}" for char in "|[]^"})


def target_of_url(method: str, url: str) -> Target | None:
    """The target of a request to this URL, as a client will send it.

    Give the text that the HTTP library made of a URL. ``None`` for a request that is refused, as by
    ``target_at``, and for a text that the library would have to correct.
    """
    parts = split_url(url)
    return None if parts is None else target_at(method, parts.origin, parts.path + parts.rest)


def target_at(method: str, origin: Origin, raw_target: str) -> Target | None:
    """The target of a request as a server received it: its own public origin and the raw request
    target, without any decoding.

    ``None`` for a request that is refused, because a proxy, a framework or a file system behind the
    verifier might read another path: dot segments, encoded slashes, backslashes, NUL and controls,
    encoded once or more, and a path that is encoded more than three times; and for a target of more
    than 8,192 characters.
    """
    if is_longer(raw_target, MAX_TARGET_CHARACTERS):
        return None
    if not _METHOD.fullmatch(method) or method in _REFUSED_METHODS:
        return None
    # `URL` of browsers leaves `|[]^` as they are, and they mean the same as their triplets.
    path = read_path(_PATH_END.split(raw_target, maxsplit=1)[0].translate(_LEFT_BY_URLS))
    return None if path is None else Target(method, origin, path, tuple(path[1:].split("/")))
