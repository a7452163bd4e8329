"""What passes between the marker and the sandbox: plain data, and from the other side anything."""

import json
import re
import socket
import struct
import threading
import time
import tracemalloc

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tlcourse.grading import protocol
from tlcourse.grading.protocol import LIMIT, Malformed, decode, encode, receive, send


def named(value) -> str:
    """A name for a test that is the same in every process."""
    return re.sub(r" at 0x\w+", "", repr(value))


DTYPES = ["?", "i1", "<u2", ">i4", "<i8", "<f2", "<f4", ">f8", "<c8", "<c16", "S3", "<U2"]
ARRAYS = st.sampled_from(DTYPES).flatmap(
    lambda kind: hnp.arrays(kind, hnp.array_shapes(min_dims=0, min_side=0, max_side=3))
)
INTEGERS = st.integers(-(2**63), 2**64 - 1)
LEAVES = st.one_of(
    st.none(),
    st.just(...),
    st.booleans(),
    INTEGERS,
    st.floats(),
    st.complex_numbers(),
    st.text(),
    ARRAYS,
    ARRAYS.filter(lambda a: a.size).map(lambda a: a.ravel()[0]).filter(lambda x: x.itemsize),
)
VALUES = st.recursive(
    LEAVES,
    lambda part: st.one_of(
        st.lists(part, max_size=4),
        st.lists(part, max_size=4).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.integers(-100, 100)), part, max_size=4),
    ),
    max_leaves=12,
)


