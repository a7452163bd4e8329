"""Small budgets."""

SOLVED = "KDJFICMAG"


def lines(order):
    return "order = " + repr(list(order))


LARGEST, SCALE = "np.abs(w).max(axis=0)", "np.where(largest > 0, largest / top, 1)"
CODES = "np.round(w / scale)"
RESTORED = "codes * scale"
OUTPUT = "x @ w + bias + scale * (x @ a) @ b"
MERGED = "w + scale * (a @ b)"
RANK = "alpha / a.shape[1]"
SOFT, HARD = "-np.sum(q * np.log(p)) / n", "-np.mean(np.log(s[np.arange(n), y]))"
LOSS = "share * T**2 * soft + (1 - share) * hard"
GRADIENT = "(share * T * (p - q) + (1 - share) * (s - truth)) / n"
RELU = 'kept += layer["size"] if trained else 0'
COUNT = 'math.prod(layer["shape"]) + outputs'
COPIES = '{"sgd": 0, "momentum": 1, "adam": 2}'
KEPT = "            kept += inputs"
AREA = ' * layer.get("side", 1) ** 2'
TRAINED = '        if layer["trained"]:'
DIFFERENCES = """
    def value(u):
        p, s = softmax(u / T), softmax(u)
        soft, hard = -np.sum(q * np.log(p)) / n, -np.mean(np.log(s[np.arange(n), y]))
        return share * T**2 * soft + (1 - share) * hard

    for place in np.ndindex(student.shape):
        step = np.zeros(student.shape)
        step[place] = {h}
        change = value(student + step) - value(student - {back} * step)
        gradient[place] = change / {h} / (1 + {back})
    return loss"""
ALWAYS = {KEPT: "        kept += inputs"}  # of frozen layers, too

