"""What tools show of a failed call: the variables of its traceback have no secret."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from typing import Any, Final

import httpx2
import pytest
from tests.town import Town

import l8nt.aiohttp
import l8nt.httpx
import l8nt.httpx2
import l8nt.requests
from l8nt import AsyncClient, Client, PaymentError
from l8nt.client.patience import patience
from l8nt.client.standing import PaymentSummary

from .askers import ASKERS, Answered
from .links import LINKS, MODES
from .links import Mode as Way
from .shown import shown_of
from .world import SHOP, Broken, Mode, World, asks, each_mode, sunny

KEY = "71a8c14c1407c113601079c4302dab36460f0ccd0ad506f1f2dc73b5100e4f3c"


ADAPTERS: Final = (
    l8nt.httpx.Auth,
    l8nt.httpx2.Auth,
    l8nt.requests.Adapter,
    l8nt.aiohttp.Middleware,
)
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


@each_mode
@pytest.mark.parametrize("fails", [_lost, _half])
def test_no_pass_that_served_before(world: World, mode: Mode, fails: Fails) -> None:
    sold = world.sold(expires_in="30m")
    world.otherwise = lambda order: world.hand_over(sold, order)
    client = world.client(mode)
    for _ in range(2):
        assert client.get(f"{SHOP}/a").text == "sunny"
    fails(world, sold.text)
    with pytest.raises(PaymentError) as caught:
        client.get(f"{SHOP}/a")
    assert sold.text[:60] not in shown_of(caught.value)


@each_mode
@pytest.mark.parametrize("own", ["Bearer mine", "Basic bWluZQ=="])
def test_no_credential_that_was_sent_beside_one_of_the_api(
    world: World, mode: Mode, own: str
) -> None:
    world.unpaid = lambda request: (
        httpx2.ReadError("reset") if "macaroon" in request.headers else asks()
    )
    world.serve = world.unpaid
    with pytest.raises(PaymentError) as caught:
        world.client(mode).get(f"{SHOP}/a", headers={"authorization": own})
    assert [one for one in world.sent if "macaroon" in one.headers]
    assert _secret_in(shown_of(caught.value)) is None


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("link", LINKS)
@pytest.mark.parametrize("way", MODES)
def test_no_credential_of_a_call_that_failed(
    town: Town, asker: str, link: str, way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sleep(seconds: float) -> None:
        """Waits for nothing."""

    async def asleep(seconds: float) -> None:
        """Waits for nothing."""

    monkeypatch.setattr(patience, "sleep", sleep)
    monkeypatch.setattr(patience, "asleep", asleep)
    shop = town.open_shop(price="10 sat")
    asking = ASKERS[asker](town.mint(budget="100 sat", **MODES[way]), town.clock)
    LINKS[link].breaks(town, shop)
    outcome = asking.get(f"{shop.url}/a")
    asking.close()
    assert not isinstance(outcome, Answered)
    # Of an auth flow the exchanges are those of the HTTP client, with its own frames.
    error = outcome if asking.sees_failures else outcome.with_traceback(None)
    assert _secret_in(shown_of(error)) is None


def _secret_in(shown: str) -> str | None:
    found = re.search(r".*(?:L402|Macaroon|macaroon)\W+[A-Za-z0-9_-]{40,}.*", shown)
    return None if found is None else found[0]


@pytest.mark.parametrize("kind", [Client, AsyncClient, *ADAPTERS])
def test_no_argument_of_a_client(world: World, kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    text = world.credential.text
    monkeypatch.setenv("SIGIL_CREDENTIAL", f"{text} x{text}")
    holder: dict[str, Any] = {"credential": "x", "holder_key": KEY}
    both: dict[str, Any] = {"credential": text, "wallet": f"dev+http://127.0.0.1:1/?key={KEY}"}
    wrong: dict[str, Any] = {"credential": text, "holder_key": f"{KEY}!"}
    for given in ({}, {"credential": [text, f"x{text}"]}, holder, both, wrong):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is.
            kind(**given)
        shown = shown_of(caught.value)
        assert text[:60] not in shown
        assert KEY not in shown
    if kind in ADAPTERS:
        return
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
