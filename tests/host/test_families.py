"""Transformers of the host's own classes: the latent is untouched, maps are exact, nothing stays behind."""

from __future__ import annotations

import importlib
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from tiny_transformers import KINDS, STRANGER, Kind, encoded, once_each, sample_transformer, transformer

OVERRIDE = "optimized_attention_override"
COLUMNS = 20
BETWEEN = ("Omnigen2", "Boogu", "HunyuanVideo")
"""Their reference pictures stand between text and picture."""


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")


@pytest.fixture(scope="module")
def tiny(host, pack):
    return once_each()


def captured(model, **settings):
    return importlib.import_module("selagg_nodes.capture").SelAggCapture().capture(model, **settings)


# -- an independent record --------------------------------------------------------------------


@dataclass
class Call:
    q: torch.Tensor
    k: torch.Tensor
    mask: torch.Tensor | None
    order: list[int]
    v: torch.Tensor | None = None


def with_override(model, function):
    """A copy of the model with another pack's override."""
    model = model.clone()
    model.model_options["transformer_options"] = {
        **model.model_options.get("transformer_options", {}), OVERRIDE: function,
    }  # fmt: skip
    return model


def by_head(q, k, heads: int, asked: dict):
    """q, k in float64, (rows, heads, tokens, dim)."""
    if not asked.get("skip_reshape"):
        q, k = (x.unflatten(2, (heads, -1)).transpose(1, 2) for x in (q, k))
    return q.double(), k.repeat_interleave(q.shape[1] // k.shape[1], dim=1).double()


def watching(kind: Kind, model):
    """A copy of the model that keeps every attention call, and the list it keeps them in.

    Where the network gives the host's attention no options, `module_watched` is what keeps them.
    """
    calls: list[Call] = []
    if kind.module:
        return model.clone(), calls

    return with_override(model, keeping(calls)), calls


def keeping(calls: list[Call], then=None):
    """An override that keeps every attention call; then: another pack's, which it calls."""

    def keep(function, q, k, v, heads, mask=None, **kwargs):
        order = list(kwargs["transformer_options"]["cond_or_uncond"])
        values = v if v.ndim == 4 else v.unflatten(2, (heads, -1))  # SD3 has parted them already
        values = values if kwargs.get("skip_reshape") else values.transpose(1, 2)
        values = values.repeat_interleave(heads // values.shape[1], dim=1).double()
        calls.append(Call(*by_head(q, k, heads, kwargs), mask, order, values))
        if then is not None:
            return then(function, q, k, v, heads, mask=mask, **kwargs)
        return function(q, k, v, heads, mask=mask, **kwargs)

    return keep


@contextmanager
def module_watched(kind: Kind, model, calls: list[Call]):
    """For a while the network's module keeps every attention call."""
    if not kind.module:
        yield
        return
    module, order = importlib.import_module(kind.module), []
    own = module.optimized_attention

    def keep(q, k, v, heads, mask=None, **kwargs):
        calls.append(Call(*by_head(q, k, heads, kwargs), mask, list(order)))
        return own(q, k, v, heads, mask=mask, **kwargs)

    def note(apply_model, args):
        order[:] = args["cond_or_uncond"]
        return apply_model(args["input"], args["timestep"], **args["c"])

    model.set_model_unet_function_wrapper(note)
    module.optimized_attention = keep
    try:
        yield
    finally:
        module.optimized_attention = own


def watched_sample(kind: Kind, model, *texts, **settings) -> tuple[torch.Tensor, list[Call]]:
    """The latent without capture, and every attention call of the run."""
    watched, calls = watching(kind, model)
    with module_watched(kind, watched, calls):
        return sample_transformer(kind, watched, *texts, **settings), calls


def grid_of(kind: Kind, size) -> tuple[int, int]:
    return -(-size[1] * kind.larger // kind.patch), -(-size[2] * kind.larger // kind.patch)


def reference(
    kind: Kind, calls, size, columns=COLUMNS, references=0
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each layer, means over steps for the positive rows: columns' maps, and the padding's sum."""
    height, width = grid_of(kind, size)
    cells, batch = height * width, size[0]
    start, length = kind.text(columns)
    if kind.joint:
        total = kind.total(columns, cells) + references
        own = [call for call in calls if call.q.shape[2] == call.k.shape[2] == total]
    else:
        own = [call for call in calls if call.k.shape[2] == length and call.q.shape[2] == cells]
        own = [call for call in own if 0 in call.order]
        if length == cells:  # self-attention comes first and looks the same
            calls = kind.before + 2 * len(kind.layers)
            own = [
                call
                for i, call in enumerate(own)
                if i % calls > kind.before and (i - kind.before) % calls % 2
            ]
    own = [call for call in own if 0 in call.order]
    layers = len(kind.layers)
    assert len(own) == 2 * layers  # two steps
    maps, rest = [], []
    for layer in range(layers):
        steps = []
        for call in own[layer::layers]:
            text, image = slice(0, length), slice(None)
            if kind.joint and kind.picture_first:
                image, text = slice(0, cells), slice(call.k.shape[2] - length, call.k.shape[2])
            elif kind.joint:  # reference pictures last, or between
                first = length + (references if kind.model in BETWEEN else 0)
                image = slice(first, first + cells)
            logits = call.q[:, :, image] @ call.k.mT * call.q.shape[3] ** -0.5
            if call.mask is not None:
                logits = logits + call.mask
            row = call.order.index(0) * batch
            steps.append(torch.softmax(logits, -1)[row : row + batch, :, :, text])
        mean = torch.stack(steps).mean(0).mT.unflatten(3, (height, width)).numpy()
        maps.append(mean[:, :, start : start + columns + kind.more])
        rest.append(mean.sum(2) - maps[-1].sum(2))
    return maps, rest


def assert_exact(kind: Kind, capture, latent, calls, size, **more) -> None:
    recording = capture.recording_for(latent)
    entry = recording.positive()
    assert recording.coverage.complete, recording.coverage
    assert [str(layer) for layer in entry.maps] == list(kind.layers)
    for values, special, wanted, padding in zip(
        entry.maps.values(), entry.special.values(), *reference(kind, calls, size, **more), strict=True
    ):
        assert values.shape == wanted.shape
        assert np.abs(values - wanted).max() < 1e-5
        assert np.abs(special - padding).max() < 1e-5
        assert values.std() > 0.1 * values.mean()  # flat attention would fit any mix of rows and heads


# -- exactness and the untouched latent -------------------------------------------------------


@pytest.mark.parametrize(("size", "cfg"), [((1, 8, 12), 4.0), ((2, 8, 12), 1.0), ((2, 10, 7), 4.0)])
@pytest.mark.parametrize("name", KINDS)
def test_maps_are_exact_and_the_latent_is_untouched(tiny, name, size, cfg):
    kind, model = KINDS[name], tiny(name)
    size = (*size[:2], size[2] + size[2] % 2) if kind.even else size
    positive, negative = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    plain, calls = watched_sample(kind, model, positive, negative, size=size, cfg=cfg)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, negative, size, cfg)
    assert torch.equal(latent, plain) and torch.isfinite(latent).all()
    assert_exact(kind, capture, latent, calls, size)
    assert OVERRIDE not in with_capture.model_options.get("transformer_options", {})
    if kind.module:  # exchanged for the length of a call, and back again
        function = importlib.import_module(kind.module).optimized_attention
        assert function.__module__ == "comfy.ldm.modules.attention"


@pytest.fixture
def torch_attention(monkeypatch):
    """The host as it is started for most cards: with torch's attention."""
    own = importlib.import_module("comfy.ldm.modules.attention")
    functions = own.optimized_attention, own.optimized_attention_masked
    for name, module in list(sys.modules.items()):
        if name.startswith("comfy."):
            for attribute, value in list(vars(module).items()):
                if any(value is function for function in functions):
                    monkeypatch.setattr(module, attribute, own.attention_pytorch)


@pytest.mark.parametrize(("size", "cfg"), [((1, 8, 12), 4.0), ((2, 8, 12), 1.0)])
@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.joint])
def test_log_sum_exps_of_the_models_own_kernel_are_used(tiny, torch_attention, monkeypatch, name, size, cfg):
    """Where the host's attention is torch's, nothing is summed over all keys a second time."""
    kind, model = KINDS[name], tiny(name)
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    plain, calls = watched_sample(kind, model, *texts, size=size, cfg=cfg)
    with_capture, capture = captured(model)
    joint = importlib.import_module("selagg_core.recording.joint")
    monkeypatch.setattr(joint, "log_sum_exp", lambda *_: pytest.fail("summed once more"))
    latent = sample_transformer(kind, with_capture, *texts, size, cfg)
    assert torch.equal(latent, plain)
    assert_exact(kind, capture, latent, calls, size)


@pytest.mark.parametrize("longer", [5, 20])
@pytest.mark.parametrize("name", KINDS)
def test_texts_of_two_lengths_and_image_to_image(tiny, name, longer):
    """5 more columns: the host calls the model twice; twice as many: it may repeat the shorter text."""
    kind, model = KINDS[name], tiny(name)
    positive, negative = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS + longer, 2)
    sides = 8 * kind.larger, 10 * kind.larger
    start = torch.randn(1, kind.channels, *((1,) if kind.frames else ()), *sides)
    settings = {"size": (1, 8, 10), "latent": start, "denoise": 0.7}
    plain, calls = watched_sample(kind, model, positive, negative, **settings)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, negative, **settings)
    assert torch.equal(latent, plain)
    assert_exact(kind, capture, latent, calls, (1, 8, 10))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", KINDS)
