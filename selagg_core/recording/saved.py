"""Recordings in files: arrays as safetensors, the rest as JSON in its header. All that is read is checked."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from ..files.checked import check_fields, fits, whole
from ..files.tensors import LARGEST, read_tensors, write_tensors
from ..files.versioned import check_version, damage_of
from ..prompt.columns import COLUMN_KINDS
from ..prompt.known_texts import LabelCache
from ..prompt.offered import OfferedText
from ..prompt.quoted import LONGEST_MESSAGE, short
from ..prompt.words import Prompt, Word
from .capture import Capture, latent_hash
from .coverage import Coverage
from .frames import FIRST_FRAME, frames_in
from .head_maps import EntryRecording, Recording, Shares, SubTokens
from .layout import HeadLayout, LayerId
from .self_attention import SelfAttention

FORMAT = "selagg-recording"
VERSION = 1
MOST_HEADS = 100_000
"""More than any model has; a file that names more is no recording."""
MOST_VALUES = 2**26
"""Of a latent: 64 pictures of 4,096 pixels on a side, of 4 channels."""
MOST_COUNTED = 2**24
"""Steps, columns, entries and the like: far beyond what there is, and exact in any kind of number."""
_KEY = "selagg"


class SavedCapture(Capture):
    """A recording from elsewhere where a capture is asked for: it holds one run, that of `latent`.

    source: the node that gave it out.
    """

    def __init__(self, recording: Recording, latent: torch.Tensor, source: str = "SelAgg Load") -> None:
        super().__init__(LabelCache())
        self._recording, self._latent, self._source = recording, latent_hash(latent), source

    def recording_for(self, latent: torch.Tensor, offers: Sequence[OfferedText] = ()) -> Recording:
        """The recording. Raises ValueError for another latent than the one that was loaded with it."""
        if latent_hash(latent) != self._latent:
            raise ValueError(f"this latent is not the one that {self._source} gave out with these maps.")
        return self._recording

    def last(self) -> Recording:
        return self._recording


def save_recording(recording: Recording, path: Path | str) -> None:
    """Write a recording to one safetensors file; `load_recording` gives an equal one back.

    Raises ValueError, with the cause, if the disk does not take it.
    """
    arrays: dict[str, np.ndarray] = {}
    header = {
        "format": FORMAT,
        "version": VERSION,
        "layout": _rows(recording.layout),
        "latent_shape": list(recording.latent_shape),
        "frames": list(recording.frames),
        "sigmas": [float(sigma) for sigma in recording.sigmas],
        "complete": recording.complete,
        "from_picture": recording.from_picture,
        "notices": list(recording.notices),
        "context_width": recording.context_width,
        "coverage": None if recording.coverage is None else asdict(recording.coverage),
        "entries": [_packed(entry, f"{n}.", arrays) for n, entry in enumerate(recording.entries)],
    }
    write_tensors(Path(path), arrays, _KEY, header)


def load_recording(path: Path | str, most_bytes: int = LARGEST) -> Recording:
    """Read a file that `save_recording` wrote.

    Raises ValueError, naming the file, if it is missing, damaged, of another kind, of a version that is not
    known, larger than `most_bytes`, or if its parts do not fit each other.
    """
    path = Path(path)
    try:
        header, arrays = read_tensors(path, _KEY, most_bytes)
        if not isinstance(header, dict) or header.get("format") != FORMAT:
            raise ValueError("it holds something else.")
        check_version(header.get("version"), (VERSION,), "recording")
        return _recording(header, arrays)
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise ValueError(f"{path.name} is a damaged recording: {damage_of(error)}.") from error
    except ValueError as error:
        raise ValueError(f"{path.name} is not a readable recording: {damage_of(error)}.") from error


# ------------------------------------------------------------------------------------------------ writing


def _rows(layout: HeadLayout) -> list[list[Any]]:
    return [
        [layer.block, layer.number, layer.depth, heads]
        for layer, heads in zip(layout.layers, layout.heads, strict=True)
    ]


def _packed(entry: EntryRecording, prefix: str, arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """The header of an entry; its arrays are put into `arrays`, numbered by layer."""
    number = {layer: i for i, layer in enumerate(entry.layout.layers)}

    def put(name: str, by_layer: Mapping[LayerId, np.ndarray]) -> list[int]:
        arrays.update({f"{prefix}{name}.{number[layer]}": own for layer, own in by_layer.items()})
        return [number[layer] for layer in by_layer]

    attention, tokens = entry.self_attention, entry.sub_tokens
    for part in ("q", "k"):
        arrays.update(
            {f"{prefix}self.{i}.{part}": getattr(a, part) for i, a in enumerate(attention.values())}
        )
    return {
        "kind": entry.kind,
        "index": entry.index,
        "area": None if entry.area is None else list(entry.area),
        "steps": entry.steps,
        "prompt": None if entry.prompt is None else asdict(entry.prompt),
        "layout": _rows(entry.layout),
        "maps": put("maps", entry.maps),
        "special": put("special", entry.special),
        "reference": put("reference", entry.reference),
        "shares": {"kinds": list(entry.shares.kinds), "layers": put("shares", entry.shares.values)},
        "step_maps": [put(f"step{n}", part) for n, part in enumerate(entry.step_maps)],
        "self_attention": [[x.block, x.number, x.depth, *own.grid] for x, own in attention.items()],
        "sub_tokens": None
        if tokens is None
        else {"groups": [list(group) for group in tokens.groups], "maps": put("tokens", tokens.maps)},
    }


# ------------------------------------------------------------------------------------------------ reading


def _recording(header: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Recording:
    layout = _layout(header["layout"])
    entries = tuple(_entry(body, f"{n}.", arrays) for n, body in enumerate(header["entries"]))
    if any(entry.layout != layout for entry in entries):
        raise ValueError("its entries are of different models.")
    coverage = header["coverage"]
    frames = _whole_numbers(header.get("frames", FIRST_FRAME))
    return Recording(
        entries,
        layout,
        _latent_shape(header["latent_shape"], entries, frames),
        tuple(float(sigma) for sigma in header["sigmas"]),
        header["complete"] is True,
        tuple(short(notice, LONGEST_MESSAGE) for notice in _texts(header["notices"])),
        _count(header["context_width"]),
        None if coverage is None else Coverage(**{k: _pair(v) for k, v in coverage.items()}),
        frames,
        _known_start(header.get("from_picture")),
    )


def _known_start(told: Any) -> bool | None:
    """Whether a run started from a picture; files of before do not say."""
    if not fits(told, bool | None):
        raise ValueError("whether it started from a picture is no yes or no.")
    return told


def _latent_shape(
    sizes: Sequence[Any], entries: Sequence[EntryRecording], frames: Sequence[int]
) -> tuple[int, ...]:
    """Raises ValueError unless it can be that of a latent of all pictures that the entries have maps of."""
    shape = _whole_numbers(sizes)
    if len(shape) < 3 or min(shape) < 1 or math.prod(shape) > MOST_VALUES:
        raise ValueError(f"no latent has the shape {short(str(shape))}.")
    if not frames or not set(frames) <= set(range(frames_in(shape))) or len(set(frames)) < len(frames):
        raise ValueError("it names frames that its latent has not.")
    if any(entry.batch > shape[0] * len(frames) for entry in entries):
        raise ValueError("its maps are of more pictures than its latent.")
    return shape


def _entry(body: Mapping[str, Any], prefix: str, arrays: Mapping[str, np.ndarray]) -> EntryRecording:
    layout, prompt = _layout(body["layout"]), _prompt(body["prompt"])
    rank = {"maps": 5, "special": 4, "reference": 4, "tokens": 5, "shares": 3}

    def taken(name: str, layers: Sequence[int]) -> Mapping[LayerId, np.ndarray]:
        own = {layout.layers[_index(i, layout)]: arrays[f"{prefix}{name}.{i}"] for i in layers}
        for layer, values in own.items():
            _check(values, rank.get(name, 5), layout.heads_of(layer))
        return MappingProxyType(own)

    maps = taken("maps", body["maps"])
    area = None
    if body["area"] is not None:
        h, w, y, x = _whole_numbers(body["area"], 4)
        if min(h, w) < 1 or min(y, x) < 0 or h * w > MOST_VALUES:
            raise ValueError("the area of a prompt is none.")
        area = h, w, y, x
    tokens = body["sub_tokens"]
    found = EntryRecording(
        str(body["kind"]),
        _count(body["index"]),
        prompt,
        area,
        _count(body["steps"]),
        maps,
        taken("special", body["special"]),
        layout,
        tuple(taken(f"step{n}", layers) for n, layers in enumerate(body["step_maps"])),
        MappingProxyType(dict(_attention(body["self_attention"], prefix, arrays))),
        None if tokens is None else SubTokens(_groups(tokens["groups"]), taken("tokens", tokens["maps"])),
        taken("reference", body.get("reference", ())),
        _shares(body.get("shares"), taken),
    )
    _check_fit(found)
    return found


def _shares(body: Mapping[str, Any] | None, taken: Callable) -> Shares:
    """Files of before have none."""
    if body is None:
        return Shares()
    kinds = tuple(_texts(body["kinds"]))
    if len(set(kinds)) != len(kinds) or not set(kinds) <= set(COLUMN_KINDS):
        raise ValueError("it names kinds of columns that are not known.")
    return Shares(kinds, taken("shares", body["layers"]))


def _check(values: np.ndarray, rank: int, heads: int) -> None:
    if values.ndim != rank or values.shape[1] != heads or not values.size or values.dtype.kind != "f":
        raise ValueError(f"maps of the shape {values.shape} do not fit {heads} heads.")
    if not np.isfinite(values).all():
        raise ValueError("its maps are not finite.")


def _check_fit(entry: EntryRecording) -> None:
    """Raises ValueError unless all arrays of an entry speak of the same pictures, words and grids."""
    words = len(entry.prompt.words) if entry.prompt else None
    tokens = entry.sub_tokens.maps if entry.sub_tokens else {}
    every = [*entry.maps.values(), *(own for part in entry.step_maps for own in part.values())]
    if any(own.shape[0] != entry.batch for own in (*every, *entry.special.values(), *tokens.values())):
        raise ValueError("its maps are of different numbers of pictures.")
    if len({own.shape[2] for own in every} | ({words} if words is not None and every else set())) > 1:
        raise ValueError("its maps are of different numbers of words.")
    if set(entry.special) != set(entry.maps):
        raise ValueError("its maps and those of the special tokens are of different layers.")
    if not set(entry.reference) <= set(entry.maps):
        raise ValueError("its maps and those of the reference pictures are of different layers.")
    for layer, own in (*entry.special.items(), *entry.reference.items()):
        if own.shape[0] != entry.batch or own.shape[-2:] != entry.maps[layer].shape[-2:]:
            raise ValueError("its maps and those of the reference pictures have different grids.")
    if any(own.shape[-2:] != entry.maps[layer].shape[-2:] for layer, own in entry.special.items()):
        raise ValueError("its maps and those of the special tokens have different grids.")
    shape = (entry.batch, len(entry.shares.kinds))
    if any((own.shape[0], own.shape[2]) != shape for own in entry.shares.values.values()):
        raise ValueError("its shares of attention are of other pictures or columns.")
    if any(own.q.shape[0] != entry.batch for own in entry.self_attention.values()):
        raise ValueError("its self-attention is of another number of pictures.")
    if entry.sub_tokens:
        counted = {own.shape[2] for own in tokens.values()}
        groups = entry.sub_tokens.groups
        places = [place for group in groups for place in group]
        if len(groups) != next(iter(entry.maps.values())).shape[2] or not all(groups):
            raise ValueError("its tokens belong to other words.")
        if len(counted) != 1 or min(places, default=0) < 0 or max(places, default=0) >= min(counted):
            raise ValueError("its tokens have no maps.")


def _attention(rows: Sequence[Sequence[Any]], prefix: str, arrays: Mapping[str, np.ndarray]):
    for number, (block, *places) in enumerate(rows):
        depth_and_grid = _whole_numbers(places, 4)
        q, k = (arrays[f"{prefix}self.{number}.{part}"] for part in ("q", "k"))
        height, width = depth_and_grid[2:]
        if q.ndim != 4 or q.shape != k.shape or q.shape[2] != height * width or q.dtype != np.float16:
            raise ValueError("its self-attention does not fit its grid.")
        if not (np.isfinite(q).all() and np.isfinite(k).all()):
            raise ValueError("its self-attention is not finite.")
        yield LayerId(str(block), *depth_and_grid[:2]), SelfAttention(q, k, (height, width))


def _prompt(body: Mapping[str, Any] | None) -> Prompt | None:
    if body is None:
        return None
    length = _count(body["length"])
    words = tuple(_word(word, length) for word in body["words"])
    if not all(0 <= column < length for column in _whole_numbers(body["special"])):
        raise ValueError("a special token of its prompt lies outside its text.")
    return Prompt(**{**_known(Prompt, body), "words": words, "length": length})


def _word(body: Mapping[str, Any], length: int) -> Word:
    word = Word(**_known(Word, body))
    if not isinstance(word.text, str) or not np.isfinite(float(word.weight)):
        raise ValueError("a word of its prompt is no text.")
    if not word.columns or not all(0 <= column < length for column in _whole_numbers(word.columns)):
        raise ValueError(f'"{word.text[:40]}" lies outside its text.')
    return word


def _known(kind: type, body: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass from its JSON form, lists as tuples; unknown ones are an error."""
    if unknown := set(body) - {field.name for field in fields(kind)}:
        raise ValueError(f"{kind.__name__} has no {', '.join(sorted(unknown))[:60]}.")
    check_fields(kind, body)
    return {name: _tuples(value) for name, value in body.items()}


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _layout(rows: Sequence[Sequence[Any]]) -> HeadLayout:
    layers = tuple(LayerId(str(block), *_whole_numbers(places[:2], 2)) for block, *places in rows)
    heads = _whole_numbers([row[3] for row in rows])
    if min(heads, default=1) < 1 or sum(heads) > MOST_HEADS:
        raise ValueError(f"no model has {sum(heads)} heads.")
    return HeadLayout(layers, heads)


def _groups(groups: Sequence[Sequence[Any]]) -> tuple[tuple[int, ...], ...]:
    return tuple(_whole_numbers(group) for group in groups)


def _pair(values: Sequence[Any]) -> tuple[int, int]:
    first, second = _whole_numbers(values, 2)
    return first, second


def _index(value: Any, layout: HeadLayout) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < len(layout.layers):
        raise ValueError(f"it names a layer {str(value)[:20]} that is not there.")
    return value


def _count(value: Any) -> int:
    if not 0 <= whole(value) <= MOST_COUNTED:
        raise ValueError(f"it counts {str(value)[:20]} of something.")
    return value


def _texts(values: Any) -> Sequence[str]:
    if not fits(values, tuple[str, ...]):
        raise ValueError("it holds something else where texts are wanted.")
    return values


def _whole_numbers(values: Sequence[Any], count: int | None = None) -> tuple[int, ...]:
    if count is not None and len(values) != count:
        raise ValueError(f"{count} numbers are wanted, not {len(values)}.")
    if any(isinstance(value, bool) or not isinstance(value, int) for value in values):
        raise ValueError("it holds something else where whole numbers are wanted.")
    return tuple(values)
