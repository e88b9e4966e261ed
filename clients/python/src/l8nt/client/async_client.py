"""The client of an agent, for event loops. spec/4-purchase.md §2."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import Self, Unpack

from .._secrecy import takes_secrets
from .._tables import PAGE_ROWS
from ..caveat import Scope
from ..credential import Credential
from .carried import GivenCredentials
from .connections import Connections
from .core import Core
from .flow import Flow, arun
from .httpx_port import AsyncHttpxPort
from .httpx_reply import read_whole
from .httpx_requests import Prepared
from .options import RequestOptions
from .presented import Presented
from .ready import Ready
from .remote import TELLING_SECONDS
from .shared_client import SharedClient
from .spending import Spending
from .standing import NodeStanding, PaymentSummary, ReceiptRow

if TYPE_CHECKING:
    import httpx2

    from ..holder import HolderKey

T = TypeVar("T")


class AsyncClient(SharedClient):
    """``Client`` for event loops: the same methods, to be awaited.

        async with AsyncClient() as client:
            response = await client.get("https://api.weather.example/forecast?city=tokyo")
            print(response.json())

    Several tasks may use one client, also of several event loops. Making one costs little: the
    clients of an event loop share their connections, which the last one closes.
    """

    @takes_secrets
    def __init__(
        self,
        *,
        credential: GivenCredentials | None = None,
        wallet: str | None = None,
        limits: Scope | None = None,
        holder_key: str | HolderKey | None = None,
        on_payment: Callable[[PaymentSummary], object] | None = None,
        http: httpx2.AsyncClient | None = None,
        treasury_http: httpx2.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The arguments of ``Client``; ``http`` and ``treasury_http`` are each an
        ``httpx2.AsyncClient`` or an ``httpx.AsyncClient``, which serves one event loop.
        ``on_payment`` is a plain function.

        Raises TokenError for a credential that cannot be read; TypeError for a credential beside a
        wallet, and for a holder key that is none.
        """
        self._connections = Connections(http, treasury_http, is_async=True)
        self.begin(
            Core(
                credential=credential,
                wallet=wallet,
                limits=limits,
                holder_key=holder_key,
                on_payment=on_payment,
                clock=clock,
            )
        )

    async def request(
        self, method: str, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a request, and pays for it at most once, inside the scope of the credential. See
        ``Client.request``.

        A task that is cancelled ends the request. A payment that was begun is brought to its end,
        and the next request uses what it bought.
        """
        return await self.requested(method, url, options, order_id=None)

    async def requested(
        self,
        method: str,
        url: str | httpx2.URL,
        options: RequestOptions,
        *,
        order_id: str | None,
        stream: bool = False,
    ) -> httpx2.Response:
        """``request``, of an order with an id of the caller's, or with an answer that is read as it
        comes.
        """
        async with self._connections.leases.acall():
            return await self._requested(method, url, options, order_id, stream)

    async def _requested(
        self,
        method: str,
        url: str | httpx2.URL,
        options: RequestOptions,
        order_id: str | None,
        stream: bool,
    ) -> httpx2.Response:
        core = self._core
        http = self._connections.services()
        call = Prepared(http, method, str(url), options)
        port = AsyncHttpxPort(http, call.request, self._connections, core)
        if not core.is_empty or call.presents:
            port.judge_extensions()
        ready = None if stream or order_id else core.ready.of(method, call.url, options)
        if ready is not None and not call.has_auth and not call.has_hooks:
            response = await self._at_once(call, ready, port)
            if response is not None:
                return response
        await call.aapply_auth()
        await call.acall_hooks()
        if core.is_empty and not call.presents:
            return await self._free(call, stream)
        trip = core.call(call.written)
        reply = await arun(trip.follow(call.outgoing(order_id)), port)
        core.ready.note(method, call.url, options, trip.ready)
        response = port.finished(reply)
        await call.acall_hooks(response)
        if not stream:
            try:
                with read_whole(response):
                    await response.aread()
            except BaseException:
                await response.aclose()
                raise
        return response

    async def _at_once(
        self, call: Prepared, ready: Ready, port: AsyncHttpxPort
    ) -> httpx2.Response | None:
        """Sends the request with the pass that served it before. What is no success is judged as
        always, without sending it again.
        """
        given, extensions = call.request.headers, call.request.extensions
        made = call.with_ready(ready, port.extensions)
        if made is None:
            return None
        try:
            http = self._connections.to_service(call.http, call.url)
            response = await http.send(made, stream=True, auth=None, follow_redirects=False)
        except Exception as error:
            port.first = (ready.authorization, error)
            return None
        finally:
            made.headers, made.extensions = given, extensions
        if not response.is_success or "sigil-use" in response.headers:
            port.first = (ready.authorization, response)
            return None
        try:
            await response.aread()
        except BaseException as error:
            await response.aclose()
            shown = Presented()
            shown.note(ready.authorization)
            told = Spending().broken_off(shown.hide_in(error))
            if told is error:
                raise
            raise told from error
        return response

    async def _free(self, call: Prepared, stream: bool) -> httpx2.Response:
        """Without a credential a request is the HTTP library's own, and a 402 says what is
        missing.
        """
        response = await call.http.send(
            call.request, stream=stream, auth=None, follow_redirects=call.follow_redirects
        )
        if response.status_code == 402:
            try:
                await arun(call.unpaid(response), AsyncHttpxPort(call.http, call.request))
            except BaseException:
                await response.aclose()
                raise
        await call.acall_hooks(response)
        return response

    async def get(
        self, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a GET. See ``request``."""
        return await self.request("GET", url, **options)

    async def head(
        self, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a HEAD. See ``request``."""
        return await self.request("HEAD", url, **options)

    async def post(
        self, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a POST. See ``request``."""
        return await self.request("POST", url, **options)

    async def put(
        self, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a PUT. See ``request``."""
        return await self.request("PUT", url, **options)

    async def patch(
        self, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a PATCH. See ``request``."""
        return await self.request("PATCH", url, **options)

    async def delete(
        self, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a DELETE. See ``request``."""
        return await self.request("DELETE", url, **options)

    @asynccontextmanager
    async def stream(
        self, method: str, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> AsyncGenerator[httpx2.Response]:
        """Sends a request whose answer is read as it comes. An answer that was paid for counts as
        received when its body was read to its end, or closed. See ``request``.

            async with client.stream("GET", url) as response:
                async for part in response.aiter_bytes(): ...
        """
        async with self._connections.leases.acall():
            response = await self._requested(method, url, options, None, stream=True)
            try:
                yield response
            finally:
                await response.aclose()

    async def revoke(self, child: Credential | str) -> None:
        """Revokes a credential that was derived from this client's own, and everything below it.
        See ``Client.revoke``.
        """
        await self._open()
        await self._run(self._core.revoke(child))

    async def standing(self) -> list[NodeStanding]:
        """What is left at this credential's node and at every node above it, root first.

        Raises TokenError, DeniedError, AdapterError ``ERR_TREASURY``.
        """
        await self._open()
        return await self._run(self._core.standing())

    async def tree(self) -> list[NodeStanding]:
        """This credential's node and everything below it that has spent, parents first.

        Raises TokenError, DeniedError, AdapterError ``ERR_TREASURY``.
        """
        await self._open()
        return await self._run(self._core.tree())

    async def receipts(self, after: int = 0, limit: int = PAGE_ROWS) -> list[ReceiptRow]:
        """Signed receipts of what this credential's node and the nodes below it paid, in order.
        See ``Client.receipts``.
        """
        await self._open()
        return await self._run(self._core.receipts(after, limit))

    async def aclose(self) -> None:
        """Tells the treasury which answers have arrived, before the process ends, and closes the
        connections if no other client uses them. See ``Client.close``. Waits for two seconds at
        most, and never fails. Calls of other tasks go on, and the last one closes the connections.
        The client can be used afterwards.
        """
        import anyio

        for telling in self._core.telling():
            with anyio.move_on_after(TELLING_SECONDS), suppress(Exception):
                await self._run(telling)
        await self._connections.leases.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def _open(self) -> Core:
        """Starts the treasury of a wallet, which takes a moment."""
        core = self._core
        if not core.is_open:
            import anyio.to_thread

            await anyio.to_thread.run_sync(lambda: core.carried)
        return core

    async def _run(self, flow: Flow[T]) -> T:
        async with self._connections.leases.acall():
            http = self._connections.services()
            return await arun(flow, AsyncHttpxPort(http, None, self._connections, self._core))


async def arequest_as(
    client: AsyncClient, order_id: str, method: str, url: str, options: RequestOptions | None = None
) -> httpx2.Response:
    """``client.request`` of a request whose order has an id of the caller's, new for each request:
    8 to 64 letters, digits, ``_`` and ``-``.
    """
    return await client.requested(method, url, options or {}, order_id=order_id)
