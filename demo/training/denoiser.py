"""Trains the UNet and the text encoder together: v-prediction on the noise schedule of SD1.x.

A second, small loss teaches which object of the caption is where: features of the decoder name for every cell
of the scene, the object that fills it. It makes learning faster, in the way of REPA (Yu et al. 2024,
arXiv 2410.06940), and touches no attention map. What reads the features is thrown away after training.
"""

from __future__ import annotations

import logging
import math
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..model import UNET_CONFIG
from ..scenes import Caption
from ..vocabulary import OBJECTS
from .latents import LatentPool
from .muon import Muon
from .text_encoder import CaptionTokenizer, TextEncoder

log = logging.getLogger("selagg.demo.train")


@dataclass(frozen=True)
class DenoiserPlan:
    """Training settings. The learning rate warms up, stays, and falls over the last `fall_steps`."""

    steps: int = 6000
    batch: int = 32
    matrix_rate: float = 8e-4
    learning_rate: float = 8e-4
    text_learning_rate: float = 3e-4
    warmup: int = 60
    fall_steps: int = 1500
    unconditional: float = 0.1
    ema: float = 0.996
    first_pool: int = 1000
    pool: int = 6000
    pool_growth: int = 3
    layout_weight: float = 0.2
    save_every: int = 250
    seed: int = 0
    compile: bool = False

    def rate(self, step: int, started: int) -> float:
        """Factor on the learning rates at a step of a run that started or was resumed at step `started`."""
        left = (self.steps - step) / self.fall_steps
        return min(1.0, (step - started + 1) / self.warmup, max(left, 0.02))