def test_changed_weights_as_of_a_lora(tiny, name, when):
    """Patches of the weights, as LoRA loaders add them, on either side of capture."""
    kind, model = KINDS[name], tiny(name)
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    untouched = sample_transformer(kind, model, *texts)
    patches = small_patches(model)
    plain, calls = watched_sample(kind, patched(model, patches), *texts)
    with_capture, capture = captured(patched(model, patches) if when == "before" else model)
    with_capture = with_capture if when == "before" else patched(with_capture, patches)
    latent = sample_transformer(kind, with_capture, *texts)
    assert torch.equal(latent, plain) and not torch.equal(latent, untouched)
    assert_exact(kind, capture, latent, calls, (1, 8, 12))


def small_patches(model) -> dict:
    """For each larger weight of the network a little that is added to it."""
    generator = torch.Generator().manual_seed(9)
    return {
        f"diffusion_model.{name}": ("diff", (0.01 * torch.randn(values.shape, generator=generator),))
        for name, values in model.model.diffusion_model.named_parameters()
        if values.ndim == 2 and name.endswith("weight")
    }


def patched(model, patches: dict):
    model = model.clone()
    assert model.add_patches(patches, 1.0)
    return model


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", KINDS)
def test_another_packs_override_still_has_its_say(tiny, name, when):
    """It changes the picture as it does without capture, and is called as often."""
    kind, model = KINDS[name], tiny(name)
    if kind.module:
        pytest.skip("asks no override: see the exchanged functions below")
    positive, negative = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    seen = []

    def other(function, *args, **kwargs):
        seen.append(1)
        return function(*args, **kwargs) * 0.9

    calls: list[Call] = []
    plain = sample_transformer(kind, with_override(model, keeping(calls, other)), positive, negative)
    times = len(seen)
    if when == "before":
        with_capture, capture = captured(with_override(model, other))
    else:
        with_capture, capture = captured(model)
        with_capture = with_override(with_capture, other)
    latent = sample_transformer(kind, with_capture, positive, negative)
    assert torch.equal(latent, plain) and len(seen) == 2 * times
    assert not torch.equal(latent, sample_transformer(kind, model, positive, negative))
    assert_exact(kind, capture, latent, calls, (1, 8, 12))
    assert with_capture.model_options["transformer_options"][OVERRIDE] is other


