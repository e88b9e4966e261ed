"""Sessions of requests that people keep, with a real treasury and real shops."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import requests
from requests.adapters import HTTPAdapter
from tests.town import Town

from l8nt import BudgetError, PaymentError
from l8nt.requests import Adapter

each_way = pytest.mark.parametrize("scope", [{}, {"max_uses": 100}], ids=["handed over", "relayed"])


def session_of(town: Town, text: str | None) -> requests.Session:
    session = requests.Session()
    session.mount("http://", Adapter(credential=text, clock=town.clock))
    return session


@each_way
def test_a_session_pays(town: Town, scope: dict[str, object]) -> None:
    shop = town.open_shop(price="10 sat")
    with session_of(town, town.mint(budget="100 sat", **scope)) as session:
        responses = [session.get(f"{shop.url}/a") for _ in range(2)]
        posted = session.post(f"{shop.url}/b", json={"order": 1})
    assert [one.json() for one in (*responses, posted)] == [{"served": n} for n in (1, 2, 3)]
    assert responses[0].url == f"{shop.url}/a"
    assert "sigil-relayed" not in responses[0].headers
    assert "authorization" not in responses[0].request.headers
    assert town.paid()[0] == 3


def test_without_a_credential_a_402_says_what_to_set(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGIL_CREDENTIAL", raising=False)
    shop = town.open_shop(price="21 sat")
    with session_of(town, None) as session, pytest.raises(PaymentError, match=r"of 21 sat\. Set"):
        session.get(f"{shop.url}/a")


def test_a_refusal_of_the_treasury_is_its_error(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    with session_of(town, town.mint(budget="5 sat")) as session, pytest.raises(BudgetError):
        session.get(f"{shop.url}/a")


def test_where_another_origin_leads_is_not_paid_for(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    other = town.open_site(status=302, headers={"location": f"{shop.url}/a"})
    text = town.mint(budget="100 sat")
    with session_of(town, text) as session:
        with pytest.raises(PaymentError, match="A redirect led there"):
            session.get(f"{other.url}/moved")
        assert town.paid() == (0, 0)
        # The caller's own request is paid for.
        assert session.get(f"{shop.url}/a").status_code == 200


def test_a_streamed_answer_is_read_as_it_comes(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    with (
        session_of(town, town.mint(budget="100 sat")) as session,
        session.get(f"{shop.url}/a", stream=True) as response,
    ):
        assert b"".join(response.iter_content(4)) == b'{"served":1}'


def test_a_body_that_comes_by_and_by_is_paid_for(town: Town) -> None:
    shop = town.open_shop(price="10 sat", echo=True)
    with session_of(town, town.mint(budget="100 sat")) as session:
        response = session.post(f"{shop.url}/a", data=iter([b"one ", b"two"]))
    assert "one two" in response.text
    assert town.paid()[0] == 1


def test_a_copy_of_a_request_is_a_call_of_its_own(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    with session_of(town, town.mint(budget="100 sat")) as session:
        prepared = session.prepare_request(requests.Request("GET", f"{shop.url}/a"))
        copies = [prepared.copy(), prepared.copy()]
        responses = [session.send(one) for one in (prepared, *copies)]
        again = session.send(responses[0].request.copy())
    assert [one.json() for one in (*responses, again)] == [{"served": n} for n in (1, 2, 3, 4)]
    assert town.paid()[0] == 4


@pytest.mark.parametrize("again", ["the same", "a copy"])
def test_a_request_whose_redirect_failed_is_sent_again(town: Town, again: str) -> None:
    shop = town.open_shop(price="10 sat")
    other = town.open_site(status=302, headers={"location": f"{shop.url}/a"})
    with session_of(town, town.mint(budget="100 sat")) as session:
        prepared = session.prepare_request(requests.Request("GET", f"{other.url}/moved"))
        for _ in range(2):
            with pytest.raises(PaymentError, match="A redirect led there"):
                session.send(prepared)
            prepared = prepared.copy() if again == "a copy" else prepared
    assert town.paid() == (0, 0)


def test_what_another_adapter_was_led_to_is_not_paid_for(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    other = town.open_site(status=302, headers={"location": f"{shop.url}/a"})
    first = town.open_site(status=302, headers={"location": f"{other.url}/b"})
    with session_of(town, town.mint(budget="100 sat")) as session:
        session.mount(other.url, HTTPAdapter())
        with pytest.raises(PaymentError, match="A redirect led there"):
            session.get(f"{first.url}/moved")
    assert town.paid() == (0, 0)


def test_what_a_redirect_says_is_next_is_not_paid_for_at_another_origin(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    other = town.open_site(status=302, headers={"location": f"{shop.url}/a"})
    with session_of(town, town.mint(budget="100 sat")) as session:
        response = session.get(f"{other.url}/moved", allow_redirects=False)
        following = response.next
        assert following is not None
        with pytest.raises(PaymentError, match="A redirect led there"):
            session.send(following)
    assert town.paid() == (0, 0)


def test_the_target_of_a_redirect_is_bought_once_in_a_call(town: Town) -> None:
    shop = town.open_shop(price="10 sat", status=307, headers={"location": "/b"})
    with (
        session_of(town, town.mint(budget="100 sat")) as session,
        pytest.raises(requests.TooManyRedirects),
    ):
        session.get(f"{shop.url}/a")
    # For /a, which gave its use back, and for /b, where each redirect led.
    assert town.paid()[0] == 2


def test_a_response_is_pickled_and_copied_as_one_of_requests(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    with session_of(town, town.mint(budget="100 sat")) as session:
        response = session.get(f"{shop.url}/a")
    pickled = pickle.dumps(response)
    assert b"L402" not in pickled
    for one in (pickle.loads(pickled), copy.deepcopy(response)):
        assert one.json() == {"served": 1}
        assert one.request.url == f"{shop.url}/a"
        assert "authorization" not in one.request.headers


@pytest.mark.parametrize("timeout", ["x", (1, "x"), (1, 2, 3), -1])
def test_a_timeout_that_is_none_is_refused_before_anything_is_sent(
    town: Town, timeout: Any
) -> None:
    shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
    with session_of(town, town.mint()) as session:
        for right in (5, (5, None), None):
            session.get(f"{shop.url}/a", timeout=right)
        before = len(shop.received)
        with pytest.raises(ValueError, match=r"[Tt]imeout"):
            session.get(f"{shop.url}/a", timeout=timeout)
        assert len(shop.received) == before
