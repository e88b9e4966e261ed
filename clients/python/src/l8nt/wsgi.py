"""Verifies credentials before a WSGI application, such as one of Flask.
docs/guides/python-services.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import Any, Final, cast

from typing_extensions import Unpack

from .errors import AdapterError
from .service import Grant, RequestFacts, Service
from .service.ending import Ending
from .service.exchange import (
    KEY,
    MAX_BODY_BYTES,
    Exchange,
    Guarding,
    guarding,
    mount_of,
    service_of,
)
from .service.reading import wsgi_mount, wsgi_target
from .service.refused import Answer
from .service.stripped import without_credential
from .service.terms import GivenTerms, Terms
from .service.waiting import Wait, drive

__all__ = ["Sigil", "facts_of", "grant_of", "strip"]

Environ = dict[str, Any]
Headers = list[tuple[str, str]]
Write = Callable[[bytes], object]
StartResponse = Callable[..., Write]
App = Callable[[Environ, StartResponse], Iterable[bytes]]

_PREFIX: Final = "HTTP_"
_LENGTH: Final = re.compile(r"[0-9]{1,18}")


class Sigil:
    """Puts a service's credentials before an application.

    ``guard="everything"`` asks every request for a credential that passes on the terms that are
    given here. With ``guard="routes"`` it asks nothing by itself: views with ``guarded`` of
    ``l8nt.flask`` do. Both answer ``/.well-known/l402`` and the revocations below it.

    Example::

        app.wsgi_app = Sigil(app.wsgi_app, service, guard="routes")
    """

    def __init__(
        self,
        app: App,
        service: Service,
        *,
        guard: Guarding = "everything",
        mount: str = "",
        **terms: Unpack[GivenTerms],
    ) -> None:
        """Raises TypeError or ValueError for terms that cannot be read, and for what is no service.

        ``mount``: the path at which the application mounts this part of itself, such as ``/sub``
        below a ``DispatcherMiddleware`` of Werkzeug, if no ``Sigil`` stands outside of that.
        """
        self.app = app
        self.service = service_of(service)
        self._mount = mount_of(mount)
        self._terms = guarding(guard, terms)

    def __repr__(self) -> str:
        return f"<Sigil for {self.service.location}>"

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Serves one request."""
        before = cast("WsgiExchange | None", environ.get(KEY))
        environ = dict(environ)
        exchange = WsgiExchange(self.service, environ, self._mount)
        exchange.follow(before)
        environ[KEY] = exchange
        if drive(exchange.well_known()):
            return exchange.send_answer(start_response)
        if self._terms is not None and exchange.let_in(environ, self._terms) is None:
            return exchange.send_answer(start_response)
        return exchange.serve(self.app, environ, start_response)


