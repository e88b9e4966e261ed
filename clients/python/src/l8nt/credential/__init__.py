"""Credentials of any form: what their holders do with them, and what a verifier proves."""

from .body import Blocks, Body, Descent
from .credential import Credential, delegate
from .forms import FormReader, register_form
from .macaroon_body import MacaroonBody
from .presented_at import is_presented_alone, only_at, presented_at
from .revocations import Revocation, RevocationList
from .verified import Places, Verified, VerifierFacts
from .verifier import Verifier

__all__ = [
    "Blocks",
    "Body",
    "Credential",
    "Descent",
    "FormReader",
    "MacaroonBody",
    "Places",
    "Revocation",
    "RevocationList",
    "Verified",
    "Verifier",
    "VerifierFacts",
    "delegate",
    "is_presented_alone",
    "only_at",
    "presented_at",
    "register_form",
]
