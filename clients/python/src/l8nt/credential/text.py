"""The spellings of a credential of any form: ``base64(token) ":" hex(preimage)``, or an API key.
spec/1-credential.md §3.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .._encoding import base64_bytes, base64_text, base64url_text, is_longer
from ..errors import TokenError

MAX_CHARACTERS = 8192
KEY_PREFIX = "sk-sigil-"
PREIMAGE_BYTES = 32

_KEY_DIGITS = re.compile(r"[A-Za-z0-9_-]*")
_PREIMAGE = re.compile(r"[0-9a-fA-F]{64}")


class TextParts(NamedTuple):
    """A text taken apart. Holds the secret: it is passed to a reader and not kept."""

    token: bytes
    """The bytes of the form; its first byte tells the form."""
    preimage: str
    """As it was written."""

    def __repr__(self) -> str:
        return "<TextParts, not shown>"


def read_text(text: str) -> TextParts:
    """Takes a text apart: base64 in either alphabet, padded or not; or the key form.

    Raises TokenError ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``.
    """
    # It is read from the environment and from requests, so anything may come.
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise malformed_text()
    if is_longer(text, MAX_CHARACTERS):
        raise TokenError(
            "ERR_TOKEN_TOO_LARGE", f"A credential has at most {MAX_CHARACTERS} characters."
        )
    parts = _key_parts(text) if text.startswith(KEY_PREFIX) else _text_parts(text)
    if parts is None:
        raise malformed_text()
    return parts


def _text_parts(text: str) -> TextParts | None:
    body, colon, preimage = text.rpartition(":")
    token = base64_bytes(body) if colon else None
    return None if token is None else TextParts(token, preimage)


def _key_parts(text: str) -> TextParts | None:
    digits = text[len(KEY_PREFIX) :]
    data = base64_bytes(digits) if _KEY_DIGITS.fullmatch(digits) else None
    if data is None or len(data) < PREIMAGE_BYTES:
        return None
    return TextParts(data[:-PREIMAGE_BYTES], data[-PREIMAGE_BYTES:].hex())


def read_preimage(text: str) -> bytes:
    """The 32 bytes of a preimage. Raises TokenError ``ERR_TOKEN_MALFORMED``."""
    if _PREIMAGE.fullmatch(text) is None:
        raise malformed_text()
    return bytes.fromhex(text)


def write_text(token: bytes, preimage: bytes) -> str:
    """The one spelling that this library writes."""
    return f"{base64_text(token)}:{preimage.hex()}"


def write_key(token: bytes, preimage: bytes) -> str:
    """The same as an API key."""
    return KEY_PREFIX + base64url_text(token + preimage)


def malformed_text() -> TokenError:
    return TokenError("ERR_TOKEN_MALFORMED", "The credential is not base64(token):hex(preimage).")
