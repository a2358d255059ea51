"""Self-attention kept for propagation: the mean of what each cell attends to, and which layers are kept."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from selagg_core.maps.word_maps import propagate
from selagg_core.recording.layout import HeadLayout, LayerId, sd1_layout, sdxl_layout
from selagg_core.recording.probabilities import halved
from selagg_core.recording.self_attention import SelfAttention, layers_to_keep, layers_within


def attention(batch=1, heads=2, grid=(3, 5), dim=4, seed=0) -> SelfAttention:
    random = np.random.default_rng(seed)
    shape = (batch, heads, grid[0] * grid[1], dim)
    q, k = (2 * random.standard_normal(shape, dtype=np.float32) for _ in range(2))
    return SelfAttention(q.astype(np.float16), k.astype(np.float16), grid)


def naive(attention: SelfAttention, values: np.ndarray) -> np.ndarray:
    """In float64 with every probability written out; values (batch, n, h, w)."""
    q, k = attention.q.astype(np.float64), attention.k.astype(np.float64)
    logits = q @ k.swapaxes(2, 3) / np.sqrt(q.shape[-1])
    p = np.exp(logits - logits.max(axis=-1, keepdims=True))
    p = (p / p.sum(axis=-1, keepdims=True)).mean(axis=1)
    flat = values.reshape(*values.shape[:2], -1)
    return np.einsum("bij,bnj->bni", p, flat).reshape(values.shape)


@pytest.mark.parametrize("count", [1, 3, 4, 9])
@pytest.mark.parametrize("batch", [1, 2])
def test_propagation_is_the_mean_of_what_a_cell_attends_to(batch, count):
    own = attention(batch)
    values = np.random.default_rng(1).random((batch, count, 3, 5), dtype=np.float32)
    found = own.propagate(values)
    assert found.shape == values.shape and found.dtype == np.float32
    assert np.abs(found - naive(own, values)).max() < 1e-5
    assert np.abs(found - values).max() > 0.1


def test_one_picture_and_maps_that_all_pictures_share():
    values = np.random.default_rng(1).random((3, 3, 5), dtype=np.float32)
    two = attention(2)
    found = two.propagate(values)
    assert found.shape == (2, 3, 3, 5)
    assert np.abs(found - naive(two, np.stack([values, values]))).max() < 1e-5
    one = two.picture(1)
    assert one.propagate(values).shape == values.shape
    assert np.abs(one.propagate(values) - found[1]).max() < 1e-6
    assert one.nbytes * 2 == two.nbytes


def test_a_flat_map_stays_flat():
    assert np.abs(attention().propagate(np.full((1, 3, 5), 0.7)) - 0.7).max() < 1e-6


@pytest.mark.parametrize("shape", [(1, 5, 3), (3, 1, 3, 5), (3, 5)])
def test_maps_that_do_not_fit_are_refused(shape):
    with pytest.raises(ValueError, match="(not on the grid|3 pictures)"):
        attention(2).propagate(np.zeros(shape))


def grids_of(layout: HeadLayout, halvings: dict[tuple[str, int], int], latent: int) -> dict:
    sides = {x: halved(latent, halvings[x.block, x.number]) for x in layout.layers}
    return {x: (side, side) for x, side in sides.items() if x.block == "output"}


def test_sd1_keeps_the_grids_of_16_and_32_pixels():
    halvings = {("input", n): n // 3 for n in (1, 2, 4, 5, 7, 8)}
    halvings |= {("middle", 0): 3} | {("output", n): 3 - n // 3 for n in range(3, 12)}
    kept = layers_to_keep(grids_of(sd1_layout(), halvings, 64), (64, 64))
    assert kept == tuple(LayerId("output", n, 0) for n in (6, 7, 8, 3, 4, 5))


def test_sdxl_keeps_three_of_many_layers():
    halvings = {("input", n): 1 + n // 6 for n in (4, 5, 7, 8)}
    halvings |= {("middle", 0): 2} | {("output", n): 2 - n // 3 for n in range(6)}
    kept = layers_to_keep(grids_of(sdxl_layout(), halvings, 128), (128, 128))
    assert [str(x) for x in kept] == [
        "output 4.1", "output 5.0", "output 5.1", "output 2.7", "output 2.8", "output 2.9"
    ]  # fmt: skip


def test_small_latents_keep_their_finest_grid():
    grids = {LayerId("output", n, 0): (16 >> (2 - n // 3), 16 >> (2 - n // 3)) for n in range(9)}
    assert [x.number for x in layers_to_keep(grids, (16, 16))] == [6, 7, 8, 3, 4, 5]
    assert layers_to_keep({}, (16, 16)) == ()


def test_the_finest_layers_go_first_when_memory_is_short():
    layers = tuple(LayerId("output", n, 0) for n in (6, 7, 3, 4))
    sizes = dict(zip(layers, (100, 100, 10, 10), strict=True))
    assert layers_within(layers, sizes, 220) == layers
    assert layers_within(layers, sizes, 219) == layers[1:]
    assert layers_within(layers, sizes, 10) == layers[3:]
    assert layers_within(layers, sizes, 9) == ()


def test_the_last_of_the_finest_layers_passes_maps_on():
    """Neither an earlier one nor a coarser one."""
    grids = ((4, 6), (2, 3), (4, 6), (2, 3))
    kept = [attention(grid=grid, seed=seed) for seed, grid in enumerate(grids)]
    layers, last = dict(zip(sd1_layout().layers, kept, strict=False)), kept[2]
    maps = np.random.default_rng(0).random((2, 4, 6)).astype(np.float32)
    found = propagate(maps, SimpleNamespace(self_attention=layers), 1.0)
    assert np.abs(found - last.propagate(maps)).max() < 1e-6
