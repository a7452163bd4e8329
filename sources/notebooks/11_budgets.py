# %% [markdown] slideshow={"slide_type": "slide"}
# # 11 · Small budgets
#
# You have a laptop, an evening, and a network of 24 million weights. The usual advice: train fewer weights, use fewer bits, or
# take more machines. Each of these saves *something*. Here you find out what, and what is lost.
#
# <!-- Notes:
# Ask for a training that was given up: because it took too long, or because the memory was full? Most cannot say which
# part of the memory was full. That is section 1.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - count what a training step holds in memory, before you run it;
# - write low-rank adapters, merge them, and name their simpler rivals;
# - round a network to a few bits, and say what survives;
# - let a small network learn from a large one, and ask for controls;
# - share a batch between two processes, and reckon whether that pays;
# - plan a training for your own machine.
#
# <!-- Notes: Sections 1 and 2 belong together. Each of 3 to 6 can be left out. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 80 minutes to read and try, 1 min 20 s to run. *Going deeper* is not counted. You need chapters 01 to 06.
# *The benchmark* is `python -m benchmarks.budgets`, which took over an hour; the chapter reads what it stored.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
import inspect
import math
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from scipy import stats

from tlcourse import autodiff, backend, budgets, data, models, parallel, plotting, quiz
from tlcourse import rivals, training, transfer, weights
from tlcourse.course import processes
from tlcourse.course.content import benchmark, photo_scores
from tlcourse.evaluation import softmax
from tlcourse.quiz import claim

import keras

layers, ops = keras.layers, keras.ops

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
print(backend.versions())

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Before you start: what do you remember?

# %% slideshow={"slide_type": "slide"}
quiz.ask("11")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1 · Where do time and memory go?
#
# A training step holds four things at once:
#
# | what | how many numbers |
# |---|---|
# | weights | all of them, the frozen ones too |
# | gradients | one for each weight that trains |
# | the optimiser's state | Adam: two for each weight that trains |
# | activations | for each image, whatever the way back will need |
#
# Three of them you can count in your head, at four bytes a number.
#
# <!-- Notes: Let them count the first three rows for 24 million weights on paper: 94, 94 and 188 megabytes. -->

# %% slideshow={"code": false, "slide_type": "-"}
network = models.add_head(models.resnet50(None, side=224), classes=10)
n = network.count_params()
trained = sum(math.prod(w.shape) for w in network.trainable_weights)
print(f"weights    {4 * n / 1e6:4.0f} MB")
print(f"gradients  {4 * trained / 1e6:4.0f} MB")
print(f"Adam       {8 * trained / 1e6:4.0f} MB")

# %% [markdown] slideshow={"headline": "What takes most?", "slide_type": "subslide"}
# The fourth needs chapter 03's way back. The gradient of a kernel is made from the layer's *input*, so a convolution keeps that.
# So does BatchNormalization, for its γ. A ReLU keeps what it returns. A bias needs nothing, and neither does a frozen
# kernel or γ. `budgets.memory` counts by these rules, and counts an array that two layers need once.
#
# <!-- Notes: Answer: the activations, seven times as much as all the rest. Ask which of the four grow with the batch. -->

# %% slideshow={"code": false, "slide_type": "-"}
four = ["the weights", "the gradients", "Adam's state", "the activations"]
question = "All of ResNet50 trains, with 32 photographs of 224×224 in a step. What takes most?"
quiz.predict("11.fills", question, four)

# %% slideshow={"slide_type": "skip"}
parts = budgets.memory(network, batch=32, optimizer="adam")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
largest = max(parts, key=parts.get)
quiz.reveal("11.fills", dict(zip(parts, four, strict=True))[largest])

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
by_hand = [4 * n, 4 * trained, 8 * trained]
claim(list(parts.values())[:3] == by_hand, "your own count of the other three is the same")

# %% [markdown] slideshow={"headline": "Four ways to need less", "slide_type": "subslide"}
# Four ways to need less:
#
# - **Gradient accumulation**: send the batch through in quarters, add up their gradients, and then take one step.
# - **Smaller images**, of half the side.
# - **From conv4 on**: freeze what is below, and compute only once what it returns (chapter 05).
# - **The head alone**, on features that you compute once.
#
# The figure also counts the multiplications, for they take the time: one part forward, one for the gradients of the kernels, and one for
# those of the inputs.
#
# <!-- Notes: Before the figure: which of these would you try first when the memory is full, and which when the evening is over? -->

# %% slideshow={"slide_type": "skip"}
# Each way: the part that trains, and how many images are inside it at once.
half = models.add_head(models.resnet50(None, side=112), classes=10)
ways = {
    "everything": (network, 32),
    "in four quarters": (network, 8),
    "images of half the side": (half, 32),
    "from conv4 on": (transfer.split(network, "conv3")[1], 32),  # cut after conv3
    "the head alone": (transfer.split(network, "pool")[1], 32),
}

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Megabytes of each way, and the multiplications of a step.
table = {}
for way, (model, batch) in ways.items():
    adam = keras.optimizers.Adam(gradient_accumulation_steps=4 if batch == 8 else None)
    table[way] = {k: v / 1e6 for k, v in budgets.memory(model, batch, adam).items()}


def multiplications(model):
    """Multiplications that a network needs for one image."""
    found = 0
    for node in models.calls(model):
        kernel = getattr(node.operation, "kernel", None)
        if kernel is not None:
            found += math.prod(kernel.shape) * math.prod(node.output_tensors[0].shape[1:-1])
    return found


