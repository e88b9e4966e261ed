"""The requests that a session of requests sends for one call, because it was redirected."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urldefrag, urljoin, urlsplit

from requests.sessions import SessionRedirectMixin
from requests.utils import requote_uri

from .outgoing import origin_of

if TYPE_CHECKING:
    from requests import PreparedRequest, Response

    from .core import Core
    from .trip import Trip

_session = SessionRedirectMixin()


class _Call(threading.local):
    """How far the call of this thread is."""

    strayed = False
    leads_to: str | None = None
    """Where the session follows the last answer to, unless it is left to the caller."""
    trip: tuple[Core, Trip] | None = None


class Chain:
    """A request, its copies, and the requests that a session makes of them when it is redirected.

    It stands among the hooks of the request, which a copy shares, and learns there what each
    request was answered with, also by other adapters. A copy that is sent when nothing leads to it
    is another call.
    """

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._call = _Call()

    def __reduce__(self) -> tuple[type[Chain], tuple[str]]:
        """A response is pickled and copied with the hooks of its request."""
        return Chain, (self._origin,)

    @classmethod
    def of(cls, request: PreparedRequest) -> Chain:
        """The chain that a request belongs to."""
        hooks: Any = request.hooks.get("response") or []
        for hook in [hooks] if callable(hooks) else hooks:
            if isinstance(hook, cls):
                return hook
        chain = cls(origin_of(request.url or ""))
        request.register_hook("response", chain)
        return chain

    def __call__(self, response: Response, *_: object, **__: object) -> None:
        """The hook of requests: it comes between an answer and the request that this leads to."""
        self._call.leads_to = _target_of(response)

    def begin(self, request: PreparedRequest) -> bool:
        """Has begun to send a request. Gives whether a redirect led from the origin that was asked
        for to another one.
        """
        call, url = self._call, request.url or ""
        leads_to, call.leads_to = call.leads_to, None
        if leads_to is None or not _is_same(leads_to, url):
            call.strayed = False
            call.trip = None
        call.strayed = call.strayed or origin_of(url) != self._origin
        return call.strayed

    def trip(self, core: Core) -> Trip:
        """The call of a client that the last request belongs to."""
        known = self._call.trip
        if known is None or known[0] is not core:
            known = self._call.trip = (core, core.call())
        return known[1]


def _target_of(response: Response) -> str | None:
    """The URL that a session would ask next, as ``resolve_redirects`` makes it."""
    location = _session.get_redirect_target(response)
    if not location:
        return None
    if location.startswith("//"):
        location = f"{urlsplit(response.url).scheme}:{location}"
    location = urlsplit(location).geturl()
    if urlsplit(location).netloc:
        return requote_uri(location)
    return urljoin(response.url, requote_uri(location))


def _is_same(one: str, other: str) -> bool:
    return urldefrag(one).url == urldefrag(other).url
