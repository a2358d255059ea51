"""Trains the twin of the demo model: `python -m demo.train_twin --help`; resumes from its checkpoint."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save_file

from .host_path import prepare_host
from .model import load_weights, model_card
from .twin import TWIN_WEIGHTS, load_twin

if TYPE_CHECKING:
    from .training.twin import TwinTraining

log = logging.getLogger("selagg.demo.train")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--checkpoints", type=Path, default=Path("checkpoints"), help="where to write and resume"
    )
    parser.add_argument(
        "--steps", type=int, default=1_000_000, help="steps in all; the rate falls before them"
    )
    parser.add_argument("--fall", type=int, default=600, help="over so many steps")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--hard", type=float, default=0.6, help="share of scenes of the hard world")
    parser.add_argument("--matrix-rate", type=float, default=1e-3, help="learning rate of Muon")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--compile", action="store_true", help="torch.compile the blocks")
    parser.add_argument(
        "--from-shipped",
        action="store_true",
        help="start from the weights in the repository, not from nothing",
    )
    parser.add_argument(
        "--export", type=Path, nargs="?", const=TWIN_WEIGHTS, help="only write a weights file"
    )
    parser.add_argument("--preview", action="store_true", help="write a PNG of samples now and then")
    return parser.parse_args()


def main() -> None:
    """Goes on from the checkpoint, or begins with the text encoder of the demo model."""
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    prepare_host()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    args.checkpoints.mkdir(parents=True, exist_ok=True)
    from .train import preview_sheet
    from .training.autoencoder import new_autoencoder
    from .training.latents import LatentPool
    from .training.text_encoder import CaptionTokenizer
    from .training.twin import TwinPlan, TwinTraining

    weights = load_weights()
    autoencoder = new_autoencoder()
    autoencoder.load_state_dict({k: v for k, v in weights.vae.items() if not k.startswith("vae_")})
    plan = TwinPlan(
        steps=args.steps,
        batch=args.batch,
        matrix_rate=args.matrix_rate,
        compile=args.compile,
        fall_steps=args.fall,
    )
    training = TwinTraining(args.checkpoints, plan, CaptionTokenizer("hard"))
    pool = LatentPool(autoencoder["taesd_encoder"], 2_000_000, args.hard)
    if args.from_shipped:
        unpack(training)
    if args.export:
        training.resume(training.checkpoint)
        export(training, args.export)
        return
    if training.checkpoint.exists():
        training.resume(training.checkpoint)
        pool.seed += training.step * plan.pool_growth
        log.info("resumed at step %d", training.step)
    else:
        training.start_from_weights(weights)
        pool.grow(plan.first_pool)
        training.latent_spread = pool.statistics()[1].mean().item()
    training.run(pool, (lambda t: preview_sheet(t, autoencoder)) if args.preview else None)


def export(training: TwinTraining, path: Path) -> None:
    """Writes the averaged weights in float16, as `twin.load_twin` reads them."""
    flat = {k: v.half().contiguous() for k, v in training.average.items() if not k.startswith("layout.")}
    flat["tokens"] = training.tokenizer.tokens.int()
    card = training.card("hours")
    save_file(flat, path, {"training": json.dumps(card), "licence": "Apache-2.0"})
    log.info("wrote %s: %.1f MB, %s", path, path.stat().st_size / 1e6, card)


def unpack(training: TwinTraining) -> None:
    """Turns the weights in the repository back into a checkpoint, so that training can go on from them."""
    if training.checkpoint.exists():
        raise SystemExit(
            f"{training.folder} holds a checkpoint already: leave out --from-shipped, or move it away."
        )
    weights = load_twin()
    card = model_card(weights)
    average = {f"average.flux.{k}": v for k, v in weights.flux.items()}
    average |= {f"average.text.{k}": v for k, v in weights.text.items()}
    notes = {"step": card["steps"], "seconds": card["hours"] * 3600, "loss": card["loss"]}
    notes["latent_spread"] = card["latent_spread"]
    training.write({**average, "tokens": weights.tokens}, {k: str(v) for k, v in notes.items()})


if __name__ == "__main__":
    main()
