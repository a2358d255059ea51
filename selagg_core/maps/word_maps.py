"""Head maps -> one map a word: how they are put together, and on which grid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch

from ..prompt.groups import FUNCTION_WORDS
from ..recording.head_maps import EntryRecording, HeadMaps
from ..recording.layout import LayerId
from .arrays import NOT_FINITE, bicubic, cap_borders, focus_of, paste_area, resize_maps
from .heads import HeadSelection, columns_of
from .recipe import PAPER, MapRecipe

CHUNK_PIXELS = 1 << 23
"""Upsampled map values held at once: 32 MB in float32."""


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
    chosen = _chosen_heads(selection, head_maps.words)
    maps = mean_maps(head_maps, chosen[None], recipe)[0]
    if recipe.competition and everything is None:
        everything = everything_map(head_maps, finest_grid(head_maps))
    return resize_maps(refined(maps, head_maps, chosen, recipe, everything), size or maps.shape[-2:])


def mean_maps(
    head_maps: HeadMaps,
    masks: np.ndarray,
    recipe: MapRecipe = PAPER,
    words: Sequence[int] | None = None,
) -> np.ndarray:
    """Means over several sets of heads at once, on the finest grid: float32 (sets, words, h, w).

    Every head is enlarged once, whatever number of sets it is in. masks: bool (sets, words, layout.total),
    the heads of each word in each set; a word without heads in a set stays zero. words: which words of
    `head_maps`, in this order; None for all. Of the recipe count `late_steps`, `cap_borders` and
    `normalise_heads`; the rest is for `refined`.

    Raises ValueError as `word_maps`.
    """
    sets, count = masks.shape[:2]
    grid = finest_grid(head_maps)
    recorded = late_maps(head_maps, recipe.late_steps)
    weights = torch.from_numpy(masks.astype(np.float32))
    total, heads = torch.zeros(sets, count, *grid), torch.zeros(sets, count)
    for layer in head_maps.layout.layers:
        if layer not in head_maps.maps:
            continue
        columns = columns_of(head_maps.layout, layer)
        used = np.flatnonzero(masks[:, :, columns].any(axis=(0, 1)))
        if used.size:
            weight = weights[:, :, columns][:, :, used]
            stack = _rows(recorded[layer], used, words)
            _add_upsampled(total, torch.from_numpy(stack), weight, recipe)
            heads += weight.sum(dim=2)
    if bool((heads == 0)[weights.any(dim=2)].any()):
        raise ValueError("none of the selected heads was recorded for one of the words; use mode all.")
    if not bool(torch.isfinite(total).all()):
        raise ValueError(NOT_FINITE)
    return (total / heads.clamp(min=1)[:, :, None, None]).numpy()


def refined(
    maps: np.ndarray,
    head_maps: HeadMaps,
    chosen: np.ndarray,
    recipe: MapRecipe,
    everything: np.ndarray | None,
) -> np.ndarray:
    """Mean maps (words, h, w) with what a recipe does after the mean: best tokens, competition, propagation.

    head_maps: of these very words, where `recipe.best_token` asks for their tokens. chosen: (words,
    layout.total) the heads that each mean is of. everything: see `everything_map`, for competition.
    """
    if recipe.best_token:
        maps = _with_best_tokens(maps, head_maps, chosen, recipe)
    if recipe.competition and everything is not None:
        maps = compete(maps, everything, recipe.competition)
    if recipe.propagation:
        maps = propagate(maps, head_maps, recipe.propagation)
    return maps


def mean_recipe(recipe: MapRecipe) -> MapRecipe:
    """The part of a recipe that the means of heads depend on: recipes that share it share the means."""
    return MapRecipe(
        normalise_heads=recipe.normalise_heads,
        cap_borders=recipe.cap_borders,
        late_steps=recipe.late_steps,
    )


def _rows(values: np.ndarray, used: np.ndarray, words: Sequence[int] | None) -> np.ndarray:
    """Maps (heads, words, h, w) of these heads and words; a view where it is all of them."""
    chosen = values if used.size == values.shape[0] else values[used]
    chosen = chosen if words is None else chosen[:, list(words)]
    return chosen if chosen.flags.writeable else chosen.copy()  # torch wants it so


def _with_best_tokens(
    maps: np.ndarray, head_maps: HeadMaps, chosen: np.ndarray, recipe: MapRecipe
) -> np.ndarray:
    """The maps (words, h, w), each word of several tokens by the one with the most concentrated map."""
    tokens, best = head_maps.sub_tokens, maps.copy()
    if tokens is None:
        return best
    plain = replace(mean_recipe(recipe), late_steps=0.0)
    for word, group in enumerate(tokens.groups):
        if len(group) > 1:
            own = {layer: values[:, list(group)] for layer, values in tokens.maps.items()}
            single = replace(head_maps, prompt=None, maps=own, step_maps=(), sub_tokens=None)
            each = word_maps(single, HeadSelection("token", chosen[word]), recipe=plain)
            best[word] = each[int(np.argmax([focus_of(one) for one in each]))]
    return best


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
    """(h, w) mean over all heads of the attention to what words compete with.

    In UNets that is all words and, as the background, the special columns. In transformers padding, templates
    and stop words are sinks that take up to half of all attention wherever one looks (docs/models.md): there
    the other words alone compete.
    """
    total, heads = torch.zeros(grid), 0
    background = head_maps.layout.of_unet
    words = head_maps.prompt.words if head_maps.prompt and not background else ()
    rivals = [i for i, word in enumerate(words) if word.text.casefold() not in FUNCTION_WORDS]
    for layer, values in head_maps.maps.items():
        own = values[:, rivals] if rivals else values
        seen = own.astype(np.float32).sum(axis=1) + (head_maps.special[layer] if background else 0)
        total += bicubic(torch.from_numpy(seen).float(), grid).clamp(min=0).sum(dim=0)
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


def _add_upsampled(total: torch.Tensor, stack: torch.Tensor, weight: torch.Tensor, recipe: MapRecipe) -> None:
    """Adds the clamped, upsampled maps of heads: stack (heads, words, h, w), weight (sets, words, heads)."""
    if recipe.cap_borders:
        stack = torch.from_numpy(cap_borders(stack.numpy()))
    grid = total.shape[-2], total.shape[-1]
    step = max(1, CHUNK_PIXELS // (stack.shape[1] * grid[0] * grid[1]))
    for start in range(0, stack.shape[0], step):
        part = stack[start : start + step].float()
        fine = bicubic(part, grid)
        fine = fine.clamp(min=0) if fine is part else fine.clamp_(min=0)  # what is recorded stays as it is
        if recipe.normalise_heads:
            fine /= fine.sum(dim=(-2, -1), keepdim=True).clamp(min=torch.finfo(torch.float32).tiny)
        total += torch.einsum("nwyx,swn->swyx", fine, weight[:, :, start : start + step])
