"""Which encoded text has which words: content addresses and a bounded memory of labels."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass

import torch

from .words import CHUNK, Prompt, Word


@dataclass(frozen=True)
class TextKey:
    """Content address of an encoded text: a hash of the whole and of each chunk of 77 columns."""

    whole: str
    chunks: tuple[str, ...]
    length: int

    @classmethod
    def of(cls, embedding: torch.Tensor) -> TextKey:
        """embedding: (columns, width) or (1, columns, width)."""
        if embedding.ndim == 3:
            if embedding.shape[0] != 1:
                raise ValueError(f"Expected one text, got a batch of {embedding.shape[0]}.")
            embedding = embedding[0]
        values = embedding.detach().to("cpu", torch.float32).contiguous()
        chunks = tuple(_hash(values[i : i + CHUNK]) for i in range(0, len(values), CHUNK))
        return cls(_hash(values), chunks, len(values))


def _hash(values: torch.Tensor) -> str:
    digest = hashlib.blake2b(digest_size=16)
    digest.update(repr(tuple(values.shape)).encode())
    digest.update(values.numpy().tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Labels:
    """What is known about the columns of an encoded text: its words, and the columns nobody has labelled."""

    prompt: Prompt | None
    unknown: tuple[int, ...]


class LabelCache:
    """Bounded, content-addressed memory: encoded text -> its words.

    So labels survive everything that artists do to a conditioning (concat, areas, masks, combine) without
    wires.  The oldest texts are forgotten beyond `capacity` hashes.  Safe to use from several threads.
    """

    def __init__(self, capacity: int = 4096):
        self._capacity = capacity
        self._known: OrderedDict[str, Prompt] = OrderedDict()
        self._lock = threading.Lock()

    def register(self, prompt: Prompt, embedding: torch.Tensor, recoded: bool = False) -> TextKey:
        """Remember the words of an encoded text (1, columns, width).

        recoded: the model is given other columns for it, which are those of the prompt.
        """
        key = TextKey.of(embedding)
        if key.length != prompt.length and not recoded:
            raise ValueError(f"A prompt of {prompt.length} columns does not label {key.length} columns.")
        with self._lock:
            if recoded:
                self._remember(key.whole, prompt)
                return key
            for number, chunk in enumerate(key.chunks):
                start = number * CHUNK
                self._remember(chunk, prompt.part(start, min(start + CHUNK, key.length)))
            self._remember(key.whole, prompt)
        return key

    def resolve(self, key: TextKey) -> Labels:
        """The labels of an encoded text: of the whole if it is known, else chunk by chunk."""
        with self._lock:
            whole = self._recall(key.whole)
            if whole is not None:
                return Labels(whole, ())
            parts = [self._recall(chunk) for chunk in key.chunks]
        words: list[Word] = []
        special: list[int] = []
        unknown: list[int] = []
        for number, part in enumerate(parts):
            start = number * CHUNK
            if part is None:
                unknown.extend(range(start, min(start + CHUNK, key.length)))
            else:
                words.extend(part.moved(start).words)
                special.extend(part.moved(start).special)
        if all(part is None for part in parts):
            return Labels(None, tuple(unknown))
        text = " ".join(part.text for part in parts if part is not None and part.text)
        return Labels(Prompt(text, tuple(words), key.length, tuple(special)), tuple(unknown))

    def __len__(self) -> int:
        return len(self._known)

    def _remember(self, key: str, prompt: Prompt) -> None:
        self._known[key] = prompt
        self._known.move_to_end(key)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def _recall(self, key: str) -> Prompt | None:
        prompt = self._known.get(key)
        if prompt is not None:
            self._known.move_to_end(key)
        return prompt
