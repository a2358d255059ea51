"""Word maps of a run, each made once: whoever asks for one again gets the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ..recording.head_maps import EntryRecording, HeadMaps
from .arrays import paste_area, resize_maps
from .heads import HeadSelection
from .recipe import MapRecipe
from .word_maps import everything_map, finest_grid, mean_maps, mean_recipe, refined


class Wanted(NamedTuple):
    """One map: of a word, counted in its entry, from these heads, put together by this recipe."""

    word: int
    selection: HeadSelection
    recipe: MapRecipe


_Key = tuple[int, int, MapRecipe, int, bytes]
"""Entry, picture, recipe, word, heads."""


class MadeMaps:
    """Keeps the maps that were made of the entries of a run.

    Maps that are asked for together are made in one pass over the heads: ask for all that are needed at once.
    """

    def __init__(self) -> None:
        self._means: dict[_Key, np.ndarray] = {}
        self._maps: dict[_Key, np.ndarray] = {}
        self._everything: dict[tuple[int, int], np.ndarray] = {}
        self._entries: dict[int, EntryRecording] = {}

    def words(self, entry: EntryRecording, picture: int, wanted: Sequence[Wanted]) -> list[np.ndarray]:
        """Maps (h, w) on the finest grid of one picture of an entry, in the order asked for.

        Raises ValueError as `word_maps`.
        """
        self._entries[id(entry)] = entry  # kept, or another entry could get the same id
        keys = [self._key(entry, picture, each, each.recipe) for each in wanted]
        missing = {key: each for key, each in zip(keys, wanted, strict=True) if key not in self._maps}
        if missing:
            whole = entry.picture(picture)
            self._make_means(whole, {self._mean_key(key): each for key, each in missing.items()})
            for recipe in dict.fromkeys(each.recipe for each in missing.values()):
                self._refine(whole, {k: e for k, e in missing.items() if e.recipe == recipe}, recipe)
        return [self._maps[key] for key in keys]

    def groups(
        self,
        entry: EntryRecording,
        picture: int,
        groups: Sequence[Sequence[int]],
        selections: Sequence[HeadSelection],
        recipe: MapRecipe,
        latent_size: tuple[int, int],
        size: tuple[int, int] | None = None,
    ) -> np.ndarray:
        """Maps (groups, h, w) for groups of words, over the whole latent, as `group_maps` gives them."""
        wanted = [
            Wanted(word, selection, recipe)
            for indices, selection in zip(groups, selections, strict=True)
            for word in indices
        ]
        maps = np.stack(self.words(entry, picture, wanted))
        ends = np.cumsum([len(indices) for indices in groups])[:-1]
        grouped = np.stack([part.mean(axis=0) for part in np.split(maps, ends)])
        if entry.area is not None:
            grouped = paste_area(grouped, entry.area, latent_size)
        return grouped if size is None else resize_maps(grouped, size)

    @staticmethod
    def _key(entry: EntryRecording, picture: int, wanted: Wanted, recipe: MapRecipe) -> _Key:
        return id(entry), picture, recipe, wanted.word, wanted.selection.mask.tobytes()

    @staticmethod
    def _mean_key(key: _Key) -> _Key:
        entry, picture, recipe, word, heads = key
        return entry, picture, mean_recipe(recipe), word, heads

    def _make_means(self, whole: HeadMaps, wanted: dict[_Key, Wanted]) -> None:
        """The means of heads that are not there yet: one pass over the heads for each way to take means."""
        missing = {key: each for key, each in wanted.items() if key not in self._means}
        for recipe in dict.fromkeys(key[2] for key in missing):
            sets: dict[int, list[_Key]] = {}
            for key in (key for key in missing if key[2] == recipe):
                sets.setdefault(key[3], []).append(key)
            words = sorted(sets)
            masks = np.zeros((max(map(len, sets.values())), len(words), whole.layout.total), bool)
            for column, word in enumerate(words):
                for row, key in enumerate(sets[word]):
                    masks[row, column] = missing[key].selection.mask
            all_words = words == list(range(whole.words))
            means = mean_maps(whole, masks, recipe, None if all_words else words)
            for column, word in enumerate(words):
                for row, key in enumerate(sets[word]):
                    self._means[key] = means[row, column]

    def _refine(self, whole: HeadMaps, wanted: dict[_Key, Wanted], recipe: MapRecipe) -> None:
        """What the recipe does after the mean, for many maps together."""
        means = np.stack([self._means[self._mean_key(key)] for key in wanted])
        masks = np.stack([each.selection.mask for each in wanted.values()])
        tokens = recipe.best_token and whole.sub_tokens is not None
        own = whole.of_words([each.word for each in wanted.values()]) if tokens else whole
        rivals = self._rivals(whole, next(iter(wanted))[:2]) if recipe.competition else None
        maps = refined(means, own, masks, replace(recipe, best_token=tokens), rivals)
        self._maps.update(zip(wanted, maps, strict=True))

    def _rivals(self, whole: HeadMaps, place: tuple[int, int]) -> np.ndarray:
        if place not in self._everything:
            self._everything[place] = everything_map(whole, finest_grid(whole))
        return self._everything[place]
