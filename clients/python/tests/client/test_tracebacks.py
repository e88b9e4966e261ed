"""What tools show of a failed call: the variables of its traceback have no secret."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Generator
from typing import Any

import httpx2
import pytest

from l8nt import AsyncClient, Client, PaymentError
from l8nt.client.standing import PaymentSummary

from .world import SHOP, Broken, Mode, World, each_mode, sunny

KEY = "71a8c14c1407c113601079c4302dab36460f0ccd0ad506f1f2dc73b5100e4f3c"


def shown_of(error: BaseException) -> str:
    """Every variable of the package's own frames, in the error and in what caused it."""
    shown: list[str] = []
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        one = waiting.pop()
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        waiting += [one.__cause__, one.__context__]
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if "/src/l8nt/" in frame.f_code.co_filename:
                shown += [f"{name} = {value!r}" for name, value in frame.f_locals.items()]
    return "\n".join(shown)


Fails = Callable[[World, str], None]


def _lost(world: World, text: str) -> None:
    world.serve = lambda _: httpx2.ReadError("reset")


def _half(world: World, text: str) -> None:
    world.serve = lambda _: httpx2.Response(200, stream=Broken())


def _bad_payment(world: World, text: str) -> None:
    answer = {"credential": text, "payment": {"x": 1}}
    world.otherwise = lambda _: httpx2.Response(200, json=answer)


def _no_json(world: World, text: str) -> None:
    body = f'{{"credential":"{text}"'.encode()
    world.otherwise = lambda _: httpx2.Response(200, content=body)


def _broken_off(world: World, text: str) -> None:
    body = f'{{"credential":"{text}"'.encode()
    world.otherwise = lambda _: httpx2.Response(200, stream=Broken(body))


def _bad_credential(world: World, text: str) -> None:
    world.otherwise = lambda _: httpx2.Response(200, json={"credential": f"{text}!!"})


@each_mode
@pytest.mark.parametrize(
    "fails", [_lost, _half, _bad_payment, _no_json, _broken_off, _bad_credential]
)
def test_no_credential_that_was_bought(world: World, mode: Mode, fails: Fails) -> None:
    sold = world.sold(max_uses=1)
    world.otherwise = lambda order: world.hand_over(sold, order)
    fails(world, sold.text)
    with pytest.raises(PaymentError) as caught:
        world.client(mode).get(f"{SHOP}/a")
    assert sold.text[:60] not in shown_of(caught.value)


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_no_argument_of_a_client(world: World, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = world.credential.text
    monkeypatch.setenv("SIGIL_CREDENTIAL", f"{text} x{text}")
    holder: dict[str, Any] = {"credential": "x", "holder_key": KEY}
    both: dict[str, Any] = {"credential": text, "wallet": f"dev+http://127.0.0.1:1/?key={KEY}"}
    for given in ({}, {"credential": [text, f"x{text}"]}, holder, both):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is.
            kind(**given)
        shown = shown_of(caught.value)
        assert text[:60] not in shown
        assert KEY not in shown
    with pytest.raises(Exception) as caught:  # noqa: PT011
        kind(credential=text).with_credential(f"x{text}")
    assert text[:60] not in shown_of(caught.value)


@each_mode
@pytest.mark.parametrize("way", ["handed over", "relayed"])
def test_an_on_payment_that_raises_is_an_error_that_says_what_was_spent(
    world: World, mode: Mode, way: str
) -> None:
    def fail(_: PaymentSummary) -> None:
        raise ZeroDivisionError

    if way == "relayed":
        world.otherwise = lambda _: world.relay(sunny())
    client = world.client(mode, on_payment=fail)
    with pytest.raises(PaymentError, match="on_payment raised ZeroDivisionError") as caught:
        client.get(f"{SHOP}/a")
    assert (caught.value.code, caught.value.spent) == ("ERR_PAID_NOT_DELIVERED", "yes")
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert client.get(f"{SHOP}/a").text == "sunny"
    assert len(world.orders) == (1 if way == "handed over" else 2)


class _Token(httpx2.Auth):
    """Asks for a token first, as in the examples of the library."""

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        answer = yield httpx2.Request("POST", "https://auth.example/token")
        request.headers["authorization"] = f"Bearer {answer.text}"
        yield request


class _Bearer(httpx2.Auth):
    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        request.headers["authorization"] = "Bearer mine"
        yield request


@each_mode
def test_an_auth_that_makes_requests_of_its_own_is_a_mistake(world: World, mode: Mode) -> None:
    client = world.client(mode)
    with pytest.raises(TypeError, match="_Token makes a request of its own first"):
        client.get(f"{SHOP}/a", auth=_Token())
    assert world.sent == []
    world.unpaid = lambda request: sunny()
    for auth in (_Bearer(), ("user", "password")):
        assert client.get(f"{SHOP}/a", auth=auth).text == "sunny"
