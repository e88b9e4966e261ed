"""The keys of trusted issuers, as the issuers publish them. spec/9-public-key.md §6."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import ceil, inf
from threading import Event, RLock, Thread
from time import time

from .._forked import follows_forks
from ..errors import AdapterError, SigilError, TokenError
from ..l402.issuers import write_issuers
from .asking import Asking, KeyLoad
from .issuer import read_issuer
from .issuer_fetch import IssuerFetch
from .key_page import KEYS_PATH, page_error
from .page_fetch import FETCH_SECONDS, FetchedPage, PageFetch, read_answer

_GRACE = 86_400
"""How long the last good page holds after it has ended."""
_ASK_EVERY = 30
"""A key that is not on the page, and a page that cannot be had, are asked for at most so often."""
_STALE_SECONDS = 60
"""A page that ended longer ago than this is waited for."""
_MAX_CLOCK_SKEW_SECONDS = 600
"""The most that a clock may be apart from itself after it was set."""

Alarm = Callable[[str, BaseException], None]
"""Told of a page that could not be had: a sentence, and why."""


def _in_a_thread(run: Callable[[], None]) -> None:
    Thread(target=run, name="l8nt keys of an issuer", daemon=True).start()


def _wait(event: Event, seconds: float) -> bool:
    return event.wait(seconds)


@dataclass(slots=True)
class _Page:
    keys: Mapping[int, tuple[bytes, float]]
    """The public key, and when it ends, by its id."""
    fresh_seconds: int
    read_at: float


@dataclass(slots=True)
class _Known:
    """What is known of one issuer."""

    page: _Page | None = None
    asked_at: float = -inf
    asking: Asking | None = None
    is_failing: bool = False
    """Whether the last request that came to an end brought no page."""


class IssuerDirectory:
    """The issuers that are trusted, and what they publish. Nothing is fetched before a credential
    of theirs comes in. Threads may share it.

    ``issuers`` are origins, such as ``https://treasury.example``; ``http`` on loopback alone.
    ``fetch`` gets a page; by default it reaches public addresses only. ``allow_private_issuers``:
    whether names of issuers may lead to private networks. ``before``: the directory that this one
    takes the place of; what it knows of the same issuers stays. ``clock`` gives Unix seconds.
    ``alarm`` is told of a page that could not be had; nobody by default. ``start`` runs a function
    in a thread of its own, and ``wait`` waits for an event, as ``Event.wait`` does.

    Raises TypeError for an issuer that is no https origin, and for a list that is too long.

    >>> trust = IssuerDirectory(["https://treasury.example"])
    """

    def __init__(
        self,
        issuers: Sequence[str],
        *,
        fetch: PageFetch | None = None,
        allow_private_issuers: bool = False,
        before: IssuerDirectory | None = None,
        clock: Callable[[], float] = time,
        alarm: Alarm | None = None,
        start: Callable[[Callable[[], None]], None] = _in_a_thread,
        wait: Callable[[Event, float], bool] = _wait,
    ) -> None:
        if fetch is not None and allow_private_issuers:
            raise TypeError(
                "allow_private_issuers has no effect beside a fetch of your own: "
                "leave one of them out"
            )
        # A text is a sequence of texts, and the mistake is easily made.
        if isinstance(issuers, str):
            raise TypeError('trusted issuers are a list of origins: ["https://treasury.example"]')
        known: Mapping[str, _Known] = {} if before is None else before.known
        self._known = {
            issuer: known.get(issuer) or _Known() for issuer in map(_read_trusted, issuers)
        }
        # A service names them in its challenges.
        write_issuers(self.issuers)
        self._fetch = fetch or IssuerFetch(allow_private=allow_private_issuers)
        self._clock = clock
        self._alarm = alarm
        self._start = start
        self._wait = wait
        # A start that runs its function at once ends the request while the lock is held.
        self._lock = RLock()
        follows_forks(self, IssuerDirectory._after_fork)

    def _after_fork(self) -> None:
        """The pages stay. What the threads of the parent ask for is heard there alone."""
        self._lock = RLock()
        for known in self._known.values():
            if known.asking is not None:
                known.asking, known.asked_at = None, -inf

    @property
    def issuers(self) -> list[str]:
        """The origins that are trusted."""
        return list(self._known)

    @property
    def known(self) -> Mapping[str, _Known]:
        """For the directory that takes the place of this one."""
        return self._known

    def find(self, issuer: str, key_id: int) -> bytes:
        """The 32 bytes of the issuer's key.

        Raises TokenError ``ERR_TOKEN_ISSUER`` for an issuer that is not trusted, ``ERR_TOKEN_KEY``
        for a key that it does not have, or that ended; AdapterError ``ERR_KEYS_UNREACHABLE`` while
        none of the issuer's keys can be had.
        """
        known = self._known.get(issuer)
        if known is None:
            raise TokenError(
                "ERR_TOKEN_ISSUER", "The issuer of the credential is not one that is trusted here."
            )
        now = self._clock()
        page = _held(known, now)
        if page is None:
            raise _no_keys(known.asked_at + _ASK_EVERY - now)
        key = page.keys.get(key_id)
        if key is None:
            raise _unknown_key(
                "The credential's issuer does not publish the key that it was minted with."
            )
        public_key, expires_at = key
        if now >= expires_at:
            raise _unknown_key("The key that the credential was minted with has ended.")
        return public_key

    def load(self, issuer: str, key_id: int) -> KeyLoad | None:
        """What to call, and wait for, before ``find`` knows what can be known; ``None`` if it knows
        it now. It blocks for 10 seconds at most, and while an issuer hangs it blocks one thread
        alone; in asyncio await its ``later``, which takes no thread.
        """
        known = self._known.get(issuer)
        if known is None:
            return None
        now = self._clock()
        with self._lock:
            page = _held(known, now)
            if page is not None and key_id in page.keys:
                ended = page.read_at + page.fresh_seconds
                if now < ended:
                    return None
                # A busy service reads it anew behind its requests. An idle one may have a key that
                # is long gone, and waits, unless the issuer is down; so does one whose last request
                # never came to an end.
                may_ask = _may_ask(known, now)
                is_lost = known.asking is not None and may_ask
                is_old = now >= ended + _STALE_SECONDS and not known.is_failing
                asking = self._ask(issuer, known) if may_ask else known.asking
                if asking is None or not (is_lost or is_old):
                    return None
            else:
                asking = self._ask(issuer, known) if _may_ask(known, now) else known.asking
                if asking is None:
                    return None
            age = now - known.asked_at
        return KeyLoad(asking, age, lambda given: self._give_up(given, issuer, known))

    def _ask(self, issuer: str, known: _Known) -> Asking:
        """The lock is held."""
        known.asked_at = self._clock()
        asking = Asking(is_failing=known.is_failing, wait=self._wait)
        known.asking = asking
        try:
            self._start(lambda: self._run(asking, issuer, known))
        except RuntimeError as error:  # No thread is left.
            self._end(asking, issuer, known, _reason_of(issuer, error))
        return asking

    def _run(self, asking: Asking, issuer: str, known: _Known) -> None:
        try:
            result = read_answer(issuer, self._fetch(issuer + KEYS_PATH))
        except Exception as error:
            self._end(asking, issuer, known, _reason_of(issuer, error))
        else:
            self._end(asking, issuer, known, result)

    def _end(
        self, asking: Asking, issuer: str, known: _Known, result: FetchedPage | SigilError
    ) -> None:
        """What comes after it was given up is not looked at."""
        with self._lock:
            if asking.is_done:
                return
            if isinstance(result, FetchedPage):
                known.page = _page_of(result, self._clock())
            known.is_failing = not isinstance(result, FetchedPage)
            if known.asking is asking:
                known.asking = None
            asking.end()
        if isinstance(result, SigilError) and self._alarm is not None:
            # It is not the request's fault.
            with suppress(Exception):
                self._alarm(f"l8nt: the keys of {issuer} could not be had", result)

    def _give_up(self, asking: Asking, issuer: str, known: _Known) -> None:
        slow = page_error("ERR_KEYS_SLOW", issuer, f"took more than {FETCH_SECONDS} seconds")
        self._end(asking, issuer, known, slow)


def _page_of(page: FetchedPage, now: float) -> _Page:
    keys = {
        key.key_id: (key.public_key, inf if key.expires_at is None else key.expires_at)
        for key in page.keys.values()
    }
    return _Page(keys, page.fresh_seconds, now)


def _reason_of(issuer: str, error: Exception) -> SigilError:
    if isinstance(error, AdapterError) and error.code.startswith("ERR_KEYS_"):
        return error
    if isinstance(error, TimeoutError):
        return page_error("ERR_KEYS_SLOW", issuer, f"took more than {FETCH_SECONDS} seconds")
    reason = page_error("ERR_KEYS_UNREACHABLE", issuer, f"cannot be had ({error})")
    reason.__cause__ = error
    return reason


def _no_keys(seconds: float) -> AdapterError:
    """What is wrong is told to the operator alone: it may be about the operator's own network."""
    wait = 1 if seconds == -inf else min(_ASK_EVERY, max(1, ceil(seconds)))
    return AdapterError(
        "ERR_KEYS_UNREACHABLE",
        "The keys of the credential's issuer cannot be had at the moment. Try again later.",
        retry_after_seconds=wait,
    )


def _unknown_key(message: str) -> TokenError:
    return TokenError("ERR_TOKEN_KEY", message)


def _may_ask(known: _Known, now: float) -> bool:
    """A clock that went back does not stop the asking, nor does a request without an end."""
    return now < known.asked_at or now >= known.asked_at + _ASK_EVERY


def _held(known: _Known, now: float) -> _Page | None:
    """The last good page, for as long as it holds."""
    page = known.page
    if page is None:
        return None
    # A clock may be set back: what was read later than it can be apart from itself was read now.
    if page.read_at > now + _MAX_CLOCK_SKEW_SECONDS:
        page.read_at = now
    return page if now < page.read_at + page.fresh_seconds + _GRACE else None


_LOOPBACK = re.compile(r"http://(?:localhost|127(?:\.[0-9]{1,3}){3}|\[::1\])(?::[0-9]+)?")


def _read_trusted(issuer: str) -> str:
    origin = read_issuer(issuer)
    if origin.startswith("http:") and not _LOOPBACK.fullmatch(origin):
        raise TypeError(
            f"the issuer {origin} must be an https origin: its keys are what is trusted. "
            "Plain http is for localhost, 127.0.0.0/8 and [::1] alone"
        )
    return origin
