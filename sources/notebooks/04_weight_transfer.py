# %% [markdown] slideshow={"slide_type": "slide"}
# # 04 · Weight transfer
#
# A network has read thousands of printed letters, and knows strokes, corners and loops. Can it lend its eyes to a network
# that has to learn handwriting from a few examples? You will copy its weights, prove that they arrived, and find out
# what they are worth.
#
# <!-- Notes:
# The chapter that the course is named after. Copying takes one line; the question is what the copy is worth, in labels
# that nobody has to pay for.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - copy weights from one network into another, and prove that they arrived;
# - say what a transfer is worth, in accuracy and in labels, with an interval;
# - choose which layers to copy, and whether to freeze them;
# - test whether a source fits your task before you rely on it.
#
# <!-- Notes:
# Stress the word "worth" in the second point. If time is short, leave out section 5.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 1 min 35 s to run. Take a break after section 3. You need chapter 03.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
from itertools import pairwise, product
from time import process_time

import numpy as np
from scipy import stats

from tlcourse import backend, models, plotting, quiz, training, transfer
from tlcourse.course.content import benchmark, photo_scores
from tlcourse.data import DIGITS, few_labels, load_digits28
from tlcourse.data import make_cluttered_digits, make_cluttered_letters, make_stripes
from tlcourse.data import scale, transfer_pair
from tlcourse.quiz import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("04")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · Many labels here, few there
#
# You want a computer to read handwritten digits among scribbles (**clutter**). Somebody has to label every example by
# hand, and that is expensive. Printed letters cost nothing: a computer draws as many as you like, and knows what it drew.
# Could a network that has learned letters help one that has to learn digits?
#
# <!-- Notes:
# Ask for pairs from their own fields: where is labelled data free, and where does each label cost an expert's minute?
# -->

# %% slideshow={"slide_type": "skip"}
letters = make_cluttered_letters(16_000, random_state=0)
target = make_cluttered_digits(3_000, 1_500, random_state=1)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
if scale() == "full":  # real public data instead: see the end of the chapter
    letters, target = transfer_pair()
K = len(target.class_names)

# %% slideshow={"code": false, "headline": "The source above, the target below", "slide_type": "subslide"}
some = np.concatenate([letters.x_train[:10], target.x_train[:10]])
names = [letters.class_names[k] for k in letters.y_train[:10]]
names += [target.class_names[k] for k in target.y_train[:10]]
ax = plotting.image_grid(some, names)
plotting.show(ax, "Ten printed letters and ten handwritten digits, turned and half covered")

# %% [markdown] slideshow={"slide_type": "subslide"}
# A **domain** D is the inputs that can occur, X, and how often each of them occurs, P(X). A **task** T is the labels Y
# and the function f that we want to learn (Pan & Yang 2010). Here both change:
#
# | | domain | task |
# |---|---|---|
# | **source** | printed letters in clutter | 26 letters |
# | **target** | handwriting in clutter | 10 digits |
#
# The test images are made from other handwritten digits than the training images.
#
# <!-- Notes:
# Domain is what comes in, task is what is asked. Let them sort: new scanner, same disease; same scanner, new disease.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# The **source network** has four convolutions with pooling between them, its **backbone**. A **head** turns what they
# return into logits, one for each class. The whole network learns from 16,000 letters.
#
# <!-- Notes: Draw the line between backbone and head on the board. The two words stay for the rest of the course. -->

# %%
keras.utils.set_random_seed(0)
source = models.small_cnn(classes=len(letters.class_names))
backbone = ["conv1", "conv2", "conv3", "conv4"]
training.compile_classifier(source, learning_rate=2e-3)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Six epochs, the curves drawn live.
began = process_time()
_ = source.fit(
    letters.x_train,
    letters.y_train,
    batch_size=64,
    epochs=6,
    verbose=0,
    validation_data=(letters.x_test, letters.y_test),
    callbacks=[training.LiveCurves()],
)
source_seconds = process_time() - began


# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "It reads letters", "slide_type": "subslide"} tags=["nbval-ignore-output"]
# What it reads in twenty new letters; where it is wrong, the truth in brackets.
def marked(network, x, y, names):
    read = network.predict(x, verbose=0).argmax(1)
    pairs = [(names[k], names[t]) for k, t in zip(read, y, strict=True)]
    return [f"{k} ✔" if k == t else f"{k} ✘ ({t})" for k, t in pairs]


marks = marked(source, letters.x_test[:20], letters.y_test[:20], letters.class_names)
ax = plotting.image_grid(letters.x_test[:20], marks, title="What the source network reads")
plotting.show(ax, "Twenty cluttered letters, and above each what the network reads in it")

