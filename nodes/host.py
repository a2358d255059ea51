"""Every difference between ComfyUI hosts, in one place.

Upstream ComfyUI (2025 and later) has wrappers around sampling (`comfy.patcher_extension`); the host that
installs from a package registry (`comfyui==0.0.1`, mid-2024) has none, and gets the same hooks through one
class method and one module function.  Both paths call the same `SamplingHooks`.
"""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import comfy.ldm.modules.attention as host_attention
import comfy.samplers
import torch

try:
    import comfy.patcher_extension as patcher_extension
except ImportError:
    patcher_extension = None

try:
    import folder_paths
except ImportError:
    from comfy.cmd import folder_paths

KEY = "selagg"


# ----------------------------------------------------------------------------------------------------
# Folders and progress
# ----------------------------------------------------------------------------------------------------


def output_directory() -> str:
    return folder_paths.get_output_directory()


def temp_directory() -> str:
    return folder_paths.get_temp_directory()


def relevance_directory() -> str:
    """The folder of head relevance files among the host's models; it may not exist yet."""
    return os.path.join(folder_paths.models_dir, KEY)


def input_directory() -> str:
    return folder_paths.get_input_directory()


def server_routes():
    """The route table of the running server, or None: no server, or one whose frontend is too old for ours.

    Not imported: where there is a server, it is there before custom nodes are loaded.
    """
    if patcher_extension is None:
        return None
    server_class = getattr(sys.modules.get("server"), "PromptServer", None)
    return getattr(getattr(server_class, "instance", None), "routes", None)


def progress_bar(total: int):
    """The host's progress bar: `.update(1)`, `.update_absolute(value, total)`."""
    return importlib.import_module("comfy.utils").ProgressBar(total)


def stop_if_interrupted() -> None:
    """Raises the host's own exception if the user has asked it to stop."""
    importlib.import_module("comfy.model_management").throw_exception_if_processing_interrupted()


# ----------------------------------------------------------------------------------------------------
# Text encoders
# ----------------------------------------------------------------------------------------------------

#: Names by which hosts call CLIP text encoders in `clip.tokenize`: SD1.x and SDXL, SDXL, SD2.x.
CLIP_NAMES = ("l", "g", "h")


@dataclass(frozen=True)
class TokenStream:
    """The tokens of one text encoder: chunks of (token, weight, word number)."""

    chunks: Sequence[Sequence[tuple]]
    vocabulary: Mapping[int, str]
    embedding_width: int | None


def token_streams(clip, text: str) -> tuple[TokenStream, ...]:
    """The token streams of a text, one for each CLIP encoder; () if the encoders are not all CLIP."""
    tokens = clip.tokenize(text, return_word_ids=True)
    if not isinstance(tokens, dict) or not set(tokens) <= set(CLIP_NAMES):
        return ()
    streams = []
    for name in (n for n in CLIP_NAMES if n in tokens):
        tokenizer = getattr(clip.tokenizer, f"clip_{name}", None)
        if tokenizer is None:
            return ()
        streams.append(TokenStream(tokens[name], tokenizer.inv_vocab, _embedding_width(clip, name)))
    return tuple(streams)


def _embedding_width(clip, name: str) -> int | None:
    encoder = getattr(clip.cond_stage_model, f"clip_{name}", None)
    transformer = getattr(encoder, "transformer", None)
    if transformer is None:
        return None
    return int(transformer.get_input_embeddings().weight.shape[-1])


def encode_text(clip, text: str) -> list:
    """CONDITIONING, exactly as the host's own CLIP Text Encode makes it."""
    tokens = clip.tokenize(text)
    if hasattr(clip, "encode_from_tokens_scheduled"):
        return clip.encode_from_tokens_scheduled(tokens)
    cond, pooled = clip.encode_from_tokens(tokens, return_pooled=True)
    return [[cond, {"pooled_output": pooled}]]


