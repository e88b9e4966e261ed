"""What the pages install is there: no package of ours is on a registry yet."""

from __future__ import annotations

import re

import pytest
from tests.repository import ROOT, text_of
from tests.test_extras import EXTRAS

_FOLDERS = ("docs", "examples", "clients/python/src", "packages/l8nt", "packages/sigil")
_FOUND = sorted(
    str(path.relative_to(ROOT))
    for folder in _FOLDERS
    for kind in ("md", "py")
    for path in (ROOT / folder).rglob(f"*.{kind}")
    if "node_modules" not in path.parts
)
PAGES = ["README.md", "clients/python/README.md", "SECURITY.md", "CONTRIBUTING.md", *_FOUND]

_COMMAND = re.compile(r"\b(?:(?:uv )?pip|npm) install(?: -\S+)* ([^\n#`]*)")
_OURS = re.compile(r"(?:^|[\s\"'])(?:l8nt|sigil)(?=$|[\s\"'\[=<>@])")
_EXTRA = re.compile(r"clients/python\[([^\]]*)\]")


def installed(page: str) -> list[str]:
    """What each command of a page installs."""
    return _COMMAND.findall(text_of(page))


@pytest.mark.parametrize("page", [page for page in PAGES if installed(page)])
def test_no_page_installs_a_package_that_somebody_else_may_publish(page: str) -> None:
    for command in installed(page):
        assert _OURS.search(command) is None, command


def test_every_extra_that_a_page_installs_is_there_and_every_adapter_has_a_page() -> None:
    named = {
        extra
        for page in PAGES
        for command in installed(page)
        for extras in _EXTRA.findall(command)
        for extra in extras.split(",")
    }
    assert named <= set(EXTRAS)
    adapters = {path.stem for path in (ROOT / "docs/guides/agents").glob("python-*.md")}
    assert {one.removeprefix("python-") for one in adapters} <= named


@pytest.mark.parametrize(
    ("command", "is_ours"),
    [
        ("pip install l8nt", True),
        ("pip install l8nt langchain", True),
        ('pip install "l8nt[langchain]"', True),
        ("npm install l8nt ai", True),
        ("npm install -g sigil", True),
        ("npm install --save-dev l8nt@1 ai", True),
        ('pip install "./clients/python[langchain]"', False),
        ("npm install ../sigil/l8nt-0.1.0.tgz ai  # l8nt is not on npm", False),
        ("npm install --global ./l8nt-*.tgz ./sigil-*.tgz", False),
    ],
)
def test_a_command_that_takes_ours_from_a_registry_is_seen(command: str, is_ours: bool) -> None:
    [what] = _COMMAND.findall(command)
    assert (_OURS.search(what) is not None) == is_ours
