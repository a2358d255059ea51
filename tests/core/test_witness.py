"""Whether a layer's output was made with the keys that were recorded: functions as other packs write them."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import scaled_dot_product_attention as sdpa

from selagg_core.recording.witness import Witness

HEADS, DIM, KEYS, ROWS = 4, 8, 20, 4
GRID = (6, 10)
CELLS = GRID[0] * GRID[1]
OWN = (2, 3)
"""Rows of the positive prompt, for two pictures."""


def drawn(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def given(dtype=torch.float32) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """q, k, v (rows, tokens, heads * dim) as a layer projects them."""
    q, k, v = (drawn(seed, ROWS, n, HEADS * DIM) for seed, n in ((1, CELLS), (2, KEYS), (3, KEYS)))
    return (2 * q).to(dtype), (2 * k).to(dtype), v.to(dtype)


def by_head(x: torch.Tensor) -> torch.Tensor:
    return x.unflatten(-1, (HEADS, -1)).transpose(1, 2)


def attention(q, k, v) -> torch.Tensor:
    return sdpa(*map(by_head, (q, k, v))).transpose(1, 2).flatten(2)


def of_others(q, seed: int = 7, keys: int = KEYS) -> torch.Tensor:
    """Attention to keys that are not the prompt's."""
    k, v = (drawn(s, 1, keys, HEADS * DIM).expand(q.shape[0], -1, -1).to(q) for s in (seed, seed + 1))
    return attention(q, 2 * k, v)


def verdict(pack, dtype=torch.float32) -> bool:
    q, k, v = given(dtype)
    plain = pack(q, k, v)
    witness = Witness(*map(by_head, (q, k, v)), OWN, GRID)
    with witness:
        output = pack(q, k, v)
    assert torch.equal(output, plain)
    return bool(witness.used(output))


# -- made with the text's attention ----------------------------------------------------------------------


def by_matrices(q, k, v):
    q, k, v = (by_head(x).flatten(0, 1) for x in (q, k, v))
    weights = torch.softmax(torch.einsum("bid,bjd->bij", q, k) * DIM**-0.5, dim=-1)
    out = torch.einsum("bij,bjd->bid", weights, v)
    return out.unsqueeze(0).reshape(-1, HEADS, CELLS, DIM).permute(0, 2, 1, 3).reshape(-1, CELLS, HEADS * DIM)


def in_parts(q, k, v):
    """A few queries at a time, into a tensor that is filled."""
    out = torch.empty_like(q)
    for start in range(0, CELLS, 16):
        out[:, start : start + 16] = attention(q[:, start : start + 16], k, v)
    return out


def by_a_kernel_of_its_own(q, k, v):
    """Computed where nobody can follow, such as in a Triton kernel."""
    q, k, v = (by_head(x).double().numpy() for x in (q, k, v))
    logits = q @ k.swapaxes(-1, -2) * DIM**-0.5
    weights = torch.softmax(torch.from_numpy(logits), dim=-1).numpy()
    return torch.from_numpy(weights @ v).float().transpose(1, 2).flatten(2)


def eight_bits(q, k, v):
    step = k.abs().amax(dim=(1, 2), keepdim=True) / 127
    return attention(q, (k / step).round() * step, v)


def adapter(q, k, v):
    return attention(q, k, v) + 3.0 * of_others(q, keys=4)


def adapter_with_a_mask(q, k, v):
    mask = (torch.arange(CELLS) % GRID[1] < 5).view(1, -1, 1)
    return (attention(q, k, v) + of_others(q, keys=4) * mask).to(q.dtype)


def adapter_in_place(q, k, v):
    out = attention(q, k, v)
    out[2:] += of_others(q[2:], keys=4)
    return out


def adapter_of_its_own_kernel(q, k, v):
    return by_a_kernel_of_its_own(q, k, v).contiguous() + of_others(q, keys=4)


def adapter_row_by_row(q, k, v):
    rows = [attention(q[i : i + 1], k[i : i + 1], v[i : i + 1]) for i in range(ROWS)]
    return torch.cat([*rows[:2], *(row + of_others(q[:1], keys=4) for row in rows[2:])])


def into_a_buffer(q, k, v):
    out = torch.zeros_like(q)
    for i in range(ROWS):
        out[i] = attention(q, k, v)[i] + 0.5 * of_others(q)[i]
    return out


def normalised_guidance(q, k, v):
    """NAG: away from a negative text, its length held."""
    out = attention(q, k, v)
    positive, negative = out[2:], of_others(q[2:])
    steered = positive * 5 - negative * 4
    ratio = steered.norm(p=1, dim=-1, keepdim=True) / positive.norm(p=1, dim=-1, keepdim=True)
    steered = torch.where(ratio > 2.5, steered * 2.5 / ratio, steered)
    return torch.cat([out[:2], 0.5 * steered + 0.5 * positive])


def weakened(q, k, v):
    return attention(q, k, v) * 0.7


def only_the_others_rows(q, k, v):
    """Exchanges the text of rows that are not looked at."""
    return torch.cat([of_others(q[:2]), attention(q[2:], k[2:], v[2:])])


@pytest.mark.parametrize(
    "pack",
    [
        attention, by_matrices, in_parts, by_a_kernel_of_its_own, eight_bits, adapter, adapter_with_a_mask,
        adapter_in_place, adapter_of_its_own_kernel, adapter_row_by_row, into_a_buffer, normalised_guidance,
        weakened, only_the_others_rows,
    ],
)  # fmt: skip
def test_what_is_made_of_the_text_s_attention(pack):
    assert verdict(pack)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("pack", [attention, adapter, adapter_in_place, weakened])
