"""No reader takes more than linear time, on texts that cost a careless one more.

The lines of Python that run are counted. What C runs, such as a regular expression, cannot be
counted: its time of this thread alone is compared, as test/fuzz/linear.ts does.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import thread_time
from types import FrameType
from typing import Any

import pytest
from tests.differential.peer import Peer

from l8nt import SigilError

from .parsers import PARSERS, Parser
from .test_fuzz import PROGRAM

LENGTHS = (1024, 4096)
"""Of the texts whose lines are counted. Every one four times as long as the one before."""
MAX_GROWTH = 5
"""Linear work grows by 4, with a logarithm by 4.6; quadratic work by 16."""
FREE_LINES = 500

LONGEST = 65_536
NOTABLE_SECONDS = 0.05
"""Below this a measurement is noise."""
MAX_GROWTH_OF_TIME = 9

Families = dict[int, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def families() -> Families:
    """By length: the names of the families of test/fuzz, and their texts."""
    lengths = (*LENGTHS, LONGEST // 16, LONGEST // 4, LONGEST)
    with Peer(PROGRAM) as peer:
        answers = peer.ask([{"do": "families", "length": length} for length in lengths])
    return {
        length: [(name, text) for name, text in answer["families"]]
        for length, answer in zip(lengths, answers, strict=True)
    }


def attempt(run: Callable[[str], object], text: str) -> None:
    # A refusal costs what it costs; any other error is a fault.
    with suppress(TypeError, ValueError, SigilError):
        run(text)


def lines_of(run: Callable[[str], object], text: str) -> int:
    """How many lines of Python run."""
    count = 0

    def trace(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        attempt(run, text)
    finally:
        sys.settrace(before)
    return count


def seconds_of(run: Callable[[str], object], text: str) -> float:
    before = thread_time()
    attempt(run, text)
    return thread_time() - before


def inputs(parser: Parser, families: Families, length: int) -> Iterator[tuple[str, str]]:
    for around in parser.around:
        for name, text in families[length][: 1 if parser.is_of_length else None]:
            yield f"{around} of {name}", around.replace("{}", text)


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_the_lines_that_run_grow_as_the_text_does(parser: Parser, families: Families) -> None:
    short, long = (inputs(parser, families, length) for length in LENGTHS)
    for (name, text), (_, longer) in zip(short, long, strict=True):
        few, more = lines_of(parser.run, text), lines_of(parser.run, longer)
        assert more <= MAX_GROWTH * few + FREE_LINES, f"{name}: {few} lines, then {more}"


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_the_time_grows_as_the_text_does(parser: Parser, families: Families) -> None:
    lengths = (LONGEST // 16, LONGEST // 4, LONGEST)
    every = zip(*(inputs(parser, families, length) for length in lengths), strict=True)
    for texts in every:
        name, longest = texts[2]
        if seconds_of(parser.run, longest) < NOTABLE_SECONDS:
            continue
        first, second, third = (
            min(seconds_of(parser.run, text) for _ in range(3)) for _, text in texts
        )
        is_steep = third > MAX_GROWTH_OF_TIME * second and second > MAX_GROWTH_OF_TIME * first
        assert third < NOTABLE_SECONDS or not is_steep, f"{name}: {first}, {second}, {third} s"
