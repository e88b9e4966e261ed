"""The key directory of Web Bot Auth: an agent's public keys, signed by each of them for the origin
that publishes them. spec/9-public-key.md §9.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from .._ed25519 import Signer
from .._encoding import base64_text, base64url_text
from .fields import covered, digest_of, params_text, signature_base, thumbprint_of

DIRECTORY_PATH = "/.well-known/http-message-signatures-directory"
_TYPE = "application/http-message-signatures-directory+json"
_DIRECTORY_TAG = "http-message-signatures-directory"
_LIFE_SECONDS = 86_400
_KEPT_SECONDS = 3600
"""How long a verifier keeps what it fetched."""
_AUTHORITY = '"@authority";req'
"""The host of the request that is answered: nobody can publish the keys as another origin's."""


@dataclass(frozen=True, slots=True)
class DirectoryAnswer:
    """What an origin answers, with status 200."""

    headers: dict[str, str]
    body: bytes


def directory_answer(signers: Sequence[Signer], origin: str, created: int) -> DirectoryAnswer:
    """``created``: Unix seconds."""
    prints = [thumbprint_of(one.public_key) for one in signers]
    keys = [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": kid,
            "x": base64url_text(one.public_key),
            "use": "sig",
        }
        for kid, one in zip(prints, signers, strict=True)
    ]
    body = json.dumps({"keys": keys}, separators=(",", ":")).encode()
    digest = digest_of(body)
    values = {_AUTHORITY: urlsplit(origin).netloc, covered("content-digest"): digest}
    inputs: list[str] = []
    signatures: list[str] = []
    for number, (keyid, signer) in enumerate(zip(prints, signers, strict=True), 1):
        params = params_text(
            values,
            {
                "created": created,
                "expires": created + _LIFE_SECONDS,
                "keyid": keyid,
                "tag": _DIRECTORY_TAG,
            },
        )
        base = signature_base(values.get, values, params) or b""
        inputs.append(f"sig{number}={params}")
        signatures.append(f"sig{number}=:{base64_text(signer.sign(base))}:")
    return DirectoryAnswer(
        {
            "content-type": _TYPE,
            "cache-control": f"max-age={_KEPT_SECONDS}",
            "content-digest": digest,
            "signature-input": ", ".join(inputs),
            "signature": ", ".join(signatures),
        },
        body,
    )
