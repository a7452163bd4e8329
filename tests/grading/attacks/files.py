"""Files that attack whoever reads them, and honest ones that cannot be read."""

import bz2
import io
import json
import os
import struct
import zipfile
import zlib

from tests.grading.attacks import FILE, TASKS, Book, World, writes

ZIP = "ex02-submission.zip"


def packed(world: World, *members, name: str = ZIP) -> None:
    """Write a zip of pairs: a name or ZipInfo, and data."""
    with zipfile.ZipFile(world.folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(member, data)


def solved() -> bytes:
    return json.dumps(Book().nb).encode()


@writes("only a part of one")
def truncated(world: World) -> None:
    """Is cut off in the middle, as after a full disk."""
    (world.folder / FILE).write_bytes(solved()[:4000])


@writes("empty")
def empty(world: World) -> None:
    """Is empty."""
    (world.folder / FILE).touch()


@writes("bytes are no text")
def binary(world: World) -> None:
    """Is a picture."""
    (world.folder / FILE).write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100)


@writes("larger than")
def five_hundred_megabytes(world: World) -> None:
    """Has 500 MB, nearly all of them zeros that take no space."""
    with open(world.folder / FILE, "wb") as file:
        file.write(solved())
        file.truncate(500 * 2**20)


@writes("brackets")
def nested_json(world: World) -> None:
    """Has a million brackets within brackets."""
    (world.folder / FILE).write_bytes(b'{"cells": ' + b"[" * 10**6 + b"]" * 10**6 + b"}")


@writes("no cells")
def no_notebook(world: World) -> None:
    """Is JSON, but no notebook."""
    (world.folder / FILE).write_text('[{"cells": []}, 5]')


@writes("no cells")
def cells_of_another_kind(world: World) -> None:
    """Has a number where the cells should be."""
    (world.folder / FILE).write_text('{"cells": 5, "nbformat": 4, "metadata": {}}')


@writes("no notebook")
def no_file(world: World) -> None:
    """Has handed in an empty folder."""


@writes()
def two_files(world: World) -> None:
    """Has handed in two notebooks, neither with the name that was handed out."""
    Book(world).save("ex02 a.ipynb")
    Book(world).save("ex02 b.ipynb")


@writes("2 files")
def names_that_command_a_terminal(world: World) -> None:
    """Has names with control characters, which the reason would bring to a terminal."""
    for name in ("ex02 \x1b]0;owned\x07\x1b[2J\n.ipynb", "ex02 \u202egnp.ipynb"):
        (world.folder / name).write_bytes(solved()[:4000])


@writes()
def sixty_versions(world: World) -> None:
    """Has handed in sixty copies of 2 MB, more than are read."""
    for number in range(60):
        (world.folder / f"ex02 {number:02}.ipynb").write_bytes(solved() + b" " * 2_000_000)


@writes("not a notebook")
def giant_number(world: World) -> None:
    """Has a number of five million digits."""
    (world.folder / FILE).write_bytes(b'{"cells": [], "nbformat": ' + b"9" * 5_000_000 + b"}")


@writes(wrong=TASKS)
def cells_without_end(world: World) -> None:
    """Has a hundred thousand empty cells."""
    (world.folder / FILE).write_text(json.dumps({"cells": [{"cell_type": "code"}] * 100_000}))


@writes(wrong=TASKS)
def an_answer_to_all(world: World) -> None:
    """Has one text of 15 MB that looks like the answer to each task."""
    text = "\n".join(f"{task} = 0" for task in TASKS) + "\n" + "# long\n" * 2_000_000
    cell = {"cell_type": "code", "source": text, "metadata": {}}
    (world.folder / FILE).write_text(json.dumps({"cells": [cell]}))


@writes()
def honest_zip(world: World) -> None:
    """Is the zip of tlcourse submit, which is marked."""
    packed(world, (FILE, solved()))


@writes("larger than")
def zip_bomb(world: World) -> None:
    """Is a zip of 400 kB that holds a notebook of 400 MB."""
    packed(world, (FILE, bytes(400 * 2**20)))


def _with_a_lie(method: int, compressed: bytes, name: bytes = FILE.encode()) -> bytes:
    """A zip whose notebook says that it has 1,000 bytes."""
    sizes = (0, len(compressed), 1000, len(name))
    central = struct.pack("<4s6H3L5H2L", b"PK\1\2", 46, 46, 0, method, 0, 33, *sizes, *[0] * 6)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 46, 0, method, 0, 33, *sizes, 0)
    start = len(local) + len(name) + len(compressed)
    end = struct.pack("<4sHHHHLLH", b"PK\5\6", 0, 0, 1, 1, len(central) + len(name), start, 0)
    return local + name + compressed + central + name + end


