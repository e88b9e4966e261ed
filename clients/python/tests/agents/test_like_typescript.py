"""Handles of TypeScript's library for the same credential, table and time: the same agents, with
the same ids and the same credentials.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from l8nt.agents import SigilHandle

from .credentials import mint
from .family import START, code_of, open_family

_ROOT: Final = Path(__file__).resolve().parents[4]
_SCRIPT: Final = Path(__file__).with_name("handles.ts")
_NAMES: Final = (
    "scout",
    "Flight booker",
    "Flight-booker",
    "研究员",
    'a "quoted"\\name\n\t\x01\x7f\u2028',
    "\U0001f600 face",
    "_x",
    "constructor",
    "0123456789abcdef0123456789ABCDEF",
    " 0123456789abcdef0123456789abcdef!",
    "7",
    "nobody's",
)
_TABLE: Final[dict[str, Any]] = {
    name: {
        "budget": "100 sat",
        "budget_per_day": ["15 sat", "1 usd"] if at % 2 else "15 sat",
        "max_uses": at + 1,
        "endpoints": ["GET https://api.example/a/*"],
        "expires_in": "15m",
        "capabilities": {"weather": ["a"], "10": ["b"], "9": ["c"], "1x": []},
        "agents": {"scout": {"max_price": "5 sat", "expires_in": "5m"}, "wide": {"max_uses": 99}},
    }
    for at, name in enumerate(_NAMES[:-1])
}


def _camel(value: Any) -> Any:
    """The table with TypeScript's keys; names of agents stay."""

    def key(text: str) -> str:
        first, *others = text.split("_")
        return first + "".join(one.capitalize() for one in others)

    return {
        name: {
            key(word): _camel(inner) if word == "agents" else inner for word, inner in entry.items()
        }
        for name, entry in value.items()
    }


def _shown(handle: SigilHandle) -> dict[str, Any]:
    code = code_of(handle.assert_allowed)
    return {
        "id": handle.id,
        "agent": handle.agent,
        "credential": code or handle.credential.text,
        "json": handle.to_dict(),
    }


@pytest.fixture(scope="module")
def typescript() -> dict[str, Any]:
    credential = mint()
    given = {
        "credential": credential.text,
        "now": START,
        "agents": _camel(_TABLE),
        "names": list(_NAMES),
    }
    ran = subprocess.run(
        [
            str(_ROOT / "node_modules/node/bin/node"),
            "--no-warnings",
            "--conditions=l8nt-source",
            str(_SCRIPT),
        ],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        check=True,
        cwd=_ROOT,
    )
    return {"top": credential, "handles": json.loads(ran.stdout)}


def test_every_agent_of_a_table_is_the_agent_that_typescript_makes(
    typescript: dict[str, Any],
) -> None:
    top = open_family(typescript["top"], _TABLE)
    made: list[dict[str, Any]] = [_shown(top)]
    for name in _NAMES:
        handle = top.for_agent(name)
        made += [_shown(handle), _shown(handle.for_agent("scout")), _shown(handle.for_agent("?"))]
    assert made == typescript["handles"]
    assert sum(one["credential"] == "ERR_AGENT_UNKNOWN" for one in made) == len(_NAMES) + 2
