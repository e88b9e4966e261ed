"""The Python on the pages runs as it stands: hosts of examples are a shop on loopback."""

from __future__ import annotations

import ast
import asyncio
import builtins
import inspect
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import httpx2
import pytest
from tests.repository import ROOT, text_of
from tests.town import Shop, Town

from l8nt import Client, Credential
from l8nt.holder import HolderKey
from l8nt.l402 import Minter

_HOSTS = re.compile(r"https://(?:api|weather|maps)(?:\.\w+)?\.example(?=/)")
_SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_BOOKER = text_of("docs/guides/python.md")
_RING = {"issuer": "https://treasury.example"}

PAGES = [
    "README.md",
    "clients/python/README.md",
    "docs/guides/agents.md",
    "docs/guides/mcp.md",
    "docs/guides/python.md",
    "docs/guides/python-http.md",
    "docs/concepts/nodes.md",
    "docs/concepts/credential.md",
    "docs/guides/holder.md",
    "docs/guides/public-key.md",
]
"""The pages whose Python is run here. Those of frameworks and services have tests of their own."""

SNIPPETS = [
    pytest.param(snippet, id=f"{page}-{number}")
    for page in PAGES
    for number, snippet in enumerate(_SNIPPET.findall(text_of(page)), 1)
    if "seal(" not in snippet  # Needs a credential of the other form: its test is below.
]


def compiled(snippet: str, origin: str) -> CodeType:
    """The snippet with the shop's origin; ``await`` may stand at its top."""
    text = _HOSTS.sub(origin, snippet)
    return compile(text, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def run(snippet: str, origin: str, **given: object) -> dict[str, object]:
    """Runs a snippet with these names in scope; returns what it defined."""
    names: dict[str, object] = {"__builtins__": builtins, **given}
    code = compiled(snippet, origin)
    result = eval(code, names)
    if inspect.isawaitable(result):

        async def whole() -> None:
            await result

        asyncio.run(whole())
    return names


@pytest.fixture
def shop(open_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Shop:
    """A shop that trusts an issuer, and an environment and a folder as the pages expect them."""
    town = open_town(now=None)
    shop = town.open_shop(price="1 sat", trusts=True, body='{"tokyo": "sunny"}')
    town.introduce(shop)
    monkeypatch.setenv("SIGIL_CREDENTIAL", town.mint(budget="1000 sat"))
    monkeypatch.setenv("SIGIL_HOLDER_KEY", HolderKey().export_private_key())
    monkeypatch.chdir(tmp_path)
    # Of its page; the environment that the page gives it has no path to these sources.
    booker = _HOSTS.sub(shop.url, _SNIPPET.findall(_BOOKER.split("`booker.py` is", 1)[1])[0])
    path = f"import sys\nsys.path[:0] = {sys.path!r}\n"
    Path("booker.py").write_text(f"{path}{booker}", "utf-8")
    return shop


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_of_a_page_runs_as_it_stands(snippet: str, shop: Shop) -> None:
    client = Client()
    child = client.delegate(agent="scout", budget="1 sat")
    secret = bytes(range(32))
    minted = Minter(secret=secret, location=shop.url, kind="access").mint(
        endpoints=[f"GET {shop.url}/**"], expires_in="1h"
    )
    headers = {"authorization": f"L402 {minted.text}"}
    request = httpx2.Request("GET", f"{shop.url}/forecast", headers=headers)
    if "keys.json" in snippet:
        make_ring(Path("keys.json"))
    made = run(
        snippet,
        shop.url,
        client=client,
        child=child,
        credential=client.credential,
        request=request,
        secret=secret,
        subprocess=subprocess,
        sys=sys,
    )
    assert made.get("refusals", ()) in ((), [])


def test_the_five_lines_pay_and_print(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    first = _SNIPPET.findall(text_of("README.md"))[0]
    assert len(first.splitlines()) == 4
    run(first, shop.url)
    assert capsys.readouterr().out == "{'tokyo': 'sunny'}\n"
    assert len(shop.served) == 1


def test_an_api_key_of_a_page_is_sealed_and_good_at_its_origin(
    open_town: Callable[..., Town], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = open_town(now=None)
    shop = town.open_shop(trusts=True, sells=False, price=None)
    town.mint_for(shop.url)
    monkeypatch.setenv(
        "SIGIL_CREDENTIAL",
        town.mint_public(shop.url, endpoints=[f"* {shop.url}/**"], expires_in="1h"),
    )
    snippet = next(
        one for one in _SNIPPET.findall(text_of("docs/guides/public-key.md")) if "seal(" in one
    )
    made = run(snippet, shop.url)
    key = made["api_key"]
    assert isinstance(key, str)
    assert key.startswith("sk-sigil-")
    assert Credential.parse(key).caveats[-1].value == f"* {shop.url}/**"
    response = Client(credential=key).get(f"{shop.url}/forecast")
    assert response.status_code == 200, response.text


def make_ring(path: Path) -> None:
    """A key ring by the program, as the page says."""
    node = ROOT / "node_modules/node/bin/node"
    made = subprocess.run(
        [
            *(str(node), "--conditions=l8nt-source", str(ROOT / "packages/sigil/src/main.ts")),
            *("keys", "new", "--issuer", _RING["issuer"], "--keys", str(path)),
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    assert made.returncode == 0
    assert json.loads(path.read_text("utf-8"))


def test_every_page_has_python_that_runs() -> None:
    for page in PAGES:
        assert _SNIPPET.search(text_of(page)), page