# Three times: forward, the gradients of the kernels, and those of the inputs.
work = {way: 3 * 32 * multiplications(model) / 1e9 for way, (model, _) in ways.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Five ways to train, in megabytes", "slide_type": "subslide"}
# What each way holds.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.6))
left = np.zeros(len(table))
for part in parts:
    wide = np.array([row[part] for row in table.values()])
    _ = ax.barh(list(table), wide, left=left, label=part)
    left += wide
for place, way in enumerate(table):
    products = f"{work[way]:.0f}" if work[way] > 1 else "under 1"
    _ = ax.text(
        left[place] + 40, place, f"{left[place]:.0f} MB, {products} billion products", va="center"
    )
ax.invert_yaxis()
ax.grid(visible=False)
title = "All four save most of the activations"
_ = ax.set(title=title, xlabel="megabytes of a step of 32 images", xlim=(0, 5_800))
_ = ax.legend(loc="lower right")
plotting.show(
    ax, "Megabytes of five ways to train, by weights, gradients, optimiser and activations"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# Quarters of a batch save three quarters of the activations, but no work, and the sum of their gradients takes another 94 MB. (A
# BatchNormalization that trains sees only a quarter.) Half the side saves three quarters of both. From conv4 on, you need as little
# memory and half of the work. But what comes from below takes 1.6 MB for each training image: held in memory, 1,300 images use up the
# saving. The head alone costs next to nothing. (Accuracy is another matter: see section 2.)
#
# Does a real step take that much? Two fresh processes take one step each on images of 64×64, with 16 of them and with 64. The difference
# is what 48 images take.
#
# <!-- Notes: Why a difference? Python, Keras and TensorFlow take several hundred megabytes themselves, and they cancel. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The most memory that a process with so many images in a step has held, in megabytes.
STEP = """
import resource, sys
import numpy as np
from tlcourse import models, training
model = models.add_head(models.resnet50(None, 64), 10)
training.compile_classifier(model)
model.train_on_batch(np.zeros(({batch}, 64, 64, 3), "float32"), np.zeros({batch}, int))
unit = 1e6 if sys.platform == "darwin" else 1e3
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
"""
with ThreadPoolExecutor(2) as both:
    answers = list(both.map(lambda batch: processes.ask(STEP.format(batch=batch), 300), (16, 64)))
problem = answers[0][1] or answers[1][1]  # on Windows: it has no such count

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "skip"} tags=["nbval-ignore-output"]
small = models.add_head(models.resnet50(None, side=64), classes=10)
counted = budgets.memory(small, batch=1)["activations"] / 1e6
print(f"counted: {counted:.1f} MB for each image")
if not problem:
    taken = (float(answers[1][0]) - float(answers[0][0])) / 48
    print(f"taken:   {taken:.1f} MB for each image")
else:
    print(problem)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# With PyTorch below Keras, a step holds more than these rules count.
if keras.backend.backend() == "tensorflow" and not problem:
    claim(0.7 < taken / counted < 1.5, "a real step takes what was counted, to within a half")
acts = {way: row["activations"] / table["everything"]["activations"] for way, row in table.items()}
share = [acts["in four quarters"], acts["images of half the side"]]
claim(max(share) < 0.27, "quarters or half the side keep a quarter", measured=share)
share = [work[way] / work["everything"] for way in ("images of half the side", "from conv4 on")]
claim(share[0] < 0.27 and 0.4 < share[1] < 0.6, "a quarter and half of the work", measured=share)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the sum of the gradients takes, and what comes from below conv4, in megabytes.
more = table["in four quarters"]["optimizer"] - table["everything"]["optimizer"]
claim(round(more) == 94, "adding up the gradients takes 94 MB more", measured=more)
upper = ways["from conv4 on"][0]
below = 4 * math.prod(upper.input_shape[1:]) / 1e6
saved = sum(table["everything"].values()) - sum(table["from conv4 on"].values())
claim(round(below, 1) == 1.6, "what conv4 sees takes 1.6 MB for each image", measured=below)
claim(1_200 < saved / below < 1_350, "1,300 images use up the saving", measured=saved / below)


# %% [markdown] slideshow={"slide_type": "notes"}
# That is close. But Python and Keras take several hundred megabytes besides. So use the count to *compare*, and leave room.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Can you train fewer weights?
#
# Gradients and Adam's state are counted for each weight that *trains*. So train fewer, but in many layers. The best known way is
# **LoRA**, low-rank adaptation (Hu et al. 2022). A layer's weights W stay frozen. Beside them train two thin matrices: A of shape
# (inputs, r), and B of shape (r, outputs).
#
# $$ x \;\mapsto\; x\,W + (x\,A)\,B $$
#
# A Keras layer of your own makes its weights in `build`, and says in `call` what it returns.
#
# <!-- Notes:
# Draw W as a large square, and A and B as a thin upright and a thin level bar beside it. How many numbers have they, for
# 1024 inputs, 256 outputs and r = 4? 5,120 in place of 262,144.
# -->

# %% slideshow={"slide_type": "subslide"}
# A frozen layer, and a thin update of it that trains.
class LoRA(layers.Layer):
    def __init__(self, layer, rank):
        super().__init__()
        self.layer, self.rank = layer, rank

    def build(self, shape):
        self.layer.trainable = False
        outputs = self.layer.kernel.shape[-1]
        self.a = self.add_weight((shape[-1], self.rank), "he_uniform")
        self.b = self.add_weight((self.rank, outputs), "zeros")

    def call(self, x):
        return self.layer(x) + ops.matmul(ops.matmul(x, self.a), self.b)


# %% [markdown] slideshow={"headline": "Add it, then merge it", "slide_type": "subslide"}
# A convolution of 1×1 is a dense layer at every place of the map, so the same lines serve it too, if its stride is 1. Here is one
# of ResNet50:
#
# <!-- Notes:
# Answer: A and B never move. Ask first why B begins with zeros: so that the first step starts from the pretrained network.
# -->

# %% slideshow={"slide_type": "skip"}
network = models.resnet50("course")
wide = network.get_layer("conv4_block2_1_conv")
maps = np.random.default_rng(0).normal(size=(2, 4, 4, 1024)).astype("float32")
before = ops.convert_to_numpy(wide(maps))
wrapped = LoRA(wide, rank=4)
at_first = ops.convert_to_numpy(wrapped(maps))

# %% [markdown] slideshow={"slide_type": "notes"}
# B is zero at first, so nothing changes. After training we *add* A B to W, and the adapter is gone.

# %% slideshow={"slide_type": "-"}
wrapped.b.assign(0.01 * np.random.default_rng(1).normal(size=(4, 256)))  # as if it had trained
moved = ops.convert_to_numpy(wrapped(maps))
kernel, bias = wide.get_weights()
a, b = (ops.convert_to_numpy(part) for part in (wrapped.a, wrapped.b))
wide.set_weights([kernel + a @ b, bias])
merged = ops.convert_to_numpy(wide(maps))

# %% jupyter={"source_hidden": true} slideshow={"code": false}
claim(np.array_equal(at_first, before), "at first, the adapter changes nothing")
apart = np.abs(merged - moved).max()
size, change = np.abs(moved).max(), np.abs(moved - before).max()
claim(apart < 1e-5 * size < change, "merged, it returns the same to 1e-5", measured=apart / size)

# %% slideshow={"code": false}
question = "B begins with zeros, and A with random numbers. What if A began with zeros, too?"
quiz.predict("11.zeros", question, ["A and B never move", "only A moves", "they move, but later"])

# %% slideshow={"slide_type": "skip"}
# One step with A and B at zero.
dense = layers.Dense(3)
dense.build((None, 5))
adapter = LoRA(dense, rank=2)
tiny = keras.Sequential([keras.Input((5,)), adapter])
adapter.a.assign(np.zeros((5, 2)))
tiny.compile("sgd", "mse")
_ = tiny.train_on_batch(np.ones((4, 5)), np.ones((4, 3)))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
far = [np.abs(ops.convert_to_numpy(part)).max() for part in (adapter.a, adapter.b)]
moves = ["A and B never move", "only A moves", "they move, but later"]
quiz.reveal("11.zeros", moves[0 if max(far) == 0 else 1 if far[1] == 0 else 2])

# %% [markdown] slideshow={"slide_type": "notes"}
# The gradient of A has B as a factor, and that of B has A. With both at zero, each waits for the other for ever.

# %% [markdown] slideshow={"headline": "The adapter that Keras has", "slide_type": "subslide"}
# This happens in practice. Keras has LoRA built in, for Dense layers and convolutions. Watch it being saved and loaded:
#
# <!-- Notes: Ask what a learner would see who trains on after loading: a loss that hardly falls, and no error. -->

# %% slideshow={"slide_type": "-"}
# Keras' own adapter, trained for one step, saved and loaded.
theirs = keras.Sequential([keras.Input((5,)), layers.Dense(3)])
theirs.layers[0].enable_lora(2)
theirs.compile("sgd", "mse")
_ = theirs.train_on_batch(np.ones((4, 5)), np.ones((4, 3)))
with TemporaryDirectory() as folder:
    theirs.save(Path(folder) / "small.keras")
    again = keras.saving.load_model(Path(folder) / "small.keras")

# %% slideshow={"code": false, "slide_type": "-"}
for weight in again.layers[0].trainable_weights:
    if weight.name.startswith("lora"):
        print(f"{weight.name}, largest: {np.abs(ops.convert_to_numpy(weight)).max():.1f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# A and B are zero, so they never move again. (Keras 3.15. What was learned is in W. The bias still trains, so the loss falls and nobody
# notices.) So to go on after loading, add new adapters. The course's `budgets.lora(network, rank)` keeps A and B. It gives an adapter to
# each dense layer and 1×1 convolution that trains, trains the last layer as a whole, and freezes the rest. Its adapter does more than
# yours: it follows strides, and adds *before* an activation function.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
loaded = {v.name: ops.convert_to_numpy(v) for v in again.layers[0].trainable_weights}
both = [np.abs(loaded[name]).max() for name in loaded if name.startswith("lora")]
claim(len(both) == 2 and max(both) == 0, "loaded again, Keras' A and B are both zero")
falls = again.fit(np.ones((4, 5)), np.ones((4, 3)), epochs=50, verbose=0).history["loss"]
now = {v.name: ops.convert_to_numpy(v) for v in again.layers[0].trainable_weights}
still = all(np.abs(now[name]).max() == 0 for name in now if name.startswith("lora"))
text = "after 50 steps more they are still zero, and the loss has fallen"
claim(still and falls[-1] < 0.7 * falls[0], text, measured=falls[-1] / falls[0])

# %% [markdown] slideshow={"headline": "A far target", "slide_type": "subslide"}
# Is it worth it? We need a target where fine-tuning has something to win: chapter 05's stripes in twelve directions, far from the
# letters that our ResNet50 knows, with 20 labels of each.
#
# <!-- Notes: A small network from scratch does better here, as the table will say. The stripes are a test bench, no advice. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Stripes with 20 labels of each direction, twice as large and in a black frame, as RGB.
few = data.few_labels(data.make_stripes(1_000, 200, random_state=1), 20, random_state=0)


def framed(x):
    large = x.repeat(2, axis=1).repeat(2, axis=2)
    large = np.pad(large, ((0, 0), (4, 4), (4, 4), (0, 0)))
    return np.rint(255 * large.repeat(3, axis=-1)).astype("uint8")


images = framed(np.concatenate([few.x_train, few.x_test]))
y_stripes = np.concatenate([few.y_train, few.y_test])

# %% jupyter={"source_hidden": true} slideshow={"code": false}
first = [np.flatnonzero(few.y_train == k)[0] for k in range(12)]
ax = plotting.image_grid(images[first], [f"{15 * k}°" for k in range(12)], columns=6)
plotting.show(ax, "Twelve pictures of grey stripes in noise, one of each direction")

# %% [markdown] slideshow={"headline": "Train one yourself", "slide_type": "subslide"}
# First solve the head, then train from conv4 on: rank 4, at the learning rate that the benchmark chose.
#
# <!-- Notes: Start the cell, then ask for the next two predictions while it runs. -->

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
labelled, held_out = np.arange(240), np.arange(240, 440)
base = rivals.Upper(models.resnet50("course"), "conv3", images, classes=12)
adapted = budgets.lora(base.model, rank=4)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The head is solved, as the benchmark did it.
stored = benchmark("budgets")
recipes = stored["recipes"]
C = recipes["last layer"]["0"]["setting"]
kernel, bias = rivals.logistic_regression(base.features[labelled], few.y_train, C)
adapted.get_layer("head").set_weights([kernel.astype("float32"), bias.astype("float32")])
at_first = np.mean((base.features[held_out] @ kernel + bias).argmax(1) == few.y_test)

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
trainer = rivals.Trainer(adapted, base.x)
rate = recipes["LoRA 4"]["80"]["setting"]
(named,) = trainer.train(y_stripes, labelled, held_out, rate, budgets=[80], seed=0)
after = np.mean(named == few.y_test)

# %% slideshow={"code": false} tags=["atol-0.1"]
print(f"the head alone {at_first:.2f}, with adapters after 80 steps {after:.2f}")

# %% slideshow={"slide_type": "skip"}
plain = budgets.merge(adapted)
logits = [network.predict(base.x[held_out[:50]], verbose=0) for network in (adapted, plain)]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(after > at_first, "the adapters have learned", measured=after - at_first)
apart = np.abs(logits[0] - logits[1]).max()
apart /= np.abs(logits[0]).max()
claim(apart < 1e-5, "merged, the network has the same logits to 1e-5", measured=apart)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the benchmark has stored, and how to ask it.
arms = ["last layer", "biases", "γ and β", "LoRA 1", "LoRA 4", "LoRA 16", "kernels", "all weights"]


def reached(arm, steps=80):
    """The accuracies of the five seeds, in percent."""
    record = recipes[arm]
    return 100 * np.array(record.get(str(steps), record.get("0"))["results"])


def interval(ours, theirs):
    """Mean of the paired differences in points, and the ends of its 95 % interval."""
    d = np.subtract(ours, theirs)
    return d.mean(), *stats.ttest_1samp(d, 0).confidence_interval()


def verdict(ours, theirs):
    mean, low, high = interval(ours, theirs)
    word = "ahead" if low > 0 else "behind" if high < 0 else "we cannot tell"
    return f"{mean:+5.1f} ({low:+.1f} to {high:+.1f}): {word}"


# %% [markdown] slideshow={"headline": "Less that trains, less that is kept?", "slide_type": "subslide"}
# The benchmark has tuned and compared several ways to train from conv4 on. The last layer trains in all of them. *γ and β* adds what
# BatchNormalization scales and shifts with, *biases* only the shifts, and *kernels* all but BatchNormalization, as in chapter 05. Few
# weights need next to no state. But what about the activations?
#
# <!-- Notes: Answers: nine tenths; see the table. Ask what γ's gradient is made from. -->

# %% slideshow={"code": false, "slide_type": "-"}
question = "What share of the activations is still kept if γ and β alone train?"
quiz.predict("11.kept", question, 0, 1)

# %% slideshow={"code": false}
question = "What share of the seconds of *all weights* does LoRA 4 take?"
quiz.predict("11.seconds", question, 0, 1.5)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
kept = {arm: recipes[arm]["costs"]["bytes"]["activations"] for arm in arms}
quiz.reveal("11.kept", round(kept["γ and β"] / kept["all weights"], 2))
seconds = {arm: np.mean(recipes[arm]["80"]["seconds"]) for arm in arms[1:]}
quiz.reveal("11.seconds", round(seconds["LoRA 4"] / seconds["all weights"], 2))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What each way takes, and reaches", "slide_type": "subslide"}
# Counted megabytes of a step of 16 images; processor seconds of 80 steps; means over five seeds.
heads = ("train", "Adam", "activations", "all four", "seconds", "40 steps", "80 steps")
widths = (11, 8, 13, 10, 9, 10, 10)
print(" " * 12 + "".join(f"{h:>{w}}" for h, w in zip(heads, widths, strict=True)))
print(" " * 23 + "".join(f"{'MB':>{w}}" for w in widths[1:4]))
for arm in arms:
    costs = recipes[arm]["costs"]
    adam, acts = (costs["bytes"][part] / 1e6 for part in ("optimizer", "activations"))
    row = f"{arm:12}{costs['trained']:11,}{adam:8.1f}{acts:13.1f}"
    row += f"{sum(costs['bytes'].values()) / 1e6:10.0f}"
    row += f"{f'{seconds[arm]:.0f}' if arm in seconds else '–':>9}"
    print(row + "".join(f"{f'{reached(arm, n).mean():.0f} %':>10}" for n in (40, 80)))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "-"}
scratch = benchmark("fine_tuning_pays")["targets"]["stripes"]["arms"]["20"]["scratch"]["200"]
percent = 100 * np.mean(scratch["results"])
print(
    f"beside them: a small network from scratch, 200 steps: {percent:.0f} %, with no source at all"
)
print("learning rates for 80 steps, tuned on another draw of the labels:")
print("  " + ", ".join(f"{arm} {recipes[arm]['80']['setting']:g}" for arm in arms[1:]))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Eight ways, five seeds", "slide_type": "subslide"}
# Five seeds for each way, and their mean; beside its name, how many weights it trains.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 4))
kinds = {"frozen": "the head trains", "source": "few weights train"}
kinds["fine-tuned"] = "all kernels train"
for place, arm in enumerate(arms):
    kind = "frozen" if place == 0 else "source" if place < 6 else "fine-tuned"
    _ = ax.plot(reached(arm), [place] * 5, ".", color=plotting.COLORS[kind])
    _ = ax.plot(reached(arm).mean(), place, "d", color=plotting.COLORS[kind], ms=9, mfc="none")
for kind, label in kinds.items():
    _ = ax.plot([], [], "o", color=plotting.COLORS[kind], label=label)
names = [f"{arm}: {recipes[arm]['costs']['trained']:,} train" for arm in arms]
_ = ax.set_yticks(range(len(arms)), names)
title = "LoRA lies between the last layer and all weights"
_ = ax.set(title=title, xlabel="accuracy in percent after 80 steps")
_ = ax.legend(loc="lower right")
plotting.show(
    ax, "Accuracy of eight ways to train after 80 steps, five seeds of each and their mean"
)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "skip"}
# Paired differences in points, with intervals of 95 %.
rows = [(arm, n, "LoRA 4") for arm, n in (("last layer", 80), ("γ and β", 80), ("kernels", 80))]
rows += [("kernels", 40, "LoRA 4"), ("all weights", 80, "LoRA 4"), ("all weights", 40, "LoRA 4")]
rows += [("all weights", 80, "kernels")]
for arm, n, rival in rows:
    took = "solved" if arm == "last layer" else f"{n} steps"
    found = verdict(reached(arm, n), reached(rival))
    print(f"{f'{arm}, {took}':21} beside {f'{rival}, 80 steps':17} {found}")

