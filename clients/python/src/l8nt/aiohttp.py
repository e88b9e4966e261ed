"""For sessions of aiohttp that people keep: a middleware that presents credentials and pays."""

from __future__ import annotations

import ssl
import time
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ._extras import Extra
from ._secrecy import takes_secrets
from .client.body_end import BodyEnd
from .client.carried import GivenCredentials
from .client.core import HoldsCredentials
from .client.fields import Fields
from .client.flow import Reply, Send, arun
from .client.outgoing import origin_of, outgoing
from .client.own_library import own_core
from .client.presents import ADDED_FIELDS, keep_from_others
from .client.redirect import STATUSES as REDIRECTS
from .client.standing import PaymentSummary
from .client.streamed_body import MAX_BODY_BYTES, StreamedBody, is_bytes
from .client.transport import is_plain_here
from .client.trip import Trip
from .client.unpaid import unpaid_free

with Extra("aiohttp"):
    import aiohttp
    from multidict import CIMultiDict, CIMultiDictProxy

    from .client.aiohttp_body import Watched, again

if TYPE_CHECKING:
    from .holder import HolderKey

__all__ = ["Middleware"]

_TREASURY_SECONDS = 300.0
"""A treasury answers an order when it has paid."""


class Middleware(HoldsCredentials):
    """Presents credentials and pays, in a session of aiohttp (3.12 or later).

        from l8nt.aiohttp import Middleware

        async with aiohttp.ClientSession(middlewares=[Middleware()]) as session:
            async with session.get("https://api.weather.example/forecast?city=tokyo") as response:
                print(await response.json())

    The responses are those of aiohttp. What a middleware cannot do, and ``l8nt.AsyncClient`` does:
    the session follows redirects, and what another origin leads to is not paid for; a body that
    aiohttp cannot tell the size of, such as an asynchronous iterator, is sent once, and is not paid
    for; a middleware behind this one sees its credentials; no wallet is started: set
    ``SIGIL_CREDENTIAL``.
    """

    @takes_secrets
    def __init__(
        self,
        *,
        credential: GivenCredentials | None = None,
        holder_key: str | HolderKey | None = None,
        on_payment: Callable[[PaymentSummary], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The arguments are those of ``l8nt.AsyncClient``.

        Raises TokenError for a credential that cannot be read; TypeError for a holder key that is
        none.
        """
        self._core = own_core(
            credential=credential, holder_key=holder_key, on_payment=on_payment, clock=clock
        )

    def __repr__(self) -> str:
        return f"<Middleware of {len(self._core.carried.all)} credentials>"

    async def __call__(
        self,
        request: aiohttp.ClientRequest,
        handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
    ) -> aiohttp.ClientResponse:
        """Sends a request of the session."""
        url = str(request.url)
        chain = _Chain.of(request, origin_of(url))
        if chain.strayed:
            keep_from_others(request.headers)
        body = await _body_of(request)
        asked = outgoing(
            request.method,
            url,
            Fields(request.headers.items()),
            body,
            redirect="manual",
            strayed=chain.strayed,
        )
        port = _Port(request, handler)
        if not self._core.carried.all or asked.is_own:
            response = await handler(request)
            await arun(unpaid_free(asked, _Reply(response, url)), port)
            if response.status in REDIRECTS:
                chain.keep()
            return response
        if chain.trip is None:
            chain.trip = self._core.call()
        try:
            reply = await arun(chain.trip.follow(asked), port)
        finally:
            port.hide()
        if reply.status in REDIRECTS:
            chain.trip.redirects(asked, reply)
            chain.keep()
        response = _response(reply)
        # Of a relay they are those of the order, with its credential.
        response.method = request.method
        _replace(response, "request_info", request.request_info)
        return response


class _Chain:
    """A request and those that a session sends because it was redirected."""

    def __init__(self, calls: object, origin: str) -> None:
        self._calls = calls
        self._origin = origin
        self.strayed = False
        self.trip: Trip | None = None

    @classmethod
    def of(cls, request: aiohttp.ClientRequest, origin: str) -> _Chain:
        """The chain of a request. A session makes one list of traces for each call, and gives it to
        every request of the call.
        """
        calls = getattr(request, "_traces", None)
        last = _redirecting.get()
        _redirecting.set(None)
        chain = last if last is not None and last.is_of(calls) else cls(calls, origin)
        chain.strayed = chain.strayed or chain.leaves(origin)
        return chain

    def is_of(self, calls: object) -> bool:
        return self._calls is calls

    def leaves(self, origin: str) -> bool:
        """Whether it is another origin than the one asked for."""
        return origin != self._origin

    def keep(self) -> None:
        """The session may follow the redirect, in the same task."""
        _redirecting.set(self)


_redirecting: ContextVar[_Chain | None] = ContextVar("l8nt_redirecting", default=None)


class _Unkept(StreamedBody):
    """A body that only the session can send, once."""

    def __init__(self) -> None:
        super().__init__(())

    @property
    def is_large(self) -> bool:
        return True


async def _body_of(request: aiohttp.ClientRequest) -> bytes | StreamedBody | None:
    body: Any = request.body
    if is_bytes(body):
        return bytes(body) or None
    size: int | None = body.size
    if size is None:
        return _Unkept()
    if size > MAX_BODY_BYTES:
        return _Unkept()
    # aiohttp gives a bytearray back as it is.
    return bytes(await body.as_bytes()) or None


class _Reply(Reply):
    """A response of aiohttp."""

    __slots__ = ("_url", "raw")

    def __init__(self, raw: aiohttp.ClientResponse, url: str) -> None:
        super().__init__()
        self.raw = raw
        self._url = url

    @property
    def status(self) -> int:
        return self.raw.status

    @property
    def url(self) -> str:
        return self._url

    def get(self, name: str) -> str | None:
        lines = self.lines(name)
        return ", ".join(lines) if lines else None

    def lines(self, name: str) -> list[str]:
        return list(self.raw.headers.getall(name, ()))

    def relay(self, url: str) -> None:
        headers = CIMultiDict(self.raw.headers)
        for name in ("sigil-relayed", "sigil-payment"):
            headers.popall(name, None)
        _replace(self.raw, "headers", CIMultiDictProxy(headers))
        _replace(self.raw, "url", _yarl(url))
        self._url = url

    def watch(self, end: BodyEnd) -> None:
        content: Any = self.raw.content
        if content.is_eof() and content.at_eof():
            end.read()
            return
        self.raw.content = Watched(content, end)  # type: ignore[assignment] - it reads the same


def _replace(response: aiohttp.ClientResponse, name: str, value: object) -> None:
    """aiohttp has no way to make a response of another one: this is what its property reads."""
    setattr(response, f"_{name}", value)
    cache: dict[str, object] = getattr(response, "_cache", {})
    cache.pop(name, None)


def _yarl(url: str) -> Any:
    from yarl import URL

    return URL(url, encoded=True)


class _Port:
    """Sends with a session of aiohttp."""

    def __init__(self, request: aiohttp.ClientRequest, handler: Callable[..., Any]) -> None:
        self._request = request
        self._handler = handler
        self._given = CIMultiDict(request.headers)
        self._hide_from_traces()

    def _hide_from_traces(self) -> None:
        """A ``TraceConfig`` of the session is told the fields of each request when they are sent.
        aiohttp has no other way to say them.
        """
        name = "_on_headers_request_sent"
        tell: Callable[..., Awaitable[None]] = getattr(self._request, name)

        async def told(method: str, url: object, headers: CIMultiDict[str]) -> None:
            shown = CIMultiDict(headers)
            for added in ADDED_FIELDS:
                shown.popall(added, None)
                shown.extend((added, value) for value in self._given.getall(added, ()))
            await tell(method, url, shown)

        setattr(self._request, name, told)

    async def send(self, request: Send) -> _Reply:
        if request.is_for_treasury:
            return await self._order(request)
        mine = self._request
        mine.headers.clear()
        for name, value in request.fields:
            mine.headers.add(name, value)
        if isinstance(request.body, bytes):
            await mine.update_body(request.body)
        if is_plain_here(request.url):
            mine.proxy = None
        return _Reply(await self._handler(mine), request.url)

    async def _order(self, request: Send) -> _Reply:
        """Sends to the treasury, with nothing of the session: its connector may verify no
        certificate, or lead elsewhere.
        """
        seconds = request.seconds or _TREASURY_SECONDS
        # The answer may be a service's, read by the caller later: it keeps the connection, which
        # is closed with it.
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(), force_close=True)
        mine = aiohttp.ClientSession(
            connector=connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=seconds),
        )
        async with mine:
            try:
                response = await mine.request(
                    request.method,
                    _yarl(request.url),
                    headers=CIMultiDict(request.fields),
                    data=request.body,
                    allow_redirects=False,
                )
            except aiohttp.ClientResponseError as error:
                # It has the fields that were sent.
                error.request_info = self._request.request_info
                raise
        return _Reply(response, request.url)

    async def read(self, reply: Reply, max_bytes: int) -> bytes | None:
        response = _response(reply)
        length = response.content_length
        if length is not None and length > max_bytes:
            return None
        content = response.content
        parts: list[bytes] = []
        size = 0
        while size <= max_bytes and (part := await content.readany()):
            parts.append(part)
            size += len(part)
        # The caller reads the same bytes.
        response.content = again(content, b"".join(parts))
        return b"".join(parts) if size <= max_bytes else None

    async def close(self, reply: Reply) -> None:
        _response(reply).release()

    def hide(self) -> None:
        """The request of the caller has the fields that the caller gave it."""
        self._request.headers.clear()
        self._request.headers.update(self._given)


def _response(reply: Reply) -> aiohttp.ClientResponse:
    if not isinstance(reply, _Reply):
        raise TypeError("the reply is not one of aiohttp")
    return reply.raw
