"""The call of a client inside of an auth flow of httpx2 or httpx, for people who keep their own
client.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .._given import check_http
from .._secrecy import takes_secrets
from .carried import GivenCredentials
from .connections import Connections, check_way, running_client
from .core import HoldsCredentials
from .flow import Close, Effect, Reply, Send, aperform, arun, perform, run, without_variables
from .httpx_port import AsyncHttpxPort, HttpxPort, outgoing_of
from .httpx_reply import HttpxReply, library_of
from .httpx_requests import written_by
from .outgoing import Outgoing
from .own_library import own_core
from .standing import PaymentSummary
from .unpaid import unpaid_free

if TYPE_CHECKING:
    from ..holder import HolderKey


_MAX_UNWANTED_BYTES = 65_536


class AuthFlow(HoldsCredentials):
    """Presents credentials and pays, in the auth flow of a client of httpx2 or httpx.

        with httpx2.Client(auth=Auth()) as http:
            print(http.get("https://api.weather.example/forecast?city=tokyo").json())

    What an auth flow cannot do, and ``l8nt.Client`` does:

    - It sees no exchange with a service that fails: the error is the HTTP library's, which does not
      say what was spent. The next request uses what was bought.
    - The HTTP client follows redirects, if it does, and where a redirect leads is not paid for.
    - A request that has an ``Authorization`` of its own is sent as it is, and not paid for.
    - The HTTP client calls its event hooks, at the 402 as well: one that raises there, such as
      ``raise_for_status``, ends the call before anything is paid.
    - The HTTP client chooses the way. Plain HTTP on this machine that it would send through a proxy
      is refused (``ERR_REQUEST``): set ``NO_PROXY=localhost,127.0.0.1`` if it has one.
    - No wallet is started: set ``SIGIL_CREDENTIAL``.
    """

    @takes_secrets
    def __init__(
        self,
        *,
        credential: GivenCredentials | None = None,
        holder_key: str | HolderKey | None = None,
        on_payment: Callable[[PaymentSummary], object] | None = None,
        treasury_http: Any = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The arguments are those of ``l8nt.Client``. Orders do not go through the client whose
        flow this is: by default through one that verifies certificates, whatever that does.

        Raises TokenError for a credential that cannot be read; TypeError for a holder key that is
        none.
        """
        check_http(treasury_http, "treasury_http", is_async=None)
        self._core = own_core(
            credential=credential, holder_key=holder_key, on_payment=on_payment, clock=clock
        )
        self._treasury_http = treasury_http
        self._connections: dict[tuple[ModuleType, bool], Connections] = {}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._core.carried.all)} credentials>"

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """The requests of one call."""
        # Not a variable of its own: tools that show a traceback show those, and an answer of a
        # treasury has a credential.
        given: list[object] = [None]
        error: BaseException | None = None
        port = HttpxPort(None, request, self._connections_of(request, is_async=False))
        outgoing = outgoing_of(request, redirect="manual")
        if self._is_free(outgoing):
            response = yield request
            run(unpaid_free(outgoing, HttpxReply(response)), port)
            return
        check_way(running_client(library_of(request)), str(request.url))
        port.judge_extensions()
        flow = self._core.call(written_by(library_of(request))).follow(outgoing)
        calls = _Calls(port)
        try:
            while True:
                effect = flow.send(given.pop()) if error is None else flow.throw(error)
                error = None
                if isinstance(effect, Send) and not effect.is_for_treasury:
                    made = port.made(effect, is_async=False)
                    try:
                        given.append(calls.noted((yield made)))
                    except GeneratorExit:
                        flow.close()
                        raise
                    finally:
                        port.hide(made)
                    continue
                try:
                    given.append(_performed(effect, port, calls))
                # The flow keeps what was bought, whatever ends it.
                except BaseException as caught:
                    error = without_variables(effect, caught)
        except StopIteration as end:
            left = calls.finish(port.finished(end.value))
            if left is not None:
                left.close()
        except BaseException:
            for reply in calls.of_treasury:
                port.close(reply)
            raise

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """The requests of one call."""
        # Not a variable of its own: tools that show a traceback show those, and an answer of a
        # treasury has a credential.
        given: list[object] = [None]
        error: BaseException | None = None
        port = AsyncHttpxPort(None, request, self._connections_of(request, is_async=True))
        outgoing = outgoing_of(request, redirect="manual")
        if self._is_free(outgoing):
            response = yield request
            await arun(unpaid_free(outgoing, HttpxReply(response)), port)
            return
        check_way(running_client(library_of(request)), str(request.url))
        port.judge_extensions()
        flow = self._core.call(written_by(library_of(request))).follow(outgoing)
        calls = _Calls(port)
        try:
            while True:
                effect = flow.send(given.pop()) if error is None else flow.throw(error)
                error = None
                if isinstance(effect, Send) and not effect.is_for_treasury:
                    made = port.made(effect, is_async=True)
                    try:
                        given.append(calls.noted((yield made)))
                    except GeneratorExit:
                        flow.close()
                        raise
                    finally:
                        port.hide(made)
                    continue
                try:
                    given.append(await _aperformed(effect, port, calls))
                # The flow keeps what was bought, whatever ends it.
                except BaseException as caught:
                    error = without_variables(effect, caught)
        except StopIteration as end:
            left = calls.finish(port.finished(end.value))
            if left is not None:
                await left.aclose()
        except BaseException:
            for reply in calls.of_treasury:
                await port.close(reply)
            raise

    def _connections_of(self, request: Any, *, is_async: bool) -> Connections:
        library = library_of(request)
        known = self._connections.get((library, is_async))
        if known is None:
            # Nobody closes them: an Auth has no end.
            known = Connections(
                None, self._treasury_http, is_async=is_async, made_by=library, is_kept=False
            )
            self._connections[library, is_async] = known
        return known

    def _is_free(self, request: Outgoing) -> bool:
        """Whether it is sent as it is."""
        is_own = request.is_own or "authorization" in request.fields
        return is_own or not self._core.carried.all


