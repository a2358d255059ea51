"""How often each suggestion helps, for each kind of finding, on pictures of the demo model that went wrong.

`python -m benchmarks.suggestions --prompts 96 --seeds 9000:9004 --json -` looks for claims that
went wrong, samples each picture again with a remedy, and counts how often the claim is right then. With
`--write` the counts become selagg_core/presets/suggestions_demo.json, from which findings quote them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from demo.caption_check import parse_caption
from demo.host_path import prepare_host
from demo.result_file import write_line
from demo.scenes import Claim
from selagg_core.diagnosis.suggestions import RATES_FILE

from .maps import seed_range
from .pictures import Case, Sampler, drawn_cases, unweighted
from .truth import KINDS, truth_of

PAIR = re.compile(
    r"^(?P<one>an? .+?) (?P<join>and|next to|left of|right of|above|below) (?P<other>an? .+?)"
    r"(?P<ground> on an? \w+ background)?$"
)
"""A prompt of two things, the only ones that remedies are tried on."""
TURNED = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}
AREAS = {
    "left of": ((16, 8, 0, 0), (16, 8, 0, 8)),
    "right of": ((16, 8, 0, 8), (16, 8, 0, 0)),
    "above": ((8, 16, 0, 0), (8, 16, 8, 0)),
    "below": ((8, 16, 8, 0), (8, 16, 0, 0)),
}
"""Relation -> areas (h, w, y, x) in latent cells of the first and of the second thing."""
OTHER_SEED = 500


@dataclass(frozen=True)
class Failure:
    """A claim that went wrong in one picture: `key` of `truth`, and the word of the claim as it is said."""

    kind: str
    key: tuple
    case: Case
    seed: int


@dataclass(frozen=True)
class Attempt:
    """A prompt to sample instead.

    regions: further texts with the area that each rules. parts: the prompt in texts that are encoded apart
    (BREAK). turned: whether the first thing is named last. denoise: None for that of the picture.
    """

    text: str
    seed: int
    regions: tuple[tuple[str, tuple[int, int, int, int]], ...] = ()
    parts: tuple[str, ...] = ()
    turned: bool = False
    denoise: float | None = None


def failures(sampler: Sampler, cases: Sequence[Case], most: int) -> list[Failure]:
    """Up to `most` of each kind, of prompts of two things, spread over prompts."""
    found: dict[str, list[Failure]] = {kind: [] for kind in KINDS}
    for sampled in sampler.all([case for case in cases if PAIR.match(case.text)]):
        for seed, picture in zip(sampled.case.seeds, sampled.pictures, strict=True):
            for told in truth_of(picture, sampled.case.caption).claims:
                if told.wrong:
                    found[told.key[0]].append(Failure(told.key[0], told.key, sampled.case, seed))
    rng = np.random.default_rng(0)
    chosen = []
    for own in found.values():
        order = rng.permutation(len(own))[:most]
        chosen += [own[i] for i in sorted(order)]
    return chosen


def another_seed(failure: Failure) -> Attempt:
    return Attempt(failure.case.text, failure.seed + OTHER_SEED)


def weight(failure: Failure) -> Attempt | None:
    """The weight of the words that it is about: up where it is low or usual, back to 1 where it is high.

    For a wrong sense all weights go back to 1.
    """
    if failure.kind == "wrong_sense":
        return _unless_same(unweighted(failure.case.text), failure)
    words = failure.case.text.split()
    about = [i for i in failure.key[1:] if i < len(words)]
    for i in about:
        word = words[i].rstrip(",")
        bare, own = _weighted(word)
        target = 1.0 if own > 1 else 1.4
        changed = bare if target == 1.0 else f"({bare}:{target})"
        words[i] = words[i].replace(word, changed)
    return _unless_same(" ".join(words), failure)


def _unless_same(text: str, failure: Failure) -> Attempt | None:
    return None if text == failure.case.text else Attempt(text, failure.seed)


def order(failure: Failure) -> Attempt | None:
    """The second thing named first."""
    parts = PAIR.match(failure.case.text)
    join = TURNED.get(parts["join"], parts["join"])
    text = f"{parts['other']} {join} {parts['one']}{parts['ground'] or ''}"
    return Attempt(text, failure.seed, turned=True)


def as_tags(failure: Failure) -> Attempt | None:
    """The sentence as tags; None where it says how things lie, which tags cannot."""
    parts = PAIR.match(failure.case.text)
    if parts["join"] in TURNED:
        return None
    things = [part for name in ("one", "other") for part in parts[name].split(" and ")]
    ground = (parts["ground"] or "").removeprefix(" on ")
    phrases = [re.sub("^an? ", "", phrase) for phrase in (*things, ground) if phrase]
    return Attempt(", ".join(phrases), failure.seed)


def apart(failure: Failure) -> Attempt | None:
    """Each thing in a text of its own, as BREAK and Conditioning Concat do."""
    parts = PAIR.match(failure.case.text)
    if parts["join"] in TURNED:
        return None
    texts = (parts["one"], f"{parts['other']}{parts['ground'] or ''}")
    return Attempt(failure.case.text, failure.seed, parts=texts)


def denoise(failure: Failure) -> Attempt | None:
    """Image-to-image that goes further from its start picture."""
    stronger = min(0.95, failure.case.denoise + 0.2)
    return Attempt(failure.case.text, failure.seed, denoise=stronger) if failure.case.start else None


def region(failure: Failure) -> Attempt | None:
    """Each thing prompted once more in a half of its own."""
    parts = PAIR.match(failure.case.text)
    first, second = AREAS.get(parts["join"], AREAS["left of"])
    texts = (unweighted(parts["one"]), unweighted(parts["other"]))
    return Attempt(failure.case.text, failure.seed, ((texts[0], first), (texts[1], second)))


REMEDIES: dict[str, Callable[[Failure], Attempt | None]] = {
    "seed": another_seed,
    "weight": weight,
    "order": order,
    "region": region,
    "tags": as_tags,
    "break": apart,
    "denoise": denoise,
}


def _weighted(word: str) -> tuple[str, float]:
    match = re.match(r"^\((.+):([0-9.]+)\)$", word)
    return (match[1], float(match[2])) if match else (word, 1.0)


def is_right(failure: Failure, attempt: Attempt, picture: np.ndarray) -> bool | None:
    """Whether the claim that went wrong is right in a new picture; None if the reader is not sure."""
    caption = parse_caption(unweighted(attempt.text))
    judged = {told.key: told.wrong for told in truth_of(picture, caption).claims}
    moved = _moved(failure, attempt)
    wrong = None if moved is None else judged.get(moved)
    return None if wrong is None else not wrong


def _moved(failure: Failure, attempt: Attempt) -> tuple | None:
    """The key of the same claim in the text of an attempt; None if that does not make it."""
    before, after = (parse_caption(unweighted(text)) for text in (failure.case.text, attempt.text))
    things = sum(claim.kind == "object" for claim in before.claims)

    def twin(told: Claim) -> Claim | None:
        subject = (told.subject - 1) % things if attempt.turned else told.subject
        same = (c for c in after.claims if c.kind == told.kind)
        if told.kind == "relation":
            return next(same, None)
        return next((c for c in same if (c.value, c.subject) == (told.value, subject)), None)

    indices: set[int] = set()
    for index in failure.key[1:]:
        found = twin(next(claim for claim in before.claims if index in claim.words))
        if found is None:
            return None
        indices |= set(found.words) if found.kind == "relation" else {found.words[-1]}
    return (failure.key[0], *sorted(indices))


def measure(sampler: Sampler, chosen: Sequence[Failure]) -> dict[str, dict[str, dict[str, int]]]:
    """kind -> remedy -> how often it was tried and helped; what the reader is not sure of is not counted."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for number, failure in enumerate(chosen, 1):
        # A start picture is of the prompt that went wrong, whatever is sampled now.
        start = failure.case.start_picture()
        for name, remedy in REMEDIES.items():
            attempt = remedy(failure)
            if attempt is None:
                continue
            how = failure.case.denoise if attempt.denoise is None else attempt.denoise
            case = replace(failure.case, text=attempt.text, seeds=(attempt.seed,), denoise=how)
            picture = sampler.picture(case, attempt.regions, attempt.parts, start)
            right = is_right(failure, attempt, picture)
            if right is not None:
                row = counts.setdefault(failure.kind, {}).setdefault(name, {"tried": 0, "helped": 0})
                row["tried"] += 1
                row["helped"] += int(right)
        if number % 10 == 0 or number == len(chosen):
            sys.stderr.write(f"{number}/{len(chosen)} failures\n")
    return counts


def main() -> None:
    """Samples, counts, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--prompts", type=int, default=192, help="how many are drawn to look for failures")
    parser.add_argument("--seeds", type=seed_range, default="9000:9004", help="A:B, of the pictures")
    parser.add_argument("--most", type=int, default=12, help="failures of a kind that remedies are tried on")
    parser.add_argument("--keep", type=Path, help="folder for what is sampled")
    parser.add_argument("--write", action="store_true", help="keep the counts for findings to quote")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        with torch.inference_mode():
            sampler = Sampler(args.keep)
            chosen = failures(sampler, drawn_cases(args.prompts, list(args.seeds)), args.most)
            counts = measure(sampler, chosen)
    result: dict[str, Any] = {
        "base": "SelAgg demo model",
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "failures": {kind: sum(f.kind == kind for f in chosen) for kind in KINDS},
        "kinds": counts,
        "left_out": sampler.left_out.to_json(),
    }
    text = json.dumps(result)
    if args.write:
        RATES_FILE.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    write_line(text, args.json)


if __name__ == "__main__":
    main()
