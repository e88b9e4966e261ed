"""The names of L402 services. spec/2-caveats.md §2."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["is_any_service_name", "is_service_name"]

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ANY: Final = re.compile(r"[!-)+-~]{1,256}")


def is_service_name(text: str) -> bool:
    """Whether it is a name of an L402 service that takes names as Sigil does."""
    return _NAME.fullmatch(text) is not None


def is_any_service_name(text: str) -> bool:
    """Whether another service may call itself this in ``services``: aperture joins its name and the
    path where prices are dynamic.
    """
    return _ANY.fullmatch(text) is not None
