"""An L402 challenge: what a service sells, and the invoice that pays for it.
spec/3-challenge.md §1-3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from .._encoding import base64_bytes, base64_text
from ..caveat import Access, CaveatChain, treasury_vocabulary
from ..errors import ChallengeError, Refusal, TokenError
from ..macaroon import UnverifiedMacaroon
from .auth_items import AuthItem, read_challenges
from .elements import is_field_text
from .issuers import write_issuers
from .token import Token, read_token

VERSION = "0"
_SCHEMES = ("l402", "lsat")
_MAX_CHARACTERS = 32_768
_MAX_OFFERS = 8
"""The checks of one offer take milliseconds."""
_MAX_WRITTEN = 3072
"""nginx and others answer 502 in place of a response whose head does not fit in 4 KiB, and the rest
of the head is the framework's.
"""
_OURS = re.compile(r"(?:^|[ \t,])(?:l402|lsat)[ \t]", re.ASCII | re.IGNORECASE)
_INVOICE = re.compile(r"[a-zA-Z0-9]+")
_CONDITION = re.compile(r"[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that a service sells."""

    token: Token
    invoice: str = field(repr=False)
    """BOLT 11 text, unverified."""
    enforced: tuple[str, ...] | None = None
    """The conditions that the service says it enforces; ``None`` if it does not say, or if its
    token has none.
    """

    def certain_refusals(self, access: Access) -> Sequence[Refusal]:
        """The reasons against ``access`` that the credential for sale is certain to have, before
        it is paid for. Nothing is known of another server's token.
        """
        macaroon, payment_hash = self.token.macaroon, self.token.payment_hash
        if macaroon is None or payment_hash is None:
            return ()
        chain = CaveatChain(macaroon.caveats, treasury_vocabulary(), payment_hash)
        return chain.certain_refusals(access)


@dataclass(frozen=True, slots=True)
class Challenge:
    """The challenge of a service that sells macaroons of spec page 1."""

    macaroon: UnverifiedMacaroon
    invoice: str = field(repr=False)
    """BOLT 11 text, unverified."""
    enforced: tuple[str, ...] | None = None
    """The conditions that the service says it enforces; ``None`` if it does not say."""
    issuers: tuple[str, ...] = ()
    """Origins whose credentials the service takes."""

    @staticmethod
    def offers(lines: Sequence[str]) -> list[Offer]:
        """The different L402 offers among the schemes that a response offers, in any order.
        ``L402`` takes precedence over ``LSAT``. Items of other schemes are skipped, also those
        that cannot be read.

        ``lines``: each field line of ``WWW-Authenticate``. A line that leaves a quote open then
        spoils no other one.

        Raises ChallengeError ``ERR_CHALLENGE_MISSING`` if there is none,
        ``ERR_CHALLENGE_MALFORMED``.
        """
        if sum(map(len, lines)) > _MAX_CHARACTERS:
            raise _malformed(f"it has more than {_MAX_CHARACTERS} characters")
        items = [item for line in lines for item in read_challenges(line)]
        for scheme in _SCHEMES:
            found: dict[tuple[str, str], Offer] = {}
            for item in items:
                offer = _read_item(item) if item.scheme == scheme else None
                if offer is not None:
                    found.setdefault((offer.invoice, _in_one_spelling(offer.token.text)), offer)
                if len(found) > _MAX_OFFERS:
                    raise _malformed(f"it holds more than {_MAX_OFFERS} offers")
            if found:
                return list(found.values())
        # A quote that stays open hides what follows it.
        if any(item.is_broken for item in items) and any(map(_OURS.search, lines)):
            raise _malformed("its WWW-Authenticate field is not well-formed")
        raise ChallengeError(
            "ERR_CHALLENGE_MISSING",
            "The service asks for payment without an L402 challenge, so there is nothing that "
            "Sigil can pay.",
        )

    @classmethod
    def parse(cls, lines: Sequence[str]) -> Challenge:
        """The one challenge of a service that sells macaroons of spec page 1.

        Raises ChallengeError ``ERR_CHALLENGE_MISSING``; ``ERR_CHALLENGE_MALFORMED``, also for
        several offers and for a token of another form.
        """
        offer, *others = cls.offers(lines)
        if others:
            raise _malformed("it holds two different challenges")
        if offer.token.macaroon is None:
            raise _malformed("its token is not an L402 macaroon")
        return cls(offer.token.macaroon, offer.invoice, offer.enforced)

    def lines(self) -> list[str]:
        """The lines of ``WWW-Authenticate``, in the order and form that the regular expressions of
        the reference clients expect. Where a long path makes them longer than 3,072 characters,
        the first of these that is enough is left out: ``token``, which repeats ``macaroon``; the
        ``LSAT`` line too; ``caveats`` too; ``issuers`` too.

        Raises TypeError for an invoice, a condition or an issuer that could break out of its
        quotes [case 9].
        """
        if not _INVOICE.fullmatch(self.invoice):
            raise TypeError("an invoice is letters and digits")
        macaroon = base64_text(self.macaroon.encode())
        both = f'macaroon="{macaroon}", invoice="{self.invoice}"'
        caveats = "" if self.enforced is None else f', caveats="{_names(self.enforced)}"'
        issuers = _issuers_parameter(self.issuers)
        lsat = f"LSAT {both}"
        l402 = f'L402 {both}, version="{VERSION}"'
        forms = [
            [lsat, f'{l402}, token="{macaroon}"{caveats}{issuers}'],
            [lsat, l402 + caveats + issuers],
            [l402 + caveats + issuers],
            [l402 + issuers],
        ]
        return next((one for one in forms if sum(map(len, one)) <= _MAX_WRITTEN), [l402])


