"""The archive that the package registry gets: `python -m demo.archive FILE.zip`.

The same files as `comfy node pack` takes: what git tracks, less what .comfyignore names.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from .host_path import ROOT

IGNORED = ROOT / ".comfyignore"


def archive_files(root: Path = ROOT) -> list[str]:
    """Names of the files of the archive, relative to the root, with slashes.

    Raises:
        RuntimeError: `root` is no clone: what belongs to the pack is known by git alone.
    """
    import pathspec

    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z"],  # noqa: S607 - git is where the user has it
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        raise RuntimeError(
            f"{root} is not a git repository: {listed.stderr.decode(errors='replace').strip()}"
        )
    names = [name for name in listed.stdout.decode("utf-8").split("\0") if name and (root / name).is_file()]
    lines = (root / IGNORED.name).read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    ignored = pathspec.PathSpec.from_lines("gitwildmatch", patterns)
    return [name for name in names if not ignored.match_file(name)]


def write_archive(target: Path, root: Path = ROOT) -> list[str]:
    """Writes the archive; the names of its files. Raises as `archive_files`."""
    names = archive_files(root)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.write(root / name, name)
    return names


def main() -> int:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "node.zip")
    count = len(write_archive(target))
    sys.stdout.write(f"{target}: {count} files, {target.stat().st_size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
