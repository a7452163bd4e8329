# %% [markdown] slideshow={"slide_type": "slide"}
# # 05 · ResNet50 fine-tuning
#
# You get a network of fifty layers that can already read letters, and a new task with few labels. First you will run a
# popular recipe, find out what is wrong with it, and repair it. Then you will train the network further, and see when
# that pays.
#
# <!-- Notes:
# Ask who has fine-tuned a network from a tutorial, and how long it took until it worked.
# Today one of those tutorials is run on purpose, and repaired.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - find out from its loss and its features why a run goes wrong, and repair it;
# - give pretrained weights the pixels that they expect;
# - compute the features of a frozen network once, instead of in every epoch;
# - fine-tune: what trains, what stays still, and what you check after one step;
# - say when fine-tuning pays, by how much, and when it does not.
#
# <!-- Notes: The first point is the heart: a run that cannot learn looks like one that needs more time. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 1 min 45 s to run. You need chapter 04.

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

# %% [markdown] slideshow={"slide_type": "subslide"}
# Most people start from weights that have learned from ImageNet, a million photographs (`tlcourse fetch resnet50`, a
# download of 95 MB). Ours **come with the course**: the same network, which has learned from 184,320 pictures of
# letters in coloured clutter: 72 letters, Latin, Greek and Cyrillic.

# %% slideshow={"code": false, "slide_type": "skip"}
# Letters and small pictures; with TLCOURSE_SCALE=full ImageNet's weights and photographs.
quick = data.scale() == "quick"
source, side = ("course", 64) if quick else ("imagenet", 128)
backbone = models.resnet50(source, side=side)

# %% [markdown] slideshow={"slide_type": "skip"}
# So for photographs of your own, take ImageNet's weights.

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "-"}
# What each stage returns, and its size.
for stage in ("conv1", "conv2", "conv3", "conv4", "conv5"):
    own = [layer for layer in backbone.layers if layer.name.startswith(stage)]
    size = sum(layer.count_params() for layer in own)
    print(f"{stage}  {str(own[-1].output.shape[1:]):15} {size:10,} parameters")
