"""http-message-signatures of PyPI as a judge: it verifies what we sign, and we what it signs.
RFC 9421; spec/9-public-key.md §9.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from time import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from l8nt.holder import HolderKey, HolderProofs, ProofRequest, SignedRequest, joined

from .test_holder import A1, A3, API, Bound, Sent, macaroon

package: Any = pytest.importorskip(
    "http_message_signatures",
    reason="http-message-signatures is not installed: pip install http-message-signatures",
)

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(A1))
KEYS = {
    "signature_algorithm": package.algorithms.ED25519,
    "key_resolver": package.MappingKeyResolver(
        public_keys={A3: PRIVATE.public_key()}, private_keys={A3: PRIVATE}
    ),
}
URL = f"{API}/a?b=c"
REQUIRED = ("@method", "@authority", "@path", "@query", "sigil-holder", "authorization")


class Request:
    """A request, as the package wants it."""

    def __init__(self, method: str, url: str, headers: dict[str, str]) -> None:
        self.method = method
        self.url = url
        self.headers = headers


@pytest.mark.parametrize("agent", [None, "https://agent.example"])
@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b'{"a": 1}')])
def test_it_verifies_what_we_sign(method: str, body: bytes, agent: str | None) -> None:
    key = HolderKey(A1, signature_agent=agent)
    fields = joined(key.sign(method, URL, {"authorization": f"L402 {macaroon.text}"}, body))
    verifier = package.HTTPMessageVerifier(**KEYS)
    required = (*REQUIRED, "content-digest") if body else REQUIRED

    def verify(request: Request) -> Any:
        return verifier.verify(
            request, expect_tag="web-bot-auth", require_components=required, body=body
        )

    (result,) = verify(Request(method, URL, fields))
    assert result.parameters["keyid"] == A3
    with pytest.raises(package.InvalidSignature):
        verify(Request(method, f"{API}/b", fields))
    with pytest.raises(package.InvalidSignature):
        verify(Request(method, URL, {**fields, "authorization": "L402 other"}))


@pytest.mark.parametrize(("method", "body"), [("GET", b""), ("POST", b'{"a": 1}')])
@pytest.mark.parametrize("include_alg", [True, False])
def test_we_verify_what_it_signs(method: str, body: bytes, include_alg: bool) -> None:
    now = time()
    headers = {
        "authorization": f"L402 {macaroon.text}",
        "sigil-holder": PRIVATE.public_key().public_bytes_raw().hex(),
    }
    request = Request(method, URL, headers)
    created = datetime.fromtimestamp(now, timezone.utc)
    package.HTTPMessageSigner(**KEYS).sign(
        request,
        key_id=A3,
        created=created,
        expires=created + timedelta(seconds=60),
        nonce="n1",
        label="sig",
        tag="web-bot-auth",
        include_alg=include_alg,
        covered_component_ids=REQUIRED,
        body=body or None,
    )
    sent = Sent(joined(request.headers), method, body=body)

    def proven(one: Sent) -> str | None:
        signed = SignedRequest(one.method, one.authority, one.path, one.query, one.fields)
        return HolderProofs(lambda: now).prove(ProofRequest(signed), Bound(), one.body)

    assert proven(sent) == A3
    assert proven(replace(sent, path="/b")) is None
    assert proven(replace(sent, body=b"other")) is None
