# %% [markdown] slideshow={"slide_type": "slide"}
# # 05 · ResNet50 fine-tuning
#
# <!-- Notes:
# Ask who has fine-tuned a network from a tutorial, and how long it took until it worked.
# Today one of those tutorials is run on purpose, and repaired.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - choose pretrained weights, and say what they know;
# - recognise a fine-tuning run that cannot learn, find out why, and repair it;
# - compute the features of a frozen network once instead of in every epoch;
# - fine-tune: which layers, which rates, what stays still, and what each mistake costs;
# - do all of it with your own photographs.
#
# <!-- Notes: The second point is the heart: a run that cannot learn looks like one that needs more time. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 3 min 20 s to run. You need chapter 04.

# %% slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
import contextlib
import tempfile
import warnings
from collections import Counter
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import numpy as np
from ipywidgets import IntSlider, interact
from PIL import Image
from scipy import stats
from sklearn import linear_model, pipeline, preprocessing

from tlcourse import backend, models, plotting, quiz, training, transfer
from tlcourse.course.content import benchmark
from tlcourse import weights as shipped
from tlcourse.data import few_labels, fetch_flowers, load_photo, load_photo_folder
from tlcourse.data import make_scene_digits, make_scene_letters, scale
from tlcourse.quiz import claim

import keras

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("05")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · Choose: what do the weights know?
#
# **ResNet50** (He et al. 2016) has fifty convolutions and dense layers on its longest path. What made such
# depth trainable is a detour: a block of layers computes only a *correction* $F(x)$, and returns $x + F(x)$. A
# block that has nothing to add can stay near zero, and the gradient has a way around it. The blocks come in
# stages, `conv2` to `conv5`, after a first convolution, `conv1`.
#
# <!-- Notes:
# Draw one block with its detour. Ask what happens to the gradient if the block's own weights
# are near zero.
# -->

# %% slideshow={"code": false}
# The network as Keras has it, without a head: what each stage returns, and its size.
quick = scale() == "quick"
side = 64 if quick else 224
backbone = models.resnet50("course" if quick else "imagenet", side=side)
for stage in ("conv1", "conv2", "conv3", "conv4", "conv5"):
    own = [layer for layer in backbone.layers if layer.name.startswith(stage)]
    size = sum(layer.count_params() for layer in own)
    print(f"{stage}  {str(own[-1].output.shape[1:]):15} {size:10,} parameters")
