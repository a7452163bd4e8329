"""Small budgets.

Checks of exercise set 11, on chapter 11.
"""

from itertools import product

import numpy as np

from tlcourse.checks import agrees, assemble, holds, numbers, task, telling
from tlcourse.checks.properties import difference
from tlcourse.checks.references import slopes

EDITION = 1


def _of(wrong: dict, part: str, place=None) -> dict:
    """The mistakes of one part of an answer, "part: message", by their messages alone."""
    return {
        message.partition(": ")[2]: value[part if place is None else place]
        for message, value in wrong.items()
        if message.startswith(f"{part}: ")
    }


# --- quantisation --------------------------------------------------------------------------------


def _quantised(w: np.ndarray, bits: int):
    top = 2 ** (bits - 1) - 1
    largest = abs(w).max(0)
    scale = np.where(largest > 0, largest, top) / top
    exact = w / scale
    codes = np.round(exact)

    def answer(scale=scale, codes=codes, restored=codes * scale):
        return {"scale": scale, "codes": codes, "restored": restored}

    scales = {
        "all channels share one scale in yours: take the largest weight of each column": (
            np.full(len(scale), largest.max() / top)
        ),
        "the scale is the largest weight divided by 2^(bits − 1), and Q is one less": (
            largest / (top + 1)
        ),
        "the scale is the largest weight divided by 2^bits − 1; Q is 2^(bits − 1) − 1": (
            largest / (2 * top + 1)
        ),
        "the scale is the largest weight divided by 2^bits; Q is 2^(bits − 1) − 1": (
            largest / (2 * top + 2)
        ),
        "the scale is the largest weight divided by `bits`, which is no number of codes": (
            largest / bits
        ),
        "the scale is the largest weight itself; divide it by Q": largest,
        "this is Q / the largest weight, the inverse of the scale": top / largest,
        "a negative weight may be the largest: take the weights without their signs": (
            w.max(0) / top
        ),
        "yours takes the weights without their signs, but the smallest in place of the largest": (
            abs(w).min(0) / top
        ),
        "yours takes the smallest weight of each column without its sign; take the largest": (
            np.where(abs(w).min(0) > 0, abs(w).min(0) / top, 1)
        ),
        "the scale has the sign of the largest weight in yours; take it without": (
            w[abs(w).argmax(0), np.arange(w.shape[1])] / top
        ),
        "yours divides the distance from the smallest to the largest weight into 2^bits − 1 steps, "
        "which is not symmetric": (w.max(0) - w.min(0)) / (2 * top + 1),
        "yours divides the distance from the smallest to the largest weight by 2 Q, which is not "
        "symmetric": (w.max(0) - w.min(0)) / (2 * top),
        "the scale comes from the standard deviation in yours; take the largest weight": (
            w.std(0) / top
        ),
        "the scale comes from the mean weight without sign in yours; take the largest": (
            abs(w).mean(0) / top
        ),
        "the scale comes from the length of each column (its L2 norm); take the largest weight": (
            np.sqrt((w**2).sum(0)) / top
        ),
        "the scale is 0 in yours: does // round it down?": 0 * scale,
        "every scale is 1 in yours: does // round it down?": 0 * scale + 1,
        "a single weight of 0 makes no channel of zeros: all of its weights must be 0": (
            np.where((w == 0).any(0), 1, scale)
        ),
    }  # fmt: skip
    if bits != 8:
        why = "the scale is the largest weight divided by 127 whatever `bits` is; Q depends on it"
        scales[why] = largest / 127
    roundings = {
        "you cut off what follows the point, as astype does; round first": np.trunc(exact),
        "you round down; round to the nearest whole number": np.floor(exact),
        "you round up; round to the nearest whole number": np.ceil(exact),
        "the weights are multiplied by the scale; divide them by it": np.round(w * scale),
        "you round the weights before you divide them by the scale": np.round(np.round(w) / scale),
        "the codes lack their signs": abs(codes),
        "Q is added to the codes, so that they begin at 0; these have signs": codes + top,
        "the codes are those of one scale for all channels": np.round(w / scale.max()),
        "negative codes have 256 added, as np.uint8 does; np.int8 has signs": codes % 256,
    }
    backs = {
        "the codes are divided by the scale; multiply": codes / scale,
        "these are the codes themselves; multiply by the scale": codes,
        "these are the weights as they were: restore them from the codes": w,
        "all channels are multiplied by the largest scale": codes * scale.max(),
        "all channels are multiplied by the mean scale": codes * scale.mean(),
        "this is what rounding has changed; restored are the codes times the scale": (
            codes * scale - w
        ),
        "the restored weights are cut to whole numbers; only the codes are whole": (
            np.trunc(codes * scale)
        ),
        "the restored weights are rounded to whole numbers; only the codes are whole": (
            np.round(codes * scale)
        ),
    }
    return answer(), (
        {f"scale: {m}": answer(scale=value) for m, value in scales.items()}
        | {f"codes: {m}": answer(codes=value) for m, value in roundings.items()}
        | {f"restored: {m}": answer(restored=value) for m, value in backs.items()}
    )


