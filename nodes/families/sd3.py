"""SD3 and SD3.5: columns of CLIP and of T5, one after the other, then the picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from selagg_core.prompt.columns import PADDING, at_new_places, merged
from selagg_core.prompt.words import CHUNK, Prompt

from .. import host
from .heard import BlockSite, Transformer, is_kind
from .text_encoders import clip_words, joined, read_words


class SD3(Transformer):
    """The host names no blocks: they are counted, past those that another pack leaves out."""

    def is_own(self, network) -> bool:
        return is_kind(network, "diffusionmodules.mmdit", "MMDiT")

    def blocks(self, network):
        yield "double block", None, len(network.joint_blocks), int(network.num_heads)

    def counted(self, sites: Sequence[BlockSite]) -> Mapping[str, int]:
        return {"double_block": 0}

    def words(self, clip, text: str) -> Prompt | None:
        """A word owns its columns of CLIP and those of T5."""
        second = read_words(clip, text, "t5xxl", beside=("l", "g"))
        if second is None or host.tokens_of(clip, text, "g", beside=("l", "t5xxl")) is None:
            return None
        first = clip_words(clip, text, beside=("t5xxl",))
        return None if first is None else joined(first, second)

    def words_of_texts(self, clip, texts: Mapping[str, str], columns: int) -> Prompt | None:
        """CLIP's columns go by the words of g's text, T5's by those of its own; an empty text has none."""
        if set(texts) != {"g", "l", "t5xxl"} or self.words(clip, "") is None:
            return None
        own = clip_words(clip, texts["g"] or texts["l"], beside=("t5xxl",))
        if own is None:
            return None
        chunks = max(len(clip.tokenize(texts[name])[name]) for name in ("g", "l"))
        first = widened(own, CHUNK * chunks if texts["g"] or texts["l"] else 0)
        later = read_words(clip, texts["t5xxl"], "t5xxl", beside=("l", "g")) if texts["t5xxl"] else None
        second = later or widened(Prompt("", (), 0, ()), max(0, columns - first.length))
        return joined(first, second) if first.text == second.text else behind(first, second)


def widened(prompt: Prompt, length: int) -> Prompt:
    """The same words in `length` columns; those of a longer text beside it belong to no word."""
    special = tuple(column for column in prompt.special if column < length)
    kinds = at_new_places(prompt.wordless, lambda column: column if column < length else None)
    return replace(prompt, special=special, wordless=kinds).lengthened(length, PADDING)


def behind(first: Prompt, second: Prompt) -> Prompt:
    """One prompt of two texts whose columns follow each other."""
    later = second.moved(first.length)
    text = "\n".join(filter(None, (first.text, second.text)))
    notes = (*first.notes, *second.notes)
    special, kinds = (*first.special, *later.special), merged(first.wordless, later.wordless)
    return Prompt(text, (*first.words, *later.words), later.length, special, notes, wordless=kinds)
