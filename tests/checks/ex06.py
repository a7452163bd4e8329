"""Evaluation."""

SCALE = "x[train].mean(0), x[train].std(0)"
P = "2 * stats.binom.cdf(s, n, 0.5) - stats.binom.pmf(s, n, 0.5)"
REACH = "stats.t.ppf(0.975, seeds - 1) * gains.std(ddof=1) / np.sqrt(seeds)"
VERDICT = "if low > -0.01 and high < 0.01:"
COUNTS = {
    "only_a": "np.sum((a == y) & (b != y))",
    "only_b": "np.sum((a != y) & (b == y))",
}


def counted(only_a, only_b):
    return {COUNTS["only_a"]: only_a, COUNTS["only_b"]: only_b}


WRONG = {
    "macro": [
        ("exchanged", "def macro(counts):\n"
         "    hits, truly, called = np.diag(counts), counts.sum(1), counts.sum(0)\n"
         "    precision, recall = hits / truly, hits / called\n"
         "    f1 = 2 * hits / (truly + called)\n"
         "    return np.array([precision.mean(), recall.mean(), f1.mean()])",
         "precision and recall are exchanged"),
        ("0 / 0", {"np.maximum(called, 1)": "called", "np.maximum(truly, 1)": "truly"},
         "0 / 0 is NaN: where a denominator is 0"),
        ("F1 of two shares", {"2 * hits / np.maximum(truly + called, 1)":
                              "2 * precision * recall / (precision + recall)"}, "0 / 0 is NaN"),
        ("micro", {"hits / np.maximum(called": "hits.sum() / np.maximum(called.sum()",
                   "hits / np.maximum(truly, 1)": "hits.sum() / truly.sum()",
                   "2 * hits / np.maximum(truly + called, 1)": "precision"}, "(micro)"),
        ("ordinary mean", {"2 * hits / np.maximum(truly + called, 1)": "(precision + recall) / 2"},
         "not their ordinary mean"),
        ("F1 of the means", {"2 * hits / np.maximum(truly + called, 1)":
         "2 * precision.mean() * recall.mean() / (precision.mean() + recall.mean())"},
         "F1 is taken of the two means"),
        ("no factor 2", {"2 * hits": "hits"}, "its 2 is missing"),
        ("of all", {"np.maximum(called, 1)": "counts.sum()", "np.maximum(truly, 1)":
                    "counts.sum()"}, "divided by the number of all examples"),
        ("at least 2", {"np.maximum(called, 1)": "np.maximum(called, 2)",
                        "np.maximum(truly, 1)": "np.maximum(truly, 2)"},
         "a denominator of 1 is changed"),
        ("left out", {"hits / np.maximum(called, 1)": "hits[called > 0] / called[called > 0]",
                      "hits / np.maximum(truly, 1)": "hits[truly > 0] / truly[truly > 0]"},
         "left out of the mean"),
        ("left out of all three", {"    precision = ":
         "    kept = (called > 0) & (truly > 0)\n"
         "    hits, truly, called = hits[kept], truly[kept], called[kept]\n    precision = "},
         "left out of the mean; it counts, with 0, in all three"),
        ("one", {"hits / np.maximum(called, 1)":
                 "np.where(called > 0, hits / np.maximum(called, 1), 1)"}, "counts as 1 in yours"),
        ("weighted", {"f1 = 2 *": "share = truly * len(truly) / truly.sum()\n    f1 = 2 *",
                      "precision.mean(), recall.mean(), f1.mean()":
                      "(share * precision).mean(), (share * recall).mean(), (share * f1).mean()"},
         "weighed by its number of examples"),
        ("a thousandth added", {"np.maximum(called, 1)": "(called + 1e-3)",
                                "np.maximum(truly, 1)": "(truly + 1e-3)",
                                "np.maximum(truly + called, 1)": "(truly + called + 1e-3)"},
         "a thousandth in every denominator"),
        ("1 added", {"np.maximum(called, 1)": "(called + 1)", "np.maximum(truly, 1)": "(truly + 1)",
                     "np.maximum(truly + called, 1)": "(truly + called + 1)"},
         "1 is added to every denominator"),
        ("from scikit-learn", {"    precision = hits":
         "    from sklearn.metrics import f1_score\n    precision = hits"},
         "solve this task without sklearn.metrics.f1_score"),
    ],
    "wilson": [
        ("Wald", {"middle = p + z**2 / (2 * n)": "middle = p", " + z**2 / (4 * n**2)": "",
                  " / (1 + z**2 / n)": ""}, "which has no width where all are right"),
        ("upper first", {"[middle - reach, middle + reach]": "[middle + reach, middle - reach]"},
         "return the lower bound first"),
        ("no factor", {" / (1 + z**2 / n)": ""}, "the factor before the bracket is missing"),
        ("factor on the middle", {" / (1 + z**2 / n)": "",
                                  "p + z**2 / (2 * n)": "(p + z**2 / (2 * n)) / (1 + z**2 / n)"},
         "the factor before the bracket multiplies the root, too"),
        ("factor on the root", {" / (1 + z**2 / n)": "",
                                "reach = z *": "reach = z / (1 + z**2 / n) *"},
         "the factor before the bracket multiplies the middle, too"),
        ("no z", {"reach = z *": "reach ="}, "z before the root is missing"),
        ("one term", {" + z**2 / (4 * n**2)": ""}, "the second term under the root is missing"),
        ("z not squared", {"z**2 / (4 * n**2)": "z / (4 * n**2)"}, "z is squared"),
        ("n not squared", {"z**2 / (4 * n**2)": "z**2 / (4 * n)"}, "n is squared: z²/4n²"),
        ("bare middle", {"p + z**2 / (2 * n)": "p"}, "the middle is p alone"),
        ("Agresti and Coull", {"    reach = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))\n":
         "    q = middle / (1 + z**2 / n)\n"
         "    reach = z * np.sqrt(q * (1 - q) / (n + z**2)) * (1 + z**2 / n)\n"},
         "Agresti and Coull"),
        ("middle without brackets", {"z**2 / (2 * n)": "z**2 / 2 * n"},
         "z**2 / 2 * n multiplies by n"),
        ("root without brackets", {"z**2 / (4 * n**2)": "z**2 / 4 * n**2"},
         "z**2 / 4 * n**2 multiplies by n²"),
        ("no brackets", {"z**2 / (2 * n)": "z**2 / 2 * n", "z**2 / (4 * n**2)": "z**2 / 4 * n**2"},
         "put the denominators in brackets"),
        ("z fixed", {"    p = k / n": "    z = 1.96\n    p = k / n"}, "z is not used"),
        ("rows for columns", {"axis=1": "axis=0"}, "instead of an array of shape (1, 2)"),
        ("two arrays", {"return np.stack(": "return tuple(", ", axis=1) / (1 + z**2 / n)": ")"},
         "2 values (a list or tuple) instead of an array"),
        ("cut off", {"    return np.stack(": "    reach = np.where(p < 1, reach, 0)\n"
                     "    return np.stack("}, "do not prove an accuracy of 1"),
        ("SciPy's", "def wilson(k, n, z):\n"
         "    found = [stats.binomtest(int(one), n).proportion_ci(method='wilson') for one in k]\n"
         "    return np.array([[one.low, one.high] for one in found])",
         "solve this task without scipy.stats.binomtest"),
    ],
    "fold_scores": [
        ("features before the loop", {
            "scores = []": "scores, chosen = [], best_features(x, y, m)",
            "        chosen = best_features(x[train], y[train], m)\n": ""},
         "chosen by a look at the test examples"),
        ("centroids of all", {"nearest_centroid(x[train][:, chosen], y[train],":
                              "nearest_centroid(x[:, chosen], y,"},
         "the test examples of a round are also trained on"),
        ("all of all", {"fold != f,": "fold >= 0,"}, "all examples choose and train"),
        ("features of the test", {"best_features(x[train], y[train]":
                                  "best_features(x[test], y[test]"},
         "the features are chosen on the test examples"),
        ("exchanged", {"fold != f, fold == f": "fold == f, fold != f"},
         "you train on part f and test on all others"),
        ("training accuracy", {", fold == f": ", fold != f"}, "accuracy on the training examples"),
        ("errors", {"answers == y": "answers != y"}, "this is the share of errors"),
        ("backwards", {"np.array(scores)": "np.array(scores[::-1])"},
         "not in the order of their numbers"),
        ("all columns", {"[:, chosen]": ""}, "m is not used"),
        ("m fixed", {"y[train], m)": "y[train], 3)"}, "m is not used"),
        ("counts", {"np.mean(answers": "np.sum(answers"}, "the accuracy is their share"),
        ("rows", {"x[train][:, chosen], y[train]": "x[train][chosen], y[train][chosen]",
                  "x[test][:, chosen]": "x[test]"}, "x[train][chosen] takes rows"),
        ("mean", {"np.array(scores)": "np.mean(scores)"}, "a number instead of an array of shape"),
        ("list", {"np.array(scores)": "scores"}, "a list instead of an array of shape (3,)"),
        ("one round too few", {"fold.max() + 1": "fold.max()"}, "of an array of shape (3,)"),
        ("all features", {"x[test][:, chosen])": "x[test])"}, "your function raises ValueError"),
        ("from scikit-learn", "def fold_scores(x, y, fold, m):\n"
         "    from sklearn.model_selection import cross_val_score, PredefinedSplit\n"
         "    from sklearn.neighbors import NearestCentroid\n"
         "    chosen = best_features(x, y, m)\n"
         "    split = PredefinedSplit(fold)\n"
         "    return cross_val_score(NearestCentroid(), x[:, chosen], y, cv=split)",
         "without sklearn.model_selection.cross_val_score"),
    ],
    "repaired": [
        ("scaling left", {SCALE: "x.mean(0), x.std(0)"},
         "mean and spread of the features are still taken over all examples"),
        ("test epoch left", {"x[validation] @ t) == y[validation]": "x[first] @ t) == y[first]"},
         "the epoch is still chosen by the test accuracy"),
        ("two passes left", {"answers == y[first]": "answers == y[second]"},
         "the answers are of the first pass and the labels of the second"),
        ("scaling and epoch left", {
            SCALE: "x.mean(0), x.std(0)",
            "x[validation] @ t) == y[validation]": "x[first] @ t) == y[first]"},
         "two faults are left: the scaling sees the test, and the epoch is chosen on it"),
        ("scaling and passes left", {SCALE: "x.mean(0), x.std(0)",
                                     "answers == y[first]": "answers == y[second]"},
         "two faults are left: the scaling sees the test, and answers and labels"),
        ("epoch and passes left", {
            "answers == y[first]": "answers == y[second]",
            "x[validation] @ t) == y[validation]": "x[first] @ t) == y[second]"},
         "two faults are left: the epoch is chosen on the test, and answers and labels"),
        ("nothing done", "def repaired(x, y, train, validation, first, second):\n"
         "    return broken(x, y, train, validation, first, second)", "all three faults are left"),
        ("validation accuracy", {"np.mean(answers == y[first])": "max(on_validation)"},
         "this is the accuracy on the validation examples"),
        ("scaling by validation too", {SCALE: "x[np.r_[train, validation]].mean(0), "
                                       "x[np.r_[train, validation]].std(0)"},
         "the validation examples take part in the scaling"),
        ("each by itself", {
            "    x = (x - middle) / spread\n":
            "    x = x.copy()\n    for part in (train, validation, first):\n"
            "        x[part] = (x[part] - x[part].mean(0)) / x[part].std(0)\n"},
         "every part is scaled by its own mean and spread"),
        ("training epoch", {"x[validation] @ t) == y[validation]": "x[train] @ t) == y[train]"},
         "the epoch is chosen on the training examples"),
        ("last epoch", {"int(np.argmax(on_validation))": "len(thetas) - 1"},
         "the last epoch is reported"),
        ("epochs from 1", {'"epoch": best,': '"epoch": best + 1,'},
         "the first epoch has the number 0"),
        ("ddof", {"std(0)": "std(0, ddof=1)"}, "std divides by N here"),
        ("last of equals", {"int(np.argmax(on_validation))":
                            "19 - int(np.argmax(on_validation[::-1]))"},
         "of equals, take the first"),
        ("not scaled", {"    x = (x - middle) / spread\n": ""}, "the features are not scaled"),
        ("only centred", {"(x - middle) / spread": "x - middle"},
         "the features are not divided by their spread"),
        ("only divided", {"(x - middle) / spread": "x / spread"}, "are not centred"),
        ("only the accuracy", {'{"epoch": best, "accuracy": np.mean(answers == y[first])}':
                               "np.mean(answers == y[first])"},
         "a number instead of a dict with the keys 'epoch', 'accuracy'"),
    ],
    "mcnemar": [
        ("exact", {" - stats.binom.pmf(s, n, 0.5)": ""}, "this is the exact test"),
        ("one-sided", {P: "stats.binom.cdf(s, n, 0.5) - stats.binom.pmf(s, n, 0.5) / 2"},
         "this is the one-sided test"),
        ("no factor 2", {"2 * stats": "stats"}, "the factor 2 is missing before"),
        ("twice", {P: "2 * (stats.binom.cdf(s, n, 0.5) - stats.binom.pmf(s, n, 0.5))"},
         "you subtract P(X = s) twice"),
        ("added", {"0.5) - stats": "0.5) + stats"}, "subtracted, not added"),
        ("larger", {"min(only_a, only_b)": "max(only_a, only_b)"}, "take the smaller"),
        ("all images", {"n, s = only_a + only_b,": "n, s = len(y),"}, "for all N images"),
        ("all that differ", {"n, s = only_a + only_b,": "n, s = np.sum(a != b),"},
         "for all images on which the answers differ"),
        ("χ²", {P: "stats.chi2.sf((only_a - only_b) ** 2 / max(n, 1), 1)"},
         "this is the χ² version of the test"),
        ("χ², corrected", {P: "stats.chi2.sf((abs(only_a - only_b) - 1) ** 2 / max(n, 1), 1)"},
         "with the continuity correction"),
        ("P(X = s)", {P: "stats.binom.pmf(s, n, 0.5)"}, "this is P(X = s) alone"),
        ("1 − p", {"return only_a, only_b, p": "return only_a, only_b, 1 - p"}, "this is 1 − p"),
        ("exchanged", {"return only_a, only_b, p": "return only_b, only_a, p"},
         "only_a and only_b are exchanged"),
        ("errors", counted("np.sum(b != y)", "np.sum(a != y)"), "you count all errors of each"),
        ("right ones", counted("np.sum(a == y)", "np.sum(b == y)"),
         "you count the images on which each is right"),
        ("both wrong", counted("np.sum((b != y) & (a != b))", "np.sum((a != y) & (a != b))"),
         "images that both misread in different ways"),
        ("only p", {"return only_a, only_b, p": "return p"}, "a number instead of 3 values"),
        ("0 / 0", {P: f"({P}) * n / n"}, "there is NaN or infinity in value 3 of 3"),
        ("from the package", {"    n, s =": "    from tlcourse import evaluation\n\n"
                              "    p = evaluation.mcnemar(y, a, b)\n    n, s ="},
         "solve this task without tlcourse.evaluation.mcnemar"),
    ],
    "report": [
        ("sign", {"(transfer == y).mean(1) - (scratch == y).mean(1)":
                  "(scratch == y).mean(1) - (transfer == y).mean(1)"}, "the sign is reversed"),
        ("no √S", {" / np.sqrt(seeds)": ""}, "√S is missing"),
        ("ddof", {"std(ddof=1)": "std()"}, "ddof=1"),
        ("1.96", {"stats.t.ppf(0.975, seeds - 1)": "1.96"}, "1.96 is too small"),
        ("unpaired", {"gains.std(ddof=1)": "np.sqrt((transfer == y).mean(1).var(ddof=1) "
                      "+ (scratch == y).mean(1).var(ddof=1))"}, "forgets that the runs are paired"),
        ("ttest_ind", {REACH: "gain - stats.ttest_ind((transfer == y).mean(1), "
                       "(scratch == y).mean(1)).confidence_interval().low"},
         "take the S gains, with S − 1 degrees of freedom"),
        ("all answers", {REACH: "1.96 * ((transfer == y).astype(float) - (scratch == y))"
                         ".std(ddof=1) / np.sqrt(transfer.size)"},
         "all S · N answers are taken as independent"),
        ("degrees of freedom", {"0.975, seeds - 1": "0.975, seeds"},
         "the degrees of freedom are S − 1"),
        ("90 %", {"0.975": "0.95"}, "this is a 90 % interval"),
        ("ties win", {"gains > 0": "gains >= 0"}, "a seed without a difference is not won"),
        ("images", {"np.sum(gains > 0)": "np.sum((transfer == y) & (scratch != y))"},
         "wins counts the images; count the seeds"),
        ("points", {"gain, seeds = gains.mean(), len(gains)":
                    "gains = 100 * gains\n    gain, seeds = gains.mean(), len(gains)"},
         "the numbers are in points"),
        ("helps first", {"low > -0.01 and high < 0.01": "low > 0", '"makes no difference"\n'
                         "    elif low > 0:": '"helps"\n    elif low > -0.01 and high < 0.01:',
                         '        verdict = "helps"\n    elif high':
                         '        verdict = "makes no difference"\n    elif high'},
         "ask for it first"),
        ("the sign of the gain", {"elif low > 0": "elif gain > 0", "elif high < 0":
                                  "elif gain < 0"}, "that is 'cannot tell'"),
        ("most wins", {"elif low > 0": "elif np.sum(gains > 0) > seeds / 2"},
         "that is 'cannot tell'"),
        ("no difference is no evidence", {
            "if low > -0.01 and high < 0.01:": "if low <= 0 <= high:"},
         "that is 'cannot tell'"),
        ("ten points", {VERDICT: "if low > -0.1 and high < 0.1:"}, "that is 'helps'"),
        ("a wider band", {VERDICT: "if low > -0.011 and high < 0.011:"}, "that is 'cannot tell'"),
        ("two points", {VERDICT: "if low > -0.02 and high < 0.02:"}, "that is 'cannot tell'"),
        ("the gain within a point", {VERDICT: "if abs(gain) < 0.01:"}, "that is 'cannot tell'"),
        ("the width", {VERDICT: "if high - low < 0.02:"}, "that is 'cannot tell'"),
        ("only low", {VERDICT: "if -0.01 < low < 0.01:"}, "reaches beyond a point"),
        ("only high", {VERDICT: "if -0.01 < high < 0.01:"}, "reaches beyond a point"),
        ("helps from a point on", {"elif low > 0:": "elif low > 0.01:"}, "that is 'helps'"),
        ("hurts from a point on", {"elif high < 0:": "elif high < -0.01:"}, "that is 'hurts'"),
        ("narrow around 0", {VERDICT: f"{VERDICT[:-1]} or low < 0 < high and high - low < 0.05:"},
         "that is 'cannot tell'"),
        ("low and high exchanged", {'"low": low, "high": high': '"low": high, "high": low'},
         "low and high are exchanged"),
        ("mean over the seeds", {"== y).mean(1)": "== y).mean(0)"}, "over axis 0, the seeds"),
        ("hurts forgotten", {'"hurts"': '"cannot tell"'}, "that is 'hurts'"),
        ("own words", {'"helps"': '"transfer helps"'}, "there is no verdict 'transfer helps'"),
        ("no verdict", {', "verdict": verdict': ""}, "instead of a dict with the keys"),
        ("an array", {'"gain": gain,': '"gain": gains,'}, "instead of a number"),
        ("from the package", {"    gain, seeds":
         "    from tlcourse.evaluation import compare\n    compare(y, scratch, transfer)\n"
         "    gain, seeds"},
         "solve this task without tlcourse.evaluation.compare"),
    ],
}  # fmt: skip

