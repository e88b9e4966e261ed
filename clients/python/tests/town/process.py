"""The Node process of the towns, and the JSON lines that it is commanded by."""

from __future__ import annotations

import itertools
import json
import subprocess
import threading
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parents[4]
_NODE: Final = _ROOT / "node_modules" / "node" / "bin" / "node"
_MAIN: Final = _ROOT / "scripts" / "python" / "town" / "main.ts"
_ANSWER_SECONDS: Final = 30


class TownError(Exception):
    """A town could not do what it was told."""


class TownProcess:
    """One process for all towns of a session. It ends when its standard input does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [str(_NODE), "--no-warnings", "--conditions=l8nt-source", str(_MAIN)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
        )
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._towns = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def new_town(self) -> int:
        """A number for a town that is not open yet."""
        return next(self._towns)

    def command(self, town: int, do: str, **arguments: object) -> Any:
        """Sends a command and waits for its answer. Threads may call it at the same time."""
        answer: Future[Any] = Future()
        with self._lock:
            number = next(self._ids)
            self._waiting[number] = answer
            line = json.dumps({"id": number, "town": town, "do": do, **arguments})
            assert self._process.stdin is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        return answer.result(_ANSWER_SECONDS)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            message = json.loads(line)
            answer = self._waiting.pop(message["id"])
            if "error" in message:
                answer.set_exception(TownError(message["error"]))
            else:
                answer.set_result(message["ok"])
        for answer in self._waiting.values():
            answer.set_exception(TownError("the process of the towns has ended"))

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(_ANSWER_SECONDS)
        self._reader.join(_ANSWER_SECONDS)
        self._process.stdout.close()