# %% [markdown] slideshow={"slide_type": "notes"}
# LoRA does what it promises: Adam's state shrinks from 177 MB to about one. But at section 1's size, with larger activations, a step from
# conv4 on takes 1022 MB, 694 with BatchNormalization frozen as in chapter 05, and 433 with LoRA. Of the *time* LoRA saves less than half,
# because the images still run forward and back through all layers.
#
# And accuracy? After 80 steps LoRA leads the last layer, while *kernels*, and barely all weights, lead LoRA. Those two we cannot tell
# apart. But 40 steps of all weights take as long as 80 of LoRA, and there we cannot tell either. So freeze BatchNormalization first, and
# take LoRA when gradients and Adam's state do not fit. (A small network from scratch beats them all here: the stripes are a test bench.)
#
# <!-- Notes:
# By count a third of the work falls away, the gradients of the kernels. The rest of the saved time, we think, is Adam's. We have not run
# LoRA for as long as 80 steps of all weights take. The seconds of *kernels* were taken later; LoRA 4 and all weights, once more beside
# them, took within a tenth of what is stored.
# -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Adam's state as stored, and a step from conv4 on at section 1's size, in megabytes.
state = {arm: recipes[arm]["costs"]["bytes"]["optimizer"] / 1e6 for arm in arms}
text = "Adam's state shrinks from 177 MB to one"
claim(round(state["all weights"]) == 177 and round(state["LoRA 4"]) == 1, text)
sizes = []
for frozen in ((), layers.BatchNormalization):
    for layer in upper.layers:
        layer.trainable = not isinstance(layer, frozen)
    sizes.append(sum(budgets.memory(upper, 32).values()))
