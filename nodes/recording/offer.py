"""Texts that other nodes encode: their words, to be recognised in what the model was given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from selagg_core.prompt.offered import OfferedPrompt, OfferedText, refused, sketch_of
from selagg_core.prompt.pieces import cut_to
from selagg_core.prompt.words import Prompt

from .. import host
from ..families import read_prompt
from .encode import encode_and_label
from .labels import LABELS

#: Parts of a text encoder, by the host's names: the first one of a pair is that by whose words columns go.
LEADING = ("t5xxl", "g", "l")
#: Pairs that take a text each: their columns lie beside each other, or the second one has none.
PAIRS = ({"g", "l"}, {"l", "t5xxl"})

NOT_A_PAIR = (
    "its texts differ and their columns follow each other, so that words cannot be told apart: give all of "
    "them the same text."
)
NO_WORDS = "it has no word that SelAgg can tell apart (its text encoder may be of an unknown kind)."
OTHER_COLUMNS = "its text encoder gives other columns than tokens."
SECOND_TEXT = (
    "The prompt has a second text, which shares its columns: maps are named by the words of the first one."
)


def offer_text(node: str, clip, text: str, source: str) -> OfferedPrompt:
    """The words of a text that another node encodes.

    They are registered, too: a stock encoder gives just the columns that are encoded here. Raises ValueError
    without a CLIP.
    """
    conditioning, prompt = encode_and_label(node, clip, text)
    return _offered(clip, conditioning[0][0], prompt, source)


def offer_texts(node: str, clip, texts: Mapping[str, str], source: str) -> OfferedPrompt:
    """The same of texts by the name of the encoder that each goes to: "g", "l", "t5xxl".

    Raises ValueError if there is no CLIP, or the words of the texts cannot be told apart.
    """
    leading = next(name for name in LEADING if name in texts)
    text = texts[leading] or next((other for other in texts.values() if other), "")
    if len(set(texts.values())) == 1 or clip is None:
        return offer_text(node, clip, text, source)
    if set(texts) not in PAIRS:
        raise ValueError(NOT_A_PAIR)
    embedding = host.encode_tokens(clip, _tokens(clip, texts))[0][0]
    prompt = read_prompt(clip, text)
    columns = embedding.shape[1]
    if prompt is not None and prompt.length > columns:
        prompt = cut_to(prompt, columns)
    if prompt is None:
        return _offered(clip, embedding, Prompt(text, (), columns, tuple(range(columns))), source)
    prompt = _lengthened(prompt, columns)
    LABELS.register(prompt, embedding)
    return _offered(clip, embedding, prompt, source)


def _tokens(clip, texts: Mapping[str, str]) -> dict[str, list]:
    """Tokens of each encoder's own text, as the host's nodes for two texts put them together."""
    every = {name: clip.tokenize(text) for name, text in texts.items()}
    if any(name not in own for name, own in every.items()):
        raise ValueError("its text encoder takes no such pair of texts.")
    tokens = {name: list(every[name][name]) for name in texts}
    if set(tokens) == {"g", "l"}:
        empty = clip.tokenize("")
        chunks = max(map(len, tokens.values()))
        tokens = {name: own + empty[name] * (chunks - len(own)) for name, own in tokens.items()}
    first = next(iter(every.values()))
    return {**first, **tokens}


def _lengthened(prompt: Prompt, columns: int) -> Prompt:
    """The words of the leading text in `columns` columns: the other one may have made it longer."""
    special = (*prompt.special, *range(prompt.length, columns))
    return replace(prompt, length=columns, special=special, notes=(*prompt.notes, SECOND_TEXT))


def _offered(clip, embedding, prompt: Prompt, source: str) -> OfferedPrompt:
    if not prompt.words and prompt.text.strip():
        offer = refused(source, NO_WORDS)
    elif prompt.length != embedding.shape[1]:
        offer = refused(source, OTHER_COLUMNS)
    else:
        offer = OfferedText(prompt, source, sketch_of(embedding), sketch_of(host.encode_text(clip, "")[0][0]))
    return OfferedPrompt(prompt.text, prompt.words, prompt.length, prompt.special, prompt.notes, (offer,))
