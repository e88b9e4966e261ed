"""The ``Idempotency-Key`` of a use that the caller gave none for, and what a service answers to a
repetition. spec/4-purchase.md §2.
"""

from __future__ import annotations

import hashlib
from typing import Literal

from ..wire.service_refusal import is_known_key, is_running
from .fingerprint import priced_fingerprint_of
from .flow import Reply
from .held import Held
from .outgoing import Outgoing

IDEMPOTENCY_FIELD = "idempotency-key"


def key_of_use(request: Outgoing, held: Held) -> str | None:
    """The key of a request with a credential for one request: it follows from the purchase, the
    order that it was handed over for, and the request. A service that keeps its answers so gives a
    lost one again, and to no other order: that one would get an old answer. ``None`` if the caller
    gave a key, or a large body.
    """
    is_given = IDEMPOTENCY_FIELD in request.fields and not request.is_key_made
    # The key would not tell one large body from another.
    if not request.is_small or is_given or not held.credential.chain.is_single_use:
        return None
    printed = priced_fingerprint_of(request.method, request.url, request.fields, request.body)
    use = f"use {held.credential.payment_hash} {held.order.id} {printed}"
    return hashlib.sha256(use.encode()).hexdigest()[:32]


def repetition(reply: Reply) -> Literal["running", "gone"] | None:
    """What a service says to a repetition that it does not answer: the first request still runs, or
    was answered and the answer is gone. ``None`` for any other reply.
    """
    if is_running(reply):
        return "running"
    return "gone" if is_known_key(reply) else None
