"""What a handler of ASGI receives beside its own answer, and when its head is sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.service.asking import asgi_scope
from tests.service.desks import Desk

from l8nt import asgi

START: dict[str, Any] = {"type": "http.response.start", "status": 200, "headers": []}


def _part(body: bytes, *, more: bool) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


@pytest.mark.parametrize("is_counted", [True, False])
@pytest.mark.parametrize("receivers", [1, 2, 3])
@pytest.mark.parametrize("answers", ["first", "between", "never"])
async def test_each_task_receives_a_message_of_its_own(
    answers: str, receivers: int, is_counted: bool
) -> None:
    desk, got = Desk(), list[tuple[int, bytes]]()
    arriving: asyncio.Queue[Any] = asyncio.Queue()
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        async def answer() -> None:
            await send(START)
            await send({"type": "http.response.body", "body": b"x", "more_body": True})

        async def one(number: int) -> None:
            got.append((number, (await receive())["body"]))

        if answers == "first":
            await answer()
        tasks = [asyncio.ensure_future(one(number)) for number in range(receivers)]
        await asyncio.sleep(0)
        if answers == "between":
            await answer()
        for number in range(receivers):
            arriving.put_nowait(_part(b"%d" % number, more=number < receivers - 1))
            if answers == "between":
                await answer_more(send)
        await asyncio.wait_for(asyncio.gather(*tasks), 5)
        await send({"type": "http.response.body", "body": b""})

    async def answer_more(send: Any) -> None:
        await send({"type": "http.response.body", "body": b"y", "more_body": True})

    async def send(message: Any) -> None:
        sent.append(message)

    limits = {"max_uses": 1} if is_counted else {}
    scope = asgi_scope(desk.asked(desk.mint(**limits), "POST"))
    await asgi.Sigil(app, desk.service)(scope, arriving.get, send)
    assert got == [(number, b"%d" % number) for number in range(receivers)]


async def test_one_that_gives_up_leaves_its_message_to_the_next() -> None:
    desk, got = Desk(), list[bytes]()
    arriving: asyncio.Queue[Any] = asyncio.Queue()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(receive(), 0.02)
        arriving.put_nowait(_part(b"one", more=False))
        got.append((await asyncio.wait_for(receive(), 5))["body"])

    async def send(message: Any) -> None:
        pass

    scope = asgi_scope(desk.asked(desk.mint(max_uses=1), "POST"))
    await asgi.Sigil(app, desk.service)(scope, arriving.get, send)
    assert got == [b"one"]


@pytest.mark.parametrize("is_counted", [True, False])
@pytest.mark.parametrize("flushes", [True, False])
async def test_an_empty_part_with_more_behind_it_sends_the_head(
    flushes: bool, is_counted: bool
) -> None:
    desk, sent = Desk(), list[Any]()
    at_once: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send(START)
        if flushes:
            await send({"type": "http.response.body", "body": b"", "more_body": True})
        at_once.extend(sent)
        raise ZeroDivisionError

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message["type"])

    limits = {"max_uses": 1} if is_counted else {}
    scope = asgi_scope(desk.asked(desk.mint(**limits)))
    with pytest.raises(ZeroDivisionError):
        await asgi.Sigil(app, desk.service)(scope, receive, send)
    head, part = "http.response.start", "http.response.body"
    if is_counted:
        assert at_once == ([head, part] if flushes else [])
        # Who has sent a head has answered.
        assert desk.used() == ([(1, 0)] if flushes else [])
    else:
        assert at_once == ([head, part] if flushes else [head])