def noise_levels() -> torch.Tensor:
    """(1000,) cumulative alphas of SD1.x, as the host's ModelSamplingDiscrete has them."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    return torch.cumprod(1 - betas, 0).float()


def _noise_steps(rng: np.random.Generator, count: int) -> np.ndarray:
    """(count,) steps of the noise schedule, evenly spread, denser in its middle, where shapes are decided."""
    share = (np.arange(count) + rng.random(count)) / count
    return np.interp(share, [0, 0.1, 0.8, 1], [0, 200, 800, 1000]).clip(0, 999).astype(np.int64)


def _lean_attention(q, k, v, heads, mask=None, **_):
    """Attention in bfloat16 throughout: on a CPU, half the time of the fused kernel's backward pass."""
    b, _n, c = q.shape
    with torch.autocast("cpu", enabled=False):
        q, k, v = (
            t.reshape(b, -1, heads, c // heads).transpose(1, 2) for t in (q * (c // heads) ** -0.5, k, v)
        )
        out = (q @ k.transpose(-1, -2)).softmax(-1) @ v
    return out.transpose(1, 2).reshape(b, -1, c)


class Listener(nn.Module):
    """Passes features on, and keeps them in `heard` for a loss of their own; has no weights."""

    heard: torch.Tensor | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.heard = x
        return x


class LayoutReader(nn.Sequential):
    """Decoder features (n, 64, 16, 16) -> logits (n, 1 + objects, 32, 32) of what fills each cell."""

    def __init__(self, width: int) -> None:
        kinds = 1 + len(OBJECTS)
        super().__init__(
            nn.Conv2d(width, width, 1), nn.SiLU(), nn.Conv2d(width, 4 * kinds, 1), nn.PixelShuffle(2)
        )


def new_unet() -> nn.Module:
    """The host's UNet in the demo's shape. The host leaves weights uninitialised: each is set here."""
    import comfy.ops
    from comfy.ldm.modules import attention
    from comfy.ldm.modules.diffusionmodules.openaimodel import ResBlock, UNetModel

    if not torch.cuda.is_available():
        attention.optimized_attention = _lean_attention
    config = {**UNET_CONFIG, "num_heads": 8, "num_head_channels": -1, "dtype": torch.float32}
    unet = UNetModel(**config, operations=comfy.ops.disable_weight_init)
    for module in unet.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.GroupNorm | nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    for module in unet.modules():
        if isinstance(module, ResBlock):
            nn.init.zeros_(module.out_layers[-1].weight)
        elif isinstance(module, attention.SpatialTransformer):
            nn.init.zeros_(module.proj_out.weight)
    nn.init.zeros_(unet.out[-1].weight)
    return unet.to(memory_format=torch.channels_last)


class DenoiserTraining:
    """State of a run: weights, their moving averages, the optimiser's moments, the step."""

    name = "denoiser"
    """Of its checkpoint and in the log."""

    def __init__(self, folder: Path, plan: DenoiserPlan, tokenizer: CaptionTokenizer) -> None:
        self.folder, self.plan, self.tokenizer = folder, plan, tokenizer
        self.text = TextEncoder(tokenizer.tokens)
        self.net = self._new_networks()
        self.optimizers = self._new_optimizers()
        self.step, self.resumed_at, self.seconds, self.loss = 0, 0, 0.0, 0.0
        self.misread, self.latent_spread = 1.0, 1.0
        # Averaged from here on: what another training left is soon forgotten.
        self.began = 0
        self.average = {k: v.clone() for k, v in self.net.state_dict().items()}

    def _new_networks(self) -> nn.ModuleDict:
        """All that has weights."""
        self.unet = new_unet()
        self.listener = Listener()
        self.unet.output_blocks[9].append(self.listener)
        self.layout = LayoutReader(UNET_CONFIG["model_channels"])
        self.denoise = torch.compile(self.unet) if self.plan.compile else self.unet
        self.alphas = noise_levels()
        return nn.ModuleDict({"unet": self.unet, "text": self.text, "layout": self.layout})

    def _new_optimizers(self) -> tuple[torch.optim.Optimizer, ...]:
        """Muon for the UNet's inner matrices, AdamW for everything else."""
        ends = ("input_blocks.0.", "out.", "time_embed.")
        named = dict(self.unet.named_parameters())
        inner = [n for n, w in named.items() if w.dim() > 1 and not n.startswith(ends)]
        rest = [w for n, w in named.items() if n not in set(inner)]
        groups = [
            {"params": [*rest, *self.layout.parameters()], "rate": self.plan.learning_rate},
            {"params": list(self.text.parameters()), "rate": self.plan.text_learning_rate},
        ]
        muon = Muon([{"params": [named[n] for n in inner], "rate": self.plan.matrix_rate}], lr=0.0)
        return muon, torch.optim.AdamW(groups, lr=0.0, betas=(0.9, 0.99), weight_decay=0.01, fused=True)

    def start_from_text(self, path: Path) -> None:
        """Takes the text encoder that the first lesson left."""
        self.text.load_state_dict(load_file(path))
        self.average = {k: v.clone() for k, v in self.net.state_dict().items()}

    @property
    def checkpoint(self) -> Path:
        return self.folder / f"{self.name}.safetensors"

    def card(self, hours: str) -> dict[str, Any]:
        """What a weights file says of this training. hours: what it calls the time that this took."""
        return {
            "steps": self.step,
            "batch": self.plan.batch,
            "loss": round(self.loss, 4),
            hours: round(self.seconds / 3600, 2),
            "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
            "latent_spread": self.latent_spread,
        }

    def save(self) -> None:
        """Writes the checkpoint. Moments are left out: a warm-up brings them back."""
        state = {f"net.{k}": v for k, v in self.net.state_dict().items()}
        state |= {f"average.{k}": v for k, v in self.average.items()}
        notes = {k: str(getattr(self, k)) for k in ("step", "seconds", "loss", "latent_spread")}
        self.write(state, notes)

    def write(self, state: dict[str, torch.Tensor], notes: dict[str, str]) -> None:
        """Writes the checkpoint: the weights of `net` and `average`, and what `resume` must know."""
        fresh = self.folder / f"{self.name}.new"
        save_file({k: v.detach().contiguous().clone() for k, v in state.items()}, fresh, notes)
        fresh.replace(self.checkpoint)

    def read(self, path: Path) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
        """What `write` wrote."""
        from safetensors import safe_open

        with safe_open(path, "pt") as file:
            return load_file(path), file.metadata()

    def resume(self, path: Path) -> None:
        """Goes on from a file of `save`, or from one that holds averaged weights only."""
        state, notes = self.read(path)
        average = {k[8:]: v.float() for k, v in state.items() if k.startswith("average.")}
        net = {k[4:]: v for k, v in state.items() if k.startswith("net.")} or average
        # Shipped weights lack the layout reader: its fresh ones stay.
        fresh = {f"layout.{k}": v.clone() for k, v in self.layout.state_dict().items()}
        self.net.load_state_dict(fresh | net)
        self.average = fresh | average
        self.step, self.seconds = int(notes["step"]), float(notes["seconds"])
        self.loss, self.latent_spread = float(notes["loss"]), float(notes["latent_spread"])
        self.resumed_at = self.step

    def run(self, pool: LatentPool, on_save=None) -> None:
        """Trains up to `plan.steps`, saving on the way, and where it is interrupted (Ctrl+C)."""
        try:
            self._run(pool, on_save)
        except KeyboardInterrupt:
            self.save()
            log.info("%s stopped at step %d, saved", self.name, self.step)
            raise

    def _run(self, pool: LatentPool, on_save) -> None:
        rng = np.random.default_rng(self.plan.seed + self.step)
        torch.manual_seed(self.plan.seed + self.step)
        clock = time.time()
        while self.step < self.plan.steps:
            if len(pool.scenes) < self.plan.pool:
                pool.grow(self.plan.pool_growth if pool.scenes else self.plan.first_pool)
            loss = self._one_step(*pool.draw(rng, self.plan.batch), rng)
            self.loss = 0.98 * self.loss + 0.02 * loss if self.step else loss
            self.step += 1
            self.seconds += time.time() - clock
            clock = time.time()
            if self.step % 25 == 0:
                log.info(
                    "%s %d/%d  loss %.4f  layout %.3f  %.0f s  pool %d",
                    self.name, self.step, self.plan.steps, self.loss, self.misread, self.seconds,
                    len(pool.scenes),
                )  # fmt: skip
            if self.step % self.plan.save_every == 0 or self.step == self.plan.steps:
                self.save()
                if on_save:
                    on_save(self)

    def _one_step(
        self,
        latents: torch.Tensor,
        layouts: torch.Tensor,
        captions: list[Caption],
        rng: np.random.Generator,
    ) -> float:
        empty = rng.random(len(captions)) < self.plan.unconditional
        shown = [Caption("", ()) if e else c for c, e in zip(captions, empty, strict=True)]
        ids = torch.tensor([self.tokenizer.encode(c)[0] for c in shown])
        loss, seen, clear = self._predict(latents / self.latent_spread, ids, rng)
        misread = nn.functional.cross_entropy(seen.float(), layouts, reduction="none").mean((1, 2))
        misread = (clear * misread).mean()
        self.misread += 0.02 * (misread.item() - self.misread)
        (loss + self.plan.layout_weight * misread).backward()
        nn.utils.clip_grad_norm_(self.net.parameters(), 1.0)
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group["rate"] * self.plan.rate(self.step, self.resumed_at)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        self._average()
        return loss.item()

    def _predict(
        self, clean: torch.Tensor, ids: torch.Tensor, rng: np.random.Generator
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The loss of a batch, what its layouts look like to the network, how clear each picture was."""
        steps = torch.from_numpy(_noise_steps(rng, len(clean)))
        alpha = self.alphas[steps].sqrt()[:, None, None, None]
        sigma = (1 - alpha**2).sqrt()
        noise = torch.randn_like(clean)
        noised = (alpha * clean + sigma * noise).contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text(ids)
            output = self.denoise(noised, steps.float(), context=context, transformer_options={})
            seen = self.layout(self.listener.heard)
        loss = (output.float() - (alpha * noise - sigma * clean)).square().mean()
        return loss, seen, alpha.flatten() ** 2

    def _average(self) -> None:
        done = self.step - self.began
        keep = min(self.plan.ema, (done + 1) / (done + 10))
        state = self.net.state_dict()
        torch._foreach_lerp_([self.average[k] for k in state], list(state.values()), 1 - keep)

    @torch.no_grad()
    def preview(self, captions: list[str], steps: int = 16, cfg: float = 4.0, seed: int = 0) -> torch.Tensor:
        """Latents (n, 4, 16, 16) sampled by Euler steps with the averaged weights; a look during training."""
        trained = {k: v.clone() for k, v in self.net.state_dict().items()}
        self.net.load_state_dict(self.average)
        ids = torch.tensor(
            [self.tokenizer.encode(Caption(c, ()))[0] for c in [*captions, *[""] * len(captions)]]
        )
        sigmas = ((1 - self.alphas) / self.alphas).sqrt()
        times = torch.linspace(999, 0, steps).long()
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(len(captions), 4, 16, 16, generator=generator) * sigmas[999]
        with torch.autocast("cpu", torch.bfloat16):
            context = self.text(ids)
            for now, after in zip(times, [*times[1:], None], strict=True):
                s = sigmas[now]
                scaled = torch.cat([x, x]) / (s**2 + 1).sqrt()
                t = torch.full((len(scaled),), float(now))
                v = self.unet(scaled, t, context=context, transformer_options={}).float()
                wanted, free = v.chunk(2)
                v = free + cfg * (wanted - free)
                clean = x / (s**2 + 1) - v * s / (s**2 + 1).sqrt()
                x = clean if after is None else clean + (x - clean) / s * sigmas[after]
        self.net.load_state_dict(trained)
        return x * self.latent_spread


def caption_batches(
    rng: np.random.Generator, scenes_from, batches: int, size: int
) -> Iterator[list[Caption]]:
    """Batches of captions of fresh scenes, for the text encoder's first lesson."""
    for _ in range(batches):
        yield [scenes_from(rng) for _ in range(size)]
