"""The fields that a credential comes in: spec/3-challenge.md §4. The table of cases is
conformance/cases/fields.json; these are what a service and a client do beside it.
"""

import contextlib
import time

import pytest

from l8nt import Credential, TokenError
from l8nt.credential import MacaroonBody
from l8nt.l402 import (
    Minter,
    format_authorization,
    format_macaroon_field,
    mentions_credential,
    other_schemes,
    read_authorization,
    read_challenges,
    read_macaroon_field,
    read_presented,
    without_ours,
)

MINTER = Minter(
    secret=bytes(range(32)), location="https://api.example", clock=lambda: 1_800_000_000
)
CREDENTIAL = MINTER.mint(endpoints=["GET https://api.example/**"], expires_in="1h")
OURS = format_authorization(CREDENTIAL)


def test_what_is_written_is_read() -> None:
    assert read_authorization(OURS) == CREDENTIAL.text
    assert read_authorization(format_authorization(CREDENTIAL, "LSAT")) == CREDENTIAL.text
    assert read_authorization(f"L402 {CREDENTIAL.key}") == CREDENTIAL.key
    field = format_macaroon_field(CREDENTIAL)
    text = read_macaroon_field(field)
    assert text is not None
    read = Credential.parse(text)
    [added] = read.caveats_below(CREDENTIAL) or [""]
    assert added.startswith("preimage=")
    assert format_macaroon_field(read) == field
    with pytest.raises(TokenError, match="ERR_TOKEN_AMBIGUOUS"):
        read_presented([OURS], [field])
    assert read_presented([format_authorization(read)], [field.upper()]) == read.text


def test_a_text_in_place_of_lines_is_an_error_of_the_program() -> None:
    with pytest.raises(TypeError, match="as a list"):
        read_presented(OURS)


@pytest.mark.parametrize(
    ("field", "left"),
    [
        ("Bearer abc", "Bearer abc"),
        (OURS, None),
        (f"{OURS}, Bearer abc", "Bearer abc"),
        (f"Bearer abc, {OURS}", "Bearer abc"),
        (f'Digest a="1, 2", b=3, {OURS}', 'Digest a="1, 2", b=3'),
        (f"l402 broken, Bearer abc, {OURS}", "Bearer abc"),
        (f"{OURS}, {OURS}", None),
        ("Bearer l402x", "Bearer l402x"),
        ("", ""),
    ],
)
def test_what_a_handler_sees_of_authorization(field: str, left: str | None) -> None:
    assert without_ours(field) == left


def test_the_apis_own_schemes_are_told_apart() -> None:
    assert other_schemes(f"Bearer a, {OURS}, Digest x=1, y=2") == ["Bearer a", "Digest x=1", "y=2"]


@pytest.mark.parametrize(
    "field", ["L\u017fAT x", "\u212b402 x", "xl402 x", 'Bearer x="a, L402 b"', "Bearer L402"]
)
def test_what_is_not_ours_mentions_no_credential(field: str) -> None:
    assert not mentions_credential(field)
    assert read_authorization(field) is None


@pytest.mark.parametrize(
    "field",
    ["," * 24_576, '="' * 12_288, "L402 " * 4915, ' ="' * 8192, "a=, L402 " * 2730],
)
def test_a_field_of_any_kind_is_read_in_time_that_grows_with_its_length(field: str) -> None:
    start = time.process_time()
    for read in (read_authorization, read_macaroon_field):
        with contextlib.suppress(TokenError):
            read(field)
    read_challenges(field)
    without_ours(field)
    # A quadratic reader takes seconds for it.
    assert time.process_time() - start < 1


def test_a_credential_of_another_identifier_is_refused_in_every_field() -> None:
    macaroon = CREDENTIAL.body
    assert isinstance(macaroon, MacaroonBody)
    other = macaroon.macaroon.mint(b"k", b"short").append(f"preimage={'ab' * 32}")
    with pytest.raises(TokenError, match="ERR_TOKEN_MALFORMED"):
        read_macaroon_field(other.encode().hex())
