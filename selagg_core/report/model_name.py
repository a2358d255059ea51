"""What a report calls the model of a run, so that it is known again."""

from __future__ import annotations

from ..recording.layout import HeadLayout


def name_of_model(layout: HeadLayout) -> str:
    """Layers and heads that attend to text: enough to tell kinds of models apart."""
    return f"{len(layout.layers)} layers, {layout.total} heads"
