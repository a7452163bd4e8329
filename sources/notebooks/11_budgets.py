# %% [markdown] slideshow={"slide_type": "slide"}
# # 11 · Small budgets
#
# You have a laptop, an evening, and a network of 24 million weights. The usual advice is to train fewer weights, to use fewer
# bits, or to take more machines. Each of these saves *something*. In this chapter you find out what, what it costs, and how to
# decide before you train.
#
# <!-- Notes:
# Ask for a training that was given up: because it took too long, or because the memory was full? Most cannot say which
# part of the memory was full. That is section 1.
# -->

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What you will be able to do
#
# - count what a training step holds in memory, before you run it;
# - write low-rank adapters, merge them, and compare them with simpler ways to train little;
# - round a network to a few bits, and say what survives;
# - let a small network learn from a large one, with the controls that this needs;
# - share a batch between two processes, and reckon what a hundred machines would do;
# - plan a training for your own machine.
#
# <!-- Notes: Sections 1 and 2 belong together. Each of 3 to 6 can be left out. -->

# %% [markdown] slideshow={"slide_type": "skip"}
# **Time:** 75 minutes to read and try, 2 min 30 s to run. You need chapters 02 and 05. What takes longer than a chapter may was
# measured by `python -m benchmarks.budgets`, with five seeds; the chapter reads what it has stored.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["setup"]
# Everything that the chapter needs.
import inspect
import json
import math
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from scipy import stats

from tlcourse import backend, budgets, data, models, parallel, plotting, quiz, rivals
from tlcourse import transfer, weights
from tlcourse.course import processes
from tlcourse.course.content import benchmark
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
# Three of them you can count in your head. Each number takes four bytes.
#
# <!-- Notes: Let them count the first three rows for 24 million weights on paper: 94, 94 and 188 megabytes. -->

# %% slideshow={"slide_type": "subslide"}
network = models.add_head(models.resnet50(None, side=224), classes=10)
n = network.count_params()
trained = sum(math.prod(w.shape) for w in network.trainable_weights)
print(f"weights    {4 * n / 1e6:4.0f} MB")
print(f"gradients  {4 * trained / 1e6:4.0f} MB")
print(f"Adam       {8 * trained / 1e6:4.0f} MB")

# %% [markdown] slideshow={"headline": "And the activations?", "slide_type": "subslide"}
# The fourth needs chapter 03's way back. The gradient of a kernel is made from the layer's *input*, so a convolution keeps that. So
# does BatchNormalization, for its γ. A ReLU keeps what it returns. A bias needs nothing, because its gradient is the one that
# arrives. `budgets.memory` goes through the network by these rules, and counts once what two layers share.
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
# Now you can compare ways to need less, before you run any of them:
#
# - **Gradient accumulation**: send the batch through in four quarters, add up their gradients, and only then take the step.
# - **Smaller images**, of half the side.
# - **Freeze** all below conv4, and compute only once what it returns (chapter 05).
# - Train **the head alone**, on features that you compute once.
#
# <!-- Notes: Before the figure: which of these would you try first when the memory is full, and which when the evening is over? -->

