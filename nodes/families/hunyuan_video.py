"""HunyuanImage 2.1 and HunyuanVideo: text and picture, and columns of texts in quotes and of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from selagg_core.prompt.columns import OTHER
from selagg_core.prompt.words import Prompt
from selagg_core.recording.run import EncodedText

from .. import host
from ..host.models import diffusion_model
from .family import columns_of, context_of
from .heard import Arrangement, BlockSite, Transformer, between, frames_of, is_kind
from .text_encoders import read_words

#: What the host calls them among a model call's inputs: letters to be drawn, and a picture as text.
_QUOTED, _VISION = "txt_byt5", "clip_fea"


@dataclass(frozen=True)
class HunyuanSite(BlockSite):
    """quoted_first: letters lie before the text.  picture_first: so does the picture (before 2026)."""

    quoted_first: bool = False
    picture_first: bool = False

    def beside(self, quoted: int, vision: int) -> tuple[int, int]:
        """Columns before the text, and behind it."""
        return (vision + quoted, 0) if self.quoted_first else (vision, quoted)


class Hunyuan(Transformer):
    def is_own(self, network) -> bool:
        return is_kind(network, "ldm.hunyuan_video.model", "HunyuanVideo")

    def blocks(self, network):
        heads = int(network.num_heads)
        yield "double block", "double", len(network.double_blocks), heads
        yield "single block", "single", len(network.single_blocks), heads

    def patch(self, network) -> int:
        return int(network.patch_size[-1])

    def sites(self, model) -> tuple[HunyuanSite, ...]:
        network = diffusion_model(model)
        quoted_first = getattr(network, "cond_type_embedding", None) is not None
        blocks = getattr(network, "double_blocks", ())
        picture_first = any(getattr(block, "flipped_img_txt", False) for block in blocks)
        return tuple(
            HunyuanSite(**vars(site), quoted_first=quoted_first, picture_first=picture_first)
            for site in super().sites(model)
        )

    def tokens(self, sites: Sequence[Any], call: host.ModelCall, cells: int) -> Arrangement:
        """All columns of text are one range; a picture to go by lies before the picture."""
        before, behind = sites[0].beside(_tokens(call, _QUOTED), _tokens(call, _VISION))
        columns = before + call.columns + behind
        given = call.conds.get("ref_latent")
        references = 0 if given is None else math.prod(sites[0].grid(given.shape[-2:]))
        frames = cells * frames_of(call)
        total = columns + references + frames
        if sites[0].picture_first:
            image = slice(references, references + cells)
            return Arrangement(slice(total - columns, total), image, total, between(0, references))
        start = columns + references
        image = slice(start, start + cells)
        return Arrangement(slice(0, columns), image, total, between(columns, start))

    def text(self, sites, entry: dict, genuine: dict) -> EncodedText | None:
        context = context_of(entry)
        if context is None:
            return None
        before, behind = sites[0].beside(columns_of(entry, _QUOTED), columns_of(entry, _VISION))
        columns = context.shape[1]
        return EncodedText(context, columns, before + columns + behind, before, beside=OTHER)

    def words(self, clip, text: str) -> Prompt | None:
        """Those of Qwen, or of HunyuanVideo's llama: CLIP gives no columns here, and letters are special."""
        return read_words(clip, text, "qwen25_7b", beside=("byt5",)) or read_words(
            clip, text, "llama", beside=("l",)
        )


def _tokens(call: host.ModelCall, name: str) -> int:
    given = call.conds.get(name)
    return 0 if given is None else int(given.shape[1])
