"""A client behind a broken link to its treasury: an order is sent again under its id.
spec/4-purchase.md §2.
"""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest

from l8nt import AdapterError, DeniedError, PaymentError, SigilError
from l8nt.client.patience import patience

from .world import SHOP, Broken, Mode, Ordered, World, each_mode, problem

RESET = httpx2.ReadError("connection reset by peer")
CLOSED = httpx2.RemoteProtocolError("Server disconnected without sending a response.")
GARBLED = httpx2.RemoteProtocolError("illegal status line")
REFUSED = httpx2.ConnectError("[Errno 111] Connection refused")

LOST: dict[str, Ordered] = {
    "a reset before a head": lambda _: RESET,
    "the end of the connection before a head": lambda _: CLOSED,
    "a head that cannot be read": lambda _: GARBLED,
    "a time-out": lambda _: httpx2.ReadTimeout("timed out"),
    "half an answer": lambda _: httpx2.Response(200, stream=Broken(b"{")),
    "502 of a proxy": lambda _: httpx2.Response(502, text="<html>"),
    "503 of a proxy": lambda _: httpx2.Response(503),
    "504 of a proxy": lambda _: httpx2.Response(504, text="gateway time-out"),
    "408 of a proxy": lambda _: httpx2.Response(408, text="stream timeout"),
    "499 of a proxy": lambda _: httpx2.Response(499),
    "203 in place of the 200": lambda _: httpx2.Response(203, json={"credential": "changed"}),
    "206 in place of the 200": lambda _: httpx2.Response(206, text='{"credential":'),
    "202 of a queue": lambda _: httpx2.Response(202),
    "204 of a cache": lambda _: httpx2.Response(204),
}


def failure(asking: Any) -> SigilError:
    with pytest.raises(SigilError) as caught:
        asking()
    return caught.value


@each_mode
@pytest.mark.parametrize("lost", LOST)
def test_an_order_whose_answer_is_lost_is_sent_again_under_its_id(
    world: World, mode: Mode, lost: str
) -> None:
    world.answers = [LOST[lost]] * 2
    assert world.client(mode).get(f"{SHOP}/a").text == "sunny"
    assert len(world.orders) == 3
    ids = {order["id"] for order in world.orders}
    assert len(ids) == 1
    assert re.fullmatch(r"[A-Za-z0-9_-]{8,64}", ids.pop())


@each_mode
def test_at_most_five_times_after_pauses_that_grow(world: World, mode: Mode) -> None:
    world.otherwise = lambda _: CLOSED
    error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
    assert world.pauses == [0.25, 0.5, 1, 2]
    assert len(world.orders) == 5
    assert isinstance(error, PaymentError)
    assert (error.code, error.spent) == ("ERR_PAYMENT_UNKNOWN", "unknown")
    assert world.orders[0]["id"] in error.message
    assert "tried 5 times" in error.message
    assert "Idempotency-Key" in error.message
    assert world.credential.text.split(":")[0] not in error.message


def test_no_later_than_a_minute_after_the_first_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = iter(range(25, 1000, 25))
    monkeypatch.setattr(patience, "now", lambda: float(next(times)))
    world.otherwise = lambda _: httpx2.Response(504)
    assert failure(lambda: world.client().get(f"{SHOP}/a")).code == "ERR_PAYMENT_UNKNOWN"
    assert len(world.orders) == 3


def test_after_as_many_seconds_as_the_proxy_asks_for(world: World) -> None:
    world.answers = [lambda _: httpx2.Response(503, headers={"retry-after": "7"})]
    assert world.client().get(f"{SHOP}/a").text == "sunny"
    assert world.pauses == [7]


@each_mode
def test_a_treasury_that_is_not_there_spent_nothing(world: World, mode: Mode) -> None:
    world.otherwise = lambda _: REFUSED
    error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
    assert isinstance(error, AdapterError)
    assert error.code == "ERR_TREASURY"
    assert "is it running?" in error.message
    assert len(world.orders) == 1


