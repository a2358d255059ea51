"""Words of a prompt and the columns they own."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from selagg_core.prompt.known_texts import LabelCache, TextKey
from selagg_core.prompt.tokens import embedding_names, merge_parallel, prompt_from_tokens
from selagg_core.prompt.words import Prompt, Word, split_words

BOS, EOS = "<|startoftext|>", "<|endoftext|>"


class Tokens:
    """Chunks of tokens as a host gives them, from strings or vectors, and the vocabulary to read them."""

    def __init__(self, *chunks, pad=EOS, length=77):
        self.strings: dict[str, int] = {}
        self.chunks = []
        for number, chunk in enumerate(chunks):
            entries = [self.entry(BOS, 1.0, 0)]
            entries += [self.entry(*(c if isinstance(c, tuple) else (c, 1.0)), number + 1) for c in chunk]
            entries.append(self.entry(EOS, 1.0, 0))
            entries += [self.entry(pad, 1.0, 0)] * (length - len(entries))
            self.chunks.append(entries)

    def entry(self, token, weight, group):
        if isinstance(token, str):
            token = self.strings.setdefault(token, len(self.strings) + 5)
        return token, weight, group

    @property
    def vocabulary(self):
        return {number: string for string, number in self.strings.items()}

    def prompt(self, text="", **more):
        return prompt_from_tokens(text, self.chunks, self.vocabulary, **more)


def texts(words):
    return [word.text for word in words]


def test_words_pieces_and_marks():
    tokens = Tokens(["a</w>", "mag", "enta</w>", ",</w>", "cat</w>", "'s</w>", "hat</w>", "!!</w>"])
    prompt = tokens.prompt("a magenta, cat's hat!!")
    assert prompt.words == (
        Word("a", (1,)),
        Word("magenta", (2, 3)),
        Word("cat", (5,)),
        Word("hat", (7,)),
    )
    assert prompt.length == 77
    assert prompt.special == (0, *range(9, 77))


def test_weights_are_kept():
    tokens = Tokens([("red</w>", 1.3), ("circ", 0.5), ("le</w>", 0.5)])
    assert [(w.text, w.weight) for w in tokens.prompt().words] == [("red", 1.3), ("circle", 0.5)]


def test_a_pad_that_looks_like_text_is_special():
    """CLIP-G pads with token 0, which reads '!'."""
    prompt = Tokens(["cat</w>"], pad="!").prompt()
    assert texts(prompt.words) == ["cat"]
    assert prompt.special == (0, *range(2, 77))


def test_chunks_have_marks_of_their_own_and_words_may_cross_them():
    first = [f"w{i}</w>" for i in range(74)] + ["sun"]
    prompt = Tokens(first, ["flower</w>", "blue</w>"]).prompt()
    assert prompt.length == 154
    assert prompt.find("sunflower") == (Word("sunflower", (75, 78)),)
    assert prompt.find("blue") == (Word("blue", (79,)),)
    assert 76 in prompt.special and 77 in prompt.special and 78 not in prompt.special


def test_bytes_are_read_as_letters():
    # Byte-level BPE writes the two bytes of e acute as these two characters.
    prompt = Tokens(["caf\u00c3\u00a9</w>", "\u00e7\u012e\u00ab</w>"]).prompt()
    assert prompt.words[0].text == "caf\u00e9"
    assert prompt.find("CAF\u00c9") == (prompt.words[0],)
    assert prompt.find("cafe\u0301") == (prompt.words[0],)
    assert prompt.words[1].text == "\u732b"


def test_embeddings_are_words_of_their_own():
    a, b = torch.zeros(768), torch.ones(768)
    tokens = Tokens(["cat</w>", a, a, "dog</w>"])
    prompt = tokens.prompt("cat embedding:style, dog")
    assert prompt.words == (Word("cat", (1,)), Word("embedding:style", (2, 3)), Word("dog", (4,)))
    assert prompt.find("embedding:style") == (prompt.words[1],)
    # Neighbours are told apart by the host's group numbers.
    chunk = [tokens.entry(BOS, 1.0, 0), (a, 1.0, 1), (a, 1.0, 1), (b, 1.0, 2), tokens.entry(EOS, 1.0, 0)]
    both = prompt_from_tokens("embedding:x embedding:y", [chunk], tokens.vocabulary)
    assert both.words == (Word("embedding:x", (1, 2)), Word("embedding:y", (3,)))
    # A name whose file was not found leaves no vector, so names cannot be matched.
    one = prompt_from_tokens("embedding:x embedding:y", [chunk[:3] + chunk[4:]], tokens.vocabulary)
    assert texts(one.words) == ["embedding #1"]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("(embedding:style:1.2)", ["style"]),
        ("((embedding:a:1.1) cat, embedding:b:0.9)", ["a", "b"]),
        ("(embedding:a cat:1.2)", ["a"]),
        ("embedding:a:1.2, cat", ["a:1.2"]),
        ("(embedding:v1.5:-.5) embedding:x<lora>", ["v1.5", "x"]),
        ("(embedding:my:style)", ["my:style"]),
    ],
)
def test_names_of_embeddings_are_cut_as_the_host_cuts_them(text, names):
    assert embedding_names(text) == names


def test_a_missing_file_takes_no_name_from_the_others():
    vector = torch.zeros(768)
    tokens = Tokens([vector, "cat</w>", vector + 1])
    text = "embedding:a cat embedding:gone embedding:b"
    tokens.chunks[0][3] = (vector + 1, 1.0, 2)
    asked = []

    def is_there(name):
        asked.append(name)
        return name != "gone"

    prompt = tokens.prompt(text, has_embedding=is_there)
    assert texts(prompt.words) == ["embedding:a", "cat", "embedding:b"] and asked == ["a", "gone", "b"]
    asked.clear()
    assert (
        texts(tokens.prompt("embedding:a cat embedding:b", has_embedding=is_there).words)[0] == "embedding:a"
    )
    assert not asked, "files are looked up only where the numbers differ"


def test_embedding_of_another_width_moves_later_columns():
    wrong = torch.zeros(1024)
    tokens = Tokens(["cat</w>", wrong, wrong, "dog</w>"])
    prompt = tokens.prompt("cat embedding:sd2 dog", embedding_width=768)
    assert prompt.words == (Word("cat", (1,)), Word("dog", (2,)))
    assert prompt.length == 77
    assert prompt.special == (0, *range(3, 77))


def test_empty_prompt():
    prompt = Tokens([]).prompt()
    assert prompt.words == ()
    assert prompt.special == tuple(range(77))
    assert prompt.find("cat") == ()


@pytest.fixture
def circles():
    return Tokens(
        ["red</w>", "circle</w>", "left</w>", "of</w>", "blue</w>", "circle</w>", ",</w>", "2</w>", "4</w>"]
    ).prompt()


def test_find(circles):
    assert circles.find("Circle") == (circles.words[1], circles.words[5])
    assert circles.find("red circle") == circles.words[:2]
    assert circles.find("(blue circle:1.2),") == circles.words[4:6]
    assert circles.find("circle, 24") == circles.words[5:8]
    assert circles.find("green circle") == ()
    assert circles.find("") == circles.find(" , ") == ()


def test_words_of_a_script_without_blanks():
    prompt = Prompt(
        "",
        tuple(
            Word(text, (i,)) for i, text in enumerate(["red", *"\u7ea2\u8272\u7684\u732b", "cat"], start=1)
        ),
        77,
        (),
    )
    assert [w.columns for w in prompt.find("\u7ea2\u8272")] == [(2,), (3,)]
    assert [w.columns for w in prompt.find("\u7ea2\u8272\u7684\u732b cat")] == [(2,), (3,), (4,), (5,), (6,)]
    assert prompt.find("\u8272\u7ea2") == prompt.find("\u7ea2\u732b") == prompt.find("\u732b\u732b") == ()
    assert prompt.find("redcat") == (), "only scripts without blanks are put together"


def test_split_words():
    assert split_words("Don't stop, (red-haired:1.5) \\(cat\\) 2024") == [
        "don", "stop", "red", "haired", "cat", "2", "0", "2", "4"
    ]  # fmt: skip


def test_parallel_encoders():
    own = Tokens(["cat</w>", "dog</w>"]).prompt("cat dog")
    assert merge_parallel([own, own]) == own
    vector = torch.zeros(768)
    left = Tokens(["cat</w>", vector, "dog</w>"]).prompt("cat embedding:a dog")
    right = Tokens(["cat</w>", vector, "dog</w>"]).prompt("cat embedding:a dog", embedding_width=1280)
    merged = merge_parallel([left, right])
    assert [w.columns for w in merged.words] == [(1,), (2,), (2, 3)], "dog: 3 of one encoder, 2 of the other"
    assert merge_parallel([right, left]).words == merged.words and set(merged.special) == set(left.special)
    other = Tokens(["cat</w>", "bird</w>"]).prompt("cat bird")
    assert merge_parallel([own, other]) == own, "other words, nothing to put together"
    moved = Prompt("cat dog", (Word("cat", (1,)), Word("dog", (3,))), 77, (0, *range(4, 77)))
    both = merge_parallel([own, moved])
    assert both.words == (Word("cat", (1,)), Word("dog", (2, 3)))
    assert not set(both.special) & {1, 2, 3}


# -- labels without wires --------------------------------------------------------------------------------


def encoded(prompt, seed):
    return torch.randn(1, prompt.length, 8, generator=torch.Generator().manual_seed(seed))


def test_labels_survive_concatenation_and_cutting():
    cache = LabelCache()
    long = Tokens(["cat</w>"] * 75, ["dog</w>"]).prompt("cats dog")
    short = Tokens(["moon</w>"]).prompt("moon")
    a, b = encoded(long, 1), encoded(short, 2)
    cache.register(long, a)
    cache.register(short, b)
    assert cache.resolve(TextKey.of(a)).prompt == long
    joined = cache.resolve(TextKey.of(torch.cat([b, a], dim=1)))
    assert joined.unknown == ()
    assert joined.prompt.length == 231
    assert joined.prompt.find("moon") == (Word("moon", (1,)),)
    assert joined.prompt.find("dog") == (Word("dog", (155,)),)
    assert len(joined.prompt.find("cat")) == 75
    cut = cache.resolve(TextKey.of(a[:, 77:]))
    assert cut.prompt.words == (Word("dog", (1,)),)


def test_a_word_across_the_end_of_a_chunk_is_one_word_again():
    cache = LabelCache()
    words = tuple(Word(f"w{i}", (i,)) for i in range(1, 75))
    across = (*words, Word("tyrannosaurus", (75, 78, 79)), Word("blue", (80,)))
    long = Prompt("long", across, 154, (0, 76, 77, *range(81, 154)))
    short = Tokens(["moon</w>"]).prompt("moon")
    a, b = encoded(long, 1), encoded(short, 2)
    cache.register(long, a)
    cache.register(short, b)
    for parts, columns in (((a, b), (75, 78, 79)), ((b, a), (152, 155, 156))):
        joined = cache.resolve(TextKey.of(torch.cat(parts, dim=1)))
        assert [w.columns for w in joined.prompt.find("tyrannosaurus")] == [columns] and not joined.cut
        assert len(joined.prompt.words) == 77
    for half, columns, where in (
        (a[:, :77], (75,), "end"),
        (a[:, 77:], (1, 2), "begin"),
    ):
        known = cache.resolve(TextKey.of(torch.cat([b, half], dim=1)))
        assert known.cut == ("tyrannosaurus",), where
        assert [w.columns for w in known.prompt.find("tyrannosaurus")] == [tuple(c + 77 for c in columns)]
    swapped = cache.resolve(TextKey.of(torch.cat([a[:, 77:], a[:, :77]], dim=1)))
    assert swapped.cut == ("tyrannosaurus",) and len(swapped.prompt.find("tyrannosaurus")) == 2
    between = cache.resolve(TextKey.of(torch.cat([a[:, :77], b, a[:, 77:]], dim=1)))
    assert between.cut == ("tyrannosaurus",)
    stranger = cache.resolve(TextKey.of(torch.cat([a[:, :77], b + 1, a[:, 77:]], dim=1)))
    assert stranger.cut == ("tyrannosaurus",) and stranger.unknown == tuple(range(77, 154))


def test_equal_words_on_both_sides_of_an_end_stay_two():
    cache = LabelCache()
    two = Prompt("cat cat", (Word("cat", (75,)), Word("cat", (78,))), 154, (0, 76, 77, *range(79, 154)))
    a = encoded(two, 1)
    cache.register(two, a)
    joined = cache.resolve(TextKey.of(torch.cat([a, a], dim=1)))
    assert [w.columns for w in joined.prompt.words] == [(75,), (78,), (229,), (232,)] and not joined.cut


def test_unknown_columns_are_named():
    cache = LabelCache()
    short = Tokens(["moon</w>"]).prompt("moon")
    a = encoded(short, 1)
    cache.register(short, a)
    assert cache.resolve(TextKey.of(a + 1)).prompt is None
    assert cache.resolve(TextKey.of(a + 1)).unknown == tuple(range(77))
    half = cache.resolve(TextKey.of(torch.cat([a + 1, a], dim=1)))
    assert half.prompt.words == (Word("moon", (78,)),)
    assert half.unknown == tuple(range(77))
    tail = cache.resolve(TextKey.of(torch.cat([a, torch.zeros(1, 9, 8)], dim=1)))
    assert tail.unknown == tuple(range(77, 86))


def test_labels_are_of_the_contents_not_of_the_object():
    cache = LabelCache()
    short = Tokens(["moon</w>"]).prompt("moon")
    a = encoded(short, 1)
    cache.register(short, a)
    assert cache.resolve(TextKey.of(a.clone()[0])).prompt == short
    assert TextKey.of(a) != TextKey.of(a.reshape(1, 154, 4))
    with pytest.raises(ValueError, match="does not label 76 columns"):
        cache.register(short, a[:, :76])
    with pytest.raises(ValueError, match="batch of 2"):
        TextKey.of(torch.cat([a, a]))


@settings(deadline=None)
@given(st.lists(st.integers(0, 30), max_size=60), st.integers(1, 8))
def test_cache_is_bounded_and_forgets_the_oldest(seeds, capacity):
    cache = LabelCache(capacity)
    prompt = Tokens(["moon</w>"], length=3).prompt("moon")
    for seed in seeds:
        cache.register(prompt, encoded(prompt, seed))
    assert len(cache) <= capacity
    newest = list(dict.fromkeys(reversed(seeds)))[:capacity]
    for seed in newest:
        assert cache.resolve(TextKey.of(encoded(prompt, seed))).prompt == prompt
    for seed in set(seeds) - set(newest):
        assert cache.resolve(TextKey.of(encoded(prompt, seed))).prompt is None
