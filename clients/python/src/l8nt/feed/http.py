"""Gets a page of a feed with httpx2, or httpx where that is installed."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Any

from .page import MAX_PAGE_BYTES, not_a_page


def fetch_page(url: str, seconds: float) -> bytes:
    """The bytes of a page. Raises AdapterError ``ERR_FEED`` for an answer that is none, and what
    the HTTP library raises.
    """
    library: Any = _library()
    end = time.monotonic() + seconds
    # What is compressed could be much longer than what is sent.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    with library.stream(
        "GET", url, headers=headers, follow_redirects=False, timeout=seconds
    ) as response:
        if response.status_code != 200:
            raise not_a_page(f"status {response.status_code}")
        if response.headers.get("content-encoding", "identity") != "identity":
            raise not_a_page("it is compressed")
        page = b""
        for chunk in response.iter_raw():
            page += chunk
            if len(page) > MAX_PAGE_BYTES:
                raise not_a_page(f"it has more than {MAX_PAGE_BYTES} bytes")
            if time.monotonic() > end:
                raise not_a_page("it did not end in time")
        return page


def _library() -> ModuleType:
    try:
        import httpx2
    except ImportError:
        import httpx  # pyright: ignore[reportMissingImports] # if it is installed alone

        return httpx
    return httpx2
