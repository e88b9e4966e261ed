"""Random credentials: minted in one language, narrowed in both, and now and then damaged."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from .cases import ENTRIES, LEDGERS, NODES, NOW, Choice, access, caveat
from .peer import Command

Language = Literal["Python", "TypeScript"]

SECRETS = [sha256(name.encode()).hexdigest() for name in ("a secret", "another secret")]
LOCATION = "https://api.example"
WORDS = ["=", "==", "+", "/", "_", "-", ":", "AgE", " ", "\n", "0" * 64, "AAAA", "L402 ", ",", "Ä"]


@dataclass
class Family:
    """A credential, and what becomes of it."""

    kind: Literal["service", "treasury"]
    scope: dict[str, Any]
    """As it is minted, with the keys of JSON."""
    minted_in: Language
    steps: list[list[str]]
    """The caveats that each holder appends."""
    choice: Choice

    def minting(self) -> Command:
        verifier = {"kind": self.kind, "secrets": SECRETS[:1], "location": LOCATION}
        return {
            "do": "mint",
            "form": "macaroon",
            "scope": self.scope,
            "now": NOW,
            "verifier": verifier,
        }

    def asking(self, credential: str) -> list[Command]:
        """What is asked of the credential that came of it."""
        choice = self.choice
        accesses = [access(choice) for _ in range(3)]
        text = damaged(choice, credential) if choice.chance(20) else credential
        verifier = {
            "secrets": choice.one([SECRETS[:1], SECRETS[:1], SECRETS[::-1], SECRETS[1:]]),
            "kind": choice.one([self.kind] * 7 + ["service", "treasury"]),
            "ledger": choice.one([None, *LEDGERS[:3]]),
            "tolerate": choice.some(["foreign", "volume_sats"], 2),
            "revoked": choice.some([choice.hex(32)], 1),
            "now": NOW,
        }
        return [
            {"do": "authenticate", "credential": text, "accesses": accesses, **verifier},
            {"do": "read", "credential": text, "accesses": accesses},
        ]


def damaged(choice: Choice, text: str) -> str:
    """The text in another spelling, or no credential any more."""
    token, _, preimage = text.partition(":")
    at, word = choice.below(len(text)), choice.one(WORDS)
    kinds = [
        f"{token.replace('+', '-').replace('/', '_')}:{preimage}",
        f"{token.rstrip('=')}:{preimage}",
        f"{token}:{preimage.upper()}",
        f"{token}:{preimage[::-1]}",
        f"{token}:{preimage[:-2]}",
        f"{token}=:{preimage}",
        token,
        f" {text}",
        text[:at] + word + text[at:],
        text[:at] + word + text[at + len(word) :],
        text[:at] + text[at + 1 :],
        text[: at // 2],
    ]
    return choice.one(kinds)


def family(choice: Choice) -> Family:
    kind: Literal["service", "treasury"] = choice.one(["service", "treasury"])
    wide = ["* https://*:*/**", "* http://*:*/**"]
    scope: dict[str, Any] = {
        "endpoints": choice.one([wide, wide, [*ENTRIES[2:6]]]),
        "expiresIn": choice.one(["30s", "1h", "7d"]),
    }
    if kind == "treasury" or choice.chance(30):
        scope["budget"] = choice.one(["500 sat", "5 usd", ["20 msat", "1 usd"]])
    if choice.chance(30):
        scope["maxUsesPerHour"] = choice.below(5)
    if kind == "treasury" and choice.chance(20):
        scope["payees"] = NODES[:1]
    steps = [[caveat(choice) for _ in range(1 + choice.below(3))] for _ in range(choice.below(4))]
    # A lone carriage return or NUL is text as well; what is no text has no place in JSON.
    return Family(kind, scope, choice.one(["Python", "TypeScript"]), steps, choice)


def narrowing(credential: str, caveats: list[str]) -> Command:
    return {"do": "attenuate", "credential": credential, "caveats": caveats}
