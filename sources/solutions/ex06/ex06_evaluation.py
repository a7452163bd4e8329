# %% [markdown]
# # Exercises 06 · Evaluation
#
# Six tasks and an open question on chapter 06, about 65 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time. Write each answer yourself,
# without the library function that does the task.
#
# - `ex.macro.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex06` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex06` in a terminal of JupyterLab writes the file to hand in.
#
# NumPy and the distributions of `scipy.stats` are all that you need.

# %% tags=["setup"]
import numpy as np
from scipy import stats

from tlcourse import exercise

ex = exercise("ex06", edition=3)


# %% [markdown]
# ## 1 · Precision, recall and F1
#
# `counts` is a confusion matrix of K classes, shape (K, K): the row is the true class, the column the answer. For each class,
#
# - **precision** is the share of the examples *called* this class that belong to it,
# - **recall** is the share of the examples that *truly* belong to it that are called so,
# - **F1** is the harmonic mean of the two, 2·hits / (truly + called).
#
# Where a denominator is 0, for a class that never occurs or is never called, the share counts as 0.
#
# Complete the function: compute the three for every class, each as an array of shape (K,). The last line takes the
# means over the classes (the *macro* means).

# %%
def macro(counts):
    hits, truly, called = np.diag(counts), counts.sum(1), counts.sum(0)
    ### BEGIN SOLUTION
    precision = hits / np.maximum(called, 1)
    recall = hits / np.maximum(truly, 1)
    f1 = 2 * hits / np.maximum(truly + called, 1)
    ### END SOLUTION
    return np.array([precision.mean(), recall.mean(), f1.mean()])


# %%
ex.macro.check(macro)


# %% [markdown]
# ## 2 · Wilson's interval
#
# A network is right on k of n test images, p = k/n. Wilson's interval (1927) for its true accuracy is
#
# $$ \frac{1}{1 + z^2/n} \left( p + \frac{z^2}{2n} \;\pm\; z \sqrt{\frac{p\,(1-p)}{n} + \frac{z^2}{4 n^2}} \right), $$
#
# with z = 1.96 for 95 %. It never leaves [0, 1], and has a width even where all answers are right.
#
# `k` holds the counts of S networks, shape (S,), all on n images. Return an array of shape (S, 2): in each
# row the lower and the upper bound.

# %%
def wilson(k, n, z):
    ### BEGIN SOLUTION
    p = k / n
    middle = p + z**2 / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    return np.stack([middle - reach, middle + reach], axis=1) / (1 + z**2 / n)
    ### END SOLUTION


# %%
ex.wilson.check(wilson)


# %% [markdown]
# ## 3 · Cross-validation without a leak
#
# Here are two functions to use as they are. The first chooses the m features whose means differ most
# between the classes 0 and 1. The second learns from the examples `x`, `y` and returns the classes of `x_new`.

# %%
def best_features(x, y, m):
    gap = abs(x[y == 1].mean(0) - x[y == 0].mean(0))
    return np.argsort(-gap)[:m]


def nearest_centroid(x, y, x_new):
    low, high = x[y == 0].mean(0), x[y == 1].mean(0)
    return ((x_new - (low + high) / 2) @ (high - low) > 0).astype(int)


# %% [markdown]
# `x` has the shape (N, D), `y` (N,). `fold`, also (N,), holds for each example a number from 0 to k−1: the part of
# the data to which it belongs. In round f the examples of part f are the test, and all others train. In each round
# choose m features, train on these m alone, and take the accuracy on the test. Return the k accuracies, shape (k,)
# (k is `fold.max() + 1`).
#
# Nothing that learns may see the test examples of its round.

# %%
def fold_scores(x, y, fold, m):
    ### BEGIN SOLUTION
    scores = []
    for f in range(fold.max() + 1):
        train, test = fold != f, fold == f
        chosen = best_features(x[train], y[train], m)
        answers = nearest_centroid(x[train][:, chosen], y[train], x[test][:, chosen])
        scores.append(np.mean(answers == y[test]))
    return np.array(scores)
    ### END SOLUTION


