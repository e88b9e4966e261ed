"""What was paid for, and how its answer arrives or is lost. spec/4-purchase.md §2."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from l8nt import AsyncClient, PaymentError, SigilError

from .world import SHOP, Answer, Broken, Mode, Whole, World, clock, each_mode, problem, sunny

RESET = httpx2.ReadError("connection reset by peer")


def attempt(asking: Callable[[], httpx2.Response]) -> httpx2.Response | SigilError:
    try:
        return asking()
    except SigilError as error:
        return error


class TestAcknowledged:
    """The treasury is told with the next order which answers have arrived."""

    @each_mode
    def test_once_the_body_was_read(self, world: World, mode: Mode) -> None:
        client = world.client(mode)
        for _ in range(3):
            client.get(f"{SHOP}/a")
        ids = [order["id"] for order in world.orders]
        told = [order.get("answered") for order in world.orders]
        assert told == [None, [ids[0]], [ids[1]]]

    def test_also_by_another_client_of_the_same_credential(self, world: World) -> None:
        for _ in range(2):
            world.client().get(f"{SHOP}/a")
        assert world.orders[1]["answered"] == [world.orders[0]["id"]]

    def test_not_while_the_body_is_unread_and_once_it_is_closed(self, world: World) -> None:
        client = world.client().threads
        assert client is not None
        with client.stream("GET", f"{SHOP}/a"):
            client.get(f"{SHOP}/a")
            client.get(f"{SHOP}/b")
        client.get(f"{SHOP}/c")
        first, second, third, fourth = world.orders
        assert (second.get("answered"), second["underWay"]) == (None, [first["id"]])
        # An order for another path is none of its business.
        assert "underWay" not in third
        assert set(fourth["answered"]) == {first["id"], third["id"]}

    async def test_of_an_event_loop_once_a_stream_is_closed(self, world: World) -> None:
        client = world.client("event loop").loop
        assert client is not None
        async with client.stream("GET", f"{SHOP}/a") as response:
            assert await response.aread() == b"sunny"
        async with client.stream("GET", f"{SHOP}/a"):
            pass
        await client.get(f"{SHOP}/a")
        ids = [order["id"] for order in world.orders]
        assert [order.get("answered") for order in world.orders] == [None, ids[:1], ids[1:2]]

    @each_mode
    @pytest.mark.parametrize("relayed", [False, True], ids=["handed over", "relayed"])
    def test_not_if_the_service_gave_the_use_back(
        self, world: World, mode: Mode, relayed: bool
    ) -> None:
        released = {"sigil-use": "released"}

        def answer(_: Any = None) -> httpx2.Response:
            return httpx2.Response(200, headers=released, stream=Whole(b"again"))

        world.serve = answer
        if relayed:
            world.otherwise = lambda _: world.relay(answer())
        client = world.client(mode)
        for path in ("/a", "/b"):
            client.get(f"{SHOP}{path}")
        assert all("answered" not in order for order in world.orders)

    @each_mode
    def test_not_if_a_relayed_answer_broke_off(self, world: World, mode: Mode) -> None:
        world.answers = [lambda _: world.relay(httpx2.Response(200, stream=Broken()))]
        client = world.client(mode)
        error = attempt(lambda: client.get(f"{SHOP}/a"))
        assert isinstance(error, PaymentError)
        assert (error.code, error.spent) == ("ERR_PAID_NOT_DELIVERED", "yes")
        assert "broke off its answer" in error.message
        client.get(f"{SHOP}/a")
        assert "answered" not in world.orders[1]

    def test_of_unread_bodies_the_oldest_counts_as_read(self, world: World) -> None:
        client = world.client().threads
        assert client is not None
        responses = [
            client.requested("GET", f"{SHOP}/{n}", {}, order_id=None, stream=True)
            for n in range(65)
        ]
        client.get(f"{SHOP}/last")
        assert world.orders[-1]["answered"] == [world.orders[0]["id"]]
        for response in responses:
            response.close()

    def test_at_the_end_of_a_client_at_once(self, world: World) -> None:
        client = world.client().threads
        assert client is not None
        client.get(f"{SHOP}/a")
        client.close()
        assert world.asked[-1].url.path == "/v1/answered"
        assert world.orders[0]["id"].encode() in world.asked[-1].content
        client.close()
        assert len(world.asked) == 2


LOST: dict[str, Callable[[], Answer]] = {
    "a reset": lambda: RESET,
    "the end of the connection": lambda: httpx2.RemoteProtocolError(
        "Server disconnected without sending a response."
    ),
    "a time-out of this side": lambda: httpx2.ReadTimeout("timed out"),
    "a head that cannot be read": lambda: httpx2.RemoteProtocolError("illegal status line"),
    "half a body": lambda: httpx2.Response(200, stream=Broken()),
}
MAY_BE_USED = {"a time-out of this side", "a head that cannot be read", "half a body"}


@each_mode
@pytest.mark.parametrize("lost", LOST)
def test_what_was_paid_for_and_not_answered_is_used_by_the_next_request(
    world: World, mode: Mode, lost: str
) -> None:
    answers = [LOST[lost]]
    world.serve = lambda _: answers.pop(0)() if answers else sunny()
    client = world.client(mode)
    error = attempt(lambda: client.get(f"{SHOP}/a"))
    assert isinstance(error, PaymentError)
    assert (error.code, error.spent) == ("ERR_PAID_NOT_DELIVERED", "yes")
    assert isinstance(error.__cause__, httpx2.TransportError)
    assert client.get(f"{SHOP}/a").text == "sunny"
    assert len(world.orders) == 1
    # The same key each time: a service that keeps its answers gives the lost one.
    first, second = (one.headers["idempotency-key"] for one in world.sent if "L402" in _shown(one))
    assert first == second


@each_mode
@pytest.mark.parametrize("lost", LOST)
def test_a_refusal_after_a_lost_answer_is_told_with_what_is_known(
    world: World, mode: Mode, lost: str
) -> None:
    answers: list[Callable[[], Answer]] = [LOST[lost], lambda: httpx2.Response(402)]
    world.serve = lambda _: answers.pop(0)() if answers else sunny()
    client = world.client(mode)
    attempt(lambda: client.get(f"{SHOP}/a"))
    assert client.get(f"{SHOP}/a").text == "sunny"
    refused = world.orders[1]["refused"]
    assert refused["mayBeUsed"] is (lost in MAY_BE_USED)
    assert refused.get("unanswered", False) is (lost not in MAY_BE_USED)


@each_mode
@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_failure_of_the_service_is_the_answer_and_the_use_is_kept(
    world: World, mode: Mode, status: int
) -> None:
    answers: list[Answer] = [httpx2.Response(status), httpx2.Response(402)]
    world.serve = lambda _: answers.pop(0) if answers else sunny()
    client = world.client(mode)
    assert client.get(f"{SHOP}/a").status_code == status
    assert client.get(f"{SHOP}/a").text == "sunny"
    assert world.orders[1]["refused"] == {
        "paymentHash": world.orders[1]["refused"]["paymentHash"],
        "mayBeUsed": False,
        "unanswered": True,
    }


@each_mode
@pytest.mark.parametrize(
    ("limit", "is_sent_again"),
    [({}, True), ({"max_uses": 5}, False), ({"budget": "50 sat"}, False)],
    ids=["no limit", "max_uses", "budget"],
)
def test_a_get_whose_connection_was_closed_is_sent_again_if_no_use_can_be_counted(
    world: World, mode: Mode, limit: dict[str, Any], is_sent_again: bool
) -> None:
    client = world.client(mode, credential=world.sold(expires_in="30m", **limit))
    assert client.get(f"{SHOP}/a").text == "sunny"
    answers: list[Answer] = [
        httpx2.RemoteProtocolError("Server disconnected without sending a response.")
    ]
    world.serve = lambda _: answers.pop() if answers else sunny()
    if is_sent_again:
        assert client.get(f"{SHOP}/a").text == "sunny"
    else:
        with pytest.raises(httpx2.RemoteProtocolError):
            client.get(f"{SHOP}/a")
    assert len(world.sent) == (3 if is_sent_again else 2)


def test_a_purchase_of_an_earlier_order_may_be_used(world: World) -> None:
    answers: list[Answer] = [httpx2.Response(402)]
    world.serve = lambda _: answers.pop(0) if answers else sunny()
    world.answers = [lambda order: world.hand_over(world.sold(), order, earlier=True)]
    world.client().get(f"{SHOP}/a")
    assert world.orders[1]["refused"]["mayBeUsed"] is True
    assert world.orders[0]["id"] == world.orders[1]["id"]


def test_a_use_that_is_refused_again_and_again_is_in_vain(world: World) -> None:
    world.serve = lambda _: httpx2.Response(402)
    error = attempt(lambda: world.client().get(f"{SHOP}/a"))
    assert isinstance(error, PaymentError)
    assert (error.code, error.spent) == ("ERR_PAID_NOT_DELIVERED", "yes")
    assert len(world.orders) == 8
    assert len({order["id"] for order in world.orders}) == 1


class TestKeyOfAUse:
    """A use without a key of the caller's has one that follows from what was bought."""

    def test_another_one_for_another_request_or_order(self, world: World) -> None:
        client = world.client()
        for path in ("/a", "/a", "/b"):
            client.get(f"{SHOP}{path}")
        keys = [one.headers["idempotency-key"] for one in world.sent if "L402" in _shown(one)]
        assert len(set(keys)) == 3

    def test_none_for_a_pass_and_the_callers_own_as_it_is(self, world: World) -> None:
        world.otherwise = lambda order: world.hand_over(world.sold(expires_in="30m"), order)
        world.client().get(f"{SHOP}/a")
        assert "idempotency-key" not in world.sent[-1].headers
        world.client().get(f"{SHOP}/a", headers={"idempotency-key": "mine"})
        assert world.sent[-1].headers["idempotency-key"] == "mine"

    @each_mode
    def test_a_service_that_still_answers_is_asked_again_after_a_while(
        self, world: World, mode: Mode
    ) -> None:
        running = problem(409, "ERR_REQUEST_RUNNING", headers={"retry-after": "3"})
        answers: list[Answer] = [running]
        world.serve = lambda _: answers.pop(0) if answers else sunny()
        assert world.client(mode).get(f"{SHOP}/a").text == "sunny"
        assert world.pauses == [3]
        assert len(world.orders) == 1

    @each_mode
    def test_a_service_that_kept_nothing_may_have_used_it(self, world: World, mode: Mode) -> None:
        answers: list[Answer] = [problem(422, "ERR_IDEMPOTENCY_KEY")]
        world.serve = lambda _: answers.pop(0) if answers else sunny()
        assert world.client(mode).get(f"{SHOP}/a").text == "sunny"
        assert world.orders[1]["refused"]["mayBeUsed"] is True

    @pytest.mark.parametrize(("status", "code"), [(409, "CONFLICT"), (422, "INVALID")])
    def test_another_conflict_is_the_answer(self, world: World, status: int, code: str) -> None:
        world.serve = lambda _: problem(status, code)
        response = world.client().get(f"{SHOP}/a")
        assert (response.status_code, response.json()["code"]) == (status, code)
        assert len(world.orders) == 1


