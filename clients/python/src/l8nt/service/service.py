"""A service that verifies credentials: judges a request, and counts its use. It sells nothing.
spec/3-challenge.md §5.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from .._given import check_text, kind_of
from ..caveat import (
    Access,
    read_base,
)
from ..caveat.service_name import is_service_name
from ..credential import RevocationList, Verified
from ..errors import AdapterError, DeniedError, TokenError
from ..l402 import (
    HmacVerifier,
    Secret,
    SecretSource,
    bare_line,
    presents_credential,
    read_presented,
)
from . import reasons, well_known
from .alarm import log_alarm
from .facts import RequestFacts
from .grant import Grant, Passed
from .holding import Holding
from .judging import Denials, Judging
from .ledger import Ledger
from .mounting import Mounting
from .refused import Answer, Answered, Refused, preflight
from .terms import GivenTerms, Terms, terms_of
from .trusting import Trusting
from .waiting import Steps, drive, drive_async

if TYPE_CHECKING:
    from ..public_key import IssuerDirectory
    from ..wire._types import Discovery, RevocationAnswer

__all__ = ["Decision", "Service"]

Decision = Grant | Refused | Answered


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
        alarm: Callable[[str, BaseException | None], None] = log_alarm,
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
        if ledger is not None and not callable(getattr(ledger, "claim", None)):
            raise TypeError(
                f"ledger must be a MemoryLedger() or a DecideLedger(…), and is {kind_of(ledger)}"
            )
        # A URL of an HTTP library, or a lazy text of Django, is taken as its text.
        text = location if isinstance(location, str) else str(location)  # pyright: ignore[reportUnnecessaryIsInstance]
        base = read_base(text)
        if base is None:
            check_text(location, "location", "the URL that clients call")
            raise ValueError(
                "location must be the http(s) URL that clients call, without a query, a fragment, "
                "or `*`, `;` or an encoded slash in its path"
            )
        if secret is None and isinstance(trust, Sequence) and not trust:
            raise TypeError(
                'a service needs secret=os.environ["SIGIL_SECRET"], or issuers to trust: '
                'trust=["https://treasury.example"]'
            )
        self.location = text
        self.revocations = RevocationList(clock=clock) if revocations is None else revocations
        self._mounting = Mounting(base)
        self.name = name
        self._clock = clock
        self._alarm = alarm
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
        self._holding = Holding(clock, text, base)
        self._denials = Denials(bare_line(self._macaroons.vocabulary.names, trusting.issuers))
        self._judging = Judging(name, ledger, self._denials, clock=clock, alarm=alarm)

    @property
    def challenge(self) -> str:
        """The ``WWW-Authenticate`` of a 401: which caveats are enforced here, and which issuers
        are trusted.
        """
        return self._denials.challenge

    @property
    def ledger(self) -> Ledger:
        """What counts uses and budgets."""
        return self._judging.ledger

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
        target = self._mounting.read(facts)
        if target is None:
            is_read = self._mounting.is_here(facts)
            return Refused(reasons.bad_target() if is_read else reasons.unknown_mount())
        if facts.has_several_hosts:
            return Refused(reasons.several_hosts())
        if facts.is_preflight:
            return preflight()
        passed = self._passed(facts, terms, before)
        try:
            self._macaroons.read_secret()
            verified = yield from self.prove(passed.authorization, passed.macaroon)
        except AdapterError as error:
            return Refused(error)
        except TokenError as error:
            if not reasons.is_unproven(error) or before is None:
                return self._denials.refused(error)
            return self._guarded_twice(facts, before)
        if before is not None and before.passed.by is not self:
            # Another service has its own revocations, ledger and location.
            before = None
        if before is not None and before.is_claimed:
            return self._again(facts, terms, before)
        if verified is None:
            return self._denials.refused(
                TokenError("ERR_TOKEN_MISSING", reasons.MISSING_CREDENTIAL), status=401
            )
        if before is not None and before.passed.is_same_request(passed):
            # A signature is taken once, and the guard before has taken it.
            verified = before.verified
        try:
            signed = yield from self._holding.signed(facts, verified, self._mounting.local(facts))
        except AdapterError as error:
            return Refused(error)
        return (yield from self._judging.judge(facts, target, terms, signed, passed))

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

    def is_well_known(self, facts: RequestFacts) -> bool:
        """Whether a request asks for a document of this service, or for a revocation."""
        return well_known.is_asked(self._mounting.local_path(facts), facts.method)

    def well_known(self, facts: RequestFacts) -> Steps[Answer]:
        """The answer to a request that ``is_well_known``, as steps. spec/3-challenge.md §6."""
        if self._mounting.local_path(facts) == well_known.WELL_KNOWN_PATH:
            return well_known.document(self.describe())
        return (yield from self._revoke(facts))

    def describe(self) -> Discovery:
        """What this service says about itself at ``/.well-known/l402``."""
        described: Discovery = {
            "version": "0",
            "location": self.location,
            "caveats": list(self._macaroons.vocabulary.names),
            "revocations": self._mounting.base.path + well_known.REVOCATIONS_PATH,
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
            ancestor = yield from self._holding.signed(facts, ancestor, self._mounting.local(facts))
            ancestor.demand(Access(now=self._clock(), target="self"))
            body = yield from well_known.body_of(facts)
            revoked = ancestor.revoke_below(well_known.descent_in(body))
        except (AdapterError, DeniedError, TokenError) as error:
            return Refused(error, challenge=self._denials.challenge).answer
        answer: RevocationAnswer = {"node": revoked.node_id}
        return well_known.document(answer)

    def __repr__(self) -> str:
        return f"<Service {self.location}>"
