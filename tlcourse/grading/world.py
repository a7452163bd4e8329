"""A world of its own for each submission: what it can write to, nobody has used before.

The server in the sandbox may mount, switch on a loopback device of its own, and give up
rights, but nothing else. Each fork takes itself out of the server's namespaces, mounts new folders,
terminals and shared memory over the old ones, and then gives up every right for good. Modes, access
lists, times, locks, ports and queues that a submission leaves behind end with it. All this costs
two milliseconds of processor time.
"""

import ctypes
import fcntl
import os
import socket
import struct

_NAMESPACES = 0x00020000 | 0x08000000 | 0x40000000  # mounts, IPC of System V and POSIX, network
_PRIVATE, _NOSUID, _NODEV, _NOEXEC = 1 << 18 | 1 << 14, 2, 4, 8
_SIOCSIFFLAGS, _UP = 0x8914, 0x1 | 0x40  # up and running
_PR_CAPBSET_READ, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 23, 24, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522


def _libc():
    return ctypes.CDLL(None, use_errno=True)


def enter(folders: dict[str, int], files: int) -> None:
    """Take this process into a world of its own.

    Parameters
    ----------
    folders : dict of str to int
        What may be written, with the bytes that fit in.
    files : int
        How many files fit into each folder; empty ones fill no disk, but the kernel's memory.

    Raises
    ------
    OSError
        If the kernel, or a security module of it, does not allow it.
    """
    libc = _libc()
    _checked(libc.unshare(_NAMESPACES), "unshare")
    _checked(libc.mount(b"none", b"/", None, _PRIVATE, None), "mounts of one's own")
    for folder, size in folders.items():
        options = f"size={size},nr_inodes={files},mode=0755"
        _mount(libc, b"tmpfs", folder, _NOSUID | _NODEV, options)
    options = "newinstance,ptmxmode=0666,mode=0620"
    _mount(libc, b"devpts", "/dev/pts", _NOSUID | _NOEXEC, options)
    with socket.socket() as sock:
        fcntl.ioctl(sock, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _UP))


def _mount(libc, kind: bytes, folder: str, flags: int, options: str) -> None:
    _checked(libc.mount(kind, folder.encode(), kind, flags, options.encode()), f"mount {folder}")


def give_up_rights() -> None:
    """Give up every capability, in this process and all that come from it.

    Raises
    ------
    OSError
        If one would be left.
    """
    libc = _libc()
    for number in range(64):
        if libc.prctl(_PR_CAPBSET_READ, number, 0, 0, 0) == 1:
            _checked(libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0), "bounding set")
    _checked(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "ambient set")
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(libc.capset(header, bytes(24)), "capset")
    with open("/proc/self/status") as file:
        sets = [line.split()[1] for line in file if line.startswith("Cap")]
    if any(int(one, 16) for one in sets):
        raise OSError(f"rights are left: {sets}")


def _checked(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
