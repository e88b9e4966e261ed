"""The ``Macaroon`` and ``Grpc-Metadata-Macaroon`` header fields: the hex of a macaroon with its
preimage in a caveat. spec/3-challenge.md §4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .._encoding import hex_bytes
from ..credential import Credential, MacaroonBody
from ..credential.text import read_preimage
from ..errors import TokenError
from ..macaroon import UnverifiedMacaroon
from ..macaroon.packet import MAX_PACKET_BYTES
from .authorization import MAX_FIELD_CHARACTERS, ambiguous

_BLANK = re.compile(r"[ \t]*")
_CAVEAT = "preimage="


def read_macaroon_field(field: str | None) -> str | None:
    """The text of the credential in the two fields; ``None`` if they are missing or blank. Several
    lines, joined by commas, count as one if they carry the same macaroon. [case 8]

    Raises TokenError ``ERR_TOKEN_AMBIGUOUS`` for two different ones, ``ERR_TOKEN_MALFORMED`` (also
    for a macaroon without a ``preimage`` caveat), ``ERR_TOKEN_TOO_LARGE``,
    ``ERR_TOKEN_THIRD_PARTY``.
    """
    if field is None or _BLANK.fullmatch(field):
        return None
    if len(field) > MAX_FIELD_CHARACTERS:
        raise TokenError("ERR_TOKEN_TOO_LARGE", "The Macaroon field is too long.")
    first, *others = (one.strip(" \t") for one in field.split(","))
    # Only the case of hex digits may differ.
    if any(other.lower() != first.lower() for other in others):
        raise ambiguous()
    if len(first) > 2 * MAX_PACKET_BYTES:
        raise TokenError("ERR_TOKEN_TOO_LARGE", f"A macaroon has at most {MAX_PACKET_BYTES} bytes.")
    packet = hex_bytes(first)
    if not packet:
        raise TokenError("ERR_TOKEN_MALFORMED", "The Macaroon field is not hex.")
    macaroon = UnverifiedMacaroon.decode(packet)
    proof = _preimage_in(macaroon.caveats)
    if proof is None:
        raise TokenError(
            "ERR_TOKEN_MALFORMED",
            "The macaroon has no preimage caveat. Send `Authorization: L402 "
            "base64(macaroon):hex(preimage)`, or append one.",
        )
    return MacaroonBody(macaroon, read_preimage(proof)).to_text()


def _preimage_in(caveats: Sequence[bytes]) -> str | None:
    """Reads the first such caveat, because any holder can append another. Later ones are judged
    like any caveat.
    """
    start = _CAVEAT.encode()
    for caveat in caveats:
        if caveat.startswith(start):
            try:
                return caveat[len(start) :].decode()
            except UnicodeDecodeError:
                continue
    return None


def format_macaroon_field(credential: Credential) -> str:
    """The value that presents a credential to a service behind gRPC, as Lightning Labs' clients
    send it: with a caveat that holds the preimage.

    Raises TokenError ``ERR_TOKEN_TOO_LARGE`` if the caveat does not fit, ``ERR_TOKEN_MALFORMED``
    for a credential of the public-key form.
    """
    body = macaroon_body_of(credential)
    carried = _preimage_in(body.caveats)
    if carried is None or carried.lower() != body.preimage:
        body = body.append([_CAVEAT + body.preimage])
    return body.macaroon.encode().hex()


def macaroon_body_of(credential: Credential) -> MacaroonBody:
    """The macaroon form of a credential.

    Raises TokenError ``ERR_TOKEN_MALFORMED`` for a credential of another form.
    """
    body = credential.body
    if isinstance(body, MacaroonBody):
        return body
    raise TokenError("ERR_TOKEN_MALFORMED", "The credential is not a macaroon.")
