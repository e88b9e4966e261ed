"""The follower of revocations: keeps a list in step with what is revoked elsewhere.
spec/7-revocation-feed.md §2, §3.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Event, Thread
from urllib.parse import urlencode, urlsplit

from .._forked import follows_forks
from ..caveat import duration_seconds
from ..credential import RevocationList
from ..errors import AdapterError
from .page import FeedReader

Fetch = Callable[[str, float], bytes]
"""Gets a page from a URL within so many seconds. It follows no redirect, and raises for any status
but 200.
"""
Alarm = Callable[[str, Exception], None]

_LEAST_SILENCE_SECONDS = 2
_MAX_WAIT_SECONDS = 25
_ANSWER_SECONDS = 3
"""How long an answer may take beyond the time that it was asked to wait."""
_POLL_SECONDS = 0.4
"""A publisher that answers at once is asked so often. A revocation must be in force within a
second. [case 111]
"""
_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0


def _log(what: str, cause: Exception) -> None:
    logging.getLogger("l8nt").error("%s: %s", what, cause)


class FeedFollower:
    """Applies everything that a published feed reports to a list of revocations. The list denies
    everything with ``ERR_REVOCATION_UNKNOWN`` before the first page, and whenever the newest one
    was signed longer ago than ``max_silence``. [case 111]

        follower = FeedFollower(
            service.revocations,
            url="https://treasury.example/.well-known/l402/revocations",
            public_key=key,
            location="https://treasury.example",
        )
        follower.start()

    ``start`` follows in a thread of its own. A process that is forked needs a follower of its own:
    without one it denies everything once the silence is over.

    ``location``: that of the authority whose nodes these are. ``public_key``: 64 hex digits.
    ``max_silence``: two seconds or more; the clocks of both sides must agree to within half of it,
    less a second. ``clock``: Unix seconds, the list's own. ``fetch``: gets a page; by default with
    httpx2. ``alarm``: called once when the feed fails, until it works again; logs by default.

    Raises TypeError for a ``url`` or a ``public_key`` that cannot be read, ValueError or TypeError
    for a ``max_silence`` that is no duration.
    """

    def __init__(
        self,
        revocations: RevocationList,
        *,
        url: str,
        public_key: str,
        location: str,
        max_silence: str = "10s",
        clock: Callable[[], float] = time.time,
        fetch: Fetch | None = None,
        alarm: Alarm = _log,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise TypeError("a feed's url must be an http or https URL")
        seconds = duration_seconds(max_silence, "max_silence")
        if seconds < _LEAST_SILENCE_SECONDS:
            raise ValueError(f"max_silence must be {_LEAST_SILENCE_SECONDS}s or more")
        self._revocations = revocations
        self._url = parts._replace(query="", fragment="").geturl()
        self._location = location
        self._max_silence_seconds = seconds
        self._clock = clock
        self._fetch = fetch
        self._alarm = alarm
        self._reader = FeedReader(location=location, public_key=public_key)
        self._in_force = self._reader.seq
        # Several requests within the silence, so that one lost answer is not an outage, even if
        # the clocks are a few seconds apart.
        self._wait_seconds = min(_MAX_WAIT_SECONDS, int(seconds / 5))
        self._is_first = True
        self._is_reported = False
        self._pause_seconds = _FIRST_PAUSE_SECONDS
        self._begin()
        follows_forks(self, FeedFollower._after_fork)
        revocations.heard(float("-inf"), seconds)

    def _begin(self) -> None:
        self._alive = Event()
        self._ended = Event()
        self._thread: Thread | None = None

    def _after_fork(self) -> None:
        """Nothing follows in this process until it is started here."""
        # A thread of the parent may have read a page and not applied all of it.
        self._reader.seq = self._in_force
        self._begin()

    def __repr__(self) -> str:
        return f"<FeedFollower of {self._location}, up to number {self.seq}>"

    @property
    def seq(self) -> int:
        """The number up to which everything is in force here."""
        return self._reader.seq

    def start(self) -> None:
        """Follows in a thread of its own, which does not keep the process alive."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="l8nt-feed", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stops following, at the latest with the answer to the request under way. Once the
        silence is over, the list denies everything.
        """
        self._ended.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits for the first page that is a sign of life, at most ``timeout`` seconds. Whether
        there was one.
        """
        return self._alive.wait(timeout)

    def step(self) -> float:
        """Asks for one page and applies it. How many seconds to pause before the next step. For
        who runs a loop of their own in place of ``start``; it blocks, and never raises.
        """
        wait = 0 if self._is_first else self._wait_seconds
        sent_at = self._clock()
        try:
            page = self._get(wait)
            is_empty = self.take(page)
        except Exception as cause:
            if not self._ended.is_set():
                self._fail(cause)
            pause = self._pause_seconds
            self._pause_seconds = min(2 * pause, _LONGEST_PAUSE_SECONDS)
            return pause
        was_first, self._is_first = self._is_first, False
        is_at_once = wait == 0 or self._clock() - sent_at < wait / 2
        return _POLL_SECONDS if not was_first and is_at_once and is_empty else 0

    def take(self, page: bytes) -> bool:
        """Applies the next page. Whether it has no entry.

        Raises AdapterError ``ERR_FEED`` for a page that is refused; it changes nothing.
        """
        reading = self._reader.read(page, self._clock())
        for entry in reading.entries:
            self._revocations.revoke(entry.node, entry.ends_at, above=entry.above)
        self._in_force = reading.seq
        # Last: a sign of life says that everything before it is in force here.
        if reading.alive_at is not None:
            self._revocations.heard(reading.alive_at, self._max_silence_seconds)
            distance = self._clock() - reading.alive_at
            if abs(distance) > self._max_silence_seconds:
                self._fail(_late(distance))
            else:
                self._alive.set()
                self._is_reported = False
            self._pause_seconds = _FIRST_PAUSE_SECONDS
        return not reading.entries

    def _get(self, wait: int) -> bytes:
        asked = {"after": self.seq, **({"wait": wait} if wait > 0 else {})}
        if self._fetch is None:
            from .http import fetch_page  # An HTTP library is loaded if it is needed.

            self._fetch = fetch_page
        return self._fetch(f"{self._url}?{urlencode(asked)}", wait + _ANSWER_SECONDS)

    def _run(self) -> None:
        while not self._ended.is_set():
            pause = self.step()
            self._ended.wait(pause)

    def _fail(self, cause: Exception) -> None:
        if not self._is_reported:
            seconds = f"{self._max_silence_seconds:g}"
            self._alarm(
                f"l8nt: the revocations of {self._location} could not be read; after {seconds} "
                "seconds without them every credential is denied",
                cause,
            )
        self._is_reported = True


def _late(seconds: float) -> AdapterError:
    side = "old" if seconds > 0 else "ahead"
    return AdapterError(
        "ERR_FEED",
        f"The newest page of the revocation feed is {round(abs(seconds))} seconds {side} by this "
        "clock. Compare the clocks of both sides; if they agree, the feed is delayed on its way.",
    )
