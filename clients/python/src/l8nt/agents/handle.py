"""A credential in the form in which an agent framework may hold it: it fetches and hands work on,
and never shows the credential. docs/guides/agents.md.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import WeakSet

from typing_extensions import ParamSpec, Self, TypedDict, Unpack

from .._forked import follows_forks
from .._given import check_text
from ..caveat import agent_unknown
from ..errors import DeniedError
from .family import Family
from .place import Place
from .policy import AgentPolicies, AgentPolicy, read_policies, read_policy
from .running import enter, leave, running
from .steps import bound_steps

if TYPE_CHECKING:
    import httpx2

    from ..caveat import Scope
    from ..client import AsyncClient, Client, NodeStanding, PaymentSummary
    from ..client.carried import GivenCredentials
    from ..client.signing import HolderKey
    from ..credential import Credential

_Result = TypeVar("_Result")
_Arguments = ParamSpec("_Arguments")


class HandleOptions(TypedDict, total=False):
    """The options of ``Client``. ``http`` sends what is synchronous, for all agents of the family.

    The agents keep no cookies, unless ``http`` does: they all share the jar of that one, so a
    service that opens a session for one agent takes the next one for it. Give it a jar that takes
    none: ``httpx2.Client(cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])))``.
    """

    credential: GivenCredentials | None
    wallet: str | None
    limits: Scope | None
    holder_key: str | HolderKey | None
    on_payment: Callable[[PaymentSummary], object] | None
    http: httpx2.Client | None
    clock: Callable[[], float]


@dataclass(frozen=True, slots=True)
class SigilName:
    """The name of a handle, which grants nothing: what pickling and checkpoints keep of it. After a
    run is loaded, give it its handle again: ``top.for_agent(name.agent)``.
    """

    sigil: str
    """The handle's ``id``."""
    agent: str | None = None


