"""A map of limited size that drops its least recently used entry. Threads may share it."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Any, Generic, TypeVar

from ._forked import follows_forks

Key = TypeVar("Key")
Value = TypeVar("Value")


class Lru(Generic[Key, Value]):
    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._entries: OrderedDict[Key, Value] = OrderedDict()
        self._lock = Lock()
        follows_forks(self, _renew_lock)

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<Lru of {len(self)} entries>"

    def get(self, key: Key) -> Value | None:
        with self._lock:
            value = self._entries.get(key)
            if value is not None:
                self._entries.move_to_end(key)
            return value

    def set(self, key: Key, value: Value) -> None:
        with self._lock:
            self._entries[key] = value
            self._entries.move_to_end(key)
            if len(self._entries) > self._capacity:
                self._entries.popitem(last=False)

    def delete(self, key: Key) -> None:
        with self._lock:
            self._entries.pop(key, None)


def _renew_lock(one: Lru[Any, Any]) -> None:
    one._lock = Lock()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # one module
