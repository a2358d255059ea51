"""Weakening of a word in the host's own sampling of the demo model."""

from __future__ import annotations

import pytest
import torch

from benchmarks.weakening import WeakeningBench, target_of, weakening_hooks
from demo.scenes import caption_words


@pytest.fixture(scope="module")
def bench(host):
    return WeakeningBench("argmax wins", steps=2)


def sampled(bench, target, factors) -> torch.Tensor:
    prompt = bench.read_prompt(bench.studio.clip, target.prompt)
    assert [word.text for word in prompt.words] == caption_words(target.prompt)
    model = bench.studio.model.clone()
    columns = prompt.words[target.word].columns
    hooks = weakening_hooks(bench.layout, columns, factors)
    bench.host.on_sampling(model, hooks.attach)
    return bench.studio.sample(target.prompt, [target.seed] * len(factors), bench.settings, model)


def test_each_picture_of_a_batch_has_its_own_weakening(bench):
    target = next(filter(None, map(target_of, range(9))))
    factors = torch.ones(3, bench.layout.total)
    factors[1] = 0
    factors[2, bench.layout.offset(bench.layout.layers[-1])] = -2
    plain = bench.studio.sample(target.prompt, [target.seed], bench.settings)[0]
    none, all_heads, one_head = sampled(bench, target, factors)
    torch.testing.assert_close(none, plain, atol=1e-3, rtol=1e-3)
    strong, weak = (all_heads - plain).abs().max(), (one_head - plain).abs().max()
    assert strong > 5 * weak > 0 and weak > 3 * (none - plain).abs().max()
    assert torch.equal(bench.studio.sample(target.prompt, [target.seed], bench.settings)[0], plain)


def test_a_word_that_is_not_shown_is_left_out(bench):
    target = next(filter(None, map(target_of, range(9))))
    wrong = type(target)(target.seed, target.prompt, "object", "nothing", target.word, target.concept)
    assert bench.presence(wrong) is None
