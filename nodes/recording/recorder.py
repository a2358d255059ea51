"""Installs a recording into the sampling runs of a model, and takes it out again.

The model calls of a run are followed from outside: which conditioning entry each block of rows belongs to is
read from the lists that the host hands to its batch function, and every text cross-attention layer gets a
replacement that first records q and k and then does what would have been done without it.
"""

from __future__ import annotations

import logging
import sys
import weakref
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from functools import partial

import torch

from selagg_core.recording.capture import Capture
from selagg_core.recording.head_maps import Recording
from selagg_core.recording.layout import HeadLayout, LayerId
from selagg_core.recording.probabilities import halved
from selagg_core.recording.run_sums import RunSums
from selagg_core.recording.self_attention import layers_to_keep
from selagg_core.recording.settings import CaptureSettings

from .. import host
from ..families.unet import AttentionSite, cross_attention_sites, layer_grid
from .labels import LABELS, PROMPT_KEY
from .rows import Rows, area_of, area_size, context_of, same_entries

logger = logging.getLogger("selagg")


def install(model, capture: Capture) -> None:
    """Record every sampling run of this ModelPatcher into `capture`, as long as somebody holds that."""
    held = weakref.ref(capture)  # a host keeps the last model: that must not keep its recordings

    def record(run: host.SamplingRun) -> torch.Tensor:
        capture = held()
        recorder = _begin(capture, run) if capture is not None and capture.wanted else None
        if recorder is None:
            return run.proceed(None)
        try:
            latent = run.proceed(recorder)
        except BaseException:
            recorder.interrupted()
            raise
        recorder.finish(latent)
        return latent

    host.on_sampling(model, record)


def record_evaluations(
    model,
    positive: list,
    latents: Sequence[torch.Tensor] | torch.Tensor,
    sigmas: Sequence[float],
    settings: CaptureSettings | None = None,
) -> Recording:
    """Record single evaluations of a model on given noised latents, averaged over them.

    model: ModelPatcher.  positive: CONDITIONING (one text for the batch).  latents: for each sigma a tensor
    (batch, channels, h, w) in the model's latent space, x = latent + sigma * noise.  settings: what to
    record; by default no self-attention.
    """
    if len(latents) != len(sigmas) or not len(sigmas):
        raise ValueError(
            f"{len(latents)} latents but {len(sigmas)} sigmas: one latent for each, at least one."
        )
    capture = Capture(LABELS, settings or CaptureSettings(self_attention=False))
    model = model.clone()
    install(model, capture)
    host.evaluate(model, positive, latents, sigmas)
    return capture.last()


def _begin(capture: Capture, run: host.SamplingRun) -> RunRecorder | None:
    """A recorder for the run; None if it cannot be made, which must not stop the sampling."""
    try:
        return RunRecorder(capture, run)
    except Exception:
        logger.exception("SelAgg Capture could not start on this run; the picture is not affected.")
        return None


