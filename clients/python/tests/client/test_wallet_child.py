"""The treasury of a process that has only a wallet."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import resource
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.town import Town

import l8nt
from l8nt import AdapterError
from l8nt.caveat import Scope
from l8nt.client.wallet_child import WalletChild, wallet_child

ROOT = Path(__file__).resolve().parents[4]
NODE = ROOT / "node_modules/node/bin/node"
PROGRAM = f"{NODE} --no-warnings --conditions=l8nt-source {ROOT}/packages/sigil/src/main.ts"
SMALL: Scope = {"endpoints": ["GET https://api.example/**"], "budget": "5 sat", "expires_in": "1h"}
WIDE: Scope = {"endpoints": ["* https://*/**"], "budget": "9000 sat", "expires_in": "1h"}
NOWHERE = "dev+http://127.0.0.1:1/a?key=k"


@pytest.fixture(autouse=True)
def _program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGIL_PROGRAM", PROGRAM)
    monkeypatch.setenv("SIGIL_CREDENTIAL", "not for the child")
    monkeypatch.setenv("TMPDIR", str(tmp_path))


@pytest.fixture
def child() -> Iterator[WalletChild]:
    one = WalletChild(NOWHERE)
    yield one
    one.close()


def _caveats(credential: str) -> str:
    return base64.urlsafe_b64decode(credential.split(":")[0] + "==").decode("latin-1")


def test_it_pays_from_the_wallet_over_a_private_socket(open_town: Callable[..., Town]) -> None:
    town = open_town(now=None)
    shop = town.open_shop(price="10 sat")
    child = WalletChild(town.wallet_url("program", balance_sat=1000))
    try:
        credential = child.credential(
            {"endpoints": [f"GET {shop.url}/**"], "budget": "50 sat", "expires_in": "1h"}
        )
        assert Path(child.socket).parent.stat().st_mode & 0o777 == 0o700
        client = httpx2.Client(transport=httpx2.HTTPTransport(uds=child.socket))
        bought = client.post(
            f"{child.base}/v1/purchases",
            headers={"authorization": f"L402 {credential}"},
            json={"id": "order-0001", "method": "GET", "url": f"{shop.url}/a"},
        )
        client.close()
        handed = bought.json()["credential"]
        answer = httpx2.get(f"{shop.url}/a", headers={"authorization": f"L402 {handed}"})
        assert answer.json() == {"served": 1}
        assert [(one.payer, one.status) for one in town.payments()] == [("program", "paid")]
    finally:
        child.close()


def test_without_limits_all_clients_share_one_credential_with_the_default_limits(
    child: WalletChild,
) -> None:
    credential = child.credential()
    assert child.credential(None) == credential
    for caveat in ("max_price_msat=100000", "budget_msat=10000000", "budget_msat=1000000;86400"):
        assert caveat.split(";")[0] in _caveats(credential)


def test_limits_are_minted_in_their_own_words(child: WalletChild) -> None:
    end = datetime(2033, 5, 18, 3, 33, 20, tzinfo=timezone.utc)
    scope_text = _caveats(
        child.credential(
            {
                "endpoints": ["GET https://api.example/**"],
                "budget_per_day": ["5 sat", "1 usd"],
                "max_uses_per_minute": 3,
                "expires_at": end,
                "agent": None,
            }
        )
    )
    for caveat in ("endpoints=GET https://api.example/**", "valid_until=2000000000"):
        assert caveat in scope_text
    assert child.credential(SMALL) != child.credential(SMALL)


def test_a_scope_that_cannot_be_minted_says_why_and_the_next_one_is_minted(
    child: WalletChild,
) -> None:
    with pytest.raises(ValueError, match="needs endpoints"):
        child.credential({"expires_in": "1h"})
    assert child.credential()


class _Cut(KeyboardInterrupt):
    """Ctrl-C at a place that a test chooses."""


@pytest.mark.parametrize("place", ["unwritten", "half", "unheard", "half heard", "late"])
def test_a_question_that_was_not_waited_for_leaves_its_answer_to_nobody(
    child: WalletChild, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    child.credential()
    program = child._program  # pyright: ignore[reportPrivateUsage]  # To interrupt it.
    assert program is not None
    write = program._write  # pyright: ignore[reportPrivateUsage]
    answer = program._answer  # pyright: ignore[reportPrivateUsage]

    def cut_write(text: bytes) -> None:
        write(text[: {"unwritten": 0, "half": len(text) // 2}[place]])
        raise _Cut

    def cut_answer(key: str, value: str | None, seconds: float) -> dict[str, str]:
        if place == "late":
            os.kill(program._process.pid, signal.SIGSTOP)  # pyright: ignore[reportPrivateUsage]
            return answer(key, value, 0)
        if place == "half heard":
            start = program._from.recv(9)  # pyright: ignore[reportPrivateUsage]
            program._heard += start  # pyright: ignore[reportPrivateUsage]
        raise _Cut

    with monkeypatch.context() as cut:
        if place in ("unwritten", "half"):
            cut.setattr(program, "_write", cut_write)
        else:
            cut.setattr(program, "_answer", cut_answer)
        with pytest.raises((_Cut, AdapterError), match=r"did not answer|^$"):
            child.credential(WIDE)
    os.kill(program._process.pid, signal.SIGCONT)  # pyright: ignore[reportPrivateUsage]
    for _ in range(2):
        assert "budget_msat=5000" in _caveats(child.credential(SMALL))


def test_a_process_with_more_open_files_than_select_takes_has_a_treasury() -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(2048, limits[1]), limits[1]))
    with contextlib.ExitStack() as stack:
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        for _ in range(1024):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        child = WalletChild(NOWHERE)
        stack.callback(child.close)
        assert child.credential() == child.credential()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError("too many files"), MemoryError()])
def test_whatever_ends_the_start_ends_what_was_started(
    monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    started: list[subprocess.Popen[Any]] = []
    popen = subprocess.Popen

    def noted(*given: Any, **options: Any) -> subprocess.Popen[Any]:
        started.append(popen(*given, **options))
        return started[-1]

    def failing() -> object:
        raise error

    monkeypatch.setattr("l8nt.client.wallet_program.subprocess.Popen", noted)
    monkeypatch.setenv("SIGIL_PROGRAM", "sh -c 'read line'")
    child = WalletChild(NOWHERE)
    for _ in range(2):
        with monkeypatch.context() as cut:
            cut.setattr("l8nt.client.wallet_program.time.monotonic", failing)
            with pytest.raises(type(error)):
                child.credential()
    assert [process.poll() is not None for process in started] == [True, True]
    # Nothing was counted, so it may start again.
    monkeypatch.setenv("SIGIL_PROGRAM", PROGRAM)
    assert child.credential()
    child.close()


def test_one_process_and_wallet_has_one_treasury() -> None:
    assert wallet_child(NOWHERE) is wallet_child(NOWHERE)
    assert wallet_child(NOWHERE) is not wallet_child(NOWHERE + "2")


@pytest.mark.parametrize("program", [None, "/nowhere/sigil", "sigil-that-is-not-there --flag"])
def test_a_missing_program_is_one_line_that_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str | None
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if program is None:
        monkeypatch.delenv("SIGIL_PROGRAM")
    else:
        monkeypatch.setenv("SIGIL_PROGRAM", program)
    with pytest.raises(AdapterError) as raised:
        WalletChild(NOWHERE).credential()
    assert raised.value.code == "ERR_WALLET"
    said = "docs/guides/python.md" if program is None else "The command in SIGIL_PROGRAM"
    assert said in raised.value.message
    # Nobody has that name on npm yet, and who takes it would be given wallets.
    assert "npm install" not in raised.value.message
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("program", ["true", "echo", "sh -c 'exit 3'", "echo '{}'"])
def test_a_program_that_does_not_start_is_an_error_and_stays_one(
    monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    monkeypatch.setenv("SIGIL_PROGRAM", program)
    child = WalletChild(NOWHERE)
    for _ in range(2):
        for ask in (child.credential, lambda: child.socket):
            with pytest.raises(AdapterError) as raised:
                ask()
            assert raised.value.code == "ERR_WALLET"
    child.close()


def test_a_program_that_was_killed_is_not_replaced_by_one_that_counts_from_zero(
    child: WalletChild,
) -> None:
    child.credential()
    program = child._program  # pyright: ignore[reportPrivateUsage]  # To end it.
    assert program is not None
    program._process.kill()  # pyright: ignore[reportPrivateUsage]  # To end it.
    with pytest.raises(AdapterError, match="was killed by SIGKILL"):
        child.credential(SMALL)


def test_on_windows_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("l8nt.client.wallet_program.os.name", "nt")
    with pytest.raises(AdapterError, match="SIGIL_CREDENTIAL"):
        WalletChild(NOWHERE).credential()


def test_it_shows_and_pickles_no_wallet(child: WalletChild) -> None:
    assert NOWHERE not in repr(child) + str(child)
    with pytest.raises(TypeError, match="holds a secret"):
        pickle.dumps(child)


SCRIPT = textwrap.dedent("""
    import os, signal, sys
    from l8nt.client.wallet_child import wallet_child
    child = wallet_child({wallet!r})
    child.credential()
    forked = os.fork() if {forks} else 0
    if {forks} and forked == 0:
        signal.pause()
    print(child.socket, forked, flush=True)
    sys.stdin.readline()
    if {kills}:
        os.kill(os.getpid(), signal.SIGKILL)
""")


@pytest.mark.parametrize(("kills", "forks"), [(False, False), (True, False), (True, True)])
def test_it_ends_with_its_process_however_that_ends(kills: bool, forks: bool) -> None:
    script = SCRIPT.format(wallet=NOWHERE, kills=kills, forks=forks)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": str(Path(l8nt.__file__).parents[1])},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        path, forked = process.stdout.readline().split()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(30)
            connection.connect(path)
            process.stdin.write("end\n")
            process.stdin.close()
            # The treasury closes it, or the kernel when the treasury has ended.
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(1) == b""
        if forks:
            os.kill(int(forked), signal.SIGKILL)
        # All of them have inherited standard error, so this returns when all have ended.
        process.stderr.read()
        assert process.wait(30) == (-signal.SIGKILL if kills else 0)
    assert not Path(path).exists()
