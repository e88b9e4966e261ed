"""A pass that served a request serves the same request again, without judging anything anew."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest

from l8nt import DeniedError, PaymentError

from .world import NOW, SHOP, Answer, Asker, Broken, Mode, World, each_mode, problem, sunny


def warm(world: World, mode: Mode, clock: Callable[[], float]) -> Asker:
    """A client whose pass has served two requests, the second one at once."""
    world.otherwise = lambda order: world.hand_over(world.sold(expires_in="30m"), order)
    client = world.client(mode, clock=clock)
    for _ in range(2):
        client.get(f"{SHOP}/a")
    # The request for a price, and one with the pass for each.
    assert len(world.sent) == 3
    return client


@each_mode
@pytest.mark.parametrize("status", [204, 404, 500])
def test_whatever_a_service_answers_is_asked_once(world: World, mode: Mode, status: int) -> None:
    client = warm(world, mode, lambda: NOW)
    world.serve = lambda _: httpx2.Response(status)
    assert client.get(f"{SHOP}/a").status_code == status
    assert (len(world.sent), len(world.orders)) == (4, 1)


@each_mode
def test_a_refusal_is_followed_by_an_order_and_not_by_a_second_try(
    world: World, mode: Mode
) -> None:
    client = warm(world, mode, lambda: NOW)
    answers: list[Answer] = [problem(402, "ERR_BUDGET")]
    world.serve = lambda _: answers.pop() if answers else sunny()
    assert client.get(f"{SHOP}/a").text == "sunny"
    assert len(world.sent) == 5
    assert world.orders[1]["refused"]["mayBeUsed"] is True


@each_mode
@pytest.mark.parametrize(
    "lost",
    [lambda: httpx2.ReadError("reset"), lambda: httpx2.Response(200, stream=Broken())],
    ids=["before a head", "in the body"],
)
def test_a_lost_answer_is_an_error_that_says_what_was_spent(
    world: World, mode: Mode, lost: Callable[[], Answer]
) -> None:
    client = warm(world, mode, lambda: NOW)
    world.serve = lambda _: lost()
    with pytest.raises(PaymentError) as caught:
        client.get(f"{SHOP}/a")
    assert (caught.value.code, caught.value.spent) == ("ERR_PAID_NOT_DELIVERED", "no")
    assert len(world.sent) == 4
    world.serve = sunny
    assert client.get(f"{SHOP}/a").text == "sunny"
    assert len(world.orders) == 1


@each_mode
def test_a_redirect_is_followed(world: World, mode: Mode) -> None:
    client = warm(world, mode, lambda: NOW)
    world.serve = lambda one: (
        httpx2.Response(302, headers={"location": "https://other.example/x"})
        if one.url.host == "shop.example"
        else sunny()
    )
    assert client.get(f"{SHOP}/a").text == "elsewhere"
    assert world.shown()[-1] is None


@each_mode
def test_what_the_caller_gives_is_judged(world: World, mode: Mode) -> None:
    client = warm(world, mode, lambda: NOW)
    client.get(f"{SHOP}/a", headers={"authorization": "Bearer mine"})
    assert world.sent[-1].headers["authorization"] == "Bearer mine"
    assert "macaroon" in world.sent[-1].headers
    client.get(f"{SHOP}/a", headers={"authorization": "L402 AA:00"})
    assert world.shown()[-1] == "L402 AA:00"
    assert "authorization" not in client.get(f"{SHOP}/a").request.headers


@each_mode
def test_the_end_of_the_pass_and_of_the_agents_credential_are_heeded(
    world: World, mode: Mode
) -> None:
    now = NOW
    client = warm(world, mode, lambda: now)
    now = NOW + 1801
    client.get(f"{SHOP}/a")
    assert len(world.orders) == 2
    now = NOW + 3601
    with pytest.raises(DeniedError):
        client.get(f"{SHOP}/a")


@each_mode
def test_a_pass_stays_at_its_url_if_the_http_client_is_set_to_another(
    world: World, mode: Mode
) -> None:
    world.otherwise = lambda order: world.hand_over(world.sold(expires_in="30m"), order)
    client = world.client(mode)
    world.http.base_url = SHOP
    for _ in range(2):
        client.get("/a")
    passes = world.shown()
    assert passes[-1] == passes[-2] is not None
    world.http.base_url = "https://other.example"
    client.get("/a")
    world.http.params = {"b": "c"}
    world.http.base_url = SHOP
    client.get("/a")
    assert [str(one.url) for one in world.sent[-2:]] == [
        "https://other.example/a",
        f"{SHOP}/a?b=c",
    ]
    assert world.shown()[-2] is None
