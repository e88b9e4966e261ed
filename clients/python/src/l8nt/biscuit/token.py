"""The message of a Biscuit token: signed blocks, and the proof at its end.
spec/9-public-key.md §1.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from .._ed25519 import KEY_BYTES, SIGNATURE_BYTES, Signer
from .._secrecy import HoldsSecret
from ..errors import TokenError
from .protobuf import Fields, bytes_field, integer_field, malformed

MAX_BLOCKS = 65
_MAX_BYTES = 6_144
_ED25519 = 0

_TOKEN = frozenset((1, 2, 3, 4))
_SIGNED_BLOCK = frozenset((1, 2, 3, 4, 5))
_PUBLIC_KEY = frozenset((1, 2))
_PROOF = frozenset((1, 2))


class SignedBlock(NamedTuple):
    """A block as a token has it. It is no secret."""

    data: bytes
    """The message of the block, as it was signed."""
    next_key: bytes
    """32 bytes: verifies the signature of the next block, or of the seal."""
    signature: bytes
    """64 bytes."""
    version: Literal[0, 1]
    """Of what was signed: 0, or 1, which covers the signature before too."""


class OpenProof(HoldsSecret):
    """The private key to the last block's ``next_key``. Its holder may append."""

    __slots__ = ("_signer", "next_secret")

    def __init__(self, next_secret: bytes, signer: Signer | None = None) -> None:
        """``next_secret``: 32 bytes."""
        self.next_secret = next_secret
        self._signer = signer

    @property
    def signer(self) -> Signer:
        if self._signer is None:
            self._signer = Signer(self.next_secret)
        return self._signer


class Seal(HoldsSecret):
    """The signature at the end of a token that nobody may append to: 64 bytes."""

    __slots__ = ("signature",)

    def __init__(self, signature: bytes) -> None:
        self.signature = signature


class Token(HoldsSecret):
    """A token, which is not verified. It is not changed."""

    __slots__ = ("blocks", "proof", "root_key_id")

    def __init__(
        self, root_key_id: int | None, blocks: tuple[SignedBlock, ...], proof: OpenProof | Seal
    ) -> None:
        """``root_key_id``: which of the issuer's keys signed the first block; 32 bits.
        ``blocks``: one at least, the authority's first.
        """
        self.root_key_id = root_key_id
        self.blocks = blocks
        self.proof = proof

    @property
    def is_sealed(self) -> bool:
        return isinstance(self.proof, Seal)


def too_large() -> TokenError:
    return TokenError("ERR_TOKEN_TOO_LARGE", "The credential is larger than a credential may be.")


def decode_token(message: bytes) -> Token:
    """Reads a token, which is not verified.

    :raises TokenError: ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``, ``ERR_TOKEN_ALGORITHM``
        for keys that are not Ed25519, ``ERR_TOKEN_THIRD_PARTY`` for a block that somebody else
        signed too
    """
    if len(message) > _MAX_BYTES:
        raise too_large()
    fields = Fields(message, _TOKEN)
    more = fields.all(3)
    if len(more) >= MAX_BLOCKS:
        raise too_large()
    root_key_id = fields.small(1)
    blocks = (decode_signed_block(fields.bytes(2)), *map(decode_signed_block, more))
    return Token(root_key_id, blocks, _decode_proof(fields.message(4, _PROOF)))


def decode_signed_block(message: bytes) -> SignedBlock:
    """One block, as it stands in a token.

    :raises TokenError: as ``decode_token``
    """
    fields = Fields(message, _SIGNED_BLOCK)
    if fields.has(4):
        raise TokenError(
            "ERR_TOKEN_THIRD_PARTY",
            "The credential has a third-party block, which nothing here may add.",
        )
    version = fields.small(5) or 0
    if version not in (0, 1):
        raise malformed("its signatures have an unknown version")
    return SignedBlock(
        fields.bytes(1),
        _decode_key(fields.message(2, _PUBLIC_KEY)),
        _sized(fields.bytes(3), SIGNATURE_BYTES),
        1 if version == 1 else 0,
    )


def _decode_key(fields: Fields) -> bytes:
    algorithm = fields.integer(1)
    if algorithm is None:
        raise malformed("a key has no algorithm")
    if algorithm != _ED25519:
        raise TokenError("ERR_TOKEN_ALGORITHM", "The credential has a key that is not Ed25519.")
    return _sized(fields.bytes(2), KEY_BYTES)


def _decode_proof(fields: Fields) -> OpenProof | Seal:
    number, value = fields.one
    data = b"" if isinstance(value, int) else value
    if number == 1:
        return OpenProof(_sized(data, KEY_BYTES))
    return Seal(_sized(data, SIGNATURE_BYTES))


def _sized(value: bytes, length: int) -> bytes:
    if len(value) != length:
        raise malformed("a key or a signature has the wrong length")
    return value


def encode_token(token: Token) -> bytes:
    first, *more = token.blocks
    root_key_id = b"" if token.root_key_id is None else integer_field(1, token.root_key_id)
    return b"".join(
        (
            root_key_id,
            bytes_field(2, encode_signed_block(first)),
            *(bytes_field(3, encode_signed_block(block)) for block in more),
            bytes_field(4, _encode_proof(token.proof)),
        )
    )


def encode_signed_block(block: SignedBlock) -> bytes:
    """One block as it stands in a token: what an ancestor shows to revoke it."""
    key = integer_field(1, _ED25519) + bytes_field(2, block.next_key)
    written = bytes_field(1, block.data) + bytes_field(2, key) + bytes_field(3, block.signature)
    return written if block.version == 0 else written + integer_field(5, block.version)


def _encode_proof(proof: OpenProof | Seal) -> bytes:
    if isinstance(proof, OpenProof):
        return bytes_field(1, proof.next_secret)
    return bytes_field(2, proof.signature)


_ALGORITHM = bytes(4)
_VERSION_1 = b"\0BLOCK\0\0VERSION\0" + bytes((1, 0, 0, 0)) + b"\0PAYLOAD\0"
_BEFORE_KEY = b"\0ALGORITHM\0" + _ALGORITHM + b"\0NEXTKEY\0"


def signed_text(data: bytes, next_key: bytes, version: int, previous: bytes | None) -> bytes:
    """What the signature of a block covers. ``previous``: the signature before it."""
    if version == 0:
        return data + _ALGORITHM + next_key
    text = _VERSION_1 + data + _BEFORE_KEY + next_key
    return text if previous is None else text + b"\0PREVSIG\0" + previous


def seal_text(block: SignedBlock) -> bytes:
    """What the seal's signature covers."""
    return block.data + _ALGORITHM + block.next_key + block.signature
