"""Files of the repository that tests compare with. They are no part of the package: where they
are not there, as in a run of the wheel alone, the tests that need them say so.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]


def text_of(path: str) -> str:
    """The text of a file, by its path from the repository's root."""
    file = ROOT / path
    if not file.is_file():
        pytest.skip(f"{path} is not there: this test runs in a checkout", allow_module_level=True)
    return file.read_text("utf-8")


def json_of(path: str) -> Any:
    """What a JSON file of the repository holds."""
    return json.loads(text_of(path))


def table_cells(page: str, name: str) -> list[str]:
    """The values in backquotes of the rows of a table whose first cell is ``name``."""
    rows = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", page, re.MULTILINE)
    return [value for row in rows for value in re.findall(r"`([^`]*)`", row)]


def blocks_of(page: str) -> list[str]:
    """The contents of the fenced blocks of a page, in order."""
    return re.findall(r"^```\w*\n(.*?)\n```$", page, re.MULTILINE | re.DOTALL)