def test_a_treasury_that_starts_again_meanwhile_may_have_paid(world: World) -> None:
    world.answers = [lambda _: CLOSED, lambda _: REFUSED, lambda _: REFUSED]
    world.otherwise = lambda _: CLOSED
    assert failure(lambda: world.client().get(f"{SHOP}/a")).code == "ERR_PAYMENT_UNKNOWN"
    assert len(world.orders) == 5


EXPIRED = {"code": "ERR_EXPIRED", "condition": "valid_until", "have": "1", "need": "2"}


@each_mode
@pytest.mark.parametrize("status", [403, 503])
def test_a_treasury_that_says_why_it_refuses_is_asked_once(
    world: World, mode: Mode, status: int
) -> None:
    world.otherwise = lambda _: problem(status, "ERR_EXPIRED", refusals=[EXPIRED])
    error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
    assert isinstance(error, DeniedError)
    assert error.code == "ERR_EXPIRED"
    assert len(world.orders) == 1


def test_a_denial_at_a_later_try_does_not_say_that_the_first_was_not_paid(world: World) -> None:
    world.answers = [lambda _: CLOSED]
    world.otherwise = lambda _: problem(403, "ERR_EXPIRED", refusals=[EXPIRED])
    error = failure(lambda: world.client().get(f"{SHOP}/a"))
    assert isinstance(error, PaymentError)
    assert (error.code, error.spent) == ("ERR_PAYMENT_UNKNOWN", "unknown")
    assert isinstance(error.__cause__, DeniedError)


def test_an_error_about_money_at_a_later_try_is_about_the_order(world: World) -> None:
    world.answers = [lambda _: CLOSED]
    world.otherwise = lambda _: problem(502, "ERR_PAYMENT_FAILED", spent="no")
    error = failure(lambda: world.client().get(f"{SHOP}/a"))
    assert isinstance(error, PaymentError)
    assert (error.code, error.spent) == ("ERR_PAYMENT_FAILED", "no")


@each_mode
def test_an_order_waits_while_there_is_no_room_for_it(world: World, mode: Mode) -> None:
    world.answers = [lambda _: problem(429, "ERR_RATE_LIMITED", headers={"retry-after": "2"})]
    assert world.client(mode).get(f"{SHOP}/a").text == "sunny"
    assert world.pauses == [2]


def test_409_of_a_treasury_is_its_error(world: World) -> None:
    world.otherwise = lambda _: problem(409, "ERR_REQUEST_RUNNING", headers={"retry-after": "3"})
    error = failure(lambda: world.client().get(f"{SHOP}/a"))
    assert (error.code, error.retry_after_seconds) == ("ERR_REQUEST_RUNNING", 3)
    assert len(world.orders) == 1


UNREADABLE: dict[str, Ordered] = {
    "no JSON": lambda _: httpx2.Response(200, text="<html>welcome</html>"),
    "JSON that is no answer": lambda _: httpx2.Response(200, json={"ok": True}),
    "a credential that is none": lambda _: httpx2.Response(200, json={"credential": "x"}),
    "a payment that is none": lambda _: httpx2.Response(
        200, headers={"sigil-relayed": "1", "sigil-payment": "much"}, text="relayed"
    ),
}


@each_mode
@pytest.mark.parametrize("answer", UNREADABLE)
def test_an_answer_that_cannot_be_read_may_have_paid(world: World, mode: Mode, answer: str) -> None:
    world.otherwise = UNREADABLE[answer]
    error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
    assert (error.code, getattr(error, "spent", "")) == ("ERR_PAYMENT_UNKNOWN", "unknown")
    assert len(world.orders) == 1


@each_mode
@pytest.mark.parametrize("status", [400, 401, 402, 404, 405, 413, 421, 425, 429, 431, 451, 460])
def test_4xx_of_something_in_between_did_nothing(world: World, mode: Mode, status: int) -> None:
    world.otherwise = lambda _: httpx2.Response(status, text="<html>")
    error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
    assert isinstance(error, AdapterError)
    assert error.code == "ERR_TREASURY"
    assert f"answered with HTTP {status}" in error.message
    assert ("mints its own credentials" in error.message) is (status in (404, 405))
    assert len(world.orders) == 1


HIDING = {
    **dict.fromkeys([201, 202, 203, 204, 206, 226, 408, 499], 5),
    **dict.fromkeys([300, 301, 304, 307, 308, 500, 501, 520, 599], 1),
}
"""How often an order is sent to which something in between answers a status."""


