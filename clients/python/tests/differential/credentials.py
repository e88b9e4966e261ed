"""Random credentials: minted in one language, narrowed in both, and now and then damaged."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

from l8nt import public_key
from l8nt._ed25519 import Signer
from l8nt.l402 import Minter

from .cases import ENTRIES, LEDGERS, NODES, NOW, Choice, access, caveat
from .own import scope_of
from .peer import Command

Form = Literal["macaroon", "biscuit"]
Language = Literal["Python", "TypeScript"]

SECRETS = [sha256(name.encode()).hexdigest() for name in ("a secret", "another secret")]
LOCATION = "https://api.example"
ISSUER = "https://treasury.example"
PRIVATE_KEYS = [sha256(name.encode()).digest() for name in ("a key", "another key")]
PUBLIC_KEYS = [Signer(key).public_key.hex() for key in PRIVATE_KEYS]
WORDS = ["=", "==", "+", "/", "_", "-", ":", "AgE", " ", "\n", "0" * 64, "AAAA", "L402 ", ",", "Ä"]


@dataclass
class Family:
    """A credential, and what becomes of it."""

    form: Form
    kind: Literal["service", "treasury"]
    """A treasury has no secret of the public-key form, and mints macaroons alone."""
    scope: dict[str, Any]
    """As it is minted, with the keys of JSON."""
    minted_in: Language
    steps: list[list[str]]
    """The caveats that each holder appends."""
    choice: Choice

    def minting(self) -> Command:
        command = {"do": "mint", "form": self.form, "scope": self.scope, "now": NOW}
        if self.form == "biscuit":
            key = {"issuer": ISSUER, "keyId": 3, "privateKey": PRIVATE_KEYS[0].hex()}
            return {**command, **key, "location": LOCATION}
        verifier = {"kind": self.kind, "secrets": SECRETS[:1], "location": LOCATION}
        return {**command, "verifier": verifier}

    def minted(self) -> str:
        """The same in Python."""
        if self.form == "biscuit":
            minter = public_key.Minter(
                private_key=PRIVATE_KEYS[0],
                issuer=ISSUER,
                key_id=3,
                location=LOCATION,
                clock=lambda: NOW,
            )
            return minter.mint(**scope_of(self.scope)).text
        kind = "spending" if self.kind == "treasury" else "access"
        of_secret = Minter(secret=SECRETS[0], location=LOCATION, kind=kind, clock=lambda: NOW)
        return of_secret.mint(**scope_of(self.scope)).text

    def asking(self, credential: str) -> list[Command]:
        """What is asked of the credential that came of it."""
        choice = self.choice
        accesses = [access(choice) for _ in range(3)]
        text = damaged(choice, credential) if choice.chance(20) else credential
        good = {"issuer": ISSUER, "keyId": 3, "publicKey": PUBLIC_KEYS[0]}
        issuers = [{**good, "publicKey": PUBLIC_KEYS[1]}, {**good, "keyId": 4}, good]
        verifier = {
            "form": self.form,
            "secrets": choice.one([SECRETS[:1], SECRETS[:1], SECRETS[::-1], SECRETS[1:]]),
            "issuers": choice.one([[good], [good], [good], issuers[:1], issuers[1:], []]),
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


def family(choice: Choice, form: Form) -> Family:
    kind: Literal["service", "treasury"] = "service"
    if form == "macaroon":
        kind = choice.one(["service", "treasury"])
    wide = ["* https://*:*/**", "* http://*:*/**"]
    scope: dict[str, Any] = {
        "endpoints": choice.one([wide, wide, [*ENTRIES[2:6]]]),
        "expiresIn": choice.one(["30s", "1h", "7d"]),
    }
    if kind == "treasury" or choice.chance(30):
        scope["budget"] = choice.one(["500 sat", "5 usd", ["20 msat", "1 usd"]])
    if choice.chance(30):
        scope["maxUsesPerHour"] = choice.below(5)
    if form == "biscuit" and (len(scope) > 2 or choice.chance(20)):
        # Limits are counted where the credential says.
        scope["ledger"] = choice.one(LEDGERS[:2])
    if kind == "treasury" and choice.chance(20):
        scope["payees"] = NODES[:1]
    steps = [[caveat(choice) for _ in range(1 + choice.below(3))] for _ in range(choice.below(4))]
    return Family(form, kind, scope, choice.one(["Python", "TypeScript"]), steps, choice)


def narrowing(credential: str, caveats: list[str]) -> Command:
    return {"do": "attenuate", "credential": credential, "caveats": caveats}
