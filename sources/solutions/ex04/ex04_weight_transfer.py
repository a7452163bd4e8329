# %% [markdown]
# # Exercises 04 · Weight transfer
#
# Eight tasks and an open question on chapter 04, about 85 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time.
#
# - `ex.copied.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex04` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays, lists and dicts that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex04` in a terminal of JupyterLab writes the file to hand in.

# %% tags=["setup"]
from itertools import permutations

import numpy as np

from tlcourse import exercise, training

import keras

ex = exercise("ex04", edition=2)


# %% [markdown]
# In this set the weights of a network are a dict: for each layer, by its name, the list of its arrays. So
# `weights["hidden1"]` is `[kernel, bias]`, what Keras' `layer.get_weights()` returns.
#
# ## 1 · Copy by name
#
# `source` and `target` are the weights of two networks. Return the target's weights after the transfer. A layer
# of the target gets the source's arrays if the source has a layer of this name and *all* its arrays have the same
# shapes, as many as in the target. Every other layer of the target stays as it was.
#
# Complete the body of the loop: set `new[name]`, a list of copies, so that the networks share no array. (The check
# cannot see whether they are copies. Task 4 shows what comes of sharing.)

# %%
def copied(source, target):
    new = {}
    for name, arrays in target.items():
        ### BEGIN SOLUTION
        shapes = [a.shape for a in arrays]
        fits = name in source and [a.shape for a in source[name]] == shapes
        new[name] = [a.copy() for a in (source[name] if fits else arrays)]
        ### END SOLUTION
    return new


# %%
ex.copied.check(copied)


# %% [markdown]
# ## 2 · Weights that fit and are wrong
#
# A BatchNormalization layer returns
#
# $$ y = \gamma \, \frac{x - \text{mean}}{\sqrt{\text{variance} + 0.001}} + \beta . $$
#
# Another library has saved such a layer as a list of four arrays of shape (C,), and nobody knows in which order. It has also
# saved what the layer returned: `y` for the input `x`, both of shape (N, C). Return the four arrays as a list in
# Keras' order: γ, β, mean, variance. (`permutations` of Python's `itertools` is imported already.)

# %%
def reordered(arrays, x, y):
    ### BEGIN SOLUTION
    for gamma, beta, mean, variance in permutations(arrays):
        returned = gamma * (x - mean) / np.sqrt(variance + 0.001) + beta
        if np.allclose(returned, y):
            return [gamma, beta, mean, variance]
    ### END SOLUTION


# %%
ex.reordered.check(reordered)


# %% [markdown]
# ## 3 · What is it worth in labels?
#
# Training from scratch was measured at several numbers of labels per class. `labels` holds these numbers, `scores`
# the accuracies; both have the shape (M,) and rise. A transfer reaches `accuracy`. Return how many labels scratch
# needs for the same. Between two neighbouring points its accuracy is a straight line over the *logarithm* of the labels:
#
# $$ \log n = \log n_i + \frac{a - s_i}{s_{i+1} - s_i} \, (\log n_{i+1} - \log n_i)
# \qquad \text{for } s_i \le a \le s_{i+1} . $$
#
# Nothing was measured outside. If even the last score is below `accuracy`, return `np.inf`; if already the first is
# above it, return the first number of labels.

# %%
def labels_needed(accuracy, labels, scores):
    ### BEGIN SOLUTION
    if accuracy > scores[-1]:
        return np.inf
    return np.exp(np.interp(accuracy, scores, np.log(labels)))
    ### END SOLUTION


# %%
ex.labels_needed.check(labels_needed)


# %% [markdown]
# ## 4 · Repair it
#
# Tasks 4 and 6 use this small network. It takes 6 numbers for each example and returns logits.

# %%
# Two hidden layers and a head.
def network(classes):
    dense = keras.layers.Dense
    return keras.Sequential(
        [
            keras.Input((6,)),
            dense(8, activation="relu", name="hidden1"),
            dense(8, activation="relu", name="hidden2"),
            dense(classes, name="head"),
        ]
    )


