"""A macaroon: an identifier, caveats, and a signature over both. spec/1-credential.md §1."""

from __future__ import annotations

from hmac import compare_digest

from typing_extensions import Self

from .._secrecy import HoldsSecret
from .chain import chain_key, sign_caveats, signatures
from .packet import TRAILER, caveat_field, check_size, head_of, read_packet


class UnverifiedMacaroon(HoldsSecret):
    """A macaroon that nobody has verified: its signature may be anything. Immutable.

    ``repr`` shows neither its signature nor its caveats, one of which may be a preimage.
    """

    __slots__ = ("_caveats", "_head", "_identifier", "_location", "_signature")

    _head: bytes
    _location: str
    _identifier: bytes
    _caveats: tuple[bytes, ...]
    _signature: bytes

    def __init__(
        self,
        head: bytes,
        location: str,
        identifier: bytes,
        caveats: tuple[bytes, ...],
        signature: bytes,
    ) -> None:
        """For this package: use ``decode`` or ``mint``."""
        self._head = head
        self._location = location
        self._identifier = identifier
        self._caveats = caveats
        self._signature = signature

    @classmethod
    def decode(cls, packet: bytes) -> Self:
        """Reads the V2 binary form. Bytes after it are an error.

        Raises TokenError ``ERR_TOKEN_MALFORMED``, ``ERR_TOKEN_TOO_LARGE``,
        ``ERR_TOKEN_THIRD_PARTY``.
        """
        return cls(*read_packet(packet))

    @classmethod
    def mint(cls, root_key: bytes, identifier: bytes, location: str = "") -> Self:
        """A macaroon without caveats. All others for its identifier descend from it.

        ``root_key`` may have any length; 32 random bytes are right. ``location`` is a hint of
        where it is spent, which the signature does not cover.

        Raises TypeError for an empty identifier; TokenError ``ERR_TOKEN_TOO_LARGE``.
        """
        return cls.mint_under(chain_key(root_key), identifier, location)

    @classmethod
    def mint_under(cls, key: bytes, identifier: bytes, location: str) -> Self:
        """The same, under a key that was derived from the root key before."""
        if not identifier:
            raise TypeError("a macaroon needs an identifier")
        head = head_of(location, identifier)
        check_size(head, 0)
        return cls(head, location, identifier, (), signatures(key, identifier, ())[0])

    @property
    def location(self) -> str:
        """A hint of where it is spent; may be empty. The signature does not cover it."""
        return self._location

    @property
    def identifier(self) -> bytes:
        return self._identifier

    @property
    def caveats(self) -> tuple[bytes, ...]:
        """As they stand on the wire, in order."""
        return self._caveats

    @property
    def signature(self) -> bytes:
        """32 bytes, which are the key of the next caveat: a secret of the holder."""
        return self._signature

    def append(self, *caveats: bytes | str) -> Self:
        """A weaker macaroon: the same, with ``caveats`` appended. Works offline and needs no
        secret.

        Raises TokenError ``ERR_TOKEN_TOO_LARGE`` past 64 caveats, 1,024 bytes a caveat or 6,093
        bytes in all.
        """
        added = tuple([one.encode() if isinstance(one, str) else one for one in caveats])
        head = self._head + b"".join(map(caveat_field, added))
        whole = self._caveats + added
        check_size(head, len(whole))
        signature = sign_caveats(self._signature, added)
        return type(self)(head, self._location, self._identifier, whole, signature)

    def verify(self, root_key: bytes) -> bool:
        """Whether the signature is that of this root key. Judges no caveat."""
        last = signatures(chain_key(root_key), self._identifier, self._caveats)[-1]
        return compare_digest(last, self._signature)

    def encode(self) -> bytes:
        """The V2 binary form."""
        return self._head + TRAILER + self._signature

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, UnverifiedMacaroon):
            return NotImplemented
        return compare_digest(self.encode(), other.encode())

    def __hash__(self) -> int:
        return hash(self._identifier)

    def __repr__(self) -> str:
        count = len(self._caveats)
        return f"<UnverifiedMacaroon for {self._location!r}, {count} caveats, not shown>"

    @property
    def _instead(self) -> str:
        return "store encode() where secrets are kept"