# %% slideshow={"code": false} tags=["atol-0.04"]
source_accuracy = training.accuracy(source, letters.x_test, letters.y_test)
guessing = 1 / len(letters.class_names)
print(f"it reads {source_accuracy:.2f} of the letters in new fonts; guessing gives {guessing:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# It reads more than three out of four letters, in fonts that it has never seen. (Dropout handicaps a network in training
# only, so the curve for new fonts, "validation", can lie above the training curve.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(source_accuracy > 0.75, "it reads more than three of four letters", measured=source_accuracy)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · How do weights get from here to there?
#
# Introductions to transfer learning often print one line, `target.set_weights(source.get_weights())`. Our source has 26
# outputs, and the target needs ten.
#
# <!-- Notes:
# Answer: it refuses, but only at the head, after the convolutions have been overwritten. Expect: success, or that nothing
# was changed.
# -->

# %% slideshow={"code": false}
choices = ["copy what fits", "refuse and change nothing", "refuse after some layers"]
quiz.predict("04.heads", "What will `set_weights` do?", choices)

# %% slideshow={"slide_type": "skip"}
novice = models.small_cnn(classes=K)
before = novice.get_layer("conv1").get_weights()[0]
try:
    novice.set_weights(source.get_weights())
except ValueError as error:
    print("refused:", str(error).split(". ")[0])
changed = (novice.get_layer("conv1").get_weights()[0] != before).any()
print("conv1 has changed:", changed)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("04.heads", "refuse after some layers" if changed else "refuse and change nothing")

# %% [markdown] slideshow={"headline": "Layer by layer, by name", "slide_type": "subslide"}
# It goes from layer to layer, and notices only at the head that a shape does not fit. By then the convolutions are
# overwritten. The head answers "which letter?", so we leave it behind. What we want is the backbone, layer by layer,
# each by its name.
#
# <!-- Notes: Names, not places: a layer that somebody inserts later would move all places by one. -->

# %%
novice = models.small_cnn(classes=K)  # a new one
fresh = models.small_cnn(classes=K)  # another one, which stays as it is
for name in backbone:
    weights = source.get_layer(name).get_weights()
    novice.get_layer(name).set_weights(weights)


# %% [markdown] slideshow={"slide_type": "skip"}
# Have they arrived? It proves little that the shapes fit. Show the same image to both networks, and compare what comes
# out of a layer, its **activations**.
#
# <!-- Notes: A test of a copy compares what networks do, and not what they look like. -->

# %% slideshow={"slide_type": "skip"}
def activations(network, layer, x):
    short = keras.Model(network.inputs, network.get_layer(layer).output)  # it ends at this layer
    return short.predict(x, verbose=0)


# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What conv1 sees of a digit", "slide_type": "subslide"}
# Ten feature maps of one digit in three networks, and the digit itself on the left.
digit = target.x_test[:1]
three = {"before the copy (random weights)": fresh, "the copy": novice, "the source": source}
figure, axes = plotting.plt.subplots(3, 1, figsize=(plotting.WIDTH, 3.1), layout="constrained")
for ax, (title, network) in zip(axes, three.items(), strict=True):
    maps = activations(network, "conv1", digit)[0, :, :, :10]
    maps = np.concatenate([digit[0], maps], axis=-1)
    _ = plotting.feature_maps(maps, columns=11, title=title, ax=ax)
plotting.show(
    figure, "A digit and ten feature maps of it: the copy's rows are equal to the source's"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# Each row begins with the digit itself. The copy's maps are the source's maps, stroke for stroke, although neither network
# has ever been shown a digit. The same holds for the last convolution.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
x = target.x_test[:50]
wanted = activations(source, "conv4", x)
claim(
    not np.allclose(activations(fresh, "conv4", x), wanted, atol=0.01), "without a copy they differ"
)
claim(np.allclose(activations(novice, "conv4", x), wanted, atol=1e-5), "with it they are the same")

# %% [markdown] slideshow={"slide_type": "skip"}
# `transfer.copy_weights` is our loop with a guard: it compares the names and shapes of everything before it changes
# anything.

# %% slideshow={"slide_type": "skip"}
copy = models.small_cnn(classes=K)
_ = transfer.copy_weights(source, copy, backbone)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = (activations(copy, "conv4", x) == activations(novice, "conv4", x)).all()
claim(same, "`copy_weights` does what the loop did")

# %% slideshow={"slide_type": "skip"}
try:
    transfer.copy_weights(source, copy, ["conv4", "head"])
except ValueError as error:
    print(error)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Three ways to go wrong without an error
#
# **Weights that fit and are wrong.** `set_weights` looks at the number of arrays and at their shapes, and at nothing
# else. A BatchNormalization layer computes γ (x − mean) / √(variance + ε) + β from four arrays of the same shape. In another
# order they fit just as well.
#
# <!-- Notes: Let them say what a test would have to compare so that this is noticed: activations. -->

# %%
norm = keras.layers.BatchNormalization()
norm.build((None, 8))
gamma, beta = np.full(8, 2.0), np.full(8, 1.0)
mean, variance = np.full(8, 5.0), np.full(8, 0.25)
orders = {"right": [gamma, beta, mean, variance], "wrong": [mean, variance, gamma, beta]}
for order, arrays in orders.items():
    norm.set_weights(arrays)
    print(f"{order} order: {float(norm(np.full((1, 8), 5.5))[0, 0]):.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# In another order the same numbers give another answer, and nobody complains. Only a comparison of activations catches it.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Built from the source's layers.** You could also build the target out of the source's layer *objects*, with a head of
# its own. We train such a target on 200 digits, and never call `fit` on the source.
#
# <!-- Notes:
# Answer: it reads letters worse, without having been trained on anything itself. Expect: nothing happens to it.
# -->

# %% slideshow={"code": false}
choices = ["nothing", "it reads letters worse", "it reads letters better"]
quiz.predict("04.layers", "What has happened to the source?", choices)

# %%
head = keras.layers.Dense(K)
shared = keras.Sequential([keras.Input((28, 28, 1)), *source.layers[:-1], head])
training.compile_classifier(shared)
few = few_labels(target, per_class=20, random_state=0)

# %% slideshow={"slide_type": "skip"}
kept = source.get_weights()
training.fit_steps(shared, few.x_train, few.y_train, steps=300)
ruined = training.accuracy(source, letters.x_test, letters.y_test)
source.set_weights(kept)  # and repair it

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
change = ruined - source_accuracy
quiz.reveal("04.layers", choices[0 if abs(change) < 0.005 else 1 if change < 0 else 2])

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
print(f"source on letters: {source_accuracy:.2f} before, {ruined:.2f} after the target was trained")

# %% [markdown] slideshow={"slide_type": "notes"}
# The training of another network has damaged the source. The layers were **shared** and not copied: both networks own the
# same weights. A copy leaves the source alone.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(change < -0.03, "training the target has damaged the source", measured=change)
training.compile_classifier(copy)
training.fit_steps(copy, few.x_train, few.y_train, steps=50)
same = all((a == b).all() for a, b in zip(kept, source.get_weights(), strict=True))
claim(same, "training a copy changes nothing in the source")

# %% [markdown] slideshow={"slide_type": "skip"}
# **A source that nobody has trained.** Some introductions copy from a `model` that was built one line earlier. Random numbers
# replace random numbers: nothing was learned, so nothing is transferred.
#
# <!-- Notes: Ask where the source was trained whenever somebody shows you these lines. -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · What is it worth?
#
# There are three ways to begin, and these are their names and colours in the whole course. Each is an **arm** of our
# comparison.
#
# - **scratch**: random weights, and everything trains;
# - **fine-tuned**: the backbone comes from the source, and everything trains;
# - **frozen**: the backbone comes from the source and stays as it is; only the head trains (**feature extraction**).
#
# `transfer.warm_start` prepares an arm: it returns a function that starts its network from a given seed.
#
# <!-- Notes: Let somebody say which of the three can adapt to handwriting, and which cannot. -->

# %%
networks = {arm: models.small_cnn(classes=K) for arm in ("scratch", "fine-tuned", "frozen")}
start, rate = transfer.warm_start, {"learning_rate": 2e-3}
arms = {
    "scratch": start(networks["scratch"], **rate),
    "fine-tuned": start(networks["fine-tuned"], source, backbone, **rate),
    "frozen": start(networks["frozen"], source, backbone, frozen=True, **rate),
}

# %% [markdown] slideshow={"headline": "By how many points?", "slide_type": "subslide"}
# All three train for 400 steps on the same 20 labelled digits of each class, in the same order, each shifted at random by
# up to four pixels.
#
# We repeat it with five seeds: other labelled images, another random beginning. With one seed, all three see the same
# images. So we subtract seed by seed: a **paired** difference, in percentage points.
#
# <!-- Notes:
# Answer: about 16 points. It is the number of the chapter, so collect guesses on the board and take your time.
# -->

# %% slideshow={"code": false}
quiz.predict("04.gain", "By how many points will fine-tuned be ahead of scratch?", -20, 40)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
live = training.label_efficiency(arms, target, [20], seeds=range(5), steps=400, shift=4)
live = {name: scores[0] for name, scores in live.items()}


# %% slideshow={"slide_type": "skip"}
def lead(ours, theirs):
    """Mean of the paired differences d, in points, and the ends mean ± t · s/√5 of its interval."""
    d = 100 * (np.array(ours) - theirs)
    return d.mean(), *stats.ttest_1samp(d, 0).confidence_interval()


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-4"]
quiz.reveal("04.gain", lead(live["fine-tuned"], live["scratch"])[0])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# A line for each seed.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.4))
scores = 100 * np.array([live[name] for name in arms])
for seed, aside in enumerate(np.linspace(-0.08, 0.08, 5)):
    _ = ax.plot(np.arange(3) + aside, scores[:, seed], color="#bbbbbb", lw=1.5)
    for place, name in enumerate(arms):
        style = {"color": plotting.COLORS[name], "marker": plotting.MARKERS[name]}
        _ = ax.plot(place + aside, scores[place, seed], ms=8, **style)
ax.set_xticks(range(3), arms)
ax.set(xlim=(-0.4, 2.4), ylabel="test accuracy (%)", title="With every seed both copies are ahead")
plotting.show(figure, "Five lines, one for each seed, from scratch to fine-tuned and to frozen")

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-5"]
for name in ("fine-tuned", "frozen"):
    mean, low, high = lead(live[name], live["scratch"])
    print(f"{name:10} − scratch: {mean:+.0f} points, 95 % interval {low:+.0f} to {high:+.0f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Letters help with digits, and by a lot. (All five seeds copy from *one* source network, so the interval speaks of labels
# and beginnings only. In the stored runs below each seed has its own.) Can you see it in single images? Here are ten, read by
# scratch and by fine-tuned:

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gained, low, _ = lead(live["fine-tuned"], live["scratch"])
claim(low > 5, "fine-tuned is ahead: the interval lies above 5 points", measured=gained, seeds=5)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "The same digits, read by both", "slide_type": "subslide"} tags=["nbval-ignore-output"]
# The first ten test images, read by the networks of the last seed.
figure, axes = plotting.plt.subplots(2, 1, figsize=(plotting.WIDTH, 2.4), layout="constrained")
x, y = target.x_test[:10], target.y_test[:10]
for ax, name in zip(axes, ("scratch", "fine-tuned"), strict=True):
    marks = marked(networks[name], x, y, target.class_names)
    _ = plotting.image_grid(x, marks, title=name, ax=ax)
plotting.show(figure, "Ten digits with what scratch reads in them and what fine-tuned reads")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["atol-60"]
for name in ("scratch", "fine-tuned"):
    right = networks[name].predict(target.x_test, verbose=0).argmax(1) == target.y_test
    print(
        f"{name:10} reads {right[:10].sum()} of these ten, and {right.sum()} of all {len(right):,}"
    )

# %% [markdown] slideshow={"slide_type": "notes"}
# Ten images are too few to see some fifteen points. That is why we count all 1,500.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Was that fair?
#
# A network that begins with nothing may just need more time (He, Girshick & Dollár 2019). And the simplest rival is
# missing: logistic regression on the bare **pixels**. So `python -m benchmarks.label_efficiency` measured four arms at
# several numbers of labels, with two **budgets** of steps.
#
# For each number of labels and each budget, every arm got the learning rate that served it best on yet other handwritten
# digits. *Frozen* is solved there, as a logistic regression on the source's features, so steps do not matter to it.
#
# <!-- Notes:
# Ask what is unfair about the last slide before you show this one. The answer is the time: scratch had the same 400
# steps.
# -->

# %% slideshow={"slide_type": "skip"}
stored = benchmark("label_efficiency")
labels, accuracy = stored["labels"], stored["accuracy"]  # accuracy[steps][arm][labels, seed]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
at_20 = {
    name: np.mean(accuracy["400"][name][labels.index(20)]) for name in ("scratch", "fine-tuned")
}
apart = max(abs(live[name].mean() - mean) for name, mean in at_20.items())
claim(apart < 0.06, "your own runs agree with what is stored", measured=apart)

# %% [markdown] slideshow={"headline": "How many labels are the letters worth?", "slide_type": "subslide"}
# Fine-tuning gets five labels of each class and 1,200 steps. How many labels does scratch need for the same accuracy?
#
# <!-- Notes:
# Answer: about 12. Draw the axes on the board, labels per class against accuracy, and let two learners sketch their
# curves. The answer is read off the next figure sideways.
# -->

# %% slideshow={"code": false}
question = "How many labels per class does scratch need for what fine-tuning reaches with five?"
quiz.predict("04.labels", question, 0, 50)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Read sideways, seed by seed: where does the curve of scratch reach what fine-tuning reached?
def labels_needed(reached, scores):
    """On straight lines over the logarithm of the labels; infinite beyond the last number."""
    return np.exp(np.interp(reached, scores, np.log(labels), right=np.inf))


tuned, scratch = (np.transpose(accuracy["1200"][name]) for name in ("fine-tuned", "scratch"))
worth = {
    n: [labels_needed(tuned[seed, place], scratch[seed]) for seed in range(5)]
    for place, n in enumerate(labels)
}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("04.labels", round(float(np.median(worth[5]))))


# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What the letters are worth", "slide_type": "subslide"}
# Mean and standard deviation over five seeds, at both budgets.
def curves(result, budget, ax, title):
    """The four arms of a result over its numbers of labels."""
    rows = result["accuracy"][str(budget)]
    _ = plotting.label_efficiency(result["labels"], {arm: rows[arm] for arm in arms}, ax=ax)
    mean, _ = plotting.mean_and_sd(rows["pixels"])
    _ = ax.plot(result["labels"], 100 * mean, "--", color="#777777", label="pixels")
    _ = ax.set_title(title)
    _ = ax.legend(fontsize=9)


figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.7), sharey=True)
for ax, budget in zip(axes, stored["steps"], strict=True):
    curves(stored, budget, ax, f"{budget:,} steps")
axes[1].set(ylabel="")
axes[1].get_legend().remove()
_ = figure.suptitle(
    "Frozen keeps up with few labels; with time scratch overtakes it", weight="bold", fontsize=12
)
plotting.show(figure, "Accuracy over labels for four arms at two budgets")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "notes"}
for n in labels[1:]:
    ends = np.median(worth[n]), min(worth[n]), max(worth[n])
    middle, low, high = (f"{x:.0f}" if x < np.inf else f"> {labels[-1]}" for x in ends)
    print(f"{n:3} labels with the letters: {middle} without ({low} to {high})")


