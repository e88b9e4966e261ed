"""The ``Authorization`` header field: one credential, or none. spec/3-challenge.md §4."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from ..credential import Credential
from ..errors import TokenError
from .elements import elements_of, is_field_text

MAX_FIELD_CHARACTERS = 24_576

_PLAIN = re.compile(r"L402 ([A-Za-z0-9+/_=:-]+)")
_ELEMENT = re.compile(r"(?:l402|lsat) +([!-~]+)", re.ASCII | re.IGNORECASE)
_SCHEME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+ +[^\s=]")
"""The first element of a scheme: a name, a blank, and what it presents (RFC 9110 §11.4)."""
_PARAMETER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+[ \t]*=")
"""A further element of a scheme that lists its parameters, such as ``Digest``."""
_OURS = re.compile(r"(?:l402|lsat)(?:[ \t]|\Z)", re.ASCII | re.IGNORECASE)
_MAY_MENTION = re.compile(r"(?:^|,)[ \t]*(?:l402|lsat)(?:[ \t]|\Z)", re.ASCII | re.IGNORECASE)
"""No field without it has an element of ours."""


def read_authorization(field: str | None) -> str | None:
    """The text of the credential in an ``Authorization`` field; ``None`` if the field has none of
    ours. Several lines, joined by commas, count as one if they carry the same credential, which is
    how aperture's client sends it. An element of another scheme is the API's own and no second
    credential. [case 8]

    Raises TokenError ``ERR_TOKEN_AMBIGUOUS`` for two different ones, ``ERR_TOKEN_MALFORMED``,
    ``ERR_TOKEN_TOO_LARGE``.
    """
    if field is None:
        return None
    # The form of nearly every client, read in one pass.
    if len(field) <= MAX_FIELD_CHARACTERS and (plain := _PLAIN.fullmatch(field)):
        return plain[1]
    if not mentions_credential(field):
        return None
    if len(field) > MAX_FIELD_CHARACTERS:
        raise TokenError("ERR_TOKEN_TOO_LARGE", "The Authorization field is too long.")
    if not is_field_text(field):
        raise _malformed()
    texts = [_text_in(one.raw) for one in _elements_in(field) if one.whose != "other"]
    first = texts[0] if texts else None
    for other in texts[1:]:
        if other == first:
            continue
        if other is None or first is None or not same_credential(first, other):
            raise ambiguous()
    if first is None:
        raise _malformed()
    return first


class _Element(NamedTuple):
    raw: str
    """As it is written, with the blanks around it."""
    whose: Literal["ours", "other", "unknown"]

    def __repr__(self) -> str:
        return f"<element, {self.whose}>"


_BLANKS = " \t\n\v\f\r"


def _elements_in(field: str) -> list[_Element]:
    """The elements of the field, each with the scheme that it belongs to."""
    scheme: Literal["ours", "other", "unknown"] = "unknown"
    elements: list[_Element] = []
    for raw in elements_of(field):
        element = raw.strip(_BLANKS)
        if _OURS.match(element):
            scheme = "ours"
        elif _SCHEME.match(element):
            scheme = "other"
        elif scheme == "other" and not _PARAMETER.match(element):
            scheme = "unknown"
        elements.append(_Element(raw, scheme))
    return elements


def _text_in(raw: str) -> str | None:
    match = _ELEMENT.fullmatch(raw.strip(_BLANKS))
    return None if match is None else match[1]


def other_schemes(field: str) -> list[str]:
    """The elements of other schemes in an ``Authorization`` field, each with its scheme: the API's
    own. What belongs to no scheme is left out.
    """
    return [one.raw.strip(_BLANKS) for one in _elements_in(field) if one.whose == "other"]


def without_ours(field: str) -> str | None:
    """The elements of other schemes in an ``Authorization`` value; ``None`` if all are ours."""
    if not mentions_credential(field):
        return field
    if "," not in field:
        return None
    left = ",".join(one.raw for one in _elements_in(field) if one.whose != "ours").strip(_BLANKS)
    return left if left.strip(", \t") else None


def mentions_credential(field: str) -> bool:
    """Whether an ``Authorization`` value has an element of ours, readable or not."""
    if _MAY_MENTION.search(field) is None:
        return False
    return '"' not in field or any(_OURS.match(one.strip(_BLANKS)) for one in elements_of(field))


def same_credential(one: str, other: str) -> bool:
    """Whether two texts are one credential. A text that cannot be read equals nothing."""
    try:
        return Credential.parse(one) == Credential.parse(other)
    except TokenError:
        return False


def ambiguous() -> TokenError:
    return TokenError(
        "ERR_TOKEN_AMBIGUOUS", "The request presents two credentials; send exactly one."
    )


def _malformed() -> TokenError:
    return TokenError(
        "ERR_TOKEN_MALFORMED",
        "The Authorization field is not `L402 base64(macaroon):hex(preimage)`.",
    )


def format_authorization(
    credential: Credential | str, scheme: Literal["L402", "LSAT"] = "L402"
) -> str:
    """The value of an ``Authorization`` field that presents a credential, or a text of another
    server's form. ``scheme="LSAT"`` is for a service that knows only the scheme's old name.
    """
    return f"{scheme} {credential if isinstance(credential, str) else credential.text}"
