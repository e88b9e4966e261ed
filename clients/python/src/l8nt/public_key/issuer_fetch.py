"""Fetches the pages of issuers. A name that an operator wrote down may be led to another address
later, so names lead to public addresses alone. spec/9-public-key.md §6.
"""

from __future__ import annotations

import http.client
import io
import re
import socket
import ssl
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from ..errors import AdapterError
from .key_page import MAX_PAGE_BYTES, page_error
from .page_fetch import FETCH_SECONDS, PageAnswer
from .public_address import is_loopback, is_public

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_ADDRESS = re.compile(r"[0-9]+(?:\.[0-9]+){3}|.*:.*")
_NOT_PUBLIC = (
    "is at an address that is not public. If the issuer is in your own network, set "
    "allow_private_issuers=True. List one on this machine as `localhost` or by its address"
)
_ELSEWHERE = "is not on this machine, though its name says so"

Resolve = Callable[[str, int], list[str]]
"""The addresses of a name, for a port."""


def resolve(host: str, port: int) -> list[str]:
    """What the system says."""
    rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(row[4][0]) for row in rows))


class IssuerFetch:
    """Gets a URL of an issuer, from an address that is judged: it is looked up once, and connected
    to as an address. One that is written as an address, or as ``localhost``, is reached there: no
    resolver has a word in it.

    ``allow_private``: whether names may lead to private networks. ``resolve`` looks names up.
    ``context`` is what TLS is judged by; the system's certificates by default.
    """

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve = resolve,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._context = context

    def __call__(self, url: str) -> PageAnswer:
        deadline = monotonic() + FETCH_SECONDS
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        issuer = f"{parts.scheme}://{parts.netloc}"
        connection = http.client.HTTPConnection(host, port)
        raw = self._connected(issuer, host, port, deadline)
        try:
            if is_tls:
                context = self._context or ssl.create_default_context()
                raw.settimeout(_left(deadline, issuer))
                raw = context.wrap_socket(raw, server_hostname=host)
            # `http.client` wants a socket; this is the part of one that it uses.
            connection.sock = cast("socket.socket", _Timed(raw, deadline, issuer))
            return _answer_of(connection, parts.path, issuer)
        except TimeoutError as cause:
            raise _slow(issuer) from cause
        finally:
            raw.close()

    def _connected(self, issuer: str, host: str, port: int, deadline: float) -> socket.socket:
        failure = OSError("the name has no address")
        for address in self._judged(issuer, host, port):
            connected = _connect(address, port, _left(deadline, issuer))
            if isinstance(connected, socket.socket):
                return connected
            failure = connected
        raise failure

    def _judged(self, issuer: str, host: str, port: int) -> list[str]:
        if _ADDRESS.fullmatch(host):
            return [host]
        addresses = self._resolve(host, port)
        if host == "localhost":
            if not all(map(is_loopback, addresses)):
                raise page_error("ERR_KEYS_ADDRESS", issuer, _ELSEWHERE)
        elif not all(is_public(one, allow_private=self._allow_private) for one in addresses):
            raise page_error("ERR_KEYS_ADDRESS", issuer, _NOT_PUBLIC)
        return addresses


def _connect(address: str, port: int, seconds: float) -> socket.socket | OSError:
    try:
        return socket.create_connection((address, port), seconds)
    except OSError as error:
        return error


def _answer_of(connection: http.client.HTTPConnection, path: str, issuer: str) -> PageAnswer:
    connection.request("GET", path, headers={"accept": "application/json", "connection": "close"})
    response = connection.getresponse()
    joined: dict[str, str] = {}
    for name, value in response.getheaders():
        key = name.lower()
        joined[key] = f"{joined[key]}, {value}" if key in joined else value
    # A body that is refused for its head is not read.
    length = joined.get("content-length", "")
    if response.status == 200 and length.isdecimal() and int(length[:9]) > MAX_PAGE_BYTES:
        raise page_error("ERR_KEYS_TOO_LARGE", issuer, f"has more than {MAX_PAGE_BYTES} bytes")
    body = response.read(MAX_PAGE_BYTES + 1) if response.status == 200 else b""
    # A page that was cut off could say that all keys have ended. `read` does not see it.
    if body and response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return PageAnswer(response.status, body, joined)


def _slow(issuer: str) -> AdapterError:
    return page_error("ERR_KEYS_SLOW", issuer, f"took more than {FETCH_SECONDS} seconds")


def _left(deadline: float, issuer: str) -> float:
    left = deadline - monotonic()
    if left <= 0:
        raise _slow(issuer)
    return left


class _Timed(io.RawIOBase):
    """The part of a socket that `http.client` uses, with one deadline for the whole answer, however
    slowly its bytes come.
    """

    def __init__(self, raw: socket.socket, deadline: float, issuer: str) -> None:
        super().__init__()
        self._raw = raw
        self._deadline = deadline
        self._issuer = issuer

    def sendall(self, data: bytes) -> None:
        self._raw.settimeout(_left(self._deadline, self._issuer))
        self._raw.sendall(data)

    def makefile(self, *_mode: object) -> io.BufferedReader:
        return io.BufferedReader(self)

    def close(self) -> None:
        """Nothing: `http.client` closes it before it has read the body."""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        self._raw.settimeout(_left(self._deadline, self._issuer))
        return self._raw.recv_into(buffer)
