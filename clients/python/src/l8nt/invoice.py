"""Reads what a BOLT 11 invoice asks: its network, amount, payment hash and end. Its signature is
not verified: who pays it does that, which is the treasury.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .amount import MAX_MSAT, Amount
from .errors import ChallengeError

_MAX_CHARACTERS = 7089
"""As many as the largest QR code holds. lnd refuses longer ones too."""
_LINK = re.compile(r"lightning:(?://)?", re.ASCII | re.IGNORECASE)
# `lnbcrt…` cannot match as `lnbc` with a remainder [case 66]. Zeros may lead the amount, as in lnd.
_PREFIX = re.compile(r"ln(bcrt|bc|tbs|tb|sb)(?:0*([0-9]{1,20})([munp]?))?")
_MSAT = {"": 10**11, "m": 10**8, "u": 10**5, "n": 10**2}
"""In one unit of each multiplier. A pico-bitcoin is a tenth of a msat."""

_CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM_WORDS = 6
_TIMESTAMP_WORDS = 7
_SIGNATURE_WORDS = 104
_HASH_WORDS = 52
_DEFAULT_EXPIRY_SECONDS = 3600
_MAX_SAFE = 2**53 - 1

_PAYMENT_HASH, _FEATURES, _EXPIRY, _DESCRIPTION = 1, 5, 6, 13
_PAYMENT_SECRET, _BLINDED_PATH, _DESCRIPTION_HASH = 16, 20, 23
_KNOWN_FEATURES = frozenset((8, 14, 16, 24, 36, 48, 262))
"""By their even bit: those of BOLT 9 that may stand in an invoice, and of bLIP 39."""


@dataclass(frozen=True, slots=True)
class UnverifiedInvoice:
    """An invoice whose signature nobody has verified. Never pay it for what it says here."""

    text: str = field(repr=False)
    """In lower case, without ``lightning:``."""
    network: str
    """As the prefix names it: ``bc``, ``tb``, ``tbs``, ``sb`` or ``bcrt``."""
    amount: Amount | None
    """``None`` if it names none."""
    payment_hash: str
    """Hex."""
    expires_at: int
    """Unix seconds."""


def read_invoice(text: str) -> UnverifiedInvoice:
    """Reads an invoice, also as a ``lightning:`` link, by every rule that decides what it asks.

    Raises ChallengeError ``ERR_INVOICE_MALFORMED``, which does not show it.
    """
    link = _LINK.match(text)
    bare = text[link.end() :] if link else text
    if len(bare) > _MAX_CHARACTERS:
        raise _malformed(f"it is longer than {_MAX_CHARACTERS} characters")
    prefix, words = _bech32(bare)
    match = _PREFIX.fullmatch(prefix)
    if match is None:
        raise _malformed("its prefix does not have a network and an amount of BOLT 11")
    amount = None if match[2] is None else _amount_of(int(match[2]), match[3])
    if len(words) < _TIMESTAMP_WORDS + _SIGNATURE_WORDS:
        raise _malformed("it is too short")
    tags = _tags_of(words[_TIMESTAMP_WORDS:-_SIGNATURE_WORDS])
    payment_hash = tags.get(_PAYMENT_HASH)
    if payment_hash is None:
        raise _malformed("it has no payment hash")
    # A blinded path brings its own secret.
    if _PAYMENT_SECRET not in tags and _BLINDED_PATH not in tags:
        raise _malformed("it has no payment secret")
    if (_DESCRIPTION in tags) == (_DESCRIPTION_HASH in tags):
        raise _malformed("it must have either a description or the hash of one")
    _demand_known(tags.get(_FEATURES, []))
    expiry = tags.get(_EXPIRY)
    expiry_seconds = _DEFAULT_EXPIRY_SECONDS if expiry is None else _integer_of(expiry)
    expires_at = _integer_of(words[:_TIMESTAMP_WORDS]) + expiry_seconds
    if expires_at > _MAX_SAFE:
        raise _malformed("its expiry is too far in the future")
    # 52 words are 260 bits: 256, and 4 of padding.
    paid = _integer_of(payment_hash)
    if paid & 0b1111:
        raise _malformed("the padding of a field is not zero")
    return UnverifiedInvoice(bare.lower(), match[1], amount, f"{paid >> 4:064x}", expires_at)


def _amount_of(count: int, multiplier: str) -> Amount:
    if multiplier == "p" and count % 10 != 0:
        raise _malformed("the amount has a fraction of a millisatoshi")
    msat = count // 10 if multiplier == "p" else count * _MSAT[multiplier]
    if msat > MAX_MSAT:
        raise _malformed("the amount is more than 21 million bitcoin")
    return Amount("msat", msat)


def _bech32(text: str) -> tuple[str, list[int]]:
    """The prefix, in lower case, and the words without the checksum (BIP 173)."""
    lower = text.lower()
    prefix, _, data = lower.rpartition("1")
    is_one_case = text.isascii() and text in (lower, text.upper())
    if is_one_case and prefix and len(data) >= _CHECKSUM_WORDS and not set(data) - set(_CHARSET):
        words = [_CHARSET.index(one) for one in data]
        codes = prefix.encode()
        expanded = [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]
        if _polymod([*expanded, *words]) == 1:
            return prefix, words[:-_CHECKSUM_WORDS]
    raise _malformed("it is not bech32, or its checksum is wrong")


def _polymod(values: list[int]) -> int:
    checksum = 1
    for value in values:
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for at, generator in enumerate(_GENERATOR):
            if top >> at & 1:
                checksum ^= generator
    return checksum


def _tags_of(words: list[int]) -> dict[int, list[int]]:
    """The words of each field. The first one counts, as in lnd and Core Lightning, so a wallet
    never pays another hash than the one that was shown. Hashes of another length are skipped.
    """
    tags: dict[int, list[int]] = {}
    at = 0
    while at < len(words):
        size = words[at + 1] * 32 + words[at + 2] if at + 2 < len(words) else len(words)
        end = at + 3 + size
        if end > len(words):
            raise _malformed("a field runs past its end")
        is_hash = words[at] in (_PAYMENT_HASH, _PAYMENT_SECRET, _DESCRIPTION_HASH)
        if not is_hash or size == _HASH_WORDS:
            tags.setdefault(words[at], words[at + 3 : end])
        at = end
    return tags


def _demand_known(words: list[int]) -> None:
    """Readers may ignore an odd feature and must understand an even one."""
    for bit in range(0, 5 * len(words), 2):
        is_set = words[-1 - bit // 5] >> bit % 5 & 1
        if is_set and bit not in _KNOWN_FEATURES:
            raise _malformed(f"it requires the unknown feature {bit}")


def _integer_of(words: list[int]) -> int:
    value = 0
    for word in words:
        value = value << 5 | word
    return value


def _malformed(what: str) -> ChallengeError:
    return ChallengeError("ERR_INVOICE_MALFORMED", f"Malformed invoice: {what}. Nothing was paid.")
