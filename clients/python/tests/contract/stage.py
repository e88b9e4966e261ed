"""One test's town, its handle, and the tool ``get`` that notes the agent of each call."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from l8nt import DeniedError
from l8nt.agents import AgentPolicies, SigilHandle, asigil_fetch, current_handle, sigil_fetch

from ..town import Shop, Town

SERVED: Final = re.compile(r'^\{"served":\d+\}$')


@dataclass(frozen=True)
class Seen:
    """One call of ``get``, noted by the tool itself."""

    agent: str | None
    """``None`` at the top."""
    url: str
    got: str
    """The text of the response, the code of the denial, or the name of another error."""

    @property
    def is_served(self) -> bool:
        return SERVED.match(self.got) is not None


@dataclass
class Stage:
    """A town whose treasury and shops are real, and the handle at the top of the agents."""

    town: Town
    budget: str = "1000 sat"
    seen: list[Seen] = field(default_factory=list[Seen])
    _handle: SigilHandle | None = None

    def __post_init__(self) -> None:
        self.root = self.town.mint(budget=self.budget, endpoints=["GET http://127.0.0.1:*/**"])

    def open(self, agents: AgentPolicies) -> SigilHandle:
        """Opens the handle at the top with this table."""
        self._handle = SigilHandle.open(credential=self.root, agents=agents, clock=self.town.clock)
        return self._handle

    @property
    def handle(self) -> SigilHandle:
        assert self._handle is not None, "stage.open(agents) comes first"
        return self._handle

    async def aclose(self) -> None:
        """Closes the connections of all agents."""
        if self._handle is not None:
            await self._handle.aclose()

    def open_shop(self, price: str = "10 sat") -> Shop:
        """A shop that sells a pass for an hour."""
        return self.town.open_shop(
            price=price, grants={"valid_for": "1h", "endpoints": ["GET /**"]}
        )

    def tool(self, *, is_async: bool = True) -> Callable[..., Any]:
        """The function of the tool ``get``, which every agent has. It does not know its agent."""

        async def get(url: str) -> str:
            """Gets a URL."""
            agent = _acting_agent()
            try:
                return self._note(agent, url, (await asigil_fetch(url)).text)
            except BaseException as error:
                return self._failed(agent, url, error)

        def get_in_turn(url: str) -> str:
            """Gets a URL."""
            agent = _acting_agent()
            try:
                return self._note(agent, url, sigil_fetch(url).text)
            except BaseException as error:
                return self._failed(agent, url, error)

        get_in_turn.__name__ = get_in_turn.__qualname__ = "get"
        return get if is_async else get_in_turn

    def _note(self, agent: str | None, url: str, got: str) -> str:
        self.seen.append(Seen(agent, url, got))
        return got

    def _failed(self, agent: str | None, url: str, error: BaseException) -> str:
        if isinstance(error, DeniedError):
            return self._note(agent, url, error.code)
        self._note(agent, url, type(error).__name__)
        raise error


def _acting_agent() -> str | None:
    handle = current_handle()
    return "(none)" if handle is None else handle.agent


def note_opened(monkeypatch: pytest.MonkeyPatch) -> list[SigilHandle]:
    """The handles at the top that are opened from now on, such as by a snippet."""
    opened: list[SigilHandle] = []
    open_one = SigilHandle.open

    def open_noted(**options: Any) -> SigilHandle:
        opened.append(open_one(**options))
        return opened[-1]

    monkeypatch.setattr(SigilHandle, "open", open_noted)
    return opened
