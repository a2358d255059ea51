"""The node that fits confidences on the artist's own pictures: SelAgg Calibrate."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from selagg_core.calibrate import LABELS_FILE, fit, read_folder, read_scores
from selagg_core.diagnosis.calibration import Calibration
from selagg_core.files.names import file_stem
from selagg_core.files.text import read_text
from selagg_core.files.write import write_file
from selagg_core.proof.rows import read_rows
from selagg_core.proof.spot_check import CLAIMS, GIVEN, agreement, asked_claims

from . import host
from .score import score_file, spot_folder
from .viewer import sockets
from .viewer.hand_over import HIDDEN, KEY, Asked, browser_asks, nothing
from .viewer.spot_checks import SPOT_CHECKS, SpotCheck

NODE = "SelAgg Calibrate"
ENDING = ".calibration.json"
logger = logging.getLogger("selagg")


class SelAggCalibrate:
    DESCRIPTION = (
        "Fits the confidences of SelAgg Diagnose to your checkpoint: keep reports with keep_report of SelAgg "
        f"Diagnose, write {LABELS_FILE} beside them (which claims are right, which wrong), and run this. Or "
        "load a calibration that was fitted before."
    )
    CATEGORY = "SelAgg/Expert"
    SEARCH_ALIASES = ["calibration", "confidence", "label pictures", "threshold"]
    FUNCTION = "calibrate"
    OUTPUT_NODE = True
    RETURN_TYPES = ("SELAGG_CALIBRATION", "STRING")
    RETURN_NAMES = ("calibration", "summary")
    OUTPUT_TOOLTIPS = (
        "The fitted confidences, for SelAgg Diagnose.",
        "What was fitted on how many labels, one kind a line; or what is missing.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "folder": (
                    "STRING",
                    {
                        "default": sockets.REPORTS,
                        "tooltip": f"Folder inside the output folder with kept reports and {LABELS_FILE}. "
                        "Empty: load the calibration of this name.",
                    },
                ),
                "name": (
                    "STRING",
                    {
                        "default": "my checkpoint",
                        "tooltip": "Name of the checkpoint: the calibration is saved to models/selagg by it.",
                    },
                ),
            },
            "optional": {
                "scores": (
                    "STRING",
                    {
                        "default": "",
                        "tooltip": "Instead of labels by hand: the file of SelAgg Score, in output/selagg, "
                        "whose claims judges have labelled. Open ones are left out.",
                    },
                ),
            },
            "hidden": HIDDEN,
        }

    @classmethod
    def IS_CHANGED(cls, folder, name, scores="", **hidden):
        """Fitted again when a file of the folder, or the saved calibration, has changed."""
        try:
            files = [calibration_path(name), old_path(name)]
            if scores.strip():
                files += [score_file(scores), *(spot_folder(scores) / own for own in (CLAIMS, GIVEN))]
            elif folder.strip():
                files += sorted(output_folder(folder).glob("*.json"))
            known = [path.stat() for path in files if is_there(path)]
        except (OSError, ValueError):  # running the node says what is wrong
            return ""
        return " ".join(f"{own.st_mtime_ns}-{own.st_size}" for own in known)

    def calibrate(self, folder, name, scores="", unique_id=None, graph=None, extra_pnginfo=None):
        try:
            path = calibration_path(name)
            if scores.strip():
                asked = Asked(unique_id, graph, extra_pnginfo)
                return {"ui": _to_look_at(scores, asked), "result": _by_judges(path, name, scores)}
            if not folder.strip():
                return _loaded(path if is_there(path) else old_path(name), name)
            rows = read_folder(output_folder(folder))
            pictures = {row.picture for row in rows}
            calibration, told = fit(rows, name.strip(), {"pictures": len(pictures), "labels": len(rows)})
            write_file(path, calibration.to_json().encode())
        except ValueError as error:
            raise ValueError(f"{NODE}: {error}") from error
        logger.info("%s: saved %s.", NODE, path.name)
        return calibration, "\n".join(told)


def _by_judges(path: Path, name: str, scores: str) -> tuple[Calibration, str]:
    """A calibration of what judges have labelled, saved, and what to say of it."""
    rows = read_rows(score_file(scores))
    judged, by_eye = read_scores(rows), agreement(spot_folder(scores), rows)
    pictures = {row.picture for row in judged.rows}
    data = {
        "pictures": len(pictures),
        "labels": len(judged.rows),
        "open": judged.open,
        "judges": ", ".join(judged.judges),
        "spot_check": by_eye.to_json(),
    }
    calibration, told = fit(judged.rows, name.strip(), data)
    write_file(path, calibration.to_json().encode())
    left_out = f"{judged.open} checks that judges left open were not used."
    return calibration, "\n".join((*told, left_out, by_eye.told))


def _to_look_at(scores: str, asked: Asked) -> dict[str, list]:
    """The part of the node's `ui` by which the browser finds the spot check; it says so if there is none."""
    rows, folder = read_rows(score_file(scores)), spot_folder(scores)
    claims = asked_claims(folder, rows)
    if not claims or not browser_asks():
        return nothing(asked)
    check = SpotCheck(claims, folder, score_file(scores))
    return {KEY: [{"id": SPOT_CHECKS.add(check), "workflow": asked.workflow}]}


def _loaded(path: Path, name: str) -> tuple[Calibration, str]:
    if not is_there(path):
        shown = name.strip()[:60]
        raise ValueError(f'there is no calibration "{shown}" in models/selagg: fit one first.')
    calibration = Calibration.from_json(read_text(path))
    return calibration, f"{calibration.base}: {', '.join(calibration.kinds)}"


def calibration_path(name: str) -> Path:
    """Where a calibration lies. Raises ValueError if its name is none for a file."""
    return Path(host.relevance_directory()) / f"{file_stem(name)}{ENDING}"


def old_path(name: str) -> Path:
    """Where versions up to 0.1 kept it: with the blanks of its name."""
    plain = re.sub(r"[^\w\- ]+", "_", name).strip(" _")[:80]
    return Path(host.relevance_directory()) / f"{plain}{ENDING}"


def is_there(path: Path) -> bool:
    """Whether a file is there; not if its name is longer than a file system takes."""
    try:
        return path.is_file()
    except OSError:
        return False


def output_folder(name: str) -> Path:
    """A folder inside the host's output folder. Raises ValueError for any other."""
    shown = name.strip()[:60]
    try:
        root = Path(host.output_directory()).resolve()
        folder = (root / name.strip()).resolve()
        inside, there = folder.is_relative_to(root), folder.is_dir()
    except (OSError, ValueError) as error:  # too long, or marks that no path may have
        raise ValueError(
            f'"{shown}" is no name of a folder: write that of one in the output folder.'
        ) from error
    if not inside:
        raise ValueError(f"{shown} lies outside the output folder.")
    if not there:
        raise ValueError(f"there is no folder {shown} in the output folder: keep some reports first.")
    return folder


NODES: dict[str, type] = {"SelAggCalibrate": SelAggCalibrate}
DISPLAY_NAMES: dict[str, str] = {"SelAggCalibrate": NODE}
