"""What the installed package is: what an import of it loads, and what its metadata says."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.repository import json_of, text_of

import l8nt

HTTP_LIBRARIES = {"aiohttp", "httpx", "httpx2", "requests", "urllib3", "http.client"}
SERVERS = {"starlette", "fastapi", "flask", "django"}
PACKAGE = Path(l8nt.__file__).parent


def _loaded_by(code: str) -> set[str]:
    """The modules that a new interpreter has loaded after this code."""
    script = f"import sys\nsys.path.insert(0, sys.argv[1])\n{code}\nimport json\n"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            script + "print(json.dumps(list(sys.modules)))",
            str(PACKAGE.parent),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def test_an_import_of_the_package_loads_no_http_library_and_no_cryptography() -> None:
    loaded = _loaded_by("import l8nt")
    assert "l8nt.errors" in loaded
    assert not loaded & {*HTTP_LIBRARIES, *SERVERS, "asyncio", "cryptography", "ssl"}


@pytest.mark.parametrize(
    "module", ["amount", "biscuit", "caveat", "credential", "invoice", "l402", "macaroon", "wire"]
)
def test_the_core_loads_no_http_library_and_no_cryptography(module: str) -> None:
    loaded = _loaded_by(f"import l8nt.{module}")
    assert not loaded & {*HTTP_LIBRARIES, *SERVERS, "cryptography"}


@pytest.mark.parametrize(
    "module", ["agents", "asgi", "client", "feed", "holder", "service", "wsgi"]
)
def test_a_module_loads_an_http_library_when_it_sends_and_not_before(module: str) -> None:
    assert not _loaded_by(f"import l8nt.{module}") & {*HTTP_LIBRARIES, *SERVERS}


def test_every_public_name_is_there_and_has_a_docstring() -> None:
    for name in l8nt.__all__:
        value = getattr(l8nt, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name
    assert dir(l8nt) == sorted(l8nt.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        importlib.import_module("l8nt").Nothing  # noqa: B018


def test_help_begins_with_what_the_package_is_for_and_names_every_module_of_the_readme() -> None:
    said = l8nt.__doc__ or ""
    assert "loaded" not in said
    table = text_of("clients/python/README.md").split("| module | for |", 1)[1].split("\n\n", 1)[0]
    for module in re.findall(r"`(l8nt\.\w+)`", table):
        assert f"``{module}``" in said, module
    for module in re.findall(r"``(l8nt\.\w+)``", said):
        assert importlib.util.find_spec(module) is not None, module


def test_the_project_has_the_version_and_the_urls_of_the_library() -> None:
    library = json_of("packages/l8nt/package.json")
    project = text_of("clients/python/pyproject.toml")
    assert f'version = "{library["version"]}"' in project
    assert f'Homepage = "{library["homepage"]}"' in project
    assert f'Issues = "{library["bugs"]["url"]}"' in project
