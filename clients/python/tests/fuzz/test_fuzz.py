"""The damaged inputs of the TypeScript fuzzer have the same verdicts in Python.

``L8NT_SEED`` (a number here) and ``L8NT_CASES`` choose others.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from zlib import crc32

import pytest
from tests.differential.peer import Peer
from tests.differential.test_caveats import is_corrected
from tests.repository import ROOT

from .verdicts import Verdict, verdicts

SEED = crc32(os.environ.get("L8NT_SEED", "l8nt").encode())
CASES = int(os.environ.get("L8NT_CASES", "5000"))
TARGETS = [
    *("credential", "macaroon-field", "challenge", "endpoint", "public-key", "holder", "invoice"),
]
PROGRAM = ROOT / "conformance" / "adapters" / "fuzz.ts"


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with Peer(PROGRAM) as one:
        yield one


@pytest.fixture(scope="module")
def own(peer: Peer) -> dict[str, Verdict]:
    return verdicts(peer.ask([{"do": "golden"}])[0])


def is_same(target: str, text: str, own: str, theirs: str) -> bool:
    if own == theirs:
        return True
    if target == "invoice":
        # Signatures of invoices are the treasury's affair, which pays them.
        return own == "read"
    # A URL that the URL Standard corrects is refused here.
    is_url = target == "endpoint" and re.sub(r"(?: \+ )?url$", "", theirs) == own.replace(
        "refused", ""
    )
    return is_url and is_corrected(text, "target")


@pytest.mark.parametrize("target", TARGETS)
def test_a_damaged_input_has_the_same_verdict_in_both_languages(
    target: str, peer: Peer, own: dict[str, Verdict]
) -> None:
    said = peer.ask([{"do": "fuzz", "target": target, "seed": SEED, "count": CASES // 2}])[0]
    different = [
        (text, verdict, theirs)
        for text, theirs in zip(said["inputs"], said["outcomes"], strict=True)
        if not is_same(target, text, verdict := own[target](text), theirs)
    ]
    assert not different, f"seed {SEED}: {len(different)} differ, such as {different[0]!r}"
