"""A growing pool of encoded training scenes."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ..scenes import Caption, Scene, caption, random_scene, render


class LatentPool:
    """Scenes and their latents (n, 4, 16, 16) in float16; grows during the training, which starts at once."""

    chunk = 32

    def __init__(self, encoder: nn.Module, first_seed: int = 1_000_000) -> None:
        self.encoder = encoder
        self.seed = first_seed
        self.scenes: list[Scene] = []
        self.latents = torch.zeros(0, 4, 16, 16, dtype=torch.float16)

    def grow(self, count: int) -> None:
        """Draws, paints and encodes `count` more scenes."""
        for _ in range(0, count, self.chunk):
            self._grow(min(self.chunk, count))
            count -= self.chunk

    def _grow(self, count: int) -> None:
        scenes = [random_scene(np.random.default_rng(self.seed + i)) for i in range(count)]
        self.seed += count
        pictures = (
            torch.from_numpy(np.stack([render(s)[0] for s in scenes])).permute(0, 3, 1, 2).float() / 255
        )
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            latents = self.encoder(pictures.contiguous(memory_format=torch.channels_last))
        self.scenes += scenes
        self.latents = torch.cat([self.latents, latents.half()])

    def draw(self, rng: np.random.Generator, count: int) -> tuple[torch.Tensor, list[Caption]]:
        """`count` latents and a fresh caption for each."""
        picked = rng.integers(len(self.scenes), size=count)
        return self.latents[torch.from_numpy(picked)].float(), [caption(self.scenes[i], rng) for i in picked]

    def statistics(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and spread of each channel, (4,) each."""
        flat = self.latents.float().transpose(0, 1).flatten(1)
        return flat.mean(1), flat.std(1)
