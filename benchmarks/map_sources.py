"""What word maps are scored on: noised ground-truth scenes, and pictures that the demo model has sampled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from demo.caption_check import check_caption, parse_caption
from demo.model import load_hard_weights, load_weights
from demo.reader import read_picture
from demo.scenes import Caption, caption_words, render, scene_from_seed
from selagg_core.proof.target import Sample, Target
from selagg_core.recording.capture import Capture
from selagg_core.recording.head_maps import Recording
from selagg_core.recording.settings import READINGS, CaptureSettings

KINDS = ("object", "colour", "pattern")
"""Of words of the demo world that have a place in the picture."""

HARD_KINDS = (*KINDS, "material", "style", "size", "ground")
"""Of the hard world; what is said of the ground lies wherever nothing stands before it."""

NOISE_STEPS = (700, 550, 400, 250, 100)
"""Steps of the noise schedule at which a scene is shown to the model, from noise to picture as in a run."""


class DemoModel:
    """The demo model with capture; for every method of the benchmark, unless settings are given.

    world: of `demo.vocabulary.WORLDS`: where the scenes come from, and which weights read them.
    twin: the demo model's twin, a Flux. reading: of `settings.READINGS`, how the twin's layers are read.
    """

    def __init__(
        self,
        capturing: CaptureSettings | None = None,
        world: str = "plain",
        twin: bool = False,
        reading: str = READINGS[0],
    ) -> None:
        from demo.studio import SamplingSettings, Studio
        from demo.twin import load_twin
        from selagg_nodes.recording import encode, recorder

        self._encode, self._recorder = encode.encode_and_label, recorder
        self.world, self.settings = world, SamplingSettings()
        one_world = load_hard_weights if world == "hard" else load_weights
        self.studio = Studio(load_twin() if twin else one_world())
        self.sampling = self.studio.model.get_model_object("model_sampling")
        self.sigmas = _shares_of_noise() if twin else [float(self.sampling.sigmas[n]) for n in NOISE_STEPS]
        every = CaptureSettings(
            step_bins=len(NOISE_STEPS), self_attention_at=0.5, sub_tokens=True, reading=reading
        )
        self.capturing = capturing or every

    def scene(self, seed: int) -> Sample:
        """The scene of a seed, painted, encoded and noised to every level, read with its own caption."""
        scene, caption = scene_from_seed(seed, world=self.world)
        picture, masks = render(scene)
        recording = self.shown(picture, caption.text, seed)
        head_maps = recording.positive().picture(0)
        targets = _painted_targets(caption, masks, HARD_KINDS if self.world == "hard" else KINDS)
        return _checked(Sample(seed, picture, head_maps, targets), caption)

    def shown(self, picture: np.ndarray, text: str, seed: int) -> Recording:
        """What is recorded where a picture, noised to every level, is read with a text."""
        conditioning, _ = self._encode("benchmarks.maps", self.studio.clip, text)
        clean = self.studio.model.model.process_latent_in(self.studio.encode(picture[None]))
        generator = torch.Generator().manual_seed(seed)
        noised = [
            self.sampling.noise_scaling(
                torch.tensor([s]), torch.randn(clean.shape, generator=generator), clean
            )
            for s in self.sigmas
        ]
        return self._recorder.record_evaluations(
            self.studio.model, conditioning, noised, self.sigmas, self.capturing
        )

    def sampled(self, number: int, text: str, seed: int) -> Sample:
        """A picture sampled from a prompt; its objects are where the reader sees them surely."""
        caption = parse_caption(text)
        conditioning, _ = self._encode("benchmarks.maps", self.studio.clip, text)
        capture = Capture(self._recorder.LABELS, self.capturing)
        model = self.studio.model.clone()
        self._recorder.install(model, capture)
        latents = self.studio.sample(text, [seed], self.settings, model)
        picture = self.studio.decode(latents)[0]
        head_maps = capture.recording_for(latents).positive().picture(0)
        return _checked(Sample(number, picture, head_maps, _seen_targets(picture, caption)), caption)


def _shares_of_noise() -> list[float]:
    """Shares of noise of a flow at which there is as much of it as at NOISE_STEPS of SD1.x."""
    from demo.training.denoiser import noise_levels

    kept = noise_levels()[list(NOISE_STEPS)]
    sigmas = ((1 - kept) / kept).sqrt()
    return (sigmas / (1 + sigmas)).tolist()


def _checked(sample: Sample, caption: Caption) -> Sample:
    words = [word.text for word in sample.head_maps.prompt.words]
    if words != caption_words(caption.text):
        raise RuntimeError(f"The words read back differ from the caption: {words} for {caption.text!r}")
    return sample


def _painted_targets(caption: Caption, masks: np.ndarray, kinds: Sequence[str]) -> tuple[Target, ...]:
    """The words of some kinds, with what is seen of what they are said of."""
    ground = ~masks.any(0)
    return tuple(
        Target(c.kind, c.value, c.words[-1:], ground if c.subject is None else masks[c.subject])
        for c in caption.claims
        if c.kind in kinds
    )


def _seen_targets(picture: np.ndarray, caption: Caption) -> tuple[Target, ...]:
    """The words that the picture bears out, with the mask of the object that shows them."""
    reading = read_picture(picture)
    verdict = check_caption(reading, caption)
    targets = []
    for claim in caption.claims:
        place = verdict.assignment[claim.subject] if claim.kind in KINDS else None
        if place is not None and claim not in verdict.wrong and claim not in verdict.unsure:
            targets.append(Target(claim.kind, claim.value, claim.words[-1:], reading.objects[place].mask))
    return tuple(targets)


def scenes(model: DemoModel, seeds: Sequence[int]) -> Iterator[Sample]:
    """The noised scenes of all seeds."""
    for seed in seeds:
        yield model.scene(seed)


def pictures(
    model: DemoModel, seeds: Sequence[int], prompts: Sequence[str] | None = None
) -> Iterator[Sample]:
    """One sampled picture a seed, of the caption of the seed's scene, or of the prompts in turn."""
    for number, seed in enumerate(seeds):
        text = prompts[number % len(prompts)] if prompts else scene_from_seed(seed)[1].text
        yield model.sampled(seed, text, seed)
