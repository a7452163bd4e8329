"""Code that wants to change marks, the marker, other submissions or the next one."""

from tests.grading.attacks import Book, edits


def writing(book: Book, paths, how: str = "open(path, 'ab').close()") -> None:
    """Softmax is right only if one of the paths could be written."""
    book.softmax_if(f"""
        import os, shutil, sqlite3
        def look():
            for path in {[str(p) for p in paths]}:
                for root in ("", "/proc/1/root", "/mnt/0", "/mnt/1"):
                    path = root + path
                    try:
                        {how}
                        return path
                    except Exception:
                        pass
    """)


@edits("softmax")
def the_gradebook(book: Book) -> None:
    """Writes into the gradebook, the records and the secret."""
    marks = book.world.marks
    names = ("gradebook.db", "records/.secret", "records/ex02/000-honest.json", "ex02.csv")
    writing(book, [marks / name for name in names])


@edits("softmax")
def the_gradebook_by_sql(book: Book) -> None:
    """Gives everyone a hundred points by SQL."""
    how = "sqlite3.connect(path).execute('update grade set auto_score = 100').connection.commit()"
    writing(book, [book.world.marks / "gradebook.db"], how)


@edits("softmax")
def other_submissions(book: Book) -> None:
    """Deletes the other submissions."""
    how = "shutil.rmtree(path)"
    writing(book, [book.world.submissions, *sorted(book.world.submissions.iterdir())[:3]], how)


@edits("softmax")
def the_environment(book: Book) -> None:
    """Writes into the package, the environment, the server and the system."""
    book.softmax_if("""
        import os, sys, tlcourse
        def look():
            folders = [tlcourse.__path__[0], np.__path__[0], os.path.dirname(os.__file__),
                       sys.prefix, "/usr/lib", "/usr/bin", "/etc", "/sandbox", "/", "/dev", "/root"]
            for folder in folders:
                for name in ("__init__.py", "sitecustomize.py", "server.py", "x"):
                    try:
                        open(os.path.join(folder, name), "ab").close()
                        return name
                    except OSError:
                        pass
                try:
                    os.chmod(folder, 0o777)
                    os.rename(folder, folder + "-gone")
                    return folder
                except OSError:
                    pass
    """)


@edits("softmax")
def more_rights(book: Book) -> None:
    """Wants more rights: root, mounts, namespaces, devices, capabilities, another root folder."""
    book.softmax_if("""
        import ctypes, os, subprocess
        def look():
            libc = ctypes.CDLL(None)
            tries = {
                "setuid": lambda: os.setuid(0),
                "setgroups": lambda: os.setgroups([0]),
                "chroot": lambda: os.chroot("/tmp"),
                "mknod": lambda: os.mknod("/tmp/memory", 0o20666, os.makedev(1, 1)),
                "nice": lambda: os.setpriority(os.PRIO_PROCESS, 0, -1),
                "sysctl": lambda: open("/proc/sys/kernel/core_pattern", "w").write("x"),
                "sysrq": lambda: open("/proc/sysrq-trigger", "w").write("h"),
                "hostname": lambda: __import__("socket").sethostname("mine"),
                "uid_map": lambda: open("/proc/self/uid_map", "w").write("0 0 1"),
            }
            for name, attempt in tries.items():
                try:
                    attempt()
                    return name
                except OSError:
                    pass
            for flag in (0x10000000, 0x00020000, 0x40000000, 0x20000000):  # user, mount, net, pid
                if libc.unshare(flag) == 0:
                    return "unshare"
            if libc.mount(b"none", b"/tmp", b"tmpfs", 0, None) == 0:
                return "mount"
            if libc.mount(b"none", b"/", None, 32 | 4096, None) == 0:  # remount, bind
                return "remount"
            for program in ("/usr/bin/su", "/usr/bin/mount", "/usr/bin/bwrap"):
                if os.path.exists(program):
                    command = [program, "--dev-bind", "/", "/", "true"]
                    command = command if "bwrap" in program else [program, "/tmp"]
                    done = subprocess.run(command, stdin=-3, capture_output=True)
                    if done.returncode == 0:
                        return program
    """)


@edits("softmax")
def limits_lifted(book: Book) -> None:
    """Wants its limits lifted."""
    book.softmax_if("""
        import resource
        def look():
            for name in ("AS", "NPROC", "FSIZE", "NOFILE", "MSGQUEUE"):
                which = getattr(resource, "RLIMIT_" + name)
                soft, hard = resource.getrlimit(which)
                if hard == resource.RLIM_INFINITY:
                    return name
                for more in (hard + 1, resource.RLIM_INFINITY):
                    try:
                        resource.setrlimit(which, (more, more))
                        return name
                    except (ValueError, OSError):
                        pass
    """)


