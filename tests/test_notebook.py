"""Every kind of file that is handed in is read, or refused with its own reason."""

import contextlib
import json
import os
import socket
import tracemalloc
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grader import notebook
from grader.notebook import Unreadable, parse_notebook, read_bytes

CODE = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": "x = 1"}
TEXT = {"cell_type": "markdown", "metadata": {}, "source": "# 지식 증류"}


def ipynb(*cells: object, **extra: object) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 0, **extra}).encode()


def refused(data: bytes, name: str = "a.ipynb") -> Unreadable:
    with pytest.raises(Unreadable) as caught:
        parse_notebook(data, name)
    return caught.value


def sources(data: bytes, name: str = "a.ipynb") -> list[tuple[int | None, str]]:
    return [(cell.number, cell.source) for cell in parse_notebook(data, name).cells]


# ---------------------------------------------------------------- reading


def test_cells_are_counted_with_the_text_cells():
    assert sources(ipynb(TEXT, CODE, TEXT, {**CODE, "source": ["y\n", "z"]})) == [(2, "x = 1"), (4, "y\nz")]


def test_reads_what_nbformat_writes():
    v4 = nbformat.v4
    made = v4.new_notebook(cells=[v4.new_markdown_cell("a"), v4.new_code_cell("b = '가'")])
    assert sources(nbformat.writes(made).encode()) == [(2, "b = '가'")]


def test_reads_nbformat_3_worksheets():
    code = {"cell_type": "code", "language": "python", "input": ["x = 1\n", "y"], "outputs": []}
    data = {"worksheets": [{"cells": [{"cell_type": "heading", "source": "h"}, code]}, {"cells": [code]}]}
    assert sources(json.dumps({**data, "nbformat": 3}).encode()) == [(2, "x = 1\ny"), (3, "x = 1\ny")]


@pytest.mark.parametrize(
    "extra",
    [
        {"metadata": {"widgets": {"broken": 1}}},
        {"nbformat_minor": 5},  # demands ids
        {"nbformat": "4", "metadata": None},
        {"nbformat": 99},
        {"metadata": {"accelerator": "GPU", "colab": {"name": "가.ipynb"}, "kernelspec": None}},
    ],
)
def test_what_strict_validation_rejects_is_read(extra):
    assert sources(ipynb(CODE, **extra)) == [(1, "x = 1")]


def test_cells_that_are_no_cells_are_passed_over():
    odd = [None, 3, [], {}, {"cell_type": "code"}, {"cell_type": "code", "source": 7}]
    odd += [{"cell_type": ["code"]}, {"cell_type": "code", "source": ["a", 1, "b"]}]
    assert sources(ipynb(*odd, CODE)) == [(5, ""), (6, ""), (8, "ab"), (9, "x = 1")]


def test_byte_order_mark_nan_and_repeated_keys():
    assert sources(b"\xef\xbb\xbf" + ipynb(CODE)) == [(1, "x = 1")]
    assert sources(b'{"a": NaN, "cells": [], "cells": [{"cell_type": "code", "source": "x"}]}') == [(1, "x")]


def test_python_file_is_one_cell_without_number():
    assert sources("# 손실\ndef f(): pass\n".encode(), "kim.py") == [(None, "# 손실\ndef f(): pass\n")]
    assert sources(b"{'a': 1}\n", "kim.py") == [(None, "{'a': 1}\n")]


def test_notebook_under_a_python_name_is_read_as_a_notebook():
    assert sources(ipynb(CODE), "a.py") == [(1, "x = 1")]


def test_fifty_megabytes_of_outputs_are_read():
    images = [{"output_type": "display_data", "data": {"image/png": "iVBOR" * 200_000}, "metadata": {}}] * 50
    data = ipynb({**CODE, "outputs": images})
    assert len(data) > 50_000_000
    assert sources(data) == [(1, "x = 1")]


# ---------------------------------------------------------------- refusing


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\n", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"hello", "not_json"),
        (b'{"cells": [}', "not_json"),
        (b'{"cells": [1, 2,, 3]}', "not_json"),
        (b'{"a": "\n"}', "not_json"),
        (b'{"a": ' + b"1" * 5000 + b"}", "not_json"),
        (b"[" * 100_000, "too_deep"),
        (b'{"a":' * 100_000, "too_deep"),
        (b"[1]", "not_a_notebook"),
        (b'"text"', "not_a_notebook"),
        (b"null", "not_a_notebook"),
        (b"{}", "not_a_notebook"),
        (b'{"cells": 3}', "not_a_notebook"),
        (b'{"worksheets": [1, {"cells": 2}]}', "no_code"),
        (ipynb(), "no_code"),
        (ipynb(TEXT, {**CODE, "source": " \n"}), "no_code"),
        (b"PK\x03\x04abc", "not_a_notebook"),
        (b"%PDF-1.7 \xff\xff", "not_a_notebook"),
        (b"<!DOCTYPE html><html>", "not_a_notebook"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "lfs_pointer"),
        (b"../week3/distillation.ipynb", "symlink"),
        (b'{\n<<<<<<< HEAD\n "cells": []\n=======\n}', "merge_conflict"),
        ("{}".encode("utf-16"), "not_utf8"),
        ("{}".encode("utf-16-le"), "not_utf8"),
        (b"\x00\x00\x00", "not_utf8"),
        ('{"cells": "지식 증류"}'.encode("cp949"), "not_utf8"),
    ],
)
def test_each_bad_file_has_its_reason(data, reason):
    bad = refused(data)
    assert bad.reason == reason
    assert bad.detail


