"""A service that verifies credentials: judges a request, and counts its use. It sells nothing.
spec/3-challenge.md §5.
"""

from __future__ import annotations

import logging
import secrets
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote

from typing_extensions import Unpack

from .._given import check_text, kind_of
from ..amount import Amount
from ..caveat import (
    MISSING,
    Access,
    Target,
    counted_price,
    read_base,
    target_at,
    uncounted_spend,
    with_uncounted,
)
from ..caveat.service_name import is_service_name
from ..credential import RevocationList, Verified
from ..errors import AdapterError, DeniedError, TokenError, denied
from ..l402 import (
    HmacVerifier,
    Secret,
    SecretSource,
    bare_line,
    presents_credential,
    read_presented,
)
from . import reasons, well_known
from .counting import Counted, Usage
from .facts import RequestFacts
from .grant import Grant, Passed
from .holding import Holding
from .ledger import Claim, Ledger, MemoryLedger, UsedUp
from .refused import Answer, Answered, Refused, preflight
from .terms import GivenTerms, Terms, terms_of
from .trusting import Trusting
from .waiting import Steps, Wait, drive, drive_async

if TYPE_CHECKING:
    from ..public_key import IssuerDirectory
    from ..wire._types import Discovery, RevocationAnswer

__all__ = ["Decision", "Service"]

Decision = Grant | Refused | Answered
_log = logging.getLogger("l8nt.service")


def _alarm(what: str, cause: BaseException | None) -> None:
    # The traceback of a cause could show what stood in its frames.
    _log.warning("%s%s", what, "" if cause is None else f" ({type(cause).__name__}: {cause})")