# %% [markdown]
# The function below gets the weights of a source with 26 classes. It shall *copy* the two hidden layers into a target
# with 10 classes, whose head is random, and *fine-tune* it: some steps of gradient descent on all examples, `x` of
# shape (N, 6) and their classes `y` of shape (N,). It returns the weights of both networks. The source shall come back
# as it was, and all layers of the target shall train. (With `run_eagerly` Keras takes its steps at once, without first building a graph.)
#
# It has three faults. Run it, here with no step at all, and look at what it returns. Which of the six kernels
# should be those that were handed in?

# %%
# With three faults.
def broken(weights, x, y, seed, steps):
    source = network(classes=26)
    for layer in source.layers:
        layer.set_weights(weights[layer.name])
    head = keras.layers.Dense(10, name="head")
    tuned = keras.Sequential([keras.Input((6,)), *source.layers[:-1], head])
    for layer in tuned.layers[:-1]:
        layer.trainable = False
    cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    tuned.compile(keras.optimizers.SGD(0.1), cross_entropy, run_eagerly=True)
    training.restart(tuned, seed)
    for _ in range(steps):
        tuned.train_on_batch(x, y)
    nets = {"source": source, "target": tuned}
    return {k: {layer.name: layer.get_weights() for layer in n.layers} for k, n in nets.items()}


# %%
# Which kernels are those of the source that was handed in?
rng = np.random.default_rng(0)
x, y = rng.normal(size=(12, 6)), rng.integers(0, 10, 12)
weights = {layer.name: layer.get_weights() for layer in network(26).layers}
for net, after in broken(weights, x, y, seed=0, steps=0).items():
    for name, (kernel, _) in after.items():
        same = np.array_equal(kernel, weights[name][0])
        print(f"{net} {name}: {'as handed in' if same else 'other numbers'}")


# %% [markdown]
# Write the repaired version here. (Copy it, and mend one fault after the other.) `training.restart` gives all
# layers of a compiled network fresh random weights, the same for the same seed. Keep it: the head has to begin so.
# `transfer.copy_weights` is not allowed here.

# %%
def repaired(weights, x, y, seed, steps):
    ### BEGIN SOLUTION
    target = network(10)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    target.compile(keras.optimizers.SGD(0.1), loss, run_eagerly=True)
    training.restart(target, seed)
    for name in ("hidden1", "hidden2"):
        target.get_layer(name).set_weights(weights[name])
    for _ in range(steps):
        target.train_on_batch(x, y)
    tuned = {layer.name: layer.get_weights() for layer in target.layers}
    return {"source": weights, "target": tuned}
    ### END SOLUTION


# %%
ex.repaired.check(repaired)


# %% [markdown]
# And the six kernels? Five of them should be those that were handed in: the source's three and the target's two hidden
# layers. Only the target's head is new.

# %% [markdown]
# ## 5 · Predict: which layers will training change?
#
# `sizes` is a dict: for each layer of the target, by its name, how many parameters it has. `copied` is the list of the
# layers that came from the source. `way` is one of three, as in the chapter:
#
# - `"scratch"`: the copied weights are thrown away, everything trains from random numbers;
# - `"fine-tuned"`: everything trains on;
# - `"frozen"`: the copied layers stay as they are, the others train.
#
# Return a dict: for each layer `True` if training changes its weights, else `False`.

# %%
def trains(sizes, copied, way):
    ### BEGIN SOLUTION
    still = copied if way == "frozen" else []
    return {name: size > 0 and name not in still for name, size in sizes.items()}
    ### END SOLUTION


# %%
ex.trains.check(trains)


# %% [markdown]
# ## 6 · Measure: was the prediction right?
#
# Let Keras say it. `source` holds the weights of a network with 26 classes, `head` the two arrays `[kernel, bias]` of a head
# for 10. Give the target below the source's hidden layers and this head; freeze the layers whose names are in the
# list `frozen`; take *one* step of plain gradient descent with the learning rate `rate`, on all of `x`, shape (N, 6), and `y`,
# shape (N,). The loss is the cross-entropy. The last line returns the target's weights; the check compares them with
# a step that is computed by hand. Do not use `tlcourse.transfer`.

