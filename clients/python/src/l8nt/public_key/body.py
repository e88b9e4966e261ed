"""The public-key form of a credential: a Biscuit token and a preimage.
spec/9-public-key.md §1-5.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from itertools import chain

from typing_extensions import Self

from .._ed25519 import KEY_BYTES, SIGNATURE_BYTES, verify
from .._encoding import base64_bytes, base64_text
from .._secrecy import HoldsSecret
from ..biscuit.signatures import append_block, chain_claims, seal_token
from ..biscuit.token import (
    MAX_BLOCKS,
    OpenProof,
    SignedBlock,
    Token,
    decode_signed_block,
    decode_token,
    encode_signed_block,
    encode_token,
)
from ..caveat import format_origin, ledger, nodes_at, read_origin, value_in
from ..credential.body import Blocks, Body
from ..credential.presented_at import only_at
from ..credential.text import (
    MAX_CHARACTERS,
    TextParts,
    read_preimage,
    read_text,
    write_key,
    write_text,
)
from ..errors import TokenError
from .places import BlockPlaces, place_id
from .profile import Contents, check_sizes, narrowing_block, read_blocks

_PREIMAGE_CHARACTERS = 64
_SEAL_BYTES = SIGNATURE_BYTES - KEY_BYTES
"""What a seal has more than the key in its place: a signature instead."""


class BiscuitBody(HoldsSecret):
    """A token with the preimage of its payment. Neither is verified."""

    __slots__ = ("_contents", "_is_judged", "_is_repeatable", "_preimage", "_token")

    def __init__(
        self,
        token: Token,
        contents: Contents,
        preimage: bytes,
        *,
        is_repeatable: bool = False,
        is_judged: bool = False,
    ) -> None:
        """``preimage`` has 32 bytes. ``is_repeatable``: whether the same caveats, appended again,
        make the same credential. ``is_judged``: whether blocks of other makers are left to a judge
        of Datalog.
        """
        self._token = token
        self._contents = contents
        self._preimage = preimage
        self._is_repeatable = is_repeatable
        self._is_judged = is_judged

    @classmethod
    def read(cls, parts: TextParts, *, is_judged: bool = False) -> Self:
        """Reads a credential in this form, which is not verified.

        Raises TokenError ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``,
        ``ERR_TOKEN_ALGORITHM``, ``ERR_TOKEN_THIRD_PARTY``, ``ERR_TOKEN_DATALOG``.
        """
        preimage = read_preimage(parts.preimage)
        token = decode_token(parts.token)
        contents = read_blocks([block.data for block in token.blocks], is_judged=is_judged)
        return cls(token, contents, preimage, is_judged=is_judged)

    @property
    def token(self) -> Token:
        return self._token

    @property
    def issuer(self) -> str:
        """The origin that it names as its issuer."""
        return self._contents.authority.issuer

    @property
    def key_id(self) -> int:
        """The number of the issuer's key, as it says."""
        return self._token.root_key_id or 0

    @property
    def location(self) -> str:
        return self._contents.authority.location

    @property
    def root_id(self) -> str:
        return place_id([self._token.blocks[0].signature], 0)

    @property
    def caveats(self) -> tuple[bytes, ...]:
        return _bytes_of(self._contents.caveats)

    @property
    def is_foreign(self) -> bool:
        """Whether blocks of other makers are in it, whose checks a judge of Datalog has to find
        true.
        """
        return bool(self._contents.foreign)

    @property
    def before_ledger(self) -> tuple[bytes, ...]:
        """The caveats of the blocks before the first one that names the ledger of its limits."""
        caveats = self._contents.caveats
        for at, own in enumerate(caveats):
            if any(value_in(ledger, one) is not None for one in own):
                return _bytes_of(caveats[:at])
        return _bytes_of(caveats)

    @property
    def payment_hash(self) -> str:
        return self._contents.authority.payment_hash.hex()

    @property
    def is_paid(self) -> bool:
        return sha256(self._preimage).digest() == self._contents.authority.payment_hash

    @property
    def preimage(self) -> str:
        """Hex. Half of the credential: it never goes into a log or a message."""
        return self._preimage.hex()

    @property
    def has_blocks(self) -> bool:
        return True

    @property
    def is_sealed(self) -> bool:
        """Whether nobody can append to it."""
        return self._token.is_sealed

    def places_of(self, text: str) -> BlockPlaces:
        """``text``: its own, which is read again when it is asked for what is below."""
        is_judged = self._is_judged
        return BlockPlaces(
            [block.signature for block in self._token.blocks],
            [len(own) for own in self._contents.caveats],
            lambda: BiscuitBody.read(read_text(text), is_judged=is_judged),
        )

    def nodes_below(self, following: Sequence[str], location: str | None) -> list[str]:
        """The ids of the nodes that blocks which follow its own open; or those of the credential
        that was narrowed to the origin of ``location``, and sealed, to be presented there.
        spec/9-public-key.md §8.

        Raises TypeError, TokenError for blocks that do not follow, or cannot be read.
        """
        blocks = self._token.blocks
        if len(blocks) + len(following) > MAX_BLOCKS:
            raise TypeError("a credential has not so many blocks")
        more = tuple(decode_signed_block(base64_bytes(text) or b"") for text in following)
        ends = [len(blocks)]
        if self._is_presented_at(location):
            ends.append(len(blocks) - 1)
        for end in ends:
            every = (*blocks[:end], *more)
            if all(verify(*claim) for claim in chain_claims(every, end)):
                return self._nodes_from(every, end)
        raise TypeError("the blocks do not follow those of the credential")

    def _nodes_from(self, every: tuple[SignedBlock, ...], end: int) -> list[str]:
        contents = read_blocks([block.data for block in every], is_judged=self._is_judged)
        signatures = [block.signature for block in every]
        return [
            place_id(signatures[: at + 1], agent + 1)
            for at in range(end, len(every))
            for agent in nodes_at(contents.caveats[at])
        ]

    def _is_presented_at(self, location: str | None) -> bool:
        """Whether its last block is what a client appends to present it at the origin of
        ``location``.
        """
        origin = None if location is None else read_origin(location)
        narrowing = self._contents.caveats[1:]
        if origin is None or not self.is_sealed or not narrowing:
            return False
        return narrowing[-1] == (only_at(format_origin(origin)),)

    def blocks_below(self, ancestor: Body) -> Blocks | None:
        """The blocks that follow those of ``ancestor``, up to the last one that opens a node."""
        if not isinstance(ancestor, BiscuitBody):
            return None
        own, above = self._token.blocks, ancestor.token.blocks
        signatures = [block.signature for block in above]
        descends = [block.signature for block in own[: len(above)]] == signatures
        opening = [at for at, caveats in enumerate(self._contents.caveats) if nodes_at(caveats)]
        end = max(opening, default=-1) + 1
        if not descends or end <= len(above):
            return None
        return Blocks(
            tuple(base64_text(encode_signed_block(block)) for block in own[len(above) : end])
        )

    def append(self, caveats: Sequence[str]) -> Self:
        contents = self._contents
        every = (*contents.caveats, tuple(caveats))
        check_sizes(list(chain.from_iterable(every)))
        symbols = contents.symbols.copy()
        data = narrowing_block(caveats, symbols)
        token = append_block(self._token, data, is_repeatable=self._is_repeatable)
        return self._with(token, contents._replace(caveats=every, symbols=symbols))

    def seal(self) -> Self:
        """The same, to which nobody can append.

        Raises TokenError ``ERR_TOKEN_SEALED`` if it is sealed; ``ERR_TOKEN_TOO_LARGE`` if it has no
        room for the seal, which is longer than the key.
        """
        return self._with(seal_token(self._token), self._contents)

    def sealed(self) -> Self:
        return self if self.is_sealed else self.seal()

    def _with(self, token: Token, contents: Contents) -> Self:
        body = type(self)(
            token,
            contents,
            self._preimage,
            is_repeatable=self._is_repeatable,
            is_judged=self._is_judged,
        )
        check_length(body)
        return body

    def derive(self, message: str) -> bytes:
        proof = self._token.proof
        secret = proof.next_secret if isinstance(proof, OpenProof) else proof.signature
        key = hmac.digest(secret, b"sigil derive", "sha256")
        return hmac.digest(key, message.encode(), "sha256")

    def to_text(self) -> str:
        return write_text(encode_token(self._token), self._preimage)

    def to_key(self) -> str:
        return write_key(encode_token(self._token), self._preimage)

    def __repr__(self) -> str:
        return f"<BiscuitBody of {self.issuer} for {self.location!r}, whose secret is not shown>"


def _bytes_of(caveats: Sequence[Sequence[str]]) -> tuple[bytes, ...]:
    return tuple([caveat.encode() for own in caveats for caveat in own])


def check_length(body: BiscuitBody) -> None:
    """Refuses a text that nobody would read, and an open one that would be such once it is sealed:
    an open one is never sent, so nothing could be done with it.

    Raises TokenError ``ERR_TOKEN_TOO_LARGE``.
    """
    count = len(encode_token(body.token)) + (0 if body.is_sealed else _SEAL_BYTES)
    if 4 * -(-count // 3) + len(":") + _PREIMAGE_CHARACTERS > MAX_CHARACTERS:
        raise TokenError(
            "ERR_TOKEN_TOO_LARGE",
            f"The credential would have more than {MAX_CHARACTERS} characters once it is sealed.",
        )
