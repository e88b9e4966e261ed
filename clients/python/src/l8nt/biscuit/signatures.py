"""The chain of signatures: each block names the key that signs the next.
spec/9-public-key.md §1.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from .._ed25519 import Signer
from ..errors import TokenError
from .token import OpenProof, Seal, SignedBlock, Token, seal_text, signed_text

_VERSION = 1


class Claim(NamedTuple):
    """One signature to be verified."""

    key: bytes
    message: bytes
    signature: bytes


def claims_of(token: Token, root: bytes, proven: int = 0) -> list[Claim]:
    """The signatures of a token, the root's first, after the first ``proven`` blocks.

    ``root``: the issuer's public key.
    """
    claims = chain_claims(token.blocks, max(proven, 1))
    if proven == 0:
        claims.insert(0, _claim_of(token.blocks[0], root, None))
    if isinstance(token.proof, Seal):
        last = token.blocks[-1]
        claims.append(Claim(last.next_key, seal_text(last), token.proof.signature))
    return claims


def chain_claims(blocks: tuple[SignedBlock, ...], proven: int) -> list[Claim]:
    """The signatures of the blocks after the first ``proven``, of which there is one at least."""
    return [
        _claim_of(block, before.next_key, before.signature)
        for before, block in zip(blocks[proven - 1 :], blocks[proven:], strict=False)
    ]


def _claim_of(block: SignedBlock, key: bytes, previous: bytes | None) -> Claim:
    text = signed_text(block.data, block.next_key, block.version, previous)
    return Claim(key, text, block.signature)


def has_its_key(token: Token) -> bool:
    """Whether an open token has the private key to its last block. True of a sealed one."""
    if isinstance(token.proof, Seal):
        return True
    return token.proof.signer.public_key == token.blocks[-1].next_key


def begin_token(
    root: Signer, root_key_id: int, data: bytes, next_secret: bytes | None = None
) -> Token:
    """Signs the first block of a new token.

    ``next_secret``: 32 bytes, the private key to the next block; random ones by default.
    """
    block, proof = _sign(root, data, None, next_secret)
    return Token(root_key_id, (block,), proof)


def append_block(token: Token, data: bytes, *, is_repeatable: bool = False) -> Token:
    """Signs one more block.

    ``is_repeatable``: whether the same block makes the same token again: the key to the next
    block follows from the key that signs this one, and from the block. By default it is random.

    :raises TokenError: ``ERR_TOKEN_SEALED``
    """
    by = _signer_of(token)
    next_secret = _key_after(by.private_key, data) if is_repeatable else None
    block, proof = _sign(by, data, token.blocks[-1].signature, next_secret)
    return Token(token.root_key_id, (*token.blocks, block), proof)


def seal_token(token: Token) -> Token:
    """The same token, to which nobody may append.

    :raises TokenError: ``ERR_TOKEN_SEALED``
    """
    signature = _signer_of(token).sign(seal_text(token.blocks[-1]))
    return Token(token.root_key_id, token.blocks, Seal(signature))


def _key_after(private_key: bytes, data: bytes) -> bytes:
    """Who has the key before may append the same block anyway; the key before does not follow."""
    return hmac.digest(hmac.digest(private_key, b"sigil next", "sha256"), data, "sha256")


def _sign(
    by: Signer, data: bytes, previous: bytes | None, next_secret: bytes | None
) -> tuple[SignedBlock, OpenProof]:
    following = Signer(next_secret)
    next_key = following.public_key
    signature = by.sign(signed_text(data, next_key, _VERSION, previous))
    block = SignedBlock(data, next_key, signature, _VERSION)
    return block, OpenProof(following.private_key, following)


def _signer_of(token: Token) -> Signer:
    if isinstance(token.proof, OpenProof):
        return token.proof.signer
    raise TokenError(
        "ERR_TOKEN_SEALED",
        "The credential is sealed: nobody can narrow it further. Narrow the one it was made from.",
    )
