"""Capture on the real host: the latent is untouched, the maps are exact, runs are the right ones."""

from __future__ import annotations

import copy
import gc
import importlib
import weakref

import numpy as np
import pytest
import torch
from attention_reference import column_means, evaluations, probabilities, watched
from tiny_models import HEADS, UNET_SITES, noise, sample, text, unet, unreadable

#: Evaluations that belong to a step of their own in three steps of a sampler.
PRIMARY = {"euler": [0, 1, 2], "heun": [0, 2, 4], "dpmpp_2m_sde": [0, 1, 2]}


@pytest.fixture(scope="module")
def model(host):
    return unet()


@pytest.fixture(scope="module")
def recorder(pack):
    return importlib.import_module("selagg_nodes.recording.recorder")


@pytest.fixture
def capturing(pack):
    """SelAgg Capture: model, settings -> (model, capture)."""
    node = importlib.import_module("selagg_nodes.capture").SelAggCapture

    def connect(model, **settings):
        return node().capture(model, **settings)

    return connect


def assert_equal_maps(entry, reference: dict, tolerance: float = 1e-5) -> None:
    assert {(x.block, x.number, x.depth) for x in entry.maps} == set(reference)
    for layer, values in entry.maps.items():
        wanted = reference[layer.block, layer.number, layer.depth]
        assert values.shape == wanted.shape
        assert np.abs(values - wanted).max() < tolerance


# -- exactness and the untouched latent ------------------------------------------------------------------


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("cfg", [1.0, 7.0])
@pytest.mark.parametrize("sampler", PRIMARY)
def test_maps_are_exact_and_the_latent_is_untouched(model, capturing, sampler, cfg, batch):
    positive, negative = text(77, 1), text(77, 2)
    settings = {"sampler": sampler, "cfg": cfg, "size": (batch, 8, 12)}
    plain = sample(model, positive, negative, **settings)
    captured_model, capture = capturing(model)
    captured = sample(captured_model, positive, negative, **settings)
    assert torch.equal(captured, plain)

    watched_model, events = watched(model)
    sample(watched_model, positive, negative, **settings)
    all_evaluations = evaluations(events)
    reference = column_means([all_evaluations[i] for i in PRIMARY[sampler]], 77, batch)
    entry = capture.recording_for(captured).positive()
    assert entry.steps == 3
    assert_equal_maps(entry, reference)


def test_recorded_attention_is_far_from_uniform(model, capturing):
    """Guards the exactness tests: with flat attention they would pass with any row or head mixed up."""
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2), size=(3, 8, 12))
    maps = list(capture.recording_for(latent).positive().maps.values())
    for values in maps:
        assert values.std() > 0.2 / 77
        assert np.abs(values[0] - values[1]).max() > 1e-3
        assert np.abs(values[:, 0] - values[:, 1]).max() > 1e-3


def test_special_columns_and_words_share_out_the_probability(model, capturing):
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    recording = capture.recording_for(latent)
    for values in recording.positive().maps.values():
        assert np.abs(values.sum(axis=2) - 1).max() < 1e-5
    assert recording.latent_shape == (1, 4, 8, 12)
    assert recording.complete
    assert len(recording.sigmas) == 4
    assert recording.layout.total == HEADS * len(UNET_SITES)


@pytest.mark.parametrize("size", [(1, 7, 13), (2, 16, 5)])
def test_odd_sizes(model, capturing, size):
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2), size=size)
    watched_model, events = watched(model)
    assert torch.equal(sample(watched_model, text(77, 1), text(77, 2), size=size), latent)
    assert_equal_maps(
        capture.recording_for(latent).positive(), column_means(evaluations(events), 77, size[0])
    )


def test_image_to_image_with_a_mask(model, capturing):
    start = noise(2, 8, 8, seed=5)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., :4] = 1
    settings = {"latent": start, "denoise": 0.6, "noise_mask": mask, "steps": 4}
    plain = sample(model, text(77, 1), text(77, 2), **settings)
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2), **settings)
    assert torch.equal(latent, plain)
    watched_model, events = watched(model)
    sample(watched_model, text(77, 1), text(77, 2), **settings)
    assert_equal_maps(capture.recording_for(latent).positive(), column_means(evaluations(events), 77, 2))


PICTURE, FLAT = noise(1, 8, 8, seed=5), torch.full((1, 4, 8, 8), 0.06)


