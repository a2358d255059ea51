"""Values of files of ours as what they are read into: of the right kinds, or refused in a sentence."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

_SHOWN = 40
"""Characters of a value in a message."""


def check_fields(kind: type, values: Mapping[str, Any]) -> None:
    """Raises ValueError unless `values`, from JSON, are of the kinds that a dataclass says of its fields.

    Lists stand for tuples. Values that are dataclasses are left to whoever reads them.
    """
    hints = _hints(kind)
    for name, value in values.items():
        if name in hints and not fits(value, hints[name]):
            raise ValueError(f'"{name[:_SHOWN]}" is of the wrong kind ({_told(value)})')


@cache
def _hints(kind: type) -> Mapping[str, Any]:
    return typing.get_type_hints(kind)


def fits(value: Any, kind: Any) -> bool:
    """Whether a JSON value is of a kind as annotations name it."""
    origin, of = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or dataclasses.is_dataclass(kind):
        return True
    if kind is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, one) for one in of)
    if origin in (tuple, list, Sequence):
        return isinstance(value, list | tuple) and _all_fit(value, of)
    if origin in (dict, Mapping):
        return isinstance(value, dict) and all(
            isinstance(k, str) and fits(v, of[1]) for k, v in value.items()
        )
    return isinstance(value, origin or kind)


def _all_fit(values: Sequence[Any], of: Sequence[Any]) -> bool:
    if of and of[-1] is not Ellipsis and len(of) > 1:
        return len(values) == len(of) and all(map(fits, values, of))
    return all(fits(value, of[0]) for value in values) if of else True


def whole(value: Any) -> int:
    """A whole number of a file. Raises ValueError for anything else, a text of digits too."""
    if not fits(value, int):
        raise ValueError(f"{_told(value)} is no whole number")
    return value


def mapping(value: Any) -> Mapping[str, Any]:
    """A JSON object. Raises ValueError for anything else."""
    if not isinstance(value, dict):
        raise ValueError(f"{_told(value)} stands where names and values are wanted")
    return value


def _told(value: Any) -> str:
    return ascii(value)[:_SHOWN]
