"""Redirects: no credential, no body and no payment goes where nothing was asked for. [case 76]"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from l8nt import AdapterError, PaymentError, SigilError

from .world import SHOP, Mode, World, asks, each_mode, sunny

OTHER = "https://other.example"
STATUSES = [301, 302, 303, 307, 308]
SECRET = re.compile(r"L402|LSAT|[0-9a-f]{64}")
each_status = pytest.mark.parametrize("status", STATUSES)


def moved(status: int, to: str, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, headers={"location": to, **headers})


def failure(asking: Callable[[], object]) -> SigilError:
    with pytest.raises(SigilError) as caught:
        asking()
    return caught.value


def expect_clean(world: World) -> None:
    elsewhere = [one for one in world.sent if one.url.host == "other.example"]
    assert elsewhere
    for request in elsewhere:
        for name in ("authorization", "cookie", "macaroon", "grpc-metadata-macaroon"):
            assert name not in request.headers
        assert not SECRET.search(f"{request.headers.raw!r}{request.content!r}")
        assert request.headers["host"] == "other.example"


@each_mode
@each_status
class TestToAnotherOrigin:
    def test_in_place_of_a_challenge(self, world: World, mode: Mode, status: int) -> None:
        world.unpaid = lambda _: moved(status, f"{OTHER}/loot")
        world.elsewhere = lambda _: asks()
        client = world.client(mode)
        error = failure(lambda: client.get(f"{SHOP}/a", headers={"cookie": "session=1"}))
        assert (error.code, getattr(error, "spent", "")) == ("ERR_PAYMENT_REQUIRED", "no")
        assert error.message.startswith(f"{OTHER} asks for payment. A redirect led there")
        assert world.orders == []
        expect_clean(world)

    @pytest.mark.parametrize("relayed", [False, True], ids=["handed over", "relayed"])
    def test_after_paying(self, world: World, mode: Mode, status: int, relayed: bool) -> None:
        world.serve = lambda _: moved(status, f"{OTHER}/loot")
        if relayed:
            world.otherwise = lambda _: world.relay(moved(status, f"{OTHER}/loot"))
        response = world.client(mode).get(f"{SHOP}/a")
        assert (response.text, str(response.url)) == ("elsewhere", f"{OTHER}/loot")
        assert len(world.orders) == 1
        expect_clean(world)

    def test_with_a_body(self, world: World, mode: Mode, status: int) -> None:
        world.serve = lambda _: moved(status, f"{OTHER}/loot")
        client = world.client(mode)
        error = (
            failure(lambda: client.request("PUT", f"{SHOP}/a", content=b"the order"))
            if status != 303
            else client.request("PUT", f"{SHOP}/a", content=b"the order")
        )
        if isinstance(error, SigilError):
            assert isinstance(error.__cause__, AdapterError)
            assert error.__cause__.code == "ERR_REDIRECT"
        assert not any(
            b"the order" in one.content for one in world.sent if one.url.host == "other.example"
        )


@each_mode
def test_the_host_the_port_and_the_scheme_each_make_another_origin(
    world: World, mode: Mode
) -> None:
    own = world.sold(expires_in="30m", endpoints=["* https://*:*/**", "* http://*:*/**"])
    places = ["https://shop.example:8443/x", "http://shop.example/x", "//other.example/x"]
    for place in places:
        world.serve = lambda _, place=place: moved(302, place)
        world.unpaid = world.elsewhere = lambda _: httpx2.Response(200, text="there")
        assert world.client(mode, credential=own).get(f"{SHOP}/a").text == "there"
        assert "authorization" in world.sent[-2].headers
        assert "authorization" not in world.sent[-1].headers


@each_mode
class TestWithinOneOrigin:
    @pytest.mark.parametrize(
        ("location", "path"),
        [
            ("/caf%C3%A9?q=%E6%97%A5", "/caf%C3%A9?q=%E6%97%A5"),
            ("b?c", "/b?c"),
            ("?c", "/a?c"),
            ("/a b", "/a%20b"),
            (f"{SHOP}/b#x", "/b"),
        ],
    )
    def test_a_location_leads_where_it_says(
        self, world: World, mode: Mode, location: str, path: str
    ) -> None:
        world.unpaid = lambda one: moved(302, location) if one.url.raw_path == b"/a" else sunny()
        response = world.client(mode).get(f"{SHOP}/a")
        assert response.text == "sunny"
        assert world.sent[-1].url.raw_path.decode() == path

    def test_a_location_in_bytes_of_utf_8(self, world: World, mode: Mode) -> None:
        answer = httpx2.Response(302, headers=[(b"location", "/café".encode())])
        world.unpaid = lambda one: answer if one.url.path == "/a" else sunny()
        assert world.client(mode).get(f"{SHOP}/a").text == "sunny"
        assert world.sent[-1].url.raw_path == b"/caf%C3%A9"

    def test_303_makes_a_get_of_a_post_and_307_does_not(self, world: World, mode: Mode) -> None:
        def answer(one: httpx2.Request) -> httpx2.Response:
            if one.url.path == "/end":
                return httpx2.Response(200, text=f"{one.method} {one.content.decode()}")
            return moved(303 if one.url.path == "/see" else 307, "/end")

        world.unpaid = answer
        client = world.client(mode)
        assert client.post(f"{SHOP}/see", content=b"order").text == "GET "
        assert "content-length" not in world.sent[-1].headers
        assert client.post(f"{SHOP}/keep", content=b"order").text == "POST order"

    @pytest.mark.parametrize("location", ["http://", "https://["])
    def test_a_target_that_is_no_url_ends_there(
        self, world: World, mode: Mode, location: str
    ) -> None:
        world.unpaid = lambda _: moved(302, location)
        assert failure(lambda: world.client(mode).get(f"{SHOP}/a")).code in (
            "ERR_REDIRECT",
            "ERR_REQUEST",
        )

    def test_a_loop_ends_and_pays_once_at_most(self, world: World, mode: Mode) -> None:
        world.serve = lambda _: moved(302, f"{SHOP}/a")
        world.otherwise = lambda order: world.hand_over(world.sold(expires_in="30m"), order)
        error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
        assert isinstance(error, PaymentError)
        assert error.spent == "yes"
        assert isinstance(error.__cause__, AdapterError)
        assert error.__cause__.code == "ERR_REDIRECT"
        assert len(world.orders) == 1
        assert len(world.sent) == 22

    def test_of_a_chain_in_which_every_redirect_asks_for_payment_two_are_bought(
        self, world: World, mode: Mode
    ) -> None:
        world.serve = lambda one: moved(303, f"{one.url}x")
        world.otherwise = lambda order: world.hand_over(
            world.sold(endpoints=[f"* {order['url']}"], max_uses=1), order
        )
        error = failure(lambda: world.client(mode).get(f"{SHOP}/a"))
        assert isinstance(error, PaymentError)
        assert (error.code, error.spent) == ("ERR_PAID_NOT_DELIVERED", "yes")
        assert len(world.orders) == 2


@each_mode
def test_a_redirect_that_is_not_followed_is_the_answer(world: World, mode: Mode) -> None:
    world.serve = lambda _: moved(307, f"{OTHER}/loot")
    response = world.client(mode).get(f"{SHOP}/a", follow_redirects=False)
    assert (response.status_code, response.headers["location"]) == (307, f"{OTHER}/loot")


@each_mode
@pytest.mark.parametrize("field", ["macaroon", "grpc-metadata-macaroon"])
@pytest.mark.parametrize("credential", ["none", "one"])
def test_the_callers_own_macaroon_goes_along_at_its_origin_and_to_no_other(
    world: World, mode: Mode, field: str, credential: str
) -> None:
    world.unpaid = world.serve = lambda one: (
        moved(307, "/b") if one.url.path == "/a" else moved(307, f"{OTHER}/loot")
    )
    options: dict[str, Any] = {} if credential == "one" else {"credential": ()}
    headers = {field: "0201ab", "authorization": "Bearer mine", "x-mine": "1"}
    response = world.client(mode, **options).get(f"{SHOP}/a", headers=headers)
    assert response.text == "elsewhere"
    assert [one.headers.get(field) for one in world.sent] == ["0201ab", "0201ab", None]
    assert world.sent[-1].headers["x-mine"] == "1"
    expect_clean(world)
    assert world.orders == []


@each_mode
class TestFromAnotherOriginToAShopThatWasPaid:
    def start(self, world: World, mode: Mode, **scope: Any) -> Any:
        sold = world.sold(**scope)
        world.otherwise = lambda order: world.hand_over(sold, order)
        client = world.client(mode)
        assert client.get(f"{SHOP}/a").text == "sunny"
        world.elsewhere = lambda _: moved(302, f"{SHOP}/a")
        return client

    def test_uses_up_nothing(self, world: World, mode: Mode) -> None:
        client = self.start(world, mode, max_uses=3)
        error = failure(lambda: client.get(f"{OTHER}/innocent"))
        assert "A redirect led there" in error.message
        assert world.shown()[-1] is None
        assert client.get(f"{SHOP}/a").text == "sunny"
        assert len(world.orders) == 1

    def test_is_followed_with_a_pass_which_no_use_reduces(self, world: World, mode: Mode) -> None:
        client = self.start(world, mode, expires_in="30m")
        assert client.get(f"{OTHER}/moved").text == "sunny"
        assert len(world.orders) == 1


def test_cookies_of_a_redirect_go_along_at_its_origin(world: World) -> None:
    world.unpaid = lambda one: (
        moved(302, "/b", **{"set-cookie": "seen=1; Path=/"}) if one.url.path == "/a" else sunny()
    )
    world.client().get(f"{SHOP}/a")
    assert world.sent[-1].headers["cookie"] == "seen=1"