# ----------------------------------------------------------------------------------------------------
# Models
# ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AttentionSite:
    """One cross-attention layer: its patch key, heads, how often its grid was halved, and the module.

    self_module: the self-attention in front of it, width: the channels of its queries.
    """

    block: str
    number: int
    depth: int
    heads: int
    halvings: int
    module: Any
    self_module: Any
    width: int

    @property
    def key(self) -> tuple[str, int, int]:
        return self.block, self.number, self.depth


def diffusion_model(model) -> Any:
    """The network of a ModelPatcher, without torch.compile's shell."""
    return _uncompiled(getattr(getattr(model, "model", None), "diffusion_model", None))


def _uncompiled(module):
    return getattr(module, "_orig_mod", module)


def model_name(model) -> str:
    """What the host calls this kind of model, for messages."""
    inner = getattr(model, "model", None)
    config = getattr(inner, "model_config", None)
    return type(config if config is not None else inner).__name__


def cross_attention_sites(model) -> tuple[AttentionSite, ...]:
    """The text cross-attention layers of an image UNet, in order of execution; () for any other model."""
    network = diffusion_model(model)
    if not all(hasattr(network, name) for name in ("input_blocks", "middle_block", "output_blocks")):
        return ()
    sites: list[AttentionSite] = []
    halvings = 0
    for number, block in enumerate(network.input_blocks):
        halvings += _has(block, "Downsample")
        sites += _sites_of(block, "input", number, halvings)
    if network.middle_block is not None:
        sites += _sites_of(network.middle_block, "middle", 0, halvings)
    for number, block in enumerate(network.output_blocks):
        sites += _sites_of(block, "output", number, halvings)
        halvings -= _has(block, "Upsample")
    if any(_has(block, "SpatialVideoTransformer") for block in network.input_blocks):
        return ()
    return tuple(sites)


def _sites_of(block, name: str, number: int, halvings: int) -> list[AttentionSite]:
    sites = []
    for module in map(_uncompiled, _uncompiled(block).children()):
        for depth, transformer in enumerate(getattr(module, "transformer_blocks", ())):
            own = _uncompiled(transformer)
            attention, self_attention = (_uncompiled(getattr(own, x, None)) for x in ("attn2", "attn1"))
            if attention is not None and hasattr(attention, "heads"):
                width = attention.heads * attention.dim_head
                sites.append(
                    AttentionSite(
                        name,
                        number,
                        depth,
                        attention.heads,
                        max(0, halvings),
                        attention,
                        self_attention,
                        width,
                    )
                )
    return sites


def _has(block, class_name: str) -> bool:
    return any(type(module).__name__ == class_name for module in _uncompiled(block).children())


def is_stock_attention(module) -> bool:
    """Whether replacing this layer's attention leaves its result alone.

    A layer whose forward was exchanged, or that carries forward hooks, would be bypassed by a replacement.
    """
    stock = type(module).forward is host_attention.CrossAttention.forward
    return (
        stock and "forward" not in vars(module) and not (module._forward_hooks or module._forward_pre_hooks)
    )


def attention(q, k, v, options: dict) -> torch.Tensor:
    """The host's own cross-attention, for a layer that nobody else has replaced.

    Looked up at each call: other packs exchange the host's function while it runs.
    """
    extra = {"transformer_options": options} if patcher_extension is not None else {}
    function = host_attention.optimized_attention
    return function(q, k, v, options["n_heads"], attn_precision=options["attn_precision"], **extra)


def is_compiled_without_guards(model) -> bool:
    """Whether parts of a ModelPatcher's network are compiled, and a graph of one layer may serve another.

    ComfyUI's own Torch Compile Model (0.33.0) leaves out the guards on transformer options, by which graphs
    are told apart: whatever was replaced in the first layer or run stays in the graph.
    """
    network = getattr(model.model, "diffusion_model", None)
    modules = network.modules() if isinstance(network, torch.nn.Module) else ()
    return any(_leaves_out_guards(value) for module in modules for value in list(vars(module).values()))