# %% slideshow={"slide_type": "skip"}
# Each way: the part that trains, and how many images are inside it at once.
half = models.add_head(models.resnet50(None, side=112), classes=10)
ways = {
    "everything": (network, 32),
    "in four quarters": (network, 8),
    "images of half the side": (half, 32),
    "from conv4 on": (transfer.split(network, "conv3")[1], 32),
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


# Three times: the way forward, and on the way back the gradients of the kernel and of the input.
work = {way: 3 * 32 * multiplications(model) / 1e9 for way, (model, _) in ways.items()}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# What each way holds.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.6))
left = np.zeros(len(table))
for part in parts:
    wide = np.array([row[part] for row in table.values()])
    _ = ax.barh(list(table), wide, left=left, label=part)
    left += wide
for place, way in enumerate(table):
    products = f"{work[way]:.0f} billion products" if work[way] > 1 else "hardly any products"
    _ = ax.text(left[place] + 40, place, products, va="center")
ax.invert_yaxis()
ax.grid(visible=False)
_ = ax.set(xlabel="megabytes of a step of 32 images", xlim=(0, 4_600))
_ = ax.legend(loc="lower right")
plotting.show(ax, "Megabytes of five ways to train, by weights, gradients, optimiser and activations")

# %% [markdown] slideshow={"slide_type": "notes"}
# Quarters of a batch save three quarters of the activations and no time at all. (And BatchNormalization then sees quarters.)
# Half the side saves three quarters of both. Freezing the lower part saves even more time, because its work is done once. The head
# alone costs next to nothing, which is why chapter 05 began with it.
#
# ### Does a real step take that much?
#
# The count is what no library can do without. To see what ours takes, we start fresh processes that take one training step
# each, on images of 64×64, with 8 images and with 32. What the larger one takes *more* belongs to the images.
#
# <!-- Notes: Why a difference? Python, Keras and TensorFlow take half a gigabyte themselves, and it cancels. -->

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# The most memory that a process with so many images in a step has held, in megabytes.
STEP = """
import resource, sys
import numpy as np
from tlcourse import models, training
model = models.add_head(models.resnet50(None, 64), 10)
training.compile_classifier(model)
model.run_eagerly = True
model.train_on_batch(np.zeros(({batch}, 64, 64, 3), "float32"), np.zeros({batch}, int))
unit = 1e6 if sys.platform == "darwin" else 1e3
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit)
"""
answers = [processes.ask(STEP.format(batch=batch)) for batch in (8, 32)]
problem = answers[0][1] or answers[1][1]  # on Windows: it has no such count

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "skip"} tags=["nbval-ignore-output"]
small = models.add_head(models.resnet50(None, side=64), classes=10)
counted = budgets.memory(small, batch=1)["activations"] / 1e6
print(f"counted: {counted:.1f} MB for each image")
if not problem:
    taken = (float(answers[1][0]) - float(answers[0][0])) / 24
    print(f"taken:   {taken:.1f} MB for each image")
print(problem)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(bool(problem) or taken > counted, "no step takes less than the count")

# %% [markdown] slideshow={"slide_type": "notes"}
# Ours takes more, because it also keeps what it could compute again, and needs room to work in. So take the count to *compare* ways,
# and leave room.


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2 · Can you train fewer weights?
#
# Gradients and Adam's state count for each weight that *trains*. So train fewer, but not only the last layer's. The best known
# way is **LoRA**, low-rank adaptation (Hu et al. 2022). A layer's weights W stay frozen. Beside them stand two thin matrices, A with r columns
# and B with r rows:
#
# $$ x \;\mapsto\; x\,W + (x\,A)\,B $$
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
# A convolution of 1×1 is a dense layer at every place of the map, so the same lines serve both. Here is one of ResNet50:
#
# <!-- Notes: Ask why B begins with zeros: so that the first step begins from the pretrained network, and not from a broken one. -->

# %% slideshow={"slide_type": "-"}
network = models.resnet50("course")
wide = network.get_layer("conv4_block2_1_conv")
x = np.random.default_rng(0).normal(size=(2, 4, 4, 1024)).astype("float32")
plain = ops.convert_to_numpy(wide(x))
adapted = LoRA(wide, rank=4)
at_first = ops.convert_to_numpy(adapted(x))

# %% [markdown] slideshow={"slide_type": "notes"}
# B is zero at first, so nothing changes. After training we *add* A B to W. Then the adapter is gone, and the network is as fast as
# it was.

# %% slideshow={"slide_type": "-"}
adapted.b.assign(0.01 * np.random.default_rng(1).normal(size=(4, 256)))  # as if it had trained
moved = ops.convert_to_numpy(adapted(x))
kernel, bias = wide.get_weights()
a, b = (ops.convert_to_numpy(part) for part in (adapted.a, adapted.b))
wide.set_weights([kernel + a @ b, bias])
merged = ops.convert_to_numpy(wide(x))

