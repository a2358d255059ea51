"""The workflows that capture must hold in: what is done to model, text and sampling, and what comes out."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import tiny_models
import torch
from tiny_models import noise, sample, text

EXACT = "latent identical, maps equal the reference"
NEWEST, OLDER, REGISTRY = "0.33.0", "0.3.64", "registry"
#: The columns of the table.
HOSTS = (NEWEST, OLDER, REGISTRY)
UPSTREAM_ONLY = (NEWEST, OLDER)


@dataclass(frozen=True)
class Case:
    """A workflow around capture.

    before, after: what other nodes do to the model ahead of and behind SelAgg Capture.
    run: (model, positive, negative, callback) -> latent.  split: as if the host were short of memory.
    said: what a notice must say.  coverage: whether everything must have been recorded.
    compared: whether maps are compared with the reference.  partly: a part is recorded all the same.
    words: what the positive prompt's must be.
    """

    positive: list
    negative: list
    model: Any = None
    before: Callable[[Any], Any] = lambda model: model
    after: Callable[[Any], Any] = lambda model: model
    run: Callable[..., torch.Tensor] | None = None
    settings: dict = field(default_factory=dict)
    split: bool = False
    said: str = ""
    coverage: bool = True
    compared: bool = True
    partly: bool = False
    words: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Situation:
    """A row of the compatibility table.

    build: models -> case; outcome: what the test ensures; hosts: the columns whose hosts have such a feature.
    """

    group: str
    name: str
    build: Callable[[Models], Case]
    outcome: str = EXACT
    hosts: tuple[str, ...] = HOSTS

    @property
    def id(self) -> str:
        return f"{self.group}: {self.name}"


@dataclass(frozen=True)
class Models:
    """What situations are made of: tiny models, and an encoder that labels (text -> CONDITIONING)."""

    sd1: Any
    sd2: Any
    sdxl: Any
    encode: Callable[[str], list]


# -- the host's own nodes --------------------------------------------------------------------------------


def host_node(name: str, module: str | None = None) -> Callable[..., Any]:
    """A node of the host as a function of its inputs; it gives the first output."""
    if module is None:
        node = getattr(importlib.import_module("nodes"), name)
    else:
        try:
            node = getattr(importlib.import_module(f"comfy_extras.{module}"), name)
        except ModuleNotFoundError:
            node = getattr(importlib.import_module(f"comfy_extras.nodes.{module}"), name)

    def call(*args, **inputs):
        with torch.inference_mode():
            run = node.execute if hasattr(node, "execute") else getattr(node(), node.FUNCTION)
            given = run(*args, **inputs)
        return getattr(given, "result", given)[0]

    return call


def patched(name: str, module: str, **inputs) -> Callable[[Any], Any]:
    """A node that takes a model and gives a changed one."""
    return lambda model: host_node(name, module)(model, **inputs)


# -- text ------------------------------------------------------------------------------------------------

P, N = text(77, 1), text(77, 2)
WORDS = "a red cube left of one blue ball near the old barn"


def words_of(count: int) -> str:
    """A text of `count` tokens, one a word."""
    pieces = WORDS.split()
    return " ".join(pieces[i % len(pieces)] for i in range(count))


def texts() -> list[Situation]:
    def prompt(written: str, other: str = "blurry", **more) -> Callable[[Models], Case]:
        return lambda models: Case(models.encode(written), models.encode(other), **more)

    rows = [(f"{n} tokens", words_of(n)) for n in (1, 75, 76, 150, 300)]
    rows += [
        ("empty prompt", ""),
        ("weights and escapes", r"(red cube:1.3), ((ball)) and \(old\) barn"),
        ("glued commas", "red,blue,,green , ball,"),
        ("words of many tokens", "extraordinarily antidisestablishmentarian zzyzx"),
        ("other scripts and emoji", "\u8d64\u3044 \u732b \U0001f431 caf\u00e9"),
        ("BREAK as a word", "red cube BREAK blue ball"),
    ]
    made = [Situation("text", name, prompt(words)) for name, words in rows]
    embeddings = {
        "embedding of the encoder's width": ("style", ("red", "embedding:style", "cube")),
        "embedding of another width (the host drops it)": ("wide", ("red", "cube")),
    }
    for name, (file, spoken) in embeddings.items():
        text = f"red embedding:{file} cube"
        made.append(Situation("text", name, prompt(text, words=spoken), f"{EXACT}, words as encoded"))
    made.append(Situation("text", "longer negative", prompt("red cube", words_of(200))))
    made.append(Situation("text", "150 and 300 tokens", prompt(words_of(150), words_of(300))))
    return made


def conditionings() -> list[Situation]:
    two = text(154, 3)

    def case(positive: Callable[[], list], **more) -> Callable[[Models], Case]:
        return lambda models: Case(positive(), N, **more)

    # At least 8 cells a side: the registry's host fails on smaller areas, with or without capture.
    def area(x, y):
        return host_node("ConditioningSetArea")(text(77, 5), 96, 64, x, y, 1.0)

    def timed(start, end):
        return host_node("ConditioningSetTimestepRange")(text(77, 5), start, end)

    def masked():
        mask = torch.zeros(1, 64, 96)
        mask[:, :, :48] = 1
        return P + host_node("ConditioningSetMask")(
            text(77, 5), mask=mask, strength=1.0, set_cond_area="default"
        )

    def controlled():
        control = tiny_models.control_net()
        return host_node("ControlNetApply")(P, control, torch.rand(1, 64, 96, 3), 0.8)

    def joined(models: Models) -> Case:
        parts = models.encode("red cube"), models.encode("blue ball near a barn")
        return Case(host_node("ConditioningConcat")(*parts), models.encode(""))

    def averaged(models: Models) -> Case:
        parts = models.encode("red cube"), models.encode("blue ball")
        return Case(host_node("ConditioningAverage")(*parts, 0.6), N, said="words are approximate")

    return [
        Situation("conditioning", "Combine of three lengths", case(lambda: P + two + text(231, 4))),
        Situation("conditioning", "Combine, short of memory", case(lambda: P + two, split=True)),
        Situation("conditioning", "Concat", joined),
        Situation("conditioning", "Average", averaged, f"{EXACT}, words said to be approximate"),
        Situation("conditioning", "SetArea", case(lambda: P + area(32, 16), settings={"size": (2, 12, 20)})),
        Situation(
            "conditioning",
            "SetArea ahead of the whole picture",
            case(lambda: area(0, 0) + P, settings={"size": (1, 12, 20)}),
        ),
        Situation("conditioning", "SetMask", case(masked)),
        Situation("conditioning", "SetTimestepRange", case(lambda: P + timed(0.5, 1.0))),
        Situation(
            "conditioning",
            "SetTimestepRange alone",
            case(lambda: timed(0.0, 0.5), coverage=False, said="steps were not recorded"),
            f"{EXACT}, steps without the prompt are reported",
        ),
        Situation("conditioning", "ControlNet", case(controlled)),
        Situation(
            "conditioning",
            "text for each picture",
            case(lambda: text(77, 1, batch=2), compared=False, settings={"size": (2, 8, 12)}),
            "latent identical, columns without words",
        ),
    ]


# -- sizes, models, samplers -----------------------------------------------------------------------------


def sizes() -> list[Situation]:
    def sized(batch, height, width, **settings) -> Callable[[Models], Case]:
        return lambda models: Case(P, N, settings={"size": (batch, height, width), **settings})

    rows = [(1, 8, 8), (2, 8, 12), (4, 7, 13), (8, 16, 5), (1, 9, 31), (1, 32, 20)]
    made = [Situation("size", f"{b} x {h} x {w} latents", sized(b, h, w)) for b, h, w in rows]

    # Self-attention on 128 x 128 cells takes minutes on a CPU; SDXL has none on its finest grid.
    def large(models: Models) -> Case:
        return Case(
            tiny_models.pooled(P),
            tiny_models.pooled(N),
            models.sdxl,
            settings={"size": (1, 128, 128), "steps": 1, "cfg": 1.0},
        )

    made.append(Situation("size", "1 x 128 x 128 latents (SDXL layout)", large))
    return made


def layouts() -> list[Situation]:
    def sdxl(models: Models) -> Case:
        return Case(tiny_models.pooled(P), tiny_models.pooled(N), models.sdxl)

    def halves(dtype) -> Callable[[Models], Case]:
        return lambda models: Case(P, N, tiny_models.unet(dtype=dtype))

    return [
        Situation("model", "SD1.x layout, v-prediction off", lambda models: Case(P, N)),
        Situation("model", "SD2.x layout", lambda models: Case(P, N, models.sd2)),
        Situation("model", "SDXL layout", sdxl),
        Situation("model", "SDXL layout, cfg 1", lambda models: replace_settings(sdxl(models), cfg=1.0)),
        Situation("model", "float16 weights", halves(torch.float16)),
        Situation("model", "bfloat16 weights", halves(torch.bfloat16)),
    ]


def replace_settings(case: Case, **settings) -> Case:
    return Case(case.positive, case.negative, case.model, settings={**case.settings, **settings})


def sampling() -> list[Situation]:
    def settings(positive=P, **own) -> Callable[[Models], Case]:
        return lambda models: Case(positive, N, settings=own)

    def masked():
        mask = torch.zeros(1, 1, 8, 12)
        mask[..., :6] = 1
        return {"latent": noise(1, 8, 12, seed=5), "denoise": 0.6, "noise_mask": mask, "steps": 4}

    def custom(model, positive, negative, callback):
        """SamplerCustom: its node gives two latents, both of which must find the run."""
        import comfy.sample
        import comfy.samplers

        sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "karras", 3)
        with torch.inference_mode():
            return comfy.sample.sample_custom(
                model, noise(1, 8, 12), 5.0, comfy.samplers.sampler_object("heun"), sigmas, positive,
                negative, torch.zeros(1, 4, 8, 12), callback=callback, disable_pbar=True, seed=3,
            )  # fmt: skip

    def staged(model, positive, negative, callback):
        first = sample(model, positive, negative, steps=4, last_step=2)
        return sample(
            model,
            positive,
            negative,
            latent=first,
            steps=4,
            start_step=2,
            disable_noise=True,
            callback=callback,
        )

    def hires(model, positive, negative, callback):
        first = sample(model, positive, negative, steps=2)
        larger = torch.nn.functional.interpolate(first, size=(16, 24), mode="nearest")
        return sample(model, positive, negative, latent=larger, denoise=0.5, steps=4, callback=callback)

    return [
        Situation("sampling", "cfg 1 (no negative is evaluated)", settings(cfg=1.0)),
        Situation(
            "sampling", "image to image", settings(latent=noise(2, 8, 12, seed=5), denoise=0.5, steps=4)
        ),
        Situation("sampling", "inpaint", settings(**masked())),
        Situation("sampling", "short of memory: one entry a call", lambda models: Case(P, N, split=True)),
        Situation("sampling", "KSamplerAdvanced, two stages", lambda models: Case(P, N, run=staged)),
        Situation("sampling", "hires fix, two samplers", lambda models: Case(P, N, run=hires)),
        Situation("sampling", "SamplerCustom", lambda models: Case(P, N, run=custom)),
    ]


def guiders() -> list[Situation]:
    def guided(make: Callable[[Any, list, list], Any]) -> Callable[..., torch.Tensor]:
        def run(model, positive, negative, callback):
            import comfy.samplers

            guider = make(model, positive, negative)
            sigmas = comfy.samplers.calculate_sigmas(model.get_model_object("model_sampling"), "normal", 3)
            with torch.inference_mode():
                return guider.sample(
                    noise(1, 8, 12), torch.zeros(1, 4, 8, 12), comfy.samplers.sampler_object("euler"), sigmas,
                    callback=callback, disable_pbar=True, seed=1,
                )  # fmt: skip

        return run

    custom = "nodes_custom_sampler"
    middle, empty = text(77, 8), text(77, 9)

    def dual(model, positive, negative):
        node, inputs = host_node("DualCFGGuider", custom), {}
        if (
            "style"
            in importlib.import_module("inspect").signature(node_function("DualCFGGuider", custom)).parameters
        ):
            inputs["style"] = "regular"
        return node(model, positive, middle, negative, 6.0, 4.0, **inputs)

    def dual_model(model, positive, negative):
        return host_node("DualModelGuider", custom)(model, positive, 4.0, tiny_models.unet(9), negative)

    makers = {
        "BasicGuider": lambda m, p, n: host_node("BasicGuider", custom)(m, p),
        "CFGGuider": lambda m, p, n: host_node("CFGGuider", custom)(m, p, n, 6.0),
        "DualCFGGuider": dual,
        "PerpNegGuider": lambda m, p, n: host_node("PerpNegGuider", "nodes_perpneg")(
            m, p, n, empty, 6.0, 1.0
        ),
    }
    made = [
        Situation("guidance", f"{name} with SamplerCustomAdvanced", _with_run(guided(make)))
        for name, make in makers.items()
    ]
    made.append(
        Situation(
            "guidance",
            "DualModelGuider (negative by another model) with SamplerCustomAdvanced",
            _with_run(guided(dual_model)),
            hosts=(NEWEST,),
        )
    )
    patches = {
        "PerturbedAttentionGuidance": patched("PerturbedAttentionGuidance", "nodes_pag", scale=3.0),
        "SelfAttentionGuidance": patched("SelfAttentionGuidance", "nodes_sag", scale=0.5, blur_sigma=2.0),
        "RescaleCFG": patched("RescaleCFG", "nodes_model_advanced", multiplier=0.7),
    }
    old_perp_neg = patched("PerpNeg", "nodes_perpneg", empty_conditioning=empty, neg_scale=1.0)
    for name, patch in patches.items():
        made += [
            Situation("guidance", f"{name} before capture", _with_patch("before", patch)),
            Situation("guidance", f"{name} after capture", _with_patch("after", patch)),
        ]
    made += [
        Situation(
            "guidance",
            f"PerpNeg (the old node) {place} capture",
            _with_patch(place, old_perp_neg, coverage=False, said="could not be attributed to a prompt"),
            f"{EXACT}; rows of the node's own text are reported",
        )
        for place in ("before", "after")
    ]
    skipping = patched(
        "SkipLayerGuidanceDiT", "nodes_slg", scale=3.0, start_percent=0.0, end_percent=1.0, double_layers="1",
        single_layers="1",
    )  # fmt: skip
    made.append(
        Situation("guidance", "SkipLayerGuidance", _with_patch("before", skipping), hosts=UPSTREAM_ONLY)
    )
    return made


def node_function(name: str, module: str):
    """The function of a node, for its parameters."""
    try:
        node = getattr(importlib.import_module(f"comfy_extras.{module}"), name)
    except ModuleNotFoundError:
        node = getattr(importlib.import_module(f"comfy_extras.nodes.{module}"), name)
    return node.execute if hasattr(node, "execute") else getattr(node, node.FUNCTION)


def _with_run(run) -> Callable[[Models], Case]:
    return lambda models: Case(P, N, run=run)


def _with_patch(place: str, patch: Callable[[Any], Any], **more) -> Callable[[Models], Case]:
    return lambda models: Case(P, N, **{place: patch}, **more)


# -- other packs -----------------------------------------------------------------------------------------


def like_ip_adapter(model):
    """Adds to the attention of some layers, as IPAdapter does; keys of both forms."""
    import comfy.ldm.modules.attention as attention

    def attend(q, k, v, options):
        return attention.optimized_attention(q, k, v, options["n_heads"]) + 0.1 * q

    model = model.clone()
    for key in (("input", 1), ("middle", 0, 0), ("output", 2, 0)):
        model.set_model_attn2_replace(attend, *key)
    return model


def like_attention_override(model):
    """Takes the host's attention over, as SageAttention nodes do."""

    def override(function, *args, **kwargs):
        return function(*args, **kwargs) * 0.9

    model = model.clone()
    options = model.model_options["transformer_options"] = dict(model.model_options["transformer_options"])
    options["optimized_attention_override"] = override
    return model


