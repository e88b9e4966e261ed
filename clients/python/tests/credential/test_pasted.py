"""Texts that a person pasted in place of a credential: each says what to do, and repeats none."""

import pytest

from l8nt import Client, Credential, TokenError
from l8nt.l402 import Minter

GOOD = (
    Minter(secret=bytes(range(32)), location="https://api.example")
    .mint(endpoints=["GET https://api.example/**"], expires_in="1h")
    .text
)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"L402 {GOOD}", "begins with a scheme"),
        (f"Bearer {GOOD}", "begins with a scheme"),
        (f'"{GOOD}"', "quotation marks"),
        (f"'{GOOD}", "quotation marks"),
        (f"SIGIL_CREDENTIAL={GOOD}", "variable's name"),
        (f"export SIGIL_CREDENTIAL={GOOD}", "variable's name"),
        ("sk-proj-abcdefghijklmnop", "another vendor's API key"),
        ("treasury/agent.credential", "name of a file"),
        ("~/agent.credential", "name of a file"),
        (GOOD[:40], "cut off"),
        (GOOD.partition(":")[0], "cut off"),
    ],
)
def test_what_was_pasted_says_what_to_do(text: str, hint: str) -> None:
    with pytest.raises(TokenError, match=hint) as raised:
        Client(credential=[text])
    assert raised.value.code == "ERR_TOKEN_MALFORMED"
    assert GOOD[:20] not in str(raised.value)


@pytest.mark.parametrize("text", [f"Bearer {GOOD}", f'"{GOOD}"', "treasury/agent.credential"])
def test_the_error_names_the_variable(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGIL_CREDENTIAL", text)
    with pytest.raises(TokenError, match="SIGIL_CREDENTIAL"):
        Client()


def test_a_credential_is_read_with_a_line_end_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGIL_CREDENTIAL", f"{GOOD}\n")
    assert Client().credential.text == GOOD


def test_a_misspelt_limit_is_told_before_a_missing_agent_and_a_wallet() -> None:
    with pytest.raises(TypeError, match="bugdet"):
        Credential.parse(GOOD).delegate(bugdet="5 sat")  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError, match="bugdet"):
        Client(wallet="dev+http://127.0.0.1:1", limits={"bugdet": "5 sat"})  # pyright: ignore[reportArgumentType]
