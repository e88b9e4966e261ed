"""Signs the requests that present a credential with a ``holder``. spec/9-public-key.md §9."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import AdapterError
from .fields import Fields
from .flow import Flow
from .outgoing import Outgoing, whole

if TYPE_CHECKING:
    from ..holder import HolderKey


class Signer:
    """The key of a client's holder."""

    def __init__(self, key: HolderKey) -> None:
        self._key = key

    def signed(self, request: Outgoing, fields: Fields) -> Flow[tuple[Fields, Outgoing]]:
        """The fields with a new signature, if they present a credential that is bound to the key,
        and the request with its body in memory.

        Raises AdapterError ``ERR_TOO_LARGE`` for a body that is not: its digest is signed before it
        is sent.
        """
        lines = list(fields)
        if not self._key.is_for(lines):
            return fields, request
        request = yield from whole(request)
        if request.streamed is not None:
            raise AdapterError(
                "ERR_TOO_LARGE",
                "A request with a credential that is bound to a key is signed with its body, and "
                "this one is a large stream. Nothing was sent. Send less, or give the bytes.",
            )
        body = request.body or request.large or b""
        signed = self._key.sign(request.method, request.url, lines, body)
        return Fields(signed), request

    def sign(self, method: str, url: str, fields: Fields, body: bytes | None) -> Fields:
        """The fields with a new signature, if they present a credential that is bound to the
        key.
        """
        lines = list(fields)
        if not self._key.is_for(lines):
            return fields
        return Fields(self._key.sign(method, url, lines, body or b""))