@task(
    "With 3 bits and signs, how many different whole numbers are there, and which is the largest "
    "if there are as many below zero as above?",
    "np.abs(w).max(axis=0) is the largest weight of each column. Which code should it get, and so "
    "by what do you divide?",
    "Q is 2 ** (bits - 1) - 1. Divide the largest weights by Q for the scale, w by the scale, use "
    "np.round and .astype(np.int8). np.where makes the scale 1 where the largest weight is 0.",
    forbids=("keras.quantizers.abs_max_quantize", "keras.quantizers.AbsMaxQuantizer"),
)
def quantise(answer, rng):
    """Quantisation with a scale for each output channel."""

    def form(w):
        return {"codes": np.zeros(w.shape), "scale": w[0], "restored": w}

    def draw(inputs, outputs, bits):
        while True:
            spread = np.linspace(0.4, 3, outputs)[rng.permutation(outputs)]
            w = np.round(rng.normal(0.1, 1, (inputs, outputs)) * spread, 2)
            w[rng.integers(inputs), rng.integers(outputs)] = 0  # which makes no channel of zeros
            exact = w / abs(w).max(0) * (2 ** (bits - 1) - 1)
            has_both = (w.max(0) > 0).all() and (w.min(0) < 0).all()
            if has_both and abs(exact % 1 - 0.5).min() > 1e-3:  # no halves
                return w, bits

    for inputs, outputs, bits in ((4, 2, 4), (5, 3, 5), (30, 8, 8), (6, 3, 2)):
        if bits == 2:  # Q is 1, so that some mistakes cannot be seen; the calls before show them
            w, _ = draw(inputs, outputs, bits)
            right, wrong = _quantised(w, bits)
        else:
            size = inputs, outputs, bits
            w, _, right, wrong = telling(lambda size=size: draw(*size), _quantised)
        got = answer(w, bits)
        name = "returns codes, scale and restored"
        yield agrees(name, got, form(w), rtol=np.inf, atol=np.inf)
        name = "each output channel has its scale"
        meant = _of(wrong, "scale")
        for places in (2, 3, 4):
            meant[f"the scale is rounded to {places} places; keep all of its digits"] = np.round(
                right["scale"], places
            )
        yield agrees(name, got["scale"], right["scale"], meant, result=got)
        name = "the codes are the nearest whole numbers"
        meant = _of(wrong, "codes")
        meant["these are the weights divided by the scale, not yet rounded"] = w / right["scale"]
        yield agrees(name, got["codes"], right["codes"], meant, result=got)
        kind = got["codes"].dtype
        why = f"the codes are of type {kind} in yours; .astype(np.int8) makes them one byte each"
        yield holds("each code takes one byte", kind == np.int8, why, result=got)
        name = "codes times scale give the weights back, but for rounding"
        meant = _of(wrong, "restored")
        yield agrees(name, got["restored"], right["restored"], meant, result=got)
    w, bits = draw(3, 3, 5)
    w[:, 1] = 0
    got = answer(w, bits)
    given = got if isinstance(got, dict) else {}
    parts = [np.asarray(part) for part in given.values()]
    is_nan = any(p.dtype.kind == "f" and not np.isfinite(p).all() for p in parts)
    why = "0 / 0 is NaN: the scale of a channel of zeros should be 1"
    yield holds("no NaN comes out where a channel is zero", not is_nan, why, result=got)
    name = "still returns codes, scale and restored"
    yield agrees(name, got, form(w), rtol=np.inf, atol=np.inf)
    right, _ = _quantised(w, bits)
    why = "the scale of a channel of zeros should be 1"
    if got["scale"][1] == 0:
        why = (
            "the scale of a channel of zeros is 0 in yours, and should be 1: to divide by 0 gives "
            "no code, even if NaN is turned into the code 0 afterwards"
        )
    is_one = abs(got["scale"][1] - 1) < 1e-6
    yield holds("a channel of zeros has the scale 1", is_one, why, result=got)
    ones = {"scale": "one channel of zeros gives all channels the scale 1; only it has that"}
    for part in ("scale", "codes", "restored"):
        meant = {ones[part]: np.ones(3)} if part in ones else {}
        yield agrees("and the others have theirs", got[part], right[part], meant, result=got)
    w, bits = draw(3, 3, 5)
    w[:, 2] = rng.choice([-1, 1]) * rng.permutation([3e-6, -1.12e-6, 4.4e-7])
    got = answer(w, bits)
    right, _ = _quantised(w, bits)
    why = "small weights are not zero: the scale is 1 only where every weight is exactly 0"
    name = "a channel of tiny weights has a scale as tiny"
    meant = {why: np.where([False, False, True], 1, right["scale"])}
    yield agrees(name, got["scale"], right["scale"], meant, result=got, atol=0)
    for part in ("codes", "restored"):
        yield agrees("and its codes", got[part], right[part], result=got, atol=0)


# --- LoRA ----------------------------------------------------------------------------------------


