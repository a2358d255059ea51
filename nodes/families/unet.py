"""UNets of SD1.x, SD2.x, SDXL and models of their kind: cross-attention to CLIP's columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from selagg_core.prompt.words import CHUNK, Prompt
from selagg_core.recording.layout import LayerId
from selagg_core.recording.probabilities import grid_of
from selagg_core.recording.run import EncodedText
from selagg_core.repair.channels import Widened

from .. import host
from ..host.models import diffusion_model, uncompiled
from .family import CHANGE, CHANGED, AttentionChange, AttentionReading, AttentionSite, Listener, context_of
from .override import OVERRIDE, blocks
from .text_encoders import clip_words

Attend = Callable[[torch.Tensor, torch.Tensor, torch.Tensor, dict], torch.Tensor]
"""(q, k, v, options) -> attention's output, as the host calls a replacement of attn2."""


@dataclass(frozen=True)
class UNetSite(AttentionSite):
    """A cross-attention layer, its module and the self-attention in front of it."""

    module: Any = None
    self_module: Any = None

    @property
    def key(self) -> tuple[str, int, int]:
        """The patch key by which the host knows the layer."""
        return self.layer.block, self.layer.number, self.layer.depth

    @property
    def halvings(self) -> int:
        """How often its grid was halved."""
        return self.cell.bit_length() - 1


class UNet:
    """SD1.x, SD2.x, SDXL: every layer's attention is replaced by one that records and does what it did."""

    def sites(self, model) -> tuple[UNetSite, ...]:
        return cross_attention_sites(model)

    @contextmanager
    def hooked(self, sites: Sequence[UNetSite], call: host.ModelCall, listener: Listener):
        patches = dict(call.options.get("patches_replace", {}))
        # With an override it is not known whose attention the host's own function computes.
        foreign = OVERRIDE in call.options or host.is_attention_exchanged()
        patches["attn2"] = _replacements(patches, "attn2", sites, listener, _cross_reading, foreign)
        kept = [site for site in sites if site.layer in listener.outlines]
        if kept:
            patches["attn1"] = _replacements(patches, "attn1", kept, listener, _self_reading)
        yield {**_with_watched_text(call.options, listener), "patches_replace": patches}

    @contextmanager
    def changed(self, sites: Sequence[UNetSite], call: host.ModelCall, change: AttentionChange):
        patches = dict(call.options.get("patches_replace", {}))
        replacements = dict(patches.get("attn2", {}))
        for site in sites:
            previous = _present(replacements, site)
            if previous is None and not host.is_stock_attention(site.module):
                change.missed(site.layer, CHANGED)
            else:
                replacements[site.key] = _Changing(site.layer, previous, change)
        patches["attn2"] = replacements
        yield {**call.options, "patches_replace": patches, CHANGE: change}

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        context = context_of(entry)
        if context is None:
            return None
        return EncodedText.of(context, tuple(range(0, context.shape[1], CHUNK)))

    def words(self, clip, text: str) -> Prompt | None:
        return clip_words(clip, text)

    def asked_keys(self, network, site: UNetSite, text: torch.Tensor) -> torch.Tensor:
        return site.module.to_k(text)


# -- layers -----------------------------------------------------------------------------------


def cross_attention_sites(model) -> tuple[UNetSite, ...]:
    """The text cross-attention layers of an image UNet, in order of execution; () for any other model."""
    network = diffusion_model(model)
    if not all(hasattr(network, name) for name in ("input_blocks", "middle_block", "output_blocks")):
        return ()
    sites: list[UNetSite] = []
    halvings = 0
    for number, block in enumerate(network.input_blocks):
        halvings += _has(block, "Downsample")
        sites += _sites_of(block, "input", number, halvings)
    if network.middle_block is not None:
        sites += _sites_of(network.middle_block, "middle", 0, halvings)
    for number, block in enumerate(network.output_blocks):
        sites += _sites_of(block, "output", number, halvings)
        halvings -= _has(block, "Upsample")
    if any(_has(block, "SpatialVideoTransformer") for block in network.input_blocks):
        return ()
    return tuple(sites)


def _sites_of(block, name: str, number: int, halvings: int) -> list[UNetSite]:
    sites = []
    for module in map(uncompiled, uncompiled(block).children()):
        for depth, transformer in enumerate(getattr(module, "transformer_blocks", ())):
            own = uncompiled(transformer)
            attention, self_attention = (uncompiled(getattr(own, x, None)) for x in ("attn2", "attn1"))
            if attention is not None and hasattr(attention, "heads"):
                sites.append(
                    UNetSite(
                        LayerId(name, number, depth),
                        attention.heads,
                        2 ** max(0, halvings),
                        attention.heads * attention.dim_head,
                        outlines=name == "output",  # features there name things
                        module=attention,
                        self_module=self_attention,
                    )
                )
    return sites


def _has(block, class_name: str) -> bool:
    return any(type(module).__name__ == class_name for module in uncompiled(block).children())


# -- replacements -----------------------------------------------------------------------------


def with_wrapped_layers(model, options: Mapping, wrap: Callable[[UNetSite, Attend], Attend]) -> dict:
    """Transformer options in which each layer's attention is what `wrap(site, attention so far)` gives.

    A layer that another pack has changed in a way that a replacement would undo is left alone.
    """
    patches = dict(options.get("patches_replace", {}))
    replacements = dict(patches.get("attn2", {}))
    for site in cross_attention_sites(model):
        previous = _present(replacements, site)
        if previous is not None or host.is_stock_attention(site.module):
            replacements[site.key] = wrap(site, previous or host.attention)
    patches["attn2"] = replacements
    return {**options, "patches_replace": patches}


