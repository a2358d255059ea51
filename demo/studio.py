"""Pictures from prompts with the demo model, through the host's own sampler, without a server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from .model import LATENT_SIDE, DemoWeights, load_weights
from .twin import TwinWeights, build_twin


@dataclass(frozen=True)
class SamplingSettings:
    """What the demo model is sampled with unless said otherwise."""

    steps: int = 20
    cfg: float = 4.0
    sampler: str = "euler"
    scheduler: str = "normal"
    denoise: float = 1.0


class Studio:
    """The demo model, or its twin, as host objects: `model`, `clip`, `vae`."""

    def __init__(self, weights: DemoWeights | TwinWeights | None = None) -> None:
        """weights: of `load_weights`, by default, or of `load_twin`."""
        from selagg_nodes import demo_model

        weights = weights or load_weights()
        twin = isinstance(weights, TwinWeights)
        self.model = build_twin(weights) if twin else demo_model.build_model(weights)
        self.clip = demo_model.build_clip(weights)
        self.vae = demo_model.build_vae(weights)

    def conditioning(self, text: str) -> list:
        """CONDITIONING of a prompt, as CLIP Text Encode makes it."""
        with torch.inference_mode():
            tokens = self.clip.tokenize(text)
            embedding, pooled = self.clip.encode_from_tokens(tokens, return_pooled=True)[:2]
        return [[embedding, {"pooled_output": pooled}]]

    def joined(self, texts: Sequence[str]) -> list:
        """CONDITIONING of texts that are encoded apart, as Conditioning Concat makes it."""
        parts = [self.conditioning(text)[0] for text in texts]
        return [[torch.cat([embedding for embedding, _ in parts], dim=1), parts[0][1]]]

    def sample(
        self,
        text: str | list,
        seeds: list[int],
        settings: SamplingSettings,
        model: Any = None,
        further: Sequence = (),
        start: torch.Tensor | None = None,
        side: int = LATENT_SIDE,
    ) -> torch.Tensor:
        """Latents (seeds, 4, side, side) as the host's sampler node gives them; one seed a picture.

        text: a prompt, or its CONDITIONING. further: CONDITIONING beside that of the text, such as with an
        area of its own. start: latent (1, 4, side, side) that all pictures start from, with
        `settings.denoise` below 1.
        """
        import comfy.sample

        empty = torch.zeros(len(seeds), 4, side, side)
        noise = torch.cat([comfy.sample.prepare_noise(empty[:1], seed, None) for seed in seeds])
        latents = empty if start is None else start.expand_as(empty).clone()
        own = self.conditioning(text) if isinstance(text, str) else text
        positive, negative = [*own, *further], self.conditioning("")
        with torch.inference_mode():
            return comfy.sample.sample(
                model or self.model,
                noise,
                settings.steps,
                settings.cfg,
                settings.sampler,
                settings.scheduler,
                positive,
                negative,
                latents,
                denoise=settings.denoise,
                disable_pbar=True,
                seed=seeds[0],
            )

    def decode(self, latents: torch.Tensor) -> np.ndarray:
        """(n, 128, 128, 3) uint8."""
        with torch.inference_mode():
            pixels = self.vae.decode(latents)
        return (pixels.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()

    def encode(self, pictures: np.ndarray) -> torch.Tensor:
        """Latents of (n, 128, 128, 3) uint8 pictures, as VAE Encode gives them."""
        with torch.inference_mode():
            return self.vae.encode(torch.from_numpy(np.ascontiguousarray(pictures)).float() / 255)
