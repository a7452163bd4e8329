# %% [markdown] slideshow={"slide_type": "slide"}
# # 06 · Evaluation
#
# "Our network reaches 94 %." You have read such sentences, and perhaps you have written one. In this chapter you learn
# what to ask before you believe it. At the end you rewrite it, so that others can believe it.
#
# <!-- Notes:
# Put the sentence on the board: "our network reaches 94 %". Ask what they would have to know before they believe it.
# Come back to the list at the end.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - choose a measure that does not flatter;
# - say how far a score can be trusted, and how many test images a claim needs;
# - recognise a leak by what it does to a score;
# - tell whether one network, or one way to train, is better than another;
# - answer "does transfer help here?" with a verdict that stands.
#
# <!-- Notes: They will cheat on purpose, three times. It is the part that they remember. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 80 minutes to read and try, 1 min 55 s to run. You need chapter 04.

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
from time import process_time

import numpy as np
from scipy import stats
from sklearn import metrics
from sklearn.feature_selection import SelectKBest
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score, train_test_split
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline

from tlcourse import backend, evaluation, models, plotting, quiz, training, transfer
from tlcourse.course.content import benchmark
from tlcourse.data import few_labels, make_cluttered_digits, make_cluttered_letters
from tlcourse.quiz import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("06")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What does one number hide?
#
# A judge needs somebody to judge. We take the task of chapter 04, handwritten digits in clutter, with 20 labels per
# class. One way begins *from scratch*. The other is *fine-tuned*, and begins with the weights of a source network that reads
# printed letters. Each way trains for 1,200 steps. We repeat that with five seeds, and nine times on the way we measure the
# test accuracy.
#
# <!-- Notes:
# This takes about a minute. Start it, and let the retrieval questions run beside it.
# -->

# %% slideshow={"slide_type": "skip"}
letters = make_cluttered_letters(12_000, random_state=0)
digits = make_cluttered_digits(3_000, 1_500, random_state=1)
x_test, y_test = digits.x_test, digits.y_test
seeds, looks = range(5), [300, 500, 600, 700, 800, 900, 1000, 1100, 1200]  # steps

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The source network, once; and two ways to begin.
# The rate is the best for both on validation images (chapter 04).
keras.utils.set_random_seed(0)
source = models.small_cnn(classes=len(letters.class_names))
training.compile_classifier(source, learning_rate=2e-3)
source.steps_per_execution = 25  # at a time, which costs less beside so small a network
training.fit_steps(source, letters.x_train, letters.y_train, steps=1000, batch_size=64)
networks = {"scratch": models.small_cnn(), "fine-tuned": models.small_cnn()}
backbone = ["conv1", "conv2", "conv3", "conv4"]
starts = {
    "scratch": transfer.warm_start(networks["scratch"], learning_rate=2e-3),
    "fine-tuned": transfer.warm_start(networks["fine-tuned"], source, backbone, learning_rate=2e-3),
}
for network in networks.values():
    network.steps_per_execution = 25


# %% slideshow={"slide_type": "skip"}
# One run: few labels, chosen by the seed. Its logits on the test images, at each look.
def train(way, seed):
    few = few_labels(digits, 20, random_state=seed)
    network, done, found = starts[way](seed), 0, []
    for goal in looks:
        fit = {"steps": goal - done, "shift": 4, "seed": seed + done}
        training.fit_steps(network, few.x_train, few.y_train, **fit)
        found.append(network.predict(x_test, batch_size=500, verbose=0))
        done = goal
    return found


# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
logits, seconds = {}, {}  # logits have the shape (seeds, looks, images, classes)
for way in starts:
    began = process_time()  # of the processor, so that a busy machine changes little
    logits[way] = np.array([train(way, seed) for seed in seeds])
    seconds[way] = (process_time() - began) / len(seeds)

# %% slideshow={"code": false} tags=["atol-0.05"]
predicted = {way: z[:, -1].argmax(2) for way, z in logits.items()}  # after 1,200 steps
accuracy = {way: (p == y_test).mean(1) for way, p in predicted.items()}
print("test accuracy, mean ± standard deviation of 5 seeds")
for way, each in accuracy.items():
    print(f"{way:10} {each.mean():.2f} ± {each.std(ddof=1):.2f}")

# %% [markdown] slideshow={"headline": "Ten examples, four measures", "slide_type": "subslide"}
# Many papers stop at two such rows. To see what a single number can hide, leave our networks for a moment and take ten
# invented examples. A detector looks for eights (1 is an eight, 0 is none). It gives each image a number between 0 and 1,
# and says "eight" when that number is 0.5 or more.
#
# - **Accuracy**: which share of all answers is right?
# - **Precision**: of what it calls an eight, which share is one?
# - **Recall**: of the eights, which share does it find?
# - **F1**: the harmonic mean of precision and recall. It is low if either of them is low.
#
# <!-- Notes:
# Let them say precision and recall in words of their own field: of the patients called back, how many were ill? Of the ill,
# how many were called back?
# -->

# %% slideshow={"headline": "Ten examples by hand", "slide_type": "subslide"}
y = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
score = np.array([0.9, 0.7, 0.4, 0.3, 0.8, 0.35, 0.2, 0.15, 0.1, 0.05])
said = (score >= 0.5).astype(int)
TP, FP = sum((said == 1) & (y == 1)), sum((said == 1) & (y == 0))  # true, false positives
FN, TN = sum((said == 0) & (y == 1)), sum((said == 0) & (y == 0))  # false, true negatives
print(f"eights found {TP}, missed {FN}; false alarms {FP}; rightly passed over {TN}")

# %%
precision, recall = TP / (TP + FP), TP / (TP + FN)
by_hand = {"accuracy": (TP + TN) / 10, "precision": precision, "recall": recall}
by_hand["f1"] = 2 * precision * recall / (precision + recall)
print({name: round(float(value), 2) for name, value in by_hand.items()})

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = [np.isclose(v, getattr(metrics, f"{n}_score")(y, said)) for n, v in by_hand.items()]
claim(all(same), "scikit-learn's four functions say the same")

# %% [markdown] slideshow={"headline": "Thirty rare eights", "slide_type": "subslide"}
# Back to our networks, and let us make eights rare: we keep 30 of them among the 1,350 other digits. The detector is the
# fine-tuned network. It says "eight" where its probability for the class eight is above 0.5.
#
# <!-- Notes:
# Answer: 9. Then ask for its accuracy, and for that of a rival that always says no. Who remembers chapter 02 has it.
# -->

# %% slideshow={"code": false}
quiz.predict("06.rare", "How many of the 30 eights does it find?", 0, 30)

