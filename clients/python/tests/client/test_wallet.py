"""Clients that have only a wallet, with a real network, a real shop and the real program."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.town import Town

import l8nt
from l8nt import AdapterError, AsyncClient, BudgetError, Client, Credential, DeniedError
from l8nt._tables import DEFAULT_LIMITS
from l8nt.caveat import Scope
from l8nt.client.wallet_child import WalletChild

NOWHERE = "dev+http://127.0.0.1:1/a?key=k"
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


@pytest.mark.parametrize("made", ["a price", "credential", "delegate", "tree", "standing"])
def test_the_program_starts_when_it_is_needed_and_not_for_what_is_free(
    open_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    town = open_town(now=None)
    shop, free = town.open_shop(price="10 sat"), town.open_site(body="free")
    monkeypatch.setenv("SIGIL_PROGRAM", "/nowhere/sigil")
    with Client(wallet=town.wallet_url("program")) as client:
        assert client.get(f"{free.url}/a").text == "free"
        with client.stream("GET", f"{free.url}/a") as answer:
            assert answer.read() == b"free"
        asked = {
            "a price": lambda: client.get(f"{shop.url}/a"),
            "credential": lambda: client.credential,
            "delegate": lambda: client.delegate(agent="a", expires_in="1m"),
            "tree": client.tree,
            "standing": client.standing,
        }[made]
        with pytest.raises(AdapterError) as raised:
            asked()
        assert raised.value.code == "ERR_WALLET"
        # What failed before it started is tried again.
        monkeypatch.setenv("SIGIL_PROGRAM", PROGRAM)
        assert asked()
        assert client.get(f"{shop.url}/a").is_success
        assert client.get(f"{free.url}/a").text == "free"


async def test_the_program_starts_at_the_first_price_in_an_event_loop(
    open_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = open_town(now=None)
    shop, free = town.open_shop(price="10 sat"), town.open_site(body="free")
    monkeypatch.setenv("SIGIL_PROGRAM", "/nowhere/sigil")
    async with AsyncClient(wallet=town.wallet_url("program")) as client:
        assert (await client.get(f"{free.url}/a")).text == "free"
        with pytest.raises(AdapterError):
            await client.get(f"{shop.url}/a")
        monkeypatch.setenv("SIGIL_PROGRAM", PROGRAM)
        assert (await client.get(f"{shop.url}/a")).json() == {"served": 1}
        assert [node.agent for node in await client.tree()] == [None]


@pytest.mark.parametrize("limits", [None, {"endpoints": ["GET https://api.example/**"]}])
def test_limits_are_judged_before_the_program_starts(
    monkeypatch: pytest.MonkeyPatch, limits: Scope | None
) -> None:
    monkeypatch.setenv("SIGIL_PROGRAM", "/nowhere/sigil")
    if limits is not None:
        limits = {**limits, "budget": "5 sat", "expires_in": "1h"}
    with Client(wallet=NOWHERE, limits=limits) as client, pytest.raises(DeniedError):
        client.get("http://shop.example/a")


def test_limits_that_cannot_be_minted_are_an_error_before_a_request_is_sent() -> None:
    with (
        Client(wallet=NOWHERE, limits={"budget": "5 sat", "expires_in": "1h"}) as client,
        pytest.raises((TypeError, ValueError), match="needs endpoints"),
    ):
        client.get("http://127.0.0.1:1/a")


def test_the_limits_that_are_judged_are_those_that_are_minted() -> None:
    child = WalletChild(NOWHERE)
    try:
        texts = [
            [str(text) for text in Credential.parse(one).chain.texts if "valid" not in str(text)]
            for one in (child.credential(), child.credential(DEFAULT_LIMITS))
        ]
    finally:
        child.close()
    assert [sorted(one) for one in texts[:1]] == [sorted(one) for one in texts[1:]]


FORKED = textwrap.dedent("""
    import os, sys
    from l8nt import AdapterError, Client
    shop, before = {shop!r}, {before!r}
    client = Client(wallet={wallet!r})
    booker = None
    if before == "delegated":
        booker = client.with_credential(client.delegate(agent="booker", expires_in="15m"))
        booker.get(shop + "/a")
    elif before == "paid":
        client.get(shop + "/a")
    elif before == "opened":
        client.credential
    mine = client.credential.text if before != "new" else ""
    reading, writing = os.pipe()
    forked = os.fork()
    if forked == 0:
        if booker is not None:
            try:
                booker.get(shop + "/b")
            except AdapterError as error:
                os.write(writing, (error.message + "|").encode())
        client.get(shop + "/c")
        same = client.credential.text == mine
        os.write(writing, ("same" if same else "its own").encode())
        client.close()
        sys.exit(0)
    os.close(writing)
    _, status = os.waitpid(forked, 0)
    client.get(shop + "/d")
    print(status, (mine or client.credential.text) == client.credential.text,
          os.read(reading, 9999).decode())
""")


@pytest.mark.parametrize("before", ["new", "opened", "paid", "delegated"])
def test_a_client_of_a_process_that_was_forked_has_a_treasury_of_its_own(
    open_town: Callable[..., Town], before: str
) -> None:
    town = open_town(now=None)
    shop = town.open_shop(price="10 sat")
    wallet = town.wallet_url("program", balance_sat=1000)
    ran = subprocess.run(
        [sys.executable, "-c", FORKED.format(shop=shop.url, wallet=wallet, before=before)],
        env={**os.environ, "PYTHONPATH": str(Path(l8nt.__file__).parents[1])},
        capture_output=True,
        text=True,
        check=False,
    )
    told = ran.stdout.strip()
    assert told.startswith("0 True "), ran.stderr
    assert told.endswith("its own")
    assert ("This process was forked" in told) is (before == "delegated")
    paths = {"new": "cd", "opened": "cd", "paid": "acd", "delegated": "acd"}[before]
    assert [one.target for one in shop.served] == [f"/{path}" for path in paths]
    assert len(town.payments()) == len(paths)


def test_a_credential_of_a_wallets_client_says_in_another_process_what_to_set(
    open_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = open_town(now=None)
    shop = town.open_shop(price="10 sat")
    with Client(wallet=town.wallet_url("program")) as client:
        booker = client.delegate(agent="booker", budget="50 sat", expires_in="15m")
    with Client(credential=booker.text) as other, pytest.raises(AdapterError) as raised:
        other.get(f"{shop.url}/a")
    assert raised.value.code == "ERR_TREASURY"
    assert "sigil treasury start" in raised.value.message
    assert "SIGIL_CREDENTIAL" in raised.value.message
    assert "treasuryApi" not in raised.value.message


def test_a_credential_beside_a_wallet_is_a_mistake() -> None:
    with pytest.raises(TypeError, match="a credential or a wallet, not both"):
        Client(credential="x:y", wallet="dev+http://127.0.0.1:1/a?key=k")
    with pytest.raises(TypeError, match="`limits` are those of a wallet"):
        Client(limits={"budget": "1 sat"})
