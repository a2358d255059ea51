"""Words as the connected text encoder sees them, each by itself."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

import numpy as np
import torch

from selagg_core.prompt.lexicon import Concept
from selagg_core.relevance.concepts import Nearest, nearest_concept, trusted_margin

from .. import host
from ..families.text_encoders import clip_words


def encode_word(clip, word: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A word or phrase encoded alone: its begin token (width,) and its content tokens (tokens, width).

    Raises ValueError if the encoder is not CLIP, or sees no token in it.
    """
    embedding = host.encode_text(clip, word)[0][0][0].detach().float().cpu()
    prompt = clip_words(clip, word)
    columns = sorted({c for part in prompt.words for c in part.columns}) if prompt is not None else []
    if prompt is None or not columns or prompt.length != embedding.shape[0]:
        raise ValueError(
            f'the text encoder gave no words for "{word}": use a CLIP text encoder, and write words in '
            "letters."
        )
    return embedding[0], embedding[columns]


class ConceptFinder:
    """Finds the nearest concept of words in the space of a CLIP; concept words are encoded once, when needed.

    A word stands for the mean of its content tokens. How clearly a concept must be the nearest is measured on
    the concept words themselves, for encoders differ. One finder serves one CLIP and remembers no other.
    """

    def __init__(self) -> None:
        self._clip: Callable = lambda: None
        self._known: dict[str, np.ndarray] = {}
        self._margins: dict[tuple[Concept, ...], float] = {}

    def by(self, clip) -> Callable[[str, Sequence[Concept]], Nearest | None] | None:
        """(word, concepts) -> the nearest concept if it can be trusted, else None. None without a CLIP."""
        if clip is None:
            return None
        if self._clip() is not clip:
            self._clip, self._known, self._margins = weakref.ref(clip), {}, {}

        def nearest(word: str, concepts: Sequence[Concept]) -> Nearest | None:
            try:
                own = self._embedding(clip, word)
            except ValueError:
                return None
            stacks = {c.name: np.stack([self._embedding(clip, each) for each in c.words]) for c in concepts}
            key = tuple(concepts)
            if key not in self._margins:
                self._margins[key] = trusted_margin(stacks)
            found = nearest_concept(own, stacks)
            return found if found.lead >= self._margins[key] else None

        return nearest

    def _embedding(self, clip, word: str) -> np.ndarray:
        if word not in self._known:
            host.stop_if_interrupted()  # hundreds of words are encoded when a prompt is first looked at
            self._known[word] = encode_word(clip, word)[1].mean(dim=0).numpy()
        return self._known[word]