# %% slideshow={"slide_type": "skip"}
eights, others = np.flatnonzero(y_test == 8), np.flatnonzero(y_test != 8)
rare = np.concatenate([others, eights[:30]])
y_rare = (y_test[rare] == 8).astype(int)
eight_scores = [evaluation.softmax(z[-1])[rare, 8] for z in logits["fine-tuned"]]  # of five seeds
network_says = [(s > 0.5).astype(int) for s in eight_scores]

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-4"]
recalls = [metrics.recall_score(y_rare, one) for one in network_says]
quiz.reveal("06.rare", 30 * np.mean(recalls))

# %% [markdown] slideshow={"slide_type": "skip"}
# Beside it we put a rival that always says no:

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.06"]
network_accuracy = [metrics.accuracy_score(y_rare, one) for one in network_says]
precisions = [metrics.precision_score(y_rare, one) for one in network_says]
print(f"always no: accuracy {1 - y_rare.mean():.3f}, recall 0, and no precision: it calls nothing")
print(f"network:   accuracy {np.mean(network_accuracy):.3f}, recall {np.mean(recalls):.2f}")
print(f"           and precision {np.mean(precisions):.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Accuracy prefers a detector that is of no use. Where a class is rare, report precision and recall. Recall is
# low here because eights are this network's worst digit (see below), and precision because they are rare.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    max(network_accuracy) < 1 - y_rare.mean() and np.mean(recalls) > 0.1,
    "the rival that never finds an eight has the higher accuracy, at every seed",
    measured=network_accuracy,
    seeds=5,
)

# %% [markdown] slideshow={"headline": "Where is it wrong, and sure?", "slide_type": "subslide"}
# A score says how many, but not which. So look at the images on which the network is **wrong and sure**. Its
# **confidence** is the probability that softmax gives to its answer.
#
# <!-- Notes:
# Let the room judge the images: which could nobody read, which are plain mistakes? One hour with such a picture is worth
# more than another percent.
# -->

# %% jupyter={"source_hidden": true} slideshow={"code": false} tags=["nbval-ignore-output"]
# The errors with the highest confidence.
p = evaluation.softmax(logits["fine-tuned"][0, -1])
confidence, answer = p.max(1), p.argmax(1)
wrong = np.flatnonzero(answer != y_test)
worst = wrong[np.argsort(-confidence[wrong])][:12]
titles = [f"{y_test[i]} → {answer[i]}" for i in worst]
least_sure = np.floor(1000 * confidence[worst].min()) / 10
title = f"Truth → answer, each with a confidence of {least_sure} % or more"
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.3))[1]
ax = plotting.image_grid(x_test[worst], titles, columns=6, title=title, ax=ax)
plotting.show(ax, "Twelve cluttered digits with the true class and the wrong answer above each")

# %% [markdown] slideshow={"slide_type": "notes"}
# Some of these nobody could read, others are plain mistakes. Chapter 08 mends such certainty.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
words = "it is more than 90 % sure of its twelve worst errors"
claim(confidence[worst].min() > 0.9, words, measured=confidence[worst].min())

# %% [markdown] slideshow={"slide_type": "skip"}
# Which digits does it take for which? The **confusion matrix** counts how often each class, a row, is read as each other, a
# column.
#
# <!-- Notes: Let them find the two digits that it confuses most, and ask why these. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The matrix; its title names the most frequent error and the digit with the fewest right answers.
counts = metrics.confusion_matrix(y_test, answer)
errors, least = counts - np.diag(np.diag(counts)), np.diag(counts).argmin()
true, read = np.unravel_index(errors.argmax(), errors.shape)
title = f"A {true} is read as a {read}, {errors.max()} times;\n"
title += f"of {counts[least].sum()} images of the {least}, {counts[least, least]} are right"
ax = plotting.confusion_matrix(y_test, answer, digits.class_names, title=title)
plotting.show(ax, "Ten by ten matrix: the diagonal is darkest in every row, errors lie everywhere")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: one number for ten classes, and every threshold at once

# %% [markdown] slideshow={"slide_type": "skip"}
# With ten classes there are ten precisions, ten recalls and ten F1s. Their mean can be taken in three ways: **macro**
# counts every class alike, **weighted** counts a class by its examples, and **micro** adds up the counts of all
# classes first. Micro F1 is the accuracy.

# %% slideshow={"slide_type": "skip"} tags=["atol-0.06"]
hits, truly, called = np.diag(counts), counts.sum(1), counts.sum(0)
f1 = 2 * hits / (truly + called)
means = {"macro": f1.mean(), "weighted": np.average(f1, weights=truly)}
means["micro"] = 2 * hits.sum() / (truly.sum() + called.sum())
print({kind: round(float(value), 3) for kind, value in means.items()})

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = [np.isclose(v, metrics.f1_score(y_test, answer, average=k)) for k, v in means.items()]
claim(all(same), "scikit-learn takes the same three means")
words, micro = "micro F1 is the accuracy", means["micro"]
claim(np.isclose(micro, accuracy["fine-tuned"][0]), words, measured=micro)

# %% [markdown] slideshow={"slide_type": "skip"}
# Who says that 0.5 is the right threshold for an eight? Lower it from above the highest score to below the lowest. Each example that it
# passes is called an eight: a true one raises the recall, a false one raises the share of false alarms (the *false
# positive rate*). Recall over false alarms is the **ROC curve**, and the area below it says how often a true eight has a higher
# score than another digit. Precision over recall is the **precision–recall curve**. The ROC curve does not know that
# eights are rare: 100 false alarms are few among 1,350 digits, and many beside 30 eights.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
ax = plotting.threshold(y_rare, eight_scores[1], 0.5)
plotting.show(ax, "The ROC and the precision–recall curve with a point at threshold 0.5")

# %% [markdown] slideshow={"slide_type": "skip"}
# Move the threshold yourself (this needs Jupyter):

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
from ipywidgets import FloatSlider, interact

