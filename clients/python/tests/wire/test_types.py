"""The types of messages come from the OpenAPI document, and pyright holds the client to them."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.repository import ROOT

import l8nt

NODE = ROOT / "node_modules" / "node" / "bin" / "node"
PACKAGE = Path(l8nt.__file__).parent
READS = """
from l8nt.wire._types import NodeStanding

def field(node: NodeStanding) -> str:
    return node["added"]
"""


def _faults(folder: Path) -> set[str]:
    """What pyright finds in the client's orders, and in a reader of a field."""
    (folder / "reads.py").write_text(READS)
    checked = ["l8nt/client/remote.py", "reads.py"]
    settings = {"typeCheckingMode": "strict", "include": checked, "reportMissingTypeStubs": False}
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pyright", "--outputjson"),
            *("--project", str(folder), "--pythonpath", sys.executable),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    found = json.loads(done.stdout)["generalDiagnostics"]
    return {f"{Path(one['file']).name}: {one['rule']}" for one in found}


@pytest.mark.skipif(importlib.util.find_spec("pyright") is None, reason="pyright is not installed")
@pytest.mark.skipif(not NODE.is_file(), reason="this test runs in a checkout")
def test_a_field_that_is_added_to_the_openapi_document_reaches_pyright(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "l8nt", ignore=shutil.ignore_patterns("__pycache__"))
    types = tmp_path / "l8nt" / "wire" / "_types.py"
    assert {one.split(":")[0] for one in _faults(tmp_path)} == {"reads.py"}
    program = Path(__file__).with_name("changed-types.ts")
    made = subprocess.run(
        [str(NODE), "--no-warnings", "--conditions=l8nt-source", str(program)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    types.write_text(made.stdout)
    # The client's order lacks the new field, and the reader has it.
    assert {one.split(":")[0] for one in _faults(tmp_path)} == {"remote.py"}