sizes.append(sum(budgets.memory(budgets.lora(upper, rank=4), 32).values()))
sizes = [round(size / 1e6) for size in sizes]
text = "at section 1's size: 1022 MB, 694 without BatchNormalization, 433 with LoRA"
claim(sizes == [1022, 694, 433], text)
share = (sizes[0] - sizes[1]) / (sizes[0] - sizes[2])
claim(share > 0.5, "more than half of the saving is BatchNormalization's", measured=share)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired intervals of 95 %, in points, and processor seconds.
inside = [recipes[arm][budget]["inside"] for arm in arms[1:] for budget in ("40", "80")]
claim(all(inside), "no learning rate lies at the edge of what was tried")
ratio = seconds["LoRA 4"] / seconds["all weights"]
claim(0.5 < ratio < 0.7, "LoRA saves less than half of the time", measured=ratio, seeds=5)
same = np.mean(recipes["all weights"]["40"]["seconds"]) / seconds["LoRA 4"]
claim(0.8 < same < 1.25, "40 steps of all weights take as long as 80 of LoRA", measured=same)
ends = interval(reached("LoRA 4"), reached("last layer"))
claim(ends[1] > 0, "LoRA is ahead of the last layer", measured=ends, seeds=5)
lows = [interval(reached(arm), reached("LoRA 4"))[1] for arm in ("kernels", "all weights")]
text = "kernels are ahead of LoRA, and all weights barely"
claim(0 < lows[1] < 1 < lows[0], text, measured=lows, seeds=5)
ends = interval(reached("all weights"), reached("kernels"))
claim(ends[1] < 0 < ends[2], "kernels and all weights: we cannot tell", measured=ends, seeds=5)
ends = interval(reached("all weights", 40), reached("LoRA 4"))
claim(ends[1] < 0 < ends[2], "in the same time: we cannot tell", measured=ends, seeds=5)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · How few bits does a weight need?
#
# A network has to be stored and sent around, with 32 bits for each weight. Does it need them? To **quantise** is to write each kernel
# as whole numbers times a **scale**. Each output channel has a scale of its own, so that a channel of large weights does not
# spoil one of small weights.
#
# <!-- Notes: On the board: the weights 0.9, -0.3, 0.1 in 3 bits. The scale is 0.3, and the codes are 3, -1, 0. -->

# %% slideshow={"slide_type": "-"}
def rounded(kernel, bits):
    """A kernel (…, outputs) as whole numbers, and the scale of each output."""
    top = 2 ** (bits - 1) - 1  # 127 with 8 bits, 7 with 4, and 1 with 2
    axes = tuple(range(kernel.ndim - 1))
    scale = np.abs(kernel).max(axes) / top
    return np.rint(kernel / scale), scale


# %% slideshow={"slide_type": "skip"}
seen = models.resnet50("course").get_layer("conv1_conv").get_weights()[0]  # (7, 7, 3, 64)
strong = np.argsort(-seen.var((0, 1, 2)))[:8]
rows = [seen]
for bits in (4, 3, 2):
    codes, scale = rounded(seen, bits)
    rows.append(codes * scale)

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Eight kernels in fewer and fewer bits", "slide_type": "subslide"}
# Eight kernels, each stretched to the range that can be drawn.
tiles = np.concatenate([row[..., strong].transpose(3, 0, 1, 2) for row in rows])
largest = np.tile(np.abs(seen[..., strong]).max((0, 1, 2)), 4)
tiles = np.clip(0.5 + tiles / (2 * largest[:, None, None, None]), 0, 1)
ax = plotting.image_grid(tiles, columns=8, limits=(0, 1))
for row, name in enumerate(("8 bits", "4 bits", "3 bits", "2 bits")):
    _ = ax.text(-1, 8 * row + 4.5, name, ha="right", va="center")
plotting.show(ax, "Eight kernels of the first layer in four rows, with 8, 4, 3 and 2 bits")

# %% [markdown] slideshow={"headline": "What is left of the answers?", "slide_type": "subslide"}
# With 4 bits you can hardly see a difference. (Our networks are shipped in 8 bits already, so rounding to 8 changes nothing.)
#
# Now `budgets.quantised` rounds EfficientNet-Lite0. The benchmark compares its answers on 30 crops of each of the nine sample photographs,
# before and after. It also solves a new head on its features, for three textures with 20 labels of each.
#
# <!-- Notes: Answers: one in seven, and nearly all. This is the surprise of the section: collect both guesses before the reveal. -->

# %% slideshow={"code": false, "slide_type": "-"}
question = "At 4 bits, what share of its answers on photographs is still the same?"
quiz.predict("11.answers", question, 0, 1)

# %% slideshow={"code": false}
question = "And a head on its features at 4 bits: how accurate is it on textures?"
quiz.predict("11.features", question, 0, 1)

# %% slideshow={"slide_type": "skip"}
sure = models.efficientnet_lite0(top=True)
copies = {bits: budgets.quantised(sure, bits)[0] for bits in (8, 6, 5, 4, 3)}

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The largest square in the middle of five photographs, and their first names at so many bits.
photos = data.load_sample_photos()
chosen, squares = ("cat", "coffee", "flower", "rocket", "temple"), []
for image in (photos[name].image for name in chosen):
    side = min(image.shape[:2])
    top, left = ((n - side) // 2 for n in image.shape[:2])
    squares.append(models.fit_images(image[None, top : top + side, left : left + side], sure)[0])
words = weights.class_names()
named = {
    bits: [words[k] for k in ops.convert_to_numpy(copy(np.stack(squares))).argmax(1)]
    for bits, copy in copies.items()
}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
rounding = stored["bits"]
light, heavy = rounding["EfficientNet-Lite0"], rounding["letters-ResNet50"]
quiz.reveal("11.answers", light["4"]["answers"]["photographs"])
quiz.reveal("11.features", round(np.mean(light["4"]["heads"]["textures"]["results"]), 2))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What it now says", "slide_type": "subslide"} tags=["nbval-ignore-output"]
ax = plotting.image_grid([square.astype("uint8") for square in squares], chosen, columns=5)
plotting.show(
    ax, "Five sample photographs: a cat, a cup of coffee, a flower, a rocket and a temple"
)
print(f"{'bits':5}" + "".join(f"{name:>15}" for name in chosen))
for level, found in named.items():
    print(f"{level:<5}" + "".join(f"{word[:14]:>15}" for word in found))

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Percent over the bits for both networks: answers that survive, and heads on the features.
curves = {}
for (name, found), task in zip(rounding.items(), ("photographs", "letters"), strict=True):
    records = found.values()
    curves[name, "answers"] = [100 * record["answers"][task] for record in records]
    for kind in ("textures", "stripes"):
        shares = [record["heads"][kind]["results"] for record in records]
        curves[name, kind] = 100 * np.mean(shares, axis=1)


def untrained(name, kind):
    """Heads on the features of such a network with random weights, in percent."""
    return 100 * np.array(stored["untrained"][name][kind]["results"])


# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Answers and features", "slide_type": "subslide"}
# The curves of both networks, and dotted what heads reach on random weights.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 4.2), sharey=True)
for ax, (name, found) in zip(axes, rounding.items(), strict=True):
    levels = [int(level) for level in found]
    drawn = ax.plot(levels, curves[name, "answers"], "s--", color=plotting.COLORS["scratch"])
    for kind, mark, colour in (("textures", "o-", "frozen"), ("stripes", "^-", "source")):
        drawn += ax.plot(levels, curves[name, kind], mark, color=plotting.COLORS[colour])
        level = untrained(name, kind).mean()
        drawn += [ax.axhline(level, color=plotting.COLORS[colour], ls=":")]
    _ = ax.set(title=name, xlabel="bits for each weight")
    ax.invert_xaxis()
_ = axes[0].set(ylabel="percent")
names = ["its own answers: the same"]
for kind in ("textures, 3 classes", "stripes, 12 classes"):
    names += [f"a new head: right on {kind}", "such a head on random weights"]
_ = figure.legend(drawn, names, loc="outside lower center", fontsize=9, ncols=2)
plotting.show(figure, "Surviving answers and accuracy of heads for 8 to 2 bits, for two networks")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "skip"}
# Bytes, and processor seconds for the same images.
for name, found in rounding.items():
    print(name)
    for level in ("8", "4", "2"):
        record = found[level]
        took = f"{record['seconds']:5.1f} s for {record['images']} images"
        print(f"  {level} bits {record['bytes'] / 1e6:6.1f} MB, {took}")

# %% [markdown] slideshow={"slide_type": "notes"}
# With 7 bits the small network has lost a fifth of its answers, with 6 nearly half, and with 4 most of them. Yet at 4 bits its features
# still serve. The old head expects them as they were before rounding. A new one is solved on them as they are *now*, and has fewer
# classes: three textures, 95 % right, or twelve stripes, 94 %. On textures it leads random weights by 29 points, and at 2 bits by
# 9. The large network keeps nearly all of its letters down to 4 bits. Why, we have not tested.
#
# The seconds hardly change, because our copy multiplies in float32 as before. Rounding makes the *file* small. To be faster, a
# processor has to multiply the whole numbers themselves.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# One network in 8 bits, shares that survive, and heads beside those on random weights.
same = zip(sure.get_weights(), copies[8].get_weights(), strict=True)
claim(all(np.allclose(old, new) for old, new in same), "rounding again to 8 bits changes nothing")
left = [light[bits]["answers"]["photographs"] for bits in "764"]
text = "with 7, 6 and 4 bits about 80, 50 and 15 % of the answers are left"
claim(np.allclose(left, [0.8, 0.5, 0.15], atol=0.05), text, measured=left)
for kind, percent in (("textures", 95), ("stripes", 94)):
    serve = 100 * np.array(light["4"]["heads"][kind]["results"])
    text = f"heads at 4 bits: {percent} % of the {kind}"
    claim(round(serve.mean()) == percent, text, measured=serve, seeds=5)
