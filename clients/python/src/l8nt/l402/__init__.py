"""Credentials and challenges of the L402 scheme, their minter and their verifier.
spec/3-challenge.md.
"""

from .auth_items import AuthItem, read_challenges
from .authorization import (
    format_authorization,
    mentions_credential,
    other_schemes,
    read_authorization,
    without_ours,
)
from .challenge import Challenge, Offer, bare_line, is_lsat_alone
from .hmac_verifier import HmacVerifier, Kind
from .issuers import issuers_in, write_issuers
from .macaroon_field import format_macaroon_field, macaroon_body_of, read_macaroon_field
from .minter import Minter
from .presented import CREDENTIAL_FIELDS, presents_credential, read_presented
from .roots import Secret, SecretSource
from .token import Token

__all__ = [
    "CREDENTIAL_FIELDS",
    "AuthItem",
    "Challenge",
    "HmacVerifier",
    "Kind",
    "Minter",
    "Offer",
    "Secret",
    "SecretSource",
    "Token",
    "bare_line",
    "format_authorization",
    "format_macaroon_field",
    "is_lsat_alone",
    "issuers_in",
    "macaroon_body_of",
    "mentions_credential",
    "other_schemes",
    "presents_credential",
    "read_authorization",
    "read_challenges",
    "read_macaroon_field",
    "read_presented",
    "without_ours",
    "write_issuers",
]
