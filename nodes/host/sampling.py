"""Sampling: hooks around every run of a model, and runs of our own."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence

import comfy.samplers
import torch

from .generation import KEY, patcher_extension
from .hooks import ModelCall, SamplingHooks, SamplingRun, with_steps
from .sampling_2024 import install_sampling_shim


def on_sampling(model, handler: Callable[[SamplingRun], torch.Tensor]) -> None:
    """Call `handler` around every sampling run of this ModelPatcher; it must call `run.proceed` once.

    Nothing is put where other packs put their attention patches.
    """
    if patcher_extension is not None:
        wrapper = _outer_sample_wrapper(handler)
        model.add_wrapper_with_key(patcher_extension.WrappersMP.OUTER_SAMPLE, KEY, wrapper)
        return
    install_sampling_shim()
    options = dict(model.model_options.get("transformer_options", {}))
    options[KEY] = [*options.get(KEY, ()), handler]
    model.model_options["transformer_options"] = options


def sampling_handlers(model) -> list[Callable]:
    """All handlers that `on_sampling` has put around the runs of this ModelPatcher."""
    if patcher_extension is None:
        return list(model.model_options.get("transformer_options", {}).get(KEY, ()))
    wrappers = model.get_wrappers(patcher_extension.WrappersMP.OUTER_SAMPLE, KEY)
    return [wrapper.handler for wrapper in wrappers if hasattr(wrapper, "handler")]


def _outer_sample_wrapper(handler):
    def outer_sample(executor, *args, **kwargs):
        guider = executor.class_obj
        signature = ("noise", "latent_image", "sampler", "sigmas", "denoise_mask", "callback")
        given = {**dict(zip(signature, args, strict=False)), **kwargs}

        def proceed(hooks):
            if hooks is None:
                return executor(*args, **kwargs)
            _add_run_wrappers(guider, hooks)
            callback = with_steps(hooks, given.get("callback"))
            position = signature.index("callback")
            if len(args) > position:
                return executor(*args[:position], callback, *args[position + 1 :], **kwargs)
            return executor(*args, **{**kwargs, "callback": callback})

        return handler(
            SamplingRun(guider, given["noise"], given.get("latent_image"), given["sigmas"], proceed)
        )

    outer_sample.handler = handler
    return outer_sample


def _add_run_wrappers(guider, hooks: SamplingHooks) -> None:
    """The host copied the guider's options for this run: what is added here is gone when it ends."""

    def predict_noise(executor, *args, **kwargs):
        with hooks.evaluation(args[0]):
            return executor(*args, **kwargs)

    def calc_cond_batch(executor, *args, **kwargs):
        with hooks.batch(args[1], args[2]):
            return executor(*args, **kwargs)

    def apply_model(executor, *args, **kwargs):
        own = getattr(guider, "inner_model", executor.class_obj)
        if executor.class_obj is not own:  # a guider's second model, another device's copy
            return executor(*args, **kwargs)
        # Positions are kept: other packs' wrappers index them.
        with hooks.model_call(ModelCall(args[0], args[3], args[5], kwargs)) as options:
            return executor(*args[:5], options, *args[6:], **kwargs)

    kinds, options = patcher_extension.WrappersMP, guider.model_options
    for kind, wrapper in (
        (kinds.PREDICT_NOISE, predict_noise),
        (kinds.CALC_COND_BATCH, calc_cond_batch),
        (kinds.APPLY_MODEL, apply_model),
    ):
        patcher_extension.add_wrapper_with_key(kind, KEY, wrapper, options, is_model_options=True)
        if hooks.changes_attention:  # first: what comes later stands before it in attention, and sees it
            own = options["transformer_options"]["wrappers"][kind][KEY]
            own.insert(0, own.pop())


def evaluate(
    model,
    positive: list,
    latents: Sequence[torch.Tensor] | torch.Tensor,
    sigmas: Sequence[float],
    each: Callable[[], None] = lambda: None,
) -> None:
    """Evaluate a ModelPatcher once per sigma on given noised latents, through the host's own sampling path.

    latents: for each sigma (batch, channels, h, w) in the model's latent space, x = latent + sigma * noise.
    each: called after each evaluation.
    """

    def evaluations(denoiser, noise, _sigmas, extra_args=None, callback=None, disable=None):
        denoised = noise
        for step, (x, sigma) in enumerate(zip(latents, sigmas, strict=True)):
            x = x.to(noise)
            denoised = denoiser(x, x.new_full((x.shape[0],), float(sigma)), **extra_args)
            if callback is not None:
                callback({"i": step, "x": x, "sigma": sigma, "denoised": denoised})
            each()
        return denoised

    guider = comfy.samplers.CFGGuider(model)
    guider.inner_set_conds({"positive": positive})
    guider.set_cfg(1.0)
    schedule = torch.tensor(
        [*(float(sigma) for sigma in sigmas), 0.0]
    )  # as of a sampler: one more than steps
    sampler = comfy.samplers.KSAMPLER(evaluations)
    first = latents[0]
    with torch.no_grad():
        guider.sample(first, torch.zeros_like(first), sampler, schedule, disable_pbar=True, seed=0)


def sample_new(
    model,
    positive: list,
    negative: list,
    size: tuple[int, int],
    seed: int,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
) -> torch.Tensor:
    """A latent (1, channels, [1,] h, w) sampled from an empty one, as the KSampler node does it.

    size: (h, w) in cells of 8 pixels, whatever the model's own cells are.
    """
    empty = {"samples": empty_latent(model, size)}
    return sample_part(model, positive, negative, seed, steps, cfg, sampler, scheduler, empty, 0, None)


def empty_latent(model, size: tuple[int, int]) -> torch.Tensor:
    """(1, channels, [1,] h, w) of a model; size: (h, w) in cells of 8 pixels, whatever its own cells are."""
    form = model.get_model_object("latent_format")
    cell = getattr(form, "spacial_downscale_ratio", 8)
    frames = (1,) * (getattr(form, "latent_dimensions", 2) - 2)
    return torch.zeros(1, form.latent_channels, *frames, *(max(1, 8 * side // cell) for side in size))


LATENT_RATIOS = ("downscale_ratio_spacial", "downscale_ratio_temporal")
"""What an empty LATENT says of the model that it was made for."""


def sample_part(
    model,
    positive: list,
    negative: list,
    seed: int,
    steps: int,
    cfg: float,
    sampler: str,
    scheduler: str,
    latent: dict,
    first: int,
    last: int | None,
    denoise: float = 1.0,
    on_step: Callable[..., None] | None = None,
) -> torch.Tensor:
    """Steps `first` to `last` of a run (None: to its end), as the KSampler (Advanced) node does them.

    latent: LATENT where the run starts; from a later step on with what the steps before gave, with its noise.
    denoise: below 1 it starts from a picture, as with the KSampler node.
    on_step: called after each step, as the host calls callbacks.
    """
    sample = importlib.import_module("comfy.sample")
    ratios = [latent[name] for name in LATENT_RATIOS if name in latent]  # older hosts have none
    samples = sample.fix_empty_latent_channels(model, latent["samples"], *ratios)
    noise = (
        torch.zeros_like(samples) if first else sample.prepare_noise(samples, seed, latent.get("batch_index"))
    )
    return sample.sample(
        model,
        noise,
        steps,
        cfg,
        sampler,
        scheduler,
        positive,
        negative,
        samples,
        denoise=denoise,
        disable_noise=bool(first),
        start_step=first,
        last_step=last,
        force_full_denoise=last is None,
        noise_mask=latent.get("noise_mask"),
        callback=on_step,
        disable_pbar=True,
        seed=seed,
    )
