"""Reads the whole tree of a treasury, which comes in pages. spec/4-purchase.md §7."""

from __future__ import annotations

from .._tables import WHOLE_PAGE_ROWS
from ..credential import Credential
from ..wire import _types as messages
from .flow import Flow
from .standing import NodeStanding, read_nodes
from .treasury_http import TreasuryHttp

MAX_PAGES = 10_000

_ENDLESS = (
    "gives a tree without an end: a page that names a next one has no node that was not read "
    "before. Is there a cache or a proxy before it that ignores the query?"
)


def tree_of(treasury: TreasuryHttp, credential: Credential) -> Flow[list[NodeStanding]]:
    """The credential's node and everything below it that has spent, parents first.

    Raises the treasury's own error; AdapterError ``ERR_TREASURY``, also for pages without an end.
    """
    nodes: list[NodeStanding] = []
    known: set[str] = set()
    query: messages.TreeQuery = {"limit": WHOLE_PAGE_ROWS}
    for _ in range(MAX_PAGES):
        answer = yield from treasury.ask(messages.TREE, credential, query=query)
        page = read_nodes(answer["nodes"])
        nodes += page
        if "next" not in answer:
            return nodes
        if known.issuperset(node.id for node in page):
            break
        known.update(node.id for node in page)
        query["after"] = answer["next"]
    raise treasury.failed(_ENDLESS)
