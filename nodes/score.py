"""Nodes that measure maps against the truth, and tell what was measured: SelAgg Score, SelAgg Score Table."""

from __future__ import annotations

import json
from pathlib import Path

from selagg_core.drawing.marks import message_picture
from selagg_core.drawing.pictures import blank_sheet
from selagg_core.files.names import file_stem
from selagg_core.prompt.quoted import reasons
from selagg_core.proof import spot_check as spot
from selagg_core.proof.rows import Rows, Taken, append_rows, parse_rows, read_rows, to_line
from selagg_core.proof.run_truth import RunTruth
from selagg_core.proof.score import score_run
from selagg_core.proof.table import markdown, score_table
from selagg_core.proof.table_picture import table_picture
from selagg_core.proof.truth_heads import heads_by_truth
from selagg_core.relevance.relevance import HeadRelevance
from selagg_core.report.report import Report
from selagg_core.view import open_run

from . import host
from .viewer import sockets

NODE, TABLE = "SelAgg Score", "SelAgg Score Table"
FOLDER, ENDING, SPOT_CHECK = "selagg", ".jsonl", "_spot_check"
ROWS = "selagg_rows"
"""Under this name a node shows rows that it wrote to no file, for programs that drive the server."""
FILE_TOOLTIP = "Name of the file of scores in output/selagg"


def score_file(name: str) -> Path:
    """Where scores of a name lie. Raises ValueError if it is none for a file."""
    return Path(host.output_directory()) / FOLDER / f"{file_stem(name)}{ENDING}"


def spot_folder(name: str) -> Path:
    """Where the spot check of such scores lies. Raises ValueError if it is no name for a file."""
    rows = score_file(name)
    return rows.with_name(f"{rows.stem}{SPOT_CHECK}")


class SelAggScore:
    DESCRIPTION = (
        "Measures every way of making word maps against what is really in the picture: DAAM as published, "
        "the selected heads of the paper, random ones, the default. Adds a row a word to a file; SelAgg "
        "Score Table tells what they say together."
    )
    CATEGORY = "SelAgg/Expert"
    SEARCH_ALIASES = ["evaluate", "benchmark", "iou", "daam", "compare maps", "head auc"]
    FUNCTION = "score"
    OUTPUT_NODE = True
    RETURN_TYPES = ("STRING", "STRING")
    RETURN_NAMES = ("rows", "summary")
    OUTPUT_TOOLTIPS = (
        "The rows of these pictures, one line of JSON each.",
        "What was scored, one picture a line; or what went wrong.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                **sockets.of_run(),
                "truth": ("SELAGG_TRUTH", {"tooltip": "What is in these pictures, from SelAgg Truth."}),
                "file": (
                    "STRING",
                    {
                        "default": "score",
                        "tooltip": f"{FILE_TOOLTIP}: rows are added to it. Empty: they are only given out.",
                    },
                ),
                "checkpoint": (
                    "STRING",
                    {"default": "my checkpoint", "tooltip": "Name of the checkpoint, kept in every row."},
                ),
                "picture_seed": (
                    "INT",
                    {
                        "default": 0,
                        "min": 0,
                        "max": 2**53,
                        "tooltip": "Seed of the first picture, kept in its rows; random heads are drawn by "
                        "it.",
                    },
                ),
            },
            "optional": {
                "relevance": ("SELAGG_RELEVANCE", {"tooltip": sockets.RELEVANCE_TOOLTIP}),
                "report": (
                    "STRING",
                    {
                        "forceInput": True,
                        "tooltip": "The report of SelAgg Diagnose on the same pictures: what it checks is "
                        "kept with its truth, for SelAgg Calibrate.",
                    },
                ),
                "prompt": ("SELAGG_PROMPT", {"tooltip": sockets.PROMPT_TOOLTIP}),
                "spot_check": (
                    "BOOLEAN",
                    {
                        "default": False,
                        "tooltip": "Keep 1 in 20 of the judges' labels with its picture beside the scores: "
                        "SelAgg Calibrate shows them to whoever uses the file, who says whether the judges "
                        "are right. Needs a report.",
                    },
                ),
            },
        }

    def score(
        self,
        capture,
        latent,
        image,
        truth,
        file="score",
        checkpoint="my checkpoint",
        picture_seed=0,
        relevance=None,
        report=None,
        prompt=None,
        spot_check=False,
    ):
        try:
            if not isinstance(truth, RunTruth):
                raise ValueError("there is no truth: connect a SelAgg Truth.")
            if not truth.pictures:
                raise ValueError(reasons(truth.problems) or "the truth is about no picture.")
            view = open_run(capture, sockets.latent_samples(latent), image, prompt)
            parsed = Report.from_json(report) if report else None
            scored = score_run(
                view, truth.pictures, str(checkpoint).strip(), int(picture_seed), relevance, parsed
            )
            lines = [to_line(row) for row in scored.rows]
            told = [*(f"problem: {problem}" for problem in truth.problems), *scored.told]
            if str(file or "").strip():
                path = score_file(str(file))
                append_rows(path, scored.rows)
                told.append(f"{len(scored.rows)} rows added to {FOLDER}/{path.name}.")
                if spot_check:
                    told.append(_kept_for_spot_check(str(file), view, truth, scored.rows[0].taken, parsed))
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            lines, told = [], [sockets.told(NODE, error)]
        shown = {} if str(file or "").strip() else {ROWS: lines}
        return {"ui": {"text": told, **shown}, "result": ("\n".join(lines), "\n".join(told))}


