"""Forged, malformed, oversized, late and endless replies on the socket to the marker."""

from tests.grading.attacks import TASKS, Book, edits

# How learners' code gets hold of the socket, and says on it whatever it likes.
SAY = """
import json, os, stat, struct, time

def line():
    for fd in range(3, 128):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                return fd
        except OSError:
            pass

def say(data):
    data = memoryview(data)
    while data:
        data = data[os.write(line(), data):]

def message(text, blob=b""):
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    data = struct.pack(">I", len(text)) + text + blob
    return struct.pack(">Q", len(data)) + data

def result(packed, blob=b""):
    return message({"dict": [["result", packed]]}, blob)
"""


def said(book: Book, body: str) -> None:
    """Softmax says something on the socket; the cells behind it stay right."""
    book.before("softmax", SAY)
    book.softmax(f"{body}\ntime.sleep(100)")


@edits(TASKS)
def forged_verdicts(book: Book) -> None:
    """Sends verdicts in place of the values that were asked for."""
    book.wrong()
    book.before("softmax", SAY)
    book.last("""
        verdict = {"dict": [["status", "correct"], ["points", 10], ["passed", {"list": []}],
                            ["kind", "correct"], ["result", True], ["error", ""]]}
        for _ in range(200):
            say(message(verdict))
    """)


@edits(TASKS)
def replies_in_advance(book: Book) -> None:
    """Sends a thousand replies before anything is asked."""
    book.wrong()
    book.before("softmax", SAY)
    book.last("""
        for _ in range(500):
            say(message({"dict": [["kind", "function"]]}))
            say(result({"array": ["<f8", [1, 2]]}, np.array([0.5, 0.5]).tobytes()))
    """)


@edits(TASKS)
def no_one_answers_but_a_thread(book: Book) -> None:
    """Answers from a thread, as fast as it can, beside the server's own replies."""
    book.wrong()
    book.before("softmax", SAY)
    book.last("""
        import threading
        def flood():
            while True:
                say(message({"dict": [["kind", "value"], ["value", {"list": []}]]}))
        threading.Thread(target=flood, daemon=True).start()
    """)


@edits("softmax")
def oversized(book: Book) -> None:
    """Announces 4 exabytes."""
    said(book, 'say(struct.pack(">Q", 2**62))')


@edits("softmax", hangs=1)
def incomplete(book: Book) -> None:
    """Announces a reply of which only a part comes."""
    said(book, 'say(struct.pack(">Q", 30_000_000) + b"x" * 1000)')


@edits("softmax", hangs=1)
def a_byte_at_a_time(book: Book) -> None:
    """Sends a byte now and then, for ever, so that the marker never waits long for the next."""
    said(book, 'say(struct.pack(">Q", 10_000))\nwhile True:\n    say(b" ")\n    time.sleep(0.01)')


@edits("softmax", hangs=1)
def late(book: Book) -> None:
    """Sends the right answer after its time is over."""
    book.softmax("import time\ntime.sleep(30)\nreturn right(z)")


@edits("softmax")
def noise(book: Book) -> None:
    """Sends random bytes of the announced length."""
    said(book, 'data = os.urandom(1000)\nsay(struct.pack(">Q", len(data)) + data)')


@edits("softmax")
def no_dict(book: Book) -> None:
    """Sends a list, a number and a text where a dict is expected."""
    said(book, 'for packed in ({"list": []}, 5, "correct"):\n    say(message(packed))')


@edits({"softmax", "cross_entropy"}, hangs=1)
def other_types_in_the_dict(book: Book) -> None:
    """Sends a reply whose parts have types that nobody expects, and no other to what comes next."""
    said(book, 'say(message({"dict": [["failure", {"list": [1]}], [7, {"dict": []}]]}))')


@edits("softmax")
def lying_array(book: Book) -> None:
    """Sends an array of 8 GB in 16 bytes."""
    said(book, 'say(result({"array": ["<f8", [1000, 1000000]]}, bytes(16)))')


@edits("softmax")
def array_of_objects(book: Book) -> None:
    """Sends an array of Python objects, which are addresses."""
    said(book, 'say(result({"array": ["|O", [2]]}, bytes(16)))')


