"""The node that asks a model about a picture that is there already: SelAgg Probe."""

from __future__ import annotations

import torch

from selagg_core.maps.asked import asked_lines
from selagg_core.prompt.quoted import short
from selagg_core.recording.saved import SavedCapture
from selagg_core.recording.settings import CaptureSettings

from . import host
from .families import family_of
from .families.family import asked_keys_of
from .recording.encode import encode_and_label
from .recording.recorder import record_evaluations
from .viewer import sockets

NODE = "SelAgg Probe"
FIRST, LAST = 0.3, 0.9
"""Shares of the schedule between which the noise levels lie: before, all is noise, after, nothing is left."""


MOST_ASKED = 8
"""Texts that are not in the prompt, asked about at once."""


class SelAggProbe:
    DESCRIPTION = (
        "Asks a model where it sees the words of a text in any picture, drawn or downloaded: the picture is "
        "noised at a few levels and the model evaluated once at each. The text need not be the one that the "
        "picture was made with."
    )
    CATEGORY = "SelAgg/Expert"
    SEARCH_ALIASES = [
        "attention of an image",
        "invert",
        "segment by text",
        "explain picture",
        "existing image",
    ]
    FUNCTION = "probe"
    RETURN_TYPES = ("SELAGG_CAPTURE", "LATENT", "STRING")
    RETURN_NAMES = ("capture", "latent", "asked")
    OUTPUT_TOOLTIPS = (
        "The maps, for SelAgg Heatmaps, SelAgg Diagnose and SelAgg Truth.",
        "The latent of the picture: connect it where the capture goes.",
        "Where the asked words would be, one a line; empty without them.",
    )

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                "model": ("MODEL", {"tooltip": "The model that is asked."}),
                "conditioning": (
                    "CONDITIONING",
                    {"tooltip": "The text that is asked about, from SelAgg Text Encode."},
                ),
                "levels": (
                    "INT",
                    {
                        "default": 5,
                        "min": 1,
                        "max": 50,
                        "tooltip": "How many noise levels, each one evaluation of the model.",
                    },
                ),
                "noise": (
                    "INT",
                    {"default": 0, "min": 0, "max": 2**53, "tooltip": "Number of the noise that is added."},
                ),
            },
            "optional": {
                "latent": (
                    "LATENT",
                    {
                        "tooltip": "The picture as VAE Encode gives it, or any LATENT; or connect image and "
                        "vae."
                    },
                ),
                "image": ("IMAGE", {"tooltip": "The picture, if there is no latent of it."}),
                "vae": ("VAE", {"tooltip": "The VAE of the model, for the image."}),
                "asked": (
                    "STRING",
                    {
                        "default": "",
                        "multiline": True,
                        "tooltip": "Words that are not in the text, to ask whether the picture is read as "
                        "them: fruit, flower. Each is encoded alone and read against the same picture, "
                        "beside the text and never in competition with it.",
                    },
                ),
                "clip": ("CLIP", {"tooltip": "The CLIP of the model, for the asked words."}),
            },
        }

    def probe(
        self,
        model,
        conditioning,
        levels=5,
        noise=0,
        latent=None,
        image=None,
        vae=None,
        asked="",
        clip=None,
    ):
        try:
            _check(model, conditioning, levels)
            texts = _asked_texts(model, conditioning, str(asked or ""), clip)
            clean = _latent(latent, image, vae)
            sigmas = host.sigmas_between(model, FIRST, LAST, int(levels))
            noised = host.noised(model, clean, sigmas, int(noise))
            settings = CaptureSettings(self_attention=True)
            recording = record_evaluations(
                model, conditioning, noised, sigmas, settings, texts, host.Progress(len(sigmas))
            )
        except ValueError as error:
            raise ValueError(f"{NODE}: {error}") from error
        return SavedCapture(recording, clean, NODE), {"samples": clean}, "\n".join(asked_lines(recording))


def _check(model, conditioning, levels: int) -> None:
    """Raises ValueError, with what to do, for what cannot be asked."""
    if model is None:
        raise ValueError("there is no model. Connect the MODEL output of a loader.")
    if family_of(model) is None:
        raise ValueError(
            f"this kind of model ({host.model_name(model)}) cannot be read yet: it is not known where its "
            "picture attends to text."
        )
    if not conditioning:
        raise ValueError("there is no text: connect the CONDITIONING of a SelAgg Text Encode.")
    if not 1 <= levels <= 50:
        raise ValueError(f"levels is {levels}; set it to 1 to 50.")


def _asked_texts(model, conditioning, asked: str, clip) -> list[torch.Tensor]:
    """Encoded texts (1, columns, width) of the asked words, each alone. Raises ValueError, with the cure."""
    phrases = list(dict.fromkeys(own.strip() for own in asked.replace("\n", ",").split(",") if own.strip()))
    if not phrases:
        return []
    known = family_of(model)
    if known is None or asked_keys_of(known[0]) is None:
        why = "SelAgg does not know how it makes keys of a text"
        if known is not None and any(site.joint for site in known[1]):
            why = "there text and picture change each other from layer to layer, so no word can be added"
        raise ValueError(
            f"this kind of model ({host.model_name(model)}) cannot be asked about words that are not in the "
            f"text: {why}. Empty asked, or write the words into the text."
        )
    if clip is None:
        raise ValueError("asked needs the clip: connect the CLIP of the model, or empty asked.")
    if len(phrases) > MOST_ASKED:
        raise ValueError(f"{len(phrases)} texts are asked about at once; at most {MOST_ASKED} can be.")
    width = conditioning[0][0].shape[-1]
    texts = []
    for phrase in phrases:
        encoded, prompt = encode_and_label(NODE, clip, phrase)
        if not prompt.words:
            raise ValueError(f'"{short(phrase)}" has no word that can be asked about.')
        if encoded[0][0].shape[-1] != width:
            raise ValueError("the clip is not that of this text: connect the CLIP that encodes it.")
        texts.append(encoded[0][0])
    return texts


def _latent(latent, image, vae) -> torch.Tensor:
    """The latent that is given, or that of the image."""
    if latent is not None:
        samples = sockets.latent_samples(latent)
    else:
        if image is None or vae is None:
            raise ValueError("there is no picture: connect a LATENT, or an IMAGE and the VAE of the model.")
        samples = vae.encode(image[..., :3])
    if not bool(torch.isfinite(samples).all()) or not bool(samples.any()):
        raise ValueError(
            "the latent is empty or not finite: connect that of a picture, as VAE Encode gives it."
        )
    return samples.detach().to("cpu", torch.float32)


NODES: dict[str, type] = {"SelAggProbe": SelAggProbe}
DISPLAY_NAMES: dict[str, str] = {"SelAggProbe": NODE}
