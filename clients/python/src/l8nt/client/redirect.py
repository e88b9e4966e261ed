"""Redirects, followed one at a time: no credential and no body goes to another origin. [case 76]"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urldefrag, urljoin

from ..errors import AdapterError
from .flow import Reply
from .outgoing import Outgoing, origin_of
from .presents import CREDENTIAL_FIELDS

MAX_REDIRECTS = 20

STATUSES = frozenset((301, 302, 303, 307, 308))
_OF_BODY = (
    "content-type",
    "content-length",
    "content-encoding",
    "content-language",
    "transfer-encoding",
)


def is_redirect(reply: Reply, request: Outgoing) -> bool:
    """Whether a reply redirects, and the redirect is to be followed."""
    return (
        reply.status in STATUSES
        and request.redirect == "follow"
        and reply.get("location") is not None
    )


def redirected(request: Outgoing, reply: Reply, written: Callable[[str], str]) -> Outgoing | None:
    """The request to which a reply redirects; ``None`` for any other reply. ``written`` gives a URL
    as the HTTP library writes it.

    Raises AdapterError ``ERR_REDIRECT``.
    """
    if not is_redirect(reply, request):
        return None
    try:
        target = urljoin(request.url, _location(reply))
        fragment = urldefrag(request.url).fragment
        if fragment and not urldefrag(target).fragment:
            target = f"{target}#{fragment}"
        url = written(target)
    except Exception as error:
        raise AdapterError(
            "ERR_REDIRECT", "The service redirects, and its Location is not a URL."
        ) from error
    becomes_get = (reply.status == 303 and request.method != "HEAD") or (
        reply.status <= 302 and request.method == "POST"
    )
    kept = replace(_without_body(request) if becomes_get else request, order_id=None)
    if kept.streamed is not None:
        raise AdapterError(
            "ERR_REDIRECT",
            "The service redirects a request whose body is a large stream, which was sent. Request "
            "that URL directly.",
        )
    if origin_of(url) == request.origin:
        # The HTTP library adds those that it knows now.
        return replace(kept, url=url, fields=kept.fields.without("cookie"))
    if kept.body is not None or kept.large is not None:
        raise AdapterError(
            "ERR_REDIRECT",
            "The service redirects a request with a body to another origin. Request that URL "
            "directly.",
        )
    fields = kept.fields.without(*CREDENTIAL_FIELDS, "cookie", "proxy-authorization", "host")
    return replace(kept, url=url, fields=fields, strayed=True)


def _location(reply: Reply) -> str:
    """A ``Location`` in bytes of UTF-8 is read as such."""
    given = reply.get("location") or ""
    try:
        return given.encode("latin-1").decode()
    except UnicodeError:
        return given


def _without_body(request: Outgoing) -> Outgoing:
    return replace(
        request,
        method="HEAD" if request.method == "HEAD" else "GET",
        fields=request.fields.without(*_OF_BODY),
        body=None,
        large=None,
        streamed=None,
    )