def _leaves_out_guards(function) -> bool:
    """Of a function that torch.compile made: as a module's forward, or in a compiled module's shell."""
    if not hasattr(function, "_torchdynamo_orig_callable"):
        return False
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    cells = dict(zip(names, getattr(function, "__closure__", None) or (), strict=False))
    callback = cells["callback"].cell_contents if "callback" in cells else None
    return getattr(getattr(callback, "hooks", None), "guard_filter_fn", None) is not None


def denoised_latent(model, denoised: torch.Tensor) -> torch.Tensor:
    """A sampler's denoised prediction as the host's second LATENT output gives it."""
    return model.model.process_latent_out(denoised.cpu())


# ----------------------------------------------------------------------------------------------------
# Sampling
# ----------------------------------------------------------------------------------------------------


class SamplingHooks(Protocol):
    """What a recorder does during one sampling run."""

    def evaluation(self) -> AbstractContextManager:
        """Around one evaluation of the denoiser by the sampler."""

    def batch(self, conds: Sequence, x: torch.Tensor) -> AbstractContextManager:
        """Around the model calls for these lists of conditioning entries on the latent x."""

    def model_call(self, x: torch.Tensor, context: torch.Tensor | None, options: dict) -> dict:
        """Before one call of the model: transformer options to use in it."""

    def step(self, step: int, denoised: torch.Tensor) -> None:
        """The sampler has reported a step."""


@dataclass(frozen=True)
class SamplingRun:
    """A sampling run that is about to start.  `guider.conds` holds the entries once it runs."""

    guider: Any
    noise: torch.Tensor
    sigmas: torch.Tensor
    proceed: Callable[[SamplingHooks | None], torch.Tensor]


def on_sampling(model, handler: Callable[[SamplingRun], torch.Tensor]) -> None:
    """Call `handler` around every sampling run of this ModelPatcher; it must call `run.proceed` once.

    Nothing is put where other packs put their attention patches.
    """
    if patcher_extension is not None:
        wrapper = _outer_sample_wrapper(handler)
        model.add_wrapper_with_key(patcher_extension.WrappersMP.OUTER_SAMPLE, KEY, wrapper)
        return
    _install_sampling_shim()
    options = dict(model.model_options.get("transformer_options", {}))
    options[KEY] = [*options.get(KEY, ()), handler]
    model.model_options["transformer_options"] = options


def _with_steps(hooks: SamplingHooks, callback: Callable | None) -> Callable:
    def report(step, denoised, *rest):
        hooks.step(step, denoised)
        if callback is not None:
            callback(step, denoised, *rest)

    return report


def _outer_sample_wrapper(handler):
    def outer_sample(executor, *args, **kwargs):
        guider = executor.class_obj
        signature = ("noise", "latent_image", "sampler", "sigmas", "denoise_mask", "callback")
        given = {**dict(zip(signature, args, strict=False)), **kwargs}

        def proceed(hooks):
            if hooks is None:
                return executor(*args, **kwargs)
            _add_run_wrappers(guider, hooks)
            callback = _with_steps(hooks, given.get("callback"))
            position = signature.index("callback")
            if len(args) > position:
                return executor(*args[:position], callback, *args[position + 1 :], **kwargs)
            return executor(*args, **{**kwargs, "callback": callback})

        return handler(SamplingRun(guider, given["noise"], given["sigmas"], proceed))

    return outer_sample


