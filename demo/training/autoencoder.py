"""Trains the 8x autoencoder (the host's TAESD classes) on crops of scenes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from ..scenes import SIDE, render, scene_from_seed

log = logging.getLogger("selagg.demo.train")


@dataclass(frozen=True)
class AutoencoderPlan:
    """Training settings; `crop` in pixels, `latent_noise` in units of the latent's spread."""

    steps: int = 1300
    scenes_per_step: int = 8
    crops_per_scene: int = 2
    crop: int = 64
    learning_rate: float = 5e-4
    latent_noise: float = 0.04
    first_seed: int = 3_000_000


def new_autoencoder() -> nn.ModuleDict:
    """The host's TAESD encoder and decoder with fresh weights: pixels in [0, 1] <-> (4, h/8, w/8).

    They start as what a linear code would do, the mean colour of a patch in three channels and blocks that
    pass their input on: from random weights the first tenth of the budget went into finding just that.
    """
    from comfy.taesd.taesd import Block, Decoder, Encoder

    model = nn.ModuleDict({"taesd_encoder": Encoder(), "taesd_decoder": Decoder()})
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for module in model.modules():
        if isinstance(module, Block):
            nn.init.zeros_(module.conv[-1].weight)
    with torch.no_grad():
        _pass_colour(model["taesd_encoder"], model["taesd_decoder"])
    return model.to(memory_format=torch.channels_last)


def _pass_colour(encoder: nn.Sequential, decoder: nn.Sequential) -> None:
    """Gives channels 0 to 2 of every layer to the colour: averaged going down, copied going up."""
    colours = range(3)
    for net in (encoder, decoder):
        for module in net:
            if isinstance(module, nn.Conv2d):
                module.weight[:3] = 0
                module.weight[3:] *= 0.5
                for c in colours:
                    if module.stride == (2, 2):
                        module.weight[c, c] = 1 / 9
                    else:
                        module.weight[c, c, 1, 1] = 1
    spread, shift = 4.0, 3.0
    encoder[-1].weight[:3] *= spread
    encoder[-1].weight[3] *= 0.1
    encoder[-1].bias[:3] = -spread / 2
    first, last = decoder[1], decoder[-1]
    first.bias[:3] = shift
    last.weight.zero_()
    for c in colours:
        last.weight[c, c, 1, 1] = 1 / spread
        last.bias[c] = 0.5 - shift / spread


def _crops(plan: AutoencoderPlan, step: int) -> torch.Tensor:
    """(crops, 3, crop, crop) in [0, 1], most of them around an object."""
    rng = np.random.default_rng(plan.first_seed + step)
    tiles = []
    for index in range(plan.scenes_per_step):
        scene, _ = scene_from_seed(plan.first_seed + step * plan.scenes_per_step + index, held_out=None)
        picture, _ = render(scene)
        for crop in range(plan.crops_per_scene):
            item = scene.objects[crop % len(scene.objects)]
            corner = [int(c - plan.crop / 2 + rng.integers(-16, 17)) for c in item.centre]
            x, y = (min(max(c, 0), SIDE - plan.crop) for c in corner)
            tiles.append(picture[y : y + plan.crop, x : x + plan.crop])
    pixels = torch.from_numpy(np.stack(tiles)).permute(0, 3, 1, 2).float() / 255
    return pixels.contiguous(memory_format=torch.channels_last)


def _spread_penalty(latent: torch.Tensor) -> torch.Tensor:
    """Keeps the channels centred, of unit spread and uncorrelated: fit to be diffused as they are."""
    flat = latent.transpose(0, 1).flatten(1)
    centred = flat - flat.mean(1, keepdim=True)
    covariance = centred @ centred.T / centred.shape[1]
    return flat.mean(1).square().mean() + (covariance - torch.eye(4)).square().mean()


def _edges(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x[..., 1:, :] - x[..., :-1, :], x[..., :, 1:] - x[..., :, :-1]


def train_autoencoder(folder: Path, plan: AutoencoderPlan, freeze_encoder: bool = False) -> None:
    """Trains (or resumes) and writes `autoencoder.safetensors` into `folder`."""
    model = new_autoencoder()
    path = folder / "autoencoder.safetensors"
    if path.exists():
        model.load_state_dict(load_file(path))
    weights = model["taesd_decoder"].parameters() if freeze_encoder else model.parameters()
    optimizer = torch.optim.AdamW(
        weights, lr=plan.learning_rate, betas=(0.9, 0.98), weight_decay=1e-3, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.learning_rate, plan.steps, pct_start=0.06)
    started, mean_error = time.time(), 0.0
    for step in range(plan.steps):
        pixels = _crops(plan, step)
        with torch.autocast("cpu", torch.bfloat16):
            latent = model["taesd_encoder"](pixels).float()
            shaken = latent + plan.latent_noise * torch.randn_like(latent)
            output = model["taesd_decoder"](shaken).float()
        error = (output - pixels).abs().mean()
        edge = sum((a - b).abs().mean() for a, b in zip(_edges(output), _edges(pixels), strict=True))
        loss = error + (output - pixels).square().mean() * 2 + 0.5 * edge
        if not freeze_encoder:
            loss = loss + 0.05 * _spread_penalty(latent)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        schedule.step()
        mean_error = 0.95 * mean_error + 0.05 * error.item() if step else error.item()
        if step % 25 == 24 or step == plan.steps - 1:
            spread = latent.detach().transpose(0, 1).flatten(1).std(1)
            log.info(
                "autoencoder %d/%d  L1 %.4f  spread %s  %.0f s",
                step + 1, plan.steps, mean_error, [round(v, 2) for v in spread.tolist()],
                time.time() - started,
            )  # fmt: skip
        if step % 100 == 99 or step == plan.steps - 1:
            save_file({k: v.contiguous() for k, v in model.state_dict().items()}, path)