# %%
def trained(source, head, x, y, frozen, rate):
    target = network(classes=10)
    ### BEGIN SOLUTION
    start = {**source, "head": head}
    for layer in target.layers:
        layer.set_weights(start[layer.name])
        layer.trainable = layer.name not in frozen
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    target.compile(keras.optimizers.SGD(rate), loss, run_eagerly=True)
    target.train_on_batch(x, y)
    ### END SOLUTION
    return {layer.name: layer.get_weights() for layer in target.layers}


# %%
ex.trained.check(trained)


# %% [markdown]
# ## 7 · Does the transfer help?
#
# Three arrays of accuracies in 0–1, of shape (S,), from S seeds: `transfer`, `scratch`, and `patient`, which is scratch
# trained three times as long. At one seed all three saw the same labelled images.
#
# - The **rival** is `scratch` or `patient`, whichever has the larger mean.
# - The **gain** is the mean of the differences dᵢ, transfer minus rival, seed by seed.
# - Its **error** is the standard error of this mean, $\sqrt{\sum_i (d_i - \bar d)^2 / (S - 1)} \, / \sqrt{S}$.
# - The **verdict** is `"positive"` if the gain is above 3 errors, `"negative"` (negative transfer) if it is below −3 errors, and
#   `"undecided"` if it is neither. Three is a cautious rule of thumb for five seeds or more.
#
# Return a dict with the keys `"gain"`, `"error"` and `"verdict"`. Gain and error are in 0–1, like the accuracies.

# %%
def compared(transfer, scratch, patient):
    ### BEGIN SOLUTION
    rival = patient if patient.mean() > scratch.mean() else scratch
    d = transfer - rival
    gain, error = d.mean(), d.std(ddof=1) / np.sqrt(len(d))
    verdict = "positive" if gain > 3 * error else "negative" if gain < -3 * error else "undecided"
    return {"gain": gain, "error": error, "verdict": verdict}
    ### END SOLUTION


# %%
ex.compared.check(compared)

# %% [markdown]
# ## 8 · Put the lines in order
#
# These are the lines of a fair comparison, out of order. Four of them are not needed. For each seed and each way,
# `"scratch"` and `"transfer"`, it records one accuracy; everything but the start of the backbone is the same for
# both. The lines use:
#
# - `draw(images, n, seed)`: n labelled images of each class, the same for the same seed (with `None`, other images at every call);
# - `fresh(seed)`: a new network with random weights, the same for the same seed;
# - `copy_backbone(source, network)`: replaces the backbone's weights by the source's;
# - `fit(network, few, steps)` and `accuracy(network, images)`.

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["J", "E", "L", "C", "G", "A", "K", "D", "H", "M", "B"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 9 · An experiment of your own
#
# A network that was trained on photographs of flowers shall learn to tell five kinds of cracks in concrete, from 20 labelled
# images of each. A colleague freezes its backbone and reaches 61 %; the same network from scratch reaches
# 55 % after equally many steps. She has run each once. "Transfer works: six points, and what is learned on flowers is of use for
# cracks." Plan an experiment that you would believe: which ways you compare, what is held equal and what is tuned, how often it is
# repeated, which control tells whether it is the *flowers* that help, and which results would make you say no. Four to
# eight sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# I compare four ways: scratch, frozen, fine-tuned, and as a control a backbone frozen at random weights; the control tells whether
# flowers taught it anything, or whether any frozen backbone with a trained head does as well. (A backbone whose pretrained weights are
# shuffled within each layer would separate their scale from what was learned.) Network, labelled images, their order,
# augmentation and test set are the same for all ways at one seed, and the seed sets the draw of the images, the random
# weights and the order. Each way gets its own learning rate, chosen from one list on validation images that are
# neither in the training nor in the test set. Scratch also runs three times as long, and the better of its two is the
# rival. At least five seeds, and I report the mean of the paired differences with its standard error, at 5, 20 and 100 images of
# each class, since a gain at one number says little about another. I would say no if the gain over the patient
# rival is within three standard errors of zero, and no to the flowers if the random backbone is level with theirs; a gain
# clearly below zero is negative transfer. Images of the same wall must not stand on both sides of the split.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
