"""Random header fields: challenges, the issuers in them, and credentials that are presented."""

from __future__ import annotations

from .cases import Choice
from .peer import Command

INVOICE = "lnbc10m1pexample0qqqq"
SCHEMES = ["L402", "LSAT", "l402", "Basic", "Bearer", "Negotiate", "Sigil"]
NAMES = ["macaroon", "token", "invoice", "version", "caveats", "issuers", "realm", "MACAROON"]
VALUES = [
    *(INVOICE, INVOICE.upper(), "0", "1", "", "endpoints valid_until agent", "a  b", "é"),
    *("https://issuer.example", "https://a.example https://b.example", "AgE=", 'a "b"', "a\\b"),
]
PUT = [
    *('"', "\\", ",", ", ", "=", " ", "\t", "==", ":", "L402 ", "LSAT ", 'macaroon="', "é"),
    *("invoice=", "\\,", '",', "AgE", "\x7f", "Basic a=b, "),
]


def quoted(choice: Choice, value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return choice.one([f'"{escaped}"', f'"{escaped}"', f'"{escaped}"', value, f' "{value}"'])


def item(choice: Choice, tokens: list[str]) -> str:
    """One scheme with its parameters."""
    scheme = choice.one(SCHEMES[:2] if choice.chance(70) else SCHEMES)
    if choice.chance(10):
        return f"{scheme} {choice.one(['YII==', 'abc', '', '@'])}".strip()
    parameters = [("macaroon", choice.one(tokens)), ("invoice", INVOICE)]
    if choice.chance(20):
        parameters[0] = ("token", choice.one([*tokens, "eyJ.x-_.y"]))
    if choice.chance(20):
        parameters.pop(choice.below(2))
    parameters += [
        (choice.one(NAMES), choice.one([*VALUES, *tokens])) for _ in range(choice.below(3))
    ]
    if choice.chance(30):
        choice.random.shuffle(parameters)
    between = choice.one([", ", ", ", ",", " , ", " "])
    equals = choice.one(["=", "=", "=", " = "])
    written = [f"{name}{equals}{quoted(choice, value)}" for name, value in parameters]
    return f"{scheme} {between.join(written)}"


def damaged(choice: Choice, line: str) -> str:
    for _ in range(choice.one([0, 0, 0, 1, 1, 2])):
        at = choice.below(len(line) + 1)
        line = line[:at] + choice.one(PUT) + line[at + choice.one([0, 0, 1, 5]) :]
    return line


def challenge(choice: Choice, tokens: list[str]) -> Command:
    lines = [
        damaged(choice, ", ".join(item(choice, tokens) for _ in range(1 + choice.below(3))))
        for _ in range(choice.one([0, 1, 1, 1, 2, 3]))
    ]
    return {"do": choice.one(["challenge", "challenge", "issuers"]), "lines": lines}


def presented(choice: Choice, credentials: list[str], macaroons: list[str]) -> Command:
    """The fields of a request; the texts are those of genuine credentials."""

    def authorization() -> str:
        scheme = choice.one(["L402", "L402", "LSAT", "l402", "Bearer", "Basic", ""])
        return damaged(choice, f"{scheme} {choice.one(credentials)}".lstrip())

    return {
        "do": "present",
        "authorization": [authorization() for _ in range(choice.one([0, 1, 1, 1, 2]))],
        "macaroon": [
            damaged(choice, choice.one(macaroons)) for _ in range(choice.one([0, 0, 0, 1, 2]))
        ],
    }