def _add_run_wrappers(guider, hooks: SamplingHooks) -> None:
    """The host copied the guider's options for this run: what is added here is gone when it ends."""

    def predict_noise(executor, *args, **kwargs):
        with hooks.evaluation():
            return executor(*args, **kwargs)

    def calc_cond_batch(executor, *args, **kwargs):
        with hooks.batch(args[1], args[2]):
            return executor(*args, **kwargs)

    def apply_model(executor, *args, **kwargs):
        own = getattr(guider, "inner_model", executor.class_obj)
        if executor.class_obj is not own:  # a guider's second model, another device's copy
            return executor(*args, **kwargs)
        # Positions are kept: other packs' wrappers index them.
        x, context, options = args[0], args[3], args[5]
        return executor(*args[:5], hooks.model_call(x, context, options), *args[6:], **kwargs)

    kinds = patcher_extension.WrappersMP
    for kind, wrapper in (
        (kinds.PREDICT_NOISE, predict_noise),
        (kinds.CALC_COND_BATCH, calc_cond_batch),
        (kinds.APPLY_MODEL, apply_model),
    ):
        patcher_extension.add_wrapper_with_key(
            kind, KEY, wrapper, guider.model_options, is_model_options=True
        )


def _install_sampling_shim() -> None:
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
                return _sample_with_hooks(original, self, given.arguments, hooked)
            arguments = given.arguments
            return remaining[0](
                SamplingRun(
                    self,
                    arguments["noise"],
                    arguments["sigmas"],
                    lambda hooks: run(remaining[1:], hooked if hooks is None else [*hooked, hooks]),
                )
            )

        return run(handlers, [])

    setattr(sample, KEY, True)
    guider_class.sample = sample


def _sample_with_hooks(original, guider, arguments: Mapping, hooks: Sequence[SamplingHooks]):
    """The host's sampling with hooks in its model options, denoiser and batch function; all undone after."""
    arguments = {name: value for name, value in arguments.items() if name != "self"}
    if not hooks:
        return original(guider, **arguments)
    saved_options, batch = guider.model_options, comfy.samplers.calc_cond_batch
    predict, had_own = guider.predict_noise, vars(guider).get("predict_noise")
    previous = saved_options.get("model_function_wrapper")

    def function_wrapper(apply_model, args):
        def apply(x, timestep, *rest, **c):
            c |= zip(("c_concat", "c_crossattn", "control", "transformer_options"), rest, strict=False)
            options = c.get("transformer_options", {})
            for own in hooks:
                options = own.model_call(x, c.get("c_crossattn"), options)
            return apply_model(x, timestep, **{**c, "transformer_options": options})

        # Inside the other pack's wrapper: it may call the model on other rows or on parts of the picture.
        if previous is not None:
            return previous(apply, args)
        return apply(args["input"], args["timestep"], **args["c"])

    def predict_noise(*args, **kwargs):
        return _within([own.evaluation() for own in hooks], predict, args, kwargs)

    def calc_cond_batch(model, conds, x_in, *args, **kwargs):
        scopes = [own.batch(conds, x_in) for own in hooks]
        return _within(scopes, batch, (model, conds, x_in, *args), kwargs)

    for own in hooks:
        arguments["callback"] = _with_steps(own, arguments["callback"])
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


def evaluate(model, positive: list, latents: Sequence[torch.Tensor], sigmas: Sequence[float]) -> None:
    """Evaluate a ModelPatcher once per sigma on given noised latents, through the host's own sampling path.

    latents: for each sigma (batch, channels, h, w) in the model's latent space, x = latent + sigma * noise.
    """

    def evaluations(denoiser, noise, _sigmas, extra_args=None, callback=None, disable=None):
        denoised = noise
        for step, (x, sigma) in enumerate(zip(latents, sigmas, strict=True)):
            x = x.to(noise)
            denoised = denoiser(x, x.new_full((x.shape[0],), float(sigma)), **extra_args)
            if callback is not None:
                callback({"i": step, "x": x, "sigma": sigma, "denoised": denoised})
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
    """A latent (1, channels, h, w) sampled from an empty one of size (h, w), as the KSampler node does it."""
    sample = importlib.import_module("comfy.sample")
    channels = model.get_model_object("latent_format").latent_channels
    empty = torch.zeros(1, channels, *size)
    noise = sample.prepare_noise(empty, seed, None)
    return sample.sample(
        model,
        noise,
        steps,
        cfg,
        sampler,
        scheduler,
        positive,
        negative,
        empty,
        disable_pbar=True,
        seed=seed,
    )