class _Calls:
    """The exchanges of one call."""

    def __init__(self, port: HttpxPort | AsyncHttpxPort) -> None:
        self._port = port
        self._last: Any = None
        self.of_treasury: list[HttpxReply] = []

    def noted(self, raw: Any) -> HttpxReply:
        """The reply of a service."""
        self._last = raw
        reply = HttpxReply(raw)
        reply.is_moved = bool(raw.history) and raw.history[-1].has_redirect_location
        # The HTTP client may have made others of the request, to follow redirects.
        for one in (raw, *raw.history):
            self._port.hide(one.request)
        return reply

    def too_long(self, reply: Reply) -> Any:
        """The body of a reply of a service that nobody wants and that may have no end, which is to
        be closed. The HTTP client finds none.
        """
        raw = self._last
        if not isinstance(reply, HttpxReply) or reply.raw is not raw:
            return None
        length: str = raw.headers.get("content-length", "")
        is_short = length.isdecimal() and int(length) <= _MAX_UNWANTED_BYTES
        if raw.is_closed or (is_short and "content-encoding" not in raw.headers):
            return None
        stream, raw.stream = raw.stream, library_of(raw).ByteStream(b"")
        return stream

    def finish(self, raw: Any) -> Any:
        """The caller gets the last response that the HTTP client has, so that one is made the one
        which a treasury relayed. Gives what has to be closed: a copy of what it was.
        """
        last = self._last
        if last is raw or last is None:
            return None
        left = _same_as(last)
        raw.history = list(last.history)
        # Both are one from now on: the stream tells its own response how long it took.
        last.__dict__ = raw.__dict__
        return left


def _same_as(one: object) -> Any:
    left: Any = object.__new__(type(one))
    left.__dict__ = one.__dict__
    return left


# The HTTP client reads each answer to its end before it sends the next request.
def _performed(effect: Effect, port: HttpxPort, calls: _Calls) -> object:
    if isinstance(effect, Send):
        reply = port.send(effect)
        calls.of_treasury.append(reply)
        return reply
    if isinstance(effect, Close):
        if effect.reply in calls.of_treasury:
            return port.close(effect.reply)
        stream = calls.too_long(effect.reply)
        return None if stream is None else stream.close()
    return perform(effect, port)


async def _aperformed(effect: Effect, port: AsyncHttpxPort, calls: _Calls) -> object:
    if isinstance(effect, Send):
        reply = await port.send(effect)
        calls.of_treasury.append(reply)
        return reply
    if isinstance(effect, Close):
        if effect.reply in calls.of_treasury:
            return await port.close(effect.reply)
        stream = calls.too_long(effect.reply)
        return None if stream is None else await stream.aclose()
    return await aperform(effect, port)
