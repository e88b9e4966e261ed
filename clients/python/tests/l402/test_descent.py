"""What leads to a child is at most what a credential can have, and costs one pass:
spec/3-challenge.md §6, spec/1-credential.md §1 and §6.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

import pytest

from l8nt import AdapterError, TokenError
from l8nt.client.remote import RemoteTreasury
from l8nt.credential import RevocationList
from l8nt.credential.macaroon_body import MacaroonBody
from l8nt.l402 import HmacVerifier, Minter
from l8nt.macaroon import chain, packet

NOW = 1_900_000_000
SECRET = bytes(range(32)).hex()
LOCATION = "https://api.example"


def agents(count: int) -> list[str]:
    return [f"agent=a.{at:08x}" for at in range(count)]


class World:
    def __init__(self) -> None:
        minted = Minter(secret=SECRET, location=LOCATION, clock=lambda: NOW).mint(
            endpoints=[f"GET {LOCATION}/**"], expires_in="1h"
        )
        self.revocations = RevocationList(clock=lambda: NOW)
        verifier = HmacVerifier(secret=SECRET, revocations=self.revocations)
        self.credential = minted
        self.holder = verifier.authenticate(minted.text)
        self.own = minted.body.caveats

    def of_bytes(self, total: int) -> list[str]:
        """Caveats that make, with the holder's own, a macaroon of so many bytes."""
        # 105 beside the caveats of a macaroon without a location; 3 with a caveat, 4 from 128 on.
        used = 105 + sum(len(one) + (3 if len(one) < 128 else 4) for one in self.own)
        agent = agents(1)
        left = total - used - len(agent[0]) - 3
        purposes: list[str] = []
        while left > 1028 + 400:
            purposes.append("purpose=".ljust(1024, "x"))
            left -= 1028
        first = left // 2
        purposes += ["purpose=".ljust(size - 4, "x") for size in (first, left - first)]
        return [*purposes, *agent]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def hmacs(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The messages of every HMAC from now on."""
    made: list[bytes] = []

    def counted(key: bytes, message: bytes, kind: str) -> bytes:
        made.append(message)
        return hmac.digest(key, message, kind)

    monkeypatch.setattr(chain, "digest", counted)
    return made


Descent = Callable[[World], list[str]]

CAN_HAVE: dict[str, Descent] = {
    "64 caveats": lambda world: agents(64 - len(world.own)),
    "10 nodes in 60 caveats": lambda _: [
        caveat for one in agents(10) for caveat in (one, *["max_uses=9"] * 5)
    ],
    "6,093 bytes": lambda world: world.of_bytes(6093),
    "1,024 bytes": lambda _: ["purpose=".ljust(1024, "x"), *agents(1)],
}
CANNOT_HAVE: dict[str, Descent] = {
    "65 caveats": lambda world: agents(65 - len(world.own)),
    "3,300 caveats": lambda _: agents(3300),
    "6,094 bytes": lambda world: world.of_bytes(6094),
    "1,025 bytes": lambda _: ["purpose=".ljust(1025, "x"), *agents(1)],
    "1,026 bytes as UTF-8": lambda _: [f"purpose={'é' * 509}", *agents(1)],
}


@pytest.mark.parametrize("what", CAN_HAVE)
def test_what_a_credential_can_have_is_revoked_in_one_pass(
    world: World, hmacs: list[bytes], what: str
) -> None:
    caveats = CAN_HAVE[what](world)
    opened = [at for at, caveat in enumerate(caveats) if caveat.startswith("agent=")]
    hmacs.clear()
    node = world.holder.node_below(caveats)
    assert len(hmacs) == len(caveats) + len(opened)
    revoked = world.holder.revoke_below(caveats)
    assert revoked.node_id == node
    assert len(revoked.above) == len(opened)
    assert len(world.revocations) == 1


@pytest.mark.parametrize("what", CANNOT_HAVE)
def test_more_is_refused_before_anything_is_derived_or_sent(
    world: World, hmacs: list[bytes], what: str
) -> None:
    caveats = CANNOT_HAVE[what](world)
    hmacs.clear()
    with pytest.raises(AdapterError) as raised:
        world.holder.revoke_below(caveats)
    assert raised.value.code == "ERR_REQUEST"
    assert isinstance(raised.value.__cause__, TokenError)
    assert hmacs == []
    assert len(world.revocations) == 0
    treasury = RemoteTreasury(LOCATION, None)
    with pytest.raises(TokenError) as unsent:
        next(treasury.revoke(world.credential, caveats))
    assert unsent.value.code == "ERR_TOKEN_TOO_LARGE"


def test_the_bytes_are_those_of_a_macaroon_without_a_location(world: World) -> None:
    following = world.of_bytes(6093)
    body = world.credential.body
    assert isinstance(body, MacaroonBody)
    every = (*world.own, *(one.encode() for one in following))
    head = packet.head_of("", body.macaroon.identifier)
    whole = head + b"".join(map(packet.caveat_field, every)) + packet.TRAILER + bytes(32)
    assert len(whole) == packet.MAX_PACKET_BYTES
    assert packet.read_packet(whole).caveats == every
