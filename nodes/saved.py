"""Nodes that keep a diagnosis and open it again without the model: SelAgg Save and SelAgg Load."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from selagg_core.drawing.pictures import float_batch, png_bytes, rgb_picture
from selagg_core.files.names import file_stem
from selagg_core.files.text import read_text
from selagg_core.files.write import claimed, write_file
from selagg_core.recording.saved import SavedCapture, load_recording, save_recording
from selagg_core.report.report import Report
from selagg_core.view import check_images

from . import host
from .viewer import sockets

FOLDER = "selagg_saved"
"""Inside the host's output folder."""
MOST_PIXELS = 64_000_000
"""Of a saved picture: more is no picture of a run."""


def saved_folder() -> Path:
    return Path(host.output_directory()) / FOLDER


def saved_names() -> list[str]:
    return sorted(file.name for file in saved_folder().glob("*.safetensors"))


class SelAggSave:
    DESCRIPTION = (
        "Keeps the maps, the pictures and the report of a run in output/selagg_saved, so that SelAgg Load "
        "opens them again, on any computer and without the model."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["save attention maps", "export report", "share diagnosis", "safetensors", "json"]
    FUNCTION = "save"
    OUTPUT_NODE = True
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("file",)
    OUTPUT_TOOLTIPS = ("The file that was written, or why none was.",)

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                **sockets.of_run(),
                "name": ("STRING", {"default": "diagnosis", "tooltip": "Name of the files."}),
            },
            "optional": {
                "report": (
                    "STRING",
                    {
                        "forceInput": True,
                        "tooltip": "The report of SelAgg Diagnose, to be kept beside the maps.",
                    },
                ),
            },
        }

    def save(self, capture, latent, image, name, report=None):
        try:
            told = str(self._written(capture, latent, image, name, report).name)
        except Exception as error:  # noqa: BLE001 - the queue goes on: other nodes save the picture
            known = ValueError(str(error)) if isinstance(error, OSError) else error
            told = sockets.told("SelAgg Save", known)
        return {"ui": {"text": [told]}, "result": (told,)}

    def _written(self, capture, latent, image, name: str, report: str | None) -> Path:
        samples = sockets.latent_samples(latent)
        if not hasattr(capture, "recording_for"):
            raise ValueError("there is no capture: connect the capture of a SelAgg Capture.")
        recording = capture.recording_for(samples)
        chosen = check_images(samples, image, recording.frames)
        if len(recording.frames) > 1 and len(chosen) == samples.shape[0]:
            recording = recording.first_frames()
        parsed = Report.from_json(report) if report else None
        folder = saved_folder()
        with claimed(folder, file_stem(name)) as stem:
            for number, picture in enumerate(image[chosen].detach().cpu().float().numpy(), start=1):
                write_file(folder / f"{stem}_{number}.png", png_bytes(rgb_picture(picture)))
            if parsed is not None:
                write_file(folder / f"{stem}.json", parsed.to_json().encode())
            path = folder / f"{stem}.safetensors"
            save_recording(recording, path)
        return path


class SelAggLoad:
    DESCRIPTION = (
        "Opens what SelAgg Save has kept: connect its outputs to SelAgg Diagnose or SelAgg Heatmaps as those "
        "of a run. No model is needed."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = ["load attention maps", "open report", "shared diagnosis", "safetensors"]
    FUNCTION = "load"
    RETURN_TYPES = ("SELAGG_CAPTURE", "LATENT", "IMAGE", "STRING")
    RETURN_NAMES = ("capture", "latent", "image", "report")
    OUTPUT_TOOLTIPS = (
        "The maps, for SelAgg Diagnose and SelAgg Heatmaps.",
        "Stands for the latent of the run: connect it where the capture goes.",
        "The pictures of the run.",
        "The report that was kept, as JSON; empty if there is none.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {"required": {"file": (saved_names(), {"tooltip": f"Files in output/{FOLDER}."})}}

    @classmethod
    def IS_CHANGED(cls, file):
        try:
            return f"{file} {(saved_folder() / file).stat().st_mtime_ns}" if file in saved_names() else file
        except OSError:  # gone in the meantime: loading it says so
            return file

    def load(self, file):
        if file not in saved_names():
            raise ValueError(
                f'SelAgg Load: there is no file "{str(file)[:60]}" in output/{FOLDER}: choose one of the '
                "list."
            )
        path = saved_folder() / file
        try:
            recording = load_recording(path)
            pictures = [_picture(path, number) for number in range(1, recording.pictures + 1)]
            beside = path.with_suffix(".json")
            report = Report.from_json(read_text(beside)).to_json() if beside.is_file() else ""
        except (ValueError, OSError) as error:
            raise ValueError(f"SelAgg Load: {error}") from error
        latent = torch.zeros(recording.latent_shape)
        capture = SavedCapture(recording, latent)
        return capture, {"samples": latent}, torch.from_numpy(float_batch(pictures)), report


def _picture(path: Path, number: int) -> np.ndarray:
    """A picture of a saved run. Raises ValueError if it is missing or no PNG."""
    file = path.with_name(f"{path.stem}_{number}.png")
    try:
        with Image.open(file, formats=("PNG",)) as opened:
            small = opened.width * opened.height <= MOST_PIXELS
            picture = np.asarray(opened.convert("RGB")) if small else None
    except FileNotFoundError as error:
        raise ValueError(f"{file.name} is missing: keep the pictures beside {path.name}.") from error
    except Exception as error:  # Pillow has an exception of its own for every part that can be damaged
        raise ValueError(f"{file.name} is no readable PNG.") from error
    if picture is None:
        raise ValueError(f"{file.name} is too large for a picture of a run.")
    return picture


NODES: dict[str, type] = {"SelAggSave": SelAggSave, "SelAggLoad": SelAggLoad}
DISPLAY_NAMES: dict[str, str] = {"SelAggSave": "SelAgg Save", "SelAggLoad": "SelAgg Load"}
