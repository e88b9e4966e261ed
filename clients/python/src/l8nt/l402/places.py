"""A proven chain of signatures, and the places along it. spec/1-credential.md §6."""

from __future__ import annotations

from collections.abc import Sequence

from .._secrecy import HoldsSecret
from ..credential.body import Blocks, Descent
from ..macaroon.chain import hmac_sha256, sign_caveats
from ..macaroon.packet import check_descent

_LABEL = b"sigil place"
_ID_BYTES = 16
_OPENS = b"agent="


def place_id(signature: bytes) -> str:
    """Derived one way: an id neither continues the chain nor identifies a credential."""
    return hmac_sha256(signature, _LABEL)[:_ID_BYTES].hex()


class SignedPlaces(HoldsSecret):
    """A chain that was proven: its last signature is correct, which makes every one before it so.

    ``signatures`` has the one after the identifier, then the one after each caveat. Each is what
    the next caveat is keyed with, so they are secret.
    """

    __slots__ = ("_caveats", "_signatures")

    def __init__(self, signatures: Sequence[bytes], caveats: Sequence[bytes]) -> None:
        self._signatures = tuple(signatures)
        self._caveats = tuple(caveats)

    def at(self, count: int) -> str:
        return place_id(self._signatures[count])

    def below(self, descent: Descent, ledger: str | None) -> Sequence[str]:
        """Raises TypeError for blocks; TokenError ``ERR_TOKEN_TOO_LARGE``, before anything is
        derived, for more than a credential can have.
        """
        if isinstance(descent, Blocks):
            raise TypeError("a macaroon has caveats, and no blocks")
        following = [caveat.encode() for caveat in descent]
        check_descent(self._caveats, following)
        last = self._signatures[-1]
        opened: list[str] = []
        for caveat in following:
            last = sign_caveats(last, [caveat])
            if caveat.startswith(_OPENS):
                opened.append(place_id(last))
        return opened
