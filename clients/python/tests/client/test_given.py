"""Options of a client that cannot work are refused when it is made, before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
import requests

import l8nt.httpx2
import l8nt.requests
from l8nt import AsyncClient, Client, Credential, SigilError
from l8nt.agents import SigilHandle
from l8nt.asgi import Sigil as AsgiSigil
from l8nt.holder import HolderKey
from l8nt.l402 import Minter
from l8nt.service import DecideLedger, MemoryLedger, Service
from l8nt.wsgi import Sigil as WsgiSigil

SECRET = bytes(range(32))
LOCATION = "https://treasury.example"
TEXT = (
    Minter(secret=SECRET, location=LOCATION, kind="spending")
    .mint(endpoints=["* http://127.0.0.1:*/**"], budget="5 sat", expires_in="1h")
    .text
)
VALUE = "a-value-that-may-be-a-secret"


CREDENTIALS = [
    (5, "credential must be a credential, its text, or a list of these, and has an int"),
    (TEXT.encode(), r"and has a bytes: give its \.decode\(\)"),
    (Path(VALUE), r"and has a pathlib\..*Path: give what the file holds, \.read_text\(\)"),
    ([TEXT, 5], "and has an int"),
    ([TEXT.encode()], "and has a bytes"),
    ({TEXT: 1}, "and has a dict"),
    (Credential, "and has the class Credential itself"),
]


@pytest.mark.parametrize("make", [Client, AsyncClient, l8nt.httpx2.Auth, l8nt.requests.Adapter])
@pytest.mark.parametrize(("given", "told"), CREDENTIALS)
def test_what_is_no_credential_is_a_type_error(
    make: Callable[..., object], given: Any, told: str
) -> None:
    with pytest.raises(TypeError, match=told) as raised:
        make(credential=given)
    assert TEXT not in str(raised.value)
    assert VALUE not in str(raised.value)


@pytest.mark.parametrize(
    "given",
    [
        TEXT,
        f" {TEXT}\n{TEXT}",
        Credential.parse(TEXT),
        [TEXT],
        (TEXT, Credential.parse(TEXT)),
        {TEXT},
        [],
        "",
    ],
    ids=lambda given: type(given).__name__,
)
def test_a_credential_in_any_of_its_forms_is_taken(given: Any) -> None:
    Client(credential=given)
    AsyncClient(credential=given)


def _library(name: str, kind: str) -> Any:
    return getattr({"httpx": httpx, "httpx2": httpx2}[name], kind)


@pytest.mark.parametrize("option", ["http", "treasury_http"])
@pytest.mark.parametrize(
    "given",
    [VALUE, 5, requests.Session(), httpx2.Client, httpx2.HTTPTransport(), "other"],
    ids=lambda given: getattr(given, "__name__", type(given).__name__),
)
@pytest.mark.parametrize("make", [Client, AsyncClient])
def test_what_sends_no_requests_is_a_type_error_that_names_the_option(
    make: type[Client | AsyncClient], given: Any, option: str
) -> None:
    if given == "other":
        given = httpx2.AsyncClient() if make is Client else httpx2.Client()
    kind = "Client" if make is Client else "AsyncClient"
    told = f"^{option} of an? {kind} must be an httpx2.{kind} or an httpx.{kind}, and is "
    with pytest.raises(TypeError, match=told) as raised:
        make(credential=TEXT, **{option: given})
    assert VALUE not in str(raised.value)


@pytest.mark.parametrize("option", ["http", "treasury_http"])
@pytest.mark.parametrize("library", ["httpx", "httpx2"])
async def test_a_client_of_either_library_and_one_that_is_derived_from_it_are_taken(
    library: str, option: str
) -> None:
    with _library(library, "Client")() as http:
        sync: Any = {option: http}
        Client(credential=TEXT, **sync)
        if option == "treasury_http":
            l8nt.httpx2.Auth(credential=TEXT, treasury_http=http)
    kind: Any = type("Derived", (_library(library, "AsyncClient"),), {})
    async with kind() as http:
        options: Any = {option: http}
        AsyncClient(credential=TEXT, **options)
        if option == "treasury_http":
            l8nt.httpx2.Auth(credential=TEXT, treasury_http=http)


def test_an_auth_takes_no_other_client_for_its_treasury() -> None:
    with pytest.raises(TypeError, match=r"^treasury_http must be an httpx2\.Client or an httpx"):
        l8nt.httpx2.Auth(credential=TEXT, treasury_http=requests.Session())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"on_payment": VALUE}, "^on_payment must be a function .* and is a str"),
        ({"clock": 5}, "^clock must be a function that gives Unix seconds.* and is an int"),
        ({"holder_key": 5}, "^holder_key must be the text of a private key.* and is an int"),
        ({"credential": None, "wallet": 5}, "^wallet must be the URL of a wallet, and is an int"),
    ],
)
@pytest.mark.parametrize("make", [Client, AsyncClient, SigilHandle.open])
def test_an_option_of_the_wrong_type_is_named(
    make: Callable[..., object], options: dict[str, Any], told: str
) -> None:
    with pytest.raises(TypeError, match=told) as raised:
        make(**{"credential": TEXT, **options})
    assert VALUE not in str(raised.value)


async def _awaited(*_: object) -> float:
    return 1.0


class _Awaited:
    async def __call__(self, *_: object) -> float:
        return 1.0


@pytest.mark.parametrize("option", ["on_payment", "clock"])
@pytest.mark.parametrize("given", [_awaited, _Awaited()], ids=["function", "object"])
@pytest.mark.parametrize("make", [Client, AsyncClient, l8nt.httpx2.Auth, l8nt.requests.Adapter])
def test_a_function_that_nobody_awaits_is_refused(
    make: Callable[..., object], given: object, option: str
) -> None:
    with pytest.raises(TypeError, match=f"^{option} must be .* one of async def"):
        make(credential=TEXT, **{option: given})


def test_options_of_their_types_are_taken() -> None:
    Client(credential=TEXT, on_payment=print, clock=lambda: 1.0, holder_key=HolderKey())


@pytest.mark.parametrize("given", [None, 5, b"bytes", ["a list"]])
def test_revoke_says_what_it_takes(given: Any) -> None:
    with pytest.raises(TypeError, match="revoke takes the credential that delegate returned"):
        Client(credential=TEXT).revoke(given)


def test_revoke_says_where_a_text_that_is_no_credential_stood() -> None:
    with pytest.raises(SigilError, match=r"^In what revoke was given: .* may have been cut off"):
        Client(credential=TEXT).revoke("scout")


@pytest.mark.parametrize("given", [None, 5, b"scout"])
def test_an_agent_is_asked_for_by_its_name(given: Any) -> None:
    with pytest.raises(TypeError, match="must be the name of an agent, and is"):
        SigilHandle.open(credential=TEXT).for_agent(given)


@pytest.mark.parametrize(
    "url",
    [
        "127.0.0.1:1/path",
        "localhost:1/path",
        "/path",
        "",
        "ftp://127.0.0.1/path",
        f"ftp://user:{VALUE}@127.0.0.1/path",
    ],
)
def test_a_url_that_no_request_can_have_is_refused_with_what_it_lacks(url: str) -> None:
    told = "does not begin with http:// or https:// and a host"
    with pytest.raises(SigilError, match=told) as raised:
        Client(credential=TEXT).get(url)
    assert raised.value.code == "ERR_REQUEST"
    assert VALUE not in str(raised.value)


def test_a_client_shows_what_it_has_and_no_secret() -> None:
    for make in (Client, AsyncClient):
        shown = repr(make(credential=[TEXT, TEXT]))
        name = make.__name__
        assert shown.startswith(f"<{name} with <Credential for '{LOCATION}' with [")
        assert shown.count("<Credential") == 2
        assert TEXT not in shown
        assert TEXT.partition(":")[2] not in shown
        assert repr(make(credential=())) == f"<{name} with no credential>"
        assert repr(make(wallet=f"lnd+https://{VALUE}")) == f"<{name} with a wallet>"


async def _app(*_: object) -> None: ...


@pytest.mark.parametrize("sigil", [AsgiSigil, WsgiSigil])
@pytest.mark.parametrize("given", ["weather.service", None, Service, _app])
def test_a_guard_without_a_service_is_a_type_error(sigil: Any, given: Any) -> None:
    with pytest.raises(TypeError, match=r"^service must be an l8nt\.service\.Service, and is "):
        sigil(_app, given)


@pytest.mark.parametrize("sigil", [AsgiSigil, WsgiSigil])
def test_a_guard_shows_its_service(sigil: Any) -> None:
    service = Service(location="https://api.example", secret=SECRET, ledger=MemoryLedger())
    assert repr(sigil(_app, service)) == "<Sigil for https://api.example>"


class Lazy:
    """A text that is known when it is asked for, as Django has them."""

    def __str__(self) -> str:
        return LOCATION


class Kinds(str, Enum):
    HERE = LOCATION


@pytest.mark.parametrize(
    "given", [httpx2.URL(LOCATION), httpx.URL(LOCATION), Lazy(), Kinds.HERE, LOCATION]
)
def test_the_location_of_a_service_is_taken_as_its_text(given: Any) -> None:
    service = Service(location=given, secret=SECRET, ledger=MemoryLedger())
    assert isinstance(service.location, str)
    assert service.location == LOCATION


@pytest.mark.parametrize(
    "given", [None, b"https://api.example", Path("https://api.example"), ["https://api.example"]]
)
def test_what_has_no_url_as_its_text_is_no_location(given: Any) -> None:
    with pytest.raises(TypeError, match=r"^location must be the URL"):
        Service(location=given, secret=SECRET)


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Service(location=8000, secret=SECRET), "^location must be the URL"),  # pyright: ignore[reportArgumentType]
        (lambda: Service(location=LOCATION, secret=SECRET, ledger=VALUE), "^ledger must be"),  # pyright: ignore[reportArgumentType]
        (lambda: DecideLedger(5), "^url must be where sigil gateway decide listens"),  # pyright: ignore[reportArgumentType]
    ],
)
def test_an_option_of_a_service_of_the_wrong_type_is_named(
    make: Callable[[], object], told: str
) -> None:
    with pytest.raises(TypeError, match=told) as raised:
        make()
    assert VALUE not in str(raised.value)
