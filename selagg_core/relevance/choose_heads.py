"""Word -> the heads that its map is made from: its concepts, a head relevance, and what to say about both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..maps.heads import DEFAULT_FRACTION, HeadSelection, select_heads
from ..maps.recipe import DEFAULT, MapRecipe
from ..prompt.lexicon import Concept, Lexicon
from ..prompt.messages import message
from ..prompt.quoted import short, shortened
from ..recording.layout import HeadLayout
from .concepts import Assignment, Nearest, assign_concepts, parse_overrides
from .relevance import AGREEMENT, ARGMAX_WINS, HeadRelevance
from .shipped import preset_for, transfer_notice

FindNearest = Callable[[str, Sequence[Concept]], Nearest | None]
"""The nearest of some concepts to a word, in the space of a text encoder; None if it cannot tell."""

NO_RELEVANCE = message("no_relevance")


@dataclass(frozen=True)
class HeadSettings:
    """How the artist wants heads to be chosen.

    mode: "selective", "all" or "least". fraction: share of the heads that selective and least take.
    overrides: concepts of single words, see `parse_overrides`. relevance: the connected one; None takes the
    published one of the model, if there is one. recipe: how their maps are put together.
    nearest: finds the concept of a word that the lexicon does not know; None leaves it unknown.
    """

    mode: str = "selective"
    fraction: float = DEFAULT_FRACTION
    overrides: str = ""
    relevance: HeadRelevance | None = None
    recipe: MapRecipe = DEFAULT
    nearest: FindNearest | None = None


@dataclass(frozen=True)
class ChosenHeads:
    """selections, assignments: one a word, in the order asked for. notices: what to tell the artist.

    relevance: what they were chosen by; None where every word takes all heads.
    """

    selections: tuple[HeadSelection, ...]
    assignments: tuple[Assignment, ...]
    notices: tuple[str, ...]
    relevance: HeadRelevance | None = None

    @property
    def uses_all(self) -> bool:
        """Whether the map of every word is made from all heads."""
        return all(selection.mode == "all" for selection in self.selections)

    @property
    def summary(self) -> str:
        """The choice in a few words: "selective: 32 of 128 heads a word by agreement of ..."."""
        if self.relevance is None or self.uses_all:
            return "all heads"
        chosen = next(selection for selection in self.selections if selection.mode != "all")
        heads = f"{chosen.count} of {chosen.mask.size} heads a word"
        return f"{chosen.mode}: {heads} by {self.relevance.score_kind} of {self.relevance.base_model}"


def relevance_for(
    layout: HeadLayout, context_width: int, connected: HeadRelevance | None = None
) -> tuple[HeadRelevance | None, str]:
    """The relevance to use for a model, and a notice: the connected one, else a published one, else none.

    Raises ValueError if the connected one is of a model with other heads or another text encoder.
    """
    if connected is not None:
        fits = connected.context_width in (0, context_width)
        if connected.layout != layout or not fits:
            raise ValueError(
                message(
                    "other_relevance",
                    model=connected.base_model,
                    heads=connected.layout.total,
                    layers=len(connected.layout.layers),
                    width=connected.context_width,
                    own_heads=layout.total,
                    own_layers=len(layout.layers),
                    own_width=context_width,
                )
            )
        return connected, ""
    preset = preset_for(layout, context_width)
    return preset, transfer_notice(preset) if preset is not None else NO_RELEVANCE


def heads_for(
    words: Sequence[str],
    layout: HeadLayout,
    context_width: int,
    settings: HeadSettings,
    groups: np.ndarray | None = None,
) -> ChosenHeads:
    """The heads for each word or phrase in a model, see `HeadChooser`."""
    return HeadChooser(layout, context_width, settings, groups).choose(words)


class HeadChooser:
    """Chooses heads in a model by the relevance that fits, and says what there is to say about it.

    Without a relevance all heads are used, and a notice says so. `groups`: the resolution of each head, for a
    recipe that chooses within resolutions. What was found for a word is kept for whoever asks again.

    Raises ValueError as `relevance_for` and `parse_overrides` do, and for an unknown mode or a bad fraction.
    Mode "all" needs no relevance and takes any.
    """

    def __init__(
        self,
        layout: HeadLayout,
        context_width: int,
        settings: HeadSettings,
        groups: np.ndarray | None = None,
    ) -> None:
        self._every = select_heads(layout, settings.mode, settings.fraction)
        self._by_relevance: RelevantHeads | None = None
        self._notice = ""
        if settings.mode == "all":
            return
        relevance, self._notice = relevance_for(layout, context_width, settings.relevance)
        if relevance is None:
            self._every = select_heads(layout)
            return
        self._by_relevance = RelevantHeads(
            ranked_by(relevance, settings.recipe),
            settings.mode,
            settings.fraction,
            settings.overrides,
            groups if settings.recipe.by_resolution else None,
            settings.nearest,
        )

    @property
    def relevance(self) -> HeadRelevance | None:
        """What heads are chosen by; None where every word takes all heads."""
        return None if self._by_relevance is None else self._by_relevance.relevance

    def choose(self, words: Sequence[str]) -> ChosenHeads:
        """The heads for each word or phrase, with notices on these words alone."""
        before = (self._notice,) if self._notice else ()
        if self._by_relevance is None:
            unchosen = tuple(Assignment(word, (), "unknown") for word in words)
            return ChosenHeads((self._every,) * len(words), unchosen, before)
        chosen = self._by_relevance.choose(words)
        return replace(chosen, notices=(*before, *chosen.notices))


def ranked_by(relevance: HeadRelevance, recipe: MapRecipe) -> HeadRelevance:
    """The relevance with the scores that a recipe ranks heads by, where it holds them.

    A recipe decides between counted wins and agreement; another kind in front was the artist's choice.
    """
    wanted = AGREEMENT if recipe.label_free_scores else ARGMAX_WINS
    decides = relevance.score_kind in (AGREEMENT, ARGMAX_WINS)
    return relevance.with_score(wanted) if decides and wanted in relevance.score_kinds else relevance


def choose_heads(
    words: Sequence[str],
    relevance: HeadRelevance,
    mode: str = "selective",
    fraction: float = DEFAULT_FRACTION,
    overrides: str = "",
    groups: np.ndarray | None = None,
    nearest: FindNearest | None = None,
) -> ChosenHeads:
    """The heads for each word or phrase.

    `overrides`: the artist's own choice, see `parse_overrides`. `groups`: see `select_heads`. `nearest`: see
    `HeadSettings`.

    A word with several senses takes as many heads as any other, those that rank high for one of its senses.
    A word of unknown concept takes all heads, and a notice says so.

    Raises ValueError for an unknown mode, a bad fraction, or overrides that cannot be read.
    """
    return RelevantHeads(relevance, mode, fraction, overrides, groups, nearest).choose(words)


class RelevantHeads:
    """The heads of words by a relevance, see `choose_heads`; each word is looked up once."""

    def __init__(
        self,
        relevance: HeadRelevance,
        mode: str,
        fraction: float,
        overrides: str,
        groups: np.ndarray | None,
        nearest: FindNearest | None,
    ) -> None:
        self.relevance, self._mode, self._fraction, self._groups = relevance, mode, fraction, groups
        self._lexicon = Lexicon.of(relevance.concepts)
        self._own = parse_overrides(overrides, self._lexicon.concepts)
        self._find = None if nearest is None else lambda word: nearest(word, relevance.concepts)
        self._known: dict[str, tuple[Assignment, HeadSelection]] = {}

    def choose(self, words: Sequence[str]) -> ChosenHeads:
        found = [self._of(word) for word in words]
        assignments = tuple(assignment for assignment, _ in found)
        notices = [] if self._mode == "all" else _notices(assignments, self.relevance)
        selections = tuple(selection for _, selection in found)
        return ChosenHeads(selections, assignments, tuple(dict.fromkeys(notices)), self.relevance)

    def _of(self, word: str) -> tuple[Assignment, HeadSelection]:
        if word not in self._known:
            assignment = assign_concepts(word, self._lexicon, self._own, self._find)
            selection = _selection(assignment, self.relevance, self._mode, self._fraction, self._groups)
            self._known[word] = assignment, selection
        return self._known[word]


def sense_scores(relevance: HeadRelevance, concepts: Sequence[str]) -> np.ndarray:
    """Scores (heads,) for a word with these senses: of one sense its own, of several minus the best rank.

    Scores of different concepts have different scales, ranks have not.
    """
    if len(concepts) == 1:
        return relevance.scores_of(concepts[0])
    ranks = np.empty((len(concepts), relevance.layout.total), dtype=np.float32)
    for row, concept in zip(ranks, concepts, strict=True):
        row[relevance.top_heads(concept, 1.0)] = np.arange(relevance.layout.total)
    return -ranks.min(axis=0)


def _selection(
    assignment: Assignment,
    relevance: HeadRelevance,
    mode: str,
    fraction: float,
    groups: np.ndarray | None = None,
) -> HeadSelection:
    if not assignment.concepts:
        select_heads(relevance.layout, mode, fraction)  # a bad mode or fraction is an error all the same
        return select_heads(relevance.layout)
    scores = sense_scores(relevance, assignment.concepts)
    return select_heads(relevance.layout, mode, fraction, scores, groups)


def _notices(assignments: Sequence[Assignment], relevance: HeadRelevance) -> list[str]:
    notices = []
    unknown = [assignment.word for assignment in assignments if assignment.how == "unknown"]
    if unknown:
        notices.append(_unknown_words(tuple(dict.fromkeys(unknown)), relevance))
    for assignment in assignments:
        if assignment.note and assignment.how != "unknown":
            notices.append(assignment.note)
        if assignment.ambiguous and assignment.how != "override":
            word, senses = short(assignment.word), assignment.concepts
            told = " or ".join(senses)
            notices.append(message("concept_ambiguous", word=word, senses=told, concept=senses[0]))
        judged = [relevance.reliability(concept) for concept in assignment.concepts]
        notices += [each.message for each in judged if not each.reliable]
    return notices


def _unknown_words(words: Sequence[str], relevance: HeadRelevance) -> str:
    quoted = shortened(f'"{short(word)}"' for word in words)
    word, concept = short(words[0]), relevance.names[0]
    return message("concept_unknown", words=quoted, word=word, concept=concept)