# %% jupyter={"source_hidden": true} slideshow={"code": false}
claim(np.array_equal(at_first, plain), "at first, the adapter changes nothing")
apart = np.abs(merged - moved).max()
size, way = np.abs(moved).max(), np.abs(moved - plain).max()
claim(apart < 1e-5 * size < way, "merged, it returns the same to 1e-5", measured=apart / size)

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

# %% [markdown] slideshow={"headline": "The adapter that Keras has", "slide_type": "subslide"}
# The gradient of A has B as a factor, and that of B has A. With both at zero, each waits for the other for ever.
#
# This is not only theory. Keras has LoRA built in: `enable_lora(4)` on a Dense layer or a convolution. Watch what
# becomes of it when you save it and load it again.
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

# %% slideshow={"slide_type": "-"}
for weight in again.layers[0].trainable_weights:
    print(f"{weight.name:14} largest: {np.abs(ops.convert_to_numpy(weight)).max():.1f}")

# %% [markdown] slideshow={"slide_type": "notes"}
# It has merged what was learned, and put A and B at zero, so they never move again. (With Keras 3.15.) Train with it, but do
# not go on after loading. The course's `budgets.lora(network, rank)` keeps A and B in the file. It takes a copy of a network, puts your
# fifteen lines in place of each dense layer and 1×1 convolution that trains, lets the last layer train as a whole, and
# freezes the rest.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
loaded = {v.name: ops.convert_to_numpy(v) for v in again.layers[0].trainable_weights}
both = [np.abs(loaded[name]).max() for name in loaded if name.startswith("lora")]
claim(len(both) == 2 and max(both) == 0, "loaded again, Keras' A and B are both zero")

# %% [markdown] slideshow={"headline": "A far target", "slide_type": "subslide"}
# ### Is it worth it?
#
# We need a target where fine-tuning has much to win, and that is far from the letters that our ResNet50 knows: stripes
# in twelve directions, with 20 labels of each. From conv4 on, and in several ways, we train after the head was solved.
#
# <!-- Notes: A network from scratch does better here, and chapter 05's pages say so. The stripes are a test bench, no advice. -->

# %% slideshow={"slide_type": "skip"}
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
# First one run of your own: rank 4, at the learning rate that the benchmark chose.
#
# <!-- Notes: Start the cell, then ask for the next two predictions while it runs. -->

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
labelled, held_out = np.arange(240), np.arange(240, 440)
base = rivals.Upper(models.resnet50("course"), "conv3", images, classes=12)
adapted = budgets.lora(base.model, rank=4)

# %% slideshow={"slide_type": "-"}
stored = benchmark("budgets")
recipes = stored["recipes"]
C = recipes["last layer"]["0"]["setting"]
kernel, bias = rivals.logistic_regression(base.features[labelled], few.y_train, C)
adapted.get_layer("head").set_weights([kernel.astype("float32"), bias.astype("float32")])
before = np.mean((base.features[held_out] @ kernel + bias).argmax(1) == few.y_test)

# %% slideshow={"slide_type": "-"} tags=["nbval-ignore-output"]
trainer = rivals.Trainer(adapted, base.x)
rate = recipes["LoRA 4"]["80"]["setting"]
(named,) = trainer.train(y_stripes, labelled, held_out, rate, budgets=[80], seed=0)
after = np.mean(named == few.y_test)

# %% slideshow={"code": false} tags=["atol-0.1"]
print(f"the head alone {before:.2f}, with adapters after 80 steps {after:.2f}")

# %% slideshow={"slide_type": "skip"}
plain = budgets.merge(adapted)
logits = [network.predict(base.x[held_out[:50]], verbose=0) for network in (adapted, plain)]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
claim(after > before, "the adapters have learned", measured=after - before)
apart = np.abs(logits[0] - logits[1]).max()
apart /= np.abs(logits[0]).max()
claim(apart < 1e-5, "merged, the network has the same logits to 1e-5", measured=apart)

