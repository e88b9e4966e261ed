"""The treasury of a process that has a wallet and no credential: ``sigil`` as its child.

The child pays and counts; its books are in memory and end with this process, as those of a client
with a wallet do in TypeScript.
"""

from __future__ import annotations

import atexit
import json
import os
import secrets
import selectors
import shlex
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import IO, Final, cast

from .._secrecy import HoldsSecret
from ..caveat import Scope
from ..errors import AdapterError

__all__ = ["WalletChild", "wallet_child"]

_START_SECONDS: Final = 30
_ANSWER_SECONDS: Final = 10
_END_SECONDS: Final = 5
_READ_BYTES: Final = 64 * 1024

_MISSING: Final = (
    "SIGIL_WALLET is set, and the program sigil, which pays from the wallet for this process, was "
    "not found on the PATH: docs/guides/python.md says how to install it. Or set SIGIL_PROGRAM to "
    "the command that runs it, or SIGIL_CREDENTIAL to a credential of a treasury that runs "
    "elsewhere."
)
_NO_PROGRAM: Final = (
    "The command in SIGIL_PROGRAM, which pays from the wallet in SIGIL_WALLET for this process, "
    "was not found. Correct it, or unset it to use the program sigil of the PATH."
)
_WINDOWS: Final = (
    "SIGIL_WALLET needs a Unix socket for one user, which Python on Windows does not have. Run "
    "`sigil treasury start`, and set SIGIL_CREDENTIAL to the agent's credential."
)
_FORKED: Final = (
    "This process was forked from one whose client pays from the wallet of SIGIL_WALLET. That "
    "client's treasury, and the credentials it minted, stay with that process. Delegate from a "
    "client of this process, or run `sigil treasury start`, and set SIGIL_CREDENTIAL to a "
    "credential that all of them share."
)


def wallet_child(wallet: str) -> WalletChild:
    """The treasury of this process for a wallet; all its clients share one.

    ``wallet`` is the URL of the wallet, as in ``SIGIL_WALLET``. The program starts with the first
    credential that is asked for, and ends with this process, however that ends. A process that was
    forked has a treasury of its own, with books that begin at zero.
    """
    with _lock:
        child = _children.get(wallet)
        if child is None:
            child = _children[wallet] = WalletChild(wallet)
        return child


class WalletChild(HoldsSecret):
    """A treasury in a child process, on a socket that only this user can open."""

    __slots__ = ("_default", "_lock", "_process_id", "_program", "_wallet")

    base: Final = "http://embedded.invalid"
    """What stands before the paths of its API. No host has this name: requests use ``socket``."""

    def __init__(self, wallet: str) -> None:
        self._wallet = wallet
        self._lock = threading.Lock()
        self._program: _Program | None = None
        self._default: str | None = None
        self._process_id = os.getpid()

    @property
    def is_left_behind(self) -> bool:
        """Whether it belongs to the process that this one was forked from."""
        return self._process_id != os.getpid()

    @property
    def socket(self) -> str:
        """The path of its Unix socket. Starts the program.

        Raises AdapterError ``ERR_WALLET`` if the program is missing, does not start, or belongs to
        the process that this one was forked from.
        """
        self._check_process()
        program = self._program
        # Without the lock: while another thread waits for a credential, event loops go on.
        if program is not None and program.is_open:
            return program.socket
        with self._lock:
            return self._started().socket

    def credential(self, scope: Scope | None = None) -> str:
        """The text of a credential at the top of a tree of its own. Starts the program.

        Without a scope, the clients of this process share one credential with the default limits:
        any https URL and this machine, 100 sat a request, 1,000 sat a day, 10,000 sat in all, for
        365 days. They are counted in this process, so a new process starts at zero.

        Blocks until the program answers. Raises AdapterError ``ERR_WALLET`` if the program is
        missing, does not start, does not answer, has ended, or belongs to the process that this
        one was forked from; ValueError for a scope that cannot be minted.
        """
        self._check_process()
        with self._lock:
            program = self._started()
            if scope is not None:
                return program.ask({"scope": _in_json(scope)})
            if self._default is None:
                self._default = program.ask({})
            return self._default

    def close(self) -> None:
        """Ends the program, which otherwise ends with this process."""
        if self.is_left_behind:
            return
        with self._lock:
            if self._program is not None:
                self._program.close()

    def _check_process(self) -> None:
        # Before the lock, which a thread of the other process may hold for ever.
        if self.is_left_behind:
            raise AdapterError("ERR_WALLET", _FORKED)

    def _started(self) -> _Program:
        if self._program is None:
            self._program = _Program(self._wallet)
        if not self._program.is_open:
            raise _ended()
        return self._program


