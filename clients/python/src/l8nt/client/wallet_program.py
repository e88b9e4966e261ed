"""The running program ``sigil treasury child``: how it starts, is asked and ends."""

from __future__ import annotations

import json
import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, cast
from urllib.parse import unquote, urlsplit

from .._forked import without_fork
from ..errors import AdapterError
from .treasury_http import PROGRAM

START_SECONDS: Final = 30
ANSWER_SECONDS: Final = 10
_END_SECONDS: Final = 5
_READ_BYTES: Final = 64 * 1024
_MAX_WORDS: Final = 300

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


class WalletProgram:
    """The process, and the sockets to its standard input and output. What it writes and reads are
    lines of JSON. One thread uses it at a time, but for ``failure`` and ``let_go``.
    """

    def __init__(self, wallet: str) -> None:
        """A program that starts and says nothing that can be understood is one that has ended.

        Raises AdapterError ``ERR_WALLET`` if there is no program.
        """
        command, environment = _command(), _environment(wallet)
        self._wallet = wallet
        self._heard = b""
        self._why: str | None = None
        self._words: str | None = None
        self.socket = ""
        """The path of its treasury's socket."""
        # A process that is forked in the middle of this would have the sockets too, and know
        # nothing of them. Other processes cannot open a socket through /proc, as they can a pipe.
        with without_fork():
            (self._to, theirs), (self._from, others) = socket.socketpair(), socket.socketpair()
            started.add(self)
            try:
                self._process = subprocess.Popen(  # noqa: S603  # The person who runs this names it.
                    command,
                    stdin=theirs.fileno(),
                    stdout=others.fileno(),
                    env=environment,
                    # Ctrl-C at a terminal is for this process, which may still pay and revoke.
                    start_new_session=True,
                )
            except BaseException:
                self.let_go()
                started.discard(self)
                raise
            finally:
                theirs.close()
                others.close()
        try:
            self.socket = self._answer("socket", None, START_SECONDS)["socket"]
        except BaseException as error:
            self.close()
            if not isinstance(error, AdapterError):
                raise

    @property
    def failure(self) -> AdapterError | None:
        """Why it cannot be asked any more; ``None`` if it can."""
        if self._why is None and self._process.poll() is not None:
            self._why = self._how_it_ended()
        return None if self._why is None else _error(self._why)

    def ask(self, question: Mapping[str, object]) -> str:
        """Asks for a credential.

        Raises AdapterError ``ERR_WALLET`` if it does not answer, or has ended; ValueError for a
        scope that cannot be minted.
        """
        # Earlier questions may still be answered, such as one that Ctrl-C ended.
        number = secrets.token_hex(8)
        text = json.dumps({"id": number, **question}).encode()
        try:
            # One of them may have been written in part: it ends with this line's beginning.
            self._write(b"\n" + text + b"\n")
        except TimeoutError:
            raise _silent(ANSWER_SECONDS) from None
        except OSError:
            raise self._has_ended() from None
        answer = self._answer("id", number, ANSWER_SECONDS)
        if "error" in answer:
            raise ValueError(answer["error"])
        return answer["credential"]

    def close(self) -> None:
        """Ends it and waits for its end, also while another thread asks it."""
        for end in (self._to, self._from):
            with suppress(OSError):  # It is closed.
                end.shutdown(socket.SHUT_RDWR)
        self.let_go()
        try:
            self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._why is None:
            self._why = "was ended by this process"
        started.discard(self)

    def let_go(self) -> None:
        """Closes the sockets here alone: it ends when no other process has them."""
        self._to.close()
        self._from.close()

    def _write(self, text: bytes) -> None:
        self._to.settimeout(ANSWER_SECONDS)
        self._to.sendall(text)

    def _answer(self, key: str, value: str | None, seconds: float) -> dict[str, str]:
        """The next line whose member ``key`` is ``value``, or anything if that is ``None``. Others
        are passed over.
        """
        end = time.monotonic() + seconds
        while True:
            line = self._line()
            while line is None:
                left = end - time.monotonic()
                if left <= 0 or not self._hears_more(left):
                    if key == "socket":
                        self._why = f"did not start in {seconds:.0f} seconds, and was ended"
                    raise _silent(seconds)
                line = self._line()
            answer = _members(line)
            if key in answer and value in (None, answer[key]):
                return answer

    def _line(self) -> bytes | None:
        line, found, rest = self._heard.partition(b"\n")
        if not found:
            return None
        self._heard = rest
        words = _members(line).get("ended")
        if isinstance(words, str):
            self._words = words
        return line

    def _hears_more(self, seconds: float) -> bool:
        """Whether it says something within some seconds. Raises AdapterError if it has ended."""
        self._from.settimeout(seconds)
        try:
            read = self._from.recv(_READ_BYTES)
        except TimeoutError:
            return False
        except OSError:
            read = b""
        if not read:
            raise self._has_ended()
        self._heard += read
        return True

    def _has_ended(self) -> AdapterError:
        if self._why is None:
            try:
                self._process.wait(1)
            except subprocess.TimeoutExpired:
                self._why = "stopped listening"
            else:
                self._why = self._how_it_ended()
        return _error(self._why)

    def _how_it_ended(self) -> str:
        status = self._process.returncode
        how = f"ended with status {status}" if status > 0 else "has ended"
        if status < 0:
            how = f"was killed by {_signal_name(-status)}"
        self._hear_last_words()
        if self._words is None:
            return f"{how}; what it said is on standard error"
        return f"{how}. Its last words: {without_secrets(self._words, self._wallet)}"

    def _hear_last_words(self) -> None:
        try:
            self._from.settimeout(0)
            while read := self._from.recv(_READ_BYTES):
                self._heard += read
        except OSError:
            pass
        while self._line() is not None:
            pass


