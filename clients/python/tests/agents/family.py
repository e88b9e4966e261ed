"""Handles without a network: their credentials are real, their clients only note what is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from l8nt.agents import AgentPolicies, SigilHandle
from l8nt.agents.family import Family
from l8nt.agents.place import Place
from l8nt.agents.policy import read_policies
from l8nt.credential import Credential
from l8nt.errors import SigilError

START: Final = 2_000_000_000


Asked = list[tuple[Credential, str]]


class NotingClient:
    """Stands for ``Client`` and ``AsyncClient``: notes what its credential is asked for."""

    def __init__(self, credential: Credential, asked: Asked) -> None:
        self.credential = credential
        self._asked = asked

    def with_credential(self, credential: Credential) -> NotingClient:
        return NotingClient(credential, self._asked)

    def request(self, method: str, url: str) -> str:
        self._asked.append((self.credential, f"{method} {url}"))
        return url

    def revoke(self, child: Credential) -> None:
        below = child.caveats_below(self.credential)
        self._asked.append((self.credential, f"revoke {';'.join(below or ('nothing',))}"))


def open_family(
    credential: Credential,
    agents: AgentPolicies | None = None,
    *,
    clock: Callable[[], float] = lambda: START,
    asked: Asked | None = None,
) -> SigilHandle:
    """A handle at the top whose clients are ``NotingClient``."""
    client: Any = NotingClient(credential, [] if asked is None else asked)
    family = Family(client, clock)
    return SigilHandle(Place(family, read_policies(agents)))


def code_of(act: Callable[[], object]) -> str | None:
    """The code that an act is denied with; ``None`` if it is not."""
    try:
        act()
    except SigilError as error:
        return error.code
    return None


def caveats_of(credential: Credential) -> Sequence[str]:
    return [str(one) for one in credential.caveats]
