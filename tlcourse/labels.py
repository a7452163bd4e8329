"""Labels, and what a network returns: the one place where both are checked.

People keep labels in many forms, and a wrong one seldom fails: NumPy compares labels of the shape
(N, 1) with classes of the shape (N,) as an N×N table, and a perfect network scores one in ten.
What can be understood is put into the one form that the course computes with; anything else is
refused in a sentence. NumPy only.
"""

import numpy as np

_ROUNDING = 1e-4  # by which a row of probabilities in float32 may miss a sum of 1


def class_numbers(y, classes: int | None = None, *, name: str = "y") -> np.ndarray:
    """Labels in any usual form as class numbers.

    Parameters
    ----------
    y : array-like, shape (N,), (N, 1) or (N, K)
        Whole numbers of any type, booleans, or one-hot rows.
    classes : int, optional
        How many classes there are, K; the labels must then be 0 … K−1.
    name : str
        What the messages call `y`.

    Returns
    -------
    ndarray of int64, shape (N,)

    Raises
    ------
    ValueError
        If the labels are text, not whole, empty, of another shape, or out of range.
    """
    y = _column(_array(y, name))
    if y.dtype.kind in "UST":
        raise ValueError(
            f"{name} holds text, such as {str(y.flat[0])!r}: give class numbers, for example "
            "np.unique(y, return_inverse=True)[1]."
        )
    if y.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {y.dtype}: give class numbers, 0, 1, 2, …")
    if not y.size or y.ndim not in (1, 2):
        raise ValueError(
            f"{name} has the shape {y.shape}: give one class number for each example, shape (N,)."
        )
    if y.ndim == 2:
        if not (np.isin(y, (0, 1)).all() and (y.sum(1) == 1).all()):
            raise ValueError(
                f"{name} has the shape {y.shape} and is not one-hot: give one class number for "
                "each example; the argmax(1) of probabilities or logits is that."
            )
        if classes is not None and y.shape[1] != classes:
            raise ValueError(
                f"{name} is one-hot with {y.shape[1]} columns, but there are {classes} classes."
            )
        return y.argmax(1)
    if y.dtype.kind == "f" and (odd := y[~np.isfinite(y) | (y != np.rint(y))]).size:
        raise ValueError(f"{name} holds {odd[0]:g}, which is no class: class numbers are whole.")
    low, high = (int(value) for value in (y.min(), y.max()))
    if high >= 2**63 or low < -(2**63):
        raise ValueError(f"{name} goes from {low:g} to {high:g}: give class numbers, 0, 1, 2, …")
    numbers = y.astype("int64")
    if classes is not None and (low < 0 or high >= classes):
        fix = ""
        if low >= 1 and high <= classes:
            fix = ": subtract 1"
        elif classes == 2 and set(numbers) <= {-1, 1}:
            fix = f": ({name} + 1) // 2 makes them so"
        raise ValueError(
            f"{name} goes from {low} to {high}, but the {classes} classes are "
            f"0 to {classes - 1}{fix}."
        )
    return numbers


def comparable(**labels) -> list[np.ndarray]:
    """Labels and predicted classes that are compared with each other, all of the shape (N,).

    Text is compared with text, numbers with numbers.

    Raises
    ------
    ValueError
        If they cannot be compared: see `class_numbers`; or their lengths differ, or one side
        counts the classes from 1.
    """
    arrays = {name: _column(_array(value, name)) for name, value in labels.items()}
    shapes = ", ".join(f"{name} {value.shape}" for name, value in arrays.items())
    lengths = {value.shape[:1] for value in arrays.values()}
    if len(lengths) > 1 or lengths & {(), (0,)}:
        raise ValueError(f"these must be lists of the same length, not empty: {shapes}.")
    if all(value.ndim == 1 and value.dtype.kind in "UST" for value in arrays.values()):
        return list(arrays.values())
    numbers = {name: class_numbers(value, name=name) for name, value in arrays.items()}
    (first, y), *others = numbers.items()
    for name, predicted in others:
        _refuse_another_beginning(first, y, name, predicted)
        _refuse_another_beginning(name, predicted, first, y)
    return list(numbers.values())


