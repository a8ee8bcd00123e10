"""Frames: what goes in comes out, and nothing but Malformed comes of bad bytes."""

from __future__ import annotations

import json
import os
import resource
import threading

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from grader.sandbox import wire
from grader.types import Array

ARRAYS = st.dictionaries(
    st.text(max_size=8),
    st.sampled_from(sorted(wire.DTYPES)).flatmap(
        lambda name: hnp.arrays(
            wire.DTYPES[name], hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4)
        )
    ),
    max_size=4,
)
NOTES = st.dictionaries(
    st.text(max_size=8),
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.lists(st.integers()),
    max_size=4,
)
SAMPLE = wire.encode(
    {"is": "value", "id": "a/b", "ratio": 0.5},
    {
        "value": np.arange(6, dtype="f4").reshape(2, 3),
        "d x": np.ones(3, bool),
        "n": np.int64(3) * np.ones((), "i8"),
    },
)[4:]


def frame(header: object, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return wire.LENGTH.pack(len(text)) + text + data


def with_array(*row: object, data: bytes = b"") -> bytes:
    return frame({"note": {}, "arrays": [list(row)]}, data)


@given(NOTES, ARRAYS)
def test_what_goes_in_comes_out(note: dict[str, object], arrays: dict[str, Array]) -> None:
    got, values = wire.decode(wire.encode(note, arrays)[4:])
    assert got == note
    assert list(values) == list(arrays)
    for name, array in arrays.items():
        assert values[name].dtype == array.dtype
        assert values[name].shape == array.shape
        assert values[name].tobytes() == array.tobytes()
        assert values[name].flags.writeable
        assert values[name].flags.aligned


def test_big_endian_arrays_arrive_with_the_same_values() -> None:
    _, values = wire.decode(wire.encode({}, {"x": np.array([1.5, -2.0], ">f8")})[4:])
    assert values["x"].tolist() == [1.5, -2.0]


@pytest.mark.parametrize("dtype", ["complex64", "object", "U3", "datetime64[s]", "uint64"])
def test_other_dtypes_cannot_be_sent(dtype: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        wire.encode({}, {"x": np.zeros(2, dtype)})


def test_a_nan_in_the_note_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        wire.encode({"x": float("nan")})


@pytest.mark.parametrize(
    "body",
    {
        "empty": b"",
        "header longer than frame": b"\xff\xff\xff\xff{}",
        "not JSON": frame(b"hello"),
        "not UTF-8": frame(b'{"note": {"a": "\xff"}, "arrays": []}'),
        "pickle": b"\x04\x00\x00\x00\x80\x04\x95.",
        "NaN": frame(b'{"note": {"a": NaN}, "arrays": []}'),
        "Infinity": frame(b'{"note": {"a": -Infinity}, "arrays": []}'),
        "1e999": frame(b'{"note": {"a": 1e999}, "arrays": []}'),
        "deep": frame(b'{"note": {"a": ' + b"[" * 100_000 + b"]" * 100_000 + b'}, "arrays": []}'),
        "deep and open": frame(b"[" * 200_000),
        "endless integer": frame(b'{"note": {"a": ' + b"9" * 100_000 + b'}, "arrays": []}'),
        "header over its limit": frame(b'{"note": {"a": "' + b"x" * wire.HEADER_LIMIT + b'"}, "arrays": []}'),
        "list": frame([]),
        "more fields": frame({"note": {}, "arrays": [], "more": 1}),
        "note is a list": frame({"note": [], "arrays": []}),
        "arrays is an object": frame({"note": {}, "arrays": {}}),
        "trailing bytes": frame({"note": {}, "arrays": []}, b"x"),
        "too many arrays": frame({"note": {}, "arrays": [[str(i), "bool", [0]] for i in range(300)]}),
        "object array": with_array("x", "object", [1], data=bytes(8)),
        "dtype expression": with_array("x", "f4,f4", [1], data=bytes(8)),
        "dtype is no text": with_array("x", ["float32"], [1], data=bytes(4)),
        "too little data": with_array("x", "float32", [2], data=bytes(4)),
        "negative": with_array("x", "float32", [-1], data=bytes(4)),
        "two negatives": with_array("x", "float32", [-1, -1], data=bytes(4)),
        "truth value as axis": with_array("x", "float32", [True], data=bytes(4)),
        "float as axis": with_array("x", "float32", [1.0], data=bytes(4)),
        "astronomic": with_array("x", "float64", [1 << 62, 1 << 62]),
        "empty and astronomic": with_array("x", "float64", [0, 1 << 39]),
        "many axes": with_array("x", "bool", [1] * 40, data=b"\x01"),
        "nameless": with_array(None, "bool", [1], data=b"\x01"),
        "short entry": with_array("x", "bool", data=b"\x01"),
        "twice": frame({"note": {}, "arrays": [["x", "bool", [1]], ["x", "bool", [1]]]}, b"\x01\x01"),
        "truth value 2": with_array("x", "bool", [1], data=b"\x02"),
    }.items(),
    ids=lambda item: item[0],
)
def test_bad_bytes_are_malformed(body: tuple[str, bytes]) -> None:
    with pytest.raises(wire.Malformed):
        wire.decode(body[1])


@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), max_size=6),
    st.integers(0, len(SAMPLE)),
    st.binary(max_size=8),
)
def test_mutated_frames_raise_nothing_but_malformed(edits: list[tuple[int, int]], cut: int, tail: bytes) -> None:
    body = bytearray(SAMPLE)
    for at, byte in edits:
        body[at] = byte
    whole = not edits and cut == 0 and not tail
    changed = bytes(body[: len(body) - cut]) + tail
    try:
        note, arrays = wire.decode(changed)
    except wire.Malformed:
        assert not whole
    else:
        assert isinstance(note, dict)
        assert sum(array.nbytes for array in arrays.values()) <= len(changed)


