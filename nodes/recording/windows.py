"""Which frames of a video a part of it holds, where the model is called on a part at a time."""

from __future__ import annotations

from collections.abc import Sequence

import torch

Part = tuple[int | None, ...]
"""For each frame of a part its place in the whole video; None: of no frame, or it cannot be told."""

FEW = 256
"""Values of a frame that are compared before all are."""


def part_of(part: torch.Tensor, whole: torch.Tensor, told: Part | None) -> Part | None:
    """The frames of a part of a video (pictures, channels, frames, h, w); None: it is the whole of it.

    told: what the host says.  It is held against the latents, for some windows hold another frame in a place
    of theirs; where the host says nothing the latents alone decide, and a frame that is the same as another
    cannot be told.
    """
    if part.ndim != 5 or whole.ndim != 5 or part[:, :, 0].shape != whole[:, :, 0].shape:
        return None
    count, every = part.shape[2], whole.shape[2]
    own, all_frames = part.transpose(1, 2), whole.transpose(1, 2).to(part)
    if told is not None and len(told) == count and all(f is None or f < every for f in told):
        return _checked(own, all_frames, told)
    if count == every:
        return None
    return tuple(_only(_same(own, all_frames, place)) for place in range(count))


def views_of(part: Part | None, frames: Sequence[int]) -> list[tuple[int, int]]:
    """(place in the part, place among these frames) of each of these frames that the part holds."""
    if part is None:
        return [(frame, number) for number, frame in enumerate(frames)]
    places = {frame: number for number, frame in enumerate(frames)}
    return [
        (place, places[frame]) for place, frame in enumerate(part) if frame is not None and frame in places
    ]


def _checked(own: torch.Tensor, every: torch.Tensor, told: Part) -> Part:
    """The frames that are told to be in the places of a part; None where it is another one."""
    places = [place for place, frame in enumerate(told) if frame is not None]
    pairs = zip(own[:, places].unbind(1), every[:, [told[place] for place in places]].unbind(1), strict=True)
    right = torch.stack([(one == other).all() for one, other in pairs]).tolist()  # one wait for the device
    wrong = [place for place, same in zip(places, right, strict=True) if not same]
    others = {place for place in wrong if _same(own, every, place)}
    return tuple(None if place in others else frame for place, frame in enumerate(told))


def _same(own: torch.Tensor, every: torch.Tensor, place: int) -> list[int]:
    """Frames that are equal to the one in this place. own, every: (pictures, frames, channels, h, w)."""
    frame = own[:, place].flatten()
    others = every.transpose(0, 1).flatten(1)
    step = max(1, frame.numel() // FEW)
    alike = (others[:, ::step] == frame[::step]).all(dim=1).nonzero().flatten().tolist()
    return [number for number in alike if torch.equal(others[number], frame)]


def _only(found: Sequence[int]) -> int | None:
    return found[0] if len(found) == 1 else None
