"""Messages stay short enough to be read, whatever an artist writes."""

from __future__ import annotations

import copy
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from selagg_core.claims.read_claims import read_claims
from selagg_core.diagnosis.findings import LONGEST_LINE, Finding
from selagg_core.diagnosis.sentence import Sentence
from selagg_core.diagnosis.sentences import Sentences
from selagg_core.diagnosis.suggestions import first_remedy, suggestion_for
from selagg_core.maps.heads import select_heads
from selagg_core.prompt.groups import WordGroup, choose_groups
from selagg_core.prompt.lexicon import Concept, Lexicon
from selagg_core.prompt.messages import CAUSES, MESSAGES, Message, joined, message, name_of, said_of, why
from selagg_core.prompt.pieces import Piece, prompt_from_pieces
from selagg_core.prompt.quoted import LONGEST_LIST, LONGEST_QUOTE, short, shortened
from selagg_core.prompt.words import Prompt, Word
from selagg_core.recording.coverage import Tally
from selagg_core.recording.layout import HeadLayout
from selagg_core.relevance.building import fill_prompts
from selagg_core.relevance.choose_heads import _unknown_words
from selagg_core.relevance.concepts import parse_concepts, parse_overrides
from selagg_core.relevance.shipped import load_preset

LONG = "y" * 5000
MANY = tuple(f"concept number {number}" for number in range(300))
PROMPT = Prompt("", tuple(Word(f"word{number}" * 3, (number,)) for number in range(1, 400)), 500, (0,))
LEXICON = Lexicon.of([Concept(name, (f"w{number}",)) for number, name in enumerate(MANY)])

REFUSED = {
    "a word": lambda text: choose_groups([PROMPT], text),
    "a numbered word": lambda text: choose_groups([PROMPT], f"{text} (2)"),
    "an occurrence that is not there": lambda text: choose_groups([PROMPT], f"{text and 'word1' * 3} (999)"),
    "an override": lambda text: parse_overrides(text, MANY),
    "a concept": lambda text: parse_overrides(f"cat={text}", MANY),
    "a concept that is nearly known": lambda text: parse_overrides("cat=concept number 29x", MANY),
    "a word given twice": lambda text: parse_overrides(f"{text}=all, {text}=all", MANY),
    "a name of a concept": lambda text: parse_concepts(f'{{"{text}=": ["a"], "b": ["c"]}}'),
    "words of a concept": lambda text: parse_concepts(f'{{"{text}": [], "b": ["c"]}}'),
    "a blank of a prompt": lambda text: fill_prompts(
        f"{text} __{text}__", [Concept(name, ("a",)) for name in MANY], 1, 0
    ),
    "a mode": lambda text: select_heads(load_preset("sd14").layout, text),
    "a preset": load_preset,
    "a concept of a relevance": lambda text: load_preset("sd14").ranking(text),
    "a score of a relevance": lambda text: load_preset("sd14").with_score(text),
}  # fmt: skip


@pytest.mark.parametrize(
    "text", [LONG, "z", "a" * LONGEST_QUOTE + " b"], ids=["long", "short", "at the edge"]
)
@pytest.mark.parametrize("refused", REFUSED.values(), ids=REFUSED)
def test_a_refusal_is_short(refused, text):
    with pytest.raises(ValueError, match=r"\w") as caught:
        refused(text)
    assert 10 < len(str(caught.value)) <= 300


@pytest.mark.parametrize(
    "line", [LONG, f"{LONG} > {LONG}", f"word1word1word1 = {LONG}", f"thing: {LONG}", f"{LONG} (3): left"]
)
def test_a_problem_of_a_claim_is_short(line):
    problems = read_claims([PROMPT], LEXICON, line).problems
    assert problems and all(10 < len(problem) <= 300 for problem in problems)


@pytest.mark.parametrize("size", [10, 39, 41, 700])
@pytest.mark.parametrize(("one", "other"), [(": left", ": right"), (" left of dog", " right of dog")])
def test_a_contradiction_is_short_and_says_what_is_claimed(one, other, size):
    thing = "y" * size
    prompt = Prompt(f"a {thing} and a dog", (Word(thing, (1,)), Word("dog", (2,))), 4, (0, 3))
    (problem,) = read_claims([prompt], LEXICON, f"{thing}{one}\n{thing}{other}").problems
    assert len(problem) <= 300 and one in problem and other in problem and "cannot both" in problem


def test_the_example_of_a_weight_that_is_no_weight_is_short():
    text = f"({LONG}: 1.2)"
    notes = prompt_from_pieces(text, [Piece(text.encode())], []).notes
    assert len(notes) == 1 and len(notes[0]) <= 300


def test_words_without_a_concept_are_named_up_to_a_limit():
    told = _unknown_words([word.text for word in PROMPT.words], load_preset("sd14"))
    assert len(told) <= 300 and "word1word1word1" in told and "more" in told


def test_lists_and_quotations_are_cut_where_they_say():
    assert short("a" * LONGEST_QUOTE) == "a" * LONGEST_QUOTE
    assert short("a" * (LONGEST_QUOTE + 1)) == "a" * LONGEST_QUOTE + "..."
    assert shortened(["a", "b"]) == "a, b"
    assert shortened([]) == ""
    names = ["abcdefgh"] * 50
    told = shortened(names)
    shown = told.count("abcdefgh")
    assert told.endswith(f" and {50 - shown} more") and shown == LONGEST_LIST // 10
    assert shortened(["x" * 500, "b"], most=10).endswith("... and 1 more")


