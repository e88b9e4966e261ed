"""What happens in a process that was forked: every object that has a lock, a count or a connection
is told here. Another thread of the parent may have held the lock, and does not run here; what it
counted ends there; and a connection of the parent is the parent's.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


_all: WeakKeyDictionary[object, Callable[[Any], None]] = WeakKeyDictionary()
_start = threading.RLock()


def follows_forks(one: T, after: Callable[[T], None]) -> None:
    """Has ``after`` called with an object in each process that is forked from this one, as long as
    the object exists. No other thread runs then. ``after`` makes locks anew, and lets go of what
    the parent counts and is connected to. It waits for no lock of another object, which may not
    have been made anew yet.
    """
    _all[one] = after


def without_fork() -> threading.RLock:
    """A lock for a moment in which no other thread forks this process."""
    return _start


def is_in_use(lock: threading.Lock | threading.RLock) -> bool:
    """Whether another thread of the parent was behind this lock, so that what the lock guards may
    be half changed. The lock is then not used again.
    """
    return not lock.acquire(blocking=False)


def _before() -> None:
    _start.acquire()


def _in_parent() -> None:
    _start.release()


def _in_child() -> None:
    global _start
    _start = threading.RLock()
    for one, after in list(_all.items()):
        after(one)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
