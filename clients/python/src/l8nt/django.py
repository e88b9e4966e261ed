"""Views of Django that a credential is needed for, and the middleware before them.
docs/guides/python-services.md.
"""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, Final, TypeVar, cast

from typing_extensions import Unpack

from ._extras import Extra
from .errors import AdapterError
from .service import Answer, Grant, RequestFacts, Service
from .service.ending import Ending
from .service.exchange import KEY, MAX_BODY_BYTES, Exchange, Guarding, guarding, unguarded
from .service.reading import asgi_fields, asgi_mount, asgi_target
from .service.stripped import without_credential_bytes
from .service.terms import GivenTerms, Terms, terms_of
from .service.waiting import Steps, Wait, drive, drive_async
from .wsgi import facts_of, strip

with Extra("django"):
    from asgiref.sync import iscoroutinefunction, markcoroutinefunction
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured, RequestDataTooBig
    from django.http import HttpRequest, HttpResponse, HttpResponseBase

__all__ = ["SigilMiddleware", "grant_of", "guarded"]

View = TypeVar("View", bound=Callable[..., Any])
Next = Callable[[HttpRequest], Any]

_EXCHANGE: Final = "_l8nt_exchange"
_HOW: Final = (
    'MIDDLEWARE = ["l8nt.django.SigilMiddleware", …] and SIGIL_SERVICE in the settings of Django'
)


class SigilMiddleware:
    """Puts a service's credentials before the views of a project, on WSGI and on ASGI.

    Put it first in ``MIDDLEWARE``, behind that of CORS. Settings: ``SIGIL_SERVICE``, a ``Service``
    or the dotted path of one; ``SIGIL_GUARD``, ``"routes"`` (default: views with ``guarded`` ask
    for a credential) or ``"everything"``; ``SIGIL_TERMS``, the terms of ``"everything"``.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Next) -> None:
        """Raises ImproperlyConfigured, TypeError or ValueError for settings that cannot work."""
        given = cast("GivenTerms", getattr(settings, "SIGIL_TERMS", {}))
        guard = cast("Guarding", getattr(settings, "SIGIL_GUARD", "routes"))
        self._terms = guarding(guard, given)
        self._service = _service()
        self._next = get_response
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Serves one request."""
        exchange = DjangoExchange(self._service, request)
        if self._is_async:
            return self._later(exchange, request)
        if drive(exchange.begin(self._terms)):
            return exchange.response()
        try:
            response = self._next(request)
        except BaseException:
            exchange.end()
            raise
        return exchange.finished(response)

    async def _later(self, exchange: DjangoExchange, request: HttpRequest) -> HttpResponseBase:
        if await drive_async(exchange.begin(self._terms)):
            return exchange.response()
        try:
            response = await cast("Awaitable[HttpResponseBase]", self._next(request))
        except BaseException:
            exchange.end()
            raise
        return exchange.finished(response)


class DjangoExchange(Exchange):
    """One request, as a project receives and answers it."""

    def __init__(self, service: Service, request: HttpRequest) -> None:
        super().__init__(service, _facts_of(request))
        self.follow(_before(request))
        self._request = request
        setattr(request, _EXCHANGE, self)

    def begin(self, terms: Terms | None) -> Steps[bool]:
        """Whether the request is answered without a view."""
        if (yield from self.well_known()):
            return True
        if terms is None:
            return False
        return (yield from self.let_in(terms)) is None

    def let_in(self, terms: Terms) -> Steps[Grant | None]:
        """Judges the request, and takes the credential out of what the view sees."""
        grant = yield from self.judge(terms)
        if grant is not None:
            _strip(self._request)
        return grant

    def response(self) -> HttpResponse:
        """The refusal, or the document."""
        answer = cast("Answer", self.answer)
        response = HttpResponse(answer.body, status=answer.status)
        del response.headers["Content-Type"]
        for name, value in self.head(answer.status, answer.headers):
            response.headers[name] = value
        if self.is_head_alone:
            _empty(response)
        self.end()
        return response

    def finished(self, response: HttpResponseBase) -> HttpResponseBase:
        """The response as it is sent, whose head or whose end ends the claim."""
        if self.answer is not None:
            response.close()
            return self.response()
        _set_fields(response, self.headers(response.status_code, _fields_of(response)))
        if self.is_head_alone:
            _empty(response)
        if self.grant is None or self.is_head_alone or not getattr(response, "streaming", False):
            self.sent(response.status_code)
            self.end()
            return response
        self.grant.close_declarations()
        stream: Any = response
        # A body that never begins is closed with its response.
        stream._resource_closers.append(self.end)  # noqa: SLF001 # Django has no other way
        content = stream.streaming_content
        is_async = getattr(stream, "is_async", False)
        through = self._until if is_async else self._through
        stream.streaming_content = through(content, response.status_code)
        return response

    def marked(self, response: Any) -> Any:
        """What a view returns, with what caches are told, for one between the view and the
        middleware.
        """
        if isinstance(response, HttpResponseBase) and self.grant is not None:
            _set_fields(response, self.grant.cached_as(_fields_of(response)))
        return response

    def _through(self, content: Iterator[bytes], status: int) -> Iterator[bytes]:
        ending = cast("Grant", self.grant).ending()
        try:
            for chunk in content:
                _demand_open(ending)
                if not self.is_begun:
                    self.sent(status)
                yield chunk
            if not self.is_begun:
                self.sent(status)
        finally:
            ending.close()
            self.end()

    async def _until(self, content: AsyncIterator[bytes], status: int) -> AsyncIterator[bytes]:
        ending = cast("Grant", self.grant).ending()
        try:
            async for chunk in content:
                _demand_open(ending)
                if not self.is_begun:
                    self.sent(status)
                yield chunk
            if not self.is_begun:
                self.sent(status)
        finally:
            ending.close()
            self.end()


