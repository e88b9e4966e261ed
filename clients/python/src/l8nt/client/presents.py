"""Whether a request presents a credential. spec/3-challenge.md §4."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def presents_credential(fields: Fields) -> bool:
    """Whether a request presents a credential of Sigil's, readable or not."""
    authorization, *others = CREDENTIAL_FIELDS
    return any(name in fields for name in others) or mentions_credential(
        fields.get(authorization) or ""
    )