class RunRecorder:
    """Follows one sampling run (`host.SamplingHooks`).

    An exception in here ends the recording of this run, never the run.
    """

    def __init__(self, capture: Capture, run: host.SamplingRun):
        self._capture, self._guider = capture, run.guider
        sites = cross_attention_sites(run.guider.model_patcher)
        layout = HeadLayout.of((*site.key, site.heads) for site in sites)
        size = tuple(run.noise.shape[-2:])
        grids = {LayerId(*site.key): tuple(halved(side, site.halvings) for side in size) for site in sites}
        widths = {LayerId(*site.key): site.width for site in sites}
        kept = layers_to_keep(grids, size) if capture.settings.self_attention else ()
        self._sums = RunSums(
            layout,
            grids,
            tuple(run.noise.shape),
            tuple(float(sigma) for sigma in run.sigmas),
            capture.labels,
            capture.settings,
            {layer: widths[layer] for layer in kept},
        )
        # Read once the host has loaded the model: packs exchange modules while they load.
        self._sites: tuple[AttentionSite, ...] | None = None
        self._failure: str | None = None
        self._denoised: torch.Tensor | None = None
        self._depth = 0
        self._seen: set[tuple[str, int]] = set()
        self._batch: tuple[Sequence, torch.Tensor] | None = None
        self._record, self._record_self = self._record_layer, self._record_self_attention
        if "torch._dynamo" in sys.modules:  # keep recording out of compiled graphs
            self._record = torch.compiler.disable(self._record)
            self._record_self = torch.compiler.disable(self._record_self)

    # -- hooks ---------------------------------------------------------------------------------------

    @contextmanager
    def evaluation(self):
        if self._depth == 0:
            self._seen.clear()
            self._sums.begin_evaluation()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1

    @contextmanager
    def batch(self, conds: Sequence, x: torch.Tensor):
        outer, self._batch = self._batch, (conds, x)
        try:
            yield
        finally:
            self._batch = outer

    def model_call(self, x: torch.Tensor, context: torch.Tensor | None, options: dict) -> dict:
        if self._failure is not None or not self._sums.recording:
            return options
        with self._guarded():
            rows = self._attribute(x, context, options)
            if rows:
                return self._with_recording(options, rows, x.shape[0])
        return options

    def step(self, step: int, denoised: torch.Tensor) -> None:
        with self._guarded():
            self._sums.commit(int(step))
            self._denoised = denoised

    # -- end of the run ------------------------------------------------------------------------------

    def finish(self, latent: torch.Tensor) -> None:
        """Keep the run under the latents that it gave out."""
        latents: tuple[torch.Tensor, ...] = ()
        with self._guarded():
            latents = (latent,)
            if self._denoised is not None:
                latents += (host.denoised_latent(self._guider.model_patcher, self._denoised),)
        run = None
        if self._failure is None:
            with self._guarded():
                run = self._sums.finish(complete=True)
        self._keep(run, latents)

    def interrupted(self) -> None:
        """The sampling ended with an exception of its own: no latent, an incomplete run."""
        run = None
        if self._failure is None:
            with self._guarded():
                run = self._sums.finish(complete=False)
        self._keep(run, ())

    def _keep(self, run, latents: tuple[torch.Tensor, ...]) -> None:
        try:
            self._capture.keep(self._sums.fail(self._failure or "") if run is None else run, latents)
        except Exception:
            logger.exception("SelAgg Capture could not keep this run; the picture is not affected.")
        self._guider = self._batch = self._denoised = self._sites = None

    @contextmanager
    def _guarded(self):
        try:
            yield
        except Exception as error:
            if self._failure is None:
                self._failure = (
                    "SelAgg Capture stopped recording this run after an error "
                    f"({type(error).__name__}: {error}). The picture is not affected; see the log."
                )
                logger.exception("SelAgg Capture stopped recording this run; the picture is not affected.")
            self._sums.clear()  # frees the device: sampling goes on

    # -- rows ----------------------------------------------------------------------------------------

    def _attribute(self, x: torch.Tensor, context: torch.Tensor | None, options: dict) -> list[Rows]:
        """The entry of every block of rows; blocks that are not wanted or not known are left out."""
        order = options.get("cond_or_uncond")
        if self._batch is None or self._depth == 0 or context is None or not order:
            self._sums.notice("Some model calls came from outside the sampler's steps and were not recorded.")
            return []
        conds, latent = self._batch
        size = latent.shape[0]
        if x.shape[0] != size * len(order):
            self._sums.rows(x.shape[0], "they belong to no picture")
            return []
        uuids = options.get("uuids") or ()
        if len(uuids) != len(order):  # another pack has multiplied the rows
            uuids = [None] * len(order)
        found = []
        for place, (which, uuid) in enumerate(zip(order, uuids, strict=True)):
            entries = conds[which] if which < len(conds) else None
            start = place * size
            same = same_entries(entries or (), uuid, context[start])
            rows = self._claim(entries, same, x, start, start + size, latent)
            if rows is not None:
                self._sums.rows(size)
                found.append(rows)
        return found

    def _claim(self, entries, same: list[dict], x, start: int, stop: int, latent) -> Rows | None:
        """Rows for the first of these entries that this evaluation has not seen yet.

        Guidance nodes evaluate an entry again with a perturbed model: those repetitions are left out.
        """
        fitting = [e for e in same if area_size(e, latent) == tuple(x.shape[-2:])]
        places = [self._place(entries, entry) for entry in fitting]
        if not same or None in places:
            self._sums.rows(stop - start, "they could not be attributed to a prompt")
            return None
        if not fitting:
            self._sums.rows(stop - start, "they cover another part of the picture than their prompt (tiles?)")
            return None
        for place, entry in zip(places, fitting, strict=True):
            if place not in self._seen:
                self._seen.add(place)
                return self._open(place, entry, start, stop, latent)
        return None

    def _place(self, entries, entry: dict) -> tuple[str, int] | None:
        """(kind, index) of an entry: by the identity of its list, else by the entry itself."""
        conds: dict = self._guider.conds
        for kind, own in conds.items():
            if own is entries:
                return kind, next(i for i, e in enumerate(own) if e is entry)
        context = context_of(entry)
        places = [
            (kind, index)
            for kind, own in conds.items()
            for index, e in enumerate(own)
            if e is entry or (e.get("uuid") == entry.get("uuid") and context_of(e) is context)
        ]
        return places[0] if len(places) == 1 else None

    def _open(self, place, entry: dict, start: int, stop: int, latent) -> Rows | None:
        kind, index = place
        if not self._capture.settings.wants(kind):
            return None
        context = context_of(entry)
        self._sums.expected_entries = sum(
            len(own) for name, own in self._guider.conds.items() if self._capture.settings.wants(name)
        )
        # A host completes areas by entries of the other kind with this kind's text: their words are not its.
        hint = entry.get(PROMPT_KEY) if entry.get("cross_attn") is context else None
        handle = self._sums.entry(kind, index, context, area_of(entry, latent), hint)
        return Rows(start, stop, handle, context.shape[1])

    # -- layers --------------------------------------------------------------------------------------

    def _with_recording(self, options: dict, rows: list[Rows], total: int) -> dict:
        """Options of this call in which every layer records and then does what it did before."""
        if self._sites is None:
            self._sites = cross_attention_sites(self._guider.model_patcher)
        sites = {LayerId(*site.key): site for site in self._sites}
        patches = dict(options.get("patches_replace", {}))
        record = partial(self._record, rows=rows, total=total)
        patches["attn2"] = self._replacements(
            patches.get("attn2", {}), {x: site.module for x, site in sites.items()}, record
        )
        wanted = {own.handle: self._sums.wanted_self_attention(own.handle) for own in rows}
        kept = {x: sites[x].self_module for layers in wanted.values() for x in layers if x in sites}
        if kept:
            record = partial(self._record_self, rows=rows, wanted=wanted, total=total)
            patches["attn1"] = self._replacements(patches.get("attn1", {}), kept, record)
        return {**options, "patches_replace": patches}

    def _replacements(self, present: dict, modules: dict, record: Callable) -> dict:
        """Replacements of these layers' attention that record and then do what is there already."""
        replacements = dict(present)
        for layer, module in modules.items():
            key = (layer.block, layer.number, layer.depth)
            previous = present.get(key, present.get(key[:2]))
            if previous is None and not host.is_stock_attention(module):
                self._sums.missed(layer, "another pack changed them")
                continue
            replacements[key] = _recording_attention(layer, previous or host.attention, record)
        return replacements

    def _record_layer(self, layer: LayerId, q, k, options: dict, rows: list[Rows], total: int) -> None:
        if self._failure is not None:
            return
        with self._guarded():
            grid = layer_grid(q, options)
            if grid is None or q.shape[0] != total or k.shape[0] != total:
                self._sums.missed(layer, "they have rows or a grid of unknown meaning")
                return
            for own in rows:
                if k.shape[1] % own.columns:
                    self._sums.missed(layer, "another pack gave them other text columns")
                    continue
                part = slice(own.start, own.stop)
                self._sums.add(own.handle, layer, q[part], k[part], options["n_heads"], grid)

    def _record_self_attention(
        self, layer: LayerId, q, k, options: dict, rows: list[Rows], wanted: dict, total: int
    ) -> None:
        if self._failure is not None:
            return
        with self._guarded():
            grid = layer_grid(q, options)
            if grid is None or q.shape != k.shape or q.shape[0] != total:
                self._sums.notice(
                    f"The self-attention of layer {layer} was changed by another pack (HyperTile, ToMe?) and "
                    "not kept."
                )
                return
            for own in rows:
                if layer in wanted[own.handle]:
                    part = slice(own.start, own.stop)
                    heads = options["n_heads"]
                    self._sums.add_self_attention(own.handle, layer, q[part], k[part], heads, grid)


def _recording_attention(layer: LayerId, attention: Callable, record: Callable) -> Callable:
    def attend(q, k, v, options):
        record(layer, q, k, options)
        return attention(q, k, v, options)

    return attend
