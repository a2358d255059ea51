"""Offered texts are taken for what they are: the same tokens with other numbers, and no other text."""

import numpy as np
import pytest
import torch

from selagg_core.prompt.known_texts import Labels
from selagg_core.prompt.offered import (
    OfferedPrompt,
    OfferedText,
    offers_of,
    recognise,
    refused,
    runs_of,
    sketch_of,
)
from selagg_core.prompt.words import CHUNK, Prompt, Word

WIDTH = 768
GENERATOR = torch.Generator().manual_seed(7)
PLACES = torch.randn(CHUNK, WIDTH, generator=GENERATOR)
VOICES = {name: torch.randn(WIDTH, generator=GENERATOR) for name in ("red", "cat", "blue", "dog", "<end>")}


def encoded(words, weights=()):
    """A chunk that is like CLIP's: each column has its place's own part, and a part of the words up to it."""
    columns = PLACES.clone()
    heard = torch.zeros(WIDTH)
    for place, name in enumerate([*words, "<end>"], start=1):
        heard = 0.5 * heard + VOICES[name]
        columns[place] += heard
    columns[len(words) + 2 :] += 0.3 * heard
    for place, weight in enumerate(weights, start=1):
        columns[place] *= weight
    return columns


EMPTY = sketch_of(encoded([]))


def prompt_of(words, chunks=1):
    named = tuple(Word(word, (place,)) for place, word in enumerate(words, start=1))
    special = tuple(c for c in range(CHUNK * chunks) if not 1 <= c <= len(words))
    return Prompt(" ".join(words), named, CHUNK * chunks, special)


def offer(*words):
    return OfferedText(prompt_of(words), "a test", sketch_of(encoded(words)), EMPTY)


def labels_of(columns, *offers, known=None):
    unknown = known or Labels(None, tuple(range(len(columns))))
    return recognise(unknown, sketch_of(columns), 0, len(columns), offers)


def words_of(labels):
    return [(word.text, word.columns) for word in labels.prompt.words] if labels.prompt else []


@pytest.mark.parametrize("weights", [(1.0, 1.0), (1.4, 0.7), (0.5, 1.8)])
@pytest.mark.parametrize("scale", [1.0, 0.6, 1.7])
def test_other_weights_and_another_scale_are_the_same_text(weights, scale):
    labels, sources = labels_of(scale * encoded(["red", "cat"], weights), offer("red", "cat"))
    assert words_of(labels) == [("red", (1,)), ("cat", (2,))]
    assert labels.unknown == () and sources == ("a test",)
    assert len(labels.prompt.special) == CHUNK - 2


@pytest.mark.parametrize(
    "other",
    [("blue", "dog"), ("red", "dog"), ("blue", "cat"), ("cat", "red"), ("red",), ("red", "cat", "dog"), ()],
)
def test_another_text_is_not(other):
    labels, sources = labels_of(encoded(["red", "cat"]), offer(*other))
    assert labels.prompt is None and sources == ()


def test_the_most_alike_of_several_is_taken():
    offers = [offer("blue", "dog"), offer("red", "cat"), offer("red", "dog")]
    labels, _ = labels_of(encoded(["red", "cat"], (1.3, 1.0)), *offers)
    assert [word for word, _ in words_of(labels)] == ["red", "cat"]


def test_chunks_are_recognised_each_by_itself_wherever_they_lie():
    columns = torch.cat([encoded(["blue", "dog"]), encoded([]), encoded(["red", "cat"])])
    labels, _ = labels_of(columns, offer("red", "cat"), offer("blue", "dog"))
    at = 2 * CHUNK
    assert words_of(labels) == [("blue", (1,)), ("dog", (2,)), ("red", (at + 1,)), ("cat", (at + 2,))]
    assert labels.unknown == tuple(range(CHUNK, 2 * CHUNK))
    assert labels_of(columns, offer("red", "cat"), offer("blue", "dog"), offer())[0].unknown == ()


