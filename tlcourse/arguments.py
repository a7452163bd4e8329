"""Numbers that a caller gives: whether they are what a function can work with."""

import numpy as np


def is_whole(value) -> bool:
    """Whether a value is a whole number; True and False are none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_number(value) -> bool:
    """Whether a value is a finite real number; True and False are none."""
    real = isinstance(value, int | float | np.integer | np.floating)
    return real and not isinstance(value, bool) and bool(np.isfinite(value))


def check_whole(name: str, value, least: int) -> None:
    """Raises ValueError if an argument is no whole number, or too small."""
    if not is_whole(value) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}.")


def check_number(name: str, value, least: float = 0, most: float = float("inf")) -> None:
    """Raises ValueError if an argument is no number, or out of its range, both ends included."""
    if not is_number(value) or not least <= value <= most:
        bound = f"of at least {least}" if most == float("inf") else f"from {least} to {most}"
        raise ValueError(f"{name} must be a number {bound}, not {value!r}.")