def test_half_precision(pack, dtype):
    assert verdict(pack, dtype)


# -- made with keys of its own ---------------------------------------------------------------------------


def other_text(q, k, v):
    return of_others(q)


def couple(q, k, v):
    """The prompt on the left, another text on the right."""
    mask = (torch.arange(CELLS) % GRID[1] < 5).view(1, -1, 1)
    return torch.where(mask, attention(q, k, v), of_others(q))


def couple_in_one_call(q, k, v):
    """Rows of both texts in one call, masked and summed."""
    keys, values = (drawn(s, 1, KEYS, HEADS * DIM).expand(ROWS, -1, -1) for s in (7, 8))
    out = attention(q.repeat(2, 1, 1), torch.cat([k, 2 * keys]), torch.cat([v, values]))
    mask = (torch.arange(CELLS) % GRID[1] < 5).float().view(-1, 1)
    masks = torch.stack([mask, 1 - mask]).repeat_interleave(ROWS, dim=0)
    return (out * masks).view(2, ROWS, CELLS, -1).sum(dim=0)


def couple_in_a_corner(q, k, v):
    """The other text has a sixth of the picture."""
    cells = torch.arange(CELLS)
    mask = ((cells // GRID[1] < 2) & (cells % GRID[1] < 5)).view(1, -1, 1)
    return torch.where(mask, of_others(q), attention(q, k, v))


def soft_couple(q, k, v):
    return torch.lerp(of_others(q), attention(q, k, v), 0.3)


def one_row_of_two(q, k, v):
    out = attention(q, k, v)
    out[3:] = of_others(q[3:])
    return out


def text_looked_at_and_thrown_away(q, k, v):
    attention(q, k, v)
    return of_others(q)


def hotter(q, k, v):
    """The text's keys, with other weights than theirs."""
    return attention(q * 0.3, k, v)


def rows_of_its_own(q, k, v):
    return attention(q, k, v).repeat(2, 1, 1)


@pytest.mark.parametrize(
    "pack",
    [
        other_text, couple, couple_in_one_call, couple_in_a_corner, soft_couple, one_row_of_two,
        text_looked_at_and_thrown_away, hotter, rows_of_its_own,
    ],
)  # fmt: skip
def test_what_is_made_of_other_keys(pack):
    assert not verdict(pack)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("pack", [other_text, couple, couple_in_one_call])
def test_other_keys_in_half_precision(pack, dtype):
    assert not verdict(lambda q, k, v: pack(*(x.float() for x in (q, k, v))).to(dtype), dtype)


# -- masks, values of other layouts, joint layers --------------------------------------------------------


@pytest.mark.parametrize("kind", ["boolean", "added", "of each query"])
def test_a_mask_belongs_to_the_attention(kind):
    q, k, v = map(by_head, given())
    mask = drawn(5, ROWS, 1, CELLS if kind == "of each query" else 1, KEYS)
    mask = mask > 0 if kind == "boolean" else 3 * mask
    output = sdpa(q, k, v, attn_mask=mask)
    assert Witness(q, k, v, OWN, GRID, mask=mask).used(output)
    assert not Witness(q, k, v, OWN, GRID).used(output)


def test_cells_that_follow_the_text():
    """Text and picture in one sequence, as transformers have them; values of fewer heads than queries."""
    q, k = (drawn(seed, ROWS, HEADS, KEYS + CELLS, DIM) for seed in (1, 2))
    v = drawn(3, ROWS, HEADS // 2, KEYS + CELLS, DIM)
    output = sdpa(q, k, v.repeat_interleave(2, dim=1))
    changed = output.clone()
    changed[:, :, KEYS:] += 1
    for given_out, expected in ((output, True), (output.transpose(1, 2).flatten(2), True), (changed, False)):
        assert bool(Witness(q, k, v, OWN, GRID, first=KEYS).used(given_out)) == expected


# -- nothing else changes --------------------------------------------------------------------------------


def test_random_numbers_are_drawn_once():
    def noisy(q, k, v):
        out = attention(q, k, v)
        return out + torch.rand_like(out)

    q, k, v = given()
    torch.manual_seed(3)
    plain, after = noisy(q, k, v), torch.rand(1)
    torch.manual_seed(3)
    with Witness(*map(by_head, (q, k, v)), OWN, GRID):
        output = noisy(q, k, v)
    assert torch.equal(output, plain)
    assert torch.equal(torch.rand(1), after)


def test_what_a_pack_raises_is_raised():
    def broken(q, k, v):
        raise RuntimeError("its own")

    q, k, v = given()
    with pytest.raises(RuntimeError, match="its own"), Witness(*map(by_head, (q, k, v)), OWN, GRID):
        broken(q, k, v)


@pytest.mark.parametrize("fault", [float("nan"), float("inf")])
def test_an_attention_that_is_not_finite_says_nothing_of_keys(fault):
    def broken(q, k, v):
        return attention(q, k, v * fault)

    q, k, v = given()
    v[3, 0, 0] = fault
    witness = Witness(*map(by_head, (q, k, v)), OWN, GRID)
    assert witness.used(attention(q, k, v))
    assert witness.used(broken(q, k, v))


def test_a_text_of_nothing():
    """A zeroed conditioning: its attention is zero, with and without an adapter."""
    q, k, v = given()
    for pack in (attention, adapter):
        witness = Witness(*map(by_head, (q, k, 0 * v)), OWN, GRID)
        with witness:
            output = pack(q, k, 0 * v)
        assert witness.used(output)
