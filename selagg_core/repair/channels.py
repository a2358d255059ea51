"""Additions to the logits of attention, written as further channels of queries and keys.

An addition is a sum of terms: in the heads that a term speaks to, every pixel adds its value of a field to
the logits of some keys.  With one channel a term, q' = [s q, gain * field] and k' = [k, is it one of the
keys?] give the very logits that an additive mask of (heads, pixels, keys) would give, without that mask: fast
kernels stay usable.  s = sqrt(d' / d) makes up for the host's division by the root of the wider head.

To multiply a word's attention after the softmax is another thing: it takes a second attention, of the values
of that word alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ..recording.probabilities import of_every_head

MULTIPLE = 8
"""Fast kernels want heads as wide as a multiple of it."""


@dataclass(frozen=True, eq=False)
class Additions:
    """What is changed in the attention of one layer.

    fields: (rows or 1, terms, pixels), gains: (terms, heads), keys: bool (terms, text columns): what is added
    to the logits.  factors: (rows or 1, words, heads), words: bool (words, text columns): what the attention
    of whole words is multiplied by after the softmax.
    """

    fields: torch.Tensor
    gains: torch.Tensor
    keys: torch.Tensor
    factors: torch.Tensor
    words: torch.Tensor

    def to(self, like: torch.Tensor) -> Additions:
        return Additions(*(value.to(like.device) for value in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Widened:
    """q, k, v with further channels; v has zeros there.  width: channels of a head before.

    parts: what is added to attention's output beside: (rows, heads, 1, 1) times the attention of these v.
    """

    q: torch.Tensor
    k: torch.Tensor
    v: torch.Tensor
    width: int
    parts: tuple[tuple[torch.Tensor, torch.Tensor], ...] = ()

    def attended(self, attend: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
        """Attention (rows, heads, tokens, width); attend: v -> attention of this q and k by the host."""
        out = attend(self.v)[..., : self.width]
        for factor, v in self.parts:
            out = out + factor.to(out.dtype) * attend(v)[..., : self.width]
        return out


def widened(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    additions: Additions,
    image: slice,
    text: slice,
    scale: float | None = None,
) -> Widened:
    """Queries, keys and values (rows, heads, tokens, channels) with the additions in them.

    image: which queries are the pixels.  text: which keys are the columns of the text, which may be repeated.
    Where the picture's own tokens are keys of the same softmax, the text keeps its share of every pixel's
    attention.  scale: by which the host multiplies the logits; None: the root of the channels of a head.
    k and v may have fewer heads than q, each for several of q.
    """
    own = additions.to(q)
    rows, heads, _, width = q.shape
    there = range(k.shape[2])[text]
    members, words = (_repeated(keys, len(there)) for keys in (own.keys, own.words))
    told = (
        own.gains.float()[None, :, :, None] * own.fields.float()[:, :, None, :]
    )  # rows, terms, heads, pixels
    told = told.expand(rows, -1, -1, -1)
    if len(there) < k.shape[2]:
        kept = _kept_share(q[:, :, image], k[:, :, text], told, members, scale)
        told = torch.cat([told, kept[:, None]], dim=1)
        members = torch.cat([members, members.new_ones(1, members.shape[1])])
    count = told.shape[1]
    wide = width + count + (-(width + count)) % MULTIPLE
    more_q = q.new_zeros(rows, heads, q.shape[2], wide - width, dtype=torch.float32)
    more_q[:, :, image, :count] = told.permute(0, 2, 3, 1)
    more_k = k.new_zeros(*k.shape[:3], wide - width)
    more_k[:, :, text, :count] = members.T.to(k.dtype)
    if scale is None:
        wider = torch.cat([q.float() * (wide / width) ** 0.5, more_q * wide**0.5], dim=-1)
    else:
        wider = torch.cat([q.float(), more_q / scale], dim=-1)
    wide_v = torch.cat([v, v.new_zeros(*v.shape[:3], wide - width)], -1)
    parts = tuple(
        (factor[..., None, None] - 1, _only(wide_v, text, members))
        for factor, members in zip(own.factors.expand(rows, -1, -1).unbind(1), words, strict=True)
    )
    return Widened(wider.to(q.dtype), torch.cat([k, more_k], -1), wide_v, width, parts)


def _repeated(keys: torch.Tensor, length: int) -> torch.Tensor:
    """Which of `length` keys belong to each term, (terms, keys) of 0 and 1; a text may be repeated."""
    return keys.repeat(1, -(-length // keys.shape[1]))[:, :length].float()


def _only(v: torch.Tensor, text: slice, members: torch.Tensor) -> torch.Tensor:
    """Values of some columns of the text; those of all other keys are 0."""
    found = torch.zeros_like(v)
    found[:, :, text] = v[:, :, text] * members[:, None].to(v.dtype)
    return found


def _kept_share(q, k, told, members, scale: float | None) -> torch.Tensor:
    """What must be added to all text columns so that their share stays: (rows, heads, pixels)."""
    k = of_every_head(k, q.shape[1])
    factor = q.shape[-1] ** -0.5 if scale is None else scale
    found = []
    for head in range(q.shape[1]):  # one at a time: all of them would take as much memory as a mask
        logits = q[:, head].float() @ k[:, head].float().transpose(1, 2) * factor
        changed = logits + torch.einsum("rtp,tk->rpk", told[:, :, head], members)
        found.append(torch.logsumexp(logits, -1) - torch.logsumexp(changed, -1))
    return torch.stack(found, dim=1)