def test_what_is_known_already_stays():
    columns = torch.cat([encoded(["blue", "dog"]), encoded(["red", "cat"], (1.5, 1.0))])
    first = prompt_of(["blue", "dog"])
    known = Labels(Prompt("blue dog", first.words, 2 * CHUNK, first.special), tuple(range(CHUNK, 2 * CHUNK)))
    labels, _ = labels_of(columns, offer("red", "cat"), known=known)
    assert [word for word, _ in words_of(labels)] == ["blue", "dog", "red", "cat"]
    assert labels_of(columns, offer("blue", "cat"), known=known)[0] is known


def test_a_text_within_padding():
    columns = encoded(["red", "cat"])
    labels, _ = recognise(
        Labels(None, tuple(range(10, 10 + CHUNK))), sketch_of(columns), 10, CHUNK + 25, [offer("red", "cat")]
    )
    assert words_of(labels) == [("red", (11,)), ("cat", (12,))]
    assert set(range(10)) | set(range(10 + CHUNK, CHUNK + 25)) < set(labels.prompt.special)


def test_odd_columns_are_refused_not_guessed():
    for columns in (
        torch.zeros(CHUNK, WIDTH),
        torch.full((CHUNK, WIDTH), float("nan")),
        -encoded(["red", "cat"]),
    ):
        assert labels_of(columns, offer("red", "cat"), refused("x", "why"))[0].prompt is None
    assert labels_of(encoded(["red", "cat"])[:40], offer("red", "cat"))[0].prompt is None


def test_a_prompt_with_offers_equals_itself_without():
    plain = prompt_of(["red", "cat"])
    offered = OfferedPrompt(plain.text, plain.words, plain.length, plain.special, offers=(offer("red"),))
    assert plain == offered and offered == plain and hash(plain) == hash(plain)
    assert offered != prompt_of(["red"]) and len({offered, offered}) == 1
    assert offers_of(plain) == offers_of(None) == () and len(offers_of(offered)) == 1


SPLIT = 288
PARTS = tuple(runs_of(*own, WIDTH) for own in ((SPLIT, WIDTH), (0, SPLIT)))


def side_by_side(first, second):
    """Columns whose first part one encoder gives and whose second another."""
    return torch.cat([encoded(first)[:, :SPLIT], encoded(second)[:, SPLIT:]], dim=1)


def pair_offer(*words, source="a test"):
    return OfferedText(prompt_of(words), source, sketch_of(encoded(words)), EMPTY, encoders=PARTS)


def test_the_part_of_one_encoder_tells_its_text():
    columns = side_by_side(["red", "cat"], ["blue", "dog"])
    for words in (("red", "cat"), ("blue", "dog")):
        labels, sources = labels_of(columns, pair_offer(*words, source="the box"))
        assert [word for word, _ in words_of(labels)] == list(words)
        assert sources == () and any("the box alone" in note for note in labels.prompt.notes)
    both = labels_of(columns, pair_offer("red", "cat"), pair_offer("blue", "dog"))[0]
    assert [word for word, _ in words_of(both)] == ["blue", "dog"], "the leading encoder's"
    for words in (("red", "dog"), ("blue", "cat"), ("blue",), ("red", "cat", "dog"), ("dog", "blue")):
        assert labels_of(columns, pair_offer(*words))[0].prompt is None
        assert labels_of(columns, offer("red", "cat"))[0].prompt is None, "an encoder that is no pair"


def test_runs_of_a_column_tell_of_their_own_part_alone():
    for width, split in ((2048, 768), (768, 288), (40, 16), (1000, 333)):
        values = torch.randn(3, width, generator=GENERATOR)
        other = values.clone()
        other[:, split:] += 5.0
        first, second = runs_of(0, split, width), runs_of(split, width, width)
        one, two = sketch_of(values), sketch_of(other)
        np.testing.assert_allclose(one[:, first], two[:, first], atol=1e-4)
        assert (np.abs(one[:, second] - two[:, second]).sum(1) > 1).all()
        assert first.stop <= second.start and second.stop == one.shape[1]


def test_a_sketch_keeps_angles():
    values = torch.randn(2, WIDTH, generator=GENERATOR)
    values[1] += values[0]
    one, other = sketch_of(values)
    cosine = float(torch.nn.functional.cosine_similarity(values[0], values[1], dim=0))
    assert abs(float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)) - cosine) < 0.3
    np.testing.assert_array_equal(sketch_of(values), sketch_of(values[None]))
