"""What `tlcourse.checks` is in the sandbox: nothing to find there, and nothing fails."""


class _Nothing:
    """Takes any call and any name."""

    def __call__(self, *_, **__):
        return None

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self


def exercise(*_, **__):
    """A set whose `ex.softmax.check(softmax)` does nothing: the marker checks from outside."""
    return _Nothing()
