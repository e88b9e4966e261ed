"""A judge of Datalog by the package ``biscuit-python``, which the application installs.
spec/9-public-key.md §5.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from types import ModuleType
from typing import Any

from .datalog import DatalogFact

# What is judged was bounded before, so these stop nothing in practice. The time is that of the
# wall: a millisecond, as the package has it, passes while a busy machine does something else.
_MAX_FACTS = 1_000
_MAX_ITERATIONS = 10
_MAX_TIME = timedelta(seconds=1)


class BiscuitDatalog:
    """Judges blocks of other makers for a ``BiscuitVerifier``. ``package``: the module
    ``biscuit_auth``, 0.4.

    >>> import biscuit_auth
    >>> BiscuitVerifier(keys=trust, datalog=BiscuitDatalog(biscuit_auth))
    """

    def __init__(self, package: ModuleType) -> None:
        self._package: Any = package

    def allows(self, token: bytes, public_key: bytes, facts: Sequence[DatalogFact]) -> bool:
        """Whether every check of the token holds with these facts."""
        package = self._package
        root = package.PublicKey.from_bytes(public_key, package.Algorithm.Ed25519)
        read = package.Biscuit.from_bytes(token, root)
        builder = package.AuthorizerBuilder("allow if true;")
        for fact in facts:
            texts = {} if fact.text is None else {"text": fact.text}
            builder.add_code(f"{fact.code};", texts)
        limits = builder.limits()
        limits.max_facts = _MAX_FACTS
        limits.max_iterations = _MAX_ITERATIONS
        limits.max_time = _MAX_TIME
        builder.set_limits(limits)
        try:
            builder.build(read).authorize()
        except package.AuthorizationError:
            return False
        return True