class Service:
    """Verifies the credentials that requests present to this service, judges them and counts
    their uses.

    Give ``secret`` for credentials that ``sigil mint --secret-file`` and paywalls of this service
    mint, ``trust`` for those of the public-key form, or both. Threads and tasks may share it.

    Example::

        service = Service(location="https://api.example", secret=os.environ["SIGIL_SECRET"])
        app.add_middleware(Sigil, service=service, guard="routes")
    """

    def __init__(
        self,
        *,
        location: str,
        secret: SecretSource | None = None,
        previous_secrets: Sequence[Secret] = (),
        trust: Sequence[str] | IssuerDirectory = (),
        name: str | None = None,
        tolerate: Sequence[str] = (),
        ledger: Ledger | None = None,
        revocations: RevocationList | None = None,
        clock: Callable[[], float] = time.time,
        alarm: Callable[[str, BaseException | None], None] = _alarm,
    ) -> None:
        """Raises TypeError or ValueError for options that cannot work.

        ``location``: the public URL of this service; a ``Host`` field is not believed. Give it a
        path, such as ``https://example.com/api``, only where a proxy removes that path from the
        requests that arrive here, or a server takes it off as ``SCRIPT_NAME`` or ``root_path``.
        ``secret``: 32 random bytes or more, or their hex, as ``openssl rand -hex 32`` writes it; or
        a function that gives it at the first request. While it gives ``None``, the answer is 503.
        ``previous_secrets``: used before, and still verified.
        ``trust``: origins of issuers, such as ``https://treasury.example``, whose public-key
        credentials are taken. Their keys are fetched from there. An ``IssuerDirectory`` of
        ``l8nt.public_key`` says more about how.
        ``name``: the L402 name of this service, for ``services`` caveats.
        ``tolerate``: names of conditions of others that pass.
        ``ledger``: counts uses and budgets. By default they are counted in memory, with a warning.
        ``revocations``: a list that a follower of a feed writes to. By default a new one.
        ``clock``: Unix seconds.
        ``alarm``: called with what the operator should look at. By default the log
        ``l8nt.service``.
        """
        if name is not None and not (isinstance(name, str) and is_service_name(name)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ValueError(
                "name must be one that caveats can have, or nothing is limited by them: small "
                'letters, digits, "_" and "-", such as "weather"'
            )
        check_text(location, "location", "the URL that clients call")
        if ledger is not None and not callable(getattr(ledger, "claim", None)):
            raise TypeError(
                f"ledger must be a MemoryLedger() or a DecideLedger(…), and is {kind_of(ledger)}"
            )
        base = read_base(location)
        if base is None:
            raise ValueError(
                "location must be the http(s) URL that clients call, without a query, a fragment, "
                "or `*`, `;` or an encoded slash in its path"
            )
        if secret is None and isinstance(trust, Sequence) and not trust:
            raise TypeError(
                'a service needs secret=os.environ["SIGIL_SECRET"], or issuers to trust: '
                'trust=["https://treasury.example"]'
            )
        self.location = location
        self.revocations = RevocationList(clock=clock) if revocations is None else revocations
        self._base = base
        self._mount = unquote(base.path)
        self.name = name
        self._clock = clock
        self._alarm = alarm
        self._is_ledger_chosen = ledger is not None
        self._ledger: Ledger = MemoryLedger() if ledger is None else ledger
        self._macaroons = HmacVerifier(
            # Without one nothing is minted under it, so nobody needs to know it.
            secret=secrets.token_bytes(32) if secret is None else secret,
            previous_secrets=previous_secrets,
            kind="access",
            revocations=self.revocations,
            tolerate=tolerate,
            ledger=base.text,
        )
        self._trusting = trusting = Trusting(
            trust,
            clock=clock,
            alarm=alarm,
            revocations=self.revocations,
            ledger=base.text,
            tolerate=tolerate,
        )
        self._holding = Holding(clock, location, base)
        self._challenge = bare_line(self._macaroons.vocabulary.names, trusting.issuers)

    @property
    def challenge(self) -> str:
        """The ``WWW-Authenticate`` of a 401: which caveats are enforced here, and which issuers
        are trusted.
        """
        return self._challenge

    @property
    def ledger(self) -> Ledger:
        """What counts uses and budgets."""
        return self._ledger

    def authorize(
        self, facts: RequestFacts, *, before: Grant | None = None, **terms: Unpack[GivenTerms]
    ) -> Decision:
        """Decides about a request, in a thread that may wait for the keys of an issuer or for a
        ledger.

        A grant must be ended with ``grant.finish(status)`` once the head of the answer is known;
        what is refused or answered is sent as its ``answer`` says.

        ``before``: the grant of a guard that this request has passed already. Of another service
        it tells which credential the request presented, which is judged here anew.
        """
        return drive(self.decide(facts, terms_of(**terms), before))

    async def authorize_async(
        self, facts: RequestFacts, *, before: Grant | None = None, **terms: Unpack[GivenTerms]
    ) -> Decision:
        """As ``authorize``, in an event loop."""
        return await drive_async(self.decide(facts, terms_of(**terms), before))

    def decide(self, facts: RequestFacts, terms: Terms, before: Grant | None) -> Steps[Decision]:
        """The decision as steps, for adapters."""
        target = self._read(facts)
        if target is None:
            is_read = self._is_mounted_here(facts)
            return Refused(reasons.bad_target() if is_read else reasons.unknown_mount())
        if facts.has_several_hosts:
            return Refused(reasons.several_hosts())
        if _is_preflight(facts):
            return preflight()
        passed = self._passed(facts, terms, before)
        try:
            self._macaroons.read_secret()
            verified = yield from self.prove(passed.authorization, passed.macaroon)
        except AdapterError as error:
            return Refused(error)
        except TokenError as error:
            if not reasons.is_unproven(error) or before is None:
                return self._refused(error)
            return self._guarded_twice(facts, before)
        if before is not None and before.passed.by is not self:
            # Another service has its own revocations, ledger and location.
            before = None
        if before is not None and before.is_claimed:
            return self._again(facts, terms, before)
        if verified is None:
            return self._refused(
                TokenError("ERR_TOKEN_MISSING", reasons.MISSING_CREDENTIAL), status=401
            )
        if before is not None and before.passed.is_same_request(passed):
            # A signature is taken once, and the guard before has taken it.
            verified = before.verified
        try:
            signed = yield from self._holding.signed(facts, verified, self._local(facts))
        except AdapterError as error:
            return Refused(error)
        return (yield from self._judge(facts, target, terms, signed, passed))

    def _judge(
        self,
        facts: RequestFacts,
        target: Target,
        terms: Terms,
        verified: Verified,
        passed: Passed,
    ) -> Steps[Decision]:
        now = self._clock()
        access = Access(
            now=now,
            target=target,
            price=terms.price,
            priced_request=_not_told,
            service=self.name,
            capability=terms.capability,
            model=terms.model if terms.knows_model else MISSING,
        )
        amount = counted_price(verified.chain, terms.price, _not_told)
        uncounted = uncounted_spend(verified.chain, amount, "access")
        error = denied(with_uncounted(verified.judge(access), uncounted, amount))
        if error is not None:
            return self._denied(error)
        limits = verified.limits
        if self._ledger.counts_all and terms.price.value > 0:
            raise TypeError(
                "DecideLedger counts the prices of its own routes: take price= from this route, "
                "and write it in the configuration of sigil gateway decide"
            )
        is_counted = any(one.kind == "uses" or amount.value > 0 for one in limits)
        claim: Claim | None = None
        if is_counted or self._ledger.counts_all:
            if is_counted and not self._is_ledger_chosen:
                self._warn()
            use = _Use(
                facts=facts,
                target=target.path + _query_of(facts),
                authorization=passed.authorization,
                macaroon=passed.macaroon,
                node_id=verified.node.id or "",
                counted=limits,
                amount=amount,
                at=now,
            )
            ledger = self._ledger
            try:
                claim = yield Wait(lambda: ledger.claim(use), lambda: ledger.aclaim(use))
            except UsedUp as full:
                return self._denied(reasons.budget_error(limits, full.usages, amount))
            except DeniedError as refusal:
                return self._denied(refusal)
            except TokenError as refusal:
                return self._refused(refusal)
            except AdapterError as refusal:
                if refusal.__cause__ is not None:
                    self._alarm("l8nt: a use could not be counted", refusal.__cause__)
                return Refused(refusal)

        def usage() -> Sequence[Usage] | None:
            return self._ledger.usage(limits, self._clock())

        return Grant(verified, amount, passed, clock=self._clock, claim=claim, usage=usage)

    def prove(
        self, authorization: Sequence[str], macaroon: Sequence[str]
    ) -> Steps[Verified | None]:
        """Proves the credential of a request; ``None`` if it presents none.

        Raises TokenError; AdapterError ``ERR_KEYS_UNREACHABLE``.
        """
        text = read_presented(authorization, macaroon)
        if text is None:
            return None
        verifier = (yield from self._trusting.verifier_of(text)) or self._macaroons
        return verifier.known(text) or verifier.authenticate(text)

    def _read(self, facts: RequestFacts) -> Target | None:
        raw = facts.target
        # A target has no fragment (RFC 9112 §3.2). A server that does not cut it off would read
        # another path.
        if raw is None or not raw.startswith("/") or "#" in raw or not self._is_mounted_here(facts):
            return None
        origin, path = self._base.origin, self._base.path
        if self._has_base(facts):
            return target_at(facts.method, origin, raw)
        return target_at(facts.method, origin, path + raw)

    def _is_mounted_here(self, facts: RequestFacts) -> bool:
        """Whether each path that the application serves has one public path. Gunicorn and Daphne
        take the mount from fields of the request: any other mount than that of the location would
        let a caller choose which part of the judged path the application sees.
        """
        return facts.mount in ("", self._mount)

    def _has_base(self, facts: RequestFacts) -> bool:
        """Whether the server has put the path of the location back, which a proxy removed."""
        path = self._base.path
        if path == "" or facts.mount == "":
            return False
        whole = target_at(facts.method, self._base.origin, facts.target or "")
        return whole is not None and (whole.path + "/").startswith(path + "/")

    def _local(self, facts: RequestFacts) -> str:
        """Path and query as the proxy of the location sent them."""
        raw = facts.target or ""
        return raw.removeprefix(self._base.path) if self._has_base(facts) else raw

    def _passed(self, facts: RequestFacts, terms: Terms, before: Grant | None) -> Passed:
        """What a request presents, also to a guard behind one that has taken the credential out."""
        authorization, macaroon = facts.authorization, facts.macaroon
        if before is not None and not presents_credential(authorization, macaroon):
            authorization, macaroon = before.passed.authorization, before.passed.macaroon
        return Passed(terms, facts.method, facts.target or "", authorization, macaroon, self)

    def _again(self, facts: RequestFacts, terms: Terms, before: Grant) -> Decision:
        """Of a request that a guard before this one let through and counted. A second claim would
        count it twice.
        """
        passed = before.passed
        is_same = (passed.method, passed.target) == (facts.method, facts.target)
        if is_same and passed.terms == terms:
            return before
        return self._guarded_twice(facts, before)

    def _guarded_twice(self, facts: RequestFacts, before: Grant) -> Refused:
        passed = before.passed
        is_same = (passed.method, passed.target) == (facts.method, facts.target)
        path = (facts.target or "").split("?", 1)[0]
        why = "on two terms" if is_same else f"first as {passed.method}"
        self._alarm(f"l8nt: {facts.method} {path} is guarded twice by Sigil, {why}", None)
        return Refused(reasons.guarded_twice())

    def _denied(self, error: DeniedError) -> Refused:
        status = 401 if reasons.needs_new_credential(error) else None
        return Refused(error, status=status, challenge=self._challenge)

    def _refused(self, error: TokenError, status: int | None = None) -> Refused:
        return Refused(error, status=status, challenge=self._challenge)

    def _warn(self) -> None:
        self._is_ledger_chosen = True
        _log.warning("%s", _IN_MEMORY)
        warnings.warn(_IN_MEMORY, RuntimeWarning, stacklevel=2)

    def is_well_known(self, facts: RequestFacts) -> bool:
        """Whether a request asks for a document of this service, or for a revocation."""
        return well_known.is_asked(self._local_path(facts), facts.method)

    def well_known(self, facts: RequestFacts) -> Steps[Answer]:
        """The answer to a request that ``is_well_known``, as steps. spec/3-challenge.md §6."""
        if self._local_path(facts) == well_known.WELL_KNOWN_PATH:
            return well_known.document(self.describe())
        return (yield from self._revoke(facts))

    def describe(self) -> Discovery:
        """What this service says about itself at ``/.well-known/l402``."""
        described: Discovery = {
            "version": "0",
            "location": self.location,
            "caveats": list(self._macaroons.vocabulary.names),
            "revocations": self._base.path + well_known.REVOCATIONS_PATH,
            "routes": [],
        }
        if self.name is not None:
            described["service"] = self.name
        if self._trusting.issuers:
            described["issuers"] = list(self._trusting.issuers)
        return described

    def _revoke(self, facts: RequestFacts) -> Steps[Answer]:
        """The holder of a credential revokes what descends from it."""
        try:
            ancestor = yield from self.prove(facts.authorization, facts.macaroon)
            if ancestor is None:
                message = "Revoking takes the credential of an ancestor."
                raise TokenError("ERR_TOKEN_MISSING", message)
            ancestor = yield from self._holding.signed(facts, ancestor, self._local(facts))
            ancestor.demand(Access(now=self._clock(), target="self"))
            body = yield from well_known.body_of(facts)
            revoked = ancestor.revoke_below(well_known.descent_in(body))
        except (AdapterError, DeniedError, TokenError) as error:
            return Refused(error, challenge=self._challenge).answer
        answer: RevocationAnswer = {"node": revoked.node_id}
        return well_known.document(answer)

    def _local_path(self, facts: RequestFacts) -> str | None:
        target = self._read(facts)
        return None if target is None else target.path.removeprefix(self._base.path)

    def __repr__(self) -> str:
        return f"<Service {self.location}>"


@dataclass(frozen=True, slots=True)
class _Use:
    """What a ledger is asked to count."""

    facts: RequestFacts
    target: str
    authorization: Sequence[str] = field(repr=False)
    macaroon: Sequence[str] = field(repr=False)
    node_id: str
    counted: Sequence[Counted]
    amount: Amount
    at: float


_IN_MEMORY = (
    "l8nt: uses and budgets are counted in the memory of this process: a restart forgets them, and "
    "several workers count apart. Give Service(ledger=DecideLedger(…)) to count in one place, or "
    "ledger=MemoryLedger() if that is what you want."
)


def _query_of(facts: RequestFacts) -> str:
    _, found, query = (facts.target or "").partition("?")
    return found + query


def _not_told() -> None:
    """Nothing here tells which parts of a request its price was computed from."""


def _is_preflight(facts: RequestFacts) -> bool:
    return (
        facts.method == "OPTIONS"
        and facts.value("origin") is not None
        and facts.value("access-control-request-method") is not None
    )
