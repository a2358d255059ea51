"""The labels that nodes share."""

from __future__ import annotations

from selagg_core.prompt.known_texts import LabelCache

#: Key under which SelAgg Text Encode leaves its words in a conditioning.
PROMPT_KEY = "selagg_prompt"
#: Which encoded text has which words: the only state that nodes share.
LABELS = LabelCache()