_ = interact(
    lambda threshold: plotting.show(
        plotting.threshold(y_rare, eight_scores[1], threshold), f"Curves at threshold {threshold}"
    ),
    threshold=FloatSlider(0.3, min=0, max=1, step=0.02),
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The areas below both curves.
areas = [metrics.roc_auc_score(y_rare, s) for s in eight_scores]
small = [metrics.average_precision_score(y_rare, s) for s in eight_scores]
words = "the area below the ROC curve looks respectable, above 0.75"
claim(np.mean(areas) > 0.75, words, measured=areas, seeds=5)
words = "the area below the precision–recall curve is under 0.4"
claim(np.mean(small) < 0.4, words, measured=small, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · How far can a score be trusted?
#
# A test set is a sample, and another one would give another score. By how much? Suppose that a network reads 9 of 10 test
# images.
#
# <!-- Notes: Ask for the lowest true accuracy with which 9 of 10 would be no surprise. Write the guesses down. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# Each image is a toss of a coin that falls right with the true accuracy $p$. Then the share $\hat p$ among $n$
# images has the mean $p$ and the standard deviation $\sqrt{p(1-p)/n}$. In about 95 of 100 test sets, $\hat p$ lies at most
# $z = 1.96$ standard deviations away from $p$ (the normal approximation). We know $\hat p$ and look for $p$. So Wilson (1927)
# kept **every $p$ for which our $\hat p$ would be no surprise**. These $p$ are the **95 % interval**:
#
# $$ (\hat p - p)^2 \le z^2\, \frac{p(1-p)}{n}
# \quad\Longleftrightarrow\quad
# \Big(1 + \frac{z^2}{n}\Big) p^2 - \Big(2 \hat p + \frac{z^2}{n}\Big) p + \hat p^2 \le 0 $$
#
# This is a quadratic in $p$, and its two roots are the ends of the interval.
#
# <!-- Notes: The usual p ± 1.96 √… puts the known share into the root instead, and says that ten of ten is certain. -->

# %% slideshow={"slide_type": "skip"}
n, share, z = 10, 0.9, 1.96
roots = np.roots([1 + z**2 / n, -(2 * share + z**2 / n), share**2])  # before p², p and 1
print(f"9 of 10: 95 % interval from {min(roots):.2f} to {max(roots):.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
theirs = stats.binomtest(9, 10).proportion_ci(method="wilson")
claim(np.allclose(sorted(roots), theirs, atol=1e-4), "SciPy's Wilson interval is the same")

# %% [markdown] slideshow={"headline": "94 of 100", "slide_type": "subslide"}
# Now let us take ten times as many images.
#
# <!-- Notes: Answer: 0.875. Most expect one or two points to either side. The width goes with the root of N. -->

# %% slideshow={"code": false}
quiz.predict("06.wilson", "94 of 100 are right. Where does the 95 % interval begin?", 0.5, 1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
low, high = stats.binomtest(94, 100).proportion_ci(method="wilson")
quiz.reveal("06.wilson", low)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Wilson's interval of 94 % for growing test sets.
sizes = np.array([50, 100, 500, 1000, 5000, 10_000])
intervals = [stats.binomtest(n * 94 // 100, n).proportion_ci(method="wilson") for n in sizes]
low, high = 100 * np.transpose(intervals)
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.4))[1]
_ = ax.vlines(sizes, low, high, lw=5, color="#0072B2")
_ = ax.axhline(94, color="#999999", ls=":")
_ = ax.set(xscale="log", xlabel="test images", ylabel="95 % interval (%)", ylim=(80, 100))
_ = ax.set_xticks(sizes, [f"{n:,}" for n in sizes])
_ = ax.set_yticks(range(80, 101, 5))
ax.minorticks_off()
_ = ax.set_title("94 %: a hundred times the images, a tenth of the interval")
plotting.show(ax, "Six upright bars around 94 %, long for 50 test images and short for 10,000")

# %% [markdown] slideshow={"headline": "How many test images?", "slide_type": "subslide"}
# A paper claims 94 %, and its rival has 92 %, each on test images of its own. How many does each need, so that the
# difference is found in four cases of five? *Found* means: if the two were equally good, a difference this large would
# appear in fewer than 5 of 100 pairs of test sets.
#
# <!-- Notes:
# Answer: 2,554 each. Collect the guesses on the board first; expect far smaller numbers.
# -->

# %% slideshow={"code": false}
numbers = {"about 100": 100, "about 500": 500, "about 2,500": 2500, "about 10,000": 10_000}
quiz.predict("06.needed", "How many test images for each of the two?", list(numbers))

# %% slideshow={"slide_type": "skip"}
needed = evaluation.examples_needed(0.92, 0.94)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("06.needed", min(numbers, key=lambda words: abs(numbers[words] - needed)))
print(f"Computed: {needed:,}.")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: an interval without a formula, and where that number comes from

# %% [markdown] slideshow={"slide_type": "skip"}
# The **bootstrap** (Efron 1979) needs no formula, and works for F1 as well. The ten images are all that we know of the
# world, so we draw new test sets from them, with replacement, and look at how the score varies.

# %% slideshow={"slide_type": "skip"}
ten_images = np.array([1, 1, 1, 1, 1, 1, 1, 1, 1, 0])  # 1: read rightly
drawn = np.random.default_rng(0).choice(ten_images, (5000, 10))  # 5,000 test sets
low, high = np.quantile(drawn.mean(1), [0.025, 0.975])
print(f"bootstrap: 95 % interval from {low:.2f} to {high:.2f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# If all ten were right, every drawn set would score 10 of 10, and the interval would be from 1 to 1. With hundreds of images
# both agree.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
all_images = (predicted["fine-tuned"][0] == y_test).astype(int)
ours = stats.binomtest(int(all_images.sum()), len(y_test)).proportion_ci(method="wilson")
drawn = np.random.default_rng(0).choice(all_images, (2000, len(y_test))).mean(1)
same = np.allclose(ours, np.quantile(drawn, [0.025, 0.975]), atol=0.006)
claim(same, "on our 1,500 test images the two intervals agree, to half a point")

# %% [markdown] slideshow={"slide_type": "skip"}
# If both had the mean accuracy $\bar p$, the difference would vary by $\sigma_0 = \sqrt{2 \bar p (1 - \bar p)/n}$, and
# the measured difference counts as found if it exceeds $1.96\,\sigma_0$. In truth it varies by
# $\sigma_1 = \sqrt{(p_1(1-p_1) + p_2(1-p_2))/n}$ around $p_2 - p_1$, and 80 % of a normal distribution lie above its mean
# minus 0.84 standard deviations. So we need $p_2 - p_1 = 1.96\,\sigma_0 + 0.84\,\sigma_1$. Solved for $n$:

# %% slideshow={"slide_type": "skip"}
p1, p2 = 0.92, 0.94
mean = (p1 + p2) / 2
chance = 1.96 * np.sqrt(2 * mean * (1 - mean))
reserve = 0.84 * np.sqrt(p1 * (1 - p1) + p2 * (1 - p2))
by_formula = ((chance + reserve) / (p2 - p1)) ** 2
print(f"{by_formula:,.0f} by hand, {needed:,} without rounding 1.96 and 0.84")


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Play it: 4,000 times, two networks with exactly these accuracies.
def found(n, rng, repetitions=4000):
    low, high = rng.binomial(n, [[0.92], [0.94]], (2, repetitions)) / n
    mean = (low + high) / 2
    return np.mean(abs(high - low) > 1.96 * np.sqrt(2 * mean * (1 - mean) / n))


power = {n: found(n, np.random.default_rng(0)) for n in (500, needed)}
words = "played 4,000 times, it is found in 80 %"
claim(abs(power[needed] - 0.8) < 0.03, words, measured=power[needed])
claim(power[500] < 0.35, "with 500 images each it is mostly missed", measured=power[500])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · How does a score become too good?
#
# **Leakage** means that the test takes part in what is learned or chosen. The score is then too good, and
# nothing else looks wrong. We now cheat three times, on purpose, and measure what it gains.
#
# <!-- Notes: Let them name the leak before you do, each time. -->

# %% [markdown] slideshow={"headline": "First leak: duplicates", "slide_type": "subslide"}
# We have 30 digits of each class. We make four of each, by shifts of a pixel, and *then* split into training and test. The
# classifier answers with the class of the most similar training image. It reads some 20 % of truly new digits.
#
# <!-- Notes:
# Answer: more than 90 %. The order of the words gives it away: make four of each, then split.
# -->

# %% slideshow={"code": false}
quiz.predict("06.duplicates", "Which accuracy do you measure on the test part of this split?", 0, 1)

# %% slideshow={"slide_type": "skip"}
# Five seeds: the reported accuracy, and the accuracy on 1,500 new images.
neighbour, reported, truth = KNeighborsClassifier(1), [], []
for seed in seeds:
    few, rng = few_labels(digits, 30, random_state=seed), np.random.default_rng(seed)
    x = np.concatenate([training.shift_images(few.x_train, 1, rng) for _ in range(4)])
    x, y = x.reshape(len(x), -1), np.tile(few.y_train, 4)  # the labels four times
    x_in, x_out, y_in, y_out = train_test_split(x, y, random_state=seed)
    reported.append(neighbour.fit(x_in, y_in).score(x_out, y_out))
    truth.append(neighbour.score(x_test.reshape(len(x_test), -1), y_test))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.03"]
quiz.reveal("06.duplicates", np.mean(reported))

# %% [markdown] slideshow={"slide_type": "notes"}
# Seventy points, for nothing. So split first, and augment afterwards. And if your examples come in groups, such as frames of
# one film or photographs of one patient, split by group (`GroupKFold`).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
optimism = {"duplicates": np.subtract(reported, truth)}
values = optimism["duplicates"]
claim(values.min() > 0.5, "more than 50 points too good", measured=values, seeds=5)

# %% [markdown] slideshow={"headline": "Second leak: choosing features first", "slide_type": "subslide"}
# In **k-fold cross-validation** the data are cut into k parts, the *folds*. Each fold is the test set once, and the rest is
# the training set. Here are 100 examples with 5,000 features of pure noise, 50 labelled 0 and 50 labelled 1, at random. On all
# 100 we choose the 20 features whose means differ most between the classes. Then we cross-validate a simple classifier
# on them.
#
# <!-- Notes:
# Answer: about nine in ten, from pure noise. The features were chosen with the labels of the test folds.
# -->

# %% slideshow={"code": false}
quiz.predict("06.noise", "Which accuracy is reported?", 0, 1)

# %% slideshow={"slide_type": "skip"}
# Ten draws of noise; the same five folds for both.
outside, inside = [], []
for seed in range(10):
    rng = np.random.default_rng(seed)
    x, y = rng.standard_normal((100, 5000)), rng.permutation(np.arange(100) % 2)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)  # each half 0, half 1
    chosen = SelectKBest(k=20).fit_transform(x, y)  # has seen every label
    outside.append(cross_val_score(NearestCentroid(), chosen, y, cv=folds).mean())
    whole = make_pipeline(SelectKBest(k=20), NearestCentroid())  # chooses in each fold
    inside.append(cross_val_score(whole, x, y, cv=folds).mean())

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("06.noise", np.mean(outside))
print(f"Chosen inside each fold: {np.mean(inside):.2f}.")

# %% [markdown] slideshow={"slide_type": "notes"}
# Nine in ten, from nothing. Everything that *learns* from data belongs inside the fold: scaling, filling gaps, choosing
# features. A `Pipeline` learns all of it again in every fold, and the accuracy is that of a coin again.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
optimism["features chosen first"] = np.array(outside) - 0.5
claim(min(outside) > 0.8, "eight in ten and more, from noise", measured=outside, seeds=10)
claim(abs(np.mean(inside) - 0.5) < 0.05, "chosen in each fold: that of a coin", measured=inside)


# %% [markdown] slideshow={"headline": "Third leak: the best epoch", "slide_type": "subslide"}
# Train, look at the test accuracy from time to time, and report the best look. This is so common that it does not feel like
# cheating. From step 500 on we looked at the scratch networks eight times. Choose the look with the best accuracy on 50 test
# images, or on 300. The images that had no part in the choice show how good it really is.
#
# <!-- Notes: Ask who has done this. -->

# %% slideshow={"slide_type": "skip"}
# For one run, 100 small test sets are drawn from the large one.
def best_look(right, n, rng):
    order = rng.permutation(right.shape[1])
    small, rest = right[:, order[:n]].mean(1), right[:, order[n:]].mean(1)
    return small.max() - rest[small.argmax()]


rng, runs = np.random.default_rng(0), logits["scratch"][:, 1:].argmax(3) == y_test
for n in (50, 300):
    gained = [np.mean([best_look(right, n, rng) for _ in range(100)]) for right in runs]
    optimism[f"best of eight looks at {n}"] = np.array(gained)

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-2.5"]
print("points too good, mean ± standard deviation of 5 seeds (noise: 10 draws)")
for leak, values in optimism.items():
    print(f"{leak:26} {100 * values.mean():5.1f} ± {100 * values.std(ddof=1):.1f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# This leak is the smallest, but papers are often decided by a few points. Choose on validation images, and look at the test
# set once.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
*others, small, large = optimism.values()
words = "the best of eight looks at 50 images is too good"
claim(small.min() > 0.01, words, measured=small, seeds=5)
gap, words = small - large, "with 300 images it is too good by less"
claim(gap.mean() > 0.01, words, measured=gap, seeds=5)
distance = min(one.mean() for one in others) - small.mean()
claim(distance > 0.2, "it is the smallest leak", measured=distance)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: labels from another pass, and a fold without an eight

# %% [markdown] slideshow={"slide_type": "skip"}
# There are mistakes that make a score too *bad*, and they are as silent. A pipeline shuffles at every pass, and somebody uses it for
# the test: in the first pass the network predicts, and in the second pass the labels are gathered.

# %% slideshow={"slide_type": "skip"} tags=["atol-0.04"]
rng = np.random.default_rng(0)
one_pass, other_pass = rng.permutation(len(y_test)), rng.permutation(len(y_test))
answers = predicted["fine-tuned"][0][one_pass]
scrambled = np.mean(answers == y_test[other_pass])
print(f"accuracy against labels of another pass: {scrambled:.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(scrambled < 0.15, "it is chance, and nothing failed", measured=scrambled)
mended = np.mean(answers == y_test[one_pass])
claim(np.isclose(mended, accuracy["fine-tuned"][0]), "with labels of the same pass all is well")

# %% [markdown] slideshow={"slide_type": "skip"}
# Take images and labels from one pass. And stratify where a class is rare, because a fold without an eight has no recall. With 100
# images, ten of them eights, over twenty shuffles:

# %% slideshow={"slide_type": "skip"}
y = np.repeat([0, 1], [90, 10])
for kind in (KFold, StratifiedKFold):
    splits = [kind(10, shuffle=True, random_state=seed).split(y, y) for seed in range(20)]
    without = [sum(not y[test].any() for _, test in split) for split in splits]
    print(f"{kind.__name__:16} folds without an eight: {np.mean(without):.1f} of 10")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Is this network better than that one?
#
# Two trained networks answer the *same* ten test images. Network A reads seven of them, and network B four:
#
# |image|1|2|3|4|5|6|7|8|9|10|
# |---|---|---|---|---|---|---|---|---|---|---|
# |A|✔|✔|✔|✔|✔|✔|✔|✘|✘|✘|
# |B|✔|✔|✔|✘|✘|✘|✘|✔|✘|✘|
#
# <!-- Notes:
# Answer: five, images 4 to 8. On the others both are right or both wrong. Expect ten.
# -->

# %% slideshow={"code": false}
question = "How many of these images say something about which is better?"
quiz.predict("06.mcnemar", question, ["3", "5", "7", "10"])

# %% slideshow={"slide_type": "skip"}
A = np.array([1, 1, 1, 1, 1, 1, 1, 0, 0, 0])
B = np.array([1, 1, 1, 0, 0, 0, 0, 1, 0, 0])
only_A, only_B = np.sum(A > B), np.sum(A < B)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("06.mcnemar", str(only_A + only_B))

# %% [markdown] slideshow={"slide_type": "subslide"}
# Only those count on which just one of them is right, and there are $n$ of these. Let $X$ be the number of images on which
# only A is right. If both were equally good, $X$ would be like the heads among $n$ tosses of a fair coin. This is
# **McNemar's test** (1947). Its **p-value** is the probability that chance alone makes the two sides as unequal as we see,
# or more:
#
# $$ p = 2\,P(X \le s) - P(X = s), \qquad s = \text{the smaller of the two counts} $$
#
# The 2 is there because either network could be ahead. The last term makes it the **mid-p** version, in which
# "as unequal" counts by half: without it, p is too large (Fagerland et al. 2013).
#
# <!-- Notes: Let them count on paper: of 32 ways in which five coins can fall, 1 + 5 have at most one head. -->

# %% slideshow={"headline": "Four against one", "slide_type": "subslide"}
n, s = only_A + only_B, min(only_A, only_B)
p = 2 * stats.binom.cdf(s, n, 0.5) - stats.binom.pmf(s, n, 0.5)
print(f"{only_A} only A, {only_B} only B: p = {p:.3f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ones = np.ones(10, int)
claim(np.isclose(evaluation.mcnemar(ones, A, B), p), "the course's `mcnemar` says the same")
claim(np.isclose(p, (2 * 6 - 5) / 32), "and so does counting the 32 ways of five coins")

# %% [markdown] slideshow={"slide_type": "notes"}
# Four against one, and yet it may well be chance. By custom a p-value below 0.05 counts as a difference.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now our networks: fine-tuned against scratch, at each of five seeds. And then something odd: each fine-tuned network
# against another one, though both were made in the *same* way.
#
# <!-- Notes: Before you run it: can a test be right that finds a difference between two networks made in the same way? -->

# %% slideshow={"code": false} tags=["nbval-ignore-output"]
# p-values at each of five seeds.
tuned = predicted["fine-tuned"]
against = {"scratch": predicted["scratch"], "another fine-tuned one": np.roll(tuned, 1, axis=0)}
p_values = {}
for rival, answers in against.items():
    pairs = zip(tuned, answers, strict=True)
    p_values[rival] = [evaluation.mcnemar(y_test, one, two) for one, two in pairs]
    shown = [f"{p:.3f}" if p >= 0.001 else "< 0.001" for p in p_values[rival]]
    print(f"fine-tuned against {rival}: {', '.join(shown)}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The first row is near zero. In the second, p jumps about, and rightly so, because one of two networks may really be better.
# McNemar never sees a second training, so it cannot say which **way to train** is better.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
words, against = "against scratch p is below 0.01, at every seed", p_values["scratch"]
claim(max(against) < 0.01, words, measured=against, seeds=5)
same_way = p_values["another fine-tuned one"]
claim(
    max(same_way) > 5 * min(same_way), "within one way it jumps about", measured=same_way, seeds=5
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Is this way to train better than that one?
#
# A student has 300 examples and two ways to train. Thirty times she draws 200 for training and 100 for the test, and takes
# the difference of the two accuracies. A t-test divides their mean by its standard error, $\hat\sigma/\sqrt{30}$, which is
# right if the thirty are independent.
#
# <!-- Notes: Many of the room have done this. Let them defend it before you go on. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# Can she trust this test? We need two ways of which we *know* that they are equally good. So here is a world without
# differences: each example has two independent blocks of features that tell equally much about the class. Learner A sees
# the first block, and learner B the second. The test promises a false alarm in only 5 of 100 such worlds.
#
# <!-- Notes:
# Answer: about 60 %. Expect guesses that are far too low. The splits overlap: they are the same 300 examples over and over.
# -->

# %% slideshow={"code": false}
rates = {"about 5 %": 5, "about 15 %": 15, "about 30 %": 30, "about 60 %": 60}
quiz.predict("06.naive", "In how many of these worlds does it find a difference?", list(rates))


# %% slideshow={"slide_type": "skip"}
# A world: 300 labels, and a block of ten features for each learner.
def draw_world(rng):
    y = rng.permutation(np.arange(300) % 2)
    a, b = rng.standard_normal((2, 300, 10))
    a[:, 0] += 1.2 * y
    b[:, 0] += 1.2 * y
    return a, b, y


# %% slideshow={"slide_type": "skip"}
# Both learners answer with the class whose mean is nearer.
def nearest_mean(x, y, train, test):
    zeros = x[train][y[train] == 0].mean(0)
    ones = x[train][y[train] == 1].mean(0)
    answers = (x[test] - (zeros + ones) / 2) @ (ones - zeros) > 0
    return np.mean(answers == y[test])


# %% slideshow={"slide_type": "skip"}
# The thirty differences of one world.
def thirty_splits(a, b, y, rng):
    found = []
    for _ in range(30):
        order = rng.permutation(300)
        test, train = order[:100], order[100:]
        found.append(nearest_mean(a, y, train, test) - nearest_mean(b, y, train, test))
    return np.array(found)


# %% slideshow={"slide_type": "skip"}
rngs = [np.random.default_rng(seed) for seed in range(200)]
worlds = [draw_world(rng) for rng in rngs]
thirties = [thirty_splits(*world, rng) for world, rng in zip(worlds, rngs, strict=True)]
naive = np.mean([evaluation.resampled_t(d) < 0.05 for d in thirties])  # the plain t-test

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
stored = benchmark("false_positives")  # 10,000 worlds
rate = 100 * stored["rates"]["naive"]
quiz.reveal("06.naive", min(rates, key=lambda words: abs(rates[words] - rate)))
print(f"In these 200 worlds {100 * naive:.0f} %, in 10,000 that were played before {rate:.1f} %.")

# %% [markdown] slideshow={"slide_type": "notes"}
# It "proves" a difference more often than not, and there is none. The thirty splits are not thirty measurements, because
# they share the same 300 examples.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **The corrected test** (Nadeau & Bengio 2003) keeps the $J$ splits. Let $\bar d$ be the mean of their differences and
# $\hat\sigma^2$ the variance among them. The differences are correlated, so their mean varies by more than
# $\hat\sigma^2/J$. With $n_1$ training and $n_2$ test examples the corrected t is
#
# $$ t = \bar d \Big/ \sqrt{\Big(\frac{1}{J} + \frac{n_2}{n_1}\Big)\,\hat\sigma^2} $$
#
# However many splits you make, the second term stays. Here it is 1/2, and the first only 1/30.
#
# <!-- Notes: More splits make the first term small. Nothing but more data helps against the second. -->

# %% slideshow={"slide_type": "skip"}
# The first world in which only the naive test sees a difference: |t| above 2.05, for thirty splits.
resampled_t = evaluation.resampled_t
both = [(d, resampled_t(d) < 0.05, resampled_t(d, 100 / 200) < 0.05) for d in thirties]
thirty = next(d for d, naive_sees, corrected_sees in both if naive_sees and not corrected_sees)
naive_t = thirty.mean() / np.sqrt(1 / 30 * thirty.var(ddof=1))
corrected_t = thirty.mean() / np.sqrt((1 / 30 + 100 / 200) * thirty.var(ddof=1))
print(f"naive t {naive_t:.2f}, corrected t {corrected_t:.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
p = 2 * stats.t(29).sf(abs(corrected_t))
claim(np.isclose(resampled_t(thirty, 1 / 2), p), "`resampled_t(…, 1 / 2)` says the same")

# %% [markdown] slideshow={"slide_type": "skip"}
# Dietterich's **5×2cv** (1998) halves the data five times, and needs only ten trainings. Do the two keep their promise?

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Five halvings of each world, of which each half is tested once: ten differences.
tens = []
for seed, (a, b, y) in enumerate(worlds):
    rng = np.random.default_rng(1000 + seed)
    halvings = [np.split(rng.permutation(300), 2) for _ in range(5)]
    pairs = [[(one, two), (two, one)] for one, two in halvings]
    lead = [[nearest_mean(a, y, *p) - nearest_mean(b, y, *p) for p in pair] for pair in pairs]
    tens.append(np.array(lead))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# How often is p below 0.05 where there is no difference?
here = {
    "naive": naive,
    "five_by_two_cv": np.mean([evaluation.five_by_two_cv(d) < 0.05 for d in tens]),
    "corrected_resampled": np.mean([resampled_t(d, 0.5) < 0.05 for d in thirties]),
}
alarms = [100 * stored["rates"][test] for test in here]
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.2))[1]
colors = ["#D55E00", "#0072B2", "#0072B2"]
bars = ax.barh(["naive t", "5×2cv", "corrected t"], alarms, color=colors, zorder=2)
_ = ax.axvline(5, color="black", ls="--", lw=1, zorder=3)
box = {"facecolor": "white", "edgecolor": "none", "pad": 1}
_ = ax.bar_label(bars, fmt="%.1f %%", padding=12, zorder=4, bbox=box)
x_label = "false alarms in 10,000 worlds without a difference (%); dashed: 5 %"
_ = ax.set(xlabel=x_label, xlim=(0, 70), title="Thirty splits of the same data cry wolf")
ax.invert_yaxis()
plotting.show(ax, "Three bars: the first far beyond a dashed line at five percent, two close to it")

# %% [markdown] slideshow={"slide_type": "notes"}
# Nearly: the corrected test is slightly below 5 %, and 5×2cv slightly above. The first needs thirty
# trainings, 5×2cv ten. Which of them finds more, we did not measure.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Alarms in our 200 worlds and in the 10,000 stored ones.
words = "the naive test is wrong about as often as not"
alarms = [here["naive"], stored["rates"]["naive"]]
claim(min(alarms) > 0.45, words, measured=alarms)
kept = [stored["rates"][t] for t in ("five_by_two_cv", "corrected_resampled")]
words = "5×2cv and the corrected test stay within 2 points of the promised 5 %"
claim(min(kept) > 0.03 and max(kept) < 0.07, words, measured=kept)
near = [here[t] for t in ("five_by_two_cv", "corrected_resampled")]
words = "both stay below 12 % in our 200 worlds, which is as far as 200 can tell"
claim(max(near) < 0.12, words, measured=near)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: where do n₂/n₁ and 5×2cv come from?

# %% [markdown] slideshow={"slide_type": "skip"}
# Let $\sigma^2$ be the variance of one difference $d$, and $\rho$ the correlation of two of them. The mean of $J$ has the variance
# $\sigma^2 \big(\tfrac1J + (1 - \tfrac1J)\rho\big)$. But the spread that we see among the $J$ is smaller than $\sigma^2$,
# because what they have in common cannot be seen: $E[\hat\sigma^2] = (1 - \rho)\,\sigma^2$. Put one into the other, and
#
# $$ \operatorname{Var}(\bar d) = \Big(\frac1J + \frac{\rho}{1 - \rho}\Big)\, E[\hat\sigma^2] . $$
#
# The correlation cannot be estimated from the splits. Nadeau and Bengio take $\rho = n_2/(n_1 + n_2)$, the share of the
# examples that is tested, as if the differences were correlated through common test examples alone. Then $\rho/(1-\rho) = n_2/n_1$. We have many
# worlds, so we can look whether the variance comes out right:

# %% slideshow={"slide_type": "skip"}
means = np.array([d.mean() for d in thirties])
inner = np.mean([d.var(ddof=1) for d in thirties])
print(f"variance of the mean over 200 worlds {1e4 * means.var(ddof=1):.2f} points²")
print(f"naive formula {1e4 * inner / 30:.2f}, corrected {1e4 * inner * (1 / 30 + 1 / 2):.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ratio = means.var(ddof=1) / (inner * (1 / 30 + 1 / 2))
claim(0.6 < ratio < 1.4, "the corrected variance is about right", measured=ratio)
times = means.var(ddof=1) / (inner / 30)
claim(times > 5, "the naive one is far too small", measured=times)

# %% [markdown] slideshow={"slide_type": "skip"}
# **5×2cv** (Dietterich 1998) makes five halvings, and each half is the test once. The two training sets of a halving share no
# example, so its two differences $d_1$ and $d_2$ are nearly independent. They give a variance
# $s^2 = (d_1 - \bar d)^2 + (d_2 - \bar d)^2$ for each halving. The first difference of all, divided by the root of
# their mean, has about a t-distribution with 5 degrees of freedom:
#
# $$ t = d_1^{(1)} \Big/ \sqrt{\tfrac15 \sum_{i=1}^{5} s_i^2} $$

# %% slideshow={"slide_type": "skip"}
ten = tens[0]
s2 = ((ten - ten.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
t = ten[0, 0] / np.sqrt(s2.mean())
print("ten differences:", *(f"{d:+.2f}" for d in ten.ravel()))
print(f"5×2cv: t = {t:.2f}, p = {2 * stats.t(5).sf(abs(t)):.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
p = 2 * stats.t(5).sf(abs(t))
claim(np.isclose(evaluation.five_by_two_cv(ten), p), "`five_by_two_cv` says the same")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Make one.** Is a test that never cries wolf a good one? Give A a better block (1.4 instead of 1.2) and measure how often each
# test notices.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Does transfer help here?
#
# We have seen thirty splits fail. Why may five seeds count? The student's training sets have two thirds of their examples in
# common. Each of our seeds draws 200 labelled images of 3,000, so two seeds share about 13, and a fifth of the
# handwritten digits below the clutter. It also draws new initial weights and another order: each of these alone moves a score (Bouthillier et al.
# 2021), so we vary all at once. Such runs are nearly independent.
#
# |you compare|test|
# |---|---|
# |two trained networks|McNemar|
# |two ways to train, on splits of the same few examples|corrected t, 5×2cv|
# |two ways to train, on new training images at each seed|paired t over seeds|
#
# <!-- Notes:
# What all seeds share is the test set and the source network. The first comes below; the second no interval covers.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# At one seed, both ways saw the same labelled images. So we **pair** them: what counts is the difference at each seed. An
# easy draw often helps both, and then it cancels; with five seeds you may not see that.
#
# Five differences tell little about their spread. So in place of 1.96 we take 2.78, from Student's t with 4 degrees of
# freedom, one less than seeds.
#
# <!-- Notes: In these runs the spread is not smaller for being paired (Going deeper). It costs nothing, so pair. -->

# %% slideshow={"slide_type": "skip"}
is_right = {way: z.argmax(3) == y_test for way, z in logits.items()}  # (seeds, looks, images)
gains = is_right["fine-tuned"].mean(2) - is_right["scratch"].mean(2)  # (seeds, looks)

# %% slideshow={"slide_type": "skip"}
# The mean of five paired gains after 1,200 steps, and its 95 % interval.
d = 100 * gains[:, -1]
reach = stats.t.ppf(0.975, len(d) - 1) * d.std(ddof=1) / np.sqrt(len(d))

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-5"]
print("gain at each seed, in points:", *(f"{one:+.1f}" for one in d))
print(f"mean {d.mean():+.1f}, 95 % interval {d.mean() - reach:+.1f} to {d.mean() + reach:+.1f}")

# %% [markdown] slideshow={"headline": "The same runs, earlier", "slide_type": "subslide"}
# All five gains lie above zero, and the interval does not reach it. But what if we had stopped earlier?
#
# <!-- Notes: Answer: 18.7. The rate was tuned at 1,200 steps, so at 300 neither way had its best rate. -->

# %% slideshow={"code": false}
quiz.predict("06.early", "How many points was the gain after 300 steps?", 0, 30)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-4"]
early, late = 100 * gains[:, 0], 100 * gains[:, -1]
quiz.reveal("06.early", early.mean())

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# Accuracy of both ways over the steps.
ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.6))[1]
for way, each in is_right.items():
    mean, sd = plotting.mean_and_sd(100 * each.mean(2).T)
    style = {"color": plotting.COLORS[way], "marker": plotting.MARKERS[way], "label": way}
    _ = ax.plot(looks, mean, **style)
    _ = ax.fill_between(looks, mean - sd, mean + sd, color=style["color"], alpha=0.2, lw=0)
title = "Scratch needs time (bands: ± one standard deviation, 5 seeds)"
_ = ax.set(xlabel="steps", ylabel="test accuracy (%)", title=title, xlim=(250, 1250))
_ = ax.legend(loc="lower right")
plotting.show(ax, "Two rising curves: fine-tuned above scratch, and the gap narrows with the steps")

# %% [markdown] slideshow={"slide_type": "notes"}
# A network from scratch has more to learn. Whoever stops early also measures which way is faster. So a verdict names what each way, each *arm* of the comparison, was given.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(late.min() > 0 and d.mean() > reach, "fine-tuning gains", measured=late, seeds=5)
shrunk = early - late
low, high = stats.ttest_1samp(shrunk, 0).confidence_interval()
claim(low > 0, "from step 300 to 1,200 the gain shrinks", measured=shrunk, seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# `evaluation.compare` puts it all into one report. Its interval covers other seeds *and* other test images, and is never
# narrower than over seeds alone. (Seconds are the processor's.)

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
how = "its rate, the best of three on validation images, at 1,200 steps"
given = [evaluation.Given(1200, seconds[way], how) for way in ("scratch", "fine-tuned")]
report = evaluation.compare(y_test, predicted["scratch"], predicted["fine-tuned"], given)
print(report)

# %% [markdown] slideshow={"slide_type": "notes"}
# Five seeds leave more doubt than 1,500 images. Where the interval contains zero, the verdict
# is "cannot tell": a result, too. (A whole interval within ±1 point "makes no difference".)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(report.verdict == "helps", "transfer helps here", measured=report.gain, seeds=5)
claim(report.low > 0.03, "by more than three points", measured=report.low, seeds=5)
alone = d.mean() - reach
claim(100 * report.low < alone + 1e-6, "the interval is as wide as over the seeds, or wider")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
searched = benchmark("label_efficiency")  # at 20 labels and 1,200 steps
place = searched["labels"].index(20)
rates = [searched["settings"]["1200"][way][place] for way in starts]
words = "chapter 04's search found the rate 0.002 best for both, inside its grid"
claim(rates == [2e-3, 2e-3] and searched["inside"], words, measured=rates)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **A fair comparison** keeps seven rules. Hold every paper against them, first ourselves:
#
# |rule|our verdict|
# |---|---|
# |1. Each arm is tuned on validation data, for the steps at which it is compared.|At 1,200 yes, at 300 no.|
# |2. The best setting lies inside the range that was tried.|Yes: 0.002, of 0.0007 to 0.006.|
# |3. More training would not change the ranking, or two lengths are shown.|Two are shown.|
# |4. The simplest rivals are there.|**No**: only nearest neighbours (section 3).|
#
# <!-- Notes:
# Let everybody take the last paper they read, and count how many of the seven it keeps. The rate was searched in chapter 04,
# with a source network of the same kind that trained longer.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# |rule|our verdict|
# |---|---|
# |5. Five paired seeds or more; a ranking only where the interval excludes zero.|Yes.|
# |6. Nothing is picked on the data on which it is reported.|Yes: the last look.|
# |7. The verdict names what each arm was given.|Yes. Add 1,000 steps of the source, paid once.|
#
# Another gap: all fine-tuned runs begin with the *same* source network, and no interval here covers others. And the 1,500 test images show only 597 handwritten digits, so they are worth fewer.
#
# Now rewrite "our network reaches 94 %" for our fine-tuned network, before you look at ours.
#
# <!-- Notes:
# On the board, in pairs: which measure, on how many images, with which interval, over how many seeds, against which rival,
# and what was each given?
# -->

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "The sentence, rewritten", "slide_type": "subslide"} tags=["nbval-ignore-output"]
# The accuracy with an interval over seeds and test images.
low, high = evaluation.crossed_interval(is_right["fine-tuned"][:, -1].astype(float))
score, gain = 100 * report.transfer, 100 * report.gain
low_gain, high_gain = 100 * report.low, 100 * report.high
print("Fine-tuned from one network that reads letters, with 200 labelled images, ours reads")
print(f"{score:.0f} % of 1,500 test digits (95 % interval {100 * low:.0f} to {100 * high:.0f} %),")
print(f"mean of 5 seeds. That is {gain:.0f} points ({low_gain:.0f} to {high_gain:.0f}) more than")
print("from scratch, after 1,200 steps each, at a rate tuned on validation images.")
print("Of simpler rivals, only nearest neighbours were tried.")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper: what pairing cancels, and what nobody should compare

# %% [markdown] slideshow={"slide_type": "skip"}
# How much does pairing buy? The standard deviation of the gain over seeds, and over test images, as it is and as it would
# be if the two ways had nothing in common:

# %% slideshow={"slide_type": "skip"} tags=["atol-0.05"]
for axis, over in ((1, "seeds"), (0, "images")):
    a, b = ((predicted[way] == y_test).mean(axis) for way in ("scratch", "fine-tuned"))
    paired, unpaired = (b - a).std(ddof=1), np.hypot(a.std(ddof=1), b.std(ddof=1))
    print(f"over {over:6} {paired:.3f} paired, {unpaired:.3f} if it were not")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
words = "over images much cancels: what is easy for one is easy for the other"
claim(paired < 0.9 * unpaired, words, measured=[paired, unpaired])

# %% [markdown] slideshow={"slide_type": "skip"}
# (And the *odds* in the report? They are the right answers for each wrong one. Transfer multiplies them.)
#
# Over our five seeds nothing cancelled, but a standard deviation of five numbers is vague. Pairing costs nothing, so pair. And some
# comparisons no statistics can repair. `compare` refuses them:

# %% slideshow={"slide_type": "skip"}
# Four comparisons that nobody should make.
s, t = predicted["scratch"], predicted["fine-tuned"]
refused = {
    "three seeds": lambda: evaluation.compare(y_test, s[:3], t[:3], given),
    "unpaired": lambda: evaluation.compare(y_test, s, t[:4], given),
    "one run, copied": lambda: evaluation.compare(y_test, s, np.repeat(t[:1], 5, 0), given),
    "chosen on the test": lambda: evaluation.compare(y_test, s, t, given, selected_on_test=True),
}
for case, attempt in refused.items():
    try:
        attempt()
    except ValueError as error:
        print(f"{case}: {error}\n")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("06")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - Accuracy flatters where a class is rare: report precision and recall.
# - A score has an interval. To tell 92 from 94 % takes some 2,500 images for each network.
# - Split first. What learns from data belongs inside the fold, and nothing is chosen on the test.
# - McNemar is for two networks. For two ways to train, vary everything, and pair the seeds.
# - A rival that had no time is no rival. A verdict names what each arm was given, and which rules it breaks.
#
# <!-- Notes:
# Compare the list on the board with the rewritten sentence. Then hand out exercise set 06.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex06/ex06_evaluation.ipynb) checks your answers as you go. Chapter
# [08](08_trust.ipynb) goes on from here.
#
# ## Further reading
#
# - Dietterich 1998, *Approximate statistical tests for comparing supervised classification learning
#   algorithms*, Neural Computation 10(7).
# - Nadeau & Bengio 2003, *Inference for the generalization error*, Machine Learning 52.
# - Bouthillier et al. 2021, *Accounting for variance in machine learning benchmarks*, MLSys.
# - Wilson, McNemar, Efron and Fagerland: in the course's bibliography.
