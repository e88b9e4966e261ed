"""Counting through `sigil gateway decide`, which runs here: several workers count in one place."""

from __future__ import annotations

import asyncio
import json
import pickle
import subprocess
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from socket import socket
from typing import Any, ClassVar

import httpx2
import pytest
from tests.service.worlds import ADAPTERS, Place, world

from l8nt.credential import Credential
from l8nt.holder import HolderKey
from l8nt.l402 import Minter
from l8nt.service import DecideLedger, Grant, Refused, RequestFacts, Service

LOCATION = "https://api.example"
KEY = "a key of this test"
ROOT = Path(__file__).resolve().parents[4]
NODE = ROOT / "node_modules" / "node" / "bin" / "node"
MAIN = ROOT / "packages" / "sigil" / "src" / "main.ts"
SIGIL = [str(NODE), "--no-warnings", "--conditions=l8nt-source", str(MAIN)]
CONFIG = """
proxy: application
location: https://api.example
listen: {{ socket: {socket} }}
proxyKey: "env:TEST_PROXY_KEY"
dir: {folder}
routes:
  - {{ match: "GET /free", access: free }}
  - {{ match: "* /dear", access: credential, price: "0.02 usd" }}
  - {{ match: "* /v1/**", access: credential }}
  - {{ match: "* /forecast", access: credential }}
"""


class Deciding:
    """A process that decides."""

    def __init__(self, folder: Path) -> None:
        self.socket = str(folder / "d.sock")
        config = folder / "decide.yaml"
        config.write_text(CONFIG.format(socket=self.socket, folder=folder / "books"))
        self._process = subprocess.Popen(
            [*SIGIL, "gateway", "decide", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={"TEST_PROXY_KEY": "a key of this test", "PATH": "/usr/bin:/bin"},
            cwd=folder,
        )
        assert self._process.stdout is not None
        assert self._process.stdout.readline(), self._process.communicate()
        self.secret = (folder / "books" / "secret").read_text().strip()

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)

    def service(self, **options: Any) -> Service:
        """A worker of the service."""
        given: dict[str, Any] = {"location": LOCATION, "secret": self.secret}
        if "ledger" not in options:
            given["ledger"] = self.ledger()
        given.update(options)
        return Service(**given)

    def ledger(self, key: str | None = KEY, url: str | None = None) -> DecideLedger:
        """Each worker has its own, which is closed at the end of the test."""
        ledger = (
            DecideLedger(proxy_key=key, socket=self.socket)
            if url is None
            else DecideLedger(url, proxy_key=key)
        )
        self.ledgers.append(ledger)
        return ledger

    ledgers: ClassVar[list[DecideLedger]] = []

    def mint(self, **scope: Any) -> str:
        scope = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", **scope}
        return Minter(secret=self.secret, location=LOCATION).mint(**scope).text


@pytest.fixture(scope="module")
def deciding(tmp_path_factory: pytest.TempPathFactory) -> Generator[Deciding]:
    one = Deciding(tmp_path_factory.mktemp("decide"))
    yield one
    one.stop()


@pytest.fixture(autouse=True)
def closed(deciding: Deciding) -> Generator[None]:
    yield
    for ledger in deciding.ledgers:
        ledger.close()
    deciding.ledgers.clear()


def facts(target: str, credential: str, method: str = "GET") -> RequestFacts:
    headers = [("host", "api.example"), ("authorization", f"L402 {credential}")]
    return RequestFacts(method=method, target=target, headers=headers)


def told_to(alarms: list[str]) -> Callable[[str, BaseException | None], None]:
    def alarm(what: str, cause: BaseException | None) -> None:
        alarms.append(f"{what}: {cause}")

    return alarm


def verdict(service: Service, asked: RequestFacts, status: int = 200) -> str:
    """``granted``, or the code of the refusal."""
    decision = service.authorize(asked)
    if isinstance(decision, Grant):
        decision.finish(status)
        return "granted"
    assert isinstance(decision, Refused)
    return decision.error.code


def test_workers_count_in_one_place(deciding: Deciding) -> None:
    workers = [deciding.service() for _ in range(3)]
    credential = deciding.mint(max_uses=4, agent="scout")
    said = [verdict(workers[n % 3], facts("/forecast", credential)) for n in range(6)]
    assert said == ["granted"] * 4 + ["ERR_USES"] * 2
    [decision] = [workers[0].authorize(facts("/forecast", credential))]
    assert isinstance(decision, Refused)
    assert decision.status == 401
    [refusal] = decision.problem.get("refusals", [])
    assert (refusal["condition"], refusal["have"]) == ("max_uses", "0 of 4 uses left")
    assert refusal.get("node", {}).get("agent") == "scout"


