"""The node that changes what words attend to, so that a finding does not come again: SelAgg Repair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from selagg_core.claims.expectations import Expectations
from selagg_core.prompt.words import Prompt
from selagg_core.relevance.choose_heads import relevance_for
from selagg_core.repair.from_report import ALL, Asked, plan_from_report, read_report
from selagg_core.repair.plan import MOST_STRENGTH, UNTIL, RepairPlan
from selagg_core.report.report import Report

from . import host
from .families import family_of
from .families.family import can_be_changed, layout_of
from .repairing.conditioning import marked, prompts_of
from .repairing.hooks import install, is_repaired
from .viewer import sockets

NODE = "SelAgg Repair"


class SelAggRepair:
    DESCRIPTION = (
        "Changes what words attend to in the next picture, so that a finding of SelAgg Diagnose does not "
        "come again: things are drawn to their places, words are read in the meaning that was meant. Says "
        "what it changed, or what to do where no change of attention helps."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["fix", "mend", "regional prompt", "attention couple", "concept bleeding", "correct"]
    FUNCTION = "repair"
    RETURN_TYPES = ("MODEL", "CONDITIONING", "STRING")
    RETURN_NAMES = ("model", "conditioning", "changes")
    OUTPUT_TOOLTIPS = (
        "The model, for the sampler. SelAgg Capture may come before or after.",
        "The positive prompt, for the same sampler.",
        "What was changed, and what to do beside, a sentence a line.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model that the sampler will use."}),
                "conditioning": ("CONDITIONING", {"tooltip": "The positive prompt that was diagnosed."}),
                "report": (
                    "STRING",
                    {"forceInput": True, "tooltip": "The report of SelAgg Diagnose, or of SelAgg Load."},
                ),
                "finding": (
                    "STRING",
                    {
                        "default": ALL,
                        "tooltip": f'What is mended: "{ALL}", or the number of one finding in the order in '
                        "which SelAgg Diagnose tells them, from 1.",
                    },
                ),
                "strength": (
                    "FLOAT",
                    {
                        "default": 1.0,
                        "min": 0.0,
                        "max": MOST_STRENGTH,
                        "step": 0.05,
                        "tooltip": "How much attention is changed; 0 changes nothing at all.",
                    },
                ),
                "until": (
                    "FLOAT",
                    {
                        "default": UNTIL,
                        "min": 0.05,
                        "max": 1.0,
                        "step": 0.05,
                        "tooltip": "Share of the steps after which places are left alone: what comes later "
                        "is detail. Meanings are held to the end.",
                    },
                ),
            },
            "optional": {
                "expect": ("SELAGG_EXPECT", {"tooltip": "Where words should be, from SelAgg Expect."}),
                "relevance": ("SELAGG_RELEVANCE", {"tooltip": sockets.RELEVANCE_TOOLTIP}),
                "prompt": ("SELAGG_PROMPT", {"tooltip": sockets.PROMPT_TOOLTIP}),
                "placebo": (
                    "BOOLEAN",
                    {
                        "advanced": True,
                        "default": False,
                        "tooltip": "Does the same to words that the finding is not about: what SelAgg "
                        "Compare holds the change against.",
                    },
                ),
            },
        }

    def repair(
        self,
        model,
        conditioning,
        report,
        finding=ALL,
        strength=1.0,
        until=UNTIL,
        expect=None,
        relevance=None,
        prompt=None,
        placebo=False,
    ):
        try:
            prompts = prompts_of(conditioning, prompt)
            asked = Asked(finding, strength, until, expect or Expectations(), relevance, bool(placebo))
            plan = _plan(model, int(conditioning[0][0].shape[-1]), prompts, read_report(report), asked)
        except ValueError as error:
            raise ValueError(f"{NODE}: {error}") from error
        told = _told(plan)
        if plan.does_nothing:
            return {"ui": {"text": [told]}, "result": (model, conditioning, told)}
        model = model.clone()
        install(model, plan)
        return {"ui": {"text": [told]}, "result": (model, marked(conditioning, plan), told)}


def _plan(model, width: int, prompts: Sequence[Prompt], report: Report, asked: Asked) -> RepairPlan:
    """The plan for a model whose text is so wide. Raises ValueError where it cannot be repaired."""
    if model is None:
        raise ValueError("there is no model. Connect the MODEL output of a loader.")
    found = family_of(model)
    if found is None or not can_be_changed(found[0]):
        raise ValueError(
            f"this kind of model ({host.model_name(model)}) cannot be repaired yet: it is not known for sure "
            "where its picture attends to text. Bypass this node (Ctrl+B)."
        )
    if is_repaired(model):
        raise ValueError(
            f"this model comes from another {NODE}, and what both change could not be told apart: keep one "
            f'of them, with "{ALL}".'
        )
    layout = layout_of(found[1])
    relevance, _ = relevance_for(layout, width, asked.relevance)
    return plan_from_report(report, prompts, layout, replace(asked, relevance=relevance))


def _told(plan: RepairPlan) -> str:
    lines = [*plan.changes, *plan.advice]
    if plan.strength == 0:
        lines = ["Nothing was changed: strength is 0.", *plan.advice]
    return "\n".join(lines)


NODES: dict[str, type] = {"SelAggRepair": SelAggRepair}
DISPLAY_NAMES: dict[str, str] = {"SelAggRepair": NODE}
