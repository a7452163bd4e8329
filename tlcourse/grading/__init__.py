"""Marks that resist forging: learners' code runs in a sandbox that knows no checks and no marks.

`tlcourse grade` is its command; docs/grading.md is for lecturers.
"""
