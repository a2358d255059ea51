"""The published order of heads on UNets of full size, as the host builds them (without weights)."""

from __future__ import annotations

import importlib

import pytest
from tiny_models import patcher

from benchmarks.full_size import SD15, SDXL
from selagg_core.recording.layout import HeadLayout
from selagg_core.relevance.relevance import published_labels
from selagg_core.relevance.shipped import load_preset, preset_for

# (place, transformer blocks of it) -> heads of each, and the side of its grid for a latent of side 64.
SD1_GRIDS = [
    ("down", 2, 8, 64), ("down", 2, 8, 32), ("down", 2, 8, 16), ("mid", 1, 8, 8),
    ("up", 3, 8, 16), ("up", 3, 8, 32), ("up", 3, 8, 64),
]  # fmt: skip
SDXL_GRIDS = [
    ("down", 4, 10, 32),
    ("down", 20, 20, 16),
    ("mid", 10, 20, 16),
    ("up", 30, 20, 16),
    ("up", 6, 10, 32),
]


@pytest.fixture(params=["sd14", "sdxl"])
def full_size(request, pack):
    """The preset's name, the sites of its model, and (place, layer, head, side) of every published column."""
    import comfy.supported_models as supported

    kind, config, grids = {
        "sd14": (supported.SD15, SD15, SD1_GRIDS),
        "sdxl": (supported.SDXL, SDXL, SDXL_GRIDS),
    }[request.param]
    model = patcher(kind(dict(config)).get_model({}, "", device="meta"))
    sites = importlib.import_module("selagg_nodes.families.unet").cross_attention_sites(model)
    columns, counts = [], {"down": 0, "mid": 0, "up": 0}
    for place, blocks, heads, side in grids:
        for _ in range(blocks):
            columns += [(place, counts[place], head, side) for head in range(heads)]
            counts[place] += 1
    return request.param, sites, columns


def test_every_column_is_the_published_head(full_size):
    name, sites, columns = full_size
    layout = HeadLayout.of((*site.key, site.heads) for site in sites)
    assert layout == load_preset(name).layout
    halvings = {site.key: site.halvings for site in sites}
    labels = published_labels(layout)
    assert len(columns) == layout.total == len(labels)
    for column, (place, layer, head, side) in enumerate(columns):
        assert labels[column] == f"{place}, layer: {layer}, head: {head}"
        own = layout.head_at(column).layer
        assert 64 >> halvings[own.block, own.number, own.depth] == side


def test_the_preset_is_found_by_heads_and_text_width(full_size):
    name, sites, _ = full_size
    layout = HeadLayout.of((*site.key, site.heads) for site in sites)
    widths = {site.module.to_k.in_features for site in sites}
    assert len(widths) == 1
    assert preset_for(layout, widths.pop()) is load_preset(name)
