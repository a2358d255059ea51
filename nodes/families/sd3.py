"""SD3 and SD3.5: columns of CLIP and of T5, one after the other, then the picture."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace

from selagg_core.prompt.words import Prompt

from .. import host
from .family import CHANGE, AttentionChange, Listener
from .heard import BlockSite, JointReader, Transformer, is_kind
from .override import OVERRIDE, Unheard, changing, override
from .text_encoders import clip_words, read_words


class SD3(Transformer):
    """The host names no blocks: they are counted, past those that another pack leaves out."""

    def is_own(self, network) -> bool:
        return is_kind(network, "diffusionmodules.mmdit", "MMDiT")

    def blocks(self, network):
        yield "double block", None, len(network.joint_blocks), int(network.num_heads)

    @contextmanager
    def hooked(self, sites: Sequence[BlockSite], call: host.ModelCall, listener: Listener):
        reader = JointReader(self, sites, call, listener)
        own = override(reader, call.options.get(OVERRIDE), listener)
        yield {**call.options, OVERRIDE: own, **_counting(call, reader)}

    @contextmanager
    def changed(self, sites: Sequence[BlockSite], call: host.ModelCall, change: AttentionChange):
        reader = JointReader(self, sites, call, Unheard(change))
        own = changing(reader, call.options.get(OVERRIDE), change)
        yield {**call.options, OVERRIDE: own, CHANGE: change, **_counting(call, reader)}

    def words(self, clip, text: str) -> Prompt | None:
        """A word owns its columns of CLIP and those of T5."""
        second = read_words(clip, text, "t5xxl", beside=("l", "g"))
        if second is None or host.tokens_of(clip, text, "g", beside=("l", "t5xxl")) is None:
            return None
        first = clip_words(clip, text, beside=("t5xxl",))
        return None if first is None else joined(first, second)


def joined(first: Prompt, second: Prompt) -> Prompt:
    """One prompt of two encoders whose columns follow each other; words are those that both see."""
    later = second.moved(first.length)
    words, rest = [], list(later.words)
    for word in first.words:
        same = next((i for i, other in enumerate(rest) if other.text == word.text), None)
        if same is not None:
            word = replace(word, columns=(*word.columns, *rest[same].columns))
            del rest[: same + 1]
        words.append(word)
    return Prompt(first.text, tuple(words), later.length, (*first.special, *later.special), second.notes)


def _counting(call: host.ModelCall, reader: JointReader) -> dict:
    """The patches that replace whole blocks, each of which tells the reader its number."""
    patches = dict(call.options.get("patches_replace", {}))
    if "dit" not in patches:
        return {}
    patches["dit"] = {key: _counted(reader, key, own) for key, own in patches["dit"].items()}
    return {"patches_replace": patches}


def _counted(reader: JointReader, key, replacement):
    if not isinstance(key, tuple) or key[0] != "double_block":
        return replacement

    def replaced(args, extra):
        reader.next = key[1]
        out = replacement(args, extra)
        reader.next = key[1] + 1
        return out

    return replaced
