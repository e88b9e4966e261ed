"""biscuit-python of PyPI as a judge: it reads what we write, we read what it writes, and both come
to the same verdict. spec/9-public-key.md §5.
"""

from __future__ import annotations

import base64
import itertools
import os
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from l8nt.amount import Amount
from l8nt.biscuit.token import encode_token
from l8nt.caveat import MISSING, Access, read_origin, target_at
from l8nt.credential import Credential
from l8nt.public_key import BiscuitDatalog, BiscuitVerifier, seal
from l8nt.public_key.datalog import facts_of

from .world import API, ISSUER, NOW, Keys, body_of, minter, verifier

package: Any = pytest.importorskip(
    "biscuit_auth", reason="biscuit-python is not installed: pip install biscuit-python"
)

judge = BiscuitDatalog(package)
ROOT = package.PublicKey.from_bytes(minter.public_key, package.Algorithm.Ed25519)
HOLDER = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
HASH = "ab" * 32
root = minter.mint(endpoints=["* https://*:*/**", "* http://*:*/**"], expires_in="1h")

CAVEATS = [
    "agent=booker.0011223344556677",
    "purpose=any text",
    "endpoints=GET https://api.example/a/*",
    "endpoints=GET|POST https://*.example/a/**;* http://[::1]:*/x",
    "endpoints=POST https://*/a.b/(c)",
    "endpoints=",
    "services=loop:0,pool:1",
    "services=",
    "loop_capabilities=in,out",
    "loop_capabilities=",
    "model=gpt-5*,o4",
    "model=*",
    "model=",
    f"valid_from={NOW - 5}",
    f"valid_from={NOW + 5}",
    f"valid_until={NOW + 5}",
    f"valid_until={NOW - 5}",
    f"loop_valid_until={NOW - 5}",
    "max_price_msat=100",
    "max_price_usd_micro=0",
    "sold_price=100 msat",
    f"sold_price=100 msat {HASH}",
    f"holder={HOLDER}",
    f"ledger={API}",
]


def target(method: str, origin: str, path: str) -> Any:
    read = read_origin(origin)
    assert read is not None
    made = target_at(method, read, path)
    assert made is not None
    return made


GET = target("GET", API, "/a/b")
TARGETS = [
    GET,
    target("HEAD", API, "/a/b"),
    target("POST", "https://x.api.example", "/a/b/c"),
    target("POST", API, "/a.b/(c)"),
    target("POST", API, "/aXb/(c)"),
    target("GET", "http://[::1]:8080", "/x"),
]
PLAIN = Access(NOW, GET, model=None, holder=None, ledger=None)
ACCESSES = [
    *(replace(PLAIN, target=one) for one in (*TARGETS, "self")),
    *(
        replace(PLAIN, service=service, capability=capability)
        for service, capability in itertools.product(("loop", "other", None), ("in", "x", None))
    ),
    *(replace(PLAIN, model=model) for model in ("gpt-5-mini", "o4", "o4-x", MISSING)),
    *(
        replace(PLAIN, price=price, priced_request=request)
        for price, request in itertools.product(
            (Amount("msat", 100), Amount("msat", 101), Amount("usd_micro", 1), Amount("msat", 0)),
            (None, lambda: HASH, lambda: "cd" * 32),
        )
    ),
    replace(PLAIN, holder=HOLDER),
    replace(PLAIN, holder="other"),
]


@pytest.mark.parametrize("caveat", CAVEATS)
def test_both_come_to_the_same_verdict(caveat: str) -> None:
    credential = root.append([caveat])
    for ledger in (API, "https://other.example", None):
        verified = verifier(ledger=ledger).authenticate(credential)
        token = encode_token(body_of(credential).token)
        for access in ACCESSES:
            known = replace(access, ledger=ledger)
            ours = not verified.judge(known)
            facts = facts_of(known, credential.payment_hash, [])
            assert judge.allows(token, minter.public_key, facts) is ours, (caveat, known)


