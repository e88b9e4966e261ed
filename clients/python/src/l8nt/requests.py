"""For sessions of requests that people keep: an adapter that presents credentials and pays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, cast

from ._extras import Extra
from ._secrecy import takes_secrets
from .client.body_end import BodyEnd
from .client.carried import GivenCredentials
from .client.core import HoldsCredentials
from .client.decoded import decoded
from .client.fields import Fields
from .client.flow import Reply, Send, run
from .client.outgoing import outgoing
from .client.own_library import own_core
from .client.presents import keep_from_others
from .client.redirect import STATUSES as REDIRECTS
from .client.standing import PaymentSummary
from .client.streamed_body import StreamedBody, is_bytes
from .client.transport import is_plain_here
from .client.unpaid import unpaid_free

with Extra("requests"):
    from requests import PreparedRequest, Response
    from requests.structures import CaseInsensitiveDict
    from requests.utils import get_environ_proxies
    from urllib3.util import Timeout

    from .client.requests_chain import Chain
    from .client.urllib3_body import Watched, broken, replayed
    from .client.urllib3_connections import OwnAdapter

if TYPE_CHECKING:
    from .holder import HolderKey

__all__ = ["Adapter"]

_TREASURY_TIMEOUT = (10.0, 300.0)
"""Seconds to connect and to read: a treasury answers an order when it has paid."""


class Adapter(HoldsCredentials, OwnAdapter):
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

    @takes_secrets
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
        self._core = own_core(
            credential=credential, holder_key=holder_key, on_payment=on_payment, clock=clock
        )
        self._orders = OwnAdapter()
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
        _check_timeout(timeout)
        options = {"timeout": timeout, "verify": verify, "cert": cert, "proxies": proxies}
        port = _Port(super().send, self._orders.send, request, options)
        calls = Chain.of(request)
        strayed = calls.begin(request)
        if strayed:
            keep_from_others(request.headers)
        asked = outgoing(
            request.method or "GET",
            request.url or "",
            Fields((name, _text(value)) for name, value in request.headers.items()),
            _body_of(request),
            redirect="manual",
            strayed=strayed,
        )
        if not self._core.carried.all or asked.is_own:
            response = super().send(request, stream=stream, **options)
            run(unpaid_free(asked, _Reply(response)), port)
            return response
        trip = calls.trip(self._core)
        reply = run(trip.follow(asked), port)
        if reply.status in REDIRECTS:
            trip.redirects(asked, reply)
        return port.finished(reply, stream=stream)

    def close(self) -> None:
        """Closes the connections."""
        self._orders.close()
        super().close()


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
        self.raw.raw = Watched(self.raw.raw, end)


class _Port:
    """Sends with an adapter."""

    def __init__(
        self,
        send: Callable[..., Response],
        order: Callable[..., Response],
        original: PreparedRequest,
        options: dict[str, Any],
    ) -> None:
        self._send = send
        self._order = order
        self._original = original
        self._options = options

    def send(self, request: Send) -> _Reply:
        if request.is_for_treasury:
            made, act, options = PreparedRequest(), self._order, _for_treasury(request)
        else:
            made, act, options = self._original.copy(), self._send, dict(self._options)
            if is_plain_here(request.url):
                options["proxies"] = None
        try:
            return _Reply(act(_made(made, request), stream=True, **options))
        finally:
            # Errors of requests have the request.
            made.headers = self._original.headers.copy()
            made.body = self._original.body

    def read(self, reply: Reply, max_bytes: int) -> bytes | None:
        response = _response(reply)
        if getattr(response, "_content_consumed", False):
            return response.content if len(response.content) <= max_bytes else None
        parts: list[bytes] = []
        size = 0
        rest: Iterator[bytes] = response.raw.stream(16_384, decode_content=False)
        try:
            for part in rest:
                parts.append(part)
                size += len(part)
                if size > max_bytes:
                    response.raw = replayed(response.raw, chain(parts, rest))
                    return None
        except Exception as error:
            response.raw = replayed(response.raw, chain(parts, broken(error)))
            parts, part = [], b""  # An answer of a treasury has a credential.
            raise
        response.raw = replayed(response.raw, parts)
        return decoded(b"".join(parts), response.headers.get("content-encoding"), max_bytes)

    def close(self, reply: Reply) -> None:
        if isinstance(reply, _Reply):
            reply.raw.close()

    def finished(self, reply: Reply, *, stream: bool) -> Response:
        """The response as the caller gets it: of the request as the caller made it."""
        response = _response(reply)
        response.request = self._original
        response.url = self._original.url or ""
        if not stream and isinstance(response.raw, Watched):
            # The session reads it too, and tells nobody of what interrupts it.
            with response.raw.end.reading():
                _ = response.content
        return response


def _made(made: PreparedRequest, request: Send) -> PreparedRequest:
    made.method, made.url = request.method, request.url
    headers = CaseInsensitiveDict[Any]()
    for name, _ in request.fields:
        headers[name] = request.fields.get(name)
    made.headers = headers
    body: Any = request.body
    made.body = body
    if isinstance(body, bytes) and "content-length" not in headers:
        headers["content-length"] = str(len(body))
    return made


def _for_treasury(request: Send) -> dict[str, Any]:
    """How an order is sent, whatever a session allows for the request that it is for. A certificate
    of the treasury is always verified, and what is plain HTTP does not leave this machine.
    """
    is_plain = request.url.startswith("http:")
    return {
        "timeout": _TREASURY_TIMEOUT if request.seconds is None else request.seconds,
        "verify": _known_authorities() or True,
        "cert": None,
        "proxies": None if is_plain else get_environ_proxies(request.url),
    }


def _check_timeout(given: Any) -> None:
    """Raises ValueError, as requests does, but before anything is presented."""
    if isinstance(given, Timeout):
        return
    steps = cast("tuple[Any, ...]", given) if isinstance(given, tuple) else (given, given)
    if len(steps) != 2:
        raise ValueError("timeout must be a number of seconds, or a (connect, read) tuple of two")
    Timeout(connect=steps[0], read=steps[1])


def _known_authorities() -> str | None:
    """The variables that requests has for a file of certificate authorities."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")


def _response(reply: Reply) -> Response:
    if not isinstance(reply, _Reply):
        raise TypeError("the reply is not one of requests")
    return reply.raw


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


_PART_BYTES = 65_536


def _body_of(request: PreparedRequest) -> bytes | StreamedBody | None:
    body: Any = request.body
    if body is None:
        return None
    if is_bytes(body):
        return bytes(body)
    if isinstance(body, str):
        return body.encode()
    if hasattr(body, "read"):
        return StreamedBody(iter(lambda: body.read(_PART_BYTES), b""))
    return StreamedBody(body)