def test_only_the_order_whose_key_bought_a_single_use_has_it(world: World) -> None:
    answers: list[Answer] = [RESET]
    world.serve = lambda _: answers.pop(0) if answers else sunny()
    client = world.client()
    headers = {"idempotency-key": "mine"}
    attempt(lambda: client.get(f"{SHOP}/a", headers=headers))
    client.get(f"{SHOP}/a")
    assert len(world.orders) == 2
    client.get(f"{SHOP}/a", headers=headers)
    assert len(world.orders) == 2


class TestGivingUp:
    """A task that is cancelled ends the request, and loses nothing that was bought."""

    async def test_while_the_service_answers(self, world: World) -> None:
        held = asyncio.Event()
        reached = asyncio.Event()

        async def handle(request: httpx2.Request) -> httpx2.Response:
            if "L402" in _shown(request) and request.url.host == "shop.example":
                reached.set()
                await held.wait()
            return world.handle(request)

        client = _async_client(world, handle)
        task = asyncio.create_task(client.get(f"{SHOP}/a"))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held.set()
        assert (await client.get(f"{SHOP}/a")).text == "sunny"
        assert len(world.orders) == 1

    async def test_while_the_treasury_pays(self, world: World) -> None:
        reached = asyncio.Event()
        held = asyncio.Event()

        async def handle(request: httpx2.Request) -> httpx2.Response:
            if request.url.host == "treasury.example":
                reached.set()
                await held.wait()
            return world.handle(request)

        client = _async_client(world, handle)
        task = asyncio.create_task(client.get(f"{SHOP}/a"))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        held.set()
        await client.get(f"{SHOP}/a")
        # The order is no longer under way, and the next one uses what it bought.
        assert [order.get("underWay") for order in world.orders] == [None]

    async def test_while_the_body_is_read(self, world: World) -> None:
        world.serve = lambda _: httpx2.Response(200, stream=Broken(error=asyncio.CancelledError()))
        client = _async_client(world, world.handle)
        with pytest.raises(asyncio.CancelledError):
            await client.get(f"{SHOP}/a")
        world.serve = sunny
        assert (await client.get(f"{SHOP}/a")).text == "sunny"
        assert len(world.orders) == 1

    def test_an_interrupt_of_a_thread_is_passed_on(self, world: World) -> None:
        answers: list[Answer] = [KeyboardInterrupt()]
        world.serve = lambda _: answers.pop(0) if answers else sunny()
        client = world.client()
        with pytest.raises(KeyboardInterrupt):
            client.get(f"{SHOP}/a")
        assert client.get(f"{SHOP}/a").text == "sunny"
        assert len(world.orders) == 1


