"""Which credential of a client is used for a request. spec/4-purchase.md §2."""

from __future__ import annotations

from collections.abc import Callable

from ..caveat import Access, Target, read_origin
from ..credential import Credential
from ..errors import denied
from .carried import Carried, CarriedCredentials


def _any(_: Credential) -> bool:
    return True


def choose(
    carried: CarriedCredentials, access: Access, among: Callable[[Credential], bool] = _any
) -> Carried | None:
    """The first credential that covers the access; one that names the origin of the access goes
    before others. ``None`` if there is no credential at all.

    Raises DeniedError if there are credentials, and each one denies the access.
    """
    willing: list[Carried] = []
    first_refusals = None
    for one in carried.all:
        if not among(one.credential):
            continue
        refusals = one.credential.certain_refusals(access)
        if not refusals:
            willing.append(one)
        elif first_refusals is None:
            first_refusals = refusals
    if willing:
        return next((one for one in willing if is_at_home(one.credential, access)), willing[0])
    error = denied(first_refusals or ())
    if error is not None:
        raise error
    return None


def covers(
    carried: CarriedCredentials, access: Access, among: Callable[[Credential], bool] = _any
) -> bool:
    """Whether one of the credentials covers the access."""
    return any(
        among(one.credential) and not one.credential.certain_refusals(access) for one in carried.all
    )


def can_pay(credential: Credential) -> bool:
    """Whether a treasury spends it: those of the public-key form are presented, and buy nothing."""
    return credential.body.issuer is None


def payer_of(carried: CarriedCredentials, access: Access) -> Carried | None:
    """The first credential that covers the access and can pay for it."""
    return choose(carried, access, can_pay) if covers(carried, access, can_pay) else None


def is_at_home(credential: Credential, access: Access) -> bool:
    """Whether a credential names the origin of the target. It is presented there."""
    target = access.target
    return isinstance(target, Target) and read_origin(credential.location) == target.origin
