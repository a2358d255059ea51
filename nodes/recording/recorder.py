"""Installs a recording into the sampling runs of a model, and takes it out again.

The model calls of a run are followed from outside: which conditioning entry each block of rows belongs to is
read from the lists that the host hands to its batch function.  How a layer is listened to, and where text and
picture lie in its keys and queries, is told by the model's family.
"""

from __future__ import annotations

import logging
import sys
import weakref
from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import torch

from selagg_core.prompt.messages import message
from selagg_core.recording.capture import Capture, Origin
from selagg_core.recording.frames import frames_in
from selagg_core.recording.head_maps import Recording
from selagg_core.recording.joint import JointCall, Tokens
from selagg_core.recording.layout import LayerId
from selagg_core.recording.log_sum_exp import SeenLogSumExp
from selagg_core.recording.probabilities import sampled_grid, sampled_queries
from selagg_core.recording.run import ASKED, EncodedText
from selagg_core.recording.run_sums import RunSums
from selagg_core.recording.self_attention import layers_to_keep
from selagg_core.recording.settings import CaptureSettings
from selagg_core.recording.witness import Witness

from .. import host
from ..families import AttentionReading, AttentionSite, ModelFamily, family_of
from ..families.family import CHANGE, AttentionChange, asked_keys_of, context_of, layout_of
from .labels import LABELS, PROMPT_KEY
from .rows import Rows, are_of, area_of, area_size, blocks_of, genuine_of, pictures_of, same_entries
from .windows import Part, part_of, views_of

logger = logging.getLogger("selagg")

COMPILED = message("compiled")
#: Ends of "7 of 16 attention layers were not recorded: ...".
OWN_KEYS = message("own_keys")
OWN_KEYS_COMPILED = message("own_keys_compiled")
OTHER_TEXT = message("other_text")
OTHER_COLUMNS = message("other_columns")
MORE_ROWS = message("more_rows")
NO_PICTURE = message("no_picture")
NO_PROMPT = message("no_prompt")
NO_TEXT = message("no_text")
NO_GRID = message("no_grid")
PARTS = message("parts")
UNKNOWN_PART = message("unknown_part")
TILES = message("tiles")
OUTSIDE = message("outside")
NEGATIVE_UNUSED = message("negative_unused")


def install(model, capture: Capture, asked: Sequence[torch.Tensor] = ()) -> None:
    """Record every sampling run of this ModelPatcher into `capture`, as long as somebody holds that.

    asked: encoded texts (1, columns, width) that are not in the prompt, see `asked_keys` of families.
    """
    held = weakref.ref(capture)  # a host keeps the last model: that must not keep its recordings

    def record(run: host.SamplingRun) -> torch.Tensor:
        capture = held()
        recorder = _begin(capture, run, asked) if capture is not None and capture.wanted else None
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
    asked: Sequence[torch.Tensor] = (),
    each: Callable[[], None] = lambda: None,
) -> Recording:
    """Record single evaluations of a model on given noised latents, averaged over them.

    model: ModelPatcher.  positive: CONDITIONING (one text for the batch).  latents: for each sigma a tensor
    (batch, channels, h, w) in the model's latent space, x = latent + sigma * noise.  settings: what to
    record; by default no self-attention.  asked: encoded texts (1, columns, width) that are not in the
    prompt: each becomes an entry of its own (kind ASKED), of its keys against the very queries of the prompt,
    with a softmax of its own.  each: called after each evaluation.
    """
    if len(latents) != len(sigmas) or not len(sigmas):
        raise ValueError(
            f"{len(latents)} latents but {len(sigmas)} sigmas: one latent for each, at least one."
        )
    capture = Capture(LABELS, settings or CaptureSettings(self_attention=False))
    model = model.clone()
    install(model, capture, asked)
    host.evaluate(model, positive, latents, sigmas, each)
    return replace(_sharing_pixels(capture.last()), from_picture=None)  # no picture was sampled


