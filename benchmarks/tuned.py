"""What benchmarks that train in steps share: runs that are kept, and tuning at each budget."""

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from time import monotonic, process_time

import numpy as np

from tlcourse.rivals import tune

TUNING_SEED = 100  # of the draw that settings are chosen on


class OutOfTime(Exception):
    """A run is missing, and there is no time for it."""


class Kept:
    """Runs that are written down as soon as they are finished.

    Parameters
    ----------
    path : Path
        A line for each run. Delete it when the protocol changes.
    """

    def __init__(self, path: Path):
        self.path = path
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        self.done = {tuple(key): found for key, found in map(json.loads, lines)}

    def run(self, key: tuple, steps: list[int], function: Callable[[], list]) -> list:
        """What `function` returns, one result for each of `steps`, unless it is known already."""
        if len(self.done.get(key, ())) < len(steps):
            self.done[key] = function()
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps([key, self.done[key]]) + "\n")
        return self.done[key]


class Clocked(Kept):
    """Kept runs, of which none begins after so many minutes; each says what it found and took."""

    def __init__(self, path: Path, minutes: float = float("inf")):
        super().__init__(path)
        self.ends = monotonic() + 60 * minutes

    def run(self, key: tuple, steps: list[int], function: Callable[[], list]) -> list:
        """As `Kept.run`; raises `OutOfTime` if a run is not known, and the time is over."""

        def timed() -> list:
            if monotonic() > self.ends:
                raise OutOfTime
            began = process_time()
            found = function()
            print(*key, found, f"{process_time() - began:.1f} s", file=sys.stderr, flush=True)
            return found

        return super().run(key, steps, timed)


def at_each_budget(
    run: Callable[[float, int, list[int], str], list],
    rates: Iterable[float],
    budgets: list[int],
    seeds: Iterable[int],
    score: Callable[[object], float] = np.mean,
) -> dict[str, dict]:
    """What one arm reaches with each budget, at the rate that is best for it there.

    A run of a long budget passes the shorter ones, so that it counts for them where the rate is
    the same.

    Parameters
    ----------
    run : function
        ``run(rate, seed, steps, held_out)`` returns a result for each number of steps; `held_out`
        is "validation" or "test".
    rates : iterable of float
        Where the grid begins; it grows until its best value is inside.
    budgets : list of int
        In steps, growing.
    seeds : iterable of int
    score : function
        How good a result is.

    Returns
    -------
    dict
        For each budget, the longest first, the `setting`, whether it lies `inside` its grid, and
        the `results` on the test images, one for each seed.
    """
    record = {}
    for place in reversed(range(len(budgets))):  # the long one first, which passes the others
        setting, inside = tune(
            rates,
            lambda value, at=place: score(run(value, TUNING_SEED, budgets, "validation")[at]),
        )
        results = [run(setting, seed, budgets[: place + 1], "test")[place] for seed in seeds]
        record[str(budgets[place])] = {"setting": setting, "inside": inside, "results": results}
    return record


def paired_interval(differences: Iterable[float]) -> list[float]:
    """Mean and 95 % interval of paired differences, by Student's t."""
    from scipy import stats

    d = np.asarray(list(differences))
    half = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / len(d) ** 0.5
    return [round(float(value), 4) for value in (d.mean(), d.mean() - half, d.mean() + half)]
