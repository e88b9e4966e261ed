"""Clients that have only a wallet, with a real network, a real shop and the real program."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.town import Town

from l8nt import AsyncClient, BudgetError, Client

ROOT = Path(__file__).resolve().parents[4]
NODE = ROOT / "node_modules/node/bin/node"
PROGRAM = f"{NODE} --no-warnings --conditions=l8nt-source {ROOT}/packages/sigil/src/main.ts"


@pytest.fixture(autouse=True)
def _program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGIL_PROGRAM", PROGRAM)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.delenv("SIGIL_CREDENTIAL", raising=False)


async def test_a_client_and_its_agents_pay_from_the_wallet(
    open_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = open_town(now=None)
    shop = town.open_shop(price="10 sat")
    monkeypatch.setenv("SIGIL_WALLET", town.wallet_url("program", balance_sat=1000))
    with Client() as client:
        assert client.get(f"{shop.url}/a").json() == {"served": 1}
        child = client.delegate(agent="booker", budget="15 sat", expires_in="15m")
        with client.with_credential(child) as booker:
            assert booker.get(f"{shop.url}/b").json() == {"served": 2}
            with pytest.raises(BudgetError):
                booker.get(f"{shop.url}/c")
        async with client.to_async() as asynchronous:
            assert (await asynchronous.get(f"{shop.url}/d")).json() == {"served": 3}
        assert [node.agent for node in client.tree()] == [None, "booker"]
    async with AsyncClient(
        limits={"endpoints": [f"GET {shop.url}/**"], "budget": "5 sat", "expires_in": "1h"}
    ) as small:
        with pytest.raises(BudgetError):
            await small.get(f"{shop.url}/e")
    assert len(town.payments()) == 3


def test_a_credential_beside_a_wallet_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="a credential or a wallet, not both"):
        Client(credential="x:y", wallet="dev+http://127.0.0.1:1/a?key=k")
    with pytest.raises(TypeError, match="`limits` are those of a wallet"):
        Client(limits={"budget": "1 sat"})
