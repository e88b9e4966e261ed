"""Challenges: the example of spec/3-challenge.md §1, and what §2 and §3 accept and refuse.
The table of cases is conformance/cases; these are what it does not say.
"""

import re

import pytest
from tests.repository import blocks_of, json_of, text_of

from l8nt import ChallengeError, Credential
from l8nt._encoding import base64_text
from l8nt.caveat import Access, read_origin, service_vocabulary, target_at
from l8nt.credential import MacaroonBody
from l8nt.invoice import read_invoice
from l8nt.l402 import (
    Challenge,
    HmacVerifier,
    Minter,
    bare_line,
    is_lsat_alone,
    issuers_in,
    read_challenges,
)

LINES = [
    line
    for block in blocks_of(text_of("spec/3-challenge.md"))
    for line in block.split("\n")
    if re.match(r'(?:LSAT|L402) macaroon="Ag', line)
]
[LOOP] = [
    one for one in json_of("spec/vectors/macaroons.json")["l402"] if one["name"] == "lightning-loop"
]
CHALLENGE = Challenge.parse(LINES)


def test_the_example_is_the_published_macaroon_in_the_very_form_that_is_written() -> None:
    assert len(LINES) == 2
    assert base64_text(CHALLENGE.macaroon.encode()) == LOOP["v2_b64"]
    assert CHALLENGE.enforced == service_vocabulary().names
    assert CHALLENGE.lines() == LINES
    paid = Credential(MacaroonBody(CHALLENGE.macaroon, bytes.fromhex(LOOP["preimage"])))
    assert paid.is_paid
    assert read_invoice(CHALLENGE.invoice).payment_hash == paid.payment_hash


@pytest.mark.parametrize(
    "line",
    [
        'Bearer realm="x", l402 invoice = "P" macaroon=M, foo="x"',
        'L402 token="M" invoice="P" version=0',
        'LSAT macaroon="M", invoice=P',
    ],
)
def test_it_is_read_in_other_forms_too(line: str) -> None:
    text = line.replace("P", CHALLENGE.invoice).replace("M", LOOP["v2_b64"])
    read = Challenge.parse([text])
    assert (read.macaroon, read.invoice, read.enforced) == (
        CHALLENGE.macaroon,
        CHALLENGE.invoice,
        None,
    )


def test_one_that_is_malformed_under_l402_is_not_read_from_lsat_instead() -> None:
    lsat, l402 = LINES
    broken = re.sub(r'invoice="[^"]*", ', "", l402)
    with pytest.raises(ChallengeError, match="ERR_CHALLENGE_MALFORMED"):
        Challenge.parse([lsat, broken])


# RFC 9110 §11.6.1 has the first.
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            'Basic realm="simple", Newauth realm="apps", type=1, title="Login to \\"apps\\""',
            'basic realm=simple; newauth realm=apps type=1 title=Login to "apps"',
        ),
        ('L402 a="1" b="2"', "l402 a=1 b=2"),
        ('L402 a = 1, b\t=\t"2"', "l402 a=1 b=2"),
        ("L402 macaroon=AgE+/w==", "l402 macaroon=AgE+/w=="),
        ("Negotiate YII==, Bearer", "negotiate (YII==); bearer"),
        ("Negotiate/YII", "negotiate (/YII)"),
        ('L402 a="x, L402 b=y"', "l402 a=x, L402 b=y"),
        ('L402 a="open, Other b=y', "l402 broken"),
        ('; ?, L402 a="1"', " broken; l402 a=1"),
        ("a=1", " broken"),
        ("L402 a=\x1cb", "l402 a=\x1cb"),
        ("", ""),
    ],
)
def test_items_are_read_as_servers_write_them(line: str, expected: str) -> None:
    def shown(item_line: str) -> str:
        return "; ".join(
            one.scheme
            + (f" ({one.token68})" if one.token68 else "")
            + "".join(f" {name}={value}" for name, value in one.parameters)
            + (" broken" if one.is_broken else "")
            for one in read_challenges(item_line)
        )

    assert shown(line) == expected


