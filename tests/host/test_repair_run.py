"""SelAgg Repair on the real host: it changes what it says, beside Capture and other packs, and no more."""

# ruff: noqa: F811

from __future__ import annotations

import importlib
import logging
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from matrix_check import Matrix, latent_of
from situations import all_situations, like_attention_override, like_ip_adapter
from test_matrix import column_of
from test_viewers import TEXT, labelled, viewers  # noqa: F401 (fixture)
from tiny_models import UNET_SITES, sample, text, unet, unreadable
from tiny_transformers import KINDS, STRANGER, encoded, sample_transformer, transformer

#: Places of words in TEXT: the circle with its colour, the square with its own.
CIRCLE, SQUARE = (1, 2), (6, 7)
SIZE = (1, 8, 12)
#: The registry's host fails on areas of less than 8 cells a side, with or without this pack.
WIDE = (1, 8, 16)
BIAS = 2.0


@pytest.fixture(scope="module")
def parts(pack):
    def module(name):
        return importlib.import_module(name)

    return SimpleNamespace(
        node=module("selagg_nodes.repair").SelAggRepair,
        capture=module("selagg_nodes.capture").SelAggCapture,
        expect=module("selagg_nodes.expect").SelAggExpect,
        report=module("selagg_core.report.report").Report,
        picture=module("selagg_core.diagnosis.examine").PictureDiagnosis,
        finding=module("selagg_core.diagnosis.findings").Finding,
        group=module("selagg_core.prompt.groups").WordGroup,
        plan=module("selagg_core.repair.plan"),
        hooks=module("selagg_nodes.repairing.hooks"),
        region=module("selagg_core.maps.regions").Region,
        prompt=module("selagg_core.prompt.words"),
        key=module("selagg_core.prompt.known_texts").TextKey,
        labels=module("selagg_nodes.recording.labels").LABELS,
    )


@pytest.fixture(scope="module")
def model(host):
    return unet()


def report_of(parts, pictures: int = 1, faulty: int = 0, text: str = TEXT, **settings) -> str:
    """A report in which the circle of one picture should be left of the square, and is not."""
    words = parts.group("circle", (2,)), parts.group("square", (7,))
    told = parts.finding(
        "misplaced", words, 0.9, {}, 0.9, "try", "it lies right of it.", claim="circle left of square"
    )
    made = tuple(parts.picture(n, (), (), (told,) if n == faulty else ()) for n in range(pictures))
    return parts.report(text, {"width": 96, "height": 64, **settings}, made).to_json()


def prompt_in(parts, conditioning):
    return parts.labels.resolve(parts.key.of(conditioning[0][0])).prompt


def repair(parts, model, positive, report=None, **asked):
    """(model, positive, changes) of the node."""
    return parts.node().repair(model, positive, report or report_of(parts), **asked)["result"]