@pytest.mark.parametrize(
    ("name", "count"),
    [
        *((name, 1) for name in ("flux2", "longcat", "mage_flow", "joyimage", "boogu", "hunyuan_video")),
        *((name, count) for name in ("flux", "qwen_image", "krea2", "omnigen2") for count in (1, 2)),
    ],
)
def test_reference_pictures_are_not_the_picture(tiny, name, count):
    """One, or several of different sizes."""
    kind, model = KINDS[name], tiny(name)
    noise, middle = torch.Generator().manual_seed(4), (1,) if kind.frames else ()
    given = [torch.randn(1, kind.channels, *middle, 4, 6 - 2 * n, generator=noise) for n in range(count)]
    extra = {"reference_latents": given, "reference_latents_method": "index"}
    extra = {"ref_latent": given[0]} if name == "hunyuan_video" else extra
    positive = [[values, {**own, **extra}] for values, own in encoded(kind, COLUMNS, 1)]
    plain, calls = watched_sample(kind, model, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    assert torch.equal(latent, plain)
    cells = sum(-(-4 // kind.patch) * -(-x.shape[-1] // kind.patch) for x in given)
    assert_exact(kind, capture, latent, calls, (1, 8, 12), references=cells)
    assert_from_the_reference(kind, capture.recording_for(latent), calls, cells)


def assert_from_the_reference(kind: Kind, recording, calls, references: int) -> None:
    """What goes to reference pictures is recorded by itself, and said."""
    height, width = grid_of(kind, (1, 8, 12))
    cells, length = height * width, kind.text(COLUMNS)[1]
    own = [c for c in calls if c.q.shape[2] == kind.total(COLUMNS, cells) + references and 0 in c.order]
    first = cells if kind.picture_first else length if kind.model in BETWEEN else length + cells
    image = 0 if kind.picture_first else length + (references if kind.model in BETWEEN else 0)
    entry = recording.positive()
    assert [str(layer) for layer in entry.reference] == list(kind.layers)
    for number, values in enumerate(entry.reference.values()):
        steps = []
        for call in own[number :: len(kind.layers)]:
            logits = call.q[:, :, image : image + cells] @ call.k.mT * call.q.shape[3] ** -0.5
            steps.append(torch.softmax(logits, -1)[..., first : first + references].sum(-1))
        wanted = torch.stack(steps).mean(0).unflatten(2, (height, width)).numpy()
        assert np.abs(values - wanted).max() < 1e-5 and values.min() > 0
    (notice,) = [notice for notice in recording.notices if notice.startswith("From the reference: ")]
    assert len(notice) <= 300 and " %" in notice


@pytest.mark.parametrize("name", ["flux", "qwen_image", "lens", "omnigen2", "aura_flow", "krea2"])
@pytest.mark.parametrize("reading", ["places, words alone", "words", "outputs"])
def test_other_readings_are_exact(tiny, name, reading):
    """Each against float64 over the same calls; the latent stays as it is."""
    kind, model = KINDS[name], tiny(name)
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    plain, calls = watched_sample(kind, model, *texts)
    settings = importlib.import_module("selagg_core.recording.settings").CaptureSettings(reading=reading)
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    capture = importlib.import_module("selagg_core.recording.capture").Capture(labels, settings)
    with_capture = model.clone()
    importlib.import_module("selagg_nodes.recording.recorder").install(with_capture, capture)
    latent = sample_transformer(kind, with_capture, *texts)
    assert torch.equal(latent, plain)
    height, width = grid_of(kind, (1, 8, 12))
    cells = height * width
    own = [c for c in calls if c.q.shape[2] == kind.total(COLUMNS, cells) and 0 in c.order]
    recorded = capture.recording_for(latent).positive().maps
    for number, values in enumerate(recorded.values()):
        steps = [of_reading(kind, reading, call, cells) for call in own[number :: len(kind.layers)]]
        wanted = torch.stack(steps).mean(0).mT.unflatten(3, (height, width)).numpy()
        assert values.shape == wanted.shape
        assert np.abs(values - wanted).max() < 1e-5 * max(1.0, np.abs(wanted).max())
        assert values.std() > 0


def of_reading(kind: Kind, reading: str, call: Call, cells: int) -> torch.Tensor:
    """(1, heads, cells, columns) of the positive row, by the definition of a reading."""
    start, length = kind.text(COLUMNS)
    first = cells if kind.picture_first else 0
    image = slice(0, cells) if kind.picture_first else slice(length, length + cells)
    words = slice(first + start, first + start + COLUMNS)
    row = slice(call.order.index(0), call.order.index(0) + 1)
    logits = call.q @ call.k.mT * call.q.shape[3] ** -0.5
    logits = logits if call.mask is None else logits + call.mask
    if reading == "places, words alone":
        return torch.softmax(logits[:, :, image, words], -1)[row]
    every = torch.softmax(logits, -1)
    if reading == "words":
        return every[:, :, words, image].mT[row]
    outputs = every @ call.v
    return (outputs[:, :, image] @ outputs[:, :, words].mT)[row]


def test_a_reading_that_is_not_known_is_refused(pack):
    settings = importlib.import_module("selagg_core.recording.settings").CaptureSettings
    with pytest.raises(ValueError, match="reading must be one of places"):
        settings(reading="everything")


def test_padded_captions_with_a_mask(tiny):
    """Qwen-Image: columns that are masked out get nothing."""
    kind, model = KINDS["qwen_image"], tiny("qwen_image")
    mask = torch.ones(1, COLUMNS, dtype=torch.long)
    mask[:, 15:] = 0
    positive = [[values, {**own, "attention_mask": mask}] for values, own in encoded(kind, COLUMNS, 1)]
    plain, calls = watched_sample(kind, model, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, positive, encoded(kind, COLUMNS, 2), cfg=1.0)
    assert torch.equal(latent, plain)
    assert_exact(kind, capture, latent, calls, (1, 8, 12))
    for values in capture.recording_for(latent).positive().maps.values():
        assert values[:, :, 15:].max() == 0 and values[:, :, :15].min() > 0


def test_another_number_of_tokens_is_not_guessed(tiny):
    """A pack adds tokens: nothing is recorded, the picture is as without capture, a notice says why."""
    kind, model = KINDS["flux"], tiny("flux")

    def longer(args):
        more = args["txt"][:, :1]
        return {
            **args,
            "txt": torch.cat([args["txt"], more], 1),
            "txt_ids": torch.cat([args["txt_ids"]] * 2, 1)[:, :21],
        }

    changed = model.clone()
    changed.set_model_post_input_patch(longer)
    plain = sample_transformer(kind, changed, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    with_capture, capture = captured(changed)
    latent = sample_transformer(kind, with_capture, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert not recording.entries and not recording.coverage.complete
    assert "text and picture is made in a way that is not known" in " ".join(recording.notices)


@pytest.mark.parametrize(
    ("name", "left_out", "number"),
    [
        ("sd3", "double_block", 0), ("aura_flow", "double_block", 1), ("aura_flow", "single_block", 0),
        ("hunyuan_dit", "double_block", 1), ("hunyuan_image", "single_block", 1), ("lens", "double_block", 0),
        ("kandinsky5", "double_block", 1),
    ],
)  # fmt: skip
def test_blocks_that_another_pack_leaves_out_do_not_shift_the_names(tiny, name, left_out, number):
    kind, model = KINDS[name], tiny(name)
    skipping = model.clone()
    skipping.set_model_patch_replace(lambda args, extra: args, "dit", left_out, number)
    plain = sample_transformer(kind, skipping, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    with_capture, capture = captured(skipping)
    latent = sample_transformer(kind, with_capture, encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    gone = f"{left_out.replace('_', ' ')} {number}"
    gone = gone if gone in kind.layers else f"block {number}"
    assert [str(layer) for layer in recording.positive().maps] == [x for x in kind.layers if x != gone]
    assert gone in " ".join(recording.notices)


@pytest.mark.parametrize("cfg", [1.0, 4.0])
def test_a_transformer_of_no_known_family_is_read_by_the_shape_of_its_calls(host, pack, cfg):
    """And what was guessed is said. Text of another length than the family thinks: nothing is recorded."""
    model = transformer(STRANGER)
    texts = encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2)
    plain, calls = watched_sample(STRANGER, model, *texts, cfg=cfg)
    with_capture, capture = captured(model)
    latent = sample_transformer(
        STRANGER, with_capture, encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2), cfg=cfg
    )
    assert torch.equal(latent, plain)
    assert_exact(STRANGER, capture, latent, calls, (1, 8, 12))
    assert "does not know this model" in " ".join(capture.recording_for(latent).notices)


def test_a_stranger_whose_calls_have_another_shape_gives_no_maps(host, pack):
    model = transformer(STRANGER)
    own = model.model.diffusion_model
    own.forward = _one_token_less(own.forward)
    plain = sample_transformer(STRANGER, model, encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2))
    with_capture, capture = captured(model)
    latent = sample_transformer(STRANGER, with_capture, encoded(STRANGER, 20, 1), encoded(STRANGER, 20, 2))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert not recording.entries and "No cross-attention was seen" in " ".join(recording.notices)


def _one_token_less(forward):
    return lambda x, timesteps, context=None, **more: forward(x, timesteps, context=context[:, 1:], **more)


@pytest.mark.parametrize("name", [name for name, kind in KINDS.items() if kind.module])
def test_another_packs_exchanged_function_still_has_its_say(tiny, name, monkeypatch):
    kind, model = KINDS[name], tiny(name)
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    untouched = sample_transformer(kind, model, *texts)
    module = importlib.import_module(kind.module)
    own, seen = module.optimized_attention, []

    def other(*args, **kwargs):
        seen.append(1)
        return own(*args, **kwargs) * 0.9

    monkeypatch.setattr(module, "optimized_attention", other)
    plain, calls = watched_sample(kind, model, *texts)
    times = len(seen)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, *texts)
    assert torch.equal(latent, plain) and len(seen) == 2 * times
    assert not torch.equal(latent, untouched)
    assert_exact(kind, capture, latent, calls, (1, 8, 12))
    assert module.optimized_attention is other


# -- columns without words --------------------------------------------------------------------


def spoken_of(columns: int):
    """A text of every kind of column: a mark, a template, words, a comma, a stop word, a mark, padding."""
    words = importlib.import_module("selagg_core.prompt.words")
    own = (words.Word("red", (3, 4)), words.Word("of", (6,)), words.Word("cat", (7,)))
    kinds = (("padding", tuple(range(9, columns))), ("template", (1, 2)))
    return words.Prompt("red, of cat", own, columns, (0, 1, 2, *range(8, columns)), wordless=kinds)


@pytest.mark.parametrize("name", KINDS)
def test_shares_of_attention_by_kind_of_column(tiny, name):
    """Of every family: against float64; they are no word's, and words do not compete with them."""
    kind, model = KINDS[name], tiny(name)
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    encoders = importlib.import_module("selagg_nodes.families.text_encoders")
    maps = importlib.import_module("selagg_core.maps.word_maps")
    texts = encoded(kind, COLUMNS, 41), encoded(kind, COLUMNS + 5, 2)
    prompt = spoken_of(COLUMNS + kind.more)
    labels.register(prompt, encoders.text_of(*texts[0][0]), recoded=kind.ids)
    plain, calls = watched_sample(kind, model, *texts)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, *texts)
    assert torch.equal(latent, plain)
    entry = capture.recording_for(latent).positive()
    kinds = {
        "words": (3, 4, 7), "stop words": (6,), "punctuation": (5,), "marks": (0, 8), "template": (1, 2),
        "padding": tuple(range(9, COLUMNS + kind.more)),
    }  # fmt: skip
    beside = "other" if name in ("aura_flow", "hunyuan_image") else "padding"
    for values, own, rest in zip(
        entry.shares.values.values(), *reference(kind, calls, (1, 8, 12)), strict=True
    ):
        wanted = {of: own[:, :, columns].sum(2).mean((-2, -1)) for of, columns in kinds.items()}
        wanted[beside] = wanted.get(beside, 0) + rest.mean((-2, -1))
        found = dict(zip(entry.shares.kinds, np.moveaxis(values, -1, 0), strict=True))
        for of, share in wanted.items():
            assert np.abs(found.get(of, 0) - share).max() < 1e-5, of
        if not kind.joint:
            assert abs(values.sum(-1) - 1).max() < 1e-5
    picture = entry.picture(0)
    grid = maps.finest_grid(picture)
    with_sinks = replace(picture, special={x: own + 9 for x, own in picture.special.items()})
    rivals = maps.everything_map(picture, grid)
    assert np.array_equal(rivals, maps.everything_map(with_sinks, grid))
    alone = [values[:, [0, 2]].sum(1).mean(0) for values in picture.maps.values()]
    assert np.abs(rivals - np.mean(alone, 0)).max() < 1e-5


@pytest.mark.parametrize("name", ["wan", "flux"])
def test_shares_of_a_text_that_is_labelled_after_the_run(tiny, name):
    """They are those of a run whose text was known."""
    kind, model = KINDS[name], tiny(name)
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    texts = encoded(kind, COLUMNS, 42), encoded(kind, COLUMNS, 2)
    shares = []
    for known in (False, True):
        with_capture, capture = captured(model)
        latent = sample_transformer(kind, with_capture, *texts)
        if not known:
            before = capture.recording_for(latent).positive().shares
            assert not before.values or not {"words", "template"} & set(before.kinds)
            labels.register(spoken_of(COLUMNS), texts[0][0][0])
        shares.append(capture.recording_for(latent).positive().shares)
    late, early = shares
    assert late.kinds == early.kinds
    for layer, values in late.values.items():
        assert np.abs(values - early.values[layer]).max() < 1e-5


# -- video ------------------------------------------------------------------------------------

VIDEO = ("wan", "cosmos", "anima", "kandinsky5", "hunyuan_video")


def frame_maps(kind: Kind, calls, size, frames: int) -> list[np.ndarray]:
    """For each layer (frames, heads, columns, h, w) of the positive row, means over two steps, in float64."""
    height, width = grid_of(kind, size)
    cells = height * width
    start, length = kind.text(COLUMNS)
    keys = kind.total(COLUMNS, cells * frames) if kind.joint else length
    queries = keys if kind.joint else cells * frames
    own = [c for c in calls if (c.q.shape[2], c.k.shape[2]) == (queries, keys) and 0 in c.order]
    layers = len(kind.layers)
    assert len(own) == 2 * layers
    first, maps = length if kind.joint else 0, []
    for layer in range(layers):
        steps = []
        for call in own[layer::layers]:
            logits = call.q[:, :, first : first + cells * frames] @ call.k.mT * call.q.shape[3] ** -0.5
            logits = logits if call.mask is None else logits + call.mask
            steps.append(torch.softmax(logits, -1)[call.order.index(0), :, :, start : start + COLUMNS])
        mean = torch.stack(steps).mean(0).mT.unflatten(2, (frames, height, width))
        maps.append(mean.permute(2, 0, 1, 3, 4).numpy())
    return maps


@pytest.mark.parametrize(("frames", "cfg"), [(3, 4.0), (2, 1.0)])
@pytest.mark.parametrize("name", VIDEO)
def test_every_frame_of_a_video_has_maps(tiny, name, frames, cfg):
    kind, model = KINDS[name], tiny(name)
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    more = {"latent": torch.zeros(1, kind.channels, frames, 8, 12), "cfg": cfg}
    plain, calls = watched_sample(kind, model, *texts, **more)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, *texts, **more)
    assert torch.equal(latent, plain) and latent.shape[2] == frames
    recording = capture.recording_for(latent)
    assert recording.frames == tuple(range(frames)) and recording.coverage.complete, recording.notices
    entry = recording.positive()
    for values, wanted in zip(entry.maps.values(), frame_maps(kind, calls, (1, 8, 12), frames), strict=True):
        assert values.shape == wanted.shape and np.abs(values - wanted).max() < 1e-5
    first = recording.first_frames().positive()
    for layer, values in first.maps.items():
        assert np.array_equal(values, entry.maps[layer][:1])


@pytest.mark.parametrize("name", ["wan", "hunyuan_video"])
def test_of_large_frames_every_second_cell_is_asked(tiny, name):
    """So that a frame of a video costs what a joint layer costs; of one picture all cells are, as ever."""
    kind, model = KINDS[name], tiny(name)
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    more = {"latent": torch.zeros(1, kind.channels, 2, 80, 60), "cfg": 1.0}
    plain, calls = watched_sample(kind, model, *texts, **more)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, *texts, **more)
    assert torch.equal(latent, plain)
    entry = capture.recording_for(latent).positive()
    for values, wanted in zip(entry.maps.values(), frame_maps(kind, calls, (1, 80, 60), 2), strict=True):
        assert values.shape[-2:] == (20, 15)
        assert np.abs(values - wanted[..., ::2, ::2]).max() < 1e-5


