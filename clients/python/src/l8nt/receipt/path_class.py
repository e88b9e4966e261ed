"""Path classes: a path without identifiers of records, so that a receipt does not leak them.
spec/6-receipts.md §2.
"""

from __future__ import annotations

import re

_MAX_SEGMENTS = 16
_MAX_SEGMENT_LENGTH = 32
_PLAIN = re.compile(r"[A-Za-z0-9._~-]*")
_HEX = re.compile(r"[0-9A-Fa-f]{8,}")
_DIGIT = re.compile(r"[0-9]")
_LETTER = re.compile(r"[A-Za-z]")


def path_class(path: str) -> str:
    """Each segment that looks like an identifier becomes ``*``; the query and the fragment are
    left out: ``/users/1042?verbose=1`` is ``/users/*``.
    """
    segments = re.split(r"[?#]", path, maxsplit=1)[0].split("/")
    # A path begins with a slash, so that the first segment is empty.
    kept = segments[: _MAX_SEGMENTS + 1]
    classes = ["*" if _is_identifier(one) else one for one in kept]
    return "/".join([*classes, "**"] if len(segments) > len(kept) else classes)


def _is_identifier(segment: str) -> bool:
    if len(segment) > _MAX_SEGMENT_LENGTH or not _PLAIN.fullmatch(segment):
        return True
    if _HEX.fullmatch(segment):
        return True
    return _DIGIT.search(segment) is not None and _LETTER.search(segment) is None
