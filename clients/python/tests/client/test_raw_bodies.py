"""Bodies of urllib3, which requests gives its caller as ``response.raw``."""

from __future__ import annotations

import gc
import io
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from urllib3 import HTTPResponse
from urllib3.exceptions import ResponseNotChunked

from l8nt import PaymentError
from l8nt.client.body_end import BodyEnd
from l8nt.client.urllib3_body import Watched, replayed

Reading = Callable[[Any], bytes]
READINGS: dict[str, Reading] = {
    "read": lambda raw: raw.read(),
    "read in parts": lambda raw: b"".join(iter(lambda: raw.read(5), b"")),
    "read1": lambda raw: b"".join(iter(raw.read1, b"")),
    "stream": lambda raw: b"".join(raw.stream(4)),
    "readline": lambda raw: b"".join(iter(raw.readline, b"")),
    "readlines": lambda raw: b"".join(raw.readlines()),
    "its lines": lambda raw: b"".join(raw),
    "next": lambda raw: next(raw) + next(raw) + next(raw),
    "data": lambda raw: raw.data,
    "a buffer": lambda raw: io.BufferedReader(raw).read(),
    "a text": lambda raw: io.TextIOWrapper(raw).read().encode(),
    "a copy": lambda raw: _copied(raw),
}
BODY = b'{"code":\n"NO",\n"detail": "0123456789"}'


def _copied(raw: Any) -> bytes:
    to = io.BytesIO()
    shutil.copyfileobj(raw, to, 5)
    return to.getvalue()


class Breaking(io.RawIOBase):
    """A connection that is lost."""

    def readable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        raise OSError("reset")


def broken_body() -> HTTPResponse:
    return HTTPResponse(Breaking(), {"content-length": "9"}, 200, preload_content=False)


def whole_body() -> HTTPResponse:
    length = {"content-length": str(len(BODY))}
    return HTTPResponse(io.BytesIO(BODY), length, 200, preload_content=False)


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS.keys())
@pytest.mark.parametrize("kept", [False, True], ids=["on its way", "read before"])
def test_a_raw_body_is_read_in_each_way_of_urllib3(reading: Reading, kept: bool) -> None:
    ends: list[str] = []
    end = BodyEnd(
        read=lambda: ends.append("read"), broke=lambda: ends.append("broke"), told=lambda one: one
    )
    source = whole_body()
    first: Any = replayed(source, (source.read(4), source.read())) if kept else source
    raw = Watched(first, end)
    assert reading(raw) == BODY
    raw.close()
    assert ends == ["read"]


@pytest.mark.parametrize("reading", READINGS.values(), ids=READINGS.keys())
def test_a_raw_body_that_breaks_off_says_what_was_paid(reading: Reading) -> None:
    told = PaymentError("ERR_PAID_NOT_DELIVERED", "yes", "broke off")
    ends: list[str] = []
    end = BodyEnd(
        read=lambda: ends.append("read"), broke=lambda: ends.append("broke"), told=lambda _: told
    )
    raw = Watched(broken_body(), end)
    with pytest.raises(PaymentError) as caught:
        reading(raw)
    assert caught.value is told
    # What reads it, such as a buffer, closes it when it is collected.
    del caught
    gc.collect()
    raw.close()
    assert ends == ["broke"]


def test_a_raw_body_that_is_used_wrongly_has_not_broken_off() -> None:
    ends: list[str] = []
    end = BodyEnd(
        read=lambda: ends.append("read"), broke=lambda: ends.append("broke"), told=lambda one: one
    )
    raw = Watched(whole_body(), end)
    with pytest.raises(TypeError):
        raw.read("five")
    with pytest.raises(ResponseNotChunked):
        list(raw.read_chunked())
    assert ends == []
    assert (raw.read(), raw.read()) == (BODY, b"")
    assert ends == ["read"]
