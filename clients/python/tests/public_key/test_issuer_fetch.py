"""Which addresses an issuer is asked at, and what is read of its answer. Nothing but this machine
is reached here. [case 78]
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from l8nt.errors import SigilError
from l8nt.public_key import IssuerDirectory, IssuerFetch, IssuerKey, PageAnswer, write_key_page
from l8nt.public_key.public_address import is_public

PATH = "/.well-known/biscuit-web-keys"
KEY = IssuerKey(1, bytes(32))


class Server:
    """Answers each connection with the same bytes, and keeps what it was sent."""

    def __init__(self, answer: bytes, context: ssl.SSLContext | None = None) -> None:
        self.received: list[bytes] = []
        self.answer = answer
        self._context = context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            try:
                if self._context is not None:
                    connection = self._context.wrap_socket(connection, server_side=True)
                self.received.append(connection.recv(65_536))
                connection.sendall(self.answer)
            except OSError:
                pass
            finally:
                connection.close()

    def close(self) -> None:
        # So that the thread that accepts connections lets go of the port.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@contextmanager
def serving(answer: bytes, context: ssl.SSLContext | None = None) -> Generator[Server]:
    server = Server(answer, context)
    try:
        yield server
    finally:
        server.close()


def http(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    head = "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""])
    return head.encode() + body


def no_resolver(host: str, port: int) -> list[str]:
    raise AssertionError(f"{host} must not be looked up")


def resolving(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda _host, _port: list(addresses)


EVER = [
    ("loopback", ["127.0.0.1"]),
    ("loopback of IPv6", ["::1"]),
    ("loopback, mapped", ["::ffff:127.0.0.1"]),
    ("loopback behind NAT64", ["64:ff9b::7f00:1"]),
    ("no host", ["0.0.0.0"]),
    ("no host of IPv6", ["::"]),
    ("the metadata of a cloud", ["169.254.169.254"]),
    ("that, behind NAT64", ["64:ff9b::a9fe:a9fe"]),
    ("that, by 6to4", ["2002:a9fe:a9fe::1"]),
    ("that, by ISATAP", ["2d00:16::5efe:a9fe:a9fe"]),
    ("a link-local address of IPv6", ["fe80::1"]),
    ("one with a zone", ["2d00:16::1%eth0"]),
    ("multicast", ["224.0.0.1"]),
    ("multicast of IPv6", ["ff02::1"]),
    ("documentation", ["203.0.113.1"]),
    ("a public and a loopback address", ["2d00:16::1", "127.0.0.1"]),
    ("a loopback and a public address", ["127.0.0.1", "2d00:16::1"]),
    ("no address", ["localhost"]),
]
PRIVATE = [
    ("10.0.0.0/8", ["10.1.2.3"]),
    ("172.16.0.0/12", ["172.16.0.1"]),
    ("192.168.0.0/16", ["192.168.1.1"]),
    ("100.64.0.0/10", ["100.64.0.1"]),
    ("fc00::/7", ["fd12::1"]),
    ("10.0.0.0/8, mapped", ["::ffff:10.1.2.3"]),
    ("10.0.0.0/8 behind NAT64", ["64:ff9b::a01:203"]),
    ("a public and a private address", ["2d00:16::1", "fd12::1"]),
]


@pytest.fixture(autouse=True)
def _nothing_is_connected_to_but_loopback(monkeypatch: pytest.MonkeyPatch) -> None:  # pyright: ignore[reportUnusedFunction]
    connect = socket.create_connection

    def guarded(address: tuple[str, int], timeout: float) -> socket.socket:
        assert address[0] == "127.0.0.1", f"{address} was connected to"
        return connect(address, timeout)

    monkeypatch.setattr(socket, "create_connection", guarded)


@pytest.mark.parametrize(("name", "addresses"), EVER + PRIVATE)
def test_a_name_that_leads_to_what_is_not_public_is_asked_for_nothing(
    name: str, addresses: list[str]
) -> None:
    with pytest.raises(SigilError) as caught:
        IssuerFetch(resolve=resolving(*addresses))(f"https://treasury.example{PATH}")
    assert caught.value.code == "ERR_KEYS_ADDRESS", name
    assert "allow_private_issuers=True" in str(caught.value)


@pytest.mark.parametrize(("name", "addresses"), EVER)
def test_nor_with_the_permission_for_private_networks(name: str, addresses: list[str]) -> None:
    fetch = IssuerFetch(allow_private=True, resolve=resolving(*addresses))
    with pytest.raises(SigilError) as caught:
        fetch(f"https://treasury.example{PATH}")
    assert caught.value.code == "ERR_KEYS_ADDRESS", name


@pytest.mark.parametrize(("name", "addresses"), PRIVATE)
def test_the_permission_is_for_private_networks(name: str, addresses: list[str]) -> None:
    assert all(is_public(one, allow_private=True) for one in addresses), name
    assert not all(map(is_public, addresses)), name


@pytest.mark.parametrize(
    "address",
    ["2d00:16::1", "8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "172.32.0.1", "11.0.0.1"],
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("name", ["localhost.example", "a.localhost"])
def test_a_name_that_is_localhost_in_part_is_a_name(name: str) -> None:
    with pytest.raises(SigilError) as caught:
        IssuerFetch(resolve=resolving("127.0.0.1"))(f"https://{name}{PATH}")
    assert caught.value.code == "ERR_KEYS_ADDRESS"


def test_localhost_is_on_this_machine() -> None:
    with pytest.raises(SigilError) as caught:
        IssuerFetch(resolve=resolving("10.0.0.1"))(f"http://localhost:8080{PATH}")
    assert caught.value.code == "ERR_KEYS_ADDRESS"
    assert "not on this machine" in str(caught.value)


def page(port: int, host: str = "127.0.0.1") -> bytes:
    return write_key_page(f"http://{host}:{port}", [KEY]).encode()


def test_an_issuer_that_is_listed_by_its_address_is_asked_there_by_no_resolver() -> None:
    with serving(b"") as probe:
        port = probe.port
    with serving(http(b"[]", "Content-Length: 2")) as server:
        answer = IssuerFetch(resolve=no_resolver)(f"http://127.0.0.1:{server.port}{PATH}")
    assert port != 0
    assert (answer.status, answer.body) == (200, b"[]")
    request = server.received[0].decode().lower()
    assert request.startswith(f"get {PATH} http/1.1\r\n")
    assert f"host: 127.0.0.1:{server.port}\r\n" in request
    assert "accept-encoding: identity\r\n" in request


def test_localhost_is_asked_on_this_machine() -> None:
    with serving(http(b"[]")) as server:
        fetch = IssuerFetch(resolve=resolving("127.0.0.1"))
        assert fetch(f"http://localhost:{server.port}{PATH}").body == b"[]"


@pytest.mark.parametrize(
    ("name", "answer", "expected"),
    [
        ("chunks", http(b"2\r\n[]\r\n0\r\n\r\n", "Transfer-Encoding: chunked"), b"[]"),
        ("until it ends", http(b"[] "), b"[] "),
        ("65,536 bytes", http(b"[]".ljust(65_536)), b"[]".ljust(65_536)),
        ("more, of which one byte more is read", http(bytes(70_000)), bytes(65_537)),
    ],
)
def test_an_answer_is_read_as_it_was_sent(name: str, answer: bytes, expected: bytes) -> None:
    with serving(answer) as server:
        read = IssuerFetch()(f"http://127.0.0.1:{server.port}{PATH}")
    assert read.body == expected, name


def test_a_redirect_is_not_followed() -> None:
    with serving(http(b"", "Location: /other", status="302 Found")) as server:
        read = IssuerFetch()(f"http://127.0.0.1:{server.port}{PATH}")
        assert (read.status, len(server.received)) == (302, 1)


def test_fields_of_an_answer_are_joined_whatever_their_case() -> None:
    lines = ("Cache-Control: public", "cache-control: max-age=600", "AGE: 5")
    with serving(http(b"[]", *lines)) as server:
        read = IssuerFetch()(f"http://127.0.0.1:{server.port}{PATH}")
    assert read.headers["cache-control"] == "public, max-age=600"
    assert read.headers["age"] == "5"


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("ERR_KEYS_TOO_LARGE", http(b"[]", "Content-Length: 65537")),
        ("ERR_KEYS_TOO_LARGE", http(bytes(65_537))),
        ("ERR_KEYS_STATUS", http(b"[]", status="404 Not Found")),
        ("ERR_KEYS_REDIRECT", http(b"", "Location: /", status="301 Moved")),
        ("ERR_KEYS_UNREACHABLE", b"no HTTP at all\r\n\r\n"),
        ("ERR_KEYS_UNREACHABLE", b""),
        ("ERR_KEYS_UNREACHABLE", http(b"[]", "Content-Length: 3")),
        ("ERR_KEYS_UNREACHABLE", http(b"2\r\n[]\r\n", "Transfer-Encoding: chunked")),
        ("ERR_KEYS_MALFORMED", http(b"[")),
    ],
)
def test_what_is_wrong_is_told_to_the_operator(code: str, answer: bytes) -> None:
    alarms: list[object] = []
    with serving(answer) as server:
        issuer = f"http://127.0.0.1:{server.port}"
        directory = IssuerDirectory([issuer], alarm=lambda _, cause: alarms.append(cause))
        load = directory.load(issuer, 1)
        assert load is not None
        load()
    with pytest.raises(SigilError) as caught:
        directory.find(issuer, 1)
    assert caught.value.code == "ERR_KEYS_UNREACHABLE"
    assert [one.code for one in alarms if isinstance(one, SigilError)] == [code]


def test_a_directory_fetches_the_keys_of_an_issuer_in_a_thread() -> None:
    with serving(b"") as server:
        issuer = f"http://127.0.0.1:{server.port}"
        server.answer = http(page(server.port))
        directory = IssuerDirectory([issuer])
        load = directory.load(issuer, 1)
        assert load is not None
        load()
    assert directory.find(issuer, 1) == KEY.public_key
    assert directory.load(issuer, 1) is None


def test_a_port_that_nobody_listens_at_is_unreachable() -> None:
    with serving(b"") as server:
        port = server.port
    with pytest.raises(OSError, match="refused"):
        IssuerFetch()(f"http://127.0.0.1:{port}{PATH}")


class Slow:
    """A clock that goes on by 3 seconds at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 3
        return self.now


def test_all_of_an_answer_has_ten_seconds_however_slowly_it_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("l8nt.public_key.issuer_fetch.monotonic", Slow())
    with serving(http(bytes(60_000))) as server, pytest.raises(SigilError) as caught:
        IssuerFetch()(f"http://127.0.0.1:{server.port}{PATH}")
    assert caught.value.code == "ERR_KEYS_SLOW"


def certificate(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The contexts of a server of this name, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(
        cadata=made.public_bytes(serialization.Encoding.PEM).decode()
    )
    return server, client


def test_tls_is_verified_for_the_name_of_the_issuer(tmp_path: Path) -> None:
    server_context, client_context = certificate(tmp_path, "localhost")
    with serving(http(b"[]"), server_context) as server:

        def fetch(host: str, context: ssl.SSLContext | None) -> PageAnswer:
            fetcher = IssuerFetch(resolve=resolving("127.0.0.1"), context=context)
            return fetcher(f"https://{host}:{server.port}{PATH}")

        assert fetch("localhost", client_context).body == b"[]"
        with pytest.raises(ssl.SSLCertVerificationError):
            fetch("127.0.0.1", client_context)
        with pytest.raises(ssl.SSLCertVerificationError):
            fetch("localhost", None)
