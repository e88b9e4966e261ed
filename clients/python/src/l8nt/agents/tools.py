"""The two tools that every adapter offers to the model, independent of a framework: fetch a URL and
pay for it, and show what is left of the budget. docs/guides/agents.md.
"""

from __future__ import annotations

import codecs
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..caveat import format_counted
from ..client.presented import Presented, presenting
from ..errors import SigilError
from ..l402.repeated import without_credentials
from .handle import acting_handle

if TYPE_CHECKING:
    from ..client import NodeStanding, Standing

_MAX_TEXT = 20_000
"""How much of a response the model reads, in characters."""
_OVERLAP = 10_000
"""Read beyond ``_MAX_TEXT``, so that a credential at the cut is recognized whole and removed. It
has at most 8,192 characters."""


@dataclass(frozen=True, slots=True)
class ReadyTool:
    """A tool for a model. It runs as the agent that calls it; without an agent it is denied.

    Its functions return a text for the model. A denial is such a text, too; the text never holds a
    credential.
    """

    name: str
    description: str
    """For the model."""
    parameters: dict[str, Any]
    """JSON Schema of its arguments."""
    run: Callable[..., str]
    """Takes the arguments by name."""
    arun: Callable[..., Awaitable[str]]
    """The same, asynchronous."""


def fetch_url(url: str) -> str:
    """Fetches a URL with GET and returns its text. Pays automatically if the URL has a price,
    within the budget and the endpoints that this agent was given.

    :param url: An absolute http(s) URL.
    """
    with presenting() as presented:
        try:
            with acting_handle().client.stream("GET", url) as response:
                decoder, text = _decoder_of(response.encoding), ""
                for part in response.iter_bytes():
                    text += decoder.decode(part)
                    if len(text) >= _MAX_TEXT + _OVERLAP:
                        break
                return _shown(text, response.status_code, presented)
        except SigilError as error:
            return presented.without(_denial(error))


async def afetch_url(url: str) -> str:
    """Fetches a URL with GET and returns its text. Pays automatically if the URL has a price,
    within the budget and the endpoints that this agent was given.

    :param url: An absolute http(s) URL.
    """
    with presenting() as presented:
        try:
            async with acting_handle().async_client.stream("GET", url) as response:
                decoder, text = _decoder_of(response.encoding), ""
                async for part in response.aiter_bytes():
                    text += decoder.decode(part)
                    if len(text) >= _MAX_TEXT + _OVERLAP:
                        break
                return _shown(text, response.status_code, presented)
        except SigilError as error:
            return presented.without(_denial(error))


def show_budget() -> str:
    """Shows what this agent may still spend, and which limits it has."""
    try:
        return budget_text(acting_handle().standing())
    except SigilError as error:
        return _denial(error)


async def ashow_budget() -> str:
    """Shows what this agent may still spend, and which limits it has."""
    try:
        return budget_text(await acting_handle().astanding())
    except SigilError as error:
        return _denial(error)


def _parameters(**properties: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


fetch_tool = ReadyTool(
    "fetch_url",
    "Fetches a URL with GET and returns its text. Pays automatically if the URL has a price, "
    "within the budget and the endpoints that this agent was given.",
    _parameters(url={"type": "string", "description": "An absolute http(s) URL."}),
    fetch_url,
    afetch_url,
)
budget_tool = ReadyTool(
    "show_budget",
    "Shows what this agent may still spend, and which limits it has.",
    _parameters(),
    show_budget,
    ashow_budget,
)


def budget_text(nodes: Sequence[NodeStanding]) -> str:
    """One line for each limit of the agent and of the agents above it, all of which hold."""
    lines = [
        f"{node.agent or 'everybody here'}: {_limit_text(limit)}"
        for node in nodes
        for limit in node.limits
    ]
    return "\n".join(lines) or "No limit is counted here."


def _limit_text(limit: Standing) -> str:
    condition, most = limit.condition, limit.max
    left = format_counted(condition, max(most - limit.used, 0))
    return f"{left} left of {format_counted(condition, most)} ({condition})"


def _decoder_of(charset: str | None) -> codecs.IncrementalDecoder:
    """Decodes a body. A service may name any codec of Python, and some make no text."""
    try:
        if charset is not None:
            b"a".decode(charset, "replace")
            return codecs.getincrementaldecoder(charset)("replace")
    except (LookupError, ValueError):
        pass
    return codecs.getincrementaldecoder("utf-8")("replace")


def _shown(text: str, status: int, presented: Presented) -> str:
    text = without_credentials(presented.without(text))
    if len(text) > _MAX_TEXT:
        text = f"{text[:_MAX_TEXT]}\n(cut after {_MAX_TEXT} characters)"
    return text if 200 <= status < 300 else f"HTTP {status}\n{text}"


def _denial(error: SigilError) -> str:
    """A denial becomes a text, because a model can act on it. Any error that is not Sigil's is
    raised to the framework.
    """
    return without_credentials(f"{error.code}: {error.message}")
