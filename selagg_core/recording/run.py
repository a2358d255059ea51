"""A finished run as it is kept: sums of columns, which become words when somebody asks for the recording."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from ..prompt.column_kinds import column_kinds
from ..prompt.columns import COLUMN_KINDS, MARKS, OTHER, PADDING, Wordless, merged, wordless
from ..prompt.known_texts import LabelCache, Labels, TextKey
from ..prompt.messages import message, name_of
from ..prompt.offered import OfferedText, recognise, sketch_of
from ..prompt.quoted import LONGEST_QUOTE, short, shortened
from ..prompt.words import Prompt
from .coverage import Coverage
from .frames import FIRST_FRAME
from .head_maps import EntryRecording, Recording, Shares, SubTokens, of_each_layer
from .layout import HeadLayout, LayerId
from .self_attention import SelfAttention

ASKED = "asked"
"""Kind of an entry of words that are not in the prompt."""
LONGEST_REASON = 160
"""Characters of a reason that another program gave."""


@dataclass(frozen=True)
class EncodedText:
    """The text of a conditioning entry, and where its columns lie in what the model is given.

    embedding: (batch, tokens, width), by which its words are known.  columns: of the text, mostly the tokens.
    length: columns of the model's text.  start: where column 0 lies there; what lies beside is padding.
    begins: columns that belong to no word even if the words are not known.  beside: what lies beside the text
    (prompt/columns.py).
    """

    embedding: torch.Tensor
    columns: int
    length: int
    start: int = 0
    begins: tuple[int, ...] = ()
    beside: str = PADDING

    @classmethod
    def of(cls, embedding: torch.Tensor, begins: tuple[int, ...] = ()) -> EncodedText:
        """A text that is given to the model as it was encoded: (batch, columns, width)."""
        return cls(embedding, embedding.shape[1], embedding.shape[1], 0, begins)

    def place(self, labels: Labels) -> Labels:
        """Labels of the text as those of the model's columns; labels of another text are none."""
        if labels.prompt is not None and labels.prompt.length != self.columns:
            labels = Labels(None, ())
        if labels.prompt is None:
            return Labels(None, tuple(range(self.start, self.start + self.columns)))
        unknown = tuple(column + self.start for column in labels.unknown)
        if self.length == self.columns:
            return labels
        moved = labels.prompt.moved(self.start)
        special = tuple(sorted((*moved.special, *self.padding)))
        kinds = merged(moved.wordless, wordless(**{self.beside: self.padding}))
        prompt = replace(moved, length=self.length, special=special, wordless=kinds)
        return replace(labels, prompt=prompt, unknown=unknown)

    @property
    def padding(self) -> tuple[int, ...]:
        """Columns beside the text."""
        return (*range(self.start), *range(self.start + self.columns, self.length))


