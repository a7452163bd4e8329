"""Plain data over a socket, between the marker and the sandbox in which learners' code runs.

The other side is hostile: no pickle, a bound on size, and every type, shape and length is checked
before memory is used for it. A message is its length (8 bytes), the length of a JSON text
(4 bytes), that text, and the bytes of the arrays in it.
"""

import json
import re
import socket
import struct
import time
from collections.abc import Callable
from itertools import takewhile
from math import prod

import numpy as np

LIMIT = 32 * 2**20  # bytes of one message
TEXT = 2 * 2**20  # bytes of its JSON, which takes many times as much memory where it is read
_DEPTH = 20
_KEY = 2**31  # integers beyond may all have the same hash
_EMPTY_ROWS = 1_000_000  # rows of nothing cost no bytes to send, but memory to list
_DTYPE = re.compile(r"[<>|=]?(b1|[iu][1248]|f[248]|c(8|16)|[SU][1-9]\d{0,3})")


class Malformed(Exception):
    """What came is not a message; the text says why."""


def encode(value) -> bytes:
    """Plain data as bytes: None, ..., numbers, texts, arrays, and lists, tuples and dicts of these.

    Raises
    ------
    TypeError
        If there is anything else in it.
    """
    blobs: list[bytes] = []
    text = json.dumps(_pack(value, blobs)).encode()
    return struct.pack(">I", len(text)) + text + b"".join(blobs)


def _pack(value, blobs: list[bytes]):
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if value is Ellipsis:
        return {"...": 0}
    if kind is complex:
        return {"complex": [value.real, value.imag]}
    if kind in (list, tuple):
        return {kind.__name__: [_pack(v, blobs) for v in value]}
    if kind is dict and all(type(k) in (str, int) for k in value):
        return {"dict": [[k, _pack(v, blobs)] for k, v in value.items()]}
    if (kind is np.ndarray or isinstance(value, np.generic)) and _DTYPE.fullmatch(value.dtype.str):
        blobs.append(np.ascontiguousarray(value).tobytes())
        which = "array" if kind is np.ndarray else "scalar"
        return {which: [value.dtype.str, list(value.shape)]}
    raise TypeError(f"an object of type {kind.__name__} is not plain data")


def decode(data: bytes):
    """What `encode` was given.

    Raises
    ------
    Malformed
        Whatever else the bytes may be.
    """
    try:
        (size,) = struct.unpack_from(">I", data)
        if size > TEXT:
            raise Malformed(f"more than {TEXT // 2**20} MB that are no arrays")
        packed = json.loads(data[4 : 4 + size])
        value, end = _unpack(packed, memoryview(data), 4 + size, 0)
    except (struct.error, ValueError, OverflowError, RecursionError) as error:
        raise Malformed(f"not a message ({type(error).__name__})") from None
    if end != len(data):
        raise Malformed("bytes that belong to nothing")
    return value


def _unpack(packed, data: memoryview, at: int, depth: int) -> tuple[object, int]:
    """A value, and where the bytes of the next array begin."""
    if depth > _DEPTH:
        raise Malformed("lists within lists without end")
    if packed is None or type(packed) in (bool, int, float, str):
        return packed, at
    if type(packed) is not dict or len(packed) != 1:
        raise Malformed("an unknown kind of value")
    ((kind, body),) = packed.items()
    if kind == "...":
        return Ellipsis, at
    if kind == "complex" and _are(body, float, 2):
        return complex(*body), at
    if kind in ("list", "tuple") and type(body) is list:
        values = []
        for part in body:
            value, at = _unpack(part, data, at, depth + 1)
            values.append(value)
        return (values if kind == "list" else tuple(values)), at
    if kind == "dict" and type(body) is list:
        made = {}
        for pair in body:
            if type(pair) is not list or len(pair) != 2 or type(pair[0]) not in (str, int):
                raise Malformed("an unknown kind of key")
            if type(pair[0]) is int and abs(pair[0]) >= _KEY:
                raise Malformed("a key that is too large")
            made[pair[0]], at = _unpack(pair[1], data, at, depth + 1)
        return made, at
    if kind in ("array", "scalar") and type(body) is list and len(body) == 2:
        return _array(*body, data, at, scalar=kind == "scalar")
    raise Malformed("an unknown kind of value")


def _are(values, kind: type, count: int) -> bool:
    return type(values) is list and len(values) == count and all(type(v) is kind for v in values)


def _array(dtype, shape, data: memoryview, at: int, *, scalar: bool) -> tuple[object, int]:
    sound = type(dtype) is str and _DTYPE.fullmatch(dtype) and type(shape) is list
    if not sound or len(shape) > 32 or not _are(shape, int, len(shape)):
        raise Malformed("an unknown kind of array")
    kind = np.dtype(dtype)
    if min(shape, default=0) < 0 or (size := prod(shape) * kind.itemsize) > len(data) - at:
        raise Malformed("an array of another size than it says")
    if not size and prod(takewhile(bool, shape)) > _EMPTY_ROWS:
        raise Malformed("an empty array of more rows than anybody could list")
    flat = np.frombuffer(bytes(data[at : at + size]), kind, count=prod(shape))
    letters = flat.view(f"{kind.byteorder}u4") if kind.kind == "U" else flat[:0]
    if letters.size and letters.max() > 0x10FFFF:
        raise Malformed("a text that is none")
    array = flat.reshape(shape).copy()
    return (array[()] if scalar else array), at + size


# --- the socket ------------------------------------------------------------------------------


def send(sock: socket.socket, value, seconds: float | None = None) -> None:
    """Send a value; raises OSError if the other side is gone or does not take it in time."""
    data = encode(value)
    sock.settimeout(seconds)
    sock.sendall(struct.pack(">Q", len(data)) + data)


def receive(sock: socket.socket, left: float | Callable[[], float] | None = None):
    """The next value.

    Parameters
    ----------
    sock : socket
    left : float or function, optional
        Seconds that it may take, or a function that gives the seconds that are left, and is asked
        again when they are over.

    Raises
    ------
    Malformed
        If it is none, or larger than `LIMIT`.
    TimeoutError
        If it is not complete in time.
    EOFError
        If the other side is gone.
    """
    if isinstance(left, int | float):
        left = countdown(left)
    (size,) = struct.unpack(">Q", read_exactly(sock, 8, left))
    if size > LIMIT:
        raise Malformed(f"more than {LIMIT // 2**20} MB")
    return decode(read_exactly(sock, size, left))


def countdown(seconds: float) -> Callable[[], float]:
    """A function that gives what is left of so many seconds, from now on."""
    end = time.monotonic() + seconds
    return lambda: end - time.monotonic()


def read_exactly(sock: socket.socket, size: int, left: Callable[[], float] | None) -> bytes:
    """So many bytes; raises as `receive` does."""
    got = bytearray()
    while len(got) < size:
        seconds = None if left is None else left()
        if seconds is not None and seconds <= 0:
            raise TimeoutError
        sock.settimeout(seconds)
        try:
            part = sock.recv(min(size - len(got), 2**20))
        except TimeoutError:
            continue
        except ConnectionError:
            part = b""
        if not part:
            raise EOFError
        got += part
    return bytes(got)
