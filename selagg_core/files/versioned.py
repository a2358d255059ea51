"""JSON that says what it is and of which version."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

_OF_PYTHON = (
    "invalid literal", "could not convert", "not enough values", "too many values", "dictionary update",
    "Exceeds the limit", "zip()", "map()",
)  # fmt: skip
"""Beginnings of ValueErrors of Python's own."""


def parse_json(text: str) -> Any:
    """The value of a JSON text, strictly: no NaN, no infinite numbers.

    Raises ValueError, in words that follow "this cannot be read: ", for anything else.
    """
    try:
        return json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(f"line {error.lineno}, column {error.colno} is no JSON ({error.msg})") from error
    except RecursionError as error:
        raise ValueError("its lists are nested too deeply") from error
    except ValueError as error:  # whole numbers of thousands of digits among them
        raise ValueError(f"it holds a number that cannot be used ({str(error)[:80]})") from error


def read_versioned(
    text: str, schema: str, versions: Sequence[int], what: str, key: str = "schema"
) -> Mapping[str, Any]:
    """The JSON object of a file of ours. what: "report", "calibration", ... for messages.

    Raises ValueError for what is no JSON, is of another schema, or has a version that is not in `versions`,
    saying which version wrote it.
    """
    try:
        body = parse_json(text)
    except ValueError as error:
        raise ValueError(f"this is not a SelAgg {what}: {error}.") from error
    if not isinstance(body, dict) or body.get(key) != schema:
        raise ValueError(f"this JSON is not a SelAgg {what}.")
    check_version(body.get("version"), versions, what)
    return body


def check_version(version: object, versions: Sequence[int], what: str) -> None:
    """Raises ValueError unless a file's version is one that this SelAgg reads."""
    if isinstance(version, bool) or version not in versions:
        known = " and ".join(map(str, versions))
        newer = isinstance(version, int) and version > max(versions)
        cure = " Update SelAgg to read it." if newer else ""
        raise ValueError(f"this {what} has version {str(version)[:20]}; only {known} can be read.{cure}")


def damage_of(error: Exception) -> str:
    """What is wrong with a file's parts, in plain words: Python's own say nothing to an artist."""
    if isinstance(error, KeyError):
        return f"{str(error).strip(chr(39))[:80]} is missing"
    told = str(error)
    if isinstance(error, ValueError) and not told.startswith(_OF_PYTHON):
        return told[:120].rstrip(".")
    return "a part of it is of the wrong kind"


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text[:20])
    return value
