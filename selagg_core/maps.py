"""Head maps -> one map a word: which heads, how they are put together, on which grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as functional

from .layout import HeadLayout, LayerId
from .recipe import PAPER, MapRecipe
from .recording import EntryRecording, HeadMaps

MODES = ("selective", "all", "least")
DEFAULT_FRACTION = 0.25
CHUNK_PIXELS = 1 << 23
"""Upsampled map values held at once: 32 MB in float32."""


@dataclass(frozen=True, eq=False)
class HeadSelection:
    """Heads whose maps are averaged. `mask`: bool (layout.total,), in the published head order."""

    mode: str
    mask: np.ndarray
    notice: str = ""

    def __post_init__(self) -> None:
        if not np.any(self.mask):
            raise ValueError("a head selection needs at least one head.")

    @property
    def count(self) -> int:
        return int(np.count_nonzero(self.mask))


def check_fraction(fraction: float) -> None:
    """Raises ValueError unless 0 < fraction <= 1."""
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"top_fraction is {fraction}; it must be above 0 and at most 1 (0.25 = a quarter).")


def select_heads(
    layout: HeadLayout,
    mode: str = "all",
    fraction: float = DEFAULT_FRACTION,
    scores: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> HeadSelection:
    """The heads that a map is made from.

    all: every head (DAAM). selective: the `fraction` of heads with the highest `scores`. least: the lowest.
    `scores` (layout.total,) say how much each head speaks for the word's concept; without them selective and
    least fall back to all heads and say so in `notice`. Ties go to the head that comes first in the layout.
    With `groups` (layout.total,), as of `resolution_groups`, the fraction is taken of each group by itself.

    Raises ValueError for an unknown mode, a fraction outside (0, 1] or scores of another layout.
    """
    if mode not in MODES:
        raise ValueError(f'mode "{mode}" is unknown; choose one of {", ".join(MODES)}.')
    check_fraction(fraction)
    every = np.ones(layout.total, dtype=bool)
    if mode == "all":
        return HeadSelection(mode, every)
    if scores is None:
        return HeadSelection("all", every, f"{mode}: no head relevance is connected, so all heads are used.")
    if np.shape(scores) != (layout.total,):
        raise ValueError(f"{np.size(scores)} head scores for a model of {layout.total} heads.")
    ranking = np.argsort(-scores if mode == "selective" else scores, kind="stable")
    mask = np.zeros(layout.total, dtype=bool)
    for members in _members(layout, groups):
        ranked = ranking[members[ranking]]
        mask[ranked[: max(1, round(fraction * len(ranked)))]] = True
    return HeadSelection(mode, mask)


def resolution_groups(head_maps: HeadMaps) -> np.ndarray:
    """(layout.total,) the number of cells of each head's grid; 0 for a head that was not recorded."""
    layout = head_maps.layout
    groups = np.zeros(layout.total, dtype=np.int64)
    for layer, values in head_maps.maps.items():
        groups[_columns(layout, layer)] = values.shape[-2] * values.shape[-1]
    return groups


def matched_random(selection: HeadSelection, groups: np.ndarray, rng: np.random.Generator) -> HeadSelection:
    """Random heads, as many of every group as `selection` has: the control of a choice of heads."""
    mask = np.zeros_like(selection.mask)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        mask[rng.choice(members, int(selection.mask[members].sum()), replace=False)] = True
    return HeadSelection("random", mask)


def _members(layout: HeadLayout, groups: np.ndarray | None) -> list[np.ndarray]:
    if groups is None:
        return [np.ones(layout.total, dtype=bool)]
    return [groups == group for group in np.unique(groups)]


