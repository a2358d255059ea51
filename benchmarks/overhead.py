"""What capture costs on models of full size: time, memory, bytes moved, kernel launches.

Runs the host's own sampler plain, with capture (all heads, positive prompt only), with SelAgg Repair (all
words drawn to halves) and with a naive recorder that keeps every probability of every step, by turns, and
compares each with the plain run of its turn.

`python -m benchmarks.overhead --model sd15 --size 256 --steps 4 --repeat 5 --json -`

Only the bytes kept, of one run that is not timed (they do not depend on the number of steps):
`python -m benchmarks.overhead --model sdxl --size 1024 --steps 1 --repeat 0 --json -`

Transformers have their real widths and as many blocks as --blocks says; they are measured with one block of
each kind, too, and "calculated" says what follows from both for the whole model: seconds and bytes grow by
the same amount with each block. The naive recorder is of UNets alone.
`python -m benchmarks.overhead --model anima --size 512 --blocks 4 --dtype bfloat16 --json -`
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.full_size import ARCHITECTURES, random_conditioning, random_model
from benchmarks.full_size_transformers import TRANSFORMERS, random_text, random_transformer
from benchmarks.overhead_repair import repaired
from demo.host_path import prepare_host
from demo.result_file import write_line
from selagg_core.prompt.words import Prompt

PROMPT = "a red cube left of one blue ball near the old barn"  # twelve words
COLUMNS = 77
#: Options that the host is started with; "host": what it chooses for this device itself.
ATTENTION = {"host": (), "pytorch": ("--use-pytorch-cross-attention",)}
VARIANTS = ("plain", "capture", "repair", "naive")
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Measured:
    """One sampling run: wall clock and CPU seconds, peak bytes of the process and of the device."""

    seconds: float
    cpu_seconds: float
    peak_host: int | None
    peak_device: int | None
    latent: torch.Tensor


class Bench:
    """A model, its conditioning, and the three ways to sample it."""

    def __init__(self, args: argparse.Namespace):
        from selagg_nodes.families.unet import cross_attention_sites

        self._args = args
        self.device = torch.device(args.device)
        self.architecture = ARCHITECTURES[args.model]
        dtype = getattr(torch, args.dtype)
        self.model = random_model(self.architecture, self.device, dtype, args.seed)
        self.positive, self.negative = (
            random_conditioning(self.architecture, COLUMNS, args.size, args.seed + i) for i in (1, 2)
        )
        self.prompt = self._label(args.prompt)
        self.words = len(self.prompt.words)
        self.sites = cross_attention_sites(self.model)

    def _label(self, text: str) -> Prompt:
        """Tells SelAgg the words of the positive prompt, and gives them."""
        from selagg_nodes.recording.encode import read_prompt
        from selagg_nodes.recording.labels import LABELS

        module, name = self.architecture.tokenizer

        class Tokens:  # a CLIP without weights: only its tokenizer is needed
            tokenizer = getattr(importlib.import_module(module), name)()
            cond_stage_model = None

            def tokenize(self, text, return_word_ids=False):
                return self.tokenizer.tokenize_with_weights(text, return_word_ids)

        prompt = read_prompt(Tokens(), text)
        if prompt.length != COLUMNS:
            raise ValueError(f"The prompt takes {prompt.length} columns; this benchmark is for {COLUMNS}.")
        LABELS.register(prompt, self.positive[0][0])
        return prompt

    def capturing(self, **settings):
        """(model, capture) of a new SelAgg Capture."""
        from selagg_nodes.capture import SelAggCapture

        settings = {"every_nth_step": self._args.every_nth_step, **settings}
        return SelAggCapture().capture(self.model, **settings)

    def variant(self, name: str) -> tuple[object, object]:
        """(model, what must be held while it is sampled: of "repair" its conditioning) of one of VARIANTS."""
        if name == "plain":
            return self.model, None
        if name == "repair":
            return repaired(self.model, self.positive, self.prompt)
        return self.capturing() if name == "capture" else self.naive()

    def naive(self) -> tuple[object, list]:
        """(model, list) that keeps all probabilities of the positive prompt in all steps, on the host."""
        from selagg_nodes.host import attention

        kept: list[torch.Tensor] = []

        def attend(q, k, v, options):
            start = options["cond_or_uncond"].index(0)
            heads = options["n_heads"]
            own_q, own_k = (x[start : start + 1].unflatten(-1, (heads, -1)).transpose(1, 2) for x in (q, k))
            scores = own_q.float() @ own_k.float().mT * own_q.shape[-1] ** -0.5
            kept.append(scores.softmax(dim=-1).cpu())
            return attention(q, k, v, options)

        model = self.model.clone()
        for site in self.sites:
            model.set_model_attn2_replace(attend, *site.key)
        return model, kept

    def sample(
        self, model, steps: int | None = None, callback: Callable | None = None, positive: list | None = None
    ) -> torch.Tensor:
        import comfy.sample

        side = self._args.size // 8
        latent = torch.zeros(1, 4, side, side)
        noise = torch.randn(latent.shape, generator=torch.Generator().manual_seed(self._args.seed))
        return comfy.sample.sample(
            model, noise, steps or self._args.steps, 7.0, "euler", "normal",
            positive or self.positive, self.negative,
            latent, seed=self._args.seed, disable_pbar=True, callback=callback,
        )  # fmt: skip

    def measured(self, model, positive: list | None = None) -> Measured:
        gc.collect()
        cuda = self.device.type == "cuda"
        if cuda:
            torch.cuda.synchronize()
            torch.cuda.reset_peak_memory_stats()
        counts_host = _reset_peak()
        before, started, cpu = _peak(), time.perf_counter(), time.process_time()
        with torch.inference_mode():
            latent = self.sample(model, positive=positive)
        if cuda:
            torch.cuda.synchronize()
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        host = _peak() - before if counts_host else None
        return Measured(seconds, cpu, host, torch.cuda.max_memory_allocated() if cuda else None, latent)


def _reset_peak() -> bool:
    """Starts a new peak of resident memory; False where the system does not offer that."""
    with contextlib.suppress(OSError):
        CLEAR.write_text("5")
        return True
    return False


def _peak() -> int:
    if not STATUS.exists():
        return 0
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def keep_freed_memory(keep: bool = True) -> bool:
    """Has glibc give no freed memory back to the system, or as usual again; False where there is no glibc.

    It gives back what lies at the end of its heap, which is luck: a run then faults in 200,000 pages or a
    million, plain as well as recorded, and that alone is 10 % of its time on a CPU.
    """
    trim_threshold, mmap_max = -1, -4  # malloc.h
    try:
        libc = ctypes.CDLL("libc.so.6")
        done = libc.mallopt(mmap_max, 0 if keep else 65536)
        done = done and libc.mallopt(trim_threshold, 2**31 - 1 if keep else 128 * 1024)
        if not keep:
            libc.malloc_trim(0)
    except (OSError, AttributeError):
        return False
    return bool(done)


class TransformerBench(Bench):
    """A transformer of real width with some of its blocks."""

    def __init__(self, args: argparse.Namespace, most: int):
        from selagg_nodes.families import family_of

        self._args = args
        self.device = torch.device(args.device)
        self.transformer = TRANSFORMERS[args.model]
        self.blocks = self.transformer.blocks(most)
        dtype = getattr(torch, args.dtype)
        self.model = random_transformer(self.transformer, self.blocks, self.device, dtype, args.seed)
        self.positive, self.negative = (random_text(self.transformer, args.seed + i) for i in (1, 2))
        self.prompt = self._label(args.prompt)
        self.words = len(self.prompt.words)
        found = family_of(self.model)
        self.sites = found[1] if found is not None else ()

    def _label(self, text: str) -> Prompt:
        """One column a word; of an encoder's template and padding is the rest."""
        from selagg_core.prompt.words import Word
        from selagg_nodes.recording.labels import LABELS

        columns = self.transformer.columns
        words = tuple(Word(word, (1 + index,)) for index, word in enumerate(text.split()))
        if len(words) + 1 > columns:
            raise ValueError(f"The prompt has {len(words)} words; this benchmark has {columns} columns.")
        rest = (0, *range(1 + len(words), columns))
        embedding, extra = self.positive[0]
        prompt = Prompt(text, words, columns, rest)
        LABELS.register(prompt, embedding, recoded="t5xxl_ids" in extra)
        return prompt

    def sample(
        self, model, steps: int | None = None, callback: Callable | None = None, positive: list | None = None
    ) -> torch.Tensor:
        import comfy.sample

        form = self.model.get_model_object("latent_format")
        side = self._args.size // form.spacial_downscale_ratio
        shape = (1, form.latent_channels, *((1,) if self.transformer.frames else ()), side, side)
        noise = torch.randn(shape, generator=torch.Generator().manual_seed(self._args.seed))
        return comfy.sample.sample(
            model, noise, steps or self._args.steps, self.transformer.cfg, "euler", "simple",
            positive or self.positive, self.negative, torch.zeros(shape), seed=self._args.seed,
            disable_pbar=True, callback=callback,
        )  # fmt: skip


