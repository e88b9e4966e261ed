"""HTTP Message Signatures by PyPI's http-message-signatures, over lines of JSON."""

import datetime
import json
import sys
from types import SimpleNamespace

from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    InvalidSignature,
    MappingKeyResolver,
)
from http_message_signatures.algorithms import ED25519


def message(question):
    request = SimpleNamespace(
        method=question["method"], url=question["url"], headers=dict(question["headers"])
    )
    answer = question.get("response")
    if answer is None:
        return request
    return SimpleNamespace(
        status_code=answer["status"], headers=dict(answer["headers"]), request=request
    )


def sign(question):
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(question["privateKey"]))
    resolver = MappingKeyResolver(public_keys={}, private_keys={question["keyid"]: key})
    signer = HTTPMessageSigner(signature_algorithm=ED25519, key_resolver=resolver)
    request = message(question)
    now = datetime.datetime.now(datetime.timezone.utc)
    signer.sign(
        request,
        key_id=question["keyid"],
        created=now,
        expires=now + datetime.timedelta(seconds=60),
        nonce=question["nonce"],
        tag="web-bot-auth",
        covered_component_ids=question["components"],
        body=question["body"].encode() if question["body"] else None,
        use_existing_digest=bool(question["body"]),
    )
    made = ("signature", "signature-input")
    return {"headers": {n: v for n, v in request.headers.items() if n.lower() in made}}


def verify(question):
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(question["publicKey"]))
    resolver = MappingKeyResolver(public_keys={question["keyid"]: key}, private_keys={})
    verifier = HTTPMessageVerifier(signature_algorithm=ED25519, key_resolver=resolver)
    body = question["body"].encode() if question["body"] else None
    try:
        verifier.verify(message(question), expect_tag=question["tag"], body=body)
    except InvalidSignature:
        return {"isRight": False}
    return {"isRight": True}


for line in sys.stdin:
    question = json.loads(line)
    try:
        answer = {"sign": sign, "verify": verify}[question["do"]](question)
    except Exception as error:  # The other side judges what it means.
        answer = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(answer), flush=True)
