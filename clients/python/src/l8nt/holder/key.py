"""The key of a holder: signs the requests of credentials that are bound to it.
spec/9-public-key.md §9.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from math import floor
from time import time
from urllib.parse import urlsplit

from .._ed25519 import KEY_BYTES, Signer
from .._encoding import base64_text, hex_bytes
from .._secrecy import HoldsSecret
from ..errors import AdapterError
from .bound import presented_texts, thumbprints_of
from .directory import DirectoryAnswer, directory_answer
from .fields import (
    API_KEY_FIELDS,
    KEY_FIELD,
    TAG,
    HeaderFields,
    SignedRequest,
    components_of,
    digest_of,
    joined,
    pairs_of,
    params_text,
    required_in,
    signature_base,
    thumbprint_of,
)

_MAX_BODY_BYTES = 2 * 1024 * 1024
"""An order to a treasury has the body of a request in base64."""
_LIFE_SECONDS = 120
"""Half of it for a clock that is behind that of the verifier."""
_NONCE_BYTES = 64
_LABEL = "sig1"
"""Of the signature, and of its member of ``Signature-Agent``."""
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?|https?://\[[0-9a-f:.]+\](?::[0-9]+)?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_OWN_FIELDS = (KEY_FIELD, "content-digest", "signature-agent", "signature-input", "signature")


class HolderKey(HoldsSecret):
    """An Ed25519 key that credentials are bound to, by the scope ``holder``. Keep it where the
    credential is not: who has both can use the credential.

    ``private_key`` is 64 hex digits or 32 bytes; a new key by default. ``signature_agent`` is the
    origin that publishes ``directory()``, for ``Signature-Agent``. ``clock`` gives Unix seconds.

    Raises TypeError for a key that is none, without repeating it.

    >>> key = HolderKey(os.environ["SIGIL_HOLDER_KEY"])
    >>> child = client.delegate(agent="booker", holder=key.thumbprint)
    >>> booker = Client(credential=child, holder_key=key)
    """

    __slots__ = ("_agent", "_clock", "_signer", "public_key", "thumbprint")

    thumbprint: str
    """What the scope ``holder`` takes."""
    public_key: str
    """64 hex digits."""

    def __init__(
        self,
        private_key: str | bytes | None = None,
        *,
        signature_agent: str | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        seed = hex_bytes(private_key) if isinstance(private_key, str) else private_key
        if private_key is not None and (not isinstance(seed, bytes) or len(seed) != KEY_BYTES):
            raise TypeError(
                "a holder's private key, as of holder_key or SIGIL_HOLDER_KEY, "
                "is 32 bytes, or 64 hex digits"
            )
        if signature_agent is not None and not _is_origin(signature_agent):
            raise TypeError("signature_agent must be an origin, such as https://agent.example")
        self._signer = Signer(seed)
        self._agent = signature_agent
        self._clock = clock
        self.public_key = self._signer.public_key.hex()
        self.thumbprint = thumbprint_of(self._signer.public_key)

    def __repr__(self) -> str:
        return f"<HolderKey {self.thumbprint}>"

    @property
    def _instead(self) -> str:
        return "store export_private_key() where you store secrets"

    def export_private_key(self) -> str:
        """The private key, 64 hex digits: a secret."""
        return self._signer.private_key.hex()

    def directory(self, others: Sequence[HolderKey] = ()) -> DirectoryAnswer:
        """The answer to ``GET /.well-known/http-message-signatures-directory`` at the
        ``signature_agent``, signed by each key that is in it. It ends after a day.

        ``others``: keys that are published with it, such as the one before it, which still signs.

        Raises TypeError without a ``signature_agent``.
        """
        if self._agent is None:
            raise TypeError(
                "a key directory is signed for one origin: give the key its signature_agent, "
                "such as https://agent.example"
            )
        signers = [key.signer for key in (self, *others)]
        return directory_answer(signers, self._agent, floor(self._clock()))

    @property
    def signer(self) -> Signer:
        """Signs with the key. Its ``private_key`` is a secret."""
        return self._signer

    def is_for(self, headers: HeaderFields) -> bool:
        """Whether a request with these fields presents a credential that is bound to this key, as
        clients of this library do, or as an SDK presents its API key.
        """
        return any(self._is_holder_of(text) for text in presented_texts(joined(headers)))

    def _is_holder_of(self, text: str) -> bool:
        return self.thumbprint in thumbprints_of(text)

    def sign(
        self, method: str, url: str, headers: HeaderFields, body: bytes = b""
    ) -> list[tuple[str, str]]:
        """The fields of a request with a new signature: for each try and each redirect anew.

        ``url`` is signed as it is written, so give the one that is sent. ``body`` is what is sent.

        Raises AdapterError ``ERR_TOO_LARGE`` for a body over 2 MiB: its digest is signed before it
        is sent, so it must be in memory.
        """
        if len(body) > _MAX_BODY_BYTES:
            raise AdapterError(
                "ERR_TOO_LARGE",
                "A request with a credential that is bound to a key is signed with its body, of at "
                f"most {_MAX_BODY_BYTES} bytes. Nothing was sent. Send less.",
            )
        kept = [pair for pair in pairs_of(headers) if pair[0].lower() not in _OWN_FIELDS]
        added = {KEY_FIELD: self.public_key}
        if body:
            added["content-digest"] = digest_of(body)
        values = {**joined(kept), **added}
        # Any other text in these fields may be taken out on the way.
        keys = [name for name in API_KEY_FIELDS if self._is_holder_of(values.get(name, ""))]
        components = required_in(values, keys)
        if self._agent is not None:
            added["signature-agent"] = f'{_LABEL}="{self._agent}"'
            components.append(f'"signature-agent";key="{_LABEL}"')
        params, signature = self._signature(
            _request_of(method, url, {**values, **added}), components
        )
        added["signature-input"] = f"{_LABEL}={params}"
        added["signature"] = f"{_LABEL}=:{base64_text(signature)}:"
        return [*kept, *added.items()]

    def _signature(self, request: SignedRequest, components: list[str]) -> tuple[str, bytes]:
        created = floor(self._clock())
        params = params_text(
            components,
            {
                "created": created,
                "expires": created + _LIFE_SECONDS,
                "nonce": base64_text(secrets.token_bytes(_NONCE_BYTES)),
                "keyid": self.thumbprint,
                "alg": "ed25519",
                "tag": TAG,
            },
        )
        base = signature_base(components_of(request), components, params)
        if base is None:
            raise TypeError("a request without a method or a host cannot be signed")
        return params, self._signer.sign(base)


def _is_origin(text: str) -> bool:
    parts = urlsplit(text)
    port = _DEFAULT_PORTS.get(parts.scheme, "")
    return _ORIGIN.fullmatch(text) is not None and not text.endswith(port)


def _request_of(method: str, url: str, headers: dict[str, str]) -> SignedRequest:
    scheme, _, rest = url.partition("://")
    rest = rest.partition("#")[0]
    head, question, query = rest.partition("?")
    host, slash, path = head.partition("/")
    authority = host.rpartition("@")[2].lower().removesuffix(_DEFAULT_PORTS.get(scheme.lower(), ""))
    return SignedRequest(method, authority, slash + path or "/", question + query or "?", headers)
