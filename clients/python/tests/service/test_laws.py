"""What a service answers, in every framework: permission beside refusal. spec/3-challenge.md §5,
spec/5-ledger.md §5. Ported from packages/l8nt/src/testing/paywall-*-laws.ts.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.service.asking import Got
from tests.service.worlds import ADAPTERS, LOCATION, SECRET, START, Place, Seen, World, world

from l8nt.credential import Credential
from l8nt.service import Grant, Service

VARY = "Authorization, Macaroon, Grpc-Metadata-Macaroon"


@pytest.fixture(params=ADAPTERS)
def adapter(request: pytest.FixtureRequest) -> Any:
    return ADAPTERS[request.param]


@pytest.fixture
def plain(adapter: Any) -> Iterator[World]:
    with world(adapter, Place("/forecast", {}), Place("/open")) as one:
        yield one


def code(got: Got) -> tuple[int, str | None]:
    """The status, and the code of a refusal."""
    return got.status, json.loads(got.body)["code"] if got.status >= 400 else None


def test_a_credential_opens_what_its_endpoints_name_and_nothing_else(plain: World) -> None:
    here = plain.mint(endpoints=[f"GET {LOCATION}/forecast"])
    got = plain.ask("/forecast", here)
    assert (got.status, got.body) == (200, b"sunny")
    assert code(plain.ask("/forecast", here, method="POST")) == (403, "ERR_ENDPOINT")
    other = plain.mint(endpoints=[f"GET {LOCATION}/other"])
    assert code(plain.ask("/forecast", other)) == (403, "ERR_ENDPOINT")
    assert code(plain.ask("/forecast")) == (401, "ERR_TOKEN_MISSING")
    assert plain.ask("/open").status == 200
    assert len(plain.seen) == 2


def test_a_refusal_is_problem_details_that_no_cache_keeps(plain: World) -> None:
    got = plain.ask("/forecast")
    assert got.value("content-type") == "application/problem+json"
    assert got.value("cache-control") == "no-store"
    assert got.value("vary") == VARY
    assert got.lines("www-authenticate") == [plain.service.challenge]
    assert got.value("access-control-expose-headers") == "WWW-Authenticate"
    assert json.loads(got.body) == {
        "type": "urn:sigil:ERR_TOKEN_MISSING",
        "title": "Credential refused",
        "status": 401,
        "detail": "This endpoint takes an L402 credential, and sells none. Bring one that its "
        "owner minted, or one derived from it.",
        "code": "ERR_TOKEN_MISSING",
    }
    assert got.value("content-length") == str(len(got.body))


def test_a_denial_says_every_no_and_whose_it_is(plain: World) -> None:
    root = Credential.parse(plain.mint(endpoints=[f"GET {LOCATION}/forecast"]))
    child = root.delegate(agent="scout", endpoints=[f"GET {LOCATION}/other"], now=START)
    got = plain.ask("/forecast", child.text)
    assert code(got) == (403, "ERR_ENDPOINT")
    [refusal] = json.loads(got.body)["refusals"]
    assert refusal["node"]["agent"] == "scout"
    assert (refusal["condition"], refusal["need"]) == ("endpoints", f"GET {LOCATION}/forecast")
    assert json.loads(got.body)["node"] == refusal["node"]
    assert got.lines("www-authenticate") == []


def _same(text: str) -> str:
    return text


def _altered(text: str) -> str:
    return ("B" if text[0] == "A" else "A") + text[1:]


def _unsigned(text: str) -> str:
    """The same macaroon with another signature, which is at its end."""
    token, preimage = text.split(":")
    data = bytearray(base64.b64decode(token))
    data[-1] ^= 1
    return f"{base64.b64encode(bytes(data)).decode()}:{preimage}"


def _unpaid(text: str) -> str:
    return text[:-64] + "00" * 32


def _macaroon_alone(text: str) -> str:
    return text.split(":")[0]


def _too_long(text: str) -> str:
    return "A" * 9000 + text


def _beside_another(text: str) -> str:
    return f"{text}, L402 {_unpaid(text)}"


def _twice(text: str) -> str:
    return f"{text}, LSAT {text}"


def _beside_own(text: str) -> str:
    return f"{text}, Bearer own-key"


def _with_latin(text: str) -> str:
    return "\xe9" + text


Change = Callable[[str], str]
Answer = tuple[int, str | None]


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        (_same, (200, None)),
        (_altered, (401, "ERR_TOKEN_MALFORMED")),
        (_unsigned, (401, "ERR_TOKEN_FORGED")),
        (_unpaid, (401, "ERR_TOKEN_FORGED")),
        (_macaroon_alone, (401, "ERR_TOKEN_MALFORMED")),
        (_too_long, (401, "ERR_TOKEN_TOO_LARGE")),
        (_beside_another, (400, "ERR_TOKEN_AMBIGUOUS")),
        (_twice, (200, None)),
        (_beside_own, (200, None)),
        (_with_latin, (401, "ERR_TOKEN_MALFORMED")),
    ],
)
def test_what_proves_nothing_opens_nothing(plain: World, change: Change, answer: Answer) -> None:
    got = plain.ask("/forecast", change(plain.mint()))
    assert code(got) == answer
    assert got.status != 401 or got.lines("www-authenticate") == [plain.service.challenge]


def test_a_credential_of_another_secret_opens_nothing_until_it_is_a_previous_one(
    adapter: Any,
) -> None:
    new = bytes(range(100, 132)).hex()
    with world(adapter, Place("/forecast", {}), secret=new) as one:
        assert code(one.ask("/forecast", one.mint())) == (401, "ERR_TOKEN_FORGED")
    with world(adapter, Place("/forecast", {}), secret=new, previous_secrets=[SECRET]) as one:
        assert one.ask("/forecast", one.mint()).status == 200


def test_without_its_secret_a_service_answers_503_and_then_serves(adapter: Any) -> None:
    given: list[str | None] = [None]
    with world(adapter, Place("/forecast", {}), secret=lambda: given[0]) as one:
        assert code(one.ask("/forecast", one.mint())) == (503, "ERR_SECRET")
        given[0] = SECRET
        assert one.ask("/forecast", one.mint()).status == 200


@pytest.mark.parametrize("name", ["macaroon", "grpc-metadata-macaroon"])
def test_the_fields_of_gateways_of_grpc_are_read(plain: World, name: str) -> None:
    from l8nt.l402 import format_macaroon_field

    field = format_macaroon_field(Credential.parse(plain.mint()))
    assert plain.ask("/forecast", headers=[(name, field)]).status == 200
    assert code(plain.ask("/forecast", headers=[(name, field[:-2])]))[0] == 401
    assert code(plain.ask("/forecast", plain.mint(), headers=[(name, field)]))[0] == 400


def test_a_handler_sees_no_credential_and_the_api_s_own_authorization(plain: World) -> None:
    credential = plain.mint()
    own = ("authorization", "Bearer own-key")
    assert plain.ask("/forecast", credential).status == 200
    assert plain.ask("/forecast", credential, headers=[own]).status == 200
    assert [(one.authorization, one.macaroon) for one in plain.seen] == [
        (None, None),
        ("Bearer own-key", None),
    ]


def test_a_handler_knows_whom_it_serves(plain: World) -> None:
    root = Credential.parse(plain.mint(agent="booker", max_uses=9))
    child = root.delegate(agent="scout", max_uses=3, now=START)
    assert plain.ask("/forecast", child.text).status == 200
    grant = plain.seen[0].grant
    assert isinstance(grant, Grant)
    assert (grant.lineage, grant.agent) == (("booker", "scout"), "scout")
    assert len(grant.node_id) == 32
    assert ("max_uses", "3") in grant.caveats
    assert [(one.agent, one.left, one.most) for one in grant.left() or ()] == [
        ("booker", 8, 9),
        ("scout", 2, 3),
    ]


def test_an_answer_for_a_credential_is_for_no_shared_cache(adapter: Any) -> None:
    fields = [
        ("Cache-Control", "public, max-age=60"),
        ("X-Accel-Expires", "60"),
        ("Vary", "Accept"),
    ]

    def cached(seen: Seen) -> Any:
        return 200, fields, b"sunny"

    def for_all(seen: Seen) -> Any:
        assert seen.grant is not None
        seen.grant.allow_shared_caching()
        return 200, fields, b"sunny"

    places = [Place("/paid", {}, cached), Place("/all", {}, for_all), Place("/open", None, cached)]
    with world(adapter, *places) as one:
        got = one.ask("/paid", one.mint())
        assert (got.value("cache-control"), got.value("vary")) == (
            "max-age=60, private",
            f"Accept, {VARY}",
        )
        assert got.lines("x-accel-expires") == []
        for path in ("/all", "/open"):
            got = one.ask(path, one.mint() if path == "/all" else None)
            assert got.value("cache-control") == "public, max-age=60"
            assert (got.value("vary"), got.value("x-accel-expires")) == ("Accept", "60")


@pytest.mark.parametrize(
    ("status", "left"),
    [(200, 1), (201, 1), (204, 1), (206, 1), (301, 2), (304, 2), (400, 2), (404, 2), (500, 2)],
)
def test_an_answer_uses_a_use_and_a_refusal_gives_it_back(
    adapter: Any, status: int, left: int
) -> None:
    with world(adapter, Place("/it", {}, lambda seen: (status, [], b""))) as one:
        credential = one.mint(max_uses=2)
        assert one.ask("/it", credential).status == status
        assert [one.ask("/it", credential).status for _ in range(left)] == [status] * left
        last = one.ask("/it", credential)
        assert (b"ERR_USES" in last.body) == (left == 1)


def test_a_head_uses_nothing(plain: World) -> None:
    credential = plain.mint(max_uses=1)
    assert [plain.ask("/forecast", credential, method="HEAD").status for _ in range(3)] == [200] * 3
    assert plain.ask("/forecast", credential).status == 200
    assert code(plain.ask("/forecast", credential)) == (401, "ERR_USES")


def test_a_handler_that_raises_gives_the_use_back(adapter: Any) -> None:
    def broken(seen: Seen) -> Any:
        raise RuntimeError("broken")

    with world(adapter, Place("/it", {}, broken), Place("/well", {})) as one:
        credential = one.mint(max_uses=1)
        assert [one.ask("/it", credential).status for _ in range(2)] == [500, 500]
        assert one.ask("/well", credential).status == 200
        assert code(one.ask("/well", credential)) == (401, "ERR_USES")


@pytest.mark.parametrize(
    ("declare", "status", "is_used"),
    [("consume", 404, True), ("release", 200, False), ("consume", 200, True)],
)
def test_a_handler_declares_what_becomes_of_the_use(
    adapter: Any, declare: str, status: int, is_used: bool
) -> None:
    def declared(seen: Seen) -> Any:
        getattr(seen.grant, declare)()
        return status, [], b""

    with world(adapter, Place("/it", {}, declared)) as one:
        credential = one.mint(max_uses=1)
        got = one.ask("/it", credential)
        assert (got.status, got.value("sigil-use")) == (status, f"{declare}d")
        assert got.value("access-control-expose-headers") == "Sigil-Use"
        again = one.ask("/it", credential)
        assert (again.status == status) != is_used


def test_a_price_is_taken_from_the_budget_in_its_unit(adapter: Any) -> None:
    with world(adapter, Place("/it", {"price": "0.02 usd"})) as one:
        credential = one.mint(budget="0.05 usd")
        assert [one.ask("/it", credential).status for _ in range(2)] == [200, 200]
        got = one.ask("/it", credential)
        assert code(got) == (401, "ERR_BUDGET")
        refusal = json.loads(got.body)["refusals"][0]
        assert (refusal["have"], refusal["need"]) == ("0.01 usd left of 0.05 usd", "0.02 usd")
        assert code(one.ask("/it", one.mint(budget="100 sat"))) == (401, "ERR_BUDGET")
        assert code(one.ask("/it", one.mint(budget="1 usd", max_price="0.01 usd"))) == (
            401,
            "ERR_PRICE",
        )
        assert one.ask("/it", one.mint()).status == 200


def test_a_handler_settles_what_a_request_came_to(adapter: Any) -> None:
    def settled(seen: Seen) -> Any:
        assert seen.grant is not None
        with pytest.raises(ValueError, match="US dollars"):
            seen.grant.settle("3 sat")
        seen.grant.settle("0.01 usd")
        return 200, [], b""

    with world(adapter, Place("/it", {"price": "0.03 usd"}, settled)) as one:
        credential = one.mint(budget="0.05 usd")
        # The price is held until the amount is known: 3 are held of the 2 that are left.
        assert [one.ask("/it", credential).status for _ in range(4)] == [200, 200, 200, 401]


@pytest.mark.parametrize(
    ("terms", "scope", "status"),
    [
        ({"capability": "forecast"}, {"capabilities": {"weather": ["forecast"]}}, 200),
        ({"capability": "book"}, {"capabilities": {"weather": ["forecast"]}}, 403),
        ({}, {"capabilities": {"weather": ["forecast"]}}, 403),
        ({"capability": "book"}, {"services": ["weather"]}, 200),
        ({}, {"services": ["other"]}, 403),
        ({"capability": "x"}, {"capabilities": {"other": ["y"]}}, 200),
        ({"model": "small"}, {"models": ["small"]}, 200),
        ({"model": "large"}, {"models": ["small"]}, 403),
        ({}, {"models": ["small"]}, 403),
        ({"model": None}, {"models": ["small"]}, 200),
    ],
)
def test_a_route_says_what_it_does(adapter: Any, terms: Any, scope: Any, status: int) -> None:
    with world(adapter, Place("/it", terms), name="weather") as one:
        assert one.ask("/it", one.mint(**scope)).status == status


def test_a_capability_needs_the_name_of_the_service(adapter: Any) -> None:
    """Without it no caveat would be compared with it, and a caveat that forbids it would pass."""
    with world(adapter, Place("/it", {"capability": "book"})) as one:
        assert one.ask("/it", one.mint(capabilities={"weather": ["forecast"]})).status == 500
        assert one.seen == []


def test_what_has_ended_opens_nothing(plain: World) -> None:
    credential = plain.mint()
    assert plain.ask("/forecast", credential).status == 200
    plain.now[0] += 3601
    assert code(plain.ask("/forecast", credential)) == (401, "ERR_EXPIRED")


def test_a_rate_is_whole_again_after_its_window(plain: World) -> None:
    credential = plain.mint(max_uses_per_minute=2)
    assert [plain.ask("/forecast", credential).status for _ in range(3)] == [200, 200, 401]
    got = json.loads(plain.ask("/forecast", credential).body)
    assert got["refusals"][0]["resetsAt"] == pytest.approx(START + 61, abs=1)
    plain.now[0] += 61
    assert plain.ask("/forecast", credential).status == 200


def test_an_unknown_caveat_denies_unless_it_is_tolerated(adapter: Any) -> None:
    for tolerate, status in (((), 403), (("colour",), 200)):
        with world(adapter, Place("/it", {}), tolerate=tolerate) as one:
            credential = Credential.parse(one.mint()).append(["colour=red"]).text
            assert one.ask("/it", credential).status == status


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/forecast", 200),
        ("/forecast?city=tokyo", 200),
        ("/forec%61st", 200),
        ("/x/%2e%2e/forecast", 400),
        ("/forecast%2f", 400),
        ("/forecast%00", 400),
        ("/forecast%5c", 400),
        ("/%252e%252e/forecast", 400),
    ],
)
def test_a_path_that_can_be_read_in_two_ways_is_not_served(
    adapter: Any, target: str, status: int
) -> None:
    """Where a router finds no route, or redirects, there is nothing to guard."""
    with world(adapter, Place("/forecast", {})) as one:
        got = one.ask(target, one.mint())
        assert got.status == status or (status == 400 and got.status in (307, 404))
        assert len(one.seen) == (1 if status == 200 else 0)


def test_two_hosts_are_one_too_many(plain: World) -> None:
    credential = plain.mint()
    # ASGI tells two lines; WSGI joins them, as servers do.
    got = plain.ask("/forecast", credential, headers=[("host", "evil.example")])
    assert code(got) == (400, "ERR_REQUEST")
    assert plain.ask("/forecast", credential).status == 200


def test_a_preflight_is_answered_and_does_not_reach_the_handler(plain: World) -> None:
    asked = [("origin", "https://page.example"), ("access-control-request-method", "GET")]
    got = plain.ask("/forecast", method="OPTIONS", headers=asked)
    assert (got.status, got.body, plain.seen) == (204, b"", [])
    assert got.value("vary") == (
        "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    )
    assert plain.ask("/forecast", method="OPTIONS").status == 401
    assert plain.ask("/forecast", plain.mint(), method="OPTIONS").status == 200


def test_the_service_says_what_it_is(adapter: Any) -> None:
    with world(adapter, Place("/forecast", {}), name="weather") as one:
        got = one.ask("/.well-known/l402")
        assert got.status == 200
        assert got.value("content-type") == "application/json"
        said = json.loads(got.body)
        assert said["caveats"][0] == "agent"
        assert {**said, "caveats": None} == {
            "version": "0",
            "location": LOCATION,
            "service": "weather",
            "caveats": None,
            "revocations": "/.well-known/l402/revocations",
            "routes": [],
        }


def test_a_holder_revokes_what_descends_from_its_credential(plain: World) -> None:
    root = Credential.parse(plain.mint(agent="booker"))
    child = root.delegate(agent="scout", now=START)
    grandchild = child.delegate(agent="helper", now=START)
    sibling = root.delegate(agent="other", now=START)
    for one in (child, grandchild, sibling):
        assert plain.ask("/forecast", one.text).status == 200
    caveats = list(child.caveats_below(root) or ())
    path = "/.well-known/l402/revocations"
    body = json.dumps({"caveats": caveats}).encode()
    got = plain.ask(path, root.text, method="POST", body=body)
    assert got.status == 200
    assert json.loads(got.body) == {"node": plain.seen[0].grant.node_id}  # type: ignore[union-attr]  # pyright: ignore[reportOptionalMemberAccess] # it was granted
    for one in (child, grandchild):
        assert code(plain.ask("/forecast", one.text)) == (401, "ERR_REVOKED")
    for one in (root, sibling):
        assert plain.ask("/forecast", one.text).status == 200


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b'{"caveats": ["max_uses=1"]}', (400, "ERR_REQUEST")),
        (b'{"caveats": "agent=x"}', (400, "ERR_REQUEST")),
        (b'{"caveats": [], "more": 1}', (400, "ERR_REQUEST")),
        (json.dumps({"caveats": ["agent=a.00000001"] * 65}).encode(), (400, "ERR_REQUEST")),
        (json.dumps({"caveats": ["agent=a.00000001"] * 3200}).encode(), (400, "ERR_REQUEST")),
        (b"no json", (400, "ERR_REQUEST")),
        (b"\xff", (400, "ERR_REQUEST")),
        (b"[" * 50_000, (400, "ERR_REQUEST")),
        (b" " * 65_537, (413, "ERR_TOO_LARGE")),
    ],
)
def test_what_is_no_revocation_revokes_nothing(plain: World, body: bytes, answer: Any) -> None:
    path = "/.well-known/l402/revocations"
    assert code(plain.ask(path, plain.mint(), method="POST", body=body)) == answer
    assert code(plain.ask(path, method="POST", body=body)) == (401, "ERR_TOKEN_MISSING")
    assert len(plain.service.revocations) == 0


def test_a_service_under_a_path_judges_what_clients_call(adapter: Any) -> None:
    with world(adapter, Place("/forecast", {}), location="https://api.example/v1") as one:
        under = one.mint(endpoints=["GET https://api.example/v1/**"])
        assert one.ask("/forecast", under).status == 200
        beside = one.mint(endpoints=["GET https://api.example/forecast"])
        assert code(one.ask("/forecast", beside)) == (403, "ERR_ENDPOINT")
        said = json.loads(one.ask("/.well-known/l402").body)
        assert said["revocations"] == "/v1/.well-known/l402/revocations"


def test_limits_without_a_chosen_ledger_are_counted_with_one_warning(
    adapter: Any, recwarn: pytest.WarningsRecorder
) -> None:
    with world(adapter, Place("/it", {}), ledger=None) as one:
        assert one.ask("/it", one.mint()).status == 200
        assert len(recwarn) == 0
        credential = one.mint(max_uses=2)
        with pytest.warns(RuntimeWarning, match="in the memory of this process"):
            assert one.ask("/it", credential).status == 200
        assert [one.ask("/it", credential).status for _ in range(2)] == [200, 401]
        assert len(recwarn) == 0


def test_a_service_needs_a_secret_or_an_issuer() -> None:
    with pytest.raises(TypeError, match="SIGIL_SECRET"):
        Service(location=LOCATION)
    with pytest.raises(ValueError, match="location"):
        Service(location="api.example", secret=SECRET)
    with pytest.raises(TypeError, match="random"):
        Service(location=LOCATION, secret="00" * 32)
