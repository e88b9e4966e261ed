"""Sends what a call asks with httpx2, or httpx."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from ..errors import AdapterError
from .decoded import decoded
from .fields import Fields
from .flow import Reply, Send
from .httpx_reply import Broken, HttpxReply, Uploaded, as_stream, library_of, replay
from .outgoing import Outgoing, outgoing
from .presents import ADDED_FIELDS
from .redirect import redirected
from .sendable import judged_extensions
from .streamed_body import MAX_BODY_BYTES, StreamedBody

if TYPE_CHECKING:
    import httpx2

    from .connections import Connections
    from .core import Core

TREASURY_TIMEOUT = {"connect": 10.0, "read": 300.0, "write": 60.0, "pool": 60.0}
"""A treasury answers an order when it has paid, which may take two minutes."""


def outgoing_of(
    request: httpx2.Request,
    *,
    redirect: Literal["follow", "manual"],
    order_id: str | None = None,
    strayed: bool = False,
) -> Outgoing:
    """A request as the library made it."""
    return outgoing(
        request.method,
        str(request.url),
        _fields_of(request),
        _body_of(request),
        redirect=redirect,
        order_id=order_id,
        strayed=strayed,
    )


def _fields_of(request: httpx2.Request) -> Fields:
    return Fields(
        (name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw
    )


def _encoded(fields: Fields) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in fields]


def _body_of(request: httpx2.Request) -> bytes | StreamedBody | None:
    stream: Any = request.stream
    library = library_of(request)
    if isinstance(stream, library.ByteStream):
        return request.content or None
    length = request.headers.get("content-length", "")
    # A form or a file that is here: the library has counted its bytes.
    if isinstance(stream, library.SyncByteStream) and length.isdecimal():
        body = StreamedBody(iter(stream))
        if int(length) <= MAX_BODY_BYTES:
            body.fill()
            return body.kept
        return body
    return StreamedBody(stream)


class _Port:
    """What both ports share."""

    def __init__(
        self,
        http: Any,
        original: Any,
        connections: Connections | None = None,
        core: Core | None = None,
    ) -> None:
        """``original``: the request as the library made it for the caller. ``connections`` and
        ``core``: those of the client that sends; without them nothing is sent here.
        """
        self._http = http
        self._connections = connections
        self._core = core
        self._original = original
        self._library = library_of(original or http)
        self.first: tuple[str, Any] | None = None
        """What was sent already: the ``Authorization``, and its response or error."""
        self.extensions: Any = None if original is None else original.extensions

    def judge_extensions(self) -> None:
        """Has what the caller gave the library besides, as far as a request with a credential may
        be sent with it. See ``judged_extensions``.
        """
        original = self._original
        self.extensions = judged_extensions(original.extensions, list(original.headers.raw))

    def _sender(self, request: Send) -> Any:
        """The HTTP client that sends a request."""
        connections = self._connections
        if connections is None:
            return self._http
        if request.is_for_treasury:
            child = None if self._core is None else self._core.child
            return connections.to_treasury(child, request.url)
        return connections.to_service(self._http, request.url)

    def made(self, sent: Send, *, is_async: bool) -> Any:
        """The request as the library sends it."""
        library, original = self._library, self._original
        headers = _encoded(sent.fields)
        if sent.is_for_treasury or original is None:
            timeout = TREASURY_TIMEOUT
            if sent.seconds is not None:
                timeout = dict.fromkeys(TREASURY_TIMEOUT, sent.seconds)
            extensions = {"timeout": timeout}
            return library.Request(
                sent.method, sent.url, headers=headers, content=sent.body, extensions=extensions
            )
        if isinstance(sent.body, StreamedBody):
            stream = as_stream(library, Uploaded(sent.body), is_async=is_async)
            return library.Request(
                sent.method,
                sent.url,
                headers=headers,
                stream=stream,
                extensions=self.extensions,
            )
        made = library.Request(
            sent.method,
            sent.url,
            headers=headers,
            content=sent.body,
            extensions=self.extensions,
        )
        jar = None if self._http is None else self._http.cookies
        if jar and "cookie" not in sent.fields and _is_same_origin(made, original):
            jar.set_cookie_header(made)
        return made

    def _taken(self, request: Send) -> Any:
        """The response to what was sent already; ``None`` if the request is another one."""
        first, self.first = self.first, None
        if first is None or request.fields.get("authorization") != first[0]:
            return None
        outcome, first = first[1], None  # It has a credential, and the error may be shown.
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def hide(self, made: Any) -> None:
        """What the caller sees of a request has the fields that the caller gave it, and none that
        the client has added.
        """
        given: Any = {} if self._original is None else self._original.headers
        for name in ADDED_FIELDS:
            if name not in made.headers:
                continue
            value: str | None = given.get(name)
            if value is None:
                del made.headers[name]
            elif made.headers[name] != value:
                made.headers[name] = value

    def finished(self, reply: Reply) -> Any:
        """The response as the caller gets it."""
        raw = _raw(reply)
        if raw.next_request is not None:
            raw.next_request = self._next(raw.next_request, reply)
        shown = reply.shown_url if isinstance(reply, HttpxReply) else None
        original = self._original
        if shown is not None and original is not None:
            same = str(original.url) == shown
            raw.request = original if same else self._library.Request(original.method, shown)
        return raw

    def _next(self, theirs: Any, reply: Reply) -> Any:
        """The request to which a reply redirects, for a caller who follows it by hand. ``theirs``:
        as the library makes it of the request that was sent, which is the treasury's if that
        relayed the answer. ``None`` if the body does not go there.
        """
        library, original = self._library, self._original
        stream: Any = original.stream
        is_whole = isinstance(stream, library.ByteStream)
        asked = Outgoing(
            original.method,
            reply.url,
            _fields_of(original),
            (original.content or None) if is_whole else None,
            streamed=None if is_whole else StreamedBody(()),
        )
        try:
            onward = redirected(asked, reply, lambda url: str(library.URL(url)))
        except AdapterError:
            return None
        if onward is None:
            return None
        fields = onward.fields
        # The HTTP client knows the cookies.
        if str(theirs.url) == onward.url and "cookie" in theirs.headers:
            fields = fields.with_("cookie", theirs.headers["cookie"])
        return library.Request(
            onward.method,
            onward.url,
            headers=_encoded(fields),
            content=onward.body,
            extensions=self.extensions,
        )


class HttpxPort(_Port):
    """Sends with a ``Client`` of either library."""

    def send(self, request: Send) -> HttpxReply:
        taken = self._taken(request)
        if taken is not None:
            return HttpxReply(taken)
        made = self.made(request, is_async=False)
        http = self._sender(request)
        try:
            return HttpxReply(http.send(made, stream=True, auth=None, follow_redirects=False))
        finally:
            self.hide(made)

    def read(self, reply: Reply, max_bytes: int) -> bytes | None:
        raw = _raw(reply)
        if raw.is_stream_consumed or raw.is_closed:
            return _kept(raw, max_bytes)
        parts: list[bytes] = []
        size = 0
        rest = iter(raw.stream)
        try:
            for part in rest:
                parts.append(part)
                size += len(part)
                if size > max_bytes:
                    replay(raw, parts, rest)
                    return None
        except Exception as error:
            replay(raw, parts, Broken(error))
            parts, part = [], b""  # An answer of a treasury has a credential.
            raise
        raw.stream.close()
        replay(raw, parts, ())
        return decoded(b"".join(parts), raw.headers.get("content-encoding"), max_bytes)

    def close(self, reply: Reply) -> None:
        if isinstance(reply, HttpxReply):
            reply.raw.close()


class AsyncHttpxPort(_Port):
    """Sends with an ``AsyncClient`` of either library."""

    async def send(self, request: Send) -> HttpxReply:
        taken = self._taken(request)
        if taken is not None:
            return HttpxReply(taken)
        made = self.made(request, is_async=True)
        http = self._sender(request)
        try:
            return HttpxReply(await http.send(made, stream=True, auth=None, follow_redirects=False))
        finally:
            self.hide(made)

    async def read(self, reply: Reply, max_bytes: int) -> bytes | None:
        raw = _raw(reply)
        if raw.is_stream_consumed or raw.is_closed:
            return _kept(raw, max_bytes)
        parts: list[bytes] = []
        size = 0
        rest = aiter(raw.stream)
        try:
            async for part in rest:
                parts.append(part)
                size += len(part)
                if size > max_bytes:
                    replay(raw, parts, rest)
                    return None
        except Exception as error:
            replay(raw, parts, Broken(error))
            parts, part = [], b""  # An answer of a treasury has a credential.
            raise
        await raw.stream.aclose()
        replay(raw, parts, None)
        return decoded(b"".join(parts), raw.headers.get("content-encoding"), max_bytes)

    async def close(self, reply: Reply) -> None:
        if isinstance(reply, HttpxReply):
            await reply.raw.aclose()


def _raw(reply: Reply) -> Any:
    if not isinstance(reply, HttpxReply):
        raise TypeError("the reply is not one of httpx")
    return reply.raw


def _kept(raw: Any, max_bytes: int) -> bytes | None:
    """The body of a response that the library has read, or closed."""
    body: bytes = raw.content if hasattr(raw, "_content") else b""
    return body if len(body) <= max_bytes else None


def _is_same_origin(one: Any, other: Any) -> bool:
    a, b = one.url, other.url
    return (a.scheme, a.host, a.port) == (b.scheme, b.host, b.port)