def _adapted(x, w, bias, a, b, alpha):
    rank = a.shape[1]
    low = x @ a @ b
    scale = alpha / rank

    def output(scale=scale, base=x @ w + bias, low=low):
        return base + scale * low

    def merged(scale=scale, base=w):
        return base + scale * (a @ b)

    plain = w + scale * (a @ b)
    scales = {
        "the product of a and b is not multiplied by α / r": 1.0,
        "r is missing: the scale is α / r": alpha,
        "α is missing: the scale is α / r": 1 / rank,
        "this is the scale r / α; it is α / r": rank / alpha,
        "the scale is α · r in yours; it is α / r": alpha * rank,
        "the scale is α / √r in yours, as in rank-stabilised LoRA; here it is α / r": (
            alpha / np.sqrt(rank)
        ),
        "α is divided by D in yours; r is the number of columns of a": alpha / len(w),
        "α is divided by K in yours; r is the number of columns of a": alpha / w.shape[1],
        "α / r counts twice in yours": scale**2,
        "the correction is subtracted in yours; add it": -scale,
        "α is divided by r² in yours; the scale is α / r": alpha / rank**2,
        "// rounds α / r down; use /": alpha // rank,
    }
    if len(x) != rank:
        scales["α is divided by N in yours; r is the number of columns of a"] = alpha / len(x)
    if rank != 2:
        scales["r is 2 in yours, whatever a is; it is the number of columns of a"] = alpha / 2
    wrong = {f"output: {m}": [output(value), plain] for m, value in scales.items()}
    wrong |= {f"merged: when merged, {m}": [output(), merged(v)] for m, v in scales.items()}
    wrong |= {
        f"output: {m}": [value, plain]
        for m, value in {
            "the bias is missing": output(base=x @ w),
            "the bias is added twice": output(base=x @ w + 2 * bias),
            "the bias is multiplied by α / r, too; only the product of a and b is": (
                output(base=x @ w + scale * bias)
            ),
            "α / r multiplies all of it in yours, and not only the product of a and b": (
                scale * (x @ w + bias + low)
            ),
            "w is missing: the frozen layer answers, too": output(base=bias),
            "this is the correction alone; add x w and the bias": output(base=0),
            "x w counts twice: the merged weights hold w already": output(base=2 * x @ w + bias),
            "α / r multiplies the frozen layer in yours, and not the product of a and b": (
                scale * (x @ w + bias) + low
            ),
            "this is the frozen layer alone": x @ w + bias,
            "negative outputs are cut off; this layer has no ReLU": np.maximum(output(), 0),
            "negative numbers are cut off between a and b; there is nothing between them": (
                output(low=np.maximum(x @ a, 0) @ b)
            ),
        }.items()
    }
    wrong |= {
        f"merged: {m}": [output(), value]
        for m, value in {
            "this is the correction alone; add w": merged(base=0 * w),
            "this is w as it was; add the correction": w,
            "the bias is added to the weights; it stays what it is": plain + bias,
            "α / r multiplies w, too; it belongs to the product of a and b": scale * (w + a @ b),
            "α / r multiplies w in yours, and not the product of a and b": scale * w + a @ b,
            "w is added twice": merged(base=2 * w),
        }.items()
    }
    return [output(), plain], wrong


@task(
    "What are the shapes of x w, of a b and of (x a) b? Which of these can be added ?",
    "The rank r is a.shape[1]. A row x goes two ways, through w and through a and then b; where "
    "do they meet, and what is multiplied by α / r?",
    "The formula is three terms, of which the last alone has the factor α / r. In two of them x "
    "multiplies something from the left: take it out of them, and the merged matrix is left.",
)
def lora(answer, rng):
    """LoRA: the output of an adapted layer, and its weights merged."""

    def draw(n, inputs, outputs, rank):
        x, w = numbers(rng, n, inputs, scale=1.0), numbers(rng, inputs, outputs, scale=1.0)
        a, b = numbers(rng, inputs, rank, scale=1.0), numbers(rng, rank, outputs, scale=1.0)
        alpha = int(rng.choice([5, 7, 9, 11]))  # odd, so that // shows
        return x, w, numbers(rng, outputs, scale=1.0), a, b, alpha

    # N, D, K and r: of 1, √r, 2, r, r², N, D and K only N and r are the same, in the first call.
    for shape in ((2, 3, 5, 2), (6, 5, 3, 2), (6, 8, 7, 3)):
        *inputs, right, wrong = telling(lambda shape=shape: draw(*shape), _adapted)
        got = answer(*inputs)
        yield agrees("returns two values", got, right, rtol=np.inf, atol=np.inf)
        meant = _of(wrong, "output", 0)
        name = "the output is bias, x w and the correction together"
        yield agrees(name, got[0], right[0], meant, result=got)
        meant = _of(wrong, "merged", 1)
        name = "the merged weights give the same output"
        yield agrees(name, got[1], right[1], meant, result=got)
    x, w, bias, a, b, alpha = draw(2, 4, 3, 2)
    got = answer(x, w, bias, a, 0 * b, alpha)
    start = [x @ w + bias, w]
    why = "with b full of zeros the layer should still do what it did"
    is_kept = agrees("", got, start).ok
    yield holds("b begins at zero, and so nothing changes at the start", is_kept, why, result=got)
    inputs = draw(2, 3, 4, 1)
    right, _ = _adapted(*inputs)
    yield agrees("knows rank 1", answer(*inputs), right)


# --- distillation --------------------------------------------------------------------------------


def _softmax(z: np.ndarray, T: float = 1.0) -> np.ndarray:
    e = np.exp((z - z.max(1, keepdims=True)) / T)
    return e / e.sum(1, keepdims=True)


def _loss(student, teacher, y, T, share) -> float:
    soft = -(_softmax(teacher, T) * np.log(_softmax(student, T))).sum(1).mean()
    hard = -np.log(_softmax(student)[np.arange(len(y)), y]).mean()
    return share * T**2 * soft + (1 - share) * hard


