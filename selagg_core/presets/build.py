"""Remakes sd14.safetensors and sdxl.safetensors from the published Head Relevance Vectors.

    python -m selagg_core.presets.build FOLDER [--out FOLDER]

FOLDER holds arrays of github.com/SNU-DRL/HRV (commit 414122f, `final_result/`) under these names:

    {sd14,sdxl}_hrv.npy         category_vectors_...npy            (34, heads) float32
    {sd14,sdxl}_win_share.npy   340_final_ranking_list...npy       (34, heads) float64
    {sd14,sdxl}_head_index.npy  head_index_...npy                  (heads,) text
    concepts.json               descriptions/340_final_text_list.csv as [{"name": ..., "words": [...]}, ...]

It checks that the columns are the heads in the order of `HeadLayout`, and that HRVs and win shares agree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..prompt.lexicon import Concept
from ..recording.layout import HeadLayout, sd1_layout, sdxl_layout
from ..relevance.relevance import ARGMAX_WINS, HeadRelevance, published_labels, relevance_from_shares
from ..relevance.shipped import PRESET_FOLDER, PUBLISHED

logger = logging.getLogger("selagg")

LAYOUTS = {"sd14": sd1_layout, "sdxl": sdxl_layout}
MODELS = {"sd14": "Stable Diffusion v1.4", "sdxl": "Stable Diffusion XL base 1.0"}
CONTEXT_WIDTHS = {"sd14": 768, "sdxl": 2048}
DECISIONS = 2100 * 51
"""Prompts x evaluations of the model (PNDM, 50 steps) that every head decided on."""

ABOUT = {
    "source": "https://github.com/SNU-DRL/HRV, commit 414122f, final_result",
    "licence": "Apache-2.0",
    "paper": "Park et al., Cross-Attention Head Position Patterns Can Align with Human Visual Concepts in "
    "Text-to-Image Generative Models, ICLR 2025, arXiv:2412.02237",
    "changes": "repacked from npy; the scores are unchanged, the win shares rounded to float32",
    "measured": "2100 prompts, PNDM scheduler, 50 steps (51 evaluations), classifier-free guidance 7.5",
}


def build_preset(folder: Path, name: str) -> HeadRelevance:
    """The relevance of one published model. Raises ValueError if the files do not fit together."""
    layout = LAYOUTS[name]()
    files = {part: folder / f"{name}_{part}.npy" for part in ("hrv", "win_share", "head_index")}
    arrays = {part: np.load(path, allow_pickle=False) for part, path in files.items()}
    _check(name, layout, arrays)
    listed = json.loads((folder / "concepts.json").read_text(encoding="utf-8"))
    concepts = tuple(
        Concept(entry["name"], tuple(entry["words"]), rivals=len(listed), decisions=DECISIONS)
        for entry in listed
    )
    digests = {f"sha256 of {part}": file_digest(path) for part, path in files.items()}
    return HeadRelevance(
        concepts,
        arrays["hrv"],
        layout,
        ARGMAX_WINS,
        MODELS[name],
        CONTEXT_WIDTHS[name],
        arrays["win_share"],
        {**ABOUT, **digests},
    )


def ranking_digest(values: np.ndarray) -> str:
    """SHA-256 of the ranking of heads by each row: indices, best first, ties in column order, as int16."""
    order = np.argsort(-np.asarray(values), axis=1, kind="stable").astype("<i2")
    return hashlib.sha256(order.tobytes()).hexdigest()


def file_digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _check(name: str, layout: HeadLayout, arrays: dict[str, np.ndarray]) -> None:
    if tuple(arrays["head_index"].tolist()) != published_labels(layout):
        raise ValueError(f"{name}: the columns are not the heads of the layout in their order.")
    if not np.allclose(arrays["hrv"], relevance_from_shares(arrays["win_share"]), rtol=1e-4, atol=1e-5):
        raise ValueError(f"{name}: HRVs and win shares do not agree.")
    if ranking_digest(arrays["win_share"]) != ranking_digest(arrays["hrv"]):
        raise ValueError(f"{name}: HRVs and win shares rank the heads differently.")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Remake the presets of published head relevance.")
    parser.add_argument("folder", type=Path, help="where the published arrays lie")
    parser.add_argument("--out", type=Path, default=PRESET_FOLDER, help="where the presets go")
    options = parser.parse_args(arguments)
    for name in PUBLISHED:
        relevance = build_preset(options.folder, name)
        path = options.out / f"{name}.safetensors"
        relevance.save(path)
        if relevance.win_share is not None:
            logger.info("%s: ranking %s", path.name, ranking_digest(relevance.win_share))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    main()
