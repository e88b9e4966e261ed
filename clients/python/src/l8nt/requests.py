"""For sessions of requests that people keep: an adapter that presents credentials and pays."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from weakref import ref

from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict

from .client.carried import GivenCredentials
from .client.core import Core, HoldsCredentials, OwnEnvironment
from .client.fields import Fields
from .client.flow import BodyEnd, Reply, Send, run
from .client.outgoing import origin_of, outgoing
from .client.redirect import STATUSES as REDIRECTS
from .client.standing import PaymentSummary
from .client.streamed_body import StreamedBody
from .client.trip import Trip
from .client.unpaid import unpaid_free

if TYPE_CHECKING:
    from .holder import HolderKey

__all__ = ["Adapter"]

_TREASURY_TIMEOUT = (10.0, 300.0)
"""Seconds to connect and to read: a treasury answers an order when it has paid."""


class Adapter(HoldsCredentials, HTTPAdapter):
    """Presents credentials and pays, in a session of requests.

        from l8nt.requests import Adapter

        session = requests.Session()
        adapter = Adapter()
        session.mount("https://", adapter)
        print(session.get("https://api.weather.example/forecast?city=tokyo").json())

    The responses are those of requests. Several threads may use one adapter, as far as they may use
    the session. What an adapter cannot do, and ``l8nt.Client`` does: the session follows redirects,
    and what another origin leads to is not paid for; a body that is an iterator is sent once, as it
    comes, and is paid for if it has at most 1 MiB; no wallet is started: set ``SIGIL_CREDENTIAL``.
    """

    def __init__(
        self,
        *,
        credential: GivenCredentials | None = None,
        holder_key: str | HolderKey | None = None,
        on_payment: Callable[[PaymentSummary], object] | None = None,
        clock: Callable[[], float] = time.time,
        **options: Any,
    ) -> None:
        """The arguments are those of ``l8nt.Client``, and behind them those of ``HTTPAdapter``.

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
        super().__init__(**options)

    def send(
        self,
        request: PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Response:
        """Sends a request of the session."""
        options = {"timeout": timeout, "verify": verify, "cert": cert, "proxies": proxies}
        port = _Port(super().send, request, options)
        chain = _chain_of(request)
        url = request.url or ""
        asked = outgoing(
            request.method or "GET",
            url,
            Fields((name, _text(value)) for name, value in request.headers.items()),
            _body_of(request),
            redirect="manual",
            strayed=chain.strays(request, origin_of(url)),
        )
        if not self._core.carried.all or asked.is_own:
            response = super().send(request, stream=stream, **options)
            run(unpaid_free(asked, _Reply(response)), port)
            return response
        if chain.trip is None:
            chain.trip = self._core.call()
        reply = run(chain.trip.follow(asked), port)
        if reply.status in REDIRECTS:
            chain.trip.redirects(asked, reply)
        return port.finished(reply)


class _Chain:
    """A request and those that a session sends because it was redirected. It stands among the hooks
    of the request, which the session copies to each of them.
    """

    def __init__(self, first: PreparedRequest) -> None:
        self._first = ref(first)
        self._origin = origin_of(first.url or "")
        self._strayed = False
        self.trip: Trip | None = None

    def __call__(self, *_: object, **__: object) -> None:
        """A hook of requests that does nothing."""

    def strays(self, request: PreparedRequest, origin: str) -> bool:
        """Whether a redirect led to another origin than the one asked for."""
        if request is self._first():
            self._strayed = False
            self.trip = None
        self._strayed = self._strayed or origin != self._origin
        return self._strayed


def _chain_of(request: PreparedRequest) -> _Chain:
    hooks: Any = request.hooks.get("response") or []
    for hook in [hooks] if callable(hooks) else hooks:
        if isinstance(hook, _Chain):
            return hook
    chain = _Chain(request)
    request.register_hook("response", chain)
    return chain


class _Reply(Reply):
    """A response of requests."""

    __slots__ = ("raw", "shown_url")

    def __init__(self, raw: Response) -> None:
        super().__init__()
        self.raw = raw
        self.shown_url: str | None = None

    @property
    def status(self) -> int:
        return self.raw.status_code

    @property
    def url(self) -> str:
        return self.shown_url or self.raw.url

    def get(self, name: str) -> str | None:
        return self.raw.headers.get(name)

    def lines(self, name: str) -> list[str]:
        lines: Any = getattr(self.raw.raw, "headers", None)
        return list(lines.getlist(name)) if lines is not None else []

    def relay(self, url: str) -> None:
        for name in ("sigil-relayed", "sigil-payment"):
            self.raw.headers.pop(name, None)
        self.shown_url = url

    def watch(self, end: BodyEnd) -> None:
        self.raw.raw = _Watched(self.raw.raw, end)


class _Body:
    """The body of a response of urllib3, which requests reads as ``response.raw``."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


class _Watched(_Body):
    """A body on its way to the caller."""

    def __init__(self, source: Any, end: BodyEnd) -> None:
        super().__init__(source)
        self._end = end

    def stream(self, *given: Any, **options: Any) -> Iterator[bytes]:
        try:
            yield from self._source.stream(*given, **options)
        except GeneratorExit:
            raise
        except BaseException as error:
            raise self._told(error) from error
        self._end.read()

    def read(self, *given: Any, **options: Any) -> bytes:
        try:
            part: bytes = self._source.read(*given, **options)
        except BaseException as error:
            raise self._told(error) from error
        if not part:
            self._end.read()
        return part

    def _told(self, error: BaseException) -> BaseException:
        return self._end.broke(error)

    def close(self) -> None:
        self._end.read()
        self._source.close()


class _Replayed(_Body):
    """A body of which a part was read, and decoded."""

    def __init__(self, source: Any, parts: list[bytes], rest: Iterator[bytes]) -> None:
        super().__init__(source)
        self._parts = parts
        self._rest = rest

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield from self._parts
        yield from self._rest

    def read(self, *_: Any, **__: Any) -> bytes:
        return b"".join(self.stream())


class _Port:
    """Sends with an ``HTTPAdapter``."""

    def __init__(
        self, send: Callable[..., Response], original: PreparedRequest, options: dict[str, Any]
    ) -> None:
        self._send = send
        self._original = original
        self._options = options

    def send(self, request: Send) -> _Reply:
        options = dict(self._options)
        made = PreparedRequest() if request.is_for_treasury else self._original.copy()
        if request.is_for_treasury:
            seconds = request.seconds
            options["timeout"] = _TREASURY_TIMEOUT if seconds is None else seconds
            options["cert"] = None
        made.method, made.url = request.method, request.url
        headers = CaseInsensitiveDict[Any]()
        for name, _ in request.fields:
            headers[name] = request.fields.get(name)
        made.headers = headers
        body: Any = request.body
        made.body = body
        if isinstance(body, bytes) and "content-length" not in headers:
            headers["content-length"] = str(len(body))
        return _Reply(self._send(made, stream=True, **options))

    def read(self, reply: Reply, max_bytes: int) -> bytes | None:
        response = _response(reply)
        if getattr(response, "_content_consumed", False):
            return response.content
        parts: list[bytes] = []
        size = 0
        rest: Iterator[bytes] = response.raw.stream(16_384, decode_content=True)
        for part in rest:
            parts.append(part)
            size += len(part)
            if size > max_bytes:
                response.raw = _Replayed(response.raw, parts, rest)
                return None
        response.raw = _Replayed(response.raw, parts, iter(()))
        return b"".join(parts)

    def close(self, reply: Reply) -> None:
        if isinstance(reply, _Reply):
            reply.raw.close()

    def finished(self, reply: Reply) -> Response:
        """The response as the caller gets it: of the request as the caller made it."""
        response = _response(reply)
        response.request = self._original
        response.url = self._original.url or ""
        return response


def _response(reply: Reply) -> Response:
    if not isinstance(reply, _Reply):
        raise TypeError("the reply is not one of requests")
    return reply.raw


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


_PART_BYTES = 65_536


def _body_of(request: PreparedRequest) -> bytes | StreamedBody | None:
    body: Any = request.body
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return StreamedBody(iter(lambda: body.read(_PART_BYTES), b""))
    return StreamedBody(body)
