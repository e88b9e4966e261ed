"""For clients of httpx that people keep: an ``Auth`` that presents credentials and pays."""

from __future__ import annotations

from ._extras import Extra
from .client.httpx_auth import AuthFlow

with Extra("httpx"):
    import httpx

__all__ = ["Auth"]


class Auth(AuthFlow, httpx.Auth):
    """Presents credentials and pays, in a client of httpx, for threads or for event loops.

    from l8nt.httpx import Auth

    with httpx.Client(auth=Auth()) as http:
        print(http.get("https://api.weather.example/forecast?city=tokyo").json())

    """