def like_a_lora(model):
    """Changes weights of the attention's projections."""
    model = model.clone()
    weights = {
        f"diffusion_model.{name}": (0.05 * torch.ones_like(values),)
        for name, values in model.model.diffusion_model.named_parameters()
        if name.endswith(("to_q.weight", "to_k.weight"))
    }
    model.add_patches(weights, 0.7)
    return model


def like_a_function_wrapper(model):
    model = model.clone()
    model.set_model_unet_function_wrapper(
        lambda apply, args: apply(args["input"], args["timestep"], **args["c"]) * 0.9
    )
    return model


CROPS = (slice(0, 8), slice(4, 12))


def like_tiled_diffusion(model):
    """Calls the model on overlapping parts of the picture, one after the other, and joins what they give."""

    def tiles(apply, args):
        x, out = args["input"], torch.zeros_like(args["input"])
        for crop in CROPS:
            out[..., crop] += apply(x[..., crop], args["timestep"], **args["c"])
        return out / 2

    model = model.clone()
    model.set_model_unet_function_wrapper(tiles)
    return model


def like_batched_tiled_diffusion(model):
    """As `like_tiled_diffusion` in a single call, the parts as rows."""

    def tiles(apply, args):
        x, c, count = args["input"], dict(args["c"]), len(CROPS)
        c["c_crossattn"] = c["c_crossattn"].repeat(count, 1, 1)
        c["transformer_options"] = {
            **c["transformer_options"],
            "cond_or_uncond": args["cond_or_uncond"] * count,
        }
        parts = torch.cat([x[..., crop] for crop in CROPS])
        out = torch.zeros_like(x)
        for crop, part in zip(
            CROPS, apply(parts, args["timestep"].repeat(count), **c).chunk(count), strict=True
        ):
            out[..., crop] += part
        return out / 2

    model = model.clone()
    model.set_model_unet_function_wrapper(tiles)
    return model


