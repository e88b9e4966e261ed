"""Macaroons as libmacaroons and go-macaroon read them, V2 binary. spec/1-credential.md §1."""

from .macaroon import UnverifiedMacaroon

__all__ = ["UnverifiedMacaroon"]
