"""A service that trusts an issuer: its pages, bound credentials, and sealed ones of a client.
spec/9-public-key.md §5, §6, §9 and §10.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from l8nt.caveat import read_origin
from l8nt.credential import Credential
from l8nt.credential.presented_at import presented_at
from l8nt.holder import HolderKey
from l8nt.public_key import IssuerDirectory, IssuerKey, PageAnswer, write_key_page
from l8nt.service import Grant, MemoryLedger, Refused, RequestFacts, Service

from .world import API, ISSUER, NOW, body_of, minter

KEY = HolderKey("22" * 32, clock=lambda: NOW)


class World:
    """A service, and how often its issuer was asked."""

    def __init__(self, status: int = 200) -> None:
        self.asked: list[str] = []
        page = write_key_page(ISSUER, [IssuerKey(7, minter.public_key)]).encode()

        def fetch(url: str) -> PageAnswer:
            self.asked.append(url)
            return PageAnswer(status, page)

        self.service = Service(
            location=API,
            trust=IssuerDirectory([ISSUER], fetch=fetch, clock=lambda: NOW),
            ledger=MemoryLedger(),
            clock=lambda: NOW,
            alarm=lambda _message, _cause: None,
        )

    async def ask(
        self, credential: Credential, *, url: str = f"{API}/a", signed_by: HolderKey | None = None
    ) -> str:
        """``granted``, or the code that refuses it; first in a thread, then in the event loop."""
        verdicts: list[str] = []
        for is_async in (False, True):
            fields = [("authorization", f"L402 {credential.text}")]
            if signed_by is not None:
                signed = signed_by.sign("GET", url, fields)
                fields = [(name.lower(), value) for name, value in signed]
            parts = urlsplit(url)
            facts = RequestFacts("GET", parts.path, fields)
            decision = (
                await self.service.authorize_async(facts)
                if is_async
                else self.service.authorize(facts)
            )
            if isinstance(decision, Grant):
                decision.finish(200)
                verdicts.append("granted")
            else:
                assert isinstance(decision, Refused)
                verdicts.append(decision.error.code)
        return verdicts[0] if verdicts[0] == verdicts[1] else " and then ".join(verdicts)


def minted(**scope: object) -> Credential:
    given = {"endpoints": [f"* {API}/**"], "expires_in": "1h", **scope}
    return minter.mint(**given)  # type: ignore[arg-type] # Of the tests below.


async def test_a_credential_of_a_trusted_issuer_is_granted_and_its_page_asked_for_once() -> None:
    world = World()
    root = minted()
    assert await world.ask(root) == "granted"
    assert await world.ask(root.delegate(agent="x", endpoints=[f"GET {API}/a"])) == "granted"
    assert await world.ask(root.attenuate(endpoints=[f"GET {API}/b"])) == "ERR_ENDPOINT"
    assert world.asked == [f"{ISSUER}/.well-known/biscuit-web-keys"]


async def test_what_a_client_presents_is_sealed_and_good_there_alone() -> None:
    root = minted(endpoints=["* https://*/**"])
    here, elsewhere = read_origin(API), read_origin("https://other.example")
    assert here is not None
    assert elsewhere is not None
    presented = presented_at(root, here)
    assert body_of(presented).is_sealed
    assert await World().ask(presented) == "granted"
    assert await World().ask(presented_at(root, elsewhere)) == "ERR_ENDPOINT"


async def test_a_limit_is_counted_where_its_ledger_is() -> None:
    assert await World().ask(minted(max_uses=1, ledger=API)) == "granted and then ERR_USES"
    assert await World().ask(minted(max_uses=1, ledger="https://other.example")) == "ERR_LEDGER"
    assert await World().ask(minted(max_uses=1)) == "ERR_USES"


async def test_a_bound_credential_is_worth_nothing_without_its_key() -> None:
    world, bound = World(), minted(holder=KEY.thumbprint)
    assert await world.ask(bound, signed_by=KEY) == "granted"
    assert await world.ask(bound) == "ERR_HOLDER"
    assert await world.ask(bound, signed_by=HolderKey("33" * 32, clock=lambda: NOW)) == "ERR_HOLDER"


@pytest.mark.parametrize("status", [404, 500, 302])
async def test_without_a_page_no_credential_is_judged(status: int) -> None:
    assert await World(status).ask(minted()) == "ERR_KEYS_UNREACHABLE"


async def test_a_service_that_trusts_nobody_reads_no_token_of_this_form() -> None:
    world = World()
    world.service = Service(
        location=API,
        secret="8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8",
        ledger=MemoryLedger(),
        clock=lambda: NOW,
    )
    assert await world.ask(minted()) == "ERR_TOKEN_ISSUER"
