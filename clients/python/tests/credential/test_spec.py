"""The worked examples of spec/1-credential.md §7, and every spelling of §3."""

import copy
import json
import pickle
import re
from datetime import datetime, timezone

import pytest
from tests.repository import blocks_of, table_cells, text_of

from l8nt import Credential, TokenError, delegate
from l8nt.caveat import Access, read_origin, target_at
from l8nt.credential import MacaroonBody, RevocationList
from l8nt.l402 import HmacVerifier, macaroon_body_of
from l8nt.macaroon import UnverifiedMacaroon

PAGE = text_of("spec/1-credential.md")
SECRET = bytes(range(32))
[TEXT] = [one for one in blocks_of(PAGE) if re.fullmatch(r"[A-Za-z0-9+/=]+:[0-9a-f]{64}", one)]
BODY, PREIMAGE = TEXT.split(":")


PARTS = "the hash above, root id, the last 28 bytes of the token id above"


def cell(name: str) -> str:
    [value] = table_cells(PAGE, name)
    return value


def test_the_macaroon_of_the_page() -> None:
    key = bytes.fromhex(cell("root key (given)"))
    made = UnverifiedMacaroon.mint(key, bytes.fromhex(cell("identifier")), "lsat")
    assert made.signature.hex() == cell("S0")
    for at, caveat in enumerate(
        (
            "services=lightning_loop:0",
            "lightning_loop_capabilities=loop_out,loop_in",
            "loop_out_monthly_volume_sats=200000000",
        ),
        1,
    ):
        made = made.append(caveat)
        assert made.signature.hex() == cell(f"S{at}, after `{caveat}`")
    assert made.verify(key)


def test_the_places_of_the_page() -> None:
    verified = HmacVerifier(secret=SECRET).authenticate(TEXT)
    assert verified.node_ids == (
        cell("root node"),
        cell("node `agent=booker.0011223344556677`"),
    )
    assert [one.id for one in verified.limits] == [
        cell("limit `max_uses=100`"),
        cell("limit `max_uses=5`"),
    ]
    assert verified.lineage == ("booker",)
    assert verified.valid_until == 1_893_456_000
    assert verified.payment_hash == cell("identifier")[4:68]


def test_the_credential_of_the_page_is_narrowed_to_and_written() -> None:
    start = UnverifiedMacaroon.mint(
        bytes.fromhex(cell("root key")),
        bytes.fromhex(cell(f"identifier: {PARTS}")),
        "https://api.example",
    )
    preimage = bytes.fromhex(cell("preimage (the same bytes)"))
    whole = Credential(MacaroonBody(start, preimage))
    root = whole.attenuate(
        endpoints=["GET https://api.example/search/*"],
        expires_at=datetime(2030, 1, 1, tzinfo=timezone.utc),
        max_uses=100,
    )
    below = ["agent=booker.0011223344556677", "max_uses=5"]
    assert root.append(below).text == TEXT
    assert root.append(below) == Credential.parse(TEXT)
    assert Credential.parse(TEXT).caveats_below(root) == tuple(below)
    assert Credential.parse(TEXT).is_paid


def test_every_spelling_is_read_as_one_credential() -> None:
    url = BODY.replace("+", "-").replace("/", "_")
    assert "-" in url
    key = Credential.parse(TEXT).key
    assert re.fullmatch(r"sk-sigil-[A-Za-z0-9_-]+", key)
    for text in (
        TEXT,
        f"{BODY.rstrip('=')}:{PREIMAGE}",
        f"{url}:{PREIMAGE}",
        f"{url.rstrip('=')}:{PREIMAGE.upper()}",
        key,
    ):
        assert Credential.parse(text).text == TEXT
        assert Credential.parse(text).key == key


UNUSED = BODY.rstrip("=")[:-1] + "h"
"""The last digit of the example's base64 with an unused bit of one."""

