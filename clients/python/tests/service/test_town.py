"""Clients in both languages at a Python service that trusts a treasury: it mints for the service,
and nothing is paid. spec/9-public-key.md §6.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import pytest
import uvicorn
from tests.service.test_decide import NODE, ROOT
from tests.town import Town

from l8nt import Client, DeniedError
from l8nt.asgi import Sigil, grant_of
from l8nt.service import Grant, MemoryLedger, Refused, RequestFacts, Service

RUN = [str(NODE), "--no-warnings", "--conditions=l8nt-source", "--input-type=module", "-"]
TYPESCRIPT = """
import { Client } from "l8nt";
const [credential, ...urls] = process.argv.slice(2);
const client = new Client({ credential });
const said = [];
for (const url of urls)
  said.push(await client.fetch(url).then(
    async (response) => [response.status, await response.text()],
    (error) => [0, error.code],
  ));
console.log(JSON.stringify(said));
"""


@dataclass
class Running:
    url: str
    service: Service
    lineages: list[tuple[str, ...]]


@pytest.fixture
def town(open_town: Callable[..., Town]) -> Town:
    """By the machine's clock, which the other language reads too."""
    return open_town(now=None)


@pytest.fixture
def running(town: Town) -> Generator[Running]:
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    service = Service(location=url, trust=[town.treasury.url], ledger=MemoryLedger())
    lineages: list[tuple[str, ...]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        lineages.append(grant_of(scope).lineage)
        headers = [(b"content-length", b"5")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"sunny"})

    guarded: Any = Sigil(app, service)
    config = uvicorn.Config(guarded, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    town.mint_for(url)
    yield Running(url, service, lineages)
    server.should_exit = True
    thread.join()


def test_the_client_of_python_is_served_and_pays_nothing(town: Town, running: Running) -> None:
    credential = town.mint(agent="scout", endpoints=[f"GET {running.url}/forecast"])
    with Client(credential=credential) as client:
        reply = client.get(f"{running.url}/forecast")
        assert (reply.status_code, reply.text) == (200, "sunny")
        child = client.delegate(agent="helper", expires_in="5m")
        with client.with_credential(child) as helper:
            assert helper.get(f"{running.url}/forecast").status_code == 200
        with pytest.raises(DeniedError) as denied:
            client.get(f"{running.url}/other")
    assert denied.value.code == "ERR_ENDPOINT"
    assert [one[-1] for one in running.lineages] == ["handed-over"] * 2
    assert town.paid() == (0, 0)


def test_a_limit_of_uses_holds_at_the_service(town: Town, running: Running) -> None:
    credential = town.mint_public(
        running.url,
        endpoints=[f"GET {running.url}/**"],
        expires_in="1h",
        max_uses=2,
        ledger=running.url,
    )
    with Client(credential=credential) as client:
        assert [client.get(f"{running.url}/a").status_code for _ in range(2)] == [200, 200]
        used_up = client.get(f"{running.url}/a")
    assert (used_up.status_code, used_up.json()["code"]) == (401, "ERR_USES")


def test_the_client_of_typescript_is_served_and_pays_nothing(town: Town, running: Running) -> None:
    credential = town.mint(agent="scout", endpoints=[f"GET {running.url}/forecast"])
    urls = [f"{running.url}/forecast", f"{running.url}/forecast?city=oslo", f"{running.url}/other"]
    done = subprocess.run(
        [*RUN, credential, *urls],
        input=TYPESCRIPT.encode(),
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "NODE_ENV": "test"},
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert said == [[200, "sunny"], [200, "sunny"], [0, "ERR_ENDPOINT"]]
    assert [one[-1] for one in running.lineages] == ["handed-over"] * 2
    assert town.paid() == (0, 0)


def test_keys_are_fetched_for_threads_and_for_event_loops(town: Town) -> None:
    url = "http://127.0.0.1:9"
    town.mint_for(url)
    scope: Any = {"endpoints": [f"GET {url}/**"], "expires_in": "1h"}
    facts = RequestFacts("GET", "/a", [("authorization", f"L402 {town.mint_public(url, **scope)}")])

    def service() -> Service:
        return Service(location=url, trust=[town.treasury.url], ledger=MemoryLedger())

    assert isinstance(service().authorize(facts), Grant)
    assert isinstance(asyncio.run(service().authorize_async(facts)), Grant)
    town.stop_treasury()
    late = service()
    for decision in (late.authorize(facts), asyncio.run(service().authorize_async(facts))):
        assert isinstance(decision, Refused)
        assert (decision.status, decision.error.code) == (503, "ERR_KEYS_UNREACHABLE")
        assert "retry-after" in dict(decision.answer.headers)


def test_an_issuer_that_is_not_trusted_opens_nothing(town: Town, running: Running) -> None:
    other = Service(location=running.url, trust=["https://issuer.example"], ledger=MemoryLedger())
    credential = town.mint_public(running.url, endpoints=[f"GET {running.url}/**"], expires_in="1h")
    facts = RequestFacts("GET", "/forecast", [("authorization", f"L402 {credential}")])
    decision: Any = other.authorize(facts)
    assert (decision.status, decision.error.code) == (401, "ERR_TOKEN_ISSUER")
    assert 'issuers="https://issuer.example"' in decision.challenge