control = untrained("EfficientNet-Lite0", "textures")
led = {b: interval(100 * np.array(light[b]["heads"]["textures"]["results"]), control) for b in "82"}
text = "on textures they lead random weights by 29 points at 8 bits, and by 9 at 2"
claim([round(led[b][0]) for b in "82"] == [29, 9], text, measured=led["2"], seeds=5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The large network, and processor seconds.
letters = heavy["4"]["answers"]["letters"]
claim(letters > 0.9, "the ResNet50 keeps over 90 % of its letters", measured=letters)
times = [found[b]["seconds"] / found["8"]["seconds"] for found in rounding.values() for b in "42"]
claim(0.75 < min(times) < max(times) < 1.33, "fewer bits are not faster here", measured=times)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4 · Can a small network learn from a large one?
#
# A phone needs a small network. In **distillation** (Hinton et al. 2015) a large network is the *teacher*, and the small one, the
# *student*, learns to give the teacher's answers.
#
# The target is chapter 04's digits in clutter, with 20 labels of each. The teacher is the letters-ResNet50 with a head on its frozen
# features. The student is chapter 04's small CNN from random weights, three hundred times smaller. Its images are shifted by up to
# four pixels.
#
# <!-- Notes:
# Ask what a teacher can say that a label cannot. "It is a 4, and it could have been a 9." The teacher is not fine-tuned, because
# chapter 05 could not tell whether that gains anything here.
# -->

# %% slideshow={"slide_type": "skip"}
# A teacher of your own: features of 200 labelled digits and of 20 new ones, and a head.
clutter = data.make_cluttered_digits(1_000, 300, random_state=3)
clutter = data.few_labels(clutter, 20, random_state=0)
large = models.resnet50("course")


def look(x):
    """Grey images as the ResNet50 sees them: (n, 2048)."""
    colour = np.rint(255 * x.repeat(3, axis=-1)).astype("uint8")
    return large.predict(models.fit_images(colour, large), verbose=0).mean((1, 2))


C = stored["distil"]["teacher"]["0"]["setting"]
seen = look(clutter.x_train)
kernel, bias = rivals.logistic_regression(seen, clutter.y_train, C)
says = look(clutter.x_test[:20]) @ kernel + bias
right = says.argmax(1) == clutter.y_test[:20]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ratio = large.count_params() / models.small_cnn().count_params()
claim(ratio > 300, "the teacher has over 300 times as many weights", measured=ratio)

# %% [markdown] slideshow={"headline": "What the teacher says", "slide_type": "subslide"}
# A **temperature** T makes probabilities softer, so that the wrong classes count as well. Both speak at T: the teacher says
# q = softmax(teacher / T), and the student p = softmax(z / T). Here are two digits that the teacher names right, and two that it does not:
#
# <!-- Notes: Which wrong digits does it name, and do they look alike? -->

# %% jupyter={"source_hidden": true} slideshow={"code": false}
# The first two digits that the teacher names right, and the first two that it does not.
four = [*np.flatnonzero(right)[:2], *np.flatnonzero(~right)[:2]]
figure, axes = plotting.plt.subplots(2, 4, figsize=(plotting.WIDTH, 4), sharey="row")
for (above, below), i in zip(axes.T, four, strict=True):
    z = says[i]
    _ = above.imshow(clutter.x_test[i, ..., 0], cmap="gray")
    _ = above.set_title(f"a {clutter.y_test[i]}, named {z.argmax()}", fontsize=10)
    _ = above.axis("off")
    _ = below.bar(np.arange(10) - 0.2, softmax(z[None])[0], 0.4, label="T = 1")
    _ = below.bar(np.arange(10) + 0.2, softmax(z[None] / 4)[0], 0.4, label="T = 4")
    _ = below.set_xticks(range(10))
    _ = below.tick_params(labelsize=8)
_ = axes[1, 0].set(ylabel="probability")
_ = axes[1, 3].legend(fontsize=9)
plotting.show(
    figure, "Four digits in clutter, and the teacher's probabilities at temperatures 1 and 4"
)


# %% [markdown] slideshow={"headline": "Raise a student", "slide_type": "subslide"}
# The student's loss is its cross-entropy with the teacher. (*Going deeper* says why it is multiplied by T².) Raise one that sees no label,
# only what the teacher says of the 200 digits:
#
# <!-- Notes: Where do the labels come in? Only in the teacher's head. Ask what a student without any images of its own could do. -->

# %% slideshow={"slide_type": "-"}
def distillation(teacher, z, T=4):
    """T² times the cross-entropy of the student with the teacher, both at temperature T."""
    q = ops.softmax(teacher / T)
    return T**2 * ops.categorical_crossentropy(q, z / T, from_logits=True)


# %% slideshow={"slide_type": "skip"}
# A student of the teacher alone; 800 steps.
keras.utils.set_random_seed(0)
student = models.small_cnn()
student.compile("adam", distillation, jit_compile=False)
told = (seen @ kernel + bias).astype("float32")
training.fit_steps(student, clutter.x_train, told, steps=800, batch_size=16, shift=4)
score = np.mean(student.predict(clutter.x_test, verbose=0).argmax(1) == clutter.y_test)

# %% slideshow={"code": false, "slide_type": "-"} tags=["atol-0.1"]
print(f"of 300 new digits it names {score:.2f}, where guessing would name 0.10")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(score > 0.25, "without a label it is far above guessing", measured=score)

# %% [markdown] slideshow={"headline": "Four lessons for a student", "slide_type": "subslide"}
# The first lesson is the 200 labels. The second is a control without a teacher: **label smoothing** gives the right class
# less than 1, and all classes share the rest. The third is half labels, half the teacher's probabilities of the same images. In the fourth,
# the teacher talks about 2,000 images more, which nobody has labelled. Each lesson was tuned, and takes 2,400 steps.
#
# <!-- Notes: Answer: all beat the labels, but from smoothing we cannot tell the teacher. Ask why that control belongs here. -->

# %% slideshow={"code": false, "slide_type": "-"}
lessons = ["labels", "smoothed labels", "labels and teacher", "teacher, unlabelled"]
lessons.append("we cannot tell")
quiz.predict("11.student", "Which lesson brings the student furthest?", lessons)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The accuracies of the five seeds, in percent.
def learned(arm, steps=2_400):
    found = stored["distil"][arm]
    return 100 * np.array(found.get(str(steps), found.get("0"))["results"])


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
best = max(lessons[:4], key=lambda arm: learned(arm).mean())
lows = [interval(learned(best), learned(arm))[1] for arm in lessons[:4] if arm != best]
quiz.reveal("11.student", best if min(lows) > 0 else "we cannot tell")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What each lesson is worth", "slide_type": "subslide"}
# Means over five seeds.
print(f"{'':31}{'800 steps':>12}{'2,400 steps':>12}")
for arm in stored["distil"]:
    shares = "".join(f"{f'{learned(arm, n).mean():.0f} %':>12}" for n in (800, 2_400))
    print(f"{arm:31}{shares}")
rival = 100 * np.mean(benchmark("label_efficiency")["accuracy"]["1200"]["fine-tuned"][2])
print(f"chapter 04's fine-tuned small CNN, 1,200 steps, other test images: {rival:.0f} %")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "skip"}
# Paired differences in points after 2,400 steps, with intervals of 95 %.
pairs = [(lesson, "labels") for lesson in lessons[1:4]]
pairs += [(lesson, "smoothed labels") for lesson in lessons[2:4]]
pairs += [(lesson, "teacher") for lesson in lessons[:4]]
pairs += [("teacher, unlabelled", "teacher's answers, unlabelled")]
for ours, theirs in pairs[:-1]:
    print(f"{ours} beside {theirs}:\n    {verdict(learned(ours), learned(theirs))}")
tuned = {arm: stored["distil"][arm]["2400"] for arm in lessons[:4]}
print("tuned for 2,400 steps, on two other draws of the labels:")
share = tuned["smoothed labels"]["second"]
print(f"  smoothed labels: {share:.0%} of each is shared among all classes")
for arm in lessons[2:4]:
    print(f"  {arm}: temperature {tuned[arm]['second']:g}")

