"""Hosts with letters of other scripts, in Punycode as the URL Standard writes them (UTS #46)."""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["ascii_host"]

_FORBIDDEN: Final = frozenset("\x7f#/:<>?@[\\]^|%" + "".join(map(chr, range(0x21))))


def ascii_host(host: str) -> str | None:
    """The host in ASCII; ``None`` for one that is not valid.

    Needs the package ``idna``, which comes with httpx2; without it no such host is valid.
    """
    try:
        import idna
    except ImportError:
        return None
    try:
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        texts = [_unicode(label) for label in mapped.split(".")]
        for text in texts:
            # The mapping of a label that came in Punycode must leave it as it is.
            if idna.uts46_remap(text, std3_rules=False, transitional=False) != text:
                return None
            if text and unicodedata.category(text[0]).startswith("M"):
                return None
            for at, char in enumerate(text):
                if char in "\u200c\u200d" and not idna.valid_contextj(text, at):
                    return None
        if any(unicodedata.bidirectional(char) in ("R", "AL", "AN") for char in "".join(texts)):
            for text in filter(None, texts):
                idna.check_bidi(text, check_ltr=True)
        written = ".".join(map(_ascii, texts))
    except (ValueError, OverflowError):
        return None
    # A letter may have been mapped to a character that no host has.
    return None if set(written) & _FORBIDDEN else written


def _unicode(label: str) -> str:
    """The text of a label. Raises ``ValueError`` for Punycode that has another spelling."""
    if not label.startswith("xn--"):
        return label
    text = label[4:].encode("ascii").decode("punycode")
    if text.isascii() or _ascii(text) != label:
        raise ValueError("no Punycode")
    return text


def _ascii(text: str) -> str:
    return text if text.isascii() else f"xn--{text.encode('punycode').decode('ascii')}"
