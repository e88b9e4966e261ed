"""The treasury of a process that has a wallet and no credential: ``sigil`` as its child.

The child pays and counts; its books are in memory and end with this process, as those of a client
with a wallet do in TypeScript.
"""

from __future__ import annotations

import atexit
import os
import threading
from datetime import datetime
from typing import Final

from .._forked import follows_forks
from .._secrecy import HoldsSecret
from ..caveat import Scope
from ..errors import AdapterError
from .wallet_program import WalletProgram, started

__all__ = ["WalletChild", "wallet_child"]

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
    return _children.of(wallet)


class WalletChild(HoldsSecret):
    """A treasury in a child process, on a socket that only this user can open."""

    __slots__ = ("_default", "_lock", "_process_id", "_program", "_wallet")

    base: Final = "http://embedded.invalid"
    """What stands before the paths of its API. No host has this name: requests use ``socket``."""

    def __init__(self, wallet: str) -> None:
        self._wallet = wallet
        self._lock = threading.Lock()
        self._program: WalletProgram | None = None
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
        if program is None:
            with self._lock:
                return self._started().socket
        failure = program.failure
        if failure is not None:
            raise failure
        return program.socket

    @property
    def failure(self) -> AdapterError | None:
        """Why its program, once started, cannot be asked any more; ``None`` if it can."""
        if self.is_left_behind or self._program is None:
            return None
        return self._program.failure

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

    def _started(self) -> WalletProgram:
        if self._program is None:
            self._program = WalletProgram(self._wallet)
        failure = self._program.failure
        if failure is not None:
            raise failure
        return self._program


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


class _Children:
    """The treasuries of this process, by the URL of the wallet."""

    def __init__(self) -> None:
        self._begin()
        self._left_behind: list[WalletProgram] = []
        """Kept, because the process of a program that is forgotten would be waited for."""
        follows_forks(self, _Children._after_fork)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._of_wallets: dict[str, WalletChild] = {}

    def _after_fork(self) -> None:
        """The parent's programs would outlive it as long as their sockets are open here."""
        for program in started:
            program.let_go()
        self._left_behind.extend(started)
        started.clear()
        self._begin()

    def of(self, wallet: str) -> WalletChild:
        with self._lock:
            child = self._of_wallets.get(wallet)
            if child is None:
                child = self._of_wallets[wallet] = WalletChild(wallet)
            return child


_children = _Children()


@atexit.register
def _end_all() -> None:
    # Without a lock, which a thread may hold that waits for an answer.
    for program in list(started):
        program.close()