@edits("softmax")
def array_of_nothing(book: Book) -> None:
    """Sends an array of texts that have no letters, of any number."""
    said(book, 'say(result({"array": ["<U0", [10**9]]}))')


@edits("softmax")
def array_without_end(book: Book) -> None:
    """Sends an empty array with a side that no computer can count."""
    said(book, 'say(result({"array": ["<f8", [0, 2**80]]}))')


@edits("softmax")
def impossible_text(book: Book) -> None:
    """Sends an array of letters that Unicode does not know."""
    said(book, 'say(result({"scalar": [">U1", []]}, bytes([17, 0, 0, 0])))')


@edits(TASKS)
def arrays_in_place_of_words(book: Book) -> None:
    """Answers the marker's first question, whether a cell ran, with an array that cannot be."""
    book.wrong()
    book.first(SAY)
    book.cells[0]["source"] += '\n\nsay(result({"array": ["<U0", [10**9]]}))'


@edits(TASKS)
def values_that_cannot_be(book: Book) -> None:
    """Answers what a name stands for with an array that cannot be."""
    book.wrong()
    book.before("softmax", SAY)
    book.last("""
        for _ in range(99):
            say(message({"dict": [["kind", "value"], ["value", {"array": ["<f8", [0, 2**80]]}]]}))
    """)


@edits("softmax")
def nested_without_end(book: Book) -> None:
    """Sends 100,000 brackets within brackets."""
    said(book, 'say(message(b"[" * 100_000 + b"]" * 100_000))')


@edits("softmax")
def millions_of_parts(book: Book) -> None:
    """Sends 30 MB of empty lists, which take forty times as much memory where they are read."""
    said(book, """say(message(b'{"list": [' + b'{},' * 9_900_000 + b'0]}'))""")


@edits("softmax")
def colliding_keys(book: Book) -> None:
    """Sends a dict whose keys have all the same hash, so that filling it takes minutes."""
    said(
        book,
        """
keys = ",".join(f"[{i * (2**61 - 1)},0]" for i in range(1, 100_000)).encode()
say(message(b'{"dict": [' + keys + b']}'))""",
    )


@edits("chance")
def millions_of_numbers(book: Book) -> None:
    """Hands in 30 million numbers where three are asked for."""
    book.answer("chance", "chance = {'predicted': np.zeros(30_000_000, 'i1'), 'measured': [1]}")


@edits("softmax")
def closed(book: Book) -> None:
    """Closes every file, the socket among them."""
    book.softmax("import os\nos.closerange(0, 1000)\nreturn right(z)")


@edits("softmax")
def passed_files(book: Book) -> None:
    """Sends the marker open files along with its reply, to fill its table."""
    said(
        book,
        """
import socket
with socket.socket(fileno=os.dup(line())) as to:
    for _ in range(40):
        socket.send_fds(to, [b"\\0"], [os.open("/dev/zero", 0)] * 3)""",
    )


@edits(TASKS)
def two_replies(book: Book) -> None:
    """Forks, and both return: from then on the answer to each question is one of the last."""
    book.wrong()
    book.softmax("import os\nos.fork()\nreturn z / z.sum()")


@edits()
def arrays_for_texts(book: Book) -> None:
    """Replies arrays, which are neither true nor false, where the error of a cell is a text."""
    book.before("softmax", SAY)
    for part in ("error", "late", "again", "went_on"):
        book.last(f"""
            reply = {{"dict": [[{part!r}, {{"array": ["<f8", [2]]}}]]}}
            say(message(reply, bytes(16)))
            time.sleep(0.1)
            os._exit(0)
        """)


@edits("softmax", hangs=1)
def replies_after_an_interrupt(book: Book) -> None:
    """Replies itself when its time is up, so that what is asked next has an answer already."""
    book.wrong("softmax")
    book.before("softmax", SAY)
    book.last("""
        try:
            while True:
                pass
        except KeyboardInterrupt:
            for _ in range(50):
                say(message({"dict": [["function", True], ["result", 1.0], ["late", "no"]]}))
    """)
