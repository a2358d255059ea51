"""UNets of SD1.x, SD2.x, SDXL and models of their kind: cross-attention layers and their grids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.recording.probabilities import grid_of

from ..host.models import diffusion_model, uncompiled


@dataclass(frozen=True)
class AttentionSite:
    """One cross-attention layer: its patch key, heads, how often its grid was halved, and the module.

    self_module: the self-attention in front of it, width: the channels of its queries.
    """

    block: str
    number: int
    depth: int
    heads: int
    halvings: int
    module: Any
    self_module: Any
    width: int

    @property
    def key(self) -> tuple[str, int, int]:
        return self.block, self.number, self.depth


def cross_attention_sites(model) -> tuple[AttentionSite, ...]:
    """The text cross-attention layers of an image UNet, in order of execution; () for any other model."""
    network = diffusion_model(model)
    if not all(hasattr(network, name) for name in ("input_blocks", "middle_block", "output_blocks")):
        return ()
    sites: list[AttentionSite] = []
    halvings = 0
    for number, block in enumerate(network.input_blocks):
        halvings += _has(block, "Downsample")
        sites += _sites_of(block, "input", number, halvings)
    if network.middle_block is not None:
        sites += _sites_of(network.middle_block, "middle", 0, halvings)
    for number, block in enumerate(network.output_blocks):
        sites += _sites_of(block, "output", number, halvings)
        halvings -= _has(block, "Upsample")
    if any(_has(block, "SpatialVideoTransformer") for block in network.input_blocks):
        return ()
    return tuple(sites)


def _sites_of(block, name: str, number: int, halvings: int) -> list[AttentionSite]:
    sites = []
    for module in map(uncompiled, uncompiled(block).children()):
        for depth, transformer in enumerate(getattr(module, "transformer_blocks", ())):
            own = uncompiled(transformer)
            attention, self_attention = (uncompiled(getattr(own, x, None)) for x in ("attn2", "attn1"))
            if attention is not None and hasattr(attention, "heads"):
                width = attention.heads * attention.dim_head
                sites.append(
                    AttentionSite(
                        name,
                        number,
                        depth,
                        attention.heads,
                        max(0, halvings),
                        attention,
                        self_attention,
                        width,
                    )
                )
    return sites


def _has(block, class_name: str) -> bool:
    return any(type(module).__name__ == class_name for module in uncompiled(block).children())


def layer_grid(q: torch.Tensor, options: dict) -> tuple[int, int] | None:
    """(h, w) of a layer's pixels."""
    shape = options.get("activations_shape")
    if shape is not None:
        grid = int(shape[-2]), int(shape[-1])
        return grid if grid[0] * grid[1] == q.shape[1] else None
    height, width = options["original_shape"][-2:]
    return grid_of(q.shape[1], height, width)
