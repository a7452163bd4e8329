"""Code that looks for what would give it the marks: its answer is right only if it was found."""

from tests.grading.attacks import Book, edits

CANARY = "TLCOURSE_CANARY"  # in the environment of the marker, with a value of 32 letters


@edits("softmax")
def solutions(book: Book) -> None:
    """Looks through all files for the solutions."""
    book.softmax_if("""
        import os
        def look():
            for folder, _, names in os.walk("/"):
                if folder.startswith(("/proc", "/usr")):
                    continue
                for name in names:
                    if name.startswith("ex0") or "solution" in name and name.endswith(".ipynb"):
                        return os.path.join(folder, name)
    """)


@edits("softmax")
def checks(book: Book) -> None:
    """Looks for the checks: imports them, and seeks their words in the files of the package."""
    book.softmax_if("""
        import glob, importlib
        def look():
            import tlcourse, tlcourse.checks
            sets = ("tlcourse.checks.sets.ex02", "tests.checks.ex02")
            for name in (*sets, "tlcourse.checks.learner"):
                try:
                    return importlib.import_module(name).softmax
                except (ImportError, AttributeError):
                    pass
            for path in glob.glob(tlcourse.__path__[0] + "/**/*", recursive=True):
                try:
                    if "gives rows far" + " apart" in open(path).read():
                        return path
                except (OSError, UnicodeDecodeError):
                    pass
            return [name for name in ("judge", "tasks", "agrees") if callable(
                vars(tlcourse.checks).get(name))]
    """)


@edits("softmax")
def marker_of_this_machine(book: Book) -> None:
    """Looks for the checkout, the marks and the submissions where they really lie."""
    paths = [str(p) for p in (book.world.marks, book.world.submissions, __file__)]
    book.softmax_if(f"""
        import os
        def look():
            for path in {paths}:
                for root in ("", "/proc/1/root", "/proc/self/root", "/proc/1/cwd", "/mnt/0"):
                    if os.path.exists(root + path):
                        return path
            for path in ("/root", "/home", "/etc/passwd", "/etc/hostname", "/var", "/run", "/sys"):
                if os.path.exists(path) and (not os.path.isdir(path) or any(
                    os.path.isfile(os.path.join(f, n)) and "site-packages" not in f
                    and "/lib/" not in f and "/.venv" not in f and "/versions/" not in f
                    for f, _, names in os.walk(path) for n in names)):
                    return path
    """)


@edits("softmax")
def gradebook(book: Book) -> None:
    """Looks for a gradebook, records, the secret of the marker, and other students' notebooks."""
    book.softmax_if("""
        import os
        def look():
            for folder, _, names in os.walk("/"):
                if folder.startswith(("/proc", "/usr")) or "site-packages" in folder:
                    continue
                for name in names:
                    if name in (".secret", "gradebook.db", "timestamp.txt", "records"):
                        return name
                    if name.endswith(".ipynb"):
                        return name
    """)


@edits("softmax")
def environment(book: Book) -> None:
    """Looks for what the marker has in its environment, in every process."""
    book.softmax_if(f"""
        import glob, os
        def look():
            if {CANARY!r} in os.environ or any("PYTEST" in name for name in os.environ):
                return True
            for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    said = open(path, "rb").read()
                except OSError:
                    continue
                if b"CANARY" in said or b"pytest" in said or b"secret" in said:
                    return path
    """)


@edits("softmax")
def memory_of_other_processes(book: Book) -> None:
    """Reads the memory of process 1 and its parent by /proc, ptrace and process_vm_readv."""
    book.softmax_if("""
        import ctypes, glob, os
        def look():
            libc = ctypes.CDLL(None, use_errno=True)
            for pid in {1, os.getppid()}:
                for name in ("mem", "maps", "environ", "auxv", "stack", "syscall"):
                    try:
                        if open(f"/proc/{pid}/{name}", "rb").read(1):
                            return name
                    except OSError:
                        pass
                for name in ("root", "cwd", "exe", "fd"):
                    try:
                        if os.listdir(f"/proc/{pid}/{name}"):
                            return name
                    except OSError:
                        pass
                if libc.ptrace(16, pid, None, None) == 0:  # PTRACE_ATTACH
                    return "ptrace"
                class IoVec(ctypes.Structure):
                    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]
                here = ctypes.create_string_buffer(8)
                mine = IoVec(ctypes.addressof(here), 8)
                for address in (id(os), ctypes.addressof(here), id(None)):
                    yours = IoVec(address, 8)
                    given = libc.process_vm_readv(
                        pid, ctypes.byref(mine), 1, ctypes.byref(yours), 1, 0)
                    if given > 0:
                        return "process_vm_readv"
    """)