def word_maps(
    head_maps: HeadMaps,
    selection: HeadSelection | Sequence[HeadSelection],
    size: tuple[int, int] | None = None,
    recipe: MapRecipe = PAPER,
    everything: np.ndarray | None = None,
) -> np.ndarray:
    """The maps of all words at once: float32 (words, h, w), mean attention probability, not normalised.

    As DAAM does it (Tang et al. 2023, section 3): each head's map by bicubic interpolation to the finest grid
    with negative overshoot cut, plain mean over heads, then bicubic to `size` (h, w), None
    keeping the finest grid. `selection` is one for all words or one a word. `recipe` adds what it names of
    late steps, capped borders, normalised heads, best tokens, competition and propagation. `everything` is
    what words compete with, see `everything_map`; needed where `head_maps` are of some words only.

    Raises ValueError if a selected head was not recorded at all or a map is not finite.
    """
    grid = finest_grid(head_maps)
    words = head_maps.words
    chosen = _chosen_heads(selection, words)
    recorded = late_maps(head_maps, recipe.late_steps)
    total = torch.zeros(words, *grid)
    heads = torch.zeros(words, 1, 1)
    for same_grid in _layers_by_grid(head_maps).values():
        columns = [_columns(head_maps.layout, layer) for layer in same_grid]
        weight = torch.from_numpy(np.concatenate([chosen[:, part] for part in columns], axis=1))
        stack = np.concatenate([recorded[layer] for layer in same_grid])
        used = torch.nonzero(weight.any(dim=0)).flatten()
        total += _upsampled_sum(torch.from_numpy(stack)[used], weight.float()[:, used], grid, recipe)
        heads += weight.sum(dim=1).float()[:, None, None]
    if bool((heads == 0).any()):
        raise ValueError("none of the selected heads was recorded for one of the words; use mode all.")
    if not bool(torch.isfinite(total).all()):
        raise ValueError("the recorded attention is not finite: the model overflowed in half precision.")
    maps = (total / heads).numpy()
    if recipe.best_token:
        maps = _with_best_tokens(maps, head_maps, chosen, recipe)
    if recipe.competition:
        rivals = everything_map(head_maps, grid) if everything is None else everything
        maps = compete(maps, rivals, recipe.competition)
    if recipe.propagation:
        maps = propagate(maps, head_maps, recipe.propagation)
    return resize_maps(maps, size or grid)


def _with_best_tokens(
    maps: np.ndarray, head_maps: HeadMaps, chosen: np.ndarray, recipe: MapRecipe
) -> np.ndarray:
    """The maps (words, h, w), each word of several tokens by the one with the most concentrated map."""
    tokens, best = head_maps.sub_tokens, maps.copy()
    if tokens is None:
        return best
    plain = replace(recipe, best_token=False, late_steps=0.0, competition=0.0, propagation=0.0)
    for word, group in enumerate(tokens.groups):
        if len(group) > 1:
            own = {layer: values[:, list(group)] for layer, values in tokens.maps.items()}
            single = replace(head_maps, prompt=None, maps=own, step_maps=(), sub_tokens=None)
            each = word_maps(single, HeadSelection("token", chosen[word]), recipe=plain)
            best[word] = each[int(np.argmax([focus_of(one) for one in each]))]
    return best


def focus_of(heat: np.ndarray) -> float:
    """1 - entropy / log(cells) of a map as a distribution: 0 for a flat or empty map, 1 for a single cell."""
    mass = np.clip(np.asarray(heat, dtype=np.float64), 0, None)
    total = float(mass.sum())
    if total <= 0 or mass.size < 2:
        return 0.0
    share = mass[mass > 0] / total
    entropy = -float((share * np.log(share)).sum())
    return max(0.0, 1.0 - entropy / float(np.log(mass.size)))


def late_maps(head_maps: HeadMaps, left_out: float) -> Mapping[LayerId, np.ndarray]:
    """Maps by layer over the last steps only, without the share `left_out` from the start of the run.

    Without step bins, or if nothing is left out, the maps over all recorded steps.
    """
    bins = head_maps.step_maps
    first = min(len(bins) - 1, round(left_out * len(bins)))
    if first <= 0:
        return head_maps.maps
    return {layer: np.mean([each[layer] for each in bins[first:]], axis=0) for layer in head_maps.maps}


