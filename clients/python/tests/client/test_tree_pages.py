"""The pages of a treasury's tree: read to their end, and not without one. spec/4-purchase.md §7."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from l8nt import AdapterError
from l8nt.client import tree

from .world import Mode, World, each_mode

Page = tuple[list[int], int | None]
"""Numbers of nodes, and of the place that is named as the next."""


def place(number: int) -> str:
    return f"1-{number}-{number:032x}"


def node(number: int) -> dict[str, Any]:
    more: dict[str, Any] = {"caveats": [], "spent": [], "limits": []}
    return {"id": f"{number:032x}", "state": "active", **more}


def pages_of(world: World, mode: Mode, page_at: Callable[[int], Page]) -> tuple[list[Any], Any]:
    """Reads a tree whose pages are made of how many were asked for before. Gives the ids, and the
    places that were asked for.
    """
    afters: list[str | None] = []

    def answer(request: httpx2.Request) -> Any:
        numbers, following = page_at(len(afters))
        afters.append(request.url.params.get("after"))
        more = {} if following is None else {"next": place(following)}
        return httpx2.Response(200, json={"nodes": [node(one) for one in numbers], **more})

    world._answer = answer  # pyright: ignore[reportPrivateUsage]
    client = world.client(mode)
    try:
        if client.loop is not None:
            made = asyncio.run(client.loop.tree())
        else:
            assert client.threads is not None
            made = client.threads.tree()
    except AdapterError as error:
        return [error], afters
    return [int(one.id, 16) for one in made], afters


@each_mode
def test_pages_are_read_until_one_names_no_next(world: World, mode: Mode) -> None:
    pages: list[Page] = [([1, 2], 2), ([2, 3], 3), ([], None)]
    assert pages_of(world, mode, lambda asked: pages[asked]) == (
        [1, 2, 2, 3],
        [None, place(2), place(3)],
    )


ENDLESS: dict[str, tuple[Callable[[int], Page], int]] = {
    "the same page each time": (lambda _: ([1], 1), 2),
    "no nodes, and the same next": (lambda _: ([], 1), 1),
    "no nodes, and always another next": (lambda asked: ([], asked), 1),
    "two pages in turn": (lambda asked: ([asked % 2], asked % 2), 3),
    "the same nodes, and always another next": (lambda asked: ([1], asked), 2),
    "always another node": (lambda asked: ([asked], asked), 20),
}


@each_mode
@pytest.mark.parametrize("endless", ENDLESS)
def test_pages_without_an_end_are_an_error_of_the_treasury(
    world: World, mode: Mode, endless: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MAX_PAGES", 20)
    page_at, pages = ENDLESS[endless]
    [error], afters = pages_of(world, mode, page_at)
    assert error.code == "ERR_TREASURY"
    assert "a tree without an end" in error.message
    assert len(afters) == pages
