"""A growing pool of encoded training scenes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..scenes import SIDE, Caption, Scene, caption, random_scene, render
from ..vocabulary import OBJECTS

LAYOUT_SIDE = 32
"""Side of the layouts that the UNet learns to name: four pixels a cell."""


def layout_of(scene: Scene, masks: np.ndarray) -> np.ndarray:
    """(32, 32) uint8: which object of the vocabulary fills a cell, from 1 on; 0 is background."""
    step = SIDE // LAYOUT_SIDE
    filled = masks.reshape(len(masks), LAYOUT_SIDE, step, LAYOUT_SIDE, step).mean((2, 4)) > 0.5
    layout = np.zeros((LAYOUT_SIDE, LAYOUT_SIDE), np.uint8)
    for item, cells in zip(scene.objects, filled, strict=True):
        layout[cells] = OBJECTS.index(item.name) + 1
    return layout


class LatentPool:
    """Scenes, their latents (n, 4, 16, 16) in float16 and layouts; grows during the training.

    hard: share of scenes of the hard world, 0 to 1.
    """

    chunk = 32

    def __init__(self, encoder: nn.Module, first_seed: int = 1_000_000, hard: float = 0.0) -> None:
        self.encoder, self.hard = encoder, hard
        self.seed = first_seed
        self.scenes: list[Scene] = []
        self.latents = torch.zeros(0, 4, 16, 16, dtype=torch.float16)
        self.layouts = torch.zeros(0, LAYOUT_SIDE, LAYOUT_SIDE, dtype=torch.uint8)

    def grow(self, count: int) -> None:
        """Draws, paints and encodes `count` more scenes."""
        for _ in range(0, count, self.chunk):
            self._grow(min(self.chunk, count))
            count -= self.chunk

    def _grow(self, count: int) -> None:
        scenes = [
            random_scene(np.random.default_rng(self.seed + i), world=self._world(self.seed + i))
            for i in range(count)
        ]
        self.seed += count
        painted = [render(scene) for scene in scenes]
        pictures = torch.from_numpy(np.stack([p for p, _ in painted])).permute(0, 3, 1, 2).float() / 255
        layouts = [layout_of(scene, masks) for scene, (_, masks) in zip(scenes, painted, strict=True)]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            latents = self.encoder(pictures.contiguous(memory_format=torch.channels_last))
        self.scenes += scenes
        self.latents = torch.cat([self.latents, latents.half()])
        self.layouts = torch.cat([self.layouts, torch.from_numpy(np.stack(layouts))])

    def _world(self, seed: int) -> str:
        return "hard" if np.random.default_rng((seed, 1)).random() < self.hard else "plain"

    def draw(self, rng: np.random.Generator, count: int) -> tuple[torch.Tensor, torch.Tensor, list[Caption]]:
        """`count` latents with their layouts (count, 32, 32) and a fresh caption for each."""
        picked = rng.integers(len(self.scenes), size=count)
        rows = torch.from_numpy(picked)
        captions = [caption(self.scenes[i], rng) for i in picked]
        return self.latents[rows].float(), self.layouts[rows].long(), captions

    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and spread of each channel, (4,) each."""
        flat = self.latents.float().transpose(0, 1).flatten(1)
        return flat.mean(1), flat.std(1)
