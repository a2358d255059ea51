"""Names, hand-written texts, versioned JSON, and writing: on whatever disk, in whatever encoding."""

from __future__ import annotations

import errno
import json
import os
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selagg_core.files.names import file_stem
from selagg_core.files.tensors import read_tensors, write_tensors
from selagg_core.files.text import read_text
from selagg_core.files.versioned import parse_json, read_versioned
from selagg_core.files.write import write_file


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        (" my checkpoint ", "my_checkpoint"),
        ("../../etc/passwd", "etc_passwd"),
        ("C:\\models\\x", "C_models_x"),
        ("caf\u00e9", "caf\u00e9"),
        ("cafe\u0301", "caf\u00e9"),
        ("\u732b\u306e\u7d75", "\u732b\u306e\u7d75"),
        ("com10", "com10"),
        ("console", "console"),
    ],
)
def test_names_become_files(name, stem):
    assert file_stem(name) == stem


@pytest.mark.parametrize(
    "name", ["", " ", "..", "///", "con", "Aux.v2", "LPT9", "COM1.safetensors", "com\u00b2", "???"]
)
def test_names_that_are_no_files_are_refused(name):
    with pytest.raises(ValueError, match="is no name for a file") as caught:
        file_stem(name)
    assert len(str(caught.value)) < 200


@given(st.text(min_size=1, max_size=400))
@settings(max_examples=300, deadline=None)
def test_every_name_fits_into_a_file_system(name):
    try:
        stem = file_stem(name)
    except ValueError as error:
        assert len(str(error)) < 300
        return
    assert 0 < len(stem.encode()) <= 100 and file_stem(stem) == stem
    assert not set('/\\:*?"<>|\0\n') & set(stem) and stem[0] not in ".-" and stem[-1] != "."


@pytest.mark.parametrize("letter", ["x", "\u00e4", "\u732b", "\U00020000"])
def test_long_names_stay_apart_and_can_be_written(tmp_path, letter):
    stems = {file_stem(letter * 300 + end) for end in ("one", "two", "")}
    assert len(stems) == 3
    for stem in stems:
        write_file(tmp_path / f"{stem}.calibration.json", b"{}")
    assert len(list(tmp_path.iterdir())) == 3


TEXT = '{"k\u00e4tzchen": "\u732b"}'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_texts_of_any_editor_are_read(tmp_path, encoding):
    path = tmp_path / "labels.json"
    path.write_text(TEXT, encoding=encoding)
    assert read_text(path) == TEXT


@pytest.mark.parametrize("mark", ["utf-16-be", "utf-32-be"])
def test_a_byte_order_mark_decides(tmp_path, mark):
    path = tmp_path / "labels.json"
    path.write_bytes("\ufeff".encode(mark) + TEXT.encode(mark))
    assert read_text(path) == TEXT


def test_what_is_no_text_names_the_file_and_the_cure(tmp_path):
    path = tmp_path / "labels.json"
    path.write_bytes("k\u00e4tzchen".encode("latin-1"))
    with pytest.raises(ValueError, match="labels.json is not in UTF-8: save it as UTF-8"):
        read_text(path)
    with pytest.raises(ValueError, match="missing.json cannot be read: No such file"):
        read_text(tmp_path / "missing.json")
    with pytest.raises(ValueError, match="cannot be read: Is a directory"):
        read_text(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[NaN]",
        "[-Infinity]",
        "[1e999]",
        "[" * 100_000,
        "[" + "9" * 5000 + "]",
        '{"a": 1,}',
        "'a'",
        "\ufeff{}",
    ],
)
def test_json_is_strict_and_errors_are_short(text):
    with pytest.raises(ValueError) as caught:
        parse_json(text)
    assert 0 < len(str(caught.value)) < 200


def test_a_version_that_is_not_known_is_named():
    body = {"schema": "selagg-x", "version": 1}
    assert read_versioned(json.dumps(body), "selagg-x", (1, 2), "thing") == body
    with pytest.raises(ValueError, match="version 3; only 1 and 2 can be read. Update SelAgg"):
        read_versioned(json.dumps({**body, "version": 3}), "selagg-x", (1, 2), "thing")
    for version in (True, "1", None, 0, [1]):
        with pytest.raises(ValueError, match=r"only 1 can be read\.$"):
            read_versioned(json.dumps({**body, "version": version}), "selagg-x", (1,), "thing")
    for text in ("[]", "{}", '{"schema": "selagg-y", "version": 1}', "x"):
        with pytest.raises(ValueError, match="not a SelAgg thing"):
            read_versioned(text, "selagg-x", (1,), "thing")


def test_a_file_is_replaced_as_a_whole_and_synced(tmp_path, monkeypatch):
    path, order = tmp_path / "deep" / "a.json", []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append("sync"), sync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda a, b: (order.append("replace"), replace(a, b))[1])
    write_file(path, b"one")
    write_file(path, b"two")
    assert path.read_bytes() == b"two" and [p.name for p in path.parent.iterdir()] == ["a.json"]
    assert order[:2] == ["sync", "replace"], "what is renamed must be on the disk already"


@pytest.mark.parametrize(
    ("number", "cure"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EACCES, "may not be written"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "error"),
    ],
)
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_refuses_leaves_the_old_file_and_says_why(tmp_path, monkeypatch, call, number, cure):
    path = tmp_path / "a.json"
    write_file(path, b"old")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(ValueError, match=f"a.json could not be written to .*{cure}"):
        write_file(path, b"new")
    assert path.read_bytes() == b"old" and [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_file_in_the_place_of_a_folder_is_told(tmp_path):
    (tmp_path / "models").write_text("")
    with pytest.raises(ValueError, match="a part of its path is a file"):
        write_file(tmp_path / "models" / "a.json", b"")


def test_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    path, failed = tmp_path / "a.safetensors", []

    def write(number: int) -> None:
        try:
            for _ in range(20):
                write_tensors(path, {"x": np.full(1000, number, np.float32)}, "selagg", {"by": number})
                header, arrays = read_tensors(path, "selagg")
                assert (arrays["x"] == header["by"]).all()
        except Exception as error:  # noqa: BLE001 - told below
            failed.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]
