"""Runs an example as its own program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import l8nt

from .page import ROOT, example_command


def run_example(name: str) -> str:
    """What examples/python/NAME.py prints. It fails if the example does, or if it tries to reach
    another machine.
    """
    # The package that the test has, from its sources or installed.
    package = Path(l8nt.__file__).parents[1]
    path = os.pathsep.join([str(package), str(ROOT / "clients" / "python")])
    done = subprocess.run(
        example_command(name),
        capture_output=True,
        text=True,
        timeout=100,
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": path},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
