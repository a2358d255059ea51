"""Context windows: a long video that the host samples a part at a time."""

from __future__ import annotations

from collections.abc import Mapping

FRAMES = 2
"""The dimension of frames in a latent (rows, channels, frames, h, w)."""


def window_frames(options: Mapping) -> tuple[int | None, ...] | None:
    """The frames of the whole video that a model call is of, in its order; None: the host does not say.

    options: transformer options.  None in the place of a frame: one that is given to the window only to go by
    (a frame before it, guides behind it), whose result is thrown away.
    """
    window = options.get("context_window")
    frames = getattr(window, "index_list", None)
    if not frames or getattr(window, "dim", None) != FRAMES:
        return None
    anchor = getattr(window, "causal_anchor_index", None)
    before = (None,) if anchor is not None and anchor >= 0 else ()
    guides = (None,) * len(getattr(window, "guide_frames_indices", None) or ())
    return (*before, *(int(frame) for frame in frames), *guides)