def _distilled(student, teacher, y, T, share):
    n, k = student.shape
    truth = np.eye(k)[y]
    p, q, first = _softmax(student, T), _softmax(teacher, T), _softmax(student)

    def cross(target, given):
        return -(target * np.log(given)).sum(1).mean()

    soft, hard = cross(q, p), cross(truth, first)

    def loss(soft=soft, hard=hard, square=T**2, share=share, rest=1 - share):
        return share * square * soft + rest * hard

    def slope(soft=p - q, hard=first - truth, factor=T, share=share, rest=1 - share):
        return (share * factor * soft + rest * hard) / n

    right = [loss(), slopes(_loss, 0, student, teacher, y, T, share)]
    winner = np.eye(k)[teacher.argmax(1)]
    losses = {
        "T² is missing before the soft part": loss(square=1),
        "the soft part is multiplied by T; multiply it by T²": loss(square=T),
        "the soft part is divided by T²; multiply it": loss(square=T**-2),
        "T² multiplies the hard part, too": loss(hard=T**2 * hard),
        "T² multiplies the hard part, and not the soft one": loss(hard=T**2 * hard, square=1),
        "the two shares are exchanged: λ belongs to the soft part": (
            loss(share=1 - share, rest=share)
        ),
        "λ is missing: the two parts are added as they are": loss(share=1, rest=1),
        "the hard part counts in full in yours; its share is 1 − λ": loss(rest=1),
        "the soft part counts in full in yours; its share is λ": loss(share=1),
        "this is the hard part alone": hard,
        "this is the hard part alone, with its share": (1 - share) * hard,
        "this is the soft part alone": T**2 * soft,
        "this is the soft part alone, with its share": share * T**2 * soft,
        "the soft part is a Kullback–Leibler divergence in yours, which subtracts the teacher's "
        "entropy; here it is the cross-entropy": loss(soft - cross(q, q)),
        "the soft part is a Kullback–Leibler divergence in yours, and without T²; here it is T² "
        "times the cross-entropy": loss(soft - cross(q, q), square=1),
        "the teacher has no temperature in yours; both have it in the soft part": (
            loss(cross(_softmax(teacher), p))
        ),
        "the student has no temperature in the soft part of yours; both have it there": (
            loss(cross(q, first))
        ),
        "nothing has a temperature in the soft part of yours; divide both logits by T": (
            loss(cross(_softmax(teacher), first))
        ),
        "the hard part has a temperature in yours; its softmax is that of the logits themselves": (
            loss(hard=cross(truth, p))
        ),
        "the logits are multiplied by T in yours; divide them": (
            loss(cross(_softmax(teacher, 1 / T), _softmax(student, 1 / T)))
        ),
        "student and teacher are exchanged in the soft part: the logarithm is the student's": (
            loss(cross(p, q))
        ),
        "the soft part takes the teacher's answers as labels; take its probabilities": (
            loss(cross(winner, p))
        ),
        "J is a sum over the examples; take the mean": n * right[0],
        "the soft part is a sum over the examples; take the mean": loss(n * soft),
        "the hard part is a sum over the examples; take the mean": loss(hard=n * hard),
        "the hard part is the mean over examples and classes; divide by N alone": loss(
            hard=hard / k
        ),
        "s[:, y] has a column for each label; s[np.arange(N), y] takes one number from each row": (
            loss(hard=-np.log(first[:, y]).mean())
        ),
        "the hard part takes the teacher's answers as labels; it is made with y": (
            loss(hard=cross(winner, first))
        ),
        "the soft part is the mean over examples and classes; add up the classes": loss(soft / k),
        "both parts are means over examples and classes; add up the classes": right[0] / k,
        "J has the wrong sign: a cross-entropy is minus the mean logarithm": -right[0],
        "the soft part has the wrong sign: a cross-entropy is minus the mean logarithm": (
            loss(-soft)
        ),
        "the hard part has the wrong sign: a cross-entropy is minus the mean logarithm": (
            loss(hard=-hard)
        ),
        "the soft part compares the logits by their squares; here it is the cross-entropy": (
            loss(((student - teacher) ** 2).sum(1).mean())
        ),
        "take the natural logarithm, not that to base 2": right[0] / np.log(2),
        "take the natural logarithm, not that to base 10": right[0] / np.log(10),
    }
    at_one, of_teacher = _softmax(teacher), slope(_softmax(student, T) - _softmax(teacher))
    gradients = {
        "the factor before the soft part is T² in yours: its logits are divided by T, and that "
        "brings another 1 / T": slope(factor=T**2),
        "the soft part has no factor in yours: of T² and the 1 / T that its logits bring, T "
        "remains": slope(factor=1),
        "the soft part is divided by T in yours: T² is missing": slope(factor=1 / T),
        "the soft part of the gradient is missing": slope(share=0),
        "the hard part of the gradient is missing": slope(rest=0),
        "the hard part is multiplied by T, too": slope(hard=T * (first - truth)),
        "the gradient is a sum over the examples; divide by N": n * right[1],
        "the soft part of the gradient is a sum over the examples; divide by N": (
            slope(n * (p - q))
        ),
        "the hard part of the gradient is a sum over the examples; divide by N": (
            slope(hard=n * (first - truth))
        ),
        "the gradient is divided by the number of all logits; divide by N": right[1] / k,
        "the gradient has the wrong sign": -right[1],
        "the soft part of the gradient has the wrong sign: student minus teacher": slope(q - p),
        "the hard part of the gradient has the wrong sign: softmax minus one-hot label": (
            slope(hard=truth - first)
        ),
        "the two shares are exchanged in the gradient": slope(share=1 - share, rest=share),
        "λ is missing in the gradient": slope(share=1, rest=1),
        "the teacher's probabilities are not subtracted": slope(p),
        "the one-hot labels are not subtracted": slope(hard=first),
        "the teacher has no temperature in the gradient": of_teacher,
        "the student has no temperature in the soft part of the gradient": slope(first - q),
        "nothing has a temperature in the soft part of the gradient": slope(first - at_one),
        "the hard part of the gradient has a temperature in yours": slope(hard=p - truth),
        "the soft part of the gradient takes the teacher's answers as labels": slope(p - winner),
        "the soft part of the gradient subtracts logits; subtract probabilities": (
            slope(student - teacher)
        ),
        "the hard part of the gradient is divided by T; its logits have no temperature": (
            slope(hard=(first - truth) / T)
        ),
        "the hard part of the gradient is (p − one-hot) / T in yours; it has no temperature": (
            slope(hard=(p - truth) / T)
        ),
        "1 is subtracted from every probability; only from that of the true class": (
            slope(hard=first - 1)
        ),
        "the numbers of the classes are subtracted; subtract one-hot labels": (
            slope(hard=first - y[:, None])
        ),
        "[y] = 1 fills whole rows with 1; [np.arange(N), y] = 1 sets one number in each": (
            slope(hard=first - np.isin(np.arange(n), y)[:, None])
        ),
    }
    return right, {m: [value, right[1]] for m, value in losses.items()} | {
        m: [right[0], value] for m, value in gradients.items()
    }


