"""The nonces of signatures that are still valid, so that each is taken once.
spec/9-public-key.md §9.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from math import floor
from threading import Lock
from typing import NamedTuple

from .._forked import follows_forks, is_in_use
from .._passed_time import PassedTime
from .._shares import Shares

_MAX_NONCES = 200_000
"""In all, about 100 MB at the most."""
_LEVELS = 4
"""How many nodes of a chain, from its root, have a part of their own. A holder makes keys and nodes
for nothing, and roots are the issuer's: so room is shared by nodes, from the root on.
"""
_ID_BYTES = 16
_FORGOTTEN_AT_ONCE = 256
"""What one request forgets at most of what has ended, so that none holds the others."""


class SeenNonce(NamedTuple):
    """A nonce that a key has signed."""

    keyid: str
    nonce: str
    until: int
    """Unix seconds: when it may be forgotten."""


class Nonces:
    """Threads may share it."""

    def __init__(
        self,
        clock: Callable[[], float],
        most: int = _MAX_NONCES,
        passed: PassedTime | None = None,
    ) -> None:
        self._clock = clock
        self._passed = PassedTime() if passed is None else passed
        # By a digest of key and nonce: the nodes in whose part it is.
        self._seen: dict[bytes, tuple[str, ...]] = {}
        self._most = most
        self._shares = self._counted()
        # The digests by the second in which they may be forgotten.
        self._ends_at: dict[int, list[bytes]] = {}
        # Those of seconds that are over.
        self._ended: list[list[bytes]] = []
        self._looked_at = 0
        self._lock = Lock()
        follows_forks(self, Nonces._after_fork)

    def _after_fork(self) -> None:
        """A thread of the parent may have been in the middle of an addition."""
        if is_in_use(self._lock):
            self._shares = self._counted()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._seen)

    def is_new(self, seen: SeenNonce, nodes: Sequence[str]) -> bool:
        """Whether the key has not used the nonce before. It is kept then.

        ``nodes``: the ids of the credential's nodes, root first.

        Raises AdapterError ``ERR_RATE_LIMITED`` if there is no room: nothing is forgotten early.
        """
        digest = sha256(f"{seen.keyid} {seen.nonce}".encode()).digest()[:_ID_BYTES]
        sharing = tuple(nodes[:_LEVELS])
        with self._lock:
            self._forget()
            if digest in self._seen:
                return False
            self._shares.take(sharing, 1)
            # Its end first: what has none would be kept for good, if a fork comes in between.
            self._ends_at.setdefault(seen.until, []).append(digest)
            self._seen[digest] = sharing
            return True

    def _counted(self) -> Shares:
        shares = Shares(self._most, "signatures that are still valid")
        for sharing in self._seen.values():
            shares.note(sharing, 1)
        return shares

    def _forget(self) -> None:
        """Looks at the seconds once in each: they are as many as a signature may live."""
        # A clock that was set ahead and back would make signatures good again.
        now = floor(self._passed.at(self._clock()))
        if now != self._looked_at:
            self._looked_at = now
            for until in [until for until in self._ends_at if until <= now]:
                self._ended.append(self._ends_at.pop(until))
        left = _FORGOTTEN_AT_ONCE
        while left > 0 and self._ended:
            digests = self._ended[-1]
            sharing = self._seen.pop(digests[-1], None)
            if sharing is not None:
                self._shares.give(sharing, 1)
            digests.pop()
            if not digests:
                self._ended.pop()
            left -= 1