def finding(**changes) -> Finding:
    words = (WordGroup("star", (1,)),)
    usual = Finding(
        "neglected", words, 0.9, {}, 0.9, suggestion_for("neglected", ["star"]), "no region holds it."
    )
    return replace(usual, **changes)


def test_a_line_says_everything_where_there_is_room():
    line = finding(reason="Why.").line
    assert "Why." in line and ", or give" in line and len(line) <= LONGEST_LINE


def test_a_long_line_keeps_what_was_found_and_the_first_remedy():
    message = "the map has 9% of the focus of the other things, " * 3
    whole = finding(message=message, reason="The evidence is weak: of such cases 46% are right.", sure=False)
    line = whole.line
    assert len(line) <= LONGEST_LINE and message in line and "[confidence 0.90" in line
    assert first_remedy(whole.suggestion) in line and ", or give" not in line
    assert first_remedy(first_remedy(whole.suggestion)) == first_remedy(whole.suggestion)


@pytest.mark.parametrize(
    "kind", ["neglected", "leaked", "blended", "misplaced", "wrong_sense", "misplaced_region"]
)
@pytest.mark.parametrize("weight", [1.0, 0.2, 1.9])
def test_a_suggestion_for_a_word_of_any_length_is_short(kind, weight):
    assert 10 < len(suggestion_for(kind, [LONG, LONG], {LONG: weight})) <= 300


# -- in other languages ----------------------------------------------------------------------------------

LOCALES = Path(__file__).resolve().parents[2] / "locales"
LANGUAGES = sorted(folder.name for folder in LOCALES.iterdir() if folder.name != "en")


def names_in(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def sentence(said) -> Sentence:
    """A `said` for JSON as the sentence that it is."""
    values = {n: sentence(v) if isinstance(v, dict) else v for n, v in said["values"].items()}
    return Sentence(said["key"], values)


def language(name: str) -> Sentences:
    body = json.loads((LOCALES / name / "main.json").read_text("utf-8"))
    return Sentences(body["selagg"]["sentences"])


@pytest.mark.parametrize("key", MESSAGES)
def test_a_message_says_by_its_key_what_it_says_in_words(key):
    values = {name: f"<{name}>" for name in names_in(MESSAGES[key])}
    told = message(key, **values)
    assert told == Sentences().say(sentence(said_of(told))) and not names_in(told)
    with pytest.raises(KeyError):
        message(f"{key} that is none")


@pytest.mark.parametrize("own", LANGUAGES)
def test_messages_within_messages_are_said_in_the_same_language(own):
    """No English is left of a reason that another one is the cause of."""
    told = message("all_instead", why=message("prompt_empty"))
    said = language(own).say(sentence(said_of(told)))
    assert "prompt is empty" not in said and "All heads" not in said
    assert language(own).say(sentence(said_of(message("prompt_empty")))) in said


def test_a_message_keeps_what_it_knows():
    """Through an exception, in a tuple without doubles, when it is copied, and by `str`."""
    told = message("not_in_prompt", word="x", words="y")
    assert why(ValueError(told)).said == told.said and why(ValueError("plain")) == "plain"
    assert said_of(next(iter(dict.fromkeys([told, str(told)])))) == told.said
    copied = copy.deepcopy(told)
    assert copied == told and said_of(copied) == told.said
    assert json.loads(json.dumps([told])) == [str(told)]
    assert said_of("plain English") is None
    assert joined([]) == "" and joined(["one."]) == "one."
    both = joined([told, message("interrupted")])
    assert both == f"{told} {MESSAGES['interrupted']}" and said_of(both)["values"]["one"] == told.said
    assert said_of(message("all_instead", why=Message("plain")))["values"] == {"why": "plain"}


def test_the_name_of_a_text_is_a_word_of_the_language():
    told = language("fr").say(sentence(said_of(message("the_prompt", name=name_of("negative", 1)))))
    assert told == "prompt n\u00e9gatif 2" and name_of("negative", 1) == "negative 2"


@pytest.mark.parametrize("cause", CAUSES)
def test_what_was_not_recorded_is_said_with_its_cause(cause):
    layout = HeadLayout.of(("block", number, 0, 2) for number in range(3))
    layer = layout.layers[0]
    (told,) = Tally(layers={message(cause): {layer: None}}).shortages(layout, {})
    assert told.startswith("1 of 3 attention layers were not recorded: ")
    for own in LANGUAGES:
        said = language(own).say(sentence(said_of(told)))
        assert str(layer) in said and CAUSES[cause].split(".")[0] not in said


@pytest.mark.parametrize(
    "name", ["a word", "a numbered word", "an override", "a concept", "a word given twice"]
)
def test_a_refusal_that_a_viewer_shows_is_known_in_other_languages(name):
    with pytest.raises(ValueError, match=r"\w") as caught:
        REFUSED[name](LONG)
    assert said_of(why(caught.value))


@pytest.mark.parametrize(
    "line",
    [
        "red > nothing there",
        "word1word1word1 = No",
        "nonsense",
        "word1word1word1: left; word1word1word1: right",
    ],
)
def test_a_problem_of_a_claim_is_known_in_other_languages(line):
    problems = read_claims([PROMPT], LEXICON, line).problems
    assert problems and all(said_of(problem) for problem in problems)
