"""Code that ends, blocks or outlives its process. What is right elsewhere keeps its points."""

from tests.grading.attacks import Book, edits

ENDLESS = "while True:\n    pass"


@edits("softmax")
def sys_exit_in_a_call(book: Book) -> None:
    """Leaves by sys.exit."""
    book.softmax("import sys\nsys.exit(0)")


@edits("softmax")
def os_exit_in_a_call(book: Book) -> None:
    """Ends the process at once, as if all were well."""
    book.softmax("import os\nos._exit(0)")


@edits("softmax")
def segmentation_fault(book: Book) -> None:
    """Reads at address 0."""
    book.softmax("import ctypes\nreturn ctypes.string_at(0)")


@edits("softmax")
def stack_overflow(book: Book) -> None:
    """Recurs in compiled code until the stack is used up."""
    book.softmax("""
        import sys
        sys.setrecursionlimit(10**9)
        nested = []
        for _ in range(300_000):
            nested = [nested]
        return repr(nested)
    """)


@edits("softmax")
def endless_recursion(book: Book) -> None:
    """Calls itself without end."""
    book.softmax("return softmax(z)")


@edits("softmax")
def abort(book: Book) -> None:
    """Aborts, and leaves no core behind."""
    book.softmax("import os\nos.abort()")


@edits("softmax")
def kill_all(book: Book) -> None:
    """Kills whatever it can see."""
    book.softmax("import os, signal\nos.kill(-1, signal.SIGKILL)\nos.kill(os.getpid(), 9)")


@edits("softmax")
def kill_the_server(book: Book) -> None:
    """Sends every signal to the process that serves the next submission, then ends."""
    book.softmax("""
        import os
        for number in range(1, 65):
            try:
                os.kill(1, number)
            except OSError:
                pass
        os._exit(1)
    """)


@edits("softmax", hangs=1)
def stop_the_server(book: Book) -> None:
    """Stops the server, its parent and itself."""
    book.softmax("""
        import os, signal
        for pid in (1, os.getppid(), 0):
            os.kill(pid, signal.SIGSTOP)
        os._exit(1)
    """)


@edits("softmax")
def cripple_the_server(book: Book) -> None:
    """Takes memory, files and time from the server, so that the next submission has none."""
    book.softmax("""
        import os, resource
        for what in range(16):
            try:
                resource.prlimit(1, what, (1, 1))
            except (OSError, ValueError):
                pass
        for lower in (
            lambda: os.setpriority(os.PRIO_PROCESS, 1, 19),
            lambda: os.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0)),
            lambda: os.sched_setaffinity(1, {max(os.sched_getaffinity(1))}),
        ):
            try:
                lower()
            except OSError:
                pass
        raise ValueError("done")
    """)


@edits("softmax")
def shrink_the_server(book: Book) -> None:
    """Leaves the server just enough to fork once more, and its next fork too little to work."""
    book.softmax("""
        import resource
        resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))
        resource.prlimit(1, resource.RLIMIT_DATA, (2**28, 2**28))
        raise ValueError("done")
    """)


@edits("softmax")
def exit_in_its_cell(book: Book) -> None:
    """Ends the process where its answer is defined."""
    book.answer("softmax", "import os\ndef softmax(z):\n    return z\nos._exit(0)")


@edits()
def exit_in_a_cell_of_its_own(book: Book) -> None:
    """Ends the process in a cell that is no answer: nothing is lost."""
    book.before("train", "import os\nos._exit(3)")


@edits()
def four_cells_that_end_it(book: Book) -> None:
    """Ends the process in four cells, in four ways."""
    book.before("train", "import os\nos._exit(3)")
    book.before("softmax", "import ctypes\nctypes.string_at(0)")
    book.last("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)")
    book.last("quit()\nexit()")
    book.last("import os\nos.kill(0, 9)")


@edits(hangs=1)
def endless_cell(book: Book) -> None:
    """Never ends a cell that is no answer: nothing is lost."""
    book.before("train", ENDLESS)


@edits("softmax", hangs=1)
def endless_call(book: Book) -> None:
    """Never returns."""
    book.softmax(ENDLESS)


@edits("softmax", hangs=1)
def endless_with_signals_ignored(book: Book) -> None:
    """Never returns, and ignores every signal and every exception."""
    book.softmax("""
        import signal
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        while True:
            try:
                while True:
                    pass
            except BaseException:
                pass
    """)


@edits("softmax", hangs=1)
def endless_in_compiled_code(book: Book) -> None:
    """Computes a power that takes years, without ever coming back to Python."""
    book.softmax("return 7 ** (10**10)")


@edits("softmax", hangs=1)
def endless_while_it_is_read(book: Book) -> None:
    """Returns a value that never ends when it is looked at."""
    book.before(
        "softmax",
        """
        class Endless(float):
            @property
            def __class__(self):
                while True:
                    pass
        """,
    )
    book.softmax("return [Endless(1)] if isinstance(Endless(1), int) else 0")


@edits("softmax")
def daemon_grandchildren(book: Book) -> None:
    """Leaves daemons behind that write files and start again when they are ended."""
    book.softmax("""
        import ctypes, os, signal, time
        for _ in range(3):
            if os.fork() == 0:
                ctypes.CDLL(None).setsid()
                while True:
                    if os.fork() == 0:
                        signal.signal(signal.SIGTERM, signal.SIG_IGN)
                        ctypes.CDLL(None).setsid()
                        while True:
                            with open(f"/tmp/{os.getpid()}-{time.monotonic()}", "w") as file:
                                file.write("still here")
                            time.sleep(0.01)
                    time.sleep(0.2)
        return z
    """)


@edits()
def threads_that_never_end(book: Book) -> None:
    """Leaves threads behind, and is right all the same."""
    book.before(
        "softmax",
        """
        import threading, time
        def idle():
            while True:
                time.sleep(0.01)
        for _ in range(10):
            threading.Thread(target=idle).start()
        """,
    )


@edits("softmax")
def an_error_that_cannot_be_told(book: Book) -> None:
    """Raises an exception that ends the process when it is printed."""
    book.softmax("""
        import os
        class Silent(Exception):
            def __str__(self):
                os._exit(0)
        raise Silent
    """)


@edits()
def handlers_that_never_end(book: Book) -> None:
    """Registers what should run at the end and never ends."""
    book.last("""
        import atexit, gc, signal, sys, time
        def forever(*_):
            time.sleep(1e9)
        atexit.register(forever)
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, forever)
    """)


@edits("softmax", hangs=1)
def traced(book: Book) -> None:
    """Traces each step, never lets another thread run, then blocks."""
    book.softmax("""
        import sys
        def trace(*_):
            return trace
        sys.settrace(trace)
        sys.setswitchinterval(1000)
        while True:
            pass
    """)


@edits(hangs=1)
def ignore_the_interrupt(book: Book) -> None:
    """Never ends, and ignores the signal that interrupts a cell."""
    book.last("import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: 1")


@edits()
def interrupt_everyone(book: Book) -> None:
    """Sends the signal that interrupts a cell to the server and to whatever else there is."""
    book.last("""
        import os, signal
        for number in range(1, 300):
            try:
                os.kill(number, signal.SIGINT)
            except (OSError, KeyboardInterrupt):
                pass
    """)


@edits(hangs=1)
def stop_itself(book: Book) -> None:
    """Stops itself by a signal, so that it neither works nor ends."""
    book.last("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)")


@edits()
def leave_a_timer(book: Book) -> None:
    """Leaves a timer that interrupts whatever is done next, a thousand times a second."""
    book.last("""
        import signal
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
    """)
