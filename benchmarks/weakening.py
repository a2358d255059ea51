"""Whether the heads that a relevance calls important are: what happens to a picture when a word loses them.

Ordered weakening, after Park et al. (ICLR 2025, arXiv 2412.02237): at every step the attention probabilities
of one word of the prompt are multiplied by a factor in the first k heads of an order, and the reader says
whether the picture still shows the word. Orders: most relevant first, least relevant first, and random heads
with the same resolutions as the most relevant at every k. Factor 0 takes the word away from these heads, -2
is the published one.

Words that the picture does not show without any weakening are left out: there is nothing to lose.

`python -m benchmarks.weakening --seeds 40000:40036 --json -`
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import numpy as np
import torch

from demo.host_path import prepare_host
from demo.reader import read_picture
from demo.result_file import write_line
from demo.scenes import Claim, caption_words, scene_from_seed
from demo.vocabulary import HOMONYMS, NATURAL_COLOUR, SHAPES
from selagg_core.relevance.shipped import load_preset

from .map_sources import KINDS
from .maps import seed_range
from .statistics import mean_with_interval

FACTORS = (0.0, -2.0)
COUNTS = (4, 8, 16, 32, 64)
"""Heads weakened, of 128; none and all are the same for every order."""
ORDERS = ("most", "least", "matched")
BATCH = 8
RESAMPLES = 2000


@dataclass(frozen=True)
class Target:
    """A word of a prompt: what the reader should lose sight of. word: its place among the prompt's words."""

    seed: int
    prompt: str
    kind: str
    value: str
    word: int
    concept: str


@dataclass(frozen=True)
class Weakening:
    """The word's probabilities times `factor` in the first `count` heads of an order."""

    order: str
    count: int
    factor: float


def target_of(seed: int) -> Target | None:
    """One word of a seed's single-object caption: the kinds take turns; None if it has none that will do.

    Homonyms will not do, nor colours that the object has anyway, nor "solid", which is the rule.
    """
    scene, caption = scene_from_seed(seed, objects=1)
    natural = NATURAL_COLOUR.get(scene.objects[0].name)
    fitting = [
        claim
        for claim in caption.claims
        if claim.kind in KINDS and claim.value not in (*HOMONYMS, natural, "solid")
    ]
    first = seed % len(KINDS)
    for kind in KINDS[first:] + KINDS[:first]:
        for claim in fitting:
            if claim.kind == kind:
                return Target(seed, caption.text, kind, claim.value, claim.words[-1], concept_of(claim))
    return None


def concept_of(claim: Claim) -> str:
    """The concept of the demo relevance that a claim's word belongs to."""
    if claim.kind == "object":
        return "Shape" if claim.value in SHAPES else "Objects"
    return {"colour": "Color", "pattern": "Geometric Patterns"}[claim.kind]


def shows(picture: np.ndarray, target: Target) -> bool:
    """Whether the reader sees the target's object, colour or pattern anywhere; unsure counts as no."""
    attribute = {"object": "name", "colour": "colour", "pattern": "pattern"}[target.kind]
    return any(getattr(seen, attribute) == target.value for seen in read_picture(picture).objects)


def head_orders(
    scores: np.ndarray, resolutions: np.ndarray, random: np.random.Generator
) -> dict[str, np.ndarray]:
    """All heads in each of ORDERS; the first k of "matched" have the resolutions of the first k of "most"."""
    most = np.argsort(-scores, kind="stable")
    matched = np.empty_like(most)
    for resolution in np.unique(resolutions):
        places = np.flatnonzero(resolutions[most] == resolution)
        matched[places] = random.permutation(most[places])
    return {"most": most, "least": np.argsort(scores, kind="stable"), "matched": matched}