def _fields_of(response: HttpResponseBase) -> list[tuple[str, str]]:
    return list(cast("Any", response).items())


def _set_fields(response: HttpResponseBase, fields: Sequence[tuple[str, str]]) -> None:
    for name, _ in _fields_of(response):
        del response[name]
    for name, value in fields:
        # Several lines of one field do not fit into a response of Django.
        response[name] = f"{response[name]}, {value}" if name in response else value


def _empty(response: Any) -> None:
    """Takes the body out of an answer to HEAD. Its length stands in the head, as for GET."""
    if not getattr(response, "streaming", False):
        if not response.has_header("Content-Length"):
            response["Content-Length"] = str(len(response.content))
        response.content = b""
        return
    # The response closes what it had, as it does at its end.
    response.streaming_content = _nothing() if getattr(response, "is_async", False) else ()


async def _nothing() -> AsyncIterator[bytes]:
    for part in ():
        yield part


def _demand_open(ending: Ending) -> None:
    if ending.is_over:
        raise ConnectionAbortedError("the credential was revoked, or has ended")


def guarded(**terms: Unpack[GivenTerms]) -> Callable[[View], View]:
    """A decorator of a view, sync or async: it asks for a credential that passes on these terms.
    The view finds the grant by ``grant_of(request)``. ``SigilMiddleware`` has to stand before it.

    Raises TypeError or ValueError for terms that cannot be read.

    Example::

        @guarded(capability="forecast")
        def forecast(request):
            return JsonResponse({"tokyo": "sunny"})
    """
    checked = terms_of(**terms)

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):

            @functools.wraps(view)
            async def asks_later(request: HttpRequest, *given: Any, **named: Any) -> Any:
                exchange = _exchange_of(request)
                if await drive_async(exchange.let_in(checked)) is None:
                    return _refused(exchange)
                return exchange.marked(await view(request, *given, **named))

            return cast("View", asks_later)

        @functools.wraps(view)
        def asks(request: HttpRequest, *given: Any, **named: Any) -> Any:
            exchange = _exchange_of(request)
            if drive(exchange.let_in(checked)) is None:
                return _refused(exchange)
            return exchange.marked(view(request, *given, **named))

        return cast("View", asks)

    return decorate


def grant_of(request: HttpRequest) -> Grant:
    """The grant of a request that was let in.

    Raises LookupError if nothing has guarded it.
    """
    exchange = cast("DjangoExchange | None", getattr(request, _EXCHANGE, None))
    if exchange is None or exchange.grant is None:
        raise LookupError("no credential was asked for here, so there is no grant")
    return exchange.grant


def _exchange_of(request: HttpRequest) -> DjangoExchange:
    exchange = cast("DjangoExchange | None", getattr(request, _EXCHANGE, None))
    if exchange is None:
        raise unguarded(_HOW)
    return exchange


def _refused(exchange: DjangoExchange) -> HttpResponse:
    """The middleware sends the refusal in its place."""
    return HttpResponse(status=cast("Answer", exchange.answer).status)


def _service() -> Service:
    given = getattr(settings, "SIGIL_SERVICE", None)
    if isinstance(given, str):
        module, _, name = given.rpartition(".")
        service: object = getattr(import_module(module), name)
    else:
        service = given
    if not isinstance(service, Service):
        raise ImproperlyConfigured(
            "SIGIL_SERVICE must be a Service of l8nt.service, or the dotted path of one"
        )
    return service


def _before(request: HttpRequest) -> Exchange | None:
    """A ``Sigil`` of ``l8nt.wsgi`` or ``l8nt.asgi`` around the project."""
    outside: Any = request
    of = getattr(outside, "scope", None) or getattr(outside, "environ", {})
    return of.get(KEY)


def _facts_of(request: HttpRequest) -> RequestFacts:
    read: Wait[bytes | None] = Wait(lambda: _read(request), lambda: _read_later(request))
    scope: dict[str, Any] | None = getattr(request, "scope", None)
    if scope is None:
        facts = facts_of(cast("Any", request).environ)
        return replace(facts, body=read)
    client = scope.get("client")
    return RequestFacts(
        method=scope["method"],
        target=asgi_target(scope),
        headers=asgi_fields(scope),
        mount=asgi_mount(scope),
        client_address=None if client is None else client[0],
        body=read,
    )


def _read(request: HttpRequest) -> bytes | None:
    """The whole body, which Django keeps for the view."""
    if getattr(request, "_read_started", False) and not hasattr(request, "_body"):
        return None
    try:
        content: bytes | None = cast("Any", request).body
    except RequestDataTooBig:
        content = None
    if content is None or len(content) > MAX_BODY_BYTES:
        raise AdapterError("ERR_TOO_LARGE", f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return content


async def _read_later(request: HttpRequest) -> bytes | None:
    """Of ASGI, Django has received the whole body before any middleware runs."""
    return _read(request)


def _strip(request: HttpRequest) -> None:
    strip(cast("Any", request).META)
    scope: dict[str, Any] | None = getattr(request, "scope", None)
    if scope is not None:
        headers = without_credential_bytes(scope["headers"])
        setattr(request, "scope", {**scope, "headers": headers})  # noqa: B010 # not in the stubs
    # Django keeps what it made of the fields.
    request.__dict__.pop("headers", None)
