"""A tool call as a request, and its result as an answer. spec/8-mcp.md §2 and §3."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, cast

from .._extras import Extra
from ..l402 import mentions_credential
from ..service import Grant, Refused, RequestFacts
from ..service.stripped import without_credential as fields_without
from .wire import (
    IDEMPOTENCY_KEY,
    PROBLEM,
    USE,
    authorization_in,
    members,
    tool_path,
    without_credential,
)

with Extra("mcp"):
    from mcp_types import CallToolResult, TextContent


def facts_of(ctx: Any, name: str) -> RequestFacts:
    """The call as a request: its credential is in ``_meta`` or, over HTTP, in the fields; never in
    a tool's arguments.
    """
    fields, meta = _fields_of(ctx.request), members(ctx.params).get("_meta")
    in_band = authorization_in(meta)
    key = members(meta).get(IDEMPOTENCY_KEY)
    if in_band is not None:
        # A field of another scheme authenticates the connection, and is no second credential.
        kept = [one for one in fields if one[0] != "authorization" or mentions_credential(one[1])]
        fields = [*kept, ("authorization", in_band)]
    if isinstance(key, str) and all(known != "idempotency-key" for known, _ in fields):
        fields = [*fields, ("idempotency-key", key)]
    return RequestFacts("POST", tool_path(name), fields)


def _fields_of(request: Any) -> list[tuple[str, str]]:
    headers = getattr(request, "headers", None)
    raw: list[tuple[bytes, bytes]] = [] if headers is None else headers.raw
    return [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in raw]


def bare(ctx: Any) -> Any:
    """The call as its tool sees it: a tool could send a credential on."""
    params = members(ctx.params)
    if fields := _fields_of(ctx.request):
        kept = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in fields_without(fields)
        ]
        # What is made of the same request later has these fields, too.
        ctx.request.scope["headers"] = kept
        ctx = replace(ctx, request=type(ctx.request)(ctx.request.scope))
    if "_meta" not in params:
        return ctx
    meta = without_credential(params["_meta"])
    known = ctx.meta if ctx.meta is None else without_credential(ctx.meta)
    return replace(ctx, params={**params, "_meta": meta}, meta=known)


def refusal_of(name: str, refused: Refused) -> CallToolResult:
    """A refusal: a text for the model, and the problem for its client."""
    problem = refused.problem
    text = f'The tool "{name}" was not called. {problem["title"]}: {problem["detail"]}'
    return CallToolResult(
        content=[TextContent(type="text", text=text)], is_error=True, _meta={PROBLEM: problem}
    )


Outcome = Literal["answer", "error", "nothing yet"]


def outcome_of(result: Any) -> Outcome:
    """What a result tells the caller. ``nothing yet``: the tool asks back, and the same call comes
    again with what it asked for, or it goes on as a task.
    """
    given = members(result)
    kind = getattr(result, "result_type", None) or given.get("resultType")
    is_whole = "content" in given or hasattr(result, "content")
    if kind not in (None, "complete") or not is_whole:
        return "nothing yet"
    return "error" if is_error(result) else "answer"


def is_error(result: object) -> bool:
    """Whether a result, or what a tool's function returns, says that it is an error."""
    return getattr(result, "is_error", None) is True or members(result).get("isError") is True


def with_use(result: Any, grant: Grant, *, is_served: bool) -> Any:
    """The result, which says what became of the use if a client would not expect it."""
    declared = grant.declared or (None if is_served else "released")
    if declared is None:
        return result
    if isinstance(result, dict):
        plain = cast("dict[str, Any]", result)
        return {**plain, "_meta": {**members(plain.get("_meta")), USE: declared}}
    return result.model_copy(update={"meta": {**members(result.meta), USE: declared}})
