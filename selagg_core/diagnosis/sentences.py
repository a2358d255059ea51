"""Everything that findings say, in one place for translators: key -> English, with names in braces.

A language is a mapping of the same keys; what it lacks is said in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..prompt.messages import MESSAGES, PREFIX
from .kinds import KINDS
from .sentence import Sentence
from .terms import terms

GENERAL: Mapping[str, str] = MappingProxyType(
    {
        "weak": "The evidence is weak, so this is not sure.",
        "unproven": "This kind of finding has not proved reliable: take it as a hint.",
        "unsteady": "The maps of the word disagree with each other, so this is not sure.",
        "cannot_tell": "The maps cannot tell.",
        "flat": "The maps show no place for any word, so nothing can be said of this picture.",
        "disagreeing": 'Where "{word}" is cannot be told: its own heads and all heads show different places.',
        "plain": "{text}",
        "or": "{one}, or {other}",
        "either": "{one} or {other}",
        "advice": "{told}.",
        "weight": 'bring the weight of "{word}", which is {weight}, back to 1, such as ({bare}:1.0)',
        "repair": "change what the words attend to (SelAgg Repair)",
        "part": "draw the two apart (SelAgg Repair): one may turn into the other",
        "denoise": "raise denoise: the picture keeps less of the one that it starts from",
        "reword": 'write "{new}" for "{word}"',
        "without": 'Without "{word}" the picture changes by {mean} of 255.',
        "without_same": 'Without "{word}" the picture is as good as the same ({mean} of 255).',
        "without_where": (
            'Without "{word}" the picture changes by {mean} of 255, where its map is {lift} times as much as '
            "elsewhere."
        ),
        "without_own": (
            '"{word}" makes what is in its own place: without it that changes by {most} of 255, "{other}" by '
            "{less}."
        ),
        "without_one": (
            '"{word}" changes "{thing}", not "{other}": without it the place of the first changes by {most} '
            "of 255, that of the other by {less}."
        ),
        "without_both": (
            '"{word}" changes "{thing}" and "{other}": without it the place of the first changes by {most} '
            "of 255, that of the other by {less}."
        ),
        "diffuse": "record more steps, or show single heads; a model that is hardly trained gives such maps",
        "diffuse_title": "Cannot tell",
    }
)


def catalogue() -> Mapping[str, str]:
    """All sentences: "general.KEY", "KIND.KEY", of remedies "KIND.try.KEY", terms, and "message.KEY"."""
    found = {f"general.{key}": text for key, text in GENERAL.items()}
    for kind in KINDS:
        found |= {f"{kind.name}.{key}": text for key, text in kind.texts.items()}
        found |= {f"{kind.name}.try.{key}": text for key, text in kind.remedies.items()}
    found |= {f"{PREFIX}{key}": text for key, text in MESSAGES.items()}
    return MappingProxyType(found | terms())


class Sentences:
    """Says what the catalogue has. texts: others, or those of another language, by the same keys."""

    def __init__(self, texts: Mapping[str, str] = MappingProxyType({})) -> None:
        self._texts = {**catalogue(), **texts}

    def say(self, sentence: Sentence) -> str:
        """In words. Raises KeyError for a key that is not known."""
        said = {
            name: self.say(value) if isinstance(value, Sentence) else _shown(value)
            for name, value in sentence.values.items()
        }
        return self._texts[sentence.key].format(**said)

    def text(self, key: str) -> str:
        """The text of a key; "" for one that is not known."""
        return self._texts.get(key, "")

    def with_texts(self, texts: Mapping[str, str]) -> Sentences:
        """The same, where it lacks something with these."""
        return Sentences({**texts, **self._texts})


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"


ENGLISH = Sentences()
