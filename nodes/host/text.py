"""Text encoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: Names by which hosts call CLIP text encoders in `clip.tokenize`: SD1.x and SDXL, SDXL, SD2.x.
CLIP_NAMES = ("l", "g", "h")


@dataclass(frozen=True)
class TokenStream:
    """The tokens of one text encoder: chunks of (token, weight, word number)."""

    chunks: Sequence[Sequence[tuple]]
    vocabulary: Mapping[int, str]
    embedding_width: int | None


def token_streams(clip, text: str) -> tuple[TokenStream, ...]:
    """The token streams of a text, one for each CLIP encoder; () if the encoders are not all CLIP."""
    tokens = clip.tokenize(text, return_word_ids=True)
    if not isinstance(tokens, dict) or not set(tokens) <= set(CLIP_NAMES):
        return ()
    streams = []
    for name in (n for n in CLIP_NAMES if n in tokens):
        tokenizer = getattr(clip.tokenizer, f"clip_{name}", None)
        if tokenizer is None:
            return ()
        streams.append(TokenStream(tokens[name], tokenizer.inv_vocab, _embedding_width(clip, name)))
    return tuple(streams)


def _embedding_width(clip, name: str) -> int | None:
    encoder = getattr(clip.cond_stage_model, f"clip_{name}", None)
    transformer = getattr(encoder, "transformer", None)
    if transformer is None:
        return None
    return int(transformer.get_input_embeddings().weight.shape[-1])


def encode_text(clip, text: str) -> list:
    """CONDITIONING, exactly as the host's own CLIP Text Encode makes it."""
    return encode_tokens(clip, clip.tokenize(text))


def encode_tokens(clip, tokens: Mapping[str, list]) -> list:
    """CONDITIONING of tokens (`clip.tokenize`), which may be of several texts, one for each encoder."""
    if hasattr(clip, "encode_from_tokens_scheduled"):
        return clip.encode_from_tokens_scheduled(tokens)
    cond, pooled = clip.encode_from_tokens(tokens, return_pooled=True)
    return [[cond, {"pooled_output": pooled}]]
