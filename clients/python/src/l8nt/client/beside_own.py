"""Presents a credential beside the ``Authorization`` of an API's own. spec/4-purchase.md §2."""

from __future__ import annotations

from ..credential import Credential
from ..errors import PaymentError, SigilError, Spent
from ..l402 import format_authorization, format_macaroon_field, read_authorization
from .fields import Fields


def both_in_one(fields: Fields, credential: Credential) -> Fields | None:
    """The fields with one ``Authorization`` of the API's own and a credential that anyone verifies,
    which ``Macaroon`` cannot carry. ``None`` for another credential, and where a service could not
    tell the two apart. spec/3-challenge.md §4.
    """
    if credential.body.issuer is None:
        return None
    made = fields.with_(
        "authorization", f"{fields.get('authorization') or ''}, {format_authorization(credential)}"
    )
    try:
        is_read = read_authorization(made.get("authorization")) == credential.text
    except SigilError:
        return None
    return made if is_read else None


def with_macaroon(fields: Fields, credential: Credential) -> Fields | None:
    """The fields with the credential in ``Macaroon``; ``None`` for a credential that this field
    cannot carry, such as one without room for its preimage.
    """
    try:
        return fields.with_("macaroon", format_macaroon_field(credential))
    except SigilError:
        return None


def own_is_wanted(origin: str, spent: Spent, status: int) -> PaymentError:
    """The error for a service that wants the very ``Authorization`` in whose place the credential
    was sent: no field carries both there. ``spent`` is what this very request has spent.
    """
    return PaymentError(
        "ERR_PAID_NOT_DELIVERED",
        spent,
        f"{origin} reads a paid credential in Authorization alone, where this request has an "
        f"Authorization of its own, and it answers HTTP {status} without that one. The two cannot "
        "be sent together there. Request something that needs no Authorization of its own, or ask "
        "the operator of the service to read the field Macaroon too. What was paid for is kept: it "
        "is used before anything is paid again.",
    )
