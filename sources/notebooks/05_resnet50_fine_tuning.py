# %% [markdown] slideshow={"slide_type": "slide"}
# # 05 · ResNet50 fine-tuning
#
# You get a network of fifty layers that can already read letters, and a new task with few labels. First you will watch
# it learn nothing at all, and find out why. Then you will repair it, train it further, and measure when that pays.
#
# <!-- Notes:
# Ask who has fine-tuned a network from a tutorial, and how long it took until it worked.
# Today one of those tutorials is run on purpose, and repaired.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - recognise a run that cannot learn, find out why, and repair it;
# - give pretrained weights the pixels that they expect;
# - compute the features of a frozen network once, instead of in every epoch;
# - fine-tune: what trains, what stays still, and what you check after one step;
# - say when fine-tuning pays, by how much, and when it does not.
#
# <!-- Notes: The first point is the heart: a run that cannot learn looks like one that needs more time. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 3 min 20 s to run. You need chapter 04.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# What this chapter needs.
import contextlib
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
from scipy import stats

from tlcourse import backend, data, models, plotting, quiz, rivals, training, transfer
from tlcourse import weights as shipped
from tlcourse.course.content import benchmark
from tlcourse.quiz import claim

import keras

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("05")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · What do the weights know?
#
# **ResNet50** (He et al. 2016) has fifty layers of weights, one behind the other. Such depth became trainable by a
# detour: a block of layers computes only a *correction* $F(x)$, and returns $x + F(x)$. Whatever the block does, the
# gradient has a way around it. The blocks come in four stages, `conv2` to `conv5`, after a first convolution, `conv1`.
#
# <!-- Notes:
# Draw one block with its detour. Ask what happens to the gradient if the block's own weights are near zero.
# -->

# %% slideshow={"slide_type": "skip"}
# Letters and small pictures; with TLCOURSE_SCALE=full ImageNet's weights and photographs.
quick = data.scale() == "quick"
source, side = ("course", 64) if quick else ("imagenet", 128)
backbone = models.resnet50(source, side=side)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "-"}
# What each stage returns, and its size.
for stage in ("conv1", "conv2", "conv3", "conv4", "conv5"):
    own = [layer for layer in backbone.layers if layer.name.startswith(stage)]
    size = sum(layer.count_params() for layer in own)
    print(f"{stage}  {str(own[-1].output.shape[1:]):15} {size:10,} parameters")