def weakening_hooks(layout, columns: Sequence[int], factors: torch.Tensor):
    """`SamplingHooks` that weaken columns of the positive prompt in chosen heads, other ones in each row.

    columns: of the word in the text; factors: (rows, heads of the model), one row a picture.
    """
    from selagg_nodes.families.unet import with_wrapped_layers
    from selagg_nodes.host import SamplingHooks
    from selagg_nodes.recording.rows import positive_rows

    class WeakeningHooks(SamplingHooks):
        def attach(self, sampling):
            self._model = sampling.guider.model_patcher
            return sampling.proceed(self)

        def model_call(self, call):
            rows = positive_rows(call.x, call.options)
            if rows is None:
                return super().model_call(call)

            def wrap(site, previous):
                start = layout.offset(site.layer)
                own_factors = factors[:, start : start + site.heads]

                def attend(q, k, v, own):
                    out = previous(q, k, v, own).clone()
                    out[rows] = weakened_attention(q[rows], k[rows], v[rows], columns, own_factors)
                    return out

                return attend

            return nullcontext(with_wrapped_layers(self._model, call.options, wrap))

    return WeakeningHooks()


def weakened_attention(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, columns: Sequence[int], factors: torch.Tensor
) -> torch.Tensor:
    """Attention whose probabilities of `columns` are multiplied by factors (rows, heads) after the softmax.

    q: (rows, pixels, heads * dim), k and v: (rows, keys, heads * dim). What is lost is not given to others.
    """
    rows, heads = factors.shape
    q, k, v = (x.reshape(rows, x.shape[1], heads, -1).transpose(1, 2) for x in (q, k, v))
    probabilities = torch.softmax(q.float() @ k.float().transpose(2, 3) * q.shape[-1] ** -0.5, dim=-1)
    probabilities[..., list(columns)] *= factors[:, :, None, None].to(probabilities)
    out = probabilities @ v.float()
    return out.transpose(1, 2).reshape(rows, out.shape[2], -1).to(v.dtype)


class WeakeningBench:
    """The demo model and its relevance, ready to sample with a weakened word."""

    def __init__(self, score_kind: str, steps: int) -> None:
        from demo.studio import SamplingSettings, Studio
        from selagg_nodes import host
        from selagg_nodes.families import read_prompt, unet

        self.studio = Studio()
        self.settings = replace(SamplingSettings(), steps=steps)
        self.host, self.read_prompt = host, read_prompt
        self.relevance = load_preset("demo").with_score(score_kind)
        self.layout = self.relevance.layout
        sites = {site.layer: site.halvings for site in unet.cross_attention_sites(self.studio.model)}
        self.resolutions = np.concatenate(
            [
                np.full(heads, sites[layer])
                for layer, heads in zip(self.layout.layers, self.layout.heads, strict=True)
            ]
        )

    def presence(self, target: Target) -> dict[Weakening, bool] | None:
        """Whether the word is seen under every weakening; None if it is not even seen without."""
        none = Weakening("most", 0, 1.0)
        if not self._seen(target, [none], {})[0]:
            return None
        orders = head_orders(
            self.relevance.scores_of(target.concept), self.resolutions, np.random.default_rng(target.seed)
        )
        plans = list(weakenings(self.layout.total))
        seen: list[bool] = []
        for start in range(0, len(plans), BATCH):
            seen += self._seen(target, plans[start : start + BATCH], orders)
        return dict(zip(plans, seen, strict=True))

    def _seen(
        self, target: Target, plans: Sequence[Weakening], orders: Mapping[str, np.ndarray]
    ) -> list[bool]:
        factors = torch.ones(len(plans), self.layout.total)
        for row, plan in zip(factors, plans, strict=True):
            if plan.count:
                row[torch.from_numpy(orders[plan.order][: plan.count])] = plan.factor
        prompt = self.read_prompt(self.studio.clip, target.prompt)
        if [word.text for word in prompt.words] != caption_words(target.prompt):
            raise RuntimeError(f"The words read back differ from the caption {target.prompt!r}")
        model = self.studio.model.clone()
        columns = prompt.words[target.word].columns
        hooks = weakening_hooks(self.layout, columns, factors)
        self.host.on_sampling(model, hooks.attach)
        seeds = [target.seed] * len(plans)
        pictures = self.studio.decode(self.studio.sample(target.prompt, seeds, self.settings, model))
        return [shows(picture, target) for picture in pictures]


