"""Text encoders."""

from __future__ import annotations

import logging
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

#: Names by which hosts call CLIP text encoders in `clip.tokenize`: SD1.x and SDXL, SDXL, SD2.x.
CLIP_NAMES = ("l", "g", "h")


@dataclass(frozen=True)
class TokenStream:
    """The tokens of one text encoder: chunks of (token, weight, word number)."""

    chunks: Sequence[Sequence[tuple]]
    vocabulary: Mapping[int, str]
    embedding_width: int | None
    has_embedding: Callable[[str], bool] | None = None
    """Whether the host finds the file of an embedding's name; None where it cannot be asked."""


def encoder_names(clip) -> set[str]:
    """What the host calls the parts of a text encoder: "l", "g", "t5xxl"; () if it has no such parts."""
    tokens = clip.tokenize("")
    return set(tokens) if isinstance(tokens, dict) else set()


def widths_side_by_side(clip, width: int) -> dict[str, tuple[int, int]]:
    """Where each of a pair of CLIPs lies in columns of this width: (start, stop); {} for other encoders."""
    if encoder_names(clip) != {"l", "g"}:
        return {}
    first, second = _embedding_width(clip, "l"), _embedding_width(clip, "g")
    if first is None or second is None or first + second != width:
        return {}
    return {"l": (0, first), "g": (first, width)}


def token_streams(clip, text: str, beside: tuple[str, ...] = ()) -> tuple[TokenStream, ...]:
    """The token streams of a text, one for each CLIP encoder; () if others than `beside` are there too."""
    tokens = clip.tokenize(text, return_word_ids=True)
    if not isinstance(tokens, dict) or not set(tokens) <= {*CLIP_NAMES, *beside}:
        return ()
    streams = []
    for name in (n for n in CLIP_NAMES if n in tokens):
        tokenizer = getattr(clip.tokenizer, f"clip_{name}", None)
        if tokenizer is None:
            return ()
        width = _embedding_width(clip, name)
        streams.append(TokenStream(tokens[name], tokenizer.inv_vocab, width, _finder(tokenizer)))
    return tuple(streams)


def _finder(tokenizer) -> Callable[[str], bool] | None:
    find = getattr(tokenizer, "_try_get_embedding", None)
    if find is None or getattr(tokenizer, "embedding_directory", None) is None:
        return None

    def has_embedding(name: str) -> bool:
        try:
            return find(name)[0] is not None
        except Exception:  # a damaged file: the host has said so when it read it
            logging.getLogger("selagg").debug("embedding %s cannot be looked up", name, exc_info=True)
            return False

    return has_embedding


def tokens_of(clip, text: str, name: str, beside: tuple[str, ...] = ()) -> tuple[list, Any] | None:
    """The (token, weight, word number) of one encoder and its tokenizer; None for other encoders.

    beside: names of encoders that may be there too.
    """
    tokens = clip.tokenize(text, return_word_ids=True)
    if not isinstance(tokens, dict) or name not in tokens or not set(tokens) <= {name, *beside}:
        return None
    both = getattr(clip, "tokenizer", None)
    tokenizer = getattr(both, name, None) or getattr(both, f"clip_{name}", None)
    if not hasattr(tokenizer, "inv_vocab"):
        return None
    return [entry for chunk in tokens[name] for entry in chunk], tokenizer


def is_token(token) -> bool:
    """Whether a token is a number, not a vector of an embedding or a picture."""
    return isinstance(token, numbers.Integral)


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
