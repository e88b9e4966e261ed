"""The service before the tools of one MCP server. spec/8-mcp.md §2 and §3."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import Any, cast

from ..service import Grant, Refused, RequestFacts, Service
from ..service.terms import GivenTerms
from .calls import bare, facts_of, is_error, outcome_of, refusal_of, with_use
from .wire import is_tool_name, members


class _Call:
    """One call of a tool, until its result is sent."""

    def __init__(self, name: str, facts: RequestFacts) -> None:
        self.name = name
        self.facts = facts
        self.refused: Refused | None = None
        self.grant: Grant | None = None
        self.has_returned_error = False
        """Whether the last run of the tool's function returned a result that is an error."""

    @property
    def is_judged(self) -> bool:
        return self.grant is not None or self.refused is not None

    def status_of(self, result: Any) -> int | None:
        """The result as a status of HTTP; none if the same call comes again, or goes on. What the
        caller gets decides: a middleware may run a function twice, and a server makes an error of
        what does not fit the tool's schema. An error that the function itself returned is an
        answer. spec/8-mcp.md §2.
        """
        outcome = outcome_of(result)
        if outcome == "nothing yet":
            return None
        return 200 if outcome == "answer" or self.has_returned_error else 500


_call: ContextVar[_Call | None] = ContextVar("l8nt.mcp", default=None)


def current_grant() -> Grant:
    """The grant of the tool call that runs now: ``current_grant().release()`` gives its use back.

    Raises LookupError outside of a protected tool.
    """
    call = _call.get()
    if call is None or call.grant is None:
        raise LookupError("current_grant() is for the function of a tool that protect() protects")
    return call.grant


class Guard:
    """The service before the tools of one server."""

    def __init__(
        self,
        service: Service,
        free: frozenset[str],
        terms: GivenTerms,
        own: Mapping[str, Mapping[str, Any]],
        tool_error: type[Exception],
    ) -> None:
        self._service = service
        self._free = free
        self._terms = terms
        self._own = own
        self._tool_error = tool_error
        self._wrapped: set[str] = set()

    def wrapped(self, tool: Any, name: str | None) -> Any:
        """A function, or FastMCP's tool of a function, that is judged once its arguments are
        valid.
        """
        is_function = inspect.isfunction(tool) or inspect.ismethod(tool)
        fn: Callable[..., Any] | None = tool if is_function else getattr(tool, "fn", None)
        called = name or (fn.__name__ if is_function and fn else getattr(tool, "name", None))
        if not is_tool_name(called):
            raise TypeError(
                f"the name of a protected tool must be 1 to 128 letters, digits, and any of _ - ., "
                f"not {called!r}"
            )
        if called in self._free or fn is None:
            return tool
        self._wrapped.add(str(called))
        judged, model = self._judged(fn), cast("Any", tool)
        return judged if is_function else model.model_copy(update={"fn": judged})

    def forget(self, name: str) -> None:
        """A tool of this name that is not wrapped later is judged before it runs."""
        self._wrapped.discard(name)

    def _judged(self, fn: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(fn)
        async def judged(*args: Any, **kwargs: Any) -> Any:
            call = _call.get()
            if call is None:
                raise LookupError("a protected tool is called through its MCP server")
            if not call.is_judged:
                await self._authorize(call)
            if call.refused is not None:
                # The SDK makes a result of this error, which the middleware replaces.
                raise self._tool_error("refused")
            try:
                if inspect.iscoroutinefunction(fn):
                    returned = await fn(*args, **kwargs)
                else:
                    returned = await asyncio.to_thread(fn, *args, **kwargs)
            except BaseException:
                call.has_returned_error = False
                raise
            call.has_returned_error = is_error(returned)
            return returned

        return judged

    async def _authorize(self, call: _Call) -> None:
        own = self._own.get(call.name, {})
        terms = cast("GivenTerms", {**self._terms, **own, "capability": call.name})
        decision = await self._service.authorize_async(call.facts, **terms)
        if isinstance(decision, Grant):
            call.grant = decision
        elif isinstance(decision, Refused):
            call.refused = decision

    async def judge(self, ctx: Any, call_next: Callable[[Any], Awaitable[Any]]) -> Any:
        """The middleware of the SDK: takes the credential out of the call, and answers it."""
        name = members(ctx.params).get("name")
        facts, stripped = facts_of(ctx, str(name)), bare(ctx)
        if ctx.method != "tools/call" or not is_tool_name(name) or name in self._free:
            return await call_next(stripped)
        call = _Call(str(name), facts)
        token = _call.set(call)
        status: int | None = None
        try:
            if name not in self._wrapped:
                await self._authorize(call)
            result = None if call.refused is not None else await call_next(stripped)
            # What another middleware, such as a cache, answered in place of the function; or a tool
            # of the same name, which is not the one that was wrapped. An error costs nothing.
            if not call.is_judged and outcome_of(result) != "error":
                await self._authorize(call)
            if call.refused is not None:
                return refusal_of(call.name, call.refused)
            status = call.status_of(result)
            if call.grant is None or not call.grant.is_claimed:
                return result
            return with_use(result, call.grant, is_served=status == 200)
        finally:
            _call.reset(token)
            if call.grant is not None:
                call.grant.finish(status)
