"""Verifies exports of a treasury's receipts. spec/6-receipts.md."""

from .export import ReceiptReader, verify_export
from .key import ReceiptKey
from .path_class import path_class
from .read import EarlierReceipts, Receipt, ReceiptHead

__all__ = [
    "EarlierReceipts",
    "Receipt",
    "ReceiptHead",
    "ReceiptKey",
    "ReceiptReader",
    "path_class",
    "verify_export",
]
