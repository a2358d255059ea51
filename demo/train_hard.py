"""Trains the demo model on for the hard world: `python -m demo.train_hard --steps N`; it can be stopped.

It goes on from its last checkpoint, else from the weights file that it wrote, else from the weights that
ship, and sees scenes of both worlds. What it writes serves benchmarks and tests, not artists.
"""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .host_path import prepare_host
from .model import HARD_WEIGHTS, load_hard_weights, load_weights

log = logging.getLogger("selagg.demo.train")

_HOURS = "hours beyond the shipped weights"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoints", type=Path, default=Path("checkpoints_hard"))
    parser.add_argument(
        "--steps", type=int, default=14000, help="in all, those of the shipped model included"
    )
    parser.add_argument("--fall", type=int, default=1000, help="the rates fall over so many steps at the end")
    parser.add_argument("--hard", type=float, default=0.7, help="share of scenes of the hard world")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile: minutes to start, then faster")
    parser.add_argument("--export", action="store_true", help="only write the weights of the last checkpoint")
    parser.add_argument(
        "--relevance",
        type=int,
        metavar="PICTURES",
        help="only measure the head relevance of the weights on so many pictures, for benchmarks",
    )
    return parser.parse_args()


def main() -> None:
    """Trains up to the asked step, and writes the weights file at the end."""
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    log.info("host: %s, %d threads", prepare_host(), args.threads)
    torch.set_num_threads(args.threads)
    if args.relevance:
        from .relevance import build_hard

        build_hard(args.checkpoints, args.relevance)
        return

    from .training.autoencoder import new_autoencoder
    from .training.denoiser import DenoiserPlan, DenoiserTraining
    from .training.latents import LatentPool
    from .training.text_encoder import CaptionTokenizer

    folder: Path = args.checkpoints
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = CaptionTokenizer("hard")
    checkpoint = folder / "denoiser.safetensors"
    if not checkpoint.exists():
        _unpack(folder, tokenizer.tokens)
    plan = DenoiserPlan(
        steps=args.steps, fall_steps=args.fall, text_learning_rate=6e-4, first_pool=512, pool=12000,
        pool_growth=2, save_every=50, compile=args.compile,
    )  # fmt: skip
    training = DenoiserTraining(folder, plan, tokenizer)
    training.began = json.loads(load_weights().metadata["training"])["steps"]
    training.resume(checkpoint)
    if not args.export:
        autoencoder = new_autoencoder()
        autoencoder.load_state_dict(load_file(folder / "autoencoder.safetensors"))
        first_seed = 2_000_000 + training.step * plan.pool_growth
        pool = LatentPool(autoencoder["taesd_encoder"], first_seed, args.hard)
        training.run(pool)
    _export(training, args.hard)


def _unpack(folder: Path, tokens: torch.Tensor) -> None:
    """Makes a checkpoint of a weights file, with rows for the words that it has not."""
    from .training.text_encoder import grown_embedding

    again = HARD_WEIGHTS.is_file()
    weights = load_hard_weights() if again else load_weights()
    card = json.loads(weights.metadata["training"])
    log.info("goes on from step %d", card["steps"])
    vae = {k: v for k, v in weights.vae.items() if not k.startswith("vae_")}
    save_file(vae, folder / "autoencoder.safetensors")
    text = dict(weights.text)
    name = "text_model.embeddings.token_embedding.weight"
    text[name] = grown_embedding(text[name], weights.tokens, tokens)
    average = {f"average.unet.{k}": v for k, v in weights.unet.items()}
    average |= {f"average.text.{k}": v for k, v in text.items()}
    if again:
        layout = {k: v.float() for k, v in load_file(HARD_WEIGHTS).items() if k.startswith("layout.")}
        average |= {f"average.{k}": v for k, v in layout.items()}
    notes = {
        "step": card["steps"],
        "seconds": 3600 * card.get(_HOURS, 0.0),
        "loss": card["loss"],
        "latent_spread": card["latent_spread"],
    }
    save_file(average, folder / "denoiser.safetensors", {k: str(v) for k, v in notes.items()})


def _export(training, hard: float) -> None:
    """Writes the averaged weights in float16, without the autoencoder: that is the shipped one's.

    The layout reader's are among them, so that training can go on.
    """
    flat = {k: v.half().contiguous() for k, v in training.average.items()}
    flat["tokens"] = training.tokenizer.tokens.int()
    card = {**training.card(_HOURS), "share of the hard world": hard}
    save_file(flat, HARD_WEIGHTS, {"training": json.dumps(card), "licence": "Apache-2.0"})
    log.info("wrote %s: %.1f MB, %s", HARD_WEIGHTS, HARD_WEIGHTS.stat().st_size / 1e6, card)


if __name__ == "__main__":
    main()
