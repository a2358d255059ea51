"""Judges of the host's own classes with few, random weights: what they see is noise, all else is real."""

from __future__ import annotations

import importlib

import pytest
import torch
from tiny_models import fill, patcher

WIDTH = 64
TEXT = {"hidden_size": WIDTH, "intermediate_size": 64, "num_attention_heads": 2, "num_hidden_layers": 1}


def segmenter(monkeypatch, seed: int = 0):
    """MODEL and CLIP of a SAM3 whose picture and text encoders have one narrow layer each.

    Skips on hosts without SAM3.
    """
    sam3 = pytest.importorskip("comfy.text_encoders.sam3_clip")
    models, sd = importlib.import_module("comfy.supported_models"), importlib.import_module("comfy.sd")
    config = models.SAM3({"image_model": "SAM3", "depth": 1, "embed_dim": WIDTH, "dtype": torch.float32})
    model = config.get_model({}, "", device="cpu")
    fill(model.diffusion_model, seed)
    monkeypatch.setattr(sam3, "SAM3_CLIP_CONFIG", {**sam3.SAM3_CLIP_CONFIG, **TEXT})
    with torch.no_grad():
        clip = sd.CLIP(models.SAM3({}).clip_target())
        fill(clip.cond_stage_model, seed)
    return patcher(model), clip


def detector(monkeypatch, seed: int = 0):
    """MODEL of an RT-DETR with a shallow picture encoder and 20 boxes a picture. Skips on hosts without."""
    network = pytest.importorskip("comfy.ldm.rt_detr.rtdetr_v4")
    stages = [
        (ic, 8, oc, 1, down, light, 3, 1) for ic, _, oc, _, down, light, *_ in network.HGNetv2._STAGE_CFGS
    ]
    monkeypatch.setattr(network.HGNetv2, "_STAGE_CFGS", stages)
    models = importlib.import_module("comfy.supported_models")
    size = {"enc_h": WIDTH, "enc_ff": WIDTH, "dec_ff": WIDTH, "num_queries": 20, "dtype": torch.float32}
    model = models.RT_DETR_v4({"image_model": "RT_DETR_v4", **size}).get_model({}, "", device="cpu")
    model.eval()
    fill(model.diffusion_model, seed)
    for name, values in (
        *model.diffusion_model.named_parameters(),
        *model.diffusion_model.named_buffers(),
    ):
        if "sampling" in name and values.is_floating_point():  # `fill` leaves those as they are
            values.data.zero_()
        elif name.endswith("running_var"):
            values.data.abs_().add_(0.5)
        elif (
            values.ndim > 1 and values.is_floating_point()
        ):  # deep, and without norms in between: what goes in must not grow on the way
            values.data.mul_(5 / values[0].numel() ** 0.5)
    return patcher(model)