@edits()
def modules_for_the_next(book: Book) -> None:
    """Leaves modules that shadow NumPy and Python's own start-up for whoever comes next."""
    book.last("""
        import os
        for folder in (".", "/tmp", "/dev/shm", "/tmp/.local/lib/python3.11/site-packages"):
            os.makedirs(folder, exist_ok=True)
            for name in ("numpy", "tlcourse", "json", "sitecustomize", "usercustomize", "ast"):
                with open(f"{folder}/{name}.py", "w") as file:
                    file.write("raise SystemExit('owned')")
    """)


@edits()
def numpy_patched_for_the_next(book: Book) -> None:
    """Breaks NumPy, the server's modules and the random numbers in its own process at the end."""
    book.last("""
        import sys
        import numpy as np
        np.random.seed(7)
        sys.path.insert(0, "/tmp/nowhere")
        sys.modules["scipy"] = None
    """)


@edits("softmax")
def the_rights_of_the_server(book: Book) -> None:
    """Wants back the rights with which the server gave it its world, or the server itself."""
    book.softmax_if("""
        import ctypes, os, signal, struct
        libc = ctypes.CDLL(None, use_errno=True)
        full = struct.pack("Ii", 0x20080522, 0), b"\\xff" * 24
        calls = {
            "mount": lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
            "bind": lambda: libc.mount(b"/dev", b"/tmp", None, 4096, None),
            "remount": lambda: libc.mount(b"none", b"/", None, 32 | 4096, None),
            "umount": lambda: max(libc.umount2(path, how) for how in (0, 2) for path in (
                b"/tmp", b"/dev/shm", b"/dev/pts", b"/proc", b"/sandbox")),
            "unshare": lambda: max(libc.unshare(1 << bit) for bit in (7, 17, *range(25, 31))),
            "clone": lambda: max(libc.syscall(56, 1 << bit | 17, 0, 0, 0, 0)
                                 for bit in (17, *range(25, 31))),
            "clone3": lambda: libc.syscall(435, struct.pack("Q", 1 << 28) + bytes(56), 64),
            "pivot_root": lambda: libc.syscall(155, b"/tmp", b"/tmp"),
            "chroot": lambda: libc.chroot(b"/tmp"),
            "open_tree": lambda: libc.syscall(428, -100, b"/tmp", 1),
            "fsopen": lambda: libc.syscall(430, b"tmpfs", 0),
            "move_mount": lambda: libc.syscall(429, -100, b"/tmp", -100, b"/dev/shm", 0),
            "mount_setattr": lambda: libc.syscall(442, -100, b"/", 0, bytes(32), 32),
            "capset": lambda: libc.capset(*full),
            "ambient": lambda: libc.prctl(47, 2, 21, 0, 0),
            "securebits": lambda: libc.prctl(28, 0, 0, 0, 0),
            "attach": lambda: libc.ptrace(16, 1, 0, 0),
            "seize": lambda: libc.ptrace(0x4206, 1, 0, 0),
            "setns": lambda: max(libc.setns(fd, 0) for fd in range(3, 20)),
            "pidfd": lambda: libc.syscall(438, libc.syscall(434, 1, 0), 3, 0),
            "memory": lambda: libc.syscall(310, 1, bytes(16), 1, bytes(16), 1, 0),
            "priority": lambda: libc.setpriority(0, 1, 5),
        }
        def look():
            for name, call in calls.items():
                if call() != -1:
                    return name
            places = ["mem", "maps", "environ", "root", "cwd", "fd", "fdinfo", "map_files",
                      *(f"fd/{i}" for i in range(8)),
                      *(f"ns/{kind}" for kind in ("mnt", "user", "pid", "net", "ipc"))]
            for place in [f"/proc/1/{place}" for place in places]:
                for how in (os.O_RDONLY, os.O_WRONLY):
                    try:
                        return os.open(place, how) and place
                    except OSError:
                        pass
            for number in range(1, 65):
                try:
                    os.kill(1, number)
                except OSError:
                    pass
            for place in ("oom_score_adj", "clear_refs", "timerslack_ns", "comm", "uid_map"):
                try:
                    with open(f"/proc/1/{place}", "w") as file:
                        file.write("1")
                    return place
                except OSError:
                    pass
    """)


