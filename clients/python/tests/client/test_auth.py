"""Clients of httpx2 and httpx that people keep, with a real treasury and real shops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import httpx2
import pytest
from tests.town import Town

import l8nt.httpx
import l8nt.httpx2
from l8nt import BudgetError, PaymentError

LIBRARIES: list[Any] = [(httpx2, l8nt.httpx2.Auth), (httpx, l8nt.httpx.Auth)]
each_library = pytest.mark.parametrize(("library", "auth"), LIBRARIES, ids=["httpx2", "httpx"])
WAYS: list[dict[str, object]] = [{}, {"max_uses": 100}]
each_way = pytest.mark.parametrize("scope", WAYS, ids=["handed over", "relayed"])


@each_library
@each_way
def test_a_client_of_threads_pays(
    town: Town, library: Any, auth: Callable[..., Any], scope: dict[str, object]
) -> None:
    shop = town.open_shop(price="10 sat")
    mine = auth(credential=town.mint(budget="100 sat", **scope), clock=town.clock)
    with library.Client(auth=mine) as http:
        responses = [http.get(f"{shop.url}/a") for _ in range(2)]
    assert [response.json() for response in responses] == [{"served": 1}, {"served": 2}]
    assert isinstance(responses[0], library.Response)
    assert str(responses[0].url) == f"{shop.url}/a"
    assert "sigil-relayed" not in responses[0].headers
    assert town.paid()[0] == 2


@each_library
@each_way
async def test_a_client_of_an_event_loop_pays(
    town: Town, library: Any, auth: Callable[..., Any], scope: dict[str, object]
) -> None:
    shop = town.open_shop(price="10 sat")
    mine = auth(credential=town.mint(budget="100 sat", **scope), clock=town.clock)
    async with library.AsyncClient(auth=mine) as http:
        response = await http.get(f"{shop.url}/a")
    assert response.json() == {"served": 1}
    assert town.paid()[0] == 1


@each_library
def test_no_credential_is_left_in_what_the_caller_sees(
    town: Town, library: Any, auth: Callable[..., Any]
) -> None:
    shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
    text = town.mint(budget="100 sat")
    with library.Client(auth=auth(credential=text, clock=town.clock)) as http:
        responses = [http.get(f"{shop.url}/a") for _ in range(2)]
    for response in (*responses, *responses[0].history, *responses[1].history):
        assert "authorization" not in response.request.headers
        assert b'"credential"' not in response.content


@each_library
def test_without_a_credential_a_402_says_what_to_set(
    town: Town, library: Any, auth: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGIL_CREDENTIAL", raising=False)
    shop = town.open_shop(price="21 sat")
    with library.Client(auth=auth()) as http, pytest.raises(PaymentError, match=r"of 21 sat\. Set"):
        http.get(f"{shop.url}/a")


@each_library
def test_a_refusal_of_the_treasury_is_its_error(
    town: Town, library: Any, auth: Callable[..., Any]
) -> None:
    shop = town.open_shop(price="10 sat")
    mine = auth(credential=town.mint(budget="5 sat"), clock=town.clock)
    with library.Client(auth=mine) as http, pytest.raises(BudgetError):
        http.get(f"{shop.url}/a")


@each_library
def test_where_a_redirect_leads_is_not_paid_for(
    town: Town, library: Any, auth: Callable[..., Any]
) -> None:
    shop = town.open_shop(price="10 sat")
    other = town.open_site(status=302, headers={"location": f"{shop.url}/a"})
    mine = auth(credential=town.mint(budget="100 sat"), clock=town.clock)
    with (
        library.Client(auth=mine, follow_redirects=True) as http,
        pytest.raises(PaymentError, match="A redirect led there"),
    ):
        http.get(f"{other.url}/moved")
    assert town.paid() == (0, 0)


SECRET_FIELDS = ("authorization", "macaroon", "grpc-metadata-macaroon", "idempotency-key")


@each_library
@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize("to", ["/to", "another origin"])
@each_way
def test_no_request_of_a_redirect_shows_a_credential(
    town: Town,
    library: Any,
    auth: Callable[..., Any],
    scope: dict[str, object],
    follows: bool,
    to: str,
) -> None:
    site = town.open_site(status=200, body="x")
    location = "/to" if to == "/to" else f"{site.url}/to"
    shop = town.open_shop(price="10 sat", status=302, headers={"location": location})
    mine = auth(credential=town.mint(budget="100 sat", **scope), clock=town.clock)
    responses: list[Any] = []
    hooks: dict[str, Any] = {"response": [responses.append]}
    errors: list[PaymentError] = []
    with library.Client(auth=mine, follow_redirects=follows, event_hooks=hooks) as http:
        try:
            responses.append(http.get(f"{shop.url}/a", headers={"x-own": "1"}))
        except PaymentError as error:
            errors.append(error)
        except library.TooManyRedirects:
            pass
    shown = [one.request for one in responses]
    shown += [one.request for response in responses for one in response.history]
    shown += [one.next_request for one in responses if one.next_request is not None]
    assert shown
    for request in shown:
        assert not [name for name in SECRET_FIELDS if name in request.headers]
    assert not [one for one in site.received if one.values("authorization")]
    assert [one.spent for one in errors] in ([], ["yes"])


@each_library
async def test_a_relayed_answer_is_the_response_of_the_client(
    town: Town, library: Any, auth: Callable[..., Any]
) -> None:
    shop = town.open_shop(price="10 sat", headers={"x-shop": "1"})
    mine = auth(credential=town.mint(budget="100 sat", max_uses=9), clock=town.clock)
    async with (
        library.AsyncClient(auth=mine) as http,
        http.stream("GET", f"{shop.url}/a") as response,
    ):
        parts = [part async for part in response.aiter_bytes()]
    assert b"".join(parts) == b'{"served":1}'
    assert (response.status_code, response.headers["x-shop"]) == (200, "1")
    assert str(response.url) == f"{shop.url}/a"
    assert response.elapsed.total_seconds() > 0
    assert response.is_closed


@each_library
def test_an_order_goes_by_the_client_for_the_treasury(
    town: Town, library: Any, auth: Callable[..., Any]
) -> None:
    shop = town.open_shop(price="10 sat")
    text = town.mint(budget="100 sat")
    asked: list[Any] = []

    class Noting(library.HTTPTransport):
        def handle_request(self, request: Any) -> Any:
            asked.append(request)
            return super().handle_request(request)  # pyright: ignore

    with library.Client(transport=Noting()) as treasury_http:
        mine = auth(credential=text, clock=town.clock, treasury_http=treasury_http)
        with library.Client(auth=mine) as http:
            assert http.get(f"{shop.url}/a").json() == {"served": 1}
    assert [one.url.path for one in asked] == ["/v1/purchases"]
