"""What is shown of a credential to a service: nothing that a service which leaks it, or is
dishonest, could use at another origin. spec/9-public-key.md §10.
"""

from __future__ import annotations

from typing import Literal
from weakref import WeakKeyDictionary

from .._lru import Lru
from ..caveat import Origin, caveat_of, endpoints, format_origin
from ..errors import AdapterError, TokenError
from .credential import Credential

_MAX_ORIGINS = 64
# One text for each credential and origin, which the service recognises. False for the credential
# itself: a value that refers to its key would keep it for good.
_made: WeakKeyDictionary[Credential, Lru[str, Credential | Literal[False]]] = WeakKeyDictionary()


def only_at(origin: str) -> str:
    """The caveat that a credential is presented with: it is good at one origin alone."""
    return caveat_of(endpoints, _entry_of(origin))


def _entry_of(origin: str) -> str:
    return f"* {origin}/**"


def presented_at(credential: Credential, origin: Origin) -> Credential:
    """The credential as it is presented at ``origin``: good there alone, and sealed if its form
    has a seal.

    Raises TokenError ``ERR_TOKEN_TOO_LARGE`` for an open one that has no room for its seal;
    AdapterError ``ERR_REQUEST`` for an origin whose host no endpoint can name.
    """
    at = format_origin(origin)
    kept = _made.get(credential)
    if kept is None:
        kept = _made[credential] = Lru(_MAX_ORIGINS)
    known = kept.get(at)
    if known is not None:
        return known or credential
    narrowed = _narrowed_to(credential, at)
    body = narrowed.body.sealed()
    presented = narrowed if body is narrowed.body else Credential(body)
    kept.set(at, False if presented is credential else presented)
    return presented


def is_presented_alone(credential: Credential, origin: Origin) -> bool:
    """Whether what is presented at ``origin`` is good nowhere else. Raises as ``presented_at``."""
    whole = endpoints.parse(_entry_of(format_origin(origin)))
    covers = endpoints.covers
    own = presented_at(credential, origin).chain.values(endpoints)
    return whole is not None and covers is not None and any(covers(whole, one) for one in own)


def _narrowed_to(credential: Credential, origin: str) -> Credential:
    chain = credential.chain
    has_blocks = credential.body.has_blocks
    whole = endpoints.parse(_entry_of(origin))
    own = chain.values(endpoints)
    # A URL may have hosts that no entry can name, and a star that an entry reads as every host.
    if whole is None or "*" in origin:
        if not own and not has_blocks:
            return credential
        raise AdapterError(
            "ERR_REQUEST",
            f"No credential is sent to {origin}: an endpoint cannot name that host, so it could "
            "not be narrowed to it.",
        )
    covers = endpoints.covers
    if covers is not None and any(covers(whole, one) for one in own):
        return credential
    # A service of another implementation denies a condition that it does not know. One whose
    # credential has the condition already, or is of the public-key form, knows it.
    # And a treasury judges the endpoints of what it buys, not those of its own messages.
    can_spend = any(limit.kind == "spend" for limit in chain.limits)
    if (not own or can_spend) and not has_blocks:
        return credential
    try:
        return credential.append([only_at(origin)])
    except TokenError:
        # It was sealed by somebody else, or has no room: it is still good at this service.
        return credential
