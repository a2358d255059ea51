"""The node that shows where the words of a prompt went: SelAgg Heatmaps."""

from __future__ import annotations

import torch

from selagg_core.heatmaps import draw_heatmaps
from selagg_core.maps.heads import DEFAULT_FRACTION, MODES, check_fraction
from selagg_core.maps.recipe import DEFAULT
from selagg_core.maps.strength import SCALES
from selagg_core.relevance.choose_heads import HeadSettings
from selagg_core.view import open_run

from .recording.words import ConceptFinder
from .viewer import sockets
from .viewer.connected import connected
from .viewer.hand_over import HIDDEN, Asked, browser_asks, hand_over, nothing

NODE = "SelAgg Heatmaps"


def check_settings(top_fraction: float, threshold: float) -> None:
    """Raises ValueError for numbers outside their range."""
    for name, value in (("top_fraction", top_fraction), ("threshold", threshold)):
        if not isinstance(value, int | float):
            raise ValueError(f"{name} is no number.")
    check_fraction(top_fraction)
    if not 0.0 <= threshold < 1.0:
        raise ValueError(f"threshold is {threshold}; it must be at least 0 (0 = automatic) and below 1.")


class SelAggHeatmaps:
    DESCRIPTION = (
        "Shows for each word where the model looked for it: overlays, masks and a contact sheet. Put it "
        "after VAE Decode."
    )
    CATEGORY = "SelAgg"
    SEARCH_ALIASES = [
        "mask from prompt",
        "mask from text",
        "word mask",
        "segmentation",
        "attention map",
        "cross attention",
        "heatmap",
        "daam",
        "explain",
    ]
    FUNCTION = "draw"
    OUTPUT_NODE = True
    RETURN_TYPES = ("IMAGE", "MASK", "IMAGE", "STRING")
    RETURN_NAMES = ("overlays", "masks", "contact_sheet", "words")
    OUTPUT_TOOLTIPS = (
        "One overlay a word and picture: all words of the first picture, then of the second, and so on.",
        "One mask a word and picture, in the same order; black if the maps could not be made.",
        "The picture with all overlays beside it; one a picture.",
        "The words in the order of the overlays, one a line; or what went wrong.",
    )

    def __init__(self):
        self._concepts = ConceptFinder()

    @classmethod
    def INPUT_TYPES(cls):
        return {
            "required": {
                **sockets.of_run(),
                "words": (
                    "STRING",
                    {
                        "default": "all",
                        "tooltip": 'Words or phrases of the prompt, separated by commas, or "all".',
                    },
                ),
                "mode": (
                    list(MODES),
                    {
                        "advanced": True,
                        "default": "selective",
                        "tooltip": "Which attention heads make the map: those that speak most for the word's "
                        "concept (selective), all of them, or those that speak least. Without head relevance "
                        "for the model all heads are used.",
                    },
                ),
                "top_fraction": (
                    "FLOAT",
                    {
                        "advanced": True,
                        "default": DEFAULT_FRACTION,
                        "min": 0.01,
                        "max": 1.0,
                        "step": 0.01,
                        "tooltip": "Share of the heads that selective and least use: 0.25 is a quarter.",
                    },
                ),
                "threshold": (
                    "FLOAT",
                    {
                        "default": 0.0,
                        "min": 0.0,
                        "max": 0.99,
                        "step": 0.01,
                        "tooltip": "A mask holds what is above this share of its map's range; 0 chooses it "
                        "for each map (Otsu).",
                    },
                ),
            },
            "optional": {
                "concepts": (
                    "STRING",
                    {"advanced": True, "default": "", "tooltip": sockets.CONCEPTS_TOOLTIP},
                ),
                "relevance": ("SELAGG_RELEVANCE", {"tooltip": sockets.RELEVANCE_TOOLTIP}),
                "recipe": ("SELAGG_RECIPE", {"tooltip": sockets.RECIPE_TOOLTIP}),
                "prompt": ("SELAGG_PROMPT", {"tooltip": sockets.PROMPT_TOOLTIP}),
                "clip": ("CLIP", {"tooltip": sockets.CLIP_TOOLTIP}),
                "scale": (
                    list(SCALES),
                    {
                        "default": SCALES[0],
                        "tooltip": "One scale for all words of a picture: what the model hardly looked for "
                        "looks weak. Or each word from its own lowest to its highest. Masks stay the same.",
                    },
                ),
            },
            "hidden": HIDDEN,
        }

    @classmethod
    def VALIDATE_INPUTS(cls, top_fraction=DEFAULT_FRACTION, threshold=0.0):
        try:
            check_settings(top_fraction, threshold)
        except ValueError as error:
            return f"{NODE}: {error}"
        return True

    def draw(
        self,
        capture,
        latent,
        image,
        words,
        mode,
        top_fraction,
        threshold,
        concepts="",
        relevance=None,
        recipe=DEFAULT,
        prompt=None,
        clip=None,
        scale=SCALES[0],
        unique_id=None,
        graph=None,
        extra_pnginfo=None,
    ):
        asked = Asked(unique_id, graph, extra_pnginfo)
        try:
            check_settings(top_fraction, threshold)
            run = open_run(capture, sockets.latent_samples(latent), image, prompt)
            settings = HeadSettings(mode, top_fraction, concepts, relevance, recipe, self._concepts.by(clip))
            taken = connected(graph, unique_id, self.RETURN_NAMES)
            one_scale = scale != SCALES[1]
            result = draw_heatmaps(
                run, words, settings, threshold or None, browser_asks(), one_scale, outputs=taken
            )
            samples = sockets.latent_samples(latent)
            shown = hand_over(result.shown, capture, samples, asked)
        except Exception as error:  # noqa: BLE001 - whatever happens in a viewer, the queue goes on
            message, pictures = sockets.refusal(NODE, error, image)
            return {
                "ui": {
                    "images": sockets.preview(pictures, "selagg_heatmaps"),
                    "text": [message],
                    **nothing(asked, message),
                },
                "result": (pictures, torch.zeros(pictures.shape[:3]), pictures, message),
            }
        lines = [*result.labels, *(f"note: {notice}" for notice in result.notices)]
        sheets = sockets.pictures_to_images(result.sheets)
        drawn = (torch.from_numpy(result.overlays), torch.from_numpy(result.masks), sheets, "\n".join(lines))
        previews = sockets.preview_pictures(result.sheets, "selagg_heatmaps")
        return {"ui": {"images": previews, **shown}, "result": drawn}


NODES: dict[str, type] = {"SelAggHeatmaps": SelAggHeatmaps}
DISPLAY_NAMES: dict[str, str] = {"SelAggHeatmaps": NODE}
