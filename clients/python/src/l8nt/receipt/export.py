"""Verifies an export: one signed receipt a line, and a signed head as the last line, which shows
that no line was removed at the end. spec/6-receipts.md §4, §5.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import sha256

from ..errors import ReceiptCode, ReceiptError
from .key import ReceiptKey
from .read import NO_RECEIPT, Receipt, ReceiptHead, read_line

_MAX_LINE_BYTES = 65_536
"""Far more than the longest receipt. A longer line would only exhaust memory."""


class ReceiptReader:
    """Reads an export line by line, with the public key alone.

        reader = ReceiptReader(public_key)
        for receipt in reader.read(open("receipts.jsonl", "rb")):
            ...
        reader.head.count

    Raises TypeError for a public key that is none.
    """

    def __init__(self, public_key: str) -> None:
        self._key = ReceiptKey(public_key)
        self._paid: set[str] = set()
        self._last = NO_RECEIPT
        self.head: ReceiptHead | None = None
        """The head; ``None`` until the whole export was read."""

    def read(self, chunks: Iterable[bytes]) -> Iterator[Receipt]:
        """The receipts of an export, from its bytes in chunks of any size; a file is one. Use what
        was made of them only if nothing is raised up to the end.

        Raises ReceiptError for the first line at fault: ``ERR_RECEIPT_MALFORMED``,
        ``ERR_RECEIPT_KEY``, ``ERR_RECEIPT_FORGED``, ``ERR_RECEIPT_REPEATED``,
        ``ERR_RECEIPT_CHAIN``, ``ERR_RECEIPT_HEAD``; ``ERR_RECEIPT_LOST`` at the end where every
        line is genuine, and the head says that receipts of another history are missing.
        """
        for line in _lines_of(chunks):
            if self.head is not None:
                raise ReceiptError(
                    "ERR_RECEIPT_HEAD",
                    len(self._paid) + 2,
                    "it stands after the head, which is the last line",
                )
            said = self._verified(line)
            if isinstance(said, Receipt):
                yield self._follow(line, said)
            else:
                self.head = self._end(said)
        if self.head is None:
            raise self._fault(
                "ERR_RECEIPT_HEAD",
                "the export ends before its head, so that its end is missing",
            )
        _demand_nothing_lost(self.head)

    def _verified(self, line: str) -> Receipt | ReceiptHead:
        read = read_line(line)
        if isinstance(read, str):
            raise self._fault("ERR_RECEIPT_MALFORMED", read)
        said = read.said
        if said.key_id != self._key.key_id:
            raise self._fault(
                "ERR_RECEIPT_KEY",
                f"key {said.key_id} signed it, and key {self._key.key_id} was asked for",
            )
        if not self._key.verifies(read.signed, read.signature):
            raise self._fault(
                "ERR_RECEIPT_FORGED", "its signature is not valid, so that it was altered"
            )
        return said

    def _follow(self, line: str, receipt: Receipt) -> Receipt:
        if receipt.payment_hash in self._paid:
            raise self._fault("ERR_RECEIPT_REPEATED", "an earlier receipt is of the same payment")
        following = len(self._paid) + 1
        if receipt.seq != following:
            raise self._fault(
                "ERR_RECEIPT_CHAIN",
                f"it is receipt {receipt.seq}, and {following} was expected: one is missing or out "
                "of place",
            )
        if receipt.previous != self._last:
            raise self._fault(
                "ERR_RECEIPT_CHAIN",
                "it does not follow the receipt before it: it belongs to another chain",
            )
        self._paid.add(receipt.payment_hash)
        self._last = sha256(line.encode()).hexdigest()
        return receipt

    def _end(self, head: ReceiptHead) -> ReceiptHead:
        count = len(self._paid)
        if head.count != count:
            raise self._fault(
                "ERR_RECEIPT_HEAD",
                f"the head counts {head.count} receipts, and {count} stand before it: some are "
                "missing or too many",
            )
        if head.last != self._last:
            raise self._fault(
                "ERR_RECEIPT_HEAD", "the head follows another receipt than the one before it"
            )
        return head

    def _fault(self, code: ReceiptCode, what: str) -> ReceiptError:
        return ReceiptError(code, len(self._paid) + 1, what)


def verify_export(chunks: Iterable[bytes], public_key: str) -> ReceiptHead:
    """The head of a complete export that the key signed. ``chunks``: its bytes, in chunks of any
    size; a file that was opened in binary mode is one.

    Raises ReceiptError as ``ReceiptReader.read``, TypeError for a public key that is none.
    """
    reader = ReceiptReader(public_key)
    for _ in reader.read(chunks):
        pass
    if reader.head is None:
        raise AssertionError("an export without a head is refused")
    return reader.head


def _demand_nothing_lost(head: ReceiptHead) -> None:
    """A backup was restored: receipts made after it are missing, however the chain went on."""
    if head.earlier:
        lost = ", and ".join(
            f"{one.kept + 1} to {one.count} of a history that ends with {one.last}"
            for one in head.earlier
        )
        raise ReceiptError(
            "ERR_RECEIPT_LOST",
            head.count + 1,
            "the books were restored from a backup, and the same key signed receipts that are "
            f"missing here: numbers {lost}",
        )


def _lines_of(chunks: Iterable[bytes]) -> Iterator[str]:
    """Splits at line feeds only. The last line need not end with one. A carriage return is part of
    its line, so it makes the line a different text.
    """
    number = 1
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield _line_text(line, number)
            number += 1
        if len(rest) > _MAX_LINE_BYTES:
            raise _too_long(number)
    if rest:
        yield _line_text(rest, number)


def _line_text(line: bytes, number: int) -> str:
    if len(line) > _MAX_LINE_BYTES:
        raise _too_long(number)
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise ReceiptError("ERR_RECEIPT_MALFORMED", number, "it is not UTF-8") from None


def _too_long(number: int) -> ReceiptError:
    return ReceiptError(
        "ERR_RECEIPT_MALFORMED", number, f"it is longer than {_MAX_LINE_BYTES} bytes"
    )
