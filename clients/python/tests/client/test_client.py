"""Clients that pay, with a real treasury and real shops."""

from __future__ import annotations

import pytest
from tests.town import Town

from l8nt import AsyncClient, Client, PaymentError


def test_a_request_is_paid_for_and_the_response_is_the_librarys(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    with Client(credential=town.mint(budget="100 sat"), clock=town.clock) as client:
        response = client.get(f"{shop.url}/a")
    assert response.status_code == 200
    assert response.json() == {"served": 1}
    assert town.paid() == (1, 10_010)


async def test_an_async_client_pays_as_well(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    async with AsyncClient(credential=town.mint(budget="100 sat"), clock=town.clock) as client:
        response = await client.get(f"{shop.url}/a")
    assert response.json() == {"served": 1}
    assert town.paid() == (1, 10_010)


def test_without_a_credential_a_402_says_the_amount_and_what_to_set(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGIL_CREDENTIAL", raising=False)
    monkeypatch.delenv("SIGIL_WALLET", raising=False)
    shop = town.open_shop(price="21 sat")
    with Client() as client, pytest.raises(PaymentError) as caught:
        client.get(f"{shop.url}/a")
    assert (caught.value.code, caught.value.spent) == ("ERR_PAYMENT_REQUIRED", "no")
    assert caught.value.message == (
        f"{shop.url} asks for payment of 21 sat. Set SIGIL_CREDENTIAL to a credential that was "
        "delegated to this agent, or SIGIL_WALLET to the URL of a wallet."
    )
