"""Words from the tokens of text encoders other than CLIP: T5, UMT5, Qwen, Mistral, Gemma, Llama.

These know no mark at a word's end, and some wrap the prompt into a template.  The surfaces of all tokens are
joined, the prompt is what the tokens of an empty prompt do not explain, and words are found in it as CLIP
splits a text, so that one prompt has the same words whatever model reads it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from .columns import OTHER, PADDING, TEMPLATE, Wordless, at_new_places, merged, wordless
from .messages import message
from .quoted import short, shortened
from .words import CLIP_SPLIT, Prompt, Word, is_word, split_words

#: Surface of a token that is no text: begin, end, padding.
MARK = b"\x00"
_WEIGHT = re.compile(r"\([^()]*:\s*[+-]?\d*\.?\d+\s*\)")
EMBEDDING = "embedding:"
UNREADABLE = "."
"""Surface of a token for text that is not in an encoder's vocabulary."""


@dataclass(frozen=True)
class Piece:
    """A token: the bytes of text that it stands for (MARK: none), its weight, and whether it fills up."""

    surface: bytes
    weight: float = 1.0
    padding: bool = False


def what_is_common(one: Sequence[Piece], other: Sequence[Piece]) -> tuple[Piece, Piece]:
    """What an encoder puts before and behind a text, from its tokens for two texts without a common sign."""
    bare = [surfaces[slice(*_bare(surfaces))] for surfaces in map(_joined, (one, other))]
    before = _common(*bare)
    room = min(map(len, bare)) - before
    behind = min(room, _common(*(surfaces[::-1] for surfaces in bare)))
    return Piece(bare[0][:before]), Piece(bare[0][len(bare[0]) - behind :])


def _joined(pieces: Sequence[Piece]) -> bytes:
    return b"".join(piece.surface for piece in pieces)


def prompt_from_pieces(text: str, pieces: Sequence[Piece], empty: Sequence[Piece]) -> Prompt:
    """Prompt from a text encoder's tokens.  empty: the tokens of an empty prompt, template and padding.

    A token that two words share makes one word of them.  Columns of no word and no punctuation of the prompt
    are special: begin, end, template, padding.
    """
    whole = _joined(pieces)
    start, stop = _inside(whole, _joined(empty))
    owners, place = [], 0  # of each byte
    for column, piece in enumerate(pieces):
        owners += [column] * len(piece.surface)
        place += len(piece.surface)
    inside = whole[start:stop].decode("utf-8", errors="surrogateescape")
    groups = _merged(_spans(inside, start), owners)
    words = tuple(Word(_text(whole[a:b]), columns, pieces[columns[0]].weight) for a, b, columns in groups)
    spoken = {column for word in words for column in word.columns} | set(owners[start:stop])
    special = tuple(column for column in range(len(pieces)) if column not in spoken)
    example = _WEIGHT.search(inside)
    notes = [message("weights_are_text", example=short(example.group()))] if example else []
    lost = _lost(text, words, inside)
    if lost:
        notes.append(message("cut_off", words=shortened(f'"{word}"' for word in lost)))
    return Prompt(text, words, len(pieces), special, tuple(notes), wordless=_wordless(pieces, special))


def _wordless(pieces: Sequence[Piece], special: Sequence[int]) -> Wordless:
    """What special columns are: padding, and the template between the outer marks."""
    padding = {column for column in special if pieces[column].padding}
    rest = [column for column in special if column not in padding]
    outer: set[int] = set()
    for ordered in (rest, rest[::-1]):
        for column in ordered:
            if pieces[column].surface != MARK:
                break
            outer.add(column)
    return wordless(**{TEMPLATE: set(rest) - outer, PADDING: padding})


