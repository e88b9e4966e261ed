"""Runs a function in a process that is forked, while other threads hold what they hold."""

from __future__ import annotations

import os
import select
import signal
import threading
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

SECONDS = 30


def in_fork(act: Callable[[], object]) -> str:
    """What ``act`` gives in a forked process, as text; ``hangs`` if it does not end."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # That threads run is the point.
        process = os.fork()
    if process == 0:
        signal.alarm(SECONDS)  # Ends a process that hangs.
        try:
            told = str(act())
        except BaseException as error:
            told = f"{type(error).__name__}: {error}"
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    try:
        ready = select.select([reading], [], [], SECONDS / 2)[0]
        told = os.read(reading, 65_536).decode() if ready else "hangs"
    finally:
        os.close(reading)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    return told


@contextmanager
def held(lock: Any) -> Generator[None]:
    """Another thread is behind the lock meanwhile."""
    taken, ended = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            ended.wait(2 * SECONDS)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert taken.wait(SECONDS)
    try:
        yield
    finally:
        ended.set()
        thread.join(SECONDS)