class _Program:
    """The running program, and the pipes to it. What it writes and reads are lines of JSON."""

    def __init__(self, wallet: str) -> None:
        """A program that starts and says nothing that can be understood is one that has ended."""
        process = subprocess.Popen(  # noqa: S603  # The person who runs this process names it.
            [*_command(), "treasury", "child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(wallet),
            bufsize=0,
            # Ctrl-C at a terminal is for this process, which may still pay and revoke meanwhile.
            start_new_session=True,
        )
        try:
            self._process = process
            self._stdin = cast("IO[bytes]", process.stdin)
            self._stdout = cast("IO[bytes]", process.stdout)
            self._heard = b""
            self.socket = ""
            _programs.append(self)
            self.socket = self._answer("socket", None, _START_SECONDS)["socket"]
        except AdapterError:
            self.close()
        except BaseException:
            self.close()
            raise

    @property
    def is_open(self) -> bool:
        """Whether it can be asked."""
        return not self._stdin.closed

    def ask(self, question: Mapping[str, object]) -> str:
        """Asks for a credential."""
        # Earlier questions may still be answered, such as one that Ctrl-C ended.
        number = secrets.token_hex(8)
        text = json.dumps({"id": number, **question}).encode()
        try:
            # One of them may have been written in part: it ends with this line's beginning.
            self._write(b"\n" + text + b"\n")
        except BrokenPipeError:
            raise _ended() from None
        answer = self._answer("id", number, _ANSWER_SECONDS)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["credential"]

    def close(self) -> None:
        """Ends it and waits for its end."""
        self.let_go()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self in _programs:
            _programs.remove(self)

    def let_go(self) -> None:
        """Closes the pipes to it, and it ends when no other process has them."""
        self._stdin.close()
        self._stdout.close()

    def _write(self, text: bytes) -> None:
        while text:
            text = text[self._stdin.write(text) :]

    def _answer(self, key: str, value: str | None, seconds: float) -> dict[str, str]:
        """The next line whose member ``key`` is ``value``, or anything if that is ``None``. Others
        are passed over.
        """
        end = time.monotonic() + seconds
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while True:
                line, found, rest = self._heard.partition(b"\n")
                if found:
                    self._heard = rest
                    answer = _members(line)
                    if key in answer and value in (None, answer[key]):
                        return answer
                elif not selector.select(max(0, end - time.monotonic())):
                    raise _silent(seconds)
                else:
                    read = self._stdout.read(_READ_BYTES)
                    if not read:
                        raise _ended()
                    self._heard += read


def _members(line: bytes) -> dict[str, str]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, str]", answer) if isinstance(answer, dict) else {}


def _ended() -> AdapterError:
    # Another one would count the limits from zero.
    return AdapterError(
        "ERR_WALLET",
        "The program sigil, which pays from the wallet of SIGIL_WALLET for this process, did not "
        "start, or has ended; what it said is on standard error. Try `sigil doctor --for "
        "treasury`, then start this process again.",
    )


def _silent(seconds: float) -> AdapterError:
    return AdapterError(
        "ERR_WALLET",
        "The program sigil, which pays from the wallet of SIGIL_WALLET for this process, did not "
        f"answer in {seconds:.0f} seconds. Nothing was paid. Send the request again.",
    )


def _command() -> Sequence[str]:
    if os.name == "nt":
        raise AdapterError("ERR_WALLET", _WINDOWS)
    named = shlex.split(os.environ.get("SIGIL_PROGRAM", ""))
    command = named or ["sigil"]
    found = shutil.which(command[0])
    if found is None:
        raise AdapterError("ERR_WALLET", _NO_PROGRAM if named else _MISSING)
    return [found, *command[1:]]


def _environment(wallet: str) -> dict[str, str]:
    others = ("SIGIL_CREDENTIAL", "SIGIL_HOLDER_KEY", "SIGIL_WALLET")
    kept = {name: value for name, value in os.environ.items() if name not in others}
    return {**kept, "SIGIL_WALLET": wallet}


def _in_json(scope: Scope) -> dict[str, object]:
    """The scope in the words of TypeScript. Dates are Unix seconds."""
    words: dict[str, object] = {}
    for name, value in scope.items():
        if value is None:
            continue
        first, *rest = name.split("_")
        key = first + "".join(part.capitalize() for part in rest)
        words[key] = value.timestamp() if isinstance(value, datetime) else value
    return words


_lock = threading.Lock()
_children: dict[str, WalletChild] = {}
_programs: list[_Program] = []
"""Those that this process has started and not ended."""


def _close_all() -> None:
    for child in list(_children.values()):
        child.close()


def _leave_all_behind() -> None:
    """After a fork: the parent's programs would outlive it as long as their pipes are open here."""
    global _lock
    _lock = threading.Lock()
    for program in _programs:
        program.let_go()
    _left_behind.extend(_programs)
    _programs.clear()
    _children.clear()


_left_behind: list[_Program] = []
"""Kept, because the process of a program that is forgotten would be waited for."""

atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all_behind)
