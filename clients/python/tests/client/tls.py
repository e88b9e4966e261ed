"""HTTPS servers of this machine whose certificates nobody knows."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Answer = tuple[int, Mapping[str, str], bytes]


@dataclass
class TlsServer:
    """A server, and what it was sent."""

    url: str
    authority: str
    """A file that has its certificate."""
    received: list[tuple[str, str | None]] = field(default_factory=list[tuple[str, "str | None"]])
    """The path and the ``Authorization`` of each request."""


@contextmanager
def tls_server(
    directory: Path, name: str, answer: Callable[[str, str | None], Answer]
) -> Generator[TlsServer]:
    """A server of ``localhost`` that answers a path and an ``Authorization``."""
    certificate = directory / f"{name}.pem"
    certificate.write_bytes(_certificate(name))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            made.received.append((self.path, self.headers["authorization"]))
            self.rfile.read(int(self.headers["content-length"] or 0))
            status, headers, body = answer(self.path, self.headers["authorization"])
            self.send_response(status)
            for field_name, value in headers.items():
                self.send_header(field_name, value)
            self.send_header("content-length", str(len(body)))
            self.send_header("connection", "close")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_POST = do_GET  # noqa: N815 - the name that http.server calls.

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base.
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def finish_request(self, request: object, client_address: object) -> None:
            # The handshake is the thread's own: one that fails must not end the server.
            try:
                secure = context.wrap_socket(request, server_side=True)  # type: ignore[arg-type] - a socket
            except OSError:
                return
            try:
                super().finish_request(secure, client_address)  # type: ignore[arg-type] - as it came
            finally:
                secure.close()

        def handle_error(self, request: object, client_address: object) -> None:
            """A client may go away."""

    server = Server(("127.0.0.1", 0), Handler)
    made = TlsServer(f"https://localhost:{server.server_port}", str(certificate))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(name: str) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return private + made.public_bytes(serialization.Encoding.PEM)
