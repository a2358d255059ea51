"""Sampling hooks on the registry's host (`comfyui==0.0.1`, mid-2024), which has no wrappers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack

import comfy.samplers

from .generation import KEY
from .hooks import ModelCall, SamplingHooks, SamplingRun, with_steps


def install_sampling_shim() -> None:
    """Give a host without wrappers the same hooks; once, however often the pack is loaded."""
    guider_class = comfy.samplers.CFGGuider
    if getattr(guider_class.sample, KEY, False):
        return
    original = guider_class.sample
    signature = inspect.signature(original)

    def sample(self, *args, **kwargs):
        handlers = self.model_options.get("transformer_options", {}).get(KEY)
        given = signature.bind(self, *args, **kwargs)
        given.apply_defaults()
        if not handlers or given.arguments["sigmas"].shape[-1] == 0:
            return original(self, *args, **kwargs)

        def run(remaining, hooked):
            if not remaining:
                return sample_with_hooks(original, self, given.arguments, hooked)
            arguments = given.arguments
            return remaining[0](
                SamplingRun(
                    self,
                    arguments["noise"],
                    arguments["latent_image"],
                    arguments["sigmas"],
                    lambda hooks: run(remaining[1:], hooked if hooks is None else [*hooked, hooks]),
                )
            )

        return run(handlers, [])

    setattr(sample, KEY, True)
    guider_class.sample = sample


def sample_with_hooks(original, guider, arguments: Mapping, hooks: Sequence[SamplingHooks]):
    """The host's sampling with hooks in its model options, denoiser and batch function; all undone after."""
    arguments = {name: value for name, value in arguments.items() if name != "self"}
    if not hooks:
        return original(guider, **arguments)
    hooks = sorted(hooks, key=lambda own: not own.changes_attention)  # first: what comes later sees it
    saved_options, batch = guider.model_options, comfy.samplers.calc_cond_batch
    predict, had_own = guider.predict_noise, vars(guider).get("predict_noise")
    previous = saved_options.get("model_function_wrapper")

    def function_wrapper(apply_model, args):
        def apply(x, timestep, *rest, **c):
            c |= zip(("c_concat", "c_crossattn", "control", "transformer_options"), rest, strict=False)
            options = c.get("transformer_options", {})
            with ExitStack() as stack:
                for own in hooks:
                    call = ModelCall(x, c.get("c_crossattn"), options, c)
                    options = stack.enter_context(own.model_call(call))
                return apply_model(x, timestep, **{**c, "transformer_options": options})

        # Inside the other pack's wrapper: it may call the model on other rows or on parts of the picture.
        if previous is not None:
            return previous(apply, args)
        return apply(args["input"], args["timestep"], **args["c"])

    def predict_noise(*args, **kwargs):
        x = args[0] if args else kwargs["x"]
        return _within([own.evaluation(x) for own in hooks], predict, args, kwargs)

    def calc_cond_batch(model, conds, x_in, *args, **kwargs):
        scopes = [own.batch(conds, x_in) for own in hooks]
        return _within(scopes, batch, (model, conds, x_in, *args), kwargs)

    for own in hooks:
        arguments["callback"] = with_steps(own, arguments["callback"])
    try:
        guider.model_options = {**saved_options, "model_function_wrapper": function_wrapper}
        guider.predict_noise = predict_noise
        comfy.samplers.calc_cond_batch = calc_cond_batch
        return original(guider, **arguments)
    finally:
        comfy.samplers.calc_cond_batch = batch
        guider.model_options = saved_options
        if had_own is None:
            del guider.predict_noise
        else:
            guider.predict_noise = had_own


def _within(scopes: Sequence[AbstractContextManager], function, args, kwargs):
    if not scopes:
        return function(*args, **kwargs)
    with scopes[0]:
        return _within(scopes[1:], function, args, kwargs)
