"""What a recording of a sampling run is made of: the maps of every head and word, entry by entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from ..prompt.quoted import reasons
from ..prompt.words import Prompt
from .coverage import Coverage
from .frames import FIRST_FRAME
from .layout import HeadLayout, LayerId
from .self_attention import SelfAttention


@dataclass(frozen=True)
class SubTokens:
    """Maps of single tokens.  groups: for each word the places of its tokens on the token axis.

    maps[layer]: (..., heads, tokens, h, w).
    """

    groups: tuple[tuple[int, ...], ...]
    maps: Mapping[LayerId, np.ndarray]


@dataclass(frozen=True)
class HeadMaps:
    """The maps of one picture under one conditioning entry.

    maps[layer]: float32 (heads, words, h, w), the attention probability of each word, averaged over its
    columns and over the recorded steps.  special[layer]: (heads, h, w), the sum of begin, end and padding
    columns.  Without a prompt (unlabelled text) the word axis is the columns of the text, in order.
    step_maps: as `maps`, for equal parts of the run in order; () if it was not parted.
    self_attention[layer]: a batch of one.  sub_tokens: None if only words were kept.
    """

    prompt: Prompt | None
    maps: Mapping[LayerId, np.ndarray]
    layout: HeadLayout
    special: Mapping[LayerId, np.ndarray]
    step_maps: tuple[Mapping[LayerId, np.ndarray], ...] = ()
    self_attention: Mapping[LayerId, SelfAttention] = field(default_factory=dict)
    sub_tokens: SubTokens | None = None

    @property
    def words(self) -> int:
        """Length of the word axis."""
        return next(iter(self.maps.values())).shape[1] if self.maps else 0

    def of_words(self, indices: Sequence[int]) -> HeadMaps:
        """The maps of these words only, in this order; a word may come several times."""
        if list(indices) == list(range(self.words)):
            return self
        chosen, tokens = list(indices), self.sub_tokens
        return replace(
            self,
            prompt=None,
            sub_tokens=tokens and replace(tokens, groups=tuple(tokens.groups[i] for i in chosen)),
            maps=of_each_layer(self.maps, lambda values: values[:, chosen]),
            step_maps=tuple(of_each_layer(part, lambda values: values[:, chosen]) for part in self.step_maps),
        )


@dataclass(frozen=True)
class Shares:
    """How much attention goes to columns of each kind (prompt/columns.py), exact whatever the maps' size.

    values[layer]: float32 (batch, heads, kinds), mean over the places that were asked and the recorded steps.
    What is missing to 1 goes to the picture itself, to reference pictures, and to columns of no known kind.
    """

    kinds: tuple[str, ...] = ()
    values: Mapping[LayerId, np.ndarray] = field(default_factory=dict)

    def of(self, picture: int) -> dict[str, float]:
        """By kind, mean over all heads of all layers, of one picture of the batch."""
        if not self.values:
            return {}
        every = np.concatenate([values[picture] for values in self.values.values()])
        return dict(zip(self.kinds, every.mean(axis=0, dtype=np.float64).tolist(), strict=True))


@dataclass(frozen=True)
class EntryRecording:
    """The maps of one conditioning entry for a whole batch.

    kind: "positive", "negative", ... as the guider calls it; index: its place among those of its kind.
    area: (h, w, y, x) in latent pixels if the entry covers only that part.  steps: recorded steps.
    maps[layer]: float32 (batch, heads, words, h, w); special[layer]: (batch, heads, h, w).
    step_maps: as `maps`, for equal parts of the run in order (a part in which nothing was recorded is empty);
    () if the run was not parted.  self_attention[layer]: of a few layers at one step, for propagation.
    sub_tokens: None if only words were kept.  reference[layer]: (batch, heads, h, w), how much of a place's
    attention goes to reference pictures; empty without any.  shares: what goes to columns of each kind.
    """

    kind: str
    index: int
    prompt: Prompt | None
    area: tuple[int, int, int, int] | None
    steps: int
    maps: Mapping[LayerId, np.ndarray]
    special: Mapping[LayerId, np.ndarray]
    layout: HeadLayout
    step_maps: tuple[Mapping[LayerId, np.ndarray], ...] = ()
    self_attention: Mapping[LayerId, SelfAttention] = field(default_factory=dict)
    sub_tokens: SubTokens | None = None
    reference: Mapping[LayerId, np.ndarray] = field(default_factory=dict)
    shares: Shares = field(default_factory=Shares)

    def of_pictures(self, places: Sequence[int]) -> EntryRecording:
        """The same of these pictures of the batch only."""
        own, tokens = list(places), self.sub_tokens

        def taken(by_layer: Mapping[LayerId, np.ndarray]) -> Mapping[LayerId, np.ndarray]:
            return of_each_layer(by_layer, lambda values: values[own])

        return replace(
            self,
            maps=taken(self.maps),
            special=taken(self.special),
            step_maps=tuple(map(taken, self.step_maps)),
            self_attention=of_each_layer(self.self_attention, lambda each: each.of_pictures(own)),
            sub_tokens=tokens and replace(tokens, maps=taken(tokens.maps)),
            reference=taken(self.reference),
            shares=replace(self.shares, values=taken(self.shares.values)),
        )

    @property
    def batch(self) -> int:
        return next(iter(self.maps.values())).shape[0] if self.maps else 0

    def picture(self, index: int) -> HeadMaps:
        """The maps of one picture of the batch."""
        if not 0 <= index < self.batch:
            raise ValueError(f"Picture {index} was asked for, but this run made {self.batch}.")
        tokens = self.sub_tokens
        return HeadMaps(
            self.prompt,
            of_each_layer(self.maps, lambda values: values[index]),
            self.layout,
            of_each_layer(self.special, lambda values: values[index]),
            tuple(of_each_layer(part, lambda values: values[index]) for part in self.step_maps),
            of_each_layer(self.self_attention, lambda attention: attention.picture(index)),
            tokens and replace(tokens, maps=of_each_layer(tokens.maps, lambda values: values[index])),
        )


def of_each_layer(by_layer: Mapping[LayerId, Any], change: Callable[[Any], Any]) -> Mapping[LayerId, Any]:
    """What `change` makes of the value of each layer."""
    return MappingProxyType({layer: change(value) for layer, value in by_layer.items()})


@dataclass(frozen=True)
class Recording:
    """One sampling run.  latent_shape: (batch, channels, h, w); notices: what the artist should know.

    context_width: width of the text encoding, which tells models with the same heads apart; 0: none seen.
    coverage: None if it is not known.  frames: of a video, which frames of its latent were recorded: the
    entries hold one after the other, picture by picture (`frames.py`).  from_picture: whether it started from
    a picture that shows through the noise; None if that is not known.
    """

    entries: tuple[EntryRecording, ...]
    layout: HeadLayout
    latent_shape: tuple[int, ...]
    sigmas: tuple[float, ...]
    complete: bool
    notices: tuple[str, ...] = ()
    context_width: int = 0
    coverage: Coverage | None = None
    frames: tuple[int, ...] = FIRST_FRAME
    from_picture: bool | None = None

    @property
    def pictures(self) -> int:
        """Whose maps there are: every recorded frame of every picture of the batch."""
        return self.latent_shape[0] * len(self.frames)

    def first_frames(self) -> Recording:
        """The same of the first recorded frame of each video only."""
        each = len(self.frames)
        if each == 1:
            return self
        entries = tuple(entry.of_pictures(range(0, entry.batch, each)) for entry in self.entries)
        return replace(self, entries=entries, frames=self.frames[:1])

    def positive(self) -> EntryRecording:
        """The positive entry; of several the first that covers the whole picture, else the first."""
        own = [e for e in self.entries if e.kind == "positive"] or [
            e for e in self.entries if e.kind not in ("negative", "empty")
        ]
        if not own:
            why = reasons(self.notices) or "No evaluation of it was seen."
            raise ValueError(f"nothing of the positive prompt was recorded. {why}")
        return next((e for e in own if e.area is None), own[0])