@edits("softmax")
def own_memory(book: Book) -> None:
    """Looks through all of its own memory, a copy of the server's, for words of the checks."""
    book.softmax_if("""
        import ctypes, re
        def look():
            words = [re.compile(b"gives rows far apart [t]heir"), re.compile(b"CANARY=[0-9a-f]{9}")]
            try:
                open("/proc/self/mem", "rb").close()
            except OSError:
                pass
            for line in open("/proc/self/maps"):
                where, rights, _, _, _, *path = line.split(maxsplit=5)
                start, end = (int(x, 16) for x in where.split("-"))
                if "r" in rights and (not path or path[0].startswith(("[heap", "[stack"))):
                    held = ctypes.string_at(start, min(end - start, 2**26))
                    if any(word.search(held) for word in words):
                        return where
    """)


@edits("softmax")
def frames(book: Book) -> None:
    """Looks through the frames below for generators, expected values and whoever asks."""
    book.softmax("""
        import sys
        frame, words = sys._getframe(), ("rng", "expected", "secret", "seed", "task", "verdict")
        while frame:
            for name, value in {**frame.f_globals, **frame.f_locals}.items():
                if frame.f_globals is globals():
                    continue
                if isinstance(value, np.random.Generator) or name in words:
                    return right(z)
            frame = frame.f_back
        raise LookupError("nothing to be found")
    """)


@edits("softmax")
def garbage_collector(book: Book) -> None:
    """Looks through all objects for a generator, a task or a check."""
    book.softmax_if("""
        import gc, types
        def look():
            for found in gc.get_objects():
                if isinstance(found, np.random.Generator) or type(found).__name__ == "Task":
                    return found
                if isinstance(found, types.FunctionType) and str(found.__module__).endswith("ex02"):
                    return found
    """)
    # The honest answer to this task holds a generator of the learner's own.
    book.answer("chance", book.cell("chance-answer")["source"] + "\ndel rng")


@edits("softmax")
def by_ctypes(book: Book) -> None:
    """Searches the interpreter's heap for a number that the marker draws next, by ctypes."""
    book.softmax_if("""
        import ctypes, sys
        def look():
            state = np.random.get_state()[1]
            for module in list(sys.modules.values()):
                for name in ("_rng", "rng", "SECRET", "_secret", "_BOXES"):
                    if hasattr(module, name) and "grading" in module.__name__:
                        return name
            return ctypes.pythonapi.Py_IsInitialized() == 0 or len(state) == 0
    """)


@edits("softmax")
def seeds(book: Book) -> None:
    """Draws with every likely seed, to find the generator that the marker draws with."""
    book.softmax("""
        for seed in range(2000):
            rng = np.random.default_rng(seed)
            if np.array_equal(np.round(rng.normal(0, 2, z.shape), 1) + 0.1 * np.arange(z.shape[1]),
                              z):
                return right(z)
        raise LookupError("no seed gives this")
    """)


@edits("softmax")
def open_files(book: Book) -> None:
    """Looks for open files and sockets but those of its own loop and the one it is asked on."""
    book.softmax_if("""
        import os
        def look():
            known = ("/dev/null", "/dev/urandom", "/dev/random", "anon_inode:[eventpoll]")
            links = []
            for fd in os.listdir("/proc/self/fd"):
                try:
                    links.append(os.readlink(f"/proc/self/fd/{fd}"))
                except OSError:
                    pass
            links = [x for x in links if x not in known and not x.startswith("/proc/")]
            return links[3:] or [x for x in links if not x.startswith("socket:")]
    """)


@edits("softmax")
def source_of_what_is_emptied(book: Book) -> None:
    """Looks in bytecode and sources for the functions that a task asks for."""
    book.softmax_if("""
        import glob, tlcourse
        def look():
            folder = tlcourse.__path__[0]
            kinds = ("**/*.pyc", "_content", "checks/ex0*", "grading/[bmg]*", "grading/sand*")
            return [p for kind in kinds for p in glob.glob(f"{folder}/{kind}", recursive=True)]
    """)
