"""Videos that the host samples a part at a time: every frame has the maps of the parts that hold it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field

import numpy as np
import pytest
import torch
from test_families import COLUMNS, VIDEO, Call, captured, grid_of, watched_sample
from tiny_transformers import KINDS, Kind, encoded, once_each, sample_transformer

SIZE = (1, 8, 12)
STEPS = 2


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")
    pytest.importorskip("comfy_extras.nodes_context_windows", reason="this host has no context windows")


@pytest.fixture(scope="module")
def tiny(host, pack):
    return once_each()


def texts_of(kind: Kind):
    return encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)


def in_windows(model, **settings):
    """The host's own node for any model. Lengths in frames of the latent."""
    node = importlib.import_module("comfy_extras.nodes_context_windows").ContextWindowsManualNode
    asked = {
        "context_length": 3, "context_overlap": 1, "context_schedule": "standard_static", "context_stride": 1,
        "closed_loop": False, "fuse_method": "pyramid", "dim": 2, "freenoise": False, **settings,
    }  # fmt: skip
    return node.execute(model, **asked).result[0]


@dataclass
class Part:
    """What the host says of one part. places: frames of the call that are kept -> frames of the video."""

    step: int
    places: dict[int, int] = field(default_factory=dict)


def noting_parts(model) -> list[Part]:
    """The parts in the order in which the host calls the model on them, from a callback of its handler."""
    handler, parts = model.model_options["context_handler"], []
    retained = handler.latent_retain_index_list

    def note(own, _model, x, conds, timestep, *rest):
        window = rest[2]
        first = int(getattr(window, "causal_anchor_index", None) is not None)
        places = {first + i: frame for i, frame in enumerate(window.index_list)}
        wrong = [i for i in retained if i in places and places[i] != i]
        parts.append(Part(own._step, {i: f for i, f in places.items() if i not in wrong}))

    handler.callbacks = {"callbacks": {"evaluate_context_windows": {"test": [note]}}}
    return parts


def naive_maps(kind: Kind, calls: list[Call], parts: list[Part], frames: int) -> list[np.ndarray]:
    """For each layer (frames, heads, columns, h, w) of the positive row, in float64.

    A step is the mean over the parts that hold a frame; the run the mean over the steps.
    """
    height, width = grid_of(kind, SIZE)
    cells, layers = height * width, len(kind.layers)
    start, length = kind.text(COLUMNS)
    first = length if kind.joint else 0
    lengths = {kind.total(COLUMNS, cells * n) if kind.joint else cells * n: n for n in range(1, frames + 2)}
    own = [c for c in calls if c.q.shape[2] in lengths and 0 in c.order]
    own = [c for c in own if c.k.shape[2] == (c.q.shape[2] if kind.joint else length)]
    assert len(own) == layers * len(parts)
    maps = []
    for layer in range(layers):
        sums: dict[int, dict[int, list[torch.Tensor]]] = {}
        for part, call in zip(parts, own[layer::layers], strict=True):
            for place, frame in part.places.items():
                image = slice(first + cells * place, first + cells * (place + 1))
                logits = call.q[:, :, image] @ call.k.mT * call.q.shape[3] ** -0.5
                logits = logits if call.mask is None else logits + call.mask
                seen = torch.softmax(logits, -1)[call.order.index(0), :, :, start : start + COLUMNS]
                sums.setdefault(frame, {}).setdefault(part.step, []).append(seen)
        means = [
            torch.stack([torch.stack(x).mean(0) for x in sums[frame].values()]).mean(0) for frame in sums
        ]
        order = np.argsort(list(sums))
        mean = torch.stack(means)[order].mT.unflatten(3, (height, width))
        maps.append(mean.numpy())
    return maps


def both(kind: Kind, model, change, frames: int, **more):
    """(recording, calls, parts) of a run in windows, whose latent is that of the same run without capture."""
    start = torch.zeros(1, kind.channels, frames, *SIZE[1:])
    more = {"latent": start, "cfg": 4.0, "steps": STEPS, **more}
    windowed = change(model)
    parts = noting_parts(windowed)
    plain, calls = watched_sample(kind, windowed, *texts_of(kind), **more)
    noted = list(parts)
    with_capture, capture = captured(change(model))
    latent = sample_transformer(kind, with_capture, *texts_of(kind), **more)
    assert torch.equal(latent, plain) and torch.isfinite(latent).all()
    return capture.recording_for(latent), calls, noted


