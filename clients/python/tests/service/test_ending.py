"""What is under way is broken off when its credential is revoked or ends.
spec/3-challenge.md §5.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.service.asking import Ask, asgi_scope, ask_wsgi
from tests.service.worlds import LOCATION, SECRET, START, django_settings, handler_of

from l8nt import asgi, wsgi
from l8nt.l402 import Minter
from l8nt.service import MemoryLedger, Service


class Served:
    """A service whose one answer has parts, and what happens between them."""

    def __init__(self) -> None:
        self.now = START
        self.service = Service(
            location=LOCATION, secret=SECRET, ledger=MemoryLedger(), clock=lambda: self.now
        )
        scope: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", "agent": "scout"}
        minter = Minter(secret=SECRET, location=LOCATION, clock=lambda: self.now)
        self.credential = minter.mint(**scope).text
        self.node_id = ""

    def revoke(self) -> None:
        """In another thread, as a follower of a feed does."""
        thread = threading.Thread(target=self.service.revocations.revoke, args=[self.node_id])
        thread.start()
        thread.join()

    def end(self) -> None:
        self.now += 3601

    def nothing(self) -> None:
        """It goes on."""

    @property
    def ask(self) -> Ask:
        return Ask("/", headers=[("authorization", f"L402 {self.credential}")])


CHANGES = [("nothing", 2), ("revoke", 1), ("end", 1)]


@pytest.mark.parametrize(("change", "parts"), CHANGES)
def test_an_answer_of_wsgi(change: str, parts: int) -> None:
    served = Served()

    def app(environ: Any, start_response: Any) -> Iterator[bytes]:
        served.node_id = wsgi.grant_of(environ).node_id
        start_response("200 OK", [])
        yield b"one"
        getattr(served, change)()
        yield b"two"

    received: list[bytes] = []
    chunks: Any = wsgi.Sigil(app, served.service)(_environ(served), _started)
    try:
        received.extend(chunks)
    except ConnectionAbortedError:
        assert parts == 1
    finally:
        chunks.close()
    assert received == [b"one", b"two"][:parts]


def _started(status: str, headers: Any, exc_info: Any = None) -> Any:
    assert status == "200 OK"


def _environ(served: Served) -> dict[str, Any]:
    taken: list[dict[str, Any]] = []

    def take(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        taken.append(environ)
        start_response("200 OK", [])
        return []

    ask_wsgi(take, served.ask)
    return taken[0]


# Django leaves its file of the body open where an answer breaks off.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize("change", ["nothing", "revoke", "end"])
def test_an_answer_of_django(change: str, is_async: bool) -> None:
    django_settings()
    from django.http import StreamingHttpResponse

    from l8nt.django import grant_of, guarded

    served = Served()

    def content() -> Iterator[bytes]:
        yield b"one"
        getattr(served, change)()
        yield b"two"

    async def later() -> AsyncIterator[bytes]:
        for part in content():
            yield part

    def begin(request: Any) -> Any:
        served.node_id = grant_of(request).node_id
        return StreamingHttpResponse(later() if is_async else content())

    @guarded()
    def view(request: Any) -> Any:
        return begin(request)

    @guarded()
    async def view_later(request: Any) -> Any:
        return begin(request)

    ask = handler_of(
        view_later if is_async else view, is_async=is_async, SIGIL_SERVICE=served.service
    )
    assert (ask(served.ask).body == b"onetwo") == (change == "nothing")
    gc.collect()


BROKEN = b"broken off"


async def _received(app: Any, served: Served) -> list[bytes]:
    sent: list[bytes] = []
    asked = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if asked:
            return asked.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body" and message.get("body"):
            sent.append(message["body"])

    is_whole = True
    try:
        await app(asgi_scope(served.ask), receive, send)
    except ConnectionAbortedError:
        is_whole = False
    return sent if is_whole else [*sent, BROKEN]


@pytest.mark.parametrize(("change", "parts"), CHANGES)
async def test_an_answer_of_asgi(change: str, parts: int) -> None:
    served = Served()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        served.node_id = asgi.grant_of(scope).node_id
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        getattr(served, change)()
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    received = await _received(asgi.Sigil(app, served.service), served)
    assert received == [b"one", b"two" if parts == 2 else BROKEN]


async def test_a_handler_that_waits_is_ended_with_its_credential() -> None:
    served = Served()
    waits, has_ended = asyncio.Event(), asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        served.node_id = asgi.grant_of(scope).node_id
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        waits.set()
        try:
            await asyncio.Event().wait()
        finally:
            has_ended.set()

    task = asyncio.create_task(_received(asgi.Sigil(app, served.service), served))
    await waits.wait()
    served.revoke()
    assert await task == [b"one", BROKEN]
    assert has_ended.is_set()


async def test_a_server_that_cancels_is_not_taken_for_a_revocation() -> None:
    served = Served()
    waits = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        waits.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(_received(asgi.Sigil(app, served.service), served))
    await waits.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize(("change", "code"), [("nothing", 1000), ("revoke", 1008)])
async def test_a_websocket(change: str, code: int) -> None:
    served = Served()
    sent: list[Any] = []
    waits = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        served.node_id = asgi.grant_of(scope).node_id
        await receive()
        await send({"type": "websocket.accept"})
        waits.set()
        await receive()
        await send({"type": "websocket.close", "code": 1000})

    messages: asyncio.Queue[Any] = asyncio.Queue()
    messages.put_nowait({"type": "websocket.connect"})

    async def send(message: Any) -> None:
        sent.append(message)

    running = asgi.Sigil(app, served.service)
    task = asyncio.create_task(running(asgi_scope(served.ask, "websocket"), messages.get, send))
    await waits.wait()
    getattr(served, change)()
    if change == "nothing":
        messages.put_nowait({"type": "websocket.receive", "text": "more"})
    await task
    assert [one["type"] for one in sent] == ["websocket.accept", "websocket.close"]
    assert sent[-1]["code"] == code


async def _behind(served: Served, kind: str, change: str, first: list[dict[str, Any]]) -> bool:
    """Whether work goes on that a handler does behind these messages of its answer."""
    is_done = False
    begun = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        nonlocal is_done
        served.node_id = asgi.grant_of(scope).node_id
        for message in first:
            await (receive() if message == RECEIVE else send(message))
        begun.set()
        for _ in range(5):
            await asyncio.sleep(0)
        is_done = True

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.disconnect"}

    async def send(message: Any) -> None:
        """Nobody looks at it."""

    scope = asgi_scope(served.ask, kind)
    task = asyncio.create_task(asgi.Sigil(app, served.service)(scope, receive, send))
    await begun.wait()
    getattr(served, change)()
    await asyncio.gather(task, return_exceptions=True)
    return is_done


RECEIVE: dict[str, Any] = {}
HEAD: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}
PART: dict[str, Any] = {"type": "http.response.body", "body": b"one", "more_body": True}
LAST: dict[str, Any] = {"type": "http.response.body", "body": b""}


@pytest.mark.parametrize(
    ("kind", "messages", "goes_on"),
    [
        ("http", [HEAD, PART], False),
        # A client that closes only its own side still receives.
        ("http", [HEAD, PART, RECEIVE], False),
        ("http", [HEAD, PART, LAST], True),
        ("http", [HEAD, PART, {"type": "http.response.pathsend", "path": "/a"}], True),
        ("http", [HEAD, LAST], True),
        ("websocket", [{"type": "websocket.accept"}], False),
        ("websocket", [{"type": "websocket.accept"}, {"type": "websocket.close"}], True),
        ("websocket", [{"type": "websocket.accept"}, RECEIVE], True),
    ],
)
def test_work_behind_an_answer_that_has_ended_goes_on(
    kind: str, messages: list[dict[str, Any]], goes_on: bool
) -> None:
    """Background tasks of Starlette, dependencies of FastAPI that end with `yield`."""
    assert asyncio.run(_behind(Served(), kind, "revoke", messages)) is goes_on
    assert asyncio.run(_behind(Served(), kind, "nothing", messages))


def test_trailers_follow_an_answer_whose_credential_ends_behind_it() -> None:
    served = Served()
    sent: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in ({**HEAD, "trailers": True}, PART, LAST):
            await send(message)
        served.end()
        await send({"type": "http.response.trailers", "headers": []})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    asyncio.run(asgi.Sigil(app, served.service)(asgi_scope(served.ask), receive, send))
    assert sent[-1] == "http.response.trailers"
