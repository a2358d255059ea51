"""Word groups: the words or phrases of a prompt that get one map each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .words import Prompt

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
    """One word or phrase. `indices` count the words of the prompt of the `entry`-th conditioning entry."""

    label: str
    indices: tuple[int, ...]
    entry: int = 0

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
        raise ValueError("the prompt is empty: no word of it can be shown. Write a prompt in the text node.")
    items = [item.strip() for item in words.split(",") if item.strip()]
    if not items or [item.lower() for item in items] == ["all"]:
        return _every_word(prompts)
    return tuple(find_group(prompts, item) for item in dict.fromkeys(items))


def find_group(prompts: Sequence[Prompt], text: str) -> WordGroup:
    """Every occurrence of the word or phrase `text` in the first prompt that has it.

    Raises ValueError if none has it, naming the words that are there.
    """
    for entry, prompt in enumerate(prompts):
        found = set(prompt.find(text.strip()))
        if found:
            indices = tuple(i for i, word in enumerate(prompt.words) if word in found)
            return WordGroup(text.strip(), indices, entry)
    there = ", ".join(dict.fromkeys(word.text for prompt in prompts for word in prompt.words))
    raise ValueError(f'"{text.strip()}" is not in the prompt. Words that are there: {there}.')


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