def like_longer_text(model):
    """Gives the attention more columns than the text has, as some style nodes do."""

    def extend(n, context, value, options):
        longer = torch.cat([context, context[:, :5]], dim=1)
        return n, longer, longer

    model = model.clone()
    model.set_model_attn2_patch(extend)
    return model


def like_attention_couple(model):
    """The prompt on the left, another text on the right, by keys that are computed in the layer's place."""
    import comfy.ldm.modules.attention as attention

    context, layers = text(77, 5)[0][0], dict(model.model.diffusion_model.named_modules())

    def couple(module):
        def attend(q, k, v, options):
            own = context.expand(q.shape[0], -1, -1)
            texts = (k, v), (module.to_k(own), module.to_v(own))
            left, right = (attention.optimized_attention(q, *kv, options["n_heads"]) for kv in texts)
            return torch.where((torch.arange(q.shape[1]) % 4 < 2).view(1, -1, 1), left, right)

        return attend

    model = model.clone()
    for name, number, depth in tiny_models.UNET_SITES:
        blocks = "middle_block.1" if name == "middle" else f"{name}_blocks.{number}.1"
        module = layers[f"{blocks}.transformer_blocks.{depth}.attn2"]
        model.set_model_attn2_replace(couple(module), name, number, depth)
    return model