def same(a, b) -> bool:
    """Equal in type and in every bit."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray | np.generic):
        return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return list(a) == list(b) and all(map(same, a.values(), b.values()))
    return repr(a) == repr(b)


@given(VALUES)
def test_what_is_encoded_comes_back(value):
    assert same(decode(encode(value)), value)


@pytest.mark.parametrize(
    "value",
    [
        np.zeros((0, 3)),
        np.arange(12.0).reshape(3, 4).T,
        np.arange(12)[::-3],
        np.broadcast_to(1.0, (2, 5)),
        np.array("text"),
        np.array(["", "ä", "\U0001f600"]),
        np.array([b"\0", b"a\0b"]),
        np.float32("nan"),
        "\ud800 is half a character",
        {"nested": [{"deep": ({},)}]},
    ],
    ids=named,
)
def test_odd_but_plain_values_come_back(value):
    assert same(decode(encode(value)), value)


class Float(float):
    pass


@pytest.mark.parametrize(
    "value",
    [
        object(),
        Float(1),
        len,
        {1.5: 0},
        {True: 0},
        {1, 2},
        b"bytes",
        np.array([None]),
        np.zeros(2, "M8[s]"),
        np.zeros(2, [("a", "f8")]),
        np.zeros(2, np.longdouble),
        np.zeros(2).view(type("Array", (np.ndarray,), {})),
        [[object()]],
    ],
    ids=named,
)
def test_what_is_not_plain_is_refused(value):
    with pytest.raises(TypeError, match="is not plain data"):
        encode(value)


# --- hostile bytes -----------------------------------------------------------------------------


def message(packed, blob: bytes = b"") -> bytes:
    text = packed if isinstance(packed, bytes) else json.dumps(packed).encode()
    return struct.pack(">I", len(text)) + text + blob


def read(data: bytes):
    """The value, or Malformed; any other exception fails the test."""
    try:
        return decode(data)
    except Malformed:
        return Malformed


@given(st.binary(max_size=300))
def test_random_bytes_are_malformed_or_plain(data):
    read(data)


@given(VALUES, st.data())
def test_changed_bytes_are_malformed_or_plain(value, data):
    sent = bytearray(encode(value))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(sent) - 1))
        sent[place] = data.draw(st.integers(0, 255))
    read(bytes(sent))


@given(VALUES, st.data())
def test_a_part_is_malformed(value, data):
    sent = encode(value)
    cut = data.draw(st.integers(0, len(sent) - 1))
    with pytest.raises(Malformed):
        decode(sent[:cut])


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda part: st.one_of(
        st.lists(part, max_size=4),
        st.builds(
            lambda kind, body: {kind: body},
            st.sampled_from(["array", "scalar", "list", "tuple", "dict", "complex", "...", "x"]),
            part,
        ),
    ),
    max_leaves=15,
)


@given(JUNK, st.binary(max_size=64))
def test_json_of_any_form_is_malformed_or_plain(packed, blob):
    read(message(packed, blob))


SIDES = st.one_of(st.integers(0, 4), st.integers(), st.sampled_from([2**31, 2**63, 2**64, 10**30]))
TYPES = st.one_of(
    st.sampled_from([*DTYPES, "O", "|O", "V8", "<U0", "S0", "<U9999", ">U1", "=U1", "|f8", "=i8"]),
    st.sampled_from(
        ["<M8[s]", "<m8", "f8,f8", "(2,)f8", "<f16", "<f3", "<i0", "{}", "", "a3", "p"]
    ),
    st.text(max_size=4),
)


@given(
    st.sampled_from(["array", "scalar"]),
    TYPES,
    st.lists(SIDES, max_size=35),
    st.binary(max_size=64),
)
@example("array", "<U0", [10**9], b"")
@example("array", "S0", [3], b"")
@example("array", "<f8", [0, 2**63], b"")
@example("array", "<f8", [0, 2**64], b"")
@example("array", "<f8", [2**31, 0], b"")
@example("array", "<f8", [4, 2**31, 0], b"")
@example("array", "<f8", [2**32, 2**32, 0], b"")
@example("scalar", ">U1", [], bytes([17, 0, 0, 0]))
@example("array", ">U1", [1], bytes([17, 0, 0, 0]))
@example("scalar", "<U1", [], b"\xff\xff\xff\xff")
def test_arrays_that_lie_are_malformed_or_plain(kind, dtype, shape, blob):
    found = read(message({kind: [dtype, shape]}, blob))
    if found is not Malformed:
        assert found.dtype.kind in "biufcSU"
        found.tolist()  # can be read
        assert found.nbytes <= len(blob)


@pytest.mark.parametrize("shape", [[2**31, 0], [2**20, 4, 0, 2], [4, 2**31, 0]])
def test_rows_of_nothing_cannot_fill_the_memory(shape):
    assert read(message({"array": ["<f8", shape]})) is Malformed
    assert read(message({"array": ["<f8", [0, *shape]]})).shape == (0, *shape)


@pytest.mark.parametrize("dtype", ["|O", "O", "V8", "<M8[s]", "f8,f8", "<f16", "p", "float", "d"])
def test_no_array_of_another_type_is_made(dtype):
    assert read(message({"array": [dtype, [1]]}, bytes(16))) is Malformed


@pytest.mark.parametrize(
    "data",
    [
        message(b"[" * 100_000),
        message(b'{"list": [' * 5_000 + b"]}" * 5_000),
        message(b'{"a": ' * 50_000),
        message(b"9" * 5_000_000),
        message(b'"' + b"\\u0000" * 10 + b"\xff" + b'"'),
        struct.pack(">I", 2**32 - 1) + b"{}",
        message({"array": ["<f8", [10**6, 10**6]]}, bytes(8)),
        message({"array": ["<U9999", [10**6]]}, bytes(8)),
        message(5, b"too much"),
        b"",
    ],
    ids=[
        "brackets",
        "lists",
        "dicts",
        "digits",
        "text",
        "length",
        "array",
        "letters",
        "rest",
        "nothing",
    ],
)
def test_hostile_messages_are_malformed_without_much_memory(data):
    tracemalloc.start()
    try:
        assert read(data) is Malformed
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data) + 5e6
    finally:
        tracemalloc.stop()


BOMBS = {
    "empty dicts": lambda: b'{"list": [' + b"{}," * 10_000_000 + b"0]}",
    "empty lists": lambda: b'{"list": [' + b"[]," * 10_000_000 + b"0]}",
    "small numbers": lambda: b'{"list": [' + b"7," * 15_000_000 + b"0]}",
    "colliding keys": lambda: (
        b'{"dict": [%s]}' % b",".join(b"[%d,0]" % (i * (2**61 - 1)) for i in range(1, 60_000))
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_message_takes_neither_long_nor_many_times_its_size(name):
    """What is in the limit of size is still read in the marker, which has no limit of time."""
    data = message(BOMBS[name]())
    assert len(data) < LIMIT
    begin = time.process_time()
    tracemalloc.start()
    try:
        read(data)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(data) + 50e6
    finally:
        tracemalloc.stop()
    assert time.process_time() - begin < 2


# --- the socket --------------------------------------------------------------------------------


@pytest.fixture
def pair():
    a, b = socket.socketpair()
    with a, b:
        yield a, b


@given(VALUES)
def test_a_value_passes_the_socket(value):
    a, b = socket.socketpair()
    with a, b:
        sender = threading.Thread(target=send, args=(a, value))
        sender.start()
        assert same(receive(b, 10), value)
        sender.join()


def test_megabytes_pass_the_socket(pair):
    value = {"result": np.arange(3_000_000.0)}
    sender = threading.Thread(target=send, args=(pair[0], value))
    sender.start()
    assert same(receive(pair[1], 30), value)
    sender.join()


@pytest.mark.parametrize("size", [LIMIT + 1, 2**40, 2**63, 2**64 - 1])
def test_a_giant_is_refused_before_it_comes(pair, size):
    pair[0].sendall(struct.pack(">Q", size))
    with pytest.raises(Malformed, match="more than 32 MB"):
        receive(pair[1], 10)


def test_a_message_that_is_never_whole_ends_in_time(pair):
    pair[0].sendall(struct.pack(">Q", 1000) + b"x" * 10)
    with pytest.raises(TimeoutError):
        receive(pair[1], 0.2)


def test_bytes_that_come_one_by_one_do_not_stretch_the_time(pair):
    stop = threading.Event()

    def drip():
        pair[0].sendall(struct.pack(">Q", 10**6))  # at this pace whole after hours
        while not stop.wait(0.01):
            pair[0].sendall(b"x")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(TimeoutError):
            receive(pair[1], 0.3)
    finally:
        stop.set()
        thread.join()


def test_one_who_does_not_read_is_given_up(pair):
    with pytest.raises(OSError):  # noqa: PT011  (a time-out)
        send(pair[0], np.zeros(10**6), 0.2)


@pytest.mark.parametrize("said", [b"", b"\0\0\0", struct.pack(">Q", 100) + b"half"])
def test_a_side_that_is_gone_is_an_end(pair, said):
    pair[0].sendall(said)
    pair[0].close()
    with pytest.raises(EOFError):
        receive(pair[1], 10)


def test_open_files_that_come_along_are_not_kept(pair):
    import os

    before = len(os.listdir("/proc/self/fd"))
    data = encode("value")
    head = struct.pack(">Q", len(data))
    with open(os.devnull) as file:
        socket.send_fds(pair[0], [head], [file.fileno()] * 20)
    pair[0].sendall(data)
    assert receive(pair[1], 10) == "value"
    assert len(os.listdir("/proc/self/fd")) == before


def test_the_bounds_are_those_that_the_issue_needs():
    assert LIMIT <= 64 * 2**20
    assert protocol._DEPTH <= 50
