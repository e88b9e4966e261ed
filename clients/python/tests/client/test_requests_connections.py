"""The connections of an adapter of requests: informational answers, and processes that fork."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import pytest
import requests
from tests.town import Town

import l8nt.requests

FINAL: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nsunny"
HINTS: Final = b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n"
BEFORE: Final = {
    "nothing": b"",
    "100": b"HTTP/1.1 100 Continue\r\n\r\n",
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": HINTS,
    "many": HINTS * 50 + b"HTTP/1.1 100 Continue\r\n\r\n" + HINTS,
    "an unknown one": b"HTTP/1.1 199 x\r\n\r\n",
}


class Raw:
    """A server that answers each request with the same bytes, on connections that it keeps."""

    def __init__(self) -> None:
        self.answer = FINAL
        self.connections = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            received = b""
            while part := _received(connection):
                received += part
                while b"\r\n\r\n" in received:
                    received = received.split(b"\r\n\r\n", 1)[1]
                    with suppress(OSError):  # It may not be wanted any more.
                        connection.sendall(self.answer)

    def close(self) -> None:
        self._server.close()


def _received(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65_536)
    except OSError:
        return b""


@pytest.fixture
def raw() -> Iterator[Raw]:
    server = Raw()
    yield server
    server.close()


@pytest.fixture
def session(town: Town) -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        adapter = l8nt.requests.Adapter(credential=town.mint(), clock=town.clock)
        made.mount("http://", adapter)
        yield made


@pytest.mark.parametrize("before", BEFORE)
def test_what_comes_before_an_answer_is_no_answer(
    raw: Raw, session: requests.Session, before: str
) -> None:
    raw.answer = BEFORE[before] + FINAL
    for _ in range(3):
        answer = session.get(f"{raw.url}/a")
        assert (answer.status_code, answer.text) == (200, "sunny")
    assert raw.connections == 1


def test_a_challenge_after_a_hint_is_paid(town: Town, raw: Raw, session: requests.Session) -> None:
    shop = town.open_shop(price="10 sat")
    unpaid = requests.get(f"{shop.url}/a", timeout=10)
    head = [f"HTTP/1.1 402 x\r\ncontent-length: {len(unpaid.content)}"]
    kept = ("www-authenticate", "content-type")
    head += [f"{name}: {unpaid.headers[name]}" for name in kept if name in unpaid.headers]
    raw.answer = HINTS + "\r\n".join([*head, "", ""]).encode() + unpaid.content
    with pytest.raises(Exception, match="The service's invoice was not paid"):
        session.get(f"{raw.url}/a")
    assert len(town.treasury.received) > 0


def test_an_answer_that_never_comes_is_an_error(raw: Raw, session: requests.Session) -> None:
    raw.answer = HINTS * 200
    with pytest.raises(requests.ConnectionError):
        session.get(f"{raw.url}/a")


def test_101_is_final(raw: Raw, session: requests.Session) -> None:
    raw.answer = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"
    assert session.get(f"{raw.url}/a").status_code == 101


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks")
def test_both_sides_of_a_fork_get_what_they_bought(town: Town) -> None:
    shops = [town.open_shop(price="10 sat") for _ in range(2)]
    adapter = l8nt.requests.Adapter(credential=town.mint(), clock=town.clock)
    with requests.Session() as session:
        session.mount("http://", adapter)
        session.get(f"{shops[0].url}/warm")
        served: list[object] = []
        for turn in range(6):
            told, tells = os.pipe()
            goes, go = os.pipe()
            child = os.fork()
            if child == 0:
                os.read(goes, 1)
                os.write(tells, json.dumps(_asked(adapter, f"{shops[1].url}/{turn}")).encode())
                os._exit(0)
            os.close(tells)
            os.write(go, b"x")
            served.append(_asked(adapter, f"{shops[0].url}/{turn}"))
            served.append(json.loads(os.read(told, 10_000)))
            os.waitpid(child, 0)
            for end in (told, goes, go):
                os.close(end)
    assert served == [{"served": n} for turn in range(6) for n in (turn + 2, turn + 1)]
    assert town.paid()[0] == 13


def _asked(adapter: l8nt.requests.Adapter, url: str) -> object:
    session = requests.Session()
    session.mount("http://", adapter)
    try:
        return session.get(url, timeout=20).json()
    except Exception as error:
        return repr(error)
