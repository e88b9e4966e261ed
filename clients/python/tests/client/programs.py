"""Programs in the place of ``sigil``, each with one behaviour."""

from __future__ import annotations

import shlex
import sys
import textwrap
from pathlib import Path

_HEAD = """
import json, os, signal, socket, sys, tempfile, time
from http.server import BaseHTTPRequestHandler
from socketserver import UnixStreamServer

CREDENTIAL = {credential!r}

def say(**members):
    print(json.dumps(members), flush=True)

def begin():
    path = os.path.join(tempfile.mkdtemp(), "s")
    server = UnixStreamServer(path, Orders)
    say(socket=path)
    return server

def question():
    for line in sys.stdin:
        if line.strip():
            return json.loads(line)["id"]
    sys.exit(0)

class Orders(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        at_order(self)

def at_order(handler):
    pass

def mint():
    say(id=question(), credential=CREDENTIAL)
"""


def program(folder: Path, body: str, credential: str = "") -> str:
    """The command for ``SIGIL_PROGRAM``. ``body`` is Python, in which there is ``begin``, which
    gives a server of orders, ``question``, ``mint``, ``say`` and ``at_order``.
    """
    script = folder / "program.py"
    head = _HEAD.format(credential=credential)
    script.write_text(f"{head}\n{textwrap.dedent(body)}")
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