RIGHT = {
    "macro": [
        (
            "loops",
            "def macro(counts):\n"
            "    rows = []\n"
            "    for i in range(len(counts)):\n"
            "        truly = sum(int(counts[i, j]) for j in range(len(counts)))\n"
            "        called = sum(int(counts[j, i]) for j in range(len(counts)))\n"
            "        p = counts[i, i] / called if called else 0.0\n"
            "        r = counts[i, i] / truly if truly else 0.0\n"
            "        rows.append([p, r, 2 * p * r / (p + r) if p + r else 0.0])\n"
            "    return np.mean(rows, axis=0)",
        ),
        ("zeros mended later", {
            "np.maximum(called, 1)": "called", "np.maximum(truly, 1)": "truly",
            "np.maximum(truly + called, 1)": "(truly + called)",
            "    return": "    precision, recall, f1 = np.nan_to_num([precision, recall, f1])\n"
                          "    return"}),
        ("float32", {"np.diag(counts), counts.sum(1), counts.sum(0)":
                     "np.diag(counts), counts.sum(1), counts.sum(0).astype('float32')"}),
    ],
    "wilson": [
        (
            "loops",
            "def wilson(k, n, z):\n"
            "    rows = []\n"
            "    for one in k:\n"
            "        p, a = one / n, z * z / n\n"
            "        root = z * (p * (1 - p) / n + a / (4 * n)) ** 0.5\n"
            "        rows.append([(p + a / 2 + sign * root) / (1 + a) for sign in (-1, 1)])\n"
            "    return np.array(rows)",
        ),
        (
            "as the roots of a quadratic",
            "def wilson(k, n, z):\n"
            "    p = k / n\n"
            "    roots = [np.sort(np.roots([1 + z**2 / n, -2 * q - z**2 / n, q**2])) for q in p]\n"
            "    return np.array(roots).real",
        ),
        ("column by column", {"np.stack([middle - reach, middle + reach], axis=1)":
                              "np.array([middle - reach, middle + reach]).T"}),
    ],
    "fold_scores": [
        ("numbers of the examples", {"fold != f, fold == f":
                                     "np.flatnonzero(fold != f), np.flatnonzero(fold == f)"}),
        ("columns first", {"x[train][:, chosen]": "x[:, chosen][train]",
                           "x[test][:, chosen]": "x[:, chosen][test]"}),
        ("features with their values", {"chosen = best_features(x[train], y[train], m)":
         "gap = abs(x[train][y[train] == 1].mean(0) - x[train][y[train] == 0].mean(0))\n"
         "        chosen = np.argsort(gap)[-m:]"}),
        ("unique", {"range(fold.max() + 1)": "np.unique(fold)"}),
    ],
    "repaired": [
        ("the second pass", {"x[first]": "x[second]", "y[first]": "y[second]"}),
        (
            "loops",
            "def repaired(x, y, train, validation, first, second):\n"
            "    x = (x - np.mean(x[train], axis=0)) / np.std(x[train], axis=0)\n"
            "    best, epoch, reported = -1, None, None\n"
            "    for i, theta in enumerate(train_epochs(x[train], y[train])):\n"
            "        score = np.mean(np.sign(x[validation] @ theta) == y[validation])\n"
            "        if score > best:\n"
            "            said = np.where(x[second] @ theta > 0, 1, -1)\n"
            "            best, epoch, reported = score, i, (said == y[second]).mean()\n"
            "    return {'accuracy': float(reported), 'epoch': epoch}",
        ),
        ("parts", {"    x = (x - middle) / spread\n": "    x = x - middle\n    x = x / spread\n"}),
    ],
    "mcnemar": [
        (
            "loops",
            "def mcnemar(y, a, b):\n"
            "    from math import comb\n"
            "    only_a = only_b = 0\n"
            "    for truth, one, other in zip(y, a, b):\n"
            "        only_a += int(one == truth != other)\n"
            "        only_b += int(other == truth != one)\n"
            "    n, s = only_a + only_b, min(only_a, only_b)\n"
            "    below = sum(comb(n, k) for k in range(s))\n"
            "    return [only_a, only_b, (2 * below + comb(n, s)) / 2**n]",
        ),
        ("half from each side", {P: "2 * (stats.binom.cdf(s - 1, n, 0.5) "
                                 "+ stats.binom.pmf(s, n, 0.5) / 2)"}),
        ("right ones compared", counted("sum((a == y) > (b == y))", "sum((a == y) < (b == y))")),
    ],
    "report": [
        (
            "ttest_rel",
            {REACH: "gain - stats.ttest_rel((transfer == y).mean(1), (scratch == y).mean(1))"
             ".confidence_interval().low"},
        ),
        (
            "loops",
            "def report(y, scratch, transfer):\n"
            "    gains = []\n"
            "    for one, other in zip(scratch, transfer):\n"
            "        count = sum(int(t == k) - int(s == k) for s, t, k in zip(one, other, y))\n"
            "        gains.append(count / len(y))\n"
            "    S = len(gains)\n"
            "    mean = sum(gains) / S\n"
            "    s = (sum((g - mean) ** 2 for g in gains) / (S - 1)) ** 0.5\n"
            "    low, high = (mean + sign * stats.t(S - 1).isf(0.025) * s / S**0.5"
            " for sign in (-1, 1))\n"
            "    verdict = 'helps' if low > 0 else 'hurts' if high < 0 else 'cannot tell'\n"
            "    if max(-low, high) < 0.01:\n"
            "        verdict = 'makes no difference'\n"
            "    return dict(verdict=verdict, wins=sum(g > 0 for g in gains), gain=mean, low=low, "
            "high=high)",
        ),
        ("float32", {"== y).mean(1)": "== y).mean(1, dtype='float32')"}),
    ],
}  # fmt: skip
