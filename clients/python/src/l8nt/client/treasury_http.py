"""Sends messages to a treasury across HTTP. spec/4-purchase.md §7."""

from __future__ import annotations

import json
from typing import cast
from urllib.parse import urlencode

from ..caveat import Origin, format_origin, read_base, read_origin
from ..credential import Credential, presented_at
from ..errors import AdapterError, SigilError
from ..wire.problem import read_problem, seconds_in
from ..wire.reading import Answer, Body, Message, Query, UnreadableAnswer
from .fields import Fields
from .flow import Flow, Reply, Send, close, read, send
from .signing import Signer
from .transport import check_transport

MAX_PROBLEM_BYTES = 1024 * 1024
"""Room for a refusal by each of 64 caveats, each with the path that was asked for."""
_ELSEWHERE = (404, 405)
"""Statuses of a server that does not know the paths of a treasury."""
_MAX_ANSWER_BYTES = 64 * 1024 * 1024

PROGRAM = "The program sigil, which pays from the wallet of SIGIL_WALLET for this process,"
"""What begins a sentence about the treasury that this process has started."""
UNREACHABLE = "cannot be reached (is it running?)"
UNREADABLE = "answered with something that cannot be read"


def answered_with(reply: Reply) -> str:
    """The end of a sentence that begins with the treasury."""
    answered = f"answered with HTTP {reply.status}"
    if reply.status not in _ELSEWHERE:
        return answered
    return f"{answered}: it may be a service that mints its own credentials, and no treasury"


class TreasuryHttp:
    """The treasury at one location."""

    def __init__(self, location: str, signer: Signer | None, base: str | None = None) -> None:
        """``base`` is what its paths follow, if it is the program that this process has started.

        Raises AdapterError ``ERR_REQUEST`` for a location that is not a URL, or for plain HTTP to
        another machine.
        """
        origin = read_origin(location)
        if origin is None:
            raise AdapterError("ERR_REQUEST", "The treasury's location is not an http(s) URL.")
        is_remote = base is None
        if base is None:
            check_transport(origin)
            known = read_base(location)
            base = format_origin(origin) if known is None else known.text
        self._at: Origin = origin
        self.origin = format_origin(origin)
        self._base = base
        self.name = f"The treasury {self.origin}" if is_remote else PROGRAM
        """What begins a sentence about it."""
        self._signer = signer

    def ask(
        self,
        message: Message[Query, Body, Answer],
        credential: Credential,
        body: Body | None = None,
        query: Query | None = None,
        seconds: float | None = None,
    ) -> Flow[Answer]:
        """Sends a message, and gives its answer.

        Raises the treasury's own error; AdapterError ``ERR_TREASURY``.
        """
        try:
            reply = yield from self.send(message, credential, body, query, seconds)
        except SigilError:
            raise
        except Exception as error:
            raise self.failed(UNREACHABLE) from error
        if reply.status != 200:
            problem = yield from self.problem_in(reply)
            raise problem or self.failed(answered_with(reply))
        try:
            answer = yield from read(reply, _MAX_ANSWER_BYTES)
        except Exception as error:
            raise self.failed(UNREADABLE) from error
        try:
            return message.read(self.value_of(answer))
        except UnreadableAnswer as error:
            raise self.failed(f"{UNREADABLE}: {error}") from error

    def send(
        self,
        message: Message[Query, Body, Answer],
        credential: Credential,
        body: Body | None = None,
        query: Query | None = None,
        seconds: float | None = None,
    ) -> Flow[Reply]:
        """Sends a message once. Raises what the HTTP library raises."""
        method = message.method
        asked = f"?{urlencode(cast('dict[str, object]', query))}" if query else ""
        url = f"{self._base}{message.path}{asked}"
        fields = Fields([("authorization", f"L402 {self._shown(credential)}")])
        sent = None
        if body is not None:
            sent = json.dumps(body, separators=(",", ":")).encode()
            fields = fields.and_("content-type", "application/json")
        if self._signer is not None:
            fields = self._signer.sign(method, url, fields, sent)
        sending = Send(method, url, fields, sent, is_for_treasury=True, seconds=seconds)
        return (yield from send(sending))

    def problem_in(self, reply: Reply) -> Flow[SigilError | None]:
        """The treasury's own error, if a reply has it. Ends the reply."""
        try:
            body = yield from read(reply, MAX_PROBLEM_BYTES)
        except Exception:
            body = None
        yield from close(reply)
        after = reply.get("retry-after")
        return None if body is None else read_problem(reply.get("content-type"), after, body)

    def value_of(self, answer: bytes | None) -> object:
        """The value of an answer. Raises AdapterError ``ERR_TREASURY`` for what is not JSON."""
        try:
            return json.loads(answer or b"")
        except (ValueError, RecursionError):
            answer = None  # It may have a credential, and the error of the decoder has it too.
        raise self.failed(UNREADABLE)

    def failed(self, what: str) -> AdapterError:
        """``what`` is the end of a sentence that begins with the treasury."""
        return AdapterError("ERR_TREASURY", f"{self.name} {what}.")

    def _shown(self, credential: Credential) -> str:
        """A macaroon as it is, because a treasury judges the endpoints of what it buys. The
        public-key form as to any service: its open text has a key. spec/9-public-key.md §10.
        """
        if not credential.body.has_blocks:
            return credential.text
        return presented_at(credential, self._at).text


def retry_after(reply: Reply) -> float:
    """The seconds that a reply asks to wait, up to 999."""
    seconds = seconds_in(reply.get("retry-after")) or 0
    return seconds if seconds <= 999 else 0
