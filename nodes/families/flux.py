"""Flux.1 (Kontext, Krea-dev), Flux.2 (dev, klein), Chroma, LongCat: text, then picture, then references."""

from __future__ import annotations

from selagg_core.prompt.pieces import part_of
from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .family import context_of
from .heard import Transformer, is_kind
from .text_encoders import is_tokenizer, read_words


class Flux(Transformer):
    """Double blocks, in which text and picture have weights of their own, then single blocks."""

    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.flux.model", "Flux") or is_kind(network, "ldm.chroma.model", "Chroma")

    def blocks(self, network):
        heads = int(network.num_heads)
        yield "double block", "double", len(network.double_blocks), heads
        yield "single block", "single", len(network.single_blocks), heads

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        """Flux.2 is given its text padded on the left to 512 columns."""
        context, encoded = context_of(entry), genuine.get("cross_attn")
        if context is None or encoded is None or encoded.shape[1] >= context.shape[1]:
            return None if context is None else EncodedText.of(context)
        length, columns = context.shape[1], encoded.shape[1]
        return EncodedText(encoded, columns, length, length - columns)

    def words(self, clip, text: str) -> Prompt | None:
        """T5's words (Flux.1, Chroma; Cosmos), Mistral's (Flux.2 dev), or those of LongCat's Qwen."""
        if is_tokenizer(clip, "longcat_image", "LongCatImageTokenizer"):
            return _longcat_words(clip, text)
        return read_words(clip, text, "t5xxl", beside=("l",)) or read_words(clip, text, "mistral3_24b")


def _longcat_words(clip, text: str) -> Prompt | None:
    """The host cuts off what its template puts before the text, and what it puts behind its padding."""
    prompt, both = read_words(clip, text, "qwen25_7b"), clip.tokenizer
    if prompt is None or text.startswith(("<|im_start|>", "<|start_header_id|>")):
        return prompt

    def count(part: str) -> int:
        return len(both.qwen25_7b.tokenizer(part, add_special_tokens=False)["input_ids"])

    before, behind = count(both.T2I_PREFIX), count(both.SUFFIX)
    return part_of(prompt, before, prompt.length - before - behind)