class WsgiExchange(Exchange):
    """One request, as the application receives and answers it."""

    def __init__(self, service: Service, environ: Environ, mount: str) -> None:
        super().__init__(service, facts_of(environ).below(mount))
        self._environ = environ

    def let_in(self, environ: Environ, terms: Terms) -> Grant | None:
        """Judges the request, and takes the credential out of what the handler sees."""
        grant = drive(self.judge(terms))
        if grant is not None:
            # Something between may have made a copy, whose stream was read.
            environ["wsgi.input"] = self._environ["wsgi.input"]
            strip(environ)
        return grant

    def serve(self, app: App, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Runs the application, and ends what was claimed with what it answers."""
        started = _Started(self, start_response)
        try:
            chunks = app(environ, started)
        except BaseException:
            self.end()
            raise
        return _Body(self, started, chunks)

    def send_answer(self, start_response: StartResponse) -> Iterable[bytes]:
        """Sends the refusal, or the document."""
        answer = cast("Answer", self.answer)
        headers = self.head(answer.status, answer.headers)
        start_response(_line(answer.status), _titled(headers))
        self.end()
        return [b"" if self.is_head_alone else answer.body]


class _Started:
    """The head that the application has given, which is sent with the first of its body: until
    then it may give another one, as PEP 3333 has it.
    """

    def __init__(self, exchange: WsgiExchange, start_response: StartResponse) -> None:
        self._exchange = exchange
        self._start_response = start_response
        self._head: tuple[str, Headers] | None = None
        self._write: Write | None = None
        self.is_sent = False

    def __call__(self, status: str, headers: Headers, exc_info: Any = None) -> Write:
        if exc_info is not None and self.is_sent:
            raise exc_info[1].with_traceback(exc_info[2])
        if exc_info is None and self._head is not None:
            raise AssertionError("start_response was called twice")
        self._head = (status, headers)
        return self.write

    def send(self) -> None:
        """Sends the head, once."""
        if self.is_sent:
            return
        self.is_sent = True
        exchange, answer = self._exchange, self._exchange.answer
        if answer is not None:
            headers = exchange.head(answer.status, answer.headers)
            self._write = self._start_response(_line(answer.status), _titled(headers))
            return
        if self._head is None:
            raise AssertionError("the application sent a body before its head")
        status, given = self._head
        headers = exchange.head(int(status.split(" ", 1)[0]), given)
        self._write = self._start_response(status, headers)

    def write(self, data: bytes) -> None:
        """What ``start_response`` returns, for old applications."""
        self.send()
        exchange = self._exchange
        if exchange.answer is None and self._write is not None and not exchange.is_head_alone:
            self._write(data)


class _Body:
    """The body of an answer, whose head is sent with its first part."""

    def __init__(self, exchange: WsgiExchange, started: _Started, chunks: Iterable[bytes]) -> None:
        self._exchange = exchange
        self._started = started
        self._chunks = chunks
        self._iterator: Iterator[bytes] | None = None
        self._is_answered = False
        self._ending: Ending | None = None

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._exchange.answer is not None:
            return self._next_of_answer(self._exchange.answer)
        if self._iterator is None:
            self._iterator = iter(self._chunks)
        for chunk in self._iterator:
            # An application may guard itself while it makes its first part.
            if not chunk and not self._started.is_sent:
                continue
            if self._exchange.answer is not None and not self._started.is_sent:
                return self._next_of_answer(self._exchange.answer)
            if self._started.is_sent and self._is_over():
                raise ConnectionAbortedError("the credential was revoked, or has ended")
            if self._exchange.is_head_alone:
                break
            self._started.send()
            return chunk
        self._started.send()
        raise StopIteration

    def _is_over(self) -> bool:
        """Whether the credential was revoked or has ended since the head was sent."""
        if self._ending is None and self._exchange.grant is not None:
            self._ending = self._exchange.grant.ending()
        return self._ending is not None and self._ending.is_over

    def _next_of_answer(self, answer: Answer) -> bytes:
        if self._is_answered:
            raise StopIteration
        self._is_answered = True
        self._started.send()
        return b"" if self._exchange.is_head_alone else answer.body

    def close(self) -> None:
        """The server calls it at the end of the exchange, whichever end it is."""
        try:
            close = getattr(self._chunks, "close", None)
            if close is not None:
                close()
        finally:
            if self._ending is not None:
                self._ending.close()
            self._exchange.end()

    def __del__(self) -> None:
        # Middleware that answers in its place may forget to close it.
        self._exchange.drop()


def grant_of(environ: Mapping[str, Any]) -> Grant:
    """The grant of a request that was let in.

    Raises LookupError if nothing has guarded it.
    """
    exchange = cast("Exchange | None", environ.get(KEY))
    if exchange is None or exchange.grant is None:
        raise LookupError("no credential was asked for here, so there is no grant")
    return exchange.grant


def facts_of(environ: Environ) -> RequestFacts:
    """The facts of a request. Of a field that came on several lines, servers of WSGI give one value
    with commas.
    """
    fields = [
        (name.removeprefix(_PREFIX).replace("_", "-").lower(), value)
        for name, value in environ.items()
        if name.startswith(_PREFIX) and isinstance(value, str)
    ]
    own = ("CONTENT_TYPE", "CONTENT_LENGTH")
    fields += [(one.replace("_", "-").lower(), environ[one]) for one in own if environ.get(one)]
    body: Wait[bytes | None] = Wait(lambda: _read(environ), _no_loop)
    return RequestFacts(
        method=environ.get("REQUEST_METHOD", ""),
        target=wsgi_target(environ),
        headers=fields,
        mount=wsgi_mount(environ),
        client_address=environ.get("REMOTE_ADDR") or None,
        body=body,
    )


def strip(environ: Environ) -> None:
    """Takes the credential out of the fields of a request."""
    for name in [name for name in environ if name.startswith(_PREFIX)]:
        field = name.removeprefix(_PREFIX).replace("_", "-").lower()
        kept = without_credential([(field, environ[name])])
        if kept:
            environ[name] = kept[0][1]
        else:
            del environ[name]


def _read(environ: Environ) -> bytes | None:
    """The whole body, which the application reads again."""
    stream = environ.get("wsgi.input")
    if stream is None:
        return None
    length = environ.get("CONTENT_LENGTH") or ""
    if _LENGTH.fullmatch(length):
        size = int(length)
    elif length:
        # Python reads digits of other scripts, and fails at thousands of them.
        raise AdapterError("ERR_REQUEST", "Content-Length is no length: write decimal digits.")
    elif environ.get("wsgi.input_terminated") or environ.get("HTTP_TRANSFER_ENCODING"):
        size = MAX_BODY_BYTES + 1
    else:
        size = 0
    if size > MAX_BODY_BYTES and length:
        raise _too_large()
    parts: list[bytes] = []
    left = size
    while left > 0:
        part = stream.read(left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    content = b"".join(parts)
    if len(content) > MAX_BODY_BYTES:
        raise _too_large()
    if length and len(content) < size:
        return None
    environ["wsgi.input"] = BytesIO(content)
    return content


def _too_large() -> AdapterError:
    return AdapterError("ERR_TOO_LARGE", f"The body is larger than {MAX_BODY_BYTES} bytes.")


async def _no_loop() -> bytes | None:
    raise TypeError("a request of WSGI is read in its thread")


def _line(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return f"{status} Unknown"


def _titled(headers: Iterable[tuple[str, str]]) -> Headers:
    """Names as people know them. HTTP/1.1 does not mind, and some clients do."""
    return [(name.title(), value) for name, value in headers]
