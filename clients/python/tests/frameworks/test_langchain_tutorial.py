"""The tutorial in LangGraph goes as it says: its files, its commands and what they print."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.repository import ROOT

import l8nt

pytest.importorskip("langchain")

PAGE = "docs/tutorials/python-family.md"


def test_the_tutorial_goes_as_it_says() -> None:
    node = ROOT / "node_modules/node/bin/node"
    package = str(Path(l8nt.__file__).parents[1])
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    followed = subprocess.run(
        [str(node), "--conditions=l8nt-source", "test/docs/follow.ts", PAGE],
        cwd=ROOT,
        env={**os.environ, "PATH": path, "PYTHONPATH": package},
        capture_output=True,
        text=True,
        check=False,
    )
    assert followed.returncode == 0, followed.stdout + followed.stderr
