"""The samples of the Biscuit specification: its verdict on the signatures, and the profile's."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from tests.repository import json_of

from l8nt._ed25519 import verify
from l8nt.biscuit.signatures import claims_of, has_its_key
from l8nt.biscuit.token import decode_token, encode_token
from l8nt.errors import TokenError

FILE = "spec/vectors/biscuit-samples.json"
VECTORS: dict[str, Any] = json_of(FILE)
ROOT = bytes.fromhex(VECTORS["rootPublicKey"])

REFUSED = {
    "test003_invalid_signature_format.bc": "ERR_TOKEN_MALFORMED",
    "test024_third_party.bc": "ERR_TOKEN_THIRD_PARTY",
    "test026_public_keys_interning.bc": "ERR_TOKEN_THIRD_PARTY",
    "test036_secp256r1.bc": "ERR_TOKEN_ALGORITHM",
    "test037_secp256r1_third_party.bc": "ERR_TOKEN_ALGORITHM",
}
"""What the profile refuses before it looks at a signature."""

SAMPLES = {
    sample["file"]: (base64.b64decode(sample["token"]), sample["signatures"] == "right")
    for sample in VECTORS["samples"]
}


@pytest.mark.parametrize("file", REFUSED)
def test_a_sample_that_the_profile_cannot_have_is_refused(file: str) -> None:
    with pytest.raises(TokenError) as caught:
        decode_token(SAMPLES[file][0])
    assert caught.value.code == REFUSED[file]


@pytest.mark.parametrize("file", sorted(SAMPLES.keys() - REFUSED.keys()))
def test_the_signatures_of_a_sample_are_what_the_specification_says(file: str) -> None:
    message, is_right = SAMPLES[file]
    token = decode_token(message)
    claims = claims_of(token, ROOT)
    assert (has_its_key(token) and all(verify(*claim) for claim in claims)) is is_right


@pytest.mark.parametrize("file", sorted(SAMPLES.keys() - REFUSED.keys()))
def test_a_sample_is_written_as_it_was_read(file: str) -> None:
    message, _ = SAMPLES[file]
    assert encode_token(decode_token(message)) == message
