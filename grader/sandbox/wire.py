"""Frames between the supervisor and a worker: a JSON note and named numeric arrays, nothing that can run.

    frame  := u32 body length, body
    body   := u32 header length, header (UTF-8 JSON), raw little-endian buffers one after the other
    header := {"note": {...}, "arrays": [[name, dtype, [shape]], ...]}

`decode` trusts nothing: the buffers' sizes follow from dtype and shape and must fill the body exactly.
"""

from __future__ import annotations

import json
import math
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from grader.types import NOTHING, Array

DTYPES = {
    name: np.dtype(code)
    for name, code in {
        "float16": "<f2", "float32": "<f4", "float64": "<f8", "int8": "|i1", "int16": "<i2",
        "int32": "<i4", "int64": "<i8", "uint8": "|u1", "bool": "|b1",
    }.items()
}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}
FRAME_LIMIT = 64 << 20  # bytes of one reply
HEADER_LIMIT = 256 << 10
MAX_DIMENSIONS = 16
MAX_ARRAYS = 256
LENGTH = struct.Struct("<I")

Frame = tuple[dict[str, Any], dict[str, Array]]


class Malformed(ValueError):
    """Bytes that are no frame."""


def encode(note: Mapping[str, Any], arrays: Mapping[str, Array] = NOTHING) -> bytes:
    """The frame, length included. Raises ValueError for a dtype that is not in DTYPES or a NaN in the note."""
    table, buffers = [], []
    for name, array in arrays.items():
        little = array if array.dtype in NAMES else array.astype(array.dtype.newbyteorder("<"))
        if little.dtype not in NAMES:
            raise ValueError(f"arrays of type {array.dtype.name} cannot be sent")
        table.append([name, NAMES[little.dtype], list(array.shape)])
        buffers.append(little.tobytes())
    header = json.dumps({"note": note, "arrays": table}, allow_nan=False).encode()
    body = LENGTH.pack(len(header)) + header + b"".join(buffers)
    return LENGTH.pack(len(body)) + body


def decode(body: bytes, header_limit: int = HEADER_LIMIT) -> Frame:
    """The note and the arrays (own, writable memory). Raises Malformed, and nothing else, for bad bytes."""
    if len(body) < LENGTH.size:
        raise Malformed("shorter than its header length")
    (size,) = LENGTH.unpack_from(body)
    if size > min(header_limit, len(body) - LENGTH.size):
        raise Malformed("header length")
    header = _header(body[LENGTH.size : LENGTH.size + size])
    arrays: dict[str, Array] = {}
    at = LENGTH.size + size
    for row in header["arrays"]:
        name, dtype, shape = _row(row)
        count = math.prod(shape)
        if name in arrays or count * dtype.itemsize > len(body) - at:
            raise Malformed("an array named twice or longer than the frame")
        array = np.frombuffer(body, dtype, count, at).reshape(shape).copy()
        if dtype.kind == "b" and array.size and array.view(np.uint8).max() > 1:
            raise Malformed("a truth value that is neither 0 nor 1")
        arrays[name] = array
        at += count * dtype.itemsize
    if at != len(body):
        raise Malformed("bytes after the last array")
    return header["note"], arrays


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text.decode(), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"header is not JSON: {type(error).__name__}") from None
    if not isinstance(header, dict) or set(header) != {"note", "arrays"}:
        raise Malformed("header has other fields")
    if not isinstance(header["note"], dict) or not isinstance(header["arrays"], list):
        raise Malformed("header has other types")
    if len(header["arrays"]) > MAX_ARRAYS:
        raise Malformed("too many arrays")
    return header


def _row(row: object) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    if not isinstance(row, list) or len(row) != 3:
        raise Malformed("array entry")
    name, dtype, shape = row
    if not isinstance(name, str) or not isinstance(dtype, str) or dtype not in DTYPES:
        raise Malformed("array name or dtype")
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise Malformed("array shape")
    # `type(...) is int`: True is an int as well. Empty axes do not excuse astronomic ones.
    if any(type(axis) is not int or axis < 0 for axis in shape):
        raise Malformed("array shape")
    if math.prod(max(axis, 1) for axis in shape) > 1 << 32:
        raise Malformed("array shape")
    return name, DTYPES[dtype], tuple(shape)


def _refuse(token: str) -> None:
    raise Malformed(f"{token} in a header")


def _finite(token: str) -> float:
    value = float(token)
    if not math.isfinite(value):
        raise Malformed("an infinite number in a header")
    return value


def as_array(value: Array | float) -> Array:
    """A call's input as it is sent: arrays as they are, numbers as one float64 or int64."""
    if is_number(value):
        return np.asarray(value, np.float64 if isinstance(value, float) else np.int64)
    return np.asarray(value)


def is_number(value: Array | float) -> bool:
    """Is this a Python number? It arrives as one, while an array without axes arrives as a tensor."""
    return isinstance(value, float | int)  # float64 scalars of NumPy are Python floats too


class Splitter:
    """Cuts a stream of bytes, as it arrives, into the bodies of frames."""

    def __init__(self, limit: int = FRAME_LIMIT + HEADER_LIMIT) -> None:
        self._limit = limit
        self._bytes = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every body that `data` completes. Raises Malformed as soon as a length is over the limit."""
        self._bytes += data
        while len(self._bytes) >= LENGTH.size:
            (size,) = LENGTH.unpack_from(self._bytes)
            if size > self._limit:
                raise Malformed(f"a frame of {size} bytes")
            end = LENGTH.size + size
            if len(self._bytes) < end:
                return
            body = bytes(self._bytes[LENGTH.size : end])
            del self._bytes[:end]
            yield body


# ---------------------------------------------------------------- blocking ends, for the worker


def send(fd: int, note: Mapping[str, Any], arrays: Mapping[str, Array] = NOTHING) -> None:
    """Write one frame. Raises OSError when the other side is gone."""
    view = memoryview(encode(note, arrays))
    while view:
        view = view[os.write(fd, view) :]


def receive(fd: int) -> Frame:
    """Read one frame of the supervisor (trusted, so of any size). Raises EOFError at the end."""
    (size,) = LENGTH.unpack(_exactly(fd, LENGTH.size))
    return decode(_exactly(fd, size), header_limit=size)


def _exactly(fd: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(fd, min(size, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
