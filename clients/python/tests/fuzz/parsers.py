"""The readers that a text from outside reaches, and where it stands in their inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from l8nt import Credential
from l8nt.amount import parse_amount
from l8nt.caveat import (
    Access,
    CaveatChain,
    Target,
    compile_scope,
    describe,
    read_base,
    read_endpoint,
    read_origin,
    target_at,
    target_of_url,
    treasury_vocabulary,
)
from l8nt.caveat.endpoint import read_endpoints
from l8nt.caveat.path import read_path
from l8nt.holder.fields import read_signature
from l8nt.invoice import read_invoice
from l8nt.l402 import Challenge, issuers_in, read_presented
from l8nt.macaroon import UnverifiedMacaroon

VOCABULARY = treasury_vocabulary()
PREIMAGE = "1f" * 32
KEYS = ("agent", "purpose", "budget", "expires_in", "holder", "ledger")


def target() -> Target:
    origin = read_origin("https://api.example")
    assert origin is not None
    found = target_at("GET", origin, "/a/b/c")
    assert found is not None
    return found


TARGET = target()


@dataclass(frozen=True)
class Parser:
    name: str
    run: Callable[[str], object]
    around: Sequence[str] = ("{}",)
    """The inputs, with the text in place of the braces."""
    is_of_length: bool = False
    """Only the length of the text matters."""


def judge(caveats: Sequence[str]) -> None:
    """All that is asked of a chain."""
    chain = CaveatChain([one.encode("utf-8", "replace") for one in caveats], VOCABULARY, PREIMAGE)
    for access in (Access(1, TARGET, service="loop", capability="a"), Access(1, "self")):
        chain.refusals(access)
        chain.certain_refusals(access)
    describe(chain.texts, 1)
    assert chain.lineage is not None
    assert chain.valid_until_of(chain.node) == chain.valid_until


def compiled(scope: Any) -> object:
    return compile_scope(scope, now=1)


def many(caveat: str) -> Callable[[str], object]:
    """As many such caveats as the text has room for."""
    return lambda text: judge([caveat] * (len(text) // (len(caveat) + 4) + 1))


PARSERS = [
    Parser(
        "Authorization",
        lambda text: read_presented([text]),
        ("{}", "L402 {}", f"L402 {{}}:{PREIMAGE}", "Basic x, {}, L402 a:b"),
    ),
    Parser("Macaroon", lambda text: read_presented(macaroon=[text])),
    Parser(
        "WWW-Authenticate",
        lambda text: Challenge.parse([text]),
        ("{}", 'L402 macaroon="{}", invoice="lnbc1"', "L402 {}", "L402 macaroon=AgE, invoice={}"),
    ),
    Parser("issuers", lambda text: issuers_in([text]), ("{}", 'Sigil issuers="{}"')),
    Parser(
        "Signature-Input",
        lambda text: read_signature({"signature-input": text, "signature": f"sig1=:{'A' * 86}==:"}),
        (
            "{}",
            'sig1=("@path" {});created=1',
            'sig1=("@path");created=1;nonce="{}"',
            'sig1=("signature-agent";key="{}")',
        ),
    ),
    Parser("credential", Credential.parse, ("{}", f"{{}}:{PREIMAGE}", "sk-sigil-{}")),
    Parser("macaroon", lambda text: UnverifiedMacaroon.decode(text.encode("utf-8", "replace"))),
    Parser(
        "caveat",
        lambda text: judge([text]),
        ("{}", *(f"{name}={{}}" for name in VOCABULARY.names), "loop_capabilities={}"),
    ),
    Parser("many lines of caveats", lambda text: judge(text.split(","))),
    *(
        Parser(f"many caveats {caveat}", many(caveat), is_of_length=True)
        for caveat in (
            "agent=a.00000000",
            "endpoints=* https://*:*/**",
            "budget_msat=1",
            "valid_until=2000000000",
            "loop_valid_until=1",
            "services=loop:0",
            "unknown=1",
            "max_uses=x",
            "=",
        )
    ),
    Parser(
        "endpoints",
        lambda text: (read_endpoints(text), read_endpoint(text)),
        (
            "{}",
            "{} https://a/",
            "GET https://{}/",
            "GET https://a:{}/",
            "GET https://a/{}",
            "GET https://a/b;{}",
        ),
    ),
    Parser(
        "target",
        lambda text: (read_path(text), target_at("GET", TARGET.origin, text)),
        ("{}", "/{}", "/?{}"),
    ),
    Parser("method", lambda text: target_at(text, TARGET.origin, "/")),
    Parser(
        "URL",
        lambda text: (target_of_url("GET", text), read_base(text)),
        ("{}", "https://a/{}", "https://{}/", "https://{}", "https://a:{}", "https://xn--{}.a/"),
    ),
    Parser("invoice", read_invoice, ("{}", "lnbc{}", "lnbc1{}", "lightning:{}")),
    Parser("amount", parse_amount, ("{}", "{} sat", "1.{} usd")),
    *(Parser(f"scope {key}", lambda text, key=key: compiled({key: text})) for key in KEYS),
    Parser("misspelt key of a scope", lambda text: compiled({text: 1})),
    Parser("endpoints of a scope", lambda text: compiled({"endpoints": text.split(",")})),
    Parser(
        "capabilities of a scope",
        lambda text: compiled({"capabilities": {"loop": text.split(",")}}),
    ),
]
