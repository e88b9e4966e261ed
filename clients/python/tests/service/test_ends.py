"""What ends a claim at a server: the head, the end, and clients that leave. spec/5-ledger.md §5."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.service.asking import Ask, asgi_scope, ask_wsgi
from tests.service.worlds import LOCATION, SECRET, START

from l8nt import asgi, wsgi
from l8nt.l402 import Minter
from l8nt.service import MemoryLedger, Service


class Desk:
    def __init__(self) -> None:
        self.service = Service(
            location=LOCATION, secret=SECRET, ledger=MemoryLedger(), clock=lambda: START
        )
        given: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", "budget": "1 usd"}
        minter = Minter(secret=SECRET, location=LOCATION, clock=lambda: START)
        self.ask = Ask("/a", headers=[("authorization", f"L402 {minter.mint(**given).text}")])

    def left(self) -> str:
        """What is left of the budget: a request that takes nothing tells it."""

        def app(environ: Any, start_response: Any) -> list[bytes]:
            left = wsgi.grant_of(environ).left()
            assert left
            start_response("200 OK", [("X-Left", str(left[0]))])
            return []

        guarded = wsgi.Sigil(app, self.service, price="0.000001 usd")
        answer = ask_wsgi(guarded, Ask(self.ask.target, "HEAD", self.ask.headers))
        return answer.value("x-left") or ""

    def spent(self) -> float:
        text = self.left()
        return round(1 - float(text.split(": ")[1].split(" ")[0]) - 0.000001, 6)


async def served(desk: Desk, app: Any, events: list[dict[str, Any]], **terms: Any) -> list[Any]:
    """What is sent, to a client that says these events."""
    sent: list[Any] = []
    queue = list(events)

    async def receive() -> dict[str, Any]:
        if queue:
            return queue.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    guarded: Any = asgi.Sigil(app, desk.service, **terms)
    try:
        await guarded(asgi_scope(desk.ask), receive, send)
    except ZeroDivisionError:
        sent.append("raised")
    return sent


WHOLE = {"type": "http.request", "body": b"", "more_body": False}
GONE = {"type": "http.disconnect"}


def answering(status: int, *, settle: str | None = None, fails: bool = False) -> Any:
    """A handler that answers in two parts, and settles or fails between them."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        if settle is not None:
            asgi.grant_of(scope).settle(settle)
        if fails:
            raise ZeroDivisionError
        await send({"type": "http.response.body", "body": b"two", "more_body": False})

    return app


@pytest.mark.parametrize(
    ("app", "spent"),
    [
        (answering(200), 0.6),
        (answering(200, settle="0.25 usd"), 0.25),
        (answering(500), 0),
        (answering(500, settle="0.25 usd"), 0.25),
        (answering(200, fails=True), 0.6),
        (answering(200, settle="0.1 usd", fails=True), 0.1),
    ],
)
async def test_a_metered_request_is_settled_at_its_end(app: Any, spent: float) -> None:
    desk = Desk()
    await served(desk, app, [WHOLE], price="0.6 usd", metered=True)
    assert desk.spent() == spent


async def test_a_request_that_is_not_metered_ends_with_its_head() -> None:
    desk = Desk()
    await served(desk, answering(200, fails=True), [WHOLE], price="0.6 usd")
    assert desk.spent() == 0.6
    with pytest.raises(TypeError, match="too late"):
        await served(desk, answering(200, settle="0.1 usd"), [WHOLE], price="0.1 usd")


@pytest.mark.parametrize(("events", "spent"), [([WHOLE], 0.6), ([WHOLE, GONE], 0)])
async def test_a_client_that_left_before_the_head_has_used_nothing(
    events: list[dict[str, Any]], spent: float
) -> None:
    desk = Desk()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        for _ in events:
            await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"late"})

    sent = await served(desk, app, events, price="0.6 usd")
    assert desk.spent() == spent
    # A client that closed one direction can still read: what is given back is not sent.
    assert len(sent) == (0 if spent == 0 else 2)
