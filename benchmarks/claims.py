"""What is read from prompts, in the form that expected claims have, and how often it is right.

    python -m benchmarks.claims --read FILE.jsonl --json -      a line of JSON for each prompt of FILE
    python -m benchmarks.claims --table FOLDER --json -         precision and recall over the sets of FOLDER
    python -m benchmarks.claims --concepts --json -             concepts that the word table gives, checked
    python -m benchmarks.claims --growth 100000 --json -        seconds of reading by number of words

FILE: lines with a "prompt". FOLDER: gold_*.jsonl and the scorer score.py. Words are the host's tokens if
`--host` names a ComfyUI folder, else those of `plain_words`.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from demo.result_file import write_line
from selagg_core.claims.claim import Claim, Claims
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.prompt.lexicon import common_words
from selagg_core.prompt.tokens import prompt_from_tokens
from selagg_core.prompt.word_table import SURE_THING, TRUSTED_CONCEPTS, use_of
from selagg_core.prompt.words import Prompt

from .plain_words import plain_prompt

LEXICON = general_lexicon()
GROWTH_UNIT = "a red cat left of a blue dog, "
"""Ten words and marks that are repeated to see how the time of reading grows."""


def host_tokenizer(folder: Path) -> Callable[[str], Prompt]:
    """Reads texts with the CLIP tokenizer of a ComfyUI folder; no model is loaded."""
    sys.path.insert(0, str(folder))
    sys.argv = [sys.argv[0], "--cpu"]
    importlib.import_module("comfy.options").enable_args_parsing()
    tokenizer = importlib.import_module("comfy.sd1_clip").SD1Tokenizer()
    vocabulary = tokenizer.clip_l.inv_vocab

    def prompt_of(text: str) -> Prompt:
        return prompt_from_tokens(text, tokenizer.tokenize_with_weights(text)["l"], vocabulary)

    return prompt_of


def read_line(text: str, prompt_of: Callable[[str], Prompt]) -> dict[str, Any]:
    """What is said of one prompt, in the scorer's form, and the milliseconds that the reading took."""
    prompt = prompt_of(text)
    started = time.perf_counter()
    claims = read_claims([prompt], LEXICON)
    milliseconds = 1000 * (time.perf_counter() - started)
    return {
        "prompt": text,
        **_said(claims),
        "checked": _said(claims.checked),
        "notices": claims.notices,
        "ms": round(milliseconds, 3),
    }


def _said(claims: Claims) -> dict[str, list]:
    return {
        "entities": list(dict.fromkeys(c.subject.text for c in claims.of("entity"))),
        "attributes": [[c.value, c.subject.text] for c in claims.of("attribute")],
        "relations": [[c.subject.text, c.value, _other(c)] for c in claims.of("relation")],
        "counts": [[c.subject.text, int(c.value)] for c in claims.of("count")],
        "places": [[c.subject.text, c.value] for c in claims.of("place")],
    }


def _other(claim: Claim) -> str:
    return claim.other.text if claim.other is not None else ""


def table(folder: Path, prompt_of: Callable[[str], Prompt]) -> dict[str, Any]:
    """Precision and recall of every set, of all that was read and of what is checked alone."""
    sys.path.insert(0, str(folder.resolve()))
    figures = importlib.import_module("score").figures
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("gold_*.jsonl")):
        gold = _with_all_kinds(file)
        read = [read_line(line["prompt"], prompt_of) for line in gold]
        name = file.stem.removeprefix("gold_")
        found[name] = _short(figures(list(zip(gold, read, strict=True))))
        checked = [{**line, **line["checked"]} for line in read]
        found[name]["checked"] = _short(figures(list(zip(gold, checked, strict=True))))
    return found


def _with_all_kinds(file: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
    kinds = ("entities", "attributes", "relations", "counts", "places")
    return [{**{kind: [] for kind in kinds}, **line} for line in lines]


def _short(figures: dict[str, Any]) -> dict[str, Any]:
    kinds = ("entity", "attribute", "relation", "relation_in", "count", "place")
    short = {kind: _rates(figures[kind]) for kind in kinds if kind in figures}
    whole = ("prompts", "prompts_without_a_wrong_claim", "ms_median", "ms_max")
    return {key: figures[key] for key in whole if key in figures} | short


def _rates(kind: dict[str, Any]) -> dict[str, Any]:
    return {key: kind[key] for key in ("precision", "recall", "said", "wanted")}


def concept_figures() -> dict[str, Any]:
    """For each concept how often the word table names it for words of the lexicon, and is right.

    The table was made without the lexicon: its words are all held out.
    """
    right: Counter[str] = Counter()
    named: Counter[str] = Counter()
    words = {word for listed in common_words().values() for word in listed}
    for word in words:
        use = use_of(word)
        if use.concept is not None and use.thing >= SURE_THING and use.noun >= use.adj:
            named[use.concept] += 1
            right[use.concept] += use.concept in LEXICON.lookup(word)
    trusted = {name: named[name] for name in named if name in TRUSTED_CONCEPTS}
    return {
        "words": len(words),
        "named": sum(named.values()),
        "right": _share(right.values(), named.values()),
        "trusted": sum(trusted.values()),
        "trusted_right": _share((right[name] for name in trusted), trusted.values()),
        "by_concept": {name: [round(right[name] / count, 3), count] for name, count in named.most_common()},
    }


def _share(right: Iterable[int], named: Iterable[int]) -> float:
    return round(sum(right) / max(1, sum(named)), 3)


def growth(most: int) -> dict[str, Any]:
    """Seconds of the processor for reading texts of 1,000 words up to `most`."""
    sizes = [size for size in (1000, 3000, 10000, 30000, 100000) if size <= most]
    seconds = {}
    for size in sizes:
        prompt = plain_prompt(GROWTH_UNIT * (size // 8))
        started = time.process_time()
        read_claims([prompt], LEXICON)
        seconds[str(size)] = round(time.process_time() - started, 3)
    return {"seconds": seconds}


def read_lines(file: Path, prompt_of: Callable[[str], Prompt]) -> Iterator[dict[str, Any]]:
    """A line for each prompt of a file."""
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield read_line(json.loads(line)["prompt"], prompt_of)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--read", type=Path, metavar="FILE", help="lines of JSON with a prompt")
    parser.add_argument("--table", type=Path, metavar="FOLDER", help="sets of expected claims, with score.py")
    parser.add_argument("--concepts", action="store_true", help="check the concepts of the word table")
    parser.add_argument("--growth", type=int, metavar="WORDS", help="time the reading up to so many words")
    parser.add_argument("--host", type=Path, metavar="FOLDER", help="a ComfyUI whose tokenizer is used")
    parser.add_argument("--json", default="-", metavar="FILE", help="where the result goes, - for the output")
    given = parser.parse_args(arguments)
    prompt_of = host_tokenizer(given.host) if given.host else plain_prompt
    if given.read:
        write_line("\n".join(map(json.dumps, read_lines(given.read, prompt_of))), given.json)
    result: dict[str, Any] = {"benchmark": "claims", "tokenizer": "host" if given.host else "plain"}
    if given.table:
        result["sets"] = table(given.table, prompt_of)
    if given.concepts:
        result["concepts"] = concept_figures()
    if given.growth:
        result["growth"] = growth(given.growth)
    if len(result) > 2:
        write_line(json.dumps(result), given.json)


if __name__ == "__main__":
    main()
