"""Word groups: the words or phrases of a prompt that get one map each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .marks import plain_marks
from .messages import message
from .quoted import short, shortened
from .words import Prompt, WordSearch

_COUNTED = re.compile(r"^(?P<text>.+?) ?\((?P<number>[1-9][0-9]{0,5})\)$")

_FUNCTION = """
    a an the this that these those some any each of in on at by to from for with without and or nor but as is
    are was were be been being has have had its it his her their there into onto over under
"""
_RELATION = """
    left right above below beneath beside behind between near next front top bottom middle center centre upper
    lower side corner inside outside around across
"""
_MEDIUM = """
    photo photograph picture image painting drawing illustration render style quality best masterpiece
    detailed highly very realistic 4k 8k hd uhd
"""

FUNCTION_WORDS = frozenset(_FUNCTION.split())
"""Words without a picture of their own: never drawn by "all", never diagnosed."""
REGIONLESS_WORDS = FUNCTION_WORDS | frozenset(_RELATION.split()) | frozenset(_MEDIUM.split())
"""Words that place others or speak of the whole picture: drawn, but no region of their own is expected."""


@dataclass(frozen=True)
class WordGroup:
    """One word or phrase. `indices` count the words of the prompt of the `entry`-th conditioning entry.

    weight: that of its words in the prompt, where it has been looked up; it is no part of its identity.
    """

    label: str
    indices: tuple[int, ...]
    entry: int = 0
    weight: float = field(default=1.0, compare=False)

    @property
    def text(self) -> str:
        """The word or phrase itself, without the count that tells its occurrences apart."""
        return self.label.split(" (")[0]

    @property
    def has_region(self) -> bool:
        """Whether a region of its own may be expected of this group, judging by its words alone."""
        words = self.text.lower().split()
        return not all(word in REGIONLESS_WORDS for word in words)


def choose_groups(prompts: Sequence[Prompt], words: str) -> tuple[WordGroup, ...]:
    """The groups that the text `words` asks for, of the prompts of one or several conditioning entries.

    "all" (or nothing) gives every word except function words, in prompt order, a repeated word once per
    occurrence; otherwise a comma-separated list of words and phrases gives one group per item.

    Raises ValueError if there are no words or an item is not among them (naming those that are there).
    """
    if not any(prompt.words for prompt in prompts):
        raise ValueError(message("prompt_empty"))
    items = [item.strip() for item in re.split("[,\n]", plain_marks(words)) if item.strip()]
    if not items or [item.lower() for item in items] == ["all"]:
        return _every_word(prompts)
    finder = GroupFinder(prompts)
    return tuple(finder.find(item) for item in dict.fromkeys(items))


def find_group(prompts: Sequence[Prompt], text: str) -> WordGroup:
    """Every occurrence of the word or phrase `text` in the first prompt that has it; see `GroupFinder`."""
    return GroupFinder(prompts).find(text)


class GroupFinder:
    """Finds words and phrases in the prompts of conditioning entries, after one pass over each."""

    def __init__(self, prompts: Sequence[Prompt]) -> None:
        self._prompts = tuple(prompts)

    def find(self, text: str) -> WordGroup:
        """Every occurrence of `text` in the first prompt that has it.

        "red (2)", as maps and reports call it, is the second occurrence alone. Raises ValueError if no prompt
        has it, naming the words that are there.
        """
        wanted = text.strip()
        for entry, search in enumerate(self._searches):
            if indices := search.occurrences(wanted):
                return WordGroup(wanted, tuple(i for run in indices for i in run), entry)
        if counted := _COUNTED.match(plain_marks(wanted)):
            return self._single(counted["text"], int(counted["number"]), wanted)
        raise ValueError(message("not_in_prompt", word=short(wanted), words=self._there))

    def _single(self, text: str, number: int, wanted: str) -> WordGroup:
        """The `number`-th occurrence over all prompts, counted as labels count them."""
        seen = 0
        for entry, search in enumerate(self._searches):
            for run in search.occurrences(text):
                seen += 1
                if seen == number:
                    return WordGroup(wanted, run, entry)
        if not seen:
            raise ValueError(message("not_in_prompt", word=short(text), words=self._there))
        asked = {"wanted": short(wanted), "word": short(text)}
        raise ValueError(
            message("only_once", **asked) if seen == 1 else message("only_times", **asked, count=seen)
        )

    @cached_property
    def _searches(self) -> tuple[WordSearch, ...]:
        return tuple(WordSearch(prompt) for prompt in self._prompts)

    @cached_property
    def _there(self) -> str:
        names = dict.fromkeys(word.text for prompt in self._prompts for word in prompt.words)
        return shortened(names)


def _every_word(prompts: Sequence[Prompt]) -> tuple[WordGroup, ...]:
    spoken = [
        (entry, index, word.text)
        for entry, prompt in enumerate(prompts)
        for index, word in enumerate(prompt.words)
    ]
    content = [place for place in spoken if place[2].lower() not in FUNCTION_WORDS] or spoken
    seen: dict[str, int] = {}
    groups = []
    for entry, index, text in content:
        count = seen[text.lower()] = seen.get(text.lower(), 0) + 1
        groups.append(WordGroup(text if count == 1 else f"{text} ({count})", (index,), entry))
    return tuple(groups)
