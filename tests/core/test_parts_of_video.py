"""A video that is seen in parts: what each part showed is added to the frames that it holds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selagg_core.prompt.known_texts import LabelCache
from selagg_core.recording.layout import HeadLayout, LayerId
from selagg_core.recording.run import EncodedText
from selagg_core.recording.run_sums import RunSums
from selagg_core.recording.settings import CaptureSettings

FIRST, SECOND = LayerId("block", 0, 0), LayerId("block", 1, 0)
LAYOUT = HeadLayout.of([("block", 0, 0, 2), ("block", 1, 0, 2)])
GRID, COLUMNS, WIDTH = (3, 2), 5, 8


def run_of(videos: int, frames: int, steps: int, **more) -> RunSums:
    sigmas = tuple(float(steps - i) for i in range(steps + 1))
    shape = (videos, 4, frames, *GRID)
    return RunSums(
        LAYOUT, dict.fromkeys((FIRST, SECOND), GRID), shape, sigmas, LabelCache(), CaptureSettings(**more)
    )


def text(seed: int = 0) -> EncodedText:
    return EncodedText.of(torch.randn(1, COLUMNS, 4, generator=torch.Generator().manual_seed(seed)))


def attended(run: RunSums, handle, layer: LayerId, rows: int, places, seed: int) -> np.ndarray:
    """What random queries and keys, handed to the run, attend to: float64 (rows, heads, columns, h, w)."""
    noise = torch.Generator().manual_seed(seed)
    q = 2 * torch.randn(rows, GRID[0] * GRID[1], WIDTH, generator=noise)
    k = 2 * torch.randn(rows, COLUMNS, WIDTH, generator=noise)
    run.add(handle, layer, q, k, 2, GRID, places)
    own_q, own_k = (x.double().unflatten(-1, (2, -1)).transpose(1, 2) for x in (q, k))
    logits = own_q @ own_k.mT / (WIDTH // 2) ** 0.5
    return torch.softmax(logits, -1).mT.unflatten(-1, GRID).numpy()


PARTS = st.lists(
    st.lists(st.integers(0, 4), min_size=1, max_size=5, unique=True).map(tuple),
    min_size=1,
    max_size=4,
    unique=True,
)


@settings(max_examples=30, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=3), st.integers(1, 2), st.integers(1, 3))
def test_a_frame_is_the_mean_over_its_steps_of_the_mean_over_its_parts(steps, videos, bins):
    """Whichever parts there are in each step; frames that no part ever held are left out, and said."""
    run = run_of(videos, 5, len(steps), step_bins=bins)
    handle = run.entry("positive", 0, text())
    found: dict = {}
    for step, parts in enumerate(steps):
        run.begin_evaluation()
        for number, places in enumerate(parts):
            for layer in (FIRST, SECOND):
                seed = 100 * step + 10 * number + layer.number
                own = attended(run, handle, layer, videos * len(places), places, seed)
                own = own.reshape(videos, len(places), *own.shape[1:])
                for i, frame in enumerate(places):
                    found.setdefault((layer, frame), {}).setdefault(step, []).append(own[:, i])
        run.commit(step)
    done = run.finish(True)
    kept = sorted({frame for _, frame in found})
    assert done.frames == tuple(kept) and any("frames that SelAgg would keep" in n for n in done.notices) == (
        len(kept) < 5
    )
    (raw,) = done.entries
    for layer in (FIRST, SECOND):
        wanted = np.stack(
            [np.mean([np.mean(x, axis=0) for x in found[layer, f].values()], axis=0) for f in kept], axis=1
        )
        values = raw.maps[layer].reshape(videos, len(kept), *raw.maps[layer].shape[1:])
        columns = [own[0] for own, _ in raw.entry.slots[:-1]]  # the last is the sum of the special ones
        assert columns and np.abs(values[:, :, :, :-1] - wanted[:, :, :, columns]).max() < 1e-5


def test_a_layer_that_lacks_a_part_is_left_out():
    run = run_of(1, 3, 1)
    handle = run.entry("positive", 0, text())
    run.begin_evaluation()
    for places in ((0, 1), (2,)):
        attended(run, handle, FIRST, len(places), places, 1)
        if len(places) > 1:
            attended(run, handle, SECOND, len(places), places, 2)
    run.commit(0)
    done = run.finish(True)
    assert done.frames == (0, 1, 2) and list(done.entries[0].maps) == [FIRST]
    assert any("1 of 2 attention layers" in notice for notice in done.notices)


@pytest.mark.parametrize("order", [("whole", "part"), ("part", "whole")])
def test_steps_in_parts_and_as_a_whole_count_alike(order):
    run = run_of(1, 3, 2)
    handle = run.entry("positive", 0, text())
    sums = np.zeros(3)
    for step, kind in enumerate(order):
        run.begin_evaluation()
        for places in (None,) if kind == "whole" else ((0, 1), (1, 2)):
            seen = (0, 1, 2) if places is None else places
            own = attended(run, handle, FIRST, len(seen), places, 7 * step + len(sums))
            share = 1 if kind == "whole" else np.array([1, 0.5, 1])[list(seen)]
            sums[list(seen)] += own[:, 0, 1].mean((1, 2)) * share
        run.commit(step)
    (raw,) = run.finish(True).entries
    slot = raw.entry.slots.index(((1,), 1.0))
    np.testing.assert_allclose(raw.maps[FIRST][:, 0, slot].mean((1, 2)), sums / 2, atol=1e-6)
