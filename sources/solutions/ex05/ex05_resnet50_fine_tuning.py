# %% [markdown]
# # Exercises 05 · ResNet50 fine-tuning
#
# Eight tasks and an open question on chapter 05, about 95 minutes. Each task has a cell for your answer and
# below it a cell that checks it, as often as you like, on numbers that are new each time. What holds for a ResNet50
# is tried here on a network that is small enough to be trained in a second.
#
# - `ex.preprocess.hint()` gives a hint; call it again for the next. There are three.
# - `ex.progress()` shows what is done. Each task is worth 10 points, all or nothing, and its last check counts,
#   until `tlcourse reset ex05` in a terminal gives you a fresh copy of the set (and keeps yours).
# - An answer does not change the arrays, lists and dicts that it is given. What it prints is not shown by its check.
# - Leave the names of the functions and the cells that check as they are.
# - A check cell that is not yet right stops nothing: Run All goes on.
# - Run each cell, save, then `tlcourse submit ex05` in a terminal of JupyterLab writes the file to hand in.

# %% tags=["setup"]
import numpy as np

from tlcourse import exercise, models

import keras

ex = exercise("ex05", edition=2)


# %% [markdown]
# ## 1 · Preprocessing by hand
#
# The weights of ResNet50 expect the colours in the order blue, green, red. From each channel, the mean over the images
# that they were trained on is subtracted. Nothing is divided. `x` holds photos of shape (N, H, W, 3): red, green, blue, each
# from 0 to 255, as whole numbers (`uint8`) or floats.
#
# Write the last line: return a *new* array of floats of the same shape. Do without Keras' `preprocess_input` and the course's
# `models.preprocess`.

# %%
def preprocess(x):
    means = np.array([103.939, 116.779, 123.68])  # of blue, green, red
    ### BEGIN SOLUTION
    return x[..., ::-1] - means
    ### END SOLUTION


# %%
ex.preprocess.check(preprocess)


# %% [markdown]
# ## 2 · What a loss curve says
#
# A network that gives every one of K classes the same probability has a cross-entropy of ln K. `runs` is a dict: for the name of
# each run an array with its training loss after each epoch, four epochs or more. Return a dict with a word for each name:
#
# 1. `"guessing"` if each of the last three losses lies within 0.1 of ln K;
# 2. otherwise `"diverges"` if the last loss lies more than 0.1 above ln K, or is NaN or infinite;
# 3. otherwise `"learns"`.

# %%
def diagnose(runs, K):
    ### BEGIN SOLUTION
    words = {}
    for name, losses in runs.items():
        if np.all(np.abs(losses[-3:] - np.log(K)) < 0.1):
            words[name] = "guessing"
        elif not np.isfinite(losses[-1]) or losses[-1] > np.log(K) + 0.1:
            words[name] = "diverges"
        else:
            words[name] = "learns"
    return words
    ### END SOLUTION


# %%
ex.diagnose.check(diagnose)


# %% [markdown]
# ## 3 · What trains
#
# `layers` describes a network from its input to its output: a list with a pair [name, kind] for each layer, such as
# `["conv2_block1_conv", "Conv2D"]`, `["conv2_block1_bn", "BatchNormalization"]`, `["avg_pool", "GlobalAveragePooling2D"]`.
# A stage is given by the beginning of its layers' names: "conv2" begins with the first layer whose name starts so.
#
# Return a dict that gives for each name the flag `trainable`: False before the stage begins, True from there to the end of the
# network, and False for every BatchNormalization, wherever it is. (Layers without weights get a flag like all others.)

# %%
def trainable(layers, stage):
    ### BEGIN SOLUTION
    flags, reached = {}, False
    for name, kind in layers:
        reached = reached or name.startswith(stage)
        flags[name] = reached and kind != "BatchNormalization"
    return flags
    ### END SOLUTION


# %%
ex.trainable.check(trainable)


# %% [markdown]
# ## A network for tasks 4 and 5
#
# It takes preprocessed photos of 8×8 pixels, shape (N, 8, 8, 3), and returns logits of three classes, shape (N, 3). The layer
# `pool` returns 6 features, shape (N, 6). Weights are handed over as a dict: for each layer that has some, the list of arrays that
# `get_weights` gives.

# %%
# Two convolutions, each with BatchNormalization, and a head.
def network(weights=None):
    layers = [keras.Input((8, 8, 3))]
    for stage, channels in (("conv1", 4), ("conv2", 6)):
        layers += [
            keras.layers.Conv2D(channels, 3, name=f"{stage}_conv"),
            keras.layers.BatchNormalization(name=f"{stage}_bn"),
            keras.layers.ReLU(name=f"{stage}_relu"),
        ]
    layers += [keras.layers.GlobalAveragePooling2D(name="pool"), keras.layers.Dense(3, name="head")]
    model = keras.Sequential(layers)
    for name, values in (weights or {}).items():
        model.get_layer(name).set_weights(values)
    return model


