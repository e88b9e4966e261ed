"""The client of an agent, for threads. spec/4-purchase.md §2."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from typing_extensions import Self, Unpack

from .._secrecy import takes_secrets
from .._tables import PAGE_ROWS
from ..caveat import Scope
from ..credential import Credential
from .carried import GivenCredentials
from .connections import Connections
from .core import Core
from .flow import Flow, run
from .httpx_port import HttpxPort
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
    from .async_client import AsyncClient

T = TypeVar("T")


class Client(SharedClient):
    """The client of an agent. It takes its credential from ``SIGIL_CREDENTIAL``, or pays from the
    wallet of ``SIGIL_WALLET``. With neither, it makes requests that are free, and a service that
    asks for payment is a ``PaymentError`` that says the amount and what to set.

        client = Client()
        response = client.get("https://api.weather.example/forecast?city=tokyo")
        print(response.json())

    Several threads may use one client. Making one costs little: clients share their connections.
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
        http: httpx2.Client | None = None,
        treasury_http: httpx2.Client | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """
        credential: one credential or more. A text may hold several, separated by white space. The
            text in ``SIGIL_CREDENTIAL`` by default.
        wallet: the URL of a wallet. The client then starts ``sigil treasury``, which pays from it.
            The URL in ``SIGIL_WALLET`` by default, unless the client has a credential.
        limits: the scope of the client's own credential, if it pays from a wallet. By default any
            https URL and this machine, 100 sat a request, 1,000 sat a day, 10,000 sat in all.
            Clients without ``limits`` share these in a process. Each client with ``limits`` counts
            them for itself: make one, and not one for each request.
        holder_key: the key of credentials with a ``holder``: 64 hex digits, or a
            ``l8nt.holder.HolderKey``. The key in ``SIGIL_HOLDER_KEY`` by default.
        on_payment: called once in a process for each payment that is made for a request of this
            client, if the treasury's answer is heard.
        http: sends the requests to services: an ``httpx2.Client`` or an ``httpx.Client`` with your
            own settings. It stays open when this client is closed, and a process that is forked
            needs another one.
        treasury_http: the same for the treasury, such as one with a proxy or an authority of your
            own for its certificate. By default one that verifies certificates, as ``http`` may not,
            and goes through no proxy without TLS.
        clock: Unix seconds.

        Raises TokenError for a credential that cannot be read; TypeError for a credential beside a
        wallet, and for a holder key that is none.
        """
        self._connections = Connections(http, treasury_http, is_async=False)
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

    def request(
        self, method: str, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> httpx2.Response:
        """Sends a request, and pays for it at most once, inside the scope of the credential.

        The keyword arguments are those of ``httpx2.Client.request``, and so is the response. A
        request that already presents a credential, in ``Authorization: L402`` or in ``Macaroon``,
        is sent unchanged. An ``Authorization`` of another scheme is the API's own: it is sent
        along, and the credential in ``Macaroon``.

        Raises DeniedError before anything is sent, if no credential covers the request;
        BudgetError, ChallengeError, PaymentError, AdapterError. ``PaymentError.spent`` says whether
        money moved. Without a payment, the errors of the HTTP library are raised as they are.
        spec/4-purchase.md §2.
        """
        return self.requested(method, url, options, order_id=None)

    def requested(
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
        with self._connections.leases.call():
            return self._requested(method, url, options, order_id, stream)

    def _requested(
        self,
        method: str,
        url: str | httpx2.URL,
        options: RequestOptions,
        order_id: str | None,
        stream: bool,
    ) -> httpx2.Response:
        http, core = self._connections.services(), self._core
        call = Prepared(http, method, str(url), options)
        port = HttpxPort(http, call.request, self._connections, core)
        if not core.is_empty or call.presents:
            port.judge_extensions()
        ready = None if stream or order_id else core.ready.of(method, call.url, options)
        if ready is not None and not call.has_auth and not call.has_hooks:
            response = self._at_once(call, ready, port)
            if response is not None:
                return response
        call.apply_auth()
        call.call_hooks()
        if core.is_empty and not call.presents:
            return self._free(call, stream)
        trip = core.call(call.written)
        reply = run(trip.follow(call.outgoing(order_id)), port)
        core.ready.note(method, call.url, options, trip.ready)
        response = port.finished(reply)
        call.call_hooks(response)
        if not stream:
            try:
                with read_whole(response):
                    response.read()
            except BaseException:
                response.close()
                raise
        return response

    def _at_once(self, call: Prepared, ready: Ready, port: HttpxPort) -> httpx2.Response | None:
        """Sends the request with the pass that served it before. What is no success is judged as
        always, without sending it again.
        """
        given, extensions = call.request.headers, call.request.extensions
        made = call.with_ready(ready, port.extensions)
        if made is None:
            return None
        try:
            http = self._connections.to_service(call.http, call.url)
            response = http.send(made, stream=True, auth=None, follow_redirects=False)
        except Exception as error:
            port.first = (ready.authorization, error)
            return None
        finally:
            made.headers, made.extensions = given, extensions
        if not response.is_success or "sigil-use" in response.headers:
            port.first = (ready.authorization, response)
            return None
        try:
            response.read()
        except BaseException as error:
            response.close()
            shown = Presented()
            shown.note(ready.authorization)
            told = Spending().broken_off(shown.hide_in(error))
            if told is error:
                raise
            raise told from error
        return response

    def _free(self, call: Prepared, stream: bool) -> httpx2.Response:
        """Without a credential a request is the HTTP library's own, and a 402 says what is
        missing.
        """
        response = call.http.send(
            call.request, stream=stream, auth=None, follow_redirects=call.follow_redirects
        )
        if response.status_code == 402:
            try:
                run(call.unpaid(response), HttpxPort(call.http, call.request))
            except BaseException:
                response.close()
                raise
        call.call_hooks(response)
        return response

    def get(self, url: str | httpx2.URL, **options: Unpack[RequestOptions]) -> httpx2.Response:
        """Sends a GET. See ``request``."""
        return self.request("GET", url, **options)

    def head(self, url: str | httpx2.URL, **options: Unpack[RequestOptions]) -> httpx2.Response:
        """Sends a HEAD. See ``request``."""
        return self.request("HEAD", url, **options)

    def post(self, url: str | httpx2.URL, **options: Unpack[RequestOptions]) -> httpx2.Response:
        """Sends a POST. See ``request``."""
        return self.request("POST", url, **options)

    def put(self, url: str | httpx2.URL, **options: Unpack[RequestOptions]) -> httpx2.Response:
        """Sends a PUT. See ``request``."""
        return self.request("PUT", url, **options)

    def patch(self, url: str | httpx2.URL, **options: Unpack[RequestOptions]) -> httpx2.Response:
        """Sends a PATCH. See ``request``."""
        return self.request("PATCH", url, **options)

    def delete(self, url: str | httpx2.URL, **options: Unpack[RequestOptions]) -> httpx2.Response:
        """Sends a DELETE. See ``request``."""
        return self.request("DELETE", url, **options)

    @contextmanager
    def stream(
        self, method: str, url: str | httpx2.URL, **options: Unpack[RequestOptions]
    ) -> Generator[httpx2.Response]:
        """Sends a request whose answer is read as it comes. An answer that was paid for counts as
        received when its body was read to its end, or closed. See ``request``.

            with client.stream("GET", url) as response:
                for part in response.iter_bytes(): ...
        """
        with self._connections.leases.call():
            response = self._requested(method, url, options, None, stream=True)
            try:
                yield response
            finally:
                response.close()

    def to_async(
        self,
        *,
        http: httpx2.AsyncClient | None = None,
        treasury_http: httpx2.AsyncClient | None = None,
    ) -> AsyncClient:
        """An ``AsyncClient`` with the same credential and treasury. It sends with HTTP clients of
        its own, or with those that are given here: this client's are for threads.
        """
        from .async_client import AsyncClient

        made = AsyncClient(credential=(), http=http, treasury_http=treasury_http)
        made.begin(self._core)
        return made

    @takes_secrets
    def revoke(self, child: Credential | str) -> None:
        """Revokes a credential that was derived from this client's own, and everything below it.
        This client's own credential stays valid.

        Raises TypeError for a credential that was not derived from this client's own; TokenError,
        DeniedError, AdapterError ``ERR_TREASURY``.
        """
        self._run(self._core.revoke(child))

    def standing(self) -> list[NodeStanding]:
        """What is left at this credential's node and at every node above it, root first.

        Raises TokenError, DeniedError, AdapterError ``ERR_TREASURY``.
        """
        return self._run(self._core.standing())

    def tree(self) -> list[NodeStanding]:
        """This credential's node and everything below it that has spent, parents first.

        Raises TokenError, DeniedError, AdapterError ``ERR_TREASURY``.
        """
        return self._run(self._core.tree())

    def receipts(self, after: int = 0, limit: int = PAGE_ROWS) -> list[ReceiptRow]:
        """Signed receipts of what this credential's node and the nodes below it paid, in order.
        ``after`` is the number of the last receipt that is already known; ``limit`` is at most
        1000.

        Raises TokenError, DeniedError, AdapterError ``ERR_TREASURY``.
        """
        return self._run(self._core.receipts(after, limit))

    def close(self) -> None:
        """Tells the treasury which answers have arrived, before the process ends, and closes the
        connections if no other client uses them. Without it a process costs no money: the next one
        may be offered what was used, and the service refuses that. Waits for two seconds at most,
        and never fails. Calls that run in other threads go on, and the last one closes the
        connections. The client can be used afterwards.
        """
        telling = self._core.telling()
        threads = [threading.Thread(target=self._tell, args=(one,), daemon=True) for one in telling]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TELLING_SECONDS)
        self._connections.leases.close()

    def _tell(self, telling: Flow[None]) -> None:
        with suppress(Exception):  # The next order tells it.
            self._run(telling)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, flow: Flow[T]) -> T:
        with self._connections.leases.call():
            http = self._connections.services()
            return run(flow, HttpxPort(http, None, self._connections, self._core))


def request_as(
    client: Client, order_id: str, method: str, url: str, options: RequestOptions | None = None
) -> httpx2.Response:
    """``client.request`` of a request whose order has an id of the caller's, new for each request:
    8 to 64 letters, digits, ``_`` and ``-``.
    """
    return client.requested(method, url, options or {}, order_id=order_id)
