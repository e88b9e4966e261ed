"""What is judged is what is served, on real servers, for bytes as they come from a socket.
spec/2-caveats.md §3.
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tests.service.serving import LOCATION, SECRET, SERVERS

from l8nt.credential import Credential
from l8nt.l402 import Minter

FOLDER = Path(__file__).resolve().parents[2]
MODULES = {"django": "django", "wsgiref": "wsgiref"}


class Reply(NamedTuple):
    status: int
    head: str
    body: bytes

    @property
    def seen(self) -> dict[str, Any]:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        try:
            return json.loads(self.body)["code"]
        except (ValueError, KeyError):
            return None


class Served:
    """A server in a process of its own."""

    def __init__(self, name: str) -> None:
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        self.port: int = listening.getsockname()[1]
        fd = listening.fileno()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.serving", name, str(fd)],
            cwd=FOLDER,
            pass_fds=[fd],
            env={**os.environ, "PYTHONPATH": f"{FOLDER / 'src'}:{FOLDER}"},
            stderr=subprocess.PIPE,
        )
        listening.close()

    def raw(self, data: bytes) -> Reply:
        """Sends bytes and reads the answer to its end."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as it:
            it.sendall(data)
            received = b""
            while True:
                try:
                    part = it.recv(65536)
                except ConnectionResetError:
                    break
                received += part
                head, found, body = received.partition(b"\r\n\r\n")
                if not part or (found and _is_whole(head, body)):
                    break
        if not received.startswith(b"HTTP/1."):
            # What reads like a request of HTTP/0.9 is answered without a head.
            return Reply(200 if b'"path"' in received else 0, "", received)
        head, _, body = received.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        return Reply(status, head.decode("latin-1"), body)

    def ask(self, target: str, *fields: str, method: str = "GET", host: str = "api") -> Reply:
        lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", "Connection: close", *fields]
        return self.raw("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def stop(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def _is_whole(head: bytes, body: bytes) -> bool:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return len(body) >= int(line.split(b":")[1])
    return head.startswith(b"HTTP/1.1 101") or (b" 400 " in head.split(b"\r\n")[0] and not body)


def _server(name: str) -> Generator[Served]:
    module = name.split(" ")[0]
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed")
    if "httptools" in name and importlib.util.find_spec("httptools") is None:
        pytest.skip("httptools is not installed")
    served = Served(name)
    yield served
    served.stop()


PLAIN = [name for name in SERVERS if "behind" not in name and "mount" not in name]
PLAIN.remove("uvicorn --root-path")


@pytest.fixture(scope="module", params=PLAIN)
def server(request: pytest.FixtureRequest) -> Generator[Served]:
    yield from _server(request.param)


@pytest.fixture(scope="module", params=["uvicorn h11", "uvicorn httptools", "hypercorn"])
def asgi_server(request: pytest.FixtureRequest) -> Generator[Served]:
    yield from _server(request.param)


def mint(**scope: Any) -> str:
    given: Any = {"endpoints": [f"* {LOCATION}/**"], "expires_in": "1h", **scope}
    return Minter(secret=SECRET, location=LOCATION).mint(**given).text


def bearing(credential: str) -> str:
    return f"Authorization: L402 {credential}"


def test_a_credential_for_one_path_opens_no_other_spelling_of_another(server: Served) -> None:
    credential = bearing(mint(endpoints=[f"GET {LOCATION}/a"]))
    for target in ("/a", "/a?x=1", "/a?x=/b&y=%2f", "/%61", "/a?", "/a?b?c"):
        reply = server.ask(target, credential)
        assert (reply.status, reply.seen["path"] if reply.status == 200 else reply) == (200, "/a")


ODD = [
    *["/b", "/a/", "//a", "/A", "/a/b", "/a.", "/b/../a", "/a/../b", "/b/%2e%2e/a", "/a/%2e%2e/b"],
    *["/a%2f", "/a%2f..%2fb", "/b%2f..%2fa", "/a%5c", "/a\\", "/a%00", "/a%0a", "/a;x", "/a;/../b"],
    *["/a%3fx", "/a%23", "/a#b", "/a?#b", "/%2561", "/%252e%252e/b", "/a%20", "/a%e9", "/\xe9"],
    *[
        "/a%",
        "/a%zz",
        "/./a",
        "/.",
        "/..",
        "/a%c0%ae",
        "/%c0%afa",
        "a",
        "",
        "*",
        "?x",
        "http:/a",
        "/a%2F%2F",
    ],
    *["https://evil.example/b", "http://evil.example/b?x", "/b?/a", "/b?x=/../a"],
]


def test_what_is_not_that_path_is_not_served_with_it(server: Served) -> None:
    credential = bearing(mint(endpoints=[f"GET {LOCATION}/a"]))
    served: list[tuple[str, str]] = []
    for target in ODD:
        reply = server.ask(target, credential)
        if reply.status == 200:
            served.append((target, reply.seen["path"]))
        else:
            assert reply.status in (0, 400, 401, 403, 404, 501, 505), (target, reply)
    # A server that cuts something off before anybody sees it serves, and judges, what is left.
    assert {path for _, path in served} <= {"/a"}, served
    assert {target for target, _ in served} <= {"//a", "/a#b", "/a?#b", "http:/a", "/a%", "a"}, (
        served
    )


def test_what_is_served_to_a_credential_for_everything_was_judged_as_it_is(server: Served) -> None:
    """A path reaches the handler as it was judged: no second meaning of it is served."""
    credential = bearing(mint())
    for target in ODD:
        reply = server.ask(target, credential)
        if reply.status != 200:
            continue
        path = reply.seen["path"]
        assert not [one for one in ("\0", "\\", "%2") if one in path], (target, path)
        assert not {".", ".."} & set(path.split("/")), (target, path)


def test_the_absolute_form_names_no_host_that_is_believed(server: Served) -> None:
    credential = bearing(mint(endpoints=[f"GET {LOCATION}/a"]))
    reply = server.ask("http://evil.example/a", credential, host="evil.example")
    assert reply.status in (200, 400, 404)
    assert server.ask("http://api.example/b", credential).status != 200


def test_two_lines_of_one_field(server: Served) -> None:
    one, other = mint(), mint()
    own = "Authorization: Bearer own-key"
    assert server.ask("/a", bearing(one), bearing(one)).status == 200
    assert (server.ask("/a", bearing(one), bearing(other)).status) == 400
    reply = server.ask("/a", own, bearing(one))
    assert (reply.status, reply.seen["authorization"]) == (200, ["Bearer own-key"])
    reply = server.ask("/a", bearing(one), own)
    assert (reply.status, reply.seen["authorization"]) == (200, ["Bearer own-key"])
    assert server.ask("/a", bearing(one), "Host: evil.example").status == 400
    assert server.ask("/a", bearing(one)).seen["authorization"] == []


@pytest.mark.parametrize(
    "field",
    [
        "Authorization: L402 \xe9\xe8",
        "Authorization: \xff\xfe L402 x:y",
        "Authorization: L402",
        "Authorization: L402 ",
        "Authorization: L402 \t\t",
        "Macaroon: \xe9",
        "Macaroon: 00",
        "Authorization: L402 " + "A" * 5000,
        "Grpc_Metadata_Macaroon: 0201",
        "X: y",
    ],
)
def test_bytes_that_are_no_credential_open_nothing(server: Served, field: str) -> None:
    reply = server.ask("/a", field)
    assert reply.status in (400, 401), reply
    assert "L402 version" in reply.head or reply.code is None or reply.status == 400


def test_a_refusal_names_what_is_taken(server: Served) -> None:
    reply = server.ask("/a")
    assert (reply.status, reply.code) == (401, "ERR_TOKEN_MISSING")
    head = reply.head.lower()
    assert 'www-authenticate: l402 version="0", caveats="agent' in head
    assert "content-type: application/problem+json" in head
    assert "cache-control: no-store" in head


def test_methods_are_told_apart(server: Served) -> None:
    credential = bearing(mint(endpoints=[f"GET {LOCATION}/a"]))
    assert server.ask("/a", credential, "Content-Length: 0", method="POST").status == 403
    # GET stands for HEAD too (spec page 2 §3).
    assert server.ask("/a", credential, method="HEAD").status == 200
    # Servers of ASGI may write it in upper case, for the handler too.
    assert server.ask("/a", credential, method="post").status in (400, 403, 405)
    assert server.ask("/a", bearing(mint()), method="TRACE").status in (400, 405, 501)
    assert server.ask("/a", credential).status == 200


def test_uses_are_counted_over_connections(server: Served) -> None:
    credential = bearing(mint(max_uses=2))
    assert [server.ask("/a", credential).status for _ in range(3)] == [200, 200, 401]


def test_a_holder_revokes_with_a_body_in_pieces(server: Served) -> None:
    root = Credential.parse(mint(agent="booker"))
    child = root.delegate(agent="scout")
    assert server.ask("/a", bearing(child.text)).status == 200
    body = json.dumps({"caveats": list(child.caveats_below(root) or ())}).encode()
    head = [
        "POST /.well-known/l402/revocations HTTP/1.1",
        "Host: api",
        "Connection: close",
        bearing(root.text),
        f"Content-Length: {len(body)}",
    ]
    reply = server.raw("\r\n".join([*head, "", ""]).encode() + body)
    assert reply.status == 200, reply
    assert server.ask("/a", bearing(child.text)).status == 401
    assert server.ask("/a", bearing(root.text)).status == 200


def test_a_websocket_is_judged_before_it_is_accepted(asgi_server: Served) -> None:
    if importlib.util.find_spec("wsproto") is None:
        pytest.skip("no library of WebSockets is installed")

    def open_with(*fields: str, target: str = "/ws") -> Reply:
        return asgi_server.raw(
            "\r\n".join(
                [
                    f"GET {target} HTTP/1.1",
                    "Host: api",
                    "Upgrade: websocket",
                    "Connection: Upgrade",
                    "Sec-WebSocket-Version: 13",
                    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                    *fields,
                    "",
                    "",
                ]
            ).encode()
        )

    credential = mint(endpoints=[f"GET {LOCATION}/ws"], max_uses=1)
    assert open_with(bearing(credential), target="/other").status == 403
    assert open_with().status in (401, 403)
    assert open_with(bearing(credential)).status == 101
    assert open_with(bearing(credential)).status in (401, 403)


def test_http_2_names_its_target_in_pseudo_headers() -> None:
    pytest.importorskip("h2")
    pytest.importorskip("hypercorn")
    import httpx2

    served = Served("hypercorn")
    client = httpx2.Client(http1=False, http2=True)
    try:
        url = f"http://127.0.0.1:{served.port}"
        field = {"authorization": f"L402 {mint(endpoints=[f'GET {LOCATION}/a'])}"}
        reply = client.get(f"{url}/a?x=1", headers=field)
        assert (reply.http_version, reply.status_code) == ("HTTP/2", 200)
        assert client.get(f"{url}/b", headers=field).status_code == 403
        assert client.get(f"{url}/a").status_code == 401
    finally:
        client.close()
        served.stop()


@pytest.mark.parametrize(
    ("name", "sent", "public"),
    [
        ("uvicorn --root-path", "/a", "/api/a"),
        ("uvicorn behind a prefix", "/a", "/api/a"),
        ("gunicorn behind a prefix", "/a", "/api/a"),
        ("uvicorn mounted", "/sub/a", "/sub/a"),
        ("gunicorn mounted", "/sub/a", "/sub/a"),
        ("gunicorn nested, mounted", "/sub/a", "/sub/a"),
        ("gunicorn mounted by SCRIPT_NAME", "/api/a", "/api/a"),
    ],
)
def test_below_a_prefix_or_a_mount_the_public_path_is_judged(
    name: str, sent: str, public: str
) -> None:
    for served in _server(name):
        right = bearing(mint(endpoints=[f"GET {LOCATION}{public}"]))
        for wrong in ("/a", "/api/api/a", "/sub/sub/a", "/api/sub/a", "/x"):
            if wrong != public:
                credential = bearing(mint(endpoints=[f"GET {LOCATION}{wrong}"]))
                assert served.ask(sent, credential).status == 403, wrong
        assert served.ask(sent, right).status == 200
        assert served.ask(f"{sent}%2f", right).status == 400


def test_no_field_of_a_request_says_which_part_of_the_path_is_served(server: Served) -> None:
    """Gunicorn takes SCRIPT_NAME of each peer that it trusts, and Daphne its own field."""
    public = bearing(mint(endpoints=[f"* {LOCATION}/public/*"]))
    prefix = "/public"
    for field in (
        *("SCRIPT_NAME", "Script-Name", "PATH_INFO", "X-Script-Name", "X-Forwarded-Prefix"),
        *("Daphne-Root-Path", "REQUEST_URI", "RAW_URI", "X-Original-URI", "X-Rewrite-URL"),
    ):
        for value in (prefix, f"{prefix}/", "/", "/admin", ""):
            reply = server.ask("/public/admin", public, f"{field}: {value}")
            if reply.status == 200:
                assert (reply.seen["mount"], reply.seen["path"]) == ("", "/public/admin"), field
            else:
                assert reply.status in (400, 500), (field, value, reply)
    assert server.ask("/public/admin", public).status == 200


def test_head_has_no_body(server: Served) -> None:
    """Some servers send what an application answers to HEAD."""
    credential = bearing(mint(max_uses=1))
    for _ in range(2):
        reply = server.ask("/a", credential, method="HEAD")
        assert (reply.status, reply.body) == (200, b"")
    assert server.ask("/a", method="HEAD").body == b""
    assert server.ask("/a", credential).seen["path"] == "/a"
    assert server.ask("/a", credential).status == 401


@pytest.mark.parametrize("closes", ["both sides", "its side"])
def test_a_client_that_left_before_the_head_has_used_nothing(
    asgi_server: Served, closes: str
) -> None:
    """Handlers do not ask whether their client is there; servers of ASGI can tell."""
    credential = mint(max_uses=1)
    lines = ["GET /slow HTTP/1.1", "Host: api", bearing(credential), "", ""]
    with socket.create_connection(("127.0.0.1", asgi_server.port), timeout=20) as it:
        it.sendall("\r\n".join(lines).encode())
        time.sleep(0.05)
        received = b""
        if closes == "its side":
            it.shutdown(socket.SHUT_WR)
            received = it.recv(65536)
    time.sleep(0.4)
    is_answered = received != b""
    assert (asgi_server.ask("/a", bearing(credential)).status == 401) == is_answered