def assert_equal(recording, wanted: list[np.ndarray]) -> None:
    entry = recording.positive()
    assert len(entry.maps) == len(wanted)
    for values, own in zip(entry.maps.values(), wanted, strict=True):
        chosen = own[list(recording.frames)]
        assert values.shape == chosen.shape and np.abs(values - chosen).max() < 1e-5
        assert values.std() > 0.1 * values.mean()


@pytest.mark.parametrize(
    ("schedule", "frames", "settings"),
    [
        ("standard_static", 7, {}),
        ("standard_static", 6, {"causal_window_fix": False, "fuse_method": "relative"}),
        ("standard_uniform", 8, {"context_length": 4, "context_overlap": 2}),
        ("looped_uniform", 6, {"closed_loop": True, "freenoise": True}),
        ("batched", 7, {}),
        (
            "standard_static",
            4,
            {"context_length": 3, "context_overlap": 2},
        ),  # a part is the whole
    ],
)
def test_frames_get_the_maps_of_the_parts_that_hold_them(tiny, schedule, frames, settings):
    kind = KINDS["wan"]
    recording, calls, parts = both(
        kind, tiny("wan"), lambda model: in_windows(model, context_schedule=schedule, **settings), frames
    )
    assert len(parts) > STEPS and len({f for part in parts for f in part.places.values()}) == frames
    assert recording.frames == tuple(range(frames)) and recording.coverage.complete, recording.notices
    assert not any("frames" in notice for notice in recording.notices)
    assert_equal(recording, naive_maps(kind, calls, parts, frames))


@pytest.mark.parametrize("cfg", [1.0, 4.0])
@pytest.mark.parametrize("name", VIDEO)
def test_of_every_family(tiny, name, cfg):
    kind = KINDS[name]
    recording, calls, parts = both(kind, tiny(name), in_windows, 5, cfg=cfg)
    assert recording.frames == tuple(range(5)) and recording.coverage.complete, recording.notices
    assert_equal(recording, naive_maps(kind, calls, parts, 5))


def test_the_node_for_wan(tiny):
    """Its lengths are in frames of the video: nine are three of the latent."""
    node = importlib.import_module("comfy_extras.nodes_context_windows").WanContextWindowsManualNode
    kind = KINDS["wan"]

    def change(model):
        return node.execute(model, 9, 4, "standard_uniform", 1, False, "pyramid", True).result[0]

    recording, calls, parts = both(kind, tiny("wan"), change, 6)
    assert max(len(part.places) for part in parts) == 3
    assert recording.frames == tuple(range(6)) and recording.coverage.complete
    assert_equal(recording, naive_maps(kind, calls, parts, 6))


def test_a_frame_that_stands_in_the_place_of_another_is_not_taken_for_it(tiny):
    """Retained latents: the first frame lies in the first place of every part."""
    kind = KINDS["wan"]
    recording, calls, parts = both(
        kind,
        tiny("wan"),
        lambda model: in_windows(model, latent_retain_index_list="0", causal_window_fix=False),
        7,
    )
    assert any(min(part.places) > 0 for part in parts)
    assert recording.frames == tuple(range(7)), recording.notices
    assert_equal(recording, naive_maps(kind, calls, parts, 7))


def test_of_a_long_video_as_many_frames_are_kept_as_ever(tiny):
    kind, sizes = KINDS["wan"], []
    for change in (in_windows, lambda model: model):
        windowed, capture = captured(change(tiny("wan")), memory_mb=1)
        start = torch.zeros(1, kind.channels, 40, *SIZE[1:])
        latent = sample_transformer(kind, windowed, *texts_of(kind), latent=start, steps=1)
        recording = capture.recording_for(latent)
        assert len(recording.frames) == 16 and recording.frames[0] == 0 and recording.frames[-1] == 39
        assert recording.coverage.complete, recording.notices
        sizes.append(capture.get_ram_usage())
    assert sizes[0] == sizes[1] <= 2**20