# %% [markdown] slideshow={"headline": "Less that trains, less that is kept?", "slide_type": "subslide"}
# The benchmark has tried six ways to train from conv4 on, each with its learning rate tuned. *γ and β* trains what BatchNormalization scales and
# shifts with, *biases* the shifts alone, and *last layer* nothing else. A hundredth of the weights needs a
# hundredth of Adam's state. But what about the activations?
#
# <!-- Notes: Answers: nine tenths; see the table. Ask what γ's gradient is made from. -->

# %% slideshow={"code": false, "slide_type": "-"}
question = "What share of the activations is still kept if γ and β alone train?"
quiz.predict("11.kept", question, 0, 1.2)

# %% slideshow={"code": false}
choices = ["last layer", "γ and β", "biases", "LoRA 4", "all weights", "we cannot tell"]
quiz.predict("11.recipe", "Which reaches most after 80 steps?", choices)

# %% slideshow={"code": false}
question = "What share of the seconds of *all weights* does LoRA 4 take?"
quiz.predict("11.seconds", question, 0, 1.5)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# What the benchmark has stored, and how to ask it.
arms = ["last layer", "biases", "γ and β", "LoRA 1", "LoRA 4", "LoRA 16", "all weights"]


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


# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
kept = {arm: recipes[arm]["costs"]["bytes"]["activations"] for arm in arms}
quiz.reveal("11.kept", round(kept["γ and β"] / kept["all weights"], 2))
best = max(choices[:-1], key=lambda arm: reached(arm).mean())
lows = [interval(reached(best), reached(arm))[1] for arm in choices[:-1] if arm != best]
quiz.reveal("11.recipe", best if min(lows) > 0 else "we cannot tell")
seconds = {arm: np.mean(recipes[arm]["80"]["seconds"]) for arm in arms[1:]}
quiz.reveal("11.seconds", round(seconds["LoRA 4"] / seconds["all weights"], 2))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What each way takes, and what it reaches", "slide_type": "subslide"}
# Means over five seeds; megabytes of a step of 16 images; processor seconds of 80 steps.
print(f"{'':12}{'train':>11}{'Adam':>10}{'activations':>13}{'seconds':>9}{'40 steps':>10}{'80 steps':>10}")
for arm in arms:
    costs = recipes[arm]["costs"]
    adam, acts = (costs["bytes"][part] / 1e6 for part in ("optimizer", "activations"))
    took = f"{seconds[arm]:.0f}" if arm in seconds else "–"
    shares = "".join(f"{f'{reached(arm, n).mean():.0f} %':>10}" for n in (40, 80))
    print(f"{arm:12}{costs['trained']:11,}{adam:7.1f} MB{acts:10.1f} MB{took:>9}{shares}")
scratch = benchmark("fine_tuning_pays")["targets"]["stripes"]["arms"]["20"]["scratch"]["200"]
print(f"beside them: a small network from scratch, 200 steps: {100 * np.mean(scratch['results']):.0f} %")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Five seeds for each way, and their mean; beside its name, the weights that it trains.
figure, ax = plotting.plt.subplots(figsize=(plotting.WIDTH, 3.6))
for place, arm in enumerate(arms):
    colour = {"last layer": "frozen", "all weights": "fine-tuned"}.get(arm, "source")
    _ = ax.plot(reached(arm), [place] * 5, ".", color=plotting.COLORS[colour])
    _ = ax.plot(reached(arm).mean(), place, "D", color=plotting.COLORS[colour], ms=8)
names = [f"{arm}: {recipes[arm]['costs']['trained']:,}" for arm in arms]
_ = ax.set_yticks(range(len(arms)), names)
_ = ax.set(xlabel="accuracy in percent after 80 steps")
plotting.show(ax, "Accuracy of seven ways to train after 80 steps, five seeds of each and their mean")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Paired differences in points, with intervals of 95 %.
for steps in (40, 80):
    print(f"after {steps} steps")
    for ours, theirs in [(a, "last layer") for a in arms[1:]] + [(a, "all weights") for a in arms[1:-1]]:
        found = verdict(reached(ours, steps), reached(theirs, steps))
        print(f"  {ours:11} beside {theirs:11} {found}")

