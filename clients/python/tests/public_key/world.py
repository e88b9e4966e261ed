"""A minter, a verifier that trusts it, and tokens that were changed."""

from __future__ import annotations

from collections.abc import Callable

from l8nt._encoding import base64_text
from l8nt.biscuit.token import SignedBlock, Token, encode_token
from l8nt.credential import Credential, RevocationList
from l8nt.errors import SigilError, TokenError
from l8nt.public_key import BiscuitBody, BiscuitVerifier, Datalog, Minter

NOW = 1_800_000_000
ISSUER = "https://treasury.example"
API = "https://api.example"

minter = Minter(private_key="11" * 32, issuer=ISSUER, key_id=7, clock=lambda: NOW)


class Keys:
    """The one key of `minter`."""

    def __init__(self, key: bytes = minter.public_key) -> None:
        self.key = key

    def find(self, issuer: str, key_id: int) -> bytes:
        if issuer != ISSUER:
            raise TokenError("ERR_TOKEN_ISSUER", "Not trusted.")
        if key_id != 7:
            raise TokenError("ERR_TOKEN_KEY", "No such key.")
        return self.key

    def load(self, issuer: str, key_id: int) -> Callable[[], None] | None:
        return None


def verifier(datalog: Datalog | None = None, ledger: str | None = None) -> BiscuitVerifier:
    revocations = RevocationList(clock=lambda: NOW)
    return BiscuitVerifier(keys=Keys(), revocations=revocations, ledger=ledger, datalog=datalog)


def body_of(credential: Credential) -> BiscuitBody:
    assert isinstance(credential.body, BiscuitBody)
    return credential.body


def text_of(token: Token, preimage: str) -> str:
    return f"{base64_text(encode_token(token))}:{preimage}"


def with_blocks(token: Token, *blocks: SignedBlock) -> Token:
    return Token(token.root_key_id, blocks, token.proof)


def forged(credential: Credential, change: Callable[[Token], Token]) -> str:
    """The credential with another token and its own preimage."""
    body = body_of(credential)
    return text_of(change(body.token), body.preimage)


def code_of(text: str) -> str:
    try:
        verifier().authenticate(text)
    except SigilError as error:
        return error.code
    return "genuine"
