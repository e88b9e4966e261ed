"""Pages over HTTP, from a server on loopback; and the thread of a follower."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from l8nt import AdapterError
from l8nt.credential import RevocationList
from l8nt.feed import FeedFollower
from l8nt.feed.http import fetch_page
from l8nt.feed.page import MAX_PAGE_BYTES

KEY = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/page": (200, {}, b"the page"),
    "/most": (200, {}, b"x" * MAX_PAGE_BYTES),
    "/more": (200, {}, b"x" * (MAX_PAGE_BYTES + 1)),
    "/moved": (302, {"location": "/page"}, b""),
    "/missing": (404, {}, b"the page"),
    "/packed": (200, {"content-encoding": "gzip"}, gzip.compress(b"the page")),
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, headers, body = ANSWERS[self.path.partition("?")[0]]
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - named by http.server
        """Says nothing."""


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_is_read_whole_up_to_its_most_bytes(base: str) -> None:
    pytest.importorskip("httpx2")
    assert fetch_page(f"{base}/page", 30) == b"the page"
    assert len(fetch_page(f"{base}/most", 30)) == MAX_PAGE_BYTES


@pytest.mark.parametrize(
    ("path", "why"),
    [("more", "more than"), ("moved", "302"), ("missing", "404"), ("packed", "compressed")],
)
def test_any_other_answer_is_no_page(base: str, path: str, why: str) -> None:
    pytest.importorskip("httpx2")
    with pytest.raises(AdapterError, match=why) as caught:
        fetch_page(f"{base}/{path}", 30)
    assert caught.value.code == "ERR_FEED"


def test_a_follower_asks_in_a_thread_of_its_own_until_it_is_stopped() -> None:
    asked, answered = threading.Event(), threading.Event()
    alarms: list[str] = []

    def fetch(url: str, seconds: float) -> bytes:
        asked.set()
        answered.wait()
        return b"no page"

    follower = FeedFollower(
        RevocationList(),
        url="https://treasury.example/.well-known/l402/revocations",
        public_key=KEY,
        location="https://treasury.example",
        fetch=fetch,
        alarm=lambda what, cause: alarms.append(what),
    )
    follower.start()
    follower.start()
    assert asked.wait(60)
    threads = [one for one in threading.enumerate() if one.name == "l8nt-feed"]
    assert len(threads) == 1
    assert threads[0].daemon
    follower.stop()
    answered.set()
    threads[0].join(60)
    assert not threads[0].is_alive()
    assert not follower.wait(0)
    # What fails while it ends is no outage.
    assert alarms == []
