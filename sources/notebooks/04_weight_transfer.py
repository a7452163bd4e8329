# %% [markdown]
# # 04 · Weight transfer
#
# **What you will be able to do**
#
# - move weights from one network into another, by name, and prove that they arrived;
# - measure what a transfer is worth, in accuracy and in labels, against training from scratch;
# - choose which layers to copy, and whether to freeze them;
# - recognise a transfer that does nothing, and one that does harm.
#
# **Time:** 60 minutes to read and try, about four minutes to run. You need chapter 03.

# %% tags=["setup"]
import json

import numpy as np

from tlcourse import backend, models, plotting, quiz, training, transfer, workspace
from tlcourse.data import few_labels, load_digits28, make_cluttered_digits, make_cluttered_letters

import keras

# %% tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown]
# ## Before you start: what do you remember?

# %%
quiz.ask("04")

# %% [markdown]
# ## 1 · A source with many labels, a target with few
#
# You want to read handwritten digits in photographs of cluttered desks, and somebody must label
# every example by hand. Printed letters cost nothing: a computer draws as many as you like, and
# knows what it drew. Can a network that learned letters help one that must learn digits?
#
# A **domain** is a kind of input and how often each input comes, D = {X, P(X)}; a **task** is a set
# of labels and the function to learn, T = {Y, f} (Pan & Yang 2010). Here both differ:
#
# | | domain | task |
# |---|---|---|
# | **source** | printed letters in clutter | 26 letters |
# | **target** | real handwriting in clutter | 10 digits |

# %%
letters = make_cluttered_letters(16_000, random_state=0)
target = make_cluttered_digits(3_000, 1_500, random_state=1)
print("source:", letters)
print("target:", target)

# %%
some = np.concatenate([letters.x_train[:10], target.x_train[:10]])
names = [letters.class_names[k] for k in letters.y_train[:10]]
names += [target.class_names[k] for k in target.y_train[:10]]
ax = plotting.image_grid(some, names, title="Source above, target below")
plotting.show(ax, "Ten printed letters and ten handwritten digits, each turned, moved and "
                  "surrounded by fragments of other characters")

# %% [markdown]
# The digits in the test set come from handwriting that no training image shows.
#
# ## 2 · The transfer that articles print
#
# Introductions to transfer learning often print these lines. `model` is the article network of
# chapter 03.

# %%
model = models.article_network()
target_model = models.article_network()
target_model.set_weights(model.get_weights())

# %% [markdown]
# **Predict.** The target network is now trained on the digits. How much better will it be than the
# same network without the last line above: 0, 5 or 20 points of accuracy?
#
# `set_weights` did what it promises: both networks now answer alike.

# %%
x = target.x_test[:100]
same = np.allclose(model.predict(x, verbose=0), target_model.predict(x, verbose=0), atol=1e-6)
assert same

# %% [markdown]
# But look again: the source network was never trained. Random numbers were copied over random
# numbers. Here is the measurement: 20 labels per class, five seeds, everything else equal.

# %%
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

# %% [markdown]
# For a source that *was* trained, we take ten letters, A to J, so that the two networks have the
# same ten outputs and `set_weights` accepts the weights.

# %%
# A trained source for the same network.
ten = make_cluttered_letters(8_000, alphabet="ABCDEFGHIJ", random_state=2)
trained = article_start()(seed=0)
training.fit_steps(trained, ten.x_train, ten.y_train, steps=1_000)
trained_accuracy = training.accuracy(trained, ten.x_test, ten.y_test)

# %% tags=["atol-0.05"]
print(f"source network: {trained_accuracy:.2f} on letters A to J in faces it never saw")

# %%
arms = {
    "scratch": article_start(),
    "untrained source": article_start(source=model),
    "trained source": article_start(source=trained),
}
article = training.label_efficiency(arms, target, labels=[20], seeds=range(5), steps=300)

# %% tags=["atol-0.04"]
for name, (scores,) in article.items():
    print(f"{name:17} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}")

# %% [markdown]
# Copying from an untrained source changes nothing: the difference below is smaller than the spread
# between seeds. The line of code was right; what was missing is everything before it.

# %%
scratch, untrained, trained_scores = (article[name][0] for name in arms)
assert abs(untrained.mean() - scratch.mean()) < 2 * scratch.std(ddof=1)

