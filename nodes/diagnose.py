"""The node that says what went wrong with a prompt, where, and what to try: SelAgg Diagnose."""

from __future__ import annotations

import logging
from dataclasses import replace

from selagg_core.claims.expectations import Expectations, read_expectations
from selagg_core.diagnose import diagnose_run
from selagg_core.maps.recipe import DEFAULT
from selagg_core.maps.regions import parse_boxes
from selagg_core.prompt.messages import message, why
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.report.report import Report
from selagg_core.view import open_run

from .recording.words import ConceptFinder
from .viewer import sockets
from .viewer.hand_over import HIDDEN, Asked, browser_asks, hand_over, nothing

logger = logging.getLogger("selagg")

NODE = "SelAgg Diagnose"


class SelAggDiagnose:
    DESCRIPTION = (
        "Says where the picture is not what the prompt says: what is missing, colours that bled onto another "
        "thing, things in the wrong place, things that merged, words taken in another meaning; with the "
        "evidence and something to try. Put it after VAE Decode."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = [
        "prompt",
        "prompt adherence",
        "not following prompt",
        "color bleed",
        "colour bleed",
        "missing object",
        "explain",
        "analyze",
        "analyse",
        "debug",
        "prompt debug",
        "why",
        "attention",
        "daam",
        "report",
        "warnings",
    ]
    FUNCTION = "diagnose"
    OUTPUT_NODE = True
    RETURN_TYPES = ("IMAGE", "STRING", "STRING")
    RETURN_NAMES = ("annotated", "warnings", "report")
    OUTPUT_TOOLTIPS = (
        "The picture with expected and found regions and the findings below.",
        "One finding a line, the worst first; empty if nothing was found.",
        "Everything that was measured, as JSON.",
    )

    def __init__(self):
        self._concepts = ConceptFinder()

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                **sockets.of_run(),
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
                    {
                        "advanced": True,
                        "default": "",
                        "tooltip": "The words that the mask is for, separated by commas.",
                    },
                ),
                "boxes": (
                    "STRING",
                    {
                        "advanced": True,
                        "default": "",
                        "multiline": True,
                        "tooltip": "Where words should be, one box a line: word: left, top, right, bottom in "
                        "pixels or per cent, such as cat: 0, 0, 50%, 100%",
                    },
                ),
                "concepts": (
                    "STRING",
                    {"advanced": True, "default": "", "tooltip": sockets.CONCEPTS_TOOLTIP},
                ),
                "claims": (
                    "STRING",
                    {"advanced": True, "default": "", "multiline": True, "tooltip": sockets.CLAIMS_TOOLTIP},
                ),
                "keep_report": (
                    "BOOLEAN",
                    {
                        "advanced": True,
                        "default": False,
                        "tooltip": "Save the report and the pictures to output/selagg_reports, to label them "
                        "for SelAgg Calibrate.",
                    },
                ),
                "expect": ("SELAGG_EXPECT", {"tooltip": "Where words should be, from SelAgg Expect."}),
                "calibration": (
                    "SELAGG_CALIBRATION",
                    {
                        "tooltip": "How sure findings are, fitted on your pictures, from SelAgg Calibrate. "
                        "Without it as on the demo model.",
                    },
                ),
                "relevance": ("SELAGG_RELEVANCE", {"tooltip": sockets.RELEVANCE_TOOLTIP}),
                "recipe": ("SELAGG_RECIPE", {"tooltip": sockets.RECIPE_TOOLTIP}),
                "prompt": ("SELAGG_PROMPT", {"tooltip": sockets.PROMPT_TOOLTIP}),
                "clip": ("CLIP", {"tooltip": sockets.CLIP_TOOLTIP}),
            },
            "hidden": HIDDEN,
        }

    @classmethod
    def VALIDATE_INPUTS(cls, boxes=""):
        try:
            parse_boxes(str(boxes or ""))
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
        claims="",
        keep_report=False,
        expect=None,
        calibration=None,
        relevance=None,
        recipe=DEFAULT,
        prompt=None,
        clip=None,
        unique_id=None,
        graph=None,
        extra_pnginfo=None,
    ):
        asked = Asked(unique_id, graph, extra_pnginfo)
        try:
            run = open_run(capture, sockets.latent_samples(latent), image, prompt)
            own = read_expectations(sockets.mask_arrays(expected), expected_words, boxes=boxes)
            expectations = (expect or Expectations()) + own
            settings = HeadSettings(
                overrides=concepts, relevance=relevance, recipe=recipe, nearest=self._concepts.by(clip)
            )
            found = diagnose_run(
                run, words, expectations, settings, claims, calibration, for_viewer=browser_asks()
            )
            report, annotated = found.report, sockets.pictures_to_images(found.annotated)
            samples = sockets.latent_samples(latent)
            shown = hand_over(found.shown, capture, samples, asked, report, found.expected, found.read)
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            refused, annotated = sockets.refusal(NODE, error, image)
            shown = nothing(asked, refused)
            report = Report(str(getattr(prompt, "text", "")), {}, problems=(refused,))
        if keep_report and report.pictures:
            try:
                logger.info("%s: report kept in %s.", NODE, sockets.keep_report(report, run.pictures))
            except ValueError as error:  # the disk: what was found is shown all the same
                logger.warning("%s: the report was not kept: %s", NODE, error)
                report = replace(report, problems=(*report.problems, not_kept(error)))
        warnings = report.warnings()
        # A browser asks for the report by the id of its view; what no view holds goes along.
        unseen = {} if browser_asks() else {"report": [report.to_json()]}
        return {
            "ui": {
                "images": sockets.preview(annotated, "selagg_diagnose"),
                "text": warnings,
                **shown,
                **unseen,
            },
            "result": (annotated, "\n".join(warnings), report.to_json()),
        }


def not_kept(error: Exception) -> str:
    return message("report_not_kept", why=why(error))


NODES: dict[str, type] = {"SelAggDiagnose": SelAggDiagnose}
DISPLAY_NAMES: dict[str, str] = {"SelAggDiagnose": NODE}