def probabilities(values, examples: int | None = None) -> np.ndarray:
    """Rows of probabilities, one column for each class.

    Parameters
    ----------
    values : array-like, shape (N, K); or (N, 1) or (N,), of class 1
    examples : int, optional
        N, where labels say it.

    Returns
    -------
    ndarray of float64, shape (N, K)

    Raises
    ------
    ValueError
        If they are none: of another shape, negative, or without a sum of 1.
    """
    values = _numbers(values, "probabilities")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    of_class_1 = values.ndim == 1 and examples in (None, len(values))
    if of_class_1 and values.size and 0 <= values.min() <= values.max() <= 1:
        return np.column_stack([1 - values, values])
    if values.ndim != 2 or not len(values) or examples not in (None, len(values)):
        rows = "N" if examples is None else examples
        raise ValueError(
            f"probabilities must have the shape ({rows}, classes), not {values.shape}."
        )
    if not _are_probabilities(values):
        raise ValueError(
            "probabilities must not be negative and each row must sum to 1; "
            "evaluation.softmax makes them of logits."
        )
    return values


def logits(values, examples: int | None = None) -> np.ndarray:
    """Rows of logits, one column for each class.

    Parameters
    ----------
    values : array-like, shape (N, K); or (N, 1), as a `Dense(1)` returns them
        A single logit z stands for the pair 0 and z, which has the same probabilities.
    examples : int, optional
        N, where labels say it.

    Returns
    -------
    ndarray of float64, shape (N, K)

    Raises
    ------
    ValueError
        If they have another shape, or are probabilities.
    """
    values = _numbers(values, "logits")
    if values.ndim != 2 or not values.size or examples not in (None, len(values)):
        rows = "N" if examples is None else examples
        raise ValueError(f"logits must have the shape ({rows}, classes), not {values.shape}.")
    if values.shape[1] == 1:
        return np.column_stack([np.zeros(len(values)), values])
    if len(values) > 1 and _are_probabilities(values) and not np.isin(values, (0, 1)).all():
        raise ValueError(
            "these are probabilities already, for each row sums to 1: give the logits, "
            "which a network returns without a softmax."
        )
    return values


def predicted_classes(outputs, *, probabilities: bool = False) -> np.ndarray:
    """The class that each row of a network's outputs stands for.

    Parameters
    ----------
    outputs : array-like, shape (N, K), (N, 1) or (N,)
        Logits or probabilities; one column is that of class 1.
    probabilities : bool
        Whether a single column holds probabilities, which are cut at ½, or logits, at 0.

    Returns
    -------
    ndarray of int64, shape (N,)

    Raises
    ------
    ValueError
        If they have another shape.
    """
    outputs = _numbers(outputs, "the network's output")
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.argmax(1)
    if _column(outputs).ndim != 1:
        raise ValueError(
            f"the network returns the shape {outputs.shape}, not one row for each example: "
            "does it lack a head?"
        )
    return (_column(outputs) > (0.5 if probabilities else 0)).astype("int64")


def _array(values, name: str) -> np.ndarray:
    try:
        array = np.asarray(values)
        return np.array(array.tolist()) if array.dtype == object else array
    except (ValueError, TypeError):  # rows of different lengths, or something else
        raise ValueError(f"{name} is no array of numbers: give one number for each example.") from (
            None
        )


def _numbers(values, name: str) -> np.ndarray:
    array = _array(values, name)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} holds {array.dtype}, not numbers.")
    return array.astype(float)


def _column(array: np.ndarray) -> np.ndarray:
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _are_probabilities(values: np.ndarray) -> bool:
    return bool(values.min() >= 0 and np.allclose(values.sum(1), 1, rtol=0, atol=_ROUNDING))


def _refuse_another_beginning(one: str, from_one: np.ndarray, other: str, from_zero) -> None:
    """Refuse classes 1 … K beside classes 0 … K−1, where that would explain the differences."""
    if (
        len(np.unique(from_one)) > 2
        and (from_one.min(), from_zero.min()) == (1, 0)
        and from_one.max() == from_zero.max() + 1
        and np.mean(from_one - 1 == from_zero) > np.mean(from_one == from_zero)
    ):
        raise ValueError(
            f"{one} goes from 1 to {from_one.max()} and {other} from 0 to {from_zero.max()}: "
            f"subtract 1 from {one}."
        )
