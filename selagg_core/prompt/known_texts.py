"""Which encoded text has which words: content addresses and a bounded memory of labels."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from .columns import Wordless, merged
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
    """What is known about the columns of an encoded text: its words, and the columns nobody has labelled.

    cut: words of which only a part is there, for the text was cut at the end of a chunk.
    """

    prompt: Prompt | None
    unknown: tuple[int, ...]
    cut: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Known:
    """A text, or a chunk of one. begun, unended: whether its first or last word goes on in the next chunk."""

    prompt: Prompt
    begun: bool = False
    unended: bool = False


class LabelCache:
    """Bounded, content-addressed memory: encoded text -> its words.

    So labels survive everything that artists do to a conditioning (concat, areas, masks, combine) without
    wires.  The oldest texts are forgotten beyond `capacity` hashes.  Safe to use from several threads.
    """

    def __init__(self, capacity: int = 4096):
        self._capacity = capacity
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._lock = threading.Lock()

    def register(self, prompt: Prompt, embedding: torch.Tensor, recoded: bool = False) -> TextKey:
        """Remember the words of an encoded text (1, columns, width).

        recoded: the model is given other columns for it, which are those of the prompt.
        """
        key = TextKey.of(embedding)
        if key.length != prompt.length and not recoded:
            raise ValueError(f"A prompt of {prompt.length} columns does not label {key.length} columns.")
        with self._lock:
            if not recoded:
                for chunk, part in zip(key.chunks, _parts(prompt), strict=True):
                    self._remember(chunk, part)
            self._remember(key.whole, _Known(prompt))
        return key

    def resolve(self, key: TextKey) -> Labels:
        """The labels of an encoded text: of the whole if it is known, else chunk by chunk."""
        with self._lock:
            whole = self._recall(key.whole)
            if whole is not None:
                return Labels(whole.prompt, ())
            parts = [self._recall(chunk) for chunk in key.chunks]
        if all(part is None for part in parts):
            return Labels(None, tuple(range(key.length)))
        return _joined(parts, key.length)

    def __len__(self) -> int:
        return len(self._known)

    def _remember(self, key: str, known: _Known) -> None:
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)

    def _recall(self, key: str) -> _Known | None:
        known = self._known.get(key)
        if known is not None:
            self._known.move_to_end(key)
        return known


def _parts(prompt: Prompt) -> list[_Known]:
    """The chunks of a prompt, with what lies across their ends."""
    across = {number for word in prompt.words for number in _crossed(word)}
    return [
        _Known(part, number in across, number + 1 in across)
        for number, part in enumerate(prompt.chunks(CHUNK))
    ]


def _crossed(word: Word) -> set[int]:
    """The chunks, but the first, in which a word has columns."""
    own = sorted({column // CHUNK for column in word.columns})
    return {number for before, number in zip(own, own[1:], strict=False) if number == before + 1}


def _joined(parts: Sequence[_Known | None], length: int) -> Labels:
    """Chunks one behind the other: the halves of a word that follow each other are one word again."""
    words: list[Word] = []
    special: list[int] = []
    unknown: list[int] = []
    kinds: Wordless = ()
    texts: list[str] = []
    cut: dict[str, None] = {}
    before: _Known | None = None
    for number, part in enumerate(parts):
        start = number * CHUNK
        if part is None:
            unknown.extend(range(start, min(start + CHUNK, length)))
        else:
            moved = part.prompt.moved(start)
            own = list(moved.words)
            if part.begun and before is not None and before.unended and words[-1].text == own[0].text:
                words[-1] = replace(words[-1], columns=words[-1].columns + own.pop(0).columns)
            elif part.begun:
                cut[own[0].text] = None
                _cut_end(before, words, cut)
            else:
                _cut_end(before, words, cut)
            words.extend(own)
            special.extend(moved.special)
            kinds = merged(kinds, moved.wordless)
            texts.append(" ".join(word.text for word in own))
        if part is None:
            _cut_end(before, words, cut)
        before = part
    _cut_end(before, words, cut)
    text = " ".join(filter(None, texts))
    prompt = Prompt(text, tuple(words), length, tuple(special), wordless=kinds)
    return Labels(prompt, tuple(unknown), tuple(cut))


def _cut_end(before: _Known | None, words: Sequence[Word], cut: dict[str, None]) -> None:
    if before is not None and before.unended:
        cut[words[-1].text] = None