def _bzip2_bomb(blocks: int) -> bytes:
    """What bzip2 makes of 45 MB of zeros, as often as `blocks` says; repeated bit by bit."""
    one = bz2.compress(bytes(45_000_000))
    bits = f"{int.from_bytes(one[4:], 'big'):0{8 * len(one) - 32}b}"
    end = f"{0x177245385090:048b}"
    block = bits[: bits.rindex(end)]
    checksum = 0
    for _ in range(blocks):
        checksum = ((checksum << 1 | checksum >> 31) & 0xFFFFFFFF) ^ int(block[48:80], 2)
    bits = block * blocks + end + f"{checksum:032b}"
    bits += "0" * (-len(bits) % 8)
    return one[:4] + int(bits, 2).to_bytes(len(bits) // 8, "big")


@writes("cannot be unpacked")
def zip_bomb_that_lies(world: World) -> None:
    """Is a zip bomb of 400 kB that says it holds 1,000 bytes."""
    press = zlib.compressobj(9, zlib.DEFLATED, -15)
    compressed = b"".join(press.compress(bytes(2**20)) for _ in range(400)) + press.flush()
    (world.folder / ZIP).write_bytes(_with_a_lie(8, compressed))


@writes("cannot be unpacked")
def zip_bomb_by_bzip2(world: World) -> None:
    """Is a zip bomb of 2 kB that Python unpacks to 900 MB in one go."""
    (world.folder / ZIP).write_bytes(_with_a_lie(12, _bzip2_bomb(20)))


@writes("no sound zip")
def no_zip(world: World) -> None:
    """Is called a zip, and is none."""
    (world.folder / ZIP).write_bytes(b"PK\x03\x04" + os.urandom(500))


@writes("no notebook")
def paths_in_a_zip(world: World) -> None:
    """Is a zip with paths that lead out of it."""
    absolute = str(world.marks / "gradebook.db")
    paths = ("../" * 9 + "tmp/" + FILE, absolute + "/" + FILE, "..\\" + FILE, "C:\\" + FILE)
    packed(world, *((path, solved()) for path in paths))


@writes("link")
def link_in_a_zip(world: World) -> None:
    """Is a zip in which the notebook is a symbolic link to another student's."""
    info = zipfile.ZipInfo(FILE)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    packed(world, (info, f"../000-honest/{FILE}"))


@writes("no sound zip")
def name_that_is_no_text(world: World) -> None:
    """Is a zip with a name that says it is UTF-8, and is not."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("ä" + FILE, solved())
    (world.folder / ZIP).write_bytes(stream.getvalue().replace("ä".encode(), b"\xff\xff"))


@writes("no ")
def name_of_no_letters(world: World) -> None:
    """Is a zip in which a file has no name at all."""
    (world.folder / ZIP).write_bytes(_with_a_lie(0, b"", name=b""))


@writes("cannot be unpacked")
def encrypted(world: World) -> None:
    """Is a zip that says it has a password."""
    packed(world, (FILE, solved()))
    data = bytearray((world.folder / ZIP).read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        data[data.index(mark) + place] |= 1
    (world.folder / ZIP).write_bytes(data)


@writes("link")
def link_to_another(world: World) -> None:
    """Is a symbolic link to the notebook of another student."""
    (world.folder / FILE).symlink_to(f"../000-honest/{FILE}")


@writes("link")
def link_to_the_solution(world: World) -> None:
    """Is a symbolic link to the solution on the lecturer's machine."""
    from tests.checks import notebook

    (world.folder / FILE).symlink_to(notebook("solutions", "ex02"))


@writes("link")
def folder_that_is_a_link(world: World) -> None:
    """Is a folder that is a link to another student's."""
    world.folder.rmdir()
    world.folder.symlink_to("000-honest")


@writes("not a file")
def a_pipe(world: World) -> None:
    """Is a pipe, at which a reader waits for ever."""
    os.mkfifo(world.folder / FILE)


@writes("cannot be read")
def a_folder(world: World) -> None:
    """Is a folder with the name of the notebook."""
    (world.folder / FILE).mkdir()


@writes()
def a_name_in_another_alphabet(world: World) -> None:
    """Has a name with bytes that are no text, as after an old archive."""
    path = os.fsencode(world.folder) + b"/ex02 \xff\xfe.ipynb"
    with open(path, "wb") as file:
        file.write(solved())


@writes()
def odd_time(world: World) -> None:
    """Has a time stamp of 300 MB, and was changed in the year 1902."""
    path = Book(world).save()
    os.utime(path, (-(2**31) + 1,) * 2)
    with open(world.folder / "timestamp.txt", "wb") as file:
        file.write(b"2026-99-99 99:99 +99:99 ")
        file.truncate(300 * 2**20)


@writes("it is a notebook of ex01")
def another_set(world: World) -> None:
    """Is the notebook of another set under the name of this one."""
    from tests.checks import notebook

    (world.folder / FILE).write_bytes(notebook("exercises", "ex01").read_bytes())
