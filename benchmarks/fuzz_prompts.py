"""Hostile prompts and claims through all that reads texts: words, places, claims, expectations, names."""

from __future__ import annotations

import importlib
import json
import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from selagg_core.claims.claim import claim_lines
from selagg_core.claims.expectations import expected_regions, read_expectations
from selagg_core.claims.over_entries import over_entries
from selagg_core.claims.read_claims import general_lexicon, read_claims
from selagg_core.claims.weights import heed_weights
from selagg_core.files.names import file_stem
from selagg_core.maps.regions import parse_boxes
from selagg_core.prompt.as_written import written_pieces
from selagg_core.prompt.groups import choose_groups
from selagg_core.prompt.words import Prompt
from selagg_core.relevance.concepts import parse_concepts, parse_overrides
from selagg_core.report.understood import understood

from .fuzz_tally import LAST_SECONDS, Tally, clock, ended_after
from .fuzz_texts import Texts

LEXICON = general_lexicon()
SIZE = (64, 96)
_PIECE = re.compile(r"\d|[^\W\d]+|[^\w\s]")
"""Words as encoders part a text: each digit is one."""

Reader = Callable[[str], Prompt | None]


class HostRefused(Exception):
    """The host's own tokenizer failed: nothing of ours was called."""


class Tokens:
    """What the pack asks of a CLIP to read words, with the host's real tokenizer and no weights."""

    cond_stage_model = None

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.seconds = 0.0
        """What the host itself took."""

    def tokenize(self, text: str, return_word_ids: bool = False, **options: Any) -> Any:
        started = clock()
        try:
            return self.tokenizer.tokenize_with_weights(text, return_word_ids, **options)
        except Exception as error:
            raise HostRefused(str(error)) from error
        finally:
            self.seconds += clock() - started


TOKENIZERS = {
    "CLIP": ("sd1_clip", "SD1Tokenizer"),
    "two CLIPs": ("sdxl_clip", "SDXLTokenizer"),
    "T5": ("text_encoders.flux", "FluxTokenizer"),
    "Qwen": ("text_encoders.z_image", "ZImageTokenizer"),
    "Qwen with a template": ("text_encoders.qwen_image", "QwenImageTokenizer"),
}


def host_readers() -> dict[str, Tokens]:
    """The tokenizers of this host, by what they are; those that it lacks are left out."""
    found = {}
    for name, (module, kind) in TOKENIZERS.items():
        try:
            found[name] = Tokens(getattr(importlib.import_module(f"comfy.{module}"), kind)())
        except (ImportError, AttributeError):
            continue
    return found


def fuzz_prompts(count: int, seeds: range, tally: Tally, watch: Callable[[int], None]) -> None:
    """Reads `count` texts (a prompt, or its claims), spread over the seeds; prepares the host first."""
    from selagg_nodes.families import read_prompt

    tokens = host_readers()
    done = 0
    for seed in seeds:
        rng = random.Random(f"prompts {seed}")  # noqa: S311 - texts, no secrets
        while done * len(seeds) < count * (seed - seeds.start + 1):
            texts = Texts(rng)
            name = rng.choice(("CLIP", "CLIP", *tokens))
            done += _read(texts, name, tokens[name], read_prompt, tally, f"seed {seed}")
            watch(done)


def _read(texts: Texts, name: str, clip: Tokens, read_prompt: Any, tally: Tally, seed: str) -> int:
    """One prompt and the fields that go with it; how many texts these are."""
    prompt = texts.prompt()
    several = texts.rng.random() < 0.15
    fields = {
        "prompt": prompt,
        "second": texts.prompt() if several else "",
        "claims": texts.claims(prompt),
        "words": texts.words(prompt),
        "boxes": texts.boxes(prompt),
        "overrides": texts.overrides(prompt),
        "name": texts.name(),
    }
    example = {"seed": seed, "encoder": name, **{key: shortened(value) for key, value in fields.items()}}
    clip.seconds = 0.0
    started = clock()
    try:
        with ended_after(LAST_SECONDS):
            prompts = [
                read
                for key in ("prompt", "second")[: 1 + several]
                if (read := read_prompt(clip, fields[key])) is not None
            ]
            read_all(prompts, fields, tally, example)
    except HostRefused:
        tally.skipped += 1
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        tally.raised(error, "reading", example)
    words = sum(len(_PIECE.findall(text)) for text in fields.values())
    tally.took(clock() - started - clip.seconds, words, "reading", example)
    texts_read = 2 + several
    tally.calls += texts_read
    return texts_read


def shortened(text: str) -> str:
    return ascii(text if len(text) <= 600 else f"{text[:500]}...{text[-90:]} ({len(text)})")


def read_all(prompts: list[Prompt], fields: Mapping[str, str], tally: Tally, example: Any) -> None:
    """Every reader of text, and what must hold of what it gives."""
    for prompt in prompts:
        tally.said(prompt.notes, "notes of a prompt", example)
        _check_pieces(prompt, tally, example)

    def tried(where: str, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:
            tally.raised(error, where, example)
            return None

    tried("words", lambda: choose_groups(prompts, fields["words"]))
    expectations = tried(
        "expectations", lambda: read_expectations(None, "", text=fields["claims"], boxes=fields["boxes"])
    )
    if expectations is not None:
        problems: list[str] = []
        tried("regions", lambda: expected_regions(expectations, prompts, 1, SIZE, problems))
        tally.said(problems, "problems of expectations", example)
    tried("boxes", lambda: parse_boxes(fields["boxes"]))
    tried("overrides", lambda: parse_overrides(fields["overrides"], sorted(LEXICON.concepts)))
    tried("concepts", lambda: parse_concepts(fields["overrides"]))
    tried("name", lambda: file_stem(fields["name"]))
    tried("claims", lambda: _check_claims(prompts, fields["claims"], tally, example))


def _check_claims(prompts: list[Prompt], edits: str, tally: Tally, example: Any) -> None:
    read = read_claims(prompts, LEXICON, edits)
    tally.said((*read.problems, *read.notices), "problems of claims", example)
    joined, weighed = heed_weights(over_entries(read, prompts), prompts)
    tally.said(weighed, "notices of weights", example)
    json.dumps(understood(joined, prompts), allow_nan=False)
    for line in claim_lines(joined.checked):
        if not line.strip():
            tally.fault("empty message", "line of a claim", example)
    for claim in joined.all:
        for group in filter(None, (claim.subject, claim.words, claim.other)):
            words = prompts[group.entry].words
            if not group.indices or max(group.indices) >= len(words) or min(group.indices) < 0:
                tally.fault("wrong words", "claims", [claim.text, example])


def _check_pieces(prompt: Prompt, tally: Tally, example: Any) -> None:
    """The pieces of a text are the text; columns lie in it, and belong to one word at most."""
    pieces = written_pieces(prompt)
    shown = "".join(piece.text for piece in pieces)
    if not shown.startswith(prompt.text):
        tally.fault("wrong text", "pieces", example)
    named = [piece.word for piece in pieces if piece.word is not None]
    if sorted(named) != list(range(len(prompt.words))):
        tally.fault("wrong words", "pieces", example)
    owned = [column for word in prompt.words for column in word.columns]
    if len(owned) != len(set(owned)) or any(not 0 <= column < prompt.length for column in owned):
        tally.fault("wrong columns", "words", example)
