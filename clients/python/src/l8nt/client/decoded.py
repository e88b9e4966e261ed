"""The body of an answer without its content coding. No more is made of it than the client keeps:
a few bytes may stand for gigabytes.
"""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Callable
from typing import Any

_MAX_CODINGS = 4
_MAX_MEMBERS = 16


class _TooLarge(Exception):
    """The body is larger than what is kept."""


def decoded(body: bytes, coding: str | None, max_bytes: int) -> bytes | None:
    """The body; ``None`` for one that is larger, or that cannot be decoded."""
    names = [name.strip().lower() for name in (coding or "").split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > _MAX_CODINGS:
        return None
    for name in reversed(names):
        decode = _CODINGS.get(name)
        if decode is None:
            return None
        try:
            body = decode(body, max_bytes)
        except Exception:  # Each library has errors of its own.
            return None
    return body if len(body) <= max_bytes else None


def _gzip(body: bytes, max_bytes: int) -> bytes:
    made = b""
    for _ in range(_MAX_MEMBERS):
        part, body = _inflated(body, max_bytes - len(made), zlib.MAX_WBITS | 16)
        made += part
        if not body:
            return made
    raise _TooLarge


def _deflate(body: bytes, max_bytes: int) -> bytes:
    try:
        return _inflated(body, max_bytes, zlib.MAX_WBITS)[0]
    except zlib.error:
        # Servers leave out the header.
        return _inflated(body, max_bytes, -zlib.MAX_WBITS)[0]


def _inflated(body: bytes, max_bytes: int, bits: int) -> tuple[bytes, bytes]:
    """The body, and what comes behind it."""
    if not body:
        return b"", b""
    decoder = zlib.decompressobj(bits)
    made = decoder.decompress(body, max_bytes + 1)
    if len(made) > max_bytes:
        raise _TooLarge
    if not decoder.eof:
        raise EOFError
    return made, decoder.unused_data


def _br(body: bytes, max_bytes: int) -> bytes:
    # One that knows no limit is not asked: it raises TypeError.
    decoder = _first("brotli", "brotlicffi").Decompressor()
    made: bytes = decoder.process(body, output_buffer_limit=max_bytes + 1)
    while len(made) <= max_bytes and not decoder.is_finished():
        part: bytes = decoder.process(b"", output_buffer_limit=max_bytes + 1)
        if not part:
            raise EOFError
        made += part
    return made


def _zstd(body: bytes, max_bytes: int) -> bytes:
    decoder = _first("compression.zstd", "backports.zstd").ZstdDecompressor()
    made: bytes = decoder.decompress(body, max_bytes + 1)
    if len(made) <= max_bytes and not decoder.eof:
        raise EOFError
    return made


def _first(*names: str) -> Any:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:  # noqa: PERF203 - there are few.
            continue
    raise ImportError


_CODINGS: dict[str, Callable[[bytes, int], bytes]] = {
    "gzip": _gzip,
    "x-gzip": _gzip,
    "deflate": _deflate,
    "br": _br,
    "zstd": _zstd,
}
