"""What SelAgg must know of a kind of model to record it: the seam at which new kinds are added.

A family is one file in this folder and one line in `FAMILIES`.  It finds the layers in which pictures attend
to text, puts itself around them for the length of one model call, and says of every call where the text and
the picture lie in its keys and queries.  Everything else (rows, steps, sums, maps) is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import torch

from selagg_core.prompt.messages import message
from selagg_core.prompt.words import Prompt
from selagg_core.recording.joint import Tokens
from selagg_core.recording.layout import HeadLayout, LayerId
from selagg_core.recording.log_sum_exp import SeenLogSumExp
from selagg_core.recording.run import EncodedText
from selagg_core.repair.channels import Widened

from ..host.hooks import ModelCall


@dataclass(frozen=True)
class AttentionSite:
    """One layer in which the picture attends to text.

    cell: latent pixels that a side of a cell of its grid covers.  width: channels of its queries.
    outlines: whether its pixels' self-attention follows the outlines of objects and can be kept.
    joint: text and picture are keys of the same softmax.
    """

    layer: LayerId
    heads: int
    cell: int
    width: int = 0
    outlines: bool = False
    joint: bool = False

    def grid(self, size: Sequence[int]) -> tuple[int, int]:
        """(h, w) of the layer in a model called on a latent of this size."""
        return -(-size[0] // self.cell), -(-size[1] // self.cell)


def _whole() -> slice:
    return slice(None)


@dataclass(frozen=True)
class AttentionReading:
    """One call of a layer's attention, as the model projected it (after norms and rotations).

    q, k: (rows, heads, tokens, dim).  grid: (h, w) of the picture, None: of unknown meaning.  image: which
    queries are its cells, row by row.  text: which keys are the columns of the text; None: there is no text
    in it, it is the picture's self-attention.  mask: added to the logits, or boolean (True: may be attended
    to), broadcast to (rows, heads, queries, keys).  v: (rows, heads or a divisor of it, keys, dim), where it
    is to be checked that the layer's output is made of all this.  reference: which keys are of pictures that
    the model was given to go by.  frames: of a video, one behind the other; `image` is the first.
    row: tokens in a row of `image`, where others than the picture's cells stand behind these in every row.
    totals: float32 (rows, heads, queries), the log-sum-exp over all keys where it is known.
    """

    layer: LayerId
    q: torch.Tensor
    k: torch.Tensor
    grid: tuple[int, int] | None
    image: slice = field(default_factory=_whole)
    text: slice | None = field(default_factory=_whole)
    mask: torch.Tensor | None = None
    v: torch.Tensor | None = None
    reference: Tokens | None = None
    frames: int = 1
    row: int | None = None
    totals: torch.Tensor | None = None


class Listener(Protocol):
    """Who is told of the attention of one model call."""

    @property
    def outlines(self) -> Collection[LayerId]:
        """Layers whose self-attention is wanted in this call too."""

    def record(self, make: Callable[..., AttentionReading | None], *args) -> None:
        """Take the reading `make(*args)`; None: no call between picture and text.

        It is made in there, so that an error in making it cannot reach the model, and no compiled graph
        swallows it.
        """

    def checked(
        self, attention: Callable[[], torch.Tensor], make: Callable[..., AttentionReading | None], *args
    ) -> torch.Tensor:
        """The same where another pack computes the attention, and may do so with keys of its own.

        Gives what `attention()` gives.  The reading must have its `v`.
        """

    def overheard(
        self,
        attention: Callable[[], torch.Tensor],
        seen: SeenLogSumExp,
        make: Callable[..., AttentionReading | None],
        *args,
    ) -> torch.Tensor:
        """The same where the host's attention is torch's, which may tell its log-sum-exps: in `seen`.

        Gives what `attention()` gives.
        """

    def exchanged(self, layer: LayerId, given: torch.Tensor, used: torch.Tensor) -> None:
        """Another pack put `used` in the place of the model's text (rows, columns, width) in a layer."""

    def missed(self, layer: LayerId, cause: str) -> None:
        """A layer cannot be recorded, and why: the end of "2 layers were not recorded: ..."."""

    def notice(self, text: str) -> None:
        """What the artist should know of this run, in a sentence."""


