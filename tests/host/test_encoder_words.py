"""Words of the host's own tokenizers: T5, Qwen with templates, CLIP and T5 in one sequence, sentencepiece.

The encoders are doubles that give random columns as the real ones do, cuts of templates included (their own
code); tokenizers are the host's.  Some vocabularies come with their models and are not to be had: small ones
of our own, in the host's own classes, stand for those of UMT5, mT5, Gemma, Mistral, llama and GPT-OSS.
"""

from __future__ import annotations

import importlib
import json

import own_vocabularies
import pytest
import torch

PROMPT = "A photo of a capybara, holding a (red:1.3) umbrella's handle; don't smile"
WORDS = ["a", "photo", "of", "a", "capybara", "holding", "a", "red", "umbrella", "handle", "don", "smile"]


@pytest.fixture(scope="module", autouse=True)
def todays_host(host):
    pytest.importorskip("comfy.text_encoders.krea2", reason="these encoders came with later hosts")


@pytest.fixture(scope="module")
def nodes(host, pack):
    return importlib.import_module("selagg_nodes.prompt")


class Double:
    """A CLIP object: the host's tokenizer, and an encoder that gives `columns(tokens)` random columns."""

    def __init__(self, tokenizer, columns, **extra):
        self.tokenizer, self._columns, self._extra = tokenizer, columns, extra
        self.cond_stage_model = None

    def tokenize(self, text, return_word_ids=False, **kwargs):
        return self.tokenizer.tokenize_with_weights(text, return_word_ids, **kwargs)

    def encode_from_tokens_scheduled(self, tokens):
        count = self._columns(tokens)
        self.encoded = tokens
        generator = torch.Generator().manual_seed(count)
        extra = {name: make(tokens) for name, make in self._extra.items()}
        return [[torch.randn(1, count, 16, generator=generator), {"pooled_output": None, **extra}]]


def whole(name: str):
    return lambda tokens: sum(len(chunk) for chunk in tokens[name])


def cut(module: str, model: str, name: str):
    """Columns that the host's own encoder leaves of its template."""

    def columns(tokens) -> int:
        clip = importlib.import_module("comfy.sd1_clip")
        kind = getattr(importlib.import_module(f"comfy.text_encoders.{module}"), model)
        count = len(tokens[name][0])
        stacked = (1, 2, count, 4) if module == "krea2" else (1, count, 4)
        given = torch.zeros(stacked), None, {"attention_mask": torch.ones(1, count)}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(clip.SD1ClipModel, "encode_token_weights", lambda self, pairs: given)
            return kind.encode_token_weights(kind.__new__(kind), tokens)[0].shape[1]

    return columns


def encoders() -> dict:
    def of(module, kind):
        return getattr(importlib.import_module(f"comfy.text_encoders.{module}"), kind)()

    def ids(tokens):
        return torch.tensor([token for token, *_ in tokens["t5xxl"][0]])

    return {
        "flux": Double(of("flux", "FluxTokenizer"), whole("t5xxl")),
        "klein": Double(of("flux", "KleinTokenizer"), whole("qwen3_4b")),
        "z_image": Double(of("z_image", "ZImageTokenizer"), whole("qwen3_4b")),
        "qwen_image": Double(
            of("qwen_image", "QwenImageTokenizer"), cut("qwen_image", "QwenImageTEModel", "qwen25_7b")
        ),
        "krea2": Double(of("krea2", "Krea2Tokenizer"), cut("krea2", "Krea2TEModel", "qwen3vl_4b")),
        "anima": Double(of("anima", "AnimaTokenizer"), whole("qwen3_06b"), t5xxl_ids=ids),
        "cosmos": Double(of("cosmos", "CosmosT5Tokenizer"), whole("t5xxl")),
        "aura_flow": Double(of("aura_t5", "AuraT5Tokenizer"), whole("pile_t5xl")),
        "mage_flow": Double(
            of("mage_flow", "MageFlowTokenizer"), cut("mage_flow", "MageFlowTEModel", "qwen3vl_4b")
        ),
        "longcat": Double(
            of("longcat_image", "LongCatImageTokenizer"),
            cut("longcat_image", "LongCatImageTEModel", "qwen25_7b"),
        ),
        "hunyuan_image": Double(
            of("hunyuan_image", "HunyuanImageTokenizer"), cut("qwen_image", "QwenImageTEModel", "qwen25_7b")
        ),
        "kandinsky5": Double(
            of("kandinsky5", "Kandinsky5TokenizerImage"), cut("qwen_image", "QwenImageTEModel", "qwen25_7b")
        ),
        "omnigen2": Double(of("omnigen2", "Omnigen2Tokenizer"), whole("qwen25_3b")),
        "ideogram4": Double(of("ideogram4", "Ideogram4Tokenizer"), whole("qwen3vl_8b")),
        "boogu": Double(of("boogu", "BooguTokenizer"), whole("qwen3vl_8b")),
        "joyimage": Double(
            of("joyimage", "JoyImageTokenizer"), cut("joyimage", "JoyImageTEModel", "qwen3vl_8b")
        ),
        "sd3": Double(
            of("sd3_clip", "SD3Tokenizer"), lambda tokens: whole("l")(tokens) + whole("t5xxl")(tokens)
        ),
    }