print(f"all   {backbone.count_params():27,}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Most people start from weights that have learned from ImageNet, a million photographs (`tlcourse fetch resnet50`, a
# download of 95 MB). Ours **come with the course**. It is the same network, but it has learned from 184,320 pictures of
# letters in coloured clutter: 72 letters, Latin, Greek and Cyrillic. Let us show it 300 letters in typefaces that it has
# never seen.
#
# <!-- Notes: Answer: three in four. Say what guessing would reach first: one in 72. -->

# %% slideshow={"code": false}
quiz.predict("05.reads", "Which share of the 300 letters will it read?", 0, 1)

# %% slideshow={"slide_type": "skip"}
alphabet = shipped.card()["alphabet"]
letters = data.make_scene_letters(1, 300, alphabet=alphabet, random_state=5)
reader = models.letter_reader()
read = reader.predict(models.preprocess(letters.x_test), verbose=0).argmax(1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.03"]
share = np.mean(read == letters.y_test)
quiz.reveal("05.reads", share)

# %% slideshow={"slide_type": "subslide"}
names = letters.class_names
pairs = zip(read[:20], letters.y_test[:20], strict=True)
titles = [names[k] if k == y else f"{names[k]} (is {names[y]})" for k, y in pairs]
ax = plotting.image_grid(letters.x_test[:20], titles, title="What it reads")
plotting.show(ax, "Twenty letters in coloured clutter, each with what the network reads in it")

# %% [markdown] slideshow={"slide_type": "notes"}
# It reads three letters in four, out of 72, and nobody has told it anything about these typefaces. Most of its mistakes
# you could make yourself.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
expected = shipped.card()["accuracy"]["printed"]
claim(abs(share - expected) < 0.1, "it reads as well as the weights' card says", measured=share)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Now it gets two tasks that it was not made for.
#
# - **Digits**, written by hand, in the same kind of scene. It has never seen a digit, but it was prepared: three in
#   four of its letters wavered like handwriting. This target is *near*.
# - **Stripes** in grey noise, which run in one of twelve directions. There is no stroke and no colour. This target is
#   *far*.
#
# <!-- Notes:
# Be plain about it: this source was made to be near to the digits. What you gain on them you gain from a near source.
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# 25 images of each class to draw labels from, and at most 200 to test on.
def stripes():
    """Pictures of 28×28 grey pixels, each twice as large, in a frame of black."""
    task = data.make_stripes(600, 200, random_state=1)
    for x in ("x_train", "x_test"):
        large = np.pad(
            np.kron(getattr(task, x), np.ones((2, 2, 3))), [(0, 0), (4, 4), (4, 4), (0, 0)]
        )
        task = replace(task, **{x: np.rint(255 * large).astype("uint8")})
    return task


if quick:
    near, far = data.make_scene_digits(600, 150, random_state=1), stripes()
else:  # flowers are near to ImageNet, hand signs are far from it
    near, far = data.fetch_flowers(size=side), data.fetch_hand_signs(size=side)
    few_of = [np.random.default_rng(0).permutation(len(t.y_test))[:200] for t in (near, far)]
    pairs = zip((near, far), few_of, strict=True)
    near, far = (replace(t, x_test=t.x_test[k], y_test=t.y_test[k]) for t, k in pairs)
near, far = data.few_labels(near, 25, 0), data.few_labels(far, 25, 0)
K = len(near.class_names)

# %% jupyter={"source_hidden": true}
# Ten images of each target, with their classes.
shown = np.concatenate([near.x_test[:10], far.x_test[:10]])
titles = [near.class_names[k] for k in near.y_test[:10]]
titles += [far.class_names[k] for k in far.y_test[:10]]
ax = plotting.image_grid(shown, titles, title="Above the near target, below the far one")
plotting.show(ax, "Ten handwritten digits in coloured clutter, and ten pictures of grey stripes")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · The run that never learns
#
# Here is a recipe as you find it in many tutorials: freeze the backbone; put global average pooling, a layer of 1,024
# units and a softmax on it; divide the pixels by 255; train for six epochs. We do that with 20 labelled digits of each
# class.
#
# <!-- Notes:
# Answer: it guesses, even on its own training images. Nearly everybody expects a high training accuracy.
# -->

# %% slideshow={"code": false}
quiz.predict("05.recipe", "Which accuracy will it reach on its own training images?", 0, 1)

# %% slideshow={"slide_type": "skip"}
# The recipe.
backbone.trainable = False
x = keras.layers.GlobalAveragePooling2D()(backbone.output)
x = keras.layers.Dense(1024, activation="relu")(x)
recipe = keras.Model(backbone.input, keras.layers.Dense(K, activation="softmax")(x))
recipe.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

# %% slideshow={"slide_type": "skip"}
few = data.few_labels(near, 20, random_state=0)
keras.utils.set_random_seed(0)
fitted = recipe.fit(few.x_train / 255, few.y_train, batch_size=32, epochs=6, verbose=0)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
quiz.reveal("05.recipe", fitted.history["accuracy"][-1])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.4"]
# The loss on the way.
losses = fitted.history["loss"]
print("loss after each epoch:", *(f"{loss:.2f}" for loss in losses))
print(f"who guesses among {K} classes pays ln {K} = {np.log(K):.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# A loss of ln K is what you pay for giving every class the same probability (chapter 02). A network may pass it on its
# way down. **But a training loss that has stood near ln K since the first epochs says that the network has not begun to
# learn.** Don't train it longer. Look at what the head gets to see.
#
# <!-- Notes:
# Collect guesses at the reason before the next slide. Expect: too few epochs, a wrong learning rate, too few labels.
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    abs(losses[-1] - np.log(K)) < 0.1,
    "the loss stays near ln K, that of guessing",
    measured=losses[-1],
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# The head sees 2,048 numbers for each image, the averages over what `conv5` returns. We compare three ways to hand over
# the pixels.
#
# <!-- Notes: Let them say what is odd in the left panel before you do. -->

# %% slideshow={"slide_type": "skip"}
ways = {
    "x / 255": lambda x: np.float32(x / 255),
    "x as it is": np.float32,
    "preprocess_input": models.preprocess,
}
pooled = keras.Sequential([backbone, keras.layers.GlobalAveragePooling2D()])
images = np.concatenate([near.x_train, near.x_test])
seen = {name: transfer.features(pooled, images, way) for name, way in ways.items()}

# %% jupyter={"source_hidden": true}
# Thirty images, one a row; the first 40 features, one a column.
figure, axes = plotting.plt.subplots(1, 3, figsize=(plotting.WIDTH, 3.4))
for ax, (name, f) in zip(axes, seen.items(), strict=True):
    _ = ax.imshow(f[:30, :40], vmin=0, vmax=np.quantile(f, 0.98), aspect="auto")
    ax.set(xlabel="feature", title=name)
    ax.grid(False)
_ = axes[0].set_ylabel("image")
plotting.show(figure, "Three panels: almost equal rows for x / 255, different rows for the others")

# %% [markdown] slideshow={"slide_type": "notes"}
# In the left panel all rows look alike, because the images differ by a thousandth of the mean. These weights were made for
# pixels between about −124 and 151. Divided by 255, each image is two hundred times fainter than anything that the
# network has seen. But its biases, and the statistics of its BatchNormalization, do not shrink with it. They drown the
# image, and what comes out is nearly the same for all.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
spread = seen["x / 255"].std(0).mean() / seen["x / 255"].mean()
claim(spread < 0.003, "divided by 255, images differ by a thousandth of the mean", measured=spread)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · The right preprocessing
#
# What do these weights expect? The documentation of `keras.applications.resnet50` says it: the colours in the order
# blue, green, red; from each channel the mean of ImageNet; and **no** division.
#
# <!-- Notes: Ask what the three numbers are: the mean blue, green and red of ImageNet, of 0 to 255. -->

# %%
means = [103.939, 116.779, 123.68]  # of blue, green and red
by_hand = few.x_train[..., ::-1] - np.array(means)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = np.allclose(models.preprocess(few.x_train), by_hand, atol=1e-3)
claim(same, "models.preprocess does the same")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now the same linear head on each kind of features, with 20 labels per class. As a control it also gets the features of
# a ResNet50 with *random* weights. `rivals.logistic_regression` solves for the head, on features that are stretched to
# the same spread; its one setting, C, is chosen on a draw of its own.

# %% slideshow={"slide_type": "skip"}
untrained = keras.Sequential([models.resnet50(None, side=side), *pooled.layers[1:]])
seen["random weights"] = transfer.features(untrained, images, models.preprocess)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Test accuracy with 20 labels per class: five draws, and a sixth one to choose C on.
def draws(task):
    pool = replace(task, x_train=np.arange(len(task.y_train)))
    return [data.few_labels(pool, 20, seed).x_train for seed in (0, 1, 2, 3, 4, 100)]


def score(x, y, C, labelled, asked):
    kernel, bias = rivals.logistic_regression(x[labelled], y[labelled], C)
    return np.mean((x[asked] @ kernel + bias).argmax(1) == y[asked])


def probe(x, task):
    y, n = np.concatenate([task.y_train, task.y_test]), len(task.y_train)
    *drawn, choose = draws(task)
    left = np.setdiff1d(np.arange(n), choose)
    C, _ = rivals.tune([1e-4, 1e-3, 1e-2], lambda C: score(x, y, C, choose, left))
    return np.array([score(x, y, C, labelled, np.arange(n, len(y))) for labelled in drawn])


# %% slideshow={"code": false, "slide_type": "subslide"}
choices = [
    "it guesses, as with x / 255",
    "it is better than guessing, but worse",
    "it is as good as the right one",
]
quiz.predict(
    "05.as_it_is", "What will the head reach on pixels as they are, from 0 to 255?", choices
)

# %% slideshow={"slide_type": "skip"}
heads = {name: probe(x, near) for name, x in seen.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
right, as_it_is = heads["preprocess_input"], heads["x as it is"]
lost = right - as_it_is
quiz.reveal("05.as_it_is", choices[1] if as_it_is.min() > 0.2 and lost.min() > 0 else choices[2])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
for name, accuracy in heads.items():
    print(f"{name:17} {accuracy.mean():.2f} ± {accuracy.std(ddof=1):.2f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# One line of preprocessing decides between guessing and the best result. The wrong division makes good weights hardly better than
# random ones, even for a head that stretches its features. And *as it is*, which lacks the means and has the colours in another
# order, is the dangerous way: it learns something, so nobody looks for the mistake. Other networks expect other pixels
# (ResNet50V2 and MobileNetV2 want −1 to 1), so never carry a preprocessing from one network to the next.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The differences of each draw.
divided, blank = heads["x / 255"], heads["random weights"]
claim((right - blank).min() > 0.3, "the weights know a lot", measured=right - blank, seeds=5)
claim(lost.min() > 0, "means and order matter", measured=lost, seeds=5)
claim(
    (divided - blank).max() < 0.12,
    "divided by 255, they are hardly better than random ones",
    measured=divided - blank,
    seeds=5,
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Features, computed once
#
# Why does such a small head take so long to train? Because the recipe runs fifty layers for every image, in every epoch,
# and as long as these layers are frozen they return the same numbers each time. So cut the network in two behind the
# pooling, compute what lies below the cut **once**, and train what lies above it.
#
# <!-- Notes: Ask how many times the backbone ran for each image in section 2. Six times, for the same numbers. -->

# %% slideshow={"slide_type": "-"}
classifier = models.add_head(backbone, K)
lower = keras.Model(classifier.inputs, classifier.get_layer("pool").output)
upper = keras.Model(lower.output, classifier.outputs[0])
for name, part in (("below the cut", lower), ("above the cut", upper)):
    print(f"{name}: {part.count_params():10,} parameters")

# %% [markdown] slideshow={"slide_type": "subslide"}
# We train the head for three epochs twice, from the same beginning and in the same order: once with the whole network,
# and once on features that were computed before.
#
# <!-- Notes: Answer: equally good, and faster. Expect doubts about the accuracy. -->

# %% slideshow={"code": false}
choices = ["faster, and a little worse", "faster, and equally good", "faster, and better"]
quiz.predict("05.cached", "How will the second way do, compared with the first?", choices)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The whole network in every epoch.
training.compile_classifier(classifier)
start = classifier.get_layer("head").get_weights()
x_few, x_asked = models.preprocess(few.x_train), models.preprocess(near.x_test)
ticks = [perf_counter()]
clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ticks.append(perf_counter()))
run = {"epochs": 3, "shuffle": False, "verbose": 0, "callbacks": [clock]}
_ = classifier.fit(x_few, few.y_train, **run)
whole_seconds, whole = np.diff(ticks), classifier.predict(x_asked, verbose=0)

# %% slideshow={"code": false, "slide_type": "skip"} tags=["nbval-ignore-output"]
# The features once, and then the head alone.
classifier.get_layer("head").set_weights(start)
training.compile_classifier(upper)
ticks = [perf_counter()]
features = lower.predict(x_few, verbose=0)
ticks.append(perf_counter())
_ = upper.fit(features, few.y_train, **run)
cached_seconds = np.diff(ticks)
cached = upper.predict(lower.predict(x_asked, verbose=0), verbose=0)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
equal = np.mean(whole.argmax(1) == cached.argmax(1))
quiz.reveal("05.cached", choices[1] if equal > 0.98 else choices[0])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
print("the whole network: three epochs of", *(f"{s:.2f}" for s in whole_seconds), "s")
print(
    f"features once: {cached_seconds[0]:.2f} s, then epochs of",
    *(f"{s:.2f}" for s in cached_seconds[1:]),
    "s",
)

# %% [markdown] slideshow={"slide_type": "notes"}
# The predictions are the same. (The first epoch of each way also builds its graph.) Over twenty epochs with a frozen
# backbone this is sixteen times as fast (`python -m benchmarks.fine_tuning_speed`).

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
speed = benchmark("fine_tuning_speed")
claim(equal > 0.98, "both ways predict the same classes", measured=equal)
claim(min(cached_seconds[2:]) < min(whole_seconds[1:]) / 3, "a further epoch is cheap")
claim(
    speed["frozen_ratio"] > 10,
    "over twenty epochs it is more than ten times as fast",
    measured=speed["frozen_ratio"],
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# `transfer.split` cuts at any layer, and `transfer.features` computes what lies below; given a `folder`, it keeps the
# result there. What happens if you change the preprocessing, and the old features are still lying in the folder?
#
# <!-- Notes: Ask who has been caught by a stale cache. -->

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
# How many files are there after the first call, the same call again, and another preprocessing?
files = []
with tempfile.TemporaryDirectory() as folder:
    for way in (models.preprocess, models.preprocess, ways["x / 255"]):
        _ = transfer.features(lower, few.x_train[:16], way, folder=Path(folder))
        files.append(len(list(Path(folder).glob("*.npy"))))
print(files)

# %% [markdown] slideshow={"slide_type": "notes"}
# The second call found the file of the first, and the third made another. The file is named by a checksum of weights,
# layers and preprocessed images, so old features are never taken for new ones.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(files == [1, 1, 2], "the same features are found again, others are computed")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Unfreeze
#
# So far the backbone has stayed as it was. **Fine-tuning** lets some of it train on. Four decisions are to be made:
#
# 1. **The head first.** A random head would send noise back into good features.
# 2. **Which layers?** The last stage, then perhaps one more.
# 3. **Small steps.** What is pretrained is nearly right.
# 4. **BatchNormalization stays still.** Its statistics come from 184,320 images, and yours from a few hundred.
#
# And afterwards you **compile again**. The fourth and the last need a closer look.
#
# <!-- Notes: Let them order the four by how much they matter, and keep the order for "Going deeper". -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **BatchNormalization** has two modes. In *training* it normalises each channel with the mean and variance of the batch,
# and its stored mean and variance drift towards these. In *prediction* it normalises with the stored ones. Much
# advice says that you keep it still by calling the backbone with `training=False`. Let us try that: every input is 5,
# and the stored mean begins at 0.
#
# <!-- Notes:
# Answer: only while it is frozen. Unfrozen it drifts, although the layer was called with training=False.
# -->

# %% slideshow={"code": false}
choices = ["always", "only while the layer is frozen", "never"]
quiz.predict(
    "05.still",
    "We call it with training=False and fit. When does the stored mean stay at 0?",
    choices,
)

# %% slideshow={"slide_type": "skip"}
# One step with the layer frozen, and one with the layer unfrozen.
inputs, norm = keras.Input((1,)), keras.layers.BatchNormalization()
base = keras.Model(inputs, norm(inputs))
network, drift = keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False))), []
for trains in (False, True):
    norm.trainable = trains
    network.compile("sgd", "mse")
    _ = network.fit(np.full((32, 1), 5.0), np.zeros((32, 1)), verbose=0)
    drift.append(keras.ops.convert_to_numpy(norm.moving_mean)[0])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("05.still", choices[1] if drift[0] == 0 < drift[1] else choices[0])

# %% slideshow={"code": false, "slide_type": "fragment"}
print(f"stored mean after a step: frozen {drift[0]:.3f}, unfrozen {drift[1]:.3f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Unfrozen it drifts. In Keras 3 up to 3.15.1 `fit` overrules `training=False` (keras-team/keras#20285). What keeps it
# still is the layer's own `trainable = False`. So we unfreeze by a loop over the layers, with the far target before us:

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    drift[0] == 0 < drift[1],
    "training=False does not keep it still, trainable=False does",
    measured=drift,
)


# %% slideshow={"slide_type": "subslide"}
# Let a stage and all that follows it train, but no BatchNormalization.
def unfreeze(network, stage):
    reached = False
    for layer in network.layers:
        reached = reached or layer.name.startswith(stage)
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = reached and not norm


classifier = models.add_head(backbone, len(far.class_names))
unfreeze(classifier, "conv4")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ours = [layer.trainable for layer in classifier.layers]
_ = transfer.unfreeze_from(classifier, "conv4")
theirs = [layer.trainable for layer in classifier.layers]
claim(ours == theirs, "transfer.unfreeze_from does the same")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Compile again
#
# The cut moves down. Everything up to `conv3` stays frozen, so we compute that once, and only `conv4`, `conv5` and the
# head run in training. Now we compile a copy of this upper part while `conv4` and `conv5` are frozen, unfreeze them, and
# train on **without compiling again**.
#
# <!-- Notes: Answer: it does not move at all, and summary() says that it trains. Ask how anybody would notice. -->

# %% slideshow={"slide_type": "skip"}
images = np.concatenate([far.x_train, far.x_test])
y = np.concatenate([far.y_train, far.y_test])
lower, upper = transfer.split(classifier, "conv3")
pretrained = backbone.get_weights()
x = transfer.features(lower, images, models.preprocess)

# %% slideshow={"code": false}
choices = ["it trains", "it stays, and nobody says so", "it stays, with an error or a warning"]
quiz.predict("05.compile", "What happens to conv5?", choices)

# %% slideshow={"slide_type": "skip"}
trial = keras.models.clone_model(upper)
transfer.unfreeze_from(trial, "head")
training.compile_classifier(trial)
_ = trial.fit(x[:16], y[:16], verbose=0)
_ = transfer.unfreeze_from(trial, "conv4")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Train on, and note errors (of JAX and PyTorch) and warnings.
kernel = trial.get_layer("conv5_block3_3_conv").kernel
before, complained, moved = np.array(keras.ops.convert_to_numpy(kernel)), True, 0.0
with warnings.catch_warnings(record=True) as said, contextlib.suppress(ValueError):
    warnings.simplefilter("always")
    _ = trial.fit(x[:16], y[:16], verbose=0)
    moved = abs(keras.ops.convert_to_numpy(kernel) - before).max()
    complained = any("trainable" in str(each.message) for each in said)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
quiz.reveal("05.compile", choices[0] if moved else choices[2] if complained else choices[1])

# %% [markdown] slideshow={"slide_type": "notes"}
# On TensorFlow it stays where it was, while `summary()` says that it trains, and Keras 3.15.1 says nothing. (On JAX and
# PyTorch you get an error.) So make this a habit: **after one training step, check that what should move has
# moved, and that what should stay has stayed.**

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(moved == 0, "without compiling again, conv5 does not move", measured=moved)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### It climbs
#
# Now we do it right, on the stripes with 20 labels per class. First comes the head, on frozen features.
#
# <!-- Notes: Ask where the curve will begin: at what the frozen features reach. -->

# %% slideshow={"slide_type": "skip"}
to_pool, _ = transfer.split(upper, "pool")
pooled_far = transfer.features(to_pool, x, np.asarray)
labelled, asked = draws(far)[0], np.arange(len(far.y_train), len(y))

# %% slideshow={"slide_type": "-"}
# Its C, and the rate below, were chosen on validation images.
head = rivals.logistic_regression(pooled_far[labelled], y[labelled], 0.01)
upper.get_layer("head").set_weights(head)

# %% [markdown] slideshow={"slide_type": "skip"}
# Then `conv4` and `conv5` train together with it.

# %% slideshow={"slide_type": "skip"}
conv, norm = upper.get_layer("conv5_block3_3_conv"), upper.get_layer("conv5_block3_3_bn")
kernel, mean = (np.array(keras.ops.convert_to_numpy(v)) for v in (conv.kernel, norm.moving_mean))

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
# Compile after unfreezing; look at the test images after every 20 steps.
transfer.unfreeze_from(upper, "conv4")
training.compile_classifier(upper, learning_rate=1e-3)
curve = [training.accuracy(upper, x[asked], y[asked])]
for part in range(4):
    run = {"steps": 20, "batch_size": 16, "seed": part}
    training.fit_steps(upper, x[labelled], y[labelled], **run)
    curve.append(training.accuracy(upper, x[asked], y[asked]))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
shift = abs(keras.ops.convert_to_numpy(conv.kernel) - kernel).max()
still = np.array_equal(keras.ops.convert_to_numpy(norm.moving_mean), mean)
claim(shift > 0, "conv5 has moved", measured=shift)
claim(still, "the statistics beside it have not")

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["nbval-ignore-output"]
# The curve, from the level of the frozen features.
steps = 20 * np.arange(5)
ax = plotting.plt.subplots()[1]
_ = ax.axhline(100 * curve[0], color=plotting.COLORS["frozen"], ls="--", label="frozen")
_ = ax.plot(
    steps, 100 * np.array(curve), "s-", color=plotting.COLORS["fine-tuned"], label="fine-tuned"
)
ax.set(xlabel="steps", ylabel="test accuracy (%)", title="On the stripes, fine-tuning climbs")
_ = ax.legend(loc="lower right")
plotting.show(
    ax, "Test accuracy on stripes over 80 steps, from the level of the frozen features upwards"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# It works. After 80 steps on 240 labelled pictures, the network reads stripes better than the head alone did on frozen
# features. In our run the curve first fell, so whoever stops after 20 steps reports that fine-tuning hurts.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(curve[-1] > curve[0] + 0.02, "in this run it climbed", measured=curve)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · When does it pay?
#
# One run is no measurement. So `python -m benchmarks.photos` repeated it on four public sets of photographs, with 20
# labels per class. At each of five seeds both ways see the same labelled images: *frozen*, a head on the features, and
# *fine-tuned*, the last stage with that head. The C of the one and the rate of the other were tuned on validation images.
# The network is a smaller one, which knows ImageNet.
#
# <!-- Notes: Ask what would be unfair: a rate chosen at 20 labels and used at 200; a head that got fewer tries. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# | set | photographs of |
# |---|---|
# | ants and bees | the two insects |
# | flowers | five kinds |
# | rubbish | six materials on a white ground |
# | hand signs | the ten digits, shown with one hand |
#
# A gain counts if the 95 % interval of the paired differences lies above zero.
#
# <!-- Notes: Answer: rubbish and hand signs. Let them say first which sets look like the photographs of ImageNet. -->

# %% slideshow={"code": false}
choices = ["on all four", "on ants and bees, and flowers", "on rubbish and hand signs", "on none"]
quiz.predict("05.photographs", "Where does fine-tuning ImageNet's network clearly gain?", choices)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each gain of fine-tuning over frozen features, by target and labels: mean and paired interval.
pays = benchmark("fine_tuning_pays")
gains = {
    name: {int(n): each["frozen"] for n, each in target["gain"].items() if "frozen" in each}
    for name, target in pays["targets"].items()
}
for name, by_network in pays["photographs"].items():
    for network, found in by_network.items():
        gains[name, network] = {int(n): each["gain"] for n, each in found.items()}


def said(interval):
    """In words what the interval of a gain says."""
    _, low, high = interval
    return "it gains" if low > 0 else "it loses" if high < 0 else "we cannot tell"


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
sets = {"ants_bees_160": "ants and bees", "flowers_160": "flowers", "trash_160": "rubbish"}
sets["sign_language_digits"] = "hand signs"
wins = [t for s, t in sets.items() if said(gains[s, "EfficientNet-Lite0"][20]) == "it gains"]
quiz.reveal("05.photographs", choices[2] if wins == ["rubbish", "hand signs"] else choices[3])


# %% [markdown] slideshow={"slide_type": "subslide"}
# And with other numbers of labels? And with our letters, on the digits and the stripes? `python -m
# benchmarks.fine_tuning_pays` measures it by the same rules. The figure has one panel for each target; ImageNet's network has
# filled marks, that of the letters white ones.
#
# <!-- Notes: Let them find a panel where fine-tuning loses, one where it gains, and one where nobody can tell. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Draw one gain over the number of labels.
def draw(ax, key, aside=1.0, **style):
    found = dict(sorted(gains.get(key, {}).items()))
    if found:
        mean, low, high = 100 * np.transpose(list(found.values()))
        style |= {"color": plotting.COLORS["fine-tuned"], "fmt": "s-", "capsize": 3, "lw": 1.2}
        _ = ax.errorbar(aside * np.array(list(found)), mean, [mean - low, high - mean], **style)


# %% jupyter={"source_hidden": true} slideshow={"headline": "The gain of fine-tuning", "slide_type": "subslide"}
# One panel for each target that is measured.
near_and_far = {
    k: t for k, t in {"digits": "digits (near)", "stripes": "stripes (far)"}.items() if gains[k]
}
places = [list(np.repeat(list(near_and_far), 4 // len(near_and_far)))] if near_and_far else []
size = {"figsize": (plotting.WIDTH, 3.2 + 2.2 * len(places)), "sharey": True}
figure, axes = plotting.plt.subplot_mosaic([*places, list(sets)], **size)
for name, title in (near_and_far | sets).items():
    ticks = [5, 20, 80] if name in sets else [5, 20, 50, 200]
    axes[name].set(title=title, xscale="log", xlim=(3.5, 120 if name in sets else 300))
    axes[name].set_xticks(ticks, [str(n) for n in ticks])
    axes[name].minorticks_off()
    _ = axes[name].axhline(0, color="black", lw=1)
    draw(axes[name], (name, "EfficientNet-Lite0"), aside=0.87)
    draw(axes[name], (name, "letters-ResNet50") if name in sets else name, mfc="white")
figure.supxlabel("labels per class", fontsize=11)
figure.supylabel("gain over frozen features (points)", fontsize=11)
plotting.show(
    figure, "Gain of fine-tuning over frozen features for each target, over labels per class"
)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The upper panels in words: mean gain in points, and its interval.
for name in ("digits", "stripes"):
    for labels in pays["labels"]:
        text = "not measured yet"
        if interval := gains[name].get(labels):
            mean, low, high = 100 * np.array(interval)
            text = f"{mean:+5.1f} points ({low:+.1f} to {high:+.1f}): {said(interval)}"
        print(f"{name:8} {labels:3} labels  {text}")

# %% [markdown] slideshow={"slide_type": "notes"}
# On the digits, near the letters, we cannot tell fine-tuning from the head alone, and the interval is narrow: there is
# little left to be won. On the stripes, far from the letters, it gains fifteen points.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The two generated targets at 20 labels.
digits, far_gain = gains["digits"][20], gains["stripes"][20]
claim(max(np.abs(digits)) < 0.02, "on the digits it is within two points", measured=digits, seeds=5)
claim(
    said(digits) == "we cannot tell", "and we cannot tell which is better", measured=digits, seeds=5
)
claim(far_gain[1] > 0.05, "on the stripes it gains over five points", measured=far_gain, seeds=5)

# %% [markdown] slideshow={"slide_type": "notes"}
# ImageNet's features know flowers and insects already. On the insects fine-tuning even *loses*: forty photographs teach
# it less than they spoil. Rubbish and hand signs are not what ImageNet is about, and there it gains six and eight points.
# But on the rubbish the interval only just leaves zero out, so other draws, or a better head, could change that verdict.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
imagenet = {title: gains[name, "EfficientNet-Lite0"][20] for name, title in sets.items()}
insects, flowers, rubbish, signs = imagenet.values()
claim(rubbish[1] > 0, "at 20 labels it gains on the rubbish", measured=rubbish, seeds=5)
claim(signs[1] > 0, "and on the hand signs", measured=signs, seeds=5)
claim(insects[2] < 0, "it loses on ants and bees", measured=insects, seeds=5)
claim(said(flowers) == "we cannot tell", "on flowers we cannot tell", measured=flowers, seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Is a gain enough?
#
# Fine-tuning that beats frozen features may still lose to a network without any source. Take our stripes, with the same
# 20 labels per class, and a small network of random weights. It gets 200 steps.
#
# <!-- Notes: Answer: nearly all of them. The curve of section 5 looked like a success, and it was the wrong race. -->

# %% slideshow={"code": false}
quiz.predict("05.scratch", "Which accuracy will it reach on the stripes?", 0, 1)

# %% slideshow={"slide_type": "skip"}
# From scratch, on the same labelled images as the curve of section 5.
keras.utils.set_random_seed(0)
small = models.scene_cnn(len(far.class_names), side=side)
training.compile_classifier(small)
x_small, run = models.preprocess(images), {"steps": 200, "batch_size": 16, "shift": 4}
training.fit_steps(small, x_small[labelled], y[labelled], **run)
from_scratch = training.accuracy(small, x_small[asked], y[asked])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.1"]
quiz.reveal("05.scratch", from_scratch)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"} tags=["atol-10"]
# Accuracy in percent: one run on the stripes, and the mean of five on the photographs.
photos = {
    title: pays["photographs"][name]["EfficientNet-Lite0"]["20"] for name, title in sets.items()
}
ways = ("frozen", "fine-tuned", "scratch")
rows = {
    f"{'stripes' if quick else 'hand signs'}, one run": dict(
        zip(ways, (curve[0], curve[-1], from_scratch), strict=True)
    )
}
rows |= {f"{title}, ImageNet": arms for title, arms in photos.items()}
print(f"{'20 labels per class':24}" + "".join(f"{way:>12}" for way in ways))
for title, arms in rows.items():
    print(f"{title:24}" + "".join(f"{100 * np.mean(arms[way]):12.0f}" for way in ways))


# %% [markdown] slideshow={"slide_type": "notes"}
# The gain on the stripes was real, and the race was lost all the same: letters teach little about stripes. On the hand
# signs fine-tuning is level with a small network from scratch. On the rubbish it is ahead of both rivals, if only just of
# the frozen head. If it pays anywhere here, it pays there.
#
# And what does it cost? A head on features is solved in a second. Each run of fine-tuning on the photographs took about
# twenty seconds of a processor, and each rate that you try costs another run.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# By how much fine-tuning leads over scratch, in five paired runs, and the interval.
def ahead(arms):
    lead = np.subtract(arms["fine-tuned"], arms["scratch"])
    low, high = stats.ttest_1samp(lead, 0).confidence_interval()
    return lead, (lead.mean(), low, high)


lead, interval = ahead(photos["rubbish"])
claim(interval[1] > 0, "on the rubbish it leads over scratch, too", measured=lead, seeds=5)
lead, interval = ahead(photos["hand signs"])
words = "on the hand signs it cannot be told from scratch"
claim(said(interval) == "we cannot tell", words, measured=lead, seeds=5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Processor seconds of the stored runs on photographs with 20 labels per class.
seconds = {"frozen EfficientNet-Lite0": [], "fine-tuned EfficientNet-Lite0": []}
for each in benchmark("photos")["sets"].values():
    for one in each["runs"]:
        if one["labels"] == 20 and one["arm"] in seconds:
            seconds[one["arm"]].append(one["cpu_seconds"])
head_alone, tuned = (np.median(found) for found in seconds.values())
claim(head_alone < 1 and 10 < tuned < 30, "a second against twenty", measured=[head_alone, tuned])

# %% [markdown] slideshow={"slide_type": "subslide"}
# So ask three questions before you pay for it:
#
# 1. **Do frozen features leave something to be won?** Near the source they leave little.
# 2. **Are there labels enough to win it?** With few labels it can lose.
# 3. **Does a network without a source do as well?** Then you need neither.
#
# <!-- Notes: Give them a target of their own, and let them answer the three questions for it. -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · What each decision is worth
#
# Section 5 gave four rules. What do you lose if you break one? And what do three more, which every library offers, add?
#
# - A **schedule** makes the rate smaller and smaller: after step $t$ of $T$ it is $\frac{\alpha}{2}(1 + \cos \pi t / T)$.
#   The steps are large where there is far to go, and small at the end.
# - **Early stopping** keeps the weights of the step at which *validation* images were read best. Those images must be none of
#   the test's, and their labels are labels that do not train.
# - **Weight decay** takes a small share of each weight away in every step. It pulls towards zero, and zero is *not* where pretrained
#   weights came from.
#
# `python -m benchmarks.fine_tuning` compares them on the stripes, 20 labels per class, five paired seeds. The rate of
# each is tuned by itself.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The gain of each over the recipe, with its paired interval, as far as it is measured.
decisions = benchmark("fine_tuning")["arms"]
for name, found in list(decisions.items())[1:]:
    text = "not measured yet"
    if found["gain"]:
        mean, low, high = 100 * np.array(found["gain"])
        text = f"{mean:+5.1f} points ({low:+.1f} to {high:+.1f}): {said(found['gain'])}"
    print(f"{name:44} {text}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The lines say what the intervals say, and only that.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Subtracted twice
#
# `models.preprocess` is Keras' `preprocess_input` on a copy. The copy matters, because Keras' function changes an array
# of floats **in place**. Run such a cell twice, and the means are subtracted twice:

# %% slideshow={"slide_type": "skip"}
pixels = np.float32(few.x_train[:100])
once = keras.applications.resnet50.preprocess_input(pixels).mean()
twice = keras.applications.resnet50.preprocess_input(pixels).mean()
print(f"mean pixel {few.x_train[:100].mean():.0f}, once {once:.0f}, twice {twice:.0f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(
    abs(once - twice - np.mean(means)) < 0.1,
    "the second call subtracted the means again",
    measured=once - twice,
)


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Caching and augmentation together
#
# Augmentation shows every image a little differently in each epoch, and a cache returns what it has. If you put the
# cache *behind* the augmentation, as in `dataset.map(augment).cache()`, one draw is frozen for all epochs, and that is no
# augmentation at all. Cached *features* have the same limit. There are two right ways:
#
# 1. **Cache, then augment**: keep the images, augment them, and run the backbone in every epoch, at the full price.
# 2. **Cache several draws**: compute the features of a few augmented copies of each image.
#
# Let us try the second with shifts by up to 6 pixels. When you shift an image, something has to fill the strip that opens
# up at the border. We repeat the edge pixels, and in one extra draw we fill the strip with black, to see what that costs.

# %% slideshow={"slide_type": "skip"}
def shifted(images, rng, fill="edge"):
    margin = ((0, 0), (6, 6), (6, 6), (0, 0))
    return training.shift_images(np.pad(images, margin, fill), 6, rng)[:, 6:-6, 6:-6]


rng = np.random.default_rng(0)
moved = [shifted(near.x_train, rng, fill) for fill in ("edge", "edge", "constant")]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
some = np.stack([near.x_train[0], *(draw[0] for draw in moved)])
ax = plotting.image_grid(some, ["as it is", "draw 1", "draw 2", "black edge"])
plotting.show(ax, "A digit in its scene, moved twice with edges repeated and once with black edges")

# %% slideshow={"slide_type": "skip"}
# Features of each draw, by the weights as they were before section 5.
backbone.set_weights(pretrained)
plain = seen["preprocess_input"]
*edges, black = [transfer.features(pooled, draw, models.preprocess) for draw in moved]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Test accuracy over five draws of 20 labels per class; C is chosen as in section 3.
def with_copies(copies):
    y, n = np.concatenate([near.y_train, near.y_test]), len(near.y_train)
    *drawn, choose = draws(near)

    def score_copies(C, labelled, asked):
        x, labels = np.concatenate([c[labelled] for c in copies]), np.tile(y[labelled], len(copies))
        kernel, bias = rivals.logistic_regression(x, labels, C)
        return np.mean((plain[asked] @ kernel + bias).argmax(1) == y[asked])

    left = np.setdiff1d(np.arange(n), choose)
    C, _ = rivals.tune([1e-4, 1e-3, 1e-2], lambda C: score_copies(C, choose, left))
    return np.array([score_copies(C, labelled, np.arange(n, len(y))) for labelled in drawn])


# %% slideshow={"slide_type": "skip"} tags=["atol-0.05"]
# The same head on each kind of copies.
kinds = {
    "as they are": [plain],
    "one draw": edges[:1],
    "two draws": edges,
    "as they are and two draws": [plain, *edges],
}
augmented = {
    name: with_copies(copies) for name, copies in (kinds | {"black edges": [black]}).items()
}
for name, accuracy in augmented.items():
    print(f"{name:26} {accuracy.mean():.2f} ± {accuracy.std(ddof=1):.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
for name, accuracy in list(augmented.items())[1:]:
    gain = accuracy - augmented["as they are"]
    low, high = stats.ttest_1samp(gain, 0).confidence_interval()
    print(f"{name:26} {100 * low:+.0f} to {100 * high:+.0f} points: {said((0, low, high))}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Look at what your augmentation makes, as in the figure, before you train on it. No test image has a black edge.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · The same on photographs
#
# Fetch ImageNet's weights and two sets of photographs once, and run this chapter on them. Flowers take the place of the
# digits, and hand signs that of the stripes:
#
# ```
# tlcourse fetch resnet50 flowers hand_signs
# TLCOURSE_SCALE=full tlcourse run 05
# ```
#
# The photographs have 128×128 pixels, and the features of a few hundred are computed once, so two cores will do. What was claimed of the digits
# is then reported, not asserted; the stored results stay as they are.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("05")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - A training loss that stands near ln K from the first epochs on means that the network has not begun to learn.
#   Look at what it is shown.
# - Weights come with a preprocessing. Another one makes them worse or worthless, often silently.
# - What is frozen needs to run once for each image.
# - To fine-tune: the head first, small steps, BatchNormalization still. Compile again after every change of `trainable`,
#   and check that what should move has moved.
# - Fine-tuning pays where frozen features leave something to be won, and no network without a source wins it.
#
# <!-- Notes:
# The one sentence: compare with the head alone, and with a small network from scratch, before you pay for more.
# Then hand out exercise set 05.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex05/ex05_resnet50_fine_tuning.ipynb) checks your answers as you go. Beyond it:
#
# 1. Fine-tune `conv5` alone on the stripes, and then `conv3` to `conv5`. Where does the curve of section 5 end?
# 2. Let only γ and β of `conv5`'s BatchNormalization train, and the head. Their layers must be `trainable` for that,
#    so the moving statistics drift as well. How far does that come, against the head alone?
# 3. Turn the digits upside down, with `near.x_train[:, ::-1, ::-1]`. Are they nearer or farther than the stripes? Predict
#    what the frozen features reach, and measure it with section 3's `probe`.
#
# ## Further reading
#
# - He, Zhang, Ren & Sun 2016, *Deep residual learning for image recognition*, CVPR.
# - Howard & Ruder 2018, *Universal language model fine-tuning for text classification*, ACL.
# - Kumar, Raghunathan, Jones, Ma & Liang 2022, *Fine-tuning can distort pretrained features and underperform
#   out-of-distribution*, ICLR.
# - Kornblith, Shlens & Le 2019, *Do better ImageNet models transfer better?*, CVPR.
# - Raghu, Zhang, Kleinberg & Bengio 2019, *Transfusion: understanding transfer learning for medical imaging*,
#   NeurIPS.
