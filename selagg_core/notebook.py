"""The short way in, for a notebook: from a saved recording to the map of a word in three lines.

from selagg_core.notebook import load_recording, word_map
recording = load_recording("run.safetensors")
heat = word_map(recording, "red circle")
"""

from __future__ import annotations

import numpy as np

from .prompt.groups import find_group
from .recording.head_maps import Recording
from .recording.saved import load_recording, save_recording
from .relevance.choose_heads import HeadSettings
from .view import view_of

__all__ = ["HeadSettings", "load_recording", "save_recording", "word_map"]


def word_map(
    recording: Recording, word: str, picture: int = 0, settings: HeadSettings | None = None
) -> np.ndarray:
    """The map (h, w) of a word or phrase in one picture of a run, as SelAgg Heatmaps makes it, float32.

    It is on the finest recorded grid; `selagg_core.maps.enlarge` brings it to the size of the picture.
    settings: which heads, and how their maps are put together; by default the most relevant quarter.
    Raises ValueError if the word or the picture is not there, naming what is.
    """
    view, settings = view_of(recording), settings or HeadSettings()
    if not 0 <= picture < view.entries[0].batch:
        raise ValueError(f"there is no picture {picture}: this run made {view.entries[0].batch}.")
    group = find_group(view.prompts, word)
    chosen = view.choose([group], settings)
    return view.maps(picture, [group], chosen.selections, settings.recipe)[0]