@each_mode
@pytest.mark.parametrize(("status", "times"), HIDING.items())
def test_any_other_status_of_something_in_between_may_hide_a_payment(
    world: World, mode: Mode, status: int, times: int
) -> None:
    moved = {"location": "https://elsewhere.example/v1/purchases"}
    world.otherwise = lambda _: httpx2.Response(status, headers=moved)
    error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
    assert (error.code, getattr(error, "spent", "")) == ("ERR_PAYMENT_UNKNOWN", "unknown")
    assert f"answered with HTTP {status}" in error.message
    assert len(world.orders) == times


@each_mode
@pytest.mark.parametrize("status", [203, 408, 499, 500, 502])
def test_a_problem_of_the_treasury_says_itself_what_was_spent(
    world: World, mode: Mode, status: int
) -> None:
    world.otherwise = lambda _: problem(status, "ERR_PAYMENT_FAILED", spent="no")
    error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
    assert (error.code, getattr(error, "spent", "")) == ("ERR_PAYMENT_FAILED", "no")
    assert len(world.orders) == 1


def test_4xx_at_a_later_try_does_not_say_that_the_first_was_not_paid(world: World) -> None:
    world.answers = [lambda _: httpx2.Response(203)]
    world.otherwise = lambda _: httpx2.Response(404)
    error = failure(lambda: world.client().get(f"{SHOP}/a"))
    assert (error.code, getattr(error, "spent", "")) == ("ERR_PAYMENT_UNKNOWN", "unknown")


def test_a_refusal_of_200_kib_keeps_its_class_and_its_code(world: World) -> None:
    refusal = {"code": "ERR_ENDPOINT", "condition": "endpoints", "have": "x" * 3000, "need": "y"}
    world.otherwise = lambda _: problem(403, "ERR_ENDPOINT", refusals=[refusal] * 70)
    error = failure(lambda: world.client().get(f"{SHOP}/a"))
    assert isinstance(error, DeniedError)
    assert len(error.refusals) == 70


def ids_of(world: World, *requests: tuple[str, str, str | None]) -> list[str]:
    for _ in range(2):
        client = world.client()
        for method, path, key in requests:
            headers = {} if key is None else {"idempotency-key": key}
            client.request(method, f"{SHOP}{path}", headers=headers)
    return [order["id"] for order in world.orders]


def test_the_id_of_an_order_is_another_one_for_each_request(world: World) -> None:
    assert len(set(ids_of(world, ("GET", "/a", None), ("POST", "/a", None)))) == 4


def test_the_id_is_the_same_for_the_same_key_method_and_url(world: World) -> None:
    ids = ids_of(world, ("POST", "/a?b=1", "mine"))
    assert len(ids) == 2
    assert len(set(ids)) == 1
    # `printf 'order\nPOST\nhttps://shop.example/a?b=1\nmine' | sha256sum`
    assert ids[0] == "82522c0334447ab01b7ec1a72beac8961a14baaf1e25b9b0ea424d12dfc7e370"
    assert [one.headers["idempotency-key"] for one in world.sent] == ["mine"] * 4


def test_the_id_differs_with_the_key_the_method_the_path_and_the_query(world: World) -> None:
    requests = [("POST", "/a", "1"), ("POST", "/a", "2"), ("PUT", "/a", "1"), ("POST", "/b", "1")]
    assert len(set(ids_of(world, *requests, ("POST", "/a?c", "1")))) == 5


def test_the_id_of_a_redirects_target_is_its_own(world: World) -> None:
    moved = httpx2.Response(307, headers={"location": "/b", "sigil-use": "released"})
    world.serve = lambda one: (
        moved if one.url.path == "/a" else httpx2.Response(200, text="redirected")
    )
    world.otherwise = lambda order: world.hand_over(
        world.sold(endpoints=[f"* {SHOP}{order['url'].removeprefix(SHOP)}"], max_uses=1), order
    )
    assert world.client().get(f"{SHOP}/a").text == "redirected"
    assert len({order["id"] for order in world.orders}) == 2
