# %% [markdown] slideshow={"slide_type": "slide"}
# # 04 · Weight transfer
#
# <!-- Notes:
# The chapter that the course is named after. Everything before was preparation: today the
# question is what a copied network is worth, in labels.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - move weights from one network into another, by name, and prove that they arrived;
# - measure what a transfer is worth, in accuracy and in labels, against training from scratch;
# - choose which layers to copy, and whether to freeze them;
# - recognise a transfer that does nothing, and one that does harm.
#
# <!-- Notes:
# Stress the third word of the second point: "worth". Copying is one line; knowing whether it
# helped is the chapter.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 60 minutes to read and try, about four minutes to run. You need chapter 03.

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
from dataclasses import replace
from time import perf_counter

import numpy as np

from tlcourse import backend, models, plotting, quiz, training, transfer
from tlcourse.course.content import benchmark
from tlcourse.data import DIGITS, few_labels, load_digits28
from tlcourse.data import make_cluttered_digits, make_cluttered_letters, make_stripes
from tlcourse.data import scale, transfer_pair
from tlcourse.training import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("04")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · A source with many labels, a target with few
#
# You want to read handwritten digits among scribbles, and somebody must label every example by hand. Printed letters cost nothing: a computer draws as many as you like, and
# knows what it drew. Can a network that learned letters help one that must learn digits?
#
# <!-- Notes:
# Ask for pairs from their own fields: where is labelled data free, and where does each label
# cost an expert's minute?
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# A **domain** is a set of possible inputs X and how often each comes, D = {X, P(X)}; a **task** is a set of
# labels Y and the function f to learn, T = {Y, f} (Pan & Yang 2010). Here both differ:
#
# | | domain | task |
# |---|---|---|
# | **source** | printed letters in clutter | 26 letters |
# | **target** | real handwriting in clutter | 10 digits |
#
# <!-- Notes:
# Domain is what comes in, task is what is asked. Both differ here. Let them sort: new
# scanner, same disease; same scanner, new disease.
# -->

# %% slideshow={"slide_type": "skip"}
letters = make_cluttered_letters(16_000, random_state=0)
target = make_cluttered_digits(3_000, 1_500, random_state=1)
if scale() == "full":  # real public data instead: see the end of the chapter
    letters, target = transfer_pair()
print("source:", letters)
print("target:", target)

# %% slideshow={"slide_type": "subslide"}
# Ten images of each task, with their classes.
some = np.concatenate([letters.x_train[:10], target.x_train[:10]])
names = [letters.class_names[k] for k in letters.y_train[:10]]
names += [target.class_names[k] for k in target.y_train[:10]]
ax = plotting.image_grid(some, names, title="Source above, target below")
plotting.show(ax, "Ten letters and ten handwritten digits, turned and covered with fragments")

# %% [markdown] slideshow={"slide_type": "skip"}
# The digits in the test set come from handwriting that no training image shows.
#
# <!-- Notes: Which is harder to read? For them the digits; nobody drew them for a computer. -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · The transfer that articles print
#
# Introductions to transfer learning often print these lines. `model` is the article network of
# chapter 03.

# %%
model = models.article_network()
target_model = models.article_network()
target_model.set_weights(model.get_weights())

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Suppose the target network is now trained on 20 digits of each class. How much better will it be
# than the same network without the last of these lines: 0, 5 or 20 points of accuracy?
#
# <!-- Notes:
# Answer: no difference that could be seen. Let them look at the previous slide again until
# somebody asks where the source was trained. It never was.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# `set_weights` did what it promises: both networks now answer alike.

# %% slideshow={"slide_type": "skip"}
x = target.x_test[:100]
same = np.allclose(model.predict(x, verbose=0), target_model.predict(x, verbose=0), atol=1e-6)
assert same


# %% [markdown] slideshow={"slide_type": "skip"}
# But look again: the source network was never trained. Random numbers were copied over random
# numbers. Here is the measurement: 20 labels per class, five seeds, everything else equal.

# %% slideshow={"slide_type": "skip"}
# The article network, from a source or from scratch; `start(seed)` begins one run.
def article_start(source=None):
    network = models.article_network()
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def start(seed):
        training.restart(network, seed)
        if source is not None:
            network.set_weights(source.get_weights())
        return network

    return start


# %% [markdown] slideshow={"slide_type": "skip"}
# For a source that *was* trained, we take ten letters, A to J, so that the two networks have the
# same ten outputs and `set_weights` accepts the weights.