def _lost(text: str, words: Sequence[Word], inside: str) -> list[str]:
    """The words of a text that are not among its tokens, if these are its beginning and no more."""
    if not words or EMBEDDING in text or UNREADABLE in inside[-1:]:
        return []
    read = "".join(word.text for word in words)
    for wanted in (split_words(text), [p.lower() for p in CLIP_SPLIT.findall(text) if is_word(p)]):
        whole = "".join(wanted)
        if len(whole) > len(read) and whole.startswith(read):
            ends = list(accumulate(map(len, wanted)))
            return wanted[bisect_right(ends, len(read)) :]
    return []


def _inside(whole: bytes, empty: bytes) -> tuple[int, int]:
    """Where the prompt lies in the joined surfaces: between what begins and what ends an empty one."""
    start, stop = _bare(whole)
    first, last = _bare(empty)
    prefix = _common(whole[start:stop], empty[first:last])
    room = min(stop - start, last - first) - prefix
    suffix = _common(whole[start:stop][::-1], empty[first:last][::-1])
    return start + prefix, stop - min(suffix, room)


def _bare(surfaces: bytes) -> tuple[int, int]:
    """Without the marks at both ends."""
    inner = surfaces.strip(MARK)
    start = len(surfaces) - len(surfaces.lstrip(MARK))
    return start, start + len(inner)


def _common(one: bytes, other: bytes) -> int:
    return next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def _spans(inside: str, start: int) -> list[tuple[int, int]]:
    """(start, stop) in bytes of the words of the prompt."""
    spans, place, done = [], start, 0
    for match in CLIP_SPLIT.finditer(inside):
        if is_word(match.group()):
            place += _size(inside[done : match.start()])
            size = _size(match.group())
            spans.append((place, place + size))
            place, done = place + size, match.end()
    return spans


def _size(text: str) -> int:
    return len(text.encode("utf-8", errors="surrogateescape"))


def _merged(
    spans: Sequence[tuple[int, int]], owners: Sequence[int]
) -> list[tuple[int, int, tuple[int, ...]]]:
    """Words with their columns; neighbours that share a column are one."""
    groups: list[tuple[int, int, tuple[int, ...]]] = []
    for a, b in spans:
        columns = tuple(dict.fromkeys(owners[a:b]))
        if groups and set(columns) & set(groups[-1][2]):
            first, _, before = groups.pop()
            a, columns = first, tuple(dict.fromkeys((*before, *columns)))
        groups.append((a, b, columns))
    return groups


def _text(surface: bytes) -> str:
    return surface.replace(MARK, b"").decode("utf-8", errors="replace").lower()


def cut_to(prompt: Prompt, columns: int) -> Prompt | None:
    """The prompt without the beginning of its template, or the end of its padding, that the encoder cut off.

    columns: what the encoder gave.  None if words would be lost.
    """
    lost = prompt.length - columns
    if lost <= 0:
        return prompt if lost == 0 else None
    return part_of(prompt, lost, columns) or part_of(prompt, 0, columns)


def part_of(prompt: Prompt, start: int, columns: int) -> Prompt | None:
    """`columns` columns of a prompt from `start` on; None if words would be lost."""
    own = range(start, start + columns)
    if not all(column in own for word in prompt.words for column in word.columns):
        return None
    moved = prompt.moved(-start)
    kinds = at_new_places(moved.wordless, lambda c: c if 0 <= c < columns else None)
    special = tuple(c for c in moved.special if 0 <= c < columns)
    return replace(moved, length=columns, special=special, wordless=kinds)


def behind_others(prompt: Prompt, columns: int) -> Prompt | None:
    """The prompt as the last of so many columns: what comes before is no word's. None if words are lost."""
    if columns <= prompt.length:
        return part_of(prompt, prompt.length - columns, columns)
    moved = prompt.moved(columns - prompt.length)
    first = min((column for word in moved.words for column in word.columns), default=columns)
    special = {*range(first), *moved.special}
    named = {column for _, own in moved.wordless for column in own}
    kinds = merged(moved.wordless, wordless(**{OTHER: set(range(first)) - named - set(moved.special)}))
    return replace(moved, length=columns, special=tuple(sorted(special)), wordless=kinds)
