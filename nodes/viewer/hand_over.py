"""What a viewer node hands to the browser."""

from __future__ import annotations

import json
import logging
import math
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.claims.claim import Claims
from selagg_core.drawing.pictures import png_bytes
from selagg_core.maps.regions import Region
from selagg_core.prompt.groups import WordGroup
from selagg_core.prompt.messages import said_of
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
        workflow = self.extra.get("workflow") if isinstance(self.extra, Mapping) else None
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
        nowhere: list[Mapping[WordGroup, Region]] = [{} for _ in shown.view.pictures]
        stored = _stored(shown, capture, latent, asked, report, expected or nowhere, claims)
    except ValueError as error:
        logger.warning(f"The viewer has nothing to show: {error}")
        return nothing(asked)
    except Exception as error:  # noqa: BLE001 - the result of the node must not be lost with its view
        if host.is_interruption(error):
            raise
        logger.exception("The viewer could not be filled; the node's result is not affected.")
        return nothing(asked)
    return {KEY: [{"id": VIEWS.add(stored), "workflow": asked.workflow}]}


def _stored(
    shown: Shown,
    capture: Capture,
    latent: torch.Tensor,
    asked: Asked,
    report: Report | None,
    expected: Sequence[Mapping[WordGroup, Region]],
    claims: Claims | None,
) -> StoredView:
    selections = tuple(choice.selections for choice in shown.chosen)
    return StoredView(
        manifest=strict_json(manifest(shown, report, expected, claims)),
        pictures=tuple(png_bytes(picture) for picture in shown.view.pictures),
        sheets={name: strict_json(sheet) for name, sheet in all_word_sheets(shown)},
        maps=maps_file(shown),
        report=report.to_json().encode() if report is not None else b"",
        workflow=_embedded(asked),
        source=Source(
            weakref.ref(capture),
            latent.detach().cpu().clone(),
            selections,
            shown.settings.recipe,
            len(shown.view.pictures),
        ),  # fmt: skip
        place=(asked.workflow, str(asked.node or "")),
    )


def _embedded(asked: Asked) -> bytes:
    """What goes into saved pictures: nothing where the host itself embeds nothing."""
    values = {**(asked.extra or {}), "prompt": asked.prompt} if host.embeds_workflows() else {}
    return strict_json(values)


def strict_json(value: Any) -> bytes:
    """JSON that every browser reads: what is no number is null, what JSON does not know is left out.

    Hosts and other packs put NaN and objects of their own into a graph.
    """
    return json.dumps(_plain(value), allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else None


def nothing(asked: Asked, problem: str = "") -> dict[str, list[Any]]:
    """The part of a node's `ui` when it has nothing to show; problem: why, for other languages."""
    told = {"id": None, "workflow": asked.workflow, "said": said_of(problem)}
    return {KEY: [told]} if browser_asks() else {}