def test_a_challenge_keeps_a_head_within_what_proxies_take() -> None:
    secret = bytes(range(32))
    minter = Minter(secret=secret, location="https://api.example", clock=lambda: 1_800_000_000)

    def lines(size: int) -> list[str]:
        path = "/" + "a" * size
        scope_endpoints = [f"GET https://api.example{path}"]
        challenge = minter.challenge(
            {"endpoints": scope_endpoints, "expires_in": "1h"},
            invoice=CHALLENGE.invoice,
            issuers=["https://issuer.example"],
        )
        written = challenge.lines()
        read = Challenge.parse(written)
        assert read.macaroon == challenge.macaroon
        return written

    seen: list[list[object]] = []
    for size in (1, 200, 500, 800, 900):
        written = lines(size)
        assert sum(map(len, written)) <= 3072
        text = " ".join(written)
        left: list[object] = [
            len(written),
            "token=" in text,
            "caveats=" in text,
            "issuers=" in text,
        ]
        if left not in seen:
            seen.append(left)
    assert seen[0] == [2, True, True, True]
    assert [1, False, True, True] in seen


def test_what_was_bought_is_verified_by_the_one_who_sold_it() -> None:
    secret = "5c" + bytes(range(40)).hex()
    minter = Minter(secret=secret, location="https://api.example", clock=lambda: 1_800_000_000)
    origin = read_origin("https://api.example")
    assert origin is not None
    sold = minter.challenge(
        {"endpoints": ["GET https://api.example/x"], "expires_in": "1h"},
        invoice=CHALLENGE.invoice,
        terms=["max_uses=1"],
    )
    [offer] = Challenge.offers(sold.lines())
    elsewhere = target_at("GET", origin, "/y")
    assert elsewhere is not None
    assert [one.code for one in offer.certain_refusals(Access(1_800_000_000, elsewhere))] == [
        "ERR_ENDPOINT"
    ]
    credential = Credential(MacaroonBody(sold.macaroon, bytes.fromhex(LOOP["preimage"])))
    verified = HmacVerifier(secret=secret).authenticate(credential)
    assert [str(one) for one in verified.caveats][1:] == ["valid_until=1800003600", "max_uses=1"]
    assert LOOP["preimage"] not in f"{sold!r} {offer!r} {credential!r}"
    assert base64_text(sold.macaroon.encode())[-40:] not in f"{sold!r} {offer!r}"


@pytest.mark.parametrize(
    "unsafe", [{"invoice": 'a"b'}, {"enforced": ('a"b',)}, {"issuers": ('https://a"b',)}]
)
def test_nothing_breaks_out_of_its_quotes(unsafe: dict[str, str]) -> None:
    given = {"macaroon": CHALLENGE.macaroon, "invoice": CHALLENGE.invoice, **unsafe}
    challenge = Challenge(**given)  # pyright: ignore[reportArgumentType] # a table of them
    with pytest.raises(TypeError):
        challenge.lines()


def test_a_bare_line_says_what_is_enforced_and_who_is_trusted() -> None:
    line = bare_line(["endpoints", "valid_until"], ["https://a.example", "http://[::1]:80"])
    assert line == (
        'L402 version="0", caveats="endpoints valid_until", '
        'issuers="https://a.example http://[::1]:80"'
    )
    assert issuers_in([line]) == ["https://a.example", "http://[::1]:80"]
    with pytest.raises(ChallengeError, match="ERR_CHALLENGE_MISSING"):
        Challenge.offers([line])


def test_whether_a_service_knows_the_old_name_alone() -> None:
    lsat, l402 = LINES
    assert is_lsat_alone([lsat])
    assert not is_lsat_alone([lsat, l402])
    assert not is_lsat_alone(['LSAT a="open'])
