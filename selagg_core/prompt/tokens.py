"""Text and its tokens as the host encodes them: words, and the columns of the conditioning they own.

The tokens are the host's (`clip.tokenize`), in chunks of 77, each chunk with its own begin and end marks: so
weights, escapes, glued commas, embeddings and long prompts land where the model really sees them.  Words are
grouped by CLIP's end-of-word mark `</w>`, not by the host's word numbers, which differ between hosts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from .columns import PADDING, at_new_places, merged, wordless
from .words import (
    APOSTROPHES,
    CONTRACTIONS,
    END_TOKENS,
    START_TOKENS,
    WORD_END,
    Prompt,
    Word,
    decode_piece,
    is_word,
)

_EMBEDDING = re.compile(r"embedding:([^\s,()<\[]+)(?P<end>\)?)")
_WEIGHT_OF_NAME = re.compile(r":[+-]?(?:\d+\.?\d*|\.\d+)$")


def embedding_names(text: str) -> list[str]:
    """The names of embeddings in a text, in order, cut as the host cuts them: "(embedding:a:1.2)" is "a"."""
    return [
        _WEIGHT_OF_NAME.sub("", match[1]) if match["end"] else match[1] for match in _EMBEDDING.finditer(text)
    ]


class _WordGrouper:
    """Collects the pieces of a word until its end mark, over chunk ends if need be."""

    def __init__(self, embedding_names: Sequence[str]):
        self.words: list[Word] = []
        self._names = list(embedding_names)
        self._pieces: list[str] = []
        self._columns: list[int] = []
        self._weight = 1.0
        self._vectors: object = None
        self._embeddings: list[int | None] = []
        self._skipped: object = None
        self._before = " "
        """The word or mark before."""

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

    def skip_vector(self, group: object) -> None:
        """One vector of an embedding that this encoder cannot take; its name is counted all the same."""
        self.end()
        if self._skipped != (group,):
            self._embeddings.append(None)
        self._skipped = (group,)

    def end(self) -> None:
        self._end_embedding()
        text = decode_piece("".join(self._pieces))
        # CLIP takes a typographic apostrophe and the "s" after it for two words.
        contracted = self._before in APOSTROPHES and text.casefold() in CONTRACTIONS
        if self._columns and is_word(text) and not contracted:
            self.words.append(Word(text, tuple(self._columns), self._weight))
        self._before = text if text and self._columns else " "
        self._pieces, self._columns = [], []

    def _end_embedding(self) -> None:
        if self._vectors is None:
            return
        self._embeddings.append(len(self.words))
        self.words.append(Word("embedding", tuple(self._columns), self._weight))
        self._vectors, self._columns = None, []

    def finish(self, is_there: Callable[[str], bool] | None) -> tuple[Word, ...]:
        self.end()
        names = self._names
        if len(names) != len(self._embeddings) and is_there is not None:  # the host leaves out what it lacks
            names = [name for name in names if is_there(name)]
        if len(names) == len(self._embeddings):
            told = [f"embedding:{name}" for name in names]
        else:
            told = [f"embedding #{number}" for number in range(1, len(self._embeddings) + 1)]
        for index, text in zip(self._embeddings, told, strict=True):
            if index is not None:
                self.words[index] = replace(self.words[index], text=text)
        return tuple(self.words)


def prompt_from_tokens(
    text: str,
    chunks: Iterable[Sequence[Sequence]],
    vocabulary: Mapping[int, str] | Callable[[int], str],
    embedding_width: int | None = None,
    has_embedding: Callable[[str], bool] | None = None,
) -> Prompt:
    """Prompt from the host's tokens.

    chunks: for each chunk its (token, weight) or (token, weight, word number) entries; a token is an id, or
    the vector of a textual embedding.  vocabulary: id -> string with CLIP's `</w>` marks.
    embedding_width: width the text encoder takes; the host drops vectors of another width and pads the end of
    the chunk, which moves later columns to the left (None: keep all).  has_embedding: whether the host finds
    the file of a name; asked only where names and embeddings differ in number.
    """
    lookup = vocabulary.__getitem__ if isinstance(vocabulary, Mapping) else vocabulary
    grouper = _WordGrouper(embedding_names(text))
    special: list[int] = []
    padding: list[int] = []
    start = 0
    for chunk in chunks:
        column, ended = start - 1, False
        for entry in chunk:
            token = entry[0]
            if not (_is_id(token) or _fits(token, embedding_width)):
                grouper.skip_vector(entry[2] if len(entry) > 2 else None)
                continue
            column += 1
            string = lookup(int(token)) if _is_id(token) else None
            if ended or string in START_TOKENS or string in END_TOKENS:
                padding += [column] if ended else []
                ended = ended or string in END_TOKENS
                special.append(column)
            elif string is None:
                grouper.vector(column, float(entry[1]), entry[2] if len(entry) > 2 else None)
            else:
                grouper.piece(string, column, float(entry[1]))
        special.extend(range(column + 1, start + len(chunk)))
        padding.extend(range(column + 1, start + len(chunk)))
        start += len(chunk)
    kinds = wordless(**{PADDING: padding})
    return Prompt(text, grouper.finish(has_embedding), start, tuple(special), wordless=kinds)


def _is_id(token) -> bool:
    return not hasattr(token, "shape") and not isinstance(token, dict)


def _fits(token, width: int | None) -> bool:
    return width is None or not hasattr(token, "shape") or int(token.shape[-1]) == width


def merge_parallel(prompts: Sequence[Prompt]) -> Prompt:
    """One prompt from encoders that run side by side (SDXL's l and g): column i carries token i of each.

    The columns agree except after an embedding that only one encoder has: then a word owns those of all.
    """
    first = prompts[0]
    aligned = [[word] for word in first.words]
    for prompt in prompts[1:]:
        aligned = _aligned(aligned, prompt.words)
        if not aligned:
            return first
    length = min(p.length for p in prompts)
    words = []
    for same in aligned:
        columns = sorted({c for word in same for c in word.columns if c < length})
        if columns:
            words.append(replace(same[0], columns=tuple(columns)))
    owned = {c for word in words for c in word.columns}
    special = sorted({c for p in prompts for c in p.special if c < length} - owned)
    left = set(special)
    # Columns that are a mark for one encoder are no padding, whatever the others have there.
    marks = {c for p in prompts for c in set(p.special) - {x for _, own in p.wordless for x in own}}
    kinds = at_new_places(
        merged(*(p.wordless for p in prompts)), lambda c: c if c in left and c not in marks else None
    )
    return Prompt(first.text, tuple(words), length, tuple(special), wordless=kinds)


def _aligned(rows: Sequence[list[Word]], words: Sequence[Word]) -> list[list[Word]]:
    """Each row with the word of another encoder that is the same; embeddings may be in one of both alone.

    [] if the encoders see different words.
    """
    found, at = [], 0
    for row in rows:
        while at < len(words) and _is_embedding(words[at]) and words[at].text != row[0].text:
            found.append([words[at]])
            at += 1
        if at < len(words) and words[at].text == row[0].text:
            found.append([*row, words[at]])
            at += 1
        elif _is_embedding(row[0]):
            found.append(row)
        else:
            return []
    rest = words[at:]
    return [] if not all(map(_is_embedding, rest)) else [*found, *([word] for word in rest)]


def _is_embedding(word: Word) -> bool:
    return word.text.startswith("embedding")
