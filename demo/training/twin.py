"""Trains the twin: the host's Flux and the text encoder together, by flow matching (Lipman et al. 2022).

As for the UNet, a small loss names which object fills each cell; it hears the picture's tokens between double
and single blocks. The learning rate stays the same until a fall is asked for, so that the averaged weights of
any moment are of use, and a run can be brought to its end whenever time runs out.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from ..model import LATENT_SIDE, DemoWeights
from ..scenes import Caption
from ..twin import FLUX_CONFIG, flux_config
from .denoiser import DenoiserPlan, DenoiserTraining, LayoutReader
from .flux import TrainableFlux, new_flux
from .muon import Muon
from .text_encoder import EOS, grown_embedding

COLUMNS = (32, 48, 64, 77)
"""How many columns of text a batch may have in training; the host always gives all 77, mostly padding."""

TABLE = "text_model.embeddings.token_embedding.weight"


@dataclass(frozen=True)
class TwinPlan(DenoiserPlan):
    """Training settings.

    whole: share of batches that have all 77 columns, as the host gives them; the others have what they need.
    """

    steps: int = 1_000_000
    batch: int = 16
    matrix_rate: float = 1e-3
    learning_rate: float = 1e-3
    text_learning_rate: float = 2e-4
    ema: float = 0.998
    layout_weight: float = 0.2
    fall_steps: int = 600
    whole: float = 0.2
    save_every: int = 200


def noise_shares(rng: np.random.Generator, count: int) -> torch.Tensor:
    """(count,) shares of noise, evenly spread over a logistic law: dense where shapes are decided."""
    share = (np.arange(count) + rng.random(count)) / count
    share = 0.002 + 0.996 * share
    return torch.from_numpy(1 / (1 + np.exp(-(0.5 + 0.75 * np.log(share / (1 - share)))))).float()


class TwinTraining(DenoiserTraining):
    """State of a run of the twin."""

    name = "twin"
    plan: TwinPlan

    def _new_networks(self) -> nn.ModuleDict:
        self.flux = new_flux(flux_config())
        self.layout = LayoutReader(FLUX_CONFIG["hidden_size"])
        self.denoise = TrainableFlux(self.flux, LATENT_SIDE, self.plan.compile)
        return nn.ModuleDict({"flux": self.flux, "text": self.text, "layout": self.layout})

    def _new_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Muon for the matrices of the blocks, AdamW for everything else."""
        named = dict(self.flux.named_parameters())
        inner = [n for n, w in named.items() if w.dim() > 1 and "_blocks." in n and ".lin." not in n]
        rest = [w for n, w in named.items() if n not in set(inner)]
        groups = [
            {"params": [*rest, *self.layout.parameters()], "rate": self.plan.learning_rate},
            {"params": list(self.text.parameters()), "rate": self.plan.text_learning_rate},
        ]
        muon = Muon([{"params": [named[n] for n in inner], "rate": self.plan.matrix_rate}], lr=0.0)
        return muon, torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.98), weight_decay=0.01, fused=True)

    def start_from_weights(self, weights: DemoWeights) -> None:
        """Takes the text encoder of the demo model; words that it lacks begin near the mean of the others."""
        table = grown_embedding(weights.text[TABLE], weights.tokens, self.tokenizer.tokens)
        self.text.load_state_dict({**weights.text, TABLE: table})
        self.average = {k: v.clone() for k, v in self.net.state_dict().items()}

    def write(self, state: dict[str, torch.Tensor], notes: dict[str, str]) -> None:
        """With the ids of the words that the text encoder knows."""
        super().write({"tokens": self.tokenizer.tokens, **state}, notes)

    def read(self, path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        """Also a checkpoint of fewer words."""
        state, notes = super().read(path)
        known = state.pop("tokens")
        for key in [key for key in state if key.endswith(TABLE)]:
            state[key] = grown_embedding(state[key], known, self.tokenizer.tokens)
        return state, notes

    def _predict(
        self, clean: torch.Tensor, ids: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        ends = (ids == EOS).int().argmax(1)
        need = 77 if rng.random() < self.plan.whole else int(ends.max()) + 1
        ids = ids[:, : next(c for c in COLUMNS if c >= need)].contiguous()
        times = noise_shares(rng, len(clean))
        sigma = times[:, None, None, None]
        noise = torch.randn_like(clean)
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text(ids)
            pooled = context[torch.arange(len(ids)), ends]
            output, heard = self.denoise((1 - sigma) * clean + sigma * noise, times, context, pooled)
            seen = self.layout(heard)
        return (output.float() - (noise - clean)).square().mean(), seen, (1 - times) ** 2

    @torch.no_grad()
    def preview(self, captions: list[str], steps: int = 16, cfg: float = 4.0, seed: int = 0) -> torch.Tensor:
        """Latents (n, 4, 16, 16) sampled by Euler steps with the averaged weights; a look during training."""
        trained = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        texts = [*captions, *[""] * len(captions)]
        ids = torch.tensor([self.tokenizer.encode(Caption(text, ()))[0] for text in texts])
        ends = (ids == EOS).int().argmax(1)
        x = torch.randn(
            len(captions), 4, LATENT_SIDE, LATENT_SIDE, generator=torch.Generator().manual_seed(seed)
        )
        times = torch.linspace(1, 0, steps + 1)
        times = 2 * times / (1 + times)
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text(ids)
            pooled = context[torch.arange(len(ids)), ends]
            for now, after in zip(times[:-1], times[1:], strict=True):
                v = self.denoise(torch.cat([x, x]), now.expand(len(ids)), context, pooled)[0].float()
                wanted, free = v.chunk(2)
                x = x + (after - now) * (free + cfg * (wanted - free))
        self.net.load_state_dict(trained)
        return x * self.latent_spread
