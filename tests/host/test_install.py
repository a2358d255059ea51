"""The pack as users get it, on the real server: the archive of the registry, and a clone without links."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path
from urllib.parse import urljoin

import pytest
from loading import ROOT
from served import finish, said, short_demo

from demo import workflows
from demo.archive import write_archive
from demo.background_server import background_server
from demo.template_texts import shown_name

pytestmark = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone: git knows what is shipped")
FOLDER = "selagg"
"""The folder into which ComfyUI-Manager unzips a pack of the registry."""
INTERNAL = {"SelAggGraphWords", "SelAggNoCapture"}
"""Put into graphs by the server; no artist meets them."""


@pytest.fixture
def no_opencv(tmp_path, monkeypatch):
    """A system in which `import cv2` fails."""
    block_opencv(tmp_path, monkeypatch)


def block_opencv(folder: Path, patch: pytest.MonkeyPatch) -> None:
    if os.environ.get("SELAGG_HOST") == "registry":  # that host does not start without OpenCV
        return
    (folder / "absent").mkdir()
    (folder / "absent" / "cv2.py").write_text("raise ImportError('there is no OpenCV here')\n")
    patch.setenv("PYTHONPATH", str(folder / "absent"))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return tmp_path_factory.mktemp("installed")


@pytest.fixture(scope="module")
def server(base):
    """A host whose only custom node is the unzipped archive, and that has no OpenCV."""
    packed = base / "node.zip"
    write_archive(packed)
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(base / "custom_nodes" / FOLDER)
    for recipe in workflows.RECIPES.values():
        for kind, name in recipe.needs:
            (base / "models" / kind).mkdir(parents=True, exist_ok=True)
            (base / "models" / kind / name).touch()
    with pytest.MonkeyPatch.context() as patch:
        block_opencv(base, patch)
        with background_server(base, base / "server.log", options=["--installed"]) as client:
            yield client


def get(server, path: str) -> bytes:
    with urllib.request.urlopen(f"{server.address}{path}") as answer:  # noqa: S310 - own server
        return answer.read()


def test_the_archive_loads_without_a_word_of_trouble(server, base):
    nodes = [name for name in server.object_info() if name.startswith("SelAgg")]
    assert len(nodes) >= 12
    text = (base / "server.log").read_text("utf-8", errors="replace").replace("\\", "/")
    ours = [line for line in text.splitlines() if f"custom_nodes/{FOLDER}" in line]
    assert ours, "the host lists how long each pack took"
    assert not [line for line in ours if "FAILED" in line or "Cannot import" in line or 'File "' in line]


def test_it_diagnoses_where_there_is_no_opencv(server):
    workflow = short_demo()
    text = said(workflow, finish(server, workflow))
    assert "circle" in text or "star" in text or "No warning" in text


def test_every_template_is_offered_with_its_thumbnail(server, host):
    if host == "registry":
        pytest.skip("this host has no template browser")
    offered = json.loads(get(server, "/workflow_templates"))
    assert set(offered[FOLDER]) == {shown_name(name) for name in workflows.RECIPES}
    for name in workflows.RECIPES:
        for suffix in (".json", ".jpg"):
            address = urllib.parse.quote(f"/api/workflow_templates/{FOLDER}/{shown_name(name)}{suffix}")
            served = get(server, address)
            assert served == (ROOT / "examples_workflows" / f"{name}{suffix}").read_bytes()


def test_every_workflow_passes_the_fields_linter(server, host):
    """Examples of models in files of their own are for hosts that know them all."""
    newer = importlib.util.find_spec("comfy.ldm.krea2") is not None
    linter = pytest.importorskip("comfy_lint.linter")
    schema = importlib.import_module("comfy_lint.schema").normalize(server.object_info())
    for file in sorted((ROOT / "examples_workflows" / "api").glob("*.json")):
        if workflows.RECIPES[file.stem].files is not None and not newer:
            continue
        complaints = linter.lint_workflow(json.loads(file.read_text("utf-8")), schema)
        assert not complaints, (file.name, [str(one) for one in complaints])


def test_every_node_has_its_help_page_with_its_pictures(server):
    for node in server.object_info():
        if not node.startswith("SelAgg") or node in INTERNAL:
            continue
        page = get(server, f"/extensions/{FOLDER}/docs/{node}.md").decode("utf-8")
        pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page)
        assert pictures, node
        for picture in pictures:
            assert get(server, f"/extensions/{FOLDER}/docs/{picture}")[:3] == b"\xff\xd8\xff"


def test_the_viewer_is_served_with_all_that_it_imports(server):
    listed = [
        path for path in json.loads(get(server, "/extensions")) if path.startswith(f"/extensions/{FOLDER}/")
    ]
    assert f"/extensions/{FOLDER}/selagg.js" in listed
    seen, waiting = set(), list(listed)
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        text = re.sub(r"/\*.*?\*/", "", get(server, path).decode("utf-8"), flags=re.DOTALL)
        for imported in re.findall(r"""(?:from|import\()\s*['"]([^'"]+)['"]""", text):
            assert imported.startswith("."), f"{path} imports {imported}: not below a reverse proxy's path"
            target = urljoin(path, imported)
            if not target.startswith("/scripts/"):
                waiting.append(target)
    assert len(seen) >= 10


def test_a_clone_without_links_starts(tmp_path, no_opencv):
    target = tmp_path / "custom_nodes" / "ComfyUI-SelAgg"
    command = [
        "git",
        "clone",
        "-q",
        "-c",
        "core.symlinks=false",
        "-c",
        "core.autocrlf=true",
        str(ROOT),
        str(target),
    ]
    subprocess.run(command, check=True)
    assert (target / "example_workflows").is_dir() and (target / "examples_workflows").is_dir()
    with background_server(tmp_path, tmp_path / "server.log", options=["--installed"]) as client:
        assert "SelAggDiagnose" in client.object_info()


@pytest.mark.parametrize("what", ["requirements.txt", "the project"])
def test_installing_changes_no_package(what):
    """What ComfyUI-Manager and pip would do, told without doing it."""
    wanted = ["-r", "requirements.txt"]
    if what == "the project":
        listed = re.search(
            r"^dependencies = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"), re.M | re.S
        )
        wanted = re.findall(r'"([^"]+)"', listed.group(1)) or wanted
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--dry-run",
        "--no-index",
        "--quiet",
        "--report",
        "-",
        *wanted,
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["install"] == []
