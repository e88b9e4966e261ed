"""Connections belong to a process and an event loop, and what a credential travels by is ours."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import httpx2
import pytest
from tests.town import Town

from l8nt import AsyncClient, Client
from l8nt.client.connections import Connections, goes_by_proxy
from l8nt.client.endings import was_not_sent
from l8nt.client.leases import Leases
from l8nt.client.pools import Wanted

from .world import SHOP, Mode, World, each_mode

SOURCE = Path(__file__).resolve().parents[2] / "src"
SERVICES = Wanted("services", False, httpx2)
LOOPS = Wanted("services", True, httpx2)
CLOSED = "http://127.0.0.1:9"
"""A proxy that does not answer."""


def run_python(code: str) -> None:
    paths = os.pathsep.join((str(SOURCE), str(SOURCE.parent)))
    subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": paths}, check=True)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_process_that_was_forked_has_connections_of_its_own() -> None:
    run_python(
        """if True:
        import httpx2, os
        from l8nt.client.leases import Leases
        from l8nt.client.pools import Wanted
        wanted = Wanted("services", False, httpx2)
        leases, other = Leases(), Leases()
        before = leases.http(wanted)
        assert other.http(wanted) is before
        if os.fork() == 0:
            after = leases.http(wanted)
            is_own = after is not before and other.http(wanted) is after
            other.close()
            leases.close()
            os._exit(0 if is_own and after.is_closed and not before.is_closed else 1)
        assert os.wait()[1] == 0
        assert leases.http(wanted) is before
        leases.close()
        assert not before.is_closed
        other.close()
        assert before.is_closed
        """
    )


def test_a_client_that_another_thread_has_closed_was_sent_nothing() -> None:
    http = httpx2.Client()
    http.close()
    with pytest.raises(RuntimeError) as caught:
        http.get("https://treasury.example/")
    assert was_not_sent(caught.value)
    assert not was_not_sent(RuntimeError("something else"))


def test_a_call_goes_on_with_another_connection_once_its_own_is_closed() -> None:
    connections = Connections(None, None, is_async=False)
    before = connections.services()
    connections.leases.close()
    assert connections.to_service(before, "https://service.example/") is connections.services()
    assert not connections.services().is_closed
    connections.leases.close()


def test_the_package_loads_where_no_process_forks() -> None:
    run_python(
        """if True:
        import asyncio, concurrent.futures.thread, logging, os, random
        del os.register_at_fork
        from l8nt import AsyncClient, Client
        Client(credential=())
        """
    )


def test_an_event_loop_has_connections_of_its_own() -> None:
    leases = Leases()
    other = Leases()

    async def both() -> Any:
        assert leases.http(LOOPS) is leases.http(LOOPS) is other.http(LOOPS)
        return leases.http(LOOPS)

    assert asyncio.run(both()) is not asyncio.run(both())

    found: list[Any] = []
    together = threading.Barrier(3)

    def of_thread() -> None:
        async def kept() -> None:
            found.append(leases.http(LOOPS))
            await asyncio.to_thread(together.wait)
            assert leases.http(LOOPS) in found
            found.append(leases.http(LOOPS))

        asyncio.run(kept())

    threads = [threading.Thread(target=of_thread) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len({id(one) for one in found}) == 3


async def test_what_nobody_uses_is_closed_in_its_loop() -> None:
    closed, forgotten = Leases(), Leases()
    http = closed.http(LOOPS)
    assert forgotten.http(LOOPS) is http
    await closed.aclose()
    assert not http.is_closed
    del forgotten
    for _ in range(3):
        await asyncio.sleep(0)
    assert http.is_closed


@pytest.mark.parametrize("library", [httpx2, httpx])
@pytest.mark.parametrize("is_async", [False, True])
@pytest.mark.parametrize(
    ("variables", "url", "by_proxy"),
    [
        ({"HTTP_PROXY": CLOSED}, "http://127.0.0.1:80/a", True),
        ({"http_proxy": CLOSED}, "http://localhost/a", True),
        ({"ALL_PROXY": CLOSED}, "http://[::1]:8080/a", True),
        ({"HTTP_PROXY": CLOSED}, "http://127.8.7.6/a", True),
        ({"HTTP_PROXY": CLOSED, "NO_PROXY": "localhost"}, "http://localhost/a", False),
        ({"HTTPS_PROXY": CLOSED}, "http://localhost/a", False),
        ({}, "http://localhost/a", False),
    ],
)
async def test_plain_http_to_this_machine_goes_through_no_proxy(
    monkeypatch: pytest.MonkeyPatch,
    library: Any,
    is_async: bool,
    variables: dict[str, str],
    url: str,
    by_proxy: bool,
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    given = library.AsyncClient() if is_async else library.Client()
    connections = Connections(given, None, is_async=is_async)
    assert goes_by_proxy(given, url) is by_proxy
    sender = connections.to_service(given, url)
    assert (sender is not given) is by_proxy
    assert not goes_by_proxy(sender, url)
    assert not goes_by_proxy(connections.to_treasury(None, url), url)
    # The caller's own way to other hosts stays as it is.
    for other in ("http://service.example/a", "https://127.0.0.1/a", "https://service.example/a"):
        assert connections.to_service(given, other) is given
    if is_async:
        await connections.leases.aclose()
    else:
        connections.leases.close()


@pytest.mark.parametrize("is_given", [False, True])
def test_a_client_pays_on_this_machine_past_the_proxy_of_the_environment(
    town: Town, monkeypatch: pytest.MonkeyPatch, is_given: bool
) -> None:
    shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, CLOSED)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    http = httpx2.Client()
    with http:
        given = http if is_given else None
        text = town.mint(budget="100 sat")
        with Client(credential=text, http=given, clock=town.clock) as client:
            # The third one is sent with the pass at once.
            assert [client.get(f"{shop.url}/a").status_code for _ in range(3)] == [200] * 3
            assert [node.agent for node in client.standing()] == [None]


def test_nothing_of_the_callers_http_client_reaches_the_treasury(town: Town) -> None:
    shop = town.open_shop(price="10 sat")

    def add(request: httpx2.Request) -> None:
        request.headers["x-api-key"] = "KEY"

    http = httpx2.Client(event_hooks={"request": [add]}, cookies={"sid": "MINE"})
    with (
        http,
        Client(credential=town.mint(budget="100 sat"), http=http, clock=town.clock) as client,
    ):
        assert client.get(f"{shop.url}/a").status_code == 200
    assert any(one.values("x-api-key") for one in shop.received)
    assert town.treasury.received
    for one in town.treasury.received:
        assert not one.values("x-api-key")
        assert not one.values("cookie")


def test_the_callers_own_client_for_the_treasury_is_used(world: World) -> None:
    http = httpx2.Client(transport=httpx2.MockTransport(world.handle))
    connections = Connections(http, http, is_async=False)
    assert connections.to_treasury(None, "https://treasury.example/v1/purchases") is http
    assert Connections(None, http, is_async=False).anew().to_treasury(None, "https://x.y/") is http


def test_clients_share_no_cookies() -> None:
    leases = Leases()
    http = leases.http(SERVICES)
    asked = httpx2.Request("GET", "https://service.example/")
    answer = httpx2.Response(200, headers={"set-cookie": "sid=ALICE"}, request=asked)
    http.cookies.extract_cookies(answer)
    assert "cookie" not in http.build_request("GET", "https://service.example/").headers
    own = http.build_request("GET", "https://service.example/", cookies={"sid": "BOB"})
    assert own.headers["cookie"] == "sid=BOB"
    leases.close()


async def test_an_async_client_of_a_client_sends_with_what_it_is_given(world: World) -> None:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(world.handle))
    client = Client(credential=world.credential)
    made = client.to_async(http=http, treasury_http=http)
    assert isinstance(made, AsyncClient)
    assert (await made.get(f"{SHOP}/a")).text == "sunny"


Moved = Callable[[str], httpx2.Response]


@each_mode
@pytest.mark.parametrize("way", ["handed over", "pass", "relayed"])
@pytest.mark.parametrize(
    ("location", "status", "method"),
    [
        ("/next", 302, "GET"),
        ("https://other.example/next", 302, "GET"),
        ("/next", 307, "POST"),
        ("/next", 302, "POST"),
    ],
)
def test_the_next_request_is_made_of_the_callers_own_fields(
    world: World, mode: Mode, way: str, location: str, status: int, method: str
) -> None:
    moved = {"location": location}
    world.serve = lambda _: httpx2.Response(status, headers=moved)
    if way == "relayed":
        world.otherwise = lambda _: world.relay(httpx2.Response(status, headers=moved))
    if way == "pass":
        world.otherwise = lambda order: world.hand_over(world.sold(expires_in="30m"), order)
    client = world.client(mode)
    for own in ({}, {"authorization": "Bearer mine"}):
        options: dict[str, Any] = {"content": b"body"} if method == "POST" else {}
        headers = {"x-mine": "1", **own}
        for _ in range(2):
            response = client.request(
                method, f"{SHOP}/a", headers=headers, follow_redirects=False, **options
            )
            onward = response.next_request
            assert response.status_code == status
            assert onward is not None
            expected = location if location.startswith("https") else f"{SHOP}{location}"
            assert str(onward.url) == expected
            assert onward.headers["x-mine"] == "1"
            is_same = location == "/next"
            assert onward.headers.get("authorization") == (
                own.get("authorization") if is_same else None
            )
            for name in ("macaroon", "prefer", "idempotency-key"):
                assert name not in onward.headers
                assert name not in response.request.headers
            assert onward.method == ("POST" if status == 307 else "GET")
            assert onward.read() == (b"body" if status == 307 else b"")