CHANGED = message("changed")
CHANGE = "selagg_change"
"""Key among transformer options: the `AttentionChange` of this model call, for whoever records it."""


class AttentionChange(Protocol):
    """What is changed in the attention of one model call."""

    def widened(self, reading: AttentionReading) -> Sequence[tuple[slice, Widened]]:
        """Blocks of rows with their changed q, k, v (rows, heads, tokens, channels); () where nothing is."""

    def missed(self, layer: LayerId, cause: str) -> None:
        """A layer cannot be changed, and why."""

    def notice(self, text: str) -> None:
        """What the artist should know of this run, in a sentence."""


Site = TypeVar("Site", bound=AttentionSite)


class ModelFamily(Protocol[Site]):
    """A kind of model; the first in `FAMILIES` that has sites in a model is its family."""

    def sites(self, model) -> tuple[Site, ...]:
        """The layers of a ModelPatcher in order of execution; () if it is no model of this family."""

    def hooked(
        self, sites: Sequence[Site], call: ModelCall, listener: Listener
    ) -> AbstractContextManager[dict]:
        """For the length of one model call: its transformer options, by which the listener is told.

        sites: what `sites` gave once the host had loaded the model.

        What the model computes, and whatever other packs have put there, must stay as it is.
        """

    def changed(
        self, sites: Sequence[Site], call: ModelCall, change: AttentionChange
    ) -> AbstractContextManager[dict]:
        """For the length of one model call: its transformer options, by which its attention is changed.

        They hold the change under `CHANGE`, so that a recorder of this call records it. A family may lack
        this: then SelAgg Repair says that it cannot repair such models.
        """

    def text(self, sites: Sequence[Site], entry: dict, genuine: dict) -> EncodedText | None:
        """The text that the model is given for a conditioning entry; None if it is given none.

        genuine: the entry of the same kind that this text was encoded for (hosts copy texts between entries).
        """

    def words(self, clip, text: str) -> Prompt | None:
        """The words of a text as this family's text encoder sees them; None for other encoders."""


def can_be_changed(family: ModelFamily) -> bool:
    """Whether the attention of such models can be changed: it is known, not guessed, where their text is."""
    return hasattr(family, "changed") and not getattr(family, "guessed", False)


AskedKeys = Callable[[Any, AttentionSite, torch.Tensor], torch.Tensor]
"""(network, site, another text (1, columns, width)) -> its keys (1, columns, heads * dim) in that layer."""


def asked_keys_of(family: ModelFamily) -> AskedKeys | None:
    """What makes keys of words that are not in the prompt; None for families that have no `asked_keys`.

    Only those may have it whose pictures attend to a text that is the same in all layers: there keys are made
    of it alone. In joint models a text's keys have seen the picture and the step.
    """
    return getattr(family, "asked_keys", None)


def layout_of(sites: Sequence[AttentionSite]) -> HeadLayout:
    return HeadLayout.of((x.layer.block, x.layer.number, x.layer.depth, x.heads) for x in sites)


def context_of(entry: dict) -> torch.Tensor | None:
    """The text that the model is given for an entry (not always the one the entry was made with)."""
    condition = entry.get("model_conds", {}).get("c_crossattn")
    return getattr(condition, "cond", None)


def cond_of(entry: dict, name: str) -> torch.Tensor | None:
    """What the model is given for an entry under another name: the states of a second text encoder."""
    return getattr(entry.get("model_conds", {}).get(name), "cond", None)


def columns_of(entry: dict, name: str) -> int:
    """The columns of a second text that the model is given for an entry."""
    given = cond_of(entry, name)
    return 0 if given is None else int(given.shape[-2])
