"""The credentials of a client, and the treasury of each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from .._given import kind_of
from ..credential import Credential
from ..credential.pasted import hint_of
from ..errors import PaymentError, TokenCode, TokenError
from .remote import RemoteTreasury

GivenCredentials = str | Credential | Sequence[str | Credential]

WHAT_TO_SET = (
    "Set SIGIL_CREDENTIAL to a credential that was delegated to this agent, or SIGIL_WALLET to the "
    "URL of a wallet."
)

_WHERE = "In credential=, or SIGIL_CREDENTIAL if that is not given"
_NO_LISTS = (str, bytes, bytearray, Mapping)


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
    """The credentials in texts and lists. A text may hold several, separated by white space.

    Raises TokenError for a text that is none; TypeError for what is neither.
    """
    if given is None:
        return ()
    is_list = isinstance(given, Iterable) and not isinstance(given, _NO_LISTS)
    items = cast("Iterable[object]", given if is_list else (given,))
    read: list[Credential] = []
    for one in items:
        if isinstance(one, str):
            read += [read_credential(text, _WHERE) for text in one.split()]
        elif isinstance(one, Credential):
            read.append(one)
        else:
            raise _no_credential(one)
    return tuple(read)


def _no_credential(given: object) -> TypeError:
    what = "credential must be a credential, its text, or a list of these"
    hint = ""
    if isinstance(given, (bytes, bytearray)):
        hint = ": give its .decode()"
    elif hasattr(given, "__fspath__"):
        hint = ": give what the file holds, .read_text()"
    return TypeError(f"{what}, and has {kind_of(given)}{hint}")


def read_credential(text: str, where: str) -> Credential:
    """The credential in a text. ``where`` it stands begins the message.

    Raises TokenError for a text that is none.
    """
    try:
        return Credential.parse(text)
    except TokenError as error:
        said = f"{where}: {error.message}"
        hint = hint_of(text) if error.code == "ERR_TOKEN_MALFORMED" else None
        code = cast("TokenCode", error.code)
        told = TokenError(code, said if hint is None else f"{said} {hint}")
    finally:
        text = ""
    raise told
