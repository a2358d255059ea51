"""Word groups: the words or phrases of a prompt that get one map each."""

from __future__ import annotations

from dataclasses import dataclass

from .prompt import Prompt

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
    """One word or phrase of a prompt. `indices` count the words of `Prompt.words`."""

    label: str
    indices: tuple[int, ...]

    @property
    def has_region(self) -> bool:
        """Whether a region of its own may be expected of this group, judging by its words alone."""
        words = self.label.split(" (")[0].lower().split()
        return not all(word in REGIONLESS_WORDS for word in words)


def choose_groups(prompt: Prompt, words: str) -> tuple[WordGroup, ...]:
    """The groups that the text `words` asks for.

    "all" (or nothing) gives every word of the prompt except function words, in prompt order, a repeated word
    once per occurrence; otherwise a comma-separated list of words and phrases gives one group per item.

    Raises ValueError if the prompt has no words or an item is not in it (naming the words that are there).
    """
    if not prompt.words:
        raise ValueError("the prompt is empty: no word of it can be shown. Write a prompt in the text node.")
    items = [item.strip() for item in words.split(",") if item.strip()]
    if not items or [item.lower() for item in items] == ["all"]:
        return _every_word(prompt)
    return tuple(find_group(prompt, item) for item in dict.fromkeys(items))


def find_group(prompt: Prompt, text: str) -> WordGroup:
    """The group of every occurrence of the word or phrase `text`; ValueError names those there."""
    found = prompt.find(text.strip())
    if not found:
        there = ", ".join(dict.fromkeys(word.text for word in prompt.words))
        raise ValueError(f'"{text.strip()}" is not in the prompt. Words that are there: {there}.')
    wanted = set(found)
    return WordGroup(text.strip(), tuple(i for i, word in enumerate(prompt.words) if word in wanted))


def _every_word(prompt: Prompt) -> tuple[WordGroup, ...]:
    spoken = [(i, word.text) for i, word in enumerate(prompt.words)]
    content = [(i, text) for i, text in spoken if text.lower() not in FUNCTION_WORDS] or spoken
    seen: dict[str, int] = {}
    groups = []
    for index, text in content:
        count = seen[text.lower()] = seen.get(text.lower(), 0) + 1
        groups.append(WordGroup(text if count == 1 else f"{text} ({count})", (index,)))
    return tuple(groups)
