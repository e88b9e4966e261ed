"""Random cases have the same answers in Python and in TypeScript.

``L8NT_SEED`` and ``L8NT_CASES`` choose others. A failure prints the seed.
"""

from __future__ import annotations

import json
import os
import re

from tests.repository import ROOT

from .cases import Choice, case
from .own import answer
from .peer import Answer, Command, Peer

SEED = os.environ.get("L8NT_SEED", "l8nt")
CASES = int(os.environ.get("L8NT_CASES", "5000"))

PROGRAM = ROOT / "conformance" / "adapters" / "differential.ts"

# A text that the URL Standard corrects before it is used is no URL here: libraries of Python
# correct such a text in other ways, and would send the request elsewhere.
CORRECTED = re.compile(r"[\x00-\x20\x7f\\]|^[^/?#]*//[^/?#]*[@%]|^(?!https?://[^/])", re.IGNORECASE)


def is_same(command: Command, own: Answer, theirs: Answer) -> bool:
    """Whether both answers say the same."""
    if "refused" in own and "refused" in theirs:
        # Each names keys and types as its language does.
        return True
    if command["do"] == "url":
        return is_same_url(command["url"], own, theirs)
    return own == theirs


def is_same_url(text: str, own: Answer, theirs: Answer) -> bool:
    for member in ("origin", "base", "target", "segments"):
        if own[member] == theirs[member]:
            continue
        # Refused here alone: only if the URL Standard had to correct the text.
        if own[member] is not None or not is_corrected(text, member):
            return False
    return True


def is_corrected(text: str, member: str) -> bool:
    # Node takes labels that are no Punycode, which the URL Standard and browsers do not.
    if CORRECTED.search(text) or "xn--" in text.lower():
        return True
    # Of paths, the URL Standard resolves dot segments and encodes what a path does not hold.
    path = re.sub(r"^[^:]*://[^/?#]*", "", text)
    return member != "origin" and bool(
        re.search(r"(?:^|/)(?:\.|%2e){1,2}(?=[/?#]|$)|[^\x21-\x7e]|[\"<>`{}^]", path, re.IGNORECASE)
    )


def test_random_cases_have_the_same_answers_in_both_languages() -> None:
    commands = [case(Choice(f"{SEED} {at}")) for at in range(CASES)]
    with Peer(PROGRAM) as peer:
        answers = peer.ask(commands)
    different: list[str] = []
    for at, (command, theirs) in enumerate(zip(commands, answers, strict=True)):
        own: Answer = json.loads(json.dumps(answer(command)))
        if not is_same(command, own, theirs):
            shown = json.dumps(
                {"command": command, "Python": own, "TypeScript": theirs}, ensure_ascii=False
            )
            different.append(f"case {at}: {shown}")
    assert not different, f"L8NT_SEED={SEED}: {len(different)} differ, such as {different[0]}"
