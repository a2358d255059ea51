"""What a run's maps are not of: layers, rows and pictures that other packs compute in their own way."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import torch
from tiny_models import UNET_SITES, sample, text, unet

OURS, THEIRS, NEGATIVE = text(77, 1), text(77, 5), text(77, 2)
SIZE = (2, 8, 12)


@pytest.fixture(scope="module")
def model(host):
    return unet()


@pytest.fixture
def capturing(pack):
    return importlib.import_module("selagg_nodes.capture").SelAggCapture().capture


def attention(q, k, v, options):
    import comfy.ldm.modules.attention as host_attention

    return host_attention.optimized_attention(q, k, v, options["n_heads"])


def replaced(model, attend, keys=tuple(UNET_SITES)):
    """The model with attn2 of these layers replaced by attend(q, k, v, options, module)."""
    sites = importlib.import_module("selagg_nodes.families.unet").cross_attention_sites(model)
    model = model.clone()
    for site in sites:
        if site.key in keys:

            def patch(q, k, v, options, module=site.module):
                return attend(q, k, v, options, module)

            model.set_model_attn2_replace(patch, *site.key)
    return model


def theirs(q, options, module, conditioning=THEIRS):
    context = conditioning[0][0].to(q).expand(q.shape[0], -1, -1)
    return attention(q, module.to_k(context), module.to_v(context), options)


def left_half(q, options) -> torch.Tensor:
    width = options["activations_shape"][-1] if "activations_shape" in options else None
    cells = torch.arange(q.shape[1])
    return ((cells % width < width / 2) if width else cells % 2 == 0).view(1, -1, 1)


def couple(q, k, v, options, module):
    mask = left_half(q, options)
    return torch.where(mask, attention(q, k, v, options), theirs(q, options, module))


def other_text(q, k, v, options, module):
    return theirs(q, options, module)


def longer_other_text(q, k, v, options, module):
    return theirs(q, options, module, text(154, 6))


def in_later_steps(q, k, v, options, module):
    """Takes over in the second half of the run."""
    if float(options["sigmas"][0]) > 5:
        return attention(q, k, v, options)
    return theirs(q, options, module)


def adapter(q, k, v, options, module):
    return attention(q, k, v, options) + 0.5 * theirs(q, options, module, text(4, 8))


def of_the_negative_rows(q, k, v, options, module):
    size = q.shape[0] // len(options["cond_or_uncond"])
    out = attention(q, k, v, options)
    for place, which in enumerate(options["cond_or_uncond"]):
        if which == 1:
            own = slice(place * size, (place + 1) * size)
            out[own] = theirs(q[own], options, module)
    return out


def recorded(capturing, model, change, capture_first, **settings):
    """The recording of a run with both, whose latent is that of the run without capture."""
    plain = sample(change(model), OURS, NEGATIVE, size=SIZE, **settings)
    if capture_first:
        captured, capture = capturing(model)
        captured = change(captured)
    else:
        captured, capture = capturing(change(model))
    latent = sample(captured, OURS, NEGATIVE, size=SIZE, **settings)
    assert torch.equal(latent, plain)
    return capture.recording_for(latent)


# -- the attention ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("capture_first", [True, False])
@pytest.mark.parametrize("pack_", [couple, other_text, longer_other_text, in_later_steps])
def test_layers_that_a_pack_computes_with_keys_of_its_own_are_left_out(
    model, capturing, pack_, capture_first
):
    keys = [("input", 1, 0), ("middle", 0, 0), ("output", 2, 0)]
    found = recorded(capturing, model, lambda m: replaced(m, pack_, keys), capture_first)
    assert {(x.block, x.number, x.depth) for x in found.positive().maps} == set(UNET_SITES) - set(keys)
    assert str(found.coverage) == "4 of 7 layers, 8 of 14 heads, 3 of 3 steps, 6 of 6 rows"
    said = next(n for n in found.notices if "keys or weights of its own" in n)
    assert said.startswith("3 of 7 attention layers were not recorded: another pack computed them")
    assert "(input 1.0, middle 0.0, output 2.0). For maps, bypass that node (Ctrl+B)." in said
    assert len(said) <= 300


def test_the_layers_that_are_left_are_exact(model, capturing):
    found = recorded(capturing, model, lambda m: replaced(m, other_text, [("output", 3, 0)]), True)
    plain = recorded(capturing, model, lambda m: replaced(m, other_text, [("output", 3, 0)]), False)
    for layer, values in found.positive().maps.items():
        assert np.array_equal(values, plain.positive().maps[layer])
        assert np.abs(values.sum(axis=2) - 1).max() < 1e-5


@pytest.mark.parametrize("capture_first", [True, False])
def test_a_couple_in_all_layers_leaves_no_map_and_says_why(model, capturing, capture_first):
    found = recorded(capturing, model, lambda m: replaced(m, couple), capture_first)
    assert not found.coverage.complete
    assert found.entries == ()
    with pytest.raises(ValueError, match=r"7 of 7 attention layers .* keys or weights of its own") as told:
        found.positive()
    assert len(f"SelAgg Diagnose: {told.value}") <= 300


@pytest.mark.parametrize("capture_first", [True, False])
@pytest.mark.parametrize("pack_", [adapter, of_the_negative_rows])
def test_no_false_alarm(model, capturing, pack_, capture_first):
    found = recorded(capturing, model, lambda m: replaced(m, pack_), capture_first)
    assert found.coverage.complete, found.notices
    assert len(found.positive().maps) == len(UNET_SITES)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize(("pack_", "complete"), [(adapter, True), (couple, False)])
def test_half_precision(host, capturing, dtype, pack_, complete):
    found = recorded(capturing, unet(dtype=dtype), lambda m: replaced(m, pack_), True, steps=2)
    assert found.coverage.complete == complete


def test_two_captures_around_a_couple(model, capturing):
    first_model, first = capturing(model)
    second_model, second = capturing(replaced(first_model, couple))
    latent = sample(second_model, OURS, NEGATIVE, size=SIZE)
    assert torch.equal(latent, sample(replaced(model, couple), OURS, NEGATIVE, size=SIZE))
    for capture in (first, second):
        assert capture.recording_for(latent).coverage.layers == (0, 7)


def test_an_attention_of_all_layers_that_was_exchanged(host, model, capturing, monkeypatch):
    """A pack that puts its own function in the place of the host's, with keys that are not the prompt's."""
    import comfy.ldm.modules.attention as host_attention

    own = host_attention.optimized_attention

    def shuffled(q, k, v, heads, *args, **kwargs):
        if k.shape[1] == 77:
            k = k.flip(1)
        return own(q, k, v, heads, *args, **kwargs)

    monkeypatch.setattr(host_attention, "optimized_attention", shuffled)
    captured, capture = capturing(model)
    found = capture.recording_for(sample(captured, OURS, NEGATIVE, size=SIZE))
    assert found.coverage.layers == (0, 7)


def overridden(override):
    def change(model):
        model = model.clone()
        model.model_options["transformer_options"] = {
            **model.model_options["transformer_options"],
            "optimized_attention_override": override,
        }
        return model

    return change


def half_kernel(function, q, k, v, *args, **kwargs):
    """As a kernel in bfloat16."""
    return function(*(x.bfloat16() for x in (q, k, v)), *args, **kwargs).float()


def ignores_keys(function, q, k, v, *args, **kwargs):
    if k.shape[1] == 77:
        k = torch.roll(k, 1, dims=1)
    return function(q, k, v, *args, **kwargs)


@pytest.mark.parametrize(("override", "layers"), [(half_kernel, 7), (ignores_keys, 0)])
def test_an_override_of_the_attention(host, model, capturing, override, layers):
    if importlib.import_module("selagg_nodes.host.generation").patcher_extension is None:
        pytest.skip("this host has no overrides")
    found = recorded(capturing, model, overridden(override), True)
    assert found.coverage.layers == (layers, 7), found.notices


# -- the text --------------------------------------------------------------------------------------------


def injected(blocks):
    """Exchanges the text of some layers before it is projected, as prompt injection does."""

    def exchange(n, context, value, options):
        if options["block"][0] in blocks:
            context = THEIRS[0][0].to(context).expand_as(context)
            return n, context, context
        return n, context, value

    def change(model):
        model = model.clone()
        model.set_model_attn2_patch(exchange)
        return model

    return change


@pytest.mark.parametrize("capture_first", [True, False])
@pytest.mark.parametrize(("blocks", "left"), [(("middle",), 6), (("input", "output"), 1)])
def test_a_text_injected_into_layers(model, capturing, blocks, left, capture_first):
    found = recorded(capturing, model, injected(blocks), capture_first)
    assert found.coverage.layers == (left, 7)
    assert any("a text of its own in place of the prompt" in notice for notice in found.notices)


def test_a_patch_that_changes_nothing_of_the_text(model, capturing):
    def change(model):
        model = model.clone()
        model.set_model_attn2_patch(lambda n, context, value, options: (2 * n, context.clone(), 0.5 * value))
        return model

    assert recorded(capturing, model, change, True).coverage.complete


@pytest.mark.parametrize("capture_first", [True, False])
def test_a_text_exchanged_around_the_model(model, capturing, capture_first):
    """A wrapper of the model that gives it another text, as schedules and text adapters do."""

    def wrapper(apply_model, args):
        given = {**args["c"], "c_crossattn": THEIRS[0][0].expand_as(args["c"]["c_crossattn"])}
        return apply_model(args["input"], args["timestep"], **given)

    def change(model):
        model = model.clone()
        model.set_model_unet_function_wrapper(wrapper)
        return model

    found = recorded(capturing, model, change, capture_first)
    assert found.entries == ()
    assert not found.coverage.complete
    lost = ("text of its own in place of the prompt", "could not be attributed to a prompt")
    assert any(cause in notice for notice in found.notices for cause in lost)


# -- the pictures ----------------------------------------------------------------------------------------


def in_windows(windows):
    """The batch function is called on these pictures, one window after the other, as for animations."""

    def change(model):
        import comfy.samplers

        def evaluate(args):
            conds, x = args["conds"], args["input"]
            sums, counts = [torch.zeros_like(x) for _ in conds], torch.zeros(x.shape[0], 1, 1, 1)
            for window in windows:
                parts = comfy.samplers.calc_cond_batch(
                    args["model"], conds, x[window], args["sigma"][window], args["model_options"]
                )
                for total, part in zip(sums, parts, strict=True):
                    total[window] += part
                counts[window] += 1
            return [total / counts for total in sums]

        model = model.clone()
        model.model_options = {**model.model_options, "sampler_calc_cond_batch_function": evaluate}
        return model

    return change


@pytest.fixture
def batch_hook(host):
    """Needs a host whose batch function can be replaced."""
    if importlib.import_module("selagg_nodes.host.generation").patcher_extension is None:
        pytest.skip("this host has no such hook")


FIVE = {"size": (5, 8, 8), "steps": 2}


@pytest.mark.parametrize(
    ("windows", "own"),
    [([[0, 1], [2, 3], [3, 4]], [0, 1]), ([[3, 1, 4], [0, 2, 4]], [3, 1, 4]), ([[4], [0, 1, 2, 3]], [4])],
)
def test_pictures_left_out_are_counted_and_named(batch_hook, model, capturing, windows, own):
    captured, capture = capturing(in_windows(windows)(model))
    latent = sample(captured, OURS, NEGATIVE, **FIVE)
    found = capture.recording_for(latent)
    assert found.coverage.rows == (2 * len(own), 10)
    assert any("on a few pictures at a time (context windows?)" in n and "Ctrl+B" in n for n in found.notices)
    whole_model, whole = capturing(model)
    same = sample(whole_model, OURS, NEGATIVE, **FIVE)
    maps = whole.recording_for(same).positive().maps
    for layer, values in found.positive().maps.items():
        first = np.abs(values - maps[layer][own])
        assert first.max() < 1e-3  # these pictures' own, in the order of the window


def test_windows_that_move_are_not_averaged(batch_hook, model, capturing):
    """Another window comes first in the second step: the pictures recorded stay the same."""
    windows = [[0, 1], [2, 3], [4]]
    moving = in_windows(windows)(model)
    evaluate = moving.model_options["sampler_calc_cond_batch_function"]

    def rotate(args):
        out = evaluate(args)
        windows.append(windows.pop(0))
        return out

    moving.model_options = {**moving.model_options, "sampler_calc_cond_batch_function": rotate}
    captured, capture = capturing(moving)
    found = capture.recording_for(sample(captured, OURS, NEGATIVE, **{**FIVE, "steps": 3}))
    assert found.coverage.rows == (6, 15)
    whole_model, whole = capturing(model)
    maps = whole.recording_for(sample(whole_model, OURS, NEGATIVE, **{**FIVE, "steps": 3})).positive().maps
    for layer, values in found.positive().maps.items():
        assert np.abs(values - maps[layer][:2]).max() < 1e-3


def test_parts_of_a_picture_that_the_batch_function_is_called_on(batch_hook, model, capturing):
    """Crops of the latent: nothing of them is taken for the whole picture."""
    import comfy.samplers

    def evaluate(args):
        conds, x, out = args["conds"], args["input"], [torch.zeros_like(args["input"]) for _ in args["conds"]]
        for crop in (slice(0, 8), slice(8, 16)):
            parts = comfy.samplers.calc_cond_batch(
                args["model"], conds, x[..., crop], args["sigma"], args["model_options"]
            )
            for total, part in zip(out, parts, strict=True):
                total[..., crop] = part
        return out

    tiled = model.clone()
    tiled.model_options = {**tiled.model_options, "sampler_calc_cond_batch_function": evaluate}
    captured, capture = capturing(tiled)
    latent = sample(captured, OURS, NEGATIVE, size=(1, 8, 16), steps=2)
    assert torch.equal(latent, sample(tiled, OURS, NEGATIVE, size=(1, 8, 16), steps=2))
    found = capture.recording_for(latent)
    assert found.entries == ()
    assert any("(tiles?)" in notice for notice in found.notices)
