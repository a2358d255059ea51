"""The host's own door for attention functions, `optimized_attention_override`.

Who stands there does so for the length of one model call, and does what stood there before: another pack's
function, or none.  A listener is told; a change is made on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.recording.layout import LayerId
from selagg_core.recording.log_sum_exp import SeenLogSumExp
from selagg_core.recording.probabilities import of_every_head
from selagg_core.repair.channels import Widened

from .. import host
from .family import AttentionChange, AttentionReading, Listener

OVERRIDE = "optimized_attention_override"


@dataclass(frozen=True)
class Heard:
    """One call of the host's attention function: q, k, v (rows, heads, tokens, dim), with its labels.

    v may have fewer heads, each of which serves several.
    """

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    mask: torch.Tensor | None
    labels: Mapping[str, Any]


def override(reader: Callable, previous: Callable | None, listener: Listener) -> Callable:
    """An override that tells the listener and then does what `previous` or the host's function does."""

    def attend(function, q, k, v, *args, **kwargs):
        def attention():
            if previous is not None:
                return previous(function, q, k, v, *args, **kwargs)
            return function(q, k, v, *args, **kwargs)

        # What we change ourselves is known: it is recorded as it is changed.
        ours = any(getattr(each, "changes_attention", False) for each in (previous, function))
        if previous is None and host.is_torch_attention(function) and SeenLogSumExp.can_be_of(q):
            seen = SeenLogSumExp(q, k)
            return listener.overheard(attention, seen, read_call, reader, q, k, v, args, kwargs)
        if ours or (previous is None and host.is_host_attention(function)):
            listener.record(read_call, reader, q, k, v, args, kwargs)
            return attention()
        return listener.checked(attention, read_call, reader, q, k, v, args, kwargs)

    return attend


@dataclass(frozen=True)
class Unheard:
    """A listener of which only a reader needs to hear: what cannot be read cannot be changed."""

    change: AttentionChange
    outlines: Collection[LayerId] = ()

    def record(self, make: Callable[..., AttentionReading | None], *args) -> None:
        raise NotImplementedError

    def checked(self, attention: Callable[[], torch.Tensor], make: Callable, *args) -> torch.Tensor:
        raise NotImplementedError

    def overheard(self, attention: Callable, seen: SeenLogSumExp, make: Callable, *args) -> torch.Tensor:
        raise NotImplementedError

    def exchanged(self, layer: LayerId, given: torch.Tensor, used: torch.Tensor) -> None:
        raise NotImplementedError

    def missed(self, layer: LayerId, cause: str) -> None:
        self.change.missed(layer, cause)

    def notice(self, text: str) -> None:
        self.change.notice(text)


def changing(reader: Callable, previous: Callable | None, change: AttentionChange) -> Callable:
    """An override that does what `previous` or the host's function does, with the change in it."""

    def attend(function, q, k, v, *args, **kwargs):
        def plain(q, k, v, args, kwargs):
            if previous is not None:
                return previous(function, q, k, v, *args, **kwargs)
            return function(q, k, v, *args, **kwargs)

        reading = read_call(reader, q, k, v, args, kwargs)
        found = () if reading is None else change.widened(reading)
        if not found:
            return plain(q, k, v, args, kwargs)
        return _in_parts(found, (q, k, v), args, kwargs, plain)

    attend.changes_attention = True  # type: ignore[attr-defined]
    return attend


def _in_parts(found, tokens, args, kwargs, plain: Callable) -> torch.Tensor:
    """Attention of all rows, block by block: the changed ones with more channels, the others as they were."""
    rows = tokens[0].shape[0]
    outs = []
    for own, wide in blocks(found, rows):
        some, more = _of_rows(args, kwargs, own, rows)
        if wide is None:
            outs.append(plain(*(x[own] for x in tokens), some, more))
            continue
        # Readings are scaled, and have as many heads of keys as of queries.
        more = {name: value for name, value in more.items() if name not in ("scale", "enable_gqa")}
        outs.append(_attended(wide, tokens[0].dtype, some, more, plain))
    return torch.cat(outs) if len(outs) > 1 else outs[0]


def _attended(wide: Widened, dtype: torch.dtype, args, kwargs, plain: Callable) -> torch.Tensor:
    """Attention of widened tokens, in the form that was asked for."""
    q, k = wide.q.to(dtype), wide.k.to(dtype)
    by_head = kwargs.get("skip_output_reshape", False)

    def attend(v: torch.Tensor) -> torch.Tensor:
        out = plain(q, k, v.to(dtype), args, {**kwargs, "skip_reshape": True})
        return out if by_head else out.unflatten(-1, (q.shape[1], -1)).transpose(1, 2)

    out = wide.attended(attend)
    return out if by_head else out.transpose(1, 2).flatten(2)


def blocks(found: Sequence[tuple[slice, Widened]], rows: int) -> Iterator[tuple[slice, Widened | None]]:
    """All rows in order: the changed ones, and what lies between them."""
    at = 0
    for own, wide in sorted(found, key=lambda part: part[0].start):
        if own.start > at:
            yield slice(at, own.start), None
        yield own, wide
        at = own.stop
    if at < rows:
        yield slice(at, rows), None


def _of_rows(args, kwargs, own: slice, rows: int) -> tuple[tuple, dict]:
    """The arguments of an attention call for some of its rows: a mask may have a row for each."""

    def part(mask):
        per_row = isinstance(mask, torch.Tensor) and mask.ndim > 2 and mask.shape[0] == rows
        return mask[own] if per_row else mask

    some = tuple(part(value) if place == 1 else value for place, value in enumerate(args))
    more = {name: part(value) if name == "mask" else value for name, value in kwargs.items()}
    return some, more


def read_call(
    reader: Callable[[Heard], AttentionReading | None], q, k, v, args, kwargs
) -> AttentionReading | None:
    """A reading of an attention call with its arguments as packs and networks give them."""
    heads = args[0] if args else kwargs.get("heads", kwargs.get("num_heads"))
    mask = args[1] if len(args) > 1 else kwargs.get("mask")
    if not kwargs.get("skip_reshape"):
        # SD3 gives values by head already, (rows, tokens, heads, dim).
        v = (v if v.ndim == 4 else v.unflatten(-1, (-1, q.shape[-1] // heads))).transpose(1, 2)
        q, k = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k))
    k = of_every_head(k, q.shape[1])
    scale = kwargs.get("scale")
    if scale is not None:
        q = q.float() * (scale * q.shape[-1] ** 0.5)
    return reader(Heard(q, k, v, mask, kwargs.get("transformer_options") or {}))