WRONG = {
    "quantise": [
        ("one scale", {LARGEST: "np.full(w.shape[1], np.abs(w).max())"},
         "all channels share one scale"),
        ("2^(bits − 1)", {"2 ** (bits - 1) - 1": "2 ** (bits - 1)"},
         "divided by 2^(bits − 1), and Q is one less"),
        ("2^bits − 1", {"2 ** (bits - 1) - 1": "2**bits - 1"}, "divided by 2^bits − 1"),
        ("2^bits", {"2 ** (bits - 1) - 1": "2**bits"}, "divided by 2^bits; Q is"),
        ("bits", {"2 ** (bits - 1) - 1": "bits"}, "divided by `bits`"),
        ("not divided", {SCALE: "largest"}, "the largest weight itself; divide it by Q"),
        ("inverse", {SCALE: "top / largest"}, "the inverse of the scale"),
        ("largest with sign", {LARGEST: "w.max(axis=0)"}, "a negative weight may be the largest"),
        ("smallest", {LARGEST: "np.abs(w).min(axis=0)"}, "takes the smallest weight of"),
        ("smallest, unguarded", {LARGEST: "np.abs(w).min(axis=0)", SCALE: "largest / top"},
         "but the smallest in place of"),
        ("sign kept", {SCALE: "w[np.abs(w).argmax(axis=0), np.arange(w.shape[1])] / top"},
         "has the sign of the largest weight"),
        ("from smallest to largest", {SCALE: "np.ptp(w, axis=0) / (2 * top + 1)"},
         "into 2^bits − 1 steps, which is not symmetric"),
        ("from smallest to largest by 2 Q", {SCALE: "np.ptp(w, axis=0) / (2 * top)"},
         "by 2 Q, which is not symmetric"),
        ("standard deviation", {LARGEST: "w.std(axis=0)"}, "comes from the standard deviation"),
        ("mean", {LARGEST: "np.abs(w).mean(axis=0)"}, "comes from the mean weight"),
        ("cut off", {CODES: "(w / scale)"}, "you cut off what follows the point"),
        ("floor", {CODES: "np.floor(w / scale)"}, "you round down"),
        ("ceil", {CODES: "np.ceil(w / scale)"}, "you round up"),
        ("not rounded", {CODES + ".astype(np.int8)": "w / scale"}, "not yet rounded"),
        ("multiplied", {CODES: "np.round(w * scale)"}, "are multiplied by the scale; divide"),
        ("rounded first", {CODES: "np.round(np.round(w) / scale)"},
         "you round the weights before"),
        ("no signs", {CODES: "np.abs(np.round(w / scale))"}, "the codes lack their signs"),
        ("from 0", {CODES: "(np.round(w / scale) + top)"}, "so that they begin at 0"),
        ("one scale for the codes", {CODES: "np.round(w / scale.max())"},
         "the codes are those of one scale"),
        ("floats", {".astype(np.int8)": ""}, "the codes are of type float64 in yours"),
        ("int64", {"np.int8": "int"}, "the codes are of type int64 in yours"),
        ("divided back", {RESTORED: "codes / scale"}, "the codes are divided by the scale"),
        ("codes back", {RESTORED: "codes * 1.0"}, "these are the codes themselves"),
        ("the weights", {RESTORED: "w"}, "these are the weights as they were"),
        ("largest scale back", {RESTORED: "codes * scale.max()"},
         "all channels are multiplied by the largest scale"),
        ("mean scale back", {RESTORED: "codes * scale.mean()"},
         "all channels are multiplied by the mean scale"),
        ("error", {RESTORED: "codes * scale - w"}, "this is what rounding has changed"),
        ("zeros", {SCALE: "largest / top"}, "is 0 in yours, and should be 1"),
        ("zeros, NaN turned into 0", {SCALE: "largest / top", CODES: f"np.nan_to_num({CODES})"},
         "is 0 in yours, and should be 1"),
        ("zeros, as floats", {SCALE: "largest / top", RESTORED: "np.round(w / scale) * scale"},
         "0 / 0 is NaN"),
        ("small as zero", {SCALE: "np.where(largest / top > 1e-3, largest / top, 1)"},
         "small weights are not zero"),
        ("very small as zero", {SCALE: "np.where(largest > 1e-5, largest / top, 1)"},
         "small weights are not zero"),
        ("one weight of 0", {SCALE: "np.where((w == 0).any(axis=0), 1, largest / top)"},
         "a single weight of 0 makes no channel of zeros"),
        ("all for one", {SCALE: "largest / top if largest.all() else np.ones(len(largest))"},
         "gives all channels the scale 1"),
        ("8 bits", {"2 ** (bits - 1) - 1": "127"}, "divided by 127 whatever `bits` is"),
        ("L2 norm", {LARGEST: "np.linalg.norm(w, axis=0)"}, "its L2 norm"),
        ("uint8", {"np.int8": "np.uint8"}, "negative codes have 256 added"),
        ("scale by //", {"largest / top": "largest // top"}, "the scale is 0 in yours: does //"),
        ("scale by //, and not 0", {SCALE: "np.maximum(largest // top, 1)"},
         "every scale is 1 in yours: does //"),
        ("scale of 2 places", {SCALE: f"np.round({SCALE}, 2)"}, "the scale is rounded to 2"),
        ("scale of 3 places", {SCALE: f"np.round({SCALE}, 3)"}, "the scale is rounded to 3"),
        ("scale of 4 places", {SCALE: f"np.round({SCALE}, 4)"}, "the scale is rounded to 4"),
        ("restored cut", {RESTORED: "(codes * scale).astype(np.int8)"},
         "restored weights are cut to whole numbers"),
        ("restored rounded", {RESTORED: "np.round(codes * scale)"},
         "restored weights are rounded to whole numbers"),
        ("zeros with ε", {SCALE: "np.maximum(largest, 1e-7) / top"},
         "the scale of a channel of zeros should be 1"),
        ("rows", {"axis=0": "axis=1", "w / scale)": "w / scale[:, None])",
                  RESTORED: "codes * scale[:, None]"}, "an array of shape"),
        ("two values", {'{"codes": codes, "scale": scale, "restored": codes * scale}':
                        "codes, scale"}, "instead of a dict with the keys"),
        ("Keras's", "import keras\n\n\ndef quantise(w, bits):\n"
         "    top = 2 ** (bits - 1) - 1\n"
         "    codes, scale = keras.quantizers.abs_max_quantize(w, 0, (-top, top), to_numpy=True)\n"
         "    return {'codes': codes, 'scale': 1 / scale[0], 'restored': codes / scale}",
         "solve this task without keras.quantizers.abs_max_quantize"),
    ],
    "lora": [
        ("no scale", {RANK: "1"}, "is not multiplied by α / r"),
        ("alpha", {RANK: "alpha"}, "r is missing"),
        ("r²", {RANK: "alpha / a.shape[1] ** 2"}, "α is divided by r² in yours"),
        ("by N", {RANK: "alpha / len(x)"}, "α is divided by N in yours"),
        ("//", {RANK: "alpha // a.shape[1]"}, "// rounds α / r down"),
        ("rank 2", {RANK: "alpha / 2"}, "r is 2 in yours, whatever a is"),
        ("1 / r", {RANK: "1 / a.shape[1]"}, "α is missing"),
        ("r / α", {RANK: "a.shape[1] / alpha"}, "this is the scale r / α"),
        ("α r", {RANK: "alpha * a.shape[1]"}, "the scale is α · r in yours"),
        ("√r", {RANK: "alpha / np.sqrt(a.shape[1])"}, "α / √r in yours, as in rank-stabilised"),
        ("by D", {RANK: "alpha / a.shape[0]"}, "α is divided by D"),
        ("by K", {RANK: "alpha / b.shape[1]"}, "α is divided by K"),
        ("scaled twice", {OUTPUT: "x @ w + bias + scale * (x @ a) @ (scale * b)"},
         "α / r counts twice"),
        ("subtracted", {OUTPUT: "x @ w + bias - scale * (x @ a) @ b"},
         "the correction is subtracted"),
        ("no bias", {OUTPUT: "x @ w + scale * (x @ a) @ b"}, "the bias is missing"),
        ("bias twice", {OUTPUT: "x @ w + bias + scale * (x @ a) @ b + bias"},
         "the bias is added twice"),
        ("bias scaled", {OUTPUT: "x @ w + scale * ((x @ a) @ b + bias)"},
         "the bias is multiplied by α / r"),
        ("all scaled", {OUTPUT: "scale * (x @ w + bias + (x @ a) @ b)"},
         "α / r multiplies all of it"),
        ("frozen scaled", {OUTPUT: "scale * (x @ w + bias) + (x @ a) @ b"},
         "α / r multiplies the frozen layer in yours"),
        ("no w", {OUTPUT: "bias + scale * (x @ a) @ b"}, "w is missing"),
        ("correction alone", {OUTPUT: "scale * (x @ a) @ b"}, "add x w and the bias"),
        ("merged added", {OUTPUT: "x @ w + bias + x @ (w + scale * (a @ b))"},
         "x w counts twice"),
        ("frozen alone", {OUTPUT: "x @ w + bias"}, "this is the frozen layer alone"),
        ("ReLU", {OUTPUT: f"np.maximum({OUTPUT}, 0)"}, "this layer has no ReLU"),
        ("ReLU between", {"(x @ a)": "np.maximum(x @ a, 0)"}, "cut off between a and b"),
        ("merged alone", {MERGED: "scale * (a @ b)"}, "this is the correction alone; add w"),
        ("not merged", {MERGED: "w"}, "this is w as it was"),
        ("merged without scale", {MERGED: "w + a @ b"},
         "when merged, the product of a and b is not multiplied"),
        ("merged, w twice", {MERGED: "2 * w + scale * (a @ b)"}, "w is added twice"),
        ("merged, w scaled", {MERGED: "scale * w + a @ b"}, "α / r multiplies w in yours"),
        ("merged with bias", {MERGED: "w + scale * (a @ b) + bias"},
         "the bias is added to the weights"),
        ("merged, all scaled", {MERGED: "scale * (w + a @ b)"}, "α / r multiplies w, too"),
        ("merged, subtracted", {MERGED: "w - scale * (a @ b)"},
         "when merged, the correction is subtracted"),
        ("merged, scaled twice", {MERGED: "w + scale**2 * (a @ b)"},
         "when merged, α / r counts twice"),
        ("transposed", {MERGED: "(w + scale * (a @ b)).T"}, "an array of shape"),
        ("output alone", {"return output, merged": "return output"}, "instead of 2 values"),
        ("exchanged", {"return output, merged": "return merged, output"}, "an array of shape"),
    ],
    "distil": [
        ("no T²", {LOSS: "share * soft + (1 - share) * hard"}, "T² is missing before"),
        ("T", {LOSS: "share * T * soft + (1 - share) * hard"}, "multiplied by T; multiply it by"),
        ("1 / T²", {LOSS: "share / T**2 * soft + (1 - share) * hard"}, "is divided by T²"),
        ("T² for both", {LOSS: "T**2 * (share * soft + (1 - share) * hard)"},
         "T² multiplies the hard part, too"),
        ("T² for the hard part", {LOSS: "share * soft + (1 - share) * T**2 * hard"},
         "T² multiplies the hard part, and not the soft one"),
        ("shares exchanged", {LOSS: "(1 - share) * T**2 * soft + share * hard"},
         "the two shares are exchanged: λ"),
        ("no shares", {LOSS: "T**2 * soft + hard"}, "λ is missing: the two parts"),
        ("hard in full", {LOSS: "share * T**2 * soft + hard"}, "the hard part counts in full"),
        ("soft in full", {LOSS: "T**2 * soft + (1 - share) * hard"},
         "the soft part counts in full"),
        ("hard alone", {LOSS: "hard"}, "this is the hard part alone"),
        ("hard alone, shared", {LOSS: "(1 - share) * hard"}, "alone, with its share"),
        ("soft alone", {LOSS: "T**2 * soft"}, "this is the soft part alone"),
        ("soft alone, shared", {LOSS: "share * T**2 * soft"}, "soft part alone, with its share"),
        ("divergence", {SOFT: "np.sum(q * np.log(q / p)) / n"}, "Kullback–Leibler divergence"),
        ("divergence without T²", {SOFT: "np.sum(q * np.log(q / p)) / n", "T**2": "1"},
         "and without T²; here it is"),
        ("^", {"T**2": "(int(T) ^ 2)"}, "in Python ^ is no power"),
        ("hard mean", {HARD: f"{HARD} / s.shape[1]"},
         "the hard part is the mean over examples and classes"),
        ("all pairs", {"s[np.arange(n), y]": "s[:, y]"}, "s[:, y] has a column for each label"),
        ("hard part of the teacher", {"s[np.arange(n), y]": "s[np.arange(n), teacher.argmax(1)]"},
         "the hard part takes the teacher's answers"),
        ("s changed early", {"    hard = ": "    s[np.arange(n), y] -= 1\n    hard = "},
         "is s changed before its logarithm is taken?"),
        ("no T², and a sum", {LOSS: f"n * ({LOSS})", "T**2": "1"},
         "the soft part has no factor T²; and J is a sum"),
        ("T, and a mean over all", {LOSS: f"({LOSS}) / s.shape[1]", "T**2": "T"},
         "the soft part has T in place of T²; and J is divided by the number of all logits"),
        ("T² for both, and a cold teacher", {LOSS: "T**2 * (share * soft + (1 - share) * hard)",
                                             "softmax(teacher / T)": "softmax(teacher)"},
         "T² multiplies the hard part, too; and the teacher has no temperature"),
        ("cold, and no T²", {"student / T": "student", "teacher / T": "teacher", "T**2": "1"},
         "no factor T²; and nothing has a temperature in the soft part"),
        ("cold teacher", {"softmax(teacher / T)": "softmax(teacher)"},
         "the teacher has no temperature in yours"),
        ("cold student", {"softmax(student / T)": "softmax(student)"},
         "the student has no temperature in the soft part of yours"),
        ("cold", {"student / T": "student", "teacher / T": "teacher"},
         "nothing has a temperature in the soft part of yours"),
        ("hot hard part", {"softmax(student)\n": "softmax(student / T)\n"},
         "the hard part has a temperature in yours"),
        ("multiplied by T", {"student / T": "student * T", "teacher / T": "teacher * T"},
         "the logits are multiplied by T"),
        ("exchanged", {SOFT: "-np.sum(p * np.log(q)) / n"}, "student and teacher are exchanged"),
        ("hard labels of the teacher", {"softmax(teacher / T)":
                                        "np.eye(student.shape[1])[teacher.argmax(axis=1)]"},
         "takes the teacher's answers as labels"),
        ("sum", {"return loss": "return n * loss"}, "J is a sum over the examples"),
        ("soft sum", {SOFT: "-np.sum(q * np.log(p))"}, "the soft part is a sum over the examples"),
        ("hard sum", {HARD: "-np.sum(np.log(s[np.arange(n), y]))"},
         "the hard part is a sum over the examples"),
        ("soft mean", {SOFT: "-np.mean(q * np.log(p))"},
         "the soft part is the mean over examples and classes"),
        ("means", {"return loss": "return loss / s.shape[1]"},
         "both parts are means over examples and classes"),
        ("no minus", {"return loss": "return -loss"}, "J has the wrong sign"),
        ("no soft minus", {SOFT: "np.sum(q * np.log(p)) / n"}, "the soft part has the wrong sign"),
        ("no hard minus", {HARD: "np.mean(np.log(s[np.arange(n), y]))"},
         "the hard part has the wrong sign"),
        ("squares", {SOFT: "np.sum((student - teacher) ** 2) / n"},
         "compares the logits by their squares"),
        ("base 2", {"np.log(": "np.log2("}, "not that to base 2"),
        ("base 10", {"np.log(": "np.log10("}, "not that to base 10"),
        ("gradient with T²", {"share * T * (p": "share * T**2 * (p"}, "brings another 1 / T"),
        ("gradient without T", {"share * T * (p": "share * (p"}, "has no factor in yours"),
        ("gradient by T", {"share * T * (p": "share / T * (p"}, "divided by T in yours: T²"),
        ("no soft gradient", {GRADIENT: "(1 - share) * (s - truth) / n"},
         "the soft part of the gradient is missing"),
        ("no hard gradient", {GRADIENT: "share * T * (p - q) / n"},
         "the hard part of the gradient is missing"),
        ("hard gradient with T", {GRADIENT: "T * (share * (p - q) + (1 - share) * (s - truth)) / n"
                                  }, "the hard part is multiplied by T, too"),
        ("gradient sum", {") / n\n    return": ")\n    return"}, "the gradient is a sum over"),
        ("soft gradient sum", {GRADIENT: "share * T * (p - q) + (1 - share) * (s - truth) / n"},
         "the soft part of the gradient is a sum"),
        ("hard gradient sum", {GRADIENT: "share * T * (p - q) / n + (1 - share) * (s - truth)"},
         "the hard part of the gradient is a sum"),
        ("by all logits", {") / n\n    return": ") / s.size\n    return"},
         "divided by the number of all logits"),
        ("gradient reversed", {"return loss, gradient": "return loss, -gradient"},
         "the gradient has the wrong sign"),
        ("soft gradient reversed", {"(p - q)": "(q - p)"}, "wrong sign: student minus teacher"),
        ("hard gradient reversed", {"(s - truth)": "(truth - s)"},
         "wrong sign: softmax minus one-hot"),
        ("gradient's shares", {GRADIENT: "((1 - share) * T * (p - q) + share * (s - truth)) / n"},
         "the two shares are exchanged in the gradient"),
        ("gradient without shares", {GRADIENT: "(T * (p - q) + s - truth) / n"},
         "λ is missing in the gradient"),
        ("no teacher", {"(p - q)": "p"}, "the teacher's probabilities are not subtracted"),
        ("no labels", {"(s - truth)": "s"}, "the one-hot labels are not subtracted"),
        ("cold teacher's gradient", {"(p - q)": "(p - softmax(teacher))"},
         "the teacher has no temperature in the gradient"),
        ("cold student's gradient", {"(p - q)": "(s - q)"},
         "the student has no temperature in the soft part of the gradient"),
        ("cold gradient", {"(p - q)": "(s - softmax(teacher))"},
         "nothing has a temperature in the soft part of the gradient"),
        ("hot hard gradient", {"(s - truth)": "(p - truth)"},
         "the hard part of the gradient has a temperature"),
        ("gradient of answers", {"(p - q)": "(p - np.eye(s.shape[1])[teacher.argmax(axis=1)])"},
         "the soft part of the gradient takes the teacher's answers"),
        ("hard gradient by T", {"(s - truth)": "(s - truth) / T"},
         "the hard part of the gradient is divided by T"),
        ("hot hard gradient by T", {"(s - truth)": "(p - truth) / T"},
         "(p − one-hot) / T in yours"),
        ("1 from all", {"(s - truth)": "(s - 1)"}, "1 is subtracted from every probability"),
        ("numbers of classes", {"(s - truth)": "(s - y[:, None])"},
         "the numbers of the classes are subtracted"),
        ("whole rows", {"np.eye(s.shape[1])[y]": "np.zeros(s.shape)\n    truth[y] = 1"},
         "[y] = 1 fills whole rows with 1"),
        ("gradient with T², and a sum", {GRADIENT: "share * T**2 * (p - q) + (1 - share) * "
                                                   "(s - truth)"},
         "T² / T = T remains; and the gradient is a sum"),
        ("gradient without T, and a sum", {GRADIENT: "share * (p - q) + (1 - share) * (s - truth)"},
         "lacks its factor: T² / T = T remains; and the gradient is a sum"),
        ("gradient by T, and by all logits", {"share * T * (p": "share / T * (p",
                                              ") / n\n    return": ") / s.size\n    return"},
         "T² is missing; and the gradient is divided by the number of all logits"),
        ("cold gradient without T", {"T * (p - q)": "(s - softmax(teacher))"},
         "lacks its factor: T² / T = T remains; and nothing has a temperature"),
        ("cold gradient with T²", {"T * (p - q)": "T**2 * (s - softmax(teacher))"},
         "T² / T = T remains; and nothing has a temperature"),
        ("by differences", {"    return loss": DIFFERENCES.format(h=1e-5, back=1)},
         "as in a gradient by differences"),
        ("by wide differences", {"    return loss": DIFFERENCES.format(h=1e-3, back=1)},
         "as in a gradient by differences"),
        ("by one-sided differences", {"    return loss": DIFFERENCES.format(h=1e-6, back=0)},
         "as in a gradient by differences"),
        ("logits subtracted", {"(p - q)": "(student - teacher)"},
         "the soft part of the gradient subtracts logits"),
        ("loss alone", {"return loss, gradient": "return loss"}, "instead of 2 values"),
        ("Keras's", "import keras\n\n\ndef distil(student, teacher, y, T, share):\n"
         "    soft = keras.losses.KLDivergence()(softmax(teacher / T), softmax(student / T))\n"
         "    return float(soft), 0 * student",
         "solve this task without keras.losses.KLDivergence"),
    ],
    "order": [
        ("plain mean", lines("KDJFICELG"), "lines E and L give the plain mean"),
        ("each machine alike", lines("KDJFICEAG"), "with line E each machine counts alike"),
        ("by the machines", lines("KDJFICMLG"), "with line L a sum over images"),
        ("each by itself", lines("KDJFICHMAG"), "with line H each machine takes a step"),
        ("steps in place of the sum", lines("KDJFICHAG"), "with line H each machine"),
        ("never emptied", lines("KBDFICMAG"), "the gradients of earlier batches stay in the sum"),
        ("step before the sum", lines("KDJAFICMG"), "the step comes before the gradients"),
        ("step first", lines("KDAJFICMG"), "line A fails in this order"),
        ("sum before the gradient", lines("KDJFIMCAG"), "line M fails in this order"),
        ("shares too late", lines("KDJICMFAG"), "line I fails in this order"),
        ("emptied after the sum", lines("KDFICMJAG"), "line M fails in this order"),
        ("no return", lines("KDJFICMA"), "lines are missing"),
        ("two lines", lines("KG"), "lines are missing"),
        ("no return, a sum too many", lines("KBDJFICMA"), "is there a return?"),
        ("sum after the return", lines("KDFICMAGB"), "line M fails in this order"),
        ("E and too few", lines("KDFICEAG"), "with line E each machine counts alike"),
        ("H and too few", lines("KDJFICHG"), "with line H each machine"),
        ("H and fewer", lines("KDFICHG"), "with line H each machine"),
        ("L and too few", lines("KDFICMLG"), "with line L a sum over images"),
        ("line B in vain", lines("KBDFJICMAG"), "it works, but line B does nothing"),
        ("line B after the return", lines("KDFJICMAGB"), "it works, but line B does nothing"),
        ("emptied once too often", lines("KBDJFICMAG"), "it works, but line B does nothing"),
        ("shares before the loop", lines("KFDJICMAG"), "line D, or the lines just before it"),
        ("sum before the loop", lines("KJDFICMAG"), "line D, or the lines just before it"),
        ("both before the loop", lines("KFJDICMAG"), "line D, or the lines just before it"),
        ("no def", lines("DJFICMAGB"), "is not valid Python"),
        ("returned at once", lines("KGDJFICMA"), "line G returns before the loop"),
        ("twice", lines("KDJFICCMAG"), "line C is used twice"),
        ("unknown line", lines("KDJFICMAGZ"), "there is no line 'Z'"),
        ("a text", f"order = '{SOLVED}'", "write a list of labels"),
    ],
    "budget": [
        ("numbers", {'"weights": 4 * weights': '"weights": weights'}, "each has 4 bytes"),
        ("bits", {'"weights": 4 * weights': '"weights": 32 * weights'}, "these are bits"),
        ("float64", {'"weights": 4 * weights': '"weights": 8 * weights'}, "yours have 8"),
        ("no biases", {COUNT: 'math.prod(layer["shape"])'}, "the biases are missing"),
        ("trained weights", {'"weights": 4 * weights': '"weights": 4 * trained'},
         "the weights of frozen layers are missing"),
        ("frozen weights", {'"weights": 4 * weights': '"weights": 4 * (weights - trained)'},
         "this is 0: trained weights count, too"),
        ("megabytes", {'"weights": 4 * weights': '"weights": 4 * weights / 2**20'}, "give bytes"),
        ("kilobytes", {'"weights": 4 * weights': '"weights": 4 * weights / 1000'}, "give bytes"),
        ("megabytes, cut", {'"weights": 4 * weights': '"weights": 4 * weights // 10**6'},
         "the unit is a byte"),
        ("kilobytes of activations", {"4 * batch * kept": "4 * batch * kept / 1024"},
         "give bytes"),
        ("first layer of a list", {KEPT: "            kept += (layer is not layers[0]) * inputs"},
         "and so does the first one"),
        ("first trained layer", {KEPT: "            kept += (trained > count) * inputs"},
         "and so does the first one"),
        ("dicts", {"    weights = trained": "    layers = list(layers)\n    for layer in layers:\n"
                   "        layer.setdefault('trained', False)\n    weights = trained"},
         "do not write into the dicts in layers"),
        ("kernels of 3 by 3", {COUNT: "inputs * outputs * (9 if 'side' in layer else 1) + outputs"},
         "kernels are 3 × 3 in yours"),
        ("kernels without channels", {COUNT: "layer['shape'][0] * layer['shape'][1] + outputs"},
         "kernels of convolutions have channels, too"),
        ("K of a convolution", {KEPT: "            kept += (outputs if 'side' in layer else inputs)"
                                }, "K is what it returns"),
        ("height of a kernel", {KEPT: "            kept += layer['shape'][0]"},
         "shape[0] of a convolution is the height"),
        ("no convolution trained", {'if layer["trained"]:':
                                    'if layer["trained"] and "side" not in layer:'},
         "a convolution may be trained, too"),
        ("no state of a convolution", {
            "state = 4 * copies * trained": "state = 4 * copies * sum(math.prod(o['shape']) + "
            "o['shape'][1] for o in layers if o.get('trained') and 'side' not in o)"},
         "a convolution may be trained, too: then it has a state"),
        ("no input of a convolution", {KEPT: "            kept += ('side' not in layer) * inputs"},
         "a trained convolution keeps its input, too"),
        ("gradients of frozen biases", {TRAINED: "        trained += 0 if layer['trained'] else "
                                        f"outputs\n{TRAINED}"},
         "biases of a frozen layer are frozen, too, and need no gradient"),
        ("state of frozen biases", {
            "copies * trained": "copies * (trained + sum(o['shape'][-1] for o in layers "
            "if 'shape' in o and not o['trained']))"},
         "are frozen, too, and have no state"),
        ("no frozen biases", {"weights += count":
                              "weights += count if layer['trained'] else count - outputs"},
         "the biases of frozen layers are missing"),
        ("input and output", {f"{KEPT}{AREA}": f"            kept += (inputs + outputs){AREA}"},
         "and not also what it returns"),
        ("ReLU twice", {RELU: 'kept += 2 * layer["size"] if trained else 0'},
         "a ReLU keeps its M numbers once"),
        ("ReLU above the last", {
            RELU: "above = layers[[id(o) for o in layers].index(id(layer)) :]\n            "
            'kept += layer["size"] if trained and not any(o.get("trained") for o in above) else 0'},
         "a ReLU between two trained layers keeps its numbers, too"),
        ("nothing is trained", {"    copies =": "    weights = weights if trained else 0\n"
                                                "    copies ="},
         "what is not trained lies in the memory all the same"),
        ("kernel without its area", {COUNT: "inputs * outputs + outputs"},
         "a kernel has rows and columns, too"),
        ("weights at each place", {COUNT: 'math.prod(layer["shape"]) * layer.get("side", 1) ** 2 '
                                          "+ outputs"}, "the same weights at each place"),
        ("weights by the batch", {'"weights": 4 * weights': '"weights": 4 * weights * batch'},
         "the weights do not depend on the batch"),
        ("bias for each input", {COUNT: 'math.prod(layer["shape"]) + inputs'},
         "a bias counts for each output"),
        ("weights of a ReLU", {RELU: f'weights += layer["size"]\n            {RELU}'},
         "a ReLU has no weights"),
        ("gradients of all", {'"gradients": 4 * trained': '"gradients": 4 * weights'},
         "frozen weights need no gradient"),
        ("gradients of the frozen", {'"gradients": 4 * trained':
                                     '"gradients": 4 * (weights - trained)'},
         "only the frozen weights have a gradient"),
        ("gradients as numbers", {'"gradients": 4 * trained': '"gradients": trained'},
         "these are numbers of gradients"),
        ("gradients of kernels", {"trained += count": "trained += count - outputs"},
         "the biases of the trained layers have gradients, too"),
        ("gradients by the batch", {'"gradients": 4 * trained': '"gradients": 4 * batch * trained'},
         "it does not grow with the batch"),
        ("Adam is momentum", {'"adam": 2': '"adam": 1'}, "Adam keeps two numbers"),
        ("Adam and the gradient", {'"adam": 2': '"adam": 3'}, "three numbers for each"),
        ("no Adam", {'"adam": 2': '"adam": 0'}, "Adam keeps two numbers for each trained weight; "
                                               "in yours"),
        ("momentum is Adam", {'"momentum": 1': '"momentum": 2'}, "momentum keeps one number"),
        ("no momentum", {'"momentum": 1': '"momentum": 0'}, "in yours there is none"),
        ("SGD is momentum", {'"sgd": 0': '"sgd": 1'}, "plain SGD keeps no number"),
        ("SGD is Adam", {'"sgd": 0': '"sgd": 2'}, "two for each are Adam's"),
        ("state of all", {"4 * copies * trained": "4 * copies * weights"},
         "frozen weights have no state"),
        ("state as numbers", {"4 * copies * trained": "copies * trained"},
         "these are numbers of the state"),
        ("state of the frozen", {"4 * copies * trained": "4 * copies * (weights - trained)"},
         "in yours"),
        ("state by the batch", {"4 * copies * trained": "4 * copies * trained * batch"},
         "the state does not grow with the batch"),
        ("one image", {"4 * batch * kept": "4 * kept"}, "multiply by `batch`"),
        ("activations as numbers", {"4 * batch * kept": "batch * kept"},
         "these are numbers of activations"),
        ("outputs", {KEPT: "            kept += outputs"}, "yours keep what they return"),
        ("frozen inputs", ALWAYS, "a frozen layer with weights keeps nothing"),
        ("frozen inputs above", {
            '        if layer["trained"]:\n            trained += count\n            kept += ':
            '        trained += count if layer["trained"] else 0\n        if trained:\n'
            "            kept += "}, "a frozen layer with weights keeps nothing"),
        ("all ReLUs", {" if trained else 0": ""}, "nothing goes back through a ReLU"),
        ("everything", {" if trained else 0": "", **ALWAYS}, "every layer keeps its numbers"),
        ("no ReLU", {RELU: "pass"}, "a ReLU above a trained layer keeps its numbers, too"),
        ("ReLUs alone", {KEPT: "            kept += 0 * inputs"}, "keeps its input, and"),
        ("no area", {AREA: ""}, "side² numbers for each of its input channels"),
        ("side", {AREA: ' * layer.get("side", 1)'}, "is to be squared"),
        ("ReLU before", {
            RELU: 'kept += layer["size"] * any(one.get("trained") for one in '
                  "layers[layers.index(layer) + 1 :])"},
         "a ReLU"),
        ("ReLU of the next", {
            RELU: 'kept += layer["size"] * layers[layers.index(layer) - 1].get("trained", False)'},
         "a ReLU keeps its numbers above any trained layer"),
        ("three entries", {' | {"activations": 4 * batch * kept}': ""},
         "instead of a dict with the keys"),
    ],
}  # fmt: skip