@pytest.fixture(scope="module")
def clips(host):
    return encoders()


WEIGHTED = ("flux", "anima", "sd3", "cosmos", "aura_flow", "omnigen2")
LITERAL = (
    "klein", "z_image", "qwen_image", "krea2", "mage_flow", "longcat", "hunyuan_image", "kandinsky5",
    "ideogram4", "boogu", "joyimage",
)  # fmt: skip


#: Columns that the host's encoder cuts off behind the text: <|im_end|> and what follows.
CUT_BEHIND = {"LongCatImageTokenizer": 5}


def spoken(clip, prompt, key: str) -> list[str]:
    """What the host's tokenizer itself says of each word's tokens, decoded."""
    tokenizer = getattr(clip.tokenizer, key, None) or getattr(clip.tokenizer, f"clip_{key}")
    entries = [entry for chunk in clip.tokenize(prompt.text)[key] for entry in chunk]
    cut_off = len(entries) - prompt.length - CUT_BEHIND.get(type(clip.tokenizer).__name__, 0)
    said = []
    for word in prompt.words:
        own = [entries[column + cut_off][0] for column in word.columns]
        said.append(tokenizer.tokenizer.decode(own).strip(" ,;:().'").lower())
    return said


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("flux", "t5xxl"), ("klein", "qwen3_4b"), ("z_image", "qwen3_4b"), ("qwen_image", "qwen25_7b"),
        ("krea2", "qwen3vl_4b"), ("cosmos", "t5xxl"), ("aura_flow", "pile_t5xl"), ("mage_flow", "qwen3vl_4b"),
        ("longcat", "qwen25_7b"), ("hunyuan_image", "qwen25_7b"), ("kandinsky5", "qwen25_7b"),
        ("omnigen2", "qwen25_3b"), ("ideogram4", "qwen3vl_8b"), ("boogu", "qwen3vl_8b"),
        ("joyimage", "qwen3vl_8b"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "text",
    [PROMPT, "two cats", "caf\u00e9 \u732b na\u00efve, 1920s film", "x" * 40 + " dog", "a <b> [c] {d}"],
)
def test_columns_of_words_decode_to_the_words(nodes, clips, name, key, text):
    conditioning, prompt = nodes.SelAggTextEncode().encode(text, clips[name])
    assert prompt.words and prompt.length == conditioning[0][0].shape[1]
    assert conditioning[0][1]["selagg_prompt"] is prompt
    for word, said in zip(prompt.words, spoken(clips[name], prompt, key), strict=True):
        assert said == word.text, (word, said)
    owned = [column for word in prompt.words for column in word.columns]
    assert len(owned) == len(set(owned)) and not set(owned) & set(prompt.special)


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_are_weights_where_the_host_reads_them(nodes, clips, name, caplog):
    _, prompt = nodes.SelAggTextEncode().encode(PROMPT, clips[name])
    assert [word.text for word in prompt.words] == WORDS
    assert {word.text: word.weight for word in prompt.words}["red"] == pytest.approx(1.3)
    assert not prompt.notes and not caplog.text


