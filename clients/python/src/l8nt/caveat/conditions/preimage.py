"""``preimage``: the proof of payment, as Lightning Labs' clients append it."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from ..access import Access
from ..condition import Condition, Denial, Place

_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")


def _parse(text: str) -> str | None:
    """Returns the hash alone, so that no message can show the preimage."""
    if not _HEX.fullmatch(text):
        return None
    return hashlib.sha256(bytes.fromhex(text)).hexdigest()


def _prohibits(payment: str, _: Access, place: Place) -> Denial | None:
    if payment == place.payment_hash:
        return None
    return Denial("a preimage of another payment", "the preimage of this one")


preimage: Final = Condition[str](
    name="preimage",
    judged_by="both",
    hand_over="relay",
    is_secret=True,
    code="ERR_PREIMAGE_CAVEAT",
    parse=_parse,
    prohibits=_prohibits,
    words=lambda _payment, _now: ["names the payment that it belongs to"],
)