def everything_map(head_maps: HeadMaps, grid: tuple[int, int]) -> np.ndarray:
    """(h, w) mean over all heads of the attention to all words and, as the background, special columns."""
    total, heads = torch.zeros(grid), 0
    for layer, values in head_maps.maps.items():
        seen = values.astype(np.float32).sum(axis=1) + head_maps.special[layer]
        total += _bicubic(torch.from_numpy(seen).float(), grid).clamp(min=0).sum(dim=0)
        heads += values.shape[0]
    return (total / max(1, heads)).numpy()


def compete(maps: np.ndarray, everything: np.ndarray, strength: float) -> np.ndarray:
    """Maps (words, h, w) times the share of each word in all attention at its place, to a power."""
    rivals = np.maximum(np.maximum(maps, everything), np.finfo(np.float32).tiny)
    return (maps * (maps / rivals) ** strength).astype(np.float32)


def propagate(maps: np.ndarray, head_maps: HeadMaps, share: float) -> np.ndarray:
    """Maps (words, h, w), a `share` of each passed on along the recorded self-attention.

    The last layer on the finest grid that was kept is used: earlier and coarser ones look further than the
    object. Where none was recorded the maps stay as they are.
    """
    layers = head_maps.self_attention
    if not layers:
        return maps
    finest = max(each.grid[0] * each.grid[1] for each in layers.values())
    last = [each for each in layers.values() if each.grid[0] * each.grid[1] == finest][-1]
    passed = resize_maps(last.propagate(resize_maps(maps, last.grid)), maps.shape[-2:])
    return ((1 - share) * maps + share * passed).astype(np.float32)


def word_map(
    head_maps: HeadMaps,
    word_indices: Sequence[int],
    selection: HeadSelection | Sequence[HeadSelection],
    size: tuple[int, int] | None = None,
) -> np.ndarray:
    """The map of one word or phrase: the mean of the maps of its words, float32 (h, w), not normalised."""
    return word_maps(head_maps, selection, size)[list(word_indices)].mean(axis=0)


def group_maps(
    entry: EntryRecording,
    picture: int,
    groups: Sequence[Sequence[int]],
    selection: HeadSelection | Sequence[HeadSelection],
    latent_size: tuple[int, int],
    size: tuple[int, int] | None = None,
    recipe: MapRecipe = PAPER,
) -> np.ndarray:
    """Maps (groups, h, w) of one picture of a batch for groups of word indices, over the whole latent.

    `selection` is one for all groups or one a group. The map of an entry that rules an area only is laid into
    a latent of zeros where that area is. `size` is (h, w) of the result, by default the finest recorded grid,
    or the latent itself for an entry with an area.
    """
    places = [(word, number) for number, indices in enumerate(groups) for word in indices]
    if not isinstance(selection, HeadSelection):
        selection = [selection[number] for _, number in places]
    whole = entry.picture(picture)
    everything = everything_map(whole, finest_grid(whole)) if recipe.competition else None
    chosen = whole.of_words([word for word, _ in places])
    per_word = word_maps(chosen, selection, recipe=recipe, everything=everything)
    ends = np.cumsum([len(indices) for indices in groups])[:-1]
    grouped = np.stack([part.mean(axis=0) for part in np.split(per_word, ends)])
    if entry.area is not None:
        grouped = paste_area(grouped, entry.area, latent_size)
    return grouped if size is None else resize_maps(grouped, size)


def paste_area(maps: np.ndarray, area: tuple[int, int, int, int], latent_size: tuple[int, int]) -> np.ndarray:
    """Maps (..., h, w) of an area (height, width, y, x in latent units) laid into a latent of zeros."""
    height, width, y, x = area
    pasted = np.zeros((*maps.shape[:-2], *latent_size), dtype=np.float32)
    target = pasted[..., y : y + height, x : x + width]
    target[...] = resize_maps(maps, (height, width))[..., : target.shape[-2], : target.shape[-1]]
    return pasted


def normalise(maps: np.ndarray) -> np.ndarray:
    """Min-max of each map (..., h, w) to [0, 1]; a flat map becomes zeros."""
    low = maps.min(axis=(-2, -1), keepdims=True)
    spread = maps.max(axis=(-2, -1), keepdims=True) - low
    flat = spread <= 1e-6 * np.abs(maps).max(axis=(-2, -1), keepdims=True)
    return np.where(flat, 0.0, (maps - low) / np.where(flat, 1.0, spread)).astype(np.float32)