# %%
ex.fold_scores.check(fold_scores)


# %% [markdown]
# ## 4 · Repair it
#
# A linear classifier of two classes, −1 and +1. Use `train_epochs` as it is: it returns the weights after each of 20
# epochs, shape (20, D). The answer for an example is the sign of x·θ.

# %%
def train_epochs(x, y):
    thetas = [np.zeros(x.shape[1])]
    for _ in range(20):
        error = x @ thetas[-1] - y
        thetas.append(thetas[-1] - 0.2 * x.T @ error / len(y))
    return np.array(thetas[1:])


# %% [markdown]
# This script shall standardise the features (subtract the mean, divide by the spread `std(0)`), train, choose the best
# epoch, and report its number (from 0) and its test accuracy. `train` and `validation` hold the indices (row numbers)
# of the examples. The test examples come from a pipeline that shuffles at each pass: `first` and `second` hold the
# indices of the *same* test examples, in the order of two passes.
#
# It has three faults. Read it, then see what it reports on two kinds of data: on noise, where nothing tells the class,
# and where the first feature does, because each class has another mean.

# %%
# With three faults.
def broken(x, y, train, validation, first, second):
    x = (x - x.mean(0)) / x.std(0)
    scores = []
    for theta in train_epochs(x[train], y[train]):
        predicted = np.sign(x[first] @ theta)
        scores.append(np.mean(predicted == y[second]))
    best = int(np.argmax(scores))
    return {"epoch": best, "accuracy": scores[best]}


# %%
# The mean over 100 draws, beside a rule that needs no training: the sign of the first feature.
told = {}
for data, signal in (("noise", 0), ("signal", 1)):
    rng, reported, rule = np.random.default_rng(0), [], []
    for _ in range(100):
        y = rng.choice([-1, 1], 60)
        x = rng.normal(size=(60, 5)) + signal * y[:, None] * np.eye(5)[0]
        train, validation, first = np.split(rng.permutation(60), [20, 40])
        second = rng.permutation(first)
        reported.append(broken(x, y, train, validation, first, second)["accuracy"])
        rule.append(np.mean(np.sign(x[:, 0]) == y))
    told[data] = np.mean(reported)
    print(f"{data:6} reported {told[data]:.2f}, the rule alone {np.mean(rule):.2f}")
assert abs(told["signal"] - told["noise"]) < 0.05, "the script sees hardly a difference"


# %% [markdown]
# The script sees hardly a difference between the two.
#
# Write the repaired version here. It returns a dict of the same form: the epoch that is best on the validation
# examples (of equals, the first), and the accuracy of that epoch on the test examples. What is learned for the
# scaling comes from the training examples, with `std(0)` as in the script.

# %%
def repaired(x, y, train, validation, first, second):
    ### BEGIN SOLUTION
    middle, spread = x[train].mean(0), x[train].std(0)
    x = (x - middle) / spread
    thetas = train_epochs(x[train], y[train])
    on_validation = [np.mean(np.sign(x[validation] @ t) == y[validation]) for t in thetas]
    best = int(np.argmax(on_validation))
    answers = np.sign(x[first] @ thetas[best])
    return {"epoch": best, "accuracy": np.mean(answers == y[first])}
    ### END SOLUTION


# %%
ex.repaired.check(repaired)


# %% [markdown]
# ## 5 · McNemar's test
#
# Two trained networks answer the same N test images: `y` holds the true classes, `a` and `b` the answers, each of
# shape (N,). Two numbers count: on how many images only a is right, and on how many only b is. Call the smaller of
# them s, and their sum n. If both networks err equally often, each of the n images is a toss of a coin, and s is like
# a binomially distributed draw X, n tosses with probability ½. The mid-p version of the test is
#
# $$ p = 2\,P(X \le s) - P(X = s) . $$
#
# (The exact test has no second term, and is too cautious.) Return three values: how many only a reads, how many only
# b reads, and p. For n = 0, p is 1.