started: set[WalletProgram] = set()
"""Those that this process has started and not ended."""


def without_secrets(words: str, wallet: str) -> str:
    """Words of the program in one line, without the wallet's URL, any part of it, or what looks
    like a key.
    """
    parts = urlsplit(wallet)
    hidden = [wallet, parts.netloc, parts.query, parts.fragment, parts.path]
    hidden += [parts.username or "", parts.password or ""]
    hidden += re.split(r"[/&=?#+:@]", f"{parts.path}/{parts.query}")
    for one in sorted({*hidden, *map(unquote, hidden)}, key=len, reverse=True):
        if len(one) > 3:
            words = words.replace(one, "(not shown)")
    words = re.sub(r"(?=[\w+-]*\d)[\w+=-]{20,}", "(not shown)", words)
    words = re.sub(r"[^\x20-\x7e\xa0-\uffff]+", " ", words).strip()
    return words[:_MAX_WORDS] or "none"


def _members(line: bytes) -> dict[str, str]:
    try:
        answer = json.loads(line)
    except ValueError:
        return {}
    return cast("dict[str, str]", answer) if isinstance(answer, dict) else {}


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _error(why: str) -> AdapterError:
    # Another one would count the limits from zero.
    return AdapterError(
        "ERR_WALLET",
        f"{PROGRAM} {why.removesuffix('.')}. Try `sigil doctor --for treasury`, then start this "
        "process again: the next program counts the limits from zero.",
    )


def _silent(seconds: float) -> AdapterError:
    return AdapterError(
        "ERR_WALLET",
        f"{PROGRAM} did not answer in {seconds:.0f} seconds. Nothing was paid. Send the request "
        "again.",
    )


def _command() -> Sequence[str]:
    if os.name == "nt":
        raise AdapterError("ERR_WALLET", _WINDOWS)
    named = shlex.split(os.environ.get("SIGIL_PROGRAM", ""))
    command = named or ["sigil"]
    found = shutil.which(command[0])
    if found is None:
        raise AdapterError("ERR_WALLET", _NO_PROGRAM if named else _MISSING)
    return [found, *command[1:], "treasury", "child"]


def _environment(wallet: str) -> dict[str, str]:
    others = ("SIGIL_CREDENTIAL", "SIGIL_HOLDER_KEY", "SIGIL_WALLET")
    kept = {name: value for name, value in os.environ.items() if name not in others}
    return {**kept, "SIGIL_WALLET": wallet}
