"""Credentials in the answers of services that repeat their request."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

import pytest

from l8nt.l402 import Minter
from l8nt.l402.repeated import without_credentials

_MINTER = Minter(
    secret="000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    location="https://service.example",
)


def _plain(text: str) -> str:
    return text


def _slashes_escaped(text: str) -> str:
    return text.replace("/", "\\/")


def _html_safe(text: str) -> str:
    return text.replace("+", "\\u002b").replace("=", "\\u003d")


def _percent_encoded(text: str) -> str:
    return quote(text, safe="")


@pytest.mark.parametrize("written", [_plain, _slashes_escaped, _html_safe, _percent_encoded])
def test_a_repeated_credential_is_removed(written: Callable[[str], str]) -> None:
    for at in range(50):
        credential = _MINTER.mint(expires_in="1h", endpoints=[f"GET https://service.example/{at}"])
        macaroon, preimage = credential.text.split(":")
        shown = without_credentials(f"you sent {written(f'L402 {credential.text}')}, thank you")
        assert preimage not in shown
        assert written(macaroon)[-30:] not in shown
        assert shown.startswith("you sent ")
        assert shown.endswith(", thank you")


@pytest.mark.parametrize(
    "text", ["a" * 100_000, f"sha256:{'a' * 64}", "GET https://a.example/b?c=d:e"]
)
def test_a_text_without_a_credential_stays_as_it_is(text: str) -> None:
    assert without_credentials(text) == text