@pytest.mark.parametrize("name", LITERAL)
def test_brackets_are_text_where_the_host_reads_no_weights(nodes, clips, name, caplog):
    # LongCat's own tokenizer mixes two words with apostrophes up (0.33.0).
    whole, once = (PROMPT.replace("don't", "dont"), "dont") if name == "longcat" else (PROMPT, "don")
    _, prompt = nodes.SelAggTextEncode().encode(whole, clips[name])
    texts = [word.text for word in prompt.words]
    assert [text for text in texts if text not in ("1", "3", "1.3")] == [*WORDS[:-2], once, "smile"]
    assert {word.weight for word in prompt.words} == {1.0}
    assert "(red:1.3)" in " ".join(prompt.notes) and "reads brackets" in caplog.text
    _, plain = nodes.SelAggTextEncode().encode("a red (old) umbrella", clips[name])
    assert not plain.notes


@pytest.mark.parametrize("name", LITERAL)
def test_templates_and_padding_are_special(nodes, clips, name):
    _, prompt = nodes.SelAggTextEncode().encode("two cats", clips[name])
    owned = {column for word in prompt.words for column in word.columns}
    assert owned | set(prompt.special) == set(range(prompt.length))
    assert [word.text for word in prompt.words] == ["two", "cats"]


@pytest.mark.parametrize(
    ("name", "key", "marks", "template"),
    [
        ("flux", "t5xxl", ["</s>"], ""),
        ("cosmos", "t5xxl", ["</s>"], ""),
        ("z_image", "qwen3_4b", ["<|im_start|>"], "user\n<|im_end|>\n<|im_start|>assistant\n"),
        ("klein", "qwen3_4b", ["<|im_start|>"], "user\n<|im_end|>\n<|im_start|>assistant\n"),
    ],
)
def test_special_columns_are_told_apart(nodes, clips, name, key, marks, template):
    """Padding, the outer marks, and the template between them, against the host's own tokens."""
    kinds_of = importlib.import_module("selagg_core.prompt.column_kinds").column_kinds
    _, prompt = nodes.SelAggTextEncode().encode("a red umbrella, of paper", clips[name])
    tokenizer = getattr(clips[name].tokenizer, key, None) or getattr(clips[name].tokenizer, f"clip_{key}")
    tokens = [token for chunk in clips[name].tokenize(prompt.text)[key] for token, *_ in chunk]
    kinds = dict(kinds_of(prompt))
    assert sorted(column for own in kinds.values() for column in own) == list(range(prompt.length))
    said = {kind: [tokens[column] for column in own] for kind, own in kinds.items()}
    assert set(said.get("padding", ())) <= {tokenizer.pad_token}
    assert tokenizer.tokenizer.convert_ids_to_tokens(said["marks"]) == marks
    assert tokenizer.tokenizer.decode(said.get("template", [])).startswith(template)
    assert tokenizer.tokenizer.decode(said["stop words"]).split() == ["a", "of"]
    assert tokenizer.tokenizer.decode(said["punctuation"]).strip() == ","


def test_special_columns_of_clip(nodes, clips):
    """SD3: CLIP's begin and first end are marks, what fills its chunk is padding; T5's likewise."""
    kinds_of = importlib.import_module("selagg_core.prompt.column_kinds").column_kinds
    _, prompt = nodes.SelAggTextEncode().encode("a red umbrella", clips["sd3"])
    kinds = dict(kinds_of(prompt))
    tokens = clips["sd3"].tokenize(prompt.text)
    second = [token for chunk in tokens["t5xxl"] for token, *_ in chunk]
    end = 77 + second.index(1)
    assert kinds["marks"] == (0, 4, end)
    assert kinds["padding"] == (*range(5, 77), *range(end + 1, prompt.length))


def test_an_empty_prompt_has_no_words(nodes, clips):
    for name, clip in clips.items():
        _, prompt = nodes.SelAggTextEncode().encode("", clip)
        assert prompt.words == (), name


def test_anima_counts_the_tokens_of_t5(nodes, clips):
    conditioning, prompt = nodes.SelAggTextEncode().encode("a red umbrella", clips["anima"])
    assert prompt.length == len(conditioning[0][1]["t5xxl_ids"]) != conditioning[0][0].shape[1]
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    key = importlib.import_module("selagg_core.prompt.known_texts").TextKey.of(conditioning[0][0])
    assert labels.resolve(key).prompt == prompt


