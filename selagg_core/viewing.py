"""A finished run and its decoded pictures -> overlays, masks, contact sheets and a report.

What every viewer does, whether it is a node or a notebook: find the run, check that the pictures are its,
make the maps, draw. Bad input raises ValueError with a cure; what concerns one word only becomes a problem of
the report, and the rest is still diagnosed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from .capture import Capture
from .choosing import ChosenHeads, HeadSettings, heads_for
from .concepts import Assignment
from .groups import WordGroup, choose_groups
from .maps import HeadSelection, group_maps, normalise, resolution_groups
from .overlay import (
    Tile,
    contact_sheet,
    overlay_tile,
    rgb_picture,
)
from .prompt import Prompt
from .recipe import DEFAULT, MapRecipe
from .recording import EntryRecording, Recording
from .regions import found_region
from .upsampling import enlarge

ASPECT_TOLERANCE = 0.03
"""Relative difference of aspect up to which a picture can have been decoded (and scaled) from a latent."""


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


@dataclass(frozen=True)
class Heatmaps:
    """`overlays` and `masks` (n, h, w) picture by picture, in each the words in order; a sheet a picture."""

    labels: tuple[str, ...]
    overlays: tuple[np.ndarray, ...]
    masks: np.ndarray
    sheets: tuple[np.ndarray, ...]
    notices: tuple[str, ...]


def open_run(capture: Capture, latent: torch.Tensor, images: torch.Tensor) -> RunView:
    """The run that made `latent` (batch, channels, h, w), with `images` (batch, h, w, channels) in [0, 1].

    Raises ValueError, with what to do, if the latent is of no kept run, if its prompt has no known words, or
    if the images are not as many, or not of the same shape, as the latent.
    """
    recording = capture.recording_for(latent)
    check_images(latent, images)
    main = recording.positive()
    others = [entry for entry in recording.entries if entry.kind == main.kind and entry is not main]
    entries = tuple(entry for entry in (main, *others) if entry.prompt is not None)
    if not entries:
        raise ValueError(" ".join(recording.notices) or "the words of the prompt are not known.")
    pictures = tuple(rgb_picture(image) for image in images.detach().cpu().float().numpy())
    for entry in entries:
        if entry.batch not in (1, len(pictures)):
            raise ValueError(
                f"the run recorded {entry.batch} pictures, the image batch holds {len(pictures)}."
            )
    return RunView(recording, entries, pictures)


def check_images(latent: torch.Tensor, images: torch.Tensor) -> None:
    """Raises ValueError unless there is one image for each latent, of the same proportions."""
    if images.shape[0] != latent.shape[0]:
        raise ValueError(
            f"the image batch holds {images.shape[0]}, the latent batch {latent.shape[0]}: connect the IMAGE "
            "that VAE Decode makes from this same LATENT."
        )
    height, width = images.shape[1:3]
    rows, columns = latent.shape[-2:]
    if abs((width / height) / (columns / rows) - 1) > ASPECT_TOLERANCE:
        raise ValueError(
            f"the image is {width}x{height}, which is not the shape of the latent ({columns}x{rows}): "
            "connect the IMAGE that VAE Decode makes from this LATENT, not cropped or padded."
        )


def draw_heatmaps(
    view: RunView,
    words: str = "all",
    settings: HeadSettings | None = None,
    threshold: float | None = None,
) -> Heatmaps:
    """Overlays, masks and contact sheets of the words asked for (see `choose_groups`).

    A mask holds what lies above `threshold` of the range of its map; None chooses the threshold by Otsu.
    """
    groups, settings = choose_groups(view.prompts, words), settings or HeadSettings()
    chosen = view.choose(groups, settings)
    notices = view.notices(chosen)
    overlays, masks, sheets = [], [], []
    for index, picture in enumerate(view.pictures):
        raw = view.maps(index, groups, chosen.selections, settings.recipe)
        heats = normalise(enlarge(raw, picture, settings.recipe.edge_aware))
        captions = [
            f"{_senses(assignment)}peak {peak:.3f}"
            for assignment, peak in zip(chosen.assignments, raw.max(axis=(1, 2)), strict=True)
        ]
        tiles = [
            Tile(group.label, heat, caption)
            for group, heat, caption in zip(groups, heats, captions, strict=True)
        ]
        overlays += [overlay_tile(picture, tile) for tile in tiles]
        masks += [found_region(heat, threshold).mask for heat in heats]
        sheets.append(contact_sheet(picture, tiles, view.text, _footer(view, chosen), notices))
    return Heatmaps(
        tuple(group.label for group in groups),
        tuple(overlays),
        np.stack(masks).astype(np.float32),
        tuple(sheets),
        notices,
    )


def _footer(view: RunView, chosen: ChosenHeads) -> str:
    return f"{chosen.summary}, {view.entries[0].steps} steps; each word on its own scale"


def _senses(assignment: Assignment) -> str:
    """The concept of a word, for the caption of its map; how many there are if it has several senses."""
    named = assignment.concepts
    return "" if not named else f"{named[0]}, " if len(named) == 1 else f"{len(named)} senses, "
