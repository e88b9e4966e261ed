"""The two fields of a signature of HTTP Message Signatures, in the profile of Web Bot Auth: what is
signed, and a strict reader. RFC 9421; spec/9-public-key.md §9.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, cast

from .._encoding import base64_bytes, base64_text, base64url_text

TAG: Final = "web-bot-auth"
KEY_FIELD: Final = "sigil-holder"
"""The public key, because a thumbprint does not tell it."""
SIGNATURE_FIELDS: Final = (
    KEY_FIELD,
    "signature",
    "signature-input",
    "signature-agent",
    "content-digest",
)
"""What a signature adds to a request that has ``sigil-holder``; a new one at each try."""
API_KEY_FIELDS: Final = ("x-api-key", "api-key", "x-goog-api-key")
"""Where SDKs of vendors put an API key, which is a credential at a gateway."""
_CREDENTIAL_FIELDS = ("authorization", "macaroon", "grpc-metadata-macaroon")
_ALWAYS = ("@method", "@authority", "@path", "@query", KEY_FIELD)

HeaderFields = Mapping[str, str] | Iterable[tuple[str, str]]
"""The fields of a request: a mapping, or pairs of name and value, in which a name may repeat."""


def pairs_of(fields: HeaderFields) -> Iterable[tuple[str, str]]:
    if isinstance(fields, Mapping):
        return cast("Mapping[str, str]", fields).items()
    return fields


def joined(fields: HeaderFields) -> dict[str, str]:
    """Fields by their names in lower case: values of one name are joined by a comma."""
    values: dict[str, list[str]] = {}
    for name, value in pairs_of(fields):
        values.setdefault(name.lower(), []).append(value.strip(" \t\r\n"))
    return {name: ", ".join(several) for name, several in values.items()}


def covered(name: str) -> str:
    """The identifier of a component without parameters, as it is written."""
    return f'"{name}"'


def required_in(headers: Mapping[str, str], also: Iterable[str] = ()) -> list[str]:
    """What a signature of a request with these fields must cover.

    ``also``: fields that have the credential beside those of L402.
    """
    present = [name for name in (*_CREDENTIAL_FIELDS, *also, "content-digest") if name in headers]
    return [covered(name) for name in (*_ALWAYS, *present)]


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature says of a request."""

    method: str
    authority: str
    """Host and port, the latter only if it is not the default one."""
    path: str
    query: str
    """With its question mark, which stands alone if there is no query."""
    headers: Mapping[str, str]
    """By their names in lower case, as ``joined`` gives them."""


@dataclass(frozen=True, slots=True)
class SignatureParams:
    """The parameters of a signature. Times are Unix seconds."""

    created: int
    expires: int
    nonce: str
    keyid: str


@dataclass(frozen=True, slots=True)
class ReadSignature:
    """The signature of a request, which is not verified."""

    components: tuple[str, ...]
    """Their identifiers."""
    params: SignatureParams
    text: str
    """The value of ``@signature-params``."""
    signature: bytes


Values = Callable[[str], str | None]
"""The value of a component, by its identifier; ``None`` if it is not there."""


def signature_base(values: Values, components: Iterable[str], params: str) -> bytes | None:
    """What is signed; ``None`` if a component is not there. RFC 9421 §2.5."""
    lines: list[str] = []
    for identifier in components:
        value = values(identifier)
        if value is None:
            return None
        lines.append(f"{identifier}: {value}\n")
    # Frameworks decode octets that are no ASCII in different ways; none of them may raise here.
    return f'{"".join(lines)}"@signature-params": {params}'.encode("utf-8", "replace")


def components_of(request: SignedRequest) -> Values:
    """The values of the components of a request."""
    derived = {
        "@method": request.method,
        "@authority": request.authority,
        "@path": request.path,
        "@query": request.query,
    }

    def value_of(identifier: str) -> str | None:
        match = _COMPONENT.fullmatch(identifier)
        if match is None:
            return None
        name, label = match.groups()
        if name.startswith("@"):
            return derived.get(name)
        value = request.headers.get(name)
        if label is None or value is None:
            return value
        member = _ONE_MEMBER.fullmatch(value)
        return member[2] if member is not None and member[1] == label else None

    return value_of


def params_text(components: Iterable[str], params: Mapping[str, str | int]) -> str:
    """The value of ``@signature-params``."""
    parts = [f"({' '.join(components)})"]
    for name, value in params.items():
        parts.append(f"{name}={value}" if isinstance(value, int) else f'{name}="{value}"')
    return ";".join(parts)


_MAX_CHARACTERS = 4096
_LABEL = r"[a-z*][a-z0-9_.*-]*"
# `signature-agent` is a dictionary, of which a signature covers its own member.
_IDENTIFIER = rf'"(?:@?[a-z0-9_-]+|signature-agent";key="{_LABEL})"'
_COMPONENT = re.compile(r'"([^"]+)"(?:;key="([^"]+)")?')
# A dictionary of one text, as the text is written in the signature base.
_ONE_MEMBER = re.compile(rf'({_LABEL})=("[ !#-[\]-~]*"(?:;type=[a-z_]+)?)')
_INPUT = re.compile(
    rf"({_LABEL})=(\(({_IDENTIFIER}(?: {_IDENTIFIER})*)\)"
    r'((?:;[a-z]+=(?:[0-9]{1,15}|"[ !#-[\]-~]*"))+))'
)
_SIGNATURE = re.compile(rf"({_LABEL})=:([A-Za-z0-9+/]{{86}}==):")
_PARAM = re.compile(r';([a-z]+)=(?:([0-9]+)|"([^"]*)")')


def read_signature(headers: Mapping[str, str]) -> ReadSignature | None:
    """Reads the one signature of a request; ``None`` for anything but one in its canonical form,
    so that its text is what was signed.
    """
    field = headers.get("signature-input", "")
    proof = headers.get("signature", "")
    if len(field) > _MAX_CHARACTERS or len(proof) > _MAX_CHARACTERS:
        return None
    read = _INPUT.fullmatch(field)
    given = _SIGNATURE.fullmatch(proof)
    if read is None or given is None or read[1] != given[1]:
        return None
    components = tuple(read[3].split(" "))
    signature = base64_bytes(given[2])
    params = _read_params(read[4])
    if params is None or signature is None or len(set(components)) != len(components):
        return None
    return ReadSignature(components, params, read[2], signature)


def _read_params(text: str) -> SignatureParams | None:
    params: dict[str, str | int] = {}
    for name, digits, value in _PARAM.findall(text):
        if name in params or (len(digits) > 1 and digits.startswith("0")):
            return None
        params[name] = int(digits) if digits else value
    if params.pop("tag", None) != TAG or params.pop("alg", "ed25519") != "ed25519":
        return None
    match params:
        case {"created": int(created), "expires": int(expires), "nonce": str(nonce), **others}:
            keyid = others.pop("keyid", None)
            if others or not isinstance(keyid, str):
                return None
            return SignatureParams(created, expires, nonce, keyid)
        case _:
            return None


def thumbprint_of(public_key: bytes) -> str:
    """The thumbprint of an Ed25519 key. RFC 7638, RFC 8037 §2."""
    jwk = f'{{"crv":"Ed25519","kty":"OKP","x":"{base64url_text(public_key)}"}}'
    return base64url_text(sha256(jwk.encode()).digest())


def digest_of(content: bytes) -> str:
    """The ``Content-Digest`` of a body. RFC 9530."""
    return f"sha-256=:{base64_text(sha256(content).digest())}:"
