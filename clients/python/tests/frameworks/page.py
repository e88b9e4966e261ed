"""Runs the snippet of a framework's page as it stands in docs/guides/agents/. What it does not
define is given by the test.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from pathlib import Path
from types import CodeType
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[4]
MAX_LINES: Final = 12


def snippet_of(page: str) -> str:
    """The first block of Python on the page."""
    text = (ROOT / "docs" / "guides" / "agents" / f"{page}.md").read_text("utf-8")
    found = re.search(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/guides/agents/{page}.md has no snippet"
    return found[1]


async def run_snippet(page: str, **names: Any) -> None:
    """Runs the snippet with ``names``."""
    result = start_snippet(page, **names)
    if inspect.isawaitable(result):
        await result


def start_snippet(page: str, **names: Any) -> object:
    """Runs a snippet that awaits nothing; begins one that does."""
    snippet = snippet_of(page)
    assert len(snippet.splitlines()) <= MAX_LINES, f"{page}: at most {MAX_LINES} lines"
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    code: CodeType = compile(snippet, f"{page}.md", "exec", flags=flags, dont_inherit=True)
    return eval(code, names)


_RUN: Final = "; ".join(
    [
        "import runpy, sys",
        "from tests.frameworks import quiet",
        "sys.argv = sys.argv[1:]",
        "sys.path.insert(0, sys.argv[0].rpartition('/')[0])",
        "runpy.run_path(sys.argv[0], run_name='__main__')",
        "assert quiet.attempts == []",
    ]
)


def example_command(name: str) -> list[str]:
    """The command that runs examples/python/NAME.py, which stays on this machine."""
    return [sys.executable, "-c", _RUN, str(ROOT / "examples" / "python" / f"{name}.py")]
