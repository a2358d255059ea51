"""Exact probabilities of chosen columns."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selagg_core.recording.probabilities import (
    LayerGroup,
    column_matrix,
    column_probabilities,
    grid_of,
    halved,
    of_every_head,
    pool_grid,
)


def naive(q, k, heads):
    """float64 softmax, one head at a time: (batch, heads, pixels, keys)."""
    dim = q.shape[-1] // heads
    out = []
    for h in range(heads):
        part = slice(h * dim, (h + 1) * dim)
        out.append(torch.softmax(q[..., part].double() @ k[..., part].double().mT / dim**0.5, -1))
    return torch.stack(out, 1)


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(1, 3),
    heads=st.integers(1, 4),
    dim=st.integers(1, 9),
    pixels=st.integers(1, 30),
    length=st.integers(1, 12),
    repeats=st.integers(1, 3),
    limit=st.sampled_from([1, 50, 10**9]),
    seed=st.integers(0, 10**6),
)
def test_equal_to_float64(batch, heads, dim, pixels, length, repeats, limit, seed):
    generator = torch.Generator().manual_seed(seed)
    q = 4 * torch.randn(batch, pixels, heads * dim, generator=generator)
    k = 4 * torch.randn(batch, length, heads * dim, generator=generator).repeat(1, repeats, 1)
    slots = [((column,), 1.0) for column in range(length)] + [(tuple(range(length)), 0.5)]
    matrix = column_matrix(slots, length, length * repeats)
    values = column_probabilities(q, k, heads, matrix, limit)
    folded = naive(q, k, heads).reshape(batch, heads, pixels, repeats, length).sum(3)
    assert values.dtype == torch.float32
    assert (values[..., :length] - folded).abs().max() < 1e-5
    assert (values[..., length] - 0.5).abs().max() < 1e-5


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_float32(dtype):
    generator = torch.Generator().manual_seed(0)
    q = (30 * torch.randn(2, 20, 64, generator=generator)).to(dtype)
    k = (30 * torch.randn(2, 77, 64, generator=generator)).to(dtype)
    matrix = column_matrix([((c,), 1.0) for c in range(77)], 77, 77)
    values = column_probabilities(q, k, 4, matrix)
    assert torch.isfinite(values).all()
    assert (values - naive(q, k, 4)).abs().max() < 1e-4


def test_views_of_a_bigger_batch():
    q, k = torch.randn(4, 20, 16), torch.randn(4, 7, 16)
    matrix = column_matrix([((2, 3), 0.5)], 7, 7)
    whole = column_probabilities(q, k, 2, matrix)
    assert torch.equal(column_probabilities(q[1:3], k[1:3], 2, matrix), whole[1:3])
    expected = naive(q, k, 2)[..., 2:4].mean(-1)
    assert (whole[..., 0] - expected).abs().max() < 1e-6


def test_a_group_of_layers_gives_what_each_gives_alone():
    """And what the model does with its queries afterwards changes nothing."""
    matrix = column_matrix([((2,), 1.0), ((0, 5), 0.5)], 7, 7)
    layers = [(3 * torch.randn(2, 20, 16), 3 * torch.randn(2, 7, 16)) for _ in range(3)]
    alone = [column_probabilities(q, k, 2, matrix) for q, k in layers]
    group = LayerGroup(*layers[0], 2, 3 * 2 * 2 * 20 * 7)
    for q, k in layers:
        assert not group.full
        group.add(q, k)
        q.zero_()
    assert group.full
    together = group.probabilities(matrix)
    assert together.shape == (3, 2, 2, 20, 2)
    for one, other in zip(alone, together, strict=True):
        assert (one - other).abs().max() < 1e-6
    assert (alone[0] - alone[1]).abs().max() > 0.1


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="80 attention keys are no repetition of a text of 77"):
        column_matrix([((0,), 1.0)], 77, 80)
    with pytest.raises(ValueError, match="Column 77 is outside"):
        column_matrix([((77,), 1.0)], 77, 77)
    matrix = column_matrix([((0,), 1.0)], 7, 7)
    with pytest.raises(ValueError, match="do not fit"):
        column_probabilities(torch.zeros(1, 4, 9), torch.zeros(1, 7, 9), 2, matrix)
    with pytest.raises(ValueError, match="7 keys does not fit attention over 8"):
        column_probabilities(torch.zeros(1, 4, 8), torch.zeros(1, 8, 8), 2, matrix)


def test_pooling_averages_cells_even_at_odd_edges():
    values = torch.arange(15.0).reshape(1, 1, 15, 1)
    pooled, height, width = pool_grid(values, 3, 5, 2)
    assert (height, width) == (2, 3)
    grid = torch.arange(15.0).reshape(3, 5)
    expected = [
        [grid[:2, :2].mean(), grid[:2, 2:4].mean(), grid[:2, 4].mean()],
        [grid[2, :2].mean(), grid[2, 2:4].mean(), grid[2, 4]],
    ]
    assert torch.allclose(pooled.reshape(2, 3), torch.tensor(expected))
    assert pool_grid(values, 3, 5, 1)[0] is values


@settings(deadline=None)
@given(height=st.integers(8, 130), width=st.integers(8, 130), times=st.integers(0, 3))
def test_grid_is_found_from_its_number_of_pixels(height, width, times):
    grid = halved(height, times), halved(width, times)
    assert grid_of(grid[0] * grid[1], height, width) == grid


def test_grid_of_unknown_size():
    assert grid_of(64 * 64 - 1, 64, 64) is None


@pytest.mark.parametrize(("heads", "own"), [(6, 2), (6, 3), (4, 1), (4, 4)])
def test_keys_that_serve_several_heads_are_given_to_each_of_them(heads, own):
    keys = torch.arange(own * 6.0).reshape(1, own, 3, 2)
    found = of_every_head(keys, heads)
    assert found.shape == (1, heads, 3, 2)
    for head in range(heads):
        assert torch.equal(found[0, head], keys[0, head * own // heads])
