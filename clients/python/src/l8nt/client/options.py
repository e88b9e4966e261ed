"""What a request takes beside its URL: the keyword arguments of httpx2 and httpx."""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from typing_extensions import TypedDict

if TYPE_CHECKING:
    import httpx2


class RequestOptions(TypedDict, total=False):
    """Keyword arguments of ``request`` and of each method, as httpx2 and httpx read them."""

    content: str | bytes | Iterable[bytes] | AsyncIterable[bytes] | None
    """The body: text, bytes, or an iterable of bytes, which is sent as it comes."""
    data: Mapping[str, object] | None
    """A form."""
    files: Mapping[str, object] | Sequence[tuple[str, object]] | None
    """A multipart form with files."""
    json: object
    """A body that is written as JSON."""
    params: Mapping[str, object] | Sequence[tuple[str, object]] | str | None
    """The query."""
    headers: Mapping[str, str] | Sequence[tuple[str, str]] | httpx2.Headers | None
    cookies: Mapping[str, str] | None
    auth: tuple[str, str] | httpx2.Auth | None
    """Credentials of the API's own. They are written once, before the request is sent, so a scheme
    that needs an answer of the server, such as Digest, does not work with it.
    """
    follow_redirects: bool
    """``True`` by default, unless the client was given an HTTP client, which says it."""
    timeout: float | httpx2.Timeout | None
    """Of requests to services. A treasury is waited for while it pays."""
    extensions: Mapping[str, object] | None


__all__ = ["RequestOptions"]
