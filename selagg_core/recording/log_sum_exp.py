"""The log-sum-exp of attention logits over all keys: what turns the logits of a few keys into probabilities.

Working it out costs as much as the attention itself, and torch's fused kernels work it out anyway (Dao et
al. 2022, arXiv 2205.14135, section 3.1: the row statistics of a tiled softmax). So it is taken from the
model's own call where its kernel gives it, and else from such a kernel, where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch.utils._python_dispatch import TorchDispatchMode

#: Most logits held at a time (float32): 64 MiB.
MAX_LOGITS = 16 * 1024 * 1024
#: Kernels whose second result is the log-sum-exp (batch, heads, queries), in natural units, whether or not
#: somebody wants gradients.
KERNELS = frozenset(
    ("aten::_scaled_dot_product_flash_attention", "aten::_scaled_dot_product_flash_attention_for_cpu")
)
#: Elsewhere a device may bring an attention of its own, which is not made of these kernels.
DEVICES = ("cpu", "cuda")
HALF = (torch.float16, torch.bfloat16)


class SeenLogSumExp(TorchDispatchMode):
    """Around an attention call: afterwards `values` are those of the kernel that did it, or None.

    values: float32 (rows, heads, queries), the mask of the call in it.  Operations run as they would without
    it; those of another call, with queries or keys elsewhere in memory, are not taken.
    """

    @staticmethod
    def can_be_of(q: torch.Tensor) -> bool:
        """Whether an attention of these queries may tell; of others it must not be put around the call."""
        return q.device.type in DEVICES and not torch.compiler.is_compiling()

    def __init__(self, q: torch.Tensor, k: torch.Tensor):
        """q, k: what the attention is given, in whatever shape."""
        super().__init__()
        self._given = q, k
        self.values: torch.Tensor | None = None

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is torch.ops.aten.scaled_dot_product_attention.default:
            # In inference mode it comes whole: what it is made of comes here once more.
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        try:
            if func.name() in KERNELS and list(map(_place, args[:2])) == list(map(_place, self._given)):
                self.values = result[1] if result[1].shape == args[0].shape[:3] else None
        except Exception:  # noqa: BLE001 - whatever happens here, the layer goes on
            self.values = None
        return result


def log_sum_exp(
    q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None = None, max_logits: int | None = None
) -> torch.Tensor:
    """float32 (batch, heads, queries): log of the sum of exp(q k^T / sqrt(dim)) over all keys.

    q: (batch, heads, queries, dim), k: (batch, heads, keys, dim).  mask: added to the logits, or boolean
    (True: may be attended to), broadcast to (batch, heads, queries, keys).  At most `max_logits` (default
    MAX_LOGITS) are held at a time.
    """
    q, k = q.detach(), k.detach()
    fused = _of_kernel(q, k, mask)
    if fused is not None:
        return fused
    out = torch.empty(q.shape[:3], device=q.device)
    for part, logits in logits_in_parts(q, k, mask, max_logits):
        out[:, :, part] = logits.logsumexp(dim=-1)
    return out


def logits_in_parts(
    q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None = None, max_logits: int | None = None
) -> Iterator[tuple[slice, torch.Tensor]]:
    """Logits float32 (batch, heads, some queries, keys) of so many queries at a time; as of `log_sum_exp`."""
    batch, heads, queries, dim = q.shape
    limit = MAX_LOGITS if max_logits is None else max_logits
    step = max(1, limit // max(1, batch * heads * k.shape[2]))
    scaled = k.detach().float().mT * dim**-0.5
    for start in range(0, queries, step):
        part = slice(start, min(queries, start + step))
        own = mask if mask is None or mask.shape[-2] == 1 else mask[..., part, :]
        yield part, _masked(q[:, :, part].detach().float() @ scaled, own)


def _masked(logits: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
    if mask is None:
        return logits
    if mask.dtype == torch.bool:
        return logits.masked_fill(~mask, float("-inf"))
    return logits + mask


def _of_kernel(q: torch.Tensor, k: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor | None:
    """The same of a fused kernel; None: there is none for these."""
    fused = q.device.type == "cpu" or (q.device.type == "cuda" and q.dtype in HALF and mask is None)
    if not fused or q.dtype != k.dtype or q.requires_grad or not (q.numel() and k.numel()):
        return None
    if mask is not None and mask.dtype not in (torch.bool, q.dtype):
        if q.dtype in HALF:  # the mask would be rounded
            return None
        mask = mask.to(q.dtype)
    seen = SeenLogSumExp(q, k)
    with seen:
        torch.nn.functional.scaled_dot_product_attention(q, k, k, attn_mask=mask)
    return None if seen.values is None else seen.values.float()


def _place(tensor: torch.Tensor) -> tuple:
    return tensor.data_ptr(), tensor.numel(), tensor.dtype