# %% [markdown] slideshow={"slide_type": "notes"}
# The other three lessons beat plain labels, and with a teacher the student ends ahead of it: 61 and 63 % beside 55 %. (Plain
# labels we cannot tell from the teacher. A student trains every layer, on shifted images, and the teacher a head alone.) But look at the control. Smoothing needs no teacher, and overtakes it, too. We cannot tell it from the lessons with a teacher. And chapter 04's rival, which learned letters first,
# gets about as far without either, in half the steps.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired intervals of 95 %, in points, after 2,400 steps.
inside = [found["inside"] for arm in lessons[:4] for found in stored["distil"][arm].values()]
claim(all(inside), "no setting of a student lies at the edge of what was tried")
for ours, theirs in pairs[:3]:
    ends = interval(learned(ours), learned(theirs))
    claim(ends[1] > 0, f"{ours}: ahead of labels", measured=ends, seeds=5)
for ours, theirs in pairs[3:5]:
    ends = interval(learned(ours), learned(theirs))
    claim(ends[1] < 0 < ends[2], f"{ours}: we cannot tell from smoothing", measured=ends, seeds=5)
ends = interval(learned("labels"), learned("teacher"))
claim(ends[1] < 0 < ends[2], "labels: we cannot tell from the teacher", measured=ends, seeds=5)
for ours, theirs in pairs[6:9]:
    ends = interval(learned(ours), learned(theirs))
    claim(ends[1] > 0, f"{ours}: ahead of the teacher", measured=ends, seeds=5)
gap = rival - learned("teacher, unlabelled").mean()
claim(abs(gap) < 3, "chapter 04's network is near them, on other images", measured=gap)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5 · Would more machines help?
#
# In **data-parallel** training every machine has all weights, takes its share of each batch, and computes the gradient of its share.
# Then they add up their gradients, which is called an **all-reduce**, and all take the same step. Here is one, for
# two processes; `peer` leads to the other one.
#
# <!-- Notes: Play it: two learners, each with half of a batch on paper. What must they say to each other, and what not? -->

# %% slideshow={"code": false, "slide_type": "-"}
print("".join(inspect.getsource(parallel.all_reduce).split('"""')[::2]))

# %% [markdown] slideshow={"headline": "The loop", "slide_type": "subslide"}
# Around it runs the loop. Each gradient `g` is weighted by its share of the batch.
#
# <!-- Notes: What goes wrong with shares of 20 and 5 images and a plain mean? Task 4 of the exercise set. -->

# %% slideshow={"code": false, "slide_type": "-"}
print(inspect.getsource(parallel.train).split('"""')[2])

# %% [markdown] slideshow={"headline": "One process, then two", "slide_type": "subslide"}
# We train chapter 02's regression on digits, once alone and once with two real processes.
#
# <!-- Notes:
# Answer: three times as long, or longer, for starting two Pythons takes nearly all of it. The weights are the same. The two processes end
# when the call does, also if somebody interrupts it.
# -->

# %% slideshow={"slide_type": "skip"}
digits = data.make_cluttered_digits(2_000, 10, random_state=1)
x, y = digits.x_train.reshape(2_000, 784).astype("float64"), digits.y_train
start = np.zeros((784, 10))
how = {"steps": 60, "batch": 64, "rate": 0.05}

# %% slideshow={"slide_type": "-"}
began = perf_counter()
alone, _ = parallel.train(parallel.softmax_gradient, start, x, y, **how)
clock = [perf_counter() - began]

# %% slideshow={"code": false, "slide_type": "-"}
spans = ["half as long", "about as long", "three times as long, or longer"]
quiz.predict("11.clock", "How long will two processes take for the same?", spans)

# %% slideshow={"slide_type": "skip"}
began = perf_counter()
together, waited = parallel.train_on_two(parallel.softmax_gradient, start, x, y, **how)
clock.append(perf_counter() - began)
apart = np.abs(together - alone).max()
print("the same weights to 1e-5:", bool(apart < 1e-5))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
longer = clock[1] / clock[0]
quiz.reveal("11.clock", spans[0 if longer < 0.75 else 1 if longer < 3 else 2])

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"} tags=["nbval-ignore-output"]
print(f"alone {clock[0]:.2f} s, two processes {clock[1]:.2f} s")
print(f"a step alone {1000 * clock[0] / 60:.1f} ms, an exchange {1000 * np.median(waited):.1f} ms")

# %% [markdown] slideshow={"slide_type": "notes"}
# The result is the same, and it comes *later*: most of the time goes into starting two Pythons. Two are faster when a run is long, and a
# step computes for longer than it talks. (With a BatchNormalization that trains, not even the result is the same: each process sees half.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(apart < 1e-5 < np.abs(alone).max(), "two processes find what one finds", measured=apart)
claim(longer > 3, "but not sooner: starting included, they take several times as long")
share = 60 * np.median(waited) / clock[1]
claim(share < 0.5, "talking is not what takes most of it")
norm = layers.BatchNormalization()
half, whole = (ops.convert_to_numpy(norm(x[:n], training=True)) for n in (32, 64))
apart = np.abs(whole[:32] - half)
claim(apart.max() > 0.1, "BatchNormalization makes something else of half a batch")

# %% [markdown] slideshow={"headline": "What does the talking cost?", "slide_type": "subslide"}
# And a large network? In each step the machines exchange as many numbers as there are weights that train. The benchmark has timed up to
# 4 MB. From this we reckon more: a fixed time for each message, its **latency**, and then so many bytes a second, the **bandwidth**.
#
# <!-- Notes: The message takes more than half as long as the step itself. Ask which recipe of section 2 you would send through a slow line. -->

# %% slideshow={"slide_type": "skip"}
# Bytes and median seconds of an exchange; a latency and a bandwidth from the ends.
exchanges = list(stored["machines"].values())
sizes = np.array([each["bytes"] for each in exchanges])
times = np.array([np.median(each["seconds"]) for each in exchanges])
bandwidth = (sizes[-1] - sizes[0]) / (times[-1] - times[0])  # bytes in a second
latency = times[0] - sizes[0] / bandwidth


def exchange_seconds(size):
    return latency + size / bandwidth


# %% slideshow={"code": false}
step = {arm: seconds[arm] / 80 for arm in seconds}
print(f"a step of 16 images, from conv4 on, on one core: {step['all weights']:.2f} s")
print(f"an exchange of {sizes[-1] / 1e6:.0f} MB: {times[-1]:.3f} s")
print(
    f"the gradients of all its weights: {4 * recipes['all weights']['costs']['trained'] / 1e6:.0f} MB"
)
message = {arm: recipes[arm]["costs"]["bytes"]["gradients"] for arm in arms}
print(f"reckoned for these: {exchange_seconds(message['all weights']):.2f} s")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "A message, and a step", "slide_type": "subslide"}
# What was timed (grey), and what we reckon for two recipes of section 2.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.6))
for each in exchanges:
    timed = ax.plot([each["bytes"]] * len(each["seconds"]), each["seconds"], ".", color="0.6")
line = np.geomspace(1e3, 2e8, 50)
reckoned = ax.plot(line, exchange_seconds(line), color=plotting.COLORS["source"])
for arm in ("LoRA 4", "all weights"):
    place = message[arm], exchange_seconds(message[arm])
    _ = ax.plot(*place, "D", color=plotting.COLORS["fine-tuned"])
    _ = ax.annotate(arm, place, (-10, -4), textcoords="offset points", ha="right")
_ = ax.axhline(step["all weights"], color="k", ls=":")
_ = ax.text(1e3, 1.2 * step["all weights"], "a step of 16 images, all weights")
_ = ax.legend([*timed, *reckoned], ["timed", "reckoned"], loc="lower right")
_ = ax.set(xscale="log", yscale="log", xlabel="bytes", ylabel="seconds of an all-reduce")
plotting.show(
    ax, "Seconds of an all-reduce over its bytes, with two recipes and the time of a step"
)

# %% [markdown] slideshow={"slide_type": "notes"}
# The gradients of all weights take half as long as the step, and LoRA's next to nothing. But this is reckoned, and our two
# processes sit in *one* machine: a cable is slower. And a hundred machines with 16 images each need a batch of 1,600, where we have 240
# labelled images. More machines are for more *data*.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Reckoned from medians of 20 exchanges.
slow = {arm: exchange_seconds(message[arm]) / step[arm] for arm in ("all weights", "LoRA 4")}
text = "all gradients together take about half a step"
claim(0.4 < slow["all weights"] < 0.7, text, measured=slow["all weights"])
claim(slow["LoRA 4"] < 0.02, "LoRA's take under a fiftieth of its step", measured=slow["LoRA 4"])

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6 · What fits into *your* budget?
#
# <!-- Notes: Let everybody type in their own numbers. The seconds are those of their laptop, as busy as it is. -->

# %% [markdown] slideshow={"slide_type": "notes"}
# `transfer.plan` counts memory, clocks a few steps on *this* machine, and says what fits. It plans for EfficientNet-Lite0 and
# photographs. Unlike section 1 it also counts the images, the frozen part below, and what that has returned.