@edits()
def modes_for_the_next(book: Book) -> None:
    """Closes the shared memory, the terminals and /tmp to whoever comes next."""
    book.last("import os\nos.chmod('/dev/shm', 0o555)\nos.chmod('/dev/pts/ptmx', 0)")
    book.last("os.chmod('/tmp/work', 0)\nos.chmod('/tmp', 0)")


@edits()
def access_lists_for_the_next(book: Book) -> None:
    """Leaves access lists by which nobody may open what the next ones write."""
    book.last("""
        import os, struct
        entries = [(1, 0), (4, 0), (16, 0), (32, 0)]
        acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e, 2**32 - 1) for e in entries)
        for folder in ("/tmp", "/dev/shm"):
            os.setxattr(folder, "system.posix_acl_default", acl)
    """)


@edits()
def times_for_the_next(book: Book) -> None:
    """Sets the times of what can be written to long ago, and to the far future."""
    book.last("import os\nos.utime('/tmp', (1, 1))\nos.utime('/dev/shm', (2**33, 2**33))")


@edits()
def locks_for_the_next(book: Book) -> None:
    """Locks every file that the next ones may want to lock, its own and the server's."""
    book.last("""
        import fcntl, os
        for fd in range(100):
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                pass
        for path in ("/dev/null", "/tmp", "/dev/shm", "/sandbox/server.py", np.__file__):
            fcntl.flock(os.open(path, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
    """)


@edits()
def ports_for_the_next(book: Book) -> None:
    """Leaves connections behind, for which the kernel keeps their ports for a minute."""
    book.last("""
        import socket
        for port in (8000, 8888):
            with socket.create_server(("127.0.0.1", port)) as server:
                with socket.create_connection(("127.0.0.1", port)):
                    server.accept()[0].close()
    """)


@edits()
def queues_for_the_next(book: Book) -> None:
    """Uses up the semaphores, queues and shared memory of System V."""
    book.last("""
        import ctypes
        libc = ctypes.CDLL(None)
        for _ in range(100):
            libc.semget(0, 250, 0o1666), libc.msgget(0, 0o1666), libc.shmget(0, 4096, 0o1666)
    """)


LETTER = "/tmp /dev/shm . /dev /run /var/tmp /tmp/work"


@edits()
def a_letter_to_the_next(book: Book) -> None:
    """Leaves a letter in every place that may outlive it: files, shared memory, keys, sockets."""
    book.last(f"""
        import ctypes, os, socket
        for folder in {LETTER.split()}:
            try:
                with open(folder + "/letter", "w") as file:
                    file.write("right")
            except OSError:
                pass
        libc = ctypes.CDLL(None)
        libc.shmget(0x4c, 4096, 0o1666)
        libc.msgget(0x4c, 0o1666)
        libc.semget(0x4c, 1, 0o1666)
        for ring in (-4, -5, -3):  # of the user, of the user's session, of the session
            libc.syscall(248, b"user", b"letter", b"right", 5, ring)  # add_key
        quiet = socket.socket(socket.AF_UNIX)
        quiet.bind("\\0letter")
        quiet.listen()
        try:
            os.setxattr("/tmp", "user.letter", b"right")
        except OSError:
            pass
        if os.fork() == 0:
            libc.setsid()
            while True:
                quiet.accept()
    """)


@edits("softmax")
def the_letter_is_collected(book: Book) -> None:
    """Looks for the letter of the submission before, which was marked in the same sandbox."""
    book.softmax_if(f"""
        import ctypes, os, socket
        def look():
            for folder in {LETTER.split()}:
                if os.path.exists(folder + "/letter"):
                    return folder
            libc = ctypes.CDLL(None)
            for name in ("shmget", "msgget", "semget"):
                arguments = (0x4c, 0) if name == "msgget" else (0x4c, 0, 0)
                if getattr(libc, name)(*arguments) >= 0:
                    return name
            if libc.syscall(249, b"user", b"letter", None, 0) >= 0:  # request_key
                return "keys"
            for ring in (-4, -5, -3):
                if libc.syscall(250, 10, ring, b"user", b"letter", 0) >= 0:  # search
                    return "keyring"
            try:
                socket.socket(socket.AF_UNIX).connect("\\0letter")
                return "socket"
            except OSError:
                pass
            try:
                return os.getxattr("/tmp", "user.letter")
            except OSError:
                pass
            others = [p for p in os.listdir("/proc") if p.isdigit() and int(p) not in (
                1, os.getpid())]
            return others
    """)
