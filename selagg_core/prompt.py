"""Text and its tokens as the host encodes them: words, and the columns of the conditioning they own.

The tokens are the host's (`clip.tokenize`), in chunks of 77, each chunk with its own begin and end marks: so
weights, escapes, glued commas, embeddings and long prompts land where the model really sees them.  Words are
grouped by CLIP's end-of-word mark `</w>`, not by the host's word numbers, which differ between hosts.
"""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

import torch

#: Columns of one encoded chunk of every CLIP text encoder.
CHUNK = 77
START_TOKENS = ("<|startoftext|>",)
END_TOKENS = ("<|endoftext|>",)
WORD_END = "</w>"

# CLIP's own split of a text: contractions, letters, single digits, other marks.
_CLIP_SPLIT = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|(?:[^\s\w]|_)+", re.IGNORECASE)
_WEIGHT = re.compile(r":\s*[+-]?\d*\.?\d+\s*(?=\))")
_EMBEDDING = re.compile(r"embedding:([^\s,()]+)")


@dataclass(frozen=True)
class Word:
    """A word of a prompt, the 0-based columns of the conditioning that carry it, and its weight."""

    text: str
    columns: tuple[int, ...]
    weight: float = 1.0


@dataclass(frozen=True)
class Prompt:
    """A text as the model sees it.

    words: in reading order; punctuation is no word, and belongs to no word.
    length: columns in all.  special: columns of begin, end and padding marks.
    """

    text: str
    words: tuple[Word, ...]
    length: int
    special: tuple[int, ...]

    def find(self, text: str) -> tuple[Word, ...]:
        """Every run of words that equals `text`, case aside; a phrase gives its words; none gives ()."""
        wanted = text.strip().casefold()
        named = tuple(word for word in self.words if word.text.casefold() == wanted)
        if named:
            return named
        pieces = split_words(text)
        if not pieces:
            return ()
        own = [word.text.casefold() for word in self.words]
        found: list[Word] = []
        start = 0
        while start + len(pieces) <= len(own):
            if own[start : start + len(pieces)] == pieces:
                found.extend(self.words[start : start + len(pieces)])
                start += len(pieces)
            else:
                start += 1
        return tuple(found)

    def part(self, start: int, stop: int) -> Prompt:
        """The words that lie wholly in columns start..stop, columns counted from start."""
        inside = [w for w in self.words if all(start <= c < stop for c in w.columns)]
        words = tuple(replace(w, columns=tuple(c - start for c in w.columns)) for w in inside)
        special = tuple(c - start for c in self.special if start <= c < stop)
        return Prompt(" ".join(w.text for w in words), words, stop - start, special)

    def moved(self, by: int) -> Prompt:
        """The same words, `by` columns further right."""
        words = tuple(replace(w, columns=tuple(c + by for c in w.columns)) for w in self.words)
        return Prompt(self.text, words, self.length + by, tuple(c + by for c in self.special))


def split_words(text: str) -> list[str]:
    """Words of a text as CLIP splits them, lower case, without marks, contractions and weights."""
    text = unicodedata.normalize("NFC", _WEIGHT.sub("", text))
    return [piece.casefold() for piece in _CLIP_SPLIT.findall(text) if _is_word(piece)]


def _is_word(piece: str) -> bool:
    """Letters, digits and pictograms speak; marks and contractions ('s, 't) do not."""
    if piece.startswith("'"):
        return False
    return any(unicodedata.category(c)[0] in "LN" or unicodedata.category(c) == "So" for c in piece)