def _two_slips(student, teacher, y, T, share):
    """Of the loss and of the gradient: two mistakes that are often made at once, by message."""
    n, k = student.shape
    truth = np.eye(k)[y]
    first, at_one = _softmax(student), _softmax(teacher)
    p, q = _softmax(student, T), _softmax(teacher, T)
    sizes = {
        "": 1,
        "{} is a sum over the examples; divide by N": n,
        "{} is divided by the number of all logits; divide by N": 1 / k,
    }
    factors = {
        "the soft part has no factor T²": 1,
        "the soft part has T in place of T²": T,
        "T² multiplies the hard part, too": None,
        "": T**2,
    }
    colds = {
        "": (q, p),
        "the teacher has no temperature": (at_one, p),
        "the student has no temperature in the soft part": (q, first),
        "nothing has a temperature in the soft part": (at_one, first),
    }
    hard = -np.log(first[np.arange(n), y]).mean()
    losses, gradients = {}, {}
    for (size, by), (factor, square), (cold, (target, given)) in product(
        sizes.items(), factors.items(), colds.items()
    ):
        slips = list(filter(None, (factor, cold, size)))
        if len(slips) == 2:
            soft = -(target * np.log(given)).sum(1).mean()
            value = share * (square or T**2) * soft + (1 - share) * hard * (1 if square else T**2)
            losses["two things at once: " + "; and ".join(slips).format("J")] = by * value
    factors = {
        "the soft part has T² for its factor, where T² / T = T remains": T**2,
        "the soft part lacks its factor: T² / T = T remains": 1,
        "the soft part is divided by T: T² is missing": 1 / T,
        "": T,
    }
    for (size, by), (factor, times), (cold, (target, given)) in product(
        sizes.items(), factors.items(), colds.items()
    ):
        slips = list(filter(None, (factor, cold, size)))
        if len(slips) == 2:
            value = share * times * (given - target) + (1 - share) * (first - truth)
            why = "two things at once: " + "; and ".join(slips).format("the gradient")
            gradients[why] = by * value / n
    return losses, gradients


@task(
    "Of which logits are p, q and s the softmax, and which of the three change with the student?",
    "−np.sum(q * np.log(p), axis=1).mean() is the soft part, without λ T². Its gradient with "
    "respect to student / T is softmax minus target, over N. And with respect to student?",
    "The chain rule brings a factor 1 / T, once. Count it together with the T² of the formula. "
    "The hard part has neither, and each part of the gradient has the share of its part of J.",
    forbids=(
        "tlcourse.autodiff.gradient",
        "keras.losses.CategoricalCrossentropy",
        "keras.losses.categorical_crossentropy",
        "keras.losses.KLDivergence",
        "keras.losses.kl_divergence",
    ),
)
def distil(answer, rng):
    """The distillation loss, and its gradient with respect to the student's logits."""

    def draw(n, k, T, share):
        student, teacher = numbers(rng, n, k), numbers(rng, n, k)
        return student, teacher, rng.integers(k, size=n), T, share

    # Sizes and temperatures of which none is a product of others, so that mistakes differ. With
    # T = 5 first, int(T)^2 is neither 0 nor 1.
    for n, k, T, share in ((3, 3, 5.0, 0.4), (5, 4, 3.0, 0.7), (12, 4, 7.0, 0.2), (5, 3, 0.5, 0.6)):
        shape = n, k, T, share
        *inputs, right, wrong = telling(lambda shape=shape: draw(*shape), _distilled)
        got = answer(*inputs)
        form = [0.0, np.zeros((n, k))]
        why = difference(got, form, np.inf, np.inf) or ""
        if why.startswith("there is NaN"):
            why += "; is s changed before its logarithm is taken?"
        yield holds("returns the loss and the gradient", not why, why, result=got)
        two_of_loss, two_of_gradient = _two_slips(*inputs)
        of_loss = {m: value[0] for m, value in wrong.items() if value[0] != right[0]}
        if T == 5:
            part = (1 - share) * -np.log(_softmax(inputs[0])[np.arange(n), inputs[2]]).mean()
            why = "in Python ^ is no power: write T**2"
            of_loss[why] = part + (right[0] - part) / T**2 * (int(T) ^ 2)
        of_loss |= two_of_loss
        yield agrees("the loss has its two parts", got[0], right[0], of_loss, result=got)
        of_gradient = {m: value[1] for m, value in wrong.items() if value[0] == right[0]}
        of_gradient |= two_of_gradient
        name = "the gradient is the slope of that loss"
        yield agrees(name, got[1], right[1], of_gradient, result=got, atol=1e-5)
    teacher = numbers(rng, 3, 4)
    got = answer(teacher, teacher, np.array([0, 3, 1]), 4.0, 1.0)
    name = "whoever agrees with the teacher has nothing to learn from it"
    yield agrees(name, got[1], np.zeros((3, 4)), result=got)
    # The last gradient is about 10⁻¹⁵, which is less than any difference of two losses near 10.
    student, teacher = np.array([[22.0, 1.0, -50.0]]), np.array([[1.0, 0.0, -32.0]])
    got = answer(student, teacher, np.array([1]), 1.0, 0.5)
    exact = 0.5 * (_softmax(student) - _softmax(teacher))
    exact += 0.5 * (_softmax(student) - np.array([[0, 1, 0]]))
    why = "its smallest number is lost, as in a gradient by differences: derive it by hand"
    is_exact = agrees("", got[1], exact, rtol=1e-3, atol=0).ok
    yield holds("the gradient is derived, to its smallest number", is_exact, why, result=got)