# %%
def mcnemar(y, a, b):
    ### BEGIN SOLUTION
    only_a = np.sum((a == y) & (b != y))
    only_b = np.sum((a != y) & (b == y))
    n, s = only_a + only_b, min(only_a, only_b)
    p = 2 * stats.binom.cdf(s, n, 0.5) - stats.binom.pmf(s, n, 0.5)
    return only_a, only_b, p
    ### END SOLUTION


# %%
ex.mcnemar.check(mcnemar)


# %% [markdown]
# ## 6 · A transfer report
#
# Does transfer help on a new target? S seeds were run twice, from scratch and with transfer, and tested on N
# images. `y` holds the true classes, shape (N,); `scratch` and `transfer` the answers, shape (S, N). Row s of both
# comes from the same seed, the same labelled examples, so the runs are paired.
#
# The gain of a seed is its accuracy with transfer minus its accuracy from scratch. Return a dict with
#
# - `"gain"`: the mean gain over the seeds, in 0–1;
# - `"low"`, `"high"`: its 95 % interval, gain ± t · s / √S. Here s is the standard deviation of the S gains (with
#   S − 1 in the denominator), and t the 97.5 % point of Student's distribution with S − 1 degrees of freedom;
# - `"wins"`: in how many seeds transfer was better;
# - `"verdict"`: `"makes no difference"` if the whole interval lies between −0.01 and 0.01, a point either way; otherwise
#   `"helps"` if it lies above 0, `"hurts"` if it lies below 0, and `"cannot tell"` if it holds 0.

# %%
def report(y, scratch, transfer):
    ### BEGIN SOLUTION
    gains = (transfer == y).mean(1) - (scratch == y).mean(1)
    gain, seeds = gains.mean(), len(gains)
    reach = stats.t.ppf(0.975, seeds - 1) * gains.std(ddof=1) / np.sqrt(seeds)
    low, high = gain - reach, gain + reach
    if low > -0.01 and high < 0.01:
        verdict = "makes no difference"
    elif low > 0:
        verdict = "helps"
    elif high < 0:
        verdict = "hurts"
    else:
        verdict = "cannot tell"
    wins = np.sum(gains > 0)
    return {"gain": gain, "low": low, "high": high, "wins": wins, "verdict": verdict}
    ### END SOLUTION


# %%
ex.report.check(report)

# %% [markdown]
# (This interval says how much the gain varies over seeds. That the test set is a sample as well, `evaluation.compare`
# adds.)
#
# ## 7 · An experiment of your own
#
# A clinic has 900 photographs of 300 patients; one patient in eight has a melanoma, and one photograph in eight shows one. A colleague fine-tunes a network that
# was trained on everyday objects. He augments the photographs, shuffles them, holds back a fifth as the test, keeps
# the epoch with the best test accuracy, and reports 93 %. "Transfer works." Plan an evaluation that you would believe: how to split,
# what to compare, what to measure, how often to repeat, and which result would make you say "cannot tell". Five to
# ten sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# Split by patient, before any augmentation, into training, validation and test, each with the same share of melanomas;
# otherwise photographs of one patient stand on both sides. With only 300 patients I would cross-validate by patient, so that
# each is tested once. "Transfer works" needs a rival: the same network from random weights, with the same labels, the
# same augmentation, and a learning rate and number of epochs tuned as carefully, all on validation patients. The test patients are
# looked at once, at the end. Accuracy says little here, because "never a melanoma" has 87.5 %: I report recall at a fixed
# precision (or the area under the precision–recall curve), with the share of melanomas beside it. Both ways run from at least five
# seeds, which vary split, initial weights and order together, and are paired by seed. I report the mean difference with a 95 % interval,
# the number of seeds won, and what a run costs. About 37 patients have a melanoma, so the interval will be wide. If it holds 0 and reaches beyond
# what a physician would act on, the answer is "cannot tell", and more patients are needed, not more seeds.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