def close(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Whether two latents are the same but for rounding."""
    return bool((one - other).abs().max() < 1e-4 * other.abs().max())


# -- an independent repair ---------------------------------------------------------------------------------


def spot(middle: float, grid: tuple[int, int]) -> torch.Tensor:
    """1 in a disc in the left (middle .25) or right half (.75), -1 outside, over cells of a grid."""
    y, x = np.mgrid[:64, :96] + 0.5
    radius = (0.4 * 0.5 * 64 * 96 / np.pi) ** 0.5
    inside = (x - middle * 96) ** 2 + (y - 32) ** 2 <= radius**2
    height, width = grid
    cells = inside.reshape(height, 64 // height, width, 96 // width).mean((1, 3))
    return torch.from_numpy(2 * cells - 1).float().flatten()


def by_hand(model, rows_of, until=2, strength=1.0, columns=77):
    """A copy of the model whose attention adds the bias as a mask; and its calls' probabilities by layer."""
    kept: dict = {key: [] for key in UNET_SITES}

    def put(key):
        def attend(q, k, v, options):
            heads = options["n_heads"]
            q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
            logits = q @ k.mT * q.shape[-1] ** -0.5
            rows = rows_of(options)
            if len(kept[key]) < until:
                grid = 8 >> UNET_SITES[key], 12 >> UNET_SITES[key]
                for words, middle in ((CIRCLE, 0.25), (SQUARE, 0.75)):
                    for word in words:
                        for column in range(word + 1, k.shape[2], columns):  # word i owns column i + 1
                            logits[rows, :, :, column] += strength * BIAS * spot(middle, grid)
            found = torch.softmax(logits, -1)
            kept[key].append(found[rows].clone())
            return (found @ v).transpose(1, 2).flatten(2)

        return attend

    model = model.clone()
    for key in UNET_SITES:
        model.set_model_attn2_replace(put(key), key[0], key[1], key[2])
    return model, kept


def positive_of(batch: int):
    def rows(options):
        start = options["cond_or_uncond"].index(0) * batch
        return slice(start, start + batch)

    return rows


def maps_of(capture, latent) -> dict:
    entry = capture.recording_for(latent).positive()
    return {(layer.block, layer.number, layer.depth): own for layer, own in entry.maps.items()}


def circle_map(own: np.ndarray) -> np.ndarray:
    """(batch, heads, h, w) of the word "circle" in recorded maps (batch, heads, words, h, w)."""
    return own[:, :, 2]


@pytest.mark.parametrize("capture_first", [True, False])
@pytest.mark.parametrize(("batch", "cfg"), [(1, 1.0), (1, 7.0), (2, 7.0)])
def test_the_picture_and_its_maps_are_those_of_a_bias_by_hand(
    model,
    parts,
    viewers,
    batch,
    cfg,
    capture_first,
):
    positive, negative, settings = (
        labelled(viewers, TEXT, 11),
        text(77, 2),
        {"size": (batch, 8, 12), "cfg": cfg},
    )
    reference, kept = by_hand(model, positive_of(batch))
    wanted = sample(reference, positive, negative, **settings)
    if capture_first:
        own, capture = parts.capture().capture(model)
        own, marked, told = repair(parts, own, positive)
    else:
        own, marked, told = repair(parts, model, positive)
        own, capture = parts.capture().capture(own)
    latent = sample(own, marked, negative, **settings)
    plain = sample(model, positive, negative, **settings)
    assert (latent - plain).abs().max() > 0.01
    assert close(latent, wanted)
    assert '"circle" to the left half, "square" to the right half' in told
    recorded = maps_of(capture, latent)
    assert set(recorded) == set(kept)
    for key, steps in kept.items():
        mean = torch.stack(steps).mean(0)[..., 3].numpy()  # (batch, heads, pixels) of the circle's column
        assert np.abs(circle_map(recorded[key]).reshape(mean.shape) - mean).max() < 1e-4


def test_capture_shows_the_repaired_maps(model, parts, viewers):
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    shares = []
    for repaired in (False, True):
        own, marked = model, positive
        if repaired:
            own, marked, _ = repair(parts, own, positive, until=1.0)
        own, capture = parts.capture().capture(own)
        maps = maps_of(capture, sample(own, marked, negative))
        fine = circle_map(maps["input", 1, 0])
        shares.append(fine[..., :6].sum() / fine.sum())
    assert shares[1] > shares[0] + 0.2


def test_strength_0_is_no_repair(model, parts, viewers):
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    own, marked, told = repair(parts, model, positive, strength=0.0)
    assert torch.equal(sample(own, marked, negative), sample(model, positive, negative))
    assert "strength is 0" in told


def test_nothing_stays_in_the_model(model, parts, viewers):
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    before = sample(model, positive, negative)
    options = str(model.model_options)
    own, marked, _ = repair(parts, model, positive)
    first = sample(own, marked, negative)
    assert torch.equal(sample(own, marked, negative), first)
    assert str(model.model_options) == options
    assert torch.equal(sample(model, positive, negative), before)


def test_until_ends_it(model, parts, viewers):
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    for until, steps in ((0.3, 1), (0.6, 2), (1.0, 3)):
        own, marked, _ = repair(parts, model, positive, until=until)
        wanted, _ = by_hand(model, positive_of(1), until=steps)
        got = sample(own, marked, negative)
        assert close(got, sample(wanted, positive, negative)), until


def test_a_longer_negative_prompt_repeats_the_text_and_its_repair(model, parts, viewers):
    positive, negative = labelled(viewers, TEXT, 11), text(154, 2)
    own, marked, _ = repair(parts, model, positive, until=1.0, strength=1.5)
    wanted, _ = by_hand(model, positive_of(1), until=9, strength=1.5)
    assert close(sample(own, marked, negative), sample(wanted, positive, negative))


def test_each_picture_of_a_batch_has_its_own_repair(model, parts, viewers):
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    plain = sample(model, positive, negative, size=(2, 8, 12))
    own, marked, told = repair(parts, model, positive, report_of(parts, pictures=2, faulty=1))
    latent = sample(own, marked, negative, size=(2, 8, 12))
    assert close(latent[0], plain[0])
    assert (latent[1] - plain[1]).abs().max() > 0.01
    assert told.startswith("picture 2, ")


def test_a_report_of_other_pictures_changes_nothing_and_the_log_says_so(model, parts, viewers, caplog):
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    own, marked, _ = repair(parts, model, positive, report_of(parts, pictures=3))
    with caplog.at_level(logging.WARNING, logger="selagg"):
        latent = sample(own, marked, negative, size=(2, 8, 12))
    assert torch.equal(latent, sample(model, positive, negative, size=(2, 8, 12)))
    assert "report is of 3 pictures, the batch has 2" in caplog.text


@pytest.mark.parametrize("where", ["not connected", "as negative"])
def test_a_conditioning_in_the_wrong_place_changes_nothing_and_the_log_says_so(
    model,
    parts,
    viewers,
    caplog,
    where,
):
    positive, other = labelled(viewers, TEXT, 11), text(77, 2)
    own, marked, _ = repair(parts, model, positive)
    with caplog.at_level(logging.WARNING, logger="selagg"):
        if where == "not connected":
            latent, plain = sample(own, positive, other), sample(model, positive, other)
        else:
            latent, plain = sample(own, other, marked), sample(model, other, positive)
    assert torch.equal(latent, plain)
    assert "nothing of this run was changed" in caplog.text


def test_of_two_regional_prompts_each_has_its_own_words_and_its_own_part(model, parts, viewers):
    whole, part = labelled(viewers, TEXT, 11), labelled(viewers, "a star", 12)
    area = {"area": (8, 8, 0, 8), "strength": 1.0}
    part = [[embedding, {**more, **area}] for embedding, more in part]
    both, negative = [*part, *whole], text(77, 2)  # the one of the whole picture leads in a report, not here
    own, marked, _ = repair(parts, model, both, report_of(parts, text=f"{TEXT} | a star"))
    assert [more[parts.hooks.REPAIR_KEY].entry for _, more in marked] == [1, 0]
    own, capture = parts.capture().capture(own)
    latent, plain = sample(own, marked, negative, size=WIDE), sample(model, both, negative, size=WIDE)
    assert (latent - plain).abs().max() > 0.01
    entries = capture.recording_for(latent).entries
    assert [len(entry.prompt.words) for entry in entries] == [2, 8]


def test_a_word_of_a_regional_prompt_is_drawn_within_its_area(model, parts, viewers):
    """The middle of the picture is the left half of its right half."""
    part = [[e, {**more, "area": (8, 8, 0, 8), "strength": 1.0}] for e, more in labelled(viewers, TEXT, 11)]
    mask = np.zeros((64, 128), bool)
    mask[:, 64:96] = True
    prompt = prompt_in(parts, part)
    placing = parts.plan.Placing(parts.group("circle", (2,)), parts.region(mask))
    plan = parts.plan.RepairPlan((prompt,), (parts.plan.PictureRepair((placing,)),), until=1.0)
    mark = parts.hooks.RepairMark(plan.key, 0)
    own = model.clone()
    parts.hooks.install(own, plan)
    own, capture = parts.capture().capture(own)
    shares = []
    for conditioning in (part, [[e, {**more, parts.hooks.REPAIR_KEY: mark}] for e, more in part]):
        latent = sample(own, conditioning, text(77, 2), size=WIDE)
        fine = circle_map(maps_of(capture, latent)["input", 1, 0])
        assert fine.shape[-2:] == (8, 8)
        shares.append(fine[..., :4].sum() / fine.sum())
    assert shares[1] > shares[0] + 0.2


@pytest.mark.parametrize("other", [like_ip_adapter, like_attention_override])
@pytest.mark.parametrize("first", [True, False])
def test_another_packs_attention_stays(host, model, parts, viewers, other, first):
    if other is like_attention_override and host == "registry":
        pytest.skip("This host has no such door.")
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    theirs = sample(other(model), positive, negative)
    own, marked, _ = repair(parts, other(model) if first else model, positive)
    latent = sample(own if first else other(own), marked, negative)
    alone = sample(*repair(parts, model, positive)[:2], negative)
    assert torch.isfinite(latent).all()
    assert (latent - theirs).abs().max() > 0.01
    assert (latent - alone).abs().max() > 0.01


def test_adjusting_multiplies_a_words_attention_and_nothing_else(model, parts, viewers):
    positive, negative = labelled(viewers, TEXT, 11), text(77, 2)
    prompt = prompt_in(parts, positive)
    factors = np.array([-1.0, 3.0] * len(UNET_SITES))
    adjusting = parts.plan.Adjusting(parts.group("red", (1,)), factors)
    plan = parts.plan.RepairPlan((prompt,), (parts.plan.PictureRepair((adjusting,)),), until=0.1)
    own = model.clone()
    parts.hooks.install(own, plan)
    marked = [
        [e, {**more, parts.hooks.REPAIR_KEY: parts.hooks.RepairMark(plan.key, 0)}] for e, more in positive
    ]

    def by_factors(q, k, v, options):
        heads = options["n_heads"]
        q, k, v = (x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k, v))
        shares = torch.softmax(q @ k.mT * q.shape[-1] ** -0.5, -1)
        shares[positive_of(1)(options), :, :, 2] *= torch.tensor([-1.0, 3.0])[:, None]
        return (shares @ v).transpose(1, 2).flatten(2)

    wanted = model.clone()
    for name in UNET_SITES:
        wanted.set_model_attn2_replace(by_factors, name[0], name[1], name[2])
    got, plain = sample(own, marked, negative), sample(model, positive, negative)
    assert close(got, sample(wanted, positive, negative))
    assert (got - plain).abs().max() > 0.01


