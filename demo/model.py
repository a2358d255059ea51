"""The demo model: its shape, its weights, and the host objects built from them.

Everything is of the host's own classes: a UNet of SD1.x block layout (`supported_models.SD15`, other widths,
v-prediction), CLIP text model classes of the SD1.x family behind the real CLIP tokenizer, TAESD as the VAE.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file

WEIGHTS = Path(__file__).resolve().parent / "weights" / "selagg_demo.safetensors"
"""The weights that ship with the pack."""

HARD_WEIGHTS = WEIGHTS.with_name("selagg_hard.safetensors")
"""UNet and text encoder trained on for the hard world; of the repository, not of what artists install."""

LATENT_SIDE = 16
CONTEXT_WIDTH = 96
VOCABULARY_SIZE = 49408
LATENT_SCALE = 0.18215
"""`latent_formats.SD15.scale_factor`: what the UNet sees is the VAE's latent times this."""

UNET_CONFIG: dict[str, Any] = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 64,
    "num_res_blocks": [2, 2, 2, 2],
    "channel_mult": [1, 2, 1, 1],
    "transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0],
    "transformer_depth_output": [1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0],
    "transformer_depth_middle": 1,
    "use_spatial_transformer": True,
    "context_dim": CONTEXT_WIDTH,
    "use_linear_in_transformer": False,
    "legacy": False,
    "adm_in_channels": None,
    "num_classes": None,
    "use_checkpoint": False,
    "use_temporal_attention": False,
    "use_temporal_resblock": False,
}
"""SD1.x: attention at input 1, 2, 4, 5, 7, 8, middle, output 3 to 11; eight heads each, 128 in all."""

TEXT_CONFIG: dict[str, Any] = {
    "num_hidden_layers": 2,
    "hidden_size": CONTEXT_WIDTH,
    "num_attention_heads": 4,
    "intermediate_size": 256,
    "hidden_act": "quick_gelu",
    "vocab_size": VOCABULARY_SIZE,
    "max_position_embeddings": 77,
    "eos_token_id": 49407,
}


@dataclass(frozen=True)
class ModelWeights:
    """Weights by part, keys as the host names them; `tokens`: the ids whose embedding was trained."""

    text: dict[str, torch.Tensor]
    vae: dict[str, torch.Tensor]
    tokens: torch.Tensor
    metadata: dict[str, str]

    def token_embedding(self) -> torch.Tensor:
        """(49408, width): untrained ids hold the mean of the others: an unknown word says nothing."""
        rows = self.text["text_model.embeddings.token_embedding.weight"].float()
        table = rows.mean(0).repeat(VOCABULARY_SIZE, 1)
        table[self.tokens] = rows
        return table


@dataclass(frozen=True)
class DemoWeights(ModelWeights):
    """The model that ships: a UNet."""

    unet: dict[str, torch.Tensor]


def load_weights(path: Path = WEIGHTS) -> DemoWeights:
    """Reads the shipped file.

    Raises:
        ValueError: the file is missing or of another kind.
    """
    if not path.is_file():
        raise ValueError(f"The demo model's weights are missing: {path.name} should lie in {path.parent}.")
    parts, tokens, metadata = read_parts(path, ("unet", "text", "vae"))
    return DemoWeights(**parts, tokens=tokens, metadata=metadata)


def read_parts(
    path: Path, names: tuple[str, ...]
) -> tuple[dict[str, dict[str, torch.Tensor]], torch.Tensor, dict[str, str]]:
    """Weights of the named parts in float32, the list of tokens, and what is written beside them.

    Raises:
        ValueError: the file is of another kind.
    """
    flat = load_file(path)
    parts: dict[str, dict[str, torch.Tensor]] = {name: {} for name in names}
    for key, value in flat.items():
        part, _, name = key.partition(".")
        if part in parts:
            parts[part][name] = value.float()
    if "tokens" not in flat or not all(parts.values()):
        raise ValueError(
            f"{path.name} does not hold the demo model: it needs {', '.join(names)} and a token list."
        )
    with safe_open(path, "pt") as file:
        metadata = dict(file.metadata() or {})
    return parts, flat["tokens"].long(), metadata


def load_hard_weights() -> DemoWeights:
    """The model that knows the hard world too, behind the shipped autoencoder.

    Raises:
        ValueError: the file is missing (it is in the repository, not in what artists install).
    """
    if not HARD_WEIGHTS.is_file():
        raise ValueError(f"{HARD_WEIGHTS.name} is missing: python -m demo.train_hard makes it.")
    parts, tokens, metadata = read_parts(HARD_WEIGHTS, ("unet", "text"))
    return replace(load_weights(), **parts, tokens=tokens, metadata=metadata)


def model_card(weights: ModelWeights) -> dict[str, Any]:
    """What the weights file says of its training (steps, loss, time, machine)."""
    return json.loads(weights.metadata.get("training", "{}"))
