"""What a directory asks of issuers, when, and what comes of it. spec/9-public-key.md §6."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from l8nt.errors import SigilError
from l8nt.public_key import IssuerDirectory, IssuerKey, PageAnswer, read_key_page, write_key_page
from l8nt.public_key.key_page import date_text, read_date

ISSUER = "https://treasury.example"
NOW = 1_800_000_000
DAY = 86_400
PAGE = f"{ISSUER}/.well-known/biscuit-web-keys"

Answer = Callable[[], PageAnswer | None]
"""``None`` for one that never comes."""


def key(key_id: int) -> IssuerKey:
    return IssuerKey(key_id, bytes([key_id + 1]) * 32)


def page(*key_ids: int, **headers: str) -> PageAnswer:
    text = write_key_page(ISSUER, map(key, key_ids))
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return PageAnswer(200, text.encode(), named)


def down() -> PageAnswer:
    raise OSError("fetch failed")


def never() -> None:
    return None


class World:
    """A directory, its clock and its issuer. Requests run when they are started, unless their
    answer never comes.
    """

    def __init__(
        self, answer: Answer, alarm: Callable[[str, BaseException], None] | None = None
    ) -> None:
        self.now: float = NOW
        self.answer = answer
        self.asked: list[str] = []
        self.alarms: list[str] = []
        self.waited: list[float] = []
        self.meanwhile: Callable[[float], None] = lambda _: None
        """What happens while a thread waits."""
        self.held: list[Callable[[], None]] | None = None
        self.directory = IssuerDirectory(
            [ISSUER],
            fetch=self.fetch,
            clock=lambda: self.now,
            start=self.start,
            wait=self.wait,
            alarm=alarm or self.alarm,
        )

    def alarm(self, message: str, cause: BaseException) -> None:
        assert ISSUER in message
        assert isinstance(cause, SigilError)
        self.alarms.append(cause.code)

    def start(self, run: Callable[[], None]) -> None:
        if self.held is not None:
            self.held.append(run)
        elif self.answer is never:
            self.asked.append(PAGE)
        else:
            run()

    def fetch(self, url: str) -> PageAnswer:
        self.asked.append(url)
        answer = self.answer()
        assert answer is not None
        return answer

    def wait(self, event: Event, seconds: float) -> bool:
        self.waited.append(seconds)
        self.meanwhile(seconds)
        return event.is_set()

    def code(self, key_id: int) -> str:
        try:
            self.directory.find(ISSUER, key_id)
        except SigilError as error:
            return error.code
        return "found"

    def find(self, key_id: int) -> str:
        load = self.directory.load(ISSUER, key_id)
        if load is not None:
            load()
        return self.code(key_id)

    def waits(self, key_id: int) -> bool:
        return self.directory.load(ISSUER, key_id) is not None


ONE: dict[str, Any] = json.loads(write_key_page(ISSUER, [key(1)]))[0]


def of(value: object) -> PageAnswer:
    return PageAnswer(200, json.dumps(value).encode())


@pytest.mark.parametrize(
    ("name", "code", "answer"),
    [
        ("no answer", "UNREACHABLE", down),
        ("404", "STATUS", lambda: PageAnswer(404, b"no")),
        ("a part of it", "STATUS", lambda: PageAnswer(206, b"[]")),
        ("not changed", "STATUS", lambda: PageAnswer(304, b"")),
        ("301", "REDIRECT", lambda: PageAnswer(301, b"", {"location": "https://other.example"})),
        ("307 to itself", "REDIRECT", lambda: PageAnswer(307, b"", {"location": PAGE})),
        ("no JSON", "MALFORMED", lambda: PageAnswer(200, b"[")),
        ("a JSON that is too deep", "MALFORMED", lambda: PageAnswer(200, b"[" * 65_000)),
        ("an object", "MALFORMED", lambda: of({"keys": []})),
        ("NaN", "MALFORMED", lambda: PageAnswer(200, b"[NaN]")),
        ("not UTF-8", "MALFORMED", lambda: PageAnswer(200, b"\xff")),
        ("two keys of one id", "MALFORMED", lambda: of([ONE, ONE])),
        ("65 keys", "TOO_LARGE", lambda: of([ONE] * 65)),
        ("65,537 bytes", "TOO_LARGE", lambda: PageAnswer(200, b"[]" + b" " * 65_535)),
        ("other issuers", "ISSUER", lambda: of([{**ONE, "issuer": "https://o.example"}])),
    ],
)
def test_a_page_that_is_refused_has_a_code_of_its_own(name: str, code: str, answer: Answer) -> None:
    world = World(answer)
    assert world.find(1) == "ERR_KEYS_UNREACHABLE", name
    assert world.alarms == [f"ERR_KEYS_{code}"], name


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("65,536 bytes", lambda: PageAnswer(200, page(1).body.ljust(65_536))),
        ("64 keys", lambda: page(*range(64))),
        ("any type", lambda: page(1, content_type="application/octet-stream")),
        ("an entry of another issuer", lambda: of([{**ONE, "issuer": "https://o.example"}, ONE])),
        ("no issuer", lambda: of([{name: ONE[name] for name in ONE if name != "issuer"}])),
        (
            "entries that cannot be read",
            lambda: of([None, 1, {}, "a", {**ONE, "key_id": -1}, ONE]),
        ),
        ("an id that is written as 1.0", lambda: of([{**ONE, "key_id": 1.0}])),
        ("an end that has not come", lambda: of([{**ONE, "expires_at": "2027-01-15T08:00:01Z"}])),
        ("an end that is null", lambda: of([{**ONE, "expires_at": None}])),
    ],
)
def test_a_good_page_is_taken(name: str, answer: Answer) -> None:
    world = World(answer)
    assert (world.find(1), world.alarms) == ("found", []), name


@pytest.mark.parametrize(
    "change",
    [
        {"algorithm": "secp256r1"},
        {"algorithm": "ED25519"},
        {"key_bytes": "01" * 31},
        {"key_bytes": "01" * 33},
        {"key_bytes": " " + "01" * 32},
        {"key_bytes": 1},
        {"key_id": "1"},
        {"key_id": True},
        {"key_id": 1.5},
        {"key_id": 2**32},
        {"issuer": None},
        {"expires_at": "soon"},
        {"expires_at": 1_900_000_000},
        {"expires_at": "2027-01-15T08:00:00Z"},
    ],
)
def test_an_entry_that_is_no_key_of_the_issuer_verifies_nothing(change: dict[str, Any]) -> None:
    world = World(lambda: of([{**ONE, **change}]))
    assert world.find(1) == "ERR_TOKEN_KEY"


def test_an_empty_page_ends_all_keys() -> None:
    world = World(lambda: page(1, cache_control="max-age=60"))
    assert world.find(1) == "found"
    world.answer = page
    world.now += 60
    assert world.find(1) == "ERR_TOKEN_KEY"
    assert world.alarms == []


def test_after_10_seconds_a_page_is_given_up_and_what_comes_later_is_not_looked_at() -> None:
    world = World(lambda: page(1))
    world.held = []
    load = world.directory.load(ISSUER, 1)
    assert load is not None
    load()
    assert world.waited == [10]
    assert (world.code(1), world.alarms) == ("ERR_KEYS_UNREACHABLE", ["ERR_KEYS_SLOW"])
    world.held[0]()
    assert world.code(1) == "ERR_KEYS_UNREACHABLE"


# RFC 9111 §4.2.3 and §5.1: what a cache on the way had it for is a part of its age.
@pytest.mark.parametrize(
    ("name", "headers", "seconds"),
    [
        ("for its max-age", {"cache_control": "public, max-age=600"}, 600),
        ("in any case", {"Cache_Control": "PUBLIC,Max-Age=600"}, 600),
        ("for 5 minutes where it says nothing", {}, 300),
        ("for a minute at least", {"cache_control": "max-age=0"}, 60),
        ("for a minute with no-store", {"cache_control": "no-store, max-age=600"}, 60),
        ("for a minute with no-cache", {"cache_control": "max-age=600, no-cache"}, 60),
        ("for a day at most", {"cache_control": "max-age=999999"}, DAY),
        ("without its Age", {"cache_control": "max-age=86400", "age": "80000"}, 6400),
        ("with a long Age", {"cache_control": "max-age=604800", "age": "86400"}, DAY),
        ("for a minute where its Age is more", {"cache_control": "max-age=600", "age": "700"}, 60),
        ("without its Age, where it says no more", {"age": "100"}, 200),
        ("without the first Age of two", {"cache_control": "max-age=600", "age": "100, 500"}, 500),
        ("with an Age that is no number", {"cache_control": "max-age=600", "age": "soon"}, 600),
        ("with an Age below nothing", {"cache_control": "max-age=600", "age": "-5"}, 600),
        ("not by s-maxage", {"cache_control": "s-maxage=600"}, 300),
    ],
)
def test_a_page_is_kept(name: str, headers: dict[str, str], seconds: int) -> None:
    world = World(lambda: page(1, **headers))
    world.find(1)
    world.now += seconds - 1
    world.find(1)
    assert len(world.asked) == 1, name
    world.now += 1
    world.find(1)
    assert len(world.asked) == 2, name


def test_the_last_good_page_is_kept_for_a_day_more() -> None:
    world = World(lambda: page(1))
    world.find(1)
    world.answer = down
    world.now += 300 + DAY - 1
    assert world.find(1) == "found"
    world.now += 1
    assert world.find(1) == "ERR_KEYS_UNREACHABLE"


def test_a_clock_that_is_set_back_a_year_keeps_it_no_longer_than_from_then_on() -> None:
    world = World(lambda: page(1))
    world.find(1)
    world.now -= 365 * DAY
    world.answer = down
    assert world.find(1) == "found"
    world.now += 300 + DAY
    assert world.find(1) == "ERR_KEYS_UNREACHABLE"


@pytest.mark.parametrize("seconds", [-600, -60, 60, 600])
def test_a_clock_that_is_set_by_minutes_changes_nothing(seconds: int) -> None:
    world = World(lambda: page(1, cache_control="max-age=3600"))
    world.find(1)
    world.now += seconds
    assert [world.find(1), world.find(2)] == ["found", "ERR_TOKEN_KEY"]
    assert world.alarms == []


def test_an_issuer_is_asked_once_in_30_seconds_for_ids_that_are_not_on_its_page() -> None:
    world = World(lambda: page(1))
    assert {world.find(key_id) for key_id in range(2, 502)} == {"ERR_TOKEN_KEY"}
    assert world.asked == [PAGE]
    world.now += 29
    world.find(5000)
    assert len(world.asked) == 1
    world.now += 1
    for key_id in range(2000, 2500):
        world.find(key_id)
    assert len(world.asked) == 2


def test_a_new_key_is_asked_for_once_and_all_wait_for_it() -> None:
    world = World(lambda: page(1))
    world.find(1)
    world.now += 30
    world.answer = lambda: page(1, 2)
    world.held = []
    loads = [world.directory.load(ISSUER, 2) for _ in range(200)]
    assert len(world.held) == 1
    assert not world.waits(1)
    assert world.code(2) == "ERR_TOKEN_KEY"
    world.held[0]()
    for load in loads:
        assert load is not None
        load()
    assert world.code(2) == "found"


def test_a_busy_service_asks_behind_its_requests_and_an_idle_one_waits() -> None:
    world = World(lambda: page(1))
    world.find(1)
    world.answer = lambda: page(2)
    world.now += 359
    world.held = []
    assert not world.waits(1)
    assert world.code(1) == "found"
    world.held.pop()()
    assert world.code(1) == "ERR_TOKEN_KEY"
    world.answer = lambda: page(3)
    world.now += 360
    assert world.waits(2)
    assert world.waits(2)
    assert len(world.held) == 1
    world.held.pop()()
    assert world.code(2) == "ERR_TOKEN_KEY"


def test_an_issuer_that_is_down_is_waited_for_once_and_then_asked_behind_requests() -> None:
    world = World(lambda: page(1))
    world.find(1)
    world.answer = never
    world.now += 3600
    assert world.find(1) == "found"
    assert len(world.asked) == 2
    world.now += 30
    world.answer = down
    assert not world.waits(1)
    assert len(world.asked) == 3
    world.answer = lambda: page(2)
    world.now += 30
    assert not world.waits(1)
    assert world.code(1) == "ERR_TOKEN_KEY"


def test_a_request_behind_a_kept_page_that_never_ended_is_made_again_and_waited_for() -> None:
    world = World(lambda: page(1, 2))
    world.find(1)
    world.answer = never
    world.now += 300
    assert not world.waits(1)
    world.answer = lambda: page(2)
    world.now += 30
    assert world.find(1) == "ERR_TOKEN_KEY"
    assert [len(world.asked), world.code(2)] == [3, "found"]


def test_while_there_is_no_page_it_is_said_when_the_next_one_is_asked_for() -> None:
    world = World(down)
    world.find(1)
    waits: list[float | None] = []
    for seconds in (0, 12.5, 29.9, 40, -600):
        world.now = NOW + seconds
        with pytest.raises(SigilError) as caught:
            world.directory.find(ISSUER, 1)
        waits.append(caught.value.retry_after_seconds)
        assert "fetch failed" not in str(caught.value)
    assert waits == [30, 18, 1, 1, 30]


def test_before_the_first_request_no_key_is_known() -> None:
    with pytest.raises(SigilError) as caught:
        World(lambda: page(1)).directory.find(ISSUER, 1)
    assert caught.value.retry_after_seconds == 1


def test_an_alarm_that_raises_ends_nothing() -> None:
    def alarm(message: str, cause: BaseException) -> None:
        raise RuntimeError("of the alarm")

    world = World(lambda: page(1), alarm=alarm)
    world.find(1)
    world.answer = down
    world.now += 300
    assert world.find(1) == "found"
    world.now += 30
    assert world.find(2) == "ERR_TOKEN_KEY"


def test_a_directory_takes_the_place_of_another_and_keeps_what_it_knows() -> None:
    world = World(lambda: page(1))
    world.find(1)
    after = IssuerDirectory(
        [ISSUER, "https://new.example"],
        before=world.directory,
        fetch=world.fetch,
        clock=lambda: NOW,
    )
    assert after.find(ISSUER, 1) == key(1).public_key
    assert after.issuers == [ISSUER, "https://new.example"]
    assert len(world.asked) == 1


def test_an_issuer_that_is_not_trusted_is_never_asked() -> None:
    world = World(lambda: page(1))
    assert world.directory.load("https://other.example", 1) is None
    with pytest.raises(SigilError) as caught:
        world.directory.find("https://other.example", 1)
    assert (caught.value.code, world.asked) == ("ERR_TOKEN_ISSUER", [])


@pytest.mark.parametrize(
    "issuer",
    [
        "http://10.0.0.5",
        "http://treasury.example",
        "http://localhost.example",
        "http://127.1.example",
    ],
)
def test_plain_http_is_for_loopback_alone(issuer: str) -> None:
    with pytest.raises(TypeError, match=r"Plain http is for localhost, 127\.0\.0\.0/8"):
        IssuerDirectory([issuer])


@pytest.mark.parametrize("issuer", ["http://localhost:8080", "http://127.0.0.1", "http://[::1]:1"])
def test_loopback_may_be_plain_http(issuer: str) -> None:
    assert IssuerDirectory([issuer]).issuers == [issuer]


def test_what_is_no_list_of_issuers_is_told_what_is_right() -> None:
    with pytest.raises(TypeError, match=r"a list of origins: \[\"https"):
        IssuerDirectory(ISSUER)
    with pytest.raises(TypeError, match="at most 16"):
        IssuerDirectory([f"https://{one}.example" for one in range(17)])
    with pytest.raises(TypeError, match="an issuer is"):
        IssuerDirectory([f"{ISSUER}/a"])
    with pytest.raises(TypeError, match="allow_private_issuers"):
        IssuerDirectory([ISSUER], fetch=lambda _: page(1), allow_private_issuers=True)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2027-01-15T08:00:00Z", NOW),
        ("2027-01-15T08:00:00.000Z", NOW),
        ("2027-01-15T08:00:00.5Z", NOW + 0.5),
        ("2027-01-15t08:00:00z", NOW),
        ("2027-01-15 09:00:00+01:00", NOW),
        ("2027-01-15T07:30:00-00:30", NOW),
        ("2028-02-29T00:00:00Z", 1_835_395_200),
        # RFC 3339 §5.7: no such day, hour, minute or offset.
        ("2027-02-29T00:00:00Z", None),
        ("2026-04-31T00:00:00Z", None),
        ("2026-13-01T00:00:00Z", None),
        ("2026-00-10T00:00:00Z", None),
        ("2027-01-15T24:00:00Z", None),
        ("2027-01-15T08:60:00Z", None),
        ("2027-01-15T08:00:00+24:00", None),
        ("2027-01-15T08:00:00+01:60", None),
        ("2027-01-15T08:00:00", None),
        ("2027-01-15", None),
        ("+012027-01-15T08:00:00Z", None),
        ("٢027-01-15T08:00:00Z", None),
        ("2027-01-15T08:00:00Z\n", None),
        ("", None),
    ],
)
def test_a_date_of_rfc_3339_is_read(text: str, seconds: float | None) -> None:
    assert read_date(text) == seconds


@pytest.mark.parametrize("seconds", [0, NOW, NOW + 0.5, 253_402_300_799])
def test_a_date_is_read_as_it_was_written(seconds: float) -> None:
    assert read_date(date_text(seconds)) == seconds


@pytest.mark.parametrize("seconds", [-1, 253_402_300_800, float("nan")])
def test_a_date_that_cannot_be_written_is_refused(seconds: float) -> None:
    with pytest.raises(TypeError, match="before the year 10000"):
        date_text(seconds)


def test_a_page_is_read_as_it_was_written() -> None:
    keys = [IssuerKey(0, bytes(32)), IssuerKey(2**32 - 1, b"\xff" * 32, NOW)]
    assert list(read_key_page(ISSUER, write_key_page(ISSUER, keys)).values()) == keys
