"""The clients of all agents of a family."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..client import Client
    from ..credential import Credential


@dataclass(frozen=True, slots=True, repr=False)
class Family:
    """What the agents share. Clients cost little: they share their connections."""

    top: Client
    clock: Callable[[], float] = time.time

    def client(self, credential: Credential) -> Client:
        """The client of an agent's credential."""
        return self.top.with_credential(credential)