# --- several machines, the lines in order --------------------------------------------------------

_LINES = {
    "A": "        w = w - 0.1 * total / len(x)",
    "B": "    total = 0",
    "C": "            g = gradient(w, x[share], y[share])",
    "D": "    for x, y in batches:",
    "E": "            total = total + g",
    "F": "        shares = split(len(x))",
    "G": "    return w",
    "H": "            w = w - 0.1 * g",
    "I": "        for share in shares:",
    "J": "        total = 0",
    "K": "def together(w, batches):",
    "L": "        w = w - 0.1 * total / len(shares)",
    "M": "            total = total + len(share) * g",
}


@task(
    "Of 30 images one machine had 20 and two had 5 each. Whose mean gradient says most about the "
    "mean over all 30?",
    "Four lines are not needed. Two make the plain mean of the machines, one lets each machine "
    "step by itself, and one does not forget the batch before.",
    "Begin with the def and the loop over the batches; then an empty total and the shares; in the "
    "inner loop a gradient, and its part of the total; after it one step; at last the return.",
    kind="value",
    lines=_LINES,
)
def order(answer, rng):
    """Several machines train one network, the lines put in order."""
    asked, sizes = [], []

    def gradient(w, x, y):
        asked.append(len(y))
        return ((w - x) * y[:, None]).mean(0)

    def split(n):
        parts = np.split(rng.permutation(n), sizes[0])
        return [np.sort(part) for part in parts]

    def begins(label):
        """Whether a line stands before the loop over the batches."""
        return label in answer[: answer.index("D")] if "D" in answer else False

    together = assemble(_LINES, answer, "together", {"gradient": gradient, "split": split})
    why = (
        "lines E and L give the plain mean of the machines, in which one with 2 images counts as "
        "much as one with 20"
    )
    yield holds("is no plain mean of the machines", not {"E", "L"} <= set(answer), why)
    for name, unwanted, why in (
        ("each machine counts by its images", "E",
         "with line E each machine counts alike, however many images it had"),
        ("the sum is divided by the images", "L",
         "with line L a sum over images is divided by the number of machines"),
        ("all machines keep the same weights", "H",
         "with line H each machine takes a step by itself, and the next begins elsewhere"),
    ):  # fmt: skip
        yield holds(name, unwanted not in answer, why)
    why = (
        "lines are missing: say in words what happens with one batch, and look for each part of it"
    )
    yield holds("has a line for every step", len(answer) >= 9, why)
    why = "with line B, before the loop, the gradients of earlier batches stay in the sum"
    is_kept = "J" not in answer and begins("B")
    yield holds("each batch begins with an empty sum", not is_kept, why)
    for cuts in ((5,), (1, 8), (2, 5, 11)):
        sizes[:] = [cuts]
        batches = [(rng.normal(size=(12, 2)), rng.uniform(0.5, 2, 12)) for _ in range(3)]
        start = np.array([1.0, -0.5])
        alone = start
        for x, y in batches:
            alone = alone - 0.1 * ((alone - x) * y[:, None]).mean(0)
        asked.clear()
        got = together(start, batches)
        is_full = len(asked) == (len(cuts) + 1) * len(batches)
        why = "each machine should give one gradient for each batch"
        if begins("G"):
            why = "line G returns before the loop over the batches begins"
        yield holds("each machine gives a gradient", is_full, why)
        is_same = np.array_equal(np.asarray(got), start)
        why = "the weights end where they began: the step comes before the gradients are added up"
        yield holds("the weights change", not is_same, why)
        yield agrees("is as if one machine had seen the whole batch", got, alone)
    why = "it works, but line B does nothing: leave it out"
    yield holds("every line does something", "B" not in answer, why)


# --- counting bytes ------------------------------------------------------------------------------

_COPIES = {"sgd": 0, "momentum": 1, "adam": 2}


