"""The archive of the registry and a plain clone: what they hold, and that no system lacks what they need."""

from __future__ import annotations

import ast
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from demo import blueprint, workflows
from demo.archive import archive_files, write_archive
from demo.template_texts import shown_name

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
LARGEST_MB = 22
TOP = {
    *("__init__.py", "packages.py", "pyproject.toml", "requirements.txt", "LICENSE", "NOTICE", "README.md"),
    *(
        "demo",
        "example_workflows",
        "examples_workflows",
        "locales",
        "nodes",
        "selagg_core",
        "subgraphs",
        "web",
    ),
}
"""What lies at the top of the archive, no more and no less."""
DEMO = {"__init__.py", "MODEL_CARD.md", "model.py", "weights/selagg_demo.safetensors"}
NOT_SHIPPED = {"selagg_core/presets/build.py", "selagg_core/presets/build_words.py"}
BROUGHT = {"PIL", "aiohttp", "numpy", "safetensors", "scipy", "torch", "transformers"}
"""Packages of ComfyUI's own requirements that the pack uses, by the name they are imported by."""
OF_THE_HOST = {"comfy", "comfy_execution", "execution", "folder_paths", "node_helpers", "nodes", "server"}

pytestmark = pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="not a clone: what belongs to the pack is known by git alone"
)


def tracked() -> dict[str, str]:
    """Name -> git's mode of every file."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-s", "-z"], capture_output=True, check=True, text=True
    )
    lines = (line.split("\t") for line in listed.stdout.split("\0") if line)
    return {name: head.split()[0] for head, name in lines}


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> zipfile.ZipFile:
    file = tmp_path_factory.mktemp("archive") / "node.zip"
    write_archive(file)
    assert file.stat().st_size <= LARGEST_MB * 1e6
    return zipfile.ZipFile(file)


def test_the_archive_holds_all_that_runs_and_nothing_else(archive):
    names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == TOP
    assert {name.removeprefix("demo/") for name in names if name.startswith("demo/")} == DEMO
    whole = (
        "example_workflows/",
        "examples_workflows/",
        "locales/",
        "nodes/",
        "selagg_core/",
        "subgraphs/",
        "web/",
    )
    here = {name for name in tracked() if name.startswith(whole) and (ROOT / name).exists()}
    assert {name for name in names if name.startswith(whole)} == here - NOT_SHIPPED
    assert sum(name.startswith("web/docs/") and name.endswith(".md") for name in names) >= 12


def test_the_models_of_tests_and_benchmarks_stay_in_the_repository():
    weights = {name for name in tracked() if name.startswith("demo/weights/")}
    assert len(weights) > 1 and {name for name in archive_files() if name in weights} == {
        "demo/weights/selagg_demo.safetensors"
    }


def test_patterns_are_anchored_so_that_no_folder_of_the_same_name_is_lost():
    lines = (ROOT / ".comfyignore").read_text("utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns and all(re.match(r"!?/", line) for line in patterns)


def test_no_folder_of_the_archive_is_left_out_by_its_own_name():
    """comfy-cli leaves out whole folders where git does not answer; each of ours must pass it by its name."""
    import pathspec

    lines = (ROOT / ".comfyignore").read_text("utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    spec = pathspec.PathSpec.from_lines("gitwildmatch", patterns)
    folders = {part.as_posix() for name in archive_files() for part in Path(name).parents} - {"."}
    assert not [folder for folder in folders if spec.match_file(folder)]
    assert all(spec.match_file(folder) for folder in ("tests", "benchmarks", "docs", "requirements"))


def test_no_file_needs_a_feature_that_a_system_may_lack():
    files = tracked()
    assert set(files.values()) <= {"100644", "100755"}, "a link is a text file on Windows and in ZIPs"
    assert len({name.lower() for name in files}) == len(files), "names that differ in case only"
    for name in files:
        assert not re.search(r'[<>:"|?*\\\x00-\x1f]|[. ]$', name), f"{name}: not possible on Windows"
        assert len(name) < 120
        stem = Path(name).name.split(".")[0].lower()
        assert stem not in {"con", "prn", "aux", "nul", *(f"com{i}" for i in range(10))}


def test_what_the_template_browser_shows_is_what_the_examples_are():
    assert workflows.differing() == [], "run `python -m demo.workflows`"
    kept = blueprint.FOLDER / f"{blueprint.NAME}.json"
    assert kept.read_text("utf-8") == blueprint.text(), "run `python -m demo.blueprint`"
    shown = [ROOT / "example_workflows" / f"{shown_name(name)}.json" for name in workflows.RECIPES]
    assert shown and all(file.is_file() for file in shown)


def test_a_changed_missing_or_left_over_template_is_noticed(tmp_path):
    workflows.main(tmp_path / "source", tmp_path / "shown")
    assert workflows.differing(tmp_path / "source", tmp_path / "shown") == []
    shown = sorted((tmp_path / "shown").iterdir())
    shown[0].write_text("{}")
    shown[1].unlink()
    (tmp_path / "shown" / "old.json").write_text("{}")
    (tmp_path / "shown" / shown[2].name).write_bytes(shown[2].read_bytes().replace(b"\n", b"\r\n"))
    assert workflows.differing(tmp_path / "source", tmp_path / "shown") == sorted(
        [shown[0].name, shown[1].name, "old.json"]
    )
    workflows.main(tmp_path / "source", tmp_path / "shown")
    assert workflows.differing(tmp_path / "source", tmp_path / "shown") == []


def test_installing_asks_for_no_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dependencies"] == []
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    assert [line for line in lines if line.strip() and not line.startswith("#")] == []
    assert not (ROOT / "install.py").exists()


def test_what_runs_imports_only_what_comfyui_brings():
    own = {"packages", "selagg_core", "selagg_nodes", "selagg_demo"}
    allowed = {*sys.stdlib_module_names, *BROUGHT, *OF_THE_HOST, *own}
    strange = []
    for name in archive_files():
        if not name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse((ROOT / name).read_text("utf-8"))):
            if isinstance(node, ast.Import):
                roots = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                roots = {node.module.split(".")[0]}
            else:
                continue
            strange += [(name, root) for root in roots - allowed]
    assert not strange


def size_of_png(file: Path) -> tuple[int, int]:
    data = file.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


def test_what_the_registry_shows_exists():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    comfy, place = project["tool"]["comfy"], project["project"]["urls"]["Repository"]
    raw = place.replace("https://github.com/", "https://raw.githubusercontent.com/") + "/main/"
    assert comfy["DisplayName"] == "SelAgg" and re.fullmatch(r"[a-z][a-z0-9_-]*", project["project"]["name"])
    for key in ("Icon", "Banner"):
        assert comfy[key].startswith(raw), f"{key} is an address in the repository"
        assert (ROOT / comfy[key].removeprefix(raw)).is_file()
    icon = size_of_png(ROOT / comfy["Icon"].removeprefix(raw))
    banner = size_of_png(ROOT / comfy["Banner"].removeprefix(raw))
    assert icon[0] == icon[1] <= 400
    assert abs(banner[0] / banner[1] - 21 / 9) < 0.01
