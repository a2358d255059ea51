"""The node that records a model's attention while any sampler runs: SelAgg Capture."""

from __future__ import annotations

import logging

from selagg_core.prompt.messages import message
from selagg_core.recording.capture import Capture
from selagg_core.recording.settings import DEFAULT_BUDGET, MEBIBYTE, CaptureSettings

from . import host
from .families import family_of
from .recording.labels import LABELS
from .recording.recorder import install

logger = logging.getLogger("selagg")

MOST_STEP_BINS = 8


class SelAggCapture:
    DESCRIPTION = (
        "Records what every attention head does with every word while the sampler runs. Put it between the "
        "model and the sampler; the picture stays exactly the same. LoRA, IPAdapter and the like may come "
        "before or after it."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["attention", "cross attention", "record", "heatmap", "daam", "prompt debug"]
    FUNCTION = "capture"
    RETURN_TYPES = ("MODEL", "SELAGG_CAPTURE")
    RETURN_NAMES = ("model", "capture")
    OUTPUT_TOOLTIPS = (
        "The model, for the sampler.",
        "The recording, for SelAgg Diagnose and SelAgg Heatmaps.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {"model": ("MODEL", {"tooltip": "The model that the sampler will use."})},
            "optional": {
                "every_nth_step": (
                    "INT",
                    {
                        "advanced": True,
                        "default": 1,
                        "min": 1,
                        "max": 100,
                        "tooltip": "Record every step (1), every second (2), ...: fewer steps cost less.",
                    },
                ),
                "memory_mb": (
                    "INT",
                    {
                        "advanced": True,
                        "default": DEFAULT_BUDGET // MEBIBYTE,
                        "min": 1,
                        "max": 65536,
                        "tooltip": "Memory that the maps of one run may take, in MiB. If they would "
                        "take more, the finest maps are recorded more coarsely, and the viewer says so.",
                    },
                ),
                "negative_prompt": (
                    "BOOLEAN",
                    {
                        "advanced": True,
                        "default": False,
                        "tooltip": "Record the negative prompt too (about twice the memory).",
                    },
                ),
                "step_bins": (
                    "INT",
                    {
                        "advanced": True,
                        "default": 1,
                        "min": 1,
                        "max": MOST_STEP_BINS,
                        "tooltip": "Keep maps of so many parts of the run (early to late steps) beside "
                        "those of the whole run. More than one takes as many times the memory, plus once.",
                    },
                ),
                "self_attention": (
                    "BOOLEAN",
                    {
                        "advanced": True,
                        "default": True,
                        "tooltip": "Keep the self-attention of a few layers at one step, with which maps "
                        "follow the outlines of objects. Off saves a little time and memory.",
                    },
                ),
                "sub_tokens": (
                    "BOOLEAN",
                    {
                        "advanced": True,
                        "default": False,
                        "tooltip": "Keep each token of a word of several tokens, so that SelAgg Map "
                        "Recipe can take the best one instead of their mean.",
                    },
                ),
            },
            # Without unique_id hosts let two of these nodes with equal inputs share one recording.
            "hidden": {"unique_id": "UNIQUE_ID", "prompt": "PROMPT"},
        }

    def capture(
        self,
        model,
        every_nth_step=1,
        memory_mb=DEFAULT_BUDGET // MEBIBYTE,
        negative_prompt=False,
        step_bins=1,
        self_attention=True,
        sub_tokens=False,
        unique_id=None,
        prompt=None,
    ):
        if model is None:
            raise ValueError("SelAgg Capture: there is no model. Connect the MODEL output of a loader.")
        for name, value in (("every_nth_step", every_nth_step), ("memory_mb", memory_mb)):
            if value < 1:
                raise ValueError(f"SelAgg Capture: {name} is {value}; set it to 1 or more.")
        if not 1 <= step_bins <= MOST_STEP_BINS:
            raise ValueError(f"SelAgg Capture: step_bins is {step_bins}; set it to 1 to {MOST_STEP_BINS}.")
        settings = CaptureSettings(
            memory_mb * MEBIBYTE,
            every_nth_step,
            negative_prompt,
            step_bins,
            self_attention,
            sub_tokens=sub_tokens,
        )
        if family_of(model) is None:
            refused = message("unsupported", name=host.model_name(model))
            logger.warning(refused)
            return model, Capture(LABELS, settings, unsupported=refused)
        capture = Capture(LABELS, settings, wanted=_is_connected(prompt, unique_id))
        model = model.clone()
        install(model, capture)
        return model, capture


def _is_connected(prompt: dict | None, unique_id: str | None) -> bool:
    """Whether a node of the workflow takes the capture; True where that cannot be known."""
    if not prompt or unique_id not in prompt:
        return True
    socket = [unique_id, SelAggCapture.RETURN_TYPES.index("SELAGG_CAPTURE")]
    return any(socket == value for node in prompt.values() for value in node.get("inputs", {}).values())


NODES: dict[str, type] = {"SelAggCapture": SelAggCapture}
DISPLAY_NAMES: dict[str, str] = {"SelAggCapture": "SelAgg Capture"}
