"""Views of Flask that a credential is needed for. docs/guides/python-services.md."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar, cast

from typing_extensions import Unpack

from ._extras import Extra
from .service import Answer, Grant
from .service.exchange import KEY, unguarded
from .service.one_request import OfOneRequest, of_one_request
from .service.terms import GivenTerms, terms_of
from .wsgi import Sigil, WsgiExchange

with Extra("flask"):
    from flask import Response, after_this_request, current_app, g, request
    from werkzeug.wrappers import Response as AnyResponse

__all__ = ["Sigil", "guarded"]

View = TypeVar("View", bound=Callable[..., Any])

_HOW = 'app.wsgi_app = Sigil(app.wsgi_app, service, guard="routes")'


def guarded(**terms: Unpack[GivenTerms]) -> Callable[[View], View]:
    """A decorator of a view, below ``@app.get(…)``: it asks for a credential that passes on these
    terms. The view finds the grant at ``flask.g.grant``. ``Sigil`` with ``guard="routes"`` has to
    stand before the app.

    Raises TypeError or ValueError for terms that cannot be read.

    Example::

        @app.get("/forecast")
        @guarded(capability="forecast")
        def forecast():
            return {"tokyo": "sunny"}
    """
    checked = terms_of(**terms)

    def decorate(view: View) -> View:
        @functools.wraps(view)
        def asks(*given: Any, **named: Any) -> Any:
            exchange = cast("WsgiExchange | None", request.environ.get(KEY))
            if exchange is None:
                raise unguarded(_HOW)
            grant = exchange.let_in(request.environ, checked)
            if grant is None:
                answer = cast("Answer", exchange.answer)
                refusal = Response(answer.body, answer.status, list(answer.headers))
                return _kept_by_none(refusal)
            g.grant = grant
            value = current_app.ensure_sync(view)(*given, **named)
            after_this_request(functools.partial(_marked, grant))
            if isinstance(value, AnyResponse):
                value = _marked(grant, value)
            return value if grant.is_for_all else _kept_by_none(value)

        return cast("View", asks)

    return decorate


def _marked(grant: Grant, response: AnyResponse) -> Any:
    """What caches between the view and ``Sigil`` are told."""
    fields = grant.cached_as(list(response.headers))
    response.headers.clear()
    for name, value in fields:
        response.headers.add(name, value)
    return response


def _kept_by_none(value: Any) -> Any:
    """What the view returned, which decorators above ``guarded`` may make an answer of, for none of
    them to keep.
    """
    if not isinstance(value, AnyResponse):
        return of_one_request(value)
    vars(value)["l8nt"] = OfOneRequest()
    return value
