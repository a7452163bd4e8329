"""What `tlcourse.checks` is in the sandbox: nothing to find there, and nothing fails."""


def exercise(*_, **__):
    """A set whose `ex.softmax.check(softmax)` does nothing: the marker checks from outside."""
    from tlcourse.course.shell import exercise

    return exercise()
