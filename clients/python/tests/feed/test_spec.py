"""The worked example of spec/7-revocation-feed.md §4, and what a follower does with pages."""

import json
from typing import Any

import pytest
from tests.repository import blocks_of, table_cells, text_of

from l8nt import AdapterError
from l8nt._ed25519 import Signer
from l8nt.caveat import Access
from l8nt.credential import RevocationList
from l8nt.feed import FeedFollower, FeedReader
from l8nt.l402 import HmacVerifier, Minter
from l8nt.receipt.jcs import canonical
from l8nt.receipt.key import ReceiptKey

PAGE = text_of("spec/7-revocation-feed.md")
SIGNED, SENT = (one for one in blocks_of(PAGE) if one.startswith('{"after"'))
[SEED] = table_cells(PAGE, "seed")
[PUBLIC_KEY] = table_cells(PAGE, "public key")
LOCATION = "https://treasury.example"
URL = f"{LOCATION}/.well-known/l402/revocations"
AT = 1_893_456_000
FIRST, SECOND = "82c1c2751854768d156b0777a3f79842", "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
SIGNER = Signer(bytes.fromhex(SEED))


def signed_page(after: int = 0, at: int = AT, entries: Any = (), **members: Any) -> bytes:
    page = {
        "type": "revocations",
        "location": LOCATION,
        "after": after,
        "seq": max([after, *(one["seq"] for one in entries)]),
        "at": at,
        "entries": list(entries),
        "keyId": ReceiptKey(PUBLIC_KEY).key_id,
        **members,
    }
    signature = SIGNER.sign(canonical(page).encode()).hex()
    return canonical({**page, "signature": signature}).encode()


def test_the_key_and_the_text_of_the_page() -> None:
    assert SIGNER.public_key.hex() == PUBLIC_KEY
    assert [ReceiptKey(PUBLIC_KEY).key_id] == table_cells(PAGE, "key id")
    assert canonical(json.loads(SIGNED)) == SIGNED
    sent = json.loads(SENT)
    assert SIGNER.sign(SIGNED.encode()).hex() == sent["signature"]


def test_a_follower_takes_the_page() -> None:
    reader = FeedReader(location=LOCATION, public_key=PUBLIC_KEY, after=40)
    reading = reader.read(SENT.encode(), AT)
    assert [(one.node, one.ends_at) for one in reading.entries] == [
        (FIRST, 1_893_459_600),
        (SECOND, None),
    ]
    assert (reading.seq, reading.alive_at, reader.seq) == (43, AT, 43)


class World:
    """A follower whose publisher, clock and alarm the test has in hand."""

    def __init__(self) -> None:
        self.now = float(AT)
        self.asked: list[str] = []
        self.pages: list[bytes | Exception] = []
        self.alarms: list[str] = []
        self.revocations = RevocationList(clock=lambda: self.now, elapsed=lambda: self.now)
        self.follower = FeedFollower(
            self.revocations,
            url=f"{URL}?after=7#x",
            public_key=PUBLIC_KEY.upper(),
            location=LOCATION,
            clock=lambda: self.now,
            fetch=self.fetch,
            alarm=lambda what, cause: self.alarms.append(f"{what}: {cause}"),
        )
        secret = bytes(range(32))
        minter = Minter(secret=secret, location=LOCATION, clock=lambda: AT)
        verifier = HmacVerifier(secret=secret, revocations=self.revocations)
        credential = minter.mint(endpoints=["GET https://a.example/x"], expires_in="1h")
        self.verified = verifier.authenticate(credential)

    def fetch(self, url: str, seconds: float) -> bytes:
        self.asked.append(f"{url.removeprefix(URL)} {seconds:g}")
        page = self.pages.pop(0)
        if isinstance(page, Exception):
            raise page
        return page

    @property
    def codes(self) -> list[str]:
        return [one.code for one in self.verified.judge(Access(self.now, "self"))]


UNKNOWN = ["ERR_REVOCATION_UNKNOWN"]