def test_sd3_owns_columns_of_clip_and_of_t5(nodes, clips):
    _, prompt = nodes.SelAggTextEncode().encode("a red umbrella", clips["sd3"])
    red = prompt.words[1]
    assert red.text == "red" and red.columns[0] == 2 and red.columns[1] >= 77
    assert len(red.columns) == 2


# -- vocabularies of our own ---------------------------------------------------------------------------------


def random_columns(*shape):
    return torch.randn(1, *shape, 16, generator=torch.Generator().manual_seed(sum(shape)))


def doubles(tmp_path, monkeypatch) -> dict:
    """Encoders of the host's own classes on vocabularies of ours; their key in what is tokenized."""

    def of(module, kind, **data):
        return getattr(importlib.import_module(f"comfy.text_encoders.{module}"), kind)(tokenizer_data=data)

    bpe = importlib.import_module("comfy.text_encoders.bpe_tokenizer")
    (tmp_path / "tokenizer.json").write_text(json.dumps(own_vocabularies.llama_json()))
    read = bpe.from_tokenizer_json(str(tmp_path))
    monkeypatch.setattr(bpe.LlamaTokenizerFast, "from_pretrained", staticmethod(lambda path, **_: read))
    spiece, gemma = own_vocabularies.sentencepiece_model(), own_vocabularies.sentencepiece_model(2)
    mistral = {"tekken_model": own_vocabularies.tekken()}
    return {
        "wan": (Double(of("wan", "WanT5Tokenizer", spiece_model=spiece), whole("umt5xxl")), "umt5xxl"),
        "lumina2": (
            Double(of("lumina2", "LuminaTokenizer", spiece_model=gemma), whole("gemma2_2b")), "gemma2_2b"
        ),
        "neta": (Double(of("lumina2", "NTokenizer", spiece_model=gemma), whole("gemma3_4b")), "gemma3_4b"),
        "flux2": (Double(of("flux", "Flux2Tokenizer", **mistral), whole("mistral3_24b")), "mistral3_24b"),
        "ernie": (Double(of("ernie", "ErnieTokenizer", **mistral), whole("ministral3_3b")), "ministral3_3b"),
        "lens": (
            Double(
                of("gpt_oss", "LensTokenizer", tokenizer_json=own_vocabularies.gpt_oss()),
                lambda tokens: max(0, whole("gpt_oss")(tokens) - 97),
            ),
            "gpt_oss",
        ),
        "hunyuan_dit": (
            Double(
                of("hydit", "HyditTokenizer", **{"mt5xl.spiece_model": spiece}), whole("hydit_clip"),
                conditioning_mt5xl=lambda tokens: random_columns(whole("mt5xl")(tokens)),
            ),
            "hydit_clip",
        ),
        "hidream": (
            Double(
                of("hidream", "HiDreamTokenizer"), whole("t5xxl"),
                conditioning_llama3=lambda tokens: random_columns(4, whole("llama")(tokens)),
            ),
            "t5xxl",
        ),
    }  # fmt: skip


DOUBLES = ("wan", "lumina2", "neta", "flux2", "ernie", "lens", "hunyuan_dit", "hidream")
LITERAL_DOUBLES = ("neta", "flux2", "ernie", "lens")


@pytest.mark.parametrize("name", DOUBLES)
def test_encoders_on_vocabularies_of_our_own(nodes, name, tmp_path, monkeypatch):
    for needed in ("sentencepiece", "tokenizers"):
        pytest.importorskip(needed)
    clip, key = doubles(tmp_path, monkeypatch)[name]
    text = "an old (red:1.2) umbrella, two cats. A dog"
    conditioning, prompt = nodes.SelAggTextEncode().encode(text, clip)
    words = [word.text for word in prompt.words]
    if name in LITERAL_DOUBLES:
        assert "(red:1.2)" in " ".join(prompt.notes)
        words = [word for word in words if word not in ("1", "2", "1.2")]
        assert {word.weight for word in prompt.words} == {1.0}
    else:
        assert not prompt.notes
        assert {word.text: word.weight for word in prompt.words}["red"] == pytest.approx(1.2)
    assert words == ["an", "old", "red", "umbrella", "two", "cats", "a", "dog"]
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    known = importlib.import_module("selagg_core.prompt.known_texts").TextKey
    text_of = importlib.import_module("selagg_nodes.families.text_encoders").text_of
    assert labels.resolve(known.of(text_of(*conditioning[0]))).prompt == prompt
    owned = [column for word in prompt.words for column in word.columns]
    assert len(owned) == len(set(owned)) and not set(owned) & set(prompt.special)
    assert_decoded(clip, prompt, key, conditioning)


