"""What is asked of the treasury, if a service has minted the credential and there is none."""

from __future__ import annotations

import httpx2
import pytest

from l8nt import AdapterError, Client
from l8nt.l402 import Minter

SERVICE = "https://api.example"
MINTER = Minter(secret=bytes(range(32)), location=SERVICE, kind="access")
TEXT = MINTER.mint(endpoints=[f"* {SERVICE}/**"], expires_in="1h").text


def failures(status: int) -> list[AdapterError]:
    """The errors of a client whose treasury answers everything with this status."""

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, text="<html>")

    found: list[AdapterError] = []
    http = httpx2.Client(transport=httpx2.MockTransport(answer))
    client = Client(credential=TEXT, treasury_http=http)
    for ask in (client.standing, client.tree, client.receipts):
        with pytest.raises(AdapterError) as raised:
            ask()
        found.append(raised.value)
    http.close()
    return found


@pytest.mark.parametrize(
    ("status", "end"),
    [
        (404, ": it may be a service that mints its own credentials, and no treasury."),
        (405, ": it may be a service that mints its own credentials, and no treasury."),
        (403, "."),
        (500, "."),
    ],
)
def test_a_server_that_knows_no_treasury_is_said_to_be_a_service(status: int, end: str) -> None:
    for error in failures(status):
        assert error.code == "ERR_TREASURY"
        assert error.message == f"The treasury {SERVICE} answered with HTTP {status}{end}"