# %% [markdown] slideshow={"slide_type": "notes"}
# LoRA does what it promises: Adam's state shrinks from 177 MB to about one. Two things it does not do. It takes nearly the *time* of
# the others, because the images still run forward and back through all layers: you save the gradients of the kernels and pay for
# two more products. On small networks like ours, that is all there is to win. And the activations shrink only because BatchNormalization is
# frozen with everything else. Train its γ, and its input has to be kept, which nobody else needs. The biases ask for no input at
# all.
#
# And accuracy? Every way here leads the last layer alone, and all weights lead LoRA. Where 177 MB are no trouble, train all
# of them. (And on *these* stripes, a small network from scratch beats the lot, as chapter 05's table has it. They are a test
# bench and no advice.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# From what is stored; the intervals are paired, in points.
state = {arm: recipes[arm]["costs"]["bytes"]["optimizer"] for arm in arms}
less = state["LoRA 4"] / state["all weights"]
claim(less < 0.01, "LoRA's state for Adam is under a hundredth", measured=less)
claim(kept["biases"] < kept["LoRA 4"] < kept["γ and β"], "biases keep least, γ and β most")
ratio = seconds["LoRA 4"] / seconds["all weights"]
claim(ratio > 0.6, "it saves less than half of the time", measured=ratio, seeds=5)
for arm in arms[1:]:
    ends = interval(reached(arm), reached("last layer"))
    claim(ends[1] > 0, f"{arm}: ahead of the last layer alone", measured=ends, seeds=5)
ends = interval(reached("all weights"), reached("LoRA 4"))
claim(ends[1] > 0, "all weights: ahead of LoRA 4", measured=ends, seeds=5)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3 · How few bits does a weight need?
#
# A trained network has to be stored and sent around. Each weight takes 32 bits, far more digits than the training has settled.
# So let us **quantise**: write each kernel as whole numbers times a **scale**. Each output channel gets a scale of its own, so
# that a channel of large weights does not spoil one of small weights.
#
# <!-- Notes: On the board: the weights 0.9, -0.3, 0.1 in 3 bits. The scale is 0.3, and the codes are 3, -1, 0. -->

# %% slideshow={"slide_type": "-"}
def rounded(kernel, bits):
    """A kernel (…, outputs) as whole numbers, and the scale of each output channel."""
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

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Eight kernels, each stretched to the range that can be drawn.
tiles = np.concatenate([row[..., strong].transpose(3, 0, 1, 2) for row in rows])
largest = np.tile(np.abs(seen[..., strong]).max((0, 1, 2)), 4)
tiles = 0.5 + tiles / (2 * largest[:, None, None, None])
ax = plotting.image_grid(tiles, columns=8, limits=(0, 1))
for row, name in enumerate(("8 bits", "4 bits", "3 bits", "2 bits")):
    _ = ax.text(-1, 8 * row + 4.5, name, ha="right", va="center")
plotting.show(ax, "Eight kernels of the first layer in four rows, with 8, 4, 3 and 2 bits")

