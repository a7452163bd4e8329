"""What classes hand in, as learning platforms give it to a lecturer; written for tests.

`moodle` and `canvas` make the download, the roster and the names of a class of any size.
"""

import csv
import io
import os
import zipfile
from pathlib import Path

from tests.checks import notebook

NAME = "ex02"
FILE = notebook("exercises", NAME).name
SOLVED = notebook("solutions", NAME).read_bytes()
OPEN = notebook("exercises", NAME).read_bytes()
TIME = 1_796_119_200  # 2026-12-01 10:00 UTC: even, as a zip keeps two seconds apart
GIVEN = (
    "Ada",
    "Zoë",
    "Łukasz",
    "Ольга",
    "Ελένη",
    "小明",
    "さくら",
    "민준",
    "نور",
    "אורי",
    "Séan O'",
)
FAMILY = (
    "Müller",
    "García",
    "Nowak",
    "Иванова",
    "Παππά",
    "李",
    "山田",
    "김",
    "حسن",
    "כהן",
    "Brien",
)


def zipped(files: dict[str, bytes]) -> bytes:
    """A zip with these files; a name that ends with a slash is an empty folder."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo("x", (2026, 12, 1, 11, 0, 0))
            info.filename = name  # also with back slashes, as Windows had it
            archive.writestr(info, data)
    return stream.getvalue()


def put(folder: Path, files: dict[str, bytes], time: int = TIME) -> Path:
    """Write these files; a name that ends with a slash is an empty folder."""
    for name, data in files.items():
        path = folder / name
        if name.endswith("/"):
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, (time, time))
    return folder


def packed(folder: Path) -> Path:
    """A zip of a folder, with its empty folders, beside it."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in sorted(folder.rglob("*")):
            archive.write(one, one.relative_to(folder))
    return path


def people(count: int) -> list[tuple[str, str]]:
    """Given and family names in many alphabets; some people share one."""
    made = [(GIVEN[i % len(GIVEN)], FAMILY[i % len(FAMILY)]) for i in range(count)]
    return [
        (g if i < len(GIVEN) else f"{g} {chr(65 + i // len(GIVEN))}", f)
        for i, (g, f) in enumerate(made)
    ]


def table(rows: list[list]) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return b"\xef\xbb\xbf" + file.getvalue().encode()


def moodle(folder: Path, work: list[bytes | None], maximum: float = 90) -> tuple[Path, Path]:
    """A download of Moodle and its grading worksheet; those whose work is None hand in nothing."""
    header = ["Identifier", "Full name", "Email address", "Status", "Grade", "Maximum Grade"]
    header += ["Grade can be changed", "Last modified (submission)", "Last modified (grade)"]
    rows, files = [[*header, "Feedback comments"]], {}
    for i, ((given, family), data) in enumerate(zip(people(len(work)), work, strict=True)):
        number, when = 101 + i, "-"
        if data is not None:
            files[f"{given} {family}_{number}_assignsubmission_file_/{FILE}"] = data
            text = f"{given} {family}_{number}_assignsubmission_onlinetext_/onlinetext.html"
            files[text] = b"<p>My work is attached.</p>"
            when = f"Tuesday, 1 December 2026, {5 + i % 3}:55 PM"
        status = "Submitted for grading" if data is not None else "No submission"
        rows.append([f"Participant {number}", f"{given} {family}", f"p{number}@example.org"])
        rows[-1] += [status, "", f"{maximum:.2f}", "Yes", when, "-", ""]
    put(folder, {"grades.csv": table(rows)})
    (folder / "download.zip").write_bytes(zipped(files))
    return folder / "download.zip", folder / "grades.csv"


def canvas(folder: Path, work: list[bytes | None], maximum: float = 90) -> tuple[Path, Path]:
    """A download of Canvas and its gradebook; every seventh is late, and some hand in twice."""
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    columns = ["ex01 Gradient descent (501)", "ex02 Cross-entropy (502)", "Final Score"]
    rows = [
        [*header, *columns],
        ["    Points Possible", "", "", "", "", 80.0, maximum, "(read only)"],
    ]
    files = {}
    for i, ((given, family), data) in enumerate(zip(people(len(work)), work, strict=True)):
        number = 101 + i
        rows.append([f"{family}, {given}", number, f"S{number}", f"login{number}", "A", 70, "", 50])
        if data is None:
            continue
        name = "".join(c for c in f"{family}{given}".lower() if c.isalnum())
        late = "_LATE" if i % 7 == 6 else ""
        files[f"{name}{late}_{number}_{9000 + i}_{FILE}"] = data
        if i % 5 == 4:
            files[f"{name}{late}_{number}_{8000 + i}_{FILE[:-6]}-1.ipynb"] = OPEN
    rows.append(["Student, Test", 999, "", "", "A", "", "", ""])
    put(folder, {"gradebook.csv": table(rows)})
    (folder / "submissions.zip").write_bytes(zipped(files))
    return folder / "submissions.zip", folder / "gradebook.csv"
