"""The parts of a request that may be sent more than once: without a credential, then with one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import urlsplit

from ..caveat import format_origin, read_origin
from ..errors import AdapterError
from .fields import Fields
from .flow import Flow, fill
from .presents import presents_credential
from .sendable import sendable
from .streamed_body import MAX_BODY_BYTES, StreamedBody

_IDEMPOTENT = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS"))


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request of a call."""

    method: str
    url: str
    """As the HTTP library writes it."""
    fields: Fields
    body: bytes | None = None
    large: bytes | None = None
    """A body that is too large to be paid for."""
    streamed: StreamedBody | None = None
    """A body that comes by and by, and may prove to be too large."""
    redirect: Literal["follow", "manual"] = "follow"
    key: str | None = None
    """The caller's own ``Idempotency-Key``, which names the order."""
    is_own: bool = False
    """Whether the caller presents a credential of its own, so that nothing is added or paid."""
    is_key_made: bool = False
    """Whether the field ``Idempotency-Key`` is the client's, and not the caller's."""
    order_id: str | None = None
    """Id of the order, if the caller made one. A redirect's target is another order."""
    is_once: bool = False
    """Whether it is not sent again by itself, however its connection ends."""
    strayed: bool = False
    """Whether a redirect led to another origin than the one asked for. Nothing is paid there."""
    origin: str = field(default="")

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", origin_of(self.url))

    @property
    def is_small(self) -> bool:
        """Whether an order can have its body."""
        return self.large is None and self.streamed is None

    @property
    def has_own_authorization(self) -> bool:
        """Whether it has an ``Authorization`` that is the API's own."""
        return not self.is_own and "authorization" in self.fields


def origin_of(url: str) -> str:
    """The origin of a URL, for comparison and for people; never a user name or a password."""
    origin = read_origin(url)
    if origin is not None:
        return format_origin(origin)
    try:
        parts = urlsplit(url)
        port = "" if parts.port is None else f":{parts.port}"
        return f"{parts.scheme}://{parts.hostname or ''}{port}"
    except ValueError:
        return "an unreadable URL"


def outgoing(
    method: str,
    url: str,
    fields: Fields,
    body: bytes | StreamedBody | None,
    *,
    redirect: Literal["follow", "manual"],
    order_id: str | None = None,
    strayed: bool = False,
) -> Outgoing:
    """A request as the caller made it."""
    fields = sendable(fields)
    given = fields.get("idempotency-key")
    is_own = presents_credential(fields)
    # The request is sent before and after the payment: the service can tell that it is one request.
    # [case 83]
    is_key_made = not is_own and method not in _IDEMPOTENT and given is None
    if is_key_made:
        fields = fields.with_("idempotency-key", secrets.token_hex(16))
    is_bytes = isinstance(body, bytes)
    is_large = is_bytes and len(body) > MAX_BODY_BYTES
    return Outgoing(
        method=method,
        url=url,
        fields=fields,
        body=body if is_bytes and not is_large and body else None,
        large=body if is_bytes and is_large else None,
        streamed=None if is_bytes else body,
        redirect=redirect,
        key=given if order_id is None else None,
        is_own=is_own,
        is_key_made=is_key_made,
        order_id=order_id,
        strayed=strayed,
    )


def whole(request: Outgoing) -> Flow[Outgoing]:
    """The request with all of its body, as it can be sent again. It stays as it is if that is too
    large.
    """
    streamed = request.streamed
    if streamed is None:
        return request
    yield from fill(streamed)
    kept = streamed.kept
    if kept is None:
        return request
    # Its length is known now.
    fields = request.fields.without("transfer-encoding")
    return replace(request, fields=fields, body=kept or None, streamed=None)


def too_large_to_buy(origin: str) -> AdapterError:
    """The error for a 402 to a request whose body is too large to be paid for."""
    return AdapterError(
        "ERR_TOO_LARGE",
        f"{origin} asks for payment, and a request is paid for only if its body has at most "
        f"{MAX_BODY_BYTES} bytes: it is sent again, and through a treasury. Nothing was paid. Send "
        "less, or buy a pass of the service with a smaller request first.",
    )
