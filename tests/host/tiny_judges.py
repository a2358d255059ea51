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
