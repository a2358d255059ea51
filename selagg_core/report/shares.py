"""Where a picture's attention went: to words, to columns without, to reference pictures, to itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..recording.head_maps import EntryRecording

#: Beside the kinds of columns (prompt/columns.py).
REFERENCE, PICTURE = "reference", "picture"
_NOTHING = 0.0005
"""What is rounded to nothing is not told of the picture: in cross-attention it takes no part."""


def attention_shares(entry: EntryRecording, picture: int) -> dict[str, float]:
    """Shares of all attention by kind, mean over all heads, rounded; {} where they were not recorded."""
    found = entry.shares.of(picture)
    if not found:
        return {}
    if entry.reference:
        heads = sum(values.shape[1] for values in entry.maps.values())
        total = sum(float(own[picture].mean(axis=(-2, -1)).sum()) for own in entry.reference.values())
        found[REFERENCE] = total / heads
    rest = 1.0 - sum(found.values())
    if rest > _NOTHING:
        found[PICTURE] = rest
    return {kind: round(share, 4) for kind, share in found.items()}


def all_shares(entries: Sequence[EntryRecording], pictures: int) -> tuple[dict[str, Any], ...]:
    """Of every text in every picture, for a report."""
    return tuple(
        {"text": number, "picture": picture, "shares": shares}
        for picture in range(pictures)
        for number, entry in enumerate(entries)
        if (shares := attention_shares(entry, min(picture, entry.batch - 1)))
    )