# %% [markdown]
# ## 3 · A source that has learned something
#
# From here on both networks are deeper: four convolutions (`conv1` … `conv4`), the **backbone**,
# and a **head** that turns features into logits, one for each class. The source network learns all
# 26 letters.

# %%
source = models.small_cnn(classes=26)
backbone = ["conv1", "conv2", "conv3", "conv4"]
for layer in source.layers:
    print(f"{layer.name:8} {str(layer.output.shape):21} {layer.count_params():6,} parameters")

# %% tags=["nbval-ignore-output"]
keras.utils.set_random_seed(0)
training.compile_classifier(source, learning_rate=2e-3)
history = source.fit(
    letters.x_train, letters.y_train, batch_size=64, epochs=6, verbose=0,
    validation_data=(letters.x_test, letters.y_test), callbacks=[training.LiveCurves()],
)

# %% tags=["atol-0.04"]
source_accuracy = training.accuracy(source, letters.x_test, letters.y_test)
print(f"source network: {source_accuracy:.2f} on 26 letters; guessing gives {1 / 26:.2f}")

# %% [markdown]
# (With dropout the network trains handicapped and is tested whole, so its validation curve can lie
# above its training curve.)
#
# ### Heads that do not match
#
# **Predict.** The source has 26 outputs and the target 10. What will `set_weights` do?

# %%
target_network = models.small_cnn(classes=10)
try:
    target_network.set_weights(source.get_weights())
except ValueError as error:
    message = str(error)
print(message.split("\n")[0][:200])

# %% [markdown]
# It refuses, as it should. The head answers "which letter?", so nobody wants it; what we want is
# the backbone. Copy it layer by layer, by name:

# %%
for name in backbone:
    weights = source.get_layer(name).get_weights()
    target_network.get_layer(name).set_weights(weights)

# %% [markdown]
# **Did it arrive?** Shapes that fit prove little. The proof is that both backbones give the same
# activations for the same image:

# %%
def features(network, x):
    backbone = keras.Model(network.inputs, network.get_layer("conv4").output)
    return backbone.predict(x, verbose=0)


x = target.x_test[:50]
np.testing.assert_allclose(features(target_network, x), features(source, x), atol=1e-5)

# %% [markdown]
# `tlcourse.transfer.copy_weights` is this loop with a guard: it compares the names and shapes of
# all variables before it changes anything. It is used from here on.

# %%
again = models.small_cnn(classes=10)
copied = transfer.copy_weights(source, again, backbone)
np.testing.assert_array_equal(features(again, x), features(target_network, x))
copied

# %% tags=["raises-exception"]
transfer.copy_weights(source, again, ["conv4", "head"])

# %% [markdown]
# ### A mistake that says nothing: weights that fit and are wrong
#
# `set_weights` counts arrays and compares shapes, nothing else. A BatchNormalization layer has four
# arrays of one shape: scale, offset, mean, variance. Hand them over in another order (other
# libraries have other orders) and not a word is said:

# %%
norm = keras.layers.BatchNormalization()
norm.build((None, 8))
scale, offset, mean, variance = np.full((4, 8), [[2.0], [1.0], [5.0], [0.25]])
norm.set_weights([scale, offset, mean, variance])
right = keras.ops.convert_to_numpy(norm(np.full((1, 8), 5.5)))

# %%
norm.set_weights([mean, variance, scale, offset])
wrong = keras.ops.convert_to_numpy(norm(np.full((1, 8), 5.5)))
print(f"the same input, the same numbers: {right[0, 0]:.2f} in order, {wrong[0, 0]:.2f} out of order")
assert abs(right - wrong).max() > 1

# %% [markdown]
# Only a comparison of activations, as above, catches it.
#
# ### Shared is not copied
#
# Another way to "transfer" is to build the target from the source's *layer objects*. It looks the
# same and is not: both networks now own the same weights.
#
# **Predict.** After we train such a target for a few steps, what has happened to the source?

# %%
head = keras.layers.Dense(10)
shared = keras.Sequential([keras.Input((28, 28, 1)), *source.layers[:-1], head])
training.compile_classifier(shared)
few = few_labels(target, 20, random_state=0)

# %%
kept = source.get_weights()
training.fit_steps(shared, few.x_train, few.y_train, steps=50)
ruined = training.accuracy(source, letters.x_test, letters.y_test)
source.set_weights(kept)

