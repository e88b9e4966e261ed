"""What can be requested in a town, how it breaks, and what it has seen."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from .process import TownProcess

FaultKind = Literal["cut", "lost", "half", "hold", "hold-answer", "answer"]
Meeting = Literal["serve", "fail", "hang-up"]
Headers = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Arrived:
    """A request as it arrived."""

    method: str
    target: str
    """Path and query."""
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def values(self, name: str) -> list[str]:
        """The values of a header field, in order."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def text(self) -> str:
        """Everything, to search it for what must not be there."""
        lines = [f"{name}: {value}" for name, value in self.headers]
        return "\n".join([f"{self.method} {self.target}", *lines, "", self.body.decode("latin-1")])


@dataclass(frozen=True)
class Served:
    """A request that a shop granted and answered."""

    method: str
    target: str
    body: bytes


def pairs_of(headers: Headers) -> list[tuple[str, str]]:
    """Header fields in the form of the commands."""
    return list(headers.items()) if isinstance(headers, Mapping) else list(headers)


class Place:
    """A server of the town: a shop, a site, or the treasury. Its line breaks when told."""

    def __init__(self, process: TownProcess, town: int, url: str) -> None:
        self._process = process
        self._town = town
        self.url = url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def _command(self, do: str, **arguments: object) -> Any:
        return self._process.command(self._town, do, url=self.url, **arguments)

    def fault(
        self,
        kind: FaultKind,
        *,
        of: Literal["paid", "unpaid"] | None = None,
        method: str | None = None,
        path: str = "",
        times: int = 1,
        status: int = 200,
        headers: Headers = (),
        body: str | bytes = b"",
    ) -> None:
        """What goes wrong with the next requests, in the order of the calls.

        ``cut``: the connection ends before the request is passed on. ``lost``: the request is
        answered and the connection ends without the answer. ``half``: it ends in the middle of the
        answer's body. ``hold``: the request waits for ``release()`` before it is passed on.
        ``hold-answer``: its answer waits. ``answer``: ``status``, ``headers`` and ``body`` are the
        answer, and nothing is passed on.

        ``of`` chooses requests that present a credential or do not, ``path`` what path and query
        begin with, ``times`` how many (0: all).
        """
        raw = body.encode() if isinstance(body, str) else body
        fault: dict[str, object] = {
            "kind": kind,
            "path": path,
            "times": times,
            "status": status,
            "headers": pairs_of(headers),
            "body": raw.decode("latin-1"),
        }
        if of is not None:
            fault["of"] = of
        if method is not None:
            fault["method"] = method
        self._command("fault", fault=fault)

    def clear_faults(self) -> None:
        """Removes faults that have not met a request yet."""
        self._command("clearFaults")

    def release(self) -> None:
        """Lets what waits go on; if nothing does yet, the next that would wait."""
        self._command("release")

    def wait_for(self, count: int) -> None:
        """Returns once ``count`` requests have arrived since the place was opened."""
        self._command("arrival", count=count)

    async def arrival(self, count: int) -> None:
        """``wait_for`` for a test on an event loop."""
        await asyncio.to_thread(self.wait_for, count)

    @property
    def received(self) -> list[Arrived]:
        """Every request that arrived, in order."""
        return [
            Arrived(
                one["method"],
                one["target"],
                tuple((name, value) for name, value in one["headers"]),
                one["body"].encode("latin-1"),
            )
            for one in self._command("arrived")
        ]


class Shop(Place):
    """A service behind a paywall of the TypeScript library. All shops are paid to one account."""

    def meet(self, *meetings: Meeting) -> None:
        """How the next granted requests are met: served, answered 500, or cut after payment."""
        self._command("meet", meetings=meetings)

    @property
    def served(self) -> list[Served]:
        """Every request that was granted and answered, in order."""
        return [
            Served(one["method"], one["target"], one["body"].encode("latin-1"))
            for one in self._command("served")
        ]