# %% [markdown] slideshow={"slide_type": "notes"}
# Read the figure sideways, and you get the answer in labels. (Bands and bars are ± one standard deviation over five seeds, the
# brackets hold the smallest and the largest of the five.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Leads in points after 1,200 steps, with their intervals of 95 % over five seeds.
def between(ours, theirs, budget, n):
    place, found = labels.index(n), accuracy[str(budget)]
    return lead(found[ours][place], found[theirs][place])


pairs = [("fine-tuned", "scratch"), ("frozen", "scratch"), ("fine-tuned", "frozen")]
print("labels" + "".join(f"{f'{ours} − {theirs}':>26}" for ours, theirs in pairs))
for n in labels:
    found = [between(*pair, 1200, n) for pair in pairs]
    cells = [f"{mean:+.0f} ({low:+.1f} to {high:+.1f})" for mean, low, high in found]
    print(f"{n:6}" + "".join(f"{cell:>26}" for cell in cells))

# %% [markdown] slideshow={"slide_type": "notes"}
# **With few labels time does not help.** At five labels of each class fine-tuning leads by more than ten points after 400
# steps, and still does after 1,200. Scratch has too little to learn from.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for budget in stored["steps"]:
    mean, low, high = between("fine-tuned", "scratch", budget, 5)
    words = f"with five labels it leads by ten points or more, after {budget:,} steps"
    claim(low > 10, words, measured=[low, high], seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# **With many labels scratch needs time.** At 100 labels it is far behind after 400 steps, and 1,200 steps shrink the lead
# from 24 points to 4. A comparison at one short budget flatters the transfer, so distrust one that does not say
# how long the rival was trained.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
short, long = (between("fine-tuned", "scratch", budget, 100) for budget in stored["steps"])
claim(long[1] > 0, "at 100 labels it still leads after 1,200 steps", measured=long[1:], seeds=5)
claim(long[2] < short[1], "by clearly less than after 400", measured=[long[0], short[0]], seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# **Frozen features keep up while labels are few.** With five labels they cannot be told from fine-tuning, and are far ahead
# of scratch and the pixels. With 100 labels and time enough they are behind both: they were made for letters, and cannot adapt.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Frozen at five labels and at 100, after 1,200 steps, and beside the pixels.
few_lead, level = (
    between(*pair, 1200, 5) for pair in [("frozen", "scratch"), ("frozen", "fine-tuned")]
)
claim(few_lead[1] > 5, "frozen is far ahead of scratch at five labels", measured=few_lead, seeds=5)
words = "whether fine-tuned is ahead of frozen there we cannot tell"
claim(level[1] < 0 < level[2], words, measured=level, seeds=5)
for rival in ("scratch", "fine-tuned"):
    lost = between("frozen", rival, 1200, 100)
    claim(lost[2] < 0, f"frozen loses to {rival} at 100 labels", measured=lost, seeds=5)
ahead = [between("frozen", "pixels", 1200, n)[1] for n in labels]
claim(min(ahead) > 0, "frozen beats the pixels at every number of labels", measured=ahead, seeds=5)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · What does it cost?

# %% [markdown] slideshow={"slide_type": "skip"}
# The source network has to be trained once. Here is how long that took, beside one run on the target:

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
began = process_time()
training.fit_steps(arms["scratch"](0), few.x_train, few.y_train, steps=400, shift=4)
print(
    f"the source: {source_seconds:.0f} s of processor time; a run: {process_time() - began:.0f} s"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# So the source costs as much as a few runs, and it serves every target that is near enough. Whether that is cheap
# depends on what a label costs.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Which layers are worth copying?
#
# The first convolution sees strokes, the last one parts of characters. You could copy only the first *k* of the four,
# freeze them, and let the others begin with random numbers.
#
# Yosinski and others (2014) did this with ImageNet networks, and saw that two things can hurt when *k* grows. The later
# layers may be made for the *source*. And you may cut between layers that had learned to work together, which would hurt
# even if source and target were the same.
#
# <!-- Notes: Ask the room how one could tell the two apart, before you turn the page. -->

# %% [markdown] slideshow={"headline": "The control", "slide_type": "subslide"}
# To tell them apart you need a control: copy layers from a network that knows *the target itself*, the same domain and
# the same task. Ours learned from 16,000 images of the training digits, as many as there were letters.
#
# Now freeze all four convolutions, and train only a head with 20 labels per class.
#
# <!-- Notes:
# Answer: 28 points. The control has what nobody has in practice, a good network for the target. It is there to tell us
# something about the letters.
# -->

# %% slideshow={"code": false}
question = "By how many points will the digits' own network be ahead of the letters' network?"
quiz.predict("04.depth", question, 0, 40)

# %% slideshow={"slide_type": "skip"}
depth = benchmark("transfer_depth")["accuracy_at"]  # depth[steps][source][way][layers, seed]


def own_ahead(layers, budget="1200"):
    found = depth[budget]
    return lead(found["own"]["frozen"][layers], found["letters"]["frozen"][layers])


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("04.depth", own_ahead(4)[0])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Early layers are for everybody", "slide_type": "subslide"}
# Mean and standard deviation over the number of copied layers, at both budgets.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.9), sharey=True)
rows = [
    ("own", "frozen", "own digits, frozen", "source", "D"),
    ("letters", "fine-tuned", "letters, fine-tuned", "fine-tuned", "s"),
    ("letters", "frozen", "letters, frozen", "frozen", "^"),
]
for ax, budget in zip(axes, depth, strict=True):
    for name, way, label, colour, marker in rows:
        mean, sd = plotting.mean_and_sd(depth[budget][name][way])
        style = {"color": plotting.COLORS[colour], "marker": marker, "capsize": 4}
        _ = ax.errorbar(range(5), 100 * mean, 100 * sd, label=label, **style)
    ax.set_xticks(range(5), ["none", "1", "1–2", "1–3", "all"])
    ax.set(xlabel="convolutions copied", title=f"{int(budget):,} steps")
axes[0].set_ylabel("test accuracy (%)")
_ = axes[0].legend(fontsize=9)
_ = figure.suptitle(
    "Frozen letters gain up to layer 2, the own digits up to the last", weight="bold", fontsize=12
)
plotting.show(figure, "Accuracy over the number of copied layers for three ways and two budgets")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# In points, with intervals of 95 % over five seeds.
print("after 1,200 steps, with a head that is trained (in section 3, frozen was solved)")
for layers in range(1, 5):
    mean, low, high = own_ahead(layers)
    print(f"{layers} frozen: own − letters {mean:+3.0f} points ({low:+.1f} to {high:+.1f})", end="")
    rows = depth["1200"]["letters"]["frozen"]
    mean, low, high = lead(rows[layers], rows[0])
    print(f",  letters − scratch {mean:+3.0f} ({low:+.1f} to {high:+.1f})")

# %% [markdown] slideshow={"slide_type": "notes"}
# After one layer we cannot tell the two sources apart: strokes are
# strokes. Then the control climbs, up to the last layer. So whatever the cut may cost, a good source brings more.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The two sources, layer by layer, both frozen.
for budget in depth:
    own, other = (np.array(depth[budget][name]["frozen"]) for name in ("own", "letters"))
    level, grown = lead(own[1], other[1]), lead(own[4] - other[4], own[1] - other[1])
    climbs = min(lead(own[k + 1], own[k])[1] for k in (1, 2, 3))
    claim(
        level[1] < 0 < level[2], f"level after one layer, {budget} steps", measured=level, seeds=5
    )
    claim(
        climbs > 0,
        f"each further layer lifts the control, {budget} steps",
        measured=climbs,
        seeds=5,
    )
    claim(grown[1] > 0, f"the distance grows, {budget} steps", measured=grown, seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# With the letters, two frozen layers help, and whether two more add anything we cannot tell. The later layers see what
# *printed letters* are made of. Is the print to blame, or are the letters? Here the two sources differ in both, so this figure
# cannot say. Section 5 can.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for budget in depth:
    rows = depth[budget]["letters"]["frozen"]
    first, added = lead(rows[2], rows[0]), lead(rows[4], rows[2])
    claim(first[1] > 0, f"two frozen layers help, {budget} steps", measured=first, seeds=5)
    words = f"whether two more add anything we cannot tell, {budget} steps"
    claim(added[1] < 0 < added[2], words, measured=added, seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# If the copied layers may train on, copying too many does little harm: four may be ahead of two, and are at most three
# points behind.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for budget in depth:
    rows = depth[budget]["letters"]["fine-tuned"]
    added = lead(rows[4], rows[2])
    words = f"fine-tuned, layers 3 and 4 cost at most three points, {int(budget):,} steps"
    claim(added[1] > -3, words, measured=added, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · How near must the source be?
#
# Here are three kinds of source, with ten classes and 16,000 images each, and each kind farther from handwritten digits
# than the one before: printed digits (another domain), printed letters (another task, too), and stripes, which share
# neither strokes nor task.
#
# <!-- Notes:
# Let them order the three by nearness, and say what "near" means: the strokes, or the task?
# -->

# %% slideshow={"code": false}
near, middle = (
    make_cluttered_letters(10, alphabet=a, random_state=4) for a in (DIGITS, "ABDEGKMRSX")
)
far = make_stripes(10, directions=10, random_state=4)
ax = plotting.image_grid(np.concatenate([s.x_train[:10] for s in (near, middle, far)]))
for row, kind in enumerate(("printed digits", "printed letters", "stripes")):
    _ = ax.text(-1, 30.5 * row + 16, kind, ha="right", va="center")
plotting.show(ax, "Three rows of ten images: printed digits, printed letters, grey stripes")

# %% [markdown] slideshow={"slide_type": "skip"}
# `python -m benchmarks.source_distance` trained three networks of each kind, and copied all four convolutions. The target has
# 20 labels per class, and every arm was tuned at each budget.

# %% slideshow={"slide_type": "skip"}
distance = benchmark("source_distance")["accuracy_at"]  # distance[steps][way][kind][source, seed]
kinds = ["printed digits", "printed letters", "stripes"]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def reached(kind, way="frozen", budget="1200"):
    """The five scores of a kind of source, each the mean of its three networks."""
    if kind == "own digits":  # section 4's control, with a network for each seed
        return np.array(depth[budget]["own"][way][4])
    if kind == "scratch":
        return np.array(depth[budget]["letters"]["frozen"][0])
    return np.mean(distance[budget][way][kind], 0)


# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Near sources help, frozen stripes do harm", "slide_type": "subslide"}
# Mean and standard deviation over five seeds; above, the control of section 4.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.6), sharey=True)
for ax, budget in zip(axes, distance, strict=True):
    for way, aside in (("fine-tuned", -0.13), ("frozen", 0.13)):
        rows = (["own digits"] if way == "frozen" else []) + kinds
        mean, sd = plotting.mean_and_sd([reached(kind, way, budget) for kind in rows])
        style = {"color": plotting.COLORS[way], "fmt": plotting.MARKERS[way], "capsize": 4}
        places = np.arange(4)[-len(rows) :] + aside
        _ = ax.errorbar(100 * mean, places, xerr=100 * sd, ms=8, label=way, **style)
    mean, sd = plotting.mean_and_sd(reached("scratch", budget=budget))
    _ = ax.axvline(100 * mean, color=plotting.COLORS["scratch"], label="scratch")
    _ = ax.axvspan(*(100 * (mean + s * sd) for s in (-1, 1)), color="#D55E00", alpha=0.2, lw=0)
    ax.set(xlabel="test accuracy (%)", title=f"{int(budget):,} steps")
axes[0].set_yticks(range(4), ["own digits", *kinds])
axes[0].set_ylim(3.5, -0.5)
_ = axes[0].legend(fontsize=9, loc="lower right")
plotting.show(figure, "Accuracy from four sources, fine-tuned and frozen, beside scratch")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The lead over scratch in points, with intervals of 95 %.
print(f"{'':28}" + "".join(f"{int(budget):>18,} steps" for budget in distance))
for way, kind in product(("frozen", "fine-tuned"), kinds):
    ends = [lead(reached(kind, way, b), reached("scratch", budget=b)) for b in distance]
    cells = [f"{mean:+.0f} ({low:+.1f} to {high:+.1f})" for mean, low, high in ends]
    print(f"{way:10} {kind:17}" + "".join(f"{cell:>24}" for cell in cells))

# %% [markdown] slideshow={"slide_type": "notes"}
# Nearer sources are better, whichever way you use them. With frozen stripes you are worse off than without any source. (And
# once scratch had 1,200 steps, we cannot tell whether *frozen* letters are still ahead.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Neighbours in nearness, and the leads over scratch.
for budget, way in product(distance, ("frozen", "fine-tuned")):
    steps = [lead(reached(a, way, budget), reached(b, way, budget)) for a, b in pairwise(kinds)]
    least = min(low for _, low, _ in steps)
    claim(least > 0, f"nearer is better, {way}, {int(budget):,} steps", measured=least, seeds=5)
for budget in distance:
    lost = lead(reached("stripes", budget=budget), reached("scratch", budget=budget))
    words = f"frozen stripes cost more than ten points, {int(budget):,} steps"
    claim(lost[2] < -10, words, measured=lost, seeds=5)
level = lead(reached("printed letters"), reached("scratch"))
words = "whether frozen letters are ahead after 1,200 steps we cannot tell"
claim(level[1] < 0 < level[2], words, measured=level, seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# **Print or letters?** From section 4's own digits to the printed ones only the *domain* changes, handwriting to print,
# and that costs frozen features 17 to 18 points. From there to the letters the *task* changes, and that costs about 13 more.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for budget in distance:
    own, near_us, letters_there = (reached(k, budget=budget) for k in ("own digits", *kinds[:2]))
    domain, task = lead(own, near_us), lead(near_us, letters_there)
    more = lead(own - near_us, near_us - letters_there)
    words = f"the domain costs more than the task, {int(budget):,} steps"
    claim(more[1] > 0 and task[1] > 0, words, measured=[domain[0], task[0]], seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Is that the fault of the stripes?
#
# Or would any frozen backbone do as badly? The control knows nothing: three networks, frozen at *random* weights and tuned
# in the same way.
#
# <!-- Notes:
# Answer: worse still. Without this control one blames the stripes for what freezing did.
# -->

# %% slideshow={"code": false}
choices = ["better than frozen stripes", "we cannot tell", "worse than frozen stripes"]
quiz.predict("04.random", "Where will frozen random weights end?", choices)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
ahead = lead(reached("random weights"), reached("stripes"))
quiz.reveal("04.random", choices[0 if ahead[1] > 0 else 2 if ahead[2] < 0 else 1])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
for kind in ("random weights", "stripes", "scratch"):
    mean, sd = 100 * np.array(plotting.mean_and_sd(reached(kind)))
    print(f"{kind:15} {mean:3.0f} % ± {sd:.0f}, after 1,200 steps")
print("random − stripes: {:+.0f} points ({:+.1f} to {:+.1f})".format(*ahead))

# %% [markdown] slideshow={"slide_type": "notes"}
# They end worse still. So the stripes have taught the backbone something that digits can use. What does the harm is to
# *freeze* features that are not good enough.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
for budget in distance:
    more = lead(*(reached(kind, budget=budget) for kind in ("stripes", "random weights")))
    words = f"frozen stripes are better than frozen random weights, {int(budget):,} steps"
    claim(more[1] > 0, words, measured=more, seeds=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · The same handwriting, other digits
#
# Nobody would choose stripes. So take a source that looks sensible. We go back to the centred digits of chapter 03, without
# clutter: the source learns 0 to 4, the target is 5 to 9, in the same handwriting.
#
# <!-- Notes: Same handwriting, same size, same paper. Let the room say why this should work. -->

# %% jupyter={"source_hidden": true}
# Ten images of the source and ten of the target.
digits = load_digits28()
low, high = (np.flatnonzero((digits.y_train > 4) == upper)[:10] for upper in (False, True))
shown = np.concatenate(
    [low[np.argsort(digits.y_train[low])], high[np.argsort(digits.y_train[high])]]
)
ax = plotting.image_grid(digits.x_train[shown], [str(k) for k in digits.y_train[shown]])
plotting.show(ax, "Ten handwritten digits from 0 to 4, and below them ten from 5 to 9")

# %% [markdown] slideshow={"headline": "One label of each class", "slide_type": "subslide"}
# Suppose you have a single label of each class, five images in all. A stored benchmark tuned every arm
# at each number of labels. *Frozen* is solved again, and each of the five seeds has its own source network.
#
# <!-- Notes:
# Answer: it is behind by about nine points. Most expect the largest gain of the day, since the handwriting is the same.
# -->

# %% slideshow={"code": false}
question = "By how many points will fine-tuning be ahead of scratch with one label per class?"
quiz.predict("04.digits", question, -30, 30)

# %% slideshow={"slide_type": "skip"}
negative = benchmark("negative_transfer")
found = negative["accuracy"]["600"]  # steps
one = {arm: scores[0] for arm, scores in found.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("04.digits", round(lead(one["fine-tuned"], one["scratch"])[0], 1))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "The same handwriting, and worse", "slide_type": "subslide"}
# Mean and standard deviation over five seeds.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.5))
curves(negative, 600, ax, "With one label, fine-tuning is behind scratch")
plotting.show(figure, "Accuracy on 5 to 9 over labels for four arms; scratch is on top")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Leads in points after 600 steps, with their intervals of 95 %.
pairs = [("fine-tuned", "scratch"), ("frozen", "scratch"), ("fine-tuned", "pixels")]
print("labels" + "".join(f"{f'{ours} − {theirs}':>26}" for ours, theirs in pairs))
for place, n in enumerate(negative["labels"]):
    ends = [lead(found[ours][place], found[theirs][place]) for ours, theirs in pairs]
    cells = [f"{mean:+.0f} ({low:+.1f} to {high:+.1f})" for mean, low, high in ends]
    print(f"{n:6}" + "".join(f"{cell:>26}" for cell in cells))

# %% [markdown] slideshow={"slide_type": "notes"}
# It does harm. With one label per class fine-tuning is behind scratch, after 200 steps as after 600. (Five images differ so
# much from draw to draw that the intervals are wide: we know the sign better than the size.) Frozen features are behind by
# about as much on average, but after 600 steps their interval reaches zero, so we cannot tell. A transfer that leaves you
# worse off than without it is called **negative transfer**.
#
# Two reasons are likely. A network that only has to tell 0 to 4 apart may throw away what tells 5 from 8. And this target
# is easy: where scratch is good, a source has little to add and much to get wrong.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Intervals of 95 % over five seeds, each with a source of its own.
good = negative["source_accuracy"]
claim(
    min(good) > 0.9,
    "the sources read more than nine of ten of their own digits",
    measured=good,
    seeds=5,
)
for budget, rows in negative["accuracy"].items():
    lost = lead(rows["fine-tuned"][0], rows["scratch"][0])
    words = f"fine-tuning loses to scratch with one label, {budget} steps"
    claim(lost[2] < 0, words, measured=lost, seeds=5)
level = lead(one["frozen"], one["scratch"])
words = "whether frozen features lose to it after 600 steps we cannot tell"
claim(level[1] < 0 < level[2], words, measured=level, seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### And on photographs?
#
# The course ships a ResNet50 that has learned letters on coloured backgrounds (chapter 05 uses it). We freeze it, and put a
# logistic regression on its 2,048 features. With 20 labelled photographs of each of five kinds of flowers it ends *behind* a
# logistic regression on the bare pixels, 31 % against 37 %.
#
# The next photographs show hands that sign the digits 0 to 9, again 20 of each.
#
# <!-- Notes:
# Answer: we cannot tell, 64 % against 62 %. Chance is 20 % on flowers and 10 % on hand signs. Let them say what letters can
# and cannot teach: shapes; colour, petals, leaves.
# -->

# %% slideshow={"code": false}
choices = ["ahead of the pixels", "we cannot tell", "behind the pixels"]
quiz.predict("04.signs", "Where will the same features end on hand signs?", choices)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Stored by `python -m benchmarks.photos`, five seeds each.
sets = {"flowers_160": "flowers", "sign_language_digits": "hand signs"}
features = {
    "pixels": "pixels",
    "frozen letters-ResNet50": "letters",
    "frozen EfficientNet-Lite0": "ImageNet",
    "scratch": "scratch",
}
photos = {key: photo_scores(*key) for key in product(sets, features)}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
on_flowers, on_signs = (
    lead(photos[name, "frozen letters-ResNet50"], photos[name, "pixels"]) for name in sets
)
quiz.reveal("04.signs", choices[0 if on_signs[1] > 0 else 2 if on_signs[2] < 0 else 1])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "The same weights, on two sets of photographs", "slide_type": "subslide"}
# Mean and standard deviation over five seeds.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3), sharex=True, sharey=True)
colours = ["#777777", *(plotting.COLORS[name] for name in ("source", "frozen", "scratch"))]
for ax, (name, title), chance in zip(axes, sets.items(), (20, 10), strict=True):
    mean, sd = plotting.mean_and_sd([photos[name, arm] for arm in features])
    _ = ax.barh(range(4), 100 * mean, xerr=100 * sd, color=colours, capsize=4)
    _ = ax.axvline(chance, color="black", ls=":")
    ax.set(xlabel="test accuracy (%)", title=f"{title} (dotted: chance)")
axes[0].set_yticks(range(4), features.values())
axes[0].invert_yaxis()
plotting.show(figure, "Bars for pixels, letters, ImageNet and scratch on flowers and on hand signs")

# %% slideshow={"code": false, "slide_type": "notes"}
for title, (mean, low, high) in (("flowers", on_flowers), ("hand signs", on_signs)):
    print(
        f"{title:10}: letters − pixels {mean:+.0f} points, 95 % interval {low:+.0f} to {high:+.0f}"
    )

# %% [markdown] slideshow={"slide_type": "notes"}
# On hand signs, which are shapes on a plain background, the very same weights cannot be told from the pixels. And on both
# sets they lose to a small network from scratch.
#
# Another source can change the picture: on flowers, the features of EfficientNet-Lite0 (another network, which has seen the
# million photographs of ImageNet) reach more than double what the letters reach.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the intervals say.
claim(on_flowers[2] < 0, "on flowers the letters lose to the pixels", measured=on_flowers, seeds=5)
words = "on hand signs we cannot tell them from the pixels"
claim(on_signs[1] < 0 < on_signs[2], words, measured=on_signs, seeds=5)
for name, title in sets.items():
    behind = lead(photos[name, "frozen letters-ResNet50"], photos[name, "scratch"])
    claim(behind[2] < 0, f"on {title} scratch beats them", measured=behind, seeds=5)
imagenet, letters_there = (
    photos["flowers_160", f"frozen {n}"] for n in ("EfficientNet-Lite0", "letters-ResNet50")
)
claim((imagenet > 2 * letters_there).all(), "ImageNet more than doubles the letters", seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# > Transfer pays where the source has seen what the target needs. Never assume it: let a
# > network from scratch and a plain logistic regression run beside it.
#
# <!-- Notes:
# Ask each to name one case from their own work where they would expect harm, and what rival they would train beside it.
# -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Make a source that does harm

# %% [markdown] slideshow={"slide_type": "skip"}
# Find a source that does harm to digits in clutter. Candidates: five letters instead of 26; letters without clutter
# (`make_cluttered_letters(16_000, difficulty=0)`); 26 letters with their labels shuffled. Predict, train it as in section 1,
# and measure it with five seeds, as in section 3. Begin here:

# %% slideshow={"slide_type": "skip"}
mine = make_cluttered_letters(100, alphabet="ABCDE", random_state=0)  # you need 16,000
print(mine.x_train.shape, mine.class_names)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · A source that nobody has trained

# %% [markdown] slideshow={"slide_type": "skip"}
# Section 2 said that a copy from an untrained network transfers nothing. Here is the measurement, with the article network
# of chapter 03, the one that many introductions use: 20 labels of each class, 200 steps, five seeds.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
article = models.article_network()  # built, and never trained
starts = {
    "scratch": transfer.warm_start(models.article_network()),
    "copied": transfer.warm_start(models.article_network(), article, ["conv", "head"]),
}
found = training.label_efficiency(starts, target, [20], seeds=range(5), steps=200)

# %% slideshow={"slide_type": "skip"} tags=["atol-3"]
mean, low, high = lead(found["copied"][0], found["scratch"][0])
print(f"copied − scratch: {mean:+.1f} points, 95 % interval {low:+.1f} to {high:+.1f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(abs(mean) < 3, "an untrained source adds nothing that we can see", measured=mean, seeds=5)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · The same on real public data

# %% [markdown] slideshow={"slide_type": "skip"}
# All of this is small on purpose. With the data sets in the cache (`tlcourse fetch mnist fashion_mnist`, once, over the
# internet), `TLCOURSE_SCALE=full tlcourse run 04` runs the same cells with MNIST as the source and Fashion-MNIST as the
# target. If only one of them is there, its first five classes are the source and the others the target. A tick then
# only *reports* what your own runs show: other data may give other answers. The stored results stay those of the
# letters. If source and target have equally many classes, `set_weights` in section 2 will not refuse.

# %% slideshow={"slide_type": "skip"}
print(f"scale: {scale()}")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("04")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - Copy by layer name, leave the head behind, and compare activations. Shapes that fit prove little.
# - Layer *objects* that are used again share their weights.
# - A gain is a paired difference with an interval, over a rival that had the same labels, as much tuning and as much time.
# - Frozen features keep up when labels are few, and fall behind when there are many. Fine-tuning can adapt.
# - Near sources help, distant ones can do harm. Measure before you believe it.
#
# <!-- Notes:
# Go back to the question of chapter 00: did the letters help the digits, and what was it worth? Then hand out exercise
# set 04.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex04/ex04_weight_transfer.ipynb) checks your answers as you go.
#
# ## Further reading
#
# - Bozinovski 2020, *Reminder of the first paper on transfer learning in neural networks, 1976*, Informatica 44(3).
# - Pan & Yang 2010, *A survey on transfer learning*, IEEE TKDE 22(10).
# - Yosinski, Clune, Bengio & Lipson 2014, *How transferable are features in deep neural networks?*, NeurIPS.
# - Mnih, Heess, Graves & Kavukcuoglu 2014, *Recurrent models of visual attention*, NeurIPS (the cluttered digits).
# - He, Girshick & Dollár 2019, *Rethinking ImageNet pre-training*, ICCV.