cross_entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def weights_of(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


# %%
for name, values in weights_of(network()).items():
    print(name, [value.shape for value in values])


# %% [markdown]
# The head is a matrix and a bias, so on features that are known it is trained by a few lines of NumPy: gradient descent on the
# cross-entropy (chapter 02).

# %%
# Returns the head after 100 steps of gradient descent, each on all examples.
def train_head(features, labels, kernel, bias):
    if len(labels) != len(features):
        told = f"{len(features)} features and {len(labels)} labels"
        raise ValueError(f"{told}: as many labels as features are wanted (np.tile)")
    truth = np.eye(len(bias))[labels]
    for _ in range(100):
        z = features @ kernel + bias
        y_hat = np.exp(z - z.max(1, keepdims=True))
        y_hat /= y_hat.sum(1, keepdims=True)
        error = (y_hat - truth) / len(labels)
        kernel, bias = kernel - 0.5 * features.T @ error, bias - 0.5 * error.sum(0)
    return kernel, bias


# %% [markdown]
# ## 4 · Cached features of augmented images
#
# Only the head is to be trained, so all below it returns the same for the same image in every step. Compute it once. An image
# that is shifted anew each time would have no place in a cache; but several fixed draws of it do.
#
# - `weights`: of the network, for `network(weights)`;
# - `draws`, shape (M, N, 8, 8, 3): M augmented draws of the same N training images. Draw m of image i is `draws[m, i]`;
# - `labels`, shape (N,): the class of each image, 0 to 2;
# - `photos`, shape (T, 8, 8, 3): test photos. Draws and photos are preprocessed already.
#
# Cut the network behind `pool`. Return two arrays: the features of all draws, shape (M·N, 6), draw below draw; and the logits of
# the test photos, shape (T, 3), after the head was trained by `train_head` on these features. The head starts from `weights["head"]`.
# Do without `transfer.features`, `transfer.split` and `transfer.train_from`.

# %%
def cached(weights, draws, labels, photos):
    model = network(weights)
    ### BEGIN SOLUTION
    lower = keras.Model(model.inputs, model.get_layer("pool").output)
    features = np.concatenate([lower.predict_on_batch(x) for x in draws])
    kernel, bias = train_head(features, np.tile(labels, len(draws)), *weights["head"])
    return features, lower.predict_on_batch(photos) @ kernel + bias
    ### END SOLUTION


# %%
ex.cached.check(cached)


# %% [markdown]
# ## 5 · Repair it
#
# This script shall fine-tune the network on a few photos, 0 to 255 in red, green, blue: first the head alone, then the head and
# `conv2_conv` together, in small steps. It returns the weights by layer and the logits of the photos, in their order. It runs
# to its end, and has four faults, three of them from chapter 05. (One of them is silent only on TensorFlow: with JAX and PyTorch, Keras refuses.)

# %%
# With four faults.
def broken(weights, photos, labels):
    model = network(weights)
    x = photos / 255
    order = np.random.default_rng(0).permutation(len(x))
    for layer in model.layers:
        layer.trainable = layer.name == "head"
    model.compile(keras.optimizers.SGD(0.5), cross_entropy, jit_compile=False)
    for _ in range(20):
        model.train_on_batch(x[order], labels)
    for layer in model.layers:
        layer.trainable = layer.name.startswith("conv2") or layer.name == "head"
    for _ in range(5):
        model.train_on_batch(x[order], labels)
    return weights_of(model), keras.ops.convert_to_numpy(model(x))


# %%
# On made-up photos: which layers moved?
start = weights_of(network())
noise = np.random.default_rng(0).uniform(0, 255, (30, 8, 8, 3))
after, logits = broken(start, noise, np.arange(30) % 3)
for name in start:
    print(f"{name:10} moved: {not np.array_equal(start[name][0], after[name][0])}")


# %% [markdown]
# Write the repaired version here. The second training has a learning rate of 0.01, the first one keeps its 0.5; the numbers of
# steps stay, and each step sees all photos. `models.preprocess` may be used, `transfer.train_from` and `transfer.probe_then_fine_tune` may not.

# %%
def repaired(weights, photos, labels):
    ### BEGIN SOLUTION
    model = network(weights)
    x = models.preprocess(photos)
    for names, rate, steps in ((["head"], 0.5, 20), (["conv2_conv", "head"], 0.01, 5)):
        for each in model.layers:
            each.trainable = each.name in names
        model.compile(keras.optimizers.SGD(rate), cross_entropy, jit_compile=False)
        for _ in range(steps):
            model.train_on_batch(x, labels)
    logits = keras.ops.convert_to_numpy(model(x))
    return weights_of(model), logits
    ### END SOLUTION


# %%
ex.repaired.check(repaired)


# %% [markdown]
# ## 6 · Predict: how fast are the statistics forgotten?
#
# In training, BatchNormalization updates its moving mean m after each step by the mean of the batch, with a momentum β:
#
# $$ m \leftarrow \beta m + (1-\beta)\cdot\text{mean of the batch} . $$
#
# Suppose that every batch of the target has the same mean. Then m approaches it from where the source had left it. Keras' β
# is 0.99, and fine-tuning may take 200 steps: before you compute, guess how much of the distance is left then.
#
# `momenta`, shape (M,), holds several β, all between 0 and 1. Return an array of the same shape: for each β the number of
# steps after which, for the first time, half of the distance or less is left.

# %%
def half_life(momenta):
    ### BEGIN SOLUTION
    return np.ceil(np.log(0.5) / np.log(momenta))
    ### END SOLUTION


# %%
ex.half_life.check(half_life)

# %% [markdown]
# And the guess? After 200 steps with β = 0.99, a share of 0.99²⁰⁰ of the distance is left: 13 %.

# %%
assert round(0.99**200, 2) == 0.13


# %% [markdown]
# ## 7 · Measure: is that what a layer does?
#
# Build a `keras.layers.BatchNormalization` with this `momentum`, and give it γ = 1, β = 0, the moving mean `mean` of shape (D,) and a
# moving variance of 1. (`norm.build(x.shape)` makes its weights, and `set_weights` takes the four arrays in this order.) Set its own
# `trainable` to `trains`. Then call it on `x`, shape (N, D), with `training=True`, `steps` times: this is how `fit` calls it.
#
# Return two things: its `moving_mean` at the beginning and after each call, an array of shape (steps + 1, D), and the number
# of its weights that training changes by their gradient, `len(norm.trainable_weights)`. What do you expect if `trains` is False?

# %%
def measured(mean, x, momentum, steps, trains):
    ### BEGIN SOLUTION
    norm = keras.layers.BatchNormalization(momentum=momentum)
    norm.build(x.shape)
    one = np.ones(len(mean))
    norm.set_weights([one, 0 * one, mean, one])
    norm.trainable = trains
    path = [mean]
    for _ in range(steps):
        norm(x, training=True)
        path.append(keras.ops.convert_to_numpy(norm.moving_mean))
    return np.array(path), len(norm.trainable_weights)
    ### END SOLUTION


# %%
ex.measured.check(measured)

# %% [markdown]
# ## 8 · Put the lines in order
#
# These are the lines of a fine-tuning recipe, out of order. Three of them are not needed. It trains the head first, then `conv5`
# and the head, on photos from 0 to 255, for weights that expect what `models.preprocess` returns. Two lines are alike, and either may
# come first. `unfreeze_from` freezes what comes before, and every BatchNormalization. What is
# changed in `trainable` after the first training step counts only from the next compile on.

# %%
ex.order.show()

# %% [markdown]
# Give the labels of the lines in order: `order = ["A", "B", …]`. In Jupyter the buttons above write the list for you
# to copy.

# %%
order = ...
### BEGIN SOLUTION
order = ["F", "C", "I", "G", "A", "B", "D", "K", "J"]
### END SOLUTION

# %%
ex.order.check(order)

# %% [markdown]
# ## 9 · An experiment of your own
#
# A colleague has 20 labelled photos of each of ten classes. On frozen features of a ResNet50 a linear head reaches 55 %. Then he
# unfreezes the whole network, compiles with the same learning rate, trains 200 steps, and reaches 48 %. "Fine-tuning hurts." Two things may be to
# blame: the learning rate, and BatchNormalization that trains. Plan an experiment that tells how much each of them costs, and
# whether fine-tuning hurts: which runs, what is equal in all, what is chosen on which data, how often it is repeated, and what you
# would look at. Five to ten sentences.

# %% [markdown]
# <!-- BEGIN SOLUTION -->
# Four kinds of runs, each rate (that of the head, and a hundredth of it for all that is pretrained) with BatchNormalization that
# trains and that stays still: so each effect is seen twice, and whether the two add up. Beside them the frozen features and a small
# CNN from scratch, without which no number says what the weights are worth. All start from the same head, trained first on the
# frozen network, and take the same photos in the same order, the same number of steps and the same preprocessing. The small rate
# is chosen from a few on validation photos, which are neither trained on nor reported; the frozen head's rate is
# chosen with as many tries. Everything is repeated for at least five seeds, which draw the 20 photos, the head and the order, and are
# the same for all kinds; test photos are used once, at the end. I would look at the paired differences per seed, with their spread, and at the
# moving means before and after, to see that they stayed where they should. "Fine-tuning hurts" is believed only if the best of the
# four, chosen on validation photos, lies below the frozen head on the test photos in nearly every seed; and for 20 photos of each class, not in general.
# <!-- END SOLUTION -->

# %% tags=["nbval-ignore-output"]
ex.progress()