def test_every_single_bit_flip_is_survived_without_wild_allocation() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    survived = 0
    for at in range(8 * len(SAMPLE)):
        body = bytearray(SAMPLE)
        body[at // 8] ^= 1 << at % 8
        try:
            wire.decode(bytes(body))
            survived += 1
        except wire.Malformed:
            pass
    assert 0 < survived < 8 * len(SAMPLE)  # flipped data is data; a flipped length is not
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KiB


def test_splitter_cuts_a_stream_at_any_place() -> None:
    frames = [wire.encode({"at": i}, {"x": np.full(i, i, "f4")}) for i in range(4)]
    stream = b"".join(frames)
    for step in (1, 3, 7, len(stream)):
        splitter = wire.Splitter()
        bodies = [b for at in range(0, len(stream), step) for b in splitter.feed(stream[at : at + step])]
        assert bodies == [f[4:] for f in frames]


def test_splitter_refuses_a_huge_length_at_once() -> None:
    with pytest.raises(wire.Malformed, match="bytes"):
        list(wire.Splitter(limit=1000).feed(b"\xff\xff\xff\xff"))


def test_blocking_ends_carry_frames_through_a_pipe() -> None:
    reads, writes = os.pipe()
    value = np.arange(100_000, dtype="f8")  # more than a pipe holds
    sender = threading.Thread(target=lambda: (wire.send(writes, {"a": 1}, {"x": value}), os.close(writes)))
    sender.start()
    note, arrays = wire.receive(reads)
    with pytest.raises(EOFError):
        wire.receive(reads)
    sender.join()
    os.close(reads)
    assert note == {"a": 1}
    assert np.array_equal(arrays["x"], value)


@pytest.mark.parametrize(
    ("value", "dtype", "number"),
    [
        (2.0, "float64", True),
        (3, "int64", True),
        (np.float32(2), "float32", False),
        (np.ones(()), "float64", False),
    ],
)
def test_numbers_and_arrays_are_told_apart(value: float, dtype: str, number: bool) -> None:
    assert wire.as_array(value).dtype == dtype
    assert wire.is_number(value) is number
