"""The tables and the worked example of spec/6-receipts.md."""

import json
import re
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from tests.repository import blocks_of, table_cells, text_of

from l8nt._ed25519 import Signer
from l8nt.errors import ReceiptError
from l8nt.receipt import Receipt, ReceiptReader, path_class, verify_export
from l8nt.receipt.jcs import canonical
from l8nt.receipt.key import ReceiptKey

PAGE = text_of("spec/6-receipts.md")
SIGNED, EXPORT = (one for one in blocks_of(PAGE) if one.startswith('{"amount"'))
LINES = EXPORT.split("\n")
[PUBLIC_KEY] = table_cells(PAGE, "public key")
SIGNER = Signer(bytes.fromhex(table_cells(PAGE, "seed")[0]))


def test_each_path_has_the_class_that_the_page_states() -> None:
    section = PAGE[PAGE.index("## 2. ") : PAGE.index("## 3. ")]
    rows = re.findall(r"^\| `(.+?)` \| `(.+?)` \|$", section, re.MULTILINE)
    assert len(rows) == 6
    for path, expected in rows:
        assert path_class(path) == expected


def test_a_class_has_16_segments_at_most() -> None:
    assert path_class("/a" * 16) == "/a" * 16
    assert path_class("/a" * 17) == "/a" * 16 + "/**"


def test_the_key_the_text_and_the_hashes_of_the_page() -> None:
    assert SIGNER.public_key.hex() == PUBLIC_KEY
    assert [ReceiptKey(PUBLIC_KEY).key_id] == table_cells(PAGE, "key id")
    receipt = json.loads(LINES[0])
    assert SIGNER.sign(SIGNED.encode()).hex() == receipt.pop("signature")
    assert canonical(receipt) == SIGNED
    assert [sha256(LINES[0].encode()).hexdigest()] == table_cells(PAGE, "hash of the first receipt")
    assert [sha256(LINES[1].encode()).hexdigest()] == table_cells(PAGE, "hash of the second")


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("end", ["", "\n"])
def test_the_export_of_the_page_holds_in_chunks_of_any_size(size: int, end: str) -> None:
    data = (EXPORT + end).encode()
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    head = verify_export(chunks, PUBLIC_KEY)
    assert (head.count, head.at) == (2, 1_893_459_600)
    reader = ReceiptReader(PUBLIC_KEY)
    receipts = list(reader.read(chunks))
    assert [(one.lineage, one.amount.value, one.path_class) for one in receipts] == [
        (("planner", "scout"), 10_000, "/forecast/*"),
        (("planner",), 2500, "/routes"),
    ]
    assert all(isinstance(one, Receipt) for one in receipts)


def signed(line: str, **members: Any) -> str:
    """A line with other members, signed again."""
    said = {**json.loads(line), **members}
    del said["signature"]
    return canonical({**said, "signature": SIGNER.sign(canonical(said).encode()).hex()})


def fault(lines: list[str], key: str = PUBLIC_KEY) -> str:
    with pytest.raises(ReceiptError) as caught:
        verify_export(["\n".join(lines).encode()], key)
    return f"{caught.value.line} {caught.value.code}"


ONE, TWO, HEAD = LINES
LOST = {"count": 5, "last": "ab" * 32, "kept": 2}
FAULTS: dict[str, tuple[list[str], str]] = {
    "no JSON": (["{", TWO, HEAD], "1 ERR_RECEIPT_MALFORMED"),
    "a blank": ([ONE, TWO.replace(":", ": ", 1), HEAD], "2 ERR_RECEIPT_MALFORMED"),
    "a carriage return": ([ONE + "\r", TWO, HEAD], "1 ERR_RECEIPT_MALFORMED"),
    "another order": ([ONE, json.dumps(json.loads(TWO)), HEAD], "2 ERR_RECEIPT_MALFORMED"),
    "a member twice": ([ONE.replace("{", '{"seq":1,', 1), TWO, HEAD], "1 ERR_RECEIPT_MALFORMED"),
    "a member more": ([signed(ONE, more=1), TWO, HEAD], "1 ERR_RECEIPT_MALFORMED"),
    "a number that is true": ([signed(ONE, seq=True), TWO, HEAD], "1 ERR_RECEIPT_MALFORMED"),
    "two units": (
        [signed(ONE, fee={"unit": "usd_micro", "value": "1"}), TWO, HEAD],
        "1 ERR_RECEIPT_MALFORMED",
    ),
    "a long line": (["x" * 65_537, TWO, HEAD], "1 ERR_RECEIPT_MALFORMED"),
    "another key's id": ([signed(ONE, keyId="00" * 8), TWO, HEAD], "1 ERR_RECEIPT_KEY"),
    "an amount that was changed": (
        [ONE.replace("10000", "90000"), TWO, HEAD],
        "1 ERR_RECEIPT_FORGED",
    ),
    "a payment twice": (
        [ONE, signed(TWO, paymentHash=json.loads(ONE)["paymentHash"]), HEAD],
        "2 ERR_RECEIPT_REPEATED",
    ),
    "the first is missing": ([TWO, HEAD], "1 ERR_RECEIPT_CHAIN"),
    "another order of receipts": ([TWO, ONE, HEAD], "1 ERR_RECEIPT_CHAIN"),
    "another receipt before it": (
        [ONE, signed(TWO, previous="ab" * 32), HEAD],
        "2 ERR_RECEIPT_CHAIN",
    ),
    "the last is missing": ([ONE, HEAD], "2 ERR_RECEIPT_HEAD"),
    "no head": ([ONE, TWO], "3 ERR_RECEIPT_HEAD"),
    "nothing": ([""], "1 ERR_RECEIPT_HEAD"),
    "a line behind the head": ([ONE, TWO, HEAD, HEAD], "4 ERR_RECEIPT_HEAD"),
    "a head of another chain": ([ONE, TWO, signed(HEAD, last="ab" * 32)], "3 ERR_RECEIPT_HEAD"),
    "a restored backup": ([ONE, TWO, signed(HEAD, earlier=[LOST])], "3 ERR_RECEIPT_LOST"),
    "no history": ([ONE, TWO, signed(HEAD, earlier=[])], "3 ERR_RECEIPT_MALFORMED"),
}


@pytest.mark.parametrize(("lines", "expected"), FAULTS.values(), ids=FAULTS.keys())
def test_the_first_fault_is_named(lines: list[str], expected: str) -> None:
    assert fault(lines) == expected


def test_what_is_not_utf8_is_malformed() -> None:
    with pytest.raises(ReceiptError, match="not UTF-8"):
        verify_export([EXPORT.encode(), b"\n\xff"], PUBLIC_KEY)


@pytest.mark.parametrize("key", ["", "ab", "zz" * 32, "00" * 32, "ff" * 32, None])
def test_a_key_that_is_none_is_refused(key: Any) -> None:
    make: Callable[[Any], object] = ReceiptKey
    with pytest.raises(TypeError, match="64 hex digits"):
        make(key)
