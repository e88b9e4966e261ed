"""Clients that pay, with a real treasury and real shops."""

from __future__ import annotations

import pytest
from tests.town import Town

from l8nt import AsyncClient, Client, DeniedError, PaymentError


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


def test_a_client_with_another_credential_spends_that_one(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    root = Client(credential=town.mint(budget="100 sat"), clock=town.clock)
    child = root.delegate(agent="booker", budget="20 sat")
    with root, root.with_credential(child) as booker:
        assert booker.get(f"{shop.url}/a").status_code == 200
        assert [node.agent for node in booker.standing()] == [None, "booker"]
    assert town.spent(child.text) == 10_010


async def test_an_async_client_of_a_client_has_its_credential(town: Town) -> None:
    shop = town.open_shop(price="10 sat")
    root = Client(credential=town.mint(budget="100 sat"), clock=town.clock)
    async with root.to_async() as client:
        assert (await client.get(f"{shop.url}/a")).status_code == 200
        child = client.delegate(agent="booker")
        await client.revoke(child)
        async with client.with_credential(child) as booker:
            with pytest.raises(DeniedError, match="revocation"):
                await booker.standing()
    assert client.credential == root.credential