# %% slideshow={"code": false, "slide_type": "-"} tags=["nbval-ignore-output"]
plan = transfer.plan(images=400, side=128, labels=20, minutes=5, memory=150)
print(plan)

# %% [markdown] slideshow={"slide_type": "notes"}
# Ranges that overlap decide nothing. Paired (chapter 06), training from stage6 on is ahead of the head on one of the four sets, and on
# three we cannot tell. The "–" is what nobody has measured, even for the most that fits.
#
# <!-- Notes: Ask for a budget in which nothing fits, and read what it says then. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Stored accuracies at 20 labels of each class: paired intervals of 95 %, in points.
kinds = [f"{kind} EfficientNet-Lite0" for kind in ("fine-tuned", "frozen")]
sets = ("flowers_160", "ants_bees_160", "trash_160", "sign_language_digits")
ends = [interval(*(100 * photo_scores(name, kind) for kind in kinds)) for name in sets]
ahead = [low > 0 for _, low, _ in ends]
claim(sum(ahead) == 1, "stage6 and above are ahead of the head on one set of four", seeds=5)
unsure = [low < 0 < high for _, low, high in ends]
claim(sum(unsure) == 3, "on three we cannot tell", seeds=5)

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Less of both; the speeds are remembered.
print(transfer.plan(images=400, side=128, labels=20, minutes=1, memory=70).recommendation)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
head = [recipe for recipe in plan.recipes if recipe.name == plan.recipes[0].name]
least = min(recipe.megabytes for recipe in plan.recipes)
claim(least in [recipe.megabytes for recipe in head], "the head alone takes the least memory")

# %% [markdown] slideshow={"slide_type": "notes"}
# Compare the two that the plan names over five seeds, and keep the simpler one unless the interval says otherwise.

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · What else the benchmark found

# %% [markdown] slideshow={"slide_type": "skip"}
# More of section 2's arms, beside each other. Rank 1 we cannot tell from γ and β, while rank 4 is ahead of them. Rank 16 trails all
# weights by as much as rank 4, but its seeds lie so far apart that we cannot tell.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired intervals of 95 %, in points.
pairs_of_arms = [(f"LoRA {rank}", 80, "γ and β", 80) for rank in (1, 4, 16)]
pairs_of_arms += [("biases", 80, "last layer", 80), ("all weights", 80, "LoRA 16", 80)]
pairs_of_arms += [(arm, 40, "LoRA 4", 40) for arm in ("kernels", "all weights")]
for ours, n, theirs, m in pairs_of_arms:
    rival = theirs if theirs == "last layer" else f"{theirs}, {m} steps"
    found = verdict(reached(ours, n), reached(theirs, m))
    print(f"{f'{ours}, {n} steps':21} beside {rival:17} {found}")
for rank, known in ((1, False), (4, True)):
    ends = interval(reached(f"LoRA {rank}"), reached("γ and β"))
    text = f"rank {rank}: {'ahead of' if known else 'we cannot tell it from'} γ and β"
    claim((ends[1] > 0) == known, text, measured=ends, seeds=5)
