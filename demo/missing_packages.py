"""Lines of a requirements file that this environment does not satisfy, torch's family left out.

`python -m demo.missing_packages FILE` prints them. Dependencies of what is installed are not looked at.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

#: Which builds of these are in place is for dev.py to decide.
OWN = re.compile(r"torch(vision|audio)?$")


def missing(text: str) -> list[str]:
    lines = (line.split(" #")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and line[0] not in "#-" and not _satisfied(line)]


def _satisfied(line: str) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(line)
    except InvalidRequirement:
        return False
    if OWN.match(requirement.name) or (requirement.marker and not requirement.marker.evaluate()):
        return True
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return requirement.specifier.contains(version, prereleases=True)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in missing(Path(sys.argv[1]).read_text(encoding="utf-8"))))
