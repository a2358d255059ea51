"""Small recordings with known regions, made without a model."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
import torch

from selagg_core.diagnosis.calibration import Calibration, KindModel
from selagg_core.diagnosis.features import FEATURES
from selagg_core.prompt.words import Prompt, Word
from selagg_core.recording.head_maps import EntryRecording, HeadMaps, Recording
from selagg_core.recording.layout import HeadLayout, LayerId

LAYOUT = HeadLayout.of([("input", 1, 0, 2), ("middle", 0, 0, 2), ("output", 3, 0, 3)])
GRIDS = {
    LayerId("input", 1, 0): (16, 16),
    LayerId("middle", 0, 0): (4, 4),
    LayerId("output", 3, 0): (8, 8),
}


def prompt_of(text: str) -> Prompt:
    """A prompt in which every blank-separated word is one column after a begin mark."""
    pieces = text.split()
    words = tuple(Word(piece, (column,)) for column, piece in enumerate(pieces, start=1))
    return Prompt(text, words, 77, (0, *range(len(pieces) + 1, 77)))


def blob(size: tuple[int, int], x: float, y: float, radius: float) -> np.ndarray:
    """A bump (h, w) of height 1; centre and radius in shares of the picture."""
    rows = (np.arange(size[0]) + 0.5) / size[0]
    columns = (np.arange(size[1]) + 0.5) / size[1]
    distance = (columns[None] - x) ** 2 + (rows[:, None] - y) ** 2
    return np.exp(-distance / (2 * radius**2)).astype(np.float32)


def entry_of(
    text: str,
    bumps: dict[str, tuple[float, float, float]],
    floor: float = 0.02,
    height: float = 0.3,
    batch: int = 1,
    area: tuple[int, int, int, int] | None = None,
    grids: dict[LayerId, tuple[int, int]] = GRIDS,
) -> EntryRecording:
    """All heads see the same: each word of `bumps` at (x, y, radius), every other word nowhere."""
    prompt = prompt_of(text)
    maps = {}
    for layer, grid in grids.items():
        stack = np.full((len(prompt.words), *grid), floor, dtype=np.float32)
        for i, word in enumerate(prompt.words):
            if word.text in bumps:
                stack[i] += height * blob(grid, *bumps[word.text])
        heads = LAYOUT.heads_of(layer)
        maps[layer] = np.broadcast_to(stack, (batch, heads, *stack.shape)).copy()
    special = {layer: 1 - values.sum(axis=2) for layer, values in maps.items()}
    return EntryRecording(
        "positive", 0, prompt, area, 4, MappingProxyType(maps), MappingProxyType(special), LAYOUT
    )


def recording_of(entry: EntryRecording, latent: tuple[int, int] = (16, 16)) -> Recording:
    return Recording((entry,), LAYOUT, (entry.batch, 4, *latent), (1.0, 0.0), True)


def random_head_maps(seed: int, words: int = 3) -> HeadMaps:
    random = np.random.default_rng(seed)
    maps = {
        layer: random.random((LAYOUT.heads_of(layer), words, *grid), dtype=np.float32)
        for layer, grid in GRIDS.items()
    }
    special = {layer: values.sum(axis=1) for layer, values in maps.items()}
    return HeadMaps(prompt_of("a b c"), MappingProxyType(maps), LAYOUT, MappingProxyType(special))


class OneRunCapture:
    """Stands for a Capture that holds one run."""

    def __init__(self, recording: Recording):
        self.recording = recording

    def recording_for(self, latent: torch.Tensor, *_offers) -> Recording:
        if tuple(latent.shape) != self.recording.latent_shape:
            raise ValueError("This latent was not sampled with this capture.")
        return self.recording


COLOURS = {"red": (208, 32, 36), "blue": (38, 84, 214), "green": (36, 146, 58)}


def painted(blobs: dict[str, tuple[float, float, float]], side: int = 128) -> torch.Tensor:
    """A picture (1, side, side, 3) in [0, 1] of coloured discs at (x, y, radius) on light grey."""
    rows, columns = (np.arange(side) + 0.5) / side, (np.arange(side) + 0.5) / side
    picture = np.full((side, side, 3), 225, np.float32)
    for colour, (x, y, radius) in blobs.items():
        inside = (columns[None] - x) ** 2 + (rows[:, None] - y) ** 2 < (1.3 * radius) ** 2
        picture[inside] = COLOURS[colour]
    return torch.from_numpy(picture[None] / 255)


def model_of(kind: str, bias: float, **weights: float) -> KindModel:
    """A logistic model of features as they are, whose score is its confidence."""
    names = FEATURES[kind]
    pull = tuple(weights.get(name, 0.0) for name in names)
    plain = (0.0,) * len(names), (1.0,) * len(names)
    return KindModel(names, *plain, pull, bias, ((0.0, 1.0), (0.0, 1.0)), warn=0.7, unsure=0.3)


CALIBRATION = Calibration(
    {
        "neglected": model_of("neglected", -3.0, unfocused=2.0, faint=2.0, weak=1.0),
        "leaked": model_of("leaked", 2.0, map_elsewhere=8.0, map_not_own=8.0),
        "wrong_sense": model_of("wrong_sense", -2.0, other_heads=4.0),
        "misplaced": model_of("misplaced", -6.0, turned=18.0),
        "misplaced_region": model_of("misplaced_region", -5.0, outside=5.0, peak_outside=3.0),
        "blended": model_of("blended", -5.0, overlap=8.0),
    },
    "tests",
)
"""Simple rules in place of fitted ones, so that tests do not change with the shipped file."""
