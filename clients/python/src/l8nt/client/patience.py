"""The time and the chance that retries depend on."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field


async def _asleep(seconds: float) -> None:
    import anyio

    await anyio.sleep(seconds)


@dataclass
class Patience:
    """What waits, and what tells how long was waited."""

    sleep: Callable[[float], None] = field(default=time.sleep)
    asleep: Callable[[float], Awaitable[None]] = field(default=_asleep)
    now: Callable[[], float] = field(default=time.monotonic)
    """Seconds of a clock that nobody sets."""
    random: Callable[[], float] = field(default=random.random)
    """From 0 to 1."""


patience = Patience()