def _sharing_pixels(recording: Recording) -> Recording:
    """The recording, whose asked texts have the picture's self-attention of the prompt: it is the same."""
    own = [entry for entry in recording.entries if entry.kind == "positive"]
    if not own:
        return recording
    pixels = own[0].self_attention
    entries = [replace(e, self_attention=pixels) if e.kind == ASKED else e for e in recording.entries]
    return replace(recording, entries=tuple(entries))


def _begin(capture: Capture, run: host.SamplingRun, asked: Sequence[torch.Tensor]) -> RunRecorder | None:
    """A recorder for the run; None if it cannot be made, which must not stop the sampling."""
    try:
        return RunRecorder(capture, run, asked)
    except Exception:
        logger.exception("SelAgg Capture could not start on this run; the picture is not affected.")
        return None


class RunRecorder(host.BatchHooks):
    """Follows one sampling run.

    An exception in here ends the recording of this run, never the run.
    """

    def __init__(self, capture: Capture, run: host.SamplingRun, asked: Sequence[torch.Tensor] = ()):
        self._capture, self._guider = capture, run.guider
        self._asked = tuple(asked)
        self._family: ModelFamily[Any] | None
        sites: tuple[AttentionSite, ...]
        self._family, sites = family_of(run.guider.model_patcher) or (None, ())
        size = int(run.noise.shape[-2]), int(run.noise.shape[-1])
        widths = {site.layer: site.width for site in sites}
        outlined = {site.layer: site.grid(size) for site in sites if site.outlines}
        kept = layers_to_keep(outlined, size) if capture.settings.self_attention else ()
        self._sums = RunSums(
            layout_of(sites),
            {site.layer: _recorded_grid(site, size, frames_in(run.noise.shape)) for site in sites},
            tuple(run.noise.shape),
            tuple(float(sigma) for sigma in run.sigmas),
            capture.labels,
            capture.settings,
            {layer: widths[layer] for layer in kept},
            run.from_picture,
        )
        # Read once the host has loaded the model: packs exchange modules while they load.
        self._sites: tuple[AttentionSite, ...] = ()
        self._failure: str | None = None
        self._denoised: torch.Tensor | None = None
        self._depth = 0
        self._seen: set[tuple[tuple[str, int], Part | None]] = set()
        """Entries that the evaluation that runs now has seen, with the part of a video that it was of."""
        self._whole: torch.Tensor | None = None
        self._pictures: dict[tuple[str, int], tuple[int, ...]] = {}
        """Which pictures of the run are recorded for an entry: a model may be called on a few at a time."""
        self._passed: dict[tuple[str, int], str] = {}
        self._record, self._testify = self._record_reading, self._record_verdict
        self._compare = self._compare_texts
        if "torch._dynamo" in sys.modules:  # keep recording out of compiled graphs
            self._record, self._testify, self._compare = map(
                torch.compiler.disable, (self._record, self._testify, self._compare)
            )

    # -- hooks ---------------------------------------------------------------------------------------

    @contextmanager
    def evaluation(self, x: torch.Tensor):
        if self._depth == 0:
            self._whole = x
            self._seen.clear()
            self._passed.clear()
            self._sums.begin_evaluation()
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
            if self._depth == 0:
                seen = {place for place, _ in self._seen}
                for place in self._passed.keys() - seen:
                    self._sums.rows(x.shape[0], self._passed[place])

    @contextmanager
    def model_call(self, call: host.ModelCall):
        options = call.options
        with ExitStack() as hooked:
            if self._failure is None and self._sums.recording:
                with self._guarded():
                    model, first = self._guider.model_patcher, not self._sites
                    if first and self._family is not None:
                        # Not before: packs exchange modules while the host loads the model.
                        self._sites = self._family.sites(model)
                    rows = self._attribute(call.x, call.context, call.options)
                    if first and host.is_compiled_without_guards(model):
                        self._refuse(COMPILED)
                    elif rows and self._family is not None:
                        options = hooked.enter_context(self._hooked(self._family, call, rows))
            yield options

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

    def _negative_is_unused(self) -> bool:
        """Whether a negative prompt with words was given and not read."""
        conds = self._guider.conds
        if set(conds) != {"positive", "negative"} or getattr(self._guider, "cfg", None) != 1.0:
            return False
        prompts = [entry.get(PROMPT_KEY) for entry in conds["negative"]]
        return any(prompt is not None and prompt.words for prompt in prompts)

    def interrupted(self) -> None:
        """The sampling ended with an exception of its own: no latent, an incomplete run."""
        run = None
        if self._failure is None:
            with self._guarded():
                run = self._sums.finish(complete=False)
        self._keep(run, ())

    def _keep(self, run, latents: tuple[torch.Tensor, ...]) -> None:
        try:
            origin = Origin(*host.executing())
            self._capture.keep(self._sums.fail(self._failure or "") if run is None else run, latents, origin)
        except Exception:
            logger.exception("SelAgg Capture could not keep this run; the picture is not affected.")
        self._guider = self._batch = self._denoised = self._whole = None
        self._sites = ()

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

    def _refuse(self, reason: str) -> None:
        """Records nothing of this run."""
        self._failure = reason
        logger.warning("SelAgg Capture: %s", reason)
        self._sums.clear()

    # -- rows ----------------------------------------------------------------------------------------

    def _attribute(self, x: torch.Tensor, context: torch.Tensor | None, options: dict) -> list[Rows]:
        """The entry of every block of rows; blocks that are not wanted or not known are left out."""
        order = options.get("cond_or_uncond")
        if self._batch is None or self._depth == 0 or context is None or not order:
            self._sums.notice(OUTSIDE)
            return []
        conds, latent = self._batch
        size = latent.shape[0]
        if x.shape[0] != size * len(order):
            self._sums.rows(x.shape[0], NO_PICTURE)
            return []
        part = part_of(latent, latent if self._whole is None else self._whole, host.window_frames(options))
        found = []
        for entries, uuid, block in blocks_of(conds, size, options):
            text = context[block]
            same = same_entries(entries or (), uuid, text[0])
            rows = self._claim(entries, same, x, block.start, text, latent, part)
            if rows is not None:
                found.append(rows)
        return found

    def _claim(
        self, entries, same: list[dict], x, start: int, text, latent, part: Part | None
    ) -> Rows | None:
        """Rows for the first of these entries that this evaluation has not seen yet.

        text: what the model is given in these rows.  part: of a video that is seen part by part, in each of
        which an entry is new.  Guidance nodes evaluate an entry again with a perturbed model: those
        repetitions are left out.
        """
        size = latent.shape[0]
        fitting = [e for e in same if area_size(e, latent) == tuple(x.shape[-2:])]
        places = [self._place(entries, entry) for entry in fitting]
        known = [place for place in places if place is not None]
        if not same or len(known) < len(places):
            self._sums.rows(size, NO_PROMPT)
            return None
        if not fitting:
            self._sums.rows(size, TILES)
            return None
        fresh = [pair for pair in zip(known, fitting, strict=True) if (pair[0], part) not in self._seen]
        if not fresh or not self._capture.settings.wants(fresh[0][0][0]):
            return None
        place, entry = fresh[0]
        whole = latent if self._whole is None else self._whole
        pictures = pictures_of(latent, whole)
        if pictures is None and latent.shape[-2:] != self._sums.latent_shape[-2:]:
            self._sums.rows(size, TILES)
            return None
        if pictures is None or self._pictures.setdefault(place, pictures) != pictures:
            self._pass_over(place, PARTS)
            return None
        if part is not None and not any(frame is not None for frame in part):
            self._pass_over(place, UNKNOWN_PART)
            return None
        views = views_of(part, self._sums.frames)
        if not views:
            return None  # none of its frames is one of those that are kept
        again = any(place == own for own, _ in self._seen)
        self._seen.add((place, part))
        own = context_of(entry)
        if own is not None and not are_of(own, text):
            self._sums.rows(size, OTHER_TEXT)
            return None
        rows = self._open(place, entry, start, start + size, latent)
        if rows is not None:
            frames, kept = zip(*views, strict=True)
            rows = replace(rows, frames=frames, places=None if part is None else kept)
        if again:
            return rows
        self._sums.rows(size, "" if rows else NO_TEXT)
        if len(pictures) < whole.shape[0]:
            self._sums.rows(whole.shape[0] - len(pictures), PARTS)
        return rows

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

    def _pass_over(self, place: tuple[str, int], cause: str) -> None:
        """These rows are left out of this step: told where no other rows of their entry are read in it."""
        self._passed[place] = cause

    def _open(self, place, entry: dict, start: int, stop: int, latent) -> Rows | None:
        kind, index = place
        if self._negative_is_unused():
            self._sums.notice(NEGATIVE_UNUSED)
        context = context_of(entry)
        if context is None:
            return None
        self._sums.expected_entries = sum(
            len(own) for name, own in self._guider.conds.items() if self._capture.settings.wants(name)
        ) + len(self._asked)
        genuine = genuine_of(self._guider.conds[kind], context) or entry
        text = None if self._family is None else self._family.text(self._sites, entry, genuine)
        if text is None:
            return None
        handle = self._sums.entry(kind, index, text, area_of(entry, latent), genuine.get(PROMPT_KEY))
        return Rows(start, stop, handle, text.length)

    # -- layers --------------------------------------------------------------------------------------

    def _hooked(self, family: ModelFamily[Any], call: host.ModelCall, rows: list[Rows]):
        """Around this call: options in which every layer tells of its attention, then does as before."""
        told = _Call(self, rows, call.x.shape[0], call.options.get(CHANGE))
        return family.hooked(self._sites, call, told)

    def _record_reading(self, call: _Call, make: Callable, args: tuple) -> AttentionReading | None:
        """The reading, where it is one between picture and text."""
        if self._failure is not None:
            return None
        with self._guarded():
            reading = make(*args)
            if reading is None:
                return None
            if reading.text is None:
                self._add_self_attention(call, reading)
            elif reading.layer in call.done and "torch._dynamo" in sys.modules:
                self._refuse(COMPILED)  # a graph that was compiled for this layer serves another
            else:
                call.done.add(reading.layer)
                if self._add(call, reading):
                    return reading
        return None

    def _checked(self, call: _Call, attention: Callable, make: Callable, args: tuple) -> torch.Tensor:
        """What `attention()` gives, looked at."""
        reading = self._record(call, make, args)
        if torch.compiler.is_compiling():
            output = attention()
            self._testify(call, reading, output)
            return output
        witness = self._witness(call, reading)
        if witness is None:
            return attention()
        with witness:
            output = attention()
        self._record_verdict(call, reading, output, witness)
        return output

    def _overheard(
        self, call: _Call, attention: Callable, seen: SeenLogSumExp, make: Callable, args: tuple
    ) -> torch.Tensor:
        """What `attention()` gives; its log-sum-exps belong to the reading if they are of its queries."""
        with seen:
            output = attention()

        def reading(*args) -> AttentionReading | None:
            made, values = make(*args), seen.values
            fits = made is not None and values is not None and values.shape == made.q.shape[:3]
            return replace(made, totals=values) if made is not None and fits else made

        self._record(call, reading, args)
        return output

    def _witness(self, call: _Call, reading: AttentionReading | None) -> Witness | None:
        if reading is None or reading.v is None or reading.grid is None:
            return None
        with self._guarded():
            rows = [row for own in call.rows for row in range(own.start, own.stop)]
            first = range(reading.q.shape[2])[reading.image].start
            return Witness(
                reading.q, reading.k, reading.v, rows, reading.grid, first, _four_dimensions(reading.mask),
                reading.row,
            )  # fmt: skip
        return None

    def _record_verdict(
        self,
        call: _Call,
        reading: AttentionReading | None,
        output: torch.Tensor,
        witness: Witness | None = None,
    ) -> None:
        if self._failure is not None:
            return
        with self._guarded():
            seen = witness or self._witness(call, reading)
            if seen is None or reading is None:
                return
            # The cause is chosen in here: a compiled graph cannot hold a message.
            if witness is None:
                self._sums.doubt(reading.layer, seen.used(output), OWN_KEYS_COMPILED)
            else:
                self._sums.doubt(reading.layer, seen.used(output), OWN_KEYS)

    def _compare_texts(self, call: _Call, layer: LayerId, given: torch.Tensor, used: torch.Tensor) -> None:
        if (
            self._failure is not None or given.shape != used.shape
        ):  # other columns are told where they are read
            return
        with self._guarded():
            same = [(given[own.start : own.stop] == used[own.start : own.stop]).all() for own in call.rows]
            self._sums.doubt(layer, torch.stack(same).all(), OTHER_TEXT)

    def _add(self, call: _Call, reading: AttentionReading) -> bool:
        """Whether the reading could be taken."""
        layer, q, k, grid = reading.layer, reading.q, reading.k, reading.grid
        text = range(k.shape[2])[reading.text or slice(None)]
        if q.shape[0] != call.total or k.shape[0] != call.total:
            self._sums.missed(layer, MORE_ROWS)
            return False
        if grid is None:
            self._sums.missed(layer, NO_GRID)
            return False
        cells = len(range(q.shape[2])[reading.image])
        if cells != grid[0] * (reading.row or grid[1]) or any(len(text) % own.columns for own in call.rows):
            self._sums.missed(layer, OTHER_COLUMNS)
            return False
        frames, video = call.rows[0].frames, frames_in(self._sums.latent_shape) > 1
        if max(frames) >= reading.frames:
            self._sums.missed(layer, OTHER_COLUMNS)
            return False
        shared = len(text) < k.shape[2] or reading.mask is not None
        stride, mask = sampled_grid(grid)[1], _four_dimensions(reading.mask)
        changed = call.changed(reading)
        for own in call.rows:
            part = slice(own.start, own.stop)
            own_q, own_keys = changed.get((own.start, own.stop)) or (q[part], k[part])
            if not shared:
                image, keys = own_q[:, :, reading.image], own_keys
                asked = grid
                if video:  # of a video as many cells are asked as in joint layers
                    parts = [own_q[:, :, _frame(reading, number)] for number in frames]
                    few = [sampled_queries(part, grid, stride) for part in parts]
                    image, asked = torch.stack(few, dim=1).flatten(0, 1), sampled_grid(grid)[0]
                    keys = own_keys.repeat_interleave(len(frames), dim=0)
                queries, keys = (x.transpose(1, 2).flatten(2) for x in (image, keys))
                self._sums.add(own.handle, layer, queries, keys, q.shape[1], asked, own.places)
                self._add_asked(own, layer, queries, q.shape[1], asked)
            elif len(text) == own.columns:
                masked = None if mask is None else mask if mask.shape[0] == 1 else mask[part]
                where = slice(text.start, text.stop)
                values = None if reading.v is None else reading.v[part]
                unchanged = (own.start, own.stop) not in changed
                totals = reading.totals[part] if reading.totals is not None and unchanged else None
                calls = [
                    JointCall(
                        own_q, own_keys, _frame(reading, number), where, grid, stride, masked, values,
                        reading.reference, totals,
                    )
                    for number in frames
                ]  # fmt: skip
                self._sums.add_joint(own.handle, layer, calls, own.places)
            else:
                self._sums.missed(layer, OTHER_COLUMNS)
        return True

    def _add_asked(
        self, rows: Rows, layer: LayerId, queries: torch.Tensor, heads: int, grid: tuple[int, int]
    ) -> None:
        """What the words that are not in the prompt would get of the same queries, each text by itself.

        queries: (rows, h * w, heads * dim).
        """
        keys_of = None if self._family is None else asked_keys_of(self._family)
        if not self._asked or rows.handle[0] != "positive" or keys_of is None:
            return
        site = next(own for own in self._sites if own.layer == layer)
        network = host.diffusion_model(self._guider.model_patcher)
        for number, text in enumerate(self._asked):
            keys = keys_of(network, site, text.to(queries)).to(queries)
            handle = self._sums.entry(ASKED, number, EncodedText.of(text))
            self._sums.add(
                handle, layer, queries, keys.expand(len(queries), -1, -1), heads, grid, rows.places
            )

    def _add_self_attention(self, call: _Call, reading: AttentionReading) -> None:
        layer, q, k, grid = reading.layer, reading.q, reading.k, reading.grid
        if grid is None or q.shape != k.shape or q.shape[0] != call.total:
            self._sums.notice(message("self_attention_lost", layer=str(layer)))
            return
        for own in call.rows:
            if layer in call.wanted[own.handle]:
                part = slice(own.start, own.stop)
                queries, keys = (x[part].transpose(1, 2).flatten(2) for x in (q, k))
                self._sums.add_self_attention(own.handle, layer, queries, keys, q.shape[1], grid)