def test_of_a_long_video_some_frames_are_kept_and_the_bytes_are_bounded(tiny):
    kind, model = KINDS["wan"], tiny("wan")
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    sizes = {}
    for frames in (16, 40):
        more = {"latent": torch.zeros(2, kind.channels, frames, 8, 12), "size": (2, 8, 12), "steps": 1}
        with_capture, capture = captured(model, memory_mb=1)
        latent = sample_transformer(kind, with_capture, *texts, **more)
        recording = capture.recording_for(latent)
        assert recording.frames[0] == 0 and recording.frames[-1] == frames - 1
        assert len(recording.frames) == 16 and recording.positive().batch == 32
        sizes[frames] = capture.get_ram_usage()
        assert recording.coverage.complete
    assert sizes[16] == sizes[40] <= 2**20


@pytest.mark.parametrize("behind", [False, True])
def test_pictures_to_go_by_do_not_shift_the_frames_of_wan(host, pack, behind):
    """Their tokens lie before the video, or behind it."""
    kind = replace(
        KINDS["wan"], config={**KINDS["wan"].config, **({} if behind else {"in_dim_ref_conv": 16})}
    )
    model = transformer(kind)
    given = torch.randn(1, 16, 1, 8, 12, generator=torch.Generator().manual_seed(4))
    extra = {"time_dim_concat": given} if behind else {"reference_latents": [given]}
    texts = [[[values, {**own, **extra}] for values, own in encoded(kind, COLUMNS, seed)] for seed in (1, 2)]
    more = {"latent": torch.zeros(1, 16, 2, 8, 12)}
    plain, calls = watched_sample(kind, model, *texts, **more)
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, *texts, **more)
    assert torch.equal(latent, plain)
    cells = 4 * 6
    assert {c.q.shape[2] for c in calls} == {3 * cells}
    first = 0 if behind else cells
    cut = [replace(c, q=c.q[:, :, first : first + 2 * cells]) for c in calls if c.k.shape[2] == COLUMNS]
    entry = capture.recording_for(latent).positive()
    for values, wanted in zip(entry.maps.values(), frame_maps(kind, cut, (1, 8, 12), 2), strict=True):
        assert np.abs(values - wanted).max() < 1e-5


