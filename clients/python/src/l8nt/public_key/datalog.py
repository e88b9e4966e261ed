"""The port of a judge of Datalog, and the facts that it is given. spec/9-public-key.md §5."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from math import floor
from typing import NamedTuple, Protocol

from ..caveat import Access
from ..caveat.conditions.checks import is_counted
from ..caveat.endpoint_regex import access_text


class DatalogFact(NamedTuple):
    """A fact as Datalog writes it, with ``{text}`` for its text, if it has one."""

    code: str
    text: str | None = None


class Datalog(Protocol):
    """Judges blocks of other makers. Nothing is asked about a token without them."""

    def allows(self, token: bytes, public_key: bytes, facts: Sequence[DatalogFact]) -> bool:
        """Whether every check of the token holds with these facts. An error denies.

        ``token``: the bytes of a token whose signatures are right. ``public_key``: the 32 bytes of
        its issuer's Ed25519 key.
        """
        ...


def facts_of(access: Access, payment_hash: str, caveats: Iterable[str]) -> list[DatalogFact]:
    """What a verifier states of an access to a credential that nothing else speaks against.

    ``payment_hash``: hex. ``caveats``: those of the blocks of the profile, which hold.
    """
    time = datetime.fromtimestamp(floor(access.now), timezone.utc)
    price = access.price
    priced = '"none", 0' if price is None else f'"{price.unit}", {price.value}'
    facts = [
        DatalogFact(f"paid(hex:{payment_hash})"),
        DatalogFact(f"time({time.isoformat().replace('+00:00', 'Z')})"),
        DatalogFact("own_affairs(true)")
        if access.target == "self"
        else DatalogFact("access({text})", access_text(access.target)),
        DatalogFact("service({text})", access.service or ""),
        DatalogFact(f"price({priced})"),
    ]
    if access.model is None:
        facts.append(DatalogFact("uses_no_model(true)"))
    texts = {
        "capability": access.capability,
        "model": access.model,
        "priced_request": access.priced_request() if access.priced_request else None,
        "holder": access.holder,
        "ledger": access.ledger,
    }
    for name, text in texts.items():
        if isinstance(text, str):
            facts.append(DatalogFact(f"{name}({{text}})", text))
    counted = dict.fromkeys(caveat for caveat in caveats if is_counted(caveat))
    return [*facts, *(DatalogFact("counted({text})", caveat) for caveat in counted)]
