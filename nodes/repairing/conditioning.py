"""Which words the entries of a CONDITIONING have, and the marks by which a run knows them again."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from selagg_core.prompt.known_texts import Labels, TextKey
from selagg_core.prompt.offered import offers_of, recognise, sketch_of
from selagg_core.prompt.words import Prompt
from selagg_core.repair.plan import RepairPlan

from ..families.text_encoders import text_of
from ..recording.labels import LABELS, PROMPT_KEY
from .hooks import REPAIR_KEY, RepairMark

NO_CONDITIONING = "there is no prompt. Connect the CONDITIONING of the positive prompt."
NO_WORDS = (
    "the words of the prompt are not known: encode it with SelAgg Text Encode, or connect a SelAgg Prompt "
    "with the same CLIP and text."
)


def prompts_of(conditioning: Sequence | None, offered: Prompt | None = None) -> tuple[Prompt, ...]:
    """The prompts of the entries as reports count them. Raises ValueError if words are not known."""
    if not conditioning:
        raise ValueError(NO_CONDITIONING)
    found = [_prompt_of(conditioning[number], offered) for number in order_of(conditioning)]
    known = tuple(prompt for prompt in found if prompt is not None)
    if len(known) < len(found) or not any(prompt.words for prompt in known):
        raise ValueError(NO_WORDS)
    return known


def order_of(conditioning: Sequence) -> list[int]:
    """The entries in the order in which reports count them: the first one of the whole picture leads."""
    whole = next((n for n, (_, more) in enumerate(conditioning) if _is_whole(more)), 0)
    return [whole, *(number for number in range(len(conditioning)) if number != whole)]


def marked(conditioning: Sequence, plan: RepairPlan) -> list:
    """The CONDITIONING with the marks of a plan that was made for `prompts_of` it."""
    places = {number: place for place, number in enumerate(order_of(conditioning))}
    return [
        [embedding, {**more, REPAIR_KEY: RepairMark(plan.key, places[number])}]
        for number, (embedding, more) in enumerate(conditioning)
    ]


def _is_whole(more: dict) -> bool:
    return more.get("area") is None


def _prompt_of(entry: Sequence, offered: Prompt | None) -> Prompt | None:
    embedding, more = entry
    if not isinstance(embedding, torch.Tensor) or embedding.ndim != 3:
        return None
    text = text_of(embedding[:1], more)
    labels: Labels = LABELS.resolve(TextKey.of(text))
    offers = offers_of(offered)
    if labels.unknown and offers:
        labels, _ = recognise(labels, sketch_of(text), 0, text.shape[1], offers)
    hint = more.get(PROMPT_KEY)
    if labels.prompt is None and isinstance(hint, Prompt) and hint.length == text.shape[1]:
        return hint
    return labels.prompt
