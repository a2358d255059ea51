"""Small faults that mutation runs showed to pass unseen: each of these would be seen here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from synthetic import LAYOUT

from selagg_core.calibrate import Labelled, with_thresholds
from selagg_core.claims.claim import DIRECTIONS, PLACES
from selagg_core.diagnosis import calibration
from selagg_core.diagnosis.calibration import KindModel, choose_threshold, fit_kind
from selagg_core.diagnosis.scene import angle
from selagg_core.drawing.contact_sheet import ContactSheet
from selagg_core.heatmaps import _senses
from selagg_core.maps.heads import select_heads
from selagg_core.maps.regions import from_mask
from selagg_core.prompt.groups import WordGroup
from selagg_core.prompt.host_text import hidden_spans
from selagg_core.prompt.known_texts import LabelCache, Labels, TextKey
from selagg_core.prompt.lexicon import Concept
from selagg_core.prompt.offered import OfferedText, recognise, sketch_of
from selagg_core.prompt.tokens import prompt_from_tokens
from selagg_core.prompt.words import CHUNK, Prompt, Word
from selagg_core.recording.probabilities import column_probabilities
from selagg_core.recording.run import EncodedText, Entry
from selagg_core.recording.run_sums import RunSums
from selagg_core.recording.settings import CaptureSettings
from selagg_core.relevance.concepts import Assignment
from selagg_core.relevance.relevance import HeadRelevance

# -- labels ------------------------------------------------------------------------------------------------


def text_of(seed: int, chunks: int = 1) -> torch.Tensor:
    return torch.randn(1, chunks * CHUNK, 4, generator=torch.Generator().manual_seed(seed))


def chunk_prompt(word: str, column: int = 1) -> Prompt:
    special = (0, *(c for c in range(1, CHUNK) if c != column))
    return Prompt(word, (Word(word, (column,)),), CHUNK, special)


def test_special_columns_of_every_chunk_lie_at_its_own_offset():
    cache = LabelCache()
    for seed, (word, column) in enumerate([("cat", 1), ("dog", 7), ("owl", 76)]):
        cache.register(chunk_prompt(word, column), text_of(seed))
    joined = cache.resolve(TextKey.of(torch.cat([text_of(2), text_of(0), text_of(1)], dim=1))).prompt
    words = {76: "owl", CHUNK + 1: "cat", 2 * CHUNK + 7: "dog"}
    assert {column: word.text for word in joined.words for column in word.columns} == words
    assert joined.special == tuple(c for c in range(3 * CHUNK) if c not in words)
    assert joined.text == "owl cat dog"


def test_special_columns_of_a_registered_chunk_are_counted_from_its_start():
    cache = LabelCache()
    special = (0, *range(3, 79), *range(80, 2 * CHUNK))
    long = Prompt("a b", (Word("a", (1,)), Word("b", (79,))), 2 * CHUNK, special)
    both = text_of(5, chunks=2)
    cache.register(long, both)
    second = cache.resolve(TextKey.of(both[:, CHUNK:])).prompt
    assert second.special == (0, 1, *range(3, CHUNK)) and second.words == (Word("b", (2,)),)


def test_the_label_that_was_asked_for_last_is_forgotten_last():
    cache = LabelCache(capacity=2)
    prompts = [Prompt(f"w{i}", (Word(f"w{i}", (1,)),), 3, (0, 2)) for i in range(4)]
    texts = [torch.full((1, 3, 2), float(i)) for i in range(4)]
    keys = [cache.register(prompt, text) for prompt, text in zip(prompts[:2], texts, strict=False)]
    assert cache.resolve(keys[0]).prompt == prompts[0]  # asked for again: the other is the oldest now
    cache.register(prompts[2], texts[2])
    assert cache.resolve(keys[1]).prompt is None and cache.resolve(keys[0]).prompt == prompts[0]
    cache.register(prompts[0], texts[0])  # registered again: newest, though it is old
    cache.register(prompts[3], texts[3])
    assert cache.resolve(keys[0]).prompt == prompts[0] and len(cache) == 2


def test_the_labels_of_a_text_that_is_registered_again_are_the_new_ones():
    cache, text = LabelCache(), text_of(1)
    cache.register(chunk_prompt("cat"), text)
    key = cache.register(chunk_prompt("dog"), text)
    assert cache.resolve(key).prompt.text == "dog"


def test_a_word_has_the_weight_of_its_first_piece():
    names = {0: "<|startoftext|>", 1: "<|endoftext|>", 2: "mag", 3: "enta</w>", 4: "cat</w>"}
    chunk = [
        (0, 1.0, 0),
        (2, 1.3, 1),
        (3, 0.5, 1),
        (4, 0.7, 2),
        (torch.zeros(2), 1.2, 3),
        (torch.zeros(2), 0.1, 3),
    ]
    words = prompt_from_tokens("magenta cat", [chunk], names).words
    assert [word.weight for word in words] == [1.3, 0.7, 1.2]


# -- heads -------------------------------------------------------------------------------------------------


def test_a_head_at_the_level_of_chance_does_not_speak_for_a_concept():
    concepts = (Concept("Color", ("red",), rivals=4), Concept("Animals", ("cat",), rivals=4))
    shares = np.full((2, LAYOUT.total), 0.25, np.float32)
    shares[0, 2], shares[0, 3], shares[1, 0] = 0.5, np.nextafter(np.float32(0.25), np.float32(1)), 0.2
    made = HeadRelevance(concepts, shares, LAYOUT, "argmax wins", "tests", win_share=shares)
    assert concepts[0].chance == 0.25
    assert made.top_heads("Color", 1.0, floor=True).tolist() == [2, 3]
    assert made.reliability("Color").above_chance == 2
    assert made.reliability("Animals").above_chance == 0
    with pytest.raises(ValueError, match="more often than by chance"):
        made.top_heads("Animals", 1.0, floor=True)


def test_attention_never_meets_uninitialised_memory(monkeypatch):
    """Some devices multiply the input of baddbmm even with beta 0: NaN in it would be NaN in every map."""
    empty, product = torch.Tensor.new_empty, torch.baddbmm

    def garbage(self, *size, **more):
        made = empty(self, *size, **more)
        return made.fill_(float("nan")) if made.is_floating_point() else made

    def careless(given, a, b, *, beta=1, alpha=1):
        return beta * given + alpha * (a @ b)

    q, k = (torch.randn(1, n, 8, generator=torch.Generator().manual_seed(n)) for n in (16, 5))
    wanted = column_probabilities(q, k, 2, torch.eye(5))
    monkeypatch.setattr(torch.Tensor, "new_empty", garbage)
    monkeypatch.setattr(torch, "baddbmm", careless)
    for limit in (None, 7):  # at once, and in parts
        torch.testing.assert_close(column_probabilities(q, k, 2, torch.eye(5), limit), wanted)
    monkeypatch.setattr(torch, "baddbmm", product)


# -- regions -----------------------------------------------------------------------------------------------


def test_one_half_is_outside_of_a_mask():
    mask = np.array([[0.0, 0.5, np.nextafter(0.5, 1), 1.0]], np.float32)
    mask[0, 2] = np.nextafter(np.float32(0.5), np.float32(1))
    assert from_mask(mask, (1, 4)).mask.tolist() == [[False, False, True, True]]
    with pytest.raises(ValueError, match="mask is empty"):
        from_mask(np.full((4, 4), 0.5), (4, 4))


@pytest.mark.parametrize("turn", np.linspace(-np.pi, np.pi, 17))
@pytest.mark.parametrize("name", [*DIRECTIONS, *(p for p in PLACES if p != "center")])
def test_angles_go_the_shorter_way(turn, name):
    x, y = DIRECTIONS[name] if name in DIRECTIONS else PLACES[name]
    towards = np.arctan2(y, x) + turn
    found = angle(float(np.cos(towards)), float(np.sin(towards)), (x, y))
    assert found == pytest.approx(abs(turn) / np.pi, abs=1e-6) and 0 <= found <= 1


# -- calibration -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "allowed", "warned"),
    [
        (1, 0.0, 0), (1, 0.5, 0), (1, 1.0, 1), (3, 0.34, 1), (3, 0.33, 0), (10, 0.1, 1), (10, 0.19, 1),
        (50, 0.02, 1), (50, 0.5, 25), (100, 0.29, 29), (100, 0.0, 0), (100, 1.0, 100), (7, 0.3, 2),
    ],
)  # fmt: skip
def test_a_threshold_warns_on_as_many_right_pictures_as_are_allowed(count, allowed, warned):
    """The lowest one: not one picture more, not one less."""
    confidence = np.random.default_rng(count).permutation(np.linspace(0.1, 0.9, count))
    cut = choose_threshold(confidence, np.arange(count), allowed)
    assert int((confidence >= cut).sum()) == warned


def test_pictures_of_one_confidence_are_warned_on_together_or_not_at_all():
    confidence = np.array([0.2, 0.6, 0.6, 0.6])
    assert choose_threshold(confidence, np.arange(4), 0.5) > 0.6
    assert choose_threshold(confidence, np.arange(4), 0.75) < 0.6


def test_a_picture_counts_once_by_its_highest_confidence():
    confidence = np.array([0.1, 0.9, 0.2, 0.3, 0.25, 0.28])
    pictures = np.array([0, 0, 1, 1, 2, 2])
    assert 0.9 < choose_threshold(confidence, pictures, 0.0) <= 0.9 + 2e-6
    assert 0.3 < choose_threshold(confidence, pictures, 0.34) < 0.31
    assert 0.28 < choose_threshold(confidence, pictures, 0.67) < 0.29


PLAIN = KindModel(("a",), (0.0,), (1.0,), (1.0,), 0.0, ((0.0, 1.0), (0.0, 1.0)))


def labelled(score: float, picture: str, wrong: bool = False, right_picture: bool = True) -> Labelled:
    return Labelled("leaked", {"a": float(np.log(score / (1 - score)))}, wrong, "p", picture, right_picture)


def test_thresholds_come_from_right_pictures_alone():
    calm = [labelled(0.6 + i / 1000, f"{i}") for i in range(10)]
    cut = with_thresholds(PLAIN, calm).warn
    assert 0.609 < cut < 0.61
    loud = [labelled(0.95, "wrong", True, False), labelled(0.9, "half", False, False)]
    assert with_thresholds(PLAIN, [*calm, *loud]).warn == cut
    assert with_thresholds(PLAIN, [*calm, labelled(0.8, "right")]).warn > 0.8
    assert with_thresholds(PLAIN, [labelled(0.1, "x")]).warn == 0.5, "never below one half"
    assert with_thresholds(PLAIN, calm).unsure == 0.3
    assert with_thresholds(PLAIN, []).warn == 0.5


def test_levels_come_from_prompts_that_the_fit_has_not_seen(monkeypatch):
    """Prompts are kept together in five folds, and each is scored by a fit on the four others."""
    fitted, usual = [], calibration._fit

    def watched(values, truth, ridge):
        fitted.append(values[:, 0].copy())
        return usual(values, truth, ridge)

    monkeypatch.setattr(calibration, "_fit", watched)
    count, rng = 60, np.random.default_rng(0)
    rows = [{"a": float(i), "b": rng.normal()} for i in range(count)]
    groups = [f"prompt {i % 12}" for i in range(count)]
    fit_kind(rows, [bool(rng.random() < 0.5) for _ in rows], ("a", "b"), groups)
    assert len(fitted) == 6 and len(fitted[-1]) == count
    left = [set(range(count)) - set(map(int, own)) for own in fitted[:-1]]
    assert set().union(*left) == set(range(count)) and sum(map(len, left)) == count
    for own in left:
        assert {i % 12 for i in own}.isdisjoint(i % 12 for i in set(range(count)) - own)


def test_a_missing_feature_is_filled_with_the_mean_of_the_known_ones():
    wrong = [i % 2 == 0 for i in range(40)]
    known = [{"a": 3.0 if w else 1.0} for w in wrong]
    model = fit_kind([*known, {}, {}, {"a": float("nan")}], [*wrong, True, False, True], ("a",))
    assert model.mean[0] == pytest.approx(2.0) and model.scale[0] == pytest.approx(np.sqrt(40 / 43))
    assert model.score({}) == pytest.approx(model.score({"a": 2.0}))
    assert model.score({"a": 1e9}) == model.score({"a": model.mean[0] + 4 * model.scale[0]})
    inverted = replace(model, weights=(0.0,))
    assert inverted.score({"a": 5.0}) == pytest.approx(inverted.score({}))


def test_a_new_model_warns_from_one_half():
    model = fit_kind([{"a": float(i)} for i in range(20)], [i % 2 == 0 for i in range(20)], ("a",))
    assert (model.warn, model.unsure, model.earned) == (0.5, 0.2, True)


# -- addresses, names, bounds ------------------------------------------------------------------------------


def test_the_address_of_a_text_holds_its_shape():
    wide, narrow = torch.zeros(1, 2, 6), torch.zeros(1, 2, 3)
    assert TextKey.of(wide).whole != TextKey.of(torch.zeros(1, 3, 4)).whole
    assert TextKey.of(wide).chunks != TextKey.of(narrow).chunks


def test_entries_are_numbered_from_one_and_the_first_has_no_number():
    text = EncodedText.of(torch.zeros(1, 4, 2))
    names = [Entry.of("positive", index, text, None, LabelCache()).name for index in range(3)]
    assert names == ["positive", "positive 2", "positive 3"]
    assert WordGroup("cat", (0,)).entry == 0


def test_a_mask_fits_if_either_side_does():
    mask = np.ones((10, 100))
    assert from_mask(mask, (11, 112)).mask.shape == (11, 112), "11.2 rows fit, 110 columns would not"
    with pytest.raises(ValueError, match="shapes differ"):
        from_mask(mask, (13, 112))


@pytest.mark.parametrize("limit", [40, 160, 161, 400, 10_000])
def test_no_more_probabilities_are_held_than_allowed(limit, monkeypatch):
    held, softmax = [], torch.softmax

    def watched(values, dim):
        held.append(values.numel())
        return softmax(values, dim=dim)

    q, k = torch.randn(2, 16, 8), torch.randn(2, 5, 8)  # 2 pictures, 2 heads: 20 probabilities a pixel
    wanted = column_probabilities(q, k, 2, torch.eye(5))
    monkeypatch.setattr(torch, "softmax", watched)
    torch.testing.assert_close(column_probabilities(q, k, 2, torch.eye(5), limit), wanted)
    pixels = min(16, limit // 20)
    assert max(held) == 20 * pixels and sum(held) == 20 * 16


def test_what_a_relevance_says_of_itself_cannot_be_changed():
    about = {"source": "tests"}
    concepts = (Concept("Color", ("red",)),)
    made = HeadRelevance(concepts, np.ones((1, LAYOUT.total)), LAYOUT, "argmax wins", "tests", about=about)
    about["source"] = "others"
    assert made.about == {"source": "tests"}
    with pytest.raises(TypeError):
        made.about["source"] = "others"


def test_maps_that_were_made_coarser_are_told():
    grids = {layer: (16, 16) for layer in LAYOUT.layers}
    small = CaptureSettings(budget=60_000)
    sums = RunSums(LAYOUT, grids, (1, 4, 16, 16), (1.0, 0.0), LabelCache(), small)
    sums.entry("positive", 0, EncodedText.of(torch.arange(308.0).reshape(1, 77, 4)), None)
    (notice,) = [text for text in sums.finish(False).notices if "coarser" in text]
    assert (
        "maps of positive within 0 MiB" in notice and "of 3 layers were recorded on coarser grids" in notice
    )


# -- found in a second sample ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "size"), [((430, 4), (1000, 10)), ((4, 430), (10, 1000)), ((64, 96), (128, 192))]
)
def test_a_mask_of_the_same_proportions_fits_to_within_a_pixel_of_one_side(shape, size):
    assert from_mask(np.ones(shape), size).mask.all()
    with pytest.raises(ValueError, match="their shapes differ"):
        from_mask(np.ones((shape[0], 3 * shape[1])), size)


def test_the_weight_in_a_bracket_is_hidden():
    assert hidden_spans("(cat:1.2)") == [(4, 8)]
    assert hidden_spans("a (cat:1.2), (dog:0.5)") == [(6, 10), (17, 21)]


def test_a_calibration_is_the_same_after_being_written_and_read():
    made = calibration.shipped_calibration()
    again = calibration.Calibration.from_json(made.to_json())
    assert again == made
    for kind in made.kinds.values():
        assert kind.levels[0] != kind.levels[1]


def test_a_quarter_of_the_heads_is_chosen_unless_it_is_said_otherwise():
    scores = np.arange(LAYOUT.total, dtype=float)
    chosen = select_heads(LAYOUT, "selective", scores=scores)
    assert chosen.mask.sum() == round(LAYOUT.total / 4) and chosen.mask[-1] and not chosen.mask[0]


@pytest.mark.parametrize(
    ("concepts", "told"), [((), ""), (("Animals",), "Animals, "), (("Animals", "Color"), "2 senses, ")]
)
def test_the_caption_of_a_map_names_the_one_sense_or_counts_them(concepts, told):
    assert _senses(Assignment("crane", concepts, "lexicon")) == told


@pytest.mark.parametrize("most", [90_000, 150_000, 300_000])
def test_a_contact_sheet_has_at_most_so_many_pixels_and_uses_most_of_them(most):
    picture = np.zeros((256, 256, 3), np.uint8)
    whole = np.prod(ContactSheet(picture, 8)._extent)
    limited = np.prod(ContactSheet(picture, 8, most_pixels=most)._extent)
    assert most < whole and 0.4 * most < limited <= most


def test_columns_of_an_offered_text_move_with_its_chunk():
    """The second chunk of an offer stands first, and the first one after it."""
    words = tuple(Word(f"w{place}", (place,)) for place in (3, CHUNK + 5))
    special = tuple(c for c in range(2 * CHUNK) if c not in (3, CHUNK + 5))
    columns = torch.randn(2 * CHUNK, 64, generator=torch.Generator().manual_seed(1))
    empty = sketch_of(torch.randn(CHUNK, 64, generator=torch.Generator().manual_seed(2)))
    offered = OfferedText(Prompt("x", words, 2 * CHUNK, special), "a test", sketch_of(columns), empty)
    turned = torch.cat([columns[CHUNK:], columns[:CHUNK]])
    unknown = Labels(None, tuple(range(2 * CHUNK)))
    labels, _ = recognise(unknown, sketch_of(turned), 0, 2 * CHUNK, [offered])
    assert [(w.text, w.columns) for w in labels.prompt.words] == [
        (f"w{CHUNK + 5}", (5,)),
        ("w3", (CHUNK + 3,)),
    ]


def test_a_word_across_two_chunks_of_an_offer_stays_one():
    across = Word("long", (CHUNK - 2, CHUNK + 1))
    special = tuple(c for c in range(2 * CHUNK) if c not in across.columns)
    columns = torch.randn(2 * CHUNK, 64, generator=torch.Generator().manual_seed(1))
    empty = sketch_of(torch.randn(CHUNK, 64, generator=torch.Generator().manual_seed(2)))
    offered = OfferedText(Prompt("x", (across,), 2 * CHUNK, special), "a test", sketch_of(columns), empty)
    labels, _ = recognise(Labels(None, tuple(range(2 * CHUNK))), sketch_of(columns), 0, 2 * CHUNK, [offered])
    assert labels.prompt.words == (across,)


def test_a_text_that_is_registered_again_is_the_newest():
    cache = LabelCache(capacity=2)
    prompts = [Prompt(f"w{i}", (Word(f"w{i}", (1,)),), 3, (0, 2)) for i in range(3)]
    texts = [torch.full((1, 3, 2), float(i)) for i in range(3)]
    keys = [cache.register(prompts[i], texts[i]) for i in (0, 1, 0, 2)]
    assert cache.resolve(keys[1]).prompt is None
    assert cache.resolve(keys[0]).prompt == prompts[0] and cache.resolve(keys[3]).prompt == prompts[2]
