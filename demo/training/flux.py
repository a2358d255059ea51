"""A trainable forward pass of the host's `Flux` (whose blocks add in place and so stop gradients).

The weights are those of the host's own modules; only the order of operations is written down again, for
networks without guidance, references and masks. `tests/host/test_twin.py` holds it to the host's.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn
from torch.library import custom_op

CHUNK = 16
"""Heads of attention that are worked on together, so that their probabilities stay in the cache of a CPU."""


def _chunks(count: int):
    return (slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK))


@custom_op("selagg_demo::attention", mutates_args=())
def attention(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
    """Softmax attention of (n, tokens, dim) heads in their own precision; probabilities are not kept."""
    out = torch.empty(q.shape, dtype=q.dtype)
    for part in _chunks(len(q)):
        p = (q[part] * q.shape[-1] ** -0.5) @ k[part].transpose(1, 2)
        torch.bmm(torch.softmax(p, -1), v[part], out=out[part])
    return out


@custom_op("selagg_demo::attention_back", mutates_args=())
def _attention_back(
    grad: torch.Tensor, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    scale = q.shape[-1] ** -0.5
    dq, dk, dv = (torch.empty(t.shape, dtype=t.dtype) for t in (q, k, v))
    for part in _chunks(len(q)):
        scaled = q[part] * scale
        p = torch.softmax(scaled @ k[part].transpose(1, 2), -1)
        torch.bmm(p.transpose(1, 2), grad[part], out=dv[part])
        dp = grad[part] @ v[part].transpose(1, 2)
        ds = torch._softmax_backward_data(dp, p, -1, p.dtype)
        torch.bmm(ds, k[part] * scale, out=dq[part])
        torch.bmm(ds.transpose(1, 2), scaled, out=dk[part])
    return dq, dk, dv


@attention.register_fake
def _(q, k, v):
    return torch.empty(q.shape, dtype=q.dtype)


@_attention_back.register_fake
def _(grad, q, k, v):
    return tuple(torch.empty(t.shape, dtype=t.dtype) for t in (q, k, v))


def _keep(ctx, inputs, output):
    ctx.save_for_backward(*inputs)


def _back(ctx, grad):
    return _attention_back(grad.contiguous(), *ctx.saved_tensors)


attention.register_autograd(_back, setup_context=_keep)


def new_flux(config: dict[str, Any]) -> nn.Module:
    """The host's Flux of a shape. The host leaves weights uninitialised: each is set here."""
    import comfy.ops
    from comfy.ldm.flux.layers import Modulation
    from comfy.ldm.flux.model import Flux

    flux = Flux(**config, dtype=torch.float32, operations=comfy.ops.disable_weight_init)
    for module in flux.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.RMSNorm) and module.weight is not None:
            nn.init.ones_(module.weight)
    modulations = [module.lin for module in flux.modules() if isinstance(module, Modulation)]
    for module in [*modulations, flux.final_layer.adaLN_modulation[-1], flux.final_layer.linear]:
        nn.init.zeros_(module.weight)
    # Gates start half open: with them shut, nothing but the gates would learn at first.
    for module in modulations:
        shares = module.bias.data.view(-1, 3, flux.hidden_size)
        shares[:, 2] = 0.5
    return flux


