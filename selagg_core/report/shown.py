"""A run as a viewer shows it: all its texts, the heads of every word, and the maps that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from ..maps.heads import HeadSelection, select_heads
from ..maps.made_maps import MadeMaps, Wanted
from ..maps.recipe import MapRecipe
from ..prompt.groups import WordGroup
from ..recording.head_maps import EntryRecording, Recording
from ..recording.layout import HeadLayout
from ..relevance.choose_heads import ChosenHeads, HeadChooser, HeadSettings
from ..relevance.run_view import MapSet, RunView, choose_or_all, latent_size, shown_entries


@dataclass(frozen=True)
class Text:
    """One conditioning entry of a run as a viewer shows it: by itself, each of its words on its own.

    pictures: how many the batch has. made: the maps that were made so far.
    """

    entry: EntryRecording
    pictures: int
    latent_size: tuple[int, int]
    made: MadeMaps = field(default_factory=MadeMaps, compare=False, repr=False)

    @property
    def name(self) -> str:
        entry = self.entry
        return entry.kind if entry.index == 0 else f"{entry.kind} {entry.index + 1}"

    @property
    def layout(self) -> HeadLayout:
        return self.entry.layout

    @cached_property
    def groups(self) -> tuple[WordGroup, ...]:
        words = self.entry.prompt.words if self.entry.prompt else ()
        return tuple(WordGroup(word.text, (index,)) for index, word in enumerate(words))

    def recorded(self, picture: int) -> int:
        """The place of a picture of the batch in the recording. Raises ValueError if it is not there."""
        if not 0 <= picture < self.pictures:
            raise ValueError(f"there is no picture {picture + 1}: the batch has {self.pictures}.")
        return min(picture, self.entry.batch - 1)

    def maps(self, picture: int, selections: Sequence[HeadSelection], recipe: MapRecipe) -> np.ndarray:
        """Maps (words, h, w) of all words in one picture, on the finest grid, or the latent's for an area."""
        indices = [group.indices for group in self.groups]
        recorded = self.recorded(picture)
        return self.made.groups(self.entry, recorded, indices, selections, recipe, self.latent_size)

    def during(self, step: int) -> Text:
        """The same text in one part of the run. Raises ValueError if nothing was recorded in it."""
        bins = self.entry.step_maps
        if not 0 <= step < len(bins) or not bins[step]:
            raise ValueError(f"nothing was recorded in part {step + 1} of the run, which has {len(bins)}.")
        return replace(self, entry=replace(self.entry, maps=bins[step], step_maps=()), made=MadeMaps())


def texts_of(recording: Recording, pictures: int, made: MadeMaps | None = None) -> tuple[Text, ...]:
    """All conditioning entries with known words: the positive ones first, then the others (negative).

    Raises ValueError, with what to do, if no words of the positive prompt are known.
    """
    first = shown_entries(recording)
    others = [e for e in recording.entries if not any(e is own for own in first)]
    entries = (*first, *(e for e in others if e.prompt is not None and e.batch))
    size, kept = latent_size(recording), MadeMaps() if made is None else made
    return tuple(Text(entry, pictures, size, kept) for entry in entries)


@dataclass(frozen=True)
class Shown:
    """A run with the maps that a viewer shows of it: maps[picture][text][mode], float32 (words, h, w).

    chosen: the heads of every word, text by text. Modes are the one of the settings and "all"; a viewer makes
    others from the maps of single heads.
    """

    view: RunView
    settings: HeadSettings
    texts: tuple[Text, ...]
    chosen: tuple[ChosenHeads, ...]
    maps: tuple[tuple[dict[str, np.ndarray], ...], ...]


@dataclass(frozen=True)
class Planned:
    """What will be shown of a run, before the maps are made."""

    view: RunView
    settings: HeadSettings
    texts: tuple[Text, ...]
    chosen: tuple[ChosenHeads, ...]

    @classmethod
    def of(cls, view: RunView, settings: HeadSettings, chooser: HeadChooser | None = None) -> Planned:
        """The heads of all words of all texts: all heads, with a notice, if the settings cannot be used."""
        found, problem = (chooser, "") if chooser is not None else choose_or_all(view, settings)
        texts = texts_of(view.recording, len(view.pictures), view.made)
        chosen = [found.choose([g.text for g in t.groups]) if t.groups else _NOTHING for t in texts]
        if problem:
            chosen = [replace(c, notices=(problem,)) if c.selections else c for c in chosen]
        return cls(view, settings, texts, tuple(chosen))

    def modes(self, number: int) -> dict[str, Sequence[HeadSelection]]:
        """The heads of each word of a text by mode."""
        text, mode = self.texts[number], self.settings.mode
        if not text.groups:
            return {}
        every = (select_heads(text.layout),) * len(text.groups)
        return {"all": every} if mode == "all" else {"all": every, mode: self.chosen[number].selections}

    def wanted(self, number: int) -> list[Wanted]:
        """All maps that are shown of a text."""
        recipe = self.settings.recipe
        return [
            Wanted(word, selection, recipe)
            for selections in self.modes(number).values()
            for word, selection in enumerate(selections)
        ]

    def map_sets(self) -> list[MapSet]:
        """All maps that are shown of the entries of the view, for `RunView.make`."""
        sets = []
        for number in range(len(self.view.entries)):
            own = [replace(group, entry=number) for group in self.texts[number].groups]
            sets += [MapSet(own, h, self.settings.recipe) for h in self.modes(number).values()]
        return sets

    def with_maps(self) -> Shown:
        """Raises ValueError if the maps cannot be made."""
        for picture in range(len(self.view.pictures)):
            for number, text in enumerate(self.texts):
                text.made.words(text.entry, text.recorded(picture), self.wanted(number))
        maps = tuple(
            tuple(
                {
                    mode: text.maps(picture, selections, self.settings.recipe)
                    for mode, selections in self.modes(number).items()
                }
                for number, text in enumerate(self.texts)
            )
            for picture in range(len(self.view.pictures))
        )
        return Shown(self.view, self.settings, self.texts, self.chosen, maps)


_NOTHING = ChosenHeads((), (), ())


def prepare(view: RunView, settings: HeadSettings) -> Shown:
    """The maps of all words of all texts. Raises ValueError if they cannot be made."""
    return Planned.of(view, settings).with_maps()
