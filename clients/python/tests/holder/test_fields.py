"""HTTP Message Signatures, by the vectors of RFC 9421 and the drafts of Web Bot Auth."""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from l8nt._ed25519 import Signer, verify
from l8nt.holder import HolderKey, SignedRequest
from l8nt.holder.fields import (
    components_of,
    digest_of,
    params_text,
    read_signature,
    signature_base,
)

# RFC 9421 appendix B.1.4, test-key-ed25519.
PRIVATE = b64decode("n4Ni+HpISpVObnQMW0wOhCKROaIKqKtW/2ZYb2p9KcU=")
PUBLIC = b64decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")
THUMBPRINT = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U"

REQUEST = SignedRequest(
    method="POST",
    authority="example.com",
    path="/foo",
    query="?param=Value&Pet=dog",
    headers={
        "host": "example.com",
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "content-type": "application/json",
        "content-length": "18",
    },
)
COMPONENTS = [
    f'"{name}"'
    for name in ("date", "@method", "@path", "@authority", "content-type", "content-length")
]
BASE = """\
"date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")\
;created=1618884473;keyid="test-key-ed25519\""""
SIGNATURE = b64decode(
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
)
"""RFC 9421 appendix B.2.6."""


def test_the_signature_base_and_the_signature_are_those_of_the_rfc() -> None:
    params = params_text(COMPONENTS, {"created": 1618884473, "keyid": "test-key-ed25519"})
    base = signature_base(components_of(REQUEST), COMPONENTS, params)
    assert base is not None
    assert base == BASE.encode()
    assert Signer(PRIVATE).public_key == PUBLIC
    assert Signer(PRIVATE).sign(base) == SIGNATURE
    assert verify(PUBLIC, base, SIGNATURE)


def components_in(listed: str) -> tuple[str, ...] | None:
    tail = ';created=1;expires=2;nonce="n";keyid="k";tag="web-bot-auth"'
    read = read_signature({"signature-input": listed + tail, "signature": f"sig1=:{'A' * 86}==:"})
    return None if read is None else read.components


@pytest.mark.parametrize(
    ("listed", "components"),
    [
        ('sig1=("@authority")', ('"@authority"',)),
        ('sig1=("@authority" "signature-agent")', ('"@authority"', '"signature-agent"')),
        (
            'sig1=("@authority" "signature-agent";key="sig1")',
            ('"@authority"', '"signature-agent";key="sig1"'),
        ),
        (
            'sig1=("signature-agent";key="a" "signature-agent")',
            ('"signature-agent";key="a"', '"signature-agent"'),
        ),
    ],
)
def test_the_canonical_form_is_read(listed: str, components: tuple[str, ...]) -> None:
    assert components_in(listed) == components


@pytest.mark.parametrize(
    "listed",
    [
        'sig1=("@authority";req)',
        'sig1=("@authority";key="sig1")',
        'sig1=("signature-agent";sf)',
        'sig1=("signature-agent";key="sig1";bs)',
        'sig1=("signature-agent"; key="sig1")',
        'sig1=("signature-agent";key=sig1)',
        'sig1=("signature-agent";key="sig 1")',
        'sig1=("signature-agent";key="a" "signature-agent";key="a")',
        'sig1=("content-digest";key="sha-256")',
        'sig1=("a@path")',
        'sig1=("@")',
        "sig1=()",
        "sig1=(@authority)",
        'sig1=("@authority" )',
        'sig1=( "@authority")',
        'sig1=("@authority")("@path")',
        'SIG1=("@authority")',
        'sig1=("@authority")\n',
        'sig1=("@authority" "٣")',
    ],
)
def test_another_form_is_not_read(listed: str) -> None:
    assert components_in(listed) is None


@pytest.mark.parametrize(
    "params",
    [
        'expires=2;nonce="n";keyid="k";tag="web-bot-auth"',
        'created=1;expires=2;nonce="n";keyid="k"',
        'created=1;expires=2;nonce="n";keyid="k";tag="other"',
        'created=1;expires=2;nonce="n";keyid="k";tag="web-bot-auth";alg="hmac-sha256"',
        'created=1;expires=2;nonce="n";keyid="k";tag="web-bot-auth";x=1',
        'created=1;created=1;expires=2;nonce="n";keyid="k";tag="web-bot-auth"',
        'created=01;expires=2;nonce="n";keyid="k";tag="web-bot-auth"',
        'created="1";expires=2;nonce="n";keyid="k";tag="web-bot-auth"',
        'created=1;expires=2;nonce=1;keyid="k";tag="web-bot-auth"',
        'created=1;expires=2;nonce="n";keyid=1;tag="web-bot-auth"',
        'created=1;expires=2;nonce="n\\"";keyid="k";tag="web-bot-auth"',
        'created=1;expires=2;nonce="é";keyid="k";tag="web-bot-auth"',
        'created=1111111111111111;expires=2;nonce="n";keyid="k";tag="web-bot-auth"',
        'created=1;expires=2;nonce="n";keyid="k";tag=\'web-bot-auth\'',
    ],
)
def test_other_parameters_are_not_read(params: str) -> None:
    fields = {
        "signature-input": f'sig1=("@authority");{params}',
        "signature": f"sig1=:{'A' * 86}==:",
    }
    assert read_signature(fields) is None


def test_the_thumbprint_of_the_key_of_the_rfc_is_that_of_the_drafts() -> None:
    assert HolderKey(PRIVATE).thumbprint == THUMBPRINT


def test_the_key_directory_is_signed_by_each_key_for_its_origin_and_its_content() -> None:
    key = HolderKey(
        PRIVATE, signature_agent="https://agent.example:8443", clock=lambda: 1_800_000_000.5
    )
    other = HolderKey()
    answer = key.directory([other])
    headers = answer.headers
    assert headers["content-type"] == "application/http-message-signatures-directory+json"
    assert headers["content-digest"] == digest_of(answer.body)
    first, second = json.loads(answer.body)["keys"]
    assert first == {
        "kty": "OKP",
        "crv": "Ed25519",
        "kid": THUMBPRINT,
        "x": "JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs",
        "use": "sig",
    }
    inputs = headers["signature-input"].split(", ")
    signatures = headers["signature"].split(", ")
    keys = [(THUMBPRINT, PUBLIC), (second["kid"], bytes.fromhex(other.public_key))]
    for number, (kid, public_key) in enumerate(keys, 1):
        params = (
            '("@authority";req "content-digest");created=1800000000;expires=1800086400;'
            f'keyid="{kid}";tag="http-message-signatures-directory"'
        )
        assert inputs[number - 1] == f"sig{number}={params}"
        base = (
            '"@authority";req: agent.example:8443\n'
            f'"content-digest": {digest_of(answer.body)}\n"@signature-params": {params}'
        )
        signature = b64decode(signatures[number - 1].removeprefix(f"sig{number}=").strip(":"))
        assert verify(public_key, base.encode(), signature)
    with pytest.raises(TypeError, match="signed for one origin"):
        other.directory()
