"""Two servers that write files of one name at once: real processes, started at the same moment."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest

from selagg_core.diagnosis.calibration import Calibration
from selagg_core.files import write
from selagg_core.files.write import claimed, write_file
from selagg_core.relevance.building import RelevanceSums
from selagg_core.relevance.relevance import HeadRelevance

ROOT = Path(__file__).parents[2]
TIMES = 40
BEGIN = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
folder, own, start = Path(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
import numpy as np
"""
WAIT = "\ntime.sleep(max(0.0, start - time.time()))\n"
WRITERS = {
    "relevance": """
from dataclasses import replace
from selagg_core.relevance.shipped import load_preset
made = replace(load_preset("demo"), base_model=f"of {own}")
WAIT
for _ in range(TIMES):
    made.save(folder / "mine.safetensors")
    HeadRelevance = type(made)
    assert HeadRelevance.load(folder / "mine.safetensors").base_model in ("of 0", "of 1")
""",
    "progress of a build": """
from selagg_core.relevance.building import RelevanceSums
WAIT
for n in range(TIMES):
    sums = RelevanceSums.empty(3, 5)
    sums.save(folder / "mine.building", "job")
    found = RelevanceSums.resume(folder / "mine.building", "job", 3, 5)
    assert found is None or found.wins.shape == (3, 5)
    (folder / "mine.building").unlink(missing_ok=True)
""",
    "calibration": """
from selagg_core.files.write import write_file
from selagg_core.files.text import read_text
from selagg_core.diagnosis.calibration import Calibration
WAIT
for _ in range(TIMES):
    text = Calibration({}, f"of {own}", {}).to_json()
    write_file(folder / "mine.json", text.encode())
    assert Calibration.from_json(read_text(folder / "mine.json")).base in ("of 0", "of 1")
""",
    "saves": """
from selagg_core.files.write import claimed, write_file
WAIT
for n in range(TIMES):
    with claimed(folder, "my run") as stem:
        write_file(folder / f"{stem}.json", f"{own} {n}".encode())
        write_file(folder / f"{stem}_1.png", f"{own} {n}".encode())
""",
}


@pytest.mark.parametrize("name", WRITERS)
def test_two_processes_write_at_once(name, tmp_path):
    script = BEGIN + textwrap.dedent(WRITERS[name]).replace("WAIT", WAIT).replace("TIMES", str(TIMES))
    start = str(time.time() + 6)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(ROOT), str(tmp_path), str(own), start],
            stderr=subprocess.PIPE,
            text=True,
        )
        for own in (0, 1)
    ]
    told = [process.communicate(timeout=300)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], told
    left = sorted(file.name for file in tmp_path.iterdir())
    assert not [file for file in left if file.startswith(".")], "nothing half done is left"
    if name == "relevance":
        assert HeadRelevance.load(tmp_path / "mine.safetensors").base_model in ("of 0", "of 1")
    elif name == "progress of a build":
        assert RelevanceSums.resume(tmp_path / "mine.building", "job", 3, 5) is None
    elif name == "calibration":
        assert Calibration.from_json((tmp_path / "mine.json").read_text()).base in ("of 0", "of 1")
    else:
        texts = [file.read_text() for file in sorted(tmp_path.glob("*.json"))]
        assert sorted(texts) == sorted(f"{own} {n}" for own in (0, 1) for n in range(TIMES))
        assert [file.read_text() for file in sorted(tmp_path.glob("*.png"))] == texts, "files of one save"


# -- the same in one process, where a moment can be chosen -----------------------------------------------


def test_a_number_is_given_once(tmp_path):
    with claimed(tmp_path, "a [b]") as first, claimed(tmp_path, "a [b]") as second:
        assert (first, second) == ("a [b]-0001", "a [b]-0002")
        (tmp_path / f"{second}_1.png").touch()
    with claimed(tmp_path, "a [b]") as again:
        assert again == first
    assert [file.name for file in tmp_path.iterdir()] == ["a [b]-0002_1.png"]


def test_a_claim_of_a_server_that_was_stopped_holds_nothing_up_for_ever(tmp_path, monkeypatch):
    (tmp_path / ".mine-0001.claim").touch()
    with claimed(tmp_path, "mine") as own:
        assert own == "mine-0002"
    monkeypatch.setattr(write, "STALE_AFTER", -1)
    with claimed(tmp_path, "mine") as own:
        assert own == "mine-0001"


def test_a_save_that_fails_gives_its_number_back(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path, "mine"):
        raise ZeroDivisionError
    with claimed(tmp_path, "mine") as own:
        assert own == "mine-0001"


@pytest.mark.parametrize("refused", [1, 3])
def test_a_file_that_another_process_has_open_is_waited_for(tmp_path, monkeypatch, refused):
    """As Windows does it."""
    replace, tries, slept = write.os.replace, [], []

    def busy(*paths):
        tries.append(paths)
        if len(tries) <= refused:
            raise PermissionError(13, "in use")
        replace(*paths)

    monkeypatch.setattr(write.os, "replace", busy)
    monkeypatch.setattr(write.time, "sleep", slept.append)
    write_file(tmp_path / "a.json", b"1")
    assert (tmp_path / "a.json").read_bytes() == b"1" and len(slept) == refused
    monkeypatch.setattr(write.os, "replace", lambda *_: (_ for _ in ()).throw(PermissionError(13, "in use")))
    with pytest.raises(ValueError, match="may not be written to"):
        write_file(tmp_path / "a.json", b"2")
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert np.array_equal(np.frombuffer((tmp_path / "a.json").read_bytes(), np.uint8), [ord("1")])