def cap_borders(maps: np.ndarray, ring: int = 1) -> np.ndarray:
    """Maps (..., h, w) whose outer `ring` of cells is cut to the highest value inside it.

    Border and corner cells of UNets collect attention that belongs to no object and ruin min-max scaling; an
    object that touches the border keeps its place. Meant for maps on the recorded grid, before upsampling.
    """
    if min(maps.shape[-2:]) <= 2 * ring:
        return maps
    inside = maps[..., ring:-ring, ring:-ring]
    capped = np.minimum(maps, inside.max(axis=(-2, -1), keepdims=True))
    return capped.astype(np.float32)


def resize_maps(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Maps (..., h, w) by bicubic interpolation to (..., *size)."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return np.ascontiguousarray(maps, dtype=np.float32)
    source = torch.from_numpy(np.ascontiguousarray(maps, dtype=np.float32))
    return _bicubic(source, size).contiguous().numpy()


def finest_grid(head_maps: HeadMaps) -> tuple[int, int]:
    """(h, w) of the recorded layer with most cells. Raises ValueError if no layer was recorded."""
    if not head_maps.maps:
        raise ValueError("no cross-attention was recorded in this run: this model is not supported yet.")
    return max((maps.shape[-2:] for maps in head_maps.maps.values()), key=lambda grid: grid[0] * grid[1])


def _chosen_heads(selection: HeadSelection | Sequence[HeadSelection], words: int) -> np.ndarray:
    if isinstance(selection, HeadSelection):
        return np.broadcast_to(selection.mask, (words, selection.mask.size))
    if len(selection) != words:
        raise ValueError(f"{len(selection)} head selections for {words} words.")
    return np.stack([one.mask for one in selection])


def _layers_by_grid(head_maps: HeadMaps) -> dict[tuple[int, int], list[LayerId]]:
    grids: dict[tuple[int, int], list[LayerId]] = {}
    for layer in head_maps.layout.layers:
        if layer in head_maps.maps:
            grids.setdefault(head_maps.maps[layer].shape[-2:], []).append(layer)
    return grids


def _columns(layout: HeadLayout, layer: LayerId) -> slice:
    start = layout.offset(layer)
    return slice(start, start + layout.heads_of(layer))


def _upsampled_sum(
    stack: torch.Tensor, weight: torch.Tensor, grid: tuple[int, int], recipe: MapRecipe
) -> torch.Tensor:
    """Sum over heads of clamped, upsampled maps: stack (heads, words, h, w), weight (words, heads)."""
    if recipe.cap_borders:
        stack = torch.from_numpy(cap_borders(stack.numpy()))
    words = stack.shape[1]
    total = torch.zeros(words, *grid)
    step = max(1, CHUNK_PIXELS // (words * grid[0] * grid[1]))
    for start in range(0, stack.shape[0], step):
        fine = _bicubic(stack[start : start + step].float(), grid).clamp(min=0)
        if recipe.normalise_heads:
            fine /= fine.sum(dim=(-2, -1), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        total += torch.einsum("nwyx,wn->wyx", fine, weight[:, start : start + step])
    return total


def _bicubic(maps: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Bicubic interpolation as two matrix products: the same numbers, several times faster on many maps."""
    if tuple(maps.shape[-2:]) == tuple(size):
        return maps
    rows = _interpolation_matrix(maps.shape[-2], size[0])
    columns = _interpolation_matrix(maps.shape[-1], size[1])
    return rows @ maps @ columns.T


def _interpolation_matrix(cells: int, wanted: int) -> torch.Tensor:
    """(wanted, cells): row i holds the bicubic weights of the cells that make up cell i of the new grid."""
    unit = torch.eye(cells)[None, None]
    shrinks = wanted < cells
    return functional.interpolate(unit, size=(wanted, cells), mode="bicubic", antialias=shrinks)[0, 0]