def assert_decoded(clip, prompt, key: str, conditioning) -> None:
    """Every column of a word decodes to a part of it, in each encoder whose columns are there."""
    places = [(key, 0)]
    streams = clip.encoded
    columns = conditioning[0][0].shape[1]
    if "conditioning_mt5xl" in conditioning[0][1]:
        places.append(("mt5xl", columns))
    if "conditioning_llama3" in conditioning[0][1]:
        places += [("llama", columns), ("llama", columns + whole("llama")(streams))]
    for name, start in places:
        tokenizer = getattr(clip.tokenizer, name, None) or getattr(clip.tokenizer, f"clip_{name}")
        tokens = [token for chunk in streams[name] for token, *_ in chunk]
        cut_off = len(tokens) - columns if len(places) == 1 else 0
        for word in prompt.words:
            own = [c - start for c in word.columns if start <= c < start + len(tokens)]
            decoded = tokenizer.tokenizer.decode([int(tokens[c + cut_off]) for c in own])
            assert decoded.strip(" ,.;:()").lower() == word.text, (name, word, decoded)


def test_hunyuan_image_reads_quoted_letters_apart(nodes, clips):
    """Quoted text goes to a second encoder, too; words are those of the first."""
    _, prompt = nodes.SelAggTextEncode().encode('a sign that says "open"', clips["hunyuan_image"])
    assert [word.text for word in prompt.words] == ["a", "sign", "that", "says", "open"]


@pytest.mark.parametrize("name", ["boogu", "longcat"])
def test_an_empty_prompt_may_have_another_template(nodes, clips, name):
    """Boogu wraps an empty prompt into other words than any other; none of them is the artist's."""
    for text in ("", " ", "red"):
        _, prompt = nodes.SelAggTextEncode().encode(text, clips[name])
        assert [word.text for word in prompt.words] == text.split()


@pytest.mark.parametrize("name", ["longcat", "hidream"])
def test_text_that_is_cut_off_is_named(nodes, clips, name, tmp_path, monkeypatch, caplog):
    clip = doubles(tmp_path, monkeypatch)[name][0] if name == "hidream" else clips[name]
    text = " ".join(f"red{'' if number else ' first'}" for number in range(600)) + ", an umbrella"
    _, prompt = nodes.SelAggTextEncode().encode(text, clip)
    note = next(note for note in prompt.notes if "reads the beginning of this prompt only" in note)
    assert len(note) <= 300 and '"red"' in note and note in caplog.text
    _, whole_prompt = nodes.SelAggTextEncode().encode("red first, an umbrella.", clip)
    assert not whole_prompt.notes


# -- prompts with pictures -----------------------------------------------------------------------------------


class Pictured(Double):
    """An encoder in which every picture becomes `columns` columns, as the real ones do."""

    PICTURE = 7

    def encode_from_tokens_scheduled(self, tokens):
        (name,) = tokens
        wide = [each for token, *_ in tokens[name][0] for each in [token] * self.size(token)]
        count = self._columns({name: [[(token, 1.0) for token in wide]]})
        self.spread = self.spread or wide[len(wide) - count - self.behind : len(wide) - self.behind]
        return [[torch.randn(1, count, 16, generator=torch.Generator().manual_seed(7)), {}]]

    behind = 0
    spread: list = []
    """What the columns of the first text are made of."""

    def size(self, token) -> int:
        return self.PICTURE if isinstance(token, dict) else 1


