"""What is read of a joint call, against float64 over all keys."""

from __future__ import annotations

import pytest
import torch

from selagg_core.recording import joint
from selagg_core.recording.joint import JointCall
from selagg_core.recording.log_sum_exp import SeenLogSumExp, log_sum_exp
from selagg_core.recording.probabilities import ColumnSums

TEXT = 9
WORDS = [((2,), 1.0), ((3, 4), 0.5)]
BESIDE = [((0, 1, 5, 6, 7, 8), 1.0), ((5, 6), 1.0)]
#: Both text and picture, by which is first.
TEXT_FIRST, PICTURE_FIRST = True, False


def sums(slots) -> ColumnSums:
    return ColumnSums.of(slots, TEXT, TEXT)


def call_of(grid, text_first=TEXT_FIRST, batch=2, heads=3, dim=16, references=0, **more) -> JointCall:
    torch.manual_seed(grid[0])
    cells = grid[0] * grid[1]
    tokens = TEXT + cells + references
    q, k, v = (torch.randn(batch, heads, tokens, dim) for _ in range(3))
    text = slice(0, TEXT) if text_first else slice(cells, cells + TEXT)
    image = slice(TEXT, TEXT + cells) if text_first else slice(0, cells)
    reference = slice(TEXT + cells, tokens) if references else None
    return JointCall(q, k, image, text, grid, v=v, reference=reference, **more)


def every(call: JointCall) -> torch.Tensor:
    """float64 probabilities (batch, heads, tokens, keys)."""
    logits = call.q.double() @ call.k.double().mT * call.q.shape[-1] ** -0.5
    if call.mask is not None and call.mask.dtype == torch.bool:
        logits = logits.masked_fill(~call.mask, float("-inf"))
    elif call.mask is not None:
        logits = logits + call.mask
    return torch.softmax(logits, -1)


def of_slots(call: JointCall, slots) -> torch.Tensor:
    """(batch, heads, h, w, slots) of all cells."""
    own = every(call)[:, :, call.image][..., call.text]
    found = [weight * own[..., list(columns)].sum(-1) for columns, weight in slots]
    return torch.stack(found, -1).unflatten(2, call.grid)


def around(values: torch.Tensor, grid, step: int) -> torch.Tensor:
    """Every step-th cell in both directions, held for the cells around it."""
    few = values[:, :, ::step, ::step]
    return few.repeat_interleave(step, 2).repeat_interleave(step, 3)[:, :, : grid[0], : grid[1]]


@pytest.mark.parametrize("text_first", [TEXT_FIRST, PICTURE_FIRST])
@pytest.mark.parametrize(
    ("grid", "step"), [((5, 7), 1), ((16, 16), 1), ((17, 16), 2), ((31, 23), 2), ((32, 32), 2)]
)
def test_words_are_read_at_every_place_and_the_rest_at_some(grid, step, text_first):
    call = call_of(grid, text_first)
    read = call.read("places", sums(WORDS), sums(BESIDE)).unflatten(2, grid)
    assert torch.allclose(read[..., :2].double(), of_slots(call, WORDS), atol=1e-6)
    wanted = around(of_slots(call, BESIDE), grid, step)
    assert torch.allclose(read[..., 2:].double(), wanted, atol=1e-6)


@pytest.mark.parametrize("grid", [(6, 5), (40, 40)])
def test_reference_pictures_are_the_last_sum(grid):
    call = call_of(grid, references=11)
    read = call.read("places", sums(WORDS), sums(BESIDE)).unflatten(2, grid)
    wanted = every(call)[:, :, call.image][..., call.reference].sum(-1, keepdim=True).unflatten(2, grid)
    step = 1 if grid[0] < 17 else 3  # 40 x 40 cells: every third makes 14 x 14
    assert read.shape[-1] == 5
    assert torch.allclose(read[..., 4:].double(), around(wanted, grid, step), atol=1e-6)


