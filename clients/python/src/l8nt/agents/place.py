"""An agent's place in its family: the clients that it pays with, or why it is denied everything."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import MutableMapping
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from .._forked import follows_forks
from ..errors import DeniedError, Refusal
from .family import Family
from .policy import Held, PolicyEntry, PolicyTable, narrowed, unknown_agent

if TYPE_CHECKING:
    from ..client import AsyncClient, Client


class Place:
    """One agent of a family. It holds the credential, so that its handle never shows it."""

    __slots__ = (
        "__weakref__",
        "_async_clients",
        "_client",
        "_family",
        "_held",
        "_lock",
        "agent",
        "policies",
        "refusal",
    )

    def __init__(
        self,
        family: Family,
        policies: PolicyTable,
        *,
        agent: str | None = None,
        held: Held | None = None,
        refusal: Refusal | None = None,
    ) -> None:
        """The place at the top, unless it is given what the agent holds, or why it is denied."""
        self.agent = agent
        """Name of the agent, as the framework calls it; ``None`` at the top."""
        self.policies = policies
        """The agents to which this agent may hand work."""
        self.refusal = refusal
        """Why the agent is denied everything; ``None`` if it is not."""
        self._family = family
        self._held = held
        self._client = family.top if held is None and refusal is None else None
        self._async_clients: MutableMapping[object, AsyncClient] = WeakKeyDictionary()
        self._lock = threading.Lock()
        follows_forks(self, Place._after_fork)

    def _after_fork(self) -> None:
        self._lock = threading.Lock()

    def assert_allowed(self) -> None:
        """:raises DeniedError: if the agent is denied everything"""
        if self.refusal is not None:
            raise DeniedError([self.refusal])

    @property
    def held(self) -> Held:
        """What the agent's credential consists of. The credential at the top is given, so its times
        stay where they stand.

        :raises DeniedError: if the agent is denied everything
        :raises PaymentError: at the top, without a credential
        """
        if self._held is not None:
            return self._held
        credential = self.client.credential
        return Held(credential, (), credential)

    @property
    def client(self) -> Client:
        """The client of the agent's credential. :raises DeniedError: if it is denied everything"""
        self.assert_allowed()
        with self._lock:
            if self._client is None:
                self._client = self._family.client(self.held.credential)
            return self._client

    @property
    def async_client(self) -> AsyncClient:
        """The same for the event loop that runs now, because connections belong to one loop.

        :raises DeniedError: if the agent is denied everything
        """
        client = self.client
        loop = asyncio.get_running_loop()
        with self._lock:
            known = self._async_clients.get(loop)
            if known is None:
                known = self._async_clients[loop] = client.to_async()
            return known

    @property
    def is_over(self) -> bool:
        """Whether the time of the agent's credential is past."""
        if self._held is None:
            return False
        chain = self._held.credential.chain
        end = chain.valid_until_of(chain.nodes[-1])
        return end is not None and self._family.clock() >= end

    def by_table(self, name: str) -> Place:
        """The place below that the table gives to an agent; denied if the table gives none."""
        if self.refusal is not None:
            return self.denied(name, self.refusal)
        entry = self.policies.get(name)
        if entry is None:
            return self.denied(name, unknown_agent(name, self.policies))
        try:
            return self.below(name, entry)
        except DeniedError as error:
            return self.denied(name, error.refusals[0])

    def below(self, name: str, entry: PolicyEntry) -> Place:
        """:raises DeniedError: ``ERR_SCOPE_WIDER`` for an entry with more than this agent has"""
        held = narrowed(self.held, name, entry, self._family.clock())
        return Place(self._family, entry.agents, agent=name, held=held)

    def denied(self, name: str, refusal: Refusal) -> Place:
        """A place below that is denied everything, for ``refusal``."""
        return Place(self._family, self.policies, agent=name, refusal=refusal)

    def close(self) -> None:
        """Closes the client for threads."""
        if self._client is not None:
            self._client.close()

    async def aclose(self) -> None:
        """Closes the client of the event loop that runs now."""
        known = self._async_clients.pop(asyncio.get_running_loop(), None)
        if known is not None:
            await known.aclose()

    def revoke(self, child: Place) -> None:
        """Revokes the credential of an agent below this one."""
        self._family.client(self.held.lasting).revoke(child.held.credential)

    async def arevoke(self, child: Place) -> None:
        """The same, asynchronous."""
        client = self._family.client(self.held.lasting).to_async()
        try:
            await client.revoke(child.held.credential)
        finally:
            await client.aclose()
