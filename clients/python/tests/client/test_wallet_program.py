"""How the program that pays from a wallet ends or is silent, and what its clients are told."""

# pyright: reportPrivateUsage=false

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.client.programs import program
from tests.client.world import SECRET, asks
from tests.forks import in_fork

import l8nt
from l8nt import AdapterError, Client, PaymentError
from l8nt.client import wallet_program
from l8nt.client.patience import patience
from l8nt.client.wallet_child import WalletChild
from l8nt.client.wallet_program import WalletProgram, started, without_secrets
from l8nt.l402 import Minter

KEY = "9f8e7d6c5b4a39281706f5e4d3c2b1a0"
WALLET = f"dev+http://127.0.0.1:1/purse?key={KEY}"
NWC = f"nostr+walletconnect://{'ab12' * 16}?relay=wss%3A%2F%2Frelay.example&secret={'cd34' * 16}"


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WalletChild]:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    one = WalletChild(WALLET)
    yield one
    one.close()


def _credential() -> str:
    minter = Minter(secret=SECRET, location="https://embedded.invalid", kind="spending")
    return minter.mint(endpoints=["* https://*:*/**"], budget="100 sat", expires_in="1h").text


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("sys.exit(3)", "ended with status 3; what it said is on standard error"),
        ("sys.exit(0)", "has ended; what it said is on standard error"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed by SIGKILL; what it said"),
        ("os.abort()", "was killed by SIGABRT; what it said"),
        (
            "say(ended='No wallet there.'); sys.exit(7)",
            "status 7. Its last words: No wallet there.",
        ),
        ("print('not JSON', flush=True); sys.exit(1)", "ended with status 1; what it said"),
        ("say(ended=7); sys.exit(1)", "ended with status 1; what it said"),
    ],
)
@pytest.mark.parametrize("when", ["at its start", "at a question", "between questions"])
def test_how_it_ended_is_said_with_its_last_words(
    child: WalletChild,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    body: str,
    told: str,
    when: str,
) -> None:
    before = {
        "at its start": "",
        "at a question": "begin(); mint(); question()",
        "between questions": "begin(); mint()",
    }[when]
    monkeypatch.setenv("SIGIL_PROGRAM", program(tmp_path, f"{before}\n{body}", "a credential"))
    if before:
        assert child.credential() == "a credential"
    if when == "between questions":
        assert child._program is not None
        child._program._process.wait(30)
    for ask in (lambda: child.credential({"budget": "1 sat"}), lambda: child.socket):
        with pytest.raises(AdapterError) as raised:
            ask()
        assert raised.value.code == "ERR_WALLET"
        assert told in raised.value.message
        assert "sigil doctor" in raised.value.message


@pytest.mark.parametrize("wallet", [WALLET, NWC, "phoenixd+http://:pass%2Bword@127.0.0.1:9740"])
def test_last_words_have_no_part_of_the_wallet_and_no_key(wallet: str) -> None:
    password = ("pass+word", "pass%2Bword") if "pass" in wallet else ()
    secrets = (KEY, "cd34" * 16, "ab12" * 16, *password)
    told = without_secrets(f"cannot reach {wallet} with {', '.join(secrets)}\nat x", wallet)
    for secret in secrets:
        assert secret not in told
    assert told.startswith("cannot reach")
    assert "\n" not in told
    assert len(without_secrets("no " * 999, wallet)) <= 300


@pytest.mark.parametrize("body", ["time.sleep(600)", "question()", "say(hello=1); question()"])
def test_a_program_that_says_nothing_at_its_start_is_ended(
    child: WalletChild, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str
) -> None:
    monkeypatch.setattr(wallet_program, "START_SECONDS", 0.5)
    monkeypatch.setattr(wallet_program, "_END_SECONDS", 0.1)
    monkeypatch.setenv("SIGIL_PROGRAM", program(tmp_path, body))
    for _ in range(2):
        with pytest.raises(AdapterError, match="did not start in 0 seconds, and was ended"):
            child.credential()
    assert child._program is not None
    assert child._program._process.poll() is not None