@pytest.mark.parametrize("scheduler", ["normal", "karras", "sgm_uniform", "simple"])
@pytest.mark.parametrize(
    ("start", "denoise", "told"),
    [
        (None, 1.0, False),
        (PICTURE, 1.0, False),
        (PICTURE, 0.9, True),
        (PICTURE, 0.3, True),
        (FLAT, 0.5, False),
    ],
    ids=["empty", "all-noise", "little-kept", "much-kept", "flat"],
)
def test_whether_a_run_started_from_a_picture_is_known(model, capturing, start, denoise, told, scheduler):
    captured_model, capture = capturing(model)
    settings = {"latent": start, "denoise": denoise, "steps": 9, "scheduler": scheduler}
    latent = sample(captured_model, text(77, 1), text(77, 2), **settings)
    assert capture.recording_for(latent).from_picture is told


def test_what_goes_on_with_an_earlier_sampler_does_not_say_where_that_started(model, capturing):
    sample_part = importlib.import_module("selagg_nodes.host").sample_part
    captured_model, capture = capturing(model)
    settings = captured_model, text(77, 1), text(77, 2), 1, 4, 7.0, "euler", "normal"
    first = sample_part(*settings, {"samples": torch.zeros(1, 4, 8, 8)}, 0, 2)
    last = sample_part(*settings, {"samples": first}, 2, None)
    assert capture.recording_for(first).from_picture is False
    assert capture.recording_for(last).from_picture is None


def test_two_stages_are_two_runs(model, capturing):
    captured_model, capture = capturing(model)

    def stages(model):
        first = sample(model, text(77, 1), text(77, 2), steps=4, last_step=2)
        return first, sample(
            model, text(77, 1), text(77, 2), latent=first, steps=4, start_step=2, disable_noise=True
        )

    plain, captured = stages(model), stages(captured_model)
    assert torch.equal(plain[0], captured[0])
    assert torch.equal(plain[1], captured[1])
    first, second = (capture.recording_for(latent) for latent in captured)
    assert first.sigmas[-1] == second.sigmas[0]
    assert first.positive().steps == second.positive().steps == 2


@pytest.mark.parametrize("lengths", [(154, 77), (77, 154), (231, 77), (77, 231)])
def test_long_prompts_are_folded(model, capturing, lengths):
    positive, negative = text(lengths[0], 1), text(lengths[1], 2)
    plain = sample(model, positive, negative, size=(2, 8, 12))
    captured_model, capture = capturing(model)
    latent = sample(captured_model, positive, negative, size=(2, 8, 12))
    assert torch.equal(latent, plain)
    watched_model, events = watched(model)
    sample(watched_model, positive, negative, size=(2, 8, 12))
    assert {event.k.shape[1] for event in events} == {max(lengths)}
    entry = capture.recording_for(latent).positive()
    assert_equal_maps(entry, column_means(evaluations(events), lengths[0], 2))


def test_combined_prompts_of_three_lengths(model, capturing):
    positive = text(77, 1) + text(154, 2) + text(231, 3)
    captured_model, capture = capturing(model)
    latent = sample(captured_model, positive, text(77, 4))
    assert torch.equal(latent, sample(model, positive, text(77, 4)))
    entries = capture.recording_for(latent).entries
    lengths = {entry.index: next(iter(entry.maps.values())).shape[2] for entry in entries}
    assert lengths == {0: 77, 1: 154, 2: 231}
    for entry in entries:
        for values in entry.maps.values():
            assert np.abs(values.sum(axis=2) - 1).max() < 1e-5


def test_calls_split_by_memory_pressure(host, model, capturing, monkeypatch):
    import comfy.ldm.modules.attention as attention
    import comfy.model_management

    # The host's default attention asks for free memory too and would work in other slices.
    monkeypatch.setattr(attention, "optimized_attention", attention.attention_pytorch)
    positive = text(77, 1) + text(154, 2)
    captured_model, capture = capturing(model)
    together = sample(captured_model, positive, text(77, 3), size=(2, 8, 12))
    one = capture.recording_for(together)
    monkeypatch.setattr(comfy.model_management, "get_free_memory", lambda *a, **k: 0)
    calls = []
    split_model = captured_model.clone()
    split_model.set_model_attn1_patch(lambda q, k, v, o: calls.append(o["cond_or_uncond"]) or (q, k, v))
    split = sample(split_model, positive, text(77, 3), size=(2, 8, 12))
    assert {len(order) for order in calls} == {1}
    other = capture.recording_for(split)
    assert len(one.entries) == len(other.entries) == 2
    for a, b in zip(
        sorted(one.entries, key=lambda e: e.index), sorted(other.entries, key=lambda e: e.index), strict=True
    ):
        for layer in a.maps:
            assert np.abs(a.maps[layer] - b.maps[layer]).max() < 1e-3
            assert np.abs(a.maps[layer] - np.roll(b.maps[layer], 1, axis=0)).max() > 1e-3


