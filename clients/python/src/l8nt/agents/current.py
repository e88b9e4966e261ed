"""Requests as the agent that runs now. docs/guides/agents.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import Unpack

from .handle import SigilHandle, acting_handle
from .running import running

if TYPE_CHECKING:
    import httpx2

    from ..client.options import RequestOptions


def current_handle() -> SigilHandle | None:
    """The handle of the agent that runs now; ``None`` outside of ``with handle:``, ``handle.run``
    and of tools that an adapter runs. A thread that was started without the context has none.
    """
    return running()


def sigil_fetch(
    url: str, method: str = "GET", **options: Unpack[RequestOptions]
) -> httpx2.Response:
    """A request as the agent that runs now: inside a tool it pays with that agent's credential
    only.

    :param options: as for ``Client.request``
    :returns: the HTTP library's response
    :raises DeniedError: ``ERR_AGENT_UNKNOWN`` outside of any agent; otherwise as
        ``Client.request``
    """
    return acting_handle().client.request(method, url, **options)


async def asigil_fetch(
    url: str, method: str = "GET", **options: Unpack[RequestOptions]
) -> httpx2.Response:
    """The same, asynchronous, as ``AsyncClient.request``."""
    return await acting_handle().async_client.request(method, url, **options)
