"""What a viewer node hands to the browser."""

from __future__ import annotations

import json
import logging
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.claims.claim import Claims
from selagg_core.drawing.pictures import png_bytes
from selagg_core.maps.regions import Region
from selagg_core.prompt.groups import WordGroup
from selagg_core.recording.capture import Capture
from selagg_core.report.manifest import all_word_sheets, manifest, maps_file
from selagg_core.report.report import Report
from selagg_core.report.shown import Shown

from .. import host
from .store import VIEWS, Source, StoredView

logger = logging.getLogger("selagg")

KEY = "selagg"
"""Under which a node's `ui` names the view."""


@dataclass(frozen=True)
class Asked:
    """Hidden inputs of a viewer node: which node ran, of which graph."""

    node: str | None = None
    prompt: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] | None = None

    @property
    def workflow(self) -> str:
        """The id of the workflow that ran, by which a page knows whether a view is one of its own."""
        workflow = (self.extra or {}).get("workflow")
        name = workflow.get("id") if isinstance(workflow, Mapping) else None
        return str(name or "")


HIDDEN = {"unique_id": "UNIQUE_ID", "graph": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"}


def browser_asks() -> bool:
    """Whether a browser could ask for what is handed over."""
    return host.server_routes() is not None


def hand_over(
    shown: Shown | None,
    capture: Capture,
    latent: torch.Tensor,
    asked: Asked,
    report: Report | None = None,
    expected: Sequence[Mapping[WordGroup, Region]] = (),
    claims: Claims | None = None,
) -> dict[str, list[Any]]:
    """The part of a node's `ui` by which the browser finds the view, see `nothing`."""
    if shown is None or not browser_asks():
        return nothing(asked)
    try:
        nowhere = [{} for _ in shown.view.pictures]
        body, maps = manifest(shown, report, expected or nowhere, claims), maps_file(shown)
        sheets = {name: json.dumps(sheet).encode() for name, sheet in all_word_sheets(shown)}
    except ValueError as error:
        logger.warning(f"The viewer has nothing to show: {error}")
        return nothing(asked)
    except Exception as error:  # noqa: BLE001 - the result of the node must not be lost with its view
        if host.is_interruption(error):
            raise
        logger.exception("The viewer could not be filled; the node's result is not affected.")
        return nothing(asked)
    selections = tuple(choice.selections for choice in shown.chosen)
    stored = StoredView(
        manifest=json.dumps(body, allow_nan=False).encode(),
        pictures=tuple(png_bytes(picture) for picture in shown.view.pictures),
        sheets=sheets,
        maps=maps,
        report=report.to_json().encode() if report is not None else b"",
        workflow=json.dumps({**(asked.extra or {}), "prompt": asked.prompt}).encode(),
        source=Source(weakref.ref(capture), latent.detach().cpu().clone(), selections, shown.settings.recipe),
    )
    return {KEY: [{"id": VIEWS.add(stored), "workflow": asked.workflow}]}


def nothing(asked: Asked) -> dict[str, list[Any]]:
    """The part of a node's `ui` when it has nothing to show."""
    return {KEY: [{"id": None, "workflow": asked.workflow}]} if browser_asks() else {}
