"""A run with its pictures: which heads speak for its words, and the maps that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..maps.heads import HeadSelection, resolution_groups
from ..maps.made_maps import MadeMaps, Wanted
from ..maps.recipe import DEFAULT, MapRecipe
from ..prompt.groups import WordGroup
from ..prompt.messages import message, why
from ..prompt.quoted import reasons
from ..prompt.words import Prompt
from ..recording.head_maps import EntryRecording, Recording
from .choose_heads import ChosenHeads, HeadChooser, HeadSettings


class MapSet(NamedTuple):
    """Maps of several words or phrases: of each from its own heads, all by one recipe."""

    groups: Sequence[WordGroup]
    selections: Sequence[HeadSelection]
    recipe: MapRecipe


@dataclass(frozen=True)
class RunView:
    """A run with its pictures.

    `entries`: the positive conditioning entries with known words, the one of the whole picture first;
    `pictures`: RGB uint8 (h, w, 3), one a picture of the batch. `unseen`: for each picture why nothing is
    to be seen in it, "" if it is a picture; () if all are. `frames`: of a video, which of its frames, from 1,
    each picture is; () if they are pictures. `made`: the maps that were made so far.
    """

    recording: Recording
    entries: tuple[EntryRecording, ...]
    pictures: tuple[np.ndarray, ...]
    unseen: tuple[str, ...] = ()
    frames: tuple[int, ...] = ()
    made: MadeMaps = field(default_factory=MadeMaps, compare=False, repr=False)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        return tuple(entry.prompt for entry in self.entries if entry.prompt is not None)

    @property
    def text(self) -> str:
        """The prompts as they were written."""
        return " | ".join(dict.fromkeys(prompt.text for prompt in self.prompts))

    @property
    def latent_size(self) -> tuple[int, int]:
        return latent_size(self.recording)

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) px of the pictures."""
        height, width = self.pictures[0].shape[:2]
        return height, width

    def fault_of(self, picture: int) -> str:
        """Why nothing is to be seen in a picture; "" if it is one."""
        return self.unseen[picture] if self.unseen else ""

    def faults(self) -> tuple[str, ...]:
        """A sentence on each picture in which nothing is to be seen."""
        return tuple(
            message("picture_is", number=n, why=fault)
            for n, fault in enumerate(self.unseen, start=1)
            if fault
        )

    def made_without(self, picture: int) -> frozenset[int]:
        """Numbers of the entries that a frame of a video was made without: prompts may be shared out."""
        if not self.frames:
            return frozenset()
        return frozenset(
            number
            for number, entry in enumerate(self.entries)
            if not any(values[min(picture, entry.batch - 1)].any() for values in entry.maps.values())
        )

    def chooser(self, settings: HeadSettings) -> HeadChooser:
        """What chooses the heads of words in this run. Raises ValueError as `HeadChooser` does."""
        groups = resolution_groups(self.entries[0].picture(0))
        return HeadChooser(self.recording.layout, self.recording.context_width, settings, groups)

    def choose(self, groups: Sequence[WordGroup], settings: HeadSettings) -> ChosenHeads:
        """The heads that the map of each group is made from. Raises ValueError as `HeadChooser` does."""
        return self.chooser(settings).choose([group.text for group in groups])

    def make(self, picture: int, wanted: Sequence[MapSet]) -> None:
        """Makes the maps that will be asked for, of one picture, in one pass over the heads."""
        for number, entry in enumerate(self.entries):
            words = [
                Wanted(word, selection, each.recipe)
                for each in wanted
                for group, selection in zip(each.groups, each.selections, strict=True)
                if group.entry == number
                for word in group.indices
            ]
            self.made.words(entry, min(picture, entry.batch - 1), words)

    def maps(
        self,
        picture: int,
        groups: Sequence[WordGroup],
        selections: Sequence[HeadSelection],
        recipe: MapRecipe = DEFAULT,
    ) -> np.ndarray:
        """Maps (groups, h, w) of one picture, on the recorded grid; on the latent's for several entries."""
        size = self.latent_size if len(self.entries) > 1 else None
        found: dict[WordGroup, np.ndarray] = {}
        for number, entry in enumerate(self.entries):
            own = [
                (group, selection)
                for group, selection in zip(groups, selections, strict=True)
                if group.entry == number
            ]
            if own:
                recorded = min(picture, entry.batch - 1)
                indices, heads = [group.indices for group, _ in own], [selection for _, selection in own]
                heats = self.made.groups(entry, recorded, indices, heads, recipe, self.latent_size, size)
                found.update(zip([group for group, _ in own], heats, strict=True))
        return np.stack([found[group] for group in groups])

    def notices(self, chosen: ChosenHeads) -> tuple[str, ...]:
        """What the artist should know about the recording and the choice of heads."""
        partial = () if self.recording.complete else (message("partial"),)
        return (*self.recording.notices, *partial, *chosen.notices)


def choose_or_all(view: RunView, settings: HeadSettings) -> tuple[HeadChooser, str]:
    """What chooses heads; of all heads, and the reason, if what the artist asked for cannot be done."""
    try:
        return view.chooser(settings), ""
    except ValueError as error:
        every = HeadSettings("all", recipe=settings.recipe)
        return view.chooser(every), message("all_instead", why=why(error))


def latent_size(recording: Recording) -> tuple[int, int]:
    """(h, w) of the latents of a run."""
    height, width = recording.latent_shape[-2:]
    return height, width


def shown_entries(recording: Recording) -> tuple[EntryRecording, ...]:
    """The positive entries with known words, the one of the whole picture first.

    Raises ValueError, with what to do, if no words are known.
    """
    main = recording.positive()
    others = [entry for entry in recording.entries if entry.kind == main.kind and entry is not main]
    entries = tuple(entry for entry in (main, *others) if entry.prompt is not None)
    if not entries:
        raise ValueError(reasons(recording.notices) or message("words_none"))
    return entries