# %% slideshow={"slide_type": "skip"}
# A trained source for the same network.
ten = make_cluttered_letters(8_000, alphabet="ABCDEFGHIJ", random_state=2)
trained = article_start()(seed=0)
training.fit_steps(trained, ten.x_train, ten.y_train, steps=600)
trained_accuracy = training.accuracy(trained, ten.x_test, ten.y_test)

# %% slideshow={"slide_type": "skip"} tags=["atol-0.05"]
print(f"source network: {trained_accuracy:.2f} on letters A to J in fonts it never saw")

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
arms = {
    "scratch": article_start(),
    "untrained source": article_start(source=model),
    "trained source": article_start(source=trained),
}
article = training.label_efficiency(arms, target, labels=[20], seeds=range(5), steps=200)

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.04"]
for name, (scores,) in article.items():
    print(f"{name:17} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# From an untrained source we can see no difference. But nor can we from the trained one, though it
# reads letters well above chance (0.10)! A likely reason: more than 99 of 100 of this network's
# parameters are its head (chapter 03), and a head made for A to J is of no use for digits. The line of
# code does what it should. It takes a source that was trained, *and* a network with features worth
# having.

# %% slideshow={"slide_type": "skip"}
scratch, untrained, trained_scores = (article[name][0] for name in arms)
claim(abs(untrained.mean() - scratch.mean()) < 0.03, "an untrained source adds nothing")
claim(abs(trained_scores.mean() - scratch.mean()) < 0.03, "and a trained one hardly more")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · A source that has learned something
#
# From here on both networks are deeper: four convolutions (`conv1` … `conv4`), the **backbone**,
# and a **head** that turns features into logits, one for each class. The source network learns all
# 26 letters.
#
# <!-- Notes:
# The words backbone and head stay for the rest of the course. Draw the line between them on
# the board.
# -->

# %% slideshow={"slide_type": "skip"}
keras.utils.set_random_seed(0)
source = models.small_cnn(classes=len(letters.class_names))
backbone = ["conv1", "conv2", "conv3", "conv4"]
for layer in source.layers:
    print(f"{layer.name:8} {str(layer.output.shape):21} {layer.count_params():6,} parameters")

# %% slideshow={"slide_type": "subslide"} tags=["nbval-ignore-output"]
# Train the source network, the curves drawn live.
began = perf_counter()
training.compile_classifier(source, learning_rate=2e-3)
_ = source.fit(
    letters.x_train,
    letters.y_train,
    batch_size=64,
    epochs=6,
    verbose=0,
    validation_data=(letters.x_test, letters.y_test),
    callbacks=[training.LiveCurves()],
)
source_seconds = perf_counter() - began

# %% slideshow={"code": false} tags=["atol-0.04"]
source_accuracy = training.accuracy(source, letters.x_test, letters.y_test)
guessing = 1 / len(letters.class_names)
print(f"source network: {source_accuracy:.2f} on its own task; guessing gives {guessing:.2f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# (With dropout the network trains handicapped and is tested whole, so its validation curve can lie
# above its training curve.)
#
# ### Heads that do not match
#
# <!-- Notes:
# Is that good? Compare with guessing. A source need not be perfect; section 6 shows what
# matters about it.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** The source has 26 outputs and the target 10. What will `set_weights` do?
#
# <!-- Notes:
# Answer: it refuses, but only at the head, after the convolutions have been overwritten.
# Expect: success, or that nothing was changed.
# -->

# %% slideshow={"slide_type": "skip"}
K = len(target.class_names)
target_network = models.small_cnn(classes=K)
try:
    target_network.set_weights(source.get_weights())
except ValueError as error:
    print("refused:", str(error).split(". ")[0])

# %% [markdown] slideshow={"slide_type": "notes"}
# It refuses, as it should, but only when it comes to the head: by then the convolutions have been
# overwritten. The head answers "which letter?", so nobody wants it; what we want is the backbone. So
# take a fresh target and copy layer by layer, by name. Shapes that fit prove little; the proof is that
# both backbones give the same activations for the same image, after the copy and not before:

# %% slideshow={"slide_type": "skip"}
target_network = models.small_cnn(classes=K)
x = target.x_test[:50]


def features(network, x):
    backbone = keras.Model(network.inputs, network.get_layer("conv4").output)
    return backbone.predict(x, verbose=0)


assert not np.allclose(features(target_network, x), features(source, x), atol=0.01)

# %% slideshow={"slide_type": "subslide"}
for name in backbone:
    weights = source.get_layer(name).get_weights()
    target_network.get_layer(name).set_weights(weights)
np.testing.assert_allclose(features(target_network, x), features(source, x), atol=1e-5)

# %% [markdown] slideshow={"slide_type": "notes"}
# `tlcourse.transfer.copy_weights` is this loop with a guard: it compares the names and shapes of
# all variables before it changes anything. It is used from here on.
#
# <!-- Notes:
# The assertion is the lesson: the same activations for the same image. Shapes that fit prove
# little.
# -->

# %% slideshow={"slide_type": "skip"}
copy = models.small_cnn(classes=K)
copied = transfer.copy_weights(source, copy, backbone)
np.testing.assert_array_equal(features(copy, x), features(target_network, x))
copied

# %% slideshow={"slide_type": "skip"}
try:
    transfer.copy_weights(source, copy, ["conv4", "head"])
except ValueError as error:
    print(error)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### A mistake that says nothing: weights that fit and are wrong
#
# `set_weights` counts arrays and compares shapes, nothing else. A BatchNormalization layer, which
# computes γ (x − mean) / √variance + β to keep activations in a comfortable range, has four arrays of
# one shape: γ, β, mean, variance. Hand them over in another order (other
# libraries have other orders) and not a word is said:

# %% slideshow={"slide_type": "skip"}
norm = keras.layers.BatchNormalization()
norm.build((None, 8))
gamma, beta, mean, variance = np.full((4, 8), [[2.0], [1.0], [5.0], [0.25]])
norm.set_weights([gamma, beta, mean, variance])
right = keras.ops.convert_to_numpy(norm(np.full((1, 8), 5.5)))

# %% slideshow={"code": false, "slide_type": "fragment"}
norm.set_weights([mean, variance, gamma, beta])
wrong = keras.ops.convert_to_numpy(norm(np.full((1, 8), 5.5)))
print(
    f"the same input, the same numbers: {right[0, 0]:.2f} in order, {wrong[0, 0]:.2f} out of order"
)
assert abs(right - wrong).max() > 1

# %% [markdown] slideshow={"slide_type": "notes"}
# Only a comparison of activations, as above, catches it.
#
# <!-- Notes: Let them say what a test would have to compare so that this is noticed. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Shared is not copied
#
# Another way to "transfer" is to build the target from the source's *layer objects*. It looks the
# same and is not: both networks now own the same weights.

# %% [markdown]
# **Predict.** After we train such a target for 300 steps, what has happened to the source?
#
# <!-- Notes:
# Answer: the source has become worse at letters, without being trained on anything of its
# own. Expect: nothing happens to it, as if the layers had been copied.
# -->

# %% slideshow={"slide_type": "skip"}
head = keras.layers.Dense(K)
shared = keras.Sequential([keras.Input((28, 28, 1)), *source.layers[:-1], head])
training.compile_classifier(shared)
few = few_labels(target, 20, random_state=0)

# %% slideshow={"slide_type": "skip"}
kept = source.get_weights()
training.fit_steps(shared, few.x_train, few.y_train, steps=300)
ruined = training.accuracy(source, letters.x_test, letters.y_test)
source.set_weights(kept)

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
print(f"source on letters: {source_accuracy:.2f} before, {ruined:.2f} after the target was trained")
claim(ruined < source_accuracy - 0.03, "training the target has damaged the source")

# %% [markdown] slideshow={"slide_type": "notes"}
# The source has been damaged from afar. A copy leaves it alone:

# %% slideshow={"slide_type": "skip"}
training.compile_classifier(copy)
training.fit_steps(copy, few.x_train, few.y_train, steps=50)
for before, after in zip(kept, source.get_weights(), strict=True):
    np.testing.assert_array_equal(before, after)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · What is it worth?
#
# Three ways to begin, with everything else equal:
#
# - **scratch**: random weights;
# - **fine-tuned**: backbone from the source, everything trains on;
# - **frozen**: backbone from the source, only the head trains (**feature extraction**).
#
# <!-- Notes: These three names have these three colours through the whole course. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# All train for the same number of steps on the same labelled images, in the same order, with the
# same augmentation, a shift by up to 4 pixels. The learning rate was searched for each way on its own,
# on handwriting that is neither in the training nor in the test set; 0.002 came out for all three.

# %% slideshow={"slide_type": "skip"}
# Compile once; each start gives new random weights, then the source's.
def start(source=None, frozen=False, learning_rate=2e-3, layers=tuple(backbone)):
    network = models.small_cnn(classes=K)
    for name in layers:
        network.get_layer(name).trainable = not frozen
    training.compile_classifier(network, learning_rate)

    def begin(seed):
        training.restart(network, seed)
        if source is not None:
            transfer.copy_weights(source, network, layers)
        return network

    return begin


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** With 20 labelled images per class, 200 in all: what accuracy will each way reach?
# Write three numbers down. Which way wins at 10 labels, which at 50?
#
# <!-- Notes:
# Collect the three numbers of several people on the board; they are needed on the next slide.
# Answer: fine-tuned first at every number of labels, scratch last. Expect: frozen wins at 10
# labels.
# -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Three ways, three numbers of labels, five seeds: 45 runs.
began = perf_counter()
arms = {
    "scratch": start(),
    "fine-tuned": start(source),
    "frozen": start(source, frozen=True),
}
live_labels = [10, 20, 50]
live = training.label_efficiency(arms, target, live_labels, seeds=range(5), steps=400, shift=4)
seconds = perf_counter() - began

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.04"]
print("labels per class  " + "  ".join(f"{n:>11}" for n in live_labels))
for name, scores in live.items():
    row = "  ".join(f"{s.mean():.2f} ± {s.std(ddof=1):.2f}" for s in scores)
    print(f"{name:17} {row}")

# %% slideshow={"slide_type": "skip"}
gain = live["fine-tuned"].mean(1) - live["scratch"].mean(1)
claim((live["fine-tuned"] > live["scratch"]).all(), "fine-tuning wins in all 15 pairs")
claim((gain > 0.1).all(), "by more than 10 points on average")

# %% [markdown] slideshow={"slide_type": "notes"}
# Fine-tuning wins in every one of the 15 pairs (same seed, same labelled images). But is the comparison fair? All had the same 400
# steps, and a network that starts from nothing may simply need more. He, Girshick & Dollár (2019)
# found that training from scratch catches up when it is given time. That takes longer than a chapter
# may, so it was computed by `python -m benchmarks.label_efficiency`; here is its result, and first of
# all a check that it agrees with what you have just measured.
#
# <!-- Notes:
# Now ask what is unfair about the comparison. The answer is the time: scratch had the same
# 400 steps.
# -->

# %% slideshow={"slide_type": "skip"}
stored = benchmark("label_efficiency")
labels = stored["labels"]
accuracy = stored["accuracy"]
short = {name: plotting.mean_and_sd(scores)[0] for name, scores in accuracy["short"].items()}
for name in arms if scale() == "quick" else ():
    mean = np.array([short[name][labels.index(n)] for n in live_labels])
    assert abs(live[name].mean(1) - mean).max() < 0.05, f"{name}: live and stored agree"

# %% slideshow={"slide_type": "subslide"}
# Mean and standard deviation over five seeds, as the benchmark stored them.
rows = {
    "fine-tuned": accuracy["full"]["fine-tuned"],
    "frozen": accuracy["full"]["frozen"],
    "scratch": accuracy["full"]["scratch"],
    "scratch, 3× as long": accuracy["patient"]["scratch"],
    "scratch, 400 steps": accuracy["short"]["scratch"],
}
title = "Labels and time together close the gap"
ax = plotting.label_efficiency(labels, rows, title=title)
plotting.show(ax, "Fine-tuned leads; scratch draws level with labels and time; frozen levels off")

# %% slideshow={"slide_type": "skip"}
# The claims of the next paragraph.
curves = {name: plotting.mean_and_sd(row)[0] for name, row in rows.items()}
assert (curves["fine-tuned"] > curves["scratch"]).all(), "ahead at equal time"
assert (curves["fine-tuned"] > curves["scratch, 3× as long"])[:-1].all(), "time alone is not enough"
assert (curves["scratch"] > curves["scratch, 400 steps"]).all(), "but time helps"
lead = curves["fine-tuned"] - curves["scratch"]
assert lead[0] == lead.max(), "the lead is largest where labels are fewest"
gap = short["fine-tuned"] - short["scratch"]
left = (curves["fine-tuned"] - curves["scratch, 3× as long"]) / gap
assert (left[:2] > 0.5).all(), "with few labels most of the gap remains"
assert (left[-2:] < 0.5).all(), "with many it was impatience"
_, spread = plotting.mean_and_sd(accuracy["patient"]["scratch"])
assert abs(curves["fine-tuned"] - curves["scratch, 3× as long"])[-1] < spread[-1], "level at 100"
assert curves["frozen"][0] > curves["scratch"][0], "frozen wins at 5 labels per class"
assert curves["frozen"][-1] < curves["scratch"][-1], "and loses at 100"

# %% [markdown] slideshow={"slide_type": "notes"}
# The curves have 1,200 steps, except the two that are named otherwise: 3,600 for "3× as long", and the
# 400 from above. Read it slowly; there is more than one lesson in it.
#
# - **Fine-tuning is ahead at every number of labels**, as long as all have the same 1,200 steps; its lead
#   shrinks as labels grow. At 100 labels, training from scratch three times as long is level with it.
# - **With many labels most of the gap at 400 steps was impatience**: scratch had no time to use them.
#   With few labels most of the gap remains. A comparison at a short, fixed budget flatters transfer,
#   which is a reason to distrust one that does not say how its rival was trained.
# - **Frozen** features win when labels are very few and lose when there are many: features made for
#   letters are good for digits, not perfect, and cannot adapt.

# %% slideshow={"slide_type": "skip"} tags=["atol-0.03"]
print("labels per class                 " + "".join(f"{n:>7}" for n in labels))
for name in ("scratch", "scratch, 3× as long"):
    lead = 100 * (curves["fine-tuned"] - curves[name])
    print(f"{'lead over ' + name:33}" + "".join(f"{points:7.1f}" for points in lead))


# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How many labels is the transfer worth?
#
# Read the figure sideways: how many labels does training from scratch need to reach what fine-tuning
# reaches with 10? Between measured points we assume that the curve is straight over the *logarithm* of
# the labels.
#
# <!-- Notes: Draw one horizontal line into the last figure and read off two numbers of labels. -->

# %% slideshow={"code": false, "slide_type": "fragment"}
def labels_needed(accuracy, rival):
    """Labels per class at which training from scratch reaches this accuracy."""
    return np.exp(np.interp(accuracy, curves[rival], np.log(labels)))


for n in (5, 10, 20):
    reached = curves["fine-tuned"][labels.index(n)]
    equal, patient = (labels_needed(reached, r) for r in ("scratch", "scratch, 3× as long"))
    print(f"{n:3} labels with transfer: {equal:.0f} from scratch, {patient:.0f} with 3× the time")

# %% [markdown] slideshow={"slide_type": "skip"}
# ### What does it cost?
#
# The source network has to be trained once. These are the seconds of this machine:

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(f"all {len(live_labels) * 5 * 3} runs above: {seconds:.0f} s")
print(f"one run on the target: about {seconds / 45:.1f} s")
print(
    f"the source network, once: {source_seconds:.0f} s, or {source_seconds / seconds * 45:.0f} runs"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# Whether that is cheap depends on what a label costs. If ten labels per class become worth twenty, that
# is a hundred images that nobody has to label.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Which layers to copy?
#
# **Predict.** Copy only the first *k* of the four convolutions; the rest starts from random. Where
# does most of the gain come from: the first layers (strokes) or the last (parts of characters)?
#
# <!-- Notes: Answer: the first two layers bring nearly all of it. Expect: "all four, of course". -->

# %% [markdown] slideshow={"slide_type": "skip"}
# Yosinski et al. (2014) asked this of ImageNet networks, and found that early layers transfer almost
# for free while late ones belong to their task. The stored result
# (`python -m benchmarks.transfer_depth`) has every depth at 20 labels and again 400 steps, so the gain
# over scratch is flattered; look at the differences between copies. Layers that are not copied always
# train. Its two ends, no layer
# and all four, are what you have measured in section 4.

# %% slideshow={"slide_type": "skip"}
# The two ends of the stored curves are runs of section 4.
depth = benchmark("transfer_depth")
by_depth = {name: plotting.mean_and_sd(scores) for name, scores in depth["accuracy"].items()}
tuned, frozen = by_depth["fine-tuned"][0], by_depth["frozen"][0]
ends = {"scratch": frozen[0], "fine-tuned": tuned[4], "frozen": frozen[4]}
for name, mean in ends.items() if scale() == "quick" else ():
    measured = live[name][live_labels.index(20)].mean()
    assert abs(measured - mean) < 0.05, f"{name}: they agree"

# %% slideshow={"slide_type": "subslide"}
# Mean and standard deviation over the number of copied layers.
figure, ax = plotting.plt.subplots()
for name, (mean, sd) in by_depth.items():
    style = {"color": plotting.COLORS[name], "marker": plotting.MARKERS[name]}
    _ = ax.errorbar(depth["copied"], 100 * mean, 100 * sd, label=name, capsize=4, **style)
ax.set_xticks(depth["copied"], ["none\n(scratch)", "conv1", "conv1–2", "conv1–3", "all four"])
ax.set(
    xlabel="layers copied",
    ylabel="test accuracy (%)",
    title="Two layers bring most of it; frozen late ones cost",
)
_ = ax.legend()
plotting.show(figure, "Fine-tuned rises to two layers and stays; frozen rises with it, then falls")

# %% [markdown] slideshow={"slide_type": "notes"}
# The first two layers bring nearly all of the gain, and it makes no difference whether they are frozen.
# Beyond them the two ways part: copying more makes no difference that we can resolve when the layers
# train on, and *costs* when they are frozen. Late layers belong to letters.

# %% slideshow={"slide_type": "skip"}
assert tuned[2] - tuned[0] > 0.8 * (tuned[4] - tuned[0]), "two layers bring most of the gain"
assert abs(tuned[2] - frozen[2]) < 0.03, "and may as well be frozen"
assert frozen[2] > frozen[3] > frozen[4], "freezing more of them costs"

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · How near must the source be?
#
# Three sources, growing ever more distant from handwritten digits in clutter:
#
# | source | domain | task |
# |---|---|---|
# | printed digits | other | the same |
# | printed letters | other | other |
# | stripes | nothing in common | direction |
#
# <!-- Notes:
# Let them order the three sources by nearness and say what "near" means: the strokes, or the
# task?
# -->

# %% slideshow={"slide_type": "subslide"}
# Ten images of each source.
kinds = [
    make_cluttered_letters(10, alphabet=DIGITS, random_state=4),
    make_cluttered_letters(10, random_state=4),
    make_stripes(10, random_state=4),
]
ax = plotting.image_grid(np.concatenate([k.x_train for k in kinds]), title="Three sources")
plotting.show(ax, "Rows of ten source images: printed digits, printed letters, grey stripes")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** For each source: does fine-tuning from it beat scratch at 20 labels? Do frozen features?
#
# <!-- Notes:
# Answer: the nearer the better. Fine-tuned stripes are level with scratch, frozen stripes far
# below. The surprise is that freezing decides more than the source.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# The stored result (`python -m benchmarks.source_distance`) has all three. The letters are the ones you
# have measured in section 4:

# %% slideshow={"slide_type": "skip"}
distance = {  # mean and standard deviation of each source, for each way
    name: {source_name: plotting.mean_and_sd(scores) for source_name, scores in sources.items()}
    for name, sources in benchmark("source_distance")["accuracy"].items()
}
for name in distance if scale() == "quick" else ():
    measured = live[name][live_labels.index(20)].mean()
    assert abs(measured - distance[name]["printed letters"][0]) < 0.05, f"{name}: they agree"

# %% slideshow={"slide_type": "subslide"}
# Each source, fine-tuned and frozen; the band is training from scratch.
figure, ax = plotting.plt.subplots(figsize=(7, 3))
names = list(distance["frozen"])
for name, offset in (("fine-tuned", -0.12), ("frozen", 0.12)):
    mean, sd = 100 * np.array([distance[name][source_name] for source_name in names]).T
    style = {"color": plotting.COLORS[name], "fmt": plotting.MARKERS[name], "capsize": 4}
    _ = ax.errorbar(mean, np.arange(3) + offset, xerr=sd, ms=8, label=name, **style)
mean, sd = (100 * v[labels.index(20)] for v in plotting.mean_and_sd(rows["scratch, 400 steps"]))
_ = ax.axvspan(mean - sd, mean + sd, color=plotting.COLORS["scratch"], alpha=0.25, label="scratch")
ax.set_yticks(range(3), names)
ax.invert_yaxis()
ax.set(xlabel="test accuracy (%)", title="The nearer the source, the larger the gain")
_ = ax.legend()
plotting.show(figure, "Printed digits best, letters next; stripes level with scratch or far below")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Nearer sources are better. Frozen stripe features are far worse than training from scratch. Is that the
# stripes, or would *any* frozen backbone do as badly? The control is a backbone that knows nothing at
# all: frozen at its random weights.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
control = {"frozen random": start(frozen=True)}
frozen_random = training.label_efficiency(control, target, [20], range(5), steps=400, shift=4)
frozen_random = frozen_random["frozen random"][0]

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
print(f"frozen at random weights  {frozen_random.mean():.2f} ± {frozen_random.std(ddof=1):.2f}")
print(f"frozen stripes, stored    {distance['frozen']['stripes'][0]:.2f}")

# %% slideshow={"slide_type": "skip"}
# The claims of the last two paragraphs.
scratch_20 = short["scratch"][labels.index(20)]
for name in ("fine-tuned", "frozen"):
    means = [distance[name][k][0] for k in names]
    assert means == sorted(means, reverse=True), "nearer is better"
assert distance["frozen"]["stripes"][0] < scratch_20 - 0.1, "frozen stripes do harm"
if scale() == "quick":
    better = distance["frozen"]["stripes"][0] - frozen_random.mean()
    assert better > 0.03, "but less than random ones"
assert abs(distance["fine-tuned"]["stripes"][0] - scratch_20) < 0.05, "fine-tuned they are neutral"


# %% [markdown] slideshow={"slide_type": "notes"}
# Worse still. So the stripes did teach the backbone something that digits can use; what does the harm is
# *freezing* features that are not good enough. Without the control we would have blamed the stripes.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Negative transfer
#
# A transfer that does harm, as the frozen stripes did, is called **negative transfer**. It takes no
# absurd source. Take the centred digits of chapter 03, without any clutter. Source: the digits 0 to 4. Target: 5 to 9, the same handwriting, the other five digits.
#
# <!-- Notes:
# Answer: it harms. With one label for each class even fine-tuning loses to scratch. Expect:
# the largest gain of the day, since the handwriting is the same.
# -->

# %% [markdown]
# **Predict.** The handwriting is the same; only the digits differ. How much will it help?

# %% slideshow={"slide_type": "skip"}
# Some of the digits, as a task of their own.
def only(classes):
    keep = [np.isin(y, classes) for y in (digits.y_train, digits.y_test)]
    return replace(
        digits,
        x_train=digits.x_train[keep[0]],
        y_train=digits.y_train[keep[0]] - classes[0],
        x_test=digits.x_test[keep[1]],
        y_test=digits.y_test[keep[1]] - classes[0],
        class_names=tuple(str(k) for k in classes),
    )


digits = load_digits28()
low, high = only(range(5)), only(range(5, 10))

# %% [markdown] slideshow={"slide_type": "skip"}
# One source network could be an unlucky one, so each of the five seeds gets its own.

# %% slideshow={"slide_type": "skip"}
# Five source networks that know 0 to 4: the weights and the accuracy of each.
network = models.small_cnn(5)
training.compile_classifier(network)
low_weights, low_accuracy = [], []
for seed in range(5):
    training.restart(network, seed)
    training.fit_steps(network, low.x_train, low.y_train, steps=400, seed=seed)
    low_weights.append(network.get_weights())
    low_accuracy.append(training.accuracy(network, low.x_test, low.y_test))


# %% slideshow={"slide_type": "skip"}
# Three ways to begin on 5 to 9; the backbone is all but the head's two arrays.
def low_start(copy=False, frozen=False):
    network = models.small_cnn(5)
    for name in backbone:
        network.get_layer(name).trainable = not frozen
    training.compile_classifier(network)

    def begin(seed):
        training.restart(network, seed)
        if copy:
            network.set_weights(low_weights[seed][:-2] + network.get_weights()[-2:])
        return network

    return begin


# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
arms = {
    "scratch": low_start(),
    "fine-tuned": low_start(copy=True),
    "frozen": low_start(copy=True, frozen=True),
}
negative = training.label_efficiency(arms, high, [1, 5], seeds=range(5), steps=200)

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.06"]
print(f"source networks on 0 to 4: {np.mean(low_accuracy):.2f}")
print("labels per class  " + "  ".join(f"{n:>11}" for n in (1, 5)))
for name, scores in negative.items():
    row = "  ".join(f"{s.mean():.2f} ± {s.std(ddof=1):.2f}" for s in scores)
    print(f"{name:17} {row}")

# %% slideshow={"slide_type": "skip"}
assert np.mean(low_accuracy) > 0.9, "the sources are good at their own task"
loss = {name: negative["scratch"] - negative[name] for name in ("fine-tuned", "frozen")}
assert (loss["frozen"].mean(1) > 0.02).all(), "frozen features lose"
assert (loss["frozen"] > 0).mean() >= 0.8, "in nearly all of the ten pairs"
assert loss["fine-tuned"][0].mean() > 0.05, "fine-tuning loses too at one label per class"
assert loss["fine-tuned"][1].mean() < loss["frozen"][1].mean(), "and less than frozen at five"

# %% [markdown] slideshow={"slide_type": "notes"}
# **Negative transfer**: from the same handwriting, with source networks that read nine in ten of their
# own digits, frozen features are worse than no source at all. Two likely reasons. Five digits are a poor
# teacher: a network that only has to tell 0 to 4 apart may ignore what distinguishes 5 to 9. And the
# target is easy: where scratch is already good, a source has little to add and much to get wrong.

# %% [markdown] slideshow={"slide_type": "notes"}
# Fine-tuning can unlearn, but it needs labels for that: with one per class it wins back only a part of
# the loss.

# %% [markdown] slideshow={"slide_type": "subslide"}
# > Transfer pays where the source is rich and the target is hard to learn from its own labels. Never
# > assume it: train the same network from scratch beside it, as long as it needs.
#
# <!-- Notes:
# Ask each to name one case from their own work where they would now expect harm, and what
# rival they would train beside it.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Make one.** Find a source that makes negative transfer in clutter. Candidates: five letters
# instead of 26; letters without clutter (`difficulty=0`); 26 letters with their labels shuffled.
# Predict, then measure with five seeds.
#
# ## 8 · The same on real public data
#
# All of this is small on purpose. With the data sets in the cache (`tlcourse fetch mnist
# fashion_mnist`, once, with a network), `TLCOURSE_SCALE=full tlcourse run 04` runs the same cells with
# MNIST as the source and Fashion-MNIST as the target; if only one of them is there, its first five
# classes are the source and the others the target. What was claimed about your own runs is then *reported*, not asserted: other
# data may answer otherwise, and that is worth a look. (The stored curves stay those of the letters, and
# section 7 keeps its digits. If source and target have equally many classes, `set_weights` in section 3
# will not refuse.)

# %% slideshow={"slide_type": "skip"}
print(f"scale: {scale()}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - `target.set_weights(source.get_weights())` transfers what the source has learned; if nobody
#   trained the source, that is nothing.
# - Copy by layer name, leave the head out, and compare activations: shapes that fit prove little.
# - Reusing layer *objects* shares weights; the source changes when the target trains.
# - A gain is measured against scratch, over seeds, and with a rival that had the time it needs.
# - Frozen features beat scratch when labels are few and lose to it when there are many; fine-tuning was
#   never behind frozen here.
# - Transfer can do harm, even from the same handwriting: suspect a poor source or an easy target.
#
# <!-- Notes:
# Go back to the question of chapter 00: did the letters help the digits, and what was it
# worth? Then hand out exercise set 04.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex04/ex04_weight_transfer.ipynb) checks your answers as you go. Beyond it:
#
# 1. Freeze `conv1` and `conv2`, fine-tune the rest. Is it better than either extreme at 20 labels?
# 2. Train the source for one epoch instead of six. How much of the gain is left?
# 3. Swap the roles: digits as the source, letters as the target. What is a fair number of labels?
#
# ## Further reading
#
# - Bozinovski 2020, *Reminder of the first paper on transfer learning in neural networks, 1976*,
#   Informatica 44(3).
# - Pan & Yang 2010, *A survey on transfer learning*, IEEE TKDE 22(10).
# - Yosinski, Clune, Bengio & Lipson 2014, *How transferable are features in deep neural networks?*,
#   NeurIPS.
# - He, Girshick & Dollár 2019, *Rethinking ImageNet pre-training*, ICCV.
# - Mnih, Heess, Graves & Kavukcuoglu 2014, *Recurrent models of visual attention*, NeurIPS (the
#   cluttered digits).