# -- edit models ------------------------------------------------------------------------------


def pair_reference(kind: Kind, calls, size) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """HiDream-E1's maps of columns and of the given picture: rows of one beside those of the other."""
    height, width = grid_of(kind, size)
    pair, columns = height * 2 * width, COLUMNS + kind.more
    own = [c for c in calls if c.q.shape[2] == pair + columns and 0 in c.order]
    places = torch.arange(pair).view(height, 2 * width)
    image, given = places[:, :width].flatten(), places[:, width:].flatten()
    maps, shares = [], []
    for layer in range(len(kind.layers)):
        steps = []
        for call in own[layer :: len(kind.layers)]:
            row = call.order.index(0) * size[0]
            logits = call.q[:, :, image] @ call.k.mT * call.q.shape[3] ** -0.5
            steps.append(torch.softmax(logits, -1)[row : row + size[0]])
        mean = torch.stack(steps).mean(0).unflatten(2, (height, width))
        maps.append(mean[..., pair:].permute(0, 1, 4, 2, 3).numpy())
        shares.append(mean[..., given].sum(-1).numpy())
    return maps, shares


@pytest.mark.parametrize(("size", "cfg"), [((1, 8, 12), 4.0), ((2, 8, 12), 1.0)])
@pytest.mark.parametrize("override", ["none", "before", "after"])
def test_hidream_e1_whose_given_picture_lies_beside_the_one_it_makes(tiny, size, cfg, override):
    kind, model = KINDS["hidream"], tiny("hidream")
    given = torch.randn(1, 16, *size[1:], generator=torch.Generator().manual_seed(4))
    texts = [
        [[values, {**own, "concat_latent_image": given}] for values, own in encoded(kind, COLUMNS, seed)]
        for seed in (1, 2)
    ]

    def other(function, *args, **kwargs):
        return function(*args, **kwargs)

    plain, calls = watched_sample(kind, model, *texts, size=size, cfg=cfg)
    with_capture, capture = captured(with_override(model, other) if override == "before" else model)
    with_capture = with_override(with_capture, other) if override == "after" else with_capture
    latent = sample_transformer(kind, with_capture, *texts, size, cfg)
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    entry = recording.positive()
    assert recording.coverage.complete, recording.notices
    wanted, shares = pair_reference(kind, calls, size)
    for values, own in zip(entry.maps.values(), wanted, strict=True):
        assert np.abs(values - own).max() < 1e-5
    for values, own in zip(entry.reference.values(), shares, strict=True):
        assert np.abs(values - own).max() < 1e-5 and own.min() > 0
    assert any(notice.startswith("From the reference: ") for notice in recording.notices)


