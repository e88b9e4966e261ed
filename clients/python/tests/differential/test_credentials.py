"""Credentials that are minted in one language and narrowed in the other are one credential: the
same bytes, the same ids, the same verdicts.
"""

from __future__ import annotations

import json
from base64 import b64decode

import pytest

from l8nt import Credential, TokenError
from l8nt.public_key import seal

from .cases import Choice
from .credentials import Form, family, narrowing
from .fields import challenge, presented
from .own import answer
from .peer import Command, Peer
from .test_caveats import CASES, PROGRAM, SEED


def narrowed_here(command: Command) -> str | None:
    """``None`` for caveats that cannot be appended."""
    try:
        return Credential.parse(command["credential"]).append(command["caveats"]).text
    except (TokenError, TypeError, ValueError):
        return None


def sealed(peer: Peer, choice: Choice, text: str) -> str:
    """Sealed in one of the languages."""
    if choice.chance(50):
        return seal(Credential.parse(text)).text
    [said] = peer.ask([{"do": "seal", "credential": text}])
    written: str = said["credential"]
    return written


def caveats_of(text: str) -> list[str]:
    return [str(one) for one in Credential.parse(text).caveats]


@pytest.mark.parametrize("form", ["macaroon", "biscuit"])
def test_a_credential_is_one_credential_in_both_languages(form: Form) -> None:
    families = [family(Choice(f"{SEED} {form} {at}"), form) for at in range(CASES // 10)]
    with Peer(PROGRAM) as peer:
        theirs = [one for one in families if one.minted_in == "TypeScript"]
        made = peer.ask([one.minting() for one in theirs])
        texts = {id(one): said["credential"] for one, said in zip(theirs, made, strict=True)}
        for one in families:
            if one.minted_in == "Python":
                texts[id(one)] = one.minted()
        for step in range(3):
            narrowed = [one for one in families if len(one.steps) > step]
            commands = [narrowing(texts[id(one)], one.steps[step]) for one in narrowed]
            for one, command, said in zip(narrowed, commands, peer.ask(commands), strict=True):
                own, other = narrowed_here(command), said.get("credential")
                if own is None or other is None:
                    assert own == other, f"L8NT_SEED={SEED}: {command} {said}"
                    continue
                # A key of its own signs each block of the public-key form.
                is_same = own == other or (
                    form == "biscuit" and caveats_of(own) == caveats_of(other)
                )
                assert is_same, f"L8NT_SEED={SEED}: {command}"
                texts[id(one)] = one.choice.one([own, other])
        for one in families if form == "biscuit" else ():
            if one.choice.chance(20):
                texts[id(one)] = sealed(peer, one.choice, texts[id(one)])
        commands = [command for one in families for command in one.asking(texts[id(one)])]
        answers = peer.ask(commands)
    different = [
        json.dumps({"command": command, "Python": own, "TypeScript": said}, ensure_ascii=False)
        for command, said in zip(commands, answers, strict=True)
        if (own := json.loads(json.dumps(answer(command)))) != said
    ]
    assert not different, f"L8NT_SEED={SEED}: {len(different)} differ, such as {different[0]}"


@pytest.mark.parametrize("kind", ["challenge", "presented"])
def test_fields_of_requests_and_answers_are_read_alike(kind: str) -> None:
    root = family(Choice(f"{SEED} field"), "macaroon").minted()
    credential = Credential.parse(root)
    credentials = [root, credential.append(["max_uses=1"]).text, credential.key]
    tokens = [text.partition(":")[0] for text in credentials[:2]]
    proof = f"preimage={root.partition(':')[2]}"
    carrying = [credential.append([proof]), credential.append(["max_uses=1", proof])]
    packets = [one.text.partition(":")[0] for one in carrying]
    macaroons = [b64decode(packet).hex() for packet in packets]
    commands: list[Command] = []
    for at in range(CASES // 4):
        choice = Choice(f"{SEED} {kind} {at}")
        is_challenge = kind == "challenge"
        commands.append(
            challenge(choice, tokens) if is_challenge else presented(choice, credentials, macaroons)
        )
    with Peer(PROGRAM) as peer:
        answers = peer.ask(commands)
    different = [
        json.dumps({"command": command, "Python": own, "TypeScript": said}, ensure_ascii=False)
        for command, said in zip(commands, answers, strict=True)
        if (own := json.loads(json.dumps(answer(command)))) != said
    ]
    assert not different, f"L8NT_SEED={SEED}: {len(different)} differ, such as {different[0]}"
