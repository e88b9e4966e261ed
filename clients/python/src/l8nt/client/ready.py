"""Passes that served a request, ready for the same request: nothing is chosen or judged again while
nothing has changed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from ..credential import presented_at
from ..l402 import format_authorization
from .held import Held
from .options import RequestOptions
from .sendable import is_sendable

if TYPE_CHECKING:
    from .outgoing import Outgoing
    from .sender import SenderContext

_MAX_READY = 1024
_PLAIN = frozenset(("timeout", "extensions"))
"""Arguments of a request that change nothing of what is chosen for it."""
_DECIDING = frozenset(
    (b"authorization", b"macaroon", b"grpc-metadata-macaroon", b"idempotency-key", b"prefer")
)


@dataclass(frozen=True, slots=True)
class Ready:
    """What a request is sent with."""

    held: Held
    version: int
    """Of what was handed over to the client, when it was chosen."""
    authorization: str = field(repr=False)
    since: float
    until: float
    """Unix seconds by the client's clock between which every credential covers the request."""


class ReadyPasses:
    """By method and URL, as they are sent. Threads share it."""

    __slots__ = ("_context", "_passes")

    def __init__(self, context: SenderContext) -> None:
        self._context = context
        self._passes: dict[tuple[str, str], Ready] = {}

    def of(self, method: str, url: str, options: RequestOptions) -> Ready | None:
        """What the request is sent with; ``None`` if it has to be judged."""
        ready = self._passes.get((method, url))
        if ready is None or (options and not _PLAIN.issuperset(options)):
            return None
        is_same = ready.version == self._context.held.version
        return ready if is_same and ready.since <= self._context.clock() < ready.until else None

    def note(self, method: str, url: str, options: RequestOptions, ready: Ready | None) -> None:
        """Remembers what served a request."""
        if ready is not None and _PLAIN.issuperset(options):
            if len(self._passes) >= _MAX_READY:
                self._passes.clear()
            self._passes[method, url] = ready


def is_plain(headers: list[tuple[bytes, bytes]]) -> bool:
    """Whether no field of a request decides what is sent with it, and each can be sent."""
    return all(name not in _DECIDING and is_sendable(name, value) for name, value in headers)


def ready_of(
    request: Outgoing, used: Held, own_end: int | None, context: SenderContext
) -> Ready | None:
    """What the same request can be sent with. ``own_end``: the end of the credential that covers
    it, in Unix seconds.
    """
    chain = used.credential.chain
    is_pass = not chain.limits and chain.last_end is None
    is_plain_request = (
        request.body is None
        and request.is_small
        and request.key is None
        and not request.is_key_made
        and not request.strayed
        and request.order_id is None
        and "authorization" not in request.fields
    )
    if not is_pass or not is_plain_request or context.signer is not None:
        return None
    skew = context.held.skew_of(used.order.target)
    theirs = inf if chain.valid_until is None else chain.valid_until - skew
    ours = inf if own_end is None else own_end
    shown = presented_at(used.credential, used.order.target.origin)
    now = context.clock()
    return Ready(used, context.held.version, format_authorization(shown), now, min(theirs, ours))
