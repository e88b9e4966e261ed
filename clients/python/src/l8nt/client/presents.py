"""Whether a request presents a credential. spec/3-challenge.md §4."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any

from ..l402 import mentions_credential

if TYPE_CHECKING:
    from .fields import Fields

CREDENTIAL_FIELDS = ("authorization", "grpc-metadata-macaroon", "macaroon")
"""Every header field that can carry a credential, in lower case."""

ADDED_FIELDS = (
    *CREDENTIAL_FIELDS,
    "idempotency-key",
    "prefer",
    # Those of a signature.
    "sigil-holder",
    "content-digest",
    "signature",
    "signature-agent",
    "signature-input",
)
"""Every header field that a client adds to a request or changes, in lower case."""


_OF_ONE_ORIGIN = ("grpc-metadata-macaroon", "macaroon", "proxy-authorization")
"""Fields with a secret that no HTTP library knows, so that it sends them where a redirect leads."""


def keep_from_others(headers: MutableMapping[str, Any]) -> None:
    """Takes a caller's own credentials out of a request that a redirect led to another origin."""
    own: Any = headers.get("authorization") or ""
    is_ours = mentions_credential(own.decode("latin-1") if isinstance(own, bytes) else own)
    for name in (*_OF_ONE_ORIGIN, *(("authorization",) if is_ours else ())):
        while name in headers:
            del headers[name]


def presents_credential(fields: Fields) -> bool:
    """Whether a request presents a credential of Sigil's, readable or not."""
    authorization, *others = CREDENTIAL_FIELDS
    return any(name in fields for name in others) or mentions_credential(
        fields.get(authorization) or ""
    )