def test_areas_are_recorded_where_they_lie(model, capturing):
    part = [[text(77, 2)[0][0], {"pooled_output": None, "area": (8, 12, 2, 5), "strength": 1.0}]]
    positive = text(77, 1) + part
    captured_model, capture = capturing(model)
    latent = sample(captured_model, positive, text(77, 3), size=(1, 12, 20))
    watched_model, events = watched(model)
    assert torch.equal(sample(watched_model, positive, text(77, 3), size=(1, 12, 20)), latent)
    recording = capture.recording_for(latent)
    entries = {entry.index: entry for entry in recording.entries}
    assert entries[0].area is None
    assert entries[1].area == (8, 12, 2, 5)
    cropped = [event for event in events if event.shape == (8, 12)]
    assert cropped
    assert_equal_maps(entries[1], column_means(evaluations(cropped), 77, 1))
    assert recording.positive() is entries[0]


def test_negative_prompt_when_asked(model, capturing):
    captured_model, capture = capturing(model, negative_prompt=True)
    latent = sample(captured_model, text(77, 1), text(154, 2))
    watched_model, events = watched(model)
    sample(watched_model, text(77, 1), text(154, 2))
    entries = {entry.kind: entry for entry in capture.recording_for(latent).entries}
    assert_equal_maps(entries["negative"], column_means(evaluations(events), 154, 1, which=1))
    assert_equal_maps(entries["positive"], column_means(evaluations(events), 77, 1))


def test_sum_of_chunks_is_the_sum_of_all(host, model, capturing, pack, monkeypatch):
    """Memory bounded by working through the pixels in parts."""
    attention = importlib.import_module("selagg_core.recording.probabilities")
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    whole = capture.recording_for(latent).positive()
    monkeypatch.setattr(attention, "MAX_PROBABILITIES", 1000)
    captured_model, capture = capturing(model)
    parts = capture.recording_for(sample(captured_model, text(77, 1), text(77, 2))).positive()
    for layer, values in whole.maps.items():
        assert np.abs(values - parts.maps[layer]).max() < 1e-6


# -- other packs -----------------------------------------------------------------------------------------


def like_ip_adapter(model, keys):
    """Adds something to the attention of some layers, as IPAdapter does."""
    import comfy.ldm.modules.attention as attention

    def attend(q, k, v, options):
        out = attention.optimized_attention(q, k, v, options["n_heads"])
        return out + 0.1 * q

    model = model.clone()
    for key in keys:
        model.set_model_attn2_replace(attend, *key)
    return model


@pytest.mark.parametrize("keys", [[("input", 1), ("middle", 0)], [("input", 1, 0), ("output", 2, 0)]])
@pytest.mark.parametrize("capture_first", [True, False])
def test_attention_replaced_by_others_before_and_after(model, capturing, keys, capture_first):
    plain = sample(like_ip_adapter(model, keys), text(77, 1), text(77, 2))
    assert not torch.equal(plain, sample(model, text(77, 1), text(77, 2)))
    if capture_first:
        captured_model, capture = capturing(model)
        captured_model = like_ip_adapter(captured_model, keys)
    else:
        captured_model, capture = capturing(like_ip_adapter(model, keys))
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert len(recording.positive().maps) == len(UNET_SITES)


def test_guidance_that_evaluates_again_is_not_mixed_in(host, model, capturing):
    import comfy.samplers

    def again(args):
        options = copy.copy(args["model_options"])
        transformer = dict(options["transformer_options"])
        patches = dict(transformer.get("patches", {}))
        patches["attn2_patch"] = [lambda n, context, value, o: (n * 3, context, value)]
        options["transformer_options"] = {**transformer, "patches": patches}
        comfy.samplers.calc_cond_batch(args["model"], [args["cond"]], args["input"], args["sigma"], options)
        return args["denoised"]

    guided = model.clone()
    guided.set_model_sampler_post_cfg_function(again)
    captured_model, capture = capturing(guided)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    watched_model, events = watched(model)
    assert torch.equal(sample(watched_model, text(77, 1), text(77, 2)), latent)
    assert_equal_maps(capture.recording_for(latent).positive(), column_means(evaluations(events), 77, 1))