def _counted(layers: list[dict], batch: int, optimizer: str):
    count = [0 if "size" in one else np.prod(one["shape"]) + one["shape"][-1] for one in layers]
    is_trained = [one.get("trained", False) for one in layers]
    area = [one.get("side", 1) ** 2 for one in layers]
    shapes = [one.get("shape", [1, 0, 0]) for one in layers]
    size = [one.get("size", 0) for one in layers]
    passed = [any(is_trained[:i]) for i in range(len(layers))]
    count, area, size, is_trained, passed = map(np.array, (count, area, size, is_trained, passed))
    inputs = np.array([shape[-2] for shape in shapes]) * area
    outputs = np.array([shape[-1] for shape in shapes])
    is_relu, is_conv = size > 0, np.array([one["kind"] == "conv" for one in layers])
    reached = np.array([any(is_trained[i:]) for i in range(len(layers))])  # by a layer after it
    firsts = np.array([shape[0] for shape in shapes])
    first_two = np.array([np.prod(one["shape"][:2]) if "shape" in one else 0 for one in layers])
    # what a kernel of 3 × 3 places would have, and how many biases are frozen
    nine = np.where(is_conv, 9, 1) * np.where(is_relu, 0, inputs // area * outputs)
    frozen_biases = int(outputs[~is_trained].sum())
    trained = int(count[is_trained].sum())
    kept = inputs[is_trained].sum() + size[passed].sum()
    state = 4 * _COPIES[optimizer] * trained
    right = {
        "weights": 4 * int(count.sum()),
        "gradients": 4 * trained,
        "state": state,
        "activations": 4 * batch * int(kept),
    }
    bias = np.where(is_relu, 0, outputs)
    no_area = [0 if r else s[-2] * s[-1] + s[-1] for s, r in zip(shapes, is_relu, strict=True)]
    swelled = (count - bias) * area + bias
    first = int(is_trained.argmax()) if is_trained.any() else len(layers)
    above = np.arange(len(layers)) >= first
    copies = {
        "sgd": {
            "plain SGD keeps no number for a weight; one for each is what momentum keeps": (
                4 * trained
            ),
            "plain SGD keeps no number for a weight; two for each are Adam's": 8 * trained,
        },
        "momentum": {
            "momentum keeps one number for each trained weight; in yours there is none": 0,
            "momentum keeps one number for each trained weight; two are Adam's": 8 * trained,
        },
        "adam": {
            "Adam keeps two numbers for each trained weight; in yours there is none": 0,
            "Adam keeps two numbers for each trained weight, the mean of the gradient and that of "
            "its square; one is what momentum keeps": 4 * trained,
            "three numbers for each trained weight are Adam's two and the gradient, which counts "
            "under 'gradients'": 12 * trained,
        },
    }[optimizer]
    each = _COPIES[optimizer]
    wrong = {
        "weights": {
            "this is 0: trained weights count, too, and the unit is a byte (a // 10**6 gives 0)": (
                0 if right["weights"] == 4 * trained else right["weights"]
            ),
            "this is 0: what is not trained lies in the memory all the same": (
                right["weights"] if trained else 0
            ),
            "these are numbers; each has 4 bytes": right["weights"] // 4,
            "these are bits; a byte has 8": 8 * right["weights"],
            "a float32 has 4 bytes; yours have 8": 2 * right["weights"],
            "the biases are missing": 4 * int((count - bias).sum()),
            "the weights of frozen layers are missing: they lie in the memory, too": 4 * trained,
            "only the frozen weights are counted": 4 * int(count[~is_trained].sum()),
            "the biases of frozen layers are missing: they lie in the memory, too": (
                right["weights"] - 4 * frozen_biases
            ),
            "a kernel has rows and columns, too: multiply all of `shape`": 4 * int(sum(no_area)),
            "the kernels of convolutions have channels, too: multiply all of `shape`": (
                4 * int(first_two.sum() + bias.sum())
            ),
            "kernels are 3 × 3 in yours, whatever they are; multiply all of `shape`": (
                4 * int(nine.sum() + bias.sum())
            ),
            "a convolution has the same weights at each place: they do not count for each": (
                4 * int(swelled.sum())
            ),
            "the weights do not depend on the batch": batch * right["weights"],
            "a bias counts for each output, not for each input": (
                4 * int((count - bias + np.where(is_relu, 0, inputs // area)).sum())
            ),
            "a ReLU has no weights": right["weights"] + 4 * int(size.sum()),
        },
        "gradients": {
            "these are numbers of gradients; each has 4 bytes": trained,
            "frozen weights need no gradient": right["weights"],
            "only the frozen weights have a gradient in yours: it is the other way round": (
                right["weights"] - 4 * trained
            ),
            "the biases of a frozen layer are frozen, too, and need no gradient": (
                4 * trained + 4 * frozen_biases
            ),
            "a convolution may be trained, too": 4 * int(count[is_trained & ~is_conv].sum()),
            "the biases of the trained layers have gradients, too": (
                4 * int((count - bias)[is_trained].sum())
            ),
            "the gradient of a batch is one mean; it does not grow with the batch": (
                4 * batch * trained
            ),
        },
        "state": {
            **copies,
            "these are numbers of the state; each has 4 bytes": each * trained,
            "frozen weights have no state": each * right["weights"],
            "only the frozen weights have a state in yours: it is the other way round": (
                each * (right["weights"] - 4 * trained)
            ),
            "the biases of a frozen layer are frozen, too, and have no state": (
                4 * each * (trained + frozen_biases)
            ),
            "a convolution may be trained, too: then it has a state": (
                4 * each * int(count[is_trained & ~is_conv].sum())
            ),
            "the biases of the trained layers have a state, too": (
                4 * each * int((count - bias)[is_trained].sum())
            ),
            "the state does not grow with the batch": batch * state,
        },
        "activations": {
            "these are numbers of activations; each has 4 bytes": batch * int(kept),
            "each image of the batch has its own: multiply by `batch`": 4 * int(kept),
            "a trained layer keeps its input, and so does the first one": (
                4 * batch * int(inputs[is_trained][1:].sum() + size[passed].sum())
            ),
            "a trained convolution keeps its input, too": (
                4 * batch * int(inputs[is_trained & ~is_conv].sum() + size[passed].sum())
            ),
            "a trained layer keeps what it gets, and not also what it returns": (
                4 * batch * int((inputs + outputs * area)[is_trained].sum() + size[passed].sum())
            ),
            "a convolution keeps the S · S · C numbers that it gets; K is what it returns": (
                4 * batch * int(
                    np.where(is_conv, outputs * area, inputs)[is_trained].sum() + size[passed].sum()
                )
            ),
            "shape[0] of a convolution is the height of its kernel; C is shape[-2]": (
                4 * batch * int((firsts * area)[is_trained].sum() + size[passed].sum())
            ),
            "a ReLU keeps its M numbers once": (
                4 * batch * int(inputs[is_trained].sum() + 2 * size[passed].sum())
            ),
            "the backward pass goes on to the trained layer nearest the input: a ReLU between two "
            "trained layers keeps its numbers, too": (
                4 * batch * int(inputs[is_trained].sum() + size[passed & ~reached].sum())
            ),
            "a dense layer and a convolution keep what they get; yours keep what they return": (
                4 * batch * int((outputs * area)[is_trained].sum() + size[passed].sum())
            ),
            "a frozen layer with weights keeps nothing": (
                4 * batch * int(inputs.sum() + size[passed].sum())
            ),
            "a frozen layer with weights keeps nothing, even above a trained one": (
                4 * batch * int(inputs[above].sum() + size[passed].sum())
            ),
            "nothing goes back through a ReLU that has no trained layer before it: it keeps "
            "nothing": 4 * batch * int(inputs[is_trained].sum() + size.sum()),
            "every layer keeps its numbers in yours; think of where the backward pass ends, and "
            "of what a frozen layer needs": 4 * batch * int(inputs.sum() + size.sum()),
            "a ReLU above a trained layer keeps its numbers, too": (
                4 * batch * int(inputs[is_trained].sum())
            ),
            "a convolution gets side² numbers for each of its input channels": (
                4 * batch * int((inputs // area)[is_trained].sum() + size[passed].sum())
            ),
            "the side of a convolution's input is to be squared": (
                4 * batch
                * int((inputs // np.sqrt(area).astype(int))[is_trained].sum() + size[passed].sum())
            ),
            "a ReLU keeps its numbers where a trained layer stands before it, not after it": (
                4 * batch * int(
                    inputs[is_trained].sum()
                    + sum(s for i, s in enumerate(size) if is_trained[i + 1 :].any())
                )
            ),
            "a ReLU keeps its numbers above any trained layer, not only above the next one": (
                4 * batch * int(
                    inputs[is_trained].sum()
                    + sum(s for i, s in enumerate(size) if i and is_trained[i - 1])
                )
            ),
        },
    }  # fmt: skip
    return right, {
        part: {m: value for m, value in of_part.items() if value != right[part]}
        for part, of_part in wrong.items()
    }


def _in_another_unit(got, right: int) -> bool:
    """Whether a number of bytes was given in kilobytes or megabytes, perhaps rounded."""
    values = [right / unit for unit in (2**10, 10**3, 2**20, 10**6)]
    rounded = [number for value in values for number in (value // 1, round(value)) if number]
    return got in rounded or np.isclose(got, values, rtol=1e-3, atol=0).any()


def _differing(layers: list[dict], batch: int, optimizer: str) -> int:
    """How many numbers the mistakes give: some agree whatever is drawn, others by chance."""
    _, wrong = _counted(layers, batch, optimizer)
    return sum(len(set(of_part.values())) for of_part in wrong.values())


@task(
    "Along which layers does the backward pass run, and what does each of them need on the way?",
    "Go through the layers once, with two sums for the weights, all and trained. When you come to "
    "a ReLU, the second sum says whether a trained layer stood before it.",
    "A layer has math.prod(shape) + shape[-1] weights. A trained one keeps shape[-2] numbers of "
    "each image, times side² for a convolution; a ReLU keeps its size if anything before it is "
    "trained.",
)
def budget(answer, rng):
    """The bytes that training takes."""

    def dense(trained, inputs=None):
        low = int(rng.integers(5, 12))
        inputs = inputs or low
        outputs = int(rng.choice([k for k in range(3, 20) if k != inputs]))
        return {"kind": "dense", "shape": [inputs, outputs], "trained": trained}

    def conv(trained, channels=None):
        channels = channels or int(rng.integers(2, 5))
        outputs = int(rng.choice([k for k in range(3, 9) if k != channels]))
        kernel = [(3, 5), (5, 3), (1, 3), (5, 5)][rng.integers(4)]  # never nine places
        return {"kind": "conv", "shape": [*kernel, channels, outputs],
                "side": int(rng.integers(6, 13)),
                "trained": trained}  # fmt: skip

    def network(plan):
        """Layers that fit together: D, d, C, c are dense or convolution, trained or frozen."""
        layers = []
        for letter in plan:
            last = layers[-1] if layers else None
            if letter == "r":
                area = last.get("side", 1) ** 2
                layers.append({"kind": "relu", "size": area * last["shape"][-1]})
                continue
            before = next((one for one in reversed(layers) if "shape" in one), None)
            width = before["shape"][-1] if before else None
            if letter in "Cc":
                made = conv(letter == "C", width)
                made["side"] = before["side"] if before else made["side"]
            else:
                area = before.get("side", 1) ** 2 if before else 1
                made = dense(letter == "D", area * width if before else None)
            layers.append(made)
        return layers

    for name, plan, optimizer in (
        ("one trained layer", "D", "adam"),
        ("one convolution", "C", "adam"),
        ("a ReLU on a trained layer", "Dr", "sgd"),
        ("two trained layers", "DrD", "momentum"),
        ("a trained head on frozen features", "drD", "adam"),
        ("a frozen head on a trained layer", "Drd", "sgd"),
        ("what is frozen lies in the middle", "Drdrd", "momentum"),
        ("a frozen convolution with a head", "crD", "momentum"),
        ("a convolution and two dense layers", "CrdrD", "adam"),
        ("nothing is trained", "crd", "adam"),
        ("two convolutions, the second one trained", "crCrdrD", "adam"),
        ("everything is trained", "CrCrDrD", "sgd"),
    ):
        drawn = [(network(plan), int(rng.choice([3, 5, 6, 7, 9, 11]))) for _ in range(6)]
        layers, batch = max(drawn, key=lambda given: _differing(*given, optimizer))
        right, wrong = _counted(layers, batch, optimizer)
        got = answer(layers, batch, optimizer)
        form = dict.fromkeys(right, 0)
        yield agrees("returns the four numbers", got, form, rtol=np.inf, atol=np.inf)
        for part in right:
            meant = wrong[part]
            if right[part] and _in_another_unit(got[part], right[part]):
                meant = {"give bytes, not kilobytes or megabytes": got[part]}
            yield agrees(f"{name}: {part}", got[part], right[part], meant, result=got,
                         rtol=1e-6, atol=0)  # fmt: skip
