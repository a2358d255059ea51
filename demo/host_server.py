"""Starts the real ComfyUI server with this pack: `python -m demo.host_server [--port N] [host options]`.

Everything that the server writes stays in this project's .host folder; the user's ComfyUI is only read. Its
models are found, its other custom nodes are not loaded.
"""

from __future__ import annotations

import argparse
import errno
import os
import runpy
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

from .host_failure import MARK, port_in_use, why
from .host_path import REGISTRY, ROOT, Host, find_host, make_cuda_builds_importable

PACK_FOLDER = "ComfyUI-SelAgg"
FOLDERS = ("custom_nodes", "input", "models/checkpoints", "output", "temp", "user")
#: Of no use inside a copy of this project, large, or the copy itself.
NOT_COPIED = (".*", "__pycache__", "checkpoints", "demo_output")


def prepare_base(base: Path, installed: bool = False) -> Path:
    """The server's base folder, with this pack in its custom_nodes under a name with a hyphen.

    `installed`: a copy of the pack lies there already, as a user would have it.
    """
    for folder in FOLDERS:
        (base / folder).mkdir(parents=True, exist_ok=True)
    if not installed:
        link(ROOT, base / "custom_nodes" / PACK_FOLDER)
    return base


def link(source: Path, target: Path) -> None:
    """Makes `target` show a folder; Windows without the right to make links: by a junction, else a copy."""
    if target.exists() and target.resolve() == source:
        return
    if target.is_symlink():
        target.unlink()
    elif target.exists():
        shutil.rmtree(target)
    try:
        target.symlink_to(source, target_is_directory=True)
    except OSError:
        if not make_junction(source, target):
            shutil.copytree(source, target, ignore=shutil.ignore_patterns(*NOT_COPIED))


def make_junction(source: Path, target: Path) -> bool:
    if os.name != "nt":
        return False
    command = ["cmd", "/c", "mklink", "/J", str(target), str(source)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0  # noqa: S607


def model_folders_file(base: Path, host_path: Path) -> Path:
    """A search path file (YAML) that shows the user's models to a server with another base folder."""
    kinds = sorted(folder.name for folder in (host_path / "models").iterdir() if folder.is_dir())
    quoted = str(host_path).replace("'", "''")
    lines = ["user:", f"  base_path: '{quoted}'", *(f"  {kind}: models/{kind}" for kind in kinds)]
    file = base / "user_models.yaml"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def upstream_arguments(base: Path, host_path: Path, port: int) -> list[str]:
    arguments = ["--listen", "127.0.0.1", "--port", str(port), "--base-directory", str(base)]
    if (host_path / "models").is_dir():
        arguments += ["--extra-model-paths-config", str(model_folders_file(base, host_path))]
    # Newer hosts keep a database, by default inside the user's ComfyUI.
    if "--database-url" in (host_path / "comfy" / "cli_args.py").read_text(encoding="utf-8"):
        arguments += ["--database-url", f"sqlite:///{(base / 'user' / 'comfyui.db').as_posix()}"]
    return [*arguments, "--disable-auto-launch"]


def registry_arguments(base: Path, port: int) -> list[str]:
    return ["--listen", "127.0.0.1", "--port", str(port), "--cwd", str(base)]


def start(host: Host, base: Path, port: int, options: list[str], installed: bool = False) -> None:
    """Runs the server in this process until it ends. Raises what the host raises when it cannot start."""
    import torch

    prepare_base(base, installed)
    make_cuda_builds_importable()
    device = [] if torch.cuda.is_available() else ["--cpu"]
    # The host's module `nodes` must not be this project's folder of that name.
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]
    os.chdir(base)
    if host.name == REGISTRY:
        sys.argv = ["comfyui", *registry_arguments(base, port), *device, *options]
        from comfy.cmd.main import entrypoint

        entrypoint()
    elif host.path:
        sys.argv = [str(host.path / "main.py"), *upstream_arguments(base, host.path, port), *device, *options]
        sys.path.insert(0, str(host.path))
        runpy.run_path(sys.argv[0], run_name="__main__")


def main() -> int:
    parser = argparse.ArgumentParser(prog="demo.host_server", description=__doc__, allow_abbrev=False)
    parser.add_argument("--port", type=int, default=8188)
    parser.add_argument("--base", type=Path, help="the server's folder (default: .host/<host>)")
    parser.add_argument(
        "--installed",
        action="store_true",
        help="the pack is in the custom_nodes of --base; link nothing there",
    )
    arguments, options = parser.parse_known_args()
    host = find_host(os.environ.get("SELAGG_HOST", "auto"))
    if port_in_use(arguments.port):
        return complain(why(OSError(errno.EADDRINUSE, ""), host))
    base = arguments.base or ROOT / ".host" / host.label
    sys.stdout.write(f"{host.title} with SelAgg: http://127.0.0.1:{arguments.port} (files in {base})\n")
    sys.stdout.flush()
    try:
        start(host, base.resolve(), arguments.port, options, arguments.installed)
    except KeyboardInterrupt:
        return 130
    except SystemExit as end:
        return complain(why(end, host)) if end.code else 0
    except BaseException as error:
        traceback.print_exc()
        return complain(why(error, host))
    return 0


def complain(reason: str) -> int:
    sys.stdout.flush()
    sys.stderr.write(f"\n{MARK}{reason}\n")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
