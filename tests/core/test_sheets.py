"""Maps packed for the browser: small, within half a level, and nothing but what was packed."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace

import numpy as np
import pytest

from selagg_core.report.packed_maps import PackedMaps, pack_maps, unpack_maps


def test_a_map_comes_back_within_half_a_level_of_its_own_range():
    random = np.random.default_rng(0)
    scales = np.array([1e-6, 1e-3, 1.0, 40.0], np.float32)[:, None, None]
    maps = random.random((4, 9, 13), dtype=np.float32) * scales
    back = unpack_maps(PackedMaps.from_dict(json.loads(json.dumps(pack_maps(maps).to_dict()))))
    spread = maps.max(axis=(1, 2)) - maps.min(axis=(1, 2))
    assert back.shape == maps.shape
    assert (np.abs(back - maps).max(axis=(1, 2)) <= spread / 510 * 1.001 + 1e-9).all()


def test_flat_maps_half_precision_and_negative_values():
    maps = np.stack([np.full((3, 4), 0.25), np.zeros((3, 4)), np.linspace(-1, 1, 12).reshape(3, 4)])
    back = unpack_maps(pack_maps(maps.astype(np.float16)))
    np.testing.assert_allclose(back, maps, atol=2 / 510 + 1e-3)
    assert (back[0] == 0.25).all() and not back[1].any()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(bad):
    maps = np.zeros((1, 2, 2), np.float32)
    maps[0, 0, 0] = bad
    with pytest.raises(ValueError, match="not finite"):
        pack_maps(maps)


@pytest.mark.parametrize("cells", [3, 5, 1_000_000])
def test_data_of_another_size_are_refused(cells):
    packed = replace(pack_maps(np.zeros((1, 2, 2))), data=zlib.compress(bytes(cells)))
    with pytest.raises(ValueError, match="not 4"):
        unpack_maps(packed)


def test_twenty_words_of_a_large_model_are_far_below_a_megabyte():
    """Worst case: noise, which does not compress, on SDXL's finest grid, in three modes."""
    noise = np.random.default_rng(1).random((20, 64, 64), dtype=np.float32)
    assert 3 * len(json.dumps(pack_maps(noise).to_dict())) < 400_000
