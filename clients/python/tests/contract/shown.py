"""Everything that a value shows: to a log, a trace, a checkpoint or a pickle."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from types import FunctionType, MethodType, ModuleType
from typing import Any, Final, cast

from l8nt.agents import SigilHandle

_ATOMS: Final = (int, float, complex, type(None), type, ModuleType, FunctionType, MethodType)


def text_of(*values: object) -> str:
    """The text of values at every depth, with their attributes, their ``repr`` and their pickles.

    A handle is shown as a framework can show it: nothing looks at its private attributes.
    """
    parts: list[str] = []
    met: dict[int, object] = {}
    waiting: list[object] = list(values)
    while waiting:
        value = waiting.pop()
        if isinstance(value, _ATOMS) or id(value) in met:
            continue
        met[id(value)] = value
        if isinstance(value, str):
            parts.append(value)
        elif isinstance(value, bytes | bytearray):
            parts.append(value.decode("latin-1"))
        else:
            parts.extend((_safely(repr, value), _safely(_pickled, value)))
            if isinstance(value, SigilHandle):
                parts.append(str(value.to_dict()))
            else:
                waiting.extend(_inside(value))
    return "\n".join(parts)


def _inside(value: object) -> list[Any]:
    if isinstance(value, Mapping):
        mapping = cast("Mapping[object, object]", value)
        return [*mapping.keys(), *mapping.values()]
    inside: list[Any] = list(getattr(value, "__dict__", {}).values())
    for kind in type(value).__mro__:
        slots = getattr(kind, "__slots__", ())
        names = (slots,) if isinstance(slots, str) else slots
        inside.extend(getattr(value, name, None) for name in names)
    if isinstance(value, list | tuple | set | frozenset):
        inside.extend(cast("list[object]", value))
    if isinstance(value, BaseException):
        inside.extend((value.args, value.__cause__, value.__context__))
    return inside


def _safely(show: Any, value: object) -> str:
    try:
        return show(value)
    except Exception:
        return ""


def _pickled(value: object) -> str:
    return pickle.dumps(value).decode("latin-1")