def test_a_model_function_wrapper_of_others_still_runs(model, capturing):
    calls = []

    def wrapper(apply_model, args):
        calls.append(args["cond_or_uncond"])
        return apply_model(args["input"], args["timestep"], **args["c"]) * 0.9

    captured_model, capture = capturing(model)
    captured_model = captured_model.clone()
    captured_model.set_model_unet_function_wrapper(wrapper)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert len(calls) == 3
    plain = model.clone()
    plain.set_model_unet_function_wrapper(wrapper)
    assert torch.equal(sample(plain, text(77, 1), text(77, 2)), latent)
    assert capture.recording_for(latent).positive().steps == 3


def test_changed_text_columns_are_reported_not_guessed(model, capturing):
    def extend(n, context, value, options):
        longer = torch.cat([context, context[:, :5]], dim=1)
        return n, longer, longer

    changed = model.clone()
    changed.set_model_attn2_patch(extend)
    captured_model, capture = capturing(changed)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(latent, sample(changed, text(77, 1), text(77, 2)))
    recording = capture.recording_for(latent)
    assert any("other text columns" in notice for notice in recording.notices)
    with pytest.raises(ValueError, match="other text columns"):
        recording.positive()


def test_a_layer_with_its_own_forward_is_left_alone(model, capturing):
    """A replacement would bypass it and change the picture."""
    changed = unet()
    layer = changed.model.diffusion_model.input_blocks[1][1].transformer_blocks[0].attn2
    original = layer.forward
    layer.forward = lambda *args, **kwargs: original(*args, **kwargs) * 0.5
    plain = sample(changed, text(77, 1), text(77, 2))
    captured_model, capture = capturing(changed)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert len(recording.positive().maps) == len(UNET_SITES) - 1
    said = (
        "1 of 7 attention layers were not recorded: another pack changed them (input 1.0). For maps, bypass "
        "that node (Ctrl+B)."
    )
    assert said in recording.notices
    assert str(recording.coverage) == "6 of 7 layers, 12 of 14 heads, 3 of 3 steps, 3 of 3 rows"


def test_two_captures_in_a_row_and_copies(model, capturing):
    first_model, first = capturing(model)
    second_model, second = capturing(first_model)
    plain = sample(model, text(77, 1), text(77, 2))
    latent = sample(second_model.clone().clone(), text(77, 1), text(77, 2))
    assert torch.equal(latent, plain)
    one, two = first.recording_for(latent).positive(), second.recording_for(latent).positive()
    for layer, values in one.maps.items():
        assert np.array_equal(values, two.maps[layer])
    assert copy.deepcopy(first) is first


def test_nothing_is_left_on_the_model(host, model, capturing):
    import comfy.samplers

    batch_function = comfy.samplers.calc_cond_batch
    captured_model, capture = capturing(model)
    options = copy.deepcopy(captured_model.model_options.get("transformer_options", {}))
    sample(captured_model, text(77, 1), text(77, 2))
    assert comfy.samplers.calc_cond_batch is batch_function
    assert captured_model.model_options.get("transformer_options", {}) == options
    assert "attn2" not in captured_model.model_options.get("transformer_options", {}).get(
        "patches_replace", {}
    )
    runs = len(capture._runs)
    sample(model, text(77, 1), text(77, 2), steps=2)
    assert len(capture._runs) == runs == 1


# -- runs ------------------------------------------------------------------------------------------------


def test_no_run_and_wrong_latent(model, capturing):
    captured_model, capture = capturing(model)
    with pytest.raises(ValueError, match="recorded no sampling run yet"):
        capture.recording_for(torch.zeros(1, 4, 8, 12))
    latent = sample(captured_model, text(77, 1), text(77, 2))
    with pytest.raises(ValueError, match="not sampled with this capture"):
        capture.recording_for(latent + 1)
    assert capture.recording_for(latent.clone()).complete


