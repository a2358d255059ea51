"""Texts that other nodes encode: their words, to be recognised in what the model was given."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from selagg_core.prompt.columns import PADDING
from selagg_core.prompt.messages import message
from selagg_core.prompt.offered import OfferedPrompt, OfferedText, refused, runs_of, sketch_of
from selagg_core.prompt.pieces import behind_others, cut_to
from selagg_core.prompt.words import Prompt

from .. import host
from ..families import read_prompt, read_texts
from ..families.text_encoders import text_of
from .encode import encode_and_label
from .labels import LABELS

logger = logging.getLogger("selagg")

#: Parts of a text encoder, by the host's names: columns go by the words of the first one that is there.
LEADING = ("t5xxl", "g", "l")
#: Encoders that take a text each. Columns of g and l lie beside each other, those of t5xxl follow them; l has
#: none beside t5xxl alone.
TOGETHER = ({"g", "l"}, {"l", "t5xxl"}, {"g", "l", "t5xxl"})

NO_WORDS = message("text_no_words")
OTHER_COLUMNS = message("text_other_columns")
SECOND_TEXT = message("second_text")


def offer_text(node: str, clip, text: str, source: str) -> OfferedPrompt:
    """The words of a text that another node encodes.

    They are registered, too: a stock encoder gives just the columns that are encoded here. Raises ValueError
    without a CLIP.
    """
    conditioning, prompt = encode_and_label(node, clip, text)
    return _offered(clip, text_of(*conditioning[0]), prompt, source)


def offer_given(clip, text: str, given: list, source: str) -> OfferedPrompt:
    """The words of a text that a node has encoded together with pictures.

    given: the CONDITIONING that it made.  Pictures come before the text, so its columns are counted from the
    end.  Raises ValueError if there is no CLIP, or its words cannot be told apart.
    """
    if clip is None or not given:
        return offer_text(source, clip, text, source)
    embedding = text_of(*given[0])
    prompt = read_prompt(clip, text)
    prompt = None if prompt is None else behind_others(prompt, embedding.shape[1])
    if prompt is None:
        raise ValueError(NO_WORDS)
    for each, extra in given:
        if text_of(each, extra).shape == embedding.shape:
            LABELS.register(prompt, text_of(each, extra))
    return _offered(clip, embedding, prompt, source)


def offer_prompt(node: str, clip, text: str, own: Mapping[str, str]) -> OfferedPrompt:
    """The words of a text of which some parts of the text encoder get texts of their own, by their names.

    Raises ValueError if there is no CLIP, or the words of the texts cannot be told apart.
    """
    if clip is None or not own:
        return offer_text(node, clip, text, node)
    there = host.encoder_names(clip)
    for name in sorted(set(own) - there):
        logger.warning("%s: this CLIP has no part %s, so the text for it is not used.", node, name)
    texts = {name: own.get(name, text) for name in there}
    return offer_texts(node, clip, texts, node) if len(texts) > 1 else offer_text(node, clip, text, node)


def offer_texts(node: str, clip, texts: Mapping[str, str], source: str) -> OfferedPrompt:
    """The same of texts by the name of the encoder that each goes to: "g", "l", "t5xxl".

    Raises ValueError if there is no CLIP, or the words of the texts cannot be told apart.
    """
    leading = next(name for name in LEADING if name in texts)
    text = texts[leading] or next((other for other in texts.values() if other), "")
    if len(set(texts.values())) == 1 or clip is None:
        return offer_text(node, clip, text, source)
    first = texts.get("g", texts.get("l", text))  # hosts' nodes tokenize it for all, and exchange the others
    texts = {**dict.fromkeys(sorted(host.encoder_names(clip)), first), **texts}
    if set(texts) not in TOGETHER:
        raise ValueError(message("texts_together", names=", ".join(sorted(texts))))
    embedding = host.encode_tokens(clip, _tokens(clip, texts))[0][0]
    columns = embedding.shape[1]
    prompt = read_texts(clip, texts, columns)
    if prompt is not None:
        second = prompt.words and texts["g"] != texts["l"]
        prompt = replace(prompt, notes=(*prompt.notes, SECOND_TEXT)) if second else prompt
        if prompt.length == columns:
            LABELS.register(prompt, embedding)
        return _offered(clip, embedding, prompt, source)
    prompt = read_prompt(clip, text)
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
    if set(tokens) == {"g", "l", "t5xxl"}:  # there a text that is empty has no columns of its own
        tokens = {name: own if texts[name] else [] for name, own in tokens.items()}
    if {"g", "l"} <= set(tokens):
        empty = clip.tokenize("")
        chunks = max(len(tokens["g"]), len(tokens["l"]))
        tokens |= {name: tokens[name] + empty[name] * (chunks - len(tokens[name])) for name in ("g", "l")}
    first = next(iter(every.values()))
    return {**first, **tokens}


def _lengthened(prompt: Prompt, columns: int) -> Prompt:
    """The words of the leading text in `columns` columns: the other one may have made it longer."""
    return replace(prompt.lengthened(columns, PADDING), notes=(*prompt.notes, SECOND_TEXT))


def _encoders(clip, embedding) -> tuple[slice, ...]:
    """Which numbers of a sketch tell of which encoder, of those side by side, the leading one first."""
    width = embedding.shape[-1]
    places = host.widths_side_by_side(clip, width)
    return tuple(runs_of(*places[name], width) for name in LEADING if name in places)


def _offered(clip, embedding, prompt: Prompt, source: str) -> OfferedPrompt:
    if not prompt.words and prompt.text.strip():
        offer = refused(source, NO_WORDS)
    elif prompt.length != embedding.shape[1]:
        offer = refused(source, OTHER_COLUMNS)
    else:
        empty = sketch_of(text_of(*host.encode_text(clip, "")[0]))
        offer = OfferedText(prompt, source, sketch_of(embedding), empty, encoders=_encoders(clip, embedding))
    return OfferedPrompt(**vars(prompt), offers=(offer,))
