"""Requests whose path can be read in more than one way. spec/4-purchase.md §2."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..caveat import Access, target_of_url
from ..errors import AdapterError
from .carried import CarriedCredentials
from .choosing import covers
from .orders import new_order_id
from .outgoing import Outgoing

_MAX_SHOWN = 100
"""The characters of a path that a message repeats."""


def check_ambiguous(request: Outgoing, carried: CarriedCredentials, now: float) -> None:
    """Such a request is sent without a credential, if the whole origin is in scope: there, every
    way to read it is.

    Raises AdapterError ``ERR_REQUEST`` if it must not be sent.
    """
    # Paths that only an entry for the whole origin covers.
    name = new_order_id(now)
    paths = [f"/{name}", f"/{name}" * 7]
    targets = [target_of_url(request.method, request.origin + path) for path in paths]
    known = [target for target in targets if target is not None]
    if len(known) < len(targets):
        raise AdapterError("ERR_REQUEST", _unsendable(request.url))
    if not all(covers(carried, Access(now=now, target=target)) for target in known):
        raise AdapterError(
            "ERR_REQUEST",
            f"{_ambiguous(request.url)} It is sent only with a credential that covers the whole "
            f"origin, as `* {request.origin}/**` does: ask for one, or request a URL without that.",
        )


def ambiguous_for_sale(request: Outgoing) -> AdapterError:
    """The error for a service that asks for payment for such a path."""
    return AdapterError(
        "ERR_REQUEST",
        f"{request.origin} asks for payment. {_ambiguous(request.url)} Such a path is not paid "
        "for: request a URL without that.",
    )


def _unsendable(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_whole = False
    if not is_whole:
        return (
            "The client cannot send a request to this URL: it does not begin with http:// or "
            "https:// and a host, as https://api.example/path does."
        )
    return (
        "The client cannot send this method to this URL. It sends HTTP methods to http(s) URLs "
        "without a user name."
    )


def _ambiguous(url: str) -> str:
    try:
        whole = urlsplit(url).path
    except ValueError:
        whole = ""
    path = f"{whole[:_MAX_SHOWN]}…" if len(whole) > _MAX_SHOWN else whole
    return (
        f"The path {path} can be read in more than one way, because of an encoded slash, a dot "
        "segment, a backslash, a control or its length."
    )