def bare_line(enforced: Sequence[str], issuers: Sequence[str] = ()) -> str:
    """The line of a service that has nothing to sell for this request. spec/3-challenge.md §5.

    Raises TypeError as ``Challenge.lines``.
    """
    return f'L402 version="{VERSION}", caveats="{_names(enforced)}"{_issuers_parameter(issuers)}'


def is_lsat_alone(lines: Sequence[str]) -> bool:
    """Whether ``WWW-Authenticate`` offers ``LSAT`` without ``L402``. The service may not know the
    new name.
    """
    if sum(map(len, lines)) > _MAX_CHARACTERS:
        return False
    items = [item for line in lines for item in read_challenges(line)]
    if any(item.scheme == "l402" for item in items):
        return False
    return any(item.scheme == "lsat" and not item.is_broken for item in items)


def _names(conditions: Sequence[str]) -> str:
    if not all(map(_CONDITION.fullmatch, conditions)):
        raise TypeError("a condition's name is lower-case letters, digits, _ and -")
    return " ".join(conditions)


def _issuers_parameter(issuers: Sequence[str]) -> str:
    return f', issuers="{write_issuers(issuers)}"' if issuers else ""


def _malformed(why: str) -> ChallengeError:
    return ChallengeError(
        "ERR_CHALLENGE_MALFORMED",
        f"The service's challenge cannot be trusted: {why}. Nothing was paid.",
    )


def _read_item(item: AuthItem) -> Offer | None:
    """``None`` for another version, or an item without a macaroon and an invoice."""

    def one(name: str) -> str | None:
        values = item.values(name)
        if len(values) > 1:
            raise _malformed(f"it has two different {name} parameters")
        return values[0] if values else None

    version = one("version")
    if version is not None and version != VERSION:
        return None
    if item.is_broken:
        raise _malformed("a part of its L402 item cannot be read")
    if not all(is_field_text(value) for _, value in item.parameters):
        raise _malformed("a value of its L402 item has characters that are not visible ASCII")
    macaroon, token, invoice = one("macaroon"), one("token"), one("invoice")
    if macaroon is None and token is None and invoice is None:
        return None
    if macaroon is not None and token is not None and macaroon != token:
        raise _malformed("its macaroon and token parameters differ")
    text = token if macaroon is None else macaroon
    if not text:
        raise _malformed("its L402 item lacks a macaroon or a token")
    if not invoice:
        raise _malformed("its L402 item lacks an invoice")
    try:
        read = read_token(text)
    except TokenError as cause:
        why = f"its token cannot be presented. {cause.message.removesuffix('.')}"
        raise _malformed(why) from cause
    caveats = None if read.macaroon is None else one("caveats")
    enforced = None if caveats is None else tuple(filter(None, re.split(r"[ ,]+", caveats)))
    return Offer(read, invoice, enforced)


def _in_one_spelling(text: str) -> str:
    """Some servers write a token in two kinds of base64."""
    data = base64_bytes(text)
    return text if data is None else base64_text(data)
