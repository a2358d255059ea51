"""Words that are not in the prompt, read against the queries of a run: where it would look for them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..recording.head_maps import EntryRecording, Recording
from ..recording.run import ASKED
from .arrays import resize_maps
from .regions import peak, place_name

CAUTION = (
    "These words are not in the prompt. Each was read alone, against the same picture: its share is of its "
    "own text, and not to be compared with words of the prompt."
)


def asked_entries(recording: Recording) -> tuple[EntryRecording, ...]:
    """The texts that were asked about, in their order."""
    return tuple(entry for entry in recording.entries if entry.kind == ASKED)


def asked_map(entry: EntryRecording, picture: int) -> np.ndarray:
    """(h, w) on the finest grid: what the words of a text get together, as the mean over all heads."""
    found = [maps[min(picture, maps.shape[0] - 1)].sum(axis=1) for maps in entry.maps.values()]
    size = max((own.shape[-2:] for own in found), key=lambda grid: grid[0] * grid[1])
    total = sum(resize_maps(own, size).sum(axis=0) for own in found)
    return np.asarray(total) / sum(len(own) for own in found)


def asked_lines(recording: Recording) -> Iterator[str]:
    """A line a text and picture: where it is strongest, how clearly, what its words take; then a caution."""
    entries = asked_entries(recording)
    for entry in entries:
        text = " ".join(word.text for word in entry.prompt.words) if entry.prompt else ""
        for picture in range(entry.batch):
            heat = asked_map(entry, picture)
            row, column = peak(heat)
            place = place_name((column + 0.5) / heat.shape[1], (row + 0.5) / heat.shape[0])
            times = float(heat.max() / max(1e-12, heat.mean()))
            before = f"picture {picture + 1}: " if entry.batch > 1 else ""
            yield (
                f"{before}{text} (not in the prompt): strongest {place}, {times:.1f} times its mean; its "
                f"words take {heat.mean():.1%} of their own text."
            )
    if entries:
        yield CAUTION