def test_nothing_is_granted_before_the_first_page_and_after_a_silence() -> None:
    world = World()
    assert world.codes == UNKNOWN
    assert world.revocations.standstill(world.now) is not None
    world.pages.append(signed_page())
    assert world.follower.step() == 0
    assert world.codes == []
    assert world.follower.wait(0)
    world.now += 10
    assert world.codes == []
    world.now += 0.1
    assert world.codes == UNKNOWN
    world.now = AT - 11
    assert world.codes == UNKNOWN


def test_a_revoked_node_is_denied_for_good() -> None:
    world = World()
    node = world.verified.node.id
    world.pages.append(signed_page(entries=[{"seq": 3, "node": node, "endsAt": AT + 3600}]))
    world.follower.step()
    assert world.codes == ["ERR_REVOKED"]
    assert world.follower.seq == 3


def test_all_requests_but_the_first_ask_to_wait_for_a_fifth_of_the_silence() -> None:
    world = World()
    world.pages += [signed_page(), signed_page(at=AT + 1), signed_page(at=AT + 2)]
    pauses = [world.follower.step() for _ in range(3)]
    assert world.asked == ["?after=0 3", "?after=0&wait=2 5", "?after=0&wait=2 5"]
    # An answer that comes at once has no entry: the publisher does not wait.
    assert pauses == [0, 0.4, 0.4]


def test_a_page_that_was_seen_is_no_sign_of_life() -> None:
    world = World()
    world.pages += [signed_page(), signed_page()]
    world.follower.step()
    world.now += 11
    world.follower.step()
    assert world.codes == UNKNOWN


@pytest.mark.parametrize(
    "page",
    [
        OSError("refused"),
        b"<html>",
        b"\xff",
        b"[]",
        signed_page(location="https://other.example"),
        signed_page(after=1),
        signed_page(at=AT - 61),
        signed_page(entries=[{"seq": 2, "node": FIRST}, {"seq": 1, "node": SECOND}]),
        signed_page(entries=[{"seq": 1, "node": FIRST, "endsAt": None}]),
        signed_page().replace(b'"seq":0', b'"seq":1'),
        signed_page(type="receipt"),
        signed_page(at=True),
    ],
)
def test_a_page_that_is_refused_changes_nothing_and_is_told_once(page: bytes | Exception) -> None:
    world = World()
    world.pages += [page, page, page, page, page, signed_page()]
    pauses = [world.follower.step() for _ in range(5)]
    assert pauses == [0.1, 0.2, 0.4, 0.8, 1]
    assert world.codes == UNKNOWN
    assert len(world.revocations) == 0
    assert len(world.alarms) == 1
    assert "after 10 seconds without them every credential is denied" in world.alarms[0]
    world.follower.step()
    assert world.codes == []


def test_a_page_that_comes_late_is_told_with_its_distance() -> None:
    world = World()
    world.pages.append(signed_page(at=AT - 30))
    world.follower.step()
    assert world.codes == UNKNOWN
    assert "is 30 seconds old by this clock" in world.alarms[0]


def test_a_member_that_is_not_known_is_signed_and_ignored() -> None:
    page = signed_page(more={"z\U00010000": 1, "z\ue000": [True, None, "\u0007"]})
    FeedReader(location=LOCATION, public_key=PUBLIC_KEY).read(page, AT)
    for number, refused in ((b"1.0", False), (b"1e0", False), (b"1.5", True), (b"NaN", True)):
        reader = FeedReader(location=LOCATION, public_key=PUBLIC_KEY)
        changed = signed_page(more=1).replace(b'"more":1', b'"more":' + number)
        if refused:
            with pytest.raises(AdapterError, match="ERR_FEED"):
                reader.read(changed, AT)
        else:
            reader.read(changed, AT)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "ftp://a.example"},
        {"public_key": "00" * 32},
        {"public_key": "01" + "00" * 31},
        {"public_key": "ab"},
        {"max_silence": "1s"},
        {"max_silence": "soon"},
    ],
)
def test_options_that_cannot_be_used_are_refused(options: dict[str, Any]) -> None:
    given: dict[str, Any] = {"url": URL, "public_key": PUBLIC_KEY, "location": LOCATION, **options}
    with pytest.raises((TypeError, ValueError)):
        FeedFollower(RevocationList(), **given)
