"""Imported first by a test of a framework: its telemetry is off, and no connection leaves this
machine.
"""

from __future__ import annotations

import ipaddress
import os
import sys

os.environ.update(
    {
        "ANONYMIZED_TELEMETRY": "false",
        "CREWAI_DISABLE_TELEMETRY": "true",
        "CREWAI_DISABLE_TRACKING": "true",
        "CREWAI_TESTING": "true",
        "CREWAI_TRACING_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "OTEL_SDK_DISABLED": "true",
    }
)

attempts: list[str] = []
"""Every address outside of this machine that something tried to reach."""


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        # Of a Unix socket the address is a path.
        if not isinstance(address, tuple):
            return
        host = address[0]
    else:
        return
    name = host.decode() if isinstance(host, bytes) else host
    if name is None or name in ("", "localhost") or _is_loopback(str(name)):
        return
    attempts.append(f"{event} {name}")
    raise PermissionError(f"the tests of frameworks stay on this machine: {event} {name}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse)
