"""``model``: which models of an AI service, by name or by the beginning of the name."""

from __future__ import annotations

import re
from typing import Final

from ..access import MISSING, Access
from ..condition import AnyCondition, Condition, Denial, Place
from ..datalog import (
    OWN_AFFAIRS,
    TRUTH,
    Check,
    Query,
    apply,
    check,
    fact,
    query,
    set_of,
    text,
    variable,
)
from ..field import entry_like, read_list, write_list

Names = tuple[str, ...]

_NAME: Final = "model"
# Visible ASCII without the comma; `*` only at the end.
_ENTRY_TEXT: Final = re.compile(r"(?=.)[!-)+\x2d-~]*\*?")
_ENTRY: Final = entry_like(_ENTRY_TEXT, 'models, such as "gpt-5*"')


def _matches(entry: str, model: str) -> bool:
    return model.startswith(entry[:-1]) if entry.endswith("*") else model == entry


def _prohibits(entries: Names, access: Access, _: Place) -> Denial | None:
    model = access.model
    if access.target == "self" or model is None:
        return None
    if model is not MISSING and any(_matches(entry, model) for entry in entries):
        return None
    return Denial(
        ", ".join(entries) or "no model at all",
        "a credential that names no models" if model is MISSING else model,
    )


def _covers(outer: Names, inner: Names) -> bool:
    # No name has a `*`, so an entry with one is covered as if it were a name.
    names = set(outer)
    starts = tuple(entry[:-1] for entry in names if entry.endswith("*"))
    return all(entry in names or entry.startswith(starts) for entry in inner)


models: Final = Condition[Names](
    name=_NAME,
    judged_by="service",
    hand_over="relay",
    fields=(write_list("models", _NAME, _ENTRY),),
    code="ERR_MODEL",
    parse=lambda text: read_list(text, _ENTRY_TEXT),
    prohibits=_prohibits,
    covers=_covers,
    words=lambda entries, _now: [f"model {entry}" for entry in entries] or ["no model at all"],
)


def models_check(entries: Names, _: AnyCondition) -> Check:
    """In the public-key form. spec/9-public-key.md §3."""
    model, m = [fact("model", variable("m"))], variable("m")
    names = [entry for entry in entries if not entry.endswith("*")]
    starts = [entry[:-1] for entry in entries if entry.endswith("*")]
    queries: list[Query] = []
    if names:
        queries.append(query(model, *apply(set_of(names), "contains", m)))
    queries += [query(model, *apply(m, "starts_with", text(start))) for start in starts]
    uses_none = query([fact("uses_no_model", TRUTH)])
    return check(*queries, uses_none, query([OWN_AFFAIRS]))
