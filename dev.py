"""Runs this project from a fresh clone: `python dev.py demo`, `test`, `check`, `serve`, `prove`.

Needs Python 3.10 to 3.12 and nothing else. Makes an environment for the version of ComfyUI that it
finds (.venv-comfyui-<version>), or for the one of the package registry (.venv-registry), installs pinned
requirements there and goes on inside it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from demo.environment import InstallError, environment_of, prepare_environment, python_of, remark_on
from demo.host_path import CORE, REGISTRY, ROOT, UPSTREAM, Host, find_host

COMMANDS = ("demo", "test", "check", "serve", "prove")
#: Tiers of tests, by folder; the first needs no ComfyUI.
TIERS = ("core", "host", "web")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
NEWEST_FRONTEND = ROOT / ".host" / "frontend"


def main() -> int:
    arguments, rest = parse_arguments()
    if not (3, 10) <= sys.version_info[:2] <= (3, 12):
        running = ".".join(str(part) for part in sys.version_info[:2])
        return complain(f"This is Python {running}; start dev.py with Python 3.10, 3.11 or 3.12.")
    if arguments.command == "test":
        rest = [str(Path("tests", argument)) if argument in TIERS else argument for argument in rest]
    hostless = arguments.command == "check" or is_core_only(arguments.command, rest)
    try:
        host = host_for(arguments.host, hostless)
        environment = environment_of(host)
        prepare_environment(host, say)
    except (FileNotFoundError, InstallError) as error:
        return complain(str(error))
    except (subprocess.CalledProcessError, OSError) as error:
        return complain(f"Making {environment} failed: {error}. Delete that folder and try again.")
    if Path(sys.prefix).resolve() != environment.resolve():
        return call([str(python_of(environment)), str(ROOT / "dev.py"), *sys.argv[1:]])
    say(f"Host: {describe(host)}")
    if remark_on(host):
        say(remark_on(host))
    commands = {
        "demo": run_demo,
        "test": run_tests,
        "check": run_checks,
        "serve": run_server,
        "prove": run_proof,
    }
    return commands[arguments.command](host, rest)


def parse_arguments() -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="dev.py", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "command",
        choices=COMMANDS,
        help="demo: diagnose a prompt from start to end; test [core|host|web]: all tests, or a tier of them; "
        "check: ruff, mypy, eslint, tsc, packing; serve: ComfyUI with this pack; prove: maps against what "
        "is really in pictures of your checkpoint",
    )
    parser.add_argument(
        "--host",
        default="auto",
        choices=["auto", UPSTREAM, REGISTRY],
        help="auto: $COMFYUI_PATH, the ComfyUI around this folder, ~/ComfyUI* (newest first), "
        "~/comfy/ComfyUI, else registry",
    )
    return parser.parse_known_args()


def is_core_only(command: str, rest: list[str]) -> bool:
    named = [Path(argument.split("::")[0]) for argument in named_tests(rest)]
    return command == "test" and bool(named) and all(path.parts[:2] == ("tests", "core") for path in named)


def named_tests(rest: list[str]) -> list[str]:
    return [argument for argument in rest if (ROOT / argument.split("::")[0]).exists()]


def host_for(wanted: str, hostless: bool) -> Host:
    """The host to work with; where none is needed, none is installed.

    Raises:
        FileNotFoundError: as `find_host`.
    """
    try:
        host = find_host(wanted)
    except FileNotFoundError:
        if not hostless:
            raise
        return Host(CORE, None, "none is needed", None)
    if hostless and host.name == REGISTRY and wanted != REGISTRY:
        return Host(CORE, None, "none is needed", None)
    return host


def say(message: str) -> None:
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def complain(message: str) -> int:
    sys.stderr.write(f"dev.py: {message}\n")
    return 2


def describe(host: Host) -> str:
    if host.name == CORE:
        return f"no ComfyUI ({host.reason})"
    version = host.version or "(unknown version)"
    where = (
        f"upstream ComfyUI {version} in {host.path}"
        if host.path
        else "comfyui==0.0.1 of the package registry"
    )
    return f"{where} ({host.reason})"


def call(command: list[str], **options) -> int:
    """The exit code of a command. An interrupt from the keyboard reaches it too; SIGTERM is passed on."""
    with subprocess.Popen(command, **options) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


# ----------------------------------------------------------------------------------------------------
# Commands, inside the environment
# ----------------------------------------------------------------------------------------------------


def host_variables(host: Host) -> dict[str, str]:
    """The environment variables by which tests and the demo learn of the host."""
    variables = {**os.environ, "SELAGG_HOST": host.name}
    variables.pop("SELAGG_HOST_PATH", None)
    if host.path:
        variables["SELAGG_HOST_PATH"] = str(host.path)
    return variables


def run_demo(host: Host, rest: list[str]) -> int:
    return call([sys.executable, "-m", "demo", *rest], cwd=ROOT, env=host_variables(host))


def run_server(host: Host, rest: list[str]) -> int:
    return call([sys.executable, "-m", "demo.host_server", *rest], cwd=ROOT, env=host_variables(host))


def run_proof(host: Host, rest: list[str]) -> int:
    return call([sys.executable, "-m", "benchmarks.prove", *rest], cwd=ROOT, env=host_variables(host))


def run_tests(host: Host, rest: list[str]) -> int:
    """Pytest with the arguments given: its closing line is the last one."""
    say(f"Tests on {describe(host)}; results follow.")
    named = named_tests(rest)
    if host.path and (not named or any("web" in argument for argument in named)):
        prepare_browser()
    command = [sys.executable, "-m", "pytest", *rest, *([] if named else ["tests"])]
    return call(command, cwd=ROOT, env=host_variables(host))


def run_checks(host: Host, rest: list[str]) -> int:
    from demo.checks import run_all

    return run_all(rest, say)


def prepare_browser() -> None:
    """What browser tests need besides the pinned packages; what cannot be had is skipped there."""
    may_install = hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get")
    if may_install and not any(map(shutil.which, BROWSERS)):
        say("Installing chromium for the browser tests.")
        subprocess.run(
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=False
        )
    wanted = (ROOT / "requirements" / "frontend.txt").read_text(encoding="utf-8").strip()
    stamp = NEWEST_FRONTEND / "installed.txt"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    say(f"Fetching {wanted} for the browser tests.")
    shutil.rmtree(NEWEST_FRONTEND, ignore_errors=True)
    options = ["--quiet", "--no-deps", "--disable-pip-version-check", "--no-input"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(NEWEST_FRONTEND), wanted]
    if subprocess.run(command, check=False).returncode == 0:
        stamp.write_text(wanted, encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
