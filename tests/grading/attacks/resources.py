"""Code that takes all memory, processes, disk or output there is."""

from tests.grading.attacks import Book, edits


@edits("softmax")
def forty_gigabytes(book: Book) -> None:
    """Asks for 40 GB at once."""
    book.softmax("return np.ones((40, 2**27))")


@edits("softmax")
def memory_bit_by_bit(book: Book) -> None:
    """Takes memory in small pieces until there is none."""
    book.softmax("kept = []\nwhile True:\n    kept.append(np.ones(2**20))")


@edits("softmax")
def memory_in_many_processes(book: Book) -> None:
    """Takes memory in ten processes, in each less than a process may."""
    book.softmax("""
        import os, time
        for _ in range(9):
            if os.fork() == 0:
                break
        kept = [np.ones(2**20) for _ in range(60)]
        time.sleep(100)
    """)


@edits("softmax")
def shared_memory(book: Book) -> None:
    """Takes 3 GB of shared memory, which belongs to no process alone."""
    book.softmax("""
        import mmap, time
        shared = mmap.mmap(-1, 3 * 2**30)
        for start in range(0, len(shared), 4096):
            shared[start] = 1
        time.sleep(100)
    """)


@edits("softmax")
def memory_files(book: Book) -> None:
    """Takes 3 GB in files that have no name and belong to no folder."""
    book.softmax("""
        import os, time
        kept, block = [], bytes(2**20)
        for i in range(100):
            kept.append(os.memfd_create(str(i)))
            for _ in range(31):
                os.write(kept[-1], block)
        time.sleep(100)
    """)


@edits("softmax", hangs=1)
def fork_bomb(book: Book) -> None:
    """Forks as fast as it can, in every process."""
    book.softmax("""
        import os
        while True:
            try:
                os.fork()
            except OSError:
                pass
    """)


@edits("softmax")
def ten_thousand_threads(book: Book) -> None:
    """Starts threads until none more can be."""
    book.softmax("""
        import threading, time
        for _ in range(10_000):
            threading.Thread(target=time.sleep, args=(1e6,), daemon=True).start()
        return z
    """)


@edits("softmax")
def full_disk(book: Book) -> None:
    """Fills every folder that can be written, and the shared memory."""
    book.softmax("""
        import os
        block = bytes(2**20)
        for folder in ("/tmp", "/dev/shm", "."):
            try:
                for i in range(10**6):
                    with open(f"{folder}/{i}", "wb") as file:
                        for _ in range(30):
                            file.write(block)
            except OSError:
                pass
        return z
    """)


@edits("softmax", hangs=1)
def empty_files_without_end(book: Book) -> None:
    """Makes empty files, which fill no disk, as many as it can."""
    book.softmax("""
        import os
        i = 0
        while True:
            i += 1
            os.close(os.open(f"/tmp/{i}", os.O_CREAT | os.O_WRONLY))
    """)


@edits("softmax")
def folders_that_resist(book: Book) -> None:
    """Leaves folders too deep to walk through, and one that nobody may enter."""
    book.softmax("""
        import os
        os.makedirs("/tmp/closed/inside")
        os.chmod("/tmp/closed", 0)
        for _ in range(5_000):
            os.mkdir("deep")
            os.chdir("deep")
        return z
    """)


@edits()
def much_output(book: Book) -> None:
    """Prints 200 MB, and is right all the same."""
    book.before(
        "train",
        """
        import os, sys
        for _ in range(200):
            print("x" * 2**20)
            os.write(2, bytes(2**20))
        """,
    )


@edits("softmax")
def giant_text(book: Book) -> None:
    """Returns a text of 300 MB."""
    book.softmax("return 'x' * 300_000_000")


@edits("softmax")
def giant_array(book: Book) -> None:
    """Returns an array of 200 MB."""
    book.softmax("return np.zeros(25_000_000)")


@edits("softmax")
def giant_list(book: Book) -> None:
    """Returns a list of two million numbers, just small enough for the socket."""
    book.softmax("return [1] * 2_000_000")


@edits("chance")
def giant_dict(book: Book) -> None:
    """Hands in a dict of a million names where a list is asked for."""
    book.answer(
        "chance", "chance = {'predicted': dict.fromkeys(range(1_000_000)), 'measured': [1]}"
    )


@edits("order")
def giant_label(book: Book) -> None:
    """Hands in a label of 20 MB, which the message would name."""
    book.answer("order", "order = ['x' * 20_000_000, 'A']")


@edits("softmax")
def nested_lists(book: Book) -> None:
    """Returns 100,000 lists within lists."""
    book.softmax("""
        nested = []
        for _ in range(100_000):
            nested = [nested]
        return nested
    """)


@edits("softmax")
def a_list_that_holds_itself(book: Book) -> None:
    """Returns a list that holds itself."""
    book.softmax("loop = []\nloop.append(loop)\nreturn loop")


@edits("softmax")
def nested_source(book: Book) -> None:
    """Has 100,000 brackets in its source, on which a parser may fall over."""
    book.answer("softmax", "def softmax(z):\n    return " + "(" * 100_000 + "z" + ")" * 100_000)


@edits()
def long_source(book: Book) -> None:
    """Has 300 kB of source in a cell, and is right all the same."""
    book.before("train", "a_long_list = [" + "1, " * 100_000 + "]")


@edits("softmax")
def long_error(book: Book) -> None:
    """Raises an error with a message of 100 MB, full of control characters."""
    book.softmax("raise ValueError('\\x1b[31m\\x00\\ud800<script>alert(1)</script>' * 3_000_000)")


@edits("softmax")
def open_files(book: Book) -> None:
    """Opens files and terminals until none more can be."""
    book.softmax("""
        import os
        while True:
            os.open("/dev/zero", os.O_RDONLY)
    """)


@edits("softmax", hangs=1)
def all_processors(book: Book) -> None:
    """Keeps all processors busy from forty sessions."""
    book.softmax("""
        import ctypes, os
        for _ in range(40):
            if os.fork() == 0:
                ctypes.CDLL(None).setsid()
                break
        while True:
            pass
    """)
