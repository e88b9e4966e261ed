"""The forms of a credential, by the first byte of its token. spec/1-credential.md §1,
spec/9-public-key.md §1.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from .body import Body
from .text import TextParts

FormReader = Callable[[TextParts], Body]
"""Reads a token of its form. Raises TokenError for one that cannot be read."""

PUBLIC_KEY = b"\x08\x12"
"""The tags of the first fields of a Biscuit."""
_PUBLIC_KEY_MODULE = "l8nt.public_key"

_readers: dict[int, FormReader] = {}


def register_form(first_bytes: bytes, reader: FormReader) -> None:
    """Reads tokens that begin with one of ``first_bytes`` with ``reader``."""
    for first in first_bytes:
        _readers[first] = reader


def is_public_key_form(token: bytes) -> bool:
    """Whether a token begins as those of the public-key form do."""
    return token[:1] != b"" and token[0] in PUBLIC_KEY


def form_reader(token: bytes) -> FormReader | None:
    """The reader of a token that is no macaroon; ``None`` for all others. The public-key form is
    loaded with its first token.
    """
    if not is_public_key_form(token):
        return None
    if token[0] not in _readers:
        import_module(_PUBLIC_KEY_MODULE)
    return _readers[token[0]]
