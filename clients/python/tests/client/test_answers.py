"""Which answers are paid for, and which ones are the caller's. spec/4-purchase.md §2."""

from __future__ import annotations

import base64
import json
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import httpx2
import pytest
from tests.town import Town

from l8nt import (
    AdapterError,
    Client,
    Credential,
    DeniedError,
    PaymentError,
    SigilError,
    TokenError,
)
from l8nt.l402 import Minter

from .world import NOW, SECRET, SHOP, Mode, World, asks, clock, each_mode, problem, sunny


def failure(asking: Callable[[], object]) -> SigilError:
    with pytest.raises(SigilError) as caught:
        asking()
    return caught.value


def in_base64(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


X402 = {"network": "base", "maxAmountRequired": "10000", "extra": {"name": "USDC"}}
MPP = in_base64({"amount": "1000", "currency": "usd"})
# Of these, an API with keys may mean its own account.
OTHERS: dict[str, Callable[[], httpx2.Response]] = {
    "nothing more": lambda: httpx2.Response(402),
    "a text": lambda: httpx2.Response(402, text="insufficient credit"),
    "JSON of the API's own": lambda: httpx2.Response(402, json={"error": {"code": "no_credit"}}),
    "a problem of the API's own": lambda: httpx2.Response(
        402, headers={"content-type": "application/problem+json"}, text='{"title":"No credit"}'
    ),
    "x402, version 1": lambda: httpx2.Response(402, json={"x402Version": 1, "accepts": [X402]}),
    "x402, version 2": lambda: httpx2.Response(
        402, headers={"payment-required": in_base64({"accepts": [X402]})}
    ),
    "MPP": lambda: httpx2.Response(
        402, headers={"www-authenticate": f'Payment id="a", method="tempo", request="{MPP}"'}
    ),
    "an unknown scheme": lambda: httpx2.Response(402, headers={"www-authenticate": "Toll lane=1"}),
}
OURS: dict[str, Callable[[], httpx2.Response]] = {
    "a challenge": lambda: httpx2.Response(
        402, headers={"www-authenticate": 'L402 macaroon="AA", invoice="lnbc1"'}
    ),
    "a problem of spec page 3": lambda: problem(402, "ERR_PAYMENT_REQUIRED"),
    "the preference for no invoice granted": asks,
}
AUTHORIZATIONS: dict[str, str | None] = {
    "no Authorization": None,
    "the API's own": "Bearer mine",
    "a credential of the caller's": "L402 AAAA:00",
}
CLIENTS: dict[str, Callable[[World], Any]] = {
    "no credential": lambda _: (),
    "one that can pay": lambda world: world.credential,
    "one for the service": lambda world: world.sold(expires_in="30m"),
}


@each_mode
@pytest.mark.parametrize("has", CLIENTS)
@pytest.mark.parametrize("sends", AUTHORIZATIONS)
@pytest.mark.parametrize("kind", [*OTHERS, *OURS])
def test_every_kind_of_402(world: World, mode: Mode, has: str, sends: str, kind: str) -> None:
    answer = {**OTHERS, **OURS}[kind]
    world.serve = world.unpaid = lambda _: answer()
    world.otherwise = lambda _: problem(502, "ERR_CHALLENGE_MISSING")
    authorization = AUTHORIZATIONS[sends]
    headers = {} if authorization is None else {"authorization": authorization}
    client = world.client(mode, credential=CLIENTS[has](world))

    def ask() -> httpx2.Response:
        return client.get(f"{SHOP}/a", headers=headers)

    is_own = sends == "a credential of the caller's"
    if is_own or (kind in OTHERS and authorization is not None):
        assert ask().status_code == 402
        assert world.orders == []
    else:
        assert failure(ask).code.startswith("ERR_")


class TestUnpaid:
    """What is said of a 402 that nobody pays."""

    def said(self, world: World, answer: httpx2.Response) -> str:
        world.unpaid = lambda _: answer
        error = failure(lambda: world.client(credential=()).get(f"{SHOP}/a"))
        assert isinstance(error, PaymentError)
        assert (error.code, error.spent) == ("ERR_PAYMENT_REQUIRED", "no")
        return error.message.removeprefix(SHOP)

    def test_another_scheme_is_named_with_its_price(self, world: World) -> None:
        assert self.said(world, OTHERS["x402, version 1"]()).startswith(
            " asks for payment, by x402 (10000 of the smallest unit of USDC, on base). Set"
        )
        assert self.said(world, OTHERS["MPP"]()).startswith(
            " asks for payment, by MPP (1000 of the smallest unit of usd, by tempo). Set"
        )

    @pytest.mark.parametrize("field", ["", 'L402 macaroon="", invoice="x"', 'L402 invoice="'])
    def test_a_challenge_that_cannot_be_read_is_said_to_be_none(
        self, world: World, field: str
    ) -> None:
        answer = httpx2.Response(402, headers={"www-authenticate": field} if field else {})
        assert self.said(world, answer).startswith(" asks for payment. Set SIGIL_CREDENTIAL")

    def test_the_least_of_several_prices_is_said(
        self, town: Town, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("SIGIL_CREDENTIAL", raising=False)
        lines = [
            line
            for sat in (9, 5)
            for line in town.challenge("https://shop.example", amount_sat=sat)
            if line.startswith("L402")
        ]
        fields = [("www-authenticate", line) for line in lines]
        site = town.open_site(status=402, headers=fields)
        with Client() as client:
            message = failure(lambda: client.get(site.url)).message
        assert message.startswith(f"{site.url} asks for payment of 5 sat. ")


class TestRefused:
    """A pass that was handed over, and that the service refuses later."""

    @each_mode
    @pytest.mark.parametrize("code", ["ERR_TOKEN_FORGED", "ERR_REVOKED", "ERR_EXPIRED"])
    def test_is_replaced_after_a_401_with_a_code_of_tokens(
        self, world: World, mode: Mode, code: str
    ) -> None:
        passes = [world.sold(expires_in="30m") for _ in range(2)]
        world.answers = [lambda order, one=one: world.hand_over(one, order) for one in passes]
        client = world.client(mode)
        assert client.get(f"{SHOP}/a").text == "sunny"
        refusal = {"code": code, "condition": "revocation", "have": "1", "need": "2"}
        refusals = [] if code.startswith("ERR_TOKEN") else [refusal]
        answers = [problem(401, code, refusals=refusals)]
        world.serve = lambda _: answers.pop() if answers else sunny()
        assert client.get(f"{SHOP}/a").text == "sunny"
        assert world.orders[1]["refused"] == {
            "paymentHash": passes[0].payment_hash,
            "mayBeUsed": True,
        }
        # The new pass is presented at once from then on.
        client.get(f"{SHOP}/a")
        assert len(world.orders) == 2

    @each_mode
    @pytest.mark.parametrize(
        "answer",
        [
            lambda: problem(401, "LOGIN"),
            lambda: httpx2.Response(401),
            lambda: httpx2.Response(401, json={"code": "ERR_TOKEN_FORGED", "detail": "no."}),
            lambda: problem(403, "ERR_SERVICE"),
            lambda: problem(400, "ERR_TOKEN_AMBIGUOUS"),
        ],
    )
    def test_is_not_replaced_after_another_answer(
        self, world: World, mode: Mode, answer: Callable[[], httpx2.Response]
    ) -> None:
        world.otherwise = lambda order: world.hand_over(world.sold(expires_in="30m"), order)
        client = world.client(mode)
        client.get(f"{SHOP}/a")
        world.serve = lambda _: answer()
        for _ in range(3):
            assert client.get(f"{SHOP}/a").status_code == answer().status_code
        assert len(world.orders) == 1

    def test_a_401_without_a_credential_pays_nothing(self, world: World) -> None:
        world.unpaid = lambda _: problem(401, "ERR_TOKEN_FORGED")
        assert world.client().get(f"{SHOP}/a").status_code == 401
        assert world.orders == []


class TestDenied:
    """Nothing leaves if a credential says no."""

    @each_mode
    @pytest.mark.parametrize(
        ("scope", "method", "url"),
        [
            ({"endpoints": [f"GET {SHOP}/a"]}, "GET", f"{SHOP}/b"),
            ({"endpoints": [f"GET {SHOP}/a"]}, "POST", f"{SHOP}/a"),
            ({"endpoints": [f"GET {SHOP}/a"]}, "GET", "https://other.example/a"),
        ],
    )
    def test_no_byte_is_sent(
        self, world: World, mode: Mode, scope: dict[str, Any], method: str, url: str
    ) -> None:
        client = world.client(mode, credential=world.spending(**scope))
        error = failure(lambda: client.request(method, url))
        assert isinstance(error, DeniedError)
        assert error.code == "ERR_ENDPOINT"
        assert world.sent == []

    def test_after_the_end_of_the_credential(self, world: World) -> None:
        client = world.client(clock=lambda: NOW + 7200)
        assert failure(lambda: client.get(f"{SHOP}/a")).code == "ERR_EXPIRED"
        assert world.sent == []

    @each_mode
    @pytest.mark.parametrize("path", ["/a%2fb", "/a/%2e%2e/b", "/a%5cb"])
    def test_an_ambiguous_path_needs_the_whole_origin_and_is_never_paid_for(
        self, world: World, mode: Mode, path: str
    ) -> None:
        narrow = world.client(mode, credential=world.spending(endpoints=[f"* {SHOP}/a/**"]))
        assert failure(lambda: narrow.get(f"{SHOP}{path}")).code == "ERR_REQUEST"
        assert world.sent == []
        world.unpaid = sunny
        assert world.client(mode).get(f"{SHOP}{path}").text == "sunny"
        world.unpaid = lambda _: asks()
        error = failure(lambda: world.client(mode).get(f"{SHOP}{path}"))
        assert (error.code, "Such a path is not paid for" in error.message) == ("ERR_REQUEST", True)
        assert world.orders == []

    def test_plain_http_to_another_machine_carries_no_credential(self, world: World) -> None:
        minter = Minter(secret=SECRET, location="http://shop.example", clock=clock)
        own = minter.mint(endpoints=["* http://shop.example/**"], expires_in="1h")
        error = failure(lambda: world.client(credential=own).get("http://shop.example/a"))
        assert isinstance(error, AdapterError)
        assert "plain HTTP" in error.message
        assert world.sent == []
        spending = Minter(
            secret=SECRET, location="http://treasury.example", kind="spending", clock=clock
        ).mint(endpoints=["* https://*/**"], budget="1 sat", expires_in="1h")
        assert failure(lambda: world.client(credential=spending).get(f"{SHOP}/a")).code == (
            "ERR_REQUEST"
        )
        assert world.asked == []


class TestOwnAuthorization:
    """A credential beside an ``Authorization`` of the API's own."""

    OWN: ClassVar = {"authorization": "Bearer mine"}

    @each_mode
    def test_travels_in_macaroon(self, world: World, mode: Mode) -> None:
        own = world.sold(expires_in="30m")
        world.serve = lambda one: sunny() if "macaroon" in one.headers else asks()
        response = world.client(mode, credential=own).get(f"{SHOP}/a", headers=self.OWN)
        assert response.text == "sunny"
        assert world.sent[0].headers["authorization"] == "Bearer mine"
        # What the caller sees of its request has nothing of the credential.
        assert "macaroon" not in response.request.headers

    @each_mode
    def test_takes_its_place_at_a_service_that_reads_authorization_alone(
        self, world: World, mode: Mode
    ) -> None:
        own = world.sold(expires_in="30m")
        world.serve = lambda one: (
            sunny() if "L402" in one.headers["authorization"] else httpx2.Response(402)
        )
        client = world.client(mode, credential=own)
        assert client.get(f"{SHOP}/a", headers=self.OWN).text == "sunny"
        assert len(world.sent) == 2

    @each_mode
    @pytest.mark.parametrize("status", [401, 403])
    def test_a_service_that_wants_both_in_one_field_is_an_error(
        self, world: World, mode: Mode, status: int
    ) -> None:
        world.serve = lambda one: httpx2.Response(
            status if "L402" in one.headers["authorization"] else 402
        )
        client = world.client(mode, credential=world.sold(expires_in="30m"))
        error = failure(lambda: client.get(f"{SHOP}/a", headers=self.OWN))
        assert isinstance(error, PaymentError)
        assert (error.code, error.spent) == ("ERR_PAID_NOT_DELIVERED", "no")
        assert f"HTTP {status}" in error.message


def test_several_credentials_in_one_text(world: World) -> None:
    elsewhere = Minter(secret=SECRET, location="https://b.example", clock=clock)
    other = elsewhere.mint(endpoints=["* https://b.example/**"], expires_in="1h")
    own = world.sold(expires_in="30m")
    client = world.client(credential=f" {other.text}\n{own.text} ")
    assert client.get(f"{SHOP}/a").text == "sunny"
    client.get("https://b.example/a")
    assert [Credential.parse(str(one)[5:]).location for one in world.shown()] == [
        SHOP,
        "https://b.example",
    ]
    world.serve = lambda _: asks()
    error = failure(lambda: world.client(credential=own).get(f"{SHOP}/a"))
    assert "used up, expired or revoked" in error.message
    both = world.client(credential=[own, world.credential])
    world.serve = lambda one: asks() if own.body.root_id == _root(one) else sunny()
    assert both.get(f"{SHOP}/a").text == "sunny"
    assert len(world.orders) == 1


def _root(request: httpx2.Request) -> str:
    return Credential.parse(request.headers["authorization"][5:]).body.root_id


def test_a_text_that_is_none_fails_at_once_and_is_not_repeated() -> None:
    with pytest.raises(TokenError) as caught:
        Client(credential="not-a-credential-at-all")
    assert "not-a-credential" not in f"{caught.value!r}{caught.value}"


def test_the_environment(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGIL_CREDENTIAL", f"{world.credential.text} {world.sold().text}")
    assert Client().credential == world.credential
    monkeypatch.setenv("SIGIL_CREDENTIAL", "")
    with pytest.raises(PaymentError, match="Set SIGIL_CREDENTIAL"):
        _ = Client().credential


def test_a_client_shows_no_secret(world: World) -> None:
    client = world.client().threads
    assert client is not None
    response = client.get(f"{SHOP}/a")
    secrets = [world.credential.text.split(":")[0], world.credential.text.split(":")[1]]
    for shown in (repr(client), repr(vars(client)), repr(response.request.headers)):
        assert not any(secret in shown for secret in secrets)
    with pytest.raises(TypeError, match=r"pass the \.text of a credential"):
        pickle.dumps(client)


def test_an_mcp_call_that_fails_after_a_payment_says_so(world: World) -> None:
    world.serve = lambda _: httpx2.Response(500)
    headers = {"mcp-protocol-version": "2025-06-18"}
    error = failure(lambda: world.client().post(f"{SHOP}/mcp", json={}, headers=headers))
    assert isinstance(error, PaymentError)
    assert (error.code, error.spent) == ("ERR_PAID_NOT_DELIVERED", "yes")
    assert "HTTP 500" in error.message


@each_mode
def test_payments_are_reported_once(world: World, mode: Mode) -> None:
    payments: list[Any] = []
    client = world.client(mode, on_payment=payments.append)
    pass_ = world.sold(expires_in="30m")
    world.otherwise = lambda order: world.hand_over(pass_, order)
    client.get(f"{SHOP}/a")
    world.serve = lambda one: sunny()
    client.get(f"{SHOP}/a")
    (payment,) = payments
    assert (payment.origin, payment.payment_hash) == (SHOP, pass_.payment_hash)
    assert (payment.amount.value, payment.fee.value, payment.earlier) == (10_000, 10, False)
