"""Answers are read by the types that the OpenAPI document gives them. spec/4-purchase.md §7."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import fields
from typing import Any

import pytest
from typing_extensions import get_type_hints

from l8nt.client import standing
from l8nt.wire import _types as messages
from l8nt.wire.problem import error_of, problem_of
from l8nt.wire.reading import Message, UnreadableAnswer, read

HASH = "ab" * 32
NODE = {
    "id": "cd" * 16,
    "agent": "scout",
    "parentId": "ef" * 16,
    "state": "active",
    "caveats": ["agent=scout"],
    "spent": [{"unit": "msat", "value": "-12"}],
    "limits": [{"condition": "budget", "unit": "msat", "max": "10", "used": "2"}],
    "more": 3,
}
PAYMENT = {
    "origin": "https://shop.example",
    "paymentHash": HASH,
    "amount": {"unit": "msat", "value": "10000"},
    "fee": {"unit": "usd_micro", "value": "0"},
    "earlier": True,
}
RECEIPT = {"seq": 7, "paymentHash": HASH, "hash": "cd" * 32, "text": "{}"}
ANSWERS: dict[str, tuple[Message[Any, Any, Any], dict[str, Any]]] = {
    "standing": (messages.STANDING, {"nodes": [NODE]}),
    "tree": (messages.TREE, {"nodes": [NODE], "next": f"1-12.5-{'ab' * 16}"}),
    "receipts": (messages.RECEIPTS, {"receipts": [RECEIPT]}),
    "purchase": (messages.PURCHASE, {"credential": "AgEB:00", "payment": PAYMENT}),
    "answered": (messages.ANSWERED, {"done": True}),
    "revocation": (messages.REVOCATION, {"node": "ab" * 16}),
}
SECRET = "s3cret-value"
WRONG: list[object] = [None, SECRET, 1.5, -1, 2**53, [SECRET], {"a": SECRET}, f"{HASH}\n"]


def _paths(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The place of every field below a value."""
    inside: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        inside = list(value.items())  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    elif isinstance(value, list):
        inside = list(enumerate(value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return [found for key, one in inside for found in ((*path, key), *_paths(one, (*path, key)))]


def _holder(value: Any, path: tuple[str | int, ...]) -> Any:
    for key in path[:-1]:
        value = value[key]
    return value


def _named(path: tuple[str | int, ...]) -> str:
    steps = (f"[{one}]" if isinstance(one, int) else f".{one}" for one in path)
    return "".join(steps).removeprefix(".")


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_is_read_as_it_is_declared(name: str) -> None:
    message, answer = ANSWERS[name]
    assert message.read(answer) == answer


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_newer_end_adds_is_left_out(name: str) -> None:
    message, answer = ANSWERS[name]
    newer = deepcopy(answer)
    for path in [(), *_paths(answer)]:
        found = _holder(newer, (*path, "end"))
        if isinstance(found, dict):
            found["added"] = SECRET
    assert newer != answer
    assert message.read(newer) == answer


@pytest.mark.parametrize("wrong", WRONG, ids=repr)
@pytest.mark.parametrize("name", ANSWERS)
def test_a_field_of_another_kind_is_named_and_not_shown(name: str, wrong: object) -> None:
    message, answer = ANSWERS[name]
    for path in _paths(answer):
        changed = deepcopy(answer)
        was = _holder(changed, path)[path[-1]]
        _holder(changed, path)[path[-1]] = wrong
        is_text = isinstance(was, str) and path[-1] in (
            *("origin", "text", "credential", "agent", "condition"),
            *([0] if "caveats" in path else []),
        )
        if (is_text and isinstance(wrong, str)) or (path[-1] == "caveats" and wrong == [SECRET]):
            assert message.read(changed) == changed
            continue
        with pytest.raises(UnreadableAnswer) as caught:
            message.read(changed)
        assert _named(path) in str(caught.value)
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_field_that_is_missing_is_named_if_it_is_required(name: str) -> None:
    message, answer = ANSWERS[name]
    optional = {"next", "payment", "earlier", "agent", "parentId", "more"}
    for path in [one for one in _paths(answer) if isinstance(one[-1], str)]:
        changed = deepcopy(answer)
        del _holder(changed, path)[path[-1]]
        if path[-1] in optional or path[-3::2] == ("limits", "unit"):
            assert message.read(changed) == changed
            continue
        with pytest.raises(UnreadableAnswer, match=re.escape(f'"{_named(path)}" is missing')):
            message.read(changed)


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_what_is_no_object_is_no_answer(value: object) -> None:
    with pytest.raises(UnreadableAnswer, match="must be an object"):
        messages.STANDING.read(value)


def test_a_whole_number_may_be_written_as_another_language_writes_it() -> None:
    assert read(messages.ReceiptRow, {**RECEIPT, "seq": 7.0}) == RECEIPT


@pytest.mark.parametrize("name", ["NodeStanding", "Standing", "ReceiptRow", "PaymentSummary"])
def test_each_public_object_has_what_the_document_declares(name: str) -> None:
    declared = get_type_hints(getattr(messages, name))
    snake = {re.sub(r"[A-Z]", lambda one: f"_{one[0].lower()}", one) for one in declared}
    assert {one.name for one in fields(getattr(standing, name))} == snake


@pytest.mark.parametrize("name", ["NodeStanding", "ReceiptRow", "PaymentSummary"])
def test_each_public_object_has_one_form_in_json_which_is_the_one_it_was_read_from(
    name: str,
) -> None:
    def node(value: Any) -> Any:
        return standing.read_nodes([value])[0]

    def receipt(value: Any) -> Any:
        return standing.read_receipts([value])[0]

    table: dict[str, tuple[dict[str, Any], Callable[[Any], Any]]] = {
        "NodeStanding": (NODE, node),
        "ReceiptRow": (RECEIPT, receipt),
        "PaymentSummary": (PAYMENT, standing.read_payment),
    }
    given, reader = table[name]
    optional = {"agent", "parentId", "more", "earlier"}
    for least in (False, True):
        value: Any = {k: v for k, v in given.items() if not (least and k in optional)}
        declared: Any = read(getattr(messages, name), value)
        found: Any = reader(declared)
        assert json.loads(json.dumps(found.to_dict())) == value
        assert reader(found.to_dict()) == found


REFUSAL: dict[str, Any] = {
    "code": "ERR_BUDGET",
    "condition": "budget",
    "node": {"id": "ab" * 16, "agent": "scout"},
    "have": "0 sat",
    "need": "10 sat",
    "resetsAt": 1_800_000_000.5,
}
DENIED: dict[str, Any] = {"code": "ERR_BUDGET", "detail": "Denied.", "refusals": [REFUSAL]}


def test_a_problem_of_a_refusal_comes_back_as_it_was_written() -> None:
    error = error_of(DENIED)
    assert error is not None
    written = problem_of(error)
    assert written.get("refusals") == [REFUSAL]
    assert read(messages.Problem, written) == written


@pytest.mark.parametrize(
    ("change", "node", "resets_at"),
    [
        ({}, ("ab" * 16, "scout"), 1_800_000_000.5),
        ({"node": None}, None, 1_800_000_000.5),
        ({"node": {"agent": "scout"}}, None, 1_800_000_000.5),
        ({"node": {"id": 1, "agent": "scout"}}, None, 1_800_000_000.5),
        ({"node": {"id": "ab", "agent": 1}}, ("ab", None), 1_800_000_000.5),
        ({"resetsAt": "soon"}, ("ab" * 16, "scout"), None),
        ({"resetsAt": True}, ("ab" * 16, "scout"), None),
        ({"resetsAt": -1}, ("ab" * 16, "scout"), None),
        ({"resetsAt": 2.5e11}, ("ab" * 16, "scout"), 2.5e11),
        ({"resetsAt": 2.5e11 + 1}, ("ab" * 16, "scout"), None),
        ({"resetsAt": float("nan")}, ("ab" * 16, "scout"), None),
    ],
    ids=repr,
)
def test_a_refusal_is_read_without_what_is_not_as_declared(
    change: dict[str, Any], node: tuple[str, str | None] | None, resets_at: float | None
) -> None:
    error: Any = error_of({**DENIED, "refusals": [{**REFUSAL, **change}]})
    [refusal] = error.refusals
    assert (refusal.node and (refusal.node.id, refusal.node.agent)) == node
    assert refusal.resets_at == resets_at


@pytest.mark.parametrize(
    "change",
    [
        *({name: 1} for name in ("code", "condition", "have", "need")),
        {"code": "nonsense"},
        {"code": "ERR_USES"},
    ],
    ids=repr,
)
def test_a_refusal_that_cannot_be_read_is_no_denial(change: dict[str, Any]) -> None:
    assert error_of({**DENIED, "refusals": [{**REFUSAL, **change}]}) is None


@pytest.mark.parametrize("missing", ["code", "detail", "refusals"])
def test_a_problem_without_what_decides_is_none(missing: str) -> None:
    assert error_of({name: one for name, one in DENIED.items() if name != missing}) is None


@pytest.mark.parametrize("value", [None, [], "text", 1, {"code": "ERR_X\n", "detail": "."}])
def test_what_is_no_problem_is_no_error(value: object) -> None:
    assert error_of(value) is None