def rotations(flux: nn.Module, columns: int, side: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Cosines and sines (tokens, dim / 2) of the places of `columns` of text and (side, side) of picture."""
    ids = torch.zeros(columns + side * side, len(flux.params.axes_dim))
    places = torch.arange(side, dtype=torch.float32)
    ids[columns:, 1], ids[columns:, 2] = places.repeat_interleave(side), places.repeat(side)
    turned = flux.pe_embedder(ids[None])[0, 0]
    return turned[:, :, 0, 0].contiguous(), turned[:, :, 1, 0].contiguous()


def _turn(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    a, b = x.float().unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2).to(x.dtype)


def _heads(qkv: torch.Tensor, norm: nn.Module, heads: int) -> tuple[torch.Tensor, ...]:
    """(n, tokens, 3 * width) -> q, k, v of (n, heads, tokens, dim), q and k normed."""
    q, k, v = qkv.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
    return _norm(q, norm.query_norm), _norm(k, norm.key_norm), v


def _norm(x: torch.Tensor, norm: nn.Module) -> torch.Tensor:
    y = x.float()
    y = y * torch.rsqrt(y.square().mean(-1, keepdim=True) + (norm.eps or torch.finfo(x.dtype).eps))
    return (y * norm.weight).to(x.dtype)


def _joined(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, turns: tuple) -> torch.Tensor:
    q, k = _turn(q, *turns), _turn(k, *turns)
    n, heads = q.shape[:2]
    out = attention(*(t.flatten(0, 1).contiguous() for t in (q, k, v)))
    return out.unflatten(0, (n, heads)).transpose(1, 2).flatten(2)


def _modulated(x: torch.Tensor, mod) -> torch.Tensor:
    y = nn.functional.layer_norm(x.float(), x.shape[-1:], eps=1e-6)
    return y * (1 + mod.scale) + mod.shift


def _double(block, img, txt, vec, cos, sin):
    (img_1, img_2), (txt_1, txt_2) = block.img_mod(vec), block.txt_mod(vec)
    columns = txt.shape[1]
    of_img = _heads(block.img_attn.qkv(_modulated(img, img_1)), block.img_attn.norm, block.num_heads)
    of_txt = _heads(block.txt_attn.qkv(_modulated(txt, txt_1)), block.txt_attn.norm, block.num_heads)
    heard = _joined(*(torch.cat(pair, 2) for pair in zip(of_txt, of_img, strict=True)), (cos, sin))
    img = img + block.img_attn.proj(heard[:, columns:]) * img_1.gate
    img = img + block.img_mlp(_modulated(img, img_2)) * img_2.gate
    txt = txt + block.txt_attn.proj(heard[:, :columns]) * txt_1.gate
    return img, txt + block.txt_mlp(_modulated(txt, txt_2)) * txt_2.gate


def _single(block, x, vec, cos, sin):
    mod, _ = block.modulation(vec)
    mixed = block.linear1(_modulated(x, mod))
    qkv, inner = mixed.split([3 * block.hidden_size, block.mlp_hidden_dim_first], -1)
    heard = _joined(*_heads(qkv, block.norm, block.num_heads), (cos, sin))
    return x + block.linear2(torch.cat([heard, block.mlp_act(inner)], -1)) * mod.gate


class TrainableFlux:
    """Runs a host's Flux with gradients; `compiled`: through torch.compile, block by block."""

    def __init__(self, flux: nn.Module, side: int, compiled: bool = False) -> None:
        self.flux, self.side = flux, side
        self.double = torch.compile(_double, dynamic=False) if compiled else _double
        self.single = torch.compile(_single, dynamic=False) if compiled else _single
        self._turns: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}

    def __call__(
        self, x: torch.Tensor, times: torch.Tensor, context: torch.Tensor, pooled: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Predicted velocities (n, channels, side, side), and the picture's features after the double blocks.

        times: (n,) from 0, picture, to 1, noise.
        """
        from comfy.ldm.flux.layers import timestep_embedding

        flux, columns = self.flux, context.shape[1]
        if columns not in self._turns:
            self._turns[columns] = rotations(flux, columns, self.side)
        turns = self._turns[columns]
        vec = flux.time_in(timestep_embedding(times, 256)) + flux.vector_in(pooled)
        img, txt = flux.img_in(x.flatten(2).transpose(1, 2)).float(), flux.txt_in(context).float()
        for block in flux.double_blocks:
            img, txt = self.double(block, img, txt, vec, *turns)
        features = img.transpose(1, 2).unflatten(-1, (self.side, self.side))
        tokens = torch.cat([txt, img], 1)
        for block in flux.single_blocks:
            tokens = self.single(block, tokens, vec, *turns)
        velocity = flux.final_layer(tokens[:, columns:], vec)
        return velocity.transpose(1, 2).unflatten(-1, (self.side, self.side)), features
