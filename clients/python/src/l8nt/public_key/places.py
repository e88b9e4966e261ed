"""The places along a chain of blocks. spec/9-public-key.md §4."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from ..credential.body import Blocks, Descent

_ID_BYTES = 16


def place_id(signatures: Sequence[bytes], count: int) -> str:
    """A block of version 0 does not sign the one before it, and may follow several: a place is
    named by all of them.

    ``signatures``: of the blocks from the first one to that of the place. ``count``: how many
    caveats of the last of them stand before the place.
    """
    return sha256(b"".join(signatures) + bytes((count,))).digest()[:_ID_BYTES].hex()


class Below(Protocol):
    """What tells which nodes the blocks that follow open."""

    def nodes_below(self, following: Sequence[str], location: str | None) -> list[str]: ...


class BlockPlaces:
    """``counts``: how many caveats each block has. ``read`` reads the credential again: places are
    kept by the thousand.
    """

    __slots__ = ("_counts", "_read", "_signatures")

    def __init__(
        self, signatures: Sequence[bytes], counts: Sequence[int], read: Callable[[], Below]
    ) -> None:
        self._signatures = tuple(signatures)
        self._counts = tuple(counts)
        self._read = read

    def at(self, count: int) -> str:
        """The id of the place after the first ``count`` caveats of the whole chain."""
        block = 0
        while count > self._counts[block]:
            count -= self._counts[block]
            block += 1
        return place_id(self._signatures[: block + 1], count)

    def below(self, descent: Descent, ledger: str | None) -> list[str]:
        """The ids of the nodes that blocks open below the last place, one below the other.

        ``ledger`` is the location of the verifier: what was narrowed to its origin when it was
        presented stands for what it was made of. ``None`` for a verifier without one.

        Raises TypeError or TokenError for blocks that do not follow, and for caveats.
        """
        if isinstance(descent, Blocks):
            return self._read().nodes_below(descent.blocks, ledger)
        raise TypeError("a credential of the public-key form is revoked by its blocks")