def edited(name: str):
    """(clip, what makes a CONDITIONING of it, a text and a picture) with the host's own nodes."""
    extras = importlib.import_module

    def of(module, kind):
        return getattr(importlib.import_module(f"comfy.text_encoders.{module}"), kind)()

    picture = torch.rand(1, 64, 96, 3, generator=torch.Generator().manual_seed(0))
    qwen = Pictured(
        of("qwen_image", "QwenImageTokenizer"), cut("qwen_image", "QwenImageTEModel", "qwen25_7b")
    )
    if name == "edit":
        node = extras("comfy_extras.nodes_qwen").TextEncodeQwenImageEdit
        return qwen, lambda text: node.execute(qwen, text, image=picture)
    if name in ("plus", "plus, none"):
        node = extras("comfy_extras.nodes_qwen").TextEncodeQwenImageEditPlus
        pictures = {} if name == "plus, none" else {"image1": picture, "image3": picture}
        return qwen, lambda text: node.execute(qwen, text, **pictures)
    if name == "longcat":
        node = extras("comfy_extras.nodes_qwen").TextEncodeQwenImageEdit
        clip = Pictured(
            of("longcat_image", "LongCatImageTokenizer"),
            cut("longcat_image", "LongCatImageTEModel", "qwen25_7b"),
        )
        clip.behind = 5
        return clip, lambda text: node.execute(clip, text, image=picture)
    if name == "boogu":
        node = extras("comfy_extras.nodes_boogu").TextEncodeBooguEdit
        clip = Pictured(of("boogu", "BooguTokenizer"), whole("qwen3vl_8b"))
        return clip, lambda text: node.execute(clip, text, "", None, {"image_1": picture, "image_2": picture})
    if name == "joyimage":
        node = extras("comfy_extras.nodes_joyimage").TextEncodeJoyImageEdit
        own = cut("joyimage", "JoyImageTEModel", "qwen3vl_8b")
        clip = Pictured(of("joyimage", "JoyImageTokenizer"), own)
        return clip, lambda text: node.execute(clip, text, None, {"image0": picture})
    node = extras("comfy_extras.nodes_mage").TextEncodeMageFlowEdit
    clip = Pictured(of("mage_flow", "MageFlowTokenizer"), cut("mage_flow", "MageFlowTEModel", "qwen3vl_4b"))
    return clip, lambda text: node.execute(clip, text, "", None, {"image_1": picture}, width=64, height=64)


@pytest.mark.parametrize("name", ["edit", "plus", "plus, none", "longcat", "mage", "boogu", "joyimage"])
@pytest.mark.parametrize(
    "text", ["move the red cup, left of the umbrella", "make it night", "Picture 1: a cat."]
)
def test_words_of_prompts_with_pictures(nodes, name, text):
    """Their columns are counted from the end: the node's own conditioning says how many there are."""
    clip, encode = edited(name)
    conditioning = encode(text).args[0]
    spread = list(clip.spread)
    graph_words = importlib.import_module("selagg_nodes.recording.from_graph").SelAggGraphWords
    (prompt,) = graph_words().read(clip=clip, text=text, source="node 2", given=conditioning)
    assert prompt.length == conditioning[0][0].shape[1] == len(spread)
    assert len(prompt.offers) == 1 and not prompt.offers[0].refusal
    words = text.lower().replace(",", "").replace(":", "").replace(".", "").split()
    assert [word.text for word in prompt.words] == words
    names = ("qwen25_7b", "qwen3vl_4b", "qwen3vl_8b")
    tokenizer = next(own for key in names if (own := getattr(clip.tokenizer, key, None)) is not None)
    for word in prompt.words:
        own = [spread[column] for column in word.columns]
        assert tokenizer.tokenizer.decode(own).strip(" ,.:").lower() == word.text
    pictures = {column for column, token in enumerate(spread) if isinstance(token, dict)}
    assert pictures <= set(prompt.special) and bool(pictures) == (name != "plus, none")
    labels = importlib.import_module("selagg_nodes.recording.labels").LABELS
    key = importlib.import_module("selagg_core.prompt.known_texts").TextKey.of(conditioning[0][0])
    assert labels.resolve(key).prompt.words == prompt.words


@pytest.mark.parametrize(("name", "one_way"), [("qwen_image", True), ("flux", False)])
def test_selagg_prompt_says_in_which_direction_an_encoder_reads(nodes, clips, name, one_way):
    (prompt,) = nodes.SelAggPrompt().read(PROMPT, clips[name])
    assert prompt.offers and prompt.one_way is one_way
