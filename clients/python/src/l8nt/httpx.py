"""For clients of httpx that people keep: an ``Auth`` that presents credentials and pays."""

from __future__ import annotations

import httpx

from .client.httpx_auth import AuthFlow

__all__ = ["Auth"]


class Auth(AuthFlow, httpx.Auth):
    """Presents credentials and pays, in a client of httpx, for threads or for event loops.

    from l8nt.httpx import Auth

    with httpx.Client(auth=Auth()) as http:
        print(http.get("https://api.weather.example/forecast?city=tokyo").json())

    """