def weakenings(heads: int) -> Iterator[Weakening]:
    """Everything that is tried on one word; all heads at once stand under "most"."""
    for factor in FACTORS:
        for order in ORDERS:
            yield from (Weakening(order, count, factor) for count in COUNTS)
        yield Weakening("most", heads, factor)


def curve(presence: Mapping[Weakening, bool], order: str, factor: float, heads: int) -> np.ndarray:
    """Seen (1) or not (0) at no heads, at COUNTS and at all heads."""
    between = [presence[Weakening(order, count, factor)] for count in COUNTS]
    return np.array([1.0, *between, presence[Weakening("most", heads, factor)]])


def area_between(upper: np.ndarray, lower: np.ndarray, heads: int) -> float:
    """Area between two curves over the share of heads, by trapezoids: 1 if one loses all at once."""
    shares = np.array([0, *COUNTS, heads]) / heads
    change = upper - lower
    return float((np.diff(shares) * (change[1:] + change[:-1]) / 2).sum())


def summary(found: Sequence[tuple[Target, Mapping[Weakening, bool]]], heads: int) -> dict:
    """Curves and areas, by factor, and areas of each kind of word over both factors."""
    result: dict = {"heads": [0, *COUNTS, heads], "curves": {}, "areas": {}}
    curves = {
        (factor, order): np.array([curve(presence, order, factor, heads) for _, presence in found])
        for factor in FACTORS
        for order in ORDERS
    }
    pairs = {"matched-most": ("matched", "most"), "least-most": ("least", "most")}
    areas = {
        (name, factor): np.array(
            [
                area_between(upper, lower, heads)
                for upper, lower in zip(curves[factor, pair[0]], curves[factor, pair[1]], strict=True)
            ]
        )
        for name, pair in pairs.items()
        for factor in FACTORS
    }
    for factor in FACTORS:
        result["curves"][f"factor {factor:g}"] = {
            order: [round(float(v), 4) for v in curves[factor, order].mean(axis=0)] for order in ORDERS
        }
        result["areas"][f"factor {factor:g}"] = {
            name: mean_with_interval(areas[name, factor], RESAMPLES) for name in pairs
        }
    both = {name: np.mean([areas[name, factor] for factor in FACTORS], axis=0) for name in pairs}
    result["areas"]["both"] = {name: mean_with_interval(values, RESAMPLES) for name, values in both.items()}
    kinds = np.array([target.kind for target, _ in found])
    for kind in sorted(set(kinds)):
        own = {name: mean_with_interval(values[kinds == kind], RESAMPLES) for name, values in both.items()}
        result["areas"][kind] = {"words": int((kinds == kind).sum()), **own}
    return result


def measure(bench: WeakeningBench, seeds: range) -> tuple[list, dict[str, int]]:
    """What was seen for every target word, and how many seeds had none or did not show it."""
    found, left_out = [], {"no word": 0, "not shown": 0}
    started = time.time()
    for count, seed in enumerate(seeds, 1):
        target = target_of(seed)
        presence = None if target is None else bench.presence(target)
        if presence is None:
            left_out["no word" if target is None else "not shown"] += 1
        else:
            found.append((target, presence))
        if count % 4 == 0 or count == len(seeds):
            sys.stderr.write(f"{count}/{len(seeds)} words, {time.time() - started:.0f} s\n")
    return found, left_out


def main() -> None:
    """Weakens one word a seed in every way, and prints one JSON object last."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=seed_range, default="40000:40036", help="A:B, one word each")
    parser.add_argument("--score", default="argmax wins", help="kind of score that orders the heads")
    parser.add_argument("--steps", type=int, default=10, help="sampling steps a picture")
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host()
        bench = WeakeningBench(args.score, args.steps)
        found, left_out = measure(bench, args.seeds)
    if not found:
        raise SystemExit("No word of these seeds is shown without weakening: choose more seeds.")
    result = {
        "seeds": f"{args.seeds[0]}:{args.seeds[-1] + 1}",
        "score": args.score,
        "words": len(found),
        "left_out": left_out,
        **summary(found, bench.layout.total),
    }
    text = json.dumps(result)
    write_line(text, args.json)


if __name__ == "__main__":
    main()
