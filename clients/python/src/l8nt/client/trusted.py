"""Credentials of the public-key form at services that say that they trust their issuers.
spec/9-public-key.md §10.
"""

from __future__ import annotations

from .._lru import Lru
from ..caveat import Access, Target, format_origin, ledger, read_origin
from ..credential import Credential, is_presented_alone
from ..l402 import issuers_in
from .carried import CarriedCredentials
from .choosing import can_pay
from .flow import Reply

_MAX_ORIGINS = 256


class Trusted:
    """The issuers that each origin said it trusts, as one client learned them."""

    def __init__(self, carried: CarriedCredentials) -> None:
        self._learned = Lru[str, tuple[str, ...]](_MAX_ORIGINS)
        self._mine = [one.credential for one in carried.all if not can_pay(one.credential)]

    def may_be_trusted(self, target: Target) -> bool:
        """Whether there is such a credential, and the service has not said yet which issuers it
        trusts.
        """
        return bool(self._mine) and self._learned.get(format_origin(target.origin)) is None

    def at(self, access: Access, *, strayed: bool) -> Credential | None:
        """The credential for a service that said earlier that it trusts its issuer. ``strayed``: a
        redirect led there, so nothing that is used up by a use is shown.
        """
        target = access.target
        if not self._mine or not isinstance(target, Target):
            return None
        issuers = self._learned.get(format_origin(target.origin)) or ()
        return next(
            (
                one
                for one in self._mine
                if one.body.issuer in issuers
                and not (strayed and one.chain.is_used_up_by_use)
                # A ledger of another origin denies here.
                and all(read_origin(at) == target.origin for at in one.chain.values(ledger))
                and not one.certain_refusals(access)
                # Any service can say that it trusts an issuer.
                and is_presented_alone(one, target.origin)
            ),
            None,
        )

    def by(self, reply: Reply, access: Access, *, strayed: bool) -> Credential | None:
        """The credential for a service whose answer says that it trusts its issuer."""
        return self.at(access, strayed=strayed) if self.learn(reply, access) else None

    def learn(self, reply: Reply, access: Access) -> bool:
        """Remembers what a service that asks for a credential says. Returns whether it asks for
        one.
        """
        target = access.target
        if reply.status not in (401, 402) or not isinstance(target, Target):
            return False
        if self._mine:
            # An empty list replaces one that the service no longer says.
            issuers = tuple(issuers_in(reply.lines("www-authenticate")))
            self._learned.set(format_origin(target.origin), issuers)
        return True
