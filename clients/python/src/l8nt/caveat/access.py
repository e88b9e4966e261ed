"""The facts of one request. A caveat can only prohibit an access; no fact in it comes from a
caveat. spec/2-caveats.md §2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

from ..amount import Amount
from .target import Target

__all__ = ["MISSING", "Access", "Missing"]


class Missing(Enum):
    """The type of ``MISSING``."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""A fact that is not known, beside ``None`` for one that is known not to be there."""


@dataclass(frozen=True, slots=True)
class Access:
    """What one request asks for, as far as the one who judges it knows."""

    now: float
    """Unix seconds."""
    target: Target | Literal["self"]
    """What is asked for. ``"self"`` is the credential's own affairs at its authority (what is left,
    revoking what descends from it): endpoints, prices and the like have nothing to say there, while
    time and unknown conditions do.
    """
    price: Amount | None = None
    """The price of this request or purchase, once it is known."""
    priced_request: Callable[[], str | None] | None = None
    """The hash of this request as it is priced now, of a service whose prices depend on the
    request; it returns ``None`` if the request cannot be told apart from others.
    spec/2-caveats.md §6.
    """
    payee: str | None = None
    """The node (hex public key) that the invoice pays, once it is known."""
    service: str | None = None
    """The L402 name of the service that judges."""
    capability: str | None = None
    """What the request does at the service."""
    model: str | Missing | None = MISSING
    """The model that the request uses; ``None`` if it is known to use none."""
    ledger: str | Missing | None = MISSING
    """The location of the ledger that the verifier counts limits in; ``None`` if it has none.
    ``MISSING`` if a holder asks, who does not know the verifier.
    """
    holder: str | Missing | None = MISSING
    """The thumbprint of the key that signed the request; ``None`` if none did, or it was not looked
    at. ``MISSING`` if a holder asks.
    """
