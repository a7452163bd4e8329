"""Data-parallel training by hand: two processes that share a batch, and average gradients.

Each process holds all weights and every second example of each batch. Each computes the gradient
of its share, both add up what they have found, and both make the same step, so that their weights
never part (Goyal et al. 2017, section 2). NumPy only.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from threading import Thread, current_thread, main_thread
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from tlcourse.arguments import check_number, check_whole
from tlcourse.files import CourseError
from tlcourse.labels import class_numbers


def softmax_gradient(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The gradient of the mean cross-entropy of logits z = x θ.

    Parameters
    ----------
    theta : ndarray, shape (d, K)
    x : ndarray, shape (n, d)
    y : ndarray of int, shape (n,)

    Returns
    -------
    ndarray, shape (d, K)

    Raises
    ------
    ValueError
        If the shapes do not fit, or the labels are not 0 … K−1.
    """
    if theta.ndim != 2 or x.ndim != 2 or x.shape[1] != len(theta):
        raise ValueError(
            f"theta must have the shape (d, K) and x (n, d), not {theta.shape} and {x.shape}."
        )
    y = class_numbers(y, theta.shape[1])
    z = x @ theta
    p = np.exp(z - z.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    p[np.arange(len(y)), y] -= 1
    return x.T @ p / len(y)


def all_reduce(mine: np.ndarray, peer: connection.Connection, speaks_first: bool) -> np.ndarray:
    """The sum of what two processes hold, which both of them call this for.

    One speaks first and the other listens first: two that spoke at once would wait for each other
    as soon as a message is larger than what the channel holds.
    """
    if speaks_first:
        peer.send_bytes(np.ascontiguousarray(mine))
    theirs = np.frombuffer(peer.recv_bytes(), mine.dtype).reshape(mine.shape)
    if not speaks_first:
        peer.send_bytes(np.ascontiguousarray(mine))
    return mine + theirs


def train(
    gradient: Callable, theta: np.ndarray, x: np.ndarray, y: np.ndarray, *, steps: int, batch: int,
    rate: float, rank: int = 0, peer: connection.Connection | None = None,
) -> tuple[np.ndarray, list[float]]:  # fmt: skip
    """Gradient descent on batch after batch; with a peer, on every second example of each.

    Parameters
    ----------
    gradient : function
        ``gradient(theta, x, y)``: of the mean loss over the examples, in the shape of `theta`.
    theta : ndarray
        Where to begin. It stays as it is.
    x, y : ndarray, shapes (n, …) and (n,)
        All examples, in the order of training; after the last one comes the first again.
    steps, batch : int
    rate : float
        The learning rate α.
    rank : int
        0 or 1, which of the two this process is.
    peer : Connection, optional
        To the other one; None trains alone.

    Returns
    -------
    theta : ndarray
    seconds : list of float
        Of each all-reduce, the waiting included.

    Raises
    ------
    ValueError
        If a number is out of its range, or there are not as many labels as examples.
    """
    theta, x, y = _checked(theta, x, y, steps, batch, rate)
    theta, seconds = theta + 0.0, []  # a copy
    for step in range(steps):
        places = np.arange(step * batch, (step + 1) * batch) % len(x)
        share = places if peer is None else places[rank::2]
        g = gradient(theta, x[share], y[share]) * (len(share) / batch)
        if peer is not None:
            began = perf_counter()
            g = all_reduce(g, peer, speaks_first=rank == 0)
            seconds.append(perf_counter() - began)
        theta -= rate * g
    return theta, seconds


def _checked(theta, x, y, steps, batch, rate) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The arrays, if they and the numbers make sense."""
    for name, value, least in (("steps", steps, 0), ("batch", batch, 1)):
        check_whole(name, value, least)
    check_number("rate", rate)
    theta, x, y = map(np.asarray, (theta, x, y))
    if not len(np.atleast_1d(x)) or x.shape[:1] != y.shape[:1]:
        raise ValueError(
            f"x and y must hold as many examples, one or more, not {x.shape} and {y.shape}."
        )
    return theta, x, y


def train_on_two(
    gradient: Callable, theta: np.ndarray, x: np.ndarray, y: np.ndarray, *, steps: int, batch: int,
    rate: float,
) -> tuple[np.ndarray, list[float]]:  # fmt: skip
    """What `train` does, by two processes of their own, which end with this call.

    They end as well if it is interrupted, or if this process is killed.

    Parameters
    ----------
    gradient : function
        Of a module: a new process cannot import what was defined in a notebook.
    theta, x, y, steps, batch, rate
        As in `train`; a batch has two examples or more.

    Returns
    -------
    theta : ndarray
    seconds : list of float
        Of each all-reduce, as the first process measured it.

    Raises
    ------
    ValueError
        If a batch cannot be shared, or `gradient` is of no module.
    CourseError
        If a process ends before its work is done.
    """
    theta, x, y = _checked(theta, x, y, steps, batch, rate)
    if batch < 2:
        raise ValueError(f"a batch of {batch} cannot be shared: give two examples or more.")
    module, name = (getattr(gradient, n, "") for n in ("__module__", "__qualname__"))
    if not module or module == "__main__" or "<" in name:
        raise ValueError(
            "gradient must be a function of a module, for a new process cannot import what was "
            "defined in a notebook, a script or another function: use parallel.softmax_gradient."
        )
    context = get_context("spawn")
    peers, workers, results = context.Pipe(), [], []
    try:
        for rank, peer in enumerate(peers):
            result, theirs = context.Pipe(duplex=False)
            given = {"steps": steps, "batch": batch, "rate": rate, "rank": rank, "peer": peer}
            arguments = (theirs, gradient, (theta, x, y), given)
            worker = context.Process(target=_work, args=arguments, daemon=True)
            with _uninterrupted():
                worker.start()
            workers.append(worker)
            results.append(result)
            theirs.close()  # so that it closes when the worker ends
            peer.close()
        found = [result.recv() for result in results]
    except EOFError:
        raise CourseError(
            "One of the two processes ended before its work was done: run it again."
        ) from None
    finally:
        for worker in workers:
            worker.kill()
            worker.join()
    errors = [each for each in found if isinstance(each, Exception)]
    if errors:  # the other one then misses its peer, and has nothing to say
        raise min(errors, key=lambda error: isinstance(error, EOFError | OSError))
    return found[0]


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let what is started meanwhile ignore Ctrl-C, which reaches it too: who started it ends it."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(result: connection.Connection, gradient: Callable, given: tuple, options: dict) -> None:
    """One of the two processes, on one thread: they share the cores of this machine."""
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        with threadpool_limits(1):
            found = train(gradient, *given, **options)
    except Exception as error:
        found = error
    result.send(found)


def _end_with_parent() -> None:
    parent_process().join()
    os._exit(1)