@pytest.mark.parametrize("body", ["question(); time.sleep(600)", "time.sleep(600)"])
@pytest.mark.parametrize("size", [1, 4_000_000])
def test_a_question_that_is_not_read_or_answered_is_given_up(
    child: WalletChild, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str, size: int
) -> None:
    monkeypatch.setattr(wallet_program, "ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(wallet_program, "_END_SECONDS", 0.1)
    monkeypatch.setenv("SIGIL_PROGRAM", program(tmp_path, f"begin(); {body}"))
    with pytest.raises(AdapterError, match=r"did not answer in 0 seconds. Nothing was paid"):
        child.credential({"endpoints": ["x" * size]})


@pytest.mark.parametrize("death", ["os._exit(9)", "os.kill(os.getpid(), signal.SIGKILL)"])
@pytest.mark.parametrize("first", [True, False])
def test_an_order_that_dies_with_the_program_is_unknown_and_says_what_to_look_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, death: str, first: bool
) -> None:
    def at_once(_: float) -> None:
        pass

    monkeypatch.setattr(patience, "sleep", at_once)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    body = f"""
    def at_order(handler):
        {death}

    server = begin()
    mint()
    server.handle_request()
    """
    monkeypatch.setenv("SIGIL_PROGRAM", program(tmp_path, body, _credential()))
    wallet = f"{WALLET}{death}{first}"
    http = httpx2.Client(transport=httpx2.MockTransport(lambda _: asks()))
    with Client(wallet=wallet, http=http) as client:
        if not first:
            child = client._core.carried and client._core.child
            assert child
            assert child._program is not None
            child._program._process.kill()
            child._program._process.wait(30)
            with pytest.raises(AdapterError) as refused:
                client.get("https://shop.example/a")
            assert "was killed by SIGKILL" in refused.value.message
            assert "embedded" not in refused.value.message
            return
        with pytest.raises(PaymentError) as raised:
            client.get("https://shop.example/a")
        assert (raised.value.code, raised.value.spent) == ("ERR_PAYMENT_UNKNOWN", "unknown")
        for part in ("look at the payments of the wallet", "pays anew", "program sigil"):
            assert part in raised.value.message
        assert "embedded" not in raised.value.message
        with pytest.raises(AdapterError) as after:
            client.get("https://shop.example/b")
        assert after.value.code == "ERR_WALLET"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")
def test_another_process_cannot_open_what_the_program_is_asked_through(
    child: WalletChild, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIGIL_PROGRAM", program(tmp_path, "begin(); mint(); question()", "mine"))
    assert child.credential() == "mine"
    assert child._program is not None
    process = child._program._process
    for number in (0, 1):
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR):
            with pytest.raises(OSError, match="No such device"):
                os.open(f"/proc/{process.pid}/fd/{number}", flags)


def test_a_process_that_is_forked_has_no_part_of_the_program(
    child: WalletChild, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIGIL_PROGRAM", program(tmp_path, "begin(); mint(); question()", "mine"))
    child.credential()
    assert child._program is not None
    one: WalletProgram = child._program
    assert in_fork(lambda: (one._to.fileno(), one._from.fileno(), len(started))) == "(-1, -1, 0)"
    assert child.socket


FORKS_IN_THE_START = textwrap.dedent("""
    import os, signal, subprocess, sys, threading, time, warnings
    from l8nt.client.wallet_child import wallet_child
    warnings.simplefilter("ignore")
    popen, begun, forked = subprocess.Popen, threading.Event(), threading.Event()

    def slow(*given, **options):
        made = popen(*given, **options)
        begun.set()
        forked.wait(1)
        return made

    subprocess.Popen = slow
    child = wallet_child("dev+http://127.0.0.1:1/a?key=k")
    starting = threading.Thread(target=child.credential)
    starting.start()
    begun.wait()
    other = os.fork()
    if other == 0:
        os.close(1)
        signal.alarm(60)
        signal.pause()
    forked.set()
    starting.join()
    print(other, child._program._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
""")


def test_a_fork_while_it_is_started_does_not_keep_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("SIGIL_PROGRAM", program(tmp_path, "begin(); mint(); question()", "mine"))
    ran = subprocess.run(
        [sys.executable, "-c", FORKS_IN_THE_START],
        env={**os.environ, "PYTHONPATH": str(Path(l8nt.__file__).parents[1])},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    other, running = map(int, ran.stdout.split())
    try:
        ended = threading.Event()
        for _ in range(100):
            if not _runs(running):
                break
            ended.wait(0.1)
        assert not _runs(running)
        assert _runs(other)
    finally:
        os.kill(other, signal.SIGKILL)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"