def test_the_last_runs_are_kept(pack, model, capturing):
    count = importlib.import_module("selagg_core.recording.capture").KEPT_RUNS
    captured_model, capture = capturing(model, self_attention=False)
    latents = [sample(captured_model, text(77, 700 + i), text(77, 99), steps=1) for i in range(count + 2)]
    for latent in (latents[0], *latents[3:]):  # the first is what the others may be tiles of
        assert capture.recording_for(latent).complete
    for latent in latents[1:3]:
        with pytest.raises(ValueError, match="not sampled with this capture"):
            capture.recording_for(latent)
    maps = capture.recording_for(latents[-1]).positive().maps
    kept = sum(values.nbytes // 77 * 78 for values in maps.values())  # the columns and the special sum
    assert capture.get_ram_usage() == count * kept


def test_a_run_knows_the_request_and_the_node_that_sampled_it(host, model, capturing):
    executing = importlib.import_module("selagg_nodes.host").executing
    if host == "registry":
        pytest.skip("this host tells of a node only while a browser is connected")
    contexts = importlib.import_module("comfy_execution.utils")
    captured_model, capture = capturing(model)
    assert executing() == (None, None)
    with contexts.CurrentNodeContext("a request", "7"):
        sample(captured_model, text(77, 1), text(77, 2), steps=1)
    (kept,) = capture._runs.values()
    assert (kept.origin.request, kept.origin.node) == ("a request", "7")


def test_the_denoised_output_finds_its_run(host, model, capturing):
    """SamplerCustom's second output is the last denoised prediction, not the latent."""
    captured_model, capture = capturing(model)
    last = {}
    latent = sample(
        captured_model, text(77, 1), text(77, 2), callback=lambda i, x0, x, n: last.update(x0=x0), last_step=2
    )
    denoised = captured_model.model.process_latent_out(last["x0"].cpu())
    assert not torch.equal(denoised, latent)
    assert capture.recording_for(denoised).sigmas == capture.recording_for(latent).sigmas


@pytest.mark.parametrize("error", [RuntimeError, torch.OutOfMemoryError])
def test_an_exception_inside_capture_costs_the_maps_not_the_picture(
    pack, model, capturing, monkeypatch, caplog, error
):
    running_sums = importlib.import_module("selagg_core.recording.run_sums")
    calls = []

    def broken(*args):
        calls.append(1)
        raise error("planted")

    monkeypatch.setattr(running_sums, "LayerGroup", broken)
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(latent, sample(model, text(77, 1), text(77, 2)))
    assert len(calls) == 1
    assert len([r for r in caplog.records if r.name == "selagg" and r.exc_info]) == 1
    found = capture.recording_for(latent)
    assert not found.complete
    assert any("planted" in notice for notice in found.notices)
    with pytest.raises(ValueError, match="planted"):
        found.positive()


def test_capture_that_cannot_start_does_not_stop_sampling(recorder, model, capturing, monkeypatch):
    def broken(*args):
        raise RuntimeError("planted")

    monkeypatch.setattr(recorder, "RunRecorder", broken)
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(latent, sample(model, text(77, 1), text(77, 2)))
    with pytest.raises(ValueError, match="recorded no sampling run yet"):
        capture.recording_for(latent)


def test_an_interrupt_leaves_an_incomplete_run_and_the_earlier_one(host, model, capturing):
    class Interrupted(Exception):
        """Any exception of the sampling's own, such as the host's when the artist presses cancel."""

    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2))

    def stop(step, x0, x, total):
        if step == 1:
            raise Interrupted

    with pytest.raises(Interrupted):
        sample(captured_model, text(77, 3), text(77, 2), callback=stop)
    assert not capture.last().complete
    assert capture.recording_for(latent).complete
    with pytest.raises(ValueError, match="last run was interrupted"):
        capture.recording_for(latent + 1)
    again = sample(captured_model, text(77, 3), text(77, 2))
    assert torch.equal(again, sample(model, text(77, 3), text(77, 2)))
    assert capture.recording_for(again).complete


def test_unsupported_model(host, capturing, caplog):
    model = unreadable()
    same, capture = capturing(model)
    assert same is model
    with pytest.raises(ValueError, match=r"SelAgg cannot read this kind of model yet \(Tiny\).*SDXL"):
        capture.recording_for(torch.zeros(1, 16, 8, 8))
    assert "Tiny" in caplog.text


@pytest.mark.parametrize(
    "settings", [{"every_nth_step": 0}, {"memory_mb": 0}, {"step_bins": 0}, {"step_bins": 9}]
)
def test_bad_settings(model, capturing, settings):
    with pytest.raises(ValueError, match="SelAgg Capture: .* set it to 1 (or more|to 8)"):
        capturing(model, **settings)


def test_no_model(capturing):
    with pytest.raises(ValueError, match="SelAgg Capture: there is no model"):
        capturing(None)


# -- parts of the run ------------------------------------------------------------------------------------