def run_transformer(args: argparse.Namespace) -> dict:
    """Figures of some blocks, of one block of each kind, and what follows for the whole model."""
    args.naive = False
    measure = run if args.repeat else memory_kept
    results, counts = [], []
    for most in (1, args.blocks):
        bench = TransformerBench(args, most)
        counts.append(sum(bench.blocks.values()))
        results.append(measure(bench, args) | {"blocks": bench.blocks})
        del bench
        gc.collect()
    whole = sum(TRANSFORMERS[args.model].depth.values())
    return results[1] | {"fewest": results[0], "calculated": calculated(results, counts, whole)}


def calculated(results: Sequence[dict], counts: Sequence[int], whole: int) -> dict:
    """What two measurements with different numbers of blocks say of all: {} if the numbers are the same."""
    fewest, most = results
    if counts[0] == counts[1]:
        return {}

    def of_all(low: float, high: float) -> float:
        return low + (high - low) / (counts[1] - counts[0]) * (whole - counts[0])

    found: dict = {"blocks": whole, "bytes_kept": round(of_all(fewest["bytes_kept"], most["bytes_kept"]))}
    if "seconds" in most:
        seconds = {
            name: of_all(fewest["seconds"][name]["min"], most["seconds"][name]["min"])
            for name in ("plain", "capture")
        }
        found["seconds_of_fastest"] = {name: round(value, 3) for name, value in seconds.items()}
        found["ratio_of_fastest"] = round(seconds["capture"] / seconds["plain"], 4)
    return found


