"""The call of a client inside of an auth flow of httpx2 or httpx, for people who keep their own
client.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TYPE_CHECKING, Any

from ..errors import AdapterError
from .carried import GivenCredentials
from .core import Core, HoldsCredentials, OwnEnvironment
from .flow import Effect, Fill, Pause, Read, Send, arun, run
from .httpx_port import AsyncHttpxPort, HttpxPort, outgoing_of
from .httpx_reply import HttpxReply, library_of
from .httpx_requests import written_by
from .outgoing import Outgoing, origin_of
from .patience import patience
from .standing import PaymentSummary
from .unpaid import unpaid_free

if TYPE_CHECKING:
    from ..holder import HolderKey


class AuthFlow(HoldsCredentials):
    """Presents credentials and pays, in the auth flow of a client of httpx2 or httpx.

        with httpx2.Client(auth=Auth()) as http:
            print(http.get("https://api.weather.example/forecast?city=tokyo").json())

    What an auth flow cannot do, and ``l8nt.Client`` does:

    - It sees no exchange that fails. An order whose answer was lost is not asked for again in the
      same call, and the error is the HTTP library's, which does not say what was spent. The next
      request uses what was bought.
    - The HTTP client follows redirects, if it does, and where a redirect leads is not paid for.
    - A request that has an ``Authorization`` of its own is sent as it is, and not paid for.
    - No wallet is started: set ``SIGIL_CREDENTIAL``.
    """

    def __init__(
        self,
        *,
        credential: GivenCredentials | None = None,
        holder_key: str | HolderKey | None = None,
        on_payment: Callable[[PaymentSummary], object] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """The arguments are those of ``l8nt.Client``.

        Raises TokenError for a credential that cannot be read; TypeError for a holder key that is
        none.
        """
        self._core = Core(
            credential=credential,
            wallet=None,
            limits=None,
            holder_key=holder_key,
            on_payment=on_payment,
            clock=clock,
            environment=OwnEnvironment(),
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self._core.carried.all)} credentials>"

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:
        """The requests of one call."""
        given: object = None
        error: Exception | None = None
        port = HttpxPort(None, request)
        outgoing = outgoing_of(request, redirect="manual")
        if self._is_free(outgoing):
            response = yield request
            run(unpaid_free(outgoing, HttpxReply(response)), port)
            return
        flow = self._core.call(written_by(library_of(request))).follow(outgoing)
        calls = _Calls()
        try:
            while True:
                effect = flow.send(given) if error is None else flow.throw(error)
                given = error = None
                if isinstance(effect, Send):
                    made = port.made(effect, is_async=False)
                    try:
                        given = calls.noted(effect, (yield made))
                    except GeneratorExit:
                        flow.close()
                        raise
                    finally:
                        port.hide(made)
                    continue
                try:
                    given = _performed(effect, port)
                except Exception as caught:
                    error = caught
        except StopIteration as end:
            calls.finish(port.finished(end.value))

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:
        """The requests of one call."""
        given: object = None
        error: Exception | None = None
        port = AsyncHttpxPort(None, request)
        outgoing = outgoing_of(request, redirect="manual")
        if self._is_free(outgoing):
            response = yield request
            await arun(unpaid_free(outgoing, HttpxReply(response)), port)
            return
        flow = self._core.call(written_by(library_of(request))).follow(outgoing)
        calls = _Calls()
        try:
            while True:
                effect = flow.send(given) if error is None else flow.throw(error)
                given = error = None
                if isinstance(effect, Send):
                    made = port.made(effect, is_async=True)
                    try:
                        given = calls.noted(effect, (yield made))
                    except GeneratorExit:
                        flow.close()
                        raise
                    finally:
                        port.hide(made)
                    continue
                try:
                    given = await _aperformed(effect, port)
                except Exception as caught:
                    error = caught
        except StopIteration as end:
            calls.finish(port.finished(end.value))

    def _is_free(self, request: Outgoing) -> bool:
        """Whether it is sent as it is."""
        is_own = request.is_own or "authorization" in request.fields
        return is_own or not self._core.carried.all


class _Calls:
    """The exchanges of one call."""

    def __init__(self) -> None:
        self._of_treasury: list[object] = []

    def noted(self, sent: Send, raw: Any) -> HttpxReply:
        """The reply to a request."""
        reply = HttpxReply(raw)
        reply.is_moved = bool(raw.history) and raw.history[-1].has_redirect_location
        if sent.is_for_treasury:
            self._of_treasury.append(raw)
            if str(raw.request.url) != sent.url:
                raise AdapterError(
                    "ERR_TREASURY",
                    f"The treasury {origin_of(sent.url)} redirects: no order goes elsewhere.",
                )
        return reply

    def finish(self, raw: Any) -> None:
        """What the treasury answered is nobody's to read: it has credentials."""
        raw.history = [one for one in raw.history if one not in self._of_treasury]


# Close is left to the HTTP client, which reads each answer before it sends the next request.
def _performed(effect: Effect, port: HttpxPort) -> object:
    if isinstance(effect, Read):
        return port.read(effect.reply, effect.max_bytes)
    if isinstance(effect, Pause):
        return patience.sleep(effect.seconds)
    return effect.body.fill() if isinstance(effect, Fill) else None


async def _aperformed(effect: Effect, port: AsyncHttpxPort) -> object:
    if isinstance(effect, Read):
        return await port.read(effect.reply, effect.max_bytes)
    if isinstance(effect, Pause):
        return await patience.asleep(effect.seconds)
    return await effect.body.afill() if isinstance(effect, Fill) else None