class SigilHandle:
    """An agent's credential, as a framework may hold it. Pickling keeps its name, never the
    credential::

        sigil = SigilHandle.open(agents={"researcher": {"budget": "100 sat"}})
        # sigil_fetch in `research` pays as the researcher.
        sigil.for_agent("researcher").run(lambda: research(question))

    ``with handle:`` runs a block as this agent. In a generator it is a ``TypeError``, because it
    would also hold for the code between the steps: use ``handle.run(generate)`` there, which binds
    each step. The generator of a ``contextmanager`` may have one.
    """

    __slots__ = (
        "__children",
        "__delegated",
        "__id",
        "__lock",
        "__parent",
        "__place",
        "__weakref__",
    )

    def __init__(self, place: Place, parent: SigilHandle | None = None) -> None:
        self.__place = place
        self.__parent = parent
        self.__children: dict[str, SigilHandle] = {}
        self.__delegated = WeakSet[SigilHandle]()
        self.__id: str | None = None
        self.__lock = threading.Lock()
        follows_forks(self, SigilHandle._after_fork)

    def _after_fork(self) -> None:
        """The agents stay as they are."""
        self.__lock = threading.Lock()

    @staticmethod
    def open(
        *, agents: AgentPolicies | None = None, **options: Unpack[HandleOptions]
    ) -> SigilHandle:
        """Opens the handle at the top of a family of agents.

        :param agents: the agents that may be handed work, and what each is given. Any other agent
            gets nothing
        :param options: as for ``Client``, which takes the credential from ``SIGIL_CREDENTIAL`` if
            none is given
        :raises TypeError: for an unknown option, or an entry of the table that cannot be read
        :raises TokenError: for a credential that cannot be read
        """
        from ..client import Client

        policies = read_policies(agents)
        family = Family(Client(**options), options.get("clock", time.time))
        return SigilHandle(Place(family, policies))

    @property
    def agent(self) -> str | None:
        """Name of the agent, as the framework calls it; ``None`` at the top."""
        return self.__place.agent

    @property
    def parent(self) -> SigilHandle | None:
        """Handle of the agent that handed work to this one; ``None`` at the top."""
        return self.__parent

    @property
    def id(self) -> str:
        """Tells agents apart in logs and traces: 16 hex digits, from which nothing can be derived.
        The same agent has the same id in every process and language.
        """
        if self.__id is None:
            place = self.__place
            if place.refusal is None:
                text = place.held.lasting.text
            else:
                text = f"nobody {self.__parent and self.__parent.id} {place.agent}"
            digest = hashlib.sha256(f"sigil handle {text}".encode("utf-8", "surrogatepass"))
            self.__id = digest.hexdigest()[:16]
        return self.__id

    @property
    def credential(self) -> Credential:
        """The credential itself, for the environment of a process that is this agent. Never put it
        into messages or state.

        :raises DeniedError: for an agent that is denied everything
        :raises PaymentError: for a handle that was opened without a credential
        """
        return self.__place.held.credential

    @property
    def client(self) -> Client:
        """The client that presents this agent's credential and pays within its limits.

        :raises DeniedError: ``ERR_AGENT_UNKNOWN`` or ``ERR_SCOPE_WIDER`` for an agent that is
            denied everything
        """
        return self.__place.client

    @property
    def async_client(self) -> AsyncClient:
        """The same for the running event loop.

        :raises DeniedError: as ``client``
        """
        return self.__place.async_client

    def run(
        self,
        act: Callable[_Arguments, _Result],
        /,
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        """Calls ``act`` as this agent: ``sigil_fetch`` inside of it is this handle's.

        A coroutine, a generator or an asynchronous generator that ``act`` returns runs as this
        agent at each of its steps, in whatever task they are taken.
        """
        with self:
            result = act(*args, **kwargs)
        if inspect.iscoroutine(result):
            return cast("_Result", self.__awaited(result))
        return bound_steps(self, result)

    async def arun(
        self,
        act: Callable[_Arguments, Awaitable[_Result] | _Result],
        /,
        *args: _Arguments.args,
        **kwargs: _Arguments.kwargs,
    ) -> _Result:
        """Calls ``act`` as this agent, and awaits its result as this agent."""
        with self:
            result = act(*args, **kwargs)
            if inspect.isawaitable(result):
                return await cast("Awaitable[_Result]", result)
        return cast("_Result", bound_steps(self, result))

    def __enter__(self) -> Self:
        enter(self, sys._getframe(1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # documented
        return self

    def __exit__(self, *_: object) -> None:
        leave(self, sys._getframe(1))  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] # documented

    def for_agent(self, name: str) -> SigilHandle:
        """The handle of an agent below this one, by its entry in the table.

        It is the same agent each time, in every process, so that what the agent spends is counted
        once. An agent without an entry, or whose entry asks for more than this agent has, gets a
        handle that is denied everything.
        """
        check_text(name, "the argument of for_agent", "the name of an agent")
        with self.__lock:
            known = self.__children.get(name)
            # After its time, a new handle replaces it: the same agent, with a new end.
            if known is None or known.__place.is_over:  # noqa: SLF001
                known = self.__children[name] = SigilHandle(self.__place.by_table(name), self)
            return known

    def hand_to(self, name: str | None) -> SigilHandle:
        """The handle for a transfer of the conversation: that of an agent above, if work goes back
        to it, and else the entry of an agent below.

        It goes up by the name alone, so call it with a name that your own code chose. For one that
        a model chose, keep the handles of the agents that the run has seen, and call ``for_agent``
        for any other.

        :param name: as the framework calls the agent; ``None`` for the one at the top
        """
        at: SigilHandle | None = self
        while at is not None:
            if at.agent == name:
                return at
            at = at.parent
        return self if name is None else self.for_agent(name)

    def delegate(self, name: str, **scope: Unpack[AgentPolicy]) -> SigilHandle:
        """An agent below this one, with a scope that is in no table. One name with one scope is one
        agent, with one count, in every process; another scope makes another agent. Times do not
        count. It changes no entry: ``for_agent(name)`` stays what it is.

        :raises DeniedError: ``ERR_SCOPE_WIDER`` for a scope that asks for more than this agent has
        :raises TypeError: for a scope that cannot be read
        """
        entry = read_policy(scope, f"the scope of {name}")
        child = SigilHandle(self.__place.below(name, entry), self)
        with self.__lock:
            self.__delegated.add(child)
        return child

    def nobody(self, name: str, why: str) -> SigilHandle:
        """A handle below this one that is denied everything, for an agent that was not handed what
        it presents.

        :param why: what the agent presents, for the error
        """
        refusal = agent_unknown(why, "a hand-off that Sigil has seen")
        return SigilHandle(self.__place.denied(name, refusal), self)

    def assert_allowed(self) -> None:
        """:raises DeniedError: ``ERR_AGENT_UNKNOWN`` or ``ERR_SCOPE_WIDER``, if this agent is
        denied everything
        """
        self.__place.assert_allowed()

    def standing(self) -> Sequence[NodeStanding]:
        """What is left at this agent's node and at every node above it, the top first.

        :raises SigilError: as ``Client.standing``
        """
        return self.client.standing()

    async def astanding(self) -> Sequence[NodeStanding]:
        """The same, asynchronous."""
        return await self.async_client.standing()

    def is_within(self, other: SigilHandle) -> bool:
        """Whether this handle is ``other``, or below it at any distance."""
        at: SigilHandle | None = self
        while at is not None:
            if at is other:
                return True
            at = at.parent
        return False

    def revoke(self) -> None:
        """Revokes this agent's credential and all below it. The agents above keep theirs.

        :raises TypeError: for the handle at the top
        """
        self.__above().revoke(self.__place)

    async def arevoke(self) -> None:
        """The same, asynchronous."""
        await self.__above().arevoke(self.__place)

    def close(self) -> None:
        """Tells the treasury which answers have arrived, and closes the connections of this agent
        and of all below it, as ``Client.close``. They can be used afterwards.
        """
        for child in self.__below():
            child.close()
        self.__place.close()

    async def aclose(self) -> None:
        """The same for what the running event loop has opened, and for ``close``."""
        for child in self.__below():
            await child.aclose()
        await self.__place.aclose()
        self.__place.close()

    def to_dict(self) -> dict[str, str]:
        """A name in place of the credential, as JSON has it in every language."""
        agent = self.agent
        return {"sigil": self.id, **({} if agent is None else {"agent": agent})}

    def __repr__(self) -> str:
        return f"sigil {self.id}" if self.agent is None else f"sigil {self.id} ({self.agent})"

    def __copy__(self) -> SigilHandle:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> SigilHandle:
        return self

    def __reduce__(self) -> tuple[type[SigilName], tuple[str, str | None]]:
        return (SigilName, (self.id, self.agent))

    async def __awaited(self, result: Awaitable[_Result]) -> _Result:
        with self:
            return await result

    def __below(self) -> Sequence[SigilHandle]:
        with self.__lock:
            return [*self.__children.values(), *self.__delegated]

    def __above(self) -> Place:
        if self.__parent is None:
            raise TypeError(
                "The handle at the top cannot revoke itself. "
                "Its treasury's owner can: sigil revoke NODE-ID."
            )
        return self.__parent.__place  # noqa: SLF001


def no_handle() -> DeniedError:
    """The error of code that no agent runs."""
    return DeniedError(
        [
            agent_unknown(
                "no agent: this runs outside of handle.run",
                "to call it inside of handle.run, or in a tool that an adapter runs",
            )
        ]
    )


def acting_handle() -> SigilHandle:
    """The handle of the agent that runs now. :raises DeniedError: ``ERR_AGENT_UNKNOWN``"""
    handle = running()
    if handle is None:
        raise no_handle()
    return handle