@cache
def _byte_of() -> dict[str, int]:
    """The inverse of the printable characters by which byte-level BPE writes bytes (GPT-2, CLIP)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [b for b in range(256) if b not in plain]
    pairs = {chr(b): b for b in plain}
    pairs.update({chr(256 + i): b for i, b in enumerate(rest)})
    return pairs


def _decode(piece: str) -> str:
    table = _byte_of()
    if any(c not in table for c in piece):
        return piece
    return unicodedata.normalize("NFC", bytes(table[c] for c in piece).decode("utf-8", errors="replace"))


class _WordGrouper:
    """Collects the pieces of a word until its end mark, over chunk ends if need be."""

    def __init__(self, embedding_names: Sequence[str]):
        self.words: list[Word] = []
        self._names = list(embedding_names)
        self._pieces: list[str] = []
        self._columns: list[int] = []
        self._weight = 1.0
        self._vectors: object = None
        self._embeddings: list[int] = []

    def piece(self, text: str, column: int, weight: float) -> None:
        self._end_embedding()
        if not self._columns:
            self._weight = weight
        self._pieces.append(text.removesuffix(WORD_END))
        self._columns.append(column)
        if text.endswith(WORD_END):
            self.end()

    def vector(self, column: int, weight: float, group: object) -> None:
        """One vector of an embedding; `group` tells two neighbouring embeddings apart."""
        if self._pieces or self._vectors != (group,):
            self.end()
        if not self._columns:
            self._weight = weight
        self._vectors = (group,)
        self._columns.append(column)

    def end(self) -> None:
        self._end_embedding()
        text = _decode("".join(self._pieces))
        if self._columns and _is_word(text):
            self.words.append(Word(text, tuple(self._columns), self._weight))
        self._pieces, self._columns = [], []

    def _end_embedding(self) -> None:
        if self._vectors is None:
            return
        self._embeddings.append(len(self.words))
        self.words.append(Word("embedding", tuple(self._columns), self._weight))
        self._vectors, self._columns = None, []

    def finish(self) -> tuple[Word, ...]:
        self.end()
        # Names come from the text alone; where the host did not find a file the counts differ.
        if len(self._names) == len(self._embeddings):
            for index, name in zip(self._embeddings, self._names, strict=True):
                self.words[index] = replace(self.words[index], text=f"embedding:{name}")
        else:
            for number, index in enumerate(self._embeddings, start=1):
                self.words[index] = replace(self.words[index], text=f"embedding #{number}")
        return tuple(self.words)


def prompt_from_tokens(
    text: str,
    chunks: Iterable[Sequence[Sequence]],
    vocabulary: Mapping[int, str] | Callable[[int], str],
    embedding_width: int | None = None,
) -> Prompt:
    """Prompt from the host's tokens.

    chunks: for each chunk its (token, weight) or (token, weight, word number) entries; a token is an id, or
    the vector of a textual embedding.  vocabulary: id -> string with CLIP's `</w>` marks.
    embedding_width: width the text encoder takes; the host drops vectors of another width and pads the end of
    the chunk, which moves later columns to the left (None: keep all).
    """
    lookup = vocabulary.__getitem__ if isinstance(vocabulary, Mapping) else vocabulary
    grouper = _WordGrouper(_EMBEDDING.findall(text))
    special: list[int] = []
    start = 0
    for chunk in chunks:
        kept = [t for t in chunk if _is_id(t[0]) or _fits(t[0], embedding_width)]
        ended = False
        for position, entry in enumerate(kept):
            column, token = start + position, entry[0]
            string = lookup(int(token)) if _is_id(token) else None
            if ended or string in START_TOKENS or string in END_TOKENS:
                ended = ended or string in END_TOKENS
                special.append(column)
            elif string is None:
                grouper.vector(column, float(entry[1]), entry[2] if len(entry) > 2 else None)
            else:
                grouper.piece(string, column, float(entry[1]))
        special.extend(range(start + len(kept), start + len(chunk)))
        start += len(chunk)
    return Prompt(text, grouper.finish(), start, tuple(special))


def _is_id(token) -> bool:
    return not hasattr(token, "shape") and not isinstance(token, dict)


def _fits(token, width: int | None) -> bool:
    return width is None or not hasattr(token, "shape") or int(token.shape[-1]) == width


def merge_parallel(prompts: Sequence[Prompt]) -> Prompt:
    """One prompt from encoders that run side by side (SDXL's l and g): column i carries token i of each.

    The columns agree except after an embedding that only one encoder has: then a word owns those of all.
    """
    first = prompts[0]
    if len({tuple(w.text for w in p.words) for p in prompts}) > 1:
        return first
    length = min(p.length for p in prompts)
    words = []
    for same in zip(*(p.words for p in prompts), strict=True):
        columns = sorted({c for word in same for c in word.columns if c < length})
        words.append(replace(same[0], columns=tuple(columns)))
    owned = {c for word in words for c in word.columns}
    special = sorted({c for p in prompts for c in p.special if c < length} - owned)
    return Prompt(first.text, tuple(words), length, tuple(special))


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

    def register(self, prompt: Prompt, embedding: torch.Tensor) -> TextKey:
        """Remember the words of an encoded text (1, columns, width)."""
        key = TextKey.of(embedding)
        if key.length != prompt.length:
            raise ValueError(f"A prompt of {prompt.length} columns does not label {key.length} columns.")
        with self._lock:
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
