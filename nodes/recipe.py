"""The node that says how head maps are put together: SelAgg Map Recipe."""

from __future__ import annotations

from dataclasses import asdict

from selagg_core.maps.recipe import DEFAULT, PAPER, MapRecipe

NODE = "SelAgg Map Recipe"
CUSTOM = "custom"
RECIPES = {"default": DEFAULT, "paper": PAPER}

_SWITCHES = {
    "label_free_scores": "Rank heads by the agreement of their maps, where the head relevance holds it.",
    "by_resolution": "Choose the top heads on each attention grid by itself instead of among all heads.",
    "normalise_heads": "Give every head the same weight, however much attention it pays.",
    "cap_borders": "Cut the border cells to the highest value inside: they collect attention of nothing.",
    "best_token": "Of a word of several tokens take the best one; needs sub_tokens in SelAgg Capture.",
    "edge_aware": "Enlarge maps to the picture along the picture's edges (guided filter).",
}
_SHARES = {
    "late_steps": "Leave out this share of the run from its start; needs step bins in SelAgg Capture.",
    "competition": "How much the words of the prompt, and the background, compete for each spot; 0 is off.",
    "propagation": "Share of each map that is spread along self-attention to what looks alike; 0 is off.",
}


class SelAggMapRecipe:
    DESCRIPTION = (
        "How the maps of single heads become the map of a word. Without this node the default is used; paper "
        "is the plain mean of the chosen heads (arXiv 2604.05906); custom takes the switches below."
    )
    CATEGORY = "SelAgg/advanced"
    SEARCH_ALIASES = ["attention map", "refine", "guided filter", "self attention", "normalise", "daam"]
    FUNCTION = "recipe"
    RETURN_TYPES = ("SELAGG_RECIPE",)
    RETURN_NAMES = ("recipe",)
    OUTPUT_TOOLTIPS = ("For SelAgg Heatmaps and SelAgg Diagnose.",)

    @classmethod
    def INPUT_TYPES(cls):
        usual = asdict(DEFAULT)
        switches = {
            name: ("BOOLEAN", {"default": usual[name], "tooltip": f"Only with custom. {text}"})
            for name, text in _SWITCHES.items()
        }
        shares = {
            name: (
                "FLOAT",
                {
                    "default": usual[name],
                    "min": 0.0,
                    "max": 1.0,
                    "step": 0.05,
                    "tooltip": f"Only with custom. {text}",
                },
            )
            for name, text in _SHARES.items()
        }
        return {
            "required": {
                "preset": (
                    [*RECIPES, CUSTOM],
                    {"default": "default", "tooltip": "default, the published way, or the switches below."},
                ),
                **switches,
                **shares,
            }
        }

    def recipe(self, preset, **switches):
        if preset == CUSTOM:
            try:
                return (MapRecipe(**switches),)
            except ValueError as error:
                raise ValueError(f"{NODE}: {error}") from error
        if preset not in RECIPES:
            known = ", ".join((*RECIPES, CUSTOM))
            raise ValueError(f'{NODE}: there is no preset "{str(preset)[:40]}"; choose one of {known}.')
        return (RECIPES[preset],)


NODES: dict[str, type] = {"SelAggMapRecipe": SelAggMapRecipe}
DISPLAY_NAMES: dict[str, str] = {"SelAggMapRecipe": NODE}