MALFORMED = {
    "nothing": "",
    "no preimage": BODY,
    "an empty preimage": f"{BODY}:",
    "63 digits": TEXT[:-1],
    "65 digits": f"{TEXT}0",
    "no hex": f"{BODY}:{'g' * 64}",
    "both alphabets": f"{BODY.replace('+', '-', 1)}:{PREIMAGE}",
    "a bit that is not zero": f"{UNUSED}==:{PREIMAGE}",
    "one = of two": f"{BODY[:-1]}:{PREIMAGE}",
    "an = too many": f"{BODY}=:{PREIMAGE}",
    "a blank before": f" {TEXT}",
    "a line feed behind": f"{TEXT}\n",
    "a line feed within the base64": f"{BODY[:8]}\n{BODY[8:]}:{PREIMAGE}",
    "full-width digits": f"{BODY}:" + "\uff11" * 64,
    "an unknown prefix": f"sk-other-{BODY}:{PREIMAGE}",
    "a key of the standard alphabet": f"sk-sigil-{BODY.rstrip('=')}",
    "a key with padding": f"{Credential.parse(TEXT).key}=",
    "a key of 31 bytes": f"sk-sigil-{'A' * 42}",
    "a key alone": "sk-sigil-",
    "a lone surrogate": f"\ud800:{PREIMAGE}",
}


@pytest.mark.parametrize("text", MALFORMED.values(), ids=MALFORMED.keys())
def test_any_other_spelling_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(TokenError) as caught:
        Credential.parse(text)
    assert caught.value.code == "ERR_TOKEN_MALFORMED"
    assert PREIMAGE not in str(caught.value)


@pytest.mark.parametrize("text", [None, 7, TEXT.encode()])
def test_what_is_no_text_is_malformed(text: str) -> None:
    with pytest.raises(TokenError, match="ERR_TOKEN_MALFORMED"):
        Credential.parse(text)


def test_a_text_of_more_than_8192_characters_is_too_large() -> None:
    with pytest.raises(TokenError, match="ERR_TOKEN_TOO_LARGE"):
        Credential.parse("A" * 8193)


def test_no_log_shows_a_secret() -> None:
    credential = Credential.parse(TEXT).append([f"preimage={PREIMAGE}"])
    verified = HmacVerifier(secret=SECRET).authenticate(credential)
    hidden = [BODY[:40], BODY[-30:], PREIMAGE, SECRET.hex(), credential.key[9:60]]
    for value in (credential, credential.body, macaroon_body_of(credential).macaroon, verified):
        for shown in (repr(value), str(value), f"{value}", f"{[value]}", f"{value!s:>9}"):
            assert not any(secret in shown for secret in hidden)
        for dump in (vars, pickle.dumps, json.dumps):
            with pytest.raises(TypeError):
                dump(value)
        assert copy.deepcopy(value) is value
    for said in (credential.to_dict(), verified.to_dict()):
        assert not any(secret in json.dumps(said) for secret in hidden)
    with pytest.raises(TypeError, match=r"pass its \.text"):
        pickle.dumps(credential)


def test_the_frames_of_an_error_hold_no_text() -> None:
    with pytest.raises(TokenError) as caught:
        Credential.parse(f"{TEXT}0")
    frames = [one.frame for one in caught.traceback if "l8nt" in str(one.path)]
    assert [frame.f_locals.get("text") for frame in frames[1:]] in ([], [""])
    assert not any(PREIMAGE in repr(frame.f_locals) for frame in frames[1:])


def test_delegate_takes_a_credential_or_its_text() -> None:
    for parent in (TEXT, Credential.parse(TEXT)):
        child = delegate(parent, agent="scout", max_uses=1, now=0)
        agent, uses = child.caveats_below(Credential.parse(TEXT)) or ("", "")
        assert re.fullmatch(r"agent=scout\.[0-9a-f]{16}", agent)
        assert uses == "max_uses=1"


def test_a_delegation_names_its_agent() -> None:
    with pytest.raises(TypeError, match="names its agent"):
        Credential.parse(TEXT).delegate(max_uses=1)


def test_a_child_is_refused_where_its_parent_is_and_when_a_node_is_revoked() -> None:
    revocations = RevocationList(clock=lambda: 1_800_000_000)
    verifier = HmacVerifier(secret=SECRET, revocations=revocations)
    child = Credential.parse(TEXT).delegate(agent="scout", now=0)
    origin = read_origin("https://api.example")
    assert origin is not None
    access = Access(1_800_000_000, target_at("GET", origin, "/search/x") or "self")
    parent = verifier.authenticate(TEXT)
    below = child.caveats_below(Credential.parse(TEXT))
    assert below is not None
    verified = verifier.authenticate(child)
    assert not verified.judge(access)
    ended: list[str] = []
    verified.watch(lambda: ended.append("child"))
    parent.watch(lambda: ended.append("parent"))
    revocation = parent.revoke_below(below)
    assert revocation.node_id == verified.node.id == parent.node_below(below)
    assert [one.code for one in verified.judge(access)] == ["ERR_REVOKED"]
    assert not parent.judge(access)
    assert ended == ["child"]
