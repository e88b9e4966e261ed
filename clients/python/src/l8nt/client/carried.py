"""The credentials of a client, and the treasury of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

from ..credential import Credential
from ..credential.pasted import hint_of
from ..errors import PaymentError, TokenCode, TokenError
from .remote import RemoteTreasury

GivenCredentials = str | Credential | Sequence[str | Credential]

WHAT_TO_SET = (
    "Set SIGIL_CREDENTIAL to a credential that was delegated to this agent, or SIGIL_WALLET to the "
    "URL of a wallet."
)


@dataclass(slots=True)
class Carried:
    """A credential, and the treasury at which it is spent."""

    credential: Credential
    _at: Callable[[str], RemoteTreasury]
    _treasury: RemoteTreasury | None = None

    def treasury(self) -> RemoteTreasury:
        """Created at its first use: a credential that is only presented needs no treasury.

        Raises AdapterError for a location that cannot be one of a treasury.
        """
        if self._treasury is None:
            self._treasury = self._at(self.credential.location)
        return self._treasury


class CarriedCredentials:
    """The credentials of one client, the client's own one first."""

    def __init__(
        self, given: GivenCredentials | None, treasury_at: Callable[[str], RemoteTreasury]
    ) -> None:
        """Raises TokenError for a text that is not a credential."""
        self.all = tuple(Carried(one, treasury_at) for one in read_credentials(given))

    @property
    def first(self) -> Carried:
        """The first credential. Raises PaymentError ``ERR_PAYMENT_REQUIRED`` without one."""
        if not self.all:
            raise PaymentError(
                "ERR_PAYMENT_REQUIRED", "no", f"This client has no credential. {WHAT_TO_SET}"
            )
        return self.all[0]


def read_credentials(given: GivenCredentials | None) -> tuple[Credential, ...]:
    """The credentials in texts and lists. A text may hold several, separated by white space."""
    if given is None:
        return ()
    items = [given] if isinstance(given, (str, Credential)) else given
    read: list[Credential] = []
    for one in items:
        read += [_read(text) for text in one.split()] if isinstance(one, str) else [one]
    return tuple(read)


def _read(text: str) -> Credential:
    try:
        return Credential.parse(text)
    except TokenError as error:
        said = f"In credential=, or SIGIL_CREDENTIAL if that is not given: {error.message}"
        hint = hint_of(text) if error.code == "ERR_TOKEN_MALFORMED" else None
        code = cast("TokenCode", error.code)
        told = TokenError(code, said if hint is None else f"{said} {hint}")
    finally:
        text = ""
    raise told
