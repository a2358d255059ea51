"""The node that says where words should be: SelAgg Expect."""

from __future__ import annotations

from dataclasses import replace

from selagg_core.claims.expectations import Expectations, read_expectations

from .viewer import sockets

NODE = "SelAgg Expect"


class SelAggExpect:
    DESCRIPTION = (
        "Says where words of the prompt should be: by a mask, by boxes, or in words. SelAgg Diagnose checks "
        "it. Several of these nodes can be chained."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["expected region", "where should it be", "mask for word", "layout", "composition"]
    FUNCTION = "collect"
    RETURN_TYPES = ("SELAGG_EXPECT",)
    RETURN_NAMES = ("expect",)
    OUTPUT_TOOLTIPS = ("What is expected where, for SelAgg Diagnose or for a further SelAgg Expect.",)

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "text": (
                    "STRING",
                    {
                        "default": "",
                        "multiline": True,
                        "tooltip": "One a line: a place (cat: top left), a relation (cat left of dog), or a "
                        "box (cat: 0, 0, 50%, 100%: left, top, right, bottom in pixels or per cent).",
                    },
                ),
                "words": (
                    "STRING",
                    {"default": "", "tooltip": "The words that the mask is for, separated by commas."},
                ),
            },
            "optional": {
                "mask": (
                    "MASK",
                    {"tooltip": "Where the words should be, painted white: one, or one a picture."},
                ),
                "expect": ("SELAGG_EXPECT", {"tooltip": "Another SelAgg Expect, to have both."}),
            },
        }

    def collect(self, text, words, mask=None, expect=None):
        before = expect if isinstance(expect, Expectations) else Expectations()
        try:
            masks, problems = sockets.mask_arrays(mask), ()
        except ValueError as error:  # SelAgg Diagnose says it, and checks the rest
            masks, words, problems = None, "", (str(error),)
        try:
            own = read_expectations(masks, str(words or ""), str(text or ""))
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            own = Expectations(problems=(sockets.told(NODE, error),))
        return (before + replace(own, problems=(*problems, *own.problems)),)


NODES: dict[str, type] = {"SelAggExpect": SelAggExpect}
DISPLAY_NAMES: dict[str, str] = {"SelAggExpect": NODE}