# %% tags=["atol-0.1"]
print(f"source on letters: {source_accuracy:.2f} before, {ruined:.2f} after the target was trained")
assert ruined < source_accuracy - 0.05

# %% [markdown]
# The source has been damaged from afar. A copy leaves it alone:

# %%
training.compile_classifier(again)
training.fit_steps(again, few.x_train, few.y_train, steps=50)
for before, after in zip(kept, source.get_weights(), strict=True):
    np.testing.assert_array_equal(before, after)

# %% [markdown]
# ## 4 · What is it worth?
#
# Three ways to begin, with everything else equal:
#
# - **scratch**: random weights;
# - **fine-tuned**: backbone from the source, everything trains on;
# - **frozen**: backbone from the source, only the head trains (**feature extraction**).
#
# All train for the same number of steps on the same labelled images, in the same order, with the
# same augmentation, a shift by up to 4 pixels. The learning rates were chosen for each way on its
# own, on handwriting that is neither in the training nor in the test set.

# %%
# Compile once; each start gives new random weights, then the source's.
def start(source=None, frozen=False, learning_rate=2e-3, layers=tuple(backbone)):
    network = models.small_cnn()
    for name in layers:
        network.get_layer(name).trainable = not frozen
    training.compile_classifier(network, learning_rate)

    def begin(seed):
        training.restart(network, seed)
        if source is not None:
            transfer.copy_weights(source, network, layers)
        return network

    return begin

# %% [markdown]
# **Predict.** With 20 labelled images per class, 200 in all: what accuracy will each way reach?
# Write three numbers down. Which way wins at 10 labels, which at 50?

# %% tags=["nbval-ignore-output"]
from time import perf_counter

began = perf_counter()
arms = {
    "scratch": start(),
    "fine-tuned": start(source),
    "frozen": start(source, frozen=True),
}
live_labels = [10, 20, 50]
live = training.label_efficiency(arms, target, live_labels, seeds=range(5), steps=400, shift=4)
seconds = perf_counter() - began

# %% tags=["atol-0.04"]
print("labels per class  " + "  ".join(f"{n:>11}" for n in live_labels))
for name, scores in live.items():
    row = "  ".join(f"{s.mean():.2f} ± {s.std(ddof=1):.2f}" for s in scores)
    print(f"{name:17} {row}")

# %%
gain = live["fine-tuned"].mean(1) - live["scratch"].mean(1)
assert (live["fine-tuned"] > live["scratch"]).all(), "in every one of the 15 paired runs"
assert (gain > 0.05).all()

# %% [markdown]
# Transfer wins in every one of the 15 pairs. A wider grid, 5 to 100 labels per class, takes longer
# than a chapter may; it was computed by `python -m benchmarks.label_efficiency`, and the next cells
# check it against what you have just measured.

# %%
committed = workspace.benchmark("label_efficiency")
labels = committed["labels"]
rows = {"scratch": "scratch", "fine-tuned": "transfer", "frozen": "frozen"}
for name, row in rows.items():
    mean = np.array([committed[row][labels.index(n)][0] for n in live_labels])
    assert abs(live[name].mean(1) - mean).max() < 0.04, name

# %%
# Mean and standard deviation over five seeds, as the benchmark stored them.
curves = {name: np.array(committed[row]) for name, row in rows.items()}
ax = plotting.label_efficiency(labels, curves, title="Transfer is worth most where labels are few")
plotting.show(ax, "Test accuracy over 5 to 100 labels per class, on a logarithmic axis: fine-tuned "
                  "and frozen lie above scratch everywhere, and the gap narrows to the right")

# %% [markdown]
# ### How many labels is the transfer worth?
#
# Read the figure sideways: how many labels does the scratch network need to reach what the
# fine-tuned one reaches with 10? Between measured points, the curve of accuracy against the
# *logarithm* of the labels is nearly straight, so interpolate there.

# %% tags=["atol-6"]
def labels_needed(accuracy):
    """Labels per class at which training from scratch reaches this accuracy."""
    return np.exp(np.interp(accuracy, curves["scratch"][:, 0], np.log(labels)))


for n in (5, 10, 20):
    reached = curves["fine-tuned"][labels.index(n), 0]
    print(f"{n:3} labels with transfer are worth {labels_needed(reached):.0f} from scratch")
