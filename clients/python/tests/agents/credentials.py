"""Credentials of a treasury that is not there, and what its verifier says of them."""

from __future__ import annotations

from typing import Any, Final

from l8nt.credential import Credential, Verified
from l8nt.l402 import HmacVerifier, Minter

from .family import START

_SECRET: Final = "9b1f6e2ad3c84750f1e2d3c4b5a69788a7b6c5d4e3f2010f1e2d3c4b5a697887"
_MINTER: Final = Minter(
    secret=_SECRET, location="https://treasury.example", kind="spending", clock=lambda: START
)
_VERIFIER: Final = HmacVerifier(secret=_SECRET, kind="spending")


def mint(**scope: Any) -> Credential:
    """A credential at the top of a tree, for thirty days from ``START``."""
    words: dict[str, Any] = {
        "endpoints": ["* https://api.example/**"],
        "budget": "1000 sat",
        "expires_in": "30d",
        **scope,
    }
    return _MINTER.mint(**words)


def proven(credential: Credential) -> Verified:
    """The credential, verified by its treasury."""
    return _VERIFIER.authenticate(credential.text)