class OperationCount(TorchDispatchMode):
    """Counts operations that compute or copy (on a GPU each is a launch), and bytes that go to the CPU."""

    FREE = ("empty", "empty_strided", "empty_like", "new_empty", "detach", "lift_fresh")

    def __init__(self):
        super().__init__()
        self.operations = self.bytes_to_host = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        returns = func._schema.returns
        is_view = any(r.alias_info is not None and not r.alias_info.is_write for r in returns)
        self.operations += not is_view and func._schema.name.split("::")[1] not in self.FREE
        out = func(*args, **(kwargs or {}))
        source = next((x for x in args if isinstance(x, torch.Tensor)), None)
        if isinstance(out, torch.Tensor) and source is not None and source.device != out.device:
            self.bytes_to_host += out.nbytes if out.device.type == "cpu" else 0
        return out


def count_operations(bench: Bench) -> dict[str, float]:
    """Operations that capture adds to a step for each cross-attention layer, and bytes moved in a run.

    Of five steps the first, third and fifth are recorded: the fifth is compared with the fourth.  What
    happens once in a run (labels, self-attention, the transfer) is in the bytes, not in the operations.
    """
    model, _ = bench.capturing(every_nth_step=2)
    by_step = []
    with torch.no_grad(), OperationCount() as count:
        bench.sample(model, 5, lambda *_: by_step.append(count.operations))
    recorded, plain = by_step[4] - by_step[3], by_step[3] - by_step[2]
    return {
        "launches_per_layer": round((recorded - plain) / len(bench.sites), 2),
        "bytes_moved": count.bytes_to_host,
    }


def described(bench: Bench, args: argparse.Namespace) -> dict:
    """What is measured, and on what."""
    return {
        "model": args.model, "size": args.size, "steps": args.steps, "repeat": args.repeat,
        "every_nth_step": args.every_nth_step, "device": _device_name(bench.device), "dtype": args.dtype,
        "attention": args.attention,
        "words": bench.words, "layers": len(bench.sites), "heads": sum(site.heads for site in bench.sites),
    }  # fmt: skip


def memory_kept(bench: Bench, args: argparse.Namespace) -> dict:
    """Bytes that a capture holds after one run, what they hold, and what had to be recorded coarsely."""
    model, capture = bench.capturing()
    with torch.inference_mode():
        latent = bench.sample(model)
    _check_recording(capture, latent, bench)
    recording = capture.recording_for(latent)
    kept, attention = capture.get_ram_usage(), recording.positive().self_attention
    of_attention = sum(own.nbytes for own in attention.values())
    return described(bench, args) | {
        "bytes_kept": kept,
        "bytes_of": {"maps": kept - of_attention, "self_attention": of_attention},
        "self_attention_layers": len(attention),
        "coverage": str(recording.coverage),
        "notices": recording.notices,
        "finite": bool(torch.isfinite(latent).all()),
    }


