"""A request of a caller, as httpx2 or httpx makes it of the keyword arguments."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any

from ..wire.preference import NO_INVOICE, PREFER_FIELD
from .carried import WHAT_TO_SET
from .flow import Flow
from .hooks import acall_hooks, call_hooks, without_hooks
from .httpx_port import outgoing_of
from .httpx_reply import HttpxReply, library_of
from .options import RequestOptions
from .outgoing import Outgoing
from .ready import Ready, is_plain
from .sender import code_in
from .streamed_body import is_bytes
from .unpaid import asks_for_payment, unpaid

if TYPE_CHECKING:
    import httpx2


class Prepared:
    """A request as the library made it, and how it is sent."""

    __slots__ = ("_auth", "_hooks", "follow_redirects", "http", "library", "request", "url")

    def __init__(self, http: Any, method: str, url: str, options: RequestOptions) -> None:
        """Raises what the HTTP library raises for arguments that it does not take."""
        given: dict[str, Any] = dict(options)
        follow = given.pop("follow_redirects", None)
        auth = given.pop("auth", http.auth)
        self.http = without_hooks(http)
        self._hooks: dict[str, list[Any]] = http.event_hooks
        self.library = library_of(http)
        self.follow_redirects: bool = http.follow_redirects if follow is None else follow
        self._auth = self._read(auth)
        if is_bytes(given.get("content")):
            given["content"] = bytes(given["content"])
        self.request: httpx2.Request = http.build_request(method, url, **given)
        self.url = str(self.request.url)
        """As it is sent: settings of ``http``, such as ``base_url``, may change at any time."""

    def _read(self, auth: object) -> Any:
        library = self.library
        if auth is None or isinstance(auth, library.Auth):
            if isinstance(auth, library.DigestAuth):
                raise _of_more_requests("Digest needs an answer of the server before each request")
            return auth
        if isinstance(auth, tuple):
            return library.BasicAuth(*auth)
        raise TypeError("auth must be a (user, password) tuple, or an Auth of the HTTP library")

    @property
    def has_hooks(self) -> bool:
        """Whether the caller's HTTP client has event hooks."""
        return any(self._hooks.values())

    def call_hooks(self, response: httpx2.Response | None = None) -> None:
        """Calls the hooks of the request, or of the response that the caller gets."""
        if response is None:
            call_hooks(self._hooks, "request", self.request)
            return
        try:
            call_hooks(self._hooks, "response", response)
        except BaseException:
            response.close()
            raise

    async def acall_hooks(self, response: httpx2.Response | None = None) -> None:
        """Calls the hooks of the request, or of the response that the caller gets."""
        if response is None:
            await acall_hooks(self._hooks, "request", self.request)
            return
        try:
            await acall_hooks(self._hooks, "response", response)
        except BaseException:
            await response.aclose()
            raise

    @property
    def has_auth(self) -> bool:
        """Whether it takes credentials of the API's own."""
        return self._auth is not None

    def apply_auth(self) -> None:
        """Writes the credentials of the API's own."""
        if self._auth is not None:
            steps = self._auth.sync_auth_flow(self.request)
            first = next(steps)
            steps.close()
            self._written_by_auth(first)

    async def aapply_auth(self) -> None:
        """Writes the credentials of the API's own."""
        if self._auth is not None:
            steps = self._auth.async_auth_flow(self.request)
            first = await anext(steps)
            await steps.aclose()
            self._written_by_auth(first)

    def _written_by_auth(self, first: object) -> None:
        if first is not self.request:
            raise _of_more_requests(f"{type(self._auth).__name__} makes a request of its own first")

    def with_ready(self, ready: Ready, extensions: Any) -> Any:
        """The request with what it is sent with; ``None`` if a field of it decides more."""
        request = self.request
        if not is_plain(request.headers.raw):
            return None
        headers = self.library.Headers(request.headers)
        headers["authorization"] = ready.authorization
        headers[PREFER_FIELD] = NO_INVOICE
        request.headers = headers
        request.extensions = extensions
        return request

    @property
    def presents(self) -> bool:
        """Whether it presents a credential of the caller's own."""
        headers = self.request.headers
        if "macaroon" in headers or "grpc-metadata-macaroon" in headers:
            return True
        return "authorization" in headers and self.outgoing(None).is_own

    def outgoing(self, order_id: str | None) -> Outgoing:
        """The request as a call sends it."""
        return outgoing_of(
            self.request,
            redirect="follow" if self.follow_redirects else "manual",
            order_id=order_id,
        )

    @property
    def written(self) -> Callable[[str], str]:
        """A URL as the library sends it."""
        return written_by(self.library)

    def unpaid(self, response: httpx2.Response) -> Flow[None]:
        """Raises the error for a 402 to a client without a credential, if it asks for payment."""
        request = outgoing_of(response.request, redirect="manual")
        reply = HttpxReply(response)
        reply.code = yield from code_in(reply)
        if asks_for_payment(request, reply):
            raise (yield from unpaid(reply, request.origin, WHAT_TO_SET))


def _of_more_requests(what: str) -> TypeError:
    return TypeError(
        f"{what}, which a paid request cannot wait for: send an Authorization of another scheme, "
        "such as headers={'authorization': f'Bearer {token}'}"
    )


@cache
def written_by(library: ModuleType) -> Callable[[str], str]:
    """Gives a URL as the library sends it."""
    return lambda url: str(library.URL(url))
