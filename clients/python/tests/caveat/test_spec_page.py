"""The tables of spec/2-caveats.md, read from the page itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from l8nt.caveat import (
    SCOPE_KEYS,
    matches_endpoint,
    read_endpoint,
    service_vocabulary,
    target_at,
    target_of_url,
    treasury_vocabulary,
)
from l8nt.caveat.condition import AnyCondition, Family
from l8nt.caveat.conditions.table import TABLE
from l8nt.caveat.endpoint import read_endpoints
from l8nt.caveat.origin import split_url

PAGE = (Path(__file__).parents[4] / "spec" / "2-caveats.md").read_text()


def rows(header: str) -> list[list[str]]:
    """The rows of the table below this header line, as the texts in their cells."""
    lines = PAGE[PAGE.index(header) :].splitlines()[2:]
    table: list[list[str]] = []
    for line in lines:
        if not line.startswith("|"):
            break
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        table.append([cell.strip().replace("\\|", "|").strip("`") for cell in cells])
    return table


@pytest.mark.parametrize(("entry", "request_line", "answer"), rows("| entry | request | answer |"))
def test_an_entry_answers_as_the_page_says(entry: str, request_line: str, answer: str) -> None:
    method, _, url = request_line.partition(" ")
    patterns = read_endpoints(entry)
    assert patterns is not None
    target = target_of_url(method, url)
    if answer == "refused":
        assert target is None
        scheme, _, rest = url.partition("://")
        host, _, path = rest.partition("/")
        parts = split_url(f"{scheme}://{host}")
        assert parts is not None
        assert target_at(method, parts.origin, f"/{path}") is None
        return
    assert target is not None
    is_covered = any(matches_endpoint(pattern, target) for pattern in patterns)
    assert is_covered == (answer == "covered")


@pytest.mark.parametrize(("entry", "_because"), rows("| not an entry | because |"))
def test_what_the_page_calls_no_entry_is_none(entry: str, _because: str) -> None:
    assert read_endpoint(entry) is None
    assert read_endpoints(entry) is None


def test_a_scope_has_the_keys_of_the_page_in_their_order() -> None:
    keys = [row[0] for row in rows("| scope | example | condition |")]
    snake = [re.sub("[A-Z]", lambda upper: f"_{upper[0].lower()}", key) for key in keys]
    # The page lists both ends in the order of the table; so do the fields.
    assert list(SCOPE_KEYS) == snake


def facts(row: AnyCondition | Family) -> list[str]:
    """What the page says of a condition: name, code, what it counts, who judges, hand-over."""
    condition = row.of("s", "s_x") if isinstance(row, Family) else row
    name = f"<service>{row.suffix}" if isinstance(row, Family) else row.name
    counted = "" if condition.limit is None else (condition.limit(1).unit or "uses")
    hand_over = condition.hand_over if isinstance(condition.hand_over, str) else "copied"
    return [name, condition.code or "", counted, condition.judged_by, hand_over]


def test_the_table_has_the_conditions_of_the_page_with_their_facts() -> None:
    header = "| condition | value | denies when | code | counted | judged by | hand-over |"
    page = [[row[0], *row[3:]] for row in rows(header)]
    assert [facts(row) for row in TABLE] == page


def test_a_service_knows_all_but_what_only_a_treasury_can_judge() -> None:
    page = rows("| condition | value | denies when | code | counted | judged by | hand-over |")
    listed = [row for row in page if not row[0].startswith("<")]
    assert list(treasury_vocabulary().names) == [row[0] for row in listed]
    known = [row[0] for row in listed if row[5] != "treasury"]
    assert list(service_vocabulary().names) == known
