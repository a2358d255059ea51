"""The node that says whether a change helps, over the same fresh seeds: SelAgg Compare."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import torch

from selagg_core.compare import Made, Trial, compare
from selagg_core.comparing.comparison import ALL
from selagg_core.comparing.told import lines, sheet
from selagg_core.drawing.pictures import rgb_picture
from selagg_core.prompt.offered import offers_of
from selagg_core.prompt.words import Prompt

from .viewer import sockets

NODE = "SelAgg Compare"
NO_PICTURES = "connect the pictures before and after the change, made from the same seeds."


class SelAggCompare:
    DESCRIPTION = (
        "Says whether a change helps: pictures of the same fresh seeds before and after it, judged by "
        "pixels or by SelAgg Truth and never by attention. Counts faults, right claims that broke, what "
        "changed elsewhere, and a placebo."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["A/B test", "before after", "grid", "xy plot", "wildcards", "significance", "placebo"]
    FUNCTION = "compare"
    INPUT_IS_LIST = True
    OUTPUT_NODE = True
    RETURN_TYPES = ("IMAGE", "STRING", "STRING")
    RETURN_NAMES = ("sheet", "verdict", "counts")
    OUTPUT_TOOLTIPS = (
        "All pairs on one sheet, with the verdict.",
        "The verdict, then every count, a line each.",
        "The same as JSON.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        truth = "What SelAgg Truth says of the pictures {which}; without it their pixels are asked."
        return {
            "required": {
                "before": (
                    "IMAGE",
                    {
                        "tooltip": "Pictures without the change, at least 8 of new seeds, not the one that "
                        "failed. A list of batches is of as many prompts."
                    },
                ),
                "after": ("IMAGE", {"tooltip": "The same seeds with the change."}),
                "faults": (
                    "STRING",
                    {
                        "default": ALL,
                        "multiline": True,
                        "tooltip": "The claims whose faults are counted, one a line, such as cat left of "
                        f'dog; or "{ALL}". Other claims count as what may break.',
                    },
                ),
                "claims": (
                    "STRING",
                    {"advanced": True, "default": "", "multiline": True, "tooltip": sockets.CLAIMS_TOOLTIP},
                ),
            },
            "optional": {
                "prompt": (
                    "SELAGG_PROMPT",
                    {"tooltip": "The words, from SelAgg Text Encode or SelAgg Prompt: what is to be seen."},
                ),
                "placebo": (
                    "IMAGE",
                    {"tooltip": "The same seeds with a change of nothing (placebo of SelAgg Repair)."},
                ),
                "failed": ("IMAGE", {"tooltip": "The picture that failed: pairs that show it are left out."}),
                "truth_before": ("SELAGG_TRUTH", {"tooltip": truth.format(which="before")}),
                "truth_after": ("SELAGG_TRUTH", {"tooltip": truth.format(which="after")}),
                "truth_placebo": ("SELAGG_TRUTH", {"tooltip": truth.format(which="of the placebo")}),
            },
        }

    def compare(
        self,
        before,
        after,
        faults=(ALL,),
        claims=("",),
        prompt=(),
        placebo=(),
        failed=(),
        truth_before=(),
        truth_after=(),
        truth_placebo=(),
    ):
        try:
            count = len(before)
            arms = [_made(before, truth_before, count), _made(after, truth_after, count)]
            controls = _made(placebo, truth_placebo, count) if placebo else [None] * count
            prompts = [_prompts(own) for own in _each(prompt, count, "prompts")]
            rows = zip(*arms, prompts, controls, strict=True)
            trials = [Trial(*row) for row in rows]
            bad = [picture for batch in failed for picture in _pictures(batch)]
            found = compare(trials, str(_first(faults, ALL)), str(_first(claims, "")), bad)
            drawn = sheet(found, *(_kept(arm, found.kept) for arm in arms))
            told, counts = "\n".join(lines(found)), json.dumps(found.to_dict(), indent=2)
            images = sockets.pictures_to_images([drawn])
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            first = before[0] if before else None
            told, images = sockets.refusal(NODE, error, first if isinstance(first, torch.Tensor) else None)
            images, counts = images[:1], "{}"
        preview = sockets.preview(images, "selagg_compare")
        return {"ui": {"images": preview, "text": [told]}, "result": (images, told, counts)}


def _first(values: Sequence, usual):
    return values[0] if values else usual


def _each(values: Sequence, count: int, name: str) -> list:
    """One value a prompt. Raises ValueError where there are neither as many nor one."""
    if len(values) <= 1:
        return [_first(values, None)] * count
    if len(values) != count:
        raise ValueError(f"there are {count} batches before, and {len(values)} {name}: connect one for each.")
    return list(values)


def _made(images: Sequence, truths: Sequence, count: int) -> list[Made]:
    if not images or len(images) != count:
        raise ValueError(NO_PICTURES)
    told = _each(truths, count, "truths")
    return [Made(_pictures(own), truth) for own, truth in zip(images, told, strict=True)]


def _kept(arm: Sequence[Made], kept: Sequence[int]) -> list[np.ndarray]:
    pictures = [picture for own in arm for picture in own.pictures]
    return [pictures[number] for number in kept]


def _pictures(batch) -> list[np.ndarray]:
    if not isinstance(batch, torch.Tensor) or batch.ndim != 4 or not batch.numel():
        raise ValueError(NO_PICTURES)
    return [rgb_picture(image) for image in sockets.arrays_of(batch)]


def _prompts(own) -> tuple[Prompt, ...]:
    if own is None:
        return ()
    offered = tuple(dict.fromkeys(offer.prompt for offer in offers_of(own) if offer.prompt.words))
    return offered or ((own,) if isinstance(own, Prompt) and own.words else ())


NODES: dict[str, type] = {"SelAggCompare": SelAggCompare}
DISPLAY_NAMES: dict[str, str] = {"SelAggCompare": NODE}
