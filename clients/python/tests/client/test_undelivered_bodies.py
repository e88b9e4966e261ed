"""Bodies of paid answers that their reader does not get, because they cannot be decoded or because
the reading is interrupted: they broke off, so what was paid for is used again.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from types import ModuleType
from typing import Any, Final

import httpx
import httpx2
import pytest
import requests
from tests.town import Town

import l8nt.requests
from l8nt import Client, PaymentError

from .askers import ASKERS

CODINGS: Final = ("gzip", "deflate", "gzip, gzip", ", ".join(["gzip"] * 6))
NOT_DECODED: Final = {"aiohttp": CODINGS[2:], "requests": CODINGS[3:]}
"""Lists that a library passes on as they are, or refuses with the head of the answer."""
WAYS: Final[dict[str, dict[str, object]]] = {"handed over": {}, "relayed": {"max_uses": 100}}


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SIGIL_CREDENTIAL", "SIGIL_WALLET", "SIGIL_HOLDER_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("asker", "coding", "way"),
    [
        (asker, coding, way)
        for asker, coding, way in product(ASKERS, CODINGS, WAYS)
        # The treasury does not read the long list either.
        if coding not in NOT_DECODED.get(asker, ()) and (way, coding) != ("relayed", CODINGS[3])
    ],
)
def test_that_cannot_be_decoded_are_told_and_paid_for_once(
    town: Town, asker: str, coding: str, way: str
) -> None:
    shop = town.open_shop(price="10 sat", headers={"content-encoding": coding}, body="no such code")
    client = ASKERS[asker](town.mint(budget="100 sat", **WAYS[way]), town.clock)
    outcomes = [client.get(f"{shop.url}/a") for _ in range(3)]
    client.close()
    told = [outcome for outcome in outcomes if isinstance(outcome, PaymentError)]
    assert [one.code for one in told] == ["ERR_PAID_NOT_DELIVERED"] * 3, outcomes
    assert told[0].spent == "yes"
    assert town.paid()[0] == 1
    assert len(shop.served) == 1


@pytest.mark.parametrize("asker", ["Client", "AsyncClient"])
def test_that_answer_a_pass_are_told_if_they_cannot_be_decoded(town: Town, asker: str) -> None:
    shop = town.open_shop(price="10 sat", grants={"valid_for": "1h"})
    client = ASKERS[asker](town.mint(budget="100 sat"), town.clock)
    for _ in range(2):
        assert not isinstance(client.get(f"{shop.url}/a"), Exception)
    shop.fault("answer", headers={"content-encoding": "gzip"}, body="no such code")
    outcome = client.get(f"{shop.url}/a")
    client.close()
    assert isinstance(outcome, PaymentError)
    assert outcome.spent == "no"


class TimeLimit(Exception):
    """What the handler of a signal raises, as Celery's does."""


KINDS: Final = (TimeLimit, KeyboardInterrupt)


def interrupt(monkeypatch: pytest.MonkeyPatch, kind: type, name: str, error: type) -> None:
    """Raises an error once between two parts of a paid body."""
    method = getattr(kind, name)
    raised: list[BaseException] = []

    def parts(self: Any, *given: Any, **options: Any) -> Iterator[bytes]:
        for part in method(self, *given, **options):
            if getattr(self, "status_code", 0) == 200 and not raised:
                raised.append(error("a signal"))
                raise raised[0]
            yield part

    monkeypatch.setattr(kind, name, parts)


@pytest.mark.parametrize("error", KINDS)
@pytest.mark.parametrize("library", [httpx2, httpx], ids=["httpx2", "httpx"])
def test_of_clients_that_are_interrupted_are_used_again(
    town: Town, library: ModuleType, error: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = town.open_shop(price="10 sat")
    with library.Client(trust_env=False) as http:
        client = Client(credential=town.mint(budget="100 sat"), http=http, clock=town.clock)
        interrupt(monkeypatch, library.Response, "iter_bytes", error)
        with pytest.raises(PaymentError if error is TimeLimit else error):
            client.get(f"{shop.url}/a")
        assert client.get(f"{shop.url}/a").json() == {"served": 1}
        # What the caller itself leaves counts as given.
        with client.stream("GET", f"{shop.url}/a"):
            pass
        assert client.get(f"{shop.url}/a").json() == {"served": 3}
    assert town.paid()[0] == 3


@pytest.mark.parametrize("error", KINDS)
def test_of_a_session_that_are_interrupted_are_used_again(
    town: Town, error: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = town.open_shop(price="10 sat")
    with requests.Session() as session:
        text = town.mint(budget="100 sat")
        session.mount("http://", l8nt.requests.Adapter(credential=text, clock=town.clock))
        interrupt(monkeypatch, requests.Response, "iter_content", error)
        with pytest.raises(PaymentError if error is TimeLimit else error):
            session.get(f"{shop.url}/a")
        assert session.get(f"{shop.url}/a").json() == {"served": 1}
        session.get(f"{shop.url}/a", stream=True).close()
        assert session.get(f"{shop.url}/a").json() == {"served": 3}
    assert town.paid()[0] == 3
