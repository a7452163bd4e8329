"""System calls that learners' code may not make: those that reach past its own process and time.

A filter of seccomp, which nothing can lift again. A refused call fails with EPERM. What honest work
needs is not in the list.
"""

import ctypes
import errno
import platform
import struct

# By name: the number on x86_64 and on aarch64.
REFUSED = {
    "memfd_create": (319, 279),  # memory that belongs to no process
    "memfd_secret": (447, 447),
    "add_key": (248, 217),  # keys outlive the processes
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "setsid": (112, 157),  # the kernel shares out the processors by session
    "setpriority": (141, 140),  # these change other processes of the same user
    "ioprio_set": (251, 30),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "process_madvise": (440, 440),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),  # and these are doors into the kernel that no exercise needs
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "open_tree": (428, 428),
    "open_tree_attr": (467, 467),
    "move_mount": (429, 429),
    "mount_setattr": (442, 442),
    "quotactl": (179, 60),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
}
_PRLIMIT, _SOCKET, _CLONE, _CLONE3 = (302, 261), (41, 198), (56, 220), (435, 435)
_NAMESPACES = 0x7E020000  # of what clone may be asked for: those of mounts, users, processes, …
_FAMILIES = (1, 2, 10, 16)  # Unix, IPv4, IPv6, and what lists the network's interfaces
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _REFUSE = 0x7FFF0000, 0x80000000, 0x00050000 | errno.EPERM
_UNKNOWN = 0x00050000 | errno.ENOSYS  # so that the C library takes the older call


def program(machine: str) -> bytes:
    """The filter for a machine, as the kernel wants it.

    Raises
    ------
    KeyError
        If the machine is unknown.
    """
    audit, which = _AUDIT[machine], list(_AUDIT).index(machine)
    made = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, audit), (_RETURN, 0, 0, _KILL), (_LOAD, 0, 0, 0)]
    made += [(_AT_LEAST, 0, 1, 0x40000000), (_RETURN, 0, 0, _REFUSE)]  # the x32 names of all calls
    for numbers in REFUSED.values():
        made += [(_EQUAL, 0, 1, numbers[which]), (_RETURN, 0, 0, _REFUSE)]
    # A filter cannot see what clone3 is asked for, so there is only clone, without namespaces.
    made += [(_EQUAL, 0, 1, _CLONE3[which]), (_RETURN, 0, 0, _UNKNOWN)]
    made += [(_EQUAL, 0, 4, _CLONE[which]), (_LOAD, 0, 0, 16), (_ANY_BIT, 0, 1, _NAMESPACES)]
    made += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    # prlimit for this process alone, and sockets of these families alone
    made += [(_EQUAL, 0, 4, _PRLIMIT[which]), (_LOAD, 0, 0, 16), (_EQUAL, 0, 1, 0)]
    made += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _REFUSE)]
    made += [(_EQUAL, 0, len(_FAMILIES) + 2, _SOCKET[which]), (_LOAD, 0, 0, 16)]
    made += [(_EQUAL, len(_FAMILIES) - i, 0, family) for i, family in enumerate(_FAMILIES)]
    made += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *step) for step in made)


def refuse() -> None:
    """Refuse them from now on, in this process and all that come from it.

    Raises
    ------
    OSError
        If the kernel does not take the filter.
    """
    steps = program(platform.machine())
    kept = ctypes.create_string_buffer(steps, len(steps))

    class Filter(ctypes.Structure):
        _fields_ = [("count", ctypes.c_ushort), ("steps", ctypes.c_void_p)]

    given = Filter(len(steps) // 8, ctypes.addressof(kept))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(given), 0, 0):
        raise OSError(ctypes.get_errno(), "seccomp")