# -- every situation of the compatibility table -----------------------------------------------------------

SITUATIONS = all_situations()


@pytest.fixture(scope="module")
def matrix(host, pack, tmp_path_factory):
    return Matrix(pack, tmp_path_factory.mktemp("embeddings"))


def planned(parts, model, columns: int = 77):
    """A copy of the model in which a word is drawn to the left half, and the mark of the plan."""
    words = tuple(parts.prompt.Word(word, (i,)) for i, word in enumerate(TEXT.split(), start=1))
    prompt = parts.prompt.Prompt(TEXT, words, columns, (0,))
    half = np.zeros((64, 96), bool)
    half[:, :48] = True
    placing = parts.plan.Placing(parts.group("circle", (2,)), parts.region(half))
    plan = parts.plan.RepairPlan((prompt,), (parts.plan.PictureRepair((placing,)),), until=1.0)
    own = model.clone()
    parts.hooks.install(own, plan)
    return own, parts.hooks.RepairMark(plan.key, 0)


@pytest.mark.parametrize("situation", SITUATIONS, ids=[s.id for s in SITUATIONS])
def test_repair_holds(situation, host, matrix, parts):
    """Without its conditioning it changes no bit; with it, it changes what Capture goes on recording."""
    if column_of(host) not in situation.hosts:
        pytest.skip("This host has no such feature.")
    case = situation.build(matrix.models)
    model = matrix.models.sd1 if case.model is None else case.model
    plain = latent_of(case, case.after(case.before(model)), lambda *_: None)
    own, mark = planned(parts, case.before(model))
    assert torch.equal(latent_of(case, case.after(own), lambda *_: None), plain)
    marked = [[e, {**more, parts.hooks.REPAIR_KEY: mark}] for e, more in case.positive]
    case = replace(case, positive=marked)
    captured, capture = parts.capture().capture(own)
    latent = latent_of(case, case.after(captured), lambda *_: None)
    assert torch.isfinite(latent).all()
    # Of parts of a picture, and of text columns of other packs, it is not known what to change.
    assert torch.equal(latent, plain) <= (not case.coverage)
    recording = capture.recording_for(latent)
    assert recording.coverage.complete == case.coverage, recording.coverage