def test_parts_of_the_run(model, capturing):
    captured_model, capture = capturing(model, step_bins=2)
    latent = sample(captured_model, text(77, 1), text(77, 2), steps=5)
    watched_model, events = watched(model)
    assert torch.equal(sample(watched_model, text(77, 1), text(77, 2), steps=5), latent)
    steps = evaluations(events)
    entry = capture.recording_for(latent).positive()
    assert_equal_maps(entry, column_means(steps, 77, 1))
    assert len(entry.step_maps) == 2
    for part, own in zip(entry.step_maps, (steps[:3], steps[3:]), strict=True):
        reference = column_means(own, 77, 1)
        for layer, values in part.items():
            assert np.abs(values - reference[layer.block, layer.number, layer.depth]).max() < 1e-5
    layer = next(iter(entry.maps))
    picture = entry.picture(0).of_words([3, 1])
    assert np.array_equal(picture.step_maps[1][layer], entry.step_maps[1][layer][0][:, [3, 1]])
    assert np.abs(entry.step_maps[0][layer] - entry.step_maps[1][layer]).max() > 1e-3


# -- self-attention --------------------------------------------------------------------------------------

#: Layers of the tiny model whose self-attention is kept.
SELF_SITES = [("output", 2, 0), ("output", 3, 0), ("output", 0, 0), ("output", 1, 0)]


def watched_self_attention(model):
    """A copy of a ModelPatcher that keeps every self-attention call of SELF_SITES, and the list of them."""
    import comfy.ldm.modules.attention as attention

    events = []

    def keep(key):
        def attend(q, k, v, options):
            events.append((key, list(options["cond_or_uncond"]), q.clone(), k.clone()))
            return attention.optimized_attention(
                q, k, v, options["n_heads"], attn_precision=options["attn_precision"]
            )

        return attend

    model = model.clone()
    for key in SELF_SITES:
        model.set_model_attn1_replace(keep(key), *key)
    return model, events


@pytest.mark.parametrize("others", ["none", "replaced before", "replaced after"])
def test_self_attention_of_one_step(model, capturing, others):
    """Exact q and k of the positive rows, whether or not another pack replaced the attention."""

    def settings(steps=4):
        return {"size": (2, 8, 12), "steps": steps}

    plain = sample(model, text(77, 1), text(77, 2), **settings())
    watched_model, events = watched_self_attention(model)
    assert torch.equal(sample(watched_model, text(77, 1), text(77, 2), **settings()), plain)
    step = events[2 * len(SELF_SITES) : 3 * len(SELF_SITES)]  # the third of four: nearest to 60 %
    if others == "replaced before":
        captured_model, capture = capturing(watched_model)
    else:
        captured_model, capture = capturing(model)
    if others == "replaced after":
        captured_model, _ = watched_self_attention(captured_model)
    latent = sample(captured_model, text(77, 1), text(77, 2), **settings())
    assert torch.equal(latent, plain)
    entry = capture.recording_for(latent).positive()
    assert [(x.block, x.number, x.depth) for x in entry.self_attention] == sorted(SELF_SITES)
    for key, order, q, k in step:
        start = order.index(0) * 2
        kept = next(v for x, v in entry.self_attention.items() if (x.block, x.number, x.depth) == key)
        assert kept.grid == ((8, 12) if key[1] > 1 else (4, 6))
        for own, wanted in ((kept.q, q), (kept.k, k)):
            wanted = wanted[start : start + 2].unflatten(-1, (HEADS, -1)).transpose(1, 2)
            assert own.dtype == np.float16
            assert np.array_equal(own, wanted.half().numpy())
    assert np.array_equal(entry.picture(1).self_attention[layer_of(entry)].q[0], first_of(entry).q[1])
    assert set(entry.picture(0).of_words([0]).self_attention) == set(entry.self_attention)


def layer_of(entry):
    return next(iter(entry.self_attention))


def first_of(entry):
    return entry.self_attention[layer_of(entry)]


def test_self_attention_of_changed_size_is_left_out_and_said_so(model, capturing):
    """As HyperTile does it: the picture is cut into tiles, which become rows."""

    def tiles(q, k, v, options):
        return tuple(x.unflatten(1, (2, -1)).flatten(0, 1) for x in (q, k, v))

    def join(x, options):
        return x.unflatten(0, (-1, 2)).flatten(1, 2)

    tiled = model.clone()
    tiled.set_model_attn1_patch(tiles)
    tiled.set_model_attn1_output_patch(join)
    captured_model, capture = capturing(tiled)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(latent, sample(tiled, text(77, 1), text(77, 2)))
    recording = capture.recording_for(latent)
    assert not recording.positive().self_attention
    assert len(recording.positive().maps) == len(UNET_SITES)
    assert any("self-attention" in notice and "HyperTile" in notice for notice in recording.notices)