RIGHT = {
    "quantise": [
        (
            "channel by channel",
            "def quantise(w, bits):\n"
            "    top = 2 ** bits // 2 - 1\n"
            "    codes, scale = np.zeros(w.shape, np.int8), np.ones(w.shape[1])\n"
            "    for k in range(w.shape[1]):\n"
            "        if w[:, k].any():\n"
            "            scale[k] = max(w[:, k].max(), -w[:, k].min()) / top\n"
            "        codes[:, k] = np.rint(w[:, k] / scale[k])\n"
            "    return {'codes': codes, 'scale': scale, 'restored': scale * codes}",
        ),
        ("halves up", {CODES: "np.floor(w / scale + 0.5)"}),
        ("clipped", {CODES: "np.clip(np.round(w / scale), -top, top)"}),
    ],
    "lora": [
        ("merged first", {
            "    output = x @ w + bias + scale * (x @ a) @ b\n    merged = w + scale * (a @ b)":
            "    merged = w + scale * (a @ b)\n    output = x @ merged + bias"}),
        (
            "loops",
            "def lora(x, w, bias, a, b, alpha):\n"
            "    merged = w.copy()\n"
            "    for k in range(len(b)):\n"
            "        merged += alpha / len(b) * np.outer(a[:, k], b[k])\n"
            "    return [np.array([row @ merged + bias for row in x]), merged]",
        ),
    ],
    "distil": [
        (
            "example by example",
            "def distil(student, teacher, y, T, share):\n"
            "    n, loss, gradient = len(y), 0.0, []\n"
            "    p, q, s = softmax(student / T), softmax(teacher / T), softmax(student)\n"
            "    for i in range(n):\n"
            "        loss -= share * T * T * np.dot(q[i], np.log(p[i])) / n\n"
            "        loss -= (1 - share) * np.log(s[i][y[i]]) / n\n"
            "        s[i][y[i]] -= 1\n"
            "        gradient.append((share * T * (p[i] - q[i]) + (1 - share) * s[i]) / n)\n"
            "    return [loss, np.array(gradient)]",
        ),
        ("chain rule", {"share * T * (p - q)": "share * T**2 * (1 / T) * (p - q)"}),
        ("from the logits", {SOFT: "np.mean(np.log(np.exp(student / T).sum(1)) "
                                   "- (q * student / T).sum(1))"}),
    ],
    "order": [
        ("list of a text", f"order = list('{SOLVED}')"),
        ("shares first", lines("KDFJICMAG")),
    ],
    "budget": [
        (
            "list by list",
            "def budget(layers, batch, optimizer):\n"
            "    def count(one):\n"
            "        return 0 if one['kind'] == 'relu' else np.prod(one['shape']) + "
            "one['shape'][-1]\n\n"
            "    def numbers(one):\n"
            "        if one['kind'] == 'relu':\n"
            "            return one['size']\n"
            "        side = one['side'] if one['kind'] == 'conv' else 1\n"
            "        return side * side * one['shape'][-2]\n\n"
            "    places = [i for i, one in enumerate(layers) if one.get('trained')]\n"
            "    trained = sum(count(layers[i]) for i in places)\n"
            "    kept = sum(numbers(layers[i]) for i in places)\n"
            "    for one in layers[places[0] :] if places else []:\n"
            "        kept += numbers(one) if one['kind'] == 'relu' else 0\n"
            "    state = {'sgd': 0, 'momentum': 4, 'adam': 8}[optimizer] * trained\n"
            "    return {'weights': 4 * sum(map(count, layers)), 'gradients': 4 * trained,\n"
            "            'state': state, 'activations': 4 * kept * batch}",
        ),
        ("in floats", {"4 * batch * kept": "4.0 * batch * kept"}),
    ],
}  # fmt: skip