# -- what is refused ---------------------------------------------------------------------------------------


def test_bad_input_is_refused_in_words(model, parts, viewers):
    positive = labelled(viewers, TEXT, 11)
    once, marked, _ = repair(parts, model, positive)
    outside = parts.expect().collect("circle: 200%, 0, 300%, 10%", "")[0]
    cases = {
        "another SelAgg Repair": (once, marked, report_of(parts), {}),
        "there is no model": (None, positive, report_of(parts), {}),
        "cannot be repaired yet": (unreadable(), positive, report_of(parts), {}),
        "there is no prompt": (model, [], report_of(parts), {}),
        "words of the prompt are not known": (model, text(77, 99), report_of(parts), {}),
        "there is no report": (model, positive, "", {}),
        "another prompt": (model, positive, report_of(parts, text="a dog"), {}),
        "another model": (model, positive, report_of(parts, model="70 layers, 900 heads"), {}),
        "no finding 7": (model, positive, report_of(parts), {"finding": "7"}),
        "strength is 5": (model, positive, report_of(parts), {"strength": 5.0}),
        "until is 0": (model, positive, report_of(parts), {"until": 0.0}),
        "holds nothing of the": (model, positive, report_of(parts), {"expect": outside}),
    }
    for told, (own, conditioning, report, asked) in cases.items():
        with pytest.raises(ValueError, match=told) as error:
            parts.node().repair(own, conditioning, report, **asked)
        assert str(error.value).startswith("SelAgg Repair: ")


