"""The node that fits confidences on the artist's own pictures: SelAgg Calibrate."""

from __future__ import annotations

import logging
import re
from pathlib import Path

from selagg_core.calibrate import LABELS_FILE, fit, read_folder
from selagg_core.diagnosis.calibration import Calibration

from . import host
from .viewer import sockets

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
            }
        }

    @classmethod
    def IS_CHANGED(cls, folder, name):
        return float("nan")

    def calibrate(self, folder, name):
        path = calibration_path(name)
        if not folder.strip():
            return _loaded(path, name)
        rows = read_folder(output_folder(folder))
        pictures = {row.picture for row in rows}
        calibration, told = fit(rows, name.strip(), {"pictures": len(pictures), "labels": len(rows)})
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(calibration.to_json(), encoding="utf-8")
        logger.info("%s: saved %s.", NODE, path.name)
        return calibration, "\n".join(told)


def _loaded(path: Path, name: str) -> tuple[Calibration, str]:
    if not path.is_file():
        raise ValueError(f'{NODE}: there is no calibration "{name.strip()}" in models/selagg: fit one first.')
    calibration = Calibration.from_json(path.read_text(encoding="utf-8"))
    return calibration, f"{calibration.base}: {', '.join(calibration.kinds)}"


def calibration_path(name: str) -> Path:
    """Where a calibration lies; only letters, digits, dashes and blanks of its name stay."""
    plain = re.sub(r"[^\w\- ]+", "_", name).strip(" _")[:80]
    if not plain:
        raise ValueError(f"{NODE}: give the calibration a name of letters or digits.")
    return Path(host.relevance_directory()) / f"{plain}{ENDING}"


def output_folder(name: str) -> Path:
    """A folder inside the host's output folder. Raises ValueError for any other."""
    root = Path(host.output_directory()).resolve()
    folder = (root / name.strip()).resolve()
    if not folder.is_relative_to(root):
        raise ValueError(f"{NODE}: {name} lies outside the output folder.")
    if not folder.is_dir():
        raise ValueError(f"{NODE}: there is no folder {name} in the output folder: keep some reports first.")
    return folder


NODES: dict[str, type] = {"SelAggCalibrate": SelAggCalibrate}
DISPLAY_NAMES: dict[str, str] = {"SelAggCalibrate": NODE}