def test_threads_share_a_client_and_each_request_pays_for_itself(world: World) -> None:
    client = world.client().threads
    assert client is not None
    barrier = threading.Barrier(8)
    texts: list[str] = []

    def ask() -> None:
        barrier.wait()
        texts.extend(client.get(f"{SHOP}/a").text for _ in range(20))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == ["sunny"] * 160
    shown = [text for one in world.sent if "L402" in (text := _shown(one))]
    assert len(world.orders) == 160
    assert len(set(shown)) == 160


def test_an_order_is_under_way_until_its_use_has_begun(world: World) -> None:
    told, goes_on = threading.Event(), threading.Event()

    def tell(_: object) -> None:
        if not told.is_set():
            told.set()
            assert goes_on.wait(10)

    client = world.client(on_payment=tell).threads
    assert client is not None
    first = threading.Thread(target=client.get, args=(f"{SHOP}/a",))
    first.start()
    assert told.wait(10)
    client.get(f"{SHOP}/a")
    goes_on.set()
    first.join()
    client.get(f"{SHOP}/a")
    ids = [order["id"] for order in world.orders]
    # What the treasury bought for the first one is given to no other thread's order.
    assert [order.get("underWay") for order in world.orders] == [None, [ids[0]], None]


def test_threads_share_a_pass(world: World) -> None:
    world.otherwise = lambda order: world.hand_over(world.sold(expires_in="30m"), order)
    client = world.client().threads
    assert client is not None
    client.get(f"{SHOP}/a")
    threads = [threading.Thread(target=client.get, args=(f"{SHOP}/a",)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(world.orders) == 1
    assert len(world.sent) == 18


def _async_client(world: World, handle: Any) -> AsyncClient:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(handle))
    return AsyncClient(credential=world.credential, clock=clock, http=http, treasury_http=http)


def _shown(request: httpx2.Request) -> str:
    return request.headers.get("authorization", "")
