"""Tokens that are minted in one language and narrowed in the other are one credential: the same
blocks, the same ids, the same verdicts, also of what was altered on the way.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from tests.public_key.world import ISSUER, NOW, minter, verifier
from tests.repository import ROOT

from l8nt import Credential, SigilError
from l8nt.biscuit.token import decode_token
from l8nt.caveat import Access, service_vocabulary
from l8nt.public_key import seal

from .cases import Choice, caveat
from .peer import Answer, Command, Peer
from .test_caveats import CASES, SEED

PROGRAM = ROOT / "conformance" / "adapters" / "l8nt.ts"
API = "https://api.example"
TRUST = [{"issuer": ISSUER, "keyId": 7, "publicKey": minter.public_key.hex()}]
MINT: Command = {
    "do": "mint",
    "form": "biscuit",
    "scope": {"endpoints": [f"* {API}/**"], "expiresIn": "1h", "ledger": API},
    "now": NOW,
    "issuer": ISSUER,
    "keyId": 7,
    "privateKey": "11" * 32,
    "location": API,
}


VOCABULARY = service_vocabulary()


def appending(choice: Choice) -> list[str]:
    """Any caveats, or such as a service can read, at its own ledger."""
    written = [caveat(choice) for _ in range(choice.below(5))]
    if choice.chance(20):
        return written
    good = {"ledger": API, "holder": None, "valid_until": None, "valid_from": None}
    return [
        one
        for one in written
        if (read := VOCABULARY.read(one.encode())) is not None
        and read.value is not None
        and good.get(read.name, read.text) == read.text
    ]


def verifying(text: str) -> Command:
    return {
        "do": "verify",
        "form": "biscuit",
        "credential": text,
        "verifier": {"kind": "service", "location": API, "ledger": API, "issuers": TRUST},
        "request": {"now": NOW, "own": True},
    }


def verified_here(text: str) -> Answer:
    try:
        verified = verifier(ledger=API).authenticate(text)
    except SigilError as error:
        return {"ok": False, "code": error.code}
    codes = [one.code for one in verified.judge(Access(NOW, "self"))]
    if codes:
        return {"ok": False, "code": codes[0], "codes": codes}
    limits = [one.id for one in verified.limits]
    return {"ok": True, "nodes": list(verified.node_ids), "limits": limits}


def appended_here(text: str, caveats: list[str]) -> tuple[str | None, str]:
    """The new text, or the code that refuses it."""
    try:
        return Credential.parse(text).append(caveats).text, ""
    except SigilError as error:
        return None, error.code


def blocks_of(text: str) -> list[bytes]:
    token = decode_token(b64decode(text.split(":")[0]))
    return [block.data for block in token.blocks]


def altered(choice: Choice, text: str) -> str:
    """The text with a token that was changed, if only in one bit."""
    token, _, preimage = text.partition(":")
    data = bytearray(b64decode(token))
    at = choice.below(len(data))
    match choice.below(5):
        case 0:
            data[at] ^= 1 << choice.below(8)
        case 1:
            del data[at:]
        case 2:
            data[at:at] = data[:1]
        case 3:
            data += data[at:]
        case _:
            preimage = preimage[::-1]
    return f"{b64encode(bytes(data)).decode()}:{preimage}"


def test_a_token_is_one_credential_in_both_languages() -> None:
    choices = [Choice(f"{SEED} token {at}") for at in range(CASES // 10)]
    different: list[str] = []
    with Peer(PROGRAM) as peer:
        minted = peer.ask([MINT] * len(choices))
        texts = [
            str(theirs["credential"])
            if choice.chance(50)
            else minter.mint(endpoints=[f"* {API}/**"], expires_in="1h", ledger=API).text
            for choice, theirs in zip(choices, minted, strict=True)
        ]
        for _ in range(3):
            caveats = [appending(choice) for choice in choices]
            commands: list[dict[str, Any]] = [
                {"do": "attenuate", "form": "biscuit", "credential": text, "caveats": some}
                for text, some in zip(texts, caveats, strict=True)
            ]
            for at, theirs in enumerate(peer.ask(commands)):
                own, code = appended_here(texts[at], caveats[at])
                said = theirs.get("credential")
                if own is None or said is None:
                    is_same = (own, code) == (said, theirs.get("code"))
                else:
                    is_same = blocks_of(own) == blocks_of(said)
                    texts[at] = own if choices[at].chance(50) else said
                if not is_same:
                    different.append(json.dumps(commands[at]))
        sealing = [at for at, choice in enumerate(choices) if choice.chance(50)]
        commands = [{"do": "seal", "form": "biscuit", "credential": texts[at]} for at in sealing]
        for at, theirs in zip(sealing, peer.ask(commands), strict=True):
            # A seal is a signature, and Ed25519 has one for each text.
            if theirs.get("credential") != seal(Credential.parse(texts[at])).text:
                different.append(f"seal {texts[at]}")
            texts[at] = str(theirs["credential"])
        asked = [
            one
            for choice, text in zip(choices, texts, strict=True)
            for one in (text, altered(choice, text), altered(choice, text))
        ]
        for text, theirs in zip(asked, peer.ask(map(verifying, asked)), strict=True):
            if verified_here(text) != theirs:
                different.append(f"verify {text}: {verified_here(text)} and {theirs}")
    assert not different, f"L8NT_SEED={SEED}: {len(different)} differ, such as {different[0]}"
