"""The rows of a model call, and the conditioning entries that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.recording.frames import FIRST_FRAME

from ..families.family import context_of


def positive_rows(x: torch.Tensor, options: Mapping) -> slice | None:
    """The rows of the positive prompt in a model call with one positive and one negative entry, or none."""
    order = options.get("cond_or_uncond") or []
    if 0 not in order:
        return None
    size = x.shape[0] // len(order)
    return slice(order.index(0) * size, (order.index(0) + 1) * size)


def blocks_of(conds: Sequence, size: int, options: Mapping) -> Iterator[tuple[Sequence | None, Any, slice]]:
    """For each block of `size` rows of a model call: the entries that it is of, its id, and its rows.

    The id is None where another pack has multiplied the rows.
    """
    order, uuids = options["cond_or_uncond"], options.get("uuids") or ()
    if len(uuids) != len(order):
        uuids = [None] * len(order)
    for place, (which, uuid) in enumerate(zip(order, uuids, strict=True)):
        entries = conds[which] if which < len(conds) else None
        yield entries, uuid, slice(place * size, (place + 1) * size)


@dataclass(frozen=True)
class Rows:
    """The rows of one conditioning entry in a model call.

    frames: of a video, which frames of the call are recorded.  places: where the call is on a part of it,
    their places among the recorded frames; None: they are all, in order.
    """

    start: int
    stop: int
    handle: tuple[str, int]
    columns: int
    frames: tuple[int, ...] = FIRST_FRAME
    places: tuple[int, ...] | None = None


def same_entries(entries: Sequence[dict], uuid, row: torch.Tensor) -> list[dict]:
    """Entries that these rows may belong to: by uuid, or on hosts without by the text of their first row."""
    own = [(e, context) for e in entries if (context := context_of(e)) is not None]
    if uuid is not None:
        return [e for e, _ in own if e.get("uuid") == uuid]
    return [e for e, context in own if _is_repeated(context[0], row)]


def genuine_of(entries: Iterable[dict], context: torch.Tensor) -> dict | None:
    """The entry that a text came with: hosts complete areas by copies of entries with another kind's text."""
    return next((e for e in entries if context_of(e) is context), None)


def _is_repeated(text: torch.Tensor, row: torch.Tensor) -> bool:
    """Whether the row (keys, width) is the text (columns, width), once or several times over."""
    if row.shape[0] % text.shape[0] or row.shape[-1] != text.shape[-1]:
        return False
    return torch.equal(row[: text.shape[0]], text.to(row)) and torch.equal(
        row[-text.shape[0] :], text.to(row)
    )


def are_of(text: torch.Tensor, rows: torch.Tensor) -> bool:
    """Whether rows (rows, keys, width) are the texts (texts, columns, width) in turn, once or repeated."""
    if rows.shape[1] % text.shape[1] or rows.shape[-1] != text.shape[-1]:
        return False
    own = text.to(rows)[torch.arange(rows.shape[0]) % text.shape[0]]
    copies = rows.unflatten(1, (-1, own.shape[1]))[:, [0, -1]]
    return torch.equal(copies, own[:, None].expand_as(copies)) or bool(
        ((copies == own[:, None]) | copies.isnan()).all()
    )


def pictures_of(part: torch.Tensor, whole: torch.Tensor) -> tuple[int, ...] | None:
    """Which pictures of a batch (pictures, channels, [frames,] h, w) a part of it holds, in its order.

    A part of a video holds some of its frames (`windows.part_of`).  None: it holds none of the pictures, or
    only parts of them.
    """
    if part.shape == whole.shape:
        return tuple(range(whole.shape[0]))
    if part.ndim != whole.ndim or part.shape[1] != whole.shape[1] or part.shape[-2:] != whole.shape[-2:]:
        return None
    if part.ndim == 5 and part.shape[2] != whole.shape[2]:
        return tuple(range(whole.shape[0])) if part.shape[0] == whole.shape[0] else None
    if part.shape[1:] != whole.shape[1:]:
        return None
    places = []
    for row in part:
        same = (row == whole.to(row)).flatten(1).all(dim=1).tolist()
        if True not in same:
            return None
        places.append(same.index(True))
    return tuple(places)


def area_of(entry: dict, latent: torch.Tensor) -> tuple[int, int, int, int] | None:
    """(h, w, y, x) in latent pixels, clamped to the latent as the host does; None: the whole picture."""
    if entry.get("area") is None:
        return None
    h, w, y, x = (int(v) for v in entry["area"])
    return min(latent.shape[-2] - y, h), min(latent.shape[-1] - x, w), y, x


def area_size(entry: dict, latent: torch.Tensor) -> tuple[int, int]:
    height, width = latent.shape[-2:]
    area = area_of(entry, latent)
    return (height, width) if area is None else area[:2]