def like_prompt_injection(model):
    """Gives the layers another text than the prompt."""
    model = model.clone()
    context = text(77, 5)[0][0]
    model.set_model_attn2_patch(lambda n, own, value, options: (n, *[context.expand_as(own)] * 2))
    return model


def in_context_windows(model):
    """The host's own node: five pictures, two at a time."""
    name, module = "ContextWindowsManualNode", "nodes_context_windows"
    inputs = dict(
        context_length=2, context_overlap=1, context_schedule="standard_static", context_stride=1,
        closed_loop=False, fuse_method="pyramid", dim=0, freenoise=False,
    )  # fmt: skip
    known = importlib.import_module("inspect").signature(node_function(name, module)).parameters
    return host_node(name, module)(model, **{x: value for x, value in inputs.items() if x in known})


def other_packs() -> list[Situation]:
    large = {"size": (1, 32, 32), "steps": 2}
    patches = {
        "LoRA": (like_a_lora, {}),
        "attn2 replacement (IPAdapter)": (like_ip_adapter, {}),
        "model function wrapper": (like_a_function_wrapper, {}),
        "FreeU_V2": (patched("FreeU_V2", "nodes_freelunch", b1=1.3, b2=1.4, s1=0.9, s2=0.2), {}),
        "HyperTile": (
            patched(
                "HyperTile", "nodes_hypertile", tile_size=128, swap_size=2, max_depth=0, scale_depth=False
            ),
            {"settings": large, "said": "self-attention"},
        ),
        "ToMe": (patched("TomePatchModel", "nodes_tomesd", ratio=0.4), {"settings": {"size": (1, 16, 16)}}),
        "Deep Shrink": (
            patched(
                "PatchModelAddDownscale", "nodes_model_downscale", block_number=1, downscale_factor=2.0,
                start_percent=0.0, end_percent=1.0, downscale_after_skip=True, downscale_method="bicubic",
                upscale_method="bicubic",
            ),
            {"settings": {"size": (1, 16, 16)}},
        ),
    }  # fmt: skip
    made = [
        Situation("other packs", f"{name} {place} capture", _with_patch(place, patch, **more))
        for name, (patch, more) in patches.items()
        for place in ("before", "after")
    ]
    made += [
        Situation(
            "other packs",
            f"attention override {place} capture",
            _with_patch(place, like_attention_override),
            hosts=UPSTREAM_ONLY,
        )
        for place in ("before", "after")
    ]
    tiled = {"said": "(tiles?)", "coverage": False, "compared": False}
    made += [
        Situation(
            "other packs",
            f"{name} {place} capture",
            _with_patch(place, patch, **tiled),
            "latent identical, reported as not recorded",
        )
        for name, patch in (
            ("tiled diffusion (model called on parts of the picture)", like_tiled_diffusion),
            ("tiled diffusion, parts in one call", like_batched_tiled_diffusion),
        )
        for place in ("before", "after")
    ]
    left_out = {"coverage": False, "compared": False}
    made += [
        Situation(
            "other packs",
            f"{name} {place} capture",
            _with_patch(place, patch, **left_out, said=said),
            "latent identical, layers reported as not of the prompt",
        )
        for name, patch, said in (
            (
                "attention couple (attn2 with keys of its own)",
                like_attention_couple,
                "keys or weights of its own",
            ),
            ("prompt injection (another text in the layers)", like_prompt_injection, "a text of its own"),
        )
        for place in ("before", "after")
    ]
    windows = {
        "settings": {"size": (5, 8, 8), "steps": 4},
        "said": "on a few pictures at a time",
        "partly": True,
    }
    made.append(
        Situation(
            "other packs",
            "context windows (the model is called on a few pictures)",
            _with_patch("before", in_context_windows, **left_out, **windows),
            "latent identical, pictures left out are counted and named",
            UPSTREAM_ONLY,
        )
    )
    reported = {"said": "other text columns", "coverage": False, "compared": False}
    made.append(
        Situation(
            "other packs",
            "text columns added inside the model",
            _with_patch("before", like_longer_text, **reported),
            "latent identical, reported as not recorded",
        )
    )
    return made


def all_situations() -> list[Situation]:
    return [
        *texts(), *conditionings(), *sizes(), *layouts(), *sampling(), *guiders(), *other_packs()
    ]  # fmt: skip