def test_each_prompt_has_maps_of_the_parts_that_it_is_read_in(tiny):
    """Prompts that the host shares out among the parts: no map is made up where a prompt was not read."""
    kind, model = KINDS["wan"], tiny("wan")
    first, second, negative = (encoded(kind, COLUMNS, seed) for seed in (1, 3, 2))
    more = {"latent": torch.zeros(1, kind.channels, 6, *SIZE[1:]), "cfg": 1.0}
    windows = {"split_conds_to_windows": True, "context_overlap": 0}
    plain = sample_transformer(kind, in_windows(model, **windows), first + second, negative, **more)
    with_capture, capture = captured(in_windows(model, **windows))
    latent = sample_transformer(kind, with_capture, first + second, negative, **more)
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert recording.frames == tuple(range(6)), recording.notices
    early, late = (entry for entry in recording.entries if entry.kind == "positive")
    for one, other in zip(early.maps.values(), late.maps.values(), strict=True):
        assert (one[:3].sum((1, 2, 3, 4)) > 0).all() and not one[3:].any()
        assert (other[3:].sum((1, 2, 3, 4)) > 0).all() and not other[:3].any()
    told = [notice for notice in recording.notices if "made without" in notice]
    assert len(told) == 2 and all("3 of its 6 kept frames" in notice for notice in told)


# -- parts of which the host says nothing ------------------------------------------------------


def in_parts_of_its_own(model, parts, change=lambda part, number: part):
    """Another pack's way: it calls the batch function on parts of the video and says nothing of them."""
    import comfy.samplers

    def evaluate(args):
        conds, x = args["conds"], args["input"]
        sums, counts = [torch.zeros_like(x) for _ in conds], torch.zeros(x.shape[2])
        for number, part in enumerate(parts):
            given = change(x[:, :, part], number)
            outs = comfy.samplers.calc_cond_batch(
                args["model"], conds, given, args["sigma"], args["model_options"]
            )
            for total, out in zip(sums, outs, strict=True):
                total[:, :, part] += out
            counts[part] += 1
        return [total / counts.view(1, 1, -1, 1, 1) for total in sums]

    model = model.clone()
    model.model_options = {**model.model_options, "sampler_calc_cond_batch_function": evaluate}
    return model


def recorded_in_parts(kind: Kind, model, *given, frames: int = 6):
    more = {"latent": torch.zeros(1, kind.channels, frames, *SIZE[1:]), "cfg": 1.0}
    parted = in_parts_of_its_own(model, *given)
    plain, calls = watched_sample(kind, parted, *texts_of(kind), **more)
    with_capture, capture = captured(parted)
    latent = sample_transformer(kind, with_capture, *texts_of(kind), **more)
    assert torch.equal(latent, plain)
    return capture.recording_for(latent), calls


@pytest.mark.parametrize("name", ["wan", "hunyuan_video"])
@pytest.mark.parametrize("parts", [[[0, 1, 2], [2, 3, 4, 5]], [[5, 3, 1], [0, 2, 4], [4, 5]]])
def test_frames_are_told_by_their_latents(tiny, name, parts):
    kind = KINDS[name]
    recording, calls = recorded_in_parts(kind, tiny(name), parts)
    assert recording.frames == tuple(range(6)) and recording.coverage.complete, recording.notices
    noted = [Part(step, dict(enumerate(part))) for step in range(STEPS) for part in parts]
    assert_equal(recording, naive_maps(kind, calls, noted, 6))


def test_frames_that_cannot_be_told_are_not_guessed(tiny):
    """The second part is changed before the model sees it: which frames it holds cannot be told."""
    kind, parts = KINDS["wan"], [[0, 1, 2], [2, 3, 4, 5]]

    def changed(part, number):
        return part if number == 0 else part * 1.01

    recording, calls = recorded_in_parts(kind, tiny("wan"), parts, changed)
    assert recording.frames == (0, 1, 2)
    assert any("Of the 6 frames" in n and "has 3" in n for n in recording.notices), recording.notices
    noted = [Part(step, dict(enumerate(parts[0])) if not n else {}) for step in range(STEPS) for n in (0, 1)]
    assert_equal(recording, naive_maps(kind, calls, noted, 6))


def test_where_no_frame_can_be_told_nothing_is_recorded_and_that_is_said(tiny):
    kind = KINDS["wan"]
    recording, _ = recorded_in_parts(kind, tiny("wan"), [[0, 1, 2], [3, 4, 5]], lambda part, _: part * 1.01)
    assert not recording.entries
    assert any("which frames were in it cannot be told" in notice for notice in recording.notices)
