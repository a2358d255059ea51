"""Transformers in bad company: packs that change the sequence, tiles, areas, masks, memory that runs out.

Of every kind of attention: one family with cross-attention, one in which text and picture are joined, and
one whose network asks no override.
"""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from test_families import COLUMNS, assert_exact, captured, grid_of, reference, tiny, watched_sample  # noqa: F401
from tiny_transformers import KINDS, encoded, sample_transformer

KINDS_OF_ATTENTION = ("wan", "flux", "ernie")


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")


def texts(kind):
    return encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)


def with_wrapper(model, wrapper):
    model = model.clone()
    model.set_model_unet_function_wrapper(wrapper)
    return model


def without_maps(kind, model, *given, **settings) -> str:
    """Samples with and without capture: the picture must be the same, and no map. What the artist is told."""
    plain = sample_transformer(kind, model, *given, **settings)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, *given, **settings)
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert not recording.entries
    assert recording.coverage is None or not recording.coverage.complete
    return " ".join(recording.notices)


@pytest.mark.parametrize("name", KINDS_OF_ATTENTION)
def test_a_pack_that_adds_columns_to_the_text(tiny, name):  # noqa: F811
    """Its text is not the prompt's: nothing is guessed."""

    def longer(apply_model, args):
        own = args["c"]["c_crossattn"]
        more = {**args["c"], "c_crossattn": torch.cat([own, own[:, :2]], dim=1)}
        return apply_model(args["input"], args["timestep"], **more)

    told = without_maps(KINDS[name], with_wrapper(tiny(name), longer), *texts(KINDS[name]))
    assert "not recorded" in told and "text" in told


@pytest.mark.parametrize("name", ["wan", "flux"])  # ERNIE-Image has no such door
def test_a_pack_that_adds_columns_inside_the_network(tiny, name):  # noqa: F811
    """Where nobody is told of them: the calls do not fit, and coverage says so."""
    extension = importlib.import_module("comfy.patcher_extension")

    def longer(executor, x, timesteps, context, *args, **kwargs):
        return executor(x, timesteps, torch.cat([context, context[:, :2]], dim=1), *args, **kwargs)

    model = tiny(name).clone()
    model.add_wrapper_with_key(extension.WrappersMP.DIFFUSION_MODEL, "a pack", longer)
    told = without_maps(KINDS[name], model, *texts(KINDS[name]))
    assert "not recorded" in told or "No cross-attention was seen" in told


@pytest.mark.parametrize("name", KINDS_OF_ATTENTION)
def test_a_pack_that_calls_the_model_on_tiles(tiny, name):  # noqa: F811
    def in_tiles(apply_model, args):
        x, half = args["input"], args["input"].shape[-1] // 2
        parts = [apply_model(own, args["timestep"], **args["c"]) for own in (x[..., :half], x[..., half:])]
        return torch.cat(parts, dim=-1)

    told = without_maps(KINDS[name], with_wrapper(tiny(name), in_tiles), *texts(KINDS[name]))
    assert "tiles" in told


@pytest.mark.parametrize("name", KINDS_OF_ATTENTION)
def test_a_pack_that_calls_the_model_row_by_row(tiny, name):  # noqa: F811
    """Rows that come alone cannot be told apart from those of another prompt: nothing is guessed."""

    def one_by_one(apply_model, args):
        c = args["c"]
        rows = args["input"].shape[0]

        def row(value, i):
            own = isinstance(value, torch.Tensor) and value.ndim and value.shape[0] == rows
            return value[i : i + 1] if own else value

        parts = []
        for i in range(rows):
            own = {name: row(value, i) for name, value in c.items()}
            parts.append(apply_model(row(args["input"], i), row(args["timestep"], i), **own))
        return torch.cat(parts)

    kind, model = KINDS[name], with_wrapper(tiny(name), one_by_one)
    told = without_maps(kind, model, *texts(kind), size=(2, 8, 12), cfg=1.0)
    assert "not recorded" in told


@pytest.mark.parametrize("name", KINDS_OF_ATTENTION)
def test_a_text_for_a_part_of_the_picture(tiny, name):  # noqa: F811
    """ConditioningSetArea: the model is called on that part alone; both texts have exact maps."""
    kind, model = KINDS[name], tiny(name)
    whole, part = texts(kind)
    height, width = (4, 8) if kind.patch == 2 else (3, 5)
    area = [[values, {**own, "area": (height, width, 2, 4), "strength": 1.0, "set_area_to_bounds": False}]
            for values, own in part]  # fmt: skip
    both = [*whole, *area]
    plain, calls = watched_sample(kind, model, both, encoded(kind, COLUMNS, 3), cfg=1.0)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, both, encoded(kind, COLUMNS, 3), cfg=1.0)
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert recording.coverage.complete and len(recording.entries) == 2, recording.notices
    for entry, size in zip(recording.entries, ((1, 8, 12), (1, height, width)), strict=True):
        assert (entry.area is None) == (size == (1, 8, 12))
        cells = int(np.prod(grid_of(kind, size)))
        total = kind.total(COLUMNS, cells) if kind.joint else cells
        own = [call for call in calls if call.q.shape[2] == total]
        for values, wanted in zip(entry.maps.values(), reference(kind, own, size)[0], strict=True):
            assert np.abs(values - wanted).max() < 1e-5


@pytest.mark.parametrize("name", KINDS_OF_ATTENTION)
def test_a_text_under_a_mask_and_an_inpainted_picture(tiny, name):  # noqa: F811
    """Masks of a conditioning weigh what the model gives, masks of a latent what the sampler keeps."""
    kind, model = KINDS[name], tiny(name)
    first, second = texts(kind)
    half = torch.zeros(1, 8, 12)
    half[..., :6] = 1
    masked = [[values, {**own, "mask": half, "mask_strength": 1.0, "set_area_to_bounds": False}]
              for values, own in first]  # fmt: skip
    more = {"noise_mask": half[:, None], "cfg": 4.0}
    plain, calls = watched_sample(kind, model, masked, second, **more)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, masked, second, **more)
    assert torch.equal(latent, plain)
    assert_exact(kind, capture, latent, calls, (1, 8, 12))


@pytest.mark.parametrize("cause", [torch.OutOfMemoryError("no memory left"), RuntimeError("broken")])
@pytest.mark.parametrize("name", KINDS_OF_ATTENTION)
def test_out_of_memory_in_capture_ends_the_capture_alone(tiny, name, cause, monkeypatch):  # noqa: F811
    kind, model = KINDS[name], tiny(name)
    plain = sample_transformer(kind, model, *texts(kind))
    with_capture, capture = captured(model)
    sums = importlib.import_module("selagg_core.recording.run_sums").RunSums
    calls = []

    def fails(self, *args, **kwargs):
        calls.append(1)
        if len(calls) > 2:
            raise cause
        return own(self, *args, **kwargs)

    method = "add_joint" if kind.joint else "add"
    own = getattr(sums, method)
    monkeypatch.setattr(sums, method, fails)
    latent = sample_transformer(kind, with_capture, *texts(kind))
    assert torch.equal(latent, plain) and len(calls) == 3, "after the failure nobody is asked again"
    recording = capture.recording_for(latent)
    assert not recording.entries and not recording.complete
    assert "stopped recording this run" in " ".join(recording.notices)
    monkeypatch.undo()
    again = sample_transformer(kind, with_capture, *texts(kind))
    assert capture.recording_for(again).coverage.complete
