"""What all calls of one client share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .carried import Carried, CarriedCredentials
from .sender import SenderContext
from .standing import PaymentSummary
from .trusted import Trusted


@dataclass(frozen=True)
class TripContext:
    """What all calls of one client share."""

    sender: SenderContext
    carried: CarriedCredentials
    trusted: Trusted
    on_payment: Callable[[PaymentSummary], object] | None
    written: Callable[[str], str]
    """A URL as the HTTP library writes it."""
    opened: Callable[[], Carried] | None = None
    """Starts what mints the credential that pays, if it has not minted it yet."""