@pytest.mark.parametrize(
    "caveat",
    [
        "max_uses=3",
        "budget_msat=5",
        "max_depth=0",
        "payees=" + "02" * 33,
        "unknown=1",
        "valid_until=soon",
        f"max_price_msat={2**63}",
        f"preimage={'00' * 32}",
    ],
)
def test_what_only_a_verifier_knows_is_denied_without_its_word(caveat: str) -> None:
    credential = root.append([caveat])
    token = encode_token(body_of(credential).token)
    for stated in ([], [caveat]):
        facts = facts_of(PLAIN, credential.payment_hash, stated)
        assert judge.allows(token, minter.public_key, facts) is bool(stated)


def test_a_preimage_of_another_hash_is_denied() -> None:
    facts = facts_of(PLAIN, "00" * 32, [])
    token = encode_token(body_of(root).token)
    assert judge.allows(token, minter.public_key, facts) is False


BLOCK = f"""
issuer("{ISSUER}");
location("{API}");
payment_hash({{hash}});
caveat("endpoints=GET https://api.example/a/*");
caveat("valid_until={NOW + 60}");
check if paid($h), payment_hash($h);
check if access($a), $a.matches("^(?:(?:GET|HEAD) https://api\\\\.example:443/a/[^/]+)$")
  or own_affairs(true);
check if time($t), $t < 2027-01-15T08:01:00Z;
"""


def test_what_it_mints_and_narrows_is_read_and_verified() -> None:
    preimage = os.urandom(32)
    private = package.PrivateKey.from_bytes(bytes.fromhex("11" * 32), package.Algorithm.Ed25519)
    builder = package.BiscuitBuilder(BLOCK, {"hash": sha256(preimage).digest()})
    builder.set_root_key_id(7)
    minted = builder.build(private)
    narrowed = minted.append(
        package.BlockBuilder(
            'caveat("model=gpt-5*"); caveat("services=loop:0,pool:1");'
            'check if model($m), $m.starts_with("gpt-5") or uses_no_model(true)'
            " or own_affairs(true);"
            'check if service($s), {"pool", "loop"}.contains($s) or own_affairs(true);'
        )
    )
    for token, count in ((minted, 2), (narrowed, 4)):
        text = f"{base64.b64encode(bytes(token.to_bytes())).decode()}:{preimage.hex()}"
        verified = verifier().authenticate(text)
        assert len(verified.caveats) == count
        access = replace(PLAIN, service="loop")
        assert list(verified.judge(access)) == []
        assert [one.code for one in verified.judge(replace(access, target=TARGETS[2]))] == [
            "ERR_ENDPOINT"
        ]
        child = Credential.parse(text).delegate(agent="x", endpoints=[f"GET {API}/a/b"])
        assert package.Biscuit.from_bytes(
            encode_token(body_of(child).token), ROOT
        ).block_count() == len(body_of(child).token.blocks)


def test_what_we_mint_narrow_and_seal_is_read_with_the_same_caveats() -> None:
    child = root.delegate(agent="x", models=["b", "a", "c*"]).attenuate(max_uses=1)
    for credential in (root, child, seal(child)):
        token = package.Biscuit.from_bytes(encode_token(body_of(credential).token), ROOT)
        sources = "".join(token.block_source(at) for at in range(token.block_count()))
        for caveat in credential.body.caveats:
            assert f'caveat("{caveat.decode()}")' in sources


def test_a_block_of_another_maker_is_judged_by_it() -> None:
    body = body_of(root)
    token = package.Biscuit.from_bytes(encode_token(body.token), ROOT)
    block = package.BlockBuilder('check if capability("in"); check if service("loop");')
    narrowed = bytes(token.append(block).to_bytes())
    text = f"{base64.b64encode(narrowed).decode()}:{body.preimage}"
    verified = BiscuitVerifier(keys=Keys(), datalog=judge).authenticate(text)
    good = replace(PLAIN, service="loop", capability="in")
    assert list(verified.judge(good)) == []
    for access in (PLAIN, replace(good, capability="out"), replace(good, service=None)):
        assert [one.code for one in verified.judge(access)] == ["ERR_CHECK"]


def test_a_seal_of_ours_is_what_the_library_verifies() -> None:
    sealed = body_of(seal(root))
    wrong = bytearray(encode_token(sealed.token))
    wrong[-1] ^= 1
    with pytest.raises(package.BiscuitValidationError):
        package.Biscuit.from_bytes(bytes(wrong), ROOT)