@dataclass(frozen=True)
class Entry:
    """A conditioning entry of a run: what is kept of its text, and where it lies.

    slots: (columns, weight) sums that are kept: the words, each as the mean of its columns or, with
    sub-tokens, column by column; every unlabelled column by itself; last the special columns as one sum.
    known: the labels at the time of the run; approximate: they are those of the text before it was changed.
    text: where its columns lie, without its embedding.  sketch: of its columns, where some are unlabelled.
    kinds: its columns by kind, without those that nobody has labelled.
    """

    kind: str
    index: int
    key: TextKey
    area: tuple[int, int, int, int] | None
    slots: tuple[tuple[tuple[int, ...], float], ...]
    known: Labels
    text: EncodedText
    approximate: bool = False
    sketch: np.ndarray | None = field(default=None, compare=False)
    kinds: Wordless = ()

    @classmethod
    def of(
        cls,
        kind,
        index,
        text: EncodedText,
        area,
        labels: LabelCache,
        hint: Prompt | None = None,
        sub_tokens: bool = False,
    ) -> Entry:
        """`hint`: words to use where the columns are unknown."""
        embedding = text.embedding
        rows = [TextKey.of(row) for row in embedding] if embedding.shape[0] > 1 else [TextKey.of(embedding)]
        if len(set(rows)) > 1:  # a text for each picture: no word is common to all
            key = replace(rows[0], whole="+".join(r.whole for r in rows), chunks=("",) * len(rows[0].chunks))
        else:
            key = rows[0]
        known = text.place(labels.resolve(key))
        if known.prompt is None and all(_is_flat(row) for row in embedding):
            every = tuple(range(key.length))
            flat = Prompt("", (), key.length, every, wordless=wordless(**{OTHER: every}))
            known = text.place(Labels(flat, ()))
        approximate = known.prompt is None and hint is not None and hint.length == text.columns
        if approximate:
            known = text.place(Labels(hint, ()))
        words = known.prompt.words if known.prompt else ()
        special = known.prompt.special if known.prompt else (*text.begins, *text.padding)
        if sub_tokens:
            slots: list[tuple[tuple[int, ...], float]] = [
                ((column,), 1.0) for column in dict.fromkeys(c for w in words for c in w.columns)
            ]
        else:
            slots = [(w.columns, 1.0 / len(w.columns)) for w in words]
        slots += [((column,), 1.0) for column in known.unknown]
        slots.append((special, 1.0))
        comparable = known.unknown and len(set(rows)) == 1 and embedding.shape[1] == text.columns
        sketch = sketch_of(embedding[:1]) if comparable else None
        text = replace(text, embedding=torch.empty(0))
        return cls(
            kind, index, key, area, tuple(slots), known, text, approximate, sketch, _kinds_of(known, text)
        )  # fmt: skip

    @property
    def kind_slots(self) -> tuple[tuple[tuple[int, ...], float], ...]:
        """Sums of columns whose shares are kept, not their maps."""
        return tuple((columns, 1.0) for _, columns in self.kinds)

    @property
    def name(self) -> str:
        return self.kind if self.index == 0 else f"{self.kind} {self.index + 1}"

    @property
    def said_name(self) -> str:
        """The name in a sentence."""
        return name_of(self.kind, self.index)

    def labels_now(self, labels: LabelCache) -> Labels:
        """The labels, completed by what has been labelled since the run."""
        if not self.known.unknown:
            return self.known
        later = self.text.place(labels.resolve(self.key))
        return later if len(later.unknown) < len(self.known.unknown) else self.known


