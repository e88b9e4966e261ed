"""How the body of an answer ended for its reader. spec/4-purchase.md §2."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from typing import Literal


def _nothing() -> None:
    """An end that changes nothing."""


class BodyEnd:
    """A body is read to its end, breaks off, or is left by its reader: whichever comes first, once.
    What follows, such as the closing of a body that broke off, changes nothing. Threads share it.
    """

    __slots__ = ("_acts", "_how", "_is_reading", "_open", "_told", "inner")

    def __init__(
        self,
        *,
        told: Callable[[BaseException], BaseException],
        read: Callable[[], None] = _nothing,
        broke: Callable[[], None] = _nothing,
    ) -> None:
        """``read``: called if the caller has the answer, or has left it. ``broke``: if it has no
        answer. ``told``: gives the error for the reader of a body that broke off.
        """
        self._acts = {True: read, False: broke}
        self._told = told
        self._how: Literal["read", "broke", "left", "overdue"] | None = None
        self._is_reading = False
        self._open = [True]
        self.inner: BodyEnd | None = None
        """Of the same body, watched for somebody else before."""

    def read(self) -> None:
        """It was read to its end."""
        self._end("read")

    def left(self) -> None:
        """Its reader has closed it. That the rest is not wanted is the reader's choice, so the
        answer counts as given.
        """
        if not self._is_reading:
            self._end("left")

    def overdue(self) -> None:
        """It counts as read, because too many others are unread. It may still break off for its
        reader.
        """
        self._end("overdue")

    def broke(self, error: BaseException) -> BaseException:
        """A reading of it failed. Gives the error for its reader."""
        self._end("broke")
        # After its end a failed reading is a mistake of the reader.
        return error if self._how in ("read", "left") else self._told(error)

    @contextmanager
    def reading(self) -> Generator[None]:
        """While a client reads the whole body for its caller. What interrupts it, such as the
        handler of a signal, closes the body too, but nobody has chosen to leave it: it broke off.
        """
        with nullcontext() if self.inner is None else self.inner.reading():
            self._is_reading = True
            try:
                yield
            except BaseException as error:
                told = error if self.inner is None else self.inner.broke(error)
                told = self.broke(told)
                if told is error:
                    raise
                raise told from error
            finally:
                self._is_reading = False

    def _end(self, how: Literal["read", "broke", "left", "overdue"]) -> None:
        try:
            self._open.pop()  # One thread alone gets it, and no lock is held in a fork.
        except IndexError:
            return
        self._how = how
        self._acts[how != "broke"]()
