"""Arrays with a JSON header in one safetensors file. Never pickle: a file can only hold numbers and text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from .versioned import parse_json
from .write import write_file

LARGEST = 2**30
"""Bytes of the largest file of arrays that is opened where a caller sets no other limit."""
DTYPES = ("float16", "float32", "float64", "int64", "int32", "uint8", "bool")


def write_tensors(path: Path, arrays: Mapping[str, np.ndarray], key: str, header: Mapping[str, Any]) -> None:
    """Write arrays, with `header` as JSON under `key` of the metadata. Raises ValueError as `write_file`."""
    plain = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    write_file(path, to_bytes(plain, {key: json.dumps(header, allow_nan=False)}))


def read_tensors(path: Path, key: str, most_bytes: int = LARGEST) -> tuple[Any, dict[str, np.ndarray]]:
    """The header under `key` ({} without one) and the arrays of a file.

    Raises ValueError, in words that follow "... cannot be read: ", if the file is missing, damaged, too
    large, or holds kinds of numbers that SelAgg never writes.
    """
    try:
        size = path.stat().st_size
        if size > most_bytes:
            raise ValueError(f"it has {size // 2**20} MiB, more than the {most_bytes // 2**20} MiB allowed.")
        with safe_open(path, "np") as file:
            header = parse_json((file.metadata() or {}).get(key, "{}"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except OSError as error:
        raise ValueError(f"{error.strerror or error}.") from error
    except (SafetensorError, KeyError, TypeError, AttributeError, OverflowError, MemoryError) as error:
        raise ValueError(f"it is damaged or no safetensors file ({str(error)[:120]}).") from error
    strange = next((name for name, own in arrays.items() if own.dtype.name not in DTYPES), None)
    if strange is not None:
        raise ValueError(f"it holds numbers of the kind {arrays[strange].dtype} ({strange[:40]}).")
    return header, arrays
