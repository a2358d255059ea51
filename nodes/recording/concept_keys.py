"""Keys that the layers of a network make of words encoded alone, heard while it is called with each word.

What a network does to a text before its layers attend to it (adapters, norms) need not be known so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch

from selagg_core.prompt.lexicon import Concept
from selagg_core.recording.layout import LayerId
from selagg_core.recording.log_sum_exp import SeenLogSumExp
from selagg_core.relevance.building import ConceptKeys

from .. import host
from ..families import AttentionReading, AttentionSite, ModelFamily
from .encode import encode
from .rows import positive_rows


class LayerListener:
    """Hands every reading between picture and text to `take`; the attention itself stays as it is."""

    outlines: Collection[LayerId] = ()

    def __init__(self, take: Callable[[AttentionReading], None]):
        self._take = take

    def record(self, make: Callable[..., AttentionReading | None], *args) -> None:
        reading = make(*args)
        if reading is not None and reading.text is not None:
            self._take(reading)

    def checked(self, attention: Callable[[], torch.Tensor], make: Callable, *args) -> torch.Tensor:
        self.record(make, *args)
        return attention()

    def overheard(self, attention: Callable, seen: SeenLogSumExp, make: Callable, *args) -> torch.Tensor:
        return self.checked(attention, make, *args)

    def exchanged(self, layer: LayerId, given: torch.Tensor, used: torch.Tensor) -> None:
        """Layers that are read otherwise are missed by the recorder, which says so."""

    def missed(self, layer: LayerId, cause: str) -> None:
        """A layer that is not read is missing from what is counted: `RunMeasurement.wins` says so."""

    def notice(self, text: str) -> None:
        """What the artist should know he is told by the recorder."""


class LayerWatch(host.SamplingHooks):
    """During sampling runs of a model: `take(reading, rows)` of every layer, rows being the positive ones."""

    def __init__(
        self,
        family: ModelFamily[Any],
        take: Callable[[AttentionReading, slice], None],
        on_step: Callable[[int], None] = lambda step: None,
    ):
        self._family, self._take, self._on_step = family, take, on_step
        self._sites: Sequence[AttentionSite] = ()

    def attach(self, sampling: host.SamplingRun) -> torch.Tensor:
        # Read here, once the host has loaded the model: packs exchange modules while they load.
        self._sites = self._family.sites(sampling.guider.model_patcher)
        return sampling.proceed(self)

    def model_call(self, call: host.ModelCall):
        rows = positive_rows(call.x, call.options)
        if call.context is None or rows is None:
            return super().model_call(call)
        take = self._take
        return self._family.hooked(self._sites, call, LayerListener(lambda reading: take(reading, rows)))

    def step(self, step: int, denoised: torch.Tensor) -> None:
        self._on_step(int(step) + 1)
        host.stop_if_interrupted()


def concept_keys(
    model,
    clip,
    family: ModelFamily[Any],
    sites: Sequence[AttentionSite],
    concepts: Sequence[Concept],
    size: tuple[int, int],
    on_word: Callable[[int, int], None] = lambda done, total: None,
) -> ConceptKeys:
    """The keys of every word of the concepts in every layer, one call of the network a word.

    size: (h, w) in cells of 8 pixels of the picture that it is called with, which has no say in the keys.
    on_word: called with words done and words in all.

    Raises ValueError for a word that has no text columns, and for layers that were not heard.
    """
    heard: dict[LayerId, torch.Tensor] = {}

    def take(reading: AttentionReading, rows: slice) -> None:
        keys = reading.k[rows][0].detach()  # (heads, keys, dim)
        heard[reading.layer] = keys.transpose(0, 1).flatten(1).clone()

    watched = model.clone()
    host.on_sampling(watched, LayerWatch(family, take).attach)
    sigma = float(model.get_model_object("model_sampling").sigma_max)
    latent = host.empty_latent(model, size)
    start: dict[LayerId, torch.Tensor] = {}
    words: dict[LayerId, list[list[torch.Tensor]]] = {site.layer: [] for site in sites}
    done, total = 0, sum(len(concept.words) for concept in concepts)
    for concept in concepts:
        for own in words.values():
            own.append([])
        for word in concept.words:
            conditioning, prompt, _ = encode(clip, word)
            columns = sorted({c for own in prompt.words for c in own.columns}) if prompt is not None else []
            if prompt is None or not columns:
                raise ValueError(f'the text encoder gave no words for "{word}": write words in letters.')
            heard.clear()
            host.evaluate(watched, conditioning, [latent], [sigma])
            missing = [str(layer) for layer in words if layer not in heard]
            if missing:
                raise ValueError(
                    f"some layers of the model were not heard ({', '.join(missing[:4])}): another pack "
                    "replaces them. Build the relevance on the model without that pack."
                )
            named = {c for _, kinds in prompt.wordless for c in kinds}
            marks = [column for column in prompt.special if column not in named] or [prompt.length - 1]
            for layer, own in words.items():
                start.setdefault(layer, heard[layer][marks[0]])
                own[-1].append(heard[layer][columns])
            done += 1
            on_word(done, total)
            host.stop_if_interrupted()
    return ConceptKeys(
        tuple(concepts), start, {layer: tuple(map(tuple, own)) for layer, own in words.items()}
    )
