"""What one call asks of an HTTP library. A call is a generator of these requests, so the same rules
serve threads, event loops and every library.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

from .._secrecy import without_frames
from .patience import patience
from .presents import presents_credential

if TYPE_CHECKING:
    from .body_end import BodyEnd
    from .fields import Fields
    from .streamed_body import StreamedBody

T = TypeVar("T")


class Reply(ABC):
    """An answer whose body is not read yet."""

    __slots__ = ("code", "is_moved")

    is_made_here = False
    """Whether no exchange is behind it, so that no HTTP library reads or closes it."""

    def __init__(self) -> None:
        self.code: str | None = None
        """The code of the problem in it, if it refuses (page 3 §5)."""
        self.is_moved = False
        """Whether the HTTP library followed a redirect to it."""

    @property
    @abstractmethod
    def status(self) -> int: ...

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it came from: not where it was asked for if the HTTP library follows redirects."""

    @abstractmethod
    def get(self, name: str) -> str | None:
        """The value of a field, whose lines are joined by commas."""

    @abstractmethod
    def lines(self, name: str) -> list[str]:
        """Each line of a field."""

    @abstractmethod
    def relay(self, url: str) -> None:
        """Makes it the answer of the service that a treasury relays."""

    @abstractmethod
    def watch(self, end: BodyEnd) -> None:
        """Has told how the reading of its body ends."""


@dataclass
class Send:
    """Sends a request once, and gives a ``Reply``. Redirects are not followed."""

    method: str
    url: str
    fields: Fields
    body: bytes | StreamedBody | None = field(default=None, repr=False)
    is_for_treasury: bool = False
    """Sent without anything that the caller's HTTP client adds, and waited for while it pays."""
    seconds: float | None = None
    """How long each step of the exchange may take, if that is not left to the library."""


@dataclass
class Read:
    """Reads the body of a reply, up to a size, and gives the bytes; ``None`` of a larger one. The
    reply can be passed on afterwards.
    """

    reply: Reply
    max_bytes: int


@dataclass
class Close:
    """Ends a reply that nobody reads."""

    reply: Reply


@dataclass
class Pause:
    """Waits."""

    seconds: float


@dataclass
class Fill:
    """Reads the rest of a streamed body, as far as it is kept."""

    body: StreamedBody


@dataclass
class Work:
    """Calls a function that blocks."""

    function: Callable[[], object]


Effect = Send | Read | Close | Pause | Fill | Work
Flow = Generator[Effect, object, T]


def send(request: Send) -> Flow[Reply]:
    reply = yield request
    if not isinstance(reply, Reply):
        raise TypeError("an HTTP library gave no reply")
    return reply


def read(reply: Reply, max_bytes: int) -> Flow[bytes | None]:
    if reply.is_made_here:
        return b""
    body = yield Read(reply, max_bytes)
    return body if isinstance(body, bytes) else None


def close(reply: Reply) -> Flow[None]:
    if not reply.is_made_here:
        yield Close(reply)


def pause(seconds: float) -> Flow[None]:
    yield Pause(seconds)


def fill(body: StreamedBody) -> Flow[None]:
    yield Fill(body)


def work(function: Callable[[], T]) -> Flow[T]:
    done: list[T] = []
    yield Work(lambda: done.append(function()))
    return done[0]


class Port(Protocol):
    """An HTTP library, for threads."""

    def send(self, request: Send) -> Reply: ...
    def read(self, reply: Reply, max_bytes: int) -> bytes | None: ...
    def close(self, reply: Reply) -> None: ...


class AsyncPort(Protocol):
    """An HTTP library, for event loops."""

    def send(self, request: Send) -> Awaitable[Reply]: ...
    def read(self, reply: Reply, max_bytes: int) -> Awaitable[bytes | None]: ...
    def close(self, reply: Reply) -> Awaitable[None]: ...


class _Given:
    """What an effect gave. Tools that show the variables of a traceback show its ``repr``, and an
    answer of a treasury has a credential.
    """

    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value

    def taken(self) -> object:
        value, self.value = self.value, None
        return value


E = TypeVar("E", bound=BaseException)


def without_variables(effect: Effect, error: E) -> E:
    """The error of an effect. Tools that show a traceback show the variables of the HTTP library,
    which has there what it sends and receives: of an exchange with a credential none are left.
    """
    sends = isinstance(effect, Send)
    has_secret = sends and (effect.is_for_treasury or presents_credential(effect.fields))
    return without_frames(error) if has_secret or isinstance(effect, Read) else error


def run(flow: Flow[T], port: Port) -> T:
    """Runs a flow to its end."""
    replies: list[Reply] = []
    try:
        effect = next(flow)
        while True:
            try:
                given = _Given(perform(effect, port))
            # The flow keeps what was bought, whatever ends it.
            except BaseException as error:  # noqa: PERF203 - each effect may fail.
                effect = flow.throw(without_variables(effect, error))
            else:
                if isinstance(given.value, Reply):
                    replies.append(given.value)
                effect = flow.send(given.taken())
    except StopIteration as end:
        return end.value
    except BaseException:
        for reply in replies:
            port.close(reply)
        raise


def perform(effect: Effect, port: Port) -> object:
    """Does what a flow asks."""
    if isinstance(effect, Send):
        return port.send(effect)
    if isinstance(effect, Read):
        return port.read(effect.reply, effect.max_bytes)
    if isinstance(effect, Close):
        return port.close(effect.reply)
    if isinstance(effect, Pause):
        return patience.sleep(effect.seconds)
    if isinstance(effect, Work):
        return effect.function()
    return effect.body.fill()


async def arun(flow: Flow[T], port: AsyncPort) -> T:
    """Runs a flow to its end in an event loop."""
    replies: list[Reply] = []
    try:
        effect = next(flow)
        while True:
            try:
                given = _Given(await aperform(effect, port))
            # The flow keeps what was bought, whatever ends it.
            except BaseException as error:  # noqa: PERF203 - each effect may fail.
                effect = flow.throw(without_variables(effect, error))
            else:
                if isinstance(given.value, Reply):
                    replies.append(given.value)
                effect = flow.send(given.taken())
    except StopIteration as end:
        return end.value
    except BaseException:
        for reply in replies:
            await port.close(reply)
        raise


async def aperform(effect: Effect, port: AsyncPort) -> object:
    """Does what a flow asks."""
    if isinstance(effect, Send):
        return await port.send(effect)
    if isinstance(effect, Read):
        return await port.read(effect.reply, effect.max_bytes)
    if isinstance(effect, Close):
        return await port.close(effect.reply)
    if isinstance(effect, Pause):
        return await patience.asleep(effect.seconds)
    if isinstance(effect, Work):
        from anyio.to_thread import run_sync

        return await run_sync(effect.function)
    return await effect.body.afill()