def _present(replacements: Mapping, site: UNetSite) -> Attend | None:
    return replacements.get(site.key, replacements.get(site.key[:2]))


def _replacements(
    patches: Mapping,
    name: str,
    sites: Sequence[UNetSite],
    listener: Listener,
    read: Callable,
    foreign: bool = False,
) -> dict:
    """Replacements of these layers' attention that record and then do what is there already.

    foreign: whether to check even where no replacement is there that it uses what is recorded.
    """
    present = patches.get(name, {})
    replacements = dict(present)
    for site in sites:
        previous = _present(present, site)
        module = site.module if name == "attn2" else site.self_module
        if previous is None and not host.is_stock_attention(module):
            listener.missed(site.layer, CHANGED)
            continue
        if name == "attn2" and _is_to_be_checked(previous, foreign):
            replacements[site.key] = _checking(site.layer, previous or host.attention, listener, read)
        else:
            replacements[site.key] = _Recording(site.layer, previous or host.attention, listener, read)
    return replacements


def _is_to_be_checked(previous: Attend | None, foreign: bool) -> bool:
    """Whether another pack computes what is there already; what we change ourselves is known."""
    if isinstance(previous, _Changing):
        return not isinstance(previous.previous, _Recording | None)
    return foreign or not isinstance(previous, _Recording | None)


@dataclass(frozen=True)
class _Recording:
    """Tells of a layer's attention, and does what `attention` does; a second capture finds it in place."""

    layer: LayerId
    attention: Attend
    listener: Listener
    read: Callable

    def __call__(self, q, k, v, options):
        self.listener.record(self.read, self.layer, q, k, v, options)
        return self.attention(q, k, v, options)


def _checking(layer: LayerId, attention: Attend, listener: Listener, read: Callable) -> Attend:
    """The same where `attention` may be another pack's, and need not use what it is given."""

    def attend(q, k, v, options):
        return listener.checked(lambda: attention(q, k, v, options), read, layer, q, k, v, options)

    return attend


@dataclass(frozen=True)
class _Changing:
    """Attention with a change in it.

    What another pack has put there (`previous`) is kept, and the difference that the change makes to the
    host's own attention is added to it: packs that add pictures to the text (IPAdapter) do so as a sum, too.
    """

    layer: LayerId
    previous: Attend | None
    change: AttentionChange

    def __call__(self, q, k, v, options):
        found = self.change.widened(_cross_reading(self.layer, q, k, v, options))
        if self.previous is not None:
            out = self.previous(q, k, v, options)
            for rows, wide in found:
                # By its negative: who looks for the text's own attention in here must find it once.
                less = host.attention(q[rows], k[rows], -v[rows], options)
                changed = out[rows] + (_attended(wide, options) + less)
                out = torch.cat([out[: rows.start], changed, out[rows.stop :]])
            return out
        if not found:
            return host.attention(q, k, v, options)
        outs = [
            host.attention(q[rows], k[rows], v[rows], options) if wide is None else _attended(wide, options)
            for rows, wide in blocks(found, q.shape[0])
        ]
        return torch.cat(outs) if len(outs) > 1 else outs[0]


def _attended(wide: Widened, options: Mapping) -> torch.Tensor:
    """The host's attention of widened tokens: (rows, pixels, heads * channels before)."""
    q, k = (x.transpose(1, 2).flatten(2) for x in (wide.q, wide.k))

    def attend(v: torch.Tensor) -> torch.Tensor:
        return _by_head(host.attention(q, k, v.transpose(1, 2).flatten(2), dict(options)), options)

    return wide.attended(attend).transpose(1, 2).flatten(2)


def _by_head(x: torch.Tensor, options: Mapping) -> torch.Tensor:
    """(rows, tokens, heads * channels) as (rows, heads, tokens, channels)."""
    return x.unflatten(-1, (options["n_heads"], -1)).transpose(1, 2)


def _with_watched_text(options: Mapping, listener: Listener) -> dict:
    """Transformer options by which the listener is told where other packs exchange a layer's text."""
    patches = options.get("patches", {})
    others = patches.get("attn2_patch")
    if not others:
        return dict(options)
    given: list[torch.Tensor] = []

    def before(n, context, value, layer_options):
        given[:] = [context]
        return n, context, value

    def after(n, context, value, layer_options):
        if given and context is not given[0]:
            layer = LayerId(*layer_options["block"], layer_options["block_index"])
            listener.exchanged(layer, given[0], context)
        return n, context, value

    return {**options, "patches": {**patches, "attn2_patch": [before, *others, after]}}


# -- readings ---------------------------------------------------------------------------------


def _cross_reading(layer: LayerId, q, k, v, options: dict) -> AttentionReading:
    return _reading(layer, q, k, v, options, slice(None))


def _self_reading(layer: LayerId, q, k, v, options: dict) -> AttentionReading:
    return _reading(layer, q, k, v, options, None)


def _reading(layer: LayerId, q, k, v, options: dict, text: slice | None) -> AttentionReading:
    q, k, v = (_by_head(x, options) for x in (q, k, v))
    return AttentionReading(layer, q, k, layer_grid(q.shape[2], options), text=text, v=v)


def layer_grid(pixels: int, options: Mapping) -> tuple[int, int] | None:
    """(h, w) of a layer with so many pixels; None if another pack has changed them."""
    shape = options.get("activations_shape")
    if shape is not None:
        grid = int(shape[-2]), int(shape[-1])
        return grid if grid[0] * grid[1] == pixels else None
    height, width = options["original_shape"][-2:]
    return grid_of(pixels, height, width)
