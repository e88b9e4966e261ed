"""Invoices: the examples of BOLT 11 in spec/vectors/bolt11.json. What is expected of them stands
in their sentences.
"""

import re

import pytest
from tests.repository import json_of

from l8nt import ChallengeError
from l8nt.amount import Amount
from l8nt.invoice import read_invoice

VECTORS = json_of("spec/vectors/bolt11.json")
JUNE_2017 = 1_496_314_658
# Msat, by what the sentence of each example says; the list of things is 20 mBTC.
ASKED = {
    "$3 for a cup": 250_000_000,
    "0.0025 BTC": 250_000_000,
    "$24 for": 2_000_000_000,
    "The same, on testnet": 2_000_000_000,
    "On mainnet": 2_000_000_000,
    "0.00967878534 BTC": 967_878_534,
    "$30 for": 2_500_000_000,
    "Same, ": 2_500_000_000,
    "0.01 BTC": 1_000_000_000,
}
SIGNATURE_ALONE = ("recoverable", "Non canonical signature")


@pytest.mark.parametrize("example", VECTORS["valid"], ids=lambda one: one["about"][:50])
def test_what_an_example_asks(example: dict[str, str]) -> None:
    about, invoice = example["about"], example["invoice"]
    amounts = [msat for words, msat in ASKED.items() if words in about]
    is_open = "any amount" in about or "recovery" in about
    assert len(amounts) == (0 if is_open else 1)
    for text in (invoice, f"lightning:{invoice}", f"LIGHTNING://{invoice.upper()}"):
        read = read_invoice(text)
        assert read.amount == (Amount("msat", amounts[0]) if amounts else None)
        assert read.network == ("tb" if "testnet" in about else "bc")
        assert read.text == invoice.lower()
    if "0.00967878534" not in about:
        assert read.payment_hash == VECTORS["payment_hash"]
        minute = "one minute" in about
        assert read.expires_at == JUNE_2017 + (60 if minute else 3600)


@pytest.mark.parametrize("example", VECTORS["invalid"], ids=lambda one: str(one["about"])[:50])
def test_an_invalid_example_is_refused_and_not_shown(example: dict[str, str]) -> None:
    about, invoice = str(example["about"]), example["invoice"]
    if any(words in about for words in SIGNATURE_ALONE):
        # The treasury verifies signatures before it pays.
        assert read_invoice(invoice).amount is not None
        return
    with pytest.raises(ChallengeError) as caught:
        read_invoice(invoice)
    assert caught.value.code == "ERR_INVOICE_MALFORMED"
    assert invoice[:40] not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "1", "lnbc1", "lnbc1\u0131", "x" * 7090, "lnbc\u0660m1qqqqqq"]
)
def test_what_is_no_invoice_is_refused(text: str) -> None:
    with pytest.raises(ChallengeError):
        read_invoice(text)


def test_no_digit_may_be_changed() -> None:
    [invoice] = {one["invoice"] for one in VECTORS["valid"] if "$3 for" in one["about"]}
    for at in range(len(invoice)):
        changed = "p" if invoice[at] == "q" else "q"
        with pytest.raises(ChallengeError):
            read_invoice(invoice[:at] + changed + invoice[at + 1 :])
    assert re.search("text", repr(read_invoice(invoice))) is None