def test_a_report_without_warnings_hands_on_what_came_in(model, parts, viewers):
    positive = labelled(viewers, TEXT, 11)
    own, marked, told = repair(parts, model, positive, report_of(parts, faulty=5))
    assert own is model and marked is positive
    assert "no warning" in told


def test_a_report_of_the_same_run_is_taken(parts, viewers, host):
    """What SelAgg Diagnose gives out, SelAgg Repair reads: the model and the prompt are known again."""
    own, capture = parts.capture().capture(unet())
    positive = labelled(viewers, TEXT, 11)
    latent = sample(own, positive, text(77, 2), size=SIZE)
    image = torch.rand(1, 64, 96, 3, generator=torch.Generator().manual_seed(0))
    told = viewers.diagnose().diagnose(capture, {"samples": latent}, image)["result"][2]
    found = importlib.import_module("selagg_core.report.report").Report.from_json(told)
    numbers = range(1, 1 + sum(len(picture.findings) for picture in found.pictures))
    for asked in ("all warnings", *map(str, numbers)):
        repaired, marked, changes = repair(parts, unet(), positive, told, finding=asked)
        assert changes
        assert torch.isfinite(sample(repaired, marked, text(77, 2), size=SIZE)).all()


# -- transformers ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def todays_host(host):
    pytest.importorskip("comfy.ldm.krea2.model", reason="these models came with later hosts")


def said(parts, kind, conditioning) -> list:
    """CONDITIONING that carries the words of TEXT, one a column."""
    embedding, more = conditioning[0]
    words = tuple(parts.prompt.Word(word, (i,)) for i, word in enumerate(TEXT.split()))
    embedding = importlib.import_module("selagg_nodes.families.text_encoders").text_of(embedding, more)
    columns = len(more["t5xxl_ids"]) if kind.ids else embedding.shape[1]
    prompt = parts.prompt.Prompt(TEXT, words, columns, tuple(range(len(words), columns)))
    parts.labels.register(prompt, embedding, recoded=kind.ids)
    return conditioning


@pytest.mark.parametrize("name", KINDS)
def test_transformers_are_repaired_and_their_text_keeps_its_share(todays_host, parts, name):
    kind = KINDS[name]
    model = transformer(kind)
    positive, negative = said(parts, kind, encoded(kind, 20, 1)), encoded(kind, 20, 2)
    plain_model, plain_capture = parts.capture().capture(model)
    how = {"steps": 1, "size": SIZE}
    plain = sample_transformer(kind, plain_model, positive, negative, **how)
    latents, maps = [], []
    for capture_first in (True, False):
        own, capture = parts.capture().capture(model) if capture_first else (model, None)
        own, marked, _ = repair(parts, own, positive, until=1.0)
        own, capture = (own, capture) if capture_first else parts.capture().capture(own)
        latents.append(sample_transformer(kind, own, marked, negative, **how))
        maps.append(capture.recording_for(latents[-1]).positive())
    assert close(*latents)
    assert torch.isfinite(latents[0]).all() and (latents[0] - plain).abs().max() > 1e-3
    before = plain_capture.recording_for(plain).positive()
    first = next(iter(before.maps))  # later layers see other pictures
    for recording in maps:
        was, now = before.maps[first][:, :, 2], recording.maps[first][:, :, 2]
        half = was.shape[-1] // 2
        share, before_it = (own[..., :half].sum() / own.sum() for own in (now, was))
        assert share > before_it + 0.05 * (1 - before_it)
        texts = [own.maps[first].sum(2) + own.special[first] for own in (before, recording)]
        assert np.abs(texts[0] - texts[1]).max() < 1e-4


@pytest.mark.parametrize("name", KINDS)
def test_strength_0_and_another_conditioning_change_no_bit_of_any_family(todays_host, parts, name):
    kind = KINDS[name]
    model = transformer(kind)
    positive, negative = said(parts, kind, encoded(kind, 20, 1)), encoded(kind, 20, 2)
    how = {"steps": 1, "size": SIZE}
    plain = sample_transformer(kind, model, positive, negative, **how)
    own, marked, _ = repair(parts, model, positive, strength=0.0)
    assert torch.equal(sample_transformer(kind, own, marked, negative, **how), plain)
    own, _, _ = repair(parts, model, positive)
    assert torch.equal(sample_transformer(kind, own, positive, negative, **how), plain)


def test_a_model_of_unknown_kind_is_refused(todays_host, parts):
    kind = STRANGER
    with pytest.raises(ValueError, match="cannot be repaired yet"):
        repair(parts, transformer(kind), said(parts, kind, encoded(kind, 20, 1)))
