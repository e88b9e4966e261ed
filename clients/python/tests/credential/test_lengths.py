"""Limits count the characters of a text as TypeScript does, in UTF-16 units."""

from __future__ import annotations

import pytest

from l8nt import TokenError
from l8nt._encoding import is_longer
from l8nt.caveat import read_origin, target_at
from l8nt.credential import Credential
from l8nt.credential.text import MAX_CHARACTERS

BEYOND = "\U0001f600"


@pytest.mark.parametrize(
    ("text", "units"),
    [("", 0), ("ab", 2), ("é", 1), ("\uffff", 1), ("\ud800", 1), (BEYOND, 2), (f"a{BEYOND}é", 4)],
)
def test_a_character_beyond_u_ffff_has_two_units(text: str, units: int) -> None:
    assert units == len(text.encode("utf-16-le", "surrogatepass")) // 2
    assert [is_longer(text, most) for most in (units - 1, units, units + 1)] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * MAX_CHARACTERS, "ERR_TOKEN_MALFORMED"),
        ("x" * (MAX_CHARACTERS + 1), "ERR_TOKEN_TOO_LARGE"),
        (BEYOND * (MAX_CHARACTERS // 2), "ERR_TOKEN_MALFORMED"),
        (BEYOND * (MAX_CHARACTERS // 2 + 1), "ERR_TOKEN_TOO_LARGE"),
    ],
)
def test_a_text_that_is_no_credential_has_the_code_of_its_length(text: str, code: str) -> None:
    with pytest.raises(TokenError) as caught:
        Credential.parse(text)
    assert caught.value.code == code


@pytest.mark.parametrize(("many", "is_taken"), [(4094, True), (4095, False)])
def test_a_target_has_8192_units(many: int, is_taken: bool) -> None:
    origin = read_origin("https://api.example")
    assert origin is not None
    # With `/a?x` there are four more.
    assert (target_at("GET", origin, f"/a?x{BEYOND * many}") is not None) is is_taken