def test_hidream_e1_of_a_width_that_mixes_both_pictures_is_not_guessed(tiny):
    kind, model = KINDS["hidream"], tiny("hidream")
    given = torch.randn(1, 16, 8, 7, generator=torch.Generator().manual_seed(4))
    texts = [
        [[values, {**own, "concat_latent_image": given}] for values, own in encoded(kind, COLUMNS, seed)]
        for seed in (1, 2)
    ]
    plain = sample_transformer(kind, model, *texts, (1, 8, 7))
    with_capture, capture = captured(model)
    latent = sample_transformer(kind, with_capture, *texts, (1, 8, 7))
    assert torch.equal(latent, plain)
    recording = capture.recording_for(latent)
    assert not recording.entries and "beside the one that it makes" in " ".join(recording.notices)


@pytest.mark.parametrize("name", ["flux", "hidream"])
def test_what_goes_to_reference_pictures_is_counted_in_the_memory(tiny, name):
    """A budget that is just enough for the words' maps is not exceeded by the one map more."""
    kind, model = KINDS[name], tiny(name)
    given = torch.randn(1, kind.channels, 64, 64, generator=torch.Generator().manual_seed(4))
    extra = {"concat_latent_image": given} if name == "hidream" else {"reference_latents": [given]}
    texts = encoded(kind, COLUMNS, 1), encoded(kind, COLUMNS, 2)
    edited = [[values, {**own, **extra}] for values, own in texts[0]]
    settings = importlib.import_module("selagg_core.recording.settings").CaptureSettings
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    recorder = importlib.import_module("selagg_nodes.recording.recorder")
    make = importlib.import_module("selagg_core.recording.capture").Capture

    def kept(positive, **more) -> int:
        capture, own = make(labels, settings(**more)), model.clone()
        recorder.install(own, capture)
        sample_transformer(kind, own, positive, positive, (1, 64, 64), 1.0, 1)
        return capture.get_ram_usage()

    enough = kept(texts[0])
    assert kept(texts[0], budget=enough) == enough
    assert enough < kept(edited)
    assert kept(edited, budget=enough) <= enough
