"""Strict readers of hex and base64, which take the whole input or none of it; lengths of texts."""

from __future__ import annotations

import re
from binascii import Error, a2b_base64, b2a_base64

_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")


def is_longer(text: str, most: int) -> bool:
    """Whether a text has more characters than a limit, which counts them alike in every language:
    in UTF-16 units, of which a character beyond U+FFFF has two.
    """
    if text.isascii() or len(text) > most:
        return len(text) > most
    return len(text) + sum(one > "\uffff" for one in text) > most


def hex_bytes(text: str) -> bytes | None:
    """The bytes of hex in either case; ``None`` for anything else. ``bytes.fromhex`` alone skips
    white space.
    """
    return bytes.fromhex(text) if _HEX.fullmatch(text) else None


def base64_bytes(text: str) -> bytes | None:
    """The bytes of base64 in the standard or the URL-safe alphabet, not both, padded fully or not
    at all, with unused bits of zero; ``None`` for anything else.
    """
    if "-" in text or "_" in text:
        if "+" in text or "/" in text:
            return None
        text = text.replace("-", "+").replace("_", "/")
    padded = text if text.endswith("=") else text + "=" * (-len(text) % 4)
    try:
        data = a2b_base64(padded)
    except (Error, ValueError):
        return None
    # The decoder is lenient, so its result counts only if it encodes back to the same text.
    return data if base64_text(data) == padded else None


def base64_text(data: bytes) -> str:
    """Base64 in the standard alphabet, padded."""
    return b2a_base64(data, newline=False).decode("ascii")


def base64url_text(data: bytes) -> str:
    """Base64 in the URL-safe alphabet, without padding."""
    return base64_text(data).replace("+", "-").replace("/", "_").rstrip("=")