class _Call:
    """Listens to one model call (`families.family.Listener`): whose rows it has, what is wanted of them."""

    def __init__(
        self, recorder: RunRecorder, rows: list[Rows], total: int, change: AttentionChange | None = None
    ):
        self.rows, self.total, self._recorder, self._change = rows, total, recorder, change
        self.done: set[LayerId] = set()
        """Layers that this call has been through."""
        self.wanted = {own.handle: recorder._sums.wanted_self_attention(own.handle) for own in rows}
        self.outlines: Collection[LayerId] = {layer for layers in self.wanted.values() for layer in layers}

    def changed(self, reading: AttentionReading) -> dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]]:
        """Queries and keys of the rows, by start and stop, that are changed before the model attends."""
        if self._change is None:
            return {}
        found = self._change.widened(reading)
        return {(rows.start, rows.stop): (wide.q, wide.k) for rows, wide in found}

    def record(self, make: Callable[..., AttentionReading | None], *args) -> None:
        self._recorder._record(self, make, args)

    def checked(
        self, attention: Callable[[], torch.Tensor], make: Callable[..., AttentionReading | None], *args
    ) -> torch.Tensor:
        return self._recorder._checked(self, attention, make, args)

    def overheard(
        self,
        attention: Callable[[], torch.Tensor],
        seen: SeenLogSumExp,
        make: Callable[..., AttentionReading | None],
        *args,
    ) -> torch.Tensor:
        return self._recorder._overheard(self, attention, seen, make, args)

    def exchanged(self, layer: LayerId, given: torch.Tensor, used: torch.Tensor) -> None:
        self._recorder._compare(self, layer, given, used)

    def missed(self, layer: LayerId, cause: str) -> None:
        self._recorder._sums.missed(layer, cause)

    def notice(self, text: str) -> None:
        self._recorder._sums.notice(text)


def _frame(reading: AttentionReading, number: int) -> Tokens:
    """The queries of a frame of a video, or of the picture."""
    own = range(reading.q.shape[2])[reading.image]
    if reading.row is not None and reading.grid is not None:
        places = torch.arange(own.start, own.stop, device=reading.q.device)
        return places.unflatten(0, (-1, reading.row))[:, : reading.grid[1]].flatten()
    return slice(own.start + number * len(own), own.stop + number * len(own))


def _recorded_grid(site: AttentionSite, size: Sequence[int], frames: int) -> tuple[int, int]:
    grid = site.grid(size)
    return sampled_grid(grid)[0] if site.joint or frames > 1 else grid


def _four_dimensions(mask: torch.Tensor | None) -> torch.Tensor | None:
    """A mask as (rows or 1, heads or 1, queries or 1, keys)."""
    if mask is None:
        return None
    return mask[(None,) * (4 - mask.ndim)] if mask.ndim != 3 else mask[:, None]
