"""A handle that pays nothing, and the tool ``get``, which notes whose agent calls it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from typing import Any, Final

from l8nt.agents import AgentPolicies, SigilHandle, current_handle
from l8nt.errors import SigilError
from l8nt.l402 import Minter

_SECRET: Final = secrets.token_hex(32)


class Lineages:
    """``lines`` has a line for each call: the URL, and the caller's lineage or the denial."""

    def __init__(self, agents: AgentPolicies) -> None:
        minter = Minter(secret=_SECRET, location="https://treasury.example", kind="spending")
        credential = minter.mint(
            endpoints=["GET https://*.example/**"], budget="100 sat", expires_in="1h"
        )
        self.credential = credential.text
        self.handle = SigilHandle.open(credential=credential.text, agents=agents)
        self.lines: list[str] = []

    def note(self, url: str) -> str:
        handle = current_handle()
        if handle is None:
            self.lines.append(f"{url} nobody")
            return "seen"
        try:
            nodes = handle.credential.chain.nodes
            lineage = [node.agent for node in nodes if node.agent is not None]
            self.lines.append(f"{url} {'/'.join(['', *lineage])}")
        except SigilError as error:
            self.lines.append(f"{url} {error.code}")
        return "seen"

    def tool(self, *, is_async: bool = True) -> Callable[..., Any]:
        """The function of the tool ``get``."""

        async def get(url: str) -> str:
            """Gets a URL."""
            await asyncio.sleep(0)
            return self.note(url)

        def get_in_turn(url: str) -> str:
            """Gets a URL."""
            return self.note(url)

        get_in_turn.__name__ = get_in_turn.__qualname__ = "get"
        return get if is_async else get_in_turn
