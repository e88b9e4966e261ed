"""Header fields that cannot be sent, and extensions of httpx that change what is sent: refused
before anything is sent, with no credential in the message.
"""

from __future__ import annotations

from typing import Any, Final

import httpx
import httpx2
import pytest
from tests.town import Town

from l8nt import AdapterError, AsyncClient, Client
from l8nt.httpx import Auth as OlderAuth
from l8nt.httpx2 import Auth

from .askers import ASKERS, Answered, Asker, Session

MACAROON: Final = "AgEWsecret"
REFUSED: Final[dict[str, dict[str, str]]] = {
    "a line break at the end": {"x-a": "b\n"},
    "a line break within": {"x-a": "b\r\nx-c: d"},
    "NUL": {"x-a": "b\0"},
    "another control": {"x-a": "b\x7f"},
    "no name": {"x a": "b"},
    "a credential with a line break": {"authorization": f"L402 {MACAROON}:00\n"},
    "a macaroon with a line break": {"macaroon": f"{MACAROON}\n"},
}
SENT: Final[dict[str, dict[str, str]]] = {
    "a plain value": {"x-a": "b c"},
    "a tab within": {"x-a": "b\tc"},
    "nothing": {"x-a": ""},
    "white space around": {"x-a": " b\t"},
}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGIL_CREDENTIAL", "SIGIL_WALLET", "SIGIL_HOLDER_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=ASKERS)
def asker(request: pytest.FixtureRequest, town: Town) -> Any:
    made = ASKERS[request.param](town.mint(budget="100 sat"), town.clock)
    yield made
    made.close()


def with_fields(asker: Asker, url: str, headers: dict[str, str]) -> Answered | Exception:
    try:
        return asker._get(url, headers)  # pyright: ignore[reportPrivateUsage]
    except Exception as error:
        return error


@pytest.mark.parametrize("has_pass", [False, True], ids=["first", "with a pass"])
def test_fields_that_cannot_be_sent_are_refused_and_those_that_can_are_sent(
    town: Town, asker: Asker, has_pass: bool
) -> None:
    shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
    if has_pass:
        for _ in range(2):
            assert isinstance(with_fields(asker, f"{shop.url}/a", {}), Answered)
    before = len(shop.received)
    for name, headers in REFUSED.items():
        error = with_fields(asker, f"{shop.url}/a", headers)
        assert isinstance(error, Exception), name
        assert "paid" not in str(error), name
        assert len(shop.received) == before, name
        if isinstance(error, AdapterError):
            assert error.code == "ERR_REQUEST"
            assert MACAROON not in str(error)
    for name, headers in SENT.items():
        if name == "white space around" and isinstance(asker, Session):
            continue  # requests refuses it.
        assert isinstance(with_fields(asker, f"{shop.url}/a", headers), Answered), name
        got = shop.received[-1].values("x-a")
        assert got == [headers["x-a"].strip()], (name, got)
    assert town.paid()[0] == 1


EXTENSIONS: Final[dict[str, Any]] = {
    "target": {"target": b"/secret"},
    "a timeout that is a text": {"timeout": "x"},
    "a step of it": {"timeout": {"read": "x"}},
    "a negative step": {"timeout": {"read": -1}},
}


@pytest.mark.parametrize("has_pass", [False, True], ids=["first", "with a pass"])
@pytest.mark.parametrize("name", EXTENSIONS)
@pytest.mark.parametrize("library", [httpx2, httpx], ids=["httpx2", "httpx"])
async def test_extensions_that_change_what_is_sent_are_refused(
    town: Town, library: Any, name: str, has_pass: bool
) -> None:
    shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
    text = town.mint(budget="100 sat")
    auth = (Auth if library is httpx2 else OlderAuth)(credential=text, clock=town.clock)
    wanted = AdapterError if name == "target" else TypeError
    with library.Client() as http, library.Client(auth=auth) as authed:
        client = Client(credential=text, clock=town.clock, http=http)
        for get in (client.get, authed.get):
            for _ in range(2 if has_pass else 0):
                get(f"{shop.url}/a")
            before = len(shop.received)
            with pytest.raises(wanted, match=name if name == "target" else "timeout"):
                get(f"{shop.url}/a", extensions=EXTENSIONS[name])
            assert len(shop.received) == before
            assert get(f"{shop.url}/a", extensions={"timeout": {"read": 60}}).status_code == 200
    async with (
        library.AsyncClient() as http,
        AsyncClient(credential=text, clock=town.clock, http=http) as client,
    ):
        for _ in range(2 if has_pass else 0):
            await client.get(f"{shop.url}/a")
        before = len(shop.received)
        with pytest.raises(wanted):
            await client.get(f"{shop.url}/a", extensions=EXTENSIONS[name])
        assert len(shop.received) == before


def test_without_a_credential_extensions_are_the_librarys(town: Town) -> None:
    site = town.open_site(body="sunny")
    assert Client().get(f"{site.url}/a", extensions={"target": b"/b"}).text == "sunny"
    assert site.received[-1].target == "/b"


@pytest.mark.parametrize("scope", [{}, {"max_uses": 100}], ids=["handed over", "relayed"])
@pytest.mark.parametrize("own", [None, "Bearer mine"])
@pytest.mark.parametrize("library", [httpx2, httpx], ids=["httpx2", "httpx"])
async def test_a_trace_sees_the_request_of_the_caller_and_no_credential(
    town: Town, library: Any, own: str | None, scope: dict[str, object]
) -> None:
    shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
    text = town.mint(budget="100 sat", **scope)
    seen: list[Any] = []

    def trace(_: str, info: Any) -> None:
        if "request" in info:
            seen.append([field for field in info["request"].headers if field[0] != b"Host"])

    async def atrace(name: str, info: Any) -> None:
        trace(name, info)

    headers = {"x-own": "1"} if own is None else {"x-own": "1", "authorization": own}
    with library.Client() as http:
        client = Client(credential=text, clock=town.clock, http=http)
        for _ in range(3):
            client.get(f"{shop.url}/a", headers=headers, extensions={"trace": trace})
    async with (
        library.AsyncClient() as http,
        AsyncClient(credential=text, clock=town.clock, http=http) as client,
    ):
        for _ in range(3):
            await client.get(f"{shop.url}/a", headers=headers, extensions={"trace": atrace})
    auth = (Auth if library is httpx2 else OlderAuth)(credential=text, clock=town.clock)
    with library.Client(auth=auth) as http:
        http.get(f"{shop.url}/a", headers={"x-own": "1"}, extensions={"trace": trace})
    assert len(seen) >= 8
    for fields in seen:
        assert (b"x-own", b"1") in [(name.lower(), value) for name, value in fields]
        text = repr(fields)
        assert "L402" not in text
        assert "acaroon" not in text