def run(bench: Bench, args: argparse.Namespace) -> dict:
    """All figures of the JSON object."""
    wanted = VARIANTS if args.naive else VARIANTS[:-1]
    measured: dict[str, list[Measured]] = {name: [] for name in wanted}
    kept = 0
    for model, _held in ((bench.model, None), bench.capturing()):  # allocator, kernel selection, imports
        bench.measured(model)
    for turn in range(args.repeat):
        for name in wanted[turn % len(wanted) :] + wanted[: turn % len(wanted)]:
            model, held = bench.variant(name)
            measured[name].append(bench.measured(model, held if name == "repair" else None))
            if name == "capture":
                kept = held.get_ram_usage()
                _check_recording(held, measured[name][-1].latent, bench)
            del model, held
    plain = measured["plain"]
    result = described(bench, args)
    result["seconds"] = {name: _spread([m.seconds for m in own]) for name, own in measured.items()}
    for name, key in (("capture", "ratio"), ("repair", "repair_ratio"), ("naive", "naive_ratio")):
        own = measured.get(name, [])
        result[key] = _ratios([m.seconds for m in own], [m.seconds for m in plain])
        result[f"cpu_{key}"] = _ratios([m.cpu_seconds for m in own], [m.cpu_seconds for m in plain])
        if own:  # what other work on the machine disturbs least
            best = min(m.seconds for m in own) / min(m.seconds for m in plain)
            result[f"{key}_of_fastest"] = round(best, 4)
    return (
        result
        | _peaks(bench, wanted)
        | count_operations(bench)
        | {
            "bytes_kept": kept,
            "identical": all(torch.equal(m.latent, plain[0].latent) for m in plain + measured["capture"]),
            "repaired": all(not torch.equal(m.latent, plain[0].latent) for m in measured["repair"]),
            "finite": bool(torch.isfinite(plain[0].latent).all()),
        }
    )


def _check_recording(capture, latent: torch.Tensor, bench: Bench) -> None:
    """A capture that had recorded less than everything would be cheap for a wrong reason."""
    entry = capture.recording_for(latent).positive()
    layers, words = len(entry.maps), len(entry.prompt.words)
    if layers != len(bench.sites) or words != bench.words:
        raise RuntimeError(
            f"Recorded {words} words in {layers} layers of {bench.words} in {len(bench.sites)}."
        )


def _spread(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    figures = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 4) for name, value in figures.items()}


def _ratios(own: list[float], plain: list[float]) -> dict[str, float]:
    return _spread([a / b for a, b in zip(own, plain, strict=True)]) if own else {}


def _peaks(bench: Bench, wanted: Sequence[str]) -> dict[str, int | None]:
    """Peak memory beyond that of a plain run, one run of each; None where it cannot be measured.

    With freed memory given back: what the process keeps would hide a peak.
    """
    keep_freed_memory(False)
    peaks: dict[str, Measured] = {}
    for name in ("plain", *wanted):  # the first fills what was given back
        model, held = bench.variant(name)
        peaks[name] = bench.measured(model, held if name == "repair" else None)
    extra: dict[str, int | None] = {}
    for name in VARIANTS[1:]:
        for key in ("peak_host", "peak_device"):
            values = [getattr(peaks[x], key) if x in peaks else None for x in (name, "plain")]
            known = None not in values
            title = f"{'' if name == 'capture' else f'{name}_'}{key.replace('peak_', 'peak_extra_')}"
            extra[title] = values[0] - values[1] if known else None
    return extra


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else f"cpu x {torch.get_num_threads()}"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    models = (*sorted(ARCHITECTURES), *sorted(TRANSFORMERS))
    parser.add_argument("--model", choices=models, default="sd15")
    parser.add_argument(
        "--blocks", type=int, default=6, help="of a transformer, as many as memory allows; UNets are whole"
    )
    parser.add_argument("--size", type=int, default=256, help="side of the picture in pixels")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument(
        "--repeat", type=int, default=5, help="turns: each runs every variant once; 0: only the bytes kept"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--prompt", default=PROMPT, help="at most 75 tokens")
    parser.add_argument("--every-nth-step", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--dtype",
        help="of the weights: float32 (default on a CPU, as with the host; SDXL takes 11 GB), float16 "
        "(default on a GPU), bfloat16",
    )
    parser.add_argument(
        "--attention", choices=ATTENTION, default="host", help="pytorch: as the host chooses for most GPUs"
    )
    parser.add_argument("--no-naive", dest="naive", action="store_false", help="leave the naive recorder out")
    parser.add_argument(
        "--trim", action="store_true", help="let the allocator give memory back, as outside of this benchmark"
    )
    parser.add_argument("--json", default="-", help="file for the JSON object, - for standard output")
    args = parser.parse_args()
    if args.dtype is None:
        args.dtype = "float32" if args.device == "cpu" else "float16"
    return args


def main() -> None:
    """Measures, and prints one JSON object last."""
    args = parse()
    with contextlib.redirect_stdout(sys.stderr):
        prepare_host(*ATTENTION[args.attention])
        kept = not args.trim and keep_freed_memory()
        if args.model in TRANSFORMERS:
            measured = run_transformer(args)
        else:
            measured = (run if args.repeat else memory_kept)(Bench(args), args)
        result = {**measured, "allocator": "keeps freed memory" if kept else "as it comes"}
    text = json.dumps(result)
    write_line(text, args.json)


if __name__ == "__main__":
    main()
