"""What each form of a credential supplies: its caveats, its text and its proof of payment.
spec/1-credential.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class Blocks:
    """What leads from a credential of the public-key form to one that descends from it: its
    blocks, as base64, because caveats do not tell the places in them.
    """

    blocks: tuple[str, ...]


Descent = Sequence[str] | Blocks
"""What leads from a credential to one that descends from it: the caveats that follow its own, or
the blocks of the public-key form.
"""


class Body(Protocol):
    """A credential in one form, decoded and not verified. Immutable. Its ``repr`` shows no
    secret.
    """

    @property
    def location(self) -> str:
        """The URL where it is spent: a hint that no signature covers."""
        ...

    @property
    def issuer(self) -> str | None:
        """The origin of its issuer, in the public-key form: a claim, because no signature is
        checked. ``None`` in the form that has none.
        """
        ...

    @property
    def root_id(self) -> str:
        """Equal for every credential that was narrowed from the same minted one."""
        ...

    @property
    def caveats(self) -> tuple[bytes, ...]:
        """Every caveat as it stands on the wire, root first."""
        ...

    @property
    def payment_hash(self) -> str:
        """Hex. SHA-256 of the preimage that proves the payment."""
        ...

    @property
    def is_paid(self) -> bool:
        """Whether the credential carries that preimage."""
        ...

    @property
    def has_blocks(self) -> bool:
        """Whether it is of the public-key form: made of blocks, which can be sealed."""
        ...

    def append(self, caveats: Sequence[str]) -> Self:
        """The same with more caveats. Needs no secret.

        Raises TokenError ``ERR_TOKEN_TOO_LARGE``.
        """
        ...

    def sealed(self) -> Self:
        """The same, to which nobody can append; itself if nobody can already, or if its form has
        no blocks.

        Raises TokenError ``ERR_TOKEN_TOO_LARGE``.
        """
        ...

    def derive(self, message: str) -> bytes:
        """32 bytes that every holder of exactly this credential derives from ``message``, and
        nobody else can.
        """
        ...

    def blocks_below(self, ancestor: Body) -> Blocks | None:
        """The blocks that lead from ``ancestor`` to it; ``None`` in a form that has none, and if it
        does not descend from it.
        """
        ...

    def to_text(self) -> str:
        """The secret text, in the one spelling that this library writes."""
        ...

    def to_key(self) -> str:
        """The same as an API key."""
        ...
