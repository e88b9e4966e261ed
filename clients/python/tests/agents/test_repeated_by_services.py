"""Services that repeat the credential that they were shown, to the model, in a redirect, or in an
answer that is not HTTP.
"""

from __future__ import annotations

import html
import json
import re
import secrets
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote

import pytest

from l8nt import Client
from l8nt.agents import SigilHandle, afetch_url, fetch_url
from l8nt.l402 import Minter

_SECRET: Final = secrets.token_hex(32)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    answer: Callable[[str], bytes]


class _Repeats(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += self.request.recv(65_536)
        shown = re.search(r"(?im)^authorization: L402 (\S+)", head.decode("latin-1"))
        server = self.server
        assert isinstance(server, _Server)
        self.request.sendall(server.answer(shown[1] if shown else "nothing"))


def _ok(text: str, kind: str = "text/plain") -> bytes:
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(text.encode())}\r\n"
    return f"{head}Connection: close\r\n\r\n{text}".encode()


def _parts(text: str) -> list[str]:
    return [one for one in text.split(":") if one]


def _lines(text: str) -> str:
    return "\n".join(text[at : at + 60] for at in range(0, len(text), 60))


BODIES: dict[str, Callable[[str], str]] = {
    "whole": lambda text: f"you sent {text}",
    "parsed": lambda text: json.dumps(
        dict(zip(("macaroon", "preimage"), _parts(text), strict=False))
    ),
    "the macaroon alone": lambda text: f"bad macaroon {_parts(text)[0]}",
    "with spaces": lambda text: text.replace(":", " : "),
    "in a URL": lambda text: quote(text, safe=""),
    "in JSON": lambda text: json.dumps(text).replace("/", "\\/"),
    "in HTML": lambda text: html.escape(text).replace("-", "&#45;").replace("_", "&#x5f;"),
    "in lines": _lines,
    "in the other case": str.swapcase,
}
BROKEN: dict[str, Callable[[str], bytes]] = {
    "a status line": lambda text: f"HTTP/1.1 xx {text}\r\n\r\n".encode(),
    "no HTTP": lambda text: f"{text}\r\n\r\n".encode(),
    "a header line": lambda text: f"HTTP/1.1 200 OK\r\nX {text}\r\n\r\n".encode(),
    "a chunk": lambda text: (
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{text}\r\n".encode()
    ),
}
TARGETS: dict[str, str] = {
    "another origin": "http://127.0.0.1:1/{}",
    "the same origin": "/again?{}",
    "another scheme": "ftp://host/{}",
}


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server(("127.0.0.1", 0), _Repeats) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def url(server: _Server) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/a"


def _credential(url: str) -> str:
    origin = url.removesuffix("/a")
    minter = Minter(secret=_SECRET, location=origin)
    return minter.mint(endpoints=[f"* {origin}/**"], expires_in="1h").text


def _is_shown(text: str, credential: str) -> bool:
    """Whether a run of 24 of its letters is."""
    squeezed = "".join(html.unescape(text).split()).lower()
    letters = credential.lower()
    return any(letters[at : at + 24] in squeezed for at in range(0, len(letters) - 24, 4))


def _everything(error: BaseException | None) -> str:
    text = ""
    while error is not None:
        text += f"{error} {error!r} {error.args} "
        error = error.__cause__ or error.__context__
    return text


async def _fetched(credential: str, url: str, *, is_async: bool) -> str:
    handle = SigilHandle.open(credential=credential)
    try:
        return await handle.arun(afetch_url, url) if is_async else handle.run(fetch_url, url)
    finally:
        await handle.aclose()


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("repeated", BODIES.values(), ids=BODIES)
async def test_no_part_of_what_was_presented_reaches_the_model(
    server: _Server, url: str, repeated: Callable[[str], str], is_async: bool
) -> None:
    server.answer = lambda text: _ok(f"before {repeated(text)} after")
    credential = _credential(url)
    text = await _fetched(credential, url, is_async=is_async)
    assert not _is_shown(text, credential)
    assert "(a credential, not shown)" in text
    assert text.startswith("before ")
    assert text.endswith(" after")


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS)
async def test_no_redirect_is_followed_to_a_url_with_what_was_presented(
    server: _Server, url: str, target: str, is_async: bool
) -> None:
    server.answer = lambda text: (
        f"HTTP/1.1 302 F\r\nLocation: {target.format(text)}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    credential = _credential(url)
    text = await _fetched(credential, url, is_async=is_async)
    assert text.startswith("ERR_REDIRECT: ")
    assert not _is_shown(text, credential)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
async def test_no_error_of_the_http_library_says_what_was_presented(
    server: _Server, url: str, answer: Callable[[str], bytes], is_async: bool
) -> None:
    server.answer = answer
    credential = _credential(url)
    with pytest.raises(Exception, match="illegal") as caught:
        await _fetched(credential, url, is_async=is_async)
    assert not _is_shown(_everything(caught.value), credential)
    with Client(credential=credential) as client, pytest.raises(type(caught.value)) as caught:
        client.get(url)
    assert not _is_shown(_everything(caught.value), credential)


@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    "charset",
    ["rot13", "hex", "base64", "zlib", "bz2", "undefined", "idna", "no-such", "utf-8", "latin-1"],
)
async def test_a_charset_that_makes_no_text_is_read_as_utf_8(
    server: _Server, url: str, charset: str, is_async: bool
) -> None:
    server.answer = lambda _: _ok("hello", f"text/plain; charset={charset}")
    assert await _fetched(_credential(url), url, is_async=is_async) == "hello"


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_text_of_another_charset_is_read_by_it(
    server: _Server, url: str, is_async: bool
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: a/b; charset=utf-16-le\r\nContent-Length: 4\r\n\r\n"
    server.answer = lambda _: head + "\u5929\u6c17".encode("utf-16-le")
    assert await _fetched(_credential(url), url, is_async=is_async) == "\u5929\u6c17"
