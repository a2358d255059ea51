"""What a recording says of other packs and of what it left out: short enough to be read, and with a cure.

Every message is found in the source by the call that tells it, so that a new one is looked at too.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter

import pytest
from loading import ROOT

from selagg_core.prompt.messages import MESSAGES
from selagg_core.prompt.quoted import LONGEST_MESSAGE, reasons
from selagg_core.recording.coverage import Tally
from selagg_core.recording.layout import HeadLayout

FOLDERS = {"nodes/recording": "selagg_nodes.recording", "nodes/families": "selagg_nodes.families",
           "selagg_core/recording": "selagg_core.recording"}  # fmt: skip
#: Method -> which argument is the text: a whole sentence, or the cause of a shortage.
TELLS = {
    "notice": 0, "missed": 1, "rows": 1, "_pass_over": 1, "_refuse": 0, "_testify": 3, "_record_verdict": 3,
    "doubt": 2,
}  # fmt: skip
SENTENCES = ("notice", "_refuse")
#: What an artist can do.
CURE = re.compile(
    r"bypass .*\(Ctrl\+B\)|Raise |sample each size|README names|give |encode|use |sample without",
    re.IGNORECASE,
)
#: Nothing is lost that could be had in another way, or the sentence is of a limit of ours.
NO_CURE = (
    "This is a video",
    "A part of this video was made without",
    "This sampler reports no steps",
    "the self-attention of",
)
LAYOUT = HeadLayout.of(("transformer_block", number, 10, 24) for number in range(60))
#: Numbers, and names such as "positive 12" and "transformer_block 59.10".
LONGEST_PART = 16
LONGEST_PREFIX = "SelAgg Heatmaps: nothing of the positive prompt was recorded. "


def told_in(path, module) -> list[tuple[str, str]]:
    """(method, text) of every call that tells an artist something; variable parts are of LONGEST_PART."""
    found = []
    for call in ast.walk(ast.parse(path.read_text("utf-8"))):
        name = call.func.attr if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) else ""
        if name in TELLS and len(call.args) > TELLS[name]:
            text = text_of(call.args[TELLS[name]], module)
            if text:
                found.append((name, text))
    return found


def text_of(value: ast.expr, module) -> str:
    """What an expression says; "" if it hands on what another one has said."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "message":
        return re.sub(r"\{\w*\}", "x" * LONGEST_PART, MESSAGES[value.args[0].value])
    if isinstance(value, ast.IfExp):
        return text_of(value.body, module) or text_of(value.orelse, module)
    if isinstance(value, ast.Name):
        return str(getattr(module, value.id, ""))
    if isinstance(value, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "x" * LONGEST_PART for part in value.values
        )
    return value.value if isinstance(value, ast.Constant) and isinstance(value.value, str) else ""


@pytest.fixture(scope="module")
def told(pack) -> list[tuple[str, str]]:
    found = []
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).glob("*.py")):
            name = package if path.stem == "__init__" else f"{package}.{path.stem}"
            found += told_in(path, importlib.import_module(name))
    return found


def in_words(method: str, text: str) -> str:
    """The longest sentence that an artist reads of it."""
    if method in SENTENCES:
        return text
    if method in ("rows", "_pass_over"):
        (sentence,) = Tally(rows=Counter({text: 100})).shortages(LAYOUT, {})
    else:
        (sentence,) = Tally(layers={text: dict.fromkeys(LAYOUT.layers)}).shortages(LAYOUT, {})
    return sentence


def test_every_message_is_found(told):
    texts = " ".join(text for _, text in told)
    recorder = importlib.import_module("selagg_nodes.recording.recorder")
    names = [name for name, value in vars(recorder).items() if name.isupper() and "{" not in str(value)]
    told_of = [name for name in names if isinstance(getattr(recorder, name), str)]
    for name in set(told_of) - {"ASKED", "CHANGE", "PROMPT_KEY"}:
        assert getattr(recorder, name) in texts, name
    assert len(told) >= 25


def test_every_message_is_known_in_other_languages(told, record_testsuite_property):
    """By its key: `text_of` gives what the catalogue has, and a text of its own is none of it."""
    patterns = {re.sub(r"\{\w*\}", "x" * LONGEST_PART, text) for text in MESSAGES.values()}
    alone = [text for _, text in told if text not in patterns]
    record_testsuite_property("messages_in_english_alone", len(alone))
    assert not alone


def test_every_message_is_short_and_says_what_to_do(told):
    for method, text in told:
        sentence = in_words(method, text)
        assert 10 < len(sentence) <= LONGEST_MESSAGE, sentence
        assert sentence.endswith(".") and ".." not in sentence and "{" not in sentence, sentence
        assert CURE.search(sentence) or any(free in sentence for free in NO_CURE), sentence


def test_a_refusal_by_one_of_them_is_short_too(told):
    for method, text in told:
        assert len(LONGEST_PREFIX + reasons([in_words(method, text)])) <= LONGEST_MESSAGE, text


def test_a_refusal_for_many_reasons_tells_the_last_ones_that_fit(told):
    sentences = [in_words(method, text) for method, text in told]
    message = LONGEST_PREFIX + reasons(sentences)
    assert sentences[-1] in message and len(message) <= LONGEST_MESSAGE
    assert reasons([]) == "" and reasons(["One.", "Two.", "One."]) == "One. Two."
    assert reasons(["x" * 400]) == "x" * 400, "one is told in any case"
    assert reasons(["first.", "y" * 215, "last."]) == "last."
