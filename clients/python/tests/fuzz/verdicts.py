"""What the Python package says of an input of each parser under fuzz, in the words of
test/fuzz/targets.ts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.repository import json_of

from l8nt import ChallengeError, Credential, DeniedError, TokenError
from l8nt._ed25519 import Signer, verify
from l8nt.caveat import (
    Access,
    matches_endpoint,
    read_endpoint,
    read_origin,
    target_at,
    target_of_url,
)
from l8nt.caveat.endpoint import read_endpoints
from l8nt.caveat.path import read_path
from l8nt.credential import RevocationList
from l8nt.errors import denied
from l8nt.holder.fields import (
    KEY_FIELD,
    SignedRequest,
    components_of,
    read_signature,
    required_in,
    signature_base,
)
from l8nt.invoice import read_invoice
from l8nt.l402 import Challenge, HmacVerifier, read_presented
from l8nt.public_key import BiscuitVerifier

NOW = 1_767_225_600
LOCATION = "https://api.example"

Verdict = Callable[[str], str]


def token_code(attempt: Callable[[], str]) -> str:
    """The outcome, or the code of the only error that may come of an input."""
    try:
        return attempt()
    except TokenError as error:
        return error.code


class OfMacaroons:
    """Credentials and macaroon fields, which one secret signed."""

    def __init__(self, secret: str, preimage: str) -> None:
        self._verifier = HmacVerifier(
            secret=secret, kind="spending", revocations=RevocationList(clock=lambda: NOW)
        )
        self._preimage = preimage

    def credential(self, text: str) -> str:
        token_code(lambda: read_presented([f"L402 {text}"]) or "none")

        def verdict() -> str:
            verified = self._verifier.authenticate(text)
            written = Credential.parse(text).text
            assert Credential.parse(written).text == written
            error = denied(verified.judge(Access(NOW, "self")))
            assert error is None or isinstance(error, DeniedError)
            assert error is None or self._preimage not in f"{error.to_dict()}"
            return "granted" if error is None else error.code

        return token_code(verdict)

    def field(self, field: str) -> str:
        def verdict() -> str:
            text = read_presented(macaroon=[field])
            if text is None:
                return "none"
            self._verifier.authenticate(text)
            return "proven"

        return token_code(verdict)


def challenge(header: str) -> str:
    try:
        read = Challenge.parse([header])
        lines = read.lines()
    except ChallengeError as error:
        return error.code
    except TypeError:
        return "read, and not written"
    again = Challenge.parse(lines)
    assert again.invoice == read.invoice
    assert again.macaroon.encode() == read.macaroon.encode()
    return "read"


ENTRIES = [
    "GET https://api.example/search/*",
    "* https://*:*/**",
    "GET|POST http://[::1]:8080/a/*/b/**",
    "DELETE https://*.api.example:8443/%7Ea",
]
PATTERNS = [pattern for entry in ENTRIES if (pattern := read_endpoint(entry)) is not None]


def endpoint(text: str) -> str:
    seen: list[str] = []
    pattern = read_endpoint(text)
    if pattern is not None:
        again = read_endpoint(pattern.text)
        assert again is not None
        assert again.text == pattern.text
        seen.append("pattern")
    if len(read_endpoints(text) or ()) > 1:
        seen.append("list")
    origin = read_origin(LOCATION)
    assert origin is not None
    target = target_at("GET", origin, text)
    if target is not None:
        assert read_path(target.path) == target.path
        for one in PATTERNS:
            matches_endpoint(one, target)
        seen.append("target")
    if target_of_url("GET", text) is not None:
        seen.append("url")
    return " + ".join(seen) or "refused"


class TrustedKeys:
    def __init__(self, public_key: bytes) -> None:
        self._public_key = public_key

    def find(self, issuer: str, key_id: int) -> bytes:
        if issuer != "https://treasury.example":
            raise TokenError("ERR_TOKEN_ISSUER", "Not trusted.")
        if key_id != 0:
            raise TokenError("ERR_TOKEN_KEY", "No such key.")
        return self._public_key

    def load(self, issuer: str, key_id: int) -> None:
        del issuer, key_id


def public_key() -> Verdict:
    golden = json_of("spec/vectors/public-key.json")
    verifier = BiscuitVerifier(
        keys=TrustedKeys(bytes.fromhex(golden["publicKey"])), revocations=RevocationList()
    )

    def written(text: str) -> str:
        again = Credential.parse(text).text
        assert Credential.parse(again).text == again
        return "read"

    def authenticated(text: str) -> str:
        verifier.authenticate(text)
        return "genuine"

    def verdict(text: str) -> str:
        token_code(lambda: written(text))
        return token_code(lambda: authenticated(text))

    return verdict


SIGNER = Signer(bytes([7]) * 32)
NAMES = ("signature-input", "signature", "content-digest", "signature-agent")


def headers_of(lines: list[str]) -> dict[str, str] | None:
    """The fields, as an HTTP library of JavaScript takes them: ``None`` for one that it refuses."""
    headers = {"authorization": "L402 x:y", KEY_FIELD: SIGNER.public_key.hex()}
    for name, line in zip(NAMES, lines, strict=False):
        value = line.strip("\t\r\n ")
        if any(char in "\0\r\n" or char > "\xff" for char in value):
            return None
        if line:
            headers[name] = value
    return headers


def holder(text: str) -> str:
    headers = headers_of(text.split("\n"))
    if headers is None:
        return "no fields"
    read = read_signature(headers)
    if read is None:
        return "refused"
    if not set(required_in(headers)) <= set(read.components):
        return "not covered"
    request = SignedRequest("POST", "api.example", "/a", "?b=c", headers)
    base = signature_base(components_of(request), read.components, read.text)
    if base is None:
        return "covers what is not there"
    return "genuine" if verify(SIGNER.public_key, base, read.signature) else "forged"


def invoice(text: str) -> str:
    try:
        read_invoice(text)
    except ChallengeError as error:
        return error.code
    return "read"


def verdicts(golden: Mapping[str, Any]) -> dict[str, Verdict]:
    """By target."""
    macaroons = OfMacaroons(golden["secret"], golden["preimage"])
    return {
        "credential": macaroons.credential,
        "macaroon-field": macaroons.field,
        "challenge": challenge,
        "endpoint": endpoint,
        "public-key": public_key(),
        "holder": holder,
        "invoice": invoice,
    }
