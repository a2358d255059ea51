"""Trains the demo model: `python -m demo.train` (see `--help`); resumes from the checkpoints folder."""

from __future__ import annotations

import argparse
import json
import logging
import os
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from .host_path import prepare_host
from .model import LATENT_SCALE, WEIGHTS, load_weights

log = logging.getLogger("selagg.demo.train")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--checkpoints", type=Path, default=Path("checkpoints"), help="where to write and resume from"
    )
    parser.add_argument("--autoencoder-steps", type=int, default=900)
    parser.add_argument(
        "--lesson-steps", type=int, default=300, help="batches of the text encoder's first lesson"
    )
    parser.add_argument("--steps", type=int, default=6000, help="steps of the denoiser in all")
    parser.add_argument("--matrix-rate", type=float, default=8e-4, help="learning rate of Muon")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument(
        "--from-shipped", action="store_true", help="start from the weights that ship, not from nothing"
    )
    parser.add_argument(
        "--export", action="store_true", help="only write the weights file of the last checkpoint"
    )
    parser.add_argument(
        "--compile", action="store_true", help="torch.compile the UNet: minutes to start, then faster"
    )
    parser.add_argument(
        "--relevance",
        action="store_true",
        help="only measure the head relevance of the weights that ship, and write the preset",
    )
    parser.add_argument("--preview", action="store_true", help="write a PNG of samples at every save")
    return parser.parse_args()


def main() -> None:
    """Runs the stages that are not done yet: autoencoder, first lesson, denoiser, export."""
    args = _arguments()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    host = prepare_host()
    log.info("host: %s, %d threads", host, args.threads)
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    folder: Path = args.checkpoints
    if args.relevance:
        from .relevance import build_preset

        build_preset(folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    if args.from_shipped:
        _unpack(folder)

    from .training.autoencoder import AutoencoderPlan, new_autoencoder, train_autoencoder
    from .training.denoiser import DenoiserPlan, DenoiserTraining
    from .training.latents import LatentPool
    from .training.text_encoder import CaptionTokenizer

    if not (folder / "autoencoder.safetensors").exists():
        train_autoencoder(folder, AutoencoderPlan(steps=args.autoencoder_steps))
    tokenizer = CaptionTokenizer()
    plan = DenoiserPlan(steps=args.steps, matrix_rate=args.matrix_rate, compile=args.compile)
    training = DenoiserTraining(folder, plan, tokenizer)
    autoencoder = new_autoencoder()
    autoencoder.load_state_dict(load_file(folder / "autoencoder.safetensors"))
    checkpoint = folder / "denoiser.safetensors"
    if not args.export:
        pool = LatentPool(autoencoder["taesd_encoder"])
        if checkpoint.exists():
            training.resume(checkpoint)
            pool.seed += training.step * plan.pool_growth
            log.info("resumed at step %d", training.step)
        else:
            _first_lesson(folder, tokenizer, args.lesson_steps)
            training.start_from_text(folder / "text.safetensors")
            pool.grow(plan.first_pool)
            training.latent_spread = pool.statistics()[1].mean().item()
            log.info("latent spread %s", pool.statistics()[1].tolist())
        training.run(pool, (lambda t: preview_sheet(t, autoencoder)) if args.preview else None)
    training.resume(checkpoint)
    export(training, autoencoder.state_dict())


def _first_lesson(folder: Path, tokenizer, steps: int) -> None:
    from .scenes import caption, random_scene
    from .training.denoiser import caption_batches
    from .training.text_encoder import TextEncoder, first_lesson

    if (folder / "text.safetensors").exists():
        return
    encoder = TextEncoder(tokenizer.tokens)
    rng = np.random.default_rng(4_000_000)
    share = first_lesson(
        encoder, tokenizer, caption_batches(rng, lambda r: caption(random_scene(r), r), steps, 128)
    )
    log.info("first lesson: %.3f of the words read in their sense", share)
    save_file(encoder.state_dict(), folder / "text.safetensors")


def preview_sheet(training, autoencoder) -> None:
    import cv2

    from .scenes import scene_from_seed

    captions = [scene_from_seed(seed, 2)[1].text for seed in range(24)]
    latents = training.preview(captions)
    with torch.no_grad():
        pixels = autoencoder["taesd_decoder"](latents).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    rows = [np.hstack(list(pixels[i : i + 8])) for i in range(0, 24, 8)]
    sheet = (np.vstack(rows)[..., ::-1] * 255).round().astype(np.uint8)
    cv2.imwrite(str(training.folder / f"preview_{training.step:06d}.png"), sheet)


def export(training, autoencoder: dict[str, torch.Tensor]) -> None:
    """Writes the averaged weights in float16, as `model.load_weights` reads them."""
    flat = {k: v.half().contiguous() for k, v in training.average.items() if not k.startswith("layout.")}
    flat |= {f"vae.{k}": v.half().contiguous() for k, v in autoencoder.items()}
    flat["vae.vae_scale"] = torch.tensor(LATENT_SCALE * training.latent_spread)
    flat["vae.vae_shift"] = torch.tensor(0.0)
    flat["tokens"] = training.tokenizer.tokens.int()
    card = training.card("denoiser_hours")
    WEIGHTS.parent.mkdir(exist_ok=True)
    save_file(flat, WEIGHTS, {"training": json.dumps(card), "licence": "Apache-2.0"})
    log.info("wrote %s: %.1f MB, %s", WEIGHTS, WEIGHTS.stat().st_size / 1e6, card)


def _unpack(folder: Path) -> None:
    """Turns the shipped weights back into checkpoints, so that training can go on from them."""
    if (folder / "denoiser.safetensors").exists():
        raise SystemExit(f"{folder} holds a checkpoint already: leave out --from-shipped, or move it away.")
    weights = load_weights()
    card = json.loads(weights.metadata["training"])
    vae = {k: v for k, v in weights.vae.items() if not k.startswith("vae_")}
    save_file(vae, folder / "autoencoder.safetensors")
    average = {f"average.unet.{k}": v for k, v in weights.unet.items()}
    average |= {f"average.text.{k}": v for k, v in weights.text.items()}
    notes = {"step": card["steps"], "seconds": card["denoiser_hours"] * 3600, "loss": card["loss"]}
    notes["latent_spread"] = card["latent_spread"]
    save_file(average, folder / "denoiser.safetensors", {k: str(v) for k, v in notes.items()})


if __name__ == "__main__":
    main()