# %% [markdown] slideshow={"headline": "What is left of the answers?", "slide_type": "subslide"}
# With 4 bits you can hardly see a difference, and with 2 bits a trace of the pattern is left. (The first row is as shipped. Our networks
# come in 8 bits already, so rounding to 8 changes nothing.)
#
# Now all kernels of EfficientNet-Lite0, which names photographs in 224 pixels. We ask it about crops of the sample photographs, before and
# after. And we use it as chapter 05 does: a head on its features, for textures with 20 labels of each.
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
# The largest square in the middle of each sample photograph, and its first name at so many bits.
photos = {name: photo.image for name, photo in data.load_sample_photos().items()}
squares = []
for image in photos.values():
    side = min(image.shape[:2])
    top, left = ((n - side) // 2 for n in image.shape[:2])
    squares.append(models.fit_images(image[None, top : top + side, left : left + side], sure)[0])
words = weights.class_names()
named = {
    bits: [words[k] for k in ops.convert_to_numpy(copy(np.stack(squares))).argmax(1)]
    for bits, copy in copies.items()
}

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "fragment"}
bits = stored["bits"]
light, heavy = bits["EfficientNet-Lite0"], bits["letters-ResNet50"]
quiz.reveal("11.answers", light["4"]["answers"]["photographs"])
quiz.reveal("11.features", round(np.mean(light["4"]["heads"]["textures"]["results"]), 2))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "What it now says", "slide_type": "subslide"}
print(f"{'bits':5}" + "".join(f"{name:>19}" for name in photos))
for level, found in named.items():
    print(f"{level:<5}" + "".join(f"{word[:18]:>19}" for word in found))

# %% jupyter={"source_hidden": true} slideshow={"code": false, "headline": "Answers and features", "slide_type": "subslide"}
# For both networks: the share of answers that survive, and heads on the features, over the bits.
figure, axes = plotting.plt.subplots(1, 2, figsize=(plotting.WIDTH, 3.6), sharey=True)
for ax, (name, found), task in zip(axes, bits.items(), ("photographs", "letters"), strict=True):
    levels = [int(level) for level in found]
    alike = [100 * record["answers"][task] for record in found.values()]
    _ = ax.plot(levels, alike, "s--", color=plotting.COLORS["scratch"], label=f"{task}: same answer")
    heads = [100 * np.mean(record["heads"]["textures"]["results"]) for record in found.values()]
    _ = ax.plot(levels, heads, "o-", color=plotting.COLORS["frozen"], label="textures: head right")
    _ = ax.set(title=name, xlabel="bits for each weight")
    _ = ax.legend(loc="lower right", fontsize=9)
    ax.invert_xaxis()
_ = axes[0].set(ylabel="percent")
plotting.show(figure, "Surviving answers and accuracy of heads for 8 to 2 bits, for two networks")

# %% jupyter={"source_hidden": true} slideshow={"code": false, "slide_type": "subslide"}
# Bytes, and processor seconds for the same images.
for name, found in bits.items():
    print(name)
    for level in ("8", "4", "2"):
        record = found[level]
        print(f"  {level} bits {record['bytes'] / 1e6:6.1f} MB, {record['seconds']:5.1f} s for {record['images']} images")

# %% [markdown] slideshow={"slide_type": "notes"}
# At 4 bits the small network has lost most of its answers, and its features still serve. How can that be? A thousand classes lie close to
# each other, and a shift of all features makes another one win. A *new* head is trained on the features as they are now, shift and
# all, and has three classes to tell apart. The large network keeps nearly all of its letters at 4 bits: it has five times as
# many weights, and no depthwise kernels of nine numbers, where each error counts.
#
# The seconds hardly change. Our copy holds whole numbers times a scale in float32 and multiplies as before: rounding makes the
# *file* small. To be faster, the processor has to multiply the whole numbers themselves.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
# One network in 8 bits, shares that survive, and processor seconds.
same = zip(sure.get_weights(), copies[8].get_weights(), strict=True)
claim(all(np.allclose(old, new) for old, new in same), "rounding again to 8 bits changes nothing")
gone = light["4"]["answers"]["photographs"]
claim(gone < 0.5, "at 4 bits, under half of the answers survive", measured=gone)
serve = np.array(light["4"]["heads"]["textures"]["results"])
claim(serve.min() > 0.85, "heads on its features at 4 bits: above 85 %", measured=serve, seeds=5)
letters = heavy["4"]["answers"]["letters"]
claim(letters > 0.9, "the ResNet50 keeps over 90 % of its letters", measured=letters)
times = [found[b]["seconds"] / found["8"]["seconds"] for found in bits.values() for b in "42"]
claim(0.75 < min(times) < max(times) < 1.33, "fewer bits are not faster here", measured=times)
