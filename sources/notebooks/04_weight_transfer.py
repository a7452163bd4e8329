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
# **Time:** 60 minutes to read and try, 3 min 40 s to run. You need chapter 03.

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
from tlcourse.quiz import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("04")

# %% [markdown] slideshow={"slide_type": "skip"}
# In this chapter you commit to your predictions: move a slider or choose an answer, and the next cells show
# your guess beside what was measured. A line that begins with ✔ is a claim that the cell has just checked; click
# on the bar beside it to see how.

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
# Suppose the target network is now trained on 20 digits of each class. What did the last of these lines buy it?
#
# <!-- Notes:
# Answer: no difference that could be seen. Let them look at the previous slide again until
# somebody asks where the source was trained. It never was.
# -->

# %% slideshow={"code": false}
quiz.predict("04.untrained", "How many points of accuracy does the copy bring?", 0, 30)

# %% [markdown] slideshow={"slide_type": "skip"}
# `set_weights` did what it promises: both networks now answer alike.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
x = target.x_test[:100]
same = np.allclose(model.predict(x, verbose=0), target_model.predict(x, verbose=0), atol=1e-6)
claim(same, "both networks answer alike")


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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-4"]
scratch, untrained, trained_scores = (article[name][0] for name in arms)
quiz.reveal("04.untrained", 100 * (untrained.mean() - scratch.mean()))

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.04"]
for name, (scores,) in article.items():
    print(f"{name:17} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# From an untrained source we can see no difference. But nor can we from the trained one, though it
# reads letters well above chance (0.10)! A likely reason: more than 99 of 100 of this network's
# parameters are its head (chapter 03), and a head made for A to J is of no use for digits. The line of
# code does what it should. It takes a source that was trained, *and* a network with features worth
# having.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gains = {name: scores - scratch for name, (scores,) in article.items()}
holds = abs(gains["untrained source"].mean()) < 0.03
claim(holds, "an untrained source adds nothing", measured=gains["untrained source"], seeds=5)
holds = abs(gains["trained source"].mean()) < 0.03
claim(holds, "and a trained one hardly more", measured=gains["trained source"], seeds=5)

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
# The source has 26 outputs and the target 10, so their heads do not match.
#
# <!-- Notes:
# Answer: it refuses, but only at the head, after the convolutions have been overwritten.
# Expect: success, or that nothing was changed.
# -->

# %% slideshow={"code": false}
choices = ["copy what fits", "refuse and change nothing", "refuse after some layers"]
quiz.predict("04.heads", "What will `set_weights` do?", choices)

# %% slideshow={"slide_type": "skip"}
K = len(target.class_names)
target_network = models.small_cnn(classes=K)
before = target_network.get_layer("conv1").get_weights()[0]
try:
    target_network.set_weights(source.get_weights())
except ValueError as error:
    print("refused:", str(error).split(". ")[0])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
changed = (target_network.get_layer("conv1").get_weights()[0] != before).any()
quiz.reveal("04.heads", "refuse after some layers" if changed else "refuse and change nothing")

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


before = features(target_network, x)

# %% slideshow={"slide_type": "subslide"}
for name in backbone:
    weights = source.get_layer(name).get_weights()
    target_network.get_layer(name).set_weights(weights)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"}
wanted = features(source, x)
claim(not np.allclose(before, wanted, atol=0.01), "before the copy the activations differ")
claim(np.allclose(features(target_network, x), wanted, atol=1e-5), "after it they are the same")

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
transfer.copy_weights(source, copy, backbone)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = (features(copy, x) == features(target_network, x)).all()
claim(same, "`copy_weights` does what the loop did")

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

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(abs(right - wrong).max() > 1, "the result is another one, and nothing was said")

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
# We train such a target for 300 steps, and never touch the source.
#
# <!-- Notes:
# Answer: the source has become worse at letters, without being trained on anything of its
# own. Expect: nothing happens to it, as if the layers had been copied.
# -->

# %% slideshow={"code": false}
choices = ["nothing", "it reads letters worse", "it reads letters better"]
quiz.predict("04.shared", "What has happened to the source?", choices)

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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
change = ruined - source_accuracy
quiz.reveal("04.shared", choices[0 if abs(change) < 0.005 else 1 if change < 0 else 2])

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
print(f"source on letters: {source_accuracy:.2f} before, {ruined:.2f} after the target was trained")

# %% [markdown] slideshow={"slide_type": "notes"}
# The source has been damaged from afar.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(change < -0.03, "training the target has damaged the source", measured=change, seeds=1)

# %% [markdown] slideshow={"slide_type": "skip"}
# A copy leaves the source alone:

# %% slideshow={"slide_type": "skip"}
training.compile_classifier(copy)
training.fit_steps(copy, few.x_train, few.y_train, steps=50)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = all((a == b).all() for a, b in zip(kept, source.get_weights(), strict=True))
claim(same, "training a copy changes nothing in the source")


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
# With 20 labelled images per class, 200 in all: what accuracy will each way reach? Guessing reaches 0.10.
#
# <!-- Notes:
# Collect the three numbers of several people on the board; they are needed on the next slide.
# Answer: fine-tuned first at every number of labels, scratch last. Expect: frozen wins at 10
# labels.
# -->

# %% slideshow={"code": false}
quiz.predict("04.scratch", "Which accuracy will scratch reach with 20 labels per class?", 0, 1)

# %% slideshow={"code": false}
quiz.predict("04.fine-tuned", "And which will fine-tuned reach?", 0, 1)

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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.04"]
at_20 = {name: scores[live_labels.index(20)].mean() for name, scores in live.items()}
quiz.reveal("04.scratch", at_20["scratch"])
quiz.reveal("04.fine-tuned", at_20["fine-tuned"])

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["atol-0.04"]
print("labels per class  " + "  ".join(f"{n:>11}" for n in live_labels))
for name, scores in live.items():
    row = "  ".join(f"{s.mean():.2f} ± {s.std(ddof=1):.2f}" for s in scores)
    print(f"{name:17} {row}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Fine-tuning wins in every one of the 15 pairs (same seed, same labelled images).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = live["fine-tuned"] - live["scratch"]
claim((gain > 0).all(), "fine-tuning wins in all 15 pairs", measured=gain, seeds=5)
means = gain.mean(1)
claim((means > 0.1).all(), "by more than 10 points on average", measured=means, seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# But is the comparison fair? All had the same 400
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
curves = {name: plotting.mean_and_sd(row)[0] for name, row in rows.items()}

# %% [markdown] slideshow={"slide_type": "notes"}
# The curves have 1,200 steps, except the two that are named otherwise: 3,600 for "3× as long", and the
# 400 from above. Read it slowly; there is more than one lesson in it.
#
# - **Fine-tuning is ahead at every number of labels**, as long as all have the same 1,200 steps; its lead
#   shrinks as labels grow. At 100 labels, training from scratch three times as long is level with it.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The lead of fine-tuning, at equal time and against three times as much.
tuned, patient = curves["fine-tuned"], curves["scratch, 3× as long"]
lead = tuned - curves["scratch"]
claim((lead > 0).all(), "fine-tuned is ahead at equal time", measured=lead, seeds=5)
claim(
    lead[0] == lead.max(), "the lead is largest with the fewest labels", measured=lead[0], seeds=5
)
left = tuned - patient
claim((left[:-1] > 0).all(), "three times the time is not enough", measured=left[:-1], seeds=5)
_, spread = plotting.mean_and_sd(accuracy["patient"]["scratch"])
claim(abs(left[-1]) < spread[-1], "but at 100 labels it is level", measured=left[-1], seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# - **With many labels most of the gap at 400 steps was impatience**: scratch had no time to use them.
#   With few labels most of the gap remains. A comparison at a short, fixed budget flatters transfer,
#   which is a reason to distrust one that does not say how its rival was trained.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim((curves["scratch"] > curves["scratch, 400 steps"]).all(), "more time helps scratch", seeds=5)
left = (tuned - patient) / (short["fine-tuned"] - short["scratch"])
claim((left[:2] > 0.5).all(), "with few labels most of the gap remains", measured=left[:2], seeds=5)
claim((left[-2:] < 0.5).all(), "with many it was impatience", measured=left[-2:], seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# - **Frozen** features win when labels are very few and lose when there are many: features made for
#   letters are good for digits, not perfect, and cannot adapt.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
lead = curves["frozen"] - curves["scratch"]
claim(lead[0] > 0, "frozen wins at 5 labels per class", measured=lead[0], seeds=5)
claim(lead[-1] < 0, "and loses at 100", measured=lead[-1], seeds=5)

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

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ### Going deeper · What does it cost?
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
# Copy only the first *k* of the four convolutions; the rest starts from random. The first layers see strokes, the
# last ones parts of characters.
#
# <!-- Notes: Answer: the first two layers bring nearly all of it. Expect: "all four, of course". -->

# %% slideshow={"code": false}
choices = ["the first two", "the last two", "all four alike"]
quiz.predict("04.depth", "Which layers bring most of the gain?", choices)

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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
share = (tuned[2] - tuned[0]) / (tuned[4] - tuned[0])  # that the first two bring
quiz.reveal("04.depth", choices[0 if share > 0.6 else 1 if share < 0.4 else 2])

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

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(share > 0.8, "two layers bring most of the gain", measured=share, seeds=depth["seeds"])
gap = tuned[2] - frozen[2]
claim(abs(gap) < 0.03, "and may as well be frozen", measured=gap, seeds=depth["seeds"])
falls = frozen[2:]
claim((np.diff(falls) < 0).all(), "freezing more costs", measured=falls, seeds=depth["seeds"])

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
# With 20 labels per class, scratch is the rival. Think of the stripes: can they teach anything that digits need?
#
# <!-- Notes:
# Answer: the nearer the better. Fine-tuned stripes are level with scratch, frozen stripes far
# below. The surprise is that freezing decides more than the source.
# -->

# %% slideshow={"code": false}
choices = ["ahead of scratch", "level with scratch", "behind scratch"]
quiz.predict("04.stripes", "Where will frozen stripe features end?", choices)

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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
scratch_20 = short["scratch"][labels.index(20)]
lead = distance["frozen"]["stripes"][0] - scratch_20
quiz.reveal("04.stripes", choices[1 if abs(lead) < 0.03 else 0 if lead > 0 else 2])

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
# Nearer sources are better. Frozen stripe features are far worse than training from scratch.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
orders = [[distance[way][k][0] for k in names] for way in ("fine-tuned", "frozen")]
claim(all(o == sorted(o, reverse=True) for o in orders), "nearer is better, both ways")
claim(lead < -0.1, "frozen stripes do harm", measured=lead)
tuned_lead = distance["fine-tuned"]["stripes"][0] - scratch_20
claim(abs(tuned_lead) < 0.05, "fine-tuned they are neutral", measured=tuned_lead)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Is that the
# stripes, or would *any* frozen backbone do as badly? The control is a backbone that knows nothing at
# all: frozen at its random weights.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
control = {"frozen random": start(frozen=True)}
frozen_random = training.label_efficiency(control, target, [20], range(5), steps=400, shift=4)
frozen_random = frozen_random["frozen random"][0]

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
print(f"frozen at random weights  {frozen_random.mean():.2f} ± {frozen_random.std(ddof=1):.2f}")
print(f"frozen stripes, stored    {distance['frozen']['stripes'][0]:.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Worse still. So the stripes did teach the backbone something that digits can use; what does the harm is
# *freezing* features that are not good enough. Without the control we would have blamed the stripes.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
better = distance["frozen"]["stripes"][0] - frozen_random.mean()
claim(better > 0.03, "stripes harm less than random weights", measured=better, seeds=5)

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
# The handwriting is the same; only the digits differ.

# %% slideshow={"code": false}
question = "How many points will frozen features gain, with one label per class?"
quiz.predict("04.negative", question, -30, 30)


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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-6"]
gain = {name: negative[name] - negative["scratch"] for name in ("fine-tuned", "frozen")}
quiz.reveal("04.negative", 100 * gain["frozen"][0].mean())

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["atol-0.06"]
print(f"source networks on 0 to 4: {np.mean(low_accuracy):.2f}")
print("labels per class  " + "  ".join(f"{n:>11}" for n in (1, 5)))
for name, scores in negative.items():
    row = "  ".join(f"{s.mean():.2f} ± {s.std(ddof=1):.2f}" for s in scores)
    print(f"{name:17} {row}")

# %% [markdown] slideshow={"slide_type": "notes"}
# **Negative transfer**: from the same handwriting, with source networks that read nine in ten of their
# own digits, frozen features are worse than no source at all. Two likely reasons. Five digits are a poor
# teacher: a network that only has to tell 0 to 4 apart may ignore what distinguishes 5 to 9. And the
# target is easy: where scratch is already good, a source has little to add and much to get wrong.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
good = np.mean(low_accuracy)
claim(good > 0.9, "the sources are good at their own task", measured=good, seeds=5)
lost = -gain["frozen"].mean(1)
claim((lost > 0.02).all(), "frozen features lose", measured=lost, seeds=5)
claim((gain["frozen"] < 0).mean() >= 0.8, "in nearly all of the ten pairs", seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# Fine-tuning can unlearn, but it needs labels for that: with one per class it wins back only a part of
# the loss.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
one, five = -gain["fine-tuned"].mean(1)
claim(one > 0.05, "fine-tuning loses too at one label per class", measured=one, seeds=5)
claim(five < lost[1], "and less than frozen at five", measured=five, seeds=5)

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

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · The same on real public data
#
# All of this is small on purpose. With the data sets in the cache (`tlcourse fetch mnist
# fashion_mnist`, once, over the internet), `TLCOURSE_SCALE=full tlcourse run 04` runs the same cells with
# MNIST as the source and Fashion-MNIST as the target; if only one of them is there, its first five
# classes are the source and the others the target. What was claimed about your own runs is then *reported*, not asserted: other
# data may answer otherwise, and that is worth a look. (The stored curves stay those of the letters, and
# section 7 keeps its digits. If source and target have equally many classes, `set_weights` in section 3
# will not refuse.)

# %% slideshow={"slide_type": "skip"}
print(f"scale: {scale()}")

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("04")

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