print(f"all   {backbone.count_params():27,}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Most people take weights that were trained on ImageNet, a million photographs: a download of 95 MB
# (`tlcourse fetch resnet50`). The weights used here **ship with the course**: the same network, trained on
# letters in coloured clutter.
#
# <!-- Notes:
# Be plain about it: near sources gain most, and this source was made to be near. Chapter 04
# measured how much that matters.
# -->

# %% [markdown]
# Why not on photographs? Two cores are too few for a million of them. Chapter 04 showed that nearness of the
# source is what counts, so the honest choice at this budget is a near source.

# %% [markdown] slideshow={"slide_type": "subslide"}
# How near? The target is **real handwritten digits in the same kind of scene**. The network has never seen a
# digit. But only one in four of its letters looked printed; the others were *penned*: the outline wavers, the
# stroke is as wide as a pen's, and the letter is scanned at 8×8 pixels, as scikit-learn's digits were. The source
# was made to resemble this target, and the gains below are those of such a source.

# %% slideshow={"slide_type": "skip"}
letters = make_scene_letters(1, 300, alphabet=shipped.card()["alphabet"], random_state=5)
penned = make_scene_letters(1, 10, alphabet="ABC", penned=True, random_state=5)
target = make_scene_digits(600, 500, random_state=1) if quick else fetch_flowers(size=side)
K = len(target.class_names)
print("target:", target)

# %%
# Of the source ten printed letters and ten penned ones, an A, B or C each; ten images of the target.
some = [letters.x_test[:10], penned.x_test, target.x_train[:10]]
names = [letters.class_names[k] for k in letters.y_test[:10]]
names += [penned.class_names[k] for k in penned.y_test]
names += [target.class_names[k] for k in target.y_train[:10]]
if quick:
    title = "Source, printed and penned, and in the last row the target"
    ax = plotting.image_grid(np.concatenate(some), names, title=title)
else:
    ax = plotting.image_grid(some[2], names[20:], columns=5, title="The target")
plotting.show(
    ax, "Printed letters, penned letters and handwritten digits in coloured clutter, ten each"
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The course's file of weights also holds the head that they were trained with, for 72 letters, Latin, Greek and
# Cyrillic. So first see whether the weights are good at their own task:

# %% slideshow={"slide_type": "skip"}
reader = models.letter_reader()
read = reader.predict(models.preprocess(letters.x_test), verbose=0).argmax(1)
wrong = np.flatnonzero(read != letters.y_test)
on_letters, known = np.mean(read == letters.y_test), shipped.card()["accuracy"]

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(f"300 printed letters in faces that it never saw: {on_letters:.2f}; guessing: {1 / 72:.3f}")
print(f"2,000 of each, from its card: printed {known['printed']}, penned {known['penned']}")
pairs = Counter(tuple(letters.class_names[k] for k in (letters.y_test[i], read[i])) for i in wrong)
print("most often:", *(f"{a} read as {b}, {n} times;" for (a, b), n in pairs.most_common(3)))
claim(abs(on_letters - known["printed"]) < 0.1, "the weights are as good as their card says")

# %% [markdown] slideshow={"slide_type": "skip"}
# Good, though not perfect: these scenes are hard, the penned letters most of all.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · The run that never learns
#
# Here is a recipe: freeze the backbone; put global average pooling, a layer of 1,024 units and a softmax on it;
# divide the pixels by 255; train six epochs.

# %% [markdown]
# **Predict.** We do this with 20 labelled digits of each class, on features that know letters. Which accuracy
# will it reach on its own training images? And which loss has a network that only guesses among ten classes?
# (Chapter 02.)
#
# <!-- Notes:
# Answer: it guesses, even on its own training images; the loss is ln 10, learnt by heart in
# chapter 02. Expect: a high training accuracy and a poor test.
# -->

# %% slideshow={"slide_type": "skip"}
# The recipe.
backbone.trainable = False
x = keras.layers.GlobalAveragePooling2D()(backbone.output)
x = keras.layers.Dense(1024, activation="relu")(x)
outputs = keras.layers.Dense(K, activation="softmax")(x)
recipe = keras.Model(backbone.input, outputs)
recipe.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
few = few_labels(target, 20, random_state=0)
keras.utils.set_random_seed(0)
history = recipe.fit(few.x_train / 255, few.y_train, batch_size=32, epochs=6, verbose=0).history

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.3"]
print(f"guessing: loss {np.log(K):.3f}, accuracy {1 / K:.2f}")
for epoch in (0, 2, 5):
    loss, score = history["loss"][epoch], history["accuracy"][epoch]
    print(f"epoch {epoch + 1}: loss {loss:.3f}, accuracy {score:.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(abs(history["loss"][-1] - np.log(K)) < 0.1, "the loss stays near ln K, that of guessing")
claim(history["accuracy"][-1] < 0.25, "and even the training images are guessed")

# %% [markdown] slideshow={"slide_type": "notes"}
# A loss of ln K is what you pay for giving every class the same probability. A network may pass it on its way
# down. **But a training loss that has stood near ln K since the first epochs says that the network has not begun
# to learn.** Do not train longer; look at what the head gets to see.
#
# <!-- Notes:
# Collect guesses at the reason before the next slide. Expect: too few epochs, a wrong
# learning rate, too few labels.
# -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# The head sees 2,048 numbers for each image, the averages over what `conv5` returns. Compare three ways to
# hand over the pixels:
#
# <!-- Notes: Let them say what is odd in the left panel before you do. -->

# %% slideshow={"slide_type": "skip"}
ways = {
    "x / 255": lambda x: np.float32(x / 255),
    "x as it is": lambda x: np.float32(x),
    "preprocess_input": models.preprocess,
}
pooled = keras.Sequential([backbone, keras.layers.GlobalAveragePooling2D()])
seen = {name: pooled.predict(way(few.x_train), verbose=0) for name, way in ways.items()}

# %%
# Thirty images, one a row; the first 40 features, one a column.
figure, axes = plotting.plt.subplots(1, 3, figsize=(plotting.WIDTH, 2.6))
for ax, (name, f) in zip(axes, seen.items(), strict=True):
    _ = ax.imshow(f[:30, :40], vmin=0, vmax=np.quantile(f, 0.98))
    ax.set(xlabel="feature", title=name)
    ax.grid(False)
_ = axes[0].set_ylabel("image")
plotting.show(figure, "Three panels: almost equal rows for x / 255, different rows for the others")

# %% slideshow={"slide_type": "skip"} tags=["atol-0.03"]
spread = {name: f.std(0).mean() / f.mean() for name, f in seen.items()}
for name, ratio in spread.items():
    print(f"{name:17} spread between images / mean of a feature = {ratio:.3f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(spread["x / 255"] < 0.003, "divided by 255, images differ by a thousandth of the mean")

# %% [markdown] slideshow={"slide_type": "notes"}
# In the left panel all rows look alike: they differ by a thousandth of the mean. The weights were made for pixels
# between about −124 and 151. Divided by 255, each image is two hundred times fainter than anything that the
# network has seen. Its biases and BatchNormalization statistics do not shrink with it: they drown the image, and
# what comes out is nearly the same for all.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### The repair
#
# What these weights expect is in the documentation of `keras.applications.resnet50`: colours in the
# order blue, green, red; minus the mean of each channel; **no** division. In the open:

# %%
by_hand = few.x_train[..., ::-1] - np.array([103.939, 116.779, 123.68])
np.testing.assert_allclose(models.preprocess(few.x_train), by_hand, atol=1e-3)

# %% [markdown] slideshow={"slide_type": "notes"}
# `models.preprocess` is Keras' `preprocess_input` on a copy. The copy matters, because Keras' function
# changes an array of floats **in place**. Run such a cell twice, and the means are subtracted twice:

# %% slideshow={"slide_type": "skip"}
images = np.float32(few.x_train[:100])
once = keras.applications.resnet50.preprocess_input(images).copy()
twice = keras.applications.resnet50.preprocess_input(images)
mean = few.x_train[:100].mean()
print(f"mean pixel {mean:.0f}, once {once.mean():.0f}, twice {twice.mean():.0f}")
assert np.shares_memory(images, twice), "the argument itself was changed"

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** A linear head on each of the three kinds of features, and as a control on features of a ResNet50
# with *random* weights, 20 labels per class, five seeds. What accuracy on test images will each reach?
#
# <!-- Notes:
# Answer: guessing for x / 255, the best for the right preprocessing, and something in between
# without the means: that one is the dangerous mistake. The surprise: a wrong division makes
# good weights as bad as random ones.
# -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Features of all images, once for each way; then only heads are trained.
blank = keras.Sequential([models.resnet50(None, side=side), *pooled.layers[1:]])
makers = {name: (pooled, way) for name, way in ways.items()}
makers["random weights"] = (blank, models.preprocess)


def with_features(lower, way):
    """The target with features in the place of images."""
    x_train, x_test = (transfer.features(lower, x, way) for x in (target.x_train, target.x_test))
    return replace(target, x_train=x_train, x_test=x_test)


featured = {name: with_features(*maker) for name, maker in makers.items()}

# %% slideshow={"slide_type": "skip"}
# A linear head, compiled once; each start gives it new random weights.
head = keras.Sequential([keras.Input((2048,)), keras.layers.Dense(K, name="head")])
training.compile_classifier(head, learning_rate=3e-4)
arms = {"head": lambda seed: training.restart(head, seed)}

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
probes = {
    name: training.label_efficiency(arms, data, [20], range(5), steps=200)["head"][0]
    for name, data in featured.items()
}

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.05"]
for name, scores in probes.items():
    print(f"{name:17} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
scores = {name: s.mean() for name, s in probes.items()}
claim(scores["preprocess_input"] > scores["random weights"] + 0.4, "the weights know a lot")
claim(scores["x as it is"] < scores["preprocess_input"] - 0.1, "means and order matter")
claim(scores["x / 255"] < 0.15, "divided by 255, the head still guesses")

# %% [markdown] slideshow={"slide_type": "notes"}
# Preprocessing decides between guessing and the best result. And "as it is", which lacks the means and has the
# colours in another order, is the dangerous one: it learns something, so nobody looks for the mistake. Other networks expect other things (ResNet50V2
# and MobileNetV2 want −1 to 1), so never carry a preprocessing from one network to another.
#
# **Look closer.** Is the image gone from the features of `x / 255`, or only too faint for the head? Predict what a
# linear classifier reaches after each feature was stretched to a standard deviation of 1:

# %% slideshow={"slide_type": "skip"} tags=["atol-0.05"]
# The same draws of 20 labels per class, five seeds.
logistic = linear_model.LogisticRegression(C=0.01)
stretched = pipeline.make_pipeline(preprocessing.StandardScaler(), logistic)
faint = [few_labels(featured["x / 255"], 20, seed) for seed in range(5)]
found = [stretched.fit(d.x_train, d.y_train).score(d.x_test, d.y_test) for d in faint]
print(f"x / 255, stretched: {np.mean(found):.2f} ± {np.std(found, ddof=1):.2f}")
claim(1 / K + 0.02 < np.mean(found) < 0.3, "hardly better than guessing")

# %% [markdown] slideshow={"slide_type": "skip"}
# Above guessing, but not by much. What is left of the images is not only faint: to a linear classifier most of it is
# gone.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · Features, computed once
#
# As long as the backbone is frozen, it returns the same features for the same image in every epoch. To run it
# again each time is the most expensive way to get numbers that you already have. So cut the network in two.
# (Keras counts normalisations, activations and additions as layers too, so there are more than fifty.)

# %% slideshow={"slide_type": "skip"}
classifier = models.add_head(backbone, K)
lower = keras.Model(classifier.inputs, classifier.get_layer("pool").output)
upper = keras.Model(lower.output, classifier.outputs[0])
for name, part in (("below the cut", lower), ("above the cut", upper)):
    print(f"{name}: {len(part.layers):3} layers, {part.count_params():10,} parameters")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Train the head for three epochs on 200 images: once with the frozen backbone inside, as in
# Keras' own guide; once on features computed beforehand. How do the two compare in time? And in accuracy?
#
# <!-- Notes:
# Answer: the same accuracy to the digit; every further epoch costs a small part of that. Expect
# doubts about the accuracy.
# -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The plain way: the backbone runs for every image in every epoch.
backbone.trainable = False
training.compile_classifier(classifier)
start = classifier.get_layer("head").get_weights()
x_train, x_test = models.preprocess(few.x_train), models.preprocess(few.x_test[:200])
ticks = [perf_counter()]
clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: ticks.append(perf_counter()))
_ = classifier.fit(x_train, few.y_train, epochs=3, shuffle=False, verbose=0, callbacks=[clock])
plain_seconds = np.diff(ticks)
plain_logits = classifier.predict(x_test, verbose=0)

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
# The cached way, from the same beginning and in the same order.
classifier.get_layer("head").set_weights(start)
training.compile_classifier(upper)
ticks = [perf_counter()]
inside = lower.predict(x_train, verbose=0)
ticks.append(perf_counter())
_ = upper.fit(inside, few.y_train, epochs=3, shuffle=False, verbose=0, callbacks=[clock])
cached_seconds = np.diff(ticks)
cached_logits = upper.predict(featured["preprocess_input"].x_test[:200], verbose=0)
print("plain:  three epochs of", *(f"{s:.2f}" for s in plain_seconds), "s")
print("cached: features, then epochs of", *(f"{s:.2f}" for s in cached_seconds), "s")

# %% slideshow={"slide_type": "skip"} tags=["atol-0.05"]
plain_accuracy, cached_accuracy = (
    np.mean(logits.argmax(1) == few.y_test[:200]) for logits in (plain_logits, cached_logits)
)
print(f"accuracy: {plain_accuracy:.3f} plain, {cached_accuracy:.3f} cached")
print(f"largest difference of a logit: {abs(plain_logits - cached_logits).max():.3f}")
assert abs(plain_accuracy - cached_accuracy) < 1e-4, "the same accuracy"
assert min(cached_seconds[2:]) < min(plain_seconds[1:]) / 3, "a further epoch is cheap"

# %% [markdown] slideshow={"slide_type": "notes"}
# The same predictions. The first epoch of each way also builds its graph. After it, an epoch of the plain way
# runs the backbone once more, and one of the cached way costs a small part of that
# (`python -m benchmarks.fine_tuning_speed` measures what that saves over twenty epochs).
#
# `transfer.split` makes the cut at any layer, and `transfer.features` computes what is below it; given a
# `folder`, it keeps the result there. What if you change the preprocessing and the old features are still
# lying there? The file is named by a checksum of weights, layers and preprocessed images, so stale features
# are never found.

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
lower, upper = transfer.split(classifier, "pool")
files = []
with tempfile.TemporaryDirectory() as folder:
    for way in (models.preprocess, models.preprocess, ways["x / 255"]):
        _ = transfer.features(lower, few.x_train[:32], way, folder=Path(folder))
        files.append(len(list(Path(folder).glob("*.npy"))))
print("files after each call:", files)
assert files == [1, 1, 2], "the same features are found again, others are computed"

# %% [markdown] slideshow={"slide_type": "skip"}
# The second call found the first one's file; the third did not.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Fine-tuning
#
# Feature extraction never changes the backbone. **Fine-tuning** lets some of it train on. One kind of layer needs
# a closer look before that. **BatchNormalization** has two modes. In *training* it normalises each channel with
# the mean and variance of the batch at hand, and lets two stored numbers, its moving mean and variance, drift
# towards these. In *prediction* it normalises with the stored ones. (After either it multiplies by γ and adds β,
# which are learned like any weight.) Which mode it is in is said by `training=`.

# %% [markdown]
# **Predict.** A network is built with `training=False` and then fitted. Does the moving mean, which begins at 0,
# stay still?
#
# <!-- Notes:
# Answer: frozen it stays, unfrozen it drifts, although the layer was called with
# training=False. Much advice says otherwise.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"}
# Every input is 5. The layer is frozen first, then unfrozen.
inputs, norm = keras.Input((1,)), keras.layers.BatchNormalization()
base = keras.Model(inputs, norm(inputs))
network = keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))
for trains in (False, True):
    norm.trainable = trains
    network.compile("sgd", "mse")
    _ = network.fit(np.full((32, 1), 5.0), np.zeros((32, 1)), verbose=0)
    mean = keras.ops.convert_to_numpy(norm.moving_mean)[0]
    print(f"training=False, trainable={trains}: moving mean {mean:.3f}")


# %% [markdown] slideshow={"slide_type": "notes"}
# Frozen it stays. Unfrozen it drifts, and `training=False` does not stop it: in Keras 3 up to 3.15.1 `fit`
# overrules it (keras-team/keras#20285), though much advice says otherwise. What stops it is the layer's own
# `trainable = False`. Now the five decisions:

# %% [markdown] slideshow={"slide_type": "subslide"}
# 1. **The head first.** A random head sends noise back into good features.
# 2. **Which layers?** The last stage, then perhaps more.
# 3. **Small steps** for what is pretrained, larger ones for the head.
# 4. **BatchNormalization stays still**: its statistics come from 184,320 source images and yours from 200.
# 5. **Compile again**, or nothing that you changed takes effect.
#
# <!-- Notes:
# Five decisions. Let them order these by how much they matter; the measurement comes in three
# slides and will surprise.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# Decisions 2 and 4 are a loop over the layers:

# %% slideshow={"slide_type": "subslide"}
# Let a stage and all after it train, but no BatchNormalization.
def unfreeze(network, stage):
    reached = False
    for layer in network.layers:
        reached = reached or layer.name.startswith(stage)
        norm = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = reached and not norm


unfreeze(classifier, "conv5")
ours = [layer.trainable for layer in classifier.layers]

# %% slideshow={"slide_type": "skip"}
transfer.unfreeze_from(classifier, "conv5")
assert ours == [layer.trainable for layer in classifier.layers]
numbers = sum(int(np.prod(v.shape)) for v in classifier.trainable_variables)
still = sum(n.count_params() for n in classifier.layers if n.name[:5] + n.name[-2:] == "conv5bn")
print(f"{numbers:,} of {classifier.count_params():,} parameters train")
print(f"{still:,} in the BatchNormalization of conv5 do not")

# %% [markdown] slideshow={"slide_type": "skip"}
# The two numbers on BatchNormalization and on what trains add up to `conv5` (section 1) and the head (section 3).
# And the cut moves down: features are now what `conv4` returns, and only `conv5` and the head run in training.
#
# <!-- Notes: Two conditions, one loop. Ask for a check that would notice if the second were forgotten. -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
lower, upper = transfer.split(classifier, "conv4")
inner = with_features(lower, models.preprocess)
classifier.get_layer("head").set_weights(start)  # as random as it was
pretrained = classifier.get_weights()

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Forgetting to compile again

# %% [markdown]
# **Predict.** A network is compiled with a frozen `conv5`; then `conv5` is unfrozen, and trained without
# compiling again. Does `conv5` change?
#
# <!-- Notes:
# Answer: it does not move at all, and summary() says that it trains. Ask how one would
# notice.
# -->

# %% slideshow={"slide_type": "skip"}
# Compile frozen, train, unfreeze: on a copy of the upper half.
trial = keras.models.clone_model(upper)
trial.set_weights(upper.get_weights())
transfer.unfreeze_from(trial, "head")
training.compile_classifier(trial)
few_inner = few_labels(inner, 20, random_state=0)
batch = few_inner.x_train[:32], few_inner.y_train[:32]
_ = trial.fit(*batch, verbose=0)
unfrozen = transfer.unfreeze_from(trial, "conv5")
print(f"{len(unfrozen)} layers are to train, {unfrozen[0]} to {unfrozen[-2]} and {unfrozen[-1]}")

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
# Train on: does Keras warn, and did the convolution move? (JAX and PyTorch refuse with an error.)
conv, moved = trial.get_layer("conv5_block3_3_conv"), 0.0
before = keras.ops.convert_to_numpy(conv.kernel)
refusal = () if keras.backend.backend() == "tensorflow" else (ValueError,)
with warnings.catch_warnings(record=True) as told, contextlib.suppress(*refusal):
    warnings.simplefilter("always")
    _ = trial.fit(*batch, verbose=0)
    moved = abs(keras.ops.convert_to_numpy(conv.kernel) - before).max()
print(f"largest change of a weight: {moved}; warnings: {len(told)}")
assert moved == 0, "the convolution did not move"

# %% [markdown] slideshow={"slide_type": "notes"}
# On TensorFlow it stays where it was, while `summary()` says that it trains, and Keras 3.15.1 says nothing. (JAX
# refuses too late: the copy has lost its weights by then. Hence a copy.) The safe habit: **after a training step, assert that what should move has moved, and
# what should not has not.**

# %% slideshow={"slide_type": "skip"}
# The upper half itself, with compiling: the convolution moves, the statistics beside it do not.
conv, norm = upper.get_layer("conv5_block3_3_conv"), upper.get_layer("conv5_block3_3_bn")
before = keras.ops.convert_to_numpy(conv.kernel)
statistics = keras.ops.convert_to_numpy(norm.moving_mean)
transfer.unfreeze_from(upper, "conv5")
training.compile_classifier(upper, learning_rate=1e-4)
_ = upper.fit(*batch, verbose=0)
assert abs(keras.ops.convert_to_numpy(conv.kernel) - before).max() > 0
np.testing.assert_array_equal(keras.ops.convert_to_numpy(norm.moving_mean), statistics)

# %% [markdown] slideshow={"slide_type": "skip"}
# ### What each decision is worth
#
# Now the whole recipe, and three ways to spoil it. `LayerwiseAdam` is Adam with a learning rate for each part of
# the network, the largest for the head (Howard & Ruder 2018 call this discriminative fine-tuning).

# %% slideshow={"slide_type": "skip"}
# The recipe, with the settings that the benchmark's search chose.
settings = benchmark("resnet50")["settings"]["fine-tuned"]
STEPS, HEAD_RATE, RATE = settings["steps"], settings["head_rate"], settings["rate"]


def fine_tune(seed, rates=None):
    """Test accuracy after fine-tuning the last stage on 20 labels per class."""
    classifier.set_weights(pretrained)
    keras.utils.set_random_seed(seed)
    data = few_labels(inner, 20, seed)
    some = {"x": data.x_train, "y": data.y_train, "steps": STEPS, "seed": seed}
    transfer.train_from(upper, "head", **some, optimizer=keras.optimizers.Adam(HEAD_RATE))
    transfer.unfreeze_from(upper, "conv5")
    adam = transfer.LayerwiseAdam(rates or {"": RATE, "head": HEAD_RATE})
    training.compile_classifier(upper, optimizer=adam)
    training.fit_steps(upper, **some)
    return training.accuracy(upper, data.x_test, data.y_test)


print(f"the head: {STEPS} steps at {HEAD_RATE:g}; then {STEPS} with conv5, which has {RATE:g}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** Order them: the recipe; one rate for all layers, Adam's usual 0.001; BatchNormalization that
# trains; a head that was not trained first. Which mistake costs most?
#
# <!-- Notes:
# Answer: one large rate for all layers costs about two points; none of the other mistakes can
# be seen. Expect: BatchNormalization, or the random head, of which guides warn.
# -->

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# One run of the recipe and of one mistake.
began = perf_counter()
live = {"none": fine_tune(0), "one rate for all": fine_tune(0, rates={"": 1e-3})}
print(f"the recipe {live['none']:.3f}, 0.001 for all layers {live['one rate for all']:.3f}")
print(f"two runs: {perf_counter() - began:.0f} s")

# %% [markdown] slideshow={"slide_type": "skip"}
# One run is no measurement. `python -m benchmarks.fine_tuning` has five seeds of each, on validation
# handwriting, since these are choices. Your two runs are one seed on *test* handwriting, so they can be some
# points off the stored means; more than eight would be a mistake:

# %% slideshow={"code": false, "slide_type": "fragment"}
# Mean and standard deviation over five seeds of 20 labels per class.
stored = benchmark("fine_tuning")
mistakes = {name: plotting.mean_and_sd(scores) for name, scores in stored["mistakes"].items()}
alone = np.transpose(plotting.mean_and_sd(stored["depth"]["head"]["accuracy"]))
rows = {
    "the head alone": alone[0],
    f"the head, {STEPS} steps more": alone[stored["checkpoints"].index(STEPS)],
    "the recipe": mistakes["none"],
    "0.001 for all layers": mistakes["one rate for all"],
    "moving BatchNormalization": mistakes["moving BatchNormalization"],
    "random head": mistakes["random head"],
}
for name, (mean, sd) in rows.items():
    print(f"{name:26} {mean:.3f} ± {sd:.3f}")

# %% slideshow={"slide_type": "skip"}
# The claims of the next paragraph. Validation accuracies, 1,000 images.
for name, accuracy in live.items() if quick else ():
    assert abs(accuracy - mistakes[name][0]) < 0.08, f"{name}: your run and the stored ones agree"
gain = {name: mean - mistakes["none"][0] for name, (mean, _) in rows.items()}
assert -0.03 < gain.pop("0.001 for all layers") < -0.01, "0.001 for all layers loses two points"
assert 30 < 1e-3 / RATE < 40, "it is more than thirty times the rate of conv5"
assert max(map(abs, gain.values())) < 0.02, "nothing else makes a difference"

# %% [markdown] slideshow={"slide_type": "notes"}
# Not what the textbooks promise, and so worth a paragraph.
#
# - **0.001 for all layers**, more than thirty times the recipe's rate for `conv5`, costs about two points, which
#   is about the spread between seeds.
# - **BatchNormalization** that trains costs nothing that we can measure. A likely reason: the target's scenes look
#   like the source's, so their statistics hardly differ. Where the two look different, expect harm: the rule is
#   cheap, and you do not know beforehand.
# - **A random head** does no harm either. A likely reason: at so small a rate the layers below it hardly move
#   before it has learned.
# - And **the recipe itself gains nothing over the head alone**, which with as many steps is level with it. A likely
#   reason: these features were made for glyphs in clutter, and 200 images have little to add.

# %% [markdown] slideshow={"slide_type": "subslide"}
# A recipe is not a gain. Compare with the head alone, given as many steps, before you pay for more.
#
# <!-- Notes: Stay here a moment. What would have been reported without the head alone as a rival? -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### How many layers?

# %% [markdown]
# **Predict.** The deeper you unfreeze, the more can adapt, and the more can be spoiled by 200 images. Head alone,
# last stage, last two: which order do you expect? Then move the slider. The curves are of the same
# benchmark: accuracy along the steps, after the head has been trained.
#
# <!-- Notes:
# Answer: deeper is no better here, and longer tends to be worse. Who remembers chapter 04 may
# expect the opposite.
# -->

# %% slideshow={"slide_type": "subslide"}
stored = benchmark("fine_tuning")
stages = list(stored["depth"])
ax = plotting.unfreezing_depth(stored, "conv5", title="Deeper is no better, longer often worse")
plotting.show(
    ax, "Validation accuracy over steps for three depths of unfreezing, conv5 highlighted"
)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
_ = interact(
    lambda stages_that_train: plotting.show(
        plotting.unfreezing_depth(stored, stages[stages_that_train]),
        f"Accuracy over steps with {stages_that_train} stages unfrozen",
    ),
    stages_that_train=IntSlider(1, min=0, max=len(stages) - 1),
)

# %% slideshow={"slide_type": "skip"}
# The claims of the next paragraph.
depth = {s: plotting.mean_and_sd(curve["accuracy"])[0] for s, curve in stored["depth"].items()}
assert abs(depth["head"][-1] - depth["head"][0]) < 0.02, "the head alone is done"
for stage in ("conv5", "conv4"):
    assert depth[stage].max() < depth["head"].max() + 0.02, "deeper is no better"
    assert depth[stage][-1] < depth[stage].max() - 0.01, "and training on spoils it"
seconds = {stage: curve["seconds"] for stage, curve in stored["depth"].items()}
for stage, curve in depth.items():
    print(f"{stage:5} best {curve.max():.3f}, last {curve[-1]:.3f}, {seconds[stage]:5.1f} s")
assert seconds["head"] < seconds["conv5"] / 50, "the head alone costs a small part of the time"

# %% [markdown] slideshow={"slide_type": "notes"}
# The head stays where it is. When more trains, it is as good for a while and then gets *worse*, if not in every
# run. A likely reason: fifteen million parameters learn 200 images by heart. So take fewer layers or fewer steps,
# and let validation data choose how many. The head alone also costs a small part of the time.
# With more labels, or a source that is further away, the order can be another: chapter 04 had it the other way round.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · What is it worth?
#
# Four ways to read digits in scenes, five seeds each, tested on handwriting that nobody tuned on:
#
# - **fine-tuned**: the course's weights, head first, then together with the last stage;
# - **frozen**: the course's weights, linear head;
# - **scratch**: the same ResNet50 from random weights;
# - **small CNN**: 0.26 million parameters, from scratch, and alone in having augmentation, shifts by up to 4
#   pixels. This is the honest rival: with few labels, nobody who trains from scratch would take a ResNet50.
#
# <!-- Notes: The fourth is the honest rival. Ask why a ResNet50 from scratch would not be one. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# The settings come from a short search with 20 labels on validation handwriting
# (`python -m benchmarks.resnet50 --tune ARM`): three seeds, and one for ResNet50 from scratch. It tried 100 and 200
# steps for that, 400 and 800 for the small CNN, and in both cases chose the fewer steps and the highest rate that
# it tried. For fine-tuning it chose the fewest steps and the lowest rate. A longer search may find better ones.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** 20 labels per class. Where will each of the four be? One of them you have measured: the linear head of
# section 2 is the frozen arm.
#
# <!-- Notes:
# Answer: fine-tuned and frozen are level and far above; both networks from scratch are near
# guessing. Expect: fine-tuned clearly first.
# -->

# %% slideshow={"slide_type": "skip"} tags=["atol-0.05"]
# The stored runs have 1,000 test images, yours had 500 others.
grid = benchmark("resnet50")
means = {name: plotting.mean_and_sd(scores)[0] for name, scores in grid["accuracy"].items()}
measured, mean = probes["preprocess_input"].mean(), means["frozen"][grid["labels"].index(20)]
print(f"frozen, 20 labels: measured {measured:.2f}, stored {mean:.2f}")
claim(abs(measured - mean) < 0.06, "they agree")

# %% slideshow={"slide_type": "subslide"}
# Mean and standard deviation over five seeds.
names = {"fine-tuned": "fine-tuned", "frozen": "frozen", "scratch": "scratch"}
names["small CNN"] = "small CNN, scratch"
curves = {name: grid["accuracy"][arm] for arm, name in names.items()}
title = "From scratch, so few labels and steps teach next to nothing"
ax = plotting.label_efficiency(grid["labels"], curves, title=title)
ax.lines[-1].set_marker("v")
_ = ax.axhline(10, color="#999999", ls=":", label="guessing")
_ = ax.legend()
plotting.show(ax, "Fine-tuned and frozen far above the two networks from scratch, near guessing")

# %% slideshow={"slide_type": "skip"}
# Accuracy over labels per class, and what one run was.
print(f"{'labels per class':18}" + "".join(f"{n:>15}" for n in grid["labels"]))
for name, scores in curves.items():
    pairs = zip(*plotting.mean_and_sd(scores), strict=True)
    print(f"{name:18}" + "".join(f"  {mean:.3f} ± {sd:.3f}" for mean, sd in pairs))
for arm, name in names.items():
    run, seconds = grid["settings"][arm], max(grid["seconds"][arm])
    print(f"{name:18}  {run['steps']} steps at {run['rate']:g}, {seconds:.0f} s")

# %% slideshow={"slide_type": "skip"}
# The claims of the next paragraphs.
assert grid["settings"]["frozen"] == {"steps": 200, "rate": 3e-4}, "the settings of section 2"
assert (means["fine-tuned"] > means["scratch"] + 0.3).all(), "30 points over the same network"
assert (means["fine-tuned"] > means["small CNN"] + 0.3).all(), "and over the small CNN"
assert (abs(means["scratch"] - 0.1) < 0.02).all(), "ResNet50 from scratch guesses"
assert means["small CNN"][-1] > 0.13, "the small CNN begins to learn"
lead = means["fine-tuned"] - means["frozen"]
print("fine-tuned minus frozen:", *(f"{points:+.3f}" for points in lead))
spreads = {name: plotting.mean_and_sd(curves[name])[1] for name in ("fine-tuned", "frozen")}
noise = np.hypot(*spreads.values())
assert (abs(lead) < noise).all(), "each difference is within the spread between seeds"


# %% [markdown] slideshow={"slide_type": "notes"}
# From scratch, ResNet50 guesses after its 100 steps, and the small CNN has begun to leave guessing after its 400.
# More steps and a longer search might take them further; that was not measured. The source tells what matters in
# such a scene, with 184,320 images that nobody had to label.

# %% [markdown] slideshow={"slide_type": "notes"}
# And **fine-tuned and frozen cannot be told apart**: all three differences are within the spread between seeds. (The
# search went to its smallest rate and fewest steps for fine-tuning, so it hardly left the frozen features.) What
# decides here is not how you tune, but what you start from.

# %% [markdown] slideshow={"slide_type": "skip"}
# What does it cost? The seconds are medians of five runs, for the number of labels that took longest, on one core
# of a busy machine: read them as orders of magnitude. Fine-tuning's steps come after as many for its head, and the
# rate printed for it is that of `conv5`. The features that fine-tuned and frozen begin with were computed before, and are not in the seconds; nor is the
# source's training: more than an hour, once, shared by everyone who uses the weights.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · Caching and augmentation together
#
# Augmentation shows every image a little differently in each epoch; a cache returns what it has. Put the
# cache *behind* the augmentation, as in `dataset.map(augment).cache()`, and one draw is frozen for all epochs:
# no augmentation at all, under its name. Cached *features* have the same limit, whatever you do later.
# Two right ways:

# %% [markdown]
# 1. **Cache, then augment**: keep the images, augment, and run the backbone in every epoch. Any number of
#    draws, at the full price.
# 2. **Cache several draws**: compute the features of a few augmented copies of each image.
#
# <!-- Notes: Ask what `map(augment).cache()` does in the second epoch. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Predict.** A linear head on cached features of 20 images per class: as they are, as in section 2; of one
# augmented draw; of two draws together. Shifts by up to 6 pixels. What moves in repeats the edge; for one draw
# more it is black. Which is best?
#
# <!-- Notes:
# Answer: they are level, with one exception: black edges cost several points. Expect: two
# draws are best.
# -->

# %% slideshow={"slide_type": "subslide"}
# One image, and draws of it.
def shifted(images, rng, fill="edge"):
    margin = ((0, 0), (6, 6), (6, 6), (0, 0))
    return training.shift_images(np.pad(images, margin, fill), 6, rng)[:, 6:-6, 6:-6]


one, rng = target.x_train[:1], np.random.default_rng(0)
shown = [one, shifted(one, rng), shifted(one, rng), shifted(one, rng, "constant")]
titles = ["as it is", "draw 1", "draw 2", "black edge"]
ax = plotting.image_grid(np.concatenate(shown), titles, title="A shift must fill its edge")
plotting.show(ax, "A digit in its scene, moved twice with edges repeated and once with black edges")

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Features of shifted copies of each training image: two draws, and one with black edges.
lower, _ = transfer.split(classifier, "pool")
classifier.set_weights(pretrained)
plain, rng = featured["preprocess_input"], np.random.default_rng(0)
moved = (shifted(target.x_train, rng, fill) for fill in ("edge", "edge", "constant"))
*draws, black = [transfer.features(lower, x, models.preprocess) for x in moved]


# %% slideshow={"slide_type": "skip"}
# The same head on each; two draws are twice the images, and the same number of steps.
def on_draws(seed, copies):
    data = [few_labels(replace(plain, x_train=x), 20, seed) for x in copies]
    training.restart(head, seed)
    x = np.concatenate([d.x_train for d in data])
    y = np.concatenate([d.y_train for d in data])
    training.fit_steps(head, x, y, steps=200, seed=seed)
    return training.accuracy(head, plain.x_test, plain.y_test)


augmented = {"as they are": probes["preprocess_input"]}
for name, copies in {"one draw": draws[:1], "two draws": draws, "black edges": [black]}.items():
    augmented[name] = np.array([on_draws(seed, copies) for seed in range(5)])

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.04"]
for name, scores in augmented.items():
    print(f"{name:12} {scores.mean():.2f} ± {scores.std(ddof=1):.2f}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gain = {name: scores.mean() - augmented["as they are"].mean() for name, scores in augmented.items()}
claim(abs(gain["one draw"]) < 0.03, "one frozen draw is as good as none")
claim(abs(gain["two draws"]) < 0.03, "and two draws make no difference")
claim(gain["black edges"] < -0.015, "one draw with black edges does harm")

# %% [markdown] slideshow={"slide_type": "notes"}
# One frozen draw is no augmentation: the scores are level. Two draws do not help here either. Augmentation
# helped in chapter 03, where convolutions learned from it; here they are fixed. Whether it pays is to be measured.

# %% [markdown] slideshow={"slide_type": "notes"}
# And look at the last line. A draw of the same shifts with black edges costs several points: no test image has a
# black edge. Look at what your augmentation makes, as in the figure, before you train on it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7 · Your own photos
#
# Everything above works with any folder that holds one sub-folder per class. `PHOTOS` names yours, and `NEW` one
# more photo, which lies in none of them. Set both, and run all cells of this section. For photographs take
# `WEIGHTS, SIDE = "imagenet", 96`. As long as `PHOTOS` is `None`, a small folder of digits takes its place.

# %% slideshow={"slide_type": "skip"}
PHOTOS, NEW = None, None
WEIGHTS, SIDE = ("course", 64) if quick else ("imagenet", 224)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The small folder: 24 images of each class, as files, and a new one.
workshop = tempfile.TemporaryDirectory()
demo = Path(workshop.name) / "photos"
for k, name in enumerate(target.class_names):
    (demo / name).mkdir(parents=True)
    for i, image in enumerate(target.x_train[target.y_train == k][:24]):
        Image.fromarray(image).save(demo / name / f"{i:02}.png")
new_one = demo.with_name(f"a new {target.class_names[3]}.png")
Image.fromarray(target.x_test[target.y_test == 3][0]).save(new_one)

# %% slideshow={"slide_type": "skip"}
# The photos, and a network for their classes.
mine = load_photo_folder(PHOTOS or demo, size=SIDE)
keras.utils.set_random_seed(0)
classifier = models.add_head(models.resnet50(WEIGHTS, side=SIDE), len(mine.class_names))

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Choose → fine-tune → evaluate → adjust**, and again: tutorials draw this loop as a diagram. As a function it
# needs a rule for when to stop. `transfer.adjust` lets one stage more train in each round. It stops when the gain on
# validation data could as well be chance, because its 95 % interval reaches down to zero, and takes that round back.
# (The interval says between which values the gain on very many photos would probably lie; chapter 06 tells where it
# comes from.) The validation data decide, so they are not the test data: we put every fourth training image aside.
#
# <!-- Notes:
# The diagram of the tutorials has no exit. Ask for a rule to stop before the next key shows
# what this one did.
# -->

# %% slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
# Every fourth training image decides, the others train.
mine_x = models.preprocess(mine.x_train)
aside = np.arange(len(mine_x)) % 4 == 0
rounds = transfer.adjust(
    classifier,
    (mine_x[~aside], mine.y_train[~aside]),
    (mine_x[aside], mine.y_train[aside]),
    stages=("head", "conv5", "conv4"),
    steps=40,
)

# %% slideshow={"code": false, "slide_type": "subslide"} tags=["atol-0.2"]
# Accuracy with its interval; chapter 06 tells where that comes from.
logits = classifier.predict(models.preprocess(mine.x_test), verbose=0)
said = logits.argmax(1)
right, n = np.sum(said == mine.y_test), len(said)
low, high = stats.binomtest(int(right), n).proportion_ci(method="wilson")
print(f"{n} test photos, accuracy {right / n:.2f}, 95 % interval {low:.2f} to {high:.2f}")

# %% tags=["nbval-ignore-output"]
# What is taken for what, and which class is recognised least.
ax = plotting.confusion_matrix(mine.y_test, said, mine.class_names, title="What is taken for what")
plotting.show(ax, "Confusion matrix of the photo classifier, true classes in rows")
photos_of = np.bincount(mine.y_test, minlength=len(mine.class_names))
hits = np.bincount(mine.y_test[said == mine.y_test], minlength=len(photos_of))
worst = np.argmin(hits / np.maximum(photos_of, 1))
print(f"recognised least: {mine.class_names[worst]}, {hits[worst]} of {photos_of[worst]} times")

# %% [markdown] slideshow={"slide_type": "notes"}
# With about fifty digits a single one counts two points, in the test and in validation. A round that
# is a point or two better or worse, or a test somewhat below the validation, is then no news: compare with the interval. It is wide, which is the
# truth about so few photos, and better printed than hidden. The matrix says more: each row is a true class, and what is not on the
# diagonal is a mistake. The class recognised least is the one to photograph again.

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Saved with its preprocessing
#
# Whoever loads the model next year will not know what to do with the pixels. So put the preprocessing *into* the
# model: it takes pixels as they are, and section 2 cannot happen to it. Only the *values* of the pixels are in its
# care. To turn a photo upright and cut it to a square stays with you.
#
# <!-- Notes: Whoever gets the file next year has only pixels. Everything else must be inside. -->

# %%
photo = keras.Input((SIDE, SIDE, 3), name="photo")  # RGB, 0–255
x = keras.ops.flip(photo, axis=-1)  # blue, green, red
x = keras.layers.Rescaling(1.0, offset=[-103.939, -116.779, -123.68])(x)
network = keras.Model(classifier.inputs, classifier.outputs[0])  # without the optimizer
product = keras.Model(photo, keras.layers.Softmax()(network(x)))

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Yours is kept beside this notebook; that of the digits goes with their folder.
file = Path("." if PHOTOS else workshop.name) / "my_classifier.keras"
product.save(file)
loaded = keras.models.load_model(file, safe_mode=True)
print(f"{file.name}: {file.stat().st_size / 1e6:.0f} MB")

# %% slideshow={"slide_type": "skip"}
shown = np.float32(mine.x_test)
answers = loaded.predict(shown, verbose=0)
np.testing.assert_allclose(answers, product.predict(shown, verbose=0), atol=1e-5)
np.testing.assert_array_equal(answers.argmax(1), said)

# %% [markdown] slideshow={"slide_type": "notes"}
# `safe_mode=True` is the default, written here to be seen: a `.keras` file may hold code in a `Lambda` layer, and
# safe mode refuses to run it. That is why the preprocessing above is made of Keras' own layers and operations.
#
# One photo that it has not seen, from its file to an answer. `load_photo` reads the file exactly as
# `load_photo_folder` reads its own:

# %% slideshow={"slide_type": "skip"}
# Upright, as the camera noted; RGB; cut, not squashed, to a square.
one = Path(NEW or new_one)
pixels = np.float32(load_photo(one, SIDE))
probabilities = loaded.predict(pixels[None], verbose=0)[0]

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
best = probabilities.argsort()[::-1][:3]
print(f"{one.stem}:", ", ".join(f"{mine.class_names[k]} ({probabilities[k]:.2f})" for k in best))

# %% [markdown] slideshow={"slide_type": "skip"}
# With so few digits to learn from it is wrong about as often as right. The test photos, one after the other:

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Move the slider through the test photos.
_ = interact(
    lambda photo: plotting.show(
        plotting.prediction(
            mine.x_test[photo], answers[photo], mine.class_names, mine.y_test[photo]
        ),
        f"Test photo {photo} with the probabilities of its classes",
    ),
    photo=IntSlider(0, min=0, max=len(answers) - 1),
)
workshop.cleanup()

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Make one.** Photograph two things on your desk, forty times each, from all sides: two folders, and one photo
# more. Fetch ImageNet's weights once with `tlcourse fetch resnet50`, set the four names at the top of this section,
# and run it. Predict the accuracy first. And with the course's weights instead, which know only letters?
#
# <!-- Notes:
# Good homework for two weeks: everybody brings two things from their desk. Fetch the weights
# on a stick beforehand, `tlcourse fetch resnet50`.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## 8 · The same at full scale
#
# With `tlcourse fetch resnet50 flowers` done once, `TLCOURSE_SCALE=full tlcourse run 05` runs these cells on
# photographs: ImageNet's weights, flowers at 224×224. That wants a GPU. What was claimed about the digits is
# then reported, not asserted; the stored results stay those of the digits.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - A training loss that stands near ln K from the first epochs on means that the network has not begun to learn.
#   Look at what it is shown.
# - Weights come with a preprocessing; another one makes them worse or worthless, often silently.
# - What is frozen needs to run once for each image.
# - Train the head alone first, and compare with it: here fine-tuning gained nothing that we can measure.
# - If you fine-tune, take small steps for what is pretrained: a rate thirty times as large was the one mistake that
#   cost something here. To keep BatchNormalization still is a cheap caution; here it made no difference.
# - Compile again after every change of `trainable`. Then assert that what should move moved.
# - A cache behind an augmentation freezes it.
# - Put the preprocessing into the model that you save.
#
# <!-- Notes:
# The one sentence: compare with the head alone, given as many steps, before you pay for more.
# Then hand out exercise set 05.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex05/ex05_resnet50_fine_tuning.ipynb) checks your answers as you go. Beyond it:
#
# 1. Replace the linear head by the 1,024 hidden units of section 2 (`models.add_head(backbone, K, hidden=1024)`), on
#    `preprocess_input` features. Is it better than the linear head? Five seeds.
# 2. Find the number of labels at which the small CNN from scratch (`models.scene_cnn`, with the steps, rate and
#    shifts of section 5) reaches what frozen features reach with ten. Ask `make_scene_digits` for more training
#    images, and double the labels from 50 on, one seed. A run takes one to two minutes. Stop at 800 labels per
#    class; if it has not got there, try four times the steps, and report what you found.
# 3. Let only γ and β of `conv5`'s BatchNormalization train, and the head. Their layers must be `trainable` for that,
#    so the moving statistics drift as well. How far does that come, against the head alone?
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
