"""A run with its pictures: which heads speak for its words, and the maps that they make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..maps.heads import HeadSelection, resolution_groups
from ..maps.recipe import DEFAULT, MapRecipe
from ..maps.word_maps import group_maps
from ..prompt.groups import WordGroup
from ..prompt.words import Prompt
from ..recording.head_maps import EntryRecording, Recording
from .choose_heads import ChosenHeads, HeadSettings, heads_for


@dataclass(frozen=True)
class RunView:
    """A run with its pictures.

    `entries`: the positive conditioning entries with known words, the one of the whole picture first;
    `pictures`: RGB uint8 (h, w, 3), one a picture of the batch.
    """

    recording: Recording
    entries: tuple[EntryRecording, ...]
    pictures: tuple[np.ndarray, ...]

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        return tuple(entry.prompt for entry in self.entries if entry.prompt is not None)

    @property
    def text(self) -> str:
        """The prompts as they were written."""
        return " | ".join(dict.fromkeys(prompt.text for prompt in self.prompts))

    @property
    def latent_size(self) -> tuple[int, int]:
        height, width = self.recording.latent_shape[-2:]
        return height, width

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) px of the pictures."""
        height, width = self.pictures[0].shape[:2]
        return height, width

    def choose(self, groups: Sequence[WordGroup], settings: HeadSettings) -> ChosenHeads:
        """The heads that the map of each group is made from. Raises ValueError as `heads_for` does."""
        recording = self.recording
        texts = [group.text for group in groups]
        groups = resolution_groups(self.entries[0].picture(0))
        return heads_for(texts, recording.layout, recording.context_width, settings, groups)

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
                heats = group_maps(entry, recorded, indices, heads, self.latent_size, size, recipe)
                found.update(zip([group for group, _ in own], heats, strict=True))
        return np.stack([found[group] for group in groups])

    def notices(self, chosen: ChosenHeads) -> tuple[str, ...]:
        """What the artist should know about the recording and the choice of heads."""
        partial = () if self.recording.complete else ("The run was not completed: the maps are of its part.",)
        return (*self.recording.notices, *partial, *chosen.notices)
