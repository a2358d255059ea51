"""The node that says what went wrong with a prompt, where, and what to try: SelAgg Diagnose."""

from __future__ import annotations

from ..selagg_core.choosing import HeadSettings
from ..selagg_core.regions import parse_boxes
from ..selagg_core.report import Report
from ..selagg_core.viewing import Expectations, diagnose_run, open_run
from . import viewer, viewer_data

NODE = "SelAgg Diagnose"


class SelAggDiagnose:
    DESCRIPTION = (
        "Says which words of the prompt no part of the picture holds, and which lie elsewhere than expected, "
        "with the evidence and something to try. Put it after VAE Decode."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["prompt debug", "attention", "why", "missing object", "daam", "report", "warnings"]
    FUNCTION = "diagnose"
    OUTPUT_NODE = True
    RETURN_TYPES = ("IMAGE", "STRING", "STRING")
    RETURN_NAMES = ("annotated", "warnings", "report")
    OUTPUT_TOOLTIPS = (
        "The picture with expected and found regions and the findings below.",
        "One finding a line, the worst first; empty if nothing was found.",
        "Everything that was measured, as JSON.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "capture": ("SELAGG_CAPTURE", {"tooltip": viewer.CAPTURE_TOOLTIP}),
                "latent": ("LATENT", {"tooltip": viewer.LATENT_TOOLTIP}),
                "image": ("IMAGE", {"tooltip": viewer.IMAGE_TOOLTIP}),
            },
            "optional": {
                "words": (
                    "STRING",
                    {
                        "default": "all",
                        "tooltip": 'Words or phrases to check, separated by commas, or "all".',
                    },
                ),
                "expected": (
                    "MASK",
                    {"tooltip": "Where expected_words should be, painted white: one mask, or one a picture."},
                ),
                "expected_words": (
                    "STRING",
                    {"default": "", "tooltip": "The words that the mask is for, separated by commas."},
                ),
                "boxes": (
                    "STRING",
                    {
                        "default": "",
                        "multiline": True,
                        "tooltip": "Where words should be, one box a line: word: left, top, right, bottom in "
                        "pixels or per cent, such as cat: 0, 0, 50%, 100%",
                    },
                ),
                "concepts": ("STRING", {"default": "", "tooltip": viewer.CONCEPTS_TOOLTIP}),
                "relevance": ("SELAGG_RELEVANCE", {"tooltip": viewer.RELEVANCE_TOOLTIP}),
                "prompt": ("SELAGG_PROMPT", {"tooltip": viewer.PROMPT_TOOLTIP}),
            },
            "hidden": viewer_data.HIDDEN,
        }

    @classmethod
    def VALIDATE_INPUTS(cls, boxes=""):
        try:
            parse_boxes(boxes)
        except ValueError as error:
            return f"{NODE}: {error}"
        return True

    def diagnose(
        self,
        capture,
        latent,
        image,
        words="all",
        expected=None,
        expected_words="",
        boxes="",
        concepts="",
        relevance=None,
        prompt=None,
        unique_id=None,
        graph=None,
        extra_pnginfo=None,
    ):
        asked = viewer_data.Asked(unique_id, graph, extra_pnginfo)
        masks = None if expected is None else expected.reshape(-1, *expected.shape[-2:]).cpu().numpy()
        try:
            run = open_run(capture, viewer.latent_samples(latent), image)
            expectations = Expectations(masks, expected_words, boxes)
            settings = HeadSettings(overrides=concepts, relevance=relevance)
            report, pictures = diagnose_run(run, words, expectations, settings)
            annotated = viewer.pictures_to_images(pictures)
            samples = viewer.latent_samples(latent)
            shown = viewer_data.hand_over(run, capture, samples, settings, asked, report)
        except ValueError as error:
            message, annotated = viewer.refusal(NODE, error, image)
            shown = viewer_data.nothing(asked)
            report = Report(prompt.text if prompt is not None else "", {}, problems=(message,))
        warnings = report.warnings()
        return {
            "ui": {
                "images": viewer.preview(annotated, "selagg_diagnose"),
                "text": warnings,
                "report": [report.to_json()],
                **shown,
            },
            "result": (annotated, "\n".join(warnings), report.to_json()),
        }


NODES: dict[str, type] = {"SelAggDiagnose": SelAggDiagnose}
DISPLAY_NAMES: dict[str, str] = {"SelAggDiagnose": NODE}
