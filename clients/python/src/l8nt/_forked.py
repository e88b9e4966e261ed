"""Locks of a process that was forked: another thread of its parent may have held them, and does not
run here.
"""

from __future__ import annotations

import os
from typing import Protocol
from weakref import WeakSet


class HasLock(Protocol):
    """Something with a lock that is made anew."""

    def renew_lock(self) -> None:
        """Makes the lock anew, while no other thread runs."""


_all: WeakSet[HasLock] = WeakSet()


def renews(one: HasLock) -> None:
    """Has the lock of an object made anew in each process that is forked from this one."""
    _all.add(one)


def _renew() -> None:
    for one in list(_all):
        one.renew_lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew)
