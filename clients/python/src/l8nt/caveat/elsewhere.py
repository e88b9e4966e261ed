"""What the families of conditions say at services that they are not named after: nothing."""

from __future__ import annotations

from .datalog import Query, apply, fact, negated, query, set_of, variable


def elsewhere(service: str) -> Query:
    """Has an answer at every verifier but the service of this name."""
    steps = negated(apply(set_of([service]), "contains", variable("s")))
    return query([fact("service", variable("s"))], *steps)