@dataclass(frozen=True)
class RawEntry:
    """What was recorded of an entry before labelling: maps[layer] is (batch, heads, slots, h, w).

    Where the model was given reference pictures, one more slot is what goes to them.  shares[layer]: (batch,
    heads, kinds), what goes to all columns of a kind, mean over the places, in the order of `entry.kinds`.
    """

    entry: Entry
    steps: int
    maps: Mapping[LayerId, np.ndarray]
    step_maps: tuple[Mapping[LayerId, np.ndarray], ...] = ()
    self_attention: Mapping[LayerId, SelfAttention] = field(default_factory=dict)
    shares: Mapping[LayerId, np.ndarray] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        maps = sum(values.nbytes for part in (self.maps, *self.step_maps) for values in part.values())
        # Shares are a few numbers a head: less than a map of 3 x 3 cells.
        return maps + sum(attention.nbytes for attention in self.self_attention.values())

    def labelled(
        self, labels: LabelCache, layout: HeadLayout, offers: Sequence[OfferedText] = ()
    ) -> tuple[EntryRecording, tuple[str, ...]]:
        """Words from today's labels: a text may have been labelled after the run, or be offered now."""
        entry = self.entry
        known = entry.labels_now(labels)
        sources: tuple[str, ...] = ()
        if known.unknown and entry.sketch is not None and offers:
            start, length = entry.text.start, entry.text.length
            known, sources = recognise(known, entry.sketch, start, length, offers)
        own = {columns: slot for slot, (columns, _) in enumerate(entry.slots[:-1])}
        words = [w for w in known.prompt.words if self._reachable(w.columns, own)] if known.prompt else []
        if known.prompt is None:
            columns, prompt = [[slot] for slot in range(len(own))], None
        else:
            columns = [self._slots_of(w.columns, own) for w in words]
            prompt = replace(known.prompt, words=tuple(words))
        recording = EntryRecording(
            entry.kind, entry.index, prompt, entry.area, self.steps,
            of_each_layer(self.maps, lambda values: _pick(values, columns)),
            of_each_layer(self.maps, lambda values: self._special(values, prompt, own)),
            layout,
            tuple(of_each_layer(part, lambda values: _pick(values, columns)) for part in self.step_maps),
            self.self_attention,
            self._sub_tokens(columns),
            self._reference(),
            self._shares(known, own),
        )  # fmt: skip
        told = [message("from_reference", share=shown_share(own)) for own in (recording.reference,) if own]
        return recording, (*self._notices(known, offers, sources), *told)

    def _reference(self) -> Mapping[LayerId, np.ndarray]:
        """What goes to reference pictures, by layers that see some."""
        slots = len(self.entry.slots)
        own = {layer: values for layer, values in self.maps.items() if values.shape[2] > slots}
        return of_each_layer(own, lambda values: values[:, :, slots].astype(np.float32, copy=False))

    def _shares(self, known: Labels, own: Mapping) -> Shares:
        """How much goes to columns of each kind; of those labelled after the run as their maps say."""
        kinds = every = dict(self.entry.kinds)
        if known.prompt is not None and known.unknown != self.entry.known.unknown:
            every = dict(column_kinds(known.prompt, known.unknown))
        added = {
            kind: [own[(c,)] for c in columns if c not in kinds.get(kind, ()) and (c,) in own]
            for kind, columns in every.items()
        }
        names = tuple(kind for kind in COLUMN_KINDS if kind in kinds or added.get(kind))
        if not names:
            return Shares()

        def shares(layer: LayerId) -> np.ndarray:
            kept, maps = self.shares[layer], self.maps[layer]
            found = []
            for kind in names:
                mean = maps[:, :, added.get(kind, [])].mean(axis=(-2, -1), dtype=np.float32).sum(axis=-1)
                found.append(mean + kept[..., list(kinds).index(kind)] if kind in kinds else mean)
            return np.stack(found, axis=-1).astype(np.float32)

        return Shares(names, {layer: shares(layer) for layer in self.shares if layer in self.maps})

    def _sub_tokens(self, columns: list[list[int]]) -> SubTokens | None:
        """The single tokens, where a word of several was kept that way."""
        if all(len(group) == 1 for group in columns):
            return None
        tokens = len(self.entry.slots) - 1
        return SubTokens(
            tuple(map(tuple, columns)), of_each_layer(self.maps, lambda values: values[:, :, :tokens])
        )

    def _notices(
        self, known: Labels, offers: Sequence[OfferedText], sources: tuple[str, ...]
    ) -> tuple[str, ...]:
        """What the artist should know of the words; sources: of those that are known by their position."""
        name = self.entry.said_name
        told: list[str] = (
            [message("words_by_position", name=name, sources=_named(sources))] if sources else []
        )
        if known.prompt is None:
            told.append(self._missing(message("the_prompt", name=name), offers))
        elif known.prompt.notes:
            told += known.prompt.notes
        elif known.unknown:
            every = self.entry.text.length
            what = message("columns_of", count=len(known.unknown), every=every, name=name)
            told.append(self._missing(what, offers))
        elif known.cut:
            named = shortened(f'"{word}"' for word in known.cut)
            told.append(message("words_cut", words=named))
        elif self.entry.approximate:
            told.append(message("words_approximate", name=name))
        return tuple(told)

    def _missing(self, what: str, offers: Sequence[OfferedText]) -> str:
        """Why words are not known, and what to do: never what has been done already."""
        refusals = dict.fromkeys(offer.refusal for offer in offers if offer.refusal)
        own = [offer for offer in offers if not offer.refusal]
        if refusals and not own:
            first = next(iter(refusals))
            sources = _named(offer.source for offer in offers if offer.refusal == first)
            return message("words_refused", what=what, sources=sources, why=short(first, LONGEST_REASON))
        if not own:
            return message("words_unknown", what=what)
        sources = _named(offer.source for offer in own)
        lengths = sorted({offer.prompt.length for offer in own})
        if self.entry.text.columns in lengths:
            return message("words_other_text", what=what, sources=sources)
        offered = shortened(map(str, lengths), LONGEST_QUOTE // 2, " or ")
        length = self.entry.text.columns
        return message("words_other_length", what=what, sources=sources, offered=offered, length=length)

    @staticmethod
    def _reachable(columns: tuple[int, ...], own: Mapping) -> bool:
        return columns in own or all((c,) in own for c in columns)

    @staticmethod
    def _slots_of(columns: tuple[int, ...], own: Mapping) -> list[int]:
        return [own[columns]] if columns in own else [own[(c,)] for c in columns]

    def _special(self, values: np.ndarray, prompt: Prompt | None, own: Mapping) -> np.ndarray:
        """The kept sum, and special columns that were unlabelled during the run."""
        kept = self.entry.slots[-1][0]
        total = values[:, :, len(self.entry.slots) - 1].astype(np.float32, copy=False)
        late = [own[(c,)] for c in (prompt.special if prompt else ()) if c not in kept and (c,) in own]
        return total + values[:, :, late].sum(axis=2, dtype=np.float32) if late else total


def _kinds_of(known: Labels, text: EncodedText) -> Wordless:
    """The columns of a text by kind, those of which nobody knows the words left out."""
    if known.prompt is None:
        return wordless(**{MARKS: text.begins, text.beside: text.padding})
    return column_kinds(known.prompt, known.unknown)


def shown_share(maps: Mapping[LayerId, np.ndarray]) -> str:
    """The mean of maps of several layers, every head alike, in per cent."""
    heads = sum(values.shape[1] for values in maps.values())
    mean = sum(float(values.mean()) * values.shape[1] for values in maps.values()) / max(1, heads)
    return f"{100 * mean:.0f} %"


def _named(sources: Iterable[str]) -> str:
    """a, b and 3 more."""
    return shortened(dict.fromkeys(sources), LONGEST_QUOTE)


def _is_flat(text: torch.Tensor) -> bool:
    """Whether all columns (columns, width) are alike, as those of a conditioning that was zeroed out."""
    return text.shape[0] > 1 and bool((text == text[:1]).all())


def _pick(values: np.ndarray, columns: list[list[int]]) -> np.ndarray:
    """Means over groups of slots in float32, as a view where the groups are single slots in order."""
    if all(group == [i] for i, group in enumerate(columns)):
        return values[:, :, : len(columns)].astype(np.float32, copy=False)
    out = np.empty((*values.shape[:2], len(columns), *values.shape[3:]), np.float32)
    for i, group in enumerate(columns):
        out[:, :, i] = values[:, :, group].mean(axis=2, dtype=np.float32)
    return out


@dataclass(frozen=True)
class Run:
    """A finished run before labelling. offers: texts that somebody says it was made of."""

    layout: HeadLayout
    entries: tuple[RawEntry, ...]
    latent_shape: tuple[int, ...]
    sigmas: tuple[float, ...]
    complete: bool
    notices: tuple[str, ...]
    context_width: int = 0
    coverage: Coverage | None = None
    frames: tuple[int, ...] = FIRST_FRAME
    offers: tuple[OfferedText, ...] = ()
    from_picture: bool | None = None

    def recording(self, labels: LabelCache) -> Recording:
        """With the words that are known now."""
        labelled = [raw.labelled(labels, self.layout, self.offers) for raw in self.entries]
        notices = (*self.notices, *dict.fromkeys(n for _, own in labelled for n in own))
        entries = tuple(entry for entry, _ in labelled)
        return Recording(
            entries, self.layout, self.latent_shape, self.sigmas, self.complete, notices, self.context_width,
            self.coverage, self.frames, self.from_picture,
        )  # fmt: skip

    @property
    def nbytes(self) -> int:
        return sum(raw.nbytes for raw in self.entries)