def _kept_for_spot_check(file: str, view, truth: RunTruth, first: Taken, report: Report | None) -> str:
    """Keeps what chance takes of the labels; says how many, or why not: the rows are kept all the same."""
    if report is None:
        return "Nothing was kept for a spot check: connect the report of SelAgg Diagnose."
    drawn = spot.drawn_of_run(view.pictures, truth.pictures, report, first)
    try:
        kept = spot.keep_claims(spot_folder(file), drawn)
    except ValueError as error:
        return f"problem: nothing more was kept for a spot check: {error}"
    return f"{kept} claims kept for a spot check, which SelAgg Calibrate shows."


class SelAggScoreTable:
    DESCRIPTION = (
        "Says what all rows of a file of SelAgg Score mean together: how good each way of making maps is, "
        "with intervals, and whether selected heads are better than DAAM on your checkpoint, worse, or "
        "undecided."
    )
    CATEGORY = "SelAgg/Expert"
    SEARCH_ALIASES = ["results", "evaluate", "benchmark", "statistics", "confidence interval"]
    FUNCTION = "table"
    OUTPUT_NODE = True
    RETURN_TYPES = ("IMAGE", "STRING", "STRING", "SELAGG_RELEVANCE")
    RETURN_NAMES = ("table", "markdown", "json", "relevance")
    OUTPUT_TOOLTIPS = (
        "The table as a picture.",
        "The table in Markdown, to be published; or what is missing.",
        "All figures as JSON.",
        "Heads chosen by truth, for SelAgg Heatmaps and SelAgg Diagnose; none below 20 words a concept.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "file": ("STRING", {"default": "score", "tooltip": f"{FILE_TOOLTIP}. Empty: only the rows."}),
            },
            "optional": {
                "save_heads": (
                    "STRING",
                    {
                        "advanced": True,
                        "default": "",
                        "tooltip": "Save the heads that find the words of each concept best under this name "
                        "in models/selagg, for SelAgg Load Relevance. Needs 50 to 100 pictures. Empty: not "
                        "saved.",
                    },
                ),
                "rows": (
                    "STRING",
                    {
                        "forceInput": True,
                        "tooltip": "The rows of a SelAgg Score: connect them, so that the table comes after "
                        "them.",
                    },
                ),
            },
        }

    @classmethod
    def IS_CHANGED(cls, file, save_heads="", rows=None):
        """Made again when rows were added to the file."""
        try:
            known = score_file(file).stat()
        except (OSError, ValueError):  # running the node says what is wrong
            return ""
        return f"{known.st_mtime_ns}-{known.st_size}"

    def table(self, file="score", save_heads="", rows=None):
        try:
            named = str(file or "").strip()
            found = read_rows(score_file(named)) if named else parse_rows(str(rows or "").splitlines())
            table = score_table(found)
            heads, lines = _truth_heads(found, str(save_heads or "").strip())
            picture, told = table_picture(table), "\n".join((markdown(table), *lines))
            data = json.dumps({**table.to_json(), "heads": lines})
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            told, data, heads = sockets.told(TABLE, error), "{}", None
            picture = message_picture(blank_sheet(96, 512), told)
        images = sockets.pictures_to_images([picture])
        return {
            "ui": {"images": sockets.preview(images, "selagg_table"), "text": [told]},
            "result": (images, told, data, heads),
        }


def _truth_heads(rows: Rows, name: str) -> tuple[HeadRelevance | None, list[str]]:
    """Heads chosen by truth, saved if there is a name; and what to say of them.

    Raises ValueError for a name that is none, or a disk that does not take it: the artist asked for it.
    """
    try:
        found = heads_by_truth(rows)
    except ValueError as error:
        if name:
            raise
        return None, [f"- Heads chosen by truth: {error}"]
    lines = [f"- {worth.told}" for worth in found.worth]
    if name:
        path = Path(host.relevance_directory()) / f"{file_stem(name)}.safetensors"
        found.relevance.save(path)
        lines.append(f"- Heads chosen by truth saved to models/selagg/{path.name}.")
    return found.relevance, lines


NODES: dict[str, type] = {"SelAggScore": SelAggScore, "SelAggScoreTable": SelAggScoreTable}
DISPLAY_NAMES: dict[str, str] = {"SelAggScore": NODE, "SelAggScoreTable": TABLE}