@pytest.mark.parametrize("mask", ["added", "boolean", "of every row", "of every query"])
@pytest.mark.parametrize("reading", ["places", "places, words alone", "words"])
def test_masks_hold_in_every_reading(mask, reading):
    grid, tokens = (18, 18), TEXT + 18 * 18
    torch.manual_seed(1)
    masks = {
        "added": torch.randn(1, 1, 1, tokens),
        "boolean": torch.rand(1, 1, 1, tokens) > 0.3,
        "of every row": torch.randn(2, 1, 1, tokens),
        "of every query": torch.randn(2, 3, tokens, tokens),
    }
    masks["boolean"][..., :TEXT] = True
    call = call_of(grid, mask=masks[mask])
    read = call.read(reading, sums(WORDS), sums(BESIDE)).unflatten(2, grid).double()
    assert torch.allclose(read[..., 2:], around(of_slots(call, BESIDE), grid, 2), atol=1e-6)
    wanted = of_slots(call, WORDS)
    if reading == "words":
        own = every(call)[:, :, call.text][..., call.image].mT
        wanted = torch.stack([own[..., 2], own[..., 3:5].mean(-1)], -1).unflatten(2, grid)
    elif reading == "places, words alone":
        own = every(call)[:, :, call.image][..., 2:5]
        own = own / own.sum(-1, keepdim=True)
        wanted = torch.stack([own[..., 0], own[..., 1:].mean(-1)], -1).unflatten(2, grid)
    assert torch.allclose(read[..., :2], wanted, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_log_sum_exps_that_are_known_are_taken(monkeypatch, stride):
    """They are not worked out once more, and belong to the cells that are read."""
    plain = call_of((36, 20), stride=stride)
    wanted = plain.read("places", sums(WORDS), sums(BESIDE))
    totals = torch.logsumexp(plain.q @ plain.k.mT * plain.q.shape[-1] ** -0.5, -1)
    known = JointCall(**{**vars(plain), "totals": totals})
    monkeypatch.setattr(joint, "log_sum_exp", lambda *_: pytest.fail("worked out once more"))
    assert torch.allclose(known.read("places", sums(WORDS), sums(BESIDE)), wanted, atol=1e-6)
    few = known.read("words", sums(WORDS), sums(BESIDE))[..., 2:]
    assert torch.allclose(few, wanted[..., 2:], atol=1e-6)


def test_a_text_without_words_has_what_stands_beside_them():
    call = call_of((6, 6))
    for reading in ("places", "places, words alone", "words", "outputs"):
        read = call.read(reading, sums([]), sums(BESIDE)).unflatten(2, (6, 6))
        assert torch.allclose(read.double(), of_slots(call, BESIDE), atol=1e-6)


# -- log-sum-exp ------------------------------------------------------------------------------


def wanted_sums(q, k, mask=None) -> torch.Tensor:
    logits = q.double() @ k.double().mT * q.shape[-1] ** -0.5
    if mask is not None:
        logits = logits.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else logits + mask
    return logits.logsumexp(-1)


@pytest.mark.parametrize("kind", ["none", "added", "boolean", "of every query"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize(("queries", "keys", "dim"), [(33, 70, 64), (70, 9, 40), (1, 1, 128)])
def test_log_sum_exp_is_that_of_all_keys(queries, keys, dim, dtype, kind):
    torch.manual_seed(queries)
    q, k = torch.randn(2, 3, queries, dim).to(dtype), torch.randn(2, 3, keys, dim).to(dtype)
    masks = {
        "none": None,
        "added": torch.randn(2, 1, 1, keys),
        "boolean": torch.arange(keys).remainder(3).eq(0)[None, None, None],
        "of every query": torch.randn(2, 3, queries, keys),
    }
    found = log_sum_exp(q, k, masks[kind])
    assert found.dtype == torch.float32
    assert torch.allclose(found.double(), wanted_sums(q, k, masks[kind]), atol=5e-5)


def test_log_sum_exp_without_a_kernel(monkeypatch):
    """In parts, of which each holds at most what it may."""
    monkeypatch.setattr("selagg_core.recording.log_sum_exp.KERNELS", frozenset())
    q, k, mask = torch.randn(2, 3, 33, 8), torch.randn(2, 3, 21, 8), torch.randn(2, 1, 33, 21)
    for most in (1, 500, 10**6):
        assert torch.allclose(log_sum_exp(q, k, mask, most).double(), wanted_sums(q, k, mask), atol=1e-5)


@pytest.mark.parametrize("context", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_models_own_call_tells_its_log_sum_exp(context):
    """And gives the same, whether gradients are off, impossible or on."""
    with context():
        q, k, v = (torch.randn(2, 3, 50, 16) for _ in range(3))
        plain = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        seen = SeenLogSumExp(q.transpose(1, 2).flatten(2), k)
        assert seen.values is None
        other = SeenLogSumExp(q, k)
        with other:
            output = torch.nn.functional.scaled_dot_product_attention(q, k, v)
        assert torch.equal(output, plain)
        assert torch.allclose(other.values.double(), wanted_sums(q, k), atol=1e-5)


def test_a_call_of_other_keys_tells_nothing():
    q, k = torch.randn(1, 2, 30, 16), torch.randn(1, 2, 30, 16)
    for other_q, other_k in ((q, k * 1.0), (q.clone(), k), (q[:, :1], k[:, :1])):
        seen = SeenLogSumExp(q, k)
        with seen:
            torch.nn.functional.scaled_dot_product_attention(other_q, other_k, other_k)
        assert seen.values is None


def test_devices_that_may_have_an_attention_of_their_own_are_left_alone():
    assert SeenLogSumExp.can_be_of(torch.zeros(1))
    assert not SeenLogSumExp.can_be_of(torch.zeros(1, device="meta"))