def test_a_fault_in_the_json_names_its_line():
    assert "line 3, column 3" in refused(b'{\n"a": 1,\n  ,\n"b": 2}').detail


def test_cp949_is_named():
    bad = refused("x = 1\ny = '지식 증류'\n".encode("cp949"), "a.py")
    assert (bad.reason, "line 2" in bad.detail, "CP949" in bad.detail) == ("not_utf8", True, True)


def test_every_cut_of_a_notebook_is_called_truncated():
    cell = '{"cell_type": "code", "source": ["x = \\u00e9 가\\n"], "n": [null, true, false, -1.5e3]}'
    whole = f'{{"cells": [{cell}]}}'.encode()
    assert sources(whole)
    for end in range(1, len(whole)):
        assert refused(whole[:end]).reason == "truncated", whole[:end]


def test_too_many_parts_are_refused_before_they_fill_the_memory(monkeypatch):
    monkeypatch.setattr(notebook, "MAX_PARTS", 50_000)
    data = b'{"cells": [' + b"[]," * 100_000 + b"[]]}"
    tracemalloc.start()
    assert refused(data).reason == "too_big"
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(data)


def test_size_limit_applies_to_files_and_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(notebook, "MAX_BYTES", 100)
    file = tmp_path / "a.ipynb"
    file.write_bytes(b"x" * 101)
    with pytest.raises(Unreadable, match="too_big"):
        read_bytes(file)
    assert refused(b"x" * 101).reason == "too_big"
    file.write_bytes(b"x" * 100)
    assert len(read_bytes(file)) == 100
    os.truncate(file, 2**40)  # a tebibyte of holes: reading it whole would not end well
    with pytest.raises(Unreadable, match="too_big"):
        read_bytes(file)


@given(st.binary(max_size=200), st.sampled_from(["a.ipynb", "a.py", "a"]))
def test_any_bytes_are_read_or_refused(data, name):
    with contextlib.suppress(Unreadable):
        parse_notebook(data, name)


KEYS = st.sampled_from(["cells", "cell_type", "source", "worksheets", "input"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["code", "source"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
)


@given(JSON)
def test_any_json_is_read_or_refused(value):
    with contextlib.suppress(Unreadable):
        parse_notebook(json.dumps(value).encode(), "a.ipynb")


# ---------------------------------------------------------------- files


def test_reads_a_file(tmp_path):
    file = tmp_path / "김 (1)=제출.ipynb"
    file.write_bytes(b"abc")
    assert read_bytes(file) == b"abc"


def file_refused(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read_bytes(path)
    return caught.value.reason


def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "dangling").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        names = ("link", "dangling", "pipe", "socket", ".")
        reasons = [file_refused(tmp_path / name) for name in names]
    assert reasons == ["symlink", "symlink", "not_a_file", "not_a_file", "is_directory"]
    for name in ("none", "a" * 300, "a\0b"):
        with pytest.raises(OSError):  # noqa: PT011 - absent, too long a name: which one is the system's word
            read_bytes(tmp_path / name)
    assert file_refused(Path("/dev/zero")) == "not_a_file"


def test_file_without_permission(tmp_path, monkeypatch):
    file = tmp_path / "a.ipynb"
    file.write_bytes(b"abc")

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(notebook.os, "open", denied)  # root may read everything
    with pytest.raises(PermissionError):  # ours to mend, not the learner's
        read_bytes(file)


def test_a_link_put_in_place_after_the_look_is_refused(tmp_path, monkeypatch):
    file = tmp_path / "a.ipynb"
    file.symlink_to("/etc/passwd")
    regular = os.lstat(__file__)
    monkeypatch.setattr(notebook.os, "lstat", lambda _: regular)
    with pytest.raises(Unreadable):
        read_bytes(file)
    os.mkfifo(tmp_path / "pipe")
    assert file_refused(tmp_path / "pipe") == "not_a_file"
