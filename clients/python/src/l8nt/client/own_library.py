"""The credentials of a client whose HTTP library the caller brings: an Auth, an Adapter or a
Middleware.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from .._secrecy import takes_secrets
from .carried import GivenCredentials
from .core import Core
from .standing import PaymentSummary

if TYPE_CHECKING:
    from ..holder import HolderKey


class _Environment:
    """The environment variables without a wallet: no program is started for it."""

    def get(self, name: str, /) -> str | None:
        return None if name == "SIGIL_WALLET" else os.environ.get(name)


@takes_secrets
def own_core(
    *,
    credential: GivenCredentials | None,
    holder_key: str | HolderKey | None,
    on_payment: Callable[[PaymentSummary], object] | None,
    clock: Callable[[], float],
) -> Core:
    """Raises TokenError for a credential that cannot be read; TypeError for a key that is none."""
    return Core(
        credential=credential,
        wallet=None,
        limits=None,
        holder_key=holder_key,
        on_payment=on_payment,
        clock=clock,
        environment=_Environment(),
    )
