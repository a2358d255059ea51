"""Streaming sums, their labels, and the handle that finds runs."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selagg_core.prompt.known_texts import LabelCache
from selagg_core.prompt.words import Prompt, Word
from selagg_core.recording.capture import Capture, Origin, latent_hash
from selagg_core.recording.head_maps import Recording
from selagg_core.recording.layout import HeadLayout, LayerId
from selagg_core.recording.run import EncodedText
from selagg_core.recording.run_sums import RunSums
from selagg_core.recording.settings import CaptureSettings, plan_pooling

FINE, COARSE = LayerId("input", 1, 0), LayerId("middle", 0, 0)
LAYOUT = HeadLayout.of([("input", 1, 0, 2), ("middle", 0, 0, 2)])
GRIDS = {FINE: (6, 4), COARSE: (3, 2)}
COLUMNS, WIDTH = 7, 8
PROMPT = Prompt("red cat", (Word("red", (1,)), Word("cat", (2, 3))), COLUMNS, (0, 5, 6))


def embedding(seed=0, columns=COLUMNS):
    return torch.randn(1, columns, 4, generator=torch.Generator().manual_seed(seed))


def layer_inputs(seed, batch=2, columns=COLUMNS):
    generator = torch.Generator().manual_seed(seed)
    return {
        layer: (
            2 * torch.randn(batch, h * w, WIDTH, generator=generator),
            2 * torch.randn(batch, columns, WIDTH, generator=generator),
        )
        for layer, (h, w) in GRIDS.items()
    }


def naive(inputs, columns=COLUMNS):
    """layer -> float64 (batch, heads, columns, h, w)."""
    out = {}
    for layer, (q, k) in inputs.items():
        q, k = (x.double().unflatten(-1, (2, WIDTH // 2)).transpose(1, 2) for x in (q, k))
        p = torch.softmax(q @ k.mT / (WIDTH // 2) ** 0.5, -1).unflatten(-1, (-1, columns)).sum(-2)
        out[layer] = p.mT.unflatten(-1, GRIDS[layer]).numpy()
    return out


def sums(labels=None, **settings):
    settings = CaptureSettings(**settings)
    return RunSums(LAYOUT, GRIDS, (2, 4, 6, 4), (3.0, 1.0, 0.0), labels or LabelCache(), settings)


def evaluate(run, handle, seed, **more):
    inputs = layer_inputs(seed, **more)
    run.begin_evaluation()
    for layer, (q, k) in inputs.items():
        run.add(handle, layer, q, k, 2, GRIDS[layer])
    return naive(inputs)


def known():
    labels = LabelCache()
    labels.register(PROMPT, embedding())
    return labels


def test_words_are_means_of_their_columns_over_committed_steps():
    labels = known()
    run = sums(labels)
    handle = run.entry("positive", 0, EncodedText.of(embedding()))
    first = evaluate(run, handle, 1)
    run.commit(0)
    evaluate(run, handle, 2)  # a sub-step: followed by another evaluation without a report
    second = evaluate(run, handle, 3)
    run.commit(1)
    entry = run.finish(True).recording(labels).positive()
    assert entry.prompt == PROMPT
    assert entry.steps == 2
    for layer in LAYOUT.layers:
        mean = (first[layer] + second[layer]) / 2
        assert np.abs(entry.maps[layer][:, :, 0] - mean[:, :, 1]).max() < 1e-6
        assert np.abs(entry.maps[layer][:, :, 1] - mean[:, :, 2:4].mean(2)).max() < 1e-6
        assert np.abs(entry.special[layer] - mean[:, :, [0, 5, 6]].sum(2)).max() < 1e-6
        picture = entry.picture(1)
        assert np.array_equal(picture.maps[layer], entry.maps[layer][1])
        assert picture.maps[layer].dtype == np.float32
        assert picture.special[layer].shape == (2, *GRIDS[layer])
    with pytest.raises(ValueError, match="Picture 2 was asked for, but this run made 2"):
        entry.picture(2)


def test_single_tokens_are_kept_on_request_and_words_stay_their_means():
    labels = known()
    entries = []
    for sub_tokens in (False, True):
        run = sums(labels, sub_tokens=sub_tokens)
        exact = evaluate(run, run.entry("positive", 0, EncodedText.of(embedding())), 1)
        run.commit(0)
        entries.append(run.finish(True).recording(labels).positive())
    words, split = entries
    assert words.sub_tokens is None and split.prompt == words.prompt
    assert split.sub_tokens.groups == ((0,), (1, 2))
    for layer in LAYOUT.layers:
        np.testing.assert_allclose(split.maps[layer], words.maps[layer], atol=1e-6)
        np.testing.assert_allclose(split.special[layer], words.special[layer], atol=1e-6)
        np.testing.assert_allclose(split.sub_tokens.maps[layer], exact[layer][:, :, 1:4], atol=1e-6)
    picture = split.picture(1)
    assert np.array_equal(picture.sub_tokens.maps[layer], split.sub_tokens.maps[layer][1])
    assert picture.of_words([1]).sub_tokens.groups == ((1, 2),)


def test_the_width_of_the_text_encoding_is_kept():
    run = sums()
    evaluate(run, run.entry("positive", 0, EncodedText.of(embedding())), 1)
    run.commit(0)
    assert run.finish(True).recording(LabelCache()).context_width == 4
    assert sums().finish(True).recording(LabelCache()).context_width == 0


def test_a_text_labelled_after_the_run():
    labels = LabelCache()
    run = sums(labels)
    handle = run.entry("positive", 0, EncodedText.of(embedding()))
    values = evaluate(run, handle, 1)
    run.commit(0)
    finished = run.finish(True)
    before = finished.recording(labels)
    assert before.positive().prompt is None
    assert any("SelAgg Text Encode" in notice and "SelAgg Prompt" in notice for notice in before.notices)
    assert np.abs(before.positive().maps[FINE] - values[FINE]).max() < 1e-6
    labels.register(PROMPT, embedding())
    after = finished.recording(labels)
    assert after.notices == ()
    entry = after.positive()
    assert entry.prompt == PROMPT
    assert np.abs(entry.maps[FINE][:, :, 1] - values[FINE][:, :, 2:4].mean(2)).max() < 1e-6
    assert np.abs(entry.special[FINE] - values[FINE][:, :, [0, 5, 6]].sum(2)).max() < 1e-6


def test_labels_forgotten_after_the_run_are_kept_with_it():
    labels = known()
    run = sums(labels)
    evaluate(run, run.entry("positive", 0, EncodedText.of(embedding())), 1)
    run.commit(0)
    assert run.finish(True).recording(LabelCache()).positive().prompt == PROMPT


def test_half_labelled_text_keeps_the_known_words():
    labels = LabelCache()
    chunk = Prompt("moon", (Word("moon", (1,)),), 77, (0, *range(2, 77)))
    labels.register(chunk, embedding(1, 77))
    run = sums(labels)
    joined = torch.cat([embedding(2, 77), embedding(1, 77)], dim=1)
    handle = run.entry("positive", 0, EncodedText.of(joined))
    inputs = layer_inputs(1, columns=154)
    for layer, (q, k) in inputs.items():
        run.add(handle, layer, q, k, 2, GRIDS[layer])
    run.commit(0)
    recording = run.finish(True).recording(labels)
    entry, values = recording.positive(), naive(inputs, 154)
    assert entry.prompt.words == (Word("moon", (78,)),)
    assert np.abs(entry.maps[FINE][:, :, 0] - values[FINE][:, :, 78]).max() < 1e-6
    assert any("77 of 154 columns" in notice for notice in recording.notices)


def test_hint_is_used_for_changed_embeddings_and_said_so():
    run = sums()
    evaluate(run, run.entry("positive", 0, EncodedText.of(embedding(9)), None, PROMPT), 1)
    run.commit(0)
    recording = run.finish(True).recording(LabelCache())
    assert recording.positive().prompt == PROMPT
    assert any("approximate" in notice for notice in recording.notices)


def test_texts_that_differ_by_picture_have_no_common_words():
    labels = known()
    run = sums(labels)
    evaluate(run, run.entry("positive", 0, EncodedText.of(torch.cat([embedding(), embedding(1)]))), 1)
    run.commit(0)
    assert run.finish(True).recording(labels).positive().prompt is None
    run = sums(labels)
    evaluate(run, run.entry("positive", 0, EncodedText.of(torch.cat([embedding(), embedding()]))), 1)
    run.commit(0)
    assert run.finish(True).recording(labels).positive().prompt == PROMPT


def test_missing_layers_are_reported():
    labels = known()
    run = sums(labels)
    handle = run.entry("positive", 0, EncodedText.of(embedding()))
    q, k = layer_inputs(1)[FINE]
    run.add(handle, FINE, q, k, 2, GRIDS[FINE])
    run.commit(0)
    recording = run.finish(True).recording(labels)
    assert any("1 of 2 attention layers" in n and "middle 0.0" in n for n in recording.notices)
    assert recording.coverage.layers == (1, 2)
    assert recording.coverage.heads == (2, 4)
    assert not recording.coverage.complete


def test_everything_seen():
    run, handle = longer(3, stride=2)
    for step in range(3):
        if run.recording:
            evaluate(run, handle, step)
            run.rows(2)
        run.commit(step)
    coverage = run.finish(True).recording(LabelCache()).coverage
    assert coverage.complete
    assert str(coverage) == "2 of 2 layers, 4 of 4 heads, 2 of 2 steps, 4 of 4 rows"


def test_what_is_missing_is_counted_with_its_cause():
    run, handle = longer(3)
    for step in range(3):
        run.begin_evaluation()
        if step != 1:
            q, k = layer_inputs(step)[FINE]
            run.rows(2)
            run.add(handle, FINE, q, k, 2, GRIDS[FINE])
            run.missed(COARSE, "another pack changed them")
        run.rows(1, "they belong to no picture")
        run.commit(step)
    run.begin_evaluation()
    run.rows(5, "never reported by the sampler")
    recording = run.finish(True).recording(LabelCache())
    assert str(recording.coverage) == "1 of 2 layers, 2 of 4 heads, 2 of 3 steps, 4 of 7 rows"
    assert recording.notices == (
        "1 of 2 attention layers were not recorded: another pack changed them (middle 0.0).",
        "3 of 7 rows were not recorded: they belong to no picture.",
        "1 of 3 steps were not recorded: the prompt was not evaluated in them (it has a timestep range, or a "
        "cache such as EasyCache was used).",
    )


def test_nothing_seen_is_said():
    recording = sums().finish(True).recording(LabelCache())
    with pytest.raises(ValueError, match="No cross-attention was seen"):
        recording.positive()


def test_a_sampler_that_reports_no_steps():
    run = sums(known())
    handle = run.entry("positive", 0, EncodedText.of(embedding()))
    evaluate(run, handle, 1)
    last = evaluate(run, handle, 2)
    recording = run.finish(True).recording(LabelCache())
    assert np.abs(recording.positive().maps[FINE][:, :, 0] - last[FINE][:, :, 1]).max() < 1e-6
    assert any("reports no steps" in notice for notice in recording.notices)


def test_stride():
    run = sums(stride=3)
    wanted = []
    for step in range(7):
        wanted.append(run.recording)
        run.commit(step)
    assert wanted == [True, False, False, True, False, False, True]


def longer(steps, **settings):
    labels = known()
    sigmas = tuple(float(s) for s in range(steps, -1, -1))
    self_layers = {FINE: WIDTH, COARSE: WIDTH}
    run = RunSums(LAYOUT, GRIDS, (2, 4, 6, 4), sigmas, labels, CaptureSettings(**settings), self_layers)
    return run, run.entry("positive", 0, EncodedText.of(embedding()))


@pytest.mark.parametrize(
    ("steps", "stride", "bins", "parts"),
    [
        (6, 1, 3, [[0, 1], [2, 3], [4, 5]]),
        (5, 1, 2, [[0, 1, 2], [3, 4]]),
        (6, 2, 3, [[0], [2], [4]]),
        (2, 1, 8, [[0], [1]]),
        (4, 1, 1, []),
    ],
)
def test_recorded_steps_are_split_in_equal_parts(steps, stride, bins, parts):
    run, handle = longer(steps, stride=stride, step_bins=bins)
    values = {}
    for step in range(steps):
        if run.recording:
            values[step] = evaluate(run, handle, step)[FINE]
        run.commit(step)
    entry = run.finish(True).recording(LabelCache()).positive()
    assert len(entry.step_maps) == len(parts)
    for part, own in zip(entry.step_maps, parts, strict=True):
        wanted = np.mean([values[step] for step in own], axis=0)
        assert np.abs(part[FINE][:, :, 0] - wanted[:, :, 1]).max() < 1e-6
    wanted = np.mean(list(values.values()), axis=0)
    assert np.abs(entry.maps[FINE][:, :, 0] - wanted[:, :, 1]).max() < 1e-6
    assert entry.steps == len(values)


def test_a_part_in_which_nothing_was_recorded_is_empty():
    run, handle = longer(4, step_bins=2)
    for step in range(4):
        if step >= 2:
            evaluate(run, handle, step)
        run.commit(step)
    entry = run.finish(True).recording(LabelCache()).positive()
    assert not entry.step_maps[0]
    assert np.array_equal(entry.step_maps[1][FINE], entry.maps[FINE])


@pytest.mark.parametrize(("steps", "stride", "wanted"), [(10, 1, 5), (4, 1, 2), (10, 4, 4), (1, 1, 0)])
def test_self_attention_is_kept_at_one_step(steps, stride, wanted):
    """The recorded step nearest to 60 % of the way from the first to the last."""
    run, handle = longer(steps, stride=stride)
    asked = []
    for step in range(steps):
        if run.recording:
            evaluate(run, handle, step)
            if run.wanted_self_attention(handle):
                asked.append(step)
                q = torch.full((2, 24, WIDTH), float(step))
                run.add_self_attention(handle, FINE, q, q + 1, 2, GRIDS[FINE])
        run.commit(step)
    assert asked == [wanted]
    finished_run = run.finish(True)
    entry = finished_run.recording(LabelCache()).positive()
    kept = entry.self_attention[FINE]
    assert kept.q.shape == kept.k.shape == (2, 2, 24, WIDTH // 2)
    assert (kept.q == wanted).all() and (kept.k == wanted + 1).all()
    assert entry.picture(1).self_attention[FINE].q.shape[0] == 1
    maps = sum(values.nbytes for values in entry.maps.values())
    assert finished_run.nbytes == maps // 2 * 3 + kept.nbytes


def test_self_attention_that_overflows_half_precision_is_dropped():
    run, handle = longer(1)
    evaluate(run, handle, 0)
    q = torch.full((2, 24, WIDTH), 1e6)
    run.add_self_attention(handle, FINE, q, q, 2, GRIDS[FINE])
    run.commit(0)
    assert not run.finish(True).recording(LabelCache()).positive().self_attention


def test_self_attention_shares_the_budget():
    attention = 2 * 2 * WIDTH * 2 * (24 + 6)
    run, handle = longer(1, budget=2 * attention)
    assert run.wanted_self_attention(handle) == (FINE, COARSE)
    run, handle = longer(1, budget=2 * attention - 1)
    assert run.wanted_self_attention(handle) == (COARSE,)
    assert any("1 of 2 layers" in notice for notice in run.finish(True).notices)


def test_positive_prefers_the_whole_picture():
    run = sums(known())
    for index, area in ((0, (3, 2, 0, 0)), (1, None)):
        evaluate(run, run.entry("positive", index, EncodedText.of(embedding()), area), 1)
        run.commit(index)
    recording = run.finish(True).recording(LabelCache())
    assert recording.positive().index == 1
    only = Recording(recording.entries[:1], LAYOUT, (2, 4, 6, 4), (), True)
    assert only.positive().area == (3, 2, 0, 0)


# -- budget ----------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    sides=st.lists(
        st.tuples(st.integers(1, 20), st.integers(4, 128), st.integers(4, 128)), min_size=1, max_size=5
    ),
    slots=st.integers(1, 78),
    batch=st.integers(1, 4),
    budget=st.integers(1, 10**8),
)
def test_pooling_stays_within_budget_or_goes_as_coarse_as_allowed(sides, slots, batch, budget):
    grids = {LayerId("input", i, 0): side for i, side in enumerate(sides)}
    factors = plan_pooling(grids, slots, batch, budget)

    def size(f):
        return sum(
            heads * -(-h // f[x]) * -(-w // f[x]) * slots * batch * 4 for x, (heads, h, w) in grids.items()
        )

    if size(dict.fromkeys(grids, 1)) <= budget:
        assert set(factors.values()) == {1}
    elif size(factors) > budget:
        assert all(min(grids[x][1:]) // (2 * f) < 4 for x, f in factors.items())
    for layer, factor in factors.items():
        assert factor == 1 or min(grids[layer][1:]) // factor >= 4


def test_large_maps_are_kept_in_half_precision(monkeypatch):
    monkeypatch.setattr("selagg_core.recording.run_sums.HALF_PRECISION_ABOVE", 1000)
    run, handle = longer(4, step_bins=2)
    values = []
    for step in range(4):
        values.append(evaluate(run, handle, step)[FINE])
        run.commit(step)
    finished_run = run.finish(True)
    entry = finished_run.recording(LabelCache()).positive()
    assert finished_run.nbytes == 3 * sum(2 * 2 * 3 * h * w * 2 for h, w in GRIDS.values())
    for found, own in ((entry.maps, values), (entry.step_maps[0], values[:2])):
        assert found[FINE].dtype == np.float32
        wanted = np.mean(own, axis=0)
        assert np.allclose(found[FINE][:, :, 0], wanted[:, :, 1], rtol=1.5e-3, atol=1e-7)
        assert np.allclose(found[FINE][:, :, 1], wanted[:, :, 2:4].mean(2), rtol=1.5e-3, atol=1e-7)
    assert np.allclose(
        entry.special[FINE], np.mean(values, axis=0)[:, :, [0, 5, 6]].sum(2), rtol=1.5e-3, atol=1e-7
    )


def test_the_finest_grids_are_pooled_first():
    grids = {FINE: (8, 64, 64), COARSE: (8, 16, 16)}
    assert plan_pooling(grids, 1, 1, 8 * (32 * 32 + 16 * 16) * 4) == {FINE: 2, COARSE: 1}


# -- the handle ------------------------------------------------------------------------------------------


def finished(seed=0):
    run = sums(known())
    evaluate(run, run.entry("positive", 0, EncodedText.of(embedding())), seed)
    run.commit(0)
    return run.finish(True)


def test_runs_are_found_by_any_latent_they_gave_out():
    capture = Capture(LabelCache())
    first, second, denoised = (torch.full((1, 4, 2, 2), float(v)) for v in (1, 2, 3))
    capture.keep(finished(1), (first,))
    capture.keep(finished(2), (second, denoised))
    one, two = capture.recording_for(first), capture.recording_for(second)
    assert not np.array_equal(one.positive().maps[FINE], two.positive().maps[FINE])
    assert np.array_equal(capture.recording_for(denoised).positive().maps[FINE], two.positive().maps[FINE])
    assert np.array_equal(capture.last().positive().maps[FINE], two.positive().maps[FINE])
    with pytest.raises(ValueError, match="LATENT of the sampler"):
        capture.recording_for(first[:, :, :1])


def test_a_repeated_run_takes_the_place_of_the_first():
    capture = Capture(LabelCache(), kept_runs=2)
    latents = [torch.full((1, 4, 2, 2), float(v)) for v in range(3)]
    for v in (0, 1, 1, 1):
        capture.keep(finished(v), (latents[v],))
    assert capture.recording_for(latents[0]).complete
    capture.keep(finished(2), (latents[2],))
    assert capture.recording_for(latents[0]).complete, "it was looked at: what nobody asked for goes first"
    with pytest.raises(ValueError, match="not sampled with this capture"):
        capture.recording_for(latents[1])


def test_an_interrupted_run_takes_no_place():
    capture = Capture(LabelCache(), kept_runs=2)
    latents = [torch.full((1, 4, 2, 2), float(v)) for v in range(2)]
    capture.keep(finished(0), (latents[0],))
    for _ in range(3):
        capture.keep(sums().finish(False))
    assert capture.recording_for(latents[0]).complete
    with pytest.raises(ValueError, match="interrupted"):
        capture.recording_for(latents[1])


def test_the_oldest_runs_go_when_they_take_too_much_memory():
    size = finished().nbytes
    capture = Capture(LabelCache(), CaptureSettings(budget=size))
    latents = [torch.full((1, 4, 2, 2), float(v)) for v in range(3)]
    for v, latent in enumerate(latents):
        capture.keep(finished(v), (latent,))
    assert capture.get_ram_usage() == 2 * size
    assert capture.recording_for(latents[0]).complete, "the first, which others may be made from"
    assert capture.recording_for(latents[2]).complete
    with pytest.raises(ValueError, match="not sampled with this capture"):
        capture.recording_for(latents[1])
    small = Capture(LabelCache(), CaptureSettings(budget=1))
    small.keep(finished(), (latents[0],))
    assert small.recording_for(latents[0]).complete


# What is sampled in one request: (node, size of the latent) of each run, in order.  The first is the picture.
MAIN = ("1", 8)
REQUESTS = {
    "a detailer's faces": [MAIN, *[("2", 4 + i % 5) for i in range(20)]],
    "tiles of an upscale": [MAIN, *[("2", 8)] * 30],
    "faces, then tiles": [MAIN, *[("2", 4)] * 12, *[("3", 8)] * 12],
    "a second pass, then tiles": [MAIN, ("2", 16), *[("3", 8)] * 40],
    "many detailers of one face": [MAIN, *[(str(2 + i), 4) for i in range(20)]],
    "a loader that samples first": [("9", 4), ("9", 4), MAIN, *[("2", 8)] * 30],
}


def sampled(capture, requests, start=0, known=True):
    """Keeps the runs of these requests; their latents by place."""
    latents = {}
    for number, request in enumerate(requests):
        for place, (node, size) in enumerate(request):
            latent = torch.full((1, 4, size, size), float(start + 100 * number + place))
            origin = Origin(f"request {start + number}", node) if known else Origin()
            capture.keep(replace(finished(0), latent_shape=tuple(latent.shape)), (latent,), origin)
            latents[number, place] = latent
    return latents


@pytest.mark.parametrize("name", REQUESTS)
def test_a_picture_is_not_dropped_for_what_is_made_from_it(name):
    capture, request = Capture(LabelCache()), REQUESTS[name]
    latents = sampled(capture, [request])
    assert capture.recording_for(latents[0, request.index(MAIN)]).complete
    assert capture.recording_for(latents[0, len(request) - 1]).complete


@pytest.mark.parametrize("name", [name for name in REQUESTS if REQUESTS[name][0] == MAIN])
def test_the_same_where_the_node_is_not_known(name):
    capture = Capture(LabelCache())
    latents = sampled(capture, [REQUESTS[name]], known=False)
    assert capture.recording_for(latents[0, 0]).complete


def test_a_second_pass_is_not_dropped_for_tiles():
    capture = Capture(LabelCache())
    latents = sampled(capture, [REQUESTS["a second pass, then tiles"]])
    assert capture.recording_for(latents[0, 1]).complete


@pytest.mark.parametrize("known", [True, False])
def test_requests_one_after_the_other(known):
    """Each is looked at when it is done; the picture of the next is kept as well, and those looked at."""
    capture, request = Capture(LabelCache()), REQUESTS["tiles of an upscale"]
    for number in range(4):
        latents = sampled(capture, [request], 1000 * number, known)
        assert capture.recording_for(latents[0, 0]).complete
    first = torch.full((1, 4, 8, 8), 0.0)
    assert capture.recording_for(first).complete


def test_requests_that_nobody_looks_at_make_room():
    """As when a viewer is muted: the newest picture counts, not the first that was ever sampled."""
    capture = Capture(LabelCache(), kept_runs=4)
    latents = sampled(capture, [[MAIN]] * 9)
    for number in (6, 7, 8):
        assert capture.recording_for(latents[number, 0]).complete


def test_a_capture_that_nobody_asked_is_asked_for_the_next_run():
    """Every viewer is told why there is nothing, whichever of them asks first."""
    capture = Capture(LabelCache(), wanted=False)
    for _ in range(2):
        with pytest.raises(ValueError, match="before any node was connected"):
            capture.recording_for(torch.zeros(1))
        assert capture.wanted
    latent = torch.zeros(1)
    capture.keep(finished(), (latent,))
    assert capture.recording_for(latent).complete
    with pytest.raises(ValueError, match="recorded no sampling run yet"):
        Capture(LabelCache()).recording_for(latent)


def test_handle_is_shared_by_copies_and_tells_its_size():
    capture = Capture(LabelCache(), CaptureSettings(budget=5))
    assert copy.deepcopy({"x": [capture]})["x"][0] is capture
    assert copy.copy(capture) is capture
    assert capture.get_ram_usage() == 0
    capture.keep(finished(), (torch.zeros(1, 4, 2, 2),))
    assert capture.get_ram_usage() == sum(2 * 2 * 3 * h * w * 4 for h, w in GRIDS.values())


def test_unsupported_model_is_named():
    capture = Capture(LabelCache(), unsupported="This is Flux.")
    for ask in (capture.last, lambda: capture.recording_for(torch.zeros(1))):
        with pytest.raises(ValueError, match="This is Flux"):
            ask()


def test_latent_hash_is_of_values_and_shape():
    latent = torch.randn(1, 4, 3, 2)
    assert latent_hash(latent) == latent_hash(latent.clone().to(memory_format=torch.channels_last))
    assert latent_hash(latent) == latent_hash(latent.double())
    assert latent_hash(latent) != latent_hash(latent.reshape(1, 4, 2, 3))
    changed = latent.clone()
    changed[0, 3, 2, 1] = torch.nextafter(changed[0, 3, 2, 1], torch.tensor(9.0))
    assert latent_hash(latent) != latent_hash(changed)


def test_settings_choose_prompts():
    assert CaptureSettings().wants("positive") and CaptureSettings().wants("middle")
    assert not CaptureSettings().wants("negative") and not CaptureSettings().wants("empty")
    assert CaptureSettings(negative=True).wants("negative")