def test_threads_and_tasks_together_use_no_more_than_there_is(deciding: Deciding) -> None:
    workers = [deciding.service() for _ in range(2)]
    credential = deciding.mint(max_uses=7)
    with ThreadPoolExecutor(8) as pool:
        asked = [(workers[n % 2], facts("/forecast", credential)) for n in range(20)]
        said = list(pool.map(verdict, *zip(*asked, strict=True)))
    assert said.count("granted") == 7

    ledgers = [deciding.ledger() for _ in range(2)]
    workers = [deciding.service(ledger=ledger) for ledger in ledgers]

    async def tasks() -> list[Any]:
        asked = facts("/forecast", deciding.mint(max_uses=7))
        said = await asyncio.gather(*(workers[n % 2].authorize_async(asked) for n in range(20)))
        for ledger in ledgers:
            await ledger.aclose()
        return said

    assert sum(isinstance(one, Grant) for one in asyncio.run(tasks())) == 7
    # Another loop has connections of its own.
    assert sum(isinstance(one, Grant) for one in asyncio.run(tasks())) == 7


def test_a_use_is_used_when_it_passes_whatever_is_answered(deciding: Deciding) -> None:
    service = deciding.service()
    credential = deciding.mint(max_uses=2)
    # A worker that dies between both has used it, too: it never says how the request ended.
    assert isinstance(service.authorize(facts("/forecast", credential)), Grant)
    assert verdict(service, facts("/forecast", credential), status=500) == "granted"
    assert verdict(service, facts("/forecast", credential)) == "ERR_USES"
    another = deciding.mint(max_uses=1)
    assert verdict(service, facts("/forecast", another, "HEAD")) == "granted"
    decision = service.authorize(facts("/forecast", another))
    assert isinstance(decision, Grant)
    assert decision.left() is None
    with pytest.raises(TypeError, match="gateway decide"):
        decision.release()
    # A client would take a 500 for a use that was given back.
    assert ("sigil-use", "consumed") in decision.headers([], 500)
    assert "sigil-use" not in dict(decision.headers([], 200))


def test_prices_are_those_of_its_routes(deciding: Deciding) -> None:
    service = deciding.service()
    credential = deciding.mint(budget="0.05 usd")
    said = [verdict(service, facts("/dear", credential)) for _ in range(3)]
    assert said == ["granted", "granted", "ERR_BUDGET"]
    assert verdict(service, facts("/forecast", credential)) == "granted"
    with pytest.raises(TypeError, match="its own routes"):
        service.authorize(facts("/forecast", credential), price="0.01 usd")


def test_what_the_service_denies_is_not_counted(deciding: Deciding) -> None:
    service = deciding.service(name="weather")
    credential = deciding.mint(max_uses=1, capabilities={"weather": ["forecast"]})
    denied = service.authorize(facts("/forecast", credential), capability="book")
    assert isinstance(denied, Refused)
    assert (denied.status, denied.error.code) == (403, "ERR_CAPABILITY")
    assert isinstance(
        service.authorize(facts("/forecast", credential), capability="forecast"), Grant
    )


def test_a_holder_of_a_key_is_counted_by_its_signature(deciding: Deciding) -> None:
    service = deciding.service()
    key = HolderKey("9d" * 32)
    credential = deciding.mint(max_uses=1, holder=key.thumbprint)
    own = [("host", "api.example"), ("authorization", f"L402 {credential}")]

    def signed() -> RequestFacts:
        return RequestFacts(
            method="GET",
            target="/forecast?a=b",
            headers=[
                (name.lower(), value)
                for name, value in key.sign("GET", f"{LOCATION}/forecast?a=b", own)
            ],
        )

    assert verdict(service, RequestFacts("GET", "/forecast?a=b", own)) == "ERR_HOLDER"
    assert verdict(service, signed()) == "granted"
    assert verdict(service, signed()) == "ERR_USES"


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("/free", "access: free"),
        ("/unlisted", "route_not_listed"),
    ],
)
def test_a_configuration_that_does_not_fit_serves_nothing_and_is_told(
    deciding: Deciding, target: str, told: str
) -> None:
    alarms: list[str] = []
    service = deciding.service(alarm=told_to(alarms))
    decision = service.authorize(facts(target, deciding.mint(max_uses=1)))
    assert isinstance(decision, Refused)
    assert (decision.status, decision.error.code) == (503, "ERR_STORE")
    assert told in alarms[0]


