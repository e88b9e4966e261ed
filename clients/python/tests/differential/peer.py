"""The Node process that the TypeScript library answers from, by JSON lines."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from tests.repository import ROOT
from typing_extensions import Self

Command = Mapping[str, Any]
Answer = dict[str, Any]

NODE = ROOT / "node_modules" / "node" / "bin" / "node"


class Peer:
    """One process for all cases. Commands are answered in order."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(
            [str(NODE), "--no-warnings", "--conditions=l8nt-source", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        commands_in, answers_out = self._pipes()
        commands_in.close()
        answers_out.close()
        self._process.wait(30)

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def ask(self, commands: Iterable[Command]) -> list[Answer]:
        """The answers to these commands, without their ids."""
        lines = [json.dumps({"id": at, **one}) + "\n" for at, one in enumerate(commands)]
        commands_in, answers_out = self._pipes()

        def write() -> None:
            commands_in.writelines(lines)
            commands_in.flush()

        # Written beside the reading, because a pipe holds little.
        writer = threading.Thread(target=write)
        writer.start()
        answers = [_read(at, answers_out.readline()) for at in range(len(lines))]
        writer.join()
        return answers


def _read(at: int, line: str) -> Answer:
    assert line, "the Node process has ended"
    answer: Answer = json.loads(line)
    assert answer.pop("id") == at
    return answer
