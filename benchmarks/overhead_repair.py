"""SelAgg Repair as benchmarks.overhead measures it: two phrases of the prompt are drawn to halves."""

from __future__ import annotations

from typing import Any

import numpy as np

from selagg_core.maps.regions import Region
from selagg_core.prompt.groups import WordGroup
from selagg_core.prompt.words import Prompt
from selagg_core.repair.plan import UNTIL, PictureRepair, Placing, RepairPlan

CELLS = 64


def repaired(model: Any, conditioning: list, prompt: Prompt) -> tuple[Any, list]:
    """(model, conditioning) with the first half of the words drawn to the left, the others to the right."""
    from selagg_nodes.repairing.conditioning import marked
    from selagg_nodes.repairing.hooks import install

    left = np.zeros((CELLS, CELLS), bool)
    left[:, : CELLS // 2] = True
    middle = len(prompt.words) // 2
    ends = ((range(middle), left), (range(middle, len(prompt.words)), ~left))
    operators = tuple(Placing(WordGroup("words", tuple(own)), Region(half)) for own, half in ends)
    plan = RepairPlan((prompt,), (PictureRepair(operators),), until=UNTIL)
    model = model.clone()
    install(model, plan)
    return model, marked(conditioning, plan)