ends = interval(reached("all weights"), reached("LoRA 16"))
claim(ends[1] < 0 < ends[2], "all weights: we cannot tell from rank 16", measured=ends, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# Rounding can even help. On the stripes, heads on EfficientNet-Lite0's features are *better* at 5 and 4 bits than as it was shipped, at 2
# bits far worse. We do not know why. (The intervals are over draws of labels: each rounding is one.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Heads on stripes, over the bits; then paired intervals of 95 %, in points.
far = {level: 100 * np.array(light[level]["heads"]["stripes"]["results"]) for level in "8542"}
for level, accuracies in far.items():
    print(f"{level} bits {accuracies.mean():.0f} %")
for level in "54":
    ends = interval(far[level], far["8"])
    claim(ends[1] > 0, f"on stripes, {level} bits are ahead of 8", measured=ends, seeds=5)
ends = interval(far["2"], far["8"])
claim(ends[2] < 0, "and 2 bits behind", measured=ends, seeds=5)

# %% [markdown] slideshow={"slide_type": "skip"}
# The last row of section 4's table is a control of its own. There the teacher gives plain answers about the 2,000 images, and no probabilities. After
# 800 steps the student that hears probabilities is ten points ahead, and after 2,400 we cannot tell the two apart: probabilities teach
# *faster*. They need not be softened for that: here tuning took T = 1. (For half labels, half teacher it took T = 4.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# Paired intervals of 95 %, in points.
for n in (800, 2_400):
    print(f"after {n:,} steps: {verdict(*(learned(arm, n) for arm in pairs[-1]))}")
early, late = (interval(*(learned(arm, n) for arm in pairs[-1])) for n in (800, 2_400))
claim(early[1] > 0, "probabilities teach faster than answers", measured=early, seeds=5)
claim(late[1] < 0 < late[2], "after 2,400 we cannot tell the two apart", measured=late, seeds=5)
took = [tuned[arm]["second"] for arm in ("teacher, unlabelled", "labels and teacher")]
claim(took == [1, 4], "tuning took T = 1 here, and T = 4 there")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Where T² comes from

# %% [markdown] slideshow={"slide_type": "skip"}
# The gradient of the student's loss is chapter 02's prediction minus target: T (p − q) for each example. Without T² it would be
# (p − q) / T, and that is small twice over: once because of 1/T, and once because softer p and q differ less, about T times as
# little. So T² keeps the step as long as it was.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The gradient for 20 digits and random logits, by backpropagation and by the formula.
z = np.random.default_rng(0).normal(size=says.shape).astype("float32")
slope = autodiff.gradient(lambda z: ops.sum(distillation(says.astype("float32"), z, T=3)), z)
formula = 3 * (softmax(z / 3) - softmax(says / 3))
claim(np.abs(slope - formula).max() < 1e-5, "the gradient is T (p − q)")


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · A hundred machines

# %% [markdown] slideshow={"slide_type": "skip"}
# With more machines a **ring** is usual (Patarasuk & Yuan 2009): the gradient is cut into n pieces, and each machine passes a
# piece to its neighbour 2 (n − 1) times. Each trains on 16 images. How much faster would n machines be, if their lines were like ours?

# %% slideshow={"slide_type": "skip"}
def speed_up(n, arm):
    """How many times as many images n machines train on in the same time."""
    ring = 2 * (n - 1) * exchange_seconds(message[arm] / n)
    return n * step[arm] / (step[arm] + ring)


# %% slideshow={"slide_type": "skip"}
print("machines: images in the time of one, with all weights and with LoRA 4")
for n in (2, 10, 100):
    print(f"{n:8}: {speed_up(n, 'all weights'):6.2g} {speed_up(n, 'LoRA 4'):6.2g}")

# %% [markdown] slideshow={"slide_type": "skip"}
# With all weights, a hundred machines spend half of their time on messages, and with LoRA's adapters less than a tenth. A cable would be
# slower. But we are too hard on the ring, whose machines send and receive at once: in ours the two take turns.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
gains = [speed_up(100, arm) for arm in ("all weights", "LoRA 4")]
claim(gains[0] < 55 and gains[1] > 90, "of a hundred, LoRA uses nine tenths", measured=gains)

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · An engine for two processes

# %% [markdown] slideshow={"slide_type": "skip"}
# You will not write the all-reduce yourself. PyTorch's `DistributedDataParallel` wraps a network and adds up its gradients
# during `backward`, while the way back goes on. Here it trains section 5's regression with two processes of its own. (Without
# PyTorch the cell says what is missing.)

# %% slideshow={"slide_type": "skip"}
# What each of the two processes does; they meet in a file.
WORK = """import torch, numpy as np
from torch import distributed, nn
given = np.load({folder!r} + "/given.npz")
x, y = map(torch.from_numpy, (given["x"], given["y"]))
distributed.init_process_group(
    "gloo", init_method="file://" + {folder!r} + "/meet", rank={rank}, world_size=2
)
net = nn.Linear(784, 10, bias=False).double()
nn.init.zeros_(net.weight)
net = nn.parallel.DistributedDataParallel(net)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05)
for step in range(60):
    share = (torch.arange(64 * step, 64 * step + 64) % len(x))[{rank}::2]
    optimizer.zero_grad()
    nn.functional.cross_entropy(net(x[share]), y[share]).backward()
    optimizer.step()
np.save({folder!r} + "/{rank}.npy", net.module.weight.detach().numpy())
"""

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# Both at once, and what they found; a sentence if they could not.
with TemporaryDirectory() as folder:
    np.savez(Path(folder) / "given.npz", x=x, y=y.astype("int64"))
    scripts = [WORK.format(folder=Path(folder).as_posix(), rank=rank) for rank in (0, 1)]
    with ThreadPoolExecutor(2) as both:
        problems = [problem for _, problem in both.map(lambda s: processes.ask(s, 120), scripts)]
    failed = max(problems)
    if not failed:
        theirs = [np.load(Path(folder) / f"{rank}.npy").T for rank in (0, 1)]
print(f"not run: {failed}" if failed else "both processes have finished")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
if not failed:
    same = [np.allclose(found, alone, atol=1e-5) for found in theirs]
    claim(all(same), "PyTorch's engine finds the same weights to 1e-5")


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Numbers of 16 bits

# %% [markdown] slideshow={"slide_type": "skip"}
# Graphics cards multiply 16-bit numbers several times as fast as 32-bit ones, so networks train in **mixed precision**: products in
# 16 bits, weights in 32 (Micikevicius et al. 2018). There are two kinds. float16 has 10 digits after the binary point and a small range; bfloat16 has 7, and the range of float32.

# %% slideshow={"slide_type": "skip"}
def in_16_bits(value, kind):
    return float(ops.convert_to_numpy(ops.cast(ops.cast(value, kind), "float32")))


for kind in ("float16", "bfloat16"):
    print(f"{kind:9} 1e-8 → {in_16_bits(1e-8, kind):.1e}   1.001 → {in_16_bits(1.001, kind):.4f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# A small gradient is *zero* in float16. So the loss is multiplied by a large number first, and the gradients are divided by it again in 32
# bits; in Keras, `keras.mixed_precision.set_dtype_policy("mixed_float16")` does both. In bfloat16 the gradient survives, but 1.001 is 1, so a
# step would never move a weight: that is why weights stay in 32 bits.
#
# Activations of 16 bits take half of the memory. **Gradient checkpointing** saves still more (Chen et al. 2016): it keeps a few activations,
# and computes those between them again on the way back. The price is the forward part a second time, a fourth part besides section 1's three.

# %% slideshow={"slide_type": "skip"}
scaled = in_16_bits(1e-8 * 2**15, "float16") / 2**15
print(f"scaled by 32,768 first: {scaled:.1e}")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(in_16_bits(1e-8, "float16") == 0, "in float16, 1e-8 is zero")
claim(abs(scaled / 1e-8 - 1) < 0.001, "scaled first, it survives", measured=scaled)
claim(in_16_bits(1.001, "bfloat16") == 1, "in bfloat16, 1.001 is 1")
keras.config.set_dtype_policy("mixed_bfloat16")
acts = [budgets.memory(models.small_cnn(), batch=64)["activations"]]
keras.config.set_dtype_policy("float32")
acts.append(budgets.memory(models.small_cnn(), batch=64)["activations"])
claim(0.45 < acts[0] / acts[1] < 0.6, "16 bits halve the activations", measured=acts[0] / acts[1])


# %% [markdown] slideshow={"slide_type": "skip"}
# And is it faster? A graphics card has units for such numbers. Many processors have none, and must turn each number into 32 bits first. Time a step on
# your machine:

# %% slideshow={"slide_type": "skip"}
# The fastest of five training steps of the small CNN with 64 images.
def milliseconds(policy):
    usual = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    net = models.small_cnn()
    keras.config.set_dtype_policy(usual)
    training.compile_classifier(net)
    took = []
    for _ in range(6):
        began = perf_counter()
        net.train_on_batch(digits.x_train[:64], digits.y_train[:64])
        took.append(perf_counter() - began)
    return 1000 * min(took)


# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
for policy in ("float32", "mixed_float16", "mixed_bfloat16"):
    print(f"{policy:15} {milliseconds(policy):5.1f} ms")

# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Whole numbers that are multiplied

# %% [markdown] slideshow={"slide_type": "skip"}
# Keras can do what section 3 could not: `quantize("int8")` turns a layer into one that multiplies whole numbers, its inputs too. Which layers
# of the small CNN does it take?

# %% slideshow={"slide_type": "skip"}
whole_numbers, pixels = models.small_cnn(), digits.x_train[:100]
in_32_bits = ops.convert_to_numpy(whole_numbers(pixels))
with warnings.catch_warnings(action="ignore"):  # about each layer that stays as it is
    whole_numbers.quantize("int8")
in_8_bits = ops.convert_to_numpy(whole_numbers(pixels))
for layer in whole_numbers.layers:
    if hasattr(layer, "kernel"):
        print(f"{layer.name:6} {layer.kernel.dtype}")

# %% [markdown] slideshow={"slide_type": "skip"}
# In Keras 3.15 the dense layer alone, and no convolution. For a language model that is most of the network, and for ours the head. The logits
# hardly change.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
apart = np.abs(in_8_bits - in_32_bits).max() / np.abs(in_32_bits).max()
claim(apart < 0.05, "the logits move by less than 5 % of the largest", measured=apart)
kinds = [str(layer.kernel.dtype) for layer in whole_numbers.layers if hasattr(layer, "kernel")]
claim("int8" in kinds[-1] and "float32" in kinds[0], "the dense layer alone holds whole numbers")

# %% [markdown] slideshow={"slide_type": "skip"}
# Telephones and small computers run networks with **LiteRT**, which can multiply whole numbers, in convolutions too. Keras writes its files
# on TensorFlow, without the internet. Here is the small CNN as it is, and with kernels of 8 bits:

# %% slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# The same network as two files for LiteRT; without TensorFlow there are none.
kilobytes = {}
if keras.config.backend() == "tensorflow":
    from tensorflow import lite

    small = models.small_cnn()
    with TemporaryDirectory() as folder:
        for kind, how in {"32 bits": [], "8 bits": [lite.Optimize.DEFAULT]}.items():
            path = Path(folder) / "small.tflite"
            small.export(path, format="litert", verbose=False, optimizations=how)
            kilobytes[kind] = path.stat().st_size / 1000
for kind, size in kilobytes.items():
    print(f"{kind:7} {size:4.0f} kB")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
if kilobytes:
    share = kilobytes["8 bits"] / kilobytes["32 bits"]
    claim(share < 0.3, "8 bits make the file nearly four times as small", measured=share)


# %% [markdown] jp-MarkdownHeadingCollapsed=true slideshow={"slide_type": "skip"}
# ## Going deeper · Pruning

# %% [markdown] slideshow={"slide_type": "skip"}
# Another way to make a network small is to set its smallest weights to zero (Han et al. 2015). What does EfficientNet-Lite0 say when each kernel loses its
# smallest tenth, fifth, half?

# %% slideshow={"slide_type": "skip"}
def pruned(kernel, share):
    """A kernel whose smallest weights are zero."""
    return np.where(np.abs(kernel) < np.quantile(np.abs(kernel), share), 0, kernel)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["nbval-ignore-output"]
# First names of the five photographs of section 3, after each loss.
copy = keras.models.clone_model(sure)
print(f"{'share':6}" + "".join(f"{name:>15}" for name in chosen))
for share in (0, 0.1, 0.2, 0.3, 0.5):
    pairs = zip(sure.weights, sure.get_weights(), strict=True)
    copy.set_weights([pruned(w, share) if v.name == "kernel" else w for v, w in pairs])
    top = ops.convert_to_numpy(copy(np.stack(squares))).argmax(1)
    print(f"{share:<6}" + "".join(f"{words[k][:14]:>15}" for k in top))

# %% [markdown] slideshow={"slide_type": "skip"}
# Zeros compress well in a file, but the processor multiplies by them as by any other number. And a pruned network is trained again, to make up for the
# loss; here it was not.

# %% [markdown] slideshow={"slide_type": "skip"}
# ## How well did you predict?

# %% slideshow={"slide_type": "skip"}
quiz.predictions("11")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Key points
#
# - What trains decides gradients and the optimiser's state. Batch, side and what is frozen decide the activations.
# - Freezing BatchNormalization saves activations. LoRA saves the optimiser's state and the messages between machines, but less than
#   half of the time. Compare ways in the same time.
# - Rounding makes files small, not fast. A new head can use features that the old head no longer understands.
# - A teacher helps a student, and so do smoothed labels without one. Show the control.
# - Machines that share a batch compute what one does, unless BatchNormalization looks at the whole batch. The size of the message
#   decides whether they are faster.
#
# <!-- Notes: Ask for the training from the beginning that was given up. What would they count now? Then hand out set 11. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# ## Exercises to do next
#
# The [exercise set of this chapter](../exercises/ex11/ex11_budgets.ipynb) checks your answers as you go. Beyond it, count a step
# of your own network: which is the largest batch that fits into 4 GB?
#
# ## Further reading
#
# - Hu et al. 2022, *LoRA: low-rank adaptation of large language models*, ICLR.
# - Jacob et al. 2018, *Quantization and training of neural networks for efficient integer-arithmetic-only inference*, CVPR.
# - Hinton, Vinyals & Dean 2015, *Distilling the knowledge in a neural network*.
# - Goyal et al. 2017, *Accurate, large minibatch SGD: training ImageNet in 1 hour*.
