"""Which ComfyUI is found, with what it is provided, and what is said of one that cannot start."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from demo import environment, host_path
from demo.background_server import background_server
from demo.environment import environment_of, is_supported, pinned_set, remark_on, supported_versions
from demo.host_failure import MARK, said_in, why
from demo.host_path import PARTS, REGISTRY, ROOT, UPSTREAM, Host, find_host, version_of
from demo.missing_packages import missing


def make_host(folder: Path, version: str | None = "0.33.0", without: str = "") -> Path:
    """A folder with the parts of a ComfyUI, all of them empty."""
    for part in PARTS:
        if part != without:
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            (folder / part).touch() if "." in part else (folder / part).mkdir()
    if version is not None:
        (folder / "comfyui_version.py").write_text(f'# generated\n__version__ = "{version}"\n')
    return folder


@pytest.fixture
def home(monkeypatch, tmp_path):
    """An empty home folder, and no variable that names a host."""
    for name in ("SELAGG_HOST_PATH", "COMFYUI_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(host_path, "ROOT", tmp_path / "elsewhere" / "custom_nodes" / "pack")
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def test_a_named_host_is_taken(monkeypatch, home):
    make_host(home / "ComfyUI")
    monkeypatch.setenv("COMFYUI_PATH", str(make_host(home / "mine", "0.3.64")))
    assert (find_host().path, find_host().version) == (home / "mine", "0.3.64")
    assert find_host(REGISTRY).name == REGISTRY


def test_a_named_host_that_does_not_exist_means_the_registrys(monkeypatch, home):
    monkeypatch.setenv("COMFYUI_PATH", str(home / "nowhere"))
    host = find_host()
    assert (host.name, host.path) == (REGISTRY, None)
    assert "does not exist" in host.reason
    with pytest.raises(FileNotFoundError, match="COMFYUI_PATH"):
        find_host(UPSTREAM)


def test_a_named_folder_that_is_no_host_is_an_error(monkeypatch, home):
    monkeypatch.setenv("COMFYUI_PATH", str(home))
    with pytest.raises(FileNotFoundError, match="no ComfyUI"):
        find_host()


@pytest.mark.parametrize("part", PARTS)
def test_a_named_host_that_is_not_whole_is_told_what_it_lacks(monkeypatch, home, part):
    monkeypatch.setenv("COMFYUI_PATH", str(make_host(home / "half", without=part)))
    with pytest.raises(FileNotFoundError, match=f"not whole: {part} missing.*Fetch it anew"):
        find_host()


def test_the_newest_of_several_is_taken(home):
    for name, version in (("ComfyUI", "0.9.1"), ("ComfyUI_old", "0.3.64"), ("ComfyUI-b", "0.33.0")):
        make_host(home / name, version)
    make_host(home / "ComfyUI-nameless", None)
    make_host(home / "comfy" / "ComfyUI", "9.0.0")
    assert find_host().path == home / "ComfyUI-b"


def test_the_one_around_the_pack_comes_first(home):
    make_host(home / "ComfyUI", "9.0.0")
    around = make_host(host_path.ROOT.parent.parent, "0.3.64")
    assert find_host().path == around


def test_one_that_is_not_whole_is_passed_over_and_named(home):
    make_host(home / "ComfyUI", "0.40.0", without="comfy/ldm")
    host = find_host()
    assert host.name == REGISTRY and "ComfyUI lacks comfy/ldm" in host.reason
    make_host(home / "comfy" / "ComfyUI")
    assert find_host().path == home / "comfy" / "ComfyUI"


def test_the_version_is_read_without_running_anything(tmp_path):
    assert version_of(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "ComfyUI"\nversion = "0.4.0"\n')
    assert version_of(tmp_path) == "0.4.0"
    (tmp_path / "comfyui_version.py").write_text("raise SystemExit\n__version__ = '1.2.3rc1'\n")
    assert version_of(tmp_path) == "1.2.3rc1"
    (tmp_path / "comfyui_version.py").write_text('__version__ = "../../etc"\n')
    assert version_of(tmp_path) == "0.4.0"


def test_each_version_has_an_environment_and_a_set_of_its_own(tmp_path):
    hosts = [Host(UPSTREAM, tmp_path, "", version) for version in (*supported_versions(), "0.40.0", None)]
    hosts.append(Host(REGISTRY, None, "", "0.0.1"))
    assert len({environment_of(host) for host in hosts}) == len(hosts)
    assert supported_versions() == ["0.33.0", "0.3.64"]
    assert [remark_on(host) for host in hosts if is_supported(host)] == [""] * 3
    for version, wanted in (
        ("0.33.0", "0.33.0"),
        ("0.40.0", "0.33.0"),
        ("0.9.0", "0.3.64"),
        (None, "0.3.64"),
    ):
        host = Host(UPSTREAM, tmp_path, "", version)
        assert pinned_set(host).name == f"comfyui-{wanted}.txt"
    assert "0.40.0 is not one of those" in remark_on(Host(UPSTREAM, tmp_path, "", "0.40.0"))
    assert "does not tell its version" in remark_on(Host(UPSTREAM, tmp_path, "", None))


def test_what_is_asked_for_beyond_the_pinned_set():
    text = (
        "torch\ntorchvision==99\n# a note\n\n-r more.txt\nnumpy>=1.2\nno-such-package~=2.0 # note\npytest<1\n"
    )
    text += "no-such-package; python_version < '3'\n"
    assert missing(text) == ["no-such-package~=2.0", "pytest<1"]


def test_no_set_lets_pip_replace_torch():
    for file in environment.REQUIREMENTS.glob("*.txt"):
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line and line[0] != "#"]
        assert all("==" in line for line in lines)
        named = [line for line in lines if line.startswith(("torch==", "nvidia", "triton"))]
        assert named == (["torch==2.13.0"] if file.name == "torch.txt" else [])


KNOWN = Host(UPSTREAM, Path("/opt/ComfyUI"), "", "0.33.0")
NEWER = Host(UPSTREAM, Path("/opt/ComfyUI"), "", "0.40.0")


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (ModuleNotFoundError("", name="blake3.x"), ["package blake3 is missing", ".venv-comfyui-0.33.0"]),
        (ModuleNotFoundError("", name="comfy.ldm"), ["own module comfy.ldm", "/opt/ComfyUI is not whole"]),
        (ImportError("cannot import name 'a' from 'b'"), ["version", "name 'a' from 'b'", "Delete"]),
        (SyntaxError("bad", ("/opt/x.py", 3, 1, "")), ["/opt/x.py is damaged (line 3", "Fetch it anew"]),
        (FileNotFoundError(errno.ENOENT, "", "/opt/y.json"), ["/opt/y.json is missing", "Fetch it anew"]),
        (OSError(errno.EADDRINUSE, "in use"), ["port is in use", "--port"]),
        (ValueError("odd"), ['ValueError: "odd"']),
    ],
)
def test_the_reason_names_what_is_missing_and_what_to_do(error, parts):
    assert all(part in why(error, KNOWN) for part in parts), why(error, KNOWN)


@pytest.mark.parametrize("card", [False, True])
def test_the_host_is_not_started_with_the_arguments_of_a_benchmark(monkeypatch, tmp_path, card):
    """It would refuse them; on a machine with a card as on one without."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: card)
    assert host_path.host_options(("--base-directory", "x"))[-2:] == ("--base-directory", "x")
    assert host_path.host_options() == (() if card else ("--cpu",))
    code = (
        "import sys, torch; torch.cuda.is_available = lambda: CARD; from demo.host_path import prepare_host; "
        "import comfy.options; prepare_host('--base-directory', 'x'); print(sys.argv[1:])"
    )
    folder = tmp_path / "stub"
    (folder / "comfy").mkdir(parents=True)
    (folder / "comfy" / "options.py").write_text("def enable_args_parsing(): pass\n", encoding="utf-8")
    made = subprocess.run(
        [sys.executable, "-c", code.replace("CARD", str(card)), "--model", "flux"],
        cwd=ROOT, env={**os.environ, "SELAGG_HOST": "registry", "PYTHONPATH": str(folder)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    wanted = [*([] if card else ["--cpu"]), "--base-directory", "x"]
    assert made.stdout.strip().splitlines()[-1] == str(wanted)


def test_of_an_untested_version_it_says_so():
    for error in (ModuleNotFoundError("", name="newthing"), ValueError("odd")):
        assert "tested with ComfyUI 0.33.0 and 0.3.64; this is 0.40.0" in why(error, NEWER)


def test_a_missing_frontend_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "no frontend (the package comfyui-frontend-package" in why(SystemExit(-1), KNOWN)


def test_what_a_log_says_last(tmp_path):
    log = tmp_path / "server.log"
    log.write_text(f"Traceback\nValueError: early\n{MARK}the package x is missing.\n\n")
    assert said_in(log, 1) == "the package x is missing."
    log.write_text("start\nValueError: early\nOSError: late\nbye\n")
    assert "OSError: late" in said_in(log, 3) and "code 3" in said_in(log, 3)
    log.write_bytes(b"\xff" * 100_000)
    assert "memory" in said_in(log, -9)
    log.write_text("")
    assert "nothing" in said_in(log, 1)


def test_a_server_that_cannot_start_says_why(monkeypatch, tmp_path):
    folder = make_host(tmp_path / "ComfyUI")
    (folder / "main.py").write_text("import a_package_that_is_nowhere\n")
    monkeypatch.setenv("SELAGG_HOST", UPSTREAM)
    monkeypatch.setenv("SELAGG_HOST_PATH", str(folder))
    with (
        pytest.raises(RuntimeError, match="a_package_that_is_nowhere is missing.*Delete the folder"),
        background_server(tmp_path / "base", tmp_path / "server.log"),
    ):
        pass


def test_a_port_in_use_is_said_before_anything_starts(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "demo.host_server", "--port", port, "--base", str(tmp_path / "base")]
        variables = {**os.environ, "SELAGG_HOST_PATH": str(make_host(tmp_path / "ComfyUI"))}
        done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "port is in use" in done.stderr
    assert not (tmp_path / "base").exists()
