"""Requests that the holder of a bound credential signs. spec/9-public-key.md §9."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from l8nt._passed_time import PassedTime
from l8nt.caveat import Access
from l8nt.credential import Credential, RevocationList
from l8nt.errors import AdapterError
from l8nt.holder import HolderKey, HolderProofs, ProofRequest, SignedRequest, joined, signed_paths
from l8nt.holder.nonces import Nonces, SeenNonce
from l8nt.l402 import HmacVerifier
from l8nt.l402 import Minter as MacaroonMinter
from l8nt.public_key import Minter

NOW = 1_800_000_000
API = "https://api.example"
SECRET = "8f3a5c7e9b1d2f4061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8"
# RFC 8037 appendix A.
A1 = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
A3 = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def at(private_key: str, now: float = NOW) -> HolderKey:
    return HolderKey(private_key, clock=lambda: now)


key = at(A1)
other = at("22" * 32)
macaroon = MacaroonMinter(secret=SECRET, location=API, clock=lambda: NOW).mint(
    endpoints=[f"* {API}/**"], expires_in="1h", holder=A3
)
biscuit = Minter(
    private_key="11" * 32, issuer="https://treasury.example", location=API, clock=lambda: NOW
).mint(endpoints=[f"* {API}/**"], expires_in="1h", holder=A3)


@dataclass
class Node:
    id: str


@dataclass
class Bound:
    """A credential that was verified."""

    holders: list[str] = field(default_factory=lambda: [A3])
    nodes: list[Node] = field(default_factory=lambda: [Node("root")])


@dataclass(frozen=True)
class Sent:
    """A request on its way."""

    fields: dict[str, str]
    method: str = "GET"
    path: str = "/a"
    query: str = "?b=c"
    body: bytes = b""
    authority: str = "api.example"

    def changed(self, name: str, change: Callable[[str], str | None]) -> Sent:
        fields = dict(self.fields)
        value = change(fields.pop(name, ""))
        if value is not None:
            fields[name] = value
        return replace(self, fields=fields)


def signed(
    by: HolderKey = key,
    *,
    method: str = "GET",
    url: str = f"{API}/a?b=c",
    body: bytes = b"",
    credential: Credential = macaroon,
) -> Sent:
    fields = by.sign(method, url, {"Authorization": f"L402 {credential.text}"}, body)
    path, mark, query = url.removeprefix(API).partition("?")
    return Sent(joined(fields), method, path, mark + query or "?", body)


def verdict(
    sent: Sent, proofs: HolderProofs | None = None, credential: Bound | None = None
) -> str | None:
    proofs = proofs or HolderProofs(lambda: NOW)
    request = SignedRequest(sent.method, sent.authority, sent.path, sent.query, sent.fields)
    return proofs.prove(ProofRequest(request), credential or Bound(), sent.body)


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    assert key.thumbprint == A3


@pytest.mark.parametrize("bad", ["00", A1 + "00", A1[:-1] + "g", b"1", f" {A1}", 5])
def test_a_private_key_that_is_none_is_refused_and_not_repeated(bad: object) -> None:
    with pytest.raises(TypeError, match="SIGIL_HOLDER_KEY") as caught:
        HolderKey(bad)  # type: ignore[arg-type] # What an environment may hold.
    assert A1[:20] not in str(caught.value)


@pytest.mark.parametrize(
    "agent",
    [
        "https://a.example/",
        "https://a.example:443",
        "a.example",
        "https://A.example",
        "https://u@a",
    ],
)
def test_a_signature_agent_is_an_origin(agent: str) -> None:
    with pytest.raises(TypeError, match="signature_agent"):
        HolderKey(A1, signature_agent=agent)


def test_a_key_is_neither_shown_nor_stored() -> None:
    assert A1 not in f"{key!r} {key} {json.dumps(key.sign('GET', API, {}))}"
    assert key.export_private_key() == A1
    with pytest.raises(TypeError, match="export_private_key"):
        pickle.dumps(key)


def test_a_signed_request_is_proven_once() -> None:
    proofs = HolderProofs(lambda: NOW)
    sent = signed()
    assert verdict(sent, proofs) == A3
    assert verdict(sent, proofs) is None
    assert verdict(signed(), proofs) == A3
    assert verdict(signed(method="POST", body=b"{}"), proofs) == A3
    assert verdict(signed(method="POST"), proofs) == A3
    assert verdict(signed(url=f"{API}/a"), proofs) == A3


def test_signature_agent_is_covered() -> None:
    agent = HolderKey(A1, clock=lambda: NOW, signature_agent="https://a.example")

    def with_agent(change: Callable[[str], str]) -> str | None:
        return verdict(signed(agent).changed("signature-agent", change))

    assert with_agent(lambda text: text) == A3
    assert with_agent(lambda text: text.replace("//a", "//b")) is None
    assert with_agent(lambda text: text.replace("sig1", "sig2")) is None
    assert with_agent(lambda text: f'{text}, sig2="https://b.example"') is None
    assert with_agent(lambda _: "https://a.example") is None


def second(text: str) -> str:
    return f"{text}, {text.replace('sig1', 'sig2')}"


WRONG: list[tuple[str, Sent]] = [
    ("no signature", Sent({"authorization": f"L402 {macaroon.text}"})),
    ("another key", signed(other)),
    ("another method", replace(signed(), method="DELETE")),
    ("another path", replace(signed(), path="/b")),
    ("another query", replace(signed(), query="?b=d")),
    ("no query", replace(signed(), query="?")),
    ("another authority", replace(signed(), authority="other.example")),
    (
        "another credential",
        signed().changed("authorization", lambda _: f"L402 {biscuit.text}"),
    ),
    ("a credential more", signed().changed("macaroon", lambda _: "00")),
    ("another body", replace(signed(method="POST", body=b"{}"), body=b"[]")),
    ("a body that is not covered", replace(signed(method="POST"), body=b"[]")),
    ("no body", replace(signed(method="POST", body=b"{}"), body=b"")),
    (
        "a digest that is not covered",
        replace(signed(method="POST"), body=b"{}").changed(
            "content-digest",
            lambda _: signed(method="POST", body=b"{}").fields["content-digest"],
        ),
    ),
    ("created in the future", signed(at(A1, NOW + 61))),
    ("over", signed(at(A1, NOW - 120))),
    ("no Sigil-Holder", signed().changed("sigil-holder", lambda _: None)),
    ("another key in Sigil-Holder", signed().changed("sigil-holder", lambda _: other.public_key)),
    ("Sigil-Holder in capitals", signed().changed("sigil-holder", str.upper)),
    (
        "two signatures",
        signed().changed("signature", second).changed("signature-input", second),
    ),
    ("another label", signed().changed("signature", lambda one: one.replace("sig1", "sig2"))),
    (
        "a flipped bit",
        signed().changed(
            "signature", lambda one: one.replace(one[6], "A" if one[6] != "A" else "B", 1)
        ),
    ),
    (
        "another keyid",
        signed().changed("signature-input", lambda one: one.replace(A3, other.thumbprint)),
    ),
    (
        "a blank too many",
        signed().changed("signature-input", lambda one: one.replace('" "', '"  "')),
    ),
    ("100 kB", signed().changed("signature-input", lambda one: f'{one};x="{"a" * 100_000}"')),
    *(
        (
            f"without {name}",
            signed().changed(
                "signature-input", lambda one, name=name: one.replace(f'"{name}"', '"host"')
            ),
        )
        for name in ("@method", "@authority", "@path", "@query", "authorization", "sigil-holder")
    ),
]


@pytest.mark.parametrize(("name", "sent"), WRONG, ids=[name for name, _ in WRONG])
def test_another_request_than_was_signed_is_denied(name: str, sent: Sent) -> None:
    assert verdict(sent) is None, name


def test_a_wrong_body_takes_the_nonce_so_that_a_copy_has_one_try() -> None:
    proofs = HolderProofs(lambda: NOW)
    sent = signed(method="POST", body=b"{}")
    assert verdict(replace(sent, body=b"[]"), proofs) is None
    assert verdict(sent, proofs) is None


def test_who_is_only_asked_takes_no_nonce() -> None:
    proofs, sent = HolderProofs(lambda: NOW), signed()
    request = SignedRequest(sent.method, sent.authority, sent.path, sent.query, sent.fields)
    asked = ProofRequest(request, is_only_asked=True)
    assert [proofs.prove(asked, Bound()) for _ in "12"] == [A3, A3]
    assert verdict(sent, proofs) == A3


def test_two_holders_are_nobody_and_none_is_anybody() -> None:
    assert verdict(signed(), credential=Bound([A3, other.thumbprint])) is None
    assert verdict(signed(other), credential=Bound([A3, other.thumbprint])) is None
    assert verdict(signed(), credential=Bound([A3, A3])) == A3


@pytest.mark.parametrize("name", ["x-api-key", "api-key", "x-goog-api-key"])
def test_a_field_that_has_the_credential_is_covered(name: str) -> None:
    fields = joined(key.sign("GET", f"{API}/a?b=c", [(name, macaroon.key)]))
    request = SignedRequest("GET", "api.example", "/a", "?b=c", fields)
    proofs = HolderProofs(lambda: NOW)
    asked = ProofRequest(request, credential_fields=[name])
    assert proofs.prove(asked, Bound()) == A3
    stranger = joined(key.sign("GET", f"{API}/a?b=c", [(name, "sk-other")]))
    uncovered = replace(asked, signed=replace(request, headers=stranger))
    assert proofs.prove(uncovered, Bound()) is None


@pytest.mark.parametrize(
    ("location", "canonical", "base"),
    [
        ("https://api.example/%7Euser", "/~user", "https://api.example/%7Euser"),
        ("https://api.example/%7Euser", "/~user", "https://api.example/~user"),
        ("https://api.example/caf%c3%a9", "/caf%C3%A9", "https://api.example/caf%c3%a9"),
        ("https://api.example/caf%c3%a9", "/caf%C3%A9", "https://api.example/caf%C3%A9"),
        ("https://api.example/v1/", "/v1", "https://api.example/v1"),
        ("https://api.example", "", "https://api.example"),
    ],
)
def test_behind_a_proxy_that_removes_a_path_the_location_counts(
    location: str, canonical: str, base: str
) -> None:
    path, other_path = signed_paths(location, canonical, "/a")
    for url, expected in ((f"{base}/a?b=c", A3), (f"{API}/w1/a?b=c", None)):
        fields = joined(key.sign("GET", url, {}))
        request = SignedRequest("GET", "api.example", path, "?b=c", fields)
        asked = ProofRequest(request, other_path=other_path)
        assert HolderProofs(lambda: NOW).prove(asked, Bound()) == expected


@pytest.mark.parametrize(
    ("url", "authority", "path", "query"),
    [
        ("https://API.example:443/a", "api.example", "/a", "?"),
        ("https://api.example:8443", "api.example:8443", "/", "?"),
        ("http://api.example:80?x#f", "api.example", "/", "?x"),
        ("http://[::1]:8080/a?", "[::1]:8080", "/a", "?"),
        ("https://api.example/a%2Fb;c?d=/e#f", "api.example", "/a%2Fb;c", "?d=/e"),
    ],
)
def test_what_is_signed_of_a_url(url: str, authority: str, path: str, query: str) -> None:
    request = SignedRequest("GET", authority, path, query, joined(key.sign("GET", url, {})))
    assert HolderProofs(lambda: NOW).prove(ProofRequest(request), Bound()) == A3


def test_signing_again_leaves_one_signature() -> None:
    once = key.sign("POST", f"{API}/a", [("Authorization", f"L402 {macaroon.text}")], b"{}")
    again = key.sign("GET", f"{API}/b", once)
    names = [name.lower() for name, _ in again]
    assert sorted(names) == ["authorization", "sigil-holder", "signature", "signature-input"]


@pytest.mark.parametrize("credential", [macaroon, biscuit], ids=["macaroon", "biscuit"])
def test_a_key_knows_the_requests_that_it_has_to_sign(credential: Credential) -> None:
    ways = [
        {"Authorization": f"L402 {credential.text}"},
        {"authorization": f"Bearer {credential.key}"},
        {"x-api-key": credential.key},
        {"api-key": credential.text},
    ]
    if credential is macaroon:
        body = credential.body
        ways.append({"authorization": f"LSAT {body.to_text()}"})
    for headers in ways:
        assert key.is_for(headers), headers
        assert not other.is_for(headers)
    for headers in ({}, {"authorization": "Basic x"}, {"x-api-key": "sk-other"}):
        assert not key.is_for(headers)


def test_a_body_that_is_too_large_to_be_signed_is_not_sent() -> None:
    key.sign("POST", API, {}, bytes(2**21))
    with pytest.raises(AdapterError) as caught:
        key.sign("POST", API, {}, bytes(2**21 + 1))
    assert caught.value.code == "ERR_TOO_LARGE"


def test_a_verifier_that_reads_no_signatures_denies() -> None:
    revocations = RevocationList(clock=lambda: NOW)
    verified = HmacVerifier(secret=SECRET, revocations=revocations).authenticate(macaroon)
    codes = [one.code for one in verified.judge(Access(NOW, "self"))]
    assert codes == ["ERR_HOLDER"]
    assert list(verified.holders) == [A3]
    assert list(verified.signed_by(A3).judge(Access(NOW, "self"))) == []
    assert [
        one.code for one in verified.signed_by(other.thumbprint).judge(Access(NOW, "self"))
    ] == ["ERR_HOLDER"]


class Time:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now: float = NOW

    def __call__(self) -> float:
        return self.now


def test_a_clock_that_is_a_minute_behind_is_let_through_and_a_slow_body_too() -> None:
    time = Time()
    proofs = HolderProofs(time)
    sent = signed(at(A1, NOW - 60), method="POST", body=b"{}")
    request = SignedRequest(sent.method, sent.authority, sent.path, sent.query, sent.fields)
    pending = proofs.begin(ProofRequest(request), Bound())
    assert pending is not None
    time.now += 300
    assert pending.finish(b"{}") == A3
    assert proofs.begin(ProofRequest(request), Bound()) is None


def test_a_clock_that_is_set_ahead_and_back_lets_no_signature_through_again() -> None:
    time = Time()
    proofs = HolderProofs(time, Nonces(time, passed=PassedTime(lambda: 0.0)))
    sent = signed()
    assert verdict(sent, proofs) == A3
    time.now += 600
    assert verdict(signed(at(A1, time.now)), proofs) == A3
    time.now -= 600
    assert verdict(sent, proofs) is None
    assert verdict(signed(), proofs) == A3


def test_full_of_nonces_signatures_are_refused_and_the_unproven_take_no_room() -> None:
    time = Time()
    # A tree has half of what other trees leave, so one of this many.
    proofs = HolderProofs(time, Nonces(time, 3, PassedTime(time)))

    def prove(root: str, *, spoil: bool = False) -> str | None:
        sent = signed(at(A1, time.now))
        if spoil:
            sent = sent.changed("signature", lambda _: f"sig1=:{'A' * 86}==:")
        return verdict(sent, proofs, Bound(nodes=[Node(root)]))

    assert [prove("a", spoil=True) for _ in range(5)] == [None] * 5
    assert prove("a") == A3
    with pytest.raises(AdapterError) as caught:
        prove("a")
    assert caught.value.code == "ERR_RATE_LIMITED"
    assert prove("b") == A3
    # A signature is good for 120 seconds, and its nonce is kept for 60 more.
    time.now += 179
    with pytest.raises(AdapterError):
        prove("a")
    time.now += 1
    assert prove("a") == A3


class Began:
    def __init__(self, most: int) -> None:
        self.time = Time()
        self.nonces = Nonces(self.time, most, PassedTime(self.time))
        self.made = 0

    def take(self, keyid: str, *nodes: str) -> bool:
        self.made += 1
        return self.nonces.is_new(SeenNonce(keyid, str(self.made), NOW + 120), nodes)


def test_10000_keys_of_one_tree_and_its_nodes_leave_room_to_other_trees() -> None:
    began = Began(20_000)
    assert all(began.take(f"key {one}", "mallory") for one in range(10_000))
    for nodes in (["mallory"], ["mallory", "a new node"]):
        with pytest.raises(AdapterError):
            began.take("another key", *nodes)
    assert all(began.take("honest", "alice") for _ in range(5_000))
    assert began.take("honest", "bob", "agent")
    assert len(began.nonces) == 15_001


def test_an_agent_of_a_tree_leaves_room_to_its_siblings_whatever_it_delegates() -> None:
    began = Began(16_000)

    def is_taken(*nodes: str) -> bool:
        try:
            return began.take("key", *nodes)
        except AdapterError:
            return False

    def fill(*nodes: str) -> None:
        while is_taken(*nodes):
            pass

    for one in range(100):
        fill("root", "mallory", f"child {one}", str(one))
    fill("root", "mallory")
    # Half of the root's half.
    assert len(began.nonces) == 4_000
    assert began.take("honest", "root", "alice")
    assert began.take("honest", "root")


def test_what_has_ended_is_forgotten_a_few_at_a_time() -> None:
    began = Began(20_000)
    for one in range(10_000):
        began.take(f"key {one}", "mallory")
    began.time.now += 120
    before, requests = len(began.nonces), 0
    while len(began.nonces) > requests:
        assert began.take("honest", "alice")
        requests += 1
        assert before + 1 - len(began.nonces) <= 256
        before = len(began.nonces)
    assert requests == 40


def test_a_signature_that_http_message_sig_made_is_right_and_only_for_its_request() -> None:
    """By http-message-sig 0.2, in JavaScript."""
    fields = {
        "authorization": "L402 x:y",
        "sigil-holder": key.public_key,
        "signature": (
            "sig1=:ozdncrI80UyPnvBJ7wVkLkRJqlexSpqGJ0V8SvZb7cxnhL5XecZSJrcPcypSozjd+lLB+cTAqPeDL41D+OSnCg==:"
        ),
        "signature-input": (
            'sig1=("@authority" "@method" "@path" "@query" "sigil-holder" "authorization")'
            ';created=1800000000;expires=1800000060;nonce="abc"'
            ';keyid="kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";tag="web-bot-auth"'
        ),
    }
    assert verdict(Sent(fields)) == A3
    assert verdict(Sent(fields, query="?b=d")) is None
