"""All kinds of findings, in the order in which they are looked for. A new kind: its file, and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .blended import Blended
from .kind import FindingKind
from .leaked import Leaked
from .misplaced import Misplaced
from .misplaced_region import MisplacedRegion
from .neglected import Neglected
from .wrong_sense import WrongSense

KINDS: tuple[FindingKind[Any], ...] = (
    Neglected(),
    Leaked(),
    WrongSense(),
    Misplaced(),
    Blended(),
    MisplacedRegion(),
)
BY_NAME: Mapping[str, FindingKind[Any]] = MappingProxyType({kind.name: kind for kind in KINDS})
