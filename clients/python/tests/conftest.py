"""Fixtures for all tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.town import Town, TownProcess


@pytest.fixture(scope="session")
def town_process() -> Iterator[TownProcess]:
    """The Node process of all towns. It starts with the first test that needs a town."""
    process = TownProcess()
    yield process
    process.close()


@pytest.fixture
def open_town(town_process: TownProcess) -> Iterator[Callable[..., Town]]:
    """Opens towns with options of ``Town``; they close when the test ends."""
    towns: list[Town] = []

    def open_one(**options: Any) -> Town:
        town = Town(town_process, **options)
        towns.append(town)
        return town

    yield open_one
    for town in towns:
        town.close()


@pytest.fixture
def town(open_town: Callable[..., Town]) -> Town:
    """A town of its own for each test, whose clock stands at 2,000,000,000 until it is set."""
    return open_town()
