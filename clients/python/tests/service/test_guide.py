"""The snippets of docs/guides/python-services.md run as they stand."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
import types
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from tests.repository import text_of
from tests.service.asking import Ask, Got, ask_asgi, ask_wsgi
from tests.service.test_decide import ROOT, SIGIL
from tests.service.worlds import django_settings, handler_of

from l8nt.l402 import Minter
from l8nt.service import Grant, RequestFacts

GUIDE = text_of("docs/guides/python-services.md")
SECRET = bytes(range(7, 39)).hex()
# The guide says so: they are counted in memory until somebody chooses.
pytestmark = pytest.mark.filterwarnings("ignore:l8nt. uses and budgets:RuntimeWarning")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippets(heading: str, language: str = "python") -> list[str]:
    """The code below a heading."""
    section = GUIDE.split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0]
    return [code for name, code in BLOCK.findall(section) if name == language]


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGIL_SECRET", SECRET)
    monkeypatch.setenv("FEED_KEY", "ab" * 32)


def run(code: str, **given: Any) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "guide", **given}
    exec(compile(code, "guide", "exec"), names)
    return names


def asked(app: Any, target: str, credential: str | None = None, **more: Any) -> Got:
    headers = [] if credential is None else [("authorization", f"L402 {credential}")]
    return asyncio.run(ask_asgi(app, Ask(target, headers=headers, **more)))


def minted(location: str, **scope: Any) -> str:
    given: Any = {"endpoints": [f"* {location}/**"], "expires_in": "1h", **scope}
    return Minter(secret=SECRET, location=location).mint(**given).text


def sigil(command: str) -> str:
    """What a command of the guide prints."""
    words = shlex.split(command)
    assert words[0] == "sigil"
    done = subprocess.run([*SIGIL, *words[1:]], capture_output=True, check=True, env=os.environ)
    return done.stdout.decode().strip()


def test_a_route_of_fastapi_and_the_credential_that_is_minted_for_it() -> None:
    [code] = snippets("A route of FastAPI")
    [shell] = snippets("A route of FastAPI", "sh")
    app = run(code)["app"]
    assert re.fullmatch(r"[0-9a-f]{64}", sigil("sigil mint --new-secret"))
    [mint] = [one for one in shell.replace("\\\n", " ").split("\n") if one.startswith("sigil mint")]
    credential = sigil(mint.partition(">")[0])
    served = asked(app, "/forecast?city=tokyo", credential)
    assert (served.status, served.body) == (200, b'{"tokyo":"sunny"}')
    assert '# {"tokyo":"sunny"}' in shell
    refused = asked(app, "/forecast?city=tokyo")
    assert refused.status == 401
    [_, challenge, problem] = [one[2:] for one in shell.split("\n") if one.startswith("# ")][1:]
    name, _, value = challenge.partition(": ")
    assert (refused.value(name) or "").startswith(value.partition("…")[0])
    assert refused.body.decode().startswith(problem.partition(" …")[0])
    assert asked(app, "/status").status == 200
    other = minted("http://127.0.0.1:8000", capabilities={"weather": ["book"]})
    assert asked(app, "/forecast?city=tokyo", other).status == 403


def test_a_holder_narrows_and_revokes_and_so_does_the_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    holder, owner = snippets("Narrow and revoke")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        names = run(snippets("A route of FastAPI")[0].replace("8000", port))
        credential = minted(f"http://127.0.0.1:{port}", agent="scout")
        Path("credential").write_text(f"{credential}\n", "utf-8")
        config = uvicorn.Config(names["app"], log_level="error", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            run(holder.replace("8000", port))
        finally:
            server.should_exit = True
            thread.join()
    assert capsys.readouterr().out == snippets("Narrow and revoke", "text")[0]
    facts = RequestFacts("GET", "/forecast", [("authorization", f"L402 {credential}")])
    grant = names["service"].authorize(facts)
    assert isinstance(grant, Grant)
    grant.finish(200)
    run(owner, node_id=grant.node_id, **names)
    refused = names["service"].authorize(facts)
    assert (refused.status, refused.error.code) == (401, "ERR_REVOKED")


def test_the_example_comes_to_what_it_asserts() -> None:
    example = ROOT / "examples" / "python" / "fastapi_service.py"
    env = {**os.environ, "PYTHONPATH": str(ROOT / "clients" / "python" / "src")}
    done = subprocess.run([sys.executable, str(example)], capture_output=True, env=env, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert b"planner/scout" in done.stdout


def test_a_view_of_flask() -> None:
    app = run(snippets("A view of Flask")[0])["app"]
    credential = minted("http://127.0.0.1:5000", agent="scout", budget="0.02 usd")
    headers = [("authorization", f"L402 {credential}")]
    answers = [ask_wsgi(app, Ask("/forecast", headers=headers)) for _ in range(3)]
    assert [one.status for one in answers] == [200, 200, 401]
    assert json.loads(answers[0].body) == {"for": "scout", "tokyo": "sunny"}
    assert ask_wsgi(app, Ask("/forecast")).status == 401


def test_a_view_of_django() -> None:
    django_settings()
    settings, view = snippets("A view of Django")
    assert run(settings)["MIDDLEWARE"] == ["l8nt.django.SigilMiddleware"]
    from l8nt.service import Service

    service = Service(location="https://api.example", name="weather", secret=SECRET)
    module = types.ModuleType("weather.sigil")
    vars(module)["service"] = service
    sys.modules["weather.sigil"] = module
    ask = handler_of(run(view)["forecast"], SIGIL_SERVICE=run(settings)["SIGIL_SERVICE"])
    credential = minted("https://api.example", agent="scout")
    got = ask(Ask("/", headers=[("authorization", f"L402 {credential}")]))
    assert (got.status, json.loads(got.body)) == (200, {"for": "scout"})
    assert ask(Ask("/")).status == 401


def test_what_a_handler_may_ask(capsys: pytest.CaptureFixture[str]) -> None:
    names = run(snippets("A route of FastAPI")[0])
    run(snippets("What a handler may ask")[0], **names)
    credential = minted("http://127.0.0.1:8000", agent="scout", budget="0.1 usd", max_uses=5)
    for _ in range(4):
        got = asked(names["app"], "/ask", credential, method="POST")
        assert (got.status, json.loads(got.body)) == (200, {"answer": "sunny"})
    assert "scout" in capsys.readouterr().out
    # 0.048 is spent, and 0.052 is left: the price is held until the request is settled.
    assert asked(names["app"], "/ask", credential, method="POST").status == 200
    assert asked(names["app"], "/ask", credential, method="POST").status == 401


def test_issuers_are_named_in_challenges() -> None:
    names = run("from l8nt.service import Service\n" + snippets("Trust an issuer")[0])
    assert names["service"].challenge.endswith('issuers="https://treasury.example"')
    refused = names["service"].authorize(RequestFacts("GET", "/forecast", []))
    assert refused.status == 401


def test_several_workers_count_in_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    [config] = snippets("Several workers", "yaml")
    Path("decide.yaml").write_text(config.replace("8411", port))
    command = [*SIGIL, *shlex.split(config.split("\n")[0].partition("sigil ")[2])]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline(), process.communicate()
        [code] = snippets("Several workers")
        workers = [run(code.replace("8411", port)) for _ in range(2)]
        scope: Any = {"endpoints": ["* https://api.example/**"], "expires_in": "1h"}
        minter = Minter(secret=workers[0]["secret"], location="https://api.example")
        credential = minter.mint(**scope, max_uses=3).text
        facts = RequestFacts("GET", "/forecast", [("authorization", f"L402 {credential}")])
        decisions = [workers[n % 2]["service"].authorize(facts) for n in range(4)]
        assert [isinstance(one, Grant) for one in decisions] == [True, True, True, False]
        for one in workers:
            one["service"].ledger.close()
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_a_feed_keeps_revocations_in_step() -> None:
    [feed] = snippets("What it cannot do")
    names = run(snippets("A route of FastAPI")[0])
    code = feed.replace(").start()", ")")
    assert code != feed
    run(f"import os\n{code}", **names)
    # Before its first page nothing is known of what was revoked.
    asked_for = RequestFacts(
        "GET",
        "/status",
        [("authorization", f"L402 {minted('http://127.0.0.1:8000')}")],
    )
    refused = names["service"].authorize(asked_for)
    assert (refused.status, refused.error.code) == (503, "ERR_REVOCATION_UNKNOWN")