def test_self_attention_can_be_left_out(model, capturing):
    captured_model, capture = capturing(model, self_attention=False)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert not capture.recording_for(latent).positive().self_attention
    assert not capture.recording_for(latent).notices[1:]


# -- no consumer, and what is left behind ----------------------------------------------------------------


def graph(capture_is_used: bool) -> dict:
    """An API-format workflow in which node 2 is the capture."""
    sampler = {"class_type": "KSampler", "inputs": {"model": ["2", 0], "seed": 1}}
    viewer = {"class_type": "SelAggDiagnose", "inputs": {"capture": ["2", 1], "latent": ["3", 0]}}
    nodes = {"2": {"class_type": "SelAggCapture", "inputs": {"model": ["1", 0]}}, "3": sampler}
    return {**nodes, "4": viewer} if capture_is_used else nodes


def test_nothing_is_recorded_when_no_node_takes_the_capture(recorder, model, capturing, monkeypatch):
    started = []
    original = recorder.RunRecorder
    monkeypatch.setattr(recorder, "RunRecorder", lambda *args: started.append(1) or original(*args))
    captured_model, capture = capturing(model, unique_id="2", prompt=graph(False))
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(latent, sample(model, text(77, 1), text(77, 2)))
    assert not started
    with pytest.raises(ValueError, match="before any node was connected.*change the seed"):
        capture.recording_for(latent)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    assert capture.recording_for(latent).complete


@pytest.mark.parametrize("hidden", [{"prompt": graph(True), "unique_id": "2"}, {"unique_id": "7:2"}])
def test_a_capture_that_may_be_in_use_records_at_once(model, capturing, hidden):
    hidden = {"prompt": graph(False), **hidden}
    captured_model, capture = capturing(model, **hidden)
    assert capture.recording_for(sample(captured_model, text(77, 1), text(77, 2))).complete


def test_everything_is_freed_when_the_capture_goes(model, capturing):
    captured_model, capture = capturing(model)
    sample(captured_model, text(77, 1), text(77, 2))
    run = next(iter(capture._runs.values())).run
    maps = weakref.ref(next(iter(run.entries[0].maps.values())).base)
    attention = weakref.ref(next(iter(run.entries[0].self_attention.values())))
    gone = [weakref.ref(x) for x in (capture, run)]  # the model may be kept: hosts hold the last one
    assert maps() is not None
    del captured_model, capture, run
    gc.collect()
    assert [ref() for ref in (*gone, maps, attention)] == [None] * 4


def test_a_kept_model_holds_neither_capture_nor_recorder(model, capturing, monkeypatch):
    """Hosts keep the last model; and a recorder, with its sums on the device, is gone when its run is."""
    recorder = importlib.import_module("selagg_nodes.recording.recorder")
    made, original = [], recorder.RunRecorder

    def watched(*arguments):
        own = original(*arguments)
        made.extend(weakref.ref(part) for part in (own, own._sums))
        return own

    monkeypatch.setattr(recorder, "RunRecorder", watched)
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), text(77, 2))
    gc.collect()
    assert len(made) == 2 and [ref() for ref in made] == [None, None]
    assert capture.recording_for(latent).complete
    held = weakref.ref(capture)
    del capture
    gc.collect()
    assert held() is None
    again = sample(captured_model, text(77, 1), text(77, 2))
    assert torch.equal(again, latent) and len(made) == 2, "nobody asks: nothing is recorded"


# -- cost ------------------------------------------------------------------------------------------------


def test_every_second_step(model, capturing):
    captured_model, capture = capturing(model, every_nth_step=2)
    latent = sample(captured_model, text(77, 1), text(77, 2), steps=5)
    watched_model, events = watched(model)
    assert torch.equal(sample(watched_model, text(77, 1), text(77, 2), steps=5), latent)
    entry = capture.recording_for(latent).positive()
    assert entry.steps == 3
    assert_equal_maps(entry, column_means(evaluations(events)[::2], 77, 1))


