"""What a module says if what it needs is not installed, or is too old."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest
from tests.repository import text_of

import l8nt
from l8nt._extras import Extra, command_of

PACKAGE = Path(l8nt.__file__).parent
PROJECT = text_of("clients/python/pyproject.toml")
_TABLE = PROJECT.split("[project.optional-dependencies]\n", 1)[1].split("\n\n", 1)[0]
EXTRAS = {
    line.partition(" = ")[0]: re.findall(r'"([^"]+)"', line.partition(" = ")[2])
    for line in _TABLE.splitlines()
}

MODULES = {
    "agent_framework": ("agent-framework", "agent_framework"),
    "aiohttp": ("aiohttp", "aiohttp"),
    "crewai": ("crewai", "crewai"),
    "django": ("django", "django asgiref"),
    "flask": ("flask", "flask"),
    "google_adk": ("google-adk", "google"),
    "httpx": ("httpx", "httpx"),
    "langchain": ("langchain", "langchain langchain_core langgraph"),
    "llama_index": ("llama-index", "llama_index"),
    "mcp": ("mcp", "mcp_types"),
    "openai_agents": ("openai-agents", "agents"),
    "pydantic_ai": ("pydantic-ai", "pydantic_ai"),
    "requests": ("requests", "requests"),
    "strands": ("strands", "strands"),
}
"""Of each module that needs more than the package brings: its extra, and what it imports."""

_METADATA = """Metadata-Version: 2.4
Name: l8nt
Version: 0.1.0
"""


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder where the package is installed, as ``importlib.metadata`` sees it."""
    lines = [
        f"Requires-Dist: {what}; extra == '{name}'\n"
        for name, needed in EXTRAS.items()
        for what in needed
    ]
    folder = tmp_path / "l8nt-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"{_METADATA}Requires-Dist: httpx2>=2.0\n{''.join(lines)}", "utf-8"
    )
    return tmp_path


def _said(code: str, missing: str, *folders: Path) -> str:
    """The last line of what an interpreter says that has nothing of these names."""
    script = f"""
import sys
sys.path[:0] = {[str(PACKAGE.parent), *map(str, folders)]!r}
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {missing.split()!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
{code}
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    return done.stderr.strip().splitlines()[-1] if done.stderr else ""


@pytest.mark.parametrize("module", MODULES)
def test_a_module_names_the_command_that_installs_what_it_needs(
    module: str, installed: Path
) -> None:
    extra, missing = MODULES[module]
    said = _said(f"import l8nt.{module}", missing, installed)
    wanted = " ".join(f'"{what}"' for what in EXTRAS[extra])
    assert said.startswith("ModuleNotFoundError: No module named ")
    assert said.endswith(f". This module of l8nt needs it: pip install {wanted}")


def test_a_dependency_of_fastapi_names_the_command_too(installed: Path) -> None:
    said = _said("from l8nt.asgi import require\nrequire()", "starlette fastapi", installed)
    assert said.endswith(f'pip install "{EXTRAS["fastapi"][0]}"')


@pytest.mark.skipif(
    any(distributions(name="l8nt")), reason="the package is installed, as from its wheel"
)
def test_sources_that_are_not_installed_name_the_extra() -> None:
    assert _said("import l8nt.flask", "flask").endswith('install the extra "flask" of l8nt')
    assert command_of("nothing") == 'install the extra "nothing" of l8nt'


def test_every_module_that_needs_an_extra_is_in_the_table() -> None:
    named = {
        extra
        for path in PACKAGE.rglob("*.py")
        for extra in re.findall(r'with Extra\("([^"]+)"\)', path.read_text("utf-8"))
        if path.name != "_extras.py"
    }
    assert named == {extra for extra, _ in MODULES.values()} | {"fastapi"} == set(EXTRAS)


def test_the_kind_of_an_error_and_the_name_that_is_missing_stay() -> None:
    told = r"^cannot import .*\. This module of l8nt"
    with pytest.raises(ImportError, match=told) as raised, Extra("flask"):
        from flask import nothing  # pyright: ignore # noqa: F401
    assert not isinstance(raised.value, ModuleNotFoundError)
    assert raised.value.name == "flask"
    with pytest.raises(ModuleNotFoundError) as missing, Extra("flask"):
        import no_such_module  # pyright: ignore # noqa: F401
    assert missing.value.name == "no_such_module"


def test_other_errors_of_a_framework_are_its_own() -> None:
    with pytest.raises(RuntimeError, match=r"^its own$"), Extra("flask"):
        raise RuntimeError("its own")
