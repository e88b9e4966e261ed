"""Ends what servers and middleware drop without its end, such as a body that nobody closes.
spec/5-ledger.md §5.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .grant import Grant

__all__ = ["abandon", "end_abandoned"]

# Memory is freed at any moment, also in the middle of a ledger, so nothing is counted there.
_abandoned: deque[tuple[Grant, int | None]] = deque()


def abandon(grant: Grant, status: int | None) -> None:
    """Leaves a grant to the next request, with the status of the head that was sent, if any."""
    _abandoned.append((grant, status))


def end_abandoned() -> None:
    """Ends the claims of exchanges that nobody has ended."""
    while _abandoned:
        try:
            grant, status = _abandoned.popleft()
        except IndexError:
            return
        grant.finish(status)