@pytest.mark.parametrize("change", ["key", "port", "secret"])
def test_without_its_answer_nothing_passes(deciding: Deciding, change: str) -> None:
    alarms: list[str] = []
    secret = bytes(range(50, 82)).hex() if change == "secret" else deciding.secret
    with closing(socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}" if change == "port" else None
    ledger = deciding.ledger(None if change == "key" else KEY, url)
    service = Service(
        location=LOCATION,
        secret=secret,
        ledger=ledger,
        alarm=told_to(alarms),
    )
    scope: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h"}
    credential = Minter(secret=secret, location=LOCATION).mint(**scope).text
    asked = facts("/forecast", credential)

    async def later() -> Any:
        decision = await service.authorize_async(asked)
        await ledger.aclose()
        return decision

    for decision in (service.authorize(asked), asyncio.run(later())):
        assert isinstance(decision, Refused)
        assert (decision.status, decision.error.code) == (503, "ERR_STORE")
        assert decision.error.retry_after_seconds == 1
    assert len(alarms) == 2
    assert "a key of this test" not in str(alarms)


@pytest.mark.parametrize("name", ["fastapi", "flask", "django on asgi"])
def test_frameworks_count_through_it(deciding: Deciding, name: str) -> None:
    ledger = deciding.ledger()
    places = [Place("/forecast", {}), Place("/v1/broken", {}, lambda seen: (500, [], b""))]
    with world(
        ADAPTERS[name], *places, secret=deciding.secret, ledger=ledger, clock=time.time
    ) as one:
        credential = deciding.mint(max_uses=3)
        assert one.ask("/forecast", credential).status == 200
        broken = one.ask("/v1/broken", credential)
        assert (broken.status, broken.value("sigil-use")) == (500, "consumed")
        assert [one.ask("/forecast", credential).status for _ in range(2)] == [200, 401]
        assert one.loop is not None
        one.loop.run_until_complete(ledger.aclose())


def test_a_revocation_at_decide_holds_at_every_worker(deciding: Deciding) -> None:
    """Its own document takes it, and so does the owner's command."""
    service = deciding.service()
    root = Credential.parse(deciding.mint(agent="booker"))
    child = root.delegate(agent="scout")
    assert verdict(service, facts("/forecast", child.text)) == "granted"
    client = httpx2.Client(transport=httpx2.HTTPTransport(uds=deciding.socket))
    revoked = client.post(
        "http://decide/.well-known/l402/revocations",
        headers={"authorization": f"L402 {root.text}"},
        content=json.dumps({"caveats": list(child.caveats_below(root) or ())}),
    )
    client.close()
    assert revoked.status_code == 200
    assert verdict(service, facts("/forecast", child.text)) == "ERR_REVOKED"
    assert verdict(service, facts("/forecast", root.text)) == "granted"


def test_a_ledger_shows_no_key_and_is_not_pickled() -> None:
    ledger = DecideLedger(proxy_key="a key of this test")
    assert "a key" not in f"{ledger} {ledger!r}"
    with pytest.raises(TypeError, match="each process"):
        pickle.dumps(ledger)
    with pytest.raises(ValueError, match="where sigil gateway decide listens"):
        DecideLedger("127.0.0.1:8411")


SIGNED = ("sigil-holder", "x")
ODD = "ERR_REQUEST"


@pytest.mark.parametrize(
    ("target", "field", "said"),
    [
        ("/forecast?q=\xe9", None, "granted"),
        ("/forecast?q=a b", None, "granted"),
        ("/forecast?q=\x7f", None, ODD),
        ("/forecast?q=a\x01", None, ODD),
        ("/forecast?q=€", None, ODD),
        ("/forecast", ("x-a", "\xe9"), "granted"),
        ("/forecast", ("x-a", " a\tb "), "granted"),
        ("/forecast", ("x-a", ""), "granted"),
        ("/forecast", ("x-a", "a\x01b"), ODD),
        ("/forecast", ("x-a", "a\r\nx-original-uri: /free"), ODD),
        ("/forecast", ("x-a", "€"), ODD),
        ("/forecast", ("x a", "1"), ODD),
        ("/forecast", ("x-ä", "1"), ODD),
        ("/forecast", ("", "1"), ODD),
    ],
)
def test_what_a_server_lets_through_is_passed_on_or_is_the_fault_of_the_request(
    deciding: Deciding, target: str, field: tuple[str, str] | None, said: str
) -> None:
    alarms: list[str] = []
    ledger = deciding.ledger()
    service = deciding.service(ledger=ledger, alarm=told_to(alarms))
    asked = facts(target, deciding.mint())
    if field is not None:
        asked = RequestFacts(asked.method, target, [*asked.headers, SIGNED, field])

    async def later() -> Any:
        decision = await service.authorize_async(asked)
        await ledger.aclose()
        return decision

    for decision in (service.authorize(asked), asyncio.run(later())):
        if isinstance(decision, Refused):
            assert (decision.status, decision.error.code) == (400, said)
        else:
            assert said == "granted"
    assert alarms == []


@pytest.mark.parametrize("key", ["", " a", "a\n", "ä", "a\x00"])
def test_a_key_that_no_field_can_hold_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        DecideLedger(proxy_key=key)
