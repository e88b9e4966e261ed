"""Sessions of requests that people keep, with a real treasury and real shops."""

from __future__ import annotations

import pytest
import requests
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
