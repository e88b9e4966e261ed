"""For clients of httpx2 that people keep: an ``Auth`` that presents credentials and pays."""

from __future__ import annotations

import httpx2

from .client.httpx_auth import AuthFlow

__all__ = ["Auth"]


class Auth(AuthFlow, httpx2.Auth):
    """Presents credentials and pays, in a client of httpx2, for threads or for event loops.

    from l8nt.httpx2 import Auth

    with httpx2.Client(auth=Auth()) as http:
        print(http.get("https://api.weather.example/forecast?city=tokyo").json())

    """