def test_a_small_budget_halves_the_precision_then_pools_the_finest_grids(pack, model, capturing, monkeypatch):
    running_sums = importlib.import_module("selagg_core.recording.run_sums")
    monkeypatch.setattr(running_sums, "MEBIBYTE", 1)
    full_model, full = capturing(model, self_attention=False)
    latent = sample(full_model, text(77, 1), text(77, 2), size=(2, 16, 16))
    exact = full.recording_for(latent).positive()
    module = importlib.import_module("selagg_nodes.capture")
    monkeypatch.setattr(module, "MEBIBYTE", 1)
    for share, pooled in ((2, False), (4, True)):
        budget = full.get_ram_usage() // share
        small_model, small = capturing(model, memory_mb=budget, self_attention=False)
        assert torch.equal(sample(small_model, text(77, 1), text(77, 2), size=(2, 16, 16)), latent)
        found = small.recording_for(latent)
        assert small.get_ram_usage() <= budget
        said = [n for n in found.notices if "coarser grids" in n and "memory budget" in n]
        assert bool(said) == pooled
        for layer, values in found.positive().maps.items():
            wanted = exact.maps[layer]
            factor = wanted.shape[-1] // values.shape[-1]
            cells = wanted.reshape(*wanted.shape[:3], values.shape[3], factor, values.shape[4], factor)
            assert values.dtype == np.float32
            assert np.allclose(cells.mean(axis=(4, 6)), values, rtol=1e-3, atol=1e-7)
        sides = {values.shape[-1] for values in found.positive().maps.values()}
        assert (max(sides) < 16) == pooled


# -- single evaluations ----------------------------------------------------------------------------------


def test_single_evaluations_on_given_latents(recorder, model):
    sigmas = [6.0, 2.0, 0.5]
    latents = [noise(2, 8, 12, seed=i) * sigma for i, sigma in enumerate(sigmas)]
    recording = recorder.record_evaluations(model, text(77, 1), latents, sigmas)
    watched_model, events = watched(model)
    recorder.host.evaluate(watched_model, text(77, 1), latents, sigmas)
    assert [event.sigma for event in events[:: len(UNET_SITES)]] == pytest.approx(sigmas)
    assert recording.positive().steps == 3
    assert recording.positive().batch == 2
    assert_equal_maps(recording.positive(), column_means(evaluations(events), 77, 2))
    assert not recording.positive().self_attention
    middle = recorder.CaptureSettings(self_attention_at=0.5)
    again = recorder.record_evaluations(model, text(77, 1), latents, sigmas, middle)
    watched_model, events = watched_self_attention(model)
    recorder.host.evaluate(watched_model, text(77, 1), latents, sigmas)
    key, _, q, _ = events[len(SELF_SITES)]
    kept = next(v for x, v in again.positive().self_attention.items() if x.number == key[1])
    wanted = q.unflatten(-1, (HEADS, -1)).transpose(1, 2).half().numpy()
    assert np.array_equal(kept.q, wanted)
    with pytest.raises(ValueError, match="3 latents but 2 sigmas"):
        recorder.record_evaluations(model, text(77, 1), latents, sigmas[:2])


def test_reference_sees_what_the_model_was_given(model):
    """The reference itself: rows sum to one, and the layers are all there."""
    watched_model, events = watched(model)
    sample(watched_model, text(77, 1), text(154, 2), steps=1)
    assert {event.key for event in events} == set(UNET_SITES)
    for event in events:
        p = probabilities(event.q, event.k, event.heads)
        assert p.shape[0] == 2 and p.shape[-1] == 154
        assert np.abs(p.sum(-1) - 1).max() < 1e-12


# -- what the artist should know ---------------------------------------------------------------------------


@pytest.mark.parametrize(("cfg", "said"), [(1.0, True), (7.0, False)])
def test_a_negative_prompt_that_is_not_read_is_said(model, capturing, cfg, said):
    words = importlib.import_module("selagg_core.prompt.words")
    prompt = words.Prompt("ugly", (words.Word("ugly", (1,)),), 77, (0, *range(2, 77)))
    negative = [[values, {**extra, "selagg_prompt": prompt}] for values, extra in text(77, 2)]
    captured_model, capture = capturing(model)
    latent = sample(captured_model, text(77, 1), negative, cfg=cfg)
    notices = " ".join(capture.recording_for(latent).notices)
    assert ("The negative prompt did nothing" in notices) == said
    latent = sample(captured_model, text(77, 1), text(77, 2), cfg=cfg)
    assert "negative" not in " ".join(capture.recording_for(latent).notices)