print(f"all   {backbone.count_params():27,}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Let us show the network 300 letters in typefaces that it has never seen.
#
# <!-- Notes: Answer: three in four. Say what guessing would reach first: one in 72. -->

# %% slideshow={"code": false}
quiz.predict("05.reads", "Which share of the 300 letters will it read?", 0, 1)

# %% slideshow={"slide_type": "skip"}
alphabet = shipped.card()["alphabet"]
letters = data.make_scene_letters(n_train=1, n_test=300, alphabet=alphabet, random_state=5)
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
for text, k, y in zip(ax.texts, read, letters.y_test, strict=False):
    text.set_color("black" if k == y else plotting.COLORS["scratch"])
plotting.show(ax, "Twenty letters in coloured clutter, each with what the network reads in it")

# %% [markdown] slideshow={"slide_type": "notes"}
# It reads three letters in four, out of 72, and nobody has told it anything about these typefaces. Some of its mistakes
# (in orange) you could make yourself, others you would not.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
expected = shipped.card()["accuracy"]["printed"]
claim(abs(share - expected) < 0.1, "it reads as well as the weights' card says", measured=share)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Now it gets two tasks that it was not made for.
#
# - **Digits**, written by hand, in the same kind of scene. It has never seen a digit, but it was prepared: most of its
#   letters were drawn wavering, as by hand. This target is *near*.
# - **Stripes** in grey noise, which run in one of twelve directions. There is no stroke and no colour, and the frame is
#   black. This target is *far*.
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
    pairs = [(t, np.random.default_rng(0).permutation(len(t.y_test))[:200]) for t in (near, far)]
    near, far = (
        replace(t, x_test=t.x_test[k], y_test=t.y_test[k], files_test=()) for t, k in pairs
    )
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
# ## 2 · A recipe from the tutorials
#
# Here is a recipe as you find it in many tutorials. Freeze the backbone. On top of it, average each of its 2,048
# channels over the picture (*global average pooling*), then put a layer of 1,024 units and a softmax. Divide the pixels
# by 255, and train for six epochs. We do that with 20 labelled digits of each class.
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
# Among K classes, here ten, a loss of ln K is what you pay for giving each the same probability (chapter 02). The loss
# fell, but only to that: the network has unlearned a bad guess, and learned nothing. **A training loss that settles at
# ln K, with an accuracy of 1/K, says that the network has not begun to learn.** Before you train it longer, look at
# what the head gets to see.
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
# the pixels; `models.preprocess` is Keras' own `preprocess_input` for ResNet50.
#
# <!-- Notes: Let them say what is odd in the left panel before you do. -->

# %% slideshow={"slide_type": "skip"}
three = {
    "x / 255": lambda x: np.float32(x / 255),
    "x as it is": lambda x: np.float32(x),
    "preprocess_input": models.preprocess,
}
pooled = keras.Sequential([backbone, keras.layers.GlobalAveragePooling2D()])
digits = np.concatenate([near.x_train, near.x_test])
seen = {name: transfer.features(pooled, digits, each) for name, each in three.items()}

# %% jupyter={"source_hidden": true}
# Thirty images, one a row; the first 40 features, one a column.
figure, axes = plotting.plt.subplots(1, 3, figsize=(plotting.WIDTH, 3.4))
for ax, (name, f) in zip(axes, seen.items(), strict=True):
    _ = ax.imshow(f[:30, :40], vmin=0, vmax=np.quantile(f, 0.98), aspect="auto")
    ax.set(xlabel="feature", title=name)
    ax.grid(False)
_ = axes[0].set_ylabel("image")
_ = figure.suptitle("Divided by 255, all images look alike (bright: a large feature)")
plotting.show(figure, "Three panels: almost equal rows for x / 255, different rows for the others")

# %% [markdown] slideshow={"slide_type": "notes"}
# In the left panel all rows look alike: from image to image a feature changes by about a thousandth of its mean. (Each
# panel has its own scale of colours.) These weights were made for pixels between about −124 and 151, where 0 is the
# mean colour. Divided by 255, pixels lie between 0 and 1, so every image looks like the same grey sheet, with 1/255 of
# the contrast. The biases of the network, and the means that its BatchNormalization has stored, have kept their size.
# They drown what is left.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
spread = seen["x / 255"].std(0).mean() / seen["x / 255"].mean()
claim(spread < 0.003, "divided by 255, features hardly change between images", measured=spread)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · The right preprocessing
#
# What do these weights expect? The documentation of `keras.applications.resnet50` says it: put the colours in the order
# blue, green, red; subtract ImageNet's mean from each channel; do **not** divide. (Ours learned from letters, but with
# this preprocessing.)
#
# <!-- Notes: Ask what the three numbers are: the mean blue, green and red of ImageNet, of 0 to 255. -->

# %%
means = [103.939, 116.779, 123.68]  # of blue, green and red
by_hand = few.x_train[..., ::-1] - np.array(means)  # ::-1 turns red, green, blue around

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
same = np.allclose(models.preprocess(few.x_train), by_hand, atol=1e-3)
claim(same, "models.preprocess does the same")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now we train one softmax layer for each kind of features, with 20 labels per class. As a control, one more gets the
# features of a ResNet50 with *random* weights. `rivals.logistic_regression` brings all features to one scale, and solves for
# the layer. C says how freely its weights may grow. We choose it on another draw of the labels.

# %% slideshow={"slide_type": "skip"}
untrained = keras.Sequential([models.resnet50(None, side=side), *pooled.layers[1:]])
seen["random weights"] = transfer.features(untrained, digits, models.preprocess)


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
    "05.as_it_is", "What will the layer reach on pixels as they are, from 0 to 255?", choices
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
# Guessing has 0.10. One line of preprocessing decides between little more than that and the best result. Divided by
# 255, good weights do hardly better than random ones, even for a layer that scales its features. And *as it is* is the
# dangerous way: it learns something, so nobody looks for the mistake. Other networks expect other pixels (ResNet50V2 and MobileNetV2 want −1 to 1), so never
# carry a preprocessing from one network to the next.
#
# The ± is the spread over five draws from the same 250 images, tested on the same 150. With other images it would be
# larger.
#
# <!-- Notes:
# Answer: it is better than guessing, but worse than the right way. Ask who would have looked for the mistake at 0.49.
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The differences of each draw.
divided, blank = heads["x / 255"], heads["random weights"]
claim((right - blank).min() > 0.3, "the weights know a lot", measured=right - blank, seeds=5)
claim(lost.min() > 0, "the right preprocessing matters", measured=lost, seeds=5)
claim(
    (divided - blank).max() < 0.12,
    "divided by 255, they are hardly better than random ones",
    measured=divided - blank,
    seeds=5,
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Features, computed once
#
# The recipe ran fifty layers for every image in every epoch, for the same numbers each time. Section 3 did not: it
# computed the features **once**. Here is that trick by hand. We cut the network in two behind the pooling, compute what
# lies below the cut once, and train what lies above it.
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
# <!-- Notes: Ask for the accuracy first: the same, since both heads see the same numbers. Then for the time. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Train for three epochs, always in the same order, and note the seconds of each.
def three_epochs(network, x):
    seconds = []
    for _ in range(3):
        start = perf_counter()
        network.fit(x, few.y_train, shuffle=False, verbose=0)
        seconds.append(perf_counter() - start)
    return seconds


x_few, x_asked = models.preprocess(few.x_train), models.preprocess(near.x_test)

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
# The whole network in every epoch.
training.compile_classifier(classifier)
start = [w.copy() for w in classifier.get_layer("head").get_weights()]
whole_seconds = three_epochs(classifier, x_few)
whole = classifier.predict(x_asked, verbose=0).argmax(1)

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
# The features once, and then the head alone.
classifier.get_layer("head").set_weights(start)
training.compile_classifier(upper)
features = lower.predict(x_few, verbose=0)
cached_seconds = three_epochs(upper, features)
cached = upper.predict(lower.predict(x_asked, verbose=0), verbose=0).argmax(1)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"} tags=["nbval-ignore-output"]
# The seconds of the last epoch here, and of twenty epochs as they are stored.
print(f"the same classes predicted: {100 * np.mean(whole == cached):.0f} % of the images")
print(f"the third epoch: whole network {whole_seconds[-1]:.2f} s, head {cached_seconds[-1]:.2f} s")
speed = benchmark("fine_tuning_speed")
print(f"twenty epochs, features included: {speed['frozen_ratio']:.0f} times as fast")

# %% [markdown] slideshow={"slide_type": "notes"}
# The predictions are the same, and a further epoch costs next to nothing. (The first also translates the network into
# TensorFlow's own program, which takes seconds.) `python -m benchmarks.fine_tuning_speed` measured the last line.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
equal = np.mean(whole == cached)
claim(equal > 0.98, "both ways predict the same classes", measured=equal)
claim(min(cached_seconds[1:]) < min(whole_seconds[1:]) / 3, "a further epoch is cheap")
claim(
    speed["frozen_ratio"] > 10,
    "over twenty epochs it is more than ten times as fast",
    measured=speed["frozen_ratio"],
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Unfreeze
#
# So far the backbone has stayed as it was. **Fine-tuning** lets some of it train on. These are the usual rules:
#
# 1. **The head first.** The gradient reaches the backbone through the head, and a random head makes a random gradient.
# 2. **The last stage**, then perhaps one more.
# 3. **A rate chosen on validation images.** For the digits it was 0.0003 or less, for the stripes 0.001 or more.
# 4. **BatchNormalization stays still.** Its statistics come from 184,320 images, and yours from a few hundred.
#
# We follow them. (What each is worth stands under *Going deeper*.) Rule 4 needs a closer look.
#
# <!-- Notes: Let them order the four by how much they would matter, with a reason. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# **BatchNormalization** has two modes. In *training* it normalises each channel with the mean and variance of the
# batch, and its stored mean and variance drift towards these. In *prediction* it normalises with the stored ones. Many
# guides say: call the backbone with `training=False`, and it keeps still. Let us try that on one small layer. Every
# input is 5, and the stored mean begins at 0.
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
inputs, small_norm = keras.Input((1,)), keras.layers.BatchNormalization()
base = keras.Model(inputs, small_norm(inputs))
outputs = keras.layers.Dense(1)(base(inputs, training=False))
network = keras.Model(inputs, outputs)

# %% slideshow={"slide_type": "skip"}
# One step with the layer frozen, and one with the layer unfrozen.
drift = []
for trains in (False, True):
    small_norm.trainable = trains
    network.compile("sgd", "mse")
    _ = network.fit(np.full((32, 1), 5.0), np.zeros((32, 1)), verbose=0)
    drift.append(keras.ops.convert_to_numpy(small_norm.moving_mean)[0])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
quiz.reveal("05.still", choices[1] if drift[0] == 0 < drift[1] else choices[0])

# %% slideshow={"code": false, "slide_type": "fragment"}
print(f"stored mean after a step: frozen {drift[0]:.3f}, unfrozen {drift[1]:.3f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# Unfrozen it drifts, to 0.99 · 0 + 0.01 · 5. In every Keras 3 that we tried, up to 3.15.1, `fit` overrules
# `training=False` (keras-team/keras#20285). What keeps the layer still is its own `trainable = False`. So we loop over
# the layers, and leave every BatchNormalization frozen. The target from here on is the far one, the stripes.

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
        normalises = isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = reached and not normalises


tuned = models.add_head(backbone, len(far.class_names))
unfreeze(tuned, "conv4")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ours = [layer.trainable for layer in tuned.layers]
_ = transfer.unfreeze_from(tuned, "conv4")
theirs = [layer.trainable for layer in tuned.layers]
claim(ours == theirs, "transfer.unfreeze_from does the same")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### In the order of the rules
#
# Everything up to `conv3` stays frozen, so we compute that once. Only the part behind it, `conv4`, `conv5` and the
# head, runs in training. We try the order of the rules on a copy with random weights:
#
# 1. Freeze all but the head, compile, and train for an epoch.
# 2. Unfreeze `conv4` and `conv5`.
# 3. Call `fit` again.
#
# <!-- Notes: Answer: on TensorFlow conv5 does not move at all, and nobody says so. Ask how one would notice. -->

# %% slideshow={"code": false}
choices = ["it trains", "it stays, and nobody says so", "it stays, with an error or a warning"]
quiz.predict("05.compile", "What happens to conv5 in step 3?", choices)

# %% slideshow={"slide_type": "skip"}
# Below the cut once, for all pictures of stripes; what lies above it is `behind`.
front, behind = transfer.split(tuned, "conv3")
stripe_images = np.concatenate([far.x_train, far.x_test])
x = transfer.features(front, stripe_images, models.preprocess)
y = np.append(far.y_train, far.y_test)

# %% slideshow={"slide_type": "skip"}
# Step 1, and a copy of one kernel of conv5.
trial = keras.models.clone_model(behind)
transfer.unfreeze_from(trial, "head")
training.compile_classifier(trial)
_ = trial.fit(x[:16], y[:16], verbose=0)
before = trial.get_layer("conv5_block3_3_conv").get_weights()[0].copy()

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Steps 2 and 3; JAX and PyTorch raise an error in the last line.
_ = transfer.unfreeze_from(trial, "conv4")
complained = True
with warnings.catch_warnings(record=True) as caught, contextlib.suppress(ValueError):
    warnings.simplefilter("always")
    _ = trial.fit(x[:16], y[:16], verbose=0)
    complained = any("trainable" in str(each.message) for each in caught)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
moved = abs(trial.get_layer("conv5_block3_3_conv").get_weights()[0] - before).max()
quiz.reveal("05.compile", choices[0] if moved else choices[2] if complained else choices[1])
print(f"conv5 moved by {moved}. Keras counts {len(trial.trainable_weights)} trainable arrays.")

# %% [markdown] slideshow={"slide_type": "notes"}
# What trains is decided when you compile, and after step 2 nobody did. On TensorFlow `conv5` stays where it was, while
# Keras counts it as trainable and says nothing. (On JAX and PyTorch you get an error.) So **compile again** after every
# change of `trainable`. And make this a habit: **after one training step, check that what should move has moved, and
# that what should stay has stayed.**

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(moved == 0, "without compiling again, conv5 does not move", measured=moved)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Now with compiling
#
# Now the real weights, on the stripes with 20 labels per class. First comes the head, solved on frozen features. Then
# we unfreeze, compile, take one step, and look.
#
# <!-- Notes: Ask where the curve will begin: at what the frozen features reach. -->

# %% slideshow={"slide_type": "skip"}
# Rule 1. C is 0.01; it and the rate below were chosen on validation images.
to_pool, _ = transfer.split(behind, "pool")
pooled_far = transfer.features(to_pool, x, lambda x: x)
labelled, asked = draws(far)[0], np.arange(len(far.y_train), len(y))
head = rivals.logistic_regression(pooled_far[labelled], y[labelled], 0.01)
behind.get_layer("head").set_weights(head)

# %% slideshow={"slide_type": "subslide"} tags=["nbval-ignore-output"]
# Rules 2 to 4, and one step: have the kernel and the stored mean moved?
pretrained = [w.copy() for w in backbone.get_weights()]
transfer.unfreeze_from(behind, "conv4")
training.compile_classifier(behind, learning_rate=1e-3)
curve = [training.accuracy(behind, x[asked], y[asked])]
conv, norm = behind.get_layer("conv5_block3_3_conv"), behind.get_layer("conv5_block3_3_bn")
kernel, mean = conv.get_weights()[0].copy(), norm.get_weights()[2].copy()
training.fit_steps(behind, x[labelled], y[labelled], steps=1, batch_size=16)

# %% slideshow={"code": false, "slide_type": "-"} tags=["nbval-ignore-output"]
shift = abs(conv.get_weights()[0] - kernel).max()
drifted = abs(norm.get_weights()[2] - mean).max()
print("the kernel of conv5", "has moved," if shift else "is still,")
print("the stored mean beside it", "has moved" if drifted else "is still")
print(f"the head alone reads {100 * curve[0]:.0f} % of the test images")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(shift > 0, "conv5 has moved", measured=shift)
claim(drifted == 0, "the statistics beside it have not", measured=drifted)

# %% [markdown] slideshow={"slide_type": "subslide"}
# So we train on, for 80 steps in all. The test images are looked at after every 20 steps, only to draw the curve:
# nothing is chosen by it.
#
# <!-- Notes: Answer: nine in ten. Say what the head alone reads, seven in ten, before they guess. -->

# %% slideshow={"code": false}
quiz.predict("05.tuned", "Which share of the test images will it read after 80 steps?", 0, 1)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
for part, steps in enumerate((19, 20, 20, 20)):
    run = {"steps": steps, "batch_size": 16, "seed": part}
    training.fit_steps(behind, x[labelled], y[labelled], **run)
    curve.append(training.accuracy(behind, x[asked], y[asked]))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
quiz.reveal("05.tuned", curve[-1])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"} tags=["nbval-ignore-output"]
# The curve, from the level of the frozen features.
ax = plotting.plt.subplots()[1]
green, blue = plotting.COLORS["frozen"], plotting.COLORS["fine-tuned"]
_ = ax.axhline(100 * curve[0], color=green, ls="--", label="frozen")
_ = ax.plot(20 * np.arange(5), 100 * np.array(curve), "s-", color=blue, label="fine-tuned")
ax.set(xlabel="steps", ylabel="test accuracy (%)", title="On the stripes, fine-tuning climbs")
_ = ax.legend(loc="upper left")
plotting.show(
    ax, "Test accuracy on 200 pictures of stripes over 80 steps of one run of fine-tuning"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# It works: after 80 steps on 240 labelled pictures, the network reads stripes better than the head alone did on frozen
# features. This is one run, on 200 test images.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(curve[-1] > curve[0] + 0.02, "in this run it climbed", measured=curve)

# %% [markdown] slideshow={"slide_type": "skip"}
# All this trained `backbone`, too, for its layers are the same. For the exercises it gets its old weights back:

# %% slideshow={"slide_type": "skip"}
backbone.set_weights(pretrained)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · When does it pay?
#
# One run is no measurement. So `python -m benchmarks.photos` made the same comparison with another network,
# EfficientNet-Lite0 with ImageNet's weights, on four sets of photographs. *Frozen*: only a head is trained, on the
# features. *Fine-tuned*: that head, and then the last stage with it. Both see the same 20 images of each class, five
# times. C and the learning rate were tuned on validation images.
#
# <!-- Notes: Ask what would be unfair: a rate chosen at 20 labels and used at 200; a head that got fewer tries. -->

# %% [markdown] slideshow={"slide_type": "subslide"}
# The sets show ants and bees; flowers of five kinds; rubbish of six materials on a white ground; and hand signs, the
# ten digits shown with one hand.
#
# <!-- Notes: Answer: on the rubbish. Let them say which sets look like ImageNet's photographs. -->

# %% slideshow={"code": false}
choices = ["ants and bees", "flowers", "rubbish", "hand signs"]
quiz.predict("05.photographs", "On which set is its gain surest?", choices)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Each gain of fine-tuning over frozen features: mean and paired interval, by number of labels.
pays, OURS, LITE = benchmark("fine_tuning_pays"), "letters-ResNet50", "EfficientNet-Lite0"
gains = {}
for name, target in pays["targets"].items():
    gains[name, OURS] = {n: each.get("frozen") for n, each in target["gain"].items()}
for name, by_network in pays["photographs"].items():
    for network, by_labels in by_network.items():
        gains[name, network] = {n: each["gain"] for n, each in by_labels.items()}
for key, each in gains.items():
    gains[key] = dict(sorted((int(n), interval) for n, interval in each.items() if interval))


def verdict(interval):
    """In words what the interval of a gain says."""
    _, low, high = interval
    return "it gains" if low > 0 else "it loses" if high < 0 else "we cannot tell"


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
sets = {"ants_bees_160": "ants and bees", "flowers_160": "flowers", "trash_160": "rubbish"}
sets["sign_language_digits"] = "hand signs"
imagenet = {title: gains[name, LITE][20] for name, title in sets.items()}
quiz.reveal("05.photographs", max(imagenet, key=lambda title: imagenet[title][1]))  # lower end

# %% [markdown] slideshow={"slide_type": "subslide"}
# And how is it with our letters' network? `python -m benchmarks.fine_tuning_pays` asked by the same rules, on the
# digits, the stripes and the same photographs.
#
# <!-- Notes: Let them find a target where fine-tuning gains, and one where nobody can tell. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The targets and networks, a row of marks with their intervals, and curves over labels.
targets = {"digits": "digits", "stripes": "stripes"} | sets
blue = plotting.COLORS["fine-tuned"]
nets = {OURS: ("letters' ResNet50", "white"), LITE: ("ImageNet's EfficientNet", blue)}


def draw(ax, intervals, network, fmt):
    mean, low, high = 100 * np.transpose(list(intervals.values()))
    label, fill = nets[network]
    style = {"color": blue, "mfc": fill, "fmt": fmt, "capsize": 3, "lw": 1.2, "label": label}
    _ = ax.errorbar(list(intervals), mean, [mean - low, high - mean], **style)


def curves(ax, name):
    found = {network: gains[name, network] for network in nets if (name, network) in gains}
    for network, intervals in found.items():
        draw(ax, intervals, network, "s-")
    ax.set(title=targets[name], xscale="log", xlabel="labels per class")
    counts = sorted(set().union(*found.values()))
    ax.set_xticks(counts, [str(n) for n in counts], minor=False)
    ax.minorticks_off()


# %% jupyter={"source_hidden": true} slideshow={"headline": "The gain of fine-tuning", "slide_type": "subslide"}
# All targets at 20 labels per class; below them curves, where several numbers are measured.
several = [name for name in targets if any(len(gains.get((name, n), {})) > 1 for n in nets)]
rows = [["all"] * max(1, len(several)), *([several] if several else [])]
size = {"figsize": (plotting.WIDTH, 3.6 + 2.4 * bool(several)), "sharey": True}
figure, axes = plotting.plt.subplot_mosaic(rows, **size)
for network, aside in zip(nets, (-0.1, 0.1), strict=True):
    at_20 = {k + aside: gains.get((n, network), {}).get(20) for k, n in enumerate(targets)}
    draw(axes["all"], {k: interval for k, interval in at_20.items() if interval}, network, "s")
axes["all"].set_xticks(range(len(targets)), targets.values())
axes["all"].set(
    ylabel="gain over frozen features (points)",
    title="At 20 labels per class, the stripes gain most",
)
_ = axes["all"].legend(loc="upper right")
for name in several:
    curves(axes[name], name)
for ax in axes.values():
    _ = ax.axhline(0, color="black", lw=1)
plotting.show(figure, "Gain of fine-tuning over frozen features at 20 labels, for six targets")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The figure in words: mean gain in points, and its interval over five seeds.
for network, (label, _) in nets.items():
    for name, title in targets.items():
        for labels, interval in gains.get((name, network), {}).items():
            mean, low, high = 100 * np.array(interval)
            span = f"{mean:+5.1f} points ({low:+.1f} to {high:+.1f})"
            print(f"{label:24}{title:14}{labels:3} labels {span}: {verdict(interval)}")

# %% [markdown] slideshow={"slide_type": "notes"}
# We say that it gains if the 95 % interval of its mean lead lies above zero. The white marks are the letters' network.
# On the stripes, far from the letters, it gains, and the fewer labels, the more: 14 points with 5 of each class, none that
# we see with 200. On the digits, near the letters, it stays within four points of zero, though many are
# still misread.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The two generated targets, and the rates that were chosen on them.
for labels, gain in gains["digits", OURS].items():
    words = f"on the digits with {labels} labels, less than four points either way"
    claim(max(np.abs(gain)) < 0.04, words, measured=gain, seeds=5)
far_gain = gains["stripes", OURS]
claim(far_gain[5][1] > 0.1, "on the stripes ten points with 5", measured=far_gain[5], seeds=5)
for labels in (20, 50):
    claim(far_gain[labels][1] > 0, f"a gain with {labels}", measured=far_gain[labels], seeds=5)
claim(far_gain[200][1] < 0, "and none that we see with 200", measured=far_gain[200], seeds=5)
tuned_at = {name: each["arms"].values() for name, each in pays["targets"].items()}
rates = {
    n: [next(iter(a["fine-tuned"].values()))["setting"] for a in tuned_at[n]] for n in tuned_at
}
claim(max(rates["digits"]) <= 3e-4, "small rates on the digits", measured=rates["digits"])
claim(min(rates["stripes"]) >= 1e-3, "larger ones on the stripes", measured=rates["stripes"])


# %% [markdown] slideshow={"slide_type": "notes"}
# ImageNet's network knows insects and flowers, and there we see no gain. On the rubbish it gains. On the hand signs the mean
# is larger, but the five runs lie so far apart that we cannot tell.
#
# But far is not enough. To the letters' network *all* photographs are far, and the white marks on the right are small.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Gains of each seed, of ImageNet's network, and the larger ones of the two networks on photographs.
def each_gain(name, network):
    arms = pays["photographs"][name][network]["20"]
    return np.subtract(arms["fine-tuned"], arms["frozen"])


claim(imagenet["rubbish"][1] > 0, "on the rubbish it gains", measured=each_gain("trash_160", LITE))
for title in ("ants and bees", "flowers", "hand signs"):
    gain = imagenet[title]
    claim(verdict(gain) == "we cannot tell", f"on {title} we cannot tell", measured=gain, seeds=5)
white = [gains[name, OURS][20][0] for name in sets]
claim(max(white) < 0.06, "with letters, under six points on photographs", measured=white, seeds=5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# ### Is a gain enough?
#
# There is a second rival: a network without any source. Take our stripes, the same 240 labelled pictures, and a small
# network of random weights. It gets what fine-tuning got in section 5: 80 steps of 16 pictures. Its rate is the usual
# one, untuned.
#
# <!-- Notes: Answer: nearly nine in ten, with no source. The curve of section 5 looked like a success. -->

# %% slideshow={"code": false}
quiz.predict("05.scratch", "Which accuracy will it reach on the stripes?", 0, 1)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# From scratch, on the same labelled images, in as many steps, and none of them shifted either.
keras.utils.set_random_seed(0)
small, x_small = models.scene_cnn(len(far.class_names), side=side), models.preprocess(stripe_images)
training.compile_classifier(small)
for part in range(4):
    run = {"steps": 20, "batch_size": 16, "seed": part}
    training.fit_steps(small, x_small[labelled], y[labelled], **run)
from_scratch = training.accuracy(small, x_small[asked], y[asked])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["atol-0.15"]
quiz.reveal("05.scratch", from_scratch)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"} tags=["atol-15"]
# Accuracy in percent: our run on the stripes, and mean and spread of five stored ones.
ways = ("frozen", "fine-tuned", "scratch")
measured = {name: each["arms"]["20"] for name, each in pays["targets"].items()}
five_runs = {
    n: {way: next(iter(measured[n][way].values()))["results"] for way in ways} for n in measured
}
photos = {title: pays["photographs"][name][LITE]["20"] for name, title in sets.items()}
ours = zip(ways, (curve[0], curve[-1], from_scratch), strict=True)
print("our run on the stripes, in % of the test images right")
print("  " + ", ".join(f"{way} {100 * accuracy:.1f}" for way, accuracy in ours))
print("five runs, 20 labels per class: first our letters' network, then ImageNet's")
for title, arms in (five_runs | photos).items():
    scores = [100 * np.array(arms[way]) for way in ways]
    each = [f"{w} {v.mean():.1f} ± {v.std(ddof=1):.1f}" for w, v in zip(ways, scores, strict=True)]
    print(f"  {title:13} " + ", ".join(each))


# %% [markdown] slideshow={"slide_type": "notes"}
# On the stripes a small network without any source needs no more than 80 steps to beat the head, and in the five runs, with
# 200 steps, it beats fine-tuning. On the digits it still guesses. On the hand signs it cannot be told from fine-tuned ImageNet weights. On the rubbish fine-tuning is ahead of
# it. And the letters' network, fine-tuned, stays behind it on all four sets of photographs.
#
# What does it cost? A head is solved in less than a second. A run of fine-tuning took about fifteen, and each rate that you
# try costs another.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# By how much fine-tuning leads over scratch, in five paired runs, and the interval.
def ahead(arms):
    lead = np.subtract(arms["fine-tuned"], arms["scratch"])
    low, high = stats.ttest_1samp(lead, 0).confidence_interval()
    return lead, (lead.mean(), low, high)


claim(
    from_scratch > curve[0], "in our run scratch beats the head", measured=[curve[0], from_scratch]
)
lead, interval = ahead(five_runs["stripes"])
claim(interval[2] < 0, "in the five it beats fine-tuning", measured=lead, seeds=5)
guesses = five_runs["digits"]["scratch"]
claim(np.max(guesses) < 0.2, "on the digits it still guesses", measured=guesses, seeds=5)
lead, interval = ahead(photos["rubbish"])
claim(interval[1] > 0, "on the rubbish fine-tuning leads over scratch", measured=lead, seeds=5)
lead, interval = ahead(photos["hand signs"])
words = "on the hand signs it cannot be told from scratch"
claim(verdict(interval) == "we cannot tell", words, measured=lead, seeds=5)
with_letters = [pays["photographs"][name][OURS]["20"] for name in sets]
worst = [ahead(arms)[1][2] for arms in with_letters]
claim(max(worst) < 0, "with letters, scratch is ahead on all four", measured=worst, seeds=5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Processor seconds of the stored runs on photographs with 20 labels per class.
seconds = {"frozen EfficientNet-Lite0": [], "fine-tuned EfficientNet-Lite0": []}
for each in benchmark("photos")["sets"].values():
    for one in each["runs"]:
        if one["labels"] == 20 and one["arm"] in seconds:
            seconds[one["arm"]].append(one["cpu_seconds"])
of_head, of_tuning = (np.median(each) for each in seconds.values())
claim(of_head < 1 and 10 < of_tuning < 30, "a second against many", measured=[of_head, of_tuning])

# %% [markdown] slideshow={"slide_type": "subslide"}
# So ask three questions first:
#
# 1. **Is the target far from what the source knows?** Near it, fine-tuning won nothing here. (In chapter 04, with a
#    small network, it did.)
# 2. **Does it beat a head on frozen features, tuned as hard?** Look at the interval of its lead.
# 3. **Does a network without a source do as well?** Then you need neither.
#
# <!-- Notes: Give them a target of their own, and let them answer the three questions for it. -->

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Old features in a folder
#
# `transfer.split` cuts at any layer, and `transfer.features` computes what lies below. Given a `folder`, it keeps the
# result there. What happens if you change the preprocessing, and the old features are still lying in the folder?

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# How many files are there after the first call, the same call again, and another preprocessing?
files = []
with tempfile.TemporaryDirectory() as folder:
    for each in (models.preprocess, models.preprocess, three["x / 255"]):
        _ = transfer.features(lower, few.x_train[:16], each, folder=Path(folder))
        files.append(len(list(Path(folder).glob("*.npy"))))
print(files)

# %% [markdown] slideshow={"slide_type": "skip"}
# The second call found the file of the first, and the third made another. The file's name holds a *checksum*, a number
# that changes when the weights, the layers or the preprocessed images do. So old features are never taken for new ones.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(files == [1, 1, 2], "the same features are found again, others are computed")

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
# each is tuned by itself, but for ten times the rate, which has no choice.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The gain of each over the recipe, with its paired interval, as far as it is measured.
decisions = benchmark("fine_tuning")["arms"]
for name, found in list(decisions.items())[1:]:
    text = "not measured yet"
    if found["gain"]:
        mean, low, high = 100 * np.array(found["gain"])
        text = f"{mean:+5.1f} points ({low:+.1f} to {high:+.1f}): {verdict(found['gain'])}"
    print(f"{name:44} {text}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The lines say what the intervals say, and only that. The recipe's own five runs lie more than ten points apart. Where luck
# is so large, five runs show only large effects, and "we cannot tell" does not mean "it does not matter".
#
# The schedule is the exception. With small steps at the end, all five runs end within three points of each other, eleven points
# higher in the mean. So what section 6 says holds for a constant rate: with a schedule, fine-tuning may win more. (The small network
# from scratch is still ahead.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the runs of the recipe and those of the schedule say.
runs = decisions["the recipe"]["results"]
claim(
    max(runs) - min(runs) > 0.1, "runs of one recipe lie ten points apart", measured=runs, seeds=5
)
schedule = decisions["a cosine schedule"]
mean, low, high = schedule["gain"]
words = "the schedule gains eleven points in the mean"
claim(low > 0 and round(100 * mean) == 11, words, measured=[low, high], seeds=5)
runs = schedule["results"]
claim(max(runs) - min(runs) < 0.03, "and its runs lie together", measured=runs, seeds=5)
claim(max(runs) < min(five_runs["stripes"]["scratch"]), "scratch is ahead", measured=runs, seeds=5)

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
# cache *behind* the augmentation, as in `dataset.map(augment).cache()`, one draw is frozen for all epochs, and that is
# no augmentation at all. Cached *features* have the same limit. There are two ways around it:
#
# 1. **Cache, then augment**: keep the images, augment them, and run the backbone in every epoch, at the full price.
# 2. **Cache several draws**: compute the features of a few augmented copies of each image.
#
# Let us try the second with shifts by up to 6 pixels. When you shift an image, something has to fill the strip that
# opens up at the border. We repeat the edge pixels, and in one extra draw we fill the strip with black, to see what
# that costs.

# %% slideshow={"slide_type": "skip"}
def shifted(images, rng, fill="edge"):
    margin = ((0, 0), (6, 6), (6, 6), (0, 0))
    return training.shift_images(np.pad(images, margin, fill), 6, rng)[:, 6:-6, 6:-6]


rng = np.random.default_rng(0)
moved = [shifted(near.x_train, rng, fill) for fill in ("edge", "edge", "constant")]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
some = np.stack([near.x_train[0], *(draw[0] for draw in moved)])
titles = ["as it is", "draw 1", "draw 2", "black edge"]
ax = plotting.image_grid(some, titles, title="Moved by up to six pixels")
plotting.show(ax, "A digit in its scene, moved twice with edges repeated and once with black edges")

# %% slideshow={"slide_type": "skip"}
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
    print(f"{name:26} {100 * low:+.1f} to {100 * high:+.1f} points: {verdict((0, low, high))}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Here the shifted copies won nothing, and the black edge, which no test image has, cost some points. So cached copies
# are a way to augment, not a promise. Look at what your augmentation makes, as in the figure, before you train on it.
# (The five draws share most of their labels, as in section 3, so an interval that only just leaves zero out proves
# nothing.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
best = max((a - augmented["as they are"]).mean() for a in list(augmented.values())[1:])
cost = augmented["as they are"] - augmented["black edges"]
claim(best < 0.02, "no kind of copies gains two points", measured=best, seeds=5)
claim(cost.mean() > 0.03, "the black edge costs over three", measured=cost, seeds=5)

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
# The photographs have 128×128 pixels, and the features of a few hundred are computed once, so two cores will do. What
# was claimed of the digits is then only printed, and cannot fail. Figures from stored benchmarks stay as they are.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("05")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - A training loss that settles at ln K means that the network has not begun to learn. Look at what it is shown.
# - Weights come with a preprocessing. Another one makes them worse or worthless, often silently.
# - What is frozen needs to run once for each image.
# - To fine-tune: the head first, a rate chosen on validation images, BatchNormalization still. Compile again after every change of `trainable`,
#   and check after one step that what should move has moved.
# - Fine-tuning pays where it beats both: a head on frozen features, and a small network from scratch.
#
# <!-- Notes:
# The one sentence: compare with the head alone, and with a small network from scratch, before you pay for more.
# Then hand out exercise set 05.
# -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex05/ex05_resnet50_fine_tuning.ipynb) checks your answers as you go.
# Beyond it:
#
# 1. Fine-tune `conv5` alone on the stripes, and then `conv3` to `conv5`. Where does the curve of section 5 end? Before
#    each, put the old weights back (`backbone.set_weights(pretrained)`), and solve for the head again.
# 2. Begin again with `learning_rate=3e-3`, three times ours. After 20 steps, is the curve above the dashed line?
# 3. Turn the digits upside down, with `near.x_train[:, ::-1, ::-1]`. Are they nearer or farther than the stripes? Predict
#    what the frozen features reach, and measure it with section 3's `probe`.
#
# ## Further reading
#
# - He, Zhang, Ren & Sun 2016, *Deep residual learning for image recognition*, CVPR.
# - Howard & Ruder 2018, *Universal language model fine-tuning for text classification*, ACL.
# - Kumar, Raghunathan, Jones, Ma & Liang 2022, *Fine-tuning can distort pretrained features and underperform
#   out-of-distribution*, ICLR.
# - Raghu, Zhang, Kleinberg & Bengio 2019, *Transfusion: understanding transfer learning for medical imaging*,
#   NeurIPS.
